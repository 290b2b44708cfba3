"""OpenAI's Embeddings API; the answers themselves are golden pairs."""

from __future__ import annotations

import json
from array import array
from typing import Any

import pytest

from understudy.errors import Failure
from understudy.model import EmbeddingReply, EmbeddingRequest, HttpRequest, Usage
from understudy.providers import openai_embeddings


def parsed(**fields: Any) -> EmbeddingRequest:
    body = json.dumps({"model": "text-embedding-3-small", **fields}).encode()
    return openai_embeddings.parse(HttpRequest("POST", "/v1/embeddings", body=body))


def test_a_request_is_read() -> None:
    request = parsed(input=["one", "two"], dimensions=256, encoding_format="base64", user="u")
    assert (request.api, request.operation, request.stream) == ("openai-embeddings", "embedding", False)
    assert request.model == "text-embedding-3-small"
    assert request.inputs == ("one", "two")
    assert request.dimensions == 256
    assert request.raw["encoding_format"] == "base64"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "input"),
        ({"input": "x", "dimensions": 0}, "dimensions"),
        ({"input": "x", "dimensions": 1.5}, "dimensions"),
        ({"input": "x", "encoding_format": "hex"}, "encoding_format"),
        ({"input": "x", "encoding_format": 1}, "encoding_format"),
        ({"input": "x", "user": 1}, "user"),
        ({"input": "x", "model": 1}, "model"),
    ],
)
def test_what_cannot_be_understood_is_refused_by_its_name(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(Failure) as caught:
        parsed(**fields)
    assert (caught.value.status, caught.value.param) == (400, param)


@pytest.mark.parametrize("form", ["float", "base64"])
def test_either_form_is_read_back_exactly(form: str) -> None:
    reply = EmbeddingReply(
        (array("f", [0.1, -0.7]).tobytes(), array("f", [1.0]).tobytes()), Usage(3), model="m"
    )
    body = openai_embeddings.body(reply, parsed(input="x", encoding_format=form))
    assert openai_embeddings.read([body[:10], body[10:]]) == reply


def told(**fields: Any) -> list[tuple[int | None, str]]:
    """What the API would say to a request that can be read."""
    found = openai_embeddings.complaints(parsed(**{"input": "x"} | fields))
    return [(failure.status, failure.message) for failure in found]


@pytest.mark.parametrize(
    "fields",
    [
        {"input": " "},
        {"input": ["x"] * 2048},
        {"input": [1] * 3000},
        {"input": [[1], [2]]},
        {"dimensions": 1536},
        {"dimensions": None},
        {"model": "text-embedding-3-large", "dimensions": 3072},
        {"model": "text-embedding-ada-002"},
        {"model": "mock-llm-v1", "dimensions": 10_000},
        {"model": "acme-embed", "dimensions": 512},
    ],
    ids=str,
)
def test_what_the_api_takes_passes(fields: dict[str, Any]) -> None:
    assert told(**fields) == []


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        ({"input": []}, 400, "Invalid 'input': input cannot be an empty array."),
        ({"input": ""}, 400, "Invalid 'input': input cannot be an empty string."),
        ({"input": ["a", "b", ""]}, 400, "Invalid 'input[2]': input cannot be an empty string."),
        (
            {"dimensions": 2048},
            400,
            "Invalid value for 'dimensions' = 2048. Must be less than or equal to 1536.",
        ),
        (
            {"model": "text-embedding-ada-002", "dimensions": 1536},
            400,
            "This model does not support specifying dimensions.",
        ),
        ({"model": "gpt-4o"}, 403, "You are not allowed to generate embeddings from this model"),
        (
            {"model": "gpt-3.5-turbo-instruct"},
            403,
            "You are not allowed to generate embeddings from this model",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_the_api_refuses_is_told_in_its_words(fields: dict[str, Any], status: int, message: str) -> None:
    assert told(**fields) == [(status, message)]


def test_nothing_to_embed_is_nothing() -> None:
    assert parsed(input=[]).inputs == ()


def test_more_inputs_than_the_api_takes_are_refused_before_they_are_embedded() -> None:
    body = json.dumps({"model": "text-embedding-3-small", "input": ["a"] * 2049}).encode()
    with pytest.raises(Failure, match="array length must be 2048 or less"):
        openai_embeddings.parse(HttpRequest("POST", "/v1/embeddings", body=body))
