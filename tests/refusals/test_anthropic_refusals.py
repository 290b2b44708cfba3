"""Anthropic's refusals in detail: at the edges of the rows, by model, and in counts of tokens."""

from __future__ import annotations

import json
from typing import Any

import pytest

from understudy.model import HttpRequest
from understudy.providers import anthropic_messages, anthropic_tokens

HI = {"role": "user", "content": "Hi"}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "find", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1"}
TEXT = {"type": "text", "text": "Hi"}
THOUGHT = {"type": "thinking", "thinking": "Hm", "signature": "c2lnbmVk"}
CACHED = {"cache_control": {"type": "ephemeral"}}
FOR_LONG = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
TOOL = {"name": "find", "input_schema": {"type": "object"}}
PNG = "iVBORw0KGgoAAAANSUhEUg=="


def complaints(version: str = "2026-10-21", **fields: Any) -> list[str]:
    """What the API says to a request of these fields."""
    body = {"model": "claude-sonnet-5", "max_tokens": 2_048, "messages": [HI], **fields}
    headers = (b"anthropic-version", version.encode())
    request = anthropic_messages.parse(
        HttpRequest("POST", "/v1/messages", headers, json.dumps(body).encode())
    )
    return [failure.message for failure in anthropic_messages.complaints(request)]


def user(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


# --- fields -------------------------------------------------------------------------------------------


def test_a_request_with_everything_that_there_is_passes() -> None:
    fields: dict[str, Any] = {
        "system": [TEXT],
        "metadata": {"user_id": "u"},
        "stop_sequences": ["END"],
        "service_tier": "auto",
        "container": "c",
        "context_management": {"edits": []},
        "mcp_servers": [],
        "thinking": {"type": "adaptive", "display": "omitted"},
        "output_config": {"effort": "max"},
        "tools": [TOOL, {"type": "bash_20250124", "name": "bash", "strict": True}],
        "tool_choice": {"type": "tool", "name": "bash"},
    }
    assert complaints(**fields) == []


@pytest.mark.parametrize("field", ["temperature", "top_p", "top_k"])
def test_what_a_model_takes_by_itself_alone_is_refused_under_the_older_version(field: str) -> None:
    assert complaints("2023-06-01", **{field: 1}, model="claude-opus-4-6") == []
    told = complaints("2023-06-01", **{field: 0.5}, model="claude-opus-4-7")
    assert told == [f"`{field}` is deprecated for this model."]


@pytest.mark.parametrize("model", ["mock-claude", "claude-sonnet-5-2", "claude-haiku-5-5", "my-own-model"])
def test_a_model_that_is_not_known_is_refused_nothing_for_being_it(model: str) -> None:
    thinking = {"type": "enabled", "budget_tokens": 1_024}
    sampling: dict[str, Any] = {"temperature": 0.5, "top_p": 0.9, "top_k": 5}
    assert complaints("2023-06-01", model=model, **sampling) == []
    answer: dict[str, Any] = {"thinking": thinking, "max_tokens": 500_000, "output_config": {"effort": "low"}}
    assert complaints(model=model, **answer) == []
    assert complaints(model=model, messages=[HI, {"role": "assistant", "content": "{"}]) == []


@pytest.mark.parametrize(
    ("model", "refused"),
    [
        ("claude-3-7-sonnet-20250219", {"adaptive"}),
        ("claude-sonnet-4-20250514", {"adaptive"}),
        ("claude-opus-4-1", {"adaptive"}),
        ("claude-opus-4-5-20251101", {"adaptive"}),
        ("claude-opus-4-6", set()),
        ("claude-opus-4-8", {"enabled"}),
        ("claude-opus-5", {"enabled"}),
        ("claude-sonnet-5-5", {"enabled"}),
        ("claude-opus-5-5", {"enabled"}),
        ("claude-fable-5-1", {"enabled", "disabled"}),
        ("claude-mythos-5", {"enabled", "disabled"}),
        ("claude-mythos-preview", {"disabled"}),
    ],
)
def test_a_model_thinks_in_its_own_ways(model: str, refused: set[str]) -> None:
    kinds: dict[str, dict[str, Any]] = {
        "enabled": {"budget_tokens": 1_024},
        "adaptive": {},
        "disabled": {},
    }
    told = {
        kind for kind, more in kinds.items() if any(complaints(model=model, thinking={"type": kind, **more}))
    }
    assert told == refused


def test_thinking_that_is_no_object_is_not_looked_at() -> None:
    assert complaints(thinking="on") == []


@pytest.mark.parametrize(
    ("schema", "fault"),
    [
        ({"type": "string", "minLength": 1}, None),
        ({"type": ["integer", "null"], "minimum": 1}, None),
        ({"type": "integer", "multipleOf": 2}, "For 'integer' type, property 'multipleOf' is not supported"),
        (
            {"type": "array", "items": {"type": "string"}, "maxItems": 3},
            "For 'array' type, property 'maxItems' is not supported",
        ),
        (
            {"anyOf": [{"type": "null"}, {"type": "object"}]},
            "For 'object' type, 'additionalProperties' must be explicitly set to false",
        ),
    ],
)
def test_a_schema_of_the_answer_is_looked_at_everywhere(schema: dict[str, Any], fault: str | None) -> None:
    whole = {"type": "object", "properties": {"a": schema}, "additionalProperties": False}
    told = complaints(output_config={"format": {"type": "json_schema", "schema": whole}})
    assert told == ([] if fault is None else [f"output_config.format.schema: {fault}"])


# --- tools ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": None},
        {"type": "array"},
        {"type": "object", "$schema": "http://json-schema.org/draft-07/schema#", "definitions": {}},
        {"type": "object", "properties": {"a": {"$ref": "#/nowhere"}}},
    ],
)
def test_a_schema_whose_refusal_nobody_has_quoted_passes(schema: dict[str, Any]) -> None:
    expected = (
        ["tools.0.custom.input_schema: JSON schema is invalid."]
        if schema.get("properties", {}) is None
        else []
    )
    told = complaints(tools=[{"name": "find", "input_schema": schema}])
    assert [message.partition(" It must")[0] for message in told] == expected


