"""What OpenAI's APIs share."""

from __future__ import annotations

import json
from typing import Any

import pytest

from understudy.errors import Failure
from understudy.model import Broken, RateLimits, Reply, Usage, Window
from understudy.providers import openai_base as base

ID = "0123456789abcdefghijklmnopqrs"


def test_the_envelope_has_the_vendors_four_fields_in_its_order() -> None:
    failure = Failure(
        400, "invalid_request", "No.", param="n", code="bad", headers=(("retry-after", "1"), ("x-a", "b"))
    )
    answer = base.error(failure, ID)
    assert answer.status == 400
    assert (
        answer.body == b'{"error":{"message":"No.","type":"invalid_request_error","param":"n","code":"bad"}}'
    )
    assert answer.headers == (
        b"content-type: application/json\r\n"
        b"x-request-id: req_30313233343536373839616263646566\r\n"
        b"openai-version: 2020-10-01\r\n"
        b"retry-after: 1\r\n"
        b"x-a: b\r\n"
    )


def test_the_headers_of_an_answer_are_the_vendors() -> None:
    head = base.head(Reply((), usage=Usage(10, 5), id=ID, seconds=0.0125), stream=False)
    assert head == (
        b"content-type: application/json\r\n"
        b"openai-organization: user-understudy\r\n"
        b"openai-project: proj_understudy\r\n"
        b"openai-version: 2020-10-01\r\n"
        b"x-ratelimit-limit-requests: 30000\r\n"
        b"x-ratelimit-limit-tokens: 150000000\r\n"
        b"x-ratelimit-remaining-requests: 29999\r\n"
        b"x-ratelimit-reset-requests: 2ms\r\n"
        b"x-ratelimit-reset-tokens: 0s\r\n"
        b"x-ratelimit-remaining-tokens: 149999990\r\n"
        b"openai-processing-ms: 12\r\n"
        b"x-request-id: req_30313233343536373839616263646566\r\n"
    )


def test_a_stream_says_that_it_is_one() -> None:
    assert base.head(Reply((), id=ID), stream=True).startswith(
        b"content-type: text/event-stream; charset=utf-8\r\n"
    )


@pytest.mark.parametrize("usage", [Usage(10, 5), Usage(10, 5, 3, 8), Usage()])
def test_usage_is_read_as_it_was_told(usage: Usage) -> None:
    assert base.read_usage(base.usage_object(usage)) == usage


@pytest.mark.parametrize(
    "raw", [None, {}, {"prompt_tokens_details": None, "completion_tokens_details": None}]
)
def test_usage_that_was_not_told_is_none(raw: dict[str, Any] | None) -> None:
    assert base.read_usage(raw) == Usage()


@pytest.mark.parametrize(
    ("text", "length"), [("", 16), ("a", 15), ("x" * 15, 1), ("x" * 16, 16), ("ab" * 20, 8)]
)
def test_obfuscation_brings_a_delta_to_a_multiple_of_16(text: str, length: int) -> None:
    assert len(base.obfuscation(text)) == length
    assert base.obfuscation(text).isalnum()


@pytest.mark.parametrize("token", ["Hello", "", "\n", "é", "."])
def test_alternatives_are_distinct_and_ever_less_likely(token: str) -> None:
    for number in (0, 1, 5, 20):
        found = base.alternatives(token, number)
        assert len(found) == len({form for form, _ in found}) == number
        assert [form for form, _ in found[:1]] == [token][:number]
        chances = [chance for _, chance in found]
        assert chances == sorted(chances, reverse=True)
        assert all(chance <= 0 for chance in chances)


@pytest.mark.parametrize(
    ("tier", "served"), [(None, "default"), ("auto", "default"), ("flex", "flex"), ("priority", "priority")]
)
def test_the_tier_that_served_is_told(tier: str | None, served: str) -> None:
    assert base.service_tier({"service_tier": tier}) == served


