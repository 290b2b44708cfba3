"""Gemini's generateContent: what is read of a request, and the bytes of answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from understudy.errors import Failure
from understudy.events import unfold
from understudy.model import (
    Audio,
    Broken,
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
    Usage,
)
from understudy.providers import gemini_generate
from understudy.providers.gemini_generate import array

PATH = "/v1beta/models/gemini-2.5-flash:"
HI: dict[str, Any] = {"role": "user", "parts": [{"text": "Hi"}]}


def asked(verb: str = "generateContent", **fields: Any) -> Request:
    body = json.dumps({"contents": [HI], **fields}).encode()
    return gemini_generate.parse(HttpRequest("POST", PATH + verb, body=body))


# --- requests -----------------------------------------------------------------------------------------


def test_the_path_says_the_model_and_whether_it_streams() -> None:
    assert (asked().model, asked().stream) == ("gemini-2.5-flash", False)
    assert asked("streamGenerateContent").stream
    assert asked().messages == (Message("user", (Text("Hi"),)),)


def test_a_body_may_be_written_in_snake_case_and_with_one_for_many() -> None:
    request = asked(
        contents={"parts": {"text": "Hi"}},
        system_instruction={"parts": {"text": "Be brief."}},
        generation_config={"max_output_tokens": 5, "stop_sequences": ["x"]},
    )
    assert request.messages == (Message("system", (Text("Be brief."),)), Message("user", (Text("Hi"),)))
    assert request.sampling == Sampling(5, ("x",))


def test_parts_of_every_kind_are_read() -> None:
    parts = [
        {"text": "Look"},
        {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
        {"inlineData": {"mimeType": "audio/wav", "data": "BB=="}},
        {"inlineData": {"mimeType": "application/pdf", "data": "CC=="}},
        {"fileData": {"mimeType": "image/png", "fileUri": "https://x/a"}},
        {"fileData": {"mimeType": "text/plain", "fileUri": "https://x/b"}},
        {"executableCode": {"language": "PYTHON", "code": "1"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2"}},
    ]
    (message,) = asked(contents=[{"parts": parts}]).messages
    assert message.parts == (
        Text("Look"),
        Image("data:image/png;base64,AA=="),
        Audio("BB==", "wav"),
        File(data="data:application/pdf;base64,CC=="),
        Image("https://x/a"),
        File("https://x/b"),
        ServerToolCall("code_execution", "1", '{"stdout":"2"}'),
    )


def calling(*calls: dict[str, Any]) -> dict[str, Any]:
    return {"role": "model", "parts": [{"functionCall": call} for call in calls]}


def answering(*responses: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "parts": [{"functionResponse": response} for response in responses]}


def test_calls_and_responses_pair_by_id_or_by_name() -> None:
    one, two = {"name": "find", "args": {"a": 1}, "id": "c1"}, {"name": "find", "args": {}, "id": "c2"}
    told = {"name": "find", "response": {"output": "it"}}
    by_name = asked(contents=[HI, calling(one, two), answering(told, told)]).messages
    by_id = asked(contents=[HI, calling(one, two), answering({**told, "id": "c2"}, {**told, "id": "c1"})])
    assert by_name[1].parts == (ToolCall("find", '{"a":1}', "c1"), ToolCall("find", "{}", "c2"))
    assert by_name[2:] == (
        Message("tool", (ToolResult("c1", "it", "find"),)),
        Message("tool", (ToolResult("c2", "it", "find"),)),
    )
    assert [message.parts[0].id for message in by_id.messages[2:]] == ["c2", "c1"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("response", "text"),
    [
        ({"output": "it"}, "it"),
        ({"result": 7}, "7"),
        ({"result": {"a": 1}}, '{"a":1}'),
        ({"a": 1, "b": 2}, '{"a":1,"b":2}'),
        ({"error": "no"}, '{"error":"no"}'),
        (None, "{}"),
    ],
)
def test_a_response_is_told_as_text(response: Any, text: str) -> None:
    contents = [HI, calling({"name": "f"}), answering({"name": "f", "response": response})]
    assert asked(contents=contents).messages[-1].text == text


def test_an_answer_that_was_streamed_and_sent_back_in_pieces_is_one_message() -> None:
    pieces = [
        {"role": "model", "parts": [{"text": text, "thought": thought}]}
        for text, thought in (("Hm", True), (".", True), ("Good", False), (" day", False), ("", False))
    ]
    request = asked(contents=[HI, *pieces, HI])
    assert request.turn == 2
    assert request.messages[1] == Message("assistant", (Reasoning("Hm."), Text("Good day")))


def test_a_schema_of_the_apis_own_becomes_json_schema() -> None:
    parameters = {
        "type": "OBJECT",
        "properties": {
            "name": {"type": "STRING", "nullable": True, "description": "Whose"},
            "kind": {"type": "STRING", "format": "enum", "enum": ["a", "b"], "nullable": True},
            "tags": {"type": "ARRAY", "items": {"type": "INTEGER"}, "minItems": "1", "max_items": 3},
            "either": {"anyOf": [{"type": "NUMBER"}, {"type": "BOOLEAN"}], "nullable": True},
        },
        "required": ["name"],
        "propertyOrdering": ["tags", "name"],
    }
    tools = [{"functionDeclarations": [{"name": "f", "description": "F.", "parameters": parameters}]}]
    assert asked(tools=[*tools, {"googleSearch": {}}]).tools == (
        Tool(
            "f",
            "F.",
            {
                "type": "object",
                "properties": {
                    "name": {"type": ["string", "null"], "description": "Whose"},
                    "kind": {"type": ["string", "null"], "enum": ["a", "b", None]},
                    "tags": {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 3},
                    "either": {"anyOf": [{"type": "number"}, {"type": "boolean"}, {"type": "null"}]},
                },
                "required": ["name"],
            },
        ),
    )


@pytest.mark.parametrize(
    ("config", "choice"),
    [
        ({"mode": "AUTO"}, ToolChoice("auto")),
        ({"mode": "ANY"}, ToolChoice("required")),
        ({"mode": "any", "allowedFunctionNames": ["f"]}, ToolChoice("required", ("f",))),
        ({"mode": "VALIDATED", "allowed_function_names": ["f"]}, ToolChoice("auto", ("f",))),
        ({"mode": "NONE"}, ToolChoice("none")),
        ({"mode": "MODE_UNSPECIFIED"}, ToolChoice("auto")),
        (None, ToolChoice("auto")),
    ],
)
def test_the_mode_of_function_calling_is_a_tool_choice(config: Any, choice: ToolChoice) -> None:
    assert asked(toolConfig={"functionCallingConfig": config}).tool_choice == choice


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"responseMimeType": "text/plain"}, ResponseFormat()),
        ({"responseMimeType": "application/json"}, ResponseFormat("json_object")),
        (
            {"responseMimeType": "application/json", "responseSchema": {"type": "STRING"}},
            ResponseFormat("json_schema", {"type": "string"}),
        ),
        (
            {"responseMimeType": "application/json", "responseJsonSchema": {"const": 1}},
            ResponseFormat("json_schema", {"const": 1}),
        ),
    ],
)
def test_the_mime_type_and_a_schema_are_a_response_format(
    config: dict[str, Any], expected: ResponseFormat
) -> None:
    assert asked(generationConfig=config).response_format == expected


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"systemInstruction": "Be brief."}, "Invalid value at 'system_instruction' (type.googleapis.com/"),
        ({"contents": ["Hi"]}, "Invalid value at 'contents[0]' (type.googleapis.com/"),
        (
            {"contents": [{"parts": [{"text": 7}]}]},
            "Invalid value at 'contents[0].parts[0].text' (TYPE_STRING), 7",
        ),
        (
            {"generationConfig": {"temperature": "hot"}},
            "Invalid value at 'generation_config.temperature' (TYPE_F",
        ),
        (
            {"generationConfig": {"stopSequences": [1]}},
            "Invalid value at 'generation_config.stop_sequences[0]' ",
        ),
        ({"tools": [{"functionDeclarations": [1]}]}, "Invalid value at 'tools[0].function_declarations[0]' "),
    ],
)
def test_what_cannot_be_understood_is_refused_with_its_place(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(Failure) as caught:
        asked(**fields)
    assert caught.value.message.startswith(words)


def test_what_thinking_is_told_that_is_no_object_is_refused() -> None:
    with pytest.raises(Failure, match=r"generation_config\.thinking_config"):
        asked(generationConfig={"thinkingConfig": 1})


def test_a_schema_is_followed_to_a_bound_and_a_body_nested_without_end_is_refused() -> None:
    def parsed(levels: int) -> Request:
        schema = b'{"type":"ARRAY","items":' * levels + b"{}" + b"}" * levels
        config = b'"generationConfig":{"responseMimeType":"application/json","responseSchema":%b}' % schema
        body = b'{"contents":[{"parts":[{"text":"Hi"}]}],%b}' % config
        return gemini_generate.parse(HttpRequest("POST", PATH + "generateContent", body=body))

    assert parsed(500).response_format.kind == "json_schema"
    with pytest.raises(Failure, match="Invalid JSON payload received"):
        parsed(100_000)


# --- answers ------------------------------------------------------------------------------------------

REPLY = Reply((Text("Hi you"),), usage=Usage(3, 2), id="r", model="m")
USAGE = '"promptTokensDetails":[{"modality":"TEXT","tokenCount":3}]'


def streamed(reply: Reply, provider: Any = gemini_generate) -> bytes:
    encode = provider.encoder(asked("streamGenerateContent"))
    return b"".join(encode(event) for event in unfold(reply))


def test_a_stream_has_bare_data_lines_that_end_in_crlf_and_no_done() -> None:
    start = 'data: {"candidates":[{"content":{"parts":[{"text":"%s"}],"role":"model"}'
    so_far = f'"index":0}}],"usageMetadata":{{"promptTokenCount":3,"totalTokenCount":3,{USAGE}}}'
    all_in_all = f'"promptTokenCount":3,"candidatesTokenCount":2,"totalTokenCount":5,{USAGE}'
    end = ',"modelVersion":"m","responseId":"r"}\r\n\r\n'
    assert streamed(REPLY).decode() == (
        f"{start % 'Hi'},{so_far}{end}"
        f"{start % ' you'},{so_far}{end}"
        f'{start % ""},"finishReason":"STOP","index":0}}],"usageMetadata":{{{all_in_all}}}{end}'
    )


def test_without_alt_sse_a_stream_is_a_json_array_of_the_same_objects() -> None:
    told = streamed(REPLY, array)
    events = [each.removeprefix("data: ") for each in streamed(REPLY).decode().split("\r\n\r\n") if each]
    assert told.decode() == "[" + ",\r\n".join(events) + "]"
    assert array.head(REPLY, True).startswith(b"content-type: application/json; charset=UTF-8\r\n")
    assert gemini_generate.head(REPLY, True).startswith(b"content-type: text/event-stream\r\n")


def test_an_array_that_breaks_off_is_closed_after_the_error() -> None:
    encode = array.encoder(asked("streamGenerateContent"))
    assert encode(Broken(500, "server", "It broke.")) == (
        b'[{"error":{"code":500,"message":"It broke.","status":"INTERNAL"}}]'
    )


def whole(reply: Reply, **fields: Any) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(gemini_generate.body(reply, asked(**fields)))
    return told


def test_thoughts_are_counted_apart_and_hidden_from_who_does_not_ask() -> None:
    reply = Reply((Reasoning("Hm."), Text("Hi")), usage=Usage(3, 10, 8), id="r", model="m")
    told = whole(reply)
    (part,) = told["candidates"][0]["content"]["parts"]
    assert part["text"] == "Hi"
    assert part["thoughtSignature"]
    assert told["usageMetadata"] == {
        "promptTokenCount": 3,
        "candidatesTokenCount": 2,
        "totalTokenCount": 13,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 3}],
        "thoughtsTokenCount": 8,
    }
    shown = whole(reply, generationConfig={"thinkingConfig": {"includeThoughts": True}})
    assert shown["candidates"][0]["content"]["parts"][0] == {"text": "Hm.", "thought": True}


def test_a_refusal_is_a_text() -> None:
    assert whole(Reply((Refusal("No."),)))["candidates"][0]["content"] == {
        "parts": [{"text": "No."}],
        "role": "model",
    }


def test_the_first_of_several_calls_has_a_signature() -> None:
    parts = whole(Reply((ToolCall("f", '{"a":1}', "c1"), ToolCall("g", "", "c2")), "tool_call"))
    first, second = parts["candidates"][0]["content"]["parts"]
    assert first.pop("thoughtSignature")
    assert first == {"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}}
    assert second == {"functionCall": {"id": "c2", "name": "g", "args": {}}}


@pytest.mark.parametrize("arguments", ['{"a":', '"{}"'], ids=["cut", "encoded twice"])
def test_arguments_that_are_no_object_make_a_call_malformed(arguments: str) -> None:
    reply = Reply((ToolCall("f", arguments, "c1"),), "tool_call")
    (candidate,) = whole(reply)["candidates"]
    assert candidate == {
        "content": {"role": "model"},
        "finishReason": "MALFORMED_FUNCTION_CALL",
        "finishMessage": f"Malformed function call: call:f{arguments}",
        "index": 0,
    }
    assert b"functionCall" not in streamed(reply)


def test_images_and_sound_are_told_inline_or_by_their_place() -> None:
    parts = (Image("data:image/png;base64,AA=="), Image("https://x/a.png"), Audio("BB==", "wav"))
    told = whole(Reply(parts))["candidates"][0]["content"]["parts"]
    assert told == [
        {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
        {"fileData": {"fileUri": "https://x/a.png"}},
        {"inlineData": {"mimeType": "audio/wav", "data": "BB=="}},
    ]
    assert gemini_generate.read([gemini_generate.body(Reply(parts), asked())]).parts == parts
    assert gemini_generate.read([streamed(Reply(parts))]).parts == parts


def test_what_a_content_cannot_hold_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError, match="a content cannot hold a part of type File"):
        whole(Reply((File("f"),)))


def test_a_stream_that_starts_with_garbage_cannot_be_read() -> None:
    with pytest.raises(ValueError, match="JSON is malformed"):
        gemini_generate.read([b"data: {garbage\r\n\r\n"])


# --- tools that the API runs ----------------------------------------------------------------------------


def candidate_of(*parts: Part, stop: Stop = "end") -> dict[str, Any]:
    reply = Reply(parts, stop, id="i", model="m")
    told: dict[str, Any] = json.loads(gemini_generate.body(reply, asked()))["candidates"][0]
    return told


def contents_of(*parts: Part, stop: Stop = "end") -> list[Any]:
    found: list[Any] = candidate_of(*parts, stop=stop)["content"].get("parts", [])
    return found


def test_code_is_told_with_how_it_ended() -> None:
    for result, error, outcome in (
        ('{"stdout":"6"}', "", {"outcome": "OUTCOME_OK", "output": "6"}),
        ('{"stderr":"no","exit_code":1}', "", {"outcome": "OUTCOME_FAILED", "output": "no"}),
        ("", "it broke", {"outcome": "OUTCOME_FAILED", "output": "it broke"}),
        ("", "timeout", {"outcome": "OUTCOME_DEADLINE_EXCEEDED"}),
    ):
        code, ran = contents_of(ServerToolCall("code_execution", "1", result, error))
        assert code == {"executableCode": {"language": "PYTHON", "code": "1"}}
        assert ran == {"codeExecutionResult": outcome}


def test_what_has_not_run_has_no_result() -> None:
    assert contents_of(ServerToolCall("code_execution", "1"), stop="length") == [
        {"executableCode": {"language": "PYTHON", "code": "1"}}
    ]
    assert contents_of(ServerToolCall("image_generation", "a dot"), stop="pause") == []
    assert contents_of(ServerToolCall("image_generation", "a dot", error="no")) == []
    assert "groundingMetadata" not in candidate_of(ServerToolCall("web_search", "a"), stop="pause")


def test_a_picture_that_was_drawn_is_data() -> None:
    call = ServerToolCall("image_generation", "a dot", '{"image":"aGk=","format":"webp"}')
    assert contents_of(call) == [{"inlineData": {"mimeType": "image/webp", "data": "aGk="}}]
    (made_up,) = contents_of(ServerToolCall("image_generation", "a dot"))
    assert made_up["inlineData"]["mimeType"] == "image/png"


def test_tools_that_the_api_has_not_are_left_out() -> None:
    told = candidate_of(ServerToolCall("shell", "ls"), Text("A.", (Citation(document=0),)))
    assert told["content"]["parts"] == [{"text": "A."}]
    assert "groundingMetadata" not in told


def test_files_that_were_found_are_sources() -> None:
    found = ServerToolCall("file_search", "a", '{"results":[{"file":"f","name":"n","text":"t"}]}')
    cited = Text("A.", (Citation(file="f"), Citation(file="g", title="G", quote="q")))
    told = candidate_of(found, cited)["groundingMetadata"]
    assert [chunk["retrievedContext"] for chunk in told["groundingChunks"]] == [
        {"uri": "f", "title": "n", "text": "t"},
        {"uri": "g", "title": "G", "text": "q"},
    ]
    assert [support["groundingChunkIndices"] for support in told["groundingSupports"]] == [[0], [1]]
    assert "webSearchQueries" not in told


def read(parts: list[dict[str, Any]], **beside: Any) -> tuple[Part, ...]:
    told = {"candidates": [{"content": {"parts": parts}, "finishReason": "STOP", **beside}]}
    reply = gemini_generate.read([json.dumps(told).encode()])
    assert isinstance(reply, Reply)
    return reply.parts


def test_odd_grounding_is_read_as_far_as_it_goes() -> None:
    chunks = [{"web": {"uri": "u"}}, {"maps": {}}]
    supports = [
        {"segment": {"startIndex": 50, "endIndex": 52, "text": "is"}, "groundingChunkIndices": [0, 1]},
        {"segment": {"text": "not there"}, "groundingChunkIndices": [0]},
        {"segment": {"text": "This"}},
    ]
    metadata = {"groundingChunks": chunks, "groundingSupports": supports}
    assert read([{"text": "This"}], groundingMetadata=metadata) == (
        Text("This", (Citation("u", start=2, end=4), Citation(start=2, end=4))),
    )
    assert read([{"text": "A"}], groundingMetadata={"webSearchQueries": ["q"]}) == (
        ServerToolCall("web_search", "q"),
        Text("A"),
    )


def test_what_came_of_no_code_is_passed_over() -> None:
    ran = {"codeExecutionResult": {"outcome": "OUTCOME_OK"}}
    assert read([ran, {"text": "A"}]) == (Text("A"),)
    assert read([{"text": "A"}, ran]) == (Text("A"),)


def test_what_came_of_code_elsewhere_is_a_text() -> None:
    ran = {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "6"}}
    (message,) = asked(contents=[{"parts": [ran]}]).messages
    assert message.parts == (Text("6"),)
