"""Why an exchange was answered as it was: this rule, and why not those that are asked before it.

The journal keeps no verdicts: they are reached again, by the rules, counts and scenarios as they are now.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from msgspec.structs import replace

from understudy.journal import Exchange
from understudy.matchers import Matcher, Verdict
from understudy.matchers.surroundings import Key
from understudy.model import AnyRequest, Request
from understudy.rules import Rule, RuleSet, RuleState

MOST = 10
"""Rules that are told of."""
NEAREST = 3
"""Of a request that no rule answered, how many rules that came near are told of."""

NO_RULE = b'"no_rule_matched"'
"""What the refusal of a request that no rule matches says, where the mock is strict."""

BUILT_IN = "built in: "
"""How the name begins of what answered, where that is a model that fails on purpose."""

Judged = tuple[Rule, tuple[Verdict, ...]]


class Masked(Verdict, frozen=True):
    """The verdict on a key that is masked: neither that it holds nor that it does not can be told."""

    @property
    def why(self) -> str:
        return "key: cannot be told, since the journal masks keys"


def explain(
    exchange: Exchange, request: AnyRequest | None, rules: RuleSet, state: RuleState
) -> dict[str, Any]:
    """Why this was the answer, as JSON; `request` is what was asked, None where it cannot be read.

    {"answered_by", "rule": id or None, "because": what held, "no_longer"?: what held then and does not now,
     "passed_over": the rules before it that did not answer, "more"?: how many further ones there are,
     "nearest"?: where no rule answered, those that came nearest}
    """
    told: dict[str, Any] = {"answered_by": exchange.answered_by, "rule": None}
    if not isinstance(request, Request) or not were_asked(exchange):
        return told | {"because": [unasked(exchange)]}
    request = as_now(request, state)
    rule = answering(exchange, request, rules)
    if rule is not None:
        return told | {"rule": rule.id} | of_rule(rule, request, rules, state)
    judged = [(rule, verdicts(rule, request)) for rule in rules.rules]
    matching = [(rule, said) for rule, said in judged if all(verdict.ok for verdict in said)]
    misses = [(rule, said) for rule, said in judged if not all(verdict.ok for verdict in said)]
    nearest = sorted(misses, key=lambda miss: -nearness(miss[1]))[:NEAREST]
    return told | {
        "because": [unmatched(rules, matching)],
        "passed_over": [entry(rule, why_not(rule, said, state)) for rule, said in matching[:MOST]],
        "nearest": [entry(rule, why_not(rule, said, state)) for rule, said in nearest],
    }


def were_asked(exchange: Exchange) -> bool:
    """Whether the rules settled it: what is refused for a mistake or a limit never gets to them."""
    if exchange.answered_by.startswith(BUILT_IN):
        return False
    return exchange.answered_by not in ("refused", "outage") or NO_RULE in exchange.answer


def unasked(exchange: Exchange) -> str:
    """Why the rules did not settle it."""
    if exchange.answered_by.startswith(BUILT_IN):
        return f"the model {exchange.model} fails on purpose, whichever rule matches"
    if exchange.answered_by == "outage":
        return "an outage was under way"
    if exchange.answered_by == "refused":
        return f"it was refused before any rule was asked: {exchange.error}"
    return "rules answer chats and completions alone"


def unmatched(rules: RuleSet, matching: Sequence[Judged]) -> str:
    """Why no rule answered."""
    if matching:
        return "the rules that match did not answer"
    return "no rule matches" if len(rules) else "there are no rules"


def as_now(request: Request, state: RuleState) -> Request:
    """The request with the scenarios' states as they are now."""
    if request.scene is None:
        return request
    return replace(request, scene=replace(request.scene, scenarios=dict(state.scenarios)))


def answering(exchange: Exchange, request: Request, rules: RuleSet) -> Rule | None:
    """The rule that answered: of those of its title, the first that matches."""
    named = [rule for rule in rules.rules if rule.title == exchange.answered_by]
    matching = (rule for rule in named if all(verdict.ok for verdict in verdicts(rule, request)))
    return next(matching, named[0] if named else None)


def of_rule(rule: Rule, request: Request, rules: RuleSet, state: RuleState) -> dict[str, Any]:
    """Why this rule answered, and not those before it."""
    own = verdicts(rule, request)
    before = list(takewhile(lambda each: each is not rule, rules.rules))
    shown = worth_telling([(each, verdicts(each, request)) for each in before])
    held = [verdict.why for verdict in own if verdict.ok] if own else ["it has no conditions"]
    told: dict[str, Any] = {"because": held}
    if failed := [verdict.why for verdict in own if not verdict.ok]:
        told["no_longer"] = failed
    told["passed_over"] = [entry(each, why_not(each, said, state)) for each, said in shown]
    if len(before) > len(shown):
        told["more"] = len(before) - len(shown)
    return told


def worth_telling(judged: Sequence[Judged]) -> list[Judged]:
    """All rules if they are few; else those that match and those that came nearest; in the order asked."""
    order = sorted(range(len(judged)), key=lambda i: -nearness(judged[i][1]))
    return [judged[i] for i in sorted(order[:MOST])]


def nearness(verdicts: Sequence[Verdict]) -> float:
    return sum(verdict.nearness for verdict in verdicts) / len(verdicts) if verdicts else 1.0


def verdicts(rule: Rule, request: Request) -> tuple[Verdict, ...]:
    return tuple([verdict_of(matcher, request) for matcher in rule.when])


def verdict_of(matcher: Matcher, request: Request) -> Verdict:
    hidden = request.scene is not None and request.scene.key.endswith("***")
    return Masked(True) if hidden and isinstance(matcher, Key) else matcher.match(request)


def why_not(rule: Rule, verdicts: Sequence[Verdict], state: RuleState) -> Sequence[str]:
    """Why a rule did not answer: what does not hold, or may not have held, or else why it kept still."""
    failed = [verdict.why for verdict in verdicts if not verdict.ok]
    hidden = [verdict.why for verdict in verdicts if isinstance(verdict, Masked)]
    return failed or hidden or silent(rule, state)


def silent(rule: Rule, state: RuleState) -> Sequence[str]:
    """Why a rule that matches did not answer."""
    if spent := state.spent(rule):
        return [f"it matches, but {spent}"]
    if rule.probability < 1:
        return [f"it matches, but answers with a probability of {rule.probability:g}: chance was against it"]
    return ["it matches now, and did not then: a rule, a count or a scenario has changed since"]


def entry(rule: Rule, why: Sequence[str]) -> dict[str, Any]:
    return {"rule": rule.id, "title": rule.title, "why": list(why)}
