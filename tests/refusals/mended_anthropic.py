"""Anthropic's messages: what makes each refused example right."""

from __future__ import annotations

from typing import Any

HI = {"role": "user", "content": "Hi"}
HELLO = {"type": "text", "text": "Hello"}
THOUGHTS = {"type": "thinking", "thinking": "Hm.", "signature": "x"}
FIVE_MINUTES = {"cache_control": {"type": "ephemeral"}}
AN_HOUR = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
CALLED = {
    "role": "assistant",
    "content": [{"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}}],
}
ANSWERED = {
    "role": "user",
    "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "21 degrees"}],
}
ANTHROPIC: dict[str, dict[str, Any]] = {
    "temperature": {"temperature": ...},
    "top_p": {"top_p": ...},
    "top_k": {"top_k": ...},
    "a message without content": {"messages": [HI, {"role": "assistant", "content": "Hello"}, HI]},
    "an empty text": {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]},
    "a blank text": {"messages": [{"role": "user", "content": [{"type": "text", "text": " Hi"}]}]},
    "a call without its result": {"messages": [HI, CALLED, ANSWERED]},
    "a result without its call": {"messages": [HI, CALLED, ANSWERED]},
    "too little to think with": {"thinking": {"type": "enabled", "budget_tokens": 1_024}},
    "no room beside thinking": {"thinking": {"type": "enabled", "budget_tokens": 2_047}},
    "thinking with a forced tool": {"tool_choice": {"type": "auto"}},
    "a mark on thoughts": {
        "messages": [HI, {"role": "assistant", "content": [THOUGHTS, HELLO | FIVE_MINUTES]}, HI]
    },
    "more than four marks": {"messages": [{"role": "user", "content": [HELLO | FIVE_MINUTES] * 4}]},
    "an hour after five minutes": {
        "messages": [{"role": "user", "content": [HELLO | AN_HOUR, HELLO | FIVE_MINUTES]}]
    },
    "a mark on an empty text": {"messages": [{"role": "user", "content": [HELLO | FIVE_MINUTES]}]},
}
