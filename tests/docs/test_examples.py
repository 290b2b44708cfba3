"""Every example of the README and the guides is run, and whatever users touch is documented."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from understudy.autopilot.conventions import CONVENTIONS
from understudy.control import ROUTES as CONTROL_ROUTES
from understudy.providers import PROVIDERS
from understudy.sessions import SESSIONS
from understudy.settings import FIELDS

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
REFERENCE = (ROOT / "docs" / "reference.md").read_text()
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$(?:\n\n```\n(?P<prints>.*?)^```$)?", re.M | re.S)
"""A block, and the plain one right behind it, which is what it prints."""
FLAGS = re.compile(r"^# the server: understudy serve (.+)$", re.M)
NOBODY = "# the server: none"
PRINTS = "\n# prints:\n"
RECIPE = re.compile(r"^def test_|^@pytest\.fixture", re.M)
"""In a block of how-do-i.md that test_how_do_i.py runs, since its imports stand on top of that page."""
AUTOGEN = {"import autogen\n": "autogen_0_2", "from autogen_": "autogen_0_7"}
Serving = Callable[..., AbstractContextManager[str]]


def blocks(language: str) -> list[tuple[str, str]]:
    """Where it is, and the text, of every block in this language.

    What it prints stands behind it, after PRINTS: its lines in any order, `...` for whatever is there.
    """
    return [
        (
            f"{page.name}:{page.read_text()[: found.start()].count(chr(10)) + 1}",
            found[2] + (PRINTS + found["prints"] if found["prints"] else ""),
        )
        for page in PAGES
        for found in BLOCK.finditer(page.read_text())
        if found[1] == language
    ]


def each(found: list[tuple[str, str]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("text", [text for _, text in found], ids=[where for where, _ in found])


def commands() -> Iterator[tuple[str, str]]:
    for where, text in blocks("console"):
        for number, line in enumerate(line for line in text.splitlines() if line.startswith("$ ")):
            yield f"{where}:{number}", line.removeprefix("$ ")


def test_every_block_is_of_a_kind_that_is_run() -> None:
    for page in PAGES:
        for found in BLOCK.finditer(page.read_text()):
            assert found[1] in ("python", "bash", "console", "yaml", ""), (
                f"{page.name}: a block of {found[1]!r}"
            )


@contextmanager
def served(text: str, server_url: str, serving: Serving) -> Iterator[str]:
    """The URL of the server for an example; one of its own where the example names flags or an outage."""
    if NOBODY in text:
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            yield f"http://localhost:{silent.getsockname()[1]}"
    elif found := FLAGS.search(text):
        with serving(*shlex.split(found[1])) as url:
            yield url
    elif "/_understudy/outage" in text or "understudy outage" in text:
        with serving() as url:
            yield url
    else:
        yield server_url


def moved(text: str, url: str) -> str:
    """The text for a server at this URL in place of port 8080."""
    port = url.rpartition(":")[2]
    return text.replace(":8080", f":{port}").replace("port 8080", f"port {port}")


def assert_prints(expected: str, output: str, url: str) -> None:
    for line in moved(expected, url).splitlines():
        pattern = ".*".join(re.escape(piece) for piece in line.split("..."))
        assert re.search(pattern, output), f"not printed: {line}\nprinted: {output}"


def python_for(text: str) -> str:
    """The interpreter that has the packages which an example imports."""
    for imported, generation in AUTOGEN.items():
        if imported in text:
            python = ROOT / ".cache" / "venvs" / generation / "bin" / "python"
            assert python.exists(), f"the virtual environment of {generation} is missing; run: make test"
            return str(python)
    return sys.executable


@each([(at, text) for at, text in blocks("python") if at[:8] != "how-do-i" or not RECIPE.search(text)])
def test_a_python_example_runs(text: str, server_url: str, serving: Serving, tmp_path: Path) -> None:
    text, _, expected = text.partition(PRINTS)
    script = tmp_path / "example.py"
    with served(text, server_url, serving) as url:
        script.write_text(moved(text, url))
        ran = subprocess.run(
            [python_for(text), script],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=tmp_path,
            check=False,
        )
    assert ran.returncode == 0, ran.stderr
    assert_prints(expected, ran.stdout + ran.stderr, url)


@each(blocks("bash"))
def test_a_shell_example_runs(text: str, server_url: str, serving: Serving, tmp_path: Path) -> None:
    text, _, expected = text.partition(PRINTS)
    ours = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    with served(text, server_url, serving) as url:
        script = "set -eu\n" + moved(text, url)
        ran = subprocess.run(
            ["bash", "-c", script],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=tmp_path,
            env=ours,
            check=False,
        )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout or "-X OPTIONS" in text
    assert_prints(expected, ran.stdout + ran.stderr, url)


@each([(where, text) for where, text in commands() if "--tls-cert" not in text])  # test_cli.py does that
def test_a_command_does_what_it_says(
    text: str, serving: Serving, server_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = shlex.split(text)
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        monkeypatch.setenv(name, value)
    if words[0] == "make":
        ran = subprocess.run([*words, "-n"], cwd=ROOT, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        return
    assert words[0] == "understudy"
    if words[1] == "check":
        with serving() as url:
            ran = subprocess.run(
                [sys.executable, "-m", *(moved(word, url) for word in words)],
                env={**os.environ, "OPENAI_BASE_URL": f"{url}/v1"},
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
            )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return
    if words[1] in ("outage", "requests"):  # of a server of its own
        with serving() as url:
            words = [*words, "--url", url]
            ran = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        return
    if words[1] == "check":
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server_url}/v1")
        words = [word.replace("http://localhost:8080", server_url) for word in words]
        monkeypatch.chdir(tmp_path)
    if words[1] != "serve" or "--help" in words:
        ran = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        return
    monkeypatch.chdir(tmp_path)
    settings = next(text for where, text in blocks("yaml") if where.startswith("reference.md"))
    (tmp_path / "settings.yaml").write_text(settings)
    rules = next(text for where, text in blocks("yaml") if where.startswith("rules.md"))
    (tmp_path / "rules.yaml").write_text(rules)
    with serving(*words[2:]) as url:
        assert url


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_is_documented_with_an_example(name: str) -> None:
    flag = "RULES" if name == "rules" else f"--{name.replace('_', '-')}"
    assert f"`{flag}`" in REFERENCE
    assert f"`UNDERSTUDY_{name.upper()}`" in REFERENCE
    shown = "rules.yaml" if name == "rules" else flag
    assert any(shown in command for _, command in commands()), f"no command shows {flag}"


@pytest.mark.parametrize("route", [f"{m} {path}" for provider in PROVIDERS for m, path in provider.ROUTES])
def test_every_route_is_documented(route: str) -> None:
    assert f"`{route}`" in REFERENCE


@pytest.mark.parametrize("path", SESSIONS)
def test_every_session_is_documented(path: str) -> None:
    assert f"`GET {path}` with `Upgrade: websocket`" in REFERENCE


def test_every_control_call_is_documented_with_an_example() -> None:
    shell = "".join(text for _, text in blocks("bash"))
    for method, route, _ in CONTROL_ROUTES:
        path = f"/_understudy{route}"
        assert f"{method} {path}" in REFERENCE
        assert path in shell


@pytest.mark.parametrize("name", sorted({row.name.partition(",")[0] for row in CONVENTIONS}))
def test_every_convention_is_documented(name: str) -> None:
    assert f"`{name}`" in (ROOT / "docs" / "autopilot.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", BLOCK.sub("", page.read_text())):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_no_page_names_a_path_of_somebodys_machine() -> None:
    for page in PAGES:
        assert not re.search(r"/(home|root|work|Users)/", page.read_text()), page.name


def test_the_environment_of_the_tests_is_clean() -> None:
    assert not [name for name in os.environ if name.startswith("UNDERSTUDY_")]
