"""WebSockets on the server: handshakes, frames, lanes, pauses, ends. The sessions are made for the test."""

from __future__ import annotations

import asyncio
import logging
import ssl
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

import pytest
from hypothesis import given, strategies
from hypothesis.strategies import integers, lists

from frames import (
    ACCEPT,
    BINARY,
    CLOSE,
    CONTINUATION,
    KEY,
    PING,
    PONG,
    TEXT,
    Talker,
    frame,
    frames,
    opening,
    text,
)
from sockets import LOOPS, TIMEOUT_S, Running, connected, echo, opened, refuse
from sockets import text as answer
from understudy.model import Abort, Close, HttpRequest, Pause, Queued, Send, Step, Steps, Upgrade
from understudy.server import Handle, Limits, Server
from understudy.server.frames import Handshake

LoopFactory = Callable[[], asyncio.AbstractEventLoop]
SILENCE_S = 0.1
"""For so long nothing may come from a server that hangs."""

HEADERS = (
    *(b"connection", b"Upgrade", b"upgrade", b"websocket"),
    *(b"sec-websocket-key", KEY, b"sec-websocket-version", b"13"),
)
SWITCHED = (
    b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
    b"sec-websocket-accept: " + ACCEPT + b"\r\n\r\n"
)


class Talk:
    """A session that answers `lane: what` with the steps of `says`, or with what it heard, doubled."""

    AT_ONCE = 2

    def __init__(self, **says: Callable[[], Steps]) -> None:
        self.says = says
        self.heard: list[str] = []
        self.ended: list[str] = []
        self.over: Steps = iter(())
        self.told = threading.Condition()

    def receive(self, message: str) -> Queued:
        self.heard.append(message)
        lane, colon, what = message.partition(": ")
        if not colon:
            lane, what = "", message
        return Queued(None if lane == "now" else lane, self.saying(what))

    def saying(self, what: str) -> Iterator[Step]:
        steps = self.says[what]() if what in self.says else iter((Send(f"{what} {what}".encode()),))
        try:
            yield from steps
        except (GeneratorExit, ConnectionResetError) as end:
            with self.told:
                self.ended.append(type(end).__name__)
                self.told.notify_all()
            raise

    def overdue(self) -> Steps:
        over, self.over = self.over, iter(())
        return over

    def hears_of(self, ends: list[str]) -> bool:
        """Whether these ends come to be noted."""
        with self.told:
            return self.told.wait_for(lambda: self.ended == ends, TIMEOUT_S)


def server_of(talk: Talk, limits: Limits | None = None, handle: Handle = echo) -> Server:
    """A server with the session on `/talk`, and a door that is locked on `/locked`."""

    def open(request: HttpRequest, ask: Handle) -> Iterator[Step]:
        if request.target == "/locked":
            return answer(b"no", 401)
        return iter((Upgrade(talk),))

    return Server(
        handle,
        refuse,
        limits=limits or Limits(drain_s=60.0),
        opens=lambda request: request.target in ("/talk", "/locked"),
        open=open,
    )


@contextmanager
def talking(
    talk: Talk | None = None, limits: Limits | None = None, loop_factory: LoopFactory = LOOPS[0]
) -> Iterator[tuple[Running, Talker]]:
    """A server, and a client that has opened a WebSocket."""
    with (
        opened(server_of(talk or Talk(), limits), loop_factory=loop_factory) as running,
        Talker(running.port) as client,
    ):
        client.open()
        yield running, client


@pytest.fixture(params=LOOPS, ids=["uvloop", "asyncio"])
def loop_factory(request: pytest.FixtureRequest) -> LoopFactory:
    factory: LoopFactory = request.param
    return factory


@pytest.fixture
def running() -> Iterator[Running]:
    with opened(server_of(Talk())) as running:
        yield running


# --- the handshake --------------------------------------------------------------------------------------


def test_a_handshake_is_answered_as_in_the_standard(running: Running) -> None:
    with Talker(running.port) as client:
        head = client.open()
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"date: ")]
    assert b"\r\n".join(lines) == SWITCHED


def test_a_message_may_come_right_behind_the_handshake(running: Running) -> None:
    with Talker(running.port) as client:
        client.open(behind=text("hi"))
        assert client.frame() == (TEXT, b"hi hi")


