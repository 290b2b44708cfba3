"""Anthropic's messages and counts of tokens: what makes each refused example right."""

from __future__ import annotations

from typing import Any

HI = {"role": "user", "content": "Hi"}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}}
CALLED = {"role": "assistant", "content": [CALL]}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "21 degrees"}
ANSWERED = {"role": "user", "content": [RESULT]}
TEXT = {"type": "text", "text": "Hi"}
THOUGHT = {"type": "thinking", "thinking": "Hm", "signature": "c2lnbmVk"}
THOUGHT_AND_TEXT = {"messages": [HI, {"role": "assistant", "content": [THOUGHT, TEXT]}, HI]}
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
SHOWING = [
    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
    {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "/9j/4AAQSkZJRgAB"}},
    {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": "R0lGODlhAQABAAAA"}},
    {"type": "image", "source": {"type": "base64", "media_type": "image/webp", "data": "UklGRhoAAABXRUJQ"}},
    {"type": "image", "source": {"type": "base64", "media_type": "image/webp", "data": "not base64"}},
]
CACHED = {"cache_control": {"type": "ephemeral"}}
FOR_LONG = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}


def user(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(blocks)}]}


def offering(**schema: Any) -> dict[str, Any]:
    return {"tools": [{"name": "get_weather", "input_schema": {"type": "object", **schema}}]}


def answering(**properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {"format": {"type": "json_schema", "schema": schema}}


SHORT = {
    "requests": [
        {"custom_id": "a", "params": {"model": "claude-sonnet-5", "max_tokens": 64, "messages": [HI]}}
    ]
}
BATCHES: dict[str, dict[str, Any]] = {"a long id": SHORT, "a strange id": SHORT, "an id twice": SHORT}
ANTHROPIC: dict[str, dict[str, Any]] = {
    "unknown parameter": {"response_format": ...},
    "temperature": {"temperature": ...},
    "top_p": {"top_p": ...},
    "top_k": {"top_k": ...},
    "temperature out of range": {"temperature": 1},
    "temperature of a model that takes none": {"temperature": 1.0},
    "top_p of a model that takes none": {"model": "claude-haiku-4-5"},
    "top_k of a model that takes none": {"model": "claude-haiku-4-5"},
    "temperature beside top_p": {"model": "claude-sonnet-4-20250514"},
    "temperature beside thinking": {"temperature": 1},
    "top_p beside thinking": {"top_p": 0.95},
    "top_k beside thinking": {"thinking": {"type": "disabled"}},
    "too little to think with": {"thinking": {"type": "enabled", "budget_tokens": 1_024}},
    "no room beside thinking": {"thinking": {"type": "enabled", "budget_tokens": 2_047}},
    "thinking with a forced tool": {"tool_choice": {"type": "auto"}},
    "more tokens than the model has": {"max_tokens": 64_000},
    "a blank to stop at": {"stop_sequences": ["\n\nHuman:"]},
    "effort of a model that has none to choose": {"model": "claude-opus-4-5"},
    "an answer's schema: not closed": {"output_config": answering()},
    "an answer's schema: open": {"output_format": answering()["format"]},
    "an answer's schema: bounds of a number": {
        "output_config": answering(score={"type": "number"}, name={"type": "string", "minLength": 1})
    },
    "more than four marks": user(*[{**TEXT, **CACHED}] * 4),
    "a file that is not there": {"messages": [HI]},
    "an hour after five minutes": user({**TEXT, **FOR_LONG}, {**TEXT, **CACHED}),
}
COUNTED: dict[str, dict[str, Any]] = {
    "unknown member of a message": {"messages": [HI, {"role": "assistant", "content": "Hm"}, HI]},
    "unknown member of a block": {"messages": [HI, CALLED, ANSWERED]},
    "a mark on thoughts": THOUGHT_AND_TEXT,
    "unknown member of the system prompt": {"system": [{**TEXT, "cache_control": {"type": "ephemeral"}}]},
    "a thought without its signature": THOUGHT_AND_TEXT,
    "a thought with a false signature": THOUGHT_AND_TEXT,
    "a call of a bad id": {"messages": [HI, CALLED, ANSWERED]},
    "a call of a long name": {
        "messages": [HI, {"role": "assistant", "content": [{**CALL, "name": "x" * 200}]}, ANSWERED]
    },
    "an image of a type that there is not": user(*SHOWING),
    "an image of another type": user(*SHOWING),
    "unknown member of a tool": offering(),
    "a tool of a bad name": {"tools": [{"name": "get-weather_2", "input_schema": {"type": "object"}}]},
    "a tool of a long name": {"tools": [{"name": "x" * 128, "input_schema": {"type": "object"}}]},
    "a tool whose input has no type": offering(properties={}),
    "a tool with a choice at the root": offering(properties={"a": {"anyOf": [{"type": "string"}]}}),
    "a tool with a bad key": offering(properties={"filter.id-1": {"properties": {"filter[id]": True}}}),
    "a tool whose input is no schema": offering(properties={"x": {"type": "number"}}),
    "two tools of one name": {
        "tools": [*offering()["tools"], {"type": "web_search_20250305", "name": "web_search"}]
    },
    "a forced tool for a model that decides by itself": {"model": "claude-opus-5"},
    "any tool where there is none": {"tool_choice": {"type": "auto"}},
    "a tool that is not offered": offering(),
    "thinking by a budget for a model that adapts": {"thinking": {"type": "adaptive"}},
    "adaptive thinking for a model that has a budget": {"model": "claude-opus-4-6"},
    "no thinking for a model that always thinks": {"model": "claude-opus-4-8"},
    "no messages": {"messages": [HI]},
    "a message without content": {"messages": [HI, {"role": "assistant", "content": "Hello"}, HI]},
    "a mark on an empty text": user({**TEXT, **CACHED}),
    "an empty text": user(TEXT),
    "a blank text": user({"type": "text", "text": " Hi"}),
    "two calls of one id": {
        "messages": [
            HI,
            {"role": "assistant", "content": [CALL, {**CALL, "id": "toolu_2"}]},
            {"role": "user", "content": [RESULT, {**RESULT, "tool_use_id": "toolu_2"}]},
        ]
    },
    "a call without its result": {"messages": [HI, CALLED, ANSWERED]},
    "a result after a text": {"messages": [HI, CALLED, {"role": "user", "content": [RESULT, TEXT]}]},
    "a result without its call": {"messages": [HI, CALLED, ANSWERED]},
    "two results of one call": {"messages": [HI, CALLED, ANSWERED]},
    "a call without the thought before it": {
        "messages": [HI, {"role": "assistant", "content": [THOUGHT, CALL]}, ANSWERED]
    },
    "a thought at the end": {"messages": [HI, {"role": "assistant", "content": [THOUGHT, TEXT]}]},
    "an answer begun for a model that begins by itself": {"model": "claude-haiku-4-5"},
    "an answer begun that ends with a blank": {
        "messages": [HI, {"role": "assistant", "content": "The answer is"}]
    },
}
