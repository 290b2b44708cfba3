"""The JSON Schema of rule files, and rules written as they were understood: both agree with the reader."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from understudy.autopilot import ANSWERS, built_in_answers, voice
from understudy.documents import parsed
from understudy.errors import SettingsError
from understudy.matchers import MATCHERS
from understudy.matchers.looking import Looking
from understudy.rulefiles import EXTRA
from understudy.rules import load, read_value
from understudy.rules.parts import CITATION, PART_KEYS, SERVER_TOOLS
from understudy.rules.read import FILE_KEYS, MODEL_KEYS, REPLY_KEYS, RULE_KEYS, USAGE_KEYS
from understudy.rules.schema import schema
from understudy.rules.written import dumped, understood, written_condition

ROOT = Path(__file__).parent.parent
SCHEMA = schema()
VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA)
BLOCK = re.compile(r"^```(yaml|json|toml)\n(.*?)^```$", re.M | re.S)


def is_read(value: object) -> bool:
    try:
        read_value("rules.yaml", value, EXTRA)
    except SettingsError:
        return False
    return True


def in_docs() -> Iterator[tuple[str, object]]:
    """Every block of the guides that is a rule file."""
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for number, found in enumerate(BLOCK.finditer(page.read_text())):
            value = parsed(f"{page.name}.{found[1]}", found[2])
            if isinstance(value, dict) and "rules" in value:
                yield f"{page.name} {number}", value


def in_tests() -> Iterator[tuple[str, object]]:
    """Every literal of the tests that reads like a rule file, those with mistakes included."""
    for page in sorted((ROOT / "tests").glob("test_*.py")):
        for node in ast.walk(ast.parse(page.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "rules:" in node.value:
                try:
                    value = parsed("rules.yaml", node.value)
                except SettingsError:
                    continue
                if isinstance(value, dict) and "rules" in value:
                    yield f"{page.name} {node.lineno}", value


DOCS = list(in_docs())


def test_the_schema_is_one() -> None:
    jsonschema_rs.meta.validate(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


@pytest.mark.parametrize("value", [value for _, value in DOCS], ids=[where for where, _ in DOCS])
def test_every_rule_file_of_the_guides_is_valid(value: object) -> None:
    assert is_read(value)
    VALIDATOR.validate(value)


def test_the_built_in_answers_are_valid() -> None:
    VALIDATOR.validate(parsed("answers.yaml", ANSWERS.read_text()))


def test_what_the_reader_takes_in_the_tests_is_valid() -> None:
    read = [(where, value) for where, value in in_tests() if is_read(value)]
    assert len(read) > 20
    assert [where for where, value in read if not VALIDATOR.is_valid(value)] == []


BEYOND = (
    "not a regular expression",
    "unknown variable",
    "unknown group",
    "captures a group",
    "this template",
    "not a JSONPath",
    "a range that no turn is in",
    "is here twice",
    "unknown kind of part",
    "this is not in the text",
    "`for` goes with a `text`",
    "a character of the text",
    "where it starts and where it ends",
)
"""Mistakes that a schema cannot see."""


def mistake(value: object) -> str:
    with pytest.raises(SettingsError) as error:
        read_value("rules.yaml", value, EXTRA)
    return error.value.message


def test_what_the_reader_refuses_in_the_tests_is_not_valid() -> None:
    refused = [(where, value) for where, value in in_tests() if not is_read(value)]
    passed = [(where, mistake(value)) for where, value in refused if VALIDATOR.is_valid(value)]
    assert len(refused) > 20
    assert [(where, why) for where, why in passed if not any(words in why for words in BEYOND)] == []


def rule(**keys: Any) -> dict[str, Any]:
    return {"rules": [{"reply": "a"} | keys]}


def answer(reply: object) -> dict[str, Any]:
    return {"rules": [{"reply": reply}]}


TAKEN: list[object] = [
    answer({"text": "a", "citations": ["b", {"url": "c", "title": None, "for": "a"}]}),
    answer({"template": "a", "citations": [{"file": "b", "start": 0, "end": 9}]}),
    answer({"text": "a", "citations": None}),
    answer({"refusal": "a", "citations": None}),
    answer({"parts": [{"text": "a", "citations": [{"document": 0, "characters": [0, 1]}]}]}),
    answer({"reasoning": {"redacted": "a"}}),
    answer({"web_search": "a", "web_fetch": {"url": "a", "text": "b"}, "shell": "ls"}),
    answer({"file_search": {"query": "a", "results": [{"file": "b", "score": 1, "attributes": {}}]}}),
    answer({"code_execution": {"code": "a", "stdout": "", "exit_code": -9, "images": ["b"]}}),
    answer({"image_generation": {"prompt": "a", "image": "b", "partials": ["c"], "size": None}}),
    answer({"mcp": {"server": "a", "name": "b", "output": [1, None], "error": "c", "id": "d"}}),
    answer({"mcp_tools": {"server": "a"}, "mcp_approval": {"server": "a", "name": "b", "arguments": {}}}),
    None,
    {},
    {"rules": None},
    {"rules": [], "models": None, "limits": None, "pace": None},
    {"models": ["a", {"id": "b", "owned_by": "c", "created": 0, "context_window": 1}]},
    {"models": [{"id": "b", "pace": "typical"}]},
    {"limits": {"requests": "60/min", "tokens": "1/20s", "per": "client"}},
    {"limits": [{"requests": "60/min", "burst": 2}, {"tokens": " 9 / d "}]},
    {"limits": []},
    {"limits": "off"},
    {"limits": "requests=60/min,per=key"},
    {"pace": "typical"},
    {"pace": "40/s"},
    {"pace": {"ttft": "300ms", "tokens_per_second": 50, "jitter": {"lognormal": 0.5}}},
    rule(when={}),
    rule(when={"turn": "2.."}),
    rule(when={"turn": [1, 2], "stream": True, "has": "image"}),
    rule(when={"headers": {"x": {"exists": True}}, "key": "team-*", "scenario": {"a": "b"}}),
    rule(when={"body": {"$.a": None, "$.b": {"equals": [1]}, "$.c": {"gt": 1}}}),
    rule(when={"any": [{"user": "a"}, {"not": {"user": {"one_of": ["a"]}}}], "all": [{"user": "b"}]}),
    rule(times=1, probability=0.5, priority=-1, name="a", id="b"),
    rule(pace="fast", faults=["hang"], then={"a": "b"}),
    rule(times=None, pace=None, faults=None, then=None),
    rule(faults=[{"cut": {"after": "40%"}}, {"stall": None}]),
    rule(faults=[{"cut": {"after": None, "how": None}}, {"error": {"kind": "server", "message": None}}]),
    rule(pace={"preset": "fast", "ttft": None, "jitter": None}),
    {"rules": [{"sequence": ["a", {"error": 429}, {"text": "b"}], "repeat": "last"}]},
    answer(""),
    answer({"text": "a", "reasoning": "b", "stop": "length", "usage": {"input": 0}, "model": "m", "id": "i"}),
    answer({"reasoning": "a", "headers": {"X-A": "b"}, "pace": "fast", "faults": ["hang"]}),
    answer({"tool_calls": [{"name": "f", "arguments": "{", "id": "c"}, {"name": "g", "arguments": {}}]}),
    answer({"parts": []}),
    answer({"parts": ["a", {"text": "b"}, {"tool_call": {"name": "f"}}, {"template": "{{ user }}"}]}),
    answer({"error": "rate_limit"}),
    answer({"error": {"kind": "overloaded", "retry_after": 1}}),
    answer({"status": 204}),
    answer({"body": {"a": [1]}, "headers": {"content-type": "text/html", "x-n": 1}}),
]  # fmt: skip

REFUSED: list[object] = [
    "rules",
    [],
    {"rule": []},
    {"rules": {"a": 1}},
    {"rules": ["a"]},
    {"rules": ""},
    rule(faults=False),
    rule(then=""),
    answer({"text": "a", "headers": []}),
    answer({"text": "a", "faults": {}}),
    {"models": "a"},
    {"models": [{"owned_by": "a"}]},
    {"models": [{"id": "a", "created": -1}]},
    {"models": [{"id": "a", "context_window": 0}]},
    {"limits": {}},
    {"limits": {"requests": "60"}},
    {"limits": {"requests": "0/s"}},
    {"limits": {"requests": "1/week"}},
    {"limits": {"requests": "1/s", "per": "user"}},
    {"limits": {"requests": "1/s", "burst": 0}},
    {"limits": "sometimes"},
    {"pace": "quick"},
    {"pace": {"ttft": "soon"}},
    {"rules": [{}]},
    {"rules": [{"reply": "a", "sequence": ["a"]}]},
    {"rules": [{"sequence": []}]},
    {"rules": [{"sequence": ["a"], "repeat": "twice"}]},
    rule(repeat="last"),
    rule(when=None),
    rule(when={"usr": "a"}),
    rule(when={"user": 1}),
    rule(when={"user": ["a"]}),
    rule(when={"user": {}}),
    rule(when={"user": {"is": "a"}}),
    rule(when={"user": {"one_of": []}}),
    rule(when={"stream": "yes"}),
    rule(when={"turn": "second"}),
    rule(when={"any": []}),
    rule(when={"any": [{}]}),
    rule(when={"not": {}}),
    rule(when={"any": {"user": "a"}}),
    rule(when={"headers": {}}),
    rule(when={"headers": "a"}),
    rule(times=0),
    rule(times="1"),
    rule(probability=2),
    rule(probability=True),
    rule(priority=True),
    rule(priority=0.5),
    rule(then={"a": 1}),
    rule(then=["a"]),
    rule(faults=["cutt"]),
    rule(faults="hang"),
    rule(faults=[{"cut": {"afer": 1}}]),
    rule(faults=[{"cut": {}, "hang": {}}]),
    answer(None),
    answer(1),
    answer([]),
    answer({}),
    answer({"citations": ["a"]}),
    answer({"refusal": "a", "citations": ["b"]}),
    answer({"text": "a", "citations": [{}]}),
    answer({"text": "a", "citations": [{"url": "b", "file": "c"}]}),
    answer({"text": "a", "citations": [{"url": "a", "for": "a", "start": 0}]}),
    answer({"text": "a", "citations": [{"document": 0, "pages": [1, 2], "blocks": [0, 1]}]}),
    answer({"parts": [{"citations": ["a"]}]}),
    answer({"parts": [{"refusal": "a", "citations": ["b"]}]}),
    answer({"parts": ["a"], "web_search": "b"}),
    answer({"reasoning": {"redacted": ""}}),
    answer({"web_search": {"results": []}}),
    answer({"web_search": {"query": "a", "results": [{"title": "b"}]}}),
    answer({"mcp": "a"}),
    answer({"mcp": {"server": "a", "arguments": {}}}),
    answer({"mcp": {"server": "a", "name": "b", "arguments": [1]}}),
    answer({"mcp_tools": {"tools": []}}),
    answer({"shell": {"command": "ls", "exit_code": "0"}}),
    answer({"stop": "end"}),
    answer({"tool_calls": []}),
    answer({"tool_calls": [{}]}),
    answer({"text": "a", "template": "b"}),
    answer({"template": "a", "refusal": "b"}),
    answer({"parts": [], "reasoning": "a"}),
    answer({"parts": [{}]}),
    answer({"parts": [{"text": "a", "refusal": "b"}]}),
    answer({"text": None}),
    answer({"text": "a", "error": "rate_limit"}),
    answer({"error": "rate_limited"}),
    answer({"error": {}}),
    answer({"status": 100}),
    answer({"status": 200, "headers": ""}),
    answer({"status": 200, "text": "a"}),
    answer({"text": "a", "headers": {"a b": "c"}}),
    answer({"text": "a", "headers": {"a": 1}}),
    answer({"text": "a", "headers": {"a": "b\n"}}),
    answer({"text": "a", "usage": {"input": -1}}),
    answer({"text": "a", "usage": {"total": 1}}),
]  # fmt: skip


@pytest.mark.parametrize("value", TAKEN, ids=json.dumps)
def test_what_the_reader_takes_is_valid(value: object) -> None:
    read_value("rules.yaml", value, EXTRA)
    VALIDATOR.validate(value)


@pytest.mark.parametrize("value", REFUSED, ids=json.dumps)
def test_what_the_reader_refuses_is_not_valid(value: object) -> None:
    assert mistake(value)
    assert not VALIDATOR.is_valid(value)


@pytest.mark.parametrize(
    ("of", "keys"),
    [
        (SCHEMA["$defs"]["citations"]["items"]["anyOf"][1], tuple(CITATION)),
        (SCHEMA["$defs"]["web_search"]["anyOf"][1], tuple(SERVER_TOOLS["web_search"].fields())),
        (SCHEMA["$defs"]["mcp"], tuple(SERVER_TOOLS["mcp"].fields())),
        (SCHEMA, FILE_KEYS),
        (SCHEMA["$defs"]["rule"], RULE_KEYS),
        (SCHEMA["$defs"]["response"], REPLY_KEYS),
        (SCHEMA["$defs"]["part"]["anyOf"][1], PART_KEYS),
        (SCHEMA["$defs"]["model"]["anyOf"][1], MODEL_KEYS),
        (SCHEMA["$defs"]["response"]["properties"]["usage"]["anyOf"][0], USAGE_KEYS),
        (SCHEMA["$defs"]["when"], (*(matcher.KEY for matcher in MATCHERS), "any", "all", "not")),
    ],
    ids=["citation", "web_search", "mcp", "file", "rule", "reply", "part", "model", "usage", "when"],
)
def test_every_key_that_the_reader_knows_is_described(of: dict[str, Any], keys: tuple[str, ...]) -> None:
    assert set(of["properties"]) == set(keys)
    if keys in (FILE_KEYS, RULE_KEYS, MODEL_KEYS) or "any" in keys:
        said = {key for key, value in of["properties"].items() if value.get("description")}
        assert said == set(keys)


# --- Rules as they were understood ----------------------------------------------------------------------


def conditions_of(text: str) -> list[str]:
    """The matchers of each rule; a range is the same, however it was worded."""
    return [re.sub(r", words='[^']*'", "", repr(rule.when)) for rule in load("rules.yaml", text).rules]


@pytest.mark.parametrize(
    ("conditions", "written"),
    [
        ("{user: weather}", {"user": {"contains": "weather"}}),
        ("{model: gpt-4o}", {"model": {"equals": "gpt-4o"}}),
        ("{model: gpt-*}", {"model": "gpt-*"}),
        ("{user: {regex: '\\d+', starts_with: a}}", {"user": {"regex": r"\d+", "starts_with": "a"}}),
        ("{turn: '2..', stream: true}", {"turn": {"gt": 1}, "stream": {"equals": True}}),
        ("{turn: [2, 3]}", {"turn": {"one_of": [2, 3]}}),
        ("{headers: {X-A: a, x-b: {ends_with: b}}}",
         {"all": [{"headers": {"x-a": {"contains": "a"}}}, {"headers": {"x-b": {"ends_with": "b"}}}]}),
        ("{body: {$.a: {equals: [1, {b: null}]}}}", {"body": {"$.a": {"equals": [1, {"b": None}]}}}),
        ("{body: {$.a: x}}", {"body": {"$.a": {"contains": "x"}}}),
        ("{any: [{user: a}, {turn: 1, user: b}]}",
         {"any": [{"user": {"contains": "a"}},
                  {"all": [{"turn": {"equals": 1}}, {"user": {"contains": "b"}}]}]}),
        ("{not: {tools: {exists: false}}}", {"not": {"tools": {"exists": False}}}),
    ],
)  # fmt: skip
def test_a_condition_is_written_with_the_name_of_its_form(conditions: str, written: object) -> None:
    text = f"rules: [{{when: {conditions}, reply: a}}]"
    again = understood("rules.yaml", text)
    assert yaml.safe_load(again)["rules"][0]["when"] == written
    assert conditions_of(again) == conditions_of(text)


def test_a_matcher_of_a_shape_of_its_own_is_not_written_wrongly() -> None:
    class Own:
        pass

    with pytest.raises(TypeError, match="nothing says how Own is written"):
        written_condition(Own())  # type: ignore[arg-type]


def test_two_conditions_on_the_same_are_written_beside_each_other() -> None:
    text = "rules: [{when: {headers: {a: b}, all: [{headers: {c: d}}], any: [{turn: 1}]}, reply: a}]"
    found = yaml.safe_load(understood("rules.yaml", text))["rules"][0]["when"]
    assert found == {
        "headers": {"a": {"contains": "b"}},
        "all": [{"headers": {"c": {"contains": "d"}}}],
        "any": [{"turn": {"equals": 1}}],
    }


def test_rules_are_written_in_the_order_in_which_they_are_asked() -> None:
    text = """
    pace: fast
    rules: [{reply: b, name: second}, {priority: 1, name: first, reply: {text: a, stop: end}}]
    """
    assert understood("rules.yaml", text) == (
        "pace: fast\n"
        "rules:\n"
        "  - name: first\n"
        "    reply:\n"
        "      text: a\n"
        "      stop: end\n"
        "    priority: 1\n"
        "  - name: second\n"
        "    reply: b\n"
    )


@pytest.mark.parametrize(
    "text",
    ["1", "1e3", "-0.5", "no", "yes", "true", "null", "~", "", "12:30", "<<", "a: b", "# a", " a\nb ", "é"],
)  # fmt: skip
def test_a_text_is_written_so_that_it_is_read_as_one(text: str) -> None:
    assert parsed("a.yaml", dumped({"a": [text, {text: 1}]})) == {"a": [text, {text: 1}]}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("rules.json", '{"rules": [{"when": {"user": "a"}, "reply": "b"}]}'),
        ("rules.toml", '[[rules]]\nreply = "b"\nwhen = {user = "a"}\n'),
        ("rules.yaml", "rules: [{when: &w {user: a}, reply: b}]"),
    ],
)
def test_every_language_is_written_as_yaml(source: str, text: str) -> None:
    assert understood(source, text) == ("rules:\n  - when:\n      user:\n        contains: a\n    reply: b\n")


def test_the_built_in_answers_are_the_same_when_they_are_written_and_read_again() -> None:
    again = understood(ANSWERS.name, ANSWERS.read_text(), EXTRA)
    VALIDATOR.validate(parsed("again.yaml", again))
    whole = load("again.yaml", again, {"voice": voice}).rules
    built_in = built_in_answers().rules
    assert [rule.name for rule in whole] == [rule.name for rule in built_in]
    for one, other in zip(whole, built_in, strict=True):
        for matcher, like in zip(one.when, other.when, strict=True):
            assert matcher == like or not isinstance(matcher, Looking)
