"""Anthropic's prompt caching as the official SDK sees it: over a real socket, on the mock's clock.

A word of four letters is a token, so that a text of n words has n tokens, a message costs 4 more.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from urllib.request import Request, urlopen

import anthropic
import pytest
from anthropic import Anthropic, AsyncAnthropic

from understudy import Understudy, error

MODEL = "claude-sonnet-5"
MARK = {"type": "ephemeral"}
AN_HOUR = {"type": "ephemeral", "ttl": "1h"}


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
    with made(server, "one") as client:
        yield client


def made(server: Understudy, key: str) -> Anthropic:
    return Anthropic(base_url=server.url, api_key=key, max_retries=0, _strict_response_validation=True)


def words(count: int, word: str = "word") -> str:
    return " ".join([word] * count)


def text(count: int, word: str = "word", mark: dict[str, str] | None = None) -> dict[str, Any]:
    block = {"type": "text", "text": words(count, word)}
    return block | ({"cache_control": mark} if mark else {})


def user(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def ask(client: Anthropic, *messages: dict[str, Any], **more: Any) -> anthropic.types.Usage:
    given: dict[str, Any] = {"model": MODEL, "max_tokens": 64, "messages": messages or [user(text(1))]}
    message: anthropic.types.Message = client.messages.create(**given | more)
    return message.usage


def told(usage: Any) -> tuple[int, int, int]:
    """Tokens read, written and neither."""
    return usage.cache_read_input_tokens, usage.cache_creation_input_tokens, usage.input_tokens


def kept(count: int = 1_100, word: str = "word", mark: dict[str, str] = MARK) -> dict[str, Any]:
    """A system prompt that is to be kept."""
    return {"system": [text(count, word, mark)]}


def test_what_was_written_is_read(llm: Understudy, client: Anthropic) -> None:
    first, second = ask(client, **kept()), ask(client, **kept())
    assert told(first) == (0, 1_104, 8)
    assert first.cache_creation is not None
    assert first.cache_creation.model_dump() == {
        "ephemeral_5m_input_tokens": 1_104,
        "ephemeral_1h_input_tokens": 0,
    }
    assert told(second) == (1_104, 0, 8)


def test_another_question_reads_the_same_beginning(llm: Understudy, client: Anthropic) -> None:
    ask(client, **kept())
    assert told(ask(client, user(text(20, "what")), **kept())) == (1_104, 0, 27)


def test_a_changed_system_prompt_is_written_anew(llm: Understudy, client: Anthropic) -> None:
    ask(client, **kept())
    assert told(ask(client, **kept(word="idea"))) == (0, 1_104, 8)


def test_five_minutes_after_its_last_use_a_prefix_is_gone(llm: Understudy, client: Anthropic) -> None:
    ask(client, **kept())
    llm.advance(290)
    assert told(ask(client, **kept())) == (1_104, 0, 8)
    llm.advance(290)
    assert told(ask(client, **kept())) == (1_104, 0, 8)
    llm.advance(301)
    assert told(ask(client, **kept())) == (0, 1_104, 8)


def test_an_hour_lasts_an_hour(llm: Understudy, client: Anthropic) -> None:
    first = ask(client, **kept(mark=AN_HOUR))
    assert first.cache_creation is not None
    assert first.cache_creation.model_dump() == {
        "ephemeral_5m_input_tokens": 0,
        "ephemeral_1h_input_tokens": 1_104,
    }
    llm.advance(3_590)
    assert told(ask(client, **kept(mark=AN_HOUR))) == (1_104, 0, 8)
    llm.advance(3_601)
    assert told(ask(client, **kept(mark=AN_HOUR))) == (0, 1_104, 8)


def test_the_control_api_moves_the_clock_and_forgets(llm: Understudy, client: Anthropic) -> None:
    def call(path: str, **body: Any) -> None:
        asked = Request(f"{llm.url}/_understudy/{path}", json.dumps(body).encode(), method="POST")
        with urlopen(asked) as answer:
            assert answer.status == 200

    ask(client, **kept())
    call("clock", advance=301)
    assert told(ask(client, **kept())) == (0, 1_104, 8)
    call("reset")
    assert told(ask(client, **kept())) == (0, 1_104, 8)


def test_a_conversation_with_a_mark_of_its_own_writes_what_is_new(llm: Understudy, client: Anthropic) -> None:
    first = [user(text(1_100))]
    second = [*first, {"role": "assistant", "content": words(50)}, user(text(30))]
    assert told(ask(client, *first, cache_control=MARK)) == (0, 1_104, 3)
    assert told(ask(client, *second, cache_control=MARK)) == (1_104, 88, 3)
    assert told(ask(client, *second, user(text(10)), cache_control=MARK)) == (1_192, 14, 3)


def test_more_than_twenty_blocks_behind_the_mark_nothing_is_found(llm: Understudy, client: Anthropic) -> None:
    start = text(1_100, mark=MARK)
    assert told(ask(client, user(start)))[:2] == (0, 1_104)
    plain = text(1_100)
    near = [text(1, mark=MARK if at == 18 else None) for at in range(19)]
    assert told(ask(client, user(plain, *near)))[:2] == (1_104, 19)
    llm.reset()
    ask(client, user(start))
    far = [text(1, "far", mark=MARK if at == 19 else None) for at in range(20)]
    assert told(ask(client, user(plain, *far)))[:2] == (0, 1_124)


@pytest.mark.parametrize(
    ("model", "least"),
    [
        ("claude-opus-5", 512),
        ("claude-sonnet-5", 1_024),
        ("claude-opus-4-7", 2_048),
        ("claude-haiku-4-5", 4_096),
    ],
)
def test_a_prompt_that_is_too_short_is_not_kept(
    llm: Understudy, client: Anthropic, model: str, least: int
) -> None:
    short = ask(client, model=model, **kept(least - 5))
    assert told(short) == (0, 0, least - 1 + 8)
    assert told(ask(client, model=model, **kept(least - 4))) == (0, least, 8)


def test_each_key_and_each_model_has_a_cache_of_its_own(llm: Understudy, client: Anthropic) -> None:
    ask(client, **kept())
    assert told(ask(client, model="claude-opus-5", **kept())) == (0, 1_104, 8)
    with made(llm, "two") as other:
        assert told(ask(other, **kept())) == (0, 1_104, 8)


def test_a_forced_tool_changes_what_comes_after_the_system_prompt(llm: Understudy, client: Anthropic) -> None:
    tool = {"name": "look", "input_schema": {"type": "object", "properties": {}}}
    asked = {**kept(), "tools": [tool], "cache_control": MARK}
    first = ask(client, user(text(40)), **asked)
    assert told(ask(client, user(text(40)), **asked))[:2] == (first.cache_creation_input_tokens, 0)
    forced = ask(client, user(text(40)), **asked, tool_choice={"type": "any"})
    assert told(forced) == (first.cache_creation_input_tokens - 44, 44, 3)  # type: ignore[operator]


def test_a_warm_up_without_an_answer_fills_the_cache(llm: Understudy, client: Anthropic) -> None:
    message = client.messages.create(
        model=MODEL,
        max_tokens=0,
        system=kept()["system"],
        messages=[{"role": "user", "content": "warm"}],
    )
    assert (message.content, message.stop_reason) == ([], "max_tokens")
    assert told(message.usage) == (0, 1_104, 8)
    assert told(ask(client, **kept())) == (1_104, 0, 8)


def test_a_stream_tells_it_first_and_last(llm: Understudy, client: Anthropic) -> None:
    ask(client, **kept())
    given: Any = {"model": MODEL, "max_tokens": 64, "messages": [user(text(1))], **kept()}
    with client.messages.stream(**given) as stream:
        events = list(stream)
        assert told(stream.get_final_message().usage) == (1_104, 0, 8)
    usages = [
        event.message.usage if event.type == "message_start" else event.usage
        for event in events
        if event.type in ("message_start", "message_delta")
    ]
    assert [told(usage) for usage in usages] == [(1_104, 0, 8)] * 2


def test_the_asynchronous_client_sees_the_same(llm: Understudy) -> None:
    async def twice() -> list[tuple[int, int, int]]:
        async with AsyncAnthropic(base_url=llm.url, api_key="one", max_retries=0) as client:
            given: Any = {"model": MODEL, "max_tokens": 64, "messages": [user(text(1))], **kept()}
            return [told((await client.messages.create(**given)).usage) for _ in range(2)]

    assert asyncio.run(twice()) == [(0, 1_104, 8), (1_104, 0, 8)]


def test_a_count_of_tokens_neither_reads_nor_writes(llm: Understudy, client: Anthropic) -> None:
    given: Any = {"model": MODEL, "messages": [user(text(1))], **kept()}
    assert client.messages.count_tokens(**given).input_tokens == 1_112
    assert told(ask(client, **kept())) == (0, 1_104, 8)
    assert client.messages.count_tokens(**given).input_tokens == 1_112


def test_what_was_refused_is_not_kept(llm: Understudy, client: Anthropic) -> None:
    llm.when().reply(error("overloaded"), "Here I am.")
    with pytest.raises(anthropic.InternalServerError):
        ask(client, **kept())
    assert told(ask(client, **kept())) == (0, 1_104, 8)


def test_what_a_fault_stands_in_for_is_not_kept(llm: Understudy, client: Anthropic) -> None:
    def put(*faults: dict[str, Any]) -> None:
        asked = Request(f"{llm.url}/_understudy/faults", json.dumps(faults).encode(), method="PUT")
        with urlopen(asked) as answer:
            assert answer.status == 200

    ask(client, **kept())
    llm.advance(200)
    put({"fault": {"error": "server"}})
    with pytest.raises(anthropic.InternalServerError):
        ask(client, **kept())
    put()
    llm.advance(200)
    assert told(ask(client, **kept())) == (0, 1_104, 8)


def test_a_rule_says_its_own_figures(llm: Understudy, client: Anthropic) -> None:
    usage = {"input": 100, "output": 5, "cached": 60, "written": 30, "written_1h": 10}
    llm.when().reply({"text": "Hello.", "usage": usage})
    found = ask(client, **kept())
    assert told(found) == (60, 30, 10)
    assert found.cache_creation is not None
    assert found.cache_creation.ephemeral_1h_input_tokens == 10


def test_what_is_read_from_the_cache_takes_no_tokens_from_a_limit(llm: Understudy, client: Anthropic) -> None:
    limits = json.dumps({"tokens": "10000/h", "per": "key"}).encode()
    with urlopen(Request(f"{llm.url}/_understudy/limits", limits, method="PUT")) as answer:
        assert answer.status == 200
    given: Any = {"model": MODEL, "max_tokens": 5, "messages": [user(text(1))], **kept()}
    left = [
        int(client.messages.with_raw_response.create(**given).headers["anthropic-ratelimit-tokens-remaining"])
        for _ in range(2)
    ]
    assert left == [8_888, 8_880]


def test_the_journal_tells_what_was_read_and_written(llm: Understudy, client: Anthropic) -> None:
    ask(client, **kept())
    ask(client, **kept())
    assert [(one.usage.cached, one.usage.written) for one in llm.requests] == [(0, 1_104), (1_104, 0)]
