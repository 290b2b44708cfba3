"""Raw sockets for tests: a server in a thread, a client without a buffer, a transport in memory."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from understudy.model import Head, HttpRequest, Send, Step
from understudy.server import Handle, Limits, Server, new_loop
from understudy.server.clock import Clock
from understudy.server.connection import Connection, Shared
from understudy.server.round import Round

TIMEOUT_S = 10.0
LOOPS: tuple[Callable[[], asyncio.AbstractEventLoop], ...] = (new_loop, asyncio.new_event_loop)


def text(body: bytes, status: int = 200) -> Iterator[Step]:
    return iter([Head(status, b"content-type: text/plain\r\n", len(body)), Send(body)])


def refuse(status: int, message: str) -> Iterator[Step]:
    return text(message.encode(), status)


def echo(request: HttpRequest) -> Iterator[Step]:
    return text(f"{request.method} {request.target} {len(request.body)}".encode())


def undated(answer: bytes) -> bytes:
    """The answer without its `date` lines, each of which must be well formed."""
    dates = rb"date: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\r\n"
    return re.sub(dates, b"", answer)


class Client:
    """A client that sends what it is told and reads what there is."""

    def __init__(self, port: int, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.socket: socket.socket = socket.create_connection((host, port), timeout=TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def until(self, end: bytes) -> bytes:
        """What arrives, up to `end` as its last bytes."""
        data = b""
        while not data.endswith(end):
            piece = self.socket.recv(1)
            assert piece, f"closed before {end!r}: {data!r}"
            data += piece
        return undated(data)

    def rest(self) -> bytes:
        """What arrives until the server closes."""
        pieces = []
        while piece := self.socket.recv(1 << 16):
            pieces.append(piece)
        return undated(b"".join(pieces))

    def ask(self, data: bytes) -> bytes:
        self.send(data)
        return self.rest()


class Running:
    """A server that runs in a thread of its own."""

    def __init__(self, server: Server, loop: asyncio.AbstractEventLoop, port: int) -> None:
        self.server = server
        self.loop = loop
        self.port = port

    def client(self) -> Client:
        return Client(self.port)

    def ask(self, data: bytes) -> bytes:
        with self.client() as client:
            return client.ask(data)

    def call(self, function: Callable[..., Any], *given: Any) -> Any:
        """The result of `function`, called in the server's thread."""

        async def called() -> Any:
            return function(*given)

        return asyncio.run_coroutine_threadsafe(called(), self.loop).result(TIMEOUT_S)

    def begin_close(self) -> Any:
        return asyncio.run_coroutine_threadsafe(self.server.close(), self.loop)


@contextmanager
def serving(
    handle: Handle = echo,
    limits: Limits | None = None,
    tls: ssl.SSLContext | None = None,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] = new_loop,
) -> Iterator[Running]:
    with opened(Server(handle, refuse, limits=limits or Limits(drain_s=0.0)), tls, loop_factory) as running:
        yield running


@contextmanager
def opened(
    server: Server,
    tls: ssl.SSLContext | None = None,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] = new_loop,
    hosts: Sequence[str] = ("127.0.0.1",),
) -> Iterator[Running]:
    loop = loop_factory()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        opened = asyncio.run_coroutine_threadsafe(server.open(hosts, 0, tls), loop)
        yield Running(server, loop, opened.result(TIMEOUT_S))
    finally:
        asyncio.run_coroutine_threadsafe(server.close(), loop).result(TIMEOUT_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(TIMEOUT_S)
        loop.close()


@dataclass
class Wire(asyncio.Transport):
    """A transport in memory: what was written, and how it ended.

    `room` is how many bytes it takes until it says that the peer does not read, `unsent` how many it
    still holds.
    """

    writes: list[bytes] = field(default_factory=list)
    ended: str = ""
    reading: bool = True
    room: int = 1 << 40
    unsent: int = 0
    protocol: Any = None

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    @property
    def written(self) -> bytes:
        return undated(b"".join(self.writes))

    def write(self, data: Any) -> None:
        assert not self.ended, f"written after {self.ended}: {data!r}"
        self.writes.append(bytes(data))
        self.room -= len(data)
        if self.room < 0 and self.protocol is not None:
            self.protocol.pause_writing()

    def write_eof(self) -> None:
        assert not self.ended, f"write_eof after {self.ended}"
        self.ended = "half"

    def close(self) -> None:
        self.ended = "closed"

    def abort(self) -> None:
        self.ended = "aborted"

    def is_closing(self) -> bool:
        return self.ended in ("closed", "aborted")

    def can_write_eof(self) -> bool:
        return True

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("192.0.2.7", 1234) if name == "peername" else default


class Timetable(Clock):
    """A clock that notes when it should wake whom, and does so when told to."""

    def __init__(self) -> None:
        self.dues: list[float] = []
        self.sleepers: list[Any] = []

    def sleep(self, sleeper: Any, due: float) -> int:
        self.dues.append(due)
        self.sleepers.append(sleeper)
        return 2

    def cancel(self, sleeper: Any, tick: int) -> None:
        self.sleepers.remove(sleeper)

    def ring(self) -> None:
        sleepers, self.sleepers = self.sleepers, []
        for sleeper in sleepers:
            sleeper.wake()


def connected(handle: Handle = echo, limits: Limits | None = None) -> tuple[Connection, Wire, Timetable]:
    """A connection on a transport in memory, whose pauses end when the timetable rings."""
    clock = Timetable()
    connection = Connection(Shared(handle, refuse, limits or Limits(), clock, Round(lambda flush: flush())))
    wire = Wire(protocol=connection)
    connection.connection_made(wire)
    return connection, wire, clock
