"""The wire APIs that are imitated. To add one: a module like these, and its line in PROVIDERS."""

from __future__ import annotations

from collections.abc import Mapping

from understudy.providers import (
    anthropic_batch_results,
    anthropic_batches,
    anthropic_files,
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
from understudy.providers.anthropic_messages import kept as anthropic_messages_kept
from understudy.providers.base import Keeper, Provider
from understudy.providers.gemini_generate import array as gemini_generate_array
from understudy.providers.openai_chat import kept as openai_chat_kept
from understudy.providers.openai_chat import stored as openai_stored_chat
from understudy.providers.openai_responses import compact as openai_compact
from understudy.providers.openai_responses import conversations as openai_conversations
from understudy.providers.openai_responses import kept as openai_responses_kept
from understudy.providers.openai_responses import stored as openai_stored_responses
from understudy.providers.openai_responses import tokens as openai_input_tokens

PROVIDERS: tuple[Provider, ...] = (
    openai_chat,
    openai_stored_chat,
    openai_responses,
    openai_stored_responses,
    openai_input_tokens,
    openai_compact,
    openai_conversations,
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
    anthropic_batches,
    anthropic_batch_results,
    anthropic_files,
)
"""In order; the first one spells the errors of what belongs to none."""

KEEPERS: Mapping[str, Keeper] = {
    each.NAME: each for each in (openai_chat_kept, openai_responses_kept, anthropic_messages_kept)
}
"""What is kept between two calls, by the name of the provider that answers them."""
