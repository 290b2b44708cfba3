"""What came of a request that was made for a client."""

from __future__ import annotations

from understudy.model import Abort, Done, Head, Pause, Send
from understudy.work import done


def test_an_answer_is_put_together_and_its_pauses_are_added_up() -> None:
    steps = (Pause(0.5), Head(200, b""), Send(b"ab"), Pause(1.5), Send(b"cd"))
    assert done(iter(steps)) == Done(200, b"abcd", 2.0)


def test_an_answer_that_breaks_off_has_no_status() -> None:
    assert done(iter((Head(200, b""), Send(b"ab"), Pause(1.0), Abort("reset")))) == Done(0, b"ab", 1.0)
    assert done(iter((Pause(3.0), Abort("close")))) == Done(0, b"", 3.0)
