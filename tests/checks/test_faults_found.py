"""Understudy with each of its faults switched on: the right checks fail, and say so."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any
from urllib.request import Request, urlopen

import pytest
from upstreams import Clock

from understudy.checks.checklist import CHECKS, run
from understudy.checks.client import Client
from understudy.checks.endpoint import Endpoint
from understudy.checks.findings import Result
from understudy.failures import FAILING_KEYS, FAILING_MODELS
from understudy.faults import FAULTS

Serving = Callable[..., AbstractContextManager[str]]
HASTY_S, PATIENT_S = 2.0, 30.0
EVERY = {each.name for each in CHECKS}
TEXT = {"completion", "stream"}
SILENT = "accepts the connection and says nothing within 2 s"


@pytest.fixture(scope="module")
def broken(serving: Serving) -> Iterator[str]:
    """A server for these tests alone: they switch faults on."""
    with serving("--drain", "0") as url:
        yield url


def control(url: str, method: str, path: str, value: Any = None) -> None:
    body = None if value is None else json.dumps(value).encode()
    headers = {"Content-Type": "application/json"}
    with urlopen(Request(f"{url}/_understudy{path}", body, headers, method=method), timeout=10) as answer:
        assert answer.status == 200


def checked(
    url: str, model: str | None = None, key: str | None = None, timeout: float = PATIENT_S
) -> dict[str, Result]:
    client = Client(f"{url}/v1", key, timeout, time.monotonic, Clock().wait, {})
    return {each.name: each for each in run(Endpoint(client, model), CHECKS, lambda _: None, lambda _: None)}


def failed(went: dict[str, Result]) -> dict[str, str]:
    """The failing checks, and what each found."""
    return {name: result.detail for name, result in went.items() if result.status == "fail"}


def test_without_a_fault_everything_passes(server_url: str) -> None:
    went = checked(server_url)
    assert {name for name, result in went.items() if result.status == "pass"} == EVERY, failed(went)


STRICT = ("--validation", "strict", "--api-key", "sk-right", "--limits", "requests=1000/min,tokens=90000/min")


def test_with_keys_and_limits_and_all_validation_everything_passes(serving: Serving) -> None:
    with serving(*STRICT) as url:
        went = checked(url, key="sk-right")
        assert {name for name, result in went.items() if result.status == "pass"} == EVERY, failed(went)
        assert set(failed(checked(url, key="sk-wrong"))) == {"key"}


def test_a_limit_of_one_a_second_is_waited_for(serving: Serving) -> None:
    """The server's clock is moved on by as much as the check would have waited."""
    with serving("--rate-limit", "1/s") as url:

        def wait(seconds: float) -> None:
            control(url, "POST", "/clock", {"advance": seconds})

        client = Client(f"{url}/v1", None, PATIENT_S, time.monotonic, wait, {})
        went = run(Endpoint(client), CHECKS, lambda _: None, lambda _: None)
    assert [result.name for result in went if result.status == "fail"] == []
    assert client.waits > 5


# --- standing faults: on everything, and on streams alone -----------------------------------------------

STANDING: dict[str, tuple[Any, str]] = {
    "error": ({"error": "server"}, "HTTP 500: "),
    "cut": ("cut", "the connection breaks off"),
    "stall": ("stall", "until the timeout"),
    "garble": ("garble", "is no JSON"),
    "hang": ("hang", SILENT),
}


FOUND: dict[str, tuple[Any, dict[str, str]]] = {
    "error_event": ("error_event", {"models": "HTTP 200 with an error in it: "}),
    "empty": ("empty", {"models": "the body of the answer (HTTP 200) is empty"}),
    "drop_done": ("drop_done", {"stream": "the stream ends without [DONE]"}),
    "wrong_content_type": (
        "wrong_content_type",
        dict.fromkeys(("models", "completion", "stream"), 'content-type is "text/html"'),
    ),
    "bad_arguments": ("bad_arguments", {"tools": "the arguments are no JSON"}),
    "unknown_tool": ("unknown_tool", {"tools": 'a call of "no_such_tool"'}),
    "slow": ({"slow": {"every": "1ms"}}, {}),
    "duplicate": ("duplicate", {}),
    "split_utf8": ("split_utf8", {}),
}
"""Faults that do not break every answer, and the checks that find them: the last three break none."""


def test_there_is_a_case_for_every_fault() -> None:
    assert {*STANDING, *FOUND} == {fault.KEY for fault in FAULTS}


@pytest.mark.parametrize("name", FOUND)
def test_a_fault_that_spares_some_answers_fails_the_checks_of_the_others(name: str, broken: str) -> None:
    fault, expected = FOUND[name]
    control(broken, "PUT", "/faults", [{"fault": fault}])
    found = failed(checked(broken))
    assert set(found) == set(expected)
    for check, words in expected.items():
        assert words in found[check]


def timeout(name: str) -> float:
    """A fault that is silence ends at the timeout, which is short then; the others never wait for it."""
    return HASTY_S if name in ("stall", "hang") else PATIENT_S


@pytest.mark.parametrize("name", STANDING)
def test_a_fault_on_every_request_fails_the_first_check_that_meets_it(name: str, broken: str) -> None:
    fault, words = STANDING[name]
    control(broken, "PUT", "/faults", [{"fault": fault}])
    found = failed(checked(broken, timeout=timeout(name)))
    first = "reachable" if name == "hang" else "models"
    assert list(found) == [first]
    assert words in found[first]


