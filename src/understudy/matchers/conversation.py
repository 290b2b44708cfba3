"""Matchers that look at what a conversation is: its API, model, tools, length and contents."""

from __future__ import annotations

import re
from typing import Self

from understudy.errors import Place
from understudy.matchers.base import (
    FLAG,
    NAME,
    NUMBER,
    Between,
    Looking,
    OneOf,
    Schema,
    Test,
    Values,
    forms_schema,
    read_test,
    several,
    value_schema,
)
from understudy.model import Audio, File, Image, Part, Request, ServerToolCall, ToolCall, ToolResult


class Model(Looking, frozen=True):
    """The model that was asked for."""

    KEY = "model"
    KIND = NAME

    @staticmethod
    def look(request: Request) -> Values:
        return (request.model,)


class Api(Looking, frozen=True):
    """The wire API that the request came by, like `openai-chat`."""

    KEY = "api"
    KIND = NAME

    @staticmethod
    def look(request: Request) -> Values:
        return (request.api,)


class Operation(Looking, frozen=True):
    """What is asked for: `chat` or `completion`."""

    KEY = "operation"
    KIND = NAME

    @staticmethod
    def look(request: Request) -> Values:
        return (request.operation,)


class Tools(Looking, frozen=True):
    """The names of the tools on offer."""

    KEY = "tools"
    KIND = NAME

    @staticmethod
    def look(request: Request) -> Values:
        return tuple(tool.name for tool in request.tools)


def called(part: Part) -> str:
    """The name of the tool that a part calls; empty where it calls none."""
    if isinstance(part, ServerToolCall):
        return part.name or part.kind
    return part.name if isinstance(part, ToolCall) else ""


class ToolCalled(Looking, frozen=True):
    """The names of the tools called so far, anywhere in the conversation; `web_search` and its like too."""

    KEY = "tool_called"
    KIND = NAME

    @staticmethod
    def look(request: Request) -> Values:
        parts = [part for message in request.messages for part in message.parts]
        return tuple([name for part in parts if (name := called(part))])


class Stream(Looking, frozen=True):
    """Whether the answer is to be streamed."""

    KEY = "stream"
    KIND = FLAG

    @staticmethod
    def look(request: Request) -> Values:
        return (request.stream,)


class Turn(Looking, frozen=True):
    """Which answer of the conversation this will be, from 1: `2`, `[2, 3]`, `"2.."`, `"..3"`, `"2..4"`."""

    KEY = "turn"
    KIND = NUMBER

    @staticmethod
    def look(request: Request) -> Values:
        return (request.turn,)

    @classmethod
    def read(cls, value: object, place: Place) -> Self:
        if isinstance(value, list):
            return cls(OneOf(several(value, NUMBER, place)))
        return cls(span(value, place) if isinstance(value, str) else read_test(value, NUMBER, place))

    @classmethod
    def schema(cls) -> Schema:
        listed = {"type": "array", "items": {"type": "number"}, "minItems": 1}
        return {"anyOf": [*value_schema(NUMBER)["anyOf"], listed, {"type": "string", "pattern": SPAN}]}


SPAN = r"^\s*(\d+\s*\.\.\s*\d*|\.\.\s*\d+)\s*$"
"""A range as the JSON Schema describes it."""


def span(text: str, place: Place) -> Test:
    """The turns of a range, both ends included."""
    found = re.fullmatch(r"\s*(\d*)\s*\.\.\s*(\d*)\s*", text)
    if not found or not any(found.groups()):
        raise place.error(f'expected a number, a list or a range like "2..", found the text {text!r}')
    low, high = (int(end) if end else None for end in found.groups())
    if low is not None and high is not None and low > high:
        raise place.error(f"a range that no turn is in: {low} is more than {high}")
    return Between(low and low - 1, None if high is None else high + 1, f"a number in {text.strip()}")


HOLDINGS = {"image": Image, "audio": Audio, "file": File, "tool_result": ToolResult}


class Has(Looking, frozen=True):
    """What kinds of parts, beside texts, some message of the conversation holds."""

    KEY = "has"
    KIND = NAME

    @staticmethod
    def look(request: Request) -> Values:
        types = {type(part) for message in request.messages for part in message.parts}
        return tuple(name for name, part in HOLDINGS.items() if part in types)

    @classmethod
    def read(cls, value: object, place: Place) -> Self:
        test = read_test(value, NAME, place)
        for name in test.exact:
            if name not in HOLDINGS:
                raise place.unknown("kind of part", str(name), HOLDINGS)
        return cls(test)

    @classmethod
    def schema(cls) -> Schema:
        return {"anyOf": [{"enum": list(HOLDINGS)}, {"type": "string"}, forms_schema(NAME)]}
