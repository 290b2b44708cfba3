"""The models on offer, and what is known of the vendors' own. Any other name is answered all the same.

Sources of the numbers: the vendors' model pages and the limits that their refusals name, as public issue
trackers quote them, read 2026-11; for Claude also github.com/anthropics/skills, claude-api. Nothing is known
of a name that is not here: where sources differ, the larger number stands, so that nothing is refused that
the vendor would answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Literal

from msgspec import Struct

from understudy.caching import cached
from understudy.model import ModelInfo, Pace

DEFAULT_MODELS = (
    ModelInfo("mock-llm-v1"),
    ModelInfo("mock-gpt-4"),
    ModelInfo("mock-claude-sonnet-4", context_window=200_000),
    ModelInfo("gpt-4o", "system", 1_715_367_049),
    ModelInfo("gpt-4o-mini", "system", 1_721_172_741),
    ModelInfo("gpt-4.1", "system", 1_744_316_542, 1_047_576),
    ModelInfo("gpt-5", "system", 1_754_425_777, 400_000),
    ModelInfo("gpt-3.5-turbo-instruct", "system", 1_692_901_427, 4_097),
    ModelInfo("text-embedding-3-small", "system", 1_705_948_997, 8_192),
    ModelInfo("text-embedding-3-large", "system", 1_705_953_180, 8_192),
)

Family = Literal["chat", "responses", "completion", "embedding"]
"""What a model is asked through: `responses` are those that Chat Completions does not have."""


class Known(Struct, frozen=True, gc=False):
    """What is known of a vendor's model, in tokens.

    `window` holds input and output together. `input` is a limit for the input alone, in place of a sum;
    `dimensions` is the length of an embedding, and `shortens` says whether less can be asked for.
    """

    family: Family
    window: int
    output: int = 0
    input: int | None = None
    dimensions: int = 0
    shortens: bool = True


def _reasoning(window: int, family: Family = "chat") -> Known:
    """GPT-5 and later: a limit for the input, which leaves room for the longest output."""
    return Known(family, window, 128_000, window - 128_000)


_O1 = Known("chat", 200_000, 100_000, 200_000)
_O1_PRO = Known("responses", 200_000, 100_000, 200_000)
_GPT4, _GPT4_TURBO = Known("chat", 8_192, 8_192), Known("chat", 128_000, 4_096)
_GPT4O, _GPT41 = Known("chat", 128_000, 16_384), Known("chat", 1_047_576, 32_768)
_GPT5, _GPT5_ONLY = _reasoning(400_000), _reasoning(400_000, "responses")
_LONG, _LONG_ONLY = _reasoning(1_050_000), _reasoning(1_050_000, "responses")


def _input(window: int, output: int) -> Known:
    """Models that limit the input alone, and end an answer where their window does."""
    return Known("chat", window, output, window)


_CLAUDE_3, _CLAUDE_35 = Known("chat", 200_000, 4_096), Known("chat", 200_000, 8_192)
_OPUS_4, _CLAUDE_45 = Known("chat", 200_000, 32_000), _input(200_000, 64_000)
_CLAUDE = _input(1_000_000, 128_000)
_GEMINI_2, _GEMINI = _input(1_048_576, 8_192), _input(1_048_576, 65_536)

KNOWN: dict[str, Known] = {
    "gpt-3.5-turbo": Known("chat", 16_385, 4_096),
    "gpt-3.5-turbo-0301": Known("chat", 4_097, 4_096),
    "gpt-3.5-turbo-0613": Known("chat", 4_097, 4_096),
    "gpt-3.5-turbo-16k": Known("chat", 16_385, 16_384),
    "gpt-3.5-turbo-instruct": Known("completion", 4_097, 4_096),
    "davinci-002": Known("completion", 16_384, 16_384),
    "babbage-002": Known("completion", 16_384, 16_384),
    "gpt-4": _GPT4,
    "gpt-4-32k": Known("chat", 32_768, 32_768),
    "gpt-4-1106-preview": _GPT4_TURBO,
    "gpt-4-0125-preview": _GPT4_TURBO,
    "gpt-4-vision-preview": _GPT4_TURBO,
    "gpt-4-1106-vision-preview": _GPT4_TURBO,
    "gpt-4-turbo": _GPT4_TURBO,
    "gpt-4-turbo-preview": _GPT4_TURBO,
    "gpt-4o": _GPT4O,
    "gpt-4o-2024-05-13": Known("chat", 128_000, 4_096),
    "gpt-4o-mini": _GPT4O,
    "chatgpt-4o": _GPT4O,
    "gpt-4o-audio-preview": _GPT4O,
    "gpt-4o-mini-audio-preview": _GPT4O,
    "gpt-4o-search-preview": _GPT4O,
    "gpt-4o-mini-search-preview": _GPT4O,
    "gpt-4.1": _GPT41,
    "gpt-4.1-mini": _GPT41,
    "gpt-4.1-nano": _GPT41,
    "o1-preview": Known("chat", 128_000, 32_768, 128_000),
    "o1-mini": Known("chat", 128_000, 65_536, 128_000),
    "o1": _O1,
    "o1-pro": _O1_PRO,
    "o3": _O1,
    "o3-mini": _O1,
    "o3-pro": _O1_PRO,
    "o4-mini": _O1,
    "gpt-5": _GPT5,
    "gpt-5-mini": _GPT5,
    "gpt-5-nano": _GPT5,
    "gpt-5-chat": _GPT4O,
    "gpt-5-codex": _GPT5_ONLY,
    "gpt-5-pro": _GPT5_ONLY,
    "gpt-5.1": _GPT5,
    "gpt-5.1-chat": _GPT4O,
    "gpt-5.1-codex": _GPT5_ONLY,
    "gpt-5.1-codex-mini": _GPT5_ONLY,
    "gpt-5.1-codex-max": _GPT5_ONLY,
    "gpt-5.2": _GPT5,
    "gpt-5.2-chat": _GPT4O,
    "gpt-5.2-codex": _GPT5_ONLY,
    "gpt-5.2-pro": _GPT5_ONLY,
    "gpt-5.3-chat": _GPT4O,
    "gpt-5.3-codex": _GPT5_ONLY,
    "gpt-5.4": _LONG,
    "gpt-5.4-mini": _LONG,
    "gpt-5.4-nano": _LONG,
    "gpt-5.4-pro": _LONG_ONLY,
    "gpt-5.5": _LONG,
    "gpt-5.5-pro": _LONG_ONLY,
    "gpt-5.6": _LONG,
    "gpt-5.6-luna": _LONG,
    "gpt-5.6-sol": _LONG,
    "gpt-5.6-terra": _LONG,
    "gpt-6-astra": _LONG,
    "claude-3-haiku": _CLAUDE_3,
    "claude-3-opus": _CLAUDE_3,
    "claude-3-5-haiku": _CLAUDE_35,
    "claude-3-5-sonnet": _CLAUDE_35,
    "claude-3-7-sonnet": Known("chat", 200_000, 128_000),
    "claude-opus-4": _OPUS_4,
    "claude-opus-4-0": _OPUS_4,
    "claude-opus-4-1": _OPUS_4,
    "claude-sonnet-4": Known("chat", 1_000_000, 64_000),
    "claude-sonnet-4-0": Known("chat", 1_000_000, 64_000),
    "claude-haiku-4-5": _CLAUDE_45,
    "claude-opus-4-5": _CLAUDE_45,
    "claude-sonnet-4-5": _input(1_000_000, 64_000),
    "claude-opus-4-6": _CLAUDE,
    "claude-sonnet-4-6": _CLAUDE,
    "claude-opus-4-7": _CLAUDE,
    "claude-opus-4-8": _CLAUDE,
    "claude-opus-5": _CLAUDE,
    "claude-sonnet-5": _CLAUDE,
    "claude-fable-5": _CLAUDE,
    "claude-fable-5-1": _CLAUDE,
    "claude-mythos-5": _CLAUDE,
    "claude-mythos-5-1": _CLAUDE,
    "gemini-1.5-flash": _GEMINI_2,
    "gemini-1.5-pro": _input(2_097_152, 8_192),
    "gemini-2.0-flash": _GEMINI_2,
    "gemini-2.0-flash-lite": _GEMINI_2,
    "gemini-2.5-flash": _GEMINI,
    "gemini-2.5-flash-lite": _GEMINI,
    "gemini-2.5-pro": _GEMINI,
    "gemini-3-flash": _GEMINI,
    "gemini-3-pro": _GEMINI,
    "gemini-3.1-flash-lite": _GEMINI,
    "gemini-3.1-pro": _GEMINI,
    "text-embedding-ada-002": Known("embedding", 8_192, dimensions=1_536, shortens=False),
    "text-embedding-3-small": Known("embedding", 8_192, dimensions=1_536),
    "text-embedding-3-large": Known("embedding", 8_192, dimensions=3_072),
}
_MOCKS = {info.id: info for info in DEFAULT_MODELS if info.id not in KNOWN}
_SNAPSHOT = re.compile(r"-(\d{4}-\d\d-\d\d|\d{8}|\d{4}|\d{3}|latest|preview(-\d\d-\d\d(-\d{4})?)?)$")


@cached(entries=1_024, longest=256)
def known(model: str) -> Known | None:
    """What is known of a model; of a dated snapshot or a fine-tuned model, what is known of its base."""
    base = model.split(":")[1] if model.startswith("ft:") else model
    return KNOWN.get(base) or KNOWN.get(_SNAPSHOT.sub("", base))


def window_of(model: str) -> int | None:
    """The model's context window; None where it is not known."""
    if model in _MOCKS:
        return _MOCKS[model].context_window
    return found.window if (found := known(model)) else None


