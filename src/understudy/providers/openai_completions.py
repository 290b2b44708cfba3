"""OpenAI's legacy Completions: `POST /v1/completions`, whole and streamed.

Source: platform.openai.com/docs/api-reference/completions, and the types of `openai` 3.54
(`completion.py`, `completion_choice.py`, `completion_create_params.py`), read 2026-11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from understudy import tokens
from understudy.catalog import known
from understudy.errors import Failure
from understudy.model import (
    Begin,
    Broken,
    Delta,
    Event,
    Finish,
    HttpRequest,
    Message,
    Part,
    PartEnd,
    PartStart,
    Refusal,
    Reply,
    Request,
    Sampling,
    Stop,
    Text,
    Usage,
)
from understudy.providers import openai_base as base
from understudy.providers import openai_fields_base as reading
from understudy.providers import openai_refusals_base as say
from understudy.providers.base import Check, by_field, encode, quote

NAME = "openai-completions"
ROUTES = (("POST", "/v1/completions"),)
head = base.head
error = base.error
unrouted = base.unrouted
speaks = base.speaks
DEFAULT_MAX_TOKENS = 16
MOST_CHOICES, MOST_LOGPROBS, MOST_STOPS = 4096, 5, 4
FINISH: dict[Stop, str] = {
    "end": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "tool_call": "stop",
    "content_filter": "content_filter",
    "pause": "stop",
    "context_window": "length",
}
STOPS: dict[str, Stop] = {"stop": "end", "length": "length", "content_filter": "content_filter"}
TYPES = {
    "stream": reading.BOOLEAN,
    "stream_options": reading.OBJECT,
    "temperature": reading.DECIMAL,
    "top_p": reading.DECIMAL,
    "n": reading.INTEGER,
    "best_of": reading.INTEGER,
    "max_tokens": reading.INTEGER,
    "presence_penalty": reading.DECIMAL,
    "frequency_penalty": reading.DECIMAL,
    "logit_bias": reading.OBJECT,
    "logprobs": reading.INTEGER,
    "echo": reading.BOOLEAN,
    "suffix": reading.STRING,
    "seed": reading.INTEGER,
    "user": reading.STRING,
}


# --- what the API refuses -------------------------------------------------------------------------


def _model(request: Request) -> Failure | None:
    found = known(request.model)
    if found is None or found.family != "chat":
        return None
    words = (
        "This is a chat model and not supported in the v1/completions endpoint. Did you mean to use "
        "v1/chat/completions?"
    )
    return Failure(404, "not_found", words, param="model")


def _best_of(request: Request) -> Failure | None:
    best_of = request.raw["best_of"]
    if request.choices <= best_of:
        return None
    return say.refusal(
        "You requested that the server return more choices than it will generate (HINT: you must set 'n' "
        f"(currently {request.choices}) to be at most 'best_of' (currently {best_of}), or omit either "
        "parameter if you don't specifically want to use them.)"
    )


def _stop(request: Request) -> Failure | None:
    found = len(request.sampling.stop)
    return say.array_too_long("stop", MOST_STOPS, found) if found > MOST_STOPS else None


def _stream_options(request: Request) -> Failure | None:
    if request.stream:
        return None
    words = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
    return say.refusal(words, "stream_options")


def _within(field: str, least: float, most: float, kind: str = "decimal") -> Callable[[Any], Failure | None]:
    """Finds that a number is out of its range."""

    def find(request: Request) -> Failure | None:
        value = request.raw[field]
        if least <= value <= most:
            return None
        return say.out_of_range(field, value, least if value < least else most, kind)

    return find


def _example(**changes: Any) -> dict[str, Any]:
    return {"model": "gpt-3.5-turbo-instruct", "prompt": "Hi"} | changes


_REFERENCE = "https://platform.openai.com/docs/api-reference/completions/create"
_RANGES: tuple[tuple[str, float, float, float], ...] = (
    ("temperature", 0, 2, 3),
    ("top_p", 0, 1, 2),
    ("presence_penalty", -2, 2, 3),
    ("frequency_penalty", -2, 2, -3),
)
CHECKS: tuple[Check, ...] = (
    Check(
        "a chat model",
        "model",
        _model,
        _example(model="gpt-3.5-turbo"),
        "https://github.com/RomanHotsiy/commitgpt/issues/43",
    ),
    *(
        Check(
            f"{field} out of range",
            field,
            _within(field, least, most),
            _example(**{field: wrong}),
            _REFERENCE,
        )
        for field, least, most, wrong in _RANGES
    ),
    Check(
        "logprobs out of range",
        "logprobs",
        _within("logprobs", 0, MOST_LOGPROBS, "integer"),
        _example(logprobs=6),
        _REFERENCE,
    ),
    Check(
        "best_of out of range",
        "best_of",
        _within("best_of", 1, 20, "integer"),
        _example(best_of=21),
        _REFERENCE,
    ),
    Check("fewer to choose from than wanted", "best_of", _best_of, _example(n=2, best_of=1), _REFERENCE),
    Check("too many stops", "stop", _stop, _example(stop=["a", "b", "c", "d", "e"]), _REFERENCE),
    Check(
        "stream_options without a stream",
        "stream_options",
        _stream_options,
        _example(stream_options={"include_usage": True}),
        _REFERENCE,
    ),
)
complaints = by_field(CHECKS)

# --- requests -------------------------------------------------------------------------------------


def parse(http: HttpRequest) -> Request:
    """Read a completion request.

    Body: {"model": str, "prompt"?: str | [str] | [int] | [[int]], "max_tokens"? = 16, ...}. Several
    prompts are `messages` and `more`; no prompt at all is `<|endoftext|>`, a fresh document.
    """
    raw = reading.body_object(http)
    model = reading.required_model(raw)
    reading.check_types(raw, TYPES)
    given = raw if raw.get("prompt") is not None else {"prompt": "<|endoftext|>"}
    first, *more = ((Message("user", (Text(prompt),)),) for prompt in _prompts(given, model))
    choices = reading.choices_wanted(raw)
    if (wanted := choices * (1 + len(more))) > MOST_CHOICES:
        words = f"This asks for {wanted} completions; at most {MOST_CHOICES} can be had at once."
        raise Failure(400, "invalid_request", words, param="n")
    limit, top = reading.integer(raw, "max_tokens", 0), reading.integer(raw, "logprobs", 0)
    return Request(
        NAME,
        "completion",
        model,
        first,
        raw,
        sampling=Sampling(
            DEFAULT_MAX_TOKENS if limit is None else limit,
            reading.stop_sequences(raw),
            raw.get("seed"),
            raw.get("temperature"),
            raw.get("top_p"),
            top if top is None else min(top, MOST_LOGPROBS),
        ),
        stream=raw.get("stream") is True,
        choices=choices,
        more=tuple(more),
    )


def _prompts(raw: dict[str, Any], model: str) -> tuple[str, ...]:
    """The prompts, at least one: to nothing at all there is no answer."""
    found = reading.prompts(raw, "prompt", model)
    if not found:
        raise say.empty_array("prompt")
    return found


def body(reply: Reply, request: Request) -> bytes:
    """The `text_completion` object."""
    return encode(
        _frame(reply)
        | {
            "choices": [
                _choice(
                    request,
                    index,
                    _echo(request, index) + _text(each.parts),
                    reply,
                    FINISH[each.stop],
                )
                for index, each in enumerate((reply, *reply.others))
            ],
            "usage": _usage(reply.usage),
        }
    )


def _usage(usage: Usage) -> dict[str, int]:
    """The totals alone: this API has no details."""
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
    }


def _frame(reply: Reply) -> dict[str, Any]:
    return {
        "id": f"cmpl-{reply.id}",
        "object": "text_completion",
        "created": reply.created,
        "model": reply.model,
        "system_fingerprint": base.fingerprint(reply.model),
    }


def _choice(
    request: Request, index: int, text: str, reply: Reply, finish: str | None, offset: int = 0
) -> dict[str, Any]:
    top = request.sampling.top_logprobs
    words = () if top is None else tokens.split(text, reply.encoding)
    logprobs = None if top is None else _logprobs(words, top, reply.logprobs, offset)
    return {"text": text, "index": index, "logprobs": logprobs, "finish_reason": finish}


def _text(parts: tuple[Part, ...]) -> str:
    """A completion holds text alone: a refusal is said, thoughts and tool calls are left out."""
    return "".join(part.text for part in parts if isinstance(part, Text | Refusal))


def _echo(request: Request, choice: int) -> str:
    if request.raw.get("echo") is not True:
        return ""
    prompts = (request.messages, *request.more)
    return prompts[choice // request.choices][0].text


def _logprobs(slices: Iterable[str], top: int, told: base.Told, offset: int = 0) -> dict[str, Any]:
    """Log probabilities in this API's own form: four lists side by side, offsets in characters."""
    words = list(slices)
    offsets = []
    for word in words:
        offsets.append(offset)
        offset += len(word)
    return {
        "tokens": words,
        "token_logprobs": [base.logprob(word, told) for word in words],
        "top_logprobs": [dict(base.alternatives(word, top, told)) for word in words] if top else None,
        "text_offset": offsets,
    }


