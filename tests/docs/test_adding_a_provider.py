"""docs/adding-a-provider.md, from the top: each of its providers answers, the last as all do."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from understudy import space
from understudy.app import App
from understudy.model import Head, HttpRequest, Send
from understudy.providers import PROVIDERS
from understudy.settings import Settings

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "adding-a-provider.md").read_text("utf-8")
NOTHING, WHOLE, CHAT = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
GOLDEN = dict(re.findall(r"^`(tests/wire/[\w./]+)`:\n\n```\n(.*?)^```$", PAGE, re.M | re.S))
COMMAND = re.findall(r"^```\npython -m (pytest .+)\n```$", PAGE, re.M)
LISTED = "PROVIDERS: tuple[Provider, ...] = (\n"
HELLO = {"model": "llama3.2", "messages": [{"role": "user", "content": "Hello"}]}
Ask = Callable[..., tuple[int, bytes]]


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Ask]:
    """Adds a provider of the page to PROVIDERS; what it gives asks a server that has it."""

    def add(code: str) -> Ask:
        module: Any = ModuleType("understudy.providers.ollama_chat")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(code, module.__dict__)
        monkeypatch.setattr(space, "PROVIDERS", (*PROVIDERS, module))
        app = App(Settings())

        def ask(body: object, path: str = "/api/chat") -> tuple[int, bytes]:
            steps = list(app.handle(HttpRequest("POST", path, body=json.dumps(body).encode())))
            assert next(app.main.journal.newest()).api in ("ollama-chat", "")
            (status,) = [step.status for step in steps if isinstance(step, Head)]
            return status, b"".join(step.data for step in steps if isinstance(step, Send))

        return ask

    return add


def test_the_first_answers_with_nothing(listed: Callable[[str], Ask]) -> None:
    assert listed(NOTHING)(HELLO) == (200, b"{}")


def test_the_second_answers_whole(listed: Callable[[str], Ask]) -> None:
    status, answer = listed(WHOLE)(HELLO)
    told = json.loads(answer)
    assert (status, told["model"], told["done"], told["done_reason"]) == (200, "llama3.2", True, "stop")
    assert told["message"]["content"].startswith("Hello! I am Understudy")


def test_the_second_fails_in_its_own_words(listed: Callable[[str], Ask]) -> None:
    ask = listed(WHOLE)
    assert ask({**HELLO, "model": "mock-overloaded"}) == (
        503,
        b'{"error":"server busy, please try again.  maximum pending requests exceeded"}',
    )
    status, refused = ask({"model": "llama3.2"})
    assert (status, refused) == (400, b'{"error":"invalid request: \'messages\'"}')
    assert ask(HELLO, "/api/chit")[0] == 404


def test_the_last_streams_lines_unless_it_is_asked_not_to(listed: Callable[[str], Ask]) -> None:
    ask = listed(CHAT)
    (*lines, last) = [json.loads(line) for line in ask(HELLO)[1].splitlines()]
    assert len(lines) > 1
    assert not any(line["done"] for line in lines)
    assert last["done"]
    whole = json.loads(ask({**HELLO, "stream": False})[1])
    assert "".join(line["message"]["content"] for line in lines) == whole["message"]["content"]


def test_the_last_passes_what_is_asked_of_every_provider(tmp_path: Path) -> None:
    """One new file, one line and golden files, in a copy of the project."""
    for folder in ("src", "tests"):
        shutil.copytree(
            ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("node_modules", "__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    drawer = tmp_path / "src" / "understudy" / "providers"
    (drawer / "ollama_chat.py").write_text(CHAT, "utf-8")
    listing = (drawer / "__init__.py").read_text("utf-8")
    added = f"from understudy.providers import ollama_chat\n\n{LISTED}    ollama_chat,\n"
    (drawer / "__init__.py").write_text(listing.replace(LISTED, added), "utf-8")
    for name, text in GOLDEN.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    (command,) = COMMAND
    ran = subprocess.run(
        [sys.executable, "-B", "-m", *command.split(), "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
