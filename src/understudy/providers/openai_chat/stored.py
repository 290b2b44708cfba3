"""Chat Completions that were kept: listed, retrieved, changed, deleted, and the messages that they answered.

    GET /v1/chat/completions     GET, POST, DELETE /v1/chat/completions/{id}     GET .../{id}/messages

Source: platform.openai.com/docs/api-reference/chat/list and its neighbours, and the types of `openai` 3.54
(`completion_list_params.py`, `chat_completion_store_message.py`), read 2026-11.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from understudy.catalog import DEFAULT_MODELS
from understudy.model import Event, HttpRequest, Reply, Resource, ResourceRequest, Text
from understudy.providers import openai_base as base
from understudy.providers import openai_resources_base as shared
from understudy.providers.base import Check, decode, encode
from understudy.providers.openai_chat import emit
from understudy.providers.openai_chat.parse import parse as parse_chat
from understudy.providers.resources_base import UNKEPT, Listed, Row, answer_of, asked, routes

NAME = "openai-stored-chat"
head = base.head
error = shared.error
unrouted = base.unrouted
speaks = base.speaks
body = shared.body
read = shared.read
ECHOED: tuple[tuple[str, Any], ...] = (
    ("tool_choice", None),
    ("seed", None),
    ("top_p", 1.0),
    ("temperature", 1.0),
    ("presence_penalty", 0.0),
    ("frequency_penalty", 0.0),
    ("tools", None),
    ("response_format", None),
)
"""Parameters that are told with a completion that was kept, and what they are where nothing was said."""


def view(resource: Resource, now: float) -> dict[str, Any]:
    """The completion as it was answered, with what was asked beside the messages."""
    raw, (reply, request) = resource.raw, answer_of(resource)
    answered: dict[str, Any] = decode(emit.body(reply, request))
    told = {key: default if raw.get(key) is None else raw[key] for key, default in ECHOED}
    more = {"request_id": f"req_{base.request_digits(reply.id).decode()}", "input_user": raw.get("user")}
    return {**answered, **more, **told, "metadata": raw.get("metadata") or {}}


def messages(resource: Resource) -> Listed:
    """The messages that a completion answers; ids are the completion's with a number."""
    return [
        (id, _message(id, each))
        for number, each in enumerate(resource.raw["messages"])
        if (id := f"{resource.id}-{number}")
    ]


def _message(id: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    """A text is the content; parts of a text and images stand apart."""
    content = raw.get("content")
    parts = content if isinstance(content, list) else None
    told = "".join(each.get("text") or "" for each in parts) if parts is not None else content
    return {"id": id, "name": None, **raw, "content": told, "content_parts": parts}


def wanted(resource: Resource, query: Mapping[str, str]) -> bool:
    """Whether a completion is of the model and has the metadata that a list is asked for."""
    if (model := query.get("model")) and answer_of(resource)[1].model != model:
        return False
    has = resource.raw.get("metadata") or {}
    pairs = [(key[9:-1], value) for key, value in query.items() if key.startswith("metadata[")]
    return all(has.get(key) == value for key, value in pairs)


def gone(resource: Resource, owner: Resource | None) -> dict[str, Any]:
    return {"object": "chat.completion.deleted", "id": resource.id, "deleted": True}


def stand_in(id: str) -> Resource:
    sent = {
        "model": DEFAULT_MODELS[0].id,
        "messages": [{"role": "assistant", "content": UNKEPT}],
        "store": True,
    }
    request = parse_chat(HttpRequest("POST", "/v1/chat/completions", body=encode(sent)))
    reply = Reply((Text(UNKEPT),), id=id.removeprefix("chatcmpl-"), model=request.model)
    return Resource(id, 0.0, request.raw, request, reply)


ROWS = (
    Row(
        "/v1/chat/completions",
        ("list", "retrieve", "update", "delete"),
        view,
        update=shared.metadata,
        deleted=gone,
        lists={"messages": messages},
        wanted=wanted,
        stand_in=stand_in,
    ),
)
ROUTES = routes(ROWS)
CHECKS: tuple[Check, ...] = ()
complaints = shared.complaints


def parse(http: HttpRequest) -> ResourceRequest:
    """Read what is asked of the completions that were kept. Body, of an update: {"metadata": {...}}."""
    return asked(NAME, ROWS, http, shared.body_object(http))


def encoder(request: ResourceRequest) -> Callable[[Event], bytes]:
    """There is no stream of what was kept."""
    raise TypeError(f"{NAME} does not stream")
