"""Heads of requests that were read before, by their very bytes.

A client sends the same head again and again, and what the parser made of it once it would make of it
every time: method, target, fields, and how long the body is. So a request that comes whole, behind a head
that is known, needs no parser. Only heads are kept of which a request was complete with a body of a known
length, in HTTP/1.1, that wished for nothing else (`Expect`, `Upgrade`) and left the connection open.
"""

from __future__ import annotations

from msgspec import Struct

END = b"\r\n\r\n"
MOST_HEADS, MOST_BYTES = 512, 2_048
"""How many are kept, and how long one may be."""
WISHES = frozenset((b"transfer-encoding", b"expect", b"upgrade"))


class KnownHead(Struct, frozen=True, gc=False):
    """What a head says; `length` is the body's, in bytes."""

    method: str
    target: str
    fields: tuple[bytes, ...]
    length: int


class Heads:
    """The heads that are known; when there are too many, all are forgotten."""

    def __init__(self) -> None:
        self._known: dict[bytes, KnownHead] = {}

    def find(self, data: bytes) -> tuple[KnownHead, bytes] | None:
        """What the head of `data` says, and the body, where it is one whole request whose head is known."""
        end = data.find(END) + 4
        known = self._known.get(data[:end])
        if known is None or len(data) != end + known.length:
            return None
        return known, data[end:]

    def learn(self, data: bytes, method: str, target: str, fields: tuple[bytes, ...], length: int) -> None:
        """Remember the head of `data`, which was one whole request of HTTP/1.1 that keeps its connection."""
        end = data.find(END) + 4
        if end <= MOST_BYTES and len(data) == end + length and WISHES.isdisjoint(fields[::2]):
            if len(self._known) >= MOST_HEADS:
                self._known.clear()
            self._known[data[:end]] = KnownHead(method, target, fields, length)
