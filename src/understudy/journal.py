"""What was asked and what was answered: exchanges, kept in a ring, rendered when somebody looks.

An entry is flat: the request's bytes, a few numbers, and the reply, from which the very bytes can be
made again; what the request was like is read from its bytes again too. Ten thousand live object graphs
would cost a fifth of the throughput in garbage collection, and ten thousand answers a twentieth by
driving everything else out of the processor's caches. Secrets are masked before anything is stored.

    open -> ring (the last, in memory) -- close -> on_close, shelf (stores/: all, in a file)
                      \\___ newest, oldest, find ___/
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from typing import Literal, Protocol
from urllib.parse import unquote_plus

from msgspec import Struct
from msgspec.structs import replace

from understudy.model import Abort, AnyReply, Head, HttpRequest, Pace, Reply, Send, Step, Steps, Text

SECRET_HEADERS = frozenset(
    (
        b"authorization",
        b"proxy-authorization",
        b"x-api-key",
        b"api-key",
        b"x-goog-api-key",
        b"cookie",
        b"ocp-apim-subscription-key",  # Azure's API Management
        b"x-amz-security-token",
        b"cf-aig-authorization",
        b"helicone-auth",
        b"x-portkey-api-key",
        b"x-auth-token",
        b"x-access-token",
    )
)
_SECRET_QUERY = re.compile(r"(?<=[?&])(key|api_key|api-key|access_token)=([^&]*)")
MOST_KEPT = 1 << 20
"""Bytes of a faulted answer that are kept, at most."""
ENTRY_BYTES = 600
"""What an entry costs beside its bytes, about."""
SHORT_SECRET = 8
"""A secret of fewer bytes may be a common word: it is masked in refusals alone, where it stands by itself."""

Whole = tuple[Head, Send]
"""An answer that leaves at once."""

Outcome = Literal["open", "complete", "cut", "client left"]


class Exchange(Struct, gc=False):
    """One request and its answer.

    `at` is when it came, in Unix seconds; `seconds` how long it took, until the last byte was handed
    over; `sent` counts the body's bytes that were really sent; `answered_by` is the rule, or what in
    the autopilot, that answered. `reply` is what was answered; of a request that was refused, or whose
    answer was faulted, `answer` holds the bytes instead. `error` says what was wrong with it, `warning`
    what the vendor would have refused; `faults` names what befell the answer; `pace` is its own, if it
    has one. `closed` counts the ends of exchanges, 0 until its own; `secrets` are what the headers held,
    until it closes.
    """

    number: int
    at: float
    http: HttpRequest
    api: str = ""
    model: str = ""
    answered_by: str = ""
    stream: bool = False
    status: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    sent: int = 0
    seconds: float = 0.0
    outcome: Outcome = "open"
    answer: bytes = b""
    reply: AnyReply | None = None
    error: str = ""
    warning: str = ""
    faults: tuple[str, ...] = ()
    pace: Pace | None = None
    size: int = 0
    """Bytes that the entry keeps alive, about: of the reply alone until it closes, then of all."""
    closed: int = 0
    secrets: tuple[str, ...] = ()
    again: bool = False
    """Whether the answer is one that was given before."""


class Shelf(Protocol):
    """Where the closed exchanges of a journal are kept for longer than in memory."""

    def last(self) -> int:
        """The highest number that was ever given, 0 where there is none."""

    def put(self, exchange: Exchange) -> None:
        """Keep a closed exchange; does not wait until it is kept."""

    def newest(self, below: int) -> Iterator[Exchange]:
        """Those with lower numbers than `below`, the highest first."""

    def oldest(self, above: int, below: int) -> Iterator[Exchange]:
        """Those with numbers between the two, the lowest first."""

    def find(self, number: int) -> Exchange | None:
        """The exchange with this number."""

    def count(self, below: int) -> int:
        """How many have lower numbers than `below`."""

    def clear(self, last: int) -> None:
        """Forget all up to the number `last`, which is remembered as given."""


class Journal:
    """The last exchanges, oldest first: at most `entries`, and at most about `max_bytes`.

    With a `shelf`, all that ended are kept there too; what the memory has no room for is read from it.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        entries: int = 10_000,
        max_bytes: int = 64 << 20,
        shelf: Shelf | None = None,
    ) -> None:
        self.on_close: Callable[[Exchange], object] = _ignore
        self.closes = 0
        self.readers = 0  # of live streams
        self._shelf = shelf
        self._clock = clock
        self._entries = entries
        self._max_bytes = max_bytes
        self._ring: deque[Exchange] = deque()
        self._bytes = 0
        self._count = shelf.last() if shelf else 0
        self._last: tuple[tuple[bytes, ...], tuple[bytes, ...]] = ((), ())
        self._secrets: tuple[str, ...] = ()  # in the headers last seen
        self._forgotten = self._count  # the number up to which all have left the memory
        self._cleared = 0  # the number up to which all were meant to be forgotten

    def open(self, http: HttpRequest) -> Exchange:
        """A new exchange for this request, its secrets masked."""
        self._count += 1
        exchange = Exchange(self._count, self._clock(), self._masked(http))
        exchange.secrets = self._secrets
        self._ring.append(exchange)
        return exchange

    def _masked(self, http: HttpRequest) -> HttpRequest:
        """The request with its secrets masked; the last headers are remembered: they seldom change."""
        headers, kept = self._last
        if http.headers is headers and ("?" not in http.target or not _SECRET_QUERY.search(http.target)):
            return (
                http if kept is headers else HttpRequest(http.method, http.target, kept, http.body, http.peer)
            )
        found = masked(http)
        self._last = http.headers, found.headers
        self._secrets = secrets(http)
        return found

    def watch(self, exchange: Exchange, steps: Steps) -> Iterator[Step]:
        """The same steps; what of them was really taken is noted, and the exchange closed.

        Closed early, the client left. The server resets an answer by throwing a ConnectionResetError
        into it, which says why. Of an answer with faults the bytes are kept, up to `MOST_KEPT`: its reply
        does not tell of them. So they are of an answer that is told again.
        """
        sent = 0
        kept: list[bytes] | None = [] if exchange.faults or exchange.again else None
        outcome: Outcome = "client left"
        try:
            for step in steps:
                if type(step) is Send:
                    if kept is not None and sent < MOST_KEPT:
                        kept.append(step.data[: MOST_KEPT - sent])
                    sent += len(step.data) if exchange.http.method != "HEAD" else 0
                elif type(step) is Head:
                    exchange.status = step.status
                elif type(step) is Abort:
                    outcome = "cut"
                yield step
            outcome = "complete" if outcome != "cut" else outcome
        except ConnectionResetError as reset:
            outcome = "cut"
            exchange.error = exchange.error or str(reset)
            raise
        finally:
            if kept is not None:
                exchange.answer = b"".join(kept)
            self._close(exchange, sent, outcome)

    def handed_over(self, exchange: Exchange, whole: Whole) -> Steps:
        """The steps of an answer that leaves at once, which needs no watching: the exchange is closed."""
        head, send = whole
        exchange.status = head.status
        self._close(exchange, 0 if exchange.http.method == "HEAD" else len(send.data), "complete")
        return iter(whole)

    def unanswered(self, http: HttpRequest, by: str, seconds: float, outcome: Outcome) -> None:
        """Note a request that came so many seconds ago, and that `by` left without an answer."""
        exchange = self.open(http)
        exchange.at -= seconds
        exchange.answered_by = by
        self._close(exchange, 0, outcome)

    def _close(self, exchange: Exchange, sent: int, outcome: Outcome) -> None:
        exchange.sent = sent
        exchange.outcome = outcome
        exchange.seconds = self._clock() - exchange.at
        self.closes = exchange.closed = self.closes + 1
        if exchange.secrets:
            hide(exchange)
        if exchange.number > self._forgotten:
            exchange.size += ENTRY_BYTES + len(exchange.http.body) + len(exchange.answer)
            self._bytes += exchange.size
        while len(self._ring) > self._entries or (self._bytes > self._max_bytes and self._ring):
            oldest = self._ring.popleft()
            if oldest.outcome != "open":
                self._bytes -= oldest.size
            self._forgotten = oldest.number
        if self._shelf is not None and exchange.number > self._cleared:
            self._shelf.put(exchange)
        self.on_close(exchange)

    def __iter__(self) -> Iterator[Exchange]:
        """Those in memory, oldest first."""
        return iter(self._ring)

    def __len__(self) -> int:
        """How many there are, in memory and on the shelf."""
        return len(self._ring) + (self._shelf.count(self._kept_from) if self._shelf else 0)

    @property
    def given(self) -> int:
        """The number of the last exchange that was begun."""
        return self._count

    @property
    def _kept_from(self) -> int:
        """The number from which on all are in memory."""
        return self._forgotten + 1

    def newest(self) -> Iterator[Exchange]:
        """All as they are now, the newest first."""
        kept_from = self._kept_from
        yield from reversed(tuple(self._ring))
        if self._shelf is not None:
            yield from self._shelf.newest(kept_from)

    def oldest(self, after: int = 0) -> Iterator[Exchange]:
        """All as they are now with numbers above `after`, the oldest first."""
        kept_from, ring = self._kept_from, tuple(self._ring)
        if self._shelf is not None and after + 1 < kept_from:
            yield from self._shelf.oldest(after, kept_from)
        yield from (exchange for exchange in ring if exchange.number > after)

    def ended(self, since: int) -> list[Exchange]:
        """Those in memory that have ended since `closes` was this, in the order of their ends."""
        found = [exchange for exchange in self._ring if exchange.closed > since]
        return sorted(found, key=lambda exchange: exchange.closed)

    def find(self, number: int) -> Exchange | None:
        """The exchange with this number, if it is still kept."""
        found = next((exchange for exchange in reversed(self._ring) if exchange.number == number), None)
        if found is None and self._shelf is not None and number <= self._forgotten:
            return self._shelf.find(number)
        return found

    def clear(self) -> None:
        """Forget all, also on the shelf; those under way are forgotten too."""
        self._ring.clear()
        self._bytes = 0
        self._forgotten = self._cleared = self._count
        if self._shelf is not None:
            self._shelf.clear(self._count)


