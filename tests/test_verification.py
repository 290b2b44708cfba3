"""Verification: whether what was asked and answered is as wanted, and what is told where it is not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from understudy.app import App
from understudy.errors import Place, SettingsError
from understudy.journal import Exchange
from understudy.model import (
    AnyRequest,
    EmbeddingReply,
    EmbeddingRequest,
    Head,
    HttpRequest,
    Message,
    ModelsReply,
    ModelsRequest,
    Reasoning,
    Refusal,
    Reply,
    Request,
    Send,
    Text,
    Tool,
    ToolCall,
    Usage,
)
from understudy.settings import Settings
from understudy.verification import Verification, read_wanted, verify

HTTP = HttpRequest("POST", "/v1/chat/completions")


def asked(user: str, model: str = "gpt-4o", **more: Any) -> Request:
    messages = (Message("user", (Text(user),)),)
    return Request("openai-chat", "chat", model, messages, {"model": model}, **more)


def exchange(number: int, **more: Any) -> Exchange:
    known = {"http": HTTP, "model": "gpt-4o", "status": 200, "outcome": "complete"}
    return Exchange(number=number, at=0.0, **{**known, **more})


class Story:
    """A few exchanges, numbered from 1, and what each of them asked."""

    def __init__(self, *told: tuple[AnyRequest | None, Mapping[str, Any]]) -> None:
        self.requests = dict(enumerate((request for request, _ in told), 1))
        self.exchanges = [exchange(number, **more) for number, (_, more) in enumerate(told, 1)]

    def request_of(self, exchange: Exchange) -> AnyRequest | None:
        return self.requests[exchange.number]

    def verify(self, wanted: Mapping[str, Any]) -> Verification:
        return verify(self.exchanges, self.request_of, read_wanted(wanted, Place("verify")))


PARIS = ToolCall("get_weather", '{"city":"Paris","days":[1,2]}')
WEATHER = (
    asked("How is the weather?", tools=(Tool("get_weather"),)),
    {"reply": Reply((PARIS,), "tool_call"), "input_tokens": 20, "output_tokens": 10},
)
HELLO = (
    asked("Hello there", "gpt-4o-mini"),
    {
        "reply": Reply((Reasoning("Be kind."), Text("Hello, friend."))),
        "model": "gpt-4o-mini",
        "answered_by": "autopilot: greeting",
        "input_tokens": 4,
        "output_tokens": 3,
    },
)
LIMITED = (asked("Hello again"), {"status": 429, "error": "Rate limit reached", "answered_by": "refused"})
UNREAD = (None, {"status": 400, "model": "", "error": "We could not parse the JSON body of your request."})
EMBEDDED = (
    EmbeddingRequest("openai-embeddings", "text-embedding-3-small", ("weather",), {"input": "weather"}),
    {
        "http": HttpRequest("POST", "/v1/embeddings", (b"x-tenant", b"acme")),
        "model": "text-embedding-3-small",
        "reply": EmbeddingReply((b"",), Usage(1)),
    },
)
LISTED = (
    ModelsRequest("openai-models"),
    {"http": HttpRequest("GET", "/v1/models"), "model": "", "reply": ModelsReply(())},
)
DAY = Story(WEATHER, HELLO, LIMITED, UNREAD, EMBEDDED, LISTED)


@pytest.mark.parametrize(
    ("when", "count"),
    [
        ({}, 6),
        ({"user": "weather"}, 1),
        ({"user": "HELLO"}, 2),
        ({"tools": "get_weather", "turn": 1}, 1),
        ({"model": "gpt-4o"}, 2),
        ({"model": "gpt-*"}, 3),
        ({"operation": "embedding"}, 1),
        ({"operation": "models"}, 1),
        ({"headers": {"x-tenant": "acme"}}, 1),
        ({"body": {"$.input": "weather"}}, 1),
        ({"not": {"user": "weather"}}, 2),
        ({"not": {"model": "gpt-*"}}, 2),
        ({"not": {"status": 200}}, 2),
        ({"not": {"reply": {"tool_call": {"exists": True}}}}, 2),
        ({"not": {"any": [{"user": "weather"}, {"status": 429}]}}, 1),
        ({"not": {"all": [{"status": 200}, {"path": "/v1/models"}]}}, 5),
        ({"not": {"reply": {"tool_call": "get_weather"}, "user": "weather"}}, 2),
        ({"any": [{"user": "weather"}, {"path": "/v1/embeddings"}]}, 2),
        ({"all": [{"user": "hello"}, {"status": 429}]}, 1),
        ({"any": [{"user": "hello", "status": 200}, {"status": 400}]}, 2),
        ({"status": {"gt": 399}}, 2),
        ({"path": "/v1/*"}, 6),
        ({"outcome": "cut"}, 0),
        ({"error": "rate limit"}, 1),
        ({"error": {"exists": False}}, 4),
        ({"warning": {"exists": True}}, 0),
        ({"answered_by": "autopilot"}, 1),
        ({"faults": {"exists": True}}, 0),
    ],
)
def test_what_a_when_finds(when: Mapping[str, Any], count: int) -> None:
    found = DAY.verify({"when": when, "times": count})
    assert found.ok, found.message
    assert found.count == count


@pytest.mark.parametrize(
    ("reply", "holds"),
    [
        ("friend", True),
        ({"text": "friend"}, True),
        ({"text": {"equals": "Hello, friend."}}, True),
        ({"text": "foe"}, False),
        ({"reasoning": "kind"}, True),
        ({"refusal": {"exists": False}}, True),
        ({"refusal": "sorry"}, False),
        ({"stop": "end"}, True),
        ({"stop": "length"}, False),
        ({"text": "friend", "stop": "length"}, False),
        ({"tool_call": {"exists": False}}, True),
        ({"tool_call": {"name": "*"}}, False),
        ({"tool_call": {"arguments": {"city": "Paris"}}}, False),
    ],
)
def test_what_a_text_was_like(reply: Any, holds: bool) -> None:
    assert Story(HELLO).verify({"when": {"reply": reply}}).ok is holds


@pytest.mark.parametrize(
    ("call", "holds"),
    [
        ("get_weather", True),
        ("get_*", True),
        ("get_time", False),
        ({"one_of": ["get_time", "get_weather"]}, True),
        ({"exists": False}, False),
        ({"name": "get_weather"}, True),
        ({"name": "get_weather", "arguments": {}}, True),
        ({"name": "get_weather", "arguments": {"city": "paris"}}, True),
        ({"name": "get_weather", "arguments": {"city": {"equals": "paris"}}}, False),
        ({"name": "get_weather", "arguments": {"city": "London"}}, False),
        ({"name": "get_time", "arguments": {"city": "Paris"}}, False),
        ({"arguments": {"city": "Paris"}}, True),
        ({"arguments": {"$.days[1]": 2}}, True),
        ({"arguments": {"days": {"equals": [1, 2]}}}, True),
        ({"arguments": {"country": {"exists": False}}}, True),
        ({"arguments": {"country": "France"}}, False),
    ],
)
def test_which_tools_were_called(call: Any, holds: bool) -> None:
    assert Story(WEATHER).verify({"when": {"reply": {"tool_call": call}}}).ok is holds


def test_one_call_must_have_the_name_and_the_arguments() -> None:
    both = Reply((ToolCall("get_weather", '{"city":"Paris"}'), ToolCall("get_time", '{"city":"Rome"}')))
    story = Story((asked("Both"), {"reply": both}))
    call = {"name": "get_weather", "arguments": {"city": "Rome"}}
    assert not story.verify({"when": {"reply": {"tool_call": call}}}).ok


def test_every_choice_is_looked_at() -> None:
    other = Reply((Refusal("I will not."),), "content_filter")
    story = Story((asked("Twice"), {"reply": Reply((Text("Yes."),), others=(other,))}))
    assert story.verify({"when": {"reply": {"refusal": "not", "stop": "content_filter"}}}).ok


def test_arguments_that_are_no_json_have_nothing_in_them() -> None:
    story = Story((asked("Break it"), {"reply": Reply((ToolCall("go", '{"city": "Par'),))}))
    found = story.verify({"when": {"reply": {"tool_call": {"name": "go", "arguments": {"city": "Paris"}}}}})
    assert found.nearest[0].why == (
        "reply tool_call go city: expected a text that contains 'Paris', found nothing",
    )


@pytest.mark.parametrize(
    ("count", "ok", "expected"),
    [
        ({}, True, "at least 1 exchange"),
        ({"times": 2}, True, "exactly 2 exchanges"),
        ({"times": 1}, False, "exactly 1 exchange"),
        ({"times": 0}, False, "no exchange"),
        ({"at_least": 2}, True, "at least 2 exchanges"),
        ({"at_least": 3}, False, "at least 3 exchanges"),
        ({"at_most": 2}, True, "at most 2 exchanges"),
        ({"at_most": 1}, False, "at most 1 exchange"),
        ({"at_least": 1, "at_most": 2}, True, "1 to 2 exchanges"),
        ({"at_least": 3, "at_most": 4}, False, "3 to 4 exchanges"),
    ],
)
def test_how_often(count: Mapping[str, int], ok: bool, expected: str) -> None:
    found = DAY.verify({"when": {"user": "hello"}, **count})
    assert (found.ok, found.count) == (ok, 2)
    assert found.expected == f'{expected} like {{"user": "hello"}}'


def test_without_a_count_none_is_too_few() -> None:
    assert not DAY.verify({"when": {"user": "goodbye"}}).ok
    assert DAY.verify({"when": {"user": "goodbye"}, "at_most": 3}).ok


def test_too_few_tell_the_nearest_and_what_did_not_hold() -> None:
    found = DAY.verify({"when": {"user": "weather", "model": "gpt-4o-mini"}})
    assert found.message == (
        'expected at least 1 exchange like {"user": "weather", "model": "gpt-4o-mini"}, found 0 of 6\n'
        "nearest:\n"
        "  #1 'How is the weather?' (/v1/chat/completions, 200)\n"
        "     model: expected 'gpt-4o-mini', found 'gpt-4o'\n"
        "  #2 'Hello there' (/v1/chat/completions, 200)\n"
        "     user: expected a text that contains 'weather', found 'Hello there'\n"
        "  #3 'Hello again' (/v1/chat/completions, 429)\n"
        "     user: expected a text that contains 'weather', found 'Hello again'\n"
        "     model: expected 'gpt-4o-mini', found 'gpt-4o'"
    )
    first = found.nearest[0]
    assert (first.id, first.path, first.status, first.user) == (
        1,
        "/v1/chat/completions",
        200,
        "How is the weather?",
    )
    assert first.why == ("model: expected 'gpt-4o-mini', found 'gpt-4o'",)


def test_too_many_tell_which() -> None:
    found = Story(HELLO, HELLO, LIMITED, HELLO, HELLO).verify({"when": {"user": "there"}, "times": 0})
    assert found.message == (
        'expected no exchange like {"user": "there"}, found 4 of 5\n'
        "found:\n"
        "  #1 'Hello there' (/v1/chat/completions, 200)\n"
        "  #2 'Hello there' (/v1/chat/completions, 200)\n"
        "  #4 'Hello there' (/v1/chat/completions, 200)\n"
        "  and 1 more"
    )
    assert found.nearest == ()


@pytest.mark.parametrize(
    ("told", "when", "why"),
    [
        (LIMITED, {"reply": "Hello"}, "reply: expected a reply, found the status 429"),
        (
            (asked("Cut"), {"faults": ("cut",)}),
            {"reply": {"stop": "end"}},
            "reply stop: expected a reply, found the status 200, with cut",
        ),
        (
            (asked("Waiting"), {"status": 0, "outcome": "open"}),
            {"reply": {"tool_call": "go"}},
            "reply tool_call: expected a reply, found no answer",
        ),
        (LISTED, {"reply": "Hello"}, "reply: expected a reply, found an answer that is no text"),
        (LISTED, {"user": "Hello"}, "user: expected a conversation, found the operation models"),
        (
            EMBEDDED,
            {"not": {"user": "Hello"}},
            "not: expected a conversation, found the operation embedding",
        ),
        (UNREAD, {"user": "Hello"}, "user: expected a request, found one that cannot be read"),
        (UNREAD, {"not": {"user": "Hello"}}, "not: expected a request, found one that cannot be read"),
        (WEATHER, {"reply": {"tool_call": "go"}}, "reply tool_call: expected 'go', found 'get_weather'"),
        (
            HELLO,
            {"reply": {"tool_call": {"arguments": {}}}},
            "reply tool_call: expected a call, found nothing",
        ),
        (HELLO, {"status": {"gt": 399}}, "status: expected a number over 399, found 200"),
        (HELLO, {"not": {"status": 200}}, "not: expected none of (status: expected 200, found 200)"),
    ],
)
def test_why_an_exchange_is_a_miss(told: Any, when: Mapping[str, Any], why: str) -> None:
    assert Story(told).verify({"when": when}).nearest[0].why == (why,)


def test_an_exchange_with_nothing_to_compare_is_no_near_miss_where_others_are() -> None:
    found = DAY.verify({"when": {"user": "goodbye"}})
    assert {miss.id for miss in found.nearest} == {1, 2, 3}


def test_the_right_tool_with_other_arguments_is_nearer_than_another_tool() -> None:
    rome = ToolCall("get_weather", '{"city":"Rome"}')
    story = Story(
        (asked("a"), {"reply": Reply((rome,))}),
        (asked("b"), {"reply": Reply((ToolCall("get_time", '{"city":"Oslo"}'),))}),
    )
    call = {"name": "get_weather", "arguments": {"city": "Oslo"}}
    found = story.verify({"when": {"reply": {"tool_call": call}}})
    assert [(miss.id, miss.why) for miss in found.nearest] == [
        (1, ("reply tool_call get_weather city: expected a text that contains 'Oslo', found 'Rome'",)),
        (2, ("reply tool_call: expected 'get_weather', found 'get_time'",)),
    ]


# --- order --------------------------------------------------------------------------------------------

A, B, C = ((asked(user), {"reply": Reply((Text("ok"),))}) for user in ("alpha", "beta", "gamma"))
FIRST, SECOND, THIRD = {"user": "alpha"}, {"user": "beta"}, {"user": "gamma"}


@pytest.mark.parametrize(
    ("story", "order", "count"),
    [
        (Story(A, B, C), [FIRST, SECOND, THIRD], 3),
        (Story(A, B, C), [FIRST, THIRD], 2),
        (Story(C, A, C, B), [FIRST, SECOND], 2),
        (Story(A, A), [FIRST, FIRST], 2),
        (Story(A, B, A, C), [FIRST, SECOND, {"user": "alpha", "status": 200}, THIRD], 4),
    ],
)
def test_an_order_lets_others_come_between(story: Story, order: list[Any], count: int) -> None:
    found = story.verify({"order": order})
    assert (found.ok, found.count) == (True, count)


@pytest.mark.parametrize(
    ("story", "order", "count"),
    [
        (Story(B, A), [FIRST, SECOND], 1),
        (Story(A), [FIRST, FIRST], 1),
        (Story(), [FIRST], 0),
        (Story(B, C), [FIRST, SECOND, THIRD], 0),
        (Story(A, C, B), [FIRST, SECOND, THIRD], 2),
    ],
)
def test_an_order_that_is_not_kept(story: Story, order: list[Any], count: int) -> None:
    found = story.verify({"order": order})
    assert (found.ok, found.count) == (False, count)


@pytest.mark.parametrize(
    ("story", "ok"),
    [(Story(A, B), True), (Story(A, C, B), False), (Story(C, A, B), False), (Story(A, B, C), False)],
)
def test_without_others_there_must_be_nothing_else(story: Story, ok: bool) -> None:
    assert story.verify({"order": [FIRST, SECOND], "others": False}).ok is ok


def test_a_when_narrows_what_an_order_looks_at() -> None:
    wanted = {"when": {"model": "gpt-4o"}, "order": [FIRST, SECOND], "others": False}
    assert Story(A, HELLO, B).verify(wanted).ok
    assert Story(A, C, B).verify(wanted).expected == (
        '2 exchanges in this order and no others among those like {"model": "gpt-4o"}'
    )


def test_a_broken_order_tells_how_far_it_was_kept() -> None:
    assert Story(B, A, C).verify({"order": [FIRST, SECOND]}).message == (
        "expected 2 exchanges in this order\n"
        '  {"user": "alpha"}: #2 \'alpha\' (/v1/chat/completions, 200)\n'
        '  {"user": "beta"}: not found after #2\n'
        "     but before: #1 'beta' (/v1/chat/completions, 200)\n"
        "nearest:\n"
        "  #3 'gamma' (/v1/chat/completions, 200)\n"
        "     user: expected a text that contains 'beta', found 'gamma'"
    )


def test_others_after_the_last_step_are_told() -> None:
    assert Story(A, B, C).verify({"order": [FIRST, SECOND], "others": False}).message == (
        "expected 2 exchanges in this order and no others\n"
        '  {"user": "alpha"}: #1 \'alpha\' (/v1/chat/completions, 200)\n'
        '  {"user": "beta"}: #2 \'beta\' (/v1/chat/completions, 200)\n'
        "and others after them:\n"
        "  #3 'gamma' (/v1/chat/completions, 200)"
    )


# --- tokens and cost ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "totals", "complaint"),
    [
        ({"tokens": {"at_most": 37}}, {"tokens": 37}, ""),
        ({"tokens": {"at_most": 36}}, {"tokens": 37}, "tokens: expected at most 36, found 37"),
        ({"tokens": {"at_least": 5000}}, {"tokens": 37}, "tokens: expected at least 5,000, found 37"),
        (
            {"input_tokens": {"at_most": 24}, "output_tokens": {"at_least": 13}},
            {"input_tokens": 24, "output_tokens": 13},
            "",
        ),
        (
            {"output_tokens": {"at_most": 12.5}},
            {"output_tokens": 13},
            "output_tokens: expected at most 12.5, found 13",
        ),
    ],
)
def test_tokens_are_summed_up(limits: Mapping[str, Any], totals: Mapping[str, float], complaint: str) -> None:
    found = DAY.verify(limits)
    assert (found.ok, found.totals) == (not complaint, totals)
    assert found.message.endswith(complaint)


def test_cost_is_by_the_first_price_for_the_model() -> None:
    prices = {"gpt-4o-mini": {"input": 1, "output": 2}, "gpt-*": {"input": 10, "output": 100}}
    found = Story(WEATHER, HELLO).verify({"cost": {"at_most": 0.00121}, "prices": prices})
    assert found.totals == {"cost": 0.00121}  # 20 * 10 + 10 * 100 + 4 * 1 + 3 * 2, in millionths
    assert found.ok
    dear = Story(WEATHER, HELLO).verify({"cost": {"at_most": 0.0012}, "prices": prices})
    assert dear.message == "2 exchanges:\ncost: expected at most 0.0012, found 0.00121"


def test_a_model_without_a_price_is_told() -> None:
    prices = {"gpt-4o": {"input": 1, "output": 1}}
    found = DAY.verify({"when": {"user": "h"}, "cost": {"at_most": 1}, "prices": prices})
    assert not found.ok
    assert found.message.splitlines()[1] == "cost: no price for 'gpt-4o-mini'; add it to prices"


def test_too_few_and_too_dear_are_told_together() -> None:
    found = DAY.verify({"when": {"user": "weather"}, "times": 2, "tokens": {"at_most": 1}})
    assert found.message.splitlines()[:2] == [
        'expected exactly 2 exchanges like {"user": "weather"}, found 1 of 6',
        "tokens: expected at most 1, found 30",
    ]


# --- mistakes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (
            [],
            'verify: $: expected a mapping like {"when": {"user": "weather"}, "times": 1}, '
            "found an empty list",
        ),
        ({"wen": {}}, 'verify: $: unknown key "wen" (did you mean "when"?)'),
        ({"user": "x"}, 'verify: $: unknown key "user" (it belongs in `when`)'),
        ({"reply": "x"}, 'verify: $: unknown key "reply" (it belongs in `when`)'),
        (
            {"when": "weather"},
            "verify: $.when: expected a mapping like {user: weather}, found the text 'weather'",
        ),
        ({"when": {"usr": "x"}}, 'verify: $.when: unknown key "usr" (did you mean "user"?)'),
        ({"when": {"repl": "x"}}, 'verify: $.when: unknown key "repl" (did you mean "reply"?)'),
        (
            {"when": {"user": {"contain": "x"}}},
            'verify: $.when.user: unknown form for a text "contain" (did you mean "contains"?)',
        ),
        (
            {"when": {"scenario": {"a": "b"}}},
            "verify: $.when.scenario: cannot be verified: the journal does not keep the states of scenarios",
        ),
        (
            {"when": {"any": []}},
            "verify: $.when.any: expected a list of conditions like [{user: a}, {user: b}], "
            "found an empty list",
        ),
        (
            {"when": {"any": [{"user": "a"}, {}]}},
            "verify: $.when.any[1]: expected conditions, found an empty mapping",
        ),
        (
            {"when": {"not": {"any": [{"statu": 1}]}}},
            'verify: $.when.not.any[0]: unknown key "statu" (did you mean "status"?)',
        ),
        ({"when": {"status": "200"}}, "verify: $.when.status: expected a number, found the text '200'"),
        (
            {"when": {"reply": 5}},
            "verify: $.when.reply: expected a mapping like {text: sunny} or {tool_call: "
            "get_weather}, found the value 5",
        ),
        (
            {"when": {"reply": {}}},
            "verify: $.when.reply: expected one of text, reasoning, refusal, stop, "
            "tool_call, found an empty mapping",
        ),
        (
            {"when": {"reply": {"tool_calls": "x"}}},
            'verify: $.when.reply: unknown key "tool_calls" (did you mean "tool_call"?)',
        ),
        (
            {"when": {"reply": {"tool_call": {"name": "x", "args": {}}}}},
            'verify: $.when.reply.tool_call: unknown key "args" (did you mean "arguments"?)',
        ),
        (
            {"when": {"reply": {"tool_call": {"arguments": "x"}}}},
            "verify: $.when.reply.tool_call.arguments: expected arguments like {city: "
            "Paris}, found the text 'x'",
        ),
        ({"times": -1}, "verify: $.times: expected a number of exchanges, found the value -1"),
        ({"times": True}, "verify: $.times: expected a number of exchanges, found the value true"),
        ({"at_least": 1.5}, "verify: $.at_least: expected a number of exchanges, found the value 1.5"),
        (
            {"times": 1, "at_most": 2},
            "verify: $: times says it all: give times alone, or at_least and at_most",
        ),
        ({"at_least": 3, "at_most": 2}, "verify: $: no count is at least 3 and at most 2"),
        (
            {"order": []},
            "verify: $.order: expected a list like [{user: first}, {user: then}], found an empty list",
        ),
        ({"order": [{"usr": "x"}]}, 'verify: $.order[0]: unknown key "usr" (did you mean "user"?)'),
        (
            {"order": [{}], "times": 1},
            "verify: $.times: does not go together with order: verify it in a call of its own",
        ),
        ({"order": [{}], "others": 0}, "verify: $.others: expected true or false, found the value 0"),
        (
            {"others": False},
            "verify: $.others: says whether other calls may come between those of order: give order",
        ),
        (
            {"tokens": 5000},
            'verify: $.tokens: expected a mapping like {"at_most": 5000}, found the value 5000',
        ),
        ({"tokens": {}}, "verify: $.tokens: expected at_most or at_least, found an empty mapping"),
        (
            {"tokens": {"at_most": "5"}},
            "verify: $.tokens.at_most: expected a number from 0 up, found the text '5'",
        ),
        (
            {"cost": {"at_most": 1}},
            'verify: $.prices: missing: what a million tokens cost, by model, like {"*": '
            '{"input": 2.5, "output": 10}}',
        ),
        (
            {"prices": {"*": {"input": 1, "output": 1}}},
            'verify: $.cost: missing: prices are there for cost, like {"at_most": 0.05}',
        ),
        (
            {"cost": {"at_most": 1}, "prices": {"gpt": {"input": 1}}},
            "verify: $.prices.gpt.output: missing: what a million tokens cost",
        ),
        (
            {"cost": {"at_most": 1}, "prices": {}},
            'verify: $.prices: expected prices of a million tokens, by model, like {"*": '
            '{"input": 2.5, "output": 10}}',
        ),
    ],
)
def test_a_mistake_says_where_it_is_and_what_to_do(wanted: Any, message: str) -> None:
    with pytest.raises(SettingsError) as mistake:
        read_wanted(wanted, Place("verify"))
    assert str(mistake.value) == message


def test_what_is_nested_too_deep_is_refused() -> None:
    when: dict[str, Any] = {"user": "x"}
    for _ in range(2_000):
        when = {"not": when}
    with pytest.raises(SettingsError, match="nested too deep"):
        read_wanted({"when": when}, Place("verify"))


# --- over HTTP ----------------------------------------------------------------------------------------

LOCAL = (b"host", b"localhost:8080")


def call(app: App, path: str, body: Any, headers: tuple[bytes, ...] = LOCAL) -> tuple[int, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    steps = list(app.handle(HttpRequest("POST", path, headers, data)))
    head, send = steps[0], steps[-1]
    assert isinstance(head, Head)
    assert isinstance(send, Send)
    return head.status, json.loads(send.data)


def chat(app: App, user: str, headers: tuple[bytes, ...] = LOCAL, space: str = "") -> int:
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": user}]}
    return call(app, f"{space}/v1/chat/completions", body, headers)[0]


def check(app: App, wanted: Any, space: str = "") -> tuple[int, Any]:
    return call(app, f"{space}/_understudy/verify", wanted)


@pytest.fixture
def app() -> App:
    return App(Settings())


def test_what_is_as_wanted_is_ok(app: App) -> None:
    chat(app, "How is the weather?")
    assert check(app, {"when": {"user": "weather"}, "times": 1}) == (
        200,
        {"ok": True, "count": 1, "expected": 'exactly 1 exchange like {"user": "weather"}'},
    )


def test_what_is_not_is_an_expectation_that_failed(app: App) -> None:
    chat(app, "How is the weather?")
    status, told = check(app, {"when": {"user": "weather in Rome"}, "tokens": {"at_most": 5}})
    assert status == 417
    assert told == {
        "error": {
            "message": 'expected at least 1 exchange like {"user": "weather in Rome"}, found 0 of 1\n'
            "nearest:\n"
            "  #1 'How is the weather?' (/v1/chat/completions, 200)\n"
            "     user: expected a text that contains 'weather in Rome', found 'How is the weather?'"
        },
        "ok": False,
        "count": 0,
        "expected": 'at least 1 exchange like {"user": "weather in Rome"}',
        "totals": {"tokens": 0},
        "nearest": [
            {
                "id": 1,
                "path": "/v1/chat/completions",
                "status": 200,
                "user": "How is the weather?",
                "why": ["user: expected a text that contains 'weather in Rome', found 'How is the weather?'"],
            }
        ],
    }


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"when": {"usr": "x"}}, 'verify: $.when: unknown key "usr" (did you mean "user"?)'),
        (b"{", "the body is not JSON: Input data was truncated"),
    ],
)
def test_a_mistake_in_the_call_is_told(app: App, body: Any, message: str) -> None:
    status, told = check(app, body)
    assert (status, told["error"]["message"]) == (400, message)


def test_the_autopilots_tool_call_and_the_tokens_it_cost_are_verified(app: App) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": schema}}
    messages = [{"role": "user", "content": "What is the weather in Paris?"}]
    call(app, "/v1/chat/completions", {"model": "gpt-4o", "messages": messages, "tools": [tool]})
    called = {"name": "get_weather", "arguments": {"city": "Paris"}}
    assert check(app, {"when": {"reply": {"tool_call": called}}, "tokens": {"at_least": 1}})[0] == 200


def test_tries_that_were_refused_count_and_what_cannot_be_read_has_a_status_alone(app: App) -> None:
    app.main.world.faults.replace([{"fault": {"error": 503}, "times": 2}])
    assert [chat(app, "flaky"), chat(app, "flaky"), chat(app, "flaky")] == [503, 503, 200]
    call(app, "/v1/chat/completions", b"{")
    call(app, "/v1/nowhere", {})
    assert check(app, {"when": {"user": "flaky"}, "times": 3})[0] == 200
    assert check(app, {"when": {"user": "flaky", "status": 503, "faults": "error"}, "times": 2})[0] == 200
    assert check(app, {"when": {"model": {"exists": True}}, "times": 3})[0] == 200
    assert check(app, {"when": {"status": 400, "path": "/v1/chat/completions"}, "times": 1})[0] == 200
    assert check(app, {"when": {"status": 404, "path": "/v1/nowhere"}, "times": 1})[0] == 200


def test_keys_are_masked_and_headers_and_query_seen(app: App) -> None:
    key = (b"authorization", b"Bearer sk-proj-abcdefghijkl", b"x-tenant", b"acme")
    chat(app, "Hello", (*LOCAL, *key))
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}
    call(app, "/v1/chat/completions?team=blue", body)
    assert check(app, {"when": {"key": "sk-p*"}, "times": 1})[0] == 200
    assert check(app, {"when": {"key": "sk-proj-abcdefghijkl"}, "times": 0})[0] == 200
    assert check(app, {"when": {"headers": {"x-tenant": "acme"}}, "times": 1})[0] == 200
    assert check(app, {"when": {"query": {"team": "blue"}}, "times": 1})[0] == 200


def test_a_space_verifies_its_own_exchanges(app: App) -> None:
    chat(app, "Hello", space="/@alice")
    assert check(app, {"times": 1}, "/@alice")[0] == 200
    assert check(app, {"times": 0})[0] == 200


def test_a_journal_of_too_many_is_not_verified_by_halves(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("understudy.control.verify.MOST", 1)
    chat(app, "Hello")
    assert check(app, {"times": 1})[0] == 200
    chat(app, "Hello")
    status, told = check(app, {"times": 2})
    assert (status, told["error"]["message"]) == (
        400,
        "the journal has 2 exchanges, more than the 1 that can be verified at once; "
        "forget them with DELETE /_understudy/requests before what is verified",
    )
