"""Templates: what they can quote, what is refused when a file is read, and what happens when one fails."""

from __future__ import annotations

import re
from typing import Any

import pytest

from understudy.errors import Place, SettingsError
from understudy.model import HttpRequest, Message, Request, Scene, Text, Tool, ToolCall, ToolResult
from understudy.rules import load
from understudy.templates import (
    FROM_SCENE,
    MAX_RANGE,
    MAX_TEXT,
    VARIABLES,
    Extra,
    Template,
    _environment,
    subject,
)

PLACE = Place("rules.yaml", "$.rules[0].reply.template")


def asked(text: str = "What is the weather in Paris?", *before: Message, **fields: Any) -> Request:
    given = {"api": "openai-chat", "operation": "chat", "model": "gpt-4o", "raw": {}} | fields
    return Request(messages=(*before, Message("user", (Text(text),))), **given)


def rendered(
    text: str,
    request: Request | None = None,
    groups: dict[str, str] | None = None,
    extra: Extra | None = None,
) -> str:
    template = Template(text, PLACE, tuple(groups or ()), extra or {}).check()
    return template.render(request or asked(), groups or {})


TALK = asked(
    "And now?",
    Message("system", (Text("Be kind."),)),
    Message("user", (Text("Hi"),)),
    Message("assistant", (ToolCall("get_weather", '{"city": "Paris"}', "call_1"),)),
    Message("tool", (ToolResult("call_1", "21 degrees"),)),
    tools=(Tool("get_weather", "The weather of a city"), Tool("get_time")),
    raw={"metadata": {"tenant": "acme"}},
)
HTTP = HttpRequest(
    "POST",
    "/v1/chat/completions?team=blue&tag=a&tag=b",
    (b"x-tenant", b"acme", b"x-tag", b"one", b"x-tag", b"two"),
)
SCENE = Scene(HTTP, "team-a", count=7, chance=0.25, now=1_795_403_580.5)
HERE = asked(scene=SCENE)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain", "plain"),
        ("{{ user }}", "And now?"),
        ("{{ system }}", "Be kind."),
        ("{{ model }}/{{ turn }}", "gpt-4o/2"),
        ("{{ tool_results[0].name }}: {{ tool_results[0].text }}", "get_weather: 21 degrees"),
        ("{% for m in messages %}{{ m.role }} {% endfor %}", "system user assistant tool user "),
        ("{{ messages | map(attribute='text') | join('|') }}", "Be kind.|Hi||21 degrees|And now?"),
        ("{% for t in tools %}{{ t.name }}={{ t.description }};{% endfor %}",
         "get_weather=The weather of a city;get_time=;"),
        ("{{ user | upper | replace('NOW', 'then') }}", "AND then?"),
        ("{{ user.lower().split()[0] }}", "and"),
        ("{{ 6 * 7 }} {{ 2 ** 10 }} {{ 7 % 4 }}", "42 1024 3"),
        ("{% if turn > 1 %}\n  again\n{% else %}\n  first\n{% endif %}\n", "  again\n"),
        ("{% set city = 'Paris' %}{{ city }}", "Paris"),
        ("{% for n in range(3) %}{{ n }}{% endfor %}", "012"),
        ("<b> & {{ '<i>' }}", "<b> & <i>"),
        ("kept\n", "kept\n"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("one\r\n{# a comment #}two", "one\ntwo"),
        ("{{ api }} {{ operation }}", "openai-chat chat"),
        ("{{ messages[-1].text }}{{ messages[1]['role'] }}", "And now?user"),
        ("{{ tool_calls[0].name }}({{ tool_calls[0].arguments.city }})", "get_weather(Paris)"),
        ("{{ tool_calls[0].id }} {{ tool_calls[0].text }}", 'call_1 {"city": "Paris"}'),
        ("{{ tool_calls | map(attribute='name') | join }}", "get_weather"),
        ("{{ body.metadata.tenant }} {{ body.stop | default('no stop') }}", "acme no stop"),
    ],
)  # fmt: skip
def test_a_template_quotes_the_request(template: str, text: str) -> None:
    assert rendered(template, TALK) == text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ count }}", "7"),
        ("{{ now }}", "2026-11-23T03:13:00Z"),
        ("{{ now[:10] }}", "2026-11-23"),
        ("{{ unix_time }}", "1795403580"),
        ("{{ key }}", "team-a"),
        ("{{ headers['x-tenant'] }} {{ headers['X-Tenant'] }}", "acme acme"),
        ("{{ headers['x-tag'] }}", "one"),
        ("{{ headers['x-other'] | default('none') }}", "none"),
        ("{{ query.team }} {{ query['tag'] }}", "blue a"),
        ("{{ randint(3, 3) }} {{ pick(['only']) }}", "3 only"),
        ("{{ randint(1, 6) in range(1, 7) }} {{ pick([1, 2]) in [1, 2] }}", "True True"),
        ("{{ 0 <= random and random < 1 }}", "True"),
    ],
)
def test_a_template_quotes_the_scene(template: str, text: str) -> None:
    assert rendered(template, HERE) == text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ count }}", "1"),
        ("{{ now }}", "1970-01-01T00:00:00Z"),
        ("{{ key }}", ""),
        ("{{ headers.host | default('no host') }}", "no host"),
    ],
)
def test_without_a_scene_there_is_a_bare_one(template: str, text: str) -> None:
    assert rendered(template, asked()) == text


