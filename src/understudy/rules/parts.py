"""The parts of a reply, read: texts and what they rest on, thoughts, calls, tools that the vendor runs.

{text: It is sunny., citations: [{url: "https://example.com", for: sunny}]}
{web_search: {query: weather in Paris, results: [{url: "https://example.com", title: Weather}]}}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from understudy.errors import Place
from understudy.faults.base import Field, Fields, Read, read_fields
from understudy.matchers.base import described
from understudy.model import Citation, Part, Reasoning, Refusal, ServerTool, ServerToolCall, Text, ToolCall
from understudy.rules.values import given, listed, mapping, whole, worded
from understudy.templates import Extra, Template

CALL_KEYS = ("name", "arguments", "id")

# --- Fields ------------------------------------------------------------------------------------------


def read_amount(value: object, place: Place) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise place.error(f"expected a number, found {described(value)}")
    return value


def read_object(value: object, place: Place) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise place.error(f"expected a mapping, found {described(value)}")
    return value


def read_json_text(value: object, place: Place) -> str:
    """JSON text: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def read_arguments(value: object, place: Place) -> str:
    """Arguments as they go over the wire: a text as it is, a mapping as JSON."""
    if not isinstance(value, str | Mapping):
        raise place.error(f"expected a mapping or JSON text, found {described(value)}")
    return read_json_text(value, place)


def read_range(value: object, place: Place) -> tuple[int, int]:
    ends = [whole(end, place / i, 0) for i, end in enumerate(listed(value, place))]
    if len(ends) != 2 or ends[0] > ends[1]:
        raise place.error("expected where it starts and where it ends, like [0, 12]")
    return ends[0], ends[1]


def several(read: Read, schema: dict[str, Any]) -> Field:
    """The field that takes a list."""

    def read_all(value: object, place: Place) -> list[object]:
        return [read(each, place / i) for i, each in enumerate(listed(value, place))]

    return Field(read_all, {"type": "array", "items": schema})


def rows(fields: Fields, needed: str) -> Field:
    """The field that takes a list of mappings, each of which has at least `needed`."""

    def read(value: object, place: Place) -> dict[str, Any]:
        found = read_fields(mapping(value, tuple(fields), place), fields, place)
        if needed not in found:
            raise place.error(f"this needs `{needed}`")
        return found

    return several(read, object_schema(fields) | {"required": [needed]})


def object_schema(fields: Fields) -> dict[str, Any]:
    """The JSON Schema of a mapping with these fields; null says nothing."""
    properties: dict[str, Any] = {
        name: {"anyOf": [dict(field.schema), {"type": "null"}]} for name, field in fields.items()
    }
    return {"type": "object", "properties": properties, "additionalProperties": False}


TEXT = Field(worded, {"type": "string"})
AMOUNT = Field(read_amount, {"type": "number"})
COUNT = Field(lambda value, place: whole(value, place, 0), {"type": "integer", "minimum": 0})
WHOLE = Field(whole, {"type": "integer"})
OBJECT = Field(read_object, {"type": "object"})
ARGUMENTS = Field(read_arguments, {"type": ["object", "string"]})
JSON_TEXT = Field(read_json_text, {})
TEXTS = several(worded, {"type": "string"})
RANGE = Field(
    read_range,
    {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 2, "maxItems": 2},
)

# --- Tools that the vendor runs ----------------------------------------------------------------------


class Written(Struct, frozen=True):
    """How a tool that the vendor runs is written.

    `input` is the key for what the model wrote, `gives` are those for what came of it, and `more` those
    that name the tool.
    """

    input: str
    gives: Fields = {}
    more: Fields = {}
    takes: Field = TEXT

    def fields(self) -> Fields:
        wrote = {self.input: self.takes} if self.input else {}
        return {**self.more, **wrote, **self.gives, "error": TEXT, "id": TEXT}

    def needed(self) -> list[str]:
        return [*self.more, *([self.input] if self.input and self.takes is TEXT else [])]

    def schema(self) -> dict[str, Any]:
        full = object_schema(self.fields()) | {"required": self.needed()}
        for key in self.needed():
            full["properties"][key] = {"type": "string"}
        return {"anyOf": [{"type": "string"}, full]} if self.is_short() else full

    def is_short(self) -> bool:
        """Whether the input alone says enough."""
        return self.needed() == [self.input]


