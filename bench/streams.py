"""A thousand paced streams at once, seen from the client.

        one token interval
        |<-->|
    head t1   t2   t3 ... t100 end     planned: one slot after the other, at equal distances
    head t1    t2  t3 ...  t100  end   what came: late in total, and each gap too long or too short

What is planned is learned from one stream on an idle server: which frames come together in one slot,
and how many slots there are. The client is one loop on a core of its own: raw bytes, a time stamp and
a count of frames per read, nothing else; its own lag is measured beside it and reported.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import resource
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, cast

import uvloop
from processes import cpu_seconds
from subjects import HEADERS, PATH, Server

END = b"0\r\n\r\n"
FRAME_END = b"\n\n"
LAG_PROBE_S = 0.001
OPENED_TOGETHER = 100


class Plan(NamedTuple):
    """What an idle server's stream looks like.

    `frames` is how many frames have come when a slot is full, slot by slot; `pauses` is how many
    token intervals of `interval_s` seconds the whole stream takes.
    """

    frames: tuple[int, ...]
    pauses: int
    interval_s: float


class Pacing(NamedTuple):
    """How well streams kept their plan. Shares of the planned time; gaps and lags in seconds.

    `late_...` counts from the moment of the request; `flow_late_worst` from the first bytes that came,
    so that it leaves out how long the server took to begin.
    """

    late_median: float
    late_worst: float
    flow_late_worst: float
    gap_p50: float
    gap_p99: float
    first_median: float
    first_worst: float
    server_busy: float
    client_busy: float
    client_lag_p99: float


class Stream(asyncio.Protocol):
    """One connection and the stream that comes over it: when each read came, and its frames."""

    __slots__ = ("counts", "finished", "request", "started", "tail", "times", "transport")

    def __init__(self, request: bytes) -> None:
        self.request = request
        self.times: list[float] = []
        self.counts: list[int] = []
        self.tail = b""
        self.started = 0.0
        self.finished = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def start(self) -> None:
        assert self.transport is not None
        self.started = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.times.append(time.perf_counter())
        self.counts.append(data.count(FRAME_END))
        self.tail = data[-5:] if len(data) >= 5 else (self.tail + data)[-5:]
        if self.tail == END and not self.finished.done():
            self.finished.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.finished.done():
            self.finished.set_exception(exc or ConnectionError("the stream ended too early"))


def raw_request(body: bytes) -> bytes:
    """The bytes of a request with `body`."""
    head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    return (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode()
        + body
    )


def planned(stream: Stream, interval_s: float) -> Plan:
    """The plan behind a stream that came from an idle server: reads closer than half a gap are one slot."""
    frames: list[int] = []
    pauses, seen, last = 0, 0, stream.started
    for at, count in zip(stream.times, stream.counts, strict=True):
        seen += count
        if at - last > interval_s / 2:
            pauses += 1
            frames.append(seen)
        elif frames:
            frames[-1] = seen
        elif seen:
            frames.append(seen)
        last = at
    return Plan(tuple(frames), pauses, interval_s)


def slot_times(stream: Stream, plan: Plan) -> Iterator[float]:
    """When each slot of the plan was full."""
    reads = zip(stream.times, stream.counts, strict=True)
    seen, at = 0, stream.started
    for wanted in plan.frames:
        while seen < wanted:
            at, count = next(reads, (at, wanted))
            seen += count
        yield at


def gap_errors(stream: Stream, plan: Plan) -> list[float]:
    """How far each gap between two slots is from the planned one, in seconds."""
    return [abs(two - one - plan.interval_s) for one, two in itertools.pairwise(slot_times(stream, plan))]


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest of `values` that `share` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


# --- running them -----------------------------------------------------------------------------------


async def opened(port: int, request: bytes, number: int) -> list[Stream]:
    """Connections that are open and have asked nothing yet."""
    loop = asyncio.get_running_loop()
    streams: list[Stream] = []
    while len(streams) < number:
        group = min(OPENED_TOGETHER, number - len(streams))
        made = [loop.create_connection(lambda: Stream(request), "127.0.0.1", port) for _ in range(group)]
        streams.extend(stream for _, stream in await asyncio.gather(*made))
    return streams


def closed(streams: Sequence[Stream]) -> None:
    """Hang up."""
    for stream in streams:
        if stream.transport is not None:
            stream.finished.cancel()
            stream.transport.abort()


def start_spread(streams: Sequence[Stream], window_s: float) -> None:
    """Start them all, evenly over `window_s` seconds; 0 is as fast as the client can write."""
    if not window_s:
        for stream in streams:
            stream.start()
        return
    loop = asyncio.get_running_loop()
    begin = loop.time()
    for number, stream in enumerate(streams):
        loop.call_at(begin + number * window_s / len(streams), stream.start)


async def lags(into: list[float]) -> None:
    """How much later than asked this loop wakes up: the error of the client itself."""
    while True:
        asked = time.perf_counter() + LAG_PROBE_S
        await asyncio.sleep(LAG_PROBE_S)
        into.append(time.perf_counter() - asked)


@contextmanager
def no_collection() -> Iterator[None]:
    """Garbage collection would stop the client in the middle of a measurement."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def single(port: int, request: bytes) -> Stream:
    """One stream, read to its end."""
    (stream,) = await opened(port, request, 1)
    stream.start()
    await stream.finished
    closed([stream])
    return stream