def _ignore(exchange: Exchange) -> None:
    """What happens on a close where nobody listens."""


def masked(http: HttpRequest) -> HttpRequest:
    """The request with the secrets in its headers and query masked."""
    headers = http.headers
    target = http.target
    if "?" in target:
        target = _SECRET_QUERY.sub(r"\1=***", target)
    if SECRET_HEADERS.isdisjoint(headers):
        return (
            http if target is http.target else HttpRequest(http.method, target, headers, http.body, http.peer)
        )
    kept = list(headers)
    for i in range(0, len(kept), 2):
        if kept[i] in SECRET_HEADERS:
            kept[i + 1] = mask(kept[i + 1])
    return HttpRequest(http.method, target, tuple(kept), http.body, http.peer)


def mask(secret: bytes) -> bytes:
    """A secret's scheme and first letters: `Bearer sk-a***`; of a short one or any other, nothing."""
    scheme, key = (b"Bearer ", secret[7:]) if secret[:7] == b"Bearer " else (b"", secret)
    if len(key) > 12 and b" " not in key and b"=" not in key:
        return scheme + key[:4] + b"***"
    return scheme + b"***"


def secrets(http: HttpRequest) -> tuple[str, ...]:
    """The secrets in a request's headers and query, without their schemes and names."""
    found: list[bytes] = []
    for name, value in zip(http.headers[::2], http.headers[1::2], strict=True):
        if name == b"cookie":
            found += [pair.partition(b"=")[2].strip() for pair in value.split(b";")]
        elif name in SECRET_HEADERS:
            found.append(value.partition(b" ")[2].strip() or value)
    quoted = [unquote_plus(each[2]) for each in _SECRET_QUERY.finditer(http.target)]
    return (*(secret.decode("latin-1") for secret in found if secret), *filter(None, quoted))


