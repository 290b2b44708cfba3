"""Chat Completions: requests, read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from understudy.model import (
    AUTO,
    DEFAULT_SAMPLING,
    PLAIN,
    Audio,
    File,
    HttpRequest,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    Request,
    ResponseFormat,
    Sampling,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from understudy.providers import openai_fields_base as reading
from understudy.providers import openai_refusals_base as say

NAME = "openai-chat"

Role = Literal["system", "user", "assistant", "tool"]
ROLES: dict[str, Role] = {
    "system": "system",
    "assistant": "assistant",
    "user": "user",
    "function": "tool",
    "tool": "tool",
    "developer": "system",
}
TYPES: dict[str, tuple[frozenset[type], str]] = {
    "messages": reading.OBJECTS,
    "stream": reading.BOOLEAN,
    "stream_options": reading.OBJECT,
    "temperature": reading.DECIMAL,
    "top_p": reading.DECIMAL,
    "n": reading.INTEGER,
    "max_tokens": reading.INTEGER,
    "max_completion_tokens": reading.INTEGER,
    "logprobs": reading.BOOLEAN,
    "top_logprobs": reading.INTEGER,
    "seed": reading.INTEGER,
    "tools": reading.OBJECTS,
    "functions": (frozenset({list}), "an array of function definitions"),
    "response_format": reading.OBJECT,
}


def parse(http: HttpRequest) -> Request:
    """Read a chat completion request.

    Body: {"model": str, "messages": [{"role", "content"?, ...}], ...}; unknown fields stay in `raw`.
    Raises Failure(400) for what cannot be understood: no JSON object, missing or mistyped fields,
    roles and content types that there are not.
    """
    raw = reading.body_object(http)
    model = reading.required_model(raw)
    reading.check_types(raw, TYPES)
    messages = reading.required(raw, "messages", reading.OBJECTS)
    names: dict[str, str] = {}
    return Request(
        NAME,
        "chat",
        model,
        tuple([_message(each, index, names) for index, each in enumerate(messages)]),
        raw,
        _tools(raw) if "tools" in raw or "functions" in raw else (),
        _tool_choice(raw) if "tool_choice" in raw or "function_call" in raw else AUTO,
        raw.get("parallel_tool_calls") is not False,
        _response_format(raw) if "response_format" in raw else PLAIN,
        _sampling(raw) if not _SAMPLING.isdisjoint(raw) else DEFAULT_SAMPLING,
        raw.get("stream") is True,
        reading.choices_wanted(raw),
        keeps=raw.get("store") is True,
    )


def _message(raw: Any, index: int, names: dict[str, str]) -> Message:
    """One message; `names` maps the ids of tool calls seen so far to their tools' names."""
    where = f"messages[{index}]"
    if type(raw) is not dict:
        raise say.invalid_type(where, "an object", raw)
    given = reading.required(raw, "role", reading.STRING, f"{where}.")
    role = ROLES.get(given)
    if role is None:
        raise say.invalid_value(f"{where}.role", given, tuple(ROLES))
    content = raw.get("content")
    if len(raw) == 2 and type(content) is str and role != "tool":
        return Message(role, (Text(content),))
    name = raw.get("name") or ""
    if type(name) is not str:
        raise say.invalid_type(f"{where}.name", "a string", name)
    parts = _content(content, f"{where}.content")
    if role == "tool":
        return Message(role, (_tool_result(raw, parts, given, names, where),), name)
    if role == "assistant":
        parts = (*_thoughts(raw, where), *parts, *_calls(raw, names, where))
    return Message(role, parts, name)


def _thoughts(raw: dict[str, Any], where: str) -> tuple[Part, ...]:
    found: list[Part] = []
    kinds: tuple[tuple[str, type[Reasoning] | type[Refusal]], ...] = (
        ("reasoning_content", Reasoning),
        ("refusal", Refusal),
    )
    for key, kind in kinds:
        text = raw.get(key)
        if text is None:
            continue
        if type(text) is not str:
            raise say.invalid_type(f"{where}.{key}", "a string", text)
        found.append(kind(text))
    return tuple(found)


