"""What Anthropic's APIs refuse in their input: the rows that messages and counts of tokens share.

Each row has its words from a public report. What the documentation says is refused, but nobody has
quoted, passes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from understudy.providers import anthropic_conversation_base as said
from understudy.providers import anthropic_families_base as families
from understudy.providers import anthropic_tools_base as tools
from understudy.providers.base import Check

GITHUB = "https://github.com/"
CLAUDE_CODE = f"{GITHUB}anthropics/claude-code/issues/"
PROBED = (
    f"{GITHUB}aakshintala/fiber/blob/b06675c402a3286e528740b4b807d846ecf3cd86/"
    "research/anthropic-messages-probe/README.md"
)
"""Answers of the API itself to claude-sonnet-5-5, on 2026-09-29."""
GUIDE = "https://platform.claude.com/docs/en/about-claude/models/migration-guide"
RESULTS_FIRST = "https://docs.claude.com/en/docs/agents-and-tools/tool-use/implement-tool-use"

HI = {"role": "user", "content": "Hi"}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}}
CALLED = {"role": "assistant", "content": [CALL]}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "21 degrees"}
ANSWERED = {"role": "user", "content": [RESULT]}
THOUGHT = {"type": "thinking", "thinking": "Hm", "signature": "c2lnbmVk"}
TEXT = {"type": "text", "text": "Hi"}
OBJECT = {"type": "object"}
TOOL = {"name": "get_weather", "input_schema": OBJECT}
CACHED = {"cache_control": {"type": "ephemeral"}}
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="

Body = dict[str, Any]
Example = Callable[..., Body]
"""Makes a plain request with the fields that are given changed."""


def user(*blocks: Body) -> list[Body]:
    """A conversation of one message."""
    return [{"role": "user", "content": list(blocks)}]


def assistant(*blocks: Body) -> Body:
    return {"role": "assistant", "content": list(blocks)}


def image(kind: str, data: str = PNG) -> Body:
    return {"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}}


def shared(example: Example) -> tuple[Check, ...]:
    """The rows, in the order in which the API looks: shapes, tools, thinking, the conversation."""
    return (*_shapes(example), *_tools(example), *_conversation(example))


def _shapes(example: Example) -> tuple[Check, ...]:
    return (
        Check(
            "unknown member of a message",
            "messages",
            said.shapes,
            example(messages=[HI, {"role": "assistant", "content": "Hm", "reasoning_details": []}, HI]),
            f"{GITHUB}RooCodeInc/Roo-Code/issues/11429",
        ),
        Check(
            "unknown member of a block",
            "messages",
            said.shapes,
            example(messages=[HI, assistant({**CALL, "text": ""}), ANSWERED]),
            f"{CLAUDE_CODE}4378",
        ),
        Check(
            "a mark on thoughts",
            "messages",
            said.shapes,
            example(messages=[HI, assistant({**THOUGHT, **CACHED}, TEXT), HI]),
            f"{GITHUB}Wei-Shaw/sub2api/issues/225",
        ),
        Check(
            "unknown member of the system prompt",
            "system",
            said.strange_system,
            example(system=[{**TEXT, "id": "lc_1"}]),
            f"{GITHUB}langchain-ai/langchain/issues/39100",
        ),
        Check(
            "a thought without its signature",
            "messages",
            said.shapes,
            example(messages=[HI, assistant({"type": "thinking", "thinking": "Hm"}, TEXT), HI]),
            f"{GITHUB}lbjlaq/Antigravity-Manager/issues/1650",
        ),
        Check(
            "a thought with a false signature",
            "messages",
            said.shapes,
            example(messages=[HI, assistant({**THOUGHT, "signature": ""}, TEXT), HI]),
            f"{GITHUB}lbjlaq/Antigravity-Manager/issues/498",
        ),
        Check(
            "a call of a bad id",
            "messages",
            said.shapes,
            example(
                messages=[HI, assistant({**CALL, "id": "call.1"}), *user({**RESULT, "tool_use_id": "call.1"})]
            ),
            f"{GITHUB}anomalyco/opencode/issues/1279",
        ),
        Check(
            "a call of a long name",
            "messages",
            said.shapes,
            example(messages=[HI, assistant({**CALL, "name": "x" * 201}), ANSWERED]),
            f"{CLAUDE_CODE}2673",
        ),
        Check(
            "an image of a type that there is not",
            "messages",
            said.shapes,
            example(messages=user(image("image/bmp"))),
            f"{CLAUDE_CODE}8184",
        ),
        Check(
            "an image of another type",
            "messages",
            said.shapes,
            example(messages=user(image("image/jpeg"))),
            f"{CLAUDE_CODE}35234",
        ),
    )


def _tools(example: Example) -> tuple[Check, ...]:
    def offering(**changes: Any) -> Body:
        return example(tools=[{**TOOL, **changes}])

    def taking(**schema: Any) -> Body:
        return offering(input_schema={**OBJECT, **schema})

    return (
        Check(
            "unknown member of a tool",
            "tools",
            tools.offered,
            offering(parameters=OBJECT),
            f"{CLAUDE_CODE}11678",
        ),
        Check(
            "a tool of a bad name",
            "tools",
            tools.offered,
            offering(name="caldav-mcp.create-event"),
            f"{GITHUB}home-assistant/core/issues/147760",
        ),
        Check(
            "a tool of a long name", "tools", tools.offered, offering(name="x" * 129), f"{CLAUDE_CODE}96152"
        ),
        Check(
            "a tool whose input has no type",
            "tools",
            tools.offered,
            offering(input_schema={"properties": {}}),
            f"{GITHUB}Kilo-Org/kilocode/issues/12238",
        ),
        Check(
            "a tool with a choice at the root",
            "tools",
            tools.offered,
            taking(anyOf=[OBJECT]),
            f"{GITHUB}Hmbown/Codewhale/issues/4329",
        ),
        Check(
            "a tool with a bad key",
            "tools",
            tools.offered,
            taking(properties={"filter[id]": {"type": "string"}}),
            f"{CLAUDE_CODE}79418",
        ),
        Check(
            "a tool whose input is no schema",
            "tools",
            tools.offered,
            taking(properties={"x": "number"}),
            f"{GITHUB}anthropics/anthropic-sdk-java/issues/241",
        ),
        Check(
            "two tools of one name",
            "tools",
            tools.twice,
            example(tools=[TOOL, TOOL]),
            f"{GITHUB}danny-avila/LibreChat/issues/13162",
        ),
        Check(
            "a forced tool for a model that decides by itself",
            "tool_choice",
            tools.forced,
            example("claude-opus-5-5", tools=[TOOL], tool_choice={"type": "any"}),
            GUIDE,
        ),
        Check(
            "any tool where there is none",
            "tool_choice",
            tools.choice,
            example(tool_choice={"type": "any"}),
            PROBED,
        ),
        Check(
            "a tool that is not offered",
            "tool_choice",
            tools.choice,
            example(tool_choice={"type": "tool", "name": "get_weather"}),
            PROBED,
        ),
        Check(
            "thinking by a budget for a model that adapts",
            "thinking",
            families.thinking,
            example(thinking={"type": "enabled", "budget_tokens": 1_024}),
            f"{GITHUB}zhukunpenglinyutong/jetbrains-cc-gui/issues/1003",
        ),
        Check(
            "adaptive thinking for a model that has a budget",
            "thinking",
            families.thinking,
            example("claude-haiku-4-5", thinking={"type": "adaptive"}),
            f"{GITHUB}diegosouzapw/OmniRoute/pull/1563",
        ),
        Check(
            "no thinking for a model that always thinks",
            "thinking",
            families.thinking,
            example("claude-fable-5", thinking={"type": "disabled"}),
            f"{GITHUB}ex-machina-co/opencode-anthropic-auth/issues/159",
        ),
    )


def _conversation(example: Example) -> tuple[Check, ...]:
    thinking = {"type": "enabled", "budget_tokens": 1_024}
    return (
        Check(
            "no messages",
            "messages",
            said.ending,
            example(messages=[]),
            f"{GITHUB}langchain-ai/langchain/issues/31657",
        ),
        Check(
            "a message without content",
            "messages",
            said.no_content,
            example(
                messages=[HI, {"role": "assistant", "content": "Hello"}, {"role": "user", "content": ""}]
            ),
            f"{CLAUDE_CODE}6774",
        ),
        Check(
            "a mark on an empty text",
            "messages",
            said.shapes,
            example(messages=user({"type": "text", "text": "", **CACHED})),
            f"{CLAUDE_CODE}50082",
        ),
        Check(
            "an empty text",
            "messages",
            said.shapes,
            example(messages=user({"type": "text", "text": ""})),
            f"{CLAUDE_CODE}59812",
        ),
        Check(
            "a blank text",
            "messages",
            said.shapes,
            example(messages=user({"type": "text", "text": " \n"})),
            f"{CLAUDE_CODE}23352",
        ),
        Check(
            "two calls of one id",
            "messages",
            said.shapes,
            example(messages=[HI, assistant(CALL, CALL), ANSWERED]),
            f"{CLAUDE_CODE}20901",
        ),
        Check(
            "a call without its result",
            "messages",
            said.pairs,
            example(messages=[HI, CALLED, HI]),
            f"{CLAUDE_CODE}8210",
        ),
        Check(
            "a result after a text",
            "messages",
            said.pairs,
            example(messages=[HI, CALLED, {"role": "user", "content": [TEXT, RESULT]}]),
            RESULTS_FIRST,
        ),
        Check(
            "a result without its call",
            "messages",
            said.pairs,
            example(messages=[{"role": "user", "content": [RESULT]}]),
            f"{CLAUDE_CODE}18947",
        ),
        Check(
            "two results of one call",
            "messages",
            said.pairs,
            example(messages=[HI, CALLED, {"role": "user", "content": [RESULT, RESULT]}]),
            f"{GITHUB}sipeed/picoclaw/pull/1793",
        ),
        Check(
            "a call without the thought before it",
            "thinking",
            said.first_thought,
            example("claude-haiku-4-5", messages=[HI, CALLED, ANSWERED], thinking=thinking),
            f"{GITHUB}Kilo-Org/kilocode/issues/5219",
        ),
        Check(
            "a thought at the end",
            "messages",
            said.ending,
            example("claude-haiku-4-5", messages=[HI, assistant(THOUGHT)]),
            f"{GITHUB}tailcallhq/forgecode/issues/2107",
        ),
        Check(
            "an answer begun for a model that begins by itself",
            "messages",
            said.ending,
            example(messages=[HI, {"role": "assistant", "content": "{"}]),
            f"{GITHUB}anomalyco/opencode/issues/13768",
        ),
        Check(
            "an answer begun that ends with a blank",
            "messages",
            said.ending,
            example("claude-haiku-4-5", messages=[HI, {"role": "assistant", "content": "The answer is "}]),
            f"{GITHUB}tailcallhq/forgecode/issues/1872",
        ),
    )
