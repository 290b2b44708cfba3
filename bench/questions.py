"""What is asked: the request bodies, as the guide's Postman tests send them."""

from __future__ import annotations

import json

NEEDLE = "fibonacci numbers"
STREAMED_TOKENS = 100
COUNTER = "00000000"

CHAT = json.dumps(
    {
        "model": "mock-gpt-4",
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": f"Question {COUNTER}: which train goes to the harbour at noon?"},
        ],
        "temperature": 0.7,
        "max_tokens": 1000,
    },
).encode()
"""About 230 bytes. The counter in it is what differs where no two requests may be the same."""

CHAT_NEEDLE = "which train goes to the harbour"

STREAM = json.dumps(
    {
        "model": "mock-gpt-4",
        "messages": [{"role": "user", "content": f"Write a Python function to calculate {NEEDLE}"}],
        "temperature": 0.7,
        "max_tokens": STREAMED_TOKENS,
        "stream": True,
    },
).encode()
