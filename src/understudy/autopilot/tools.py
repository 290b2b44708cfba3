"""Which tool is called, with which arguments, and how a tool's result is taken up.

    required -> the first offered tool that this conversation has not called yet, else the last
    auto     -> the tool that the user's words name, each at most once, none right after a result
    none     -> no tool

Why the last: loops of agents end on it (`final_result`, `final_answer`, the tool that is a schema).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec

from understudy.autopilot.schema import instance, name_words, named
from understudy.model import Message, Reply, Request, Text, Tool, ToolCall, ToolResult

RESULT_LIMIT = 600
LISTED = 5

# Texts that a framework puts in the user's mouth on the way: not the user's words.
# crewai 1.15.30 `post_tool_reasoning`; smolagents 1.26.0 memory.py `PlanningStep`.
NUDGES = ("Analyze the tool result.", "Now proceed and carry out this plan.")

# smolagents 1.26.0, memory.py: what was called and what came of it, as text.
FLATTENED_CALLS = "Calling tools:\n["
FLATTENED_RESULT = "Observation:\n"
FLATTENED_NAME = re.compile(r"'function': \{'name': '([^']+)'")

# Where the user's question stands inside a framework's prompt: langchain 1.0 (mrkl), crewai 1.15,
# smolagents 1.26.
TASK = re.compile(
    r"(?:^|\n)(?:Current Task|New task|Question|Task|New input):[ \t]*\n?(.+?)(?=\n\n|\nThought:|\Z)", re.S
)


# --- what the conversation says -----------------------------------------------------------------------


def holds_result(message: Message) -> bool:
    """Whether the message brings a tool's result."""
    for part in message.parts:
        if type(part) is ToolResult:
            return True
    return message.role == "user" and message.text.startswith(FLATTENED_RESULT)


def is_nudge(message: Message) -> bool:
    return message.role == "user" and message.text.startswith(NUDGES)


def follows_result(request: Request) -> bool:
    """Whether a tool's result is what the answer is to react to."""
    last = request.messages[-1]
    if not is_nudge(last):
        return holds_result(last)
    return len(request.messages) > 1 and holds_result(request.messages[-2])


def asked(request: Request) -> str:
    """What the user asked for last, out of whatever prompt a framework has wrapped it in."""
    for message in reversed(request.messages):
        if message.role != "user" or is_nudge(message) or holds_result(message):
            continue
        text = "\n".join(part.text for part in message.parts if type(part) is Text).strip()
        if text:
            found = TASK.findall(text)
            return (found[-1] if found else text).strip()
    return ""


def earlier_calls(request: Request) -> list[ToolCall]:
    """The calls made in this conversation so far, whatever shape they are written in."""
    calls: list[ToolCall] = []
    for message in request.messages:
        for part in message.parts:
            if type(part) is ToolCall:
                calls.append(part)
            elif type(part) is Text and message.role == "assistant" and FLATTENED_CALLS in part.text:
                calls += [ToolCall(name) for name in FLATTENED_NAME.findall(part.text)]
    return calls


def results(request: Request) -> list[tuple[str, str]]:
    """(tool's name, result) of the results since the user last spoke, in order."""
    since: list[Message] = []
    for message in reversed(request.messages):
        if message.role == "user" and not holds_result(message) and not is_nudge(message):
            break
        since.append(message)
    names = {call.id: call.name for call in earlier_calls(request) if call.id}
    flattened = [call.name for call in earlier_calls(request) if not call.id]
    found: list[tuple[str, str]] = []
    for message in reversed(since):
        for part in message.parts:
            if type(part) is ToolResult:
                found.append((part.name or names.get(part.id, ""), part.text))
            elif type(part) is Text and message.role == "user" and part.text.startswith(FLATTENED_RESULT):
                name = flattened[-1] if flattened else ""
                found.append((name, part.text.removeprefix(FLATTENED_RESULT)))
    return found


# --- results, in words ----------------------------------------------------------------------------------


