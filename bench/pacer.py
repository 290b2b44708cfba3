"""A server that does nothing but pace: the floor under the streams' figures on this machine.

    python pacer.py PORT RATE STREAM.sse

It answers a request for a stream with the frames of the file, one per token interval, each at its
absolute deadline, and any other with nothing. What the client sees from it is the error of the client,
the loop and the machine.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import cast

import uvloop

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
NOTHING = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
END = b"0\r\n\r\n"


class Pacer(asyncio.Protocol):
    """One connection; a request is whatever comes in one read."""

    def __init__(self, frames: list[bytes], interval_s: float) -> None:
        self.frames = frames
        self.interval_s = interval_s
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        assert self.transport is not None
        if b'"stream": true' not in data:
            self.transport.write(NOTHING)
            return
        self.transport.write(HEAD + self.frames[0])
        self.send_later(asyncio.get_running_loop().time() + self.interval_s, 1)

    def send_later(self, deadline: float, number: int) -> None:
        asyncio.get_running_loop().call_at(deadline, self.send, deadline, number)

    def send(self, deadline: float, number: int) -> None:
        assert self.transport is not None
        if self.transport.is_closing():
            return
        last = number == len(self.frames) - 1
        self.transport.write(self.frames[number] + END if last else self.frames[number])
        if not last:
            self.send_later(deadline + self.interval_s, number + 1)


def chunked(frame: bytes) -> bytes:
    """`frame` as one chunk of the chunked encoding."""
    return b"%x\r\n%s\r\n" % (len(frame), frame)


async def serve(port: int, interval_s: float, frames: list[bytes]) -> None:
    """Serve until the process is ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Pacer(frames, interval_s), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    port, rate, file = sys.argv[1:]
    pieces = Path(file).read_bytes().split(b"\n\n")[:-1]
    uvloop.run(serve(int(port), 1 / float(rate), [chunked(piece + b"\n\n") for piece in pieces]))
