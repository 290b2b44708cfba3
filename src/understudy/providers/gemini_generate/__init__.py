"""Google's Gemini: `POST /v1/models/{model}:generateContent`, and `:streamGenerateContent?alt=sse`.

Under `/v1` and `/v1beta`, and on Vertex AI's paths. A stream as a JSON array is in `array.py`.
Source: ai.google.dev/api/generate-content, and the types and converters of `google-genai` 3.4
(`types.py`, `models.py`), read 2026-11.
"""

from __future__ import annotations

from understudy.providers import gemini_base as base
from understudy.providers.gemini_generate.emit import body, encoder
from understudy.providers.gemini_generate.parse import NAME, STREAM_VERB, VERB, parse
from understudy.providers.gemini_generate.read import read
from understudy.providers.gemini_generate.refuse import CHECKS, complaints

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

ROUTES = base.routes(VERB, STREAM_VERB, tuned=True, vertex=True)
head = base.head
error = base.error
unrouted = base.unrouted
speaks = base.speaks
