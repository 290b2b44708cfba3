"""The models on offer. Any other name is answered all the same."""

from __future__ import annotations

from collections.abc import Sequence

from understudy.model import ModelInfo, ModelsReply, ModelsRequest

DEFAULT_MODELS = (
    ModelInfo("mock-llm-v1"),
    ModelInfo("mock-gpt-4"),
    ModelInfo("mock-claude-sonnet-4", context_window=200_000),
    ModelInfo("gpt-4o", "system", 1_715_367_049),
    ModelInfo("gpt-4o-mini", "system", 1_721_172_741),
    ModelInfo("gpt-4.1", "system", 1_744_316_542, 1_047_576),
    ModelInfo("gpt-5", "system", 1_754_425_777, 400_000),
    ModelInfo("gpt-3.5-turbo-instruct", "system", 1_692_901_427, 4_096),
    ModelInfo("text-embedding-3-small", "system", 1_705_948_997, 8_191),
    ModelInfo("text-embedding-3-large", "system", 1_705_953_180, 8_191),
)


def listed(models: Sequence[ModelInfo], request: ModelsRequest) -> ModelsReply:
    """All models, or the one that the request names; none where there is none of that name."""
    if not request.model:
        return ModelsReply(tuple(models))
    return ModelsReply(tuple(info for info in models if info.id == request.model))
