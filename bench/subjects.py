"""The servers under measurement: how each is started, asked once, and ended.

All of them run on one core. nginx and aimock are made from a `Sample`, an exchange that was had with
this server before: the same bytes from nginx, the same text in as many chunks from aimock.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from processes import PRIORITY, precede_others

HERE = Path(__file__).resolve().parent
AIMOCK = HERE / "node_modules" / "@copilotkit" / "aimock"
ELSEWHERE = HERE.parent / "node_modules" / "@copilotkit" / "aimock"
PATH = "/v1/chat/completions"
HEADERS = {"Content-Type": "application/json", "Authorization": "Bearer test-api-key"}
PATIENCE_S = 10.0
NGINX_MAKES_ITSELF = frozenset(
    ("content-type", "content-length", "transfer-encoding", "connection", "date", "server", "keep-alive")
)
NGINX_PARAMETER_LIMIT = 4000


class Unready(Exception):
    """Something that the benchmark needs is missing or did not start; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Cores:
    """One core for the servers and one for the load."""

    server: int
    load: int


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers on 127.0.0.1."""

    name: str
    port: int
    pid: int


@dataclass(frozen=True, slots=True)
class Sample:
    """A request body and what was answered to it. Header names are in lower case."""

    sent: bytes
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def frames(self) -> list[bytes]:
        """The payloads of a stream's `data:` lines, without `[DONE]`."""
        lines = (line[6:] for line in self.body.split(b"\n") if line.startswith(b"data: "))
        return [line for line in lines if line.strip() != b"[DONE]"]

    @property
    def slices(self) -> list[str]:
        """The pieces of text that came, in order; the whole text where it was no stream."""
        if not self.body.startswith(b"data: "):
            return [json.loads(self.body)["choices"][0]["message"]["content"]]
        choices = (choice for frame in self.frames for choice in json.loads(frame)["choices"])
        return [text for choice in choices if (text := choice["delta"].get("content"))]


def cores() -> Cores:
    """The first and the last core that this process may use."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise Unready("the benchmark needs two cores: one for the server and one for the load")
    return Cores(allowed[0], allowed[-1])


def missing() -> list[str]:
    """What has to be installed first, a line for each."""
    programs = {
        "nginx": "apt-get install nginx-light",
        "wrk": "apt-get install wrk",
        "node": "Node 20 or newer",
    }
    lines = [f"{name} is missing: {how}" for name, how in programs.items() if shutil.which(name) is None]
    if not aimock_folder().is_dir():
        lines.append("aimock is missing: npm install --no-package-lock --prefix bench")
    return lines


def aimock_folder() -> Path:
    """Where npm put aimock."""
    return AIMOCK if AIMOCK.is_dir() else ELSEWHERE


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


# --- asking ---------------------------------------------------------------------------------------


def ask(
    port: int,
    body: bytes,
    timeout_s: float = PATIENCE_S,
    path: str = PATH,
    headers: Mapping[str, str] = HEADERS,
) -> Sample:
    """Post a request, for a chat completion unless it says otherwise, and read the whole answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        told = tuple((name.lower(), value) for name, value in answer.getheaders())
        return Sample(body, answer.status, told, answer.read())
    finally:
        connection.close()


def sample(server: Server, body: bytes, path: str = PATH, headers: Mapping[str, str] = HEADERS) -> Sample:
    """What `server` answers to `body`, which must be a success."""
    got = ask(server.port, body, path=path, headers=headers)
    if got.status != 200:
        raise Unready(f"{server.name} answered {got.status} in place of 200: {got.body[:300]!r}")
    return got


# --- commands -------------------------------------------------------------------------------------


def understudy_command(port: int, *flags: str) -> list[str]:
    """This server, with the defaults a user gets."""
    return [sys.executable, "-m", "understudy", "serve", "--port", str(port), *flags]


def aimock_command(port: int, fixtures: Path) -> list[str]:
    """The peer; quiet, which makes it faster, and otherwise with its defaults."""
    script = aimock_folder() / "dist" / "cli.js"
    return ["node", str(script), "-p", str(port), "-f", str(fixtures), "--log-level", "warn"]


def aimock_fixtures(like: Sample, needle: str, tokens_per_second: float = 0.0) -> str:
    """A fixture file with the text of `like`, streamed in as many chunks, for user texts with `needle`.

    Its chunks all have the same number of characters, so the text is cut down to a multiple of that.
    """
    slices = like.slices
    text = "".join(slices)
    size = len(text) // len(slices)
    entry: dict[str, object] = {
        "match": {"userMessage": needle},
        "response": {"content": text[: size * len(slices)]},
        "chunkSize": size,
    }
    if tokens_per_second:
        entry["streamingProfile"] = {"ttft": 0, "tps": tokens_per_second}
    return json.dumps({"fixtures": [entry]})


