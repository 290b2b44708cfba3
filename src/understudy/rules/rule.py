"""What a rule is: when it answers, and with what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from understudy.errors import Place
from understudy.faults.base import Fault
from understudy.matchers import Groups, Matcher, Verdict
from understudy.matchers.base import NO_GROUPS
from understudy.model import NO_USAGE, Citation, Pace, Part, Reply, Request, Stop, Text, Usage
from understudy.templates import Template

Repeat = Literal["once", "last", "cycle"]


class Draft(Struct, frozen=True, gc=False):
    """A reply some of whose texts are templates; `cited` is what these rest on, by the part's number."""

    parts: tuple[Part | Template, ...]
    stop: Stop = "end"
    usage: Usage = NO_USAGE
    id: str = ""
    model: str = ""
    logprobs: tuple[tuple[str, float], ...] = ()
    cited: Mapping[int, tuple[Citation, ...]] = {}

    def reply(self, request: Request, groups: Groups) -> Reply:
        parts = [
            Text(part.render(request, groups), self.cited.get(index, ())) if type(part) is Template else part
            for index, part in enumerate(self.parts)
        ]
        return Reply(
            tuple(parts),  # type: ignore[arg-type]
            self.stop,
            self.usage,
            self.id,
            model=self.model,
            logprobs=self.logprobs,
        )

    @property
    def lasting(self) -> bool:
        """Whether the same request always gets the same text."""
        return all(part.lasting for part in self.parts if type(part) is Template)


class Response(Struct, frozen=True, gc=False):
    """One answer of a rule.

    An error and raw bytes are faults that strike in place of an empty reply. `headers` are further
    header lines of the answer; `pace` is its own, if it has one.
    """

    reply: Reply | Draft
    headers: tuple[tuple[str, str], ...] = ()
    faults: tuple[Fault, ...] = ()
    pace: Pace | None = None

    def said(self, request: Request, groups: Groups = NO_GROUPS) -> Reply:
        """The reply to this request."""
        return self.reply if isinstance(self.reply, Reply) else self.reply.reply(request, groups)


class Rule(Struct, frozen=True, gc=False):
    """When all of `when` hold, one of `responses` is the answer.

    Higher priorities are asked first, then by place. With several responses, each is given in turn, and
    `repeat` says what comes after the last: nothing, the last again, or the first. `times` is how often
    it answers at most, `probability` how likely it does at all, `then` which states scenarios are in after
    it did. `id` is what the control API calls it.
    """

    when: tuple[Matcher, ...]
    responses: tuple[Response, ...]
    name: str = ""
    priority: int = 0
    place: Place = Place("")
    id: str = ""
    repeat: Repeat = "last"
    times: int | None = None
    probability: float = 1.0
    then: tuple[tuple[str, str], ...] = ()
    told: Any = None

    @property
    def title(self) -> str:
        """The name, or else the place in the file."""
        path = self.place.path
        return self.name or (f"{self.place.source}: {path}" if path != "$" else self.place.source)

    @property
    def steady(self) -> bool:
        """Whether it always answers, and the same, whatever was asked before."""
        alone = len(self.responses) == 1 and self.repeat != "once"
        return alone and self.times is None and self.probability == 1 and not self.then

    def verdicts(self, request: Request) -> tuple[Verdict, ...]:
        """What each of the matchers says, whether or not one before it failed."""
        return tuple(matcher.match(request) for matcher in self.when)


class Match(Struct, frozen=True, gc=False):
    """The rule that answers, which of its responses, and its reply to this request.

    `lasting` says that the same request would be answered the same again.
    """

    rule: Rule
    reply: Reply
    groups: Groups = NO_GROUPS
    response: Response | None = None
    lasting: bool = True


class NearMiss(Struct, frozen=True, gc=False):
    """A rule that did not match: each of its verdicts, and how near it came, from 0 to 1."""

    rule: Rule
    verdicts: tuple[Verdict, ...]
    nearness: float

    @property
    def why(self) -> tuple[str, ...]:
        """What was expected and what was found, for each condition that failed."""
        return tuple(verdict.why for verdict in self.verdicts if not verdict.ok)
