"""The official SDK as the oracle for Responses: over a real socket, under its strict validation."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.responses import FunctionToolParam, Response, ResponseInputParam
from pydantic import BaseModel

Serving = Callable[..., AbstractContextManager[str]]

HELLO = "Hello there, who are you?"
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
RULES = """
rules:
  - when: {user: think}
    reply: {reasoning: Let me see., text: It is four.}
  - when: {user: refuse}
    reply: {refusal: I cannot help with that.}
  - when: {user: call}
    reply:
      tool_calls:
        - {name: get_weather, arguments: {city: Paris}}
        - {name: get_weather, arguments: {city: Rome}}
  - when: {user: filtered}
    reply: {text: So, stop: content_filter}
  - when: {user: broken}
    reply: One two three four five six.
    faults: [error_event]
  - when: {user: garbled}
    reply: One two three four five six.
    faults: [garble]
  - when: {user: cut off}
    reply: One two three four five six.
    faults: [{cut: {after: 6 events}}]
  - when: {user: endless}
    reply: One two three four five six.
    faults: [drop_done]
"""


class Person(BaseModel):
    name: str
    age: int
    mood: Literal["glad", "sad"]


def client_of(url: str) -> OpenAI:
    return OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0, _strict_response_validation=True)


@pytest.fixture(scope="module")
def client(server_url: str) -> Iterator[OpenAI]:
    with client_of(server_url) as client:
        yield client


@pytest.fixture(scope="module")
def ruled(serving: Serving, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAI]:
    """A client of a server with rules."""
    file: Path = tmp_path_factory.mktemp("rules") / "rules.yaml"
    file.write_text(RULES)
    with serving(str(file)) as url, client_of(url) as client:
        yield client


def test_a_response_has_every_field(client: OpenAI) -> None:
    answer = client.responses.create(model="gpt-4o", input=HELLO)
    assert re.fullmatch(r"resp_[0-9A-Za-z]{29}", answer.id)
    assert (answer.object, answer.status, answer.error) == ("response", "completed", None)
    assert answer.incomplete_details is None
    assert answer.model == "gpt-4o"
    assert answer.created_at > 1_700_000_000
    assert answer.completed_at
    assert (answer.temperature, answer.top_p, answer.truncation) == (1.0, 1.0, "disabled")
    assert (answer.tool_choice, answer.tools, answer.parallel_tool_calls) == ("auto", [], True)
    assert (answer.metadata, answer.service_tier, answer.background) == ({}, "default", False)
    (item,) = answer.output
    assert item.type == "message"
    assert item.id.startswith("msg_")
    assert answer.output_text
    assert answer.usage
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
    assert re.fullmatch(r"req_[0-9a-f]{32}", answer._request_id or "")


def test_what_was_asked_is_echoed(client: OpenAI) -> None:
    answer = client.responses.create(
        model="gpt-5",
        input=HELLO,
        instructions="Be brief.",
        metadata={"a": "b"},
        max_output_tokens=1000,
        reasoning={"effort": "low", "summary": "auto"},
        store=False,
        truncation="auto",
        tools=[WEATHER, {"type": "web_search"}],
        user="me",
    )
    assert (answer.instructions, answer.metadata, answer.user) == ("Be brief.", {"a": "b"}, "me")
    assert (answer.max_output_tokens, answer.truncation) == (1000, "auto")
    assert answer.reasoning
    assert (answer.reasoning.effort, answer.reasoning.summary) == ("low", "detailed")
    assert [tool.type for tool in answer.tools] == ["function", "web_search"]


def test_a_stream_tells_its_events_in_the_documented_order(client: OpenAI) -> None:
    events = list(client.responses.create(model="gpt-4o", input=HELLO, stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    kinds = [event.type for event in events]
    assert kinds[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert set(kinds[4:-4]) == {"response.output_text.delta"}
    assert kinds[-4:] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    told = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    last = events[-1]
    assert last.type == "response.completed"
    assert told == last.response.output_text
    assert told == client.responses.create(model="gpt-4o", input=HELLO).output_text


def test_the_stream_helper_gathers_the_final_response(client: OpenAI) -> None:
    with client.responses.stream(model="gpt-4o", input=HELLO) as stream:
        texts = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert "".join(texts) == final.output_text


def test_structured_output_is_parsed_whole_and_streamed(client: OpenAI) -> None:
    ask = "Anna is 41 and glad."
    whole = client.responses.parse(model="gpt-4o", input=ask, text_format=Person)
    with client.responses.stream(model="gpt-4o", input=ask, text_format=Person) as stream:
        streamed = stream.until_done().get_final_response()
    assert isinstance(whole.output_parsed, Person)
    assert streamed.output_parsed == whole.output_parsed


def test_the_loop_of_a_tool_ends_with_what_the_tool_said(client: OpenAI) -> None:
    told: ResponseInputParam = [{"role": "user", "content": "What is the weather in Paris?"}]
    rounds = 0
    while True:
        answer = client.responses.create(model="gpt-4o", input=told, tools=[WEATHER])
        rounds += 1
        calls = [item for item in answer.output if item.type == "function_call"]
        if not calls:
            break
        told += [item.to_dict() for item in answer.output]  # type: ignore[misc]
        for call in calls:
            assert json.loads(call.arguments) == {"city": "Paris"}
            assert call.call_id.startswith("call_")
            told.append({"type": "function_call_output", "call_id": call.call_id, "output": "22 degrees"})
    assert rounds == 2
    assert "22 degrees" in answer.output_text


def test_a_forced_tool_is_called_and_its_arguments_come_in_pieces(client: OpenAI) -> None:
    with client.responses.stream(
        model="gpt-4o",
        input="Anything",
        tools=[WEATHER],
        tool_choice={"type": "function", "name": "get_weather"},
    ) as stream:
        pieces = [event.delta for event in stream if event.type == "response.function_call_arguments.delta"]
        final = stream.get_final_response()
    (call,) = final.output
    assert call.type == "function_call"
    assert call.arguments == "".join(pieces)
    assert len(pieces) > 1


def test_a_custom_tool_is_called_with_free_text(client: OpenAI) -> None:
    answer = client.responses.create(
        model="gpt-5",
        input="Run ls",
        tools=[{"type": "custom", "name": "shell"}],
        tool_choice={"type": "custom", "name": "shell"},
    )
    (call,) = answer.output
    assert call.type == "custom_tool_call"
    assert call.id
    assert call.id.startswith("ctc_")


def test_a_limit_leaves_the_response_incomplete(client: OpenAI) -> None:
    ask: dict[str, Any] = {"model": "gpt-4o", "input": "Write a long story", "max_output_tokens": 16}
    answer = client.responses.create(**ask)
    *_, last = client.responses.create(**ask, stream=True)
    assert last.type == "response.incomplete"
    for told in (answer, last.response):
        assert told.status == "incomplete"
        assert told.completed_at is None
        assert told.incomplete_details
        assert told.incomplete_details.reason == "max_output_tokens"
        assert told.usage
        assert told.usage.output_tokens <= 16


def test_a_prompt_may_be_prepared_without_an_answer(client: OpenAI) -> None:
    response = client.responses.create(
        model="gpt-5.6", instructions="Be brief.", input=[], prompt_cache_options={"prewarm": True}
    )
    assert (response.status, response.output, response.usage and response.usage.output_tokens) == (
        "completed",
        [],
        0,
    )


def test_logprobs_are_told_where_they_are_included(client: OpenAI) -> None:
    answer = client.responses.create(
        model="gpt-4o", input=HELLO, include=["message.output_text.logprobs"], top_logprobs=2
    )
    (item,) = answer.output
    assert item.type == "message"
    (said,) = item.content
    assert said.type == "output_text"
    assert said.logprobs
    assert "".join(each.token for each in said.logprobs) == said.text
    assert all(len(each.top_logprobs) == 2 for each in said.logprobs)


def said_by(answer: Response) -> list[tuple[str, str]]:
    """What each item says, with its type."""
    told: list[tuple[str, str]] = []
    for item in answer.output:
        if item.type == "message":
            told += [
                (each.type, getattr(each, "text", getattr(each, "refusal", ""))) for each in item.content
            ]
        elif item.type == "reasoning":
            told.append((item.type, "".join(each.text for each in item.summary)))
        elif item.type == "function_call":
            told.append((item.type, item.arguments))
    return told


@pytest.mark.parametrize(
    ("ask", "expected", "status"),
    [
        ("think", [("reasoning", "Let me see."), ("output_text", "It is four.")], "completed"),
        ("refuse", [("refusal", "I cannot help with that.")], "completed"),
        (
            "call",
            [("function_call", '{"city":"Paris"}'), ("function_call", '{"city":"Rome"}')],
            "completed",
        ),
        ("filtered", [("output_text", "So")], "incomplete"),
    ],
)
def test_a_rule_answers_here_as_anywhere_whole_and_streamed(
    ruled: OpenAI, ask: str, expected: list[tuple[str, str]], status: str
) -> None:
    whole = ruled.responses.create(model="gpt-5", input=ask, tools=[WEATHER])
    *_, last = ruled.responses.create(model="gpt-5", input=ask, tools=[WEATHER], stream=True)
    assert last.type in ("response.completed", "response.incomplete")
    for answer in (whole, last.response):
        assert [(kind, text.replace(" ", "") if "{" in text else text) for kind, text in said_by(answer)] == (
            expected
        )
        assert answer.status == status


def test_thoughts_are_counted_and_can_be_sent_back(ruled: OpenAI) -> None:
    answer = ruled.responses.create(model="gpt-5", input="think")
    assert answer.usage
    assert answer.usage.output_tokens_details.reasoning_tokens == 4
    thought = answer.output[0]
    assert thought.type == "reasoning"
    assert thought.encrypted_content
    told: Any = [{"role": "user", "content": "think"}, *[item.to_dict() for item in answer.output]]
    again = ruled.responses.create(model="gpt-5", input=[*told, {"role": "user", "content": "Hello"}])
    assert again.output_text


def test_an_error_inside_a_stream_raises(ruled: OpenAI) -> None:
    with pytest.raises(openai.APIError, match="The server had an error") as caught:
        list(ruled.responses.create(model="gpt-5", input="broken", stream=True))
    assert type(caught.value) is openai.APIError


def test_a_stream_that_is_cut_or_garbled_raises_and_one_without_an_end_just_stops(ruled: OpenAI) -> None:
    with pytest.raises(json.JSONDecodeError):
        list(ruled.responses.create(model="gpt-5", input="garbled", stream=True))
    with pytest.raises(openai.APIConnectionError):
        list(ruled.responses.create(model="gpt-5", input="cut off", stream=True))
    *_, last = ruled.responses.create(model="gpt-5", input="endless", stream=True)
    assert last.type == "response.output_item.done"


def test_failing_models_fail_here_too(client: OpenAI) -> None:
    with pytest.raises(openai.RateLimitError):
        client.responses.create(model="mock-rate-limited", input="Hi")
    with pytest.raises(openai.APIConnectionError):
        client.responses.create(model="mock-cut", input="Hi")
    with pytest.raises(openai.APIStatusError):
        client.responses.create(model="mock-error-500", input="Hi")


def test_an_unknown_model_is_a_bad_request(serving: Serving) -> None:
    with (
        serving("--unknown-models", "refuse") as url,
        client_of(url) as client,
        pytest.raises(openai.BadRequestError) as caught,
    ):
        client.responses.create(model="gpt-99", input="Hi")
    assert (caught.value.param, caught.value.code) == ("model", "model_not_found")
    assert "The requested model 'gpt-99' does not exist." in caught.value.message


def test_too_long_an_input_is_refused_in_the_words_of_this_api(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model="gpt-4", input="word " * 9_000)
    assert (caught.value.param, caught.value.code) == ("input", "context_length_exceeded")
    assert "Your input exceeds the context window of this model." in caught.value.message


def test_tokens_are_counted_as_they_are_charged(client: OpenAI) -> None:
    counted = client.responses.input_tokens.count(model="gpt-4o", input=HELLO, tools=[WEATHER])
    assert counted.object == "response.input_tokens"
    charged = client.responses.create(model="gpt-4o", input=HELLO, tools=[WEATHER]).usage
    assert charged
    assert counted.input_tokens == charged.input_tokens


def test_it_answers_an_asynchronous_client(server_url: str) -> None:
    async def asking() -> tuple[str, str]:
        async with AsyncOpenAI(
            base_url=f"{server_url}/v1", api_key="any", max_retries=0, _strict_response_validation=True
        ) as client:
            whole = await client.responses.create(model="gpt-4o", input=HELLO)
            texts = [
                event.delta
                async for event in await client.responses.create(model="gpt-4o", input=HELLO, stream=True)
                if event.type == "response.output_text.delta"
            ]
            return whole.output_text, "".join(texts)

    whole, streamed = asyncio.run(asking())
    assert whole == streamed
