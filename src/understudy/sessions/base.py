"""What sessions share: how one is made, the requests that it asks, and the steps of an answer as messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from understudy.model import Abort, Head, HttpRequest, Pause, Send, Session, Steps

Ask = Callable[[HttpRequest], Steps]
"""Answers a request of HTTP."""

Now = Callable[[], float]
"""The time on the mock's clock, in Unix seconds."""

Make = Callable[[HttpRequest, Ask, Now], Session]
"""Makes the session that a request for a WebSocket opens."""

OWN = frozenset((b"connection", b"content-length", b"content-type", b"expect", b"transfer-encoding"))
"""Headers of the opening that do not hold for what is asked later."""
JSON = b"content-type", b"application/json"


def posting(opening: HttpRequest) -> Callable[[bytes], HttpRequest]:
    """What makes of a body the POST of a client of HTTP: where the session was opened, with its headers."""
    pairs = zip(opening.headers[::2], opening.headers[1::2], strict=True)
    kept = [each for pair in pairs if pair[0] not in OWN for each in pair]
    headers = (*kept, *JSON)
    return lambda body: HttpRequest("POST", opening.target, headers, body, opening.peer)


Piece = Head | tuple[str, bytes] | bytes | Pause | Abort
"""Of an answer: its head, an event of its stream (name and data), its whole body, or what befalls it."""


def pieces(steps: Steps) -> Iterator[Piece]:
    """The steps of an answer, with its stream cut into events; an event that is cut short is left out.

    Source: html.spec.whatwg.org, "Interpreting an event stream".
    """
    rest = b""
    streams = False
    for step in steps:
        if isinstance(step, Head):
            streams = step.length is None
            yield step
        elif isinstance(step, Send):
            rest += step.data
            if streams:
                *events, rest = rest.split(b"\n\n")
                for lines in events:
                    if (found := event(lines)) is not None:
                        yield found
        elif isinstance(step, Pause | Abort):
            yield step
    if not streams:
        yield rest


def event(lines: bytes) -> tuple[str, bytes] | None:
    """Name and data of a server-sent event; None where it has no data."""
    name = ""
    data = []
    for line in lines.split(b"\n"):
        field, _, value = line.removesuffix(b"\r").partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.removeprefix(b" ").decode(errors="replace")
    return (name, b"\n".join(data)) if data else None


@contextmanager
def taken(steps: Steps) -> Iterator[Steps]:
    """The steps; who made them learns that they are taken no further, and why, as the server tells it."""
    try:
        yield steps
    except ConnectionResetError as reset:
        throw = getattr(steps, "throw", None)
        if throw is not None:
            with suppress(ConnectionResetError, StopIteration):
                throw(reset)
        raise
    finally:
        close = getattr(steps, "close", None)
        if close is not None:
            close()
