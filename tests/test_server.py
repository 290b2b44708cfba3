"""Transcripts: the bytes that a client sends, and the bytes that it gets."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import math
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import pytest

from sockets import LOOPS, TIMEOUT_S, Client, Wire, connected, echo, refuse, serving, text
from understudy.model import Abort, Head, HttpRequest, Idle, Pause, Send, Step
from understudy.server import Limits, Server, new_loop
from understudy.server import listener as listener_module
from understudy.server.clock import Clock, Starts, status_line
from understudy.server.connection import FLUSH_BYTES, LAST_RESORT, QUEUE, origin_form
from understudy.server.listener import addresses, bound
from understudy.server.round import Round

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"

ANSWER = (
    b"HTTP/1.1 200 OK\r\nconnection: keep-alive\r\n"
    b"content-type: text/plain\r\ncontent-length: 8\r\n\r\nGET /a 0"
)
LAST_ANSWER = (
    b"HTTP/1.1 200 OK\r\nconnection: close\r\n"
    b"content-type: text/plain\r\ncontent-length: 11\r\n\r\nGET /last 0"
)


def steps(*given: Step) -> Callable[[HttpRequest], Iterator[Step]]:
    return lambda _: iter(given)


def close_after(data: bytes) -> bytes:
    """The request, asking for the end of the connection."""
    return data.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)


@pytest.fixture(params=LOOPS, ids=["uvloop", "asyncio"])
def loop_factory(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    factory: Callable[[], asyncio.AbstractEventLoop] = request.param
    return factory


# Connections


def test_a_connection_stays_open_until_the_client_asks_for_its_end(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    with serving(loop_factory=loop_factory) as server, server.client() as client:
        client.send(GET)
        assert client.until(b"GET /a 0") == ANSWER
        assert client.ask(LAST) == LAST_ANSWER


def test_http_1_0_closes_and_gets_no_chunks() -> None:
    stream = steps(Head(200, b""), Send(b"ab"), Send(b"c"))
    with serving(stream) as server:
        assert server.ask(b"GET / HTTP/1.0\r\n\r\n") == b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabc"


def test_http_1_0_keeps_alive_when_asked_and_the_length_is_known() -> None:
    with serving() as server, server.client() as client:
        client.send(b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert client.until(b"GET /a 0") == ANSWER
        assert client.ask(b"GET /last HTTP/1.0\r\n\r\n") == LAST_ANSWER


def test_http_1_0_closes_behind_an_answer_of_unknown_length_even_when_asked_to_keep_alive() -> None:
    with serving(steps(Head(200, b""), Send(b"abc"))) as server:
        answer = server.ask(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert answer == b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabc"


def test_what_follows_the_last_request_is_not_answered() -> None:
    with serving() as server:
        assert server.ask(LAST + GET + b"\0garbage") == LAST_ANSWER


def test_empty_lines_before_a_request_are_passed_over() -> None:
    with serving() as server:
        assert server.ask(b"\r\n\r\n" + LAST) == LAST_ANSWER


# Requests


def test_a_request_is_handed_over_with_flat_lower_case_headers() -> None:
    seen: list[HttpRequest] = []

    def note(request: HttpRequest) -> Iterator[Step]:
        seen.append(request)
        return text(b"")

    connection, _, _ = connected(note)
    connection.data_received(
        b"PUT /caf%C3%A9?q=1 HTTP/1.1\r\nHOST: x\r\nX-A: 1\r\nx-a:\t2 \r\nEmpty:\r\n\r\n"
    )
    assert seen == [
        HttpRequest(
            "PUT",
            "/caf%C3%A9?q=1",
            (b"host", b"x", b"x-a", b"1", b"x-a", b"2", b"empty", b""),
            b"",
            "192.0.2.7",
        )
    ]


CHUNKED_POST = (
    b"POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n"
)


@pytest.mark.parametrize(
    ("data", "expected"),
    [(GET, b"GET /a 0"), (POST, b"POST /a 3"), (CHUNKED_POST, b"POST /b 5")],
    ids=["get", "length", "chunked"],
)
def test_a_request_is_read_whole_or_byte_by_byte_or_split_anywhere(data: bytes, expected: bytes) -> None:
    data = data + LAST
    whole, wire, _ = connected()
    whole.data_received(data)
    assert wire.written.endswith(LAST_ANSWER)
    assert wire.written[: -len(LAST_ANSWER)].endswith(b"\r\n\r\n" + expected)
    splits = [[data[i : i + 1] for i in range(len(data))]]
    splits += [[data[:i], data[i:]] for i in range(1, len(data))]
    for split in splits:
        connection, other, _ = connected()
        for piece in split:
            connection.data_received(piece)
        assert other.written == wire.written
        assert other.ended == "half"


def test_trailers_are_not_headers() -> None:
    seen: list[HttpRequest] = []

    def note(request: HttpRequest) -> Iterator[Step]:
        seen.append(request)
        return text(b"")

    connection, _, _ = connected(note)
    connection.data_received(CHUNKED_POST)
    assert seen[0].headers == (b"host", b"x", b"transfer-encoding", b"chunked")
    assert seen[0].body == b"abcde"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("http://host/path?q", "/path?q"),
        ("http://host", "/"),
        ("http://host?q=1", "/?q=1"),
        ("*", "*"),
    ],
)
def test_a_target_in_absolute_form_means_its_path(target: str, expected: str) -> None:
    assert origin_form(target) == expected
    connection, wire, _ = connected()
    connection.data_received(b"OPTIONS %b HTTP/1.1\r\nHost: x\r\n\r\n" % target.encode())
    assert wire.written.endswith(b"\r\n\r\nOPTIONS %b 0" % expected.encode())


@pytest.mark.parametrize("upgrade", [b"h2c", b"websocket", b"TLS/1.0"])
def test_the_wish_for_another_protocol_is_ignored(upgrade: bytes) -> None:
    wish = b"Upgrade: %b\r\nConnection: Upgrade\r\n" % upgrade
    post = POST.replace(b"Content-Length", wish + b"Content-Length")
    data = post + GET + LAST
    for pieces in ([data], [data[i : i + 1] for i in range(len(data))]):
        connection, wire, _ = connected()
        for piece in pieces:
            connection.data_received(piece)
        assert (
            wire.written == ANSWER.replace(b"8\r\n\r\nGET /a 0", b"9\r\n\r\nPOST /a 3") + ANSWER + LAST_ANSWER
        )


def test_a_refusal_after_a_wish_for_another_protocol_says_what_is_wrong() -> None:
    wish = b"POST /a HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 1\r\n\r\na"
    connection, wire, _ = connected()
    connection.data_received(wish + b"GET /a HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n")
    assert wire.written.endswith(b"\r\n\r\nA request of HTTP/1.1 has exactly one Host header.")


def test_any_number_of_wishes_for_another_protocol_in_one_packet_are_ignored() -> None:
    connection, wire, _ = connected()
    connection.data_received(2_000 * GET.replace(b"Host", b"Upgrade: h2c\r\nConnection: Upgrade\r\nHost"))
    assert wire.written == 2_000 * ANSWER


def test_100_continue_is_said_before_the_body_is_sent() -> None:
    head = close_after(POST.removesuffix(b"abc").replace(b"Host", b"Expect: 100-Continue\r\nHost"))
    with serving() as server, server.client() as client:
        client.send(head)
        assert client.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert client.ask(b"abc").endswith(b"\r\n\r\nPOST /a 3")
        assert server.ask(head + b"abc").startswith(b"HTTP/1.1 200 OK\r\n")


def test_100_continue_waits_for_the_answers_before_it() -> None:
    connection, wire, clock = connected(steps(Pause(1.0), Head(204, b"")))
    connection.data_received(
        GET + b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
    )
    assert wire.written == b""
    clock.ring()
    no_content = b"HTTP/1.1 204 No Content\r\nconnection: keep-alive\r\n\r\n"
    assert wire.written == no_content + b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.data_received(b"abc")
    clock.ring()
    assert wire.written == no_content + b"HTTP/1.1 100 Continue\r\n\r\n" + no_content


# Answers


def test_what_comes_before_a_pause_leaves_in_one_write_and_one_chunk() -> None:
    connection, wire, clock = connected(
        steps(Head(200, b"a: b\r\n"), Send(b"ab"), Send(b"cd"), Pause(1.0), Send(b"e"), Send(b"f" * 16))
    )
    connection.data_received(GET)
    assert wire.written == (
        b"HTTP/1.1 200 OK\r\nconnection: keep-alive\r\na: b\r\n"
        b"transfer-encoding: chunked\r\n\r\n4\r\nabcd\r\n"
    )
    assert len(wire.writes) == 1
    clock.ring()
    assert wire.writes[1:] == [b"11\r\neffffffffffffffff\r\n0\r\n\r\n"]


def test_pauses_count_from_the_end_of_the_pause_before() -> None:
    connection, _, clock = connected(
        steps(Head(200, b""), Pause(10.0), Send(b"a"), Pause(2.5), Send(b"b"), Pause(2.5), Send(b"c"))
    )
    connection.data_received(GET)
    clock.ring()
    clock.ring()
    assert [due - clock.dues[0] for due in clock.dues] == [0.0, 2.5, 5.0]
    assert 0 < clock.dues[0] - monotonic() <= 10


def test_pauses_that_are_over_already_do_not_split_a_write() -> None:
    connection, wire, _ = connected(steps(Head(200, b""), Send(b"a"), Pause(0.0), Send(b"b")))
    connection.data_received(GET)
    assert len(wire.writes) == 1


def test_a_paced_answer_takes_its_time(loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    paced = [step for _ in range(20) for step in (Pause(0.01), Send(b"x"))]
    with serving(steps(Head(200, b""), *paced), loop_factory=loop_factory) as server:
        began = monotonic()
        answer = server.ask(close_after(GET))
        assert monotonic() - began >= 0.2
    body = answer.partition(b"\r\n\r\n")[2]
    assert body.count(b"x") == 20  # two of them in one chunk where the machine is busy
    assert body.endswith(b"0\r\n\r\n")


def test_pipelined_requests_are_answered_in_order() -> None:
    def handle(request: HttpRequest) -> Iterator[Step]:
        if request.target == "/slow":
            return iter([Pause(0.02), *echo(request)])
        return echo(request)

    slow = GET.replace(b"/a", b"/slow")
    with serving(handle) as server:
        answer = server.ask(slow + GET + slow + LAST)
    slow_answer = ANSWER.replace(b"8\r\n\r\nGET /a 0", b"11\r\n\r\nGET /slow 0")
    assert answer == slow_answer + ANSWER + slow_answer + LAST_ANSWER


def test_reading_stops_while_too_many_requests_wait() -> None:
    connection, wire, clock = connected(steps(Pause(1.0), Head(204, b"")))
    connection.data_received(GET * (1 + QUEUE))
    assert wire.reading
    connection.data_received(GET)
    assert not wire.reading
    for _ in range(QUEUE // 2 + 1):
        clock.ring()
    assert wire.reading
    for _ in range(QUEUE):
        clock.ring()
    assert wire.written.count(b"HTTP/1.1 204 No Content\r\n") == 2 + QUEUE


def test_head_gets_the_head_alone() -> None:
    head = GET.replace(b"GET", b"HEAD")
    with serving() as server:
        answer = server.ask(head + LAST)
    assert answer == ANSWER.replace(b"8\r\n\r\nGET /a 0", b"9\r\n\r\n") + LAST_ANSWER


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (Head(204, b""), b"HTTP/1.1 204 No Content\r\nconnection: keep-alive\r\n\r\n"),
        (Head(204, b"", 5), b"HTTP/1.1 204 No Content\r\nconnection: keep-alive\r\n\r\n"),
        (
            Head(304, b"", 5),
            b"HTTP/1.1 304 Not Modified\r\nconnection: keep-alive\r\ncontent-length: 5\r\n\r\n",
        ),
        (Head(299, b"", 0), b"HTTP/1.1 299 \r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n"),
    ],
)
def test_answers_without_a_body_have_none(head: Head, expected: bytes) -> None:
    connection, wire, _ = connected(lambda _: iter([head] if head.status == 299 else [head, Send(b"x")]))
    connection.data_received(GET)
    assert wire.written == expected


def test_a_stream_without_a_byte_is_an_empty_chunked_answer() -> None:
    connection, wire, clock = connected(steps(Head(200, b""), Pause(1.0), Send(b""), Pause(1.0)))
    connection.data_received(GET)
    clock.ring()
    clock.ring()
    assert wire.written == (
        b"HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
    )


def test_the_date_is_renewed_every_second() -> None:
    starts = Starts(lambda: 1_000_000_000.75)
    first = starts.at(5.0, 200, True)
    assert first == b"HTTP/1.1 200 OK\r\ndate: Sun, 09 Sep 2001 01:46:40 GMT\r\nconnection: keep-alive\r\n"
    assert starts.at(5.2, 200, True) is first
    assert starts.at(5.3, 200, True) is not first
    assert starts.at(5.3, 200, False).endswith(b"connection: close\r\n")


def test_an_informational_status_is_no_answer() -> None:
    with pytest.raises(ValueError, match="200 to 999"):
        status_line(101)


# Refusals

TABLE: dict[str, tuple[bytes, int]] = {
    "length and chunks": (POST.replace(b"Host", b"Transfer-Encoding: chunked\r\nHost"), 400),
    "chunks and length": (
        POST.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n"),
        400,
    ),
    "two lengths": (POST.replace(b"Host", b"Content-Length: 4\r\nHost"), 400),
    "the same length twice": (POST.replace(b"Host", b"Content-Length: 3\r\nHost"), 400),
    "a length with a sign": (POST.replace(b": 3", b": +3"), 400),
    "chunks not last": (CHUNKED_POST.replace(b"chunked", b"chunked, gzip"), 400),
    "a folded line": (GET.replace(b"Host: x", b"Host: x\r\n y"), 400),
    "a space before a colon": (GET.replace(b"Host:", b"Host :"), 400),
    "a zero byte": (GET.replace(b"x", b"\0"), 400),
    "bare line feeds": (GET.replace(b"\r\n", b"\n"), 400),
    "a bad chunk size": (CHUNKED_POST.replace(b"2\r\nde", b"z\r\nde"), 400),
    "a chunk longer than it says": (CHUNKED_POST.replace(b"2\r\nde", b"2\r\ndef"), 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (GET.replace(b"\r\n\r\n", b"\r\nHost: y\r\n\r\n"), 400),
    "an unknown method": (GET.replace(b"GET", b"BREW"), 400),
    "no slash": (GET.replace(b"/a", b"a"), 400),
    "HTTP/0.9": (b"GET /\r\n\r\n", 400),
    "HTTP/2.0": (GET.replace(b"1.1", b"2.0"), 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 400),
    "chunks in HTTP/1.0": (CHUNKED_POST.replace(b"1.1", b"1.0"), 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64), 400),
    "CONNECT": (b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n\x16\x03\x01", 405),
    "an expectation": (GET.replace(b"Host", b"Expect: a-miracle\r\nHost"), 417),
    "a long header": (GET.replace(b"x", b"x" * 300), 431),
    "many headers": (GET.replace(b"Host", b"A: b\r\n" * 60 + b"Host"), 431),
    "a head without an end": (GET.strip() + b"\r\nA: " + b"x" * 300, 431),
    "a long target": (GET.replace(b"/a", b"/" + b"a" * 300), 431),
    "a long body": (POST.replace(b": 3", b": 1001") + bytes(998), 413),
    "a long body to come": (POST.replace(b": 3", b": 99999999"), 413),
    "a long chunk": (CHUNKED_POST.replace(b"3;ext=1\r\nabc", b"3e9\r\n" + bytes(1001)), 413),
    "many chunks": (CHUNKED_POST.replace(b"3;ext=1\r\nabc", b"1\r\na\r\n" * 1001), 413),
}
SMALL = Limits(header_bytes=256, body_bytes=1000, drain_s=0.0)


@pytest.mark.parametrize(("data", "status"), TABLE.values(), ids=TABLE.keys())
def test_what_is_refused_is_answered_and_closed(data: bytes, status: int) -> None:
    with serving(limits=SMALL) as server, server.client() as client:
        client.send(GET)
        assert client.until(b"GET /a 0") == ANSWER
        answer = client.ask(data)
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"\r\nconnection: close\r\n" in head
        assert head.endswith(b"content-length: %d" % len(body))
        assert server.ask(LAST) == LAST_ANSWER


@pytest.mark.parametrize(("data", "status"), TABLE.values(), ids=TABLE.keys())
def test_what_is_refused_is_refused_byte_by_byte_too(data: bytes, status: int) -> None:
    connection, wire, _ = connected(limits=SMALL)
    for i in range(len(data)):
        connection.data_received(data[i : i + 1])
    assert wire.written.startswith(b"HTTP/1.1 %d " % status)
    assert wire.written.count(b"HTTP/1.1 ") - wire.written.count(b"use HTTP/1.1") <= 2
    assert wire.ended == "half"


def test_a_long_head_behind_another_request_is_refused_too() -> None:
    connection, wire, _ = connected(limits=SMALL)
    connection.data_received(GET + GET.replace(b"x", b"x" * 300))
    assert wire.written.startswith(ANSWER + b"HTTP/1.1 431 ")


def test_endless_trailers_are_refused() -> None:
    connection, wire, _ = connected(limits=SMALL)
    connection.data_received(CHUNKED_POST.strip())
    connection.data_received(b"x" * 300)
    assert wire.written.startswith(b"HTTP/1.1 431 ")


def test_many_requests_at_once_are_no_long_head() -> None:
    connection, wire, _ = connected(limits=SMALL)
    connection.data_received(GET * 20 + GET[:20])
    connection.data_received(GET[20:])
    assert wire.written == ANSWER * 21


def test_a_refusal_says_what_is_wrong() -> None:
    with serving(limits=SMALL) as server:
        assert server.ask(TABLE["HTTP/2"][0]).endswith(b"HTTP/2 is not spoken here: use HTTP/1.1.")
        assert server.ask(TABLE["a long body"][0]).endswith(b"The request's body is larger than 1000 bytes.")
        assert server.ask(TABLE["no host"][0]).endswith(b"HTTP/1.1 has exactly one Host header.")
        assert server.ask(TABLE["two lengths"][0]).endswith(b"is not HTTP/1.1: Duplicate Content-Length.")


def test_a_refused_head_request_gets_no_body() -> None:
    with serving() as server:
        answer = server.ask(b"HEAD / HTTP/1.1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert answer.endswith(b"content-length: 50\r\n\r\n")


def test_a_refusal_waits_for_the_answers_before_it() -> None:
    connection, wire, clock = connected(lambda request: iter([Pause(1.0), *echo(request)]))
    connection.data_received(GET + b"\0")
    assert wire.written == b""
    clock.ring()
    assert wire.written.startswith(ANSWER + b"HTTP/1.1 400 Bad Request\r\n")


def test_a_client_that_is_still_sending_can_read_the_refusal(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    limits = Limits(body_bytes=8 << 20, drain_s=0.0)
    head = POST.replace(b": 3\r\n\r\nabc", b": %d\r\n\r\n" % (limits.body_bytes + 1))
    with serving(limits=limits, loop_factory=loop_factory) as server, server.client() as client:
        client.send(head)
        for _ in range(64):
            client.send(bytes(1 << 16))
        assert client.rest().startswith(b"HTTP/1.1 413 ")


def test_a_refused_client_that_never_stops_sending_is_cut_off() -> None:
    def forever(client: Client) -> None:
        while True:
            client.send(bytes(1 << 16))

    with serving(limits=SMALL) as server, server.client() as client, pytest.raises(ConnectionError):
        forever(client)


def test_an_idle_connection_is_closed() -> None:
    with serving(limits=Limits(idle_s=0.05, drain_s=0.0)) as server, server.client() as client:
        assert client.rest() == b""
        with server.client() as other:
            other.send(GET)
            assert other.rest() == ANSWER


@pytest.mark.parametrize("data", [b"G", b"GET / HTTP/1.1\r\nHost", POST[:-1]], ids=["method", "head", "body"])
def test_a_request_that_takes_too_long_is_refused(data: bytes) -> None:
    with serving(limits=Limits(request_s=0.05, drain_s=0.0)) as server:
        answer = server.ask(data)
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n")
    assert answer.endswith(b"The request did not arrive within 0.05 seconds.")


def test_an_answer_may_take_longer_than_an_idle_connection_or_a_request() -> None:
    limits = Limits(idle_s=0.02, request_s=0.02, drain_s=0.0)
    with serving(lambda request: iter([Pause(0.2), *echo(request)]), limits) as server:
        assert server.ask(LAST + b"G") == LAST_ANSWER


def test_one_connection_too_many_is_refused() -> None:
    with serving(limits=Limits(connections=1, drain_s=0.0)) as server, server.client() as client:
        client.send(GET)
        client.until(b"GET /a 0")
        with server.client() as other:
            answer = other.rest()
        assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\n")
        assert client.ask(LAST) == LAST_ANSWER


# The peer's pace, and its end


def test_a_peer_that_does_not_read_has_the_steps_wait() -> None:
    pulled: list[int] = []

    def handle(_: HttpRequest) -> Iterator[Step]:
        yield Head(200, b"")
        for i in range(100):
            pulled.append(i)
            yield Send(bytes(FLUSH_BYTES))

    connection, wire, _ = connected(handle)
    wire.room = 3 * FLUSH_BYTES
    connection.data_received(GET + LAST)
    assert len(pulled) <= 6
    before = len(pulled)
    wire.room = 3 * FLUSH_BYTES
    connection.resume_writing()
    assert before < len(pulled) <= 12


def test_a_pause_that_ends_while_the_peer_does_not_read_goes_on_when_it_does() -> None:
    connection, wire, clock = connected(steps(Head(200, b""), Send(b"a"), Pause(1.0), Send(b"b")))
    connection.data_received(GET)
    connection.pause_writing()
    clock.ring()
    assert len(wire.writes) == 1
    connection.resume_writing()
    assert wire.writes[1:] == [b"1\r\nb\r\n0\r\n\r\n"]


def test_a_peer_that_reads_again_during_a_pause_does_not_cut_it_short() -> None:
    connection, wire, clock = connected(steps(Head(200, b""), Send(b"a"), Pause(1.0), Send(b"b")))
    connection.data_received(GET)
    connection.pause_writing()
    connection.resume_writing()
    assert len(wire.writes) == 1
    clock.ring()
    assert len(wire.writes) == 2


def test_a_huge_answer_arrives_whole(loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    block = bytes(range(256)) * 400
    huge = steps(Head(200, b"", len(block) * 300), *[Send(block)] * 300)
    with serving(huge, loop_factory=loop_factory) as server:
        answer = server.ask(close_after(GET) + b"rubbish")
    assert answer.partition(b"\r\n\r\n")[2] == block * 300


def test_a_client_that_closes_its_side_still_gets_an_answer_that_needs_no_time() -> None:
    block = bytes(100_000)
    with (
        serving(steps(Head(200, b"", 20_000_000), *[Send(block)] * 200)) as server,
        server.client() as client,
    ):
        client.send(GET)
        client.socket.shutdown(socket.SHUT_WR)
        assert len(client.rest().partition(b"\r\n\r\n")[2]) == 20_000_000


class Watched:
    """Steps that say when they were closed."""

    def __init__(self, *given: Step) -> None:
        self.given = given
        self.began = threading.Event()
        self.closed = threading.Event()

    def __call__(self, _: HttpRequest) -> Iterator[Step]:
        try:
            self.began.set()
            yield from self.given
        finally:
            self.closed.set()


@pytest.mark.parametrize("seconds", [60.0, math.inf])
def test_a_client_that_leaves_during_a_pause_ends_the_answer_at_once(
    seconds: float, loop_factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    watched = Watched(Head(200, b""), Send(b"a"), Pause(seconds), Send(b"b"))
    with serving(watched, loop_factory=loop_factory) as server:
        with server.client() as client:
            client.send(GET)
            client.until(b"1\r\na\r\n")
        assert watched.closed.wait(TIMEOUT_S)


def test_a_client_that_leaves_without_reading_ends_the_answer() -> None:
    def forever(request: HttpRequest) -> Iterator[Step]:
        yield from watched(request)
        try:
            while True:
                yield Send(bytes(FLUSH_BYTES))
        finally:
            ended.set()

    watched, ended = Watched(Head(200, b"")), threading.Event()
    with serving(forever) as server:
        with server.client() as client:
            client.send(GET)
            client.until(b"\r\n\r\n")
        assert ended.wait(TIMEOUT_S)


def drained(client: Client) -> None:
    with contextlib.suppress(ConnectionError):
        client.rest()


def test_an_endless_answer_leaves_time_for_others() -> None:
    def handle(request: HttpRequest) -> Iterator[Step]:
        if request.target == "/last":
            yield from echo(request)
            return
        yield Head(200, b"")
        while True:
            yield Send(bytes(FLUSH_BYTES))

    with serving(handle) as server, server.client() as client:
        client.send(GET)
        reader = threading.Thread(target=drained, args=[client])
        reader.start()
        assert server.ask(LAST) == LAST_ANSWER
        client.socket.shutdown(socket.SHUT_RDWR)
        reader.join(TIMEOUT_S)


# Breaking off


def test_abort_close_ends_without_the_last_chunk(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    cut = steps(Head(200, b""), Send(b"abc"), Abort("close"), Send(b"never"))
    with serving(cut, loop_factory=loop_factory) as server:
        assert server.ask(GET + LAST) == (
            b"HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n"
        )


def test_abort_close_at_once_ends_without_a_byte() -> None:
    with serving(steps(Abort("close"))) as server:
        assert server.ask(GET) == b""


def test_abort_reset_resets_the_connection(loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    watched = Watched(Head(200, b""), Send(b"abc"), Pause(0.01), Abort("reset"))
    with serving(watched, loop_factory=loop_factory) as server, server.client() as client:
        client.send(GET)
        assert client.until(b"3\r\nabc\r\n").endswith(b"\r\n\r\n3\r\nabc\r\n")
        with pytest.raises(ConnectionResetError):
            client.rest()
        assert watched.closed.wait(TIMEOUT_S)


def test_abort_reset_at_once_resets_the_connection(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    with (
        serving(steps(Abort("reset")), loop_factory=loop_factory) as server,
        pytest.raises(ConnectionResetError),
    ):
        server.ask(GET)


# Our own bugs


def failing(*given: Step) -> Callable[[HttpRequest], Iterator[Step]]:
    """Answers with the steps and then fails; what asks for /last is echoed."""

    def handle(request: HttpRequest) -> Iterator[Step]:
        if request.target == "/last":
            yield from echo(request)
            return
        yield from given
        raise KeyError("boom")

    return handle


@pytest.mark.parametrize(
    "given",
    [(), (Head(200, b""),), (Head(200, b"", 5), Send(b"abc")), (Pause(0.01),)],
    ids=["at once", "behind the head", "inside the body", "behind a pause"],
)
def test_a_bug_before_anything_was_sent_is_answered_with_500(
    given: tuple[Step, ...], caplog: pytest.LogCaptureFixture
) -> None:
    with serving(failing(*given)) as server:
        answer = server.ask(GET + LAST)
    assert answer == (
        b"HTTP/1.1 500 Internal Server Error\r\nconnection: keep-alive\r\n"
        b"content-type: text/plain\r\ncontent-length: 16\r\n\r\nKeyError: 'boom'" + LAST_ANSWER
    )
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert caplog.records[0].exc_info is not None


def test_a_bug_before_there_are_steps_is_answered_with_500() -> None:
    def handle(_: HttpRequest) -> Iterator[Step]:
        raise ValueError("no steps")

    with serving(handle) as server:
        assert server.ask(close_after(GET)).endswith(b"\r\n\r\nValueError: no steps")


def test_a_bug_after_the_head_was_sent_ends_without_the_last_chunk(caplog: pytest.LogCaptureFixture) -> None:
    with serving(failing(Head(200, b""), Send(b"abc"), Pause(0.01), Send(b"lost"))) as server:
        answer = server.ask(GET + LAST)
    assert answer.endswith(b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
    assert "KeyError: 'boom'" in caplog.text


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((), b"RuntimeError: the steps have no Head before the body"),
        ((Send(b"x"), Pause(1.0)), b"RuntimeError: the steps have no Head before the body"),
        ((Head(200, b""), Head(200, b"")), b"RuntimeError: the steps have a second Head"),
        ((Head(99, b"", 0),), b"ValueError: an answer's status is 200 to 999, not 99"),
    ],
)
def test_steps_that_are_no_answer_are_answered_with_500(given: tuple[Step, ...], message: bytes) -> None:
    connection, wire, _ = connected(steps(*given))
    connection.data_received(GET)
    assert wire.written.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert wire.written.endswith(b"\r\n\r\n" + message)


@pytest.mark.parametrize(("sent", "got"), [(b"abcdef", b"abc"), (b"ab", b"ab")])
def test_an_answer_never_exceeds_its_length_and_closes_when_it_is_wrong(
    sent: bytes, got: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(steps(Head(200, b"", 3), Send(sent), Pause(0.01), Send(b""))) as server:
        answer = server.ask(GET + GET)
    assert answer == b"HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ncontent-length: 3\r\n\r\n" + got
    assert "an answer's length is wrong" in caplog.text


def test_a_refusal_that_fails_is_answered_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    connection, wire, _ = connected(failing())
    monkeypatch.setattr(connection._shared, "refuse", lambda status, message: 1 / 0)
    connection.data_received(GET)
    assert wire.written == LAST_RESORT
    assert wire.ended == "half"


def test_steps_that_fail_while_they_are_closed_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    def handle(_: HttpRequest) -> Iterator[Step]:
        try:
            yield Pause(60.0)
        finally:
            raise KeyError("late")

    connection, _, _ = connected(handle)
    connection.data_received(GET)
    connection.connection_lost(None)
    assert "KeyError: 'late'" in caplog.text


# Closing


def refused(port: int) -> bool:
    """Whether nobody listens any more; a connection that was waiting to be accepted is reset."""
    try:
        Client(port).socket.close()
    except ConnectionResetError:
        return refused(port)
    except ConnectionRefusedError:
        return True
    return False


def test_close_lets_running_answers_end_and_closes_idle_connections_at_once() -> None:
    go_on = threading.Event()

    def handle(_: HttpRequest) -> Iterator[Step]:
        yield Head(200, b"")
        yield Send(b"a")
        while not go_on.is_set():
            yield Pause(0.005)
        yield Send(b"b")

    with (
        serving(handle, Limits(drain_s=TIMEOUT_S)) as server,
        server.client() as busy,
        server.client() as idle,
    ):
        busy.send(GET)
        busy.until(b"1\r\na\r\n")
        closed = server.begin_close()
        assert idle.rest() == b""
        assert refused(server.port)
        go_on.set()
        assert busy.rest() == b"1\r\nb\r\n0\r\n\r\n"
        closed.result(TIMEOUT_S)


def test_an_answer_that_starts_while_draining_says_that_the_connection_closes() -> None:
    connection, wire, clock = connected(lambda request: iter([Pause(1.0), *echo(request)]))
    connection.data_received(GET + GET)
    connection._shared.draining = True
    connection.drain()
    assert wire.ended == ""
    clock.ring()
    clock.ring()
    assert wire.written == ANSWER + ANSWER.replace(b"keep-alive", b"close")
    assert wire.ended == "closed"


def test_close_breaks_off_what_takes_longer() -> None:
    watched = Watched(Head(200, b""), Send(b"a"), Pause(60.0), Send(b"b"))
    with serving(watched, Limits(drain_s=0.05)) as server, server.client() as client:
        client.send(GET)
        client.until(b"1\r\na\r\n")
        server.begin_close().result(TIMEOUT_S)
        assert watched.closed.is_set()
        with contextlib.suppress(ConnectionResetError):
            assert client.rest() == b""


def test_close_ends_at_once_and_well_what_has_no_end_of_its_own(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    closed = threading.Event()

    def handle(_: HttpRequest) -> Iterator[Step]:
        try:
            yield Head(200, b"")
            yield Send(b"a")
            while True:
                yield Idle(60.0)
        finally:
            closed.set()

    with (
        serving(handle, Limits(drain_s=TIMEOUT_S), loop_factory=loop_factory) as server,
        server.client() as client,
    ):
        client.send(GET)
        client.until(b"1\r\na\r\n")
        closing = server.begin_close()
        assert client.rest() == b"0\r\n\r\n"
        closing.result(TIMEOUT_S)
        assert closed.is_set()


def test_what_idles_goes_on_and_starts_none_while_draining() -> None:
    connection, wire, clock = connected(
        lambda request: iter([Head(200, b""), Send(b"a"), Idle(1.0), Send(b"b"), Idle(1.0), Send(b"c")])
    )
    connection.data_received(GET)
    clock.ring()
    assert wire.written.endswith(b"1\r\na\r\n1\r\nb\r\n")
    connection._shared.draining = True
    connection.drain()
    assert wire.written.endswith(b"1\r\nc\r\n0\r\n\r\n")
    assert wire.ended == "closed"


def test_close_does_not_wait_for_who_does_not_read_what_has_no_end(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    def handle(_: HttpRequest) -> Iterator[Step]:
        yield Head(200, b"")
        yield Send(b"a")
        yield Idle(0.001)
        while True:
            yield Send(b"b" * FLUSH_BYTES)
            yield Idle(0.001)

    with (
        serving(handle, Limits(drain_s=600.0), loop_factory=loop_factory) as server,
        server.client() as client,
    ):
        client.send(GET)
        client.until(b"1\r\na\r\n")
        shared = server.server._shared
        assert shared is not None
        (connection,) = shared.connections
        while not server.call(lambda: connection._blocked):
            pass
        server.begin_close().result(TIMEOUT_S)


def test_a_second_close_does_not_wait() -> None:
    watched = Watched(Head(200, b""), Send(b"a"), Pause(60.0), Send(b"b"))
    with serving(watched, Limits(drain_s=60.0)) as server, server.client() as client:
        client.send(GET)
        client.until(b"1\r\na\r\n")
        first, second = server.begin_close(), server.begin_close()
        second.result(TIMEOUT_S)
        first.result(TIMEOUT_S)
        assert watched.closed.is_set()


def test_a_server_can_be_opened_again(loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def twice() -> None:
        server = Server(echo, refuse)
        await server.close()
        port = await server.open(["127.0.0.1"], 0)
        await server.close()
        assert await server.open(["127.0.0.1"], port) == port
        await server.close()

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(twice())


PROGRAM = """
import sys
from understudy.model import Head, Pause, Send
from understudy.server import Limits, Server, run
steps = [Head(200, b""), Send(b"a"), Pause(float(sys.argv[1])), Send(b"b")]
server = Server(lambda request: iter(steps), lambda status, message: iter(()), limits=Limits(drain_s=60))
run(server, ["127.0.0.1", "::1"], 0, ready=lambda port: print(port, flush=True))
print("done", flush=True)
"""


@contextlib.contextmanager
def program(pause: str) -> Iterator[tuple[subprocess.Popen[bytes], Client]]:
    with subprocess.Popen([sys.executable, "-c", PROGRAM, pause], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            with Client(int(process.stdout.readline())) as client:
                client.send(GET)
                client.until(b"1\r\na\r\n")
                yield process, client
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_running_answers_end_and_run_return(number: signal.Signals) -> None:
    with program("0.2") as (process, client):
        process.send_signal(number)
        assert client.rest() == b"1\r\nb\r\n0\r\n\r\n"
        assert process.communicate(timeout=TIMEOUT_S)[0] == b"done\n"
        assert process.returncode == 0


def test_a_second_signal_does_not_wait_for_answers() -> None:
    with program("60") as (process, client):
        process.send_signal(signal.SIGINT)
        while not refused(client.socket.getpeername()[1]):
            pass
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=TIMEOUT_S)[0] == b"done\n"
        assert process.returncode == 0


# Ports


def opened(hosts: list[str], port: int) -> int:
    """The port that a server gets, which is closed again."""

    async def open_and_close() -> int:
        server = Server(echo, refuse)
        got = await server.open(hosts, port)
        await server.close()
        return got

    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(open_and_close())


def test_a_port_that_is_taken_raises_eaddrinuse() -> None:
    with serving() as server, pytest.raises(OSError) as caught:
        opened(["127.0.0.1"], server.port)
    assert caught.value.errno == errno.EADDRINUSE


def test_ipv4_and_ipv6_share_a_port() -> None:
    async def ask() -> list[bytes]:
        server = Server(echo, refuse)
        port = await server.open(["127.0.0.1", "::1", "localhost"], 0)
        answers = []
        for host in ("127.0.0.1", "::1"):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(LAST)
            answers.append(await reader.read())
            writer.close()
            await writer.wait_closed()
        await server.close()
        return answers

    answers = asyncio.run(ask())
    assert [answer.endswith(b"GET /last 0") for answer in answers] == [True, True]


def test_a_port_that_is_taken_on_one_host_alone_is_not_picked(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []

    def taken_at_first(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
        tries.append(port)
        if address == "::1" and len(tries) < 4:
            raise OSError(errno.EADDRINUSE, "taken")
        return bound_socket(family, address, port)

    bound_socket = listener_module.bound_socket
    monkeypatch.setattr(listener_module, "bound_socket", taken_at_first)
    sockets = bound([(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")], 0)
    ports = {opened.getsockname()[1] for opened in sockets}
    for opened in sockets:
        opened.close()
    assert len(sockets) == 2
    assert len(ports) == 1
    assert len(tries) == 4


@pytest.mark.parametrize("missing", [errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL])
def test_a_family_that_the_machine_lacks_is_left_out(missing: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_ipv6(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(missing, "no IPv6")
        return bound_socket(family, address, port)

    bound_socket = listener_module.bound_socket
    monkeypatch.setattr(listener_module, "bound_socket", without_ipv6)
    assert opened(["::1", "127.0.0.1"], 0) > 0
    with pytest.raises(OSError, match="no IPv6"):
        opened(["::1"], 0)


def test_a_host_that_does_not_exist_is_left_out_while_another_works() -> None:
    assert opened(["no-such-host.invalid", "127.0.0.1"], 0) > 0
    with pytest.raises(OSError):
        opened(["no-such-host.invalid"], 0)
    with pytest.raises(OSError, match="no host"):
        opened([], 0)


def test_a_host_that_is_named_twice_is_listened_on_once() -> None:
    assert asyncio.run(addresses(["127.0.0.1", "127.0.0.1"])) == [(socket.AF_INET, "127.0.0.1")]


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"),
            *("-nodes", "-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


@pytest.fixture
def server_tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    return context


@pytest.fixture
def client_tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate[0]))


def test_tls_carries_the_same_answers(
    server_tls: ssl.SSLContext,
    client_tls: ssl.SSLContext,
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    block = bytes(100_000)

    def handle(request: HttpRequest) -> Iterator[Step]:
        if request.target == "/last":
            yield from echo(request)
            return
        yield Head(200, b"")
        yield Send(b"a")
        yield Pause(0.01)
        for _ in range(30):
            yield Send(block)

    with (
        serving(handle, tls=server_tls, loop_factory=loop_factory) as server,
        Client(server.port, tls=client_tls) as client,
    ):
        client.send(GET)
        stream = client.until(b"\r\n\r\n1\r\na\r\n")
        assert stream.startswith(b"HTTP/1.1 200 OK\r\nconnection: keep-alive\r\n")
        client.send(LAST)
        rest = client.rest()
        assert rest.endswith(b"0\r\n\r\n" + LAST_ANSWER)
        assert rest.count(b"\0") == 3_000_000


def raw(encrypted: socket.socket) -> socket.socket:
    """The TCP socket below TLS: Python's `ssl` shows a reset as a plain end."""
    below = socket.socket(fileno=os.dup(encrypted.fileno()))
    below.settimeout(TIMEOUT_S)
    return below


