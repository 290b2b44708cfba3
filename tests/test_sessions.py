"""Responses over a WebSocket, without one: a client's messages in, steps out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any

import pytest

from understudy.model import Abort, Close, Head, HttpRequest, Pause, Send, Session, Step, Steps
from understudy.sessions import SESSIONS

OPENING = HttpRequest(
    "GET",
    "/@team/v1/responses?a=b",
    (
        *(b"host", b"x", b"connection", b"Upgrade", b"upgrade", b"websocket"),
        *(b"authorization", b"Bearer key", b"sec-websocket-key", b"secret"),
    ),
    peer="192.0.2.7",
)
STREAM = Head(200, b"content-type: text/event-stream\r\n")
CREATED = b'{"type":"response.created","response":{"id":"resp_1","previous_response_id":null}}'
DELTA = b'{"type":"response.output_text.delta","delta":"Hi"}'
COMPLETED = (
    b'{"type":"response.completed","response":{"id":"resp_1","output":[{"type":"message","id":"msg_1"}],'
    b'"previous_response_id":null}}'
)


class Api:
    """What a session asks, and is answered."""

    def __init__(self, *answers: Sequence[Step]) -> None:
        self.answers = list(answers)
        self.asked: list[HttpRequest] = []
        self.time = 1_000.0
        self.session: Session = SESSIONS["/v1/responses"](OPENING, self.ask, lambda: self.time)

    def ask(self, request: HttpRequest) -> Steps:
        self.asked.append(request)
        return iter(self.answers.pop(0))

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(each.body) for each in self.asked]

    def says(self, **event: Any) -> list[Step]:
        """The steps that an event leads to."""
        return list(self.session.receive(json.dumps({"type": "response.create", **event})).steps)

    def told(self, **event: Any) -> dict[str, Any]:
        """The only message that an event leads to."""
        (step,) = self.says(**event)
        assert isinstance(step, Send)
        message: dict[str, Any] = json.loads(step.data)
        return message


def event(data: bytes) -> bytes:
    """An event of a stream."""
    name: str = json.loads(data)["type"]
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data)


def response(id: str, *output: dict[str, Any], parent: str | None = None) -> list[Step]:
    """A streamed answer that ends with this response."""
    ended = {"id": id, "output": output, "previous_response_id": parent}
    data = json.dumps({"type": "response.completed", "response": ended}, separators=(",", ":"))
    return [STREAM, Send(event(data.encode()))]


def failed(status: int = 429, body: bytes = b'{"error":{"code":"rate_limit_exceeded"}}') -> list[Step]:
    return [Head(status, b"content-type: application/json\r\nretry-after: 1\r\n", len(body)), Send(body)]


# --- what is asked --------------------------------------------------------------------------------------


def test_an_event_becomes_a_streamed_request_where_the_session_was_opened() -> None:
    api = Api([STREAM])
    api.says(model="gpt-5.6", input="Hi", stream_id="main", stream=False, background=True)
    (asked,) = api.asked
    assert (asked.method, asked.target, asked.peer) == ("POST", "/@team/v1/responses?a=b", "192.0.2.7")
    assert json.loads(asked.body) == {"model": "gpt-5.6", "input": "Hi", "stream": True}


def test_a_request_has_the_headers_of_the_opening_but_for_those_of_the_connection() -> None:
    api = Api([STREAM])
    api.says(input="Hi")
    assert api.asked[0].headers == (
        *(b"host", b"x", b"upgrade", b"websocket", b"authorization", b"Bearer key"),
        *(b"sec-websocket-key", b"secret", b"content-type", b"application/json"),
    )


def test_nothing_is_asked_before_its_turn_comes() -> None:
    api = Api([STREAM])
    queued = api.session.receive('{"type":"response.create","stream_id":"main"}')
    assert queued.lane == "main"
    assert api.asked == []
    assert list(queued.steps) == []
    assert len(api.asked) == 1


def test_what_names_no_lane_has_one_of_its_own() -> None:
    api = Api()
    assert api.session.receive('{"type":"response.create"}').lane == ""


def test_a_warm_up_is_asked_for_as_over_http() -> None:
    api = Api([STREAM], [STREAM])
    api.says(instructions="Be brief.", generate=False, prompt_cache_options={"ttl": "30m"})
    api.says(input="Hi", generate=True)
    assert api.bodies == [
        {
            "instructions": "Be brief.",
            "prompt_cache_options": {"ttl": "30m", "prewarm": True},
            "input": [],
            "stream": True,
        },
        {"input": "Hi", "stream": True},
    ]


@pytest.mark.parametrize("message", ["{", "[]", "7", "[" * 100_000])
def test_a_message_that_is_no_object_is_left_to_the_api_to_refuse(message: str) -> None:
    api = Api(failed(400))
    list(api.session.receive(message).steps)
    assert [each.body for each in api.asked] == [message.encode()]


# --- what is told ---------------------------------------------------------------------------------------


def test_each_event_of_the_stream_is_a_message() -> None:
    api = Api([STREAM, Send(event(CREATED) + event(DELTA)), Pause(0.5), Send(event(COMPLETED))])
    assert api.says(input="Hi") == [Send(CREATED), Send(DELTA), Pause(0.5), Send(COMPLETED)]


def test_an_event_may_come_in_pieces() -> None:
    stream = event(CREATED) + event(DELTA)
    api = Api([STREAM, *(Send(stream[at : at + 1]) for at in range(len(stream)))])
    assert api.says(input="Hi") == [Send(CREATED), Send(DELTA)]


def test_messages_of_a_named_lane_say_which() -> None:
    api = Api([STREAM, Send(event(DELTA))])
    assert api.says(input="Hi", stream_id="main") == [
        Send(b'{"type":"response.output_text.delta","delta":"Hi","stream_id":"main"}')
    ]


def test_a_connection_that_is_cut_in_an_event_ends_before_it() -> None:
    api = Api([STREAM, Send(event(CREATED) + event(DELTA)[:-5]), Abort("reset")])
    assert api.says(input="Hi") == [Send(CREATED), Abort("reset")]


def test_json_that_is_garbled_is_passed_on() -> None:
    api = Api([STREAM, Send(b'event: response.completed\ndata: {"type":"resp\n\n')])
    assert api.says(input="Hi", stream_id="main") == [Send(b'{"type":"resp')]


def test_an_event_without_data_is_no_message() -> None:
    api = Api([STREAM, Send(b": a comment\n\nevent: x\n\n" + event(DELTA))])
    assert api.says(input="Hi") == [Send(DELTA)]


def test_a_refusal_is_an_error_event_with_its_status_and_headers() -> None:
    api = Api(failed())
    assert api.told(input="Hi", stream_id="main") == {
        "type": "error",
        "status": 429,
        "stream_id": "main",
        "error": {"code": "rate_limit_exceeded", "headers": {"retry-after": "1"}},
    }


def test_a_gateways_page_is_an_error_event_too() -> None:
    api = Api([Head(502, b"content-type: text/html\r\n", 6), Send(b"<html>")])
    assert api.told(input="Hi") == {
        "type": "error",
        "status": 502,
        "error": {"type": "server_error", "code": None, "message": "<html>", "param": None},
    }


def test_a_whole_answer_is_one_message() -> None:
    api = Api([Head(200, b"", 2), Send(b"ok")])
    assert api.says(input="Hi") == [Send(b"ok")]


def test_an_empty_answer_is_none() -> None:
    api = Api([Head(200, b"", 0)])
    assert api.says(input="Hi") == []


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (
            {"type": "response.cancel"},
            {
                "message": "Invalid value: 'response.cancel'. Supported values are: 'response.create' and "
                "'response.steer'.",
                "type": "invalid_request_error",
                "param": "type",
                "code": "invalid_value",
            },
        ),
        (
            {"type": None},
            {
                "message": "Missing required parameter: 'type'.",
                "type": "invalid_request_error",
                "param": "type",
                "code": "missing_required_parameter",
            },
        ),
    ],
)
def test_an_event_of_another_kind_is_refused(given: dict[str, Any], error: dict[str, Any]) -> None:
    api = Api()
    assert api.told(**given) == {"type": "error", "status": 400, "error": error}


@pytest.mark.parametrize("stream_id", ["", "a b", "é", "x" * 257, 7, None])
def test_a_lane_must_have_a_plain_name(stream_id: Any) -> None:
    api = Api()
    assert api.told(stream_id=stream_id) == {
        "type": "error",
        "status": 400,
        "error": {
            "type": "invalid_request_error",
            "code": "invalid_stream_id",
            "message": "The 'stream_id' field must be a non-empty string with at most 256 characters and may "
            "only contain letters, numbers, underscores, hyphens, and periods.",
            "param": "stream_id",
        },
    }


def test_a_connection_has_32_lanes_with_a_name() -> None:
    api = Api(*repeat([STREAM], 34))
    for number in range(32):
        assert api.says(stream_id=f"agent_{number}") == []
    assert api.told(stream_id="agent_33") == {
        "type": "error",
        "status": 400,
        "stream_id": "agent_33",
        "error": {
            "type": "invalid_request_error",
            "code": "websocket_stream_limit_reached",
            "message": "This WebSocket connection has reached its maximum number of distinct stream IDs "
            "(32). Reuse an existing stream_id or open a new WebSocket connection.",
            "param": "stream_id",
        },
    }
    assert api.says(stream_id="agent_0") == []
    assert api.says() == []


def test_a_connection_lasts_an_hour() -> None:
    api = Api([STREAM])
    assert list(api.session.overdue()) == []
    api.time += 3599.0
    assert api.says() == []
    api.time += 1.0
    error, close = api.session.overdue()
    assert isinstance(error, Send)
    assert json.loads(error.data) == {
        "type": "error",
        "error": {
            "type": "invalid_request_error",
            "code": "websocket_connection_limit_reached",
            "message": "Responses websocket connection limit reached (60 minutes). Create a new websocket "
            "connection to continue.",
        },
        "status": 400,
    }
    assert close == Close(1001, "60 minutes")
    assert api.says() == [error, close]


# --- what the connection remembers ------------------------------------------------------------------------


def test_a_response_that_is_not_stored_is_continued_from_memory() -> None:
    message = {"type": "message", "id": "msg_1"}
    api = Api(response("resp_1", message), response("resp_2"))
    api.says(input="Hi", store=False)
    told = api.told(input=[{"role": "user", "content": "And?"}], store=False, previous_response_id="resp_1")
    assert api.bodies[1] == {
        "input": [{"role": "user", "content": "Hi"}, message, {"role": "user", "content": "And?"}],
        "store": False,
        "stream": True,
    }
    assert told["response"]["previous_response_id"] == "resp_1"


def test_a_chain_that_began_with_a_stored_response_goes_on_from_it() -> None:
    api = Api(response("resp_2", parent="resp_1"), response("resp_3", parent="resp_1"))
    api.says(input="Two", store=False, previous_response_id="resp_1")
    told = api.told(input="Three", store=False, previous_response_id="resp_2")
    assert api.bodies[1]["previous_response_id"] == "resp_1"
    assert [item["content"] for item in api.bodies[1]["input"]] == ["Two", "Three"]
    assert told["response"]["previous_response_id"] == "resp_2"


def test_a_stored_response_is_left_to_the_api_to_find() -> None:
    api = Api(response("resp_1"), response("resp_2"))
    api.says(input="Hi")
    api.says(input="And?", previous_response_id="resp_1")
    assert api.bodies[1] == {"input": "And?", "previous_response_id": "resp_1", "stream": True}


def test_a_lane_remembers_its_latest_response_alone() -> None:
    api = Api(response("resp_1"), response("resp_2"), failed())
    api.says(input="Hi", store=False)
    api.says(input="And?", store=False, previous_response_id="resp_1")
    api.says(input="But?", store=False, previous_response_id="resp_1")
    assert api.bodies[2]["previous_response_id"] == "resp_1"


def test_another_lane_may_fork_the_conversation() -> None:
    api = Api(response("resp_1"), response("resp_2"), response("resp_3"))
    api.says(input="Hi", store=False, stream_id="main")
    api.says(input="Why?", store=False, previous_response_id="resp_1", stream_id="critic")
    api.says(input="So?", store=False, previous_response_id="resp_1", stream_id="main")
    assert [[item["content"] for item in body["input"]] for body in api.bodies[1:]] == [
        ["Hi", "Why?"],
        ["Hi", "So?"],
    ]


def test_a_continuation_that_is_refused_makes_its_lane_forget() -> None:
    api = Api(response("resp_1"), failed(), failed())
    api.says(input="Hi", store=False)
    api.says(input="And?", store=False, previous_response_id="resp_1")
    api.says(input="And?", store=False, previous_response_id="resp_1")
    assert "previous_response_id" not in api.bodies[1]
    assert api.bodies[2]["previous_response_id"] == "resp_1"


def test_a_fork_that_is_refused_leaves_the_other_lane_its_response() -> None:
    api = Api(response("resp_1"), failed(), response("resp_2"))
    api.says(input="Hi", store=False, stream_id="main")
    api.says(input="Why?", store=False, previous_response_id="resp_1", stream_id="critic")
    api.says(input="So?", store=False, previous_response_id="resp_1", stream_id="main")
    assert [item["content"] for item in api.bodies[2]["input"]] == ["Hi", "So?"]


def test_a_continuation_needs_no_input() -> None:
    api = Api(response("resp_1"), response("resp_2"))
    api.says(input="Hi", store=False)
    api.says(store=False, previous_response_id="resp_1")
    assert api.bodies[1]["input"] == [{"role": "user", "content": "Hi"}]


def test_a_continuation_whose_input_cannot_be_read_is_left_to_the_api_to_refuse() -> None:
    api = Api(response("resp_1"), failed(400))
    api.says(input="Hi", store=False)
    api.says(input=7, store=False, previous_response_id="resp_1")
    assert api.bodies[1] == {
        "input": 7,
        "store": False,
        "previous_response_id": "resp_1",
        "stream": True,
    }


@pytest.mark.parametrize(
    "ended",
    [b'{"type":"response.completed"', b'{"type":"response.completed","response":{"id":"resp_1"}}'],
)
def test_a_response_that_cannot_be_read_is_not_remembered(ended: bytes) -> None:
    api = Api([STREAM, Send(b"event: response.completed\ndata: %b\n\n" % ended)], failed())
    api.says(input="Hi", store=False)
    api.says(input="And?", store=False, previous_response_id="resp_1")
    assert api.bodies[1]["previous_response_id"] == "resp_1"


# --- steering -------------------------------------------------------------------------------------------


def slow(id: str, *output: dict[str, Any]) -> list[Step]:
    """A streamed answer that takes a second."""
    begun = json.dumps({"type": "response.created", "response": {"id": id, "output": []}})
    head, ended = response(id, *output)
    return [head, Send(event(begun.encode())), Pause(1.0), ended]


class Steered:
    """A response under way that is steered."""

    def __init__(self, *answers: Sequence[Step], **asked: Any) -> None:
        self.api = Api(*answers)
        asked = {"type": "response.create", "model": "gpt-6-astra", "input": "Plan it.", **asked}
        self.steps = self.api.session.receive(json.dumps(asked)).steps
        next(self.steps)

    def steer(self, **fields: Any) -> dict[str, Any]:
        """What is told at once."""
        fields = {"input": "Be quick.", "previous_response_id": "resp_1", **fields}
        return self.api.told(type="response.steer", **fields)

    def rest(self) -> list[dict[str, Any]]:
        """What is told until everything has ended."""
        return [json.loads(step.data) for step in self.steps if isinstance(step, Send)]


def test_steering_is_accepted_and_has_a_successor_follow() -> None:
    steered = Steered(slow("resp_1"), slow("resp_2"), instructions="In short.")
    told = steered.steer()
    assert re.fullmatch("steer_[0-9a-f]{32}", told["steer"].pop("id"))
    assert told == {
        "type": "response.steer.accepted",
        "sequence_number": 1,
        "steer": {"previous_response_id": "resp_1"},
    }
    ended, begun, last = steered.rest()
    assert (ended["type"], ended["response"]["id"]) == ("response.completed", "resp_1")
    assert (begun["type"], begun["response"]["id"]) == ("response.created", "resp_2")
    assert (last["type"], last["response"]["id"]) == ("response.completed", "resp_2")
    assert steered.api.bodies[1] == {
        "model": "gpt-6-astra",
        "instructions": "In short.",
        "input": [{"type": "message", "role": "user", "content": "Be quick."}],
        "previous_response_id": "resp_1",
        "stream": True,
    }


def test_all_that_was_said_goes_into_one_successor() -> None:
    steered = Steered(slow("resp_1"), response("resp_2"))
    more = {"role": "user", "content": [{"type": "input_text", "text": "And brief."}]}
    first, second = steered.steer(), steered.steer(input=[more])
    assert first["steer"]["id"] != second["steer"]["id"]
    steered.rest()
    assert steered.api.bodies[1]["input"] == [
        {"type": "message", "role": "user", "content": "Be quick."},
        more,
    ]


def test_a_successor_may_be_steered_too() -> None:
    steered = Steered(slow("resp_1"), slow("resp_2"), response("resp_3"))
    steered.steer()
    while json.loads(getattr(next(steered.steps), "data", b"{}")).get("type") != "response.created":
        pass
    assert steered.steer(previous_response_id="resp_2")["type"] == "response.steer.accepted"
    steered.rest()
    assert [body.get("previous_response_id") for body in steered.api.bodies] == [None, "resp_1", "resp_2"]


def test_steering_in_a_lane_says_which() -> None:
    steered = Steered(slow("resp_1"), response("resp_2"), stream_id="main")
    assert steered.steer()["stream_id"] == "main"
    assert {each["stream_id"] for each in steered.rest()} == {"main"}


def test_a_successor_of_what_is_not_stored_has_all_that_was_said() -> None:
    steered = Steered(slow("resp_1"), response("resp_2"), store=False)
    steered.steer()
    steered.rest()
    assert [item["content"] for item in steered.api.bodies[1]["input"]] == ["Plan it.", "Be quick."]


def test_what_waits_for_a_result_is_steered_when_that_comes() -> None:
    calls = (
        {"type": "function_call", "call_id": "call_1", "name": "get_status", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "call_2", "name": "say", "input": "x"},
        {"type": "message", "id": "msg_1"},
    )
    steered = Steered(slow("resp_1", *calls), response("resp_2"))
    id = steered.steer()["steer"]["id"]
    _, told = steered.rest()
    assert told == {
        "type": "response.steer.pending",
        "sequence_number": 2,
        "steer": {"id": id, "previous_response_id": "resp_1"},
        "reason": "waiting_for_required_input",
        "required_input": [
            {"type": "function_call_output", "call_id": "call_1", "name": "get_status"},
            {"type": "custom_tool_call_output", "call_id": "call_2"},
        ],
    }
    result = {"type": "function_call_output", "call_id": "call_1", "output": "Done."}
    steered.api.says(input=[result], previous_response_id="resp_1")
    assert steered.api.bodies[1]["input"] == [
        {"type": "message", "role": "user", "content": "Be quick."},
        result,
    ]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"input": ""}, "response.steer.accepted"),
        ({"input": None}, "invalid_input"),
        ({"input": []}, "invalid_input"),
        ({"input": ["x"]}, "invalid_input"),
        ({"input": [{"role": "system", "content": "x"}]}, "invalid_input"),
        ({"input": [{"type": "function_call_output", "role": "user", "content": "x"}]}, "invalid_input"),
        ({"input": [{"role": "user"}]}, "invalid_input"),
        ({"stream_id": "main"}, "invalid_input"),
        ({"previous_response_id": None}, "invalid_input"),
        ({"previous_response_id": ["resp_1"]}, "invalid_input"),
        ({"previous_response_id": "resp_9"}, "response_not_found"),
    ],
)
def test_steering_must_be_said_by_the_user_to_a_response(fields: dict[str, Any], code: str) -> None:
    told = Steered(slow("resp_1")).steer(**fields)
    assert told.get("error", {}).get("code", told["type"]) == code
    if code != "response.steer.accepted":
        given = {"input": "Be quick.", "previous_response_id": "resp_1", **fields}
        assert told["steer"] == {key: given[key] for key in ("input", "previous_response_id")}


@pytest.mark.parametrize(
    "asked",
    [
        {"model": "gpt-5.6"},
        {"model": "gpt-4o"},
        {"model": "o3"},
        {"conversation": "conv_1"},
        {"context_management": [{"type": "compaction"}]},
        {"generate": False},
    ],
)
def test_not_everything_can_be_steered(asked: dict[str, Any]) -> None:
    told = Steered(slow("resp_1"), **asked).steer()
    assert told == {
        "type": "response.steer.failed",
        "error": {
            "type": "invalid_request_error",
            "code": "steering_not_supported",
            "message": "The model or the request's execution mode does not support steering.",
        },
        "steer": {"input": "Be quick.", "previous_response_id": "resp_1"},
        "sequence_number": 0,
    }


def test_what_is_over_cannot_be_steered() -> None:
    steered = Steered(slow("resp_1"))
    steered.rest()
    assert steered.steer()["error"]["code"] == "response_already_completed"


def test_steering_has_an_end() -> None:
    steered = Steered(slow("resp_1"))
    for _ in range(32):
        assert steered.steer()["type"] == "response.steer.accepted"
    assert steered.steer()["error"]["code"] == "too_many_pending_steers"


def test_what_was_said_to_a_response_that_breaks_off_is_given_back() -> None:
    begun = slow("resp_1")[:3]
    steered = Steered([*begun, Send(b'event: error\ndata: {"type":"error"}\n\n')])
    id = steered.steer()["steer"]["id"]
    _, told = steered.rest()
    assert told["error"]["code"] == "response_not_active"
    assert told["steer"] == {"id": id, "input": "Be quick.", "previous_response_id": "resp_1"}


def test_what_was_said_is_given_back_where_the_successor_is_refused() -> None:
    steered = Steered(slow("resp_1"), failed())
    id = steered.steer()["steer"]["id"]
    _, refusal, told = steered.rest()
    assert refusal["type"] == "error"
    assert told["error"]["code"] == "successor_creation_failed"
    assert told["steer"]["id"] == id


# --- how it ends ------------------------------------------------------------------------------------------


class Watched:
    """An answer that notes how it was ended."""

    def __init__(self) -> None:
        self.ends: list[str] = []

    def steps(self, request: HttpRequest) -> Iterator[Step]:
        try:
            yield STREAM
            yield Send(event(CREATED))
            yield Pause(1.0)
        except (GeneratorExit, ConnectionResetError) as end:
            self.ends.append(f"{type(end).__name__}: {end}")
            raise


def test_who_answers_learns_that_the_client_has_left() -> None:
    watched = Watched()
    steps: Any = (
        SESSIONS["/v1/responses"](OPENING, watched.steps, lambda: 0.0)
        .receive('{"type":"response.create"}')
        .steps
    )
    next(steps)
    steps.close()
    assert watched.ends == ["GeneratorExit: "]


def test_who_answers_learns_that_an_outage_cut_it() -> None:
    watched = Watched()
    steps: Any = (
        SESSIONS["/v1/responses"](OPENING, watched.steps, lambda: 0.0)
        .receive('{"type":"response.create"}')
        .steps
    )
    next(steps)
    with pytest.raises(ConnectionResetError, match="outage"):
        steps.throw(ConnectionResetError("outage"))
    assert watched.ends == ["ConnectionResetError: outage"]
