"""Gemini's generateContent: what makes each refused example right."""

from __future__ import annotations

from typing import Any

USER = {"role": "user", "parts": [{"text": "Hi"}]}
CALL = {"functionCall": {"name": "find", "args": {}}}
CALLED = {"role": "model", "parts": [CALL]}
RESULT = {"functionResponse": {"name": "find", "response": {"output": "it"}}}
RESULTS = {"role": "user", "parts": [RESULT]}
TAGS = {"type": "ARRAY", "items": {"type": "STRING"}}

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
