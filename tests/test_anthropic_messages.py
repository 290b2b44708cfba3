"""Messages: what a request comes to, and what an answer looks like."""

from __future__ import annotations

import json
from typing import Any

import pytest

from understudy.errors import Failure
from understudy.events import unfold
from understudy.model import (
    AUTO,
    Citation,
    File,
    HttpRequest,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    Reply,
    Request,
    ResponseFormat,
    Sampling,
    ServerToolCall,
    Stop,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from understudy.providers import anthropic_messages as messages

OLD = (b"anthropic-version", b"2023-06-01")
NEW = (b"anthropic-version", b"2026-10-21")
HI = {"role": "user", "content": "Hi"}


def parse(headers: tuple[bytes, ...] = NEW, **fields: Any) -> Request:
    body = {"model": "claude-sonnet-5", "max_tokens": 64, "messages": [HI]} | fields
    sent = {name: value for name, value in body.items() if value is not ...}
    return messages.parse(HttpRequest("POST", "/v1/messages", headers, json.dumps(sent).encode()))


def user(*blocks: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(blocks)}]


# --- requests -----------------------------------------------------------------------------------------


def test_a_request_is_read_whole() -> None:
    request = parse(system="Be kind.", stop_sequences=["END"], stream=True)
    assert (request.api, request.operation, request.model) == (
        "anthropic-messages",
        "chat",
        "claude-sonnet-5",
    )
    assert request.messages == (Message("system", (Text("Be kind."),)), Message("user", (Text("Hi"),)))
    assert request.sampling == Sampling(64, ("END",))
    assert request.stream
    assert (request.tool_choice, request.parallel_tool_calls) == (AUTO, True)


def test_system_may_be_blocks() -> None:
    blocks = [
        {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "b"},
    ]
    assert parse(system=blocks).system == "a\nb"
    assert parse(system="").messages == (Message("user", (Text("Hi"),)),)


@pytest.mark.parametrize(
    ("block", "parts"),
    [
        ({"type": "text", "text": "a"}, (Text("a"),)),
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}},
            (Image("data:image/png;base64,iVBO"),),
        ),
        ({"type": "image", "source": {"type": "url", "url": "https://a/b"}}, (Image("https://a/b"),)),
        ({"type": "image", "source": {"type": "file", "file_id": "file_1"}}, (Image("file_1"),)),
        (
            {"type": "document", "title": "T", "source": {"type": "url", "url": "https://a/b.pdf"}},
            (File("", "T", "https://a/b.pdf"),),
        ),
        (
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Hi"}},
            (File("", "", "data:text/plain;base64,SGk="),),
        ),
        ({"type": "document", "source": {"type": "file", "file_id": "file_1"}}, (File("file_1"),)),
        (
            {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "a"}]}},
            (Text("a"),),
        ),
        (
            {
                "type": "search_result",
                "title": "t",
                "source": "s",
                "content": [{"type": "text", "text": "a"}],
            },
            (Text("t"), Text("a")),
        ),
        ({"type": "thinking", "thinking": "hm", "signature": "x"}, (Reasoning("hm"),)),
        ({"type": "redacted_thinking", "data": "x"}, (Reasoning(redacted="x"),)),
        (
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "a"}},
            (ServerToolCall("web_search", "a", id="s"),),
        ),
        (
            {"type": "server_tool_use", "id": "s", "name": "web_search"},
            (ServerToolCall("web_search", id="s"),),
        ),
        ({"type": "server_tool_use", "id": "s", "name": "advisor", "input": {}}, ()),
        ({"type": "container_upload", "file_id": "f"}, ()),
        (
            {"type": "mcp_tool_use", "id": "m", "name": "f", "server_name": "s", "input": {"a": 1}},
            (ServerToolCall("mcp", '{"a":1}', id="m", name="f", server="s"),),
        ),
        (
            {"type": "mcp_tool_use", "id": "m", "name": "f"},
            (ServerToolCall("mcp", "{}", id="m", name="f"),),
        ),
        ({"type": "web_search_tool_result", "tool_use_id": "s", "content": []}, ()),
    ],
    ids=lambda value: str(value)[:50],
)
def test_a_block_is_read(block: dict[str, Any], parts: tuple[Part, ...]) -> None:
    assert parse(messages=user(block)).messages == (Message("user", parts),)


