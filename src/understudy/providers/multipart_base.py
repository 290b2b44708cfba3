"""Forms with files in them: `multipart/form-data`, as RFC 7578 has it."""

from __future__ import annotations

import logging
from typing import Any

from msgspec import Struct

from understudy.model import HttpRequest


class Field(Struct, frozen=True, gc=False):
    """A field of a form, with what it says of itself: as a rule, a file has a `filename`, and a `type`."""

    name: str
    data: bytes
    filename: str = ""
    type: str = ""


def fields(http: HttpRequest) -> tuple[Field, ...]:
    """The fields of a form, in their order. Raises ValueError for a body that is none."""
    from python_multipart import multipart  # here, since few requests need it
    from python_multipart.exceptions import FormParserError

    kind, options = multipart.parse_options_header(http.header(b"content-type"))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise ValueError("no form with files")
    reading = _Reading()
    callbacks: Any = {name: getattr(reading, name) for name in dir(reading) if name.startswith("on_")}
    try:
        parser = multipart.MultipartParser(options[b"boundary"], callbacks)
        parser.logger = _SILENT
        parser.write(http.body)
        parser.finalize()
    except FormParserError as broken:
        raise ValueError(str(broken)) from None
    if not reading.ended:
        raise ValueError("the form breaks off")
    return tuple([_field(headers, data) for headers, data in reading.parts])


_SILENT = logging.Logger("no form", logging.CRITICAL)
"""What is wrong with a form is told to who sent it."""


class _Reading:
    """What a parser has told so far: each part's headers, their names in lower case, and its bytes."""

    def __init__(self) -> None:
        self.parts: list[tuple[dict[bytes, bytes], bytes]] = []
        self.ended = False
        self._headers: dict[bytes, bytes] = {}
        self._name = self._value = b""
        self._data: list[bytes] = []

    def on_part_begin(self) -> None:
        self._headers, self._data = {}, []

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._data.append(data[start:end])

    def on_part_end(self) -> None:
        self.parts.append((self._headers, b"".join(self._data)))

    def on_end(self) -> None:
        self.ended = True


def _field(headers: dict[bytes, bytes], data: bytes) -> Field:
    from python_multipart import multipart

    _, options = multipart.parse_options_header(headers.get(b"content-disposition", b""))
    kind, _ = multipart.parse_options_header(headers.get(b"content-type", b""))
    return Field(_text(options.get(b"name", b"")), data, _text(options.get(b"filename", b"")), _text(kind))


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
