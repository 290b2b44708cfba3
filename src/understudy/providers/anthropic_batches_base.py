"""Message batches as they are at a time: how far they are, and what came of each of their requests.

    in_progress ---------------------> ended          when the last request is answered, or after a day
         \\-- cancel --> canceling --^                at once; what was answered by then has succeeded

Its requests are made when a batch is. What came of them is told when so much time has passed as they would
take one beside the other.

Source: docs.anthropic.com/en/docs/build-with-claude/batch-processing, and the types of `anthropic` 2.12
(`types/messages/message_batch.py` and its neighbours), read 2026-11.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from understudy.model import Done, Resource
from understudy.providers.anthropic_base import instant, request_id
from understudy.providers.base import decode

BATCHES = "messages/batches"
"""The name of the collection."""
DAY_S = 86_400
EXPIRES_S, ARCHIVED_S = DAY_S, 29 * DAY_S
"""After how many seconds from its creation a batch ends, whatever is left, and its results are gone."""
OUTCOMES = ("succeeded", "errored", "canceled", "expired")


def stand_in(id: str) -> Resource:
    """A batch of no requests, which has ended."""
    return Resource(id, 0.0, {"custom_ids": []})


def ended_at(batch: Resource, now: float) -> float | None:
    """When a batch ended; None while it has not. What a call answers about its own doing is before that."""
    if not batch.done:
        return batch.created
    over = min(batch.ends, batch.created + EXPIRES_S)
    if batch.cancelled:
        over = min(over, batch.cancelled)
    return over if over <= now and now > max(batch.created, batch.cancelled) else None


def archived_at(batch: Resource, now: float) -> float | None:
    """When the results of a batch were gone; None while they are not."""
    gone = batch.created + ARCHIVED_S
    return gone if gone <= now else None


def view(batch: Resource, now: float, origin: str) -> dict[str, Any]:
    """A batch; `origin` is what stands before the path in a URL of this server."""
    ended, archived = ended_at(batch, now), archived_at(batch, now)
    status = "ended" if ended is not None else "canceling" if batch.cancelled else "in_progress"
    shown = ended is not None and archived is None
    return {
        "id": batch.id,
        "type": "message_batch",
        "processing_status": status,
        "request_counts": counts(batch, ended is not None),
        "ended_at": None if ended is None else instant(int(ended)),
        "created_at": instant(int(batch.created)),
        "expires_at": instant(int(batch.created) + EXPIRES_S),
        "archived_at": None if archived is None else instant(int(archived)),
        "cancel_initiated_at": instant(int(batch.cancelled)) if batch.cancelled else None,
        "results_url": f"{origin}/v1/{BATCHES}/{batch.id}/results" if shown else None,
    }


def counts(batch: Resource, ended: bool) -> dict[str, int]:
    """How many requests came to what; all are being processed until the whole batch has ended."""
    told = Counter(outcome(batch, done) for done in batch.done) if ended else Counter()
    return {"processing": len(batch.done) - told.total(), **{name: told[name] for name in OUTCOMES}}


def outcome(batch: Resource, done: Done) -> str:
    """What a request came to, once its batch has ended."""
    if batch.cancelled and batch.created + done.seconds > batch.cancelled:
        return "canceled"
    if done.seconds > EXPIRES_S:
        return "expired"
    return "succeeded" if done.status == 200 and _object(done) else "errored"


def results(batch: Resource) -> list[dict[str, Any]]:
    """A line of the results for each request, in the order in which they were sent."""
    return [
        {"custom_id": custom_id, "result": _result(batch, done, number)}
        for number, (custom_id, done) in enumerate(zip(batch.raw["custom_ids"], batch.done, strict=True))
    ]


def _result(batch: Resource, done: Done, number: int) -> dict[str, Any]:
    kind, told = outcome(batch, done), _object(done)
    if kind == "succeeded":
        return {"type": kind, "message": told | {"usage": told["usage"] | {"service_tier": "batch"}}}
    if kind == "errored":
        return {"type": kind, "error": told if told.get("type") == "error" else _broken(batch, number)}
    return {"type": kind}


def _broken(batch: Resource, number: int) -> dict[str, Any]:
    """The error of a request whose answer broke off, or was none."""
    told = {"type": "api_error", "message": "Internal server error"}
    return {"type": "error", "error": told, "request_id": request_id(f"{batch.id[-16:]}{number:04d}")}


def _object(done: Done) -> dict[str, Any]:
    """The JSON object of an answer; an empty one where it is none."""
    try:
        told = decode(done.body)
    except (ValueError, RecursionError):
        return {}
    return told if type(told) is dict else {}
