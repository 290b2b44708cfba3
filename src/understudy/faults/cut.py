"""The connection ends in the middle of an answer."""

from __future__ import annotations

from typing import ClassVar, Literal

from understudy.faults.base import (
    HALF,
    POINT,
    Chance,
    Fault,
    Fields,
    Point,
    Refuse,
    body_of,
    is_whole,
    one_of,
    opened,
    split,
)
from understudy.model import Abort, Steps


class Cut(Fault, frozen=True, gc=False):
    """The answer ends `after` a point in it: `close` sends FIN, as a server does that stops; `reset` RST."""

    KEY: ClassVar[str] = "cut"
    FIELDS: ClassVar[Fields] = {
        "after": POINT,
        "how": one_of("way to end a connection", ("close", "reset")),
    }

    after: Point = HALF
    how: Literal["close", "reset"] = "close"

    def apply(self, steps: Steps, chance: Chance, refuse: Refuse) -> Steps:
        """What was to come after the point never does; nor does a stream's end, where all of it has come."""
        opening, rest = opened(steps)
        body = body_of(rest)
        at = self.after.at(body)
        if body and at == len(body) and is_whole(opening):
            return iter((*opening, *rest))  # nothing is missing: the next request should not be hit instead
        before, _ = split(rest, at)
        return iter((*opening, *before, Abort(self.how)))
