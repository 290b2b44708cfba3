"""Chat Completions: what the API refuses in a request that can be understood.

In the order in which the API looks: first fields that there are not, then each field for itself, then
what the model does not take, last whether the messages hang together.
"""

from __future__ import annotations

from typing import Any

from understudy.errors import Failure
from understudy.model import Request
from understudy.providers import openai_refusals_base as say
from understudy.providers.base import Check, by_field

ISSUES = "https://github.com/"
MODEL = "gpt-4o"
USER = {"role": "user", "content": "Hi"}


def example(**fields: Any) -> dict[str, Any]:
    """A plain request with `fields` changed."""
    return {"model": MODEL, "messages": [USER], **fields}


def _messages(request: Request) -> Failure | None:
    if not request.raw["messages"]:
        return say.empty_array("messages")
    return None


CHECKS: tuple[Check, ...] = (
    Check(
        "no messages",
        "messages",
        _messages,
        example(messages=[]),
        ISSUES + "CopilotKit/CopilotKit/issues/529",
    ),
    Check(
        "unknown role",
        "messages",
        None,
        example(messages=[{"role": "bogus", "content": "Hi"}]),
        "https://github.com/kangminlee-maker/local-OAuth-CLI-API-adapter/blob/"
        "4bbd033089736dc80f67e9088cfd0560da1c5c91/test/openai-chat-validation-parity.test.mjs",
    ),
)
complaints = by_field(CHECKS)
