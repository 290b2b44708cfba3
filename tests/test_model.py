"""The nouns: what a request and a message say of themselves."""

from __future__ import annotations

from understudy.model import HttpRequest, Image, Message, Reasoning, Request, Text, ToolCall, ToolResult


def request(*messages: Message) -> Request:
    return Request("openai-chat", "chat", "gpt-4o", messages, {})


TALK = request(
    Message("system", (Text("Be brief."),)),
    Message("user", (Text("One"),)),
    Message("assistant", (Text("Two"), ToolCall("f"))),
    Message("tool", (ToolResult("1", "Three"),)),
    Message("system", (Text("Be kind."),)),
    Message("user", (Text("Four"), Image("https://example.com/"), Text("Five"))),
    Message("assistant", ()),
)


def test_the_user_is_who_spoke_last_as_such() -> None:
    assert TALK.user == "Four\nFive"
    assert request().user == ""
    assert request(TALK.messages[0]).user == ""


def test_the_system_texts_are_one() -> None:
    assert TALK.system == "Be brief.\nBe kind."
    assert request().system == ""


def test_a_turn_is_an_answer_from_one() -> None:
    assert [request(*TALK.messages[:number]).turn for number in range(8)] == [1, 1, 1, 2, 2, 2, 2, 3]


def test_a_message_says_its_texts_and_results_alone() -> None:
    parts = (Reasoning("hm"), Text("a"), ToolCall("f"), ToolResult("1", "b"), Image("c"))
    assert Message("user", parts).text == "a\nb"
    assert Message("tool", (ToolResult("1", "b"),)).text == "b"
    assert Message("user", ()).text == ""


def test_a_header_is_the_first_of_its_name() -> None:
    http = HttpRequest("GET", "/a%20b?c=%20&d", (b"x", b"1", b"y", b"x", b"x", b"2"))
    assert (http.header(b"x"), http.header(b"y"), http.header(b"1")) == ("1", "x", None)
    assert (http.path, http.query) == ("/a b", "c=%20&d")