def hide(exchange: Exchange) -> None:
    """Mask the secrets of the request's headers wherever the answer, or what is said of it, quotes them."""
    found, exchange.secrets = exchange.secrets, ()
    if exchange.answer or exchange.error:
        for secret in found:
            hide_quoted(exchange, secret)
    reply = exchange.reply
    if type(reply) is not Reply:
        return
    for secret in found:
        if len(secret) < SHORT_SECRET:
            continue
        for part in reply.parts:
            if type(part) is Text and secret in part.text:
                exchange.reply = reply = without(secret, reply)


def hide_quoted(exchange: Exchange, secret: str) -> None:
    """Mask a secret in the bytes that are kept, and in what is said of them."""
    if len(secret) < SHORT_SECRET and exchange.status not in (401, 403):
        return
    quoted = re.escape(secret)
    if len(secret) < SHORT_SECRET:
        quoted = rf"(?<!\w){quoted}(?!\w)"
    exchange.answer = re.sub(quoted.encode("latin-1"), b"***", exchange.answer)
    exchange.error = re.sub(quoted, "***", exchange.error)


def without(secret: str, reply: Reply) -> Reply:
    """The reply with the secret masked in its texts."""
    parts = [Text(part.text.replace(secret, "***")) if type(part) is Text else part for part in reply.parts]
    return replace(reply, parts=tuple(parts))
