"""What of a prompt `cache_control` asks to keep, and what makes two prefixes the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from understudy.model import Caching, HttpRequest
from understudy.providers import anthropic_messages, anthropic_tokens
from understudy.providers.anthropic_messages.prefixes import least
from understudy.tokens import ESTIMATE
from understudy.usage import REPLY, input_tokens, prefixes

MARK = {"cache_control": {"type": "ephemeral"}}
AN_HOUR = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
HI = {"type": "text", "text": "Hi"}
TOOL = {"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": "it", "by": "me"}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "It."}]}
IMAGE = {"type": "image", "source": {"type": "url", "url": "https://a/b"}}
SEARCH = {"type": "web_search_20250305", "name": "web_search"}


def parsed(**fields: Any) -> Any:
    body = {"model": "claude-sonnet-5", "max_tokens": 64, "messages": said(HI | MARK)} | fields
    return anthropic_messages.parse(HttpRequest("POST", "/v1/messages", (), json.dumps(body).encode()))


def said(*blocks: Any, role: str = "user") -> list[Any]:
    return [{"role": role, "content": list(blocks)}]


def caching(**fields: Any) -> Caching:
    told: Caching | None = parsed(**fields).caching
    assert told is not None
    return told


def marks(**fields: Any) -> list[int]:
    """How long each prefix is to be kept."""
    return [prefix.ttl_s for prefix in caching(**fields).prefixes]


def digests(**fields: Any) -> list[bytes]:
    return [prefix.digest for prefix in caching(**fields).prefixes]


def places(**fields: Any) -> list[int]:
    return [prefix.place for prefix in caching(**fields).prefixes]


@pytest.mark.parametrize(
    "fields",
    [{"messages": said(HI)}, {"messages": said(HI | {"cache_control": None})}, {"cache_control": None}],
    ids=str,
)
def test_who_asks_for_nothing_gets_nothing(fields: dict[str, Any]) -> None:
    assert parsed(**{"messages": said(HI)} | fields).caching is None


def test_tools_come_first_then_the_system_prompt_then_the_messages() -> None:
    told = marks(
        messages=said(HI, HI | MARK) + said(HI, role="assistant") + said(HI),
        system=[HI | AN_HOUR, HI],
        tools=[TOOL, TOOL | AN_HOUR],
    )
    assert told == [0, 3_600, 3_600, 0, 0, 300, 0, 0]


@pytest.mark.parametrize(
    ("last", "at"),
    [
        (HI, 1),
        ({"type": "thinking", "thinking": "Hm.", "signature": "x"}, 0),
        ({"type": "text", "text": ""}, 0),
    ],
    ids=str,
)
def test_the_mark_of_the_request_falls_on_the_last_block_that_can_take_one(last: Any, at: int) -> None:
    told = marks(messages=said(HI, last), cache_control={"type": "ephemeral", "ttl": "1h"})
    assert told == [3_600 if place == at else 0 for place in range(2)]


def test_the_mark_of_the_request_changes_nothing_where_there_is_one() -> None:
    assert marks(messages=said(HI | MARK), cache_control={"type": "ephemeral"}) == [300]
    only = said({"type": "text", "text": ""})
    assert parsed(messages=only, cache_control={"type": "ephemeral"}).caching is None


def test_the_prefixes_of_a_prompt_are_counted_up_to_its_whole() -> None:
    request = parsed(
        tools=[TOOL, TOOL, SEARCH],
        system="Be short.",
        messages=[
            {"role": "user", "content": "Look at it."},
            *said(HI, CALL, CALL | {"id": "toolu_2"}, role="assistant"),
            *said(RESULT, RESULT | {"tool_use_id": "toolu_2"}, HI, IMAGE | MARK),
        ],
    )
    counted = prefixes(request.caching.prefixes, ESTIMATE)
    assert counted == sorted(counted)
    assert counted[-1] + REPLY == input_tokens(request, ESTIMATE)


def test_a_text_alone_is_the_same_as_one_in_a_block() -> None:
    alone = digests(
        system="Hm.", messages=[{"role": "user", "content": "Hi"}], cache_control={"type": "ephemeral"}
    )
    assert alone == digests(system=[{"type": "text", "text": "Hm."}])


def test_where_the_marks_are_makes_no_difference() -> None:
    nested = RESULT | {"content": [{"type": "text", "text": "It."} | MARK]}
    both = said(CALL, role="assistant") + said(RESULT | MARK)
    assert digests(messages=both) == digests(messages=said(CALL | MARK, role="assistant") + said(nested))


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ({"tools": [TOOL | {"description": "Looks at it."}]}, ""),
        ({"system": "Be long."}, "t"),
        ({"speed": "fast"}, "t"),
        ({"tools": [TOOL, SEARCH]}, "t"),
        ({"output_config": {"format": {"type": "json_schema", "schema": {}}}}, "t"),
        ({"tool_choice": {"type": "any"}}, "ts"),
        ({"thinking": {"type": "adaptive"}}, "ts"),
        ({"output_config": {"effort": "low"}}, "ts"),
        ({"messages": said(HI, HI | MARK, IMAGE)}, "ts"),
        ({"messages": said({"type": "text", "text": "Hello"}, HI | MARK)}, "ts"),
        ({"messages": said(HI, HI | MARK, role="assistant")}, "ts"),
        ({"max_tokens": 65, "stop_sequences": ["x"], "stream": True}, "tsm"),
    ],
    ids=str,
)
def test_a_change_changes_what_comes_after_it(changed: dict[str, Any], same: str) -> None:
    plain: dict[str, Any] = {"tools": [TOOL], "system": "Be short.", "messages": said(HI, HI | MARK)}
    before, after = digests(**plain), digests(**plain | changed)
    more = len((plain | changed)["tools"]) - 1
    assert (before[0] == after[0], before[1] == after[1 + more], before[2] == after[2 + more]) == (
        "t" in same,
        "s" in same,
        "m" in same,
    )


def test_a_document_that_is_cited_changes_the_system_prompt() -> None:
    plain = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Hi"}}
    cited = plain | {"citations": {"enabled": True}}
    asked = {"system": "Be short.", "cache_control": {"type": "ephemeral"}}
    assert digests(messages=said(HI, plain), **asked)[0] != digests(messages=said(HI, cited), **asked)[0]
    off = plain | {"citations": {"enabled": False}}
    assert digests(messages=said(HI, plain), **asked)[:2] == digests(messages=said(HI, off), **asked)[:2]


def test_the_order_of_a_calls_arguments_matters() -> None:
    turned = CALL | {"input": {"by": "me", "at": "it"}}
    one, other = (
        digests(messages=said(each, role="assistant") + said(RESULT | MARK)) for each in (CALL, turned)
    )
    assert one[0] != other[0]


def test_calls_in_a_row_and_results_in_a_row_are_one_place() -> None:
    told = places(
        messages=said(HI)
        + said(HI, CALL, CALL | {"id": "toolu_2"}, role="assistant")
        + said(RESULT, RESULT | {"tool_use_id": "toolu_2"}, HI | MARK)
    )
    assert told == [1, 2, 3, 3, 4, 4, 5]


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("claude-opus-5", 512),
        ("claude-fable-5-1", 512),
        ("claude-opus-4-8", 1_024),
        ("claude-sonnet-5", 1_024),
        ("claude-sonnet-4-5-20250929", 1_024),
        ("claude-opus-4-20250514", 1_024),
        ("mock-claude-sonnet-4", 1_024),
        ("anything", 1_024),
        ("claude-opus-4-7", 2_048),
        ("claude-mythos-preview", 2_048),
        ("claude-3-5-haiku-20241022", 2_048),
        ("claude-opus-4-6", 4_096),
        ("claude-opus-4-5-20251101", 4_096),
        ("claude-haiku-4-5", 4_096),
    ],
)
def test_models_keep_no_less_than(model: str, tokens: int) -> None:
    assert least(model) == tokens
    assert caching(model=model).least == tokens


def test_a_count_of_tokens_caches_nothing() -> None:
    body = {"model": "claude-sonnet-5", "messages": said(HI | MARK)}
    http = HttpRequest("POST", "/v1/messages/count_tokens", (), json.dumps(body).encode())
    assert anthropic_tokens.parse(http).request.caching is None
