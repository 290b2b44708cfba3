"""Responses: answers, read back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec.structs import replace

from understudy.model import (
    Citation,
    Part,
    Reasoning,
    Refusal,
    Reply,
    ServerToolCall,
    Stop,
    Text,
    ToolCall,
    Usage,
)
from understudy.providers.base import decode, sse
from understudy.providers.openai_responses import built_in, hosted_read
from understudy.providers.openai_responses.hosted_read import ran_here, read_printed, read_shell

TOLD_LAST = frozenset((*hosted_read.READ, *built_in.READ, "shell_call_output"))
"""Items of which the last event tells more than those before."""
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
    parts = _output(output)
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


def _output(items: list[dict[str, Any]]) -> tuple[Part, ...]:
    """The parts that items are; what a shell of the API's printed belongs to its call."""
    parts: list[Part] = []
    for item in items:
        last = parts[-1] if parts else None
        if item["type"] == "shell_call_output" and isinstance(last, ServerToolCall):
            parts[-1] = replace(last, result=read_printed(item))
        else:
            parts += _parts(item)
    return tuple(parts)


def _parts(item: dict[str, Any]) -> Iterator[Part]:
    """What an item says; of an unknown one, nothing."""
    kind = item["type"]
    if kind == "message":
        for each in item["content"]:
            refused = each["type"] == "refusal"
            yield Refusal(each["refusal"]) if refused else Text(each["text"], _citations(each))
    elif kind == "reasoning" and item["summary"]:
        yield Reasoning("\n\n".join(each["text"] for each in item["summary"]))
    elif kind == "reasoning" and item.get("encrypted_content"):
        yield Reasoning(redacted=item["encrypted_content"])
    elif kind in _SAID:
        yield ToolCall(item["name"], item[_SAID[kind]], item["call_id"].removeprefix("call_"))
    elif kind in hosted_read.READ:
        yield hosted_read.READ[kind](item)
    elif kind == "shell_call" and ran_here(item):
        yield read_shell(item)
    elif kind in built_in.READ:
        call = built_in.read(item)
        yield replace(call, id=call.id.removeprefix("call_"))


def _citations(told: dict[str, Any]) -> tuple[Citation, ...]:
    """What a text rests on: pages and files."""
    found = []
    for each in told.get("annotations") or ():
        if each["type"] == "url_citation":
            start, end = each["start_index"], each["end_index"]
            found.append(Citation(each["url"], each["title"], start=start, end=end))
        elif each["type"] == "file_citation":
            found.append(Citation(title=each["filename"], file=each["file_id"], end=each["index"]))
    return tuple(found)


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
        if event["type"] == "response.output_item.added" or _is_last(event):
            output[index] = event["item"]
        else:
            _add(output[index], event)
    return _reply(raw, [output[index] for index in sorted(output)])


def _is_last(event: dict[str, Any]) -> bool:
    """Whether an event is the last of an item, and tells more than those before."""
    return event["type"] == "response.output_item.done" and event["item"]["type"] in TOLD_LAST


def _add(item: dict[str, Any], event: dict[str, Any]) -> None:
    """Add what an event tells to the item that it is about."""
    match event["type"]:
        case "response.content_part.added":
            item["content"].append(event["part"])
        case "response.reasoning_summary_part.added":
            item["summary"].append(event["part"])
        case "response.output_text.annotation.added":
            item["content"][event["content_index"]]["annotations"].append(event["annotation"])
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
        case "response.mcp_call_arguments.delta":
            item["arguments"] += event["delta"]
        case "response.code_interpreter_call_code.delta":
            item["code"] += event["delta"]
