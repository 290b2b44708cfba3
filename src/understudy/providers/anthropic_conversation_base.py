"""What Anthropic's APIs refuse in a conversation that can be read.

shapes    each message and each block for itself
pairs     whether calls and their results hang together
ending    how it begins and ends

Each function looks at the messages as they were sent, and goes over them once: they are most of a request.
"""

from __future__ import annotations

import re
from binascii import Error, a2b_base64
from collections.abc import Callable, Iterator
from typing import Any

from understudy.errors import Failure
from understudy.model import Request
from understudy.providers.anthropic_base import refusal
from understudy.providers.anthropic_families_base import family
from understudy.providers.anthropic_images_base import wrong_image

MESSAGE = frozenset(("content", "role"))
BLOCKS: dict[str, frozenset[str]] = {
    kind: frozenset((*names.split(), "type"))
    for kind, names in {
        "text": "text cache_control citations",
        "image": "source cache_control transformations",
        "document": "source cache_control citations context title",
        "search_result": "content source title cache_control citations",
        "thinking": "signature thinking",
        "redacted_thinking": "data",
        "tool_use": "id input name cache_control caller toolset_name",
        "tool_result": "tool_use_id cache_control content is_error toolset_name",
    }.items()
}
"""The members of blocks. Source: `anthropic` 2.12, the `..._block_param.py` of these types."""
THOUGHTS = ("thinking", "redacted_thinking")
_ID = re.compile(r"[a-zA-Z0-9_-]+")
LONGEST_NAME = 200

Block = dict[str, Any]


def _blocks(message: dict[str, Any]) -> list[Block]:
    """The blocks of a message; a text alone is none."""
    content = message["content"]
    return content if type(content) is list else []


# --- each message for itself ------------------------------------------------------------------------


def shapes(request: Request) -> Failure | None:
    """The first message, or block, that is wrong in itself; a call may not have the id of another."""
    ids: set[str] = set()
    for index, message in enumerate(request.raw["messages"]):
        if not MESSAGE.issuperset(message):
            return _stranger(f"messages.{index}", message, MESSAGE)
        for place, block in enumerate(_blocks(message)):
            kind = block["type"]
            known = BLOCKS.get(kind)
            if known is None:
                continue
            if not known.issuperset(block):
                return _stranger(f"messages.{index}.content.{place}.{kind}", block, known)
            if kind in LOOKED_AT and (wrong := LOOKED_AT[kind](block)) is not None:
                return refusal(f"messages.{index}.content.{place}{wrong}" if wrong[0] in ".:" else wrong)
            if kind == "tool_use":
                if block["id"] in ids:
                    return refusal(f"messages.{index}.content.{place}: `tool_use` ids must be unique")
                ids.add(block["id"])
    return None


def strange_system(request: Request) -> Failure | None:
    """A member that a text of the system prompt has not."""
    given = request.raw["system"]
    for place, block in enumerate(given if type(given) is list else ()):
        known = BLOCKS.get(block["type"])
        if known is not None and not known.issuperset(block):
            return _stranger(f"system.{place}", block, known)
    return None


def _stranger(where: str, found: dict[str, Any], known: frozenset[str]) -> Failure:
    name = next(key for key in found if key not in known)
    return refusal(f"{where}.{name}: Extra inputs are not permitted")


def _text(block: Block) -> str | None:
    text: str = block["text"]
    if not text:
        if block.get("cache_control") is not None:
            return ".text: cache_control cannot be set for empty text blocks"
        return "messages: text content blocks must be non-empty"
    return "messages: text content blocks must contain non-whitespace text" if text.isspace() else None


def _thinking(block: Block) -> str | None:
    """Thoughts without the signature that says that they are the model's own, or with none that can be."""
    if "signature" not in block:
        return ".thinking.signature: Field required"
    return None if _is_base64(block["signature"]) else ": Invalid `signature` in `thinking` block"


def _is_base64(signature: Any) -> bool:
    try:
        return bool(a2b_base64(signature, strict_mode=True))
    except (Error, TypeError, ValueError):
        return False


def _tool_use(block: Block) -> str | None:
    if _ID.fullmatch(block["id"]) is None:
        return ".tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"
    if len(block["name"]) > LONGEST_NAME:
        return f".tool_use.name: String should have at most {LONGEST_NAME} characters"
    return None


def _image(block: Block) -> str | None:
    wrong = wrong_image(block["source"])
    return None if wrong is None else f".image.source.base64{wrong}"


def _tool_result(block: Block) -> str | None:
    """An image in the result of a tool."""
    content = block.get("content")
    for place, inside in enumerate(content if type(content) is list else ()):
        if inside["type"] == "image" and (wrong := _image(inside)) is not None:
            return f".tool_result.content.{place}{wrong}"
    return None


