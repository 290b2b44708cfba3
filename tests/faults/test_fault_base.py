"""What faults share: points in an answer, steps cut and written over, and how a fault's JSON is read."""

from __future__ import annotations

import sys
from random import Random
from textwrap import dedent
from types import ModuleType
from typing import Any

import jsonschema_rs
import pytest
from answers import (
    BODY,
    DONE,
    FIRST,
    FIRST_DRAWN,
    PACED,
    PLACE,
    SECOND,
    SSE_HEAD,
    STREAM,
    WHOLE,
    each_answer,
    refuse,
)
from hypothesis import given
from hypothesis import strategies as st

from understudy.errors import SettingsError
from understudy.faults import FAULTS, base, fault_schema, read_fault, read_faults
from understudy.faults.base import (
    Fault,
    Point,
    body_of,
    is_whole,
    opened,
    read_point,
    read_seconds,
    split,
    written_over,
)
from understudy.model import Abort, Head, Pause, Reply, Send, Step, Text

# --- points -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "point"),
    [
        (120, Point(120, "bytes")),
        ("120", Point(120, "bytes")),
        ("120 bytes", Point(120, "bytes")),
        ("1 byte", Point(1, "bytes")),
        ("40%", Point(40, "%")),
        ("12.5 %", Point(12.5, "%")),
        ("0%", Point(0, "%")),
        ("100%", Point(100, "%")),
        ("3 events", Point(3, "events")),
        ("1event", Point(1, "events")),
    ],
)
def test_a_point_is_read(value: object, point: Point) -> None:
    assert read_point(value, PLACE) == point


@pytest.mark.parametrize(
    "value", ["half", "", "40 %%", -1, "-1%", 1.5, "1.5 events", True, None, [40], "1e3"]
)
def test_what_is_no_point_is_a_mistake(value: object) -> None:
    with pytest.raises(SettingsError, match=r'expected bytes \(120\), "40%" or "3 events"; found '):
        read_point(value, PLACE)


def test_an_answer_has_no_more_than_all_of_it() -> None:
    with pytest.raises(SettingsError, match=r'an answer has 100%, found "101%"'):
        read_point("101%", PLACE)


@pytest.mark.parametrize(
    ("point", "offset"),
    [
        (Point(0, "bytes"), 0),
        (Point(7, "bytes"), 7),
        (Point(53, "bytes"), 53),
        (Point(99, "bytes"), 53),
        (Point(0, "%"), 0),
        (Point(50, "%"), 26),
        (Point(100, "%"), 53),
        (Point(0, "events"), 0),
        (Point(1, "events"), 18),
        (Point(2, "events"), 39),
        (Point(3, "events"), 53),
        (Point(4, "events"), 53),
    ],
)
def test_a_point_is_so_many_bytes_into_a_stream(point: Point, offset: int) -> None:
    assert point.at(FIRST + SECOND + DONE) == offset


def test_events_may_end_in_two_of_either_line_end() -> None:
    assert Point(1, "events").at(b"data: 1\r\n\r\ndata: 2\r\n\r\n") == 11


def test_a_whole_answer_is_one_event() -> None:
    assert [Point(n, "events").at(BODY) for n in (0, 1, 2)] == [0, 20, 20]


@pytest.mark.parametrize("unit", ["bytes", "%", "events"])
def test_a_point_in_nothing_is_its_start(unit: Any) -> None:
    assert Point(50, unit).at(b"") == 0


# --- steps --------------------------------------------------------------------------------------------


def test_an_answer_opens_with_its_head_and_what_comes_before() -> None:
    assert opened(iter(PACED)) == (PACED[:2], PACED[2:])


def test_an_answer_without_a_head_is_all_opening() -> None:
    assert opened(iter([Pause(1)])) == ([Pause(1)], [])


def test_a_whole_answer_tells_its_length() -> None:
    assert [is_whole(each) for each in (WHOLE, STREAM, PACED)] == [True, False, False]


def test_a_split_inside_a_frame_halves_it_and_leaves_pauses_where_they_are() -> None:
    before, after = split(PACED[2:], 20)
    assert before == [Send(FIRST), Pause(0.1), Send(b"da")]
    assert after == [Send(b'ta: {"t":"rains"}\n\n'), Pause(0.1), Send(DONE)]


def test_a_pause_at_the_very_point_comes_after_it() -> None:
    assert split(PACED[2:], 18) == ([Send(FIRST)], PACED[3:])


pieces = st.lists(st.one_of(st.binary(max_size=6).map(Send), st.just(Pause(1.0))), max_size=8)


@given(pieces, st.integers(0, 60))
def test_a_split_loses_nothing(rest: list[Step], offset: int) -> None:
    before, after = split(rest, offset)
    assert body_of(before) == body_of(rest)[:offset]
    assert body_of(after) == body_of(rest)[offset:]
    assert [*before, *after].count(Pause(1.0)) == rest.count(Pause(1.0))


