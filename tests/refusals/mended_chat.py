"""Chat Completions: what makes each refused example right."""

from __future__ import annotations

from typing import Any

USER = {"role": "user", "content": "Hi"}
CALL = {"id": "call_1", "type": "function", "function": {"name": "find", "arguments": "{}"}}
CALLED = {"role": "assistant", "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "it"}
TOOL = {"type": "function", "function": {"name": "find"}}
PNG = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5"
    "ErkJggg=="
)


def named(name: str) -> dict[str, Any]:
    return {"tools": [{"type": "function", "function": {"name": name}}]}


def showing(url: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]}


CHAT: dict[str, dict[str, Any]] = {
    "unknown parameter": {"top_k": None},
    "unknown parameters": {"enable_thinking": ..., "top_k": ...},
    "unknown parameter of a reasoning model": {"reasoning": ..., "reasoning_effort": "low"},
    "a parameter of other models": {"model": "gpt-4o-search-preview"},
    "no messages": {"messages": [USER]},
    "a developer without content": {"messages": [{"role": "developer", "content": "Be brief."}, USER]},
    "a developer whose content is null": {"messages": [{"role": "developer", "content": ""}, USER]},
    "a name with a space": {"messages": [{**USER, "name": "Användare-1"}]},
    "no tool calls": {"messages": [USER, {"role": "assistant", "content": "Hm", "tool_calls": None}]},
    "too many tool calls": {"messages": [USER, {"role": "assistant", "tool_calls": [CALL] * 128}, RESULT]},
    "a call of a bad name": {"messages": [USER, CALLED, RESULT]},
    "an image for a model that reads text alone": {"model": "gpt-4-turbo"},
    "an image that has no URL": showing("HTTPS://example.com/a.png"),
    "an image that is none": showing(PNG),
    "function_call without functions": {"functions": [{"name": "find"}]},
    "no tools": {"tools": None},
    "too many tools": {"tools": [TOOL] * 128},
    "a tool of no name": named("f"),
    "a tool of a bad name": named("get_whoami-2"),
    "a tool of a long name": named("x" * 64),
    "tool_choice without tools": {"tools": [TOOL]},
    "tool_choice of a tool that is not offered": {
        "tool_choice": {"type": "function", "function": {"name": "find"}}
    },
    "parallel_tool_calls of a wrong type": {"parallel_tool_calls": True},
    "parallel_tool_calls without tools": {"tools": [TOOL]},
    "max_completion_tokens of none": {"max_completion_tokens": 1},
    "n too large": {"n": 8},
    "temperature too high": {"temperature": 2},
    "temperature too low": {"temperature": 0},
    "top_p too high": {"top_p": 1},
    "presence_penalty too low": {"presence_penalty": -2},
    "presence_penalty of a wrong type": {"presence_penalty": 2},
    "frequency_penalty too high": {"frequency_penalty": 2.0},
    "frequency_penalty of a wrong type": {"frequency_penalty": None},
    "top_logprobs without logprobs": {"logprobs": True},
    "top_logprobs too large": {"top_logprobs": 5},
    "user of a wrong type": {"user": "u-1"},
    "user too long": {"user": "u" * 64},
    "moderation without a model": {"moderation": {"model": "omni-moderation-latest"}},
    "safety_identifier of a wrong type": {"safety_identifier": "u-1"},
    "an unknown option of the cache": {"prompt_cache_options": {"ttl": "30m"}},
    "prompt_cache_retention of a wrong type": {"prompt_cache_retention": "24h"},
    "unknown prompt_cache_retention": {"prompt_cache_retention": "in_memory"},
    "prompt_cache_key of a wrong type": {"prompt_cache_key": "k"},
    "json_object without the word": {"messages": [{"role": "system", "content": "Answer in JSON."}, USER]},
    "unknown service_tier": {"service_tier": "flex"},
    "service_tier of a wrong type": {"service_tier": "scale"},
    "max_tokens of none": {"max_tokens": 1},
    "max_tokens beside max_completion_tokens": {"max_tokens": None},
    "max_tokens beyond what the model can": {"max_tokens": 16384},
    "too many stop sequences": {"stop": ["a", "b", "c", "d"]},
    "an unknown option of the stream": {"stream_options": ...},
    "stream_options without stream": {"stream_options": None},
    "store of a wrong type": {"store": True},
    "metadata of a wrong type": {"metadata": {}},
    "too many metadata": {"metadata": {f"k{number}": "v" for number in range(16)}},
    "a long key of metadata": {"metadata": {"k" * 64: "v"}},
    "a long value of metadata": {"metadata": {"k": "x" * 512}},
    "a value of metadata that is no text": {"metadata": {"k": "7"}},
    "unknown verbosity": {"verbosity": "low"},
    "max_tokens for a reasoning model": {"max_tokens": ..., "max_completion_tokens": 32},
    "stop for a reasoning model": {"model": "gpt-5-chat-latest"},
    "logit_bias for a reasoning model": {"model": "gpt-4o"},
    "prediction for a reasoning model": {"model": "gpt-4o"},
    "parallel_tool_calls for a reasoning model": {"model": "gpt-5"},
    "reasoning_effort for a model that does not reason": {"reasoning_effort": None},
    "unknown reasoning_effort": {"reasoning_effort": "xhigh"},
    "a system message for a model that takes none": {"model": "o3-mini-2025-01-31"},
    "temperature for a reasoning model": {"temperature": 1.0},
    "temperature for o3-mini": {"temperature": None},
    "top_p for a reasoning model": {"top_p": 1},
    "presence_penalty for a reasoning model": {"presence_penalty": 0},
    "frequency_penalty for a reasoning model": {"reasoning_effort": "none"},
    "logprobs for a reasoning model": {"reasoning_effort": "none"},
    "a message without content": {"messages": [{"role": "user", "content": ""}]},
    "an assistant that says nothing": {"messages": [USER, {"role": "assistant", "refusal": "No."}]},
    "a result without content": {"messages": [USER, CALLED, {**RESULT, "content": []}]},
    "a result without a call": {"messages": [USER, CALLED, RESULT]},
    "a result of another call": {"messages": [USER, CALLED, RESULT, USER]},
    "a call without a result": {"messages": [USER, CALLED, RESULT, CALLED, RESULT]},
}
