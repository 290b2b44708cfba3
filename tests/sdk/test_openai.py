"""The official SDK as the oracle: over a real socket, under its strict validation, sync and async."""

from __future__ import annotations

import asyncio
import base64
import json
import math
import re
import struct
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, Literal

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from pydantic import BaseModel

from understudy import Understudy

HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello there, who are you?"}]
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}
REQUEST_ID = re.compile(r"req_[0-9a-f]{32}")


class Person(BaseModel):
    name: str
    age: int
    mood: Literal["glad", "sad"]


@pytest.fixture(scope="module")
def client(server_url: str) -> Iterator[OpenAI]:
    with OpenAI(
        base_url=f"{server_url}/v1", api_key="any", max_retries=0, _strict_response_validation=True
    ) as client:
        yield client


@pytest.fixture(scope="module")
def lenient(client: OpenAI, server_url: str) -> Iterator[OpenAI]:
    """A client without the strict validation, for what the SDK's own types forbid.

    They have no place for the null `finish_reason` of a completion that streams, nor for the base64 that
    the SDK itself asks embeddings for.
    """
    with OpenAI(base_url=f"{server_url}/v1", api_key="any", max_retries=0) as client:
        yield client


@pytest.fixture
def run(server_url: str) -> Callable[[Callable[[AsyncOpenAI], Coroutine[Any, Any, Any]]], Any]:
    """Runs a coroutine that is given an asynchronous client."""

    async def running(ask: Callable[[AsyncOpenAI], Coroutine[Any, Any, Any]]) -> Any:
        async with AsyncOpenAI(
            base_url=f"{server_url}/v1", api_key="any", max_retries=0, _strict_response_validation=True
        ) as client:
            return await ask(client)

    return lambda ask: asyncio.run(running(ask))


# --- chat ---------------------------------------------------------------------------------------------


def test_a_chat_completion_has_every_field(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="gpt-4o", messages=HELLO)
    assert re.fullmatch(r"chatcmpl-[0-9A-Za-z]{29}", answer.id)
    assert answer.object == "chat.completion"
    assert answer.model == "gpt-4o"
    assert answer.created > 1_700_000_000
    assert answer.service_tier == "default"
    assert re.fullmatch(r"fp_[0-9a-f]{10}", answer.system_fingerprint or "")
    (choice,) = answer.choices
    assert (choice.index, choice.finish_reason, choice.logprobs) == (0, "stop", None)
    assert choice.message.role == "assistant"
    assert choice.message.content
    assert choice.message.refusal is None
    assert choice.message.annotations == []
    assert choice.message.tool_calls is None
    assert answer._request_id
    assert REQUEST_ID.fullmatch(answer._request_id)


def test_usage_adds_up(client: OpenAI) -> None:
    usage = client.chat.completions.create(model="gpt-4o", messages=HELLO).usage
    assert usage
    assert usage.prompt_tokens == 14
    assert usage.completion_tokens > 0
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert usage.prompt_tokens_details
    assert usage.prompt_tokens_details.cached_tokens == 0
    assert usage.completion_tokens_details
    assert usage.completion_tokens_details.reasoning_tokens == 0


def test_the_same_request_has_the_same_answer_whole_and_streamed(client: OpenAI) -> None:
    first, second = (
        client.chat.completions.create(model="gpt-4o", messages=HELLO).choices[0].message.content
        for _ in range(2)
    )
    stream = client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True)
    assert first == second == "".join(chunk.choices[0].delta.content or "" for chunk in stream)


def test_a_stream_tells_role_text_finish_and_usage_in_this_order(client: OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model="gpt-4o", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
    )
    start, *middle, finish, usage = chunks
    assert len({(chunk.id, chunk.created, chunk.model, chunk.system_fingerprint) for chunk in chunks}) == 1
    assert start.choices[0].delta.role == "assistant"
    assert all(chunk.choices[0].delta.content for chunk in middle)
    assert all(chunk.usage is None for chunk in chunks[:-1])
    assert finish.choices[0].finish_reason == "stop"
    assert usage.choices == []
    assert usage.usage
    assert usage.usage.completion_tokens == len(middle)


def test_the_stream_helper_gathers_the_final_completion(client: OpenAI) -> None:
    with client.chat.completions.stream(model="gpt-4o", messages=HELLO) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()
    assert {"chunk", "content.delta", "content.done"} <= set(kinds)
    whole = client.chat.completions.create(model="gpt-4o", messages=HELLO)
    assert final.choices[0].message.content == whole.choices[0].message.content


