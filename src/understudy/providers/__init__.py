"""The wire APIs that are imitated. To add one: a module like these, and its line in PROVIDERS."""

from __future__ import annotations

from understudy.providers import (
    anthropic_messages,
    anthropic_models,
    anthropic_tokens,
    gemini_embeddings,
    gemini_generate,
    gemini_models,
    gemini_tokens,
    openai_chat,
    openai_completions,
    openai_embeddings,
    openai_models,
    openai_responses,
)
from understudy.providers.base import Provider
from understudy.providers.gemini_generate import array as gemini_generate_array
from understudy.providers.openai_responses import tokens as openai_input_tokens

PROVIDERS: tuple[Provider, ...] = (
    openai_chat,
    openai_responses,
    openai_input_tokens,
    openai_completions,
    openai_embeddings,
    openai_models,
    gemini_generate,
    gemini_generate_array,
    gemini_tokens,
    gemini_embeddings,
    gemini_models,
    anthropic_messages,
    anthropic_tokens,
    anthropic_models,
)
"""In order; the first one spells the errors of what belongs to none."""
