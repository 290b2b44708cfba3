"""What is odd in rules that are in order: some never answer, some say what is said already.

A rule never answers where an earlier one always answers what it matches. That is asked of the few pairs that
can have something in common, found as the index of a rule set finds rules for a request:

    earlier rule   its rarest fact: a text contains "noon"        -> table
    later rule     its own texts: {user: harbour noon}            -> looked up in it -> proofs.all_imply

Each finding is certain of the file that it is in. What rules are added at run time, nobody knows here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from understudy.errors import Place
from understudy.matchers import Matcher
from understudy.matchers.base import All, Any_, Both, Look, Looking, Named, OneOf, Only, Test, Values
from understudy.matchers.surroundings import STARTED
from understudy.rules.index import Found, frozen, rarest_facts, scanner
from understudy.rules.proofs import all_imply, contradiction, ends
from understudy.rules.read import templates
from understudy.rules.rule import Rule

MOST_PAIRS = 50
"""Of the earlier rules that share a fact, so many are compared with a later one: the first."""
MOST_LOOSE = 50
"""So many rules of which the index knows no fact are compared with all later ones."""

Weight = Literal["warning", "note"]


class Finding(Struct, frozen=True, gc=False):
    """Something odd, and where. A `warning` is about a rule that does not do what it says."""

    place: Place
    weight: Weight
    message: str


def lint(rules: Sequence[Rule]) -> list[Finding]:
    """What is odd in the rules of a file, in their order."""
    found = [*silent(rules), *names_told_twice(rules), *unset_scenarios(rules), *plain_templates(rules)]
    order = {rule.place.path: i for i, rule in enumerate(rules)}
    return sorted(found, key=lambda finding: order[of_rule(finding.place.path)])


def of_rule(path: str) -> str:
    """The rule's own path, of a path in it."""
    return path[: path.index("]") + 1]


# --- Rules that never answer -------------------------------------------------------------------------


def silent(rules: Sequence[Rule]) -> Iterator[Finding]:
    """The rules that never answer, and why."""
    ordered = sorted(rules, key=lambda rule: -rule.priority)
    earlier = Earlier(ordered)
    for i, rule in enumerate(ordered):
        why = contradiction(rule.when)
        if why:
            yield Finding(rule.place / "when", "warning", f"never matches: {why}")
        elif rule.probability == 0:
            yield Finding(rule.place / "probability", "warning", "never answers: its probability is 0")
        else:
            before = earlier.that_answers_for(i)
            if before is not None:
                yield Finding(rule.place, "warning", hidden(rule, before))


def hidden(rule: Rule, before: Rule) -> str:
    name = f' ("{before.name}")' if before.name else ""
    first = f" and is asked first, with priority {before.priority}" if before.priority > rule.priority else ""
    if said(rule) == said(before) and not first:
        return f"never answers: it says the same as {before.place.path}{name}"
    return f"never answers: {before.place.path}{name} matches all that it matches{first}"


def said(rule: Rule) -> object:
    """What a rule says, whatever it is called."""
    if not isinstance(rule.told, Mapping):
        return rule.told
    return {key: value for key, value in rule.told.items() if key not in ("name", "id")}


def always_answers(rule: Rule) -> bool:
    """Whether it answers each time it matches, whatever was asked before."""
    return rule.times is None and rule.probability == 1 and rule.repeat != "once"


