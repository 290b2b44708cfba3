"""The control API, `/_understudy/...`, and the server's own pages: one visible route table.

It answers to loopback peers that call it by a loopback name and are no foreign web page and no proxy,
or to whoever holds the control token. It sends no CORS headers; the server's own pages do.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from msgspec import Struct, json

from understudy.engine import CORS, Engine
from understudy.errors import Place, SettingsError
from understudy.failures import FAILING_KEYS, FAILING_MODELS
from understudy.journal import Exchange
from understudy.limits import read_limits, written
from understudy.model import Head, HttpRequest, ModelInfo, Send, Steps

PREFIX = "/_understudy"
LOOPBACK_NAMES = frozenset(("localhost", "127.0.0.1", "::1"))
PASSED_ON = (b"forwarded", b"x-forwarded-for", b"x-real-ip", b"via")
"""Headers by which a proxy says that it asks for somebody else, who may be anywhere."""
DEFAULT_LIMIT, MOST_LIMIT = 100, 10_000
MOST_DIGITS = 19
"""Of a number in a call: Python refuses to read very long ones."""


MOST_ADVANCE_S = 1_000_000_000
MOST_OUTAGE_S = 3_600
OUTAGE_KEYS = ("how", "seconds")
OUTAGES = ("refuse", "hang", "reset")

Outage = tuple[str, float | None]
"""How it shows (`refuse`, `hang` or `reset`), and the seconds left, or None without an end."""


class Outages(NamedTuple):
    """What outages are asked of: to begin one, to end the one under way and return it, and what is."""

    begin: Callable[[Any, float | None], None]
    end: Callable[[], Outage | None]
    now: Callable[[], Outage | None]


class Refused(Exception):
    """A control call that cannot be carried out."""

    def __init__(self, status: int, message: str, path: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message} | ({"path": path} if path else {})}


class Call(Struct):
    """One call: its request, and what followed the route's prefix."""

    http: HttpRequest
    rest: str = ""

    def number(self, name: str, default: int, most: int) -> int:
        """A whole number from the query, from 0 to `most`."""
        given = self.word(name)
        if given is None:
            return default
        if not given.isdecimal() or len(given) > MOST_DIGITS or int(given) > most:
            raise Refused(400, f"{name}: expected a number from 0 to {most}, found {given!r}", name)
        return int(given)

    def json(self) -> object:
        """The body's JSON."""
        try:
            return json.decode(self.http.body)
        except (ValueError, RecursionError) as problem:
            raise Refused(400, f"the body is not JSON: {problem}") from None

    def word(self, name: str) -> str | None:
        values = parse_qs(self.http.query).get(name)
        return values[-1] if values else None


