"""Calls about the journal: what was asked, and what was answered."""

from __future__ import annotations

from typing import Any

from msgspec import json

from understudy.control.base import MOST_DIGITS, Call, Refused, Route
from understudy.journal import Exchange

DEFAULT_LIMIT, MOST_LIMIT = 100, 10_000


def listing(call: Call) -> dict[str, Any]:
    """The newest `limit` exchanges, or the first `limit` after number `after`; oldest first."""
    limit, after = call.number("limit", DEFAULT_LIMIT, MOST_LIMIT), call.number("after", 0, 2**63)
    found = [exchange for exchange in call.on.engine.journal if exchange.number > after]
    newest = call.word("after") is None
    shown = found[max(0, len(found) - limit) :] if newest else found[:limit]
    return {"requests": [summary(exchange) for exchange in shown], "total": len(found)}


def one(call: Call) -> dict[str, Any]:
    """An exchange whole."""
    engine = call.on.engine
    number = int(call.rest) if call.rest.isdecimal() and len(call.rest) <= MOST_DIGITS else 0
    found = engine.journal.find(number)
    if found is None:
        raise Refused(404, f"there is no exchange {call.rest!r} in the journal", "id")
    return details(found, engine.sent(found))


def forget(call: Call) -> dict[str, Any]:
    """Forget all exchanges."""
    count = len(call.on.engine.journal)
    call.on.engine.journal.clear()
    return {"deleted": count}


ROUTES: tuple[Route, ...] = (
    ("GET", "/requests", listing),
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


def details(exchange: Exchange, sent: bytes) -> dict[str, Any]:
    """An exchange whole: what was asked and what was really sent, bodies as JSON where they are."""
    http = exchange.http
    headers = zip(http.headers[::2], http.headers[1::2], strict=True)
    return summary(exchange) | {
        "request": {
            "method": http.method,
            "target": http.target,
            "headers": {name.decode("latin-1"): value.decode("latin-1") for name, value in headers},
            "body": readable(http.body),
            "peer": http.peer,
        },
        "response": {"status": exchange.status, "body": readable(sent)},
    }


def readable(data: bytes) -> object:
    """Bytes as JSON where they are, else as text."""
    try:
        return json.decode(data)
    except (ValueError, RecursionError):
        return data.decode(errors="replace")
