"""The value forms: tests that say whether a value will do.

    when:
      user: {starts_with: tell me}
             ^^^^^^^^^^^^^^^^^^^^ a Test

Rules for editing this file: a value form is one `Test` class here and one line in FORMS, in reading.py.
Nothing here knows a matcher's key.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from msgspec import Struct

from understudy.matchers.values import NULL, Values, fold, shown, spelled
from understudy.matchers.verdicts import NO_GROUPS, Groups, Verdict


class Test(Struct, frozen=True, gc=False):
    """A test of values: it passes when one of them will do."""

    __test__: ClassVar[bool] = False  # not for pytest

    def passes(self, values: Values) -> Groups | None:
        """The groups captured (mostly none) if the test passes, else None."""
        for value in values:
            groups = self.holds(value)
            if groups is not None:
                return groups
        return None

    def holds(self, value: Any) -> Groups | None:
        return NO_GROUPS

    def nearness(self, value: object) -> float:
        """How near a value that fails came, from 0 to 1."""
        return 0.0

    @property
    def expected(self) -> str:
        """What would do, in words that follow `expected`."""
        return "anything"

    @property
    def literals(self) -> tuple[str, ...]:
        """Folded texts of which any passing text, once folded, contains one; empty if none are known."""
        return ()

    @property
    def exact(self) -> Values:
        """The only values that pass; empty if they are not known."""
        return ()

    @property
    def captures(self) -> frozenset[str]:
        return frozenset()


class Contains(Test, frozen=True):
    """Texts that contain this, whatever the case."""

    literal: str
    folded: str

    @classmethod
    def of(cls, literal: str) -> Contains:
        return cls(literal, fold(literal))

    def holds(self, value: str) -> Groups | None:
        # A folded literal found before folding is found after it too: folding is idempotent.
        return NO_GROUPS if self.folded in value or self.folded in fold(value) else None

    def nearness(self, value: object) -> float:
        return shared(self.folded, fold(str(value)))

    @property
    def expected(self) -> str:
        return f"a text that contains {spelled(self.literal)}"

    @property
    def literals(self) -> tuple[str, ...]:
        return (self.folded,) if self.folded else ()


class StartsWith(Contains, frozen=True):
    """Texts that start with this, whatever the case."""

    def holds(self, value: str) -> Groups | None:
        return NO_GROUPS if fold(value).startswith(self.folded) else None

    @property
    def expected(self) -> str:
        return f"a text that starts with {spelled(self.literal)}"


class EndsWith(Contains, frozen=True):
    """Texts that end with this, whatever the case."""

    def holds(self, value: str) -> Groups | None:
        return NO_GROUPS if fold(value).endswith(self.folded) else None

    @property
    def expected(self) -> str:
        return f"a text that ends with {spelled(self.literal)}"


class OneOf(Test, frozen=True):
    """Exactly one of these values: texts to the letter, case included."""

    values: Values

    def holds(self, value: object) -> Groups | None:
        return NO_GROUPS if value in self.values else None

    def nearness(self, value: object) -> float:
        return max(shared(fold(str(each)), fold(str(value))) for each in self.values)

    @property
    def expected(self) -> str:
        said = [spelled(value) for value in self.values]
        return said[0] if len(said) == 1 else f"one of {', '.join(said)}"

    @property
    def exact(self) -> Values:
        return self.values


class Matches(Test, frozen=True):
    """Texts in which the pattern is found; its named groups are captured."""

    pattern: re.Pattern[str]

    def holds(self, value: str) -> Groups | None:
        found = self.pattern.search(value)
        if found is None:
            return None
        if not self.pattern.groupindex:
            return NO_GROUPS
        return {name: text for name, text in found.groupdict().items() if text is not None}

    @property
    def expected(self) -> str:
        return f"a text that matches the regex {spelled(self.pattern.pattern)}"

    @property
    def captures(self) -> frozenset[str]:
        return frozenset(self.pattern.groupindex)


class Like(Test, frozen=True):
    """Names that a glob (`gpt-*`) describes, case included."""

    glob: str
    pattern: re.Pattern[str]

    def holds(self, value: str) -> Groups | None:
        return NO_GROUPS if self.pattern.match(value) else None

    def nearness(self, value: object) -> float:
        return shared(fold(self.glob), fold(str(value)))

    @property
    def expected(self) -> str:
        return f"a name like {spelled(self.glob)}"


class Between(Test, frozen=True):
    """Numbers over `low` and under `high`; None means no limit. `words` says it for a person."""

    low: float | None
    high: float | None
    words: str

    def holds(self, value: float) -> Groups | None:
        over = self.low is None or value > self.low
        return NO_GROUPS if over and (self.high is None or value < self.high) else None

    @property
    def expected(self) -> str:
        return self.words


class Exists(Test, frozen=True):
    """Whether there is a value at all; an empty text and null count as none."""

    wanted: bool

    def passes(self, values: Values) -> Groups | None:
        there = any(value not in (None, "", NULL) for value in values)
        return NO_GROUPS if there is self.wanted else None

    def holds(self, value: object) -> Groups | None:
        return self.passes((value,))

    @property
    def expected(self) -> str:
        return "something" if self.wanted else "nothing"


class Only(Test, frozen=True):
    """A test for values of one type, where there are others too: those do not pass."""

    type: type
    test: Test

    def holds(self, value: object) -> Groups | None:
        fits = isinstance(value, int | float) if self.type is int else isinstance(value, self.type)
        return self.test.holds(value) if fits else None

    def nearness(self, value: object) -> float:
        return self.test.nearness(value)

    @property
    def expected(self) -> str:
        return self.test.expected

    @property
    def literals(self) -> tuple[str, ...]:
        return self.test.literals

    @property
    def captures(self) -> frozenset[str]:
        return self.test.captures


class Both(Test, frozen=True):
    """Several tests, which all pass for the same value."""

    tests: tuple[Test, ...]

    def holds(self, value: object) -> Groups | None:
        groups: dict[str, str] = {}
        for test in self.tests:
            captured = test.holds(value)
            if captured is None:
                return None
            groups.update(captured)
        return groups

    def nearness(self, value: object) -> float:
        near = [1.0 if test.holds(value) is not None else test.nearness(value) for test in self.tests]
        return sum(near) / len(near)

    @property
    def expected(self) -> str:
        return " and ".join(test.expected for test in self.tests)

    @property
    def literals(self) -> tuple[str, ...]:
        return next((test.literals for test in self.tests if test.literals), ())

    @property
    def exact(self) -> Values:
        return next((test.exact for test in self.tests if test.exact), ())

    @property
    def captures(self) -> frozenset[str]:
        return frozenset().union(*(test.captures for test in self.tests))


def shared(literal: str, text: str) -> float:
    """The share of `literal`'s runs of three characters that `text` has: near for a typo or an inflection."""
    if not literal:
        return 0.0
    runs = {literal[i : i + 3] for i in range(max(1, len(literal) - 2))}
    return sum(run in text for run in runs) / len(runs)


class Tested(Verdict, frozen=True):
    """The verdict of one test on what the matcher of `key` found."""

    key: str = ""
    test: Test = Test()
    found: Values = ()

    @property
    def why(self) -> str:
        return f"{self.key}: expected {self.test.expected}, found {shown(self.found)}"

    @property
    def nearness(self) -> float:
        if self.ok:
            return 1.0
        return 0.9 * max((self.test.nearness(value) for value in self.found), default=0.0)