class Earlier:
    """The rules that always answer, as positions in the order in which they are asked."""

    def __init__(self, ordered: Sequence[Rule]) -> None:
        self.rules = ordered
        self.same: dict[bytes, int] = {}
        self.loose: list[int] = []
        tables: dict[tuple[Look, bool], dict[Any, list[int]]] = defaultdict(lambda: defaultdict(list))
        for i, fact in enumerate(rarest_facts(ordered)):
            if not always_answers(ordered[i]):
                continue
            self.same.setdefault(conditions(ordered[i]), i)
            if fact is None:
                self.loose.append(i)
            else:
                table = tables[fact.look, fact.exact]
                for literal in dict.fromkeys(fact.literals):
                    if len(table[literal]) < MOST_PAIRS:
                        table[literal].append(i)
        self.loose = sorted(self.loose, key=lambda i: len(ordered[i].when))[:MOST_LOOSE]
        self.exact = {look: frozen(table) for (look, exact), table in tables.items() if exact}
        self.texts = {look: scanner(frozen(table)) for (look, exact), table in tables.items() if not exact}

    def that_answers_for(self, i: int) -> Rule | None:
        """The first rule found that is asked before this one, and answers whatever it matches."""
        rule = self.rules[i]
        for j in sorted(self.candidates(rule, i)):
            if all_imply(rule.when, self.rules[j].when):
                return self.rules[j]
        return None

    def candidates(self, rule: Rule, before: int) -> set[int]:
        found: Found = (*self.loose, self.same.get(conditions(rule), before))
        for look, value in shared(rule.when):
            found += self.exact.get(look, {}).get(value, ())
            if look in self.texts and isinstance(value, str):
                found += self.texts[look](value)
        return {j for j in found if j < before}


def conditions(rule: Rule) -> bytes:
    """A rule's conditions as they are written, in an order of their own."""
    when = rule.told.get("when") if isinstance(rule.told, Mapping) else None
    return msgspec.json.encode(when or {}, order="deterministic", enc_hook=repr)


def shared(when: Iterable[Matcher]) -> Iterator[tuple[Look, Any]]:
    """What the matchers say of values: one that implies another shares a value, or a text has the other's."""
    for matcher in when:
        if isinstance(matcher, All | Any_):
            yield from shared(matcher.matchers)
        for fact in matcher.facts():
            yield from ((fact.look, literal) for literal in fact.literals)
        if isinstance(matcher, Looking):
            yield from ((matcher.look, value) for value in known(matcher.test))
        elif isinstance(matcher, Named):
            for value in known(matcher.test):
                yield from ((matcher.look, value), (matcher.look.texts, value))


def known(test: Test) -> Values:
    """The values that will do, or texts that are in each of them."""
    if isinstance(test, OneOf):
        return test.values
    if isinstance(test, Both):
        return tuple([value for each in test.tests for value in known(each)])
    return known(test.test) if isinstance(test, Only) else tuple(ends(test) or ())


# --- Names, scenarios, templates ---------------------------------------------------------------------


def names_told_twice(rules: Iterable[Rule]) -> Iterator[Finding]:
    first: dict[str, Rule] = {}
    for rule in rules:
        if rule.name and first.setdefault(rule.name, rule) is not rule:
            other = first[rule.name].place.path
            yield Finding(rule.place / "name", "warning", f'"{rule.name}" is the name of {other} already')


def unset_scenarios(rules: Sequence[Rule]) -> Iterator[Finding]:
    """Scenarios that a rule waits for, while no rule sets them."""
    states: dict[str, list[str]] = defaultdict(list)
    for rule in rules:
        for name, state in rule.then:
            states[name].append(state)
    for rule in rules:
        for name, test in scenarios(rule.when):
            there = dict.fromkeys((STARTED, *states[name]))
            if not any(test.passes((state,)) is not None for state in there):
                message = f'no rule sets the scenario "{name}" to {test.expected}'
                yield Finding(rule.place / "when", "warning", f"{message} (there are: {', '.join(there)})")


def scenarios(when: Iterable[Matcher]) -> Iterator[tuple[str, Test]]:
    for matcher in when:
        if isinstance(matcher, All):
            yield from scenarios(matcher.matchers)
        elif isinstance(matcher, Named) and matcher.KEY == "scenario":
            yield matcher.look.name, matcher.test


def plain_templates(rules: Iterable[Rule]) -> Iterator[Finding]:
    for template in templates(rules):
        if not any(opening in template.text for opening in ("{{", "{%", "{#")):
            yield Finding(template.place, "note", "this template quotes nothing: a `text` says the same")
