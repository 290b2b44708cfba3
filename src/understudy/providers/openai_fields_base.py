"""Reading the fields of OpenAI's requests: what each must be for a request to be understood.

Each function raises a Failure, in the API's words, where a field is not what it must be.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understudy import tokens
from understudy.model import HttpRequest
from understudy.providers import openai_refusals_base as say
from understudy.providers.base import decode

_UNREADABLE = (
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP "
    "library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON. If you "
    "have trouble figuring out how to fix this, please contact us through our help center at "
    "help.openai.com.)"
)
BOOLEAN: tuple[frozenset[type], str] = (frozenset({bool}), "a boolean")
INTEGER: tuple[frozenset[type], str] = (frozenset({int}), "an integer")
DECIMAL: tuple[frozenset[type], str] = (frozenset({int, float}), "a decimal")
STRING: tuple[frozenset[type], str] = (frozenset({str}), "a string")
OBJECT: tuple[frozenset[type], str] = (frozenset({dict}), "an object")
OBJECTS: tuple[frozenset[type], str] = (frozenset({list}), "an array of objects")


def body_object(http: HttpRequest) -> dict[str, Any]:
    """The JSON object in a request's body."""
    try:
        raw = decode(http.body)
    except (ValueError, RecursionError):
        raise say.refusal(_UNREADABLE) from None
    if type(raw) is not dict:
        raise say.refusal(
            f"Invalid request body: expected an object, but got {say.NAMES[type(raw)]} instead."
        )
    return raw


def check_types(
    raw: dict[str, Any], types: Mapping[str, tuple[frozenset[type], str]], where: str = ""
) -> None:
    """Refuse fields of another type than the table says; null and unknown fields pass."""
    for key, value in raw.items():
        expected = types.get(key)
        if expected is not None and type(value) not in expected[0] and value is not None:
            raise say.invalid_type(where + key, expected[1], value)


def required(raw: dict[str, Any], key: str, expected: tuple[frozenset[type], str], where: str = "") -> Any:
    """A field that must be there and of the right type."""
    value = raw.get(key)
    if value is None:
        raise say.missing(where + key)
    if type(value) not in expected[0]:
        raise say.invalid_type(where + key, expected[1], value)
    return value


def required_model(raw: dict[str, Any]) -> str:
    model = raw.get("model")
    if model is None or model == "":
        raise say.refusal("you must provide a model parameter")
    if type(model) is not str:
        raise say.invalid_type("model", "a string", model)
    return str(model)


def stop_sequences(raw: dict[str, Any]) -> tuple[str, ...]:
    """`stop`: nothing, a string or an array of strings."""
    stop = raw.get("stop")
    if stop is None:
        return ()
    if type(stop) is str:
        return (stop,)
    if type(stop) is not list:
        raise say.invalid_type("stop", "one of a string or array of strings", stop)
    for index, each in enumerate(stop):
        if type(each) is not str:
            raise say.invalid_type(f"stop[{index}]", "a string", each)
    return tuple(stop)


def integer(raw: dict[str, Any], key: str, least: int, most: int | None = None) -> int | None:
    """A number from `least` to `most`, None where it is not given; its type was checked before."""
    value = raw.get(key)
    if value is None:
        return None
    if value < least:
        raise say.out_of_range(key, value, least, "integer")
    if most is not None and value > most:
        raise say.out_of_range(key, value, most, "integer")
    return int(value)


def choices_wanted(raw: dict[str, Any]) -> int:
    """`n`, at least 1 and at most 128."""
    return integer(raw, "n", 1, 128) or 1 if "n" in raw else 1


def prompts(raw: dict[str, Any], key: str, model: str) -> tuple[str, ...]:
    """A string, an array of strings, of token ids, or of arrays of token ids: the texts they stand for."""
    given = raw.get(key)
    if given is None:
        raise say.missing(key)
    if type(given) is str:
        return (given,)
    if type(given) is not list:
        raise say.invalid_type(
            key, "one of a string, array of strings, array of integers, or array of arrays", given
        )
    if given and type(given[0]) is int:
        return (_decoded(given, key, model),)
    return tuple([_prompt(each, f"{key}[{index}]", model) for index, each in enumerate(given)])


def _prompt(given: Any, where: str, model: str) -> str:
    if type(given) is str:
        return given
    if type(given) is list:
        return _decoded(given, where, model)
    raise say.invalid_type(where, "one of a string or array of integers", given)


def _decoded(ids: list[Any], where: str, model: str) -> str:
    for index, id in enumerate(ids):
        if type(id) is not int:
            raise say.invalid_type(f"{where}[{index}]", "an integer", id)
    try:
        return tokens.decode(ids, tokens.encoding_of(model))
    except ValueError as wrong:
        raise say.refusal(f"Invalid '{where}': {wrong}", where) from None
