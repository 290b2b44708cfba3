"""What Anthropic's APIs share: the error envelope, the headers, and how much was used.

Messages of refusals are the API's own, as users of it report them: what is quoted in public issue
trackers, and `anthropic` 2.12's types for names and shapes, read 2026-11.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from math import ceil
from typing import Any

from msgspec import Struct

from understudy.errors import Failure, Kind
from understudy.model import AnyReply, Broken, HttpRequest, RateLimits, Usage
from understudy.providers.base import HttpReply, encode, failure_of, header_lines

ORGANIZATION = "00000000-0000-4000-8000-000000000000"
REQUESTS_PER_MINUTE, TOKENS_PER_MINUTE = 4_000, 2_400_000
INPUT_PER_MINUTE, OUTPUT_PER_MINUTE = 2_000_000, 400_000

# --- errors -----------------------------------------------------------------------------------------


class Spelling(Struct, frozen=True):
    """How a kind of failure is said; `message` is a format string over the failure's facts."""

    status: int
    type: str
    message: str


INVALID = "invalid_request_error"
SPELLINGS: dict[Kind, Spelling] = {
    "invalid_request": Spelling(400, INVALID, "Invalid request"),
    # github.com/open-webui/pipelines/issues/145
    "authentication": Spelling(401, "authentication_error", "invalid x-api-key"),
    "permission": Spelling(
        403, "permission_error", "Your API key does not have permission to use the specified resource."
    ),
    "not_found": Spelling(404, "not_found_error", "Not Found"),
    "unknown_model": Spelling(404, "not_found_error", "model: {model}"),
    # github.com/anthropics/claude-code/issues/12186
    "context_length": Spelling(400, INVALID, "prompt is too long: {input} tokens > {window} maximum"),
    "method_not_allowed": Spelling(405, INVALID, "Method Not Allowed"),
    "timeout": Spelling(504, "timeout_error", "Request timed out"),
    "conflict": Spelling(409, "conflict_error", "The request conflicts with another one."),
    "too_large": Spelling(413, "request_too_large", "Request exceeds the maximum size"),
    # github.com/BoltAI/BoltAI/issues/338
    "rate_limit": Spelling(
        429,
        "rate_limit_error",
        "This request would exceed the rate limit for your organization (" + ORGANIZATION + ") of {limit:,} "
        "{of} per {window}. For details, refer to: https://docs.anthropic.com/en/api/rate-limits. You can "
        "see the response headers for current usage. Please reduce the prompt length or the maximum tokens "
        "requested, or try again later. You may also contact sales at "
        "https://www.anthropic.com/contact-sales to discuss your options for a rate limit increase.",
    ),
    # The documentation has 402 and billing_error here; what users get is this, still in August 2026:
    # github.com/anthropics/claude-code/issues/88711, anthropics/anthropic-sdk-python/issues/1646
    "quota": Spelling(
        400,
        INVALID,
        "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade "
        "or purchase credits.",
    ),
    "server": Spelling(500, "api_error", "Internal server error"),
    # github.com/anthropics/claude-code/issues/45063
    "overloaded": Spelling(529, "overloaded_error", "Overloaded"),
}
# github.com/n8n-io/n8n/issues/37930
_NO_KEY = Spelling(401, "authentication_error", "x-api-key header is required")
# github.com/docker/docker-agent/issues/569
_OVER_WINDOW = Spelling(
    400,
    INVALID,
    "input length and `max_tokens` exceed context limit: {input} + {output} > {window}, decrease input "
    "length or `max_tokens` and try again",
)
_BY_STATUS = {402: "billing_error", 413: "request_too_large", 504: "timeout_error", 529: "overloaded_error"}
"""Types that belong to a status, where somebody asks for the status alone."""
_WINDOWS = {1.0: "second", 60.0: "minute", 3600.0: "hour", 86400.0: "day"}
PLAUSIBLE: dict[str, Any] = {
    "model": "claude-sonnet-5",
    "window": 200_000,
    "input": 208_310,
    "of": "requests",
    "limit": 50,
    "window_s": 60.0,
}
"""Facts for failures that are made on purpose, in no request's own words."""


