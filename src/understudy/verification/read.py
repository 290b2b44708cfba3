"""The grammar of a verification, as JSON or as keywords. Every mistake is a SettingsError at its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from understudy.errors import Place
from understudy.journal import Exchange
from understudy.matchers import READERS
from understudy.matchers.base import JSON, NAME, NUMBER, TEXT, Kind, Test, Values, described, read_test
from understudy.matchers.body import check
from understudy.model import Reply
from understudy.verification.conditions import (
    Asked,
    Called,
    Condition,
    Either,
    Every,
    Neither,
    Noted,
    Said,
    reasonings,
    refusals,
    stops,
    texts,
)
from understudy.verification.totals import Price, Total
from understudy.verification.verify import Pattern, Wanted, compact

COUNTS = ("times", "at_least", "at_most")
SUMS = ("tokens", "input_tokens", "output_tokens", "cost")
KEYS = ("when", *COUNTS, "order", "others", *SUMS, "prices")
BOUNDS = ("at_least", "at_most")
PRICES = '{"*": {"input": 2.5, "output": 10}}'

NOTED: dict[str, tuple[Kind, Callable[[Exchange], Values]]] = {
    "path": (NAME, lambda exchange: (exchange.http.path,)),
    "status": (NUMBER, lambda exchange: (exchange.status,)),
    "outcome": (NAME, lambda exchange: (exchange.outcome,)),
    "answered_by": (TEXT, lambda exchange: (exchange.answered_by,)),
    "error": (TEXT, lambda exchange: (exchange.error,)),
    "warning": (TEXT, lambda exchange: (exchange.warning,)),
    "faults": (NAME, lambda exchange: exchange.faults),
}
"""What became of an exchange, by the names that the journal has for it."""
SAID: dict[str, tuple[Kind, Callable[[Reply], Values]]] = {
    "text": (TEXT, texts),
    "reasoning": (TEXT, reasonings),
    "refusal": (TEXT, refusals),
    "stop": (NAME, stops),
}
OWN = (*NOTED, "reply")
"""The keys of a `when` here that a rule's has not."""
PATTERN_KEYS = (*READERS, *OWN)


def read_wanted(value: object, place: Place) -> Wanted:
    """Read what is to be verified: `{"when": {...}, "times": 1}`. Raises SettingsError.

    Without a count, at least one exchange must match.
    """
    try:
        return wanted(mapping(value, KEYS, '{"when": {"user": "weather"}, "times": 1}', place), place)
    except RecursionError:
        raise place.error("nested too deep") from None


def wanted(value: Mapping[str, Any], place: Place) -> Wanted:
    when = read_pattern(value.get("when", {}), place / "when")
    totals = read_totals(value, place)
    if "order" in value:
        for key in (*COUNTS, *SUMS):
            if key in value:
                raise (place / key).error("does not go together with order: verify it in a call of its own")
        return Wanted(
            when, order=read_order(value["order"], place / "order"), others=read_others(value, place)
        )
    if "others" in value:
        raise (place / "others").error("says whether other calls may come between those of order: give order")
    low, high = read_count(value, place)
    return Wanted(when, low, high, totals)


def mapping(value: object, known: tuple[str, ...], example: str, place: Place) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise place.error(f"expected a mapping like {example}, found {described(value)}")
    for key in value:
        if key not in known:
            hint = " (it belongs in `when`)" if key in READERS or key in OWN else ""
            raise place.error(f'unknown key "{key}"{hint}') if hint else place.unknown("key", str(key), known)
    return value


# --- when ---------------------------------------------------------------------------------------------


def read_pattern(value: object, place: Place) -> Pattern:
    return Pattern(read_when(value, place), compact(value))


def read_when(value: object, place: Place) -> tuple[Condition, ...]:
    """A rule's `when`, and what was answered."""
    if not isinstance(value, Mapping):
        raise place.error(f"expected a mapping like {{user: weather}}, found {described(value)}")
    read = [read_condition(str(key), each, place) for key, each in value.items()]
    return tuple(sorted(read, key=lambda condition: not isinstance(condition, Noted)))  # the cheapest first


def read_condition(key: str, value: object, place: Place) -> Condition:
    if key == "scenario":
        raise (place / key).error("cannot be verified: the journal does not keep the states of scenarios")
    if key in COMBINED:
        return COMBINED[key](value, place / key)
    if key in NOTED:
        kind, noted = NOTED[key]
        return Noted(key, read_test(value, kind, place / key), noted)
    if key == "reply":
        return read_reply(value, place / key)
    if key not in READERS:
        raise place.unknown("key", key, PATTERN_KEYS)
    return Asked(key, READERS[key](value, place / key))


def read_nested(value: object, place: Place) -> Condition:
    conditions = read_when(value, place)
    if not conditions:
        raise place.error("expected conditions, found an empty mapping")
    return conditions[0] if len(conditions) == 1 else Every(conditions)


def read_branches(value: object, place: Place) -> tuple[Condition, ...]:
    if not isinstance(value, list) or not value:
        raise place.error(
            f"expected a list of conditions like [{{user: a}}, {{user: b}}], found {described(value)}"
        )
    return tuple([read_nested(each, place / i) for i, each in enumerate(value)])


