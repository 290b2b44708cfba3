"""Hang: as a transcript, and as what a client waits for."""

from __future__ import annotations

from math import inf

import pytest
from answers import each_answer, strike, struck

from sockets import serving
from understudy.model import Abort, Pause, Step

GET = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"


@each_answer
def test_nothing_is_ever_answered(answer: list[Step]) -> None:
    assert struck("hang", answer) == [Pause(inf), Abort("close")]


@each_answer
def test_after_the_seconds_the_connection_is_closed(answer: list[Step]) -> None:
    assert struck({"hang": {"seconds": "2s"}}, answer) == [Pause(2), Abort("close")]


@each_answer
def test_not_a_byte_comes(answer: list[Step]) -> None:
    with serving(lambda http: strike("hang", answer)) as server, server.client() as client:
        client.send(GET)
        client.socket.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.rest()


@each_answer
def test_the_connection_ends_without_a_word(answer: list[Step]) -> None:
    with serving(lambda http: strike({"hang": {"seconds": "20ms"}}, answer)) as server:
        assert server.ask(GET) == b""