def test_an_answer_that_is_owed_comes_before_the_handshake(running: Running) -> None:
    with Talker(running.port) as client:
        client.send(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n" + opening() + text("hi"))
        assert client.until(b"GET /a 0").startswith(b"HTTP/1.1 200 OK\r\n")
        assert client.until(b"\r\n\r\n").startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
        assert client.frame() == (TEXT, b"hi hi")


def test_a_session_that_is_not_opened_says_why(running: Running) -> None:
    with Talker(running.port) as client:
        client.send(opening("/locked"))
        assert client.rest() == (
            b"HTTP/1.1 401 Unauthorized\r\nconnection: close\r\ncontent-type: text/plain\r\n"
            b"content-length: 2\r\n\r\nno"
        )


@pytest.mark.parametrize(
    ("mistake", "status"),
    [
        ((b"Version: 13", b"Version: 8"), b"400 Bad Request"),
        ((b"Sec-WebSocket-Version: 13\r\n", b""), b"400 Bad Request"),
        ((b"Sec-WebSocket-Key: ", b"Sec-WebSocket-Key: x"), b"400 Bad Request"),
        ((b"Sec-WebSocket-Key: ", b"X-Key: "), b"400 Bad Request"),
    ],
)
def test_a_handshake_with_a_mistake_is_refused_with_the_version_that_is_spoken(
    running: Running, mistake: tuple[bytes, bytes], status: bytes
) -> None:
    with Talker(running.port) as client:
        said = client.ask(opening().replace(*mistake))
    assert said.startswith(b"HTTP/1.1 " + status + b"\r\n")
    assert b"\r\nsec-websocket-version: 13\r\n" in said


@pytest.mark.parametrize(
    ("request_bytes", "expected"),
    [
        (opening("/elsewhere"), b"GET /elsewhere 0"),
        (opening().replace(b"GET", b"POST"), b"POST /talk 0"),
        (opening().replace(b"websocket", b"h2c"), b"GET /talk 0"),
        (opening().replace(b"HTTP/1.1", b"HTTP/1.0"), b"GET /talk 0"),
    ],
)
def test_any_other_wish_for_an_upgrade_is_ignored(
    running: Running, request_bytes: bytes, expected: bytes
) -> None:
    with Talker(running.port) as client:
        client.send(request_bytes)
        assert client.until(expected).startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_proxy_may_name_the_whole_address(running: Running) -> None:
    with Talker(running.port) as client:
        assert client.open("http://x/talk").startswith(b"HTTP/1.1 101 Switching Protocols\r\n")


def test_what_comes_while_the_handshake_is_not_answered_is_not_kept_without_end() -> None:
    def slow(request: HttpRequest, ask: Handle) -> Iterator[Step]:
        yield Pause(3600.0)

    server = Server(echo, refuse, limits=Limits(drain_s=0.0), opens=lambda request: True, open=slow)
    with opened(server) as running, Talker(running.port) as client:
        client.send(opening())
        with pytest.raises(ConnectionError):
            client.send(bytes(64 << 20))


# --- frames ---------------------------------------------------------------------------------------------


def test_a_message_is_answered(loop_factory: LoopFactory) -> None:
    with talking(loop_factory=loop_factory) as (_, client):
        client.send(text("hé"))
        assert client.frame() == (TEXT, "hé hé".encode())


def test_a_fragmented_message_may_have_a_ping_in_the_middle() -> None:
    with talking() as (_, client):
        client.send(frame(TEXT, b"a", fin=False) + frame(PING, b"there?"))
        assert client.frame() == (PONG, b"there?")
        client.send(frame(CONTINUATION, b"b", fin=False) + frame(CONTINUATION, b"c"))
        assert client.frame() == (TEXT, b"abc abc")


def test_a_message_may_arrive_byte_by_byte() -> None:
    with talking() as (_, client):
        for at in text("hi"):
            client.send(bytes((at,)))
        assert client.frame() == (TEXT, b"hi hi")


def test_a_character_may_be_cut_by_a_fragment() -> None:
    with talking() as (_, client):
        client.send(frame(TEXT, b"\xc3", fin=False) + frame(CONTINUATION, b"\xa9"))
        assert client.frame() == (TEXT, "é é".encode())


def test_a_long_message_and_a_long_answer_arrive_whole() -> None:
    message = "x" * 200_000
    with talking() as (_, client):
        client.send(text(message))
        assert client.frame() == (TEXT, f"{message} {message}".encode())


@given(messages=lists(strategies.text(), max_size=5), sizes=lists(integers(1, 9), min_size=1))
def test_messages_are_the_same_however_their_bytes_are_cut(messages: list[str], sizes: list[int]) -> None:
    handshake = Handshake(HttpRequest("GET", "/talk", HEADERS), 1 << 20)
    data = b"".join(map(text, messages))
    heard: list[str] = []
    for size in cycle(sizes):
        if not data:
            break
        heard += handshake.frames.receive(data[:size])
        data = data[size:]
    assert heard == messages


def test_a_server_that_nobody_asks_for_a_websocket_needs_no_library_for_it() -> None:
    code = (
        "import sys; from understudy.app import App; from understudy.settings import Settings;"
        "App(Settings()); print([name for name in sys.modules if name.startswith('websockets')])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(BINARY, b"hi"), 1003),
        (frame(BINARY, b"h", fin=False) + frame(CONTINUATION, b"i"), 1003),
        (frame(TEXT, b"\xff"), 1007),
        (frame(TEXT, b"hi", masked=False), 1002),
        (frame(TEXT, b"hi", reserved=1), 1002),
        (frame(3, b"hi"), 1002),
        (frame(CONTINUATION, b"hi"), 1002),
        (frame(TEXT, b"h", fin=False) + frame(TEXT, b"i"), 1002),
        (frame(PING, b"hi", fin=False), 1002),
        (frame(PING, b"x" * 126), 1002),
        (frame(CLOSE, b"\x03"), 1002),
        (frame(CLOSE, b"\x03\xe8\xff"), 1007),
        (frame(TEXT, b"x" * 201), 1009),
        (frame(TEXT, b"x" * 150, fin=False) + frame(CONTINUATION, b"x" * 150), 1009),
    ],
)
def test_what_is_malformed_closes_with_the_code_for_it(sent: bytes, code: int) -> None:
    talk = Talk()
    with talking(talk, Limits(body_bytes=200)) as (_, client):
        client.send(sent + text("too late"))
        assert client.closing()[0] == code
    assert talk.heard == []


