"""Gemini's models: `GET /v1/models`, a page at a time, and `GET /v1/models/{model}`.

Source: ai.google.dev/api/models, and `google-genai` 3.4's `_Model_from_mldev`, read 2026-11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qs

from understudy.catalog import known
from understudy.errors import Failure
from understudy.model import Event, HttpRequest, ModelInfo, ModelsReply, ModelsRequest, RateLimits
from understudy.providers import gemini_base as base
from understudy.providers.base import Check, HttpReply, decode, encode

NAME = "gemini-models"
ROUTES = tuple(
    ("GET", f"/{version}/models{model}") for version in base.VERSIONS for model in ("", "/{model}")
)
head = base.head
unrouted = base.unrouted
speaks = base.speaks
UNKNOWN = base.Spelling(404, "NOT_FOUND", "Model is not found: {name} for api version {version}")
"""Source: `GET /v1beta/models/...` as quoted by its users."""
CHECKS: tuple[Check, ...] = ()
PAGE, MOST = 50, 1000
"""How many models a page has where nothing is said, and at most."""
OUTPUT = 65_536
"""Tokens that a model answers with, where nothing is known of it."""


def complaints(request: ModelsRequest) -> Iterator[Failure]:
    """A request for models has no body that could be wrong."""
    return iter(())


def parse(http: HttpRequest) -> ModelsRequest:
    """Read a request for all models, or for one by its name."""
    model = http.path.partition("/models")[2].removeprefix("/")
    return ModelsRequest(NAME, model, query=http.query)


def body(reply: ModelsReply, request: ModelsRequest) -> bytes:
    """A page of models, with the next one's token where there is one; or the one asked for."""
    if request.model:
        return encode(_model(reply.models[0]))
    asked = parse_qs(request.query)
    start, size = _number(asked, "pageToken", 0), _number(asked, "pageSize", PAGE) or PAGE
    end = start + min(size, MOST)
    page = {"models": [_model(each) for each in reply.models[start:end]]}
    return encode({**page, "nextPageToken": f"{end}"} if end < len(reply.models) else page)


def _number(asked: dict[str, list[str]], name: str, default: int) -> int:
    """A number in the query; what is none counts as not given."""
    given = (asked.get(name) or asked.get(base.snake(name)) or [""])[0]
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else default


def _model(info: ModelInfo) -> dict[str, Any]:
    found = known(info.id)
    embeds = found is not None and found.family == "embedding"
    methods = ["embedContent"] if embeds else ["generateContent", "countTokens"]
    return {
        "name": f"models/{info.id}",
        "version": "001",
        "displayName": " ".join([word[:1].upper() + word[1:] for word in info.id.split("-")]),
        "inputTokenLimit": info.context_window,
        "outputTokenLimit": 1 if embeds else (found.output if found else 0) or OUTPUT,
        "supportedGenerationMethods": methods,
        **({} if embeds else {"temperature": 1, "topP": 0.95, "topK": 64, "maxTemperature": 2}),
    }


def error(failure: Failure, id: str, limits: RateLimits | None = None) -> HttpReply:
    """As everywhere, but that this API has its own words for a model that is not there."""
    return base.error(failure, id, limits, {"unknown_model": UNKNOWN})


def encoder(request: ModelsRequest) -> Callable[[Event], bytes]:
    """There is no stream of models."""
    raise TypeError(f"{NAME} does not stream")


def read(chunks: Iterable[bytes]) -> ModelsReply:
    """The inverse of `body`. The API does not tell who made a model, nor when."""
    raw = decode(b"".join(chunks))
    models = raw.get("models", [raw])
    found = [ModelInfo(_id(each), "google", 0, each["inputTokenLimit"]) for each in models]
    return ModelsReply(tuple(found))


def _id(raw: dict[str, Any]) -> str:
    name: str = raw["name"]
    return name.removeprefix("models/")
