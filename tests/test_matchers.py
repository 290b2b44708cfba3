"""Every matcher with every form of value: whether it holds, and what it says."""

from __future__ import annotations

from typing import Any

import pytest

from understudy.errors import Place, SettingsError
from understudy.matchers import MATCHERS, Matcher, read_when
from understudy.matchers.base import shown
from understudy.model import (
    Audio,
    File,
    Image,
    Message,
    Part,
    Request,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)


def user(text: str, *parts: Part) -> Message:
    return Message("user", (Text(text), *parts))


HELLO = user("Hello World")
CALL = Message("assistant", (ToolCall("get_weather", "{}", "call_1"),))


def asked(*messages: Message, **fields: Any) -> Request:
    given = {"api": "openai-chat", "operation": "chat", "model": "gpt-4o", "raw": {}} | fields
    return Request(messages=messages or (HELLO,), **given)


def result(text: str) -> Message:
    return Message("tool", (ToolResult("call_1", text),))


def matcher(when: dict[str, Any]) -> Matcher:
    (only,) = read_when(when, Place("rules.yaml", "$.rules[0].when"))
    return only


TOOLS = asked(tools=(Tool("get_weather"), Tool("get_time")))
SECOND = asked(HELLO, Message("assistant", (Text("Hi."),)), user("and now?"))
RESULTS = asked(HELLO, CALL, result("21 degrees"), result("12 o'clock"))
ANSWERED = asked(*RESULTS.messages, Message("assistant", (Text("It is 21."),)), user("Thanks"))
PICTURE = asked(user("What is this?", Image("https://example.org/a.png")))

HOLDS: list[tuple[dict[str, Any], Request]] = [
    ({"user": "world"}, asked()),
    ({"user": "HELLO"}, asked()),
    ({"user": "strasse"}, asked(user("In der Straße"))),
    ({"user": ""}, asked()),
    ({"user": "now"}, SECOND),
    ({"user": {"equals": "Hello World"}}, asked()),
    ({"user": {"equals": ""}}, asked(user(""))),
    ({"user": {"contains": "lo wo"}}, asked()),
    ({"user": {"starts_with": "hello"}}, asked()),
    ({"user": {"ends_with": "WORLD"}}, asked()),
    ({"user": {"regex": "W.r"}}, asked()),
    ({"user": {"regex": "(?i)w.R"}}, asked()),
    ({"user": {"one_of": ["Bye", "Hello World"]}}, asked()),
    ({"user": {"exists": True}}, asked()),
    ({"user": {"exists": False}}, asked(Message("system", (Text("Be kind."),)))),
    ({"user": {"starts_with": "hello", "ends_with": "world"}}, asked()),
    ({"system": "kind"}, asked(Message("system", (Text("Be kind."),)), HELLO)),
    ({"system": {"exists": False}}, asked()),
    ({"any_message": "hello"}, SECOND),
    ({"any_message": {"equals": "Hi."}}, SECOND),
    ({"model": "gpt-4o"}, asked()),
    ({"model": "gpt-*"}, asked()),
    ({"model": {"one_of": ["gpt-4o", "gpt-5"]}}, asked()),
    ({"model": {"starts_with": "gpt"}}, asked()),
    ({"api": "openai-*"}, asked()),
    ({"operation": "chat"}, asked()),
    ({"tools": "get_weather"}, TOOLS),
    ({"tools": "*_time"}, TOOLS),
    ({"tools": {"exists": False}}, asked()),
    ({"tools": {"starts_with": "get", "ends_with": "time"}}, TOOLS),
    ({"tool_result": "DEGREES"}, RESULTS),
    ({"tool_result": {"equals": "12 o'clock"}}, RESULTS),
    (
        {"tool_result": "blue"},
        asked(HELLO, CALL, Message("user", (ToolResult("call_1", "blue"), Text("go on")))),
    ),
    ({"tool_result": {"exists": False}}, ANSWERED),
    ({"turn": 1}, asked()),
    ({"turn": 2}, SECOND),
    ({"turn": [2, 3]}, SECOND),
    ({"turn": "2.."}, SECOND),
    ({"turn": "..2"}, SECOND),
    ({"turn": "1..2"}, SECOND),
    ({"turn": {"gt": 1}}, SECOND),
    ({"turn": {"gt": 1, "lt": 3}}, SECOND),
    ({"turn": {"one_of": [1, 2]}}, SECOND),
    ({"stream": True}, asked(stream=True)),
    ({"stream": {"equals": False}}, asked()),
    ({"has": "image"}, PICTURE),
    ({"has": "audio"}, asked(user("Listen", Audio("AAAA", "wav")))),
    ({"has": "file"}, asked(user("Read", File("file-1")))),
    ({"has": "tool_result"}, ANSWERED),
    ({"has": {"one_of": ["image", "file"]}}, PICTURE),
    ({"has": {"exists": False}}, asked()),
    ({"any": [{"user": "bye"}, {"model": "gpt-*", "turn": 1}]}, asked()),
    ({"all": [{"user": "hello"}, {"user": "world"}]}, asked()),
    ({"not": {"user": "bye"}}, asked()),
    ({"not": {"user": "hello", "turn": 2}}, asked()),
]

