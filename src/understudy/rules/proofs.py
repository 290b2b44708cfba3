"""What is certain about conditions: that one implies another, that several contradict each other.

    implies({user: harbour noon}, {user: noon})        every text that contains the first contains the second
    contradiction([{turn: 1}, {turn: "2.."}])          no request has both

Each answer of `True`, and each contradiction, is proven; where nothing is known, the answer is `False`.

    matchers   implies, excludes      over requests      all, any, not; a test of what both look at
    tests      follows, disjoint      over one value     the value forms

Rules for editing this file: a line that says more than is certain accuses a file that is in order. A form
that nothing here knows is only ever compared with itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from math import floor, inf

from understudy.matchers import Matcher
from understudy.matchers.base import (
    All,
    Any_,
    Between,
    Both,
    Contains,
    EndsWith,
    Exists,
    Like,
    Looking,
    Named,
    Not,
    OneOf,
    Only,
    StartsWith,
    Test,
    fold,
)

ONE_VALUE = frozenset({"user", "system", "model", "api", "operation", "stream", "turn", "key", "scenario"})
"""The keys whose matchers find one value at most: what they test has to be true of that one."""
ATOMS = (Looking, Named)
"""Matchers that test what they look at."""
MOST_CONDITIONS = 64
"""Of one rule, as many as are compared with each other."""


# --- Matchers ----------------------------------------------------------------------------------------


def implies(this: Matcher, that: Matcher) -> bool:
    """Whether `that` holds for every request for which `this` does."""
    if isinstance(this, ATOMS) and isinstance(that, ATOMS):
        return this.look == that.look and always_follows(this.test, that.test)
    if this == that:
        return True
    if isinstance(that, All):
        return all(implies(this, each) for each in that.matchers)
    if isinstance(this, Any_):
        return all(implies(each, that) for each in this.matchers)
    if isinstance(that, Any_) and any(implies(this, each) for each in that.matchers):
        return True
    if isinstance(this, All):
        return any(implies(each, that) for each in this.matchers)
    if isinstance(that, Not):
        return implies(that.matcher, this.matcher) if isinstance(this, Not) else excludes(this, that.matcher)
    return False


def all_imply(these: Sequence[Matcher], those: Sequence[Matcher]) -> bool:
    """Whether a request for which all of these hold is one for which all of those do."""
    return all(any(implies(this, that) for this in these) for that in those)


def excludes(this: Matcher, that: Matcher) -> bool:
    """Whether there is no request for which both hold."""
    for one, other in ((this, that), (that, this)):
        if isinstance(one, All):
            return any(excludes(each, other) for each in one.matchers)
        if isinstance(one, Any_):
            return all(excludes(each, other) for each in one.matchers)
        if isinstance(one, Not):
            return implies(other, one.matcher)
    if not isinstance(this, ATOMS) or not isinstance(that, ATOMS):
        return False
    if this.look != that.look:
        return False
    if is_absence(this.test) or is_absence(that.test):
        return follows(this.test, Exists(True)) or follows(that.test, Exists(True))
    return this.KEY in ONE_VALUE and disjoint(this.test, that.test)


def always_follows(this: Test, that: Test) -> bool:
    """Whether `that` passes whatever `this` passes, of the same values."""
    return this == that or (not is_absence(this) and not is_absence(that) and follows(this, that))


def is_absence(test: Test) -> bool:
    """Whether it is a test of all values that are found, and not of one of them."""
    return isinstance(test, Exists) and not test.wanted


def contradiction(when: Sequence[Matcher]) -> str:
    """Why these never hold together, empty where that is not certain."""
    conditions = tuple(spread(when))[:MOST_CONDITIONS]
    for condition in conditions:
        if never(condition):
            return f"{told(condition)} never holds"
    for this, that in combinations(conditions, 2):
        if excludes(this, that):
            return f"{told(this)} and {told(that)} exclude each other"
    for choice in conditions:
        if isinstance(choice, Any_) and all(
            contradiction([each]) or any(excludes(each, other) for other in conditions if other is not choice)
            for each in choice.matchers
        ):
            return f"{told(choice)} and the other conditions exclude each other"
    return ""


def spread(when: Sequence[Matcher]) -> Iterator[Matcher]:
    """The matchers, with those of each `all` in place of it."""
    for matcher in when:
        if isinstance(matcher, All):
            yield from spread(matcher.matchers)
        else:
            yield matcher


def never(matcher: Matcher) -> bool:
    """Whether a matcher that looks at something holds for nothing that it could find."""
    if not isinstance(matcher, ATOMS):
        return False
    return is_impossible(matcher.test) or (matcher.KEY == "turn" and is_no_turn(matcher.test))


def is_no_turn(test: Test) -> bool:
    """Whether no whole number from 1 will do."""
    if isinstance(test, OneOf):
        return not any(isinstance(v, int | float) and v >= 1 and v == floor(v) for v in test.values)
    ranges = [
        each for each in (test.tests if isinstance(test, Both) else (test,)) if isinstance(each, Between)
    ]
    low = max([0.0, *(each.low for each in ranges if each.low is not None)])
    high = min([inf, *(each.high for each in ranges if each.high is not None)])
    return low == inf or floor(low) + 1 >= high


def told(matcher: Matcher) -> str:
    """A matcher for a person: the key, and what is expected there."""
    if isinstance(matcher, ATOMS):
        name = f" {matcher.look.name}" if isinstance(matcher, Named) else ""
        return f"{matcher.KEY}{name}: {matcher.test.expected}"
    return "`any`" if isinstance(matcher, Any_) else "`not`" if isinstance(matcher, Not) else "a condition"


# --- Tests of one value ------------------------------------------------------------------------------


def follows(this: Test, that: Test) -> bool:
    """Whether `that` holds for each value for which `this` does."""
    if this == that:
        return True
    if isinstance(that, Both):
        return all(follows(this, each) for each in that.tests)
    if isinstance(this, OneOf):
        return all(holds(that, value, unsure=False) for value in this.values)
    if isinstance(this, Both):
        return any(follows(each, that) for each in this.tests)
    if isinstance(this, Only):
        if isinstance(that, Only):
            return this.type is that.type and follows(this.test, that.test)
        return follows(this.test, that)
    if isinstance(that, Exists):
        return that.wanted and is_of_something(this)
    if isinstance(this, Between) and isinstance(that, Between):
        return covers(that, this)
    if isinstance(that, Like):
        return is_likened(this, that)
    if isinstance(that, Contains):
        return is_contained(this, that)
    return False


def holds(test: Test, value: object, *, unsure: bool) -> bool:
    """Whether a test holds for a value; `unsure` where it is not for values of this type."""
    try:
        return test.holds(value) is not None
    except TypeError:
        return unsure


def is_of_something(test: Test) -> bool:
    """Whether it holds for no empty text, and not for null."""
    if isinstance(test, Contains):
        return bool(test.folded)
    return isinstance(test, Between) or (isinstance(test, Like) and any(pieces(test.glob)))


def covers(outer: Between, inner: Between) -> bool:
    low = outer.low is None or (inner.low is not None and inner.low >= outer.low)
    return low and (outer.high is None or (inner.high is not None and inner.high <= outer.high))


def is_likened(this: Test, that: Like) -> bool:
    """Whether the glob of `that`, one literal with `*` before or after it, describes all that `this` does."""
    literal = that.glob.strip("*")
    if any(wild in literal for wild in "*?["):
        return False
    if not literal:
        return isinstance(this, Contains | Like)
    if not isinstance(this, Like):
        return False
    first, last = that.glob.startswith("*"), that.glob.endswith("*")
    of = pieces(this.glob)
    if first and last:
        return any(literal in piece for piece in of)
    return of[-1].endswith(literal) if first else of[0].startswith(literal)


def is_contained(this: Test, that: Contains) -> bool:
    """Whether all texts that `this` describes contain, or start or end with, the literal of `that`."""
    of = ends(this)
    if isinstance(that, StartsWith):
        return of is not None and of[0].startswith(that.folded)
    if isinstance(that, EndsWith):
        return of is not None and of[-1].endswith(that.folded)
    return of is not None and any(that.folded in piece for piece in of)


def ends(test: Test) -> list[str] | None:
    """What the texts of a test have in common, folded: how they start, what is in them, how they end."""
    if isinstance(test, StartsWith):
        return [test.folded, ""]
    if isinstance(test, EndsWith):
        return ["", test.folded]
    if isinstance(test, Contains):
        return ["", test.folded, ""]
    # Folding goes letter by letter: a folded text is its folded pieces, put together.
    return [fold(piece) for piece in pieces(test.glob)] if isinstance(test, Like) else None


def pieces(glob: str) -> list[str]:
    """The literal texts of a glob: the first starts each name that it describes, the last ends it."""
    if "[" in glob:
        return [*pieces(glob.partition("[")[0])[:1], ""]
    return glob.replace("?", "*").split("*")


def is_impossible(test: Test) -> bool:
    """Whether there is no value for which it holds."""
    if isinstance(test, Between):
        return test.low is not None and test.high is not None and test.low >= test.high
    if isinstance(test, Both):
        return any(is_impossible(t) for t in test.tests) or any(
            disjoint(a, b) for a, b in combinations(test.tests, 2)
        )
    return False


def disjoint(this: Test, that: Test) -> bool:
    """Whether there is no value for which both hold."""
    for one, other in ((this, that), (that, this)):
        if isinstance(one, OneOf):
            return not any(holds(other, value, unsure=True) for value in one.values)
        if isinstance(one, Both):
            return any(disjoint(each, other) for each in one.tests)
        if is_absence(one):
            return is_of_something(other)
    if isinstance(this, Only) and isinstance(that, Only) and this.type is not that.type:
        return True
    if isinstance(this, Only):
        return disjoint(this.test, that)
    if isinstance(that, Only):
        return disjoint(this, that.test)
    if isinstance(this, Between) and isinstance(that, Between):
        low = max(-inf if one.low is None else one.low for one in (this, that))
        return low >= min(inf if one.high is None else one.high for one in (this, that))
    here, there = ends(this), ends(that)
    if here is None or there is None:
        return False
    starts = here[0].startswith(there[0]) or there[0].startswith(here[0])
    return not starts or not (here[-1].endswith(there[-1]) or there[-1].endswith(here[-1]))
