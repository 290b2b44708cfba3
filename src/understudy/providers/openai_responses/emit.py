"""Responses: answers, whole and streamed.

Each part of a reply is an item of the output: text and refusals are messages, a thought is a reasoning item
with its summary, a call is a call. The ids of items are made of the answer's.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

from msgspec import Raw

from understudy import tokens
from understudy.caching import cached
from understudy.model import (
    Begin,
    Broken,
    Delta,
    Event,
    Finish,
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
from understudy.providers import openai_base as base
from understudy.providers.base import decode, encode, failure_of, quote
from understudy.providers.openai_responses.echo import Echo, echo
from understudy.providers.openai_responses.families import family
from understudy.providers.openai_responses.spellings import SPELLINGS

WHY: dict[Stop, str] = {
    "length": "max_output_tokens",
    "context_window": "max_output_tokens",
    "content_filter": "content_filter",
}
"""Why a response is incomplete; whatever ends otherwise is complete."""

# --- the response ---------------------------------------------------------------------------------------


def body(reply: Reply, request: Request) -> bytes:
    """The `response` object."""
    output = encode(_items(reply, request))
    return _ended(reply, echo(request, reply.model), output, b'"billing":{"payer":"developer"},')


def _ended(reply: Reply, told: Echo, output: bytes, billing: bytes = b"") -> bytes:
    why = WHY.get(reply.stop)
    status = b"incomplete" if why else b"completed"
    completed = b"null" if why else b"%d" % reply.created
    reason = encode({"reason": why}) if why else b"null"
    usage = encode(usage_object(reply.usage))
    return _response(reply, told, status, completed, reason, output, told.served, usage, billing)


def _begun(reply: Reply, told: Echo) -> bytes:
    return _response(reply, told, b"in_progress", b"null", b"null", b"[]", told.asked, b"null")


def _response(
    reply: Reply,
    told: Echo,
    status: bytes,
    completed: bytes,
    reason: bytes,
    output: bytes,
    tier: bytes,
    usage: bytes,
    billing: bytes = b"",
) -> bytes:
    return (
        b'{"id":%b,"object":"response","created_at":%d,"status":"%b","background":false,%b"completed_at":%b,'
        b'"error":null,"frequency_penalty":%b,"incomplete_details":%b,%b,"output":%b,%b,"service_tier":%b,'
        b'%b,"usage":%b,%b}'
    ) % (
        quote(f"resp_{reply.id}"),
        reply.created,
        status,
        billing,
        completed,
        told.penalty,
        reason,
        told.before,
        output,
        told.after,
        tier,
        told.later,
        usage,
        told.last,
    )


def usage_object(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cache_write_tokens": usage.written, "cached_tokens": usage.cached},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }


# --- items ----------------------------------------------------------------------------------------------


def _items(reply: Reply, request: Request) -> list[dict[str, Any]]:
    return [item(reply, request, index, place) for index, place in _places(reply).items()]


def _places(reply: Reply) -> dict[int, int]:
    """Where in the output the items of the parts are; a part that the API cannot tell has none."""
    told = [index for index, part in enumerate(reply.parts) if not isinstance(part, ServerToolCall)]
    return {index: place for place, index in enumerate(told)}


def item(reply: Reply, request: Request, index: int, place: int) -> dict[str, Any]:
    """The item that a part is, whole; `place` is that in the output."""
    part = reply.parts[index]
    cut = WHY.get(reply.stop) == "max_output_tokens" and index == len(reply.parts) - 1
    match part:
        case Text() | Refusal():
            return _message(reply, index, place, cut, [content(part, reply, request)])
        case Reasoning():
            return _thought(reply, place, part, _summary(part))
        case ToolCall(_, arguments):
            return _call(part, reply, request, place, "incomplete" if cut else "completed", arguments)
        case _:
            raise TypeError(f"a response cannot hold a part of type {type(part).__name__}")


def started(reply: Reply, request: Request, index: int, place: int) -> dict[str, Any]:
    """The item that a part is, before anything of it was said."""
    part = reply.parts[index]
    match part:
        case Text() | Refusal():
            return _message(reply, index, place, False, []) | {"status": "in_progress"}
        case Reasoning():
            return _thought(reply, place, part, [])
        case ToolCall():
            return _call(part, reply, request, place, "in_progress", "")
        case _:
            raise TypeError(f"a response cannot hold a part of type {type(part).__name__}")


def content(part: Text | Refusal, reply: Reply, request: Request) -> dict[str, Any]:
    """What is in a message."""
    if isinstance(part, Refusal):
        return {"type": "refusal", "refusal": part.text}
    top = request.sampling.top_logprobs
    told = tokens.split(part.text, reply.encoding) if top is not None else ()
    logprobs = [_token(token, top or 0, reply.logprobs) for token in told]
    return {"type": "output_text", "annotations": [], "logprobs": logprobs, "text": part.text}


def _id(prefix: str, reply: Reply, place: int) -> str:
    return f"{prefix}_{reply.id}{place:02x}"


def _message(
    reply: Reply, index: int, place: int, cut: bool, content: list[dict[str, Any]]
) -> dict[str, Any]:
    goes_on = any(isinstance(part, ToolCall | ServerToolCall) for part in reply.parts[index + 1 :])
    phase = "commentary" if goes_on else "final_answer"
    return {
        "id": _id("msg", reply, place),
        "type": "message",
        "status": "incomplete" if cut else "completed",
        "content": content,
        **({"phase": phase} if family(reply.model).phases else {}),
        "role": "assistant",
    }


def _summary(part: Reasoning) -> list[dict[str, Any]]:
    return [] if part.redacted else [{"type": "summary_text", "text": part.text}]


def _thought(reply: Reply, place: int, part: Reasoning, summary: list[dict[str, Any]]) -> dict[str, Any]:
    """A reasoning item. What is said to be encrypted is the text, in base64, where nothing else is given."""
    text = "gAAAAA" + urlsafe_b64encode(part.text.encode(errors="replace")).decode()
    return {
        "id": _id("rs", reply, place),
        "type": "reasoning",
        "content": [],
        "encrypted_content": part.redacted or text,
        "summary": summary,
    }


def _call(
    call: ToolCall, reply: Reply, request: Request, place: int, status: str, said: str
) -> dict[str, Any]:
    if _is_custom(call, request):
        return {
            "id": _id("ctc", reply, place),
            "type": "custom_tool_call",
            "status": status,
            "call_id": f"call_{call.id}",
            "input": said,
            "name": call.name,
        }
    return {
        "id": _id("fc", reply, place),
        "type": "function_call",
        "status": status,
        "arguments": said,
        "call_id": f"call_{call.id}",
        "name": call.name,
    }


def _is_custom(part: Part, request: Request) -> bool:
    if not isinstance(part, ToolCall):
        return False
    return any(tool.custom and tool.name == part.name for tool in request.tools)


@cached(entries=4_096, longest=64)
def _token(token: str, top: int, told: base.Told) -> Raw:
    """A token's log probabilities in a message, encoded: the same wherever it occurs."""
    return Raw(
        encode(
            {
                "token": token,
                "bytes": list(token.encode(errors="replace")),
                "logprob": base.logprob(token, told),
                "top_logprobs": [
                    {"token": form, "bytes": list(form.encode(errors="replace")), "logprob": logprob}
                    for form, logprob in base.alternatives(token, top, told)
                ],
            }
        )
    )


