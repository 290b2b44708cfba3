"""Counting tokens: exactly for OpenAI's vocabularies, by an estimate for models whose tokenizer is secret.

    text -pattern-> pieces -byte-pair merge-> parts (bytes) -vocabulary-> ids

A vocabulary is two files that are mapped into memory, so that loading costs neither time nor memory:
`NAME.marisa` is a trie of its tokens, `NAME.ranks` holds the rank (which is the id) of the trie's n-th
token, as little-endian 32-bit numbers. `vocabularies/README.md` tells where they come from.

Special tokens are never recognised in text: `<|endoftext|>` in a prompt is seven ordinary tokens, as it
is in OpenAI's API. One difference from tiktoken is known: characters that Unicode has added of late, since
`regex` may have newer tables.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from itertools import pairwise
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Generic, TypeVar

O200K, CL100K, ESTIMATE = "o200k_base", "cl100k_base", "estimate"

# The first prefix that fits decides; whatever none of them fits is O200K, as all newer models are.
_PREFIXES = (
    ("gpt-4o", O200K),
    ("gpt-4.", O200K),
    ("gpt-4", CL100K),
    ("gpt-3.5", CL100K),
    ("gpt-35", CL100K),
    ("text-embedding-", CL100K),
    ("davinci-002", CL100K),
    ("babbage-002", CL100K),
)

# The split patterns that OpenAI publishes with the vocabularies (tiktoken, `openai_public.py`). Classes of
# characters stand in brackets, so that _ASCII can replace them, and more of the quantifiers are possessive,
# which changes the speed alone. Not that of a group: Python before 3.11.5 (gh-106052) takes the apostrophe of
# `'x':` for a suffix then.
_SUFFIX = r"(?i:'(?:[stmd]|re|ve|ll))?"
_PATTERNS = {
    O200K: r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]++" + _SUFFIX + "|"
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]++[\p{Ll}\p{Lm}\p{Lo}\p{M}]*+" + _SUFFIX + "|"
    r"[\p{N}]{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n/]*+|\s*[\r\n]+|\s+(?!\S)|\s+",
    CL100K: r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+[\p{L}]++|[\p{N}]{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|"
    r"\s++\Z|\s*[\r\n]|\s+(?!\S)|\s",
}
# What the classes come to in ASCII text, which is most text: the standard library's `re` then does the same
# three times faster than `regex`, which alone knows the classes.
_ASCII = (
    (r"[^\r\n\p{L}\p{N}]?[", r"[^\r\n\p{L}\p{N}]?+["),
    (r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}", "A-Z"),
    (r"\p{Ll}\p{Lm}\p{Lo}\p{M}", "a-z"),
    (r"\p{L}", "A-Za-z"),
    (r"\p{N}", "0-9"),
)
# About what Claude makes of a text: a short word or up to six letters of a long one, three digits, two
# letters of another alphabet, two signs, one run of white space.
_ESTIMATED = re.compile(r" ?[A-Za-z]{1,6}|[0-9]{1,3}| ?[^\W\d_a-zA-Z]{1,2}| ?[^\w\s]{1,2}|\s+(?!\S)|\s|.")

_SPECIAL = {
    O200K: {199_999: b"<|endoftext|>", 200_018: b"<|endofprompt|>"},
    CL100K: {
        100_257: b"<|endoftext|>",
        100_258: b"<|fim_prefix|>",
        100_259: b"<|fim_middle|>",
        100_260: b"<|fim_suffix|>",
        100_276: b"<|endofprompt|>",
    },
}

_HOME = Path(__file__).parent / "vocabularies"
_NO_RANK = 1 << 32  # of bytes that are no token
_WINDOW = 128  # bytes that are merged at once
_LONG = 1 << 20  # characters from which on a text's pieces are not held in memory all at once

K = TypeVar("K", str, bytes)
V = TypeVar("V")


class Memo(dict[K, V], Generic[K, V]):
    """Remembers `make(key)`: a hit costs what a dict costs.

    It forgets everything when its keys would weigh more than `limit` together, a key's weight being its
    length and OVERHEAD; a key that takes up an eighth of that alone is not remembered at all.
    """

    OVERHEAD = 64

    def __init__(self, make: Callable[[K], V], limit: int) -> None:
        self.make: Callable[[K], V] = make
        self.limit, self.weight = limit, 0

    def __missing__(self, key: K) -> V:
        value = self.make(key)
        weight = len(key) + self.OVERHEAD
        if weight <= self.limit // 8:
            if self.weight + weight > self.limit:
                self.clear()
                self.weight = 0
            self.weight += weight
            self[key] = value
        return value


class Vocabulary:
    """One of OpenAI's vocabularies, and the rules by which it cuts text."""

    def __init__(self, name: str) -> None:
        import marisa_trie  # type: ignore[import-not-found]  # here, since the start should not wait for it

        self.name = name
        self.trie = marisa_trie.BinaryTrie()
        self.trie.mmap(str(_HOME / f"{name}.marisa"))
        with (_HOME / f"{name}.ranks").open("rb") as file:
            self.ranks = memoryview(mmap(file.fileno(), 0, access=ACCESS_READ)).cast("I")
        pattern = _PATTERNS[name]
        for published, plain in _ASCII:
            pattern = pattern.replace(published, plain)
        self.ascii: re.Pattern[str] = re.compile(pattern, re.ASCII)
        self.parts = Memo[str, Sequence[bytes]](self._parts, 1 << 21)
        self.windows = Memo[bytes, list[bytes]](self._merge, 1 << 19)

    def pieces(self, text: str) -> Iterable[str]:
        """The pieces of the text which are merged each by itself."""
        pattern = self.ascii if text.isascii() else _unicode_pattern(self.name)
        if len(text) < _LONG:
            return pattern.findall(text)
        return (match[0] for match in pattern.finditer(text))

    def slices(self, piece: str) -> Sequence[str]:
        """The texts of a piece's tokens; those which share a character, or a lone surrogate, in one."""
        parts = self.parts[piece]
        if len(parts) == 1:
            return (piece,)
        whole: list[bytes] = []
        for part in parts:
            if part[0] & 0xC0 == 0x80:  # it goes on with the character that the one before began
                whole[-1] += part
            else:
                whole.append(part)
        texts = [part.decode() for part in whole]
        return texts if "".join(texts) == piece else (piece,)

    def rank(self, token: bytes) -> int:
        index = self.trie.get(token)
        return _NO_RANK if index is None else self.ranks[index]

    def token(self, id: int) -> bytes:
        """The bytes of the token `id`. Raises ValueError if there is none."""
        if 0 <= id < len(self.ranks):
            token: bytes = self.trie.restore_key(_indexes(self.name)[id])
            return token
        special = _SPECIAL[self.name].get(id)
        if special is None:
            raise ValueError(f"{self.name} has no token {id}; its ids go from 0 to {len(self.ranks) - 1}")
        return special

    def _parts(self, piece: str) -> Sequence[bytes]:
        """The bytes of a piece's tokens. A lone surrogate counts as U+FFFD, as it does in tiktoken."""
        try:
            data = piece.encode()
        except UnicodeEncodeError:
            data = piece.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
        if data in self.trie:
            return (data,)
        return self._merge(data) if len(data) <= _WINDOW else self._merge_long(data)

    def _merge(self, data: bytes) -> list[bytes]:
        """Byte-pair encoding by the book: join the pair of lowest rank, leftmost first, while there is one.

        It looks through all pairs each time (in C), so it is for short data.
        """
        rank = self.rank
        parts = [data[i : i + 1] for i in range(len(data))]
        ranks = [rank(left + right) for left, right in pairwise(parts)]
        while ranks and (lowest := min(ranks)) < _NO_RANK:
            i = ranks.index(lowest)
            parts[i : i + 2] = [parts[i] + parts[i + 1]]
            del ranks[i]
            if i:
                ranks[i - 1] = rank(parts[i - 1] + parts[i])
            if i < len(ranks):
                ranks[i] = rank(parts[i] + parts[i + 1])
        return parts

    def _merge_long(self, data: bytes) -> list[bytes]:
        """The same tokens in linear time, from windows of which the last quarter of the tokens is dropped.

        That is exact, not an approximation: a row of tokens is the encoding of its bytes exactly if each two
        neighbours are the encoding of theirs. So only the seams must be looked at; where one does not hold,
        the token before it is taken back, and windows are wider until that place is left behind.
        """
        parts: list[bytes] = []
        start, width, failed = 0, _WINDOW, -1
        while start < len(data):
            window = self.windows[data[start : start + width]]
            if parts and self.windows[parts[-1] + window[0]] != [parts[-1], window[0]]:
                failed = max(failed, start)
                start -= len(parts.pop())
                width *= 2
                continue
            if start + width < len(data):
                window = window[: max(1, len(window) * 3 // 4)]
            parts += window
            start += sum(map(len, window))
            if start > failed:
                width = _WINDOW
        return parts


@cache
def _vocabulary(encoding: str) -> Vocabulary:
    """The vocabulary of an encoding; for an estimate, where ids are asked for, O200K."""
    return Vocabulary(O200K if encoding == ESTIMATE else encoding)


@cache
def _unicode_pattern(name: str) -> re.Pattern[str]:
    import regex  # type: ignore[import-untyped]  # here, since text in ASCII does without it

    pattern: re.Pattern[str] = regex.compile(_PATTERNS[name])
    return pattern


@cache
def _indexes(name: str) -> array[int]:
    """The trie's index of each id: the inverse of the ranks."""
    ranks = _vocabulary(name).ranks
    indexes = array("I", bytes(ranks.nbytes))
    for index, id in enumerate(ranks):
        indexes[id] = index
    return indexes


def _encoding_of(model: str) -> str:
    name = model.lower()
    if "claude" in name or "gemini" in name:
        return ESTIMATE
    name = name.removeprefix("openai/").removeprefix("ft:")
    return next((encoding for prefix, encoding in _PREFIXES if name.startswith(prefix)), O200K)


def _count(encoding: str, text: str) -> int:
    if encoding == ESTIMATE:
        return len(_ESTIMATED.findall(text))
    vocabulary = _vocabulary(encoding)
    return sum(map(len, map(vocabulary.parts.__getitem__, vocabulary.pieces(text))))


def _split(encoding: str, text: str) -> tuple[str, ...]:
    if encoding == ESTIMATE:
        return tuple(_ESTIMATED.findall(text))
    vocabulary = _vocabulary(encoding)
    return tuple(part for piece in vocabulary.pieces(text) for part in vocabulary.slices(piece))


_ENCODINGS = Memo[str, str](_encoding_of, 1 << 17)
_COUNTS = {name: Memo[str, int](partial(_count, name), 1 << 22) for name in (O200K, CL100K, ESTIMATE)}
_SPLITS = {name: Memo[str, tuple[str, ...]](partial(_split, name), 1 << 20) for name in _COUNTS}


def encoding_of(model: str) -> str:
    """How the model's tokens are counted: `o200k_base`, `cl100k_base` or `estimate`.

    A name that says Claude or Gemini is estimated, since their tokenizers are not public.
    """
    return _ENCODINGS[model]


def count(text: str, encoding: str) -> int:
    """How many tokens the text has."""
    return _COUNTS[encoding][text]


def split(text: str, encoding: str) -> tuple[str, ...]:
    """The texts of the tokens; joined, they are the text. Tokens that share a character come as one."""
    return _SPLITS[encoding][text]


def encode(text: str, encoding: str) -> tuple[int, ...]:
    """The ids of the text's tokens; for `estimate`, which has no ids, those of `o200k_base`."""
    vocabulary = _vocabulary(encoding)
    return tuple(
        vocabulary.rank(part) for piece in vocabulary.pieces(text) for part in vocabulary.parts[piece]
    )


def decode(ids: Sequence[int], encoding: str) -> str:
    """The text of the tokens `ids`, with U+FFFD for bytes that are no text; `estimate` as in `encode`.

    Raises ValueError naming the first id that the vocabulary does not have.
    """
    return b"".join(map(_vocabulary(encoding).token, ids)).decode(errors="replace")
