"""Anthropic's official SDK as the oracle: over a real socket, under its strict validation, sync and async."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal

import anthropic
import pytest
from anthropic import Anthropic, AsyncAnthropic, beta_tool
from anthropic.types import MessageParam, ToolParam
from pydantic import BaseModel

Serving = Callable[..., AbstractContextManager[str]]

MODEL = "claude-sonnet-5"
HELLO: list[MessageParam] = [{"role": "user", "content": "Hello there, who are you?"}]
WEATHER: ToolParam = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string", "enum": ["Paris", "London"]}},
        "required": ["city"],
    },
}
TIME: ToolParam = {"name": "get_time", "input_schema": {"type": "object", "properties": {}}}
RULES = """
rules:
  - when: {user: sunny}
    reply: It is sunny in Paris.
  - when: {user: think}
    reply: {reasoning: "Let me see.", text: "Four."}
  - when: {user: both}
    reply:
      text: Let me look.
      tool_calls:
        - {name: get_weather, arguments: {city: Paris}}
        - {name: get_weather, arguments: {city: London}}
  - when: {user: refuse}
    reply: {refusal: "I can't help with that."}
  - when: {user: count}
    reply: one two three four
  - when: {tool_result: {regex: '(?P<degrees>\\d+) degrees'}}
    reply: {template: "It is {{ groups.degrees }} degrees."}
  - when: {user: busy}
    sequence: [{error: overloaded}, finally]
  - when: {user: cut short}
    reply: This answer does not end as it should.
    faults: [{cut: {after: 60%}}]
  - when: {user: garbled}
    reply: This answer is not what it should be.
    faults: [garble]
  - when: {user: broken off}
    reply: This answer breaks off.
    faults: [{error_event: {kind: overloaded}}]
