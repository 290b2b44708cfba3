"""The transport of httpx and httpx2: the same answers, pauses and deaths as on a socket, without a port."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import httpx
import httpx2
import pytest
from openai import AsyncOpenAI, OpenAI

from understudy import Understudy
from understudy.model import Abort, Head, HttpRequest, Pause, Send, Step, Steps
from understudy.transport import Transport

LIBRARIES: pytest.MarkDecorator = pytest.mark.parametrize(
    "library", [httpx, httpx2], ids=lambda library: library.__name__
)
WAYS: pytest.MarkDecorator = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
Asked = Callable[..., Any]


def answering(steps: Sequence[Step]) -> Transport:
    def handle(http: HttpRequest) -> Steps:
        return iter(steps)

    return Transport(handle)


def asked(library: Any, is_async: bool, transport: Any, method: str = "POST", **options: Any) -> Any:
    """The response to a request by a client of the library."""

    async def ask() -> Any:
        async with library.AsyncClient(transport=transport, **options) as client:
            return await client.request(method, "https://api.openai.com/v1/models?a=b", content=b"{}")

    if is_async:
        return asyncio.run(ask())
    with library.Client(transport=transport, **options) as client:
        return client.request(method, "https://api.openai.com/v1/models?a=b", content=b"{}")


@LIBRARIES
@WAYS
def test_a_whole_answer_has_its_length(library: Any, is_async: bool) -> None:
    answer = asked(library, is_async, answering([Pause(0.001), Head(200, b"x-a: b\r\n", 2), Send(b"ok")]))
    assert (answer.status_code, answer.content) == (200, b"ok")
    assert (answer.headers["x-a"], answer.headers["content-length"]) == ("b", "2")
    assert answer.http_version == "HTTP/1.1"


@LIBRARIES
@WAYS
def test_a_stream_comes_in_pieces(library: Any, is_async: bool) -> None:
    answer = asked(library, is_async, answering([Head(200, b""), Send(b"a"), Pause(0.001), Send(b"b")]))
    assert (answer.content, answer.headers["transfer-encoding"]) == (b"ab", "chunked")


@LIBRARIES
@WAYS
@pytest.mark.parametrize(
    ("steps", "error", "told"),
    [
        ([Abort("close")], "RemoteProtocolError", "Server disconnected without sending a response."),
        ([Abort("reset")], "ReadError", "[Errno 104] Connection reset by peer"),
        (
            [Head(200, b"", 9), Send(b"half"), Abort("close")],
            "RemoteProtocolError",
            "peer closed connection without sending complete message body (received 4 bytes, expected 9)",
        ),
        (
            [Head(200, b""), Send(b"half"), Abort("close")],
            "RemoteProtocolError",
            "peer closed connection without sending complete message body (incomplete chunked read)",
        ),
        (
            [Head(200, b""), Send(b"half"), Abort("reset")],
            "ReadError",
            "[Errno 104] Connection reset by peer",
        ),
        ([Pause(float("inf")), Head(200, b"", 0)], "ReadTimeout", "The read operation timed out"),
        ([Head(200, b""), Pause(60), Send(b"late")], "ReadTimeout", "The read operation timed out"),
    ],
)
def test_what_dies_or_is_silent_raises_what_the_client_raises(
    library: Any, is_async: bool, steps: Sequence[Step], error: str, told: str
) -> None:
    with pytest.raises(getattr(library, error)) as raised:
        asked(library, is_async, answering(steps), timeout=0.02)
    assert str(raised.value) == told
    assert str(raised.value.request.url) == "https://api.openai.com/v1/models?a=b"


def test_a_request_is_as_on_a_socket() -> None:
    requests = []

    def handle(http: HttpRequest) -> Steps:
        requests.append(http)
        return iter([Head(204, b"", 0)])

    asked(httpx2, False, Transport(handle))
    (http,) = requests
    assert (http.method, http.target, http.body, http.peer) == ("POST", "/v1/models?a=b", b"{}", "127.0.0.1")
    assert http.header(b"host") == "api.openai.com"


def test_the_answer_to_head_has_no_body() -> None:
    assert asked(httpx2, False, answering([Head(200, b"", 2), Send(b"ok")]), "HEAD").content == b""


@WAYS
def test_a_client_that_leaves_closes_the_answer(is_async: bool) -> None:
    left = []

    def handle(http: HttpRequest) -> Iterator[Step]:
        try:
            yield Head(200, b"")
            yield Send(b"a")
            yield Send(b"b")
        finally:
            left.append(True)

    transport: Any = Transport(handle)

    async def leave() -> None:
        async with (
            httpx2.AsyncClient(transport=transport) as client,
            client.stream("GET", "http://x/") as answer,
        ):
            assert await anext(answer.aiter_raw()) == b"a"

    if is_async:
        asyncio.run(leave())
    else:
        with (
            httpx2.Client(transport=transport) as client,
            client.stream("GET", "http://x/") as answer,
        ):
            assert next(answer.iter_raw()) == b"a"
    assert left == [True]


def test_a_bug_closes_the_answer_too() -> None:
    def handle(http: HttpRequest) -> Iterator[Step]:
        raise ZeroDivisionError
        yield Send(b"")

    with pytest.raises(ZeroDivisionError):
        asked(httpx2, False, Transport(handle))


# --- the SDK --------------------------------------------------------------------------------------------


def test_the_sdk_needs_neither_a_port_nor_a_base_url() -> None:
    llm = Understudy()
    llm.when().reply("Hello.")
    with OpenAI(api_key="any", http_client=httpx2.Client(transport=llm.transport())) as client:
        answer = client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Hi"}])
    assert answer.choices[0].message.content == "Hello."
    assert llm.requests[0].headers["host"] == "api.openai.com"
    llm.verify(user="Hi", times=1)


def test_a_served_space_answers_without_its_port_as_with_it() -> None:
    async def ask(transport: Any) -> str:
        http_client = httpx2.AsyncClient(transport=transport)
        async with AsyncOpenAI(api_key="any", http_client=http_client) as client:
            stream = await client.chat.completions.create(
                model="gpt-4o", messages=[{"role": "user", "content": "Hi"}], stream=True
            )
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    with Understudy() as llm:
        alice = llm.space("alice")
        alice.when().reply("I am Alice.", pace={"tokens_per_second": 10_000})
        assert asyncio.run(ask(alice.transport())) == "I am Alice."
        assert (len(alice.requests), len(llm.requests)) == (1, 0)
        assert alice.requests[0].outcome == "complete"
