"""Limits on a live server: what a bare client and the official SDK are told, and what helps.

The limits are of hours and days where numbers are compared, so that nothing comes back meanwhile.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam

from sockets import Client

Serving = Callable[..., AbstractContextManager[str]]
HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello there, who are you?"}]


@pytest.fixture(scope="module")
def guide_url(serving: Serving) -> Iterator[str]:
    with serving("--rate-limit", "1/s") as url:
        yield url


@pytest.fixture(scope="module")
def url(serving: Serving) -> Iterator[str]:
    with serving("--seed", "7") as url:
        yield url


@pytest.fixture
def limit(url: str) -> Iterator[Callable[[object], None]]:
    """Puts limits in force; they are lifted after the test."""

    def put(limits: object) -> None:
        call(url, "PUT", "/limits", limits)

    yield put
    call(url, "POST", "/reset")


@pytest.fixture
def client(url: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{url}/v1", api_key="sk-one", max_retries=0, timeout=20) as client:
        yield client


def call(url: str, method: str, path: str, body: object = None) -> Any:
    """The JSON that the control API answers."""
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(f"{url}/_understudy{path}", data, method=method)) as answer:
        return json.load(answer)


def statuses(url: str) -> list[int]:
    return [each["status"] for each in call(url, "GET", "/requests")["requests"]]


def ask(client: OpenAI, **more: Any) -> Any:
    """The raw answer of a chat completion."""
    return client.chat.completions.with_raw_response.create(model="gpt-4o", messages=HELLO, **more)


def told(answer: Any) -> dict[str, str]:
    """The rate-limit headers of an answer, without their common beginning."""
    start = "x-ratelimit-"
    return {
        name.removeprefix(start): value for name, value in answer.headers.items() if name.startswith(start)
    }


# --- the guide's case ---------------------------------------------------------------------------------

QUESTION = json.dumps({"model": "mock-llm-v1", "messages": HELLO}).encode()


def raw_request(*, last: bool) -> bytes:
    """What curl sends in the guide."""
    return (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\nconnection: %b\r\n\r\n%b"
        % (len(QUESTION), b"close" if last else b"keep-alive", QUESTION)
    )


def test_one_request_a_second_for_each_client_as_the_guide_has_it(guide_url: str) -> None:
    call(guide_url, "POST", "/reset")
    port = urlsplit(guide_url).port
    assert port
    with Client(port) as client:  # both in one go, so that no time passes between them
        answers = client.ask(raw_request(last=False) + raw_request(last=True))
    first, second = re.split(rb"(?=HTTP/1\.1 )", answers)[1:]
    assert first.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nx-ratelimit-remaining-requests: 0\r\n" in first
    assert second.startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
    assert b"\r\nretry-after: 1\r\n" in second
    head, _, body = second.partition(b"\r\n\r\n")
    error = json.loads(body)["error"]
    assert error["type"] == "rate_limit_error"
    assert re.fullmatch(
        r"Rate limit exceeded: 1 request per second for each client\. Please try again in [01](\.\d+)? s\.",
        error["message"],
    )
    wait = re.search(rb"\r\nretry-after-ms: (\d+)\r\n", head)
    assert wait
    assert 900 < int(wait[1]) <= 1000
    assert call(guide_url, "POST", "/clock", {"advance": 1})["ahead"] == 1.0
    with Client(port) as client:
        assert client.ask(raw_request(last=True)).startswith(b"HTTP/1.1 200 OK\r\n")
    assert statuses(guide_url) == [200, 429, 200]


def test_a_reset_brings_back_the_limits_of_the_start(guide_url: str) -> None:
    first = {"limits": [{"requests": "1/s", "per": "client"}]}
    assert call(guide_url, "GET", "/limits") == first
    assert call(guide_url, "DELETE", "/limits") == {"limits": []}
    assert call(guide_url, "POST", "/reset") == {"ok": True}
    assert call(guide_url, "GET", "/limits") == first


@pytest.mark.parametrize(
    ("flags", "mistake"),
    [
        (
            ("--rate-limit", "often"),
            "--rate-limit: expected a rate like 60/min, 1/s or 3/20s; found 'often'",
        ),
        (("--limits", "request=60/min"), '--limits: unknown key "request" (did you mean "requests"?)'),
        (
            ("--limits", "requests=60/mim"),
            '--limits: .requests: unknown unit of time "mim" (did you mean "min"?)',
        ),
    ],
)
def test_a_limit_that_is_none_ends_the_start_with_a_line(flags: tuple[str, ...], mistake: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "understudy", "serve", "--port", "0", *flags],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (2, f"understudy: {mistake}\n")


# --- what the SDK is told -------------------------------------------------------------------------------


def test_headers_count_down(limit: Callable[[object], None], client: OpenAI) -> None:
    limit({"requests": "10/h", "tokens": "1000/d", "per": "key"})
    answers = [told(ask(client, max_tokens=100)) for _ in range(3)]
    assert answers[0] == {
        "limit-requests": "10",
        "remaining-requests": "9",
        "reset-requests": "6m0s",
        "limit-tokens": "1000",
        "remaining-tokens": "900",
        "reset-tokens": "2h24m0s",
    }
    assert [answer["remaining-requests"] for answer in answers] == ["9", "8", "7"]
    assert [answer["remaining-tokens"] for answer in answers] == ["900", "800", "700"]


def test_every_operation_counts_and_so_does_a_mistake(
    limit: Callable[[object], None], client: OpenAI
) -> None:
    limit({"requests": "10/h"})
    answers = [
        ask(client),
        ask(client, stream=True),
        client.completions.with_raw_response.create(
            model="gpt-3.5-turbo-instruct", prompt="Hi", max_tokens=5
        ),
        client.embeddings.with_raw_response.create(model="text-embedding-3-small", input="Hi"),
        client.models.with_raw_response.list(),
    ]
    with pytest.raises(openai.BadRequestError) as raised:
        ask(client, temperature=9)
    left = [told(answer)["remaining-requests"] for answer in (*answers, raised.value.response)]
    assert left == ["9", "8", "7", "6", "5", "4"]


def test_what_nobody_may_ask_and_what_asks_nothing_does_not_count(
    url: str, limit: Callable[[object], None], client: OpenAI
) -> None:
    limit({"requests": "10/h", "per": "space"})
    with pytest.raises(openai.AuthenticationError):
        ask(client.with_options(api_key="mock-key-invalid"))
    with pytest.raises(HTTPError) as nowhere:
        urlopen(f"{url}/v1/nowhere")
    nowhere.value.close()
    for method, path in (("GET", "/health"), ("OPTIONS", "/v1/chat/completions")):
        urlopen(Request(url + path, method=method)).close()
    assert told(ask(client))["remaining-requests"] == "9"


def test_tokens_are_charged_as_the_greater_of_prompt_and_answer(
    limit: Callable[[object], None], client: OpenAI
) -> None:
    limit({"tokens": "100000/d"})
    prompt = ask(client).parse().usage.prompt_tokens
    assert prompt == 14
    left = 100_000 - prompt
    for more, charge in (({"max_tokens": 5}, 14), ({"max_tokens": 50, "n": 3}, 150), ({"stream": True}, 14)):
        left -= charge
        # One comes back every 0.864 s, so that the last digit may be behind.
        assert int(told(ask(client, **more))["remaining-tokens"]) in range(left, left + 10)


def test_a_refusal_is_the_vendors(limit: Callable[[object], None], client: OpenAI) -> None:
    limit({"requests": "2/h"})
    ask(client)
    ask(client)
    with pytest.raises(openai.RateLimitError) as raised:
        ask(client)
    error = raised.value
    assert (error.type, error.param, error.code) == ("requests", None, "rate_limit_exceeded")
    assert isinstance(error.body, dict)
    found = re.fullmatch(
        r"Rate limit reached for gpt-4o in organization org-understudy on requests per hour \(RPH\): "
        r"Limit 2, Used 2, Requested 1\. Please try again in (.+)\. "
        r"Visit https://platform\.openai\.com/account/rate-limits to learn more\.",
        error.body["message"],
    )
    assert found
    assert seconds(found[1]) == int(error.response.headers["retry-after-ms"]) / 1000
    assert 1700 < seconds(found[1]) <= 1800
    assert told(error.response)["remaining-requests"] == "0"


def seconds(duration: str) -> float:
    """The seconds in a duration like `29m59.98s`."""
    minutes, _, rest = duration.rpartition("m")
    return round(int(minutes or 0) * 60 + float(rest.removesuffix("s")), 3)


def test_a_request_over_the_whole_limit_is_not_told_to_wait(
    limit: Callable[[object], None], client: OpenAI
) -> None:
    limit({"tokens": "30000/min"})
    with pytest.raises(openai.RateLimitError) as raised:
        ask(client, max_tokens=15_300, n=2)
    error = raised.value
    assert (error.type, error.code) == ("tokens", "rate_limit_exceeded")
    assert isinstance(error.body, dict)
    assert error.body["message"] == (
        "Request too large for gpt-4o in organization org-understudy on tokens per min (TPM): Limit 30000, "
        "Requested 30600. The input or output tokens must be reduced in order to run successfully. "
        "Visit https://platform.openai.com/account/rate-limits to learn more."
    )
    assert "retry-after" not in error.response.headers
    assert told(error.response)["remaining-tokens"] == "30000"


def test_each_key_has_a_limit_of_its_own(limit: Callable[[object], None], client: OpenAI) -> None:
    limit({"requests": "1/h", "per": "key"})
    ask(client)
    ask(client.with_options(api_key="sk-two"))
    with pytest.raises(openai.RateLimitError):
        ask(client)


def test_a_client_has_one_limit_whatever_its_key(limit: Callable[[object], None], client: OpenAI) -> None:
    limit({"requests": "1/h", "per": "client"})
    ask(client)
    with pytest.raises(openai.RateLimitError) as raised:
        ask(client.with_options(api_key="sk-two"))
    assert raised.value.type == "rate_limit_error"


def test_a_model_has_one_limit_whoever_asks(limit: Callable[[object], None], client: OpenAI) -> None:
    limit({"requests": "1/h", "per": "model"})
    ask(client)
    client.chat.completions.create(model="gpt-4o-mini", messages=HELLO)
    with pytest.raises(openai.RateLimitError):
        ask(client.with_options(api_key="sk-two"))


# --- what helps -----------------------------------------------------------------------------------------


def test_the_sdk_waits_as_it_is_told_and_is_answered(
    url: str, limit: Callable[[object], None], client: OpenAI
) -> None:
    limit({"requests": "5/s", "burst": 1})
    patient = client.with_options(max_retries=1)
    for _ in range(20):  # on a machine that is slow enough, no limit is ever reached
        ask(patient)
        if 429 in statuses(url):
            break
    *before, refused, answered = call(url, "GET", "/requests")["requests"]
    assert {each["status"] for each in before} == {200}
    assert (refused["status"], answered["status"]) == (429, 200)
    # The one before emptied the bucket, which had one again 200 ms later.
    assert answered["at"] - before[-1]["at"] > 0.15


def test_a_minute_on_the_mocks_clock_frees_a_window(
    url: str, limit: Callable[[object], None], client: OpenAI
) -> None:
    limit({"requests": "3/min"})
    for _ in range(3):
        ask(client)
    with pytest.raises(openai.RateLimitError):
        ask(client)
    call(url, "POST", "/clock", {"advance": 60})
    assert told(ask(client))["remaining-requests"] == "2"


def test_the_wait_that_is_told_is_enough(url: str, limit: Callable[[object], None], client: OpenAI) -> None:
    limit({"requests": "3/d"})
    for _ in range(3):
        ask(client)
    with pytest.raises(openai.RateLimitError) as raised:
        ask(client)
    wait_s = int(raised.value.response.headers["retry-after-ms"]) / 1000
    call(url, "POST", "/clock", {"advance": wait_s - 600})
    with pytest.raises(openai.RateLimitError):
        ask(client)
    call(url, "POST", "/clock", {"advance": 600})
    ask(client)


# --- changing them ----------------------------------------------------------------------------------------


def test_limits_are_changed_and_lifted_while_the_server_runs(
    url: str, limit: Callable[[object], None], client: OpenAI
) -> None:
    assert call(url, "GET", "/limits") == {"limits": []}
    assert told(ask(client))["limit-requests"] == "30000"
    both = [
        {"requests": "1/h", "tokens": "30000/min", "per": "key"},
        {"requests": "5/d", "per": "space", "burst": 2},
    ]
    shown = {
        "limits": [
            {"requests": "1/h", "per": "key"},
            {"tokens": "30000/min", "per": "key"},
            {"requests": "5/d", "per": "space", "burst": 2},
        ]
    }
    assert call(url, "PUT", "/limits", both) == shown
    ask(client)
    with pytest.raises(openai.RateLimitError):
        ask(client)
    assert call(url, "PUT", "/limits", shown["limits"]) == shown  # everybody starts afresh
    ask(client)
    assert call(url, "DELETE", "/limits") == {"limits": []}
    ask(client)


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        (
            {"requests": 60},
            {
                "message": "limits: $.requests: expected a rate like 60/min, 1/s or 3/20s; found 60",
                "path": "$.requests",
            },
        ),
        (
            [{"requests": "60/min", "per": "keys"}],
            {
                "message": 'limits: $[0].per: unknown owner of a limit "keys" (did you mean "key"?)',
                "path": "$[0].per",
            },
        ),
    ],
)
def test_a_mistake_changes_nothing_and_says_where_it_is(
    url: str, limit: Callable[[object], None], limits: object, error: dict[str, str]
) -> None:
    limit({"requests": "7/h"})
    with pytest.raises(HTTPError) as raised:
        call(url, "PUT", "/limits", limits)
    with raised.value as refused:
        assert (refused.code, json.load(refused)) == (400, {"error": error})
    assert call(url, "GET", "/limits") == {"limits": [{"requests": "7/h", "per": "key"}]}
