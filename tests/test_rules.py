"""Rules: the file they are read from, which of them is selected, and which came near."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from understudy.errors import SettingsError
from understudy.matchers.base import Contains, Look
from understudy.matchers.text import User
from understudy.model import (
    Citation,
    Message,
    Reasoning,
    Refusal,
    Reply,
    Request,
    ServerToolCall,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from understudy.rules import Match, Response, Rule, RuleSet, load
from understudy.rules.ruleset import CACHED_CHARS, CACHED_KEYS, CACHED_LOOKS


def asked(text: str = "", *before: Message, **fields: Any) -> Request:
    given = {"api": "openai-chat", "operation": "chat", "model": "gpt-4o", "raw": {}} | fields
    return Request(messages=(*before, Message("user", (Text(text),))), **given)


def rules(text: str) -> RuleSet:
    return load("rules.yaml", text)


def answer(text: str, request: Request) -> Reply | None:
    match = rules(text).select(request)
    return match.reply if match else None


# --- Reading --------------------------------------------------------------------------------------------

INTERFACE = r"""
rules:                                     # first match wins
  - when: {user: weather}
    reply: It is sunny in Paris.

  - name: the agent asks for the weather
    when: {tools: get_weather, turn: 1}
    reply: {tool_calls: [{name: get_weather, arguments: {city: Paris}}]}

  - when: {tool_result: {regex: '(?P<degrees>\d+) degrees'}}
    reply: {template: "It is {{ groups.degrees }} degrees in Paris."}
