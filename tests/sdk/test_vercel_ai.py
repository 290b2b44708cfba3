"""The Vercel AI SDK, unmodified: what it makes of the three vendors' APIs, whole and streamed.

`node/ai.mjs` asks in all ways, for all kits, in one process, and prints what became of it; the rules of
`node/ai.yaml` answer, or the autopilot. `openai` is the SDK's default, Responses; `openai.chat` is Chat
Completions. Source: ai 7.0, @ai-sdk/openai, @ai-sdk/anthropic and @ai-sdk/google 4.0; they ask for Node 22,
and run on 20, too.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from calls import PATIENCE_S, Mock, Serving

NODE = Path(__file__).parent / "node"
SCRIPT, RULES, SDK = NODE / "ai.mjs", NODE / "ai.yaml", NODE / "node_modules" / "ai"
SPACES = {"openai": "responses", "openai.chat": "chat", "anthropic": "messages", "google": "gemini"}
KITS = tuple(SPACES)


def step(why: str, **called: str) -> dict[str, Any]:
    """One step of a loop: the cities whose weather was asked for, under names that do not matter."""
    cities = list(called.values())
    return {
        "calls": [["get_weather", {"city": city}] for city in cities],
        "results": [f"21 degrees in {city}" for city in cities],
        "finishReason": why,
    }


def answer(text: str, why: str, *usage: int) -> dict[str, Any]:
    """An answer: its text, why it ended, and its tokens: input, output, and reasoning among them."""
    return {"text": text, "finishReason": why, "usage": list(usage)}


HELLO = answer("Hello, how can I help you today?", "stop", 12, 9, 0)
FOUR = answer("Four.", "stop", 10, 20, 15)
BOTH = [step("tool-calls", one="Paris", other="Rome"), step("stop")]
TOLD = {"steps": [step("tool-calls", only="Paris"), step("stop")], "text": "It has 21 degrees."}
TEXT = ["text-start", "text-delta", "text-end"]
THOUGHT = ["reasoning-start", "reasoning-delta", "reasoning-end"]
CALL = ["tool-input-start", "tool-input-delta", "tool-input-end", "tool-call"]
AGAIN = ["tool-result", "finish-step", "start-step"]
BEGIN, END = ["start", "start-step"], ["finish-step", "finish"]
CUSTOM = ["custom"]
"""The SDK's own part for what `message_start` tells of Anthropic's usage."""

EVERYWHERE: dict[str, Any] = {
    "text": HELLO,
    "stream": {"kinds": [*BEGIN, *TEXT, *END], "texts": 9, "error": None, **HELLO},
    "length": answer("And so on, and so", "length", 9, 4, 0),
    "refusal": answer("I cannot help with that.", "content-filter", 9, 4, 0),
    "refusal_streamed": answer("I cannot help with that.", "content-filter", 9, 4, 0),
    "loop": {"steps": BOTH, "text": "Both have 21 degrees."},
    "loop_streamed": {
        "kinds": [*BEGIN, *TEXT, *CALL, *CALL, *AGAIN, *TEXT, *END],
        "steps": BOTH,
        "text": "Both have 21 degrees.",
    },
    "loop_unruled": {"steps": [step("tool-calls", only="Oslo"), step("stop")], "said": True},
    "agent": [step("tool-calls", only="Oslo"), step("stop")],
    "forced": [step("tool-calls", only="Oslo")],
    "object": {"city": "Oslo", "degrees": 1},
    "choice": "sunny",
    "object_streamed": {"growing": True, "output": {"city": "Oslo", "degrees": 4}},
    "reasoning": {"reasoning": "Two and two ...", **FOUR},
    "reasoning_streamed": {
        "kinds": [*BEGIN, *THOUGHT, *TEXT, *END],
        "reasoning": "Two and two ...",
        **FOUR,
    },
    "reasoning_loop": TOLD,
    "reasoning_loop_unkept": TOLD,
    "continued": "You are Ada.",
    "image": "A pixel.",
    "document": "Dear Ada.",
    "conversation": "You are Ada.",
    "wrong_key": {
        "raised": "AI_APICallError",
        "status": 401,
        "message": "Incorrect API key provided: mock-key****alid. You can find your API key at "
        "https://platform.openai.com/account/api-keys.",
        "waits": [],
    },
    "no_model": {
        "raised": "AI_APICallError",
        "status": 404,
        "message": "The model `gpt-5` does not exist or you do not have access to it.",
        "waits": [],
    },
    "bad_request": {"raised": "AI_APICallError", "status": 400, "message": "It is too odd.", "waits": []},
    "limited_twice": {"text": "At last.", "waits": [3000, 1000]},
    "limited_always": {
        "raised": "AI_RetryError",
        "status": 429,
        "message": "Too fast.",
        "waits": [2000, 4000],
    },
    "overloaded": {"raised": "AI_RetryError", "status": 503, "message": "Too busy.", "waits": [2000]},
    "broken_stream": {"began": True, "error": "It broke."},
    "aborted": [*BEGIN, "text-start", "text-delta", "abort"],
    "embed": {"length": "1.000", "dimensions": 1536, "tokens": 3},
    "embed_many": [1536, 1536, 1536],
}
OWN: dict[str, dict[str, Any]] = {
    "openai": {
        "no_model": {
            "raised": "AI_APICallError",
            "status": 400,
            "message": "The requested model 'gpt-5' does not exist.",
            "waits": [],
        },
    },
    "openai.chat": {
        # The SDK ends a text with the whole answer here, and has no words for thoughts.
        "loop_streamed": {
            "kinds": [
                *[*BEGIN, "text-start", "text-delta", *CALL[:2], *CALL[:2], "text-end", *CALL[2:], *CALL[2:]],
                *[*AGAIN, *TEXT, *END],
            ],
            "steps": BOTH,
            "text": "Both have 21 degrees.",
        },
        "reasoning": {"reasoning": None, **FOUR},
        "reasoning_streamed": {"kinds": [*BEGIN, *TEXT, *END], "reasoning": None, **FOUR},
    },
    "anthropic": {
        "stream": {"kinds": [*BEGIN, *CUSTOM, *TEXT, *END], "texts": 9, "error": None, **HELLO},
        # What explains a refusal is no content there.
        "refusal": answer("", "content-filter", 9, 4, 0),
        "refusal_streamed": answer("", "content-filter", 9, 4, 0),
        "loop_streamed": {
            "kinds": [*BEGIN, *CUSTOM, *TEXT, *CALL, *CALL, *AGAIN, *CUSTOM, *TEXT, *END],
            "steps": BOTH,
            "text": "Both have 21 degrees.",
        },
        "reasoning_streamed": {
            "kinds": [*BEGIN, *CUSTOM, *THOUGHT, *TEXT, *END],
            "reasoning": "Two and two ...",
            **FOUR,
        },
        "wrong_key": {
            "raised": "AI_APICallError",
            "status": 401,
            "message": "invalid x-api-key",
            "waits": [],
        },
        "no_model": {
            "raised": "AI_APICallError",
            "status": 404,
            "message": "model: claude-sonnet-4-5",
            "waits": [],
        },
        "overloaded": {"raised": "AI_RetryError", "status": 529, "message": "Too busy.", "waits": [2000]},
        "aborted": [*BEGIN, *CUSTOM, "text-start", "text-delta", "abort"],
    },
    "google": {
        "wrong_key": {
            "raised": "AI_APICallError",
            "status": 400,
            "message": "API key not valid. Please pass a valid API key.",
            "waits": [],
        },
        "no_model": {
            "raised": "AI_APICallError",
            "status": 404,
            "message": "models/gemini-2.5-flash is not found for API version v1beta, or is not supported "
            "for generateContent. Call ListModels to see the list of available models and their supported "
            "methods.",
            "waits": [],
        },
        # The API says when to come again in the body alone, where the SDK does not look.
        "limited_twice": {"text": "At last.", "waits": [2000, 4000]},
        "embed": {"length": "1.000", "dimensions": 3072, "tokens": None},
        "embed_many": [3072, 3072, 3072],
    },
}
ONLY = {"embed": ("openai", "google"), "embed_many": ("openai", "google"), "continued": ("openai",)}
"""Who has an API for it; the others have none."""
CASES = [(kit, case) for kit in KITS for case in EVERYWHERE if kit in ONLY.get(case, KITS)]


class Told(NamedTuple):
    """What the SDK made of each case, by kit, and the server that it asked."""

    cases: dict[str, dict[str, Any]]
    mock_url: str


@pytest.fixture(scope="module")
def told(serving: Serving) -> Iterator[Told]:
    assert SDK.exists(), "the Vercel AI SDK is not installed; run: make test"
    with serving(str(RULES)) as url:
        ran = subprocess.run(
            ["node", SCRIPT, url], check=True, capture_output=True, text=True, timeout=PATIENCE_S
        )
        yield Told(json.loads(ran.stdout), url)


@pytest.mark.parametrize(("kit", "case"), CASES)
def test_the_sdk_makes_of_it_what_it_makes_of_the_vendors_answers(kit: str, case: str, told: Told) -> None:
    assert told.cases[kit][case] == OWN[kit].get(case, EVERYWHERE[case])


def test_every_case_of_the_script_is_looked_at(told: Told) -> None:
    assert [(kit, case) for kit, cases in told.cases.items() for case in cases] == CASES


@pytest.mark.parametrize("kit", KITS)
def test_the_journal_knows_who_left_in_the_middle(kit: str, told: Told) -> None:
    calls = Mock(f"{told.mock_url}/@{SPACES[kit]}").calls()
    assert [call["outcome"] for call in calls].count("client left") == 1
