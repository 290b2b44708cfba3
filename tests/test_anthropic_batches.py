"""Anthropic's message batches, read and told, against the documentation's own examples."""

from __future__ import annotations

import json
from typing import Any

import pytest

from understudy.errors import Failure
from understudy.model import Done, HttpRequest, Resource, ResourceReply, ResourceRequest
from understudy.providers import anthropic_batch_results, anthropic_batches
from understudy.providers.anthropic_batches_base import ended_at, view

DAY = 86_400
CREATED = 1_727_202_922.0  # 2024-09-24T18:35:22Z, when the batch of the documentation was made
HEADERS = (
    b"host",
    b"localhost:8080",
    b"x-api-key",
    b"k",
    b"content-length",
    b"7",
    b"anthropic-version",
    b"v",
)
MESSAGE = b'{"type":"message","usage":{"input_tokens":1,"service_tier":"standard"}}'
REFUSED = {
    "type": "error",
    "error": {"type": "invalid_request_error", "message": "No."},
    "request_id": "req_1",
}


def parse(method: str, path: str, body: Any = None) -> ResourceRequest:
    data = b"" if body is None else json.dumps(body).encode()
    return anthropic_batches.parse(HttpRequest(method, path, HEADERS, data, "192.0.2.7"))


def batch(*done: Done, **fields: Any) -> Resource:
    raw = {"custom_ids": [f"r{number}" for number in range(len(done))]}
    ends = CREATED + max((each.seconds for each in done), default=0.0)
    return Resource("msgbatch_01", CREATED, raw, ends=ends, done=done, **fields)


def told(resource: Resource, seconds: float) -> dict[str, Any]:
    """The batch as it is so many seconds after it was made."""
    return view(resource, CREATED + seconds, "http://host")


def test_the_requests_of_a_batch_are_requests_for_messages_from_the_same_client() -> None:
    params = {"model": "m", "max_tokens": 5, "messages": [], "stream": True}
    asked = parse("POST", "/v1/messages/batches", {"requests": [{"custom_id": "a", "params": params}]})
    assert (asked.verb, asked.collection, asked.host) == ("create", "messages/batches", "localhost:8080")
    assert asked.new[0].raw == {"custom_ids": ["a"]}
    assert asked.calls == (
        HttpRequest(
            "POST",
            "/v1/messages",
            (b"host", b"localhost:8080", b"x-api-key", b"k", b"anthropic-version", b"v"),
            b'{"model":"m","max_tokens":5,"messages":[]}',
            "192.0.2.7",
        ),
    )


def test_a_batch_is_told_as_the_documentation_has_it() -> None:
    assert told(batch(Done(200, MESSAGE, 0.0), Done(200, MESSAGE, 0.0)), 0.0) == {
        "id": "msgbatch_01",
        "type": "message_batch",
        "processing_status": "in_progress",
        "request_counts": {"processing": 2, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0},
        "ended_at": None,
        "created_at": "2024-09-24T18:35:22Z",
        "expires_at": "2024-09-25T18:35:22Z",
        "archived_at": None,
        "cancel_initiated_at": None,
        "results_url": None,
    }


def test_a_batch_that_has_ended_tells_where_its_results_are() -> None:
    done = batch(Done(200, MESSAGE, 60.0), Done(400, b"{}", 1.0))
    assert ended_at(done, CREATED + 59.0) is None
    assert told(done, 60.0) | {"id": "", "created_at": "", "expires_at": ""} == {
        "id": "",
        "type": "message_batch",
        "processing_status": "ended",
        "request_counts": {"processing": 0, "succeeded": 1, "errored": 1, "canceled": 0, "expired": 0},
        "ended_at": "2024-09-24T18:36:22Z",
        "created_at": "",
        "expires_at": "",
        "archived_at": None,
        "cancel_initiated_at": None,
        "results_url": "http://host/v1/messages/batches/msgbatch_01/results",
    }


def test_a_batch_that_is_cancelled_is_so_at_the_next_look() -> None:
    resource = batch(Done(200, MESSAGE, 60.0), Done(200, MESSAGE, 5.0), cancelled=CREATED + 30.0)
    assert told(resource, 30.0)["processing_status"] == "canceling"
    ended = told(resource, 31.0)
    assert (ended["processing_status"], ended["ended_at"]) == ("ended", "2024-09-24T18:35:52Z")
    assert ended["cancel_initiated_at"] == "2024-09-24T18:35:52Z"
    assert (ended["request_counts"]["canceled"], ended["request_counts"]["succeeded"]) == (1, 1)


def test_a_batch_ends_after_a_day_and_its_results_are_there_for_29() -> None:
    resource = batch(Done(200, MESSAGE, 2.0 * DAY), Done(200, MESSAGE, 5.0))
    ended = told(resource, 1.0 * DAY)
    assert ended["ended_at"] == ended["expires_at"]
    assert (ended["request_counts"]["expired"], ended["request_counts"]["succeeded"]) == (1, 1)
    archived = told(resource, 29.0 * DAY)
    assert (archived["archived_at"], archived["results_url"]) == ("2024-10-23T18:35:22Z", None)


def test_results_are_a_line_for_each_request() -> None:
    resource = batch(
        Done(200, MESSAGE, 1.0),
        Done(400, json.dumps(REFUSED).encode(), 1.0),
        Done(0, MESSAGE[:9], 1.0),
        Done(200, b"[]", 1.0),
        Done(200, MESSAGE, 90.0),
        Done(200, MESSAGE, 2.0 * DAY),
        cancelled=CREATED + 60.0,
    )
    reply = ResourceReply((resource,), CREATED + 61.0)
    asked = ResourceRequest("anthropic-batch-results", "retrieve", "messages/batches", "msgbatch_01")
    lines = anthropic_batch_results.body(reply, asked).split(b"\n")
    assert lines.pop() == b""
    broken = {"type": "error", "error": {"type": "api_error", "message": "Internal server error"}}
    assert [json.loads(line)["result"] for line in lines] == [
        {
            "type": "succeeded",
            "message": {"type": "message", "usage": {"input_tokens": 1, "service_tier": "batch"}},
        },
        {"type": "errored", "error": REFUSED},
        {"type": "errored", "error": broken | {"request_id": "req_011Cmsgbatch010002"}},
        {"type": "errored", "error": broken | {"request_id": "req_011Cmsgbatch010003"}},
        {"type": "canceled"},
        {"type": "canceled"},
    ]
    read = anthropic_batch_results.read([b"\n".join(lines)]).resources
    assert [each.id for each in read] == ["r0", "r1", "r2", "r3", "r4", "r5"]
    assert read[4].raw == {"custom_id": "r4", "result": {"type": "canceled"}}


def test_what_was_told_can_be_read() -> None:
    resource = batch(Done(200, MESSAGE, 1.0))
    for path in ("/v1/messages/batches", "/v1/messages/batches/msgbatch_01"):
        body = anthropic_batches.body(ResourceReply((resource,), CREATED), parse("GET", path))
        (read,) = anthropic_batches.read([body]).resources
        assert (read.id, read.raw["processing_status"]) == ("msgbatch_01", "in_progress")


@pytest.mark.parametrize("path", ["/v1/messages/batches?limit=0", "/v1/messages/batches?limit=many"])
def test_a_limit_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(Failure, match="limit: Input should be"):
        parse("GET", path)
