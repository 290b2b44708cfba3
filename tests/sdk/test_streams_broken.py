"""What the official SDK makes of an answer that breaks, whole and streamed.

A whole answer that breaks off is asked for again. Of a stream the SDK keeps its hands once the head is there:
what arrived is with its caller already. docs/retries.md shows this table.

Source: openai 3.54, `_base_client.py` and `_streaming.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from json import JSONDecodeError
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openai
import pytest

from calls import WAYS, Asker, Mock, Serving, asking

PAGE = (Path(__file__).parent.parent.parent / "docs" / "retries.md").read_text()
TIMEOUT_S = 0.5
"""How long the client waits for a byte, where none will come."""

# A fault; what is raised, and what by; the calls for a whole answer, and for a stream.
BROKEN: tuple[tuple[str, object, type[Exception], str, int, int], ...] = (
    ('"hang"', "hang", openai.APITimeoutError, "ReadTimeout", 3, 3),
    (
        '{"hang": {"seconds": 0}}',
        {"hang": {"seconds": 0}},
        openai.APIConnectionError,
        "RemoteProtocolError",
        3,
        3,
    ),
    (
        '{"cut": {"after": 0}}',
        {"cut": {"after": 0}},
        openai.APIConnectionError,
        "RemoteProtocolError",
        3,
        1,
    ),
    ('"cut"', "cut", openai.APIConnectionError, "RemoteProtocolError", 3, 1),
    ('{"cut": {"how": "reset"}}', {"cut": {"how": "reset"}}, openai.APIConnectionError, "ReadError", 3, 1),
    ('"stall"', "stall", openai.APITimeoutError, "ReadTimeout", 3, 1),
    ('"garble"', "garble", JSONDecodeError, "", 1, 1),
)

# An error inside a stream: what it says, and what the SDK's exception does. Its class is always the same.
INSIDE: tuple[tuple[dict[str, str], str, str | None], ...] = (
    ({}, "server_error", None),
    ({"kind": "overloaded"}, "server_error", None),
    ({"kind": "rate_limit"}, "requests", "rate_limit_exceeded"),
    ({"kind": "quota"}, "insufficient_quota", "insufficient_quota"),
    ({"kind": "invalid_request"}, "invalid_request_error", None),
)
INCOMPLETE: tuple[tuple[str, object, str], ...] = (
    ('"drop_done"', "drop_done", "all of it"),
    ('{"slow": {"bytes": 200, "every": "10ms"}}', {"slow": {"bytes": 200, "every": "10ms"}}, "all of it"),
    ('"empty"', "empty", "nothing"),
)
"""Faults that end a stream without an exception, and what of the text was heard."""
each_broken = pytest.mark.parametrize(
    ("fault", "raised", "cause", "whole", "streamed"),
    [row[1:] for row in BROKEN],
    ids=[row[0] for row in BROKEN],
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
    """Asks in each of the ways."""
    with asking(mock_url, request.param) as asker:
        yield asker


@pytest.fixture(scope="module", params=[way for way in WAYS if way.streamed], ids=str)
def ask_streamed(mock_url: str, request: pytest.FixtureRequest) -> Iterator[Asker]:
    with asking(mock_url, request.param) as asker:
        yield asker


@pytest.fixture(scope="module", params=[way for way in WAYS if not way.streamed], ids=str)
def ask_whole(mock_url: str, request: pytest.FixtureRequest) -> Iterator[Asker]:
    with asking(mock_url, request.param) as asker:
        yield asker


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK calls again at once: how long it waits is proven in test_retries.py."""

    async def at_once(seconds: float) -> None:
        pass

    monkeypatch.setattr("openai._base_client.time", SimpleNamespace(sleep=lambda seconds: None))
    monkeypatch.setattr("openai._base_client.anyio", SimpleNamespace(sleep=at_once))


@each_broken
def test_an_answer_that_breaks_is_asked_for_again_unless_some_of_it_was_given_away(
    fault: object, raised: type[Exception], cause: str, whole: int, streamed: int, mock: Mock, ask: Asker
) -> None:
    usual = ask()
    mock.control("DELETE", "requests")
    mock.fail(fault)
    with pytest.raises(raised) as error:
        ask(**patience(raised))
    assert type(error.value) is raised
    assert cause in ("", type(error.value.__cause__).__name__)
    assert len(mock.calls()) == (streamed if ask.way.streamed else whole)
    heard = "".join(ask.heard)
    assert usual.startswith(heard)
    assert heard != usual


@each_broken
def test_without_retries_every_break_is_one_call(
    fault: object, raised: type[Exception], cause: str, whole: int, streamed: int, mock: Mock, ask: Asker
) -> None:
    mock.fail(fault)
    with pytest.raises(raised):
        ask(max_retries=0, **patience(raised))
    assert len(mock.calls()) == 1


