"""What answers when no rule does: deterministically, and so that the loops of agents come to an end.

Request -> conventions.py (what frameworks expect) -> answers.yaml (ordinary rules) -> a plain answer
"""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from understudy.autopilot.conventions import convention
from understudy.autopilot.tools import brief
from understudy.autopilot.voices import Voice, voice
from understudy.model import Reply, Request, Text
from understudy.rules import RuleSet, load

__all__ = ["ANSWERS", "Autopilot", "Plain", "Voice", "built_in_answers", "voice"]

ANSWERS = Path(__file__).with_name("answers.yaml")
"""The packaged answers, a rule file."""


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


class Plain:
    """Answers any request with a plain text: no tool is called, and no framework is humoured."""

    def answer(self, request: Request) -> tuple[Reply, str]:
        return Reply((Text(brief(request)),)), "plain answer"


def built_in_answers(check: bool = False) -> RuleSet:
    """The packaged answers, whose templates also know `voice`; each is compiled when it is first used.

    `check` compiles all of them at once, which takes as long as the rest of the start.
    """
    return load(ANSWERS.name, ANSWERS.read_text(encoding="utf-8"), {"voice": voice}, check=check)
