"""What an exchange must be like: conditions on its request, on its answer, and on what became of it.

A condition on the request is a rule's matcher. All of them give the same verdicts, so that a miss is
explained in the same words as a rule that does not match.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum
from typing import Any, Protocol

from msgspec import Struct, json

from understudy.access import key_of
from understudy.journal import Exchange
from understudy.matchers import Matcher, Verdict
from understudy.matchers.base import NO_GROUPS, Combined, Test, Values, judged, plain
from understudy.matchers.body import found
from understudy.model import (
    AnyRequest,
    EmbeddingRequest,
    HttpRequest,
    Reasoning,
    Refusal,
    Reply,
    Request,
    Scene,
    Text,
    ToolCall,
)

RequestOf = Callable[[Exchange], AnyRequest | None]
CONVERSATIONS = ("chat", "completion")
"""The operations that rules answer."""
OF_ANY_REQUEST = ("model", "api", "operation", "key", "headers", "query", "body")
"""The keys of matchers that say something of a request that is no conversation, too."""


class Asking:
    """Reads requests again, and remembers the last: to keep them all would take a journal's memory twice."""

    def __init__(self, request_of: RequestOf) -> None:
        self._request_of = request_of
        self._last: tuple[Exchange | None, Request | None] = None, None

    def request(self, exchange: Exchange) -> Request | None:
        """The request as matchers see it, also where it is no conversation; None where it cannot be read."""
        if self._last[0] is not exchange:
            self._last = exchange, as_request(self._request_of(exchange), exchange.http)
        return self._last[1]


def as_request(asked: AnyRequest | None, http: HttpRequest) -> Request | None:
    if asked is None or isinstance(asked, Request):
        return asked
    raw = asked.raw if isinstance(asked, EmbeddingRequest) else {}
    return Request(asked.api, asked.operation, asked.model, (), raw, scene=Scene(http, key_of(http)))


class Seen(Struct, frozen=True):
    """An exchange, whose request is read when a condition looks at it."""

    exchange: Exchange
    asking: Asking

    @property
    def request(self) -> Request | None:
        return self.asking.request(self.exchange)

    @property
    def reply(self) -> Reply | None:
        """What the model said; None of what was refused, broken by a fault, or is no text."""
        reply = self.exchange.reply
        return reply if isinstance(reply, Reply) else None


class Needs(IntEnum):
    """What there must be for a condition to say anything, each more than the one before."""

    NOTHING = 0
    REQUEST = 1
    CONVERSATION = 2


class Condition(Protocol):
    """Something that must be true of an exchange."""

    def judge(self, seen: Seen) -> Verdict: ...

    @property
    def needs(self) -> Needs:
        """What there must be, so that it or its opposite holds."""
        ...


class Aside(Verdict, frozen=True):
    """The verdict on an exchange that has nothing a condition could look at."""

    key: str = ""
    expected: str = ""
    found: str = ""

    @property
    def why(self) -> str:
        return f"{self.key}: expected {self.expected}, found {self.found}"


class Asked(Struct, frozen=True):
    """What the request is like: a rule's matcher."""

    key: str
    matcher: Matcher

    def judge(self, seen: Seen) -> Verdict:
        missing = lacking(self.key, self.needs, seen)
        if missing is not None:
            return missing
        assert seen.request is not None
        return self.matcher.match(seen.request)

    @property
    def needs(self) -> Needs:
        return Needs.REQUEST if self.key in OF_ANY_REQUEST else Needs.CONVERSATION


class Noted(Struct, frozen=True):
    """What became of the exchange: its status, what answered it, how it ended."""

    key: str
    test: Test
    look: Callable[[Exchange], Values]

    def judge(self, seen: Seen) -> Verdict:
        return judged(self.key, self.test, self.look(seen.exchange))

    @property
    def needs(self) -> Needs:
        return Needs.NOTHING


class Said(Struct, frozen=True):
    """What the model said: its text, its refusal, why it stopped."""

    key: str
    test: Test
    look: Callable[[Reply], Values]

    def judge(self, seen: Seen) -> Verdict:
        if seen.reply is None:
            return unsaid(self.key, seen.exchange)
        return judged(self.key, self.test, self.look(seen.reply))

    @property
    def needs(self) -> Needs:
        return Needs.CONVERSATION


