"""Anthropic's token count: `POST /v1/messages/count_tokens`.

Source: docs.anthropic.com/en/api/messages-count-tokens, and `anthropic` 2.12's
`message_count_tokens_params.py`. Claude's vocabulary is not public, so that the number is an estimate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from understudy.errors import Failure
from understudy.model import CountReply, CountRequest, Event, HttpRequest, Usage
from understudy.providers import anthropic_base as base
from understudy.providers import anthropic_request_base as reading
from understudy.providers.anthropic_checks_base import shared
from understudy.providers.base import Check, by_field, decode, encode

NAME = "anthropic-tokens"
ROUTES = (("POST", "/v1/messages/count_tokens"),)
_HI = {"role": "user", "content": "Hi"}


def example(model: str = "claude-sonnet-5", **changes: Any) -> dict[str, Any]:
    """A plain request with `changes`."""
    return {"model": model, "messages": [_HI], **changes}


CHECKS: tuple[Check, ...] = shared(example)
head = base.head
error = base.error
unrouted = base.unrouted
speaks = base.speaks


_complaints = by_field(CHECKS)


def complaints(request: CountRequest) -> Iterator[Failure]:
    """What a request for a message would be refused for, too, but for what is about the answer."""
    return _complaints(request.request)


def parse(http: HttpRequest) -> CountRequest:
    """Read a request for a count: that for a message, without what is about the answer."""
    asked = reading.conversation_request(NAME, reading.body_object(http), http)
    return CountRequest(NAME, asked.model, asked)


def body(reply: CountReply, request: CountRequest) -> bytes:
    return encode({"input_tokens": reply.usage.input})


def encoder(request: CountRequest) -> Callable[[Event], bytes]:
    """There is no stream of a number."""
    raise TypeError(f"{NAME} does not stream")


def read(chunks: Iterable[bytes]) -> CountReply:
    """The inverse of `body`."""
    return CountReply(Usage(decode(b"".join(chunks))["input_tokens"]))
