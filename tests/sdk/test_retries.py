"""What the official SDK makes of each error: how often it calls, how long it waits, what it raises.

Calls are counted in the server's journal. Where the waits would be long, the SDK's sleep is noted instead of
slept; where they are slept, the journal tells the time between the calls. docs/retries.md shows these tables.

Source: openai 3.54, `_base_client.py` and `_exceptions.py`.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openai
import pytest
from openai import APIStatusError

from calls import HELLO, WAYS, Asker, Mock, Serving, Way, asking

PAGE = (
    (Path(__file__).parent.parent.parent / "docs" / "retries.md").read_text().partition("\n## In Node\n")[0]
)

# What a status does: the class that is raised, and the calls before it with the usual two retries.
STATUSES: tuple[tuple[int, type[APIStatusError], int], ...] = (
    (400, openai.BadRequestError, 1),
    (401, openai.AuthenticationError, 1),
    (402, openai.APIStatusError, 1),
    (403, openai.PermissionDeniedError, 1),
    (404, openai.NotFoundError, 1),
    (408, openai.APIStatusError, 3),
    (409, openai.ConflictError, 3),
    (413, openai.APIStatusError, 1),
    (422, openai.UnprocessableEntityError, 1),
    (429, openai.RateLimitError, 3),
    (500, openai.InternalServerError, 3),
    (502, openai.InternalServerError, 3),
    (503, openai.InternalServerError, 3),
    (504, openai.InternalServerError, 3),
    (529, openai.InternalServerError, 3),
)

NOW = datetime(2015, 10, 21, 7, 27, 30, tzinfo=UTC).timestamp()
"""What the SDK believes the time to be in these tests: half a minute before the date in RFC 9110."""
BACKOFF_S = ((0.375, 0.5), (0.75, 1.0), (1.5, 2.0), (3.0, 4.0), (6.0, 8.0), (6.0, 8.0))
"""From and to: 0.5 s, doubled up to 8 s, less up to a quarter by chance."""
OWN = "its own"

# What headers do: calls with the usual two retries, and the wait before each, or OWN: that of the SDK.
HEADERS: tuple[tuple[int, Mapping[str, str], int, float | str | None], ...] = (
    (429, {"retry-after": "1"}, 3, 1.0),
    (429, {"retry-after": "0.25"}, 3, 0.25),
    (429, {"retry-after-ms": "200"}, 3, 0.2),
    (429, {"retry-after-ms": "200", "retry-after": "1"}, 3, 0.2),
    (429, {"retry-after-ms": "soon", "retry-after": "1"}, 3, 1.0),
    (429, {"retry-after-ms": "-1", "retry-after": "1"}, 3, OWN),
    (429, {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 3, 30.0),
    (429, {"retry-after": "Wed, 21 Oct 2015 07:27:00 GMT"}, 3, OWN),
    (429, {"retry-after": "Wed, 21 Oct 2015 07:30:00 GMT"}, 1, None),
    (429, {"retry-after": "120"}, 3, 120.0),
    (429, {"retry-after": "121"}, 1, None),
    (429, {"retry-after-ms": "120001"}, 1, None),
    (429, {"retry-after": "10000"}, 1, None),
    (429, {"retry-after": "1e999"}, 1, None),
    (429, {"retry-after": "0"}, 3, OWN),
    (429, {"retry-after": "-5"}, 3, OWN),
    (429, {"retry-after": "soon"}, 3, OWN),
    (429, {"retry-after": "nan"}, 3, OWN),
    (429, {"retry-after": "inf"}, 3, OWN),
    (503, {"retry-after-ms": "200"}, 3, 0.2),
    (400, {"retry-after-ms": "200"}, 1, None),
    (400, {"x-should-retry": "true"}, 3, OWN),
    (400, {"x-should-retry": "true", "retry-after-ms": "200"}, 3, 0.2),
    (400, {"x-should-retry": "true", "retry-after": "121"}, 1, None),
    (503, {"x-should-retry": "false"}, 1, None),
    (429, {"x-should-retry": "false", "retry-after-ms": "200"}, 1, None),
    (400, {"x-should-retry": "True"}, 1, None),
    (503, {"x-should-retry": "no"}, 3, OWN),
)


@pytest.fixture(scope="module")
def mock_url(serving: Serving) -> Iterator[str]:
    """A server of this module's own: its faults are for all that ask it."""
    with serving() as url:
        yield url


@pytest.fixture
def mock(mock_url: str) -> Iterator[Mock]:
    """The server as at the start."""
    mock = Mock(mock_url)
    mock.control("POST", "reset")
    yield mock
    mock.control("POST", "reset")


