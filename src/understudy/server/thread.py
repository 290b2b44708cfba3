"""A server in a thread of its own, with an event loop of its own, inside a program that does other things."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TypeVar

from understudy.server.listener import Server, new_loop

T = TypeVar("T")


class ServerThread:
    """Serves from `start` to `stop`. Whatever the server works on is for `call` alone, at any time."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._thread: threading.Thread | None = None
        self._calling = threading.RLock()  # so that no call comes when nobody is there any more

    def start(self, hosts: Sequence[str], port: int, tls: ssl.SSLContext | None = None) -> int:
        """Listen, and return the port. Raises OSError as `Server.open` does."""
        listening: Future[int] = Future()
        self._thread = threading.Thread(
            target=self._run, args=(hosts, port, tls, listening), name="understudy", daemon=True
        )
        self._thread.start()
        try:
            return listening.result()
        except OSError:
            self._thread.join()
            raise

    def stop(self) -> None:
        """Close the server; when this returns, neither thread nor socket is left."""
        with self._calling:
            if self._loop is not None and self._thread is not None and self._stopping is not None:
                self._loop.call_soon_threadsafe(self._stopping.set)
                self._thread.join()
                self._loop = None

    def call(self, function: Callable[[], T]) -> T:
        """What the function returns or raises, called where nothing else works on the server."""
        if threading.current_thread() is self._thread:
            return function()
        with self._calling:
            if self._loop is None:
                return function()
            called: Future[T] = Future()
            self._loop.call_soon_threadsafe(carry_out, function, called)
            return called.result()

    def end_outage(self) -> None:
        """End the outage under way; when this returns, the port is open again."""
        with self._calling:
            if self._loop is not None:
                asyncio.run_coroutine_threadsafe(self._back(), self._loop).result()

    def _run(
        self, hosts: Sequence[str], port: int, tls: ssl.SSLContext | None, listening: Future[int]
    ) -> None:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(self._serve(hosts, port, tls, listening))

    async def _serve(
        self, hosts: Sequence[str], port: int, tls: ssl.SSLContext | None, listening: Future[int]
    ) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        try:
            port = await self._server.open(hosts, port, tls)
        except BaseException as problem:
            self._loop = None
            listening.set_exception(problem)
            return
        listening.set_result(port)
        await self._stopping.wait()
        await self._server.close()

    async def _back(self) -> None:
        self._server.end_outage()
        await self._server.reopened()


def carry_out(function: Callable[[], T], called: Future[T]) -> None:
    """Call the function, and tell whoever waits what came of it."""
    try:
        called.set_result(function())
    except BaseException as problem:
        called.set_exception(problem)