# --- encoder --------------------------------------------------------------------------------------------


def encoder(request: Request) -> Callable[[Event], bytes]:
    """The stream: named events with numbers, from `response.created` to how the response ended."""
    return _Encoder(request)


class _Encoder:
    """One answer's encoder: what surrounds a delta is computed once for a part."""

    __slots__ = ("_blurred", "_echo", "_number", "_places", "_reply", "_request")

    def __init__(self, request: Request) -> None:
        options = request.raw.get("stream_options") or {}
        self._request = request
        self._blurred = options.get("include_obfuscation") is not False
        self._number = 0

    def __call__(self, event: Event) -> bytes:
        return _FRAMES[type(event)](self, event)

    def _frame(self, name: bytes, fields: bytes, after: bytes = b"") -> bytes:
        """An event; its fields come in the API's order, `after` are those behind the number."""
        number = self._number
        self._number = number + 1
        return b'event: %b\ndata: {"type":"%b",%b,"sequence_number":%d%b}\n\n' % (
            name,
            name,
            fields,
            number,
            after,
        )

    def _begin(self, event: Begin) -> bytes:
        self._reply = event.reply
        self._places = _places(event.reply)
        self._echo = echo(self._request, event.reply.model)
        begun = b'"response":' + _begun(event.reply, self._echo)
        return self._frame(b"response.created", begun) + self._frame(b"response.in_progress", begun)

    def _finish(self, event: Finish) -> bytes:
        reply = self._reply
        ended = b'"response":' + _ended(reply, self._echo, encode(_items(reply, self._request)))
        return self._frame(b"response.incomplete" if reply.stop in WHY else b"response.completed", ended)

    def _part_start(self, event: PartStart) -> bytes:
        reply, place = self._reply, self._places.get(event.index)
        if place is None:
            return b""
        told = started(reply, self._request, event.index, place)
        added = self._frame(
            b"response.output_item.added", b'"item":%b,"output_index":%d' % (encode(told), place)
        )
        part = reply.parts[event.index]
        id = encode(told["id"])
        match part:
            case Text() | Refusal():
                empty = content(type(part)(""), reply, self._request)
                return added + self._content_part(b"added", id, place, empty)
            case Reasoning(_, redacted) if not redacted:
                return added + self._summary_part(b"added", id, place, "")
            case _:
                return added

    def _content_part(self, what: bytes, id: bytes, index: int, told: dict[str, Any]) -> bytes:
        return self._frame(
            b"response.content_part." + what,
            b'"content_index":0,"item_id":%b,"output_index":%d,"part":%b' % (id, index, encode(told)),
        )

    def _summary_part(self, what: bytes, id: bytes, index: int, text: str) -> bytes:
        part = encode({"type": "summary_text", "text": text})
        return self._frame(
            b"response.reasoning_summary_part." + what,
            b'"item_id":%b,"output_index":%d,"part":%b' % (id, index, part),
            b',"summary_index":0',
        )

    def _delta(self, event: Delta) -> bytes:
        reply, place = self._reply, self._places.get(event.index)
        part = reply.parts[event.index]
        if place is None or (isinstance(part, Reasoning) and part.redacted):
            return b""
        name = self._name(part)
        number = self._number
        self._number = number + len(event.slices)
        top = self._request.sampling.top_logprobs
        if name != _TEXT or top is None:
            if len(event.slices) == 1:
                deltas = _delta(event.slices[0], name, place, number, self._blurred)
            else:
                deltas = _deltas(event.slices, name, place, number, self._blurred)
        else:
            told = [_bare(_token(text, top, reply.logprobs)) for text in event.slices]
            deltas = b"".join(
                [
                    _delta(text, name, place, number + n, self._blurred, encode([told[n]]))
                    for n, text in enumerate(event.slices)
                ]
            )
        return deltas.replace(_ID, quote(_id(_PREFIXES[name], reply, place)))

    def _name(self, part: Part) -> bytes:
        """What the events of a part are called, without their `.delta` and `.done`."""
        return _CUSTOM if _is_custom(part, self._request) else _NAMES[type(part)]

    def _part_end(self, event: PartEnd) -> bytes:
        place = self._places.get(event.index)
        if place is None:
            return b""
        told = item(self._reply, self._request, event.index, place)
        done = self._done(self._reply.parts[event.index], quote(told["id"]), place)
        return done + self._frame(
            b"response.output_item.done", b'"item":%b,"output_index":%d' % (encode(told), place)
        )

    def _done(self, part: Part, id: bytes, index: int) -> bytes:
        """What comes when all of a part was said, before its item is done."""
        name = self._name(part) + b".done"
        place = b'"item_id":%b,"output_index":%d' % (id, index)
        match part:
            case Text(text):
                told = content(part, self._reply, self._request)
                logprobs = encode([_bare(token) for token in told["logprobs"]])
                fields = b'"content_index":0,"item_id":%b,"logprobs":%b,"output_index":%d'
                said = self._frame(name, fields % (id, logprobs, index), b',"text":' + quote(text))
                return said + self._content_part(b"done", id, index, told)
            case Refusal(text):
                said = self._frame(name, b'"content_index":0,%b,"refusal":%b' % (place, quote(text)))
                return said + self._content_part(
                    b"done", id, index, content(part, self._reply, self._request)
                )
            case Reasoning(_, redacted) if redacted:
                return b""
            case Reasoning(text):
                said = self._frame(name, place, b',"summary_index":0,"text":' + quote(text))
                return said + self._summary_part(b"done", id, index, text)
            case _:
                assert isinstance(part, ToolCall)
                key = b"input" if name.startswith(_CUSTOM) else b"arguments"
                return self._frame(name, b'"%b":%b,%b' % (key, quote(part.arguments), place))

    def _broken(self, event: Broken) -> bytes:
        """An error inside the stream, at which SDKs raise."""
        told = base.error_object(failure_of(event), SPELLINGS)
        return self._frame(b"error", b'"error":' + encode(told))