def test_the_code_of_a_client_that_closes_comes_back() -> None:
    with talking() as (_, client):
        client.send(frame(CLOSE, b"\x03\xe8bye"))
        assert client.closing() == (1000, "bye")


def test_messages_are_compressed_where_the_client_offers_it() -> None:
    with opened(server_of(Talk())) as running, Talker(running.port) as client:
        head = client.open(headers=b"Sec-WebSocket-Extensions: permessage-deflate\r\n")
        assert b"\r\nsec-websocket-extensions: permessage-deflate" in head
        packing = zlib.compressobj(wbits=-15)
        packed = packing.compress(b"hi" * 100) + packing.flush(zlib.Z_SYNC_FLUSH)
        client.send(frame(TEXT, packed[:-4], reserved=4))
        first, length = client.exactly(2)
        assert first == 0b1100_0001
        unpacked = zlib.decompressobj(wbits=-15).decompress(client.exactly(length) + b"\0\0\xff\xff")
        assert unpacked == b"hi" * 100 + b" " + b"hi" * 100


def test_a_message_that_is_too_large_once_unpacked_is_refused() -> None:
    with opened(server_of(Talk(), Limits(body_bytes=1000))) as running, Talker(running.port) as client:
        client.open(headers=b"Sec-WebSocket-Extensions: permessage-deflate\r\n")
        packing = zlib.compressobj(wbits=-15)
        packed = packing.compress(bytes(1_000_000)) + packing.flush(zlib.Z_SYNC_FLUSH)
        client.send(frame(TEXT, packed[:-4], reserved=4))
        opcode, data = client.frame()
        assert (opcode, int.from_bytes(data[:2])) == (CLOSE, 1009)


def test_a_websocket_may_be_encrypted(certificate: tuple[Path, Path], loop_factory: LoopFactory) -> None:
    server_tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_tls.load_cert_chain(*certificate)
    client_tls = ssl.create_default_context(cafile=str(certificate[0]))
    with (
        opened(server_of(Talk()), server_tls, loop_factory) as running,
        Talker(running.port, tls=client_tls) as client,
    ):
        client.open(behind=text("hi"))
        assert client.frame() == (TEXT, b"hi hi")
        client.send(frame(CLOSE, b"\x03\xe8"))
        assert client.frame() == (CLOSE, b"\x03\xe8")


# --- lanes and time -------------------------------------------------------------------------------------


def said(*steps: Step) -> Callable[[], Steps]:
    return lambda: iter(steps)


