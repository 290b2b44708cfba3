"""Reading what requests for messages and for a count of tokens share: the conversation and the tools.

Each function raises a Failure where a field cannot be understood, in the form that the API's refusals have:
the place, a colon, what is wrong there. Source: `anthropic` 2.12, `message_create_params.py` and the
`..._param.py` that it names.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable
from typing import Any

from understudy.model import (
    AUTO,
    File,
    HttpRequest,
    Image,
    Message,
    Part,
    Reasoning,
    Request,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from understudy.providers.anthropic_base import refusal
from understudy.providers.anthropic_hosted_base import read_use, with_result
from understudy.providers.base import decode, encode

OLD, NEW = "2023-06-01", "2026-10-21"
"""The versions of the API; a request that names none is taken for one of the old."""
SAMPLING = ("temperature", "top_p", "top_k")
WORDS: dict[type, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    list: "list",
    dict: "dictionary",
}


def body_object(http: HttpRequest) -> dict[str, Any]:
    """The JSON object in a request's body."""
    try:
        raw = decode(http.body)
    except (ValueError, RecursionError) as wrong:
        raise refusal(f"The request body is not valid JSON: {wrong}") from None
    if type(raw) is not dict:
        raise refusal("Input should be a valid dictionary")
    return raw


def field(raw: dict[str, Any], key: str, kind: type, where: str = "") -> Any:
    """A field that must be there and of this type."""
    value = raw.get(key)
    if value is None and key not in raw:
        raise refusal(f"{where}{key}: Field required")
    return checked(value, kind, where + key)


def optional(raw: dict[str, Any], key: str, kind: type, where: str = "") -> Any:
    """A field of this type, None where it is not given."""
    value = raw.get(key)
    return None if value is None else checked(value, kind, where + key)


def checked(value: Any, kind: type, where: str) -> Any:
    if type(value) is kind or (kind is float and type(value) is int):
        return value
    raise refusal(f"{where}: Input should be a valid {WORDS[kind]}")


def conversation(raw: dict[str, Any], http: HttpRequest) -> tuple[tuple[Message, ...], str]:
    """The messages, `system` first, and the version of the API, where that makes a difference to them.

    A tool's result is a message of its own, before what the user says beside it.
    """
    asked = http.header(b"anthropic-version") or OLD
    given = field(raw, "messages", list)
    system = _system(raw)
    names: dict[str, str] = {}
    found: list[Message] = []
    differs = not raw.keys().isdisjoint(SAMPLING)
    for index, each in enumerate(given):
        role = each.get("role") if type(each) is dict else None
        differs = differs or role == "system"
        found += _messages(each, f"messages.{index}", names, asked >= NEW)
    return (*system, *found), asked if differs else ""


def _system(raw: dict[str, Any]) -> tuple[Message, ...]:
    given = raw.get("system")
    if given is None:
        return ()
    return (Message("system", _content(given, "system", {})),) if given else ()


def _messages(raw: Any, where: str, names: dict[str, str], new: bool) -> list[Message]:
    """What one message comes to; `names` maps the ids of the calls so far to their tools' names."""
    checked(raw, dict, where)
    role = field(raw, "role", str, f"{where}.")
    if role == "system" and not new:
        raise refusal(
            'messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter, '
            'not "system" as an input message role.'
        )
    if role not in ("user", "assistant", "system"):
        raise refusal(f'messages: Unexpected role "{role}". Allowed roles are "user" or "assistant"')
    if "content" not in raw:
        raise refusal(f"{where}.content: Field required")
    content = raw["content"]
    if type(content) is str:
        return [Message(role, (Text(content),))]
    parts = _content(content, f"{where}.content", names)
    found: list[Message] = []
    rest: list[Part] = []
    for part in parts:
        if type(part) is ToolResult:
            found.append(Message("tool", (part,)))
        else:
            rest.append(part)
    if rest or not found:
        found.append(Message(role, tuple(rest)))
    return found


