"""Chat Completions: schemas and endpoints that are not the table's; tests/refusals has those that are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from understudy.model import HttpRequest
from understudy.providers import openai_chat

OPEN = {"type": "object", "properties": {"a": {"oneOf": [{"type": "string"}]}}}


def told(**fields: Any) -> list[tuple[str | None, str]]:
    """Parameter and message of all that the API would say."""
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Say it in JSON."}]} | fields
    http = HttpRequest("POST", "/v1/chat/completions", body=json.dumps(body).encode())
    return [(found.param, found.message) for found in openai_chat.complaints(openai_chat.parse(http))]


def function(name: str, parameters: Any = None, **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": parameters, **more}}


@pytest.mark.parametrize(
    "response_format",
    [
        {"type": "text"},
        {"type": "json_object"},
        {"type": "json_schema", "json_schema": {"name": "x", "schema": OPEN}},
        {"type": "json_schema", "json_schema": {"name": "x", "schema": OPEN, "strict": False}},
        {"type": "json_schema", "json_schema": {"name": "x", "strict": True}},
    ],
)
def test_what_is_not_strict_is_held_to_nothing(response_format: dict[str, Any]) -> None:
    assert told(response_format=response_format) == []


def test_a_strict_schema_that_keeps_the_rules_passes() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    json_schema = {"name": "x", "strict": True, "schema": schema}
    assert told(response_format={"type": "json_schema", "json_schema": json_schema}) == []


def test_tools_without_a_schema_pass() -> None:
    custom = {"type": "custom", "custom": {"name": "shell"}}
    assert told(tools=[custom, function("f"), function("g", OPEN), function("h", strict=True)]) == []


def test_the_function_at_fault_is_told_by_its_place() -> None:
    bad = {"type": "object", "properties": {"a": {"type": "array"}}}
    assert told(tools=[function("f", OPEN), function("g", bad), function("h", bad)]) == [
        (
            "tools[1].function.parameters",
            "Invalid schema for function 'g': In context=('properties', 'a'), array schema missing items.",
        )
    ]


def test_deprecated_functions_are_not_taken_for_tools() -> None:
    assert told(tools=[function("f", OPEN)], functions=[{"name": "g", "parameters": {}}]) == []


@pytest.mark.parametrize("model", ["mock-llm-v1", "acme-codex", "gpt-4o", "gpt-5.6-luna", "o3", "davinci-9"])
def test_a_model_of_this_endpoint_or_of_no_known_one_is_sent_nowhere_else(model: str) -> None:
    assert told(model=model) == []
