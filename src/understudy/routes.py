"""Which provider answers a method and path, and what to say where none does."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from operator import add

from understudy.model import HttpRequest
from understudy.providers.base import Provider

Speakers = tuple[Provider, ...]
"""The providers that have a route, in order; the last whose own the request is answers, or the first."""


class Routes:
    """The routes of all providers. What belongs to none is spelled by whose own it is, or the first."""

    def __init__(self, providers: Sequence[Provider]) -> None:
        self._providers = tuple(providers)
        self._exact: dict[str, dict[str, Speakers]] = {}
        self._patterns: dict[str, tuple[re.Pattern[str], dict[str, Speakers]]] = {}
        for provider in providers:
            for method, path in provider.ROUTES:
                if "{" not in path:
                    table = self._exact.setdefault(path, {})
                else:
                    _, table = self._patterns.setdefault(path, (pattern(path), {}))
                table[method] = (*table.get(method, ()), provider)

    def find(self, http: HttpRequest) -> Provider:
        """The provider that answers; raises the vendor's 404, with a hint, or its 405."""
        methods = self._exact.get(http.target) or self._methods(http.path)
        speakers = methods.get("GET" if http.method == "HEAD" else http.method)
        if speakers is None:
            hint = "" if methods else self._hint(http.path)
            raise self.owner(http).unrouted(http.method, http.path, tuple(methods), hint)
        return speakers[0] if len(speakers) == 1 else meant(speakers, http)

    def owner(self, http: HttpRequest) -> Provider:
        """Whose own a request is that belongs to no route."""
        return meant(self._providers, http)

    def _methods(self, path: str) -> Mapping[str, Speakers]:
        """What there is on a path, by method."""
        found = dict(self._exact.get(path, {}))
        for form, methods in self._patterns.values():
            if form.fullmatch(path):
                for method, speakers in methods.items():
                    found[method] = found.get(method, ()) + speakers
        return found

    def _hint(self, path: str) -> str:
        """A path nearby that there is, if there is one: where the base URL lacks `/v1` or has it twice."""
        short = "/" + "/".join(piece for piece in path.split("/") if piece)
        for nearby in (short, "/v1" + short, short.removeprefix("/v1")):
            if nearby != path and nearby in self._exact:
                return nearby
        return ""


def pattern(path: str) -> re.Pattern[str]:
    """The paths that a route stands for: `{...}` is a piece between slashes, the last one all the rest."""
    pieces = re.split(r"\{[^}]*\}", path)
    holes = ["[^/]+" if "/" in "".join(pieces[i:]) else "(?s:.+)" for i in range(1, len(pieces))]
    return re.compile("".join(map(add, map(re.escape, pieces), (*holes, ""))))


def meant(speakers: Sequence[Provider], http: HttpRequest) -> Provider:
    """The last of these providers whose own the request is, or the first."""
    return next((each for each in reversed(speakers) if each.speaks(http)), speakers[0])


_SPACE = re.compile(r"/@([A-Za-z0-9._~-]{1,100})(?=[/?]|\Z)")


def in_space(target: str) -> tuple[str, str]:
    """The name of the space in `/@name/v1/models`, and the rest; without one, an empty name."""
    found = _SPACE.match(target) if target.startswith("/@") else None
    if found is None:
        return "", target
    rest = target[found.end() :]
    return found[1], rest if rest.startswith("/") else f"/{rest}"
