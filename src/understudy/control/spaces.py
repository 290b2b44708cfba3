"""Calls about spaces, which are made by their first use."""

from __future__ import annotations

from typing import Any

from understudy.control.base import Call, Refused, Route


def listing(call: Call) -> dict[str, Any]:
    return {"spaces": call.on.spaces.names()}


def drop(call: Call) -> dict[str, Any]:
    """Forget a space and all that is in it."""
    if not call.on.spaces.drop(call.rest):
        raise Refused(404, f"there is no space {call.rest!r}", "name")
    return {"deleted": 1}


ROUTES: tuple[Route, ...] = (
    ("GET", "/spaces", listing),
    ("DELETE", "/spaces/", drop),
)