def encoder(request: Request) -> Callable[[Event], bytes]:
    """The stream: `data:` frames that each look like the whole object, then `data: [DONE]`."""
    return _Encoder(request)


class _Encoder:
    """One answer's encoder: what surrounds a delta is computed once."""

    __slots__ = ("_end", "_head", "_offsets", "_reply", "_request")

    def __init__(self, request: Request) -> None:
        self._request = request
        self._offsets: dict[int, int] = {}

    def __call__(self, event: Event) -> bytes:
        return _FRAMES[type(event)](self, event)

    def _begin(self, event: Begin) -> bytes:
        self._reply = event.reply
        self._head = b"data: " + encode(_frame(event.reply)).removesuffix(b"}")
        options = self._request.raw.get("stream_options") or {}
        self._end = b',"usage":null}\n\n' if options.get("include_usage") is True else b"}\n\n"
        return b""

    def _delta(self, event: Delta) -> bytes:
        reply = self._reply.others[event.choice - 1] if event.choice else self._reply
        if isinstance(reply.parts[event.index], Text | Refusal):
            before = self._echoed(event.choice)
            if self._request.sampling.top_logprobs is not None:
                return before + b"".join(self._chunk(event.choice, each) for each in event.slices)
            start = b'%b,"choices":[{"text":' % self._head
            end = b',"index":%d,"logprobs":null,"finish_reason":null}]%b' % (event.choice, self._end)
            return before + b"".join([b"%b%b%b" % (start, quote(each), end) for each in event.slices])
        return b""

    def _echoed(self, choice: int) -> bytes:
        """The prompt, in front of a choice's first text."""
        if choice in self._offsets:
            return b""
        self._offsets[choice] = 0
        echo = _echo(self._request, choice)
        return self._chunk(choice, echo) if echo else b""

    def _chunk(self, choice: int, text: str, finish: str | None = None) -> bytes:
        offset = self._offsets.get(choice, 0)
        self._offsets[choice] = offset + len(text)
        made = _choice(self._request, choice, text, self._reply, finish, offset)
        return b'%b,"choices":[%b]%b' % (self._head, encode(made), self._end)

    def _finish(self, event: Finish) -> bytes:
        end = self._echoed(event.choice)
        empty = {"text": "", "index": event.choice, "logprobs": None, "finish_reason": FINISH[event.stop]}
        end += b'%b,"choices":[%b]%b' % (self._head, encode(empty), self._end)
        if not event.last:
            return end
        if b"usage" in self._end:
            usage = encode(_usage(self._reply.usage))
            end += b'%b,"choices":[],"usage":%b}\n\n' % (self._head, usage)
        return end + b"data: [DONE]\n\n"


