"""OpenAI's Models API; the answers themselves are golden pairs."""

from __future__ import annotations

import pytest

from understudy.catalog import DEFAULT_MODELS
from understudy.errors import Failure
from understudy.model import HttpRequest, ModelInfo, ModelsReply, ModelsRequest
from understudy.providers import openai_base as base
from understudy.providers import openai_models


@pytest.mark.parametrize(
    ("target", "model"),
    [
        ("/v1/models", ""),
        ("/v1/models?limit=2", ""),
        ("/v1/models/gpt-4o", "gpt-4o"),
        ("/v1/models/acme/one", "acme/one"),
        ("/v1/models/acme%2Fone%20two?x=y", "acme/one two"),
    ],
)
def test_the_path_names_the_model(target: str, model: str) -> None:
    assert openai_models.parse(HttpRequest("GET", target)) == ModelsRequest("openai-models", model)


def test_the_method_says_that_a_model_is_to_be_deleted() -> None:
    asked = openai_models.parse(HttpRequest("DELETE", "/v1/models/ft:gpt-4o:acme::1"))
    assert asked == ModelsRequest("openai-models", "ft:gpt-4o:acme::1", "model_deletion")


def test_who_may_not_delete_a_model_is_told_what_the_key_lacks() -> None:
    answer = openai_models.error(Failure(None, "permission", facts={"lacks": "delete"}), "x" * 29)
    assert answer.status == 403
    assert answer.body == (
        b'{"error":{"message":"You have insufficient permissions for this operation. '
        b'Missing scopes: api.delete","type":"invalid_request_error","param":null,"code":null}}'
    )


def test_a_model_that_is_not_there_is_told_in_this_apis_words() -> None:
    answer = openai_models.error(Failure(None, "unknown_model", facts={"model": "gpt-99"}), "x" * 29)
    assert answer.status == 404
    assert answer.body == (
        b'{"error":{"message":"The model \'gpt-99\' does not exist","type":"invalid_request_error",'
        b'"param":"model","code":"model_not_found"}}'
    )


def test_other_failures_are_told_as_everywhere() -> None:
    failure = Failure(None, "quota")
    assert openai_models.error(failure, "x" * 29) == base.error(failure, "x" * 29)


def test_the_one_that_is_asked_for_is_answered_alone() -> None:
    body = openai_models.body(ModelsReply((ModelInfo("m", "o", 7),)), ModelsRequest("a", "m"))
    assert body == b'{"id":"m","object":"model","created":7,"owned_by":"o"}'


def test_no_model_is_listed_twice() -> None:
    ids = [model.id for model in DEFAULT_MODELS]
    assert len(set(ids)) == len(ids)
    assert ids[:3] == ["mock-llm-v1", "mock-gpt-4", "mock-claude-sonnet-4"]
