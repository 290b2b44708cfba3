"""DropDone: as a transcript, and as the bytes on a socket."""

from __future__ import annotations

import pytest
from answers import FIRST, PACED, SECOND, SSE_HEAD, STREAM, WHOLE, strike, struck

from sockets import serving
from understudy.model import Pause, Send, Step

GET = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
MESSAGE_STOP = b'event: message_stop\ndata: {"type": "message_stop"}\n\n'
"""How Anthropic ends a stream: docs.anthropic.com/en/api/messages-streaming."""


def test_a_stream_ends_before_its_last_event() -> None:
    assert struck("drop_done", STREAM) == [SSE_HEAD, Send(FIRST + SECOND)]


def test_the_last_event_may_have_a_name() -> None:
    answer: list[Step] = [SSE_HEAD, Send(FIRST + MESSAGE_STOP)]
    assert struck("drop_done", answer) == [SSE_HEAD, Send(FIRST)]


def test_a_paced_stream_ends_when_its_last_event_but_one_has_come() -> None:
    assert struck("drop_done", PACED) == [
        Pause(0.3),
        SSE_HEAD,
        Send(FIRST),
        Pause(0.1),
        Send(SECOND),
    ]


@pytest.mark.parametrize("answer", [WHOLE, [SSE_HEAD], [SSE_HEAD, Send(b"data: unfinished")]])
def test_what_has_no_event_stays_as_it_is(answer: list[Step]) -> None:
    assert struck("drop_done", answer) == answer


def test_the_connection_ends_well() -> None:
    with serving(lambda http: strike("drop_done", STREAM)) as server:
        assert server.ask(GET).endswith(
            b'\r\n\r\n27\r\ndata: {"t":"It"}\n\ndata: {"t":"rains"}\n\n\r\n0\r\n\r\n'
        )
