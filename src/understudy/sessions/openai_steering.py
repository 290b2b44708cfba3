"""OpenAI's Responses over a WebSocket: steering, what a user says while a response is under way.

    response.steer -> response.steer.accepted, and once the response has ended
                        -> response.created: a successor, with what was said
                        -> response.steer.pending: a result of the client's is needed first
                        -> response.steer.failed: there can be no successor

A response that is steered runs to its end, which the real service may cut short (`steered`).
Source: developers.openai.com/api/docs/guides/steering, read in November 2026; the types of `openai` 3.54.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from hashlib import md5
from typing import Any

from msgspec import Struct

from understudy.model import Send
from understudy.providers.base import encode

MOST_STEERS = 32
"""How much may be said before it is made use of. How much it really is, nobody has published."""
FIELDS = frozenset(("type", "previous_response_id", "input"))
OLD = re.compile(r"(gpt-[345]|o\d|chatgpt-|codex-|computer-use-)")
"""How the names of models begin that cannot be steered."""
UNSTEERABLE = ("conversation", "context_management")
"""Fields of a request that rule steering out."""
RESULTS = {
    "function_call": "function_call_output",
    "custom_tool_call": "custom_tool_call_output",
    "computer_call": "computer_call_output",
    "shell_call": "shell_call_output",
    "apply_patch_call": "apply_patch_call_output",
}
"""The type of the result that a call waits for."""


class Steer(Struct, frozen=True, gc=False):
    """What was said to the response `target`: as it was sent, and as items of an input."""

    id: str
    target: str
    input: str | list[Any]

    @property
    def items(self) -> list[Any]:
        if isinstance(self.input, str):
            return [{"type": "message", "role": "user", "content": self.input}]
        return self.input


class UnderWay(Struct):
    """A response that is being told: the event that asked for it, its lane, and what was said meanwhile.

    `number` is that of the next event in its stream.
    """

    id: str
    asked: dict[str, Any]
    lane: str
    number: int = 0
    steers: list[Steer] = []

    def steer(self, input: str | list[Any]) -> Steer:
        """Keep what is said until the response has ended."""
        text = f"{self.id} {len(self.steers)}"
        steer = Steer(f"steer_{md5(text.encode(), usedforsecurity=False).hexdigest()}", self.id, input)
        self.steers.append(steer)
        return steer


def is_input(event: dict[str, Any]) -> bool:
    """Whether an event has what it must, and nothing else: a text, or messages of a user."""
    given = event.get("input")
    if not FIELDS.issuperset(event) or type(event.get("previous_response_id")) is not str:
        return False
    return isinstance(given, str) or (type(given) is list and bool(given) and all(map(is_message, given)))


def is_message(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and item.get("role") == "user"
        and item.get("type", "message") == "message"
        and isinstance(item.get("content"), str | list)
    )


def is_steerable(asked: dict[str, Any]) -> bool:
    """Whether the response that was asked for so can be steered."""
    if asked.get("generate") is False or any(asked.get(field) for field in UNSTEERABLE):
        return False
    return OLD.match(str(asked.get("model"))) is None


def required(output: Sequence[Any]) -> list[dict[str, Any]]:
    """What has to be sent before a conversation can go on behind this output, without what is in it."""
    stubs = []
    for item in output:
        if item.get("type") in RESULTS:
            named = {"name": item.get("name")} if item["type"] == "function_call" else {}
            stubs.append({"type": RESULTS[item["type"]], "call_id": item.get("call_id"), **named})
    return stubs


def accepted(steer: Steer, under_way: UnderWay) -> Send:
    told = {"steer": {"id": steer.id, "previous_response_id": steer.target}}
    return _told("response.steer.accepted", told, under_way.number, under_way.lane)


def pending(steer: Steer, stubs: list[dict[str, Any]], under_way: UnderWay) -> Send:
    told = {
        "steer": {"id": steer.id, "previous_response_id": steer.target},
        "reason": "waiting_for_required_input",
        "required_input": stubs,
    }
    return _told("response.steer.pending", told, under_way.number, under_way.lane)


WHY = {
    "invalid_input": "Steering takes a text, or a list of messages of the user that is not empty.",
    "steering_not_supported": "The model or the request's execution mode does not support steering.",
    "too_many_pending_steers": "Too much steering input is pending for the response.",
    "response_not_found": "The response is not available on this connection.",
    "response_already_completed": "The response has completed, and takes no more steering input.",
    "response_not_active": "The response takes no more steering input.",
    "successor_creation_failed": "The response that should have followed could not be created.",
}
"""Why steering fails, by its code. The words are ours: nobody has published the real ones."""


def failed(code: str, target: Any, input: Any, id: str = "", number: int = 0, lane: str = "") -> Send:
    """The input given back, and why."""
    steer = {"input": input, "previous_response_id": target}
    told = {
        "error": {"type": "invalid_request_error", "code": code, "message": WHY[code]},
        "steer": {"id": id, **steer} if id else steer,
    }
    return _told("response.steer.failed", told, number, lane)


def items(steers: Iterable[Steer]) -> list[Any]:
    """All that was said, in order, as an input."""
    return [item for steer in steers for item in steer.items]


def all_failed(code: str, steers: Iterable[Steer], under_way: UnderWay) -> list[Send]:
    return [
        failed(code, steer.target, steer.input, steer.id, under_way.number, under_way.lane)
        for steer in steers
    ]


def _told(kind: str, told: dict[str, Any], number: int, lane: str) -> Send:
    event = {"type": kind, **told, "sequence_number": number}
    return Send(encode({**event, "stream_id": lane} if lane else event))
