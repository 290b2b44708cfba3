"""The package in an empty environment, and the pins."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

ROOT = Path(__file__).resolve().parents[2]
Serving = Callable[..., AbstractContextManager[str]]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment in which nothing but the package was installed, from a copy."""
    folder = tmp_path_factory.mktemp("install")
    source = folder / "source"
    shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "constraints.txt"):
        shutil.copy(ROOT / name, source)
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    binaries = folder / "venv/bin"
    install = ("-m", "pip", "install", "-q", "-c", "constraints.txt", ".")
    run = subprocess.run([binaries / "python", *install], cwd=source, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    return binaries


def test_pip_install_brings_the_command(installed: Path) -> None:
    run = subprocess.run([installed / "understudy", "--help"], capture_output=True, text=True, timeout=30)
    assert run.returncode == 0, run.stderr
    assert "serve" in run.stdout


def test_the_installed_package_answers_with_all_its_data_files(installed: Path, serving: Serving) -> None:
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Analyze this CSV dataset"}]}
    with serving(python=installed / "python") as url:
        request = Request(
            f"{url}/v1/chat/completions", json.dumps(body).encode(), {"content-type": "application/json"}
        )
        with urlopen(request, timeout=20) as answer:
            completion = json.loads(answer.read())
    assert "```python" in completion["choices"][0]["message"]["content"]
    assert completion["usage"]["prompt_tokens"] == 11


def test_everything_that_the_package_asks_for_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {normal(line.partition("==")[0]) for line in pins if "==" in line}
    assert [name for name in asked if normal(re.split(r"[^\w.-]", name)[0]) not in pinned] == []


def normal(name: str) -> str:
    """A package's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_lock_file_records_no_download_addresses() -> None:
    lock = json.loads((ROOT / "postman/package-lock.json").read_text(encoding="utf-8"))
    assert lock["packages"]["node_modules/newman"]["version"] == "6.2.2"
    assert [name for name, package in lock["packages"].items() if "resolved" in package] == []


def test_mock_llm_server_py_is_the_serve_command() -> None:
    script = subprocess.run(
        [sys.executable, ROOT / "mock_llm_server.py", "--help"], capture_output=True, text=True, timeout=30
    )
    command = subprocess.run(
        [sys.executable, "-m", "understudy", "serve", "--help"], capture_output=True, text=True, timeout=30
    )
    assert script.returncode == command.returncode == 0
    assert options(script.stdout) == options(command.stdout) != ""


def options(help_text: str) -> str:
    """The help without its first line, in which the program's name stands."""
    return help_text.partition("\n")[2]


def bare(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a copy of mock_llm_server.py in an interpreter that has no packages at all."""
    script = shutil.copy(ROOT / "mock_llm_server.py", tmp_path)
    return subprocess.run(
        [sys.executable, "-I", "-S", script, *arguments], capture_output=True, text=True, timeout=30
    )


def test_mock_llm_server_py_without_packages_says_what_to_run(tmp_path: Path) -> None:
    run = bare(tmp_path)
    assert (run.returncode, run.stdout, run.stderr) == (1, "", "run: make serve\n")


@pytest.mark.skipif(os.name == "nt", reason="the stand-in interpreter is a shell script")
def test_mock_llm_server_py_without_packages_goes_on_in_the_virtual_environment(tmp_path: Path) -> None:
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    run = bare(tmp_path, "--port", "8081")
    assert run.stdout == f"{tmp_path / 'mock_llm_server.py'} --port 8081\n"
    assert run.returncode == 0
