"""The official SDK as the oracle for Responses over a WebSocket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI
from openai.resources.responses.responses import ResponsesConnection
from openai.types.responses import FunctionToolParam, Response, ResponsesServerEvent
from openai.types.websocket_reconnection import ReconnectingEvent
from pydantic import TypeAdapter
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidStatus

from understudy import Understudy, error, tool_call

pytestmark = pytest.mark.filterwarnings(
    # The SDK is made for older versions of `websockets`: its extra `realtime` asks for one below 16.
    r"ignore:connect\(\) must be used as a context manager:DeprecationWarning"
)

EVENT: TypeAdapter[Any] = TypeAdapter(ResponsesServerEvent)
"""The SDK itself does not validate what comes over a WebSocket: this does."""
LAST = ("response.completed", "response.incomplete", "response.failed", "error")
WEATHER: FunctionToolParam = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}


@pytest.fixture(scope="module")
def server() -> Iterator[Understudy]:
    with Understudy() as server:
        yield server


@pytest.fixture
def llm(server: Understudy) -> Iterator[Understudy]:
    server.reset()
    yield server
    server.end_outage()


def client_of(llm: Understudy, key: str = "any") -> OpenAI:
    return OpenAI(base_url=llm.base_url, api_key=key)


@pytest.fixture
def connection(llm: Understudy) -> Iterator[ResponsesConnection]:
    with client_of(llm).responses.connect() as connection:
        yield connection


def events(connection: ResponsesConnection) -> list[dict[str, Any]]:
    """The events of a response up to its last one, every one of which is as the SDK's types say."""
    told: list[dict[str, Any]] = []
    while not told or told[-1]["type"] not in LAST:
        told.append(json.loads(connection.recv_bytes()))
        EVENT.validate_python(told[-1])
    return told


def ended(connection: ResponsesConnection) -> Response:
    """The response at the end of its events."""
    last = events(connection)[-1]
    assert last["type"] == "response.completed", last
    return Response.model_validate(last["response"])


def failed(connection: ResponsesConnection) -> dict[str, Any]:
    """The error that comes in place of a response."""
    (only,) = events(connection)
    assert only["type"] == "error"
    return only


def test_a_response_comes_event_by_event(llm: Understudy, connection: ResponsesConnection) -> None:
    llm.when(user="hello").reply("Hi there.")
    connection.response.create(model="gpt-5.6", input="hello")
    told = events(connection)
    assert [each["type"] for each in told] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [each["sequence_number"] for each in told] == list(range(11))
    assert Response.model_validate(told[-1]["response"]).output_text == "Hi there."


def test_the_async_client_hears_the_same(llm: Understudy) -> None:
    llm.when(user="hello").reply("Hi there.")

    async def asked() -> str:
        async with (
            AsyncOpenAI(base_url=llm.base_url, api_key="any") as client,
            client.responses.connect() as connection,
        ):
            await connection.response.create(model="gpt-5.6", input="hello")
            async for event in connection:
                if event.type == "response.completed":
                    return event.response.output_text
        raise AssertionError("it ended too early")

    assert asyncio.run(asked()) == "Hi there."


def test_an_agents_loop_runs_over_one_connection_without_storing(
    llm: Understudy, connection: ResponsesConnection
) -> None:
    llm.when(tools="get_weather", turn=1).reply(tool_call("get_weather", city="Paris"))
    llm.when(tool_result="21").reply("It is 21 degrees in Paris.")
    connection.response.create(model="gpt-5.6", input="The weather?", tools=[WEATHER], store=False)
    asked = ended(connection)
    (call,) = asked.output
    assert call.type == "function_call"
    connection.response.create(
        model="gpt-5.6",
        input=[{"type": "function_call_output", "call_id": call.call_id, "output": "21 degrees"}],
        tools=[WEATHER],
        store=False,
        previous_response_id=asked.id,
    )
    answered = ended(connection)
    assert answered.output_text == "It is 21 degrees in Paris."
    assert answered.previous_response_id == asked.id


def test_a_stored_response_is_continued_on_any_connection_and_over_http(llm: Understudy) -> None:
    for turn, text in enumerate(("one", "two", "three"), 1):
        llm.when(turn=turn).reply(text)
    client = client_of(llm)
    with client.responses.connect() as connection:
        connection.response.create(model="gpt-5.6", input="first")
        first = ended(connection)
    with client.responses.connect() as connection:
        connection.response.create(model="gpt-5.6", input="second", previous_response_id=first.id)
        second = ended(connection)
    third = client.responses.create(model="gpt-5.6", input="third", previous_response_id=second.id)
    assert [each.output_text for each in (first, second, third)] == ["one", "two", "three"]
    assert client.responses.retrieve(second.id).previous_response_id == first.id


