"""Token counts, against those that OpenAI publishes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from understudy import usage
from understudy.model import (
    Audio,
    HttpRequest,
    Image,
    Message,
    Reasoning,
    Refusal,
    Request,
    ServerToolCall,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from understudy.providers import openai_chat
from understudy.tokens import encoding_of

# The example of the cookbook's "How to count tokens with tiktoken", with the counts that it prints and
# that the API confirmed there.
JARGON = [
    {
        "role": "system",
        "content": "You are a helpful, pattern-following assistant that translates corporate jargon into "
        "plain English.",
    },
    {
        "role": "system",
        "name": "example_user",
        "content": "New synergies will help drive top-line growth.",
    },
    {
        "role": "system",
        "name": "example_assistant",
        "content": "Things working well together will increase revenue.",
    },
    {
        "role": "system",
        "name": "example_user",
        "content": "Let's circle back when we have more bandwidth to touch base on opportunities for "
        "increased leverage.",
    },
    {
        "role": "system",
        "name": "example_assistant",
        "content": "Let's talk later when we're less busy about how to do better.",
    },
    {
        "role": "user",
        "content": "This late pivot means we don't have time to boil the ocean for the client deliverable.",
    },
]
WEATHER = [
    {
        "role": "system",
        "content": "You are a helpful assistant that can answer to questions about the weather.",
    },
    {"role": "user", "content": "What's the weather like in San Francisco?"},
]
WEATHER_TOOL = {
    "type": "function",
    "function": {
        "name": "get_current_weather",
        "description": "Get the current weather in a given location",
        "parameters": {
            "type": "object",
            "properties": {
                "location": {"type": "string", "description": "The city and state, e.g. San Francisco, CA"},
                "unit": {
                    "type": "string",
                    "description": "The unit of temperature to return",
                    "enum": ["celsius", "fahrenheit"],
                },
            },
            "required": ["location"],
        },
    },
}


def counted(model: str, **fields: Any) -> int:
    body = json.dumps({"model": model, **fields}).encode()
    request = openai_chat.parse(HttpRequest("POST", "/v1/chat/completions", body=body))
    return usage.input_tokens(request, encoding_of(model))


@pytest.mark.parametrize(
    ("model", "tokens"), [("gpt-3.5-turbo", 129), ("gpt-4-0613", 129), ("gpt-4", 129), ("gpt-4o", 124)]
)
def test_messages_cost_what_the_cookbook_says(model: str, tokens: int) -> None:
    assert counted(model, messages=JARGON) == tokens


@pytest.mark.parametrize(("model", "tokens"), [("gpt-3.5-turbo", 105), ("gpt-4", 105), ("gpt-4o", 101)])
def test_tools_cost_what_the_cookbook_says(model: str, tokens: int) -> None:
    assert counted(model, messages=WEATHER, tools=[WEATHER_TOOL]) == tokens


def test_the_deprecated_functions_cost_the_same_as_tools() -> None:
    assert counted("gpt-4o", messages=WEATHER, functions=[WEATHER_TOOL["function"]]) == 101


@pytest.mark.parametrize(
    ("content", "tokens"),
    [
        ("Hello", 8),
        ([{"type": "text", "text": "Hello"}], 8),
        ([{"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}}], 92),
        ([{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}], 772),
        ([{"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}], 7),
        ("", 7),
        (None, 7),
    ],
    ids=["text", "a part", "low image", "image of unknown size", "audio", "empty", "null"],
)
def test_content_costs_by_its_kind(content: Any, tokens: int) -> None:
    assert counted("gpt-4o", messages=[{"role": "user", "content": content}]) == tokens


def test_a_conversation_counts_its_tool_calls_and_results() -> None:
    request = Request(
        "a",
        "chat",
        "gpt-4o",
        (
            Message("assistant", (Text("Let me"), ToolCall("find", '{"a":1}'))),
            Message("tool", (ToolResult("1", "found it"),)),
        ),
        {},
    )
    assert usage.input_tokens(request, "o200k_base") == 3 + (4 + 2 + 3 + 1 + 5) + (4 + 2)


@pytest.mark.parametrize(
    ("schema", "tokens"),
    [
        (None, 0),
        ({}, 0),
        ({"properties": []}, 0),
        ({"properties": {"a": True}}, 3 + 3),
        ({"properties": {"a": {}}}, 3 + 3 + 2),
        ({"properties": {"a": {"description": None, "enum": []}}}, 3 + 3 + 2),
        ({"properties": {"a": {"enum": [1, None]}}}, 3 + 3 + 2 - 3 + (3 + 1) + (3 + 1)),
    ],
)
def test_odd_schemas_are_counted_without_their_oddities(schema: Any, tokens: int) -> None:
    request = Request("a", "chat", "gpt-4o", (), {}, (Tool("f", schema=schema),))
    assert usage.input_tokens(request, "o200k_base") == 3 + 12 + 7 + len(("f", ":")) + tokens


def test_a_completion_counts_its_bare_prompts() -> None:
    prompts = ((Message("user", (Text("Say hi"),)),), (Message("user", (Text("Say it again"),)),))
    request = Request("a", "completion", "gpt-4o", prompts[0], {}, more=prompts[1:])
    assert usage.input_tokens(request, "o200k_base") == 2 + 3


def test_an_answer_counts_its_parts() -> None:
    assert usage.output([(Text("Hello there!"),)], "o200k_base") == (3, 0)
    assert usage.output([(Text("Hello"), Refusal("No."))], "o200k_base") == (3, 0)
    assert usage.output([(ToolCall("find", "{}"),)], "o200k_base") == (3 + 1 + 1, 0)
    assert usage.output([(ServerToolCall("shell", "ls", '{"stdout": "a"}'),)], "o200k_base") == (3 + 1 + 1, 0)
    assert usage.output([()], "o200k_base") == (0, 0)
    assert usage.output([(Reasoning("one two"), Text("three")), (Text("four"),)], "o200k_base") == (4, 2)
    assert usage.output([(Image("u", "low"), Audio("aGk=", "wav"))], "o200k_base") == (85, 0)


def test_a_conversation_counts_what_the_vendors_tools_gave_back() -> None:
    said = Message("assistant", (ServerToolCall("shell", "ls", "one two three"),))
    request = Request("a", "chat", "gpt-4o", (said,), {})
    assert usage.input_tokens(request, "o200k_base") == 3 + 4 + (3 + 1 + 1) + 3


def test_bare_texts_are_summed() -> None:
    assert usage.texts(["Hello world", "", "Hello"], "cl100k_base") == 3
