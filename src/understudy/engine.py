"""The program on one screen: an HTTP request in, steps for the server out.

    HttpRequest -> provider.parse -> Request -> answer -> Reply -> provider.body ------------> Step ...
                                                             \\-> paced -> provider.encoder -'

Plans eagerly, streams lazily: reply and status are fixed before the first step is given, so that a
Failure never comes after a Head. Never waits: time is a Pause.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from understudy import events, usage
from understudy.errors import Failure, Kind
from understudy.journal import Exchange, Journal
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

CORS = b"access-control-allow-origin: *\r\naccess-control-expose-headers: *\r\n"
log = logging.getLogger("understudy")


class Answer(Struct, frozen=True, gc=False):
    """A reply, and the name of what gave it, for the journal."""

    reply: Any
    by: str = ""


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

    def handle(self, http: HttpRequest) -> Iterator[Step]:
        """The steps that answer a request. Whatever goes wrong is an answer too."""
        if http.method == "OPTIONS":
            return preflight(http)
        exchange = self.journal.open(http)
        provider = self._fallback
        try:
            provider = self._routes.find(http)
            request = provider.parse(http)
            steps = self._respond(provider, request, exchange)
        except Failure as failure:
            steps = self._refused(provider, failure, exchange)
        except Exception as bug:
            log.exception("a bug of Understudy's, answering %s %s", http.method, http.path)
            steps = self._refused(provider, broken(bug), exchange)
        return self.journal.watch(exchange, steps)

    def refuse(self, status: int, message: str) -> Steps:
        """The steps that refuse what is no HTTP request to begin with, in the API's envelope."""
        kind: Kind = "timeout" if status == 408 else "server" if status >= 500 else "invalid_request"
        return whole(self._fallback.error(Failure(status, kind, message), self._new_id()))

    def sent(self, exchange: Exchange) -> bytes:
        """The body as it was really sent; a stream's is made again from its plan."""
        if exchange.reply is None:
            return exchange.answer[: exchange.sent]
        provider = self.providers[exchange.api]
        encode = provider.encoder(provider.parse(exchange.http))
        stream = events.paced(exchange.reply, self._pace)
        return b"".join(encode(e) for e in stream if not isinstance(e, Pause))[: exchange.sent]

    def _respond(self, provider: Provider, request: Any, exchange: Exchange) -> Steps:
        exchange.api = provider.NAME
        exchange.model = request.model
        answer = self._operations[request.operation]
        reply: AnyReply
        if isinstance(request, Request):
            reply = self._reply(request, answer, exchange)
        else:
            reply = self._other_reply(request, answer, exchange)
        if request.stream and isinstance(reply, Reply):
            exchange.stream = True
            exchange.reply = reply
            return self._stream(provider.head(reply, True), provider.encoder(request), reply)
        body = provider.body(reply, request)
        exchange.answer = body
        return self._whole(provider.head(reply, False), body, reply)

    def _reply(self, request: Request, answer: Operation, exchange: Exchange) -> Reply:
        """The plan: every choice answered, cut to size, counted and named."""
        encoding = self._encoding_of(request.model)
        first = answer(request)
        exchange.answered_by = first.by
        parts, stop = self._fitted(first.reply, request, encoding)
        others: tuple[Reply, ...] = ()
        output = usage.output_tokens(parts, encoding)
        if request.choices > 1 or request.more:
            others = tuple(self._others(request, answer, encoding))
            output += sum(usage.output_tokens(each.parts, encoding) for each in others)
        exchange.input_tokens = usage.input_tokens(request, encoding)
        exchange.output_tokens = output
        now = self._clock()
        return Reply(
            parts,
            stop,
            Usage(exchange.input_tokens, output),
            self._new_id(),
            int(now),
            now - exchange.at,
            first.reply.model or request.model,
            others,
            encoding,
        )

    def _others(self, request: Request, answer: Operation, encoding: str) -> Iterator[Reply]:
        """The further choices: `n` for each prompt, in the order of the prompts."""
        prompts: tuple[tuple[Message, ...], ...] = (request.messages, *request.more)
        for number in range(1, request.choices * len(prompts)):
            prompt = prompts[number // request.choices]
            asked = replace(request, messages=prompt, choice=number % request.choices)
            parts, stop = self._fitted(answer(asked).reply, asked, encoding)
            yield Reply(parts, stop, encoding=encoding)

    def _fitted(self, reply: Reply, request: Request, encoding: str) -> Any:
        parts = reply.parts
        for part in parts:
            if type(part) is ToolCall and not part.id:
                parts = tuple([self._with_id(each) for each in parts])
                break
        return events.fit(parts, reply.stop, request.sampling, encoding)

    def _with_id(self, part: Part) -> Part:
        return replace(part, id=self._new_id()[:24]) if isinstance(part, ToolCall) and not part.id else part

    def _other_reply(self, request: Any, answer: Operation, exchange: Exchange) -> AnyReply:
        reply = answer(request).reply
        if isinstance(reply, EmbeddingReply):
            exchange.input_tokens = reply.usage.input
        now = self._clock()
        named: AnyReply = replace(
            reply, id=self._new_id(), created=int(now), seconds=now - exchange.at, model=request.model
        )
        return named

    def _whole(self, head: bytes, body: bytes, reply: AnyReply) -> Steps:
        steps = (Head(200, CORS + head, len(body)), Send(body))
        if self._pace is INSTANT or not isinstance(reply, Reply):
            return iter(steps)
        return iter((Pause(events.duration(reply, self._pace)), *steps))

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

    def _refused(self, provider: Provider, failure: Failure, exchange: Exchange) -> Steps:
        reply = provider.error(failure, self._new_id())
        exchange.api = exchange.api or provider.NAME
        exchange.answer = reply.body
        exchange.answered_by = exchange.answered_by or "refused"
        return whole(reply)


def whole(reply: HttpReply) -> Steps:
    """The steps of an answer that is there already."""
    return iter((Head(reply.status, CORS + reply.headers, len(reply.body)), Send(reply.body)))


def broken(bug: Exception) -> Failure:
    """Our own fault, never dressed as the vendor's: a 500 that says so."""
    name = type(bug).__name__
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


class Routes:
    """Which provider answers a method and path."""

    def __init__(self, providers: Sequence[Provider]) -> None:
        self._fallback = providers[0]
        self._exact: dict[str, dict[str, Provider]] = {}
        self._prefixes: dict[str, dict[str, Provider]] = {}
        for provider in providers:
            for method, path in provider.ROUTES:
                table, key = (
                    (self._exact, path) if "{" not in path else (self._prefixes, path.partition("{")[0])
                )
                table.setdefault(key, {})[method] = provider

    def find(self, http: HttpRequest) -> Provider:
        """The provider that answers; raises the vendor's 404, with a hint, or its 405."""
        methods = self._methods(http.target) or self._methods(http.path)
        method = "GET" if http.method == "HEAD" else http.method
        if methods is None:
            raise self._fallback.unrouted(http.method, http.path, (), self._hint(http.path))
        if method not in methods:
            raise self._fallback.unrouted(http.method, http.path, tuple(methods), "")
        return methods[method]

    def _methods(self, path: str) -> dict[str, Provider] | None:
        if (exact := self._exact.get(path)) is not None:
            return exact
        for prefix, methods in self._prefixes.items():
            if path.startswith(prefix) and len(path) > len(prefix) and "?" not in path:
                return methods
        return None

    def _hint(self, path: str) -> str:
        """A path nearby that there is, if there is one: where the base URL lacks `/v1` or has it twice."""
        short = "/" + "/".join(piece for piece in path.split("/") if piece)
        for nearby in (short, "/v1" + short, short.removeprefix("/v1")):
            if nearby != path and nearby in self._exact:
                return nearby
        return ""
