"""OpenAI's rules for JSON schemas. Words of the API's: the reports that docs/validation.md links."""

from __future__ import annotations

import datetime
import enum
import uuid
from decimal import Decimal
from typing import Any, Literal

import pytest
from openai import pydantic_function_tool
from openai.lib._parsing._completions import type_to_response_format_param
from openai.lib._pydantic import to_strict_json_schema
from pydantic import BaseModel, Field, TypeAdapter

from understudy.providers.openai_schema_base import format_fault, function_fault

STRING = {"type": "string"}


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Step(BaseModel):
    """A step towards the answer."""

    explanation: str
    output: str = Field(description="What comes out.")


class Solution(BaseModel):
    steps: list[Step]
    last: Step = Field(description="The step that counts.")
    perhaps: Step | None


class Tree(BaseModel):
    name: str
    children: list[Tree]
    left: Tree | None = None


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    good: bool


class Unions(BaseModel):
    pet: Cat | Dog
    pets: list[Cat | Dog]
    id: int | str
    color: Color = Field(description="Its color.")
    second: Color | None = None
    size: Literal["s", "m"]
    mixed: Literal["a", 1]


class Bounds(BaseModel):
    short: str = Field(min_length=1, max_length=9)
    code: str = Field(pattern="^[a-z]+$")
    share: float = Field(ge=0, lt=1)
    even: int = Field(multiple_of=2)
    few: list[str] = Field(min_length=1, max_length=3)
    price: Decimal


class Times(BaseModel):
    at: datetime.datetime
    day: datetime.date
    hour: datetime.time
    long: datetime.timedelta
    id: uuid.UUID


class Defaults(BaseModel):
    size: int = 5
    color: Color = Color.RED
    tags: list[str] = []
    note: str | None = None


class Empty(BaseModel):
    pass


MODELS = (Step, Solution, Tree, Unions, Bounds, Times, Defaults, Empty)
each_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)


@each_model
def test_what_the_sdk_makes_of_a_model_passes(model: type[BaseModel]) -> None:
    schema = to_strict_json_schema(model)
    assert format_fault(schema) is None
    assert function_fault(schema, strict=True) is None
    assert function_fault(schema, strict=False) is None


@each_model
def test_what_the_sdks_helpers_send_passes(model: type[BaseModel]) -> None:
    sent: Any = type_to_response_format_param(model)
    assert format_fault(sent["json_schema"]["schema"]) is None
    tool: Any = pydantic_function_tool(model)
    assert function_fault(tool["function"]["parameters"], strict=tool["function"]["strict"]) is None


@each_model
def test_a_models_own_schema_passes_where_nothing_is_strict(model: type[BaseModel]) -> None:
    schema = TypeAdapter(model).json_schema()
    if "$ref" in schema:  # a recursive model's: the API wants an object at the root
        schema |= schema["$defs"][schema.pop("$ref").rpartition("/")[2]]
    assert function_fault(schema, strict=False) is None


class Mapping(BaseModel):
    scores: dict[str, int]


class Pair(BaseModel):
    pair: tuple[int, str]


class Anything(BaseModel):
    what: Any


class Tagged(BaseModel):
    pet: Cat | Dog = Field(discriminator="kind")


@pytest.mark.parametrize(
    ("model", "fault"),
    [
        (
            Mapping,
            "In context=('properties', 'scores'), 'additionalProperties' is required to be supplied and to "
            "be false.",
        ),
        (Pair, "In context=('properties', 'pair'), array schema missing items."),
        (Anything, "In context=('properties', 'what'), schema must have a 'type' key."),
        (Tagged, "In context=('properties', 'pet'), 'oneOf' is not permitted."),
    ],
)
def test_what_the_sdk_cannot_make_strict_is_refused_as_users_report(
    model: type[BaseModel], fault: str
) -> None:
    assert format_fault(to_strict_json_schema(model)) == fault
    assert function_fault(to_strict_json_schema(model), strict=True) == fault
    assert function_fault(model.model_json_schema(), strict=False) is None


