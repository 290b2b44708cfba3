"""OpenAI's Conversations, and the items in them.

    POST /v1/conversations                     GET, POST, DELETE /v1/conversations/{id}
    POST, GET /v1/conversations/{id}/items     GET, DELETE /v1/conversations/{id}/items/{item}

Source: platform.openai.com/docs/api-reference/conversations, and the types of `openai` 3.54
(`types/conversations`), read 2026-11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from understudy.model import Event, HttpRequest, NewResource, Resource, ResourceRequest
from understudy.providers import openai_base as base
from understudy.providers import openai_fields_base as reading
from understudy.providers import openai_refusals_base as say
from understudy.providers import openai_resources_base as shared
from understudy.providers.base import Check
from understudy.providers.openai_responses import items
from understudy.providers.openai_responses.ids import identified, prefix_of
from understudy.providers.openai_responses.kept import CONVERSATIONS
from understudy.providers.resources_base import UNKEPT, Row, asked, routes

NAME = "openai-conversations"
MOST_ITEMS = 20
"""How many items may be added at a time."""
head = base.head
error = shared.error
unrouted = base.unrouted
speaks = base.speaks
body = shared.body
read = shared.read

# --- conversations ----------------------------------------------------------------------------------------


def view(resource: Resource, now: float) -> dict[str, Any]:
    return {
        "id": resource.id,
        "object": "conversation",
        "created_at": int(resource.created),
        "metadata": resource.raw.get("metadata") or {},
    }


def create(http: HttpRequest) -> tuple[NewResource, ...]:
    """Body: {"items"?: [...], "metadata"?: {...}}, or nothing."""
    raw = shared.body_object(http)
    reading.check_types(raw, {"metadata": shared.METADATA})
    return (NewResource(raw, "conv_", inside=tuple(_new(raw.get("items")))),)


def stand_in(id: str) -> Resource:
    """An empty conversation."""
    return Resource(id, 0.0, {})


def gone(resource: Resource, owner: Resource | None) -> dict[str, Any]:
    return {"id": resource.id, "object": "conversation.deleted", "deleted": True}


# --- items ------------------------------------------------------------------------------------------------


def item(resource: Resource, now: float) -> dict[str, Any]:
    return identified(resource.raw, resource.id)


def add(http: HttpRequest) -> tuple[NewResource, ...]:
    """Body: {"items": [...]}."""
    raw = shared.body_object(http)
    if raw.get("items") is None:
        raise say.missing("items")
    return tuple(_new(raw["items"]))


def _new(given: Any) -> Iterator[NewResource]:
    """The items to be made. Raises Failure for what is none, or for too many."""
    if given is None:
        return
    if type(given) is not list:
        raise say.invalid_type("items", "an array of input items", given)
    if len(given) > MOST_ITEMS:
        raise say.array_too_long("items", MOST_ITEMS, len(given))
    items.messages(given, "items")
    for index, each in enumerate(given):
        reading.check_types(each, {"id": reading.STRING}, f"items[{index}].")
        yield NewResource(each, prefix_of(each), each.get("id") or "")


def item_stand_in(id: str) -> Resource:
    """A message of the user's."""
    return Resource(id, 0.0, {"type": "message", "role": "user", "content": UNKEPT})


def left(resource: Resource, owner: Resource | None) -> dict[str, Any]:
    """Where an item was deleted, the conversation is told."""
    assert owner is not None
    return view(owner, 0.0)


ROWS = (
    Row(
        f"/v1/{CONVERSATIONS}",
        ("create", "retrieve", "update", "delete"),
        view,
        create,
        shared.metadata,
        gone,
        stand_in=stand_in,
    ),
    Row(
        f"/v1/{CONVERSATIONS}/{{conversation}}/items",
        ("create", "list", "retrieve", "delete"),
        item,
        add,
        deleted=left,
        newest_first=True,
        several=True,
        stand_in=item_stand_in,
    ),
)
ROUTES = routes(ROWS)
CHECKS: tuple[Check, ...] = ()
complaints = shared.complaints


def parse(http: HttpRequest) -> ResourceRequest:
    """Read what is asked of conversations, or of the items of one."""
    return asked(NAME, ROWS, http, shared.body_object(http))


def encoder(request: ResourceRequest) -> Callable[[Event], bytes]:
    """There is no stream of conversations."""
    raise TypeError(f"{NAME} does not stream")