RAN: Fields = {"stdout": TEXT, "stderr": TEXT, "exit_code": WHOLE}
SERVER: Fields = {"server": TEXT}
TOOL: Fields = {"server": TEXT, "name": TEXT}
SERVER_TOOLS: dict[ServerTool, Written] = {
    "web_search": Written(
        "query", {"results": rows({"url": TEXT, "title": TEXT, "text": TEXT, "age": TEXT}, "url")}
    ),
    "web_fetch": Written("url", {"title": TEXT, "text": TEXT}),
    "file_search": Written(
        "query",
        {
            "results": rows(
                {"file": TEXT, "name": TEXT, "text": TEXT, "score": AMOUNT, "attributes": OBJECT}, "file"
            )
        },
    ),
    "code_execution": Written("code", {**RAN, "images": TEXTS}),
    "shell": Written("command", RAN),
    "image_generation": Written(
        "prompt",
        {
            "image": TEXT,
            "format": TEXT,
            "size": TEXT,
            "quality": TEXT,
            "background": TEXT,
            "partials": TEXTS,
        },
    ),
    "mcp": Written("arguments", {"output": JSON_TEXT}, TOOL, ARGUMENTS),
    "mcp_tools": Written(
        "", {"tools": rows({"name": TEXT, "description": TEXT, "schema": OBJECT}, "name")}, SERVER
    ),
    "mcp_approval": Written("arguments", {}, TOOL, ARGUMENTS),
}
"""The tools that vendors run, by the key of a part."""


def read_server_tool(kind: ServerTool, value: object, place: Place) -> ServerToolCall:
    """A text is what the model wrote; a mapping says also what came of it."""
    written = SERVER_TOOLS[kind]
    if isinstance(value, str) and written.is_short():
        return ServerToolCall(kind, value)
    fields = written.fields()
    found = read_fields(mapping(value, tuple(fields), place), fields, place)
    for key in written.needed():
        if key not in found:
            raise place.error(f"a {kind} needs `{key}`")
    result = {key: found[key] for key in written.gives if key in found}
    return ServerToolCall(
        kind,
        found.get(written.input, "{}" if written.takes is ARGUMENTS else ""),
        msgspec.json.encode(result).decode() if result else "",
        found.get("error", ""),
        found.get("id", ""),
        found.get("name", ""),
        found.get("server", ""),
    )


# --- Citations ---------------------------------------------------------------------------------------

Within = Literal["characters", "pages", "blocks"]
WITHIN: tuple[Within, ...] = ("characters", "pages", "blocks")
SOURCES = ("url", "file", "document")
CITATION: Fields = {
    "url": TEXT,
    "file": TEXT,
    "document": COUNT,
    "title": TEXT,
    "quote": TEXT,
    "for": TEXT,
    "start": COUNT,
    "end": COUNT,
    **dict.fromkeys(WITHIN, RANGE),
}


def read_citations(value: object, place: Place, text: str | None) -> tuple[Citation, ...]:
    """What a text rests on; `text` is None where a template makes it. A text in the list is a URL."""
    return tuple([read_citation(each, place / i, text) for i, each in enumerate(listed(value, place))])


def read_citation(value: object, place: Place, text: str | None) -> Citation:
    if isinstance(value, str):
        return Citation(value)
    found = read_fields(mapping(value, tuple(CITATION), place), CITATION, place)
    sources = [key for key in SOURCES if key in found]
    if len(sources) != 1:
        raise place.error(f"a citation has one of {', '.join(SOURCES)}; found {len(sources)}")
    start, end = read_span(found, place, text)
    units = [unit for unit in WITHIN if unit in found]
    if len(units) > 1:
        raise place.error(f"`{units[0]}` and `{units[1]}` exclude each other")
    return Citation(
        found.get("url", ""),
        found.get("title", ""),
        found.get("quote", ""),
        found.get("file", ""),
        found.get("document"),
        start,
        end,
        found[units[0]] if units else None,
        units[0] if units else "characters",
    )


