"""An answer arrives that cannot be read: status and headers are fine, the JSON is not."""

from __future__ import annotations

import re
from collections.abc import Callable
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
    is_whole,
    opened,
    written_over,
)
from understudy.model import Steps

_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>"
_PAYLOAD = re.compile(rb"^data: ?(\{.*\})\r?$", re.M)
"""The JSON of a server-sent event."""


def _lost(text: bytes) -> bytes:
    """Blanks: the end of the JSON is missing."""
    return b" " * len(text)


def _page(text: bytes) -> bytes:
    """What a gateway says in HTML."""
    return (_PAGE * (len(text) // len(_PAGE) + 1))[: len(text)]


def _flipped(text: bytes) -> bytes:
    """One byte is NUL, which is allowed nowhere in JSON."""
    return b"\0" + text[1:]


CORRUPTIONS: tuple[Callable[[bytes], bytes], ...] = (_lost, _page, _flipped)
"""What the rest of the JSON from some point on becomes: as many bytes, none of which may be a line end."""


class Garble(Fault, frozen=True, gc=False):
    """The JSON that the point `after` falls into is no JSON any more, and as long as it was.

    Of a stream, that is the JSON of one event, the last one where none is there any more; the others stay.
    """

    KEY: ClassVar[str] = "garble"
    FIELDS: ClassVar[Fields] = {"after": POINT}

    after: Point = HALF

    def apply(self, steps: Steps, chance: Chance, refuse: Refuse) -> Steps:
        opening, rest = opened(steps)
        body = body_of(rest)
        at = self.after.at(body)
        start, end = (0, len(body)) if is_whole(opening) else payload_at(body, at)
        at = min(max(at, start), end - 1)
        if at < start:
            return iter((*opening, *rest))
        corrupt = CORRUPTIONS[chance.randrange(len(CORRUPTIONS))]
        return iter((*opening, *written_over(rest, at, corrupt(body[at:end]))))


def payload_at(stream: bytes, at: int) -> tuple[int, int]:
    """Where the JSON starts and ends that comes at or next after `at`, or else the last; (0, 0): none."""
    found = (0, 0)
    for payload in _PAYLOAD.finditer(stream):
        found = payload.span(1)
        if at < found[1]:
            break
    return found
