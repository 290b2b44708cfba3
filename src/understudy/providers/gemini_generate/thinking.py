"""Gemini's generateContent: what the API refuses in how a model is to think, and in what it thought."""

from __future__ import annotations

import re
from typing import Any

from understudy.errors import Failure
from understudy.model import Request
from understudy.providers import gemini_base as base

DYNAMIC = -1
"""The budget of a model that decides by itself."""
BUDGETS = (
    (re.compile(r"gemini-2\.5-pro(-.*)?"), 128, 32_768),
    (re.compile(r"gemini-2\.5-flash(-lite)?(-.*)?"), 0, 24_576),
)
"""From how many tokens to how many a model may think. Source: ai.google.dev/gemini-api/docs/thinking."""
_SIGNS = re.compile(r"gemini-[3-9]")
"""The models that want their calls back with the signature of the thought that led to them."""


def budget(request: Request) -> Failure | None:
    config = base.field(request.raw, "generationConfig")
    thinking = base.field(config, "thinkingConfig") if config else None
    given = base.field(thinking, "thinkingBudget") if thinking else None
    if type(given) is not int or given == DYNAMIC:
        return None
    known = next((found for found in BUDGETS if found[0].fullmatch(request.model)), None)
    if known is None or known[1] <= given <= known[2]:
        return None
    if given == 0:
        return base.refusal("Budget 0 is invalid. This model only works in thinking mode.")
    return base.refusal(f"The thinking budget ({given}) is invalid.")


def signatures(request: Request) -> Failure | None:
    """A step of the last turn whose first call has no signature."""
    if _SIGNS.match(request.model) is None:
        return None
    contents = base.listed(request.raw, "contents")
    for position, content in enumerate(contents[_last_turn(contents) :], _last_turn(contents) + 1):
        calls = [
            part for part in base.listed(content, "parts") if base.field(part, "functionCall") is not None
        ]
        if content.get("role") == "model" and calls and base.field(calls[0], "thoughtSignature") is None:
            name = base.field(calls[0], "functionCall").get("name")
            return base.refusal(
                "Function call is missing a thought_signature in functionCall parts. This is required for "
                "tools to work correctly, and missing thought_signature may lead to degraded model "
                f"performance. Additional data, function call `default_api:{name}` , position {position}. "
                "Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more details."
            )
    return None


def _last_turn(contents: list[dict[str, Any]]) -> int:
    """The index of the last content in which the user says anything but results."""
    for index in range(len(contents) - 1, -1, -1):
        content = contents[index]
        said = any(base.field(part, "functionResponse") is None for part in base.listed(content, "parts"))
        if content.get("role") != "model" and said:
            return index
    return 0
