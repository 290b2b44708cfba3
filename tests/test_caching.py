"""The bounded cache."""

from __future__ import annotations

from understudy.caching import cached

CALLS: list[str] = []


@cached(entries=2, longest=3)
def shout(text: str, times: int = 1) -> str:
    CALLS.append(text)
    return text.upper() * times


def calls(*texts: str) -> list[str]:
    CALLS.clear()
    for text in texts:
        assert shout(text) == text.upper()
    return list(CALLS)


def test_a_result_is_kept() -> None:
    assert calls("a", "a", "a") in (["a"], [])


def test_the_oldest_result_is_forgotten() -> None:
    assert calls("b", "c", "d", "b") == ["b", "c", "d", "b"]


def test_a_long_key_is_not_kept() -> None:
    assert calls("long", "long") == ["long", "long"]


def test_every_argument_counts() -> None:
    assert shout("e", 2) == "EE"
    assert shout("e", times=3) == "EEE"
