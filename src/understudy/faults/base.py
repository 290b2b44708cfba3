"""What every fault is, and what faults share: reading their JSON, and cutting an answer where they strike.

A fault is a value whose fields are its JSON, and two pure functions: `alter` over the reply, `apply` over
the steps of the answer. Time is a Pause, death is an Abort, chance is handed in.

    Pause  Head | Send(data: ...) Pause Send(data: ...) Pause ...
    -- opening -|----------------- rest -------------------------       `opened`
                            ^ a Point of the body                       `split`, `written_over`

Rules for editing this file: nothing here knows a fault. docs/adding-a-fault.md leads through a new one.
The one that does nothing, to start a new one from:

    class Nothing(Fault, frozen=True, gc=False):
        KEY: ClassVar[str] = "nothing"
        FIELDS: ClassVar[Fields] = {"after": POINT}

        after: Point = HALF

        def apply(self, steps: Steps, chance: Chance, refuse: Refuse) -> Steps:
            opening, rest = opened(steps)
            before, after = split(rest, self.after.at(body_of(rest)))
            return iter((*opening, *before, *after))
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from math import inf
from types import MappingProxyType
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, Self

from msgspec import Struct
from msgspec.structs import replace

from understudy.errors import Failure, Place
from understudy.model import Head, Reply, Send, Step, Steps, ToolCall

FOR_EVER_S = inf
SHOWN = 60
"""How much of a value is shown in an error, in characters."""


class Chance(Protocol):
    """A seeded source of chance, such as `random.Random`."""

    def random(self) -> float:
        """From 0 up to 1."""

    def randrange(self, stop: int, /) -> int:
        """From 0 up to `stop`."""


class Refuse(NamedTuple):
    """Spells a failure as the API at hand does: `instead` of the answer, or `inside` its stream."""

    instead: Callable[[Failure], Steps]
    inside: Callable[[Failure], bytes]


Read = Callable[[object, Place], Any]
"""Reads a field's value; raises SettingsError at the place."""

Schema = Mapping[str, Any]
"""A JSON Schema."""


class Field(NamedTuple):
    """How a field is read, and the JSON Schema of what may stand there."""

    read: Read
    schema: Schema


Fields = Mapping[str, Field]


class Fault(Struct, frozen=True, gc=False):
    """What every fault is; this one does nothing.

    `KEY` is its name, `FIELDS` what its JSON may hold. What is left out stays as the class says. `INSTEAD`
    says that it strikes in place of the answer, of which nothing is left: a rule has not answered then.
    """

    KEY: ClassVar[str] = ""
    FIELDS: ClassVar[Fields] = MappingProxyType({})
    INSTEAD: ClassVar[bool] = False

    @classmethod
    def read(cls, value: object, place: Place) -> Self:
        """The fault with these fields; None where it was named alone. Raises SettingsError at `place`."""
        return cls(**read_fields(value, cls.FIELDS, place))

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """The JSON Schema of its fields."""
        return {
            "description": (cls.__doc__ or "").partition("\n")[0],
            "type": ["object", "null"],
            "properties": {name: dict(field.schema) for name, field in cls.FIELDS.items()},
            "additionalProperties": False,
        }

    def alter(self, reply: Reply, chance: Chance) -> Reply:
        """What is said in place of the reply, whole or streamed; the reply itself, where nothing changes."""
        return reply

    def apply(self, steps: Steps, chance: Chance, refuse: Refuse) -> Steps:
        """The steps of the answer with this fault in it; `steps` may be left unused."""
        return steps


# --- Replies -------------------------------------------------------------------------------------------


def with_calls(reply: Reply, changed: Callable[[ToolCall], ToolCall]) -> Reply:
    """The reply with every tool call changed, in all choices; itself where it has none."""
    parts = tuple([changed(part) if isinstance(part, ToolCall) else part for part in reply.parts])
    others = tuple([with_calls(each, changed) for each in reply.others])
    if parts == reply.parts and others == reply.others:
        return reply
    return replace(reply, parts=parts, others=others)