def test_a_path_nearby_is_hinted_at() -> None:
    failure = base.unrouted("POST", "/chat/completions", (), "/v1/chat/completions")
    assert failure.message == (
        "Invalid URL (POST /chat/completions). Did you mean /v1/chat/completions? "
        "The base URL of an OpenAI client should end with /v1."
    )
    assert base.unrouted("GET", "/v1/x", (), "").message == "Invalid URL (GET /v1/x)"


def test_frames_are_read_up_to_done() -> None:
    assert list(base.frames(b' {"a": 1}')) == [{"a": 1}]
    assert list(base.frames(b'data: {"a":1}\n\ndata: {"b":2}\n\ndata: [DONE]\n\ndata: {\n\n')) == [
        {"a": 1},
        {"b": 2},
    ]
    assert list(base.frames(b'data: {"a":1}\n\n')) == [{"a": 1}]


def test_an_error_inside_a_stream_is_a_frame() -> None:
    frame = base.error_frame(Broken(500, "server", "It broke."))
    assert frame == (
        b'data: {"error":{"message":"It broke.","type":"server_error","param":null,"code":null}}\n\n'
    )


def test_an_error_inside_a_stream_says_what_the_same_error_does_outside() -> None:
    frame = base.error_frame(Broken(None, "quota"))
    assert frame == b"data: %b\n\n" % base.error(Failure(None, "quota"), "").body
    told = json.loads(base.error_frame(Broken(None, "server", "Oh", "n", "7", "odd"))[6:])
    assert told == {"error": {"message": "Oh", "type": "odd", "param": "n", "code": "7"}}


@pytest.mark.parametrize(
    ("seconds", "lines"),
    [
        (0.0, (("retry-after", "0"), ("retry-after-ms", "0"))),
        (0.2, (("retry-after", "1"), ("retry-after-ms", "200"))),
        (0.0001, (("retry-after", "1"), ("retry-after-ms", "1"))),
        (
            2.007,
            (("retry-after", "3"), ("retry-after-ms", "2007")),
        ),  # times 1000, as floats do it, that is 2007.0000000000002
        (20.0, (("retry-after", "20"), ("retry-after-ms", "20000"))),
        (None, ()),
    ],
)
def test_when_to_retry_is_told_in_seconds_and_to_the_millisecond(
    seconds: float | None, lines: tuple[tuple[str, str], ...]
) -> None:
    assert base.retry_headers(seconds) == lines


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.0, "0s"),
        (0.644, "644ms"),
        (8.64, "8.64s"),
        (9.816, "9.816s"),
        (60, "1m0s"),
        (360, "6m0s"),
        (86400, "24h0m0s"),
    ],
)
def test_a_duration_is_written_as_the_vendor_writes_it(seconds: float, told: str) -> None:
    assert base.duration(seconds) == told


VISIT = "Visit https://platform.openai.com/account/rate-limits to learn more."


@pytest.mark.parametrize(
    ("facts", "retry_after", "message"),
    [
        (
            {
                "model": "gpt-4o",
                "of": "tokens",
                "limit": 30000,
                "used": 29937,
                "requested": 385,
                "window_s": 60.0,
            },
            0.644,
            "Rate limit reached for gpt-4o in organization org-understudy on tokens per min (TPM): "
            f"Limit 30000, Used 29937, Requested 385. Please try again in 644ms. {VISIT}",
        ),
        (
            {
                "model": "gpt-4o-mini",
                "of": "requests",
                "limit": 3,
                "used": 3,
                "requested": 1,
                "window_s": 60.0,
            },
            20.0,
            "Rate limit reached for gpt-4o-mini in organization org-understudy on requests per min (RPM): "
            f"Limit 3, Used 3, Requested 1. Please try again in 20s. {VISIT}",
        ),
        (
            {"model": "", "of": "requests", "limit": 5, "used": 5, "requested": 1, "window_s": 20.0},
            4.0,
            "Rate limit reached in organization org-understudy on requests per 20s: "
            f"Limit 5, Used 5, Requested 1. Please try again in 4s. {VISIT}",
        ),
        (
            {"model": "gpt-4o", "of": "tokens", "limit": 30000, "requested": 30601, "window_s": 60.0},
            None,
            "Request too large for gpt-4o in organization org-understudy on tokens per min (TPM): "
            "Limit 30000, Requested 30601. The input or output tokens must be reduced in order to run "
            f"successfully. {VISIT}",
        ),
    ],
)
def test_a_reached_limit_is_told_in_the_vendors_words(
    facts: dict[str, Any], retry_after: float | None, message: str
) -> None:
    told = base.error_object(Failure(None, "rate_limit", retry_after=retry_after, facts=facts))
    assert told == {"message": message, "type": facts["of"], "param": None, "code": "rate_limit_exceeded"}


