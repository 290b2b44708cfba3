"""The checklist against another implementation: aimock, from npm, in the version that the benchmark pins.

What is expected here comes from what aimock 1.43.0 answers when it is asked with curl, and from its docs:

- its preflight allows the headers `*`, which by the Fetch standard does not stand for Authorization;
- its 404 for an unknown path is `{"error": {"message": "Not found", "type": "not_found"}}`, no more;
- its successes have no x-ratelimit-* headers;
- its token counts are estimates from the length of the text, which add up.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
AIMOCK = ROOT / "bench" / "node_modules" / "@copilotkit" / "aimock"
START_S = 30.0
FIXTURES = {
    "fixtures": [
        {
            "match": {"userMessage": "weather in Paris", "hasToolResult": False},
            "response": {"toolCalls": [{"name": "get_weather", "arguments": {"city": "Paris"}}]},
        },
        {
            "match": {"userMessage": "weather in Paris", "hasToolResult": True},
            "response": {"content": "It is sunny in Paris."},
        },
        {
            "match": {"userMessage": "city of Paris", "responseFormat": "json_schema"},
            "response": {"content": '{"name": "Paris", "country": "France", "is_capital": true}'},
        },
        {"match": {"userMessage": "hello"}, "response": {"content": "Hello to you, my dear friend."}},
    ]
}


@contextmanager
def serving(folder: Path, *flags: str) -> Iterator[str]:
    """The base URL of a running aimock with these fixtures and flags."""
    fixtures = folder / "fixtures.json"
    fixtures.write_text(json.dumps(FIXTURES))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = ["node", str(AIMOCK / "dist" / "cli.js"), "-p", str(port), "-f", str(fixtures)]
    with subprocess.Popen([*command, "--log-level", "silent", *flags], stdout=subprocess.DEVNULL) as process:
        try:
            listening(port, process)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.kill()


@pytest.fixture(scope="module")
def aimock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("aimock")) as url:
        yield url


def listening(port: int, process: subprocess.Popen[bytes]) -> None:
    """Come back as soon as the port is open."""
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        assert process.poll() is None, "aimock ended; is it installed? make test does that"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            continue
        return
    raise AssertionError(f"aimock does not listen after {START_S} s")


def checked(base_url: str, *flags: str) -> tuple[int, dict[str, Any]]:
    """The exit code and what `--json` says, by the check's name."""
    command = [sys.executable, "-m", "understudy", "check", base_url, "--json", *flags]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode in (0, 1), ran.stderr
    return ran.returncode, {check["name"]: check for check in json.loads(ran.stdout)["checks"]}


def test_aimock_passes_but_for_browsers_and_the_404_of_an_unknown_path(aimock: str) -> None:
    code, checks = checked(aimock)
    assert code == 0
    assert {name: check["status"] for name, check in checks.items()} == {
        "reachable": "pass",
        "key": "pass",
        "models": "pass",
        "completion": "pass",
        "stream": "pass",
        "usage": "pass",
        "tools": "pass",
        "structured": "pass",
        "errors": "warn",
        "failover": "pass",
        "cors": "warn",
        "limits": "skip",
    }
    assert checks["models"]["detail"].startswith(
        "gpt-4, gpt-4o, claude-3-5-sonnet-20241022, gemini-2.0-flash"
    )
    assert checks["completion"]["detail"] == 'gpt-4: "Hello to you, my dear friend."'
    assert checks["tools"]["detail"] == '{"city":"Paris"}, then "It is sunny in Paris."'
    assert [each["found"] for each in checks["errors"]["findings"] if each["level"] == "warn"] == [
        "an unknown path: error.param is missing",
        "an unknown path: error.code is missing",
    ]
    assert [each["found"] for each in checks["cors"]["findings"] if each["level"] == "warn"] == [
        "access-control-allow-headers does not name authorization"
    ]
    assert checks["limits"]["detail"] == "no x-ratelimit-* headers: clients cannot see a limit coming"


def test_aimock_without_v1_in_the_base_url_is_told_which_one_works(aimock: str) -> None:
    code, checks = checked(aimock.removesuffix("/v1"), "--only", "reachable")
    assert code == 1
    assert checks["reachable"]["findings"][0]["advice"] == f"The base URL is another: use {aimock}"


@pytest.mark.parametrize(
    ("flag", "failing", "name", "words"),
    [
        (
            "malformed",
            {"completion", "stream", "errors", "failover"},
            "completion",
            "the body is no JSON (JSON is malformed: object keys must be strings (byte 1)): "
            "`{malformed json: <<<chaos>>>`",
        ),
        (
            "disconnect",
            {"completion", "stream", "errors", "failover"},
            "stream",
            "ends the connection without an answer (closed)",
        ),
        ("drop", {"completion", "stream", "errors", "failover"}, "completion", "HTTP 500: "),
        ("ratelimit", {"key"}, "key", "HTTP 429: "),
    ],
)
def test_what_aimock_breaks_on_purpose_is_found(
    flag: str, failing: set[str], name: str, words: str, tmp_path: Path
) -> None:
    """`--chaos-... 1` hits every chat completion and leaves the list of models alone."""
    with serving(tmp_path, f"--chaos-{flag}", "1") as url:
        code, checks = checked(url, "--timeout", "5")
    assert code == 1
    assert {each for each, check in checks.items() if check["status"] == "fail"} == failing
    assert words in checks[name]["detail"]
