"""Matchers that look at the texts of a request."""

from __future__ import annotations

from understudy.matchers.base import TEXT, Looking, Values
from understudy.model import Request, ToolResult


class User(Looking, frozen=True):
    """The last user message's text."""

    KEY = "user"
    KIND = TEXT

    @staticmethod
    def look(request: Request) -> Values:
        return (request.user,)


class System(Looking, frozen=True):
    """All system texts, a line break between two."""

    KEY = "system"
    KIND = TEXT

    @staticmethod
    def look(request: Request) -> Values:
        return (request.system,)


class AnyMessage(Looking, frozen=True):
    """The text of any message, whoever wrote it."""

    KEY = "any_message"
    KIND = TEXT

    @staticmethod
    def look(request: Request) -> Values:
        return tuple(message.text for message in request.messages)


class ToolResults(Looking, frozen=True):
    """The texts of the tool results since the last assistant message: what the model has not answered yet."""

    KEY = "tool_result"
    KIND = TEXT

    @staticmethod
    def look(request: Request) -> Values:
        return tuple(result.text for result in new_results(request))


def new_results(request: Request) -> tuple[ToolResult, ...]:
    """The tool results after the last assistant message, in order."""
    found: list[ToolResult] = []
    for message in reversed(request.messages):
        if message.role == "assistant":
            break
        found.extend(part for part in reversed(message.parts) if isinstance(part, ToolResult))
    return tuple(reversed(found))
