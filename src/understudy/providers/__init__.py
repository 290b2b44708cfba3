"""The wire APIs that are imitated. To add one: a module like these, and its line in PROVIDERS."""

from __future__ import annotations

from understudy.providers import openai_chat, openai_completions, openai_embeddings, openai_models
from understudy.providers.base import Provider

PROVIDERS: tuple[Provider, ...] = (
    openai_chat,
    openai_completions,
    openai_embeddings,
    openai_models,
)
"""In order; the first one spells the errors of what belongs to none."""
