"""Chat Completions: the table of what the API refuses.

In the order in which the API looks, as far as it was measured: fields that there are not, then each field
for itself, then what the model does not take, last whether the messages hang together. Rows without a
`find` are refused by `parse`. docs/validation.md has the same rows, with the words of each.
"""

from __future__ import annotations

from typing import Any

from understudy.providers import openai_fields_base as reading
from understudy.providers.base import Check, by_field
from understudy.providers.openai_chat import fields, messages
from understudy.providers.openai_chat.endpoints import ENDPOINT_CHECKS
from understudy.providers.openai_chat.schemas import SCHEMA_CHECKS

GITHUB = "https://github.com/"
MEASURED = (
    f"{GITHUB}kangminlee-maker/local-OAuth-CLI-API-adapter/blob/4bbd033089736dc80f67e9088cfd0560da1c5c91/"
    "test/openai-chat-validation-parity.test.mjs"
)
"""Answers of the API itself to gpt-5.6-terra, gpt-5.6-sol and gpt-5.5, in August and September 2026."""
MAPPING = f"{GITHUB}BerriAI/litellm/blob/main/litellm/litellm_core_utils/exception_mapping_utils.py"
LITELLM_TESTS = (
    f"{GITHUB}BerriAI/litellm/blob/main/tests/test_litellm/litellm_core_utils/test_exception_mapping_utils.py"
)

