"""Why an exchange was answered as it was: this rule, and why not those before it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from understudy.app import App
from understudy.explanation import explain
from understudy.journal import Exchange
from understudy.model import HttpRequest, Message, Request, Scene, Send, Text
from understudy.rules import RuleSet, RuleState, read_value
from understudy.settings import Settings

HTTP = HttpRequest("POST", "/v1/chat/completions")
WEATHER = {"id": "weather", "name": "the weather", "when": {"user": "weather"}, "reply": "It is sunny."}
CHEAP = {"id": "cheap", "name": "cheap models", "when": {"model": "*-mini", "turn": 1}, "reply": "Hm."}
REST = {"id": "rest", "name": "the rest", "reply": "What?"}


def asked(user: str = "How is the weather?", scene: Scene | None = None) -> Request:
    messages = (Message("user", (Text(user),)),)
    return Request("openai-chat", "chat", "gpt-4o", messages, {}, scene=scene)


def exchange(answered_by: str, **more: Any) -> Exchange:
    return Exchange(1, 0.0, HTTP, answered_by=answered_by, **more)


def told(
    answered_by: str, *rules: Any, request: Request | None = None, state: RuleState | None = None, **more: Any
) -> dict[str, Any]:
    read = RuleSet(read_value("rules", {"rules": list(rules)}).rules)
    return explain(exchange(answered_by, **more), request or asked(), read, state or RuleState())


def test_a_rule_is_told_with_what_held_and_what_was_asked_before_it() -> None:
    assert told("the weather", CHEAP, WEATHER, REST) == {
        "answered_by": "the weather",
        "rule": "weather",
        "because": ["user: expected a text that contains 'weather', found 'How is the weather?'"],
        "passed_over": [
            {
                "rule": "cheap",
                "title": "cheap models",
                "why": ["model: expected a name like '*-mini', found 'gpt-4o'"],
            }
        ],
    }


def test_a_rule_without_conditions_says_so() -> None:
    assert told("the rest", REST)["because"] == ["it has no conditions"]


def test_a_higher_priority_comes_before() -> None:
    urgent = CHEAP | {"priority": 1}
    assert [each["rule"] for each in told("the weather", WEATHER, urgent)["passed_over"]] == ["cheap"]


def spent(rule: Any, times: int) -> RuleState:
    """The state after the rule has answered so many times."""
    state = RuleState()
    for _ in range(times):
        state.take(read_value("rules", {"rules": [rule]}).rules[0])
    return state


@pytest.mark.parametrize(
    ("change", "times", "why"),
    [
        ({"times": 2}, 2, "it matches, but it has answered 2 times, as often as it may"),
        ({"sequence": ["a", "b", "c"]}, 3, "it matches, but its sequence of 3 is over"),
        (
            {"probability": 0.25},
            0,
            "it matches, but answers with a probability of 0.25: chance was against it",
        ),
        ({}, 0, "it matches now, and did not then: a rule, a count or a scenario has changed since"),
    ],
)
def test_a_rule_that_matches_and_kept_still_says_why(change: Any, times: int, why: str) -> None:
    rule = {**WEATHER, **change}
    if "sequence" in change:
        del rule["reply"]
    found = told("the rest", rule, REST, state=spent(rule, times))
    assert found["passed_over"] == [{"rule": "weather", "title": "the weather", "why": [why]}]


def test_of_rules_with_one_name_the_one_that_matches_answered() -> None:
    rain = {"id": "rain", "name": "the weather", "when": {"user": "rain"}, "reply": "It rains."}
    assert told("the weather", rain, WEATHER)["rule"] == "weather"


def test_what_held_then_and_does_not_now_is_told() -> None:
    paid = WEATHER | {"when": {"user": "weather", "scenario": {"shop": "open"}}, "then": {"shop": "shut"}}
    state = RuleState()
    state.scenarios["shop"] = "shut"
    found = told("the weather", paid, request=asked(scene=Scene(HTTP)), state=state)
    assert found["because"] == ["user: expected a text that contains 'weather', found 'How is the weather?'"]
    assert found["no_longer"] == ["scenario shop: expected 'open', found 'shut'"]


def test_a_masked_key_is_neither_right_nor_wrong() -> None:
    mine = WEATHER | {"when": {"key": "sk-proj-abcdefghijkl"}}
    request = asked(scene=Scene(HTTP, "sk-p***"))
    why = ["key: cannot be told, since the journal masks keys"]
    assert told("the weather", mine, request=request)["because"] == why
    assert told("the rest", mine, REST, request=request)["passed_over"][0]["why"] == why


def test_of_many_rules_the_nearest_ten_are_told_in_their_order() -> None:
    far = [{"id": f"far {i}", "when": {"user": f"{i:03d}"}, "reply": "No."} for i in range(100)]
    near = {"id": "near", "when": {"user": "weathers"}, "reply": "Nearly."}
    used = {**WEATHER, "id": "used", "times": 1}
    state = spent(used, 1)
    found = told("the rest", *far[:50], near, *far[50:], used, REST, state=state)
    assert len(found["passed_over"]) == 10
    assert [each["rule"] for each in found["passed_over"]][-2:] == ["near", "used"]
    assert found["more"] == 92


def test_where_no_rule_matches_the_three_nearest_are_told() -> None:
    rules = [CHEAP, WEATHER | {"id": "a", "when": {"user": "weathers"}}]
    rules += [{"id": name, "when": {"user": name}, "reply": "x"} for name in ("qqq", "zzz")]
    found = told("autopilot: text", *rules)
    assert (found["rule"], found["because"], found["passed_over"]) == (None, ["no rule matches"], [])
    assert [each["rule"] for each in found["nearest"]] == ["a", "cheap", "qqq"]
    assert found["nearest"][1]["why"] == ["model: expected a name like '*-mini', found 'gpt-4o'"]


def test_where_those_that_match_are_spent_they_are_told() -> None:
    used = WEATHER | {"times": 1}
    found = told("autopilot: text", used, state=spent(used, 1))
    assert found["because"] == ["the rules that match did not answer"]
    assert found["passed_over"][0]["why"] == ["it matches, but it has answered once, as often as it may"]
    assert found["nearest"] == []


def test_without_rules_there_is_nothing_to_tell() -> None:
    assert told("autopilot: text") == {
        "answered_by": "autopilot: text",
        "rule": None,
        "because": ["there are no rules"],
        "passed_over": [],
        "nearest": [],
    }


def test_what_is_refused_before_is_no_matter_of_rules() -> None:
    found = told("refused", WEATHER, error="Rate limit reached for gpt-4o")
    assert found == {
        "answered_by": "refused",
        "rule": None,
        "because": ["it was refused before any rule was asked: Rate limit reached for gpt-4o"],
    }


@pytest.mark.parametrize(
    ("answered_by", "why"),
    [
        ("outage", "an outage was under way"),
        ("embeddings", "rules answer chats and completions alone"),
    ],
)
def test_what_has_no_conversation_has_no_rule(answered_by: str, why: str) -> None:
    rules = RuleSet(read_value("rules", {"rules": [REST]}).rules)
    assert explain(exchange(answered_by), None, rules, RuleState())["because"] == [why]


# --- of what really was answered ------------------------------------------------------------------------


def explained(app: App, number: int) -> dict[str, Any]:
    world = app.main
    found = world.journal.find(number)
    assert found is not None
    return explain(found, world.engine.asked(found), world.rulebook.rules, world.rulebook.state)


def chat(app: App, user: str) -> None:
    body = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": user}]}).encode()
    list(app.handle(HttpRequest("POST", "/v1/chat/completions", (b"host", b"localhost:8080"), body)))


def test_rules_that_answered_are_found_again() -> None:
    app = App(Settings())
    book = app.main.rulebook
    book.add(book.read([WEATHER | {"times": 1}, CHEAP, REST]))
    for user in ("How is the weather?", "How is the weather?", "Hello"):
        chat(app, user)
    assert [explained(app, number)["rule"] for number in (1, 2, 3)] == ["weather", "rest", "rest"]
    assert explained(app, 2)["passed_over"][0]["why"] == [
        "it matches, but it has answered once, as often as it may"
    ]
    assert explained(app, 3)["passed_over"][0]["why"] == [
        "user: expected a text that contains 'weather', found 'Hello'"
    ]


def test_an_exchange_is_shown_with_why_it_was_answered_so() -> None:
    app = App(Settings())
    app.main.rulebook.add(app.main.rulebook.read([WEATHER]))
    chat(app, "How is the weather?")
    local = (b"host", b"localhost:8080")
    *_, send = app.handle(HttpRequest("GET", "/_understudy/requests/1", local))
    assert isinstance(send, Send)
    assert json.loads(send.data)["explanation"] == {
        "answered_by": "the weather",
        "rule": "weather",
        "because": ["user: expected a text that contains 'weather', found 'How is the weather?'"],
        "passed_over": [],
    }


def test_a_strict_refusal_tells_the_nearest() -> None:
    app = App(Settings(strict=True))
    book = app.main.rulebook
    book.add(book.read([WEATHER]))
    chat(app, "How is the wether?")
    found = explained(app, 1)
    assert (found["answered_by"], found["because"]) == ("refused", ["no rule matches"])
    assert [each["rule"] for each in found["nearest"]] == ["weather"]


def test_a_failing_model_fails_whichever_rule_matches() -> None:
    app = App(Settings())
    app.main.rulebook.add(app.main.rulebook.read([REST]))
    body = b'{"model": "mock-rate-limited", "messages": [{"role": "user", "content": "Hi"}]}'
    list(app.handle(HttpRequest("POST", "/v1/chat/completions", (), body)))
    assert explained(app, 1) == {
        "answered_by": "built in: mock-rate-limited",
        "rule": None,
        "because": ["the model mock-rate-limited fails on purpose, whichever rule matches"],
    }


def test_a_mistake_a_limit_and_a_list_of_models_never_came_to_the_rules() -> None:
    app = App(Settings())
    app.main.rulebook.add(app.main.rulebook.read([REST]))
    list(app.handle(HttpRequest("POST", "/v1/chat/completions", (), b'{"model": 5}')))
    list(app.handle(HttpRequest("GET", "/v1/models")))
    list(app.handle(HttpRequest("GET", "/v1/nowhere")))
    because = [explained(app, number)["because"][0] for number in (1, 2, 3)]
    assert because[0].startswith("it was refused before any rule was asked: ")
    assert because[1] == "rules answer chats and completions alone"
    assert because[2].startswith("it was refused before any rule was asked: ")