@each_broken
def test_an_answer_that_breaks_once_arrives_where_it_is_asked_for_again(
    fault: object, raised: type[Exception], cause: str, whole: int, streamed: int, mock: Mock, ask: Asker
) -> None:
    usual = ask()
    mock.fail(fault, times=1)
    if (streamed if ask.way.streamed else whole) == 1:
        with pytest.raises(raised):
            ask(**patience(raised))
        assert ask() == usual
    else:
        assert ask(**patience(raised)) == usual


@pytest.mark.parametrize("fault", ["cut", "garble"])
def test_what_came_before_the_break_is_heard(fault: str, mock: Mock, ask: Asker) -> None:
    mock.fail(fault)
    with pytest.raises((openai.APIConnectionError, JSONDecodeError)):
        ask()
    assert bool(ask.heard) is ask.way.streamed


@pytest.mark.parametrize("after", ["0%", "30%", "60%", "90%"])
def test_no_garbled_answer_is_an_error_of_the_sdk(after: str, mock: Mock, ask: Asker) -> None:
    """A ValueError each time: of JSON, or of Unicode, where a NUL at the start looks like UTF-16."""
    mock.fail({"garble": {"after": after}})
    for _ in range(3):  # chance has several ways to garble
        with pytest.raises(ValueError) as error:
            ask()
        assert isinstance(error.value, JSONDecodeError | UnicodeDecodeError)
        assert not isinstance(error.value, openai.OpenAIError)


def test_a_cut_behind_the_end_is_not_noticed(mock: Mock, ask: Asker) -> None:
    usual = ask()
    mock.fail({"cut": {"after": "100%"}})
    assert ask() == usual


def test_a_stall_shorter_than_the_timeout_is_waited_out(mock: Mock, ask: Asker) -> None:
    usual = ask()
    mock.fail({"stall": {"seconds": "100ms"}})
    assert ask() == usual
    assert len(mock.calls()) == 2


@pytest.mark.parametrize(("fields", "type", "code"), INSIDE, ids=lambda each: str(each))
def test_an_error_inside_a_stream_is_an_api_error_and_never_called_again(
    fields: dict[str, str], type: str, code: str | None, mock: Mock, ask_streamed: Asker
) -> None:
    """Not even where the same error as a status would be."""
    usual = ask_streamed()
    mock.control("DELETE", "requests")
    mock.fail({"error_event": fields})
    with pytest.raises(openai.APIError) as raised:
        ask_streamed()
    error = raised.value
    assert error.__class__ is openai.APIError
    assert (error.type, error.code) == (type, code)
    assert mock.statuses() == [200]
    heard = "".join(ask_streamed.heard)
    assert heard
    assert usual.startswith(heard)


def test_an_error_inside_a_whole_answer_is_an_answer_without_choices(mock: Mock, ask_whole: Asker) -> None:
    mock.fail({"error_event": {"kind": "rate_limit"}})
    with pytest.raises(TypeError, match="'NoneType' object is not subscriptable"):
        ask_whole()
    assert mock.statuses() == [200]


@pytest.mark.parametrize(
    ("fault", "heard"), [row[1:] for row in INCOMPLETE], ids=[row[0] for row in INCOMPLETE]
)
def test_a_stream_may_end_badly_without_an_exception(
    fault: object, heard: str, mock: Mock, ask_streamed: Asker
) -> None:
    usual = ask_streamed()
    mock.fail(fault)
    assert ask_streamed() == {"all of it": usual, "nothing": ""}[heard]


def test_the_page_shows_what_an_error_inside_a_stream_says() -> None:
    shown = re.findall(r"^\| `(.*)` \| `(\w+)` \| `(\w+)` \|$", PAGE, re.M)
    assert shown == [
        (json.dumps({"error_event": fields}) if fields else '"error_event"', type, str(code))
        for fields, type, code in INSIDE
    ]


def test_the_page_shows_what_a_stream_without_an_exception_left() -> None:
    shown = re.findall(r"^\| `(\S.*)` \| (all of it|nothing) \|$", PAGE, re.M)
    assert shown == [(spelled, heard) for spelled, _, heard in INCOMPLETE]


def test_the_page_shows_what_each_break_does() -> None:
    shown = re.findall(r"^\| `(\S.*)` \| `([\w.]+)` \| (\S*) \| (\d) \| (\d) \|$", PAGE, re.M)
    assert shown == [
        (spelled, name(raised), f"`{cause}`" if cause else "-", str(whole), str(streamed))
        for spelled, _, raised, cause, whole, streamed in BROKEN
    ]


def patience(raised: type[Exception]) -> dict[str, Any]:
    """The options of a client that waits no longer than it must."""
    return {"timeout": TIMEOUT_S} if raised is openai.APITimeoutError else {}


def name(raised: type[Exception]) -> str:
    return f"{raised.__module__.partition('.')[0]}.{raised.__name__}"
