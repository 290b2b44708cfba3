"""All matchers, and how a `when` is read.

To add one: a class with a KEY in a file of this drawer, and its line in MATCHERS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from understudy.errors import Place
from understudy.matchers.base import All, Any_, Fact, Groups, Matcher, Not, Reader, Schema, Verdict, described
from understudy.matchers.body import Body
from understudy.matchers.conversation import Api, Has, Model, Operation, Stream, ToolCalled, Tools, Turn
from understudy.matchers.surroundings import Headers, Key, Query, Scenario
from understudy.matchers.text import AnyMessage, System, ToolResults, User

__all__ = [
    "MATCHERS",
    "Fact",
    "Groups",
    "Matcher",
    "Reader",
    "Verdict",
    "read_when",
    "when_keys",
    "when_schema",
]

MATCHERS: tuple[Reader, ...] = (
    User,
    System,
    AnyMessage,
    Model,
    Api,
    Operation,
    Tools,
    ToolCalled,
    ToolResults,
    Turn,
    Stream,
    Has,
    Key,
    Headers,
    Query,
    Body,
    Scenario,
)


def read_when(value: object, place: Place) -> tuple[Matcher, ...]:
    """Read a `when`: its matchers, all of which must hold. Raises SettingsError."""
    if not isinstance(value, Mapping):
        raise place.error(f"expected a mapping like {{user: weather}}, found {described(value)}")
    return tuple(read_condition(key, each, place) for key, each in value.items())


def read_condition(key: object, value: object, place: Place) -> Matcher:
    reader = READERS.get(key) if isinstance(key, str) else None
    if reader is None:
        raise place.unknown("key", str(key), READERS)
    return reader(value, place / str(key))


def read_nested(value: object, place: Place) -> Matcher:
    matchers = read_when(value, place)
    if not matchers:
        raise place.error("expected conditions, found an empty mapping")
    return matchers[0] if len(matchers) == 1 else All(matchers)


def read_branches(value: object, place: Place) -> tuple[Matcher, ...]:
    if not isinstance(value, list) or not value:
        raise place.error(
            f"expected a list of conditions like [{{user: a}}, {{user: b}}], found {described(value)}"
        )
    return tuple(read_nested(each, place / i) for i, each in enumerate(value))


READERS: dict[str, Callable[[object, Place], Matcher]] = {
    **{matcher.KEY: matcher.read for matcher in MATCHERS},
    "any": lambda value, place: Any_(read_branches(value, place)),
    "all": lambda value, place: All(read_branches(value, place)),
    "not": lambda value, place: Not(read_nested(value, place)),
}


def when_keys() -> frozenset[str]:
    """All that a `when` can look at, and what composes conditions."""
    return frozenset(READERS)


def when_schema(nested: str = "#/$defs/when") -> Schema:
    """The JSON Schema of a `when`. It refers to itself as `nested`: put it there."""
    own = {"$ref": nested, "minProperties": 1}
    branches = {"type": "array", "items": own, "minItems": 1}
    combined: dict[str, Schema] = {
        "any": {"description": "One of these holds.", **branches},
        "all": {"description": "All of these hold.", **branches},
        "not": {"description": "This does not hold.", "allOf": [own]},
    }
    return {
        "type": "object",
        "properties": {matcher.KEY: described_schema(matcher) for matcher in MATCHERS} | combined,
        "additionalProperties": False,
    }


def described_schema(matcher: Reader) -> Schema:
    """A matcher's JSON Schema with what its class says of itself, for editors to show."""
    says = (matcher.__doc__ or "").partition("\n")[0]
    return {"description": says, **matcher.schema()}
