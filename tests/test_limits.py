"""Rate limits: what is let through, what is told about it, and that the two agree at any time."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy import limits as module
from understudy.errors import Failure, Place, SettingsError
from understudy.limits import Limit, Limited, LimitSet, charged, read_limits, read_rate, written
from understudy.model import (
    AnyRequest,
    EmbeddingRequest,
    ModelsRequest,
    RateLimits,
    Request,
    Sampling,
    Window,
)

NOW = 1_763_856_000.25
PLACE = Place("rules.yaml") / "limits"


ME = {"peer": "192.0.2.1", "key": "sk-one", "model": "gpt-4o"}
OTHER = {"peer": "192.0.2.9", "key": "sk-nine", "model": "o9"}


def admit(limits: LimitSet, now: float = NOW, tokens: int = 0, /, **who: str) -> RateLimits:
    asks = ME | who
    return limits.admit(now, asks["peer"], asks["key"], asks["model"], tokens)


def refused(limits: LimitSet, now: float = NOW, tokens: int = 0, /, **who: str) -> Limited:
    with pytest.raises(Limited) as raised:
        admit(limits, now, tokens, **who)
    return raised.value


def left(limits: LimitSet, now: float) -> Window:
    """The one window of what has one limit."""
    told = limits.rates(now, *ME.values())
    window = told.requests or told.tokens
    assert window is not None
    return window


# --- the vendor's own numbers, as users of it report them ---------------------------------------------


def test_three_a_minute_are_used_up_at_once_and_come_back_every_twenty_seconds() -> None:
    limits = LimitSet((Limit("requests", 3, 60.0),))
    told = [admit(limits).requests for _ in range(3)]
    assert told == [Window(3, 2, 20.0), Window(3, 1, 40.0), Window(3, 0, 60.0)]
    failure = refused(limits)
    assert failure.retry_after == 20.0
    assert failure.facts == {
        "model": "gpt-4o",
        "of": "requests",
        "limit": 3,
        "used": 3,
        "requested": 1,
        "window_s": 60.0,
    }
    assert failure.limits == RateLimits(Window(3, 0, 60.0))
    assert refused(limits, NOW + 19.999).retry_after == 0.001
    assert admit(limits, NOW + 20).requests == Window(3, 0, 60.0)


@pytest.mark.parametrize(
    ("limit", "used", "requested", "retry_after"),
    [(30_000, 29_937, 385, 0.644), (10_000, 8_554, 3_082, 9.816)],
)
def test_tokens_are_back_when_the_vendor_says(
    limit: int, used: int, requested: int, retry_after: float
) -> None:
    limits = LimitSet((Limit("tokens", limit, 60.0),))
    admit(limits, NOW, used)
    failure = refused(limits, NOW, requested)
    assert failure.retry_after == retry_after
    assert failure.facts["used"] == used
    assert failure.facts["requested"] == requested
    assert admit(limits, NOW + retry_after, requested).tokens == Window(limit, 0, 60.0)


@pytest.mark.parametrize(
    ("limit", "tokens", "window"),
    [
        (Limit("requests", 10_000, 86_400.0), 0, Window(10_000, 9_999, 8.64)),
        (Limit("requests", 300, 60.0), 0, Window(300, 299, 0.2)),
        (Limit("tokens", 10_000, 60.0), 519, Window(10_000, 9_481, 3.114)),
        (Limit("tokens", 200_000, 60.0), 22, Window(200_000, 199_978, 0.0066)),
    ],
)
def test_a_first_answer_tells_what_the_vendors_does(limit: Limit, tokens: int, window: Window) -> None:
    told = admit(LimitSet((limit,)), NOW, tokens)
    assert (told.requests or told.tokens) == window


def test_a_request_over_the_whole_limit_is_not_told_to_wait() -> None:
    limits = LimitSet((Limit("tokens", 30_000, 60.0),))
    failure = refused(limits, NOW, 30_601)
    assert (failure.kind, failure.status, failure.retry_after) == ("rate_limit", None, None)
    assert failure.facts == {
        "model": "gpt-4o",
        "of": "tokens",
        "limit": 30_000,
        "requested": 30_601,
        "window_s": 60.0,
    }
    assert failure.limits == RateLimits(tokens=Window(30_000, 30_000, 0.0))


# --- the guide's case -----------------------------------------------------------------------------------


def test_one_a_second_for_each_client_is_refused_in_a_gateways_words() -> None:
    limits = LimitSet((read_rate("1/s", Place("--rate-limit", "")),))
    admit(limits)
    failure = refused(limits, NOW + 0.75)
    assert failure.type == "rate_limit_error"
    assert failure.message == (
        "Rate limit exceeded: 1 request per second for each client. Please try again in 0.25 s."
    )
    assert failure.retry_after == 0.25
    assert admit(limits, NOW + 0.75, peer="192.0.2.2").requests == Window(1, 0, 1.0)
    assert admit(limits, NOW + 1).requests == Window(1, 0, 1.0)


@pytest.mark.parametrize(
    ("rate", "tokens", "message"),
    [
        (
            "3/20s",
            0,
            "Rate limit exceeded: 3 requests per 20 seconds for each client. Please try again in 6.667 s.",
        ),
        ("1/d", 0, "Rate limit exceeded: 1 request per day for each client. Please try again in 86400 s."),
        (
            "2/ms",
            0,
            "Rate limit exceeded: 2 requests per 0.001 seconds for each client. Please try again in 0.001 s.",
        ),
    ],
)
def test_a_gateway_names_its_rule(rate: str, tokens: int, message: str) -> None:
    limit = read_rate(rate, PLACE)
    limits = LimitSet((limit,))
    for _ in range(limit.limit):
        admit(limits)
    assert refused(limits).message == message


def test_a_gateway_rounds_the_wait_up() -> None:
    limits = LimitSet((read_rate("1/s", PLACE),))
    admit(limits)
    assert refused(limits, NOW + 0.9998).message.endswith(" Please try again in 0.001 s.")
    assert refused(limits, NOW + 0.5002).message.endswith(" Please try again in 0.5 s.")


def test_a_gateway_says_what_can_never_pass() -> None:
    limits = LimitSet((Limit("tokens", 100, 60.0, "client"),))
    assert refused(limits, NOW, 101).message == (
        "Rate limit exceeded: 100 tokens per minute for each client. "
        "This request asks for 101 and can never pass."
    )


def test_a_vendor_finds_its_own_words() -> None:
    limits = LimitSet((Limit("requests", 1, 60.0),))
    admit(limits)
    failure: Failure = refused(limits)
    assert (failure.message, failure.type, failure.code) == ("", None, None)


# --- who has buckets of their own ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("per", "others"),
    [
        ("key", {"key": "sk-two"}),
        ("client", {"peer": "192.0.2.2"}),
        ("model", {"model": "gpt-4o-mini"}),
    ],
)
def test_each_owner_has_a_bucket(per: Any, others: dict[str, str]) -> None:
    limits = LimitSet((Limit("requests", 1, 60.0, per),))
    admit(limits)
    refused(limits, **OTHER | {name: value for name, value in ME.items() if name in others})
    admit(limits, **others)


def test_a_space_shares_one_bucket() -> None:
    limits = LimitSet((Limit("requests", 1, 60.0, "space"),))
    admit(limits)
    refused(limits, **OTHER)


def test_long_names_are_told_apart_and_not_kept() -> None:
    limits = LimitSet((Limit("requests", 1, 60.0, "model"),))
    admit(limits, model="x" * 100_000)
    admit(limits, model="x" * 99_999 + "\ud800")
    refused(limits, model="x" * 100_000)
    assert [len(who) for shelf in limits._shelves for who in shelf.buckets] == [64, 64]


# --- several limits --------------------------------------------------------------------------------------

BOTH = (Limit("requests", 2, 60.0), Limit("tokens", 100, 60.0))


def test_what_one_limit_refuses_costs_nothing_of_the_others() -> None:
    limits = LimitSet(BOTH)
    admit(limits, NOW, 90)
    assert refused(limits, NOW, 11).facts["of"] == "tokens"
    assert admit(limits, NOW, 10) == RateLimits(Window(2, 0, 60.0), Window(100, 0, 60.0))
    assert refused(limits, NOW, 10).limits == RateLimits(Window(2, 0, 60.0), Window(100, 0, 60.0))


@pytest.mark.parametrize(("tokens", "of", "retry_after"), [(10, "requests", 30.0), (90, "tokens", 54.0)])
def test_the_wait_that_is_told_is_enough_for_all_limits(tokens: int, of: str, retry_after: float) -> None:
    limits = LimitSet(BOTH)
    admit(limits, NOW, 100)
    admit(limits, NOW, 0)
    failure = refused(limits, NOW, tokens)
    assert (failure.facts["of"], failure.retry_after) == (of, retry_after)
    assert refused(limits, NOW + retry_after - 0.001, tokens).retry_after == 0.001
    admit(limits, NOW + retry_after, tokens)


def test_what_can_never_pass_is_told_first() -> None:
    limits = LimitSet(BOTH)
    admit(limits)
    admit(limits)
    assert refused(limits, NOW, 101).retry_after is None


def test_headers_tell_the_window_that_leaves_least() -> None:
    limits = LimitSet(
        (Limit("requests", 2, 1.0), Limit("requests", 100, 86_400.0), Limit("requests", 2, 60.0))
    )
    assert admit(limits).requests == Window(2, 1, 30.0)
    for second in range(1, 99):
        limits.admit(NOW + second, "192.0.2.1", f"sk-{second}", "gpt-4o", 0)
    assert admit(limits, NOW + 3600).requests == Window(2, 1, 30.0)


def test_a_burst_bounds_what_comes_at_once() -> None:
    limits = LimitSet((Limit("requests", 60, 60.0, burst=2),))
    assert [admit(limits).requests for _ in range(2)] == [Window(60, 1, 1.0), Window(60, 0, 2.0)]
    failure = refused(limits)
    assert (failure.retry_after, failure.facts["used"]) == (1.0, 60)
    assert admit(limits, NOW + 3600).requests == Window(60, 1, 1.0)


def test_what_is_more_than_a_burst_can_never_pass() -> None:
    failure = refused(LimitSet((Limit("tokens", 100, 60.0, burst=10),)), NOW, 11)
    assert (failure.retry_after, failure.facts["limit"]) == (None, 10)


def test_looking_takes_nothing() -> None:
    limits = LimitSet(BOTH)
    for _ in range(3):
        told = limits.rates(NOW, *ME.values())
        assert told == RateLimits(Window(2, 2, 0.0), Window(100, 100, 0.0))


def test_a_request_without_tokens_passes_an_empty_bucket_of_tokens() -> None:
    limits = LimitSet((Limit("tokens", 100, 60.0),))
    admit(limits, NOW, 100)
    assert admit(limits, NOW, 0).tokens == Window(100, 0, 60.0)


# --- changing them -----------------------------------------------------------------------------------------


def test_nothing_is_limited_without_limits() -> None:
    limits = LimitSet()
    assert not limits
    assert admit(limits, NOW, 10**9) == RateLimits()


@pytest.mark.parametrize("again", [LimitSet.reset, lambda limits: limits.replace(limits.limits)])
def test_buckets_can_be_filled_up(again: Any) -> None:
    limits = LimitSet((Limit("requests", 1, 60.0),))
    admit(limits)
    refused(limits)
    again(limits)
    assert limits
    admit(limits)


def test_limits_can_be_replaced() -> None:
    limits = LimitSet((Limit("requests", 1, 60.0),))
    limits.replace((Limit("requests", 2, 60.0),))
    assert limits.limits == (Limit("requests", 2, 60.0),)
    assert admit(limits).requests == Window(2, 1, 30.0)
    limits.replace(())
    assert not limits


# --- bounds ----------------------------------------------------------------------------------------------


def test_full_buckets_are_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BUCKETS", 8)
    limits = LimitSet((Limit("requests", 1, 10.0),))
    for number in range(8):
        admit(limits, NOW + number, key=f"sk-{number}")
    admit(limits, NOW + 14.5, key="sk-new")  # five of the eight are full again
    assert list(limits._shelves[0].buckets) == ["sk-5", "sk-6", "sk-7", "sk-new"]
    refused(limits, NOW + 14.5, key="sk-5")


def test_where_none_is_full_the_fullest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BUCKETS", 8)
    limits = LimitSet((Limit("requests", 1, 3600.0),))
    for number in range(100):
        admit(limits, NOW + number, key=f"sk-{number}")
        assert len(limits._shelves[0].buckets) <= 8
    refused(limits, NOW + 100, key="sk-99")
    admit(limits, NOW + 100, key="sk-0")


def test_no_limit_keeps_more_than_ten_thousand_buckets() -> None:
    limits = LimitSet((Limit("requests", 1, 3600.0, "client"),))
    for number in range(12_000):
        admit(limits, NOW, peer=f"192.0.{number}")
    assert 7_500 <= len(limits._shelves[0].buckets) <= 10_000


# --- at any time -----------------------------------------------------------------------------------------

SLACK_S = Fraction(1, 100_000)
windows = st.sampled_from([0.2, 1.0, 7.0, 20.0, 60.0, 86_400.0])
arrivals = st.lists(st.floats(0, 1.5), min_size=1, max_size=40)


@st.composite
def some_limits(draw: st.DrawFn) -> Limit:
    most = draw(st.integers(1, 30))
    burst = draw(st.none() | st.integers(1, most))
    of: Any = draw(st.sampled_from(["requests", "tokens"]))
    return Limit(of, most, draw(windows), burst=burst or 0)


def times(limit: Limit, gaps: list[float]) -> list[float]:
    """Moments that lie as far apart as parts of the time in which one request comes back."""
    now, found = NOW, []
    for gap in gaps:
        now += gap * limit.window_s / limit.limit
        found.append(now)
    return found


@given(some_limits(), arrivals, st.data())
def test_never_more_than_the_burst_and_what_flows_back_is_let_through(
    limit: Limit, gaps: list[float], data: st.DataObject
) -> None:
    limits = LimitSet((limit,))
    let_through = []
    for now in times(limit, gaps):
        tokens = data.draw(st.integers(0, limit.limit))
        try:
            admit(limits, now, tokens)
        except Limited:
            continue
        let_through.append((Fraction(now), 1 if limit.of == "requests" else tokens))
    rate = Fraction(limit.limit) / Fraction(str(limit.window_s))
    for first, (start, _) in enumerate(let_through):
        total = 0
        for end, taken in let_through[first:]:
            total += taken
            assert total <= (limit.burst or limit.limit) + rate * (end - start + SLACK_S)


@given(st.lists(some_limits(), min_size=1, max_size=3), arrivals, st.data())
def test_a_refusal_tells_the_least_time_that_is_enough(
    chosen: list[Limit], gaps: list[float], data: st.DataObject
) -> None:
    limits = LimitSet(tuple(chosen))
    for now in times(chosen[0], gaps):
        tokens = data.draw(st.integers(0, min(limit.burst or limit.limit for limit in chosen)))
        try:
            admit(limits, now, tokens)
        except Limited as failure:
            wait = failure.retry_after
            assert wait is not None
            assert wait > 0
            if wait > 0.001:
                refused(limits, now + wait - 0.001, tokens)
            if data.draw(st.booleans()):
                admit(limits, now + wait, tokens)
                return  # time has passed the next arrivals


@given(some_limits(), arrivals)
def test_what_is_told_to_be_left_is_what_is_let_through(limit: Limit, gaps: list[float]) -> None:
    limits = LimitSet((limit,))
    for now in times(limit, gaps):
        before = left(limits, now)
        assert before.limit == limit.limit
        if before.remaining:
            told = admit(limits, now, 1)
            assert left(limits, now).remaining == before.remaining - 1
            assert left(limits, now) in (told.requests, told.tokens)
        else:
            told = refused(limits, now, 1).limits
            assert before in (told.requests, told.tokens)


@given(some_limits(), arrivals)
def test_after_the_reset_that_is_told_all_of_it_is_back(limit: Limit, gaps: list[float]) -> None:
    limits = LimitSet((limit,))
    for now in times(limit, gaps):
        if left(limits, now).remaining:
            admit(limits, now, 1)
        reset, depth = left(limits, now).reset, limit.burst or limit.limit
        assert left(limits, now + reset).remaining == depth
        assert reset <= 0.001 or left(limits, now + reset - 0.001).remaining < depth


# --- what a request costs ----------------------------------------------------------------------------------


def request(max_tokens: int | None = None, choices: int = 1, prompts: int = 1) -> Request:
    return Request(
        "openai-chat",
        "chat",
        "gpt-4o",
        (),
        {},
        sampling=Sampling(max_tokens=max_tokens),
        choices=choices,
        more=((),) * (prompts - 1),
    )


@pytest.mark.parametrize(
    ("asked", "input_tokens", "tokens"),
    [
        (request(), 12, 12),
        (request(max_tokens=5), 12, 12),
        (request(max_tokens=1_000), 12, 1_000),
        (request(max_tokens=5_000, choices=100), 12, 500_000),
        (request(max_tokens=16, choices=2, prompts=3), 12, 96),
        (EmbeddingRequest("openai-embeddings", "text-embedding-3-small", ("a",), {}), 7, 7),
        (ModelsRequest("openai-models"), 0, 0),
    ],
)
def test_a_request_costs_its_input_or_what_it_may_answer_with(
    asked: AnyRequest, input_tokens: int, tokens: int
) -> None:
    assert charged(asked, input_tokens) == tokens


# --- the grammar -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "limits"),
    [
        (None, ()),
        ([], ()),
        ("", ()),
        ("off", ()),
        ({"requests": "60/min"}, (Limit("requests", 60, 60.0, "key"),)),
        ({"tokens": "30000/m", "per": "model"}, (Limit("tokens", 30_000, 60.0, "model"),)),
        (
            {"requests": "60/min", "tokens": "30000/min", "per": "key"},
            (Limit("requests", 60, 60.0), Limit("tokens", 30_000, 60.0)),
        ),
        ({"requests": "60/min", "burst": 10}, (Limit("requests", 60, 60.0, burst=10),)),
        ({"requests": "60/min", "tokens": None, "burst": 10}, (Limit("requests", 60, 60.0, burst=10),)),
        (
            [{"requests": "3/20s", "per": "client"}, {"requests": "10000/d", "per": "space"}],
            (Limit("requests", 3, 20.0, "client"), Limit("requests", 10_000, 86_400.0, "space")),
        ),
        (
            "requests=60/min, tokens=30000/min, per=client",
            (Limit("requests", 60, 60.0, "client"), Limit("tokens", 30_000, 60.0, "client")),
        ),
        ("requests=60/min,burst=10", (Limit("requests", 60, 60.0, burst=10),)),
    ],
)
def test_limits_are_read(value: object, limits: tuple[Limit, ...]) -> None:
    assert read_limits(value, PLACE) == limits


@pytest.mark.parametrize(
    ("text", "number", "window_s"),
    [
        ("1/s", 1, 1.0),
        ("60/min", 60, 60.0),
        ("60/m", 60, 60.0),
        ("60/1m", 60, 60.0),
        ("3/20s", 3, 20.0),
        (" 3 / 20 s ", 3, 20.0),
        ("5/200ms", 5, 0.2),
        ("5/0.2s", 5, 0.2),
        ("100/h", 100, 3600.0),
        ("2/1.5h", 2, 5400.0),
        ("10000/d", 10_000, 86_400.0),
    ],
)
def test_a_rate_is_a_number_in_a_time(text: str, number: int, window_s: float) -> None:
    assert read_rate(text, PLACE) == Limit("requests", number, window_s, "client")


@pytest.mark.parametrize(
    ("value", "path", "message"),
    [
        (60, "", "expected limits like {requests: 60/min, per: key}; found 60"),
        ("60/min", "", "expected limits like requests=60/min,per=key; found '60/min'"),
        ({}, "", "expected requests or tokens, or both, like requests: 60/min"),
        ({"request": "60/min"}, "", 'unknown key "request" (did you mean "requests"?)'),
        ({1: "60/min"}, "", 'unknown key "1" (known: requests, tokens, per, burst)'),
        (
            {"requests": "60/min", "per": "keys"},
            ".per",
            'unknown owner of a limit "keys" (did you mean "key"?)',
        ),
        (
            {"requests": "60/min", "per": ["x"]},
            ".per",
            "unknown owner of a limit \"['x']\" (known: key, client, model, space)",
        ),
        ({"requests": 60}, ".requests", "expected a rate like 60/min, 1/s or 3/20s; found 60"),
        ({"requests": "0/min"}, ".requests", "expected a rate like 60/min, 1/s or 3/20s; found '0/min'"),
        ({"tokens": "-1/min"}, ".tokens", "expected a rate like 60/min, 1/s or 3/20s; found '-1/min'"),
        ({"tokens": "60/mim"}, ".tokens", 'unknown unit of time "mim" (did you mean "min"?)'),
        (
            {"tokens": "60/0s"},
            ".tokens",
            "expected a time of up to 10,000 days, longer than none; found '60/0s'",
        ),
        (
            {"tokens": "60/10001d"},
            ".tokens",
            "expected a time of up to 10,000 days, longer than none; found '60/10001d'",
        ),
        (
            {"requests": "60/min", "burst": 0},
            ".burst",
            "expected a whole number from 1 to 60, the limit; found 0",
        ),
        (
            {"requests": "60/min", "burst": 61},
            ".burst",
            "expected a whole number from 1 to 60, the limit; found 61",
        ),
        (
            {"requests": "60/min", "burst": True},
            ".burst",
            "expected a whole number from 1 to 60, the limit; found True",
        ),
        (
            "requests=60/min,burst=ten",
            ".burst",
            "expected a whole number from 1 to 60, the limit; found 'ten'",
        ),
        (
            {"requests": "60/min", "tokens": "9/min", "burst": 3},
            ".burst",
            "requests and tokens have a burst each; make a list of two limits",
        ),
        (
            [{"requests": "60/min"}, {"requests": "x"}],
            "[1].requests",
            "expected a rate like 60/min, 1/s or 3/20s; found 'x'",
        ),
        ([None], "[0]", "expected limits like {requests: 60/min, per: key}; found None"),
    ],
)
def test_a_mistake_says_where_it_is_and_what_to_do(value: object, path: str, message: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read_limits(value, PLACE)
    assert (raised.value.path, raised.value.message) == (f"$.limits{path}", message)


def test_a_rate_that_is_none_says_what_one_is_like() -> None:
    with pytest.raises(SettingsError) as raised:
        read_rate("often", Place("--rate-limit", ""))
    assert str(raised.value) == "--rate-limit: expected a rate like 60/min, 1/s or 3/20s; found 'often'"


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (Limit("requests", 1, 1.0, "client"), {"requests": "1/s", "per": "client"}),
        (Limit("requests", 60, 60.0), {"requests": "60/min", "per": "key"}),
        (Limit("tokens", 3, 20.0, "space"), {"tokens": "3/20s", "per": "space"}),
        (Limit("tokens", 3, 90.0), {"tokens": "3/90s", "per": "key"}),
        (Limit("tokens", 3, 0.2), {"tokens": "3/200ms", "per": "key"}),
        (Limit("tokens", 3, 86_400.0, burst=2), {"tokens": "3/d", "per": "key", "burst": 2}),
        (Limit("tokens", 3, 7_200.0), {"tokens": "3/2h", "per": "key"}),
    ],
)
def test_limits_are_written_as_they_are_read(limit: Limit, text: dict[str, Any]) -> None:
    assert written((limit,)) == [text]
    assert read_limits([text], PLACE) == (limit,)


@given(
    st.integers(1, 10**15 - 1),
    st.decimals("0.001", "10000", places=3),
    st.sampled_from(["ms", "s", "m", "min", "h", "d"]),
)
def test_any_rate_survives_being_written_and_read(number: int, many: Any, unit: str) -> None:
    limits = read_limits({"requests": f"{number}/{many}{unit}"}, PLACE)
    assert read_limits(written(limits), PLACE) == limits


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["requests", "tokens", "per", "burst"]) | st.text(), inner)
        ),
    )
)
def test_whatever_is_given_is_read_or_refused_by_its_place(value: object) -> None:
    with suppress(SettingsError):
        assert all(isinstance(limit, Limit) for limit in read_limits(value, PLACE))
