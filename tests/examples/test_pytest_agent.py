"""examples/pytest_agent: its suite passes, alone and in parallel, and notices when the agent is broken."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from transcripts import OWN_WORDS, ROOT

EXAMPLE = ROOT / "examples" / "pytest_agent"


def run_suite(folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """The example's own tests, run where nothing of this project's settings is in force."""
    return subprocess.run(
        [sys.executable, "-B", "-m", "pytest", "-p", "no:cacheprovider", "--color", "no", *flags],
        cwd=folder,
        env=OWN_WORDS,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    folder = tmp_path / "pytest_agent"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("venv", ".*", "__pycache__"))
    return folder


@pytest.mark.parametrize("flags", [["-W", "error"], ["-n", "2"]], ids=["alone", "in parallel"])
def test_the_agents_suite_passes(flags: list[str], copied: Path) -> None:
    run = run_suite(copied, *flags)
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.search(r"\b22 passed\b", run.stdout)


MISTAKES = [
    pytest.param(
        "TypeAdapter(dict[str, Any]).validate_json(arguments)",
        "{'city': 'Paris'}",
        "test_the_model_is_told_what_went_wrong_with_its_call",
        "get_weather",
        id="it ignores the arguments",
    ),
    pytest.param(
        'MODELS = ("gpt-4o", "gpt-4o-mini")',
        'MODELS = ("gpt-4o",)',
        "test_the_second_model_answers_when_the_first_is_down",
        "503",
        id="it has no second model",
    ),
    pytest.param(
        "messages += [self._carry_out(call) for call in answer.tool_calls]",
        "messages += [self._carry_out(answer.tool_calls[0])]",
        "test_two_tools_at_once_are_both_answered",
        "An assistant message with 'tool_calls' must be followed by tool messages",
        id="it carries out the first of two calls alone",
    ),
    pytest.param(
        "for _ in range(MOST_TURNS):",
        "for _ in range(1):",
        "test_a_longer_conversation_from_a_file",
        "NoPlan: no plan after",
        id="it stops too early",
    ),
]


@pytest.mark.parametrize(("right", "wrong", "test", "told"), MISTAKES)
def test_the_agents_suite_notices(right: str, wrong: str, test: str, told: str, copied: Path) -> None:
    agent = copied / "agent.py"
    assert agent.read_text().count(right) == 1
    agent.write_text(agent.read_text().replace(right, wrong))
    run = run_suite(copied, "-k", test)
    assert run.returncode == 1, run.stdout + run.stderr
    assert "LLM requests, in space" in run.stdout
    assert told in run.stdout


def test_the_readme_names_every_file_and_no_other() -> None:
    named = set(re.findall(r"^\| `([\w.]+)` \|", (EXAMPLE / "README.md").read_text(), re.M))
    there = {path.name for path in EXAMPLE.iterdir() if path.suffix in (".py", ".yaml")}
    assert named == there
