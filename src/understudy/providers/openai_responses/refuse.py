"""Responses: the table of what the API refuses.

In the order in which the API looks, as far as it was measured: parameters that there are not, the input, each
other field for itself, what would have to be kept, what the model does not take, last whether the items hang
together. Rows without a `find` are refused by `parse`. docs/validation.md has the same rows, with the words
of each.
"""

from __future__ import annotations

from typing import Any

from understudy.providers import openai_fields_base as reading
from understudy.providers import openai_finds_base as finding
from understudy.providers.base import Check, by_field
from understudy.providers.openai_responses import fields, input

GITHUB = "https://github.com/"
MEASURED = (
    f"{GITHUB}kangminlee-maker/local-OAuth-CLI-API-adapter/blob/4eb54c7c8aa80f91abbcb7933a6b0df0bf633083/"
    "test/openai-responses-validation-parity.test.mjs"
)
"""Answers of the API itself to gpt-5.6-terra, on 2026-08-30."""
REFERENCE = "https://platform.openai.com/docs/api-reference/responses/create"

USER = {"role": "user", "content": "Hi"}
TOOL = {"type": "function", "name": "find"}
CALL = {"type": "function_call", "call_id": "call_1", "name": "find", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "call_1", "output": "it"}
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": []}
OPEN = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}


def example(model: str = "gpt-4o", **changes: Any) -> dict[str, Any]:
    """A plain request with `changes`."""
    return {"model": model, "input": "Hi", **changes}


def message(**changes: Any) -> dict[str, Any]:
    """A request whose one item is a user's message, changed."""
    return example(input=[{**USER, **changes}])


def format(**changes: Any) -> dict[str, Any]:
    return example(text={"format": changes})


FIRST: tuple[Check, ...] = (
    Check("no model", "", fields.no_model, {"input": "Hi"}, MEASURED),
    Check("no model by name", "model", None, example(""), MEASURED),
    Check("model of a wrong type", "model", None, {"model": 7, "input": "Hi"}, MEASURED),
    Check("a model that is null", "model", None, {"model": None, "input": "Hi"}, MEASURED),
    Check("no input", "", fields.no_input, {"model": "gpt-4o"}, MEASURED),
    Check("an input that is null", "input", None, example(input=None), MEASURED),
    Check("input of a wrong type", "input", None, example(input={"a": 1}), MEASURED),
    Check("an item that is none", "input", None, example(input=[7]), MEASURED),
    Check("unknown item", "input", None, example(input=[{"type": "bogus_item"}]), MEASURED),
    Check("unknown role", "input", None, message(role="bogus"), MEASURED),
    Check("a message without content", "input", None, example(input=[{"role": "user"}]), MEASURED),
    Check("unknown content", "input", None, message(content=[{"type": "bogus", "text": "x"}]), MEASURED),
    Check("content without its text", "input", None, message(content=[{"type": "input_text"}]), MEASURED),
    Check("include of a wrong type", "include", None, example(include="logprobs"), MEASURED),
    Check("tools of a wrong type", "tools", None, example(tools="find"), MEASURED),
    Check("metadata of a wrong type", "metadata", None, example(metadata="x"), MEASURED),
    Check("text of a wrong type", "text", None, example(text="json"), MEASURED),
    Check("temperature of a wrong type", "temperature", None, example(temperature="hot"), MEASURED),
    Check("top_p of a wrong type", "top_p", None, example(top_p="wide"), MEASURED),
    Check(
        "parallel_tool_calls of a wrong type",
        "parallel_tool_calls",
        None,
        example(parallel_tool_calls="yes"),
        MEASURED,
    ),
    Check("stream of a wrong type", "stream", None, example(stream="yes"), MEASURED),
    Check("stream_options of a wrong type", "stream_options", None, example(stream_options="x"), MEASURED),
    Check(
        "max_output_tokens of a wrong type",
        "max_output_tokens",
        None,
        example(max_output_tokens="x"),
        MEASURED,
    ),
    Check("reasoning of a wrong type", "reasoning", None, example(reasoning="low"), MEASURED),
    Check("instructions of a wrong type", "instructions", None, example(instructions={"a": 1}), MEASURED),
    Check("top_logprobs of a wrong type", "top_logprobs", None, example(top_logprobs="x"), MEASURED),
    Check("a tool without a type", "tools", None, example(tools=[{}]), MEASURED),
    Check(
        "a tool as chat has it",
        "tools",
        None,
        example(tools=[{"type": "function", "function": {"name": "find"}}]),
        MEASURED,
    ),
    Check("tool_choice of a wrong type", "tool_choice", None, example(tool_choice=7), MEASURED),
    Check("unknown tool_choice", "tool_choice", None, example(tools=[TOOL], tool_choice="bogus"), MEASURED),
    Check(
        "a tool_choice as chat has it",
        "tool_choice",
        None,
        example(tools=[TOOL], tool_choice={"type": "function", "function": {"name": "find"}}),
        MEASURED,
    ),
    Check("unknown text.format", "text", None, format(type="bogus"), MEASURED),
    Check("text.format without a name", "text", None, format(type="json_schema"), MEASURED),
)

