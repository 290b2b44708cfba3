"""What OpenAI's APIs share: the error envelope, the headers, ids and logprobs.

Messages of refusals are the API's own, as users of it report them; source of each: the API's answers
quoted in public issue trackers, and `openai` 3.54's types for names and shapes.
"""

from __future__ import annotations

from binascii import hexlify
from collections.abc import Iterator, Mapping
from functools import lru_cache
from math import ceil
from typing import Any
from zlib import crc32

from msgspec import Struct

from understudy.caching import cached
from understudy.errors import Failure, Kind
from understudy.model import AnyReply, Broken, HttpRequest, RateLimits, Usage
from understudy.providers.base import HttpReply, decode, encode, failure_of, header_lines, sse

VERSION = "2020-10-01"
REQUESTS_PER_MINUTE, TOKENS_PER_MINUTE = 30_000, 150_000_000
ALPHABET = "A4kZ0sQw8Lx2VbYc6NfTjR1mHd9GuPe3KaXi5ByOo7StMvUlWnDgCzEqIrJpFh"

# --- errors -----------------------------------------------------------------------------------------


class Spelling(Struct, frozen=True):
    """How a kind of failure is said: what the failure itself does not say is taken from here.

    `message` is a format string over the failure's facts.
    """

    status: int
    type: str
    message: str
    code: str | int | None = None
    param: str | None = None


_WINDOWS = {1.0: "sec ({}PS)", 60.0: "min ({}PM)", 3600.0: "hour ({}PH)", 86400.0: "day ({}PD)"}
_REACHED = (
    "Rate limit reached{who} on {of} per {window}: Limit {limit}, Used {used}, Requested {requested}. "
    "Please try again in {again}. Visit https://platform.openai.com/account/rate-limits to learn more."
)
_TOO_LARGE = (
    "Request too large{who} on {of} per {window}: Limit {limit}, Requested {requested}. The input or output "
    "tokens must be reduced in order to run successfully. Visit "
    "https://platform.openai.com/account/rate-limits to learn more."
)

INVALID = "invalid_request_error"
SPELLINGS: dict[Kind, Spelling] = {
    "invalid_request": Spelling(400, INVALID, "The request is invalid."),
    "authentication": Spelling(
        401,
        INVALID,
        "Incorrect API key provided: {masked}. You can find your API key at "
        "https://platform.openai.com/account/api-keys.",
        "invalid_api_key",
    ),
    # github.com/continuedev/continue/issues/11449
    "permission": Spelling(
        403,
        "request_forbidden",
        "Country, region, or territory not supported",
        "unsupported_country_region_territory",
    ),
    "not_found": Spelling(404, INVALID, "There is nothing here."),
    "unknown_model": Spelling(
        404,
        INVALID,
        "The model `{model}` does not exist or you do not have access to it.",
        "model_not_found",
    ),
    "context_length": Spelling(
        400,
        INVALID,
        "This model's maximum context length is {window} tokens. However, your messages resulted in {input} "
        "tokens. Please reduce the length of the messages.",
        "context_length_exceeded",
        "messages",
    ),
    "method_not_allowed": Spelling(405, INVALID, "This method is not allowed here."),
    "timeout": Spelling(408, INVALID, "The request took too long."),
    "conflict": Spelling(409, INVALID, "The request conflicts with another one."),
    # github.com/StanGirard/speechdigest/issues/1
    "too_large": Spelling(
        413, "server_error", "Maximum content size limit ({most}) exceeded ({found} bytes read)"
    ),
    "rate_limit": Spelling(429, "requests", _REACHED, "rate_limit_exceeded"),
    "quota": Spelling(
        429,
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details. For more information "
        "on this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.",
        "insufficient_quota",
    ),
    "server": Spelling(
        500, "server_error", "The server had an error while processing your request. Sorry about that!"
    ),
    "overloaded": Spelling(503, "server_error", "The engine is currently overloaded, please try again later"),
}


