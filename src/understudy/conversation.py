"""What the server saw, told to a person whose test failed: what was asked, what was answered, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from understudy.model import ServerToolCall
from understudy.view import View, short

MOST_EXCHANGES = 20
MOST_TEXT = 300
"""Characters of each text that are told."""
NONE = "The server saw no request."

WhyNot = Callable[[View], Sequence[str]]
"""Rules that did not answer, each with why."""


def told(views: Sequence[View], why_not: WhyNot) -> str:
    """The conversation, oldest first: the last MOST_EXCHANGES of it."""
    shown = views[-MOST_EXCHANGES:]
    left_out = len(views) - len(shown)
    lines = [f"({left_out} earlier ones are left out)"] if left_out else []
    return "\n".join([*lines, *(line for view in shown for line in exchange(view, why_not))]) or NONE


def exchange(view: View, why_not: WhyNot) -> Iterator[str]:
    """An exchange in a few lines."""
    streamed = ", streamed" if view.stream else ""
    yield f"#{view.id} {view.method} {view.path} ({view.model or 'no model'}{streamed})"
    yield from (f"   {role}: {text}" for role, text in asked(view))
    yield f"   -> {view.status or 'no answer'} by {view.answered_by}{ended(view)}"
    yield from (f"      {line}" for line in answered(view))
    if view.answered_by.startswith("autopilot"):
        yield from (f"      not by {why}" for why in why_not(view))


def asked(view: View) -> Iterator[tuple[str, str]]:
    """What is new in a request: the messages since the model spoke last, and the tools on offer."""
    messages = view.messages
    spoke = [number for number, message in enumerate(messages) if message.role == "assistant"]
    for message in messages[spoke[-1] + 1 if spoke else 0 :]:
        yield (
            message.role,
            short(message.text, MOST_TEXT) or parts(type(part).__name__ for part in message.parts),
        )
    if view.tools:
        yield "tools", short(", ".join(view.tools), MOST_TEXT)


def answered(view: View) -> Iterator[str]:
    if view.text:
        yield short(view.text, MOST_TEXT)
    for part in view.parts:
        if isinstance(part, ServerToolCall):
            yield short(f"{part.name or part.kind}: {part.input}", MOST_TEXT)
    for call in view.tool_calls:
        yield short(f"{call.name}({arguments(call.arguments)})", MOST_TEXT)
    if view.error:
        yield short(view.error, 3 * MOST_TEXT)
    if view.warning:
        yield f"warning: {short(view.warning, MOST_TEXT)}"


def arguments(given: dict[str, object] | str) -> str:
    if isinstance(given, str):
        return given
    return ", ".join(f"{name}={value!r}" for name, value in given.items())


def ended(view: View) -> str:
    """How it ended, where that is not as usual."""
    faults = f", with the fault {', '.join(view.faults)}" if view.faults else ""
    return faults + ("" if view.outcome == "complete" else f", {view.outcome}")


def parts(names: Iterable[str]) -> str:
    return f"({', '.join(names).lower()})"
