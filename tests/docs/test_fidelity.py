"""docs/fidelity.md is what `make fidelity` writes, for the SDKs that everything is tested with."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from urllib.request import Request, urlopen
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "fidelity.md").read_text()
ROW = re.compile(r"^\| ([\w.]+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", re.M)
BREAKS = '<failure message="x"/>'


@pytest.fixture(scope="module")
def fidelity() -> Iterator[ModuleType]:
    """The script that writes the page."""
    spec = importlib.util.spec_from_file_location("fidelity", ROOT / "scripts" / "fidelity.py")
    assert spec is not None
    assert spec.loader is not None
    script = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    yield script
    del sys.modules[spec.name]


def figures(title: str) -> dict[str, list[int]]:
    """Passed, all, floor, above the floor and by default, by group, of the SDK with this title."""
    (section,) = re.findall(rf"^## {title} .*?(?=^## )", PAGE, re.M | re.S)
    return {name: [int(number) for number in numbers] for name, *numbers in ROW.findall(section)}


@pytest.mark.parametrize("package", ["openai", "anthropic", "google-genai"])
def test_the_page_names_the_version_that_is_pinned(package: str, fidelity: ModuleType) -> None:
    assert f"\n## {package} {fidelity.pinned(package)}\n" in PAGE


@pytest.mark.parametrize(
    ("package", "group", "failing"),
    [
        ("openai", "chat", 0),
        ("openai", "completions", 0),
        ("openai", "responses", 5),
        ("openai", "embeddings", 9),
        ("openai", "models", 0),
        ("openai", "conversations", 0),
        ("anthropic", "messages", 0),
        ("anthropic", "messages.batches", 0),
        ("anthropic", "models", 0),
        ("anthropic", "files", 0),
    ],
)
def test_a_group_is_whole_but_for_what_the_page_gives_a_reason_for(
    package: str, group: str, failing: int
) -> None:
    passed, all, floor, above, _ = figures(package)[group]
    assert all - passed == failing
    assert 0 < above <= all - floor


def test_the_page_tells_what_the_script_says(fidelity: ModuleType) -> None:
    for suite in fidelity.SUITES:
        assert set(suite.whole) <= set(figures(suite.package))
    told = " ".join(PAGE.split())
    assert all(f"- {each}" in told for each in fidelity.BY_HAND)
    assert all(f"| {each.tests} | " in told for each in fidelity.EXPECTED)
    assert all(each.why in told for each in fidelity.EXPECTED)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        (
            "chat.completions.test_messages.TestMessages",
            "chat::chat.completions.test_messages.TestMessages::t",
        ),
        ("beta.responses.test_input_items.TestX", "beta.responses::beta.responses.test_input_items.TestX::t"),
        ("test_models.TestModels", "models::test_models.TestModels::t"),
        ("test_webhooks", "webhooks::test_webhooks::t"),
    ],
)
def test_a_test_is_of_the_group_of_its_file(file: str, name: str, fidelity: ModuleType) -> None:
    case = ElementTree.Element("testcase", {"classname": f"tests.api_resources.{file}", "name": "t"})
    assert fidelity.named(fidelity.SUITES[0], case) == name


def test_a_report_tells_what_passed_and_leaves_out_what_was_skipped(
    fidelity: ModuleType, tmp_path: Path
) -> None:
    cases = (("a", ""), ("b", BREAKS), ("c", "<error/>"), ("d", "<skipped/>"))
    told = "".join(
        f'<testcase classname="tests.api_resources.test_x" name="{name}">{inside}</testcase>'
        for name, inside in cases
    )
    report = tmp_path / "report.xml"
    report.write_text(f"<testsuite>{told}</testsuite>")
    found = fidelity.read(fidelity.SUITES[0], report)
    assert found == {"x::test_x::a": True, "x::test_x::b": False, "x::test_x::c": False}


def test_only_what_passes_here_and_fails_with_the_floor_is_above_it(fidelity: ModuleType) -> None:
    def outcomes(passed: str) -> dict[str, bool]:
        return {f"models::test_models::{name}": name in passed for name in "abcd"}

    ran = fidelity.Ran(fidelity.SUITES[0], outcomes("a"), outcomes("abc"), outcomes("bd"))
    row = ran.row("models")
    assert (row.passed, row.all, row.floor, row.above, row.strict) == (3, 4, 2, 2, 1)
    assert row.failing == ("models::test_models::d",)


def test_the_floor_answers_nothing_whatever_is_asked(fidelity: ModuleType) -> None:
    with fidelity.floor() as url, urlopen(Request(f"{url}/v1/x", b"{}", method="PATCH")) as answer:
        assert (answer.status, answer.read()) == (200, b"{}")