def test_structured_output_is_parsed_into_the_model(client: OpenAI) -> None:
    answer = client.chat.completions.parse(model="gpt-4o", messages=HELLO, response_format=Person)
    assert isinstance(answer.choices[0].message.parsed, Person)


def test_structured_output_is_parsed_from_a_stream(client: OpenAI) -> None:
    with client.chat.completions.stream(model="gpt-4o", messages=HELLO, response_format=Person) as stream:
        parsed = stream.get_final_completion().choices[0].message.parsed
    assert isinstance(parsed, Person)


def test_the_loop_of_a_tool_ends_with_what_the_tool_said(client: OpenAI) -> None:
    messages: list[ChatCompletionMessageParam] = [
        {"role": "user", "content": "What is the weather in Paris?"}
    ]
    asked = client.chat.completions.create(
        model="gpt-4o", messages=messages, tools=[WEATHER], tool_choice="required"
    ).choices[0]
    assert asked.finish_reason == "tool_calls"
    assert asked.message.content is None
    assert asked.message.tool_calls
    (call,) = asked.message.tool_calls
    assert call.type == "function"
    assert re.fullmatch(r"call_[0-9A-Za-z]{24}", call.id)
    assert call.function.name == "get_weather"
    assert isinstance(json.loads(call.function.arguments)["city"], str)
    messages += [
        {
            "role": "assistant",
            "tool_calls": [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.function.name, "arguments": call.function.arguments},
                }
            ],
        },
        {"role": "tool", "tool_call_id": call.id, "content": "14 degrees and hail"},
    ]
    final = client.chat.completions.create(model="gpt-4o", messages=messages, tools=[WEATHER]).choices[0]
    assert final.finish_reason == "stop"
    assert final.message.tool_calls is None
    assert "14 degrees and hail" in (final.message.content or "")


def test_a_streamed_tool_call_comes_in_pieces(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model="gpt-4o", messages=HELLO, tools=[WEATHER], tool_choice="required", stream=True
    )
    deltas = [chunk.choices[0].delta for chunk in stream]
    start, *pieces = [call for delta in deltas for call in delta.tool_calls or ()]
    assert deltas[0].role == "assistant"
    assert deltas[0].content is None
    assert (start.index, start.type) == (0, "function")
    assert start.function
    assert (start.function.name, start.function.arguments) == ("get_weather", "")
    assert all(piece.id is None for piece in pieces)
    arguments = "".join(piece.function.arguments or "" for piece in pieces if piece.function)
    assert isinstance(json.loads(arguments)["city"], str)


def test_the_stream_helper_gathers_a_tool_call(client: OpenAI) -> None:
    with client.chat.completions.stream(
        model="gpt-4o", messages=HELLO, tools=[WEATHER], tool_choice="required"
    ) as stream:
        message = stream.get_final_completion().choices[0].message
    assert message.tool_calls
    assert message.tool_calls[0].function.parsed_arguments


def test_several_choices_are_numbered(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="gpt-4o", messages=HELLO, n=3)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    stream = client.chat.completions.create(model="gpt-4o", messages=HELLO, n=3, stream=True)
    texts = ["", "", ""]
    for chunk in stream:
        texts[chunk.choices[0].index] += chunk.choices[0].delta.content or ""
    assert texts == [choice.message.content for choice in answer.choices]


def test_logprobs_tell_each_token_with_alternatives(client: OpenAI) -> None:
    choice = client.chat.completions.create(
        model="gpt-4o", messages=HELLO, logprobs=True, top_logprobs=3
    ).choices[0]
    assert choice.logprobs
    tokens = choice.logprobs.content
    assert tokens
    assert "".join(token.token for token in tokens) == choice.message.content
    assert bytes(byte for token in tokens for byte in token.bytes or ()).decode() == choice.message.content
    for token in tokens:
        assert token.logprob <= 0
        assert token.top_logprobs[0].token == token.token
        chances = [each.logprob for each in token.top_logprobs]
        assert len(chances) == 3
        assert chances == sorted(chances, reverse=True)


def test_a_limit_cuts_the_answer(client: OpenAI) -> None:
    for limit in ({"max_tokens": 3}, {"max_completion_tokens": 3}):
        answer = client.chat.completions.create(model="gpt-4o", messages=HELLO, extra_body=limit)
        assert answer.choices[0].finish_reason == "length"
        assert answer.usage
        assert answer.usage.completion_tokens == 3


def test_the_helper_raises_when_a_parsed_answer_was_cut(client: OpenAI) -> None:
    with pytest.raises(openai.LengthFinishReasonError):
        client.chat.completions.parse(model="gpt-4o", messages=HELLO, response_format=Person, max_tokens=2)


