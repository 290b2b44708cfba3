"""Gemini's generateContent: what the API refuses in tools and schemas, and in values of a list.

A place in a schema has two names: the JSON reader calls it `properties[0].value`, the rules that come after
it `properties[city]`. What is found is told of all places at once, and kept: tools come back with each
request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from understudy.caching import cached
from understudy.errors import Failure
from understudy.model import Request
from understudy.providers import gemini_base as base
from understudy.providers.base import decode, encode
from understudy.providers.gemini_contents_base import MOST_LEVELS
from understudy.providers.gemini_generate.parse import VERTEX

ASKED = "* GenerateContentRequest."
FIELDS = frozenset(
    (
        "any_of",
        "default",
        "description",
        "enum",
        "example",
        "format",
        "items",
        "max_items",
        "max_length",
        "max_properties",
        "maximum",
        "min_items",
        "min_length",
        "min_properties",
        "minimum",
        "nullable",
        "pattern",
        "properties",
        "property_ordering",
        "required",
        "title",
        "type",
    )
)
"""What the API's own schemas have. Source: ai.google.dev/api/caching#Schema, and the table's reports."""
TYPES = ("TYPE_UNSPECIFIED", "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL")
CATEGORIES = (
    "JAILBREAK",
    "IMAGE_HATE",
    "IMAGE_DANGEROUS_CONTENT",
    "IMAGE_HARASSMENT",
    "IMAGE_SEXUALLY_EXPLICIT",
)
"""The categories of harm that Vertex AI alone has."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}")
"""As the documentation has it, which lets pass more than the words of the refusal."""


TOOL = frozenset(
    (
        "code_execution",
        "computer_use",
        "enterprise_web_search",
        "exa_ai_search",
        "file_search",
        "function_declarations",
        "google_maps",
        "google_search",
        "google_search_retrieval",
        "mcp_servers",
        "parallel_ai_search",
        "retrieval",
        "url_context",
    )
)
FUNCTION = frozenset(
    (
        "behavior",
        "description",
        "name",
        "parameters",
        "parameters_json_schema",
        "response",
        "response_json_schema",
    )
)
"""Source: the types of `google-genai` 3.4, read 2026-11."""


class Place(NamedTuple):
    """A schema, and what the reader (`field`) and the rules (`where`) call the place where it is."""

    field: str
    where: str
    schema: dict[str, Any]


