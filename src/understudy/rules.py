"""Rules: read from a file, and selected for a request.

    YAML -load-> RuleSet -select(request)-> Match(rule, reply, groups) or None
                         -near_misses(request)-> what came nearest, and why it did not match

Selecting does not grow with the number of rules. Of each rule, the index keeps the rarest fact that a request
must have for it to match (see `Fact`): literal texts in one Aho-Corasick automaton for all rules that look at
the same text, exact values in one dict. A request is looked up in these, and only the rules found, and those
of which no fact is known, are evaluated, in order. What was selected is remembered by what matchers look at.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, get_args

import ahocorasick  # type: ignore[import-not-found]
import msgspec
from msgspec import Struct

from understudy.documents import parsed
from understudy.errors import Place
from understudy.matchers import Fact, Groups, Matcher, Verdict, read_when
from understudy.matchers.base import NO_GROUPS, Look, Values, described, fold, size
from understudy.model import Part, Reasoning, Refusal, Reply, Request, Stop, Text, ToolCall
from understudy.templates import NO_EXTRA, Extra, Template

# --- What a rule is ----------------------------------------------------------------------------------


class Draft(Struct, frozen=True, gc=False):
    """A reply some of whose texts are templates."""

    parts: tuple[Part | Template, ...]
    stop: Stop = "end"

    def reply(self, request: Request, groups: Groups) -> Reply:
        parts = [
            Text(part.render(request, groups)) if type(part) is Template else part for part in self.parts
        ]
        return Reply(tuple(parts), self.stop)  # type: ignore[arg-type]


class Rule(Struct, frozen=True, gc=False):
    """When all of `when` hold, `reply` is the answer. Higher priorities are asked first, then by place."""

    when: tuple[Matcher, ...]
    reply: Reply | Draft
    name: str = ""
    priority: int = 0
    place: Place = Place("")

    @property
    def title(self) -> str:
        """The name, or else the place in the file."""
        return self.name or f"{self.place.source}: {self.place.path}"

    def answer(self, request: Request, groups: Groups) -> Reply:
        return self.reply if isinstance(self.reply, Reply) else self.reply.reply(request, groups)

    def verdicts(self, request: Request) -> tuple[Verdict, ...]:
        """What each of the matchers says, whether or not one before it failed."""
        return tuple(matcher.match(request) for matcher in self.when)


class Match(Struct, frozen=True, gc=False):
    """The rule that answers, and its reply to this request."""

    rule: Rule
    reply: Reply
    groups: Groups = NO_GROUPS


class NearMiss(Struct, frozen=True, gc=False):
    """A rule that did not match: each of its verdicts, and how near it came, from 0 to 1."""

    rule: Rule
    verdicts: tuple[Verdict, ...]
    nearness: float

    @property
    def why(self) -> tuple[str, ...]:
        """What was expected and what was found, for each condition that failed."""
        return tuple(verdict.why for verdict in self.verdicts if not verdict.ok)


# --- Selecting ---------------------------------------------------------------------------------------


Selected = tuple[Rule | None, Groups]
NOTHING: Selected = (None, NO_GROUPS)
CACHED_KEYS = 1024
CACHED_CHARS = 4_000
"""Requests that are longer, in what matchers look at, are not remembered."""
CACHED_LOOKS = 16
"""Where matchers look at more than this, remembering costs more than it saves."""


class RuleSet:
    """Rules in the order in which they are asked. Never changes; the index is built at the first request.

    A request that looks to all matchers like one before it, as a test's mostly do, is not matched again.
    """

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self.rules = tuple(sorted(rules, key=lambda rule: -rule.priority))
        self._selected: dict[Values, Selected] = {}

    def __len__(self) -> int:
        return len(self.rules)

    def select(self, request: Request) -> Match | None:
        """The first rule that matches, with its reply, or None."""
        rule, groups = self._remembered(request)
        return Match(rule, rule.answer(request, groups), groups) if rule else None

    def _remembered(self, request: Request) -> Selected:
        """What `_first` says, which depends on nothing but `looks`."""
        looks = self._looks
        if len(looks) > CACHED_LOOKS:
            return self._first(request)
        key = tuple([look(request) for look in looks])
        selected = self._selected.get(key)
        if selected is None:
            selected = self._first(request)
            if size(key) <= CACHED_CHARS:
                if len(self._selected) >= CACHED_KEYS:
                    self._selected.clear()
                self._selected[key] = selected
        return selected

    def _first(self, request: Request) -> Selected:
        for i in self._index.candidates(request):
            groups = captured(self.rules[i].when, request)
            if groups is not None:
                return self.rules[i], groups
        return NOTHING

    def near_misses(self, request: Request, n: int = 3) -> list[NearMiss]:
        """The `n` rules that came nearest to matching without doing so, the nearest first."""
        explained = ((rule, rule.verdicts(request)) for rule in self.rules)
        misses = [
            NearMiss(rule, verdicts, sum(v.nearness for v in verdicts) / len(verdicts))
            for rule, verdicts in explained
            if not all(v.ok for v in verdicts)
        ]
        return sorted(misses, key=lambda miss: -miss.nearness)[:n]

    @cached_property
    def _index(self) -> Index:
        return Index(self.rules)

    @cached_property
    def _looks(self) -> tuple[Look, ...]:
        """Whatever some matcher looks at."""
        return tuple(frozenset().union(*(matcher.looks() for rule in self.rules for matcher in rule.when)))


def captured(when: Sequence[Matcher], request: Request) -> Groups | None:
    """The groups that the matchers captured if all of them hold, else None."""
    groups = NO_GROUPS
    for matcher in when:
        verdict = matcher.match(request)
        if not verdict.ok:
            return None
        if verdict.groups:
            groups = {**groups, **verdict.groups} if groups else verdict.groups
    return groups


# --- The index ---------------------------------------------------------------------------------------

Found = tuple[int, ...]


class Index:
    """Which rules can match a request at all, as positions in the order of rules."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        always: list[int] = []
        tables: dict[tuple[Look, bool], dict[Any, list[int]]] = defaultdict(lambda: defaultdict(list))
        for i, fact in enumerate(rarest_facts(rules)):
            if fact is None:
                always.append(i)
                continue
            for literal in dict.fromkeys(fact.literals):
                tables[fact.look, fact.exact][literal].append(i)
        self.always = tuple(always)
        self.exact = tuple((look, frozen(table)) for (look, exact), table in tables.items() if exact)
        self.texts = tuple(
            (look, scanner(frozen(table))) for (look, exact), table in tables.items() if not exact
        )

    def candidates(self, request: Request) -> Sequence[int]:
        """In order, each once."""
        found: Found = ()
        for look, table in self.exact:
            for value in look(request):
                found += table.get(value, ())
        for look, scan in self.texts:
            for text in look(request):
                found += scan(text)  # type: ignore[arg-type]
        if not found:
            return self.always
        if len(found) == 1 and not self.always:
            return found
        return sorted({*found, *self.always})


