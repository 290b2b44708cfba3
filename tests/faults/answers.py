"""Answers for faults to strike, in literal bytes: whole, streamed at once, and streamed at a pace."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from understudy.errors import Failure, Place
from understudy.faults import Chance, Refuse, read_fault
from understudy.model import Head, Pause, Send, Step, Steps

PLACE = Place("faults", "$[0].fault")
JSON_HEAD = Head(200, b"content-type: application/json\r\n", 20)
BODY = b'{"text": "It rains"}'
SSE_HEAD = Head(200, b"content-type: text/event-stream\r\n")
FIRST, SECOND, DONE = b'data: {"t":"It"}\n\n', b'data: {"t":"rains"}\n\n', b"data: [DONE]\n\n"

WHOLE: list[Step] = [JSON_HEAD, Send(BODY)]
STREAM: list[Step] = [SSE_HEAD, Send(FIRST + SECOND + DONE)]
PACED: list[Step] = [Pause(0.3), SSE_HEAD, Send(FIRST), Pause(0.1), Send(SECOND), Pause(0.1), Send(DONE)]

each_answer = pytest.mark.parametrize("answer", [WHOLE, STREAM, PACED], ids=["whole", "stream", "paced"])


def _spelled(failure: Failure) -> bytes:
    """What shows what a provider was asked to spell."""
    return f"{failure.status} {failure.kind} {failure.message}".encode()


def _instead(failure: Failure) -> Steps:
    told = _spelled(failure)
    return iter((Head(failure.status or 500, b"", len(told)), Send(told)))


def _inside(failure: Failure) -> bytes:
    return b"data: %b\n\n" % _spelled(failure)


refuse = Refuse(_instead, _inside)


class Drawn(NamedTuple):
    """A chance that draws the same number always."""

    number: int

    def random(self) -> float:
        return 0.0

    def randrange(self, stop: int, /) -> int:
        return self.number


FIRST_DRAWN = Drawn(0)


def struck(fault: object, answer: list[Step], chance: Chance = FIRST_DRAWN) -> list[Step]:
    """The steps of the answer with this fault, given as JSON."""
    return list(strike(fault, answer, chance))


def strike(fault: object, answer: list[Step], chance: Chance = FIRST_DRAWN) -> Steps:
    return read_fault(fault, PLACE).apply(iter(answer), chance, refuse)
