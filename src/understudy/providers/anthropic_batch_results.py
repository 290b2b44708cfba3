"""The results of Anthropic's Message Batches: `GET /v1/messages/batches/{id}/results`, a JSON object a line.

Source: docs.anthropic.com/en/api/retrieving-message-batch-results, and the types of `anthropic` 2.12
(`types/messages/message_batch_individual_response.py`), read 2026-11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from understudy.errors import Failure
from understudy.model import (
    AnyReply,
    Event,
    HttpRequest,
    RateLimits,
    Resource,
    ResourceReply,
    ResourceRequest,
)
from understudy.providers import anthropic_base as base
from understudy.providers import anthropic_resources_base as shared
from understudy.providers.anthropic_batches_base import (
    BATCHES,
    archived_at,
    ended_at,
    results,
    stand_in,
)
from understudy.providers.base import Check, decode, encode

NAME = "anthropic-batch-results"
ROUTES = (("GET", f"/v1/{BATCHES}/{{id}}/results"),)
CHECKS: tuple[Check, ...] = ()
error = shared.error
unrouted = base.unrouted
speaks = base.speaks


def complaints(request: ResourceRequest) -> Iterator[Failure]:
    """A request for results has no body that could be wrong."""
    return iter(())


def parse(http: HttpRequest) -> ResourceRequest:
    """Read whose results are asked for."""
    id = http.path.removesuffix("/results").rpartition("/")[2]
    return ResourceRequest(NAME, "retrieve", BATCHES, id, refuse=_refuse, stand_in=stand_in)


def _refuse(batch: Resource, now: float) -> Failure | None:
    """There are no results yet, or no more; which words the API has for it is not known."""
    if ended_at(batch, now) is None:
        return Failure(
            404, "not_found", f"{batch.id}: there are no results before the Message Batch has ended."
        )
    if archived_at(batch, now) is not None:
        return Failure(
            404, "not_found", f"{batch.id}: the Message Batch is archived, and its results are gone."
        )
    return None


def head(reply: AnyReply, stream: bool, limits: RateLimits | None = None) -> bytes:
    """Header lines of a success; what comes is lines of JSON."""
    return base.head(reply, stream, limits).replace(b"application/json", b"application/x-jsonl", 1)


def body(reply: ResourceReply, request: ResourceRequest) -> bytes:
    """A line for each request of the batch."""
    return b"".join([encode(line) + b"\n" for line in results(reply.resources[0])])


def read(chunks: Iterable[bytes]) -> ResourceReply:
    """The inverse of `body`: a resource for each line, its id the `custom_id`."""
    lines = [decode(line) for line in b"".join(chunks).splitlines()]
    return ResourceReply(tuple([Resource(each["custom_id"], 0.0, each) for each in lines]), 0.0)


def encoder(request: ResourceRequest) -> Callable[[Event], bytes]:
    """There is no stream of results."""
    raise TypeError(f"{NAME} does not stream")
