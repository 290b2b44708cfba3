"""Chat Completions: what is kept of an answer whose request asks for it, with `store`."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from understudy.model import Reply, Request, Resource
from understudy.providers.base import Kept
from understudy.providers.openai_chat.parse import NAME

__all__ = ["COLLECTION", "NAME", "kept", "recalled"]

COLLECTION = "chat/completions"


def recalled(request: Request, kept: Kept) -> Request:
    """No request refers to what was kept: a conversation is sent whole."""
    return request


def kept(reply: Reply, request: Request, answer: Resource) -> Iterator[tuple[str, Resource]]:
    yield COLLECTION, replace(answer, id=f"chatcmpl-{reply.id}")
