"""The program on one screen: an HTTP request in, steps for the server out.

    HttpRequest -> provider.parse -> Request -> operation -> Plan -> Reply -> provider.body ---> Step ...
                                                                         \\-> provider.encoder -'

Plans eagerly, streams lazily: reply and status are fixed before the first step is given, so that a
Failure never comes after a Head. A plan holds what depends on the request alone, so that the same
request, asked again, is not read, answered and counted again. Never waits: time is a Pause.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from understudy import events, usage
from understudy.errors import Failure, Kind
from understudy.journal import Exchange, Journal, Whole
from understudy.model import (
    INSTANT,
    AnyReply,
    EmbeddingReply,
    Head,
    HttpRequest,
    Message,
    Pace,
    Part,
    Pause,
    Reply,
    Request,
    Send,
    Step,
    Steps,
    ToolCall,
    Usage,
)
from understudy.providers.base import HttpReply, Provider
from understudy.routes import Routes

CORS = b"access-control-allow-origin: *\r\naccess-control-expose-headers: *\r\n"
MOST_PLANS, MOST_REMEMBERED, MOST_KEPT = 1_024, 4_096, 8 << 20
"""How many plans are remembered, of requests with how many bytes at most, and with how many bytes in all."""
MOST_PIECES = 16 << 10
"""Bytes of a whole answer that are remembered, at most: log probabilities can make many out of few."""
CHOICE_BYTES = 200
"""What a choice costs beside its parts' content, about."""
log = logging.getLogger("understudy")


class Answer(Struct, frozen=True, gc=False):
    """A reply, and the name of what gave it, for the journal.

    `lasting` says that the same request will always get the same answer, so that it may be remembered.
    """

    reply: Any
    by: str = ""
    lasting: bool = False


class Plan(Struct, gc=False):
    """What a request will be answered with: all but the answer's id and time.

    `reply` is cut to size and counted, `size` its bytes, about; `calls` says that its tool calls still need
    ids. `pieces` are the bytes of a whole answer around its id and its time, once they are known.
    """

    request: Any
    reply: Any
    by: str
    lasting: bool = False
    calls: bool = False
    size: int = 0
    pieces: tuple[bytes, bytes, bytes] | None = None
    uses: int = 0


Operation = Callable[[Any], Answer]
"""What answers one operation (`chat`, `completion`, `embedding`, `models`): its request in, an Answer out."""


