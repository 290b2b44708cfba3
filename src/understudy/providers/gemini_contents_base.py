"""What Gemini's APIs that take `contents` share: contents, tools and schemas, read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from understudy.model import (
    AUTO,
    Audio,
    File,
    Image,
    Message,
    Part,
    Reasoning,
    ServerToolCall,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from understudy.providers import gemini_base as base
from understudy.providers.base import encode

# --- contents ---------------------------------------------------------------------------------------


def messages(raw: dict[str, Any]) -> tuple[Message, ...]:
    """The system instruction and the contents.

    A function's response is a message of its own. The model's contents that follow each other are one
    message: clients send a streamed answer back as they got it, piece by piece.
    """
    found = [*_system(raw)]
    ids: dict[str, list[str]] = {}
    for index, content in enumerate(base.listed(raw, "contents")):
        for message in _content(content, f"contents[{index}]", ids):
            if message.role == "assistant" and found and found[-1].role == "assistant":
                found[-1] = Message("assistant", _joined(found[-1].parts, message.parts))
            else:
                found.append(message)
    return tuple(found)


def _joined(parts: tuple[Part, ...], more: tuple[Part, ...]) -> tuple[Part, ...]:
    """The parts of two pieces of an answer: a text that goes on is one."""
    last, first = (parts or (None,))[-1], (more or (None,))[0]
    if isinstance(last, Text) and isinstance(first, Text):
        return (*parts[:-1], Text(last.text + first.text), *more[1:])
    if isinstance(last, Reasoning) and isinstance(first, Reasoning):
        return (*parts[:-1], Reasoning(last.text + first.text), *more[1:])
    return (*parts, *(part for part in more if part != Text("")))


def _system(raw: dict[str, Any]) -> Iterator[Message]:
    given = base.field(raw, "systemInstruction")
    if given is not None:
        content = base.message(given, "system_instruction", "Content")
        yield Message("system", parts_of(content, "system_instruction"))


def _content(raw: Any, where: str, ids: dict[str, list[str]]) -> Iterator[Message]:
    """A content's messages; `ids` are those of the calls that wait for their results, by the tool's name."""
    content = base.message(raw, where, "Content")
    role = base.typed(content, "role", str, f"{where}.")
    parts = parts_of(content, where)
    if role == "model":
        for part in parts:
            if type(part) is ToolCall:
                ids.setdefault(part.name, []).append(part.id)
        yield Message("assistant", parts)
        return
    for part in parts:
        if type(part) is ToolResult:
            yield Message("tool", (_paired(part, ids.get(part.name, [])),))
    rest = tuple([part for part in parts if type(part) is not ToolResult])
    if rest or not parts:
        yield Message("system" if role == "system" else "user", rest)


def _paired(result: ToolResult, waiting: list[str]) -> ToolResult:
    """The result with its call's id: its own, or that of the first call of its name which waits."""
    if result.id in waiting:
        waiting.remove(result.id)
        return result
    return ToolResult(waiting.pop(0), result.text, result.name) if waiting else result


def parts_of(content: dict[str, Any], where: str) -> tuple[Part, ...]:
    """The parts of a content; of those that hold nothing, none."""
    found: list[Part] = []
    for index, raw in enumerate(base.listed(content, "parts")):
        at = f"{where}.parts[{index}]"
        part = base.message(raw, at, "Part")
        last = found[-1] if found else None
        if isinstance(last, ServerToolCall) and (ran := base.field(part, "codeExecutionResult")) is not None:
            found[-1] = _with_output(last, ran, f"{at}.code_execution_result")
            continue
        for name, read in PARTS.items():
            if (value := base.field(part, name)) is not None:
                found.append(read(value, part, f"{at}.{base.snake(name)}"))
                break
    return tuple(found)


def _text(value: Any, part: dict[str, Any], where: str) -> Part:
    if type(value) is not str:
        raise base.invalid_value(where, "TYPE_STRING", value)
    return Reasoning(value) if part.get("thought") is True else Text(value)


def _call(value: Any, part: dict[str, Any], where: str) -> Part:
    """A call; without an id, its name is its id, by which its response is found too."""
    call = base.message(value, where, "FunctionCall")
    name = base.typed(call, "name", str, f"{where}.") or ""
    args = call.get("args")
    arguments = "{}" if args is None else encode(base.message(args, f"{where}.args", "Struct")).decode()
    return ToolCall(name, arguments, base.typed(call, "id", str, f"{where}.") or name)


def _response(value: Any, part: dict[str, Any], where: str) -> Part:
    """A function's response: its `output` or `result` where there is nothing else, or all of it as JSON."""
    response = base.message(value, where, "FunctionResponse")
    name = base.typed(response, "name", str, f"{where}.") or ""
    told = response.get("response")
    if type(told) is dict and len(told) == 1 and (key := next(iter(told))) in ("output", "result"):
        told = told[key]
    text = told if type(told) is str else encode({} if told is None else told).decode()
    return ToolResult(base.typed(response, "id", str, f"{where}.") or name, text, name)


def _inline(value: Any, part: dict[str, Any], where: str) -> Part:
    blob = base.message(value, where, "Blob")
    kind = base.typed(blob, "mimeType", str, f"{where}.") or ""
    data = base.typed(blob, "data", str, f"{where}.") or ""
    if kind.startswith("image/"):
        return Image(f"data:{kind};base64,{data}")
    if kind.startswith("audio/"):
        return Audio(data, kind.removeprefix("audio/"))
    name = base.typed(blob, "displayName", str, f"{where}.") or ""
    return File("", name, f"data:{kind};base64,{data}")


