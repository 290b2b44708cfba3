"""OpenAI's Models: `GET /v1/models`, `GET /v1/models/{id}` and `DELETE /v1/models/{id}`.

Source: platform.openai.com/docs/api-reference/models, read 2026-11. A deletion of a model that is not there
is recorded in alexrudall/ruby-openai, spec/fixtures/cassettes/finetunes_delete.yml.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from understudy.errors import Failure
from understudy.model import Event, HttpRequest, ModelInfo, ModelsReply, ModelsRequest, RateLimits
from understudy.providers import openai_base as base
from understudy.providers.base import Check, HttpReply, decode, encode

NAME = "openai-models"
ROUTES = (("GET", "/v1/models"), ("GET", "/v1/models/{model}"), ("DELETE", "/v1/models/{model}"))
head = base.head
unrouted = base.unrouted
speaks = base.speaks
DELETION = "model_deletion"
UNKNOWN = base.Spelling(404, base.INVALID, "The model '{model}' does not exist", "model_not_found", "model")
CHECKS: tuple[Check, ...] = (
    Check(
        "a model that there is not",
        "",
        None,
        {"model": "gpt-99"},
        "https://platform.openai.com/docs/api-reference/models/retrieve",
    ),
)


def complaints(request: ModelsRequest) -> Iterator[Failure]:
    """A request for models has no body that could be wrong."""
    return iter(())


def parse(http: HttpRequest) -> ModelsRequest:
    model = http.path.removeprefix("/v1/models").removeprefix("/")
    return ModelsRequest(NAME, model, DELETION if http.method == "DELETE" else "models")


def body(reply: ModelsReply, request: ModelsRequest) -> bytes:
    """A list of models, the one asked for, or that it is deleted."""
    if request.operation == DELETION:
        return encode({"id": reply.models[0].id, "object": "model", "deleted": True})
    if not request.model:
        return encode({"object": "list", "data": [_model(each) for each in reply.models]})
    return encode(_model(reply.models[0]))


def error(failure: Failure, id: str, limits: RateLimits | None = None) -> HttpReply:
    """As everywhere, but that this API has its own words for a model that is not there."""
    return base.error(failure, id, limits, {"unknown_model": UNKNOWN})


def _model(info: ModelInfo) -> dict[str, Any]:
    return {"id": info.id, "object": "model", "created": info.created, "owned_by": info.owned_by}


def encoder(request: ModelsRequest) -> Callable[[Event], bytes]:
    """There is no stream of models."""
    raise TypeError(f"{NAME} does not stream")


def read(chunks: Iterable[bytes]) -> ModelsReply:
    """The inverse of `body`; of a deletion, the model's name is all that there is to read."""
    raw = decode(b"".join(chunks))
    models = raw["data"] if raw["object"] == "list" else [raw]
    return ModelsReply(tuple([_info(each) for each in models]))


def _info(raw: dict[str, Any]) -> ModelInfo:
    return (
        ModelInfo(raw["id"]) if raw.get("deleted") else ModelInfo(raw["id"], raw["owned_by"], raw["created"])
    )
