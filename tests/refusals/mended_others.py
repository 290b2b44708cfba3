"""Completions and embeddings: what makes each refused example right."""

from __future__ import annotations

from typing import Any

COMPLETIONS: dict[str, dict[str, Any]] = {
    "a chat model": {"model": "gpt-3.5-turbo-instruct"},
    "temperature out of range": {"temperature": 2},
    "top_p out of range": {"top_p": 1},
    "presence_penalty out of range": {"presence_penalty": 2},
    "frequency_penalty out of range": {"frequency_penalty": -2},
    "logprobs out of range": {"logprobs": 5},
    "best_of out of range": {"best_of": 20},
    "fewer to choose from than wanted": {"best_of": 2},
    "too many stops": {"stop": ["a", "b", "c", "d"]},
    "stream_options without a stream": {"stream_options": ...},
}
EMBEDDINGS: dict[str, dict[str, Any]] = {
    "a chat model": {"model": "text-embedding-3-small"},
    "no input": {"input": ["Hi"]},
    "an empty text": {"input": " "},
    "an empty text among others": {"input": ["a", " "]},
    "too many dimensions": {"dimensions": 1536},
    "dimensions of a model that has none to choose": {"dimensions": ...},
}
