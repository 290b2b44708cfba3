"""The program on one screen: an HTTP request in, steps for the server out.

    HttpRequest -> routes -> access -> Plan -> limits -> Reply -> provider.body ---> faults -> Step ...
                                                             \\-> provider.encoder -'

Plans eagerly, streams lazily: reply and status are fixed before the first step is given, so that a
Failure never comes after a Head. Never waits: time is a Pause.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from understudy import events
from understudy.access import Access, key_of
from understudy.errors import Failure, Kind
from understudy.events import Chance
from understudy.failures import FaultSet
from understudy.faults.base import Fault, Refuse
from understudy.journal import Exchange, Journal, Whole
from understudy.limits import Limited, LimitSet
from understudy.model import (
    INSTANT,
    AnyReply,
    AnyRequest,
    Head,
    HttpRequest,
    Pace,
    Part,
    Pause,
    RateLimits,
    Reply,
    Request,
    ResourceReply,
    Scene,
    Send,
    ServerToolCall,
    Step,
    Steps,
    ToolCall,
)
from understudy.planning import NO_KEEPERS, Plan, Planner, give_back
from understudy.providers.base import Keeper, Provider
from understudy.resources import AsOf, Collections
from understudy.routes import Routes
from understudy.whole import CORS, broken, broken_off, preflight, warning_header, whole, with_headers

log = logging.getLogger("understudy")


class World(Struct):
    """What changes while the server runs: who may ask, how often, what fails, what is kept, how late it is.

    `scene` sees what surrounds a request; `ahead` is by how many seconds the mock's clock is ahead of the
    real one; `jittered` counts the answers whose pauses were drawn.
    """

    access: Access
    limits: LimitSet
    faults: FaultSet
    scene: Callable[[HttpRequest], Scene]
    resources: Collections
    ahead: float = 0.0
    jittered: int = 0


class Engine:
    """Answers HTTP requests with steps.

    `clock` tells Unix seconds, `new_id` gives 29 random letters and digits, `chance` a source of chance for a
    name. Where there is none, there is no jitter. `keepers` know, by their providers' names, what is kept of
    an answer.
    """

    def __init__(
        self,
        providers: Sequence[Provider],
        planner: Planner,
        journal: Journal,
        world: World,
        *,
        clock: Callable[[], float],
        new_id: Callable[[], str],
        pace: Pace = INSTANT,
        chance: Callable[[str], Chance | None] = lambda name: None,
        keepers: Mapping[str, Keeper] = NO_KEEPERS,
    ) -> None:
        self.providers = {provider.NAME: provider for provider in providers}
        self.journal = journal
        self.world = world
        self._fallback = providers[0]
        self._planner = planner
        self._clock = clock
        self._new_id = new_id
        self.pace = pace
        self._chance = chance
        self._keepers = keepers
        self._routes = Routes(providers)

    def handle(self, http: HttpRequest) -> Iterator[Step]:
        """The steps that answer a request. Whatever goes wrong is an answer too."""
        if http.method == "OPTIONS":
            return preflight(http)
        exchange = self.journal.open(http)
        provider = self._fallback
        try:
            provider = self._routes.find(http)
            exchange.api = provider.NAME
            steps = self._answered(provider, http, exchange)
        except Limited as failure:
            steps = self._refused(provider, failure, exchange, failure.limits)
        except Failure as failure:
            speller = provider if exchange.api else self._routes.owner(http)
            steps = self._refused(speller, failure, exchange)
        except Exception as bug:
            log.exception("a bug of Understudy's, answering %s %s", http.method, quote(http.path))
            steps = self._refused(provider, broken(type(bug).__name__), exchange)
        if delay := (exchange.pace or self.pace).delay:
            steps = chain((Pause(delay),), steps)
        if isinstance(steps, tuple):
            return self.journal.handed_over(exchange, steps)
        return self.journal.watch(exchange, steps)

    def locked_out(self, http: HttpRequest) -> Steps | None:
        """The steps that refuse a key at the door of a session; None where it is let in."""
        try:
            self.world.access.key(http)
        except Failure as failure:
            if failure.kind == "authentication":
                exchange = self.journal.open(http)
                steps = self._refused(self._routes.owner(http), failure, exchange)
                return self.journal.handed_over(exchange, steps)
        return None

    def _answered(self, provider: Provider, http: HttpRequest, exchange: Exchange) -> Steps | Whole:
        """Who asks, what for, whether it may now, and what befalls the answer."""
        world = self.world
        key = world.access.key(http)
        plan = self._planner.remembered(provider, http)
        if plan is None:
            try:
                asked = self._planner.read(provider, http, exchange)
            except Failure as failure:
                limits = self._admitted(http, key, exchange.model, 0)
                return self._refused(provider, failure, exchange, limits)
            limits = self._admitted(http, key, asked.request.model, asked.charge)
            plan = self._planner.plan(provider, http, asked)
        else:
            exchange.model = plan.request.model
            limits = self._admitted(http, key, plan.request.model, plan.charge)
            for count in plan.counted:
                count()
        faults = plan.faults
        if world.faults:
            scene = world.scene(http) if world.faults.needs_scene else None
            struck = world.faults.strike(plan.request, scene)
            if any(fault.INSTEAD for fault in struck):
                give_back(plan.unused)
            faults += struck
        if not faults:
            return self._carried_out(provider, plan, exchange, limits)
        plan = with_faults(plan, faults, world.faults)
        steps = self._carried_out(provider, plan, exchange, limits)
        return self._struck(provider, plan, steps, exchange, limits)

    def _admitted(self, http: HttpRequest, key: str, model: str, tokens: int) -> RateLimits | None:
        """What the limits leave after this request; raises Limited where they do not let it through."""
        limits = self.world.limits
        return limits.admit(self.now(), http.peer, key, model, tokens) if limits else None

    def _struck(
        self,
        provider: Provider,
        plan: Plan,
        steps: Steps | Whole,
        exchange: Exchange,
        limits: RateLimits | None,
    ) -> Steps:
        """The answer with the plan's faults in it."""

        def instead(failure: Failure) -> Steps:
            failure.facts = {"model": exchange.model, **failure.facts}
            return iter(self._refused(provider, failure, exchange, limits))

        def inside(failure: Failure) -> bytes:
            failure.facts = {"model": exchange.model, **failure.facts}
            exchange.error = provider.error(failure, "").message
            return provider.encoder(plan.request)(broken_off(failure))

        exchange.faults = tuple([fault.KEY for fault in plan.faults])
        exchange.reply, exchange.size = None, 0
        befallen = iter(steps)
        for fault in plan.faults:
            befallen = fault.apply(befallen, self.world.faults.chance, Refuse(instead, inside))
        return befallen

    def now(self) -> float:
        """The time on the mock's clock, in Unix seconds."""
        return self._clock() + self.world.ahead

    def refuse(self, status: int, message: str) -> Steps:
        """The steps that refuse what is no HTTP request to begin with, in its envelope; a 500 is a bug."""
        kind: Kind = "timeout" if status == 408 else "server" if status >= 500 else "invalid_request"
        failure = broken(message.partition(":")[0]) if status == 500 else Failure(status, kind, message)
        return iter(whole(self._fallback.error(failure, self._new_id())))

    def sent(self, exchange: Exchange) -> bytes:
        """The body as it was really sent, made again from the reply."""
        if exchange.reply is None:
            return exchange.answer[: exchange.sent]
        provider = self.providers[exchange.api]
        request: Any = provider.parse(exchange.http)
        if not isinstance(exchange.reply, Reply) or not request.stream:
            return provider.body(exchange.reply, request)[: exchange.sent]
        encode = provider.encoder(request)
        stream = events.paced(exchange.reply, exchange.pace or self.pace)
        return b"".join(encode(e) for e in stream if not isinstance(e, Pause))[: exchange.sent]

    def asked(self, exchange: Exchange) -> AnyRequest | None:
        """What was asked, read again from the journal, secrets masked; None where it cannot be read."""
        provider = self.providers.get(exchange.api)
        if provider is None:
            return None
        try:
            request: AnyRequest = provider.parse(exchange.http)
        except Failure:
            return None
        kept = AsOf(self.world.resources, exchange.at + self.world.ahead)
        request = self._planner.recalled(request, kept)
        if isinstance(request, Request):
            http = exchange.http
            return replace(request, scene=Scene(http, key_of(http), now=exchange.at))
        return request

    # --- carrying out: each answer has an id and a time of its own --------------------------------

    def _carried_out(
        self, provider: Provider, plan: Plan, exchange: Exchange, limits: RateLimits | None
    ) -> Steps | Whole:
        request, reply = plan.request, self._named(plan, exchange)
        exchange.answered_by = plan.by
        exchange.reply, exchange.again = reply if not plan.again else None, plan.again
        exchange.size = plan.size
        exchange.input_tokens = reply.usage.input
        exchange.output_tokens = reply.usage.output
        headers = CORS + provider.head(reply, request.stream, limits)
        if plan.headers:
            headers = with_headers(headers, plan.headers)
        if plan.warnings:
            exchange.warning = "; ".join(plan.warnings)
            headers += warning_header(exchange.warning)
        pace = self.pace
        if plan.pace is not None:
            pace = exchange.pace = plan.pace
        if plan.keeps and isinstance(reply, Reply):
            timing = pace, self._next_chance() if request.background and pace.jitter else None
            size, keeper = len(exchange.http.body) + plan.size, self._keepers[provider.NAME]
            reply = self.world.resources.keep_answer(keeper, request, reply, self.now(), size, *timing)
        if request.stream and isinstance(reply, Reply):
            exchange.stream = True
            head = Head(200, headers)
            chance = self._next_chance() if pace.jitter else None
            return self._stream(head, provider, plan, reply, pace, chance)
        if isinstance(reply, ResourceReply):  # what is told of a resource may be another thing tomorrow
            exchange.reply, exchange.answer = None, provider.body(reply, request)
            return Head(200, headers, len(exchange.answer)), Send(exchange.answer)
        body = self._bytes(provider, plan, reply)
        steps = (Head(200, headers, len(body)), Send(body))
        if pace is INSTANT:
            return steps
        waits = events.duration(reply, pace, self._next_chance() if pace.jitter else None)
        return iter((Pause(waits), *steps)) if waits else steps

    def _next_chance(self) -> Chance | None:
        """What the next answer with jitter draws its pauses from: the same again for the same seed."""
        self.world.jittered += 1
        return self._chance(f"pace {self.world.jittered}")

    def _named(self, plan: Plan, exchange: Exchange) -> AnyReply:
        """The plan's reply with an id and a time; its tool calls get ids too. Told again, it has all."""
        reply, now = plan.reply, self._clock()
        if plan.again:
            return reply  # type: ignore[no-any-return]
        if type(reply) is not Reply:
            other: AnyReply = replace(
                reply,
                id=self._new_id(),
                created=int(now + self.world.ahead),
                seconds=now - exchange.at,
                model=plan.request.model,
            )
            return other
        parts, others = reply.parts, reply.others
        if plan.calls:
            parts = self._with_ids(parts)
            others = tuple([replace(each, parts=self._with_ids(each.parts)) for each in others])
        return Reply(
            parts,
            reply.stop,
            reply.usage,
            reply.id or self._new_id(),
            int(now + self.world.ahead),
            now - exchange.at,
            reply.model,
            others,
            reply.encoding,
            reply.logprobs,
            reply.stopped_by,
        )

    def _with_ids(self, parts: tuple[Part, ...]) -> tuple[Part, ...]:
        return tuple(
            [
                replace(part, id=self._new_id()[:24])
                if isinstance(part, ToolCall | ServerToolCall) and not part.id
                else part
                for part in parts
            ]
        )

    def _bytes(self, provider: Provider, plan: Plan, reply: AnyReply) -> bytes:
        """The answer, whole or its stream at once; of a plan that is used again, from its form."""
        if plan.form is not None:
            return plan.form.filled(reply)
        encode = partial(written, provider, plan.request)
        made = encode(reply)
        self._planner.use(plan, made, reply, encode)
        return made

    def _stream(
        self, head: Head, provider: Provider, plan: Plan, reply: Reply, pace: Pace, chance: Chance | None
    ) -> Steps:
        """Everything up to a pause leaves as one Send."""
        if pace.ttft:
            yield Pause(events.ttft(pace, chance))
        yield head
        if not pace.tokens_per_second:
            yield Send(self._bytes(provider, plan, reply))
            return
        encode = provider.encoder(plan.request)
        waiting = b""
        for event in events.paced(reply, pace, chance):
            if isinstance(event, Pause):
                yield Send(waiting)
                yield event
                waiting = b""
            else:
                waiting += encode(event)
        yield Send(waiting)

    def _refused(
        self, provider: Provider, failure: Failure, exchange: Exchange, limits: RateLimits | None = None
    ) -> Whole:
        if limits is not None:
            limits = replace(limits, now=self.now())
        reply = provider.error(failure, self._new_id(), limits)
        exchange.reply, exchange.size = None, 0
        exchange.input_tokens = exchange.output_tokens = 0
        exchange.answer = reply.body
        exchange.answered_by = exchange.answered_by or "refused"
        exchange.error = reply.message
        return whole(reply)


def with_faults(plan: Plan, faults: tuple[Fault, ...], standing: FaultSet) -> Plan:
    """A copy of the plan with these faults, and with what they make of its reply."""
    reply = plan.reply
    if isinstance(reply, Reply):
        for fault in faults:
            reply = fault.alter(reply, standing.chance)
    form = plan.form if reply is plan.reply else None
    keeps = plan.keeps and not any(fault.INSTEAD for fault in faults)
    return replace(plan, reply=reply, faults=faults, form=form, uses=0, keeps=keeps)


def written(provider: Provider, request: Any, reply: AnyReply) -> bytes:
    """The bytes of an answer, whole or as a stream that nothing paces."""
    if not isinstance(reply, Reply) or not request.stream:
        return provider.body(reply, request)
    encode = provider.encoder(request)
    return b"".join([encode(event) for event in events.unfold(reply)])
