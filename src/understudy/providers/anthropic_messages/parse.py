"""Messages: requests, read."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from understudy.errors import Failure
from understudy.model import NOTHING, HttpRequest, Request, Sampling
from understudy.providers import anthropic_request_base as reading
from understudy.providers.anthropic_base import refusal
from understudy.providers.anthropic_messages.files import file_ids
from understudy.providers.anthropic_messages.prefixes import caching

NAME = "anthropic-messages"


def parse(http: HttpRequest) -> Request:
    """Read a request for a message.

    Body: {"model": str, "max_tokens": int, "messages": [...], "stream"?: bool}; unknown fields stay in `raw`.
    Raises Failure(400) for what cannot be understood; `system` and contents may be a text or blocks.
    """
    raw = reading.body_object(http)
    reading.field(raw, "model", str)
    if raw.get("thread") is not None:
        raise _no_threads()
    sampling = _sampling(raw)
    asked = reading.conversation_request(NAME, raw, http)
    return replace(
        asked,
        sampling=sampling,
        stream=reading.optional(raw, "stream", bool) is True,
        caching=caching(raw) if b'"cache_control"' in http.body else None,
        refers=frozenset(file_ids(raw)) if b'"file_id"' in http.body else NOTHING,
    )


def _sampling(raw: dict[str, Any]) -> Sampling:
    most = reading.field(raw, "max_tokens", int)
    if most < 0:
        raise refusal("max_tokens: Input should be greater than or equal to 0")
    stop = reading.optional(raw, "stop_sequences", list) or ()
    for index, each in enumerate(stop):
        reading.checked(each, str, f"stop_sequences.{index}")
    return Sampling(
        most,
        tuple(stop),
        temperature=reading.optional(raw, "temperature", float),
        top_p=reading.optional(raw, "top_p", float),
    )


def _no_threads() -> Failure:
    """The refusal of the beta in which the server keeps the conversation; at this code SDKs go on without."""
    return Failure(
        400,
        "invalid_request",
        "thread: Understudy keeps no threads; send the whole conversation without this field.",
        code="thread_unsupported_request",
    )
