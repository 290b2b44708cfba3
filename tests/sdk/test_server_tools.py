"""The official SDKs as oracles for the tools that vendors run and for citations: one rule file for all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, get_args

import pytest
from anthropic import Anthropic, AsyncAnthropic
from google import genai
from google.genai import types
from openai import AsyncOpenAI, OpenAI
from openai.types.responses import Response, ResponseStreamEvent

Serving = Callable[..., AbstractContextManager[str]]

RULES = """
rules:
  - when: {user: weather}
    reply:
      web_search:
        query: weather in Paris
        results: [{url: "https://example.com/paris", title: Weather in Paris, text: "Sunny, 20 degrees."}]
      text: It is sunny in Paris.
      citations: [{url: "https://example.com/paris", title: Weather in Paris, quote: Sunny, for: sunny}]
  - when: {user: everything}
    reply:
      parts:
        - reasoning: {redacted: EmwKAhgB}
        - web_fetch: {url: "https://example.com/paris", title: Paris, text: Paris is a city.}
        - file_search: {query: holidays, results: [{file: file-1, name: a.pdf, text: 30 days, score: 0.9}]}
        - code_execution: {code: print(6), stdout: "6\\n", exit_code: 0, images: ["https://example.com/a.png"]}
        - shell: {command: ls, stdout: "a.txt\\n", exit_code: 0}
        - image_generation: {prompt: a red dot, partials: [aGk=], size: 1024x1024}
        - mcp_tools: {server: wiki, tools: [{name: ask, description: Ask., schema: {type: object}}]}
        - mcp_tools: {server: down, error: nobody answers}
        - mcp: {server: wiki, name: ask, arguments: {about: Paris}, output: A city in France.}
        - mcp: {server: wiki, name: ask, arguments: {}, error: about what?}
        - mcp_approval: {server: wiki, name: edit, arguments: {page: Paris}}
        - {text: You have 30 days., citations: [{file: file-1, title: a.pdf}]}
  - when: {user: paused}
    reply: {web_search: weather, stop: pause}
  - when: {user: failed}
    reply: {web_search: {query: weather, error: max_uses_exceeded}, text: I could not search.}
  - when: {user: click}
    reply: {tool_calls: [{name: computer, arguments: {type: click, button: left, x: 1, y: 2}}]}
  - when: {user: run}
    reply: {tool_calls: [{name: shell, arguments: {commands: [ls, pwd]}}]}
"""


@pytest.fixture(scope="module")
def url(serving: Serving, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with these rules."""
    file: Path = tmp_path_factory.mktemp("rules") / "rules.yaml"
    file.write_text(RULES)
    with serving(str(file)) as url:
        yield url


# --- OpenAI Responses ---------------------------------------------------------------------------------

TOOLS: Any = [
    {"type": "web_search"},
    {"type": "file_search", "vector_store_ids": ["vs_1"]},
    {"type": "code_interpreter", "container": {"type": "auto"}},
    {"type": "image_generation", "partial_images": 1},
    {"type": "shell"},
    {"type": "mcp", "server_label": "wiki", "server_url": "https://mcp.example.com"},
]
INCLUDE: Any = [
    "web_search_call.action.sources",
    "file_search_call.results",
    "code_interpreter_call.outputs",
]


@pytest.fixture(scope="module")
def openai(url: str) -> Iterator[OpenAI]:
    """A client under its strict validation."""
    with OpenAI(
        base_url=f"{url}/v1", api_key="any", max_retries=0, _strict_response_validation=True
    ) as client:
        yield client


def test_responses_tell_a_search_and_what_the_text_rests_on(openai: OpenAI) -> None:
    answer = openai.responses.create(model="gpt-5", input="weather", tools=TOOLS, include=INCLUDE)
    search, said = answer.output
    assert search.type == "web_search_call"
    assert search.action.to_dict() == {
        "type": "search",
        "queries": ["weather in Paris"],
        "query": "weather in Paris",
        "sources": [{"type": "url", "url": "https://example.com/paris"}],
    }
    assert said.type == "message"
    (content,) = said.content
    assert content.type == "output_text"
    assert [each.to_dict() for each in content.annotations] == [
        {
            "type": "url_citation",
            "start_index": 6,
            "end_index": 11,
            "title": "Weather in Paris",
            "url": "https://example.com/paris",
        }
    ]


def test_responses_tell_results_only_if_they_are_asked_for(openai: OpenAI) -> None:
    answer = openai.responses.create(model="gpt-5", input="everything", tools=TOOLS)
    told = [each.to_dict() for each in answer.output]
    assert [each["results"] for each in told if each["type"] == "file_search_call"] == [None]
    assert [each["outputs"] for each in told if each["type"] == "code_interpreter_call"] == [None]


