"""Chat Completions' schemas and endpoints: what makes each refused example right."""

from __future__ import annotations

from typing import Any

STRING = {"type": "string"}
LIST = {"type": "array", "items": STRING}


def closed(**properties: Any) -> dict[str, Any]:
    required = list(properties)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def format(schema: dict[str, Any], name: str = "x") -> dict[str, Any]:
    json_schema = {"name": name, "strict": True, "schema": schema}
    return {"response_format": {"type": "json_schema", "json_schema": json_schema}}


def function(parameters: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"tools": [{"type": "function", "function": {"name": "f", "parameters": parameters, **more}}]}


def nested(levels: int) -> dict[str, Any]:
    return closed(a=nested(levels - 1)) if levels > 1 else closed(a=STRING)


SCHEMAS: dict[str, dict[str, Any]] = {
    "a model for completions": {"model": "gpt-3.5-turbo"},
    "a model for responses": {"model": "gpt-5"},
    "format: no object": format(closed()),
    "format: anyOf at the root": format(closed(a={"anyOf": [STRING]})),
    "format: not closed": format(closed(a=STRING)),
    "format: a key not required": format(closed(a={"type": ["string", "null"]})),
    "format: oneOf": format(closed(a={"anyOf": [STRING]})),
    "format: allOf": format(closed(a={"anyOf": [STRING]})),
    "format: if": format(closed(a=STRING)),
    "format: uniqueItems": format(closed(a=LIST | {"minItems": 1})),
    "format: propertyNames": format(closed(a=closed())),
    "format: minProperties": format(closed(a=STRING)),
    "format: contains": format(closed(a=LIST)),
    "format: a format that there is not": format(closed(a=STRING | {"format": "date-time"})),
    "format: no type": format(closed(a=STRING | {"pattern": "^a"})),
    "format: an array of nothing": format(closed(a=LIST)),
    "format: items that are no schema": format(closed(a=LIST)),
    "format: words beside a reference": format(closed(a={"$ref": "#/$defs/B"}) | {"$defs": {"B": STRING}}),
    "format: a reference to nowhere": format(closed(a={"$ref": "#/$defs/B"}) | {"$defs": {"B": STRING}}),
    "format: eleven levels": format(nested(10)),
    "format: too many enum values": format(closed(a=STRING | {"enum": [f"v{n}" for n in range(1_000)]})),
    "format: bad name": format(closed(a=STRING), "a_b-1"),
    "format: long name": format(closed(a=STRING), "n" * 64),
    "function: no object": function({"type": "object", "properties": {}}),
    "function: anyOf at the root": function({"type": "object", "properties": {"a": {"anyOf": [STRING]}}}),
    "function: no properties": function({"type": "object", "properties": {}}),
    "function: an array of nothing": function({"type": "object", "properties": {"objects": LIST}}),
    "function: strict, not closed": function(closed(), strict=True),
    "function: strict, a key not required": function(closed(a=STRING), strict=True),
}
