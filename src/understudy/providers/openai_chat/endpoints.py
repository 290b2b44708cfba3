"""Chat Completions: the models that the API has, but not here."""

from __future__ import annotations

from understudy.catalog import Family, known
from understudy.errors import Failure
from understudy.model import Request
from understudy.providers.base import Check

ELSEWHERE: dict[Family, str] = {
    "completion": "This is not a chat model and thus not supported in the v1/chat/completions endpoint. Did "
    "you mean to use v1/completions?",
    "responses": "This model is only supported in v1/responses and not in v1/chat/completions.",
}


def elsewhere(request: Request) -> Failure | None:
    """Finds that a model is asked through another endpoint."""
    found = known(request.model)
    words = ELSEWHERE.get(found.family) if found is not None else None
    return Failure(404, "not_found", words, param="model") if words else None


MESSAGES = [{"role": "user", "content": "Hi"}]
ENDPOINT_CHECKS: tuple[Check, ...] = (
    Check(
        "a model for completions",
        "model",
        elsewhere,
        {"model": "gpt-3.5-turbo-instruct", "messages": MESSAGES},
        "https://github.com/acheong08/ChatGPT/issues/1291",
    ),
    Check(
        "a model for responses",
        "model",
        elsewhere,
        {"model": "gpt-5-codex", "messages": MESSAGES},
        "https://github.com/n8n-io/n8n/issues/18352",
    ),
)
