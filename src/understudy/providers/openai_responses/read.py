"""Responses: answers, read back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from understudy.model import Part, Reasoning, Refusal, Reply, Stop, Text, ToolCall, Usage
from understudy.providers.base import decode, sse

ENDS = frozenset(("response.completed", "response.incomplete", "response.failed", "error"))
WHY: dict[str, Stop] = {"max_output_tokens": "length", "content_filter": "content_filter"}


def read(chunks: Iterable[bytes]) -> Reply:
    """Read an answer, whole or streamed: the inverse of `body` and of `encoder`."""
    data = b"".join(chunks)
    if data.lstrip()[:1] == b"{":
        raw = decode(data)
        return _reply(raw, raw["output"])
    return _read_stream(_events(data))


def _events(data: bytes) -> Iterator[dict[str, Any]]:
    """The events of a stream, up to the one that ends it."""
    for _, text in sse([data]):
        event = decode(text)
        yield event
        if event["type"] in ENDS:
            return


def _reply(raw: dict[str, Any], output: list[dict[str, Any]]) -> Reply:
    parts = tuple([part for item in output for part in _parts(item)])
    usage = raw.get("usage") or {}
    input = usage.get("input_tokens_details") or {}
    return Reply(
        parts,
        _stop(raw, parts),
        Usage(
            usage.get("input_tokens", 0),
            usage.get("output_tokens", 0),
            (usage.get("output_tokens_details") or {}).get("reasoning_tokens", 0),
            input.get("cached_tokens", 0),
            input.get("cache_write_tokens", 0),
        ),
        id=raw["id"].removeprefix("resp_"),
        created=int(raw["created_at"]),
        model=raw["model"],
    )


def _stop(raw: dict[str, Any], parts: tuple[Part, ...]) -> Stop:
    if raw["status"] == "incomplete":
        return WHY.get((raw.get("incomplete_details") or {}).get("reason", ""), "length")
    return "tool_call" if parts and isinstance(parts[-1], ToolCall) else "end"


def _parts(item: dict[str, Any]) -> Iterator[Part]:
    """What an item says; of those of built-in tools, nothing."""
    kind = item["type"]
    if kind == "message":
        for each in item["content"]:
            refused = each["type"] == "refusal"
            yield Refusal(each["refusal"]) if refused else Text(each["text"])
    elif kind == "reasoning" and item["summary"]:
        yield Reasoning("\n\n".join(each["text"] for each in item["summary"]))
    elif kind == "reasoning" and item.get("encrypted_content"):
        yield Reasoning(redacted=item["encrypted_content"])
    elif kind in _SAID:
        yield ToolCall(item["name"], item[_SAID[kind]], item["call_id"].removeprefix("call_"))


_SAID = {"function_call": "arguments", "custom_tool_call": "input"}

# --- streams ------------------------------------------------------------------------------------------


def _read_stream(events: Iterator[dict[str, Any]]) -> Reply:
    """The reply, put together from the deltas, as far as they go."""
    raw: dict[str, Any] = {}
    output: dict[int, dict[str, Any]] = {}
    for event in events:
        raw = event.get("response") or raw
        index = event.get("output_index")
        if index is None:
            continue
        if event["type"] == "response.output_item.added":
            output[index] = event["item"]
        else:
            _add(output[index], event)
    return _reply(raw, [output[index] for index in sorted(output)])


def _add(item: dict[str, Any], event: dict[str, Any]) -> None:
    """Add what an event tells to the item that it is about."""
    match event["type"]:
        case "response.content_part.added":
            item["content"].append(event["part"])
        case "response.reasoning_summary_part.added":
            item["summary"].append(event["part"])
        case "response.output_text.delta":
            item["content"][event["content_index"]]["text"] += event["delta"]
        case "response.refusal.delta":
            item["content"][event["content_index"]]["refusal"] += event["delta"]
        case "response.reasoning_summary_text.delta":
            item["summary"][event["summary_index"]]["text"] += event["delta"]
        case "response.function_call_arguments.delta":
            item["arguments"] += event["delta"]
        case "response.custom_tool_call_input.delta":
            item["input"] += event["delta"]
