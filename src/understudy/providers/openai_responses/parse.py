"""Responses: requests, read."""

from __future__ import annotations

from typing import Any, Literal

from understudy.catalog import DEFAULT_MODELS
from understudy.errors import Failure
from understudy.model import (
    AUTO,
    DEFAULT_SAMPLING,
    NOTHING,
    PLAIN,
    HttpRequest,
    Message,
    Request,
    ResponseFormat,
    Sampling,
    Text,
    Tool,
    ToolChoice,
)
from understudy.providers import openai_fields_base as reading
from understudy.providers import openai_refusals_base as say
from understudy.providers.openai_responses import items

NAME = "openai-responses"
LOGPROBS = "message.output_text.logprobs"

Types = dict[str, tuple[frozenset[type], str]]
TYPES: Types = {
    "include": (
        frozenset({list}),
        "an array of one of 'fil...lts', 'web...lts', 'web...ces', 'mes...url', 'com...url', 'cod...uts', "
        "'rea...ent', or 'mes...obs'",
    ),
    "tools": (frozenset({list}), "an array of tools"),
    "metadata": (frozenset({dict}), "a metadata object"),
    "text": reading.OBJECT,
    "temperature": reading.DECIMAL,
    "top_p": reading.DECIMAL,
    "parallel_tool_calls": reading.BOOLEAN,
    "stream": reading.BOOLEAN,
    "stream_options": reading.OBJECT,
    "max_output_tokens": reading.INTEGER,
    "reasoning": reading.OBJECT,
    "instructions": reading.STRING,
    "top_logprobs": reading.INTEGER,
}
"""In the order in which the API looks."""
MODES: dict[str, Literal["none", "auto", "required"]] = {
    "none": "none",
    "auto": "auto",
    "required": "required",
}


def parse(http: HttpRequest) -> Request:
    """Read a request for a response.

    Body: {"model": str, "input": str | [item, ...], ...}; unknown fields stay in `raw`.
    Raises Failure(400) for what cannot be understood: no JSON object, missing or mistyped fields,
    items, roles and content types that there are not.
    """
    raw = reading.body_object(http)
    model = _model(raw)
    messages = told(raw)
    for field, (kinds, words) in TYPES.items():
        if (value := raw.get(field)) is not None and type(value) not in kinds:
            raise say.invalid_type(field, words, value)
    tools = offered(raw)
    return Request(
        NAME,
        "warm_up" if raw.get("prompt_cache_options") and _prewarms(raw) else "chat",
        model,
        messages,
        raw,
        tools,
        _tool_choice(raw, tools) if raw.get("tool_choice") is not None else AUTO,
        raw.get("parallel_tool_calls") is not False,
        _format(raw["text"]) if raw.get("text") else PLAIN,
        _sampling(raw) if not _SAMPLING.isdisjoint(raw) else DEFAULT_SAMPLING,
        raw.get("stream") is True,
        refers=NOTHING if _REFERRING.isdisjoint(raw) and type(raw.get("input")) is str else referring(raw),
        keeps=raw.get("store") is not False,
        background=raw.get("background") is True,
    )


_REFERRING = frozenset(("previous_response_id", "conversation", "prompt"))
"""Fields that name something which is kept."""
STANDING = frozenset(("item_reference", "compaction"))
"""Items that stand for others, which are kept."""


def referring(raw: dict[str, Any]) -> frozenset[str]:
    """The fields that name something which is kept."""
    given = raw.get("input")
    stands = type(given) is list and any(item.get("type") in STANDING for item in given)
    named = [field for field in _REFERRING if raw.get(field) is not None]
    return frozenset((*named, "input") if stands else named)


def _model(raw: dict[str, Any]) -> str:
    """The model's name; where none is said, that of the first on offer."""
    model = raw.get("model", DEFAULT_MODELS[0].id)
    if type(model) is not str:  # the API calls null an object, here and for the input
        raise say.invalid_type("model", "a string", {} if model is None else model)
    if not model:
        raise Failure(None, "unknown_model", facts={"model": model})
    return model


