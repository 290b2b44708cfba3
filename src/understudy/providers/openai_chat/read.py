"""Chat Completions: answers, read back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from understudy.model import (
    Citation,
    Part,
    Reasoning,
    Refusal,
    Reply,
    Stop,
    Text,
    ToolCall,
    Usage,
)
from understudy.providers import openai_base as base

STOPS: dict[str, Stop] = {
    "stop": "end",
    "length": "length",
    "tool_calls": "tool_call",
    "function_call": "tool_call",
    "content_filter": "content_filter",
}


def read(chunks: Iterable[bytes]) -> Reply:
    """Read an answer, whole or streamed: the inverse of `body` and of `encoder`."""
    frames = list(base.frames(b"".join(chunks)))
    return _read_body(frames[0]) if frames[0]["object"] == "chat.completion" else _read_stream(frames)


def _read_body(raw: dict[str, Any]) -> Reply:
    choices = [
        Reply(_read_message(choice["message"]), STOPS[choice["finish_reason"]]) for choice in raw["choices"]
    ]
    return _whole(raw, choices, base.read_usage(raw.get("usage")))


def _whole(raw: dict[str, Any], choices: list[Reply], usage: Usage) -> Reply:
    first, *others = choices
    return Reply(
        first.parts,
        first.stop,
        usage,
        id=raw["id"].removeprefix("chatcmpl-"),
        created=raw["created"],
        model=raw["model"],
        others=tuple(others),
    )


def _read_message(message: dict[str, Any]) -> tuple[Part, ...]:
    texts: tuple[tuple[str, Callable[[str], Part]], ...] = (
        ("reasoning_content", Reasoning),
        ("content", Text),
        ("refusal", Refusal),
    )
    parts = [kind(message[key]) for key, kind in texts if message.get(key) is not None]
    if cited := message.get("annotations"):
        parts = [_cited(part, cited) if isinstance(part, Text) else part for part in parts]
    if function := message.get("function_call"):
        parts.append(ToolCall(function["name"], function["arguments"]))
    for call in message.get("tool_calls") or ():
        id = call["id"].removeprefix("call_")
        if call["type"] == "custom":
            parts.append(ToolCall(call["custom"]["name"], call["custom"]["input"], id))
        else:
            parts.append(ToolCall(call["function"]["name"], call["function"]["arguments"], id))
    return tuple(parts)


def _cited(text: Text, annotations: list[dict[str, Any]]) -> Text:
    told = [each["url_citation"] for each in annotations if each["type"] == "url_citation"]
    sources = [
        Citation(each["url"], each["title"], start=each["start_index"], end=each["end_index"])
        for each in told
    ]
    return Text(text.text, tuple(sources))


def _read_stream(frames: list[dict[str, Any]]) -> Reply:
    messages: dict[int, dict[str, Any]] = {}
    stops: dict[int, Stop] = {}
    for frame in frames:
        for choice in frame["choices"]:
            _add_delta(messages.setdefault(choice["index"], {}), choice["delta"])
            if choice["finish_reason"]:
                stops[choice["index"]] = STOPS[choice["finish_reason"]]
    usage = next((frame["usage"] for frame in reversed(frames) if frame.get("usage")), None)
    choices = [Reply(_read_message(messages[index]), stops.get(index, "end")) for index in sorted(messages)]
    return _whole(frames[0], choices, base.read_usage(usage))


def _add_delta(message: dict[str, Any], delta: dict[str, Any]) -> None:
    """Add a delta to the message that it is a piece of; an empty text starts nothing."""
    for key in ("reasoning_content", "content", "refusal"):
        if delta.get(key):
            message[key] = message.get(key, "") + delta[key]
    if cited := delta.get("annotations"):
        message["annotations"] = [*message.get("annotations", ()), *cited]
    if function := delta.get("function_call"):
        whole = message.setdefault("function_call", {"name": "", "arguments": ""})
        for key in function:
            whole[key] += function[key]
    calls = message.setdefault("tool_calls", [])
    for piece in delta.get("tool_calls") or ():
        if piece["index"] == len(calls):
            calls.append(
                {"id": piece["id"], "type": piece["type"], piece["type"]: dict(piece[piece["type"]])}
            )
            continue
        call = calls[piece["index"]]
        body, key = call[call["type"]], "input" if call["type"] == "custom" else "arguments"
        body[key] += piece[call["type"]][key]
