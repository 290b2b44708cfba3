"""The rule files that the server was started with, as they are now; a mistake keeps the last good ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from understudy.autopilot import voice
from understudy.catalog import DEFAULT_MODELS
from understudy.errors import SettingsError
from understudy.limits import Limit
from understudy.model import INSTANT, ModelInfo, Pace, Prompt
from understudy.rules import Rule, RuleFile, RuleSet, read_text
from understudy.settings import Settings
from understudy.templates import Extra

EXTRA: Extra = {"voice": voice}
"""What templates know beside the request, so that the built-in answers can be a file of the user's."""
Stamp = tuple[int, int] | None
"""When a file was changed, in nanoseconds, and its size in bytes; None where it cannot be seen."""


class RuleFiles:
    """What the files say together, and what the settings say instead: rules, models, limits, pace, prompts.

    Rules come in the order of the files. Of models and pace, and of prompts with the same id, the last file
    that says something holds; limits add up. A setting wins over the files.
    """

    def __init__(self, paths: Sequence[str], settings: Settings) -> None:
        self.paths = tuple(Path(path) for path in paths)
        self._settings = settings
        self._stamps: tuple[Stamp, ...] = ()
        self._put(())

    def load(self) -> None:
        """Read all files. Raises SettingsError, and changes nothing then."""
        stamps = self._seen()
        files = tuple([read(path) for path in self.paths])
        check_ids(files)
        self._stamps = stamps
        self._put(files)

    def changed(self) -> bool:
        """Whether a file is not as it was when it was looked at last."""
        return bool(self.paths) and self._seen() != self._stamps

    def reload(self) -> None:
        """Read all files again. Raises SettingsError once for a mistake; the last good ones stay.

        What counts is how the files were before they were read: one that is written meanwhile has changed.
        """
        self._stamps = self._seen()
        self.load()

    def _seen(self) -> tuple[Stamp, ...]:
        return tuple([stamp(path) for path in self.paths])

    def _put(self, files: Sequence[RuleFile]) -> None:
        settings = self._settings
        self.rules = RuleSet([rule for file in files for rule in file.rules])
        self.models: tuple[ModelInfo, ...] = DEFAULT_MODELS
        self.pace: Pace = INSTANT
        self.prompts: dict[str, Prompt] = {}
        limits: tuple[Limit, ...] = ()
        for file in files:
            self.models = self.models if file.models is None else file.models
            self.pace = self.pace if file.pace is None else file.pace
            self.prompts |= file.prompts or {}
            limits += file.limits or ()
        if settings.pace is not INSTANT:
            self.pace = settings.pace
        per_client = (settings.rate_limit,) if settings.rate_limit else ()
        self.limits: tuple[Limit, ...] = (settings.limits or limits) + per_client


def read(path: Path) -> RuleFile:
    try:
        return read_text(str(path), path.read_bytes(), EXTRA)
    except OSError as problem:
        raise SettingsError(str(path), "", f"cannot be read: {problem.strerror}") from None


def stamp(path: Path) -> Stamp:
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_size


def check_ids(files: Sequence[RuleFile]) -> None:
    """Refuse an id that two rules have."""
    first: dict[str, Rule] = {}
    for rule in (rule for file in files for rule in file.rules):
        if rule.id in first:
            other = first[rule.id].place
            raise (rule.place / "id").error(f"{rule.id!r} is the id of {other.source}: {other.path} already")
        first[rule.id] = rule
