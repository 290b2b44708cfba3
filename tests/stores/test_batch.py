"""Batches of exchanges as bytes: what comes back is what was put in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.journal import Exchange
from understudy.model import (
    AnyReply,
    CountReply,
    EmbeddingReply,
    HttpRequest,
    Image,
    ModelInfo,
    ModelsReply,
    Pace,
    Reasoning,
    Refusal,
    Reply,
    Text,
    ToolCall,
    Usage,
)
from understudy.stores.batch import MOST_SHARED, Gathering, unpacked

HTTP = HttpRequest("POST", "/v1/chat/completions?key=***", (b"host", b"localhost"), b'{"a": 1}', "::1")
SAID = Reply(
    (
        Reasoning("hm"),
        Text("It is \N{SUN WITH FACE}."),
        ToolCall("f", '{"a": 1}', "x"),
        Refusal("no"),
        Image("u"),
    ),
    "tool_call",
    Usage(7, 5, 2, 1),
    "abc",
    1_735_689_600,
    0.25,
    "gpt-4o",
    (Reply((Text("another"),), "length"),),
    "cl100k_base",
)


def exchange(number: int = 1, http: HttpRequest = HTTP, reply: AnyReply | None = None) -> Exchange:
    return Exchange(number, 12.5, http, status=200, outcome="complete", reply=reply)


def there_and_back(*exchanges: Exchange) -> list[Exchange]:
    gathering = Gathering("")
    for each in exchanges:
        gathering.add(each)
    return unpacked(gathering.packed())


@pytest.mark.parametrize(
    "reply",
    [
        None,
        SAID,
        Reply(()),
        Reply((Text("one "),), "stop_sequence", stopped_by="two"),
        CountReply(Usage(12), "id", 1, 0.5, "m"),
        EmbeddingReply((b"\x00\x01\xff\x7f", b""), Usage(3), "id", 1, 0.5, "m"),
        ModelsReply((ModelInfo("m", "me", 7, 9),)),
    ],
)
def test_a_reply_of_each_kind_comes_back(reply: AnyReply | None) -> None:
    assert there_and_back(exchange(reply=reply)) == [exchange(reply=reply)]


def test_every_field_comes_back() -> None:
    whole = Exchange(
        9,
        1.5,
        HTTP,
        "openai-chat",
        "gpt-4o",
        "autopilot: hello",
        True,
        429,
        11,
        12,
        13,
        0.5,
        "client left",
        b"\xff data",
        error="an error",
        reply=SAID,
        warning="a warning",
        faults=("cut", "stall"),
        pace=Pace(1.0, 2.0),
    )
    assert there_and_back(whole) == [whole]


def test_headers_bodies_and_parts_are_kept_once() -> None:
    gathering = Gathering("")
    for number in range(1, 101):
        gathering.add(exchange(number, reply=SAID))
    data = gathering.packed()
    assert (
        data.count(b"localhost")
        == data.count(b'{"a": 1}') - 1
        == data.count("\N{SUN WITH FACE}".encode())
        == 1
    )
    assert unpacked(data) == [exchange(number, reply=SAID) for number in range(1, 101)]


def test_equal_parts_of_two_replies_are_not_mistaken_for_others() -> None:
    replies = [Reply((Text(word),)) for word in ("one", "two", "one")]
    found = there_and_back(*[exchange(i + 1, reply=reply) for i, reply in enumerate(replies)])
    assert [each.reply for each in found] == replies


@given(
    st.lists(st.tuples(st.sampled_from([b"a", b"b", b"x" * (MOST_SHARED + 1)]), st.booleans()), max_size=40)
)
def test_shared_bodies_and_headers_come_back_to_the_exchange_that_they_belong_to(
    asked: list[tuple[bytes, bool]],
) -> None:
    exchanges = [
        exchange(number, HttpRequest("GET", "/", (b"host", b"a" if first else b"b"), body))
        for number, (body, first) in enumerate(asked, 1)
    ]
    assert there_and_back(*exchanges) == exchanges


def test_the_lowest_and_the_highest_number_are_known() -> None:
    gathering = Gathering("")
    for number in (5, 3, 8, 4):
        gathering.add(exchange(number))
    assert (gathering.first, gathering.last) == (3, 8)
