"""Anthropic: the tools that the API runs by itself: a block with the call, and one with what came of it.

    server_tool_use, mcp_tool_use   {"type", "id", "name", "input"}
    ..._tool_result                 {"type", "tool_use_id", "content"}

Source: `anthropic` 2.12, `server_tool_use_block.py`, the `..._tool_result_block.py` and those of the beta;
the order of fields is that of streams recorded in public test suites.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from understudy.model import Citation, Part, Reply, ServerTool, ServerToolCall
from understudy.providers.anthropic_base import instant
from understudy.providers.base import decode, encode, unfinished

Fields = dict[str, Any]


class Hosted(Struct, frozen=True):
    """How the API tells of a tool.

    `name` is the tool's in a call, `key` the field of the input that has what the model wrote, and `result`
    the type of the block with what came of it; `content` makes that block's content, and `read` reads it.
    """

    name: str
    key: str
    result: str
    content: Callable[[ServerToolCall, Fields, int], Any]
    read: Callable[[Any], Fields]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _rows(value: object) -> list[Fields]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def opaque(text: str) -> str:
    """What only the API can read: base64, the same for the same text."""
    return b2a_base64(b"\x12" + text.encode(errors="replace"), newline=False).decode()


def _found(call: ServerToolCall, result: Fields, now: int) -> list[Fields]:
    return [
        {
            "type": "web_search_result",
            "title": each.get("title", ""),
            "url": each["url"],
            "encrypted_content": opaque(each.get("text", "")),
            "page_age": each.get("age"),
        }
        for each in result.get("results", ())
    ]


def _read_found(content: Any) -> Fields:
    keys = {"url": "url", "title": "title", "page_age": "age"}
    found = [{name: each[key] for key, name in keys.items() if each.get(key)} for each in _rows(content)]
    return {"results": found}


def _fetched(call: ServerToolCall, result: Fields, now: int) -> Fields:
    source = {"type": "text", "media_type": "text/plain", "data": result.get("text", "")}
    document: Fields = {"type": "document", "source": source, "title": result.get("title")}
    return {"type": "web_fetch_result", "url": call.input, "content": document, "retrieved_at": instant(now)}


def _read_fetched(content: Any) -> Fields:
    document = content.get("content") if isinstance(content, dict) else None
    document = document if isinstance(document, dict) else {}
    source = document.get("source")
    data = source.get("data") if isinstance(source, dict) else None
    return {"title": _text(document.get("title")), "text": _text(data)}


def _ran(kind: str) -> Callable[[ServerToolCall, Fields, int], Fields]:
    def content(call: ServerToolCall, result: Fields, now: int) -> Fields:
        return {
            "type": kind,
            "stdout": result.get("stdout", ""),
            "stderr": result.get("stderr", ""),
            "return_code": result.get("exit_code", 0),
            "content": [],
        }

    return content


def _read_ran(content: Any) -> Fields:
    content = content if isinstance(content, dict) else {}
    code = content.get("return_code")
    return {
        "stdout": _text(content.get("stdout")),
        "stderr": _text(content.get("stderr")),
        "exit_code": code if isinstance(code, int) else None,
    }


def _given(call: ServerToolCall, result: Fields, now: int) -> list[Fields]:
    return [{"type": "text", "text": call.error or result.get("output", "")}]


def _read_given(content: Any) -> Fields:
    return {"output": content if isinstance(content, str) else _joined(content)}


def _joined(content: Any) -> str:
    return "".join([_text(each.get("text")) for each in _rows(content)])


HOSTED: dict[ServerTool, Hosted] = {
    "web_search": Hosted("web_search", "query", "web_search_tool_result", _found, _read_found),
    "web_fetch": Hosted("web_fetch", "url", "web_fetch_tool_result", _fetched, _read_fetched),
    "code_execution": Hosted(
        "code_execution",
        "code",
        "code_execution_tool_result",
        _ran("code_execution_result"),
        _read_ran,
    ),
    "shell": Hosted(
        "bash_code_execution",
        "command",
        "bash_code_execution_tool_result",
        _ran("bash_code_execution_result"),
        _read_ran,
    ),
    "mcp": Hosted("", "", "mcp_tool_result", _given, _read_given),
}
"""The tools that the API has; of others it tells nothing."""
KINDS: dict[str, ServerTool] = {row.name: kind for kind, row in HOSTED.items()}
RESULTS: dict[str, Hosted] = {row.result: row for row in HOSTED.values()}


def is_told(part: Part) -> bool:
    """Whether the API has this tool."""
    return isinstance(part, ServerToolCall) and part.kind in HOSTED


def use(call: ServerToolCall, input: Any) -> Fields:
    """The block with the call."""
    if call.kind == "mcp":
        told = {"type": "mcp_tool_use", "id": f"mcptoolu_{call.id}", "name": call.name}
        return told | {"input": input, "server_name": call.server}
    name = HOSTED[call.kind].name
    return {"type": "server_tool_use", "id": f"srvtoolu_{call.id}", "name": name, "input": input}


def input_of(call: ServerToolCall) -> Any:
    """What the model wrote, as the input of the call."""
    if call.kind != "mcp":
        return {HOSTED[call.kind].key: call.input}
    try:
        given = decode(call.input)
    except (ValueError, RecursionError):
        return call.input
    return given if isinstance(given, dict) else call.input


def around_input(call: ServerToolCall) -> tuple[str, str]:
    """The JSON around what the model wrote, which is itself the JSON for a server's tool."""
    return ("", "") if call.kind == "mcp" else (f'{{"{HOSTED[call.kind].key}": "', '"}')


