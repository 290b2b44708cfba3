"""What `understudy rules check` says of files: a line for each finding, like a compiler, and a summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from understudy.errors import SettingsError
from understudy.rules.lint import Finding, lint
from understudy.rules.mistakes import mistakes
from understudy.templates import NO_EXTRA, Extra


class Report(Struct, frozen=True):
    """What is wrong and what is odd in some files, each file by itself."""

    lines: tuple[str, ...]
    files: int
    rules: int
    mistakes: int
    warnings: int
    notes: int

    @property
    def summary(self) -> str:
        """`2 files, 14 rules: no mistakes, 1 warning`."""
        found = [counted(self.mistakes, "mistake") if self.mistakes else "no mistakes"]
        found += [counted(n, what) for n, what in ((self.warnings, "warning"), (self.notes, "note")) if n]
        return f"{counted(self.files, 'file')}, {counted(self.rules, 'rule')}: {', '.join(found)}"


def report(paths: Sequence[str], extra: Extra = NO_EXTRA) -> Report:
    """Read and lint files; `extra` adds template variables."""
    lines: list[str] = []
    rules_read = wrong = 0
    weights: Counter[str] = Counter()
    for path in paths:
        try:
            rules, mistaken = mistakes(path, Path(path).read_bytes(), extra)
        except OSError as problem:
            rules, mistaken = [], [SettingsError(path, "", f"cannot be read: {problem.strerror}")]
        odd = lint(rules)
        lines += [*map(mistake_line, mistaken), *map(finding_line, odd)]
        rules_read, wrong = rules_read + len(rules), wrong + len(mistaken)
        weights.update(finding.weight for finding in odd)
    return Report(tuple(lines), len(paths), rules_read, wrong, weights["warning"], weights["note"])


def mistake_line(mistake: SettingsError) -> str:
    """`rules.yaml: $.rules[3].when: error: unknown key "usr" (did you mean "user"?)`."""
    where = f"{mistake.source}: {mistake.path}" if mistake.path else mistake.source
    return f"{where}: error: {mistake.message}"


def finding_line(finding: Finding) -> str:
    """`rules.yaml: $.rules[3]: warning: never answers: $.rules[1] matches all that it matches`."""
    return f"{finding.place.source}: {finding.place.path}: {finding.weight}: {finding.message}"


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
