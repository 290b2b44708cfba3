"""Whether a request fits into its model's window; the vendors' words are tested in test_openai_base."""

from __future__ import annotations

from typing import Any

import pytest

from understudy import usage
from understudy.model import EmbeddingRequest, Message, Request, Sampling, Text, Tool
from understudy.tokens import CL100K, O200K
from understudy.windows import over_window

TEN = "one two three four five six seven eight nine ten"


def asked(operation: str = "chat", model: str = "m", **more: Any) -> Request:
    prompt = (Message("user", (Text(TEN),)),)
    return Request("api", operation, model, prompt, {}, **more)


def facts(found: Any) -> dict[str, Any] | None:
    if found is None:
        return None
    assert (found.status, found.kind, found.message) == (None, "context_length", "")
    return dict(found.facts)


def test_a_chat_fits_up_to_its_window() -> None:
    assert over_window(asked(), 100, 100, O200K) is None
    assert facts(over_window(asked(), 101, 100, O200K)) == {
        "operation": "chat",
        "window": 100,
        "input": 101,
        "output": 0,
        "functions": 0,
        "apart": False,
    }


def test_the_answer_that_is_asked_for_counts_too() -> None:
    request = asked(sampling=Sampling(max_tokens=50))
    assert over_window(request, 50, 100, O200K) is None
    assert (facts(over_window(request, 51, 100, O200K)) or {})["output"] == 50


def test_functions_are_told_apart_from_messages() -> None:
    request = asked(tools=(Tool("f", "Does something."),))
    functions = usage.tools(request.tools, O200K)
    assert functions > 0
    assert (facts(over_window(request, 1_000, 100, O200K)) or {})["functions"] == functions


@pytest.mark.parametrize(
    ("model", "window", "limit", "apart"),
    [
        ("gpt-5", 400_000, 272_000, True),
        ("o3", 200_000, 200_000, False),
        ("gpt-4.1", 1_047_576, 1_047_576, False),
        ("claude-sonnet-5", 1_000_000, 1_000_000, False),
        ("gemini-2.5-flash", 1_048_576, 1_048_576, False),
    ],
)
def test_a_reasoning_model_limits_the_input_alone(model: str, window: int, limit: int, apart: bool) -> None:
    request = asked(model=model, sampling=Sampling(max_tokens=100 if apart else None))
    assert over_window(request, limit, window, O200K) is None
    told = facts(over_window(request, limit + 1, window, O200K)) or {}
    assert (told["window"], told["apart"], told["output"]) == (limit, apart, 0)


def test_a_window_that_a_user_gave_a_model_is_kept() -> None:
    assert (facts(over_window(asked(model="gpt-5"), 11, 10, O200K)) or {})["window"] == 10


def test_a_completion_fits_up_to_its_window() -> None:
    assert over_window(asked("completion", sampling=Sampling(max_tokens=5)), 10, 15, CL100K) is None


def test_each_prompt_of_a_completion_is_looked_at_by_itself() -> None:
    request = asked("completion", more=((Message("user", (Text("one"),)),),), sampling=Sampling(max_tokens=5))
    assert over_window(request, 11, 15, CL100K) is None
    assert facts(over_window(request, 11, 14, CL100K)) == {
        "operation": "completion",
        "window": 14,
        "input": 10,
        "output": 5,
    }


@pytest.mark.parametrize(
    ("given", "place"), [(TEN, "input"), (["one", TEN], "input[1]"), ([TEN], "input[0]"), ([1], "input[0]")]
)
def test_an_input_that_is_too_long_to_embed_is_named(given: Any, place: str) -> None:
    inputs = ("one", TEN) if given == ["one", TEN] else (TEN,)
    request = EmbeddingRequest("api", "m", inputs, {"input": given})
    assert over_window(request, 10, 10, CL100K) is None
    told = facts(over_window(request, 11, 9, CL100K)) or {}
    assert (told["operation"], told["window"], told["place"]) == ("embedding", 9, place)


def test_inputs_together_are_limited_too() -> None:
    request = EmbeddingRequest("api", "m", ("one",) * 40, {"input": ["one"] * 40})
    assert over_window(request, 300_000, 8_192, CL100K) is None
    assert facts(over_window(request, 300_001, 8_192, CL100K)) == {
        "operation": "embedding",
        "window": 8_192,
        "input": 300_001,
        "output": 0,
        "most": 300_000,
    }
