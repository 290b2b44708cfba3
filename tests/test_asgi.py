"""The ASGI app: what it makes of Steps, message by message, and how clients find it behind a real host."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
import uvicorn
from openai import OpenAI
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from understudy import Understudy
from understudy.asgi import Asgi, Broken
from understudy.model import (
    Abort,
    Close,
    Head,
    HttpRequest,
    Pause,
    Queued,
    Send,
    Step,
    Steps,
    Upgrade,
)

QUESTION = {"model": "gpt-4o", "messages": [{"role": "user", "content": "?"}]}
SCOPE = {
    "type": "http",
    "method": "POST",
    "path": "/v1/models",
    "raw_path": b"/v1/models",
    "query_string": b"",
    "headers": [(b"Host", b"localhost")],
    "client": ("127.0.0.1", 5000),
}
BODY = {"type": "http.request", "body": b"{}", "more_body": False}
GONE = {"type": "http.disconnect"}


class Told:
    """A `handle` that answers with these steps, and notes the request and whether its answer was closed."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self._steps = steps
        self.requests: list[HttpRequest] = []
        self.left = False

    def handle(self, http: HttpRequest) -> Steps:
        self.requests.append(http)
        return self._answered()

    def _answered(self) -> Iterator[Step]:
        try:
            yield from self._steps
        except GeneratorExit:
            self.left = True
            raise


def played(
    told: Told, scope: dict[str, Any], messages: Sequence[dict[str, Any]], *, leaves: bool = False
) -> list[dict[str, Any]]:
    """The messages that the app sends when it receives these; then the client `leaves`, or waits."""
    sent: list[Any] = []

    async def play() -> None:
        left = iter(messages)

        async def receive() -> Any:
            message = next(left, None)
            if message is None and not leaves:
                await asyncio.Event().wait()
            return message or GONE

        async def send(message: Any) -> None:
            sent.append(message)

        await Asgi(told.handle)(scope, receive, send)

    asyncio.run(play())
    return sent


def test_a_whole_answer_is_a_start_and_a_body() -> None:
    told = Told([Head(200, b"content-type: text/plain\r\nx-a: b\r\n", 2), Send(b"ok")])
    assert played(told, SCOPE, [BODY]) == [
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"text/plain"), (b"x-a", b"b"), (b"content-length", b"2")],
        },
        {"type": "http.response.body", "body": b"ok", "more_body": True},
        {"type": "http.response.body", "body": b"", "more_body": False},
    ]


def test_a_streams_pieces_are_sent_as_they_come_and_its_length_is_not_told() -> None:
    told = Told([Pause(0.001), Head(200, b""), Send(b"a"), Pause(0.001), Send(b"b")])
    sent = played(told, SCOPE, [BODY])
    assert sent[0] == {"type": "http.response.start", "status": 200, "headers": []}
    assert [each["body"] for each in sent[1:]] == [b"a", b"b", b""]


def test_the_answer_to_head_has_no_body() -> None:
    sent = played(Told([Head(200, b"", 2), Send(b"ok")]), {**SCOPE, "method": "HEAD"}, [BODY])
    assert [each.get("body") for each in sent] == [None, b""]


def test_a_request_is_the_hosts_scope_and_all_of_its_body() -> None:
    told = Told([Head(200, b"", 0)])
    scope = {**SCOPE, "raw_path": b"/v1/models/a%20b", "query_string": b"limit=2"}
    played(told, scope, [{"type": "http.request", "body": b"{", "more_body": True}, {**BODY, "body": b"}"}])
    assert told.requests == [
        HttpRequest("POST", "/v1/models/a%20b?limit=2", (b"host", b"localhost"), b"{}", "127.0.0.1")
    ]


@pytest.mark.parametrize(
    ("scope", "target"),
    [
        ({"path": "/mock/v1/models", "raw_path": b"/mock/v1/models", "root_path": "/mock"}, "/v1/models"),
        ({"path": "/mock", "raw_path": b"/mock", "root_path": "/mock"}, "/"),
        ({"path": "/v1/a b", "raw_path": None}, "/v1/a%20b"),
    ],
)
def test_a_path_begins_where_the_app_is_mounted(scope: dict[str, Any], target: str) -> None:
    told = Told([Head(200, b"", 0)])
    played(told, {**SCOPE, **scope}, [BODY])
    assert told.requests[0].target == target


