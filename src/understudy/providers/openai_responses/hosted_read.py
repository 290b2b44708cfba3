"""Responses: items of tools that the API ran by itself, read; what is not as it should be says nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from understudy.model import ServerToolCall
from understudy.providers.base import encode

Fields = dict[str, Any]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _rows(value: object) -> list[Fields]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


FILE = {
    "file_id": "file",
    "filename": "name",
    "text": "text",
    "score": "score",
    "attributes": "attributes",
}
IMAGE = {
    "result": "image",
    "output_format": "format",
    "size": "size",
    "quality": "quality",
    "background": "background",
}
TOOL = {"name": "name", "description": "description", "input_schema": "schema"}
"""What the fields of rows are called here."""


def _renamed(value: object, keys: dict[str, str]) -> list[Fields]:
    return [
        {name: each[key] for key, name in keys.items() if each.get(key) is not None} for each in _rows(value)
    ]


def _made(result: Fields) -> str:
    """A result as JSON text; of what is not told, nothing."""
    told = {key: value for key, value in result.items() if value not in (None, "")}
    return encode(told).decode() if told else ""


def _read_search(item: Fields) -> ServerToolCall:
    action = item.get("action")
    action = action if isinstance(action, dict) else {}
    if "url" in action:
        return ServerToolCall("web_fetch", _text(action["url"]))
    given = action.get("queries")
    queries = given if isinstance(given, list) and given else [action.get("query")]
    found = {"results": [{"url": _text(each.get("url"))} for each in _rows(action.get("sources"))]}
    asked = "\n".join([_text(each) for each in queries])
    return ServerToolCall("web_search", asked, _made(found if "sources" in action else {}))


def _read_file_search(item: Fields) -> ServerToolCall:
    given = item.get("queries")
    asked = "\n".join([_text(each) for each in given]) if isinstance(given, list) else ""
    found = _renamed(item.get("results"), FILE)
    return ServerToolCall("file_search", asked, _made({"results": found or None}))


def _read_code(item: Fields) -> ServerToolCall:
    outputs = _rows(item.get("outputs"))
    logs = "".join([_text(each.get("logs")) for each in outputs])
    images = [_text(each.get("url")) for each in outputs if each.get("type") == "image"]
    result = _made({"stdout": logs, "images": images or None})
    return ServerToolCall("code_execution", _text(item.get("code")), result)


def _read_image(item: Fields) -> ServerToolCall:
    found = {name: item.get(key) for key, name in IMAGE.items()}
    done = item.get("result") is not None
    return ServerToolCall("image_generation", _text(item.get("revised_prompt")), _made(found if done else {}))


def _read_mcp(item: Fields) -> ServerToolCall:
    return ServerToolCall(
        "mcp",
        _text(item.get("arguments")),
        _made({"output": item.get("output")}),
        _error(item.get("error")),
        name=_text(item.get("name")),
        server=_text(item.get("server_label")),
    )


def _error(value: object) -> str:
    """What went wrong, of which older answers give the text alone."""
    if not isinstance(value, dict):
        return _text(value)
    texts = [_text(each.get("text")) for each in _rows(value.get("content"))]
    return "\n".join(texts) or _text(value.get("message"))


def _read_mcp_tools(item: Fields) -> ServerToolCall:
    return ServerToolCall(
        "mcp_tools",
        "",
        _made({"tools": _renamed(item.get("tools"), TOOL) or None}),
        _error(item.get("error")),
        server=_text(item.get("server_label")),
    )


def _read_mcp_approval(item: Fields) -> ServerToolCall:
    return ServerToolCall(
        "mcp_approval",
        _text(item.get("arguments")),
        name=_text(item.get("name")),
        server=_text(item.get("server_label")),
    )


READ: dict[str, Callable[[Fields], ServerToolCall]] = {
    "web_search_call": _read_search,
    "file_search_call": _read_file_search,
    "code_interpreter_call": _read_code,
    "image_generation_call": _read_image,
    "mcp_call": _read_mcp,
    "mcp_list_tools": _read_mcp_tools,
    "mcp_approval_request": _read_mcp_approval,
}
"""The items of one tool each, read; what is not as it should be says nothing."""


def ran_here(item: Fields) -> bool:
    """Whether a `shell_call` ran in a container of the API's, not at the client."""
    where = item.get("environment")
    return isinstance(where, dict) and where.get("type") == "container_reference"


def read_shell(item: Fields) -> ServerToolCall:
    action = item.get("action")
    commands = action.get("commands") if isinstance(action, dict) else None
    wrote = "\n".join([_text(each) for each in commands]) if isinstance(commands, list) else ""
    return ServerToolCall("shell", wrote, id=_text(item.get("call_id")).removeprefix("call_"))


def read_printed(item: Fields) -> str:
    """What a shell printed, as a result."""
    outputs = _rows(item.get("output"))
    outcomes = [each.get("outcome") for each in outputs]
    codes = [each["exit_code"] for each in outcomes if isinstance(each, dict) and "exit_code" in each]
    told: Fields = {key: "".join([_text(each.get(key)) for each in outputs]) for key in ("stdout", "stderr")}
    return _made(told | {"exit_code": codes[-1] if codes else None})
