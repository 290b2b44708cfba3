"""Responses: what is read of a request, what is echoed, how items are told.

Sources of the expected values: `openai` 3.54's types, and the recorded answers that the package names.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.responses.response_create_params import ResponseCreateParamsStreaming

from understudy.errors import Failure
from understudy.events import unfold
from understudy.model import (
    AUTO,
    Audio,
    Begin,
    Broken,
    Citation,
    File,
    HttpRequest,
    Image,
    Message,
    Part,
    PartStart,
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
    Usage,
)
from understudy.providers import openai_responses as responses
from understudy.providers.base import Check
from understudy.providers.openai_responses import tokens
from understudy.providers.openai_responses.echo import strictly
from understudy.providers.openai_responses.fields import KNOWN, distance

FUNCTION = {"type": "function", "name": "find", "parameters": {"type": "object", "properties": {}}}
CUSTOM = {"type": "custom", "name": "run"}
CALL = {"type": "function_call", "call_id": "call_1", "name": "find", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "call_1", "output": "it"}
USER = {"role": "user", "content": "Hi"}


def parsed(body: dict[str, Any]) -> Request:
    return responses.parse(HttpRequest("POST", "/v1/responses", body=json.dumps(body).encode()))


def parse(**fields: Any) -> Request:
    return parsed({"model": "gpt-4o", "input": "Hi", **fields})


def refused_body(body: dict[str, Any]) -> Failure:
    with pytest.raises(Failure) as caught:
        parsed(body)
    return caught.value


def refused(**fields: Any) -> tuple[str | None, str]:
    found = refused_body({"model": "gpt-4o", "input": "Hi", **fields})
    return found.param, found.message


def complaints(**fields: Any) -> list[str]:
    return [found.message for found in responses.complaints(parse(**fields))]


def answer(reply: Reply, **fields: Any) -> Any:
    return json.loads(responses.body(reply, parse(**fields)))


def streamed(reply: Reply, **fields: Any) -> list[Any]:
    encode = responses.encoder(parse(stream=True, **fields))
    stream = b"".join(encode(event) for event in unfold(reply)).decode()
    return [json.loads(line.removeprefix("data: ")) for line in stream.split("\n") if line.startswith("data")]


# --- requests -----------------------------------------------------------------------------------------


def test_instructions_come_before_the_input() -> None:
    asked = parse(instructions="Be brief.", input="Hello", stream=True)
    assert asked.messages == (Message("system", (Text("Be brief."),)), Message("user", (Text("Hello"),)))
    assert (asked.api, asked.operation, asked.stream) == ("openai-responses", "chat", True)


def test_what_an_assistant_said_in_a_row_is_one_turn() -> None:
    thought = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm"}]}
    said = {"role": "assistant", "content": [{"type": "output_text", "text": "Let me look."}]}
    other = {**CALL, "call_id": "call_2", "type": "custom_tool_call", "name": "run", "input": "ls"}
    output = {"type": "custom_tool_call_output", "call_id": "call_2", "output": "a.txt"}
    asked = parse(input=[USER, thought, said, CALL, other, RESULT, output])
    assert asked.messages == (
        Message("user", (Text("Hi"),)),
        Message(
            "assistant",
            (
                Reasoning("Hm"),
                Text("Let me look."),
                ToolCall("find", "{}", "call_1"),
                ToolCall("run", "ls", "call_2"),
            ),
        ),
        Message("tool", (ToolResult("call_1", "it", "find"),)),
        Message("tool", (ToolResult("call_2", "a.txt", "run"),)),
    )
    assert asked.turn == 2


def test_contents_of_all_types_are_read() -> None:
    content = [
        {"type": "input_text", "text": "Look"},
        {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "low"},
        {"type": "input_image", "file_id": "file-1"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="},
        {"type": "input_file", "file_url": "https://example.com/a.pdf"},
        {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
        {"type": "refusal", "refusal": "No."},
        {"type": "encrypted_content", "encrypted_content": "gAAAA"},
    ]
    asked = parse(input=[{"role": "developer", "content": content}])
    assert asked.messages == (
        Message(
            "system",
            (
                Text("Look"),
                Image("https://example.com/a.png", "low"),
                Image("file-1"),
                File("", "a.pdf", "data:application/pdf;base64,aGk="),
                File("", "", "https://example.com/a.pdf"),
                Audio("aGk=", "wav"),
                Refusal("No."),
                Text(""),
            ),
        ),
    )


def test_a_result_may_be_told_in_parts() -> None:
    output = [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]
    asked = parse(input=[CALL, {**RESULT, "output": output}])
    assert asked.messages[-1] == Message("tool", (ToolResult("call_1", "a\nb", "find"),))


HOSTED_ITEMS: list[tuple[dict[str, Any], ServerToolCall]] = [
    (
        {"type": "web_search_call", "action": {"type": "search", "queries": ["a", "b"], "query": "a"}},
        ServerToolCall("web_search", "a\nb"),
    ),
    (
        {
            "type": "web_search_call",
            "action": {"type": "search", "query": "a", "sources": [{"type": "url", "url": "u"}]},
        },
        ServerToolCall("web_search", "a", '{"results":[{"url":"u"}]}'),
    ),
    (
        {"type": "web_search_call", "action": {"type": "find_in_page", "url": "u", "pattern": "p"}},
        ServerToolCall("web_fetch", "u"),
    ),
    ({"type": "web_search_call", "action": 1}, ServerToolCall("web_search", "")),
    (
        {"type": "file_search_call", "queries": ["a"], "results": [{"file_id": "f", "score": None}]},
        ServerToolCall("file_search", "a", '{"results":[{"file":"f"}]}'),
    ),
    ({"type": "file_search_call", "queries": 1, "results": 1}, ServerToolCall("file_search")),
    (
        {
            "type": "code_interpreter_call",
            "code": "a",
            "outputs": [{"type": "logs", "logs": "b"}, {"type": "image", "url": "u"}],
        },
        ServerToolCall("code_execution", "a", '{"stdout":"b","images":["u"]}'),
    ),
    ({"type": "code_interpreter_call", "outputs": None}, ServerToolCall("code_execution")),
    (
        {"type": "image_generation_call", "result": "aGk=", "revised_prompt": "a", "size": None},
        ServerToolCall("image_generation", "a", '{"image":"aGk="}'),
    ),
    ({"type": "image_generation_call", "result": None}, ServerToolCall("image_generation")),
    (
        {"type": "mcp_call", "server_label": "s", "name": "f", "arguments": "{}", "error": "no"},
        ServerToolCall("mcp", "{}", "", "no", "", "f", "s"),
    ),
    (
        {"type": "mcp_call", "error": {"type": "http_error", "code": 500, "message": "no"}, "output": "a"},
        ServerToolCall("mcp", "", '{"output":"a"}', "no"),
    ),
    ({"type": "mcp_call", "error": None}, ServerToolCall("mcp")),
    (
        {"type": "mcp_list_tools", "server_label": "s", "tools": [{"name": "f", "input_schema": {}}]},
        ServerToolCall("mcp_tools", "", '{"tools":[{"name":"f","schema":{}}]}', server="s"),
    ),
    (
        {"type": "mcp_approval_request", "arguments": "{}", "name": "f", "server_label": "s"},
        ServerToolCall("mcp_approval", "{}", name="f", server="s"),
    ),
]


@pytest.mark.parametrize(("item", "call"), HOSTED_ITEMS, ids=lambda value: str(value)[:60])
def test_calls_of_tools_that_the_api_ran_are_what_was_said(
    item: dict[str, Any], call: ServerToolCall
) -> None:
    asked = parse(input=[USER, item, {"role": "assistant", "content": "So."}])
    assert asked.messages == (
        Message("user", (Text("Hi"),)),
        Message("assistant", (call, Text("So."))),
    )


def test_what_a_shell_of_the_apis_printed_is_no_clients_result() -> None:
    here = {"type": "container_reference", "container_id": "c"}
    call = {"type": "shell_call", "call_id": "c1", "action": {"commands": ["ls", "pwd"]}, "environment": here}
    printed = [
        {"stdout": "a", "stderr": "", "outcome": {"type": "exit", "exit_code": 3}},
        {"stdout": "b", "stderr": "c", "outcome": {"type": "timeout"}},
    ]
    asked = parse(input=[USER, call, {"type": "shell_call_output", "call_id": "c1", "output": printed}])
    assert asked.messages[1:] == (
        Message(
            "assistant",
            (
                ServerToolCall("shell", "ls\npwd", id="c1"),
                ServerToolCall("shell", "", '{"stdout":"ab","stderr":"c","exit_code":3}', id="c1"),
            ),
        ),
    )


CLIENT_ITEMS: list[tuple[dict[str, Any], dict[str, Any], tuple[Part, ...], tuple[Part, ...]]] = [
    (
        {"type": "computer_call", "call_id": "c", "action": {"type": "wait"}},
        {
            "type": "computer_call_output",
            "call_id": "c",
            "output": {"image_url": "data:image/png;base64,aGk="},
        },
        (ToolCall("computer", '{"type":"wait"}', "c"),),
        (ToolResult("c", "", "computer"), Image("data:image/png;base64,aGk=")),
    ),
    (
        {"type": "computer_call", "call_id": "c", "actions": [{"type": "wait"}]},
        {"type": "computer_call_output", "call_id": "c", "output": 1},
        (ToolCall("computer", '{"actions":[{"type":"wait"}]}', "c"),),
        (ToolResult("c", "", "computer"),),
    ),
    (
        {
            "type": "local_shell_call",
            "call_id": "c",
            "action": {"type": "exec", "command": ["ls"], "user": None},
        },
        {"type": "local_shell_call_output", "id": "c", "output": "a.txt"},
        (ToolCall("local_shell", '{"type":"exec","command":["ls"]}', "c"),),
        (ToolResult("c", "a.txt", "local_shell"),),
    ),
    (
        {"type": "shell_call", "call_id": "c", "action": {"commands": ["ls"]}},
        {"type": "shell_call_output", "call_id": "c", "output": [{"stdout": "a", "stderr": "b"}]},
        (ToolCall("shell", '{"commands":["ls"]}', "c"),),
        (ToolResult("c", "a\nb", "shell"),),
    ),
    (
        {"type": "apply_patch_call", "call_id": "c", "operation": {"type": "delete_file", "path": "a"}},
        {"type": "apply_patch_call_output", "call_id": "c", "status": "completed"},
        (ToolCall("apply_patch", '{"type":"delete_file","path":"a"}', "c"),),
        (ToolResult("c", "", "apply_patch"),),
    ),
    (
        {"type": "local_shell_call", "action": 1},
        {"type": "local_shell_call_output", "id": 1},
        (ToolCall("local_shell", "{}", ""),),
        (ToolResult("", "", "local_shell"),),
    ),
    (
        {"type": "mcp_approval_request", "id": "r", "arguments": "{}", "name": "f", "server_label": "s"},
        {"type": "mcp_approval_response", "approval_request_id": "r", "approve": False, "reason": "no"},
        (ServerToolCall("mcp_approval", "{}", name="f", server="s"),),
        (ToolResult("r", "denied: no", "mcp_approval"),),
    ),
    (
        {"type": "mcp_approval_request"},
        {"type": "mcp_approval_response", "approval_request_id": 1, "approve": True},
        (ServerToolCall("mcp_approval"),),
        (ToolResult("", "approved", "mcp_approval"),),
    ),
]


@pytest.mark.parametrize(("item", "result", "call", "given"), CLIENT_ITEMS, ids=lambda value: str(value)[:50])
def test_the_apis_tools_that_a_client_runs_are_calls_with_results(
    item: dict[str, Any], result: dict[str, Any], call: tuple[Part, ...], given: tuple[Part, ...]
) -> None:
    asked = parse(input=[USER, item, result])
    assert asked.messages[1:] == (Message("assistant", call), Message("tool", given))


def test_a_thought_that_is_not_shown_is_kept_as_it_is() -> None:
    asked = parse(input=[USER, {"type": "reasoning", "summary": [], "encrypted_content": "gAAAA"}])
    assert asked.messages[1] == Message("assistant", (Reasoning(redacted="gAAAA"),))


def output_of(*parts: Part, stop: Stop = "end", **fields: Any) -> list[Any]:
    reply = Reply(parts, stop, id="abc", created=1, model="gpt-4o")
    told: list[Any] = json.loads(responses.body(reply, parse(**fields)))["output"]
    return told


def test_a_call_that_stops_before_it_has_run_is_incomplete() -> None:
    (item,) = output_of(ServerToolCall("shell", "ls", id="c"), stop="pause")
    assert (item["type"], item["status"]) == ("shell_call", "incomplete")
    (item,) = output_of(ServerToolCall("image_generation", "a dot"), stop="length")
    assert (item["type"], item["status"]) == ("image_generation_call", "generating")
    stream = responses.encoder(parse(stream=True))
    reply = Reply((ServerToolCall("web_search", "a"),), "pause", id="abc", model="gpt-4o")
    told = b"".join(stream(event) for event in unfold(reply)).decode()
    assert "web_search_call.in_progress" in told
    assert "web_search_call.completed" not in told


def test_a_call_that_failed_says_so() -> None:
    for kind in ("web_search", "file_search", "code_execution", "image_generation"):
        (item,) = output_of(ServerToolCall(kind, "a", error="no"))
        assert item["status"] == "failed"
    item, printed = output_of(ServerToolCall("shell", "ls", error="timeout", id="c"))
    assert (item["status"], printed["output"][0]["outcome"]) == ("completed", {"type": "timeout"})
    (code,) = output_of(
        ServerToolCall("code_execution", "a", error="no"), include=["code_interpreter_call.outputs"]
    )
    assert code["outputs"] == [{"type": "logs", "logs": "no"}]


def test_a_container_is_the_requests_or_the_answers_own() -> None:
    for tool, container in (
        ({"type": "code_interpreter", "container": "cntr_1"}, "cntr_1"),
        ({"type": "code_interpreter", "container": {"type": "auto"}}, "cntr_abc"),
        ({"type": "shell", "environment": {"type": "container_reference", "container_id": "c"}}, "c"),
    ):
        (item,) = output_of(ServerToolCall("code_execution", "a"), tools=[tool])
        assert item["container_id"] == container


def test_partial_images_are_as_many_as_are_asked_for() -> None:
    call = ServerToolCall("image_generation", "a dot", '{"partials":["aA==","aQ=="],"image":"ag=="}')
    for asked, count in ((None, 0), (1, 1), (3, 2), ("many", 0)):
        stream = responses.encoder(parse(tools=[{"type": "image_generation", "partial_images": asked}]))
        told = b"".join(stream(event) for event in unfold(Reply((call,), id="abc", model="m")))
        assert told.count(b"event: response.image_generation_call.partial_image\n") == count


def test_a_documents_citation_is_left_out() -> None:
    source = Citation(document=0, quote="a")
    (item,) = output_of(Text("A.", (source, Citation("u"))))
    (told,) = item["content"][0]["annotations"]
    assert (told["url"], told["start_index"], told["end_index"]) == ("u", 0, 2)


def test_a_call_whose_arguments_are_no_object_is_a_functions() -> None:
    for arguments in ("{", "[]"):
        (item,) = output_of(ToolCall("computer", arguments, "c"), tools=[{"type": "computer"}])
        assert (item["type"], item["arguments"]) == ("function_call", arguments)
    (item,) = output_of(ToolCall("computer", "{}", "c"))
    assert item["type"] == "function_call"
    (item,) = output_of(ToolCall("computer", '{"actions":[]}', "c"), tools=[{"type": "computer"}])
    assert item["actions"] == []


def test_commands_of_a_clients_shell_are_told_one_by_one() -> None:
    call = ToolCall("shell", '{"commands":["ls",1]}', "c")
    stream = responses.encoder(
        parse(tools=[{"type": "shell"}], stream_options={"include_obfuscation": False})
    )
    told = b"".join(stream(event) for event in unfold(Reply((call,), "tool_call", id="abc", model="m")))
    data = [json.loads(line[6:]) for line in told.splitlines() if line.startswith(b"data: ")]
    commands = [each for each in data if "shell_call_command" in each["type"]]
    for each in commands:
        del each["sequence_number"]
    assert commands == [
        {"type": "response.shell_call_command.added", "command": "", "command_index": 0, "output_index": 0},
        {"type": "response.shell_call_command.delta", "command_index": 0, "delta": "ls", "output_index": 0},
        {"type": "response.shell_call_command.done", "command": "ls", "command_index": 0, "output_index": 0},
    ]
    (item,) = output_of(ToolCall("shell", '{"commands":1}', "c"), tools=[{"type": "shell"}])
    assert item["action"]["commands"] == 1
    told = b"".join(stream(event) for event in unfold(Reply((ToolCall("shell", '{"commands":1}'),), id="a")))
    assert b"shell_call_command" not in told


def test_thoughts_without_words_and_items_that_are_named_say_nothing() -> None:
    items = [USER, {"type": "item_reference", "id": "ws_1"}, {"type": "reasoning", "summary": []}]
    assert parse(input=items).messages[0] == Message("user", (Text("Hi"),))
    assert [part for message in parse(input=items).messages[1:] for part in message.parts] == []


def test_tools_that_the_api_would_run_are_not_offered() -> None:
    asked = parse(tools=[FUNCTION, {**CUSTOM, "description": "Runs."}, {"type": "web_search"}])
    assert asked.tools == (
        Tool("find", "", {"type": "object", "properties": {}}),
        Tool("run", "Runs.", custom=True),
    )


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, AUTO),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("required")),
        ({"type": "function", "name": "find"}, ToolChoice("required", ("find",))),
        ({"type": "custom", "name": "run"}, ToolChoice("required", ("run",))),
        ({"type": "web_search"}, AUTO),
        ({"type": "allowed_tools", "mode": "auto", "tools": [FUNCTION]}, ToolChoice("auto", ("find",))),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [FUNCTION, {"type": "web_search"}]},
            ToolChoice("required", ("find",)),
        ),
    ],
)
def test_a_tool_is_chosen_in_any_form(choice: Any, expected: ToolChoice) -> None:
    assert parse(tools=[FUNCTION, CUSTOM], tool_choice=choice).tool_choice == expected


def test_where_nothing_can_be_called_nothing_must_be() -> None:
    assert parse(tools=[{"type": "web_search"}], tool_choice="required").tool_choice == AUTO


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ({}, ResponseFormat()),
        ({"verbosity": "low"}, ResponseFormat()),
        ({"format": {"type": "json_object"}}, ResponseFormat("json_object")),
        (
            {"format": {"type": "json_schema", "name": "x", "schema": {"type": "object"}, "strict": True}},
            ResponseFormat("json_schema", {"type": "object"}, "x", True),
        ),
    ],
)
def test_the_format_of_the_text_is_read(text: Any, expected: ResponseFormat) -> None:
    assert parse(text=text).response_format == expected


def test_sampling_is_read() -> None:
    asked = parse(temperature=0.5, top_p=0.9, max_output_tokens=99, parallel_tool_calls=False)
    assert asked.sampling == Sampling(99, temperature=0.5, top_p=0.9)
    assert asked.parallel_tool_calls is False
    included = parse(include=["message.output_text.logprobs"], top_logprobs=3, max_output_tokens=-1)
    assert included.sampling == Sampling(None, top_logprobs=3)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": [{"type": "function_call", "name": "find", "arguments": "{}"}]}, "input[0].call_id"),
        ({"input": [{"type": "function_call_output", "call_id": "c"}]}, "input[0].output"),
        ({"input": [{"type": "reasoning", "summary": ["Hm"]}]}, "input[0].summary[0]"),
        ({"input": [{"type": 7}]}, "input[0]"),
        ({"input": [{"role": 7, "content": "Hi"}]}, "input[0]"),
        ({"input": [{"role": "user", "content": 7}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": ["Hi"]}]}, "input[0].content[0]"),
        ({"input": [{"role": "user", "content": [{"type": 7}]}]}, "input[0].content[0].type"),
        ({"tools": ["find"]}, "tools[0]"),
        ({"text": {"format": "json"}}, "text.format"),
    ],
)
def test_what_cannot_be_read_is_refused_where_it_is(fields: dict[str, Any], param: str) -> None:
    assert refused(**fields)[0] == param


def test_a_body_that_is_no_object_is_refused() -> None:
    with pytest.raises(Failure, match="could not parse the JSON body"):
        responses.parse(HttpRequest("POST", "/v1/responses", body=b"{"))


# --- refusals -----------------------------------------------------------------------------------------


def test_every_parameter_of_the_sdk_is_known() -> None:
    asked = ResponseCreateParamsStreaming
    assert (
        asked.__required_keys__ | asked.__optional_keys__ | {"frequency_penalty", "presence_penalty"} == KNOWN
    )


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("sto", " Did you mean 'store'?"),
        ("st", ""),
        ("stre", " Did you mean 'store' or 'stream'?"),
        ("strem", " Did you mean 'stream' or 'store'?"),
        ("usr", " Did you mean 'user'?"),
        ("inclde", " Did you mean 'include'?"),
        ("inpu", ""),
        ("modell", ""),
        ("seed", ""),
    ],
)
def test_a_parameter_that_is_nearly_one_is_suggested_unless_it_was_sent(key: str, hint: str) -> None:
    assert complaints(**{key: 1}) == [f"Unknown parameter: '{key}'.{hint}"]


@pytest.mark.parametrize("check", responses.CHECKS, ids=lambda check: check.name)
def test_every_example_is_refused_once(check: Check) -> None:
    if check.find is None:
        assert refused_body(check.example)
    else:
        assert len(list(responses.complaints(parsed(check.example)))) == 1


def test_the_distance_of_words_is_in_letters() -> None:
    assert (distance("stop", "store"), distance("", "ab"), distance("a", "a")) == (2, 2, 0)


@pytest.mark.parametrize(
    ("model", "effort", "told"),
    [
        ("gpt-5.6-terra", None, 1),
        ("gpt-5.6-terra", "none", 0),
        ("gpt-5", "low", 1),
        ("o3-mini", None, 1),
        ("gpt-5.1", None, 0),
        ("gpt-5.1", "low", 1),
        ("gpt-5-chat-latest", None, 0),
        ("gpt-4o", None, 0),
        ("mock-gpt-4", None, 0),
    ],
)
def test_a_model_refuses_a_temperature_while_it_reasons(model: str, effort: str | None, told: int) -> None:
    reasoning = {"effort": effort} if effort else None
    assert len(complaints(model=model, temperature=0.5, reasoning=reasoning)) == told
    assert complaints(model=model, temperature=1, reasoning=reasoning) == []


def test_a_model_of_which_nothing_is_known_may_reason() -> None:
    include = ["reasoning.encrypted_content"]
    assert complaints(model="mock-gpt-4", reasoning={"effort": "low"}, include=include) == []
    assert complaints(model="gpt-4o", reasoning={"effort": None}) == []


def test_an_item_that_was_stored_somewhere_else_is_not_found() -> None:
    assert complaints(input=[{"type": "item_reference", "id": "rs_1"}]) == ["Item with id 'rs_1' not found."]


@pytest.mark.parametrize("field", ["previous_response_id", "conversation"])
def test_a_call_may_have_been_made_before(field: str) -> None:
    assert len(complaints(input=[RESULT], **{field: "x"})) == 1


@pytest.mark.parametrize(
    "items",
    [
        [USER, {"type": "reasoning", "id": "rs_1", "summary": []}, {"type": "web_search_call", "id": "ws_1"}],
        [USER, {"type": "reasoning", "summary": []}, USER],
        [{"type": "message", "role": "assistant", "content": "Hm"}],
    ],
)
def test_items_that_hang_together_pass(items: list[Any]) -> None:
    assert complaints(input=items) == []


def test_a_thought_before_a_result_or_the_end_led_to_nothing() -> None:
    thought = {"type": "reasoning", "id": "rs_1", "summary": []}
    for items in ([USER, CALL, thought, RESULT], [USER, thought]):
        told = ["Item 'rs_1' of type 'reasoning' was provided without its required following item."]
        assert complaints(model="o3", input=items) == told


def test_a_function_that_says_nothing_of_being_strict_is_mended_not_refused() -> None:
    assert complaints(tools=[{**FUNCTION, "parameters": {"type": "object"}}, CUSTOM]) == []


def test_a_previous_response_is_named_by_a_text() -> None:
    assert complaints(previous_response_id={"a": 1}) == [
        "Invalid type for 'previous_response_id': expected a string, but got an object instead."
    ]


# --- answers ------------------------------------------------------------------------------------------

REPLY = Reply((Text("Hi"),), usage=Usage(3, 2, 1, 1), id="x1", created=7, model="gpt-4o")


def test_usage_tells_its_details() -> None:
    assert answer(REPLY)["usage"] == {
        "input_tokens": 3,
        "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 1},
        "output_tokens": 2,
        "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 5,
    }


def test_what_the_model_fills_in_is_its_familys() -> None:
    told = answer(Reply((), id="x", model="gpt-5.6-sol"), model="gpt-5.6-sol")
    assert told["reasoning"] == {
        "context": "all_turns",
        "effort": "medium",
        "mode": "standard",
        "summary": None,
    }
    assert (told["top_p"], told["prompt_cache_retention"]) == (0.98, "24h")
    told = answer(REPLY)
    assert told["reasoning"] == {"effort": None, "summary": None}
    assert (told["top_p"], told["prompt_cache_retention"]) == (1.0, None)


@pytest.mark.parametrize(
    ("tier", "served"), [(None, "default"), ("auto", "default"), ("flex", "flex"), ("fast", "priority")]
)
def test_a_tier_is_echoed_while_it_begins_and_resolved_at_the_end(tier: str | None, served: str) -> None:
    events = streamed(REPLY, service_tier=tier)
    assert events[0]["response"]["service_tier"] == (tier or "auto")
    assert events[-1]["response"]["service_tier"] == served


def test_options_of_the_cache_are_echoed_where_they_are_given() -> None:
    options = {"mode": "explicit", "ttl": "12h"}
    assert answer(REPLY, prompt_cache_options=options)["prompt_cache_options"] == options
    assert "prompt_cache_options" not in answer(REPLY)


def test_options_of_the_cache_are_filled_in() -> None:
    assert answer(REPLY, prompt_cache_options={"prewarm": True})["prompt_cache_options"] == {
        "mode": "implicit",
        "ttl": "30m",
    }


@pytest.mark.parametrize(
    ("options", "operation"),
    [
        ({"prewarm": True}, "warm_up"),
        ({"prewarm": False}, "chat"),
        ({"ttl": "30m"}, "chat"),
        (["prewarm"], "chat"),
        (None, "chat"),
    ],
)
def test_a_prompt_may_be_prepared_alone(options: Any, operation: str) -> None:
    assert parse(prompt_cache_options=options).operation == operation


def test_a_schema_is_made_strict_all_the_way_down() -> None:
    inner = {"type": "object", "properties": {"b": {"type": "string", "enum": ["x"]}}}
    assert strictly({"type": "object", "properties": {"a": {"anyOf": [inner, {"type": "null"}]}}}) == {
        "type": "object",
        "properties": {
            "a": {
                "anyOf": [inner | {"additionalProperties": False, "required": ["b"]}, {"type": "null"}],
            }
        },
        "additionalProperties": False,
        "required": ["a"],
    }


def test_a_function_that_is_not_strict_stays_as_it_is() -> None:
    told = answer(REPLY, tools=[{**FUNCTION, "strict": False}, {"type": "function", "name": "bare"}])
    assert told["tools"][0]["parameters"] == {"type": "object", "properties": {}}
    assert told["tools"][1]["parameters"] is None


def test_what_is_said_before_a_call_is_commentary_for_models_that_tell_phases() -> None:
    parts = (Text("Let me look."), ToolCall("find", "{}", "c"), Text("Done."))
    told = answer(Reply(parts, id="x", model="gpt-5.6-sol"), tools=[FUNCTION])["output"]
    assert [item.get("phase") for item in told] == ["commentary", None, "final_answer"]


def test_what_was_cut_is_incomplete_and_only_that() -> None:
    parts = (Text("Let me look."), ToolCall("find", '{"a', "c"))
    told = answer(Reply(parts, "length", id="x", model="gpt-4o"), tools=[FUNCTION])
    assert [item["status"] for item in told["output"]] == ["completed", "incomplete"]
    assert (told["status"], told["completed_at"]) == ("incomplete", None)


def test_a_stream_has_no_padding_where_it_is_not_wanted() -> None:
    events = streamed(REPLY, stream_options={"include_obfuscation": False})
    assert not any("obfuscation" in event for event in events)


def test_log_probabilities_are_told_with_bytes_in_the_message_alone() -> None:
    events = streamed(REPLY, include=["message.output_text.logprobs"], top_logprobs=1)
    delta = next(event for event in events if event["type"] == "response.output_text.delta")
    assert delta["logprobs"][0].keys() == {"token", "logprob", "top_logprobs"}
    part = next(event for event in events if event["type"] == "response.content_part.done")["part"]
    assert part["logprobs"][0]["bytes"] == [72, 105]


@pytest.mark.parametrize("part", [Image("https://example.com/a.png"), ToolResult("call_1", "it")])
def test_a_part_that_no_item_can_hold_is_a_bug(part: Any) -> None:
    reply = Reply((part,), id="x", model="gpt-4o")
    with pytest.raises(TypeError, match=f"a response cannot hold a part of type {type(part).__name__}"):
        answer(reply)
    encode = responses.encoder(parse(stream=True))
    encode(Begin(reply))
    with pytest.raises(TypeError, match="a response cannot hold a part"):
        encode(PartStart(0, part))


def test_an_error_in_a_stream_is_an_event_with_a_number() -> None:
    encode = responses.encoder(parse(stream=True))
    assert encode(Broken(None, "context_length")) == (
        b"event: error\n"
        b'data: {"type":"error","error":{"message":"Your input exceeds the context window of this model. '
        b'Please adjust your input and try again.","type":"invalid_request_error","param":"input",'
        b'"code":"context_length_exceeded"},"sequence_number":0}\n\n'
    )


# --- counting -----------------------------------------------------------------------------------------


def test_all_that_would_be_asked_is_counted() -> None:
    body = json.dumps({"model": "gpt-5", "instructions": "Be brief.", "input": "Hi", "tools": [FUNCTION]})
    asked = tokens.parse(HttpRequest("POST", "/v1/responses/input_tokens", body=body.encode()))
    assert asked.model == "gpt-5"
    assert asked.request.messages == (Message("system", (Text("Be brief."),)), Message("user", (Text("Hi"),)))
    assert asked.request.tools == (Tool("find", "", {"type": "object", "properties": {}}),)


def test_what_is_counted_need_not_be_there() -> None:
    asked = tokens.parse(HttpRequest("POST", "/v1/responses/input_tokens", body=b"{}"))
    assert (asked.model, asked.request.messages, asked.request.tools) == ("", (), ())
    assert list(tokens.complaints(asked)) == []


# --- reading ------------------------------------------------------------------------------------------


def test_a_stream_that_was_cut_is_read_as_far_as_it_goes() -> None:
    parts = (Reasoning("Hm"), Text("Hello you"), Refusal("No."), ToolCall("run", "ls -la", "c"))
    reply = Reply(parts, id="x1", created=7, model="gpt-4o")
    encode = responses.encoder(parse(stream=True, tools=[CUSTOM]))
    stream = b"".join(encode(event) for event in unfold(reply))
    told = responses.read([stream[: stream.index(b"event: response.completed")]])
    assert told == Reply(parts, "tool_call", id="x1", created=7, model="gpt-4o")


def test_a_citation_of_an_unknown_kind_is_passed_over() -> None:
    told = {"type": "output_text", "text": "A.", "annotations": [{"type": "file_path", "file_id": "f"}]}
    raw = {"id": "resp_1", "created_at": 7.0, "model": "m", "status": "completed", "object": "response"}
    output = [{"type": "message", "content": [told]}]
    assert responses.read([json.dumps({**raw, "output": output}).encode()]).parts == (Text("A."),)


def test_what_other_servers_leave_out_is_made_up() -> None:
    raw = {"id": "resp_1", "created_at": 7.0, "model": "m", "status": "incomplete", "object": "response"}
    output = [{"type": "program"}, {"type": "reasoning", "summary": []}]
    assert responses.read([json.dumps({**raw, "output": output}).encode()]) == Reply(
        (), "length", id="1", created=7, model="m"
    )
