"""A small OpenAI-compatible server that answers everything right, and can be broken at any point.

It is written from the API reference and `openai` 3.54's types alone, so that the checks are tested against
what a server should send, not against Understudy.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

PATIENCE_S = 20.0


@dataclass(frozen=True)
class Asked:
    """A request as it came; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def is_chat(self) -> bool:
        return self.path == "/v1/chat/completions" and self.method == "POST"


@dataclass(frozen=True)
class Sent:
    """Bytes to send, and what then: `close`, `hang` (say nothing more) or `reset`."""

    data: bytes
    then: str = "close"


Answering = Callable[[Asked], Sent]


@contextmanager
def upstream(
    answering: Answering, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> Iterator[int]:
    """The port of a server that answers each connection once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    over = threading.Event()
    with socket.create_server((host, 0), family=family) as listener:
        workers: list[threading.Thread] = []

        def accept() -> None:
            while not over.is_set():
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                workers.append(threading.Thread(target=serve, args=(peer,)))
                workers[-1].start()

        def serve(peer: socket.socket) -> None:
            with peer, suppress(OSError):
                peer.settimeout(PATIENCE_S)
                with tls.wrap_socket(peer, server_side=True) if tls else peer as line:
                    if asked := read(line):
                        send(line, answering(asked), over)

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join(PATIENCE_S)
            for worker in workers:
                worker.join(PATIENCE_S)


def read(line: socket.socket) -> Asked | None:
    """The request; None where the peer only came to look."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = line.recv(65_536)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += line.recv(65_536)
    method, target, _ = first.split(" ")
    return Asked(method, target, headers, body)


def send(line: socket.socket, sent: Sent, over: threading.Event) -> None:
    line.sendall(sent.data)
    if sent.then == "hang":
        over.wait(PATIENCE_S)
    if sent.then == "reset":
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


# --- what a server should send ------------------------------------------------------------------------

TEXT = "Hello to you, my friend!"
MODELS = {
    "object": "list",
    "data": [
        {"id": "small-1", "object": "model", "created": 1_700_000_000, "owned_by": "acme"},
        {"id": "text-embedding-1", "object": "model", "created": 1_700_000_000, "owned_by": "acme"},
        {"id": "large-1", "object": "model", "created": 1_700_000_000, "owned_by": "acme"},
    ],
}
USAGE = {"prompt_tokens": 12, "completion_tokens": 6, "total_tokens": 18}
CORS = {"access-control-allow-origin": "*"}
PREFLIGHT = CORS | {
    "access-control-allow-methods": "GET, POST",
    "access-control-allow-headers": "authorization, content-type",
}
LIMITS = {
    "x-ratelimit-limit-requests": "60",
    "x-ratelimit-remaining-requests": "59",
    "x-ratelimit-reset-requests": "1s",
    "x-ratelimit-limit-tokens": "30000",
    "x-ratelimit-remaining-tokens": "29988",
    "x-ratelimit-reset-tokens": "6m0.024s",
}
ROLES = ("developer", "system", "user", "assistant", "tool", "function")


def http(
    status: int, body: bytes, headers: dict[str, str] | None = None, kind: str = "application/json"
) -> bytes:
    lines = {"content-type": kind, "content-length": str(len(body))} | CORS | (headers or {})
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} Whatever\r\n{head}connection: close\r\n\r\n".encode() + body


def as_json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Sent:
    return Sent(http(status, json.dumps(value).encode(), headers))


def error(status: int, message: str, type: str = "invalid_request_error", code: str | None = None) -> Sent:
    return as_json({"error": {"message": message, "type": type, "param": None, "code": code}}, status)


def completion(asked: dict[str, Any], message: dict[str, Any], finish: str = "stop") -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": asked["model"],
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "refusal": None} | message,
                "logprobs": None,
                "finish_reason": finish,
            }
        ],
        "usage": USAGE,
    }


def chunk(asked: dict[str, Any], delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": asked["model"],
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}],
        "usage": None,
    }


