"""The generator's values are checked by `jsonschema`, an implementation other than its own verifier."""

from __future__ import annotations

import json
from typing import Any, Literal

import jsonschema  # type: ignore[import-untyped]
import jsonschema_rs
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from understudy.autopilot.schema import instance, matches, merged, sample

Schema = dict[str, Any]


def is_valid(schema: Schema, value: object) -> bool:
    return bool(jsonschema.Draft202012Validator(schema).is_valid(value))


# --- one keyword at a time ------------------------------------------------------------------------------

LITERAL: list[tuple[Schema, object]] = [
    ({"const": {"a": [1]}}, {"a": [1]}),
    ({"enum": ["red", "green"]}, "red"),
    ({"type": "string", "default": "lemon"}, "lemon"),
    ({"type": "string", "examples": ["plum", "pear"]}, "plum"),
    ({"type": "integer"}, 1),
    ({"type": "integer", "minimum": 5}, 5),
    ({"type": "integer", "exclusiveMinimum": 5}, 6),
    ({"type": "integer", "maximum": -3}, -3),
    ({"type": "integer", "maximum": 10**400}, 1),  # more than a float holds: no sensible bound
    ({"type": "integer", "exclusiveMaximum": -3}, -4),
    ({"type": "number", "exclusiveMinimum": 1, "exclusiveMaximum": 2}, 1.5),
    ({"type": "integer", "multipleOf": 7, "minimum": 8}, 14),
    ({"type": "number", "multipleOf": 0.25, "minimum": 0.3, "maximum": 0.6}, 0.5),
    ({"type": "string", "maxLength": 3}, "exa"),
    ({"type": "string", "minLength": 10, "maxLength": 12}, "example exam"),
    ({"type": "string", "format": "date"}, "2026-01-15"),
    ({"type": "string", "format": "uuid"}, "6f1b2c3d-4e5f-4a6b-8c7d-000000000000"),
    ({"type": "string", "pattern": r"^[A-Z]{3}-\d{4}$"}, "ABC-3456"),
    ({"type": "array", "items": {"type": "integer"}, "minItems": 3}, [1, 2, 3]),
    ({"type": "array", "items": {"enum": ["a", "b", "c"]}, "uniqueItems": True}, ["a", "b"]),
    ({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "null"}], "items": False}, [1, None]),
    ({"type": "array", "items": {"type": "integer"}, "contains": {"const": 9}}, [1, 9]),
    ({"type": "array", "maxItems": 0}, []),
    ({"type": "object", "properties": {"name": {"type": "string"}}}, {"name": "Ada Lovelace"}),
    ({"type": "object", "minProperties": 1, "additionalProperties": {"type": "null"}}, {"key1": None}),
    ({"type": "object", "patternProperties": {"^x-": {"const": 1}}, "minProperties": 1}, {"x-": 1}),
    ({"type": "object", "properties": {"a": {}, "b": {}}, "required": ["b"], "maxProperties": 1}, {"b": "b"}),
    ({"properties": {"a": {"const": 1}}, "dependentRequired": {"a": ["b"]}}, {"a": 1, "b": "b"}),
    ({"allOf": [{"type": "integer", "minimum": 3}, {"maximum": 9, "multipleOf": 4}]}, 4),
    ({"anyOf": [{"type": "null"}, {"type": "boolean"}]}, True),
    ({"type": "integer", "oneOf": [{"multipleOf": 2}, {"multipleOf": 3}], "minimum": 6}, 8),
    ({"type": ["integer", "null"], "not": {"minimum": 0}, "maximum": 0}, -1),
    ({"if": {"required": ["a"]}, "then": {"required": ["b"]}, "type": "object"}, {"a": "a", "b": "b"}),
    ({"if": {"type": "object"}, "then": False, "else": {"const": 3}}, 3),
    ({"not": {"type": "string"}}, 1),
    ({"type": "object", "properties": {"a": False}, "additionalProperties": False}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "value"), LITERAL, ids=[json.dumps(s)[:70] for s, _ in LITERAL])
def test_each_keyword_is_kept(schema: Schema, value: object) -> None:
    assert instance(schema) == value
    assert is_valid(schema, value)


FORMATS = ["date-time", "date", "time", "email", "uri", "uuid", "ipv4", "ipv6", "hostname", "duration"]


@pytest.mark.parametrize("form", FORMATS)
def test_five_different_values_of_a_format_are_all_valid(form: str) -> None:
    schema = {
        "type": "array",
        "items": {"type": "string", "format": form},
        "uniqueItems": True,
        "minItems": 5,
    }
    value = instance(schema)
    assert len(set(value)) == 5
    assert jsonschema_rs.validator_for(schema, validate_formats=True).is_valid(value)


