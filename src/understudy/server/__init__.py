"""Sockets: reads HTTP requests, executes Steps. The only part of the program that sleeps or awaits.

    bytes -> Connection -> HttpRequest -> handle -> Step ... -> Connection -> bytes
               |    ^
               v    |  wakes it when a Pause is over
               Clock

    clock.py        when what waits is woken, and what time it is in a `date` header
    connection.py   one connection: HTTP/1.1 in, Steps out
    websocket.py    what takes its place: messages in, Steps out
    frames.py       bytes to messages, and back
    round.py        a round of the event loop: what is answered in it, and what is sent when it ends
    outage.py       outages on purpose: the port closed, silence, resets
    listener.py     the listening sockets, the limits in time, shutdown; `run`
    thread.py       all of this in a thread of its own, inside another program

It knows nothing of rules, providers or the journal: it is given `handle`, which answers a request,
`refuse`, which answers what is no request, and `open`, which answers who asks for a WebSocket.
"""

from understudy.server.connection import Handle, Limits, Refuse
from understudy.server.listener import Server, new_loop, run
from understudy.server.outage import How, Outage
from understudy.server.thread import ServerThread

__all__ = ["Handle", "How", "Limits", "Outage", "Refuse", "Server", "ServerThread", "new_loop", "run"]
