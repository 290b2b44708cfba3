"""Messages: the table of what the API refuses.

In the order in which the API looks, as far as is known: parameters that there are not, each field for itself,
then what is counted as input, whose rows counts of tokens share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from understudy.errors import Failure
from understudy.model import Request
from understudy.providers.anthropic_checks_base import CLAUDE_CODE, GITHUB, HI, TOOL, shared, user
from understudy.providers.anthropic_messages import fields, files, marks
from understudy.providers.anthropic_request_base import OLD
from understudy.providers.base import Check, by_field

SINCE_2026 = "https://qiita.com/Synthorai/items/01a0067e88747257a4e6"
MEASURED = (
    f"{GITHUB}kangwoo/aimon-core/blob/320fbbc0aacaf6c0928439969418d97ac9ea6bf4/"
    "docs/design/llm/anthropic-sampling-capabilities.md"
)
"""Answers of the API itself to eleven models under 2023-06-01, on 2026-09-09."""
HAIKU = "claude-haiku-4-5"


def example(model: str = "claude-sonnet-5", **changes: Any) -> dict[str, Any]:
    """A plain request with `changes`."""
    return {"model": model, "max_tokens": 2_048, "messages": [HI], **changes}


def answering(schema: dict[str, Any]) -> dict[str, Any]:
    """A request for an answer of this schema."""
    return example(output_config={"format": {"type": "json_schema", "schema": schema}})


def closed(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


HELLO = {"type": "text", "text": "Hello"}
DOCUMENT = {"type": "document", "source": {"type": "file", "file_id": "file_011CNha8iCJcU1wXNR6q4V8w"}}
FIVE_MINUTES = {"cache_control": {"type": "ephemeral"}}
AN_HOUR = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
BUDGET = {"type": "enabled", "budget_tokens": 1_024}
UNREADABLE: tuple[Check, ...] = (
    Check(
        "no max_tokens",
        "",
        None,
        {"model": "claude-sonnet-5", "messages": [HI]},
        f"{GITHUB}tickernelz/opencode-mem/issues/50",
    ),
)
SAMPLING: tuple[Check, ...] = (
    Check(
        "temperature",
        "temperature",
        fields.not_permitted("temperature"),
        example(temperature=1.0),
        f"{GITHUB}ttlequals0/MinusPod/releases/tag/v2.101.10",
    ),
    Check("top_p", "top_p", fields.not_permitted("top_p"), example(top_p=0.9), SINCE_2026),
    Check("top_k", "top_k", fields.not_permitted("top_k"), example(top_k=40), SINCE_2026),
    Check(
        "temperature out of range",
        "temperature",
        fields.temperature_range,
        example(HAIKU, temperature=2),
        f"{GITHUB}anthropics/anthropic-sdk-python/issues/893",
        OLD,
    ),
    Check(
        "temperature of a model that takes none",
        "temperature",
        fields.deprecated("temperature", 1),
        example(temperature=0.5),
        MEASURED,
        OLD,
    ),
    Check(
        "top_p of a model that takes none",
        "top_p",
        fields.deprecated("top_p"),
        example(top_p=1.0),
        MEASURED,
        OLD,
    ),
    Check(
        "top_k of a model that takes none",
        "top_k",
        fields.deprecated("top_k"),
        example(top_k=5),
        MEASURED,
        OLD,
    ),
    Check(
        "temperature beside top_p",
        "temperature",
        fields.one_of_two,
        example(HAIKU, temperature=0.5, top_p=0.9),
        f"{GITHUB}BerriAI/litellm/issues/15097",
        OLD,
    ),
    Check(
        "temperature beside thinking",
        "temperature",
        fields.temperature_and_thinking,
        example(HAIKU, temperature=0.5, thinking=BUDGET),
        f"{GITHUB}MayDay-wpf/snow-app/issues/42",
        OLD,
    ),
    Check(
        "top_p beside thinking",
        "top_p",
        fields.top_p_and_thinking,
        example(HAIKU, top_p=0.9, thinking=BUDGET),
        "https://errs.dmxapi.cn/detail.php?id=2069",
        OLD,
    ),
    Check(
        "top_k beside thinking",
        "top_k",
        fields.top_k_and_thinking,
        example(HAIKU, top_k=40, thinking=BUDGET),
        f"{GITHUB}quarkiverse/quarkus-langchain4j/issues/1812",
        OLD,
    ),
)
FIELDS: tuple[Check, ...] = (
    Check(
        "unknown parameter",
        "",
        fields.unknown,
        example(response_format={"type": "json_object"}),
        f"{GITHUB}amrit110/oli/issues/7",
    ),
    *SAMPLING,
    Check(
        "too little to think with",
        "thinking",
        fields.small_budget,
        example(HAIKU, thinking={"type": "enabled", "budget_tokens": 512}),
        f"{GITHUB}themaximalist/llm.js/issues/30",
    ),
    Check(
        "no room beside thinking",
        "thinking",
        fields.no_room,
        example(HAIKU, thinking={"type": "enabled", "budget_tokens": 2_048}),
        f"{GITHUB}ProfSynapse/nexus/issues/17",
    ),
    Check(
        "thinking with a forced tool",
        "thinking",
        fields.forced,
        example(HAIKU, thinking=BUDGET, tools=[TOOL], tool_choice={"type": "any"}),
        f"{GITHUB}mastra-ai/mastra/issues/7507",
    ),
    Check(
        "more tokens than the model has",
        "max_tokens",
        fields.most_tokens,
        example("claude-sonnet-4-20250514", max_tokens=1_000_000),
        f"{GITHUB}OpenHands/OpenHands/issues/11090",
    ),
    Check(
        "a blank to stop at",
        "stop_sequences",
        fields.stop_sequences,
        example(stop_sequences=["\n"]),
        f"{GITHUB}BerriAI/litellm/issues/3286",
    ),
    Check(
        "effort of a model that has none to choose",
        "output_config",
        fields.effort,
        example(HAIKU, output_config={"effort": "low"}),
        f"{CLAUDE_CODE}30760",
    ),
    Check(
        "an answer's schema: not closed",
        "output_config",
        output_schema := fields.output_schema("output_config", "format.schema"),
        answering({"type": "object"}),
        f"{GITHUB}LeenHawk/gproxy/pull/91",
    ),
    Check(
        "an answer's schema: open",
        "output_format",
        fields.output_schema("output_format", "schema"),
        example(
            output_format={
                "type": "json_schema",
                "schema": {"type": "object", "additionalProperties": True},
            }
        ),
        f"{GITHUB}BerriAI/litellm/issues/35808",
    ),
    Check(
        "an answer's schema: bounds of a number",
        "output_config",
        output_schema,
        answering(closed(score={"type": "number", "minimum": 0, "maximum": 1})),
        f"{GITHUB}sherifkozman/the-llm-council/pull/55",
    ),
)

MARKS: tuple[Check, ...] = (
    Check(
        "more than four marks",
        "",
        marks.many,
        example(messages=user(*[HELLO | FIVE_MINUTES] * 5)),
        f"{GITHUB}tghamm/Anthropic.SDK/issues/50",
    ),
    Check(
        "an hour after five minutes",
        "",
        marks.longer_after_shorter,
        example(messages=user(HELLO | FIVE_MINUTES, HELLO | AN_HOUR)),
        f"{GITHUB}cnighswonger/claude-code-cache-fix/issues/44",
    ),
)

FILES: tuple[Check, ...] = (
    Check(
        "a file that is not there",
        "messages",
        files.missing,
        example(messages=user(DOCUMENT, HELLO)),
        "https://docs.anthropic.com/en/docs/build-with-claude/files",
    ),
)

CHECKS: tuple[Check, ...] = (*UNREADABLE, *FIELDS, *shared(example), *MARKS, *FILES)
complaints: Callable[[Request], Iterator[Failure]] = by_field(CHECKS)
