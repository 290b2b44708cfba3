"""Calls about rules: those of the files, and those that are added while the server runs."""

from __future__ import annotations

from typing import Any

from understudy.control.base import Call, Refused, Route
from understudy.rules import Rule


def listing(call: Call) -> dict[str, Any]:
    """All rules in the order in which they are asked."""
    return {"rules": [told(call, rule) for rule in call.on.rulebook.rules.rules]}


def one(call: Call) -> dict[str, Any]:
    return told(call, found(call))


def add(call: Call) -> dict[str, Any]:
    """Add one rule, a list, or a mapping with `rules`, behind those that were added before."""
    rules = call.on.rulebook.read(call.json())
    call.on.rulebook.add(rules)
    return {"added": [rule.id for rule in rules]}


def put(call: Call) -> dict[str, Any]:
    """Put these rules in place of all that were added."""
    rules = call.on.rulebook.read(call.json())
    call.on.rulebook.replace(rules)
    return {"added": [rule.id for rule in rules]}


def put_one(call: Call) -> dict[str, Any]:
    """Put this rule in place of the added one with this id, or add it under this id."""
    value = call.json()
    if not isinstance(value, dict):
        raise Refused(400, f"expected a rule, found {value!r}")
    rules = call.on.rulebook.read({**value, "id": call.rest})
    call.on.rulebook.add(rules)
    return told(call, rules[0])


def clear(call: Call) -> dict[str, Any]:
    """Remove all that were added."""
    count = len(call.on.rulebook.added)
    call.on.rulebook.replace(())
    return {"deleted": count}


def remove(call: Call) -> dict[str, Any]:
    rule = found(call)
    if not call.on.rulebook.remove(rule.id):
        raise Refused(409, f"the rule {rule.id!r} is in {rule.place.source}: change it there", "id")
    return {"deleted": 1}


ROUTES: tuple[Route, ...] = (
    ("GET", "/rules", listing),
    ("POST", "/rules", add),
    ("PUT", "/rules", put),
    ("DELETE", "/rules", clear),
    ("GET", "/rules/", one),
    ("PUT", "/rules/", put_one),
    ("DELETE", "/rules/", remove),
)


def found(call: Call) -> Rule:
    rule = call.on.rulebook.find(call.rest)
    if rule is None:
        raise Refused(404, f"there is no rule {call.rest!r}", "id")
    return rule


def told(call: Call, rule: Rule) -> dict[str, Any]:
    """A rule as it was written, with its id, where it is from and how often it has answered."""
    state = call.on.rulebook.state
    spent = state.spent(rule)
    return {
        "id": rule.id,
        "title": rule.title,
        "source": rule.place.source,
        "path": rule.place.path,
        "answered": state.used.get(rule.id, 0),
        "rule": rule.told,
    } | ({"spent": spent} if spent else {})