@given(pieces, st.integers(0, 60), st.binary(max_size=9))
def test_what_is_written_over_is_as_long_and_takes_as_much_time(
    rest: list[Step], start: int, data: bytes
) -> None:
    body = body_of(rest)
    written = written_over(rest, start, data)
    assert body_of(written) == (body[:start] + data[: max(0, len(body) - start)] + body[start + len(data) :])
    assert [len(s.data) if isinstance(s, Send) else s for s in written] == [
        len(s.data) if isinstance(s, Send) else s for s in rest
    ]


# --- reading ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "seconds"), [(2, 2.0), (0.25, 0.25), ("2", 2.0), ("200ms", 0.2), ("1.5 s", 1.5), ("2m", 120.0)]
)
def test_seconds_are_read(value: object, seconds: float) -> None:
    assert read_seconds(value, PLACE) == seconds


@pytest.mark.parametrize("value", ["soon", -1, True, [], "5 h"])
def test_what_is_no_time_is_a_mistake(value: object) -> None:
    with pytest.raises(SettingsError, match='expected seconds or a time like "200ms"; found '):
        read_seconds(value, PLACE)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("cutt", 'faults: $[0].fault: unknown fault "cutt" (did you mean "cut"?)'),
        ("stal", 'faults: $[0].fault: unknown fault "stal" (did you mean "stall"?)'),
        (3, "faults: $[0].fault: expected one fault, like {cut: {after: 40%}}; found 3"),
        ({}, "faults: $[0].fault: expected one fault, like {cut: {after: 40%}}; found {}"),
        (
            {"cut": {}, "hang": {}},
            'faults: $[0].fault: expected one fault, like {cut: {after: 40%}}; found {"cut":{},"hang":{}}',
        ),
        ({"cut": 3}, "faults: $[0].fault.cut: expected a mapping with after, how; found 3"),
        ({"cut": {"afer": 1}}, 'faults: $[0].fault.cut: unknown key "afer" (did you mean "after"?)'),
        (
            {"cut": {"how": "rest"}},
            'faults: $[0].fault.cut.how: unknown way to end a connection "rest" (did you mean "reset"?)',
        ),
        (
            {"stall": {"seconds": "x" * 80}},
            'faults: $[0].fault.stall.seconds: expected seconds or a time like "200ms"; '
            f'found "{"x" * 59}...',
        ),
    ],
)
def test_a_mistake_says_where_it_is_and_what_was_meant(value: object, message: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read_fault(value, PLACE)
    assert str(raised.value) == message


def test_a_field_that_is_null_is_not_given() -> None:
    assert read_fault({"cut": {"after": None}}, PLACE) == read_fault("cut", PLACE)


def test_faults_are_read_in_order() -> None:
    assert [fault.KEY for fault in read_faults(["hang", {"cut": {}}, "hang"], PLACE)] == [
        "hang",
        "cut",
        "hang",
    ]


def test_faults_are_a_list() -> None:
    with pytest.raises(SettingsError, match=r"expected a list of faults, like \[hang\]; found \"hang\""):
        read_faults("hang", PLACE)
    with pytest.raises(SettingsError, match=r"\$\[0\]\.fault\[1\]: unknown fault"):
        read_faults(["hang", "x"], PLACE)


def test_the_fault_that_does_nothing_runs_as_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    code = dedent((base.__doc__ or "").partition("to start a new one from:\n")[2])
    module = ModuleType("nothing")
    monkeypatch.setitem(sys.modules, "nothing", module)
    exec(f"from __future__ import annotations\n{IMPORTS}\n{code}", module.__dict__)
    nothing = module.Nothing.read({"after": "1 event"}, PLACE)
    assert body_of(nothing.apply(iter(STREAM), FIRST_DRAWN, refuse)) == FIRST + SECOND + DONE


IMPORTS = """
from typing import ClassVar
from understudy.faults.base import *
from understudy.model import Steps
"""

# --- the schema ---------------------------------------------------------------------------------------

GOOD: list[object] = [
    *(fault.KEY for fault in FAULTS if fault.KEY != "error"),
    *({fault.KEY: None} for fault in FAULTS if fault.KEY != "error"),
    {"error": "rate_limit"},
    {"error": 503},
    {"error": "503"},
    {"error": {"status": 429, "retry_after": "200ms", "should_retry": False, "headers": {"x-a": "1"}}},
    {"error_event": {"after": "3 events", "kind": "overloaded", "message": "Busy.", "code": "busy"}},
    {"cut": {"after": 120, "how": "reset"}},
    {"stall": {"after": "40%", "seconds": 1.5}},
    {"slow": {"after": "1 event", "bytes": 1, "every": "10ms"}},
    {"garble": {"after": "12.5 %"}},
    {"duplicate": {"after": "0"}},
    {"empty": {}},
    {"split_utf8": {"seconds": "1m"}},
    {"wrong_content_type": {"type": "text/plain; charset=utf-8"}},
    {"bad_arguments": {"how": "twice"}},
    {"unknown_tool": {"name": "get_wether"}},
    {"hang": {"seconds": 0}},
]
BAD: list[object] = [
    "error",
    "cutt",
    3,
    {},
    {"cutt": {}},
    {"cut": {}, "hang": {}},
    {"cut": 3},
    {"cut": {"afer": 1}},
    {"cut": {"after": "half"}},
    {"cut": {"after": -1}},
    {"cut": {"how": "rest"}},
    {"stall": {"seconds": "soon"}},
    {"slow": {"bytes": 0}},
    {"slow": {"bytes": 1.5}},
    {"slow": {"bytes": True}},
    {"empty": {"after": 1}},
    {"empty": 3},
    {"error": None},
    {"error": {}},
    {"error": "rate"},
    {"error": 200},
    {"error": {"kind": "server", "should_retry": "no"}},
    {"error_event": {"status": 503}},
    {"error_event": "overloaded"},
    {"wrong_content_type": {"type": "html"}},
    {"bad_arguments": {"how": "thrice"}},
    {"unknown_tool": {"name": ""}},
]
VALID = jsonschema_rs.validator_for(fault_schema())


@pytest.mark.parametrize("value", GOOD, ids=str)
def test_what_is_read_is_valid(value: object) -> None:
    assert read_fault(value, PLACE)
    assert VALID.is_valid(value)


@pytest.mark.parametrize("value", BAD, ids=str)
def test_what_is_a_mistake_is_not_valid(value: object) -> None:
    with pytest.raises(SettingsError):
        read_fault(value, PLACE)
    assert not VALID.is_valid(value)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.KEY)
