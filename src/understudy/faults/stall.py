"""An answer falls silent in the middle."""

from __future__ import annotations

from typing import ClassVar, Self

from msgspec import Struct

from understudy.errors import Place
from understudy.faults.base import (
    FOR_EVER_S,
    HALF,
    Chance,
    Point,
    Refuse,
    body_of,
    opened,
    read_fields,
    read_point,
    read_seconds,
    split,
)
from understudy.model import Pause, Steps


class Stall(Struct, frozen=True, gc=False):
    """`after` a point, nothing comes for `seconds`, then the rest; without `seconds`, nothing ever."""

    KEY: ClassVar[str] = "stall"

    after: Point = HALF
    seconds: float = FOR_EVER_S

    @classmethod
    def read(cls, value: object, place: Place) -> Self:
        return cls(**read_fields(value, {"after": read_point, "seconds": read_seconds}, place))

    def apply(self, steps: Steps, chance: Chance, refuse: Refuse) -> Steps:
        """The connection stays open, and the client waits until it loses patience."""
        opening, rest = opened(steps)
        before, after = split(rest, self.after.at(body_of(rest)))
        return iter((*opening, *before, Pause(self.seconds), *after))