def result(reply: Reply, index: int) -> Fields | None:
    """The block with what came of a call; None where it has not run."""
    call = reply.parts[index]
    assert isinstance(call, ServerToolCall)
    if unfinished(reply, index):
        return None
    row, found = HOSTED[call.kind], decode(call.result) if call.result else {}
    told: Fields = {"type": row.result, "tool_use_id": use(call, {})["id"]}
    if call.kind == "mcp":
        return told | {"is_error": bool(call.error), "content": row.content(call, found, reply.created)}
    if call.error:
        return told | {"content": {"type": f"{row.result}_error", "error_code": call.error}}
    return told | {"content": row.content(call, found, reply.created)}


# --- Reading -----------------------------------------------------------------------------------------


def read_use(block: Fields) -> ServerToolCall | None:
    """The call that a block is; None for a tool that is not known here."""
    mcp = block["type"] == "mcp_tool_use"
    kind = "mcp" if mcp else KINDS.get(_text(block.get("name")))
    if kind is None:
        return None
    given, id = block.get("input"), _text(block.get("id"))
    if mcp:
        wrote = given if isinstance(given, str) else encode(given if given is not None else {}).decode()
        server = _text(block.get("server_name"))
        return ServerToolCall("mcp", wrote, id=id, name=_text(block.get("name")), server=server)
    wrote = _text(given.get(HOSTED[kind].key)) if isinstance(given, dict) else _text(given)
    return ServerToolCall(kind, wrote, id=id)


def with_result(parts: list[Part], block: Fields) -> None:
    """Add what a block tells to the call that it belongs to; nothing where there is none."""
    row = RESULTS.get(block["type"])
    id = block.get("tool_use_id")
    for index in reversed(range(len(parts))):
        part = parts[index]
        if row is not None and isinstance(part, ServerToolCall) and part.id == id:
            parts[index] = _with(part, row, block)
            return


def _with(call: ServerToolCall, row: Hosted, block: Fields) -> ServerToolCall:
    content = block.get("content")
    if block.get("is_error") is True:
        return replace(call, error=content if isinstance(content, str) else _joined(content))
    if isinstance(content, dict) and "error_code" in content:
        return replace(call, error=_text(content["error_code"]))
    told = {key: each for key, each in row.read(content).items() if each not in (None, "")}
    return replace(call, result=encode(told).decode() if told else "")


# --- Citations ---------------------------------------------------------------------------------------

PLACES = {
    "characters": ("char_location", "start_char_index", "end_char_index"),
    "pages": ("page_location", "start_page_number", "end_page_number"),
    "blocks": ("content_block_location", "start_block_index", "end_block_index"),
}
UNITS = {kind: (unit, start, end) for unit, (kind, start, end) in PLACES.items()}


def citations(sources: tuple[Citation, ...]) -> list[Fields]:
    """What a text rests on, as a whole: pages and documents. Of files by their id the API tells nothing."""
    return [_citation(each) for each in sources if each.url or each.document is not None]


def _citation(source: Citation) -> Fields:
    if source.url:
        return {
            "type": "web_search_result_location",
            "cited_text": source.quote,
            "url": source.url,
            "title": source.title,
            "encrypted_index": opaque(source.url),
        }
    kind, start, end = PLACES[source.unit]
    place = source.place or (0, len(source.quote))
    return {
        "type": kind,
        "cited_text": source.quote,
        "document_index": source.document,
        "document_title": source.title or None,
        start: place[0],
        end: place[1],
    }


def read_citation(told: Fields) -> Citation | None:
    """The source that a citation names; None where it is one of a kind that no rule has."""
    quote = told.get("cited_text") or ""
    if told["type"] == "web_search_result_location":
        return Citation(told["url"], told.get("title") or "", quote)
    if (found := UNITS.get(told["type"])) is None:
        return None
    unit, start, end = found
    title, number = told.get("document_title") or "", told["document_index"]
    place = (told[start], told[end])
    return Citation("", title, quote, document=number, place=place, unit=unit)  # type: ignore[arg-type]