def chunks(asked: dict[str, Any]) -> list[dict[str, Any]]:
    words = re.findall(r"\S+\s*", TEXT)
    return [
        chunk(asked, {"role": "assistant", "content": ""}),
        *(chunk(asked, {"content": word}) for word in words),
        chunk(asked, {}, "stop"),
        chunk(asked, {}) | {"choices": [], "usage": USAGE},
    ]


def sse(frames: list[dict[str, Any]], done: str = "data: [DONE]\n\n") -> bytes:
    return ("".join(f"data: {json.dumps(frame)}\n\n" for frame in frames) + done).encode()


def streamed(body: bytes, whole: bool = True) -> bytes:
    """A body in one chunk of the chunked encoding; not `whole`: without its end."""
    head = (
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
        "access-control-allow-origin: *\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    )
    end = b"0\r\n\r\n" if whole else b""
    return head.encode() + f"{len(body):x}\r\n".encode() + body + b"\r\n" + end


def good(asked: Asked) -> Sent:
    """What a server should answer."""
    if asked.method == "OPTIONS":
        return Sent(http(204, b"", PREFLIGHT))
    if asked.method == "GET" and asked.path == "/v1/models":
        return as_json(MODELS)
    if not asked.is_chat:
        return error(404, f"Invalid URL ({asked.method} {asked.path})", code="unknown_url")
    try:
        raw = asked.json
    except ValueError:
        return error(400, "We could not parse the JSON body of your request.")
    if "messages" not in raw:
        return error(400, "Missing required parameter: 'messages'.", code="missing_required_parameter")
    if any(message["role"] not in ROLES for message in raw["messages"]):
        return error(400, "Invalid value: 'wizard'.", code="invalid_value")
    if raw.get("stream"):
        return Sent(streamed(sse(chunks(raw))))
    return as_json(answered(raw), headers=LIMITS)


def answered(raw: dict[str, Any]) -> dict[str, Any]:
    """The whole answer to a conversation."""
    if "tool_choice" in raw:
        call = {
            "id": "call_1",
            "type": "function",
            "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'},
        }
        return completion(raw, {"content": None, "tool_calls": [call]})
    if raw["messages"][-1]["role"] == "tool":
        return completion(raw, {"content": "It is sunny in Paris."})
    if "response_format" in raw:
        return completion(raw, {"content": '{"name": "Paris", "country": "France", "is_capital": true}'})
    return completion(raw, {"content": TEXT})


# --- breaking it --------------------------------------------------------------------------------------


def wants(asked: Asked, what: str) -> bool:
    """Whether this is the request for a `whole` plain answer, a `stream`, a `tool`'s call, ..."""
    if not asked.is_chat:
        return what == "models" and asked.method == "GET" and asked.path == "/v1/models"
    try:
        raw = asked.json
    except ValueError:
        return what == "garbage"
    if "messages" not in raw:
        return what == "no messages"
    kinds = {
        "wizard": any(message["role"] == "wizard" for message in raw["messages"]),
        "stream": raw.get("stream", False),
        "tool": "tool_choice" in raw,
        "result": raw["messages"][-1]["role"] == "tool",
        "structured": "response_format" in raw,
    }
    return kinds[what] if what in kinds else what == "whole" and not any(kinds.values())


def instead(what: str, sent: Sent | Callable[[Asked], Sent]) -> Answering:
    """A good server, but for one kind of request."""

    def answering(asked: Asked) -> Sent:
        if wants(asked, what):
            return sent(asked) if callable(sent) else sent
        return good(asked)

    return answering


def edited(value: Any, path: str, *new: Any) -> Any:
    """The value with what is at `path` (`choices.0.index`) removed, or replaced by `new`."""
    steps = [int(step) if step.isdigit() else step for step in path.split(".")]
    copy = json.loads(json.dumps(value))
    inner = copy
    for step in steps[:-1]:
        inner = inner[step]
    if new:
        inner[steps[-1]] = new[0]
    else:
        del inner[steps[-1]]
    return copy


@dataclass
class Clock:
    """A clock that goes on only when somebody waits."""

    now: float = 0.0
    waited: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.waited.append(seconds)
