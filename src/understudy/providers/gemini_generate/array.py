"""Gemini's streamGenerateContent without `?alt=sse`: the same stream, as one JSON array.

A wire API of its own beside `gemini_generate`, since another type is told before the answer begins.
"""

from __future__ import annotations

from collections.abc import Callable

from understudy.model import AnyReply, Broken, Event, Finish, HttpRequest, RateLimits, Request
from understudy.providers import gemini_base as base
from understudy.providers.base import Check
from understudy.providers.gemini_generate import emit
from understudy.providers.gemini_generate.emit import body
from understudy.providers.gemini_generate.parse import STREAM_VERB, is_array, parse
from understudy.providers.gemini_generate.read import read
from understudy.providers.gemini_generate.refuse import complaints

__all__ = [
    "CHECKS",
    "NAME",
    "ROUTES",
    "body",
    "complaints",
    "encoder",
    "error",
    "head",
    "parse",
    "read",
    "speaks",
    "unrouted",
]

NAME = "gemini-generate-array"
ROUTES = base.routes(STREAM_VERB, tuned=True, vertex=True)
CHECKS: tuple[Check, ...] = ()
"""Those of `gemini_generate` are asked."""
error = base.error
unrouted = base.unrouted
BETWEEN = b",\r\n"


def speaks(http: HttpRequest) -> bool:
    return base.speaks(http) and is_array(http)


def head(reply: AnyReply, stream: bool, limits: RateLimits | None = None) -> bytes:
    """Header lines of JSON."""
    return base.whole_head(reply)


def encoder(request: Request) -> Callable[[Event], bytes]:
    """The array: `[`, the objects with a comma and a line's end between two, and `]`."""
    encode = emit.encoder(request, (BETWEEN, b""))
    begun = False

    def array(event: Event) -> bytes:
        nonlocal begun
        pieces = encode(event)
        if pieces and not begun:
            begun, pieces = True, b"[" + pieces.removeprefix(BETWEEN)
        ends = isinstance(event, Broken) or (isinstance(event, Finish) and event.last)
        return pieces + b"]" if ends else pieces

    return array
