"""Responses: answers, whole and streamed: the object around the items, and the events that tell of both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Raw
from msgspec.structs import replace

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
    ResourceReply,
    ServerToolCall,
    Text,
    ToolCall,
    Usage,
)
from understudy.providers import openai_base as base
from understudy.providers.base import decode, encode, failure_of, quote, unfinished
from understudy.providers.openai_responses.built_in import built_in, commands
from understudy.providers.openai_responses.echo import Echo, echo
from understudy.providers.openai_responses.hosted import HOSTED, Hosted, count, partials, printed
from understudy.providers.openai_responses.output import (
    WHY,
    citations_of,
    content,
    is_custom,
    item,
    item_id,
    items,
    places,
    started,
    token,
)
from understudy.providers.openai_responses.spellings import SPELLINGS
from understudy.providers.resources_base import answer_of

NO_SEARCHES, SEARCHES = b'"web_search":{"num_requests":0}', b'"web_search":{"num_requests":%d}'
"""What `tool_usage` tells of the web searches in an answer."""

# --- the response ---------------------------------------------------------------------------------------


def body(reply: Reply | ResourceReply, request: Request) -> bytes:
    """The `response` object; of one that goes on in the background, before anything of it was done."""
    if isinstance(reply, ResourceReply):
        return queued(answer_of(reply.resources[0])[0], request, "queued")
    output = encode(items(reply, request))
    return _ended(reply, echo(request, reply.model), output, b'"billing":{"payer":"developer"},')


def queued(reply: Reply, request: Request, status: str) -> bytes:
    """The `response` object of an answer on which work goes on, or was cancelled: nothing is said yet."""
    told = echo(request, reply.model)
    return _response(reply, told, status.encode(), b"null", b"null", b"[]", told.asked, b"null")


def _ended(reply: Reply, told: Echo, output: bytes, billing: bytes = b"") -> bytes:
    why = WHY.get(reply.stop)
    status = b"incomplete" if why else b"completed"
    completed = b"null" if why else b"%d" % reply.created
    reason = encode({"reason": why}) if why else b"null"
    usage = encode(usage_object(reply.usage))
    searches = sum(isinstance(part, ServerToolCall) and part.kind == "web_search" for part in reply.parts)
    if searches:
        told = replace(told, later=told.later.replace(NO_SEARCHES, SEARCHES % searches))
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
        b'{"id":%b,"object":"response","created_at":%d,"status":"%b","background":%b,%b"completed_at":%b,'
        b'%b"error":null,"frequency_penalty":%b,"incomplete_details":%b,%b,"output":%b,%b,"service_tier":%b,'
        b'%b,"usage":%b,%b}'
    ) % (
        quote(f"resp_{reply.id}"),
        reply.created,
        status,
        told.background,
        billing,
        completed,
        told.conversation,
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
        self._places = places(event.reply)
        self._echo = echo(self._request, event.reply.model)
        begun = b'"response":' + _begun(event.reply, self._echo)
        return self._frame(b"response.created", begun) + self._frame(b"response.in_progress", begun)

    def _finish(self, event: Finish) -> bytes:
        reply = self._reply
        ended = b'"response":' + _ended(reply, self._echo, encode(items(reply, self._request)))
        return self._frame(b"response.incomplete" if reply.stop in WHY else b"response.completed", ended)

    def _part_start(self, event: PartStart) -> bytes:
        reply, place = self._reply, self._places[event.index]
        told = started(reply, self._request, event.index, place)
        added = self._item(b"added", told, place)
        part = reply.parts[event.index]
        id = encode(told["id"])
        match part:
            case Text() | Refusal():
                empty = content(type(part)(""), reply, self._request)
                return added + self._content_part(b"added", id, place, empty)
            case Reasoning(_, redacted) if not redacted:
                return added + self._summary_part(b"added", id, place, "")
            case ServerToolCall():
                return added + self._starts(part, id, place)
            case _:
                return added

    def _item(self, what: bytes, told: dict[str, Any], place: int) -> bytes:
        fields = b'"item":%b,"output_index":%d' % (encode(told), place)
        return self._frame(b"response.output_item." + what, fields)

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
        reply, place = self._reply, self._places[event.index]
        name = self._name(reply.parts[event.index])
        if not name:
            return b""
        number = self._number
        self._number = number + len(event.slices)
        top = self._request.sampling.top_logprobs
        if name != _TEXT or top is None:
            if len(event.slices) == 1:
                deltas = _delta(event.slices[0], name, place, number, self._blurred)
            else:
                deltas = _deltas(event.slices, name, place, number, self._blurred)
        else:
            told = [_bare(token(text, top, reply.logprobs)) for text in event.slices]
            deltas = b"".join(
                [
                    _delta(text, name, place, number + n, self._blurred, encode([told[n]]))
                    for n, text in enumerate(event.slices)
                ]
            )
        return deltas.replace(_ID, quote(item_id(_PREFIXES[name], reply, place)))

    def _name(self, part: Part) -> bytes:
        """What the events of a part are called, without their `.delta` and `.done`; some have none."""
        if isinstance(part, ServerToolCall):
            written = HOSTED[part.kind].written
            return b"response." + written.encode() if written else b""
        if (isinstance(part, Reasoning) and part.redacted) or built_in(part, self._request):
            return b""
        return _CUSTOM if is_custom(part, self._request) else _NAMES[type(part)]

    def _part_end(self, event: PartEnd) -> bytes:
        reply, index, place = self._reply, event.index, self._places[event.index]
        told = item(reply, self._request, index, place)
        part, id = reply.parts[index], quote(told["id"])
        done = self._done(part, id, place)
        if isinstance(part, ServerToolCall) and not unfinished(reply, index):
            done += self._runs(part, id, place)
        done += self._item(b"done", told, place)
        return done + self._printed(index, place + 1) if count(reply, index) == 2 else done

    def _done(self, part: Part, id: bytes, index: int) -> bytes:
        """What comes when all of a part was said, before its item is done."""
        name = self._name(part) + b".done"
        if name == b".done":
            return self._commands(part, index)
        place = b'"item_id":%b,"output_index":%d' % (id, index)
        match part:
            case Text(text):
                told = content(part, self._reply, self._request)
                logprobs = encode([_bare(token) for token in told["logprobs"]])
                fields = b'"content_index":0,"item_id":%b,"logprobs":%b,"output_index":%d'
                cited = self._annotations(part, id, index)
                said = self._frame(name, fields % (id, logprobs, index), b',"text":' + quote(text))
                return cited + said + self._content_part(b"done", id, index, told)
            case Refusal(text):
                said = self._frame(name, b'"content_index":0,%b,"refusal":%b' % (place, quote(text)))
                return said + self._content_part(
                    b"done", id, index, content(part, self._reply, self._request)
                )
            case Reasoning(text):
                said = self._frame(name, place, b',"summary_index":0,"text":' + quote(text))
                return said + self._summary_part(b"done", id, index, text)
            case ServerToolCall("shell", text):
                fields = b'"command":%b,"command_index":0,"output_index":%d'
                return self._frame(name, fields % (quote(text), index))
            case ServerToolCall(kind, text):
                fields = b'"%b":%b,%b'
                return self._frame(name, fields % (HOSTED[kind].key.encode(), quote(text), place))
            case _:
                assert isinstance(part, ToolCall)
                key = b"input" if name.startswith(_CUSTOM) else b"arguments"
                return self._frame(name, b'"%b":%b,%b' % (key, quote(part.arguments), place))

    def _annotations(self, part: Text, id: bytes, index: int) -> bytes:
        """What a text rests on, when all of it was said."""
        fields = b'"annotation":%b,"annotation_index":%d,"content_index":0,"item_id":%b,"output_index":%d'
        return b"".join(
            [
                self._frame(
                    b"response.output_text.annotation.added", fields % (encode(each), number, id, index)
                )
                for number, each in enumerate(citations_of(part))
            ]
        )

    # --- tools ------------------------------------------------------------------------------------------

    def _step(self, row: Hosted, step: str, id: bytes, place: int) -> bytes:
        name = f"response.{row.type}.{step}".encode()
        return self._frame(name, b'"item_id":%b,"output_index":%d' % (id, place))

    def _starts(self, call: ServerToolCall, id: bytes, place: int) -> bytes:
        """What comes before anything of a call of the API's own tool was written."""
        row = HOSTED[call.kind]
        if call.kind == "shell":
            return self._command(b"added", "", 0, place)
        return b"".join([self._step(row, step, id, place) for step in row.starts])

    def _runs(self, call: ServerToolCall, id: bytes, place: int) -> bytes:
        """What comes while the API runs its tool, and when it has."""
        row = HOSTED[call.kind]
        ran = b"".join([self._step(row, step, id, place) for step in row.runs])
        if call.kind == "image_generation":
            ran += self._partials(call, id, place)
        stop = row.stops[bool(call.error)]
        return ran + self._step(row, stop, id, place) if stop else ran

    def _partials(self, call: ServerToolCall, id: bytes, place: int) -> bytes:
        """The images on the way to the last one, as many as the request asks for."""
        told = b""
        for number, image in enumerate(partials(call, self._request)):
            fields = (
                b'"background":%b,"item_id":%b,"output_format":%b,"output_index":%d,"partial_image_b64":%b,'
                b'"partial_image_index":%d'
            ) % (image[0], id, image[1], place, image[2], number)
            after = b',"quality":%b,"size":%b' % image[3:]
            told += self._frame(b"response.image_generation_call.partial_image", fields, after)
        return told

    def _printed(self, index: int, place: int) -> bytes:
        """The item with what a shell printed, and its events."""
        told = printed(self._reply, index, item_id("sho", self._reply, place))
        output = told["output"][0]
        delta = {key: output[key] for key in ("stdout", "stderr") if output[key]}
        id, start = quote(told["id"]), b'"command_index":0,'
        around = b'"item_id":%b,"output_index":%d'
        frames = self._item(b"added", told | {"output": []}, place)
        if delta:
            fields = start + b'"delta":%b,' % encode(delta) + around % (id, place)
            frames += self._frame(b"response.shell_call_output_content.delta", fields)
        fields = start + b'"item_id":%b,"output":%b,"output_index":%d' % (id, encode([output]), place)
        frames += self._frame(b"response.shell_call_output_content.done", fields)
        return frames + self._item(b"done", told, place)

    def _command(self, what: bytes, text: str, number: int, place: int) -> bytes:
        fields = b'"command":%b,"command_index":%d,"output_index":%d' % (quote(text), number, place)
        return self._frame(b"response.shell_call_command." + what, fields)

    def _commands(self, part: Part, place: int) -> bytes:
        """What a client's shell is to run; nothing of any other part."""
        if not isinstance(part, ToolCall) or part.name != "shell":
            return b""
        told = b""
        for number, text in enumerate(commands(part)):
            blur = b',"obfuscation":' + quote(base.obfuscation(text)) if self._blurred else b""
            delta = b'"command_index":%d,"delta":%b%b,"output_index":%d' % (number, quote(text), blur, place)
            told += self._command(b"added", "", number, place)
            told += self._frame(b"response.shell_call_command.delta", delta)
            told += self._command(b"done", text, number, place)
        return told

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
        b'event: %b.delta\ndata: {"type":"%b.delta",%b"delta":' % (name, name, _BEFORE.get(name, b"")),
        b"" if name == _COMMAND else b',"item_id":%b%b' % (_ID, b',"logprobs":' if name == _TEXT else b""),
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
_COMMAND = b"response.shell_call_command"
_PREFIXES = {
    _TEXT: "msg",
    _REFUSAL: "msg",
    _SUMMARY: "rs",
    _ARGUMENTS: "fc",
    _CUSTOM: "ctc",
    **{b"response." + row.written.encode(): row.prefix for row in HOSTED.values() if row.written},
}
_BEFORE = {
    _TEXT: b'"content_index":0,',
    _REFUSAL: b'"content_index":0,',
    _COMMAND: b'"command_index":0,',
}
_FRAMES: dict[type, Callable[[_Encoder, Any], bytes]] = {
    Begin: _Encoder._begin,
    PartStart: _Encoder._part_start,
    Delta: _Encoder._delta,
    PartEnd: _Encoder._part_end,
    Finish: _Encoder._finish,
    Broken: _Encoder._broken,
}
