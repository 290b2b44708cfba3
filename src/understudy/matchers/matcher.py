"""What a matcher is, and what it tells the index of a rule set.

A matcher is a frozen value with `match(request) -> Verdict`, and `facts()` from which the index of a rule
set is built. Whatever has a shape of its own reads itself: all that is asked of it is to be a `Matcher`, and
of its class to be a `Reader`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from understudy.errors import Place
from understudy.matchers.reading import Schema
from understudy.matchers.values import Values
from understudy.matchers.verdicts import Verdict
from understudy.model import Request

Look = Callable[[Request], Values]


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
    """The class of a matcher: its key in `when`, and how it reads the value there.

    The first line of its docstring is what editors show for the key.
    """

    @property
    def KEY(self) -> str: ...

    def read(self, value: object, place: Place) -> Matcher:
        """Raises SettingsError at `place` for a mistake."""
        ...

    def schema(self) -> Schema:
        """The JSON Schema of the values that `read` takes, for editors."""
        ...