def readable(text: str) -> str:
    """A result as one readable text: JSON in words, no code fence, not too long."""
    text = text.strip()
    if text[:1] in ("{", "["):
        with suppress(msgspec.DecodeError, RecursionError):
            text = _in_words(msgspec.json.decode(text))
    text = text.replace("```", "").strip()
    return text if len(text) <= RESULT_LIMIT else text[: RESULT_LIMIT - 1].rstrip() + "…"


def _in_words(value: object, depth: int = 0) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict) and depth < 4:
        said = [f"{key.replace('_', ' ')} {_in_words(item, depth + 1)}" for key, item in value.items()]
        text = _listed(said)
        return f"({text})" if depth and len(value) > 1 else text
    if isinstance(value, list) and depth < 4:
        return _listed([_in_words(item, depth + 1) for item in value])
    return value if isinstance(value, str) else json.dumps(value)


def _listed(items: Sequence[str]) -> str:
    if not items:
        return "nothing"
    more = len(items) - LISTED
    return ", ".join(items[:LISTED]) + (f" and {more} more" if more > 0 else "")


def taken_up(found: Sequence[tuple[str, str]]) -> str:
    """The results as an answer: `The get_weather tool says: 21 degrees and sunny in Paris.`"""
    return "\n".join(_sentence(name, readable(text)) for name, text in found)


def _sentence(name: str, said: str) -> str:
    who = f"The {name} tool" if name else "The tool"
    if not said:
        return f"{who} has nothing to say."
    return f"{who} says: {said}" + ("" if said[-1] in ".!?…" else ".")


def brief(request: Request) -> str:
    """A short answer in one paragraph, for formats that have no room for more."""
    found = [pair for pair in results(request) if pair[1].strip()]
    if found:
        return taken_up(found)
    question = " ".join(asked(request)[:2_000].split())
    if not question:
        return "This is a mock answer."
    shown = question if len(question) <= 160 else question[:159].rstrip() + "…"
    return f"This is a mock answer to: {shown.replace('```', '')}"


# --- calls ----------------------------------------------------------------------------------------------

STOPWORDS = named(
    "the and for from with this that you your are can get set use tool tools function call given return"
    " returns please what which who when where how does tell about into its has have will would any all not"
    " let make give current data info information value run fetch"
)
HINTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\d\s*[-+*/^%×÷]\s*\d"), "calculator calculate math arithmetic expression evaluate"),
    (re.compile(r"\d\s*\*\s*\d|\btimes\b|\bproduct\b"), "multiply"),
    (re.compile(r"\d\s*\+\s*\d|\bplus\b|\bsum\b"), "add sum"),
    (re.compile(r"\d\s*-\s*\d|\bminus\b"), "subtract"),
    (re.compile(r"\d\s*/\s*\d|\bdivided\b"), "divide"),
    (re.compile(r"\b(?:rain\w*|sunny|forecast|temperature|snow\w*|umbrella)\b", re.I), "weather"),
    (re.compile(r"\b(?:look up|find|who|latest|news)\b", re.I), "search"),
    (re.compile(r"\bwhat time\b|\bo'clock\b", re.I), "time clock"),
)
SMALL_TALK = named(
    "hello hi hey hallo bonjour thanks thank you good morning afternoon evening night bye goodbye how are is"
    " it going there ok okay great nice to meet so much very well today"
)
HANDOFF = re.compile(r"^transfer_(?:back_)?to_|handoff|hand_off", re.I)


def is_small_talk(text: str) -> bool:
    words = re.findall(r"[a-z']+", text.lower())
    return bool(words) and len(words) <= 8 and all(word in SMALL_TALK for word in words)


def _stems(text: str) -> frozenset[str]:
    """The telling words of a text, by their first letters, so that `multiplied` meets `multiply`."""
    return frozenset(
        word[:6].rstrip("s") for word in name_words(text) if len(word) > 2 and word not in STOPWORDS
    )


def _meant(text: str) -> frozenset[str]:
    text = text[:4_000]
    hints = " ".join(words for pattern, words in HINTS if pattern.search(text))
    return _stems(text) | _stems(hints)


