"""`understudy rules check`: all mistakes of a file, and rules that certainly never answer."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.errors import Place
from understudy.matchers import Matcher, read_when
from understudy.model import Message, Request, Text, Tool
from understudy.rules.lint import MOST_LOOSE, MOST_PAIRS, Finding, lint
from understudy.rules.mistakes import mistakes
from understudy.rules.proofs import all_imply, contradiction
from understudy.rules.report import report


def found(text: str) -> list[Finding]:
    rules, wrong = mistakes("rules.yaml", text)
    assert wrong == []
    return lint(rules)


def lines(text: str) -> list[str]:
    return [f"{each.place.path}: {each.weight}: {each.message}" for each in found(text)]


def when(value: object) -> tuple[Matcher, ...]:
    return read_when(value, Place("when"))


# --- Rules that never answer ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({}, {"user": "a"}),
        ({}, {}),
        ({"user": "noon"}, {"user": "harbour at Noon"}),
        ({"user": "noon"}, {"user": "noon", "turn": 1}),
        ({"user": "noon"}, {"user": {"equals": "At noon"}}),
        ({"user": "noon"}, {"user": {"starts_with": "noon,"}}),
        ({"user": "noon"}, {"user": {"ends_with": "at noon"}}),
        ({"user": "noon"}, {"user": {"contains": "noon", "regex": "n+"}}),
        ({"user": {"starts_with": "a"}}, {"user": {"starts_with": "AB"}}),
        ({"user": {"ends_with": "b"}}, {"user": {"ends_with": "ab"}}),
        ({"user": {"regex": "^a"}}, {"user": {"equals": "ab"}}),
        ({"user": {"regex": "^a"}}, {"user": {"regex": "^a"}, "stream": True}),
        ({"user": {"exists": True}}, {"user": "a"}),
        ({"model": "gpt-*"}, {"model": "gpt-4o"}),
        ({"model": "gpt-*"}, {"model": "gpt-4?"}),
        ({"model": "gpt-*"}, {"model": "gpt-[45]*"}),
        ({"model": "*-mini"}, {"model": "gpt-*-mini"}),
        ({"model": "*4o*"}, {"model": "gpt-4o-*"}),
        ({"model": "*"}, {"model": {"contains": "x"}}),
        ({"model": {"contains": "GPT"}}, {"model": "gpt-*"}),
        ({"model": {"one_of": ["a", "b"]}}, {"model": "a"}),
        ({"model": {"one_of": ["a", "b", "c"]}}, {"model": {"one_of": ["c", "a"]}}),
        ({"turn": "2.."}, {"turn": 3}),
        ({"turn": "2.."}, {"turn": "3..4"}),
        ({"turn": {"gt": 1}}, {"turn": [2, 3]}),
        ({"any": [{"user": "a"}, {"user": "b"}]}, {"user": "ab"}),
        ({"user": "a"}, {"any": [{"user": "ab"}, {"user": "ca"}]}),
        ({"any": [{"turn": 1}, {"turn": 2}]}, {"any": [{"turn": 2}, {"turn": 1}]}),
        ({"all": [{"user": "a"}, {"user": "b"}]}, {"user": "b a", "turn": 1}),
        ({"not": {"user": "ab"}}, {"not": {"user": "a"}}),
        ({"not": {"turn": "2.."}}, {"turn": 1}),
        ({"headers": {"x-team": "blue"}}, {"headers": {"X-Team": "dark blue", "x-a": "b"}}),
        ({"body": {"$.n": {"gt": 1}}}, {"body": {"$.n": 2}}),
        ({"body": {"$.n": {"gt": 1}}}, {"body": {"$.n": {"gt": 2, "lt": 9}}}),
        ({"body": {"$.a": "b"}}, {"body": {"$.a": {"starts_with": "bc"}}}),
        ({"scenario": {"cart": {"one_of": ["paid", "sent"]}}}, {"scenario": {"cart": "paid"}}),
        ({"tools": "get_*"}, {"tools": "get_weather"}),
    ],
)
def test_a_rule_never_answers_where_an_earlier_one_matches_all_that_it_does(
    earlier: dict[str, Any], later: dict[str, Any]
) -> None:
    states = [{"when": {"turn": 99}, "reply": "c", "then": {"cart": state}} for state in ("paid", "sent")]
    text = json.dumps({"rules": [{"when": earlier, "reply": "a"}, {"when": later, "reply": "b"}, *states]})
    assert "$.rules[1]: warning: never answers: $.rules[0] matches all that it matches" in lines(text)


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({"user": "noon"}, {}),
        ({"user": "at noon"}, {"user": "noon"}),
        ({"user": "noon"}, {"system": "noon"}),
        ({"user": "noon", "turn": 1}, {"user": "noon"}),
        ({"user": {"equals": "noon"}}, {"user": {"equals": "Noon"}}),
        ({"user": {"starts_with": "a"}}, {"user": "a"}),
        ({"user": {"starts_with": "a"}}, {"user": {"ends_with": "a"}}),
        ({"user": {"ends_with": "b"}}, {"user": {"starts_with": "ab"}}),
        ({"user": {"regex": "a"}}, {"user": "a"}),
        ({"user": {"exists": True}}, {"user": {"contains": ""}}),
        ({"tools": {"exists": False}}, {"tools": {"equals": ""}}),
        ({"model": "GPT-*"}, {"model": {"starts_with": "GPT-4"}}),
        ({"model": "gpt-*"}, {"model": "*gpt-4"}),
        ({"model": "*-mini"}, {"model": "gpt-[m-]*"}),
        ({"model": "a*b"}, {"model": "a*bb*b"}),
        ({"turn": 1}, {"turn": [1, 2]}),
        ({"turn": "2.."}, {"turn": {"gt": 0.5}}),
        ({"any": [{"user": "a"}, {"turn": 1}]}, {"any": [{"user": "a"}, {"turn": 2}]}),
        ({"not": {"user": "a"}}, {"not": {"user": "ab"}}),
        ({"not": {"tools": "a"}}, {"tools": "b"}),
        ({"headers": {"x-a": "b"}}, {"headers": {"x-b": "b"}}),
        ({"body": {"$.a": {"exists": False}}}, {"body": {"$.b": {"exists": False}}}),
        ({"has": "image"}, {"has": "audio"}),
    ],
)
def test_nothing_is_said_that_is_not_certain(earlier: dict[str, Any], later: dict[str, Any]) -> None:
    text = json.dumps({"rules": [{"when": earlier, "reply": "a"}, {"when": later, "reply": "b"}]})
    assert lines(text) == []


@pytest.mark.parametrize(
    "more", ["times: 3", "probability: 0.5", "sequence: [a, b]"], ids=["times", "probability", "sequence"]
)
def test_a_rule_that_does_not_always_answer_hides_none(more: str) -> None:
    reply = "" if more.startswith("sequence") else "reply: a, "
    assert lines(f"rules: [{{when: {{user: a}}, {reply}{more}}}, {{when: {{user: ab}}, reply: b}}]") == []


@pytest.mark.parametrize("more", ["reply: a, then: {s: t}", "sequence: [a, b], repeat: cycle"])
def test_a_rule_that_answers_each_time_in_another_way_hides_others(more: str) -> None:
    assert lines(f"rules: [{{{more}}}, {{reply: b}}]") == [
        "$.rules[1]: warning: never answers: $.rules[0] matches all that it matches"
    ]


def test_a_rule_is_hidden_by_the_first_that_hides_it_by_name() -> None:
    text = "rules: [{reply: a, when: {user: x}, name: all x}, {reply: b, when: {user: xy}}, {reply: c}]"
    assert lines(text) == [
        '$.rules[1]: warning: never answers: $.rules[0] ("all x") matches all that it matches'
    ]


def test_a_later_rule_of_higher_priority_hides_an_earlier_one() -> None:
    assert lines("rules: [{reply: a}, {reply: b, priority: 2}]") == [
        "$.rules[0]: warning: never answers: $.rules[1] matches all that it matches and is asked first, "
        "with priority 2"
    ]


def test_a_rule_that_is_there_twice_is_told_to_be_the_same() -> None:
    text = "rules: [{when: {user: a}, reply: b, name: one}, {reply: b, when: {user: a}, name: two}]"
    assert lines(text) == ['$.rules[1]: warning: never answers: it says the same as $.rules[0] ("one")']


@pytest.mark.parametrize(
    ("conditions", "why"),
    [
        ({"turn": 1, "all": [{"turn": "2.."}]}, "turn: 1 and turn: a number in 2.. exclude each other"),
        ({"turn": 0}, "turn: 0 never holds"),
        ({"turn": "..0"}, "turn: a number in ..0 never holds"),
        ({"turn": {"gt": 1, "lt": 2}}, "turn: a number over 1 and a number under 2 never holds"),
        ({"user": {"equals": "a", "contains": "b"}}, "user: 'a' and a text that contains 'b' never holds"),
        ({"tools": {"starts_with": "a", "equals": "b"}},
         "tools: a text that starts with 'a' and 'b' never holds"),
        ({"all": [{"user": {"starts_with": "a"}}, {"user": {"starts_with": "b"}}]},
         "user: a text that starts with 'a' and user: a text that starts with 'b' exclude each other"),
        ({"model": "gpt-*", "all": [{"model": "claude-*"}]},
         "model: a name like 'gpt-*' and model: a name like 'claude-*' exclude each other"),
        ({"stream": True, "not": {"stream": True}}, "stream: true and `not` exclude each other"),
        ({"tools": "get_weather", "not": {"tools": "get_*"}},
         "tools: 'get_weather' and `not` exclude each other"),
        ({"tools": {"exists": False}, "all": [{"tools": "f"}]},
         "tools: nothing and tools: 'f' exclude each other"),
        ({"body": {"$.n": {"gt": 3, "lt": 2}}},
         "body $.n: a number over 3 and a number under 2 never holds"),
        ({"any": [{"turn": 1}, {"turn": 2}], "turn": 3}, "`any` and turn: 3 exclude each other"),
        ({"any": [{"turn": 1}, {"user": "a"}], "turn": 3, "not": {"user": "a"}},
         "`any` and the other conditions exclude each other"),
    ],
)  # fmt: skip
def test_conditions_that_contradict_each_other_are_told(conditions: dict[str, Any], why: str) -> None:
    text = json.dumps({"rules": [{"when": conditions, "reply": "a"}]})
    assert lines(text) == [f"$.rules[0].when: warning: never matches: {why}"]


@pytest.mark.parametrize(
    "conditions",
    [
        {"all": [{"tools": "a"}, {"tools": "b"}]},  # of two tools
        {"all": [{"any_message": {"equals": "a"}}, {"any_message": {"equals": "b"}}]},
        {"all": [{"user": "a"}, {"user": "b"}]},
        {"all": [{"user": {"starts_with": "a"}}, {"user": {"starts_with": "ab"}}]},
        {"all": [{"user": {"regex": "^a"}}, {"user": {"regex": "^b"}}]},  # nobody looks into a regex
        {"user": {"starts_with": "a", "ends_with": "b"}},
        {"turn": {"gt": 1, "lt": 3}},
        {"any": [{"turn": 1}, {"turn": 2}], "turn": 2},
    ],
)
def test_conditions_that_may_hold_together_are_in_order(conditions: dict[str, Any]) -> None:
    assert contradiction(when(conditions)) == ""


def test_a_rule_without_a_chance_is_told() -> None:
    assert lines("rules: [{reply: a, probability: 0}, {reply: b}]") == [
        "$.rules[0].probability: warning: never answers: its probability is 0"
    ]


# What is proven, held against requests: whoever is accused must be guilty.

WORDS = ("a", "b", "ab", "ba", "A", "")
TESTS = st.one_of(
    st.sampled_from(WORDS),
    st.dictionaries(
        st.sampled_from(("equals", "contains", "starts_with", "ends_with")),
        st.sampled_from(WORDS),
        min_size=1,
        max_size=2,
    ),
    st.sampled_from(WORDS[:4]).map(lambda word: {"regex": word}),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(lambda words: {"one_of": words}),
    st.booleans().map(lambda wanted: {"exists": wanted}),
)
GLOBS = st.text("ab*?", min_size=1, max_size=4)
TURNS = st.one_of(
    st.integers(0, 3),
    st.sampled_from(("..1", "2..", "1..2")),
    st.lists(st.integers(1, 3), min_size=1, max_size=2),
    st.sampled_from(({"gt": 1}, {"lt": 3}, {"gt": 1, "lt": 3}, {"gt": 2, "lt": 2})),
)
SIMPLE = st.dictionaries(
    st.sampled_from(("user", "model", "tools", "turn")), st.just(None), min_size=1, max_size=2
).flatmap(
    lambda keys: st.fixed_dictionaries(
        {
            key: {"user": TESTS, "model": GLOBS | TESTS, "tools": GLOBS | TESTS, "turn": TURNS}[key]
            for key in keys
        }
    )
)
WHENS = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=2).map(lambda several: {"any": several}),
        st.lists(inner, min_size=1, max_size=2).map(lambda several: {"all": several}),
        inner.map(lambda one: {"not": one}),
    ),
    max_leaves=4,
)


def asked(user: str, model: str, tools: tuple[str, ...], turn: int) -> Request:
    turns = (Message("user", (Text("x"),)), Message("assistant", (Text("y"),))) * (turn - 1)
    messages = (*turns, Message("user", (Text(user),)))
    return Request("openai-chat", "chat", model, messages, {}, tools=tuple(Tool(name) for name in tools))


REQUESTS = [
    asked(*facts)
    for facts in product(
        ("", "a", "b", "Ab", "ba", "bab"), ("a", "ab", "bab"), ((), ("a",), ("b", "ab"), ("",)), (1, 2, 3)
    )
]


def holding(matchers: tuple[Matcher, ...]) -> set[int]:
    return {i for i, one in enumerate(REQUESTS) if all(matcher.match(one).ok for matcher in matchers)}


@given(WHENS, WHENS)
def test_no_request_escapes_a_proof(this: dict[str, Any], that: dict[str, Any]) -> None:
    these, those = when(this), when(that)
    assert not all_imply(these, those) or holding(these) <= holding(those)


@given(WHENS, WHENS)
def test_no_request_is_found_where_there_can_be_none(this: dict[str, Any], that: dict[str, Any]) -> None:
    both = (*when(this), *when(that))
    assert not contradiction(both) or holding(both) == set()


# --- Many rules -----------------------------------------------------------------------------------------


def test_only_pairs_that_share_something_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = 0

    def counted(these: Any, those: Any) -> bool:
        nonlocal pairs
        pairs += 1
        return all_imply(these, those)

    monkeypatch.setattr("understudy.rules.lint.all_imply", counted)
    rules = [{"when": {"user": f"question {i:04}"}, "reply": "a"} for i in range(2000)]
    rules.append({"when": {"user": "the question 0007 again"}, "reply": "b"})
    assert lines(json.dumps({"rules": rules})) == [
        "$.rules[2000]: warning: never answers: $.rules[7] matches all that it matches"
    ]
    assert pairs == 1


@pytest.mark.parametrize(
    ("conditions", "most"),
    [
        (lambda i: {"model": "gpt-4o", "user": {"regex": f"a{i}b"}}, MOST_PAIRS),
        (lambda i: {"user": {"regex": f"a{i}b"}}, MOST_LOOSE),
    ],
)
def test_rules_that_share_everything_are_compared_with_so_many(
    conditions: Any, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs: list[object] = []

    def counted(these: Any, those: Any) -> bool:
        pairs.append(these)
        return False

    monkeypatch.setattr("understudy.rules.lint.all_imply", counted)
    found(json.dumps({"rules": [{"when": conditions(i), "reply": "a"} for i in range(300)]}))
    assert len(pairs) <= 300 * most


def test_a_rule_that_is_there_twice_is_found_among_very_many() -> None:
    rules = [{"when": {"user": {"regex": f"a{i}b"}}, "reply": "a"} for i in range(3 * MOST_LOOSE)]
    assert lines(json.dumps({"rules": [*rules, rules[-1]]})) == [
        "$.rules[150]: warning: never answers: it says the same as $.rules[149]"
    ]


# --- Names, scenarios, templates ------------------------------------------------------------------------


def test_a_name_that_two_rules_have_is_told() -> None:
    text = "rules: [{when: {user: a}, name: x, reply: b}, {when: {user: b}, name: x, reply: c}]"
    assert lines(text) == ['$.rules[1].name: warning: "x" is the name of $.rules[0] already']


def test_a_scenario_that_no_rule_sets_is_told() -> None:
    text = """
    rules:
    - {when: {scenario: {checkout: payed}}, reply: a}
    - {when: {all: [{scenario: {cart: full}}]}, reply: a}
    - {when: {scenario: {checkout: Started}}, reply: a, then: {checkout: paid}}
    - {when: {scenario: {checkout: p*}, turn: 1}, reply: a}
    - {when: {not: {scenario: {checkout: sent}}, turn: 2}, reply: a}
    """
    assert lines(text) == [
        "$.rules[0].when: warning: no rule sets the scenario \"checkout\" to 'payed' "
        "(there are: Started, paid)",
        "$.rules[1].when: warning: no rule sets the scenario \"cart\" to 'full' (there are: Started)",
    ]


def test_a_template_that_never_varies_is_noted() -> None:
    text = "rules: [{when: {user: a}, reply: {template: hello}}, {reply: {template: '{{ user }}'}}]"
    assert lines(text) == [
        "$.rules[0].reply.template: note: this template quotes nothing: a `text` says the same"
    ]


# --- Mistakes -------------------------------------------------------------------------------------------


def told(text: str | bytes, source: str = "rules.yaml") -> list[str]:
    return [str(mistake) for mistake in mistakes(source, text)[1]]


def test_all_mistakes_are_told() -> None:
    text = """
    modells: []
    models: [{owned_by: me}]
    pace: quick
    rules:
    - {whan: {user: noon}, name: 3, repli: a}
    - {when: {usr: noon}, reply: {txt: 1}, times: 0, faults: [cutt]}
    - {sequence: [], then: {a: 1}}
    - {reply: {template: "{{ usr }}"}}
    - {when: {user: a}}
    - 7
    - {reply: fine, id: x}
    - {when: {user: a}, reply: fine, id: x}
    """
    assert told(text) == [
        'rules.yaml: $: unknown key "modells" (did you mean "models"?)',
        "rules.yaml: $.models[0]: a model needs an `id`",
        'rules.yaml: $.pace: unknown preset "quick" (known: instant, fast, typical, slow, reasoning)',
        'rules.yaml: $.rules[0]: unknown key "whan" (did you mean "when"?)',
        'rules.yaml: $.rules[0]: unknown key "repli" (did you mean "reply"?)',
        'rules.yaml: $.rules[0].name: expected a text, found the value 3 (put it in quotes: "3")',
        'rules.yaml: $.rules[1].when: unknown key "usr" (did you mean "user"?)',
        'rules.yaml: $.rules[1].faults[0]: unknown fault "cutt" (did you mean "cut"?)',
        'rules.yaml: $.rules[1].reply: unknown key "txt" (did you mean "text"?)',
        "rules.yaml: $.rules[1].times: expected a whole number from 1, found the value 0",
        "rules.yaml: $.rules[2].sequence: expected replies, found an empty list",
        'rules.yaml: $.rules[2].then.a: expected a text, found the value 1 (put it in quotes: "1")',
        'rules.yaml: $.rules[3].reply.template: unknown variable "usr" (did you mean "user"?)',
        "rules.yaml: $.rules[4]: a rule needs a `reply`, or else a `sequence` of replies",
        "rules.yaml: $.rules[5]: expected a mapping with name, id, when, reply, sequence, repeat, times, "
        "probability, priority, pace, faults, then; found the value 7",
        "rules.yaml: $.rules[7].id: 'x' is the id of $.rules[6] already",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rules: [", "rules.yaml: line 2, column 1: did not find expected node content"),
        ("- reply: a", "rules.yaml: $: found a list: put it under `rules:`"),
        ("rules: {reply: a}", "rules.yaml: $.rules: expected a list of rules"),
        ("rules: false", "rules.yaml: $.rules: expected a list of rules"),
        ("rules: [{reply: a, when: " + "{not: " * 600 + "}" * 600 + "}]",
         "rules.yaml: $.rules[0]: nested too deep"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_has_one_mistake(text: str, message: str) -> None:
    assert told(text) == [message]


@pytest.mark.parametrize("text", ["", "rules:", "rules: []", "{}"])
def test_a_file_without_rules_is_in_order(text: str) -> None:
    assert mistakes("rules.yaml", text) == ([], [])


def test_rules_that_can_be_read_are_looked_at_though_others_cannot() -> None:
    rules, wrong = mistakes("rules.yaml", "rules: [{reply: a}, {replay: a}, {reply: b}]")
    assert len(wrong) == 1
    assert [each.place.path for each in lint(rules)] == ["$.rules[2]"]


def test_a_file_of_json_says_where_its_mistake_is() -> None:
    assert told('{"rules": [{"reply": "a", "reply": "b"}]}', "rules.json") == [
        'rules.json: line 1, column 27: the key "reply" is here twice'
    ]
    assert told('{"pace": NaN}', "rules.json") == [
        'rules.json: $.pace: unknown preset "NaN" (known: instant, fast, typical, slow, reasoning)'
    ]
    assert told('{"rules": [{"reply": "a"},]} # yes', "rules.json") == []


# --- The report -----------------------------------------------------------------------------------------


def test_files_are_told_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("one.yaml").write_text("rules: [{reply: a}, {reply: {template: b}}, {replay: c}]")
    Path("two.toml").write_text('[[rules]]\nreply = "a"\n')
    whole = report(["one.yaml", "two.toml", "three.yaml"])
    assert list(whole.lines) == [
        'one.yaml: $.rules[2]: error: unknown key "replay" (did you mean "reply"?)',
        "one.yaml: $.rules[1]: warning: never answers: $.rules[0] matches all that it matches",
        "one.yaml: $.rules[1].reply.template: note: this template quotes nothing: a `text` says the same",
        "three.yaml: error: cannot be read: No such file or directory",
    ]
    assert whole.summary == "3 files, 3 rules: 2 mistakes, 1 warning, 1 note"
    assert report(["two.toml"]).summary == "1 file, 1 rule: no mistakes"
