"""Stall: as a transcript, and as what a client waits for."""

from __future__ import annotations

from math import inf

import pytest
from answers import BODY, DONE, FIRST, JSON_HEAD, PACED, SECOND, SSE_HEAD, STREAM, WHOLE, strike, struck

from sockets import serving
from understudy.model import Pause, Send

GET = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"


def test_a_whole_answer_falls_silent_in_its_middle_for_ever() -> None:
    assert struck("stall", WHOLE) == [JSON_HEAD, Send(BODY[:10]), Pause(inf), Send(BODY[10:])]


def test_a_stream_goes_on_after_the_seconds() -> None:
    assert struck({"stall": {"after": "1 event", "seconds": "1500ms"}}, STREAM) == [
        SSE_HEAD,
        Send(FIRST),
        Pause(1.5),
        Send(SECOND + DONE),
    ]


def test_a_paced_stream_keeps_its_pauses() -> None:
    assert struck({"stall": {"after": "1 event", "seconds": 5}}, PACED) == [
        Pause(0.3),
        SSE_HEAD,
        Send(FIRST),
        Pause(5),
        Pause(0.1),
        Send(SECOND),
        Pause(0.1),
        Send(DONE),
    ]


def test_what_came_before_the_silence_is_there_and_then_nothing() -> None:
    with (
        serving(lambda http: strike({"stall": {"after": "1 event"}}, STREAM)) as server,
        server.client() as client,
    ):
        client.send(GET)
        assert client.until(FIRST + b"\r\n").endswith(b"12\r\n" + FIRST + b"\r\n")
        client.socket.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.rest()


def test_the_rest_comes_after_the_silence() -> None:
    with (
        serving(lambda http: strike({"stall": {"after": 4, "seconds": "50ms"}}, WHOLE)) as server,
        server.client() as client,
    ):
        client.send(GET)
        assert client.until(BODY).endswith(b"content-length: 20\r\n\r\n" + BODY)