class Found(NamedTuple):
    """What is wrong with tools and schemas: fields that there are not with their places, values, the rest."""

    strangers: tuple[tuple[str, str], ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    rules: str = ""
    names: str = ""


NOTHING = Found()


def found(raw: dict[str, Any]) -> Found:
    """What is wrong with the tools of a request, and with the schema of its answer."""
    config = base.field(raw, "generationConfig")
    schema = base.field(config, "responseSchema") if config else None
    tools = base.listed(raw, "tools")
    return _found(encode((tools, schema))) if tools or schema else NOTHING


@cached(entries=256, longest=65_536)
def _found(data: bytes) -> Found:
    tools, schema = decode(data)
    functions = [*_functions(tools)]
    where = "generation_config.response_schema"
    places = [
        place
        for at, root in (
            *((f"{at}.parameters", each.get("parameters")) for at, each in functions),
            (where, schema),
        )
        if type(root) is dict
        for place in _within(Place(at, at, root))
    ]
    return Found(
        (
            *_strangers(((f"tools[{index}]", tool) for index, tool in enumerate(tools)), TOOL),
            *_strangers(functions, FUNCTION),
            *_strangers(((field, each) for field, _, each in places), FIELDS),
        ),
        tuple([wrong for field, _, each in places for wrong in _values(field, each)]),
        "".join([f"{ASKED}{where}.{fault}\n" for _, where, each in places for fault in _faults(each)]),
        "".join([f"{ASKED}{at}.name: {BAD_NAME}\n" for at, each in functions if not _is_named(each)]),
    )


def _functions(tools: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The functions on offer, with their places."""
    for index, tool in enumerate(tools):
        for number, function in enumerate(base.listed(tool, "functionDeclarations")):
            yield f"tools[{index}].function_declarations[{number}]", function


def _within(place: Place, levels: int = MOST_LEVELS) -> Iterator[Place]:
    if not levels:
        return
    yield place
    field, where, schema = place
    properties = schema.get("properties")
    for index, (name, each) in enumerate(properties.items() if type(properties) is dict else ()):
        if type(each) is dict:
            inside = Place(f"{field}.properties[{index}].value", f"{where}.properties[{name}]", each)
            yield from _within(inside, levels - 1)
    if type(items := schema.get("items")) is dict:
        yield from _within(Place(f"{field}.items", f"{where}.items", items), levels - 1)
    several = base.field(schema, "anyOf")
    for index, each in enumerate(several if type(several) is list else ()):
        if type(each) is dict:
            inside = Place(f"{field}.any_of[{index}]", f"{where}.any_of[{index}]", each)
            yield from _within(inside, levels - 1)


# --- what is wrong with each ---------------------------------------------------------------------------

BAD_NAME = (
    "Invalid function name. Must start with a letter or an underscore. Must be alphameric (a-z, A-Z, 0-9), "
    "underscores (_), dots (.) or dashes (-), with a maximum length of 64."
)


def _strangers(
    found: Iterable[tuple[str, dict[str, Any]]], known: frozenset[str]
) -> Iterator[tuple[str, str]]:
    for where, raw in found:
        yield from ((where, name) for name in raw if base.snake(name) not in known)


def _values(field: str, schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Types and members of enums that there are not, in the reader's words."""
    kind = schema.get("type")
    if type(kind) is str and kind.upper() not in TYPES:
        yield _invalid(f"{field}.type", f"{base.PACKAGE}Type", kind)
    members = schema.get("enum")
    for index, member in enumerate(members if type(members) is list else ()):
        if type(member) is not str:
            yield _invalid(f"{field}.enum[{index}]", "TYPE_STRING", member)


def _invalid(where: str, kind: str, value: Any) -> tuple[str, str]:
    return where, base.invalid_value(where, kind, value).message


def _faults(schema: dict[str, Any]) -> Iterator[str]:
    """Arrays of nothing, properties of what is no object, enums of what is no text."""
    if type(told := schema.get("type", "")) is not str:
        return
    kind = told.upper()
    if kind == "ARRAY" and "items" not in schema:
        yield "items: missing field."
    if kind != "OBJECT" and schema.get("properties"):
        yield "properties: only allowed for OBJECT type"
    if kind != "STRING" and schema.get("enum"):
        yield "enum: only allowed for STRING type"


def _is_named(function: dict[str, Any]) -> bool:
    return _NAME.fullmatch(function.get("name") or "") is not None


# --- as the API tells it ----------------------------------------------------------------------------------


def values(request: Request) -> Failure | None:
    """Types, members of enums and categories of harm that there are not."""
    if request.version == VERTEX:
        return None
    violations = [*found(request.raw).values, *_categories(request.raw)]
    if not violations:
        return None
    words = "\n".join([description for _, description in violations])
    return Failure(400, "invalid_request", words, facts={"violations": violations})


def _categories(raw: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for index, setting in enumerate(base.listed(raw, "safetySettings")):
        category = setting.get("category") if type(setting) is dict else None
        if type(category) is str and category.removeprefix("HARM_CATEGORY_") in CATEGORIES:
            yield _invalid(f"safety_settings[{index}].category", f"{base.PACKAGE}HarmCategory", category)


def rules(request: Request) -> Failure | None:
    told = found(request.raw).rules
    return base.refusal(told) if told else None


def names(request: Request) -> Failure | None:
    told = found(request.raw).names
    return base.refusal(told) if told else None