def refusal(message: str) -> Failure:
    """What the API says to a request that is not as it must be: `max_tokens: Field required`."""
    return Failure(400, "invalid_request", message)


def error_object(failure: Failure) -> dict[str, Any]:
    """The envelope's object. A code stands where the SDK looks for one, in `details`."""
    spelling = _spelled(failure)
    facts = {**PLAUSIBLE, **failure.facts}
    window = _WINDOWS.get(facts["window_s"], f"{facts['window_s']:g} seconds")
    told = {
        "type": failure.type or _BY_STATUS.get(failure.status or 0) or spelling.type,
        "message": failure.message
        or spelling.message.format(**facts | ({"window": window} if failure.kind == "rate_limit" else {})),
    }
    return told | ({"details": {"error_code": failure.code}} if failure.code else {})


def _spelled(failure: Failure) -> Spelling:
    facts = failure.facts
    if failure.kind == "authentication" and "key" in facts and not facts["key"]:
        return _NO_KEY
    if failure.kind == "context_length" and facts.get("output") and facts["input"] <= facts["window"]:
        return _OVER_WINDOW
    return SPELLINGS[failure.kind]


def error(failure: Failure, id: str, limits: RateLimits | None = None) -> HttpReply:
    """The envelope `{"type": "error", "error": {"type", "message"}, "request_id"}` and its headers."""
    told, request = error_object(failure), request_id(id)
    given = {
        "request-id": request,
        **(rate_limit_headers(limits, limits.now) if limits else {}),
        **({} if failure.retry_after is None else {"retry-after": f"{whole_seconds(failure.retry_after)}"}),
        **dict(failure.headers),  # a name comes once: SDKs read two values as one, `5, 1000`
    }
    return HttpReply(
        failure.status or _spelled(failure).status,
        b"content-type: application/json\r\n" + header_lines(given),
        encode({"type": "error", "error": told, "request_id": request}),
        told["message"],
    )


def error_event(broken: Broken, id: str) -> bytes:
    """An error inside a stream, at which SDKs raise; `id` is that of the answer that it breaks off."""
    told = {"type": "error", "error": error_object(failure_of(broken)), "request_id": request_id(id)}
    return b"event: error\ndata: %b\n\n" % encode(told)


def speaks(http: HttpRequest) -> bool:
    """`anthropic-version` says so, or a key in `x-api-key`, which no other API takes."""
    return b"anthropic-version" in http.headers or b"x-api-key" in http.headers


def unrouted(method: str, path: str, allowed: tuple[str, ...], hint: str) -> Failure:
    """`Not Found`, with a path nearby where there is one; or `Method Not Allowed` with what is allowed."""
    if allowed:
        headers = (("allow", ", ".join((*allowed, "OPTIONS"))),)
        return Failure(405, "method_not_allowed", headers=headers)
    if not hint:
        return Failure(404, "not_found")
    ends = "should end" if hint == f"/v1{path}" else "should not end"
    nearby = f"Did you mean {hint}? The base URL of this client {ends} with /v1."
    return Failure(404, "not_found", f"Not Found ({method} {path}). {nearby}")


# --- headers ----------------------------------------------------------------------------------------

_HEAD = f"content-type: {{type}}\r\nanthropic-organization-id: {ORGANIZATION}\r\nrequest-id: %b\r\n%b"
JSON, SSE = "application/json", "text/event-stream; charset=utf-8"
_WHOLE, _STREAM = (_HEAD.format(type=each).encode() for each in (JSON, SSE))
_IDLE = (
    ("requests", REQUESTS_PER_MINUTE, REQUESTS_PER_MINUTE - 1),
    ("tokens", TOKENS_PER_MINUTE, TOKENS_PER_MINUTE),
    ("input-tokens", INPUT_PER_MINUTE, INPUT_PER_MINUTE),
    ("output-tokens", OUTPUT_PER_MINUTE, OUTPUT_PER_MINUTE),
)


