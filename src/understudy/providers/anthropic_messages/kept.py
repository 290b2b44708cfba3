"""Messages: the files that a request refers to. Of the answers nothing is kept."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from understudy.model import Reply, Request, Resource
from understudy.providers.anthropic_messages.parse import NAME
from understudy.providers.base import Kept

__all__ = ["NAME", "kept", "recalled"]
FILES = "files"
"""The name of the collection."""


def recalled(request: Request, kept: Kept) -> Request:
    """The request; `refers` keeps the ids of the files that are not there."""
    missing = [id for id in request.refers if kept.find(FILES, id) is None]
    return replace(request, refers=frozenset(missing), items=())


def kept(reply: Reply, request: Request, answer: Resource) -> Iterator[tuple[str, Resource]]:
    """Nothing is kept of an answer."""
    return iter(())
