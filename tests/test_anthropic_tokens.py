"""Anthropic's count of tokens."""

from __future__ import annotations

import json

import pytest

from understudy.errors import Failure
from understudy.model import CountReply, HttpRequest, Message, Text, Tool, Usage
from understudy.providers import anthropic_tokens as tokens


def test_what_a_message_would_cost_is_asked_without_a_limit_for_the_answer() -> None:
    tool = {"name": "find", "input_schema": {"type": "object"}}
    body = {"model": "claude-sonnet-5", "messages": [{"role": "user", "content": "Hi"}], "tools": [tool]}
    asked = tokens.parse(HttpRequest("POST", "/v1/messages/count_tokens", body=json.dumps(body).encode()))
    assert (asked.api, asked.operation, asked.model) == ("anthropic-tokens", "count", "claude-sonnet-5")
    assert asked.request.messages == (Message("user", (Text("Hi"),)),)
    assert asked.request.tools == (Tool("find", "", {"type": "object"}),)
    assert list(tokens.complaints(asked)) == []
    assert tokens.body(CountReply(Usage(12)), asked) == b'{"input_tokens":12}'


def test_what_cannot_be_read_is_not_counted() -> None:
    with pytest.raises(Failure, match=r"^messages: Field required"):
        tokens.parse(HttpRequest("POST", "/v1/messages/count_tokens", body=b'{"model": "m"}'))