class Control:
    """Answers control calls and the server's own pages."""

    def __init__(
        self,
        engine: Engine,
        models: Sequence[ModelInfo],
        version: str,
        reset: Callable[[], None],
        token: str | None,
        outages: Outages,
        scheme: str = "http",
    ) -> None:
        self._engine = engine
        self._models = models
        self._version = version
        self._reset = reset
        self._token = token
        self._outages = outages
        self._scheme = scheme
        self._pages: Mapping[str, Callable[[HttpRequest], dict[str, Any]]] = {
            "/": self._info,
            "/health": self._health,
            "/healthz": self._health,
            "/readyz": self._health,
        }
        self.routes: tuple[tuple[str, str, Callable[[Call], Any]], ...] = (
            ("GET", "/requests", self._list),
            ("GET", "/requests/", self._one),
            ("DELETE", "/requests", self._clear),
            ("GET", "/faults", self._show_faults),
            ("PUT", "/faults", self._set_faults),
            ("DELETE", "/faults", self._clear_faults),
            ("GET", "/limits", self._show_limits),
            ("PUT", "/limits", self._set_limits),
            ("DELETE", "/limits", self._lift_limits),
            ("GET", "/clock", self._show_clock),
            ("POST", "/clock", self._advance_clock),
            ("GET", "/outage", self._show_outage),
            ("POST", "/outage", self._begin_outage),
            ("DELETE", "/outage", self._end_outage),
            ("POST", "/reset", self._start_over),
        )

    def handle(self, http: HttpRequest) -> Steps | None:
        """The steps that answer a call or show a page; None where neither is asked for."""
        if (page := self._pages.get(http.path)) is not None and http.method in ("GET", "HEAD"):
            return answer(200, page(http), CORS)
        if not is_call(http):
            return None
        try:
            self._admit(http)
            return self._answer(http)
        except Refused as refused:
            return answer(refused.status, refused.body)
        except SettingsError as mistake:
            told = {"message": str(mistake)} | ({"path": mistake.path} if mistake.path else {})
            return answer(400, {"error": told})

    def _admit(self, http: HttpRequest) -> None:
        """Let in a token's holder, and a loopback peer that asks for itself by a loopback name."""
        given = (http.header(b"authorization") or "").removeprefix("Bearer ").encode("latin-1")
        if self._token and hmac.compare_digest(given, self._token.encode()):
            return
        why = self._foreign(http)
        if why:
            raise Refused(403, f"the control API is closed to this request: {why}. Give the control token.")

    def _foreign(self, http: HttpRequest) -> str:
        host = http.header(b"host") or ""
        origin = http.header(b"origin")
        if not is_loopback(http.peer):
            return f"it comes from {http.peer}, not from this machine"
        if any(http.header(name) is not None for name in PASSED_ON):
            return "a proxy passed it on"
        if host_name(host) not in LOOPBACK_NAMES:
            return f"its Host is {host!r}, not a loopback name such as localhost"
        if origin is not None and origin.partition("://")[2] != host:
            return f"a web page of {origin!r} sent it"
        if http.header(b"sec-fetch-site") in ("cross-site", "same-site"):
            return "a web page of another site sent it"
        return ""

    def _answer(self, http: HttpRequest) -> Steps:
        path = http.path.removeprefix(PREFIX)
        method = "GET" if http.method == "HEAD" else http.method
        allowed = []
        for verb, route, call in self.routes:
            rest = path.removeprefix(route) if route.endswith("/") and path.startswith(route) else ""
            if path != route and not rest:
                continue
            if verb == method:
                return answer(200, call(Call(http, rest)))
            allowed.append(verb)
        if allowed:
            raise Refused(405, f"{http.method} is not possible on {http.path}; try {' or '.join(allowed)}")
        raise Refused(404, f"there is no {http.path}; there are {', '.join(self._known())}")

    def _known(self) -> list[str]:
        """The calls that there are, as `GET /_understudy/requests/{id}`."""
        return [
            f"{verb} {PREFIX}{route}{'{id}' if route[-1] == '/' else ''}" for verb, route, _ in self.routes
        ]

    # --- the calls -----------------------------------------------------------------------------------

    def _list(self, call: Call) -> dict[str, Any]:
        """The newest `limit` exchanges, or the first `limit` after number `after`; oldest first."""
        limit, after = call.number("limit", DEFAULT_LIMIT, MOST_LIMIT), call.number("after", 0, 2**63)
        found = [exchange for exchange in self._engine.journal if exchange.number > after]
        newest = call.word("after") is None
        shown = found[max(0, len(found) - limit) :] if newest else found[:limit]
        return {"requests": [summary(exchange) for exchange in shown], "total": len(found)}

    def _one(self, call: Call) -> dict[str, Any]:
        found = (
            self._engine.journal.find(int(call.rest))
            if call.rest.isdecimal() and len(call.rest) <= MOST_DIGITS
            else None
        )
        if found is None:
            raise Refused(404, f"there is no exchange {call.rest!r} in the journal", "id")
        return details(found, self._engine.sent(found))

    def _clear(self, call: Call) -> dict[str, Any]:
        count = len(self._engine.journal)
        self._engine.journal.clear()
        return {"deleted": count}

    def _start_over(self, call: Call) -> dict[str, Any]:
        self._reset()
        return {"ok": True}

    def _show_faults(self, call: Call) -> dict[str, Any]:
        return {"faults": self._engine.world.faults.listed()}

    def _set_faults(self, call: Call) -> dict[str, Any]:
        self._engine.world.faults.replace(call.json())
        return self._show_faults(call)

    def _clear_faults(self, call: Call) -> dict[str, Any]:
        self._engine.world.faults.clear()
        return self._show_faults(call)

    def _show_limits(self, call: Call) -> dict[str, Any]:
        return {"limits": written(self._engine.world.limits.limits)}

    def _set_limits(self, call: Call) -> dict[str, Any]:
        self._engine.world.limits.replace(read_limits(call.json(), Place("limits")))
        return self._show_limits(call)

    def _lift_limits(self, call: Call) -> dict[str, Any]:
        self._engine.world.limits.replace(())
        return self._show_limits(call)

    def _show_clock(self, call: Call) -> dict[str, Any]:
        return {"now": self._engine.now(), "ahead": self._engine.world.ahead}

    def _advance_clock(self, call: Call) -> dict[str, Any]:
        self._engine.world.ahead += seconds_of(call.json())
        return self._show_clock(call)

    def _show_outage(self, call: Call) -> dict[str, Any]:
        return {"outage": shown(self._outages.now())}

    def _begin_outage(self, call: Call) -> dict[str, Any]:
        self._outages.begin(*outage_of(call.json() if call.http.body else {}))
        return {"outage": shown(self._outages.now())}

    def _end_outage(self, call: Call) -> dict[str, Any]:
        return {"ended": shown(self._outages.end())}

    # --- the pages -----------------------------------------------------------------------------------

    def _health(self, http: HttpRequest) -> dict[str, Any]:
        return {"status": "ok", "version": self._version, "models": len(self._models)}

    def _info(self, http: HttpRequest) -> dict[str, Any]:
        base = f"{self._scheme}://{http.header(b'host') or 'localhost:8080'}"
        return {
            "name": "understudy",
            "description": "A mock LLM server: answers like the real APIs, without key, bill or network.",
            "version": self._version,
            "base_url": f"{base}/v1",
            "models": [info.id for info in self._models],
            "failing_models": dict(FAILING_MODELS),
            "failing_keys": dict(FAILING_KEYS),
            "endpoints": [
                f"{method} {path}"
                for provider in self._engine.providers.values()
                for method, path in provider.ROUTES
            ],
            "health": f"{base}/health",
            "control_api": self._known(),
            "docs": "README.md",
        }


