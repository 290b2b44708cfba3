"""Vectors: deterministic, of unit length, alike where texts share words."""

from __future__ import annotations

from array import array
from itertools import pairwise
from math import fsum, hypot

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.embeddings import dimensions_of, vector


def numbers(text: str, dimensions: int = 1536, full: int = 1536) -> array[float]:
    return array("f", vector(text, dimensions, full))


def cosine(one: str, other: str) -> float:
    return fsum(a * b for a, b in zip(numbers(one), numbers(other), strict=True))


@given(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from([1, 2, 3, 256, 1536]))
def test_any_text_has_a_vector_of_unit_length(text: str, dimensions: int) -> None:
    found = numbers(text, dimensions)
    assert len(found) == dimensions
    assert hypot(*found) == pytest.approx(1, abs=1e-5)


def test_a_lone_surrogate_is_text_too() -> None:
    assert hypot(*numbers("a \ud800")) == pytest.approx(1, abs=1e-5)


def test_a_text_has_the_same_vector_every_time() -> None:
    assert numbers("Hello")[:4].tolist() == pytest.approx(PINNED, abs=1e-6)


# A vector stays what it is from one release to the next: people keep them in databases.
PINNED = [-0.0386523, -0.0256542, -0.0249701, -0.0297589]


def test_case_and_order_do_not_count() -> None:
    assert cosine("The cat sat", "sat the CAT") == pytest.approx(1, abs=1e-5)


def test_punctuation_counts_little() -> None:
    assert cosine("hello world", "hello, world!") > 0.95


WORDS = ["amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron", "island", "jasper"]
OTHERS = ["kelp", "lotus", "maple", "nectar", "olive", "pebble", "quartz", "river", "spruce", "tulip"]


def test_similarity_grows_with_each_word_that_is_shared() -> None:
    first = " ".join(WORDS)
    family = [" ".join(WORDS[:shared] + OTHERS[shared:]) for shared in range(11)]
    likeness = [cosine(first, other) for other in family]
    assert all(less < more for less, more in pairwise(likeness))
    assert abs(likeness[0]) < 0.1
    assert likeness[-1] == pytest.approx(1, abs=1e-5)


@given(st.permutations(WORDS + OTHERS), st.integers(0, 7))
def test_similarity_is_near_the_share_of_common_words(words: list[str], shared: int) -> None:
    one, other = " ".join(words[:8]), " ".join(words[:shared] + words[8 : 16 - shared])
    assert cosine(one, other) == pytest.approx(shared / 8, abs=0.15)


def test_a_word_said_often_does_not_drown_the_others() -> None:
    assert cosine("spam " * 50 + "apple", "apple") > 0.15


def test_fewer_dimensions_are_the_first_ones_made_unit_length_again() -> None:
    whole, short = numbers("Hello world"), numbers("Hello world", 256)
    length = hypot(*whole[:256])
    assert short.tolist() == pytest.approx([number / length for number in whole[:256]], abs=1e-6)


@pytest.mark.parametrize(
    ("model", "dimensions"),
    [
        ("text-embedding-3-small", 1536),
        ("text-embedding-3-large", 3072),
        ("text-embedding-ada-002", 1536),
        ("any-other", 1536),
    ],
)
def test_a_model_has_its_own_number_of_dimensions(model: str, dimensions: int) -> None:
    assert dimensions_of(model) == dimensions