def test_a_choice_of_a_tool_of_the_vendors_passes() -> None:
    search = {"type": "web_search_20250305", "name": "web_search"}
    assert complaints(tools=[search], tool_choice={"type": "tool", "name": "web_search"}) == []
    assert complaints(tools=[search], tool_choice={"type": "any"}) == []


# --- the conversation -------------------------------------------------------------------------------


def test_a_conversation_that_hangs_together_passes() -> None:
    several = assistant(THOUGHT, TEXT, CALL, {**CALL, "id": "toolu_2"})
    results = user({**RESULT, "content": [TEXT]}, {**RESULT, "tool_use_id": "toolu_2"}, TEXT)
    assert complaints(messages=[HI, several, results, assistant(TEXT), HI]) == []


def test_blocks_of_tools_that_the_vendor_runs_may_have_any_member() -> None:
    search = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}, "caller": {}}
    assert complaints(messages=[HI, assistant(search, TEXT), HI]) == []
    assert complaints(system=[{"type": "text", "text": "a"}, {"type": "other_tool_result", "id": 1}]) == []


def test_an_answer_that_paused_goes_on() -> None:
    search = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
    assert complaints(messages=[HI, assistant(TEXT, search)]) == []


def test_a_thought_may_end_no_conversation_whatever_its_kind() -> None:
    told = complaints(messages=[HI, assistant(TEXT, {"type": "redacted_thinking", "data": "x"})])
    assert told == ["messages.1: The final block in an assistant message cannot be `thinking`."]


@pytest.mark.parametrize(
    ("messages", "index"),
    [
        ([HI, assistant(CALL), user(RESULT)], 1),
        ([assistant(CALL), user(RESULT)], 0),
        ([HI, assistant(THOUGHT, CALL), user(RESULT), assistant({**CALL, "id": "b"})], None),
        ([HI, {"role": "assistant", "content": "The answer is"}], 1),
        ([HI, assistant(TEXT), HI], None),
        ([HI], None),
    ],
)
def test_the_last_turn_alone_has_to_begin_with_a_thought(
    messages: list[dict[str, Any]], index: int | None
) -> None:
    thinking = {"type": "enabled", "budget_tokens": 1_024}
    told = complaints(model="claude-haiku-4-5", thinking=thinking, messages=messages)
    begun = [message for message in told if "Expected `thinking`" in message]
    assert [message.partition(".content")[0] for message in begun] == (
        [] if index is None else [f"messages.{index}"]
    )


def test_a_signature_of_another_type_is_false() -> None:
    told = complaints(messages=[HI, assistant({**THOUGHT, "signature": 7}, TEXT), HI])
    assert told == ["messages.1.content.0: Invalid `signature` in `thinking` block"]


def test_an_image_in_the_result_of_a_tool_is_looked_at_too() -> None:
    source = {"type": "base64", "media_type": "image/gif", "data": PNG}
    shown = {**RESULT, "content": [TEXT, {"type": "image", "source": source}]}
    assert complaints(messages=[HI, assistant(CALL), user(shown)]) == [
        "messages.2.content.0.tool_result.content.1.image.source.base64: The image was specified using the "
        "image/gif media type, but the image appears to be a image/png image"
    ]


def test_an_image_that_is_only_named_is_not_looked_at() -> None:
    assert (
        complaints(messages=[user({"type": "image", "source": {"type": "url", "url": "https://a/b"}})]) == []
    )


# --- where the prompt may be cached ---------------------------------------------------------------------


def test_places_to_cache_up_to_are_counted_everywhere() -> None:
    told = complaints(
        tools=[{**TOOL, **CACHED}],
        system=[{**TEXT, **CACHED}],
        messages=[
            user({**TEXT, **CACHED}),
            assistant({**CALL, **CACHED}),
            user({**RESULT, **CACHED}),
        ],
    )
    assert told == ["A maximum of 4 blocks with cache_control may be provided. Found 5."]


def test_an_hour_may_come_before_five_minutes() -> None:
    assert complaints(tools=[{**TOOL, **FOR_LONG}], messages=[user({**TEXT, **CACHED})]) == []
    told = complaints(tools=[{**TOOL, **CACHED}], system=[{**TEXT, **FOR_LONG}])
    assert [message.partition(":")[0] for message in told] == ["system.0.cache_control.ttl"]


# --- counts of tokens --------------------------------------------------------------------------------


def test_a_count_of_tokens_does_not_look_at_the_answer() -> None:
    body = {"model": "claude-haiku-4-5", "messages": [HI], "stop_sequences": [" "], "foo": 1}
    headers = (b"anthropic-version", b"2026-10-21")
    asked = HttpRequest("POST", "/v1/messages/count_tokens", headers, json.dumps(body).encode())
    assert list(anthropic_tokens.complaints(anthropic_tokens.parse(asked))) == []