def _calls(raw: dict[str, Any], names: dict[str, str], where: str) -> tuple[Part, ...]:
    """The assistant's tool calls; the deprecated `function_call` is one whose id is its name."""
    calls: list[Part] = []
    given = raw.get("tool_calls") or []
    if type(given) is not list:
        raise say.invalid_type(f"{where}.tool_calls", "an array of objects", given)
    for index, call in enumerate(given):
        at = f"{where}.tool_calls[{index}]"
        if type(call) is not dict:
            raise say.invalid_type(at, "an object", call)
        kind, body = ("custom", "input") if call.get("type") == "custom" else ("function", "arguments")
        function = reading.required(call, kind, reading.OBJECT, f"{at}.")
        name = reading.required(function, "name", reading.STRING, f"{at}.{kind}.")
        arguments = reading.required(function, body, reading.STRING, f"{at}.{kind}.")
        id = reading.required(call, "id", reading.STRING, f"{at}.")
        names[id] = name
        calls.append(ToolCall(name, arguments, id))
    if (function := raw.get("function_call")) is not None:
        if type(function) is not dict:
            raise say.invalid_type(f"{where}.function_call", "an object", function)
        name = reading.required(function, "name", reading.STRING, f"{where}.function_call.")
        arguments = reading.required(function, "arguments", reading.STRING, f"{where}.function_call.")
        calls.append(ToolCall(name, arguments, name))
    return tuple(calls)


def _tool_result(
    raw: dict[str, Any], parts: tuple[Part, ...], given: str, names: dict[str, str], where: str
) -> ToolResult:
    text = "\n".join(part.text for part in parts if isinstance(part, Text))
    if given == "function":
        name = reading.required(raw, "name", reading.STRING, f"{where}.")
        return ToolResult(name, text, name)
    id = reading.required(raw, "tool_call_id", reading.STRING, f"{where}.")
    return ToolResult(id, text, names.get(id, ""))


def _content(content: Any, where: str) -> tuple[Part, ...]:
    if type(content) is str:
        return (Text(content),)
    if content is None:
        return ()
    if type(content) is not list:
        raise say.invalid_type(where, "one of a string or array of objects", content)
    return tuple([_part(each, f"{where}[{index}]") for index, each in enumerate(content)])


def _part(raw: Any, where: str) -> Part:
    if type(raw) is not dict:
        raise say.invalid_type(where, "an object", raw)
    kind = reading.required(raw, "type", reading.STRING, f"{where}.")
    reader = PARTS.get(kind)
    if reader is None:
        raise say.invalid_value(f"{where}.type", kind, tuple(PARTS))
    return reader(raw, f"{where}.")


def _text(raw: dict[str, Any], where: str) -> Part:
    return Text(reading.required(raw, "text", reading.STRING, where))


def _refusal(raw: dict[str, Any], where: str) -> Part:
    return Refusal(reading.required(raw, "refusal", reading.STRING, where))


def _image(raw: dict[str, Any], where: str) -> Part:
    image = reading.required(raw, "image_url", reading.OBJECT, where)
    reading.check_types(image, {"detail": reading.STRING}, f"{where}image_url.")
    return Image(
        reading.required(image, "url", reading.STRING, f"{where}image_url."), image.get("detail") or "auto"
    )


def _audio(raw: dict[str, Any], where: str) -> Part:
    audio = reading.required(raw, "input_audio", reading.OBJECT, where)
    return Audio(
        reading.required(audio, "data", reading.STRING, f"{where}input_audio."),
        reading.required(audio, "format", reading.STRING, f"{where}input_audio."),
    )


def _file(raw: dict[str, Any], where: str) -> Part:
    file = reading.required(raw, "file", reading.OBJECT, where)
    reading.check_types(
        file, dict.fromkeys(("file_id", "filename", "file_data"), reading.STRING), f"{where}file."
    )
    return File(file.get("file_id") or "", file.get("filename") or "", file.get("file_data") or "")


PARTS: dict[str, Callable[[dict[str, Any], str], Part]] = {
    "text": _text,
    "image_url": _image,
    "input_audio": _audio,
    "refusal": _refusal,
    "file": _file,
}


def _tools(raw: dict[str, Any]) -> tuple[Tool, ...]:
    tools = [_tool(each, f"tools[{index}]") for index, each in enumerate(raw.get("tools") or ())]
    functions = [_function(each, f"functions[{i}]") for i, each in enumerate(raw.get("functions") or ())]
    return (*tools, *functions)


