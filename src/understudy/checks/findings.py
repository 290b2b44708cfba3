"""What a check says: findings, and the result that they add up to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct

Status = Literal["pass", "warn", "skip", "fail"]
Level = Literal["note", "warn", "skip", "fail"]
MOST_QUOTED = 160
"""Characters of a server's answer that a finding repeats."""
MOST_NOTED = 50
"""The same for a note, which stands on one line with the check's title."""


class Finding(Struct, frozen=True):
    """One thing that a check noticed: what was found, what was expected, and what to do about it.

    A `note` tells how a check went well, a `skip` why it was not done; both have `found` alone.
    """

    level: Level
    found: str
    expected: str = ""
    advice: str = ""


class Ended(Exception):
    """A check cannot go on: there is nothing more to look at. Carries its last finding."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.found)
        self.finding = finding


class Result(Struct, frozen=True):
    """How a check went. Where it is not `usable`, the checks that need it are skipped."""

    name: str
    title: str
    findings: tuple[Finding, ...]
    seconds: float = 0.0
    usable: bool = True

    @property
    def status(self) -> Status:
        return status_of([finding.level for finding in self.findings])

    @property
    def detail(self) -> str:
        """What to say about it in one line: the first of its worst findings."""
        worst = [each for each in self.findings if each.level == self.status]
        notes = [each for each in self.findings if each.level == "note"]
        return next((each.found for each in worst or notes), "")


def status_of(levels: Sequence[Level]) -> Status:
    """The worst of the levels; a note is a pass."""
    order: tuple[Status, ...] = ("fail", "warn", "skip")
    return next((level for level in order if level in levels), "pass")


def note(found: str) -> Finding:
    return Finding("note", found)


def skip(found: str) -> Finding:
    return Finding("skip", found)


def warn(found: str, expected: str, advice: str) -> Finding:
    return Finding("warn", found, expected, advice)


def fail(found: str, expected: str, advice: str) -> Finding:
    return Finding("fail", found, expected, advice)


def quoted(value: Any, most: int = MOST_QUOTED) -> str:
    """A value out of a server's answer, as JSON, not too long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"


def excerpt(body: bytes) -> str:
    """The beginning of a body, on one line."""
    text = " ".join(body[: 4 * MOST_QUOTED].decode(errors="replace").split())
    return f"`{text[:MOST_QUOTED]}{'…' if len(text) > MOST_QUOTED else ''}`" if text else "nothing"
