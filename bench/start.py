"""From the command to the first answer, as a user or a test suite waits for it."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import NamedTuple

from processes import resident_kib
from streams import raw_request
from subjects import Unready, end, free_port, spawn

PATIENCE_S = 15.0


class Started(NamedTuple):
    """Seconds until the first chat completion was there, and the resident MiB then."""

    seconds: float
    resident_mib: float


def connected(port: int, deadline: float) -> socket.socket:
    """A connection as soon as the port is open, tried every millisecond."""
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 5.0)
        except ConnectionRefusedError:
            if time.perf_counter() > deadline:
                raise Unready(f"nothing listens on port {port} after {PATIENCE_S:g} s") from None
            time.sleep(0.001)


def first_answer(command: Callable[[int], list[str]], body: bytes, core: int) -> Started:
    """Start `command` on a free port, ask it `body`, end it."""
    port = free_port()
    request = raw_request(body).replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
    begin = time.perf_counter()
    process = spawn(command(port), core)
    try:
        with connected(port, begin + PATIENCE_S) as connection:
            connection.sendall(request)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        seconds = time.perf_counter() - begin
        if not answer.startswith(b"HTTP/1.1 200"):
            raise Unready(f"the first answer is no success: {answer[:300]!r}")
        return Started(seconds, resident_kib(process.pid) / 1024)
    finally:
        end(process)
