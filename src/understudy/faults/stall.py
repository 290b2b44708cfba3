"""An answer falls silent in the middle."""

from __future__ import annotations

from typing import ClassVar

from understudy.faults.base import (
    FOR_EVER_S,
    HALF,
    POINT,
    SECONDS,
    Chance,
    Fault,
    Fields,
    Point,
    Refuse,
    body_of,
    opened,
    split,
)
from understudy.model import Pause, Steps


class Stall(Fault, frozen=True, gc=False):
    """`after` a point, nothing comes for `seconds`, then the rest; without `seconds`, nothing ever."""

    KEY: ClassVar[str] = "stall"
    FIELDS: ClassVar[Fields] = {"after": POINT, "seconds": SECONDS}

    after: Point = HALF
    seconds: float = FOR_EVER_S

    def apply(self, steps: Steps, chance: Chance, refuse: Refuse) -> Steps:
        """The connection stays open, and the client waits until it loses patience."""
        opening, rest = opened(steps)
        before, after = split(rest, self.after.at(body_of(rest)))
        return iter((*opening, *before, Pause(self.seconds), *after))
