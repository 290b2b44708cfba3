"""Chat Completions: answers, whole and streamed."""

from __future__ import annotations

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
)
from understudy.providers import openai_base as base
from understudy.providers.base import encode, quote

FINISH: dict[Stop, str] = {
    "end": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "tool_call": "tool_calls",
    "content_filter": "content_filter",
    "pause": "stop",
    "context_window": "length",
}

# --- body --------------------------------------------------------------------------------------------


def body(reply: Reply, request: Request) -> bytes:
    """The `chat.completion` object."""
    return encode(
        {
            "id": f"chatcmpl-{reply.id}",
            "object": "chat.completion",
            "created": reply.created,
            "model": reply.model,
            "choices": [_choice(each, index, request) for index, each in enumerate((reply, *reply.others))],
            "usage": base.usage_object(reply.usage),
            "service_tier": base.service_tier(request.raw),
            "system_fingerprint": base.fingerprint(reply.model),
        }
    )


def _choice(reply: Reply, index: int, request: Request) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None, "annotations": []}
    finish = FINISH[reply.stop]
    if len(reply.parts) == 1 and type(text := reply.parts[0]) is Text:
        message["content"] = text.text
        message["annotations"] = _annotations(reply)
    else:
        finish = _fill(message, reply, request, finish)
    top = request.sampling.top_logprobs
    return {
        "index": index,
        "message": message,
        "logprobs": None if top is None else _logprobs(reply, top),
        "finish_reason": finish,
    }


def _fill(message: dict[str, Any], reply: Reply, request: Request, finish: str) -> str:
    """Put the parts into the message; the finish reason is told, since `functions` have their own."""
    message["annotations"] = _annotations(reply)
    calls = []
    for part in reply.parts:
        match part:
            case Text(text):
                message["content"] = (message["content"] or "") + text
            case Refusal(text):
                message["refusal"] = (message["refusal"] or "") + text
            case Reasoning(text) if text:
                message["reasoning_content"] = message.get("reasoning_content", "") + text
            case ToolCall():
                calls.append(part)
            case _ if _unsaid(part):
                continue
            case _:
                raise TypeError(f"a chat completion cannot hold a part of type {type(part).__name__}")
    if calls and _deprecated(request):
        message["function_call"] = {"name": calls[0].name, "arguments": calls[0].arguments}
        return "function_call" if finish == "tool_calls" else finish
    if calls:
        custom = _custom_names(request)
        message["tool_calls"] = [
            {"id": f"call_{call.id}"} | _call(call, call.arguments, custom) for call in calls
        ]
    return finish


def _annotations(reply: Reply) -> list[dict[str, Any]]:
    """The pages that the texts rest on, which are one text here."""
    told = []
    offset = 0
    for part in reply.parts:
        if type(part) is not Text:
            continue
        for source in part.citations:
            if source.url:
                end = len(part.text) if source.end is None else source.end
                place = {"end_index": offset + end, "start_index": offset + source.start}
                cited = {**place, "title": source.title, "url": source.url}
                told.append({"type": "url_citation", "url_citation": cited})
        offset += len(part.text)
    return told


def _unsaid(part: Part) -> bool:
    """Whether a message has no place for a part: a thought that is not shown, a tool that the vendor runs."""
    return isinstance(part, ServerToolCall) or (isinstance(part, Reasoning) and not part.text)


def _deprecated(request: Request) -> bool:
    """Whether the request offers `functions`, as before `tools` there were."""
    return "functions" in request.raw and not request.raw.get("tools")


def _custom_names(request: Request) -> frozenset[str]:
    return frozenset(tool.name for tool in request.tools if tool.custom)


def _call(call: ToolCall, arguments: str, custom: frozenset[str]) -> dict[str, Any]:
    if call.name in custom:
        return {"type": "custom", "custom": {"name": call.name, "input": arguments}}
    return {"type": "function", "function": {"name": call.name, "arguments": arguments}}


def _logprobs(reply: Reply, top: int) -> dict[str, Any]:
    """Of what is said or refused; thoughts and tool calls have none."""
    logprobs: dict[str, Any] = {"content": None, "refusal": None}
    for part in reply.parts:
        if isinstance(part, Text | Refusal):
            found = [_token(token, top, reply.logprobs) for token in tokens.split(part.text, reply.encoding)]
            key = _SAID[type(part)]
            logprobs[key] = (logprobs[key] or []) + found
    return logprobs


