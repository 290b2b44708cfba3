"""An answer has a head and no body."""

from __future__ import annotations

from typing import ClassVar

from msgspec.structs import replace

from understudy.faults.base import Chance, Fault, Refuse, opened, with_head
from understudy.model import Head, Steps


class Empty(Fault, frozen=True, gc=False):
    """Status and headers are those of the answer, and not a byte follows; of a stream, not an event."""

    KEY: ClassVar[str] = "empty"

    def apply(self, steps: Steps, chance: Chance, refuse: Refuse) -> Steps:
        opening, _ = opened(steps)
        return iter(with_head(opening, emptied))


def emptied(head: Head) -> Head:
    """The head of an answer without a body; a stream's does not tell a length."""
    return head if head.length is None else replace(head, length=0)
