"""A transport for httpx and httpx2: a client asks without a port, and waits and breaks as on a socket.

    client.Request -> HttpRequest -> handle -> Step ... -> Answer -> client.Response
                                                             |
                                     time passes, or the client's own errors are raised

Which of the two libraries it is, is seen by the request: neither is imported before one of them asks.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from importlib import import_module
from threading import Event
from time import monotonic, sleep
from types import TracebackType
from typing import Any, Self

from understudy.model import Abort, Head, HttpRequest, Pause, Send, Steps

Handle = Callable[[HttpRequest], Steps]
Library = Any
"""The module httpx or httpx2."""


class Transport:
    """Answers a client's requests with `handle`; the URL's scheme, host and port do not matter."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    def handle_request(self, request: Any) -> Any:
        """The answer to a request of a sync client."""
        answer = Answer(request, self._handle(asked(request, request.read())))
        for wait in answer.opening():
            pause(wait)
        return answer.response(streams(answer.library)[0](answer))

    async def handle_async_request(self, request: Any) -> Any:
        """The answer to a request of an async client."""
        answer = Answer(request, self._handle(asked(request, await request.aread())))
        for wait in answer.opening():
            await async_pause(wait)
        return answer.response(streams(answer.library)[1](answer))

    def close(self) -> None:
        """There is nothing to close."""

    async def aclose(self) -> None:
        """There is nothing to close."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class Answer:
    """An answer under way: `opening` until its head is there, then `rest`.

    Both give seconds to wait, and raise what the client raises where a socket dies or is silent for too long.
    """

    def __init__(self, request: Any, steps: Steps) -> None:
        self.library: Library = import_module(type(request).__module__.partition(".")[0])
        self._request = request
        self._steps = steps
        self._patience: float | None = request.extensions.get("timeout", {}).get("read")
        self._head = Head(200, b"")
        self._due = monotonic()
        self._received = 0

    def opening(self) -> Iterator[float]:
        """The seconds to wait until the head is there."""
        try:
            for step in self._steps:
                if isinstance(step, Head):
                    self._head = step
                    return
                if isinstance(step, Pause):
                    yield from self._waits(step.seconds)
                elif isinstance(step, Abort):
                    raise self._death(step, "Server disconnected without sending a response.")
        except BaseException:
            self.close()
            raise

    def rest(self) -> Iterator[float | bytes]:
        """The seconds to wait and the bytes of the body, as they come."""
        length = self._head.length
        for step in self._steps:
            if isinstance(step, Send) and self._request.method != "HEAD":
                self._received += len(step.data)
                yield step.data
            elif isinstance(step, Pause):
                yield from self._waits(step.seconds)
            elif isinstance(step, Abort):
                got = "incomplete chunked read"
                if length is not None:
                    got = f"received {self._received} bytes, expected {length}"
                whole = "peer closed connection without sending complete message body"
                raise self._death(step, f"{whole} ({got})")

    def response(self, stream: Any) -> Any:
        """The client's response with this head and stream."""
        lines = [line.partition(b":") for line in self._head.headers.split(b"\r\n") if line]
        headers = [(name, value.strip()) for name, _, value in lines]
        length = self._head.length
        headers.append(
            (b"transfer-encoding", b"chunked") if length is None else (b"content-length", b"%d" % length)
        )
        return self.library.Response(
            self._head.status, headers=headers, stream=stream, extensions={"http_version": b"HTTP/1.1"}
        )

    def close(self) -> None:
        """The client wants no more of it."""
        end = getattr(self._steps, "close", None)
        if end is not None:
            end()

    def _waits(self, seconds: float) -> Iterator[float]:
        """What is left of a pause, counted from the end of the one before."""
        self._due += seconds
        wait = max(self._due - monotonic(), 0.0)
        if self._patience is not None and wait > self._patience:
            yield self._patience
            raise self.library.ReadTimeout("The read operation timed out", request=self._request)
        yield wait

    def _death(self, abort: Abort, closed: str) -> Exception:
        """What the client raises when the connection ends here."""
        if abort.how == "reset":
            reset = "[Errno 104] Connection reset by peer"
            error: Exception = self.library.ReadError(reset, request=self._request)
        else:
            error = self.library.RemoteProtocolError(closed, request=self._request)
        return error


def asked(request: Any, body: bytes) -> HttpRequest:
    """A client's request as one that came from this machine."""
    flat = tuple([each for name, value in request.headers.raw for each in (name.lower(), value)])
    return HttpRequest(request.method, request.url.raw_path.decode("latin-1"), flat, body)


def pause(seconds: float) -> None:
    if seconds == math.inf:
        Event().wait()
    sleep(seconds)


async def async_pause(seconds: float) -> None:
    """On asyncio or on trio, as the client itself."""
    import anyio

    if seconds == math.inf:
        await anyio.sleep_forever()
    await anyio.sleep(seconds)


class Stream:
    """The body of an answer as a client's library reads it."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._answer.rest():
            if isinstance(piece, float):
                pause(piece)
            else:
                yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._answer.rest():
            if isinstance(piece, float):
                await async_pause(piece)
            else:
                yield piece

    def close(self) -> None:
        self._answer.close()

    async def aclose(self) -> None:
        self._answer.close()


@cache
def streams(library: Library) -> tuple[Any, Any]:
    """The sync and the async stream, which the library wants to be children of its own."""
    sync: Any = type("SyncStream", (Stream, library.SyncByteStream), {})
    asynchronous: Any = type("AsyncStream", (Stream, library.AsyncByteStream), {})
    return sync, asynchronous