USER = {"role": "user", "content": "Hi"}
CALL = {"id": "call_1", "type": "function", "function": {"name": "find", "arguments": "{}"}}
CALLED = {"role": "assistant", "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "it"}
TOOL = {"type": "function", "function": {"name": "find"}}
NOT_AN_IMAGE = "data:image/png;base64,JVBERi0xLjcK"  # a PDF


def example(model: str = "gpt-4o", **changes: Any) -> dict[str, Any]:
    """A plain request with `changes`."""
    return {"model": model, "messages": [USER], **changes}


def showing(url: str, model: str = "gpt-4o") -> dict[str, Any]:
    """A request with an image."""
    look = [{"type": "text", "text": "Look"}, {"type": "image_url", "image_url": {"url": url}}]
    return example(model, messages=[{"role": "user", "content": look}])


def named(name: str) -> dict[str, Any]:
    """A request with a tool of this name."""
    return example(tools=[{"type": "function", "function": {"name": name}}])


UNREADABLE: tuple[Check, ...] = (
    Check("no model", "model", None, {"messages": [USER]}, MEASURED),
    Check("messages missing", "messages", None, {"model": "gpt-4o"}, MEASURED),
    Check("messages of a wrong type", "messages", None, example(messages="ping"), MEASURED),
    Check("a message that is no object", "messages", None, example(messages=["ping"]), MEASURED),
    Check("a message without a role", "messages", None, example(messages=[{"content": "Hi"}]), MEASURED),
    Check("unknown role", "messages", None, example(messages=[{**USER, "role": "bogus"}]), MEASURED),
    Check("content of a wrong type", "messages", None, example(messages=[{**USER, "content": 7}]), MEASURED),
    Check(
        "image_url as a string",
        "messages",
        None,
        example(messages=[{"role": "user", "content": [{"type": "image_url", "image_url": "data:"}]}]),
        f"{GITHUB}openai/openai-python/issues/1635",
    ),
    Check("functions of a wrong type", "functions", None, example(functions="find"), MEASURED),
    Check("a function without a name", "functions", None, example(functions=[{}]), MEASURED),
    Check("tools of a wrong type", "tools", None, example(tools="find"), MEASURED),
    Check("a tool without a function", "tools", None, example(tools=[{"type": "function"}]), MEASURED),
    Check(
        "a tool without a name",
        "tools",
        None,
        example(tools=[{"type": "function", "function": {}}]),
        MEASURED,
    ),
    Check("tool_choice of a wrong type", "tool_choice", None, example(tool_choice=7), MEASURED),
    Check("unknown tool_choice", "tool_choice", None, example(tools=[TOOL], tool_choice="bogus"), MEASURED),
    Check(
        "tool_choice without a function",
        "tool_choice",
        None,
        example(tools=[TOOL], tool_choice={"type": "bogus"}),
        MEASURED,
    ),
    Check(
        "tool_choice without a name",
        "tool_choice",
        None,
        example(tools=[TOOL], tool_choice={"type": "function", "function": {}}),
        MEASURED,
    ),
    Check("n of a wrong type", "n", None, example(n="2"), MEASURED),
    Check("n too small", "n", None, example(n=0), MEASURED),
    Check("temperature of a wrong type", "temperature", None, example(temperature="hot"), MEASURED),
    Check("top_p of a wrong type", "top_p", None, example(top_p="wide"), MEASURED),
    Check("seed of a wrong type", "seed", None, example(seed=1.5), MEASURED),
    Check("top_logprobs too small", "top_logprobs", None, example(logprobs=True, top_logprobs=-1), MEASURED),
    Check(
        "response_format of a wrong type", "response_format", None, example(response_format="json"), MEASURED
    ),
    Check("response_format without a type", "response_format", None, example(response_format={}), MEASURED),
    Check(
        "unknown response_format",
        "response_format",
        None,
        example(response_format={"type": "bogus"}),
        MEASURED,
    ),
    Check(
        "response_format without a schema",
        "response_format",
        None,
        example(response_format={"type": "json_schema"}),
        MEASURED,
    ),
    Check(
        "response_format without a name",
        "response_format",
        None,
        example(response_format={"type": "json_schema", "json_schema": {}}),
        MEASURED,
    ),
)

STRANGERS: tuple[Check, ...] = (
    Check(
        "unknown parameter",
        "",
        fields.unknown,
        example(top_k=40),
        f"{GITHUB}xlinx/sd-webui-decadetw-auto-prompt-llm/issues/29",
    ),
    Check(
        "unknown parameters",
        "",
        fields.unknown,
        example(enable_thinking=False, top_k=40),
        f"{GITHUB}langchain-ai/langchain/issues/8593",
    ),
    Check(
        "unknown parameter of a reasoning model",
        "",
        fields.unknown,
        example("o4-mini", reasoning={"effort": "low"}),
        f"{GITHUB}teabranch/open-responses-server/issues/41",
    ),
    Check(
        "a parameter of other models",
        "",
        fields.unknown,
        example("o3-mini", web_search_options={}),
        f"{GITHUB}64bit/async-openai/issues/386",
    ),
)

SHAPES: tuple[Check, ...] = (
    Check(
        "no messages",
        "messages",
        messages.shapes,
        example(messages=[]),
        f"{GITHUB}CopilotKit/CopilotKit/issues/529",
    ),
    Check(
        "a developer without content",
        "messages",
        messages.shapes,
        example(messages=[{"role": "developer"}, USER]),
        MEASURED,
    ),
    Check(
        "a developer whose content is null",
        "messages",
        messages.shapes,
        example(messages=[{"role": "developer", "content": None}, USER]),
        MEASURED,
    ),
    Check(
        "a name with a space",
        "messages",
        messages.shapes,
        example(messages=[{**USER, "name": "User Onboarding Agent"}]),
        f"{GITHUB}langchain-ai/langchain/issues/35054",
    ),
    Check(
        "no tool calls",
        "messages",
        messages.shapes,
        example(messages=[USER, {"role": "assistant", "content": "Hm", "tool_calls": []}]),
        MEASURED,
    ),
    Check(
        "too many tool calls",
        "messages",
        messages.shapes,
        example(messages=[USER, {"role": "assistant", "tool_calls": [CALL] * 129}, RESULT]),
        f"{GITHUB}gptscript-ai/gptscript/issues/547",
    ),
    Check(
        "a call of a bad name",
        "messages",
        messages.shapes,
        example(
            messages=[
                USER,
                {
                    "role": "assistant",
                    "tool_calls": [{**CALL, "function": {"name": "find it", "arguments": ""}}],
                },
                RESULT,
            ]
        ),
        f"{GITHUB}mcp-use/mcp-use/issues/90",
    ),
    Check(
        "an image for a model that reads text alone",
        "messages",
        messages.shapes,
        showing("https://example.com/a.png", "gpt-3.5-turbo"),
        f"{GITHUB}vllm-project/vllm/issues/11629",
    ),
    Check(
        "an image that has no URL",
        "messages",
        messages.shapes,
        showing("iVBORw0KGgo="),
        f"{GITHUB}Alibaba-NLP/OmniSearch/issues/3",
    ),
    Check(
        "an image that is none",
        "messages",
        messages.shapes,
        showing(NOT_AN_IMAGE),
        f"{GITHUB}STranslate/STranslate/issues/277",
    ),
)

FIELDS: tuple[Check, ...] = (
    Check(
        "function_call without functions",
        "function_call",
        fields.only_with("function_call", "functions"),
        example(function_call="auto"),
        f"{GITHUB}Azure-Samples/azure-search-openai-demo/pull/1175",
    ),
    Check("no tools", "tools", fields.tools, example(tools=[]), f"{GITHUB}vllm-project/vllm/pull/40311"),
    Check(
        "too many tools",
        "tools",
        fields.tools,
        example(tools=[TOOL] * 133),
        f"{GITHUB}vishalmysore/Tools4AI/issues/16",
    ),
    Check("a tool of no name", "tools", fields.tools, named(""), MEASURED),
    Check(
        "a tool of a bad name",
        "tools",
        fields.tools,
        named("get_/whoami"),
        f"{GITHUB}brekkylab/ailoy/pull/109",
    ),
    Check(
        "a tool of a long name",
        "tools",
        fields.tools,
        named("x" * 74),
        f"{GITHUB}home-assistant/core/issues/121325",
    ),
    Check(
        "tool_choice without tools",
        "tool_choice",
        fields.only_with("tool_choice", "tools"),
        example(tool_choice="auto"),
        f"{GITHUB}dotnet/extensions/pull/6276",
    ),
    Check(
        "tool_choice of a tool that is not offered",
        "tool_choice",
        fields.chosen_tool,
        example(tools=[TOOL], tool_choice={"type": "function", "function": {"name": "never_declared"}}),
        MEASURED,
    ),
    Check(
        "parallel_tool_calls of a wrong type",
        "parallel_tool_calls",
        fields.typed("parallel_tool_calls", reading.BOOLEAN),
        example(tools=[TOOL], parallel_tool_calls={"a": 1}),
        MEASURED,
    ),
    Check(
        "parallel_tool_calls without tools",
        "parallel_tool_calls",
        fields.only_with("parallel_tool_calls", "tools"),
        example(parallel_tool_calls=False),
        f"{GITHUB}openai/swarm/issues/30",
    ),
    Check(
        "parallel_tool_calls for a reasoning model",
        "parallel_tool_calls",
        fields.untaken("parallel_tool_calls"),
        example("o4-mini", tools=[TOOL], parallel_tool_calls=False),
        f"{GITHUB}evalstate/fast-agent/issues/279",
    ),
    Check(
        "max_completion_tokens of none",
        "max_completion_tokens",
        fields.at_least_one("max_completion_tokens"),
        example(max_completion_tokens=0),
        MEASURED,
    ),
    Check("n too large", "n", fields.choices, example("gpt-5.6-terra", n=64), MEASURED),
    Check(
        "temperature too high",
        "temperature",
        temperature := fields.within("temperature", 0, 2),
        example(temperature=200),
        MAPPING,
    ),
    Check(
        "temperature too low",
        "temperature",
        temperature,
        example(temperature=-2.5),
        MEASURED,
    ),
    Check(
        "top_p too high",
        "top_p",
        fields.within("top_p", 0, 1),
        example(top_p=5),
        f"{GITHUB}openclaw/openclaw/blob/main/src/gateway/openresponses-http.test.ts",
    ),
    Check(
        "presence_penalty too low",
        "presence_penalty",
        presence := fields.within("presence_penalty", -2, 2),
        example(presence_penalty=-3),
        MEASURED,
    ),
    Check(
        "presence_penalty of a wrong type",
        "presence_penalty",
        presence,
        example(presence_penalty={"a": 1}),
        MEASURED,
    ),
    Check(
        "frequency_penalty too high",
        "frequency_penalty",
        frequency := fields.within("frequency_penalty", -2, 2),
        example(frequency_penalty=3),
        MEASURED,
    ),
    Check(
        "frequency_penalty of a wrong type",
        "frequency_penalty",
        frequency,
        example(frequency_penalty={"a": 1}),
        MEASURED,
    ),
    Check(
        "top_logprobs without logprobs",
        "top_logprobs",
        fields.top_logprobs,
        example(top_logprobs=1),
        MEASURED,
    ),
    Check(
        "top_logprobs too large",
        "top_logprobs",
        fields.top_logprobs,
        example("gpt-5.6-terra", reasoning_effort="none", logprobs=True, top_logprobs=20),
        MEASURED,
    ),
    Check("user of a wrong type", "user", fields.user, example(user={"a": 1}), MEASURED),
    Check("user too long", "user", fields.user, example(user="u" * 123), LITELLM_TESTS),
    Check("moderation without a model", "moderation", fields.moderation, example(moderation={}), MEASURED),
    Check(
        "safety_identifier of a wrong type",
        "safety_identifier",
        fields.typed("safety_identifier", reading.STRING),
        example(safety_identifier={"a": 1}),
        MEASURED,
    ),
    Check(
        "an unknown option of the cache",
        "prompt_cache_options",
        fields.strange_members("prompt_cache_options"),
        example("gpt-5.6-terra", prompt_cache_options={"bogus": 1}),
        MEASURED,
    ),
    Check(
        "prompt_cache_key of a wrong type",
        "prompt_cache_key",
        fields.typed("prompt_cache_key", reading.STRING),
        example(prompt_cache_key={"a": 1}),
        MEASURED,
    ),
    Check(
        "prompt_cache_retention of a wrong type",
        "prompt_cache_retention",
        fields.retention,
        example(prompt_cache_retention={"a": 1}),
        MEASURED,
    ),
    Check(
        "unknown prompt_cache_retention",
        "prompt_cache_retention",
        fields.retention,
        example(prompt_cache_retention="x"),
        MEASURED,
    ),
    Check(
        "json_object without the word",
        "response_format",
        fields.json_word,
        example(response_format={"type": "json_object"}),
        f"{GITHUB}mem0ai/mem0/issues/3008",
    ),
    Check(
        "unknown service_tier",
        "service_tier",
        fields.service_tier,
        example(service_tier="bogus"),
        MEASURED,
    ),
    Check(
        "service_tier of a wrong type",
        "service_tier",
        fields.service_tier,
        example(service_tier={"a": 1}),
        MEASURED,
    ),
    Check(
        "max_tokens of none",
        "max_tokens",
        fields.at_least_one("max_tokens"),
        example(max_tokens=0),
        f"{GITHUB}it-at-m/mucgpt/issues/608",
    ),
    Check(
        "max_tokens beside max_completion_tokens",
        "max_tokens",
        fields.both_limits,
        example(max_tokens=5, max_completion_tokens=5),
        f"{GITHUB}langchain-ai/langgraph/issues/5943",
    ),
    Check(
        "max_tokens beyond what the model can",
        "max_tokens",
        fields.most_output,
        example(max_tokens=20000),
        f"{GITHUB}charmbracelet/catwalk/issues/41",
    ),
    Check(
        "max_tokens for a reasoning model",
        "max_tokens",
        fields.untaken("max_tokens"),
        example("o1", max_tokens=32),
        f"{GITHUB}openai/openai-python/issues/2046",
    ),
    Check(
        "reasoning_effort for a model that does not reason",
        "reasoning_effort",
        fields.effort,
        example("gpt-4o-mini", reasoning_effort="low"),
        f"{GITHUB}davidmigloz/langchain_dart/issues/712",
    ),
    Check(
        "unknown reasoning_effort",
        "reasoning_effort",
        fields.effort,
        example("gpt-5.6-terra", reasoning_effort="max"),
        MEASURED,
    ),
    Check(
        "logit_bias for a reasoning model",
        "logit_bias",
        fields.untaken("logit_bias"),
        example("gpt-5.6-terra", logit_bias={"1": 1}),
        MEASURED,
    ),
    Check(
        "too many stop sequences",
        "stop",
        fields.stop,
        example(stop=["a", "b", "c", "d", "e", "f", "g", "h", "i"]),
        f"{GITHUB}continuedev/continue/issues/2461",
    ),
    Check(
        "stop for a reasoning model",
        "stop",
        fields.untaken("stop"),
        example("gpt-5-mini", stop="END"),
        f"{GITHUB}huggingface/smolagents/issues/1671",
    ),
    Check(
        "an unknown option of the stream",
        "stream_options",
        fields.stream_options,
        example("gpt-5.6-terra", stream_options={"bogus": 1}),
        MEASURED,
    ),
    Check(
        "stream_options without stream",
        "stream_options",
        fields.stream_options,
        example(stream_options={"include_usage": True}),
        f"{GITHUB}BerriAI/litellm/issues/5803",
    ),
    Check(
        "store of a wrong type",
        "store",
        fields.typed("store", reading.BOOLEAN),
        example(store="yes"),
        MEASURED,
    ),
    Check("metadata of a wrong type", "metadata", fields.metadata, example(metadata="x"), MEASURED),
    Check(
        "too many metadata",
        "metadata",
        fields.metadata,
        example(metadata={f"k{number}": "v" for number in range(17)}),
        MEASURED,
    ),
    Check(
        "a long key of metadata",
        "metadata",
        fields.metadata,
        example(metadata={"k" * 70: "v"}),
        MEASURED,
    ),
    Check(
        "a long value of metadata",
        "metadata",
        fields.metadata,
        example(metadata={"k": "x" * 600}),
        MEASURED,
    ),
    Check(
        "a value of metadata that is no text",
        "metadata",
        fields.metadata,
        example(metadata={"k": 7}),
        MEASURED,
    ),
    Check(
        "prediction for a reasoning model",
        "prediction",
        fields.untaken("prediction"),
        example("gpt-5.6-terra", prediction={"type": "content", "content": "pong"}),
        MEASURED,
    ),
    Check(
        "unknown verbosity",
        "verbosity",
        fields.one_of("verbosity", ("low", "medium", "high")),
        example(verbosity="bogus"),
        MEASURED,
    ),
)

MODELS: tuple[Check, ...] = (
    Check(
        "a system message for a model that takes none",
        "messages",
        messages.roles,
        example("o1-mini", messages=[{"role": "system", "content": "Be brief."}, USER]),
        f"{GITHUB}animalnots/BetterChatGPT-PLUS/issues/90",
    ),
    Check(
        "temperature for a reasoning model",
        "temperature",
        untaken_temperature := fields.untaken("temperature"),
        example("o3", temperature=0.2),
        f"{GITHUB}BeehiveInnovations/pal-mcp-server/issues/78",
    ),
    Check(
        "temperature for o3-mini",
        "temperature",
        untaken_temperature,
        example("o3-mini", temperature=0.2),
        f"{GITHUB}BeehiveInnovations/pal-mcp-server/issues/78",
    ),
    Check(
        "top_p for a reasoning model",
        "top_p",
        fields.untaken("top_p"),
        example("o1-preview", top_p=0.9),
        f"{GITHUB}aandrew-me/tgpt/issues/333",
    ),
    Check(
        "presence_penalty for a reasoning model",
        "presence_penalty",
        fields.untaken("presence_penalty"),
        example("gpt-5-mini", presence_penalty=1),
        f"{GITHUB}nextai-translator/nextai-translator/issues/1781",
    ),
    Check(
        "frequency_penalty for a reasoning model",
        "frequency_penalty",
        fields.untaken("frequency_penalty"),
        example("gpt-5.6-terra", frequency_penalty=0.5),
        MEASURED,
    ),
    Check(
        "logprobs for a reasoning model",
        "logprobs",
        fields.untaken("logprobs"),
        example("gpt-5.6-terra", logprobs=True),
        MEASURED,
    ),
)

CONVERSATION: tuple[Check, ...] = (
    Check(
        "a message without content",
        "messages",
        messages.conversation,
        example(messages=[{"role": "user"}]),
        f"{GITHUB}langchain-ai/langchainjs/issues/4153",
    ),
    Check(
        "an assistant that says nothing",
        "messages",
        messages.conversation,
        example(messages=[USER, {"role": "assistant", "refusal": None}]),
        MEASURED,
    ),
    Check(
        "a result without content",
        "messages",
        messages.conversation,
        example(messages=[USER, CALLED, {**RESULT, "content": None}]),
        MEASURED,
    ),
    Check(
        "a result without a call",
        "messages",
        messages.conversation,
        example(messages=[USER, {"role": "assistant", "content": "Hm"}, RESULT]),
        f"{GITHUB}sdcb/chats/pull/132",
    ),
    Check(
        "a result of another call",
        "messages",
        messages.conversation,
        example(messages=[USER, CALLED, {**RESULT, "tool_call_id": "call_9"}]),
        f"{GITHUB}cline/cline/blob/main/src/core/api/transform/openai-format.ts",
    ),
    Check(
        "a call without a result",
        "messages",
        messages.conversation,
        example(messages=[USER, CALLED, USER]),
        f"{GITHUB}farhan0167/otto-m8/issues/30",
    ),
)

CHECKS = (
    *UNREADABLE,
    *STRANGERS,
    *ENDPOINT_CHECKS,
    *SHAPES,
    *FIELDS,
    *SCHEMA_CHECKS,
    *MODELS,
    *CONVERSATION,
)
complaints = by_field(CHECKS)