def answer(status: int, body: object, headers: bytes = b"") -> Steps:
    """The steps of a JSON answer."""
    data = json.format(json.encode(body), indent=2) + b"\n"
    lines = headers + b"content-type: application/json\r\ncache-control: no-store\r\n"
    return iter((Head(status, lines, len(data)), Send(data)))


def is_call(http: HttpRequest) -> bool:
    """Whether this is a control call; whether it is let in is another question."""
    return http.path == PREFIX or http.path.startswith(PREFIX + "/")


def outage_of(wanted: object) -> Outage:
    """How an outage is to show, and for how many seconds.

    Body: {"seconds"?: number, "how"?: "refuse" | "hang" | "reset"}; without seconds, until it is ended.
    """
    place = Place("outage")
    if not isinstance(wanted, dict):
        raise place.error(f'expected an object like {{"seconds": 5, "how": "refuse"}}, found {wanted!r}')
    for key in wanted:
        if key not in OUTAGE_KEYS:
            raise place.unknown("key", str(key), OUTAGE_KEYS)
    how, seconds = wanted.get("how", "refuse"), wanted.get("seconds")
    if how not in OUTAGES:
        place /= "how"
        raise place.error(f"expected refuse, hang or reset, found {how!r}")
    place /= "seconds"
    if seconds is None and how == "refuse":
        raise place.error("missing: while the port is closed, no call can open it again; say how long")
    if seconds is None:
        return how, None
    if type(seconds) not in (int, float) or not 0 < seconds <= MOST_OUTAGE_S:
        raise place.error(f"expected seconds, above 0 and at most {MOST_OUTAGE_S:,}, found {seconds!r}")
    return how, float(seconds)


def seconds_of(wanted: object) -> float:
    """By how much to move the clock. Body: {"advance": seconds}."""
    place = Place("clock")
    if not isinstance(wanted, dict) or "advance" not in wanted:
        raise place.error(f'expected an object like {{"advance": 60}}, found {wanted!r}')
    for key in wanted:
        if key != "advance":
            raise place.unknown("key", str(key), ("advance",))
    seconds = wanted["advance"]
    if type(seconds) not in (int, float) or not 0 <= seconds <= MOST_ADVANCE_S:
        place /= "advance"
        raise place.error(f"expected seconds, from 0 to {MOST_ADVANCE_S:,}, found {seconds!r}")
    return float(seconds)


def shown(outage: Outage | None) -> dict[str, Any] | None:
    if outage is None:
        return None
    how, left = outage
    return {"how": how, "seconds_left": None if left is None else round(left, 3)}


def host_name(host: str) -> str:
    """The name in a Host header, without its port; an IPv6 address without its brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.rpartition(":")[0].lower() if ":" in host else host.lower()


def is_loopback(peer: str) -> bool:
    return peer == "::1" or peer.removeprefix("::ffff:").startswith("127.")


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
