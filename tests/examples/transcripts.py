"""Runs the AutoGen examples, each in the virtual environment of its generation, and reads what they print."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import IO, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
OWN_WORDS = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "PYTHONIOENCODING": "utf-8"}
MOST_S = 120


class Message(NamedTuple):
    """One message of a transcript."""

    source: str
    text: str


class Run(NamedTuple):
    """A finished example: what it printed, and the folder in which it ran."""

    output: str
    errors: str
    folder: Path


class Conversation:
    """An example that asks its user: what a terminal would show so far, and a way to answer."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.output = ""
        self._process = process

    def until(self, prompt: str) -> None:
        """Read on until it asks with `prompt`, and waits."""
        said = b""
        while not said.endswith(prompt.encode()):
            piece = os.read(self._out.fileno(), 1 << 16)
            assert piece, f"it ended without asking {prompt!r}: {self.output + said.decode()}"
            said += piece
        self.output += said.decode()

    def answer(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()
        self.output += f"{line}\n"

    def finish(self) -> None:
        """Read what is left; it must exit with 0."""
        self.output += self._out.read().decode()
        assert self._process.wait() == 0, self.output

    @property
    def _out(self) -> IO[bytes]:
        assert self._process.stdout
        return self._process.stdout


def command(generation: str, script: str) -> list[str]:
    """How to run examples/`generation`/`script`."""
    python = ROOT / ".cache/venvs" / generation / "bin/python"
    assert python.exists(), f"the virtual environment of examples/{generation} is missing; run: make test"
    return [str(python), str(ROOT / "examples" / generation / script)]


def run_example(generation: str, script: str, server_url: str, folder: Path) -> Run:
    """Run examples/`generation`/`script` in `folder`; it must exit with 0."""
    run = subprocess.run(
        command(generation, script),
        cwd=folder,
        env={**OWN_WORDS, "OPENAI_BASE_URL": f"{server_url}/v1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=MOST_S,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return Run(run.stdout, run.stderr, folder)


@contextmanager
def conversation(generation: str, script: str, server_url: str, folder: Path) -> Iterator[Conversation]:
    """Run examples/`generation`/`script` in `folder`, and talk to it; its stderr goes to errors.txt."""
    with (folder / "errors.txt").open("wb") as errors:
        process = subprocess.Popen(
            command(generation, script),
            cwd=folder,
            env={**OWN_WORDS, "OPENAI_BASE_URL": f"{server_url}/v1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    watchdog = Timer(MOST_S, process.kill)
    watchdog.start()
    with process:
        try:
            yield Conversation(process)
        finally:
            watchdog.cancel()
            process.kill()


def messages_0_2(output: str) -> list[Message]:
    """The transcript that AutoGen 0.2 prints: `assistant (to user_proxy):`, the text, a dashed line.

    Without the side conversations in which it asks the model for the next speaker.
    """
    plain = re.sub(r"\x1b\[\d+m", "", output)
    found = re.findall(r"^(\w+) \(to \w+\):\n\n(.*?)\n\n-{80}$", plain, re.DOTALL | re.MULTILINE)
    asides = {"checking_agent", "speaker_selection_agent"}
    return [Message(source, text.rstrip("\n")) for source, text in found if source not in asides]


def messages_0_7(output: str) -> list[Message]:
    """The transcript that AutoGen 0.7 prints: `---------- TextMessage (assistant) ----------`, the text."""
    pieces = re.split(r"^-{10} (\w+) \((\w+)\) -{10}\n", output.partition("\nEnded because: ")[0], flags=re.M)
    rows = zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True)
    return [Message(source, text.rstrip("\n")) for kind, source, text in rows if kind == "TextMessage"]
