"""How many tokens a request for a response has: `POST /v1/responses/input_tokens`.

Source: platform.openai.com/docs/api-reference/responses/input-tokens, and `openai` 3.54's
`input_token_count_params.py` and `input_token_count_response.py`, read 2026-11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from understudy.errors import Failure
from understudy.model import CountReply, CountRequest, Event, HttpRequest, RateLimits, Request, Usage
from understudy.providers import openai_base as base
from understudy.providers import openai_fields_base as reading
from understudy.providers.base import Check, HttpReply, by_field, decode, encode
from understudy.providers.openai_responses.parse import NAME as RESPONSES
from understudy.providers.openai_responses.parse import offered, referring, told
from understudy.providers.openai_responses.refuse import STATE
from understudy.providers.openai_responses.spellings import SPELLINGS

NAME = "openai-input-tokens"
ROUTES = (("POST", "/v1/responses/input_tokens"),)
CHECKS: tuple[Check, ...] = ()
TYPES = {"model": reading.STRING, "instructions": reading.STRING, "tools": reading.OBJECTS}
head = base.head
unrouted = base.unrouted
speaks = base.speaks


def parse(http: HttpRequest) -> CountRequest:
    """Read a request to count tokens.

    Body: as for a response; neither the model nor the input has to be there.
    """
    raw = reading.body_object(http)
    reading.check_types(raw, TYPES)
    model = raw.get("model") or ""
    return CountRequest(NAME, model, counted(raw, model))


def counted(raw: dict[str, Any], model: str) -> Request:
    """The request whose tokens are counted; there need be no input."""
    messages = told({**raw, "input": [] if raw.get("input") is None else raw["input"]})
    return Request(RESPONSES, "chat", model, messages, raw, offered(raw), refers=referring(raw))


def complaints(request: CountRequest) -> Iterator[Failure]:
    """What is not there cannot be counted; it is not known what else the API refuses."""
    return _complaints(request.request)


_complaints = by_field(STATE)


def body(reply: CountReply, request: CountRequest) -> bytes:
    return encode({"object": "response.input_tokens", "input_tokens": reply.usage.input})


def encoder(request: CountRequest) -> Callable[[Event], bytes]:
    """There is no stream of numbers."""
    raise TypeError(f"{NAME} does not stream")


def error(failure: Failure, id: str, limits: RateLimits | None = None) -> HttpReply:
    return base.error(failure, id, limits, SPELLINGS)


def read(chunks: Iterable[bytes]) -> CountReply:
    """The inverse of `body`."""
    return CountReply(Usage(decode(b"".join(chunks))["input_tokens"]))
