"""Which provider answers a method and path, and what to say where none does."""

from __future__ import annotations

import re
from collections.abc import Sequence

from understudy.model import HttpRequest
from understudy.providers.base import Provider


class Routes:
    """The routes of all providers. The first provider spells the 404s and 405s."""

    def __init__(self, providers: Sequence[Provider]) -> None:
        self._fallback = providers[0]
        self._exact: dict[str, dict[str, Provider]] = {}
        self._prefixes: dict[str, dict[str, Provider]] = {}
        for provider in providers:
            for method, path in provider.ROUTES:
                table, key = (
                    (self._exact, path) if "{" not in path else (self._prefixes, path.partition("{")[0])
                )
                table.setdefault(key, {})[method] = provider

    def find(self, http: HttpRequest) -> Provider:
        """The provider that answers; raises the vendor's 404, with a hint, or its 405."""
        methods = self._exact.get(http.target) or self._methods(http.path)
        method = "GET" if http.method == "HEAD" else http.method
        if methods is None:
            raise self._fallback.unrouted(http.method, http.path, (), self._hint(http.path))
        if method not in methods:
            raise self._fallback.unrouted(http.method, http.path, tuple(methods), "")
        return methods[method]

    def _methods(self, path: str) -> dict[str, Provider] | None:
        if (exact := self._exact.get(path)) is not None:
            return exact
        for prefix, methods in self._prefixes.items():
            if path.startswith(prefix) and len(path) > len(prefix):
                return methods
        return None

    def _hint(self, path: str) -> str:
        """A path nearby that there is, if there is one: where the base URL lacks `/v1` or has it twice."""
        short = "/" + "/".join(piece for piece in path.split("/") if piece)
        for nearby in (short, "/v1" + short, short.removeprefix("/v1")):
            if nearby != path and nearby in self._exact:
                return nearby
        return ""


_SPACE = re.compile(r"/@([A-Za-z0-9._~-]{1,100})(?=[/?]|\Z)")


def in_space(target: str) -> tuple[str, str]:
    """The name of the space in `/@name/v1/models`, and the rest; without one, an empty name."""
    found = _SPACE.match(target) if target.startswith("/@") else None
    if found is None:
        return "", target
    rest = target[found.end() :]
    return found[1], rest if rest.startswith("/") else f"/{rest}"
