"""An exchange as bytes, and back.

    batch = msgpack [ [headers, headers, ...], [entry, entry, ...] ]

Entries are arrays, and the headers of a batch are kept once each: a client's seldom change. A field that is
new goes behind the others and has a default, so that files written before can be read.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Raw, Struct, msgpack

from understudy.journal import Exchange, Outcome
from understudy.model import AnyReply, EmbeddingReply, HttpRequest, ModelsReply, Pace, Reply

REPLIES: tuple[type[AnyReply], ...] = (Reply, EmbeddingReply, ModelsReply)
"""What a reply can be; an entry says which by its place here."""
_KINDS = {kind: number for number, kind in enumerate(REPLIES)}


class Entry(Struct, array_like=True, gc=False):
    """One exchange. `headers` is their place in the batch; `kind` is the reply's, -1 where there is none."""

    headers: int
    number: int
    at: float
    method: str
    target: str
    body: bytes
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
    entries: tuple[Entry, ...]


_encoder = msgpack.Encoder()
_decoder = msgpack.Decoder(Batch)
_reply_decoders = tuple([msgpack.Decoder(kind) for kind in REPLIES])


def packed(exchanges: Sequence[Exchange]) -> bytes:
    """The bytes of closed exchanges."""
    headers: dict[tuple[bytes, ...], int] = {}
    # Tuples, not Entry: a batch is made while answers wait, and needs nothing of a struct.
    entries = [
        (
            headers.setdefault(each.http.headers, len(headers)),
            each.number,
            each.at,
            each.http.method,
            each.http.target,
            each.http.body,
            each.http.peer,
            each.api,
            each.model,
            each.answered_by,
            each.stream,
            each.status,
            each.input_tokens,
            each.output_tokens,
            each.sent,
            each.seconds,
            each.outcome,
            each.answer,
            each.error,
            each.warning,
            each.faults,
            each.pace,
            -1 if each.reply is None else _KINDS[type(each.reply)],
            each.reply,
        )
        for each in exchanges
    ]
    return _encoder.encode((list(headers), entries))


def unpacked(data: bytes) -> list[Exchange]:
    """The exchanges that `packed` made these bytes of. Raises msgspec.MsgspecError."""
    batch = _decoder.decode(data)
    return [_exchange(entry, batch.headers[entry.headers]) for entry in batch.entries]


def _exchange(entry: Entry, headers: tuple[bytes, ...]) -> Exchange:
    return Exchange(
        number=entry.number,
        at=entry.at,
        http=HttpRequest(entry.method, entry.target, headers, entry.body, entry.peer),
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
        reply=None if entry.kind < 0 else _reply_decoders[entry.kind].decode(entry.reply),
        error=entry.error,
        warning=entry.warning,
        faults=entry.faults,
        pace=entry.pace,
    )
