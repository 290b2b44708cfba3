"""Understudy inside another program: a server in a thread, and what a test does with it.

    test's thread --call--> server's thread: rules, journal, faults, ...      server/thread.py
                  --HTTP--> port, or none: `transport()`, `asgi()`            transport.py, asgi.py

    understudy.py   the server: started, stopped, with settings
    space.py        a space of it: what was asked, what stands around an answer
    rules.py        a rule that a test adds
    lines.py        the test's line: where a mistake is told, and what a rule is called by

Everything that a test changes or reads passes through `call`, between two answers of the server: nothing
is torn. Without a port there is no thread; then `call` is the turnstile for whoever asks.
"""

from understudy.embedded.rules import Added, When
from understudy.embedded.space import Space
from understudy.embedded.understudy import Understudy

__all__ = ["Added", "Space", "Understudy", "When"]
