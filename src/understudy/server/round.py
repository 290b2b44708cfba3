"""A round of the event loop: what is answered in it, and what is sent when it ends.

A write wakes the client's process, which costs the kernel as much as the write itself. Written one
after another, many answers wake it once: under load a request costs a tenth less.

Where many requests come at once, they are read first and answered a little at a time, so that it is
known when each arrived, and streams that are due are not held up.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any

log = logging.getLogger("understudy.server")

FULL_BYTES = 256 * 1024
"""So much is held back at most."""

STRETCH_S = 0.002
"""For so long requests are answered at a stretch; then others are read, and what is due is sent."""


class Round:
    """Tells when the round has gone on for long, and holds writes back until it ends, in order.

    Whoever does anything else with a transport, such as closing it, flushes first.
    """

    __slots__ = ("_began", "_call_soon", "_queue", "_size", "_writes")

    def __init__(self, call_soon: Callable[[Callable[[], None]], Any]) -> None:
        self._call_soon = call_soon
        self._began = 0.0
        self._queue: deque[Callable[[], None]] = deque()
        self._writes: list[tuple[asyncio.WriteTransport, bytes]] = []
        self._size = 0

    def crowded(self) -> bool:
        """Whether so much is asked at once that what comes now had better wait its turn."""
        return bool(self._queue) or monotonic() - self._begun() > STRETCH_S

    def queue(self, answer: Callable[[], None]) -> None:
        """Have `answer` called when its turn comes, in one of the next rounds."""
        if not self._queue:
            self._call_soon(self._serve)
        self._queue.append(answer)

    def _serve(self) -> None:
        until = monotonic() + STRETCH_S
        queue = self._queue
        try:
            while queue and monotonic() < until:
                queue.popleft()()
        finally:
            if queue:
                self._call_soon(self._serve)

    def _begun(self) -> float:
        """When the round began, in monotonic seconds."""
        began = self._began
        if not began:
            began = self._began = monotonic()
            self._call_soon(self._end)
        return began

    def post(self, transport: asyncio.WriteTransport, data: bytes) -> None:
        """Have `data` written when the round ends."""
        self._writes.append((transport, data))
        self._size += len(data)
        if self._size > FULL_BYTES:
            self.flush()
        elif not self._began:
            self._begun()

    def flush(self) -> None:
        """Write all now."""
        writes = self._writes
        if not writes:
            return
        self._writes = []
        self._size = 0
        for transport, data in writes:
            if not transport.is_closing():
                try:
                    transport.write(data)
                except (OSError, RuntimeError):
                    log.exception("an answer could not be written")
                    transport.abort()

    def _end(self) -> None:
        self._began = 0.0
        self.flush()
