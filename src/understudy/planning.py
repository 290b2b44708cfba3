"""What a request will be answered with: all that depends on the request alone, so that it can be remembered.

    HttpRequest -> provider.parse -> Request -> validation -> operation -> fit, count -> Plan

The same request, asked again, is not read, validated, answered and counted again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, Protocol

from msgspec import Struct
from msgspec.structs import replace

from understudy import events, usage
from understudy.catalog import window_of
from understudy.errors import Failure
from understudy.faults.base import Fault
from understudy.journal import Exchange
from understudy.limits import charged
from understudy.model import (
    AnyRequest,
    EmbeddingReply,
    HttpRequest,
    Message,
    ModelsRequest,
    Pace,
    Reply,
    Request,
    ToolCall,
    Usage,
)
from understudy.providers.base import Provider
from understudy.windows import over_window

MOST_PLANS, MOST_REMEMBERED, MOST_KEPT = 1_024, 4_096, 8 << 20
"""How many plans are remembered, of requests with how many bytes at most, and with how many bytes in all."""
CHOICE_BYTES = 200
"""What a choice costs beside its parts' content, about."""
PASSES_WITH = "x-understudy-passes-with"
"""The header of a refusal that tells which setting would let the request pass."""

Validation = Literal["strict", "warn", "off"]


class Answer(Struct, frozen=True, gc=False):
    """A reply, and the name of what gave it, for the journal.

    `lasting` says that the same request will always get the same answer, so that it may be remembered.
    """

    reply: Any
    by: str = ""
    lasting: bool = False


Operation = Callable[[Any], Answer]
"""What answers one operation (`chat`, `completion`, `embedding`, `models`): its request in, an Answer out."""


class Failing(Protocol):
    """How a model fails on purpose: see failures.py."""

    @property
    def faults(self) -> tuple[Fault, ...]: ...

    @property
    def pace(self) -> Pace | None: ...

    @property
    def reply(self) -> Callable[[Request, Reply], Reply] | None: ...


class Plan(Struct, gc=False):
    """What a request will be answered with: all but the answer's id and time.

    `reply` is cut to size and counted, `size` its bytes, about; `calls` says that its tool calls still need
    ids. `warnings` say what the vendor would have refused; `faults` and `pace` are those of a failing
    model. `pieces` are the bytes of a whole answer around its id and its time, once they are known.
    """

    request: Any
    reply: Any
    by: str
    lasting: bool = False
    calls: bool = False
    size: int = 0
    warnings: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    pace: Pace | None = None
    pieces: tuple[bytes, bytes, bytes] | None = None
    uses: int = 0
    charge: int = 0
    """Tokens that the limits count for it."""


class Policy(Struct, frozen=True):
    """What a request must be like to be answered.

    `known` says whether there is a model of this name.
    """

    validation: Validation = "strict"
    known: Callable[[str], bool] = lambda model: True