def test_tls_answers_are_cut_and_refused_too(
    server_tls: ssl.SSLContext,
    client_tls: ssl.SSLContext,
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    def handle(request: HttpRequest) -> Iterator[Step]:
        yield Head(200, b"")
        yield Send(b"abc")
        yield Pause(0.01)
        yield Abort("reset" if request.target == "/last" else "close")

    with serving(handle, tls=server_tls, loop_factory=loop_factory) as server:
        with Client(server.port, tls=client_tls) as client:
            assert client.ask(GET).endswith(b"\r\n\r\n3\r\nabc\r\n")
        with Client(server.port, tls=client_tls) as client:
            client.send(LAST)
            client.until(b"3\r\nabc\r\n")
            with raw(client.socket) as below, pytest.raises(ConnectionResetError):
                below.recv(1)
        with Client(server.port, tls=client_tls) as client:
            assert client.ask(b"\0").startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_plain_http_to_a_tls_port_is_closed(server_tls: ssl.SSLContext) -> None:
    with serving(tls=server_tls) as server:
        with server.client() as client, contextlib.suppress(ConnectionResetError):
            client.ask(GET)
        assert not refused(server.port)


def test_a_tls_client_at_the_plain_port_fails_at_once(client_tls: ssl.SSLContext) -> None:
    with serving() as server:
        with pytest.raises(ssl.SSLError):
            Client(server.port, tls=client_tls)
        assert server.ask(LAST) == LAST_ANSWER


# Time


def test_a_periodic_call_goes_on_even_when_it_fails(caplog: pytest.LogCaptureFixture) -> None:
    calls: list[int] = []
    enough = threading.Event()

    def call() -> None:
        calls.append(1)
        if len(calls) == 3:
            enough.set()
        raise KeyError("periodic")

    with serving() as server:
        server.loop.call_soon_threadsafe(server.server.every, 0.001, call)
        assert enough.wait(TIMEOUT_S)
    assert "KeyError: 'periodic'" in caplog.text


def test_a_periodic_call_that_was_asked_for_early_starts_with_the_server() -> None:
    async def until_called() -> None:
        called = asyncio.Event()
        server = Server(echo, refuse)
        server.every(0.001, called.set)
        await server.open(["127.0.0.1"], 0)
        await asyncio.wait_for(called.wait(), TIMEOUT_S)
        await server.close()

    asyncio.run(until_called())


class Sleepy:
    def __init__(self, woken: list[str], name: str) -> None:
        self.woken = woken
        self.name = name

    def wake(self) -> None:
        self.woken.append(self.name)


class Relay:
    """Goes back to sleep for long when it is woken."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def wake(self) -> None:
        self.clock.sleep(self, monotonic() + 60)


def test_who_goes_back_to_sleep_for_long_does_not_hold_up_the_next(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def sleep() -> float:
        clock, done, now = Clock(asyncio.get_running_loop()), asyncio.Event(), monotonic()
        next_one = Sleepy([], "next")
        next_one.wake = done.set  # type: ignore[method-assign]
        clock.sleep(Relay(clock), now + 0.01)
        clock.sleep(next_one, now + 0.02)
        await asyncio.wait_for(done.wait(), TIMEOUT_S)
        clock.stop()
        return monotonic() - now

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        assert 0.02 <= runner.run(sleep()) < 5


def test_a_bug_in_what_is_woken_holds_nobody_else_up(
    loop_factory: Callable[[], asyncio.AbstractEventLoop], caplog: pytest.LogCaptureFixture
) -> None:
    async def sleep() -> list[str]:
        clock, woken, done = Clock(asyncio.get_running_loop()), list[str](), asyncio.Event()
        now = monotonic()
        for n in range(4):
            broken = Sleepy(woken, "broken")
            broken.wake = {}.popitem  # type: ignore[method-assign, assignment]
            clock.sleep(broken, now)
            clock.sleep(Sleepy(woken, f"sound {n}"), now)
        last = Sleepy(woken, "last")
        last.wake = done.set  # type: ignore[method-assign]
        clock.sleep(last, now + 0.02)
        await asyncio.wait_for(done.wait(), TIMEOUT_S)
        clock.stop()
        return woken

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        assert sorted(runner.run(sleep())) == [f"sound {n}" for n in range(4)]
    assert caplog.text.count("failed when it was woken") == 4


def test_a_write_that_fails_holds_no_other_up(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Wire):
        def write(self, data: bytes | bytearray | memoryview) -> None:
            raise RuntimeError("no more")

    broken, sound = Broken(), Wire()
    end = Round(lambda flush: None)
    end.post(broken, b"a")
    end.post(sound, b"b")
    end.flush()
    assert sound.written == b"b"
    assert "an answer could not be written" in caplog.text


def test_the_clock_wakes_in_order_and_not_what_was_cancelled(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def sleep() -> list[str]:
        clock, woken = Clock(asyncio.get_running_loop()), list[str]()
        now, done = monotonic(), asyncio.Event()
        clock.sleep(Sleepy(woken, "late"), now + 0.03)
        clock.sleep(Sleepy(woken, "early"), now + 0.01)
        cancelled = Sleepy(woken, "cancelled")
        clock.cancel(cancelled, clock.sleep(cancelled, now + 0.02))
        clock.cancel(cancelled, 1)
        clock.sleep(Sleepy(woken, "never"), math.inf)
        last = Sleepy(woken, "last")
        last.wake = done.set  # type: ignore[method-assign]
        clock.sleep(last, now + 0.04)
        await asyncio.wait_for(done.wait(), TIMEOUT_S)
        assert monotonic() - now >= 0.04
        clock.stop()
        return woken

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        assert runner.run(sleep()) == ["early", "late"]
