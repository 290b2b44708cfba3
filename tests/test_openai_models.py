"""OpenAI's Models API; the answers themselves are golden pairs."""

from __future__ import annotations

import pytest

from understudy.catalog import DEFAULT_MODELS, listed
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


def test_the_catalog_lists_all_or_the_one_that_is_named() -> None:
    assert listed(DEFAULT_MODELS, ModelsRequest("a")).models == DEFAULT_MODELS
    (one,) = listed(DEFAULT_MODELS, ModelsRequest("a", "gpt-4o")).models
    assert (one.id, one.owned_by, one.context_window) == ("gpt-4o", "system", 128_000)
    assert listed(DEFAULT_MODELS, ModelsRequest("a", "gpt-99")).models == ()


def test_no_model_is_listed_twice() -> None:
    ids = [model.id for model in DEFAULT_MODELS]
    assert len(set(ids)) == len(ids)
    assert ids[:3] == ["mock-llm-v1", "mock-gpt-4", "mock-claude-sonnet-4"]
