"""A model calls a tool that it was not offered."""

from __future__ import annotations

from typing import ClassVar

from msgspec.structs import replace

from understudy.faults.base import NAME, Chance, Fault, Fields, with_calls
from understudy.model import Reply


class UnknownTool(Fault, frozen=True, gc=False):
    """Each tool call names the tool `name`; an answer that calls no tool stays as it is."""

    KEY: ClassVar[str] = "unknown_tool"
    FIELDS: ClassVar[Fields] = {"name": NAME}

    name: str = "no_such_tool"

    def alter(self, reply: Reply, chance: Chance) -> Reply:
        return with_calls(reply, lambda call: replace(call, name=self.name))
