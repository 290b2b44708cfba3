"""UnknownTool: what becomes of a reply. What a client makes of it: tests/test_faults_live.py."""

from __future__ import annotations

import pytest
from answers import FIRST_DRAWN, PLACE

from understudy.errors import SettingsError
from understudy.faults import read_fault
from understudy.model import Reply, Text, ToolCall


def altered(fault: object, reply: Reply) -> Reply:
    return read_fault(fault, PLACE).alter(reply, FIRST_DRAWN)


@pytest.mark.parametrize(
    ("fault", "name"),
    [("unknown_tool", "no_such_tool"), ({"unknown_tool": {"name": "get_wether"}}, "get_wether")],
)
def test_every_call_names_the_tool_and_keeps_its_arguments(fault: object, name: str) -> None:
    reply = Reply((Text("So"), ToolCall("a", '{"x":1}', "7")), others=(Reply((ToolCall("b"),)),))
    assert altered(fault, reply) == Reply(
        (Text("So"), ToolCall(name, '{"x":1}', "7")), others=(Reply((ToolCall(name),)),)
    )


def test_a_reply_without_calls_is_the_same() -> None:
    reply = Reply((Text("Hello"),))
    assert altered("unknown_tool", reply) is reply


@pytest.mark.parametrize("name", ["", 3])
def test_a_tool_has_a_name(name: object) -> None:
    with pytest.raises(SettingsError, match=r"unknown_tool\.name: expected a name, found"):
        read_fault({"unknown_tool": {"name": name}}, PLACE)
