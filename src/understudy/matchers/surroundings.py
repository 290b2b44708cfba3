"""Matchers that look at what surrounds a request: its API key, headers and query, and the scenarios' states.

All of it is in the request's scene. Where there is none (a request for embeddings, say), they find nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self
from urllib.parse import parse_qs

from understudy.errors import Place
from understudy.matchers.base import (
    LETTERS,
    NAME,
    TEXT,
    At,
    Kind,
    Looking,
    Named,
    Values,
    Verdict,
    glob,
    judged,
    masked,
    read_test,
)
from understudy.model import Request

STARTED = "Started"
"""The state of a scenario that no rule has put into another yet."""
STATE = Kind("a state", str, glob, tuple(form for form in LETTERS if form != "exists"))
SECRETS = {"authorization", "proxy-authorization", "cookie", "api-key", "x-api-key", "x-goog-api-key", "key"}
"""Headers and parameters whose values a verdict does not show whole."""


class Key(Looking, frozen=True):
    """The API key, wherever the vendor's clients put it; without `Bearer`."""

    KEY = "key"
    KIND = NAME
    AT_SCENE = True

    @staticmethod
    def look(request: Request) -> Values:
        return (request.scene.key,) if request.scene and request.scene.key else ()

    def match(self, request: Request) -> Verdict:
        return judged(self.KEY, self.test, self.look(request), masked)


class Secret(At, frozen=True):
    """What may be a secret, by its name."""

    @property
    def hide(self) -> Callable[[Any], object] | None:
        return masked if self.name in SECRETS else None


class Header(Secret, frozen=True):
    """The values of a header, whose name is in lower case."""

    def __call__(self, request: Request) -> Values:
        if request.scene is None:
            return ()
        headers, name = request.scene.http.headers, self.name.encode("latin-1", "replace")
        return tuple(
            [headers[i + 1].decode("latin-1") for i in range(0, len(headers), 2) if headers[i] == name]
        )


class Headers(Named, frozen=True):
    """Headers of the request, by name, whatever the case of the name."""

    KEY = "headers"
    KIND = TEXT
    AT = Header
    EXAMPLE = "{x-tenant: acme}"

    @classmethod
    def read_one(cls, name: str, value: object, place: Place) -> Self:
        return cls(Header(name.lower()), read_test(value, cls.KIND, place))


class Parameter(Secret, frozen=True):
    """The values of a parameter of the query."""

    def __call__(self, request: Request) -> Values:
        if request.scene is None or not request.scene.http.query:
            return ()
        return tuple(parse_qs(request.scene.http.query, keep_blank_values=True).get(self.name, ()))


class Query(Named, frozen=True):
    """Parameters of the URL's query, by name."""

    KEY = "query"
    KIND = TEXT
    AT = Parameter
    EXAMPLE = "{team: blue}"


class State(At, frozen=True):
    """The state of a scenario."""

    def __call__(self, request: Request) -> Values:
        return (request.scene.scenarios.get(self.name, STARTED),) if request.scene else ()


class Scenario(Named, frozen=True):
    """The states of scenarios, by name; `Started` until a rule's `then` sets another."""

    KEY = "scenario"
    KIND = STATE
    AT = State
    EXAMPLE = "{checkout: paid}"
