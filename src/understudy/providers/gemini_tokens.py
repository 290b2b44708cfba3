"""Gemini's countTokens: `POST /v1/models/{model}:countTokens`.

Source: ai.google.dev/api/tokens, and `google-genai` 3.4's `CountTokensResponse`, read 2026-11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from understudy.errors import Failure
from understudy.model import CountReply, CountRequest, Event, HttpRequest, Request, Usage
from understudy.providers import gemini_base as base
from understudy.providers import gemini_contents_base as reading
from understudy.providers.base import Check, decode, encode

NAME = "gemini-tokens"
ROUTES = base.routes("countTokens", vertex=True)
CHECKS: tuple[Check, ...] = ()
head = base.head
error = base.error
unrouted = base.unrouted
speaks = base.speaks


def parse(http: HttpRequest) -> CountRequest:
    """Read a request to count tokens.

    Body: {"contents": [...]}, on Vertex AI with system instruction and tools, or
    {"generateContentRequest": {...}}: a whole request whose tokens are counted.
    """
    raw = base.body_object(http)
    given = base.field(raw, "generateContentRequest")
    asked = (
        raw if given is None else base.message(given, "generate_content_request", "GenerateContentRequest")
    )
    model, messages, tools = base.call_of(http).model, reading.messages(asked), reading.tools(asked)
    return CountRequest(NAME, model, Request(NAME, "chat", model, messages, raw, tools))


def complaints(request: CountRequest) -> Iterator[Failure]:
    """It is not known what the API refuses to count."""
    return iter(())


def body(reply: CountReply, request: CountRequest) -> bytes:
    """How many tokens the request has; all are told as those of text."""
    total = reply.usage.input
    details = [{"modality": "TEXT", "tokenCount": total}]
    return encode({"totalTokens": total, "promptTokensDetails": details})


def encoder(request: CountRequest) -> Callable[[Event], bytes]:
    """There is no stream of numbers."""
    raise TypeError(f"{NAME} does not stream")


def read(chunks: Iterable[bytes]) -> CountReply:
    """The inverse of `body`."""
    return CountReply(Usage(decode(b"".join(chunks))["totalTokens"]))