_SAID: dict[type, str] = {Text: "content", Refusal: "refusal"}


@cached(entries=4_096, longest=64)
def _token(token: str, top: int, told: base.Told) -> Raw:
    """A token's log probabilities, encoded: the same wherever it occurs."""
    return Raw(
        encode(
            {
                "token": token,
                "logprob": base.logprob(token, told),
                "bytes": list(token.encode(errors="replace")),
                "top_logprobs": [
                    {"token": form, "logprob": logprob, "bytes": list(form.encode(errors="replace"))}
                    for form, logprob in base.alternatives(token, top, told)
                ],
            }
        )
    )


# --- encoder -----------------------------------------------------------------------------------------


def encoder(request: Request) -> Callable[[Event], bytes]:
    """The stream: `data:` frames of `chat.completion.chunk` objects, then `data: [DONE]`."""
    return _Encoder(request)


class _Encoder:
    """One answer's encoder: what surrounds a delta is computed once, the rest is a join."""

    __slots__ = ("_blurred", "_end", "_head", "_reply", "_request", "_started")

    def __init__(self, request: Request) -> None:
        options = request.raw.get("stream_options") or {}
        self._request = request
        self._started: set[int] = set()
        self._blurred = options.get("include_obfuscation") is not False
        self._end = b',"usage":null' if options.get("include_usage") is True else b""

    def __call__(self, event: Event) -> bytes:
        return _FRAMES[type(event)](self, event)

    def _begin(self, event: Begin) -> bytes:
        self._reply = reply = event.reply
        self._head = b"data: " + encode(
            {
                "id": f"chatcmpl-{reply.id}",
                "object": "chat.completion.chunk",
                "created": reply.created,
                "model": reply.model,
                "service_tier": base.service_tier(self._request.raw),
                "system_fingerprint": base.fingerprint(reply.model),
            }
        ).removesuffix(b"}")
        return b""

    def _chunk(
        self, choice: int, delta: dict[str, Any], finish: str | None = None, logprobs: Any = None
    ) -> bytes:
        """A frame whose delta is not text."""
        choices = encode([{"index": choice, "delta": delta, "logprobs": logprobs, "finish_reason": finish}])
        return b'%b,"choices":%b%b%b}\n\n' % (self._head, choices, self._end, self._blur(""))

    def _role(self, choice: int) -> bytes:
        """The first frame of a choice that starts with text, or says nothing at all."""
        top = self._request.sampling.top_logprobs
        logprobs: dict[str, Any] | None = None if top is None else {"content": [], "refusal": None}
        return self._chunk(choice, {"role": "assistant", "content": "", "refusal": None}, None, logprobs)

    def _blur(self, text: str) -> bytes:
        return b',"obfuscation":' + quote(base.obfuscation(text)) if self._blurred else b""

    def _part_start(self, event: PartStart) -> bytes:
        """The choice's first frame names the role; a tool call has a frame with its id and name."""
        part, choice = event.part, event.choice
        if _unsaid(part):
            return b""
        first = choice not in self._started
        self._started.add(choice)
        if not isinstance(part, ToolCall):
            return self._role(choice) if first else b""
        reply = self._reply_of(choice)
        if self._left_out(part, reply, event.index):
            return b""
        calls = _calls_of(reply)
        call = self._call_start(part, calls.index(event.index))
        if not first:
            return self._chunk(choice, call)
        role: dict[str, Any] = {"role": "assistant", "content": None}
        if len(calls) == 1 or _deprecated(self._request):
            return self._chunk(choice, role | call | {"refusal": None})
        return self._chunk(choice, role | {"refusal": None}) + self._chunk(choice, call)

    def _reply_of(self, choice: int) -> Reply:
        return self._reply.others[choice - 1] if choice else self._reply

    def _left_out(self, part: Part, reply: Reply, index: int) -> bool:
        """Whether it has no place in the message, as a second call in the deprecated `function_call`."""
        if _unsaid(part):
            return True
        return isinstance(part, ToolCall) and _deprecated(self._request) and index != _calls_of(reply)[0]

    def _call_start(self, call: ToolCall, place: int) -> dict[str, Any]:
        if _deprecated(self._request):
            return {"function_call": {"name": call.name, "arguments": ""}}
        start = _call(call, "", _custom_names(self._request))
        return {"tool_calls": [{"index": place, "id": f"call_{call.id}"} | start]}

    def _delta(self, event: Delta) -> bytes:
        reply = self._reply_of(event.choice)
        part = reply.parts[event.index]
        key = _SAID.get(type(part))
        if key and (top := self._request.sampling.top_logprobs) is not None:
            return b"".join([self._with_logprobs(each, key, event.choice, top) for each in event.slices])
        if self._left_out(part, reply, event.index):
            return b""
        before = self._before(part, reply, event)
        after = self._after(part) + self._end
        if len(event.slices) == 1:
            return before + _tail(event.slices[0], after, self._blurred)
        tails = _tails(event.slices, after, self._blurred)
        return before + before.join(tails) if tails else b""

    def _before(self, part: Part, reply: Reply, event: Delta) -> bytes:
        """What a frame holds before the delta's text."""
        start = b'%b,"choices":[{"index":%d,"delta":' % (self._head, event.choice)
        if not isinstance(part, ToolCall):
            return start + _KEYS[type(part)]
        if _deprecated(self._request):
            return start + b'{"function_call":{"arguments":'
        place = _calls_of(reply).index(event.index)
        if part.name in _custom_names(self._request):
            return start + b'{"tool_calls":[{"index":%d,"custom":{"input":' % place
        return start + b'{"tool_calls":[{"index":%d,"function":{"arguments":' % place

    def _after(self, part: Part) -> bytes:
        """What a frame holds after the delta's text: all that `_before` opened is closed."""
        if isinstance(part, ToolCall):
            return (b"}}" if _deprecated(self._request) else b"}}]}") + _CLOSE
        return b"}" + _CLOSE

    def _with_logprobs(self, text: str, key: str, choice: int, top: int) -> bytes:
        delta = {
            "index": choice,
            "delta": {key: text},
            "logprobs": {
                "content": None,
                "refusal": None,
                key: [_token(text, top, self._reply_of(choice).logprobs)],
            },
            "finish_reason": None,
        }
        return b'%b,"choices":[%b]%b%b}\n\n' % (self._head, encode(delta), self._end, self._blur(text))

    def _finish(self, event: Finish) -> bytes:
        finish = FINISH[event.stop]
        if finish == "tool_calls" and _deprecated(self._request):
            finish = "function_call"
        start = b"" if event.choice in self._started else self._role(event.choice)
        cited = _annotations(self._reply_of(event.choice))
        end = self._chunk(event.choice, {"annotations": cited} if cited else {}, finish)
        return start + end + (self._last() if event.last else b"")

    def _last(self) -> bytes:
        usage = b""
        if self._end:
            numbers = encode(base.usage_object(self._reply.usage))
            usage = b'%b,"choices":[],"usage":%b%b}\n\n' % (self._head, numbers, self._blur(""))
        return usage + b"data: [DONE]\n\n"