@pytest.fixture(scope="module", params=WAYS, ids=str)
def ask(mock_url: str, request: pytest.FixtureRequest) -> Iterator[Asker]:
    """Asks as the SDK does by default, in each of the ways."""
    with asking(mock_url, request.param) as asker:
        yield asker


@pytest.fixture(scope="module")
def ask_once(mock_url: str) -> Iterator[Asker]:
    """Asks in one way alone, for what does not depend on it."""
    with asking(mock_url, Way(is_async=False, streamed=False)) as asker:
        yield asker


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between the calls, in seconds, as the SDK asks for them; it does not sleep, at NOW."""
    asked: list[float] = []

    async def noted(seconds: float) -> None:
        asked.append(seconds)

    clock = SimpleNamespace(sleep=asked.append, time=lambda: NOW)
    monkeypatch.setattr("openai._base_client.time", clock)
    monkeypatch.setattr("openai._base_client.anyio", SimpleNamespace(sleep=noted))
    return asked


def told(headers: Mapping[str, str]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in headers.items())


def assert_backoff(waits: list[float]) -> None:
    """Each wait is in the bounds of the SDK's own backoff."""
    assert len(waits) <= len(BACKOFF_S)
    for wait, (low, high) in zip(waits, BACKOFF_S, strict=False):
        assert low <= wait <= high, waits


# --- statuses -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "raised", "calls"), STATUSES, ids=[str(each[0]) for each in STATUSES])
def test_a_status_raises_its_class_after_so_many_calls(
    status: int, raised: type[APIStatusError], calls: int, mock: Mock, ask: Asker, waits: list[float]
) -> None:
    with pytest.raises(raised) as error:
        ask(f"mock-error-{status}")
    assert type(error.value) is raised
    assert error.value.status_code == status
    assert mock.statuses() == [status] * calls
    assert len(waits) == calls - 1
    assert_backoff(waits)


@pytest.mark.parametrize("max_retries", [0, 1, 5])
@pytest.mark.parametrize(("status", "raised", "calls"), STATUSES, ids=[str(each[0]) for each in STATUSES])
def test_max_retries_says_how_often_a_status_that_is_retried_is_asked_again(
    max_retries: int,
    status: int,
    raised: type[APIStatusError],
    calls: int,
    mock: Mock,
    ask: Asker,
    waits: list[float],
) -> None:
    with pytest.raises(raised):
        ask(f"mock-error-{status}", max_retries=max_retries)
    assert mock.statuses() == [status] * (1 + max_retries if calls > 1 else 1)


def test_the_waits_double_up_to_eight_seconds(mock: Mock, ask: Asker, waits: list[float]) -> None:
    with pytest.raises(openai.InternalServerError):
        ask("mock-error-503", max_retries=6)
    assert len(waits) == 6
    assert_backoff(waits)


def test_each_call_says_which_retry_it_is(mock: Mock, ask: Asker, waits: list[float]) -> None:
    with pytest.raises(openai.InternalServerError):
        ask("mock-error-503")
    exchanges = [mock.control("GET", f"requests/{call['id']}") for call in mock.calls()]
    assert [retry_count(exchange) for exchange in exchanges] == ["0", "1", "2"]


def retry_count(exchange: Any) -> str:
    headers = {name.lower(): value for name, value in dict(exchange["request"]["headers"]).items()}
    return str(headers["x-stainless-retry-count"])


@pytest.mark.parametrize(
    ("kind", "raised", "type_", "param", "code"),
    [
        ("authentication", openai.AuthenticationError, "invalid_request_error", None, "invalid_api_key"),
        ("unknown_model", openai.NotFoundError, "invalid_request_error", None, "model_not_found"),
        (
            "context_length",
            openai.BadRequestError,
            "invalid_request_error",
            "messages",
            "context_length_exceeded",
        ),
        ("rate_limit", openai.RateLimitError, "requests", None, "rate_limit_exceeded"),
        ("quota", openai.RateLimitError, "insufficient_quota", None, "insufficient_quota"),
        ("server", openai.InternalServerError, "server_error", None, None),
        ("overloaded", openai.InternalServerError, "server_error", None, None),
    ],
)
def test_an_error_of_a_kind_has_the_fields_of_the_api(
    kind: str,
    raised: type[APIStatusError],
    type_: str,
    param: str | None,
    code: str | None,
    mock: Mock,
    ask: Asker,
) -> None:
    mock.fail({"error": kind})
    with pytest.raises(raised) as error:
        ask(max_retries=0)
    assert (error.value.type, error.value.param, error.value.code) == (type_, param, code)
    assert error.value.request_id