def told(raw: dict[str, Any]) -> tuple[Message, ...]:
    """The instructions, which come first, and the input."""
    given, instructions = raw.get("input", []), raw.get("instructions")
    if given is None:
        raise say.invalid_type("input", "a string", {})
    first = (Message("system", (Text(instructions),)),) if type(instructions) is str else ()
    if type(given) is str:
        return (*first, Message("user", (Text(given),)))
    if type(given) not in (list, tuple):
        raise say.invalid_type("input", "one of a string or array of input items", given)
    return (*first, *items.messages(given))


# --- tools --------------------------------------------------------------------------------------------


def offered(raw: dict[str, Any]) -> tuple[Tool, ...]:
    """The functions and custom tools on offer; those that the API itself would run are left out."""
    tools = [_tool(each, f"tools[{index}]") for index, each in enumerate(raw.get("tools") or ())]
    return tuple([tool for tool in tools if tool is not None])


def _tool(raw: Any, where: str) -> Tool | None:
    if type(raw) is not dict:
        raise say.invalid_type(where, "an object", raw)
    kind = reading.required(raw, "type", reading.STRING, f"{where}.")
    if kind not in ("function", "custom"):
        return None
    reading.check_types(
        raw,
        {"description": reading.STRING, "parameters": reading.OBJECT, "strict": reading.BOOLEAN},
        f"{where}.",
    )
    return Tool(
        reading.required(raw, "name", reading.STRING, f"{where}."),
        raw.get("description") or "",
        raw.get("parameters"),
        raw.get("strict") is True,
        kind == "custom",
    )


def _tool_choice(raw: dict[str, Any], tools: tuple[Tool, ...]) -> ToolChoice:
    """A mode, one tool, or a set of allowed ones. A tool that the API itself would run is none."""
    choice = raw["tool_choice"]
    if type(choice) is str:
        if choice not in MODES:
            raise say.invalid_value("tool_choice", choice, tuple(MODES))
        return ToolChoice(MODES[choice]) if tools else AUTO
    if type(choice) is not dict:
        words = "one of an object or 'none', 'auto', or 'required'"
        raise say.invalid_type("tool_choice", words, choice)
    kind = reading.required(choice, "type", reading.STRING, "tool_choice.")
    if kind in ("function", "custom"):
        name = reading.required(choice, "name", reading.STRING, "tool_choice.")
        return ToolChoice("required", (name,))
    if kind != "allowed_tools":
        return AUTO
    offered = enumerate(reading.required(choice, "tools", reading.OBJECTS, "tool_choice."))
    allowed = [_tool(each, f"tool_choice.tools[{index}]") for index, each in offered]
    names = tuple([tool.name for tool in allowed if tool is not None])
    return ToolChoice("required" if choice.get("mode") == "required" else "auto", names)


def _prewarms(raw: dict[str, Any]) -> bool:
    """Whether the prompt is to be prepared alone, and nothing said."""
    options = raw["prompt_cache_options"]
    return type(options) is dict and options.get("prewarm") is True


# --- the rest -----------------------------------------------------------------------------------------


def _format(text: dict[str, Any]) -> ResponseFormat:
    given = text.get("format")
    if given is None:
        return PLAIN
    if type(given) is not dict:
        raise say.invalid_type("text.format", "an object", given)
    where = "text.format."
    kind = reading.required(given, "type", reading.STRING, where)
    if kind not in ("text", "json_object", "json_schema"):
        raise say.invalid_value("text.format.type", kind, ("json_object", "text", "json_schema"))
    if kind != "json_schema":
        return ResponseFormat(kind)
    reading.check_types(given, {"strict": reading.BOOLEAN}, where)
    return ResponseFormat(
        "json_schema",
        name=reading.required(given, "name", reading.STRING, where),
        schema=reading.required(given, "schema", reading.OBJECT, where),
        strict=given.get("strict") is True,
    )


_SAMPLING = frozenset(("max_output_tokens", "temperature", "top_p", "include"))


def _sampling(raw: dict[str, Any]) -> Sampling:
    """A limit below what the API takes counts all the same, but not one below zero."""
    limit = raw.get("max_output_tokens")
    told = LOGPROBS in (raw.get("include") or ())
    return Sampling(
        limit if limit is not None and limit >= 0 else None,
        temperature=raw.get("temperature"),
        top_p=raw.get("top_p"),
        top_logprobs=max(0, raw.get("top_logprobs") or 0) if told else None,
    )
