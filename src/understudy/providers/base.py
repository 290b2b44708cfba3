"""What every provider is, and what they all need: JSON in and out, and server-sent events.

A provider is a module: six pure functions and a few facts. It crosses from bytes to neutral values
and back, and knows nothing of rules, time or sockets; ids and the time arrive inside the values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import msgspec

from understudy.errors import Failure
from understudy.model import AnyReply, AnyRequest, Event, HttpRequest


class HttpReply(msgspec.Struct, frozen=True, gc=False):
    """A whole answer: `headers` are lines, each ending in CRLF, without the framing's."""

    status: int
    headers: bytes
    body: bytes


class Provider(Protocol):
    """The shape of a provider's module."""

    @property
    def NAME(self) -> str: ...

    @property
    def ROUTES(self) -> tuple[tuple[str, str], ...]:
        """Method and path; a last segment `{...}` takes the rest of the path, slashes included."""

    def parse(self, http: HttpRequest) -> AnyRequest:
        """Read a request; raises Failure where it cannot be understood."""

    def head(self, reply: AnyReply, stream: bool) -> bytes:
        """The header lines of a success."""

    def body(self, reply: Any, request: Any) -> bytes:
        """The whole answer; reply and request are of the provider's operation."""

    def encoder(self, request: Any) -> Callable[[Event], bytes]:
        """A function that turns the events of one answer, in order, into the stream's bytes."""

    def error(self, failure: Failure, id: str) -> HttpReply:
        """The vendor's envelope and headers for a failure; `id` is random text."""

    def unrouted(self, method: str, path: str, allowed: tuple[str, ...], hint: str) -> Failure:
        """The vendor's 404, or 405 where methods are `allowed`; `hint` is a path that there is."""

    def read(self, chunks: Iterable[bytes]) -> AnyReply:
        """The inverse of `body` and of `encoder`: an answer's bytes, whole or in pieces."""


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder().decode
quote: Callable[[str], bytes] = encode


def sse(chunks: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    """The (event name, data) pairs of a stream of server-sent events, however it is cut.

    A last event without its blank line is left out, as the specification has it. Bytes that are no
    UTF-8 become U+FFFD.
    Source: html.spec.whatwg.org, "Interpreting an event stream".
    """
    rest = b""
    name = ""
    data: list[str] = []
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for raw in lines:
            line = raw.removesuffix(b"\r").decode(errors="replace")
            if not line:
                if data:
                    yield name, "\n".join(data)
                name, data = "", []
                continue
            field, _, value = line.partition(":")
            if field == "data":
                data.append(value.removeprefix(" "))
            elif field == "event":
                name = value.removeprefix(" ")