def told(failure: Failure) -> tuple[int, Any]:
    answer = base.error(failure, ID)
    return answer.status, json.loads(answer.body)["error"]


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("mock", "mock"),
        ("YOUR_API_KEY", "YOUR_API_KEY"),
        ("your_key_here", "your_key*here"),
        ("YOUR_OPENAI_KEY", "YOUR_OPE***_KEY"),
        ("your-openai-api-key-here", "your-ope************here"),
        ("sk-PMafP" + "x" * 39 + "E873", "sk-PMafP***************************************E873"),
    ],
)
def test_a_wrong_key_is_shown_by_its_ends(key: str, shown: str) -> None:
    assert told(Failure(None, "authentication", facts={"key": key})) == (
        401,
        {
            "message": f"Incorrect API key provided: {shown}. You can find your API key at "
            "https://platform.openai.com/account/api-keys.",
            "type": "invalid_request_error",
            "param": None,
            "code": "invalid_api_key",
        },
    )


def test_no_key_at_all_is_told_as_such() -> None:
    status, error = told(Failure(None, "authentication", facts={"key": ""}))
    assert (status, error["type"], error["code"]) == (401, "invalid_request_error", None)
    assert error["message"] == (
        "You didn't provide an API key. You need to provide your API key in an Authorization header using "
        "Bearer auth (i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank username) "
        "if you're accessing the API from your browser and are prompted for a username and password. You can "
        "obtain an API key from https://platform.openai.com/account/api-keys."
    )


@pytest.mark.parametrize(
    ("failure", "status", "message", "type", "code"),
    [
        (
            Failure(None, "permission"),
            403,
            "Country, region, or territory not supported",
            "request_forbidden",
            "unsupported_country_region_territory",
        ),
        (
            Failure(None, "permission", facts={"model": "gpt-4o-mini"}),
            403,
            "Project `proj_understudy` does not have access to model `gpt-4o-mini`",
            "invalid_request_error",
            "model_not_found",
        ),
        (
            Failure(None, "too_large"),
            413,
            "Maximum content size limit (26214400) exceeded (26306794 bytes read)",
            "server_error",
            None,
        ),
        (
            Failure(None, "server"),
            500,
            "The server had an error while processing your request. Sorry about that!",
            "server_error",
            None,
        ),
        (Failure(502, "server"), 502, "Bad gateway.", "cf_bad_gateway", 502),
        (Failure(524, "server"), 524, "Gateway timeout.", "cf_gateway_timeout", 524),
    ],
    ids=["country", "project", "size", "500", "502", "524"],
)
def test_failures_are_spelled_as_reported(
    failure: Failure, status: int, message: str, type: str, code: str | int | None
) -> None:
    expected = {"message": message, "type": type, "param": None, "code": code}
    assert told(failure) == (status, expected)