COMBINED: dict[str, Callable[[object, Place], Condition]] = {
    "any": lambda value, place: Either(read_branches(value, place)),
    "all": lambda value, place: Every(read_branches(value, place)),
    "not": lambda value, place: Neither(read_nested(value, place)),
}


# --- reply --------------------------------------------------------------------------------------------


def read_reply(value: object, place: Place) -> Condition:
    """What was answered: a text that it contains, or `{text, tool_call, refusal, reasoning, stop}`."""
    if isinstance(value, str):
        return Said("reply", read_test(value, TEXT, place), texts)
    known = (*SAID, "tool_call")
    asked = mapping(value, known, "{text: sunny} or {tool_call: get_weather}", place)
    if not asked:
        raise place.error(f"expected one of {', '.join(known)}, found an empty mapping")
    conditions = tuple([read_said(key, each, place / key) for key, each in asked.items()])
    return conditions[0] if len(conditions) == 1 else Every(conditions)


def read_said(key: str, value: object, place: Place) -> Condition:
    if key == "tool_call":
        return read_call(value, place)
    kind, look = SAID[key]
    return Said(f"reply {key}", read_test(value, kind, place), look)


def read_call(value: object, place: Place) -> Condition:
    """A call of a tool: its name, or `{name, arguments}`."""
    key = "reply tool_call"
    if not isinstance(value, Mapping) or not ("name" in value or "arguments" in value):
        return Called(key, read_test(value, NAME, place), ())
    call = mapping(value, ("name", "arguments"), "{name: get_weather, arguments: {city: Paris}}", place)
    name = read_test(call["name"], NAME, place / "name") if "name" in call else None
    arguments = read_arguments(call["arguments"], place / "arguments") if "arguments" in call else ()
    return Called(key, name, arguments)


def read_arguments(value: object, place: Place) -> tuple[tuple[str, Test], ...]:
    if not isinstance(value, Mapping):
        raise place.error(f"expected arguments like {{city: Paris}}, found {described(value)}")
    for name in value:
        if str(name).startswith("$"):
            check(name, place / str(name))
    return tuple([(str(name), read_test(each, JSON, place / str(name))) for name, each in value.items()])


# --- counts, order, totals ----------------------------------------------------------------------------


def read_count(value: Mapping[str, Any], place: Place) -> tuple[int, int | None]:
    """How many exchanges must match at least, and at most."""
    given = {key: whole(value[key], place / key) for key in COUNTS if key in value}
    if "times" in given:
        if len(given) > 1:
            raise place.error("times says it all: give times alone, or at_least and at_most")
        return given["times"], given["times"]
    low, high = given.get("at_least", 0 if given else 1), given.get("at_most")
    if high is not None and low > high:
        raise place.error(f"no count is at least {low} and at most {high}")
    return low, high


def whole(value: object, place: Place) -> int:
    if type(value) is not int or value < 0:
        raise place.error(f"expected a number of exchanges, found {described(value)}")
    return value


def read_order(value: object, place: Place) -> tuple[Pattern, ...]:
    if not isinstance(value, list) or not value:
        raise place.error(f"expected a list like [{{user: first}}, {{user: then}}], found {described(value)}")
    return tuple([read_pattern(each, place / i) for i, each in enumerate(value)])


def read_others(value: Mapping[str, Any], place: Place) -> bool:
    others = value.get("others", True)
    if not isinstance(others, bool):
        raise (place / "others").error(f"expected true or false, found {described(others)}")
    return others


def read_totals(value: Mapping[str, Any], place: Place) -> tuple[Total, ...]:
    prices = read_prices(value["prices"], place / "prices") if "prices" in value else ()
    if "cost" in value and not prices:
        raise (place / "prices").error(f"missing: what a million tokens cost, by model, like {PRICES}")
    if prices and "cost" not in value:
        raise (place / "cost").error('missing: prices are there for cost, like {"at_most": 0.05}')
    return tuple([read_total(key, value[key], prices, place / key) for key in SUMS if key in value])


def read_total(name: str, value: object, prices: tuple[Price, ...], place: Place) -> Total:
    bounds = mapping(value, BOUNDS, '{"at_most": 5000}', place)
    if not bounds:
        raise place.error("expected at_most or at_least, found an empty mapping")
    low, high = (number(bounds[key], place / key) if key in bounds else None for key in BOUNDS)
    return Total(name, low, high, prices if name == "cost" else ())


def read_prices(value: object, place: Place) -> tuple[Price, ...]:
    if not isinstance(value, Mapping) or not value:
        raise place.error(f"expected prices of a million tokens, by model, like {PRICES}")
    return tuple([read_price(str(model), each, place / str(model)) for model, each in value.items()])


def read_price(model: str, value: object, place: Place) -> Price:
    price = mapping(value, ("input", "output"), '{"input": 2.5, "output": 10}', place)
    for key in ("input", "output"):
        if key not in price:
            raise (place / key).error("missing: what a million tokens cost")
    input, output = (number(price[key], place / key) for key in ("input", "output"))
    return Price(read_test(model, NAME, place), input, output)


def number(value: object, place: Place) -> float:
    if type(value) not in (int, float) or not 0 <= value < float("inf"):  # type: ignore[operator]
        raise place.error(f"expected a number from 0 up, found {described(value)}")
    return value  # type: ignore[return-value]
