"""What answers when no rule does: deterministically, and so that the loops of agents come to an end.

Request -> conventions.py (what frameworks expect) -> answers.yaml (ordinary rules) -> a plain answer
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from understudy.autopilot.conventions import convention
from understudy.autopilot.tools import brief
from understudy.model import Reply, Request, Text
from understudy.rules import RuleSet, load

__all__ = ["Autopilot", "Voice", "built_in_answers", "voice"]


class Voice(NamedTuple):
    """How a model opens and closes its longer answers."""

    opening: str
    closing: str


PLAIN = Voice("Here is an answer.", "That is all.")
BRISK = Voice("Here is the short version:", "Next step: try it, then adapt it to your case.")
WARM = Voice(
    "I'd be glad to help with this. Let me think it through with you.",
    "I hope that is a good start. Tell me if you would like to take it further.",
)
# A part of the model's name -> its voice; the first that is found, plain where none is.
VOICES = (
    (re.compile(r"claude", re.I), WARM),
    (re.compile(r"gpt|(?:^|[/:])o\d", re.I), BRISK),
)


def voice(request: Request) -> Voice:
    """The voice of the model that is asked, by its family."""
    return next((voice for family, voice in VOICES if family.search(request.model)), PLAIN)


class Autopilot:
    """Answers any request, the same way for the same request and seed.

    `answers` are the rules that are asked when no convention of a framework applies.
    """

    def __init__(self, answers: RuleSet, seed: int = 0) -> None:
        self.answers = answers
        self.seed = seed

    def answer(self, request: Request) -> tuple[Reply, str]:
        """The reply (parts and stop only), and the name of what gave it."""
        if self.seed:
            seed = (request.sampling.seed or 0) + self.seed
            request = replace(request, sampling=replace(request.sampling, seed=seed))
        found = convention(request)
        if found is not None:
            return found
        match = self.answers.select(request)
        if match is not None:
            return match.reply, match.rule.title
        return Reply((Text(brief(request)),)), "plain answer"


def built_in_answers(check: bool = False) -> RuleSet:
    """The packaged answers, whose templates also know `voice`; each is compiled when it is first used.

    `check` compiles all of them at once, which takes as long as the rest of the start.
    """
    path = Path(__file__).with_name("answers.yaml")
    return load(path.name, path.read_text(encoding="utf-8"), {"voice": voice}, check=check)
