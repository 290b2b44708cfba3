"""Gemini's generateContent: answers, whole and streamed."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from hashlib import shake_128
from typing import Any

from understudy.caching import cached
from understudy.model import (
    Audio,
    Begin,
    Broken,
    Delta,
    Event,
    Finish,
    Image,
    Part,
    PartEnd,
    PartStart,
    Reasoning,
    Refusal,
    Reply,
    Request,
    ServerToolCall,
    Stop,
    Text,
    ToolCall,
    Usage,
)
from understudy.providers import gemini_base as base
from understudy.providers.base import PIXEL, decode, encode, quote, unfinished
from understudy.providers.gemini_generate.grounding import grounding

FINISH: dict[Stop, str] = {
    "end": "STOP",
    "stop_sequence": "STOP",
    "length": "MAX_TOKENS",
    "tool_call": "STOP",
    "content_filter": "SAFETY",
    "pause": "STOP",
    "context_window": "MAX_TOKENS",
}
MALFORMED = "MALFORMED_FUNCTION_CALL"
HARMS = ("HATE_SPEECH", "DANGEROUS_CONTENT", "HARASSMENT", "SEXUALLY_EXPLICIT")
RATINGS = [
    {"category": f"HARM_CATEGORY_{harm}", "probability": "HIGH", "blocked": True}
    if harm == "DANGEROUS_CONTENT"
    else {"category": f"HARM_CATEGORY_{harm}", "probability": "NEGLIGIBLE"}
    for harm in HARMS
]
"""What a filter says that stopped an answer: it takes it for dangerous, since no rule says what it is."""

# --- body --------------------------------------------------------------------------------------------


def body(reply: Reply, request: Request) -> bytes:
    """The `GenerateContentResponse`."""
    told = {"usageMetadata": usage_object(reply.usage), **_named(reply)}
    if blocked(reply):
        return encode({**_feedback(), **told})
    thoughts = shows_thoughts(request)
    choices = (reply, *reply.others)
    candidates = [_candidate(each, index, thoughts) for index, each in enumerate(choices)]
    return encode({"candidates": candidates, **told})


def _named(reply: Reply) -> dict[str, str]:
    return {"modelVersion": reply.model.removeprefix("tunedModels/"), "responseId": reply.id}


def blocked(reply: Reply) -> bool:
    """Whether the prompt itself was stopped by the filter: there is nothing in any answer."""
    return all(each.stop == "content_filter" and not each.parts for each in (reply, *reply.others))


def _feedback() -> dict[str, Any]:
    return {"promptFeedback": {"blockReason": "SAFETY", "safetyRatings": RATINGS}}


def shows_thoughts(request: Request) -> bool:
    """Whether the request asks to see what the model thinks."""
    config = base.field(request.raw, "generationConfig") or {}
    thinking = base.field(config, "thinkingConfig") or {}
    return base.field(thinking, "includeThoughts") is True


def _candidate(reply: Reply, index: int, thoughts: bool) -> dict[str, Any]:
    shown = _shown(reply, thoughts)
    parts = [each for index in shown for each in _parts(reply, index)]
    if (signature := signature_of(reply)) and parts and "text" in parts[-1]:
        parts[-1]["thoughtSignature"] = signature
    content = {"parts": parts, "role": "model"} if parts else {"role": "model"}
    beside = grounding(reply, shown) if _grounded(reply) else {}
    return {"content": content, **_ended(reply, reply.stop), "index": index, **beside}


def _grounded(reply: Reply) -> bool:
    """Whether there may be something to tell beside the content."""
    return any(
        isinstance(part, ServerToolCall) or (type(part) is Text and part.citations) for part in reply.parts
    )


def _shown(reply: Reply, thoughts: bool) -> dict[int, int]:
    """The parts that are told, and where in the content each starts."""
    shown = {}
    place = 0
    for index, part in enumerate(reply.parts):
        if told(part, thoughts):
            shown[index] = place
            place += len(_parts(reply, index)) if isinstance(part, ServerToolCall) else 1
    return shown


def told(part: Part, thoughts: bool) -> bool:
    """Whether a part is told: no thought that was not asked for, no call that cannot be read."""
    if isinstance(part, ServerToolCall):
        return part.kind in ("code_execution", "image_generation")
    if isinstance(part, Reasoning):
        return thoughts and not part.redacted
    return type(part) is not ToolCall or arguments_of(part) is not None


def _parts(reply: Reply, index: int) -> list[dict[str, Any]]:
    """A part as the API has it: one, or two with what came of code."""
    part = reply.parts[index]
    if not isinstance(part, ServerToolCall):
        return [_part(part, reply)]
    result = decode(part.result) if part.result else {}
    if part.kind == "image_generation":
        if unfinished(reply, index) or part.error:
            return []
        kind, data = result.get("format", "png"), result.get("image", PIXEL)
        return [{"inlineData": {"mimeType": f"image/{kind}", "data": data}}]
    code = {"executableCode": {"language": "PYTHON", "code": part.input}}
    return [code] if unfinished(reply, index) else [code, {"codeExecutionResult": _outcome(part, result)}]


def _outcome(call: ServerToolCall, result: dict[str, Any]) -> dict[str, str]:
    """How code ended; what it printed, or what went wrong."""
    if call.error == "timeout":
        return {"outcome": "OUTCOME_DEADLINE_EXCEEDED"}
    wrong = result.get("stderr", "") or call.error
    if call.error or result.get("exit_code"):
        return {"outcome": "OUTCOME_FAILED", "output": wrong}
    return {"outcome": "OUTCOME_OK", "output": result.get("stdout", "")}


def _part(part: Part, reply: Reply) -> dict[str, Any]:
    """A part as the API has it. A refusal is a text like any other."""
    match part:
        case Text(text) | Refusal(text):
            return {"text": text}
        case Reasoning(text):
            return {"text": text, "thought": True}
        case ToolCall(name, _, id):
            call: dict[str, Any] = {"functionCall": {"id": id, "name": name, "args": arguments_of(part)}}
            first = next(each for each in reply.parts if type(each) is ToolCall)
            return {**call, "thoughtSignature": _signature(name)} if part is first else call
        case Image(url) if url.startswith("data:"):
            kind, _, data = url.removeprefix("data:").partition(";base64,")
            return {"inlineData": {"mimeType": kind, "data": data}}
        case Image(url):
            return {"fileData": {"fileUri": url}}
        case Audio(data, form):
            return {"inlineData": {"mimeType": f"audio/{form}", "data": data}}
        case _:
            raise TypeError(f"a content cannot hold a part of type {type(part).__name__}")


def arguments_of(call: ToolCall) -> dict[str, Any] | None:
    """A call's arguments; None where they are no JSON object, which the API tells as a malformed call."""
    try:
        found = decode(call.arguments or "{}")
    except (ValueError, RecursionError):
        return None
    return found if type(found) is dict else None


