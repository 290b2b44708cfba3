"""What an open stream costs: resident memory with 2,000 of them, minus that with none."""

from __future__ import annotations

import asyncio
import time

import uvloop
from processes import resident_kib
from streams import Stream, closed, opened, raise_file_limit, raw_request, start_spread
from subjects import Server

WARM_UP_STREAMS = 200
OPENING_S = 1.5
SAMPLES = 10


async def flowing(streams: list[Stream]) -> None:
    """Wait until every stream has begun."""
    deadline = time.monotonic() + 30
    while not all(sum(stream.counts) for stream in streams):
        if time.monotonic() > deadline:
            raise RuntimeError("not every stream has begun after 30 seconds")
        await asyncio.sleep(0.05)


async def measured(server: Server, body: bytes, number: int) -> float:
    """KiB for each of `number` streams: the most that was seen while all were open."""
    request = raw_request(body)
    some = await opened(server.port, request, WARM_UP_STREAMS)
    start_spread(some, OPENING_S / 4)
    await flowing(some)
    closed(some)
    await asyncio.sleep(0.3)
    before = resident_kib(server.pid)
    streams = await opened(server.port, request, number)
    start_spread(streams, OPENING_S)
    await flowing(streams)
    most = 0.0
    for _ in range(SAMPLES):
        await asyncio.sleep(0.1)
        most = max(most, resident_kib(server.pid))
    if any(stream.finished.done() for stream in streams):
        raise RuntimeError("some streams ended before the memory was read: their pace is too fast")
    closed(streams)
    return (most - before) / number


def per_stream_kib(server: Server, body: bytes, number: int) -> float:
    """Warm `server` up, then see what each of `number` open streams costs."""
    raise_file_limit()
    return uvloop.run(measured(server, body, number))
