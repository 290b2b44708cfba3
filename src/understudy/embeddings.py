"""Embedding vectors without a model: deterministic, of unit length, alike where texts share words.

Each word has a vector of its own, drawn from a hash; a text's is the sum over its words, weighted so
that a word said often does not drown the others. Two texts' cosine thus grows with the words they share.
"""

from __future__ import annotations

import math
import re
from array import array
from collections import Counter
from hashlib import shake_128
from struct import pack

from understudy.caching import cached

DIMENSIONS = {"text-embedding-3-large": 3072}
DEFAULT_DIMENSIONS = 1536
_ODD = bytes(byte | 1 for byte in range(256))
_WORD = re.compile(r"\w+|[^\w\s]")


def dimensions_of(model: str) -> int:
    """How many numbers a model's vectors have."""
    return DIMENSIONS.get(model, DEFAULT_DIMENSIONS)


@cached(entries=1_024, longest=8_192)
def vector(text: str, dimensions: int, full: int) -> bytes:
    """The text's vector of unit length, as packed little-endian 32-bit floats.

    `full` is the model's own number of dimensions; fewer are its first ones, brought to unit length
    again, as the real models shorten.
    """
    words = Counter(word.lower() for word in _WORD.findall(text)) or Counter([""])
    sums = [0.0] * dimensions
    for word, times in sorted(words.items()):
        weight = (1 + math.log(times)) * (1.0 if word[:1].isalnum() else 0.2)
        sums = [total + weight * step for total, step in zip(sums, _steps(word, full), strict=False)]
    length = math.sqrt(math.fsum(x * x for x in sums)) or 1.0
    return pack(f"<{dimensions}f", *[x / length for x in sums])


@cached(entries=4_096, longest=64)
def _steps(word: str, dimensions: int) -> array[int]:
    """A word's own direction: a signed byte for each dimension, odd so that none is 0."""
    digest = shake_128(word.encode(errors="replace")).digest(dimensions)
    return array("b", digest.translate(_ODD))