DRAWN = "{{ random }} {{ randint(1, 1000000) }} {{ pick(range(10000)) }}"


def test_chance_is_the_same_for_the_same_draw_and_its_own_for_each_choice() -> None:
    again = asked("Another text", scene=Scene(HTTP, chance=0.25))
    assert rendered(DRAWN, HERE) == rendered(DRAWN, again)
    assert rendered(DRAWN, HERE) != rendered(DRAWN, asked(scene=Scene(HTTP, chance=0.5)))
    assert rendered(DRAWN, HERE) != rendered(DRAWN, asked(scene=SCENE, choice=1))


def test_each_draw_in_a_text_is_another() -> None:
    numbers = rendered("{% for n in range(50) %}{{ randint(1, 6) }} {% endfor %}", HERE).split()
    assert set(numbers) == {"1", "2", "3", "4", "5", "6"}
    letters = rendered("{% for n in range(50) %}{{ pick(['a', 'b', 'c']) }} {% endfor %}", HERE).split()
    assert set(letters) == {"a", "b", "c"}


@pytest.mark.parametrize("name", VARIABLES)
def test_only_what_the_scene_has_makes_a_text_that_does_not_last(name: str) -> None:
    template = Template(f"{{% if {name} %}}{{% endif %}}", PLACE).check()
    assert template.lasting is (name not in FROM_SCENE)


def test_a_text_from_the_scene_is_rendered_anew_each_time() -> None:
    template = Template("{{ user }} {{ count }}", PLACE).check()
    texts = [template.render(asked("Hi", scene=Scene(HTTP, count=count))) for count in (1, 2, 1)]
    assert texts == ["Hi 1", "Hi 2", "Hi 1"]


def test_a_rule_set_with_such_a_template_asks_for_the_scene() -> None:
    plain, counting = (
        "rules: [{reply: {template: '{{ user }}'}}]",
        "rules: [{reply: {template: '{{ count }}'}}]",
    )
    assert not load("rules.yaml", plain).needs_scene
    assert load("rules.yaml", counting).needs_scene


def test_a_text_without_a_template_is_given_as_it_is() -> None:
    template = Template("A { plain } text, 100 % { of it }", PLACE).check()
    assert template.lasting
    assert template.render(asked()) is template.render(asked("Another"))


@pytest.mark.parametrize(
    "template",
    [
        "{{ user }}",
        "a\r\n{{ user }}\n  {# comment #}\n{{- model -}} b",
        "{{ groups.city }} {{ groups['city'] }} {{ groups.keys }}",
        "{{ messages[0].role }}{{ messages[-1]['text'] }}{{ messages[0][1] }}",
        "{{ body.metadata }} {{ body['metadata'].tenant }} {{ turn }}",
    ],
)
def test_a_template_that_only_quotes_gives_what_jinja_gives(template: str) -> None:
    read = Template(template, PLACE, ("city", "keys")).check()
    assert read._pieces is not None
    groups = {"city": "Paris"}
    values = {name: VARIABLES[name](TALK, groups) for name in read.names}
    jinjas = _environment().from_string(template).render(values)
    mine, theirs = (_BOUND.sub("", each) for each in (read.render(TALK, groups), jinjas))
    assert mine == theirs


