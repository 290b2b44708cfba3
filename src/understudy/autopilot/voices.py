"""How each family of models opens and closes its longer answers."""

from __future__ import annotations

import re
from typing import NamedTuple

from understudy.model import Request


class Voice(NamedTuple):
    """What stands before and after an answer."""

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
OPENINGS = (PLAIN.opening, BRISK.opening, WARM.opening, "This is a mock answer")


def voice(request: Request) -> Voice:
    """The voice of the model that is asked, by its family."""
    return next((voice for family, voice in VOICES if family.search(request.model)), PLAIN)