FAILS: list[tuple[dict[str, Any], Request, str]] = [
    ({"user": "weather"}, asked(), "user: expected a text that contains 'weather', found 'Hello World'"),
    ({"user": "hello"}, SECOND, "user: expected a text that contains 'hello', found 'and now?'"),
    ({"user": "x"}, asked(user("")), "user: expected a text that contains 'x', found an empty text"),
    (
        {"user": {"equals": "hello world"}},
        asked(),
        "user: expected 'hello world', found 'Hello World'",
    ),
    (
        {"user": {"starts_with": "world"}},
        asked(),
        "user: expected a text that starts with 'world', found 'Hello World'",
    ),
    (
        {"user": {"ends_with": "hello"}},
        asked(),
        "user: expected a text that ends with 'hello', found 'Hello World'",
    ),
    (
        {"user": {"regex": "w.r"}},
        asked(),
        "user: expected a text that matches the regex 'w.r', found 'Hello World'",
    ),
    ({"user": {"one_of": ["a", "b"]}}, asked(), "user: expected one of 'a', 'b', found 'Hello World'"),
    ({"user": {"exists": False}}, asked(), "user: expected nothing, found 'Hello World'"),
    ({"user": {"exists": True}}, asked(user("")), "user: expected something, found an empty text"),
    (
        {"user": {"starts_with": "hel", "ends_with": "there"}},
        asked(),
        "user: expected a text that starts with 'hel' and a text that ends with 'there', found 'Hello World'",
    ),
    (
        {"user": "weather"},
        asked(user("word " * 40)),
        "user: expected a text that contains 'weather', found "
        "'word word word word word word word word word word word wo...'",
    ),
    ({"system": "kind"}, asked(), "system: expected a text that contains 'kind', found an empty text"),
    (
        {"any_message": "bye"},
        SECOND,
        "any_message: expected a text that contains 'bye', found 'Hello World', 'Hi.', 'and now?'",
    ),
    ({"model": "gpt-4"}, asked(), "model: expected 'gpt-4', found 'gpt-4o'"),
    ({"model": "claude-*"}, asked(), "model: expected a name like 'claude-*', found 'gpt-4o'"),
    ({"api": "anthropic-*"}, asked(), "api: expected a name like 'anthropic-*', found 'openai-chat'"),
    ({"operation": "completion"}, asked(), "operation: expected 'completion', found 'chat'"),
    ({"tools": "search"}, TOOLS, "tools: expected 'search', found 'get_weather', 'get_time'"),
    ({"tools": "search"}, asked(), "tools: expected 'search', found nothing"),
    (
        {"tools": {"exists": False}},
        asked(tools=(Tool("a"), Tool("b"), Tool("c"), Tool("d"), Tool("e"))),
        "tools: expected nothing, found 'a', 'b', 'c' and 2 more",
    ),
    (
        {"tool_result": "degrees"},
        ANSWERED,
        "tool_result: expected a text that contains 'degrees', found nothing",
    ),
    ({"turn": 1}, SECOND, "turn: expected 1, found 2"),
    ({"turn": [3, 4]}, SECOND, "turn: expected one of 3, 4, found 2"),
    ({"turn": "3.."}, SECOND, "turn: expected a number in 3.., found 2"),
    ({"turn": "..1"}, SECOND, "turn: expected a number in ..1, found 2"),
    ({"turn": {"gt": 2}}, SECOND, "turn: expected a number over 2, found 2"),
    ({"turn": {"lt": 2}}, SECOND, "turn: expected a number under 2, found 2"),
    ({"stream": True}, asked(), "stream: expected true, found false"),
    ({"has": "image"}, asked(), "has: expected 'image', found nothing"),
    ({"has": "audio"}, PICTURE, "has: expected 'audio', found 'image'"),
    (
        {"any": [{"user": "bye"}, {"turn": 2}]},
        asked(),
        "any: expected one of (user: expected a text that contains 'bye', found 'Hello World'"
        " | turn: expected 2, found 1)",
    ),
    (
        {"all": [{"user": "hello"}, {"turn": 2}, {"stream": True}]},
        asked(),
        "turn: expected 2, found 1; stream: expected true, found false",
    ),
    (
        {"not": {"user": "hello"}},
        asked(),
        "not: expected none of (user: expected a text that contains 'hello', found 'Hello World')",
    ),
]


