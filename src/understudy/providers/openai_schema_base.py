"""OpenAI's rules for JSON schemas: what is wrong with one, in the API's words.

`strict` schemas (structured outputs) are held to a subset of JSON Schema, the parameters of other functions
to three rules alone. What comes back stands behind `Invalid schema for response_format 'X': `.

Sources: developers.openai.com/api/docs/guides/structured-outputs, "Supported schemas", read 2026-11; the
words are those of the reports in docs/validation.md. Refused is what is reported as refused since 2025, not
all that the guide leaves out: `default`, `minLength` and `maxLength` were refused once and have been seen to
pass since (github.com/takecchi/mnemora, packages/openai/README.md, 2026-09).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from understudy.caching import cached
from understudy.providers.base import decode, encode

Schema = dict[str, Any]
Context = tuple[str, ...]
"""A place in a schema, as the API writes it: `('properties', 'a', 'items')`."""

FORMATS = frozenset(("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"))
REFUSED = frozenset(
    (
        "allOf",
        "oneOf",
        "if",
        "then",
        "else",
        "dependentRequired",
        "dependentSchemas",
        "uniqueItems",
        "propertyNames",
        "minProperties",
        "maxProperties",
        "contains",
    )
)
MOST_LEVELS, MOST_ENUM_VALUES = 10, 1_000
TYPED = frozenset(("type", "anyOf", "enum", "$ref"))
AT_ROOT = ("oneOf", "anyOf", "allOf", "enum", "not")


def format_fault(schema: Schema) -> str | None:
    """What is wrong with the schema of a strict response format."""
    return _format_fault(encode(schema))


def function_fault(schema: Schema, strict: bool) -> str | None:
    """What is wrong with a function's parameters."""
    return _function_fault(encode(schema), strict)


@cached(entries=512, longest=32_768)
def _format_fault(data: bytes) -> str | None:
    schema: Schema = decode(data)
    return _no_object(schema) or (_at_root(schema) if "anyOf" in schema else None) or _strict_fault(schema)


@cached(entries=512, longest=32_768)
def _function_fault(data: bytes, strict: bool) -> str | None:
    schema: Schema = decode(data)
    first = _no_object(schema) or _at_root(schema)
    if first is not None:
        return first
    if strict:
        return _strict_fault(schema)
    if "properties" not in schema:
        return "In context=(), object schema missing properties."
    for context, node in _nodes(schema):
        if node.get("type") == "array" and "items" not in node and "prefixItems" not in node:
            return f"In context={context}, array schema missing items."
    return None


def _no_object(schema: Schema) -> str | None:
    kind = schema.get("type")
    if kind == "object" or type(kind) is list:
        return None
    return f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{kind}\"'."


def _at_root(schema: Schema) -> str | None:
    if not any(key in schema for key in AT_ROOT):
        return None
    keys = "/".join(f"'{key}'" for key in AT_ROOT)
    return f"schema must have type 'object' and not have {keys} at the top level."


def _strict_fault(schema: Schema) -> str | None:
    values = levels = 0
    for context, node in _nodes(schema):
        if (fault := _reference(node, context, schema) or _node(node)) is not None:
            return fault if fault.startswith("context=") else f"In context={context}, {fault}"
        if type(enum := node.get("enum")) is list:
            values += len(enum)
        if node.get("type") == "object":
            levels = max(levels, _level(context, schema))
    if levels > MOST_LEVELS:
        return f"{levels} levels of nesting exceeds limit of {MOST_LEVELS}."
    if values > MOST_ENUM_VALUES:
        return (
            f"Expected at most {MOST_ENUM_VALUES} enum values in total within a single schema when using "
            f"structured outputs, but received {values}. Consider reducing the number of enums, or use "
            "'strict: false' to opt out of structured outputs."
        )
    return None


def _node(node: Schema) -> str | None:
    """What is wrong with one place of a strict schema, whatever stands below it."""
    if not REFUSED.isdisjoint(node):
        return f"'{next(key for key in node if key in REFUSED)}' is not permitted."
    if TYPED.isdisjoint(node):
        return "schema must have a 'type' key."
    kind = node.get("type")
    if kind == "object" or (type(kind) is list and "object" in kind):
        return _object(node)
    if kind == "array":
        if "items" not in node:
            return "array schema missing items."
        return None if type(node["items"]) is dict else "array schema items is not an object."
    if kind == "string" and type(form := node.get("format")) is str and form not in FORMATS:
        return f"'{form}' is not a valid format."
    return None


def _object(node: Schema) -> str | None:
    if node.get("additionalProperties") is not False:
        return "'additionalProperties' is required to be supplied and to be false."
    properties, required = node.get("properties"), node.get("required")
    if type(properties) is dict:
        given = required if type(required) is list else ()
        for key in properties:
            if key not in given:
                return (
                    "'required' is required to be supplied and to be an array including every key in "
                    f"properties. Missing '{key}'."
                )
    return None


def _reference(node: Schema, context: Context, root: Schema) -> str | None:
    target = node.get("$ref")
    if type(target) is not str:
        return None
    if len(node) > 1:
        others = ", ".join(f"'{key}'" for key in sorted(node) if key != "$ref")
        return f"context={context}, $ref cannot have keywords {{{others}}}."
    if target.startswith("#") and not _is_there(root, target):
        return f"reference to component '{target}' which was not found in the schema."
    return None


def _is_there(root: Schema, target: str) -> bool:
    """Whether a reference leads somewhere; of one into a list, its first part is looked at."""
    at: Any = root
    for step in target.removeprefix("#").split("/")[1:]:
        if isinstance(at, list):
            return True
        at = at.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(at, dict) else None
    return at is not None


def _nodes(schema: Schema) -> Iterator[tuple[Context, Schema]]:
    """All schemas within a schema, itself first, each before those below it, in their order."""
    waiting: list[tuple[Context, Schema]] = [((), schema)]
    while waiting:
        context, node = waiting.pop()
        yield context, node
        waiting.extend(reversed([each for each in _below(context, node) if type(each[1]) is dict]))


def _below(context: Context, node: Schema) -> Iterator[tuple[Context, Any]]:
    for key in ("properties", "$defs", "definitions"):
        if type(named := node.get(key)) is dict:
            for name, each in named.items():
                yield (*context, key, name), each
    if "items" in node:
        yield (*context, "items"), node["items"]
    if type(choices := node.get("anyOf")) is list:
        for index, each in enumerate(choices):
            yield (*context, "anyOf", str(index)), each


def _level(context: Context, root: Schema) -> int:
    """How many objects the object at a place is in, itself included."""
    levels = 1
    at: Any = root
    for step in context:
        levels += step == "properties" and isinstance(at, dict) and at.get("type") == "object"
        at = at[int(step)] if isinstance(at, list) else at[step]
    return levels
