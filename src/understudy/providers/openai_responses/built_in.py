"""Responses: the API's own tools that a client runs: its calls are items of their own, as are the results.

A call of a tool with such a name is told so where the request offers the tool; else it is a function's.
Source: `openai` 3.54, `types/responses`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from understudy.model import Image, Part, Request, ToolCall, ToolResult
from understudy.providers.base import decode, encode

Fields = dict[str, Any]


class BuiltIn(Struct, frozen=True):
    """How calls of a tool are told: by `fields`, made of the arguments; `types` are those that offer it."""

    prefix: str
    type: str
    types: tuple[str, ...]
    fields: Callable[[Fields], Fields]


def _computer(arguments: Fields) -> Fields:
    """One action, or several under `actions`."""
    key, told = ("actions", arguments["actions"]) if "actions" in arguments else ("action", arguments)
    return {key: told, "pending_safety_checks": []}


def _local_shell(arguments: Fields) -> Fields:
    return {"action": {"type": "exec", "command": [], "env": {}} | arguments}


def _shell(arguments: Fields) -> Fields:
    action: Fields = {"commands": [], "max_output_length": None, "timeout_ms": None} | arguments
    return {"action": action, "environment": {"type": "local"}}


def _apply_patch(arguments: Fields) -> Fields:
    return {"operation": arguments}


COMPUTER = BuiltIn("cu", "computer_call", ("computer", "computer_use_preview"), _computer)
BUILT_IN: dict[str, BuiltIn] = {
    "computer": COMPUTER,
    "computer_use_preview": COMPUTER,
    "local_shell": BuiltIn("lsh", "local_shell_call", ("local_shell",), _local_shell),
    "shell": BuiltIn("sh", "shell_call", ("shell",), _shell),
    "apply_patch": BuiltIn("apc", "apply_patch_call", ("apply_patch",), _apply_patch),
}
"""The tools, by the name of a call."""


def built_in(part: Part, request: Request) -> BuiltIn | None:
    """How a call of one of these tools is told; None for any other part."""
    if not isinstance(part, ToolCall) or (found := BUILT_IN.get(part.name)) is None:
        return None
    offered = any(tool.get("type") in found.types for tool in request.raw.get("tools") or ())
    return found if offered and _arguments(part) is not None else None


def item(call: ToolCall, tool: BuiltIn, id: str, status: str) -> Fields:
    """The item that a call is."""
    told = {"id": id, "type": tool.type, "status": status, "call_id": f"call_{call.id}"}
    return told | tool.fields(_arguments(call) or {})


def commands(call: ToolCall) -> list[str]:
    """What a call of the shell runs."""
    given = (_arguments(call) or {}).get("commands")
    return [each for each in given if isinstance(each, str)] if isinstance(given, list) else []


def _arguments(call: ToolCall) -> Fields | None:
    try:
        given = decode(call.arguments)
    except (ValueError, RecursionError):
        return None
    return given if isinstance(given, dict) else None


# --- Reading -----------------------------------------------------------------------------------------


def _action(item: Fields) -> object:
    return {"actions": item["actions"]} if item.get("actions") else item.get("action")


def _without_nulls(value: object) -> object:
    return {key: each for key, each in value.items() if each is not None} if isinstance(value, dict) else {}


READ: dict[str, tuple[str, Callable[[Fields], object]]] = {
    "computer_call": ("computer", _action),
    "local_shell_call": ("local_shell", lambda item: _without_nulls(item.get("action"))),
    "shell_call": ("shell", lambda item: _without_nulls(item.get("action"))),
    "apply_patch_call": ("apply_patch", lambda item: item.get("operation")),
}
"""The items that are calls: the tool's name, and what its arguments are."""


def read(item: Fields) -> ToolCall:
    """The call that an item is; what is not as it should be says nothing."""
    name, arguments = READ[item["type"]]
    told = arguments(item)
    id = item.get("call_id")
    return ToolCall(name, encode(told or {}).decode(), id if isinstance(id, str) else "")


def _screen(item: Fields) -> tuple[str, tuple[Image, ...]]:
    shown = item.get("output")
    shown = shown if isinstance(shown, dict) else {}
    image = shown.get("image_url") or shown.get("file_id")
    return "", (Image(image),) if isinstance(image, str) else ()


def _printed(item: Fields) -> tuple[str, tuple[Image, ...]]:
    output = item.get("output")
    if isinstance(output, str):
        return output, ()
    pieces = [each for each in output if isinstance(each, dict)] if isinstance(output, list) else []
    texts = [each.get(key) for each in pieces for key in ("stdout", "stderr")]
    return "\n".join([text for text in texts if isinstance(text, str) and text]), ()


RESULTS: dict[str, tuple[str, Callable[[Fields], tuple[str, tuple[Image, ...]]]]] = {
    "computer_call_output": ("computer", _screen),
    "local_shell_call_output": ("local_shell", _printed),
    "shell_call_output": ("shell", _printed),
    "apply_patch_call_output": ("apply_patch", _printed),
}
"""The items that are results: the tool's name, and what it gave back."""


def read_result(item: Fields) -> tuple[Part, ...]:
    """The result that an item is, and the images in it."""
    name, output = RESULTS[item["type"]]
    text, images = output(item)
    id = item.get("call_id") or item.get("id")
    return (ToolResult(id if isinstance(id, str) else "", text, name), *images)