class Desk:
    """A WebSocket on a transport in memory, whose pauses end when the timetable rings."""

    def __init__(self, talk: Talk, limits: Limits | None = None) -> None:
        self.connection, self.wire, self.clock = connected(echo, limits)
        self.shared = self.connection._shared
        self.shared.opens = lambda request: True
        self.shared.open = lambda request, ask: iter((Upgrade(talk),))
        self.connection.data_received(opening())
        self.socket = self.wire.protocol
        self.wire.writes.clear()

    def say(self, *messages: str) -> None:
        self.socket.data_received(b"".join(map(text, messages)))

    def heard(self) -> list[bytes]:
        """The messages that were sent since the last time."""
        found = [data for _, data in frames(b"".join(self.wire.writes))]
        self.wire.writes.clear()
        return found


def test_what_comes_before_a_pause_leaves_in_one_write() -> None:
    desk = Desk(Talk(go=said(Send(b"a"), Send(b"b"), Pause(1.0), Send(b"c"))))
    desk.say("go")
    assert len(desk.wire.writes) == 1
    assert desk.heard() == [b"a", b"b"]
    desk.clock.ring()
    assert desk.heard() == [b"c"]


def test_pauses_count_from_the_end_of_the_one_before() -> None:
    desk = Desk(Talk(go=said(Pause(1.0), Send(b"a"), Pause(2.0), Send(b"b"))))
    desk.say("go")
    desk.clock.ring()
    first, second = desk.clock.dues
    assert second - first == pytest.approx(2.0)


def test_a_lane_is_in_order_and_lanes_go_side_by_side() -> None:
    desk = Desk(Talk(slow=said(Send(b"slow"), Pause(1.0), Send(b"done"))))
    desk.say("one: slow", "one: next", "two: slow")
    assert desk.heard() == [b"slow", b"slow"]
    desk.clock.ring()
    assert desk.heard() == [b"done", b"next next", b"done"]


def test_no_more_lanes_go_side_by_side_than_the_session_allows() -> None:
    desk = Desk(Talk(slow=said(Send(b"slow"), Pause(1.0), Send(b"done"))))
    desk.say("one: slow", "two: slow", "three: hi")
    assert desk.heard() == [b"slow", b"slow"]
    desk.clock.ring()
    assert desk.heard() == [b"done", b"hi hi", b"done"]


def test_what_has_no_lane_waits_for_nobody() -> None:
    desk = Desk(Talk(slow=said(Pause(1.0))))
    desk.say("one: slow", "two: slow", "now: hi")
    assert desk.heard() == [b"hi hi"]


def test_a_client_that_does_not_read_is_sent_no_more_until_it_does() -> None:
    taken: list[int] = []

    def flood() -> Iterator[Step]:
        for number in range(100):
            taken.append(number)
            yield Send(b"x" * 65_536)

    desk = Desk(Talk(flood=flood))
    desk.wire.room = 100_000
    desk.say("flood")
    assert len(taken) < 5
    desk.wire.room = 1 << 40
    desk.socket.resume_writing()
    while desk.clock.sleepers:
        desk.clock.ring()
    assert len(taken) == 100


def test_a_long_answer_lets_others_have_their_turn() -> None:
    desk = Desk(Talk(flood=lambda: (Send(b"x" * 65_537) for _ in range(100))))
    desk.say("flood")
    assert 10 < len(desk.heard()) < 30
    assert len(desk.clock.sleepers) == 1


def test_a_client_that_asks_too_much_at_once_is_not_read_until_there_is_room() -> None:
    desk = Desk(Talk(slow=said(Pause(1.0))))
    desk.say("slow", *["hi"] * 40)
    assert not desk.wire.reading
    desk.clock.ring()
    assert desk.wire.reading
    assert desk.heard() == [b"hi hi"] * 40


def test_what_is_overdue_is_said_unasked() -> None:
    talk = Talk()
    desk = Desk(talk)
    talk.over = iter((Send(b"late"), Close(1001, "over")))
    desk.socket.check(desk.socket._heard + 1.0)
    assert desk.heard() == [b"late", b"\x03\xe9over"]


def test_a_client_that_is_silent_is_asked_whether_it_is_there() -> None:
    desk = Desk(Talk(), Limits(idle_s=10.0))
    desk.socket.check(desk.socket._heard + 9.0)
    assert desk.wire.writes == []
    desk.socket.check(desk.socket._heard + 11.0)
    assert frames(desk.wire.written) == [(PING, b"")]


