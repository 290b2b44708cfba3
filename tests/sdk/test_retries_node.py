"""What the official SDK for Node makes of each failure: like Python's for a status, unlike it for much else.

Its sleeps are noted instead of slept; calls are counted in the server's journal. docs/retries.md shows these
tables.

Source: openai 6.49 for Node, `client.js` and `core/error.js`.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Timer
from typing import IO, Any, NamedTuple

import pytest

from calls import PATIENCE_S, Mock, Serving

PAGE = (
    (Path(__file__).parent.parent.parent / "docs" / "retries.md").read_text().partition("\n## In Node\n")[2]
)
SCRIPT = Path(__file__).parent / "node" / "ask.mjs"
SDK = SCRIPT.parent / "node_modules" / "openai"

STATUSES = (
    (400, "BadRequestError", 1),
    (401, "AuthenticationError", 1),
    (403, "PermissionDeniedError", 1),
    (404, "NotFoundError", 1),
    (408, "APIError", 3),
    (409, "ConflictError", 3),
    (413, "APIError", 1),
    (422, "UnprocessableEntityError", 1),
    (429, "RateLimitError", 3),
    (500, "InternalServerError", 3),
    (502, "InternalServerError", 3),
    (503, "InternalServerError", 3),
    (504, "InternalServerError", 3),
    (529, "InternalServerError", 3),
)
BACKOFF_MS = ((375, 500), (750, 1000))
OWN, AT_ONCE = "its own", "at once"

# What headers do: calls, and the wait before each in seconds, or in words.
HEADERS: tuple[tuple[int, Mapping[str, str], int, float | str | None], ...] = (
    (429, {"retry-after": "1"}, 3, 1),
    (429, {"retry-after-ms": "200", "retry-after": "1"}, 3, 0.2),
    (429, {"retry-after-ms": "soon", "retry-after": "1"}, 3, 1),
    (429, {"retry-after": "10000"}, 3, 10000),
    (429, {"retry-after": "0"}, 3, AT_ONCE),
    (429, {"retry-after": "-5"}, 3, AT_ONCE),
    (429, {"retry-after": "soon"}, 3, AT_ONCE),
    (429, {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 3, AT_ONCE),
    (400, {"retry-after-ms": "200"}, 1, None),
    (400, {"x-should-retry": "true"}, 3, OWN),
    (503, {"x-should-retry": "false"}, 1, None),
)

# A fault; what is raised, and whether it is an error of the SDK's; the calls, whole and streamed.
BROKEN: tuple[tuple[str, object, str, bool, int, int], ...] = (
    ('"hang"', "hang", "APIConnectionTimeoutError", True, 3, 3),
    ('{"hang": {"seconds": 0}}', {"hang": {"seconds": 0}}, "APIConnectionError", True, 3, 3),
    ('"cut"', "cut", "TypeError", False, 1, 1),
    ('{"cut": {"how": "reset"}}', {"cut": {"how": "reset"}}, "TypeError", False, 1, 1),
    ('"garble"', "garble", "SyntaxError", False, 1, 1),
)
HANG_MS = 300
"""How long the client waits for a head that does not come."""

whole_and_streamed = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


class Told(NamedTuple):
    """What became of a question; `waits` are in milliseconds, None for what is no number."""

    raised: str | None
    of_sdk: bool
    heard: str
    waits: list[float | None]


Ask = Callable[..., Told]


@pytest.fixture(scope="module")
def mock_url(serving: Serving) -> Iterator[str]:
    """A server of this module's own: its faults are for all that ask it."""
    with serving() as url:
        yield url


@pytest.fixture
def mock(mock_url: str) -> Mock:
    """The server as at the start."""
    mock = Mock(mock_url)
    mock.control("POST", "reset")
    return mock


