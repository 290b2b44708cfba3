"""Cut: as a transcript, and as the bytes on a socket."""

from __future__ import annotations

import pytest
from answers import BODY, FIRST, JSON_HEAD, PACED, SECOND, SSE_HEAD, STREAM, WHOLE, strike, struck

from sockets import serving
from understudy.model import Abort, Pause, Send, Step

GET = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"


def test_a_whole_answer_ends_in_its_middle() -> None:
    assert struck("cut", WHOLE) == [JSON_HEAD, Send(BODY[:10]), Abort("close")]


def test_a_stream_ends_after_the_second_event() -> None:
    assert struck({"cut": {"after": "2 events"}}, STREAM) == [
        SSE_HEAD,
        Send(FIRST + SECOND),
        Abort("close"),
    ]


def test_a_paced_stream_ends_inside_a_frame_at_its_time() -> None:
    assert struck({"cut": {"after": 20, "how": "reset"}}, PACED) == [
        Pause(0.3),
        SSE_HEAD,
        Send(FIRST),
        Pause(0.1),
        Send(b"da"),
        Abort("reset"),
    ]


def test_after_nothing_the_head_alone_comes() -> None:
    assert struck({"cut": {"after": 0}}, WHOLE) == [JSON_HEAD, Abort("close")]


def test_after_all_of_a_stream_its_end_is_missing() -> None:
    assert struck({"cut": {"after": "100%"}}, STREAM) == [*STREAM, Abort("close")]


@pytest.mark.parametrize("after", ["100%", "3 events", 20])
def test_after_all_of_a_whole_answer_there_is_nothing_to_cut(after: object) -> None:
    assert struck({"cut": {"after": after}}, WHOLE) == WHOLE


HEAD = b"HTTP/1.1 200 OK\r\nconnection: keep-alive\r\n"


@pytest.mark.parametrize(
    ("fault", "answer", "seen"),
    [
        (
            {"cut": {"after": "40%"}},
            WHOLE,
            HEAD + b'content-type: application/json\r\ncontent-length: 20\r\n\r\n{"text":',
        ),
        (
            {"cut": {"after": "1 event"}},
            PACED,
            HEAD + b"content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
            b'12\r\ndata: {"t":"It"}\n\n\r\n',
        ),
        (
            {"cut": {"after": "100%"}},
            STREAM,
            HEAD + b"content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
            b'35\r\ndata: {"t":"It"}\n\ndata: {"t":"rains"}\n\ndata: [DONE]\n\n\r\n',
        ),
    ],
    ids=["whole", "paced", "all of a stream but its end"],
)
def test_the_bytes_end_where_it_says(fault: object, answer: list[Step], seen: bytes) -> None:
    with serving(lambda http: strike(fault, answer)) as server:
        assert server.ask(GET) == seen


def test_a_reset_is_one() -> None:
    with serving(lambda http: strike({"cut": {"how": "reset"}}, STREAM)) as server, server.client() as client:
        client.send(GET)
        with pytest.raises(ConnectionResetError):
            client.rest()
