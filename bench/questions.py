"""What is asked: the request bodies, as the guide's Postman tests send them."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

NEEDLE = "fibonacci numbers"
STREAMED_TOKENS = 100
COUNTER = "00000000"

SYSTEM = "You are a helpful assistant."
USER = f"Question {COUNTER}: which train goes to the harbour at noon?"
TASK = f"Write a Python function to calculate {NEEDLE}"

CHAT = json.dumps(
    {
        "model": "mock-gpt-4",
        "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": USER}],
        "temperature": 0.7,
        "max_tokens": 1000,
    },
).encode()
"""About 230 bytes. The counter in it is what differs where no two requests may be the same."""

CHAT_NEEDLE = "which train goes to the harbour"

STREAM = json.dumps(
    {
        "model": "mock-gpt-4",
        "messages": [{"role": "user", "content": TASK}],
        "temperature": 0.7,
        "max_tokens": STREAMED_TOKENS,
        "stream": True,
    },
).encode()

# --- the same of each API -----------------------------------------------------------------------------

JSON = {"Content-Type": "application/json"}
OPENAI = JSON | {"Authorization": "Bearer test-api-key"}
ANTHROPIC = JSON | {"x-api-key": "test-api-key", "anthropic-version": "2023-06-01"}
GOOGLE = JSON | {"x-goog-api-key": "test-api-key"}
GEMINI = "/v1beta/models/gemini-2.5-flash"


class Question(NamedTuple):
    """What one API is asked; `api` is the name of its provider."""

    api: str
    path: str
    headers: dict[str, str]
    body: bytes


def question(api: str, path: str, headers: dict[str, str], **fields: Any) -> Question:
    """A question whose body has these fields."""
    return Question(api, path, headers, json.dumps(fields).encode())


WHOLE = (
    Question("openai-chat", "/v1/chat/completions", OPENAI, CHAT),
    question(
        "openai-responses",
        "/v1/responses",
        OPENAI,
        model="mock-gpt-4",
        instructions=SYSTEM,
        input=USER,
        temperature=0.7,
        max_output_tokens=1000,
    ),
    question(
        "openai-completions",
        "/v1/completions",
        OPENAI,
        model="gpt-3.5-turbo-instruct",
        prompt=USER,
        temperature=0.7,
        max_tokens=1000,
    ),
    question(
        "anthropic-messages",
        "/v1/messages",
        ANTHROPIC,
        model="claude-sonnet-4-5",
        system=SYSTEM,
        messages=[{"role": "user", "content": USER}],
        temperature=0.7,
        max_tokens=1000,
    ),
    question(
        "gemini-generate",
        f"{GEMINI}:generateContent",
        GOOGLE,
        contents=[{"role": "user", "parts": [{"text": USER}]}],
        systemInstruction={"parts": [{"text": SYSTEM}]},
        generationConfig={"temperature": 0.7, "maxOutputTokens": 1000},
    ),
)
"""The same question, chat's first."""

EMBEDDED = (
    question(
        "openai-embeddings",
        "/v1/embeddings",
        OPENAI,
        model="text-embedding-3-small",
        input=USER,
        encoding_format="base64",
    ),
    question(
        "gemini-embeddings",
        "/v1beta/models/gemini-embedding-001:embedContent",
        GOOGLE,
        content={"parts": [{"text": USER}]},
    ),
)
"""The same text, embedded as the SDKs ask for it."""

STREAMED = (
    Question("openai-chat", "/v1/chat/completions", OPENAI, STREAM),
    question(
        "openai-responses",
        "/v1/responses",
        OPENAI,
        model="mock-gpt-4",
        input=TASK,
        temperature=0.7,
        max_output_tokens=STREAMED_TOKENS,
        stream=True,
    ),
    question(
        "openai-completions",
        "/v1/completions",
        OPENAI,
        model="gpt-3.5-turbo-instruct",
        prompt=TASK,
        temperature=0.7,
        max_tokens=STREAMED_TOKENS,
        stream=True,
    ),
    question(
        "anthropic-messages",
        "/v1/messages",
        ANTHROPIC,
        model="claude-sonnet-4-5",
        messages=[{"role": "user", "content": TASK}],
        temperature=0.7,
        max_tokens=STREAMED_TOKENS,
        stream=True,
    ),
    question(
        "gemini-generate",
        f"{GEMINI}:streamGenerateContent?alt=sse",
        GOOGLE,
        contents=[{"role": "user", "parts": [{"text": TASK}]}],
        generationConfig={"temperature": 0.7, "maxOutputTokens": STREAMED_TOKENS},
    ),
    question(
        "gemini-generate-array",
        f"{GEMINI}:streamGenerateContent",
        GOOGLE,
        contents=[{"role": "user", "parts": [{"text": TASK}]}],
        generationConfig={"temperature": 0.7, "maxOutputTokens": STREAMED_TOKENS},
    ),
)
"""The same task, chat's first."""
