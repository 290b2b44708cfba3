"""What answers each operation in a space: its rules, then the autopilot; embeddings; the models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from msgspec.structs import replace

from understudy import embeddings, usage
from understudy.catalog import Catalog, is_tuned
from understudy.errors import Failure
from understudy.model import (
    CountReply,
    CountRequest,
    EmbeddingReply,
    EmbeddingRequest,
    HttpRequest,
    ModelInfo,
    ModelsReply,
    ModelsRequest,
    Reply,
    Request,
    ResourceRequest,
    Steps,
    Usage,
)
from understudy.planning import Answer, Operation
from understudy.resources import Collections
from understudy.rules import Match, Rule, Rulebook, RuleSet, RuleState
from understudy.work import done

NEAREST = 3
"""How many rules are explained where none matches."""
KEPT = "kept"
"""What answers for a resource."""
STRICT = "Understudy is strict"
"""How the refusal of a request begins that no rule matches."""


class Pilot(Protocol):
    """What answers when no rule does."""

    def answer(self, request: Request) -> tuple[Reply, str]:
        """The reply, and the name of what gave it."""


class Answering:
    """The operations of a space. Without a pilot, a request that no rule matches is refused.

    `now` tells the time on the mock's clock, in Unix seconds; `handle` answers a request that is made for a
    client; `origin` is what stands before the paths of a server that was asked by this name.
    """

    def __init__(
        self,
        book: Rulebook,
        pilot: Pilot | None,
        catalog: Catalog,
        encoding_of: Callable[[str], str],
        resources: Collections,
        now: Callable[[], float],
        handle: Callable[[HttpRequest], Steps],
        origin: Callable[[str], str],
    ) -> None:
        self._book = book
        self._pilot = pilot
        self._catalog = catalog
        self._encoding_of = encoding_of
        self._resources = resources
        self._now = now
        self._handle = handle
        self._origin = origin

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            "chat": self._generated,
            "completion": self._generated,
            "embedding": self._embedded,
            "count": self._counted,
            "models": self._listed,
            "warm_up": self._warmed,
            "model_deletion": self._deleted,
            "resource": self._kept,
        }

    def _generated(self, request: Request) -> Answer:
        rules = self._book.rules
        scenarios = self._book.state.scenarios
        match = rules.select(request, self._book.state)
        if match is not None:
            return answer(match, self._book.state, scenarios)
        if self._pilot is None:
            raise unanswered(request, rules, self._book.state)
        reply, by = self._pilot.answer(request)
        lasting = not rules.looks_at_scene and not rules.matching(request)
        return Answer(reply, f"autopilot: {by}", lasting)

    def _embedded(self, request: EmbeddingRequest) -> Answer:
        """A vector for each input."""
        full = embeddings.dimensions_of(request.model)
        wanted = min(request.dimensions or full, full)
        vectors = tuple(embeddings.vector(text, wanted, full) for text in request.inputs)
        counted = usage.texts(request.inputs, self._encoding_of(request.model))
        return Answer(EmbeddingReply(vectors, Usage(counted)), "embeddings", lasting=True)

    def _counted(self, request: CountRequest) -> Answer:
        """How many tokens a request would cost."""
        counted = usage.input_tokens(request.request, self._encoding_of(request.model))
        return Answer(CountReply(Usage(counted)), "count", lasting=True)

    def _warmed(self, request: Request) -> Answer:
        """Nothing: the prompt is prepared for those that follow."""
        return Answer(Reply(()), "warm-up", lasting=True)

    def _listed(self, request: ModelsRequest) -> Answer:
        """All models, or the one asked for."""
        found = (self._found(request.model),) if request.model else self._catalog.models
        return Answer(ModelsReply(found), "models")

    def _deleted(self, request: ModelsRequest) -> Answer:
        """A model that is no more: one of those that were fine-tuned, as nobody may delete another."""
        found = self._found(request.model)
        if not is_tuned(found.id):
            raise Failure(None, "permission", facts={"lacks": "delete"})
        self._catalog.delete(found.id)
        return Answer(ModelsReply((found,)), "models")

    def _found(self, model: str) -> ModelInfo:
        found = self._catalog.find(model)
        if found is None:
            raise Failure(None, "unknown_model", facts={"model": model[:200]})
        return found

    def _kept(self, request: ResourceRequest) -> Answer:
        """The resources that are asked for; of an answer whose stream is asked for, the answer again."""
        told = self._resources.answer(self._worked(request), self._now())
        if request.stream and request.resumed is not None:
            (resource,) = told.resources
            if resource.reply is not None and resource.request is not None:
                return Answer(resource.reply, KEPT, request=request.resumed(resource.request))
        return Answer(replace(told, origin=self._origin(request.host)) if request.host else told, KEPT)

    def _worked(self, request: ResourceRequest) -> ResourceRequest:
        """The request, with what came of the requests that it has made; their answers are kept, too."""
        if not request.calls:
            return request
        ended = tuple([done(self._handle(http)) for http in request.calls])
        size = request.size + sum(len(each.body) for each in ended)
        return replace(request, new=(replace(request.new[0], done=ended),), size=size)


def answer(match: Match, state: RuleState, scenarios: dict[str, str]) -> Answer:
    """What a rule that matches answers with; its state counts how often. `scenarios` are those before it."""
    response = match.response
    assert response is not None

    def again(request: Request) -> Answer:
        return Answer(response.said(request, match.groups), match.rule.title, match.lasting)

    headers = "".join([f"{name}: {value}\r\n" for name, value in response.headers])
    return Answer(
        match.reply,
        match.rule.title,
        match.lasting,
        response.faults,
        response.pace,
        headers.encode("latin-1", "replace"),
        again,
        lambda: state.take(match.rule),
        lambda: state.give_back(match.rule, scenarios),
    )


def unanswered(request: Request, rules: RuleSet, state: RuleState) -> Failure:
    """The refusal of a request that no rule answers: those that match and kept still, then the nearest."""
    still = [rule for rule, _ in rules.matching(request)]
    told = [f'"{rule.title}": {kept_still(rule, state)}' for rule in still]
    told += [f'"{miss.rule.title}": {"; ".join(miss.why)}' for miss in rules.near_misses(request, NEAREST)]
    nearest = f" The nearest: {' | '.join(told[:NEAREST])}" if told else ""
    return Failure(
        404,
        "not_found",
        f"{STRICT}, and {none_answers(len(rules), len(still))}.{nearest}",
        code="no_rule_matched",
        headers=(("x-should-retry", "false"), ("x-understudy-passes-with", "no --strict")),
    )


def kept_still(rule: Rule, state: RuleState) -> str:
    """Why a rule that matches did not answer."""
    chance = f"answers with a probability of {rule.probability:g}: chance was against it"
    return f"it matches, but {state.spent(rule) or chance}"


def none_answers(count: int, still: int) -> str:
    """That none of so many rules answers, of which so many match."""
    if still:
        one = "the rule that matches this request does not answer"
        return one if still == 1 else f"none of the {still} rules that match this request answers"
    several = f"none of the {count} rules matches this request"
    return {0: "there are no rules", 1: "the only rule does not match this request"}.get(count, several)
