"""Responses: the failures that this API says in words of its own."""

from __future__ import annotations

from collections.abc import Mapping

from understudy.errors import Kind
from understudy.providers.openai_base import INVALID, Spelling

SPELLINGS: Mapping[Kind, Spelling] = {
    # github.com/skorokithakis/sysaidmin/issues/9
    "unknown_model": Spelling(
        400, INVALID, "The requested model '{model}' does not exist.", "model_not_found", "model"
    ),
    # github.com/anomalyco/opencode/issues/6071
    "context_length": Spelling(
        400,
        INVALID,
        "Your input exceeds the context window of this model. Please adjust your input and try again.",
        "context_length_exceeded",
        "input",
    ),
}
