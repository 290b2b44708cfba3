"""Forms with files: bytes as RFC 7578 and clients have them, read whole; and what is none."""

from __future__ import annotations

import logging

import pytest

from understudy.model import HttpRequest
from understudy.providers.multipart_base import Field, fields

FORM = (
    b"--x\r\n"
    b'Content-Disposition: form-data; name="expires_in_seconds"\r\n'
    b"\r\n"
    b"3600\r\n"
    b"--x\r\n"
    b'content-disposition: form-data; name="file"; filename="\xc3\xbc \\"a\\".pdf"\r\n'
    b"Content-Type: application/pdf; charset=none\r\n"
    b"\r\n"
    b"\r\n--y\x00\xff\r\n"
    b"--x--\r\n"
)


def read(body: bytes, kind: bytes = b"multipart/form-data; boundary=x") -> tuple[Field, ...]:
    return fields(HttpRequest("POST", "/v1/files", (b"content-type", kind), body))


def test_a_form_is_read() -> None:
    assert read(FORM) == (
        Field("expires_in_seconds", b"3600"),
        Field("file", b"\r\n--y\x00\xff", 'ü "a".pdf', "application/pdf"),
    )


def test_a_boundary_may_be_quoted() -> None:
    assert read(FORM, b'multipart/form-data; boundary="x"') == read(FORM)


def test_what_comes_after_the_end_is_nothing() -> None:
    assert read(FORM + b"more") == read(FORM)


def test_a_part_may_say_little_of_itself() -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename=""\r\n\r\n\r\n--x--\r\n'
    assert read(body) == (Field("file", b""),)
    body = b"--x\r\nContent-Type: text/plain\r\n\r\na\r\n--x--\r\n"
    assert read(body) == (Field("", b"a", "", "text/plain"),)


@pytest.mark.parametrize("end", range(len(FORM) - 4))
def test_a_form_that_breaks_off_is_none(end: int) -> None:
    with pytest.raises(ValueError, match=r"breaks off"):
        read(FORM[:end])


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"garbage", b"multipart/form-data; boundary=x"),
        (FORM, b"multipart/form-data"),
        (FORM, b"application/json"),
        (FORM, b""),
        (b"--x\r\nContent Disposition\r\n\r\n--x--", b"multipart/form-data; boundary=x"),
        (FORM, b"multipart/form-data; boundary=" + 300 * b"x"),
    ],
)
def test_what_is_no_form_is_refused_and_logged_nowhere(
    body: bytes, kind: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(ValueError, match=r"."):
        read(body, kind)
    assert caplog.records == []
