"""Replies as a test writes them, in Python, and the same as the grammar of rules has them.

"a text"   error("rate_limit")   tool_call("get_weather", city="Paris")   [parts]   {the grammar's own}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct


class Call(Struct, frozen=True):
    """A call of a tool. `arguments` is a mapping, or a text that goes over the wire as it is."""

    name: str
    arguments: dict[str, Any] | str


Reply = str | Call | Mapping[str, Any] | Sequence[str | Call | Mapping[str, Any]]


def tool_call(name: str, arguments: Mapping[str, Any] | str | None = None, /, **more: Any) -> Call:
    """A call of the tool `name`: `tool_call("get_weather", city="Paris")`.

    Arguments whose names Python does not take stand in a mapping; a text goes over the wire as it is.
    """
    if isinstance(arguments, str):
        if more:
            raise TypeError("arguments that are a text are complete: there can be no others beside it")
        return Call(name, arguments)
    return Call(name, {**(arguments or {}), **more})


def error(kind: str | int, message: str | None = None, /, **fields: Any) -> dict[str, Any]:
    """An error in place of an answer, by its kind or its status: `error("overloaded", retry_after=1)`.

    Each API spells it in its own way. Fields: status, type, code, param, retry_after (seconds),
    should_retry, headers.
    """
    named = {"kind": kind} if isinstance(kind, str) else {"status": kind}
    told = {} if message is None else {"message": message}
    return {"error": {**named, **told, **fields}}


def written(reply: Reply) -> Any:
    """A reply as the grammar of rules has it; several parts are one reply. Raises TypeError."""
    if isinstance(reply, Call):
        return {"tool_calls": [plain(reply)]}
    if isinstance(reply, list | tuple):
        return {
            "parts": [{"tool_call": plain(part)} if isinstance(part, Call) else plain(part) for part in reply]
        }
    return plain(reply)


def plain(value: Any) -> Any:
    """A value as it could stand in a file: calls, dataclasses and tuples become mappings and lists."""
    return msgspec.to_builtins(value)