# --- what the words say ---------------------------------------------------------------------------------


def properties(*names: str, kind: str = "string") -> Schema:
    return {"type": "object", "properties": {name: {"type": kind} for name in names}, "required": list(names)}


WORDS: list[tuple[Schema, str, object]] = [
    (properties("city"), "What's the weather in Paris?", {"city": "Paris"}),
    (properties("location"), "weather in New York please", {"location": "New York"}),
    (properties("city"), "Is it raining?", {"city": "Paris"}),
    (properties("expression"), "What is 12 * 7?", {"expression": "12 * 7"}),
    (properties("a", "b", kind="number"), "Add 12 and 7.5", {"a": 12, "b": 7.5}),
    (properties("a", "b", kind="integer"), "Add 12 and 7.", {"a": 12, "b": 7}),
    (properties("age", kind="integer"), "There are 3 of us.", {"age": 36}),
    (properties("age", kind="integer"), "Set age to all; age: 52", {"age": 52}),
    (properties("url"), "Open https://example.org/a?b=1.", {"url": "https://example.org/a?b=1"}),
    (properties("email"), "Write to grace@example.net, please.", {"email": "grace@example.net"}),
    (properties("path"), "Read notes/todo.txt for me", {"path": "notes/todo.txt"}),
    (properties("date"), "Meet me on 2026-03-01 at noon", {"date": "2026-03-01"}),
    (properties("query"), "Who wrote Emma?", {"query": "Who wrote Emma?"}),
    (properties("origin", "destination"), "Fly from Rome to Oslo", {"origin": "Rome", "destination": "Oslo"}),
    (properties("customerName"), "an order for someone named Grace Hopper", {"customerName": "Grace Hopper"}),
]


@pytest.mark.parametrize(("schema", "words", "value"), WORDS, ids=[w for _, w, _ in WORDS])
def test_values_are_taken_from_the_words(schema: Schema, words: str, value: object) -> None:
    assert instance(schema, words=words) == value


def test_an_enum_takes_the_member_that_the_words_name() -> None:
    schema = {"enum": ["celsius", "fahrenheit"]}
    assert instance(schema, words="in Fahrenheit, please") == "fahrenheit"
    assert instance(schema, words="in degrees, please") == "celsius"


def test_an_optional_property_can_be_left_out_unless_the_words_speak_of_it() -> None:
    schema = {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "unit": {"enum": ["celsius", "fahrenheit"]},
            "days": {"type": "integer"},
        },
        "required": ["city"],
    }
    assert instance(schema, words="Weather in Paris?", optional=False) == {"city": "Paris"}
    assert instance(schema, words="Weather in Paris in fahrenheit?", optional=False) == {
        "city": "Paris",
        "unit": "fahrenheit",
    }


def test_an_answer_goes_where_an_answer_is_asked_for() -> None:
    assert instance(properties("answer"), answer="It is 84.") == {"answer": "It is 84."}


def test_a_suggestion_that_is_too_long_is_not_taken() -> None:
    schema = {"type": "object", "properties": {"query": {"type": "string", "maxLength": 9}}}
    assert instance(schema, words="Who wrote Emma, and when?") == {"query": "example"}


def test_the_seed_varies_the_choice_among_equals() -> None:
    schema = {"enum": ["a", "b", "c"]}
    assert [instance(schema, seed=seed) for seed in range(4)] == ["a", "b", "c", "a"]


# --- real schemas ---------------------------------------------------------------------------------------


class Node(BaseModel):
    value: int
    children: list[Node]


class Linked(BaseModel):
    value: int = Field(gt=10)
    next: Linked | None


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = Field(ge=1, le=9)


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: list[str] = Field(min_length=1)


class Owner(BaseModel):
    name: str
    email: str = Field(pattern=r"^[\w.]+@[\w.]+$")
    pets: list[Cat | Dog] = Field(min_length=2, max_length=3)
    favourite: Cat | Dog = Field(discriminator="kind")
    scores: dict[str, float]
    point: tuple[int, str]


@pytest.mark.parametrize("model", [Node, Linked, Owner])
def test_pydantic_reads_what_is_made_for_its_schema(model: type[BaseModel]) -> None:
    schema = model.model_json_schema()
    model.model_validate_json(json.dumps(instance(schema)), strict=True)
    model.model_validate_json(json.dumps(instance(schema, optional=False)), strict=True)


