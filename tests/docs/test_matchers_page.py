"""docs/matchers.md: every condition, form and variable is there, and every example does what it says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from msgspec.structs import replace

from understudy.access import key_of
from understudy.errors import Place
from understudy.matchers import READERS, read_when
from understudy.matchers.base import FORMS
from understudy.model import HttpRequest, Request, Scene
from understudy.providers import openai_chat
from understudy.rulefiles import EXTRA
from understudy.rules import load
from understudy.templates import FILTERS, MAX_NESTING, MAX_RANGE, MAX_TEXT, VARIABLES

PAGE = (Path(__file__).parent.parent.parent / "docs" / "matchers.md").read_text()
CODE = re.compile(r"`([^`]+)`")
PLACE = Place("matchers.md")


def rows(heading: str) -> list[list[str]]:
    """The rows of all tables below a heading, as their cells."""
    section = PAGE.partition(f"\n{heading}\n")[2].partition("\n## ")[0]
    found = [line for line in section.splitlines() if line.startswith("| ")]
    return [
        [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in found
    ]


def examples(heading: str) -> list[str]:
    """What stands in the last cells, each a `when`."""
    return [example for row in rows(heading) for example in CODE.findall(row[-1])]


@pytest.fixture(scope="module")
def request_() -> Request:
    """The request at the top of the page."""
    words = shlex.split(PAGE.partition("```bash\n")[2].partition("```")[0].replace("\\\n", " "))
    options = dict.fromkeys(("-H", "-d"), "") | {"-d": words[words.index("-d") + 1]}
    lines = [words[i + 1] for i, word in enumerate(words) if word == "-H"]
    headers = [part for line in lines for part in line.split(": ", 1)]
    flat = [each.lower() if i % 2 == 0 else each for i, each in enumerate(headers)]
    url = urlsplit(next(word for word in words if word.startswith("http")))
    encoded = tuple(each.encode() for each in flat)
    http = HttpRequest("POST", f"{url.path}?{url.query}", encoded, options["-d"].encode())
    request = openai_chat.parse(http)
    assert list(openai_chat.complaints(request)) == []
    return replace(request, scene=Scene(http, key_of(http), count=7, chance=0.5, now=1_795_403_580.5))


CONDITIONS = examples("## Conditions") + examples("## Forms of a value")


@pytest.mark.parametrize("example", CONDITIONS)
def test_a_condition_holds_for_the_request_at_the_top(example: str, request_: Request) -> None:
    for matcher in read_when(yaml.safe_load(example), PLACE):
        verdict = matcher.match(request_)
        assert verdict.ok, verdict.why


@pytest.mark.parametrize("key", READERS)
def test_every_condition_is_in_the_table_with_an_example(key: str) -> None:
    (row,) = [row for row in rows("## Conditions") if row[0] == f"`{key}`"]
    assert all(key in yaml.safe_load(example) for example in CODE.findall(row[-1]))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_in_the_table_with_an_example(form: str) -> None:
    (row,) = [row for row in rows("## Forms of a value") if row[0] == f"`{form}`"]
    assert f"{form}:" in row[-1]


def test_every_path_is_the_one_that_its_example_uses() -> None:
    paths = [row for row in rows("### Paths in the body") if row[0].startswith("`$")]
    assert len(paths) == 7
    for path, _, example in paths:
        assert CODE.findall(path)[0] in example


QUOTED = [row for row in rows("## Templates") if row[0].startswith("`")]


@pytest.mark.parametrize("row", QUOTED, ids=lambda row: row[0])
def test_a_template_gives_what_the_table_says(row: list[str], request_: Request) -> None:
    (template,), given = CODE.findall(row[2]), CODE.findall(row[3])
    rule: dict[str, Any] = {
        "when": {"user": {"regex": r"for (?P<people>\d+)"}},
        "reply": {"template": template},
    }
    match = load("rules.yaml", yaml.safe_dump({"rules": [rule]}), EXTRA).select(request_)
    assert match is not None
    assert match.reply.text in given


@pytest.mark.parametrize("name", [*VARIABLES, *EXTRA])
def test_every_variable_is_in_the_table_with_an_example(name: str) -> None:
    (row,) = [row for row in QUOTED if f"`{name}`" in row[0]]
    assert name in row[2]


def test_the_bounds_and_filters_are_those_of_the_code() -> None:
    section = PAGE.partition("\n- Filters are ")[2].partition("\n- ")[0]
    assert CODE.findall(section) == list(FILTERS)
    assert f"at most {MAX_TEXT:,} characters, a `range` at most {MAX_RANGE:,} numbers" in PAGE
    assert f"nested at most {MAX_NESTING} deep" in PAGE