def test_a_peer_that_the_host_does_not_name_is_nobody() -> None:
    told = Told([Head(200, b"", 0)])
    played(told, {**SCOPE, "client": None}, [BODY])
    assert told.requests[0].peer == ""


def test_an_abort_raises() -> None:
    with pytest.raises(Broken):
        played(Told([Head(200, b""), Send(b"a"), Abort("reset"), Send(b"b")]), SCOPE, [BODY])


def test_a_client_that_leaves_during_a_pause_is_sent_no_more() -> None:
    told = Told([Head(200, b""), Send(b"a"), Pause(float("inf")), Send(b"b")])
    sent = played(told, SCOPE, [BODY], leaves=True)
    assert [each.get("body") for each in sent] == [None, b"a"]
    assert told.left


def test_a_client_that_leaves_before_its_body_is_there_is_not_answered() -> None:
    told = Told([])
    assert played(told, SCOPE, [], leaves=True) == []
    assert told.requests == []


def test_the_lifespan_is_acknowledged() -> None:
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    assert [each["type"] for each in played(Told([]), {"type": "lifespan"}, messages)] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


# --- WebSockets -----------------------------------------------------------------------------------------

WEBSOCKET = {**SCOPE, "type": "websocket", "path": "/talk", "raw_path": b"/talk"}
CONNECT, LEFT = {"type": "websocket.connect"}, {"type": "websocket.disconnect"}


class Talk:
    """A session that says what it is told to say to a message; `lane: what` is said in a lane."""

    AT_ONCE = 1

    def __init__(self, **says: Sequence[Step]) -> None:
        self.says = says
        self.late: tuple[Step, ...] = ()
        self.ended: list[str] = []

    def receive(self, message: str) -> Queued:
        lane, _, what = message.rpartition(": ")
        return Queued(lane or None, self._said(what))

    def _said(self, what: str) -> Iterator[Step]:
        try:
            yield from self.says[what]
        except GeneratorExit:
            self.ended.append(what)
            raise

    def overdue(self) -> Steps:
        late, self.late = self.late, ()
        return iter(late)


def talked(talk: Talk, *messages: str | bytes) -> list[dict[str, Any]]:
    """What the app sends to a client that says this, and leaves once all that was to be said is."""
    sent: list[Any] = []

    async def play() -> None:
        said = iter(messages)
        quiet = asyncio.Event()

        async def receive() -> Any:
            if not sent:
                return CONNECT
            message = next(said, None)
            if message is None:
                await quiet.wait()
                return LEFT
            return {"type": "websocket.receive", "text" if isinstance(message, str) else "bytes": message}

        async def send(message: Any) -> None:
            sent.append(message)
            if message.get("text") == "bye":
                quiet.set()

        await Asgi(Told([]).handle, lambda http: iter((Upgrade(talk),)))(WEBSOCKET, receive, send)

    asyncio.run(play())
    assert sent[0] == {"type": "websocket.accept"}
    return sent[1:]


def texts(*said: str) -> list[dict[str, Any]]:
    return [{"type": "websocket.send", "text": each} for each in said]


BYE = Send(b"bye")


def test_a_sessions_messages_are_sent() -> None:
    assert talked(Talk(hi=[Send("é".encode()), Pause(0.001), BYE]), "hi") == texts("é", "bye")


def test_lanes_are_in_order_and_what_has_none_waits_for_nobody() -> None:
    talk = Talk(slow=[Pause(0.02), Send(b"slow")], fast=[Send(b"fast")], bye=[Pause(0.04), BYE])
    assert talked(talk, "a: slow", "b: fast", "fast", "a: bye") == texts("fast", "slow", "fast", "bye")


def test_a_session_may_close() -> None:
    talk = Talk(end=[Send(b"so long"), Close(4000, "enough")], slow=[Pause(float("inf"))])
    assert talked(talk, "slow", "end") == [
        *texts("so long"),
        {"type": "websocket.close", "code": 4000, "reason": "enough"},
    ]
    assert talk.ended == ["end", "slow"]


def test_bytes_are_not_understood() -> None:
    assert [each["code"] for each in talked(Talk(), b"hi")] == [1003]


def test_what_is_overdue_is_said_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("understudy.asgi.OVERDUE_S", 0.001)
    talk = Talk()
    talk.late = (Send(b"late"), Close(1001))
    assert talked(talk)[0] == texts("late")[0]


