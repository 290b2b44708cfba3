"""Counts, order, and what is told where they are not as wanted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct, json

from understudy.journal import Exchange
from understudy.matchers import Verdict
from understudy.matchers.base import spelled
from understudy.verification.conditions import Aside, Asking, Condition, RequestOf, Seen, holds
from understudy.verification.totals import Total

NEAREST = 3
"""How many misses are explained, and how many matches are told where there are too many."""


class Pattern(Struct, frozen=True):
    """What an exchange must be like, and the same as it was written."""

    conditions: tuple[Condition, ...]
    told: str


class Wanted(Struct, frozen=True):
    """What is wanted: of the exchanges that match `when`, so many, with such totals.

    With `order`, they must contain these steps in this order; without `others`, they must be nothing else.
    """

    when: Pattern
    low: int = 1
    high: int | None = None
    totals: tuple[Total, ...] = ()
    order: tuple[Pattern, ...] = ()
    others: bool = True


class Nearest(Struct, frozen=True):
    """An exchange that matched almost, and what of it did not. `user` is the last user message's text."""

    id: int
    path: str
    status: int
    user: str
    why: tuple[str, ...]


class Verification(Struct, frozen=True):
    """Whether it is as wanted.

    `count` is how many exchanges matched, or how many steps of an order were met. `message` has several
    lines and says all: what was expected, what was found, what came nearest. `totals` are those asked for.
    """

    ok: bool
    count: int
    expected: str
    message: str
    nearest: tuple[Nearest, ...] = ()
    totals: dict[str, float] = {}


def verify(exchanges: Sequence[Exchange], request_of: RequestOf, wanted: Wanted) -> Verification:
    """Whether these exchanges, oldest first, are as wanted.

    `request_of` reads an exchange's request again, and gives None where that cannot be done.
    """
    asking = Asking(request_of)
    seen = [Seen(exchange, asking) for exchange in exchanges]
    if wanted.order:
        return ordered(seen, wanted)
    return counted(seen, wanted)


# --- counts and totals --------------------------------------------------------------------------------


def counted(seen: Sequence[Seen], wanted: Wanted) -> Verification:
    matching = [each for each in seen if holds(wanted.when.conditions, each)]
    count, exchanges = len(matching), [each.exchange for each in matching]
    complaints = [told for total in wanted.totals if (told := total.complaint(exchanges))]
    totals = {total.name: total.of(exchanges) for total in wanted.totals}
    like = f" like {wanted.when.told}" if wanted.when.conditions else ""
    expected = f"{counts(wanted)}{like}"
    near = misses(seen, wanted.when) if count < wanted.low else ()
    few, many = count < wanted.low, wanted.high is not None and count > wanted.high
    if not few and not many and not complaints:
        return Verification(True, count, expected, f"expected {expected}, found {count}", totals=totals)
    head = f"expected {expected}, found {count} of {len(seen)}" if few or many else f"{plural(count)}{like}:"
    lines = [head, *complaints]
    lines += ["found:", *listed(matching)] if many else explained(near)
    return Verification(False, count, expected, "\n".join(lines), near, totals)


def counts(wanted: Wanted) -> str:
    low, high = wanted.low, wanted.high
    if high is None:
        return f"at least {plural(low)}"
    if low == high:
        return f"exactly {plural(low)}" if low else "no exchange"
    return f"{low} to {plural(high)}" if low else f"at most {plural(high)}"


def plural(count: int) -> str:
    return f"{count} exchange{'' if count == 1 else 's'}"


# --- order --------------------------------------------------------------------------------------------


def ordered(seen: Sequence[Seen], wanted: Wanted) -> Verification:
    """Whether the steps are met one after another, each by the first exchange that will do."""
    if wanted.when.conditions:
        seen = [each for each in seen if holds(wanted.when.conditions, each)]
    steps = wanted.order
    met = list(followed(seen, steps) if wanted.others else exactly(seen, steps))
    among = f" among those like {wanted.when.told}" if wanted.when.conditions else ""
    expected = f"{plural(len(steps))} in this order{'' if wanted.others else ' and no others'}{among}"
    lines = [f"expected {expected}"]
    lines += [f"  {step.told}: {line(each)}" for step, each in zip(steps, met, strict=False)]
    if len(met) < len(steps):
        return broken_off(seen, met, wanted, expected, lines)
    beyond = [] if wanted.others else seen[len(met) :]
    lines += ["and others after them:", *listed(beyond)] if beyond else []
    return Verification(not beyond, len(met), expected, "\n".join(lines))