PLAUSIBLE: dict[str, Any] = {
    "model": "gpt-4o",
    "masked": "sk-x***",
    "window": 8192,
    "input": 8227,
    "most": 26214400,
    "found": 26306794,
}
"""Facts for failures that are made on purpose, in no request's own words."""
_A_LIMIT = {
    "model": "gpt-4o",
    "of": "requests",
    "limit": 500,
    "used": 500,
    "requested": 1,
    "window_s": 60.0,
    "wait": 0.12,
}
ALIKE: Mapping[Kind, Spelling] = {}


def error_object(failure: Failure, own: Mapping[Kind, Spelling] = ALIKE) -> dict[str, Any]:
    """The envelope's object; `own` are the spellings in which one API differs from the others."""
    spelling, facts = _spelled(failure, own)
    return {
        "message": failure.message or spelling.message.format(**{**PLAUSIBLE, **facts}),
        "type": failure.type or spelling.type,
        "param": failure.param or (None if failure.message else spelling.param),
        "code": failure.code or (None if failure.message else spelling.code),
    }


def _spelled(failure: Failure, own: Mapping[Kind, Spelling]) -> tuple[Spelling, Mapping[str, Any]]:
    """How the failure's kind is said where it has these facts, and all facts that the words quote."""
    facts = failure.facts
    if failure.kind in own:
        return own[failure.kind], facts
    if failure.kind == "rate_limit" and ("window_s" in facts or not failure.message):
        return over_limit(failure)
    if "operation" in facts:
        return over_window(facts)
    if failure.kind == "authentication" and "key" in facts:
        return (SPELLINGS["authentication"] if facts["key"] else _NO_KEY), {"masked": masked(facts["key"])}
    if failure.kind == "permission" and "lacks" in facts:
        return _NO_SCOPE, facts
    if failure.kind == "permission" and "model" in facts:
        return _NO_ACCESS, facts
    if failure.kind == "server" and failure.status in _GATEWAY:
        return _GATEWAY[failure.status], facts
    return SPELLINGS[failure.kind], facts


def masked(key: str) -> str:
    """An API key as the API shows it: the first 8 characters and the last 4; one of up to 12 is shown whole.

    Source: the keys in github.com/continuedev/continue/issues/10250 and 12778, and in
    popjane/free_chatgpt_api/issues/3.
    """
    return key if len(key) <= 12 else f"{key[:8]}{'*' * (len(key) - 12)}{key[-4:]}"


# github.com/openai/openai-node/issues/73, and still in continuedev/continue/issues/11228
_NO_KEY = Spelling(
    401,
    INVALID,
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer "
    "auth (i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank username) if you're "
    "accessing the API from your browser and are prompted for a username and password. You can obtain an API "
    "key from https://platform.openai.com/account/api-keys.",
)
# github.com/cursor/cursor/issues/2953
_NO_ACCESS = Spelling(
    403, INVALID, "Project `proj_understudy` does not have access to model `{model}`", "model_not_found"
)
_NO_SCOPE = Spelling(
    403, INVALID, "You have insufficient permissions for this operation. Missing scopes: api.{lacks}"
)
"""Said to who deletes a model of the vendor's own.

Source: the tests of discordai_modelizer (`test_delete_model`), and what OpenAI-DotNet's `ModelsEndpoint`
looks for.
"""
# What stands in front of the API answers for it, in the same envelope with a number for its code:
# github.com/ferrislucas/promptr/issues/32, neo4j-labs/llm-graph-builder/issues/561
_GATEWAY = {
    502: Spelling(502, "cf_bad_gateway", "Bad gateway.", 502),
    504: Spelling(504, "cf_gateway_timeout", "Gateway timeout.", 504),
    524: Spelling(524, "cf_gateway_timeout", "Gateway timeout.", 524),
}

