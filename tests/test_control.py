"""The control API and the server's own pages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from understudy.app import App
from understudy.model import Head, HttpRequest, Send
from understudy.settings import Settings

LOCAL = (b"host", b"localhost:8080")
CHAT = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}).encode()


def ask(
    app: App,
    method: str,
    target: str,
    headers: tuple[bytes, ...] = LOCAL,
    body: bytes = b"",
    peer: str = "127.0.0.1",
) -> tuple[int, Any, str]:
    steps = list(app.handle(HttpRequest(method, target, headers, body, peer)))
    head, send = steps[0], steps[-1]
    assert isinstance(head, Head)
    assert isinstance(send, Send)
    return head.status, json.loads(send.data), head.headers.decode()


def chat(app: App, body: bytes = CHAT, headers: tuple[bytes, ...] = LOCAL) -> None:
    assert ask(app, "POST", "/v1/chat/completions", headers, body)[0] == 200


@pytest.fixture
def app() -> App:
    return App(Settings())


def test_the_first_page_tells_what_this_is(app: App) -> None:
    status, info, headers = ask(app, "GET", "/")
    assert status == 200
    assert info["name"] == "understudy"
    assert info["base_url"] == "http://localhost:8080/v1"
    assert info["models"][:3] == ["mock-llm-v1", "mock-gpt-4", "mock-claude-sonnet-4"]
    assert "POST /v1/chat/completions" in info["endpoints"]
    assert "GET /_understudy/requests/{id}" in info["control_api"]
    assert "access-control-allow-origin: *" in headers


def test_the_first_page_of_a_server_with_tls_says_https() -> None:
    info = ask(App(Settings(tls_cert="cert.pem", tls_key="key.pem")), "GET", "/")[1]
    assert (info["base_url"], info["health"]) == (
        "https://localhost:8080/v1",
        "https://localhost:8080/health",
    )


@pytest.mark.parametrize("path", ["/health", "/healthz", "/readyz", "/health?verbose=1"])
def test_health_is_ok(app: App, path: str) -> None:
    status, health, _ = ask(app, "GET", path)
    assert (status, health["status"]) == (200, "ok")


@pytest.mark.parametrize("path", ["/nowhere", "/_understudyx", "/health/x"])
def test_what_is_no_page_is_an_apis(app: App, path: str) -> None:
    status, refused, _ = ask(app, "GET", path)
    assert (status, refused["error"]["code"]) == (404, "unknown_url")


def test_pages_and_control_calls_leave_no_trace_in_the_journal(app: App) -> None:
    ask(app, "GET", "/")
    ask(app, "GET", "/_understudy/requests")
    assert len(app.main.journal) == 0


def test_the_journal_lists_the_newest_last(app: App) -> None:
    chat(app)
    ask(app, "POST", "/v1/nowhere")
    status, listed, headers = ask(app, "GET", "/_understudy/requests")
    assert status == 200
    assert listed["total"] == 2
    assert [(each["id"], each["path"], each["status"]) for each in listed["requests"]] == [
        (1, "/v1/chat/completions", 200),
        (2, "/v1/nowhere", 404),
    ]
    assert listed["requests"][0]["answered_by"].startswith("autopilot: ")
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("limit=2", [4, 5]),
        ("after=3", [4, 5]),
        ("after=1&limit=1", [2]),
        ("after=0&limit=2", [1, 2]),
        ("limit=0", []),
        ("", [1, 2, 3, 4, 5]),
    ],
)
def test_the_list_can_be_narrowed(app: App, query: str, ids: list[int]) -> None:
    for _ in range(5):
        chat(app)
    assert [each["id"] for each in ask(app, "GET", f"/_understudy/requests?{query}")[1]["requests"]] == ids


@pytest.mark.parametrize("query", ["limit=-1", "limit=x", "limit=99999", "after=1.5", f"limit={'9' * 5000}"])
def test_a_number_that_is_none_is_refused(app: App, query: str) -> None:
    status, refused, _ = ask(app, "GET", f"/_understudy/requests?{query}")
    assert status == 400
    assert refused["error"]["path"] == query.partition("=")[0]
    assert "expected a number" in refused["error"]["message"]


def test_one_exchange_is_shown_whole_with_its_secrets_masked(app: App) -> None:
    chat(app, headers=(*LOCAL, b"authorization", b"Bearer sk-proj-abcdefghijkl"))
    shown = ask(app, "GET", "/_understudy/requests/1")[1]
    assert shown["request"]["body"]["messages"] == [{"role": "user", "content": "Hello"}]
    assert shown["request"]["headers"]["authorization"] == "Bearer sk-p***"
    assert shown["response"]["status"] == 200
    assert shown["response"]["body"]["object"] == "chat.completion"
    assert shown["bytes_sent"] > 0
    assert shown["outcome"] == "complete"


def test_a_stream_is_shown_as_it_was_sent(app: App) -> None:
    chat_stream = json.dumps(json.loads(CHAT) | {"stream": True}).encode()
    sent = list(app.handle(HttpRequest("POST", "/v1/chat/completions", LOCAL, chat_stream)))[1]
    assert isinstance(sent, Send)
    assert ask(app, "GET", "/_understudy/requests/1")[1]["response"]["body"] == sent.data.decode()


@pytest.mark.parametrize("id", ["7", "x", "1e3", "9" * 40, "%2e"])
def test_an_exchange_that_there_is_not(app: App, id: str) -> None:
    status, refused, _ = ask(app, "GET", f"/_understudy/requests/{id}")
    assert status == 404
    assert "there is no exchange" in refused["error"]["message"]


def test_the_journal_can_be_emptied(app: App) -> None:
    chat(app)
    assert ask(app, "DELETE", "/_understudy/requests")[1] == {"deleted": 1}
    assert ask(app, "GET", "/_understudy/requests")[1] == {"requests": [], "total": 0}


def test_reset_starts_over() -> None:
    app = App(Settings(seed=7))
    first = ask(app, "POST", "/v1/chat/completions", body=CHAT)[1]
    assert ask(app, "POST", "/_understudy/reset")[1] == {"ok": True}
    assert len(app.main.journal) == 0
    assert ask(app, "POST", "/v1/chat/completions", body=CHAT)[1]["id"] == first["id"]


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/_understudy/reset", 405, "try POST"),
        ("PUT", "/_understudy/requests", 405, "try GET or DELETE"),
        ("GET", "/_understudy/nothing", 404, "GET /_understudy/requests, GET /_understudy/requests/stream"),
        ("GET", "/_understudy", 404, "there is no /_understudy"),
    ],
)
def test_a_call_that_there_is_not_says_what_there_is(
    app: App, method: str, path: str, status: int, words: str
) -> None:
    found, refused, _ = ask(app, method, path)
    assert found == status
    assert words in refused["error"]["message"]


DOORS: list[tuple[str, tuple[bytes, ...], str, int]] = [
    ("a loopback name", LOCAL, "127.0.0.1", 200),
    ("another loopback name", (b"host", b"127.0.0.1"), "127.0.0.1", 200),
    ("IPv6", (b"host", b"[::1]:8080"), "::1", 200),
    ("an IPv4 address in IPv6", LOCAL, "::ffff:127.0.0.1", 200),
    ("its own page", (*LOCAL, b"origin", b"http://localhost:8080"), "127.0.0.1", 200),
    ("another machine", LOCAL, "192.168.1.7", 403),
    ("a rebound name", (b"host", b"evil.example:8080"), "127.0.0.1", 403),
    ("a name that begins like a loopback one", (b"host", b"localhost.evil.example"), "127.0.0.1", 403),
    ("no host", (), "127.0.0.1", 403),
    ("a foreign page", (*LOCAL, b"origin", b"https://evil.example"), "127.0.0.1", 403),
    ("a page on another port", (*LOCAL, b"origin", b"http://localhost:3000"), "127.0.0.1", 403),
    ("a sandboxed page", (*LOCAL, b"origin", b"null"), "127.0.0.1", 403),
    ("a proxy on this machine", (*LOCAL, b"x-forwarded-for", b"192.168.1.7"), "127.0.0.1", 403),
    ("a foreign page's image", (*LOCAL, b"sec-fetch-site", b"cross-site"), "127.0.0.1", 403),
]


@pytest.mark.parametrize(
    ("headers", "peer", "status"), [row[1:] for row in DOORS], ids=[row[0] for row in DOORS]
)
def test_the_control_api_is_closed_to_strangers(
    app: App, headers: tuple[bytes, ...], peer: str, status: int
) -> None:
    assert ask(app, "GET", "/_understudy/requests", headers, peer=peer)[0] == status


@pytest.mark.parametrize(("token", "status"), [("hush", 200), ("loud", 403), ("", 403), ("hüsh", 403)])
def test_a_token_opens_the_control_api_from_afar(token: str, status: int) -> None:
    headers = (b"host", b"mock.example", b"authorization", f"Bearer {token}".encode("latin-1"))
    app = App(Settings(control_token="hush"))
    assert ask(app, "GET", "/_understudy/requests", headers, peer="10.0.0.9")[0] == status


def test_a_body_that_is_nested_too_deeply_is_refused(app: App) -> None:
    body = b'[{"fault": "hang", "when": %b{}%b}]' % (b'{"not": ' * 900, b"}" * 900)
    status, refused, _ = ask(app, "PUT", "/_understudy/faults", body=body)
    assert (status, refused) == (400, {"error": {"message": "the body is nested too deeply"}})
    assert ask(app, "GET", "/_understudy/faults")[1] == {"faults": []}


def test_an_empty_token_opens_nothing() -> None:
    app = App(Settings(control_token=""))
    assert ask(app, "GET", "/_understudy/requests", (b"host", b"mock.example"), peer="10.0.0.9")[0] == 403


OUTAGES_REFUSED = [
    (b"", "outage: $.seconds: missing: while the port is closed, no call can open it again; say how long"),
    (b'{"how": "refuse"}', "outage: $.seconds: missing: while"),
    (b'{"seconds": 0}', "outage: $.seconds: expected seconds, above 0 and at most 3,600, found 0"),
    (b'{"seconds": -1, "how": "hang"}', "outage: $.seconds: expected seconds, above 0"),
    (b'{"seconds": 3601}', "outage: $.seconds: expected seconds, above 0 and at most 3,600, found 3601"),
    (b'{"seconds": "5s"}', "outage: $.seconds: expected seconds, above 0 and at most 3,600, found '5s'"),
    (b'{"seconds": true}', "outage: $.seconds: expected seconds, above 0 and at most 3,600, found True"),
    (b'{"seconds": 1, "how": "drop"}', "outage: $.how: expected refuse, hang or reset, found 'drop'"),
    (b'{"seconds": 1, "how": ["hang"]}', "outage: $.how: expected refuse, hang or reset, found ['hang']"),
    (b'{"second": 1}', 'outage: $: unknown key "second" (did you mean "seconds"?)'),
    (b"[5]", "outage: $: expected an object like"),
    (b"{", "the body is not JSON"),
]


@pytest.mark.parametrize(("body", "message"), OUTAGES_REFUSED)
def test_an_outage_that_is_none_is_refused(app: App, body: bytes, message: str) -> None:
    status, refused, _ = ask(app, "POST", "/_understudy/outage", body=body)
    assert status == 400
    assert refused["error"]["message"].startswith(message)


def test_without_an_outage_there_is_none_to_show_or_end(app: App) -> None:
    assert ask(app, "GET", "/_understudy/outage")[:2] == (200, {"outage": None})
    assert ask(app, "DELETE", "/_understudy/outage")[:2] == (200, {"ended": None})


def test_faults_of_the_settings_are_in_force_from_the_start_and_after_a_reset() -> None:
    app = App(Settings(faults=({"fault": {"error": 503}},)))
    body = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}).encode()
    for _ in range(2):
        assert ask(app, "POST", "/v1/chat/completions", body=body)[0] == 503
        ask(app, "DELETE", "/_understudy/faults")
        assert ask(app, "POST", "/v1/chat/completions", body=body)[0] == 200
        ask(app, "POST", "/_understudy/reset")
