"""What a matcher is, and the tests that all matchers share.

    when:
      user: {starts_with: tell me}
      ^^^^  ^^^^^^^^^^^^^^^^^^^^^^
      a matcher looks at something   a test says whether a value will do

A matcher is a frozen value with `match(request) -> Verdict`, and `facts()` from which the index of a rule
set is built. Most of them are five lines: a `Looking` with a KEY, a KIND and `look`. Whatever has a shape of
its own reads itself: all that is asked of it is to be a `Matcher`, and of its class to be a `Reader`.

Rules for editing this file: a value form is one `Test` class and one line in FORMS; nothing here knows a key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import translate
from typing import Any, ClassVar, Protocol, Self

from msgspec import Struct

from understudy.errors import Place
from understudy.model import Request

Groups = Mapping[str, str]
NO_GROUPS: Groups = {}
Values = tuple[object, ...]
Look = Callable[[Request], Values]
SHOWN = 60
"""How much of a text found is shown in a verdict, in characters."""


def fold(text: str) -> str:
    """The text for comparing whatever the case."""
    return text.casefold()


def size(values: Values) -> int:
    """How many characters there are in values, roughly: what it costs to keep them."""
    count = 0
    for value in values:
        if isinstance(value, str):
            count += len(value)
        elif isinstance(value, tuple):
            count += size(value)
    return count


# --- Verdicts ----------------------------------------------------------------------------------------


class Verdict(Struct, frozen=True, gc=False):
    """Whether a matcher holds. `groups` are the named groups that a regex captured.

    `why` is put together when somebody asks: most verdicts are only looked at for `ok`.
    """

    ok: bool
    groups: Groups = NO_GROUPS

    @property
    def why(self) -> str:
        """What was expected, and what was found."""
        return ""

    @property
    def nearness(self) -> float:
        """How near the request came, from 0 to 1 (holds)."""
        return float(self.ok)


class Tested(Verdict, frozen=True):
    """The verdict of one test on what the matcher of `key` found."""

    key: str = ""
    test: Test | None = None
    found: Values = ()

    @property
    def why(self) -> str:
        expected = self.test.expected if self.test else "anything"
        return f"{self.key}: expected {expected}, found {shown(self.found)}"

    @property
    def nearness(self) -> float:
        if self.ok or not self.test:
            return 1.0
        return 0.9 * max((self.test.nearness(value) for value in self.found), default=0.0)


class Combined(Verdict, frozen=True):
    """The verdict of `all`, `any` or `not` over the verdicts that were needed to reach it."""

    key: str = "all"
    verdicts: tuple[Verdict, ...] = ()

    @property
    def why(self) -> str:
        if self.key == "all":
            return "; ".join(v.why for v in self.verdicts if v.ok == self.ok)
        said = " | ".join(v.why for v in self.verdicts)
        if self.key == "any":
            return f"any: expected one of ({said})"
        return f"not: expected none of ({said})"

    @property
    def nearness(self) -> float:
        if self.ok:
            return 1.0
        if self.key == "not" or not self.verdicts:
            return 0.0
        near = [v.nearness for v in self.verdicts]
        return max(near) if self.key == "any" else sum(near) / len(near)


def shown(values: Values) -> str:
    """Values for a person: quoted, each shortened, at most three."""
    if not values:
        return "nothing"
    more = f" and {len(values) - 3} more" if len(values) > 3 else ""
    return ", ".join(spelled(value) for value in values[:3]) + more


def spelled(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return "nothing" if value is None else str(value)
    if not value:
        return "an empty text"
    return repr(value if len(value) <= SHOWN else value[: SHOWN - 3] + "...")


# --- Facts: what the index of a rule set can use -----------------------------------------------------


class Fact(Struct, frozen=True, gc=False):
    """Something that must be true of a request for the matcher to hold.

    One of the values that `look` finds is one of `literals` (`exact`), or else contains one of them once
    folded; the literals are folded then.
    """

    look: Look
    literals: Values
    exact: bool


class Matcher(Protocol):
    """A condition on a request."""

    def match(self, request: Request) -> Verdict: ...

    def facts(self) -> tuple[Fact, ...]:
        """Each of them is necessary; none when nothing can be said."""
        ...

    def captures(self) -> frozenset[str]:
        """The groups that a verdict may have."""
        ...

    def looks(self) -> frozenset[Look]:
        """What the verdict depends on: it is the same for requests in which all of these find the same."""
        ...

    @property
    def at_scene(self) -> bool:
        """Whether it looks at the request's scene, so that the same body may get another verdict."""
        ...


class Reader(Protocol):
    """The class of a matcher: its key in `when`, and how it reads the value there."""

    @property
    def KEY(self) -> str: ...

    def read(self, value: object, place: Place) -> Matcher:
        """Raises SettingsError at `place` for a mistake."""
        ...


# --- Tests: the value forms --------------------------------------------------------------------------


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
    """Whether there is a value at all; an empty text counts as none."""

    wanted: bool

    def passes(self, values: Values) -> Groups | None:
        there = any(value not in (None, "") for value in values)
        return NO_GROUPS if there is self.wanted else None

    def holds(self, value: object) -> Groups | None:
        return self.passes((value,))

    @property
    def expected(self) -> str:
        return "something" if self.wanted else "nothing"


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


# --- Reading a value ---------------------------------------------------------------------------------