def test_an_abort_of_a_websocket_raises() -> None:
    with pytest.raises(Broken):
        talked(Talk(cut=[Abort("reset")]), "cut")


def test_who_answers_learns_that_the_client_has_left() -> None:
    talk = Talk(slow=[BYE, Pause(3600.0)])
    talked(talk, "slow")
    assert talk.ended == ["slow"]


def test_a_websocket_that_is_not_opened_is_turned_away() -> None:
    told = Told([Head(401, b"x-a: b\r\n", 2), Send(b"no")])
    assert played(told, WEBSOCKET, [CONNECT]) == [{"type": "websocket.close"}]


def test_a_host_that_can_tells_why_it_is_not_opened() -> None:
    told = Told([Head(401, b"x-a: b\r\n", 2), Send(b"no")])
    scope = {**WEBSOCKET, "extensions": {"websocket.http.response": {}}}
    assert played(told, scope, [CONNECT]) == [
        {
            "type": "websocket.http.response.start",
            "status": 401,
            "headers": [(b"x-a", b"b"), (b"content-length", b"2")],
        },
        {"type": "websocket.http.response.body", "body": b"no"},
    ]


# --- behind uvicorn -------------------------------------------------------------------------------------


@contextmanager
def hosted(app: Any) -> Iterator[str]:
    """The URL of uvicorn, serving the app."""
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # which tells of every Abort
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, ws="websockets-sansio", lifespan="on", log_config=None)
    )
    started = threading.Event()
    startup = server.startup

    async def starting(*args: Any, **kwargs: Any) -> None:
        await startup(*args, **kwargs)
        started.set()

    server.startup = starting  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert started.wait(20)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def test_the_sdk_finds_it_behind_a_host() -> None:
    llm = Understudy()
    llm.when(user="Paris").reply("It is sunny.")
    llm.when(user="cut").reply("It is sunny in Paris.", faults=[{"cut": {"after": "50%"}}])
    with hosted(llm.asgi()) as url:
        with OpenAI(base_url=f"{url}/v1", api_key="any") as client:
            stream = client.chat.completions.create(
                model="gpt-4o", messages=[{"role": "user", "content": "Paris?"}], stream=True
            )
            assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "It is sunny."
        with httpx2.Client() as bare:
            assert bare.get(f"{url}/_understudy/rules").status_code == 200
            assert bare.get(f"{url}/@alice/v1/models").status_code == 200
            with pytest.raises(httpx2.RemoteProtocolError):
                bare.post(
                    f"{url}/v1/chat/completions",
                    json={"model": "gpt-4o", "messages": [{"role": "user", "content": "cut"}]},
                )
    llm.verify(user="Paris", times=1)
    assert llm.requests[-1].outcome == "cut"


@pytest.mark.filterwarnings(r"ignore:connect\(\) must be used as a context manager:DeprecationWarning")
def test_the_sdk_opens_a_websocket_behind_a_host() -> None:
    llm = Understudy()
    llm.when(user="Paris").reply("It is sunny.")
    with hosted(llm.asgi()) as url:
        with (
            OpenAI(base_url=f"{url}/v1", api_key="any") as client,
            client.responses.connect() as connection,
        ):
            connection.response.create(model="gpt-5.6", input="Paris?")
            last = next(event for event in connection if event.type == "response.completed")
            assert last.response.output_text == "It is sunny."
        with pytest.raises(InvalidStatus, match="405"), connect(f"ws{url[4:]}/v1/embeddings"):
            pass
    llm.verify(user="Paris", times=1)


def test_an_app_of_its_own_is_made_from_settings() -> None:
    async def ask(app: Any) -> Any:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app)) as client:
            return (await client.post("http://localhost/v1/chat/completions", json=QUESTION)).json()

    answered = asyncio.run(ask(Understudy.asgi(strict=True)))
    assert answered["error"]["code"] == "no_rule_matched"


def test_rule_files_are_read_again_without_a_server_to_look_after_them(tmp_path: Any) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules: [{reply: before}]")
    llm = Understudy(rules=rules)

    async def ask() -> Any:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(llm.asgi())) as client:
            answer = await client.post("http://localhost/v1/chat/completions", json=QUESTION)
            return answer.json()["choices"][0]["message"]["content"]

    assert asyncio.run(ask()) == "before"
    rules.write_text("rules: [{reply: and after}]")
    assert asyncio.run(ask()) == "and after"
