"""An answer that is given again is filled in, and is the same as if it were encoded again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from understudy.forms import Form, form_of
from understudy.model import AnyReply, EmbeddingReply, Reply, Text, ToolCall, Usage

FIRST = Reply((Text("hi"), ToolCall("f", "{}", "first1call")), id="firstid22", created=1_700_000_003)
SECOND = Reply((Text("hi"), ToolCall("f", "{}", "Qw34")), id="OTHER9id", created=1_812_345_678, seconds=2.5)


def form(encode: Callable[[Any], bytes], reply: AnyReply = FIRST) -> Form | None:
    return form_of(encode(reply), reply, encode)


def call(reply: Reply) -> str:
    part = reply.parts[1]
    assert isinstance(part, ToolCall)
    return part.id


def object_of(reply: Reply) -> bytes:
    told = {
        "id": f"chatcmpl-{reply.id}",
        "created": reply.created,
        "item": f"msg_{reply.id}00",
        "call": f"call_{call(reply)}",
        "done": reply.created,
    }
    return json.dumps(told).encode()


def test_an_id_and_a_time_are_filled_in_wherever_they_are() -> None:
    found = form(object_of)
    assert found is not None
    assert found.filled(SECOND) == (
        b'{"id": "chatcmpl-OTHER9id", "created": 1812345678, "item": "msg_OTHER9id00", '
        b'"call": "call_Qw34", "done": 1812345678}'
    )


def test_an_answer_without_a_time_or_an_id_has_a_form() -> None:
    found = form(lambda reply: b'{"input_tokens":5}')
    assert found is not None
    assert found.filled(SECOND) == b'{"input_tokens":5}'


def test_what_is_no_text_has_a_form() -> None:
    vectors = EmbeddingReply((bytes(4),), Usage(3), "firstid22", 1_700_000_003)
    found = form(lambda reply: b"[1]," + reply.id.encode(), vectors)
    assert found is not None
    assert found.filled(replace(vectors, id="b")) == b"[1],b"


@pytest.mark.parametrize(
    "encode",
    [
        lambda reply: f"{reply.id} and firstid22 as a text".encode(),
        lambda reply: f"{reply.created} and 1700000003 as a text".encode(),
        lambda reply: f"{call(reply)} and first1call as a text".encode(),
        lambda reply: reply.id[:4].encode(),
        lambda reply: reply.id[-4:].encode(),
        lambda reply: b"%d" % (reply.created + 3_600),
        lambda reply: b"%d" % (reply.created // 86_400),
        lambda reply: b"%.3f s" % reply.seconds,
        lambda reply: b"RIFF\0\0" + reply.id.encode(),
    ],
    ids=[
        "a text that holds the id",
        "a text that holds the time",
        "a text that holds a call's id",
        "the start of the id",
        "the end of the id",
        "a time later",
        "a day",
        "how long it took",
        "no JSON",
    ],
)
def test_what_differs_in_more_than_blanks_has_no_form(encode: Callable[[Reply], bytes]) -> None:
    assert form(encode) is None


def test_ids_that_are_the_same_by_chance_have_no_form() -> None:
    assert form(object_of, replace(FIRST, id=call(FIRST))) is None
    assert form(object_of, replace(FIRST, id="3", parts=(Text("hi"), ToolCall("f", "{}", "33")))) is None


def test_more_ids_than_there_are_blanks_have_no_form() -> None:
    def written(reply: Reply) -> bytes:
        return reply.id.encode()

    calls = tuple([ToolCall("f", "{}", f"call{number}id") for number in range(8)])
    assert form(written, replace(FIRST, parts=calls[:7])) is not None
    assert form(written, replace(FIRST, parts=calls)) is None


def test_no_id_has_no_form() -> None:
    assert form(lambda reply: b"[]", replace(FIRST, id="")) is None


PLACES: list[Callable[[Reply], str]] = [
    lambda reply: reply.id,
    lambda reply: f"{reply.created}",
    call,
    lambda reply: "firstid22",
    lambda reply: "1700000003",
    lambda reply: "first1call",
    lambda reply: reply.id[1:6],
    lambda reply: f"{reply.created + 60}",
    lambda reply: "0",
    lambda reply: '","',
]


@given(st.lists(st.sampled_from(PLACES), max_size=8), st.text("abzAZ019", min_size=1), st.integers(0, 2**33))
def test_what_is_filled_in_is_what_would_be_encoded(
    places: list[Callable[[Reply], str]], id: str, created: int
) -> None:
    def encode(reply: Reply) -> bytes:
        return "".join([place(reply) for place in places]).encode()

    found = form(encode)
    other = replace(SECOND, id=id, created=created)
    assert found is None or found.filled(other) == encode(other)
