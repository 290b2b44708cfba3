"""The pytest plugin, in runs of pytest of its own: each is a process, with warnings as errors."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from understudy.pytest_plugin import bounded, space_name

pytest_plugins = ["pytester"]

AGENT = '''
import json
import os
from urllib.error import HTTPError
from urllib.request import Request, urlopen


def ask(text):
    """The answer's text, from where the environment says; an error's status."""
    body = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": text}]})
    url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
    headers = {"authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}
    try:
        with urlopen(Request(url, body.encode(), headers), timeout=20) as answer:
            return json.load(answer)["choices"][0]["message"]["content"]
    except HTTPError as error:
        error.close()
        return error.code
'''


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs pytest over tests that can import `ask` from `agent`."""
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    pytester.makepyfile(agent=AGENT)
    return Run(pytester)


class Run:
    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester

    def __call__(self, tests: str, *flags: str) -> pytest.RunResult:
        self.pytester.makepyfile(test_it=f"import os\nimport pytest\nfrom agent import ask\n{tests}")
        options = ("-W", "error", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", *flags)
        return self.pytester.runpytest_subprocess(*options)


def test_each_test_has_a_space_of_its_own_on_one_server(run: Run) -> None:
    result = run(
        """
urls = set()

@pytest.mark.parametrize("number", range(3))
def test_one(llm, number):
    llm.when(user="number").reply(f"It is {number}.")
    assert ask("Which number?") == f"It is {number}."
    llm.verify(user="number", times=1)
    assert len(llm.requests) == 1
    assert llm.base_url == os.environ["OPENAI_BASE_URL"]
    urls.add(llm.url)

def test_then():
    assert "OPENAI_BASE_URL" not in os.environ
    assert len(urls) == 3
    assert len({url.partition("/@")[0] for url in urls}) == 1

def test_what_one_left_behind(llm):
    llm.outage(60)
    llm.faults = [{"fault": "hang"}]

def test_the_next_does_not_meet(llm):
    llm.when().reply("Here.")
    assert ask("Where?") == "Here."
"""
    )
    result.assert_outcomes(passed=6)


def test_a_failing_tests_report_tells_the_conversation(run: Run) -> None:
    result = run(
        """
def test_fails(llm):
    llm.when(user="weather").reply("It is sunny.", times=1)
    assert ask("How is the weather?") == "It is sunny."
    assert ask("And the wether in Rome?") == "It rains."

def test_fails_without():
    assert False
"""
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "*- LLM requests, in space test_fails-* -*",
            "#1 POST /v1/chat/completions (gpt-4o)",
            "   user: How is the weather?",
            "   -> 200 by test_it.py:6",
            "      It is sunny.",
            "#2 POST /v1/chat/completions (gpt-4o)",
            "   user: And the wether in Rome?",
            "   -> 200 by autopilot: *",
            "      not by test_it.py:6: user: expected a text that contains 'weather', found *",
        ]
    )
    assert result.stdout.str().count("LLM requests") == 1


def test_a_mistake_in_a_rule_is_told_in_one_line(run: Run) -> None:
    result = run(
        """
def test_mistake(llm):
    llm.when(usr="weather").reply("It is sunny.")
"""
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ['E *SettingsError: test_it.py:6: when: unknown key "usr" (did you mean "user"?)']
    )
    assert "embedded" not in result.stdout.str()


def test_under_strict_a_refusal_that_was_swallowed_fails_the_test(run: Run) -> None:
    result = run(
        """
pytestmark = pytest.mark.llm(strict=True)

def test_swallows():
    assert ask("Who is there?") == 404

def test_leaves_a_rule_unused(llm):
    llm.when(user="weather").reply("It is sunny.", times=2)
    assert ask("weather") == "It is sunny."

def test_does_all_that(llm):
    llm.when(user="weather").reply("It is sunny.", times=1)
    assert ask("weather") == "It is sunny."

@pytest.mark.llm(strict=False)
def test_is_not_strict(llm):
    llm.when(user="weather").reply("It is sunny.", times=1)
    assert ask("Who is there?")
"""
    )
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(
        [
            "no rule matched request #1, 'Who is there?': Understudy is strict, and there are no rules.",
            "a rule was not used as often as it says: test_it.py:11: answered 1 of 2 times",
        ]
    )


def test_the_marker_takes_settings_and_rule_files(run: Run) -> None:
    run.pytester.mkdir("sub").joinpath("rules.yaml").write_text("rules: [{reply: beside the test}]")
    run.pytester.path.joinpath("rules.yaml").write_text("rules: [{reply: in the root}]")
    run.pytester.path.joinpath("more.yaml").write_text("rules: [{reply: more}]")
    run.pytester.makeini("[pytest]\npythonpath = .")
    tests = """
import pytest
from agent import ask

pytestmark = pytest.mark.llm(seed=7)

@pytest.mark.llm(rules="rules.yaml")
def test_beside():
    assert ask("?") == "beside the test"

@pytest.mark.llm(rules=["more.yaml", "rules.yaml"])
def test_root(llm):
    assert ask("?") == "more"
    assert llm.call(lambda space: len(space.rulebook.rules)) == 2
"""
    run.pytester.path.joinpath("sub", "test_sub.py").write_text(tests)
    result = run(
        """
@pytest.mark.llm(rules="rules.yaml", api_key="sk-mine")
def test_settings(llm):
    assert ask("?") == "in the root"
    os.environ["OPENAI_API_KEY"] = "sk-other"
    assert ask("?") == 401

@pytest.mark.llm(sede=7)
def test_unknown_setting():
    pass

@pytest.mark.llm(rules="nowhere.yaml")
def test_no_file():
    pass

@pytest.mark.llm("rules.yaml")
def test_positional():
    pass
"""
    )
    result.assert_outcomes(passed=3, errors=3)
    result.stdout.fnmatch_lines(
        [
            'Understudy(...): unknown setting "sede" (did you mean "seed"?)',
            "*nowhere.yaml: cannot be read: No such file or directory",
            "the marker llm takes keywords alone, like llm(rules='rules.yaml')",
        ]
    )


