"""Matchers made of matchers: all, any, not."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from understudy.matchers.matcher import Fact, Look, Matcher
from understudy.matchers.values import Values
from understudy.matchers.verdicts import NO_GROUPS, Combined, Verdict
from understudy.model import Request


class All(Struct, frozen=True, gc=False):
    """All of these hold."""

    matchers: tuple[Matcher, ...]

    def match(self, request: Request) -> Verdict:
        verdicts: list[Verdict] = []
        groups: dict[str, str] = {}
        for matcher in self.matchers:
            verdict = matcher.match(request)
            verdicts.append(verdict)
            groups.update(verdict.groups)
        if all(verdict.ok for verdict in verdicts):
            return Combined(True, groups, "all", tuple(verdicts))
        return Combined(False, NO_GROUPS, "all", tuple(verdicts))

    def facts(self) -> tuple[Fact, ...]:
        return tuple(fact for matcher in self.matchers for fact in matcher.facts())

    def captures(self) -> frozenset[str]:
        return frozenset().union(*(matcher.captures() for matcher in self.matchers))

    def looks(self) -> frozenset[Look]:
        return frozenset().union(*(matcher.looks() for matcher in self.matchers))

    @property
    def at_scene(self) -> bool:
        return any(matcher.at_scene for matcher in self.matchers)


class Any_(Struct, frozen=True, gc=False):
    """One of these holds; the first that does gives its groups."""

    matchers: tuple[Matcher, ...]

    def match(self, request: Request) -> Verdict:
        verdicts = []
        for matcher in self.matchers:
            verdict = matcher.match(request)
            verdicts.append(verdict)
            if verdict.ok:
                return Combined(True, verdict.groups, "any", tuple(verdicts))
        return Combined(False, NO_GROUPS, "any", tuple(verdicts))

    def facts(self) -> tuple[Fact, ...]:
        """What every branch says of the same thing, together."""
        branches = [{(fact.look, fact.exact): fact.literals for fact in m.facts()} for m in self.matchers]
        common = [kind for kind in branches[0] if all(kind in branch for branch in branches)]
        return tuple(Fact(kind[0], joined(branch[kind] for branch in branches), kind[1]) for kind in common)

    def captures(self) -> frozenset[str]:
        return frozenset().union(*(matcher.captures() for matcher in self.matchers))

    def looks(self) -> frozenset[Look]:
        return frozenset().union(*(matcher.looks() for matcher in self.matchers))

    @property
    def at_scene(self) -> bool:
        return any(matcher.at_scene for matcher in self.matchers)


class Not(Struct, frozen=True, gc=False):
    """This does not hold. It captures nothing."""

    matcher: Matcher

    def match(self, request: Request) -> Verdict:
        verdict = self.matcher.match(request)
        return Combined(not verdict.ok, NO_GROUPS, "not", (verdict,))

    def facts(self) -> tuple[Fact, ...]:
        return ()

    def captures(self) -> frozenset[str]:
        return frozenset()

    def looks(self) -> frozenset[Look]:
        return self.matcher.looks()

    @property
    def at_scene(self) -> bool:
        return self.matcher.at_scene


def joined(literals: Iterator[Values]) -> Values:
    return tuple(dict.fromkeys(each for values in literals for each in values))