def over(**facts: Any) -> Any:
    return told(Failure(None, "context_length", facts=facts))[1]


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (
            {"window": 4097, "input": 7575, "output": 0, "functions": 0},
            "This model's maximum context length is 4097 tokens. However, your messages resulted in 7575 "
            "tokens. Please reduce the length of the messages.",
        ),
        (
            {"window": 128000, "input": 202868, "output": 0, "functions": 101},
            "This model's maximum context length is 128000 tokens. However, your messages resulted in 202868 "
            "tokens (202767 in the messages, 101 in the functions). Please reduce the length of the messages "
            "or functions.",
        ),
        (
            {"window": 8192, "input": 64, "output": 8192, "functions": 0},
            "This model's maximum context length is 8192 tokens. However, you requested 8256 tokens (64 in "
            "the messages, 8192 in the completion). Please reduce the length of the messages or completion.",
        ),
        (
            {"window": 16385, "input": 14364, "output": 2246, "functions": 226},
            "This model's maximum context length is 16385 tokens. However, you requested 16610 tokens (14138 "
            "in the messages, 226 in the functions, and 2246 in the completion). Please reduce the length of "
            "the messages, functions, or completion.",
        ),
        (
            {"window": 272000, "input": 289650, "output": 0, "functions": 0, "apart": True},
            "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 289650 "
            "tokens. Please reduce the length of the messages.",
        ),
    ],
    ids=["messages", "functions", "completion", "both", "input alone"],
)
def test_a_chat_that_is_too_long_is_told_what_fills_it(facts: dict[str, Any], message: str) -> None:
    assert over(operation="chat", **facts) == {
        "message": message,
        "type": "invalid_request_error",
        "param": "messages",
        "code": "context_length_exceeded",
    }


@pytest.mark.parametrize(
    ("facts", "message", "type", "code"),
    [
        (
            {"operation": "completion", "window": 4097, "input": 4066, "output": 256},
            "This model's maximum context length is 4097 tokens, however you requested 4322 tokens (4066 in "
            "your prompt; 256 for the completion). Please reduce your prompt; or completion length.",
            "invalid_request_error",
            None,
        ),
        (
            {"operation": "embedding", "window": 8192, "input": 9000, "output": 0, "place": "input"},
            "Invalid 'input': maximum context length is 8192 tokens.",
            "invalid_request_error",
            None,
        ),
        (
            {"operation": "embedding", "window": 8192, "input": 9001, "output": 0, "place": "input[0]"},
            "Invalid 'input[0]': maximum input length is 8192 tokens.",
            "invalid_request_error",
            None,
        ),
        (
            {"operation": "embedding", "window": 8192, "input": 306153, "output": 0, "most": 300000},
            "Requested 306153 tokens, max 300000 tokens per request",
            "max_tokens_per_request",
            "max_tokens_per_request",
        ),
    ],
    ids=["completion", "one embedding", "one of the embeddings", "embeddings together"],
)
def test_a_prompt_that_is_too_long_is_told_in_its_apis_words(
    facts: dict[str, Any], message: str, type: str, code: str | None
) -> None:
    assert over(**facts) == {"message": message, "type": type, "param": None, "code": code}


@pytest.mark.parametrize(("retry_after", "again"), [(None, "120ms"), (20, "20s")])
def test_a_limit_that_is_reached_on_purpose_is_made_up(retry_after: float | None, again: str) -> None:
    failure = Failure(None, "rate_limit", retry_after=retry_after, facts={"model": "gpt-5"})
    assert told(failure) == (
        429,
        {
            "message": "Rate limit reached for gpt-5 in organization org-understudy on requests per min "
            f"(RPM): Limit 500, Used 500, Requested 1. Please try again in {again}. Visit "
            "https://platform.openai.com/account/rate-limits to learn more.",
            "type": "requests",
            "param": None,
            "code": "rate_limit_exceeded",
        },
    )


def test_a_limit_of_ones_own_words_is_told_in_them() -> None:
    failure = Failure(429, "rate_limit", "Slow down.", type="rate_limit_error", code="mine")
    assert told(failure) == (
        429,
        {"message": "Slow down.", "type": "rate_limit_error", "param": None, "code": "mine"},
    )


def test_a_failures_own_header_takes_the_place_of_what_the_limits_say() -> None:
    own = Failure(429, "rate_limit", headers=(("x-ratelimit-remaining-requests", "0"),))
    lines = base.error(own, "id", RateLimits(Window(500, 499, 0.12))).headers.split(b"\r\n")
    assert [line for line in lines if line.startswith(b"x-ratelimit")] == [
        b"x-ratelimit-remaining-requests: 0",
        b"x-ratelimit-limit-requests: 500",
        b"x-ratelimit-reset-requests: 120ms",
    ]
