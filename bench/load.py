"""wrk: as many requests as 32 connections get answered, one after the other on each."""

from __future__ import annotations

import re
import statistics
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from processes import cpu_seconds
from questions import COUNTER
from subjects import HEADERS, PATH, Server

CONNECTIONS = 32
ROUND_S = 1
COUNTS_PER_ROUND = 1_000_000

SAME = """
wrk.method = "POST"
wrk.path = {path}
wrk.body = [==[{body}]==]
{headers}
"""

DIFFERENT = """
local before = {before}
local after = {after}
local n = {first}
request = function()
  n = n + 1
  return before .. string.format("%08d", n) .. after
end
"""


class Throughput(NamedTuple):
    """`per_second` answers, and which share of the time the server's core was busy with it."""

    per_second: float
    busy: float


class Script(Protocol):
    """Writes wrk's Lua script for a body and the number of the round."""

    def __call__(
        self, body: bytes, round_number: int, path: str = PATH, headers: Mapping[str, str] = HEADERS, /
    ) -> str: ...


def same(body: bytes, round_number: int, path: str = PATH, headers: Mapping[str, str] = HEADERS) -> str:
    """The same request every time."""
    lines = "\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items())
    return SAME.format(path=lua(path), body=body.decode(), headers=lines)


def different(body: bytes, round_number: int, path: str = PATH, headers: Mapping[str, str] = HEADERS) -> str:
    """No two requests alike, over all rounds: a counter in the text, so that no cache of texts can help."""
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    whole = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}Content-Length: {len(body)}\r\n\r\n"
    before, _, after = (whole + body.decode()).partition(COUNTER)
    return DIFFERENT.format(before=lua(before), after=lua(after), first=(round_number + 1) * COUNTS_PER_ROUND)


def lua(text: str) -> str:
    """`text` as a Lua string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "\\r").replace("\n", "\\n")
    return f'"{escaped}"'


def throughput(server: Server, script: str, core: int) -> Throughput:
    """What wrk, on `core`, gets out of `server`; a single answer that is no success is an error."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        file = Path(folder) / "ask.lua"
        file.write_text(script)
        url = f"http://127.0.0.1:{server.port}{PATH}"
        command = f"taskset -c {core} wrk -t1 -c{CONNECTIONS} -d{ROUND_S}s --timeout 5s -s {file} {url}"
        before = cpu_seconds(server.pid)
        output = subprocess.run(
            command.split(), capture_output=True, text=True, check=True, timeout=ROUND_S + 20
        ).stdout
        spent = cpu_seconds(server.pid) - before
    wrong = re.search(r"Non-2xx.*|Socket errors.*", output)
    if wrong:
        raise RuntimeError(f"{server.name} under load: {wrong[0]}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", output)
    if not found:
        raise RuntimeError(f"wrk said something unexpected: {output}")
    return Throughput(float(found[1]), spent / ROUND_S)


def in_turn(
    servers: Sequence[Server], script: Script, body: bytes, rounds: int, core: int
) -> dict[str, list[Throughput]]:
    """Rounds of each server by name, interleaved (A B C A B C), since a machine's speed drifts."""
    measured: dict[str, list[Throughput]] = {server.name: [] for server in servers}
    for number in range(rounds):
        for server in servers:
            lines = script(body, number)
            measured[server.name].append(throughput(server, lines, core))
    return measured


def ratio(measured: dict[str, list[Throughput]], name: str, other: str) -> float:
    """The median over the rounds of `name`'s rate in relation to `other`'s in the same round."""
    pairs = zip(measured[name], measured[other], strict=True)
    return statistics.median(one.per_second / two.per_second for one, two in pairs)