def test_a_recursive_schema_ends() -> None:
    linked = {
        "$defs": {
            "node": {
                "type": "object",
                "properties": {
                    "value": {"type": "integer"},
                    "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                },
                "required": ["value", "next"],
                "additionalProperties": False,
            }
        },
        "$ref": "#/$defs/node",
    }
    end = {"value": 1, "next": {"value": 1, "next": None}}
    assert instance(linked) == end
    assert is_valid(linked, end)


def test_the_schema_of_schemas_has_an_instance() -> None:
    schema = jsonschema.Draft7Validator.META_SCHEMA
    assert jsonschema.Draft7Validator(schema).is_valid(instance(schema))


def test_the_names_of_another_dialect_are_understood() -> None:
    schema = {
        "type": "OBJECT",
        "properties": {"n": {"type": "INTEGER"}, "s": {"type": "STRING", "nullable": True}},
    }
    assert instance(schema) == {"n": 1, "s": "s"}


# --- what cannot be done ----------------------------------------------------------------------------------

IMPOSSIBLE: list[object] = [
    False,
    {"type": "integer", "minimum": 3, "maximum": 2},
    {"type": "string", "minLength": 5, "maxLength": 2},
    {"$ref": "#"},
    {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}},
    {"$ref": "http://127.0.0.1:9/nowhere.json"},
    {"$ref": "#/$defs/missing"},
    {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
    {"type": "array", "items": {"$ref": "#"}, "minItems": 2},
    {"type": "strin"},
    {"type": 5, "properties": [], "required": "a", "enum": {}, "items": 3, "minLength": "x", "pattern": 1},
    {"type": "string", "pattern": "("},
    {"type": "string", "pattern": "^(a+)+$", "minLength": 60, "not": {"pattern": "a"}},
    {"type": "array", "items": {"type": "boolean"}, "uniqueItems": True, "minItems": 3},
    {"type": "array", "minItems": 1_000_000_000},
    {"type": "string", "minLength": 1_000_000_000},
    {"multipleOf": 0},
    {"type": "integer", "minimum": 1e300},
    {"type": "number", "exclusiveMinimum": 1.7e308},
    {"type": "integer", "maximum": -(2**63) - 1},
    {"type": "number", "multipleOf": 1e-300, "minimum": 1},
    {"const": 2**64},
    {"allOf": [{"type": "string"}, {"type": "object"}]},
    {"anyOf": []},
    {"enum": []},
    [],
    None,
]


@pytest.mark.parametrize("schema", IMPOSSIBLE, ids=[json.dumps(s)[:70] for s in IMPOSSIBLE])
def test_an_impossible_schema_gets_the_best_attempt(schema: object) -> None:
    json.dumps(instance(schema))


# --- patterns -----------------------------------------------------------------------------------------------

PATTERNS = [
    *(r"^\d{3}-\d{2}-\d{4}$", r"^(foo|bar)+\w{2,}$", r"^https?://[^\s/$.?#].[^\s]*$"),
    *(r"^[^@\s]+@[^@\s]+\.[a-z]{2,}$", r"^(?:[01]\d|2[0-3]):[0-5]\d$", r"^#[0-9a-fA-F]{6}$"),
    *(r"^[A-Z][a-z]+( [A-Z][a-z]+)*$", r"^(?<year>\d{4})-(?<m>\d\d)$", r"^(?!foo)[a-z]+$"),
    *(r"^v?\d+\.\d+\.\d+(-[a-z]+)?$", r"^[\w.-]+\/[\w.-]+$", r"^$", r"a|b", r"^(a)\1$", r"^\p{L}+$"),
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_text_is_found_for_a_pattern(pattern: str) -> None:
    text = sample(pattern)
    assert text is not None
    assert matches(pattern, text)


def test_a_pattern_and_a_length_are_kept_together() -> None:
    assert sample("^[a-z]+$", least=4, most=6) == "abcd"
    assert sample("^[a-z]+$", least=40, most=40) == "abcdefghijklmnopqrstuvwxyzabcdefghijklmn"
    assert sample("^[a-z]{3}$", least=4) is None


# --- any schema -------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["name", "city", "count", "tags", "a", "email", "nested", "is_ok"])
PLAIN = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text("abc", max_size=4))


SWITCHES: st.SearchStrategy[Any] = st.booleans()


@st.composite
def numbers(draw: st.DrawFn) -> Schema:
    low = draw(st.integers(-50, 50))
    schema: Schema = {"type": draw(st.sampled_from(["integer", "number"]))}
    if draw(SWITCHES):
        schema[draw(st.sampled_from(["minimum", "exclusiveMinimum"]))] = low
    if draw(SWITCHES):
        schema[draw(st.sampled_from(["maximum", "exclusiveMaximum"]))] = low + draw(st.integers(12, 40))
    if draw(SWITCHES):
        schema["multipleOf"] = draw(st.sampled_from([1, 2, 3, 5]))
    return schema


@st.composite
def strings(draw: st.DrawFn) -> Schema:
    schema: Schema = {"type": "string"}
    kind = draw(st.sampled_from(["plain", "length", "pattern", "format"]))
    if kind == "length":
        schema["minLength"] = draw(st.integers(0, 30))
        schema["maxLength"] = schema["minLength"] + draw(st.integers(0, 5))
    if kind == "pattern":
        schema["pattern"] = draw(st.sampled_from([p for p in PATTERNS if "\\p" not in p and "<" not in p]))
    if kind == "format":
        schema["format"] = draw(st.sampled_from(FORMATS))
    return schema


def arrays(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    @st.composite
    def build(draw: st.DrawFn) -> Schema:
        schema: Schema = {"type": "array", "items": draw(inner)}
        if draw(SWITCHES):
            schema["minItems"] = draw(st.integers(0, 4))
        if draw(SWITCHES):
            schema["maxItems"] = schema.get("minItems", 0) + draw(st.integers(0, 3))
        if draw(SWITCHES):
            schema["prefixItems"] = draw(st.lists(inner, max_size=3))
        return schema

    return build()


def objects(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    @st.composite
    def build(draw: st.DrawFn) -> Schema:
        properties: Schema = draw(st.dictionaries(NAMES, inner, max_size=4))
        schema: Schema = {"type": "object", "properties": properties}
        if properties and draw(SWITCHES):
            schema["required"] = draw(st.lists(st.sampled_from(sorted(properties)), unique=True))
        if draw(SWITCHES):
            schema["additionalProperties"] = draw(SWITCHES | inner)
        elif draw(SWITCHES):
            schema["minProperties"] = draw(st.integers(0, 6))
        if properties and draw(SWITCHES):
            first = sorted(properties)[0]
            schema["dependentRequired"] = {first: sorted(properties)[-1:]}
        return schema

    return build()


def combined(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    return st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda schemas: {"anyOf": schemas}),
        inner.map(lambda schema: {"allOf": [schema, {"title": "T"}]}),
        inner.map(lambda schema: {"oneOf": [schema, {"const": "the other"}]}),
        inner.map(lambda schema: {"if": {"type": "object"}, "then": {"minProperties": 0}, **schema}),
    )


LEAVES: st.SearchStrategy[Schema] = st.one_of(
    numbers(),
    strings(),
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, {}, {"type": ["string", "null"]}]),
    st.lists(PLAIN, min_size=1, max_size=4).map(lambda members: {"enum": members}),
    PLAIN.map(lambda value: {"const": value}),
)
SCHEMAS = st.recursive(
    LEAVES, lambda inner: st.one_of(arrays(inner), objects(inner), combined(inner)), max_leaves=8
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SCHEMAS, st.sampled_from(["", "What's the weather in Paris?", "Add 12 and 7"]), st.integers(0, 3))
def test_an_instance_is_valid(schema: Schema, words: str, seed: int) -> None:
    value = instance(schema, words=words, seed=seed)
    assert is_valid(schema, value), (schema, value)
    assert instance(schema, words=words, seed=seed) == value