async def measured(server: Server, plan: Plan, body: bytes, number: int, window_s: float) -> Pacing:
    """`number` streams, started over `window_s` seconds, held against their plan."""
    planned_s = plan.pauses * plan.interval_s
    streams = await opened(server.port, raw_request(body), number)
    own_lags: list[float] = []
    with no_collection():
        probe = asyncio.create_task(lags(own_lags))
        begin, client, serving = time.perf_counter(), time.process_time(), cpu_seconds(server.pid)
        start_spread(streams, window_s)
        await asyncio.wait_for(asyncio.gather(*(stream.finished for stream in streams)), 3 * planned_s + 10)
        wall = time.perf_counter() - begin
        client_busy = (time.process_time() - client) / wall
        server_busy = (cpu_seconds(server.pid) - serving) / wall
        probe.cancel()
    closed(streams)
    totals = [stream.times[-1] - stream.started for stream in streams]
    late = [(total - planned_s) / planned_s for total in totals]
    flows = [(stream.times[-1] - stream.times[0] - planned_s) / planned_s for stream in streams]
    gaps = [error for stream in streams for error in gap_errors(stream, plan)]
    firsts = [stream.times[0] - stream.started for stream in streams]
    return Pacing(
        late_median=statistics.median(late),
        late_worst=max(late, key=abs),
        flow_late_worst=max(flows, key=abs),
        gap_p50=quantile(gaps, 0.5),
        gap_p99=quantile(gaps, 0.99),
        first_median=statistics.median(firsts),
        first_worst=max(firsts),
        server_busy=server_busy,
        client_busy=client_busy,
        client_lag_p99=quantile(own_lags, 0.99),
    )


def learned_plans(servers: Sequence[Server], body: bytes, rate: float) -> dict[str, Plan]:
    """By server, the plan of a stream at `rate` tokens per second, learned while all of them are idle."""

    async def singles() -> list[Stream]:
        request = raw_request(body)
        return await asyncio.gather(*(single(server.port, request) for server in servers))

    seen = zip(servers, uvloop.run(singles()), strict=True)
    return {server.name: planned(stream, 1 / rate) for server, stream in seen}


def pacing(server: Server, plan: Plan, body: bytes, number: int, window_s: float) -> Pacing:
    """How well `number` streams at once keep `plan`, when started over `window_s` seconds."""
    raise_file_limit()
    return uvloop.run(measured(server, plan, body, number, window_s))


def raise_file_limit() -> None:
    """As many open files as this process may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
