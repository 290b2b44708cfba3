"""The command line, as a process."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from http.client import HTTPConnection
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from understudy.settings import FIELDS

ROOT = Path(__file__).parent.parent
SELF_SIGNED = [
    *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
    *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
]
Serving = Callable[..., AbstractContextManager[str]]


def run(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        timeout=30,
        env=os.environ | (env or {}),
        check=False,
    )


def chat(url: str, content: str = "Hello") -> bytes:
    body = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": content}]}).encode()
    with urlopen(
        Request(f"{url}/v1/chat/completions", body, {"Content-Type": "application/json"}), timeout=10
    ) as a:
        answer: bytes = a.read()
    return answer


@pytest.mark.parametrize(
    "words", [("-m", "understudy"), (str(ROOT / "mock_llm_server.py"),)], ids=["module", "file"]
)
def test_help_lists_every_flag(words: tuple[str, ...]) -> None:
    shown = run(*words, *(["serve"] if words[0] == "-m" else []), "--help").stdout
    for name in FIELDS:
        flag = f"--{name.replace('_', '-')}"
        assert flag in shown


def test_the_version_is_told() -> None:
    assert run("-m", "understudy", "--version").stdout == "understudy, version 0.1.0\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--port", "99999"), "understudy: --port: expected a number from 0 to 65535; found 99999\n"),
        (("--settings", "none.yaml"), "understudy: none.yaml: cannot be read"),
        (
            ("--tls-cert", "a.pem", "--tls-key", "b.pem"),
            "understudy: --tls-cert: a.pem and b.pem cannot be used",
        ),
        (("--host", "256.1.1.1"), "understudy: --host: cannot listen on 256.1.1.1"),
        (("--pace", "quick"), "understudy: --pace: expected a rate like 40/s; found 'quick'\n"),
    ],
)
def test_a_mistake_ends_in_one_line_and_exit_code_2(words: tuple[str, ...], message: str) -> None:
    ended = run("-m", "understudy", "serve", *words)
    assert ended.returncode == 2
    assert ended.stderr.startswith(message)
    assert len(ended.stderr.splitlines()) == 1


def test_a_port_that_is_taken_says_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("-m", "understudy", "serve", "--port", str(port))
    assert ended.returncode == 2
    assert ended.stderr == (
        f"understudy: --port: port {port} is taken by another program; use another one: "
        f"understudy serve --port {port + 1} (who has it: ss -ltnp 'sport = :{port}')\n"
    )


def test_the_environment_gives_settings() -> None:
    ended = run("-m", "understudy", "serve", env={"UNDERSTUDY_TOKENS": "some"})
    assert ended.returncode == 2
    assert ended.stderr == "understudy: UNDERSTUDY_TOKENS: expected exact or estimate; found 'some'\n"


def test_it_listens_on_both_loopback_addresses(server_url: str) -> None:
    port = int(server_url.rpartition(":")[2])
    for host in ("127.0.0.1", "::1", "localhost"):
        connection = HTTPConnection(host, port, timeout=10)
        connection.request("GET", "/health")
        assert connection.getresponse().status == 200
        connection.close()


def test_a_seed_makes_two_servers_answer_alike(serving: Serving) -> None:
    answers = []
    for _ in range(2):
        with serving("--seed", "7") as url:
            answer = json.loads(chat(url))
            answers.append((answer["id"], answer["choices"]))
    assert answers[0] == answers[1]


def test_an_estimate_needs_no_vocabulary(serving: Serving) -> None:
    with serving("--tokens", "estimate") as url:
        assert json.loads(chat(url))["usage"]["prompt_tokens"] > 0


def test_debug_shows_bodies_and_masks_keys() -> None:
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "understudy", "serve", "--port", "0", "--log-level", "debug"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        assert process.stdout
        url = next(word for each in process.stdout for word in each.split() if word.startswith("http://"))
        chat(url, "What is a mock?")
        process.send_signal(signal.SIGINT)
        shown = process.stdout.read()
    assert process.returncode == 0
    assert '"content": "What is a mock?"' in shown
    assert '"object": "chat.completion"' in shown


def test_it_speaks_tls(serving: Serving, tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        [*SELF_SIGNED, "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    command = [sys.executable, "-u", "-m", "understudy", "serve", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--tls-cert", str(certificate), "--tls-key", str(key)], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout
        url = next(word for each in process.stdout for word in each.split() if word.startswith("https://"))
        with urlopen(
            f"{url}/health", timeout=10, context=ssl.create_default_context(cafile=certificate)
        ) as answer:
            assert json.load(answer)["status"] == "ok"
        process.send_signal(signal.SIGINT)
        process.stdout.read()
    assert process.returncode == 0
