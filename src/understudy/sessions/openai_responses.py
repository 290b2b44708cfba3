"""OpenAI's Responses over a WebSocket: `GET /v1/responses` with `Upgrade: websocket`.

    response.create -> POST /v1/responses, streamed -> ask -> Step ... -> a message for each event

A message is what the data of a server-sent event is over HTTP. The connection remembers the latest response
of each lane, so that one that is not stored (`store: false`) can be continued on it.

Source: developers.openai.com/api/docs/guides/websocket-mode, read in November 2026; `ResponsesClientEvent`
and `ResponsesServerEvent` of `openai` 3.54. With which code the real service closes is not documented:
here it is 1001, after which the SDK connects again where it is asked to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from typing import Any

from msgspec import Struct

from understudy.errors import Failure
from understudy.model import Close, Head, HttpRequest, Queued, Send, Step, Steps
from understudy.providers import openai_base, openai_refusals_base
from understudy.providers.base import decode, encode, quote
from understudy.sessions import openai_steering as steering
from understudy.sessions.base import Ask, Now, pieces, posting, taken
from understudy.sessions.openai_steering import Steer, UnderWay

MOST_AT_ONCE, MOST_STREAMS, LONGEST_S = 16, 32, 3600.0
"""Responses under way, names of lanes, and seconds that one connection may have."""
GOING_AWAY = 1001
DEFAULT = ""
"""The lane of what names none: a `stream_id` has at least one character."""
STREAM_ID = re.compile(r"[A-Za-z0-9_.-]{1,256}")
KINDS = ("response.create", "response.steer")
ENVELOPE = ("type", "stream_id", "stream", "background", "generate")
"""What belongs to the message, or has no meaning in it, and is not asked over HTTP."""
ENDS = ("response.completed", "response.incomplete")
"""The events with a response that can be continued."""
TOLD = ("response.created", "response.in_progress", *ENDS, "response.failed")
"""The events with the whole response."""

INVALID_STREAM_ID = (
    "The 'stream_id' field must be a non-empty string with at most 256 characters and may only contain "
    "letters, numbers, underscores, hyphens, and periods."
)
TOO_MANY_STREAMS = (
    "This WebSocket connection has reached its maximum number of distinct stream IDs (32). Reuse an existing "
    "stream_id or open a new WebSocket connection."
)
TOO_LONG = (
    "Responses websocket connection limit reached (60 minutes). Create a new websocket connection to "
    "continue."
)


class Remembered(Struct, frozen=True, gc=False):
    """A response that is not stored: its id, all items up to its end, and the stored response before them."""

    id: str
    items: tuple[Any, ...]
    parent: str | None


class Responses:
    """The session of one connection."""

    AT_ONCE = MOST_AT_ONCE

    def __init__(self, opening: HttpRequest, ask: Ask, now: Now) -> None:
        self._post = posting(opening)
        self._ask = ask
        self._now = now
        self._ends = now() + LONGEST_S
        self._streams: set[str] = set()
        self._latest: dict[str, Remembered] = {}
        self._under_way: dict[str, UnderWay] = {}
        self._pending: dict[str, tuple[Steer, ...]] = {}  # said to what waits for a result
        self._over: set[str] = set()

    def receive(self, message: str) -> Queued:
        """What a client's event leads to. One that is no JSON object is refused as over HTTP."""
        if self._now() >= self._ends:
            return Queued(None, self.overdue())
        event = object_of(message)
        if event is None:
            return Queued(DEFAULT, self._answered(message.encode(), DEFAULT))
        lane = event.get("stream_id", DEFAULT)
        if (failure := self._wrong(event, lane)) is not None:
            named = lane if failure.code != "invalid_stream_id" else DEFAULT
            return Queued(None, iter((refused(failure, named),)))
        if event["type"] == "response.steer":
            return Queued(None, self._steered(event))
        return Queued(lane, self._created(event, lane))

    def overdue(self) -> Steps:
        """At the end of the hour, that it is over, and the end."""
        if self._now() < self._ends:
            return iter(())
        told = {
            "type": openai_base.INVALID,
            "code": "websocket_connection_limit_reached",
            "message": TOO_LONG,
        }
        return iter((Send(error(400, told)), Close(GOING_AWAY, "60 minutes")))

    def _wrong(self, event: dict[str, Any], lane: Any) -> Failure | None:
        """Why an event is not even asked for; the name of a lane that is new is noted."""
        kind = event.get("type")
        if kind is None:
            return openai_refusals_base.missing("type")
        if kind not in KINDS:
            return openai_refusals_base.invalid_value("type", str(kind), KINDS)
        if kind == "response.steer" or "stream_id" not in event:
            return None
        if type(lane) is not str or not STREAM_ID.fullmatch(lane):
            return openai_refusals_base.refusal(INVALID_STREAM_ID, "stream_id", "invalid_stream_id")
        if lane not in self._streams and len(self._streams) >= MOST_STREAMS:
            return openai_refusals_base.refusal(
                TOO_MANY_STREAMS, "stream_id", "websocket_stream_limit_reached"
            )
        self._streams.add(lane)
        return None

    def _steered(self, event: dict[str, Any]) -> Steps:
        """What a user says while a response is under way is kept until it has ended, or given back."""
        target, given = event.get("previous_response_id"), event.get("input")
        under_way = self._under_way.get(target) if isinstance(target, str) else None
        if not steering.is_input(event):
            yield steering.failed("invalid_input", target, given)
        elif under_way is None:
            known = target in self._over
            yield steering.failed(
                "response_already_completed" if known else "response_not_found", target, given
            )
        elif not steering.is_steerable(under_way.asked):
            yield steering.failed("steering_not_supported", target, given, lane=under_way.lane)
        elif len(under_way.steers) >= steering.MOST_STEERS:
            yield steering.failed("too_many_pending_steers", target, given, lane=under_way.lane)
        else:
            yield steering.accepted(under_way.steer(event["input"]), under_way)

    def _created(self, event: dict[str, Any], lane: str) -> Steps:
        """The response that an event asks for, once its turn has come, and those that steering adds."""
        named = event.get("previous_response_id")
        used = self._pending.pop(named, ()) if isinstance(named, str) else ()
        if used and isinstance(given := event.get("input"), str | list | None):
            event = {**event, "input": [*steering.items(used), *items_of(given)]}
        while True:
            under_way = UnderWay("", event, lane)
            ended = yield from self._told(under_way)
            self._under_way.pop(under_way.id, None)
            self._over.add(under_way.id)
            if isinstance(ended, int):
                yield from steering.all_failed("successor_creation_failed", used, under_way)
            used = tuple(under_way.steers)
            if not isinstance(ended, dict):
                yield from steering.all_failed("response_not_active", used, under_way)
                return
            if not used:
                return
            if stubs := steering.required(ended["output"]):
                self._pending[under_way.id] = used
                yield from [steering.pending(steer, stubs, under_way) for steer in used]
                return
            event = {**event, "input": steering.items(used), "previous_response_id": under_way.id}

    def _told(self, under_way: UnderWay) -> Generator[Step, None, dict[str, Any] | int | None]:
        """One response, continued from memory where it was not stored; returns how it ended."""
        event, lane = under_way.asked, under_way.lane
        body = {key: value for key, value in event.items() if key not in ENVELOPE}
        body["stream"] = True
        if event.get("generate") is False:
            body["prompt_cache_options"] = {**(event.get("prompt_cache_options") or {}), "prewarm": True}
            body.setdefault("input", [])
        named = body.get("previous_response_id")
        found = next((at for at, each in self._latest.items() if each.id == named), None)
        if found is None:
            ended = yield from self._answered(encode(body), lane, under_way)
        else:
            parent = self._latest[found]
            body = continued(body, parent)
            ended = yield from self._answered(encode(body), lane, under_way, retold(parent))
        if isinstance(ended, int):
            if found == lane:
                self._latest.pop(lane, None)
        elif ended is not None and body.get("store") is False:
            self._latest[lane] = remembered(body, ended)
        return ended

    def _answered(
        self,
        body: bytes,
        lane: str,
        under_way: UnderWay | None = None,
        told: Callable[[bytes], bytes] = lambda data: data,
    ) -> Generator[Step, None, dict[str, Any] | int | None]:
        """The answer to a request, as messages; returns the response that it ends with, or an error's status.

        `told` has the last word about a message with the whole response.
        """
        head = Head(200, b"")
        ended = None
        with taken(self._ask(self._post(body))) as steps:
            for piece in pieces(steps):
                if isinstance(piece, Head):
                    head = piece
                elif isinstance(piece, bytes):
                    if head.status >= 400:
                        yield Send(error(head.status, error_of(piece), headers_of(head), lane))
                    elif piece:
                        yield Send(piece)
                elif isinstance(piece, tuple):
                    name, data = piece
                    if under_way is not None:
                        self._note(under_way, name, data)
                    yield Send(in_lane(told(data) if name in TOLD else data, lane))
                    if name in ENDS:
                        ended = response_of(data)
                else:
                    yield piece
        return head.status if head.status >= 400 else ended

    def _note(self, under_way: UnderWay, name: str, data: bytes) -> None:
        """Note how far a response is, and that it can be steered once its id is told."""
        under_way.number += 1
        if name == "response.created" and (response := response_of(data)) is not None:
            under_way.id = response["id"]
            self._under_way[under_way.id] = under_way


