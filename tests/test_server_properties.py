"""Any bytes at all, in any packets: well-formed answers, never a 5xx, never a hang."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sockets import Running, connected, echo, serving
from understudy.model import Head, HttpRequest, Pause, Send, Step
from understudy.server import Limits

LIMITS = Limits(header_bytes=512, body_bytes=256, request_s=0.05, idle_s=0.05, drain_s=0.0)
GOOD = b"GET /good HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
GOOD_ANSWER = (
    b"HTTP/1.1 200 OK\r\nconnection: close\r\n"
    b"content-type: text/plain\r\ncontent-length: 11\r\n\r\nGET /good 0"
)

REQUESTS = st.sampled_from(
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 1\r\n\r\na",
    ]
)
LINES = st.sampled_from(
    [
        *(b"Host: x\r\n", b"Content-Length: 3\r\n", b"Content-Length: 999\r\n", b"Content-Length: -1\r\n"),
        *(b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip\r\n", b"Expect: 100-continue\r\n"),
        *(b"Expect: x\r\n", b"Connection: close\r\n", b"Connection: keep-alive\r\n"),
        *(b"Connection: Upgrade\r\n", b"Upgrade: h2c\r\n", b"Upgrade: websocket\r\n"),
        *(b"X: " + b"y" * 600 + b"\r\n", b"A:\r\n", b" folded\r\n", b"no colon\r\n", b"a : b\r\n"),
    ]
)
STARTS = st.sampled_from(
    [
        *(b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\n", b"HEAD / HTTP/1.1\r\n", b"POST / HTTP/1.0\r\n"),
        *(b"OPTIONS * HTTP/1.1\r\n", b"CONNECT x:1 HTTP/1.1\r\n", b"GET http://x?y HTTP/1.1\r\n"),
        *(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/2.0\r\n", b"GET /\r\n", b"BREW / HTTP/1.1\r\n"),
    ]
)
RESTS = st.sampled_from(
    [
        *(b"", b"abc", b"3\r\nabc\r\n", b"0\r\n\r\n", b"ffffffffffffffff\r\n", b"0;x=y\r\nT: u\r\n\r\n"),
        *(b"12c\r\n" + bytes(300), b"x" * 600, b"\0", b"\xff\xfe", b"\r\n", b"\n", b"\x16\x03\x01\x02\x00"),
    ]
)
ODD = st.builds(
    lambda start, lines, rest: b"".join([start, *lines, b"\r\n", *rest]),
    STARTS,
    st.lists(LINES, max_size=5).map(lambda lines: [b"Host: x\r\n", *lines]),
    st.lists(RESTS, max_size=3),
)
PIECES = st.one_of(REQUESTS, REQUESTS, REQUESTS, ODD, STARTS, LINES, RESTS, st.binary(max_size=12))
BYTES = st.lists(PIECES, max_size=8).map(b"".join)
CUTS = st.lists(st.integers(min_value=1, max_value=60), max_size=40)


def packets(data: bytes, sizes: list[int]) -> list[bytes]:
    """The data in pieces of these sizes, the rest in one."""
    pieces = []
    for size in sizes:
        pieces.append(data[:size])
        data = data[size:]
    return [piece for piece in [*pieces, data] if piece]


def chunked_body(data: bytes) -> tuple[bytes, bytes]:
    """A chunked body, and what follows it."""
    body = b""
    while True:
        size, line_end, data = data.partition(b"\r\n")
        assert line_end, "a chunk without its size"
        length = int(size, 16)
        assert data[length : length + 2] == b"\r\n", "a chunk that is not as long as it says"
        body, data = body + data[:length], data[length + 2 :]
        if not length:
            return body, data


def answers(data: bytes, methods: list[str]) -> list[tuple[int, bytes]]:
    """Status and body of each answer; AssertionError where the bytes are no sequence of answers.

    `methods` are those of the requests that were answered, in order; behind them comes at most one
    refusal.
    """
    found: list[tuple[int, bytes]] = []
    while data:
        head, end, data = data.partition(b"\r\n\r\n")
        assert end, f"a head without an end: {head!r}"
        status_line, *lines = head.split(b"\r\n")
        version, status, _ = status_line.split(b" ", 2)
        assert version == b"HTTP/1.1"
        if status == b"100":
            assert not lines
            continue
        headers = dict(line.split(b": ", 1) for line in lines)
        assert len(headers) == len(lines), "a header twice"
        head_only = len(found) < len(methods) and methods[len(found)] == "HEAD"
        refused_head_only = len(found) == len(methods) and not data
        if head_only or refused_head_only:
            body = b""
        elif b"content-length" in headers:
            length = int(headers[b"content-length"])
            body, data = data[:length], data[length:]
            assert len(body) == length, "a body cut short"
        elif b"transfer-encoding" in headers:
            assert headers[b"transfer-encoding"] == b"chunked"
            body, data = chunked_body(data)
        else:
            assert headers[b"connection"] == b"close"
            body, data = data, b""
        found.append((int(status), body))
        if headers[b"connection"] == b"close":
            assert not data, "something behind the last answer"
    return found


class Recorder:
    """Answers in different framings, without and with pauses, and notes the methods."""

    def __init__(self, pause_s: float) -> None:
        self.methods: list[str] = []
        self.pause_s = pause_s

    def __call__(self, request: HttpRequest) -> Iterator[Step]:
        self.methods.append(request.method)
        if len(self.methods) % 3 == 0:
            return iter([Head(200, b""), Send(b"a"), Pause(self.pause_s), Send(b"b")])
        if len(self.methods) % 3 == 1:
            return iter([Pause(self.pause_s), *echo(request)])
        return echo(request)


@settings(max_examples=600, deadline=None)
@given(BYTES, CUTS)
def test_any_bytes_in_any_packets_are_answered_by_well_formed_answers(data: bytes, cuts: list[int]) -> None:
    recorder = Recorder(1.0)
    connection, wire, clock = connected(recorder, LIMITS)
    for piece in packets(data, cuts):
        connection.data_received(piece)
        if len(piece) % 2:
            clock.ring()
    for _ in range(2 * len(data) + 2):
        clock.ring()
    assert not clock.sleepers
    found = answers(wire.written, recorder.methods)
    assert len(recorder.methods) <= len(found) <= len(recorder.methods) + 1
    assert all(200 <= status < 500 for status, _ in found)
    connection.connection_lost(None)


@settings(max_examples=600, deadline=None)
@given(BYTES, CUTS)
def test_the_packets_make_no_difference(data: bytes, cuts: list[int]) -> None:
    transcripts = []
    for pieces in (packets(data, [1] * len(data)), packets(data, cuts)):
        seen: list[HttpRequest] = []

        def note(request: HttpRequest, seen: list[HttpRequest] = seen) -> Iterator[Step]:
            seen.append(request)
            return echo(request)

        connection, wire, _ = connected(note, Limits(header_bytes=10_000, body_bytes=10_000))
        for piece in pieces:
            connection.data_received(piece)
        transcripts.append((seen, wire.written.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b""), wire.ended))
    assert transcripts[0] == transcripts[1]


@settings(max_examples=600, deadline=None)
@given(st.lists(PIECES, max_size=5))
def test_a_head_that_was_read_before_makes_no_difference(pieces: list[bytes]) -> None:
    """Each request in a packet of its own, and all of them again: the second time, their heads are known."""
    packeted = [piece for piece in pieces * 3 if piece]
    transcripts = []
    for packets_ in (packeted, [bytes([byte]) for piece in packeted for byte in piece]):
        seen: list[HttpRequest] = []

        def note(request: HttpRequest, seen: list[HttpRequest] = seen) -> Iterator[Step]:
            seen.append(request)
            return echo(request)

        connection, wire, _ = connected(note, Limits(header_bytes=10_000, body_bytes=10_000))
        for piece in packets_:
            connection.data_received(piece)
        transcripts.append((seen, wire.written.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b""), wire.ended))
    assert transcripts[0] == transcripts[1]


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Running, Recorder]]:
    recorder = Recorder(0.001)
    with serving(recorder, LIMITS) as running:
        yield running, recorder


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=BYTES, cuts=CUTS)
def test_a_server_answers_any_bytes_and_then_a_good_request(
    server: tuple[Running, Recorder], data: bytes, cuts: list[int]
) -> None:
    running, recorder = server
    recorder.methods = []
    with running.client() as client:
        try:
            for piece in packets(data, cuts):
                client.send(piece)
            received = client.rest()
        except ConnectionError:
            received = b""
    if received:
        found = answers(received, recorder.methods)
        assert all(200 <= status < 500 for status, _ in found)
    recorder.methods = ["", ""]
    assert (
        running.ask(GOOD)
        == b"".join((b"HTTP/1.1 200 OK\r\nconnection: close\r\n", b"transfer-encoding: chunked\r\n\r\n"))
        + b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n"
    )
    recorder.methods = ["", "", "", ""]
    assert running.ask(GOOD) == GOOD_ANSWER


@pytest.mark.parametrize("data", [b"", b"G", b"GET / HTTP/1.1\r\n", b"\r\n" * 50, GOOD[:-2]])
def test_silence_in_the_middle_of_anything_ends(server: tuple[Running, Recorder], data: bytes) -> None:
    running, _ = server
    assert running.ask(data)[:13] in (b"", b"HTTP/1.1 408 ")


def test_the_reader_of_answers_notices_broken_frames() -> None:
    head = b"HTTP/1.1 200 OK\r\nconnection: keep-alive\r\n"
    for broken in (
        head,
        head + b"content-length: 3\r\n\r\nab",
        head + b"transfer-encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
        head + b"transfer-encoding: chunked\r\n\r\n2\r\nab\r\n",
        head + b"\r\nabc",
        head.replace(b"keep-alive", b"close") + b"content-length: 0\r\n\r\nabc",
    ):
        with pytest.raises(AssertionError):
            answers(broken, ["GET"])
