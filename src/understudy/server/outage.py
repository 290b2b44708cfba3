"""Outages: a server that is there behaves as if it were not.

    refuse   the port is closed for real, and what is open is reset
    hang     connections are accepted, and nobody hears a byte: neither who asks nor who is being answered
    reset    connections are accepted; whoever asks is reset, and so is whoever is being answered

What an outage needs while there is none costs nothing: `handle` and `refuse` are exchanged while it
lasts. Who asked for an outage of the first kind is answered all the same. Requests that are `spared`
notice nothing of the other two, so that somebody can ask for their end.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Literal, NamedTuple

from understudy.model import Abort, HttpRequest, Step
from understudy.server.connection import HOLD, Handle, Shared

log = logging.getLogger("understudy.server")

How = Literal["refuse", "hang", "reset"]

Spared = Callable[[HttpRequest], bool]
"""Whether a request is answered during an outage, too."""

Unanswered = Callable[[HttpRequest, float, bool], None]
"""Told of a request that an outage left without an answer: it came so many seconds ago, and was reset
(True) or left by its client."""

MEANS = {"refuse": "the port is closed", "hang": "nobody gets a byte", "reset": "whoever asks is reset"}


class Outage(NamedTuple):
    """An outage under way. `seconds_left` is None for one without an end."""

    how: How
    seconds_left: float | None


class Outages:
    """The outages of an open server, one at a time.

    `shut` closes the port, `listen` has it listened on again.
    """

    def __init__(
        self,
        shared: Shared,
        spared: Spared,
        unanswered: Unanswered,
        shut: Callable[[], None],
        listen: Callable[[], None],
    ) -> None:
        self._shared = shared
        self._handle = shared.handle
        self._refuse = shared.refuse
        self._open = shared.open
        self._spared = spared
        self._unanswered = unanswered
        self._shut = shut
        self._listen = listen
        self._how: How | None = None
        self._ends = math.inf  # monotonic
        self._timer: asyncio.TimerHandle | None = None

    @property
    def now(self) -> Outage | None:
        """The outage under way."""
        if self._how is None:
            return None
        return Outage(self._how, None if self._ends == math.inf else max(self._ends - monotonic(), 0.0))

    def begin(self, how: How, seconds: float | None) -> None:
        """Begin an outage; the one under way ends. Without `seconds` it lasts until `end`."""
        self.end()
        self._how = how
        if seconds is not None:
            self._ends = monotonic() + seconds
            self._timer = asyncio.get_running_loop().call_later(seconds, self.end)
        lasting = "until it is ended" if seconds is None else f"for {seconds:g} s"
        log.warning("an outage begins, %s: %s", lasting, MEANS[how])
        {"refuse": self._begin_to_refuse, "hang": self._begin_to_hang, "reset": self._begin_to_reset}[how]()

    def end(self) -> Outage | None:
        """End the outage under way, and return it: what hung goes on, and the port is open again."""
        ended = self._over()
        if ended is not None:
            log.warning("the outage is over")
            if ended.how == "refuse":
                self._listen()
            for connection in tuple(self._shared.connections):
                connection.thaw(monotonic())
        return ended

    def stop(self) -> None:
        """The server closes: what hangs is broken off, for nobody expects an answer of it."""
        if self._over() is not None:
            for connection in tuple(self._shared.connections):
                if connection.held:
                    connection.cut()

    def _over(self) -> Outage | None:
        ended = self.now
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._how, self._ends = None, math.inf
        shared = self._shared
        shared.handle, shared.refuse, shared.open = self._handle, self._refuse, self._open
        shared.shut = shared.silent = False
        return ended

    def _begin_to_refuse(self) -> None:
        self._shared.shut = True
        self._shut()
        for connection in tuple(self._shared.connections):
            connection.drop()

    def _begin_to_hang(self) -> None:
        shared = self._shared
        shared.handle, shared.refuse, shared.open = self._hold, self._hold_refusal, self._hold_opening
        shared.silent = True
        for connection in shared.connections:
            if connection.busy(self._spared):
                connection.freeze()

    def _begin_to_reset(self) -> None:
        shared = self._shared
        shared.handle, shared.refuse, shared.open = self._reset, reset_refusal, reset_opening
        for connection in tuple(shared.connections):
            if connection.busy(self._spared):
                connection.cut()

    # What answers meanwhile

    def _hold(self, request: HttpRequest) -> Iterator[Step]:
        return self._handle(request) if self._spared(request) else self._held(request)

    def _held(self, request: HttpRequest) -> Iterator[Step]:
        """Nothing until the outage is over, and then the answer."""
        came = monotonic()
        try:
            yield HOLD
        except (GeneratorExit, ConnectionResetError) as end:
            self._unanswered(request, monotonic() - came, isinstance(end, ConnectionResetError))
            raise
        yield from self._handle(request)

    def _hold_refusal(self, status: int, message: str) -> Iterator[Step]:
        yield HOLD
        yield from self._refuse(status, message)

    def _hold_opening(self, request: HttpRequest, ask: Handle) -> Iterator[Step]:
        yield HOLD
        yield from self._open(request, ask)

    def _reset(self, request: HttpRequest) -> Iterator[Step]:
        if self._spared(request):
            return self._handle(request)
        self._unanswered(request, 0.0, True)
        return iter((Abort("reset"),))


def reset_opening(request: HttpRequest, ask: Handle) -> Iterator[Step]:
    return iter((Abort("reset"),))


def reset_refusal(status: int, message: str) -> Iterator[Step]:
    return iter((Abort("reset"),))
