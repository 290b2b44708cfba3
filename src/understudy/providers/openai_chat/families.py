"""What families of OpenAI's models do not take, by name.

A name that is not here is an ordinary chat model's, of which nothing is known: it takes everything.
Source of each line: the rows of docs/validation.md for it, and the model's page in the vendor's docs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

_DATE = re.compile(r"-\d{4}-\d{2}-\d{2}$")


class Limit(Struct, frozen=True):
    """How far a model takes a parameter: not at all, or only as `only`.

    `words` says whether the API speaks of the parameter or of its value; `instead` is its advice.
    """

    only: float | None = None
    words: Literal["parameter", "value"] = "parameter"
    instead: str = ""


class Family(Struct, frozen=True):
    """Models that take the same.

    `limits` are by parameter. `reasoning` says when its limits on sampling hold: `always`; unless the
    effort is `none`; or only `if asked` for an effort other than that. `unknown` are parameters that
    there are, but that these models have never heard of. `roles` are those of messages that they take.
    """

    limits: Mapping[str, Limit]
    reasoning: Literal["always", "unless none", "if asked"] = "always"
    unknown: frozenset[str] = frozenset()
    efforts: tuple[str, ...] = ()
    roles: frozenset[str] = frozenset()
    most_choices: int = 128
    most_top_logprobs: int = 20


NEVER = Limit()
FIXED = Limit(1, "value")
AT_ONE, AT_ZERO = Limit(1), Limit(0)
MAX_TOKENS = {"max_tokens": Limit(instead="Use 'max_completion_tokens' instead.")}
SAMPLING = {
    "temperature": FIXED,
    "top_p": AT_ONE,
    "presence_penalty": AT_ZERO,
    "frequency_penalty": AT_ZERO,
}
LIFTED = frozenset((*SAMPLING, "logprobs"))
"""What a model takes that could reason, while it does not."""

O1 = Family(MAX_TOKENS | SAMPLING)
O1_MINI = Family(MAX_TOKENS | SAMPLING, roles=frozenset(("user", "assistant", "tool", "function")))
O3_MINI = Family(
    MAX_TOKENS | SAMPLING | {"temperature": AT_ONE, "parallel_tool_calls": NEVER},
    unknown=frozenset(("web_search_options",)),
)
O3 = Family(MAX_TOKENS | SAMPLING | {"parallel_tool_calls": NEVER, "stop": NEVER})
GPT_5 = Family(MAX_TOKENS | SAMPLING | {"stop": NEVER})
GPT_5_1 = Family(MAX_TOKENS | SAMPLING | {"stop": NEVER}, "if asked")
GPT_5_4 = Family(MAX_TOKENS)
GPT_5_6 = Family(
    MAX_TOKENS | SAMPLING | dict.fromkeys(("stop", "logit_bias", "prediction", "logprobs"), NEVER),
    "unless none",
    frozenset(("audio", "modalities", "web_search_options")),
    ("none", "low", "medium", "high", "xhigh"),
    most_choices=8,
    most_top_logprobs=5,
)

FAMILIES: Mapping[str, Family] = {
    "o1": O1,
    "o1-preview": O1_MINI,
    "o1-mini": O1_MINI,
    "o3-mini": O3_MINI,
    "o3": O3,
    "o4-mini": O3,
    "gpt-5": GPT_5,
    "gpt-5-mini": GPT_5,
    "gpt-5-nano": GPT_5,
    "gpt-5.1": GPT_5_1,
    "gpt-5.2": GPT_5_1,
    "gpt-5.4": GPT_5_4,
    "gpt-5.4-mini": GPT_5_4,
    "gpt-5.6-sol": GPT_5_6,
    "gpt-5.6-terra": GPT_5_6,
}
ORDINARY = ("gpt-3.5-", "gpt-4", "chatgpt-4o-")
"""How the names begin of the vendor's chat models that do not reason."""
TEXT_ONLY = re.compile(r"gpt-3\.5-turbo.*|gpt-4(-32k)?(-0314|-0613)?")
MOST_OUTPUT: Mapping[str, int] = {
    "gpt-3.5-turbo": 4_096,
    "gpt-4-turbo": 4_096,
    "gpt-4o": 16_384,
    "gpt-4o-mini": 16_384,
    "gpt-4.1": 32_768,
    "gpt-4.1-mini": 32_768,
    "gpt-4.1-nano": 32_768,
}
"""Tokens that a model can answer with, where its name has no date: older snapshots have other limits."""


def family(model: str) -> Family | None:
    """The family that a model belongs to, whatever its date; None where nothing is known of it."""
    found = FAMILIES.get(model)
    return FAMILIES.get(_DATE.sub("", model)) if found is None and model[-1].isdigit() else found


def limit(model: str, parameter: str, raw: Mapping[str, Any]) -> Limit | None:
    """How far a model takes a parameter in this request; None where it does without a word."""
    known = family(model)
    found = known and known.limits.get(parameter)
    if not known or not found or (parameter in LIFTED and not reasons(known, raw.get("reasoning_effort"))):
        return None
    return found


def reasons(known: Family, effort: Any) -> bool:
    """Whether a model reasons at this effort."""
    if known.reasoning == "always":
        return True
    return effort != "none" and (effort is not None or known.reasoning == "unless none")
