"""What Anthropic's APIs share."""

from __future__ import annotations

import json
from typing import Any

import pytest

from understudy.errors import Failure, Kind
from understudy.model import Broken, HttpRequest, RateLimits, Reply, Usage, Window
from understudy.providers import anthropic_base as base

ID = "0123456789abcdefghijklmnopqrs"
NOON = 1_792_584_000  # 2026-10-21T12:00:00Z


def test_the_envelope_tells_the_request_as_its_header_does() -> None:
    answer = base.error(Failure(400, "invalid_request", "No.", headers=(("x-a", "b"),)), ID)
    assert answer.status == 400
    assert answer.body == (
        b'{"type":"error","error":{"type":"invalid_request_error","message":"No."},'
        b'"request_id":"req_011C0123456789abcdefghij"}'
    )
    assert answer.headers == (
        b"content-type: application/json\r\nrequest-id: req_011C0123456789abcdefghij\r\nx-a: b\r\n"
    )


@pytest.mark.parametrize(
    ("kind", "status", "type", "message"),
    [
        ("authentication", 401, "authentication_error", "invalid x-api-key"),
        ("not_found", 404, "not_found_error", "Not Found"),
        ("overloaded", 529, "overloaded_error", "Overloaded"),
        ("server", 500, "api_error", "Internal server error"),
        ("timeout", 504, "timeout_error", "Request timed out"),
        ("too_large", 413, "request_too_large", "Request exceeds the maximum size"),
        (
            "quota",
            400,
            "invalid_request_error",
            "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to "
            "upgrade or purchase credits.",
        ),
    ],
)
def test_a_kind_of_failure_is_said_in_the_vendors_words(
    kind: Kind, status: int, type: str, message: str
) -> None:
    answer = base.error(Failure(None, kind), ID)
    assert answer.status == status
    assert json.loads(answer.body)["error"] == {"type": type, "message": message}


@pytest.mark.parametrize(
    ("kind", "facts", "message"),
    [
        ("unknown_model", {"model": "claude-99"}, "model: claude-99"),
        ("authentication", {"key": ""}, "x-api-key header is required"),
        ("authentication", {"key": "sk-ant-x"}, "invalid x-api-key"),
        (
            "context_length",
            {"operation": "chat", "window": 200_000, "input": 208_310, "output": 1_024},
            "prompt is too long: 208310 tokens > 200000 maximum",
        ),
        (
            "context_length",
            {"operation": "chat", "window": 200_000, "input": 178_959, "output": 64_000},
            "input length and `max_tokens` exceed context limit: 178959 + 64000 > 200000, decrease input "
            "length or `max_tokens` and try again",
        ),
    ],
)
def test_the_words_quote_the_facts(kind: Kind, facts: dict[str, Any], message: str) -> None:
    assert base.error(Failure(None, kind, facts=facts), ID).message == message


def test_a_limit_that_is_reached_is_named_and_says_when_it_is_over() -> None:
    failure = Failure(
        None,
        "rate_limit",
        retry_after=1.2,
        facts={"model": "m", "of": "tokens", "limit": 40_000, "requested": 1, "window_s": 60.0},
    )
    answer = base.error(failure, ID, RateLimits(Window(50, 0, 0.5), Window(40_000, 7, 59.0), NOON + 0.25))
    assert answer.status == 429
    assert answer.message.startswith(
        "This request would exceed the rate limit for your organization "
        "(00000000-0000-4000-8000-000000000000) of 40,000 tokens per minute. For details, refer to: "
    )
    assert answer.headers == (
        b"content-type: application/json\r\n"
        b"request-id: req_011C0123456789abcdefghij\r\n"
        b"anthropic-ratelimit-requests-limit: 50\r\n"
        b"anthropic-ratelimit-requests-remaining: 0\r\n"
        b"anthropic-ratelimit-requests-reset: 2026-10-21T12:00:01Z\r\n"
        b"anthropic-ratelimit-tokens-limit: 40000\r\n"
        b"anthropic-ratelimit-tokens-remaining: 7\r\n"
        b"anthropic-ratelimit-tokens-reset: 2026-10-21T12:01:00Z\r\n"
        b"retry-after: 2\r\n"
    )


@pytest.mark.parametrize(
    ("status", "type"), [(402, "billing_error"), (504, "timeout_error"), (418, "invalid_request_error")]
)
def test_a_bare_status_has_the_type_that_belongs_to_it(status: int, type: str) -> None:
    told = base.error_object(Failure(status, "invalid_request"))
    assert told["type"] == type


