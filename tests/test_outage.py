"""Outages on purpose: what clients of each kind see, when it begins, while it lasts, and behind it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam

from sockets import LOOPS, TIMEOUT_S, Client, Running, connected, echo, opened, refuse
from understudy.app import App
from understudy.model import Head, HttpRequest, Pace, Pause, Send, Step
from understudy.server import Limits, Server, listener
from understudy.server.outage import Outages
from understudy.settings import Settings

LoopFactory = Callable[[], asyncio.AbstractEventLoop]

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
STREAM = b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n"
SPARED = b"GET /spared HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
HOWS = ("refuse", "hang", "reset")
SILENCE_S = 0.1
"""For so long nothing may come from a server that hangs."""


class Site:
    """What a server in these tests answers, and what it is told.

    `/stream` sends `a`, `b` when `go_on` is set, and ends; `/refuse`, `/hang` and `/reset` begin an
    outage, `/end` ends it.
    """

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.cut: list[str] = []
        self.lost: list[tuple[str, bool]] = []
        self.heard = threading.Condition()
        self.server = Server(
            self.handle,
            refuse,
            limits=Limits(drain_s=60.0),
            spared=lambda request: request.target != "/a" and request.target != "/stream",
            unanswered=self.unanswered,
        )

    def handle(self, request: HttpRequest) -> Iterator[Step]:
        if request.target == "/stream":
            return self.stream()
        if request.target == "/refuse":
            self.server.begin_outage("refuse", 3600)
        elif request.target == "/hang":
            self.server.begin_outage("hang")
        elif request.target == "/reset":
            self.server.begin_outage("reset")
        elif request.target == "/end":
            self.server.end_outage()
        return echo(request)

    def stream(self) -> Iterator[Step]:
        try:
            yield Head(200, b"")
            yield Send(b"a")
            while not self.go_on.is_set():
                yield Pause(0.005)
            yield Send(b"b")
        except (GeneratorExit, ConnectionResetError) as end:
            self.note(self.cut, str(end) or type(end).__name__)
            raise

    def unanswered(self, request: HttpRequest, seconds: float, reset: bool) -> None:
        assert 0 <= seconds < TIMEOUT_S
        self.note(self.lost, (request.target, reset))

    def note(self, notes: list[Any], what: Any) -> None:
        with self.heard:
            notes.append(what)
            self.heard.notify_all()

    def hears(self, notes: list[Any], what: list[Any]) -> bool:
        """Whether these notes come to be taken."""
        with self.heard:
            return self.heard.wait_for(lambda: notes == what, TIMEOUT_S)


@pytest.fixture(params=LOOPS, ids=["uvloop", "asyncio"])
def loop_factory(request: pytest.FixtureRequest) -> LoopFactory:
    factory: LoopFactory = request.param
    return factory


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def running(site: Site, loop_factory: LoopFactory) -> Iterator[Running]:
    with opened(site.server, loop_factory=loop_factory) as running:
        yield running


def silent(client: Client) -> bool:
    """Whether nothing comes for a while."""
    client.socket.settimeout(SILENCE_S)
    try:
        client.socket.recv(1)
    except TimeoutError:
        client.socket.settimeout(TIMEOUT_S)
        return True
    return False


def reset(client: Client) -> bool:
    try:
        client.rest()
    except ConnectionResetError:
        return True
    return False


def refused(port: int, host: str = "127.0.0.1") -> bool:
    """Whether nobody listens there.

    Where somebody does, the connection is used: asyncio's own loop forgets to close what it is just
    accepting when it stops to listen.
    """
    try:
        client = Client(port, host)
    except ConnectionRefusedError:
        return True
    with client, contextlib.suppress(ConnectionError):
        client.ask(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    return False


def open_again(port: int, host: str = "127.0.0.1") -> bool:
    """Whether the port comes to be open."""
    until = monotonic() + TIMEOUT_S
    while refused(port, host):
        if monotonic() > until:
            return False
    return True


def ask(running: Running, path: str) -> bytes:
    """Ask for the path on a connection of its own."""
    return running.ask(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())


# refuse


def test_refuse_closes_the_port_and_resets_what_is_open(site: Site, running: Running) -> None:
    with running.client() as busy, running.client() as idle, running.client() as asking:
        busy.send(STREAM)
        busy.until(b"1\r\na\r\n")
        idle.send(GET)
        idle.until(b"GET /a 0")
        answer = asking.ask(b"GET /refuse HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer == (
            b"HTTP/1.1 200 OK\r\nconnection: close\r\n"
            b"content-type: text/plain\r\ncontent-length: 13\r\n\r\nGET /refuse 0"
        )
        assert refused(running.port)
        assert reset(busy)
        assert reset(idle)
        assert site.cut == ["outage"]
    running.call(site.server.end_outage)
    assert open_again(running.port)
    assert ask(running, "/a").endswith(b"GET /a 0")


def test_a_refusal_ends_by_itself(site: Site, running: Running) -> None:
    running.call(site.server.begin_outage, "refuse", 0.05)
    assert refused(running.port)
    assert open_again(running.port)
    assert site.server.outage is None
    assert ask(running, "/a").endswith(b"GET /a 0")


def test_a_port_refuses_many_times_over(site: Site, running: Running) -> None:
    for _ in range(20):
        with running.client() as client:
            client.send(GET)
            client.until(b"GET /a 0")
            running.call(site.server.begin_outage, "refuse", 3600)
            assert refused(running.port)
            assert reset(client)
        running.call(site.server.end_outage)
        assert open_again(running.port)


def test_both_address_families_are_refused(site: Site, loop_factory: LoopFactory) -> None:
    with opened(site.server, loop_factory=loop_factory, hosts=("127.0.0.1", "::1")) as running:
        assert not refused(running.port, "::1")
        ask(running, "/refuse")
        assert refused(running.port)
        assert refused(running.port, "::1")
        running.call(site.server.end_outage)
        assert open_again(running.port)
        assert open_again(running.port, "::1")


def test_a_connection_that_arrives_while_the_port_closes_is_reset() -> None:
    connection, _, _ = connected()
    shared = connection._shared
    outages(shared, refused=True).begin("refuse", None)
    late, wire, _ = connected()
    late._shared = shared
    wire.ended = ""
    late.connection_made(wire)
    assert wire.ended == "aborted"


def noticed(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set once the server has logged an error."""
    seen, error = threading.Event(), listener.log.error

    def note(*given: Any) -> None:
        error(*given)
        seen.set()

    monkeypatch.setattr(listener.log, "error", note)
    return seen