def broken_off(
    seen: Sequence[Seen], met: Sequence[Seen], wanted: Wanted, expected: str, lines: Sequence[str]
) -> Verification:
    """What is told of an order whose first steps alone were met."""
    step = wanted.order[len(met)]
    after = seen.index(met[-1]) + 1 if met else 0
    found = [f"  {step.told}: not found {f'after #{met[-1].exchange.number}' if met else ''}".rstrip()]
    earlier = next((each for each in seen[:after] if each not in met and holds(step.conditions, each)), None)
    found += [f"     but before: {line(earlier)}"] if earlier else []
    near = misses(seen[after:] if wanted.others else seen[after : after + 1], step)
    return Verification(False, len(met), expected, "\n".join([*lines, *found, *explained(near)]), near)


def followed(seen: Sequence[Seen], steps: Sequence[Pattern]) -> Iterator[Seen]:
    """The exchanges that meet the steps, with others between them; ends at the first step that is not met."""
    rest = iter(seen)
    for step in steps:
        found = next((each for each in rest if holds(step.conditions, each)), None)
        if found is None:
            return
        yield found


def exactly(seen: Sequence[Seen], steps: Sequence[Pattern]) -> Iterator[Seen]:
    """The same without others between them."""
    for each, step in zip(seen, steps, strict=False):
        if not holds(step.conditions, each):
            return
        yield each


# --- telling ------------------------------------------------------------------------------------------


def misses(seen: Sequence[Seen], pattern: Pattern) -> tuple[Nearest, ...]:
    """The exchanges that came nearest without matching, the nearest first, of equals the newest.

    Those that have nothing to compare are left out where others have.
    """
    ranked = [(each, [condition.judge(each) for condition in pattern.conditions]) for each in seen]
    missed = [(each, verdicts) for each, verdicts in ranked if not all(verdict.ok for verdict in verdicts)]
    compared = [miss for miss in missed if not all(isinstance(verdict, Aside) for verdict in miss[1])]
    ordered = sorted(compared or missed, key=lambda miss: (-nearness(miss[1]), -miss[0].exchange.number))
    return tuple([nearest(each, verdicts) for each, verdicts in ordered[:NEAREST]])


def nearness(verdicts: Sequence[Verdict]) -> float:
    return sum(verdict.nearness for verdict in verdicts) / len(verdicts)


def nearest(seen: Seen, verdicts: Sequence[Verdict]) -> Nearest:
    exchange, why = seen.exchange, tuple([verdict.why for verdict in verdicts if not verdict.ok])
    return Nearest(exchange.number, exchange.http.path, exchange.status, user(seen), why)


def explained(misses: Sequence[Nearest]) -> list[str]:
    lines = ["nearest:"] if misses else []
    for miss in misses:
        lines.append(f"  #{miss.id} {told(miss.user, miss.path, miss.status)}")
        lines += [f"     {why}" for why in miss.why]
    return lines


def line(seen: Seen) -> str:
    """An exchange in a line."""
    exchange = seen.exchange
    return f"#{exchange.number} {told(user(seen), exchange.http.path, exchange.status)}"


def told(user: str, path: str, status: int) -> str:
    return f"{spelled(user)} ({path}, {status})" if user else f"{path}, {status}"


def listed(seen: Sequence[Seen]) -> list[str]:
    """The first exchanges, a line each, and how many more there are."""
    lines = [f"  {line(each)}" for each in seen[:NEAREST]]
    return lines + ([f"  and {len(seen) - NEAREST} more"] if len(seen) > NEAREST else [])


def user(seen: Seen) -> str:
    return seen.request.user if seen.request else ""


def compact(value: object) -> str:
    """What was written, as JSON on one line."""
    return json.format(json.encode(value), indent=0).decode()