def _bare(token: Raw) -> Any:
    """A token's log probabilities without the bytes, which events do not tell."""
    told = decode(token)
    del told["bytes"]
    for each in told["top_logprobs"]:
        del each["bytes"]
    return told


_ID = b"\0"
"""Where the id of an item goes in deltas that are kept; in JSON there is no such byte."""


@cached(entries=64, longest=512)
def _deltas(slices: tuple[str, ...], name: bytes, index: int, number: int, blurred: bool) -> bytes:
    """The deltas of a part that leave together, but for the id of their item."""
    return b"".join([_delta(text, name, index, number + n, blurred) for n, text in enumerate(slices)])


def _delta(text: str, name: bytes, index: int, number: int, blurred: bool, logprobs: bytes = b"[]") -> bytes:
    """One delta, but for the id of its item."""
    quoted, blur = _slice(text, blurred)
    before, item, place, after = _around(name, index)
    told = item + logprobs if name == _TEXT else item
    return b"%b%b%b%b%b%d%b" % (before, quoted, told, blur, place, number, after)


@cached(entries=1_024, longest=64)
def _around(name: bytes, index: int) -> tuple[bytes, bytes, bytes, bytes]:
    """What surrounds a delta's text, its padding and its number."""
    return (
        b'event: %b.delta\ndata: {"type":"%b.delta",%b"delta":'
        % (name, name, b'"content_index":0,' if name in _SAID else b""),
        b',"item_id":%b%b' % (_ID, b',"logprobs":' if name == _TEXT else b""),
        b',"output_index":%d,"sequence_number":' % index,
        b',"summary_index":0}\n\n' if name == _SUMMARY else b"}\n\n",
    )


@cached(entries=16_384, longest=64)
def _slice(text: str, blurred: bool) -> tuple[bytes, bytes]:
    """A slice and its padding, encoded; the same wherever this slice occurs."""
    return quote(text), b',"obfuscation":' + quote(base.obfuscation(text)) if blurred else b""


_TEXT, _REFUSAL = b"response.output_text", b"response.refusal"
_SUMMARY = b"response.reasoning_summary_text"
_ARGUMENTS, _CUSTOM = b"response.function_call_arguments", b"response.custom_tool_call_input"
_NAMES: dict[type, bytes] = {Text: _TEXT, Refusal: _REFUSAL, Reasoning: _SUMMARY, ToolCall: _ARGUMENTS}
_PREFIXES = {_TEXT: "msg", _REFUSAL: "msg", _SUMMARY: "rs", _ARGUMENTS: "fc", _CUSTOM: "ctc"}
_SAID = (_TEXT, _REFUSAL)
_FRAMES: dict[type, Callable[[_Encoder, Any], bytes]] = {
    Begin: _Encoder._begin,
    PartStart: _Encoder._part_start,
    Delta: _Encoder._delta,
    PartEnd: _Encoder._part_end,
    Finish: _Encoder._finish,
    Broken: _Encoder._broken,
}
