"""One request, one deadline, and what exactly came of it."""

from __future__ import annotations

import time

import pytest
from upstreams import Answering, Asked, Clock, Sent, as_json, http, streamed, upstream

from understudy.checks.client import (
    MOST_BODY,
    Address,
    Answer,
    Client,
    Proxy,
    address,
    decoded,
    proxy_for,
    route,
    told_to_wait,
)

PROXY = Proxy("http://p:1", "http_proxy")


def answer(answering: Answering, key: str | None = None, timeout: float = 20.0) -> Answer:
    with upstream(answering) as port:
        client = Client(f"http://127.0.0.1:{port}/v1", key, timeout, time.monotonic, Clock().wait, {})
        return client.ask("POST", "/chat/completions", b"{}")


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("http://localhost:8080/v1", Address("http", "localhost", 8080, "/v1")),
        ("http://localhost:8080/v1/", Address("http", "localhost", 8080, "/v1")),
        ("https://api.openai.com/v1", Address("https", "api.openai.com", 443, "/v1")),
        ("http://[::1]:8080/v1", Address("http", "::1", 8080, "/v1")),
        ("http://mock.example", Address("http", "mock.example", 80, "")),
    ],
)
def test_a_base_url_has_its_parts(url: str, parts: Address) -> None:
    assert address(url) == parts
    assert parts.url == url.rstrip("/")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (
            "localhost:8080/v1",
            '"localhost:8080/v1" is no base URL; it looks like this: http://localhost:8080/v1',
        ),
        ("ftp://localhost/v1", "it looks like this: http://localhost/v1"),
        ("", "is no base URL"),
        ("http://", "is no base URL"),
        ("http://localhost:eight/v1", "Port could not be cast to integer"),
        ("http://localhost/v1?key=1", '"http://localhost/v1" must be all of the base URL'),
    ],
)
def test_what_is_no_base_url_is_told_with_one_that_is(url: str, words: str) -> None:
    with pytest.raises(ValueError) as told:
        address(url)
    assert words in str(told.value)


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("app.localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("10.0.0.5", False),
        ("api.openai.com", False),
    ],
)
def test_this_machine_has_several_names(host: str, local: bool) -> None:
    assert Address("http", host, 80, "").local is local


@pytest.mark.parametrize(
    ("url", "environment", "proxy"),
    [
        ("http://a.example", {}, None),
        ("http://a.example", {"http_proxy": "http://p:1"}, PROXY),
        ("https://a.example", {"http_proxy": "http://p:1"}, None),
        ("https://a.example", {"HTTPS_PROXY": "http://p:1"}, Proxy("http://p:1", "HTTPS_PROXY")),
        ("https://a.example", {"ALL_PROXY": "http://p:1"}, Proxy("http://p:1", "ALL_PROXY")),
        ("http://a.example", {"http_proxy": "http://p:1", "HTTP_PROXY": "http://q:1"}, PROXY),
        ("http://a.example", {"http_proxy": "http://p:1", "no_proxy": "a.example"}, None),
        ("http://a.example", {"http_proxy": "http://p:1", "NO_PROXY": ".example"}, None),
        ("http://a.example:81", {"http_proxy": "http://p:1", "NO_PROXY": "a.example:81"}, None),
        ("http://a.example", {"http_proxy": "http://p:1", "NO_PROXY": "b.example,*"}, None),
        ("http://aa.example", {"http_proxy": "http://p:1", "NO_PROXY": "a.example"}, PROXY),
        ("http://[::1]", {"http_proxy": "http://p:1", "NO_PROXY": "[::1]"}, None),
    ],
)
def test_the_proxy_is_the_one_that_sdks_would_use(
    url: str, environment: dict[str, str], proxy: Proxy | None
) -> None:
    assert proxy_for(address(url), environment) == proxy


def test_this_machine_and_socks_are_asked_directly() -> None:
    assert route(address("http://localhost"), {"http_proxy": "http://p:1"}) is None
    assert route(address("http://a.example"), {"http_proxy": "socks5://p:1"}) is None
    assert route(address("http://a.example"), {"http_proxy": "http://p:1"}) == Proxy(
        "http://p:1", "http_proxy"
    )