def test_what_is_not_stored_is_forgotten_with_its_connection(llm: Understudy) -> None:
    client = client_of(llm)
    with client.responses.connect() as connection:
        connection.response.create(model="gpt-5.6", input="first", store=False)
        first = ended(connection)
    with client.responses.connect() as connection:
        connection.response.create(
            model="gpt-5.6", input="second", store=False, previous_response_id=first.id
        )
        assert failed(connection)["error"]["code"] == "previous_response_not_found"


def test_a_chain_may_mix_what_is_stored_and_what_is_not(
    llm: Understudy, connection: ResponsesConnection
) -> None:
    for turn, text in enumerate(("one", "two", "three"), 1):
        llm.when(turn=turn).reply(text)
    before = None
    for store, text in ((True, "one"), (False, "two"), (True, "three")):
        connection.response.create(model="gpt-5.6", input="Go on.", store=store, previous_response_id=before)
        response = ended(connection)
        assert (response.output_text, response.previous_response_id) == (text, before)
        before = response.id


def test_each_response_is_an_exchange(llm: Understudy, connection: ResponsesConnection) -> None:
    for text in ("one", "two"):
        connection.response.create(model="gpt-5.6", input=text)
        ended(connection)
    assert [each.user for each in llm.requests] == ["one", "two"]
    llm.verify(user="one", stream=True, times=1)


def test_a_warm_up_has_an_id_and_says_nothing(llm: Understudy, connection: ResponsesConnection) -> None:
    rule = llm.when(user="hello").reply("Hi there.")
    connection.response.create(model="gpt-5.6", input="hello", generate=False)
    told = events(connection)
    assert [each["type"] for each in told] == [
        "response.created",
        "response.in_progress",
        "response.completed",
    ]
    warm = Response.model_validate(told[-1]["response"])
    assert (warm.output, warm.status) == ([], "completed")
    assert rule.answered == 0


def test_a_warm_up_may_have_instructions_alone(llm: Understudy, connection: ResponsesConnection) -> None:
    connection.response.create(model="gpt-5.6", instructions="Be brief.", generate=False)
    assert ended(connection).instructions == "Be brief."


def test_a_warm_up_can_be_continued(llm: Understudy, connection: ResponsesConnection) -> None:
    llm.when(system="brief", user="hello").reply("Hi.")
    connection.response.create(
        model="gpt-5.6", input=[{"role": "developer", "content": "Be brief."}], generate=False, store=False
    )
    warm = ended(connection)
    connection.response.create(model="gpt-5.6", input="hello", store=False, previous_response_id=warm.id)
    assert ended(connection).output_text == "Hi."


def test_lanes_say_which_they_are(llm: Understudy, connection: ResponsesConnection) -> None:
    for lane in ("planner", "research"):
        connection.response.create(model="gpt-5.6", input=lane, stream_id=lane)
    told = events(connection) + events(connection)
    assert {each["stream_id"] for each in told} == {"planner", "research"}


def test_a_response_is_steered_while_it_comes(llm: Understudy, connection: ResponsesConnection) -> None:
    llm.when(user="plan").reply("One, two, three.", pace="20/s")
    llm.when(user="quick").reply("Just one.")
    connection.response.create(model="gpt-6-astra", input="A plan.", store=False)
    begun = json.loads(connection.recv_bytes())
    connection.response.steer(input="Be quick.", previous_response_id=begun["response"]["id"])
    told = events(connection)
    assert "response.steer.accepted" in [each["type"] for each in told]
    assert Response.model_validate(told[-1]["response"]).output_text == "One, two, three."
    successor = ended(connection)
    assert successor.output_text == "Just one."
    assert successor.previous_response_id == begun["response"]["id"]


def test_steering_that_fails_is_given_back(llm: Understudy, connection: ResponsesConnection) -> None:
    connection.response.steer(input="Stop.", previous_response_id="resp_1")
    told = json.loads(connection.recv_bytes())
    EVENT.validate_python(told)
    assert told["error"]["code"] == "response_not_found"


def test_a_response_that_is_not_there_cannot_be_continued(
    llm: Understudy, connection: ResponsesConnection
) -> None:
    connection.response.create(
        model="gpt-5.6", input="And?", store=False, previous_response_id="resp_abc", stream_id="main"
    )
    told = failed(connection)
    headers = told["error"].pop("headers")
    assert headers["x-request-id"].startswith("req_")
    assert told == {
        "type": "error",
        "status": 400,
        "stream_id": "main",
        "error": {
            "type": "invalid_request_error",
            "code": "previous_response_not_found",
            "message": "Previous response with id 'resp_abc' not found.",
            "param": "previous_response_id",
        },
    }


