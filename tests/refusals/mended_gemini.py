"""Gemini's generateContent: what makes each refused example right."""

from __future__ import annotations

from typing import Any

USER = {"role": "user", "parts": [{"text": "Hi"}]}
CALL = {"functionCall": {"name": "find", "args": {}}}
CALLED = {"role": "model", "parts": [CALL]}
RESULT = {"functionResponse": {"name": "find", "response": {"output": "it"}}}
RESULTS = {"role": "user", "parts": [RESULT]}
TAGS = {"type": "ARRAY", "items": {"type": "STRING"}}


def taking(schema: dict[str, Any]) -> dict[str, Any]:
    parameters = {"type": "OBJECT", "properties": {"data": schema}}
    return {"tools": [{"functionDeclarations": [{"name": "find", "parameters": parameters}]}]}


def thinking_with(budget: int) -> dict[str, Any]:
    return {"generationConfig": {"thinkingConfig": {"thinkingBudget": budget}}}


GEMINI: dict[str, dict[str, Any]] = {
    "an unknown field": {"frequency_penalty": ..., "generation_config": {"frequency_penalty": 1}},
    "an unknown field of a part": {"contents": {"role": "user", "parts": {"text": "Hi"}}},
    "no contents": {"contents": [{"parts": [{"text": "Hi"}]}]},
    "a content without parts": {"contents": [USER]},
    "a part that holds nothing": {"contents": [{"role": "user", "parts": [{"text": ""}]}]},
    "unknown role": {"contents": [USER, {"role": "model", "parts": [{"text": "Hm"}]}, USER]},
    "an array of nothing": {
        "tools": [
            {
                "functionDeclarations": [
                    {"name": "find", "parameters": {"type": "OBJECT", "properties": {"tags": TAGS}}}
                ]
            }
        ]
    },
    "an unknown field of a tool": {"tools": [{"googleSearch": {}}]},
    "an unknown field of a schema": taking(
        {"type": "ARRAY", "items": {"type": "OBJECT", "minProperties": 1}}
    ),
    "a type that there is not": taking({"type": "string", "enum": ["a"]}),
    "an enum of numbers": taking({"type": "STRING", "enum": ["2"]}),
    "a category that there is not": {
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
    },
    "properties of what is no object": taking(
        {"type": "object", "properties": {"page_id": {"anyOf": [{"type": "STRING"}, {"type": "NULL"}]}}}
    ),
    "an enum of what is no text": taking({"type": "STRING", "format": "enum", "enum": ["a", "b"]}),
    "a function of a bad name": {"tools": [{"functionDeclarations": [{"name": "_find.it:2-" + "x" * 117}]}]},
    "no thinking for a model that always thinks": thinking_with(-1),
    "more to think with than the model has": thinking_with(32_768),
    "a call without the signature of its thought": {
        "contents": [
            USER,
            {"role": "model", "parts": [{**CALL, "thoughtSignature": "c2lnbmVk"}, CALL]},
            {"role": "user", "parts": [RESULT, RESULT]},
        ]
    },
    "functions beside JSON": {"model": "gemini-3-pro-preview"},
    "a call at the start": {"contents": [USER, CALLED, RESULTS]},
    "a result without a call": {"contents": [USER, CALLED, RESULTS, CALLED, RESULTS]},
    "fewer results than calls": {
        "contents": [
            USER,
            {"role": "model", "parts": [CALL, CALL]},
            {"role": "user", "parts": [RESULT, RESULT]},
        ]
    },
}
