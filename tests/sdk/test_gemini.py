"""Google's official SDK as the oracle of the Gemini API: over a real socket, sync and async."""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from understudy import Understudy, error, tool_call
from understudy.model import ToolResult

with warnings.catch_warnings():  # the SDK's own, of what Python will no longer have one day
    warnings.simplefilter("ignore")
    from google import genai
    from google.genai import errors, types

MODEL = "gemini-2.5-flash"
JSON = "application/json"


class Person(BaseModel):
    name: str
    age: int
    mood: Literal["glad", "sad"]
    nickname: str | None = None


@pytest.fixture(scope="module")
def server() -> Iterator[Understudy]:
    with Understudy() as server:
        yield server


@pytest.fixture
def llm(server: Understudy) -> Iterator[Understudy]:
    server.reset()
    yield server
    server.reset()


def client_of(llm: Understudy, version: str = "v1", key: str = "any") -> genai.Client:
    options = types.HttpOptions(base_url=llm.url, api_version=version)
    return genai.Client(api_key=key, http_options=options)


@pytest.fixture
def client(llm: Understudy) -> Iterator[genai.Client]:
    with client_of(llm) as client:
        yield client


@pytest.fixture
def run(llm: Understudy) -> Callable[[Callable[[Any], Coroutine[Any, Any, Any]]], Any]:
    """Runs a coroutine that is given an asynchronous client."""

    async def running(ask: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
        async with client_of(llm).aio as client:
            return await ask(client)

    return lambda ask: asyncio.run(running(ask))


# --- text -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_an_answer_has_every_field(llm: Understudy, version: str) -> None:
    llm.when(user="hello").reply("Good day.")
    with client_of(llm, version) as client:
        answer = client.models.generate_content(model=MODEL, contents="Hello")
    assert answer.text == "Good day."
    assert answer.model_version == MODEL
    assert answer.response_id
    (candidate,) = answer.candidates or []
    assert candidate.finish_reason is types.FinishReason.STOP
    assert candidate.index == 0
    assert candidate.content
    assert candidate.content.role == "model"
    usage = answer.usage_metadata
    assert usage
    assert (usage.prompt_token_count, usage.candidates_token_count) == (8, 3)
    assert usage.total_token_count == 11
    assert usage.thoughts_token_count is None


def test_the_same_words_come_whole_and_streamed_sync_and_async(
    llm: Understudy, client: genai.Client, run: Callable[..., Any]
) -> None:
    llm.when(user="hello").reply("Good day, dear friend.")

    async def whole(client: Any) -> Any:
        return (await client.models.generate_content(model=MODEL, contents="Hello")).text

    async def streamed(client: Any) -> Any:
        stream = await client.models.generate_content_stream(model=MODEL, contents="Hello")
        return "".join([chunk.text async for chunk in stream])

    chunks = list(client.models.generate_content_stream(model=MODEL, contents="Hello"))
    said = client.models.generate_content(model=MODEL, contents="Hello").text
    assert said == "Good day, dear friend."
    assert "".join(chunk.text or "" for chunk in chunks) == said
    assert run(whole) == run(streamed) == said
    assert [r.stream for r in llm.requests] == [True, False, False, True]


def test_a_stream_tells_the_reason_and_the_cost_at_its_end(llm: Understudy, client: genai.Client) -> None:
    llm.when(user="hello").reply("Good day.")
    *before, last = client.models.generate_content_stream(model=MODEL, contents="Hello")
    assert len(before) > 1
    assert all((each.candidates or [])[0].finish_reason is None for each in before)
    assert (last.candidates or [])[0].finish_reason is types.FinishReason.STOP
    assert last.usage_metadata
    assert last.usage_metadata.candidates_token_count == 3
    assert {each.response_id for each in before} == {last.response_id}


def test_a_chat_remembers_what_was_streamed(llm: Understudy, client: genai.Client) -> None:
    chat = client.chats.create(model=MODEL, config=types.GenerateContentConfig(system_instruction="Be kind."))
    for _ in chat.send_message_stream("Hello"):
        pass
    chat.send_message("And you?")
    request = llm.requests[-1]
    assert (request.system, request.user, request.turn) == ("Be kind.", "And you?", 2)


def test_limits_and_stop_sequences_end_an_answer(llm: Understudy, client: genai.Client) -> None:
    llm.when(user="count").reply("one two three four five")
    few = types.GenerateContentConfig(max_output_tokens=2)
    short = client.models.generate_content(model=MODEL, contents="Count", config=few)
    assert (short.candidates or [])[0].finish_reason is types.FinishReason.MAX_TOKENS
    until = types.GenerateContentConfig(stop_sequences=["three"])
    stopped = client.models.generate_content(model=MODEL, contents="Count", config=until)
    assert stopped.text == "one two "
    assert (stopped.candidates or [])[0].finish_reason is types.FinishReason.STOP


def test_several_candidates_come_as_asked(client: genai.Client) -> None:
    config = types.GenerateContentConfig(candidate_count=3)
    answer = client.models.generate_content(model=MODEL, contents="Hello", config=config)
    assert [each.index for each in answer.candidates or []] == [0, 1, 2]


def test_images_and_files_are_taken(llm: Understudy, client: genai.Client) -> None:
    llm.when(has="image").reply("A cat.")
    image = types.Part.from_bytes(data=b"\x89PNG", mime_type="image/png")
    assert client.models.generate_content(model=MODEL, contents=["What is it?", image]).text == "A cat."


# --- thoughts and safety ------------------------------------------------------------------------------


@pytest.mark.parametrize("shown", [True, False])
def test_thoughts_are_shown_to_who_asks_and_counted_for_all(
    llm: Understudy, client: genai.Client, shown: bool
) -> None:
    llm.when(user="hello").reply({"reasoning": "They greet.", "text": "Good day."})
    config = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(include_thoughts=shown))
    answer = client.models.generate_content(model=MODEL, contents="Hello", config=config)
    parts = answer.parts or []
    assert [(part.text, part.thought) for part in parts] == [("They greet.", True)] * shown + [
        ("Good day.", None)
    ]
    assert parts[-1].thought_signature
    assert answer.usage_metadata
    assert answer.usage_metadata.thoughts_token_count == 3
    assert answer.usage_metadata.candidates_token_count == 3


