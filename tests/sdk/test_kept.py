"""The official SDK as the oracle for what OpenAI's APIs keep between two calls."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.responses import FunctionToolParam, Response, ResponseFunctionToolCall

from understudy import Understudy, tool_call

MODEL = "gpt-4o"
WEATHER: FunctionToolParam = {
    "type": "function",
    "name": "get_weather",
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
    yield server
    server.reset()


@pytest.fixture
def client(llm: Understudy) -> Iterator[OpenAI]:
    with OpenAI(
        base_url=llm.base_url, api_key="any", max_retries=0, _strict_response_validation=True
    ) as client:
        yield client


def call_of(response: Response) -> ResponseFunctionToolCall:
    (call,) = response.output
    assert isinstance(call, ResponseFunctionToolCall)
    return call


# --- responses -------------------------------------------------------------------------------------------


def test_a_response_is_retrieved_as_it_was_answered(client: OpenAI) -> None:
    made = client.responses.create(model=MODEL, input="Hello", metadata={"a": "b"}, instructions="Be brief.")
    assert client.responses.retrieve(made.id) == made


def test_one_that_is_not_to_be_kept_is_not_there(client: OpenAI) -> None:
    made = client.responses.create(model=MODEL, input="Hello", store=False)
    with pytest.raises(openai.NotFoundError) as refused:
        client.responses.retrieve(made.id)
    assert refused.value.body == {
        "message": f"Response with id '{made.id}' not found.",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }


def test_deleted_it_is_there_no_more(client: OpenAI) -> None:
    made = client.responses.create(model=MODEL, input="Hello")
    raw = client.responses.with_raw_response.delete(made.id)
    assert raw.http_response.json() == {"id": made.id, "object": "response", "deleted": True}
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.delete(made.id)


def test_an_answer_goes_on_from_the_one_before(llm: Understudy, client: OpenAI) -> None:
    llm.when(user="second", turn=2).reply("This is the second.")
    first = client.responses.create(model=MODEL, input="Hello", instructions="Be brief.")
    second = client.responses.create(
        model=MODEL, input="And the second?", previous_response_id=first.id, instructions="Be long."
    )
    assert second.output_text == "This is the second."
    assert second.previous_response_id == first.id
    asked = llm.requests[-1]
    assert asked.system == "Be long."
    assert [message.text for message in asked.messages][1:] == ["Hello", first.output_text, "And the second?"]
    assert second.usage is not None
    assert first.usage is not None
    assert second.usage.input_tokens > first.usage.input_tokens + first.usage.output_tokens


def test_a_chain_is_as_long_as_it_is(llm: Understudy, client: OpenAI) -> None:
    id: str | None = None
    for turn in range(1, 6):
        response = client.responses.create(model=MODEL, input=f"Turn {turn}", previous_response_id=id)
        assert llm.requests[-1].turn == turn
        id = response.id


def test_a_streamed_answer_is_kept_too(llm: Understudy, client: OpenAI) -> None:
    *_, last = client.responses.create(model=MODEL, input="Hello", stream=True)
    assert last.type == "response.completed"
    again = client.responses.retrieve(last.response.id)
    assert again.output == last.response.output
    client.responses.create(model=MODEL, input="Go on", previous_response_id=last.response.id)
    assert llm.requests[-1].turn == 2


def test_the_response_before_must_be_there(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(model=MODEL, input="Go on", previous_response_id="resp_x")
    assert refused.value.code == "previous_response_not_found"
    assert refused.value.param == "previous_response_id"


def test_a_call_needs_its_output_and_an_output_its_call(llm: Understudy, client: OpenAI) -> None:
    llm.when(tools="get_weather", turn=1).reply(tool_call("get_weather", city="Paris"))
    llm.when(tool_result="sunny").reply("It is sunny in Paris.")
    asked = client.responses.create(model=MODEL, input="Weather?", tools=[WEATHER])
    call = call_of(asked)
    with pytest.raises(openai.BadRequestError) as missing:
        client.responses.create(model=MODEL, input="Well?", previous_response_id=asked.id)
    assert missing.value.body == {
        "message": f"No tool output found for function call {call.call_id}.",
        "type": "invalid_request_error",
        "param": "input",
        "code": None,
    }
    output: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
    answer = client.responses.create(
        model=MODEL, input=[output], previous_response_id=asked.id, tools=[WEATHER]
    )
    assert answer.output_text == "It is sunny in Paris."
    with pytest.raises(openai.BadRequestError, match="No tool call found for function call output"):
        client.responses.create(
            model=MODEL, input=[output | {"call_id": "call_x"}], previous_response_id=answer.id
        )


def test_an_item_is_named_in_place_of_sent(llm: Understudy, client: OpenAI) -> None:
    llm.when(tools="get_weather", turn=1).reply(tool_call("get_weather", city="Paris"))
    call = call_of(client.responses.create(model=MODEL, input="Weather?", tools=[WEATHER]))
    assert call.id is not None
    answer = client.responses.create(
        model=MODEL,
        input=[
            {"type": "item_reference", "id": call.id},
            {"type": "function_call_output", "call_id": call.call_id, "output": "rain"},
        ],
    )
    assert "rain" in answer.output_text
    with pytest.raises(openai.NotFoundError, match="Item with id 'msg_x' not found"):
        client.responses.create(model=MODEL, input=[{"type": "item_reference", "id": "msg_x"}])


def test_the_items_of_the_input_come_in_pages(client: OpenAI) -> None:
    first = client.responses.create(model=MODEL, input="One")
    second = client.responses.create(
        model=MODEL,
        input=[{"role": "user", "content": "Two"}, {"role": "user", "content": "Three"}],
        previous_response_id=first.id,
    )
    items = client.responses.input_items
    newest = [item.to_dict() for item in items.list(second.id)]
    assert [item["role"] for item in newest] == ["user", "user", "assistant", "user"]
    oldest = [item.to_dict() for item in items.list(second.id, order="asc", limit=3)]
    assert oldest == newest[::-1]
    page = items.list(second.id, order="asc", limit=3)
    assert page.has_more
    assert len(page.data) == 3
    with pytest.raises(openai.BadRequestError) as refused:
        items.list(second.id, limit=0)
    assert refused.value.code == "integer_below_min_value"


def test_a_stream_is_told_again_from_where_it_broke_off(client: OpenAI) -> None:
    events = list(client.responses.create(model=MODEL, input="Hello", stream=True))
    id = events[-1].response.id  # type: ignore[union-attr]
    again = list(client.responses.retrieve(id, stream=True))
    assert [event.type for event in again] == [event.type for event in events]
    rest = list(client.responses.retrieve(id, stream=True, starting_after=4))
    assert rest == again[5:]
    assert rest[0].sequence_number == 5


# --- in the background -----------------------------------------------------------------------------------


def test_a_response_in_the_background_is_done_when_it_is_looked_for(llm: Understudy, client: OpenAI) -> None:
    begun = client.responses.create(model=MODEL, input="Hello", background=True)
    assert (begun.status, begun.background, begun.output, begun.usage) == ("queued", True, [], None)
    done = client.responses.retrieve(begun.id)
    assert done.status == "completed"
    assert done.background is True
    assert done.output_text
    assert llm.requests[-2].user == "Hello"


def test_it_takes_as_long_as_its_pace_says_on_the_mocks_clock(llm: Understudy, client: OpenAI) -> None:
    llm.when(user="Hello").reply("Four words it has.", pace={"ttft": "60s", "tokens_per_second": 0.1})
    id = client.responses.create(model=MODEL, input="Hello", background=True).id
    assert client.responses.retrieve(id).status == "queued"
    llm.advance(70)
    assert client.responses.retrieve(id).status == "in_progress"
    llm.advance(70)
    assert client.responses.retrieve(id).output_text == "Four words it has."


def test_it_is_cancelled_once_and_one_that_is_done_stays(llm: Understudy, client: OpenAI) -> None:
    llm.when(user="Slow").reply("Never said.", pace={"ttft": "60s"})
    slow = client.responses.create(model=MODEL, input="Slow", background=True)
    assert client.responses.cancel(slow.id).status == "cancelled"
    llm.advance(120)
    assert client.responses.retrieve(slow.id).status == "cancelled"
    assert client.responses.cancel(slow.id).status == "cancelled"
    done = client.responses.create(model=MODEL, input="Hello", background=True)
    assert client.responses.cancel(done.id).status == "completed"


def test_what_does_not_go_on_in_the_background_cannot_be_cancelled(client: OpenAI) -> None:
    made = client.responses.create(model=MODEL, input="Hello")
    with pytest.raises(openai.BadRequestError, match="Cannot cancel a synchronous response"):
        client.responses.cancel(made.id)


# --- conversations ---------------------------------------------------------------------------------------


def test_a_conversation_grows_with_each_response(llm: Understudy, client: OpenAI) -> None:
    conversation = client.conversations.create(
        items=[{"role": "user", "content": "My name is Ada."}], metadata={"topic": "names"}
    )
    assert client.conversations.retrieve(conversation.id) == conversation
    answer = client.responses.create(model=MODEL, input="Who am I?", conversation=conversation.id)
    assert answer.conversation is not None
    assert answer.conversation.id == conversation.id
    items = list(client.conversations.items.list(conversation.id, order="asc"))
    told = [(item.type, getattr(item, "role", "")) for item in items]
    assert told == [("message", "user"), ("message", "user"), ("message", "assistant")]
    assert items[-1].id == answer.output[0].id
    client.responses.create(model=MODEL, input="And now?", conversation={"id": conversation.id})
    asked = [message.text for message in llm.requests[-1].messages]
    assert asked == ["My name is Ada.", "Who am I?", answer.output_text, "And now?"]
    assert [item.type for item in client.conversations.items.list(conversation.id, limit=1)] == [
        "message"
    ] * 5


def test_items_are_added_looked_at_and_taken_away(client: OpenAI) -> None:
    id = client.conversations.create().id
    added = client.conversations.items.create(
        id,
        items=[
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello"},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "done"},
        ],
    )
    assert [item.type for item in added.data] == [
        "message",
        "message",
        "function_call",
        "function_call_output",
    ]
    item = added.data[1].id
    assert item is not None
    assert client.conversations.items.retrieve(item, conversation_id=id) == added.data[1]
    assert client.conversations.items.delete(item, conversation_id=id).id == id
    with pytest.raises(openai.NotFoundError, match=f"Item with id '{item}' not found"):
        client.conversations.items.retrieve(item, conversation_id=id)
    assert len(list(client.conversations.items.list(id))) == 3


def test_a_conversation_is_changed_and_deleted(client: OpenAI) -> None:
    id = client.conversations.create(metadata={"a": "b"}).id
    assert client.conversations.update(id, metadata={"c": "d"}).metadata == {"c": "d"}
    assert client.conversations.delete(id).deleted
    with pytest.raises(openai.NotFoundError, match=f"Conversation with id '{id}' not found"):
        client.conversations.items.list(id)
    with pytest.raises(openai.NotFoundError, match=f"Conversation with id '{id}' not found"):
        client.responses.create(model=MODEL, input="Hi", conversation=id)


@pytest.mark.parametrize(
    ("items", "code"),
    [
        ([{"role": "user", "content": "Hi"}] * 21, "array_above_max_length"),
        ([{"role": "nobody", "content": "Hi"}], "invalid_value"),
        (None, "missing_required_parameter"),
    ],
)
def test_items_must_be_such(client: OpenAI, items: Any, code: str) -> None:
    id = client.conversations.create().id
    with pytest.raises(openai.BadRequestError) as refused:
        client.conversations.items.create(id, items=items)
    assert refused.value.code == code
    assert (refused.value.param or "").startswith("items")


# --- prompts ---------------------------------------------------------------------------------------------

PROMPTS = """
prompts:
  pmpt_weather: "You tell the weather in {{city}}, in {{ language }}."
  pmpt_haiku: {instructions: You write haiku., model: gpt-4.1}
