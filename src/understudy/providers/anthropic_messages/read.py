"""Messages: answers, read back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from understudy.model import Part, Reasoning, Refusal, Reply, ServerToolCall, Stop, Text, ToolCall
from understudy.providers import anthropic_base as base
from understudy.providers.anthropic_hosted_base import read_citation, read_use, with_result
from understudy.providers.base import decode, encode, sse

STOPS: dict[str, Stop] = {
    "end_turn": "end",
    "max_tokens": "length",
    "stop_sequence": "stop_sequence",
    "tool_use": "tool_call",
    "pause_turn": "pause",
    "refusal": "content_filter",
    "model_context_window_exceeded": "context_window",
}
GROWING = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}
"""The field of a block that a delta of each type adds to; the delta's own is called the same."""


def read(chunks: Iterable[bytes]) -> Reply:
    """Read an answer, whole or streamed: the inverse of `body` and of `encoder`."""
    data = b"".join(chunks)
    return _reply(decode(data) if data.lstrip()[:1] == b"{" else _gathered(data))


def _reply(message: dict[str, Any]) -> Reply:
    parts: list[Part] = []
    for block in message["content"]:
        if (part := _part(block)) is not None:
            parts.append(part)
        else:
            with_result(parts, block)
    parts = [_bare(part) for part in parts]
    stop = STOPS.get(message["stop_reason"] or "", "end")
    explanation = (message.get("stop_details") or {}).get("explanation")
    if stop == "content_filter" and explanation:
        parts, stop = [*parts, Refusal(explanation)], "end"
    return Reply(
        tuple(parts),
        stop,
        base.read_usage(message.get("usage")),
        message["id"].removeprefix("msg_"),
        model=message["model"],
        stopped_by=message.get("stop_sequence") or "",
    )


def _bare(part: Part) -> Part:
    """The part, its id without the API's prefix."""
    return replace(part, id=part.id.partition("_")[2]) if isinstance(part, ServerToolCall) else part


def _part(block: dict[str, Any]) -> Part | None:
    """The part that a block is, None for one that there is no part for."""
    match block["type"]:
        case "text":
            sources = [read_citation(each) for each in block.get("citations") or ()]
            return Text(block["text"], tuple([each for each in sources if each is not None]))
        case "server_tool_use" | "mcp_tool_use":
            return read_use(block)
        case "thinking":
            return Reasoning(block["thinking"])
        case "redacted_thinking":
            return Reasoning(redacted=block["data"])
        case "tool_use":
            given = block["input"]
            arguments = given if isinstance(given, str) else encode(given).decode()
            return ToolCall(block["name"], arguments, block["id"].removeprefix("toolu_"))
        case _:
            return None


def _gathered(data: bytes) -> dict[str, Any]:
    """The message that a stream tells, up to `message_stop` or as far as it goes."""
    message: dict[str, Any] = {}
    inputs: dict[int, str] = {}
    for name, text in sse([data]):
        if name == "message_stop":
            break
        event = {} if name == "ping" else decode(text)
        match name:
            case "message_start":
                message = event["message"]
            case "content_block_start":
                message["content"].append(event["content_block"])
            case "content_block_delta":
                _grow(message["content"], inputs, event["index"], event["delta"])
            case "message_delta":
                message |= event["delta"] | {"usage": message["usage"] | event["usage"]}
    for index, given in inputs.items():
        message["content"][index]["input"] = _input(given)
    return message


def _grow(blocks: list[dict[str, Any]], inputs: dict[int, str], index: int, delta: dict[str, Any]) -> None:
    if delta["type"] == "input_json_delta":
        inputs[index] = inputs.get(index, "") + delta["partial_json"]
    elif delta["type"] == "citations_delta":
        blocks[index].setdefault("citations", []).append(delta["citation"])
    elif field := GROWING.get(delta["type"]):
        blocks[index][field] += delta[field]


def _input(given: str) -> Any:
    """A call's input as the object that it is; the text, where it is none."""
    try:
        value = decode(given or "{}")
    except (ValueError, RecursionError):
        return given
    return value if isinstance(value, dict) else given