LOOKED_AT: dict[str, Callable[[Block], str | None]] = {
    "text": _text,
    "thinking": _thinking,
    "tool_use": _tool_use,
    "image": _image,
    "tool_result": _tool_result,
}
"""What is wrong with a block: from its place on, or whole where the API does not tell the place."""


def no_content(request: Request) -> Failure | None:
    last = len(request.raw["messages"]) - 1
    for index, message in enumerate(request.raw["messages"]):
        if not message["content"] and not (index == last and message["role"] == "assistant"):
            return refusal(
                f"messages.{index}: all messages must have non-empty content except for the optional final "
                "assistant message"
            )
    return None


# --- calls and their results -----------------------------------------------------------------------


def pairs(request: Request) -> Failure | None:
    """Calls without their results at the beginning of the next message, or the other way round."""
    open_calls: list[str] = []
    for index, message in enumerate(request.raw["messages"]):
        content = message["content"]
        if type(content) is str:
            if open_calls:
                return _unanswered(index - 1, open_calls)
            continue
        found = _results(content, open_calls, index)
        if found is not None:
            return found
        open_calls = [block["id"] for block in content if block["type"] == "tool_use"]
    return _unanswered(index, open_calls) if open_calls else None


def _results(content: list[Block], calls: list[str], index: int) -> Failure | None:
    """What is wrong with the results in a message after one with these calls."""
    told: list[str] = []
    leading = True
    for place, block in enumerate(content):
        if block["type"] != "tool_result":
            leading = False
            continue
        where, id = f"messages.{index}.content.{place}", block["tool_use_id"]
        if id not in calls:
            return refusal(
                f"{where}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each `tool_result` "
                "block must have a corresponding `tool_use` block in the previous message."
            )
        if id in told:
            return refusal(
                f"{where}: each tool_use must have a single result. Found multiple `tool_result` blocks with "
                f"id: {id}"
            )
        if leading:
            told.append(id)
    missing = [id for id in calls if id not in told]
    return _unanswered(index - 1, missing) if missing else None


def _unanswered(index: int, ids: list[str]) -> Failure:
    return refusal(
        f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: "
        f"{', '.join(ids)}. Each `tool_use` block must have a corresponding `tool_result` block in the next "
        "message."
    )


# --- how it begins and ends --------------------------------------------------------------------------


def ending(request: Request) -> Failure | None:
    """Nothing at all, an answer begun that is not gone on with, or a thought at the end."""
    messages = request.raw["messages"]
    if not messages:
        return refusal("messages: at least one message is required")
    last = messages[-1]
    if last["role"] != "assistant" or not last["content"]:
        return None
    blocks = _blocks(last)
    if blocks and blocks[-1]["type"] in THOUGHTS:
        where = f"messages.{len(messages) - 1}"
        return refusal(f"{where}: The final block in an assistant message cannot be `thinking`.")
    # an answer that paused in the middle of the vendor's tools may be gone on with, by any model
    return _prefill(request, last) if all(block["type"] == "text" for block in blocks) else None


def _prefill(request: Request, last: dict[str, Any]) -> Failure | None:
    if not family(request.model).prefills:
        return refusal(
            "This model does not support assistant message prefill. The conversation must end with a user "
            "message."
        )
    said = last["content"] if type(last["content"]) is str else last["content"][-1]["text"]
    if said != said.rstrip():
        return refusal("messages: final assistant content cannot end with trailing whitespace")
    return None


def first_thought(request: Request) -> Failure | None:
    """The last turn of a model that thinks, without what it thought before it called a tool."""
    thinking = request.raw["thinking"]
    if type(thinking) is not dict or thinking.get("type") != "enabled":
        return None
    turn = list(_last_turn(request.raw["messages"]))
    if not turn or any(block["type"] in THOUGHTS for _, message in turn for block in _blocks(message)):
        return None
    index, message = turn[0]
    found = next((block["type"] for block in _blocks(message)), "text")
    return refusal(
        f"messages.{index}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{found}`. "
        "When `thinking` is enabled, a final `assistant` message must start with a thinking block "
        "(preceeding the lastmost set of `tool_use` and `tool_result` blocks). We recommend you include "
        "thinking blocks from previous turns. To avoid this requirement, disable `thinking`. Please consult "
        "our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking"
    )


def _last_turn(messages: list[dict[str, Any]]) -> Iterator[tuple[int, dict[str, Any]]]:
    """What the model said since the user last said anything but results, the last first."""
    for index in range(len(messages) - 1, -1, -1):
        message = messages[index]
        if message["role"] == "assistant":
            yield index, message
        elif not any(block["type"] == "tool_result" for block in _blocks(message)):
            return