FIELDS: tuple[Check, ...] = (
    Check("unknown parameter", "", fields.unknown, example(max_tokens=16), MEASURED),
    Check("a parameter that is nearly one", "", fields.unknown, example(stop=["ZZ"]), MEASURED),
    Check("messages", "", fields.unknown, example(messages=[USER]), MEASURED),
    Check(
        "reasoning_effort",
        "",
        fields.unknown,
        example("gpt-5", reasoning_effort="low"),
        f"{GITHUB}OpenHands/software-agent-sdk/issues/755",
    ),
    Check("unknown member of a message", "input", input.shapes, message(bogus=1), MEASURED),
    Check("a phase of the user's", "input", input.shapes, message(phase="final_answer"), MEASURED),
    Check(
        "unknown phase",
        "input",
        input.shapes,
        example(input=[{"role": "assistant", "content": "OK", "phase": "bogus"}, USER]),
        MEASURED,
    ),
    Check(
        "an assistant that asks",
        "input",
        input.shapes,
        example(input=[{"role": "assistant", "content": [{"type": "input_text", "text": "x"}]}, USER]),
        MEASURED,
    ),
    Check(
        "a user that answers",
        "input",
        input.shapes,
        message(content=[{"type": "output_text", "text": "x"}]),
        MEASURED,
    ),
    Check(
        "a call with an id of another kind",
        "input",
        input.ids,
        example(input=[USER, {**CALL, "id": "msg_1"}, RESULT]),
        f"{GITHUB}continuedev/continue/issues/11494",
    ),
    Check("unknown include", "include", fields.include, example(include=["bogus.thing"]), MEASURED),
    Check(
        "too many metadata",
        "metadata",
        finding.metadata,
        example(metadata={f"k{number}": "v" for number in range(17)}),
        MEASURED,
    ),
    Check("unknown member of text", "text", fields.members("text"), example(text={"zzz": 1}), MEASURED),
    Check(
        "unknown text.verbosity",
        "text",
        fields.member_of("text", "verbosity", ("low", "medium", "high")),
        example(text={"verbosity": "bogus"}),
        MEASURED,
    ),
    Check(
        "temperature out of range",
        "temperature",
        finding.within("temperature", 0, 2),
        example(temperature=3),
        REFERENCE,
    ),
    Check("top_p out of range", "top_p", finding.within("top_p", 0, 1), example(top_p=2), REFERENCE),
    Check(
        "an option of chat's stream",
        "stream_options",
        fields.members("stream_options"),
        example(stream=True, stream_options={"include_usage": True}),
        MEASURED,
    ),
    Check(
        "background of a wrong type",
        "background",
        finding.typed("background", reading.BOOLEAN),
        example(background="yes"),
        MEASURED,
    ),
    Check(
        "max_output_tokens too small",
        "max_output_tokens",
        fields.at_least("max_output_tokens", fields.FEWEST_TOKENS),
        example(max_output_tokens=15),
        MEASURED,
    ),
    Check(
        "max_tool_calls too small",
        "max_tool_calls",
        max_tool_calls := fields.at_least("max_tool_calls", 1),
        example(max_tool_calls=0),
        MEASURED,
    ),
    Check(
        "max_tool_calls of a wrong type",
        "max_tool_calls",
        max_tool_calls,
        example(max_tool_calls="x"),
        MEASURED,
    ),
    Check(
        "unknown member of reasoning",
        "reasoning",
        fields.members("reasoning"),
        example("gpt-5", reasoning={"bogus": 1}),
        MEASURED,
    ),
    Check(
        "unknown reasoning.effort",
        "reasoning",
        fields.member_of("reasoning", "effort", fields.EFFORTS),
        example("gpt-5", reasoning={"effort": "bogus"}),
        MEASURED,
    ),
    Check(
        "unknown reasoning.summary",
        "reasoning",
        fields.member_of("reasoning", "summary", fields.SUMMARIES),
        example("gpt-5", reasoning={"summary": "bogus"}),
        MEASURED,
    ),
    Check(
        "user of a wrong type",
        "user",
        finding.typed("user", reading.STRING),
        example(user={"a": 1}),
        MEASURED,
    ),
    Check(
        "safety_identifier of a wrong type",
        "safety_identifier",
        finding.typed("safety_identifier", reading.STRING),
        example(safety_identifier={"a": 1}),
        MEASURED,
    ),
    Check(
        "prompt_cache_key of a wrong type",
        "prompt_cache_key",
        finding.typed("prompt_cache_key", reading.STRING),
        example(prompt_cache_key={"a": 1}),
        MEASURED,
    ),
    Check(
        "unknown prompt_cache_retention",
        "prompt_cache_retention",
        finding.one_of("prompt_cache_retention", ("in_memory", "24h")),
        example(prompt_cache_retention="x"),
        MEASURED,
    ),
    Check(
        "unknown truncation",
        "truncation",
        finding.one_of("truncation", ("auto", "disabled")),
        example(truncation="bogus"),
        MEASURED,
    ),
    Check(
        "store of a wrong type",
        "store",
        finding.typed("store", reading.BOOLEAN),
        example(store="yes"),
        MEASURED,
    ),
    Check(
        "unknown service_tier",
        "service_tier",
        finding.one_of("service_tier", ("auto", "default", "fast", "flex", "priority"), ("scale",)),
        example(service_tier="bogus"),
        MEASURED,
    ),
    Check(
        "context_management of a wrong type",
        "context_management",
        finding.typed("context_management", reading.OBJECTS),
        example(context_management="x"),
        MEASURED,
    ),
    Check(
        "moderation of a wrong type",
        "moderation",
        finding.typed("moderation", reading.OBJECT),
        example(moderation="x"),
        MEASURED,
    ),
    Check(
        "text.format: not closed",
        "text",
        fields.text_schema,
        format(type="json_schema", name="x", strict=True, schema=OPEN),
        f"{GITHUB}mavam/pi-web-providers/issues/14",
    ),
    Check(
        "a name that no function can have",
        "tools",
        fields.tool_names,
        example(tools=[{**TOOL, "name": "find.it"}]),
        f"{GITHUB}openai/openai-dotnet/issues/441",
    ),
    Check(
        "a strict function: not closed",
        "tools",
        fields.tool_schemas,
        example(tools=[{**TOOL, "parameters": OPEN, "strict": True}]),
        f"{GITHUB}openai/codex/issues/7758",
    ),
    Check(
        "a function: no properties",
        "tools",
        fields.tool_schemas,
        example(tools=[{**TOOL, "parameters": {"type": "object"}, "strict": False}]),
        f"{GITHUB}tailcallhq/forgecode/issues/1359",
    ),
)