class Called(Struct, frozen=True):
    """That the model called a tool: one call with this name and all of these arguments."""

    key: str
    name: Test | None
    arguments: tuple[tuple[str, Test], ...]

    def judge(self, seen: Seen) -> Verdict:
        if seen.reply is None:
            return unsaid(self.key, seen.exchange)
        called = tuple(calls(seen.reply))
        if self.name is not None:
            verdict = judged(self.key, self.name, tuple([call.name for call in called]))
            called = tuple([call for call in called if self.name.holds(call.name) is not None])
            if not called:
                return verdict
        if not called:
            return Aside(False, key=self.key, expected="a call", found="nothing")
        return max((self._arguments(call) for call in called), key=lambda verdict: verdict.nearness)

    def _arguments(self, call: ToolCall) -> Verdict:
        """The verdict on the arguments of a call whose name will do."""
        document = decoded(call.arguments)
        verdicts = [Verdict(True)] + [
            judged(f"{self.key} {call.name} {name}", test, argument(name, document))
            for name, test in self.arguments
        ]
        return Combined(all(verdict.ok for verdict in verdicts), NO_GROUPS, "all", tuple(verdicts))

    @property
    def needs(self) -> Needs:
        return Needs.CONVERSATION


class Every(Struct, frozen=True):
    """All of these hold."""

    conditions: tuple[Condition, ...]

    def judge(self, seen: Seen) -> Verdict:
        verdicts = tuple([each.judge(seen) for each in self.conditions])
        return Combined(all(verdict.ok for verdict in verdicts), NO_GROUPS, "all", verdicts)

    @property
    def needs(self) -> Needs:
        return max(each.needs for each in self.conditions)


class Either(Struct, frozen=True):
    """One of these holds."""

    conditions: tuple[Condition, ...]

    def judge(self, seen: Seen) -> Verdict:
        verdicts = tuple([each.judge(seen) for each in self.conditions])
        return Combined(any(verdict.ok for verdict in verdicts), NO_GROUPS, "any", verdicts)

    @property
    def needs(self) -> Needs:
        return max(each.needs for each in self.conditions)


class Neither(Struct, frozen=True):
    """This does not hold."""

    condition: Condition

    def judge(self, seen: Seen) -> Verdict:
        missing = lacking("not", self.needs, seen)
        if missing is not None:
            return missing
        verdict = self.condition.judge(seen)
        return Combined(not verdict.ok, NO_GROUPS, "not", (verdict,))

    @property
    def needs(self) -> Needs:
        return self.condition.needs


def holds(conditions: Sequence[Condition], seen: Seen) -> bool:
    return all(condition.judge(seen).ok for condition in conditions)


def lacking(key: str, needs: Needs, seen: Seen) -> Verdict | None:
    """The verdict on an exchange that has not what is needed; None where it has."""
    if needs == Needs.NOTHING:
        return None
    if seen.request is None:
        return Aside(False, key=key, expected="a request", found="one that cannot be read")
    operation = seen.request.operation
    if needs == Needs.CONVERSATION and operation not in CONVERSATIONS:
        return Aside(False, key=key, expected="a conversation", found=f"the operation {operation}")
    return None


def unsaid(key: str, exchange: Exchange) -> Verdict:
    """The verdict on an exchange in which the model said nothing."""
    what = f"the status {exchange.status}" if exchange.status else "no answer"
    if exchange.reply is not None:
        what = "an answer that is no text"
    elif exchange.faults:
        what += f", with {', '.join(exchange.faults)}"
    return Aside(False, key=key, expected="a reply", found=what)


# --- What there is to look at in a reply --------------------------------------------------------------


def choices(reply: Reply) -> tuple[Reply, ...]:
    return (reply, *reply.others)


def texts(reply: Reply) -> Values:
    return tuple([choice.text for choice in choices(reply)])


def reasonings(reply: Reply) -> Values:
    return tuple([part.text for part in parts(reply) if isinstance(part, Reasoning)])


def refusals(reply: Reply) -> Values:
    return tuple([part.text for part in parts(reply) if isinstance(part, Refusal)])


def stops(reply: Reply) -> Values:
    return tuple([choice.stop for choice in choices(reply)])


def calls(reply: Reply) -> Iterator[ToolCall]:
    return (part for part in parts(reply) if isinstance(part, ToolCall))


def parts(reply: Reply) -> Iterator[Text | Reasoning | ToolCall | Refusal | Any]:
    return (part for choice in choices(reply) for part in choice.parts)


def argument(name: str, document: object) -> Values:
    """The values of an argument, by its name or by a JSONPath."""
    if name.startswith("$"):
        return found(name, document)
    return (plain(document[name]),) if isinstance(document, dict) and name in document else ()


def decoded(arguments: str) -> object:
    """A call's arguments; of what is no JSON, nothing."""
    try:
        return json.decode(arguments)
    except (ValueError, RecursionError):
        return None
