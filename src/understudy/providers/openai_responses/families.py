"""What families of OpenAI's models fill in where a request says nothing, by name.

A name that is not here is an ordinary model's, which does not reason.
Source: the recorded answers that the package names; developers.openai.com/api/docs/guides/reasoning.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from understudy.caching import cached


class Family(Struct, frozen=True):
    """Models that fill in the same: `reasoning`, `top_p`, how long prompts are cached.

    `phases` says that their messages tell whether they are the final answer.
    """

    reasoning: Mapping[str, Any]
    top_p: float = 1.0
    retention: str | None = None
    phases: bool = False

    @property
    def reasons(self) -> bool:
        return self.reasoning["effort"] is not None


ORDINARY = Family({"effort": None, "summary": None})
O_SERIES = Family({"effort": "medium", "summary": None})
GPT_5 = Family({"effort": "medium", "summary": None}, retention="24h")
GPT_5_1 = Family({"effort": "none", "summary": None}, retention="24h")
GPT_5_3 = Family({"effort": "none", "summary": None}, retention="24h", phases=True)
GPT_5_6 = Family(
    {"context": "all_turns", "effort": "medium", "mode": "standard", "summary": None}, 0.98, "24h", True
)
FAMILIES: tuple[tuple[re.Pattern[str], Family], ...] = (
    (re.compile(r"gpt-5(\.\d+)?-chat.*"), ORDINARY),
    (re.compile(r"o[134](-.*)?"), O_SERIES),
    (re.compile(r"gpt-5(-.*)?"), GPT_5),
    (re.compile(r"gpt-5\.[12](-.*)?"), GPT_5_1),
    (re.compile(r"gpt-5\.[345](-.*)?"), GPT_5_3),
    (re.compile(r"gpt-(5\.[6-9]|6)(-.*)?"), GPT_5_6),
)


@cached(entries=1_024, longest=256)
def family(model: str) -> Family:
    return next((found for form, found in FAMILIES if form.fullmatch(model)), ORDINARY)