def test_responses_have_an_item_for_every_tool(openai: OpenAI) -> None:
    answer = openai.responses.create(model="gpt-5", input="everything", tools=TOOLS, include=INCLUDE)
    assert [item.type for item in answer.output] == [
        "reasoning",
        "web_search_call",
        "file_search_call",
        "code_interpreter_call",
        "shell_call",
        "shell_call_output",
        "image_generation_call",
        "mcp_list_tools",
        "mcp_list_tools",
        "mcp_call",
        "mcp_call",
        "mcp_approval_request",
        "message",
    ]


def finished(events: list[ResponseStreamEvent]) -> Response:
    last = events[-1]
    assert last.type == "response.completed"
    return last.response


def comparable(answer: Response) -> list[Any]:
    """The output without ids and containers, which are each answer's own."""

    def stripped(value: Any) -> Any:
        if isinstance(value, dict):
            own = ("id", "call_id", "container_id")
            return {key: stripped(each) for key, each in value.items() if key not in own}
        return [stripped(each) for each in value] if isinstance(value, list) else value

    return [stripped(item.to_dict()) for item in answer.output]


@pytest.mark.parametrize("asked", ["weather", "everything", "paused", "failed", "click", "run"])
def test_a_streamed_response_ends_as_a_whole_one(openai: OpenAI, url: str, asked: str) -> None:
    tools = [*TOOLS, {"type": "computer"}]
    given: Any = {"model": "gpt-5", "input": asked, "tools": tools, "include": INCLUDE}
    events = list(openai.responses.create(**given, stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    done = [event.item.to_dict() for event in events if event.type == "response.output_item.done"]
    assert done == [item.to_dict() for item in finished(events).output]
    assert comparable(finished(events)) == comparable(openai.responses.create(**given))

    async def at_once() -> Response:
        async with AsyncOpenAI(
            base_url=f"{url}/v1", api_key="any", max_retries=0, _strict_response_validation=True
        ) as client:
            return finished([event async for event in await client.responses.create(**given, stream=True)])

    assert comparable(asyncio.run(at_once())) == comparable(finished(events))


def test_a_call_of_a_tool_that_the_client_runs_is_an_item_of_its_own(openai: OpenAI) -> None:
    tools: Any = [{"type": "computer"}, {"type": "shell"}]
    (click,) = openai.responses.create(model="gpt-5", input="click", tools=tools).output
    assert click.type == "computer_call"
    assert click.action
    assert click.action.to_dict() == {"type": "click", "button": "left", "x": 1, "y": 2}
    (run,) = openai.responses.create(model="gpt-5", input="run", tools=tools).output
    assert run.type == "shell_call"
    assert run.action.commands == ["ls", "pwd"]


REACHABLE_ELSEWHERE = {
    "response.queued",
    "response.failed",
    "response.incomplete",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.custom_tool_call_input.delta",
    "response.custom_tool_call_input.done",
    "response.refusal.delta",
    "response.refusal.done",
    "response.reasoning_summary_part.added",
    "response.reasoning_summary_part.done",
    "response.reasoning_summary_text.delta",
    "response.reasoning_summary_text.done",
    "error",
}
"""Events that other tests see."""
UNREACHABLE = {
    "response.audio.delta",
    "response.audio.done",
    "response.audio.transcript.delta",
    "response.audio.transcript.done",
    "response.reasoning_text.delta",
    "response.reasoning_text.done",
    "response.compaction.compacting",
}
"""Events that no answer has, as docs/rules.md says."""


def test_every_event_of_a_tool_is_told(openai: OpenAI) -> None:
    seen: set[str] = set()
    for asked in ("weather", "everything", "run"):
        stream = openai.responses.create(
            model="gpt-5", input=asked, tools=TOOLS, include=INCLUDE, stream=True
        )
        seen |= {event.type for event in stream}
    union = get_args(get_args(ResponseStreamEvent)[0])
    known = {get_args(event.model_fields["type"].annotation)[0] for event in union}
    assert len(known) == 59
    assert known - seen - REACHABLE_ELSEWHERE - UNREACHABLE == set()


def test_what_was_answered_can_be_sent_back(openai: OpenAI) -> None:
    answer = openai.responses.create(model="gpt-5", input="everything", tools=TOOLS, include=INCLUDE)
    items: Any = [{"role": "user", "content": "everything"}, *[item.to_dict() for item in answer.output]]
    again = openai.responses.create(
        model="gpt-5", input=[*items, {"role": "user", "content": "weather"}], tools=TOOLS
    )
    assert again.output_text == "It is sunny in Paris."
    assert again.usage
    assert answer.usage
    assert again.usage.input_tokens > answer.usage.input_tokens


# --- Anthropic ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def anthropic(url: str) -> Iterator[Anthropic]:
    """A client under its strict validation."""
    with Anthropic(base_url=url, api_key="any", max_retries=0, _strict_response_validation=True) as client:
        yield client


def asking(text: str) -> Any:
    return {
        "model": "claude-sonnet-5",
        "max_tokens": 1024,
        "messages": [{"role": "user", "content": text}],
        "tools": [{"type": "web_search_20250305", "name": "web_search"}],
    }


def test_messages_tell_a_search_and_what_the_text_rests_on(anthropic: Anthropic) -> None:
    answer = anthropic.messages.create(**asking("weather"))
    use, found, said = answer.content
    assert use.type == "server_tool_use"
    assert (use.name, use.input) == ("web_search", {"query": "weather in Paris"})
    assert found.type == "web_search_tool_result"
    assert found.tool_use_id == use.id
    assert isinstance(found.content, list)
    assert [(each.url, each.title) for each in found.content] == [
        ("https://example.com/paris", "Weather in Paris")
    ]
    assert said.type == "text"
    assert said.citations
    (source,) = said.citations
    assert source.type == "web_search_result_location"
    assert (source.url, source.cited_text) == ("https://example.com/paris", "Sunny")
    assert answer.usage.server_tool_use
    assert answer.usage.server_tool_use.web_search_requests == 1


def test_messages_leave_out_the_tools_that_the_api_has_not(anthropic: Anthropic) -> None:
    answer = anthropic.beta.messages.create(**asking("everything"))
    assert [block.type for block in answer.content] == [
        "redacted_thinking",
        "server_tool_use",
        "web_fetch_tool_result",
        "server_tool_use",
        "code_execution_tool_result",
        "server_tool_use",
        "bash_code_execution_tool_result",
        "mcp_tool_use",
        "mcp_tool_result",
        "mcp_tool_use",
        "mcp_tool_result",
        "text",
    ]


def test_a_paused_turn_ends_with_a_call(anthropic: Anthropic) -> None:
    answer = anthropic.messages.create(**asking("paused"))
    assert answer.stop_reason == "pause_turn"
    assert [block.type for block in answer.content] == ["server_tool_use"]


def test_a_failed_call_has_an_error(anthropic: Anthropic) -> None:
    found = anthropic.messages.create(**asking("failed")).content[1]
    assert found.type == "web_search_tool_result"
    assert not isinstance(found.content, list)
    assert found.content.error_code == "max_uses_exceeded"


def of_message(answer: Any) -> list[Any]:
    """The content without ids and what only the API can read."""

    def stripped(value: Any) -> Any:
        if isinstance(value, dict):
            own = ("id", "tool_use_id", "retrieved_at")
            return {key: stripped(each) for key, each in value.items() if key not in own and each is not None}
        return [stripped(each) for each in value] if isinstance(value, list) else value

    return [stripped(block.to_dict()) for block in answer.content]


@pytest.mark.parametrize("asked", ["weather", "paused", "failed"])
def test_a_streamed_message_ends_as_a_whole_one(anthropic: Anthropic, url: str, asked: str) -> None:
    whole = anthropic.messages.create(**asking(asked))
    with anthropic.messages.stream(**asking(asked)) as stream:
        streamed = stream.get_final_message()
    assert of_message(streamed) == of_message(whole)
    assert (streamed.stop_reason, streamed.usage.output_tokens) == (
        whole.stop_reason,
        whole.usage.output_tokens,
    )

    async def at_once() -> Any:
        async with (
            AsyncAnthropic(base_url=url, api_key="any", max_retries=0) as client,
            client.messages.stream(**asking(asked)) as stream,
        ):
            return await stream.get_final_message()

    assert of_message(asyncio.run(at_once())) == of_message(whole)


def test_a_beta_stream_tells_every_tool(anthropic: Anthropic) -> None:
    whole = anthropic.beta.messages.create(**asking("everything"))
    with anthropic.beta.messages.stream(**asking("everything")) as stream:
        streamed = stream.get_final_message()
    assert of_message(streamed) == of_message(whole)


def test_a_message_can_be_sent_back(anthropic: Anthropic) -> None:
    asked = asking("weather")
    answer = anthropic.messages.create(**asked)
    content: Any = [block.to_dict() for block in answer.content]
    asked["messages"] += [{"role": "assistant", "content": content}, {"role": "user", "content": "weather"}]
    again = anthropic.messages.create(**asked)
    assert [block.type for block in again.content] == [block.type for block in answer.content]
    assert again.usage.input_tokens > answer.usage.input_tokens


# --- Gemini -------------------------------------------------------------------------------------------

MODEL = "gemini-2.5-flash"


@pytest.fixture(scope="module")
def gemini(url: str) -> Iterator[genai.Client]:
    with genai.Client(api_key="any", http_options=types.HttpOptions(base_url=url)) as client:
        yield client


def test_contents_are_grounded_in_what_was_searched(gemini: genai.Client) -> None:
    answer = gemini.models.generate_content(model=MODEL, contents="weather")
    assert answer.text == "It is sunny in Paris."
    assert answer.candidates
    told = answer.candidates[0].grounding_metadata
    assert told
    assert told.web_search_queries == ["weather in Paris"]
    assert told.grounding_chunks
    assert [chunk.web.uri for chunk in told.grounding_chunks if chunk.web] == ["https://example.com/paris"]
    assert told.grounding_supports
    (support,) = told.grounding_supports
    assert support.grounding_chunk_indices == [0]
    assert support.segment
    assert (support.segment.start_index, support.segment.end_index, support.segment.text) == (6, 11, "sunny")


def test_contents_tell_code_that_ran_and_pictures(gemini: genai.Client) -> None:
    answer = gemini.models.generate_content(model=MODEL, contents="everything")
    assert (answer.executable_code, answer.code_execution_result) == ("print(6)", "6\n")
    assert answer.candidates
    content = answer.candidates[0].content
    assert content
    told = [sorted(part.model_dump(exclude_none=True)) for part in content.parts or ()]
    assert told == [["executable_code"], ["code_execution_result"], ["inline_data"], ["text"]]
    fetched = answer.candidates[0].url_context_metadata
    assert fetched
    assert fetched.url_metadata
    assert [page.retrieved_url for page in fetched.url_metadata] == ["https://example.com/paris"]


@pytest.mark.parametrize("asked", ["weather", "everything", "paused", "failed"])
def test_streamed_contents_tell_the_same(gemini: genai.Client, url: str, asked: str) -> None:
    def told(answers: list[types.GenerateContentResponse]) -> tuple[Any, ...]:
        candidates = [each.candidates[0] for each in answers if each.candidates]
        parts = [part for each in candidates if each.content for part in each.content.parts or ()]
        texts = "".join([part.text or "" for part in parts])
        rest = [part for part in parts if part.text is None]
        last = candidates[-1]
        return texts, rest, last.grounding_metadata, last.url_context_metadata, last.finish_reason

    whole = told([gemini.models.generate_content(model=MODEL, contents=asked)])
    assert told(list(gemini.models.generate_content_stream(model=MODEL, contents=asked))) == whole

    async def at_once() -> list[types.GenerateContentResponse]:
        options = types.HttpOptions(base_url=url)
        async with genai.Client(api_key="any", http_options=options).aio as client:
            stream = await client.models.generate_content_stream(model=MODEL, contents=asked)
            return [chunk async for chunk in stream]

    assert told(asyncio.run(at_once())) == whole


def test_contents_can_be_sent_back(gemini: genai.Client) -> None:
    chat = gemini.chats.create(model=MODEL)
    chat.send_message("everything")
    assert chat.send_message("weather").text == "It is sunny in Paris."


# --- OpenAI Chat Completions --------------------------------------------------------------------------


def test_a_chat_tells_the_pages_that_a_text_rests_on(openai: OpenAI) -> None:
    asked: Any = {"model": "gpt-4o", "messages": [{"role": "user", "content": "weather"}]}
    message = openai.chat.completions.create(**asked).choices[0].message
    assert message.content == "It is sunny in Paris."
    assert message.annotations
    told = [each.to_dict() for each in message.annotations]
    assert told == [
        {
            "type": "url_citation",
            "url_citation": {
                "start_index": 6,
                "end_index": 11,
                "title": "Weather in Paris",
                "url": "https://example.com/paris",
            },
        }
    ]
    chunks = [chunk.to_dict() for chunk in openai.chat.completions.create(**asked, stream=True)]
    deltas: list[Any] = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    assert [delta["annotations"] for delta in deltas if "annotations" in delta] == [told]


def test_a_chat_leaves_out_tools_and_thoughts_that_are_not_shown(openai: OpenAI) -> None:
    asked: Any = {"model": "gpt-4o", "messages": [{"role": "user", "content": "everything"}]}
    (choice,) = openai.chat.completions.create(**asked).choices
    assert (choice.finish_reason, choice.message.content) == ("stop", "You have 30 days.")
    assert (choice.message.tool_calls, choice.message.annotations) == (None, [])
    paused = openai.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "paused"}]
    ).choices[0]
    assert (paused.finish_reason, paused.message.content) == ("stop", None)
