"""Which provider answers a method and path."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from understudy import routes
from understudy.errors import Failure
from understudy.model import HttpRequest
from understudy.routes import Routes, in_space


def provider(name: str, *paths: tuple[str, str], header: bytes = b"") -> Any:
    def unrouted(method: str, path: str, allowed: tuple[str, ...], hint: str) -> Failure:
        return Failure(405 if allowed else 404, "not_found", f"{name}: {method} {path} {allowed} {hint}")

    return SimpleNamespace(
        NAME=name,
        ROUTES=paths,
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
        ("/a/{model}", ["/a/b", "/a/b/c", "/a/b\nc", "/a/b:go", "/a//", "/a/%2F"], ["/a/", "/a", "/b/a/b"]),
        ("/a/{x}", ["/a/b", "/a/b\nc", "/a/b:go"], ["/a/", "/a", "/b/a/b", "/a/b/c", "/a//", "/a/b/"]),
        ("/a/{x}/b", ["/a/1/b", "/a/%20/b"], ["/a/1/2/b", "/a//b", "/a/1/bc", "/a/1/b/"]),
        ("/a/{x}:go", ["/a/m:go", "/a/m/n:go", "/a/m:n:go"], ["/a/m", "/a/:go", "/a/m:gone", "/a/m:go/"]),
        ("/{p}/a/{x}:go", ["/v/a/m:go"], ["/v/w/a/m:go", "//a/m:go"]),
        ("/a.b/{x}", ["/a.b/c"], ["/aXb/c"]),
        ("/a", ["/a", "/a?x=/b"], ["/a/", "//a", "/A"]),
    ],
)
def test_a_hole_takes_a_piece_of_a_path_and_that_of_a_model_all_the_rest(
    path: str, fits: list[str], does_not: list[str]
) -> None:
    found = Routes((provider("only", ("GET", path)),))
    for _ in range(2):
        assert [found.find(HttpRequest("GET", each)).NAME for each in fits] == ["only"] * len(fits)
        for each in does_not:
            with pytest.raises(Failure):
                found.find(HttpRequest("GET", each))


NEAR = Routes(
    (
        provider("rest", ("GET", "/v1/r/{model}"), ("DELETE", "/v1/r/{model}")),
        provider("items", ("GET", "/v1/r/{id}/items"), ("POST", "/v1/r/{id}/items")),
        provider("item", ("GET", "/v1/r/{id}/items/{model}")),
        provider("exact", ("POST", "/v1/r/tokens"), ("GET", "/v1/r/all/items")),
        provider("own", ("GET", "/v1/r/{model}"), ("POST", "/v1/r/{id}:go"), header=b"x-own"),
    )
)


@pytest.mark.parametrize(
    ("method", "target", "headers", "name"),
    [
        ("GET", "/v1/r/1", (), "rest"),
        ("GET", "/v1/r/1/items", (), "items"),
        ("HEAD", "/v1/r/1/items?limit=2", (), "items"),
        ("GET", "/v1/r/1/items/2", (), "item"),
        ("GET", "/v1/r/1/items/2/3", (), "item"),
        ("GET", "/v1/r/all/items", (), "exact"),
        ("GET", "/v1/r/all/items?limit=2", (), "exact"),
        ("GET", "/v1/r/1/2/items", (), "rest"),
        ("POST", "/v1/r/1/items", (), "items"),
        ("DELETE", "/v1/r/1/items", (), "rest"),
        ("GET", "/v1/r/tokens", (), "rest"),
        ("POST", "/v1/r/1:go", (), "own"),
        ("GET", "/v1/r/1", (b"x-own", b"1"), "own"),
        ("GET", "/v1/r/1/items", (b"x-own", b"1"), "own"),
    ],
)
def test_the_nearest_of_several_paths_is_meant_but_for_what_is_anothers_own(
    method: str, target: str, headers: tuple[bytes, ...], name: str
) -> None:
    for _ in range(2):
        assert name == NEAR.find(HttpRequest(method, target, headers)).NAME


def test_all_methods_of_all_paths_that_fit_are_told() -> None:
    with pytest.raises(Failure) as refused:
        NEAR.find(HttpRequest("PATCH", "/v1/r/1/items"))
    assert refused.value.message == "rest: PATCH /v1/r/1/items ('GET', 'POST', 'DELETE') "


@pytest.mark.parametrize(
    "path", ["/a/{x}b", "/a/b{x}", "/a/{x}b/c", "/a/{x", "/a/{x}:{y}", "/a/{x}:y:z", "/{x}{y}/z"]
)
def test_a_hole_inside_of_a_piece_is_a_mistake(path: str) -> None:
    with pytest.raises(ValueError, match=r"a hole is a whole piece of a path"):
        Routes((provider("any", ("GET", path)),))


def test_what_was_found_is_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "MOST_KNOWN", 3)
    found = Routes((provider("only", ("GET", "/a/{x}")),))
    for number in range(8):
        found.find(HttpRequest("GET", f"/a/{number}"))
        assert len(found._known) <= 3
    found.find(HttpRequest("GET", "/a/" + "x" * routes.LONGEST_KNOWN))
    assert all(len(target) <= routes.LONGEST_KNOWN for _, target in found._known)


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