_WINDOW = "This model's maximum context length is {window} tokens. However, "
_OVER_WINDOW = {
    # (functions are offered, an answer of some length is asked for)
    (False, False): "your messages resulted in {input} tokens. Please reduce the length of the messages.",
    (True, False): "your messages resulted in {input} tokens ({messages} in the messages, {functions} in the "
    "functions). Please reduce the length of the messages or functions.",
    (False, True): "you requested {total} tokens ({messages} in the messages, {output} in the completion). "
    "Please reduce the length of the messages or completion.",
    (
        True,
        True,
    ): "you requested {total} tokens ({messages} in the messages, {functions} in the functions, and "
    "{output} in the completion). Please reduce the length of the messages, functions, or completion.",
}
_OVER_INPUT = (
    "Input tokens exceed the configured limit of {window} tokens. Your messages resulted in {input} tokens. "
    "Please reduce the length of the messages."
)
_OVER_PROMPT = (
    "This model's maximum context length is {window} tokens, however you requested {total} tokens ({input} "
    "in your prompt; {output} for the completion). Please reduce your prompt; or completion length."
)
_PER_REQUEST = "max_tokens_per_request"


def over_window(facts: Mapping[str, Any]) -> tuple[Spelling, Mapping[str, Any]]:
    """How each API says that a request is too long for its model; the facts are those of `windows`.

    Sources: github.com/bytedance/deer-flow/issues/310, cline/cline/issues/5474, nicknochnack/
    LangchainDocuments/issues/2 (completions), neo4j-labs/agent-memory/issues/104 (embeddings).
    """
    operation, input, output = facts["operation"], facts["input"], facts["output"]
    functions = facts.get("functions", 0)
    more = {"total": input + output, "messages": input - functions}
    if "most" in facts:
        words = "Requested {input} tokens, max {most} tokens per request"
        return Spelling(400, _PER_REQUEST, words, _PER_REQUEST), facts
    if operation == "embedding":
        kind = "context" if facts["place"] == "input" else "input"
        return Spelling(
            400, INVALID, f"Invalid '{{place}}': maximum {kind} length is {{window}} tokens."
        ), facts
    if operation == "completion":
        return Spelling(400, INVALID, _OVER_PROMPT), {**facts, **more}
    words = _OVER_INPUT if facts.get("apart") else _WINDOW + _OVER_WINDOW[functions > 0, output > 0]
    return Spelling(400, INVALID, words, "context_length_exceeded", "messages"), {**facts, **more}


def over_limit(failure: Failure) -> tuple[Spelling, dict[str, Any]]:
    """How the API says that a limit is reached, or that a request can never pass it, and the facts for it.

    The failure's facts: `model`, `of` (`requests` or `tokens`), `limit`, `requested`, `window_s`, and `used`
    where waiting helps. Without a window there is no limit that was reached, and one is made up.
    """
    facts = failure.facts if "window_s" in failure.facts else {**_A_LIMIT, **failure.facts}
    window_s = facts["window_s"]
    wait = failure.retry_after if failure.retry_after is not None else facts.get("wait", 0)
    more = {
        "who": f"{' for ' if facts['model'] else ''}{facts['model']} in organization org-understudy",
        "window": _WINDOWS.get(window_s, duration(window_s)).format(facts["of"][0].upper()),
        "again": duration(wait),
    }
    message = _REACHED if "used" in facts else _TOO_LARGE
    return Spelling(429, facts["of"], message, "rate_limit_exceeded"), {**facts, **more}


def error(
    failure: Failure,
    id: str,
    limits: RateLimits | None = None,
    own: Mapping[Kind, Spelling] = ALIKE,
) -> HttpReply:
    """The envelope `{"error": {"message", "type", "param", "code"}}` with the usual headers."""
    told = error_object(failure, own)
    given = {
        "x-request-id": f"req_{request_digits(id).decode()}",
        "openai-version": VERSION,
        **dict(retry_headers(failure.retry_after)),
        **dict(failure.headers),  # a name comes once: SDKs read two values as one, `5, 1000`
    }
    left = rate_limit_headers(limits).splitlines(keepends=True) if limits else []
    return HttpReply(
        failure.status or _spelled(failure, own)[0].status,
        b"content-type: application/json\r\n%b%b"
        % (
            header_lines(given),
            b"".join([line for line in left if line.partition(b":")[0].decode() not in given]),
        ),
        encode({"error": told}),
        told["message"],
    )