def test_a_client_that_answers_to_it_stays() -> None:
    desk = Desk(Talk(), Limits(idle_s=10.0))
    desk.socket.check(desk.socket._heard + 11.0)
    desk.socket.data_received(frame(PONG))
    desk.socket.check(desk.socket._heard + 9.0)
    assert desk.wire.ended == ""


def test_a_client_that_does_not_is_cut_off() -> None:
    desk = Desk(Talk(), Limits(idle_s=10.0))
    heard = desk.socket._heard
    desk.socket.check(heard + 11.0)
    desk.socket.check(heard + 21.0)
    assert desk.wire.ended == "aborted"


# --- ends -----------------------------------------------------------------------------------------------


def test_a_session_may_close(loop_factory: LoopFactory) -> None:
    talk = Talk(bye=said(Send(b"so long"), Close(4000, "enough"), Send(b"never")))
    with talking(talk, loop_factory=loop_factory) as (_, client):
        client.send(text("bye"))
        assert client.frame() == (TEXT, b"so long")
        assert client.closing() == (4000, "enough")


def test_a_connection_that_is_cut_ends_without_a_closing_frame(loop_factory: LoopFactory) -> None:
    talk = Talk(cut=said(Send(b"half"), Abort("close"), Send(b"never")))
    with talking(talk, loop_factory=loop_factory) as (_, client):
        client.send(text("cut"))
        assert frames(client.rest()) == [(TEXT, b"half")]


def test_a_connection_may_be_reset(loop_factory: LoopFactory) -> None:
    with talking(Talk(cut=said(Abort("reset"))), loop_factory=loop_factory) as (_, client):
        client.send(text("cut"))
        with pytest.raises(ConnectionResetError):
            client.rest()


def test_a_bug_of_ours_closes_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def bug() -> Iterator[Step]:
        yield Send(b"so far")
        raise KeyError("oops")

    with talking(Talk(bug=bug)) as (_, client), caplog.at_level(logging.ERROR):
        client.send(text("bug"))
        assert client.frame() == (TEXT, b"so far")
        assert client.closing() == (1011, "")
    assert "KeyError: 'oops'" in caplog.text


def test_a_bug_of_ours_in_hearing_closes_too(caplog: pytest.LogCaptureFixture) -> None:
    class Deaf(Talk):
        def receive(self, message: str) -> Queued:
            raise KeyError("deaf")

    with talking(Deaf()) as (_, client), caplog.at_level(logging.ERROR):
        client.send(text("hi"))
        assert client.closing() == (1011, "")
    assert "KeyError: 'deaf'" in caplog.text


@pytest.mark.parametrize("last", [frame(CLOSE, b"\x03\xe8"), b""], ids=["closed", "gone"])
def test_who_answers_learns_that_the_client_has_left(last: bytes, loop_factory: LoopFactory) -> None:
    talk = Talk(slow=said(Send(b"slow"), Pause(3600.0)))
    with talking(talk, loop_factory=loop_factory) as (_, client):
        client.send(text("slow"))
        client.frame()
        client.send(last)
        client.socket.shutdown(1)
        assert talk.hears_of(["GeneratorExit"])


def test_a_message_right_before_the_end_has_been_heard() -> None:
    talk = Talk(slow=said(Pause(3600.0)))
    with talking(talk) as (_, client):
        client.send(text("slow") + frame(CLOSE, b"\x03\xe8"))
        assert client.closing()[0] == 1000
        assert talk.hears_of(["GeneratorExit"])


def test_a_client_that_does_not_close_in_turn_is_cut_off() -> None:
    desk = Desk(Talk(bye=said(Close(1000))))
    desk.say("bye")
    assert desk.heard() == [b"\x03\xe8"]
    closing = desk.socket._closing
    desk.socket.check(closing + 1.0)
    assert desk.wire.ended == ""
    desk.socket.check(closing + 3.0)
    assert desk.wire.ended == "aborted"


def test_a_client_that_still_reads_what_was_sent_has_time_to_close() -> None:
    desk = Desk(Talk(bye=said(Close(1000))))
    desk.say("bye")
    desk.wire.unsent = 1
    desk.socket.check(desk.socket._closing + 3.0)
    assert desk.wire.ended == ""


def test_what_is_said_to_a_server_that_has_closed_is_not_heard() -> None:
    talk = Talk(bye=said(Close(1000)))
    desk = Desk(talk)
    desk.say("bye")
    desk.say("hi")
    assert talk.heard == ["bye"]


