"""Heads of requests that were read before."""

from __future__ import annotations

import pytest

from sockets import connected, echo
from understudy.server.connection import Connection
from understudy.server.heads import MOST_BYTES, MOST_HEADS, Heads, KnownHead

HEAD = b"POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\n"
FIELDS = (b"host", b"a", b"content-length", b"3")


def learned(data: bytes, fields: tuple[bytes, ...] = FIELDS, length: int = 3) -> Heads:
    heads = Heads()
    heads.learn(data, "POST", "/x", fields, length)
    return heads


def test_a_known_head_tells_what_the_parser_did() -> None:
    assert learned(HEAD + b"abc").find(HEAD + b"xyz") == (KnownHead("POST", "/x", FIELDS, 3), b"xyz")


def test_only_one_whole_request_is_found() -> None:
    heads = learned(HEAD + b"abc")
    for data in (HEAD, HEAD + b"ab", HEAD + b"abcd", HEAD[:-1], b"", b"\r\n\r\n", b"\r\n" + HEAD + b"abc"):
        assert heads.find(data) is None


def test_a_head_with_a_wish_or_that_is_long_is_not_learned() -> None:
    assert learned(HEAD + b"abc", (b"expect", b"100-continue")).find(HEAD + b"abc") is None
    assert learned(HEAD + b"abc", (b"transfer-encoding", b"chunked")).find(HEAD + b"abc") is None
    long = HEAD[:-4] + b"\r\nx: " + b"y" * MOST_BYTES + b"\r\n\r\n"
    assert learned(long + b"abc").find(long + b"abc") is None
    assert learned(HEAD + b"abcd").find(HEAD + b"abc") is None


def test_heads_are_kept_within_bounds() -> None:
    heads = Heads()
    for number in range(MOST_HEADS * 3):
        heads.learn(b"GET /%d HTTP/1.1\r\nhost: a\r\n\r\n" % number, "GET", f"/{number}", (b"host", b"a"), 0)
        assert len(heads._known) <= MOST_HEADS


def test_a_request_with_a_known_head_passes_the_parser_by(monkeypatch: pytest.MonkeyPatch) -> None:
    connection, wire, _ = connected(echo)
    connection.data_received(HEAD + b"abc")
    first = wire.written
    monkeypatch.setattr(Connection, "_read", None)  # it would raise if it were called
    connection.data_received(HEAD + b"abc")
    assert wire.written == first * 2