# --- A point in an answer ------------------------------------------------------------------------------

Unit = Literal["bytes", "%", "events"]
_EVENT_END = re.compile(rb"\r?\n\r?\n")


class Point(Struct, frozen=True, gc=False):
    """A point in an answer's body: after so many bytes, percent of it, or server-sent events."""

    amount: float
    unit: Unit = "%"

    def at(self, body: bytes) -> int:
        """The bytes of `body` before this point: all of them, where it has no more.

        A whole answer counts as one event.
        """
        if self.unit == "events":
            ends = [0, *(end.end() for end in _EVENT_END.finditer(body))]
            return ends[int(self.amount)] if self.amount < len(ends) else len(body)
        if self.unit == "%":
            return int(len(body) * self.amount / 100)
        return min(int(self.amount), len(body))


START, HALF = Point(0), Point(50)
_POINT = re.compile(r"(\d{1,15}(?:\.\d{1,15})?)\s*(bytes?|%|events?)?")
_UNITS: Mapping[str | None, Unit] = {
    None: "bytes",
    "byte": "bytes",
    "bytes": "bytes",
    "%": "%",
    "event": "events",
    "events": "events",
}


def read_point(value: object, place: Place) -> Point:
    """Read `120`, `"120 bytes"`, `"40%"` or `"3 events"`."""
    found = None if isinstance(value, bool) else _POINT.fullmatch(str(value).strip())
    unit = _UNITS[found[2]] if found else "bytes"
    if found is None or (unit != "%" and "." in found[1]):
        raise place.error(f'expected bytes (120), "40%" or "3 events"; found {shown(value)}')
    if unit == "%" and float(found[1]) > 100:
        raise place.error(f"an answer has 100%, found {shown(value)}")
    return Point(float(found[1]), unit)


class Span(NamedTuple):
    """Where an event starts in a stream, and where it ends, its blank line included."""

    start: int
    end: int


def events_of(stream: bytes) -> list[Span]:
    """The server-sent events of a stream; what comes behind the last blank line is none."""
    ends = [end.end() for end in _EVENT_END.finditer(stream)]
    return [Span(start, end) for start, end in zip([0, *ends], ends, strict=False)]


def event_at(stream: bytes, at: int) -> Span | None:
    """The event that this byte is in, or else the last; None where there is none."""
    events = events_of(stream)
    return next((event for event in events if at < event.end), events[-1] if events else None)


# --- Steps ---------------------------------------------------------------------------------------------


def opened(steps: Steps) -> tuple[list[Step], list[Step]]:
    """The steps up to the Head, itself included, and those after it; without a Head, all are before it."""
    opening: list[Step] = []
    for step in steps:
        opening.append(step)
        if type(step) is Head:
            break
    return opening, list(steps)


def is_whole(opening: Iterable[Step]) -> bool:
    """Whether the answer's length was told before it: it is no stream."""
    return any(type(step) is Head and step.length is not None for step in opening)


def is_stream(opening: Iterable[Step]) -> bool:
    """Whether the answer has begun, and its length was not told."""
    return any(type(step) is Head and step.length is None for step in opening)


def with_head(opening: Iterable[Step], changed: Callable[[Head], Head]) -> list[Step]:
    """The same steps, the Head among them changed."""
    return [changed(step) if type(step) is Head else step for step in opening]


def body_of(rest: Iterable[Step]) -> bytes:
    """The bytes of the body that these steps send."""
    return b"".join([step.data for step in rest if type(step) is Send])


def split(rest: Sequence[Step], offset: int) -> tuple[list[Step], list[Step]]:
    """The steps that send the first `offset` bytes, and the others. A pause at the very point is after it."""
    before: list[Step] = []
    for number, step in enumerate(rest):
        if offset <= 0:
            return before, list(rest[number:])
        if type(step) is Send and len(step.data) > offset:
            halves = Send(step.data[:offset]), Send(step.data[offset:])
            return [*before, halves[0]], [halves[1], *rest[number + 1 :]]
        if type(step) is Send:
            offset -= len(step.data)
        before.append(step)
    return before, []