_FRAMES: dict[type, Callable[[_Encoder, Any], bytes]] = {
    Begin: _Encoder._begin,
    PartStart: _Encoder._part_start,
    Delta: _Encoder._delta,
    PartEnd: lambda encoder, event: b"",
    Finish: _Encoder._finish,
    Broken: lambda encoder, event: base.error_frame(event),
}
_KEYS: dict[type, bytes] = {
    Text: b'{"content":',
    Refusal: b'{"refusal":',
    Reasoning: b'{"reasoning_content":',
}
_CLOSE = b',"logprobs":null,"finish_reason":null}]'


def _calls_of(reply: Reply) -> list[int]:
    """Where the reply's tool calls are among its parts."""
    return [index for index, part in enumerate(reply.parts) if isinstance(part, ToolCall)]


@cached(entries=16_384, longest=64)
def _tail(text: str, after: bytes, blur: bool) -> bytes:
    """What a slice's frame holds from the text on; the same wherever this slice occurs."""
    blurred = b',"obfuscation":' + quote(base.obfuscation(text)) if blur else b""
    return b"%b%b%b}\n\n" % (quote(text), after, blurred)


@cached(entries=256, longest=512)
def _tails(slices: tuple[str, ...], after: bytes, blur: bool) -> tuple[bytes, ...]:
    """The tails of a part that leaves at once."""
    return tuple([_tail(each, after, blur) for each in slices])
