"""What OpenAI's APIs of things that are kept share: lists in pages, how a lack is told, metadata.

Source: platform.openai.com/docs/api-reference, and `openai` 3.54's `pagination.py` and `..._list_params.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs

from understudy.errors import Failure
from understudy.model import HttpRequest, RateLimits, Resource, ResourceReply, ResourceRequest
from understudy.providers import openai_base as base
from understudy.providers import openai_fields_base as reading
from understudy.providers import openai_finds_base as finding
from understudy.providers import openai_refusals_base as say
from understudy.providers.base import Check, HttpReply, by_field, decode, encode
from understudy.providers.resources_base import Called, Listed

PAGE, MOST = 20, 100
"""How many entries a page has where nothing is said, and at most."""
NOUNS = {
    "responses": "Response",
    "conversations": "Conversation",
    "items": "Item",
    "completions": "Chat completion",
}
"""What the resources of a collection are called where one is not there."""
METADATA = (frozenset({dict}), "a metadata object")
ORDERS = ("asc", "desc")


def parameters(query: str) -> dict[str, str]:
    """The parameters of a query, of several of one name the last."""
    return {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}


def body_object(http: HttpRequest) -> dict[str, Any]:
    """The JSON object in a request's body; an empty body is an empty one."""
    return reading.body_object(http) if http.body else {}


def metadata(http: HttpRequest) -> dict[str, Any]:
    """What an update says: the metadata, which must be there."""
    raw = body_object(http)
    if "metadata" not in raw:
        raise say.missing("metadata")
    reading.check_types(raw, {"metadata": METADATA})
    return {"metadata": raw["metadata"] or {}}


_metadata = by_field(
    (
        Check(
            "metadata",
            "metadata",
            finding.metadata,
            {"metadata": {f"k{number}": "v" for number in range(17)}},
            "https://platform.openai.com/docs/api-reference/conversations/create",
        ),
    )
)


def complaints(request: ResourceRequest) -> Iterator[Failure]:
    """What is refused of all that is kept: too many or too long metadata, a page of fewer than one."""
    yield from _metadata(request)
    if (request.verb == "list" or request.called.list) and (asked := limit(parameters(request.query))) < 1:
        yield say.out_of_range("limit", asked, 1, "integer")


def body(reply: ResourceReply, request: ResourceRequest) -> bytes:
    """What is answered: the resource, a page of several, or that it is no more."""
    call: Called = request.called
    row, resources, now = call.row, reply.resources, reply.now
    if call.list:
        listed = row.lists[call.list](resources[0])
        return encode(page(listed, request.query, row.newest_first, reply.any_id))
    if call.verb == "delete" and row.deleted is not None:
        return encode(row.deleted(resources[0], reply.owner))
    if call.verb == "create" and row.several:
        return encode(_list([(each.id, row.view(each, now)) for each in resources], False))
    if call.verb != "list":
        return encode(row.view(resources[0], now))
    query = parameters(request.query)
    told = [(each.id, row.view(each, now)) for each in resources if not row.wanted or row.wanted(each, query)]
    return encode(page(told, request.query, row.newest_first, reply.any_id))


def page(entries: Listed, query: str, newest_first: bool, any_id: bool) -> dict[str, Any]:
    """A page of a list: `limit` entries behind `after`, in `order`. Raises Failure where these are wrong.

    Behind an entry that is not there, where `any_id` is fine, are all.
    """
    given = parameters(query)
    order = given.get("order") or ORDERS[newest_first]
    if order not in ORDERS:
        raise say.invalid_value("order", order, ORDERS)
    entries = entries if order == "asc" else entries[::-1]
    if after := given.get("after"):
        ids = [id for id, _ in entries]
        if after in ids:
            entries = entries[ids.index(after) + 1 :]
        elif not any_id:
            raise Failure(404, "not_found", f"Item with id '{after}' not found.")
    most = max(limit(given), 0)
    return _list(entries[:most], len(entries) > most)


def limit(given: Mapping[str, str]) -> int:
    """How many entries are asked for, though no more than a page has at most."""
    told = given.get("limit", f"{PAGE}")
    digits = told.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        raise say.invalid_type("limit", "an integer", told)
    return min(int(told), MOST)


def _list(entries: Listed, more: bool) -> dict[str, Any]:
    return {
        "object": "list",
        "data": [each for _, each in entries],
        "first_id": entries[0][0] if entries else None,
        "last_id": entries[-1][0] if entries else None,
        "has_more": more,
    }


def error(failure: Failure, id: str, limits: RateLimits | None = None) -> HttpReply:
    """OpenAI's envelope; a resource that is not there is called by what it is."""
    noun = NOUNS.get(failure.facts.get("collection", ""))
    if noun is None:
        return base.error(failure, id, limits)
    lack = base.Spelling(404, base.INVALID, f"{noun} with id '{{id}}' not found.")
    return base.error(failure, id, limits, {"not_found": lack})


def read(chunks: Iterable[bytes]) -> ResourceReply:
    """The inverse of `body`: the resources that were told, each with all that was said of it."""
    raw = decode(b"".join(chunks))
    told = raw["data"] if raw.get("object") == "list" else [raw]
    return ResourceReply(tuple([Resource(each["id"], each.get("created_at", 0), each) for each in told]), 0.0)