def test_results_of_tools_are_messages_of_their_own_before_what_the_user_says() -> None:
    call = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": "it"}}
    result = {
        "type": "tool_result",
        "tool_use_id": "toolu_1",
        "content": [
            {"type": "text", "text": "a"},
            {"type": "image", "source": {"type": "url", "url": "https://a/b"}},
            {"type": "text", "text": "b"},
        ],
    }
    told = parse(
        messages=[
            HI,
            {"role": "assistant", "content": [call]},
            *user(result, {"type": "tool_result", "tool_use_id": "toolu_2"}, {"type": "text", "text": "So?"}),
        ]
    )
    assert told.messages[1:] == (
        Message("assistant", (ToolCall("look", '{"at":"it"}', "toolu_1"),)),
        Message("tool", (ToolResult("toolu_1", "a\nb", "look"),)),
        Message("tool", (ToolResult("toolu_2", ""),)),
        Message("user", (Image("https://a/b"), Text("So?"))),
    )


def test_tools_that_the_vendor_runs_are_not_offered_to_the_client() -> None:
    schema = {"type": "object"}
    told = parse(
        tools=[
            {"name": "find", "description": "Finds.", "input_schema": schema, "strict": True},
            {"type": "web_search_20250305", "name": "web_search"},
            {"type": "bash_20250124", "name": "bash"},
            {"type": "custom", "name": "other", "input_schema": schema},
        ]
    )
    assert told.tools == (Tool("find", "Finds.", schema, True), Tool("bash"), Tool("other", "", schema))


@pytest.mark.parametrize(
    ("choice", "expected", "several"),
    [
        ({"type": "auto"}, ToolChoice("auto"), True),
        ({"type": "any", "disable_parallel_tool_use": True}, ToolChoice("required"), False),
        ({"type": "tool", "name": "find"}, ToolChoice("required", ("find",)), True),
        ({"type": "none"}, ToolChoice("none"), True),
    ],
)
def test_a_tool_choice_is_read(choice: dict[str, Any], expected: ToolChoice, several: bool) -> None:
    told = parse(tool_choice=choice)
    assert (told.tool_choice, told.parallel_tool_calls) == (expected, several)


@pytest.mark.parametrize("fields", ["output_config", "output_format"])
def test_a_schema_for_the_answer_is_read(fields: str) -> None:
    told = {"type": "json_schema", "schema": {"type": "object"}}
    given: Any = {fields: {"format": told} if fields == "output_config" else told}
    request = parse(**given)
    assert request.response_format == ResponseFormat("json_schema", {"type": "object"}, "", True)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model": ...}, "model: Field required"),
        ({"model": 7}, "model: Input should be a valid string"),
        ({"max_tokens": ...}, "max_tokens: Field required"),
        ({"max_tokens": "9"}, "max_tokens: Input should be a valid integer"),
        ({"max_tokens": -1}, "max_tokens: Input should be greater than or equal to 0"),
        ({"messages": ...}, "messages: Field required"),
        ({"messages": "Hi"}, "messages: Input should be a valid list"),
        ({"messages": ["Hi"]}, "messages.0: Input should be a valid dictionary"),
        ({"messages": [{"content": "Hi"}]}, "messages.0.role: Field required"),
        ({"messages": [{"role": "user"}]}, "messages.0.content: Field required"),
        (
            {"messages": [{"role": "tool", "content": ""}]},
            'messages: Unexpected role "tool". Allowed roles are "user" or "assistant"',
        ),
        ({"messages": user({"type": "text"})}, "messages.0.content.0.text.text: Field required"),
        ({"messages": user({"text": "a"})}, "messages.0.content.0.type: Field required"),
        ({"tools": [{"name": "find"}]}, "tools.0.custom.input_schema: Field required"),
        ({"tool_choice": "auto"}, "tool_choice: Input should be a valid dictionary"),
        ({"stop_sequences": [7]}, "stop_sequences.0: Input should be a valid string"),
        ({"output_format": {"type": "text"}}, "output_format.type: Input should be 'json_schema'"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_understood_is_refused_with_its_place(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(Failure) as caught:
        parse(**fields)
    assert (caught.value.status, caught.value.kind, caught.value.message) == (400, "invalid_request", message)


@pytest.mark.parametrize(
    "fields", [{"messages": user({"type": "video"})}, {"tool_choice": {"type": "some"}}], ids=str
)
def test_a_type_that_there_is_not_is_refused_with_those_that_there_are(fields: dict[str, Any]) -> None:
    with pytest.raises(Failure, match="does not match any of the expected tags: '"):
        parse(**fields)


@pytest.mark.parametrize(
    ("body", "message"),
    [(b"{", "The request body is not valid JSON: "), (b"[]", "Input should be a valid dictionary")],
)
def test_a_body_that_is_no_object_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(Failure) as caught:
        messages.parse(HttpRequest("POST", "/v1/messages", NEW, body))
    assert caught.value.message.startswith(message)


def test_the_version_is_told_where_it_makes_a_difference() -> None:
    assert parse(NEW).version == ""
    assert parse(NEW, temperature=1.0).version == "2026-10-21"
    assert parse(OLD, top_k=1).version == "2023-06-01"
    assert parse((), top_p=0.5).version == "2023-06-01"


def test_a_system_message_among_the_others_is_for_the_newer_version() -> None:
    told = [HI, {"role": "assistant", "content": "Hello"}, {"role": "system", "content": "Short."}, HI]
    assert parse(NEW, messages=told).system == "Short."
    with pytest.raises(Failure, match=r'^messages: Unexpected role "system"'):
        parse(OLD, messages=told)


def test_the_older_version_may_say_how_to_sample() -> None:
    assert list(messages.complaints(parse(OLD, model="claude-haiku-4-5", temperature=0.5))) == []
    assert [each.message for each in messages.complaints(parse(NEW, temperature=0.5, top_k=1))] == [
        "temperature: Extra inputs are not permitted",
        "top_k: Extra inputs are not permitted",
    ]


def test_a_thread_is_refused_so_that_the_sdk_goes_on_without_it() -> None:
    with pytest.raises(Failure, match="keeps no threads") as caught:
        parse(thread={"type": "create"})
    assert caught.value.code == "thread_unsupported_request"


def test_a_final_assistant_message_may_be_empty() -> None:
    prefilled = [HI, {"role": "assistant", "content": ""}]
    assert list(messages.complaints(parse(messages=prefilled))) == []


def test_several_calls_without_results_are_all_named() -> None:
    calls = [{"type": "tool_use", "id": f"toolu_{n}", "name": "f", "input": {}} for n in (1, 2, 3)]
    answered = user({"type": "tool_result", "tool_use_id": "toolu_2"})
    told = parse(messages=[HI, {"role": "assistant", "content": calls}, *answered])
    [complaint] = messages.complaints(told)
    assert complaint.message.startswith(
        "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: "
        "toolu_1, toolu_3."
    )


# --- answers ------------------------------------------------------------------------------------------


def body(reply: Reply) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(messages.body(reply, parse()))
    return told


def test_a_text_without_citations_has_no_key_for_them() -> None:
    assert body(Reply((Text("Hi"),)))["content"] == [{"type": "text", "text": "Hi"}]


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        ("end", "end_turn"),
        ("length", "max_tokens"),
        ("stop_sequence", "stop_sequence"),
        ("tool_call", "tool_use"),
        ("content_filter", "refusal"),
    ],
)
def test_each_stop_has_its_reason(stop: Stop, reason: str) -> None:
    assert body(Reply((Text("Hi"),), stop))["stop_reason"] == reason


