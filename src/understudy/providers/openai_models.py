"""OpenAI's Models: `GET /v1/models` and `GET /v1/models/{id}`.

Source: platform.openai.com/docs/api-reference/models, read 2026-11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from understudy.errors import Failure
from understudy.model import Event, HttpRequest, ModelInfo, ModelsReply, ModelsRequest
from understudy.providers import openai_base as base
from understudy.providers.base import Check, decode, encode

NAME = "openai-models"
ROUTES = (("GET", "/v1/models"), ("GET", "/v1/models/{model}"))
head = base.head
error = base.error
unrouted = base.unrouted
CHECKS: tuple[Check, ...] = ()


def complaints(request: ModelsRequest) -> Iterator[Failure]:
    """A request for models has no body that could be wrong."""
    return iter(())


def parse(http: HttpRequest) -> ModelsRequest:
    return ModelsRequest(NAME, http.path.removeprefix("/v1/models").removeprefix("/"))


def body(reply: ModelsReply, request: ModelsRequest) -> bytes:
    """A list of models, or the one asked for; raises the API's 404 where that is not there."""
    if not request.model:
        return encode({"object": "list", "data": [_model(each) for each in reply.models]})
    if not reply.models:
        raise Failure(
            404,
            "not_found",
            f"The model '{request.model[:200]}' does not exist",
            param="model",
            code="model_not_found",
        )
    return encode(_model(reply.models[0]))


def _model(info: ModelInfo) -> dict[str, Any]:
    return {"id": info.id, "object": "model", "created": info.created, "owned_by": info.owned_by}


def encoder(request: ModelsRequest) -> Callable[[Event], bytes]:
    """There is no stream of models."""
    raise TypeError(f"{NAME} does not stream")


def read(chunks: Iterable[bytes]) -> ModelsReply:
    """The inverse of `body`."""
    raw = decode(b"".join(chunks))
    models = raw["data"] if raw["object"] == "list" else [raw]
    return ModelsReply(tuple(ModelInfo(each["id"], each["owned_by"], each["created"]) for each in models))
