"""A stream ends without the event that says so."""

from __future__ import annotations

from typing import ClassVar

from understudy.faults.base import Chance, Fault, Refuse, body_of, events_of, is_stream, opened, split
from understudy.model import Steps


class DropDone(Fault, frozen=True, gc=False):
    """The last event of a stream is missing; the connection ends well.

    That is `[DONE]`, `message_stop` or `response.completed`, as the API has it. A whole answer stays as is.
    """

    KEY: ClassVar[str] = "drop_done"

    def apply(self, steps: Steps, chance: Chance, refuse: Refuse) -> Steps:
        opening, rest = opened(steps)
        events = events_of(body_of(rest))
        if not is_stream(opening) or not events:
            return iter((*opening, *rest))
        before, _ = split(rest, events[-1].start)
        return iter((*opening, *before))
