"""An exchange as a test looks at it: read again from the bytes in the journal, when somebody looks."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import msgspec

from understudy.engine import Engine
from understudy.failures import neutral
from understudy.journal import Exchange
from understudy.model import Message, Part, Reply, Request, ToolCall, Usage
from understudy.replies import Call


class View:
    """One request, and what was answered.

    What is said of the request is neutral: the same whichever API it came by. `raw` is its JSON as sent.
    """

    def __init__(self, exchange: Exchange, engine: Engine) -> None:
        self._exchange = exchange
        self._engine = engine

    # What was asked

    @property
    def id(self) -> int:
        """Its number in the journal, from 1."""
        return self._exchange.number

    @property
    def at(self) -> float:
        """When it came, in Unix seconds."""
        return self._exchange.at

    @property
    def method(self) -> str:
        return self._exchange.http.method

    @property
    def path(self) -> str:
        """Without the name of a space: `/v1/chat/completions`."""
        return self._exchange.http.path

    @cached_property
    def headers(self) -> dict[str, str]:
        """Names in lower case; secrets are masked."""
        flat = self._exchange.http.headers
        pairs = zip(flat[::2], flat[1::2], strict=True)
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in pairs}

    @cached_property
    def raw(self) -> Any:
        """The JSON as sent; what is none, as text."""
        return readable(self._exchange.http.body)

    @property
    def api(self) -> str:
        """`openai-chat`, for instance."""
        return self._exchange.api

    @property
    def model(self) -> str:
        return self._exchange.model

    @property
    def stream(self) -> bool:
        """Whether a stream was asked for."""
        return self.request.stream

    @property
    def operation(self) -> str:
        """`chat`, `completion`, `embedding` or `models`; empty where the request could not be read."""
        return self.request.operation

    @property
    def user(self) -> str:
        """The text of the last user message, empty where there is none."""
        return self.request.user

    @property
    def system(self) -> str:
        """All system texts, a line break between two."""
        return self.request.system

    @property
    def messages(self) -> tuple[Message, ...]:
        return self.request.messages

    @property
    def tools(self) -> tuple[str, ...]:
        """The names of the tools that were offered."""
        return tuple([tool.name for tool in self.request.tools])

    @property
    def turn(self) -> int:
        """Which answer of the conversation this is, from 1."""
        return self.request.turn

    @cached_property
    def request(self) -> Request:
        """The request whole; of one that could not be read, what is known."""
        asked = self._engine.asked(self._exchange)
        if asked is not None:
            return neutral(asked)
        raw = self.raw if isinstance(self.raw, dict) else {}
        return Request(self.api, "", self.model, (), raw)

    # What was answered

    @property
    def status(self) -> int:
        """The HTTP status, 0 where not even a head was sent."""
        return self._exchange.status

    @property
    def answered_by(self) -> str:
        """The rule's name, or what else answered: `autopilot: ...`, `refused`, `embeddings`, `models`."""
        return self._exchange.answered_by

    @property
    def error(self) -> str:
        """What was wrong with the request, or with the answer."""
        return self._exchange.error

    @property
    def warning(self) -> str:
        """What the vendor would have refused, under `validation="warn"`."""
        return self._exchange.warning

    @property
    def faults(self) -> tuple[str, ...]:
        """The names of the faults that befell the answer."""
        return self._exchange.faults

    @property
    def outcome(self) -> str:
        """`complete`, `cut`, `client left`, or `open` while it is under way."""
        return self._exchange.outcome

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self._exchange.seconds

    @property
    def usage(self) -> Usage:
        """Its tokens; what was refused has none."""
        reply = self._exchange.reply
        return reply.usage if reply else Usage(self._exchange.input_tokens, self._exchange.output_tokens)

    @property
    def text(self) -> str:
        """What the model said; empty for an error."""
        return self._reply.text if self._reply else ""

    @property
    def tool_calls(self) -> list[Call]:
        """The calls of tools that were answered; equal to what `tool_call(...)` makes."""
        return [Call(part.name, mapped(part.arguments)) for part in self.parts if isinstance(part, ToolCall)]

    @property
    def parts(self) -> tuple[Part, ...]:
        """All that the model said, in its order; nothing for an error."""
        return self._reply.parts if self._reply else ()

    @cached_property
    def answer(self) -> Any:
        """The JSON as it was answered; of a stream, and of what is no JSON, the text."""
        return readable(self._engine.sent(self._exchange))

    @cached_property
    def _reply(self) -> Reply | None:
        """What was answered; of an answer that a fault befell, what can be read of it."""
        if self._exchange.reply is not None or self.status != 200:
            reply: Any = self._exchange.reply
        else:
            reply = self._read_again()
        return reply if isinstance(reply, Reply) else None

    def _read_again(self) -> Any:
        try:
            return self._engine.providers[self.api].read([self._engine.sent(self._exchange)])
        except (KeyError, ValueError, TypeError, LookupError):
            return None

    def __repr__(self) -> str:
        said = self.error or self.text or ", ".join(call.name for call in self.tool_calls)
        return (
            f"<#{self.id} {self.method} {self.path} {self.model} {short(self.user)!r} -> "
            f"{self.status} {short(said)!r} by {self.answered_by}>"
        )


def mapped(arguments: str) -> dict[str, Any] | str:
    """A call's arguments as a mapping; what is none, as the text that it is."""
    value = readable(arguments.encode())
    return value if isinstance(value, dict) else arguments


def readable(data: bytes) -> Any:
    """Bytes as JSON where they are, else as text."""
    try:
        return msgspec.json.decode(data)
    except (ValueError, RecursionError):
        return data.decode(errors="replace")


def short(text: str, most: int = 60) -> str:
    """The text on one line, at most so many characters of it."""
    line = " ".join(text[: most * 4].split())
    return line if len(line) <= most and len(text) <= most * 4 else f"{line[:most]}..."