def _content(content: Any, where: str, names: dict[str, str]) -> tuple[Part, ...]:
    """The parts of a text or of blocks."""
    if type(content) is str:
        return (Text(content),)
    parts: list[Part] = []
    for index, block in enumerate(checked(content, list, where)):
        at = f"{where}.{index}"
        checked(block, dict, at)
        kind = field(block, "type", str, f"{at}.")
        reader = BLOCKS.get(kind)
        if reader is not None:
            parts += reader(block, f"{at}.{kind}.", names)
        elif kind == "mcp_tool_use":
            parts += _server_tool(block, f"{at}.{kind}.", names)
        elif kind.endswith(SERVER_BLOCKS):
            with_result(parts, block)
        else:
            tags = ", ".join(f"'{tag}'" for tag in sorted(BLOCKS))
            raise refusal(
                f"{at}: Input tag '{kind[:100]}' found using 'type' does not match any of the expected tags: "
                f"{tags}"
            )
    return tuple(parts)


def block_parts(block: dict[str, Any]) -> tuple[Part, ...]:
    """The parts of one block that could be read."""
    return _content([block], "", {})


Parts = tuple[Part, ...]


def _text(raw: dict[str, Any], where: str, names: dict[str, str]) -> Parts:
    return (Text(field(raw, "text", str, where)),)


def _thinking(raw: dict[str, Any], where: str, names: dict[str, str]) -> Parts:
    return (Reasoning(field(raw, "thinking", str, where)),)


def _redacted(raw: dict[str, Any], where: str, names: dict[str, str]) -> Parts:
    return (Reasoning(redacted=field(raw, "data", str, where)),)


def _tool_use(raw: dict[str, Any], where: str, names: dict[str, str]) -> Parts:
    id, name = field(raw, "id", str, where), field(raw, "name", str, where)
    names[id] = name
    return (ToolCall(name, encode(field(raw, "input", dict, where)).decode(), id),)


def _tool_result(raw: dict[str, Any], where: str, names: dict[str, str]) -> Parts:
    """The result, and the images and files in it as parts of their own."""
    id = field(raw, "tool_use_id", str, where)
    content = raw.get("content")
    inside = _content(content, f"{where}content", names) if content is not None else ()
    text = "\n".join(part.text for part in inside if isinstance(part, Text))
    others = tuple(part for part in inside if isinstance(part, Image | File))
    return (ToolResult(id, text, names.get(id, "")), *others)


def _image(raw: dict[str, Any], where: str, names: dict[str, str]) -> Parts:
    return (Image(_source(field(raw, "source", dict, where), f"{where}source.")),)


def _document(raw: dict[str, Any], where: str, names: dict[str, str]) -> Parts:
    source = field(raw, "source", dict, where)
    title = optional(raw, "title", str, where) or ""
    if source.get("type") == "file":
        return (File(field(source, "file_id", str, f"{where}source."), title),)
    if source.get("type") == "content":
        return _content(source.get("content"), f"{where}source.content", names)
    return (File("", title, _source(source, f"{where}source.")),)


def _source(source: dict[str, Any], where: str) -> str:
    """A URL, a `data:` one where the content itself was sent; of a file, its id."""
    kind = field(source, "type", str, where)
    if kind == "url":
        return str(field(source, "url", str, where))
    if kind == "file":
        return str(field(source, "file_id", str, where))
    data, media = field(source, "data", str, where), field(source, "media_type", str, where)
    if kind == "text":
        data = b2a_base64(data.encode(errors="replace"), newline=False).decode()
    return f"data:{media};base64,{data}"


def _search_result(raw: dict[str, Any], where: str, names: dict[str, str]) -> Parts:
    title = field(raw, "title", str, where)
    return (Text(title), *_content(field(raw, "content", list, where), f"{where}content", names))