def head(reply: AnyReply, stream: bool, limits: RateLimits | None = None) -> bytes:
    """Header lines of a success.

    Where no limit is in force, the rate-limit headers tell of a window in which this request is the
    only one, rounded as the API rounds, so that a few tokens are not seen in it.
    """
    if limits is None:
        lines = _idle(reply.created)
    else:
        told = rate_limit_headers(limits, reply.created)
        lines = "".join([f"{name}: {value}\r\n" for name, value in told.items()]).encode()
    return (_STREAM if stream else _WHOLE) % (request_id(reply.id).encode(), lines)


def rate_limit_headers(limits: RateLimits, now: float) -> dict[str, str]:
    """`anthropic-ratelimit-{requests,tokens}-{limit,remaining,reset}` for what is limited, at `now`."""
    told = {}
    for name, window in (("requests", limits.requests), ("tokens", limits.tokens)):
        if window is not None:
            told[f"anthropic-ratelimit-{name}-limit"] = f"{window.limit}"
            told[f"anthropic-ratelimit-{name}-remaining"] = f"{window.remaining}"
            told[f"anthropic-ratelimit-{name}-reset"] = instant(whole_seconds(now + window.reset))
    return told


@lru_cache(16)
def _idle(now: int) -> bytes:
    """The rate-limit headers where nothing is limited, the same for a second."""
    start = "anthropic-ratelimit-"
    return "".join(
        f"{start}{name}-limit: {limit}\r\n{start}{name}-remaining: {left}\r\n"
        f"{start}{name}-reset: {instant(now + (name == 'requests'))}\r\n"
        for name, limit, left in _IDLE
    ).encode()


_LAST = 253_402_300_799


def instant(seconds: int) -> str:
    """Unix seconds as RFC 3339 has them, whose last year is 9999: `2026-10-21T12:00:00Z`."""
    return datetime.fromtimestamp(min(seconds, _LAST), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def whole_seconds(seconds: float) -> int:
    """Rounded up; what floats add to a whole number is no reason to."""
    return ceil(seconds - 1e-6)


_STRANGE = re.compile(r"[^0-9A-Za-z]")


def request_id(id: str) -> str:
    """`req_011C` and the first 20 letters and digits of the answer's id."""
    return f"req_011C{_STRANGE.sub('', id)[:20]}"


# --- usage -------------------------------------------------------------------------------------------


def usage_object(usage: Usage, output: int | None = None) -> dict[str, Any]:
    """`output` is what to tell in place of all output tokens, where a stream has only begun."""
    return {
        "input_tokens": max(0, usage.input - usage.cached - usage.written),
        "cache_creation_input_tokens": usage.written,
        "cache_read_input_tokens": usage.cached,
        "cache_creation": {
            "ephemeral_5m_input_tokens": max(0, usage.written - usage.written_1h),
            "ephemeral_1h_input_tokens": usage.written_1h,
        },
        "output_tokens": usage.output if output is None else output,
        "output_tokens_details": {"thinking_tokens": 0 if output is not None else usage.reasoning},
        "service_tier": "standard",
    }


def read_usage(*told: Mapping[str, Any] | None) -> Usage:
    """The inverse of `usage_object`; of several, the last that tells a number. Missing numbers are 0."""
    raw: dict[str, Any] = {}
    for each in told:
        raw |= each or {}
    cached = raw.get("cache_read_input_tokens") or 0
    created = raw.get("cache_creation_input_tokens") or 0
    return Usage(
        (raw.get("input_tokens") or 0) + cached + created,
        raw.get("output_tokens") or 0,
        (raw.get("output_tokens_details") or {}).get("thinking_tokens", 0),
        cached,
        created,
        (raw.get("cache_creation") or {}).get("ephemeral_1h_input_tokens", 0),
    )
