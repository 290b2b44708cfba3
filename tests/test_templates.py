"""Templates: what they can quote, what is refused when a file is read, and what happens when one fails."""

from __future__ import annotations

from typing import Any

import pytest

from understudy.errors import Place, SettingsError
from understudy.model import Message, Request, Text, Tool, ToolCall, ToolResult
from understudy.templates import MAX_RANGE, MAX_TEXT, Extra, Template, subject

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
    Message("assistant", (ToolCall("get_weather", "{}", "call_1"),)),
    Message("tool", (ToolResult("call_1", "21 degrees"),)),
    tools=(Tool("get_weather", "The weather of a city"), Tool("get_time")),
)


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
    ],
)  # fmt: skip
def test_a_template_quotes_the_request(template: str, text: str) -> None:
    assert rendered(template, TALK) == text


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
        ("{{ voice }}", 'unknown variable "voice" (known: user, system, model, turn, groups, subject, '
         "tool_results, messages, tools)"),
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
