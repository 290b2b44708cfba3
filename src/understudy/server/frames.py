"""WebSocket frames: bytes in, text messages out, and back. No socket and no clock.

    handshake -> Frames: receive(bytes) -> messages
                         text, ping, close -> written() -> bytes

The frames themselves are read and written by `websockets` in its sans-I/O form: masks, fragments, pings,
closing, permessage-deflate, limits. What it leaves open is done here: a message is put together of its
frames, and must be text in UTF-8. Imported when the first client asks for a WebSocket, and not before.
"""

from __future__ import annotations

import logging

from websockets.datastructures import Headers
from websockets.extensions.permessage_deflate import enable_server_permessage_deflate
from websockets.frames import DATA_OPCODES, CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from understudy.model import HttpRequest

QUIET = logging.getLogger("understudy.server.frames")
"""What the library tells of each connection, nobody wants to read."""
QUIET.addHandler(logging.NullHandler())
QUIET.propagate = False

VERSION = b"sec-websocket-version: 13\r\n"
"""A handshake that fails says which version would not. Source: RFC 6455, 4.4."""


class Handshake:
    """The answer to a request for a WebSocket: `status` 101 and `headers` (whole lines), or why not.

    `headers` are without what every answer has, `body` tells what is wrong, `frames` are those of a 101.
    """

    def __init__(self, request: HttpRequest, most_bytes: int) -> None:
        fields = request.headers
        names = [name.decode("latin-1") for name in fields[::2]]
        values = [value.decode("latin-1") for value in fields[1::2]]
        protocol = ServerProtocol(extensions=enable_server_permessage_deflate(None), logger=QUIET)
        answer = protocol.accept(Request(request.target, Headers(zip(names, values, strict=True))))
        self.status = answer.status_code
        self.body = bytes(answer.body or b"")
        lines = [f"{name.lower()}: {value}\r\n" for name, value in answer.headers.raw_items()]
        if self.status == 101:
            self.headers = "".join(lines).encode("latin-1")
            self.frames = Frames(protocol, most_bytes)
        else:
            self.headers = b"content-type: text/plain; charset=utf-8\r\n" + VERSION


class Frames:
    """One open WebSocket, as the server sees it. A message has at most so many bytes, unpacked."""

    def __init__(self, agreed: ServerProtocol, most_bytes: int) -> None:
        self._protocol = ServerProtocol(state=State.OPEN, max_size=most_bytes, logger=QUIET)
        self._protocol.extensions = agreed.extensions
        self._pieces: list[bytes] = []
        self._binary = False
        self._failed = False

    @property
    def open(self) -> bool:
        """Whether neither side has begun to close."""
        return self._protocol.state is State.OPEN

    def receive(self, data: bytes) -> list[str]:
        """The messages that are complete with `data`; what is malformed closes with the code for it."""
        self._protocol.receive_data(data)
        messages = []
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and event.opcode in DATA_OPCODES and not self._failed:
                self._pieces.append(bytes(event.data))
                self._binary = self._binary or event.opcode is Opcode.BINARY
                if event.fin and (message := self._message()) is not None:
                    messages.append(message)
        return messages

    def _message(self) -> str | None:
        """The pieces as text; None where they are none, which closes."""
        data, binary = b"".join(self._pieces), self._binary
        self._pieces, self._binary = [], False
        if binary:
            self._fail(CloseCode.UNSUPPORTED_DATA, "only text is understood here")
            return None
        try:
            return data.decode()
        except UnicodeDecodeError as problem:
            self._fail(CloseCode.INVALID_DATA, f"{problem.reason} at position {problem.start}")
            return None

    def _fail(self, code: CloseCode, reason: str) -> None:
        """Close, and read nothing of what comes now. Source: RFC 6455, 7.1.7."""
        self._failed = True
        self._protocol.fail(code, reason)

    def text(self, data: bytes) -> None:
        """Send one message; nothing where the end has begun."""
        if self.open:
            self._protocol.send_text(data)

    def ping(self) -> None:
        """Ask whether somebody is there."""
        if self.open:
            self._protocol.send_ping(b"")

    def close(self, code: int, reason: str = "") -> None:
        """Begin to close."""
        if self.open:
            self._protocol.send_close(code, reason)

    def written(self) -> tuple[bytes, bool]:
        """What is to be sent since the last time, and whether our side ends with it."""
        pieces = self._protocol.data_to_send()
        return b"".join(pieces), b"" in pieces
