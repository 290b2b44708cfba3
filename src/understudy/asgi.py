"""The same answers for an ASGI host: an app that executes Steps with what ASGI has.

    scope, receive -> HttpRequest -> handle -> Step ... -> send
                                  -> open -> Session: a message -> Step ... -> send

ASGI has no word for the end of a connection in the middle of an answer. An Abort raises, and hosts close the
connection then, which is never a reset; before the head, most of them send a 500 of their own.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, MutableMapping
from time import monotonic
from typing import Any, NoReturn
from urllib.parse import quote

from understudy.model import Abort, Close, Head, HttpRequest, Pause, Queued, Send, Session, Steps, Upgrade

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Sender = Callable[[Message], Awaitable[None]]

OVERDUE_S = 1.0
"""How often a session is asked whether something is overdue."""
UNSUPPORTED_DATA = 1003


class Broken(ConnectionError):
    """An answer ends here on purpose, which ASGI cannot say otherwise."""


class Ended(Exception):
    """A WebSocket has come to its end in good order."""


class Asgi:
    """An ASGI 3 app; `handle` answers a request, `open` who asks for a WebSocket. For hosts on asyncio."""

    def __init__(
        self, handle: Callable[[HttpRequest], Steps], open: Callable[[HttpRequest], Steps] | None = None
    ) -> None:
        self._handle = handle
        self._open = open or handle

    async def __call__(self, scope: Scope, receive: Receive, send: Sender) -> None:
        if scope["type"] == "lifespan":
            await lifespan(receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await opened(self._open(request(scope, b"")), scope, receive, send)
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
    return HttpRequest(scope.get("method", "GET"), target, headers, body, client[0] if client else "")


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
        closed(steps)


async def opened(steps: Steps, scope: Scope, receive: Receive, send: Sender) -> None:
    """Let a session speak; or tell the answer that there is instead, where the host can."""
    first = next(steps)
    if isinstance(first, Upgrade):
        await send({"type": "websocket.accept"})
        await Conversation(first.session, send).held(receive)
    elif isinstance(first, Head) and "websocket.http.response" in scope.get("extensions", {}):
        told = {"status": first.status, "headers": headers(first)}
        await send({"type": "websocket.http.response.start", **told})
        body = b"".join([step.data for step in steps if isinstance(step, Send)])
        await send({"type": "websocket.http.response.body", "body": body})
    else:
        await send({"type": "websocket.close"})


class Conversation:
    """A session under way: a lane's steps one after another, lanes side by side."""

    def __init__(self, session: Session, send: Sender) -> None:
        self._session = session
        self._send = send
        self._lanes: dict[str, asyncio.Lock] = {}
        self._room = asyncio.Semaphore(session.AT_ONCE)

    async def held(self, receive: Receive) -> None:
        """Hear and answer messages until one side ends it. Raises Broken for an Abort."""
        broken = None
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._watched())
                while (message := await receive())["type"] != "websocket.disconnect":
                    tasks.create_task(self._answered(self._queued(message.get("text"))))
                raise Ended
        except* (Ended, Broken) as ended:
            broken = ended.subgroup(Broken)
        if broken is not None:
            raise broken.exceptions[0]

    def _queued(self, text: str | None) -> Queued:
        if text is None:
            return Queued(None, iter((Close(UNSUPPORTED_DATA, "only text is understood here"),)))
        return self._session.receive(text)

    async def _watched(self) -> NoReturn:
        """Say what is overdue."""
        while True:
            await asyncio.sleep(OVERDUE_S)
            await self._executed(self._session.overdue())

    async def _answered(self, queued: Queued) -> None:
        """Execute the steps when their turn comes."""
        if queued.lane is None:
            await self._executed(queued.steps)
        else:
            async with self._lanes.setdefault(queued.lane, asyncio.Lock()), self._room:
                await self._executed(queued.steps)

    async def _executed(self, steps: Steps) -> None:
        due = monotonic()
        try:
            for step in steps:
                if isinstance(step, Pause):
                    due += step.seconds
                    await paused(due)
                elif isinstance(step, Send):
                    text = step.data.decode(errors="replace")
                    await self._send({"type": "websocket.send", "text": text})
                elif isinstance(step, Close):
                    await self._send({"type": "websocket.close", "code": step.code, "reason": step.reason})
                    raise Ended
                elif isinstance(step, Abort):
                    raise Broken("the connection is broken off here on purpose")
        finally:
            closed(steps)


async def paused(due: float) -> None:
    """Wait until it is `due`, in monotonic seconds; for ever, where it never is."""
    if due == math.inf:
        await asyncio.Event().wait()
    await asyncio.sleep(max(due - monotonic(), 0.0))


def closed(steps: Steps) -> None:
    """Close the steps: who made them learns that nobody listens."""
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