@pytest.fixture(scope="module")
def ask(mock_url: str) -> Iterator[Ask]:
    """Asks one question: `ask("gpt-4o", stream=True, maxRetries=5)`."""
    assert SDK.exists(), "the SDK for Node is not installed; run: make test"
    with subprocess.Popen(
        ["node", SCRIPT, f"{mock_url}/v1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        watchdog = Timer(10 * PATIENCE_S, process.kill)
        watchdog.daemon = True
        watchdog.start()
        assert process.stdin
        assert process.stdout
        yield asking(process.stdin, process.stdout)
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 0
        watchdog.cancel()


def asking(questions: IO[str], answers: IO[str]) -> Ask:
    def ask(model: str = "gpt-4o", **more: Any) -> Told:
        questions.write(json.dumps({"model": model, "stream": False, **more}) + "\n")
        questions.flush()
        return Told(**json.loads(answers.readline()))

    return ask


def assert_waits(waits: list[float | None], wait: float | str | None) -> None:
    """The waits are as the table says; a timer with no number, or one below zero, does not wait."""
    if wait == AT_ONCE:
        assert all(ms is None or ms <= 0 for ms in waits), waits
    elif wait == OWN:
        for ms, (low, high) in zip(waits, BACKOFF_MS, strict=True):
            assert ms is not None
            assert low <= ms <= high
    else:
        assert isinstance(wait, int | float | None)
        assert waits == [1000 * (wait or 0)] * len(waits)


@whole_and_streamed
@pytest.mark.parametrize(("status", "raised", "calls"), STATUSES, ids=[str(each[0]) for each in STATUSES])
def test_a_status_raises_its_class_after_so_many_calls(
    status: int, raised: str, calls: int, stream: bool, mock: Mock, ask: Ask
) -> None:
    told = ask(f"mock-error-{status}", stream=stream)
    assert (told.raised, told.of_sdk, told.heard) == (raised, True, "")
    assert mock.statuses() == [status] * calls
    assert_waits(told.waits, OWN if calls == 3 else None)


@pytest.mark.parametrize(
    ("status", "headers", "calls", "wait"), HEADERS, ids=[f"{each[0]} {dict(each[1])}" for each in HEADERS]
)
def test_headers_say_whether_and_when_to_call_again(
    status: int, headers: Mapping[str, str], calls: int, wait: float | str | None, mock: Mock, ask: Ask
) -> None:
    mock.refuse(status, headers)
    told = ask()
    assert mock.statuses() == [status] * calls
    assert len(told.waits) == calls - 1
    assert_waits(told.waits, wait)


def test_a_fault_tells_its_wait_exactly(mock: Mock, ask: Ask) -> None:
    mock.fail({"error": {"status": 503, "retry_after": "200ms"}}, times=2)
    told = ask()
    assert told.raised is None
    assert told.waits == [200, 200]
    assert mock.statuses() == [503, 503, 200]


@whole_and_streamed
@pytest.mark.parametrize(
    ("fault", "raised", "of_sdk", "whole", "streamed"),
    [row[1:] for row in BROKEN],
    ids=[row[0] for row in BROKEN],
)
def test_only_an_answer_without_a_head_is_asked_for_again(
    fault: object, raised: str, of_sdk: bool, whole: int, streamed: int, stream: bool, mock: Mock, ask: Ask
) -> None:
    usual = ask(stream=stream).heard
    mock.control("DELETE", "requests")
    mock.fail(fault)
    told = ask(stream=stream, **({"timeout": HANG_MS} if fault == "hang" else {}))
    assert (told.raised, told.of_sdk) == (raised, of_sdk)
    assert len(mock.calls()) == (streamed if stream else whole)
    assert usual.startswith(told.heard)
    assert told.heard != usual


@whole_and_streamed
def test_the_timeout_ends_with_the_head(stream: bool, mock: Mock, ask: Ask) -> None:
    usual = ask(stream=stream).heard
    mock.fail({"stall": {"seconds": "1.2s"}})
    assert ask(stream=stream, timeout=800).heard == usual


def test_the_page_shows_what_each_header_does() -> None:
    shown = re.findall(r"^\| (\d{3}) \| (`.+`) \| (\d) \| (.+) \|$", PAGE, re.M)
    assert shown == [
        (str(status), "<br>".join(f"`{name}: {value}`" for name, value in headers.items()), str(calls), says)
        for status, headers, calls, wait in HEADERS
        for says in [wait if isinstance(wait, str) else "-" if wait is None else f"{wait:,} s"]
    ]


def test_the_page_shows_what_each_break_does() -> None:
    shown = re.findall(r"^\| `(\S.*)` \| `([\w.]+)` \| (\d) \| (\d) \|$", PAGE, re.M)
    assert shown == [
        (spelled, f"OpenAI.{raised}" if of_sdk else raised, str(whole), str(streamed))
        for spelled, _, raised, of_sdk, whole, streamed in BROKEN
    ]
