"""The same answers for an ASGI host: an app that executes Steps with what ASGI has.

    scope, receive -> HttpRequest -> handle -> Step ... -> send

ASGI has no word for the end of a connection in the middle of an answer. An Abort raises, and hosts close the
connection then, which is never a reset; before the head, most of them send a 500 of their own.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, MutableMapping
from time import monotonic
from typing import Any
from urllib.parse import quote

from understudy.model import Abort, Head, HttpRequest, Pause, Send, Steps

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Sender = Callable[[Message], Awaitable[None]]


class Broken(ConnectionError):
    """An answer ends here on purpose, which ASGI cannot say otherwise."""


class Asgi:
    """An ASGI 3 app; `handle` answers a request. For hosts that run on asyncio."""

    def __init__(self, handle: Callable[[HttpRequest], Steps]) -> None:
        self._handle = handle

    async def __call__(self, scope: Scope, receive: Receive, send: Sender) -> None:
        if scope["type"] == "lifespan":
            await lifespan(receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000, "reason": "there is no WebSocket here"})
        else:
            body = await whole_body(receive)
            if body is not None:
                await answer(self._handle(request(scope, body)), scope["method"] == "HEAD", receive, send)


async def lifespan(receive: Receive, send: Sender) -> None:
    """There is nothing to start and nothing to stop."""
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})


async def whole_body(receive: Receive) -> bytes | None:
    """The body of the request; None where the client left before its end."""
    pieces = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(pieces)


def request(scope: Scope, body: bytes) -> HttpRequest:
    """The request, with a path that begins where the app is mounted."""
    raw = scope.get("raw_path") or quote(scope["path"]).encode()
    target = raw.decode("latin-1").removeprefix(scope.get("root_path", "")) or "/"
    if scope["query_string"]:
        target += f"?{scope['query_string'].decode('latin-1')}"
    client = scope.get("client")
    headers = tuple([bytes(each) for pair in scope["headers"] for each in (pair[0].lower(), pair[1])])
    return HttpRequest(scope["method"], target, headers, body, client[0] if client else "")


async def answer(steps: Steps, bodyless: bool, receive: Receive, send: Sender) -> None:
    """Execute the steps. A client that leaves during a pause is not sent the rest."""
    gone = asyncio.ensure_future(disconnected(receive))
    due = monotonic()
    try:
        for step in steps:
            if isinstance(step, Pause):
                due += step.seconds
                wait = None if due == math.inf else max(due - monotonic(), 0)
                if (await asyncio.wait({gone}, timeout=wait))[0]:
                    return
            elif isinstance(step, Head):
                await send({"type": "http.response.start", "status": step.status, "headers": headers(step)})
            elif isinstance(step, Send):
                if not bodyless:
                    await send({"type": "http.response.body", "body": step.data, "more_body": True})
            elif isinstance(step, Abort):
                raise Broken("the answer is broken off here on purpose")
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        gone.cancel()
        end = getattr(steps, "close", None)
        if end is not None:
            end()


async def disconnected(receive: Receive) -> None:
    """Wait until the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


def headers(head: Head) -> list[tuple[bytes, bytes]]:
    """The header lines as pairs; a length that is known is told."""
    lines = [line.partition(b":") for line in head.headers.split(b"\r\n") if line]
    pairs = [(name.lower(), value.strip()) for name, _, value in lines]
    return pairs if head.length is None else [*pairs, (b"content-length", b"%d" % head.length)]
