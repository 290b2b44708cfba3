"""Responses: what makes each refused example right."""

from __future__ import annotations

from typing import Any

USER = {"role": "user", "content": "Hi"}
CALL = {"type": "function_call", "call_id": "call_1", "name": "find", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "call_1", "output": "it"}
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": []}
SAID = {"role": "assistant", "content": [{"type": "output_text", "text": "x"}], "phase": "commentary"}
CLOSED = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}
FORMAT = {"type": "json_schema", "name": "x", "strict": True, "schema": CLOSED}
FUNCTION = {"type": "function", "name": "find"}

RESPONSES: dict[str, dict[str, Any]] = {
    "no model": {"model": "gpt-4o"},
    "no input": {"input": "Hi"},
    "unknown parameter": {"max_tokens": ..., "max_output_tokens": 16},
    "a parameter that is nearly one": {"stop": ...},
    "messages": {"messages": ...},
    "reasoning_effort": {"reasoning_effort": ..., "reasoning": {"effort": "low"}},
    "unknown member of a message": {"input": [{**USER, "id": "msg_1", "status": "completed"}]},
    "a phase of the user's": {"input": [USER]},
    "unknown phase": {"input": [{"role": "assistant", "content": "OK", "phase": "final_answer"}, USER]},
    "an assistant that asks": {"input": [SAID, USER]},
    "a user that answers": {"input": [{"role": "user", "content": [{"type": "input_text", "text": "x"}]}]},
    "a call with an id of another kind": {"input": [USER, {**CALL, "id": "fc_1"}, RESULT]},
    "unknown include": {"include": ["file_search_call.results"]},
    "too many metadata": {"metadata": {f"k{number}": "v" for number in range(16)}},
    "unknown member of text": {"text": {"verbosity": "low"}},
    "unknown text.verbosity": {"text": {"verbosity": "high"}},
    "temperature out of range": {"temperature": 2},
    "top_p out of range": {"top_p": 1},
    "an option of chat's stream": {"stream": False, "stream_options": {"include_obfuscation": False}},
    "background of a wrong type": {"background": False},
    "max_output_tokens too small": {"max_output_tokens": 16},
    "max_tool_calls too small": {"max_tool_calls": 1},
    "max_tool_calls of a wrong type": {"max_tool_calls": 7},
    "unknown member of reasoning": {"reasoning": {"effort": "low", "summary": "auto"}},
    "unknown reasoning.effort": {"reasoning": {"effort": "minimal"}},
    "unknown reasoning.summary": {"reasoning": {"summary": "concise"}},
    "user of a wrong type": {"user": "me"},
    "safety_identifier of a wrong type": {"safety_identifier": "me"},
    "prompt_cache_key of a wrong type": {"prompt_cache_key": "mine"},
    "unknown prompt_cache_retention": {"prompt_cache_retention": "24h"},
    "unknown truncation": {"truncation": "auto"},
    "store of a wrong type": {"store": False},
    "unknown service_tier": {"service_tier": "flex"},
    "context_management of a wrong type": {"context_management": []},
    "moderation of a wrong type": {"moderation": {"model": "omni-moderation-latest"}},
    "text.format: not closed": {"text": {"format": FORMAT}},
    "a name that no function can have": {"tools": [{"type": "function", "name": "find_it"}]},
    "a strict function: not closed": {"tools": [{**FUNCTION, "parameters": CLOSED, "strict": True}]},
    "a function: no properties": {
        "tools": [{**FUNCTION, "parameters": {"type": "object", "properties": {}}, "strict": False}]
    },
    "a conversation beside a response": {"conversation": ..., "previous_response_id": ...},
    "a conversation that there is not": {"conversation": None},
    "a prompt that there is not": {"prompt": None},
    "a response that there is not": {"previous_response_id": None},
    "an empty input": {"input": [USER]},
    "an item that was not kept": {"input": [USER]},
    "temperature for a model that reasons": {"reasoning": {"effort": "none"}},
    "top_p for a model that reasons": {"top_p": 0.98},
    "presence_penalty for a model that reasons": {"presence_penalty": 0},
    "frequency_penalty for a model that reasons": {"model": "gpt-4o"},
    "logprobs of a model that reasons": {"model": "gpt-4o"},
    "top_logprobs of a model that reasons": {"top_logprobs": 0},
    "reasoning.effort for a model that does not reason": {"model": "o3"},
    "encrypted thoughts of a model that has none": {"model": "gpt-5"},
    "a call without a result": {"input": [USER, CALL, RESULT]},
    "a result without a call": {"input": [USER, CALL, RESULT]},
    "a thought that led to nothing": {"input": [USER, THOUGHT, CALL, RESULT]},
}
