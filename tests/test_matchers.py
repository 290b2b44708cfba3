"""Every matcher with every form of value: whether it holds, and what it says."""

from __future__ import annotations

from datetime import date
from typing import Any

import jsonpath_rfc9535
import jsonschema_rs
import pytest

from understudy.errors import Place, SettingsError
from understudy.matchers import MATCHERS, READERS, Matcher, read_when, when_schema
from understudy.matchers.base import Json, shown, size
from understudy.matchers.body import finder, walker
from understudy.model import (
    Audio,
    File,
    HttpRequest,
    Image,
    Message,
    Part,
    Request,
    Scene,
    ServerToolCall,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from understudy.rules import RuleSet, read_value


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
SEARCHED = asked(
    user("Hi"),
    Message("assistant", (ServerToolCall("web_search", "a"), ServerToolCall("mcp", "{}", name="ask"))),
)
PICTURE = asked(user("What is this?", Image("https://example.org/a.png")))
HTTP = HttpRequest(
    "POST",
    "/v1/chat/completions?team=blue&tag=a&tag=b%20c&empty=",
    (
        b"x-tenant",
        b"Acme",
        b"authorization",
        b"Bearer sk-0123456789abcdef",
        b"x-tag",
        b"one",
        b"x-tag",
        b"two",
    ),
)
HERE = asked(scene=Scene(HTTP, "sk-0123456789abcdef", {"checkout": "paid"}))
SHORT_KEY = asked(scene=Scene(HTTP, "team-a"))
BODY = asked(
    raw={
        "model": "gpt-4o",
        "temperature": 0.7,
        "n": 1,
        "store": True,
        "user": None,
        "stop": ["a", "b"],
        "metadata": {"tenant": "Acme", "my-key": "x"},
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello World"}],
    }
)

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
    ({"tool_called": "get_weather"}, RESULTS),
    ({"tool_called": "get_*"}, ANSWERED),
    ({"tool_called": {"exists": False}}, asked()),
    ({"tool_called": "web_search"}, SEARCHED),
    ({"tool_called": "ask"}, SEARCHED),
    ({"tool_called": {"one_of": ["search", "get_weather"]}}, ANSWERED),
    ({"key": "sk-0123456789abcdef"}, HERE),
    ({"key": "sk-*"}, HERE),
    ({"key": {"exists": False}}, asked(scene=Scene(HTTP))),
    ({"headers": {"x-tenant": "acme"}}, HERE),
    ({"headers": {"X-Tenant": {"equals": "Acme"}}}, HERE),
    ({"headers": {"x-tag": "two"}}, HERE),
    ({"headers": {"x-tenant": "acme", "x-tag": "one"}}, HERE),
    ({"headers": {"authorization": {"starts_with": "bearer sk-"}}}, HERE),
    ({"headers": {"x-other": {"exists": False}}}, HERE),
    ({"query": {"team": "blue"}}, HERE),
    ({"query": {"tag": {"equals": "b c"}}}, HERE),
    ({"query": {"empty": {"equals": ""}}}, HERE),
    ({"query": {"Team": {"exists": False}}}, HERE),
    ({"query": {"team": {"exists": False}}}, asked(scene=Scene(HttpRequest("POST", "/v1/x")))),
    ({"scenario": {"checkout": "paid"}}, HERE),
    ({"scenario": {"checkout": "pa*", "other": "Started"}}, HERE),
    ({"scenario": {"other": {"one_of": ["Started", "paid"]}}}, HERE),
    ({"body": {"$.metadata.tenant": "acme"}}, BODY),
    ({"body": {"$.metadata.tenant": {"equals": "Acme"}}}, BODY),
    ({"body": {"$.metadata.tenant": {"starts_with": "ac", "ends_with": "me"}}}, BODY),
    ({"body": {"$.metadata.tenant": {"regex": "^Ac"}}}, BODY),
    ({"body": {"$.metadata['my-key']": "x"}}, BODY),
    ({"body": {"$.messages[-1].role": "user"}}, BODY),
    ({"body": {"$.messages[*].content": "hello"}}, BODY),
    ({"body": {"$..role": {"equals": "system"}}}, BODY),
    ({"body": {"$.messages[?@.role == 'system'].content": "kind"}}, BODY),
    ({"body": {"$.temperature": 0.7, "$.n": 1}}, BODY),
    ({"body": {"$.n": 1.0}}, BODY),
    ({"body": {"$.temperature": {"gt": 0.5, "lt": 1}}}, BODY),
    ({"body": {"$.store": True}}, BODY),
    ({"body": {"$.user": None}}, BODY),
    ({"body": {"$.user": {"exists": False}}}, BODY),
    ({"body": {"$.nothing.here": {"exists": False}}}, BODY),
    ({"body": {"$.stop": {"equals": ["a", "b"]}}}, BODY),
    ({"body": {"$.metadata": {"equals": {"my-key": "x", "tenant": "Acme"}}}}, BODY),
    ({"body": {"$.n": {"one_of": ["a", 1, None]}}}, BODY),
    ({"body": {"$": {"exists": True}}}, BODY),
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
    ({"tool_called": "search"}, ANSWERED, "tool_called: expected 'search', found 'get_weather'"),
    ({"tool_called": "get_weather"}, TOOLS, "tool_called: expected 'get_weather', found nothing"),
    ({"key": "team-b"}, SHORT_KEY, "key: expected 'team-b', found 'team-a'"),
    ({"key": "team-b"}, HERE, "key: expected 'team-b', found 'sk-0***'"),
    (
        {"headers": {"X-Tenant": "umbrella"}},
        HERE,
        "headers x-tenant: expected a text that contains 'umbrella', found 'Acme'",
    ),
    (
        {"headers": {"Authorization": {"equals": "Bearer x"}}},
        HERE,
        "headers authorization: expected 'Bearer x', found 'sk-0***'",
    ),
    (
        {"headers": {"x-tenant": "acme", "x-tag": "three"}},
        HERE,
        "headers x-tag: expected a text that contains 'three', found 'one', 'two'",
    ),
    ({"query": {"team": "red"}}, HERE, "query team: expected a text that contains 'red', found 'blue'"),
    ({"scenario": {"checkout": "open"}}, HERE, "scenario checkout: expected 'open', found 'paid'"),
    ({"scenario": {"other": "paid"}}, HERE, "scenario other: expected 'paid', found 'Started'"),
    (
        {"body": {"$.metadata.tenant": "umbrella"}},
        BODY,
        "body $.metadata.tenant: expected a text that contains 'umbrella', found 'Acme'",
    ),
    (
        {"body": {"$.metadata.no": "x"}},
        BODY,
        "body $.metadata.no: expected a text that contains 'x', found nothing",
    ),
    ({"body": {"$.model.x": 1}}, BODY, "body $.model.x: expected 1, found nothing"),
    ({"body": {"$.messages[2]": 1}}, BODY, "body $.messages[2]: expected 1, found nothing"),
    ({"body": {"$.n": 2}}, BODY, "body $.n: expected 2, found 1"),
    ({"body": {"$.n": True}}, BODY, "body $.n: expected true, found 1"),
    ({"body": {"$.store": 1}}, BODY, "body $.store: expected 1, found true"),
    ({"body": {"$.n": {"contains": "1"}}}, BODY, "body $.n: expected a text that contains '1', found 1"),
    ({"body": {"$.model": {"gt": 1}}}, BODY, "body $.model: expected a number over 1, found 'gpt-4o'"),
    ({"body": {"$.store": {"gt": 0}}}, BODY, "body $.store: expected a number over 0, found true"),
    ({"body": {"$.stop": {"equals": ["b"]}}}, BODY, """body $.stop: expected ["b"], found ["a","b"]"""),
    ({"body": {"$.user": {"exists": True}}}, BODY, "body $.user: expected something, found null"),
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
        ({"headers": {"x-tenant": "Acme"}}, [(("acme",), False)]),
        ({"body": {"$.n": 1}}, [((1,), True)]),
        ({"body": {"$.a": "X"}}, [(("x",), False)]),
        ({"body": {"$.a": {"regex": "x", "one_of": [True]}}}, [((Json("true"),), True)]),
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
            "tool_called, tool_result, turn, stream, has, key, headers, query, body, scenario, any, all, "
            "not)",
        ),
        (
            {1: "x"},
            '$.when: unknown key "1" (known: user, system, any_message, model, api, operation, tools, '
            "tool_called, tool_result, turn, stream, has, key, headers, query, body, scenario, any, all, "
            "not)",
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
        ({"user": {"one_of": ["a", {}]}}, "$.when.user.one_of[1]: expected a text, found an empty mapping"),
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
        (
            {"headers": "acme"},
            "$.when.headers: expected a mapping like {x-tenant: acme}, found the text 'acme'",
        ),
        ({"query": {}}, "$.when.query: expected a mapping like {team: blue}, found an empty mapping"),
        (
            {"headers": {"x-n": 1}},
            '$.when.headers["x-n"]: expected a text, found the value 1 (put it in quotes: "1")',
        ),
        (
            {"scenario": {"checkout": {"exists": True}}},
            '$.when.scenario.checkout: unknown form for a state "exists" '
            "(known: equals, contains, starts_with, ends_with, regex, one_of)",
        ),
        (
            {"body": {"metadata.tenant": "acme"}},
            "$.when.body[\"metadata.tenant\"]: not a JSONPath: expected '$', found 'm', line 1, column 0 "
            '(a path begins with "$", like "$.metadata.tenant")',
        ),
        (
            {"body": {"$.messages[": "acme"}},
            '$.when.body["$.messages["]: not a JSONPath: unbalanced brackets, line 1, column 11',
        ),
        (
            {"body": {"$.day": date(2026, 11, 23)}},
            '$.when.body["$.day"]: expected a JSON value, found the value 2026-11-23',
        ),
        (
            {"body": {"$.days": {"equals": [{"day": date(2026, 11, 23)}]}}},
            '$.when.body["$.days"].equals: expected a JSON value, found a list',
        ),
        ({"body": {"$.n": {"gt": "1"}}}, "$.when.body[\"$.n\"].gt: expected a number, found the text '1'"),
        (
            {"body": {"$.n": {"contains": 1}}},
            '$.when.body["$.n"].contains: expected a text, found the value 1 (put it in quotes: "1")',
        ),
        (
            {"body": {"$.stop": ["a"]}},
            '$.when.body["$.stop"]: expected a JSON value or a mapping of forms, found a list '
            "(for one of several: any)",
        ),
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


NO_SCENE = [
    {"key": {"exists": True}},
    {"headers": {"x-tenant": "acme"}},
    {"query": {"team": "blue"}},
    {"scenario": {"checkout": "Started"}},
]


@pytest.mark.parametrize("when", NO_SCENE)
def test_where_there_is_no_scene_nothing_is_found(when: dict[str, Any]) -> None:
    condition = matcher(when)
    assert condition.at_scene
    assert not condition.match(asked()).ok
    assert condition.match(asked()).why.endswith(", found nothing")


@pytest.mark.parametrize(
    ("when", "is_so"),
    [
        ({"user": "a"}, False),
        ({"body": {"$.n": 1}}, False),
        ({"key": "a"}, True),
        ({"all": [{"user": "a"}, {"headers": {"a": "b", "c": "d"}}]}, True),
        ({"any": [{"user": "a"}, {"query": {"a": "b"}}]}, True),
        ({"not": {"scenario": {"a": "b"}}}, True),
    ],
)
def test_a_matcher_says_whether_it_looks_at_the_scene(when: dict[str, Any], is_so: bool) -> None:
    assert matcher(when).at_scene is is_so


def test_long_values_found_in_a_body_count_for_what_they_cost() -> None:
    (look,) = matcher({"body": {"$.metadata": {"exists": True}}}).looks()
    assert size(look(asked(raw={"metadata": {"a": "x" * 1000}}))) > 1000


def test_a_value_is_shortened_where_it_is_shown() -> None:
    assert (
        shown((Json("[" + "1," * 100 + "1]"),))
        == "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,..."
    )


@pytest.mark.parametrize(
    "path", ["$", "$.a", "$.a.b", "$.c[0]", "$.c[-1].d", "$.c[9]", "$.c.d", "$.e[0]", "$.a[0].x"]
)
def test_plain_paths_find_what_the_library_finds(path: str) -> None:
    document = {"a": {"b": None}, "c": [1, {"d": "x"}], "e": "text"}
    assert list(walker(path)(document)) == jsonpath_rfc9535.compile(path).find(document).values()


@pytest.mark.parametrize("path", ["$.01", "$[01]", "$[-0]", "$.a-b", "$a", "$.", "$.a\n"])
def test_what_is_no_path_is_none_for_us_too(path: str) -> None:
    with pytest.raises(ValueError):
        finder(path)


def test_a_body_nested_deeper_than_the_library_goes_holds_nothing() -> None:
    deep: dict[str, Any] = {}
    for _ in range(200):
        deep = {"a": deep}
    assert not matcher({"body": {"$..b": 1}}).match(asked(raw=deep)).ok


# --- In a rule set -------------------------------------------------------------------------------------


def rules(*whens: dict[str, Any]) -> RuleSet:
    value = {"rules": [{"when": when, "reply": str(number)} for number, when in enumerate(whens)]}
    return RuleSet(read_value("rules.yaml", value).rules)


def answered(ruleset: RuleSet, request: Request) -> str | None:
    match = ruleset.select(request)
    return match.reply.text if match else None


GO_ON = user("Go on")
CALLED = Message("assistant", (ToolCall("search", "{}", "call_1"),))
TOLD_APART = [
    (
        "turn",
        {"turn": 1},
        asked(GO_ON),
        {"turn": 2},
        asked(HELLO, Message("assistant", (Text("Hi."),)), GO_ON),
    ),
    (
        "tool results",
        {"tool_result": "rain"},
        asked(GO_ON, CALLED, result("rain")),
        {"tool_result": "sun"},
        asked(GO_ON, CALLED, result("sun")),
    ),
    (
        "a tool called",
        {"tool_called": "search"},
        asked(GO_ON, CALLED, result("")),
        {"tool_called": {"exists": False}},
        asked(GO_ON),
    ),
    (
        "system prompt",
        {"system": "planner"},
        asked(Message("system", (Text("You are the planner."),)), GO_ON),
        {"system": "critic"},
        asked(Message("system", (Text("You are the critic."),)), GO_ON),
    ),
    (
        "offered tools",
        {"tools": "search"},
        asked(GO_ON, tools=(Tool("search"),)),
        {"tools": "book"},
        asked(GO_ON, tools=(Tool("book"),)),
    ),
    ("model", {"model": "gpt-4o"}, asked(GO_ON), {"model": "o3-*"}, asked(GO_ON, model="o3-mini")),
    (
        "key",
        {"key": "a"},
        asked(GO_ON, scene=Scene(HTTP, "a")),
        {"key": "b"},
        asked(GO_ON, scene=Scene(HTTP, "b")),
    ),
    (
        "true and 1 in the body",
        {"body": {"$.x": True}},
        asked(GO_ON, raw={"x": True}),
        {"body": {"$.x": 1}},
        asked(GO_ON, raw={"x": 1}),
    ),
]


@pytest.mark.parametrize(
    ("when", "request_", "other_when", "other"),
    [row[1:] for row in TOLD_APART],
    ids=[row[0] for row in TOLD_APART],
)
def test_calls_with_the_same_last_user_message_are_told_apart(
    when: dict[str, Any], request_: Request, other_when: dict[str, Any], other: Request
) -> None:
    ruleset = rules({"user": "go on", **when}, {"user": "go on", **other_when})
    assert request_.user == other.user == "Go on"
    for _ in range(2):  # the second time from what is remembered
        assert answered(ruleset, request_) == "0"
        assert answered(ruleset, other) == "1"


def test_values_of_any_type_in_a_body_do_no_harm_to_the_index() -> None:
    ruleset = rules(
        {"body": {"$.x": "text"}}, {"body": {"$.x": {"equals": [1]}}}, {"body": {"$.x": {"gt": 3}}}
    )
    sent: list[Any] = ["a text", [1], 4, None, {"y": []}, True]
    found = [answered(ruleset, asked(raw={"x": x})) for x in sent]
    assert found == ["0", "1", "2", None, None, None]


# --- JSON Schema ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def schema() -> jsonschema_rs.Draft202012Validator:
    whole = {"$ref": "#/$defs/when", "$defs": {"when": when_schema()}}
    jsonschema_rs.meta.validate(whole)
    return jsonschema_rs.Draft202012Validator(whole)


@pytest.mark.parametrize("when", [when for when, _ in HOLDS] + [when for when, _, _ in FAILS])
def test_the_schema_takes_what_is_read(
    when: dict[str, Any], schema: jsonschema_rs.Draft202012Validator
) -> None:
    schema.validate(when)


@pytest.mark.parametrize(
    "when",
    [
        {"usr": "x"},
        {"user": 42},
        {"user": None},
        {"user": ["a"]},
        {"user": {}},
        {"user": {"contain": "x"}},
        {"user": {"one_of": []}},
        {"user": {"exists": "yes"}},
        {"turn": "two"},
        {"turn": [1, "2"]},
        {"turn": {"contains": 1}},
        {"stream": "true"},
        {"headers": {}},
        {"headers": {"x-n": 1}},
        {"body": {"metadata": "x"}},
        {"body": {"$.n": {"gt": "1"}}},
        {"scenario": {"a": {"exists": True}}},
        {"any": {"user": "a"}},
        {"any": [{"usre": "b"}]},
        {"not": {"model": 4}},
    ],
)
def test_the_schema_refuses_what_is_not_read(
    when: dict[str, Any], schema: jsonschema_rs.Draft202012Validator
) -> None:
    with pytest.raises(SettingsError):
        read_when(when, Place("rules.yaml"))
    assert not schema.is_valid(when)


def test_the_schema_says_what_each_key_is_for() -> None:
    properties = when_schema()["properties"]
    assert properties.keys() == READERS.keys()
    assert properties["user"]["description"] == "The last user message's text."
    assert when_schema("#/x")["properties"]["not"]["allOf"] == [{"$ref": "#/x", "minProperties": 1}]
