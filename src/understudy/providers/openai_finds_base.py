"""What is wrong with a field of a request, wherever OpenAI's APIs look at it alike.

Each function finds what is wrong with one field; it is asked where the field is there and not null.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from understudy.errors import Failure
from understudy.model import Request
from understudy.providers import openai_refusals_base as say

Find = Callable[[Request], Failure | None]
MOST_PAIRS, LONGEST_KEY, LONGEST_VALUE = 16, 64, 512


def typed(field: str, expected: tuple[frozenset[type], str]) -> Find:
    """Finds that a field, which is not needed to answer, is not of its type."""
    kinds, words = expected

    def find(request: Request) -> Failure | None:
        value = request.raw[field]
        return None if type(value) in kinds else say.invalid_type(field, words, value)

    return find


def within(field: str, least: float, most: float) -> Find:
    """Finds that a decimal is out of range, or of the wrong type."""

    def find(request: Request) -> Failure | None:
        value = request.raw[field]
        if type(value) is not int and type(value) is not float:
            return say.invalid_type(field, "a decimal", value)
        if least <= value <= most:
            return None
        return say.out_of_range(field, value, least if value < least else most, "decimal")

    return find


def one_of(field: str, supported: tuple[str, ...], unlisted: tuple[str, ...] = ()) -> Find:
    """Finds that a text is none of those that there are; `unlisted` ones pass without being told."""

    def find(request: Request) -> Failure | None:
        value = request.raw[field]
        if value in supported or value in unlisted:
            return None
        return say.invalid_value(field, value, supported) if type(value) is str else None

    return find


def metadata(request: Request) -> Failure | None:
    given = request.raw["metadata"]
    if type(given) is not dict:
        return say.invalid_type("metadata", "a metadata object", given)
    if len(given) > MOST_PAIRS:
        return say.refusal(
            f"Invalid 'metadata': too many properties. Expected an object with at most {MOST_PAIRS} "
            f"properties, but got an object with {len(given)} properties instead.",
            "metadata",
            "object_above_max_properties",
        )
    for key, value in given.items():
        if len(key) > LONGEST_KEY:
            return say.refusal(
                f"Invalid property name in 'metadata': '{key[:3]}...{key[-3:]}' is too long. Expected a "
                f"string with maximum length {LONGEST_KEY}, but got a string with length {len(key)} instead.",
                f"metadata.{key}",
                "property_name_above_max_length",
            )
        if type(value) is not str:
            return say.invalid_type(f"metadata.{key}", "a string", value)
        if len(value) > LONGEST_VALUE:
            return say.string_too_long(f"metadata.{key}", LONGEST_VALUE, len(value))
    return None


# --- names of tools -----------------------------------------------------------------------------------

TOOL_NAME = "^[a-zA-Z0-9_-]+$"
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]*")


def is_tool_name(name: str) -> bool:
    """Whether a tool may be called so; most names are Python's too, which is quicker to see."""
    return (name.isidentifier() and name.isascii()) or _TOOL_NAME.fullmatch(name) is not None


def bad_tool_name(name: str, where: str) -> Failure | None:
    """What is wrong with a tool's name, but for its length."""
    if not name:
        return say.empty_string(where)
    return None if is_tool_name(name) else say.pattern(where, TOOL_NAME)
