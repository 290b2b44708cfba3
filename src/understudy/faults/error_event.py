"""An error inside an answer that began well."""

from __future__ import annotations

from typing import ClassVar

from msgspec.structs import replace

from understudy.errors import Failure, Kind
from understudy.faults.base import (
    HALF,
    POINT,
    TEXT,
    Chance,
    Fault,
    Fields,
    Point,
    Refuse,
    body_of,
    events_of,
    is_stream,
    is_whole,
    opened,
    split,
    with_head,
)
from understudy.faults.error import KIND
from understudy.model import Send, Steps


class ErrorEvent(Fault, frozen=True, gc=False):
    """The status is 200, and then there is an error, spelled by the API at hand; the answer ends with it.

    In a stream it comes behind the event that the point `after` falls into, at the latest in place of the
    last. A whole answer's body is the error alone, as gateways answer whose upstream failed too late.
    """

    KEY: ClassVar[str] = "error_event"
    FIELDS: ClassVar[Fields] = {
        "after": POINT,
        "kind": KIND,
        "message": TEXT,
        "type": TEXT,
        "code": TEXT,
        "param": TEXT,
    }

    after: Point = HALF
    kind: Kind = "server"
    message: str = ""
    type: str | None = None
    code: str | None = None
    param: str | None = None

    def failure(self) -> Failure:
        return Failure(None, self.kind, self.message, param=self.param, code=self.code, type=self.type)

    def apply(self, steps: Steps, chance: Chance, refuse: Refuse) -> Steps:
        opening, rest = opened(steps)
        if is_whole(opening):
            body = body_of(refuse.instead(self.failure()))
            told = with_head(opening, lambda head: replace(head, length=len(body)))
            return iter((*told, Send(body)))
        if not is_stream(opening):
            return iter(opening)  # there is no answer that it could be inside of
        stream = body_of(rest)
        before, _ = split(rest, place_in(stream, self.after.at(stream)))
        return iter((*opening, *before, Send(refuse.inside(self.failure()))))


def place_in(stream: bytes, at: int) -> int:
    """Where an event can be put that comes at or next after `at`, and before the last one's end."""
    events = events_of(stream)
    return next((event.start for event in events if at <= event.start), events[-1].start if events else 0)
