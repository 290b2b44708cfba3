"""Exchanges as bytes, and back.

    msgpack [ [headers, ...], [body, ...], [parts, ...], [entry, ...] ]

Headers, bodies and the parts of replies are kept once for a batch, and an entry says which are its own: a
client's headers seldom change, and where so much is asked that it matters, the same is asked again and again.
A field that is new goes behind the others and has a default, so that files written before can be read.
"""

from __future__ import annotations

from typing import Any

from msgspec import Raw, Struct, msgpack

from understudy.journal import Exchange, Outcome
from understudy.model import (
    AnyReply,
    CountReply,
    EmbeddingReply,
    HttpRequest,
    ModelsReply,
    Pace,
    Part,
    Reply,
    Stop,
    Usage,
)

NOTHING, GENERATED, EMBEDDED, LISTED, COUNTED = range(5)
"""What the reply of an entry is."""
MOST_SHARED = 4_096
"""Bytes of a body that is compared with others."""


class Said(Struct, array_like=True, gc=False):
    """A Reply, its parts by their place in the batch."""

    parts: int
    stop: Stop
    input: int
    output: int
    reasoning: int
    cached: int
    id: str
    created: int
    seconds: float
    model: str
    others: tuple[Reply, ...]
    encoding: str
    stopped_by: str = ""
    written: int = 0
    written_1h: int = 0


class Entry(Struct, array_like=True, gc=False):
    """One exchange; `headers` and `body` are places in the batch, `kind` says what `reply` is."""

    headers: int
    body: int
    number: int
    at: float
    method: str
    target: str
    peer: str
    api: str
    model: str
    answered_by: str
    stream: bool
    status: int
    input_tokens: int
    output_tokens: int
    sent: int
    seconds: float
    outcome: Outcome
    answer: bytes
    error: str
    warning: str
    faults: tuple[str, ...]
    pace: Pace | None
    kind: int
    reply: Raw


class Batch(Struct, array_like=True, gc=False):
    headers: tuple[tuple[bytes, ...], ...]
    bodies: tuple[bytes, ...]
    parts: tuple[tuple[Part, ...], ...]
    entries: tuple[Entry, ...]


_encode = msgpack.Encoder().encode
_batch = msgpack.Decoder(Batch)
_said = msgpack.Decoder(Said)
_OTHERS: tuple[tuple[int, type, msgpack.Decoder[Any]], ...] = (
    (EMBEDDED, EmbeddingReply, msgpack.Decoder(EmbeddingReply)),
    (LISTED, ModelsReply, msgpack.Decoder(ModelsReply)),
    (COUNTED, CountReply, msgpack.Decoder(CountReply)),
)
_KINDS = {type: kind for kind, type, _ in _OTHERS}
_DECODERS = {kind: decoder for kind, _, decoder in _OTHERS}


