"""An event of a stream comes twice."""

from __future__ import annotations

from typing import ClassVar

from understudy.faults.base import (
    HALF,
    POINT,
    Chance,
    Fault,
    Fields,
    Point,
    Refuse,
    body_of,
    event_at,
    is_stream,
    opened,
    split,
)
from understudy.model import Send, Steps


class Duplicate(Fault, frozen=True, gc=False):
    """The event that the point `after` falls into comes twice, at once; at the end of a stream, the last.

    A whole answer is no event, and stays as it is.
    """

    KEY: ClassVar[str] = "duplicate"
    FIELDS: ClassVar[Fields] = {"after": POINT}

    after: Point = HALF

    def apply(self, steps: Steps, chance: Chance, refuse: Refuse) -> Steps:
        opening, rest = opened(steps)
        body = body_of(rest)
        event = event_at(body, self.after.at(body)) if is_stream(opening) else None
        if event is None:
            return iter((*opening, *rest))
        before, after = split(rest, event.end)
        return iter((*opening, *before, Send(body[event.start : event.end]), *after))