KEYWORDS = [
    *(
        "type",
        "properties",
        "items",
        "required",
        "enum",
        "anyOf",
        "allOf",
        "oneOf",
        "not",
        "if",
        "then",
        "else",
    ),
    *("$ref", "$defs", "minimum", "maximum", "multipleOf", "minLength", "maxLength", "pattern", "format"),
    *("minItems", "uniqueItems", "contains", "prefixItems", "const", "minProperties", "patternProperties"),
    *("dependentRequired", "dependentSchemas", "default", "examples"),
]
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(KEYWORDS),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(JSON)
@example({"$ref": "#/properties/%ZZ"})
@example({"type": ["string", {}], "anyOf": [1, None]})
def test_no_schema_breaks_the_generator(schema: object) -> None:
    json.dumps(instance(schema), allow_nan=False)


def test_two_schemas_merge_to_one_that_asks_for_both() -> None:
    a: Schema = {"type": ["integer", "string"], "minimum": 1, "required": ["a"], "multipleOf": 4}
    b: Schema = {"type": "number", "minimum": 3, "required": ["b"], "multipleOf": 6, "title": "T"}
    assert merged(a, b) == {
        "type": ["integer"],
        "minimum": 3,
        "required": ["a", "b"],
        "multipleOf": 12,
        "title": "T",
    }


def test_a_pattern_that_asks_for_an_endless_text_is_passed_over() -> None:
    assert sample("(a{1000}){1000}") is None
    assert sample("(a{10}){10}") == "a" * 100
