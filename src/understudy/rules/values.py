"""Values of rule files, read: each is of the kind that is expected, or a mistake at its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from understudy.errors import Place
from understudy.matchers.base import described


def given(value: Mapping[str, object], key: str, place: Place, read: Callable[[object, Place], Any]) -> Any:
    """What `read` makes of a key's value, None where the key is not there."""
    return read(value[key], place / key) if value.get(key) is not None else None


def told(value: Mapping[str, object], key: str, otherwise: object) -> object:
    """What stands under a key; null says nothing."""
    return otherwise if value.get(key) is None else value[key]


def mapping(value: object, known: Sequence[str], place: Place) -> Mapping[str, object]:
    """The value, if it is a mapping with none but known keys."""
    if not isinstance(value, Mapping):
        raise place.error(f"expected a mapping with {', '.join(known)}; found {described(value)}")
    for key in value:
        if key not in known:
            raise place.unknown("key", str(key), known)
    return value


def listed(value: object, place: Place) -> list[object]:
    if not isinstance(value, list):
        raise place.error(f"expected a list, found {described(value)}")
    return value


def worded(value: object, place: Place, what: str = "a text") -> str:
    if not isinstance(value, str):
        hint = "" if isinstance(value, Mapping | list | None) else f' (put it in quotes: "{value}")'
        raise place.error(f"expected {what}, found {described(value)}{hint}")
    return value


def whole(value: object, place: Place, least: int | None = None) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or (least is not None and value < least):
        wanted = "a whole number" if least is None else f"a whole number from {least}"
        raise place.error(f"expected {wanted}, found {described(value)}")
    return value