def test_a_success_tells_its_request_and_an_idle_window() -> None:
    assert base.head(Reply((), id=ID, created=NOON), stream=False) == (
        b"content-type: application/json\r\n"
        b"anthropic-organization-id: 00000000-0000-4000-8000-000000000000\r\n"
        b"request-id: req_011C0123456789abcdefghij\r\n"
        b"anthropic-ratelimit-requests-limit: 4000\r\n"
        b"anthropic-ratelimit-requests-remaining: 3999\r\n"
        b"anthropic-ratelimit-requests-reset: 2026-10-21T12:00:01Z\r\n"
        b"anthropic-ratelimit-tokens-limit: 2400000\r\n"
        b"anthropic-ratelimit-tokens-remaining: 2400000\r\n"
        b"anthropic-ratelimit-tokens-reset: 2026-10-21T12:00:00Z\r\n"
        b"anthropic-ratelimit-input-tokens-limit: 2000000\r\n"
        b"anthropic-ratelimit-input-tokens-remaining: 2000000\r\n"
        b"anthropic-ratelimit-input-tokens-reset: 2026-10-21T12:00:00Z\r\n"
        b"anthropic-ratelimit-output-tokens-limit: 400000\r\n"
        b"anthropic-ratelimit-output-tokens-remaining: 400000\r\n"
        b"anthropic-ratelimit-output-tokens-reset: 2026-10-21T12:00:00Z\r\n"
    )


def test_no_instant_is_later_than_can_be_written() -> None:
    assert base.instant(10**15) == "9999-12-31T23:59:59Z"


def test_a_success_tells_the_limits_in_force() -> None:
    head = base.head(Reply((), id=ID, created=NOON), True, RateLimits(Window(5, 4, 12.0)))
    assert head == (
        b"content-type: text/event-stream; charset=utf-8\r\n"
        b"anthropic-organization-id: 00000000-0000-4000-8000-000000000000\r\n"
        b"request-id: req_011C0123456789abcdefghij\r\n"
        b"anthropic-ratelimit-requests-limit: 5\r\n"
        b"anthropic-ratelimit-requests-remaining: 4\r\n"
        b"anthropic-ratelimit-requests-reset: 2026-10-21T12:00:12Z\r\n"
    )


def test_an_error_inside_a_stream_is_an_event() -> None:
    assert base.error_event(Broken(None, "overloaded", code="a_code"), ID) == (
        b"event: error\n"
        b'data: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded",'
        b'"details":{"error_code":"a_code"}},"request_id":"req_011C0123456789abcdefghij"}\n\n'
    )


@pytest.mark.parametrize(
    ("headers", "own"),
    [
        ((b"anthropic-version", b"2026-10-21"), True),
        ((b"x-api-key", b"sk-ant-x"), True),
        ((b"authorization", b"Bearer sk-x"), False),
        ((), False),
    ],
)
def test_a_request_says_by_its_headers_that_it_is_anthropics(headers: tuple[bytes, ...], own: bool) -> None:
    assert base.speaks(HttpRequest("GET", "/v1/models", headers)) is own


@pytest.mark.parametrize("usage", [Usage(10, 5), Usage(10, 5, 3, 8), Usage()])
def test_usage_is_read_as_it_was_told(usage: Usage) -> None:
    assert base.read_usage(base.usage_object(usage)) == usage


def test_what_was_cached_is_counted_apart() -> None:
    told = base.usage_object(Usage(100, 5, 2, 60, 30, 10))
    assert (told["input_tokens"], told["cache_read_input_tokens"]) == (10, 60)
    assert told["cache_creation_input_tokens"] == 30
    assert told["cache_creation"] == {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10}
    created = {"input_tokens": 1, "cache_creation_input_tokens": 20, "cache_read_input_tokens": None}
    assert base.read_usage(created, None, {"output_tokens": 3}) == Usage(21, 3, written=20)


def test_paths_are_refused_natively() -> None:
    assert base.error(base.unrouted("GET", "/v1/x", (), ""), ID).message == "Not Found"
    twice = base.unrouted("POST", "/v1/v1/messages", (), "/v1/messages")
    assert twice.message == (
        "Not Found (POST /v1/v1/messages). Did you mean /v1/messages? "
        "The base URL of this client should not end with /v1."
    )
    lacking = base.unrouted("POST", "/messages", (), "/v1/messages")
    assert lacking.message == (
        "Not Found (POST /messages). Did you mean /v1/messages? "
        "The base URL of this client should end with /v1."
    )
    assert base.error(base.unrouted("GET", "/v1/messages", ("POST",), ""), ID).message == "Method Not Allowed"
