"""An answer says that it is something else."""

from __future__ import annotations

import re
from typing import ClassVar

from msgspec.structs import replace

from understudy.errors import Place
from understudy.faults.base import Chance, Fault, Field, Fields, Refuse, opened, shown, with_head
from understudy.model import Head, Steps

_TYPE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+( *;[\x20-\x7e]*)?")
_LINE = re.compile(rb"^content-type:[^\r\n]*\r\n", re.I | re.M)


def read_type(value: object, place: Place) -> str:
    if not isinstance(value, str) or not _TYPE.fullmatch(value):
        raise place.error(f"expected a content type like text/html; found {shown(value)}")
    return value


class WrongContentType(Fault, frozen=True, gc=False):
    """The header `content-type` says `type`; the body is that of the answer."""

    KEY: ClassVar[str] = "wrong_content_type"
    FIELDS: ClassVar[Fields] = {"type": Field(read_type, {"type": "string", "pattern": f"^{_TYPE.pattern}$"})}

    type: str = "text/html"

    def apply(self, steps: Steps, chance: Chance, refuse: Refuse) -> Steps:
        opening, rest = opened(steps)
        return iter((*with_head(opening, self.mislabelled), *rest))

    def mislabelled(self, head: Head) -> Head:
        line = b"content-type: %b\r\n" % self.type.encode()
        headers, found = _LINE.subn(lambda _: line, head.headers)
        return replace(head, headers=headers if found else line + headers)
