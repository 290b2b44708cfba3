"""The bytes of an answer with blanks where its id, its time and the ids of its parts go.

An answer that is given again differs in nothing else, so that it need not be encoded again:

    {"id":"chatcmpl-\\0","created":\\1, ... "id":"call_\\2" ...}

A blank is a byte that JSON never has as it is. What is a blank and what only looks like one, such as a text
that holds the time's digits, is found out by encoding the answer once more with other ids and another time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from understudy.model import AnyReply, Part, Reply

BLANKS = tuple([bytes((code,)) for code in range(9)])
"""One for each thing that differs: the id, the time, and the ids of at most seven parts."""


class Form(Struct, frozen=True, gc=False):
    """`body` is all but what goes into its blanks; `parts` says whether there are ids of parts among them."""

    body: bytes
    parts: bool

    def filled(self, reply: AnyReply) -> bytes:
        """The bytes of this reply: one like that of which the form was made."""
        body = self.body.replace(b"\0", reply.id.encode()).replace(b"\1", b"%d" % reply.created)
        if self.parts:
            for blank, id in zip(BLANKS[2:], _ids(reply), strict=False):
                body = body.replace(blank, id.encode())
        return body


def form_of(body: bytes, reply: AnyReply, encode: Callable[[AnyReply], bytes]) -> Form | None:
    """The form of a reply that was encoded as `body`; None where its bytes differ in more than blanks."""
    ids = _ids(reply)
    values = (reply.id.encode(), b"%d" % reply.created, *[id.encode() for id in ids])
    if len(values) > len(BLANKS) or not all(values):
        return None
    for blank, value in zip(BLANKS, values, strict=False):
        body = body.replace(value, blank)
    form, other = Form(body, bool(ids)), _other(reply)
    return form if form.filled(other) == encode(other) else None


def _ids(reply: AnyReply) -> list[str]:
    """The ids of all parts that have one, in order."""
    if type(reply) is not Reply:
        return []
    return [id for each in (reply, *reply.others) for part in each.parts if (id := _id(part))]


def _id(part: Part) -> str:
    id: str = getattr(part, "id", "")
    return id


_ALPHABETS = (ascii_lowercase, ascii_uppercase, digits)
_TURNED = tuple(
    [
        str.maketrans("".join(_ALPHABETS), "".join([each[by:] + each[:by] for each in _ALPHABETS]))
        for by in range(len(BLANKS) + 1)
    ]
)
"""Another letter for each letter, another digit for each digit, in as many ways as there are blanks."""


def _other(reply: AnyReply) -> AnyReply:
    """The same reply with another id, another time and other ids of parts, no letter the same.

    Each is turned in a way of its own, so that one that happens to be in another is told from it.
    """
    turns = iter(_TURNED[1:])
    told: dict[str, Any] = {
        "id": reply.id.translate(next(turns)),
        "created": int(f"{reply.created}".translate(next(turns))),
        "seconds": reply.seconds + 1,
    }
    if type(reply) is Reply:
        told["parts"] = _others(reply.parts, turns)
        told["others"] = tuple([replace(each, parts=_others(each.parts, turns)) for each in reply.others])
    other: AnyReply = replace(reply, **told)
    return other


def _others(parts: tuple[Part, ...], turns: Iterator[dict[int, int]]) -> tuple[Part, ...]:
    return tuple(
        [replace(part, id=_id(part).translate(next(turns))) if _id(part) else part for part in parts]
    )
