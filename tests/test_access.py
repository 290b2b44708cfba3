"""Whose API key is good."""

from __future__ import annotations

import pytest

from understudy.access import Access, key_of
from understudy.errors import Failure
from understudy.failures import failing_key
from understudy.model import HttpRequest


def asked(*headers: bytes, target: str = "/v1/models") -> HttpRequest:
    return HttpRequest("GET", target, headers)


@pytest.mark.parametrize(
    ("http", "key"),
    [
        (asked(b"authorization", b"Bearer sk-1"), "sk-1"),
        (asked(b"authorization", b"bearer  sk-1 "), "sk-1"),
        (asked(b"host", b"a", b"x-api-key", b"sk-2"), "sk-2"),
        (asked(b"api-key", b"sk-3"), "sk-3"),
        (asked(b"x-goog-api-key", b"sk-4"), "sk-4"),
        (asked(target="/v1/models?key=sk-5"), "sk-5"),
        (asked(b"x", b"authorization"), ""),
        (asked(), ""),
    ],
)
def test_the_key_is_found_wherever_a_client_puts_it(http: HttpRequest, key: str) -> None:
    assert key_of(http) == key
    assert Access((), failing_key).key(http) == key


@pytest.mark.parametrize(
    "http",
    [
        asked(b"authorization", b"Bearer schl\xc3\xbcssel"),
        asked(b"authorization", b"Bearer schl\xfcssel"),
        asked(target="/v1/models?key=schl%C3%BCssel"),
    ],
    ids=["UTF-8", "Latin-1", "query"],
)
def test_a_key_beyond_ascii_is_good_however_a_client_spells_it(http: HttpRequest) -> None:
    assert Access(("schl\u00fcssel",), failing_key).key(http)


def test_any_key_is_good_where_none_is_named() -> None:
    access = Access((), failing_key)
    assert access.key(asked()) == ""
    assert access.key(asked(b"authorization", b"Bearer whatever")) == "whatever"


@pytest.mark.parametrize("headers", [(), (b"authorization", b"Bearer sk-9"), (b"authorization", b"sk-1x")])
def test_only_a_named_key_is_let_in(headers: tuple[bytes, ...]) -> None:
    access = Access(("sk-1", "sk-2"), failing_key)
    assert access.key(asked(b"authorization", b"Bearer sk-2")) == "sk-2"
    with pytest.raises(Failure) as refused:
        access.key(asked(*headers))
    assert refused.value.kind == "authentication"


def test_a_key_that_is_no_ascii_is_refused_and_nothing_breaks() -> None:
    with pytest.raises(Failure):
        Access(("sk-1",), failing_key).key(asked(b"authorization", "Bearer ключ".encode()))


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("mock-key-invalid", "authentication"),
        ("mock-key-no-quota", "quota"),
        ("mock-key-rate-limited", "rate_limit"),
    ],
)
def test_a_key_that_fails_on_purpose_does_so_with_or_without_named_keys(key: str, kind: str) -> None:
    for keys in ((), ("sk-1",)):
        with pytest.raises(Failure) as refused:
            Access(keys, failing_key).key(asked(b"authorization", b"Bearer " + key.encode()))
        assert refused.value.kind == kind


def test_what_was_let_in_once_says_nothing_of_others() -> None:
    access = Access(("sk-1",), failing_key)
    good = asked(b"authorization", b"Bearer sk-1")
    for _ in range(2):
        assert access.key(good) == "sk-1"
        with pytest.raises(Failure):
            access.key(asked())
    by_query = asked(target="/v1/models?key=sk-1")
    assert access.key(by_query) == "sk-1"
    with pytest.raises(Failure):
        access.key(HttpRequest("GET", "/v1/models", by_query.headers))
