"""Which provider answers a method and path."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from understudy.errors import Failure
from understudy.model import HttpRequest
from understudy.routes import Routes, in_space, pattern


def provider(name: str, *routes: tuple[str, str], header: bytes = b"") -> Any:
    def unrouted(method: str, path: str, allowed: tuple[str, ...], hint: str) -> Failure:
        return Failure(405 if allowed else 404, "not_found", f"{name}: {method} {path} {allowed} {hint}")

    return SimpleNamespace(
        NAME=name,
        ROUTES=routes,
        unrouted=unrouted,
        speaks=lambda http: bool(header) and http.header(header) is not None,
    )


ROUTES = Routes(
    (
        provider("first", ("POST", "/v1/chat"), ("GET", "/v1/models"), ("GET", "/v1/models/{model}")),
        provider("items", ("GET", "/v1/things/{id}/items"), ("GET", "/v1/things/{id}")),
        provider("second", ("GET", "/v1/models"), ("GET", "/v1/models/{model}"), header=b"x-second"),
        provider("third", ("POST", "/v1/models/{model}:generate"), header=b"x-third"),
    )
)


@pytest.mark.parametrize(
    ("method", "target", "headers", "name"),
    [
        ("POST", "/v1/chat", (), "first"),
        ("POST", "/v1/chat?a=b", (), "first"),
        ("HEAD", "/v1/models", (), "first"),
        ("GET", "/v1/models", (b"x-second", b"1"), "second"),
        ("GET", "/v1/models/a/b", (), "first"),
        ("GET", "/v1/models/a/b", (b"x-second", b"1"), "second"),
        ("POST", "/v1/models/a:generate", (), "third"),
        ("POST", "/v1/models/a/b:generate", (), "third"),
        ("GET", "/v1/things/1/items", (), "items"),
        ("GET", "/v1/things/1", (), "items"),
    ],
)
def test_a_request_finds_who_is_meant(
    method: str, target: str, headers: tuple[bytes, ...], name: str
) -> None:
    assert name == ROUTES.find(HttpRequest(method, target, headers)).NAME


@pytest.mark.parametrize(("headers", "name"), [((), "first"), ((b"x-third", b"1"), "third")])
def test_what_belongs_to_no_route_is_someones_own_all_the_same(headers: tuple[bytes, ...], name: str) -> None:
    assert name == ROUTES.owner(HttpRequest("GET", "/v9", headers)).NAME


@pytest.mark.parametrize(
    ("method", "target", "headers", "message"),
    [
        ("GET", "/v1/chat", (), "first: GET /v1/chat ('POST',) "),
        ("POST", "/v1/models/a", (b"x-second", b"1"), "second: POST /v1/models/a ('GET',) "),
        ("GET", "/v1/models/", (), "first: GET /v1/models/ () /v1/models"),
        ("GET", "/models", (), "first: GET /models () /v1/models"),
        ("GET", "/nowhere", (b"x-third", b"1"), "third: GET /nowhere () "),
    ],
)
def test_what_there_is_not_is_spelled_by_the_api_that_is_spoken(
    method: str, target: str, headers: tuple[bytes, ...], message: str
) -> None:
    with pytest.raises(Failure) as refused:
        ROUTES.find(HttpRequest(method, target, headers))
    assert refused.value.message == message


@pytest.mark.parametrize(
    ("path", "fits", "does_not"),
    [
        ("/a/{x}", ["/a/b", "/a/b/c", "/a/b\nc"], ["/a/", "/a"]),
        ("/a/{x}/b", ["/a/1/b"], ["/a/1/2/b", "/a//b", "/a/1/bc"]),
        ("/a/{x}:go", ["/a/m:go", "/a/m/n:go"], ["/a/m", "/a/:go", "/a/m:gone"]),
        ("/{p}/a/{x}:go", ["/v/a/m:go"], ["/v/w/a/m:go"]),
        ("/a.b/{x}", ["/a.b/c"], ["/aXb/c"]),
    ],
)
def test_a_pattern_takes_pieces_of_a_path(path: str, fits: list[str], does_not: list[str]) -> None:
    form = pattern(path)
    assert all(form.fullmatch(each) for each in fits)
    assert not any(form.fullmatch(each) for each in does_not)


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("/@a/v1/models?x=1", ("a", "/v1/models?x=1")),
        ("/@a", ("a", "/")),
        ("/@a?x=1", ("a", "/?x=1")),
        ("/@a/@b/v1", ("a", "/@b/v1")),
        ("/@/v1", ("", "/@/v1")),
        ("/@a b/v1", ("", "/@a b/v1")),
        ("/v1/@a", ("", "/v1/@a")),
    ],
)
def test_a_space_is_named_at_the_start_of_a_path(target: str, found: tuple[str, str]) -> None:
    assert in_space(target) == found
