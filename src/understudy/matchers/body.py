"""The matcher that looks at the request's JSON, by JSONPath (RFC 9535)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Self

from understudy.errors import Place
from understudy.matchers.base import JSON, At, Look, Named, Schema, Values, plain, read_test
from understudy.model import Request

Finder = Callable[[Any], Iterable[Any]]
_STEP = r"\.([A-Za-z_]\w*)|\[(0|-?[1-9]\d{0,8})\]"
_PLAIN = re.compile(rf"\$(?:{_STEP})*", re.ASCII)
_STEPS = re.compile(_STEP, re.ASCII)


class Path(At, frozen=True):
    """The values at a JSONPath; a path on which there is nothing finds nothing, null finds null."""

    def __call__(self, request: Request) -> Values:
        return found(self.name, request.raw)

    @property
    def texts(self) -> Look:
        return Texts(self.name)


class Texts(At, frozen=True):
    """The texts among the values at a JSONPath."""

    def __call__(self, request: Request) -> Values:
        return tuple([value for value in found(self.name, request.raw) if isinstance(value, str)])


class Body(Named, frozen=True):
    """Values of the request's JSON, by JSONPath: `$.metadata.tenant`."""

    KEY = "body"
    KIND = JSON
    AT = Path
    EXAMPLE = "{$.metadata.tenant: acme}"
    AT_SCENE = False

    @classmethod
    def read_one(cls, name: str, value: object, place: Place) -> Self:
        check(name, place)
        return cls(Path(name), read_test(value, cls.KIND, place))

    @classmethod
    def schema(cls) -> Schema:
        return super().schema() | {"propertyNames": {"pattern": r"^\$"}}


def check(path: str, place: Place) -> None:
    """Raise SettingsError at `place` if this is no JSONPath."""
    try:
        finder(path)
    except (ValueError, RecursionError) as e:
        hint = "" if path.startswith("$") else f' (a path begins with "$", like "$.{path.lstrip(".")}")'
        raise place.error(f"not a JSONPath: {e}{hint}") from None


def found(path: str, document: object) -> Values:
    return tuple([plain(value) for value in finder(path)(document)])


@lru_cache(maxsize=4096)
def finder(path: str) -> Finder:
    """What finds the values at a path in a document. Raises ValueError if the path is none.

    Paths of names and positions, as most are, are walked here: importing the library takes as long as the
    start of a server.
    """
    if _PLAIN.fullmatch(path):
        return walker(path)
    from jsonpath_rfc9535 import JSONPathError, compile

    try:
        query = compile(path)
    except JSONPathError as e:
        raise ValueError(str(e).partition("\n")[0]) from None

    def find(document: Any) -> Iterable[Any]:
        try:
            return query.find(document).values()
        except (JSONPathError, RecursionError):  # nested deeper than the library goes
            return ()

    return find


def walker(path: str) -> Finder:
    """Finds the one value at a path of names and positions: `$.messages[-1].role`."""
    steps = [name or int(position) for name, position in _STEPS.findall(path)]

    def find(value: Any) -> Iterable[Any]:
        for step in steps:
            if not (
                isinstance(value, dict) and step in value if isinstance(step, str) else fits(step, value)
            ):
                return ()
            value = value[step]
        return (value,)

    return find


def fits(position: int, value: object) -> bool:
    return isinstance(value, list) and -len(value) <= position < len(value)
