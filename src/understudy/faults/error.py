"""An error of the imitated API in place of the answer, spelled by its provider."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Self, get_args

from understudy.errors import NO_FACTS, Failure, Kind, Place
from understudy.faults.base import (
    FLAG,
    SECONDS,
    TEXT,
    Chance,
    Fault,
    Field,
    Fields,
    Refuse,
    one_of,
    read_fields,
    shown,
)
from understudy.model import Steps

KINDS: Mapping[int, Kind] = {
    401: "authentication",
    403: "permission",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    409: "conflict",
    413: "too_large",
    429: "rate_limit",
    503: "overloaded",
    529: "overloaded",
}
"""The kind of a bare status; of the others, 4xx are invalid requests and 5xx are the server's."""
FRAMING = ("connection", "content-length", "content-type", "transfer-encoding")
"""Headers that go with the body, and are the server's to write."""
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def read_status(value: object, place: Place) -> int:
    status = int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 9 else value
    if not isinstance(status, int) or status not in range(400, 600):
        raise place.error(f"expected an error's status, from 400 to 599; found {shown(value)}")
    return status


def read_headers(value: object, place: Place) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, Mapping):
        raise place.error(f'expected a mapping like {{"x-request-id": "req_1"}}; found {shown(value)}')
    return tuple(_header(str(name), each, place / str(name)) for name, each in value.items())


def _header(name: str, value: object, place: Place) -> tuple[str, str]:
    if not _HEADER.fullmatch(name):
        raise place.error("not a header's name")
    if name.lower() in FRAMING:
        raise place.error("this header goes with the body, the server writes it")
    text = value if isinstance(value, str) else shown(value)
    if isinstance(value, Mapping | list) or not text.isprintable():
        raise place.error(f"expected a text of one line, found {shown(value)}")
    return name.lower(), text


KIND = one_of("kind of error", get_args(Kind))
STATUS = Field(
    read_status,
    {
        "anyOf": [
            {"type": "integer", "minimum": 400, "maximum": 599},
            {"type": "string", "pattern": "^[45][0-9]{2}$"},
        ]
    },
)
HEADERS = Field(
    read_headers,
    {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "null"]}},
)


class Error(Fault, frozen=True, gc=False):
    """An error of this `kind`; what is not said is as the vendor has it.

    `retry_after` is in seconds, told in `retry-after` and its relatives; `should_retry` is the header that
    SDKs obey before all others.
    """

    KEY: ClassVar[str] = "error"
    FIELDS: ClassVar[Fields] = {
        "kind": KIND,
        "status": STATUS,
        "message": TEXT,
        "type": TEXT,
        "code": TEXT,
        "param": TEXT,
        "retry_after": SECONDS,
        "should_retry": FLAG,
        "headers": HEADERS,
    }
    INSTEAD: ClassVar[bool] = True

    kind: Kind
    status: int | None = None
    message: str = ""
    type: str | None = None
    code: str | None = None
    param: str | None = None
    retry_after: float | None = None
    should_retry: bool | None = None
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls, value: object, place: Place) -> Self:
        """Read a kind (`rate_limit`), a status (`503`), or a mapping with one of them at least."""
        if value is None:
            raise place.error("which error? Give a kind or a status, like {error: rate_limit}")
        if isinstance(value, Mapping):
            fields = read_fields(value, cls.FIELDS, place)
        else:
            name = "kind" if isinstance(value, str) and not value.isdecimal() else "status"
            fields = {name: cls.FIELDS[name].read(value, place)}
        if "status" in fields:
            fields = {"kind": cls.of(fields["status"]).kind} | fields
        if "kind" not in fields:
            raise place.error("an error needs a `kind` or a `status`")
        return cls(**fields)

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """A kind, a status, or both and more."""
        whole = {
            **super().schema(),
            "type": "object",
            "anyOf": [{"required": ["kind"]}, {"required": ["status"]}],
        }
        return {"anyOf": [dict(KIND.schema), dict(STATUS.schema), whole]}

    @classmethod
    def of(cls, status: int) -> Self:
        """The error that a bare status means."""
        return cls(KINDS.get(status, "server" if status >= 500 else "invalid_request"), status)

    def failure(self, facts: Mapping[str, Any] = NO_FACTS) -> Failure:
        """The failure itself, made anew each time; `facts` are for what the vendor's message quotes."""
        retry = () if self.should_retry is None else (("x-should-retry", str(self.should_retry).lower()),)
        return Failure(
            self.status,
            self.kind,
            self.message,
            param=self.param,
            code=self.code,
            type=self.type,
            headers=(*retry, *self.headers),
            retry_after=self.retry_after,
            facts=facts,
        )

    def apply(self, steps: Steps, chance: Chance, refuse: Refuse) -> Steps:
        return refuse.instead(self.failure())


read_error = Error.read
