"""The AutoGen examples, each in the virtual environment that its requirements.txt asks for."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from transcripts import ROOT, Message, Run, messages_0_2, messages_0_7, run_example

SVG = "{http://www.w3.org/2000/svg}svg"
SCRIPTS = sorted(str(path.relative_to(ROOT / "examples")) for path in ROOT.glob("examples/autogen_*/*.py"))


def speakers_0_2(output: str) -> list[str]:
    """The speakers that the model selected in a group chat of AutoGen 0.2."""
    return re.findall(
        r"^\S*>{8} Select speaker attempt 1 of 3 successfully selected: (\w+)", output, re.MULTILINE
    )


def speakers_0_7(output: str) -> list[str]:
    """The speakers that the model selected in a group chat of AutoGen 0.7."""
    return re.findall(r"^-{10} SelectSpeakerEvent \(\w+\) -{10}\n\['(\w+)'\]$", output, re.MULTILINE)


def script_sent(messages: list[Message]) -> str:
    """The first Python script in the transcript."""
    blocks = (re.search(r"```python\n(.*?)```", message.text, re.DOTALL) for message in messages)
    return next(block[1] for block in blocks if block)


def printed_by(script: str, folder: Path) -> str:
    """What `script` prints when it runs on the standard library alone, in a folder of its own."""
    folder.mkdir()
    run = subprocess.run(
        [sys.executable, "-I", "-c", script], cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def assert_the_script_ran(run: Run, messages: list[Message], executor: str) -> None:
    """The executor's message quotes what the script prints, and the script's chart is on disk."""
    printed = printed_by(script_sent(messages), run.folder / "again")
    assert printed
    assert any(printed in message.text for message in messages if message.source == executor)
    chart = run.folder / "test_workspace/chart.svg"
    assert ElementTree.parse(chart).getroot().tag == SVG


def test_the_guides_script_on_autogen_0_2_ends_by_itself(server_url: str, tmp_path: Path) -> None:
    run = run_example("autogen_0_2", "test_autogen_integration.py", server_url, tmp_path)
    messages = messages_0_2(run.output)
    assert [message.source for message in messages] == 3 * ["user_proxy", "assistant"]
    assert messages[2].text.startswith("exitcode: 0 (execution succeeded)")
    assert_the_script_ran(run, messages, executor="user_proxy")
    assert messages[-1].text == "TERMINATE"
    assert run.output.startswith("🧪 Testing AutoGen with Mock LLM Server...")
    assert run.output.endswith("✅ Test completed!\n")


def test_its_counterpart_on_autogen_0_7_ends_by_itself(server_url: str, tmp_path: Path) -> None:
    run = run_example("autogen_0_7", "test_autogen_integration.py", server_url, tmp_path)
    messages = messages_0_7(run.output)
    assert [message.source for message in messages] == ["user", "assistant", "executor", "assistant"]
    assert_the_script_ran(run, messages, executor="executor")
    assert messages[-1].text == "TERMINATE"
    assert "\nEnded because: Text 'TERMINATE' mentioned\n" in run.output
    assert run.output.endswith("✅ Test completed!\n")


@pytest.mark.parametrize(
    ("generation", "read", "selected", "closing"),
    [
        ("autogen_0_2", messages_0_2, speakers_0_2, "\nTERMINATE\n\n" + 80 * "-" + "\n"),
        ("autogen_0_7", messages_0_7, speakers_0_7, "\nEnded because: Text 'TERMINATE' mentioned\n"),
    ],
    ids=["autogen_0_2", "autogen_0_7"],
)
def test_a_group_chat_selects_its_speakers_and_ends_by_itself(
    generation: str,
    read: Callable[[str], list[Message]],
    selected: Callable[[str], list[str]],
    closing: str,
    server_url: str,
    tmp_path: Path,
) -> None:
    run = run_example(generation, "group_chat.py", server_url, tmp_path)
    messages, speakers = read(run.output), selected(run.output)

    assert [message.source for message in messages[1:]] == speakers
    assert set(speakers) <= {"engineer", "executor", "analyst"}
    assert len(set(speakers)) >= 2
    assert all(former != latter for former, latter in pairwise(speakers))
    assert "failed" not in run.errors.lower()
    assert_the_script_ran(run, messages, executor="executor")
    assert messages[-1].text == "TERMINATE"
    assert run.output.endswith(closing)
    assert len(messages) < 12


@pytest.mark.parametrize("script", SCRIPTS)
def test_an_example_asks_the_default_port_unless_told_otherwise(script: str) -> None:
    source = (ROOT / "examples" / script).read_text(encoding="utf-8")
    assert 'os.environ.get("OPENAI_BASE_URL", "http://localhost:8080/v1")' in source


@pytest.mark.parametrize("generation", ["autogen_0_2", "autogen_0_7"])
def test_the_requirements_of_an_example_are_pinned_with_all_that_they_bring(generation: str) -> None:
    folder = ROOT / "examples" / generation
    asked = (folder / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pinned = (folder / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert asked[1] == "-c constraints.txt"
    assert all(re.fullmatch(r"[\w-]+(\[openai\])?==[\d.]+", line) for line in asked[2:])
    assert {re.sub(r"\[\w+\]", "", line) for line in asked[2:]} <= set(pinned)
    assert all(re.fullmatch(r"[\w-]+==[\d.]+", line) for line in pinned)