def written_over(rest: Sequence[Step], start: int, data: bytes) -> list[Step]:
    """The steps with `data` in place of as many bytes of the body from `start` on; time stays as it is."""
    written: list[Step] = []
    at = 0
    for step in rest:
        if type(step) is not Send:
            written.append(step)
            continue
        end = at + len(step.data)
        low, high = max(at, start), min(end, start + len(data))
        if low < high:
            piece = step.data[: low - at] + data[low - start : high - start] + step.data[high - at :]
            step = Send(piece)
        written.append(step)
        at = end
    return written


# --- Reading fields ------------------------------------------------------------------------------------


def read_fields(value: object, fields: Mapping[str, Field | Read], place: Place) -> dict[str, Any]:
    """The fields that are given, each read as its own; one that is null is not given."""
    readers = {name: field.read if isinstance(field, Field) else field for name, field in fields.items()}
    if value is None:
        return {}
    if not readers and value != {}:
        raise place.error(f"this has no fields, write its name alone; found {shown(value)}")
    if not isinstance(value, Mapping):
        raise place.error(f"expected a mapping with {', '.join(readers)}; found {shown(value)}")
    for key in value:
        if key not in readers:
            raise place.unknown("key", str(key), readers)
    return {key: readers[key](given, place / key) for key, given in value.items() if given is not None}


_SECONDS = re.compile(r"(\d{1,15}(?:\.\d{1,15})?)\s*(ms|s|m)?")
_SECONDS_IN = {"ms": 0.001, "s": 1.0, "m": 60.0, None: 1.0}


def read_seconds(value: object, place: Place) -> float:
    """Read seconds: `1.5`, `"200ms"`, `"2s"`, `"1m"`."""
    found = None if isinstance(value, bool) else _SECONDS.fullmatch(str(value).strip())
    if found is None:
        raise place.error(f'expected seconds or a time like "200ms"; found {shown(value)}')
    return float(found[1]) * _SECONDS_IN[found[2]]


def read_text(value: object, place: Place) -> str:
    if not isinstance(value, str):
        raise place.error(f"expected a text, found {shown(value)}")
    return value


def read_name(value: object, place: Place) -> str:
    if not isinstance(value, str) or not value:
        raise place.error(f"expected a name, found {shown(value)}")
    return value


def read_flag(value: object, place: Place) -> bool:
    if not isinstance(value, bool):
        raise place.error(f"expected true or false, found {shown(value)}")
    return value


def read_count(value: object, place: Place) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise place.error(f"expected a number, 1 or more; found {shown(value)}")
    return value


def one_of(what: str, words: Collection[str]) -> Field:
    """The field that takes one of these words; `what` says what they are."""

    def read(value: object, place: Place) -> str:
        if not isinstance(value, str) or value not in words:
            raise place.unknown(what, value if isinstance(value, str) else shown(value), words)
        return value

    return Field(read, {"enum": list(words)})


POINT = Field(
    read_point,
    {
        "description": 'A point in the answer: bytes (120), "40%" or "3 events".',
        "anyOf": [
            {"type": "integer", "minimum": 0},
            {"type": "string", "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*(bytes?|%|events?)?\s*$"},
        ],
    },
)
SECONDS = Field(
    read_seconds,
    {
        "description": 'Seconds, or a time like "200ms", "2s" or "1m".',
        "anyOf": [
            {"type": "number", "minimum": 0},
            {"type": "string", "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*(ms|s|m)?\s*$"},
        ],
    },
)
TEXT = Field(read_text, {"type": "string"})
NAME = Field(read_name, {"type": "string", "minLength": 1})
FLAG = Field(read_flag, {"type": "boolean"})
COUNT = Field(read_count, {"type": "integer", "minimum": 1})


def shown(value: object) -> str:
    """A value as JSON, for an error's `found ...`."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
