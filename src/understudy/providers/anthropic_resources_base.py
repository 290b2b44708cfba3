"""What Anthropic's APIs of things that are kept share: lists in pages, and how a lack is told.

Source: docs.anthropic.com/en/api, and `anthropic` 2.12's `pagination.py` and `..._list_params.py`, read
2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from understudy.errors import Failure
from understudy.model import RateLimits
from understudy.providers import anthropic_base as base
from understudy.providers.base import HttpReply

PAGE, LONGEST_PAGE = 20, 1_000
LACKS = {"batches": "Message Batch not found: {id}", "files": "File not found: {id}"}
"""How it is told that a resource of a collection is not there."""


def parameters(query: str) -> dict[str, str]:
    """The parameters of a query, of several of one name the last."""
    return {name: values[-1] for name, values in parse_qs(query).items()}


def limit(given: Mapping[str, str]) -> int:
    """How many entries are asked for. Raises Failure(400) for a `limit` that is none."""
    told = given.get("limit", str(PAGE))
    if not (told.isascii() and told.isdigit()):
        words = "Input should be a valid integer, unable to parse string as an integer"
        raise base.refusal(f"limit: {words}")
    digits = told.lstrip("0")
    if not digits:
        raise base.refusal("limit: Input should be greater than or equal to 1")
    if len(digits) > 4 or int(digits) > LONGEST_PAGE:
        raise base.refusal(f"limit: Input should be less than or equal to {LONGEST_PAGE}")
    return int(digits)


def listed(entries: Sequence[dict[str, Any]], query: Mapping[str, str]) -> dict[str, Any]:
    """A page: the entries after `after_id`, or before `before_id`, up to `limit`."""
    most, ids = limit(query), [each["id"] for each in entries]
    if (before := query.get("before_id")) in ids:
        rest = entries[: ids.index(before)]
        page = rest[-most:]
    else:
        after = query.get("after_id")
        rest = entries[ids.index(after) + 1 :] if after in ids else entries
        page = rest[:most]
    return {
        "data": page,
        "has_more": len(rest) > most,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
    }


def error(failure: Failure, id: str, limits: RateLimits | None = None) -> HttpReply:
    """Anthropic's envelope; a resource that is not there is called by what it is."""
    words = LACKS.get(failure.facts.get("collection", ""))
    if words is not None and failure.kind == "not_found" and not failure.message:
        failure = Failure(404, "not_found", words.format(id=failure.facts["id"]), headers=failure.headers)
    return base.error(failure, id, limits)