rules:
  - {when: {system: Paris}, reply: It is sunny.}
  - {when: {system: haiku}, reply: An old silent pond.}
"""


@pytest.fixture(scope="module")
def prompted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Understudy]:
    file = tmp_path_factory.mktemp("prompts") / "rules.yaml"
    file.write_text(PROMPTS)
    with Understudy(rules=str(file)) as server:
        yield server


@pytest.fixture(scope="module")
def prompting(prompted: Understudy) -> Iterator[OpenAI]:
    with OpenAI(
        base_url=prompted.base_url, api_key="any", max_retries=0, _strict_response_validation=True
    ) as client:
        yield client


def test_a_prompt_is_named_and_its_variables_take_their_places(
    prompted: Understudy, prompting: OpenAI
) -> None:
    answer = prompting.responses.create(
        prompt={"id": "pmpt_weather", "variables": {"city": "Paris"}}, input="Today?"
    )
    assert answer.output_text == "It is sunny."
    assert answer.instructions == "You tell the weather in Paris, in {{ language }}."
    assert answer.prompt is not None
    assert answer.prompt.id == "pmpt_weather"
    assert prompted.requests[-1].system == answer.instructions
    assert prompting.responses.retrieve(answer.id) == answer


def test_a_prompt_has_a_model_and_needs_no_input(prompting: OpenAI) -> None:
    answer = prompting.responses.create(prompt={"id": "pmpt_haiku"})
    assert (answer.model, answer.output_text) == ("gpt-4.1", "An old silent pond.")
    assert prompting.responses.create(prompt={"id": "pmpt_haiku"}, model="gpt-4o").model == "gpt-4o"


def test_instructions_of_ones_own_take_the_place_of_the_prompts(prompting: OpenAI) -> None:
    asked = prompting.responses.create(prompt={"id": "pmpt_haiku"}, input="Hi", instructions="Be in Paris.")
    assert asked.output_text == "It is sunny."


def test_a_prompt_must_be_there(prompting: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="Prompt with id 'pmpt_x' not found"):
        prompting.responses.create(prompt={"id": "pmpt_x"}, input="Hi")


# --- compaction ------------------------------------------------------------------------------------------


def test_a_compacted_conversation_goes_on_as_if_it_were_whole(llm: Understudy) -> None:
    client = OpenAI(base_url=llm.base_url, api_key="any")  # its strict types know no user's message here
    first = client.responses.create(model=MODEL, input="My name is Ada.")
    shorter = client.responses.with_raw_response.compact(model=MODEL, previous_response_id=first.id)
    told = shorter.http_response.json()
    assert told["object"] == "response.compaction"
    assert [item["type"] for item in told["output"]] == ["message", "compaction"]
    client.responses.create(model=MODEL, input=[*told["output"], {"role": "user", "content": "Who am I?"}])
    asked = llm.requests[-1]
    assert [message.text for message in asked.messages] == ["My name is Ada.", first.output_text, "Who am I?"]
    assert asked.turn == 2


def test_the_tokens_of_a_conversation_are_counted_whole(client: OpenAI) -> None:
    first = client.responses.create(model=MODEL, input="Hello")
    alone = client.responses.input_tokens.count(model=MODEL, input="Go on").input_tokens
    whole = client.responses.input_tokens.count(
        model=MODEL, input="Go on", previous_response_id=first.id
    ).input_tokens
    answer = client.responses.create(model=MODEL, input="Go on", previous_response_id=first.id)
    assert answer.usage is not None
    assert alone < whole == answer.usage.input_tokens


# --- chat completions ------------------------------------------------------------------------------------


def test_a_chat_completion_is_kept_where_it_is_asked_for(client: OpenAI) -> None:
    completions = client.chat.completions
    asked: Any = [{"role": "user", "content": "Hello"}]
    completions.create(model=MODEL, messages=asked)
    kept = [
        completions.create(model=model, messages=asked, store=True, metadata={"n": n})
        for model, n in (("gpt-4o", "1"), ("gpt-4.1", "2"), ("gpt-4o", "3"))
    ]
    assert [each.id for each in completions.list()] == [each.id for each in kept]
    assert [each.id for each in completions.list(order="desc", limit=2)] == [each.id for each in kept[::-1]]
    assert [each.id for each in completions.list(model="gpt-4o")] == [kept[0].id, kept[2].id]
    assert [each.id for each in completions.list(metadata={"n": "2"})] == [kept[1].id]
    assert completions.retrieve(kept[0].id).choices == kept[0].choices
    assert completions.update(kept[0].id, metadata={"n": "9"}).to_dict()["metadata"] == {"n": "9"}
    assert completions.delete(kept[0].id).deleted
    with pytest.raises(openai.NotFoundError):
        completions.retrieve(kept[0].id)


def test_the_messages_that_a_completion_answers_come_in_pages(llm: Understudy) -> None:
    client = OpenAI(base_url=llm.base_url, api_key="any")  # its strict types know the assistant alone
    asked: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    id = client.chat.completions.create(model=MODEL, messages=asked, store=True).id
    told = [message.to_dict() for message in client.chat.completions.messages.list(id, limit=1)]
    assert [(each["id"], each["role"], each["content"]) for each in told] == [
        (f"{id}-0", "system", "Be brief."),
        (f"{id}-1", "user", "Hello"),
    ]


# --- ids that nothing is kept under -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def answering() -> Iterator[OpenAI]:
    """A client of a server that answers ids that it never gave."""
    with (
        Understudy(unknown_ids="answer") as llm,
        OpenAI(
            base_url=llm.base_url, api_key="any", max_retries=0, _strict_response_validation=True
        ) as client,
    ):
        yield client


def test_a_response_that_nobody_made_is_told_streamed_cancelled_and_deleted(answering: OpenAI) -> None:
    responses = answering.responses
    told = responses.retrieve("resp_677efb5139a88190b512bc3fef8e535d")
    assert (told.id, told.status) == ("resp_677efb5139a88190b512bc3fef8e535d", "completed")
    assert told.output_text == "Nothing was kept under this id: Understudy makes this up."
    assert [event.type for event in responses.retrieve("resp_1", stream=True)][-1] == "response.completed"
    assert responses.cancel("resp_2").id == "resp_2"
    assert list(responses.input_items.list("resp_3", after="msg_0")) == []
    responses.delete("resp_4")


def test_a_response_goes_on_from_one_that_nobody_made(answering: OpenAI) -> None:
    response = answering.responses.create(model=MODEL, input="Hello", previous_response_id="resp_abc")
    assert response.previous_response_id == "resp_abc"


def test_a_chat_completion_that_nobody_made_is_told(answering: OpenAI) -> None:
    completions = answering.chat.completions
    told = completions.retrieve("chatcmpl-1")
    assert told.id == "chatcmpl-1"
    assert told.choices[0].message.content == "Nothing was kept under this id: Understudy makes this up."
    assert completions.update("chatcmpl-1", metadata={"a": "b"}).metadata == {"a": "b"}
    assert [message.role for message in completions.messages.list("chatcmpl-1")] == ["assistant"]
    assert completions.delete("chatcmpl-1").deleted


def test_a_conversation_that_nobody_made_is_told_and_gone_on_with(answering: OpenAI) -> None:
    conversations = answering.conversations
    assert conversations.retrieve("conv_1").metadata == {}
    assert conversations.items.retrieve("msg_1", conversation_id="conv_2").type == "message"
    response = answering.responses.create(model=MODEL, input="Hello", conversation="conv_3")
    assert response.conversation is not None
    assert [item.type for item in conversations.items.list("conv_3")] == ["message", "message"]


# --- pages -----------------------------------------------------------------------------------------------


def test_a_page_of_none_and_what_no_page_has_are_refused(client: OpenAI) -> None:
    conversation = client.conversations.create().id
    with pytest.raises(openai.BadRequestError, match="Invalid 'limit': integer below minimum value"):
        client.conversations.items.list(conversation, limit=0)
    with pytest.raises(openai.BadRequestError, match="Invalid type for 'limit'"):
        client.conversations.items.list(conversation, extra_query={"limit": "x"})
    with pytest.raises(openai.BadRequestError, match="Invalid value: 'up'"):
        client.conversations.items.list(conversation, extra_query={"order": "up"})
    with pytest.raises(openai.NotFoundError, match="msg_0"):
        client.conversations.items.list(conversation, after="msg_0")


def test_a_page_of_none_is_empty_where_nothing_is_refused() -> None:
    with (
        Understudy(validation="off") as llm,
        OpenAI(base_url=llm.base_url, api_key="any", max_retries=0) as client,
    ):
        conversation = client.conversations.create(items=[{"role": "user", "content": "Hello"}]).id
        page = client.conversations.items.list(conversation, limit=0)
        assert (page.data, page.has_more) == ([], True)


# --- spaces, failures, asyncio ---------------------------------------------------------------------------


def test_a_space_keeps_its_own(llm: Understudy, client: OpenAI) -> None:
    id = client.responses.create(model=MODEL, input="Hello").id
    other = OpenAI(base_url=llm.space("other").base_url, api_key="any", max_retries=0)
    with pytest.raises(openai.NotFoundError):
        other.responses.retrieve(id)


def test_a_reset_forgets_it_all(llm: Understudy, client: OpenAI) -> None:
    id = client.responses.create(model=MODEL, input="Hello").id
    llm.reset()
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(id)


def test_what_failed_is_not_kept(llm: Understudy, client: OpenAI) -> None:
    llm.when(user="fail").reply("Never.", faults=[{"error": "overloaded"}])
    conversation = client.conversations.create().id
    with pytest.raises(openai.InternalServerError):
        client.responses.create(model=MODEL, input="fail", conversation=conversation)
    assert list(client.conversations.items.list(conversation)) == []


def test_it_is_the_same_for_asyncio(llm: Understudy) -> None:
    async def play() -> list[str]:
        async with AsyncOpenAI(
            base_url=llm.base_url, api_key="any", _strict_response_validation=True
        ) as client:
            conversation = await client.conversations.create()
            response = await client.responses.create(model=MODEL, input="Hi", conversation=conversation.id)
            again = await client.responses.retrieve(response.id)
            assert again.output == response.output
            stream = await client.responses.retrieve(response.id, stream=True)
            assert [event async for event in stream][-1].type == "response.completed"
            return [item.type async for item in client.conversations.items.list(conversation.id, limit=1)]

    assert asyncio.run(play()) == ["message", "message"]