def test_a_filter_stops_an_answer_or_the_prompt(llm: Understudy, client: genai.Client) -> None:
    llm.when(user="rude").reply({"text": "You are", "stop": "content_filter"})
    llm.when(user="evil").reply({"parts": [], "stop": "content_filter"})
    stopped = client.models.generate_content(model=MODEL, contents="Something rude")
    (candidate,) = stopped.candidates or []
    assert candidate.finish_reason is types.FinishReason.SAFETY
    assert [each.category for each in candidate.safety_ratings or [] if each.blocked] == [
        types.HarmCategory.HARM_CATEGORY_DANGEROUS_CONTENT
    ]
    blocked = client.models.generate_content(model=MODEL, contents="Something evil")
    assert blocked.candidates is None
    assert blocked.prompt_feedback
    assert blocked.prompt_feedback.block_reason is types.BlockedReason.SAFETY


# --- functions ----------------------------------------------------------------------------------------


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"22 degrees in {city}"


def get_time(city: str) -> str:
    """The time in a city."""
    return "noon"


def with_tools(*tools: Callable[..., Any], **more: Any) -> types.GenerateContentConfig:
    return types.GenerateContentConfig(tools=list(tools), **more)


def test_the_autopilot_brings_automatic_function_calling_to_its_end(client: genai.Client) -> None:
    chat = client.chats.create(model=MODEL, config=with_tools(get_weather))
    answer = chat.send_message("What is the weather in Paris?")
    assert answer.text == "The get_weather tool says: 22 degrees in Paris."
    assert [content.role for content in chat.get_history()] == ["user", "model", "user", "model"]


def test_it_does_so_in_a_stream_too(client: genai.Client) -> None:
    chat = client.chats.create(model=MODEL, config=with_tools(get_weather))
    chunks = list(chat.send_message_stream("What is the weather in Paris?"))
    told = [part.text or "" for chunk in chunks for part in chunk.parts or []]
    assert "".join(told) == "The get_weather tool says: 22 degrees in Paris."


def test_and_in_an_asynchronous_client(run: Callable[..., Any]) -> None:
    async def ask(client: Any) -> Any:
        chat = client.chats.create(model=MODEL, config=with_tools(get_weather, get_time))
        return (await chat.send_message("What is the weather in Paris?")).text

    assert "22 degrees in Paris" in run(ask)