class Gathering:
    """A batch of one space that grows. `first` and `last` are the lowest and the highest number in it."""

    __slots__ = (
        "_bodies",
        "_body_places",
        "_header_place",
        "_header_places",
        "_headers",
        "_last_parts",
        "_parts",
        "_parts_place",
        "_parts_places",
        "entries",
        "first",
        "last",
        "size",
        "space",
    )

    def __init__(self, space: str) -> None:
        self.space = space
        self.first = self.last = self.size = 0
        self.entries: list[bytes] = []
        self._headers: tuple[bytes, ...] | None = None  # the last ones
        self._header_place = 0
        self._header_places: dict[tuple[bytes, ...], int] = {}
        self._bodies: list[bytes] = []
        self._body_places: dict[bytes, int] = {}
        self._parts: list[tuple[Part, ...]] = []
        self._parts_places: dict[int, int] = {}
        self._parts_place = 0
        self._last_parts: tuple[Part, ...] | None = None

    def add(self, exchange: Exchange) -> int:
        """Add a closed exchange; about how many bytes it takes."""
        http, number = exchange.http, exchange.number
        size = 0
        if http.headers is not self._headers:
            self._headers = http.headers
            self._header_place = self._header_places.setdefault(http.headers, len(self._header_places))
        short = len(http.body) <= MOST_SHARED
        place = self._body_places.get(http.body) if short else None
        if place is None:
            place = len(self._bodies)
            self._bodies.append(http.body)
            size = len(http.body) + exchange.size
            if short:
                self._body_places[http.body] = place
        kind, reply = self._replied(exchange.reply)
        entry = _encode(
            (  # an Entry, without the struct: this is done while the next request waits
                self._header_place,
                place,
                number,
                exchange.at,
                http.method,
                http.target,
                http.peer,
                exchange.api,
                exchange.model,
                exchange.answered_by,
                exchange.stream,
                exchange.status,
                exchange.input_tokens,
                exchange.output_tokens,
                exchange.sent,
                exchange.seconds,
                exchange.outcome,
                exchange.answer,
                exchange.error,
                exchange.warning,
                exchange.faults,
                exchange.pace,
                kind,
                reply,
            )
        )
        if number > self.last:
            self.last = number
        if number < self.first or not self.first:
            self.first = number
        self.entries.append(entry)
        size += len(entry)
        self.size += size
        return size

    def _replied(self, reply: AnyReply | None) -> tuple[int, object]:
        if type(reply) is Reply:
            parts, usage = reply.parts, reply.usage
            if parts is not self._last_parts:
                self._share(parts)
            return GENERATED, (
                self._parts_place,
                reply.stop,
                usage.input,
                usage.output,
                usage.reasoning,
                usage.cached,
                reply.id,
                reply.created,
                reply.seconds,
                reply.model,
                reply.others,
                reply.encoding,
                reply.stopped_by,
                usage.written,
                usage.written_1h,
            )
        if reply is None:
            return NOTHING, None
        return _KINDS[type(reply)], reply

    def _share(self, parts: tuple[Part, ...]) -> None:
        """Find the place of these parts, which are compared by identity: more would cost too much."""
        self._last_parts = parts
        place = self._parts_places.get(id(parts))
        if place is None:
            place = self._parts_places[id(parts)] = len(self._parts)
            self._parts.append(parts)
        self._parts_place = place

    def packed(self) -> bytes:
        """The bytes of the batch: an array of four, the last of which holds the entries as they are."""
        shared = (_encode(tuple(self._header_places)), _encode(self._bodies), _encode(self._parts))
        return b"".join((b"\x94", *shared, b"\xdd", len(self.entries).to_bytes(4), *self.entries))


def unpacked(data: bytes) -> list[Exchange]:
    """The exchanges of a batch. Raises msgspec.MsgspecError."""
    batch = _batch.decode(data)
    return [_exchange(entry, batch) for entry in batch.entries]


def _exchange(entry: Entry, batch: Batch) -> Exchange:
    headers, body = batch.headers[entry.headers], batch.bodies[entry.body]
    return Exchange(
        number=entry.number,
        at=entry.at,
        http=HttpRequest(entry.method, entry.target, headers, body, entry.peer),
        api=entry.api,
        model=entry.model,
        answered_by=entry.answered_by,
        stream=entry.stream,
        status=entry.status,
        input_tokens=entry.input_tokens,
        output_tokens=entry.output_tokens,
        sent=entry.sent,
        seconds=entry.seconds,
        outcome=entry.outcome,
        answer=entry.answer,
        reply=_reply(entry, batch),
        error=entry.error,
        warning=entry.warning,
        faults=entry.faults,
        pace=entry.pace,
    )


def _reply(entry: Entry, batch: Batch) -> AnyReply | None:
    if entry.kind == NOTHING:
        return None
    if entry.kind != GENERATED:
        other: AnyReply = _DECODERS[entry.kind].decode(entry.reply)
        return other
    said = _said.decode(entry.reply)
    return Reply(
        batch.parts[said.parts],
        said.stop,
        Usage(said.input, said.output, said.reasoning, said.cached, said.written, said.written_1h),
        said.id,
        said.created,
        said.seconds,
        said.model,
        said.others,
        said.encoding,
        stopped_by=said.stopped_by,
    )
