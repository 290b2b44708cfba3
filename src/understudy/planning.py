"""What a request will be answered with: all that depends on the request alone, so that it can be remembered.

    HttpRequest -> provider.parse -> Request -> validation -> operation -> fit, count -> Plan

The same request, asked again, is not read, validated, answered and counted again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol

from msgspec import Struct
from msgspec.structs import replace

from understudy import events, usage
from understudy.access import key_of
from understudy.catalog import window_of
from understudy.errors import Failure
from understudy.faults.base import Fault
from understudy.forms import Form, form_of
from understudy.journal import Exchange
from understudy.limits import charged
from understudy.model import (
    NOTHING,
    AnyReply,
    AnyRequest,
    CountRequest,
    EmbeddingReply,
    EmbeddingRequest,
    HttpRequest,
    Message,
    ModelsRequest,
    Pace,
    Reply,
    Request,
    ResourceRequest,
    Scene,
    ServerToolCall,
    ToolCall,
    Usage,
)
from understudy.promptcache import Found, PromptCache
from understudy.providers.base import Keeper, Kept, Provider, decode
from understudy.windows import over_window

MOST_PLANS, MOST_REMEMBERED, MOST_KEPT = 1_024, 4_096, 8 << 20
"""How many plans are remembered, of requests with how many bytes at most, and with how many bytes in all."""
MOST_FORM, MOST_FORMS = 128 << 10, 16 << 20
"""How many bytes an answer's form has at most, and all forms that are remembered."""
CHOICE_BYTES = 200
"""What a choice costs beside its parts' content, about."""
PASSES_WITH = "x-understudy-passes-with"
"""The header of a refusal that tells which setting would let the request pass."""

NO_KEEPERS: Mapping[str, Keeper] = {}

Validation = Literal["strict", "warn", "off"]


class Answer(Struct, frozen=True, gc=False):
    """A reply, and the name of what gave it, for the journal.

    `lasting` says that the same request will always get the same answer, so that it may be remembered.
    `faults` befall it, `pace` is its own, and `headers` are further header lines. `again` answers the
    further choices of the same prompt, where the operation should not be asked anew for each. `counted` is
    called each time when the answer is given from memory, `given_back` where it was not given after all.
    `request` is what it answers, where that is another one than was asked.
    """

    reply: Any
    by: str = ""
    lasting: bool = False
    faults: tuple[Fault, ...] = ()
    pace: Pace | None = None
    headers: bytes = b""
    again: Callable[[Request], Answer] | None = None
    counted: Callable[[], object] | None = None
    given_back: Callable[[], object] | None = None
    request: Request | None = None


class Asked(Struct, frozen=True, gc=False):
    """A request that was read and validated, and what it costs: `input` tokens, and `charge` for limits.

    `found` is what it reads from the prompt cache and writes to it, None where it does not ask for that.
    """

    request: Any
    warnings: tuple[str, ...]
    input: int
    charge: int
    found: Found | None = None


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
    ids. `warnings` say what the vendor would have refused; `faults` befall the answer, `pace` is its own,
    `headers` are further header lines. `form` is the answer's bytes but for its ids and its time, once they
    are known; `asked_by` are the headers of the request where another version of the API would read it
    otherwise. `keeps` says that the answer is kept; `again` that the reply is told once more, and has its id
    and time.
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
    headers: bytes = b""
    asked_by: tuple[bytes, ...] | None = None
    form: Form | None = None
    uses: int = 0
    charge: int = 0
    """Tokens that the limits count for it."""
    counted: tuple[Callable[[], object], ...] = ()
    """Called when the plan is carried out once more: who gave its answers counts them."""
    unused: tuple[Callable[[], object] | None, ...] = ()
    """Called when something else was said in place of the answers: who gave them counts them no more."""
    keeps: bool = False
    again: bool = False


class Policy(Struct, frozen=True):
    """What a request must be like to be answered.

    `known` says whether there is a model of this name; `warned` what is odd about a name all the same.
    `any_id` says that it may refer to what is not kept.
    """

    validation: Validation = "strict"
    known: Callable[[str], bool] = lambda model: True
    warned: Callable[[str], str] = lambda model: ""
    any_id: bool = False


