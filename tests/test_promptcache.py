"""The prompt cache: what is read, what is written, and until when it is there.

A prompt is written as a word: each letter is a block of 100 tokens, a capital one is marked.
"""

from __future__ import annotations

import pytest

from understudy import promptcache as module
from understudy.model import Caching, Prefix
from understudy.promptcache import Found, PromptCache

NOW = 1_763_856_000.0
FIVE_MINUTES, HOUR = 300, 3_600


def prompt(word: str, least: int = 100, lookback: int = 20, ttl_s: int = FIVE_MINUTES) -> Caching:
    prefixes = [
        Prefix(word[: at + 1].lower().encode(), at, ttl_s=ttl_s if letter.isupper() else 0)
        for at, letter in enumerate(word)
    ]
    return Caching(tuple(prefixes), least, lookback)


def sizes(caching: Caching) -> list[int]:
    return [100 * (at + 1) for at in range(len(caching.prefixes))]


def found(
    cache: PromptCache, caching: Caching, at: float = 0.0, owner: str = "me", model: str = "m"
) -> tuple[int, int]:
    """Tokens read and written by a request at so many seconds from NOW."""
    told = cache.find(owner, model, caching, sizes(caching), NOW + at)
    cache.keep(told)
    return told.read, told.written


def asked(cache: PromptCache, word: str, at: float = 0.0) -> tuple[int, int]:
    return found(cache, prompt(word), at)


def test_what_was_written_is_read() -> None:
    cache = PromptCache()
    assert asked(cache, "abC") == (0, 300)
    assert asked(cache, "abC") == (300, 0)


def test_a_conversation_that_grows_reads_what_it_was_and_writes_what_is_new() -> None:
    cache = PromptCache()
    assert asked(cache, "abC") == (0, 300)
    assert asked(cache, "abcdE") == (300, 200)
    assert asked(cache, "abcdefG") == (500, 200)


def test_what_comes_after_the_last_mark_is_neither_read_nor_written() -> None:
    cache = PromptCache()
    assert asked(cache, "aBcd") == (0, 200)
    assert asked(cache, "aBxy") == (200, 0)


def test_what_was_never_marked_is_not_found() -> None:
    cache = PromptCache()
    assert asked(cache, "abcX") == (0, 400)
    assert asked(cache, "abcY") == (0, 400)


def test_another_beginning_is_another_prompt() -> None:
    cache = PromptCache()
    asked(cache, "aBcD")
    assert asked(cache, "xBcD") == (0, 400)


def test_of_two_marks_that_before_the_change_is_read() -> None:
    cache = PromptCache()
    asked(cache, "aBcD")
    assert asked(cache, "aBxY") == (200, 200)


def test_a_prefix_is_gone_five_minutes_after_its_last_use() -> None:
    cache = PromptCache()
    asked(cache, "abC")
    assert asked(cache, "abC", 299.0) == (300, 0)
    assert asked(cache, "abC", 598.0) == (300, 0)
    assert asked(cache, "abC", 898.0) == (0, 300)


def test_what_is_read_on_the_way_is_kept_longer_too() -> None:
    cache = PromptCache()
    asked(cache, "aBcD")
    asked(cache, "aBcD", 200.0)
    assert asked(cache, "aBxx", 400.0) == (200, 0)


def test_an_hour_is_an_hour() -> None:
    cache = PromptCache()
    caching = prompt("abC", ttl_s=HOUR)
    told = cache.find("me", "m", caching, sizes(caching), NOW)
    assert (told.read, told.written, told.written_1h) == (0, 300, 300)
    cache.keep(told)
    assert asked(cache, "abC", 3_599.0) == (300, 0)
    assert asked(cache, "abC", 7_198.0) == (300, 0)
    assert asked(cache, "abC", 10_798.0) == (0, 300)


def test_what_stays_for_an_hour_is_told_apart_from_what_comes_after() -> None:
    a, b, c = prompt("ABC").prefixes
    mixed = Caching((a, Prefix(b.digest, 1, ttl_s=HOUR), c), 100, 20)
    cache = PromptCache()
    asked(cache, "A")
    told = cache.find("me", "m", mixed, sizes(mixed), NOW)
    assert (told.read, told.written, told.written_1h) == (100, 200, 100)


def test_too_short_a_prefix_is_not_kept() -> None:
    cache = PromptCache()
    assert found(cache, prompt("aBcD", least=300)) == (0, 400)
    assert asked(cache, "aBxx") == (0, 200)
    assert found(PromptCache(), prompt("abC", least=301)) == (0, 0)


def test_twenty_places_are_looked_at_that_of_the_mark_included() -> None:
    word = "abcdefghijklmnopqrstuvwxyz"
    cache = PromptCache()
    asked(cache, "abcdE")
    assert asked(cache, word[:23] + "X") == (500, 1_900)
    cache = PromptCache()
    asked(cache, "abcdE")
    assert asked(cache, word[:24] + "Y") == (0, 2_500)


def test_a_second_mark_starts_a_second_look_back() -> None:
    word = "abcdefghijklmnopqrstuvwxyz"
    cache = PromptCache()
    asked(cache, "abcdE")
    assert asked(cache, "abcdefG" + word[7:24] + "Y") == (500, 2_000)


def test_blocks_that_share_a_place_are_looked_at_together() -> None:
    first = Prefix(b"a", 1, ttl_s=FIVE_MINUTES)
    run = [Prefix(bytes([at]), 2) for at in range(30)]
    cache = PromptCache()
    found(cache, Caching((first,), 100, 20))
    assert found(cache, Caching((Prefix(b"a", 1), *run, Prefix(b"z", 3, ttl_s=1)), 100, 20)) == (100, 3_100)


@pytest.mark.parametrize("other", [{"owner": "you"}, {"model": "n"}, {"owner": "mem", "model": ""}])
def test_keys_and_models_share_nothing(other: dict[str, str]) -> None:
    cache = PromptCache()
    asked(cache, "abC")
    assert found(cache, prompt("abC"), **other) == (0, 300)  # type: ignore[arg-type]


def test_looking_changes_nothing() -> None:
    cache = PromptCache()
    caching = prompt("abC")
    first = cache.find("me", "m", caching, sizes(caching), NOW)
    assert cache.find("me", "m", caching, sizes(caching), NOW) == first
    assert first == Found(NOW, 0, 300, 0, first.lives)


def test_what_was_kept_can_be_taken_back() -> None:
    cache = PromptCache()
    asked(cache, "aB")
    caching = prompt("aBcD")
    undo = cache.keep(cache.find("me", "m", caching, sizes(caching), NOW + 200))
    undo()
    assert asked(cache, "aBcD", 299.0) == (200, 200)
    cache.clear()
    asked(cache, "aB")
    cache.keep(cache.find("me", "m", caching, sizes(caching), NOW + 200))()
    assert asked(cache, "aBcD", 301.0) == (0, 400)


def test_of_too_many_the_one_that_was_used_longest_ago_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_KEPT", 2)
    cache = PromptCache()
    asked(cache, "A")
    asked(cache, "B")
    asked(cache, "A")
    asked(cache, "C")
    assert [asked(cache, word)[0] for word in ("A", "C")] == [100, 100]
    assert asked(cache, "B")[0] == 0


def test_nothing_is_there_after_clearing() -> None:
    cache = PromptCache()
    asked(cache, "A")
    cache.clear()
    assert asked(cache, "A") == (0, 100)