def forced_call(request: Request) -> Reply | None:
    """The call that `tool_choice` demands, None where it demands none."""
    choice = request.tool_choice
    if choice.mode != "required" or not request.tools:
        return None
    offered = [tool for tool in request.tools if not choice.names or tool.name in choice.names] or list(
        request.tools
    )
    if len(offered) > 1:
        offered = [tool for tool in offered if not HANDOFF.search(tool.name)] or offered
    called = {call.name for call in earlier_calls(request)}
    tool = next((tool for tool in offered if tool.name not in called), offered[-1])
    return Reply((call_of(tool, request, asked(request)),), stop="tool_call")


def auto_calls(request: Request) -> Reply | None:
    """The calls that a model might make of itself; None where it would rather speak."""
    if not request.tools or request.tool_choice.mode != "auto" or not request.messages:
        return None
    last = request.messages[-1]
    text = asked(request)
    if (
        last.role != "user"
        or holds_result(last)
        or is_nudge(last)
        or not last.text.strip()
        or is_small_talk(text)
    ):
        return None
    allowed = request.tool_choice.names
    offered = [t for t in request.tools if not HANDOFF.search(t.name) and (not allowed or t.name in allowed)]
    calls = earlier_calls(request)
    meant = _meant(text)
    fresh = [tool for tool in offered if _is_fresh(tool, calls, request, meant, text)]
    named = [tool for tool in fresh if _stems(tool.name) & meant]
    if len(named) > 1 and request.parallel_tool_calls:
        clauses = re.split(r"[,;?.!]\s|\band\b|\bthen\b", text)
        return Reply(tuple(call_of(t, request, _clause(t, clauses, text)) for t in named), stop="tool_call")
    scores = [(3 * len(_stems(t.name) & meant) + len(_stems(t.description) & meant), t) for t in fresh]
    best = max((score for score, _ in scores), default=0)
    if not scores or (best == 0 and request.turn > 1):
        return None
    tool = next(tool for score, tool in scores if score == best)
    return Reply((call_of(tool, request, text),), stop="tool_call")


def _is_fresh(tool: Tool, calls: list[ToolCall], request: Request, meant: frozenset[str], text: str) -> bool:
    """Whether the tool may be called: once, and again only where a person asks for it by name, differently.

    A message with a name comes from another agent: calling again for it would keep the two going.
    """
    made = [call.arguments for call in calls if call.name == tool.name]
    if not made:
        return True
    if request.messages[-1].name or not _stems(tool.name) & meant:
        return False
    return _canonical(call_of(tool, request, text).arguments) not in map(_canonical, made)


def _canonical(arguments: str) -> str:
    try:
        return json.dumps(msgspec.json.decode(arguments), sort_keys=True)
    except (msgspec.DecodeError, RecursionError):
        return arguments


def _clause(tool: Tool, clauses: list[str], text: str) -> str:
    stems = _stems(tool.name)
    return next((clause for clause in clauses if stems & _meant(clause)), text)


def call_of(tool: Tool, request: Request, words: str) -> ToolCall:
    """A call of the tool with valid arguments that take up the words."""
    if tool.custom:
        return ToolCall(tool.name, words or "Hello.")
    if not tool.schema:
        return ToolCall(tool.name)
    seed = (request.sampling.seed or 0) + request.choice
    schema = _with_coworker({"type": "object", **tool.schema}, tool.description)
    arguments = instance(schema, words=words, seed=seed, answer=brief(request), optional=False)
    return ToolCall(tool.name, msgspec.json.encode(arguments if isinstance(arguments, dict) else {}).decode())


def _with_coworker(schema: dict[str, Any], description: str) -> dict[str, Any]:
    """The schema with a coworker to take, whom crewai 1.15.30 names in the tool's description alone."""
    properties = schema.get("properties")
    found = re.search(r"one of the following coworkers: ([^,\n]+)", description)
    if found is None or not isinstance(properties, dict) or "coworker" not in properties:
        return schema
    coworker = {"type": "string", "const": found.group(1).strip()}
    return {**schema, "properties": {**properties, "coworker": coworker}}