def test_a_port_that_somebody_else_has_taken_meanwhile_is_tried_again(
    site: Site, running: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listener, "RETRY_S", 0.01)
    seen = noticed(monkeypatch)
    running.call(site.server.begin_outage, "refuse", 3600)
    with socket.create_server(("127.0.0.1", running.port)):
        running.call(site.server.end_outage)
        assert seen.wait(TIMEOUT_S)
    assert open_again(running.port)
    assert ask(running, "/a").endswith(b"GET /a 0")
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert told == [
        f"after the outage, port {running.port} cannot be opened again: Address already in use; "
        "trying every second"
    ]


def test_a_server_that_waits_for_its_port_can_refuse_again_and_close(
    site: Site, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = noticed(monkeypatch)
    running.call(site.server.begin_outage, "refuse", 3600)
    with socket.create_server(("127.0.0.1", running.port)):
        running.call(site.server.end_outage)
        assert seen.wait(TIMEOUT_S)
        running.call(site.server.begin_outage, "refuse", 3600)
    assert refused(running.port)
    running.call(site.server.end_outage)
    running.begin_close().result(TIMEOUT_S)
    assert refused(running.port)


# hang


def test_hang_answers_what_was_asked_when_it_is_over(site: Site, running: Running) -> None:
    ask(running, "/hang")
    with running.client() as client, running.client() as other:
        client.send(GET + LAST)
        other.send(b"rubbish\r\n\r\n")
        assert silent(client)
        assert silent(other)
        assert ask(running, "/end").endswith(b"GET /end 0")
        assert client.until(b"GET /a 0").startswith(b"HTTP/1.1 200 OK\r\n")
        assert client.rest().endswith(b"GET /a 0")
        assert other.rest().startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert site.lost == []


def test_hang_silences_a_running_answer_until_it_is_over(site: Site, running: Running) -> None:
    with running.client() as client:
        client.send(STREAM)
        client.until(b"1\r\na\r\n")
        ask(running, "/hang")
        site.go_on.set()
        assert silent(client)
        assert ask(running, "/spared").endswith(b"GET /spared 0")
        ask(running, "/end")
        assert client.until(b"0\r\n\r\n") == b"1\r\nb\r\n0\r\n\r\n"
    assert site.cut == []


def test_hang_ends_by_itself(site: Site, running: Running) -> None:
    with running.client() as client:
        client.send(STREAM)
        client.until(b"1\r\na\r\n")
        running.call(site.server.begin_outage, "hang", 0.05)
        site.go_on.set()
        assert client.until(b"0\r\n\r\n") == b"1\r\nb\r\n0\r\n\r\n"


def test_a_client_that_leaves_what_hangs_is_noted(site: Site, running: Running) -> None:
    ask(running, "/hang")
    with running.client() as client:
        client.send(GET)
        assert silent(client)
    assert site.hears(site.lost, [("/a", False)])
    ask(running, "/end")
    assert site.lost == [("/a", False)]


def test_a_body_that_waits_to_be_asked_for_waits_until_the_silence_is_over(running: Running) -> None:
    ask(running, "/hang")
    with running.client() as client:
        client.send(
            b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
            b"Expect: 100-continue\r\nConnection: close\r\n\r\n"
        )
        assert silent(client)
        ask(running, "/end")
        client.until(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert client.ask(b"abc").endswith(b"POST /a 3")


def outages(shared: Any, refused: bool = False) -> Outages:
    """The outages of connections in memory; only `refuse` asks for the port."""

    def port() -> None:
        assert refused

    return Outages(shared, lambda request: False, lambda *_: None, port, port)


def test_a_pause_goes_on_behind_the_silence_for_what_is_left_of_it() -> None:
    steps: list[Step] = [Head(200, b""), Send(b"a"), Pause(60.0), Send(b"b"), Pause(60.0), Send(b"c")]
    connection, wire, clock = connected(lambda _: iter(steps))
    connection.data_received(GET)
    outage = outages(connection._shared)
    outage.begin("hang", None)
    assert clock.sleepers == []
    outage.end()
    assert clock.dues[1] == clock.dues[0]
    clock.ring()
    assert wire.written.endswith(b"1\r\na\r\n1\r\nb\r\n")
    assert clock.dues[2] == clock.dues[0] + 60.0


def test_a_pause_that_was_over_during_the_silence_has_the_answer_go_on_at_its_pace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps: list[Step] = [Head(200, b""), Send(b"a"), Pause(1.0), Send(b"b"), Pause(1.0), Send(b"c")]
    connection, wire, clock = connected(lambda _: iter(steps))
    connection.data_received(GET)
    outage = outages(connection._shared)
    outage.begin("hang", None)
    over = clock.dues[0] + 30.0
    monkeypatch.setattr("understudy.server.outage.monotonic", lambda: over)
    monkeypatch.setattr("understudy.server.connection.monotonic", lambda: over)
    outage.end()
    clock.ring()
    assert wire.written.endswith(b"1\r\na\r\n1\r\nb\r\n")
    assert clock.dues[1:] == [over, over + 1.0]


def test_an_answer_without_an_end_has_none_behind_an_outage_either() -> None:
    connection, wire, clock = connected(lambda _: iter([Pause(float("inf")), Head(200, b"", 0)]))
    connection.data_received(GET)
    outage = outages(connection._shared)
    outage.begin("hang", None)
    outage.end()
    assert clock.dues == [float("inf"), float("inf")]
    assert wire.written == b""


def test_an_answer_that_a_slow_reader_held_up_stays_silent_when_it_reads_on() -> None:
    block = bytes(100_000)
    connection, wire, clock = connected(lambda _: iter([Head(200, b"", 200_000), Send(block), Send(block)]))
    wire.room = 50_000
    connection.data_received(GET)
    sent = len(wire.written)
    outage = outages(connection._shared)
    outage.begin("hang", None)
    wire.room = 1 << 30
    connection.resume_writing()
    assert len(wire.written) == sent
    outage.end()
    clock.ring()
    assert len(wire.written) == sent + 100_000


# reset


def test_reset_resets_who_asks_and_who_is_being_answered(site: Site, running: Running) -> None:
    with running.client() as busy, running.client() as idle, running.client() as wrong:
        busy.send(STREAM)
        busy.until(b"1\r\na\r\n")
        ask(running, "/reset")
        assert reset(busy)
        assert site.cut == ["outage"]
        assert ask(running, "/spared").endswith(b"GET /spared 0")
        idle.send(GET)
        assert reset(idle)
        wrong.send(b"rubbish\r\n\r\n")
        assert reset(wrong)
        with running.client() as late:
            late.send(GET)
            assert reset(late)
    assert site.lost == [("/a", True), ("/a", True)]
    ask(running, "/end")
    assert ask(running, "/a").endswith(b"GET /a 0")


def test_reset_ends_by_itself(site: Site, running: Running) -> None:
    running.call(site.server.begin_outage, "reset", 0.05)
    until = monotonic() + TIMEOUT_S
    while monotonic() < until:
        try:
            answer = ask(running, "/a")
        except ConnectionResetError:
            continue
        break
    assert answer.endswith(b"GET /a 0")
    assert site.server.outage is None


# One after the other


@pytest.mark.parametrize("how", HOWS)
def test_an_outage_that_is_followed_by_another_ends(site: Site, running: Running, how: str) -> None:
    with running.client() as client:
        ask(running, "/hang")
        client.send(GET)
        assert silent(client)
        running.call(site.server.begin_outage, how, 3600)
        if how == "hang":
            assert silent(client)
            running.call(site.server.end_outage)
            assert client.until(b"GET /a 0").startswith(b"HTTP/1.1 200 OK\r\n")
        else:
            assert reset(client)
            assert site.lost == [("/a", True)]


@pytest.mark.parametrize("how", HOWS)
def test_the_outage_under_way_can_be_asked_for(site: Site, running: Running, how: str) -> None:
    assert site.server.outage is None
    running.call(site.server.begin_outage, how, 60)
    outage = running.call(lambda: site.server.outage)
    assert outage.how == how
    assert 0 < outage.seconds_left <= 60
    ended = running.call(site.server.end_outage)
    assert ended.how == how
    assert running.call(lambda: site.server.outage) is None
    assert running.call(site.server.end_outage) is None


def test_an_outage_without_an_end_has_no_seconds_left(site: Site, running: Running) -> None:
    ask(running, "/hang")
    assert site.server.outage == ("hang", None)


def test_a_refusal_that_another_outage_follows_opens_the_port(site: Site, running: Running) -> None:
    running.call(site.server.begin_outage, "refuse", 3600)
    running.call(site.server.begin_outage, "reset")
    assert open_again(running.port)
    with running.client() as client:
        client.send(GET)
        assert reset(client)


# Closing


@pytest.mark.parametrize("how", HOWS)
def test_a_server_closes_promptly_during_an_outage(site: Site, running: Running, how: str) -> None:
    with running.client() as busy, running.client() as late:
        busy.send(STREAM)
        busy.until(b"1\r\na\r\n")
        late.send(SPARED)
        late.until(b"GET /spared 0")
        running.call(site.server.begin_outage, how, 3600)
        if how == "hang":
            late.send(GET)
            assert silent(late)
        running.begin_close().result(TIMEOUT_S)
        assert reset(busy)
    assert site.cut == ["outage"]
    assert refused(running.port)
    assert site.server.outage is None


def test_a_server_that_is_not_open_has_no_outages(site: Site) -> None:
    assert site.server.outage is None
    assert site.server.end_outage() is None
    with pytest.raises(RuntimeError, match="not open"):
        site.server.begin_outage("hang")


def test_a_bug_in_an_answer_that_is_cut_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def handle(_: HttpRequest) -> Iterator[Step]:
        try:
            yield Pause(60.0)
        finally:
            raise KeyError("late")

    connection, wire, _ = connected(handle)
    connection.data_received(GET)
    outages(connection._shared).begin("reset", None)
    assert wire.ended == "aborted"
    assert "KeyError: 'late'" in caplog.text


# TLS


@pytest.mark.parametrize("how", HOWS)
def test_an_outage_of_a_server_with_tls(
    site: Site, loop_factory: LoopFactory, certificate: tuple[Path, Path], how: str
) -> None:
    server_tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_tls.load_cert_chain(*certificate)
    client_tls = ssl.create_default_context(cafile=str(certificate[0]))
    with opened(site.server, server_tls, loop_factory) as running:
        with Client(running.port, tls=client_tls) as busy:
            busy.send(STREAM)
            busy.until(b"1\r\na\r\n")
            with Client(running.port, tls=client_tls) as asking:
                asking.send(f"GET /{how} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                assert asking.until(f"GET /{how} 0".encode()).startswith(b"HTTP/1.1 200 OK\r\n")
                assert how != "refuse" or asking.rest() == b""
            site.go_on.set()
            if how == "hang":
                assert silent(busy)
            else:
                with socket.socket(fileno=socket.dup(busy.socket.fileno())) as below:
                    below.settimeout(TIMEOUT_S)
                    with pytest.raises(ConnectionResetError):
                        below.recv(1)
            assert refused(running.port) == (how == "refuse")
            running.call(site.server.end_outage)
            if how == "hang":
                assert busy.until(b"0\r\n\r\n") == b"1\r\nb\r\n0\r\n\r\n"
        assert open_again(running.port)
        with Client(running.port, tls=client_tls) as again:
            assert again.ask(LAST).endswith(b"GET /a 0")


# What users see: the whole program


HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello there, who are you?"}]
ONE_A_TIME = Settings(pace=Pace(0.0, 500.0))


class User:
    """Somebody with the whole server, the control API and the official SDK."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.url = f"http://127.0.0.1:{running.port}"

    def control(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        connection = HTTPConnection("127.0.0.1", self.running.port, timeout=TIMEOUT_S)
        try:
            connection.request(method, f"/_understudy{path}", None if body is None else json.dumps(body))
            answer = connection.getresponse()
            return answer.status, json.load(answer)
        finally:
            connection.close()

    def begin(self, how: str, seconds: float | None = None) -> None:
        body = {"how": how} | ({} if seconds is None else {"seconds": seconds})
        status, begun = self.control("POST", "/outage", body)
        assert (status, begun["outage"]["how"]) == (200, how)

    @contextmanager
    def sdk(self, timeout: float = TIMEOUT_S, retries: int = 0) -> Iterator[OpenAI]:
        with OpenAI(base_url=f"{self.url}/v1", api_key="any", timeout=timeout, max_retries=retries) as client:
            yield client

    def journal(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.control("GET", "/requests")[1]["requests"]
        return listed


@contextmanager
def using(settings: Settings, loop_factory: LoopFactory) -> Iterator[User]:
    with opened(App(settings).server, loop_factory=loop_factory, hosts=("127.0.0.1", "::1")) as running:
        yield User(running)


@pytest.fixture
def user(loop_factory: LoopFactory) -> Iterator[User]:
    with using(Settings(), loop_factory) as user:
        yield user


def chat(client: OpenAI) -> str:
    return str(client.chat.completions.create(model="gpt-4o", messages=HELLO).choices[0].message.content)


def test_the_sdk_cannot_connect_while_the_port_is_closed(user: User) -> None:
    with user.sdk() as client:
        expected = chat(client)
        user.begin("refuse", 3600)
        with pytest.raises(openai.APIConnectionError) as caught:
            chat(client)
        assert not isinstance(caught.value, openai.APITimeoutError)
        user.running.call(user.running.server.end_outage)
        assert open_again(user.running.port)
        assert chat(client) == expected


def test_the_sdk_loses_its_connection_while_connections_are_reset(user: User) -> None:
    with user.sdk() as client:
        user.begin("reset")
        with pytest.raises(openai.APIConnectionError) as caught:
            chat(client)
        assert not isinstance(caught.value, openai.APITimeoutError)
        assert user.control("DELETE", "/outage")[1] == {"ended": {"how": "reset", "seconds_left": None}}
        assert chat(client)
    lost, answered = user.journal()
    assert (lost["answered_by"], lost["outcome"], lost["status"]) == ("outage", "cut", 0)
    assert answered["outcome"] == "complete"


def test_the_sdk_times_out_while_the_server_hangs(user: User) -> None:
    user.begin("hang")
    with user.sdk(timeout=0.2) as client, pytest.raises(openai.APITimeoutError):
        chat(client)
    while not (listed := user.journal()):
        pass
    assert [(each["answered_by"], each["outcome"], each["status"]) for each in listed] == [
        ("outage", "client left", 0)
    ]
    assert listed[0]["seconds"] >= 0.1


def test_the_sdk_waits_for_a_server_that_hangs_for_a_while(user: User) -> None:
    user.begin("hang", 0.3)
    with user.sdk() as client:
        assert chat(client)
    assert [each["outcome"] for each in user.journal()] == ["complete"]


@pytest.mark.parametrize(("how", "timeout"), [("refuse", TIMEOUT_S), ("reset", TIMEOUT_S), ("hang", 0.5)])
def test_the_sdk_that_retries_succeeds_once_the_outage_is_over(user: User, how: str, timeout: float) -> None:
    with user.sdk(timeout, retries=5) as client:
        user.begin(how, 0.4)
        assert chat(client)


@pytest.mark.parametrize("how", ["refuse", "reset"])
def test_a_stream_of_the_sdks_breaks_off(loop_factory: LoopFactory, how: str) -> None:
    with using(Settings(pace=Pace(0.0, 5.0)), loop_factory) as user, user.sdk() as client:
        stream = client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True)
        next(stream)
        user.begin(how, 3600)
        with pytest.raises(openai.APIConnectionError):
            for _ in stream:
                pass
        user.running.call(user.running.server.end_outage)
        assert open_again(user.running.port)
        journal = user.journal()
    assert [(each["outcome"], each["error"], each["status"]) for each in journal] == [("cut", "outage", 200)]
    assert journal[0]["answered_by"].startswith("autopilot: ")


def test_a_stream_of_the_sdks_goes_on_behind_a_silence(loop_factory: LoopFactory) -> None:
    with using(ONE_A_TIME, loop_factory) as user, user.sdk() as client:
        whole = chat(client)
        stream = client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True)
        text = next(stream).choices[0].delta.content or ""
        user.begin("hang", 0.3)
        text += "".join(chunk.choices[0].delta.content or "" for chunk in stream)
        assert text == whole


def test_the_control_api_answers_while_pages_hang(user: User) -> None:
    user.begin("hang")
    with user.running.client() as client:
        client.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert silent(client)
        assert user.control("GET", "/outage") == (200, {"outage": {"how": "hang", "seconds_left": None}})
        assert user.control("POST", "/reset") == (200, {"ok": True})
        assert client.until(b"}\n").startswith(b"HTTP/1.1 200 OK\r\n")
    assert user.control("GET", "/outage") == (200, {"outage": None})


def test_the_answer_to_a_refusal_is_whole_and_ends_the_connection(user: User) -> None:
    with user.running.client() as client:
        body = b'{"seconds": 3600}'
        head = b"POST /_understudy/outage HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
        answer = client.ask(head % len(body) + body)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"\r\nconnection: close\r\n" in head
    begun = json.loads(body)["outage"]
    assert begun["how"] == "refuse"
    assert 3590 < begun["seconds_left"] <= 3600
    assert refused(user.running.port)
    assert refused(user.running.port, "::1")
