"""How a value in a `when` is read: a bare value, or a mapping of forms."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fnmatch import translate
from typing import Any

from msgspec import Struct

from understudy.errors import Place
from understudy.matchers.forms import (
    Between,
    Both,
    Contains,
    EndsWith,
    Exists,
    Like,
    Matches,
    OneOf,
    Only,
    StartsWith,
    Test,
)
from understudy.matchers.values import Values, is_json, plain, spelled


class Kind(Struct, frozen=True, gc=False):
    """What sort of value a matcher looks at, and which forms suit it.

    `bare` makes the test of a value without a form. `narrow` names the forms that are for some of the values
    only, where they are of several types, and for which: the others do not pass then.
    """

    noun: str
    type: type
    bare: Callable[[Any], Test]
    forms: tuple[str, ...]
    narrow: Mapping[str, Kind] = {}


def glob(name: str) -> Test:
    if not any(wild in name for wild in "*?["):
        return OneOf((name,))
    return Like(name, re.compile(translate(name)))


def equal(value: object) -> Test:
    return OneOf((value,))


LETTERS = ("equals", "contains", "starts_with", "ends_with", "regex", "one_of", "exists")
TEXT = Kind("a text", str, Contains.of, LETTERS)
NAME = Kind("a name", str, glob, LETTERS)
NUMBER = Kind("a number", int, equal, ("equals", "one_of", "gt", "lt"))
FLAG = Kind("true or false", bool, equal, ("equals",))
JSON = Kind(
    "a JSON value",
    object,
    lambda value: Only(str, Contains.of(value)) if isinstance(value, str) else OneOf((value,)),
    (*LETTERS, "gt", "lt"),
    dict.fromkeys(("contains", "starts_with", "ends_with", "regex"), TEXT)
    | dict.fromkeys(("gt", "lt"), NUMBER),
)


def one(value: object, kind: Kind, place: Place) -> Any:
    """The value, if it is of this kind."""
    if is_a(value, kind.type):
        return plain(value) if kind.type is object else value
    hint = ""
    if kind.type is str and isinstance(value, bool | int | float):
        hint = f' (put it in quotes: "{spelled(value)}")'
    raise place.error(f"expected {kind.noun}, found {described(value)}{hint}")


def is_a(value: object, type: type) -> bool:
    """Whether a value is of a kind's type: `int` stands for numbers, `object` for whatever JSON has."""
    if type is object:
        return is_json(value)
    if type is int:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, type)


def described(value: object) -> str:
    """What a value in a file is, for an error's `found ...`."""
    if isinstance(value, Mapping):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    return (
        f"the {'text' if isinstance(value, str) else 'value'} {spelled(value)}"
        if value is not None
        else "nothing"
    )


def several(value: object, kind: Kind, place: Place) -> Values:
    if not isinstance(value, list) or not value:
        raise place.error(f"expected a list of values, found {described(value)}")
    return tuple(one(each, kind, place / i) for i, each in enumerate(value))


def regex(value: object, kind: Kind, place: Place) -> Test:
    pattern = one(value, kind, place)
    try:
        return Matches(re.compile(pattern))
    except re.error as e:
        raise place.error(f"not a regular expression: {e}") from None


def exists(value: object, kind: Kind, place: Place) -> Test:
    return Exists(one(value, FLAG, place))


def over(value: object, kind: Kind, place: Place) -> Test:
    low = one(value, kind, place)
    return Between(low, None, f"a number over {low}")


def under(value: object, kind: Kind, place: Place) -> Test:
    high = one(value, kind, place)
    return Between(None, high, f"a number under {high}")


FORMS: dict[str, Callable[[object, Kind, Place], Test]] = {
    "equals": lambda value, kind, place: OneOf((one(value, kind, place),)),
    "contains": lambda value, kind, place: Contains.of(one(value, kind, place)),
    "starts_with": lambda value, kind, place: StartsWith.of(one(value, kind, place)),
    "ends_with": lambda value, kind, place: EndsWith.of(one(value, kind, place)),
    "regex": regex,
    "one_of": lambda value, kind, place: OneOf(several(value, kind, place)),
    "exists": exists,
    "gt": over,
    "lt": under,
}


def read_test(value: object, kind: Kind, place: Place) -> Test:
    """Read a bare value, or a mapping of forms, which must then all hold."""
    if isinstance(value, list):
        raise place.error(
            f"expected {kind.noun} or a mapping of forms, found a list (for one of several: any)"
        )
    if not isinstance(value, Mapping):
        return kind.bare(one(value, kind, place))
    if not value:
        raise place.error(f"expected a form ({', '.join(kind.forms)}), found an empty mapping")
    tests = tuple(read_form(form, value[form], kind, place) for form in value)
    if len(tests) > 1 and value.get("exists") is False:
        raise (place / "exists").error(
            "what does not exist cannot be tested: let `exists: false` stand alone"
        )
    return tests[0] if len(tests) == 1 else Both(tests)


def read_form(form: object, value: object, kind: Kind, place: Place) -> Test:
    if form not in kind.forms:
        raise place.unknown(f"form for {kind.noun}", str(form), kind.forms)
    narrow = kind.narrow.get(str(form))
    test = FORMS[str(form)](value, narrow or kind, place / str(form))
    return Only(narrow.type, test) if narrow else test


# --- JSON Schema, for editors ------------------------------------------------------------------------

Schema = dict[str, Any]
TYPES: Mapping[type, Schema] = {
    str: {"type": "string"},
    int: {"type": "number"},
    bool: {"type": "boolean"},
    object: {},
}


def value_schema(kind: Kind) -> Schema:
    """The JSON Schema of what `read_test` reads: a bare value, or a mapping of forms."""
    bare = TYPES[kind.type] or {"type": ["string", "number", "boolean", "null"]}
    return {"anyOf": [bare, forms_schema(kind)]}


def forms_schema(kind: Kind) -> Schema:
    return {
        "type": "object",
        "properties": {form: form_schema(form, kind.narrow.get(form, kind)) for form in kind.forms},
        "additionalProperties": False,
        "minProperties": 1,
    }


def form_schema(form: str, kind: Kind) -> Schema:
    if form == "exists":
        return TYPES[bool]
    if form == "one_of":
        return {"type": "array", "items": TYPES[kind.type], "minItems": 1}
    if form == "regex":
        return {"type": "string", "format": "regex"}
    return TYPES[kind.type]
