"""Empty: as a transcript, and as the bytes on a socket."""

from __future__ import annotations

import pytest
from answers import PACED, SSE_HEAD, STREAM, WHOLE, strike, struck

from sockets import serving
from understudy.model import Abort, Head, Pause, Step

GET = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"


def test_a_whole_answer_tells_that_it_has_no_bytes() -> None:
    assert struck("empty", WHOLE) == [Head(200, b"content-type: application/json\r\n", 0)]


def test_a_stream_has_no_event() -> None:
    assert struck("empty", STREAM) == [SSE_HEAD]


def test_a_paced_stream_has_none_after_its_time_to_first_token() -> None:
    assert struck("empty", PACED) == [Pause(0.3), SSE_HEAD]


def test_what_never_began_stays_as_it_is() -> None:
    assert struck("empty", [Pause(1), Abort()]) == [Pause(1), Abort()]


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (WHOLE, b"content-type: application/json\r\ncontent-length: 0\r\n\r\n"),
        (STREAM, b"content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        (PACED, b"content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
    ],
    ids=["whole", "stream", "paced"],
)
def test_a_client_gets_a_head_alone(answer: list[Step], seen: bytes) -> None:
    with serving(lambda http: strike("empty", answer)) as server:
        assert server.ask(GET) == b"HTTP/1.1 200 OK\r\nconnection: close\r\n" + seen
