"""One connection: HTTP/1.1 in, Steps out.

    data_received -> parser -> on_... -> Turn -> advance -> handle -> pump -> round -> transport.write
                                                              ^        |
                                       wake, resume_writing --+--------+ a Pause, a slow reader

Requests wait in `turns` and are answered strictly in order. `turn` is the one being answered,
`steps` what is left of its answer. A request that needs no waiting is answered inside
`data_received`: no task and no future. What was gathered before a Pause leaves in one write, and as
one chunk where the answer is chunked; the writes of a round of the loop leave together (round.py).
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import sys
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Literal, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from msgspec import Struct

from understudy.model import Abort, Head, HttpRequest, Idle, Pause, Send, Session, Step, Steps, Upgrade
from understudy.server.clock import Clock, Starts, Tick
from understudy.server.heads import Heads
from understudy.server.round import Round

if TYPE_CHECKING:
    from collections.abc import Iterator

    from understudy.server.websocket import WebSocket

log = logging.getLogger("understudy.server")

Handle = Callable[[HttpRequest], "Iterator[Step]"]
"""Answers a request."""

Refuse = Callable[[int, str], "Iterator[Step]"]
"""Answers what is no request, or one that failed: the status and what to say."""

Opens = Callable[[HttpRequest], bool]
"""Whether there are WebSockets where a request goes that asks for one."""

Open = Callable[[HttpRequest, Handle], "Iterator[Step]"]
"""Answers such a request: an Upgrade, or why not. What is said then is asked of the second argument."""


class Limits(Struct, frozen=True):
    """What a client may ask of the server. Times are in seconds.

    `idle_s` is how long a connection with nothing under way stays open, `request_s` how long head
    and body of a request may take to arrive, `drain_s` how long running answers may go on after
    `close`.
    """

    header_bytes: int = 64 * 1024
    body_bytes: int = 64 * 1024 * 1024
    idle_s: float = 75.0
    request_s: float = 30.0
    connections: int = 20_000
    drain_s: float = 10.0


QUEUE = 32
"""Requests that may wait behind a running answer; then the server stops reading."""

FLUSH_BYTES = 64 * 1024
"""So much of an answer is gathered before it is written although no Pause has come."""

LATE_S, CATCH_UP = 0.005, 0.1
"""How late an answer may stay that began late, and the part of a pause that it may leave out until then."""

BURST_BYTES = 1024 * 1024
"""So much of an answer is written at a stretch; then other connections have their turn."""

LINGER_S = 2.0
"""How long a connection that was closed on our side waits for the client to close its own."""

SOON: Tick = 1
"""A moment long past: who sleeps until then is woken in the loop's next round."""

HELD: Tick = 1 << 62
"""When what an outage holds is woken: never, until it is over."""

LINGER_BYTES = 64 * 1024 * 1024
"""How much of what it still sends is read past."""

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\n"
LAST_CHUNK = b"0\r\n\r\n"
LAST_RESORT = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
RESET = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
"""SO_LINGER on, for no time: closing sends RST."""

Framing = Literal[0, 1, 2, 3, 4]
UNSTARTED: Framing = 0
BY_LENGTH: Framing = 1
CHUNKED: Framing = 2
UNTIL_CLOSE: Framing = 3
BODYLESS: Framing = 4


