"""The rules of a space: those that were added to it, then those of the files."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from understudy.errors import Place
from understudy.rules.read import read_value
from understudy.rules.rule import Rule
from understudy.rules.ruleset import RuleSet
from understudy.rules.state import RuleState
from understudy.templates import NO_EXTRA, Extra


class Rulebook:
    """Rules that can be changed while they are used, and their state.

    `from_files` gives the rules of the files, which all books share; those that are `added` are asked before
    them, in the order in which they were added. `changed` is called after each change. `extra` adds template
    variables.
    """

    def __init__(
        self,
        from_files: Callable[[], RuleSet],
        changed: Callable[[], None],
        seed: int = 0,
        extra: Extra = NO_EXTRA,
    ) -> None:
        self._from_files = from_files
        self._changed = changed
        self._extra = extra
        self._number = 0
        self.added: tuple[Rule, ...] = ()
        self.state = RuleState(seed)
        self.rules = from_files()

    def find(self, id: str) -> Rule | None:
        """The rule of this id, added or of a file."""
        return next((rule for rule in self.rules.rules if rule.id == id), None)

    def read(self, value: object) -> tuple[Rule, ...]:
        """The rules that a value stands for: one rule, a list, or a mapping with `rules`.

        A rule without an id gets a number. Raises SettingsError.
        """
        if isinstance(value, dict) and "rules" not in value:
            value = [value]
        if isinstance(value, list):
            value = {"rules": value}
        return tuple([self._numbered(rule) for rule in read_value("rules", value, self._extra).rules])

    def add(self, rules: Sequence[Rule]) -> None:
        """Add rules behind those that were added before; one with an id that there is takes its place."""
        ids = {rule.id for rule in rules}
        if len(ids) < len(rules):
            raise Place("rules").error("two rules have the same id")
        kept = {rule.id: rule for rule in self.added}
        kept.update({rule.id: rule for rule in rules})
        for id in ids:
            self.state.forget(id)
        self._put(tuple(kept.values()))

    def replace(self, rules: Sequence[Rule]) -> None:
        """These rules in place of all that were added."""
        self.added = ()
        self.state.reset()
        self.add(rules)

    def remove(self, id: str) -> bool:
        """Remove an added rule; whether it was there."""
        kept = tuple(rule for rule in self.added if rule.id != id)
        if len(kept) == len(self.added):
            return False
        self._put(kept)
        return True

    def reset(self) -> None:
        """As at the start: the files' rules alone, which have answered nothing yet."""
        self._number = 0
        self.state.reset()
        self._put(())

    def renew(self) -> None:
        """The files' rules have changed: one that is no longer what it was has answered nothing yet.

        A rule without an id is known by its place, where another one may stand now.
        """
        known = self.state.known
        before = {rule.id: rule.told for rule in self.rules.rules if rule.id in known}
        self._put(self.added)
        same = {rule.id for rule in self.rules.rules if before.get(rule.id) == rule.told}
        for id in known - same:
            self.state.forget(id)

    def _put(self, added: tuple[Rule, ...]) -> None:
        self.added = added
        files = self._from_files()
        self.rules = RuleSet((*added, *files.rules)) if added else files
        self._changed()

    def _numbered(self, rule: Rule) -> Rule:
        if not rule.id.startswith("rules."):
            return rule
        self._number += 1
        return replace(rule, id=str(self._number), place=Place(f"rule {self._number}", "$"))
