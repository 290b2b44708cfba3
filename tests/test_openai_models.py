"""OpenAI's Models API; the answers themselves are golden pairs."""

from __future__ import annotations

import pytest

from understudy.catalog import DEFAULT_MODELS, listed
from understudy.errors import Failure
from understudy.model import HttpRequest, ModelsReply, ModelsRequest
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


def test_a_model_that_is_not_there_is_the_vendors_404() -> None:
    with pytest.raises(Failure) as caught:
        openai_models.body(ModelsReply(()), ModelsRequest("openai-models", "gpt-99" * 100))
    failure = caught.value
    assert (failure.status, failure.kind, failure.param, failure.code) == (
        404,
        "not_found",
        "model",
        "model_not_found",
    )
    assert failure.message.startswith("The model 'gpt-99gpt-99")
    assert len(failure.message) < 240


def test_the_catalog_lists_all_or_the_one_that_is_named() -> None:
    assert listed(DEFAULT_MODELS, ModelsRequest("a")).models == DEFAULT_MODELS
    (one,) = listed(DEFAULT_MODELS, ModelsRequest("a", "gpt-4o")).models
    assert (one.id, one.owned_by, one.context_window) == ("gpt-4o", "system", 128_000)
    assert listed(DEFAULT_MODELS, ModelsRequest("a", "gpt-99")).models == ()


def test_no_model_is_listed_twice() -> None:
    ids = [model.id for model in DEFAULT_MODELS]
    assert len(set(ids)) == len(ids)
    assert ids[:3] == ["mock-llm-v1", "mock-gpt-4", "mock-claude-sonnet-4"]
