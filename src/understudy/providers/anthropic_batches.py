"""Anthropic's Message Batches: made, listed, retrieved, cancelled, deleted.

    POST, GET /v1/messages/batches     GET, DELETE /v1/messages/batches/{id}     POST .../{id}/cancel

Source: docs.anthropic.com/en/api/creating-message-batches and its neighbours, and the types of `anthropic`
2.12 (`types/messages/batch_create_params.py`), read 2026-11.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from msgspec.structs import replace

from understudy.errors import Failure
from understudy.model import Event, HttpRequest, NewResource, Resource, ResourceReply, ResourceRequest
from understudy.providers import anthropic_base as base
from understudy.providers import anthropic_request_base as reading
from understudy.providers import anthropic_resources_base as shared
from understudy.providers.anthropic_batches_base import ended_at, stand_in, view
from understudy.providers.base import Check, by_field, decode, encode
from understudy.providers.resources_base import Called, Row, asked, routes

NAME = "anthropic-batches"
head = base.head
error = shared.error
unrouted = base.unrouted
speaks = base.speaks
MOST_REQUESTS = 100_000
FRAMING = (b"content-length", b"transfer-encoding", b"expect")
"""Headers that are about the body of the request in which a batch came."""
LONGEST_ID = 64
_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
HI = {"model": "claude-sonnet-5", "max_tokens": 64, "messages": [{"role": "user", "content": "Hi"}]}


def parse(http: HttpRequest) -> ResourceRequest:
    """Read what is asked of the batches.

    Body, of a new one: {"requests": [{"custom_id": str, "params": {...}}, ...]}; `params` are those of a
    message, and what is wrong with them is told in the results. Raises Failure(400) for what cannot be read.
    """
    raw = reading.body_object(http) if http.method == "POST" and http.body else {}
    request = asked(NAME, ROWS, http, raw)
    shared.limit(shared.parameters(http.query))
    host = http.header(b"host") or ""
    return replace(request, calls=_calls(http, raw) if request.verb == "create" else (), host=host)


def _created(http: HttpRequest) -> tuple[NewResource, ...]:
    given = reading.field(reading.body_object(http), "requests", list)
    if not given:
        raise base.refusal("requests: List should have at least 1 item after validation, not 0")
    if len(given) > MOST_REQUESTS:
        raise base.refusal(
            f"requests: List should have at most {MOST_REQUESTS} items after validation, not {len(given)}"
        )
    ids = []
    for index, each in enumerate(given):
        where = f"requests.{index}"
        reading.checked(each, dict, where)
        ids.append(reading.field(each, "custom_id", str, f"{where}."))
        reading.field(each, "params", dict, f"{where}.")
    return (NewResource({"custom_ids": ids}, "msgbatch_01"),)


def _calls(http: HttpRequest, raw: dict[str, Any]) -> tuple[HttpRequest, ...]:
    """The requests of a batch as requests for messages, from whom the batch came; none of them streams."""
    headers: list[bytes] = []
    for name, value in zip(http.headers[::2], http.headers[1::2], strict=True):
        headers += () if name in FRAMING else (name, value)
    return tuple(
        [
            HttpRequest("POST", "/v1/messages", tuple(headers), encode(_whole(each["params"])), http.peer)
            for each in raw["requests"]
        ]
    )


def _whole(params: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in params.items() if key != "stream"}


def _refuse_delete(batch: Resource, now: float) -> Failure | None:
    """A batch that is not over cannot be deleted; which words the API has for it is not known."""
    if ended_at(batch, now) is not None:
        return None
    return base.refusal(
        f"{batch.id}: a Message Batch cannot be deleted before it has ended; cancel it first."
    )


def _deleted(batch: Resource, owner: Resource | None) -> dict[str, Any]:
    return {"id": batch.id, "type": "message_batch_deleted"}


ROWS = (
    Row(
        "/v1/messages/batches",
        ("create", "list", "retrieve", "delete", "cancel"),
        lambda batch, now: view(batch, now, ""),
        create=_created,
        deleted=_deleted,
        refuse={"delete": _refuse_delete},
        newest_first=True,
        stand_in=stand_in,
    ),
)
ROUTES = routes(ROWS)[::-1]


def body(reply: ResourceReply, request: ResourceRequest) -> bytes:
    """A batch, a page of them, or that one is no more."""
    call: Called = request.called
    if call.verb == "delete":
        return encode(_deleted(reply.resources[0], None))
    told = [view(each, reply.now, reply.origin) for each in reply.resources]
    if call.verb != "list":
        return encode(told[0])
    return encode(shared.listed(told[::-1], shared.parameters(request.query)))


def read(chunks: Iterable[bytes]) -> ResourceReply:
    """The inverse of `body`: the batches that were told, each with all that was said of it."""
    raw = decode(b"".join(chunks))
    return ResourceReply(tuple([Resource(each["id"], 0.0, each) for each in raw.get("data", [raw])]), 0.0)


def encoder(request: ResourceRequest) -> Callable[[Event], bytes]:
    """There is no stream of batches."""
    raise TypeError(f"{NAME} does not stream")


# --- what is refused ----------------------------------------------------------------------------------


def _ids(request: ResourceRequest) -> Iterator[tuple[int, str]]:
    return enumerate(each["custom_id"] for each in request.raw["requests"])


def _long_id(request: ResourceRequest) -> Failure | None:
    for index, id in _ids(request):
        if len(id) > LONGEST_ID:
            return base.refusal(f"requests.{index}.custom_id: String should have at most 64 characters")
    return None


def _strange_id(request: ResourceRequest) -> Failure | None:
    for index, id in _ids(request):
        if len(id) <= LONGEST_ID and not _ID.fullmatch(id):
            pattern = "^[a-zA-Z0-9_-]{1,64}$"
            return base.refusal(f"requests.{index}.custom_id: String should match pattern '{pattern}'")
    return None


def _same_id(request: ResourceRequest) -> Failure | None:
    known: set[str] = set()
    for index, id in _ids(request):
        if id in known:
            return base.refusal(f"requests.{index}.custom_id: '{id}' is not unique within the batch")
        known.add(id)
    return None


def _example(*ids: str) -> dict[str, Any]:
    return {"requests": [{"custom_id": id, "params": HI} for id in ids]}


DOCUMENTED = "https://docs.anthropic.com/en/api/creating-message-batches"
CHECKS: tuple[Check, ...] = (
    Check(
        "a long id",
        "requests",
        _long_id,
        _example("a" * 65),
        "https://github.com/anthropics/anthropic-sdk-python/issues/984",
    ),
    Check("a strange id", "requests", _strange_id, _example("a.b"), DOCUMENTED),
    Check("an id twice", "requests", _same_id, _example("a", "a"), DOCUMENTED),
)
complaints: Callable[[ResourceRequest], Iterator[Failure]] = by_field(CHECKS)
