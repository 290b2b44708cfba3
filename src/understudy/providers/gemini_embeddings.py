"""Gemini's embeddings: `POST /v1/models/{model}:embedContent`, and `:batchEmbedContents`.

Source: ai.google.dev/api/embeddings, and `google-genai` 3.4's converters, read 2026-11.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from typing import Any

from understudy.model import EmbeddingReply, EmbeddingRequest, Event, HttpRequest, Text, Usage
from understudy.providers import gemini_base as base
from understudy.providers import gemini_contents_base as reading
from understudy.providers.base import Check, by_field, decode, encode

NAME = "gemini-embeddings"
ONE, SEVERAL = "embedContent", "batchEmbedContents"
ROUTES = base.routes(SEVERAL, ONE)
head = base.head
error = base.error
unrouted = base.unrouted
speaks = base.speaks
MOST_INPUTS = 100

_HI = {"model": "models/gemini-embedding-001", "content": {"parts": [{"text": "Hi"}]}}
CHECKS: tuple[Check, ...] = (
    Check(
        "too many texts in one batch",
        "requests",
        None,
        {"model": "gemini-embedding-001", "requests": [_HI] * 101},
        "https://github.com/geldata/gel/issues/9032",
    ),
)
complaints = by_field(CHECKS)


def parse(http: HttpRequest) -> EmbeddingRequest:
    """Read a request to embed one content or several.

    Body: {"content": {"parts"}, "outputDimensionality"?, ...}, or {"requests": [such bodies]}. A content's
    texts are embedded as one. The first request of several says how many dimensions all have.
    """
    raw, call = base.body_object(http), base.call_of(http)
    requests = base.listed(raw, "requests") if call.verb == SEVERAL else [raw]
    if len(requests) > MOST_INPUTS:
        words = f"* BatchEmbedContentsRequest.requests: at most {MOST_INPUTS} requests can be in one batch\n"
        raise base.refusal(words)
    inputs, dimensions = [], None
    for index, each in enumerate(requests):
        where = f"requests[{index}]." if call.verb == SEVERAL else ""
        inputs.append(_input(base.message(each, where.removesuffix("."), "EmbedContentRequest"), where))
        dimensions = dimensions or _dimensions(each, where)
    return EmbeddingRequest(NAME, call.model, tuple(inputs), raw, dimensions)


def _dimensions(request: dict[str, Any], where: str) -> int | None:
    """The length of the vectors that is asked for: beside the content, or in a config of its own."""
    config = base.field(request, "embedContentConfig")
    at = config if type(config) is dict else request
    return base.typed(at, "outputDimensionality", int, where) or None


def _input(request: dict[str, Any], where: str) -> str:
    content = base.message(request.get("content") or {}, f"{where}content", "Content")
    parts = reading.parts_of(content, f"{where}content")
    return "\n".join(part.text for part in parts if isinstance(part, Text))


def body(reply: EmbeddingReply, request: EmbeddingRequest) -> bytes:
    """The embedding, or a list of them in the order of the requests."""
    values = [{"values": array("f", vector).tolist()} for vector in reply.vectors]
    several = "requests" in request.raw or not values
    return encode({"embeddings": values} if several else {"embedding": values[0]})


def encoder(request: EmbeddingRequest) -> Callable[[Event], bytes]:
    """There is no stream of embeddings."""
    raise TypeError(f"{NAME} does not stream")


def read(chunks: Iterable[bytes]) -> EmbeddingReply:
    """The inverse of `body`. The API does not tell what embedding costs."""
    raw = decode(b"".join(chunks))
    values = raw["embeddings"] if "embeddings" in raw else [raw["embedding"]]
    return EmbeddingReply(tuple(array("f", each["values"]).tobytes() for each in values), Usage())