def test_raw_responses_have_the_vendors_headers(client: OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(model="gpt-4o", messages=HELLO)
    headers = raw.headers
    assert REQUEST_ID.fullmatch(headers["x-request-id"])
    assert headers["content-type"] == "application/json"
    assert headers["openai-version"] == "2020-10-01"
    assert headers["openai-organization"]
    assert headers["openai-processing-ms"].isdigit()
    for unit in ("requests", "tokens"):
        limit, left = (int(headers[f"x-ratelimit-{what}-{unit}"]) for what in ("limit", "remaining"))
        assert 0 < left < limit
        assert re.fullmatch(r"(\d+(ms|s|m|h))+", headers[f"x-ratelimit-reset-{unit}"])
    assert raw.parse()._request_id == headers["x-request-id"]


def test_a_stream_has_its_content_type(client: OpenAI) -> None:
    with client.chat.completions.with_streaming_response.create(
        model="gpt-4o", messages=HELLO, stream=True
    ) as raw:
        assert raw.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert raw.read().endswith(b"data: [DONE]\n\n")


def test_ids_are_never_the_same_twice(client: OpenAI) -> None:
    ids = {client.chat.completions.create(model="gpt-4o", messages=HELLO).id for _ in range(5)}
    assert len(ids) == 5


# --- completions --------------------------------------------------------------------------------------


def test_a_completion_has_every_field(client: OpenAI) -> None:
    answer = client.completions.create(
        model="gpt-3.5-turbo-instruct", prompt=["Say one", "Say two"], n=2, logprobs=2, echo=True
    )
    assert re.fullmatch(r"cmpl-[0-9A-Za-z]{29}", answer.id)
    assert answer.object == "text_completion"
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    assert [choice.text[:7] for choice in answer.choices] == ["Say one", "Say one", "Say two", "Say two"]
    assert answer.usage
    assert answer.usage.prompt_tokens == 4
    assert answer.usage.total_tokens == 4 + answer.usage.completion_tokens
    for choice in answer.choices:
        assert choice.logprobs
        assert choice.logprobs.tokens
        assert "".join(choice.logprobs.tokens) == choice.text
        assert choice.logprobs.text_offset
        assert choice.logprobs.text_offset[:2] == [0, 3]
        assert all(len(each) == 2 for each in choice.logprobs.top_logprobs or ())


def test_a_completion_streams_the_same_text(lenient: OpenAI) -> None:
    whole = lenient.completions.create(model="gpt-3.5-turbo-instruct", prompt="Say hi", max_tokens=5)
    stream = list(
        lenient.completions.create(model="gpt-3.5-turbo-instruct", prompt="Say hi", max_tokens=5, stream=True)
    )
    assert "".join(chunk.choices[0].text for chunk in stream) == whole.choices[0].text
    assert stream[-1].choices[0].finish_reason == whole.choices[0].finish_reason
    assert all(chunk.choices[0].finish_reason is None for chunk in stream[:-1])


# --- embeddings and models ----------------------------------------------------------------------------


def test_embeddings_are_of_unit_length_and_the_same_in_both_forms(client: OpenAI, lenient: OpenAI) -> None:
    answer = lenient.embeddings.create(model="text-embedding-3-small", input=["red apple", "green apple"])
    floats = client.embeddings.create(
        model="text-embedding-3-small", input=["red apple", "green apple"], encoding_format="float"
    )
    assert (answer.object, answer.model) == ("list", "text-embedding-3-small")
    assert [(each.index, each.object) for each in answer.data] == [(0, "embedding"), (1, "embedding")]
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == 4
    for as_base64, as_floats in zip(answer.data, floats.data, strict=True):
        assert len(as_base64.embedding) == 1536
        assert as_base64.embedding == pytest.approx(as_floats.embedding, abs=1e-9)
        assert math.hypot(*as_floats.embedding) == pytest.approx(1, abs=1e-6)


def test_embeddings_can_be_shortened_and_made_of_tokens(lenient: OpenAI) -> None:
    short = lenient.embeddings.create(model="text-embedding-3-large", input="Hello world", dimensions=256)
    assert len(short.data[0].embedding) == 256
    long = lenient.embeddings.create(model="text-embedding-3-large", input=[9906, 1917])
    assert len(long.data[0].embedding) == 3072
    assert long.usage.prompt_tokens == short.usage.prompt_tokens == 2
    same = lenient.embeddings.create(model="text-embedding-3-large", input="Hello world")
    assert same.data[0].embedding == long.data[0].embedding


def test_base64_is_packed_little_endian_floats(client: OpenAI) -> None:
    raw = client.post(
        "/embeddings",
        cast_to=dict[str, Any],
        body={"model": "text-embedding-3-small", "input": "x", "dimensions": 4, "encoding_format": "base64"},
    )
    numbers = struct.unpack("<4f", base64.b64decode(raw["data"][0]["embedding"]))
    assert math.hypot(*numbers) == pytest.approx(1, abs=1e-6)


def test_models_are_listed_and_told_one_by_one(client: OpenAI) -> None:
    models = list(client.models.list())
    assert [model.id for model in models][:3] == ["mock-llm-v1", "mock-gpt-4", "mock-claude-sonnet-4"]
    for model in models:
        assert client.models.retrieve(model.id) == model
        assert model.object == "model"
        assert model.owned_by


def test_a_vendors_model_is_told_although_it_is_not_listed(client: OpenAI) -> None:
    assert client.models.retrieve("gpt-6-astra").owned_by == "system"
    tuned = client.models.retrieve("ft:gpt-4o-mini:acemeco:suffix:abc123")
    assert (tuned.id, tuned.owned_by) == ("ft:gpt-4o-mini:acemeco:suffix:abc123", "acemeco")


def test_a_fine_tuned_model_is_deleted(client: OpenAI) -> None:
    deleted = client.models.delete("ft:gpt-4o-mini:acemeco:suffix:abc123")
    assert deleted.to_dict() == {
        "id": "ft:gpt-4o-mini:acemeco:suffix:abc123",
        "object": "model",
        "deleted": True,
    }


def test_a_model_that_is_deleted_is_listed_no_more_until_a_reset(tmp_path: Path) -> None:
    tuned = "ft:gpt-4o:acme::1"
    rules = tmp_path / "rules.yaml"
    rules.write_text(f"models: [gpt-4o, '{tuned}']")
    with (
        Understudy(rules=rules, unknown_models="refuse") as llm,
        OpenAI(base_url=llm.base_url, api_key="any", max_retries=0) as client,
    ):
        assert client.models.delete(tuned).deleted
        assert [model.id for model in client.models.list()] == ["gpt-4o"]
        with pytest.raises(openai.NotFoundError, match=tuned):
            client.chat.completions.create(model=tuned, messages=HELLO)
        llm.reset()
        assert [model.id for model in client.models.list()] == ["gpt-4o", tuned]


# --- errors -------------------------------------------------------------------------------------------

MISUSES: list[tuple[str, dict[str, Any], str | None, str | None, str]] = [
    (
        "chat",
        {"messages": None},
        "messages",
        "missing_required_parameter",
        "Missing required parameter: 'messages'.",
    ),
    (
        "chat",
        {"messages": "hi"},
        "messages",
        "invalid_type",
        "Invalid type for 'messages': expected an array of objects, but got a string instead.",
    ),
    (
        "chat",
        {"messages": [{"role": "wizard", "content": "x"}]},
        "messages[0].role",
        "invalid_value",
        "Invalid value: 'wizard'. Supported values are: "
        "'system', 'assistant', 'user', 'function', 'tool', and 'developer'.",
    ),
    (
        "chat",
        {"temperature": "hot"},
        "temperature",
        "invalid_type",
        "Invalid type for 'temperature': expected a decimal, but got a string instead.",
    ),
    (
        "chat",
        {"n": 0},
        "n",
        "integer_below_min_value",
        "Invalid 'n': integer below minimum value. Expected a value >= 1, but got 0 instead.",
    ),
    (
        "chat",
        {"logprobs": True, "top_logprobs": 21},
        "top_logprobs",
        "integer_above_max_value",
        "Invalid 'top_logprobs': integer above maximum value. Expected a value <= 20, but got 21 instead.",
    ),
    ("chat", {"model": ""}, None, None, "you must provide a model parameter"),
    (
        "embeddings",
        {"input": None},
        "input",
        "missing_required_parameter",
        "Missing required parameter: 'input'.",
    ),
    (
        "embeddings",
        {"encoding_format": "hex"},
        "encoding_format",
        "invalid_value",
        "Invalid value: 'hex'. Supported values are: 'float' and 'base64'.",
    ),
    (
        "completions",
        {"prompt": {}},
        "prompt",
        "invalid_type",
        "Invalid type for 'prompt': expected one of a string, array of strings, array of integers, "
        "or array of arrays, but got an object instead.",
    ),
]


@pytest.mark.parametrize(("api", "fields", "param", "code", "message"), MISUSES)
def test_a_misuse_raises_and_says_what_is_wrong(
    client: OpenAI, api: str, fields: dict[str, Any], param: str | None, code: str | None, message: str
) -> None:
    calls: dict[str, Callable[..., Any]] = {
        "chat": lambda extra: client.chat.completions.create(model="m", messages=HELLO, extra_body=extra),
        "embeddings": lambda extra: client.embeddings.create(model="m", input="x", extra_body=extra),
        "completions": lambda extra: client.completions.create(model="m", prompt="x", extra_body=extra),
    }
    with pytest.raises(openai.BadRequestError) as caught:
        calls[api](fields)
    error = caught.value
    assert (error.status_code, error.type, error.param, error.code) == (
        400,
        "invalid_request_error",
        param,
        code,
    )
    assert isinstance(error.body, dict)
    assert error.body["message"] == message
    assert REQUEST_ID.fullmatch(error.request_id or "")


def test_a_model_that_is_not_listed_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("gpt-99")
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["message"] == "The model 'gpt-99' does not exist"


@pytest.mark.parametrize(
    ("model", "refusal", "message"),
    [
        ("abc", openai.NotFoundError, "The model 'abc' does not exist"),
        (
            "gpt-4o",
            openai.PermissionDeniedError,
            "You have insufficient permissions for this operation. Missing scopes: api.delete",
        ),
    ],
)
def test_no_model_is_deleted_that_was_not_fine_tuned(
    model: str, refusal: type[openai.APIStatusError], message: str, client: OpenAI
) -> None:
    with pytest.raises(refusal) as caught:
        client.models.delete(model)
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["message"] == message
    assert caught.value.type == "invalid_request_error"


def test_a_path_that_is_not_there_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.post("/nowhere", cast_to=dict[str, Any], body={})
    assert (caught.value.code, caught.value.type) == ("unknown_url", "invalid_request_error")
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["message"] == "Invalid URL (POST /v1/nowhere)"


def test_a_base_url_without_v1_is_told_so(server_url: str) -> None:
    with OpenAI(base_url=server_url, api_key="any", max_retries=0) as wrong:
        with pytest.raises(openai.NotFoundError, match="should end with /v1") as caught:
            wrong.chat.completions.create(model="gpt-4o", messages=HELLO)
        assert "/v1/chat/completions" in str(caught.value)


def test_a_wrong_method_is_not_allowed(client: OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        client.get("/embeddings", cast_to=dict[str, Any])
    assert (caught.value.status_code, caught.value.code) == (405, "method_not_supported")
    assert caught.value.response.headers["allow"] == "POST, OPTIONS"


# --- the asynchronous client --------------------------------------------------------------------------


def test_the_asynchronous_client_gets_the_same(
    client: OpenAI, run: Callable[[Callable[[AsyncOpenAI], Coroutine[Any, Any, Any]]], Any]
) -> None:
    async def ask(other: AsyncOpenAI) -> tuple[Any, ...]:
        whole = await other.chat.completions.create(model="gpt-4o", messages=HELLO)
        text = ""
        async for chunk in await other.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True):
            text += chunk.choices[0].delta.content or ""
        parsed = await other.chat.completions.parse(model="gpt-4o", messages=HELLO, response_format=Person)
        vector = await other.embeddings.create(
            model="text-embedding-3-small", input="x", dimensions=3, encoding_format="float"
        )
        models = [model.id async for model in other.models.list()]
        completion = await other.completions.create(model="gpt-3.5-turbo-instruct", prompt="Say hi")
        with pytest.raises(openai.BadRequestError):
            await other.chat.completions.create(model="gpt-4o", messages=HELLO, n=0)
        return whole, text, parsed, vector, models, completion

    whole, text, parsed, vector, models, completion = run(ask)
    expected = client.chat.completions.create(model="gpt-4o", messages=HELLO).choices[0].message.content
    assert whole.choices[0].message.content == text == expected
    assert isinstance(parsed.choices[0].message.parsed, Person)
    assert len(vector.data[0].embedding) == 3
    assert models == [model.id for model in client.models.list()]
    assert completion.choices[0].text


def test_many_requests_at_once_are_each_answered_with_their_own(
    run: Callable[[Callable[[AsyncOpenAI], Coroutine[Any, Any, Any]]], Any],
) -> None:
    async def ask(client: AsyncOpenAI) -> list[str]:
        async def one(number: int) -> str:
            answer = await client.chat.completions.create(
                model=f"model-{number}", messages=HELLO, max_tokens=number + 1
            )
            return answer.model

        return await asyncio.gather(*(one(number) for number in range(30)))

    assert run(ask) == [f"model-{number}" for number in range(30)]
