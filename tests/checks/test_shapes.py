"""The shapes, compared with the vendor's SDK: what its types refuse, and that alone, is a mismatch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from openai import BaseModel, OpenAI
from openai.types import CompletionUsage, ErrorObject, Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import ValidationError
from upstreams import MODELS, USAGE, answered, chunks, edited, good, upstream

from understudy.checks.shapes import (
    CHUNK,
    COMPLETION,
    ERROR,
    Schema,
    mismatches,
    path,
    words,
)
from understudy.checks.shapes import (
    MODELS as MODELS_SHAPE,
)

ASKED = {"model": "small-1", "messages": [{"role": "user", "content": "Hi"}]}
DETAILS = {
    "prompt_tokens_details": {"cached_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0},
}
WHOLE = answered(ASKED) | {"system_fingerprint": "fp_1", "service_tier": "default", "usage": USAGE | DETAILS}
CALLING = answered(ASKED | {"tool_choice": "required"})
FIRST, *_, LAST, COUNTED = chunks(ASKED)
ERROR_BODY = {"message": "no", "type": "invalid_request_error", "param": None, "code": None}


def places(value: Any, before: str = "") -> Iterator[str]:
    """Where something can be taken out: `choices`, `choices.0.message`, ... but no item of a list."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in items:
        here = f"{before}.{name}" if before else str(name)
        if isinstance(value, dict):
            yield here
        yield from places(inner, here)


def refused(kind: type[BaseModel], value: Any) -> bool:
    """Whether the SDK's type refuses the value."""
    try:
        kind.model_validate(value, strict=True)
    except ValidationError:
        return True
    return False


CASES: list[tuple[type[BaseModel], Schema, Any]] = [
    (ChatCompletion, COMPLETION, WHOLE),
    (ChatCompletion, COMPLETION, CALLING),
    (ChatCompletionChunk, CHUNK, FIRST),
    (ChatCompletionChunk, CHUNK, LAST),
    (ChatCompletionChunk, CHUNK, COUNTED),
]
MADE = [(kind, schema, value, place) for kind, schema, value in CASES for place in places(value)]
each_place = pytest.mark.parametrize(
    ("kind", "schema", "value", "place"), MADE, ids=[f"{kind.__name__}-{place}" for kind, _, _, place in MADE]
)


@each_place
def test_a_field_is_required_where_the_sdk_requires_it(
    kind: type[BaseModel], schema: Schema, value: Any, place: str
) -> None:
    without = edited(value, place)
    assert bool(mismatches(without, schema)) == refused(kind, without)


@each_place
@pytest.mark.parametrize("wrong", [None, 5, "text", [], {}, True], ids=str)
def test_what_passes_here_the_sdk_takes_too(
    kind: type[BaseModel], schema: Schema, value: Any, place: str, wrong: Any
) -> None:
    changed = edited(value, place, wrong)
    if not mismatches(changed, schema) and place not in LOOSE:
        assert not refused(kind, changed)


LOOSE = {
    "service_tier": "gateways have tiers of their own",
    "choices.0.logprobs": "an object is enough: nobody asked for log probabilities",
    "choices.0.delta.tool_calls": "calls in a stream are not asked for",
}
"""Fields that the check does not look into, and why."""


@pytest.mark.parametrize("place", [*places(MODELS["data"], "data")])
def test_models_are_refused_where_the_sdk_refuses_one(place: str) -> None:
    without = edited(MODELS, place)
    models: list[Any] = without["data"]
    assert bool(mismatches(without, MODELS_SHAPE)) == any(refused(Model, model) for model in models)


@pytest.mark.parametrize("place", [*places(USAGE)])
def test_usage_is_refused_where_the_sdk_refuses_it(place: str) -> None:
    without = edited(WHOLE, f"usage.{place}")
    assert bool(mismatches(without, COMPLETION)) == refused(CompletionUsage, without["usage"])


@pytest.mark.parametrize("place", ["message", "type", "param", "code"])
def test_an_error_is_refused_where_the_sdk_refuses_it(place: str) -> None:
    without = edited(ERROR_BODY, place)
    assert bool(mismatches({"error": without}, ERROR)) == refused(ErrorObject, without)


def test_the_sdk_takes_the_server_that_the_checks_are_tried_on() -> None:
    with upstream(good) as port:
        client = OpenAI(
            base_url=f"http://127.0.0.1:{port}/v1", api_key="any", _strict_response_validation=True
        )
        assert [model.id for model in client.models.list()] == ["small-1", "text-embedding-1", "large-1"]
        messages: Any = ASKED["messages"]
        answer = client.chat.completions.create(model="small-1", messages=messages)
        assert answer.choices[0].message.content == "Hello to you, my friend!"
        stream = client.chat.completions.create(
            model="small-1", messages=messages, stream=True, stream_options={"include_usage": True}
        )
        pieces = list(stream)
        assert "".join(c.delta.content or "" for piece in pieces for c in piece.choices) == (
            "Hello to you, my friend!"
        )
        assert pieces[-1].usage
        assert pieces[-1].usage.total_tokens == 18
        client.close()


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ([], "the body"),
        (["choices", 0, "message"], "choices[0].message"),
        (["data"], "data"),
    ],
)
def test_a_place_is_told_as_one_would_write_it(steps: list[str | int], text: str) -> None:
    assert path("", steps) == text


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"const": "list"}, '"list"'),
        ({"enum": ["a", "b", None]}, '"a", "b" or null'),
        ({"type": "string"}, "a string"),
        ({"type": ["string", "null"]}, "a string or null"),
        ({"type": "string", "minLength": 1}, "a string that is not empty"),
        ({"type": "array", "minItems": 1}, "an array with something in it"),
        ({"type": "integer", "minimum": 0}, "an integer, not negative"),
    ],
)
def test_what_is_expected_is_told_in_words(schema: Schema, text: str) -> None:
    assert words(schema) == text
