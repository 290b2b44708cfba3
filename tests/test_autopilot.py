"""The autopilot as a whole: what answers, in whose voice, and always in the same way."""

from __future__ import annotations

from typing import Any

import pytest

from understudy.autopilot import Autopilot, built_in_answers, voice
from understudy.model import Message, Request, ResponseFormat, Sampling, Text, Tool
from understudy.rules import RuleSet, load

ANSWERS = load(
    "answers.yaml",
    "rules:\n"
    "  - {name: sky, when: {user: blue}, reply: {template: '{{ voice.opening }} It scatters.'}}\n"
    "  - {when: {user: green}, reply: It grows.}\n",
    {"voice": voice},
)
AUTOPILOT = Autopilot(ANSWERS)


def request(text: str, model: str = "mock-llm-v1", **fields: Any) -> Request:
    return Request("openai-chat", "chat", model, (Message("user", (Text(text),)),), {}, **fields)


def test_a_convention_answers_before_a_rule() -> None:
    reply, by = AUTOPILOT.answer(request("Is it blue? Then select the next role from ['A', 'B'] to play."))
    assert (reply.text, by) == ("A", "speaker selection")


def test_a_rule_answers_under_its_name_or_its_place() -> None:
    reply, by = AUTOPILOT.answer(request("Why is it blue?"))
    assert (reply.text, by) == ("Here is an answer. It scatters.", "sky")
    reply, by = AUTOPILOT.answer(request("Why is it green?"))
    assert (reply.text, by) == ("It grows.", "answers.yaml: $.rules[1]")


def test_what_nothing_answers_gets_a_plain_answer() -> None:
    reply, by = AUTOPILOT.answer(request("Why is it red?"))
    assert (reply.text, by) == ("This is a mock answer to: Why is it red?", "plain answer")


def test_a_conversation_without_messages_is_answered() -> None:
    reply, by = AUTOPILOT.answer(Request("openai-chat", "chat", "m", (), {}))
    assert (reply.text, by) == ("This is a mock answer.", "plain answer")


VOICES = [
    ("mock-llm-v1", "Here is an answer."),
    ("llama-3", "Here is an answer."),
    ("mock-gpt-4", "Here is the short version:"),
    ("gpt-6-mini", "Here is the short version:"),
    ("o4-mini", "Here is the short version:"),
    ("openai/o3", "Here is the short version:"),
    ("mock-claude-sonnet-4", "I'd be glad to help with this. Let me think it through with you."),
    ("claude-opus-5", "I'd be glad to help with this. Let me think it through with you."),
    ("turbo1", "Here is an answer."),
]


@pytest.mark.parametrize(("model", "opening"), VOICES)
def test_a_model_speaks_in_the_voice_of_its_family(model: str, opening: str) -> None:
    assert voice(request("Hello", model)).opening == opening


PICK = ResponseFormat("json_schema", {"enum": ["a", "b", "c"]})


def test_the_same_request_and_seed_get_the_same_answer() -> None:
    picks = [
        Autopilot(RuleSet(), seed).answer(request("Pick", response_format=PICK))[0].text for seed in range(4)
    ]
    assert picks == ['"a"', '"b"', '"c"', '"a"']


def test_the_requests_seed_and_choice_vary_the_answer() -> None:
    def pick(**fields: Any) -> str:
        return AUTOPILOT.answer(request("Pick", response_format=PICK, **fields))[0].text

    assert [pick(choice=choice, choices=3) for choice in range(3)] == ['"a"', '"b"', '"c"']
    assert [pick(sampling=Sampling(seed=seed)) for seed in range(3)] == ['"a"', '"b"', '"c"']


def test_the_built_in_answers_know_the_voice() -> None:
    reply, _ = Autopilot(built_in_answers()).answer(
        request("Write a fibonacci function", "mock-claude-sonnet-4")
    )
    assert "[answers.yaml" not in reply.text
    assert "Tell me if you would like to take it further." in reply.text


def test_the_guides_chat_of_autogen_0_2_ends_by_itself() -> None:
    pilot = Autopilot(built_in_answers())
    task = "Write a Python script to analyze a simple dataset and create a basic visualization"
    messages = [
        Message("system", (Text("You are a helpful AI assistant that can write code and analyze data."),)),
        Message("user", (Text(task),)),
    ]
    said = []
    for after in ("exitcode: 0 (execution succeeded)\nCode output: \nmean 3.5\n", "", ""):
        reply, _ = pilot.answer(Request("openai-chat", "chat", "mock-claude-sonnet-4", tuple(messages), {}))
        said.append(reply.text)
        messages += [Message("assistant", reply.parts), Message("user", (Text(after),))]
    assert "```python" in said[0]
    assert said[1:] == ["The script ran successfully. Its output:\n\nmean 3.5", "TERMINATE"]


def test_a_tool_is_called_by_name_of_the_convention() -> None:
    tool = Tool("get_weather", "Weather", {"type": "object", "properties": {"city": {"type": "string"}}})
    _, by = AUTOPILOT.answer(request("The weather in Oslo?", tools=(tool,)))
    assert by == "tool call"
