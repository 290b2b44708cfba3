"""Faults, failing models and failing keys on a live server, as the official SDK meets them."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import httpx2
import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam
from pydantic import BaseModel

from understudy.failures import FAILING_KEYS, FAILING_MODELS

Serving = Callable[..., AbstractContextManager[str]]
HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello there, who are you?"}]
PATIENCE_S = 0.4
"""How long a client waits that expects silence."""


class Person(BaseModel):
    name: str
    age: int


@pytest.fixture(scope="module")
def url(request: pytest.FixtureRequest, serving: Serving) -> Iterator[str]:
    with serving("--seed", "7", "--drain", "0.5", *getattr(request, "param", ())) as url:
        yield url


each_pace = pytest.mark.parametrize(
    "url", [(), ("--pace", "1000/s")], ids=["unpaced", "paced"], indirect=True, scope="module"
)


@pytest.fixture
def faults(url: str) -> Iterator[Callable[..., Any]]:
    """Puts standing faults in place; they are taken back after the test."""
    yield lambda *entries: call(url, "PUT", "/faults", list(entries))
    call(url, "DELETE", "/faults")


@pytest.fixture
def client(url: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0, timeout=20) as client:
        yield client


def call(url: str, method: str, path: str, body: object = None) -> Any:
    """The JSON that the control API answers."""
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(f"{url}/_understudy{path}", data, method=method)) as answer:
        return json.load(answer)


def whole(client: OpenAI, model: str = "gpt-4o") -> str:
    return client.chat.completions.create(model=model, messages=HELLO).choices[0].message.content or ""


def streamed(client: OpenAI, model: str = "gpt-4o") -> str:
    return text(client.chat.completions.create(model=model, messages=HELLO, stream=True))


def text(chunks: Iterator[ChatCompletionChunk] | openai.Stream[ChatCompletionChunk]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


def before_it_breaks(client: OpenAI) -> tuple[list[ChatCompletionChunk], Exception]:
    """The chunks of a stream up to an exception, and the exception."""
    chunks = []
    try:
        for chunk in client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True):
            chunks.append(chunk)
    except Exception as error:
        return chunks, error
    raise AssertionError("the stream came to its end")


def waiting_for(error: type[Exception], client: OpenAI) -> OpenAI:
    """The client; one that soon loses patience where a timeout is what it should raise."""
    return client.with_options(timeout=PATIENCE_S) if error is openai.APITimeoutError else client


each_way = pytest.mark.parametrize("ask", [whole, streamed])

# --- each fault ---------------------------------------------------------------------------------------


@each_pace
@each_way
@pytest.mark.parametrize(
    ("fault", "error", "cause"),
    [
        ({"error": "server"}, openai.InternalServerError, None),
        ("cut", openai.APIConnectionError, httpx2.RemoteProtocolError),
        ({"cut": {"after": 0}}, openai.APIConnectionError, httpx2.RemoteProtocolError),
        ({"cut": {"after": "100 bytes", "how": "reset"}}, openai.APIConnectionError, httpx2.ReadError),
        ("stall", openai.APITimeoutError, httpx2.ReadTimeout),
        ({"stall": {"after": 0}}, openai.APITimeoutError, httpx2.ReadTimeout),
        ("garble", json.JSONDecodeError, None),
        ({"garble": {"after": 0}}, json.JSONDecodeError, None),
        ({"garble": {"after": "100%"}}, json.JSONDecodeError, None),
        ("hang", openai.APITimeoutError, httpx2.ReadTimeout),
        ({"hang": {"seconds": 0}}, openai.APIConnectionError, httpx2.RemoteProtocolError),
        ({"slow": {"bytes": 50, "every": "1m"}}, openai.APITimeoutError, httpx2.ReadTimeout),
    ],
)
def test_the_sdk_raises(
    client: OpenAI,
    faults: Callable[..., Any],
    ask: Callable[[OpenAI], str],
    fault: object,
    error: type[Exception],
    cause: type[Exception] | None,
) -> None:
    faults({"fault": fault})
    with pytest.raises(error) as raised:
        ask(waiting_for(error, client))
    assert type(raised.value) is error
    assert type(raised.value.__cause__) is (cause or type(None))


@each_pace
@each_way
@pytest.mark.parametrize("fault", [{"stall": {"seconds": "20ms"}}, {"cut": {"after": "100%"}}])
def test_nothing_is_missing_where_silence_ends_or_all_has_come(
    client: OpenAI, faults: Callable[..., Any], ask: Callable[[OpenAI], str], fault: object
) -> None:
    usual = ask(client)
    faults({"fault": fault})
    assert ask(client) == usual


@each_pace
@pytest.mark.parametrize("fault", [{"cut": {"after": "3 events"}}, {"stall": {"after": "3 events"}}])
def test_what_came_before_the_fault_reaches_the_caller(
    client: OpenAI, faults: Callable[..., Any], fault: object
) -> None:
    usual = streamed(client)
    faults({"fault": fault})
    chunks, error = before_it_breaks(client.with_options(timeout=1))
    assert isinstance(error, openai.APIConnectionError)
    assert len(chunks) == 3
    assert usual.startswith(text(iter(chunks)))
    assert text(iter(chunks))


@each_pace
def test_a_garbled_event_ends_the_stream_where_it_stands(client: OpenAI, faults: Callable[..., Any]) -> None:
    faults({"fault": {"garble": {"after": "4 events"}}})
    chunks, error = before_it_breaks(client)
    assert len(chunks) == 4
    assert isinstance(error, json.JSONDecodeError)


def test_a_garbled_answer_has_the_status_headers_and_length_of_a_good_one(
    client: OpenAI, faults: Callable[..., Any]
) -> None:
    good = client.chat.completions.with_raw_response.create(model="gpt-4o", messages=HELLO)
    faults({"fault": "garble"})
    garbled = client.chat.completions.with_raw_response.create(model="gpt-4o", messages=HELLO)
    assert garbled.status_code == 200
    assert garbled.headers.keys() == good.headers.keys()
    for name in ("content-type", "content-length", "x-ratelimit-limit-requests"):
        assert garbled.headers[name] == good.headers[name]
    assert len(garbled.content) == len(good.content)
    half = len(good.content) // 2
    assert garbled.content[half:] != good.content[half:]


def test_a_whole_answer_is_cut_after_so_much_of_its_length(url: str, faults: Callable[..., Any]) -> None:
    faults({"fault": {"cut": {"after": "25%"}}})
    head, _, body = raw(url, {"model": "gpt-4o", "messages": HELLO}).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    (told,) = [line for line in head.split(b"\r\n") if line.startswith(b"content-length: ")]
    assert len(body) == int(told.removeprefix(b"content-length: ")) // 4


def test_a_stream_is_cut_without_its_last_chunk(url: str, faults: Callable[..., Any]) -> None:
    faults({"fault": {"cut": {"after": "100%"}}})
    answer = raw(url, {"model": "gpt-4o", "messages": HELLO, "stream": True})
    assert answer.endswith(b"data: [DONE]\n\n\r\n")


def raw(url: str, body: object, close: bool = False) -> bytes:
    """All bytes that a chat completion is answered with, until the server closes; `close` asks it to."""
    with asked(url, body, close) as connection:
        pieces = []
        while piece := connection.recv(1 << 16):
            pieces.append(piece)
        return b"".join(pieces)


def until_silence(url: str, body: object) -> bytes:
    """The bytes that a chat completion is answered with, until none come for a while."""
    with asked(url, body) as connection:
        connection.settimeout(PATIENCE_S)
        pieces = []
        try:
            while piece := connection.recv(1 << 16):
                pieces.append(piece)
        except TimeoutError:
            return b"".join(pieces)
    raise AssertionError("the server closed")


def asked(url: str, body: object, close: bool = False) -> socket.socket:
    """The connection on which a chat completion was asked for."""
    data = json.dumps(body).encode()
    address = urlsplit(url)
    end = "connection: close\r\n\r\n" if close else "\r\n"
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(data)}\r\n{end}"
    connection = socket.create_connection((address.hostname, address.port), timeout=10)
    connection.sendall(head.encode() + data)
    return connection


@pytest.mark.parametrize("fault", ["cut", "garble", "hang", {"error": 503}])
def test_every_operation_can_be_struck(client: OpenAI, faults: Callable[..., Any], fault: object) -> None:
    faults({"fault": fault})
    client = client.with_options(timeout=PATIENCE_S)
    asked: list[Callable[[], object]] = [
        lambda: client.completions.create(model="gpt-3.5-turbo-instruct", prompt="Hello"),
        lambda: client.embeddings.create(model="text-embedding-3-small", input="Hello"),
        client.models.list,
        lambda: client.models.retrieve("gpt-4o"),
    ]
    for ask in asked:
        with pytest.raises((openai.APIError, json.JSONDecodeError)):
            ask()


def test_the_asynchronous_client_raises_the_same(url: str, faults: Callable[..., Any]) -> None:
    async def asking() -> list[type[Exception]]:
        raised = []
        async with AsyncOpenAI(
            base_url=f"{url}/v1", api_key="any", max_retries=0, timeout=PATIENCE_S
        ) as client:
            for fault in ("cut", "stall", "garble", "hang"):
                faults({"fault": fault})
                try:
                    stream = await client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True)
                    async for _ in stream:
                        pass
                except Exception as error:
                    raised.append(type(error))
        return raised

    assert asyncio.run(asking()) == [
        openai.APIConnectionError,
        openai.APITimeoutError,
        json.JSONDecodeError,
        openai.APITimeoutError,
    ]


@pytest.mark.parametrize(
    ("fault", "calls"),
    [
        ("cut", {whole: 2, streamed: 1}),
        ({"stall": {"after": "3 events"}}, {streamed: 1}),
        ("stall", {whole: 2}),
        ("garble", {whole: 1, streamed: 1}),
        ("hang", {whole: 2, streamed: 2}),
    ],
)
def test_the_sdk_retries_what_has_not_begun_to_arrive(
    url: str, client: OpenAI, faults: Callable[..., Any], fault: object, calls: dict[Callable[..., str], int]
) -> None:
    for ask, count in calls.items():
        faults({"fault": fault})
        with pytest.raises((openai.APIConnectionError, json.JSONDecodeError)):
            ask(client.with_options(max_retries=1, timeout=1))
        assert [entry["struck"] for entry in call(url, "GET", "/faults")["faults"]] == [count]


# --- what arrives, and is not as it should be -----------------------------------------------------------

UMLAUTS: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Grüße aus Köln, wer bist du?"}]
ECHOED = {"model": "mock-echo", "messages": UMLAUTS}
WEATHER: list[ChatCompletionMessageParam] = [{"role": "user", "content": "The weather in Paris?"}]
GET_WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "enum": ["Paris"]}},
            "required": ["city"],
        },
    },
}


def chunks_of(client: OpenAI) -> list[ChatCompletionChunk]:
    return list(client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True))


def pieces(chunks: list[ChatCompletionChunk]) -> list[str]:
    return [chunk.choices[0].delta.content or "" for chunk in chunks]


def body_of(answer: bytes) -> bytes:
    """The body of an answer on the wire, its chunks put together."""
    head, _, rest = answer.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" not in head:
        return rest
    assert rest.endswith(b"0\r\n\r\n")
    return b"".join(chunks_on_the_wire(rest))


def chunks_on_the_wire(rest: bytes) -> Iterator[bytes]:
    """The chunks of a chunked body, in the order in which they were written."""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        yield rest[: int(size, 16)]
        rest = rest[int(size, 16) + 2 :]


def called(client: OpenAI, stream: bool) -> tuple[str, str, str | None]:
    """The name and the arguments of the tool call that is answered, and the finish reason."""
    asked: Any = {
        "model": "gpt-4o",
        "messages": WEATHER,
        "tools": [GET_WEATHER],
        "tool_choice": "required",
    }
    if not stream:
        (choice,) = client.chat.completions.create(**asked).choices
        assert choice.message.tool_calls
        (call,) = choice.message.tool_calls
        assert call.type == "function"
        return call.function.name, call.function.arguments, choice.finish_reason
    name = arguments = ""
    finish = None
    for chunk in client.chat.completions.create(**asked, stream=True):
        (told,) = chunk.choices
        finish = told.finish_reason or finish
        for part in told.delta.tool_calls or ():
            assert part.function
            name += part.function.name or ""
            arguments += part.function.arguments or ""
    return name, arguments, finish


@each_pace
@pytest.mark.parametrize(
    "fault",
    [
        {"slow": {"bytes": 200, "every": "5ms"}},
        {"slow": {"after": "50%", "bytes": 64, "every": "1ms"}},
        "drop_done",
        {"split_utf8": {"seconds": "20ms"}},
        {"split_utf8": {"after": 0, "seconds": "1ms"}},
        "wrong_content_type",
        {"wrong_content_type": {"type": "application/octet-stream"}},
        "bad_arguments",
        "unknown_tool",
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_the_sdk_notices_nothing(
    client: OpenAI, faults: Callable[..., Any], fault: object, stream: bool
) -> None:
    faults({"fault": fault})
    if stream:
        chunks = client.chat.completions.create(model="mock-echo", messages=UMLAUTS, stream=True)
        assert text(chunks) == "Grüße aus Köln, wer bist du?"
    else:
        answer = client.chat.completions.create(model="mock-echo", messages=UMLAUTS)
        assert answer.choices[0].message.content == "Grüße aus Köln, wer bist du?"


@each_pace
@pytest.mark.parametrize("fault", ["duplicate", "drop_done"])
def test_what_is_about_events_leaves_a_whole_answer(
    client: OpenAI, faults: Callable[..., Any], fault: object
) -> None:
    usual = whole(client)
    faults({"fault": fault})
    assert whole(client) == usual


@each_way
def test_a_slow_answer_outlives_a_timeout_that_is_shorter_than_it(
    client: OpenAI, faults: Callable[..., Any], ask: Callable[[OpenAI], str]
) -> None:
    usual = ask(client)
    size = 100 if ask is whole else 4_000  # about ten pieces of either
    faults({"fault": {"slow": {"bytes": size, "every": f"{PATIENCE_S / 4}s"}}})
    assert ask(client.with_options(timeout=PATIENCE_S)) == usual


@each_way
def test_a_slow_answer_is_too_slow_where_a_piece_is(
    client: OpenAI, faults: Callable[..., Any], ask: Callable[[OpenAI], str]
) -> None:
    faults({"fault": {"slow": {"bytes": 100, "every": "1m"}}})
    with pytest.raises(openai.APITimeoutError):
        ask(client.with_options(timeout=PATIENCE_S))


@each_pace
def test_an_event_comes_twice(client: OpenAI, faults: Callable[..., Any]) -> None:
    usual = pieces(chunks_of(client))
    faults({"fault": {"duplicate": {"after": "3 events"}}})
    assert pieces(chunks_of(client)) == [*usual[:4], *usual[3:]]


@each_pace
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_an_empty_answer_has_the_head_of_a_good_one(
    url: str, faults: Callable[..., Any], stream: bool
) -> None:
    asked = {**ECHOED, "stream": stream}
    good = raw(url, asked, close=True).partition(b"\r\n\r\n")[0]
    faults({"fault": "empty"})
    head, _, rest = raw(url, asked, close=True).partition(b"\r\n\r\n")
    assert rest == (b"0\r\n\r\n" if stream else b"")
    assert names(head) == names(good)
    if not stream:
        assert b"\r\ncontent-length: 0" in head


def names(head: bytes) -> list[bytes]:
    """The status line and the names of the headers."""
    return [line.partition(b":")[0] for line in head.split(b"\r\n")]


def test_an_empty_answer_is_no_json_and_an_empty_stream_no_error(
    client: OpenAI, faults: Callable[..., Any]
) -> None:
    faults({"fault": "empty"})
    with pytest.raises(json.JSONDecodeError):
        whole(client)
    assert chunks_of(client) == []


@each_pace
def test_a_stream_ends_without_done(url: str, faults: Callable[..., Any]) -> None:
    faults({"fault": "drop_done"})
    events = body_of(raw(url, {**ECHOED, "stream": True}, close=True)).split(b"\n\n")
    assert events[-1] == b""
    assert json.loads(events[-2].removeprefix(b"data: "))["choices"][0]["finish_reason"] == "stop"
    assert b"data: [DONE]" not in events


@each_pace
def test_an_error_inside_a_stream_comes_out_of_the_loop(client: OpenAI, faults: Callable[..., Any]) -> None:
    usual = pieces(chunks_of(client))
    faults({"fault": {"error_event": {"after": "3 events"}}})
    chunks, error = before_it_breaks(client)
    assert pieces(chunks) == usual[:3]
    assert type(error) is openai.APIError
    assert error.message == "The server had an error while processing your request. Sorry about that!"
    assert error.body == {"message": error.message, "type": "server_error", "param": None, "code": None}


# The words: platform.openai.com/docs/guides/error-codes, and answers quoted in public issues.
@pytest.mark.parametrize(
    ("fields", "type", "code", "message"),
    [
        ({"kind": "rate_limit"}, "requests", "rate_limit_exceeded", "Rate limit reached for gpt-4o in "),
        (
            {"kind": "overloaded"},
            "server_error",
            None,
            "The engine is currently overloaded, please try again later",
        ),
        ({"message": "Oh.", "type": "odd", "code": "oh"}, "odd", "oh", "Oh."),
    ],
)
def test_an_error_inside_a_stream_says_what_one_outside_would(
    client: OpenAI,
    faults: Callable[..., Any],
    fields: dict[str, str],
    type: str,
    code: str | None,
    message: str,
) -> None:
    faults({"fault": {"error_event": {"after": "100%", **fields}}})
    chunks, error = before_it_breaks(client)
    assert isinstance(error, openai.APIError)
    assert (error.type, error.code) == (type, code)
    assert error.message.startswith(message)
    assert chunks[-1].choices[0].finish_reason == "stop"


@each_pace
def test_a_whole_answer_with_an_error_inside_is_a_200_without_choices(
    url: str, client: OpenAI, faults: Callable[..., Any]
) -> None:
    faults({"fault": {"error_event": {"kind": "overloaded"}}})
    answer = raw(url, ECHOED, close=True)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert json.loads(body_of(answer)) == {
        "error": {
            "message": "The engine is currently overloaded, please try again later",
            "type": "server_error",
            "param": None,
            "code": None,
        }
    }
    with pytest.raises(TypeError, match="'NoneType' object is not subscriptable"):
        whole(client)


def test_the_journal_tells_of_an_error_inside_a_stream(
    url: str, client: OpenAI, faults: Callable[..., Any]
) -> None:
    faults({"fault": {"error_event": {"message": "Oh."}}})
    before_it_breaks(client)
    entry = call(url, "GET", "/requests?limit=1")["requests"][0]
    assert (entry["status"], entry["faults"], entry["error"]) == (200, ["error_event"], "Oh.")
    sent = call(url, "GET", f"/requests/{entry['id']}")["response"]["body"]
    assert sent.endswith(
        'data: {"error":{"message":"Oh.","type":"server_error","param":null,"code":null}}\n\n'
    )


@each_pace
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_character_comes_in_two_pieces(url: str, faults: Callable[..., Any], stream: bool) -> None:
    faults({"fault": {"split_utf8": {"after": 0, "seconds": "1m"}}})
    arrived = until_silence(url, {**ECHOED, "stream": stream})
    assert arrived.endswith(b'"content":"\xc3\r\n' if stream else b'"content":"Gr\xc3')


@each_pace
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_content_type_is_wrong_and_the_body_right(
    url: str, faults: Callable[..., Any], stream: bool
) -> None:
    faults({"fault": {"wrong_content_type": {"type": "text/html; charset=utf-8"}}})
    answer = raw(url, {**ECHOED, "stream": stream}, close=True)
    types = [line for line in answer.partition(b"\r\n\r\n")[0].split(b"\r\n") if b"content-type" in line]
    assert types == [b"content-type: text/html; charset=utf-8"]
    assert body_of(answer).startswith(b'data: {"id":"chatcmpl-' if stream else b'{"id":"chatcmpl-')


@each_pace
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("fault", "name", "arguments"),
    [
        ("bad_arguments", "get_weather", '{"city":'),
        ({"bad_arguments": {"after": "90%"}}, "get_weather", '{"city":"Paris'),
        ({"bad_arguments": {"how": "twice"}}, "get_weather", '"{\\"city\\":\\"Paris\\"}"'),
        ("unknown_tool", "no_such_tool", '{"city":"Paris"}'),
        ({"unknown_tool": {"name": "get_wether"}}, "get_wether", '{"city":"Paris"}'),
    ],
)
def test_a_tool_is_called_badly(
    client: OpenAI, faults: Callable[..., Any], fault: object, name: str, arguments: str, stream: bool
) -> None:
    faults({"fault": fault, "times": 1})
    assert called(client, stream) == (name, arguments, "tool_calls")
    assert called(client, stream) == ("get_weather", '{"city":"Paris"}', "tool_calls")


def test_each_of_several_choices_calls_an_unknown_tool(client: OpenAI, faults: Callable[..., Any]) -> None:
    faults({"fault": "unknown_tool"})
    answer = client.chat.completions.create(
        model="gpt-4o", messages=WEATHER, tools=[GET_WEATHER], tool_choice="required", n=2
    )
    told = [call.function.name for choice in answer.choices for call in choice.message.tool_calls or ()]  # type: ignore[union-attr]
    assert told == ["no_such_tool", "no_such_tool"]


def test_a_fault_that_finds_nothing_to_spoil_has_struck_all_the_same(
    url: str, client: OpenAI, faults: Callable[..., Any]
) -> None:
    usual = whole(client)
    faults({"fault": "unknown_tool", "times": 1})
    assert whole(client) == usual
    assert call(url, "GET", "/faults")["faults"][0]["struck"] == 1
    assert called(client, False)[0] == "get_weather"


def test_several_faults_share_an_answer(client: OpenAI, faults: Callable[..., Any]) -> None:
    faults({"fault": "unknown_tool"}, {"fault": {"bad_arguments": {"how": "twice"}}}, {"fault": "drop_done"})
    assert called(client, True) == ("no_such_tool", '"{\\"city\\":\\"Paris\\"}"', "tool_calls")


@pytest.mark.parametrize(
    ("faults_of_rule", "told"),
    [
        (["unknown_tool"], ("no_such_tool", '{"city":"Rome"}')),
        ([{"bad_arguments": {"after": 1}}, {"slow": {"bytes": 100, "every": "1ms"}}], ("get_weather", "{")),
    ],
)
def test_a_rule_has_faults_of_its_own_each_time(
    url: str, client: OpenAI, faults_of_rule: list[object], told: tuple[str, str]
) -> None:
    reply = {"tool_calls": [{"name": "get_weather", "arguments": {"city": "Rome"}}]}
    rule = {"id": "bad", "when": {"user": "Paris"}, "reply": reply, "faults": faults_of_rule}
    call(url, "POST", "/rules", rule)
    try:
        for stream in (False, True, False):
            assert called(client, stream)[:2] == told
    finally:
        call(url, "DELETE", "/rules/bad")


def test_chance_decides_the_same_way_for_the_same_seed(url: str, client: OpenAI) -> None:
    seen = []
    for _ in range(2):
        call(url, "PUT", "/faults", [{"fault": "unknown_tool", "probability": 0.5}])
        seen.append([called(client, False)[0] for _ in range(12)])
    call(url, "DELETE", "/faults")
    assert seen[0] == seen[1]
    assert set(seen[0]) == {"get_weather", "no_such_tool"}


# --- errors -------------------------------------------------------------------------------------------


@each_way
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (409, openai.ConflictError),
        (418, openai.APIStatusError),
        (422, openai.UnprocessableEntityError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
        (529, openai.InternalServerError),
    ],
)
def test_a_status_is_the_sdks_exception_by_fault_and_by_model(
    client: OpenAI,
    faults: Callable[..., Any],
    ask: Callable[..., str],
    status: int,
    error: type[openai.APIStatusError],
) -> None:
    with pytest.raises(error) as of_model:
        ask(client, f"mock-error-{status}")
    faults({"fault": {"error": status}})
    with pytest.raises(error) as of_fault:
        ask(client)
    for raised in (of_model, of_fault):
        assert type(raised.value) is error
        assert raised.value.status_code == status
        assert isinstance(raised.value.body, dict)
        assert raised.value.body.keys() == {"message", "type", "param", "code"}
        assert "retry-after" not in raised.value.response.headers
    assert of_model.value.type == of_fault.value.type


# The four fields: platform.openai.com/docs/guides/error-codes, and answers quoted in public issues.
@pytest.mark.parametrize(
    ("kind", "status", "type", "code"),
    [
        ("rate_limit", 429, "requests", "rate_limit_exceeded"),
        ("quota", 429, "insufficient_quota", "insufficient_quota"),
        ("server", 500, "server_error", None),
        ("overloaded", 503, "server_error", None),
        ("authentication", 401, "invalid_request_error", "invalid_api_key"),
        ("context_length", 400, "invalid_request_error", "context_length_exceeded"),
    ],
)
def test_a_kind_is_spelled_as_the_vendor_does(
    client: OpenAI, faults: Callable[..., Any], kind: str, status: int, type: str, code: str | None
) -> None:
    faults({"fault": {"error": kind}})
    with pytest.raises(openai.APIStatusError) as raised:
        whole(client)
    assert (raised.value.status_code, raised.value.type, raised.value.code) == (status, type, code)


def test_what_an_error_says_itself_is_said(client: OpenAI, faults: Callable[..., Any]) -> None:
    error = {
        "status": 429,
        "message": "Not so fast.",
        "type": "tokens",
        "code": "too_fast",
        "param": "messages",
        "retry_after": "1500ms",
        "should_retry": True,
        "headers": {"x-region": "eu"},
    }
    faults({"fault": {"error": error}})
    with pytest.raises(openai.RateLimitError) as raised:
        whole(client)
    assert raised.value.body == {
        "message": "Not so fast.",
        "type": "tokens",
        "param": "messages",
        "code": "too_fast",
    }
    headers = raised.value.response.headers
    told = [headers[name] for name in ("retry-after", "retry-after-ms", "x-should-retry", "x-region")]
    assert told == ["2", "1500", "true", "eu"]


def test_a_message_of_its_own_has_no_code_but_its_own(client: OpenAI, faults: Callable[..., Any]) -> None:
    faults({"fault": {"error": {"kind": "rate_limit", "message": "Not so fast."}}})
    with pytest.raises(openai.RateLimitError) as raised:
        whole(client)
    assert raised.value.body == {"message": "Not so fast.", "type": "requests", "param": None, "code": None}


def test_a_request_that_is_refused_anyway_is_not_struck(
    url: str, client: OpenAI, faults: Callable[..., Any]
) -> None:
    faults({"fault": {"error": 500}})
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="gpt-4o", messages=[])
    with pytest.raises(openai.AuthenticationError):
        whole(client.with_options(api_key="mock-key-invalid"))
    assert call(url, "GET", "/faults")["faults"][0]["struck"] == 0


def test_the_sdk_retries_until_the_fault_is_spent(url: str, faults: Callable[..., Any]) -> None:
    faults({"fault": {"error": {"kind": "rate_limit", "retry_after": "10ms"}}, "times": 2})
    with OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=2) as client:
        assert whole(client)
    assert [entry["struck"] for entry in call(url, "GET", "/faults")["faults"]] == [2]


def test_the_sdk_does_not_retry_what_should_not_be(url: str, faults: Callable[..., Any]) -> None:
    faults({"fault": {"error": {"status": 503, "should_retry": False}}})
    with (
        OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=2) as client,
        pytest.raises(openai.InternalServerError),
    ):
        whole(client)
    assert [entry["struck"] for entry in call(url, "GET", "/faults")["faults"]] == [1]


# --- which requests -----------------------------------------------------------------------------------


def pattern(client: OpenAI) -> str:
    """Which of so many requests are struck."""
    seen = ""
    for _ in range(30):
        try:
            client.embeddings.create(model="text-embedding-3-small", input="Hello", dimensions=4)
            seen += "."
        except openai.InternalServerError:
            seen += "x"
    return seen


def test_probability_has_a_pattern_that_the_seed_repeats(serving: Serving) -> None:
    seen = []
    for seed in ("7", "7", "8"):
        with (
            serving("--seed", seed, "--drain", "0.5") as url,
            OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0) as client,
        ):
            for _ in range(2):
                call(url, "PUT", "/faults", [{"fault": {"error": 500}, "probability": 0.5}])
                seen.append(pattern(client))
            struck = call(url, "GET", "/faults")["faults"][0]["struck"]
            assert struck == seen[-1].count("x")
    assert seen[0] == seen[1] == seen[2] == seen[3]
    assert seen[4] == seen[5] != seen[0]
    assert 5 < seen[0].count("x") < 25


def test_a_fault_strikes_so_often_and_no_more(client: OpenAI, faults: Callable[..., Any]) -> None:
    faults({"fault": {"error": 500}, "times": 2})
    for _ in range(2):
        with pytest.raises(openai.InternalServerError):
            whole(client)
    assert whole(client)


@pytest.mark.parametrize(
    "when", [{"model": "gpt-4*"}, {"user": "who are you"}, {"stream": True}, {"api": "openai-chat"}]
)
def test_a_fault_strikes_what_matches_alone(
    client: OpenAI, faults: Callable[..., Any], when: dict[str, object]
) -> None:
    faults({"fault": {"error": 500}, "when": when})
    with pytest.raises(openai.InternalServerError):
        streamed(client)
    other = client.completions.create(model="gpt-3.5-turbo-instruct", prompt="Once upon a time")
    assert other.choices[0].text


def test_faults_strike_in_order_on_top_of_each_other(client: OpenAI, faults: Callable[..., Any]) -> None:
    faults({"fault": {"error": 503}}, {"fault": {"cut": {"after": 0}}})
    with pytest.raises(openai.APIConnectionError) as raised:
        whole(client)
    assert type(raised.value) is openai.APIConnectionError


def test_a_failing_model_can_be_struck_too(client: OpenAI, faults: Callable[..., Any]) -> None:
    faults({"fault": {"error": 500}})
    with pytest.raises(openai.InternalServerError):
        whole(client, "mock-rate-limited")


# --- the control API ----------------------------------------------------------------------------------


def test_faults_are_shown_and_taken_back(url: str, client: OpenAI, faults: Callable[..., Any]) -> None:
    shown = {
        "faults": [
            {"fault": {"error": 500}, "when": {"stream": True}, "probability": 1.0, "times": 3, "struck": 0}
        ]
    }
    assert faults({"fault": {"error": 500}, "when": {"stream": True}, "times": 3}) == shown
    assert call(url, "GET", "/faults") == shown
    assert call(url, "DELETE", "/faults") == {"faults": []}
    assert whole(client)


def test_a_reset_takes_faults_back(url: str, client: OpenAI, faults: Callable[..., Any]) -> None:
    faults({"fault": {"error": 500}})
    call(url, "POST", "/reset")
    assert whole(client)


def test_a_mistake_is_a_400_with_its_path_and_changes_nothing(
    url: str, client: OpenAI, faults: Callable[..., Any]
) -> None:
    faults({"fault": {"error": 500}})
    with pytest.raises(HTTPError) as raised:
        faults({"fault": "hang"}, {"fault": {"cut": {"how": "rest"}}})
    assert raised.value.code == 400
    assert json.load(raised.value) == {
        "error": {
            "message": "faults: $[1].fault.cut.how: unknown way to end a connection "
            '"rest" (did you mean "reset"?)',
            "path": "$[1].fault.cut.how",
        }
    }
    with pytest.raises(openai.InternalServerError):
        whole(client)


def test_faults_do_not_strike_the_control_api_nor_the_servers_own_pages(
    url: str, faults: Callable[..., Any]
) -> None:
    faults({"fault": "hang"})
    with urlopen(f"{url}/health", timeout=5) as health:
        assert json.load(health)["status"] == "ok"
    assert call(url, "GET", "/faults")["faults"][0]["struck"] == 0


def test_the_journal_tells_which_faults_struck_and_what_was_sent(
    url: str, client: OpenAI, faults: Callable[..., Any]
) -> None:
    faults({"fault": {"cut": {"after": "20 bytes"}}})
    with pytest.raises(openai.APIConnectionError):
        whole(client)
    entry = call(url, "GET", "/requests?limit=1")["requests"][0]
    assert (entry["faults"], entry["outcome"], entry["bytes_sent"]) == (["cut"], "cut", 20)
    sent = call(url, "GET", f"/requests/{entry['id']}")["response"]["body"]
    assert len(sent) == 20
    assert sent.startswith('{"id":"chatcmpl-')


# --- failing models and keys --------------------------------------------------------------------------


@each_way
@pytest.mark.parametrize(
    ("model", "error", "code"),
    [
        ("mock-rate-limited", openai.RateLimitError, "rate_limit_exceeded"),
        ("mock-overloaded", openai.InternalServerError, None),
        ("mock-hang", openai.APITimeoutError, None),
        ("mock-cut", openai.APIConnectionError, None),
        ("mock-slow", openai.APITimeoutError, None),
        ("mock-error-200", openai.BadRequestError, None),
    ],
)
def test_a_failing_model_fails(
    client: OpenAI,
    ask: Callable[..., str],
    model: str,
    error: type[openai.APIError],
    code: str | None,
) -> None:
    with pytest.raises(error) as raised:
        ask(waiting_for(error, client), model)
    assert type(raised.value) is error
    assert raised.value.code == code


@each_way
def test_the_garbled_model_sends_no_json(client: OpenAI, ask: Callable[..., str]) -> None:
    with pytest.raises(json.JSONDecodeError):
        ask(client, "mock-garbled")


def test_the_rate_limited_model_tells_when_to_come_back(client: OpenAI) -> None:
    with pytest.raises(openai.RateLimitError) as raised:
        whole(client, "mock-rate-limited")
    assert raised.value.response.headers["retry-after"] == "1"
    assert raised.value.response.headers["retry-after-ms"] == "1000"


def test_a_model_whose_name_has_no_error_status_says_so(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match=r"from 400 to 599, like mock-error-503; found '200'"):
        whole(client, "mock-error-200")


@pytest.mark.parametrize(
    ("model", "content", "refusal", "finish"),
    [
        ("mock-empty", "", None, "stop"),
        ("mock-refusal", None, "I'm sorry, I can't assist with that request.", "stop"),
        ("mock-echo", "Hello there, who are you?", None, "stop"),
    ],
)
def test_a_failing_model_answers_in_its_way(
    client: OpenAI, model: str, content: str | None, refusal: str | None, finish: str
) -> None:
    (choice,) = client.chat.completions.create(model=model, messages=HELLO).choices
    assert (choice.message.content, choice.message.refusal) == (content, refusal)
    assert choice.finish_reason == finish
    chunks = list(client.chat.completions.create(model=model, messages=HELLO, stream=True))
    assert text(iter(chunks)) == (content or "")
    assert "".join(chunk.choices[0].delta.refusal or "" for chunk in chunks) == (refusal or "")
    assert chunks[-1].choices[0].finish_reason == finish


def test_of_several_prompts_each_is_echoed(client: OpenAI) -> None:
    answer = client.completions.create(model="mock-echo", prompt=["Here", "there"], n=2)
    assert [choice.text for choice in answer.choices] == ["Here", "Here", "there", "there"]


def test_the_truncated_model_stops_in_the_middle_of_the_usual_answer(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="mock-truncated", messages=HELLO)
    (choice,) = answer.choices
    usual = client.chat.completions.create(model="mock-llm-v1", messages=HELLO)
    said = (usual.choices[0].message.content or "").replace("mock-llm-v1", "mock-truncated")
    assert choice.finish_reason == "length"
    assert choice.message.content == said[: len(said) // 2]
    assert answer.usage
    assert usual.usage
    assert 0 < answer.usage.completion_tokens < usual.usage.completion_tokens


def test_a_structured_answer_of_the_truncated_model_has_an_exception_of_its_own(client: OpenAI) -> None:
    with pytest.raises(openai.LengthFinishReasonError):
        client.chat.completions.parse(model="mock-truncated", messages=HELLO, response_format=Person)


@each_way
@pytest.mark.parametrize(
    ("key", "error", "code", "message"),
    [
        (
            "mock-key-invalid",
            openai.AuthenticationError,
            "invalid_api_key",
            "Incorrect API key provided: mock-key****alid. You can find your API key at "
            "https://platform.openai.com/account/api-keys.",
        ),
        (
            "mock-key-no-quota",
            openai.RateLimitError,
            "insufficient_quota",
            "You exceeded your current quota, please check your plan and billing details. ",
        ),
        ("mock-key-rate-limited", openai.RateLimitError, "rate_limit_exceeded", "Rate limit reached"),
    ],
)
def test_a_failing_key_is_refused(
    url: str,
    ask: Callable[..., str],
    key: str,
    error: type[openai.APIStatusError],
    code: str,
    message: str,
) -> None:
    with (
        OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client,
        pytest.raises(error) as raised,
    ):
        ask(client)
    assert raised.value.code == code
    assert isinstance(raised.value.body, dict)
    assert str(raised.value.body["message"]).startswith(message)


def test_the_server_tells_how_it_can_fail(url: str) -> None:
    with urlopen(url) as info:
        told = json.load(info)
    assert told["failing_models"] == dict(FAILING_MODELS)
    assert told["failing_keys"] == dict(FAILING_KEYS)