# --- what the client says -----------------------------------------------------------------------------


def object_of(message: str) -> dict[str, Any] | None:
    """The JSON object that a message is; None where it is none."""
    try:
        event = decode(message)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


def items_of(given: str | list[Any] | None) -> list[Any]:
    """An input as items."""
    return [{"role": "user", "content": given}] if isinstance(given, str) else given or []


def continued(body: dict[str, Any], parent: Remembered) -> dict[str, Any]:
    """The same request with all that was said before it; one whose input cannot be read is left as it is."""
    given = body.get("input")
    if not isinstance(given, str | list | None):
        return body
    body = {**body, "input": [*parent.items, *items_of(given)]}
    del body["previous_response_id"]
    return {**body, "previous_response_id": parent.parent} if parent.parent is not None else body


def remembered(body: dict[str, Any], response: dict[str, Any]) -> Remembered:
    """What has to be known of a request and its response, so that it can be continued."""
    items = (*items_of(body["input"]), *response["output"])
    return Remembered(response["id"], items, body.get("previous_response_id"))


# --- what is told -------------------------------------------------------------------------------------


def retold(parent: Remembered) -> Callable[[bytes], bytes]:
    """What has a message name the parent that the client named."""
    asked, named = b'"previous_response_id":%b', quote(parent.id)
    return lambda data: data.replace(asked % encode(parent.parent), asked % named, 1)


