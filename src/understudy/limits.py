"""Rate limits as token buckets: who asks may take requests and tokens, which come back with time.

    limit 60/min, burst 60             a bucket of 60, one flows back each second, never more than 60
    admit(now) -> RateLimits           takes from every bucket concerned, or raises Limited and takes nothing

A bucket is one whole number: when it will be full again, in parts of a microsecond so fine that a whole
number of them flows back each microsecond. Nothing is rounded, so nothing adds up to a mistake: what headers
say is what is refused. There is no clock here; `now` arrives, and goes back only together with `reset()`.

Sources: that vendors refill all the time, and not at the end of a minute, shows in their own numbers (limit
3 a minute, "try again in 20s"; limit 10,000 a day with 9,999 left, reset "8.64s"), as users report them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from math import ceil
from typing import Any, Literal

from msgspec import Struct

from understudy.errors import Failure, Place
from understudy.model import AnyRequest, RateLimits, Request, Window

MOST_BUCKETS = 10_000
"""For each limit. When there are more, the fullest go, and start again full."""
LONGEST_NAME = 256
"""Of a caller, as it is kept; a digest stands for a longer one."""
SECOND = 1_000_000  # microseconds
SLACK_US = 2
"""How much too early still counts as on time: less than what a float of Unix seconds can tell apart well."""

NEVER = float("inf")

Of = Literal["requests", "tokens"]
Per = Literal["key", "client", "model", "space"]
PER: tuple[Per, ...] = ("key", "client", "model", "space")


class Limit(Struct, frozen=True, gc=False):
    """At most `limit` requests or tokens in `window_s` seconds, of them `burst` at once.

    `per` says who has buckets of their own: API keys, clients (by IP address), models, or nobody: the space.
    A limit per client is what a gateway has, and refuses in a gateway's words; the others are a vendor's.
    """

    of: Of
    limit: int
    window_s: float
    per: Per = "key"
    burst: int = 0
    """0 means the whole limit."""


class Limited(Failure):
    """A request over a limit. `limits` is what is left at this moment, for the headers of the refusal."""

    def __init__(
        self, limit: Limit, limits: RateLimits, retry_after: float | None, facts: dict[str, Any]
    ) -> None:
        gateway = limit.per == "client"
        super().__init__(
            None,
            "rate_limit",
            gateway_message(limit, retry_after, facts) if gateway else "",
            type="rate_limit_error" if gateway else None,
            code="rate_limit_exceeded" if gateway else None,
            retry_after=retry_after,
            facts=facts,
        )
        self.limits = limits


class _Shelf:
    """The buckets of one limit, by the name of whom they belong to.

    A bucket is the moment at which it is full, in units of which `rate` pass in a microsecond; one request or
    token is `unit` of them. A bucket that nobody keeps is full.
    """

    __slots__ = (
        "brimful",
        "buckets",
        "deepest",
        "depth",
        "limit",
        "per_second",
        "rate",
        "tokens",
        "unit",
        "whose",
    )

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.tokens = limit.of == "tokens"
        self.whose = limit.per
        self.rate = limit.limit
        self.unit = round(limit.window_s * SECOND)
        self.depth = limit.burst or limit.limit
        self.deepest = self.depth * self.unit + SLACK_US * self.rate
        self.brimful = self.depth * self.unit + min(SLACK_US * self.rate, self.unit // 2)
        self.per_second = self.rate * SECOND
        self.buckets: dict[str, int] = {}

    def owner(self, peer: str, key: str, model: str) -> str:
        """Whose bucket it is."""
        whose = self.whose
        who = key if whose == "key" else peer if whose == "client" else model if whose == "model" else ""
        if len(who) <= LONGEST_NAME:
            return who
        return sha256(who.encode("utf-8", "surrogatepass")).hexdigest()

    def missing(self, us: int, who: str) -> int:
        """What a bucket lacks of being full, in units."""
        here = us * self.rate
        return max(0, self.buckets.get(who, here) - here)

    def wait(self, missing: int, asked: int) -> float:
        """Microseconds until so much can be taken: 0 when it can be now, and maybe never."""
        if asked > self.depth:
            return NEVER
        over = missing + asked * self.unit - self.depth * self.unit
        return -(-over // self.rate) if over > SLACK_US * self.rate else 0

    def window(self, missing: int) -> Window:
        """What a bucket that lacks so much has left."""
        left = (self.brimful - missing) // self.unit
        return Window(self.rate, left if left > 0 else 0, missing / self.per_second)

    def keep(self, who: str, here: int, full_at: int) -> None:
        if len(self.buckets) >= MOST_BUCKETS and who not in self.buckets:
            self._make_room(here)
        self.buckets[who] = full_at

    def _make_room(self, here: int) -> None:
        """Forget the full buckets; where that is not a quarter of them, the fullest quarter."""
        fullest_first = sorted(self.buckets.items(), key=lambda item: item[1])
        room = MOST_BUCKETS // 4
        self.buckets = {who: at for who, at in fullest_first[room:] if at > here}


class LimitSet:
    """The limits in force, with a bucket for everyone who has asked."""

    def __init__(self, limits: tuple[Limit, ...] = ()) -> None:
        self.replace(limits)

    def __bool__(self) -> bool:
        """Whether anything is limited."""
        return bool(self.limits)

    def replace(self, limits: tuple[Limit, ...]) -> None:
        """New limits, and all buckets full."""
        self.limits = limits
        self._shelves = tuple([_Shelf(limit) for limit in limits])

    def reset(self) -> None:
        """All buckets full again."""
        self.replace(self.limits)

    def admit(self, now: float, peer: str, key: str, model: str, tokens: int) -> RateLimits:
        """Take one request and `tokens` from the buckets of whoever asks.

        Raises Limited, and takes nothing, where one of them has not enough.
        """
        us = round(now * SECOND)
        taken, left = [], []
        for shelf in self._shelves:
            who = shelf.owner(peer, key, model)
            here = us * shelf.rate
            full_at = shelf.buckets.get(who, here)
            if full_at < here:
                full_at = here
            full_at += (tokens if shelf.tokens else 1) * shelf.unit
            if full_at - here > shelf.deepest:
                raise refusal(self._missing(us, peer, key, model), model, tokens)
            taken.append((shelf, who, here, full_at))
            left.append((shelf, full_at - here))
        for shelf, who, here, full_at in taken:
            shelf.keep(who, here, full_at)
        return tightest(left)

    def rates(self, now: float, peer: str, key: str, model: str) -> RateLimits:
        """What is left to whoever asks; nothing is taken."""
        return tightest(self._missing(round(now * SECOND), peer, key, model))

    def _missing(self, us: int, peer: str, key: str, model: str) -> list[tuple[_Shelf, int]]:
        """What each bucket of whoever asks lacks of being full."""
        return [(shelf, shelf.missing(us, shelf.owner(peer, key, model))) for shelf in self._shelves]


def refusal(buckets: Sequence[tuple[_Shelf, int]], model: str, tokens: int) -> Limited:
    """The refusal by the limit that holds longest, so that the wait which it tells is enough for all."""
    waits = [shelf.wait(missing, tokens if shelf.tokens else 1) for shelf, missing in buckets]
    longest = max(waits)
    shelf, missing = buckets[waits.index(longest)]
    limit, left = shelf.limit, tightest(buckets)
    facts = {
        "model": model,
        "of": limit.of,
        "requested": tokens if shelf.tokens else 1,
        "window_s": limit.window_s,
    }
    if longest == NEVER:
        return Limited(limit, left, None, {**facts, "limit": shelf.depth})
    used = limit.limit - shelf.window(missing).remaining
    return Limited(limit, left, longest / SECOND, {**facts, "limit": limit.limit, "used": used})


def tightest(buckets: Sequence[tuple[_Shelf, int]]) -> RateLimits:
    """Of requests and of tokens, the window that leaves least; of two that leave the same, the longer one."""
    requests = tokens = None
    for shelf, missing in buckets:
        window = shelf.window(missing)
        if shelf.tokens:
            tokens = window if tokens is None else tighter(tokens, window)
        else:
            requests = window if requests is None else tighter(requests, window)
    return RateLimits(requests, tokens)


def tighter(one: Window, other: Window) -> Window:
    return min(one, other, key=lambda window: (window.remaining, -window.reset))


def charged(request: AnyRequest, input_tokens: int) -> int:
    """The tokens that a request costs a limit: its input's, or those that it may answer with, if more.

    Source: OpenAI's guide to rate limits, "the maximum of max_tokens and the estimated number of tokens
    based on the character count of your request", read 2026-11; that `n` multiplies it, as users report.
    Where the vendor estimates the input, it is counted here.
    """
    if not isinstance(request, Request) or request.sampling.max_tokens is None:
        return input_tokens
    return max(input_tokens, request.sampling.max_tokens * request.choices * (1 + len(request.more)))


# --- a gateway's words ------------------------------------------------------------------------------

NAMES = {1.0: "second", 60.0: "minute", 3600.0: "hour", 86400.0: "day"}


def gateway_message(limit: Limit, retry_after: float | None, facts: Mapping[str, Any]) -> str:
    """`Rate limit exceeded: 1 request per second for each client. Please try again in 0.25 s.`"""
    number = facts["limit"]
    of = limit.of if number != 1 else limit.of[:-1]
    window = NAMES.get(limit.window_s, f"{limit.window_s:g} seconds")
    rule = f"Rate limit exceeded: {number} {of} per {window} for each client."
    if retry_after is None:
        return f"{rule} This request asks for {facts['requested']} and can never pass."
    seconds = f"{ceil(retry_after * 1000 - 1e-6) / 1000:.3f}".rstrip("0").rstrip(".")
    return f"{rule} Please try again in {seconds} s."


# --- reading and writing limits ---------------------------------------------------------------------

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
MOST_DAYS = 10_000
KEYS = ("requests", "tokens", "per", "burst")
KINDS: tuple[Of, ...] = ("requests", "tokens")
_RATE = re.compile(r"(\d{1,15})\s*/\s*(\d{1,12}(?:\.\d{1,6})?)?\s*([a-zA-Z]+)")


def read_limits(value: object, place: Place) -> tuple[Limit, ...]:
    """Read `{requests: 60/min, tokens: 30000/min, per: key, burst: 10}`, a list of such, or a text.

    The text is `requests=60/min,tokens=30000/min,per=key`, or `off`; null and an empty list are `off`, too.
    Raises SettingsError with the place of the mistake.
    """
    if isinstance(value, str):
        value = _pairs(value, place)
    if value is None:
        return ()
    if isinstance(value, list | tuple):
        return tuple([limit for at, item in enumerate(value) for limit in _limits(item, place / at)])
    return _limits(value, place)


def read_rate(value: object, place: Place) -> Limit:
    """Read `1/s`, `60/min` or `3/20s` as so many requests for each client."""
    number, window_s = _rate(value, place)
    return Limit("requests", number, window_s, "client")


def written(limits: tuple[Limit, ...]) -> list[dict[str, Any]]:
    """Limits in the form that `read_limits` reads."""
    return [
        {limit.of: _rate_text(limit), "per": limit.per} | ({"burst": limit.burst} if limit.burst else {})
        for limit in limits
    ]


def _pairs(text: str, place: Place) -> dict[str, object] | None:
    if text.strip() in ("", "off"):
        return None
    found: dict[str, object] = {}
    for pair in text.split(","):
        name, equals, value = (piece.strip() for piece in pair.partition("="))
        if not equals:
            raise place.error(f"expected limits like requests=60/min,per=key; found {text!r}")
        found[name] = int(value) if name == "burst" and value.isdecimal() and len(value) < 16 else value
    return found


def _limits(value: object, place: Place) -> tuple[Limit, ...]:
    if not isinstance(value, Mapping):
        raise place.error(f"expected limits like {{requests: 60/min, per: key}}; found {value!r}")
    for name in value:
        if name not in KEYS:
            raise place.unknown("key", str(name), KEYS)
    kinds = [of for of in KINDS if value.get(of) is not None]
    if not kinds:
        raise place.error("expected requests or tokens, or both, like requests: 60/min")
    per = value.get("per", "key")
    if per not in PER:
        raise (place / "per").unknown("owner of a limit", str(per), PER)
    if len(kinds) > 1 and value.get("burst") is not None:
        raise (place / "burst").error("requests and tokens have a burst each; make a list of two limits")
    rates = [(of, *_rate(value[of], place / of)) for of in kinds]
    return tuple(
        [
            Limit(of, number, window_s, per, _burst(value.get("burst"), number, place / "burst"))
            for of, number, window_s in rates
        ]
    )


def _rate(value: object, place: Place) -> tuple[int, float]:
    """A number and the seconds of its window."""
    found = _RATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or not int(found[1]):
        raise place.error(f"expected a rate like 60/min, 1/s or 3/20s; found {value!r}")
    number, many, unit = found.groups()
    if unit not in UNITS:
        raise place.unknown("unit of time", unit, UNITS)
    us = round(float(many or 1) * UNITS[unit] * SECOND)
    if not 0 < us <= MOST_DAYS * 86_400 * SECOND:
        raise place.error(f"expected a time of up to {MOST_DAYS:,} days, longer than none; found {value!r}")
    return int(number), us / SECOND


def _burst(value: object, number: int, place: Place) -> int:
    if value is None:
        return 0
    if type(value) is not int or not 1 <= value <= number:
        raise place.error(f"expected a whole number from 1 to {number}, the limit; found {value!r}")
    return value


def _rate_text(limit: Limit) -> str:
    us = round(limit.window_s * SECOND)
    for unit in ("d", "h", "min", "s", "ms"):
        many, rest = divmod(us, round(UNITS[unit] * SECOND))
        if not rest:
            return f"{limit.limit}/{'' if many == 1 else many}{unit}"
    return f"{limit.limit}/{limit.window_s:.6f}s"
