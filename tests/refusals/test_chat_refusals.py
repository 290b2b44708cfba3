"""Chat Completions: what the table's examples leave open. Sources: docs/validation.md."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming

from understudy.model import HttpRequest
from understudy.providers import openai_chat
from understudy.providers.openai_chat.fields import KNOWN

USER = {"role": "user", "content": "Hi"}
TOOL = {"type": "function", "function": {"name": "find"}}


def call(*ids: str) -> dict[str, Any]:
    function = {"name": "find", "arguments": "{}"}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": id, "type": "function", "function": function} for id in ids],
    }


def result(id: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id, "content": "it"}


def complaints(**fields: Any) -> list[tuple[str | None, str | None, str]]:
    body = json.dumps({"model": "gpt-4o", "messages": [USER], **fields}).encode()
    request = openai_chat.parse(HttpRequest("POST", "/v1/chat/completions", body=body))
    return [(found.param, found.code, found.message) for found in openai_chat.complaints(request)]


def params(**fields: Any) -> list[str | None]:
    return [param for param, _, _ in complaints(**fields)]


def test_every_parameter_of_the_sdk_is_known() -> None:
    asked = CompletionCreateParamsStreaming
    assert asked.__required_keys__ | asked.__optional_keys__ == KNOWN


# --- messages -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "messages",
    [
        [USER, call("a", "b"), result("b"), result("a")],
        [USER, call("a"), result("a"), call("b"), result("b"), USER],
        [USER, call("a"), result("a"), result("a")],
        [USER, {"role": "assistant", "function_call": {"name": "find", "arguments": "{}"}}],
        [USER, {"role": "function", "name": "find", "content": None}],
        [USER, {"role": "assistant", "audio": {"id": "a"}}],
        [USER, {"role": "assistant", "content": ""}],
        [{"role": "system", "content": []}, USER],
        [
            USER,
            {
                "role": "assistant",
                "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "run it", "input": "1"}}],
            },
            result("c"),
        ],
    ],
)
def test_a_conversation_that_hangs_together_passes(messages: list[dict[str, Any]]) -> None:
    assert complaints(messages=messages) == []


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([USER, call("a", "b"), result("a")], "messages"),
        ([USER, call("a", "b"), result("a"), USER, result("b")], "messages.[3].role"),
        ([USER, call("a"), result("a"), USER, result("a")], "messages.[4].role"),
        ([result("a")], "messages.[0].role"),
        ([USER, {"role": "assistant", "tool_calls": None}], "messages.[1].content"),
        ([{"role": "user", "tool_calls": call("a")["tool_calls"]}], "messages.[0].content"),
        ([{"role": "system", "content": None}, USER], "messages.[0].content"),
    ],
)
def test_a_conversation_that_does_not_is_refused_where_it_breaks(
    messages: list[dict[str, Any]], param: str
) -> None:
    assert params(messages=messages) == [param]


def test_all_calls_without_a_result_are_told() -> None:
    assert complaints(messages=[USER, call("a", "b", "c"), result("b"), USER]) == [
        (
            "messages.[3].role",
            None,
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            "'tool_call_id'. The following tool_call_ids did not have response messages: a, c",
        )
    ]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/a.png",
        "data:image/gif;base64,R0lGODlhAQABAAAAACw=",
        "data:image/jpeg;base64,/9j/4AAQSkZJRgABAQ==",
        "data:image/webp;base64,UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==",
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUg",
        "data:image/png;base64,not base64 at all!",
    ],
)
def test_what_may_be_an_image_passes(url: str) -> None:
    content = [{"type": "image_url", "image_url": {"url": url}}]
    assert complaints(messages=[{"role": "user", "content": content}]) == []


# --- models -------------------------------------------------------------------------------------------

REASONING = {
    "temperature": 0.5,
    "top_p": 0.5,
    "presence_penalty": 1,
    "frequency_penalty": 1,
    "max_tokens": 5,
    "stop": "x",
    "logprobs": True,
    "logit_bias": {"1": 1},
    "tools": [TOOL],
    "parallel_tool_calls": False,
}


@pytest.mark.parametrize(
    ("model", "refused"),
    [
        ("mock-gpt-4", set()),
        ("mock-o3", set()),
        ("my-own-model-1", set()),
        ("gpt-4o", set()),
        ("gpt-5-chat-latest", set()),
        ("gpt-6.2-sol", set()),
        ("gpt-5.5", set()),
        ("o1", {"temperature", "top_p", "presence_penalty", "frequency_penalty", "max_tokens"}),
        (
            "o3-mini-2025-01-31",
            {
                "temperature",
                "top_p",
                "presence_penalty",
                "frequency_penalty",
                "max_tokens",
                "parallel_tool_calls",
            },
        ),
        (
            "gpt-5-2025-08-07",
            {"temperature", "top_p", "presence_penalty", "frequency_penalty", "max_tokens", "stop"},
        ),
        ("gpt-5.1", {"max_tokens", "stop"}),
        ("gpt-5.4-mini", {"max_tokens"}),
        (
            "gpt-5.6-sol",
            {
                "temperature",
                "top_p",
                "presence_penalty",
                "frequency_penalty",
                "max_tokens",
                "stop",
                "logprobs",
                "logit_bias",
            },
        ),
    ],
)
def test_a_model_refuses_what_it_is_known_not_to_take(model: str, refused: set[str]) -> None:
    assert set(params(model=model, **REASONING)) == refused


@pytest.mark.parametrize(
    ("model", "effort", "refused"),
    [
        ("gpt-5.1", None, False),
        ("gpt-5.1", "none", False),
        ("gpt-5.1", "low", True),
        ("gpt-5.6-terra", None, True),
        ("gpt-5.6-terra", "none", False),
        ("gpt-5", "minimal", True),
    ],
)
def test_a_model_that_does_not_reason_takes_a_temperature(
    model: str, effort: str | None, refused: bool
) -> None:
    told = params(model=model, temperature=0.5, reasoning_effort=effort)
    assert told == (["temperature"] if refused else [])


def test_a_model_that_is_not_known_may_reason() -> None:
    assert complaints(model="mock-gpt-4", reasoning_effort="whatever") == []
    assert complaints(model="o3", reasoning_effort="high") == []


def test_an_effort_that_is_no_text_is_told_as_python_writes_it() -> None:
    assert complaints(model="gpt-5.6-terra", reasoning_effort={"__probe__": "wrong type"}) == [
        (
            "reasoning_effort",
            "unsupported_value",
            "Unsupported value: 'reasoning_effort' does not support {'__probe__': 'wrong type'} with this "
            "model. Supported values are: 'none', 'low', 'medium', 'high', and 'xhigh'.",
        )
    ]


def test_options_of_the_stream_are_known_of_models_alone_that_were_asked() -> None:
    assert complaints(stream=True, stream_options={"continuous_usage_stats": True}) == []
    assert complaints(model="gpt-5.6-sol", stream=True, stream_options={"include_usage": True}) == []
    options = {"include_usage": True, "bogus": 1}
    assert params(model="gpt-5.6-sol", stream=True, stream_options=options) == ["stream_options.bogus"]


def test_a_verbosity_of_another_type_passes_as_the_words_for_it_are_not_known() -> None:
    assert complaints(verbosity=7) == []


def test_more_tokens_than_a_model_of_unknown_limits_has_may_be_asked_for() -> None:
    assert complaints(model="gpt-4o-2024-05-13", max_tokens=100_000) == []


@pytest.mark.parametrize("tools", [None, []])
def test_of_a_choice_without_tools_the_name_is_not_looked_for(tools: list[Any] | None) -> None:
    choice = {"type": "function", "function": {"name": "find"}}
    expected = ["tool_choice"] if tools is None else ["tools"]
    assert params(tools=tools, tool_choice=choice) == expected


def test_a_custom_tool_and_a_set_of_tools_may_be_chosen() -> None:
    custom = {"type": "custom", "custom": {"name": "run it"}}
    assert complaints(tools=[custom], tool_choice=custom) == []
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [TOOL]}}
    assert complaints(tools=[TOOL], tool_choice=allowed) == []


# --- order --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "first"),
    [
        ({"reasoning": {}, "messages": []}, "reasoning"),
        ({"stop": ["x"], "reasoning": {}}, "reasoning"),
        ({"metadata": {"k": 7}, "n": 64}, "n"),
        ({"temperature": 0.5, "stop": ["x"]}, "stop"),
        ({"store": "x", "max_tokens": 32}, "max_tokens"),
        ({"verbosity": "bogus", "stop": ["x"]}, "stop"),
        ({"verbosity": "bogus", "logit_bias": {"1": 1}}, "logit_bias"),
        ({"user": 7, "verbosity": "bogus"}, "user"),
        ({"metadata": "x", "prediction": {}}, "metadata"),
        ({"metadata": "x", "temperature": 0.5}, "metadata"),
        ({"logprobs": True, "verbosity": "bogus"}, "verbosity"),
        ({"temperature": 0.5, "messages": [{"role": "user"}]}, "temperature"),
        (
            {"temperature": 0.5, "messages": [USER, {"role": "assistant", "content": "", "tool_calls": []}]},
            "messages[1].tool_calls",
        ),
    ],
)
def test_of_two_faults_the_one_that_was_measured_first_is_told(fields: dict[str, Any], first: str) -> None:
    assert params(model="gpt-5.6-terra", **fields)[0] == first
