"""WrongContentType: as a transcript, and as the bytes on a socket."""

from __future__ import annotations

import pytest
from answers import PACED, PLACE, STREAM, WHOLE, strike, struck

from sockets import serving
from understudy.errors import SettingsError
from understudy.faults import read_fault
from understudy.model import Head, Pause, Send, Step

GET = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
HTML = b"content-type: text/html\r\n"


def test_a_whole_answer_is_another_type() -> None:
    assert struck("wrong_content_type", WHOLE) == [Head(200, HTML, 20), WHOLE[1]]


def test_a_stream_is_the_type_that_is_said() -> None:
    fault = {"wrong_content_type": {"type": "application/json; charset=utf-8"}}
    assert struck(fault, STREAM) == [
        Head(200, b"content-type: application/json; charset=utf-8\r\n"),
        STREAM[1],
    ]


def test_a_paced_stream_keeps_its_time() -> None:
    assert struck("wrong_content_type", PACED) == [Pause(0.3), Head(200, HTML), *PACED[2:]]


@pytest.mark.parametrize(
    ("headers", "wrong"),
    [
        (b"x-a: 1\r\nContent-Type: text/plain\r\nx-b: 2\r\n", b"x-a: 1\r\n" + HTML + b"x-b: 2\r\n"),
        (b"x-content-type: 1\r\n", HTML + b"x-content-type: 1\r\n"),
        (b"", HTML),
    ],
)
def test_the_header_alone_changes(headers: bytes, wrong: bytes) -> None:
    answer: list[Step] = [Head(200, headers, 0), Send(b"")]
    assert struck("wrong_content_type", answer) == [Head(200, wrong, 0), Send(b"")]


@pytest.mark.parametrize("type", ["html", "text/html\r\nx: y", "text/ html", "", 3, "text/html; ü"])
def test_what_is_no_content_type_is_a_mistake(type: object) -> None:
    with pytest.raises(
        SettingsError, match=r"wrong_content_type\.type: expected a content type like text/html"
    ):
        read_fault({"wrong_content_type": {"type": type}}, PLACE)


def test_a_client_sees_it() -> None:
    with serving(lambda http: strike("wrong_content_type", WHOLE)) as server:
        assert server.ask(GET) == (
            b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/html\r\ncontent-length: 20\r\n\r\n"
            b'{"text": "It rains"}'
        )