class Planner:
    """Makes plans, and remembers those that last.

    `operations` answers each operation; `encoding_of` names the vocabulary that a model's tokens are
    counted by; `failing` tells of a model that fails on purpose how it does.
    """

    def __init__(
        self,
        operations: Mapping[str, Operation],
        encoding_of: Callable[[str], str],
        failing: Callable[[str], Failing | None],
        policy: Policy,
    ) -> None:
        self._operations = operations
        self._encoding_of = encoding_of
        self._failing = failing
        self._policy = policy
        self._plans: dict[tuple[Provider, str, bytes], Plan] = {}
        self._kept = 0  # the sizes of all plans

    def plan(self, provider: Provider, http: HttpRequest, exchange: Exchange) -> Plan:
        """The plan for a request. Raises the Failure with which it is refused."""
        plan = self._plans.get((provider, http.target, http.body))
        if plan is None:
            plan = self._new(provider, http, exchange)
            if plan.lasting and len(http.target) + len(http.body) <= MOST_REMEMBERED:
                self._remember(provider, http, plan)
        return plan

    def _new(self, provider: Provider, http: HttpRequest, exchange: Exchange) -> Plan:
        """Read the request, validate it, and have it answered."""
        request: Any = provider.parse(http)
        exchange.model = request.model
        if request.model and not self._policy.known(request.model):
            refusal = Failure(None, "unknown_model", facts={"model": request.model})
            raise passing_with("--unknown-models answer", refusal)
        warnings = self._judged(provider, provider.complaints(request)) if self._validating else ()
        failing = self._failing(request.model)
        answer: Answer = self._operations[request.operation](request)
        if isinstance(request, Request):
            plan = self._generated(request, answer, failing.reply if failing else None)
        else:
            vectors = answer.reply.vectors if isinstance(answer.reply, EmbeddingReply) else ()
            plan = Plan(request, answer.reply, answer.by, answer.lasting, size=sum(map(len, vectors)))
        if self._validating:
            warnings += self._judged(provider, self._too_long(request, plan.reply.usage.input))
        plan.warnings = warnings
        plan.charge = charged(request, plan.reply.usage.input)
        if failing is not None:
            plan.faults, plan.pace = failing.faults, failing.pace
        return plan

    def _remember(self, provider: Provider, http: HttpRequest, plan: Plan) -> None:
        if len(self._plans) >= MOST_PLANS or self._kept + plan.size > MOST_KEPT:
            self._plans.clear()
            self._kept = 0
        if plan.size <= MOST_KEPT:
            self._plans[provider, http.target, http.body] = plan
            self._kept += plan.size

    # --- validation: what the vendor would say -----------------------------------------------------

    @property
    def _validating(self) -> bool:
        return self._policy.validation != "off"

    def _judged(self, provider: Provider, complaints: Iterable[Failure]) -> tuple[str, ...]:
        """What the vendor would have said; under `strict`, it says so."""
        warnings = []
        for complaint in complaints:
            if self._policy.validation == "strict":
                raise passing_with("--validation warn", complaint)
            reply = provider.error(complaint, "")
            warnings.append(f"{reply.status} {reply.message}")
        return tuple(warnings)

    def _too_long(self, request: AnyRequest, counted: int) -> Iterator[Failure]:
        """What the vendor says to more tokens than the model's window has."""
        if isinstance(request, ModelsRequest):
            return
        window = window_of(request.model)
        if window is not None:
            found = over_window(request, counted, window, self._encoding_of(request.model))
            if found is not None:
                yield found

    # --- generated text ----------------------------------------------------------------------------

    def _generated(
        self, request: Request, answer: Answer, altered: Callable[[Request, Reply], Reply] | None
    ) -> Plan:
        """Every choice answered, cut to size and counted."""
        encoding = self._encoding_of(request.model)
        answered = [(request, answer)]
        if request.choices > 1 or request.more:
            answered += self._others(request)
        replies = [altered(asked, each.reply) if altered else each.reply for asked, each in answered]
        fitted = [events.fit(each.parts, each.stop, request.sampling, encoding) for each in replies]
        choices = [parts for parts, _ in fitted]
        (parts, stop), *others = fitted
        return Plan(
            request,
            Reply(
                parts,
                stop,
                Usage(usage.input_tokens(request, encoding), *usage.output(choices, encoding)),
                model=replies[0].model or request.model,
                others=tuple([Reply(parts, stop, encoding=encoding) for parts, stop in others]),
                encoding=encoding,
            ),
            answer.by,
            all(each.lasting for _, each in answered),
            any(type(part) is ToolCall for each in choices for part in each),
            CHOICE_BYTES * len(choices) + sum(len(events.content(part)) for each in choices for part in each),
        )

    def _others(self, request: Request) -> Iterator[tuple[Request, Answer]]:
        """What is asked for the further choices, and answered: `n` for each prompt, in the prompts' order."""
        prompts: tuple[tuple[Message, ...], ...] = (request.messages, *request.more)
        for number in range(1, request.choices * len(prompts)):
            prompt = prompts[number // request.choices]
            asked = replace(request, messages=prompt, choice=number % request.choices)
            yield asked, self._operations[request.operation](asked)


def passing_with(setting: str, refusal: Failure) -> Failure:
    """A refusal whose answer says which setting lets the request pass."""
    refusal.headers += ((PASSES_WITH, setting),)
    return refusal
