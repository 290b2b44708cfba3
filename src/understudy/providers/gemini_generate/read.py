"""Gemini's generateContent: answers, read back."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from understudy.model import (
    Audio,
    Image,
    Part,
    Reasoning,
    Reply,
    ServerToolCall,
    Stop,
    Text,
    ToolCall,
    Usage,
)
from understudy.providers.base import decode, encode, sse
from understudy.providers.gemini_generate.grounding import grounded

BESIDE = ("groundingMetadata", "urlContextMetadata")
"""What is told beside the content of a candidate."""

STOPS: dict[str, Stop] = {
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
}
"""Any other reason is an end like any."""


class _Candidate(Struct):
    """What is known so far of one candidate."""

    parts: list[Part]
    stop: Stop = "end"
    beside: dict[str, Any] = {}


def read(chunks: Iterable[bytes]) -> Reply:
    """Read an answer, whole or streamed in either form: the inverse of `body` and of `encoder`."""
    frames = _frames(b"".join(chunks))
    candidates: dict[int, _Candidate] = {}
    for frame in frames:
        for raw in frame.get("candidates", ()):
            _add(candidates.setdefault(raw.get("index", 0), _Candidate([])), raw)
        if "promptFeedback" in frame:
            candidates[0] = _Candidate([], "content_filter")
    choices = [_choice(candidates[index]) for index in sorted(candidates)]
    first, *others = choices or [Reply(())]
    return Reply(
        first.parts,
        first.stop,
        _usage(frames[-1].get("usageMetadata", {})),
        id=frames[0].get("responseId", ""),
        model=frames[0].get("modelVersion", ""),
        others=tuple(others),
    )


def _frames(data: bytes) -> list[dict[str, Any]]:
    """The objects of a stream, of an array, or the one of a whole answer; what comes behind them is left."""
    start = data.lstrip()[:1]
    if start in (b"{", b"["):
        found, _ = json.JSONDecoder().raw_decode(data.decode(errors="replace").lstrip())
        return found if isinstance(found, list) else [found]
    frames: list[dict[str, Any]] = []
    for _, text in sse([data]):
        try:
            frames.append(decode(text))
        except msgspec.DecodeError:
            if not frames:
                raise
            break
    return frames


def _add(candidate: _Candidate, raw: dict[str, Any]) -> None:
    """Add a piece of a candidate; texts of a kind that follow each other are one."""
    for part in raw.get("content", {}).get("parts", ()):
        found, known = _part(part), candidate.parts
        if found is None:
            _run(known, part["codeExecutionResult"])
            continue
        if isinstance(found, Text | Reasoning):
            if known and type(known[-1]) is type(found):
                known[-1] = type(found)(known[-1].text + found.text)
            elif found.text:
                known.append(found)
        else:
            known.append(found)
    candidate.beside |= {key: raw[key] for key in BESIDE if key in raw}
    if "finishReason" in raw:
        candidate.stop = STOPS.get(raw["finishReason"], "end")


def _run(parts: list[Part], told: dict[str, Any]) -> None:
    """Add what came of code to the code before it."""
    if not parts or not isinstance(call := parts[-1], ServerToolCall):
        return
    output = told.get("output", "")
    well = told.get("outcome") == "OUTCOME_OK"
    result = {"stdout": output} if well else {"stderr": output, "exit_code": 1}
    parts[-1] = ServerToolCall(call.kind, call.input, encode(result).decode())


def _part(raw: dict[str, Any]) -> Part | None:
    """The part that a piece is; None for what came of code, which belongs to that."""
    if (code := raw.get("executableCode")) is not None:
        return ServerToolCall("code_execution", code.get("code", ""))
    if "codeExecutionResult" in raw:
        return None
    if (call := raw.get("functionCall")) is not None:
        return ToolCall(call["name"], encode(call.get("args", {})).decode(), call.get("id", ""))
    if (blob := raw.get("inlineData")) is not None:
        kind = blob["mimeType"]
        if kind.startswith("audio/"):
            return Audio(blob["data"], kind.removeprefix("audio/"))
        return Image(f"data:{kind};base64,{blob['data']}")
    if (file := raw.get("fileData")) is not None:
        return Image(file["fileUri"])
    return Reasoning(raw.get("text", "")) if raw.get("thought") else Text(raw.get("text", ""))


def _choice(candidate: _Candidate) -> Reply:
    """A candidate as a reply; one that stops at a call stops for its result."""
    parts, stop = tuple(grounded(candidate.parts, candidate.beside)), candidate.stop
    calls = bool(parts) and type(parts[-1]) is ToolCall
    return Reply(parts, "tool_call" if calls and stop == "end" else stop)


def _usage(raw: dict[str, Any]) -> Usage:
    thoughts = raw.get("thoughtsTokenCount", 0)
    return Usage(
        raw.get("promptTokenCount", 0),
        raw.get("candidatesTokenCount", 0) + thoughts,
        thoughts,
        raw.get("cachedContentTokenCount", 0),
    )
