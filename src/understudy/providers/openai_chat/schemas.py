"""Chat Completions: what the API refuses in JSON schemas, and in the name of a response format's."""

from __future__ import annotations

import re
from typing import Any

from understudy.errors import Failure
from understudy.model import Request
from understudy.providers import openai_refusals_base as say
from understudy.providers import openai_schema_base as rules
from understudy.providers.base import Check

GUIDE = "https://developers.openai.com/api/docs/guides/structured-outputs"
REFERENCE = "https://platform.openai.com/docs/api-reference/chat/create"
ISSUES = "https://github.com/"
NAME = re.compile(r"[a-zA-Z0-9_-]+")
NAME_PARAM = "response_format.json_schema.name"
PATTERN, LONGEST_NAME = "^[a-zA-Z0-9_-]+$", 64

# --- finding --------------------------------------------------------------------------------------


def _response_format(request: Request) -> Failure | None:
    """The schema of a structured output, and its name."""
    given = request.response_format
    if given.kind != "json_schema":
        return None
    if NAME.fullmatch(given.name) is None:
        return say.pattern(NAME_PARAM, PATTERN)
    if len(given.name) > LONGEST_NAME:
        return say.string_too_long(NAME_PARAM, LONGEST_NAME, len(given.name))
    if not given.strict or given.schema is None:
        return None
    if (fault := rules.format_fault(given.schema)) is None:
        return None
    return say.refusal(f"Invalid schema for response_format '{given.name}': {fault}", "response_format")


def _tools(request: Request) -> Failure | None:
    """The parameters of each function on offer."""
    for index, tool in enumerate(request.tools[: len(request.raw["tools"])]):
        if tool.schema is None or tool.custom:
            continue
        if (fault := rules.function_fault(tool.schema, tool.strict)) is not None:
            words = f"Invalid schema for function '{tool.name}': {fault}"
            where = f"tools[{index}].function.parameters"
            return say.refusal(words, where, "invalid_function_parameters")
    return None


# --- the table ------------------------------------------------------------------------------------

MODEL, MESSAGES = "gpt-4o", [{"role": "user", "content": "Hi"}]


def _format(schema: dict[str, Any], name: str = "x") -> dict[str, Any]:
    json_schema = {"name": name, "strict": True, "schema": schema}
    return {
        "model": MODEL,
        "messages": MESSAGES,
        "response_format": {"type": "json_schema", "json_schema": json_schema},
    }


def _with(field: Any) -> dict[str, Any]:
    """A strict object whose one property is `field`."""
    return {"type": "object", "properties": {"a": field}, "required": ["a"], "additionalProperties": False}


def _nested(levels: int) -> dict[str, Any]:
    return _with(_nested(levels - 1)) if levels > 1 else _with({"type": "string"})


def _function(parameters: Any, **more: Any) -> dict[str, Any]:
    function = {"name": "f", "parameters": parameters, **more}
    return {"model": MODEL, "messages": MESSAGES, "tools": [{"type": "function", "function": function}]}


STRING = {"type": "string"}
FORMAT_CHECKS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("format: no object", {"type": "string"}, GUIDE),
    ("format: anyOf at the root", _with(STRING) | {"anyOf": [STRING]}, GUIDE),
    (
        "format: not closed",
        {"type": "object", "properties": {"a": STRING}, "required": ["a"]},
        ISSUES + "langchain-ai/langchain/issues/30970",
    ),
    (
        "format: a key not required",
        {"type": "object", "properties": {"a": STRING}, "additionalProperties": False},
        ISSUES + "vercel/ai/issues/6484",
    ),
    ("format: oneOf", _with({"oneOf": [STRING]}), ISSUES + "openai/openai-node/issues/1709"),
    ("format: allOf", _with({"allOf": [STRING]}), ISSUES + "makenotion/notion-mcp-server/issues/117"),
    ("format: if", _with({"type": "string", "if": {}}), ISSUES + "lucasabella/vizmith"),
    (
        "format: uniqueItems",
        _with({"type": "array", "items": STRING, "uniqueItems": True}),
        ISSUES + "mastra-ai/mastra/issues/23321",
    ),
    (
        "format: propertyNames",
        _with({"type": "object", "propertyNames": STRING, "additionalProperties": False}),
        ISSUES + "can1357/oh-my-pi/issues/209",
    ),
    ("format: minProperties", _with(STRING) | {"minProperties": 1}, ISSUES + "United-Codes/uc_ai"),
    (
        "format: contains",
        _with({"type": "array", "items": STRING, "contains": STRING}),
        ISSUES + "United-Codes/uc_ai",
    ),
    (
        "format: a format that there is not",
        _with({"type": "string", "format": "uri"}),
        ISSUES + "can1357/oh-my-pi/issues/206",
    ),
    ("format: no type", _with({}), ISSUES + "can1357/oh-my-pi/issues/211"),
    ("format: an array of nothing", _with({"type": "array"}), ISSUES + "sigoden/aichat/pull/1049"),
    (
        "format: items that are no schema",
        _with({"type": "array", "items": True}),
        ISSUES + "takecchi/mnemora/blob/680c3b8194ced88d4902ad50c243f229c60d02b6/packages/openai/README.md",
    ),
    (
        "format: words beside a reference",
        _with({"$ref": "#/$defs/B", "description": "b"}) | {"$defs": {"B": STRING}},
        ISSUES + "camel-ai/camel/issues/3001",
    ),
    (
        "format: a reference to nowhere",
        _with({"$ref": "#/$defs/B"}),
        ISSUES + "vectorize-io/hindsight/issues/3225",
    ),
    ("format: eleven levels", _nested(11), ISSUES + "tidyverse/ellmer/issues/671"),
    (
        "format: too many enum values",
        _with({"type": "string", "enum": [f"v{n}" for n in range(1_001)]}),
        GUIDE,
    ),
)

SCHEMA_CHECKS: tuple[Check, ...] = (
    *(
        Check(name, "response_format", _response_format, _format(schema), source)
        for name, schema, source in FORMAT_CHECKS
    ),
    Check("format: bad name", "response_format", _response_format, _format(_with(STRING), "a b"), REFERENCE),
    Check(
        "format: long name", "response_format", _response_format, _format(_with(STRING), "n" * 65), REFERENCE
    ),
    Check(
        "function: no object",
        "tools",
        _tools,
        _function({"properties": {}}),
        ISSUES + "i-am-bee/beeai-framework/issues/738",
    ),
    Check(
        "function: anyOf at the root",
        "tools",
        _tools,
        _function({"type": "object", "properties": {}, "anyOf": [{"required": []}]}),
        ISSUES + "nspady/google-calendar-mcp/issues/39",
    ),
    Check(
        "function: no properties",
        "tools",
        _tools,
        _function({"type": "object"}),
        ISSUES + "janhq/jan/issues/7017",
    ),
    Check(
        "function: an array of nothing",
        "tools",
        _tools,
        _function({"type": "object", "properties": {"objects": {"type": "array"}}}),
        ISSUES + "modelscope/ms-agent/pull/610",
    ),
    Check(
        "function: strict, not closed",
        "tools",
        _tools,
        _function({"type": "object", "properties": {}}, strict=True),
        ISSUES + "xemantic/xemantic-ai-tool-schema/issues/37",
    ),
    Check(
        "function: strict, a key not required",
        "tools",
        _tools,
        _function(_with(STRING) | {"required": []}, strict=True),
        ISSUES + "langchain-ai/langmem/issues/113",
    ),
)
