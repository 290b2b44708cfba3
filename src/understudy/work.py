"""Requests that are made for a client, who asks later what came of them."""

from __future__ import annotations

from understudy.model import Done, Head, Pause, Send, Steps


def done(steps: Steps) -> Done:
    """What came of a request: its answer, and how long it took; nobody waits. An Abort leaves no status."""
    status, sent, seconds = 0, [], 0.0
    for step in steps:
        match step:
            case Head():
                status = step.status
            case Send():
                sent.append(step.data)
            case Pause():
                seconds += step.seconds
            case _:
                status = 0
    return Done(status, b"".join(sent), seconds)