_FRAMES: dict[type, Callable[[_Encoder, Any], bytes]] = {
    Begin: _Encoder._begin,
    PartStart: lambda encoder, event: b"",
    Delta: _Encoder._delta,
    PartEnd: lambda encoder, event: b"",
    Finish: _Encoder._finish,
    Broken: lambda encoder, event: base.error_frame(event),
}


def read(chunks: Iterable[bytes]) -> Reply:
    """Read an answer, whole or streamed: the inverse of `body` and of `encoder`."""
    frames = list(base.frames(b"".join(chunks)))
    texts: dict[int, str] = {}
    stops: dict[int, Stop] = {}
    for choice in (choice for frame in frames for choice in frame["choices"]):
        index = choice["index"]
        texts[index] = texts.get(index, "") + choice["text"]
        if choice["finish_reason"]:
            stops[index] = STOPS[choice["finish_reason"]]
    first, *others = (Reply((Text(texts[index]),), stops.get(index, "end")) for index in sorted(texts))
    usage = next((frame["usage"] for frame in reversed(frames) if frame.get("usage")), None)
    return Reply(
        first.parts,
        first.stop,
        base.read_usage(usage),
        id=frames[0]["id"].removeprefix("cmpl-"),
        created=frames[0]["created"],
        model=frames[0]["model"],
        others=tuple(others),
    )