class Refusal(Exception):
    """The bytes received are not a request that is answered."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Hold(Pause, frozen=True, gc=False):
    """A pause until the outage is over."""


HOLD = Hold(0.0)


class Opening(Struct, frozen=True, gc=False):
    """A request to go on as a WebSocket. What its client sends behind it is no HTTP."""

    request: HttpRequest


class Turn(Struct, gc=False):
    """An answer that is owed: for a request, for an opening, or a refusal (status and message).

    `chunks` says that the client understands chunked answers, `persistent` that the connection
    stays open behind this one; `arrived` is when the request began to come, in monotonic seconds.
    """

    request: HttpRequest | Opening | tuple[int, str]
    persistent: bool = False
    chunks: bool = False
    bodyless: bool = False
    arrived: float = 0.0


def nowhere(request: HttpRequest) -> bool:
    """There are no WebSockets."""
    return False


def unopened(request: HttpRequest, ask: Handle) -> Iterator[Step]:
    """What a WebSocket would be asked for is asked in plain HTTP."""
    return ask(request)


class Shared:
    """What all connections of a server share.

    During an outage, `shut` says that new connections are reset, `silent` that nothing is sent unasked.
    """

    __slots__ = (
        "clock",
        "connections",
        "draining",
        "handle",
        "heads",
        "limits",
        "open",
        "opens",
        "quiet",
        "refuse",
        "round",
        "shut",
        "silent",
        "starts",
    )

    def __init__(
        self,
        handle: Handle,
        refuse: Refuse,
        limits: Limits,
        clock: Clock,
        round: Round,
        opens: Opens = nowhere,
        open: Open = unopened,
    ) -> None:
        self.handle = handle
        self.refuse = refuse
        self.opens = opens
        self.open = open
        self.limits = limits
        self.clock = clock
        self.round = round
        self.starts = Starts()
        self.heads = Heads()
        self.connections: set[Connection | WebSocket] = set()
        self.draining = False
        self.shut = False
        self.silent = False
        self.quiet = asyncio.Event()  # no connections, while draining

    def ask(self, request: HttpRequest) -> Iterator[Step]:
        """What answers a request just now: an outage may have its own way."""
        return self.handle(request)


class Connection(asyncio.Protocol):
    """See the picture at the top of the file."""

    __slots__ = (
        "_began",
        "_beyond",
        "_blocked",
        "_body",
        "_chunks",
        "_due",
        "_endless",
        "_eof",
        "_expects",
        "_fields",
        "_framing",
        "_head_bytes",
        "_headers",
        "_held",
        "_idle",
        "_lag",
        "_left",
        "_parser",
        "_peer",
        "_progress",
        "_shared",
        "_since",
        "_steps",
        "_tick",
        "_transport",
        "_turn",
        "_turns",
        "_upgrading",
        "_url",
    )

    _transport: asyncio.Transport

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._peer = ""
        self._since = 0.0  # monotonic: when the last answer ended, or our side was closed
        # The request being received.
        self._parser: HttpRequestParser | None = HttpRequestParser(self)
        self._began = 0.0  # monotonic; 0: nothing under way
        self._head_bytes = 0  # received of the head, or since the last piece of body; or too many
        self._progress = False  # a head or a piece of body was complete in the data
        self._url = b""
        self._headers: list[bytes] = []
        self._fields: tuple[bytes, ...] = ()  # the headers, without what trails the body
        self._body: bytes | bytearray = b""
        self._chunks = False  # the client speaks HTTP/1.1, so understands chunks
        self._expects = False
        self._upgrading = False
        self._beyond: bytes | None = None  # what came behind an opening
        # The answers.
        self._turns: list[Turn] = []
        self._turn: Turn | None = None
        self._steps: Steps | None = None
        self._framing = UNSTARTED
        self._left = 0  # bytes still owed where the length is known
        self._due = 0.0  # monotonic: when the last Pause ended, or the answer began
        self._lag = 0.0  # seconds by which the answer is later than it could be
        self._tick: Tick = 0  # of the Pause being waited for
        self._idle = False  # the Pause is one that shutdown ends
        self._endless = False  # the answer has had such a Pause
        self._blocked = False  # the peer does not read
        self._held = False  # we do not read
        self._eof = False  # the peer has closed its side

    # Connection and bytes

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if peer else ""
        self._since = monotonic()
        shared = self._shared
        shared.connections.add(self)
        if shared.shut:
            self.cut()
        elif len(shared.connections) > shared.limits.connections:
            self._refuse(503, f"The server has {shared.limits.connections} connections, its limit.")
            self._advance()

    def connection_lost(self, exc: Exception | None) -> None:
        shared = self._shared
        shared.connections.discard(self)
        if shared.draining and not shared.connections:
            shared.quiet.set()
        self._parser = None
        self._leave()

    def data_received(self, data: bytes) -> None:
        parser = self._parser
        if parser is None:
            self._read_on(data)
            return
        if not self._began and (found := self._shared.heads.find(data)) is not None:
            head, body = found
            request = HttpRequest(head.method, head.target, head.fields, body, self._peer)
            self._turns.append(Turn(request, True, True, head.method == "HEAD", monotonic()))
        else:
            self._read(parser, data)
        if self._turns:
            if self._turn is None and self._shared.round.crowded():
                self._shared.round.queue(self._advance)
            else:
                self._advance()
            if len(self._turns) > QUEUE and not self._held:
                self._held = True
                self._transport.pause_reading()
        if self._progress or not self._began:
            self._head_bytes = 0
        if self._began:
            self._expect_more()

    def eof_received(self) -> bool:
        """Whether to keep our side open: only where an answer is held up by nothing but the reader."""
        self._parser = None
        self._began = 0.0
        self._eof = True
        self._shared.round.flush()
        if self._tick > SOON or (self._turn is None and not self._turns):
            self._leave()
            return False
        return self._transport.can_write_eof()

    def pause_writing(self) -> None:
        self._blocked = True

    def resume_writing(self) -> None:
        self._blocked = False
        if not self._tick:
            self._go_on()

    def wake(self) -> None:
        """Go on after a Pause."""
        self._tick = 0
        self._idle = False
        if not self._blocked:
            self._go_on()

    def check(self, now: float) -> None:
        """Enforce the limits in time; called every now and then."""
        limits = self._shared.limits
        if self._turn is not None or self._turns:
            self._began = self._began and now
        elif self._began:
            if now - self._began > limits.request_s:
                self._refuse(408, f"The request did not arrive within {limits.request_s:g} seconds.")
                self._advance()
        elif self._parser is None:
            if self._transport.get_write_buffer_size():
                self._since = now
            elif now - self._since > LINGER_S:
                self._transport.abort()
        elif now - self._since > limits.idle_s:
            self._transport.close()

    def drain(self) -> bool:
        """Close if nothing is under way, else say so; then the end of the last answer closes."""
        if self._idle:
            self._shared.clock.cancel(self, self._tick)
            self.wake()
        if self._endless and self._blocked:
            self.abort()
            return False
        if self._parser is None:
            return False
        if self._turn is not None or self._turns or self._began:
            return True
        self._shared.round.flush()
        self._transport.close()
        return False

    def abort(self) -> None:
        self._leave()
        self._shared.round.flush()
        self._transport.abort()

    # Outages

    @property
    def held(self) -> bool:
        return self._tick == HELD

    def busy(self, spared: Callable[[HttpRequest], bool]) -> bool:
        """Whether an answer is under way to what is not `spared`."""
        if self._turn is None:
            return False
        request = self._turn.request
        return not isinstance(request, HttpRequest) or not spared(request)

    def drop(self) -> None:
        """Reset the connection; where its own request is being handled right now, end behind the answer.

        Such an answer has no steps yet.
        """
        if self._turn is not None and self._steps is None:
            self._turn.persistent = False
        else:
            self.cut()

    def freeze(self) -> None:
        """Have the answer under way fall silent until `thaw`."""
        if self._tick:
            self._shared.clock.cancel(self, self._tick)
        self._tick = HELD

    def thaw(self, now: float) -> None:
        """Go on as if no time had passed, other than what a pause lasts anyway; soon, not at once."""
        if self._tick == HELD:
            self._due = max(self._due, now)
            self._tick = self._shared.clock.sleep(self, self._due)
        elif self._expects and self._began:
            self._expect_more()

    def cut(self) -> None:
        """Reset the connection; the answer under way is told that it was us."""
        if hasattr(self._steps, "throw"):
            steps, self._steps = self._steps, None
            thrown(steps)
        self._leave()
        self._reset()

    # The parser's callbacks

    def on_message_begin(self) -> None:
        self._began = monotonic()
        self._url = b""
        self._headers = []
        self._body = b""

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers += (name.lower(), value.rstrip())

    def on_headers_complete(self) -> None:
        parser = self._parser
        assert parser is not None
        headers = self._headers
        names = headers[::2]
        limits = self._shared.limits
        version = parser.get_http_version()
        self._chunks = version == "1.1"
        if self._chunks:
            if names.count(b"host") != 1:
                raise Refusal(400, "A request of HTTP/1.1 has exactly one Host header.")
        else:
            check_old(version, names)
        if self._head_bytes > limits.header_bytes and size_of_head(self._url, headers) > limits.header_bytes:
            raise too_large_head(limits)
        if b"content-length" in names:
            length = int(headers[2 * names.index(b"content-length") + 1])
            if length > limits.body_bytes:
                raise too_large_body(limits)
        if b"expect" in names and self._chunks:
            check_expectation(headers[2 * names.index(b"expect") + 1])
            self._expects = True
        if parser.should_upgrade():
            if parser.get_method() == b"CONNECT":
                raise Refusal(405, "This server is no proxy: it does not answer CONNECT.")
            self._upgrading = True
        self._fields = tuple(headers)
        self._progress = True

    def on_body(self, piece: bytes) -> None:
        self._progress = True
        body = self._body
        if not body:
            self._body = piece
        elif isinstance(body, bytearray):
            body += piece
        else:
            body = self._body = bytearray(body)
            body += piece
        if len(self._body) > self._shared.limits.body_bytes:
            raise too_large_body(self._shared.limits)

    def on_message_complete(self) -> None:
        if self._upgrading:
            return
        parser = self._parser
        assert parser is not None
        target = self._url.decode("latin-1")
        if target[0] != "/":
            target = origin_form(target)
        method = parser.get_method().decode("latin-1")
        request = HttpRequest(method, target, self._fields, bytes(self._body), self._peer)
        persistent = parser.should_keep_alive()
        self._turns.append(Turn(request, persistent, self._chunks, method == "HEAD", self._began))
        self._began = 0.0
        self._progress = True
        self._expects = False
        if not persistent:
            self._parser = None

    # Receiving

    def _read(self, parser: HttpRequestParser, data: bytes) -> None:
        """Have `data` parsed; the head of what is one whole request is remembered."""
        fresh = not self._began
        waiting = len(self._turns)
        self._head_bytes += len(data)
        self._progress = False
        unread = self._feed(parser, data)
        while unread is not None:
            unread = None if self._opens(unread) else self._feed_without_upgrade(unread)
            fresh = False
        if fresh and not self._began and len(self._turns) == waiting + 1:
            turn = self._turns[-1]
            if isinstance(turn.request, HttpRequest) and turn.persistent and turn.chunks:
                request = turn.request
                self._shared.heads.learn(
                    data, request.method, request.target, request.headers, len(request.body)
                )

    def _feed(self, parser: HttpRequestParser, data: bytes) -> bytes | None:
        """Have `data` read; return what follows the head of a request for another protocol, else None."""
        try:
            parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            return data[upgrade.args[0] :]
        except HttpParserError as error:
            if self._parser is not None:
                self._refuse(*what_is_wrong(error))
        return None

    def _opens(self, rest: bytes) -> bool:
        """Whether the request asks for a WebSocket where there are any: then it waits its turn to be one.

        What comes behind its head is not read until then.
        """
        parser = self._parser
        assert parser is not None
        wish = self._fields[2 * self._fields[::2].index(b"upgrade") + 1]
        if parser.get_method() != b"GET" or not self._chunks or wish.lower() != b"websocket":
            return False
        target = self._url.decode("latin-1")
        if target[0] != "/":
            target = origin_form(target)
        request = HttpRequest("GET", target, self._fields, b"", self._peer)
        if not self._shared.opens(request):
            return False
        self._turns.append(Turn(Opening(request), arrived=self._began))
        self._beyond = rest
        self._parser = None
        self._began = 0.0
        self._head_bytes = len(rest)
        return True

    def _feed_without_upgrade(self, rest: bytes) -> bytes | None:
        """Read the request again as if it had not asked for another protocol: it may be ignored.

        The parser takes all that follows for the other protocol, so it is given a head without
        the wish.
        """
        self._upgrading = False
        old = self._parser
        assert old is not None
        head = [b"%b %b HTTP/%b\r\n" % (old.get_method(), self._url, old.get_http_version().encode())]
        for i in range(0, len(self._headers), 2):
            if self._headers[i] != b"upgrade":
                head.append(b"%b: %b\r\n" % (self._headers[i], self._headers[i + 1]))
        self._parser = parser = HttpRequestParser(self)
        data = b"".join(head) + b"\r\n" + rest
        self._head_bytes = len(data)
        self._progress = False
        return self._feed(parser, data)

    def _expect_more(self) -> None:
        """After data that did not complete a request."""
        limits = self._shared.limits
        if self._head_bytes > limits.header_bytes:
            error = too_large_head(limits)
            self._refuse(error.status, error.message)
            self._advance()
        elif self._expects and self._turn is None and not self._turns and not self._shared.silent:
            self._expects = False
            self._shared.round.post(self._transport, CONTINUE)

    def _refuse(self, status: int, message: str) -> None:
        """Queue a refusal; what the client sends after it is not read as HTTP any more."""
        bodyless = bool(self._began) and self._parser is not None and self._parser.get_method() == b"HEAD"
        self._turns.append(Turn((status, message), bodyless=bodyless))
        self._parser = None
        self._began = 0.0
        self._head_bytes = 0

    def _read_on(self, data: bytes) -> None:
        """Keep what a client sends behind an opening, but not much of it before that is answered.

        Read past what it sends behind the end, so that closing does not reset.
        """
        self._head_bytes += len(data)
        if self._beyond is not None:
            self._beyond += data
            if self._head_bytes > FLUSH_BYTES:
                self.abort()
            return
        if self._head_bytes > LINGER_BYTES:
            self._transport.abort()

    # Answering

    def _go_on(self) -> None:
        if self._turn is not None:
            self._pump()
        self._advance()

    def _advance(self) -> None:
        """Answer what is asked, in order, until something waits."""
        turns = self._turns
        while turns and self._turn is None and not self._blocked:
            self._turn = turn = turns.pop(0)
            self._due = now = monotonic()
            self._lag = now - max(turn.arrived, self._since)
            self._framing = UNSTARTED
            self._endless = False
            try:
                if isinstance(turn.request, HttpRequest):
                    self._steps = self._shared.handle(turn.request)
                elif isinstance(turn.request, Opening):
                    self._steps = self._shared.open(turn.request.request, self._shared.ask)
                else:
                    self._steps = self._shared.refuse(*turn.request)
            except Exception as error:
                self._fail(error)
            else:
                self._pump()
        if self._held and len(turns) <= QUEUE // 2:
            self._held = False
            self._transport.resume_reading()
        if self._expects and self._began:
            self._expect_more()

    def _pump(self) -> None:
        """Execute steps until one waits, the peer does not read, or the answer ends."""
        head = b""
        body: list[bytes] = []
        size = 0
        burst = BURST_BYTES
        steps = self._steps
        assert steps is not None
        try:
            for step in steps:
                if type(step) is Send:
                    body.append(step.data)
                    size += len(step.data)
                    if size > FLUSH_BYTES:
                        self._write(head, body)
                        self._shared.round.flush()
                        burst -= size
                        head, body, size = b"", [], 0
                        if self._blocked:
                            return
                        if burst < 0:
                            self._tick = self._shared.clock.sleep(self, 0.0)
                            return
                elif type(step) is Pause:
                    self._due += step.seconds
                    if self._lag > LATE_S:
                        self._catch_up(step.seconds)
                    if self._due > monotonic():
                        self._write(head, body)
                        self._sleep()
                        return
                elif type(step) is Head:
                    head = self._start(step)
                elif type(step) is Abort:
                    self._write(head, body)
                    self._break_off(step)
                    return
                elif type(step) is Hold:
                    self._tick = HELD
                    return
                elif type(step) is Idle:
                    if self._shared.draining:
                        self._close_steps()
                        break
                    self._due = monotonic() + step.seconds
                    self._write(head, body)
                    self._sleep()
                    self._idle = self._endless = True
                    return
                elif type(step) is Upgrade:
                    self._upgrade(step.session)
                    return
            self._write(head, body, last=True)
        except Exception as error:
            self._fail(error, unsent=head)
            return
        self._end()

    def _upgrade(self, session: Session) -> None:
        """Have a WebSocket take our place, or tell what is wrong with the handshake."""
        from understudy.server.websocket import opened

        turn = self._turn
        assert turn is not None
        assert isinstance(turn.request, Opening)
        transport, shared = self._transport, self._shared
        self._close_steps()
        handshake, successor = opened(session, turn.request.request, shared, transport)
        if successor is None:
            steps = Head(handshake.status, handshake.headers, len(handshake.body)), Send(handshake.body)
            self._steps = iter(steps)
            self._pump()
            return
        shared.round.post(transport, SWITCHING + handshake.headers + b"\r\n")
        shared.connections.discard(self)
        shared.connections.add(successor)
        transport.set_protocol(successor)
        if self._blocked:
            successor.pause_writing()
        self._turn = None
        if self._held:
            transport.resume_reading()
        if self._beyond:
            successor.data_received(self._beyond)

    def _catch_up(self, seconds: float) -> None:
        """Shorten a pause a little while the answer lags far behind the time when it could have begun.

        A thousand requests that come at once wait for one another; their streams end on time all the
        same, and no gap in them is noticeably short. All of the lag is not made up, or the streams
        would be due at the same moment ever after.
        """
        gained = min(self._lag - LATE_S, seconds * CATCH_UP)
        self._lag -= gained
        self._due -= gained

    def _start(self, step: Head) -> bytes:
        """The head of an answer, framing chosen."""
        turn = self._turn
        assert turn is not None
        if self._framing:
            raise RuntimeError("the steps have a second Head")
        status, length = step.status, step.length
        end = b"\r\n" if length is None or status == 204 else b"content-length: %d\r\n\r\n" % length
        if turn.bodyless or status == 204 or status == 304:
            framing = BODYLESS
        elif length is not None:
            framing = BY_LENGTH
            self._left = length
        elif turn.chunks:
            framing = CHUNKED
            end = b"transfer-encoding: chunked\r\n\r\n"
        else:
            framing = UNTIL_CLOSE
            turn.persistent = False
        if self._shared.draining and not self._turns:
            turn.persistent = False
        head = self._shared.starts.at(self._due, status, turn.persistent) + step.headers + end
        self._framing = framing
        return head

    def _write(self, head: bytes, body: list[bytes], last: bool = False) -> None:
        """Write what was gathered, framed, in one piece."""
        framing = self._framing
        if framing == CHUNKED:
            if size := sum(map(len, body)):
                body = [b"%x\r\n" % size, *body, b"\r\n"]
            if last:
                body.append(LAST_CHUNK)
        elif framing == BY_LENGTH:
            self._left -= sum(map(len, body))
            if self._left < 0:
                body = [b"".join(body)[: self._left]]
        elif framing == BODYLESS:
            body = []
        elif framing == UNSTARTED and (body or last):
            raise RuntimeError("the steps have no Head before the body")
        if head or body:
            self._shared.round.post(self._transport, b"".join([head, *body]))

    def _sleep(self) -> None:
        if self._eof:
            self._leave()
            self._shared.round.flush()
            self._transport.close()
        else:
            self._tick = self._shared.clock.sleep(self, self._due)

    def _end(self) -> None:
        """After the last step."""
        turn = self._turn
        assert turn is not None
        self._turn = self._steps = None
        if self._framing == BY_LENGTH and self._left:
            log.error("an answer's length is wrong by %d bytes; the connection is closed", -self._left)
            self._finish()
        elif not turn.persistent or (not self._turns and (self._shared.draining or self._eof)):
            self._finish()
        else:
            self._since = monotonic()

    def _break_off(self, abort: Abort) -> None:
        self._leave()
        if abort.how == "close":
            self._finish()
        else:
            self._reset()

    def _reset(self) -> None:
        self._shared.round.flush()
        reset(self._transport)

    def _fail(self, error: Exception, unsent: bytes = b"") -> None:
        """Our own bug: answer 500, or break off an answer whose head has left."""
        log.error("an answer failed: %r", error, exc_info=error)
        turn = self._turn
        assert turn is not None
        self._close_steps()
        if self._framing and not unsent:
            self._leave()
            self._finish()
        elif not isinstance(turn.request, tuple):
            turn.request = (500, f"{type(error).__name__}: {error}")
            self._turn = None
            self._turns.insert(0, turn)
        else:
            self._leave()
            self._shared.round.post(self._transport, LAST_RESORT)
            self._finish()

    def _finish(self) -> None:
        """Close our side, and read on until the client has closed too.

        Closing for good while unread input is left would reset the connection, and the reset
        would destroy what is on its way to the client.
        """
        self._parser = None
        self._beyond = None
        self._began = 0.0
        self._head_bytes = 0
        self._since = monotonic()
        self._turns.clear()
        self._shared.round.flush()
        transport = self._transport
        if self._eof or self._shared.draining or not transport.can_write_eof():
            transport.close()
        elif not transport.is_closing():
            if self._held:
                self._held = False
                transport.resume_reading()
            transport.write_eof()

    def _leave(self) -> None:
        """Forget all answers; the one under way learns that nobody listens."""
        if self._tick:
            self._shared.clock.cancel(self, self._tick)
            self._tick = 0
        self._turns.clear()
        self._turn = None
        self._close_steps()

    def _close_steps(self) -> None:
        steps, self._steps = self._steps, None
        closed(steps)


def closed(steps: Steps | None) -> None:
    """Close the steps: who made them learns that nobody listens."""
    close = getattr(steps, "close", None)
    if close is not None:
        try:
            close()
        except Exception as error:
            log.error("an answer failed while it was closed: %r", error, exc_info=error)


def thrown(steps: Steps | None) -> None:
    """Close the steps, and tell who made them that it was us who reset the connection."""
    throw = getattr(steps, "throw", None)
    if throw is not None:
        try:
            throw(ConnectionResetError("outage"))
        except (StopIteration, ConnectionResetError):
            pass
        except Exception as error:
            log.error("an answer failed while it was cut: %r", error, exc_info=error)


def reset(transport: asyncio.Transport) -> None:
    """End the connection with RST."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    transport.abort()