@pytest.mark.parametrize(("status", "raised", "calls"), STATUSES, ids=[str(each[0]) for each in STATUSES])
def test_the_fields_of_a_fault_are_those_of_the_exception(
    status: int, raised: type[APIStatusError], calls: int, mock: Mock, ask: Asker
) -> None:
    mock.fail({"error": {"status": status, "message": "No.", "type": "t", "param": "p", "code": "c"}})
    with pytest.raises(raised) as error:
        ask(max_retries=0)
    assert (error.value.type, error.value.param, error.value.code) == ("t", "p", "c")
    assert error.value.body == {"message": "No.", "type": "t", "param": "p", "code": "c"}
    assert str(error.value).startswith(f"Error code: {status} - ")


@pytest.mark.parametrize("api", ["completions", "embeddings", "list of models", "model"])
def test_every_api_is_called_again_alike(api: str, mock_url: str, mock: Mock, waits: list[float]) -> None:
    mock.fail({"error": {"status": 503, "retry_after": "200ms"}}, times=2)
    with openai.OpenAI(base_url=f"{mock_url}/v1", api_key="any") as client:
        asks: dict[str, Callable[[], object]] = {
            "completions": lambda: client.completions.create(model="gpt-3.5-turbo-instruct", prompt="Hi"),
            "embeddings": lambda: client.embeddings.create(model="text-embedding-3-small", input="Hi"),
            "list of models": lambda: client.models.list(),
            "model": lambda: client.models.retrieve("gpt-4o"),
        }
        asks[api]()
    assert mock.statuses() == [503, 503, 200]
    assert waits == [0.2, 0.2]


def test_a_quota_that_is_used_up_is_retried_too(mock_url: str, mock: Mock, waits: list[float]) -> None:
    with (
        openai.OpenAI(base_url=f"{mock_url}/v1", api_key="mock-key-no-quota") as client,
        pytest.raises(openai.RateLimitError) as error,
    ):
        client.chat.completions.create(model="gpt-4o", messages=HELLO)
    assert error.value.code == "insufficient_quota"
    assert mock.statuses() == [429, 429, 429]
    assert_backoff(waits)


def test_a_key_that_is_invalid_is_not_tried_again(mock_url: str, mock: Mock, waits: list[float]) -> None:
    with (
        openai.OpenAI(base_url=f"{mock_url}/v1", api_key="mock-key-invalid") as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.chat.completions.create(model="gpt-4o", messages=HELLO)
    assert (mock.statuses(), waits) == ([401], [])


# --- headers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "headers", "calls", "wait"), HEADERS, ids=[f"{each[0]} {told(each[1])}" for each in HEADERS]
)
def test_headers_say_whether_and_when_to_call_again(
    status: int,
    headers: Mapping[str, str],
    calls: int,
    wait: float | str | None,
    mock: Mock,
    ask: Asker,
    waits: list[float],
) -> None:
    mock.refuse(status, headers)
    with pytest.raises(APIStatusError):
        ask()
    assert mock.statuses() == [status] * calls
    assert len(waits) == calls - 1
    if wait == OWN:
        assert_backoff(waits)
    else:
        assert waits == [wait] * (calls - 1)


def test_a_fault_tells_its_wait_in_both_headers_and_exactly(
    mock: Mock, ask: Asker, waits: list[float]
) -> None:
    mock.fail({"error": {"status": 503, "retry_after": "200ms"}})
    with pytest.raises(openai.InternalServerError) as error:
        ask()
    assert error.value.response.headers["retry-after"] == "1"
    assert error.value.response.headers["retry-after-ms"] == "200"
    assert waits == [0.2, 0.2]


@pytest.mark.parametrize(("should_retry", "calls"), [(True, 3), (False, 1)])
def test_a_fault_tells_whether_to_retry(
    should_retry: bool, calls: int, mock: Mock, ask: Asker, waits: list[float]
) -> None:
    mock.fail({"error": {"status": 418, "should_retry": should_retry}})
    with pytest.raises(APIStatusError):
        ask()
    assert mock.statuses() == [418] * calls


def test_a_rate_limited_model_is_asked_again_after_a_second(
    mock: Mock, ask: Asker, waits: list[float]
) -> None:
    with pytest.raises(openai.RateLimitError):
        ask("mock-rate-limited")
    assert mock.statuses() == [429, 429, 429]
    assert waits == [1.0, 1.0]


def test_a_header_of_a_fault_takes_the_place_of_the_usual_one(
    mock: Mock, ask_once: Asker, waits: list[float]
) -> None:
    """Told twice, the SDK would read `5, 1000`, which is no number."""
    headers = {"Retry-After-Ms": "5", "X-Should-Retry": "true", "X-Request-Id": "req_1"}
    mock.fail({"error": {"status": 503, "retry_after": 1, "should_retry": False, "headers": headers}})
    with pytest.raises(openai.InternalServerError) as error:
        ask_once()
    assert error.value.request_id == "req_1"
    assert error.value.response.headers.get_list("retry-after-ms") == ["5"]
    assert waits == [0.005, 0.005]


