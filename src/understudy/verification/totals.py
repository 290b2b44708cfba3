"""Tokens and money, summed up over exchanges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from understudy.journal import Exchange
from understudy.matchers.base import Test, spelled

PER = 1_000_000
"""Prices are told for so many tokens."""


class Price(Struct, frozen=True):
    """What a million tokens cost of the models whose names the test lets pass."""

    models: Test
    input: float
    output: float


class Total(Struct, frozen=True):
    """A sum over all exchanges that match, and what it may be; `prices` are for `cost` alone."""

    name: str
    low: float | None = None
    high: float | None = None
    prices: tuple[Price, ...] = ()

    def of(self, exchanges: Sequence[Exchange]) -> float:
        if self.name == "cost":
            return round(sum(cost(exchange, self.prices) or 0.0 for exchange in exchanges), 12)
        return sum(tokens(exchange, self.name) for exchange in exchanges)

    def complaint(self, exchanges: Sequence[Exchange]) -> str:
        """What is wrong with the sum; empty where it is as it may be."""
        if self.name == "cost" and (unknown := unpriced(exchanges, self.prices)):
            return f"cost: no price for {', '.join(unknown)}; add it to prices"
        found = self.of(exchanges)
        if self.high is not None and found > self.high:
            return f"{self.name}: expected at most {amount(self.high)}, found {amount(found)}"
        if self.low is not None and found < self.low:
            return f"{self.name}: expected at least {amount(self.low)}, found {amount(found)}"
        return ""


def tokens(exchange: Exchange, name: str) -> int:
    if name == "tokens":
        return exchange.input_tokens + exchange.output_tokens
    return exchange.input_tokens if name == "input_tokens" else exchange.output_tokens


def cost(exchange: Exchange, prices: Iterable[Price]) -> float | None:
    """What an exchange costs by the first price for its model; None where there is none."""
    price = next((price for price in prices if price.models.holds(exchange.model) is not None), None)
    if price is None:
        return None
    return (exchange.input_tokens * price.input + exchange.output_tokens * price.output) / PER


def unpriced(exchanges: Iterable[Exchange], prices: Sequence[Price]) -> list[str]:
    """The models that used tokens and have no price."""
    used = {exchange.model: exchange for exchange in exchanges if tokens(exchange, "tokens")}
    return [spelled(model) for model, exchange in used.items() if cost(exchange, prices) is None]


def amount(value: float) -> str:
    """A number for a person: 5,000, or 0.0125."""
    return f"{value:,.8f}".rstrip("0").rstrip(".")
