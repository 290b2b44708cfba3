"""The prompt cache: which beginnings of prompts were asked to be kept, and until when.

    find(owner, model, caching, tokens, now) -> Found     what would be read and written, changing nothing
    keep(found) -> undo                                   writes it, and keeps what is read longer

    a b c d e f g h           marks at c and h; b was kept before
      b < . . . . h           looked back from h: read a b, write c to h
          c

It writes at marks alone, and finds what was written: a prefix that is the same in two requests, but was
never marked, is not found. There is no clock here; `now` arrives.

Source: see providers/anthropic_messages/prefixes.py, whose words on lookback and lifetime this obeys.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b

from msgspec import Struct

from understudy.model import Caching

MOST_KEPT = 10_000
"""Prefixes in all; of more, those used longest ago go."""
HOUR_S = 3_600


class Kept(Struct, frozen=True, gc=False):
    """A prefix that is kept for `ttl_s` seconds after each use; `until` is in Unix seconds."""

    ttl_s: int
    until: float


class Found(Struct, frozen=True, gc=False):
    """Tokens that a request reads and writes; those to be kept for an hour are `written_1h` of `written`.

    `lives` tells which names are kept for how many seconds from `at`, the time of the request.
    """

    at: float
    read: int = 0
    written: int = 0
    written_1h: int = 0
    lives: tuple[tuple[bytes, int], ...] = ()


class PromptCache:
    """What is kept, by a digest of its owner, its model and itself; what was used last stands last."""

    def __init__(self) -> None:
        self._kept: dict[bytes, Kept] = {}

    def clear(self) -> None:
        self._kept.clear()

    def find(self, owner: str, model: str, caching: Caching, tokens: Sequence[int], now: float) -> Found:
        """What a request reads and writes; `tokens` are those of each of its prefixes."""
        whose = blake2b(f"{owner}\0{model}\0".encode(errors="replace"), digest_size=16).digest()
        names = [whose + prefix.digest for prefix in caching.prefixes]
        ttls = [self._ttl_s(name, now) for name in names]
        hit = longest(caching, [ttl_s > 0 for ttl_s in ttls])
        marks = [
            (name, prefix.ttl_s, size)
            for name, prefix, size, kept in zip(names, caching.prefixes, tokens, ttls, strict=True)
            if prefix.ttl_s and size >= caching.least and not kept
        ]
        read = tokens[hit] if hit >= 0 else 0
        used = [each for each in zip(names[: hit + 1], ttls, strict=False) if each[1]]
        return Found(
            now,
            read,
            max(0, max((size for _, _, size in marks), default=0) - read),
            max(0, max((size for _, ttl_s, size in marks if ttl_s >= HOUR_S), default=0) - read),
            (*used, *((name, ttl_s) for name, ttl_s, _ in marks)),
        )

    def _ttl_s(self, name: bytes, now: float) -> int:
        """For how many seconds after each use a prefix is kept, 0 where it is not."""
        kept = self._kept.get(name)
        return kept.ttl_s if kept is not None and kept.until > now else 0

    def keep(self, found: Found) -> Callable[[], None]:
        """Write what was found, and keep longer what was read. What is given back takes it all back."""
        before = [(name, self._kept.pop(name, None)) for name, _ in found.lives]
        for name, ttl_s in found.lives:
            self._kept[name] = Kept(ttl_s, found.at + ttl_s)
        while len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]

        def undo() -> None:
            for name, kept in reversed(before):
                self._kept.pop(name, None)
                if kept is not None:
                    self._kept[name] = kept

        return undo


def longest(caching: Caching, kept: Sequence[bool]) -> int:
    """Which prefix is read: the first that is kept, looking back from the last mark, then from that before.

    -1 where none is found.
    """
    prefixes = caching.prefixes
    for mark in reversed(range(len(prefixes))):
        if not prefixes[mark].ttl_s:
            continue
        for at in range(mark, -1, -1):
            if prefixes[mark].place - prefixes[at].place >= caching.lookback:
                break
            if kept[at]:
                return at
    return -1