def frozen(table: Mapping[Any, list[int]]) -> dict[Any, Found]:
    return {literal: tuple(positions) for literal, positions in table.items()}


def rarest_facts(rules: Sequence[Rule]) -> list[Fact | None]:
    """For each rule the fact that the fewest rules share; None where no fact is known."""
    facts = [tuple(fact for matcher in rule.when for fact in matcher.facts()) for rule in rules]
    uses = Counter(
        (fact.look, literal) for of_rule in facts for fact in of_rule for literal in set(fact.literals)
    )
    return [
        min(of_rule, key=lambda fact: sum(uses[fact.look, each] for each in set(fact.literals)), default=None)
        for of_rule in facts
    ]


def scanner(table: Mapping[str, Found]) -> Callable[[str], Found]:
    """A function that gives the positions for all literals that a text contains, whatever the case."""
    automaton = ahocorasick.Automaton()
    for literal, positions in table.items():
        automaton.add_word(literal, positions)
    automaton.make_automaton()

    def scan(text: str) -> Found:
        found: set[int] = set()
        for _, positions in automaton.iter(fold(text)):
            found.update(positions)
        return tuple(found)

    return scan


# --- Reading a file ----------------------------------------------------------------------------------

FILE_KEYS = ("rules",)
RULE_KEYS = ("name", "when", "reply", "priority")
REPLY_KEYS = ("text", "template", "reasoning", "refusal", "tool_calls", "parts", "stop")
PART_KEYS = ("text", "template", "reasoning", "refusal", "tool_call")
CALL_KEYS = ("name", "arguments")


def load(source: str, text: str | bytes, extra: Extra = NO_EXTRA, *, check: bool = True) -> RuleSet:
    """Read a rule file, YAML or JSON. `source` is its name in errors; `extra` adds template variables.

    Raises SettingsError, with the place and what to do. Without `check`, templates are not looked at before
    they are used: for a file that is known to be good, since importing Jinja takes as long as all the rest.
    """
    root = Place(source)
    try:
        rules = read_file(parsed(source, text), root, extra)
    except RecursionError:
        raise root.error("nested too deep") from None
    for template in templates(rules) if check else ():
        template.check()
    return RuleSet(rules)


def templates(rules: Iterable[Rule]) -> Iterator[Template]:
    for rule in rules:
        if isinstance(rule.reply, Draft):
            yield from (part for part in rule.reply.parts if isinstance(part, Template))


def read_file(value: object, place: Place, extra: Extra) -> list[Rule]:
    if value is None:
        return []
    file = mapping(value, FILE_KEYS, place)
    rules = file.get("rules") or []
    return [
        read_rule(rule, place / "rules" / i, extra) for i, rule in enumerate(listed(rules, place / "rules"))
    ]