class Kind(Struct, frozen=True, gc=False):
    """What sort of value a matcher looks at, and which forms suit it."""

    noun: str
    type: type
    bare: Callable[[Any], Test]
    forms: tuple[str, ...]


def glob(name: str) -> Test:
    if not any(wild in name for wild in "*?["):
        return OneOf((name,))
    return Like(name, re.compile(translate(name)))


def equal(value: object) -> Test:
    return OneOf((value,))


LETTERS = ("equals", "contains", "starts_with", "ends_with", "regex", "one_of", "exists")
TEXT = Kind("a text", str, Contains.of, LETTERS)
NAME = Kind("a name", str, glob, LETTERS)
NUMBER = Kind("a number", int, equal, ("equals", "one_of", "gt", "lt"))
FLAG = Kind("true or false", bool, equal, ("equals",))


def one(value: object, kind: Kind, place: Place) -> Any:
    """The value, if it is of this kind."""
    fits = isinstance(value, int | float) if kind.type is int else isinstance(value, kind.type)
    if fits and (kind.type is bool or not isinstance(value, bool)):
        return value
    hint = ""
    if kind.type is str and isinstance(value, bool | int | float):
        hint = f' (put it in quotes: "{spelled(value)}")'
    raise place.error(f"expected {kind.noun}, found {described(value)}{hint}")


def described(value: object) -> str:
    """What a value in a file is, for an error's `found ...`."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    return (
        f"the {'text' if isinstance(value, str) else 'value'} {spelled(value)}"
        if value is not None
        else "nothing"
    )


def several(value: object, kind: Kind, place: Place) -> Values:
    if not isinstance(value, list) or not value:
        raise place.error(f"expected a list of values, found {described(value)}")
    return tuple(one(each, kind, place / i) for i, each in enumerate(value))


def regex(value: object, kind: Kind, place: Place) -> Test:
    pattern = one(value, kind, place)
    try:
        return Matches(re.compile(pattern))
    except re.error as e:
        raise place.error(f"not a regular expression: {e}") from None


def exists(value: object, kind: Kind, place: Place) -> Test:
    return Exists(one(value, FLAG, place))


def over(value: object, kind: Kind, place: Place) -> Test:
    low = one(value, kind, place)
    return Between(low, None, f"a number over {low}")


def under(value: object, kind: Kind, place: Place) -> Test:
    high = one(value, kind, place)
    return Between(None, high, f"a number under {high}")


FORMS: dict[str, Callable[[object, Kind, Place], Test]] = {
    "equals": lambda value, kind, place: OneOf((one(value, kind, place),)),
    "contains": lambda value, kind, place: Contains.of(one(value, kind, place)),
    "starts_with": lambda value, kind, place: StartsWith.of(one(value, kind, place)),
    "ends_with": lambda value, kind, place: EndsWith.of(one(value, kind, place)),
    "regex": regex,
    "one_of": lambda value, kind, place: OneOf(several(value, kind, place)),
    "exists": exists,
    "gt": over,
    "lt": under,
}


def read_test(value: object, kind: Kind, place: Place) -> Test:
    """Read a bare value, or a mapping of forms, which must then all hold."""
    if isinstance(value, list):
        raise place.error(
            f"expected {kind.noun} or a mapping of forms, found a list (for one of several: any)"
        )
    if not isinstance(value, Mapping):
        return kind.bare(one(value, kind, place))
    if not value:
        raise place.error(f"expected a form ({', '.join(kind.forms)}), found an empty mapping")
    tests = tuple(read_form(form, value[form], kind, place) for form in value)
    if len(tests) > 1 and value.get("exists") is False:
        raise (place / "exists").error(
            "what does not exist cannot be tested: let `exists: false` stand alone"
        )
    return tests[0] if len(tests) == 1 else Both(tests)


def read_form(form: object, value: object, kind: Kind, place: Place) -> Test:
    if form not in kind.forms:
        raise place.unknown(f"form for {kind.noun}", str(form), kind.forms)
    return FORMS[str(form)](value, kind, place / str(form))


# --- Matchers that look at something -----------------------------------------------------------------


class Looking(Struct, frozen=True, gc=False):
    """A matcher that tests what `look` finds in a request: one value, several, or none."""

    KEY: ClassVar[str]
    KIND: ClassVar[Kind]
    AT_SCENE: ClassVar[bool] = False

    test: Test

    @staticmethod
    def look(request: Request) -> Values:
        """What there is to test: one value, several, or none."""
        return ()

    @classmethod
    def read(cls, value: object, place: Place) -> Self:
        return cls(read_test(value, cls.KIND, place))

    def match(self, request: Request) -> Verdict:
        found = self.look(request)
        groups = self.test.passes(found)
        if groups is None:
            return Tested(False, NO_GROUPS, self.KEY, self.test, found)
        return Tested(True, groups, self.KEY, self.test, found)

    def facts(self) -> tuple[Fact, ...]:
        if self.test.exact:
            return (Fact(self.look, self.test.exact, True),)
        if self.test.literals:
            return (Fact(self.look, self.test.literals, False),)
        return ()

    def captures(self) -> frozenset[str]:
        return self.test.captures

    def looks(self) -> frozenset[Look]:
        return frozenset({self.look})

    @property
    def at_scene(self) -> bool:
        return self.AT_SCENE


# --- Matchers made of matchers -----------------------------------------------------------------------


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
