"""Responses that were kept: retrieved, also as a stream, deleted, cancelled, and the items of their input.

    GET, DELETE /v1/responses/{id}     POST /v1/responses/{id}/cancel     GET /v1/responses/{id}/input_items

Source: platform.openai.com/docs/api-reference/responses/get and its neighbours, the guide to background mode,
and `openai` 3.54's `response_retrieve_params.py` and `response_item_list.py`, read 2026-11.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qs

from msgspec import Raw
from msgspec.structs import replace

from understudy.catalog import DEFAULT_MODELS
from understudy.errors import Failure
from understudy.model import Event, HttpRequest, Reply, Request, Resource, ResourceRequest, Text
from understudy.providers import openai_base as base
from understudy.providers import openai_refusals_base as say
from understudy.providers import openai_resources_base as shared
from understudy.providers.base import Check, encode
from understudy.providers.openai_responses import emit
from understudy.providers.openai_responses.kept import RESPONSES, context
from understudy.providers.openai_responses.parse import parse as parse_response
from understudy.providers.resources_base import UNKEPT, Listed, Row, answer_of, asked, routes

NAME = "openai-stored-responses"
head = base.head
error = shared.error
unrouted = base.unrouted
speaks = base.speaks
body = shared.body
read = shared.read
AFTER = "starting_after"

# --- a response -------------------------------------------------------------------------------------------


def view(resource: Resource, now: float) -> Raw:
    """The response as it is at this time: waiting, in progress, cancelled, or as it ended."""
    reply, request = answer_of(resource)
    told = replace(request, raw=resource.raw)
    status = unfinished(resource, now)
    return Raw(emit.queued(reply, told, status) if status else emit.body(reply, told))


def unfinished(resource: Resource, now: float) -> str:
    """The status of a response that has not ended, empty for one that has."""
    if resource.cancelled:
        return "cancelled"
    if now < resource.begins:
        return "queued"
    return "in_progress" if now < resource.ends else ""


def gone(resource: Resource, owner: Resource | None) -> dict[str, Any]:
    return {"id": resource.id, "object": "response", "deleted": True}


def input_items(resource: Resource) -> Listed:
    """All that was asked: the items that came before the input, where it goes on with others, and its own."""
    return [(item["id"], item) for item in context(*answer_of(resource))]


def synchronous(resource: Resource, now: float) -> Failure | None:
    """Why a response cannot be cancelled: it is none of those that go on in the background."""
    if answer_of(resource)[1].background:
        return None
    return say.refusal("Cannot cancel a synchronous response.")


def stand_in(id: str) -> Resource:
    """A response that was made in the background, so that it may also be cancelled."""
    sent = {"model": DEFAULT_MODELS[0].id, "input": "", "background": True}
    request = parse_response(HttpRequest("POST", f"/v1/{RESPONSES}", body=encode(sent)))
    reply = Reply((Text(UNKEPT),), id=id.removeprefix("resp_"), model=request.model)
    return Resource(id, 0.0, request.raw, request, reply)


ROWS = (
    Row(
        f"/v1/{RESPONSES}",
        ("retrieve", "delete", "cancel"),
        view,
        deleted=gone,
        lists={"input_items": input_items},
        refuse={"cancel": synchronous},
        newest_first=True,
        stand_in=stand_in,
    ),
)
ROUTES = routes(ROWS)
CHECKS: tuple[Check, ...] = ()
complaints = shared.complaints


# --- what is asked ----------------------------------------------------------------------------------------


def parse(http: HttpRequest) -> ResourceRequest:
    """Read what is asked of the responses that were kept. Query: `stream`, `starting_after`, `include`."""
    request = asked(NAME, ROWS, http, {})
    query = shared.parameters(http.query)
    if request.verb != "retrieve" or request.called.list or query.get("stream") != "true":
        return request
    options = {"include_obfuscation": query.get("include_obfuscation") != "false"}
    more = {"stream_options": options, AFTER: _after(query), "include": _included(http.query)}
    return replace(request, stream=True, resumed=partial(_resumed, more=more))


def _after(query: dict[str, str]) -> int:
    """The number of the last event that the client has, -1 where it has none."""
    told = query.get(AFTER, "-1")
    if not re.fullmatch(r"-?\d{1,9}", told, re.A):
        raise say.invalid_type(AFTER, "an integer", told)
    return int(told)


def _included(query: str) -> list[str]:
    given = parse_qs(query)
    return [*given.get("include", ()), *given.get("include[]", ())]


def _resumed(request: Request, more: dict[str, Any]) -> Request:
    """The request of a response whose stream is told again."""
    included = [*(request.raw.get("include") or ()), *more["include"]]
    return replace(request, stream=True, raw={**request.raw, **more, "include": included})


_NUMBER = re.compile(rb'"sequence_number":(\d+)')


def encoder(request: Request) -> Callable[[Event], bytes]:
    """The stream of a response that is told again, from behind the event that the client has."""
    if AFTER not in request.raw:
        raise TypeError(f"{NAME} does not stream but what it has kept")
    encode, after = emit.encoder(request), request.raw[AFTER]

    def behind(event: Event) -> bytes:
        frames = encode(event).split(b"\n\n")[:-1]
        return b"".join([frame + b"\n\n" for frame in frames if _number(frame) > after])

    return behind


def _number(frame: bytes) -> int:
    """An event's number: the last in its data that is called so, whatever the texts before it say."""
    return int(_NUMBER.findall(frame)[-1])
