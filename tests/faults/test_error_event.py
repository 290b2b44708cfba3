"""ErrorEvent: as a transcript, and as the bytes on a socket; in an API's words: tests/test_faults_live.py."""

from __future__ import annotations

import pytest
from answers import FIRST, PACED, SECOND, SSE_HEAD, STREAM, WHOLE, strike, struck

from sockets import serving
from understudy.model import Abort, Head, Pause, Send

GET = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
ERROR = b"data: None server \n\n"
"""How answers.py spells an error of the kind `server`, inside a stream."""


@pytest.mark.parametrize(
    ("after", "before"),
    [
        (0, b""),
        (1, FIRST),
        ("1 event", FIRST),
        ("50%", FIRST + SECOND),
        ("2 events", FIRST + SECOND),
        ("3 events", FIRST + SECOND),
        ("100%", FIRST + SECOND),
    ],
)
def test_the_error_comes_between_two_events_and_ends_the_stream(after: object, before: bytes) -> None:
    steps = struck({"error_event": {"after": after}}, STREAM)
    assert steps == [SSE_HEAD, *([Send(before)] if before else []), Send(ERROR)]


def test_in_a_paced_stream_it_comes_behind_the_event_before_it() -> None:
    assert struck({"error_event": {"after": "1 event"}}, PACED) == [
        Pause(0.3),
        SSE_HEAD,
        Send(FIRST),
        Send(ERROR),
    ]


def test_it_says_what_it_is_told_to() -> None:
    fault = {"error_event": {"after": 0, "kind": "overloaded", "message": "Busy."}}
    assert struck(fault, STREAM) == [SSE_HEAD, Send(b"data: None overloaded Busy.\n\n")]


def test_a_whole_answer_is_the_error_under_the_head_of_the_answer() -> None:
    assert struck({"error_event": {"message": "Oh."}}, WHOLE) == [
        Head(200, b"content-type: application/json\r\n", 15),
        Send(b"None server Oh."),
    ]


def test_a_stream_without_an_event_has_the_error_alone() -> None:
    assert struck("error_event", [SSE_HEAD]) == [SSE_HEAD, Send(ERROR)]


def test_what_never_began_stays_as_it_is() -> None:
    assert struck("error_event", [Pause(1), Abort()]) == [Pause(1), Abort()]


def test_the_connection_ends_well() -> None:
    with serving(lambda http: strike({"error_event": {"after": "1 event"}}, STREAM)) as server:
        assert server.ask(GET).endswith(
            b'\r\n\r\n26\r\ndata: {"t":"It"}\n\ndata: None server \n\n\r\n0\r\n\r\n'
        )
