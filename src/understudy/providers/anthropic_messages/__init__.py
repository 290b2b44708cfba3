"""Anthropic's Messages: `POST /v1/messages`, whole and streamed.

Source: docs.anthropic.com/en/api/messages, and the types of `anthropic` 2.12 (`message.py`,
`raw_message_stream_event.py`, `message_create_params.py`), read 2026-11.
"""

from __future__ import annotations

from understudy.providers import anthropic_base as base
from understudy.providers.anthropic_messages.emit import body, encoder
from understudy.providers.anthropic_messages.parse import NAME, parse
from understudy.providers.anthropic_messages.read import read
from understudy.providers.anthropic_messages.refuse import CHECKS, complaints

__all__ = [
    "CHECKS",
    "NAME",
    "ROUTES",
    "body",
    "complaints",
    "encoder",
    "error",
    "head",
    "parse",
    "read",
    "speaks",
    "unrouted",
]

ROUTES = (("POST", "/v1/messages"),)
head = base.head
error = base.error
unrouted = base.unrouted
speaks = base.speaks
