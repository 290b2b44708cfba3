"""What families of Claude take, by name.

A name that is not here is refused nothing for being the model that it is.
Sources: 58 calls of the API under 2023-06-01, on 2026-09-09 (github.com/kangwoo/aimon-core,
docs/design/llm/anthropic-sampling-capabilities.md); github.com/anthropics/skills, claude-api, read 2026-11;
platform.claude.com/docs/en/about-claude/models/migration-guide.
"""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

from understudy.caching import cached
from understudy.errors import Failure
from understudy.model import Request
from understudy.providers.anthropic_base import refusal


class Family(Struct, frozen=True):
    """Models that take the same.

    `sampling` says whether one may say how to sample: `any` way, by `one` of `temperature` and `top_p`, or by
    `none`. `thinking` are the types that the field `thinking` may have. `effort` says that one may say how
    much of it to make, `prefills` that the answer may go on from a beginning which is sent, `forces` that a
    tool may be forced.
    """

    sampling: Literal["any", "one", "none"] = "any"
    thinking: frozenset[str] = frozenset({"enabled", "adaptive", "disabled"})
    effort: bool = True
    prefills: bool = True
    forces: bool = True


_BUDGETS, _ADAPTS = frozenset({"enabled", "disabled"}), frozenset({"adaptive", "disabled"})
_ALWAYS = frozenset({"adaptive"})
UNKNOWN = Family()
FAMILIES: tuple[tuple[re.Pattern[str], Family], ...] = tuple(
    (re.compile(rf"claude-({names})(-\d{{8}}|-latest)?"), family)
    for names, family in (
        (r"3-.*|(opus|sonnet)-4(-0)?", Family("any", _BUDGETS, effort=False)),
        (r"opus-4-1|(sonnet|haiku)-4-5", Family("one", _BUDGETS, effort=False)),
        (r"opus-4-5", Family("one", _BUDGETS)),
        (r"(opus|sonnet)-4-6", Family("one", prefills=False)),
        (r"opus-4-[78]|(opus|sonnet)-5", Family("none", _ADAPTS, prefills=False)),
        (r"sonnet-5-5", Family(thinking=_ADAPTS)),
        (r"opus-5-5", Family("none", _ADAPTS, prefills=False, forces=False)),
        (r"(fable|mythos)-5", Family("none", _ALWAYS, prefills=False)),
        (r"(fable|mythos)-5-1", Family("none", _ALWAYS, prefills=False, forces=False)),
        (r"mythos-preview", Family("none", frozenset({"adaptive", "enabled"}), prefills=False)),
    )
)


@cached(entries=1_024, longest=256)
def family(model: str) -> Family:
    """What the model takes; dated snapshots are told by their base."""
    return next((found for form, found in FAMILIES if form.fullmatch(model)), UNKNOWN)


UNSUPPORTED = {
    "enabled": '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and '
    '"output_config.effort" to control thinking behavior.',
    "adaptive": "adaptive thinking is not supported on this model",
    "disabled": '"thinking.type.disabled" is not supported for this model. Thinking defaults to adaptive '
    'mode when not specified; use "thinking.type.enabled" with "budget_tokens" for extended thinking.',
}


def thinking(request: Request) -> Failure | None:
    """A way of thinking that the model has not."""
    given = request.raw["thinking"]
    kind = given.get("type") if type(given) is dict else None
    if kind not in UNSUPPORTED or kind in family(request.model).thinking:
        return None
    return refusal(UNSUPPORTED[kind])