def retry_headers(seconds: float | None) -> tuple[tuple[str, str], ...]:
    """When to try again: `retry-after` in whole seconds, rounded up, and `retry-after-ms` exactly."""
    if seconds is None:
        return ()
    ms = milliseconds(seconds)
    return (("retry-after", f"{ceil(ms / 1000)}"), ("retry-after-ms", f"{ms}"))


def error_frame(broken: Broken) -> bytes:
    """An error inside a stream, at which SDKs raise: the envelope of a whole one, in a frame."""
    return b"data: %b\n\n" % encode({"error": error_object(failure_of(broken))})


def speaks(http: HttpRequest) -> bool:
    """Nothing says so: what no other API claims is OpenAI's."""
    return False


def unrouted(method: str, path: str, allowed: tuple[str, ...], hint: str) -> Failure:
    """`Invalid URL (POST /v1/x)`, or `Not allowed to GET on /v1/x.` with what is allowed."""
    if allowed:
        return Failure(
            405,
            "method_not_allowed",
            f"Not allowed to {method} on {path}. (HINT: Perhaps you meant to make a {allowed[0]} request?)",
            code="method_not_supported",
            headers=(("allow", ", ".join((*allowed, "OPTIONS"))),),
        )
    nearby = f". Did you mean {hint}? The base URL of an OpenAI client should end with /v1." if hint else ""
    return Failure(404, "not_found", f"Invalid URL ({method} {path}){nearby}", code="unknown_url")


# --- headers ----------------------------------------------------------------------------------------

_HEAD = (
    "content-type: {type}\r\n"
    "openai-organization: user-understudy\r\n"
    "openai-project: proj_understudy\r\n"
    f"openai-version: {VERSION}\r\n"
    "{limits}"
    "openai-processing-ms: %d\r\nx-request-id: req_%b\r\n"
)
_IDLE = (
    f"x-ratelimit-limit-requests: {REQUESTS_PER_MINUTE}\r\n"
    f"x-ratelimit-limit-tokens: {TOKENS_PER_MINUTE}\r\n"
    f"x-ratelimit-remaining-requests: {REQUESTS_PER_MINUTE - 1}\r\n"
    "x-ratelimit-reset-requests: 2ms\r\n"
    "x-ratelimit-reset-tokens: 0s\r\n"
    "x-ratelimit-remaining-tokens: %d\r\n"
)
JSON, SSE = "application/json", "text/event-stream; charset=utf-8"
_WHOLE_IDLE, _STREAM_IDLE = (_HEAD.format(type=each, limits=_IDLE).encode() for each in (JSON, SSE))
_WHOLE, _STREAM = (_HEAD.format(type=each, limits="%b").encode() for each in (JSON, SSE))


def head(reply: AnyReply, stream: bool, limits: RateLimits | None = None) -> bytes:
    """Header lines of a success.

    Where no limit is in force, the rate-limit headers tell of a window in which this request is the
    only one.
    """
    left: int | bytes
    if limits is None:
        form, left = _STREAM_IDLE if stream else _WHOLE_IDLE, TOKENS_PER_MINUTE - reply.usage.input
    else:
        form, left = _STREAM if stream else _WHOLE, rate_limit_headers(limits)
    return form % (left, reply.seconds * 1000, request_digits(reply.id))


_LIMIT_LINES = "x-ratelimit-limit-{0}: %d\r\nx-ratelimit-remaining-{0}: %d\r\nx-ratelimit-reset-{0}: %b\r\n"
_REQUEST_LINES, _TOKEN_LINES = (_LIMIT_LINES.format(name).encode() for name in ("requests", "tokens"))


def rate_limit_headers(limits: RateLimits) -> bytes:
    """`x-ratelimit-{limit,remaining,reset}-{requests,tokens}` for what is limited."""
    lines = b""
    for form, window in ((_REQUEST_LINES, limits.requests), (_TOKEN_LINES, limits.tokens)):
        if window is not None:
            reset = _in_words(milliseconds(window.reset)).encode()
            lines += form % (window.limit, window.remaining, reset)
    return lines


