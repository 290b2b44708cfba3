"""OpenAI's legacy Completions API; the answers themselves are golden pairs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from understudy.errors import Failure
from understudy.events import unfold
from understudy.model import (
    HttpRequest,
    Message,
    Reasoning,
    Refusal,
    Reply,
    Request,
    Sampling,
    Text,
    ToolCall,
)
from understudy.providers import openai_completions


def parsed(**fields: Any) -> Request:
    body = json.dumps({"model": "gpt-3.5-turbo-instruct", **fields}).encode()
    return openai_completions.parse(HttpRequest("POST", "/v1/completions", body=body))


def texts(request: Request, reply: Reply) -> list[tuple[str, str | None]]:
    """Text and finish reason of each frame of the stream."""
    encode = openai_completions.encoder(request)
    stream = b"".join(encode(event) for event in unfold(reply)).decode()
    frames = [json.loads(frame[6:]) for frame in stream.split("\n\n")[:-2]]
    return [(choice["text"], choice["finish_reason"]) for frame in frames for choice in frame["choices"]]


def test_a_request_is_read() -> None:
    request = parsed(
        prompt=["a", "b"], n=2, max_tokens=9, stop="x", seed=3, temperature=0, top_p=1, logprobs=2
    )
    assert (request.api, request.operation) == ("openai-completions", "completion")
    assert request.messages == (Message("user", (Text("a"),)),)
    assert request.more == ((Message("user", (Text("b"),)),),)
    assert request.sampling == Sampling(9, ("x",), 3, 0, 1, 2)
    assert (request.choices, request.stream) == (2, False)


def test_without_a_prompt_a_fresh_document_begins() -> None:
    assert parsed().user == "<|endoftext|>"
    assert parsed(prompt=None).user == "<|endoftext|>"


def test_16_tokens_are_answered_unless_more_are_asked_for() -> None:
    assert parsed(prompt="x").sampling.max_tokens == 16
    assert parsed(prompt="x", max_tokens=0).sampling.max_tokens == 0


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": 1}, "prompt"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": "x"}, "max_tokens"),
        ({"logprobs": -1}, "logprobs"),
        ({"prompt": []}, "prompt"),
        ({"logprobs": True}, "logprobs"),
        ({"echo": 1}, "echo"),
        ({"n": 129}, "n"),
        ({"stop": 1}, "stop"),
    ],
)
def test_what_cannot_be_understood_is_refused_by_its_name(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(Failure) as caught:
        parsed(**{"prompt": "x"} | fields)
    assert (caught.value.status, caught.value.param) == (400, param)


def told(**fields: Any) -> list[str]:
    """What the API would say to a request that can be read."""
    return [failure.message for failure in openai_completions.complaints(parsed(**{"prompt": "x"} | fields))]


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 2, "top_p": 0, "presence_penalty": -2, "frequency_penalty": 2.0, "logprobs": 5},
        {"n": 2, "best_of": 2, "stop": ["a", "b", "c", "d"], "max_tokens": 0},
        {"stream": True, "stream_options": {"include_usage": True}},
        {"model": "mock-llm-v1"},
        {"model": "davinci-002"},
        {"model": "acme-1"},
        {"temperature": None, "best_of": None, "stop": None, "stream_options": None},
    ],
)
def test_what_the_api_takes_passes(fields: dict[str, Any]) -> None:
    assert told(**fields) == []


@pytest.mark.parametrize(
    "model", ["gpt-4o", "gpt-5-mini", "o3", "gpt-4-0613", "ft:gpt-4o-2024-08-06:acme::1"]
)
def test_a_chat_model_is_sent_to_the_other_endpoint(model: str) -> None:
    (failure,) = openai_completions.complaints(parsed(prompt="x", model=model))
    assert (failure.status, failure.param) == (404, "model")
    assert failure.message == (
        "This is a chat model and not supported in the v1/completions endpoint. Did you mean to use "
        "v1/chat/completions?"
    )


def test_all_that_is_wrong_is_told_in_the_tables_order() -> None:
    assert told(n=3, best_of=2, top_p=2, temperature=-0.5) == [
        "Invalid 'temperature': decimal below minimum value. Expected a value >= 0, but got -0.5 instead.",
        "Invalid 'top_p': decimal above maximum value. Expected a value <= 1, but got 2 instead.",
        "You requested that the server return more choices than it will generate (HINT: you must set 'n' "
        "(currently 3) to be at most 'best_of' (currently 2), or omit either parameter if you don't "
        "specifically want to use them.)",
    ]


def test_no_more_alternatives_are_told_than_the_api_has() -> None:
    assert parsed(prompt="x", logprobs=10**9).sampling.top_logprobs == 5


def test_a_completion_holds_text_alone() -> None:
    reply = Reply((Reasoning("Hm."), Text("Hi"), ToolCall("f"), Refusal(" no")), "tool_call")
    body = json.loads(openai_completions.body(reply, parsed(prompt="x")))
    assert body["choices"][0]["text"] == "Hi no"
    assert body["choices"][0]["finish_reason"] == "stop"
    assert texts(parsed(prompt="x", stream=True), reply) == [("Hi", None), (" no", None), ("", "stop")]


def test_an_echo_comes_first_once_for_each_choice() -> None:
    request = parsed(prompt=["One", "Two"], echo=True, stream=True)
    reply = Reply((Text(" and more"),), others=(Reply((), "length"),))
    assert texts(request, reply) == [
        ("One", None),
        (" and", None),
        (" more", None),
        ("", "stop"),
        ("Two", None),
        ("", "length"),
    ]


def test_an_echo_has_logprobs_and_shifts_the_offsets() -> None:
    request = parsed(prompt="Say hi", echo=True, logprobs=0, stream=True)
    encode = openai_completions.encoder(request)
    stream = b"".join(encode(event) for event in unfold(Reply((Text(" now"),)))).decode()
    choices = [json.loads(frame[6:])["choices"][0] for frame in stream.split("\n\n")[:-2]]
    assert [choice["logprobs"] and choice["logprobs"]["text_offset"] for choice in choices] == [
        [0, 3],
        [6],
        None,
    ]
    assert choices[0]["logprobs"]["tokens"] == ["Say", " hi"]
    assert choices[0]["logprobs"]["top_logprobs"] is None


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_reads_as_what_it_says(stream: bool) -> None:
    request = parsed(prompt=["a", "b"], stream=stream)
    reply = Reply((Text("Hi"),), id="abc", created=7, model="m", others=(Reply((Text("Ho"),), "length"),))
    encode = openai_completions.encoder(request)
    data = b"".join(map(encode, unfold(reply))) if stream else openai_completions.body(reply, request)
    assert openai_completions.read([data]) == reply


def test_more_completions_than_can_be_had_at_once_are_refused() -> None:
    with pytest.raises(Failure, match="This asks for 5120 completions; at most 4096 can be had at once"):
        parsed(prompt=["a"] * 40, n=128)