def test_a_refusal_is_told_beside_the_content() -> None:
    told = body(Reply((Text("I "), Refusal("No."))))
    assert told["content"] == [{"type": "text", "text": "I "}]
    assert (told["stop_reason"], told["stop_details"]) == (
        "refusal",
        {"type": "refusal", "category": None, "explanation": "No."},
    )


def test_arguments_that_are_no_object_stay_the_text_that_they_are() -> None:
    for arguments in ('{"city": "Par', '"{}"', "[]"):
        reply = Reply((ToolCall("f", arguments, "x"),), "tool_call")
        assert body(reply)["content"][0]["input"] == arguments
        assert messages.read([messages.body(reply, parse())]).parts == reply.parts


def test_a_part_that_no_message_holds_is_our_mistake() -> None:
    with pytest.raises(TypeError, match="a message cannot hold a part of type Image"):
        body(Reply((Image("u"),)))


def test_the_same_thoughts_have_the_same_signature() -> None:
    first, second, other = (body(Reply((Reasoning(text),)))["content"][0] for text in ("a", "a", "b"))
    assert first["signature"] == second["signature"] != other["signature"]


def test_a_ping_comes_once_right_after_the_first_block_starts() -> None:
    encode = messages.encoder(parse())
    reply = Reply((Text("a"), Text("b")))
    told = b"".join(encode(event) for event in unfold(reply)).decode()
    names = [line.removeprefix("event: ") for line in told.split("\n") if line.startswith("event: ")]
    block = ["content_block_start", "content_block_delta", "content_block_stop"]
    assert names == ["message_start", block[0], "ping", *block[1:], *block, "message_delta", "message_stop"]


def test_a_stream_that_ends_early_is_read_as_far_as_it_goes() -> None:
    encode = messages.encoder(parse())
    reply = Reply((ToolCall("f", '{"a": 1}', "x"), Text("b")), id="i", model="m")
    events = [encode(event) for event in unfold(reply)]
    assert messages.read(events[:3]).parts == (ToolCall("f", '{"a":1}', "x"),)
    assert messages.read(events[:2]).parts == (ToolCall("f", "{}", "x"),)


