"""Rules in the order in which they are asked, and which of them answers.

Selecting does not grow with the number of rules: a request is looked up in the index, and only the rules
found are evaluated, in order. What matches is remembered by what matchers look at; whether a rule that
matches answers is a question to its state, and asked each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

from understudy.matchers import Groups, Matcher
from understudy.matchers.base import NO_GROUPS, Look, Values, size
from understudy.model import Request
from understudy.rules.index import Index
from understudy.rules.rule import Draft, Match, NearMiss, Rule
from understudy.rules.state import RuleState

Matching = tuple[tuple[Rule, Groups], ...]
"""Rules that match, in order, up to the first that always answers."""
CACHED_KEYS = 1024
CACHED_CHARS = 4_000
"""Requests that are longer, in what matchers look at, are not remembered."""
CACHED_LOOKS = 16
"""Where matchers look at more than this, remembering costs more than it saves."""


class RuleSet:
    """Rules in the order in which they are asked. Never changes; the index is built at the first request.

    A request that looks to all matchers like one before it, as a test's mostly do, is not matched again.
    """

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self.rules = tuple(sorted(rules, key=lambda rule: -rule.priority))
        self._matching: dict[Values, Matching] = {}

    def __len__(self) -> int:
        return len(self.rules)

    def select(self, request: Request, state: RuleState | None = None) -> Match | None:
        """The first rule that matches and answers, with its reply, or None.

        Without a state, each rule answers as if it had never been asked.
        """
        changing = self.looks_at_scene
        for rule, groups in self.matching(request):
            response = state.take(rule) if state else rule.responses[0]
            if response is not None:
                reply = response.said(request, groups)
                lasting = rule.steady and not changing
                if lasting and isinstance(response.reply, Draft):
                    lasting = response.reply.lasting
                return Match(rule, reply, groups, response, lasting)
            changing = True
        return None

    def matching(self, request: Request) -> Matching:
        """The rules that match, which depends on nothing but `looks`."""
        looks = self._looks
        if len(looks) > CACHED_LOOKS:
            return self._found(request)
        key = tuple([look(request) for look in looks])
        matching = self._matching.get(key)
        if matching is None:
            matching = self._found(request)
            if size(key) <= CACHED_CHARS:
                if len(self._matching) >= CACHED_KEYS:
                    self._matching.clear()
                self._matching[key] = matching
        return matching

    def _found(self, request: Request) -> Matching:
        found = []
        for i in self._index.candidates(request):
            rule = self.rules[i]
            groups = captured(rule.when, request)
            if groups is not None:
                found.append((rule, groups))
                if rule.steady:
                    break
        return tuple(found)

    def near_misses(self, request: Request, n: int = 3) -> list[NearMiss]:
        """The `n` rules that came nearest to matching without doing so, the nearest first."""
        explained = ((rule, rule.verdicts(request)) for rule in self.rules)
        misses = [
            NearMiss(rule, verdicts, sum(v.nearness for v in verdicts) / len(verdicts))
            for rule, verdicts in explained
            if not all(v.ok for v in verdicts)
        ]
        return sorted(misses, key=lambda miss: -miss.nearness)[:n]

    @cached_property
    def looks_at_scene(self) -> bool:
        """Whether some matcher looks beyond the request's own content, at its headers or at a state."""
        return any(matcher.at_scene for rule in self.rules for matcher in rule.when)

    @cached_property
    def needs_scene(self) -> bool:
        """Whether some matcher or template needs the scene."""
        drafts = (each.reply for rule in self.rules for each in rule.responses)
        return self.looks_at_scene or any(isinstance(each, Draft) and not each.lasting for each in drafts)

    @cached_property
    def _index(self) -> Index:
        return Index(self.rules)

    @cached_property
    def _looks(self) -> tuple[Look, ...]:
        """Whatever some matcher looks at."""
        return tuple(frozenset().union(*(matcher.looks() for rule in self.rules for matcher in rule.when)))


def captured(when: Sequence[Matcher], request: Request) -> Groups | None:
    """The groups that the matchers captured if all of them hold, else None."""
    groups = NO_GROUPS
    for matcher in when:
        verdict = matcher.match(request)
        if not verdict.ok:
            return None
        if verdict.groups:
            groups = {**groups, **verdict.groups} if groups else verdict.groups
    return groups