def pace_of(models: Sequence[ModelInfo], name: str) -> Pace | None:
    """The pace of the listed model of this name, if it has one of its own."""
    for info in models:
        if info.id == name:
            return info.pace
    return None


def is_tuned(model: str) -> bool:
    """Whether a model's name says that it was fine-tuned: the only ones that are somebody's to delete."""
    return model.startswith("ft:") or ":ft-" in model


class Catalog:
    """The models that a space offers: those listed, without those that were deleted since.

    A vendor's own model, or one tuned from it, is to be found although it is not listed; where `any_id` is
    fine, any other is, too.
    """

    def __init__(self, listed: Callable[[], tuple[ModelInfo, ...]], any_id: bool = False) -> None:
        self._listed = listed
        self._any_id = any_id
        self._deleted: set[str] = set()

    @property
    def models(self) -> tuple[ModelInfo, ...]:
        if not self._deleted:
            return self._listed()
        return tuple([info for info in self._listed() if info.id not in self._deleted])

    def lists(self, model: str) -> bool:
        return any(info.id == model for info in self.models)

    def find(self, model: str) -> ModelInfo | None:
        """The model of this name; None where there is none."""
        for info in self.models:
            if info.id == model:
                return info
        found = known(model)
        if found is None:
            return ModelInfo(model) if self._any_id else None
        owner = model.split(":")[2:3] if model.startswith("ft:") else ["system"]
        return ModelInfo(model, owner[0] if owner else "system", context_window=found.window)

    def delete(self, model: str) -> None:
        """Offer a model no more."""
        self._deleted.add(model)

    def reset(self) -> None:
        """Offer all that is listed again."""
        self._deleted.clear()
