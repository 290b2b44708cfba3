"""Messages: answers, written.

event: message_start
event: content_block_start   ping (once)   content_block_delta ...   content_block_stop     a block each
event: message_delta
event: message_stop
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable
from hashlib import sha512
from typing import Any

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
)
from understudy.providers import anthropic_base as base
from understudy.providers.anthropic_hosted_base import (
    around_input,
    citations,
    input_of,
    is_told,
    result,
    use,
)
from understudy.providers.base import decode, encode, quote, unfinished

STOPS: dict[Stop, str] = {
    "end": "end_turn",
    "length": "max_tokens",
    "stop_sequence": "stop_sequence",
    "tool_call": "tool_use",
    "content_filter": "refusal",
    "pause": "pause_turn",
    "context_window": "model_context_window_exceeded",
}


def body(reply: Reply, request: Request) -> bytes:
    """The whole answer: a message."""
    content = [block for index in range(len(reply.parts)) for block in _blocks(reply, index)]
    return encode(_message(reply, content, _usage(reply)) | _ending(reply))


def _usage(reply: Reply) -> dict[str, Any]:
    """What was used; where tools of the API's own were called, how many of them have run."""
    told = base.usage_object(reply.usage)
    calls = [index for index, part in enumerate(reply.parts) if is_told(part)]
    if not calls:
        return told
    ran = [reply.parts[index] for index in calls if not unfinished(reply, index)]
    kinds = [part.kind for part in ran if isinstance(part, ServerToolCall)]
    counts = {
        "web_search_requests": kinds.count("web_search"),
        "web_fetch_requests": kinds.count("web_fetch"),
    }
    return told | {"server_tool_use": counts}


def _message(reply: Reply, content: list[dict[str, Any]], usage: dict[str, Any]) -> dict[str, Any]:
    """A message; why it ended is told apart, since a stream tells it last."""
    return {
        "model": reply.model,
        "id": f"msg_{reply.id}",
        "type": "message",
        "role": "assistant",
        "content": content,
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
        "usage": usage,
    }


def _ending(reply: Reply) -> dict[str, Any]:
    """Why a message ended. A refusal is no block of the content: what it says explains the end."""
    refused = [part.text for part in reply.parts if type(part) is Refusal]
    reason = "refusal" if refused else STOPS[reply.stop]
    explanation = "".join(refused) or None
    details = {"type": "refusal", "category": None, "explanation": explanation}
    return {
        "stop_reason": reason,
        "stop_sequence": reply.stopped_by or None if reason == "stop_sequence" else None,
        "stop_details": details if reason == "refusal" else None,
    }


def _is_block(part: Part) -> bool:
    """Whether a part has a place in the content: a refusal is told where the message ends."""
    return is_told(part) if isinstance(part, ServerToolCall) else not isinstance(part, Refusal)


def _blocks(reply: Reply, index: int) -> list[dict[str, Any]]:
    """The blocks that a part is: one, or two with what came of a call."""
    part = reply.parts[index]
    if not _is_block(part):
        return []
    ran = result(reply, index) if isinstance(part, ServerToolCall) else None
    return [_block(part), ran] if ran is not None else [_block(part)]


def _block(part: Part) -> dict[str, Any]:
    """A content block. A text without citations has no key for them: clients stumble over a null there."""
    match part:
        case Text(text, sources) if sources and (cited := citations(sources)):
            return {"citations": cited, "type": "text", "text": text}
        case Text(text):
            return {"type": "text", "text": text}
        case ServerToolCall():
            return use(part, input_of(part))
        case Reasoning(_, redacted) if redacted:
            return {"type": "redacted_thinking", "data": redacted}
        case Reasoning(text):
            return {"type": "thinking", "thinking": text, "signature": signature(text)}
        case ToolCall(name, arguments, id):
            return {"type": "tool_use", "id": f"toolu_{id}", "name": name, "input": tool_input(arguments)}
        case _:
            raise TypeError(f"a message cannot hold a part of type {type(part).__name__}")


def _empty(part: Part) -> dict[str, Any]:
    """The block as it starts in a stream."""
    match part:
        case Text(_, sources) if sources and citations(sources):
            return {"citations": [], "type": "text", "text": ""}
        case Text():
            return {"type": "text", "text": ""}
        case ServerToolCall():
            return use(part, {})
        case Reasoning(_, redacted) if not redacted:
            return {"type": "thinking", "thinking": "", "signature": ""}
        case ToolCall():
            return _block(part) | {"input": {}}
        case _:
            return _block(part)


def tool_input(arguments: str) -> Any:
    """A call's arguments as an object; a text that is none, which a fault can make, stays one."""
    try:
        given = decode(arguments)
    except (ValueError, RecursionError):
        return arguments
    return given if type(given) is dict else arguments


def signature(thoughts: str) -> str:
    """What says that thoughts are the model's own: base64, the same for the same thoughts."""
    digest = sha512(thoughts.encode(errors="replace")).digest()
    return b2a_base64(b"\x12" + digest * 3, newline=False).decode()


# --- encoder -----------------------------------------------------------------------------------------

PING = b'event: ping\ndata: {"type":"ping"}\n\n'
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


def encoder(request: Request) -> Callable[[Event], bytes]:
    """The stream: events with a name and their data, from `message_start` to `message_stop`."""
    return _Encoder()


