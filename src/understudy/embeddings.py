"""Embedding vectors without a model: deterministic, of unit length, alike where texts share words.

Each word has a vector of its own, drawn from a hash; a text's is the sum over its words, weighted so
that a word said often does not drown the others. Two texts' cosine thus grows with the words they share.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from hashlib import shake_128
from struct import pack, unpack

from understudy.caching import cached

DIMENSIONS = {
    "text-embedding-3-large": 3072,
    "gemini-embedding-001": 3072,
    "gemini-embedding-2": 3072,
    "text-embedding-004": 768,
}
DEFAULT_DIMENSIONS = 1536
_ZERO = 128
_FROM_ZERO = bytes((byte | 1) ^ _ZERO for byte in range(256))
"""A random byte -> an odd number from -127 to 127, so that none is 0, told by how far it is above -_ZERO."""
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
    alike: dict[float, list[str]] = defaultdict(list)
    for word, times in words.items():
        alike[(1 + math.log(times)) * (1.0 if word[:1].isalnum() else 0.2)].append(word)
    sums = [0.0] * dimensions
    for weight, group in sorted(alike.items()):
        total = sum(_steps(word, full) for word in group).to_bytes(4 * full, "little")
        zero = _ZERO * len(group)
        columns = unpack(f"<{full}I", total)
        sums = [at + weight * (step - zero) for at, step in zip(sums, columns, strict=False)]
    length = math.sqrt(math.fsum(x * x for x in sums)) or 1.0
    return pack(f"<{dimensions}f", *[x / length for x in sums])


def _steps(word: str, dimensions: int) -> int:
    """A word's own direction: in each 32 bits of one number, how far it goes above -_ZERO.

    Thus a sum of words, in all dimensions, is a sum of numbers: ten times faster than lists.
    """
    wide = bytearray(4 * dimensions)
    wide[::4] = shake_128(word.encode(errors="replace")).digest(dimensions).translate(_FROM_ZERO)
    return int.from_bytes(wide, "little")
