"""Garble: what is left is no JSON, is as long, and is one event of a stream alone."""

from __future__ import annotations

import json
from random import Random

import pytest
from answers import (
    BODY,
    DONE,
    FIRST,
    JSON_HEAD,
    PACED,
    SECOND,
    SSE_HEAD,
    STREAM,
    WHOLE,
    Drawn,
    strike,
    struck,
)
from hypothesis import given
from hypothesis import strategies as st

from sockets import serving
from understudy.faults.base import Chance, body_of
from understudy.faults.garble import CORRUPTIONS
from understudy.model import Head, Pause, Send, Step
from understudy.providers.base import sse

GET = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
BLANKS, PAGE, ONE_BYTE = Drawn(0), Drawn(1), Drawn(2)
"""Chances that draw each corruption."""


@pytest.mark.parametrize(
    ("chance", "garbled"),
    [
        (BLANKS, b'{"text": "          '),
        (PAGE, b'{"text": "<html><hea'),
        (ONE_BYTE, b'{"text": "\0t rains"}'),
    ],
    ids=["blanks", "page", "one byte"],
)
def test_a_whole_answer_keeps_its_head_and_length(chance: Chance, garbled: bytes) -> None:
    assert struck("garble", WHOLE, chance) == [JSON_HEAD, Send(garbled)]


@pytest.mark.parametrize(
    ("chance", "second"),
    [
        (BLANKS, b'data: {"           \n\n'),
        (PAGE, b'data: {"<html><head\n\n'),
        (ONE_BYTE, b'data: {"\0":"rains"}\n\n'),
    ],
    ids=["blanks", "page", "one byte"],
)
def test_one_event_of_a_stream_is_garbled(chance: Chance, second: bytes) -> None:
    assert struck("garble", STREAM, chance) == [SSE_HEAD, Send(FIRST + second + DONE)]


def test_a_paced_stream_keeps_its_time() -> None:
    assert struck({"garble": {"after": 0}}, PACED, BLANKS) == [
        Pause(0.3),
        SSE_HEAD,
        Send(b"data:           \n\n"),
        Pause(0.1),
        Send(SECOND),
        Pause(0.1),
        Send(DONE),
    ]


@pytest.mark.parametrize("after", ["100%", "3 events", 45])
def test_the_end_of_a_stream_is_no_json_so_the_last_event_before_it_is_garbled(after: object) -> None:
    assert struck({"garble": {"after": after}}, STREAM, BLANKS) == [
        SSE_HEAD,
        Send(FIRST + b'data: {"t":"rains" \n\n' + DONE),
    ]


def test_the_last_byte_of_a_whole_answer_will_do() -> None:
    last = {"garble": {"after": "100%"}}
    assert struck(last, WHOLE, BLANKS) == [
        JSON_HEAD,
        Send(BODY[:-1] + b" "),
    ]


@pytest.mark.parametrize(
    "answer",
    [[Head(200, b"", 0), Send(b"")], [SSE_HEAD, Send(DONE)], [SSE_HEAD, Send(b": nothing\n\n")]],
)
def test_what_has_no_json_stays_as_it_is(answer: list[Step]) -> None:
    assert struck("garble", answer) == answer


def test_events_that_end_in_carriage_returns_are_found() -> None:
    stream: list[Step] = [SSE_HEAD, Send(b'data: {"t":"It"}\r\n\r\n')]
    assert struck({"garble": {"after": 9}}, stream, BLANKS)[1] == Send(b'data: {"t       \r\n\r\n')


drawn = st.sampled_from([BLANKS, PAGE, ONE_BYTE])
percents = st.integers(0, 100).map(lambda percent: {"garble": {"after": f"{percent}%"}})
objects = st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.none()))


@given(objects, percents, drawn)
def test_no_whole_answer_parses_any_more(value: object, fault: object, chance: Chance) -> None:
    body = json.dumps(value).encode()
    garbled = body_of(struck(fault, [Head(200, b"", len(body)), Send(body)], chance))
    assert len(garbled) == len(body)
    with pytest.raises(ValueError):  # of JSON, or of Unicode, where a NUL near the start looks like UTF-16
        json.loads(garbled)


@given(st.lists(objects, min_size=1, max_size=5), percents, drawn)
def test_one_event_of_a_stream_alone_does_not_parse(
    values: list[object], fault: object, chance: Chance
) -> None:
    frames = [f"data: {json.dumps(value)}\n\n".encode() for value in values]
    answer: list[Step] = [SSE_HEAD, *(Send(frame) for frame in frames), Send(DONE)]
    events = [data for _, data in sse([body_of(struck(fault, answer, chance))])]
    assert events[-1] == "[DONE]"
    assert len(events) == len(frames) + 1
    assert [parses(data) for data in events[:-1]].count(False) == 1


def parses(text: str) -> bool:
    try:
        json.loads(text)
    except json.JSONDecodeError:
        return False
    return True


def test_chance_draws_each_corruption() -> None:
    drawn = {body_of(struck("garble", WHOLE, Random(seed))) for seed in range(30)}
    assert len(drawn) == len(CORRUPTIONS) == 3


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (
            WHOLE,
            b'content-type: application/json\r\ncontent-length: 20\r\n\r\n{"text": "          ',
        ),
        (
            STREAM,
            b"content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
            b'35\r\ndata: {"t":"It"}\n\ndata: {"           \n\ndata: [DONE]\n\n\r\n0\r\n\r\n',
        ),
    ],
    ids=["whole", "stream"],
)
def test_on_the_wire_all_but_the_json_is_as_it_was(answer: list[Step], seen: bytes) -> None:
    with serving(lambda http: strike("garble", answer, BLANKS)) as server:
        assert server.ask(GET) == b"HTTP/1.1 200 OK\r\nconnection: close\r\n" + seen