"""


def test_the_example_of_the_interface_answers() -> None:
    found = rules(INTERFACE)
    sunny = Reply((Text("It is sunny in Paris."),))
    assert found.select(asked("How is the WEATHER?")) == Match(
        found.rules[0], sunny, response=Response(sunny)
    )
    tool = Tool("get_weather")
    assert answer(INTERFACE, asked("Paris?", tools=(tool,))) == Reply(
        (ToolCall("get_weather", '{"city":"Paris"}'),), "tool_call"
    )
    call = Message("assistant", (ToolCall("get_weather", "{}", "call_1"),))
    result = Message("tool", (ToolResult("call_1", "21 degrees"),))
    match = found.select(Request("openai-chat", "chat", "gpt-4o", (call, result), {}, tools=(tool,)))
    assert match is not None
    assert match.reply == Reply((Text("It is 21 degrees in Paris."),))
    assert match.groups == {"degrees": "21"}
    assert match.rule.title == "rules.yaml: $.rules[2]"
    assert found.rules[1].title == "the agent asks for the weather"


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("hello", Reply((Text("hello"),))),
        ('""', Reply((Text(""),))),
        ("no", Reply((Text("no"),))),
        ("12:30", Reply((Text("12:30"),))),
        ("2026-11-22", Reply((Text("2026-11-22"),))),
        ("007", Reply((Text("007"),))),
        ("{text: hello}", Reply((Text("hello"),))),
        ("{text: hello, stop: length}", Reply((Text("hello"),), "length")),
        ("{text: hello, reasoning: hm}", Reply((Reasoning("hm"), Text("hello")))),
        ("{refusal: I will not.}", Reply((Refusal("I will not."),))),
        ("{refusal: No., stop: content_filter}", Reply((Refusal("No."),), "content_filter")),
        ("{template: 'turn {{ turn }}'}", Reply((Text("turn 1"),))),
        ("{tool_calls: [{name: f}, {name: g, arguments: {x: [1, null, true, é]}}], text: wait}",
         Reply((Text("wait"), ToolCall("f", "{}"), ToolCall("g", '{"x":[1,null,true,"é"]}')), "tool_call")),
        ("{tool_calls: [{name: f, arguments: '{\"x\": 1'}]}",
         Reply((ToolCall("f", '{"x": 1'),), "tool_call")),
        ("{reasoning: {redacted: EmwK}, text: a}", Reply((Reasoning(redacted="EmwK"), Text("a")))),
        ("{web_search: weather, text: a}", Reply((ServerToolCall("web_search", "weather"), Text("a")))),
        ("{text: a, web_search: {query: q, results: [{url: u, title: null}]}, reasoning: hm}",
         Reply((Reasoning("hm"), ServerToolCall("web_search", "q", '{"results":[{"url":"u"}]}'), Text("a")))),
        ("{parts: [{shell: {command: ls, stdout: a, exit_code: 0}}]}",
         Reply((ServerToolCall("shell", "ls", '{"stdout":"a","exit_code":0}'),))),
        ("{parts: [{mcp: {server: s, name: f, arguments: {x: 1}, output: [2], id: i}}]}",
         Reply((ServerToolCall("mcp", '{"x":1}', '{"output":"[2]"}', "", "i", "f", "s"),))),
        ("{mcp: {server: s, name: f, error: it broke}}",
         Reply((ServerToolCall("mcp", "{}", "", "it broke", "", "f", "s"),))),
        ("{mcp_tools: {server: s, tools: [{name: f, schema: {type: object}}]}}",
         Reply((ServerToolCall("mcp_tools", "", '{"tools":[{"name":"f","schema":{"type":"object"}}]}',
                               server="s"),))),
        ("{web_search: weather, stop: pause}", Reply((ServerToolCall("web_search", "weather"),), "pause")),
        ("{text: It is sunny., citations: [u, {url: v, title: T, quote: Q, for: sunny}]}",
         Reply((Text("It is sunny.", (Citation("u"), Citation("v", "T", "Q", start=6, end=11))),))),
        ("{text: abc, citations: [{file: f, start: 1, end: 3}, {document: 0, pages: [2, 3]}]}",
         Reply((Text("abc", (Citation(file="f", start=1, end=3),
                             Citation(document=0, place=(2, 3), unit="pages"))),))),
        ("{parts: [a, {text: b, citations: [u]}, {template: '{{ user }}', citations: [v]}]}",
         Reply((Text("a"), Text("b", (Citation("u"),)), Text("hi", (Citation("v"),))))),
        ("{tool_calls: [{name: f}], stop: end}", Reply((ToolCall("f", "{}"),))),
        ("{parts: [{tool_call: {name: f}}, done, {template: '{{ user }}'}, {reasoning: hm}], stop: end}",
         Reply((ToolCall("f", "{}"), Text("done"), Text("hi"), Reasoning("hm")))),
        ("{parts: []}", Reply(())),
    ],
)  # fmt: skip
def test_a_reply_is_read(reply: str, expected: Reply) -> None:
    assert answer(f"rules: [{{reply: {reply}}}]", asked("hi")) == expected


@pytest.mark.parametrize("text", ["", "# nothing yet", "{}", "rules:", "rules: []"])
def test_a_file_without_rules_matches_nothing(text: str) -> None:
    assert len(rules(text)) == 0
    assert answer(text, asked("hi")) is None


def test_json_is_read_too() -> None:
    text = b'{"rules": [{"when": {"user": "caf\\u00e9", "stream": false}, "reply": "1e3"}]}'
    match = load("rules.json", text).select(asked("Un café"))
    assert match is not None
    assert match.reply == Reply((Text("1e3"),))


def test_a_when_can_be_shared_by_an_anchor() -> None:
    text = "rules: [{when: &w {user: a}, reply: one}, {when: {<<: *w, turn: 1}, reply: two}]"
    assert [len(rule.when) for rule in rules(text).rules] == [1, 2]


def test_further_variables_reach_the_templates() -> None:
    text = "rules: [{reply: {template: '{{ voice }}'}}]"
    match = load("rules.yaml", text, {"voice": lambda request: "soft"}).select(asked("hi"))
    assert match is not None
    assert match.reply == Reply((Text("soft"),))


def test_without_check_a_template_is_read_when_it_is_used() -> None:
    match = load("rules.yaml", "rules: [{reply: {template: '{{ usr }}'}}]", check=False).select(asked("hi"))
    assert match is not None
    assert match.reply.text == (
        "[rules.yaml: $.rules[0].reply.template: this template failed: "
        'unknown variable "usr" (did you mean "user"?)]'
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rules: [", "line 2, column 1: did not find expected node content"),
        ("rules:\n  - when: {user: a\n    reply: b", "line 3, column 10: did not find expected ',' or '}'"),
        ("rules:\n\t- x", "line 2, column 1: found character that cannot start any token"),
        ("rules:\n- reply: a\n  reply: b", 'line 3, column 3: the key "reply" is here twice'),
        ("rules: [{reply: *a}]", "line 1, column 17: found undefined alias"),
        ("rules: !!python/name:os.system", "line 1, column 8: could not determine a constructor for the tag "
         "'tag:yaml.org,2002:python/name:os.system'"),
        ("a: 1\n---\nb: 2", "line 2, column 1: but found another document"),
        ("rules: [{reply: a, when: " + "{not: " * 600 + "}" * 600 + "}]", "$: nested too deep"),
        ("- reply: a", "$: found a list: put it under `rules:`"),
        ("hello", "$: expected a mapping with models, limits, pace, prompts, rules; found the text 'hello'"),
        ("rule: []", '$: unknown key "rule" (did you mean "rules"?)'),
        ("rules: {reply: a}", "$.rules: expected a list, found a mapping"),
        ("rules: [a]", "$.rules[0]: expected a mapping with name, id, when, reply, sequence, repeat, "
         "times, probability, priority, pace, faults, then; found the text 'a'"),
        ("rules: [{when: {user: a}}]", "$.rules[0]: a rule needs a `reply`, or else a `sequence` of replies"),
        ("rules: [{reply: a}, {replay: b}]", '$.rules[1]: unknown key "replay" (did you mean "reply"?)'),
        ("rules: [{reply: a, when: }]",
         "$.rules[0].when: expected a mapping like {user: weather}, found nothing"),
        ("rules: [{reply: a, when: {usr: b}}]", '$.rules[0].when: unknown key "usr" (did you mean "user"?)'),
        ("rules: [{reply: a, name: 3}]",
         '$.rules[0].name: expected a text, found the value 3 (put it in quotes: "3")'),
        ("rules: [{reply: a, priority: high}]",
         "$.rules[0].priority: expected a whole number, found the text 'high'"),
        ("rules: [{reply: a, priority: true}]",
         "$.rules[0].priority: expected a whole number, found the value true"),
        ("rules: [{reply: 42}]",
         '$.rules[0].reply: expected a text or a mapping, found the value 42 (put it in quotes: "42")'),
        ("rules: [{reply: [a]}]", "$.rules[0].reply: expected a text or a mapping, found a list"),
        ("rules: [{reply: {txt: a}}]", '$.rules[0].reply: unknown key "txt" (did you mean "text"?)'),
        ("rules: [{reply: {city: Paris}}]",
         '$.rules[0].reply: unknown key "city" (known: text, template, reasoning, refusal, tool_calls, '
         'parts, citations, web_search, web_fetch, file_search, code_execution, shell, image_generation, '
         'mcp, mcp_tools, mcp_approval, stop, usage, logprobs, model, id, headers, pace, faults); '
         'an answer in JSON is a text, '
         """like '{"city": "Paris"}'"""),
        ("rules: [{reply: {stop: end}}]", "$.rules[0].reply: nothing to answer: give one of text, template, "
         "reasoning, refusal, tool_calls, parts, error, status"),
        ("rules: [{reply: {text: a, template: b}}]",
         "$.rules[0].reply: `text` and `template` exclude each other; `parts` can hold both"),
        ("rules: [{reply: {text: a, parts: [b]}}]",
         "$.rules[0].reply: `parts` says everything that is answered: move `text` into it"),
        ("rules: [{reply: {parts: a}}]", "$.rules[0].reply.parts: expected a list, found the text 'a'"),
        ("rules: [{reply: {parts: [a, {text: b, reasoning: c}]}}]",
         "$.rules[0].reply.parts[1]: a part is a text or has one key of text, template, reasoning, "
         "refusal, tool_call, web_search, web_fetch, file_search, code_execution, shell, image_generation, "
         "mcp, mcp_tools, mcp_approval; found 2"),
        ("rules: [{reply: {parts: [{tool_call: {name: f}, citations: []}]}}]",
         "$.rules[0].reply.parts[0].citations: only a `text` or a `template` can cite"),
        ("rules: [{reply: {refusal: a, citations: [b]}}]",
         "$.rules[0].reply.citations: only a `text` or a `template` can cite"),
        ("rules: [{reply: {text: a, citations: b}}]",
         "$.rules[0].reply.citations: expected a list, found the text 'b'"),
        ("rules: [{reply: {text: a, citations: [{title: b}]}}]",
         "$.rules[0].reply.citations[0]: a citation has one of url, file, document; found 0"),
        ("rules: [{reply: {text: a, citations: [{url: b, titel: c}]}}]",
         '$.rules[0].reply.citations[0]: unknown key "titel" (did you mean "title"?)'),
        ("rules: [{reply: {text: a, citations: [{url: b, for: c}]}}]",
         "$.rules[0].reply.citations[0].for: this is not in the text"),
        ("rules: [{reply: {template: a, citations: [{url: b, for: a}]}}]",
         "$.rules[0].reply.citations[0].for: `for` goes with a `text`, and takes the place of `start` and "
         "`end`"),
        ("rules: [{reply: {text: a, citations: [{url: b, end: 2}]}}]",
         "$.rules[0].reply.citations[0].end: expected a character of the text, from `start` on"),
        ("rules: [{reply: {text: a, citations: [{document: 0, pages: [2, 1]}]}}]",
         "$.rules[0].reply.citations[0].pages: expected where it starts and where it ends, like [0, 12]"),
        ("rules: [{reply: {text: a, citations: [{document: 0, pages: [1, 2], blocks: [0, 1]}]}}]",
         "$.rules[0].reply.citations[0]: `pages` and `blocks` exclude each other"),
        ("rules: [{reply: {reasoning: {redacted: ''}}}]",
         "$.rules[0].reply.reasoning: expected a text, or {redacted: ...} with what is told in its place"),
        ("rules: [{reply: {web_search: {results: []}}}]",
         "$.rules[0].reply.web_search: a web_search needs `query`"),
        ("rules: [{reply: {web_search: {query: a, results: [{title: b}]}}}]",
         "$.rules[0].reply.web_search.results[0]: this needs `url`"),
        ("rules: [{reply: {web_search: {query: a, result: []}}}]",
         '$.rules[0].reply.web_search: unknown key "result" (did you mean "results"?)'),
        ("rules: [{reply: {file_search: {query: a, results: [{file: b, score: high}]}}}]",
         "$.rules[0].reply.file_search.results[0].score: expected a number, found the text 'high'"),
        ("rules: [{reply: {file_search: {query: a, results: [{file: b, attributes: c}]}}}]",
         "$.rules[0].reply.file_search.results[0].attributes: expected a mapping, found the text 'c'"),
        ("rules: [{reply: {mcp: search}}]",
         "$.rules[0].reply.mcp: expected a mapping with server, name, arguments, output, error, id; "
         "found the text 'search'"),
        ("rules: [{reply: {mcp: {server: a, name: b, arguments: [c]}}}]",
         "$.rules[0].reply.mcp.arguments: expected a mapping or JSON text, found a list"),
        ("rules: [{reply: {text: a, web_search: b, parts: [c]}}]",
         "$.rules[0].reply: `parts` says everything that is answered: move `text` into it"),
        ("rules: [{reply: {parts: [{tool_cal: {name: f}}]}}]",
         '$.rules[0].reply.parts[0]: unknown key "tool_cal" (did you mean "tool_call"?)'),
        ("rules: [{reply: {text: 1.5}}]",
         '$.rules[0].reply.text: expected a text, found the value 1.5 (put it in quotes: "1.5")'),
        ("rules: [{reply: {text: }}]", "$.rules[0].reply.text: expected a text, found nothing"),
        ("prompts: [a]", "$.prompts: expected prompts by their ids, found a list"),
        ("prompts: {p: {model: m}}", "$.prompts.p: a prompt needs `instructions`"),
        ("prompts: {p: {instructions: a, modell: m}}",
         '$.prompts.p: unknown key "modell" (did you mean "model"?)'),
        ("rules: [{reply: {text: a, stop: stopped}}]",
         '$.rules[0].reply.stop: unknown stop reason "stopped" '
         "(known: end, length, stop_sequence, tool_call, content_filter, pause, context_window)"),
        ("rules: [{reply: {text: a, logprobs: {a: 0.5}}}]",
         "$.rules[0].reply.logprobs.a: expected a log probability, 0 or less; found the value 0.5"),
        ("rules: [{reply: {text: a, logprobs: [a]}}]",
         "$.rules[0].reply.logprobs: expected tokens like {Yes: -0.1, No: -2.3}, found a list"),
        ("rules: [{reply: {tool_calls: {name: f}}}]",
         "$.rules[0].reply.tool_calls: expected a list, found a mapping"),
        ("rules: [{reply: {tool_calls: [{arguments: {}}]}}]",
         "$.rules[0].reply.tool_calls[0]: a tool call needs a `name`"),
        ("rules: [{reply: {tool_calls: [{name: f, arguments: [1]}]}}]",
         "$.rules[0].reply.tool_calls[0].arguments: expected a mapping or JSON text, found a list"),
        ("rules: [{reply: {tool_calls: [{name: f, args: {}}]}}]",
         '$.rules[0].reply.tool_calls[0]: unknown key "args" (did you mean "arguments"?)'),
        ("rules: [{reply: {template: '{{ usr }}'}}]",
         '$.rules[0].reply.template: unknown variable "usr" (did you mean "user"?)'),
        ("rules: [{when: {user: {regex: '(?P<city>.)'}}, reply: {parts: [{template: '{{ groups.cty }}'}]}}]",
         '$.rules[0].reply.parts[0].template: unknown group "cty" (did you mean "city"?)'),
    ],
)  # fmt: skip
def test_a_mistake_says_where_and_what_to_do(text: str, message: str) -> None:
    with pytest.raises(SettingsError) as error:
        rules(text)
    assert str(error.value) == f"rules.yaml: {message}"


def test_a_file_that_is_not_text_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"^rules\.yaml: not YAML: .*invalid"):
        load("rules.yaml", b"rules: \xff\xfe")


# --- Selecting ------------------------------------------------------------------------------------------

ORDER = """
rules:
- {when: {user: a}, reply: first with a}
- {when: {user: {regex: b}}, reply: first with b}
- {when: {user: ab}, reply: never}
- {when: {model: special}, reply: by model}
- {when: {user: a, model: special}, priority: 1, reply: urgent}
- {when: {user: c}, priority: -1, reply: last}
- {reply: anything}
- {when: {user: d}, reply: too late}
"""


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        (asked("xay"), "first with a"),
        (asked("ab"), "first with a"),
        (asked("b"), "first with b"),
        (asked("AB", model="special"), "urgent"),
        (asked("x", model="special"), "by model"),
        (asked("c"), "anything"),
        (asked("d"), "anything"),
        (asked(""), "anything"),
    ],
)
def test_the_first_rule_that_matches_answers_by_priority_then_place(request_: Request, reply: str) -> None:
    assert answer(ORDER, request_) == Reply((Text(reply),))


def test_nothing_is_selected_when_no_rule_matches() -> None:
    assert answer("rules: [{when: {user: a}, reply: b}]", asked("x")) is None


def test_a_static_reply_is_made_once() -> None:
    found = rules("rules: [{when: {user: a}, reply: b}]")
    first, second = found.select(asked("a")), found.select(asked("aa"))
    assert first is not None
    assert second is not None
    assert first.reply is second.reply


def test_groups_of_several_matchers_come_together() -> None:
    text = r"rules: [{when: {user: {regex: '(?P<a>\d)'}, model: {regex: '(?P<b>\d)'}}, reply: x}]"
    match = rules(text).select(asked("5"))
    assert match is not None
    assert match.groups == {"a": "5", "b": "4"}


def test_literals_that_overlap_are_all_found() -> None:
    text = """