def test_a_connection_goes_on_after_an_error(llm: Understudy, connection: ResponsesConnection) -> None:
    llm.when(user="hello").reply(error("rate_limit", retry_after=3), "Hi there.")
    connection.response.create(model="gpt-5.6", input="hello")
    told = failed(connection)
    assert (told["status"], told["error"]["code"]) == (429, "rate_limit_exceeded")
    assert told["error"]["headers"]["retry-after"] == "3"
    connection.response.create(model="gpt-5.6", input="hello")
    assert ended(connection).output_text == "Hi there."


def test_limits_hold_for_responses_and_not_for_connections(llm: Understudy) -> None:
    llm.limits = {"requests": "1/min"}
    with client_of(llm).responses.connect(), client_of(llm).responses.connect() as connection:
        connection.response.create(model="gpt-5.6", input="one")
        ended(connection)
        connection.response.create(model="gpt-5.6", input="two")
        assert failed(connection)["status"] == 429


def test_a_stream_that_breaks_has_an_error_in_it(llm: Understudy, connection: ResponsesConnection) -> None:
    llm.when(user="hello").reply("One two three four.", faults=["error_event"])
    connection.response.create(model="gpt-5.6", input="hello")
    told = events(connection)
    assert told[0]["type"] == "response.created"
    assert told[-1]["type"] == "error"


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_fault_cuts_the_connection(llm: Understudy, connection: ResponsesConnection, how: str) -> None:
    llm.when(user="hello").reply("One two three.", faults=[{"cut": {"after": "3 events", "how": how}}])
    connection.response.create(model="gpt-5.6", input="hello")
    told = [connection.recv().type for _ in range(3)]
    assert told == ["response.created", "response.in_progress", "response.output_item.added"]
    with pytest.raises(ConnectionClosedError):
        connection.recv()
    assert llm.requests[-1].outcome == "cut"


def test_an_outage_cuts_the_connection(llm: Understudy, connection: ResponsesConnection) -> None:
    llm.outage(how="reset")
    connection.response.create(model="gpt-5.6", input="hello")
    with pytest.raises(ConnectionClosedError):
        connection.recv()


def test_who_asks_during_an_outage_that_hangs_is_answered_behind_it(
    llm: Understudy, connection: ResponsesConnection
) -> None:
    llm.when(user="hello").reply("Hi there.")
    llm.outage(how="hang")
    connection.response.create(model="gpt-5.6", input="hello")
    llm.end_outage()
    assert ended(connection).output_text == "Hi there."


def test_a_key_that_is_not_let_in_is_refused_at_the_door(llm: Understudy) -> None:
    with pytest.raises(InvalidStatus) as refusal, client_of(llm, "mock-key-invalid").responses.connect():
        pass
    response = refusal.value.response
    assert response.status_code == 401
    assert json.loads(response.body or b"")["error"]["code"] == "invalid_api_key"
    assert llm.requests[-1].status == 401


def test_a_space_has_its_own_rules(llm: Understudy) -> None:
    space = llm.space("team")
    space.when(user="hello").reply("Hi from the team.")
    client = OpenAI(base_url=space.base_url, api_key="any")
    with client.responses.connect() as connection:
        connection.response.create(model="gpt-5.6", input="hello")
        assert ended(connection).output_text == "Hi from the team."
    assert [each.user for each in space.requests] == ["hello"]
    assert list(llm.requests) == []


def test_an_hour_on_the_mocks_clock_ends_the_connection(
    llm: Understudy, connection: ResponsesConnection
) -> None:
    llm.advance(3600)
    told = failed(connection)
    assert told["error"]["code"] == "websocket_connection_limit_reached"
    with pytest.raises(ConnectionClosedOK, match="1001"):
        connection.recv()


def test_a_client_may_connect_again_by_itself(llm: Understudy) -> None:
    llm.when(user="hello").reply("Hi there.")

    def ask_again(event: ReconnectingEvent) -> None:
        assert event.close_code == 1001
        opened.response.create(model="gpt-5.6", input="hello")

    with client_of(llm).responses.connect(on_reconnecting=ask_again, initial_delay=0.01) as opened:
        llm.advance(3600)
        assert failed(opened)["error"]["code"] == "websocket_connection_limit_reached"
        told = next(event for event in opened if event.type == "response.completed")
    assert told.response.output_text == "Hi there."
