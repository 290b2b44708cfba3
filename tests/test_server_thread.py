"""A server in a thread of its own: what is called where, and what is left when it stops."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import urlopen

import pytest

from understudy.model import Head, HttpRequest, Send, Steps
from understudy.server import Server, ServerThread

HOSTS = ("127.0.0.1",)


def refuse(status: int, message: str) -> Steps:
    return iter([Head(status, b"", 0)])


def hello(http: HttpRequest) -> Steps:
    return iter([Head(200, b"", 5), Send(b"hello")])


@contextmanager
def started(server: Server) -> Iterator[tuple[ServerThread, int]]:
    thread = ServerThread(server)
    port = thread.start(HOSTS, 0)
    try:
        yield thread, port
    finally:
        thread.stop()


def asked(port: int) -> bytes:
    with urlopen(f"http://127.0.0.1:{port}/", timeout=20) as answer:
        return bytes(answer.read())


def test_it_answers_until_it_is_stopped() -> None:
    with started(Server(hello, refuse)) as (_, port):
        assert asked(port) == b"hello"
    with pytest.raises(OSError, match="refused"):
        asked(port)


def test_a_call_is_made_on_the_servers_thread_and_gives_what_came_of_it() -> None:
    def broken() -> None:
        raise ZeroDivisionError("in the call")

    with started(Server(hello, refuse)) as (thread, _):
        assert thread.call(threading.current_thread).name == "understudy"
        assert thread.call(lambda: thread.call(threading.current_thread)).name == "understudy"
        with pytest.raises(ZeroDivisionError, match="in the call"):
            thread.call(broken)


def test_without_a_running_server_a_call_is_made_at_once() -> None:
    thread = ServerThread(Server(hello, refuse))
    assert thread.call(threading.current_thread) is threading.current_thread()
    thread.end_outage()
    thread.stop()
    thread.start(HOSTS, 0)
    thread.stop()
    assert thread.call(threading.current_thread) is threading.current_thread()


def test_the_port_is_open_again_when_an_outage_has_ended() -> None:
    server = Server(hello, refuse)
    with started(server) as (thread, port):
        for _ in range(20):
            thread.call(lambda: server.begin_outage("refuse"))
            with pytest.raises(OSError, match="refused"):
                asked(port)
            thread.end_outage()
            assert asked(port) == b"hello"


def test_a_port_that_is_taken_leaves_no_thread() -> None:
    threads = threading.active_count()
    with started(Server(hello, refuse)) as (_, port):
        other = ServerThread(Server(hello, refuse))
        with pytest.raises(OSError, match="in use"):
            other.start(HOSTS, port)
        assert threading.active_count() == threads + 1
        other.stop()
    assert threading.active_count() == threads