def read_span(found: Mapping[str, Any], place: Place, text: str | None) -> tuple[int, int | None]:
    """The characters that a source is named for: of the words under `for`, or from `start` up to `end`."""
    start, end = found.get("start", 0), found.get("end")
    if "for" in found:
        if text is None or "start" in found or "end" in found:
            raise (place / "for").error("`for` goes with a `text`, and takes the place of `start` and `end`")
        start = text.find(found["for"])
        if start < 0:
            raise (place / "for").error("this is not in the text")
        return start, start + len(found["for"])
    if end is not None and (end < start or (text is not None and end > len(text))):
        raise (place / "end").error("expected a character of the text, from `start` on")
    return start, end


# --- Parts -------------------------------------------------------------------------------------------

Drafted = Part | Template


def read_text_part(value: object, place: Place, groups: Sequence[str], extra: Extra) -> Text:
    return Text(worded(value, place))


def read_thought(value: object, place: Place, groups: Sequence[str], extra: Extra) -> Reasoning:
    """A text, or `{redacted: ...}` for a thought that is not shown."""
    if isinstance(value, Mapping):
        hidden = mapping(value, ("redacted",), place)
        if not hidden.get("redacted"):
            raise place.error("expected a text, or {redacted: ...} with what is told in its place")
        return Reasoning(redacted=worded(hidden["redacted"], place / "redacted"))
    return Reasoning(worded(value, place))


def read_call(value: object, place: Place) -> ToolCall:
    """`arguments` is a mapping; a text goes over the wire as it is."""
    call = mapping(value, CALL_KEYS, place)
    if "name" not in call:
        raise place.error("a tool call needs a `name`")
    arguments = read_arguments(call.get("arguments", {}), place / "arguments")
    return ToolCall(worded(call["name"], place / "name"), arguments, worded(call.get("id", ""), place / "id"))


def server_tool_reader(kind: ServerTool) -> Callable[[object, Place, Sequence[str], Extra], Drafted]:
    return lambda value, place, groups, extra: read_server_tool(kind, value, place)


PARTS: dict[str, Callable[[object, Place, Sequence[str], Extra], Drafted]] = {
    "text": read_text_part,
    "template": lambda value, place, groups, extra: Template(worded(value, place), place, groups, extra),
    "reasoning": read_thought,
    "refusal": lambda value, place, groups, extra: Refusal(worded(value, place)),
    "tool_call": lambda value, place, groups, extra: read_call(value, place),
    **{kind: server_tool_reader(kind) for kind in SERVER_TOOLS},
}
"""The kinds of parts, by their key."""
PART_KEYS = (*PARTS, "citations")


class Named(Struct, frozen=True):
    """A part yet to be read: its key, its value and its place; `beside` is where its citations are."""

    key: str
    value: object
    place: Place
    beside: tuple[Mapping[str, object], Place]

    def read(self, groups: Sequence[str], extra: Extra) -> tuple[Drafted, tuple[Citation, ...]]:
        """The part, and what it cites where a template makes its text."""
        part = PARTS[self.key](self.value, self.place, groups, extra)
        if not isinstance(part, Text | Template):
            return part, ()
        around, at = self.beside
        if isinstance(part, Template):
            return part, given(around, "citations", at, lambda v, p: read_citations(v, p, None)) or ()
        text = part.text
        cited = given(around, "citations", at, lambda v, p: read_citations(v, p, text)) or ()
        return Text(text, cited), ()


def read_part(value: object, place: Place) -> Named:
    if isinstance(value, str):
        return Named("text", value, place, ({}, place))
    part = mapping(value, PART_KEYS, place)
    keys = [key for key in part if key != "citations"]
    if len(keys) != 1:
        raise place.error(f"a part is a text or has one key of {', '.join(PARTS)}; found {len(keys)}")
    if "citations" in part and keys[0] not in ("text", "template"):
        raise (place / "citations").error("only a `text` or a `template` can cite")
    return Named(keys[0], part[keys[0]], place / keys[0], (part, place))