def _file(value: Any, part: dict[str, Any], where: str) -> Part:
    file = base.message(value, where, "FileData")
    kind = base.typed(file, "mimeType", str, f"{where}.") or ""
    uri = base.typed(file, "fileUri", str, f"{where}.") or ""
    return Image(uri) if kind.startswith("image/") else File(uri)


def _code(value: Any, part: dict[str, Any], where: str) -> Part:
    code = base.typed(base.message(value, where, "ExecutableCode"), "code", str, f"{where}.") or ""
    return ServerToolCall("code_execution", code)


def _with_output(call: ServerToolCall, value: Any, where: str) -> Part:
    """Code that was run, with what came of it."""
    ran = base.message(value, where, "CodeExecutionResult")
    output = base.typed(ran, "output", str, f"{where}.") or ""
    return ServerToolCall(call.kind, call.input, encode({"stdout": output}).decode())


def _ran(value: Any, part: dict[str, Any], where: str) -> Part:
    ran = base.message(value, where, "CodeExecutionResult")
    return Text(base.typed(ran, "output", str, f"{where}.") or "")


PARTS: dict[str, Callable[[Any, dict[str, Any], str], Part]] = {
    "text": _text,
    "functionCall": _call,
    "functionResponse": _response,
    "inlineData": _inline,
    "fileData": _file,
    "executableCode": _code,
    "codeExecutionResult": _ran,
}
"""What a part can hold, one of these."""

# --- tools ------------------------------------------------------------------------------------------


def tools(raw: dict[str, Any]) -> tuple[Tool, ...]:
    """The functions on offer; the API's own tools, such as `googleSearch`, call nobody."""
    found = []
    for index, each in enumerate(base.listed(raw, "tools")):
        where = f"tools[{index}]"
        declared = base.listed(base.message(each, where, "Tool"), "functionDeclarations")
        for number, one in enumerate(declared):
            found.append(_function(one, f"{where}.function_declarations[{number}]"))
    return tuple(found)


def _function(raw: Any, where: str) -> Tool:
    function = base.message(raw, where, "FunctionDeclaration")
    given = base.field(function, "parametersJsonSchema")
    parameters = function.get("parameters")
    if given is None and parameters is not None:
        given = json_schema(base.message(parameters, f"{where}.parameters", "Schema"))
    return Tool(
        base.typed(function, "name", str, f"{where}.") or "",
        base.typed(function, "description", str, f"{where}.") or "",
        given if type(given) is dict else None,
    )


MODES = {"AUTO": "auto", "ANY": "required", "NONE": "none", "VALIDATED": "auto"}
"""VALIDATED is AUTO whose calls keep to their schemas, as all do here."""


def tool_choice(raw: dict[str, Any]) -> ToolChoice:
    """The mode of function calling; the names narrow what is on offer."""
    given = base.field(raw, "toolConfig")
    if given is None:
        return AUTO
    config = base.field(base.message(given, "tool_config", "ToolConfig"), "functionCallingConfig")
    if config is None:
        return AUTO
    where = "tool_config.function_calling_config"
    base.message(config, where, "FunctionCallingConfig")
    said = base.typed(config, "mode", str, f"{where}.") or "AUTO"
    names = tuple([str(each) for each in base.listed(config, "allowedFunctionNames")])
    match MODES.get(said.upper(), "auto"):
        case "required":
            return ToolChoice("required", names)
        case "none":
            return ToolChoice("none")
        case _:
            return ToolChoice("auto", names)


# --- schemas ----------------------------------------------------------------------------------------

_NUMBERS = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")
_SAME = ("title", "description", "default", "minimum", "maximum", "pattern", "enum", "required", "example")


MOST_LEVELS = 100
"""How deep a schema is followed; what lies deeper may be anything."""


def json_schema(raw: dict[str, Any], levels: int = MOST_LEVELS) -> dict[str, Any]:
    """The API's own `Schema`, a piece of OpenAPI 3.0, as JSON Schema.

    Types are in capitals there, a number may be told as text, and `nullable` stands beside the type.
    Source: ai.google.dev/api/caching#Schema
    """
    if not levels:
        return {}
    found: dict[str, Any] = {name: raw[name] for name in _SAME if name in raw}
    for name in _NUMBERS:
        if (number := base.field(raw, name)) is not None and f"{number}".isdigit():
            found[name] = int(number)
    if type(kind := raw.get("type")) is str and kind != "TYPE_UNSPECIFIED":
        found["type"] = kind.lower()
    if type(items := raw.get("items")) is dict:
        found["items"] = json_schema(items, levels - 1)
    if type(properties := raw.get("properties")) is dict:
        found["properties"] = {
            name: json_schema(each, levels - 1) for name, each in properties.items() if type(each) is dict
        }
    if type(several := base.field(raw, "anyOf")) is list:
        found["anyOf"] = [json_schema(each, levels - 1) for each in several if type(each) is dict]
    return _nullable(found) if raw.get("nullable") is True else found


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    if type(values := schema.get("enum")) is list:
        schema = {**schema, "enum": [*values, None]}
    if "type" in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]} if "anyOf" in schema else schema
