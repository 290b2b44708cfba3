"""What Gemini's APIs share: whose request it is, paths, errors, and how fields are read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from understudy.errors import Failure
from understudy.model import HttpRequest, ModelsReply
from understudy.providers import PROVIDERS, openai_models
from understudy.providers import gemini_base as base
from understudy.routes import Routes

ROUTES = Routes(PROVIDERS)
RPC = "type.googleapis.com/google.rpc."


def found(method: str, target: str, *headers: bytes) -> str:
    return ROUTES.find(HttpRequest(method, target, headers)).NAME


@pytest.mark.parametrize(
    ("method", "target", "headers", "name"),
    [
        ("GET", "/v1/models", (), "openai-models"),
        ("GET", "/v1/models", (b"x-goog-api-key", b"k"), "gemini-models"),
        ("GET", "/v1/models?key=k", (), "gemini-models"),
        ("GET", "/v1/models?monkey=k", (), "openai-models"),
        ("GET", "/v1/models/ft:gpt-4o:acme", (), "openai-models"),
        ("GET", "/v1beta/models/gemini-2.5-flash", (), "gemini-models"),
        ("POST", "/v1/models/gemini-2.5-flash:generateContent", (), "gemini-generate"),
        ("POST", "/v1beta/models/m:streamGenerateContent?alt=sse", (), "gemini-generate"),
        ("POST", "/v1beta/models/m:streamGenerateContent?key=k&alt=sse", (), "gemini-generate"),
        ("POST", "/v1beta/models/m:streamGenerateContent", (), "gemini-generate-array"),
        ("POST", "/v1beta/models/m:countTokens", (), "gemini-tokens"),
        ("POST", "/v1beta/models/m:embedContent", (), "gemini-embeddings"),
        ("POST", "/v1beta/models/m:batchEmbedContents", (), "gemini-embeddings"),
        (
            "POST",
            "/v1beta1/projects/p/locations/l/publishers/google/models/m:streamGenerateContent?alt=sse",
            (),
            "gemini-generate",
        ),
        ("POST", "/v1/tunedModels/mine:generateContent", (), "gemini-generate"),
    ],
)
def test_a_key_of_googles_or_a_verb_says_whose_a_request_is(
    method: str, target: str, headers: tuple[bytes, ...], name: str
) -> None:
    assert found(method, target, *headers) == name


def test_a_path_that_there_is_not_is_refused_in_googles_words() -> None:
    with pytest.raises(Failure) as caught:
        found("POST", "/v1beta/models/m:predict")
    answer = base.error(caught.value, "")
    assert answer.status == 404
    assert json.loads(answer.body) == {
        "error": {
            "code": 404,
            "message": "The requested URL /v1beta/models/m:predict was not found on this server.",
            "status": "NOT_FOUND",
        }
    }


@pytest.mark.parametrize(
    ("path", "called"),
    [
        ("/v1/models/m:generateContent", base.Called("v1", "m", "generateContent")),
        ("/v1beta/tunedModels/t:countTokens", base.Called("v1beta", "tunedModels/t", "countTokens")),
        (
            "/v1beta1/projects/p/locations/eu/publishers/google/models/m:generateContent",
            base.Called("v1beta1", "m", "generateContent"),
        ),
        ("/v1/models/a:b:generateContent", base.Called("v1", "a:b", "generateContent")),
        ("/v1/models", None),
        ("/v1/chat/completions", None),
    ],
)
def test_a_path_says_version_model_and_verb(path: str, called: base.Called | None) -> None:
    assert base.called(path) == called


# --- errors -----------------------------------------------------------------------------------------


def told(failure: Failure) -> dict[str, Any]:
    error: dict[str, Any] = json.loads(base.error(failure, "").body)["error"]
    return error


def test_a_wrong_key_is_a_400_with_its_reason() -> None:
    assert told(Failure(None, "authentication", facts={"key": "sk-wrong"})) == {
        "code": 400,
        "message": "API key not valid. Please pass a valid API key.",
        "status": "INVALID_ARGUMENT",
        "details": [
            {
                "@type": f"{RPC}ErrorInfo",
                "reason": "API_KEY_INVALID",
                "domain": "googleapis.com",
                "metadata": {"service": "generativelanguage.googleapis.com"},
            },
            {
                "@type": f"{RPC}LocalizedMessage",
                "locale": "en-US",
                "message": "API key not valid. Please pass a valid API key.",
            },
        ],
    }


def test_no_key_is_a_403() -> None:
    error = told(Failure(None, "authentication", facts={"key": ""}))
    assert (error["code"], error["status"]) == (403, "PERMISSION_DENIED")
    assert error["message"].startswith("Method doesn't allow unregistered callers")


def test_a_limit_that_is_reached_is_told_in_words_and_details() -> None:
    facts = {"model": "gemini-2.0-flash", "of": "tokens", "limit": 4_000_000, "window_s": 60.0}
    error = told(Failure(None, "rate_limit", retry_after=47.5, facts={**facts, "requested": 1, "used": 1}))
    metric = "generativelanguage.googleapis.com/generate_content_paid_tier_input_token_count"
    assert error["message"].endswith(
        f"\n* Quota exceeded for metric: {metric}, limit: 4000000, model: gemini-2.0-flash"
        "\nPlease retry in 47.5s."
    )
    assert error["details"][1:] == [
        {
            "@type": f"{RPC}QuotaFailure",
            "violations": [
                {
                    "quotaMetric": metric,
                    "quotaId": "GenerateContentPaidTierInputTokensPerModelPerMinute",
                    "quotaDimensions": {"location": "global", "model": "gemini-2.0-flash"},
                    "quotaValue": "4000000",
                }
            ],
        },
        {"@type": f"{RPC}RetryInfo", "retryDelay": "47.5s"},
    ]


def test_of_limits_and_retries_no_header_tells() -> None:
    headers = base.error(Failure(None, "rate_limit", retry_after=1), "").headers
    assert b"retry-after" not in headers
    assert b"ratelimit" not in headers
    assert b"ratelimit" not in base.head(ModelsReply(()), False)
    assert b"ratelimit" in openai_models.head(ModelsReply(()), False)


def test_a_status_has_the_name_that_google_gives_it() -> None:
    assert told(Failure(401, "authentication", "No."))["status"] == "UNAUTHENTICATED"
    assert told(Failure(503, "server", "No."))["status"] == "UNAVAILABLE"
    assert told(Failure(418, "server", "No."))["status"] == "INTERNAL"
    assert told(Failure(400, "invalid_request", "No.", type="FAILED_PRECONDITION"))["status"] == (
        "FAILED_PRECONDITION"
    )


def test_an_unknown_model_is_named_as_the_path_names_it() -> None:
    facts = {"model": "tunedModels/t", "path": "/v1/tunedModels/t:countTokens"}
    assert told(Failure(None, "unknown_model", facts=facts))["message"] == (
        "tunedModels/t is not found for API version v1, or is not supported for countTokens. Call ListModels "
        "to see the list of available models and their supported methods."
    )


def test_too_many_tokens_are_counted_in_the_refusal() -> None:
    facts = {"operation": "chat", "window": 1_048_576, "input": 3_475_108, "output": 0}
    assert told(Failure(None, "context_length", facts=facts))["message"] == (
        "The input token count (3475108) exceeds the maximum number of tokens allowed (1048576)."
    )


# --- reading ------------------------------------------------------------------------------------------


def test_a_field_goes_by_either_of_its_names() -> None:
    assert base.field({"maxOutputTokens": 1}, "maxOutputTokens") == 1
    assert base.field({"max_output_tokens": 2}, "maxOutputTokens") == 2
    assert base.field({}, "maxOutputTokens") is None


def test_one_alone_is_a_list_of_one() -> None:
    assert base.listed({"parts": {"text": "a"}}, "parts") == [{"text": "a"}]
    assert base.listed({}, "parts") == []


def test_a_value_of_another_type_is_refused_with_its_place() -> None:
    with pytest.raises(Failure) as caught:
        base.typed({"topK": "many"}, "topK", int, "generation_config.")
    words = "Invalid value at 'generation_config.top_k' (TYPE_INT32), \"many\""
    assert caught.value.message == words
    assert told(caught.value)["details"] == [
        {
            "@type": f"{RPC}BadRequest",
            "fieldViolations": [{"field": "generation_config.top_k", "description": words}],
        }
    ]


@pytest.mark.parametrize("body", [b"{", b"[1]", b"\xff"], ids=["half", "a list", "no text"])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(Failure) as caught:
        base.body_object(HttpRequest("POST", "/v1/models/m:generateContent", body=body))
    assert caught.value.status == 400
    assert caught.value.message.startswith("Invalid JSON payload received.")
