"""Rules written as they were understood: in the order in which they are asked, every form by its name.

user: weather    ->   user: {contains: weather}
model: gpt-4o    ->   model: {equals: gpt-4o}
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
import yaml

from understudy.documents import Loader, parsed
from understudy.matchers import Matcher
from understudy.matchers.base import (
    All,
    Any_,
    Between,
    Both,
    Contains,
    EndsWith,
    Exists,
    Json,
    Like,
    Looking,
    Matches,
    Named,
    Not,
    OneOf,
    Only,
    StartsWith,
    Test,
)
from understudy.rules.read import FILE_KEYS, RULE_KEYS, read_value
from understudy.rules.rule import Rule
from understudy.rules.ruleset import RuleSet
from understudy.templates import NO_EXTRA, Extra

WIDTH = 110


def understood(source: str, text: str | bytes, extra: Extra = NO_EXTRA) -> str:
    """A rule file in YAML that says the same as this one, in YAML, JSON or TOML. Raises SettingsError."""
    value = parsed(source, text)
    rules = RuleSet(read_value(source, value, extra).rules).rules
    file = value if isinstance(value, dict) else {}
    kept = {key: file[key] for key in FILE_KEYS if key != "rules" and file.get(key) is not None}
    return dumped(kept | {"rules": [written_rule(rule) for rule in rules]})


def written_rule(rule: Rule) -> dict[str, object]:
    said: Mapping[str, object] = rule.told
    told = {key: said[key] for key in RULE_KEYS if said.get(key) is not None}
    return told | {"when": written_when(rule.when)} if rule.when else told


def written_when(when: Iterable[Matcher]) -> dict[str, Any]:
    """Conditions as a `when`; two under the same key go into an `all`."""
    written: dict[str, Any] = {}
    more: list[dict[str, Any]] = []
    for condition in (written_condition(matcher) for matcher in when):
        if condition.keys() & written.keys():
            more.append(condition)
        else:
            written |= condition
    if more:
        written["all"] = [*written.get("all", ()), *more]
    return written


def written_condition(matcher: Matcher) -> dict[str, Any]:
    if isinstance(matcher, Looking):
        return {matcher.KEY: written_test(matcher.test)}
    if isinstance(matcher, Named):
        return {matcher.KEY: {matcher.look.name: written_test(matcher.test)}}
    if isinstance(matcher, Any_):
        return {"any": [written_when([each]) for each in matcher.matchers]}
    if isinstance(matcher, Not):
        return {"not": written_when([matcher.matcher])}
    if isinstance(matcher, All):
        return {"all": [written_when([each]) for each in matcher.matchers]}
    raise TypeError(f"nothing says how {type(matcher).__name__} is written")


TESTS: Mapping[type[Test], Callable[[Any], Any]] = {
    Contains: lambda test: {"contains": test.literal},
    StartsWith: lambda test: {"starts_with": test.literal},
    EndsWith: lambda test: {"ends_with": test.literal},
    Matches: lambda test: {"regex": test.pattern.pattern},
    Like: lambda test: test.glob,
    Exists: lambda test: {"exists": test.wanted},
    Only: lambda test: written_test(test.test),
    OneOf: lambda test: written_values([written_value(value) for value in test.values]),
    Between: lambda test: (
        {form: end for form, end in (("gt", test.low), ("lt", test.high)) if end is not None}
    ),
    Both: lambda test: {form: value for each in test.tests for form, value in written_test(each).items()},
}


def written_test(test: Test) -> Any:
    return TESTS[type(test)](test)


def written_values(values: list[object]) -> dict[str, object]:
    return {"equals": values[0]} if len(values) == 1 else {"one_of": values}


def written_value(value: object) -> object:
    return msgspec.json.decode(value.text) if isinstance(value, Json) else value


# --- YAML --------------------------------------------------------------------------------------------


class Dumper(yaml.SafeDumper):
    """Writes what `documents.Loader` reads: what that takes for a number or a flag, it puts in quotes."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


Dumper.yaml_implicit_resolvers = Loader.yaml_implicit_resolvers
Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
    ),
)


def dumped(value: object) -> str:
    return yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)