@pytest.mark.parametrize("name", STANDING)
def test_a_fault_on_streams_fails_the_stream_alone(name: str, broken: str) -> None:
    fault, words = STANDING[name]
    control(broken, "PUT", "/faults", [{"fault": fault, "when": {"stream": True}}])
    found = failed(checked(broken, timeout=timeout(name)))
    assert list(found) == ["stream"]
    assert words in found["stream"]


@pytest.mark.parametrize("name", STANDING)
def test_a_fault_on_one_model_fails_its_answers_and_leaves_the_second_model(name: str, broken: str) -> None:
    fault, words = STANDING[name]
    control(broken, "PUT", "/faults", [{"fault": fault, "when": {"model": "mock-llm-v1"}}])
    went = checked(broken, timeout=timeout(name))
    found = failed(went)
    assert set(found) == TEXT
    assert words in found["completion"]
    assert words in found["stream"]
    assert went["failover"].detail == "mock-gpt-4 answers too"


@pytest.mark.parametrize("name", STANDING)
def test_a_fault_on_tools_fails_tools_alone(name: str, broken: str) -> None:
    fault, words = STANDING[name]
    control(broken, "PUT", "/faults", [{"fault": fault, "when": {"tools": "get_weather"}}])
    found = failed(checked(broken, timeout=timeout(name)))
    assert list(found) == ["tools"]
    assert words in found["tools"]


@pytest.mark.parametrize(("times", "failing"), [(1, {"completion"}), (2, TEXT)])
def test_a_fault_that_is_over_soon_fails_what_it_hits(times: int, failing: set[str], broken: str) -> None:
    fault = {"fault": {"error": "server"}, "when": {"user": "hello"}, "times": times}
    control(broken, "PUT", "/faults", [fault])
    assert set(failed(checked(broken))) == failing


@pytest.mark.parametrize(
    ("kind", "check", "advice"),
    [
        ("rate_limit", "key", "The key's rate limit is reached."),
        ("quota", "key", "The account's quota is used up. Waiting does not help"),
        ("authentication", "key", "It wants a key: give it with --api-key"),
        ("permission", "key", "The key may not do this"),
        ("overloaded", "models", "where it is overloaded, retry"),
        ("not_found", "models", "Look at the base URL, and at the model's name"),
    ],
)
def test_each_kind_of_error_gets_its_own_advice(kind: str, check: str, advice: str, broken: str) -> None:
    control(broken, "PUT", "/faults", [{"fault": {"error": kind}}])
    went = checked(broken)
    assert list(failed(went)) == [check]
    assert advice in went[check].findings[-1].advice


@pytest.fixture(autouse=True)
def _without_faults_afterwards(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "broken" in request.fixturenames:
        control(request.getfixturevalue("broken"), "DELETE", "/faults")


# --- outages --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("refuse", "refuses the connection: nothing listens there"),
        ("hang", SILENT),
        ("reset", "ends the connection without an answer (Connection reset by peer)"),
    ],
)
def test_an_outage_makes_the_server_unreachable_and_says_how(how: str, words: str, serving: Serving) -> None:
    with serving("--drain", "0") as url:
        control(url, "POST", "/outage", {"seconds": 60, "how": how})
        went = checked(url, timeout=HASTY_S)
        assert list(failed(went)) == ["reachable"]
        assert words in went["reachable"].detail
        assert {result.status for name, result in went.items() if name != "reachable"} == {"skip"}


# --- models and keys that fail --------------------------------------------------------------------------

MODELS: dict[str, tuple[set[str], str]] = {
    "mock-error-<status>": (TEXT, "HTTP 500: "),
    "mock-rate-limited": ({"key"}, "HTTP 429: "),
    "mock-overloaded": (TEXT, 'HTTP 503: "The engine is currently overloaded, please try again later"'),
    "mock-slow": (TEXT, SILENT),
    "mock-hang": (TEXT, SILENT),
    "mock-cut": (TEXT, "the connection breaks off"),
    "mock-garbled": (TEXT, "is no JSON"),
    "mock-empty": ({"completion", "tools", "structured"}, 'the message is empty: {"role": "assistant"'),
    "mock-truncated": ({"tools", "structured"}, "the arguments are no JSON (Input data was truncated)"),
    "mock-refusal": ({"tools", "structured"}, "no tool call but \"I'm sorry, I can't assist with that"),
    "mock-echo": ({"tools", "structured"}, 'no tool call but "What is the weather in Paris?'),
}


def test_there_is_a_case_for_every_failing_model() -> None:
    assert set(MODELS) == set(FAILING_MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_a_failing_model_fails_the_right_checks(name: str, broken: str) -> None:
    failing, words = MODELS[name]
    hasty = name in ("mock-slow", "mock-hang")
    model = name.replace("<status>", "500")
    went = checked(broken, model, timeout=HASTY_S if hasty else PATIENT_S)
    found = failed(went)
    assert set(found) == failing
    assert words in next(iter(found.values()))


def test_an_answer_that_ends_early_is_a_warning(broken: str) -> None:
    went = checked(broken, "mock-truncated")
    assert went["completion"].status == "warn"
    assert went["completion"].detail == 'the answer to a short question ends with finish_reason "length"'


@pytest.mark.parametrize(
    ("key", "advice"),
    [
        ("mock-key-invalid", "The key is refused."),
        ("mock-key-no-quota", "The account's quota is used up."),
        ("mock-key-rate-limited", "The key's rate limit is reached. Wait 1 s as retry-after says"),
    ],
)
def test_a_failing_key_fails_key_alone(key: str, advice: str, broken: str) -> None:
    assert key in FAILING_KEYS
    went = checked(broken, key=key)
    assert list(failed(went)) == ["key"]
    assert went["key"].findings[-1].advice.startswith(advice)
    assert went["tools"].detail == "needs completion"
