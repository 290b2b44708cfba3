"""OpenAI's Embeddings: `POST /v1/embeddings`, as floats and as base64.

Source: platform.openai.com/docs/api-reference/embeddings, and the types of `openai` 3.54
(`embedding_create_params.py`, `create_embedding_response.py`), read 2026-11.
"""

from __future__ import annotations

from array import array
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from typing import Any

from understudy.errors import Failure
from understudy.model import EmbeddingReply, EmbeddingRequest, Event, HttpRequest, Usage
from understudy.providers import openai_base as base
from understudy.providers.base import Check, by_field, decode, encode

NAME = "openai-embeddings"
ROUTES = (("POST", "/v1/embeddings"),)
head = base.head
error = base.error
unrouted = base.unrouted
CHECKS: tuple[Check, ...] = ()
complaints = by_field(CHECKS)

TYPES = {"dimensions": base.INTEGER, "encoding_format": base.STRING, "user": base.STRING}
MOST_INPUTS, MOST_DIMENSIONS = 2048, 3072


def parse(http: HttpRequest) -> EmbeddingRequest:
    """Read an embedding request.

    Body: {"model": str, "input": str | [str] | [int] | [[int]], "dimensions"?, "encoding_format"?}.
    """
    raw = base.body_object(http)
    model = base.required_model(raw)
    base.check_types(raw, TYPES)
    form = raw.get("encoding_format") or "float"
    if form not in ("float", "base64"):
        raise base.invalid_value("encoding_format", form, ("float", "base64"))
    dimensions = raw.get("dimensions")
    if dimensions is not None and not 0 < dimensions <= MOST_DIMENSIONS:
        raise Failure(
            400,
            "invalid_request",
            f"Invalid value for 'dimensions': expected 1 to {MOST_DIMENSIONS}, but got {dimensions} instead.",
            param="dimensions",
        )
    return EmbeddingRequest(NAME, model, base.prompts(raw, "input", model, MOST_INPUTS), raw, dimensions)


def body(reply: EmbeddingReply, request: EmbeddingRequest) -> bytes:
    """A list of embeddings, in the order of the inputs."""
    as_base64 = request.raw.get("encoding_format") == "base64"
    return encode(
        {
            "object": "list",
            "data": [
                {
                    "object": "embedding",
                    "index": index,
                    "embedding": b64encode(vector).decode() if as_base64 else _floats(vector),
                }
                for index, vector in enumerate(reply.vectors)
            ],
            "model": reply.model,
            "usage": {"prompt_tokens": reply.usage.input, "total_tokens": reply.usage.input},
        }
    )


def _floats(vector: bytes) -> list[float]:
    return array("f", vector).tolist()


def encoder(request: EmbeddingRequest) -> Callable[[Event], bytes]:
    """There is no stream of embeddings."""
    raise TypeError(f"{NAME} does not stream")


def read(chunks: Iterable[bytes]) -> EmbeddingReply:
    """The inverse of `body`."""
    raw = decode(b"".join(chunks))
    vectors = tuple(_vector(each["embedding"]) for each in raw["data"])
    return EmbeddingReply(vectors, Usage(raw["usage"]["prompt_tokens"]), model=raw["model"])


def _vector(given: Any) -> bytes:
    return b64decode(given) if isinstance(given, str) else array("f", given).tobytes()
