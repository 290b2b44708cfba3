"""A running server, asked over its control API by `understudy outage` and `understudy requests`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from http.client import HTTPException
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

from understudy.errors import SettingsError

NO_SERVER = "start one with `understudy serve`, or say with --url where it is"
CONTROL_S = 10.0
SILENCE_S = 40.0
"""How long a live stream may be silent: it says every 15 s that it is alive."""
AGAIN_S = 1.0
"""How long to wait before a stream that broke off is opened again."""


class Gone(SettingsError):
    """Nobody answers, or not any more."""


class Event(NamedTuple):
    """A server-sent event; one without data tells a place in the stream alone."""

    id: str
    kind: str
    data: str


class Remote(NamedTuple):
    """A server: its URL (with `/@name`, a space of it), and its control token."""

    url: str
    token: str | None = None

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON that a control call is answered with. Raises SettingsError with what to do."""
        with self._opened(method, path, body, {}, CONTROL_S) as answer:
            try:
                return json.load(answer)
            except (OSError, HTTPException, ValueError) as problem:
                raise self._gone(path, problem) from None

    def events(self, path: str, last: str) -> Iterator[Event]:
        """The events of a stream, behind the one with the id `last`. Raises Gone at its end."""
        headers = {"Last-Event-ID": last} if last else {}
        with self._opened("GET", path, None, headers, SILENCE_S) as stream:
            try:
                yield from events(stream)
            except (OSError, HTTPException, ValueError) as problem:
                raise self._gone(path, problem) from None
        raise Gone(self._named(path), "", "the stream has ended")

    def _opened(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str],
        patience: float,
    ) -> Any:
        sent = {"Content-Type": "application/json", **headers}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        try:
            call = Request(self._named(path), data, sent, method=method)
            return build_opener(ProxyHandler({})).open(call, timeout=patience)
        except HTTPError as refused:
            with refused:
                reason = said(refused.read())
            raise SettingsError(self._named(path), "", f"the server refuses: {reason}") from None
        except (OSError, HTTPException, ValueError) as problem:
            raise self._gone(path, problem) from None

    def _gone(self, path: str, problem: Exception) -> Gone:
        reason = getattr(problem, "reason", problem)
        return Gone(self._named(path), "", f"no server answers there: {reason}; {NO_SERVER}")

    def _named(self, path: str) -> str:
        return f"{self.url.rstrip('/')}/_understudy/{path}"


def followed(
    remote: Remote,
    path: str,
    missing: Callable[[str], object],
    wait: Callable[[float], object],
) -> Iterator[Event]:
    """The events of a stream that is opened again whenever it breaks off; `missing` is told why, once.

    Raises SettingsError where it cannot be opened to begin with, or is refused.
    """
    last, there, found = "", False, False
    while True:
        try:
            for event in remote.events(path, last):
                last, there, found = event.id, True, True
                yield event
        except Gone as gone:
            if not found:
                raise
            if there:
                missing(gone.message.partition(";")[0])
            there = False
        wait(AGAIN_S)


def events(lines: Iterable[bytes]) -> Iterator[Event]:
    """The events in the lines of a stream."""
    id, kind, data = "", "", list[str]()
    fresh = False
    for raw in lines:
        line = raw.decode(errors="replace").rstrip("\r\n")
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "id":
            id, fresh = value, True
        elif name == "event":
            kind = value
        elif name == "data":
            data.append(value)
        elif not line:
            if data or fresh:
                yield Event(id, kind or "message", "\n".join(data))
            kind, data, fresh = "", [], False


def query(**given: object) -> str:
    """A query of what is not None."""
    return urlencode({name: value for name, value in given.items() if value is not None})


def said(body: bytes) -> str:
    """The message of a control call's error, or what there is in place of one."""
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, TypeError, KeyError):
        return body[:200].decode(errors="replace") or "it does not say why"
