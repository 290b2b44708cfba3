"""What the official SDK makes of an answer that breaks, whole and streamed.

A whole answer that breaks off is asked for again. Of a stream the SDK keeps its hands once the head is there:
what arrived is with its caller already. docs/retries.md shows this table.

Source: openai 3.54, `_base_client.py` and `_streaming.py`.
"""

from __future__ import annotations

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