def response_of(data: bytes) -> dict[str, Any] | None:
    """The response in an event; None where a fault has garbled it."""
    event = object_of(data.decode(errors="replace"))
    response = event.get("response") if event is not None else None
    if isinstance(response, dict) and isinstance(response.get("output"), list) and "id" in response:
        return response
    return None


def in_lane(data: bytes, lane: str) -> bytes:
    """A message with the name of its lane; the default one has none."""
    if not lane or not data.endswith(b"}"):
        return data
    return b'%b,"stream_id":%b}' % (data[:-1], quote(lane))


def error(
    status: int, told: Mapping[str, Any], headers: Mapping[str, str] | None = None, lane: str = DEFAULT
) -> bytes:
    """The event of an error, with what would be the answer's headers over HTTP."""
    event: dict[str, Any] = {"type": "error", "status": status}
    if lane:
        event["stream_id"] = lane
    event["error"] = {**told, "headers": headers} if headers else told
    return encode(event)


def error_of(body: bytes) -> dict[str, Any]:
    """The error in a body; one of another form, as a gateway's, is the message itself."""
    found = object_of(body.decode(errors="replace"))
    told = found.get("error") if found is not None else None
    if isinstance(told, dict):
        return told
    return {"type": "server_error", "code": None, "message": body.decode(errors="replace"), "param": None}


def headers_of(head: Head) -> dict[str, str]:
    """The headers of an answer, but those that tell of HTTP alone."""
    lines = [line.partition(": ") for line in head.headers.decode("latin-1").splitlines()]
    return {name: value for name, _, value in lines if not name.startswith(("access-control-", "content-"))}


def refused(failure: Failure, lane: str) -> Send:
    """The event of an error that nobody had to be asked about."""
    reply = openai_base.error(failure, "")
    return Send(error(reply.status, error_of(reply.body), lane=lane))
