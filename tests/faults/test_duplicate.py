"""Duplicate: as a transcript, and as the bytes on a socket."""

from __future__ import annotations

import pytest
from answers import DONE, FIRST, PACED, SECOND, SSE_HEAD, STREAM, WHOLE, strike, struck

from sockets import serving
from understudy.model import Pause, Send, Step

GET = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("after", "before", "twice", "rest"),
    [
        (0, b"", FIRST, SECOND + DONE),
        (17, b"", FIRST, SECOND + DONE),
        ("1 event", FIRST, SECOND, DONE),
        ("50%", FIRST, SECOND, DONE),
        ("2 events", FIRST + SECOND, DONE, b""),
        ("100%", FIRST + SECOND, DONE, b""),
    ],
)
def test_the_event_that_the_point_falls_into_comes_twice(
    after: object, before: bytes, twice: bytes, rest: bytes
) -> None:
    head, *sent = struck({"duplicate": {"after": after}}, STREAM)
    assert head == SSE_HEAD
    assert b"".join(step.data for step in sent if isinstance(step, Send)) == before + twice + twice + rest


def test_in_a_paced_stream_it_comes_right_behind_itself() -> None:
    assert struck({"duplicate": {"after": 0}}, PACED) == [
        Pause(0.3),
        SSE_HEAD,
        Send(FIRST),
        Send(FIRST),
        Pause(0.1),
        Send(SECOND),
        Pause(0.1),
        Send(DONE),
    ]


@pytest.mark.parametrize("answer", [WHOLE, [SSE_HEAD], [SSE_HEAD, Send(b"data: unfinished")]])
def test_what_has_no_event_stays_as_it_is(answer: list[Step]) -> None:
    assert struck("duplicate", answer) == answer


def test_a_client_gets_one_more_event() -> None:
    with serving(lambda http: strike("duplicate", STREAM)) as server:
        assert server.ask(GET).endswith(
            b'\r\n\r\n4a\r\ndata: {"t":"It"}\n\ndata: {"t":"rains"}\n\ndata: {"t":"rains"}\n\n'
            b"data: [DONE]\n\n\r\n0\r\n\r\n"
        )
