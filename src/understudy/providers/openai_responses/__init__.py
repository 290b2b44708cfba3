"""OpenAI's Responses: `POST /v1/responses`, whole and streamed.

What is kept between two calls is in `kept.py` and `stored.py`, conversations are in `conversations.py`.

Source: platform.openai.com/docs/api-reference/responses, the types of `openai` 3.54 (`response.py`,
`response_create_params.py`, `response_stream_event.py`), and answers of the API itself, recorded in
August and September 2026: github.com/kangminlee-maker/local-OAuth-CLI-API-adapter, spec/captures.
"""

from __future__ import annotations

from understudy.errors import Failure
from understudy.model import RateLimits
from understudy.providers import openai_base as base
from understudy.providers.base import HttpReply
from understudy.providers.openai_responses.emit import body, encoder
from understudy.providers.openai_responses.parse import NAME, parse
from understudy.providers.openai_responses.read import read
from understudy.providers.openai_responses.refuse import CHECKS, complaints
from understudy.providers.openai_responses.spellings import SPELLINGS

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

ROUTES = (("POST", "/v1/responses"),)
head = base.head
unrouted = base.unrouted
speaks = base.speaks


def error(failure: Failure, id: str, limits: RateLimits | None = None) -> HttpReply:
    """OpenAI's envelope, in the words of this API where they are its own."""
    return base.error(failure, id, limits, SPELLINGS)
