"""Chat Completions: what makes each refused example right."""

from __future__ import annotations

from typing import Any

USER = {"role": "user", "content": "Hi"}

CHAT: dict[str, dict[str, Any]] = {
    "no messages": {"messages": [USER]},
}
