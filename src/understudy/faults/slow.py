"""An answer dribbles in."""

from __future__ import annotations

from typing import ClassVar

from understudy.faults.base import (
    COUNT,
    POINT,
    SECONDS,
    START,
    Chance,
    Fault,
    Fields,
    Point,
    Refuse,
    body_of,
    opened,
    split,
)
from understudy.model import Pause, Send, Steps

BYTES, EVERY_S = 16, 0.1


class Slow(Fault, frozen=True, gc=False):
    """From the point `after` on, so many `bytes` come at a time, `every` so many seconds."""

    KEY: ClassVar[str] = "slow"
    FIELDS: ClassVar[Fields] = {"after": POINT, "bytes": COUNT, "every": SECONDS}

    after: Point = START
    bytes: int = BYTES
    every: float = EVERY_S

    def apply(self, steps: Steps, chance: Chance, refuse: Refuse) -> Steps:
        """The pauses that are there stay, and these come on top."""
        opening, rest = opened(steps)
        before, after = split(rest, self.after.at(body_of(rest)))
        yield from opening
        yield from before
        started = False
        for step in after:
            if type(step) is not Send:
                yield step
                continue
            for at in range(0, len(step.data), self.bytes):
                if started:
                    yield Pause(self.every)
                yield Send(step.data[at : at + self.bytes])
                started = True