def _tool(raw: Any, where: str) -> Tool:
    if type(raw) is not dict:
        raise say.invalid_type(where, "an object", raw)
    kind = reading.required(raw, "type", reading.STRING, f"{where}.")
    if kind not in ("function", "custom"):
        raise say.invalid_value(f"{where}.type", kind, ("function", "custom"))
    return _function(
        reading.required(raw, kind, reading.OBJECT, f"{where}."), f"{where}.{kind}", kind == "custom"
    )


def _function(raw: Any, where: str, custom: bool = False) -> Tool:
    if type(raw) is not dict:
        raise say.invalid_type(where, "an object", raw)
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
        custom,
    )


CHOICE_WORDS = {
    "tool_choice": "one of one of 'none', 'auto', or 'required' or object",  # as the API has it
    "function_call": "one of a string or object",
}


def _tool_choice(raw: dict[str, Any]) -> ToolChoice:
    """`tool_choice`, or the deprecated `function_call`: a mode, one tool, or a set of allowed ones."""
    key = "tool_choice" if raw.get("tool_choice") is not None else "function_call"
    choice = raw.get(key)
    if choice is None:
        return AUTO
    if choice in ("none", "auto", "required"):
        return ToolChoice(choice)
    if type(choice) is str:
        raise say.invalid_value(key, choice, ("none", "auto", "required"))
    if type(choice) is not dict:
        raise say.invalid_type(key, CHOICE_WORDS[key], choice)
    if key == "function_call":
        return ToolChoice("required", (reading.required(choice, "name", reading.STRING, f"{key}."),))
    kind = reading.required(choice, "type", reading.STRING, f"{key}.")
    if kind not in ("function", "custom", "allowed_tools"):
        raise say.missing(f"{key}.function")
    body = reading.required(choice, kind, reading.OBJECT, f"{key}.")
    if kind != "allowed_tools":
        return ToolChoice("required", (reading.required(body, "name", reading.STRING, f"{key}.{kind}."),))
    where = f"{key}.{kind}."
    offered = enumerate(reading.required(body, "tools", reading.OBJECTS, where))
    names = tuple([_tool(each, f"{where}tools[{index}]").name for index, each in offered])
    return ToolChoice("required" if body.get("mode") == "required" else "auto", names)


def _response_format(raw: dict[str, Any]) -> ResponseFormat:
    given = raw["response_format"]
    if given is None:
        return PLAIN
    kind = reading.required(given, "type", reading.STRING, "response_format.")
    if kind not in ("text", "json_object", "json_schema"):
        raise say.invalid_value("response_format.type", kind, ("json_object", "json_schema", "text"))
    if kind != "json_schema":
        return ResponseFormat(kind)
    body = reading.required(given, "json_schema", reading.OBJECT, "response_format.")
    reading.check_types(
        body, {"schema": reading.OBJECT, "strict": reading.BOOLEAN}, "response_format.json_schema."
    )
    return ResponseFormat(
        "json_schema",
        body.get("schema"),
        reading.required(body, "name", reading.STRING, "response_format.json_schema."),
        body.get("strict") is True,
    )


_SAMPLING = frozenset(
    (
        "max_tokens",
        "max_completion_tokens",
        "stop",
        "seed",
        "temperature",
        "top_p",
        "logprobs",
        "top_logprobs",
    )
)


MOST_TOP_LOGPROBS = 20


def _sampling(raw: dict[str, Any]) -> Sampling:
    limit = _token_limit(raw, "max_completion_tokens")
    top = reading.integer(raw, "top_logprobs", 0, MOST_TOP_LOGPROBS) or 0
    return Sampling(
        _token_limit(raw, "max_tokens") if limit is None else limit,
        reading.stop_sequences(raw),
        raw.get("seed"),
        raw.get("temperature"),
        raw.get("top_p"),
        top if raw.get("logprobs") else None,
    )


def _token_limit(raw: dict[str, Any], key: str) -> int | None:
    """A limit for the answer; a negative one is none, as other servers that speak this API have it."""
    value: int | None = raw.get(key)
    return value if value is not None and value >= 0 else None
