"""WebSocket frames for tests, written and read byte by byte: a client that may break every rule.

Source: RFC 6455, 5.2.
"""

from __future__ import annotations

import json
import struct
from typing import Any

from sockets import Client

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
MASK = b"\x01\x02\x03\x04"
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""What a server answers to KEY. Source: RFC 6455, 1.3."""


def opening(target: str = "/talk", headers: bytes = b"") -> bytes:
    """The head of a request for a WebSocket; `headers` are further lines."""
    return (
        b"GET %b HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: %b\r\nSec-WebSocket-Version: 13\r\n%b\r\n"
    ) % (target.encode(), KEY, headers)


def frame(opcode: int, data: bytes = b"", fin: bool = True, masked: bool = True, reserved: int = 0) -> bytes:
    """A client's frame; `reserved` are the three reserved bits."""
    first = fin << 7 | reserved << 4 | opcode
    mask = 0x80 if masked else 0
    if len(data) < 126:
        head = bytes((first, mask | len(data)))
    elif len(data) < 1 << 16:
        head = bytes((first, mask | 126)) + struct.pack("!H", len(data))
    else:
        head = bytes((first, mask | 127)) + struct.pack("!Q", len(data))
    if not masked:
        return head + data
    return head + MASK + bytes([each ^ MASK[i % 4] for i, each in enumerate(data)])


def text(message: str | dict[str, Any]) -> bytes:
    """A frame with a whole message; an object is sent as JSON."""
    return frame(TEXT, (message if isinstance(message, str) else json.dumps(message)).encode())


def frames(data: bytes) -> list[tuple[int, bytes]]:
    """Opcode and payload of a server's frames, all of which must be whole."""
    found = []
    while data:
        assert data[0] & 0x80, "a server of ours sends no fragments"
        assert not data[1] & 0x80, "a server masks nothing"
        length, at = data[1], 2
        if length == 126:
            length, at = struct.unpack("!H", data[2:4])[0], 4
        elif length == 127:
            length, at = struct.unpack("!Q", data[2:10])[0], 10
        assert len(data) >= at + length, f"the last frame is cut short: {data!r}"
        found.append((data[0] & 0x0F, data[at : at + length]))
        data = data[at + length :]
    return found


class Talker(Client):
    """A client that has opened a WebSocket."""

    def open(self, target: str = "/talk", behind: bytes = b"", headers: bytes = b"") -> bytes:
        """Ask for a WebSocket, with bytes behind the head; the head of the answer."""
        self.send(opening(target, headers) + behind)
        return self.until(b"\r\n\r\n")

    def exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            assert piece, f"closed behind {data!r}"
            data += piece
        return data

    def frame(self) -> tuple[int, bytes]:
        """Opcode and payload of the next frame."""
        head = self.exactly(2)
        if head[1] == 126:
            head += self.exactly(2)
        elif head[1] == 127:
            head += self.exactly(8)
        length = int.from_bytes(head[2:]) if len(head) > 2 else head[1]
        return frames(head + self.exactly(length))[0]

    def message(self) -> Any:
        """The next message, which must be JSON."""
        opcode, data = self.frame()
        assert opcode == TEXT, (opcode, data)
        return json.loads(data)

    def closing(self) -> tuple[int, str]:
        """Code and reason of the next frame, which closes, behind which nothing comes."""
        opcode, data = self.frame()
        assert opcode == CLOSE, (opcode, data)
        self.send(frame(CLOSE, data))
        assert self.rest() == b""
        return int.from_bytes(data[:2]), data[2:].decode()
