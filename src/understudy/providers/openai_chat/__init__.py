"""OpenAI's Chat Completions: `POST /v1/chat/completions`, whole and streamed.

Source: platform.openai.com/docs/api-reference/chat, and the types of `openai` 3.54
(`chat_completion.py`, `chat_completion_chunk.py`, `completion_create_params.py`), read 2026-11.
"""

from __future__ import annotations

from understudy.providers import openai_base as base
from understudy.providers.openai_chat.emit import body, encoder
from understudy.providers.openai_chat.parse import NAME, parse
from understudy.providers.openai_chat.read import read
from understudy.providers.openai_chat.refuse import CHECKS, complaints

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

ROUTES = (("POST", "/v1/chat/completions"),)
head = base.head
error = base.error
unrouted = base.unrouted
speaks = base.speaks
