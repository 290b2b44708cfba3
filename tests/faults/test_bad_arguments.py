"""BadArguments: what becomes of a reply. What a client makes of it: tests/test_faults_live.py."""

from __future__ import annotations

import pytest
from answers import FIRST_DRAWN, PLACE, STREAM, WHOLE, struck

from understudy.faults import read_fault
from understudy.model import Reply, Step, Text, ToolCall

PARIS = '{"city":"Paris"}'


def altered(fault: object, reply: Reply) -> Reply:
    return read_fault(fault, PLACE).alter(reply, FIRST_DRAWN)


@pytest.mark.parametrize(
    ("fault", "arguments"),
    [
        ("bad_arguments", '{"city":'),
        ({"bad_arguments": {"how": "cut"}}, '{"city":'),
        ({"bad_arguments": {"after": "90%"}}, '{"city":"Paris'),
        ({"bad_arguments": {"after": 1}}, "{"),
        ({"bad_arguments": {"after": 0}}, ""),
        ({"bad_arguments": {"how": "twice"}}, '"{\\"city\\":\\"Paris\\"}"'),
    ],
)
def test_the_arguments_are_cut_or_encoded_twice(fault: object, arguments: str) -> None:
    reply = Reply((Text("Let me see."), ToolCall("get_weather", PARIS, "7")), "tool_call")
    spoiled = ToolCall("get_weather", arguments, "7")
    assert altered(fault, reply) == Reply((Text("Let me see."), spoiled), "tool_call")


def test_every_call_of_every_choice_is_spoiled() -> None:
    reply = Reply((ToolCall("a"), ToolCall("b")), others=(Reply((ToolCall("c"),)),))
    assert altered("bad_arguments", reply) == Reply(
        (ToolCall("a", "{"), ToolCall("b", "{")), others=(Reply((ToolCall("c", "{"),)),)
    )


def test_no_half_of_a_character_is_left() -> None:
    reply = Reply((ToolCall("a", '"ü"'),))
    assert altered({"bad_arguments": {"after": 2}}, reply) == Reply((ToolCall("a", '"'),))


def test_a_reply_without_calls_is_the_same() -> None:
    reply = Reply((Text("Hello"),), others=(Reply((Text("Hi"),)),))
    assert altered("bad_arguments", reply) is reply


@pytest.mark.parametrize("answer", [WHOLE, STREAM])
def test_the_steps_stay_as_they_are(answer: list[Step]) -> None:
    assert struck("bad_arguments", answer) == answer
