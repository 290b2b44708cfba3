"""Time: when what waits is woken, and the first lines of an answer, which carry the date."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from email.utils import formatdate
from heapq import heappop, heappush
from http import HTTPStatus
from time import monotonic, time
from typing import Protocol

log = logging.getLogger("understudy.server")

LONGEST_S = 86_400.0
"""A sleep is cut into pieces of at most this; a pause may be infinite."""

Tick = int
"""A millisecond of the monotonic clock. 0 stands for none."""


ROUND_UP_S = 0.0005
"""uvloop rounds delays to milliseconds: rounded down, the timer would ring early, over and over."""

NEVER: Tick = 1 << 62
"""Later than any sleeper is due: no timer is set."""

RINGING: Tick = 0
"""Earlier than any sleeper is due: a timer will be set once all that are due are woken."""


class Sleeper(Protocol):
    def wake(self) -> None: ...


class Clock:
    """Wakes what waits, a millisecond's worth of it at a time.

    One timer of the loop serves all sleepers. Those due in the same millisecond share a slot, and
    the heap holds slots, not sleepers: with thousands of streams, going to sleep costs a look into a
    dict, half of what a timer of its own costs. Sleepers keep their order in a slot, so that each
    waits for the same others every time, and its gaps stay even.
    """

    __slots__ = ("_loop", "_slots", "_ticks", "_timer", "_timer_tick")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._slots: dict[Tick, dict[Sleeper, None]] = {}
        self._ticks: list[Tick] = []
        self._timer: asyncio.TimerHandle | None = None
        self._timer_tick = NEVER

    def sleep(self, sleeper: Sleeper, due: float) -> Tick:
        """Have `sleeper` woken at `due` (monotonic seconds), at most a millisecond later."""
        try:
            tick = int(due * 1000) + 1
        except OverflowError:
            tick = int((monotonic() + LONGEST_S * 36_500) * 1000)
        slot = self._slots.get(tick)
        if slot is not None:
            slot[sleeper] = None
            return tick
        self._slots[tick] = {sleeper: None}
        heappush(self._ticks, tick)
        if tick < self._timer_tick:
            self._arm(tick)
        return tick

    def cancel(self, sleeper: Sleeper, tick: Tick) -> None:
        slot = self._slots.get(tick)
        if slot is not None:
            slot.pop(sleeper, None)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, tick: Tick) -> None:
        self.stop()
        self._timer_tick = tick
        delay = min(max(tick / 1000 - monotonic(), 0.0) + ROUND_UP_S, LONGEST_S)
        self._timer = self._loop.call_later(delay, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._timer_tick = RINGING
        ticks = self._ticks
        now = int(monotonic() * 1000)
        due = []
        while ticks and ticks[0] <= now:
            due.append(self._slots.pop(heappop(ticks)))
        # Only now: who goes back to sleep until a time long past must not be woken in this round.
        for slot in due:
            for sleeper in slot:
                try:
                    sleeper.wake()
                except Exception:
                    log.exception("%r failed when it was woken", sleeper)
        self._timer_tick = NEVER
        if ticks:
            self._arm(ticks[0])


def status_line(status: int) -> bytes:
    """`HTTP/1.1 200 OK`, and what the standard has no phrase for without one."""
    if not 200 <= status <= 999:
        raise ValueError(f"an answer's status is 200 to 999, not {status}")
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
    return b"HTTP/1.1 %d %s\r\n" % (status, phrase.encode())


class Starts:
    """The first lines of answers: status, date, connection. Made once a second for each status."""

    __slots__ = ("_lines", "_until", "_wall")

    def __init__(self, wall: Callable[[], float] = time) -> None:
        self._wall = wall
        self._lines: dict[int, bytes] = {}
        self._until = 0.0

    def at(self, now: float, status: int, persistent: bool) -> bytes:
        """The lines for `status`, dated; `now` is the monotonic time."""
        if now >= self._until:
            self._until = now + 1 - self._wall() % 1
            self._lines = {}
        key = status if persistent else -status
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = self._line(status, persistent)
        return line

    def _line(self, status: int, persistent: bool) -> bytes:
        date = formatdate(self._wall(), usegmt=True).encode()
        connection = b"keep-alive" if persistent else b"close"
        return b"%bdate: %b\r\nconnection: %b\r\n" % (status_line(status), date, connection)