# --- shutdown and outages -------------------------------------------------------------------------------


def test_a_server_that_closes_says_so(loop_factory: LoopFactory) -> None:
    with talking(loop_factory=loop_factory) as (running, client):
        closing = running.begin_close()
        assert client.closing() == (1001, "")
        closing.result(TIMEOUT_S)


def test_a_server_that_closes_waits_for_what_is_under_way(loop_factory: LoopFactory) -> None:
    go_on = threading.Event()

    def slow() -> Iterator[Step]:
        yield Send(b"slow")
        while not go_on.is_set():
            yield Pause(0.005)
        yield Send(b"done")

    with talking(Talk(slow=slow), loop_factory=loop_factory) as (running, client):
        client.send(text("slow"))
        client.frame()
        closing = running.begin_close()
        go_on.set()
        assert client.frame() == (TEXT, b"done")
        assert client.closing() == (1001, "")
        closing.result(TIMEOUT_S)


def test_an_outage_that_refuses_resets_what_is_open(loop_factory: LoopFactory) -> None:
    talk = Talk(slow=said(Send(b"slow"), Pause(3600.0)))
    with talking(talk, loop_factory=loop_factory) as (running, client):
        client.send(text("slow"))
        client.frame()
        running.call(running.server.begin_outage, "refuse", 3600.0)
        with pytest.raises(ConnectionResetError):
            client.rest()
        assert talk.hears_of(["ConnectionResetError"])


def test_an_outage_that_resets_leaves_alone_who_is_silent(loop_factory: LoopFactory) -> None:
    talk = Talk(slow=said(Send(b"slow"), Pause(3600.0)))
    with talking(talk, loop_factory=loop_factory) as (running, idle), Talker(running.port) as busy:
        busy.open(behind=text("slow"))
        busy.frame()
        running.call(running.server.begin_outage, "reset", 3600.0)
        with pytest.raises(ConnectionResetError):
            busy.rest()
        running.call(running.server.end_outage)
        idle.send(text("hi"))
        assert idle.frame() == (TEXT, b"hi hi")


def test_an_outage_that_resets_resets_who_asks_for_a_websocket(loop_factory: LoopFactory) -> None:
    with talking(loop_factory=loop_factory) as (running, _), Talker(running.port) as client:
        running.call(running.server.begin_outage, "reset", 3600.0)
        client.send(opening())
        with pytest.raises(ConnectionResetError):
            client.rest()


def test_nobody_hears_a_byte_of_a_server_that_hangs(loop_factory: LoopFactory) -> None:
    talk = Talk(slow=said(Send(b"slow"), Pause(0.01), Send(b"done")))
    with talking(talk, loop_factory=loop_factory) as (running, client), Talker(running.port) as late:
        running.call(running.server.begin_outage, "hang")
        late.send(opening())
        client.send(frame(PING, b"there?"))
        client.socket.settimeout(SILENCE_S)
        with pytest.raises(TimeoutError):
            client.frame()
        client.socket.settimeout(TIMEOUT_S)
        running.call(running.server.end_outage)
        assert client.frame() == (PONG, b"there?")
        assert late.until(b"\r\n\r\n").startswith(b"HTTP/1.1 101 Switching Protocols\r\n")


def test_what_is_under_way_hangs_and_goes_on_behind_the_outage(loop_factory: LoopFactory) -> None:
    go_on = threading.Event()

    def slow() -> Iterator[Step]:
        yield Send(b"slow")
        while not go_on.is_set():
            yield Pause(0.005)
        yield Send(b"done")

    with talking(Talk(slow=slow), loop_factory=loop_factory) as (running, client):
        client.send(text("slow"))
        client.frame()
        running.call(running.server.begin_outage, "hang")
        go_on.set()
        client.socket.settimeout(SILENCE_S)
        with pytest.raises(TimeoutError):
            client.frame()
        client.socket.settimeout(TIMEOUT_S)
        running.call(running.server.end_outage)
        assert client.frame() == (TEXT, b"done")


def test_a_server_that_closes_breaks_off_what_hangs() -> None:
    talk = Talk(slow=said(Send(b"slow"), Pause(3600.0)))
    with talking(talk) as (running, client):
        client.send(text("slow"))
        client.frame()
        running.call(running.server.begin_outage, "hang")
        running.begin_close().result(TIMEOUT_S)
        with pytest.raises(ConnectionResetError):
            client.rest()
