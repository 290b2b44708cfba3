"""Calls about the journal: what was asked, and what was answered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import msgspec
from msgspec import json

from understudy.control.base import MOST_DIGITS, Call, Refused, Route, answer
from understudy.control.filters import Wanted, wanted
from understudy.explanation import explain
from understudy.journal import Exchange, Journal
from understudy.model import AnyRequest, EmbeddingRequest, Head, Idle, Pause, Reply, Request, Send, Steps

DEFAULT_LIMIT, MOST_LIMIT = 100, 10_000
LARGEST = 2**63
LOOKED_AT, LOOKED_INTO, BREATH_S = 1_000, 50, 0.005
"""So many exchanges are looked at, or into, at a stretch; then others have their turn for so long."""
POLL_S = 0.1
"""How often a live stream looks for what is new."""
QUIET_POLLS = 150
"""After so many looks in vain, a comment tells the reader that the stream is alive."""
MOST_EVENTS = 500
"""Exchanges in a live stream between two looks."""
MOST_READERS = 32
"""Live streams at once, for each journal."""
SSE = b"content-type: text/event-stream\r\ncache-control: no-store\r\n"


def listing(call: Call) -> Steps:
    """The newest `limit` exchanges, or the first `limit` after number `after`, that pass the filters."""
    limit, tests = call.number("limit", DEFAULT_LIMIT, MOST_LIMIT), wanted(call)
    if call.word("after") is None:
        return newest(call.on.engine.journal, limit, tests)
    return oldest(call.on.engine.journal, call.number("after", 0, LARGEST), limit, tests)


def newest(journal: Journal, limit: int, tests: Wanted) -> Steps:
    if not tests.tests:
        shown, total = list(islice(journal.newest(), limit)), len(journal)
    else:
        shown, total = [], 0
        for found in looked_through(journal.newest(), tests):
            if isinstance(found, Pause):
                yield found
                continue
            total += 1
            if total <= limit:
                shown.append(found)
    yield from answer(200, {"requests": [summary(exchange) for exchange in reversed(shown)], "total": total})


def oldest(journal: Journal, after: int, limit: int, tests: Wanted) -> Steps:
    shown: list[Exchange] = []
    total = 0
    for found in looked_through(journal.oldest(after), tests):
        if isinstance(found, Pause):
            yield found
            continue
        total += 1
        if total <= limit:
            shown.append(found)
    yield from answer(200, {"requests": [summary(exchange) for exchange in shown], "total": total})


def looked_through(exchanges: Iterable[Exchange], tests: Wanted) -> Iterator[Exchange | Pause]:
    """Those that pass, and a pause now and then: a file can hold millions."""
    stretch = LOOKED_INTO if tests.looks_inside else LOOKED_AT
    for number, exchange in enumerate(exchanges, 1):
        if tests(exchange):
            yield exchange
        if number % stretch == 0:
            yield Pause(BREATH_S)


def live(call: Call) -> Steps:
    """Each exchange that ends, as a server-sent event.

    It starts with what is new; behind the last `limit`, or with what came after number `after`, if that is
    asked for. `Last-Event-ID` is as good as `after`, and better for a client that was cut off.
    """
    journal, tests = call.on.engine.journal, wanted(call)
    told = call.http.header(b"last-event-id") or call.word("after")
    after = None if told is None else as_number(told)
    limit = call.number("limit", 0, MOST_LIMIT)
    if call.http.method == "HEAD":
        return iter((Head(200, SSE),))
    if journal.readers >= MOST_READERS:
        raise Refused(503, f"{MOST_READERS} live streams are open, as many as there can be")
    return read_live(journal, tests, after, limit)


def as_number(told: str) -> int:
    if not told.isdecimal() or len(told) > MOST_DIGITS:
        raise Refused(400, f"after: expected a number from 0 to {LARGEST}, found {told!r}", "after")
    return int(told)


def read_live(journal: Journal, tests: Wanted, after: int | None, limit: int) -> Steps:
    journal.readers += 1
    try:
        yield Head(200, SSE)
        place = b"id: %d\n" % journal.given if after is None else b""
        yield Send(b"retry: 1000\n%b\n" % place)
        seen = journal.closes
        missed = journal.find(after) if after else None
        if missed is not None and missed.closed:
            seen = missed.closed
        elif after is not None:
            start = after if after <= journal.given else 0  # numbers began anew meanwhile
            yield from events_of(ended(journal.oldest(start), seen), tests)
        elif limit:
            yield from last_events(ended(journal.newest(), seen), tests, limit)
        yield from new_events(journal, tests, seen)
    finally:
        journal.readers -= 1


def ended(exchanges: Iterable[Exchange], seen: int) -> Iterator[Exchange]:
    """Those that had ended when `closes` was `seen`; of those from the file, `closed` is not known."""
    return (each for each in exchanges if each.outcome != "open" and each.closed <= seen)


def events_of(exchanges: Iterable[Exchange], tests: Wanted) -> Steps:
    for found in looked_through(exchanges, tests):
        yield Idle(BREATH_S) if isinstance(found, Pause) else Send(event(found))


def last_events(newest: Iterable[Exchange], tests: Wanted, limit: int) -> Steps:
    """The first `limit` of these, the oldest first."""
    shown: list[Exchange] = []
    for found in looked_through(newest, tests):
        if isinstance(found, Pause):
            yield Idle(BREATH_S)
            continue
        shown.append(found)
        if len(shown) == limit:
            break
    yield Send(b"".join([event(each) for each in reversed(shown)]))


def new_events(journal: Journal, tests: Wanted, seen: int) -> Steps:
    """What has ended since `closes` was `seen`, for ever.

    Nothing waits for a slow reader but the journal itself: what falls out of the memory before it is sent
    is counted in an event `missed`.
    """
    quiet = 0
    while True:
        quiet += 1
        found = journal.ended(seen)[:MOST_EVENTS] if journal.closes != seen else []
        events = []
        for exchange in found:
            if exchange.closed > seen + 1:
                events.append(b'event: missed\ndata: {"missed": %d}\n\n' % (exchange.closed - seen - 1))
            seen = exchange.closed
            if tests(exchange):
                events.append(event(exchange))
        if not found:
            seen = journal.closes
        if quiet == QUIET_POLLS and not events:
            events.append(b": alive\n\n")
        if events:
            quiet = 0
            yield Send(b"".join(events))
        yield Idle(BREATH_S if len(found) == MOST_EVENTS else POLL_S)


def event(exchange: Exchange) -> bytes:
    return b"id: %d\ndata: %b\n\n" % (exchange.number, json.encode(summary(exchange)))


def one(call: Call) -> dict[str, Any]:
    """An exchange whole, and why it was answered so."""
    engine = call.on.engine
    number = int(call.rest) if call.rest.isdecimal() and len(call.rest) <= MOST_DIGITS else 0
    found = engine.journal.find(min(number, LARGEST - 1))
    if found is None:
        raise Refused(404, f"there is no exchange {call.rest!r} in the journal", "id")
    request, book = engine.asked(found), call.on.rulebook
    return details(found, engine.sent(found), request, explain(found, request, book.rules, book.state))


def forget(call: Call) -> dict[str, Any]:
    """Forget all exchanges."""
    count = len(call.on.engine.journal)
    call.on.engine.journal.clear()
    return {"deleted": count}


ROUTES: tuple[Route, ...] = (
    ("GET", "/requests", listing),
    ("GET", "/requests/stream", live),
    ("GET", "/requests/", one),
    ("DELETE", "/requests", forget),
)


def summary(exchange: Exchange) -> dict[str, Any]:
    """An exchange in a line of a list."""
    return {
        "id": exchange.number,
        "at": exchange.at,
        "method": exchange.http.method,
        "path": exchange.http.path,
        "api": exchange.api,
        "model": exchange.model,
        "answered_by": exchange.answered_by,
        "stream": exchange.stream,
        "status": exchange.status,
        "input_tokens": exchange.input_tokens,
        "output_tokens": exchange.output_tokens,
        "bytes_sent": exchange.sent,
        "seconds": round(exchange.seconds, 6),
        "outcome": exchange.outcome,
    } | {name: told for name in ("error", "warning", "faults") if (told := getattr(exchange, name))}


def details(
    exchange: Exchange,
    sent: bytes,
    request: AnyRequest | None = None,
    explanation: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """An exchange whole: what was asked and what was really sent, bodies as JSON where they are.

    `asked` is what `request` came to, `reply` what was answered before it was spelled; neither is there for
    what could not be read or was refused. `explanation` says why this was the answer.
    """
    http = exchange.http
    headers = zip(http.headers[::2], http.headers[1::2], strict=True)
    told = summary(exchange) | {
        "request": {
            "method": http.method,
            "target": http.target,
            "headers": {name.decode("latin-1"): value.decode("latin-1") for name, value in headers},
            "body": readable(http.body),
            "peer": http.peer,
        },
        "response": {"status": exchange.status, "body": readable(sent)},
    }
    if request is not None:
        told["asked"] = neutral(request)
    if isinstance(exchange.reply, Reply):
        told["reply"] = replied(exchange.reply)
    if exchange.pace is not None:
        told["pace"] = msgspec.to_builtins(exchange.pace)
    return told | ({"explanation": dict(explanation)} if explanation is not None else {})


def neutral(request: AnyRequest) -> dict[str, Any]:
    """What a request comes to, whatever API it came by."""
    told: dict[str, Any] = {"operation": request.operation, "model": request.model}
    if isinstance(request, EmbeddingRequest):
        return told | {"inputs": list(request.inputs)}
    if not isinstance(request, Request):
        return told
    return told | {
        "user": request.user,
        "system": request.system,
        "turn": request.turn,
        "messages": [
            {"role": message.role, "parts": msgspec.to_builtins(message.parts)}
            for message in request.messages
        ],
        "tools": [tool.name for tool in request.tools],
        "tool_choice": msgspec.to_builtins(request.tool_choice),
        "response_format": request.response_format.kind,
        "sampling": {
            name: value
            for name, value in msgspec.to_builtins(request.sampling).items()
            if value not in (None, ())
        },
        "stream": request.stream,
        "choices": request.choices,
    }


def replied(reply: Reply) -> dict[str, Any]:
    """A reply as parts, with why it ended and what it cost; `others` are the further choices."""
    told: dict[str, Any] = {
        "parts": msgspec.to_builtins(reply.parts),
        "stop": reply.stop,
        "usage": msgspec.to_builtins(reply.usage),
    }
    if reply.others:
        others = [{"parts": msgspec.to_builtins(each.parts), "stop": each.stop} for each in reply.others]
        told["others"] = others
    return told


def readable(data: bytes) -> object:
    """Bytes as JSON where they are, else as text."""
    try:
        return json.decode(data)
    except (ValueError, RecursionError):
        return data.decode(errors="replace")
