"""Anthropic's messages: what makes each refused example right."""

from __future__ import annotations

from typing import Any

HI = {"role": "user", "content": "Hi"}
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
}
