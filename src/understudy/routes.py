"""Which provider answers a method and path, and what to say where none does.

Paths with holes are kept as a tree of their pieces, so that to find one takes as long as it has pieces, and
no longer where there are many:

    "" - v1 - models - {model}         ""  :generateContent  :countTokens ...
                 \\
                  responses - {id} - input_items
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from understudy.model import HttpRequest
from understudy.providers.base import Provider

Speakers = tuple[Provider, ...]
"""Providers in the order in which they are asked whether a request is their own; where none says so, the last
one answers."""
Methods = dict[str, list[Provider]]
"""The providers that have a route, by its method, in their order."""
MALFORMED = "the route {}: a hole is a whole piece of a path, or stands before a verb at its end"
REST = "{model"
"""How a hole at a path's end begins that takes all the rest, slashes included, as one before a verb does."""
MOST_KNOWN, LONGEST_KNOWN = 4_096, 512
"""How many targets are remembered, and how many letters one may have."""


class Routes:
    """The routes of all providers. What belongs to none is spelled by whose own it is, or the first."""

    def __init__(self, providers: Sequence[Provider]) -> None:
        self._owners: Speakers = (*reversed(providers), providers[0])
        self._exact: dict[str, Methods] = {}
        self._branches = Branch()
        for provider in providers:
            for method, path in provider.ROUTES:
                methods = self._branches.at(path) if "{" in path else self._exact.setdefault(path, {})
                methods.setdefault(method, []).append(provider)
        self._known: dict[tuple[str, str], Speakers] = {}

    def find(self, http: HttpRequest) -> Provider:
        """The provider that answers; raises the vendor's 404, with a hint, or its 405."""
        speakers = self._known.get((http.method, http.target)) or self._sought(http)
        return speakers[0] if len(speakers) == 1 else meant(speakers, http)

    def owner(self, http: HttpRequest) -> Provider:
        """Whose own a request is that belongs to no route."""
        return meant(self._owners, http)

    def _sought(self, http: HttpRequest) -> Speakers:
        """Who may answer, looked for and remembered. What is nearest to the path comes first."""
        path, method = http.path, "GET" if http.method == "HEAD" else http.method
        there = [*([self._exact[path]] if path in self._exact else []), *self._branches.find(path.split("/"))]
        found = [methods[method] for methods in there if method in methods]
        if not found:
            allowed = tuple(dict.fromkeys([each for methods in there for each in methods]))
            hint = "" if allowed else self._hint(path)
            raise self.owner(http).unrouted(http.method, path, allowed, hint)
        asked = [provider for providers in found for provider in reversed(providers)]
        speakers = (*asked, found[0][0]) if len(asked) > 1 else tuple(asked)
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        if len(http.target) <= LONGEST_KNOWN:
            self._known[http.method, http.target] = speakers
        return speakers

    def _hint(self, path: str) -> str:
        """A path nearby that there is, if there is one: where the base URL lacks `/v1` or has it twice."""
        short = "/" + "/".join(piece for piece in path.split("/") if piece)
        for nearby in (short, "/v1" + short, short.removeprefix("/v1")):
            if nearby != path and nearby in self._exact:
                return nearby
        return ""


class Branch:
    """Where paths with holes go on from a piece.

    `pieces` are those that a path may have next, `hole` stands for any. `ends` are the methods of a path
    that ends here; those that end with a model, whose name may have slashes, are in `rests`, by the verb
    behind it: `:generateContent`, or nothing.
    """

    __slots__ = ("ends", "hole", "pieces", "rests")

    def __init__(self) -> None:
        self.pieces: dict[str, Branch] = {}
        self.hole: Branch | None = None
        self.ends: Methods | None = None
        self.rests: dict[str, Methods] = {}

    def at(self, path: str) -> Methods:
        """The methods of a path with holes, none where it is new. Raises ValueError for no such path."""
        branch = self
        *pieces, last = path.split("/")
        for piece in pieces:
            branch = branch._next(piece, path)
        hole, closed, verb = last.partition("}")
        if not hole.startswith("{") or (closed and not verb and hole != REST):
            branch = branch._next(last, path)
            if branch.ends is None:
                branch.ends = {}
            return branch.ends
        if not closed or verb[:1] not in ("", ":") or ":" in verb[1:] or "{" in verb:
            raise ValueError(MALFORMED.format(path))
        return branch.rests.setdefault(verb, {})

    def _next(self, piece: str, path: str) -> Branch:
        if "{" not in piece:
            return self.pieces.setdefault(piece, Branch())
        if not piece.startswith("{") or piece.find("}") != len(piece) - 1:
            raise ValueError(MALFORMED.format(path))
        self.hole = self.hole or Branch()
        return self.hole

    def find(self, pieces: list[str], at: int = 0) -> Iterator[Methods]:
        """The methods of all paths that fit, the nearest first: a piece, a hole for one, a hole for more."""
        if at == len(pieces):
            if self.ends is not None:
                yield self.ends
            return
        piece = pieces[at]
        if piece in self.pieces:
            yield from self.pieces[piece].find(pieces, at + 1)
        if piece and self.hole is not None:
            yield from self.hole.find(pieces, at + 1)
        if self.rests:
            rest = "/".join(pieces[at:])
            name, colon, verb = rest.rpartition(":")
            if name and colon + verb in self.rests:
                yield self.rests[colon + verb]
            if rest and "" in self.rests:
                yield self.rests[""]


def meant(speakers: Speakers, http: HttpRequest) -> Provider:
    """The first of these providers whose own the request is, or the last."""
    return next((each for each in speakers if each.speaks(http)), speakers[-1])


_SPACE = re.compile(r"/@([A-Za-z0-9._~-]{1,100})(?=[/?]|\Z)")


def in_space(target: str) -> tuple[str, str]:
    """The name of the space in `/@name/v1/models`, and the rest; without one, an empty name."""
    found = _SPACE.match(target) if target.startswith("/@") else None
    if found is None:
        return "", target
    rest = target[found.end() :]
    return found[1], rest if rest.startswith("/") else f"/{rest}"
