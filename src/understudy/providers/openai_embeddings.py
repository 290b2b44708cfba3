"""OpenAI's Embeddings: `POST /v1/embeddings`, as floats and as base64.

Source: platform.openai.com/docs/api-reference/embeddings, and the types of `openai` 3.54
(`embedding_create_params.py`, `create_embedding_response.py`), read 2026-11.
"""

from __future__ import annotations

from array import array
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from typing import Any

from understudy.catalog import known
from understudy.errors import Failure
from understudy.model import EmbeddingReply, EmbeddingRequest, Event, HttpRequest, Usage
from understudy.providers import openai_base as base
from understudy.providers import openai_fields_base as reading
from understudy.providers import openai_refusals_base as say
from understudy.providers.base import Check, by_field, decode, encode

NAME = "openai-embeddings"
ROUTES = (("POST", "/v1/embeddings"),)
head = base.head
error = base.error
unrouted = base.unrouted
speaks = base.speaks
TYPES = {"dimensions": reading.INTEGER, "encoding_format": reading.STRING, "user": reading.STRING}
MOST_INPUTS = 2048

# --- what the API refuses -------------------------------------------------------------------------


def _model(request: EmbeddingRequest) -> Failure | None:
    found = known(request.model)
    if found is None or found.family == "embedding":
        return None
    words = "You are not allowed to generate embeddings from this model"
    return Failure(403, "permission", words, type=base.INVALID)


def _input(request: EmbeddingRequest) -> Failure | None:
    given = request.raw["input"]
    if given == "" or given == []:
        kind = "string" if given == "" else "array"
        return say.refusal(f"Invalid 'input': input cannot be an empty {kind}.")
    if type(given) is str or type(given[0]) is int:
        return None
    if "" in given:
        return say.refusal(f"Invalid 'input[{given.index('')}]': input cannot be an empty string.")
    return None


def _dimensions(request: EmbeddingRequest) -> Failure | None:
    found = known(request.model)
    if found is None or found.family != "embedding" or request.dimensions is None:
        return None
    if not found.shortens:
        return say.refusal("This model does not support specifying dimensions.")
    if request.dimensions > found.dimensions:
        return say.refusal(
            f"Invalid value for 'dimensions' = {request.dimensions}. Must be less than or equal to "
            f"{found.dimensions}."
        )
    return None


def _example(**changes: Any) -> dict[str, Any]:
    return {"model": "text-embedding-3-small", "input": "Hi"} | changes


_MEASURED = (
    "https://github.com/takecchi/mnemora/blob/680c3b8194ced88d4902ad50c243f229c60d02b6/packages/openai/"
    "README.md"
)
CHECKS: tuple[Check, ...] = (
    Check(
        "a chat model",
        "model",
        _model,
        _example(model="gpt-4o"),
        "https://github.com/infiniflow/ragflow/issues/1835",
    ),
    Check(
        "no input",
        "input",
        _input,
        _example(input=[]),
        "https://platform.openai.com/docs/api-reference/embeddings/create",
    ),
    Check("an empty text", "input", _input, _example(input=""), _MEASURED),
    Check("an empty text among others", "input", _input, _example(input=["a", ""]), _MEASURED),
    Check("too many inputs", "input", None, _example(input=["a"] * 2049), _MEASURED),
    Check("too many dimensions", "dimensions", _dimensions, _example(dimensions=1537), _MEASURED),
    Check(
        "dimensions of a model that has none to choose",
        "dimensions",
        _dimensions,
        _example(model="text-embedding-ada-002", dimensions=512),
        "https://github.com/chroma-core/chroma",
    ),
)
complaints = by_field(CHECKS)

# --- requests -------------------------------------------------------------------------------------


def parse(http: HttpRequest) -> EmbeddingRequest:
    """Read an embedding request.

    Body: {"model": str, "input": str | [str] | [int] | [[int]], "dimensions"?, "encoding_format"?}.
    """
    raw = reading.body_object(http)
    model = reading.required_model(raw)
    reading.check_types(raw, TYPES)
    form = raw.get("encoding_format") or "float"
    if form not in ("float", "base64"):
        raise say.invalid_value("encoding_format", form, ("float", "base64"))
    dimensions = reading.integer(raw, "dimensions", 1)
    given = raw.get("input")
    if type(given) is list and len(given) > MOST_INPUTS and type(given[0]) is not int:
        raise say.refusal(f"Invalid 'input': array length must be {MOST_INPUTS} or less.")
    return EmbeddingRequest(NAME, model, reading.prompts(raw, "input", model), raw, dimensions)


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
