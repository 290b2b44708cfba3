"""Which rules can match a request at all, found without asking each.

Of each rule, the index keeps the rarest fact that a request must have for it to match (see `Fact`): literal
texts in one Aho-Corasick automaton for all rules that look at the same text, exact values in one dict.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ahocorasick  # type: ignore[import-not-found]

from understudy.matchers import Fact
from understudy.matchers.base import Look, fold
from understudy.model import Request
from understudy.rules.rule import Rule

Found = tuple[int, ...]


class Index:
    """Which rules can match a request at all, as positions in the order of rules."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        always: list[int] = []
        tables: dict[tuple[Look, bool], dict[Any, list[int]]] = defaultdict(lambda: defaultdict(list))
        for i, fact in enumerate(rarest_facts(rules)):
            if fact is None:
                always.append(i)
                continue
            for literal in dict.fromkeys(fact.literals):
                tables[fact.look, fact.exact][literal].append(i)
        self.always = tuple(always)
        self.exact = tuple((look, frozen(table)) for (look, exact), table in tables.items() if exact)
        self.texts = tuple(
            (look, scanner(frozen(table))) for (look, exact), table in tables.items() if not exact
        )

    def candidates(self, request: Request) -> Sequence[int]:
        """In order, each once."""
        found: Found = ()
        for look, table in self.exact:
            for value in look(request):
                found += table.get(value, ())
        for look, scan in self.texts:
            for text in look(request):
                found += scan(text)  # type: ignore[arg-type]
        if not found:
            return self.always
        if len(found) == 1 and not self.always:
            return found
        return sorted({*found, *self.always})


def frozen(table: Mapping[Any, list[int]]) -> dict[Any, Found]:
    return {literal: tuple(positions) for literal, positions in table.items()}


def rarest_facts(rules: Sequence[Rule]) -> list[Fact | None]:
    """For each rule the fact that the fewest rules share; None where no fact is known."""
    facts = [tuple(fact for matcher in rule.when for fact in matcher.facts()) for rule in rules]
    uses = Counter(
        (fact.look, literal) for of_rule in facts for fact in of_rule for literal in set(fact.literals)
    )
    return [
        min(of_rule, key=lambda fact: sum(uses[fact.look, each] for each in set(fact.literals)), default=None)
        for of_rule in facts
    ]


def scanner(table: Mapping[str, Found]) -> Callable[[str], Found]:
    """A function that gives the positions for all literals that a text contains, whatever the case."""
    automaton = ahocorasick.Automaton()
    for literal, positions in table.items():
        automaton.add_word(literal, positions)
    automaton.make_automaton()

    def scan(text: str) -> Found:
        found: set[int] = set()
        for _, positions in automaton.iter(fold(text)):
            found.update(positions)
        return tuple(found)

    return scan
