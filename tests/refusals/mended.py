"""For each row that finds something: what to change in its example to make it right.

`MENDED[api, name]` are fields to put in place of the example's; `...` takes one away.
"""

from __future__ import annotations

from typing import Any

from mended_anthropic import ANTHROPIC, BATCHES, COUNTED
from mended_chat import CHAT
from mended_gemini import GEMINI
from mended_others import COMPLETIONS, EMBEDDINGS
from mended_responses import RESPONSES
from mended_schemas import SCHEMAS

BY_API = {
    "openai-chat": CHAT | SCHEMAS,
    "openai-responses": RESPONSES,
    "openai-completions": COMPLETIONS,
    "openai-embeddings": EMBEDDINGS,
    "gemini-generate": GEMINI,
    "anthropic-messages": ANTHROPIC | COUNTED,
    "anthropic-batches": BATCHES,
    "anthropic-tokens": COUNTED,
}
MENDED: dict[tuple[str, str], dict[str, Any]] = {
    (api, name): changes for api, mended in BY_API.items() for name, changes in mended.items()
}
