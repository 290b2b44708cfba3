"""Messages: the files that a request refers to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from understudy.errors import Failure
from understudy.model import Request


def file_ids(raw: dict[str, Any]) -> Iterator[str]:
    """The ids of the files that a request could be read to refer to, those in tools' results included."""
    for message in raw["messages"]:
        yield from _file_ids(message["content"])


def _file_ids(content: Any) -> Iterator[str]:
    for block in content if type(content) is list else ():
        source = block.get("source")
        if type(source) is dict and source.get("type") == "file":
            yield source["file_id"]
        yield from _file_ids(block.get("content"))


def missing(request: Request) -> Failure | None:
    """The refusal of a request that refers to a file which is not there."""
    id = min(request.refers, default=None)
    return None if id is None else Failure(404, "not_found", f"File not found: {id}")
