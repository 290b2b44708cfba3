"""A conversation made shorter: `POST /v1/responses/compact`.

What the user said stays as it is; all else is in one item behind it, said to be encrypted, with which a
conversation goes on as if it were whole.
Source: platform.openai.com/docs/api-reference/responses/compact, and `openai` 3.54's
`response_compact_params.py` and `compacted_response.py`, read 2026-11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from understudy.errors import Failure
from understudy.model import CountReply, CountRequest, Event, HttpRequest, RateLimits, Usage
from understudy.providers import openai_base as base
from understudy.providers import openai_fields_base as reading
from understudy.providers.base import Check, HttpReply, by_field, decode, encode
from understudy.providers.openai_responses.emit import usage_object
from understudy.providers.openai_responses.ids import identified, prefix_of
from understudy.providers.openai_responses.kept import asked_items
from understudy.providers.openai_responses.refuse import STATE
from understudy.providers.openai_responses.sealed import sealed
from understudy.providers.openai_responses.spellings import SPELLINGS
from understudy.providers.openai_responses.tokens import counted

NAME = "openai-compact"
ROUTES = (("POST", "/v1/responses/compact"),)
CHECKS: tuple[Check, ...] = ()
head = base.head
unrouted = base.unrouted
speaks = base.speaks


def parse(http: HttpRequest) -> CountRequest:
    """Read a request for a shorter conversation.

    Body: {"model": str, "input"?: str | [item, ...], "instructions"?: str, "previous_response_id"?: str}.
    """
    raw = reading.body_object(http)
    model = reading.required(raw, "model", reading.STRING)
    return CountRequest(NAME, model, counted(raw, model))


def complaints(request: CountRequest) -> Iterator[Failure]:
    """What is not there cannot be made shorter; it is not known what else the API refuses."""
    return _complaints(request.request)


_complaints = by_field(STATE)


def body(reply: CountReply, request: CountRequest) -> bytes:
    """What the user said, and the rest in one item."""
    asked = request.request
    items = asked.items if asked.items is not None else asked_items(asked.raw)
    said = [each for each in items if each.get("role") == "user"]
    rest = [each for each in items if each.get("role") != "user"]
    output: list[dict[str, Any]] = [
        identified(each, f"{prefix_of(each)}{reply.id}{number:02x}") for number, each in enumerate(said)
    ]
    output.append(
        {"id": f"cmp_{reply.id}", "type": "compaction", "encrypted_content": sealed(rest)},
    )
    return encode(
        {
            "id": f"resp_{reply.id}",
            "object": "response.compaction",
            "created_at": reply.created,
            "output": output,
            "usage": usage_object(reply.usage),
        }
    )


def encoder(request: CountRequest) -> Callable[[Event], bytes]:
    """There is no stream of it."""
    raise TypeError(f"{NAME} does not stream")


def error(failure: Failure, id: str, limits: RateLimits | None = None) -> HttpReply:
    return base.error(failure, id, limits, SPELLINGS)


def read(chunks: Iterable[bytes]) -> CountReply:
    """The inverse of `body`, of which what was compacted is no part."""
    raw = decode(b"".join(chunks))
    return CountReply(Usage(raw["usage"]["input_tokens"]), raw["id"].removeprefix("resp_"), raw["created_at"])
