"""Gemini's countTokens, embeddings and models."""

from __future__ import annotations

import json
from array import array
from typing import Any

from understudy.model import (
    CountReply,
    EmbeddingReply,
    HttpRequest,
    ModelInfo,
    ModelsReply,
    Text,
    Usage,
)
from understudy.providers import gemini_embeddings, gemini_models, gemini_tokens

HI = {"role": "user", "parts": [{"text": "Hi"}]}


def http(path: str, body: dict[str, Any]) -> HttpRequest:
    return HttpRequest("POST", f"/v1beta/models/{path}", body=json.dumps(body).encode())


# --- countTokens --------------------------------------------------------------------------------------


def test_contents_or_a_whole_request_are_counted() -> None:
    alone = gemini_tokens.parse(http("m:countTokens", {"contents": [HI]}))
    whole = {"generateContentRequest": {"model": "models/m", "contents": [HI]}}
    inside = gemini_tokens.parse(http("m:countTokens", whole))
    assert alone.model == inside.model == "m"
    assert alone.request.messages == inside.request.messages
    assert alone.request.messages[0].parts == (Text("Hi"),)


def test_the_number_is_the_total() -> None:
    request = gemini_tokens.parse(http("m:countTokens", {"contents": [HI]}))
    assert json.loads(gemini_tokens.body(CountReply(Usage(7)), request))["totalTokens"] == 7


# --- embeddings ---------------------------------------------------------------------------------------

VECTOR = array("f", [0.5, 0.25]).tobytes()


def test_one_content_has_one_vector_and_several_have_a_list() -> None:
    one = gemini_embeddings.parse(http("m:embedContent", {"content": HI, "outputDimensionality": 2}))
    several = gemini_embeddings.parse(
        http("m:batchEmbedContents", {"requests": [{"content": HI, "output_dimensionality": 3}] * 2})
    )
    assert (one.inputs, one.dimensions) == (("Hi",), 2)
    assert (several.inputs, several.dimensions) == (("Hi", "Hi"), 3)
    values = {"values": [0.5, 0.25]}
    body = gemini_embeddings.body
    assert json.loads(body(EmbeddingReply((VECTOR,), Usage()), one)) == {"embedding": values}
    told = json.loads(body(EmbeddingReply((VECTOR, VECTOR), Usage()), several))
    assert told == {"embeddings": [values, values]}


def test_no_requests_have_no_vectors() -> None:
    request = gemini_embeddings.parse(http("m:batchEmbedContents", {}))
    assert json.loads(gemini_embeddings.body(EmbeddingReply((), Usage()), request)) == {"embeddings": []}


def test_the_texts_of_a_content_are_embedded_as_one() -> None:
    content = {"parts": [{"text": "a"}, {"text": "b"}]}
    config = {"embedContentConfig": {"outputDimensionality": 4}}
    request = gemini_embeddings.parse(http("m:embedContent", {"content": content, **config}))
    assert (request.inputs, request.dimensions) == (("a\nb",), 4)


def test_a_list_of_vectors_is_read_back() -> None:
    values = [{"values": [0.5, 0.25]}]
    assert gemini_embeddings.read([json.dumps({"embeddings": values}).encode()]).vectors == (VECTOR,)


# --- models -------------------------------------------------------------------------------------------

FIVE = ModelsReply(tuple(ModelInfo(f"m{number}") for number in range(5)))


def page(query: str) -> tuple[list[str], str | None]:
    request = gemini_models.parse(HttpRequest("GET", f"/v1beta/models?{query}"))
    told = json.loads(gemini_models.body(FIVE, request))
    return [model["name"] for model in told["models"]], told.get("nextPageToken")


def test_models_come_a_page_at_a_time() -> None:
    assert page("pageSize=2") == (["models/m0", "models/m1"], "2")
    assert page("pageSize=2&pageToken=4") == (["models/m4"], None)
    assert page("page_size=5") == ([f"models/m{number}" for number in range(5)], None)
    assert page("pageSize=0&pageToken=x") == ([f"models/m{number}" for number in range(5)], None)


def test_a_model_says_what_it_can_and_an_embedding_model_nothing_else() -> None:
    request = gemini_models.parse(HttpRequest("GET", "/v1beta/models"))
    infos = (ModelInfo("text-embedding-3-small"), ModelInfo("gpt-4o"))
    embeds, generates = json.loads(gemini_models.body(ModelsReply(infos), request))["models"]
    assert embeds["supportedGenerationMethods"] == ["embedContent"]
    assert generates["supportedGenerationMethods"] == ["generateContent", "countTokens"]
    assert generates["outputTokenLimit"] == 16_384