def _event(data: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (data["type"].encode(), encode(data))


class _Encoder:
    """One answer's encoder. `places` maps the parts that are blocks to their index."""

    __slots__ = ("_places", "_reply")

    def __init__(self) -> None:
        self._reply = Reply(())
        self._places: dict[int, int] = {}

    def __call__(self, event: Event) -> bytes:
        return _FRAMES[type(event)](self, event)

    def _begin(self, event: Begin) -> bytes:
        self._reply = reply = event.reply
        self._places = {}
        place = 0
        for index, part in enumerate(reply.parts):
            if _is_block(part):
                self._places[index] = place
                place += 2 if isinstance(part, ServerToolCall) and not unfinished(reply, index) else 1
        usage = base.usage_object(reply.usage, output=1)
        return _event({"type": "message_start", "message": _message(reply, [], usage)})

    def _part_start(self, event: PartStart) -> bytes:
        place = self._places.get(event.index)
        if place is None:
            return b""
        start = {"type": "content_block_start", "index": place, "content_block": _empty(event.part)}
        ping = b"" if place else PING
        return _event(start) + ping + _opening(place, event.part)

    def _delta(self, event: Delta) -> bytes:
        place = self._places.get(event.index)
        part = self._reply.parts[event.index]
        if place is None or (isinstance(part, Reasoning) and part.redacted):
            return b""
        if isinstance(part, ServerToolCall):
            return _written(place, part, event.slices)
        before = _before(place, type(part))
        if len(event.slices) == 1:
            return before + _tail(event.slices[0])
        tails = _tails(event.slices)
        return before + before.join(tails) if tails else b""

    def _part_end(self, event: PartEnd) -> bytes:
        place = self._places.get(event.index)
        if place is None:
            return b""
        part = self._reply.parts[event.index]
        end = b'event: content_block_stop\ndata: {"type":"content_block_stop","index":%d}\n\n' % place
        if isinstance(part, ServerToolCall):
            closing = around_input(part)[1]
            written = _before(place, ToolCall) + _tail(closing) if closing else b""
            return written + end + self._ran(event.index, place + 1)
        if type(part) is not Reasoning or part.redacted:
            return end
        delta = {"type": "signature_delta", "signature": signature(part.text)}
        return _event({"type": "content_block_delta", "index": place, "delta": delta}) + end

    def _ran(self, index: int, place: int) -> bytes:
        """The block with what came of a call of the API's own tool, which is told at once."""
        ran = result(self._reply, index)
        if ran is None:
            return b""
        end = {"type": "content_block_stop", "index": place}
        return _event({"type": "content_block_start", "index": place, "content_block": ran}) + _event(end)

    def _finish(self, event: Finish) -> bytes:
        usage = _usage(self._reply)
        told = {key: value for key, value in usage.items() if key not in ("cache_creation", "service_tier")}
        return _event({"type": "message_delta", "delta": _ending(self._reply), "usage": told}) + STOP

    def _broken(self, event: Broken) -> bytes:
        return base.error_event(event, self._reply.id)


def _opening(place: int, part: Part) -> bytes:
    """The deltas before those of what a part says: an empty one of a call, the citations of a text."""
    if type(part) is ToolCall:
        return _before(place, ToolCall) + _tail("")
    if isinstance(part, ServerToolCall):
        opening = around_input(part)[0]
        pieces = ("", opening) if opening else ("",)
        return b"".join([_before(place, ToolCall) + _tail(piece) for piece in pieces])
    return _cited(place, part) if isinstance(part, Text) and part.citations else b""


def _cited(place: int, part: Text) -> bytes:
    told = [{"type": "citations_delta", "citation": each} for each in citations(part.citations)]
    return b"".join([_event({"type": "content_block_delta", "index": place, "delta": each}) for each in told])


def _written(place: int, call: ServerToolCall, slices: tuple[str, ...]) -> bytes:
    """What the model wrote, as pieces of the JSON that it is in."""
    before = _before(place, ToolCall)
    pieces = slices if call.kind == "mcp" else [quote(each)[1:-1].decode() for each in slices]
    return b"".join([before + _tail(each) for each in pieces])


_FRAMES: dict[type, Callable[[_Encoder, Any], bytes]] = {
    Begin: _Encoder._begin,
    PartStart: _Encoder._part_start,
    Delta: _Encoder._delta,
    PartEnd: _Encoder._part_end,
    Finish: _Encoder._finish,
    Broken: _Encoder._broken,
}
_DELTAS: dict[type, bytes] = {
    Text: b'{"type":"text_delta","text":',
    Reasoning: b'{"type":"thinking_delta","thinking":',
    ToolCall: b'{"type":"input_json_delta","partial_json":',
}


def _before(place: int, kind: type) -> bytes:
    """What a delta's event holds before its text."""
    start = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":' % place
    return start + _DELTAS[kind]


@cached(entries=16_384, longest=64)
def _tail(text: str) -> bytes:
    """What a slice's event holds from the text on; the same wherever this slice occurs."""
    return quote(text) + b"}}\n\n"


@cached(entries=256, longest=512)
def _tails(slices: tuple[str, ...]) -> tuple[bytes, ...]:
    """The tails of a part that leaves at once."""
    return tuple([_tail(each) for each in slices])
