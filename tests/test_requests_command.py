"""`understudy requests`: lines or JSON, filters, and following a server that goes away and comes back."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from threading import Timer
from typing import IO
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

import sockets
from sockets import text
from understudy.errors import SettingsError
from understudy.model import Head, HttpRequest, Send, Step
from understudy.remote import Event, Remote, events, followed

Serving = Callable[..., AbstractContextManager[str]]
COMMAND = (sys.executable, "-u", "-m", "understudy", "requests")
PATIENCE_S = 30


def run(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *words],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env=os.environ | (env or {}),
        check=False,
    )


def chat(url: str, content: str = "Hello", model: str = "gpt-4o") -> None:
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": content}]}).encode()
    with urlopen(Request(f"{url}/v1/chat/completions", body), timeout=PATIENCE_S) as answer:
        answer.read()


def miss(url: str) -> None:
    with pytest.raises(HTTPError) as caught:
        urlopen(f"{url}/v1/nowhere", timeout=PATIENCE_S)
    caught.value.close()


@pytest.fixture(scope="module")
def url(serving: Serving) -> Iterator[str]:
    """A server that was asked three things."""
    with serving() as url:
        chat(url)
        chat(url, "Which train goes to the harbour?", "mock-gpt-4")
        miss(url)
        chat(f"{url}/@alice", "Here is Alice.")
        yield url


def test_each_exchange_is_a_line_like_those_of_serve(url: str) -> None:
    listed = run("--url", url)
    assert (listed.returncode, listed.stderr) == (0, "")
    first, second, third = listed.stdout.splitlines()
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d  openai-chat +gpt-4o +autopilot: .+ \d+\+\d+ tok  200  [\d.]+ ms", first
    )
    assert "mock-gpt-4" in second
    assert re.search(r"refused +-  404  [\d.]+ ms  Invalid URL \(GET /v1/nowhere\)", third)


FILTERS = [
    (("--limit", "1"), [3]),
    (("--limit", "0"), []),
    (("--api", "openai-chat"), [1, 2]),
    (("--model", "mock-*"), [2]),
    (("--rule", "autopilot"), [1, 2]),
    (("--status", "4xx"), [3]),
    (("--contains", "HARBOUR"), [2]),
    (("--contains", "train", "--status", "200", "--limit", "5"), [2]),
]


@pytest.mark.parametrize(("words", "ids"), FILTERS)
def test_filters_are_those_of_the_control_api(url: str, words: tuple[str, ...], ids: list[int]) -> None:
    listed = run("--json", *words, "--url", url)
    assert [json.loads(line)["id"] for line in listed.stdout.splitlines()] == ids


def test_a_space_has_a_journal_of_its_own(url: str) -> None:
    (line,) = run("--json", "--url", f"{url}/@alice").stdout.splitlines()
    assert json.loads(line)["path"] == "/v1/chat/completions"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--contains", "nowhere to be found"), "there is no such exchange in the journal"),
        ((), "the journal is empty: nobody has asked anything yet"),
    ],
)
def test_where_there_is_nothing_that_is_said(url: str, words: tuple[str, ...], told: str) -> None:
    listed = run("--url", url if words else f"{url}/@nobody", *words)
    assert (listed.returncode, listed.stdout, listed.stderr) == (0, "", f"understudy: {told}\n")


@pytest.mark.parametrize("follow", [(), ("--follow",)], ids=["list", "follow"])
def test_without_a_server_it_says_so(follow: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    ended = run("--url", f"http://127.0.0.1:{port}", *follow)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"understudy: http://127.0.0.1:{port}/_understudy/requests")
    assert ended.stderr.endswith(
        ": no server answers there: [Errno 111] Connection refused; "
        "start one with `understudy serve`, or say with --url where it is\n"
    )


@pytest.mark.parametrize("follow", [(), ("--follow",)], ids=["list", "follow"])
def test_a_server_that_refuses_says_why(url: str, follow: tuple[str, ...]) -> None:
    ended = run("--status", "ok", "--url", url, *follow)
    assert ended.returncode == 1
    assert ended.stderr.endswith(
        ": the server refuses: status: expected a status like 200 or 4xx, found 'ok'\n"
    )


def test_the_control_token_is_sent() -> None:
    tokens: list[str | None] = []

    def handle(request: HttpRequest) -> Iterator[Step]:
        tokens.append(request.header(b"authorization"))
        return text(b'{"requests": [], "total": 0}')

    with sockets.serving(handle) as server:
        url = f"http://127.0.0.1:{server.port}"
        run("--url", url, "--control-token", "hush")
        run("--url", url, env={"UNDERSTUDY_CONTROL_TOKEN": "loud"})
    assert tokens == ["Bearer hush", "Bearer loud"]


def test_a_listing_needs_none_of_the_servers_modules(url: str) -> None:
    script = (
        "import sys; from understudy.cli import main\n"
        f"try: main(['requests', '--json', '--limit', '0', '--url', '{url}'])\n"
        "except SystemExit: print({'understudy.app', 'understudy.engine', 'jinja2'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"


# --- following ----------------------------------------------------------------------------------------


@contextmanager
def following(*words: str) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """A process that follows, and what it prints; what it says beside goes there too."""
    process = subprocess.Popen(
        [*COMMAND, "--follow", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    watchdog = Timer(PATIENCE_S, process.kill)
    watchdog.start()
    assert process.stdout
    with process:
        try:
            yield process, process.stdout
        finally:
            watchdog.cancel()
            process.kill()


def test_it_follows_until_it_is_interrupted(serving: Serving) -> None:
    with serving() as url:
        chat(url, model="one")
        chat(url, model="two")
        with following("--limit", "1", "--url", url) as (process, output):
            assert " two " in output.readline()
            chat(url, model="three")
            assert " three " in output.readline()
            miss(url)
            assert " 404 " in output.readline()
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE_S) == 0
            assert output.read() == ""


def test_a_server_that_is_followed_stops_at_once_and_is_waited_for(serving: Serving) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
    with ExitStack() as stack:
        with serving("--port", port, "--drain", "600") as url:  # at its end, it is expected to end soon
            chat(url, model="one")
            chat(url, model="two")
            _, output = stack.enter_context(following("--json", "--url", url))
            assert [json.loads(output.readline())["model"] for _ in range(2)] == ["one", "two"]
        assert output.readline() == "understudy: the server is gone (the stream has ended); waiting for it\n"
        with serving("--port", port) as url:
            chat(url, model="three")
            assert output.readline() == "understudy: it is back\n"
            assert json.loads(output.readline())["model"] == "three"


def test_a_stream_is_read_event_by_event() -> None:
    lines = (
        b": hello\nretry: 1000\nid: 7\n\nid: 8\ndata: a\ndata:b\n\n: alive\n\n"
        b"event: missed\r\ndata: {}\r\n\r\ndata: cut"
    )
    assert list(events(lines.splitlines(keepends=True))) == [
        Event("7", "message", ""),
        Event("8", "message", "a\nb"),
        Event("8", "missed", "{}"),
    ]


def test_a_stream_that_breaks_off_goes_on_behind_the_last_event() -> None:
    asked: list[str | None] = []

    def handle(request: HttpRequest) -> Iterator[Step]:
        asked.append(request.header(b"last-event-id"))
        if len(asked) == 3:
            return text(b'{"error": {"message": "enough"}}', 403)
        return iter([Head(200, b""), Send(b"id: %d\ndata: x\n\n" % len(asked))])

    waited: list[float] = []
    missing: list[str] = []
    with sockets.serving(handle) as server:
        stream = followed(
            Remote(f"http://127.0.0.1:{server.port}"), "requests/stream", missing.append, waited.append
        )
        assert [next(stream).id, next(stream).id] == ["1", "2"]
        with pytest.raises(SettingsError, match="the server refuses: enough"):
            next(stream)
    assert asked == [None, "1", "2"]
    assert missing == ["the stream has ended", "the stream has ended"]
    assert waited == [1.0, 1.0]
