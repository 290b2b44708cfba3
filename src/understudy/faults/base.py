"""What every fault is.

A fault is a value whose fields are its JSON, and a pure function over the steps of an answer: it gives
other steps. Time is a Pause, death is an Abort, chance is handed in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol

from understudy.errors import Failure
from understudy.model import Steps


class Chance(Protocol):
    """A seeded source of chance, such as `random.Random`."""

    def random(self) -> float:
        """From 0 up to 1."""

    def randrange(self, stop: int, /) -> int:
        """From 0 up to `stop`."""


Refuse = Callable[[Failure], Steps]
"""Spells a failure as the API at hand does."""


class Fault(Protocol):
    """The shape of a fault's class."""

    KEY: ClassVar[str]

    def apply(self, steps: Steps, chance: Chance, refuse: Refuse) -> Steps:
        """The steps of the answer with this fault in it; `steps` may be left unused."""
