"""OpenAI's Chat Completions API; the answers themselves are golden pairs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from understudy.errors import Failure
from understudy.events import unfold
from understudy.model import (
    AUTO,
    DEFAULT_SAMPLING,
    PLAIN,
    Audio,
    Citation,
    Delta,
    File,
    HttpRequest,
    Image,
    Message,
    Reasoning,
    Refusal,
    Reply,
    Request,
    ResponseFormat,
    Sampling,
    ServerToolCall,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from understudy.providers import openai_chat
from understudy.providers.openai_chat.parse import TYPES

USER = {"role": "user", "content": "Hi"}
CALL = {"id": "call_1", "type": "function", "function": {"name": "find", "arguments": '{"x":1}'}}
SCHEMA = {"type": "object", "properties": {"x": {"type": "integer"}}}


def parsed(**fields: Any) -> Request:
    body = json.dumps({"model": "gpt-4o", "messages": [USER], **fields}).encode()
    return openai_chat.parse(HttpRequest("POST", "/v1/chat/completions", body=body))


def message(**fields: Any) -> Message:
    return parsed(messages=[fields]).messages[0]


def refused(**fields: Any) -> tuple[str | None, str | None, str]:
    with pytest.raises(Failure) as caught:
        parsed(**fields)
    assert (caught.value.status, caught.value.kind) == (400, "invalid_request")
    return caught.value.param, caught.value.code, caught.value.message


def frames(request: Request, reply: Reply) -> list[dict[str, Any]]:
    encode = openai_chat.encoder(request)
    stream = b"".join(encode(event) for event in unfold(reply)).decode()
    return [json.loads(frame[6:]) for frame in stream.split("\n\n")[:-2]]


def deltas(request: Request, reply: Reply) -> list[dict[str, Any]]:
    return [frame["choices"][0]["delta"] for frame in frames(request, reply)]


# --- parse --------------------------------------------------------------------------------------------


def test_a_plain_request_is_read() -> None:
    request = parsed()
    assert (request.api, request.operation, request.model) == ("openai-chat", "chat", "gpt-4o")
    assert request.messages == (Message("user", (Text("Hi"),)),)
    assert request.raw == {"model": "gpt-4o", "messages": [USER]}
    assert (request.stream, request.choices, request.parallel_tool_calls) == (False, 1, True)
    assert request.tools == ()
    assert (request.tool_choice, request.response_format) == (AUTO, PLAIN)
    assert request.sampling == DEFAULT_SAMPLING


MESSAGES: list[tuple[dict[str, Any], Message]] = [
    ({"role": "developer", "content": "x"}, Message("system", (Text("x"),))),
    ({"role": "system", "content": "x", "name": "n"}, Message("system", (Text("x"),), "n")),
    ({"role": "user", "content": ""}, Message("user", (Text(""),))),
    ({"role": "user"}, Message("user", ())),
    ({"role": "user", "content": None}, Message("user", ())),
    ({"role": "user", "content": []}, Message("user", ())),
    (
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "a"},
                {"type": "image_url", "image_url": {"url": "u", "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "u"}},
                {"type": "input_audio", "input_audio": {"data": "d", "format": "wav"}},
                {"type": "file", "file": {"file_id": "i"}},
                {"type": "file", "file": {"filename": "n", "file_data": "d"}},
            ],
        },
        Message(
            "user",
            (
                Text("a"),
                Image("u", "low"),
                Image("u", "auto"),
                Audio("d", "wav"),
                File("i"),
                File("", "n", "d"),
            ),
        ),
    ),
    (
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
        Message("assistant", (Refusal("no"),)),
    ),
    (
        {"role": "assistant", "content": "x", "refusal": "no", "reasoning_content": "hm"},
        Message("assistant", (Reasoning("hm"), Refusal("no"), Text("x"))),
    ),
    (
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        Message("assistant", (ToolCall("find", '{"x":1}', "call_1"),)),
    ),
    (
        {
            "role": "assistant",
            "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "run", "input": "1+1"}}],
        },
        Message("assistant", (ToolCall("run", "1+1", "c"),)),
    ),
    (
        {"role": "assistant", "function_call": {"name": "find", "arguments": "{}"}},
        Message("assistant", (ToolCall("find", "{}", "find"),)),
    ),
    (
        {"role": "function", "name": "find", "content": "it"},
        Message("tool", (ToolResult("find", "it", "find"),), "find"),
    ),
    (
        {
            "role": "tool",
            "tool_call_id": "c",
            "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
        },
        Message("tool", (ToolResult("c", "a\nb"),)),
    ),
]


@pytest.mark.parametrize(("given", "expected"), MESSAGES)
def test_a_message_is_read(given: dict[str, Any], expected: Message) -> None:
    assert message(**given) == expected


def test_a_tools_result_knows_its_tools_name() -> None:
    request = parsed(
        messages=[
            {"role": "assistant", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": "x"},
        ]
    )
    assert request.messages[1].parts == (ToolResult("call_1", "x", "find"),)


def test_tools_are_read() -> None:
    function = {"name": "find", "description": "Finds.", "parameters": SCHEMA, "strict": True}
    expected = Tool("find", "Finds.", SCHEMA, True)
    assert parsed(tools=[{"type": "function", "function": function}]).tools == (expected,)
    assert parsed(functions=[function]).tools == (expected,)
    assert parsed(tools=[{"type": "custom", "custom": {"name": "run"}}]).tools == (Tool("run", custom=True),)
    assert parsed(tools=None, functions=None).tools == ()


FIND = {"type": "function", "function": {"name": "find"}}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"tool_choice": None}, AUTO),
        ({"tool_choice": "auto"}, AUTO),
        ({"tool_choice": "none"}, ToolChoice("none")),
        ({"tool_choice": "required"}, ToolChoice("required")),
        ({"tool_choice": FIND}, ToolChoice("required", ("find",))),
        ({"tool_choice": {"type": "custom", "custom": {"name": "run"}}}, ToolChoice("required", ("run",))),
        (
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {"mode": "required", "tools": [FIND]},
                }
            },
            ToolChoice("required", ("find",)),
        ),
        (
            {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [FIND]}}},
            ToolChoice("auto", ("find",)),
        ),
        ({"function_call": "none"}, ToolChoice("none")),
        ({"function_call": {"name": "find"}}, ToolChoice("required", ("find",))),
    ],
)
def test_a_tool_choice_is_read(fields: dict[str, Any], expected: ToolChoice) -> None:
    assert parsed(**fields).tool_choice == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, PLAIN),
        ({"type": "text"}, PLAIN),
        ({"type": "json_object"}, ResponseFormat("json_object")),
        (
            {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, "strict": True}},
            ResponseFormat("json_schema", SCHEMA, "n", True),
        ),
        ({"type": "json_schema", "json_schema": {"name": "n"}}, ResponseFormat("json_schema", None, "n")),
    ],
)
def test_a_response_format_is_read(given: Any, expected: ResponseFormat) -> None:
    assert parsed(response_format=given).response_format == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"max_tokens": 5}, Sampling(5)),
        ({"max_completion_tokens": 0}, Sampling(0)),
        ({"max_tokens": -1}, Sampling()),
        ({"max_tokens": 5, "max_completion_tokens": 7}, Sampling(7)),
        ({"stop": "x", "seed": 1, "temperature": 0.5, "top_p": 1}, Sampling(None, ("x",), 1, 0.5, 1)),
        ({"logprobs": True}, Sampling(top_logprobs=0)),
        ({"logprobs": True, "top_logprobs": 20}, Sampling(top_logprobs=20)),
        ({"logprobs": False, "top_logprobs": 2}, Sampling()),
    ],
)
def test_sampling_is_read(fields: dict[str, Any], expected: Sampling) -> None:
    assert parsed(**fields).sampling == expected


def test_everything_else_is_kept_as_it_came() -> None:
    request = parsed(
        stream=True, n=2, parallel_tool_calls=False, metadata={"a": "b"}, store=True, unknown=[1]
    )
    assert (request.stream, request.choices, request.parallel_tool_calls) == (True, 2, False)
    assert (request.raw["metadata"], request.raw["store"], request.raw["unknown"]) == ({"a": "b"}, True, [1])


@pytest.mark.parametrize("key", [key for key in TYPES if key != "messages"])
def test_a_field_may_be_null_and_must_else_be_of_its_type(key: str) -> None:
    parsed(**{key: None})
    param, code, text = refused(**{key: {"a": 1} if TYPES[key][1] != "an object" else "x"})
    assert (param, code) == (key, "invalid_type")
    assert text.startswith(f"Invalid type for '{key}': expected a")


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"messages": None}, "messages", "missing_required_parameter"),
    ({"messages": ["x"]}, "messages[0]", "invalid_type"),
    ({"messages": [{}]}, "messages[0].role", "missing_required_parameter"),
    ({"messages": [{"role": 1}]}, "messages[0].role", "invalid_type"),
    ({"messages": [USER, {"role": "x"}]}, "messages[1].role", "invalid_value"),
    ({"messages": [USER | {"name": 1}]}, "messages[0].name", "invalid_type"),
    ({"messages": [{"role": "user", "content": 1}]}, "messages[0].content", "invalid_type"),
    ({"messages": [{"role": "user", "content": [1]}]}, "messages[0].content[0]", "invalid_type"),
    (
        {"messages": [{"role": "user", "content": [{"text": "x"}]}]},
        "messages[0].content[0].type",
        "missing_required_parameter",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "video"}]}]},
        "messages[0].content[0].type",
        "invalid_value",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "u"}]}]},
        "messages[0].content[0].image_url",
        "invalid_type",
    ),
    (
        {
            "messages": [
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u", "detail": 1}}]}
            ]
        },
        "messages[0].content[0].image_url.detail",
        "invalid_type",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "d"}}]}]},
        "messages[0].content[0].input_audio.format",
        "missing_required_parameter",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": 1}}]}]},
        "messages[0].content[0].file.file_id",
        "invalid_type",
    ),
    (
        {"messages": [{"role": "tool", "content": "x"}]},
        "messages[0].tool_call_id",
        "missing_required_parameter",
    ),
    ({"messages": [{"role": "function", "content": "x"}]}, "messages[0].name", "missing_required_parameter"),
    ({"messages": [{"role": "assistant", "refusal": 1}]}, "messages[0].refusal", "invalid_type"),
    ({"messages": [{"role": "assistant", "tool_calls": {"a": 1}}]}, "messages[0].tool_calls", "invalid_type"),
    ({"messages": [{"role": "assistant", "tool_calls": [1]}]}, "messages[0].tool_calls[0]", "invalid_type"),
    (
        {
            "messages": [
                {"role": "assistant", "tool_calls": [{"type": "function", "function": {"name": "f"}}]}
            ]
        },
        "messages[0].tool_calls[0].function.arguments",
        "missing_required_parameter",
    ),
    (
        {"messages": [{"role": "assistant", "tool_calls": [{k: v for k, v in CALL.items() if k != "id"}]}]},
        "messages[0].tool_calls[0].id",
        "missing_required_parameter",
    ),
    (
        {"messages": [{"role": "assistant", "function_call": "f"}]},
        "messages[0].function_call",
        "invalid_type",
    ),
    ({"tools": [1]}, "tools[0]", "invalid_type"),
    ({"tools": [{"type": "hammer"}]}, "tools[0].type", "invalid_value"),
    ({"tools": [{"type": "function"}]}, "tools[0].function", "missing_required_parameter"),
    (
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": "x"}}]},
        "tools[0].function.parameters",
        "invalid_type",
    ),
    ({"functions": [1]}, "functions[0]", "invalid_type"),
    ({"functions": [{}]}, "functions[0].name", "missing_required_parameter"),
    ({"tool_choice": "maybe"}, "tool_choice", "invalid_value"),
    ({"tool_choice": 1}, "tool_choice", "invalid_type"),
    ({"tool_choice": {"type": "x"}}, "tool_choice.function", "missing_required_parameter"),
    ({"tool_choice": {"type": "function"}}, "tool_choice.function", "missing_required_parameter"),
    (
        {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"tools": 5}}},
        "tool_choice.allowed_tools.tools",
        "invalid_type",
    ),
    ({"response_format": {}}, "response_format.type", "missing_required_parameter"),
    ({"response_format": {"type": "xml"}}, "response_format.type", "invalid_value"),
    (
        {"response_format": {"type": "json_schema"}},
        "response_format.json_schema",
        "missing_required_parameter",
    ),
    (
        {"response_format": {"type": "json_schema", "json_schema": {}}},
        "response_format.json_schema.name",
        "missing_required_parameter",
    ),
    ({"n": 129}, "n", "integer_above_max_value"),
    ({"top_logprobs": -1}, "top_logprobs", "integer_below_min_value"),
    ({"top_logprobs": 10**9}, "top_logprobs", "integer_above_max_value"),
]


@pytest.mark.parametrize(("fields", "param", "code"), REFUSED)
def test_what_cannot_be_understood_is_refused_by_its_name(
    fields: dict[str, Any], param: str, code: str
) -> None:
    assert refused(**fields)[:2] == (param, code)


# --- body and stream ----------------------------------------------------------------------------------

BOTH = (ToolCall("find", '{"x":1}', "a"), ToolCall("find", '{"x":2}', "b"))


def test_parts_of_a_kind_are_joined() -> None:
    reply = Reply((Text("a"), Reasoning("x"), Text("b"), Reasoning("y"), Refusal("no"), Refusal("pe")))
    told = json.loads(openai_chat.body(reply, parsed()))["choices"][0]["message"]
    assert told == {
        "role": "assistant",
        "content": "ab",
        "refusal": "nope",
        "annotations": [],
        "reasoning_content": "xy",
    }


def test_pages_are_cited_in_the_text_that_all_texts_are_joined_to() -> None:
    reply = Reply((Text("One. ", (Citation(file="f"),)), Text("Two.", (Citation("u", "T"),))))
    told = json.loads(openai_chat.body(reply, parsed()))["choices"][0]["message"]
    cited = [
        {
            "type": "url_citation",
            "url_citation": {"end_index": 9, "start_index": 5, "title": "T", "url": "u"},
        }
    ]
    assert (told["content"], told["annotations"]) == ("One. Two.", cited)
    assert deltas(parsed(stream=True), reply)[-1] == {"annotations": cited}


def test_calls_of_the_vendors_own_tools_are_left_out() -> None:
    reply = Reply((ServerToolCall("web_search", "a"), Reasoning(redacted="x"), Text("So.")))
    told = json.loads(openai_chat.body(reply, parsed()))["choices"][0]["message"]
    assert (told["content"], "reasoning_content" in told) == ("So.", False)
    start = {"role": "assistant", "content": "", "refusal": None}
    assert deltas(parsed(stream=True), reply) == [start, {"content": "So"}, {"content": "."}, {}]


def test_what_a_chat_cannot_hold_is_a_bug() -> None:
    with pytest.raises(TypeError, match="cannot hold a part of type Image"):
        openai_chat.body(Reply((Image("u"),)), parsed())


def test_a_call_after_text_starts_in_a_frame_of_its_own() -> None:
    assert deltas(parsed(stream=True), Reply((Text("See"), ToolCall("f", "{}", "a")), "tool_call")) == [
        {"role": "assistant", "content": "", "refusal": None},
        {"content": "See"},
        {
            "tool_calls": [
                {"index": 0, "id": "call_a", "type": "function", "function": {"name": "f", "arguments": ""}}
            ]
        },
        {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]},
        {},
    ]


def test_the_deprecated_way_tells_the_first_call_alone() -> None:
    request = parsed(functions=[{"name": "find"}], stream=True)
    whole = json.loads(openai_chat.body(Reply(BOTH, "tool_call"), request))["choices"][0]
    assert whole["message"]["function_call"] == {"name": "find", "arguments": '{"x":1}'}
    assert whole["finish_reason"] == "function_call"
    told = [
        each["function_call"] for each in deltas(request, Reply(BOTH, "tool_call")) if "function_call" in each
    ]
    assert told[0] == {"name": "find", "arguments": ""}
    assert "".join(each["arguments"] for each in told) == '{"x":1}'


def test_the_deprecated_way_tells_thoughts_and_text_as_well() -> None:
    request = parsed(functions=[{"name": "find"}], stream=True)
    reply = Reply((Reasoning("Hm"), Text("So"), *BOTH), "length")
    assert [next(iter(each), "") for each in deltas(request, reply)][:4] == [
        "role",
        "reasoning_content",
        "content",
        "function_call",
    ]
    assert frames(request, reply)[-1]["choices"][0]["finish_reason"] == "length"
    assert json.loads(openai_chat.body(reply, request))["choices"][0]["finish_reason"] == "length"


def test_a_choice_that_says_nothing_has_a_role_and_an_end() -> None:
    reply = Reply((), "length", others=(Reply((Text("Hi"),)), Reply((), "length")))
    told = [(each["choices"][0]["index"], each["choices"][0]["delta"]) for each in frames(parsed(n=3), reply)]
    start = {"role": "assistant", "content": "", "refusal": None}
    assert told == [(0, start), (0, {}), (1, start), (1, {"content": "Hi"}), (1, {}), (2, start), (2, {})]


def test_a_delta_without_slices_is_no_frame() -> None:
    encode = openai_chat.encoder(parsed(stream=True))
    for event in unfold(Reply((Text("x"),))):
        if isinstance(event, Delta):
            assert encode(Delta(0, ())) == b""
            break
        encode(event)


def test_tool_calls_have_no_logprobs() -> None:
    request = parsed(logprobs=True)
    told = json.loads(openai_chat.body(Reply(BOTH, "tool_call"), request))["choices"][0]["logprobs"]
    assert told == {"content": None, "refusal": None}


def test_tails_are_shared_but_options_are_not() -> None:
    reply = Reply((Text("same words"),))
    plain = frames(parsed(stream=True, stream_options={"include_obfuscation": False}), reply)
    blurred = frames(parsed(stream=True, stream_options={"include_usage": True}), reply)
    assert all("obfuscation" not in frame and "usage" not in frame for frame in plain)
    assert all("obfuscation" in frame and "usage" in frame for frame in blurred)