def nginx_conf(port: int, folder: Path, like: Sample) -> str:
    """A configuration that answers every POST with the body and headers of `like`.

    A short body is part of the configuration, which is the fastest way; a stream's bytes are a
    file, held open.
    """
    headers = dict(like.headers)
    lines = "\n".join(
        f"add_header {name} {quoted(value)};"
        for name, value in like.headers
        if name not in NGINX_MAKES_ITSELF
    )
    answer = quoted(like.body.decode())
    if len(answer) < NGINX_PARAMETER_LIMIT:
        location = f"location = {PATH} {{ return 200 {answer}; }}"
    else:
        (folder / "answer").write_bytes(like.body)
        location = (
            f"location = {PATH} {{ error_page 405 =200 /answer; alias {folder}/answer; }}\n"
            f"location = /answer {{ internal; alias {folder}/answer; }}"
        )
    temporary = "\n".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  {temporary}
  access_log off;
  server_tokens off;
  keepalive_requests 1000000000;
  sendfile on;
  tcp_nopush on;
  open_file_cache max=16;
  geo $dollar {{ default "$"; }}
  types {{}}
  default_type {quoted(headers["content-type"])};
  {lines}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    {location}
  }}
}}
"""


def quoted(text: str) -> str:
    """`text` as a parameter of an nginx configuration."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "${dollar}")
    return f'"{escaped}"'


# --- running --------------------------------------------------------------------------------------


def spawn(command: Sequence[str], core: int, log: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    """Start `command` on `core`, in a session of its own, so that Ctrl-C comes to us alone."""
    first = os.getpriority(os.PRIO_PROCESS, 0) == PRIORITY

    def settle() -> None:
        os.sched_setaffinity(0, {core})
        if first:
            precede_others()

    # Compiled once, as on a user's machine.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=log,
        start_new_session=True,
        preexec_fn=settle,
    )


def end(process: subprocess.Popen[bytes]) -> None:
    """End `process`: politely, and after two seconds for good."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def answers(port: int, body: bytes) -> bool:
    """Whether something answers `body` with a success on `port`."""
    try:
        return ask(port, body, 2.0).status == 200
    except (OSError, http.client.HTTPException):
        return False


@contextmanager
def running(name: str, command: Sequence[str], port: int, body: bytes, core: int) -> Iterator[Server]:
    """A server that was asked `body` and answered it; ended when the block is left."""
    with tempfile.TemporaryFile() as log:
        process = spawn(command, core, log.fileno())
        try:
            deadline = time.monotonic() + PATIENCE_S
            while not answers(port, body):
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    said = log.read()[-2000:].decode(errors="replace").strip()
                    raise Unready(f"{name} did not start ({' '.join(command)}): {said or 'it said nothing'}")
                time.sleep(0.02)
            yield Server(name, port, process.pid)
        finally:
            end(process)


@contextmanager
def understudy(body: bytes, core: int, *flags: str) -> Iterator[Server]:
    """This server."""
    port = free_port()
    with running("understudy", understudy_command(port, *flags), port, unpaced(body), core) as server:
        yield server


@contextmanager
def ruled(body: bytes, core: int, needle: str, count: int) -> Iterator[Server]:
    """This server with so many rules, of which the last answers a text with `needle`."""
    with rule_file(count - 1, needle) as rules, understudy(body, core, str(rules)) as server:
        yield Server(f"{count:,} rule{'' if count == 1 else 's'}", server.port, server.pid)


@contextmanager
def rule_file(count: int, needle: str = "") -> Iterator[Path]:
    """So many rules for texts that nobody asks, and after them one for `needle`, if there is one."""
    rules: list[dict[str, object]] = [
        {"when": {"user": f"matter {n:05}, which is nobody's", "turn": "1.."}, "reply": f"Answer {n:05}."}
        for n in range(count)
    ]
    if needle:
        rules.append({"when": {"user": needle}, "reply": "The blue one, from platform two."})
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        file = Path(folder) / "rules.json"
        file.write_text(json.dumps({"rules": rules}))
        yield file


@contextmanager
def fixture_file(like: Sample, needle: str, tokens_per_second: float = 0.0) -> Iterator[Path]:
    """The file behind `aimock_fixtures`."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        file = Path(folder) / "fixtures.json"
        file.write_text(aimock_fixtures(like, needle, tokens_per_second))
        yield file


@contextmanager
def aimock(like: Sample, needle: str, core: int, tokens_per_second: float = 0.0) -> Iterator[Server]:
    """The fastest peer at hand, answering with the text of `like`."""
    port = free_port()
    with (
        fixture_file(like, needle, tokens_per_second) as fixtures,
        running("aimock", aimock_command(port, fixtures), port, unpaced(like.sent), core) as server,
    ):
        yield server


@contextmanager
def nginx(like: Sample, core: int) -> Iterator[Server]:
    """The limit in practice: the bytes of `like`, whatever is asked."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        os.chmod(folder, 0o755)
        conf = Path(folder) / "nginx.conf"
        conf.write_text(nginx_conf(port, Path(folder), like))
        command = ["nginx", "-p", folder, "-c", str(conf), "-e", f"{folder}/error.log"]
        with running("nginx", command, port, like.sent, core) as server:
            got = sample(server, like.sent)
            if got.body != like.body:
                raise Unready("nginx does not answer with the same bytes")
            yield server


@contextmanager
def pacer(like: Sample, core: int, tokens_per_second: float) -> Iterator[Server]:
    """A bare loop that sends the frames of `like` in time: the floor of what can be measured here."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        stream = Path(folder) / "stream.sse"
        stream.write_bytes(like.body)
        command = [sys.executable, str(HERE / "pacer.py"), str(port), f"{tokens_per_second:g}", str(stream)]
        with running("bare loop", command, port, unpaced(like.sent), core) as server:
            yield server


def unpaced(body: bytes) -> bytes:
    """The same request for one token and no stream: is a server up, whatever its pace?"""
    return json.dumps(json.loads(body) | {"stream": False, "max_tokens": 1}).encode()
