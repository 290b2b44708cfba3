"""Slow: as a transcript, and as what a client waits for."""

from __future__ import annotations

from answers import BODY, DONE, FIRST, JSON_HEAD, PACED, SECOND, SSE_HEAD, STREAM, WHOLE, strike, struck

from sockets import serving
from understudy.model import Pause, Send

GET = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"


def test_a_whole_answer_comes_in_pieces_with_a_pause_between_two() -> None:
    assert struck("slow", WHOLE) == [JSON_HEAD, Send(BODY[:16]), Pause(0.1), Send(BODY[16:])]


def test_so_many_bytes_come_every_so_many_seconds() -> None:
    assert struck({"slow": {"bytes": 7, "every": "1s"}}, WHOLE) == [
        JSON_HEAD,
        Send(b'{"text"'),
        Pause(1),
        Send(b': "It r'),
        Pause(1),
        Send(b'ains"}'),
    ]


def test_from_a_point_on_a_stream_is_slow() -> None:
    assert struck({"slow": {"after": "2 events", "bytes": 10}}, STREAM) == [
        SSE_HEAD,
        Send(FIRST + SECOND),
        Send(b"data: [DON"),
        Pause(0.1),
        Send(b"E]\n\n"),
    ]


def test_a_paced_stream_keeps_its_pauses() -> None:
    assert struck({"slow": {"bytes": 20, "every": 2}}, PACED) == [
        Pause(0.3),
        SSE_HEAD,
        Send(FIRST),
        Pause(0.1),
        Pause(2),
        Send(SECOND[:20]),
        Pause(2),
        Send(SECOND[20:]),
        Pause(0.1),
        Pause(2),
        Send(DONE),
    ]


def test_what_comes_is_what_would_have_come_at_once() -> None:
    fault = {"slow": {"bytes": 3, "every": "1ms"}}
    with serving(lambda http: strike(fault, WHOLE)) as server:
        assert server.ask(GET).endswith(b"content-length: 20\r\n\r\n" + BODY)


def test_each_piece_of_a_stream_is_a_chunk_of_its_own() -> None:
    fault = {"slow": {"bytes": 30, "every": "20ms"}}
    with serving(lambda http: strike(fault, STREAM)) as server:
        assert server.ask(GET).endswith(
            b'\r\n\r\n1e\r\ndata: {"t":"It"}\n\ndata: {"t":"\r\n'
            b'17\r\nrains"}\n\ndata: [DONE]\n\n\r\n0\r\n\r\n'
        )
