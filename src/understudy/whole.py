"""What is answered without a reply: refusals, bugs of ours, a browser's question; and headers of ours."""

from __future__ import annotations

from understudy.errors import Failure
from understudy.journal import Whole
from understudy.model import Broken, Head, HttpRequest, Send, Steps
from understudy.providers.base import HttpReply

CORS = b"access-control-allow-origin: *\r\naccess-control-expose-headers: *\r\n"
MOST_WARNING = 1_000
"""Characters of the header that tells what the vendor would have said."""


def whole(reply: HttpReply) -> Whole:
    """The steps of an answer that is there already."""
    return Head(reply.status, CORS + reply.headers, len(reply.body)), Send(reply.body)


def broken(name: str) -> Failure:
    """Our own fault, never dressed as the vendor's: a 500 that says so; `name` is the exception's."""
    return Failure(
        500,
        "server",
        f"This is a bug of Understudy's, not an answer of the API that it imitates: {name}. "
        "Its log has the details; please report them.",
        code="understudy_bug",
        headers=(("x-understudy-bug", name), ("x-should-retry", "false")),
    )


def warning_header(warning: str) -> bytes:
    """The header that tells what the vendor would have said, in plain ASCII on one line."""
    words = warning.encode("ascii", "replace").translate(None, bytes((*range(32), 127)))
    return b"x-understudy-warning: %b\r\n" % words[:MOST_WARNING]


def with_headers(lines: bytes, own: bytes) -> bytes:
    """The header lines with `own` among them, which take the place of those of the same name.

    Clients read two values of a name as one, `mine, req_1`.
    """
    names = {line.partition(b":")[0] for line in own.splitlines()}
    kept = [line for line in lines.splitlines(keepends=True) if line.partition(b":")[0] not in names]
    return b"".join(kept) + own


def preflight(http: HttpRequest) -> Steps:
    """The answer to a browser's question whether it may ask: yes, from anywhere."""
    wanted = http.header(b"access-control-request-headers") or "*"
    headers = (
        f"access-control-allow-methods: GET, POST, PUT, PATCH, DELETE, OPTIONS, HEAD\r\n"
        f"access-control-allow-headers: {wanted}\r\n"
        "access-control-max-age: 86400\r\n"
    )
    return iter((Head(204, CORS + headers.encode("latin-1"), 0),))


def broken_off(failure: Failure) -> Broken:
    """The event of a stream that breaks off with this failure."""
    return Broken(
        failure.status,
        failure.kind,
        failure.message,
        failure.param,
        failure.code,
        failure.type,
        failure.facts,
    )
