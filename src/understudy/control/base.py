"""What every control call is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from msgspec import Struct, json

from understudy.engine import Engine
from understudy.errors import Place
from understudy.model import Head, HttpRequest, ModelInfo, Send, Steps
from understudy.rules import Rulebook

MOST_DIGITS = 19
"""Of a number in a call: Python refuses to read very long ones."""

NOTHING: Mapping[str, Any] = MappingProxyType({})

Outage = tuple[str, float | None]
"""How it shows (`refuse`, `hang` or `reset`), and the seconds left, or None without an end."""


class Outages(NamedTuple):
    """What outages are asked of: to begin one, to end the one under way and return it, and what is."""

    begin: Callable[[Any, float | None], None]
    end: Callable[[], Outage | None]
    now: Callable[[], Outage | None]


class Spaces(NamedTuple):
    """What is asked about spaces: the names of those that there are, and to drop one, if it is there."""

    names: Callable[[], list[str]]
    drop: Callable[[str], bool]


class Controlled(Struct, frozen=True):
    """What the control calls of a space work on. `reset` makes all of it as at the start.

    `prefix` is the start of the space's paths, `/@name` or nothing.
    """

    engine: Engine
    rulebook: Rulebook
    outages: Outages
    spaces: Spaces
    reset: Callable[[], None]
    models: Callable[[], Sequence[ModelInfo]]
    version: str
    scheme: str = "http"
    prefix: str = ""


class Refused(Exception):
    """A control call that cannot be carried out. `more` is told beside the error."""

    def __init__(
        self, status: int, message: str, path: str | None = None, more: Mapping[str, Any] = NOTHING
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message} | ({"path": path} if path else {}), **more}


class Call(Struct, frozen=True):
    """One call: what it works on, its request, and what followed the route's prefix."""

    on: Controlled
    http: HttpRequest
    rest: str = ""

    def number(self, name: str, default: int, most: int) -> int:
        """A whole number from the query, from 0 to `most`."""
        given = self.word(name)
        if given is None:
            return default
        if not given.isdecimal() or len(given) > MOST_DIGITS or int(given) > most:
            raise Refused(400, f"{name}: expected a number from 0 to {most}, found {given!r}", name)
        return int(given)

    def json(self) -> object:
        """The body's JSON."""
        try:
            return json.decode(self.http.body)
        except (ValueError, RecursionError) as problem:
            raise Refused(400, f"the body is not JSON: {problem}") from None

    def word(self, name: str) -> str | None:
        values = parse_qs(self.http.query).get(name)
        return values[-1] if values else None


Route = tuple[str, str, Callable[[Call], Any]]
"""Method, path behind the prefix (one that ends with a slash takes the rest), and what gives JSON or Steps.

It raises Refused, or SettingsError for a mistake in the body.
"""


def read_object(value: object, known: Sequence[str], example: str, place: Place) -> Mapping[str, Any]:
    """A body that is an object with keys among `known`. Raises SettingsError."""
    if not isinstance(value, dict):
        raise place.error(f"expected an object like {example}, found {value!r}")
    for key in value:
        if key not in known:
            raise place.unknown("key", str(key), known)
    return value


def answer(status: int, body: object, headers: bytes = b"") -> Steps:
    """The steps of a JSON answer."""
    data = json.format(json.encode(body), indent=2) + b"\n"
    lines = headers + b"content-type: application/json\r\ncache-control: no-store\r\n"
    return iter((Head(status, lines, len(data)), Send(data)))
