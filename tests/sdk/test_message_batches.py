"""Anthropic's message batches as the official SDK sees them: over a real socket, on the mock's clock."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.request import Request, urlopen

import anthropic
import pytest
from anthropic import Anthropic, AsyncAnthropic

from understudy import Understudy, error

MODEL = "claude-sonnet-5"
DAY = 86_400


@pytest.fixture(scope="module")
def server() -> Iterator[Understudy]:
    with Understudy() as server:
        yield server


@pytest.fixture
def llm(server: Understudy) -> Understudy:
    server.reset()
    return server


@pytest.fixture(scope="module")
def client(server: Understudy) -> Iterator[Anthropic]:
    with made(server.url) as client:
        yield client


def made(url: str) -> Anthropic:
    return Anthropic(base_url=url, api_key="any", max_retries=0, _strict_response_validation=True)


def params(text: str, **more: Any) -> Any:
    return {"model": MODEL, "max_tokens": 64, "messages": [{"role": "user", "content": text}]} | more


def requests(*texts: str) -> list[Any]:
    return [{"custom_id": f"ask-{text}", "params": params(text)} for text in texts]


def create(client: Anthropic, *texts: str) -> anthropic.types.messages.MessageBatch:
    return client.messages.batches.create(requests=requests(*texts))


def results(client: Anthropic, id: str) -> dict[str, Any]:
    return {line.custom_id: line.result for line in client.messages.batches.results(id)}


def counts(batch: anthropic.types.messages.MessageBatch) -> dict[str, int]:
    return {name: count for name, count in batch.request_counts.model_dump().items() if count}


def slow(llm: Understudy, text: str, seconds: int) -> None:
    llm.when(user=text).reply({"text": f"After {seconds} s.", "pace": {"ttft": f"{seconds}s"}})


def test_a_batch_is_in_progress_and_at_the_first_look_it_has_ended(
    llm: Understudy, client: Anthropic
) -> None:
    llm.when(user="sunny").reply("It is sunny.")
    batch = create(client, "sunny", "rainy")
    assert (batch.type, batch.processing_status, batch.results_url) == ("message_batch", "in_progress", None)
    assert (batch.ended_at, batch.archived_at, batch.cancel_initiated_at) == (None, None, None)
    assert batch.expires_at - batch.created_at == timedelta(days=1)
    assert counts(batch) == {"processing": 2}
    batch = client.messages.batches.retrieve(batch.id)
    assert batch.processing_status == "ended"
    assert batch.ended_at == batch.created_at
    assert counts(batch) == {"succeeded": 2}
    assert batch.results_url == f"{llm.url}/v1/messages/batches/{batch.id}/results"
    message = results(client, batch.id)["ask-sunny"].message
    assert message.content[0].text == "It is sunny."
    assert message.usage.service_tier == "batch"


def test_rules_and_faults_and_validation_are_those_of_messages(llm: Understudy, client: Anthropic) -> None:
    llm.when(user="busy").reply(error("overloaded"))
    llm.when(user="cut").reply({"text": "Hello", "faults": [{"cut": {"after": "50%"}}]})
    llm.when(user="garbled").reply({"text": "Hello", "faults": ["garble"]})
    batch = client.messages.batches.create(
        requests=[
            *requests("busy", "cut", "garbled", "fine"),
            {"custom_id": "ask-nothing", "params": {"model": MODEL}},  # type: ignore[typeddict-item]
        ]
    )
    told = results(client, batch.id)
    assert counts(client.messages.batches.retrieve(batch.id)) == {"errored": 4, "succeeded": 1}
    assert told.pop("ask-fine").type == "succeeded"
    assert {id: (one.error.error.type, one.error.error.message) for id, one in told.items()} == {
        "ask-busy": ("overloaded_error", "Overloaded"),
        "ask-cut": ("api_error", "Internal server error"),
        "ask-garbled": ("api_error", "Internal server error"),
        "ask-nothing": ("invalid_request_error", "max_tokens: Field required"),
    }
    assert all(one.error.request_id.startswith("req_011C") for one in told.values())


def test_the_journal_sees_each_request_and_a_limit_counts_it(llm: Understudy, client: Anthropic) -> None:
    limits = json.dumps({"requests": "3/h", "per": "key"}).encode()
    with urlopen(Request(f"{llm.url}/_understudy/limits", limits, method="PUT")) as answer:
        assert answer.status == 200
    create(client, "one", "two", "three")
    assert [(one.api, one.user, one.status) for one in llm.requests] == [
        ("anthropic-batches", "", 200),
        ("anthropic-messages", "one", 200),
        ("anthropic-messages", "two", 200),
        ("anthropic-messages", "three", 429),
    ]


def test_a_prompt_that_is_cached_is_read_by_the_next_request(llm: Understudy, client: Anthropic) -> None:
    system = [{"type": "text", "text": "word " * 1_100, "cache_control": {"type": "ephemeral"}}]
    asked = [{"custom_id": id, "params": params("Hi", system=system)} for id in ("a", "b")]
    batch = client.messages.batches.create(requests=asked)  # type: ignore[arg-type]
    told = results(client, batch.id)
    assert [told[id].message.usage.cache_read_input_tokens for id in ("a", "b")] == [0, 1_105]


def test_a_batch_takes_as_long_as_its_slowest_request(llm: Understudy, client: Anthropic) -> None:
    slow(llm, "slow", 90)
    id = create(client, "slow", "fast").id
    assert client.messages.batches.retrieve(id).processing_status == "in_progress"
    with pytest.raises(anthropic.AnthropicError, match="Has it finished processing"):
        client.messages.batches.results(id)
    llm.advance(91)
    batch = client.messages.batches.retrieve(id)
    assert counts(batch) == {"succeeded": 2}
    assert batch.ended_at is not None
    assert (batch.ended_at - batch.created_at).total_seconds() in (90, 91)


def test_what_is_answered_when_a_batch_is_cancelled_has_succeeded(llm: Understudy, client: Anthropic) -> None:
    slow(llm, "slow", 90)
    id = create(client, "slow", "fast").id
    batch = client.messages.batches.cancel(id)
    assert batch.processing_status == "canceling"
    assert batch.cancel_initiated_at is not None
    batch = client.messages.batches.retrieve(id)
    assert (batch.processing_status, batch.ended_at) == ("ended", batch.cancel_initiated_at)
    assert counts(batch) == {"canceled": 1, "succeeded": 1}
    assert {id: one.type for id, one in results(client, id).items()} == {
        "ask-slow": "canceled",
        "ask-fast": "succeeded",
    }
    assert client.messages.batches.cancel(id).processing_status == "ended"


def test_after_a_day_what_is_not_answered_has_expired(llm: Understudy, client: Anthropic) -> None:
    slow(llm, "slow", DAY + 60)
    llm.when(model="mock-hang")
    batch = client.messages.batches.create(
        requests=[
            *requests("slow", "fast"),
            {"custom_id": "never", "params": params("Hi", model="mock-hang")},
        ]
    )
    llm.advance(DAY - 60)
    assert client.messages.batches.retrieve(batch.id).processing_status == "in_progress"
    llm.advance(61)
    ended = client.messages.batches.retrieve(batch.id)
    assert (ended.processing_status, ended.ended_at) == ("ended", batch.expires_at)
    assert counts(ended) == {"expired": 2, "succeeded": 1}


def test_after_29_days_the_results_are_gone(llm: Understudy, client: Anthropic) -> None:
    id = create(client, "one").id
    llm.advance(29 * DAY + 1)
    batch = client.messages.batches.retrieve(id)
    assert batch.archived_at == batch.created_at + timedelta(days=29)
    assert batch.results_url is None
    with pytest.raises(anthropic.NotFoundError, match="is archived"):
        client.get(f"/v1/messages/batches/{id}/results", cast_to=object)


def test_batches_are_listed_a_page_at_a_time_the_newest_first(llm: Understudy, client: Anthropic) -> None:
    ids = [create(client, text).id for text in ("one", "two", "three")]
    page = client.messages.batches.list(limit=2)
    assert ([each.id for each in page.data], page.has_more) == ([ids[2], ids[1]], True)
    assert [each.id for each in client.messages.batches.list(limit=2)] == ids[::-1]
    before = client.messages.batches.list(before_id=ids[0], limit=1)
    assert [each.id for each in before.data] == [ids[1]]
    with pytest.raises(anthropic.BadRequestError, match="less than or equal to 1000"):
        client.messages.batches.list(limit=1_001)


def test_a_batch_can_be_deleted_when_it_has_ended(llm: Understudy, client: Anthropic) -> None:
    slow(llm, "slow", 90)
    id = create(client, "slow").id
    with pytest.raises(anthropic.BadRequestError, match="cannot be deleted before it has ended"):
        client.messages.batches.delete(id)
    client.messages.batches.cancel(id)
    assert client.messages.batches.delete(id).to_dict() == {"id": id, "type": "message_batch_deleted"}
    gone: list[Callable[[str], object]] = [client.messages.batches.retrieve, client.messages.batches.cancel]
    for call in gone:
        with pytest.raises(anthropic.NotFoundError) as missing:
            call(id)
        assert missing.value.api_message == f"Message Batch not found: {id}"


def test_results_are_not_there_before_the_end(llm: Understudy, client: Anthropic) -> None:
    slow(llm, "slow", 90)
    id = create(client, "slow").id
    with pytest.raises(anthropic.NotFoundError, match="no results before the Message Batch has ended"):
        client.get(f"/v1/messages/batches/{id}/results", cast_to=object)


def test_the_results_are_lines_of_json(llm: Understudy, client: Anthropic) -> None:
    id = create(client, "one", "two").id
    with urlopen(f"{llm.url}/v1/messages/batches/{id}/results") as answer:
        assert answer.headers["content-type"] == "application/x-jsonl"
        lines = [json.loads(line) for line in answer.read().splitlines()]
    assert [line["custom_id"] for line in lines] == ["ask-one", "ask-two"]


def test_a_batch_of_another_space_is_not_there_and_its_results_are(llm: Understudy) -> None:
    with made(f"{llm.url}/@one") as one, made(f"{llm.url}/@two") as two:
        id = create(one, "Hello").id
        batch = one.messages.batches.retrieve(id)
        assert batch.results_url == f"{llm.url}/@one/v1/messages/batches/{id}/results"
        assert results(one, id)["ask-Hello"].type == "succeeded"
        with pytest.raises(anthropic.NotFoundError):
            two.messages.batches.retrieve(id)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "requests: Field required"),
        ({"requests": []}, "requests: List should have at least 1 item after validation, not 0"),
        ({"requests": ["Hi"]}, "requests.0: Input should be a valid dictionary"),
        ({"requests": [{"params": {}}]}, "requests.0.custom_id: Field required"),
        ({"requests": [{"custom_id": "a"}]}, "requests.0.params: Field required"),
        (
            {"requests": [{"custom_id": "a", "params": {}}] * 100_001},
            "requests: List should have at most 100000 items after validation, not 100001",
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_is_no_batch_is_refused(client: Anthropic, given: dict[str, Any], message: str) -> None:
    with pytest.raises(anthropic.BadRequestError) as refused:
        client.post("/v1/messages/batches", body=given, cast_to=object)
    assert refused.value.api_message == message


def test_the_beta_and_the_asynchronous_client_see_the_same(llm: Understudy, client: Anthropic) -> None:
    batch = client.beta.messages.batches.create(requests=requests("one"))
    assert [line.result.type for line in client.beta.messages.batches.results(batch.id)] == ["succeeded"]

    async def outcomes() -> list[str]:
        async with AsyncAnthropic(base_url=llm.url, api_key="any", max_retries=0) as other:
            made = await other.messages.batches.create(requests=requests("one", "two"))
            return [line.result.type async for line in await other.messages.batches.results(made.id)]

    assert asyncio.run(outcomes()) == ["succeeded", "succeeded"]


def test_a_reset_forgets_all_batches(llm: Understudy, client: Anthropic) -> None:
    create(client, "one")
    llm.reset()
    assert client.messages.batches.list().data == []


def test_where_any_id_is_answered_a_batch_of_no_requests_stands_in() -> None:
    with Understudy(unknown_ids="answer") as any_id, made(any_id.url) as client:
        batch = client.messages.batches.retrieve("msgbatch_1")
        assert (batch.processing_status, batch.ended_at, counts(batch)) == ("ended", batch.created_at, {})
        assert results(client, "msgbatch_2") == {}
        assert client.messages.batches.cancel("msgbatch_3").processing_status == "ended"
        assert client.messages.batches.delete("msgbatch_4").id == "msgbatch_4"
