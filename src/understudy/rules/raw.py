"""Bytes in place of an answer: the way out where no API's shape is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from msgspec import json

from understudy.errors import Place
from understudy.faults.base import Chance, Fault, Refuse
from understudy.model import Head, Send, Steps

KEYS = ("status", "headers", "body")


FRAMING = ("connection", "content-length", "transfer-encoding")
"""Headers that tell where an answer ends, which the server alone knows."""
NOT_YOURS = "this header goes with the body, the server writes it"


class Raw(Fault, frozen=True, gc=False):
    """This status, these headers (whole lines) and this body, whatever was asked."""

    KEY: ClassVar[str] = "raw"

    status: int
    headers: bytes
    body: bytes

    def apply(self, steps: Steps, chance: Chance, refuse: Refuse) -> Steps:
        return iter((Head(self.status, self.headers, len(self.body)), Send(self.body)))


def read_raw(value: Mapping[str, object], place: Place) -> Raw:
    """Read `{status: 502, headers: {...}, body: "<html>..."}`; a body that is no text is sent as JSON."""
    for key in value:
        if key not in KEYS:
            raise place.unknown("key", str(key), KEYS)
    status = value.get("status", 200)
    if not isinstance(status, int) or isinstance(status, bool) or status not in range(200, 600):
        raise (place / "status").error(f"expected a status from 200 to 599, found {status!r}")
    given = {} if value.get("headers") is None else value["headers"]
    if not isinstance(given, Mapping):
        raise (place / "headers").error(f"expected headers like {{content-type: text/html}}, found {given!r}")
    body = value.get("body", "")
    data = body.encode() if isinstance(body, str) else json.encode(body)
    headers = {"content-type": "text/plain; charset=utf-8" if isinstance(body, str) else "application/json"}
    for name, text in given.items():
        line = f"{name}: {text}"
        if not line.isprintable() or not str(name).strip():
            raise (place / "headers" / str(name)).error("expected a header of one line")
        if str(name).lower() in FRAMING:
            raise (place / "headers" / str(name)).error(NOT_YOURS)
        headers[str(name).lower()] = str(text)
    lines = "".join(f"{name}: {text}\r\n" for name, text in headers.items())
    return Raw(status, lines.encode("latin-1", "replace"), data)