def test_servers_are_kept_for_the_session_and_leave_nothing_behind(run: Run) -> None:
    run.pytester.makeconftest(
        """
import threading

def pytest_unconfigure():
    assert [thread.name for thread in threading.enumerate()] == ["MainThread"]
"""
    )
    result = run(
        """
ports = {}

@pytest.mark.parametrize("number", range(2))
def test_plain(llm, number):
    assert ports.setdefault("plain", llm.url.split("/@")[0]) == llm.url.split("/@")[0]

@pytest.mark.llm(seed=7)
@pytest.mark.parametrize("number", range(2))
def test_seeded(llm, number):
    assert ports.setdefault("seeded", llm.url.split("/@")[0]) == llm.url.split("/@")[0]

def test_both():
    assert len(set(ports.values())) == 2
"""
    )
    result.assert_outcomes(passed=5)
    assert result.ret == 0
    assert "Error" not in result.stderr.str()


def test_it_costs_no_import_where_it_is_not_used(run: Run) -> None:
    result = run(
        """
import sys

def test_unused():
    names = [name for name in sys.modules if name.startswith("understudy.")]
    assert names == ["understudy.pytest_plugin"]
"""
    )
    result.assert_outcomes(passed=1)


def test_it_works_with_four_workers(run: Run) -> None:
    result = run(
        """
@pytest.mark.parametrize("number", range(12))
def test_one(llm, number):
    llm.when().reply(str(number))
    assert ask("?") == str(number)
    assert len(llm.requests) == 1
""",
        "-n",
        "4",
    )
    result.assert_outcomes(passed=12)


def test_it_works_in_async_tests_and_in_unittest(run: Run) -> None:
    result = run(
        """
import unittest

@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_async(llm):
    llm.when().reply("Hello.")
    assert ask("Hi") == "Hello."

@pytest.mark.llm(strict=True)
class TestCase(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def _space(self, llm):
        self.llm = llm

    def test_unittest(self):
        self.llm.when().reply("Hello.")
        self.assertEqual(ask("Hi"), "Hello.")
"""
    )
    result.assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("name", "given"), [("NO_PROXY", ""), ("NO_PROXY", "corp.example"), ("no_proxy", "a")]
)
def test_no_proxy_is_asked(run: Run, monkeypatch: pytest.MonkeyPatch, name: str, given: str) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv(name, given)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    result = run(
        f"""
def test_it(llm):
    assert ask("Hi")
    assert os.environ["{name}"].split(",")[2:] == ["{given}"]
"""
    )
    result.assert_outcomes(passed=1)


def test_the_marker_is_registered(run: Run) -> None:
    result = run("", "--markers")
    result.stdout.fnmatch_lines(["@pytest.mark.llm(rules='rules.yaml', strict=True, *"])


def test_a_spaces_name_is_its_tests_alone() -> None:
    name = space_name("tests/test_a.py::TestB::test_weather[Paris-sunny day]")
    assert name.startswith("test_weather-Paris-sunny-day--")
    assert name != space_name("tests/test_b.py::TestB::test_weather[Paris-sunny day]")
    assert len(space_name("tests/test_a.py::test_" + "x" * 500)) < 100


def test_a_report_is_bounded() -> None:
    assert bounded("short") == "short"
    assert len(bounded("x" * 1_000_000)) == 20_004


# --- the guides -----------------------------------------------------------------------------------------

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


def blocks(page: str, language: str) -> list[str]:
    return [text for kind, text in BLOCK.findall((ROOT / page).read_text()) if kind == language]


EXAMPLES = [
    (page, text)
    for page in ("README.md", "docs/pytest.md")
    for text in blocks(page, "python")
    if "def test_" in text
]


@pytest.mark.parametrize(("page", "text"), EXAMPLES, ids=[page for page, _ in EXAMPLES])
def test_an_example_does_what_its_page_says(run: Run, page: str, text: str) -> None:
    run.pytester.path.joinpath("rules.yaml").write_text(blocks("docs/pytest.md", "yaml")[0])
    run.pytester.path.joinpath("test_it.py").write_text(text)
    result = run.pytester.runpytest_subprocess("-W", "error", "-p", "no:cacheprovider")
    if "_fails(" not in text:
        assert result.ret == 0
        return
    result.assert_outcomes(failed=1)
    (report,) = blocks(page, "")
    for line in report.splitlines():
        pattern = ".*".join(re.escape(piece) for piece in line.split("..."))
        assert re.search(pattern, result.stdout.str()), line


def test_the_guides_and_the_readme_have_examples_that_are_run() -> None:
    assert [page for page, _ in EXAMPLES] == ["README.md", *["docs/pytest.md"] * 3]


def test_a_rule_without_a_reply_fails_the_test_and_names_its_line(run: Run) -> None:
    result = run(
        """
def test_unfinished(llm):
    llm.when(user="weather")
    ask("weather")

def test_finished(llm):
    llm.when(user="weather").error("rate_limit")
    assert ask("weather") == 429
"""
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*llm.when(...) does nothing without .reply(...): test_it.py:6*"])
