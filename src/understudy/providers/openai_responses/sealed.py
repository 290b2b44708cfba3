"""Responses: what is said to be encrypted: here in base64, so that nothing is lost when it comes back."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from understudy.providers.base import decode, encode

START = "gAAAAA"
"""How everything begins that the API encrypts."""


def sealed(items: list[dict[str, Any]]) -> str:
    """Items as the content of a compaction."""
    return START + urlsafe_b64encode(encode(items)).decode()


def opened(item: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """The items in a compaction; in one of another server's, none."""
    try:
        items = decode(urlsafe_b64decode(str(item.get("encrypted_content")).removeprefix(START)))
    except (ValueError, RecursionError):
        return ()
    well = isinstance(items, list) and all(isinstance(each, dict) for each in items)
    return tuple(items) if well else ()
