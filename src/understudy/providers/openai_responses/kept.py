"""Responses: what is kept of an answer, and what a request refers to of what was.

    previous_response_id   the items of that response: what came before it, its input, its output
    conversation           the items of the conversation
    prompt                 the instructions that the rule file has under its id
    an item_reference      the item, wherever it is kept
    a compaction           the items that it holds

All of it are items, as they go over the wire; what was recalled stands before the input.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any

from msgspec.structs import replace

from understudy.model import Prompt, Reply, Request, Resource
from understudy.providers.base import Kept
from understudy.providers.openai_responses import output
from understudy.providers.openai_responses.fields import named
from understudy.providers.openai_responses.ids import identified, prefix_of
from understudy.providers.openai_responses.parse import NAME, STANDING, told
from understudy.providers.openai_responses.sealed import opened
from understudy.providers.resources_base import answer_of

__all__ = [
    "CONVERSATIONS",
    "NAME",
    "RESPONSES",
    "asked_items",
    "context",
    "inputs",
    "items_of",
    "kept",
    "outputs",
    "recalled",
]

RESPONSES, CONVERSATIONS = "responses", "conversations"
Item = dict[str, Any]

# --- what is kept -----------------------------------------------------------------------------------------


def kept(reply: Reply, request: Request, answer: Resource) -> Iterator[tuple[str, Resource]]:
    """The response, and what was asked and answered as items of its conversation, where it has one."""
    yield RESPONSES, replace(answer, id=f"resp_{reply.id}")
    given = request.raw.get("conversation")
    if given is not None and "conversation" not in request.refers:
        for item in (*inputs(reply, request), *outputs(reply, request)):
            yield items_of(named(given)), Resource(item["id"], answer.created, item)


def items_of(conversation: str) -> str:
    """The name of the collection of a conversation's items."""
    return f"{CONVERSATIONS}/{conversation}/items"


def inputs(reply: Reply, request: Request) -> list[Item]:
    """The input's own items, each with an id."""
    return _identified(reply, [item for item in asked_items(request.raw) if item.get("type") not in STANDING])


def context(reply: Reply, request: Request) -> list[Item]:
    """All items that were answered, each with an id: those of the input and those that it goes on from."""
    return _identified(reply, request.items if request.items is not None else asked_items(request.raw))


def asked_items(raw: dict[str, Any]) -> list[Item]:
    """The items of an input, as they were sent."""
    given = raw.get("input") or []
    return [{"role": "user", "content": given}] if type(given) is str else given


def _identified(reply: Reply, items: Iterable[Item]) -> list[Item]:
    """The items as they are told; those that have no id are numbered, with the answer's."""
    numbers = count()
    return [
        identified(item, item.get("id") or f"{prefix_of(item)}{reply.id}i{next(numbers):02x}")
        for item in items
    ]


def outputs(reply: Reply, request: Request) -> list[Item]:
    return output.items(reply, request)


# --- what is recalled -------------------------------------------------------------------------------------


def recalled(request: Request, kept: Kept) -> Request:
    """The request with all the items that it refers to; `refers` keeps what is not there."""
    raw, missing, model = request.raw, set(request.refers), request.model
    before: tuple[Item, ...] = ()
    id, conversation = raw.get("previous_response_id"), named(raw.get("conversation"))
    if id is not None and conversation is not None:
        return request
    if type(id) is str and (found := kept.find(RESPONSES, id)) is not None:
        reply, asked = answer_of(found)
        before = (*context(reply, asked), *outputs(reply, asked))
        missing.discard("previous_response_id")
    if type(conversation) is str and kept.find(CONVERSATIONS, conversation) is not None:
        before = tuple([identified(each.raw, each.id) for each in kept.all(items_of(conversation))])
        missing.discard("conversation")
    prompt = _prompt(raw.get("prompt"), kept)
    if prompt is not None:
        if raw.get("instructions") is None:
            raw = raw | {"instructions": prompt.instructions}
        model = raw.get("model") or prompt.model or model
        missing.discard("prompt")
    sent = [_stood_for(item, kept, before) for item in asked_items(raw)]
    if None not in sent:
        missing.discard("input")
    items = (*before, *(item for each in sent for item in each or ()))
    return replace(
        request,
        model=model,
        messages=told({**raw, "input": items}),
        raw=raw,
        refers=frozenset(missing),
        items=items,
    )


_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def _prompt(given: Any, kept: Kept) -> Prompt | None:
    """The prompt that is named, with the texts among its variables in their places."""
    if not isinstance(given, dict) or (found := kept.prompt(str(given.get("id")))) is None:
        return None
    variables = given.get("variables") or {}

    def filled(place: re.Match[str]) -> str:
        value = variables.get(place[1]) if isinstance(variables, dict) else None
        text = value.get("text") if isinstance(value, dict) else value
        return text if isinstance(text, str) else place[0]

    return Prompt(_VARIABLE.sub(filled, found.instructions), found.model)


def _stood_for(item: Item, kept: Kept, before: Iterable[Item]) -> tuple[Item, ...] | None:
    """The items that one stands for, itself as a rule; None where they are not there."""
    match item.get("type"):
        case "compaction":
            return opened(item)
        case "item_reference":
            id = item.get("id")
            if any(each.get("id") == id for each in before):
                return ()
            found = _found(id, kept) if type(id) is str else None
            return (found,) if found is not None else None
        case _:
            return (item,)


def _found(id: str, kept: Kept) -> Item | None:
    """The item of this id, in the response that its id is made of, or in a conversation."""
    start = id.partition("_")[2]
    for answer in (start[:-2], start.rpartition("i")[0]):
        if (response := kept.find(RESPONSES, f"resp_{answer}")) is not None:
            reply, request = answer_of(response)
            for each in (*context(reply, request), *outputs(reply, request)):
                if each["id"] == id:
                    return each
    for conversation in kept.all(CONVERSATIONS):
        found = kept.find(items_of(conversation.id), id)
        if found is not None:
            return identified(found.raw, id)
    return None
