"""What OpenAI's APIs keep, without a server: what is recalled, what cannot be, and how it is read back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from understudy.errors import Failure
from understudy.model import HttpRequest, Reply, Request, Resource, ResourceReply, Text, Usage
from understudy.providers import openai_chat, openai_responses
from understudy.providers import openai_resources_base as shared
from understudy.providers.openai_chat import kept as chat_kept
from understudy.providers.openai_responses import compact, conversations, kept, sealed, stored
from understudy.resources import Collections

ID = 29 * "r"


def posted(path: str, **body: Any) -> HttpRequest:
    return HttpRequest("POST", path, body=json.dumps(body).encode())


def asked(input: Any, **more: Any) -> Request:
    return openai_responses.parse(posted("/v1/responses", model="gpt-4o", input=input, **more))


def collections() -> Collections:
    return Collections(lambda: ID)


def answered(there: Collections, input: Any = "Hello", text: str = "Hi.") -> None:
    """Keep a response, `resp_r...`."""
    request, reply = asked(input), Reply((Text(text),), id=ID, model="gpt-4o")
    for collection, resource in kept.kept(reply, request, Resource("", 1.0, request.raw, request, reply)):
        there.keep(collection, resource)


def texts(request: Request) -> list[str]:
    return [message.text for message in request.messages]


def test_a_chat_completion_refers_to_nothing() -> None:
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}], "store": True}
    request = openai_chat.parse(posted("/v1/chat/completions", **body))
    assert chat_kept.recalled(request, collections()) is request


def test_a_response_and_a_conversation_at_once_recall_neither() -> None:
    there = collections()
    answered(there)
    request = asked("Go on", previous_response_id=f"resp_{ID}", conversation="conv_1")
    assert kept.recalled(request, there) is request


@pytest.mark.parametrize(
    ("id", "said"), [(f"msg_{ID}00", "Hi."), (f"msg_{ID}i00", "Hello")], ids=["answered", "asked"]
)
def test_an_item_is_found_in_the_response_that_its_id_is_made_of(id: str, said: str) -> None:
    there = collections()
    answered(there)
    found = kept.recalled(asked([{"type": "item_reference", "id": id}]), there)
    assert texts(found) == [said]
    assert not found.refers


@pytest.mark.parametrize("id", [f"msg_{ID}07", "msg_x", "x", 7, None, {}])
def test_an_item_that_there_is_not_stays_what_is_referred_to(id: Any) -> None:
    there = collections()
    answered(there)
    there.keep("conversations", Resource("conv_1", 1.0, {}))
    found = kept.recalled(asked([{"type": "item_reference", "id": id}]), there)
    assert found.refers == {"input"}
    (refusal,) = openai_responses.complaints(found)
    assert (refusal.status, refusal.message) == (404, f"Item with id '{id}' not found.")


def test_an_item_is_found_in_any_conversation() -> None:
    there = collections()
    there.keep("conversations", Resource("conv_1", 1.0, {}))
    there.keep("conversations/conv_1/items", Resource("msg_1", 1.0, {"role": "user", "content": "Hi"}))
    found = kept.recalled(asked([{"type": "item_reference", "id": "msg_1"}]), there)
    assert texts(found) == ["Hi"]


def test_an_item_that_came_before_is_not_told_twice() -> None:
    there = collections()
    answered(there)
    again: Any = [{"type": "item_reference", "id": f"msg_{ID}00"}, {"role": "user", "content": "So?"}]
    found = kept.recalled(asked(again, previous_response_id=f"resp_{ID}"), there)
    assert texts(found) == ["Hello", "Hi.", "So?"]


@pytest.mark.parametrize(
    "content", ["", "gAAAAA", "gAAAAA!!!", "ä", sealed.START + "WzFd", "bnVsbA==", None, 7]
)
def test_what_another_server_encrypted_holds_nothing(content: Any) -> None:
    assert sealed.opened({"encrypted_content": content}) == ()


def test_what_is_sealed_is_opened_again() -> None:
    items = [{"role": "user", "content": "Grüße"}]
    assert sealed.opened({"encrypted_content": sealed.sealed(items)}) == tuple(items)


@pytest.mark.parametrize(
    ("items", "code", "param"),
    [
        ("Hi", "invalid_type", "items"),
        ([7], "invalid_type", "items[0]"),
        ([{"type": "reasoning", "summary": 7}], "invalid_type", "items[0].summary"),
        ([{"role": "user", "content": "Hi", "id": {}}], "invalid_type", "items[0].id"),
    ],
)
def test_items_of_a_conversation_must_be_such(items: Any, code: str, param: str) -> None:
    with pytest.raises(Failure) as refused:
        conversations.parse(posted("/v1/conversations", items=items))
    assert (refused.value.code, refused.value.param) == (code, param)


def test_a_change_says_what_the_metadata_are() -> None:
    with pytest.raises(Failure, match="Missing required parameter: 'metadata'"):
        conversations.parse(posted("/v1/conversations/conv_1"))


def test_the_place_in_a_stream_is_a_number() -> None:
    with pytest.raises(Failure) as refused:
        stored.parse(HttpRequest("GET", "/v1/responses/resp_1?stream=true&starting_after=first"))
    assert (refused.value.code, refused.value.param) == ("invalid_type", "starting_after")


def test_a_row_tells_what_is_asked_by_all_of_its_path() -> None:
    asked = conversations.parse(HttpRequest("GET", "/v1/conversations/conv_1/items/msg_1"))
    assert (asked.verb, asked.collection, asked.id) == ("retrieve", "conversations/conv_1/items", "msg_1")
    asked = conversations.parse(HttpRequest("HEAD", "/v1/conversations/conv_1"))
    assert (asked.verb, asked.collection, asked.id) == ("retrieve", "conversations", "conv_1")


def test_what_was_told_is_read_back() -> None:
    one = {"id": "conv_1", "object": "conversation", "created_at": 7, "metadata": {}}
    assert shared.read([json.dumps(one).encode()]) == ResourceReply((Resource("conv_1", 7, one),), 0.0)
    page = {"object": "list", "data": [{"id": "msg_1"}, {"id": "msg_2"}]}
    told = shared.read([json.dumps(page).encode()])
    assert [resource.id for resource in told.resources] == ["msg_1", "msg_2"]


def test_a_compaction_is_read_back_as_what_it_cost() -> None:
    request = compact.parse(posted("/v1/responses/compact", model="gpt-4o", input="Hello"))
    told = compact.read([b'{"id":"resp_1","created_at":7,"usage":{"input_tokens":9}}'])
    assert request.request.user == "Hello"
    assert (told.usage, told.id, told.created) == (Usage(9), "1", 7)