class Planner:
    """Makes plans, and remembers those that last.

    `operations` answers each operation; `encoding_of` names the vocabulary that a model's tokens are
    counted by; `failing` tells of a model that fails on purpose how it does; `scene` sees what surrounds
    a request, where somebody looks at it; `pace_of` tells a model's own pace; `prompts` is the prompt cache,
    whose time `now` tells, in Unix seconds. `keepers` know what their providers' requests refer to in what is
    `kept`.
    """

    def __init__(
        self,
        operations: Mapping[str, Operation],
        encoding_of: Callable[[str], str],
        failing: Callable[[str], Failing | None],
        policy: Policy,
        scene: Callable[[HttpRequest], Scene | None] = lambda http: None,
        pace_of: Callable[[str], Pace | None] = lambda model: None,
        prompts: PromptCache | None = None,
        now: Callable[[], float] = lambda: 0.0,
        keepers: Mapping[str, Keeper] = NO_KEEPERS,
        kept: Kept | None = None,
    ) -> None:
        self._operations = operations
        self._encoding_of = encoding_of
        self._failing = failing
        self._policy = policy
        self._scene = scene
        self._pace_of = pace_of
        self._prompts = prompts or PromptCache()
        self._now = now
        self._keepers = keepers
        self._resources = kept
        self._plans: dict[tuple[Provider, str, bytes], Plan] = {}
        self._kept = 0  # the sizes of all plans
        self._formed = 0  # and of all their forms

    def remembered(self, provider: Provider, http: HttpRequest) -> Plan | None:
        """The plan for a request that was asked before, where its answer lasts."""
        plan = self._plans.get((provider, http.target, http.body))
        if plan is None or (plan.asked_by is not None and plan.asked_by != http.headers):
            return None
        return plan

    def use(self, plan: Plan, body: bytes, reply: AnyReply, encode: Callable[[AnyReply], bytes]) -> None:
        """Note that a plan was carried out as `body`; at the second time its form is remembered."""
        plan.uses += 1
        if plan.uses == 2 and len(body) <= min(MOST_FORM, MOST_FORMS - self._formed):
            plan.form = form_of(body, reply, encode)
            self._formed += len(plan.form.body) if plan.form else 0

    def read(self, provider: Provider, http: HttpRequest, exchange: Exchange) -> Asked:
        """Read the request and validate it. Raises the Failure with which it is refused."""
        try:
            request: Any = provider.parse(http)
        except Failure:
            exchange.model = named_model(http)
            raise
        request = self.recalled(request, self._resources)
        exchange.model = request.model
        if request.model and not self._policy.known(request.model):
            facts = {"model": request.model, "path": http.path}
            refusal = Failure(None, "unknown_model", facts=facts)
            raise passing_with("--unknown-models answer", refusal)
        warnings = self._judged(provider, provider.complaints(request)) if self._validating else ()
        counted = self._counted(request)
        if self._validating:
            warnings += self._judged(provider, self._too_long(request, counted))
        if odd := self._policy.warned(request.model):
            warnings += (odd,)
        found = self._found(http, request)
        charge = charged(request, counted - found.read if found else counted)
        return Asked(request, warnings, counted, charge, found)

    def recalled(self, request: Any, kept: Kept | None) -> Any:
        """The request with what it refers to of what is kept."""
        inner = request.request if isinstance(request, CountRequest) else request
        if kept is None or not isinstance(inner, Request) or not inner.refers:
            return request
        found = self._keepers[inner.api].recalled(inner, kept)
        if self._policy.any_id:
            found = replace(found, refers=NOTHING)
        return found if inner is request else replace(request, model=found.model, request=found)

    def plan(self, provider: Provider, http: HttpRequest, asked: Asked) -> Plan:
        """Have the request answered; a lasting answer to a short request is remembered."""
        request = asked.request
        if isinstance(request, Request) and (scene := self._scene(http)) is not None:
            request = replace(request, scene=scene)
        failing = self._failing(request.model)
        answer: Answer = self._operations[request.operation](request)
        if isinstance(request, Request):
            plan = self._generated(request, answer, asked.input, failing.reply if failing else None)
        elif answer.request is not None:
            plan = Plan(answer.request, answer.reply, answer.by, again=True)
        else:
            vectors = answer.reply.vectors if isinstance(answer.reply, EmbeddingReply) else ()
            plan = Plan(request, answer.reply, answer.by, answer.lasting, size=sum(map(len, vectors)))
        plan.warnings, plan.charge = asked.warnings, asked.charge
        plan.faults, plan.pace, plan.headers = answer.faults, answer.pace, answer.headers
        if failing is not None:
            plan.by = f"built in: {request.model}"
            if any(fault.INSTEAD for fault in failing.faults):
                give_back(plan.unused)
                plan.counted = plan.unused = ()
            plan.faults += failing.faults
            plan.pace = plan.pace or failing.pace
        plan.pace = plan.pace or self._pace_of(request.model)
        if version_of(request):
            plan.asked_by = http.headers
        if asked.found is not None:
            self._cache(plan, asked.found, told=bool(answer.reply.usage))
        if plan.lasting and len(http.target) + len(http.body) <= MOST_REMEMBERED:
            self._remember(provider, http, plan)
        return plan

    def forget(self) -> None:
        """Remember no plan any more: what answers has changed."""
        self._plans.clear()
        self._kept = self._formed = 0

    def _remember(self, provider: Provider, http: HttpRequest, plan: Plan) -> None:
        if len(self._plans) >= MOST_PLANS or self._kept + plan.size > MOST_KEPT:
            self.forget()
        if plan.size <= MOST_KEPT:
            key = provider, http.target, http.body
            if (former := self._plans.pop(key, None)) is not None:
                self._kept -= former.size
                self._formed -= len(former.form.body) if former.form else 0
            self._plans[key] = plan
            self._kept += plan.size

    # --- the prompt cache ---------------------------------------------------------------------------

    def _found(self, http: HttpRequest, request: AnyRequest) -> Found | None:
        """What a request that asks for caching reads and writes."""
        if not isinstance(request, Request) or request.caching is None:
            return None
        tokens = usage.prefixes(request.caching.prefixes, self._encoding_of(request.model))
        return self._prompts.find(key_of(http), request.model, request.caching, tokens, self._now())

    def _cache(self, plan: Plan, found: Found, told: bool) -> None:
        """Keep what was found, unless something is said in place of the answer; `told`: usage was said."""
        plan.lasting = False
        if any(fault.INSTEAD for fault in plan.faults):
            return
        plan.unused += (self._prompts.keep(found),)
        if not told:
            counted = replace(
                plan.reply.usage, cached=found.read, written=found.written, written_1h=found.written_1h
            )
            plan.reply = replace(plan.reply, usage=counted)

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

    def _counted(self, request: AnyRequest) -> int:
        """The tokens of all that was sent."""
        if isinstance(request, Request):
            return usage.input_tokens(request, self._encoding_of(request.model))
        if isinstance(request, EmbeddingRequest):
            return usage.texts(request.inputs, self._encoding_of(request.model))
        if isinstance(request, CountRequest):
            return self._counted(request.request)
        return 0

    def _too_long(self, request: AnyRequest, counted: int) -> Iterator[Failure]:
        """What the vendor says to more tokens than the model's window has."""
        if isinstance(request, ModelsRequest | CountRequest | ResourceRequest):
            return
        window = window_of(request.model)
        if window is not None:
            found = over_window(request, counted, window, self._encoding_of(request.model))
            if found is not None:
                yield found

    # --- generated text ----------------------------------------------------------------------------

    def _generated(
        self,
        request: Request,
        answer: Answer,
        input: int,
        altered: Callable[[Request, Reply], Reply] | None,
    ) -> Plan:
        """Every choice answered, cut to size and counted."""
        encoding = self._encoding_of(request.model)
        answered = self._all_answered(request, answer)
        replies = [altered(asked, each.reply) if altered else each.reply for asked, each in answered]
        fitted = [events.fit(each.parts, each.stop, request.sampling, encoding) for each in replies]
        choices = [parts for parts, _ in fitted]
        (parts, stop), *others = fitted
        return Plan(
            request,
            Reply(
                parts,
                stop,
                replies[0].usage or Usage(input, *usage.output(choices, encoding)),
                replies[0].id,
                model=replies[0].model or request.model,
                others=tuple(
                    [
                        Reply(parts, stop, encoding=encoding, logprobs=said.logprobs)
                        for (parts, stop), said in zip(others, replies[1:], strict=True)
                    ]
                ),
                encoding=encoding,
                logprobs=replies[0].logprobs,
                stopped_by=events.stopped_by(replies[0].parts, request.sampling.stop)
                if stop == "stop_sequence"
                else "",
            ),
            answer.by,
            all(each.lasting for _, each in answered) and not request.refers and request.items is None,
            any(isinstance(part, ToolCall | ServerToolCall) for each in choices for part in each),
            CHOICE_BYTES * len(choices) + sum(len(events.content(part)) for each in choices for part in each),
            counted=tuple([each.counted for _, each in answered if each.counted is not None]),
            unused=tuple([each.given_back for _, each in answered]),
            keeps=request.keeps,
        )

    def _all_answered(self, request: Request, first: Answer) -> list[tuple[Request, Answer]]:
        """What is asked for each choice, and answered. Refused in the middle, nobody was given anything."""
        answered = [(request, first)]
        if request.choices == 1 and not request.more:
            return answered
        try:
            for each in self._others(request, first):
                answered.append(each)
        except Failure:
            give_back([each.given_back for _, each in answered])
            raise
        return answered

    def _others(self, request: Request, first: Answer) -> Iterator[tuple[Request, Answer]]:
        """What is asked for the further choices, and answered: `n` for each prompt, in the prompts' order."""
        answer = self._operations[request.operation]
        prompts: tuple[tuple[Message, ...], ...] = (request.messages, *request.more)
        for number, prompt in enumerate(prompts):
            asked = replace(request, messages=prompt)
            if number:
                first = answer(asked)
                yield asked, first
            for choice in range(1, request.choices):
                asked = replace(request, messages=prompt, choice=choice)
                yield asked, (first.again or answer)(asked)


def give_back(unused: Sequence[Callable[[], object] | None]) -> None:
    """Tell who gave answers that nobody was given them, the last one first."""
    for each in reversed(unused):
        if each is not None:
            each()


def version_of(request: AnyRequest) -> str:
    """The version of the API that reads a request as it was read, where another would read it otherwise."""
    if isinstance(request, CountRequest):
        return version_of(request.request)
    return request.version if isinstance(request, Request) else ""


def named_model(http: HttpRequest) -> str:
    """The model that a body names which could not be read otherwise; empty where it names none."""
    try:
        body = decode(http.body)
    except (ValueError, RecursionError):
        return ""
    model = body.get("model") if isinstance(body, dict) else None
    return model if isinstance(model, str) else ""


def passing_with(setting: str, refusal: Failure) -> Failure:
    """A refusal whose answer says which setting lets the request pass."""
    refusal.headers += ((PASSES_WITH, setting),)
    return refusal
