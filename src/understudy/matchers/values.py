"""What matchers find: texts, numbers and other JSON values, and how they are shown to a person."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

Values = tuple[object, ...]
SHOWN = 60
"""How much of a value found is shown in a verdict, in characters."""


class Json(Struct, frozen=True, gc=False):
    """A JSON value that is neither text nor number, as its JSON: it can be a key, and true is not 1."""

    text: str

    def __str__(self) -> str:
        return self.text


NULL = Json("null")


def plain(value: Any) -> object:
    """A JSON value as matchers find it: texts and numbers as they are, whatever else as `Json`."""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return value
    return Json(msgspec.json.encode(value, order="deterministic").decode())


def is_json(value: object) -> bool:
    """Whether a value is JSON's: TOML has dates, too, and Python has anything."""
    if isinstance(value, list):
        return all(is_json(each) for each in value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_json(each) for key, each in value.items())
    return value is None or isinstance(value, str | int | float)


def fold(text: str) -> str:
    """The text for comparing whatever the case."""
    return text.casefold()


def size(values: Values) -> int:
    """How many characters there are in values, roughly: what it costs to keep them."""
    count = 0
    for value in values:
        if isinstance(value, str):
            count += len(value)
        elif isinstance(value, tuple):
            count += size(value)
        elif isinstance(value, Json):
            count += len(value.text)
    return count


def shown(values: Values) -> str:
    """Values for a person: quoted, each shortened, at most three."""
    if not values:
        return "nothing"
    more = f" and {len(values) - 3} more" if len(values) > 3 else ""
    return ", ".join(spelled(value) for value in values[:3]) + more


def spelled(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return "nothing" if value is None else shortened(str(value))
    return repr(shortened(value)) if value else "an empty text"


def shortened(text: str) -> str:
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def masked(secret: str) -> str:
    """A secret for a person: its first letters. Short ones are no real keys, and are shown whole."""
    key = secret.removeprefix("Bearer ")
    return secret if len(key) <= 12 else key[:4] + "***"
