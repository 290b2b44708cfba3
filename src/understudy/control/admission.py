"""Who may use the control API: this machine's own programs, and whoever holds the token."""

from __future__ import annotations

import hmac

from understudy.control.base import Refused
from understudy.model import HttpRequest

LOOPBACK_NAMES = frozenset(("localhost", "127.0.0.1", "::1"))
PASSED_ON = (b"forwarded", b"x-forwarded-for", b"x-real-ip", b"via")
"""Headers by which a proxy says that it asks for somebody else, who may be anywhere."""


def admit(http: HttpRequest, token: str | None) -> None:
    """Let in a token's holder, and a loopback peer that asks for itself by a loopback name."""
    given = (http.header(b"authorization") or "").removeprefix("Bearer ").encode("latin-1")
    if token and hmac.compare_digest(given, token.encode()):
        return
    why = foreign(http)
    if why:
        raise Refused(403, f"the control API is closed to this request: {why}. Give the control token.")


def foreign(http: HttpRequest) -> str:
    """Why a request is not this machine's own; empty where it is."""
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


def host_name(host: str) -> str:
    """The name in a Host header, without its port; an IPv6 address without its brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.rpartition(":")[0].lower() if ":" in host else host.lower()


def is_loopback(peer: str) -> bool:
    return peer == "::1" or peer.removeprefix("::ffff:").startswith("127.")
