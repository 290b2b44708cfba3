"""docs/how-do-i.md: every recipe is in the contents, and does what it says.

The tests in it are run by pytest, each recipe in a folder with the files that it names. Those that print
something are meant to fail, and to say so. What is shell is run by test_examples.py.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "how-do-i.md").read_text()
BLOCK = re.compile(
    r"(?:^`(?P<file>[\w./-]+)`:\n\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$(?:\n\n```\n(?P<prints>.*?)^```$)?",
    re.M | re.S,
)
Serving = Callable[..., AbstractContextManager[str]]


class Recipe(NamedTuple):
    """A question, the files that it names, its tests, and what they print where they are meant to fail."""

    question: str
    anchor: str
    files: dict[str, str]
    tests: str
    prints: str
    kinds: list[str]


class Reported(NamedTuple):
    """The failures of each recipe's tests, by its anchor, and what the whole run printed."""

    failures: dict[str, list[str]]
    output: str


def recipe(question: str, text: str) -> Recipe:
    found = list(BLOCK.finditer(text))
    files = {block["file"]: block["text"] for block in found if block["file"]}
    tests = [block for block in found if block["kind"] == "python" and "def test_" in block["text"]]
    return Recipe(
        question,
        re.sub(r"[^\w -]", "", question.lower()).replace(" ", "-"),
        files,
        "\n\n".join(block["text"] for block in tests),
        "".join(block["prints"] or "" for block in tests),
        [block["kind"] for block in found],
    )


_, *SECTIONS = re.split(r"^### (.+)$", re.sub(r"^## .+$", "", PAGE, flags=re.M), flags=re.M)
RECIPES = [recipe(*pair) for pair in zip(SECTIONS[::2], SECTIONS[1::2], strict=True)]
PREAMBLE = next(block["text"] for block in BLOCK.finditer(PAGE) if block["kind"] == "python")


FLAGS = "-n 2 -W error -p no:cacheprovider --import-mode importlib --junit-xml report.xml"


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """One run of all tests of the page."""
    folder = tmp_path_factory.mktemp("how_do_i")
    tested = [each for each in RECIPES if each.tests]
    lay_out(tested, folder)
    ran = subprocess.run(
        [sys.executable, "-B", "-m", "pytest", *FLAGS.split()],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    report = folder / "report.xml"
    assert report.exists(), ran.stdout + ran.stderr
    failures = failures_by_recipe(report)
    assert set(failures) == {each.anchor for each in tested}, ran.stdout + ran.stderr
    return Reported(failures, ran.stdout)


def lay_out(recipes: list[Recipe], folder: Path) -> None:
    """Write each recipe into a folder of its own: its tests, behind the page's first lines, and its files."""
    (folder / "pytest.ini").touch()
    for each in recipes:
        for name, text in {**each.files, "test_recipe.py": f"{PREAMBLE}\n\n{each.tests}"}.items():
            path = folder / each.anchor / name
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_text(text)


def failures_by_recipe(report: Path) -> dict[str, list[str]]:
    failures: dict[str, list[str]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        anchor = str(case.get("classname")).removesuffix(".test_recipe")
        told = ["".join(part.itertext()) for part in case if part.tag in ("failure", "error")]
        failures.setdefault(anchor, []).extend(told)
    return failures


@pytest.mark.parametrize("recipe", [pytest.param(each, id=each.anchor) for each in RECIPES if each.tests])
def test_a_recipe_does_what_it_says(recipe: Recipe, reported: Reported) -> None:
    failures = "\n".join(reported.failures[recipe.anchor])
    assert bool(failures) == bool(recipe.prints), failures
    for line in recipe.prints.splitlines():
        pattern = ".*".join(re.escape(piece) for piece in line.split("..."))
        if not re.search(pattern, reported.output):
            pytest.fail(f"not printed: {line}\nprinted: {reported.output}", pytrace=False)


def test_there_are_recipes_enough_and_each_is_run() -> None:
    assert len(RECIPES) > 45
    for each in RECIPES:
        assert each.tests or {"bash", "console"} & set(each.kinds) or set(each.files) & set(RUN_BELOW)


def test_every_recipe_is_in_the_contents_and_nothing_else() -> None:
    contents = PAGE.partition("\nWhere it says")[0]
    assert re.findall(r"\]\(#(.+?)\)", contents) == [each.anchor for each in RECIPES]


@pytest.mark.parametrize(("question", "text"), [*zip(SECTIONS[::2], SECTIONS[1::2], strict=True)])
def test_a_recipe_is_a_question_and_at_most_two_sentences(question: str, text: str) -> None:
    assert re.fullmatch(r"How do I [^.]+\?", question)
    before = text.strip().partition("\n\n")[0]
    assert len(re.findall(r"[.?!](?=\s|$)", before)) <= 2


RULES = {name: text for each in RECIPES for name, text in each.files.items() if "rules:" in text}
RUN_BELOW = (".github/workflows/tests.yaml", "compose.yaml")


@pytest.mark.parametrize("name", RULES)
def test_a_rule_file_is_free_of_mistakes(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(RULES[name])
    ran = subprocess.run(
        [sys.executable, "-m", "understudy", "rules", "check", name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("name", RUN_BELOW)
def test_a_file_for_ci_or_docker_starts_the_server(name: str, serving: Serving) -> None:
    text = next(each.files[name] for each in RECIPES if name in each.files)
    assert isinstance(yaml.safe_load(text), dict)
    found = re.search(r"understudy serve ([\w .-]+)", text)
    assert found
    with serving(*shlex.split(found[1])) as url:
        assert url
