"""All the mistakes of a rule file, where a server tells the first and stops."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from understudy.documents import no_collection, parsed
from understudy.errors import Place, SettingsError
from understudy.limits import read_limits
from understudy.pace import read_pace
from understudy.rules.read import (
    FILE_KEYS,
    RULE_KEYS,
    read_models,
    read_prompts,
    read_rule,
    templates,
    unknown_of_rule,
)
from understudy.rules.rule import Rule
from understudy.rules.values import told
from understudy.templates import NO_EXTRA, Extra

T = TypeVar("T")
BESIDE_RULES: Mapping[str, Callable[[object, Place], object]] = {
    "models": read_models,
    "limits": read_limits,
    "pace": read_pace,
    "prompts": read_prompts,
}
_KEY = re.compile(r"\.(\w+)")


@no_collection()
def mistakes(
    source: str, text: str | bytes, extra: Extra = NO_EXTRA
) -> tuple[list[Rule], list[SettingsError]]:
    """The rules of a file that can be read, and what is wrong with the others.

    The rules' mistakes come in their order. Of each key of a rule, the first mistake is told.
    """
    found: list[SettingsError] = []
    file = collected(lambda: parsed(source, text), found)
    return [] if file is None else in_file(file, Place(source), extra, found), found


def in_file(file: object, root: Place, extra: Extra, found: list[SettingsError]) -> list[Rule]:
    if isinstance(file, list):
        found.append(root.error("found a list: put it under `rules:`"))
        return []
    if not isinstance(file, Mapping):
        found.append(root.error(f"expected a mapping with {', '.join(FILE_KEYS)}"))
        return []
    found += [root.unknown("key", str(key), FILE_KEYS) for key in file if key not in FILE_KEYS]
    for key, read in BESIDE_RULES.items():
        if file.get(key) is not None:
            collected(lambda read=read, key=key: read(file[key], root / key), found)  # type: ignore[misc]
    rules, at = told(file, "rules", []), root / "rules"
    if not isinstance(rules, list):
        found.append(at.error("expected a list of rules"))
        return []
    read_ones = [in_rule(rule, at / i, extra, found) for i, rule in enumerate(rules)]
    good = [rule for rule in read_ones if rule is not None]
    found += ids_told_twice(good)
    return good


def in_rule(value: object, place: Place, extra: Extra, found: list[SettingsError]) -> Rule | None:
    """The rule, if it can be read whole. Whatever has a mistake is left out, and the rest is read again."""
    before = len(found)
    rule = collected(lambda: checked(value, place, extra), found)
    if rule is not None or not isinstance(value, Mapping):
        return rule
    rest = {key: each for key, each in value.items() if key in RULE_KEYS}
    unknown = [key for key in value if key not in RULE_KEYS]
    if unknown:
        found[before:] = [unknown_of_rule(key, place) for key in unknown]
        if not {"reply", "sequence"} & rest.keys():
            rest["reply"] = ""  # its key is one of the unknown ones
        if collected(lambda: checked(rest, place, extra), found) is not None:
            return None
    for _ in RULE_KEYS:
        key = _KEY.match(found[-1].path.removeprefix(place.path))
        if key is None or key[1] not in rest:
            break
        rest = without(rest, key[1])
        if collected(lambda rest=rest: checked(rest, place, extra), found) is not None:  # type: ignore[misc]
            break
    return None


def without(rule: Mapping[str, object], key: str) -> dict[str, object]:
    """A rule without a key, and with a reply that is in order where it was the reply."""
    replies = ("reply", "sequence", "repeat")
    rest = {each: rule[each] for each in rule if each != key and not (key in replies and each in replies)}
    return rest | ({"reply": ""} if key in replies else {})


def checked(value: object, place: Place, extra: Extra) -> Rule:
    try:
        rule = read_rule(value, place, extra)
    except RecursionError:
        raise place.error("nested too deep") from None
    for template in templates([rule]):
        template.check()
    return rule


def collected(read: Callable[[], T], found: list[SettingsError]) -> T | None:
    """What `read` gives; None where it raises a mistake, which is added to those that were found."""
    try:
        return read()
    except SettingsError as mistake:
        found.append(mistake)
        return None


def ids_told_twice(rules: list[Rule]) -> list[SettingsError]:
    first: dict[str, Rule] = {}
    for rule in rules:
        first.setdefault(rule.id, rule)
    return [
        (rule.place / "id").error(f"{rule.id!r} is the id of {first[rule.id].place.path} already")
        for rule in rules
        if first[rule.id] is not rule
    ]