class Engine:
    """Answers HTTP requests with steps.

    `operations` answers each operation; `clock` tells Unix seconds, `new_id` gives 29 random letters
    and digits, `encoding_of` names the vocabulary that a model's tokens are counted by.
    """

    def __init__(
        self,
        providers: Sequence[Provider],
        operations: Mapping[str, Operation],
        journal: Journal,
        *,
        clock: Callable[[], float],
        new_id: Callable[[], str],
        encoding_of: Callable[[str], str],
        pace: Pace = INSTANT,
    ) -> None:
        self.providers = {provider.NAME: provider for provider in providers}
        self.journal = journal
        self._fallback = providers[0]
        self._operations = operations
        self._clock = clock
        self._new_id = new_id
        self._encoding_of = encoding_of
        self._pace = pace
        self._routes = Routes(providers)
        self._plans: dict[tuple[Provider, str, bytes], Plan] = {}
        self._kept = 0  # the sizes of all plans

    def handle(self, http: HttpRequest) -> Iterator[Step]:
        """The steps that answer a request. Whatever goes wrong is an answer too."""
        if http.method == "OPTIONS":
            return preflight(http)
        exchange = self.journal.open(http)
        provider = self._fallback
        try:
            provider = self._routes.find(http)
            exchange.api = provider.NAME
            plan = self._plans.get((provider, http.target, http.body))
            plan = plan or self._plan(provider, http, exchange)
            steps: Steps | Whole = self._carried_out(provider, plan, exchange)
        except Failure as failure:
            steps = self._refused(provider, failure, exchange)
        except Exception as bug:
            log.exception("a bug of Understudy's, answering %s %s", http.method, quote(http.path))
            steps = self._refused(provider, broken(type(bug).__name__), exchange)
        if isinstance(steps, tuple):
            return self.journal.handed_over(exchange, steps)
        return self.journal.watch(exchange, steps)

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
        stream = events.paced(exchange.reply, self._pace)
        return b"".join(encode(e) for e in stream if not isinstance(e, Pause))[: exchange.sent]

    # --- planning: what depends on the request alone ----------------------------------------------

    def _plan(self, provider: Provider, http: HttpRequest, exchange: Exchange) -> Plan:
        """Read the request and have it answered; a lasting answer to a short request is remembered."""
        request: Any = provider.parse(http)
        exchange.model = request.model
        answer: Answer = self._operations[request.operation](request)
        if isinstance(request, Request):
            plan = self._generated(request, answer)
        else:
            vectors = answer.reply.vectors if isinstance(answer.reply, EmbeddingReply) else ()
            plan = Plan(request, answer.reply, answer.by, answer.lasting, size=sum(map(len, vectors)))
        if plan.lasting and len(http.target) + len(http.body) <= MOST_REMEMBERED:
            self._remember(provider, http, plan)
        return plan

    def _remember(self, provider: Provider, http: HttpRequest, plan: Plan) -> None:
        if len(self._plans) >= MOST_PLANS or self._kept + plan.size > MOST_KEPT:
            self._plans.clear()
            self._kept = 0
        if plan.size <= MOST_KEPT:
            self._plans[provider, http.target, http.body] = plan
            self._kept += plan.size

    def _generated(self, request: Request, answer: Answer) -> Plan:
        """Every choice answered, cut to size and counted."""
        encoding = self._encoding_of(request.model)
        answers = (answer, *self._others(request)) if request.choices > 1 or request.more else (answer,)
        fitted = [
            events.fit(each.reply.parts, each.reply.stop, request.sampling, encoding) for each in answers
        ]
        choices = [parts for parts, _ in fitted]
        (parts, stop), *others = fitted
        return Plan(
            request,
            Reply(
                parts,
                stop,
                Usage(usage.input_tokens(request, encoding), *usage.output(choices, encoding)),
                model=answer.reply.model or request.model,
                others=tuple([Reply(parts, stop, encoding=encoding) for parts, stop in others]),
                encoding=encoding,
            ),
            answer.by,
            all(each.lasting for each in answers),
            any(type(part) is ToolCall for each in choices for part in each),
            CHOICE_BYTES * len(choices) + sum(len(events.content(part)) for each in choices for part in each),
        )

    def _others(self, request: Request) -> Iterator[Answer]:
        """Answers for the further choices: `n` for each prompt, in the order of the prompts."""
        prompts: tuple[tuple[Message, ...], ...] = (request.messages, *request.more)
        for number in range(1, request.choices * len(prompts)):
            prompt = prompts[number // request.choices]
            asked = replace(request, messages=prompt, choice=number % request.choices)
            yield self._operations[request.operation](asked)

    # --- carrying out: each answer has an id and a time of its own --------------------------------

    def _carried_out(self, provider: Provider, plan: Plan, exchange: Exchange) -> Steps | Whole:
        request, reply = plan.request, self._named(plan, exchange)
        exchange.model = request.model
        exchange.answered_by = plan.by
        exchange.reply = reply
        exchange.size = plan.size
        exchange.input_tokens = reply.usage.input
        exchange.output_tokens = reply.usage.output
        if request.stream and isinstance(reply, Reply):
            exchange.stream = True
            return self._stream(provider.head(reply, True), provider.encoder(request), reply)
        body = self._body(provider, plan, reply)
        steps = (Head(200, CORS + provider.head(reply, False), len(body)), Send(body))
        if self._pace is INSTANT or not isinstance(reply, Reply):
            return steps
        return iter((Pause(events.duration(reply, self._pace)), *steps))

    def _named(self, plan: Plan, exchange: Exchange) -> AnyReply:
        """The plan's reply with an id and a time; its tool calls get ids too."""
        reply, now = plan.reply, self._clock()
        if type(reply) is not Reply:
            other: AnyReply = replace(
                reply,
                id=self._new_id(),
                created=int(now),
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
            self._new_id(),
            int(now),
            now - exchange.at,
            reply.model,
            others,
            reply.encoding,
        )

    def _with_ids(self, parts: tuple[Part, ...]) -> tuple[Part, ...]:
        return tuple(
            [
                replace(part, id=self._new_id()[:24]) if type(part) is ToolCall and not part.id else part
                for part in parts
            ]
        )

    def _body(self, provider: Provider, plan: Plan, reply: AnyReply) -> bytes:
        """The whole answer; of a plan that is used again, from the bytes around its id and time."""
        if (pieces := plan.pieces) is not None:
            return b"%b%b%b%d%b" % (pieces[0], reply.id.encode(), pieces[1], reply.created, pieces[2])
        body = provider.body(reply, plan.request)
        plan.uses += 1
        if plan.uses == 2 and not plan.calls and len(body) <= MOST_PIECES:
            plan.pieces = pieces_of(body, reply.id.encode(), b"%d" % reply.created)
        return body

    def _stream(self, head: bytes, encode: Callable[[Any], bytes], reply: Reply) -> Steps:
        """Everything up to a pause leaves as one Send."""
        if self._pace.ttft:
            yield Pause(self._pace.ttft)
        yield Head(200, CORS + head)
        if not self._pace.tokens_per_second:
            yield Send(b"".join([encode(event) for event in events.unfold(reply)]))
            return
        waiting = b""
        for event in events.paced(reply, self._pace):
            if isinstance(event, Pause):
                yield Send(waiting)
                yield event
                waiting = b""
            else:
                waiting += encode(event)
        yield Send(waiting)

    def _refused(self, provider: Provider, failure: Failure, exchange: Exchange) -> Whole:
        reply = provider.error(failure, self._new_id())
        exchange.reply, exchange.size = None, 0
        exchange.answer = reply.body
        exchange.answered_by = exchange.answered_by or "refused"
        exchange.error = failure.message
        return whole(reply)


def whole(reply: HttpReply) -> Whole:
    """The steps of an answer that is there already."""
    return Head(reply.status, CORS + reply.headers, len(reply.body)), Send(reply.body)


def broken(name: str) -> Failure:
    """Our own fault, never dressed as the vendor's: a 500 that says so; `name` is the exception's."""
    return Failure(
        500,
        "server",
        f"This is a bug of Understudy's, not an answer of the API that it imitates: {name}. "
        "Its log has the details; please report them.",
        code="understudy_bug",
        headers=(("x-understudy-bug", name), ("x-should-retry", "false")),
    )


def preflight(http: HttpRequest) -> Steps:
    """The answer to a browser's question whether it may ask: yes, from anywhere."""
    wanted = http.header(b"access-control-request-headers") or "*"
    headers = (
        f"access-control-allow-methods: GET, POST, PUT, PATCH, DELETE, OPTIONS, HEAD\r\n"
        f"access-control-allow-headers: {wanted}\r\n"
        "access-control-max-age: 86400\r\n"
    )
    return iter((Head(204, CORS + headers.encode("latin-1"), 0),))


def pieces_of(body: bytes, id: bytes, created: bytes) -> tuple[bytes, bytes, bytes] | None:
    """What stands around the id and, after it, the time; None where they are not there just once each."""
    if body.count(id) != 1 or body.count(created) != 1:
        return None
    before, _, rest = body.partition(id)
    middle, found, after = rest.partition(created)
    return (before, middle, after) if found else None