def test_parallel_calls_come_with_ids_and_their_results_find_them(
    llm: Understudy, client: genai.Client
) -> None:
    llm.when(tools="get_weather", turn=1).reply(
        {
            "tool_calls": [
                {"name": "get_weather", "arguments": {"city": "Paris"}},
                {"name": "get_time", "arguments": {"city": "Rome"}},
            ]
        }
    )
    llm.when(tool_result="noon").reply("All is told.")
    chat = client.chats.create(model=MODEL, config=with_tools(get_weather, get_time))
    assert chat.send_message("Weather and time?").text == "All is told."
    results = [part for message in llm.requests[-1].messages for part in message.parts]
    told = [(each.name, each.text) for each in results if isinstance(each, ToolResult)]
    assert told == [("get_weather", "22 degrees in Paris"), ("get_time", "noon")]


@pytest.mark.parametrize(
    ("mode", "names", "called"),
    [
        ("ANY", ["get_time"], ["get_time"]),
        ("ANY", None, ["get_weather"]),
        ("AUTO", None, ["get_weather"]),
        ("VALIDATED", ["get_weather"], ["get_weather"]),
        ("NONE", None, []),
    ],
)
def test_the_mode_says_which_function_is_called(
    client: genai.Client, mode: str, names: list[str] | None, called: list[str]
) -> None:
    calling = types.FunctionCallingConfig(
        mode=types.FunctionCallingConfigMode(mode), allowed_function_names=names
    )
    config = with_tools(
        get_weather,
        get_time,
        tool_config=types.ToolConfig(function_calling_config=calling),
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    answer = client.models.generate_content(model=MODEL, contents="The weather in Paris?", config=config)
    assert [call.name for call in answer.function_calls or []] == called


def test_arguments_that_are_no_json_are_a_malformed_call(llm: Understudy, client: genai.Client) -> None:
    llm.when(tools="get_weather").reply(
        tool_call("get_weather", city="Paris"), faults=[{"bad_arguments": {}}]
    )
    config = with_tools(get_weather)
    answer = client.models.generate_content(model=MODEL, contents="The weather?", config=config)
    (candidate,) = answer.candidates or []
    assert candidate.finish_reason is types.FinishReason.MALFORMED_FUNCTION_CALL
    assert not answer.function_calls


# --- structured output --------------------------------------------------------------------------------


@pytest.mark.parametrize("schema", [Person, list[Person]], ids=["one", "several"])
def test_an_answer_keeps_to_a_schema(client: genai.Client, schema: Any) -> None:
    config = types.GenerateContentConfig(response_mime_type=JSON, response_schema=schema)
    answer = client.models.generate_content(model=MODEL, contents="Who are you?", config=config)
    found = answer.parsed if schema is Person else (answer.parsed or [None])[0]  # type: ignore[index]
    assert isinstance(found, Person)


def test_an_answer_keeps_to_a_json_schema(client: genai.Client) -> None:
    config = types.GenerateContentConfig(
        response_mime_type=JSON, response_json_schema=Person.model_json_schema()
    )
    answer = client.models.generate_content(model=MODEL, contents="Who are you?", config=config)
    assert Person.model_validate_json(answer.text or "")


def test_json_without_a_schema_is_json(client: genai.Client) -> None:
    config = types.GenerateContentConfig(response_mime_type=JSON)
    answer = client.models.generate_content(model=MODEL, contents="Who are you?", config=config)
    assert isinstance(json.loads(answer.text or ""), dict)


# --- counting, embeddings, models ---------------------------------------------------------------------


def test_tokens_are_counted_as_the_answer_counts_them(client: genai.Client) -> None:
    answer = client.models.generate_content(model=MODEL, contents="Hello there")
    assert answer.usage_metadata
    counted = client.models.count_tokens(model=MODEL, contents="Hello there")
    assert counted.total_tokens == answer.usage_metadata.prompt_token_count == 9


def test_embeddings_are_of_unit_length_and_as_long_as_asked(client: genai.Client) -> None:
    config = types.EmbedContentConfig(output_dimensionality=8)
    several = client.models.embed_content(model="gemini-embedding-001", contents=["a", "b"], config=config)
    values = [each.values or [] for each in several.embeddings or []]
    assert [len(each) for each in values] == [8, 8]
    assert all(sum(x * x for x in each) == pytest.approx(1) for each in values)
    one = client.models.embed_content(model="gemini-embedding-2", contents="a")
    assert [len(each.values or []) for each in one.embeddings or []] == [3072]


def test_models_are_listed_in_pages_and_found_by_name(llm: Understudy, client: genai.Client) -> None:
    pager = client.models.list(config={"page_size": 4})
    assert [len(pager.page), pager.page[0].name] == [4, "models/mock-llm-v1"]
    names = [model.name for model in pager]
    assert len(names) == len(set(names)) > 4
    found = client.models.get(model="mock-claude-sonnet-4")
    assert found.name == "models/mock-claude-sonnet-4"
    assert found.input_token_limit == 200_000
    assert found.supported_actions == ["generateContent", "countTokens"]


# --- failures -----------------------------------------------------------------------------------------

KEY_INVALID = "API key not valid. Please pass a valid API key."


@pytest.mark.parametrize(
    ("model", "kind", "code", "status"),
    [
        ("mock-error-400", errors.ClientError, 400, "INVALID_ARGUMENT"),
        ("mock-error-403", errors.ClientError, 403, "PERMISSION_DENIED"),
        ("mock-error-404", errors.ClientError, 404, "NOT_FOUND"),
        ("mock-rate-limited", errors.ClientError, 429, "RESOURCE_EXHAUSTED"),
        ("mock-error-500", errors.ServerError, 500, "INTERNAL"),
        ("mock-overloaded", errors.ServerError, 503, "UNAVAILABLE"),
        ("mock-error-504", errors.ServerError, 504, "DEADLINE_EXCEEDED"),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_models_that_fail_raise_the_sdks_own_errors(
    client: genai.Client, model: str, kind: type[errors.APIError], code: int, status: str, stream: bool
) -> None:
    ask = client.models.generate_content_stream if stream else client.models.generate_content
    with pytest.raises(kind) as caught:
        list(ask(model=model, contents="Hello"))
    assert (caught.value.code, caught.value.status) == (code, status)


@pytest.mark.parametrize(
    ("key", "code", "status", "reason"),
    [
        ("mock-key-invalid", 400, "INVALID_ARGUMENT", "API_KEY_INVALID"),
        ("mock-key-rate-limited", 429, "RESOURCE_EXHAUSTED", "1s"),
    ],
)
def test_keys_that_fail_do_so_in_googles_words(
    llm: Understudy, key: str, code: int, status: str, reason: str
) -> None:
    with client_of(llm, key=key) as client, pytest.raises(errors.ClientError) as caught:
        client.models.generate_content(model=MODEL, contents="Hello")
    assert (caught.value.code, caught.value.status) == (code, status)
    assert reason in json.dumps(caught.value.details)
    assert (caught.value.message == KEY_INVALID) is (code == 400)


def test_a_model_that_there_is_not_is_named_with_version_and_verb() -> None:
    with (
        Understudy(unknown_models="refuse") as llm,
        client_of(llm) as client,
        pytest.raises(errors.ClientError) as caught,
    ):
        client.models.generate_content(model="gemini-0", contents="Hello")
    assert caught.value.code == 404
    assert caught.value.message == (
        "models/gemini-0 is not found for API version v1, or is not supported for generateContent. Call "
        "ListModels to see the list of available models and their supported methods."
    )


def test_a_rule_says_when_to_try_again_and_then_answers(llm: Understudy, client: genai.Client) -> None:
    llm.when(user="flaky").reply(error("rate_limit", retry_after=2), "finally")
    with pytest.raises(errors.ClientError) as caught:
        client.models.generate_content(model=MODEL, contents="flaky")
    details = caught.value.details["error"]["details"]
    assert {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2s"} in details
    assert client.models.generate_content(model=MODEL, contents="flaky").text == "finally"


# --- faults -------------------------------------------------------------------------------------------


def test_an_error_inside_a_stream_is_raised(llm: Understudy, client: genai.Client) -> None:
    llm.when(user="hello").reply("Good day.", faults=[{"error_event": {"after": "1 event"}}])
    stream = client.models.generate_content_stream(model=MODEL, contents="Hello")
    assert next(stream).text == "Good"
    with pytest.raises(errors.ServerError) as caught:
        next(stream)
    assert (caught.value.code, caught.value.status) == (500, "INTERNAL")


def test_a_stream_that_is_cut_is_an_error_of_the_connection(llm: Understudy, client: genai.Client) -> None:
    llm.when(user="hello").reply("Good day.", faults=[{"cut": {"after": "1 event", "how": "reset"}}])
    with pytest.raises(Exception) as caught:
        list(client.models.generate_content_stream(model=MODEL, contents="Hello"))
    assert type(caught.value).__module__.startswith("httpx")


def test_a_stream_that_is_garbled_cannot_be_read(llm: Understudy, client: genai.Client) -> None:
    llm.when(user="hello").reply("Good day.", faults=[{"garble": {"after": "50%"}}])
    with pytest.raises(errors.UnknownApiResponseError):
        list(client.models.generate_content_stream(model=MODEL, contents="Hello"))
