"""Calls about the journal: filters, one exchange whole, the live stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from understudy.app import App
from understudy.control import requests as calls
from understudy.model import Head, HttpRequest, Idle, Pause, Send, Step
from understudy.remote import events
from understudy.settings import Settings

LOCAL = (b"host", b"localhost:8080")
JOURNAL = "/_understudy/requests"


@pytest.fixture
def app() -> App:
    return App(Settings())


def ask(app: App, target: str, body: object = None, headers: tuple[bytes, ...] = ()) -> Any:
    """The JSON that is answered; a body makes it a POST."""
    method, data = ("GET", b"") if body is None else ("POST", json.dumps(body).encode())
    *_, last = app.handle(HttpRequest(method, target, LOCAL + headers, data))
    assert isinstance(last, Send)
    return json.loads(last.data)


def chat(app: App, content: str = "Hello", **more: Any) -> Any:
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": content}], **more}
    return ask(app, "/v1/chat/completions", body)


def ids(app: App, query: str) -> list[int]:
    return [each["id"] for each in ask(app, f"{JOURNAL}?{query}")["requests"]]


class Reader:
    """Who reads the live stream."""

    def __init__(self, app: App, query: str = "", headers: tuple[bytes, ...] = ()) -> None:
        self.steps: Iterator[Step] = app.handle(
            HttpRequest("GET", f"{JOURNAL}/stream{query}", LOCAL + headers)
        )

    def read(self) -> str:
        """What is sent until the stream waits for what is new."""
        sent = b""
        for step in self.steps:
            if isinstance(step, Send):
                sent += step.data
            if isinstance(step, Idle) and step.seconds == calls.POLL_S:
                return sent.decode()
        raise AssertionError("the stream has ended")

    def ids(self) -> list[int]:
        told = [event for event in events(self.read().encode().splitlines()) if event.data]
        assert [int(event.id) for event in told] == [json.loads(event.data)["id"] for event in told]
        return [int(event.id) for event in told]

    def close(self) -> None:
        self.steps.close()  # type: ignore[attr-defined]


# --- filters ------------------------------------------------------------------------------------------


@pytest.fixture
def asked(app: App) -> App:
    """1 a chat, 2 an embedding, 3 a model that is none, 4 a chat that is refused, 5 a chat in capitals."""
    chat(app, "Which train goes to the Hafen von Köln?")
    ask(app, "/v1/embeddings", {"model": "text-embedding-3-small", "input": "harbour"})
    ask(app, "/v1/models/none")
    chat(app, "Hello", model="gpt-4o-mini", temperature=7)
    chat(app, "THE HARBOUR", model="mock-gpt-4")
    return app


FILTERS = [
    ("api=openai-embeddings", [2]),
    ("api=openai", []),
    ("model=gpt-4o", [1]),
    ("model=gpt-4o*", [1, 4]),
    ("model=gpt-4?-mini", [4]),
    ("status=200", [1, 2, 5]),
    ("status=4xx", [3, 4]),
    ("status=4XX", [3, 4]),
    ("status=404", [3]),
    ("status=5xx", []),
    ("rule=refused", [3, 4]),
    ("rule=embeddings", [2]),
    ("rule=autopilot", [1, 5]),
    ("contains=harbour", [2, 5]),
    ("contains=HAFEN%20VON%20K%C3%96LN", [1]),
    ("contains=chat.completion", [1, 5]),
    ("contains=temperature", [4]),
    ("contains=harbour&api=openai-chat", [5]),
    ("status=200&limit=2", [2, 5]),
    ("status=200&after=0&limit=2", [1, 2]),
    ("status=200&after=2", [5]),
    ("contains=nowhere", []),
]


@pytest.mark.parametrize(("query", "found"), FILTERS)
def test_a_filter_narrows_the_list(asked: App, query: str, found: list[int]) -> None:
    assert ids(asked, query) == found


@pytest.mark.parametrize(
    ("query", "total"), [("limit=1", 5), ("limit=1&status=200", 3), ("limit=1&after=2", 3), ("status=5xx", 0)]
)
def test_the_total_counts_all_that_pass_the_filters(asked: App, query: str, total: int) -> None:
    assert ask(asked, f"{JOURNAL}?{query}")["total"] == total


@pytest.mark.parametrize("status", ["4x", "xx", "2000", "ok", "", "-1"])
def test_a_status_that_is_none_is_refused(app: App, status: str) -> None:
    refused = ask(app, f"{JOURNAL}?status={status}")
    if status:  # an empty value is as good as none
        assert refused["error"]["path"] == "status"
        assert refused["error"]["message"] == f"status: expected a status like 200 or 4xx, found {status!r}"
    else:
        assert refused["total"] == 0


def test_a_rule_is_found_by_its_id_and_by_its_name(app: App) -> None:
    rules = [
        {"id": "r1", "name": "the weather", "when": {"user": "weather"}, "reply": "Sunny."},
        {"id": "r2", "when": {"user": "news"}, "reply": "None."},
    ]
    ask(app, "/_understudy/rules", rules)
    for content in ("weather", "news", "Hello"):
        chat(app, content)
    assert ids(app, "rule=the%20weather") == ids(app, "rule=r1") == [1]
    assert ids(app, "rule=r2") == [2]


def test_a_long_search_lets_others_have_their_turn(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "LOOKED_AT", 2)
    for _ in range(5):
        chat(app)
    steps = list(app.handle(HttpRequest("GET", f"{JOURNAL}?status=200", LOCAL)))
    assert [type(step) for step in steps] == [Pause, Pause, Head, Send]


# --- one exchange -------------------------------------------------------------------------------------


def test_one_exchange_tells_what_was_asked_and_answered_whatever_the_api(app: App) -> None:
    tool = {
        "type": "function",
        "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}},
    }
    rule = {
        "when": {"turn": 1},
        "reply": {"tool_calls": [{"name": "get_weather", "arguments": {"city": "Paris"}, "id": "call_1"}]},
    }
    ask(app, "/_understudy/rules", rule)
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "How is the weather?"},
    ]
    ask(
        app,
        "/v1/chat/completions",
        {"model": "gpt-4o", "messages": messages, "tools": [tool], "max_tokens": 50},
    )
    shown = ask(app, f"{JOURNAL}/1")
    told = shown["asked"]
    assert (told["user"], told["system"], told["turn"]) == ("How is the weather?", "Be brief.", 1)
    assert (told["tools"], told["tool_choice"]["mode"]) == (["get_weather"], "auto")
    assert told["sampling"] == {"max_tokens": 50}
    assert told["messages"][1] == {
        "role": "user",
        "parts": [{"type": "text", "text": "How is the weather?"}],
    }
    assert shown["reply"]["parts"] == [
        {"type": "tool_call", "name": "get_weather", "arguments": '{"city":"Paris"}', "id": "call_1"}
    ]
    assert shown["reply"]["stop"] == "tool_call"
    assert shown["reply"]["usage"]["input"] == shown["input_tokens"] > 0
    assert shown["response"]["body"]["choices"][0]["finish_reason"] == "tool_calls"
    assert shown["bytes_sent"] > 0
    assert shown["seconds"] >= 0


def test_of_an_embedding_the_texts_are_told(app: App) -> None:
    ask(app, "/v1/embeddings", {"model": "text-embedding-3-small", "input": ["a", "b"]})
    shown = ask(app, f"{JOURNAL}/1")
    assert shown["asked"] == {
        "operation": "embedding",
        "model": "text-embedding-3-small",
        "inputs": ["a", "b"],
    }
    assert "reply" not in shown


def test_of_the_models_no_more_than_the_operation_is_told(app: App) -> None:
    ask(app, "/v1/models")
    assert ask(app, f"{JOURNAL}/1")["asked"] == {"operation": "models", "model": ""}


def test_of_what_cannot_be_read_nothing_more_is_told(app: App) -> None:
    ask(app, "/v1/chat/completions", {"model": 7})
    ask(app, "/nowhere")
    for id in (1, 2):
        shown = ask(app, f"{JOURNAL}/{id}")
        assert "asked" not in shown
        assert "reply" not in shown
        assert shown["error"]


def test_further_choices_are_told_too(app: App) -> None:
    chat(app, n=3)
    assert len(ask(app, f"{JOURNAL}/1")["reply"]["others"]) == 2


def test_a_fault_is_told_and_the_bytes_that_were_really_sent(app: App) -> None:
    put = HttpRequest("PUT", "/_understudy/faults", LOCAL, b'[{"fault": {"error": 503}, "times": 1}]')
    list(app.handle(put))
    sent = chat(app)
    shown = ask(app, f"{JOURNAL}/1")
    assert (shown["status"], shown["faults"], shown["response"]["body"]) == (503, ["error"], sent)


# --- the live stream ----------------------------------------------------------------------------------


def test_the_stream_tells_of_each_exchange_that_ends(app: App) -> None:
    chat(app)
    reader = Reader(app)
    assert reader.ids() == []
    chat(app)
    ask(app, "/v1/nowhere")
    assert reader.ids() == [2, 3]
    assert reader.ids() == []


def test_an_event_holds_a_line_of_the_list(app: App) -> None:
    reader = Reader(app)
    reader.read()
    chat(app)
    id, data, *_ = reader.read().splitlines()
    assert id == "id: 1"
    assert json.loads(data.removeprefix("data: ")) == ask(app, JOURNAL)["requests"][0]


def test_the_stream_is_an_event_stream_that_nobody_keeps(app: App) -> None:
    head = next(Reader(app).steps)
    assert head == Head(200, b"content-type: text/event-stream\r\ncache-control: no-store\r\n")
    steps = list(app.handle(HttpRequest("HEAD", f"{JOURNAL}/stream", LOCAL)))
    assert steps == [head]


@pytest.mark.parametrize(
    ("query", "headers", "found"),
    [
        ("", (), []),
        ("?after=0", (), [1, 2, 3, 4]),
        ("?after=2", (), [3, 4]),
        ("?limit=2", (), [3, 4]),
        ("?limit=9", (), [1, 2, 3, 4]),
        ("", (b"last-event-id", b"3"), [4]),
        ("?after=1", (b"last-event-id", b"3"), [4]),
        ("?after=2&status=404", (), [4]),
        ("?limit=1&status=200", (), [3]),
        ("?after=70", (), [1, 2, 3, 4]),  # the server was started anew
    ],
)
def test_the_stream_begins_where_it_is_asked_to(
    app: App, query: str, headers: tuple[bytes, ...], found: list[int]
) -> None:
    for _ in range(3):
        chat(app)
    ask(app, "/v1/nowhere")
    reader = Reader(app, query, headers)
    assert reader.ids() == found
    chat(app)
    if "status=404" not in query:
        assert reader.ids() == [5]


def test_the_stream_says_first_where_it_is_for_a_reader_that_is_cut_off_before_anything_comes(
    app: App,
) -> None:
    chat(app)
    assert Reader(app).read() == "retry: 1000\nid: 1\n\n"


def test_a_reader_that_comes_back_gets_what_ended_meanwhile_though_it_began_before(app: App) -> None:
    slow = app.main.journal.open(HttpRequest("POST", "/v1/chat/completions"))
    chat(app)
    chat(app)
    list(app.main.journal.watch(slow, iter((Head(200, b""), Send(b"x")))))
    assert Reader(app, headers=(b"last-event-id", b"2")).ids() == [3, 1]


def test_an_exchange_under_way_is_told_of_when_it_ends_and_once(app: App) -> None:
    running = app.main.journal.open(HttpRequest("POST", "/v1/chat/completions"))
    chat(app)
    reader = Reader(app, "?after=0")
    assert reader.ids() == [2]
    list(app.main.journal.watch(running, iter((Head(200, b""), Send(b"x")))))
    assert reader.ids() == [1]


def test_who_reads_too_slowly_is_told_how_many_were_missed(app: App) -> None:
    app.main.journal._entries = 2
    reader = Reader(app)
    reader.read()
    for _ in range(5):
        chat(app)
    told = reader.read()
    assert told.startswith('event: missed\ndata: {"missed": 3}\n\nid: 4\n')
    assert told.count("id: ") == 2


def test_many_at_once_come_in_order(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "MOST_EVENTS", 3)
    reader = Reader(app)
    reader.read()
    for _ in range(7):
        chat(app)
    assert reader.ids() == [1, 2, 3, 4, 5, 6, 7]


def test_a_quiet_stream_says_that_it_is_alive(app: App) -> None:
    reader = Reader(app)
    told = [reader.read() for _ in range(2 * calls.QUIET_POLLS)]
    assert told[0] == "retry: 1000\nid: 0\n\n"
    assert [piece for piece in told[1:] if piece] == [": alive\n\n", ": alive\n\n"]


def test_streams_are_few_and_who_leaves_makes_room(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "MOST_READERS", 2)
    readers = [Reader(app), Reader(app)]
    for reader in readers:
        reader.read()
    refused = ask(app, f"{JOURNAL}/stream")
    assert refused["error"]["message"] == "2 live streams are open, as many as there can be"
    readers[0].close()
    assert Reader(app).ids() == []


@pytest.mark.parametrize("after", ["x", "-1", "9" * 40])
def test_a_place_in_the_stream_that_is_none_is_refused(app: App, after: str) -> None:
    refused = ask(app, f"{JOURNAL}/stream?after={after}")
    assert refused["error"]["path"] == "after"


# --- a file -------------------------------------------------------------------------------------------


def test_a_journal_in_a_file_is_listed_shown_and_streamed_alike_after_a_restart(tmp_path: Path) -> None:
    settings = Settings(journal=f"sqlite:///{tmp_path / 'journal.db'}")
    app = App(settings)
    chat(app, "Which train goes to the harbour?")
    streamed = {"model": "gpt-4o", "messages": [{"role": "user", "content": "And back?"}], "stream": True}
    list(app.handle(HttpRequest("POST", "/v1/chat/completions", LOCAL, json.dumps(streamed).encode())))
    ask(app, "/v1/nowhere")
    ask(app, "/@alice/v1/models")
    paths = (
        JOURNAL,
        f"{JOURNAL}/1",
        f"{JOURNAL}/2",
        f"{JOURNAL}/3",
        f"/@alice{JOURNAL}",
        f"/@alice{JOURNAL}/1",
    )
    before = [ask(app, path) for path in paths]
    app.close()
    again = App(settings)
    assert [ask(again, path) for path in paths] == before
    assert ids(again, "contains=harbour") == [1]
    assert ids(again, "status=404") == [3]
    assert Reader(again, "?limit=2").ids() == [2, 3]
    reader = Reader(again, headers=(b"last-event-id", b"1"))
    assert reader.ids() == [2, 3]
    chat(again)
    assert reader.ids() == [4]
    again.close()


def test_dropping_a_space_forgets_its_journal_in_the_file(tmp_path: Path) -> None:
    app = App(Settings(journal=f"sqlite:///{tmp_path / 'journal.db'}"))
    ask(app, "/@alice/v1/models")
    assert app.drop("alice")
    ask(app, "/@alice/v1/models")
    assert [each["id"] for each in ask(app, f"/@alice{JOURNAL}")["requests"]] == [2]
    app.close()
