"""All faults, and how one is read.

To add one: a class with a KEY in a file of this drawer, and its line in FAULTS.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understudy.errors import Place
from understudy.faults.bad_arguments import BadArguments
from understudy.faults.base import Chance, Fault, Refuse, shown
from understudy.faults.cut import Cut
from understudy.faults.drop_done import DropDone
from understudy.faults.duplicate import Duplicate
from understudy.faults.empty import Empty
from understudy.faults.error import Error, read_error
from understudy.faults.error_event import ErrorEvent
from understudy.faults.garble import Garble
from understudy.faults.hang import Hang
from understudy.faults.slow import Slow
from understudy.faults.split_utf8 import SplitUtf8
from understudy.faults.stall import Stall
from understudy.faults.unknown_tool import UnknownTool
from understudy.faults.wrong_content_type import WrongContentType

__all__ = [
    "FAULTS",
    "Chance",
    "Error",
    "Fault",
    "Refuse",
    "fault_schema",
    "read_error",
    "read_fault",
    "read_faults",
]

FAULTS: tuple[type[Fault], ...] = (
    Error,
    ErrorEvent,
    Hang,
    Stall,
    Slow,
    Cut,
    Empty,
    Garble,
    Duplicate,
    DropDone,
    SplitUtf8,
    WrongContentType,
    BadArguments,
    UnknownTool,
)


def read_fault(value: object, place: Place) -> Fault:
    """Read a fault: `{cut: {after: 40%}}`, or its name alone, `hang`. Raises SettingsError."""
    if isinstance(value, str):
        return _named(value, place).read(None, place)
    if not isinstance(value, Mapping) or len(value) != 1:
        raise place.error(f"expected one fault, like {{cut: {{after: 40%}}}}; found {shown(value)}")
    ((key, fields),) = value.items()
    return _named(key, place).read(fields, place / str(key))


def read_faults(value: object, place: Place) -> tuple[Fault, ...]:
    """Read a list of faults, which strike in this order. Raises SettingsError."""
    if not isinstance(value, list):
        raise place.error(f"expected a list of faults, like [hang]; found {shown(value)}")
    return tuple(read_fault(each, place / i) for i, each in enumerate(value))


def _named(key: object, place: Place) -> type[Fault]:
    faults = {fault.KEY: fault for fault in FAULTS}
    fault = faults.get(key) if isinstance(key, str) else None
    if fault is None:
        raise place.unknown("fault", str(key), faults)
    return fault


def fault_schema() -> dict[str, Any]:
    """The JSON Schema of what `read_fault` reads, for editors."""
    named = {fault.KEY: fault.schema() for fault in FAULTS}
    alone = [key for key, schema in named.items() if "null" in schema.get("type", ())]
    return {
        "anyOf": [
            {"description": "A fault by its name alone.", "enum": alone},
            {
                "description": "A fault with its fields.",
                "type": "object",
                "properties": named,
                "additionalProperties": False,
                "minProperties": 1,
                "maxProperties": 1,
            },
        ]
    }
