"""Files that users write, YAML, JSON or TOML, read so that nothing is lost or mistaken."""

from __future__ import annotations

import re
from typing import Any

import yaml

from understudy.errors import SettingsError

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # PyYAML built without libyaml
    from yaml import SafeLoader  # type: ignore[assignment]


class Loader(SafeLoader):
    """YAML whose plain words are what they look like, and in which no key is said twice.

    Of plain scalars, only JSON's numbers, `true`, `false` and `null` are not texts: `no`, `on`, `12:30` and
    `2026-11-22` are. (YAML 1.1, which PyYAML reads, has a flag, a number and a date there.)
    """

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
    if source.lower().endswith(".toml"):
        return toml(source, text)
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