@pytest.mark.parametrize(("when", "request_"), HOLDS)
def test_a_condition_that_holds(when: dict[str, Any], request_: Request) -> None:
    verdict = matcher(when).match(request_)
    assert verdict.ok, verdict.why
    assert verdict.nearness == 1.0


@pytest.mark.parametrize(("when", "request_", "why"), FAILS)
def test_a_condition_that_fails_says_why(when: dict[str, Any], request_: Request, why: str) -> None:
    verdict = matcher(when).match(request_)
    assert not verdict.ok
    assert verdict.why == why
    assert verdict.nearness < 1.0


@pytest.mark.parametrize("reader", MATCHERS, ids=lambda reader: reader.KEY)
def test_every_matcher_is_in_both_tables(reader: Any) -> None:
    assert any(reader.KEY in when for when, _ in HOLDS)
    assert any(reader.KEY in when for when, _, _ in FAILS)


def test_keys_are_unique() -> None:
    keys = [reader.KEY for reader in MATCHERS]
    assert len(keys) == len(set(keys))


def test_a_condition_that_holds_says_what_it_found() -> None:
    verdict = matcher({"all": [{"user": "hello"}, {"turn": 1}]}).match(asked())
    assert verdict.why == (
        "user: expected a text that contains 'hello', found 'Hello World'; turn: expected 1, found 1"
    )


@pytest.mark.parametrize(
    ("when", "groups"),
    [
        ({"user": {"regex": r"(?P<first>\w+) (?P<second>\w+)"}}, {"first": "Hello", "second": "World"}),
        ({"user": {"regex": r"(\w+)"}}, {}),
        ({"user": {"regex": r"Hello(?P<more>!)?"}}, {}),
        ({"any": [{"user": {"regex": "(?P<a>bye)"}}, {"user": {"regex": "(?P<b>World)"}}]}, {"b": "World"}),
        (
            {"all": [{"user": {"regex": "(?P<a>H)"}}, {"user": {"regex": "(?P<b>W)"}}]},
            {"a": "H", "b": "W"},
        ),
        ({"not": {"user": {"regex": "(?P<a>bye)"}}}, {}),
        ({"user": {"starts_with": "hello", "regex": "(?P<b>World)"}}, {"b": "World"}),
    ],
)
def test_named_groups_are_captured(when: dict[str, Any], groups: dict[str, str]) -> None:
    condition = matcher(when)
    verdict = condition.match(asked())
    assert verdict.ok
    assert verdict.groups == groups
    assert condition.captures() >= groups.keys()


