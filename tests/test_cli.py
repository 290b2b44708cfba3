"""The command line, as a process."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from http.client import HTTPConnection
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

import sockets
from sockets import text
from understudy.model import HttpRequest, Step
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
        flag = "[RULES]" if name == "rules" else f"--{name.replace('_', '-')}"
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
        (
            ("--pace", "quick"),
            'understudy: --pace: unknown preset "quick" (known: instant, fast, typical, slow, reasoning)\n',
        ),
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


@pytest.mark.parametrize(
    ("duration", "how", "seconds", "message"),
    [
        ("600s", "reset", 600, "(600 s): connections are accepted, and whoever asks is reset\n"),
        ("1m", "hang", 60, "(60 s): connections are accepted, and nobody gets a byte\n"),
        ("90000ms", "hang", 90, "(90 s): connections are accepted, and nobody gets a byte\n"),
    ],
)
def test_an_outage_says_what_happens_and_until_when(
    serving: Serving, duration: str, how: str, seconds: float, message: str
) -> None:
    with serving() as url:
        ended = run("-m", "understudy", "outage", duration, "--how", how, "--url", url)
        with urlopen(f"{url}/_understudy/outage", timeout=10) as answer:
            outage = json.load(answer)["outage"]
    assert (ended.returncode, ended.stderr) == (0, "")
    assert re.fullmatch(r"until \d\d:\d\d:\d\d " + re.escape(message), ended.stdout)
    assert outage["how"] == how
    assert seconds - 20 < outage["seconds_left"] <= seconds


def test_an_outage_closes_the_port_unless_another_kind_is_asked_for(serving: Serving) -> None:
    with serving() as url:
        ended = run("-m", "understudy", "outage", "600s", "--url", f"{url}/")
        for host in ("127.0.0.1", "::1"):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((host, int(url.rpartition(":")[2])), timeout=10)
    assert ended.returncode == 0
    assert ended.stdout.endswith("(600 s): the port is closed\n")


def test_an_outage_without_a_server_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    ended = run("-m", "understudy", "outage", "1s", "--url", f"http://127.0.0.1:{port}")
    assert ended.returncode == 1
    assert ended.stderr == (
        f"understudy: http://127.0.0.1:{port}/_understudy/outage: no server answers there: "
        "[Errno 111] Connection refused; start one with `understudy serve`, or say with --url where it is\n"
    )


def test_an_outage_that_the_server_refuses_says_why() -> None:
    tokens: list[str | None] = []

    def handle(request: HttpRequest) -> Iterator[Step]:
        tokens.append(request.header(b"authorization"))
        return text(b'{"error": {"message": "closed to this request"}}', 403)

    with sockets.serving(handle) as server:
        url = f"http://127.0.0.1:{server.port}"
        ended = run("-m", "understudy", "outage", "1s", "--url", url, "--control-token", "hush")
        run("-m", "understudy", "outage", "1s", "--url", url, env={"UNDERSTUDY_CONTROL_TOKEN": "loud"})
    assert ended.returncode == 1
    assert ended.stderr == (
        f"understudy: {url}/_understudy/outage: the server refuses: closed to this request\n"
    )
    assert tokens == ["Bearer hush", "Bearer loud"]


@pytest.mark.parametrize(
    ("body", "reason"), [(b"<html>Forbidden</html>", "<html>Forbidden</html>"), (b"", "it does not say why")]
)
def test_an_outage_of_something_else_shows_what_it_said(body: bytes, reason: str) -> None:
    with sockets.serving(lambda _: text(body, 403)) as server:
        ended = run("-m", "understudy", "outage", "1s", "--url", f"http://127.0.0.1:{server.port}")
    assert ended.returncode == 1
    assert ended.stderr.endswith(f": the server refuses: {reason}\n")


def test_an_outage_of_no_duration_is_a_mistake() -> None:
    ended = run("-m", "understudy", "outage", "soon")
    assert ended.returncode == 2
    assert ended.stderr == "understudy: DURATION: expected a time like 300ms; found 'soon'\n"


def test_an_outage_needs_none_of_the_servers_modules() -> None:
    script = (
        "import sys; from understudy.cli import main\n"
        "try: main(['outage', '1s', '--url', 'http://127.0.0.1:1'])\n"
        "except SystemExit: print({'understudy.app', 'understudy.server', 'jinja2'} & set(sys.modules))"
    )
    assert run("-c", script).stdout == "set()\n"


# --- understudy rules -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "flags", "code", "printed"),
    [
        ("rules: [{reply: a}]", (), 0, "1 file, 1 rule: no mistakes\n"),
        (
            "rules: [{reply: a}, {replay: b}]",
            (),
            1,
            'rules.yaml: $.rules[1]: error: unknown key "replay" (did you mean "reply"?)\n'
            "1 file, 1 rule: 1 mistake\n",
        ),
        (
            "rules: [{reply: a}, {reply: b}]",
            (),
            0,
            "rules.yaml: $.rules[1]: warning: never answers: $.rules[0] matches all that it matches\n"
            "1 file, 2 rules: no mistakes, 1 warning\n",
        ),
        (
            "rules: [{reply: a}, {reply: b}]",
            ("--werror",),
            1,
            "rules.yaml: $.rules[1]: warning: never answers: $.rules[0] matches all that it matches\n"
            "1 file, 2 rules: no mistakes, 1 warning\n",
        ),
    ],
    ids=["in order", "a mistake", "a warning", "a warning that counts"],
)
def test_rule_files_are_checked(
    rules: str,
    flags: tuple[str, ...],
    code: int,
    printed: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rules.yaml").write_text(rules)
    ended = run("-m", "understudy", "rules", "check", "rules.yaml", *flags)
    assert (ended.returncode, ended.stdout, ended.stderr) == (code, printed, "")


def test_the_schema_of_rule_files_is_printed() -> None:
    printed = json.loads(run("-m", "understudy", "rules", "schema").stdout)
    assert printed["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert printed["$defs"]["when"]["properties"]["user"]["description"] == "The last user message's text."


def test_the_built_in_answers_are_printed_as_a_rule_file_that_serves(
    tmp_path: Path, serving: Serving
) -> None:
    shown = run("-m", "understudy", "rules", "show").stdout
    assert shown == (ROOT / "src" / "understudy" / "autopilot" / "answers.yaml").read_text()
    rules = tmp_path / "answers.yaml"
    rules.write_text(shown)
    checked = run("-m", "understudy", "rules", "check", str(rules))
    assert (checked.returncode, "warning" in checked.stdout) == (0, False)
    with serving(str(rules)) as url:
        assert b"mock" in chat(url, "Explain what a harbour is")


def test_the_rules_of_a_file_are_printed_as_they_are_understood(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules: [{reply: a}, {when: {user: x, model: m*}, reply: b, priority: 1}]")
    assert run("-m", "understudy", "rules", "show", str(rules)).stdout == (
        "rules:\n"
        "  - when:\n"
        "      user:\n"
        "        contains: x\n"
        "      model: m*\n"
        "    reply: b\n"
        "    priority: 1\n"
        "  - reply: a\n"
    )


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (None, "cannot be read: No such file or directory"),
        ("rules: [{replay: a}]", '$.rules[0]: unknown key "replay" (did you mean "reply"?)'),
    ],
)
def test_a_file_that_cannot_be_understood_is_not_shown(
    rules: str | None, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "rules.yaml"
    if rules is not None:
        file.write_text(rules)
    ended = run("-m", "understudy", "rules", "show", str(file))
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", f"understudy: {file}: {message}\n")
