"""A model writes arguments of a tool call that are not what they should be."""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import json
from msgspec.structs import replace

from understudy.faults.base import HALF, POINT, Chance, Fault, Fields, Point, one_of, with_calls
from understudy.model import Reply, ToolCall


class BadArguments(Fault, frozen=True, gc=False):
    """The arguments of each tool call are `cut` off `after` a point in them, or encoded `twice`.

    An answer that calls no tool stays as it is.
    """

    KEY: ClassVar[str] = "bad_arguments"
    FIELDS: ClassVar[Fields] = {
        "how": one_of("way to spoil arguments", ("cut", "twice")),
        "after": POINT,
    }

    how: Literal["cut", "twice"] = "cut"
    after: Point = HALF

    def alter(self, reply: Reply, chance: Chance) -> Reply:
        return with_calls(reply, self.spoiled)

    def spoiled(self, call: ToolCall) -> ToolCall:
        """The call with arguments that do not parse, or that parse to a text in place of an object."""
        if self.how == "twice":
            return replace(call, arguments=json.encode(call.arguments).decode())
        told = call.arguments.encode()
        return replace(call, arguments=told[: self.after.at(told)].decode(errors="ignore"))