def what_is_wrong(error: HttpParserError) -> tuple[int, str]:
    """Status and message for what the parser did not accept, or one of our callbacks."""
    cause = error.__context__
    if isinstance(cause, Refusal):
        return cause.status, cause.message
    if "PRI" in str(error):
        return 400, "HTTP/2 is not spoken here: use HTTP/1.1."
    return 400, f"This is not HTTP/1.1: {error}."


def too_large_head(limits: Limits) -> Refusal:
    return Refusal(431, f"The request's head is larger than {limits.header_bytes} bytes.")


def too_large_body(limits: Limits) -> Refusal:
    return Refusal(413, f"The request's body is larger than {limits.body_bytes} bytes.")


def check_old(version: str, names: list[bytes]) -> None:
    """Refuse what is neither HTTP/1.1 nor 1.0, and what 1.0 does not know but proxies may."""
    if version != "1.0":
        raise Refusal(400, f"HTTP/{version} is not spoken here: use HTTP/1.1.")
    if b"transfer-encoding" in names:
        raise Refusal(400, "HTTP/1.0 has no Transfer-Encoding.")


def check_expectation(value: bytes) -> None:
    if value.strip().lower() != b"100-continue":
        raise Refusal(417, "The only expectation that can be met is 100-continue.")


def size_of_head(url: bytes, headers: list[bytes]) -> int:
    """Bytes of a request line and headers, `: ` and line ends included."""
    return len(url) + len(b"".join(headers)) + 2 * len(headers)


def origin_form(target: str) -> str:
    """The path and query of a target in absolute form (`http://host/path?query`), or `*` as it is."""
    _, scheme, rest = target.partition("://")
    if not scheme:
        return target
    for i, character in enumerate(rest):
        if character == "/":
            return rest[i:]
        if character in "?#":
            return "/" + rest[i:]
    return "/"
