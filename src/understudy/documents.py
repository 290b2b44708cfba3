"""Files that users write, YAML, JSON or TOML, read so that nothing is lost or mistaken."""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import yaml

from understudy.errors import SettingsError

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # PyYAML built without libyaml
    from yaml import SafeLoader  # type: ignore[assignment]

TEXT = "tag:yaml.org,2002:str"


class Loader(SafeLoader):
    """YAML whose plain words are what they look like, and in which no key is said twice.

    Of plain scalars, only JSON's numbers, `true`, `false` and `null` are not texts: `no`, `on`, `12:30` and
    `2026-11-22` are. (YAML 1.1, which PyYAML reads, has a flag, a number and a date there.)
    """

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        # Most nodes are texts: what they stand for need not be looked up.
        if node.tag == TEXT and type(node) is yaml.ScalarNode:
            return node.value
        return super().construct_object(node, deep)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    problem = f'the key "{key.value}" is here twice'
                    raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


Loader.yaml_implicit_resolvers = {}
for tag, pattern, first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"-?(?:0|[1-9][0-9]*)", "-0123456789"),
    ("float", r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", "-0123456789"),
    ("merge", r"<<", "<"),
):
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"(?:{pattern})\Z"), list(first))


def parsed(source: str, text: str | bytes) -> object:
    """The value of a YAML or JSON text, or of a TOML one where `source` ends so.

    Raises SettingsError with line and column.
    """
    with no_collection():
        if source.lower().endswith(".toml"):
            return toml(source, text)
        if source.lower().endswith(".json"):
            return plain_json(source, text)
        return yaml_value(source, text)


@contextmanager
def no_collection() -> Iterator[None]:
    """Nobody looks for garbage meanwhile: all that is read is kept, and looking takes longer than reading."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def plain_json(source: str, text: str | bytes) -> object:
    """The value of a JSON text, ten times as fast as of a YAML one.

    One that is not quite JSON, or says a key twice, is read as YAML, which takes comments, and knows lines.
    """
    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=no_constant)
    except (ValueError, RecursionError):
        return yaml_value(source, text)


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def no_constant(word: str) -> float:
    raise ValueError(word)  # NaN and Infinity are not JSON's


def yaml_value(source: str, text: str | bytes) -> object:
    """The value of a YAML text. Raises SettingsError with line and column."""
    try:
        return yaml.load(text, Loader)
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise SettingsError(source, "", f"{where}{e.problem or e.context}") from None
    except yaml.YAMLError as e:
        raise SettingsError(source, "", f"not YAML: {e}") from None


def toml(source: str, text: str | bytes) -> object:
    """The value of a TOML text. Raises SettingsError with line and column."""
    import tomllib

    try:
        return tomllib.loads(text if isinstance(text, str) else text.decode())
    except tomllib.TOMLDecodeError as problem:
        raise SettingsError(source, "", str(problem)) from None
    except UnicodeDecodeError as problem:
        raise SettingsError(source, "", f"not UTF-8: {problem}") from None
