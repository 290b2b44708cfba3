"""SplitUtf8: as a transcript, and as the pieces that arrive."""

from __future__ import annotations

import pytest
from answers import FIRST, JSON_HEAD, PACED, SECOND, SSE_HEAD, STREAM, WHOLE, Drawn, strike, struck
from hypothesis import given
from hypothesis import strategies as st

from sockets import serving
from understudy.faults.base import body_of
from understudy.model import Head, Pause, Send, Step

GET = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
GREETING = "data: Grüße 🎉\n\n".encode()
UMLAUT, SHARP_S, PARTY = GREETING.index(b"\xc3\xbc"), GREETING.index(b"\xc3\x9f"), GREETING.index(b"\xf0")


@pytest.mark.parametrize(
    ("after", "drawn", "at"),
    [
        (0, 0, UMLAUT + 1),
        (UMLAUT, 0, UMLAUT + 1),
        (UMLAUT + 1, 0, SHARP_S + 1),
        (SHARP_S + 1, 0, PARTY + 1),
        (SHARP_S + 1, 1, PARTY + 2),
        (SHARP_S + 1, 2, PARTY + 3),
        ("100%", 2, PARTY + 3),
    ],
)
def test_a_character_is_cut_where_chance_says(after: object, drawn: int, at: int) -> None:
    steps = struck({"split_utf8": {"after": after}}, [SSE_HEAD, Send(GREETING)], Drawn(drawn))
    assert steps == [SSE_HEAD, Send(GREETING[:at]), Pause(0.05), Send(GREETING[at:])]
    with pytest.raises(UnicodeDecodeError):
        GREETING[:at].decode()


def test_the_pause_is_as_long_as_it_says() -> None:
    steps = struck({"split_utf8": {"seconds": "2s"}}, [JSON_HEAD, Send('"ü"'.encode())])
    assert steps == [JSON_HEAD, Send(b'"\xc3'), Pause(2), Send(b'\xbc"')]


def test_where_all_is_ascii_an_event_is_cut() -> None:
    assert struck({"split_utf8": {"after": "1 event"}}, PACED) == [
        Pause(0.3),
        SSE_HEAD,
        Send(FIRST),
        Pause(0.1),
        Send(SECOND[:1]),
        Pause(0.05),
        Send(SECOND[1:]),
        Pause(0.1),
        Send(b"data: [DONE]\n\n"),
    ]


def test_where_all_is_ascii_a_whole_answer_is_cut() -> None:
    assert struck({"split_utf8": {"after": "100%"}}, WHOLE) == [
        JSON_HEAD,
        Send(b'{"text": "It rains"'),
        Pause(0.05),
        Send(b"}"),
    ]


@pytest.mark.parametrize("answer", [[SSE_HEAD], [Head(200, b"", 0), Send(b"")], [JSON_HEAD, Send(b"1")]])
def test_what_cannot_be_cut_stays_as_it_is(answer: list[Step]) -> None:
    assert struck("split_utf8", answer) == answer


@given(st.text(), st.integers(0, 100))
def test_no_byte_is_lost(text: str, percent: int) -> None:
    body = text.encode()
    answer: list[Step] = [Head(200, b"", len(body)), Send(body)]
    steps = struck({"split_utf8": {"after": f"{percent}%"}}, answer)
    assert body_of(steps) == body


def test_the_pieces_arrive_apart() -> None:
    answer: list[Step] = [SSE_HEAD, Send(GREETING)]
    with serving(lambda http: strike({"split_utf8": {"after": 0}}, answer)) as server:
        assert server.ask(GET).endswith(
            b"\r\n\r\n9\r\ndata: Gr\xc3\r\nb\r\n\xbc\xc3\x9fe \xf0\x9f\x8e\x89\n\n\r\n0\r\n\r\n"
        )


def test_an_ascii_stream_arrives_in_two_pieces() -> None:
    with serving(lambda http: strike({"split_utf8": {"after": 0}}, STREAM)) as server:
        assert b"\r\n\r\n1\r\nd\r\n34\r\nata: " in server.ask(GET)
