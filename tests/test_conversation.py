"""The conversation as a failing test's report tells it."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from understudy import Understudy, error, tool_call
from understudy.conversation import MOST_EXCHANGES, MOST_TEXT

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}


def asked(llm: Understudy, *messages: dict[str, Any], **more: Any) -> None:
    with httpx2.Client(transport=llm.transport()) as client:
        body = {"model": "gpt-4o", "messages": messages, **more}
        client.post("http://localhost/v1/chat/completions", json=body)


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def lines(llm: Understudy) -> list[str]:
    return llm.conversation().splitlines()


def test_where_nothing_was_asked_it_says_so() -> None:
    assert Understudy().conversation() == "The server saw no request."


def test_a_request_is_told_with_its_answer_and_what_answered() -> None:
    llm = Understudy()
    llm.when().reply(
        ["Let me look.", tool_call("get_weather", city="Paris"), tool_call("f", '{"x": ')], name="w"
    )
    asked(
        llm,
        {"role": "system", "content": "Be\nbrief."},
        user("Paris?"),
        tools=[{"type": "function", "function": {"name": "get_weather"}}],
        stream=True,
    )
    assert lines(llm) == [
        "#1 POST /v1/chat/completions (gpt-4o, streamed)",
        "   system: Be brief.",
        "   user: Paris?",
        "   tools: get_weather",
        "   -> 200 by w",
        "      Let me look.",
        "      get_weather(city='Paris')",
        '      f({"x": )',
    ]


def test_a_tool_that_the_vendor_ran_is_told() -> None:
    llm = Understudy()
    mcp = {"mcp": {"server": "s", "name": "ask", "arguments": {"a": 1}}}
    llm.when().reply([{"web_search": "weather"}, mcp, "Sunny."], name="w")
    asked(llm, user("?"))
    assert lines(llm)[3:] == ["      Sunny.", "      web_search: weather", '      ask: {"a":1}']
    assert [type(part).__name__ for part in llm.requests[-1].parts] == [
        "ServerToolCall",
        "ServerToolCall",
        "Text",
    ]


def test_of_a_long_conversation_what_is_new_is_told() -> None:
    llm = Understudy()
    llm.when().reply("Done.", name="w")
    asked(llm, user("First?"), {"role": "assistant", "content": "Yes."}, user("Then?"), user([IMAGE]))
    assert lines(llm)[1:3] == ["   user: Then?", "   user: (image)"]


def test_an_error_and_a_fault_are_told() -> None:
    llm = Understudy()
    llm.when().reply(error("overloaded", "Come back."), name="w")
    asked(llm, user("?"))
    assert lines(llm)[2:] == ["   -> 503 by w, with the fault error", "      Come back."]


def test_an_answer_that_was_cut_is_told_as_such() -> None:
    llm = Understudy()
    llm.when().reply("Never.", faults=[{"hang": {"seconds": 0}}], name="w")
    with pytest.raises(httpx2.RemoteProtocolError):
        asked(llm, user("?"))
    assert lines(llm)[2:] == ["   -> no answer by w, with the fault hang, cut"]


def test_a_warning_is_told() -> None:
    llm = Understudy(validation="warn")
    llm.when().reply("Well.", name="w")
    asked(llm, user("?"), temperature=3)
    assert lines(llm)[4].startswith("      warning: 400 ")


def test_where_the_autopilot_answered_it_tells_why_rules_did_not() -> None:
    llm = Understudy()
    llm.when(user="paris").reply("Sunny.", name="spent", times=1)
    llm.when(user="rome").reply("Rainy.", name="other")
    asked(llm, user("Paris?"))
    asked(llm, user("Paris?"))
    assert [line for line in lines(llm) if "not by" in line] == [
        "      not by spent: it has answered once, as often as it may",
        "      not by other: user: expected a text that contains 'rome', found 'Paris?'",
    ]


def test_long_texts_and_many_requests_are_cut() -> None:
    llm = Understudy()
    llm.when().reply("y" * 5_000)
    for number in range(MOST_EXCHANGES + 5):
        asked(llm, user(f"{number} {'x' * 5_000}"))
    told = lines(llm)
    assert told[0] == "(5 earlier ones are left out)"
    assert told[1].startswith("#6 POST")
    assert max(map(len, told)) < MOST_TEXT + 50
