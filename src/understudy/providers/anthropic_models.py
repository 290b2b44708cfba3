"""Anthropic's Models: `GET /v1/models`, a page at a time, and `GET /v1/models/{id}`.

Source: docs.anthropic.com/en/api/models-list, and the types of `anthropic` 2.12 (`model_info.py`,
`model_list_params.py`, `pagination.py`), read 2026-11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from understudy.catalog import known
from understudy.errors import Failure
from understudy.model import Event, HttpRequest, ModelInfo, ModelsReply, ModelsRequest
from understudy.providers import anthropic_base as base
from understudy.providers import anthropic_resources_base as shared
from understudy.providers.base import Check, decode, encode

NAME = "anthropic-models"
ROUTES = (("GET", "/v1/models"), ("GET", "/v1/models/{model}"))
CHECKS: tuple[Check, ...] = ()
LINES = ("haiku", "sonnet", "opus", "fable", "mythos")
head = base.head
error = base.error
unrouted = base.unrouted
speaks = base.speaks


def complaints(request: ModelsRequest) -> Iterator[Failure]:
    """A request for models has no body that could be wrong."""
    return iter(())


def parse(http: HttpRequest) -> ModelsRequest:
    """Read which models are asked for. Raises Failure(400) for a `limit` that is none."""
    shared.limit(shared.parameters(http.query))
    return ModelsRequest(NAME, http.path.removeprefix("/v1/models").removeprefix("/"), query=http.query)


def body(reply: ModelsReply, request: ModelsRequest) -> bytes:
    """A page of the list, or the one asked for."""
    if request.model:
        return encode(_model(reply.models[0]))
    models = [_model(each) for each in reply.models]
    return encode(shared.listed(models, shared.parameters(request.query)))


def _model(info: ModelInfo) -> dict[str, Any]:
    found = known(info.id)
    return {
        "type": "model",
        "id": info.id,
        "display_name": info.id,
        "created_at": base.instant(info.created),
        "lifecycle": "active",
        "line": next((line for line in LINES if line in info.id), None),
        "max_input_tokens": info.context_window,
        "max_tokens": (found.output or None) if found else None,
        "capabilities": None,
        "deprecated_at": None,
        "retires_at": None,
    }


def encoder(request: ModelsRequest) -> Callable[[Event], bytes]:
    """There is no stream of models."""
    raise TypeError(f"{NAME} does not stream")


def read(chunks: Iterable[bytes]) -> ModelsReply:
    """The inverse of `body`."""
    raw = decode(b"".join(chunks))
    models = raw.get("data", [raw])
    return ModelsReply(tuple(_info(each) for each in models))


def _info(raw: dict[str, Any]) -> ModelInfo:
    created = int(datetime.fromisoformat(raw["created_at"]).timestamp())
    return ModelInfo(raw["id"], created=created, context_window=raw["max_input_tokens"])