def read_rule(value: object, place: Place, extra: Extra) -> Rule:
    rule = mapping(value, RULE_KEYS, place)
    if "reply" not in rule:
        raise place.error("a rule needs a `reply`")
    when = read_when(rule.get("when", {}), place / "when")
    groups = sorted(frozenset().union(*(matcher.captures() for matcher in when)))
    return Rule(
        when=when,
        reply=read_reply(rule["reply"], place / "reply", groups, extra),
        name=worded(rule.get("name", ""), place / "name"),
        priority=whole(rule.get("priority", 0), place / "priority"),
        place=place,
    )


def read_reply(value: object, place: Place, groups: Sequence[str], extra: Extra) -> Reply | Draft:
    """A text, or a mapping: reasoning, text, tool calls, in this order; `parts` says the order itself."""
    if not isinstance(value, Mapping):
        return Reply((Text(worded(value, place, "a text or a mapping")),))
    reply = mapping(value, REPLY_KEYS, place)
    if "parts" in reply:
        for key in reply.keys() - {"parts", "stop"}:
            raise place.error(f"`parts` says everything that is answered: move `{key}` into it")
        named = [
            read_part(part, place / "parts" / i)
            for i, part in enumerate(listed(reply["parts"], place / "parts"))
        ]
    else:
        named = spread(reply, place)
    parts = tuple(PARTS[kind](part, at, groups, extra) for kind, part, at in named)
    calls = any(isinstance(part, ToolCall) for part in parts)
    stop = read_stop(reply["stop"], place / "stop") if "stop" in reply else ("tool_call" if calls else "end")
    if any(isinstance(part, Template) for part in parts):
        return Draft(parts, stop)
    return Reply(tuple(part for part in parts if not isinstance(part, Template)), stop)


Named = tuple[str, object, Place]
"""A part yet to be read: its key, its value and its place."""


def spread(reply: Mapping[str, object], place: Place) -> list[Named]:
    """The parts of a reply that is written as a mapping, in the order of REPLY_KEYS."""
    said = [key for key in ("text", "template", "refusal") if key in reply]
    if len(said) > 1:
        raise place.error(f"`{said[0]}` and `{said[1]}` exclude each other; `parts` can hold both")
    named: list[Named] = [(key, reply[key], place / key) for key in ("reasoning", *said) if key in reply]
    if "tool_calls" in reply:
        at = place / "tool_calls"
        named += [("tool_call", call, at / i) for i, call in enumerate(listed(reply["tool_calls"], at))]
    if not named:
        raise place.error(f"nothing to answer: give one of {', '.join(REPLY_KEYS[:-1])}")
    return named


def read_part(value: object, place: Place) -> Named:
    if isinstance(value, str):
        return ("text", value, place)
    part = mapping(value, PART_KEYS, place)
    if len(part) != 1:
        raise place.error(f"a part is a text or has one key of {', '.join(PART_KEYS)}; found {len(part)}")
    (key,) = part
    return (key, part[key], place / key)


def read_call(value: object, place: Place) -> ToolCall:
    """`arguments` is a mapping; a text goes over the wire as it is."""
    call = mapping(value, CALL_KEYS, place)
    if "name" not in call:
        raise place.error("a tool call needs a `name`")
    arguments = call.get("arguments", {})
    if not isinstance(arguments, str):
        if not isinstance(arguments, Mapping):
            raise (place / "arguments").error(
                f"expected a mapping or JSON text, found {described(arguments)}"
            )
        arguments = msgspec.json.encode(arguments).decode()
    return ToolCall(worded(call["name"], place / "name"), arguments)


def read_stop(value: object, place: Place) -> Stop:
    for stop in get_args(Stop):
        if stop == value:
            return stop  # type: ignore[no-any-return]
    raise place.unknown("stop reason", str(value), get_args(Stop))


PARTS: dict[str, Callable[[object, Place, Sequence[str], Extra], Part | Template]] = {
    "text": lambda value, place, groups, extra: Text(worded(value, place)),
    "template": lambda value, place, groups, extra: Template(worded(value, place), place, groups, extra),
    "reasoning": lambda value, place, groups, extra: Reasoning(worded(value, place)),
    "refusal": lambda value, place, groups, extra: Refusal(worded(value, place)),
    "tool_call": lambda value, place, groups, extra: read_call(value, place),
}


def mapping(value: object, known: Sequence[str], place: Place) -> Mapping[str, object]:
    """The value, if it is a mapping with none but known keys."""
    if not isinstance(value, Mapping):
        raise place.error(f"expected a mapping with {', '.join(known)}; found {described(value)}")
    for key in value:
        if key not in known:
            raise place.unknown("key", str(key), known)
    return value


def listed(value: object, place: Place) -> list[object]:
    if not isinstance(value, list):
        raise place.error(f"expected a list, found {described(value)}")
    return value


def worded(value: object, place: Place, what: str = "a text") -> str:
    if not isinstance(value, str):
        hint = "" if isinstance(value, Mapping | list | None) else f' (put it in quotes: "{value}")'
        raise place.error(f"expected {what}, found {described(value)}{hint}")
    return value


def whole(value: object, place: Place) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise place.error(f"expected a whole number, found {described(value)}")
    return value
