"""A character arrives in two pieces."""

from __future__ import annotations

import re
from typing import ClassVar

from understudy.faults.base import (
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

SECONDS_BETWEEN = 0.05
_SEQUENCE = re.compile(rb"[\xc0-\xff][\x80-\xbf]+")
"""The bytes of a character that is not ASCII, in UTF-8."""


class SplitUtf8(Fault, frozen=True, gc=False):
    """A character of several bytes, at or next after the point `after`, is cut: `seconds` lie in between.

    Where none follows, it is the last one; where there is none at all, two bytes of an event or of the whole
    answer come apart. No byte is lost.
    """

    KEY: ClassVar[str] = "split_utf8"
    FIELDS: ClassVar[Fields] = {"after": POINT, "seconds": SECONDS}

    after: Point = HALF
    seconds: float = SECONDS_BETWEEN

    def apply(self, steps: Steps, chance: Chance, refuse: Refuse) -> Steps:
        opening, rest = opened(steps)
        body = body_of(rest)
        if len(body) < 2:
            return iter((*opening, *rest))
        before, after = split(rest, self.inside(body, chance))
        return iter((*opening, *before, Pause(self.seconds), *after))

    def inside(self, body: bytes, chance: Chance) -> int:
        """The offset at which the body is cut; at which of a character's bytes, is drawn."""
        at = self.after.at(body)
        found = None
        for found in _SEQUENCE.finditer(body):
            if at <= found.start():
                break
        if found is None:
            return min(at + 1, len(body) - 1)
        return found.start() + 1 + chance.randrange(len(found[0]) - 1)