rules:
- {when: {user: hers, turn: 2}, reply: never}
- {when: {user: she}, reply: a}
- {when: {user: he}, reply: b}
"""
    assert answer(text, asked("ushers")) == Reply((Text("a"),))
    assert answer(text, asked("the")) == Reply((Text("b"),))


def test_a_long_text_is_searched_whole() -> None:
    text = "rules: [{when: {user: needle}, reply: found}]"
    assert answer(text, asked("hay " * 50_000 + "NEEDLE")) == Reply((Text("found"),))


def test_only_rules_that_can_match_are_evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluated: list[str] = []
    match: Callable[..., Any] = User.match

    def counted(self: User, request: Request) -> Any:
        evaluated.append(self.test.expected)
        return match(self, request)

    monkeypatch.setattr(User, "match", counted)
    found = rules("rules:\n" + "".join(f"- {{when: {{user: word{i}x}}, reply: r{i}}}\n" for i in range(1000)))
    selected = found.select(asked("word7x, please"))
    assert selected is not None
    assert selected.reply == Reply((Text("r7"),))
    assert evaluated == ["a text that contains 'word7x'"]


def test_a_request_like_one_before_is_not_matched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    found = rules("rules: [{when: {user: a, not: {turn: 2}}, reply: {template: '{{ model }}'}}]")
    before = found.select(asked("a", model="one"))
    monkeypatch.setattr(User, "match", None)
    again = found.select(asked("a", model="two"))
    assert before is not None
    assert again is not None
    assert (before.reply.text, again.reply.text) == ("one", "two")
    with pytest.raises(TypeError):
        found.select(asked("aa"))


def test_only_so_many_requests_are_remembered() -> None:
    found = rules("rules: [{when: {user: a}, reply: b}]")
    for n in range(CACHED_KEYS + 3):
        assert found.select(asked(f"a{n}")) is not None
    assert found.select(asked("a" * (CACHED_CHARS + 1))) is not None
    assert len(found._matching) == 3


def test_rules_that_look_at_very_many_things_are_matched_each_time() -> None:
    class Own(User, frozen=True):
        def looks(self) -> frozenset[Look]:
            return frozenset({lambda request, n=n: (n,) for n in range(CACHED_LOOKS + 1)})

    found = RuleSet([Rule((Own(Contains.of("a")),), (Response(Reply((Text("b"),))),))])
    assert found.select(asked("a")) is not None
    assert found.select(asked("x")) is None
    assert found._matching == {}


def test_the_rarest_fact_of_a_rule_is_looked_up() -> None:
    text = "rules:\n" + "".join(
        f"- {{when: {{user: weather, tools: tool{i}, turn: 1}}, reply: r{i}}}\n" for i in range(100)
    )
    found = rules(text)
    assert list(found._index.candidates(asked("weather", tools=(Tool("tool42"),)))) == [42]
    assert list(found._index.candidates(asked("weather"))) == []


WORDS = ("sun", "rain", "Snow", "wind", "fog")


def some_when(chance: random.Random, deep: bool = True) -> dict[str, Any]:
    word = chance.choice(WORDS)
    forms: list[dict[str, Any]] = [
        {"user": word},
        {"user": {"starts_with": word}},
        {"user": {"regex": word}},
        {"user": {"one_of": [word, "sun rain"]}},
        {"system": word},
        {"model": chance.choice(("gpt-4o", "gpt-*", "o1"))},
        {"tools": {"one_of": [word, "fog"]}},
        {"turn": chance.choice((1, 2, [1, 3], "2.."))},
    ]
    if deep:
        inner = [some_when(chance, False) for _ in range(chance.randint(1, 3))]
        forms += [{"any": inner}, {"all": inner}, {"not": inner[0]}]
    return {k: v for form in chance.sample(forms, chance.randint(0, 3)) for k, v in form.items()} or {
        "user": word
    }


def test_the_index_selects_what_asking_every_rule_in_order_would() -> None:
    chance = random.Random(7)
    for _ in range(60):
        whens = [some_when(chance) for _ in range(chance.randint(1, 12))]
        found = rules(str({"rules": [{"when": w, "reply": str(i) + "."} for i, w in enumerate(whens)]}))
        for _ in range(8):
            words = " ".join(chance.choices(WORDS, k=chance.randint(0, 3)))
            before = [Message("system", (Text(chance.choice(WORDS)),))]
            before += [Message("assistant", (Text("ok"),))] * chance.randint(0, 2)
            tools = tuple(Tool(name) for name in chance.sample(WORDS, chance.randint(0, 2)))
            request = asked(words, *before, tools=tools, model=chance.choice(("gpt-4o", "o1")))
            first = next((r for r in found.rules if all(v.ok for v in r.verdicts(request))), None)
            match = found.select(request)
            assert (match and match.rule) is first


# --- Near misses ----------------------------------------------------------------------------------------

NEAR = """
rules:
- {name: far, when: {user: invoice, turn: 2}, reply: a}
- {name: typo, when: {user: wether}, reply: b}
- {name: one of two, when: {user: weather, turn: 2}, reply: c}
- {name: two of three, when: {user: weather, model: gpt-*, turn: 3}, reply: d}
- {name: matches, when: {user: weather}, reply: e}
- {name: always, reply: f}
"""


def test_near_misses_come_nearest_first_and_say_what_failed() -> None:
    misses = rules(NEAR).near_misses(asked("How is the weather?"))
    assert [(miss.rule.name, miss.why) for miss in misses] == [
        ("two of three", ("turn: expected 3, found 1",)),
        ("one of two", ("turn: expected 2, found 1",)),
        ("typo", ("user: expected a text that contains 'wether', found 'How is the weather?'",)),
    ]


def test_as_many_near_misses_come_as_are_asked_for() -> None:
    found = rules(NEAR)
    assert [miss.rule.name for miss in found.near_misses(asked("How is the weather?"), 1)] == ["two of three"]
    assert len(found.near_misses(asked("How is the weather?"), 100)) == 4
    assert rules("rules: [{reply: a}]").near_misses(asked("x")) == []


def test_a_near_miss_says_every_condition_that_failed() -> None:
    (miss,) = rules("rules: [{when: {user: a, model: gpt-*, stream: true}, reply: x}]").near_misses(
        asked("b")
    )
    assert miss.why == (
        "user: expected a text that contains 'a', found 'b'",
        "stream: expected true, found false",
    )
    assert [verdict.ok for verdict in miss.verdicts] == [False, True, False]
