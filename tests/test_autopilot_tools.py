"""Which tool is called when, with what, and how its result is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.autopilot.tools import (
    asked,
    auto_calls,
    brief,
    earlier_calls,
    follows_result,
    forced_call,
    readable,
    results,
    taken_up,
)
from understudy.model import Message, Part, Reply, Request, Text, Tool, ToolCall, ToolChoice, ToolResult


def schema(**properties: str) -> dict[str, Any]:
    kinds = {name: {"type": kind} for name, kind in properties.items()}
    return {
        "type": "object",
        "properties": kinds,
        "required": list(properties),
        "additionalProperties": False,
    }


WEATHER = Tool("get_weather", "The weather of a city", schema(city="string"))
TIME = Tool("get_time", "The time in a city", schema(city="string"))
ADD = Tool("add", "Add two numbers", schema(a="number", b="number"))
MULTIPLY = Tool("multiply", "Multiply two numbers", schema(a="integer", b="integer"))
FINAL = Tool("final_answer", "Ends the task", schema(answer="string"))
HANDOFF = Tool("transfer_to_billing", "Handoff to billing.")
USER = Message("user", (Text("What's the weather in Paris?"),))


def request(*messages: Message, **fields: Any) -> Request:
    return Request("openai-chat", "chat", "mock-llm-v1", messages, {}, **fields)


def user(text: str, name: str = "") -> Message:
    return Message("user", (Text(text),), name)


def assistant(*parts: Part | str) -> Message:
    return Message("assistant", tuple(Text(part) if isinstance(part, str) else part for part in parts))


def result(text: str, id: str = "1", name: str = "") -> Message:
    return Message("tool", (ToolResult(id, text, name),))


def calls(reply: Reply | None) -> list[tuple[str, Any]]:
    if reply is None:
        return []
    assert reply.stop == "tool_call"
    found = [part for part in reply.parts if isinstance(part, ToolCall)]
    assert all(part.id == "" for part in found)
    return [(part.name, json.loads(part.arguments)) for part in found]


# --- forced ---------------------------------------------------------------------------------------------

REQUIRED = ToolChoice("required")


def test_a_forced_tool_is_the_first_that_was_not_called_and_then_the_last() -> None:
    tools = (WEATHER, TIME, FINAL)
    messages = [USER]
    names = []
    for turn in range(4):
        ((name, arguments),) = calls(forced_call(request(*messages, tools=tools, tool_choice=REQUIRED)))
        names.append(name)
        messages += [assistant(ToolCall(name, json.dumps(arguments), str(turn))), result("fine", str(turn))]
    assert names == ["get_weather", "get_time", "final_answer", "final_answer"]


def test_a_named_tool_is_called_whatever_else_is_offered() -> None:
    choice = ToolChoice("required", ("get_time",))
    forced = forced_call(request(USER, tools=(WEATHER, TIME), tool_choice=choice))
    assert calls(forced) == [("get_time", {"city": "Paris"})]


def test_a_tool_hands_over_only_if_it_is_the_only_choice() -> None:
    forced = forced_call(request(USER, tools=(HANDOFF, TIME), tool_choice=REQUIRED))
    assert calls(forced) == [("get_time", {"city": "Paris"})]
    forced = forced_call(request(USER, tools=(HANDOFF,), tool_choice=REQUIRED))
    assert calls(forced) == [("transfer_to_billing", {})]


def test_calls_that_are_written_as_text_count_as_called() -> None:
    said = "Calling tools:\n[{'id': 'a', 'type': 'function', 'function': {'name': 'get_weather', 'arg': 1}}]"
    messages = (USER, assistant(said), user("Observation:\n21 degrees"))
    forced = forced_call(request(*messages, tools=(WEATHER, FINAL), tool_choice=REQUIRED))
    assert calls(forced) == [("final_answer", {"answer": "The get_weather tool says: 21 degrees."})]


def test_nothing_is_forced_without_a_demand() -> None:
    assert forced_call(request(USER, tools=(WEATHER,))) is None
    assert forced_call(request(USER, tool_choice=REQUIRED)) is None


# --- of its own accord ----------------------------------------------------------------------------------

AUTO: list[tuple[tuple[Tool, ...], str, list[tuple[str, Any]]]] = [
    ((TIME, WEATHER), "What's the weather in Paris?", [("get_weather", {"city": "Paris"})]),
    ((TIME, WEATHER), "Will I need an umbrella in Oslo?", [("get_weather", {"city": "Oslo"})]),
    ((WEATHER, ADD, MULTIPLY), "What is 12 * 7?", [("multiply", {"a": 12, "b": 7})]),
    ((WEATHER, ADD, MULTIPLY), "What is 12 plus 7?", [("add", {"a": 12, "b": 7})]),
    ((TIME, WEATHER), "Tell me a joke", [("get_time", {"city": "Paris"})]),
    ((WEATHER, TIME), "Weather in Rome and the time in Oslo?",
     [("get_weather", {"city": "Rome"}), ("get_time", {"city": "Oslo"})]),
    ((TIME, WEATHER), "Hello!", []),
    ((TIME, WEATHER), "Thanks, good night", []),
    ((TIME, WEATHER), "   ", []),
    ((HANDOFF, TIME), "What time is it in Oslo?", [("get_time", {"city": "Oslo"})]),
    ((HANDOFF,), "A question about billing", []),
]  # fmt: skip


@pytest.mark.parametrize(("tools", "text", "expected"), AUTO, ids=[text for _, text, _ in AUTO])
def test_the_tool_that_the_words_name_is_called(
    tools: tuple[Tool, ...], text: str, expected: list[tuple[str, Any]]
) -> None:
    assert calls(auto_calls(request(user(text), tools=tools))) == expected


def test_one_call_at_a_time_where_parallel_calls_are_off() -> None:
    asked_for = request(
        user("The weather and the time in Oslo"), tools=(WEATHER, TIME), parallel_tool_calls=False
    )
    assert calls(auto_calls(asked_for)) == [("get_weather", {"city": "Oslo"})]


def test_no_tool_is_called_where_the_choice_is_none() -> None:
    assert auto_calls(request(USER, tools=(WEATHER,), tool_choice=ToolChoice("none"))) is None


CALLED = (USER, assistant(ToolCall("get_weather", '{"city": "Paris"}', "1")), result("21 degrees"))


def test_no_tool_is_called_right_after_a_result() -> None:
    assert auto_calls(request(*CALLED, tools=(WEATHER, TIME))) is None
    nudged = (*CALLED, user("Analyze the tool result. If requirements are met, provide the Final Answer."))
    assert auto_calls(request(*nudged, tools=(WEATHER, TIME))) is None
    assert follows_result(request(*nudged))


def test_a_tool_is_called_once_unless_a_person_asks_for_it_again_with_other_words() -> None:
    answered = (*CALLED, assistant("It is 21 degrees."))
    tools = (WEATHER,)
    assert auto_calls(request(*answered, user("And what do you do?"), tools=tools)) is None
    assert auto_calls(request(*answered, USER, tools=tools)) is None
    again = auto_calls(request(*answered, user("What's the weather in Oslo?"), tools=tools))
    assert calls(again) == [("get_weather", {"city": "Oslo"})]
    assert auto_calls(request(*answered, user("What's the weather in Oslo?", "critic"), tools=tools)) is None


def test_a_tool_of_free_text_gets_the_words_themselves() -> None:
    reply = forced_call(request(USER, tools=(Tool("note", custom=True),), tool_choice=REQUIRED))
    assert reply == Reply((ToolCall("note", "What's the weather in Paris?"),), "tool_call")


@pytest.mark.parametrize(
    "loose", [{"title": "Note"}, {"type": "string"}, {"properties": {"a": {"const": 1}}}]
)
def test_arguments_are_an_object_whatever_the_schema_says(loose: dict[str, Any]) -> None:
    forced = forced_call(request(USER, tools=(Tool("note", "", loose),), tool_choice=REQUIRED))
    assert calls(forced) == [("note", {})]


def test_a_coworker_is_one_of_those_that_the_tool_speaks_of() -> None:
    said = "Delegate a specific task to one of the following coworkers: Senior Writer, Checker\nThe input"
    tool = Tool("delegate_work", said, schema(task="string", coworker="string"))
    forced = forced_call(request(user("Write it"), tools=(tool,), tool_choice=REQUIRED))
    assert calls(forced) == [("delegate_work", {"task": "Write it", "coworker": "Senior Writer"})]


NAMES = st.lists(
    st.sampled_from(["get_weather", "add", "search", "transfer_to_x", "final_answer"]), unique=True
)


@settings(deadline=None, max_examples=60)
@given(NAMES, st.sampled_from(["auto", "none", "required"]), st.text(max_size=30), NAMES)
def test_a_called_tool_was_offered(names: list[str], mode: Any, text: str, earlier: list[str]) -> None:
    tools = tuple(Tool(name, "A tool", schema(city="string", n="integer")) for name in names)
    made = [assistant(ToolCall(name, "{}", name)) for name in earlier]
    asked_for = request(user("first"), *made, user(text), tools=tools, tool_choice=ToolChoice(mode))
    for reply in (forced_call(asked_for), auto_calls(asked_for)):
        for name, arguments in calls(reply):
            assert name in names
            assert mode != "none"
            assert mode != "auto" or name != "transfer_to_x"
            assert isinstance(arguments["city"], str)
            assert isinstance(arguments["n"], int)


# --- what the conversation says -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("Why is it blue?", "Why is it blue?"),
        ("You know it all.\n\nQuestion: Why is it blue?\nThought:", "Why is it blue?"),
        ("\nCurrent Task: Why is it blue?\n\nBegin! This is VERY important", "Why is it blue?"),
        ("New task:\nWhy is it blue?", "Why is it blue?"),
        ("Question: a\nThought: b\n\nQuestion: Why?\nThought:", "Why?"),
    ],
)
def test_a_question_is_taken_out_of_its_wrapping(text: str, task: str) -> None:
    assert asked(request(user(text))) == task


def test_results_are_those_since_the_user_spoke_and_know_their_tools() -> None:
    later = request(
        *CALLED, assistant("21"), user("And the time?"),
        assistant(ToolCall("get_time", "{}", "2"), ToolCall("get_weather", "{}", "3")),
        result("noon", "2"), result("rain", "3"), result("?", "4"), result("x", "5", name="named"),
    )  # fmt: skip
    assert results(later) == [("get_time", "noon"), ("get_weather", "rain"), ("", "?"), ("named", "x")]
    assert [call.name for call in earlier_calls(later)] == ["get_weather", "get_time", "get_weather"]


def test_results_in_the_users_own_message_are_results() -> None:
    blocks = Message("user", (ToolResult("1", "21 degrees"),))
    assert results(request(*CALLED[:2], blocks)) == [("get_weather", "21 degrees")]
    assert asked(request(*CALLED[:2], blocks)) == "What's the weather in Paris?"


# --- results, in words ----------------------------------------------------------------------------------

TOLD = [
    ("21 degrees and sunny in Paris.", "The get_weather tool says: 21 degrees and sunny in Paris."),
    ("21 degrees", "The get_weather tool says: 21 degrees."),
    ('{"temp_c": 21.5, "sky": "sunny"}', "The get_weather tool says: temp c 21.5, sky sunny."),
    ('[1, 2, 3, 4, 5, 6, 7]', "The get_weather tool says: 1, 2, 3, 4, 5 and 2 more."),
    ('{"a": {"b": null, "c": true}, "d": []}', "The get_weather tool says: a (b nothing, c yes), d nothing."),
    ('{"n": 18446744073709551617}', "The get_weather tool says: n 18446744073709551617."),
    ("{not json}", "The get_weather tool says: {not json}."),
    ("```python\nprint(1)\n```", "The get_weather tool says: python\nprint(1)."),
    ("  ", "The get_weather tool has nothing to say."),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), TOLD)
def test_a_result_is_told_in_a_sentence(text: str, said: str) -> None:
    assert taken_up([("get_weather", text)]) == said


def test_several_results_have_a_line_each() -> None:
    assert taken_up([("a", "1"), ("", "2")]) == "The a tool says: 1.\nThe tool says: 2."


def test_a_long_result_is_cut() -> None:
    assert readable("x" * 700) == "x" * 599 + "…"
    assert readable("[" * 3_000 + "]" * 3_000)[-1] == "…"


def test_a_brief_answer_takes_up_the_result_or_the_question() -> None:
    assert brief(request(*CALLED)) == "The get_weather tool says: 21 degrees."
    assert brief(request(USER)) == "This is a mock answer to: What's the weather in Paris?"
    assert brief(request(assistant("x"))) == "This is a mock answer."
