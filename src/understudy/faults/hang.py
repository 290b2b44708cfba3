"""A request is accepted, and never answered."""

from __future__ import annotations

from typing import ClassVar, Self

from msgspec import Struct

from understudy.errors import Place
from understudy.faults.base import FOR_EVER_S, Chance, Refuse, read_fields, read_seconds
from understudy.model import Abort, Pause, Steps


class Hang(Struct, frozen=True, gc=False):
    """Not even a head comes. After `seconds`, if there are any, the connection is closed without a word."""

    KEY: ClassVar[str] = "hang"

    seconds: float = FOR_EVER_S

    @classmethod
    def read(cls, value: object, place: Place) -> Self:
        return cls(**read_fields(value, {"seconds": read_seconds}, place))

    def apply(self, steps: Steps, chance: Chance, refuse: Refuse) -> Steps:
        return iter((Pause(self.seconds), Abort("close")))
