"""Whether a request fits into the window of its model.

The limits of Chat Completions are on the sum of messages, functions and the answer that was asked for;
for reasoning models, on the input alone. Completions and embeddings look at each prompt by itself.
Source: the refusals quoted in public issue trackers, read 2026-11; `openai_base` has their words.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from understudy import tokens, usage
from understudy.catalog import known
from understudy.errors import Failure
from understudy.model import EmbeddingRequest, Request

MOST_EMBEDDED = 300_000
"""Tokens of all inputs of one embedding request together; platform.openai.com/docs, `embeddings/create`."""


def over_window(
    request: Request | EmbeddingRequest, input: int, window: int, encoding: str
) -> Failure | None:
    """Why the request does not fit into `window` tokens, None where it does.

    `input` are the tokens of all that was sent, counted by `encoding`. The failure's facts are `window`,
    `input`, `output` (asked for, 0 if it was not) and `operation`; for a chat `functions` and `apart`
    (the limit is on the input alone), for an embedding `place`, or `most` where all inputs together are
    too many.
    """
    if isinstance(request, EmbeddingRequest):
        return _embedding(request, input, window, encoding)
    output = request.sampling.max_tokens or 0
    if request.operation == "completion":
        if input + output <= window:
            return None
        return _completion(request, output, window, encoding)
    found = known(request.model)
    if found is not None and found.input is not None and window == found.window:
        apart, window, output = found.input < window, found.input, 0
    else:
        apart = False
    if input + output <= window:
        return None
    functions = usage.tools(request.tools, encoding)
    return _failure("chat", window, input, output, functions=functions, apart=apart)


def _completion(request: Request, output: int, window: int, encoding: str) -> Failure | None:
    prompts = (request.messages, *request.more)
    longest = _longest((messages[0].text for messages in prompts), encoding)
    return _failure("completion", window, longest, output) if longest + output > window else None


def _embedding(request: EmbeddingRequest, input: int, window: int, encoding: str) -> Failure | None:
    if input <= window:
        return None
    alone = len(request.inputs) == 1 and type(request.raw.get("input")) is str
    for index, text in enumerate(request.inputs):
        if tokens.count(text, encoding) > window:
            place = "input" if alone else f"input[{index}]"
            return _failure("embedding", window, input, 0, place=place)
    if input > MOST_EMBEDDED:
        return _failure("embedding", window, input, 0, most=MOST_EMBEDDED)
    return None


def _longest(texts: Iterable[str], encoding: str) -> int:
    return max(tokens.count(text, encoding) for text in texts)


def _failure(operation: str, window: int, input: int, output: int, **more: Any) -> Failure:
    facts = {"operation": operation, "window": window, "input": input, "output": output, **more}
    return Failure(None, "context_length", facts=facts)
