"""Standing faults, and the models and keys that fail on purpose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from understudy.errors import SettingsError
from understudy.failures import (
    FAILING_KEYS,
    FAILING_MODELS,
    FaultSet,
    failing_key,
    failing_model,
    neutral,
    slip,
)
from understudy.faults import FAULTS, Error
from understudy.faults.cut import Cut
from understudy.faults.garble import Garble
from understudy.faults.hang import Hang
from understudy.faults.stall import Stall
from understudy.matchers import READERS
from understudy.model import (
    EmbeddingRequest,
    HttpRequest,
    Message,
    ModelsRequest,
    Pace,
    Refusal,
    Reply,
    Request,
    Scene,
    Text,
    ToolCall,
)


def asked(text: str = "Hello", model: str = "gpt-4o", **fields: Any) -> Request:
    return Request("openai-chat", "chat", model, (Message("user", (Text(text),)),), {}, **fields)


HELLO = asked()
EMBED = EmbeddingRequest("openai-embeddings", "text-embedding-3-small", ("a cat", "a dog"), {})
MODELS = ModelsRequest("openai-models")


def standing(*entries: dict[str, Any], seed: int = 0) -> FaultSet:
    faults = FaultSet(seed)
    faults.replace(list(entries))
    return faults


def pattern(faults: FaultSet, count: int = 40) -> str:
    """Which of so many requests are struck."""
    return "".join("x" if faults.strike(HELLO) else "." for _ in range(count))


# --- standing faults ----------------------------------------------------------------------------------


def test_no_faults_stand_at_the_start() -> None:
    faults = FaultSet()
    assert not faults
    assert faults.listed() == []
    assert faults.strike(HELLO) == ()


def test_faults_strike_every_request_in_their_order() -> None:
    faults = standing({"fault": {"cut": {"how": "reset"}}}, {"fault": "hang"}, {"fault": {"error": 503}})
    assert faults
    assert faults.strike(HELLO) == (Cut(how="reset"), Hang(), Error("overloaded", 503))
    assert faults.strike(HELLO) == (Cut(how="reset"), Hang(), Error("overloaded", 503))


def test_a_fault_strikes_as_often_as_it_says() -> None:
    faults = standing({"fault": "hang", "times": 2}, {"fault": "stall", "times": 3})
    assert [faults.strike(HELLO) for _ in range(4)] == [
        (Hang(), Stall()),
        (Hang(), Stall()),
        (Stall(),),
        (),
    ]
    assert not faults


def test_a_fault_that_never_strikes_does_not_count() -> None:
    faults = standing({"fault": "hang", "probability": 0})
    assert not faults
    assert faults.listed()[0]["struck"] == 0


def test_a_fault_strikes_what_matches_alone_and_counts_that_alone() -> None:
    faults = standing({"fault": "hang", "when": {"user": "weather", "model": "gpt-*"}, "times": 1})
    assert faults.strike(HELLO) == ()
    assert faults.strike(asked("the weather", "claude")) == ()
    assert faults.strike(asked("the weather")) == (Hang(),)
    assert faults.strike(asked("the weather")) == ()


@pytest.mark.parametrize(
    ("when", "struck"),
    [
        ({"operation": "embedding"}, [False, True, False]),
        ({"operation": "models"}, [False, False, True]),
        ({"api": "openai-embeddings"}, [False, True, False]),
        ({"model": "text-*"}, [False, True, False]),
        ({"user": "a dog"}, [False, True, False]),
        ({"user": "a cat"}, [False, True, False]),
        ({"stream": True}, [False, False, False]),
        ({"has": "image"}, [False, False, False]),
        ({"turn": 1}, [True, True, True]),
        ({"system": "x"}, [False, False, False]),
        ({"tools": "x"}, [False, False, False]),
        ({"tool_result": "x"}, [False, False, False]),
        ({"any_message": "a"}, [False, True, False]),
        ({"not": {"operation": "chat"}}, [False, True, True]),
    ],
)
def test_requests_for_no_text_can_be_matched_too(when: dict[str, Any], struck: list[bool]) -> None:
    faults = standing({"fault": "hang", "when": when})
    assert [bool(faults.strike(each)) for each in (HELLO, EMBED, MODELS)] == struck


def test_a_fault_can_strike_whoever_has_a_key_or_a_header() -> None:
    acme = Scene(HttpRequest("POST", "/v1/embeddings", (b"x-tenant", b"acme")), "team-a")
    for when in ({"key": "team-a"}, {"headers": {"X-Tenant": "acme"}}):
        faults = standing({"fault": "hang", "when": when})
        assert faults.needs_scene
        assert faults.strike(EMBED) == ()
        assert faults.strike(EMBED, acme) == (Hang(),)
    assert not standing({"fault": "hang", "when": {"user": "hello"}}).needs_scene


def test_a_request_for_text_is_matched_as_it_is() -> None:
    assert neutral(HELLO) is HELLO


def test_probability_has_the_same_pattern_for_the_same_seed_and_another_for_another() -> None:
    entry = {"fault": "hang", "probability": 0.5}
    first, second, other = (pattern(standing(entry, seed=seed)) for seed in (7, 7, 8))
    assert first == second != other
    assert 8 < first.count("x") < 32


def test_probability_starts_its_pattern_anew_when_faults_are_put_again() -> None:
    faults = standing({"fault": "hang", "probability": 0.5})
    first = pattern(faults)
    faults.replace([{"fault": "hang", "probability": 0.5}])
    assert pattern(faults) == first


def test_entries_do_not_disturb_each_other() -> None:
    entry = {"fault": "hang", "probability": 0.5}
    alone = standing({"fault": "stall", "probability": 0}, entry)
    beside = standing({"fault": "stall", "probability": 0.5}, entry)
    assert [Hang() in alone.strike(HELLO) for _ in range(40)] == [
        Hang() in beside.strike(HELLO) for _ in range(40)
    ]


def test_chance_is_drawn_for_requests_that_match_alone() -> None:
    entry = {"fault": "hang", "probability": 0.5, "when": {"user": "hello"}}
    plain, mixed = standing(entry), standing(entry)
    hits = []
    for _ in range(40):
        mixed.strike(asked("Something else"))
        hits.append("x" if mixed.strike(HELLO) else ".")
    assert "".join(hits) == pattern(plain)


def test_what_faults_draw_themselves_starts_again_too() -> None:
    faults = FaultSet(3)
    first = [faults.chance.random() for _ in range(5)]
    faults.replace([{"fault": "garble"}])
    assert [faults.chance.random() for _ in range(5)] == first
    faults.clear()
    assert [faults.chance.random() for _ in range(5)] == first


def test_faults_are_listed_as_they_were_written_with_how_often_each_struck() -> None:
    faults = standing(
        {"fault": {"cut": {"after": "40%"}}, "when": {"user": "hello"}, "probability": 1, "times": 1},
        {"fault": "hang", "when": None},
    )
    faults.strike(HELLO)
    faults.strike(HELLO)
    listed = [
        {
            "fault": {"cut": {"after": "40%"}},
            "when": {"user": "hello"},
            "probability": 1.0,
            "times": 1,
            "struck": 1,
        },
        {"fault": "hang", "when": {}, "probability": 1.0, "times": None, "struck": 2},
    ]
    assert faults.listed() == listed
    faults.replace(listed)
    assert [entry["struck"] for entry in faults.listed()] == [0, 0]


def test_faults_can_be_taken_back() -> None:
    faults = standing({"fault": "hang"})
    faults.clear()
    assert not faults
    assert faults.strike(HELLO) == ()
    assert faults.listed() == []


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"fault": "hang"}, 'faults: $: expected a list like [{"fault": "hang"}], found {"fault":"hang"}'),
        (
            ["hang"],
            'faults: $[0]: expected a mapping with fault, when, probability, times, struck; found "hang"',
        ),
        ([{"when": {}}], 'faults: $[0]: which fault? Give one, like {"fault": {"cut": {"after": "40%"}}}'),
        ([None], 'faults: $[0]: which fault? Give one, like {"fault": {"cut": {"after": "40%"}}}'),
        ([{"fault": "hang"}, {"falt": 1}], 'faults: $[1]: unknown key "falt" (did you mean "fault"?)'),
        ([{"fault": "hung"}], 'faults: $[0].fault: unknown fault "hung" (did you mean "hang"?)'),
        (
            [{"fault": {"cut": {"after": "half"}}}],
            'faults: $[0].fault.cut.after: expected bytes (120), "40%" or "3 events"; found "half"',
        ),
        (
            [{"fault": {"error": {"kind": "rate_limits"}}}],
            'faults: $[0].fault.error.kind: unknown kind of error "rate_limits" (did you mean "rate_limit"?)',
        ),
        (
            [{"fault": "hang", "when": {"usr": "x"}}],
            'faults: $[0].when: unknown key "usr" (did you mean "user"?)',
        ),
        (
            [{"fault": "hang", "probability": 2}],
            "faults: $[0].probability: expected a probability from 0 to 1, found 2",
        ),
        (
            [{"fault": "hang", "probability": True}],
            "faults: $[0].probability: expected a probability from 0 to 1, found true",
        ),
        (
            [{"fault": "hang", "times": 0}],
            "faults: $[0].times: expected how many times, 1 or more; found 0",
        ),
        (
            [{"fault": "hang", "times": 1.5}],
            "faults: $[0].times: expected how many times, 1 or more; found 1.5",
        ),
    ],
)
def test_a_mistake_says_where_it_is_and_changes_nothing(value: object, message: str) -> None:
    faults = standing({"fault": "stall"})
    with pytest.raises(SettingsError) as raised:
        faults.replace(value)
    assert str(raised.value) == message
    assert faults.strike(HELLO) == (Stall(),)


# --- failing models -----------------------------------------------------------------------------------

ANSWER = Reply((Text("It is sunny in Paris."),))


def test_every_failing_model_says_in_one_line_what_it_does() -> None:
    assert list(FAILING_MODELS) == [
        "mock-error-<status>",
        "mock-rate-limited",
        "mock-overloaded",
        "mock-slow",
        "mock-hang",
        "mock-cut",
        "mock-garbled",
        "mock-empty",
        "mock-truncated",
        "mock-refusal",
        "mock-echo",
    ]
    assert all(says and "\n" not in says for says in FAILING_MODELS.values())


@pytest.mark.parametrize(
    "name", ["gpt-4o", "", "mock-llm-v1", "mock-gpt-4", "mock-cut-2", "MOCK-CUT", "mock-"]
)
def test_any_other_model_does_not_fail(name: str) -> None:
    assert failing_model(name) is None


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("mock-error-400", Error("invalid_request", 400)),
        ("mock-error-429", Error("rate_limit", 429)),
        ("mock-error-503", Error("overloaded", 503)),
        ("mock-error-599", Error("server", 599)),
        ("mock-rate-limited", Error("rate_limit", retry_after=1.0)),
        ("mock-overloaded", Error("overloaded")),
        ("mock-hang", Hang()),
        ("mock-cut", Cut()),
        ("mock-garbled", Garble()),
    ],
)
def test_some_failing_models_have_a_fault(name: str, fault: object) -> None:
    failing = failing_model(name)
    assert failing
    assert (failing.faults, failing.pace, failing.reply) == ((fault,), None, None)


@pytest.mark.parametrize("status", ["200", "399", "600", "5O3", "50", "5033", "", "rate_limit", "-404"])
def test_a_status_that_is_no_error_is_said_to_be_none(status: str) -> None:
    failing = failing_model(f"mock-error-{status}")
    assert failing
    (fault,) = failing.faults
    assert fault == Error(
        "invalid_request",
        400,
        f"The model `mock-error-{status}` fails with the status in its name, which is a number from 400 to "
        f"599, like mock-error-503; found {status!r}.",
        param="model",
    )


def test_the_slow_model_has_a_pace() -> None:
    failing = failing_model("mock-slow")
    assert failing
    assert (failing.faults, failing.pace, failing.reply) == ((), Pace(2.0, 10.0), None)


@pytest.mark.parametrize(
    ("name", "reply"),
    [
        ("mock-empty", Reply((Text(""),))),
        ("mock-truncated", Reply((Text("It is sunn"),), "length")),
        ("mock-refusal", Reply((Refusal("I'm sorry, I can't assist with that request."),))),
        ("mock-echo", Reply((Text("Hello"),))),
    ],
)
def test_some_failing_models_have_a_reply_of_their_own(name: str, reply: Reply) -> None:
    failing = failing_model(name)
    assert failing
    assert failing.reply
    assert (failing.faults, failing.pace) == ((), None)
    assert failing.reply(HELLO, ANSWER) == reply


def test_of_several_parts_the_last_is_cut_short_a_tool_call_in_its_arguments() -> None:
    failing = failing_model("mock-truncated")
    assert failing
    assert failing.reply
    call = ToolCall("get_weather", '{"city":"Paris"}')
    assert failing.reply(HELLO, Reply((Text("Let me see."), call), "tool_call")) == Reply(
        (Text("Let me see."), ToolCall("get_weather", '{"city":')), "length"
    )
    assert failing.reply(HELLO, Reply(())) == Reply((), "length")


# --- failing keys -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "kind", "retry_after"),
    [
        ("mock-key-invalid", "authentication", None),
        ("mock-key-no-quota", "quota", None),
        ("mock-key-rate-limited", "rate_limit", 1.0),
    ],
)
def test_a_failing_key_is_refused(key: str, kind: str, retry_after: float | None) -> None:
    failure = failing_key(key)
    assert failure
    assert (failure.status, failure.kind, failure.message) == (None, kind, "")
    assert failure.retry_after == retry_after
    assert failure.facts == {"key": key}
    assert failing_key(key) is not failure


def test_every_failing_key_says_in_one_line_what_it_does() -> None:
    assert list(FAILING_KEYS) == ["mock-key-invalid", "mock-key-no-quota", "mock-key-rate-limited"]
    assert all(says and "\n" not in says for says in FAILING_KEYS.values())


@pytest.mark.parametrize("key", ["", "any", "sk-proj-1", "mock-key-", "mock-key-invalid "])
def test_any_other_key_is_good(key: str) -> None:
    assert failing_key(key) is None


# --- the page that tells of them ----------------------------------------------------------------------

PAGE = (Path(__file__).parent.parent / "docs" / "faults.md").read_text()


@pytest.mark.parametrize("name", [*FAILING_MODELS, *FAILING_KEYS])
def test_every_failing_model_and_key_is_documented(name: str) -> None:
    says = FAILING_MODELS.get(name) or FAILING_KEYS[name]
    assert f"\n| {name} | {says}" in PAGE.replace("`", "")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.KEY)
def test_every_fault_is_documented_with_its_fields_and_an_example(fault: Any) -> None:
    section = PAGE.partition(f"\n### `{fault.KEY}`\n")[2].partition("\n##")[0]
    assert "```bash\ncurl -sf -X PUT http://localhost:8080/_understudy/faults " in section
    table = "".join(line for line in section.splitlines() if line.startswith("| "))
    for field in fault.__struct_fields__:
        assert f"`{field}`" in table


@pytest.mark.parametrize("key", READERS)
def test_every_condition_is_documented(key: str) -> None:
    assert f"`{key}`" in PAGE


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("mock-eror-503", "mock-error-503"),
        ("mock-Error-500", "mock-error-500"),
        ("mock-hangs", "mock-hang"),
        ("mock-rate-limit", "mock-rate-limited"),
        ("mock-error-503", ""),
        ("mock-gpt-4", ""),
        ("mock-llm-v1", ""),
        ("gpt-4o", ""),
    ],
)
def test_a_slip_in_the_name_of_a_failing_model_is_noticed(name: str, meant: str) -> None:
    assert slip(name) == meant


def test_a_fault_that_is_not_wrapped_is_told_how_to_be() -> None:
    with pytest.raises(SettingsError) as error:
        FaultSet().replace([{"error": 503}])
    assert str(error.value) == 'faults: $[0]: unknown key "error": write {"fault": {"error": ...}}'
