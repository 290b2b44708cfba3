"""Unfolding, folding, pacing and cutting replies."""

from __future__ import annotations

import pytest

from understudy.events import content, duration, fit, fold, paced, unfold, with_content
from understudy.model import (
    Audio,
    Begin,
    Broken,
    Delta,
    File,
    Finish,
    Image,
    Pace,
    Part,
    PartEnd,
    PartStart,
    Pause,
    Reasoning,
    Refusal,
    Reply,
    Sampling,
    Text,
    ToolCall,
    ToolResult,
)

HELLO = Reply((Text("Hello, world!"),))
MIXED = Reply(
    (Reasoning("Let me see."), Text("It is"), ToolCall("get_weather", '{"city": "Paris"}', "abc")),
    "tool_call",
    others=(Reply((Refusal("I will not."),)), Reply((), "length")),
)


def test_a_reply_unfolds_into_one_delta_a_part() -> None:
    assert list(unfold(HELLO)) == [
        Begin(HELLO),
        PartStart(0, Text("Hello, world!")),
        Delta(0, ("Hello", ",", " world", "!")),
        PartEnd(0),
        Finish("end"),
    ]


def test_a_paced_reply_has_a_pause_before_each_slice_but_the_first() -> None:
    assert list(paced(HELLO, Pace(tokens_per_second=50))) == [
        Begin(HELLO),
        PartStart(0, Text("Hello, world!")),
        Delta(0, ("Hello",)),
        Pause(0.02),
        Delta(0, (",",)),
        Pause(0.02),
        Delta(0, (" world",)),
        Pause(0.02),
        Delta(0, ("!",)),
        PartEnd(0),
        Finish("end"),
    ]


def test_choices_are_paced_side_by_side() -> None:
    reply = Reply((Text("one two"),), others=(Reply((Text("three"),)),))
    events = [event for event in paced(reply, Pace(tokens_per_second=1)) if isinstance(event, Delta | Pause)]
    assert events == [Delta(0, ("one",)), Delta(0, ("three",), 1), Pause(1.0), Delta(0, (" two",))]


@pytest.mark.parametrize(
    "reply", [HELLO, MIXED, Reply(()), Reply((Text(""),))], ids=["text", "mixed", "none", "empty"]
)
@pytest.mark.parametrize("pace", [Pace(), Pace(tokens_per_second=3)], ids=["at once", "paced"])
def test_folding_is_the_inverse_of_unfolding(reply: Reply, pace: Pace) -> None:
    assert fold(event for event in paced(reply, pace) if not isinstance(event, Pause)) == reply


def test_folding_needs_a_beginning() -> None:
    with pytest.raises(ValueError, match="starts with Begin"):
        fold([Broken(500, "server", "oh")])


def test_what_broke_off_folds_into_what_there_was() -> None:
    begin, start, delta, *_ = unfold(HELLO)
    assert fold([begin, start, delta, Broken(500, "server", "oh")]) == HELLO


@pytest.mark.parametrize(
    ("part", "held", "other"),
    [
        (Text("a"), "a", Text("b")),
        (Reasoning("a"), "a", Reasoning("b")),
        (Refusal("a"), "a", Refusal("b")),
        (ToolCall("f", "a", "1"), "a", ToolCall("f", "b", "1")),
        (ToolResult("1", "a", "f"), "a", ToolResult("1", "b", "f")),
        (Image("a", "low"), "a", Image("b", "low")),
        (Audio("a", "wav"), "a", Audio("b", "wav")),
        (File("1", "f", "a"), "a", File("1", "f", "b")),
    ],
    ids=lambda given: type(given).__name__,
)
def test_every_part_has_a_content_that_can_be_another(part: Part, held: str, other: Part) -> None:
    assert content(part) == held
    assert with_content(part, "b") == other


CUTS: list[tuple[str, tuple[Part, ...], Sampling, tuple[Part, ...], str]] = [
    ("nothing to cut", (Text("one two three"),), Sampling(), (Text("one two three"),), "end"),
    ("a stop sequence", (Text("one two three"),), Sampling(stop=("two",)), (Text("one "),), "stop_sequence"),
    ("the first of several", (Text("a b c"),), Sampling(stop=("c", "b")), (Text("a "),), "stop_sequence"),
    ("a stop sequence that is not there", (Text("a b"),), Sampling(stop=("z",)), (Text("a b"),), "end"),
    ("an empty stop sequence", (Text("a b"),), Sampling(stop=("",)), (Text("a b"),), "end"),
    ("a limit", (Text("one two three"),), Sampling(max_tokens=2), (Text("one two"),), "length"),
    (
        "a limit that suffices",
        (Text("one two three"),),
        Sampling(max_tokens=3),
        (Text("one two three"),),
        "end",
    ),
    ("a limit of nothing", (Text("one"),), Sampling(max_tokens=0), (), "length"),
    (
        "a limit over several parts",
        (Reasoning("one two"), Text("three four")),
        Sampling(max_tokens=3),
        (Reasoning("one two"), Text("three")),
        "length",
    ),
    (
        "a limit in a call",
        (ToolCall("f", '{"a": 1}'),),
        Sampling(max_tokens=6),
        (ToolCall("f", '{"a'),),
        "length",
    ),
    (
        "a stop sequence in a call",
        (ToolCall("f", "{}"),),
        Sampling(stop=("{",)),
        (ToolCall("f", "{}"),),
        "tool_call",
    ),
]


@pytest.mark.parametrize(
    ("parts", "sampling", "cut", "stop"), [row[1:] for row in CUTS], ids=[row[0] for row in CUTS]
)
def test_sampling_cuts_a_reply(
    parts: tuple[Part, ...], sampling: Sampling, cut: tuple[Part, ...], stop: str
) -> None:
    assert fit(parts, "end", sampling, "o200k_base") == (cut, stop)


def test_the_time_an_answer_takes_is_that_of_its_longest_choice() -> None:
    reply = Reply((Text("one"),), others=(Reply((Text("one two three"),)),))
    assert duration(reply, Pace(0.5, 4)) == 1.0
    assert duration(reply, Pace(0.5)) == 0.5