def duration(seconds: float) -> str:
    """A time as the API writes it: `0s`, `12ms`, `1.5s`, `6m0s`, `1h0m0s`."""
    return _in_words(milliseconds(seconds))


@lru_cache(maxsize=4_096)
def _in_words(ms: int) -> str:
    if 0 < ms < 1000:
        return f"{ms}ms"
    minutes, ms = divmod(ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    before = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{before}{ms / 1000:.3f}".rstrip("0").rstrip(".") + "s"


def milliseconds(seconds: float) -> int:
    """Whole milliseconds, rounded up; what floats add to a whole number is no reason to."""
    return ceil(seconds * 1000 - 1e-6)


def request_digits(id: str) -> bytes:
    """32 hexadecimal digits, from the first 16 characters of the answer's id."""
    return hexlify(id[:16].encode())


# --- parts of answers ---------------------------------------------------------------------------------


def usage_object(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached,
            "audio_tokens": 0,
            **({"cache_write_tokens": usage.written} if usage.written else {}),
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def read_usage(raw: Mapping[str, Any] | None) -> Usage:
    """The inverse of `usage_object`; missing numbers are 0."""
    raw = raw or {}
    prompt = raw.get("prompt_tokens_details") or {}
    return Usage(
        raw.get("prompt_tokens", 0),
        raw.get("completion_tokens", 0),
        (raw.get("completion_tokens_details") or {}).get("reasoning_tokens", 0),
        prompt.get("cached_tokens", 0),
        prompt.get("cache_write_tokens", 0),
    )


def frames(data: bytes) -> Iterator[dict[str, Any]]:
    """The objects of a stream, up to `[DONE]`; of a whole answer, that one."""
    if data.lstrip()[:1] == b"{":
        yield decode(data)
        return
    for _, text in sse([data]):
        if text == "[DONE]":
            return
        yield decode(text)


@cached(entries=1_024, longest=256)
def fingerprint(model: str) -> str:
    """A system fingerprint like `fp_a288987b44`, the same for a model every time."""
    return f"fp_{crc32(model.encode(errors='replace')):08x}{len(model) % 256:02x}"


Told = tuple[tuple[str, float], ...]
"""Tokens, and the log probabilities that a rule gives them."""


def logprob(token: str, told: Told = (), alternative: int = 0) -> float:
    """What is `told`, or else a plausible one: near 0 for the chosen token, lower for each alternative."""
    for known, given in told:
        if known == token.strip():
            return given
    share = crc32(token.encode(errors="replace")) / 2**32
    return round(-0.3 * share**4 - alternative * (1.5 + share), 8)


def alternatives(token: str, number: int, told: Told = ()) -> list[tuple[str, float]]:
    """The `number` likeliest tokens in this place, the chosen one first; what is told, by likelihood."""
    if any(known == token.strip() for known, _ in told):
        lead = token[: len(token) - len(token.lstrip())]
        likeliest = sorted(told, key=lambda each: -each[1])
        return [(f"{lead}{known}", given) for known, given in likeliest][:number]
    forms = (token, token.lower(), token.upper(), token.strip(), f" {token}", f"{token}s", ".", ",", "\n", "")
    distinct = list(dict.fromkeys(forms))
    padded = distinct + [f"{token}{n}" for n in range(max(0, number - len(distinct)))]
    return [(form, logprob(token, (), place)) for place, form in enumerate(padded[:number])]


def obfuscation(text: str) -> str:
    """Padding that brings a delta's length to a multiple of 16, as the API sends to blur its size."""
    start = crc32(text.encode(errors="replace")) % len(ALPHABET)
    return (ALPHABET + ALPHABET)[start : start + 16 - len(text) % 16]


def service_tier(raw: dict[str, Any]) -> str:
    """The tier that served the request; `auto` is served as `default`."""
    tier = raw.get("service_tier")
    return tier if tier in ("flex", "priority", "scale", "fast") else "default"
