"""The listening sockets, the limits in time, shutdown; and `run`, which does it all in a process."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import logging
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Sequence
from time import monotonic

from understudy.model import HttpRequest
from understudy.server.clock import Clock
from understudy.server.connection import (
    Connection,
    Handle,
    Limits,
    Open,
    Opens,
    Refuse,
    Shared,
    nowhere,
    unopened,
)
from understudy.server.outage import How, Outage, Outages, Spared, Unanswered
from understudy.server.round import Round

log = logging.getLogger("understudy.server")

BACKLOG = 4096
"""Connections that the kernel may hold until they are accepted."""

ATTEMPTS = 20
"""How often to look for a port that is free on all hosts."""

ABORT_S = 1.0
"""How long connections that were broken off may take to say that they are closed."""

RETRY_S = 1.0
"""How often a port is tried that another program has taken during an outage."""

GC_THRESHOLDS = 50_000, 20, 50
"""When to look for garbage in cycles, of which there is little: the defaults cost a tenth of the speed."""

OPEN_FILES = 65_536
"""What the limit on open files is lifted to."""

DEFAULT_LIMITS = Limits()
ABSENT = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT}
"""Errors that say that this machine lacks the address or its family."""


def nobody(request: HttpRequest) -> bool:
    return False


def untold(request: HttpRequest, seconds: float, reset: bool) -> None:
    """What happens to a request that an outage left unanswered where nobody wants to know."""


class Server:
    """Listens, and answers with `handle`. It can be opened again after `close`.

    Where it `opens` WebSockets, `open` answers who asks for one.
    Outages (outage.py) leave requests alone that are `spared`; `unanswered` is told of the others.
    """

    def __init__(
        self,
        handle: Handle,
        refuse: Refuse,
        *,
        limits: Limits = DEFAULT_LIMITS,
        opens: Opens = nowhere,
        open: Open = unopened,
        spared: Spared = nobody,
        unanswered: Unanswered = untold,
    ) -> None:
        self._handle = handle
        self._refuse = refuse
        self._limits = limits
        self._opens = opens
        self._open = open
        self._spared = spared
        self._unanswered = unanswered
        self._periodic: list[tuple[float, Callable[[], None]]] = []
        self._listening: list[asyncio.Server] = []
        self._addresses: list[Address] = []
        self._port = 0
        self._tls: ssl.SSLContext | None = None
        self._reopening: asyncio.Task[None] | None = None
        self._shared: Shared | None = None
        self._outages: Outages | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, hosts: Sequence[str], port: int, tls: ssl.SSLContext | None = None) -> int:
        """Listen on `port` of all `hosts`, and return it; 0 picks one that is free on all.

        A host that this machine lacks (IPv6, often) is left out while another works. Raises OSError;
        EADDRINUSE where the port is taken.
        """
        loop = asyncio.get_running_loop()
        sockets = bound(await addresses(hosts), port)
        shared = self._shared = Shared(
            self._handle,
            self._refuse,
            self._limits,
            Clock(loop),
            Round(loop.call_soon),
            self._opens,
            self._open,
        )
        self._outages = Outages(shared, self._spared, self._unanswered, self._shut, self._listen_again)
        self._addresses = [(each.family, str(each.getsockname()[0])) for each in sockets]
        self._port = int(sockets[0].getsockname()[1])
        self._tls = tls
        await self._listen(shared, sockets)
        interval = min(max(min(self._limits.idle_s, self._limits.request_s) / 4, 0.01), 1.0)
        self._start(interval, self._check)
        for seconds, call in self._periodic:
            self._start(seconds, call)
        return self._port

    async def close(self) -> None:
        """Stop listening, let running answers end within `drain_s`, break off the rest.

        A second call, while the first one waits, has it wait no longer.
        """
        shared = self._shared
        if shared is None:
            return
        if shared.draining:
            shared.quiet.set()
            return
        shared.draining = True
        self._shut()
        if self._outages is not None:
            self._outages.stop()
            self._outages = None
        running = sum([connection.drain() for connection in tuple(shared.connections)])
        if running:
            log.warning(
                "%d still under way; they have %g s, and a second signal ends them at once",
                running,
                self._limits.drain_s,
            )
        await quiet(shared, self._limits.drain_s)
        for connection in tuple(shared.connections):
            connection.abort()
        await quiet(shared, ABORT_S)
        for task in self._tasks:
            task.cancel()
        shared.clock.stop()
        self._tasks, self._shared = [], None

    # Outages; all of this is for the loop's thread

    @property
    def outage(self) -> Outage | None:
        """The outage under way."""
        return None if self._outages is None else self._outages.now

    def begin_outage(self, how: How, seconds: float | None = None) -> None:
        """Begin an outage of an open server, which ends the one under way."""
        if self._outages is None:
            raise RuntimeError("a server that is not open has no outages")
        self._outages.begin(how, seconds)

    def end_outage(self) -> Outage | None:
        """End the outage under way, and return it."""
        return None if self._outages is None else self._outages.end()

    async def reopened(self) -> None:
        """Wait until the port that an outage closed is open again; not for long where another has it now."""
        if self._reopening is not None:
            await asyncio.wait({self._reopening}, timeout=ABORT_S)

    async def _listen(self, shared: Shared, sockets: Sequence[socket.socket]) -> None:
        """Listen on all of `sockets`, or on none of them."""
        loop = asyncio.get_running_loop()
        try:
            for each in sockets:
                listening = await loop.create_server(
                    lambda: Connection(shared), sock=each, ssl=self._tls, backlog=BACKLOG, start_serving=False
                )
                self._listening.append(listening)
                await listening.start_serving()
        except BaseException:
            self._stop_listening()
            for each in sockets:
                each.close()
            raise

    def _stop_listening(self) -> None:
        for listening in self._listening:
            listening.close()
        self._listening.clear()

    def _shut(self) -> None:
        """Stop listening, or trying to."""
        if self._reopening is not None:
            self._reopening.cancel()
            self._reopening = None
        self._stop_listening()

    def _listen_again(self) -> None:
        if self._shared is not None:
            self._reopening = asyncio.get_running_loop().create_task(self._reopen(self._shared))

    async def _reopen(self, shared: Shared) -> None:
        """Listen where the server listened before, as soon as that can be."""
        told = False
        while True:
            try:
                await self._listen(shared, bound_once(self._addresses, self._port))
            except OSError as problem:
                if not told:
                    told = True
                    log.error(
                        "after the outage, port %d cannot be opened again: %s; trying every second",
                        self._port,
                        problem.strerror or problem,
                    )
                await asyncio.sleep(RETRY_S)
            else:
                if told:
                    log.warning("port %d is open again", self._port)
                return

    def every(self, seconds: float, call: Callable[[], None]) -> None:
        """Have `call` called every so often while the server is open."""
        self._periodic.append((seconds, call))
        if self._shared is not None:
            self._start(seconds, call)

    def _start(self, seconds: float, call: Callable[[], None]) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(repeat(seconds, call)))

    def _check(self) -> None:
        if self._shared is not None:
            now = monotonic()
            for connection in tuple(self._shared.connections):
                connection.check(now)


async def quiet(shared: Shared, seconds: float) -> None:
    """Wait until no connection is left, or somebody is tired of waiting, or `seconds` have passed."""
    if shared.connections:
        shared.quiet.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(shared.quiet.wait(), seconds)


async def repeat(seconds: float, call: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            call()
        except Exception:
            log.exception("a periodic call failed: %r", call)


Address = tuple[socket.AddressFamily, str]


async def addresses(hosts: Sequence[str]) -> list[Address]:
    """The families and addresses of `hosts`, each once. Raises OSError if none has any."""
    found: dict[Address, None] = {}
    missing: OSError | None = None
    for host in hosts:
        try:
            infos = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except OSError as error:
            missing = error
        else:
            found.update(((family, str(address[0])), None) for family, _, _, _, address in infos)
    if not found:
        raise missing or OSError(errno.EADDRNOTAVAIL, "no host to listen on")
    return list(found)


def bound(wanted: Sequence[Address], port: int) -> list[socket.socket]:
    """Sockets bound to the same port of all addresses that this machine has."""
    for _ in range(ATTEMPTS - 1):
        try:
            return bound_once(wanted, port)
        except OSError as error:
            if port or error.errno != errno.EADDRINUSE:
                raise
    return bound_once(wanted, port)


def bound_once(wanted: Sequence[Address], port: int) -> list[socket.socket]:
    """The first address picks the port if `port` is 0, and another one may have it taken."""
    sockets: list[socket.socket] = []
    absent: OSError | None = None
    try:
        for family, address in wanted:
            try:
                sockets.append(bound_socket(family, address, port))
            except OSError as error:
                if error.errno not in ABSENT:
                    raise
                absent = error
            else:
                port = sockets[0].getsockname()[1]
        if not sockets:
            raise absent or OSError(errno.EADDRNOTAVAIL, "no address to listen on")
    except OSError:
        for opened in sockets:
            opened.close()
        raise
    return sockets


def bound_socket(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    """A socket of one family alone. Accepted connections inherit TCP_NODELAY from it."""
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setblocking(False)
        if sys.platform != "win32":
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.bind((address, port))
    except OSError:
        opened.close()
        raise
    return opened


def new_loop() -> asyncio.AbstractEventLoop:
    """uvloop's event loop, or asyncio's own where there is none."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def run(
    server: Server,
    hosts: Sequence[str],
    port: int,
    tls: ssl.SSLContext | None = None,
    ready: Callable[[int], None] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM, then close; a second signal does not wait for running answers.

    `ready` is called with the port once connections are accepted. Raises OSError as `open` does.
    """
    allow_open_files()
    with asyncio.Runner(loop_factory=new_loop) as runner, contextlib.suppress(KeyboardInterrupt):
        runner.run(serve(server, hosts, port, tls, ready))


async def serve(
    server: Server,
    hosts: Sequence[str],
    port: int,
    tls: ssl.SSLContext | None,
    ready: Callable[[int], None] | None,
) -> None:
    stopped = asyncio.Event()
    closing: set[asyncio.Task[None]] = set()

    def stop() -> None:
        stopped.set()
        closing.add(asyncio.create_task(server.close()))

    port = await server.open(hosts, port, tls)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, stop)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    if ready is not None:
        ready(port)
    try:
        await stopped.wait()
        while not all(task.done() for task in closing):
            await asyncio.wait(tuple(closing))
    finally:
        await server.close()


def allow_open_files() -> None:
    """Lift the soft limit on open files: connections are files, and the usual 1,024 are few."""
    try:
        import resource
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, OPEN_FILES)), hard))