_BOUND = re.compile(r" at 0x[0-9a-f]+")
"""Where in memory a method is."""


def test_groups_are_quoted_by_name() -> None:
    assert rendered(
        "{{ groups.degrees }} and {{ groups['sky'] }}", groups={"degrees": "21", "sky": "blue"}
    ) == ("21 and blue")


def test_a_group_that_took_no_part_can_have_a_default() -> None:
    template = Template("{{ groups.city | default('Paris') }}", PLACE, ("city",)).check()
    assert template.render(asked(), {}) == "Paris"


def test_further_variables_are_given_by_the_loader() -> None:
    assert (
        rendered("{{ voice }}!", extra={"voice": lambda request: f"I am {request.model}"}) == "I am gpt-4o!"
    )


def test_a_value_that_cannot_be_a_key_is_rendered_all_the_same() -> None:
    assert rendered("{{ odd[0] }}", asked(), extra={"odd": lambda request: ["x", {}]}) == "x"


def test_only_what_is_used_is_computed() -> None:
    def fails(request: Request) -> object:
        raise AssertionError("computed")

    assert rendered("{{ user }}", asked("Hi"), extra={"voice": fails}) == "Hi"


def test_the_same_values_are_rendered_once() -> None:
    template = Template("{{ user }} {{ subject }}", PLACE)
    first, second = (
        template.render(asked("Sort a list")),
        template.render(asked("Sort a list", model="other")),
    )
    assert first is second
    assert template.render(asked("Other")) == "Other Other"


def test_long_values_are_not_kept() -> None:
    template = Template("{{ user }}!", PLACE)
    first, second = template.render(asked("x" * 30_000)), template.render(asked("x" * 30_000))
    assert first == second == "x" * 30_000 + "!"
    assert first is not second


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ usr }}", 'unknown variable "usr" (did you mean "user"?)'),
        ("{{ voice }}", 'unknown variable "voice" (known: user, system, model, api, operation, turn, groups, '
         "subject, messages, tools, tool_calls, tool_results, body, count, random, randint, pick, now, "
         "unix_time, key, headers, query)"),
        ("{{ user | uper }}", 'unknown filter "uper" (did you mean "upper"?)'),
        ("{{ user is strin }}", 'unknown test "strin" (did you mean "string"?)'),
        ("{{ user", "line 1 of the template: unexpected end of template, expected 'end of print statement'."),
        ("\n{% if %}", "line 2 of the template: Expected an expression, got 'end of statement block'"),
        ("{{ groups.degres }}", 'unknown group "degres" (did you mean "degrees"?)'),
        ("{{ groups['degres'] }}", 'unknown group "degres" (did you mean "degrees"?)'),
        ("{% include 'x' %}", "a template here has no `include`; it has if, for and set"),
        ("{% macro m() %}{{ m() }}{% endmacro %}", "a template here has no `macro`; it has if, for and set"),
        ("{% for a in user %}{% for b in user %}{% for c in user %}{% endfor %}{% endfor %}{% endfor %}",
         "loops are nested more than 2 deep"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_template_is_found_when_it_is_read(template: str, message: str) -> None:
    with pytest.raises(SettingsError) as error:
        Template(template, PLACE, ("degrees",)).check()
    assert str(error.value) == f"rules.yaml: $.rules[0].reply.template: {message}"


def test_a_group_without_a_regex_says_what_would_capture_it() -> None:
    with pytest.raises(SettingsError, match=r'no regex of this rule captures a group "city": \(\?P<city>'):
        Template("{{ groups.city }}", PLACE).check()


FAILED = "[rules.yaml: $.rules[0].reply.template: this template failed: "


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{{ 1 / 0 }}", "division by zero]"),
        ("{{ tool_results[0].text }}", "tuple object has no element 0]"),
        ("{{ groups.city }}", 'the group "city" took no part in the match]'),
        ("{{ groups.city.name }}", 'the group "city" took no part in the match]'),
        ("{{ user.nothing }}", "'str object' has no attribute 'nothing']"),
        ("{{ tool_calls[0].arguments }}", "tuple object has no element 0]"),
        ("{{ body.metadata.tenant }}", "'dict object' has no attribute 'metadata']"),
        ("{{ body.update({}) }}", "access to attribute 'update' of 'dict' object is unsafe.]"),
        ("{{ headers['x-other'] }}", 'the request has no header "x-other"]'),
        ("{{ query.team }}", 'the request has no parameter "team"]'),
        ("{{ pick([]) }}", "there is nothing to pick from]"),
        ("{{ randint(2, 1) }}", "there is no number from 2 to 1]"),
        ("{{ pick.__globals__ }}", "access to attribute '__globals__' of 'function' object is unsafe.]"),
        ("{{ user * 1000000 }}", "only numbers can be multiplied]"),
        ("{{ [1] * 1000000 }}", "only numbers can be multiplied]"),
        ("{{ 9 ** 9 ** 9 }}", "a power is too large]"),
        ("{{ '%9999999d' % 1 }}", "a text cannot be formatted with %; join pieces with ~]"),
        ("{{ user.format(1) }}", "access to attribute 'format' of 'str' object is unsafe.]"),
        ("{{ user.ljust(99999999) }}", "access to attribute 'ljust' of 'str' object is unsafe.]"),
        ("{{ user.__class__ }}", "access to attribute '__class__' of 'str' object is unsafe.]"),
        ("{{ groups.update({}) }}", "access to attribute 'update' of 'Captured' object is unsafe.]"),
        ("{% for n in range(10001) %}x{% endfor %}", "a range is longer than 10000 numbers]"),
        (
            "{{ (user ~ user) | replace('', user ~ user ~ user) }}",
            "a value is longer than 1000000 characters]",
        ),
        ("{{ range(10000) | join(user) }}", "a value is longer than 1000000 characters]"),
        ("{% for n in range(10000) %}{{ user }}{% endfor %}", "its text is longer than 1000000 characters]"),
    ],
)
def test_a_template_that_fails_says_so_in_its_text(template: str, why: str) -> None:
    text = Template(template, PLACE, ("city", "update")).check().render(asked("x" * 700), {})
    assert text == FAILED + why


