"""Responses: the tools that the API runs by itself, as items of the output and as events.

    output_item.added   in_progress ...   .delta ... .done of what was written   completed   output_item.done

Each row of the table is a tool: what its item holds, and which of these events tell of it. A shell has two
items, the second with what it printed.
Source: `openai` 3.54, `types/responses`; the order is that of streams recorded in public test suites.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from understudy.model import Reply, Request, ServerTool, ServerToolCall
from understudy.providers.base import PIXEL, decode, encode, unfinished

SOURCES, FOUND = "web_search_call.action.sources", "file_search_call.results"
OUTPUTS = "code_interpreter_call.outputs"
"""What is told only if the request asks to `include` it."""
Fields = dict[str, Any]


class Around(Struct, frozen=True, gc=False):
    """What surrounds a call: what the request asks to include, and the container that things run in."""

    include: tuple[str, ...]
    container: str


class Hosted(Struct, frozen=True):
    """How the API tells of a tool.

    `whole` gives the fields of its item; `begun` those that differ before anything was written. `starts`
    and `runs` are the events before and after the writing; `written` is what the events of the writing are
    called, and `key` where the last of them has all of it. `stops` are the events at the end, if it went
    well and if not; `cut` is the status of what did not end.
    """

    prefix: str
    type: str
    whole: Callable[[ServerToolCall, Fields, Around], Fields]
    begun: Fields
    starts: tuple[str, ...] = ("in_progress",)
    runs: tuple[str, ...] = ()
    written: str = ""
    key: str = ""
    stops: tuple[str, str] = ("completed", "")
    cut: str = "incomplete"
    has_status: bool = True


def _lines(text: str) -> list[str]:
    """Queries, of which there may be several: one a line."""
    return text.split("\n")


def _search(call: ServerToolCall, result: Fields, around: Around) -> Fields:
    queries = _lines(call.input)
    action: Fields = {"type": "search", "queries": queries, "query": queries[0]}
    if SOURCES in around.include:
        action["sources"] = [{"type": "url", "url": each["url"]} for each in result.get("results", ())]
    return {"action": action}


def _fetch(call: ServerToolCall, result: Fields, around: Around) -> Fields:
    return {"action": {"type": "open_page", "url": call.input}}


def _file_search(call: ServerToolCall, result: Fields, around: Around) -> Fields:
    found = [
        {
            "attributes": each.get("attributes", {}),
            "file_id": each["file"],
            "filename": each.get("name", each["file"]),
            "score": each.get("score", 1.0),
            "text": each.get("text", ""),
        }
        for each in result.get("results", ())
    ]
    return {"queries": _lines(call.input), "results": found if FOUND in around.include else None}


def _code(call: ServerToolCall, result: Fields, around: Around) -> Fields:
    printed = result.get("stdout", "") + (result.get("stderr", "") or call.error)
    outputs: list[Fields] = [{"type": "logs", "logs": printed}] if printed else []
    outputs += [{"type": "image", "url": url} for url in result.get("images", ())]
    told = outputs if OUTPUTS in around.include else None
    return {"code": call.input, "container_id": around.container, "outputs": told}


def _image(call: ServerToolCall, result: Fields, around: Around) -> Fields:
    return {
        "action": "generate",
        "background": result.get("background", "opaque"),
        "output_format": result.get("format", "png"),
        "quality": result.get("quality", "medium"),
        "result": None if call.error else result.get("image", PIXEL),
        "revised_prompt": call.input,
        "size": result.get("size", "1024x1024"),
    }


def _mcp(call: ServerToolCall, result: Fields, around: Around) -> Fields:
    content = [{"type": "text", "text": call.error}]
    return {
        "approval_request_id": None,
        "arguments": call.input,
        "error": {"type": "mcp_tool_execution_error", "content": content} if call.error else None,
        "name": call.name,
        "output": None if call.error else result.get("output", ""),
        "server_label": call.server,
    }


def _mcp_tools(call: ServerToolCall, result: Fields, around: Around) -> Fields:
    tools = [
        {
            "annotations": {"read_only": False},
            "description": each.get("description"),
            "input_schema": each.get("schema", {"type": "object", "properties": {}}),
            "name": each["name"],
        }
        for each in result.get("tools", ())
    ]
    return {"server_label": call.server, "tools": tools} | ({"error": call.error} if call.error else {})


def _mcp_approval(call: ServerToolCall, result: Fields, around: Around) -> Fields:
    return {"arguments": call.input, "name": call.name, "server_label": call.server}


def _shell(call: ServerToolCall, result: Fields, around: Around) -> Fields:
    return {
        "action": {"commands": [call.input], "max_output_length": None, "timeout_ms": None},
        "call_id": f"call_{call.id}",
        "environment": {"type": "container_reference", "container_id": around.container},
    }


_SEARCHED = ("searching",)
HOSTED: dict[ServerTool, Hosted] = {
    "web_search": Hosted("ws", "web_search_call", _search, {"action": {"type": "search"}}, runs=_SEARCHED),
    "web_fetch": Hosted("ws", "web_search_call", _fetch, {"action": {"type": "open_page"}}, runs=_SEARCHED),
    "file_search": Hosted(
        "fs", "file_search_call", _file_search, {"queries": [], "results": None}, runs=_SEARCHED
    ),
    "code_execution": Hosted(
        "ci",
        "code_interpreter_call",
        _code,
        {"code": "", "outputs": None},
        runs=("interpreting",),
        written="code_interpreter_call_code",
        key="code",
    ),
    "image_generation": Hosted(
        "ig",
        "image_generation_call",
        _image,
        {"result": None, "revised_prompt": None},
        runs=("generating",),
        cut="generating",
    ),
    "mcp": Hosted(
        "mcp",
        "mcp_call",
        _mcp,
        {"arguments": "", "error": None, "output": None},
        written="mcp_call_arguments",
        key="arguments",
        stops=("completed", "failed"),
    ),
    "mcp_tools": Hosted(
        "mcpl",
        "mcp_list_tools",
        _mcp_tools,
        {"tools": []},
        stops=("completed", "failed"),
        has_status=False,
    ),
    "mcp_approval": Hosted(
        "mcpr", "mcp_approval_request", _mcp_approval, {}, (), stops=("", ""), has_status=False
    ),
    "shell": Hosted("sh", "shell_call", _shell, {}, (), written="shell_call_command", stops=("", "")),
}


def around(reply: Reply, request: Request) -> Around:
    """A container is the request's, or one of the answer's own."""
    given = request.raw.get("include") or ()
    return Around(tuple([each for each in given if type(each) is str]), _container(reply, request))


def _container(reply: Reply, request: Request) -> str:
    for tool in request.raw.get("tools") or ():
        container = tool.get("container") or tool.get("environment")
        if type(container) is dict:
            container = container.get("container_id")
        if type(container) is str:
            return container
    return f"cntr_{reply.id}"


def count(reply: Reply, index: int) -> int:
    """How many items the call is."""
    part = reply.parts[index]
    printed = isinstance(part, ServerToolCall) and part.kind == "shell" and not unfinished(reply, index)
    return 2 if printed else 1


def result_of(call: ServerToolCall) -> Fields:
    found: Fields = decode(call.result) if call.result else {}
    return found


def item(reply: Reply, index: int, id: str, told: Around) -> Fields:
    """The item that a call is, whole."""
    call = _call(reply, index)
    row = HOSTED[call.kind]
    cut = unfinished(reply, index)
    status = row.cut if cut else "failed" if call.error and call.kind not in ("mcp", "shell") else "completed"
    if call.kind == "mcp" and call.error:
        status = "failed"
    return _item(row, id, status) | row.whole(call, result_of(call), told)


def started(reply: Reply, index: int, id: str, told: Around) -> Fields:
    """The item that a call is, before anything of it was written."""
    call = _call(reply, index)
    row = HOSTED[call.kind]
    fields = row.whole(call, {}, told) | row.begun
    if call.kind == "shell":
        fields["action"] = fields["action"] | {"commands": []}
    if call.kind == "image_generation":
        fields = {"result": None}
    return _item(row, id, "in_progress") | fields


def printed(reply: Reply, index: int, id: str) -> Fields:
    """The item with what a shell printed."""
    call = _call(reply, index)
    result = result_of(call)
    timed_out = call.error == "timeout"
    code = result.get("exit_code", 1 if call.error else 0)
    output = {
        "outcome": {"type": "timeout"} if timed_out else {"type": "exit", "exit_code": code},
        "stderr": result.get("stderr", "") or ("" if timed_out else call.error),
        "stdout": result.get("stdout", ""),
    }
    return {
        "id": id,
        "type": "shell_call_output",
        "status": "completed",
        "call_id": f"call_{call.id}",
        "max_output_length": None,
        "output": [output],
    }


Partial = tuple[bytes, bytes, bytes, bytes, bytes]
"""Background, format, image, quality and size of an image on the way to the last one, as JSON."""


def partials(call: ServerToolCall, request: Request) -> list[Partial]:
    """The images on the way to the last one, as many as the request asks for."""
    tools = request.raw.get("tools") or ()
    asked = [tool.get("partial_images") for tool in tools if tool.get("type") == "image_generation"]
    most = asked[0] if asked and type(asked[0]) is int else 0
    result = result_of(call)
    told = _image(call, result, Around((), ""))
    before, after = ("background", "output_format"), ("quality", "size")
    return [
        (*(encode(told[key]) for key in before), encode(image), *(encode(told[key]) for key in after))  # type: ignore[misc]
        for image in result.get("partials", ())[:most]
    ]


def _call(reply: Reply, index: int) -> ServerToolCall:
    part = reply.parts[index]
    assert isinstance(part, ServerToolCall)
    return part


def _item(row: Hosted, id: str, status: str) -> Fields:
    return {"id": id, "type": row.type} | ({"status": status} if row.has_status else {})