def _server_tool(raw: dict[str, Any], where: str, names: dict[str, str]) -> Parts:
    """A call of a tool that the API runs by itself; of one that is not known here, nothing."""
    call = read_use(raw)
    return (call,) if call is not None else ()


def _nothing(raw: dict[str, Any], where: str, names: dict[str, str]) -> Parts:
    """What only the vendor can read."""
    return ()


BLOCKS: dict[str, Callable[[dict[str, Any], str, dict[str, str]], Parts]] = {
    "text": _text,
    "image": _image,
    "document": _document,
    "search_result": _search_result,
    "thinking": _thinking,
    "redacted_thinking": _redacted,
    "tool_use": _tool_use,
    "tool_result": _tool_result,
    "server_tool_use": _server_tool,
    "tool_reference": _nothing,
    "container_upload": _nothing,
}
SERVER_BLOCKS = ("_tool_result", "mcp_tool_use", "browser_state", "compaction")
"""How the types of blocks end that tell of tools which the vendor runs by itself."""

# --- tools -------------------------------------------------------------------------------------------

SERVER_TOOLS = (
    "web_search_",
    "web_fetch_",
    "code_execution_",
    "tool_search_tool_",
    "mcp_toolset",
    "advisor_",
)
"""How the types of tools begin that the vendor runs by itself: no call of them reaches the client."""


def tools(raw: dict[str, Any]) -> tuple[Tool, ...]:
    """The tools that a client runs; those that the vendor defines have a name and no schema of their own."""
    given = optional(raw, "tools", list) or ()
    found = []
    for index, each in enumerate(given):
        where = f"tools.{index}"
        checked(each, dict, where)
        kind = optional(each, "type", str, f"{where}.") or "custom"
        if kind.startswith(SERVER_TOOLS):
            continue
        where = f"{where}.{kind}."
        if kind != "custom":
            found.append(Tool(optional(each, "name", str, where) or kind.rpartition("_")[0]))
            continue
        found.append(
            Tool(
                field(each, "name", str, where),
                optional(each, "description", str, where) or "",
                field(each, "input_schema", dict, where),
                each.get("strict") is True,
            )
        )
    return tuple(found)


def tool_choice(raw: dict[str, Any]) -> tuple[ToolChoice, bool]:
    """Whether a tool must be called, and whether several may be at once."""
    choice = optional(raw, "tool_choice", dict)
    if choice is None:
        return AUTO, True
    kind = field(choice, "type", str, "tool_choice.")
    several = choice.get("disable_parallel_tool_use") is not True
    if kind == "tool":
        return ToolChoice("required", (field(choice, "name", str, "tool_choice.tool."),)), several
    if kind == "any":
        return ToolChoice("required"), several
    if kind in ("auto", "none"):
        return ToolChoice(kind), several
    raise refusal(
        f"tool_choice: Input tag '{kind[:100]}' found using 'type' does not match any of the expected tags: "
        "'auto', 'any', 'tool', 'none'"
    )


def response_format(raw: dict[str, Any]) -> ResponseFormat:
    """`output_config.format`, or `output_format`, as it was called in the beta."""
    config = optional(raw, "output_config", dict) or {}
    key, given = "output_config.format", optional(config, "format", dict, "output_config.")
    if given is None:
        key, given = "output_format", optional(raw, "output_format", dict)
    if given is None:
        return ResponseFormat()
    if field(given, "type", str, f"{key}.") != "json_schema":
        raise refusal(f"{key}.type: Input should be 'json_schema'")
    return ResponseFormat("json_schema", field(given, "schema", dict, f"{key}."), "", True)


def conversation_request(api: str, raw: dict[str, Any], http: HttpRequest) -> Request:
    """All of a request that is counted as input."""
    model = field(raw, "model", str)
    messages, version = conversation(raw, http)
    choice, several = tool_choice(raw)
    return Request(
        api,
        "chat",
        model,
        messages,
        raw,
        tools(raw),
        choice,
        several,
        response_format(raw),
        version=version,
    )