def _ended(reply: Reply, stop: Stop) -> dict[str, Any]:
    """Why an answer ended, and what there is to say about that."""
    calls = [part for part in reply.parts if type(part) is ToolCall]
    bad = next((call for call in calls if arguments_of(call) is None), None)
    if bad is not None and stop != "length":
        said = f"Malformed function call: call:{bad.name}{bad.arguments}"
        return {"finishReason": MALFORMED, "finishMessage": said}
    if stop == "content_filter":
        return {"finishReason": "SAFETY", "safetyRatings": RATINGS}
    return {"finishReason": FINISH[stop]}


def signature_of(reply: Reply) -> str:
    """What stands for the thoughts in a text's last part, where there were any and nothing is called."""
    thoughts = "".join([part.text for part in reply.parts if type(part) is Reasoning])
    called = any(type(part) is ToolCall for part in reply.parts)
    return _signature(thoughts) if thoughts and not called else ""


@cached(entries=1_024, longest=256)
def _signature(text: str) -> str:
    """A thought signature: opaque bytes in base64, the same for the same text."""
    return b64encode(shake_128(text.encode(errors="replace")).digest(48)).decode()


def usage_object(usage: Usage) -> dict[str, Any]:
    """`usageMetadata`. Thoughts are counted apart from what is said, and a zero is not told."""
    thoughts = min(usage.reasoning, usage.output)
    told = {
        "promptTokenCount": usage.input,
        "candidatesTokenCount": usage.output - thoughts,
        "totalTokenCount": usage.input + usage.output,
        "cachedContentTokenCount": usage.cached,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": usage.input}],
        "thoughtsTokenCount": thoughts,
    }
    return {name: value for name, value in told.items() if value or name == "promptTokenCount"}


