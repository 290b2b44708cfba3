"""The WebSocket APIs that are imitated: what is said over one connection, message for message.

A session is pure, as a provider is: `receive(message)` gives Steps, where a Send is one text message. It asks
for what it needs as any client would, with an HttpRequest, so that rules, limits, faults, pace and journal
hold for it as they do for HTTP. To add one: a module, and its line in SESSIONS.
"""

from __future__ import annotations

from understudy.sessions import openai_responses
from understudy.sessions.base import Make

SESSIONS: dict[str, Make] = {"/v1/responses": openai_responses.Responses}
"""What makes a session, by the path on which a client asks for one."""