def test_a_request_is_sent_as_sdks_send_it() -> None:
    seen: list[Asked] = []

    def listening(asked: Asked) -> Sent:
        seen.append(asked)
        return as_json({})

    answer(listening, "sk-1")
    assert (seen[0].method, seen[0].target, seen[0].body) == ("POST", "/v1/chat/completions", b"{}")
    assert seen[0].headers["authorization"] == "Bearer sk-1"
    assert seen[0].headers["content-type"] == "application/json"
    answer(listening)
    assert seen[1].headers["authorization"] == "Bearer any"


@pytest.mark.parametrize(
    ("sent", "body", "ending"),
    [
        (Sent(http(200, b"whole")), b"whole", "whole"),
        (Sent(http(200, b"half", {"content-length": "8"})), b"half", "cut"),
        (Sent(http(200, b"half", {"content-length": "8"}), "reset"), b"half", "cut"),
        (Sent(streamed(b"whole")), b"whole", "whole"),
        (Sent(streamed(b"half", whole=False)), b"half", "cut"),
        (Sent(streamed(b"whole")[:-12]), b"", "cut"),
        (Sent(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\nabc"), b"", "cut"),
        (Sent(b"HTTP/1.0 200 OK\r\n\r\nto the end"), b"to the end", "whole"),
        (Sent(http(204, b"")), b"", "whole"),
    ],
)
def test_it_is_known_whether_a_body_is_whole(sent: Sent, body: bytes, ending: str) -> None:
    got = answer(lambda asked: sent)
    assert got.ending == ending
    assert got.body == body or (ending == "cut" and body.startswith(got.body))


def test_silence_keeps_what_came_before() -> None:
    begun = http(200, b"half", {"content-length": "8"})
    got = answer(lambda asked: Sent(begun, "hang"), timeout=0.5)
    assert (got.body, got.ending) == (b"half", "silent")
    assert 0.5 <= got.seconds < 20


def test_a_body_without_end_is_given_up() -> None:
    endless = http(200, b"x" * (MOST_BODY + 1_000_000), {"content-length": str(MOST_BODY * 2)})
    assert answer(lambda asked: Sent(endless)).ending == "endless"


def test_an_answer_that_comes_before_the_request_is_read_is_an_answer() -> None:
    assert answer(lambda asked: Sent(http(413, b"{}"))).status == 413


@pytest.mark.parametrize("where", ["body", "header"])
def test_a_long_key_is_masked_before_anybody_reads_it(where: str) -> None:
    def repeating(asked: Asked) -> Sent:
        key = asked.headers["authorization"].removeprefix("Bearer ")
        return as_json({"key": key}) if where == "body" else as_json({}, headers={"x-key": key})

    got = answer(repeating, "sk-secret-key-1234")
    assert "sk-secret-key-1234" not in f"{got.body!r} {got.headers}"
    assert "***" in f"{got.body!r} {got.headers}"


@pytest.mark.parametrize(
    ("status", "headers", "body", "seconds"),
    [
        (429, {"retry-after": "2"}, b"{}", 2.0),
        (429, {"retry-after": "0.5"}, b"{}", 0.5),
        (429, {"retry-after-ms": "250", "retry-after": "1"}, b"{}", 0.25),
        (429, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, b"{}", None),
        (429, {"retry-after": "-1"}, b"{}", None),
        (429, {"retry-after": "nan"}, b"{}", None),
        (429, {"retry-after": "inf"}, b"{}", None),
        (429, {"retry-after": "2"}, b'{"error": {"code": "insufficient_quota"}}', None),
        (429, {}, b"{}", None),
        (503, {"retry-after": "2"}, b"{}", None),
    ],
)
def test_when_to_come_back_is_read_from_a_429(
    status: int, headers: dict[str, str], body: bytes, seconds: float | None
) -> None:
    assert told_to_wait(Answer(status, tuple(headers.items()), body)) == seconds


@pytest.mark.parametrize(
    "body", [b"", b"{", b"{'a': 1}", b"\xff", b"[" * 100_000, b'"\\ud800"', b"NaN", b"{} {}"]
)
def test_what_is_no_json_says_so(body: bytes) -> None:
    with pytest.raises(ValueError):
        decoded(body)