def test_a_template_that_was_not_checked_says_its_mistake_in_its_text() -> None:
    assert Template("{{ usr }}", PLACE).render(asked()) == (
        FAILED + 'unknown variable "usr" (did you mean "user"?)]'
    )


def test_the_bounds_are_as_documented() -> None:
    assert (MAX_TEXT, MAX_RANGE) == (1_000_000, 10_000)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ""),
        ("Hello", ""),
        ("hi there!", ""),
        ("???", ""),
        ("TERMINATE", "TERMINATE"),
        ("What is the capital of France?", "capital of France"),
        ("Please write a poem about the sea!", "poem about the sea"),
        ("Could you please explain to me how rainbows form?", "how rainbows form"),
        ("Write a Python function to calculate fibonacci numbers",
         "Python function to calculate fibonacci numbers"),
        ("Help me integrate MCP with AutoGen agents", "integrate MCP with AutoGen agents"),
        ("How do I sort a list?", "sort a list"),
        ("Hi! Can you tell me about v1.2 of node.js?", "v1.2 of node.js"),
        ("Hello.\n\nI need a hotel in Rome.", "hotel in Rome"),
        ("# Task\nSummarize the text", "Task"),
        ("Übersetze das bitte", "Übersetze das bitte"),
        ("Tell me how transformers work in detail and why they are so popular these days",
         "how transformers work in detail"),
        ("one two three four five six seven eight nine", "one two three four five six seven eight"),
        ("theory of everything", "theory of everything"),
        ("to-do lists", "to-do lists"),
    ],
)  # fmt: skip
def test_the_subject_of_a_text(text: str, words: str) -> None:
    assert subject(text) == words


def test_the_subject_of_a_huge_text_is_found_at_once() -> None:
    assert subject("the " * 100_000) == ""
    assert subject("word " * 100_000) == "word word word word word word word word"
