"""What every provider is, and what they all need: JSON in and out, and server-sent events.

A provider is a module: pure functions and a few facts. It crosses from bytes to neutral values
and back, and knows nothing of rules, time or sockets; ids and the time arrive inside the values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

import msgspec

from understudy.errors import Failure
from understudy.model import (
    AnyReply,
    AnyRequest,
    Broken,
    Event,
    HttpRequest,
    Prompt,
    RateLimits,
    Reply,
    Request,
    Resource,
    ServerToolCall,
)


class HttpReply(msgspec.Struct, frozen=True, gc=False):
    """A whole answer: `headers` are lines, each ending in CRLF, without the framing's.

    `message` is the vendor's message in it, where it is an error.
    """

    status: int
    headers: bytes
    body: bytes
    message: str = ""


class Check(msgspec.Struct, frozen=True):
    """A row of the table of what a vendor refuses.

    `find` looks at a request that could be read and says what the vendor would; it is asked where the
    body has `field`, or always where that is empty. Without `find`, the request cannot even be read,
    and `parse` refuses it. `example` is a body that is refused, `source` where the vendor's words were
    found: a public report, or the vendor's documentation. `version` is the API's, where not all refuse it.
    """

    name: str
    field: str
    find: Callable[[Any], Failure | None] | None
    example: dict[str, Any]
    source: str
    version: str = ""


class Provider(Protocol):
    """The shape of a provider's module."""

    @property
    def NAME(self) -> str: ...

    @property
    def ROUTES(self) -> tuple[tuple[str, str], ...]:
        """Method and path; `{...}` takes a piece of it, `{model}` at its end all the rest, slashes included.

        A verb may stand behind that: `{model}:generateContent`. Of several that fit, the nearest is meant.
        """

    def speaks(self, http: HttpRequest) -> bool:
        """Whether headers or query say that the request is this API's own, on a path that several have."""

    @property
    def CHECKS(self) -> tuple[Check, ...]:
        """What the vendor refuses, in the order in which it looks."""

    def parse(self, http: HttpRequest) -> AnyRequest:
        """Read a request; raises Failure where it cannot be understood."""

    def complaints(self, request: Any) -> Iterator[Failure]:
        """What the vendor would refuse in a request that can be understood."""

    def head(self, reply: AnyReply, stream: bool, limits: RateLimits | None = None) -> bytes:
        """The header lines of a success; `limits` is what is left where something is limited."""

    def body(self, reply: Any, request: Any) -> bytes:
        """The whole answer; reply and request are of the provider's operation."""

    def encoder(self, request: Any) -> Callable[[Event], bytes]:
        """A function that turns the events of one answer, in order, into the stream's bytes."""

    def error(self, failure: Failure, id: str, limits: RateLimits | None = None) -> HttpReply:
        """The vendor's envelope and headers for a failure; `id` is random text.

        Status, message, code and type that the failure lacks are the vendor's for its kind.
        """

    def unrouted(self, method: str, path: str, allowed: tuple[str, ...], hint: str) -> Failure:
        """The vendor's 404, or 405 where methods are `allowed`; `hint` is a path that there is."""

    def read(self, chunks: Iterable[bytes]) -> AnyReply:
        """The inverse of `body` and of `encoder`: an answer's bytes, whole or in pieces."""


class Kept(Protocol):
    """What is kept, for those who only look."""

    def prompt(self, id: str) -> Prompt | None:
        """The prompt of this id, if there is one."""

    def find(self, collection: str, id: str) -> Resource | None:
        """The resource of this id, if there is one."""

    def all(self, collection: str) -> tuple[Resource, ...]:
        """All resources of a collection, oldest first."""


class Keeper(Protocol):
    """What a provider's API keeps between two calls. `NAME` is the provider's."""

    @property
    def NAME(self) -> str: ...

    def recalled(self, request: Request, kept: Kept) -> Request:
        """The request with what it `refers` to; that which is not there stays in `refers`."""

    def kept(self, reply: Reply, request: Request, answer: Resource) -> Iterable[tuple[str, Resource]]:
        """What is kept of an answer, and in which collections: the answer itself first, then what follows.

        `answer` is all that is to be said of the answer but its id.
        """


def failure_of(broken: Broken) -> Failure:
    """The failure with which a stream breaks off."""
    kind: Any = broken.kind
    return Failure(
        broken.status,
        kind,
        broken.message,
        param=broken.param,
        code=broken.code,
        type=broken.type,
        facts=broken.facts,
    )


PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
"""The image where a rule says none: one red dot, a PNG in base64."""


def unfinished(reply: Reply, index: int) -> bool:
    """Whether a part is a call of the vendor's own tool at which the answer stops before it has run."""
    part = reply.parts[index]
    if not isinstance(part, ServerToolCall) or part.result or part.error:
        return False
    return index == len(reply.parts) - 1 and reply.stop in ("pause", "length", "context_window")


_ONE_LINE = dict.fromkeys((*range(32), 127), " ")


def header_lines(headers: Mapping[str, str]) -> bytes:
    """Headers as whole lines; whatever would end a line is a blank."""
    lines = (f"{name}: {value}".translate(_ONE_LINE) + "\r\n" for name, value in headers.items())
    return "".join(lines).encode("latin-1", "replace")


def by_field(checks: Iterable[Check]) -> Callable[[Any], Iterator[Failure]]:
    """A provider's `complaints`: what its checks find in a request, in the order of the table.

    Looks at the fields that the request has alone. Rows that share a `find` are asked once, where the
    first of them stands.
    """
    table: dict[str, list[tuple[int, Callable[[Any], Failure | None]]]] = {}
    for place, check in enumerate(checks):
        finds = table.setdefault(check.field, [])
        if check.find is not None and check.find not in [find for _, find in finds]:
            finds.append((place, check.find))
    always = table.pop("", [])

    def complaints(request: Any) -> Iterator[Failure]:
        asked = always.copy()
        for field, value in request.raw.items():
            if field in table and value is not None:
                asked += table[field]
        asked.sort()
        for _, find in asked:
            if (found := find(request)) is not None:
                yield found

    return complaints


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