def test_what_can_be_written_are_the_fields(fault: type[Fault]) -> None:
    assert set(fault.FIELDS) == set(fault.__struct_fields__)


def test_a_fault_without_fields_says_so() -> None:
    with pytest.raises(SettingsError, match=r'this has no fields, write its name alone; found \{"after":1\}'):
        read_fault({"empty": {"after": 1}}, PLACE)


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "many"])
def test_a_number_of_bytes_is_1_or_more(value: object) -> None:
    with pytest.raises(SettingsError, match=r"bytes: expected a number, 1 or more; found "):
        read_fault({"slow": {"bytes": value}}, PLACE)


# --- what all faults have in common --------------------------------------------------------------------

EXAMPLES: dict[str, object] = {"error": "rate_limit"}
"""The fields of a fault that cannot do without."""


def example(key: str) -> object:
    return {key: EXAMPLES.get(key)}


each_fault = pytest.mark.parametrize("key", [fault.KEY for fault in FAULTS])


@each_fault
@each_answer
def test_an_answer_has_a_head_once_or_not_at_all_and_first(key: str, answer: list[Step]) -> None:
    steps = list(read_fault(example(key), PLACE).apply(iter(answer), Random(1), refuse))
    heads = [number for number, step in enumerate(steps) if isinstance(step, Head)]
    assert len(heads) <= 1
    assert not any(isinstance(step, Send) for step in steps[: heads[0] if heads else len(steps)])


@each_fault
@each_answer
def test_the_same_seed_gives_the_same_steps(key: str, answer: list[Step]) -> None:
    fault = read_fault(example(key), PLACE)
    first, second = (list(fault.apply(iter(answer), Random(7), refuse)) for _ in range(2))
    assert first == second


@each_fault
def test_a_fault_can_follow_any_other_even_one_that_left_no_head(key: str) -> None:
    for other in FAULTS:
        steps = read_fault(example(other.KEY), PLACE).apply(iter(STREAM), Random(1), refuse)
        assert list(read_fault(example(key), PLACE).apply(steps, Random(1), refuse))


@each_fault
def test_an_answer_without_a_body_can_be_struck(key: str) -> None:
    for head in (Head(200, b"", 0), SSE_HEAD):
        assert list(read_fault(example(key), PLACE).apply(iter([head, Send(b"")]), Random(1), refuse))


@each_fault
def test_a_reply_without_tool_calls_is_said_as_it_is(key: str) -> None:
    reply = Reply((Text("It rains"),))
    assert read_fault(example(key), PLACE).alter(reply, FIRST_DRAWN) is reply


@each_fault
def test_an_answer_that_never_came_stays_one(key: str) -> None:
    steps = list(read_fault(example(key), PLACE).apply(iter([Pause(1), Abort()]), Random(1), refuse))
    assert not any(isinstance(step, Send) for step in steps) or any(isinstance(step, Head) for step in steps)
