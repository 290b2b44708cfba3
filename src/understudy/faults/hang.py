"""A request is accepted, and never answered."""

from __future__ import annotations

from typing import ClassVar

from understudy.faults.base import FOR_EVER_S, SECONDS, Chance, Fault, Fields, Refuse
from understudy.model import Abort, Pause, Steps


class Hang(Fault, frozen=True, gc=False):
    """Not even a head comes. After `seconds`, if there are any, the connection is closed without a word."""

    KEY: ClassVar[str] = "hang"
    FIELDS: ClassVar[Fields] = {"seconds": SECONDS}
    INSTEAD: ClassVar[bool] = True

    seconds: float = FOR_EVER_S

    def apply(self, steps: Steps, chance: Chance, refuse: Refuse) -> Steps:
        return iter((Pause(self.seconds), Abort("close")))