# --- real waits ---------------------------------------------------------------------------------------


def test_the_sdk_really_waits_its_own_backoff(mock: Mock, ask: Asker) -> None:
    with pytest.raises(openai.InternalServerError):
        ask("mock-error-503")
    first, second = mock.gaps()
    assert first >= 0.375
    assert second >= 0.75


def test_the_sdk_really_waits_the_milliseconds_it_is_told(mock: Mock, ask: Asker) -> None:
    mock.fail({"error": {"status": 429, "retry_after": "200ms"}}, times=2)
    ask()
    assert mock.statuses() == [429, 429, 200]
    assert min(mock.gaps()) >= 0.2


def test_the_sdk_really_waits_the_seconds_it_is_told(mock: Mock, ask: Asker) -> None:
    mock.fail({"error": {"status": 503, "headers": {"retry-after": "1"}}}, times=1)
    ask()
    assert mock.statuses() == [503, 200]
    assert mock.gaps()[0] >= 1.0


def test_who_waits_as_a_limit_says_is_answered_at_the_next_call(
    mock: Mock, ask_once: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    def passed(seconds: float) -> None:
        """So long passes on the mock's clock, and not a moment more."""
        asked.append(seconds)
        mock.control("POST", "clock", {"advance": seconds})

    monkeypatch.setattr("openai._base_client.time", SimpleNamespace(sleep=passed, time=lambda: NOW))
    mock.control("PUT", "limits", {"requests": "1/min", "per": "key"})
    ask_once()
    ask_once()
    assert mock.statuses() == [200, 429, 200]
    assert 0 < asked[0] <= 60


# --- and then it works --------------------------------------------------------------------------------


def test_two_failures_are_ridden_out(mock: Mock, ask: Asker, waits: list[float]) -> None:
    usual = ask()
    mock.fail({"error": 503}, times=2)
    assert ask() == usual
    assert mock.statuses() == [200, 503, 503, 200]


def test_three_failures_need_one_retry_more(mock: Mock, ask: Asker, waits: list[float]) -> None:
    mock.fail({"error": 503}, times=3)
    with pytest.raises(openai.InternalServerError):
        ask()
    mock.fail({"error": 503}, times=3)
    ask(max_retries=3)
    assert mock.statuses() == [503, 503, 503, 503, 503, 503, 200]


def test_an_outage_is_ridden_out_that_is_shorter_than_the_waits(mock: Mock, ask_once: Asker) -> None:
    mock.control("POST", "outage", {"seconds": 1, "how": "refuse"})
    assert ask_once(max_retries=5)
    assert int(retry_count(mock.control("GET", f"requests/{mock.calls()[-1]['id']}"))) >= 1


# --- no answer ----------------------------------------------------------------------------------------


def test_a_port_where_nobody_listens_is_tried_three_times(way: Way, waits: list[float]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with (
            asking(f"http://127.0.0.1:{free.getsockname()[1]}", way) as ask,
            pytest.raises(openai.APIConnectionError) as error,
        ):
            ask()
    assert type(error.value) is openai.APIConnectionError
    assert str(error.value) == "Connection error."
    assert len(waits) == 2
    assert_backoff(waits)


@pytest.fixture(params=WAYS, ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    found: Way = request.param
    return found


def test_an_outage_that_resets_is_a_connection_error(mock: Mock, ask: Asker, waits: list[float]) -> None:
    mock.control("POST", "outage", {"seconds": 60, "how": "reset"})
    with pytest.raises(openai.APIConnectionError) as error:
        ask()
    assert type(error.value) is openai.APIConnectionError
    assert len(waits) == 2


def test_an_outage_that_hangs_is_a_timeout(mock: Mock, ask: Asker, waits: list[float]) -> None:
    mock.control("POST", "outage", {"seconds": 60, "how": "hang"})
    with pytest.raises(openai.APITimeoutError):
        ask(timeout=0.2)
    assert len(waits) == 2


# --- the page -----------------------------------------------------------------------------------------


def test_the_page_shows_what_each_status_does() -> None:
    shown = re.findall(r"^\| (\d{3}) \| `openai\.(\w+)` \| (\d) \|$", PAGE, re.M)
    assert shown == [(str(status), raised.__name__, str(calls)) for status, raised, calls in STATUSES]


def test_the_page_shows_what_each_header_does() -> None:
    shown = re.findall(r"^\| (\d{3}) \| (`.+`) \| (\d) \| (.+) \|$", PAGE, re.M)
    assert shown == [
        (str(status), "<br>".join(f"`{name}: {value}`" for name, value in headers.items()), str(calls), says)
        for status, headers, calls, wait in HEADERS
        for says in [wait if isinstance(wait, str) else "-" if wait is None else f"{wait:g} s"]
    ]
