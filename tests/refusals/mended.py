"""For each row that finds something: what to change in its example to make it right.

`MENDED[api, name]` are fields to put in place of the example's; `...` takes one away.
"""

from __future__ import annotations

from typing import Any

from mended_chat import CHAT

MENDED: dict[tuple[str, str], dict[str, Any]] = {
    ("openai-chat", name): changes for name, changes in CHAT.items()
}