"""


class Person(BaseModel):
    name: str
    age: int
    mood: Literal["glad", "sad"]


@pytest.fixture(scope="module")
def url(serving: Serving, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    rules: Path = tmp_path_factory.mktemp("rules") / "rules.yaml"
    rules.write_text(RULES)
    with serving(str(rules)) as url:
        yield url


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[Anthropic]:
    with Anthropic(base_url=url, api_key="any", max_retries=0, _strict_response_validation=True) as client:
        yield client


def said(text: str) -> list[MessageParam]:
    return [{"role": "user", "content": text}]


def create(client: Anthropic, text: str, **more: Any) -> anthropic.types.Message:
    given: dict[str, Any] = {"model": MODEL, "max_tokens": 1_024, "messages": said(text)} | more
    message: anthropic.types.Message = client.messages.create(**given)
    return message


def blocks(message: anthropic.types.Message) -> list[Any]:
    """The content blocks as they were told."""
    return [block.model_dump(exclude_unset=True) for block in message.content]


# --- messages -----------------------------------------------------------------------------------------


def test_a_message_has_every_field(client: Anthropic) -> None:
    message = create(client, "Is it sunny?")
    assert re.fullmatch(r"msg_[0-9A-Za-z]{29}", message.id)
    assert (message.type, message.role, message.model) == ("message", "assistant", MODEL)
    assert (message.stop_reason, message.stop_sequence, message.stop_details) == ("end_turn", None, None)
    assert blocks(message) == [{"type": "text", "text": "It is sunny in Paris."}]
    usage = message.usage
    assert usage.input_tokens > 0
    assert usage.output_tokens > 0
    assert (usage.cache_creation_input_tokens, usage.cache_read_input_tokens) == (0, 0)
    assert usage.service_tier == "standard"


def test_the_headers_tell_a_request_id_and_what_the_limits_leave(client: Anthropic) -> None:
    raw = client.messages.with_raw_response.create(model=MODEL, max_tokens=64, messages=HELLO)
    assert re.fullmatch(r"req_011C[0-9A-Za-z]{20}", raw.headers["request-id"])
    assert raw.parse()._request_id == raw.headers["request-id"]
    for of in ("requests", "tokens", "input-tokens", "output-tokens"):
        start = f"anthropic-ratelimit-{of}"
        assert int(raw.headers[f"{start}-remaining"]) <= int(raw.headers[f"{start}-limit"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", raw.headers[f"{start}-reset"])


def test_the_older_version_of_the_api_is_spoken_too(url: str) -> None:
    headers = {"anthropic-version": "2023-06-01", "x-api-key": "any", "Authorization": ""}
    with Anthropic(base_url=url, api_key="any", default_headers=headers, max_retries=0) as older:
        given = {"model": "claude-haiku-4-5", "extra_body": {"temperature": 0.2}}
        assert create(older, "sunny", **given).content[0].type == "text"
    with Anthropic(base_url=url, api_key="any", max_retries=0) as newer:
        with pytest.raises(anthropic.BadRequestError) as refused:
            create(newer, "sunny", extra_body={"temperature": 0.2})
        assert refused.value.api_message == "temperature: Extra inputs are not permitted"


def test_an_assistant_system_message_is_for_the_newer_version(client: Anthropic) -> None:
    messages = [*HELLO, {"role": "assistant", "content": "Hi."}, {"role": "system", "content": "Be short."}]
    assert create(client, "", messages=[*messages, *said("sunny")]).content
    with pytest.raises(anthropic.BadRequestError, match='Unexpected role "system"'):
        create(
            client,
            "",
            messages=[*messages, *said("sunny")],
            extra_headers={"anthropic-version": "2023-06-01"},
        )


def test_thoughts_come_signed_and_can_be_sent_back(client: Anthropic) -> None:
    message = create(client, "think: 2 + 2", max_tokens=2_048)
    thinking, text = message.content
    assert thinking.type == "thinking"
    assert thinking.thinking == "Let me see."
    assert re.fullmatch(r"[0-9A-Za-z+/]{200,}=*", thinking.signature)
    assert text.type == "text"
    assert message.usage.output_tokens_details
    assert message.usage.output_tokens_details.thinking_tokens > 0
    history = [
        *said("think: 2 + 2"),
        {"role": "assistant", "content": [thinking.to_dict(), text.to_dict()]},
        *said("sunny"),
    ]
    assert blocks(create(client, "", messages=history))[0]["text"] == "It is sunny in Paris."


def test_several_tools_are_called_at_once(client: Anthropic) -> None:
    message = create(client, "both", tools=[WEATHER])
    assert message.stop_reason == "tool_use"
    text, *calls = message.content
    assert text.type == "text"
    assert [(call.name, call.input) for call in calls if call.type == "tool_use"] == [
        ("get_weather", {"city": "Paris"}),
        ("get_weather", {"city": "London"}),
    ]
    assert all(re.fullmatch(r"toolu_[0-9A-Za-z]{24}", call.id) for call in calls if call.type == "tool_use")


def test_a_refusal_explains_itself_beside_the_content(client: Anthropic) -> None:
    message = create(client, "refuse")
    assert (message.stop_reason, message.content) == ("refusal", [])
    assert message.stop_details
    assert message.stop_details.explanation == "I can't help with that."


def test_the_stop_sequence_that_ended_a_text_is_told(client: Anthropic) -> None:
    message = create(client, "count", stop_sequences=["four", " three"])
    assert (message.stop_reason, message.stop_sequence) == ("stop_sequence", " three")
    assert blocks(message) == [{"type": "text", "text": "one two"}]


def test_an_answer_is_no_longer_than_asked_for(client: Anthropic) -> None:
    message = create(client, "count", max_tokens=2)
    assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 2)


@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ({"type": "any"}, "get_weather"),
        ({"type": "tool", "name": "get_time"}, "get_time"),
        ({"type": "none"}, None),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_tool_is_called_as_chosen(client: Anthropic, choice: Any, called: str | None) -> None:
    message = create(client, "What about it?", tools=[WEATHER, TIME], tool_choice=choice)
    assert [block.name for block in message.content if block.type == "tool_use"] == (
        [called] if called else []
    )


@pytest.mark.parametrize("alone", [False, True])
def test_tools_are_called_one_at_a_time_where_that_is_asked_for(client: Anthropic, alone: bool) -> None:
    choice = {"type": "auto", "disable_parallel_tool_use": alone}
    words = "What is the weather in Paris, and the time?"
    message = create(client, words, tools=[WEATHER, TIME], tool_choice=choice)
    assert sum(block.type == "tool_use" for block in message.content) == (1 if alone else 2)


def test_a_loop_over_tools_comes_to_its_end(client: Anthropic) -> None:
    messages: list[Any] = said("What is the weather in Paris?")
    turns = 0
    while (message := create(client, "", messages=messages, tools=[WEATHER])).stop_reason == "tool_use":
        results = [
            {"type": "tool_result", "tool_use_id": call.id, "content": f"21 degrees in {call.input}"}
            for call in message.content
            if call.type == "tool_use"
        ]
        messages += [{"role": "assistant", "content": message.content}, {"role": "user", "content": results}]
        turns += 1
        assert turns < 4
    assert turns == 1
    assert blocks(message) == [{"type": "text", "text": "It is 21 degrees."}]


def test_the_sdks_tool_runner_comes_to_its_end(client: Anthropic) -> None:
    asked = []

    @beta_tool
    def get_weather(city: str) -> str:
        """The weather in a city."""
        asked.append(city)
        return "7 degrees"

    runner = client.beta.messages.tool_runner(
        model=MODEL, max_tokens=1_024, tools=[get_weather], messages=[{"role": "user", "content": "Weather?"}]
    )
    last = runner.until_done()
    assert len(asked) == 1
    assert [block.text for block in last.content if block.type == "text"] == ["It is 7 degrees."]


def test_structured_output_is_an_instance(client: Anthropic) -> None:
    parsed = client.messages.parse(
        model=MODEL, max_tokens=1_024, messages=said("Describe Ann."), output_format=Person
    )
    assert isinstance(parsed.parsed_output, Person)
    assert parsed.parsed_output.mood in ("glad", "sad")


def test_images_and_documents_are_taken(client: Anthropic) -> None:
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    content = [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": pixel}},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/cat.png"}},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Sun."}},
        {"type": "text", "text": "Is it sunny?"},
    ]
    message = create(client, "", messages=[{"role": "user", "content": content}])
    assert blocks(message)[0]["text"] == "It is sunny in Paris."


# --- streams ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["sunny", "think", "both", "refuse", "count"])
def test_a_stream_adds_up_to_the_whole_message(client: Anthropic, words: str) -> None:
    whole = create(client, words, tools=[WEATHER])
    with client.messages.stream(
        model=MODEL, max_tokens=1_024, messages=said(words), tools=[WEATHER]
    ) as stream:
        told = stream.get_final_message()
    calls = [block for block in told.content if block.type == "tool_use"]
    assert all(re.fullmatch(r"toolu_[0-9A-Za-z]{24}", call.id) for call in calls)
    without_ids = {"content": {"__all__": {"id", "parsed_output"}}, "id": True, "parsed_output": True}
    streamed, created = (each.model_dump(exclude=without_ids, exclude_none=True) for each in (told, whole))  # type: ignore[arg-type]
    assert streamed == created


def test_the_events_come_in_the_documented_order(client: Anthropic) -> None:
    with client.messages.with_streaming_response.create(
        model=MODEL, max_tokens=64, messages=said("think"), stream=True
    ) as answer:
        names = [line.removeprefix("event: ") for line in answer.iter_lines() if line.startswith("event")]
    once = [name for at, name in enumerate(names) if names[at - 1 : at] != [name]]
    block = ["content_block_start", "content_block_delta", "content_block_stop"]
    assert once == ["message_start", block[0], "ping", *block[1:], *block, "message_delta", "message_stop"]


def test_a_stream_of_text_arrives_in_pieces(client: Anthropic) -> None:
    with client.messages.stream(model=MODEL, max_tokens=64, messages=said("sunny")) as stream:
        pieces = list(stream.text_stream)
    assert len(pieces) > 3
    assert "".join(pieces) == "It is sunny in Paris."


def test_asynchronous_clients_are_answered_whole_and_streamed(url: str) -> None:
    async def ask() -> tuple[Any, Any, int]:
        async with AsyncAnthropic(base_url=url, api_key="any", max_retries=0) as client:
            whole = await client.messages.create(model=MODEL, max_tokens=64, messages=said("sunny"))
            async with client.messages.stream(model=MODEL, max_tokens=64, messages=said("sunny")) as stream:
                told = await stream.get_final_text()
            counted = await client.messages.count_tokens(model=MODEL, messages=HELLO)
            return whole.content[0], told, counted.input_tokens

    block, told, counted = asyncio.run(ask())
    assert block.text == told == "It is sunny in Paris."
    assert counted > 0


# --- errors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "raised", "type", "message"),
    [
        ("mock-overloaded", anthropic.InternalServerError, "overloaded_error", "Overloaded"),
        ("mock-error-500", anthropic.InternalServerError, "api_error", "Internal server error"),
        ("mock-error-404", anthropic.NotFoundError, "not_found_error", "Not Found"),
        ("mock-error-403", anthropic.PermissionDeniedError, "permission_error", None),
        ("mock-error-413", anthropic.APIStatusError, "request_too_large", "Request exceeds the maximum size"),
        ("mock-error-402", anthropic.APIStatusError, "billing_error", None),
        ("mock-error-504", anthropic.InternalServerError, "timeout_error", None),
        ("mock-rate-limited", anthropic.RateLimitError, "rate_limit_error", None),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_failure_raises_the_class_of_its_kind(
    client: Anthropic,
    model: str,
    raised: type[anthropic.APIStatusError],
    type: str,
    message: str | None,
    stream: bool,
) -> None:
    with pytest.raises(raised) as caught:
        create(client, "hi", model=model, stream=stream)
    told = caught.value
    assert told.type == type
    assert message is None or told.api_message == message
    assert told.request_id
    body: Any = told.body
    assert body["request_id"] == told.request_id


def test_a_limit_that_is_reached_says_when_to_come_back(serving: Serving) -> None:
    with (
        serving("--limits", "requests=1/min,per=key") as url,
        Anthropic(base_url=url, api_key="any", max_retries=0) as client,
    ):
        create(client, "hi")
        with pytest.raises(anthropic.RateLimitError) as caught:
            create(client, "hi")
    headers = caught.value.response.headers
    assert 55 <= int(headers["retry-after"]) <= 60
    assert headers["anthropic-ratelimit-requests-limit"] == "1"
    assert headers["anthropic-ratelimit-requests-remaining"] == "0"
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", headers["anthropic-ratelimit-requests-reset"])
    assert "of 1 requests per minute" in str(caught.value.api_message)


@pytest.mark.parametrize(
    ("key", "raised", "message"),
    [
        ("mock-key-invalid", anthropic.AuthenticationError, "invalid x-api-key"),
        ("mock-key-no-quota", anthropic.BadRequestError, "Your credit balance is too low"),
        ("mock-key-rate-limited", anthropic.RateLimitError, "This request would exceed the rate limit"),
    ],
)
def test_a_failing_key_fails_here_too(
    url: str, key: str, raised: type[anthropic.APIStatusError], message: str
) -> None:
    with (
        Anthropic(base_url=url, api_key=key, max_retries=0) as client,
        pytest.raises(raised, match=message),
    ):
        create(client, "hi")


def test_the_sdk_retries_what_is_overloaded(url: str) -> None:
    with Anthropic(base_url=url, api_key="any", max_retries=1) as client:
        assert blocks(create(client, "busy")) == [{"type": "text", "text": "finally"}]


def test_a_path_that_there_is_not_is_refused_natively(client: Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError) as caught:
        client.post("/v1/complete", body={}, cast_to=object)
    assert caught.value.type == "not_found_error"
    with pytest.raises(anthropic.NotFoundError, match="should not end with /v1"):
        client.post("/v1/v1/messages", body={}, cast_to=object)


def test_a_base_url_with_v1_is_told_what_is_wrong(url: str) -> None:
    with (
        Anthropic(base_url=f"{url}/v1", api_key="any", max_retries=0) as client,
        pytest.raises(anthropic.NotFoundError, match="should not end with /v1"),
    ):
        create(client, "hi")


# --- faults -------------------------------------------------------------------------------------------


def test_a_cut_answer_is_a_broken_connection(client: Anthropic) -> None:
    with pytest.raises((anthropic.APIConnectionError, anthropic.APIResponseValidationError)):
        create(client, "cut short")
    with pytest.raises(Exception, match="incomplete chunked read"):
        list(create(client, "cut short", stream=True))


def test_a_garbled_answer_cannot_be_read(client: Anthropic) -> None:
    with pytest.raises(ValueError):
        list(create(client, "garbled", stream=True))


def test_an_error_inside_a_stream_raises(client: Anthropic) -> None:
    with pytest.raises(anthropic.APIStatusError) as caught:
        list(create(client, "broken off", stream=True))
    assert (caught.value.type, caught.value.api_message) == ("overloaded_error", "Overloaded")


# --- tokens and models --------------------------------------------------------------------------------


def test_tokens_are_counted_as_a_message_would_use_them(client: Anthropic) -> None:
    counted = client.messages.count_tokens(model=MODEL, messages=HELLO, system="Be kind.", tools=[WEATHER])
    message = create(client, "", messages=HELLO, system="Be kind.", tools=[WEATHER])
    assert counted.input_tokens == message.usage.input_tokens


def test_models_are_listed_a_page_at_a_time(client: Anthropic) -> None:
    page = client.models.list(limit=3)
    assert len(page.data) == 3
    assert (page.first_id, page.last_id, page.has_more) == (page.data[0].id, page.data[-1].id, True)
    everything = [model.id for model in client.models.list(limit=3)]
    assert everything == [model.id for model in client.models.list(limit=100)]
    assert {"mock-claude-sonnet-4", "mock-llm-v1"} <= set(everything)


def test_one_model_is_told(client: Anthropic) -> None:
    model = client.models.retrieve("mock-claude-sonnet-4")
    assert (model.id, model.type, model.lifecycle, model.line) == (
        "mock-claude-sonnet-4",
        "model",
        "active",
        "sonnet",
    )
    assert model.max_input_tokens == 200_000
    with pytest.raises(anthropic.NotFoundError) as caught:
        client.models.retrieve("claude-99")
    assert (caught.value.type, caught.value.api_message) == ("not_found_error", "model: claude-99")