STATE: tuple[Check, ...] = (
    Check(
        "a conversation beside a response",
        "previous_response_id",
        fields.exclusive,
        example(conversation="conv_x", previous_response_id="resp_x"),
        MEASURED,
    ),
    Check(
        "a conversation that there is not",
        "conversation",
        fields.conversation,
        example(conversation="conv_x"),
        MEASURED,
    ),
    Check(
        "a prompt that there is not",
        "prompt",
        fields.prompt,
        example(prompt={"id": "pmpt_x"}),
        MEASURED,
    ),
    Check(
        "a response that there is not",
        "previous_response_id",
        fields.previous,
        example(previous_response_id="resp_x"),
        MEASURED,
    ),
    Check("an empty input", "input", input.there, example(input=[]), MEASURED),
    Check(
        "an item that was not kept",
        "input",
        input.kept,
        example(store=False, input=[USER, {"type": "item_reference", "id": "rs_1"}]),
        f"{GITHUB}can1357/oh-my-pi/issues/41",
    ),
)

MODELS: tuple[Check, ...] = (
    Check(
        "temperature for a model that reasons",
        "temperature",
        fields.untaken("temperature", 1),
        example("gpt-5.6-terra", temperature=0.5),
        MEASURED,
    ),
    Check(
        "top_p for a model that reasons",
        "top_p",
        fields.untaken("top_p", 1),
        example("gpt-5.6-terra", top_p=0.5),
        MEASURED,
    ),
    Check(
        "presence_penalty for a model that reasons",
        "presence_penalty",
        fields.untaken("presence_penalty", 0),
        example("gpt-5.6-terra", presence_penalty=0.5),
        MEASURED,
    ),
    Check(
        "frequency_penalty for a model that reasons",
        "frequency_penalty",
        fields.untaken("frequency_penalty", 0),
        example("gpt-5.6-terra", frequency_penalty=0.5),
        MEASURED,
    ),
    Check(
        "logprobs of a model that reasons",
        "include",
        fields.logprobs("include"),
        example("gpt-5.6-terra", include=["message.output_text.logprobs"]),
        MEASURED,
    ),
    Check(
        "top_logprobs of a model that reasons",
        "top_logprobs",
        fields.logprobs("top_logprobs"),
        example("gpt-5.6-terra", top_logprobs=1),
        MEASURED,
    ),
    Check(
        "reasoning.effort for a model that does not reason",
        "reasoning",
        fields.effort,
        example(reasoning={"effort": "low"}),
        f"{GITHUB}RageAgainstThePixel/OpenAI-DotNet/issues/500",
    ),
    Check(
        "encrypted thoughts of a model that has none",
        "include",
        fields.encrypted,
        example(include=["reasoning.encrypted_content"]),
        f"{GITHUB}pydantic/pydantic-ai/issues/2865",
    ),
)

CONVERSATION: tuple[Check, ...] = (
    Check(
        "a call without a result",
        "input",
        input.results,
        example(input=[USER, CALL]),
        f"{GITHUB}tjardoo/openai-client/pull/124",
    ),
    Check(
        "a result without a call",
        "input",
        input.results,
        example(input=[USER, RESULT]),
        f"{GITHUB}continuedev/continue/issues/10092",
    ),
    Check(
        "a thought that led to nothing",
        "input",
        input.thoughts,
        example("gpt-5", input=[USER, THOUGHT, USER]),
        f"{GITHUB}continuedev/continue/issues/8933",
    ),
)

CHECKS = (*FIRST, *FIELDS, *STATE, *MODELS, *CONVERSATION)
complaints = by_field(CHECKS)
