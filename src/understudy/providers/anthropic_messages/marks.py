"""Messages: what the API refuses in where the prompt may be cached."""

from __future__ import annotations

from understudy.errors import Failure
from understudy.model import Request
from understudy.providers.anthropic_base import refusal
from understudy.providers.anthropic_messages.prefixes import MOST_MARKS, marked, sections


def many(request: Request) -> Failure | None:
    """The mark of the request itself counts, unless it falls on a block that has one."""
    count = sum(prefix.ttl_s > 0 for prefix in request.caching.prefixes) if request.caching else 0
    if count > MOST_MARKS:
        return refusal(f"A maximum of {MOST_MARKS} blocks with cache_control may be provided. Found {count}.")
    return None


def longer_after_shorter(request: Request) -> Failure | None:
    """What is kept for an hour after what is kept for five minutes; most requests have no marks at all."""
    shorter = False
    for block in [] if request.caching is None else marked(sections(request.raw)):
        if shorter and block.ttl == "1h":
            return refusal(
                f"{block.where}.cache_control.ttl: a ttl='1h' cache_control block must not come after a "
                "ttl='5m' cache_control block. Note that blocks are processed in the following order: "
                "`tools`, `system`, `messages`."
            )
        shorter = shorter or block.ttl == "5m"
    return None
