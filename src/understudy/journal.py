"""What was asked and what was answered: exchanges, kept in a ring, rendered when somebody looks.

An entry is flat: the request's bytes, a few numbers, and the reply, from which the very bytes can be
made again; what the request was like is read from its bytes again too. Ten thousand live object graphs
would cost a fifth of the throughput in garbage collection, and ten thousand answers a twentieth by
driving everything else out of the processor's caches. Secrets are masked before anything is stored.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from typing import Literal

from msgspec import Struct

from understudy.model import Abort, AnyReply, Head, HttpRequest, Pace, Send, Step, Steps

SECRET_HEADERS = frozenset(
    (b"authorization", b"proxy-authorization", b"x-api-key", b"api-key", b"x-goog-api-key", b"cookie")
)
_SECRET_QUERY = re.compile(r"(?<=[?&])(key|api_key|api-key|access_token)=[^&]*")
MOST_KEPT = 1 << 20
"""Bytes of a faulted answer that are kept, at most."""
ENTRY_BYTES = 600
"""What an entry costs beside its bytes, about."""

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
    has one.
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


class Journal:
    """The last exchanges, oldest first: at most `entries`, and at most about `max_bytes`."""

    def __init__(self, clock: Callable[[], float], entries: int = 10_000, max_bytes: int = 64 << 20) -> None:
        self.on_close: Callable[[Exchange], object] = _ignore
        self._clock = clock
        self._entries = entries
        self._max_bytes = max_bytes
        self._ring: deque[Exchange] = deque()
        self._bytes = 0
        self._count = 0
        self._last: tuple[tuple[bytes, ...], tuple[bytes, ...]] = ((), ())
        self._forgotten = 0  # the number up to which all are forgotten

    def open(self, http: HttpRequest) -> Exchange:
        """A new exchange for this request, its secrets masked."""
        self._count += 1
        exchange = Exchange(self._count, self._clock(), self._masked(http))
        self._ring.append(exchange)
        return exchange

    def _masked(self, http: HttpRequest) -> HttpRequest:
        """The request with its secrets masked; the last headers are remembered: they seldom change."""
        headers, kept = self._last
        if http.headers is headers and "?" not in http.target:
            return (
                http if kept is headers else HttpRequest(http.method, http.target, kept, http.body, http.peer)
            )
        found = masked(http)
        self._last = http.headers, found.headers
        return found

    def watch(self, exchange: Exchange, steps: Steps) -> Iterator[Step]:
        """The same steps; what of them was really taken is noted, and the exchange closed.

        Closed early, the client left. The server resets an answer by throwing a ConnectionResetError
        into it, which says why. Of an answer with faults the bytes are kept, up to `MOST_KEPT`: its reply
        does not tell of them.
        """
        sent = 0
        kept: list[bytes] | None = [] if exchange.faults else None
        outcome: Outcome = "client left"
        try:
            for step in steps:
                if type(step) is Send:
                    if kept is not None and sent < MOST_KEPT:
                        kept.append(step.data[: MOST_KEPT - sent])
                    sent += len(step.data)
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
        self._close(exchange, len(send.data), "complete")
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
        if exchange.number > self._forgotten:
            exchange.size += ENTRY_BYTES + len(exchange.http.body) + len(exchange.answer)
            self._bytes += exchange.size
        while len(self._ring) > self._entries or (self._bytes > self._max_bytes and self._ring):
            oldest = self._ring.popleft()
            if oldest.outcome != "open":
                self._bytes -= oldest.size
            self._forgotten = oldest.number
        self.on_close(exchange)

    def __iter__(self) -> Iterator[Exchange]:
        return iter(self._ring)

    def __len__(self) -> int:
        return len(self._ring)

    def find(self, number: int) -> Exchange | None:
        """The exchange with this number, if it is still kept."""
        return next((exchange for exchange in reversed(self._ring) if exchange.number == number), None)

    def clear(self) -> None:
        """Forget all; those under way are forgotten too."""
        self._ring.clear()
        self._bytes = 0
        self._forgotten = self._count


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
