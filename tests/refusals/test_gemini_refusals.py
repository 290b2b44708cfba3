"""Gemini's refusals in detail: at the edges of the rows, by model, and on Vertex AI's paths."""

from __future__ import annotations

import json
from typing import Any

import pytest

from understudy.errors import Failure
from understudy.model import HttpRequest
from understudy.providers import gemini_generate

USER = {"role": "user", "parts": [{"text": "Hi"}]}
CALL = {"functionCall": {"name": "find", "args": {}}}
SIGNED = {**CALL, "thoughtSignature": "c2lnbmVk"}
RESULTS = {"role": "user", "parts": [{"functionResponse": {"name": "find", "response": {"output": "it"}}}]}
VERTEX = "/v1/projects/p/locations/l/publishers/google/models/"


def found(model: str = "gemini-2.5-flash", paths: str = "/v1beta/models/", **fields: Any) -> list[Failure]:
    """What the API says to a request of these fields."""
    body = json.dumps({"contents": [USER], **fields}).encode()
    request = gemini_generate.parse(HttpRequest("POST", f"{paths}{model}:generateContent", (), body))
    return list(gemini_generate.complaints(request))


def complaints(model: str = "gemini-2.5-flash", paths: str = "/v1beta/models/", **fields: Any) -> list[str]:
    return [failure.message for failure in found(model, paths, **fields)]


def taking(**properties: Any) -> list[dict[str, Any]]:
    """Tools: a function with these parameters."""
    return [
        {
            "functionDeclarations": [
                {"name": "find", "parameters": {"type": "OBJECT", "properties": properties}}
            ]
        }
    ]


def model(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


# --- tools and schemas ---------------------------------------------------------------------------------


def test_all_that_the_reader_does_not_know_is_told_at_once() -> None:
    (told,) = found(
        tools=taking(
            a={"type": "STRING", "const": "x"},
            b={"any_of": [{"type": "STRING"}, {"type": "OBJECT", "$ref": "#/x"}]},
        )
    )
    where = "tools[0].function_declarations[0].parameters.properties"
    assert told.facts["violations"] == [
        (field, f"Invalid JSON payload received. Unknown name \"{name}\" at '{field}': Cannot find field.")
        for field, name in ((f"{where}[0].value", "const"), (f"{where}[1].value.any_of[1]", "$ref"))
    ]


def test_the_schema_of_an_answer_is_looked_at_too() -> None:
    config = {"responseMimeType": "application/json", "responseSchema": {"type": "ARRAY"}}
    assert complaints(generationConfig=config) == [
        "* GenerateContentRequest.generation_config.response_schema.items: missing field.\n"
    ]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": ["STRING", "NULL"], "enum": ["a"]},
        {"properties": {}},
        {"type": "STRING", "enum": []},
        {"type": "object", "properties": {"a": True}, "anyOf": [7]},
    ],
)
def test_a_schema_whose_refusal_nobody_has_quoted_passes(schema: dict[str, Any]) -> None:
    assert complaints(tools=taking(a=schema)) == []


def test_a_json_schema_may_say_what_json_schemas_say() -> None:
    schema = {"type": "object", "additionalProperties": False, "$defs": {"a": {"const": 1}}}
    function = {"name": "find", "parametersJsonSchema": schema}
    assert complaints(tools=[{"functionDeclarations": [function]}]) == []


def test_vertex_ai_knows_more() -> None:
    tools = taking(a={"type": "OBJECT", "additionalProperties": False, "ref": "#/defs/b"})
    settings = [{"category": "HARM_CATEGORY_JAILBREAK", "threshold": "BLOCK_NONE"}]
    assert complaints(paths=VERTEX, tools=tools, safetySettings=settings) == []
    assert len(complaints(tools=tools)) == 1
    assert len(complaints(safetySettings=settings)) == 1


def test_a_setting_that_is_no_object_is_not_looked_at() -> None:
    assert complaints(safetySettings=["x"]) == []


def test_all_names_that_are_bad_are_told() -> None:
    names = ("find", "2find", "", "x" * 129)
    (told,) = complaints(tools=[{"functionDeclarations": [{"name": name} for name in names]}])
    assert [line.partition(":")[0] for line in told.splitlines()] == [
        f"* GenerateContentRequest.tools[0].function_declarations[{index}].name" for index in (1, 2, 3)
    ]


# --- thinking -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "budget", "words"),
    [
        ("gemini-2.5-pro", 128, ""),
        ("gemini-2.5-pro-preview-06-05", 127, "The thinking budget (127) is invalid."),
        ("gemini-2.5-flash", 0, ""),
        ("gemini-2.5-flash-lite", 24_576, ""),
        ("gemini-2.5-flash", 24_577, "The thinking budget (24577) is invalid."),
        ("gemini-3-pro-preview", 0, ""),
        ("mock-gemini", 1_000_000, ""),
    ],
)
def test_a_model_thinks_within_its_budget(name: str, budget: int, words: str) -> None:
    config = {"thinkingConfig": {"thinkingBudget": budget}}
    assert complaints(name, generationConfig=config) == ([words] if words else [])


def test_a_model_may_be_asked_for_its_thoughts_alone() -> None:
    assert complaints("gemini-2.5-pro", generationConfig={"thinkingConfig": {"includeThoughts": True}}) == []


@pytest.mark.parametrize(
    ("contents", "position"),
    [
        ([USER, model(CALL), RESULTS], 2),
        ([USER, model(SIGNED), RESULTS, model(CALL), RESULTS], 4),
        ([USER, model(CALL), RESULTS, model({"text": "Yes"}), USER], None),
        ([model(CALL), RESULTS], 1),
    ],
)
def test_of_the_last_turn_alone_every_step_needs_a_signature(
    contents: list[dict[str, Any]], position: int | None
) -> None:
    told = [words for words in complaints("gemini-3-pro-preview", contents=contents) if "signature" in words]
    assert [f"position {position}." in words for words in told] == ([] if position is None else [True])
    assert not any("signature" in words for words in complaints("gemini-2.5-pro", contents=contents))
