"""Matchers that test what they find in a request: most are five lines, a `Looking` or a `Named`.

when:
  user: {starts_with: tell me}
  ^^^^  ^^^^^^^^^^^^^^^^^^^^^^
  a matcher looks at something   a test says whether a value will do
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

from msgspec import Struct

from understudy.errors import Place
from understudy.matchers.combining import All
from understudy.matchers.forms import Test, Tested
from understudy.matchers.matcher import Fact, Look, Matcher
from understudy.matchers.reading import Kind, Schema, described, read_test, value_schema
from understudy.matchers.values import Values
from understudy.matchers.verdicts import NO_GROUPS, Verdict
from understudy.model import Request


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

    @classmethod
    def schema(cls) -> Schema:
        return value_schema(cls.KIND)

    def match(self, request: Request) -> Verdict:
        return judged(self.KEY, self.test, self.look(request))

    def facts(self) -> tuple[Fact, ...]:
        return facts_of(self.test, self.look, self.look)

    def captures(self) -> frozenset[str]:
        return self.test.captures

    def looks(self) -> frozenset[Look]:
        return frozenset({self.look})

    @property
    def at_scene(self) -> bool:
        return self.AT_SCENE


def judged(key: str, test: Test, found: Values, hide: Callable[[Any], object] | None = None) -> Verdict:
    """The verdict of a test. `hide` gives what the verdict keeps of each value in place of it."""
    groups = test.passes(found)
    kept = found if hide is None else tuple([hide(value) for value in found])
    if groups is None:
        return Tested(False, NO_GROUPS, key, test, kept)
    return Tested(True, groups, key, test, kept)


def facts_of(test: Test, look: Look, texts: Look) -> tuple[Fact, ...]:
    """What a test says of the values that `look` finds; `texts` finds those of them that are texts."""
    if test.exact:
        return (Fact(look, test.exact, True),)
    if test.literals:
        return (Fact(texts, test.literals, False),)
    return ()


class At(Struct, frozen=True, gc=False):
    """Looks at what a request has under a name; equal for equal names, so that the index has one of them."""

    name: str

    def __call__(self, request: Request) -> Values:
        return ()

    @property
    def texts(self) -> Look:
        """Finds the texts alone."""
        return self

    @property
    def hide(self) -> Callable[[Any], object] | None:
        """What a verdict keeps of a value in place of it, if the value is a secret."""
        return None


class Named(Struct, frozen=True, gc=False):
    """A matcher that tests what a request has under a name: `headers: {x-tenant: acme}`.

    AT says how it is looked up, EXAMPLE is shown where something else is found in a file.
    """

    KEY: ClassVar[str]
    KIND: ClassVar[Kind]
    AT: ClassVar[type[At]]
    EXAMPLE: ClassVar[str]
    AT_SCENE: ClassVar[bool] = True

    look: At
    test: Test

    @classmethod
    def read(cls, value: object, place: Place) -> Matcher:
        if not isinstance(value, Mapping) or not value:
            raise place.error(f"expected a mapping like {cls.EXAMPLE}, found {described(value)}")
        matchers = tuple([cls.read_one(str(name), each, place / str(name)) for name, each in value.items()])
        return matchers[0] if len(matchers) == 1 else All(matchers)

    @classmethod
    def read_one(cls, name: str, value: object, place: Place) -> Self:
        return cls(cls.AT(name), read_test(value, cls.KIND, place))

    @classmethod
    def schema(cls) -> Schema:
        return {"type": "object", "additionalProperties": value_schema(cls.KIND), "minProperties": 1}

    def match(self, request: Request) -> Verdict:
        return judged(f"{self.KEY} {self.look.name}", self.test, self.look(request), self.look.hide)

    def facts(self) -> tuple[Fact, ...]:
        return facts_of(self.test, self.look, self.look.texts)

    def captures(self) -> frozenset[str]:
        return self.test.captures

    def looks(self) -> frozenset[Look]:
        return frozenset({self.look})

    @property
    def at_scene(self) -> bool:
        return self.AT_SCENE
