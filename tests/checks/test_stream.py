"""A streamed answer taken apart. What is wrong with one is in test_checklist.py."""

from __future__ import annotations

import pytest
from upstreams import TEXT, chunks, sse

from understudy.checks.stream import Frame, frames, taken_apart

GOOD = chunks({"model": "small-1"})


@pytest.mark.parametrize(
    ("body", "data", "odd"),
    [
        (b"", [], []),
        (b"data: a\n\ndata: b\n\n", [b"a", b"b"], []),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"], []),
        (b"data: a\r\rdata: b\r\r", [b"a", b"b"], []),
        (b"data:a\n\n", [b"a"], []),
        (b"data:  a\n\n", [b" a"], []),
        (b"data: a\ndata: b\n\n", [b"a\nb"], []),
        (b"\n\n\ndata: a\n\n\n\n", [b"a"], []),
        (b": a comment\n\ndata: a\n\n", [b"a"], []),
        (b"event: chunk\nid: 7\nretry: 10\ndata: a\n\n", [b"a"], []),
        (b"data: a: b\n\n", [b"a: b"], []),
        (b"data: a", [b"a"], []),
        (b"data: a\n\ngarbage\n\n", [b"a"], [b"garbage"]),
        (b'{"error": 1}\n', [], [b'{"error": 1}']),
    ],
)
def test_frames_are_what_the_standard_says(body: bytes, data: list[bytes], odd: list[bytes]) -> None:
    assert frames(body) == ([Frame(n, each) for n, each in enumerate(data, 1)], odd)


def test_a_good_stream_comes_apart_whole() -> None:
    taken = taken_apart(sse(GOOD))
    assert list(taken.chunks) == GOOD
    assert taken.broken == ()
    assert taken.done
    assert taken.text == TEXT
    assert taken.finishes == ["stop"]
    assert taken.usage == {"prompt_tokens": 12, "completion_tokens": 6, "total_tokens": 18}


@pytest.mark.parametrize("kept", range(0, 1_700, 37))
def test_a_stream_cut_anywhere_keeps_the_frames_before(kept: int) -> None:
    taken = taken_apart(sse(GOOD)[:kept])
    assert list(taken.chunks) == GOOD[: len(taken.chunks)]
    assert not taken.done
    assert len(taken.broken) <= 1
