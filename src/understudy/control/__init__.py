"""The control API, `/_understudy/...`, and the server's own pages: one visible route table.

It answers to loopback peers that call it by a loopback name and are no foreign web page and no proxy,
or to whoever holds the control token. It sends no CORS headers; the server's own pages do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from understudy.control import outage, requests, rules, spaces, verify, world
from understudy.control.admission import admit
from understudy.control.base import Call, Controlled, Outages, Refused, Route, Spaces, answer
from understudy.control.pages import PAGES
from understudy.control.requests import readable
from understudy.errors import SettingsError
from understudy.model import HttpRequest, Steps
from understudy.routes import in_space
from understudy.whole import CORS

__all__ = ["PREFIX", "ROUTES", "Control", "Controlled", "Outages", "Spaces", "is_call", "readable"]

PREFIX = "/_understudy"


def start_over(call: Call) -> dict[str, Any]:
    """All as at the start."""
    call.on.reset()
    return {"ok": True}


ROUTES: tuple[Route, ...] = (
    *rules.ROUTES,
    *requests.ROUTES,
    *world.ROUTES,
    *outage.ROUTES,
    *spaces.ROUTES,
    *verify.ROUTES,
    ("POST", "/reset", start_over),
)


class Control:
    """Answers control calls and the server's own pages."""

    def __init__(self, on: Controlled, token: str | None) -> None:
        self._on = on
        self._token = token

    def handle(self, http: HttpRequest) -> Steps | None:
        """The steps that answer a call or show a page; None where neither is asked for."""
        if (page := PAGES.get(http.path)) is not None and http.method in ("GET", "HEAD"):
            return answer(200, page(self._on, http, known()), CORS)
        if not is_call(http):
            return None
        try:
            admit(http, self._token)
            answered = self._answered(http)
            return answered if isinstance(answered, Iterator) else answer(200, answered)
        except Refused as refused:
            return answer(refused.status, refused.body)
        except SettingsError as mistake:
            told = {"message": str(mistake)} | ({"path": mistake.path} if mistake.path else {})
            return answer(400, {"error": told})
        except RecursionError:
            return answer(400, {"error": {"message": "the body is nested too deeply"}})

    def _answered(self, http: HttpRequest) -> Any:
        """The JSON that answers a call, or the steps that do."""
        path = http.path.removeprefix(PREFIX)
        method = "GET" if http.method == "HEAD" else http.method
        allowed = []
        for verb, route, call in ROUTES:
            rest = path.removeprefix(route) if route.endswith("/") and path.startswith(route) else ""
            if path != route and not rest:
                continue
            if verb == method:
                return call(Call(self._on, http, rest))
            allowed.append(verb)
        if allowed:
            raise Refused(405, f"{http.method} is not possible on {http.path}; try {' or '.join(allowed)}")
        raise Refused(404, f"there is no {http.path}; there are {', '.join(known())}")


def is_call(http: HttpRequest) -> bool:
    """Whether this is a control call; whether it is let in is another question."""
    path = in_space(http.path)[1]
    return path == PREFIX or path.startswith(PREFIX + "/")


def known() -> list[str]:
    """The calls that there are, as `GET /_understudy/requests/{id}`."""
    return [f"{verb} {PREFIX}{route}{'{id}' if route[-1] == '/' else ''}" for verb, route, _ in ROUTES]