@pytest.mark.parametrize(
    ("when", "facts"),
    [
        ({"user": "WEATHER"}, [(("weather",), False)]),
        ({"user": {"starts_with": "Tell"}}, [(("tell",), False)]),
        ({"user": {"equals": "Hi"}}, [(("Hi",), True)]),
        ({"user": {"regex": "x", "contains": "Y"}}, [(("y",), False)]),
        ({"user": {"regex": "x"}}, []),
        ({"user": ""}, []),
        ({"model": "gpt-4"}, [(("gpt-4",), True)]),
        ({"model": "gpt-*"}, []),
        ({"turn": [1, 2]}, [((1, 2), True)]),
        ({"turn": "2.."}, []),
        ({"any": [{"user": "a"}, {"user": "b", "turn": 1}]}, [(("a", "b"), False)]),
        ({"any": [{"user": "a"}, {"turn": 1}]}, []),
        ({"all": [{"user": "a"}, {"turn": 1}]}, [(("a",), False), ((1,), True)]),
        ({"not": {"user": "a"}}, []),
    ],
)
def test_facts_are_what_must_be_true(when: dict[str, Any], facts: list[tuple[Any, bool]]) -> None:
    assert [(fact.literals, fact.exact) for fact in matcher(when).facts()] == facts


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ({"usr": "x"}, '$.when: unknown key "usr" (did you mean "user"?)'),
        (
            {"zzz": "x"},
            '$.when: unknown key "zzz" (known: user, system, any_message, model, api, operation, tools, '
            "tool_result, turn, stream, has, any, all, not)",
        ),
        (
            {1: "x"},
            '$.when: unknown key "1" (known: user, system, any_message, model, api, operation, tools, '
            "tool_result, turn, stream, has, any, all, not)",
        ),
        ("weather", "$.when: expected a mapping like {user: weather}, found the text 'weather'"),
        (None, "$.when: expected a mapping like {user: weather}, found nothing"),
        ({"user": 42}, '$.when.user: expected a text, found the value 42 (put it in quotes: "42")'),
        ({"user": True}, '$.when.user: expected a text, found the value true (put it in quotes: "true")'),
        ({"user": None}, "$.when.user: expected a text, found nothing"),
        (
            {"user": ["a", "b"]},
            "$.when.user: expected a text or a mapping of forms, found a list (for one of several: any)",
        ),
        (
            {"user": {"contain": "x"}},
            '$.when.user: unknown form for a text "contain" (did you mean "contains"?)',
        ),
        (
            {"turn": {"contains": 1}},
            '$.when.turn: unknown form for a number "contains" (known: equals, one_of, gt, lt)',
        ),
        (
            {"user": {}},
            "$.when.user: expected a form (equals, contains, starts_with, ends_with, regex, one_of, exists), "
            "found an empty mapping",
        ),
        ({"user": {"contains": ["a"]}}, "$.when.user.contains: expected a text, found a list"),
        ({"user": {"one_of": "a"}}, "$.when.user.one_of: expected a list of values, found the text 'a'"),
        ({"user": {"one_of": []}}, "$.when.user.one_of: expected a list of values, found an empty list"),
        ({"user": {"one_of": ["a", {}]}}, "$.when.user.one_of[1]: expected a text, found a mapping"),
        (
            {"user": {"regex": "(a"}},
            "$.when.user.regex: not a regular expression: missing ), unterminated subpattern at position 0",
        ),
        ({"user": {"exists": "yes"}}, "$.when.user.exists: expected true or false, found the text 'yes'"),
        (
            {"user": {"exists": False, "contains": "a"}},
            "$.when.user.exists: what does not exist cannot be tested: let `exists: false` stand alone",
        ),
        ({"turn": True}, "$.when.turn: expected a number, found the value true"),
        (
            {"turn": "two"},
            "$.when.turn: expected a number, a list or a range like \"2..\", found the text 'two'",
        ),
        (
            {"turn": ".."},
            "$.when.turn: expected a number, a list or a range like \"2..\", found the text '..'",
        ),
        ({"turn": "3..2"}, "$.when.turn: a range that no turn is in: 3 is more than 2"),
        ({"turn": [1, "2"]}, "$.when.turn[1]: expected a number, found the text '2'"),
        ({"stream": "true"}, "$.when.stream: expected true or false, found the text 'true'"),
        ({"has": "images"}, '$.when.has: unknown kind of part "images" (did you mean "image"?)'),
        (
            {"has": {"one_of": ["image", "fil"]}},
            '$.when.has: unknown kind of part "fil" (did you mean "file"?)',
        ),
        (
            {"any": {"user": "a"}},
            "$.when.any: expected a list of conditions like [{user: a}, {user: b}], found a mapping",
        ),
        ({"any": [{"user": "a"}, {"usre": "b"}]}, '$.when.any[1]: unknown key "usre" (did you mean "user"?)'),
        ({"all": [{}]}, "$.when.all[0]: expected conditions, found an empty mapping"),
        (
            {"not": {"model": 4}},
            '$.when.not.model: expected a name, found the value 4 (put it in quotes: "4")',
        ),
    ],
)
def test_a_mistake_says_where_and_what_to_do(when: Any, message: str) -> None:
    with pytest.raises(SettingsError) as error:
        read_when(when, Place("rules.yaml", "$.when"))
    assert str(error.value) == f"rules.yaml: {message}"


def test_a_typo_is_nearer_than_another_word() -> None:
    typo = matcher({"user": "wether"}).match(asked(user("What is the weather?")))
    other = matcher({"user": "invoice"}).match(asked(user("What is the weather?")))
    assert typo.nearness > other.nearness


def test_few_values_are_shown() -> None:
    assert shown((True, None, 3, "x")) == "true, nothing, 3 and 1 more"