@pytest.mark.parametrize("arguments", ['{"city": "Par', '"{}"'])
def test_arguments_that_are_no_object_are_read_from_a_stream_too(arguments: str) -> None:
    encode = messages.encoder(parse())
    reply = Reply((ToolCall("f", arguments, "x"),), "tool_call", id="i", model="m")
    assert messages.read([encode(event) for event in unfold(reply)]).parts == reply.parts


def test_a_delta_that_no_part_knows_is_passed_over() -> None:
    encode = messages.encoder(parse())
    events = [encode(event) for event in unfold(Reply((Text("a"),), id="i", model="m"))]
    delta = {"type": "compaction_delta", "content": "a"}
    told = {"type": "content_block_delta", "index": 0, "delta": delta}
    events.insert(2, f"event: content_block_delta\ndata: {json.dumps(told)}\n\n".encode())
    assert messages.read(events).parts == (Text("a"),)


USE = {"type": "server_tool_use", "id": "s", "name": "web_fetch", "input": {"url": "u"}}
MCP = {"type": "mcp_tool_use", "id": "s", "name": "f", "server_name": "w", "input": {}}


@pytest.mark.parametrize(
    ("use", "kind", "told", "result", "error"),
    [
        (USE, "web_search_tool_result", {"content": [{"url": "u", "title": "t"}]},
         '{"results":[{"url":"u","title":"t"}]}', ""),
        (USE, "web_fetch_tool_result", {"content": {"content": {"title": "t", "source": {"data": "d"}}}},
         '{"title":"t","text":"d"}', ""),
        (USE, "web_fetch_tool_result", {"content": {"content": {"source": 1}}}, "", ""),
        (USE, "web_fetch_tool_result", {"content": 1}, "", ""),
        (USE, "web_fetch_tool_result", {"content": {"error_code": "unavailable"}}, "", "unavailable"),
        (USE, "bash_code_execution_tool_result", {"content": {"stdout": "a", "return_code": 1}},
         '{"stdout":"a","exit_code":1}', ""),
        (USE, "code_execution_tool_result", {"content": 1}, "", ""),
        (USE, "advisor_tool_result", {"content": []}, "", ""),
        (MCP, "mcp_tool_result", {"content": "a", "is_error": False}, '{"output":"a"}', ""),
        (MCP, "mcp_tool_result", {"content": "no", "is_error": True}, "", "no"),
        (MCP, "mcp_tool_result", {"content": [{"type": "text", "text": "no"}], "is_error": True}, "", "no"),
    ],
)  # fmt: skip
def test_what_came_of_a_call_belongs_to_it(
    use: dict[str, Any], kind: str, told: dict[str, Any], result: str, error: str
) -> None:
    blocks = [use, {"type": kind, "tool_use_id": "s", **told}, {"type": "text", "text": "So."}]
    asked = parse(messages=[HI, {"role": "assistant", "content": blocks}])
    call, said = asked.messages[-1].parts
    assert isinstance(call, ServerToolCall)
    assert (call.result, call.error, said) == (result, error, Text("So."))


def test_a_result_without_its_call_says_nothing() -> None:
    result = {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}
    asked = parse(messages=[HI, {"role": "assistant", "content": [result]}])
    assert asked.messages[-1].parts == ()


def test_a_servers_tool_has_the_input_that_was_written() -> None:
    for wrote, input in (("[1]", "[1]"), ("{", "{"), ('{"a":1}', {"a": 1})):
        call = ServerToolCall("mcp", wrote, id="m", name="f", server="w")
        use, _ = body(Reply((call,), id="i", model="m"))["content"]
        assert use["input"] == input


def test_citations_of_files_and_of_unknown_kinds_are_left_out() -> None:
    (block,) = body(Reply((Text("A.", (Citation(file="f"),)),), id="i", model="m"))["content"]
    assert block == {"type": "text", "text": "A."}
    told = body(Reply((Text("a"),), id="i", model="m"))
    told["content"][0]["citations"] = [
        {"type": "search_result_location", "cited_text": "a"},
        {"type": "web_search_result_location", "cited_text": None, "url": "u", "title": None},
    ]
    assert messages.read([json.dumps(told).encode()]).parts == (Text("a", (Citation("u"),)),)


def test_a_quote_that_has_no_place_is_at_the_start() -> None:
    text = Text("A.", (Citation(document=1, quote="abc"),))
    (block,) = body(Reply((text,), id="i", model="m"))["content"]
    (told,) = block["citations"]
    assert (told["start_char_index"], told["end_char_index"], told["document_title"]) == (0, 3, None)


def test_blocks_that_there_is_no_part_for_are_passed_over() -> None:
    told = body(Reply((Text("a"),), id="i", model="m"))
    told["content"].append({"type": "container_upload", "file_id": "x"})
    assert messages.read([json.dumps(told).encode()]).parts == (Text("a"),)