# --- encoder -----------------------------------------------------------------------------------------

FRAME = (b"data: ", b"\r\n\r\n")
"""What stands around the JSON of a server-sent event. There are no names, and nothing comes at the end."""


def encoder(request: Request, frame: tuple[bytes, bytes] = FRAME) -> Callable[[Event], bytes]:
    """The stream: a `GenerateContentResponse` for each piece, in server-sent events or another frame."""
    return _Encoder(request, frame)


class _Encoder:
    """One answer's encoder: what surrounds a delta is computed once, the rest is a join."""

    __slots__ = ("_after", "_before", "_blocked", "_reply", "_tail", "_thoughts")

    def __init__(self, request: Request, frame: tuple[bytes, bytes]) -> None:
        self._before, self._after = frame
        self._thoughts = shows_thoughts(request)

    def __call__(self, event: Event) -> bytes:
        return _FRAMES[type(event)](self, event)

    def _begin(self, event: Begin) -> bytes:
        self._reply = reply = event.reply
        self._blocked = blocked(reply)
        so_far = Usage(reply.usage.input, 0, 0, reply.usage.cached)
        self._tail = encode({"usageMetadata": usage_object(so_far), **_named(reply)})[1:] + self._after
        return b""

    def _framed(self, told: dict[str, Any]) -> bytes:
        return b"%b%b%b" % (self._before, encode(told), self._after)

    def _choice(self, number: int) -> Reply:
        return self._reply.others[number - 1] if number else self._reply

    def _delta(self, event: Delta) -> bytes:
        part = self._choice(event.choice).parts[event.index]
        if type(part) not in _SPOKEN or not event.slices or not told(part, self._thoughts):
            return b""
        after = b',"thought":true' if type(part) is Reasoning else b""
        start = b'%b{"candidates":[{"content":{"parts":[{"text":' % self._before
        end = b'%b}],"role":"model"},"index":%d}],%b' % (after, event.choice, self._tail)
        return start + (end + start).join(_quoted(event.slices)) + end

    def _part_end(self, event: PartEnd) -> bytes:
        """What is not told in pieces is told when it is complete."""
        reply = self._choice(event.choice)
        part = reply.parts[event.index]
        if type(part) in _SPOKEN or not told(part, self._thoughts):
            return b""
        form = b'%b{"candidates":[{"content":{"parts":%b,"role":"model"},"index":%d}],%b'
        return b"".join(
            [
                form % (self._before, encode([each]), event.choice, self._tail)
                for each in _parts(reply, event.index)
            ]
        )

    def _finish(self, event: Finish) -> bytes:
        """The last piece of a choice says nothing, why it ended, and what all of it cost."""
        reply = self._choice(event.choice)
        rest = {"usageMetadata": usage_object(self._reply.usage), **_named(self._reply)}
        if self._blocked:
            return self._framed({**_feedback(), **rest}) if event.last else b""
        signature = signature_of(reply)
        part = {"text": "", "thoughtSignature": signature} if signature else {"text": ""}
        content = {"parts": [part], "role": "model"}
        candidate = {"content": content, **_ended(reply, event.stop), "index": event.choice}
        if _grounded(reply):
            candidate |= grounding(reply, _shown(reply, self._thoughts))
        return self._framed({"candidates": [candidate], **rest})

    def _broken(self, event: Broken) -> bytes:
        return self._framed(base.broken_off(event))


_SPOKEN = {Text, Refusal, Reasoning}
"""The parts that are told in pieces."""
_FRAMES: dict[type, Callable[[_Encoder, Any], bytes]] = {
    Begin: _Encoder._begin,
    PartStart: lambda encoder, event: b"",
    Delta: _Encoder._delta,
    PartEnd: _Encoder._part_end,
    Finish: _Encoder._finish,
    Broken: _Encoder._broken,
}


@cached(entries=256, longest=512)
def _quoted(slices: tuple[str, ...]) -> tuple[bytes, ...]:
    """The slices as JSON texts."""
    return tuple([quote(each) for each in slices])
