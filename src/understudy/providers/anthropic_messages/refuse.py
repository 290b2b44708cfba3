"""Messages: the table of what the API refuses.

Each row has its words from a public report. What the documentation says is refused, but nobody has
quoted, passes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from understudy.errors import Failure
from understudy.model import Request
from understudy.providers.anthropic_base import refusal
from understudy.providers.anthropic_messages.prefixes import (
    MARK,
    MOST_MARKS,
    UNMARKED,
    Block,
    marked,
    sections,
)
from understudy.providers.anthropic_request_base import NEW
from understudy.providers.base import Check, by_field

LEAST_BUDGET = 1_024
HI = {"role": "user", "content": "Hi"}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}}
HELLO = {"type": "text", "text": "Hello"}
THOUGHTS = {"type": "thinking", "thinking": "Hm.", "signature": "x"}
FIVE_MINUTES = {"cache_control": {"type": "ephemeral"}}
AN_HOUR = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "21 degrees"}


def _example(**fields: Any) -> dict[str, Any]:
    return {"model": "claude-sonnet-5", "max_tokens": 2_048, "messages": [HI]} | fields


# --- sampling ----------------------------------------------------------------------------------------


def _not_permitted(key: str) -> Callable[[Request], Failure | None]:
    """Since 2026-10-21 there is no way to say how to sample."""

    def find(request: Request) -> Failure | None:
        return refusal(f"{key}: Extra inputs are not permitted") if request.version >= NEW else None

    return find


# --- messages ----------------------------------------------------------------------------------------


def _blocks(message: dict[str, Any], kind: str) -> list[tuple[int, dict[str, Any]]]:
    """The blocks of this type in a message as it was sent, with their places."""
    content = message["content"]
    if type(content) is str:
        return []
    return [(place, block) for place, block in enumerate(content) if block["type"] == kind]


def _messages(request: Request) -> Iterator[tuple[int, dict[str, Any]]]:
    return enumerate(request.raw["messages"])


def _no_content(request: Request) -> Failure | None:
    last = len(request.raw["messages"]) - 1
    for index, message in _messages(request):
        if not message["content"] and not (index == last and message["role"] == "assistant"):
            return refusal(
                f"messages.{index}: all messages must have non-empty content except for the optional final "
                "assistant message"
            )
    return None


def _texts(request: Request) -> Iterator[str]:
    """The texts without a mark: of an empty one with a mark, the API says something else."""
    for _, message in _messages(request):
        yield from (block["text"] for _, block in _blocks(message, "text") if not block.get(MARK))


def _empty_text(request: Request) -> Failure | None:
    if "" in _texts(request):
        return refusal("messages: text content blocks must be non-empty")
    return None


def _blank_text(request: Request) -> Failure | None:
    if any(text and text.isspace() for text in _texts(request)):
        return refusal("messages: text content blocks must contain non-whitespace text")
    return None


def _no_results(request: Request) -> Failure | None:
    messages = request.raw["messages"]
    for index, message in _messages(request):
        after = messages[index + 1] if index + 1 < len(messages) else {"content": ""}
        answered = {block["tool_use_id"] for _, block in _blocks(after, "tool_result")}
        missing = [block["id"] for _, block in _blocks(message, "tool_use") if block["id"] not in answered]
        if missing:
            return refusal(
                f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately "
                f"after: {', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` "
                "block in the next message."
            )
    return None


def _no_call(request: Request) -> Failure | None:
    called: set[str] = set()
    for index, message in _messages(request):
        for place, block in _blocks(message, "tool_result"):
            if block["tool_use_id"] not in called:
                return refusal(
                    f"messages.{index}.content.{place}: unexpected `tool_use_id` found in `tool_result` "
                    f"blocks: {block['tool_use_id']}. Each `tool_result` block must have a corresponding "
                    "`tool_use` block in the previous message."
                )
        called = {block["id"] for _, block in _blocks(message, "tool_use")}
    return None


# --- caching -----------------------------------------------------------------------------------------


def _marked(request: Request) -> list[Block]:
    """The blocks that carry a `cache_control`; most requests have none, which costs nothing."""
    return [] if request.caching is None else marked(sections(request.raw))


def _many_marks(request: Request) -> Failure | None:
    """The mark of the request itself counts, unless it falls on a block that has one."""
    count = sum(prefix.ttl_s > 0 for prefix in request.caching.prefixes) if request.caching else 0
    if count > MOST_MARKS:
        return refusal(f"A maximum of {MOST_MARKS} blocks with cache_control may be provided. Found {count}.")
    return None


def _longer_after_shorter(request: Request) -> Failure | None:
    shorter = False
    for block in _marked(request):
        if shorter and block.ttl == "1h":
            return refusal(
                f"{block.where}.cache_control.ttl: a ttl='1h' cache_control block must not come after a "
                "ttl='5m' cache_control block. Note that blocks are processed in the following order: "
                "`tools`, `system`, `messages`."
            )
        shorter = shorter or block.ttl == "5m"
    return None


def _marked_emptiness(request: Request) -> Failure | None:
    for block in _marked(request):
        if block.kind == "text" and not block.raw["text"]:
            return refusal(f"{block.where}.text: cache_control cannot be set for empty text blocks")
    return None


def _marked_thoughts(request: Request) -> Failure | None:
    for block in _marked(request):
        if block.kind in UNMARKED:
            return refusal(f"{block.where}.{block.kind}.cache_control: Extra inputs are not permitted")
    return None


# --- thinking ----------------------------------------------------------------------------------------


def _budget(request: Request) -> int | None:
    """The tokens that thinking may take, None where it is off or nothing is said."""
    thinking = request.raw["thinking"]
    given = thinking.get("budget_tokens") if type(thinking) is dict else None
    return given if type(given) is int and thinking.get("type") == "enabled" else None


def _small_budget(request: Request) -> Failure | None:
    budget = _budget(request)
    if budget is not None and budget < LEAST_BUDGET:
        return refusal(
            f"thinking.enabled.budget_tokens: Input should be greater than or equal to {LEAST_BUDGET}"
        )
    return None


def _no_room(request: Request) -> Failure | None:
    budget = _budget(request)
    if budget is not None and budget >= (request.sampling.max_tokens or 0):
        return refusal(
            "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our documentation at "
            "https://docs.claude.com/en/docs/build-with-claude/extended-thinking#max-tokens-and-context-"
            "window-size"
        )
    return None


def _forced(request: Request) -> Failure | None:
    if _budget(request) is not None and request.tool_choice.mode == "required":
        return refusal("Thinking may not be enabled when tool_choice forces tool use.")
    return None


GITHUB = "https://github.com/"
SINCE_2026 = "https://qiita.com/Synthorai/items/01a0067e88747257a4e6"
CHECKS: tuple[Check, ...] = (
    Check(
        "no max_tokens",
        "",
        None,
        {"model": "claude-sonnet-5", "messages": [HI]},
        f"{GITHUB}tickernelz/opencode-mem/issues/50",
    ),
    Check(
        "temperature",
        "temperature",
        _not_permitted("temperature"),
        _example(temperature=1.0),
        f"{GITHUB}ttlequals0/MinusPod/releases/tag/v2.101.10",
    ),
    Check("top_p", "top_p", _not_permitted("top_p"), _example(top_p=0.9), SINCE_2026),
    Check("top_k", "top_k", _not_permitted("top_k"), _example(top_k=40), SINCE_2026),
    Check(
        "a message without content",
        "messages",
        _no_content,
        _example(messages=[HI, {"role": "assistant", "content": "Hello"}, {"role": "user", "content": ""}]),
        f"{GITHUB}anthropics/claude-code/issues/6774",
    ),
    Check(
        "an empty text",
        "messages",
        _empty_text,
        _example(messages=[{"role": "user", "content": [{"type": "text", "text": ""}]}]),
        f"{GITHUB}anthropics/claude-code/issues/59812",
    ),
    Check(
        "a blank text",
        "messages",
        _blank_text,
        _example(messages=[{"role": "user", "content": [{"type": "text", "text": " \n"}]}]),
        f"{GITHUB}anthropics/claude-code/issues/23352",
    ),
    Check(
        "a call without its result",
        "messages",
        _no_results,
        _example(messages=[HI, {"role": "assistant", "content": [CALL]}, HI]),
        f"{GITHUB}anthropics/claude-code/issues/8210",
    ),
    Check(
        "a result without its call",
        "messages",
        _no_call,
        _example(messages=[{"role": "user", "content": [RESULT]}]),
        f"{GITHUB}anthropics/claude-code/issues/18947",
    ),
    Check(
        "too little to think with",
        "thinking",
        _small_budget,
        _example(thinking={"type": "enabled", "budget_tokens": 512}),
        f"{GITHUB}themaximalist/llm.js/issues/30",
    ),
    Check(
        "no room beside thinking",
        "thinking",
        _no_room,
        _example(thinking={"type": "enabled", "budget_tokens": 2_048}),
        f"{GITHUB}ProfSynapse/nexus/issues/17",
    ),
    Check(
        "thinking with a forced tool",
        "thinking",
        _forced,
        _example(
            thinking={"type": "enabled", "budget_tokens": 1_024},
            tools=[{"name": "get_weather", "input_schema": {"type": "object"}}],
            tool_choice={"type": "any"},
        ),
        f"{GITHUB}mastra-ai/mastra/issues/7507",
    ),
    Check(
        "a mark on thoughts",
        "",
        _marked_thoughts,
        _example(messages=[HI, {"role": "assistant", "content": [THOUGHTS | FIVE_MINUTES, HELLO]}, HI]),
        f"{GITHUB}Wei-Shaw/sub2api/issues/225",
    ),
    Check(
        "more than four marks",
        "",
        _many_marks,
        _example(messages=[{"role": "user", "content": [HELLO | FIVE_MINUTES] * 5}]),
        f"{GITHUB}tghamm/Anthropic.SDK/issues/50",
    ),
    Check(
        "an hour after five minutes",
        "",
        _longer_after_shorter,
        _example(messages=[{"role": "user", "content": [HELLO | FIVE_MINUTES, HELLO | AN_HOUR]}]),
        f"{GITHUB}cnighswonger/claude-code-cache-fix/issues/44",
    ),
    Check(
        "a mark on an empty text",
        "",
        _marked_emptiness,
        _example(
            messages=[{"role": "user", "content": [HELLO, {"type": "text", "text": ""} | FIVE_MINUTES]}]
        ),
        f"{GITHUB}anthropics/claude-code/issues/50082",
    ),
)
complaints: Callable[[Request], Iterator[Failure]] = by_field(CHECKS)
