"""Reading the fields of OpenAI's requests, and the sentences that refuse them."""

from __future__ import annotations

from typing import Any

import pytest

from understudy.errors import Failure
from understudy.model import HttpRequest
from understudy.providers import openai_fields_base as reading
from understudy.providers import openai_refusals_base as say


def failure_of(call: Any, *args: Any) -> tuple[str | None, str | None, str]:
    with pytest.raises(Failure) as caught:
        call(*args)
    assert (caught.value.status, caught.value.kind) == (400, "invalid_request")
    return caught.value.param, caught.value.code, caught.value.message


def test_a_range_is_kept() -> None:
    assert [reading.integer({"x": value}, "x", 1, 3) for value in (None, 1, 3)] == [None, 1, 3]
    assert reading.integer({}, "x", 1) is None
    assert reading.integer({"x": 10**30}, "x", 1) == 10**30
    assert failure_of(reading.integer, {"x": 0}, "x", 1, 3) == (
        "x",
        "integer_below_min_value",
        "Invalid 'x': integer below minimum value. Expected a value >= 1, but got 0 instead.",
    )
    assert failure_of(reading.integer, {"x": 4}, "x", 1, 3) == (
        "x",
        "integer_above_max_value",
        "Invalid 'x': integer above maximum value. Expected a value <= 3, but got 4 instead.",
    )


@pytest.mark.parametrize(("n", "choices"), [(None, 1), (1, 1), (128, 128)])
def test_so_many_choices_are_wanted(n: int | None, choices: int) -> None:
    assert reading.choices_wanted({"n": n}) == choices


@pytest.mark.parametrize(
    ("stop", "sequences"), [(None, ()), ("x", ("x",)), (["x", "y"], ("x", "y")), ([], ())]
)
def test_stop_sequences_come_alone_or_in_an_array(stop: Any, sequences: tuple[str, ...]) -> None:
    assert reading.stop_sequences({"stop": stop}) == sequences


def test_stop_sequences_of_another_type_are_refused() -> None:
    assert failure_of(reading.stop_sequences, {"stop": 1})[:2] == ("stop", "invalid_type")
    assert failure_of(reading.stop_sequences, {"stop": ["a", 1]})[:2] == ("stop[1]", "invalid_type")


@pytest.mark.parametrize(
    ("supported", "words"),
    [
        (("a",), "'a'"),
        (("a", "b"), "'a' and 'b'"),
        (("a", "b", "c"), "'a', 'b', and 'c'"),
    ],
)
def test_supported_values_are_listed_as_the_vendor_does(supported: tuple[str, ...], words: str) -> None:
    failure = say.invalid_value("x", "z" * 200, supported)
    assert failure.message == f"Invalid value: '{'z' * 100}'. Supported values are: {words}."


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        ("one", ("one",)),
        (["one", "two"], ("one", "two")),
        ([9906, 1917], ("Hello world",)),
        ([[9906], [1917]], ("Hello", " world")),
        ([[9906], "two"], ("Hello", "two")),
        ([[]], ("",)),
        ([9906] * 3000, ("Hello" * 3000,)),
        ([], ()),
    ],
    ids=["text", "texts", "tokens", "arrays of tokens", "mixed", "no tokens", "many tokens", "nothing"],
)
def test_prompts_come_in_four_forms(given: Any, texts: tuple[str, ...]) -> None:
    assert reading.prompts({"input": given}, "input", "text-embedding-3-small") == texts


@pytest.mark.parametrize(
    ("given", "param", "code"),
    [
        (None, "input", "missing_required_parameter"),
        ({}, "input", "invalid_type"),
        (1, "input", "invalid_type"),
        ([None], "input[0]", "invalid_type"),
        (["x", 1], "input[1]", "invalid_type"),
        ([1, "x"], "input[1]", "invalid_type"),
        ([1, True], "input[1]", "invalid_type"),
        ([[1], ["x"]], "input[1][0]", "invalid_type"),
        ([-1], "input", None),
        ([[10**30]], "input[0]", None),
    ],
)
def test_prompts_of_no_form_are_refused(given: Any, param: str, code: str | None) -> None:
    assert failure_of(reading.prompts, {"input": given}, "input", "m")[:2] == (param, code)


def test_tokens_of_a_model_whose_tokenizer_is_secret_are_read_as_openais_newest() -> None:
    assert reading.prompts({"input": [13225]}, "input", "claude-x") == ("Hello",)


def test_an_unreadable_body_is_refused_without_a_field() -> None:
    param, code, message = failure_of(reading.body_object, HttpRequest("POST", "/", body=b"{"))
    assert (param, code) == (None, None)
    assert message.startswith("We could not parse the JSON body of your request.")


def test_a_body_that_is_no_object_is_refused_as_such() -> None:
    assert failure_of(reading.body_object, HttpRequest("POST", "/", body=b"[1]")) == (
        None,
        None,
        "Invalid request body: expected an object, but got an array instead.",
    )


def test_required_fields_are_named_with_their_place() -> None:
    assert failure_of(reading.required, {}, "role", reading.STRING, "messages[0].") == (
        "messages[0].role",
        "missing_required_parameter",
        "Missing required parameter: 'messages[0].role'.",
    )
    assert failure_of(reading.required_model, {"model": 1})[:2] == ("model", "invalid_type")
    assert failure_of(reading.required_model, {"model": None}) == (
        None,
        None,
        "you must provide a model parameter",
    )
