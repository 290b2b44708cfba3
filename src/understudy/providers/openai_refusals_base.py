"""How OpenAI's APIs refuse a field: the sentences that they share, whatever the field.

Source of each: the rows of docs/validation.md that use it.
"""

from __future__ import annotations

from typing import Any

from understudy.errors import Failure

NAMES: dict[type, str] = {
    dict: "an object",
    list: "an array",
    str: "a string",
    int: "an integer",
    float: "a decimal number",
    bool: "a boolean",
    type(None): "null",
}
"""What the API calls the types of JSON."""


def refusal(message: str, param: str | None = None, code: str | None = None) -> Failure:
    return Failure(400, "invalid_request", message, param=param, code=code)


def invalid_type(param: str, expected: str, found: Any) -> Failure:
    words = f"Invalid type for '{param}': expected {expected}, but got {NAMES[type(found)]} instead."
    return refusal(words, param, "invalid_type")


def invalid_value(param: str, found: str, supported: tuple[str, ...]) -> Failure:
    *most, last = (f"'{value}'" for value in supported)
    values = f"{', '.join(most)}, and {last}" if len(most) > 1 else " and ".join((*most, last))
    words = f"Invalid value: '{found[:100]}'. Supported values are: {values}."
    return refusal(words, param, "invalid_value")


def missing(param: str) -> Failure:
    return refusal(f"Missing required parameter: '{param}'.", param, "missing_required_parameter")


def out_of_range(param: str, found: float, bound: float, kind: str) -> Failure:
    """`found` is beyond `bound`, on either side; `kind` is `integer` or `decimal`."""
    below = found < bound
    side, sign = ("below minimum", ">=") if below else ("above maximum", "<=")
    return refusal(
        f"Invalid '{param}': {kind} {side} value. Expected a value {sign} {bound}, but got {found} instead.",
        param,
        f"{kind}_{'below_min' if below else 'above_max'}_value",
    )


def empty_array(param: str) -> Failure:
    return refusal(
        f"Invalid '{param}': empty array. Expected an array with minimum length 1, but got an empty array "
        "instead.",
        param,
        "empty_array",
    )


def empty_string(param: str) -> Failure:
    return refusal(
        f"Invalid '{param}': empty string. Expected a string with minimum length 1, but got an empty string "
        "instead.",
        param,
        "empty_string",
    )


def array_too_long(param: str, most: int, found: int) -> Failure:
    return refusal(
        f"Invalid '{param}': array too long. Expected an array with maximum length {most}, but got an array "
        f"with length {found} instead.",
        param,
        "array_above_max_length",
    )


def string_too_long(param: str, most: int, found: int) -> Failure:
    return refusal(
        f"Invalid '{param}': string too long. Expected a string with maximum length {most}, but got a string "
        f"with length {found} instead.",
        param,
        "string_above_max_length",
    )


def pattern(param: str, expected: str) -> Failure:
    return refusal(
        f"Invalid '{param}': string does not match pattern. Expected a string that matches the pattern "
        f"'{expected}'.",
        param,
        "invalid_value",
    )


def unsupported(param: str, instead: str = "") -> Failure:
    """A parameter that the model does not take."""
    hint = f" {instead}" if instead else ""
    words = f"Unsupported parameter: '{param}' is not supported with this model.{hint}"
    return refusal(words, param, "unsupported_parameter")
