"""One WebSocket: text messages in, Steps out. It takes the place of the Connection that was upgraded.

    data_received -> Frames -> session.receive -> Lane -> pump -> Frames -> round -> transport.write
                                                   ^       |
                              wake, resume_writing +-------+ a Pause, a slow reader

Steps wait in lanes: those of a lane are executed one after another, lanes side by side, as many as the
session allows. What has no lane is executed at once. A Send is one message; what was gathered before a Pause
leaves in one write.

Imported when the first client asks for a WebSocket, and not before.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from understudy.model import Abort, Close, HttpRequest, Pause, Queued, Send, Session, Steps
from understudy.server.clock import Tick
from understudy.server.connection import (
    BURST_BYTES,
    FLUSH_BYTES,
    HELD,
    LINGER_S,
    QUEUE,
    Hold,
    Shared,
    closed,
    reset,
    thrown,
)
from understudy.server.frames import Frames, Handshake

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("understudy.server")

GOING_AWAY, INTERNAL_ERROR = 1001, 1011
"""Close codes. Source: RFC 6455, 7.4.1."""


class Lane:
    """Steps that are executed one after another; `steps` are those under way."""

    __slots__ = ("due", "name", "socket", "steps", "tick", "waiting")

    def __init__(self, socket: WebSocket, name: str | None) -> None:
        self.socket = socket
        self.name = name
        self.waiting: deque[Steps] = deque()
        self.steps: Steps | None = None
        self.due = 0.0  # monotonic: when the last Pause ended, or the steps began
        self.tick: Tick = 0  # of the Pause being waited for

    def wake(self) -> None:
        """Go on after a Pause."""
        self.tick = 0
        self.socket.go_on()


class WebSocket(asyncio.Protocol):
    """See the picture at the top of the file."""

    __slots__ = (
        "_active",
        "_blocked",
        "_closing",
        "_frames",
        "_heard",
        "_held",
        "_lanes",
        "_pinged",
        "_queued",
        "_session",
        "_shared",
        "_transport",
        "_waiting",
    )

    def __init__(
        self, shared: Shared, transport: asyncio.Transport, session: Session, frames: Frames
    ) -> None:
        self._shared = shared
        self._transport = transport
        self._session = session
        self._frames = frames
        self._lanes: dict[str, Lane] = {}
        self._waiting: deque[Lane] = deque()  # that could begin, were there not too many
        self._active: dict[Lane, None] = {}  # in the order in which they began
        self._queued = 0  # steps that have not begun
        self._heard = monotonic()  # when the client last said anything
        self._pinged = False  # it was asked since then whether it is there
        self._closing = 0.0  # monotonic: when we began to close
        self._blocked = False  # the peer does not read
        self._held = False  # we do not read

    # Connection and bytes

    def connection_lost(self, exc: Exception | None) -> None:
        shared = self._shared
        shared.connections.discard(self)
        if shared.draining and not shared.connections:
            shared.quiet.set()
        self._leave()

    def data_received(self, data: bytes) -> None:
        self._heard, self._pinged = monotonic(), False
        for message in self._frames.receive(data):
            if not self._closing:
                self._hear(partial(self._session.receive, message))
        if self._queued > QUEUE and not self._held:
            self._held = True
            self._transport.pause_reading()
        self.go_on()

    def eof_received(self) -> bool:
        """The client is gone, for a WebSocket ends with a frame that says so, and both sides at once."""
        self._leave()
        return False

    def pause_writing(self) -> None:
        self._blocked = True

    def resume_writing(self) -> None:
        self._blocked = False
        self.go_on()

    def check(self, now: float) -> None:
        """Say what is overdue; find out whether a client that is silent is there at all."""
        if self._closing:
            if self._transport.get_write_buffer_size():
                self._closing = now
            elif now - self._closing > LINGER_S:
                self._transport.abort()
            return
        if self._shared.silent or self._blocked:
            return
        idle_s = self._shared.limits.idle_s
        if now - self._heard > 2 * idle_s and self._pinged:
            self.abort()
            return
        if now - self._heard > idle_s and not self._pinged:
            self._pinged = True
            self._frames.ping()
        self._hear(lambda: Queued(None, self._session.overdue()))
        self.go_on()

    def drain(self) -> bool:
        """Close if nothing is under way, else say so; then the end of the last answer closes."""
        under_way = bool(self._active or self._waiting)
        self.go_on()
        return under_way

    def abort(self) -> None:
        self._leave()
        self._shared.round.flush()
        self._transport.abort()

    # Outages

    @property
    def held(self) -> bool:
        return any(lane.tick == HELD for lane in self._active)

    def busy(self, spared: Callable[[HttpRequest], bool]) -> bool:
        """Whether anything is under way; nothing that is said here is spared."""
        return bool(self._active)

    def drop(self) -> None:
        """Reset the connection: no request that begins an outage comes this way."""
        self.cut()

    def freeze(self) -> None:
        """Have all that is under way fall silent until `thaw`."""
        for lane in self._active:
            self._shared.clock.cancel(lane, lane.tick)
            lane.tick = HELD

    def thaw(self, now: float) -> None:
        """Go on as if no time had passed, other than what a pause lasts anyway; soon, not at once."""
        for lane in self._active:
            if lane.tick == HELD:
                lane.due = max(lane.due, now)
                lane.tick = self._shared.clock.sleep(lane, lane.due)
        self._flush()

    def cut(self) -> None:
        """Reset the connection; what is under way is told that it was us."""
        for lane in self._active:
            steps, lane.steps = lane.steps, None
            thrown(steps)
        self._leave()
        self._shared.round.flush()
        reset(self._transport)

    # Answering

    def _hear(self, answer: Callable[[], Queued]) -> None:
        """Have queued what the session answers."""
        try:
            self._queue(answer())
        except Exception as error:
            log.error("a message failed: %r", error, exc_info=error)
            self._end(INTERNAL_ERROR)

    def _queue(self, queued: Queued) -> None:
        """Have the steps executed when their turn comes."""
        name = queued.lane
        lane = self._lanes.get(name) if name is not None else None
        if lane is None:
            lane = Lane(self, name)
            if name is not None:
                self._lanes[name] = lane
        if lane.steps is not None or lane.waiting:
            lane.waiting.append(queued.steps)
            self._queued += 1
        elif name is None:
            self._begin(lane, queued.steps)
        else:
            lane.waiting.append(queued.steps)
            self._queued += 1
            self._waiting.append(lane)

    def _begin(self, lane: Lane, steps: Steps) -> None:
        lane.steps = steps
        lane.due = monotonic()
        self._active[lane] = None

    def go_on(self) -> None:
        """Execute what can be executed, and send what came of it."""
        while not self._blocked:
            ready = [lane for lane in self._active if not lane.tick]
            if not ready and not self._next():
                break
            for lane in ready:
                if lane in self._active and not self._blocked:
                    self._pump(lane)
        if self._shared.draining and not self._active and not self._waiting:
            self._end(GOING_AWAY)
        self._flush()

    def _next(self) -> bool:
        """Have the lane begin that waits for longest; whether one may."""
        named = sum([lane.name is not None for lane in self._active])
        if not self._waiting or named >= self._session.AT_ONCE:
            return False
        lane = self._waiting.popleft()
        self._queued -= 1
        self._begin(lane, lane.waiting.popleft())
        if self._held and self._queued <= QUEUE // 2:
            self._held = False
            self._transport.resume_reading()
        return True

    def _pump(self, lane: Lane) -> None:
        """Execute steps of a lane until one waits, the peer does not read, or they end."""
        size = burst = 0
        steps = lane.steps
        assert steps is not None
        try:
            for step in steps:
                if isinstance(step, Send):
                    self._frames.text(step.data)
                    size += len(step.data)
                    if size > FLUSH_BYTES:
                        burst += size
                        size = 0
                        self._flush()
                        self._shared.round.flush()
                        if self._blocked:
                            return
                        if burst > BURST_BYTES:
                            lane.tick = self._shared.clock.sleep(lane, 0.0)
                            return
                elif isinstance(step, Hold):
                    lane.tick = HELD
                    return
                elif isinstance(step, Pause):
                    lane.due += step.seconds
                    if lane.due > monotonic():
                        lane.tick = self._shared.clock.sleep(lane, lane.due)
                        return
                elif isinstance(step, Abort):
                    self._break_off(step)
                    return
                elif isinstance(step, Close):
                    self._end(step.code, step.reason)
                    return
        except Exception as error:
            log.error("an answer failed: %r", error, exc_info=error)
            self._end(INTERNAL_ERROR)
            return
        self._done(lane)

    def _done(self, lane: Lane) -> None:
        """After the last step."""
        lane.steps = None
        self._active.pop(lane, None)
        if lane.waiting:
            self._waiting.append(lane)
        elif lane.name is not None:
            self._lanes.pop(lane.name, None)

    def _flush(self) -> None:
        """Send what the frames have to send; during an outage, nobody hears a byte."""
        if self._shared.silent:
            return
        data, ends = self._frames.written()
        if data:
            self._shared.round.post(self._transport, data)
        if ends:
            self._leave()
            self._finish()

    def _end(self, code: int, reason: str = "") -> None:
        """Close in good order, and wait for the client to do the same."""
        self._leave()
        self._frames.close(code, reason)
        self._closing = self._closing or monotonic()

    def _break_off(self, abort: Abort) -> None:
        self._leave()
        self._flush()
        self._shared.round.flush()
        if abort.how == "close":
            self._finish()
        else:
            reset(self._transport)

    def _finish(self) -> None:
        """Close our side of the connection, and wait for the client's to be closed too."""
        self._closing = self._closing or monotonic()
        self._shared.round.flush()
        if self._shared.draining or not self._transport.can_write_eof():
            self._transport.close()
        elif not self._transport.is_closing():
            if self._held:
                self._held = False
                self._transport.resume_reading()
            self._transport.write_eof()

    def _leave(self) -> None:
        """Forget all that is under way or waits; it learns that nobody listens."""
        self._waiting.clear()
        self._queued = 0
        for lane in (*self._active, *self._lanes.values()):
            if lane.tick:
                self._shared.clock.cancel(lane, lane.tick)
                lane.tick = 0
            steps, lane.steps = lane.steps, None
            closed(steps)
            lane.waiting.clear()
        self._active.clear()
        self._lanes.clear()


def opened(
    session: Session, request: HttpRequest, shared: Shared, transport: asyncio.Transport
) -> tuple[Handshake, WebSocket | None]:
    """The answer to a handshake, and the WebSocket where it is accepted."""
    handshake = Handshake(request, shared.limits.body_bytes)
    if handshake.status != 101:
        return handshake, None
    return handshake, WebSocket(shared, transport, session, handshake.frames)