def closed(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    ("schema", "fault"),
    [
        ({}, "schema must be a JSON Schema of 'type: \"object\"', got 'type: \"None\"'."),
        (
            {"type": "array", "items": STRING},
            "schema must be a JSON Schema of 'type: \"object\"', got 'type: \"array\"'.",
        ),
        (
            {"anyOf": [closed()]},
            "schema must be a JSON Schema of 'type: \"object\"', got 'type: \"None\"'.",
        ),
        (
            closed(a=STRING) | {"required": None},
            "In context=(), 'required' is required to be supplied and to be an array including every key in "
            "properties. Missing 'a'.",
        ),
        (
            closed(a=closed(b=STRING) | {"required": []}),
            "In context=('properties', 'a'), 'required' is required to be supplied and to be an array "
            "including every key in properties. Missing 'b'.",
        ),
        (
            closed(a={"anyOf": [STRING, {"type": ["object", "null"]}]}),
            "In context=('properties', 'a', 'anyOf', '1'), 'additionalProperties' is required to be supplied "
            "and to be false.",
        ),
        (
            closed(a={"$ref": "#/$defs/B"}) | {"$defs": {"B": {"type": "array", "items": {}}}},
            "In context=('$defs', 'B', 'items'), schema must have a 'type' key.",
        ),
        (
            closed(a={"$ref": "#/definitions/B", "description": "b", "default": 1}),
            "context=('properties', 'a'), $ref cannot have keywords {'default', 'description'}.",
        ),
        (closed(a={"const": "b"}), "In context=('properties', 'a'), schema must have a 'type' key."),
        (
            closed(a={"type": "array", "items": [STRING]}),
            "In context=('properties', 'a'), array schema items is not an object.",
        ),
        (
            closed(a={"type": "string", "format": "phone"}),
            "In context=('properties', 'a'), 'phone' is not a valid format.",
        ),
        (
            closed(a=STRING, b=STRING) | {"maxProperties": 2},
            "In context=(), 'maxProperties' is not permitted.",
        ),
    ],
)
def test_a_fault_is_told_with_its_place(schema: dict[str, Any], fault: str) -> None:
    assert format_fault(schema) == fault


@pytest.mark.parametrize(
    "schema",
    [
        closed(a={"$ref": "#"}),
        closed(a={"$ref": "#/$defs/x~1y"}) | {"$defs": {"x/y": STRING}},
        closed(a={"$ref": "#/properties/b/anyOf/0"}, b={"anyOf": [STRING]}),
        closed(a={"$ref": "https://elsewhere.test/schema"}),
        closed(a={"type": ["string", "null"], "enum": ["F", "C", None]}),
        closed(a={"enum": ["F", 1]}),
        closed(a=STRING | {"default": "x", "title": "A", "minLength": 1}),
        closed() | {"$schema": "http://json-schema.org/draft-07/schema#"},
        {"type": "object", "additionalProperties": False},
        closed() | {"required": None},
        closed() | {"properties": ["a"], "$defs": 1, "items": 2},
    ],
)
def test_nothing_is_refused_for_what_is_not_known(schema: dict[str, Any]) -> None:
    assert format_fault(schema) is None


def nested(levels: int, **around: Any) -> dict[str, Any]:
    schema: dict[str, Any] = closed()
    for _ in range(levels - 1):
        schema = closed(list={"type": "array", "items": schema})
    return schema | around


def test_ten_levels_of_objects_are_the_most() -> None:
    assert format_fault(nested(10)) is None
    assert format_fault(nested(13)) == "13 levels of nesting exceeds limit of 10."


def test_a_thousand_enum_values_are_the_most() -> None:
    def schema(number: int) -> dict[str, Any]:
        values = [f"v{n}" for n in range(number)]
        return closed(a={"type": "string", "enum": values}, b={"type": "string", "enum": ["v"]})

    assert format_fault(schema(999)) is None
    assert format_fault(schema(1007)) == (
        "Expected at most 1000 enum values in total within a single schema when using structured outputs, "
        "but received 1008. Consider reducing the number of enums, or use 'strict: false' to opt out of "
        "structured outputs."
    )


@pytest.mark.parametrize("key", ["oneOf", "anyOf", "allOf", "enum", "not"])
def test_a_functions_root_is_an_object_and_nothing_else(key: str) -> None:
    words = (
        "schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level."
    )
    for strict in (True, False):
        assert function_fault(closed() | {key: []}, strict=strict) == words


def test_a_function_that_is_not_strict_is_held_to_little() -> None:
    open_object = {
        "type": "object",
        "properties": {"a": {}, "b": {"oneOf": [STRING]}, "c": {"type": "object"}},
    }
    assert function_fault(open_object, strict=False) is None
    lists = {
        "type": "object",
        "properties": {"a": {"type": "object", "properties": {"b": {"type": "array"}}}},
    }
    assert function_fault(lists, strict=False) == (
        "In context=('properties', 'a', 'properties', 'b'), array schema missing items."
    )


def test_a_schema_as_deep_as_json_can_be_is_looked_through() -> None:
    deep: dict[str, Any] = STRING
    for _ in range(300):
        deep = {"type": "array", "items": deep}
    assert format_fault(closed(a=deep)) is None
