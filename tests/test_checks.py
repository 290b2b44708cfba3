"""`understudy check`, as a process."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import click
import pytest

from understudy.checks.checklist import CHECKS
from understudy.cli import check, main

NAMES = [each.name for each in CHECKS]
NOWHERE = "http://127.0.0.1:9/v1"
"""Port 9 is `discard`, which nobody serves any more."""


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    return subprocess.run(
        [sys.executable, "-m", "understudy", "check", *words],
        capture_output=True,
        text=True,
        timeout=60,
        env=kept | environment,
        check=False,
    )


def statuses(ran: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """The status of each check, from the lines."""
    return {name: status for status, name in re.findall(r"^(PASS|WARN|SKIP|FAIL) +(\w+)", ran.stdout, re.M)}


def document(ran: subprocess.CompletedProcess[str]) -> Any:
    return json.loads(ran.stdout)


def test_everything_passes_against_understudy(server_url: str) -> None:
    ran = run(f"{server_url}/v1")
    assert ran.returncode == 0, ran.stdout
    assert statuses(ran) == dict.fromkeys(NAMES, "PASS")
    assert ran.stdout.startswith(f"\n  Checking {server_url}/v1\n")
    assert ran.stdout.endswith("\n  12 passed\n")
    assert ran.stderr == ""


def test_a_failed_check_says_what_to_do_and_exits_with_1() -> None:
    ran = run(NOWHERE)
    assert ran.returncode == 1
    assert statuses(ran) == {name: "FAIL" if name == "reachable" else "SKIP" for name in NAMES}
    assert "    found       127.0.0.1:9 refuses the connection: nothing listens there\n" in ran.stdout
    assert "    expected    an HTTP answer\n" in ran.stdout
    assert "    what to do  Start the server, or use the port that it says it listens on" in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr


@pytest.mark.parametrize("names", [("models",), ("tools", "cors"), ("limits", "models")])
def test_only_some_checks_run_in_the_order_of_the_list(names: tuple[str, ...], server_url: str) -> None:
    flags = [word for name in names for word in ("--only", name)]
    ran = run(f"{server_url}/v1", *flags)
    assert ran.returncode == 0
    assert list(statuses(ran)) == [name for name in NAMES if name in names]


def test_one_check_alone_tells_of_a_server_that_is_not_there() -> None:
    ran = run(NOWHERE, "--only", "tools", "--model", "m")
    assert ran.returncode == 1
    assert "127.0.0.1:9 refuses the connection" in ran.stdout


def test_json_is_the_only_thing_on_the_output(server_url: str) -> None:
    ran = run(f"{server_url}/v1", "--json", "--model", "mock-gpt-4")
    told = document(ran)
    assert ran.stderr == ""
    assert told["version"] == 1
    assert (told["base_url"], told["model"], told["ok"]) == (f"{server_url}/v1", "mock-gpt-4", True)
    assert told["counts"] == {"passed": 12, "failed": 0, "warned": 0, "skipped": 0}
    assert [each["name"] for each in told["checks"]] == NAMES
    for each in told["checks"]:
        assert list(each) == ["name", "title", "status", "detail", "seconds", "findings"]


def test_json_tells_of_failure_too() -> None:
    ran = run(NOWHERE, "--json")
    told = document(ran)
    assert (ran.returncode, told["ok"], told["model"]) == (1, False, None)
    assert told["checks"][0]["findings"][0]["level"] == "fail"


def test_junit_is_written_beside_the_lines(server_url: str, tmp_path: Path) -> None:
    file = tmp_path / "check.xml"
    ran = run(f"{server_url}/v1", "--junit", str(file), "--only", "models", "--only", "stream")
    assert statuses(ran) == {"models": "PASS", "stream": "PASS"}
    root = ElementTree.parse(file).getroot()
    assert [case.attrib["name"] for case in root.iter("testcase")] == ["models", "stream"]
    assert root.attrib["failures"] == "0"


def test_the_base_url_comes_from_the_environment_unless_it_is_given(server_url: str) -> None:
    ran = run("--only", "models", OPENAI_BASE_URL=f"{server_url}/v1")
    assert (ran.returncode, statuses(ran)) == (0, {"models": "PASS"})
    assert run(NOWHERE, "--only", "models", OPENAI_BASE_URL=f"{server_url}/v1").returncode == 1


def test_the_base_url_is_the_guides_by_default() -> None:
    ran = run("--only", "reachable", "--json", "--timeout", "0.001")
    assert document(ran)["base_url"] == "http://localhost:8080/v1"


@pytest.mark.parametrize("key", ["sk-very-secret-0123456789", "s3cret"])
def test_no_key_is_ever_printed(key: str, server_url: str, tmp_path: Path) -> None:
    file = tmp_path / "check.xml"
    for how in ((), ("--json",)):
        ran = run(f"{server_url}/v1", "--api-key", key, "--junit", str(file), *how)
        assert ran.returncode == 0
        assert key not in ran.stdout + ran.stderr + file.read_text()
    assert key not in run(f"{server_url}/v1", OPENAI_API_KEY=key).stdout


def test_a_key_from_the_command_line_wins_over_the_environment(server_url: str) -> None:
    ran = run(f"{server_url}/v1", "--only", "key", "--api-key", "sk-good", OPENAI_API_KEY="mock-key-invalid")
    assert statuses(ran) == {"key": "PASS"}
    refused = run(f"{server_url}/v1", "--only", "key", OPENAI_API_KEY="mock-key-invalid")
    assert statuses(refused) == {"key": "FAIL"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--only", "streams"], 'there is no check "streams"; there are: reachable, key, models, completion'),
        (["localhost:8080/v1"], 'no base URL; it looks like this: http://localhost:8080/v1'),
        (["http://localhost:99999/v1"], "Port out of range"),
        (["--timeout", "0"], "Invalid value for '--timeout'"),
        (["--timeout", "soon"], "'soon' is not a valid float"),
        (["--junit", "/no/such/folder/check.xml"], "cannot be written: No such file or directory"),
        (["--api-key", "sk-secret\r"], "character 10 is '\\r', which no header can carry"),
        (["--api-key", "sk-ключ"], "which no header can carry"),
        (["http://a/v1", "http://b/v1"], "unexpected extra argument"),
        (["--colour"], "No such option"),
    ],
)  # fmt: skip
def test_bad_usage_exits_with_2_and_says_what_is_wrong(words: list[str], told: str) -> None:
    ran = run(*words)
    assert ran.returncode == 2
    assert told in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "sk-secret" not in ran.stderr


def test_on_a_terminal_a_check_is_shown_as_it_runs_and_then_its_result(server_url: str) -> None:
    near, far = pty.openpty()
    command = [sys.executable, "-m", "understudy", "check", f"{server_url}/v1", "--only", "models"]
    with subprocess.Popen(
        command, stdout=far, env=os.environ | {"COLUMNS": "100", "TERM": "xterm"}
    ) as process:
        os.close(far)
        shown = b""
        while True:
            try:
                piece = os.read(near, 65_536)
            except OSError:  # What Linux says when the other side of a terminal is closed.
                break
            if not piece:
                break
            shown += piece
        os.close(near)
    text = click.unstyle(shown.decode()).replace("\x1b[K", "")
    assert process.returncode == 0
    assert text.index("… models      Models listed") < text.index("✓ models      Models listed")
    assert "1 passed" in text
    assert b"\x1b[32m" in shown


def test_an_output_without_these_letters_is_no_reason_to_break_down(server_url: str) -> None:
    ran = run(f"{server_url}/v1", PYTHONIOENCODING="ascii")
    assert ran.returncode == 0
    assert ran.stderr == ""
    assert statuses(ran) == dict.fromkeys(NAMES, "PASS")


def test_serve_starts_without_what_check_needs() -> None:
    script = (
        "import sys, understudy.cli; needed = ('understudy.checks', 'http', 'ssl', 'xml'); "
        "print([name for name in sys.modules if name.startswith(needed)])"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_help_and_guide_tell_of_every_check_and_flag() -> None:
    guide = (Path(__file__).parent.parent / "docs" / "check.md").read_text()
    assert "check" in main.commands
    for parameter in check.params:
        if isinstance(parameter, click.Option):
            assert f"`{parameter.opts[0]}`" in guide
    for each in CHECKS:
        assert f"| `{each.name}` | {each.title}" in guide
