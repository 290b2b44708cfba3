"""Which exchanges are asked for: the filters that the journal's calls share."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from fnmatch import translate
from urllib.parse import parse_qs

from msgspec import Struct

from understudy.control.base import Call, Refused
from understudy.engine import Engine
from understudy.errors import Place
from understudy.journal import Exchange

BESIDE = ("limit", "after")
"""What else the journal's calls take in their query."""
STATUS = re.compile(r"(?:\d{1,3}|[1-9]xx)\Z", re.I)
Test = Callable[[Exchange], bool]


class Wanted(Struct, frozen=True):
    """Which exchanges are asked for: all that pass every test. `looks_inside` says that a test is slow."""

    tests: tuple[Test, ...] = ()
    looks_inside: bool = False

    def __call__(self, exchange: Exchange) -> bool:
        return all(test(exchange) for test in self.tests)


def wanted(call: Call) -> Wanted:
    """The filters in a call's query. Raises Refused.

    `api` is a name, `model` one with `*` and `?`; `rule` is a rule's id, or the name of what answered
    (`autopilot` is all that it did); `status` is like 200 or 4xx; `contains` is in the request's body or
    in the answer's, whatever the case.
    """
    known = (*FILTERS, *BESIDE)
    for name in parse_qs(call.http.query, keep_blank_values=True):
        if name not in known:
            mistake = Place("the query", "").unknown("filter", name, known)
            raise Refused(400, mistake.message, name)
    given = {name: value for name in FILTERS if (value := call.word(name)) is not None}
    tests = [FILTERS[name](call, value) for name, value in given.items()]
    return Wanted(tuple(tests), "contains" in given)


def of_api(call: Call, name: str) -> Test:
    return lambda exchange: exchange.api == name


def of_model(call: Call, glob: str) -> Test:
    pattern = re.compile(translate(glob))
    return lambda exchange: pattern.match(exchange.model) is not None


def of_rule(call: Call, name: str) -> Test:
    rule = call.on.rulebook.find(name)
    names = {name} if rule is None else {name, rule.title}
    return lambda exchange: exchange.answered_by in names or exchange.answered_by.partition(": ")[0] == name


def of_status(call: Call, status: str) -> Test:
    if STATUS.match(status) is None:
        raise Refused(400, f"status: expected a status like 200 or 4xx, found {status!r}", "status")
    if status.isdecimal():
        return lambda exchange: exchange.status == int(status)
    return lambda exchange: exchange.status // 100 == int(status[0])


def containing(call: Call, text: str) -> Test:
    """JSON may have letters beyond ASCII as they are or escaped: both are found."""
    engine: Engine = call.on.engine
    needles = {
        text.casefold(),
        json.dumps(text)[1:-1].casefold(),
        json.dumps(text, ensure_ascii=False)[1:-1].casefold(),
    }

    def test(exchange: Exchange) -> bool:
        return inside(exchange.http.body, needles) or inside(engine.sent(exchange), needles)

    return test


def inside(data: bytes, needles: set[str]) -> bool:
    text = data.decode(errors="replace").casefold()
    return any(needle in text for needle in needles)


FILTERS: dict[str, Callable[[Call, str], Test]] = {
    "api": of_api,
    "model": of_model,
    "rule": of_rule,
    "status": of_status,
    "contains": containing,
}
