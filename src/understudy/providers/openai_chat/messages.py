"""Chat Completions: what the API refuses in messages that can be read.

    shapes        each message for itself: empty lists, names, images
    conversation  whether they hang together: contents that are missing, calls and their results

One walk each. Messages of nothing but a role and a text, which most are, cost two look-ups.
"""

from __future__ import annotations

import re
from binascii import Error, a2b_base64
from collections.abc import Iterable
from typing import Any

from understudy.errors import Failure
from understudy.model import Request
from understudy.providers import openai_refusals_base as say
from understudy.providers.openai_chat.families import TEXT_ONLY, family
from understudy.providers.openai_finds_base import TOOL_NAME, is_tool_name

MOST_CALLS = 128
NO_NAME = re.compile(r"[\s<|\\/>]")
NAMED = frozenset(("system", "developer", "user", "assistant"))
INSTEAD_OF_CONTENT = ("tool_calls", "function_call", "refusal", "audio")
IMAGES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"RIFF")
"""How the bytes begin of the images that the API takes: png, jpeg, gif and webp."""
ENOUGH = 24  # characters of base64 that hold the longest of these


# --- each message for itself ----------------------------------------------------------------------


def shapes(request: Request) -> Failure | None:
    """The first message that is wrong in itself."""
    messages = request.raw["messages"]
    if not messages:
        return say.empty_array("messages")
    for index, message in enumerate(messages):
        if len(message) == 2 and type(message.get("content")) is str:
            continue
        found = _shape(message, f"messages[{index}]", request.model)
        if found is not None:
            return found
    return None


def _shape(message: dict[str, Any], where: str, model: str) -> Failure | None:
    if message["role"] == "developer" and message.get("content") is None:
        if "content" not in message:
            return say.missing(f"{where}.content")
        return say.invalid_type(f"{where}.content", "one of a string or array of objects", None)
    name = message.get("name")
    if name and message["role"] in NAMED and NO_NAME.search(name):
        return say.pattern(f"{where}.name", r"^[^\s<|\\/>]+$")
    calls = message.get("tool_calls")
    if calls is not None and message["role"] == "assistant":
        return _calls(calls, f"{where}.tool_calls")
    content = message.get("content")
    return _images(content, f"{where}.content", model) if type(content) is list else None


def _calls(calls: list[dict[str, Any]], where: str) -> Failure | None:
    if not calls:
        return say.empty_array(where)
    if len(calls) > MOST_CALLS:
        return say.array_too_long(where, MOST_CALLS, len(calls))
    for index, call in enumerate(calls):
        if "function" in call and not is_tool_name(call["function"]["name"]):
            return say.pattern(f"{where}[{index}].function.name", TOOL_NAME)
    return None


def _images(content: list[dict[str, Any]], where: str, model: str) -> Failure | None:
    for index, part in enumerate(content):
        if part["type"] == "image_url":
            if TEXT_ONLY.fullmatch(model):
                words = "Invalid content type. image_url is only supported by certain models."
                return say.refusal(words, f"{_dotted(where)}.[{index}].type")
            found = _image(part["image_url"]["url"], f"{where}[{index}].image_url.url")
            if found is not None:
                return found
    return None


def _image(url: str, where: str) -> Failure | None:
    """What is wrong with an image's URL. What is behind it, nobody fetches."""
    scheme = url[:8].lower()
    if scheme.startswith(("http://", "https://")):
        return None
    if not scheme.startswith("data:"):
        return say.refusal(
            f"Invalid image URL: '{where}'. Expected a base64-encoded data URL with an image MIME type (e.g. "
            "'data:image/png;base64,aW1nIGJ5dGVzIGhlcmU='), but got a value without the 'data:' prefix.",
            where,
            "invalid_value",
        )
    start = url.find(",") + 1
    try:
        head = a2b_base64(url[start : start + ENOUGH])
    except Error:
        return None
    if head.startswith(IMAGES):
        return None
    return say.refusal(
        "You uploaded an unsupported image. Please make sure your image has of one the following formats: "
        "['png', 'jpeg', 'gif', 'webp'].",
        code="invalid_image_format",
    )


def _dotted(where: str) -> str:
    """The older spelling of a path, which some refusals have: `messages.[0].content`."""
    return where.replace("[", ".[")


# --- whether they hang together -------------------------------------------------------------------


def conversation(request: Request) -> Failure | None:
    """The first message that has no content, or that does not follow from those before it."""
    waiting: dict[str, None] = {}  # ids of calls that have no result so far, in order
    called: frozenset[str] | None = None  # ids of all calls, where results may follow
    for index, message in enumerate(request.raw["messages"]):
        role = message["role"]
        if role == "tool":
            if message.get("content") is None:
                return _no_content(index)
            if called is None:
                return say.refusal(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message "
                    "with 'tool_calls'.",
                    f"messages.[{index}].role",
                )
            id = message["tool_call_id"]
            if id not in called:
                return say.refusal(
                    f"Invalid parameter: 'tool_call_id' of '{id}' not found in 'tool_calls' of previous "
                    "message.",
                    f"messages.[{index}].tool_call_id",
                )
            waiting.pop(id, None)
            continue
        if waiting:
            return _no_results(waiting, f"messages.[{index}].role")
        called = None
        if role == "assistant" and (calls := message.get("tool_calls")):
            waiting = dict.fromkeys([call["id"] for call in calls])
            called = frozenset(waiting)
        elif message.get("content") is None and _needs_content(message):
            return _no_content(index)
    return _no_results(waiting, "messages") if waiting else None


def _needs_content(message: dict[str, Any]) -> bool:
    """Whether a message says nothing without content. What a developer lacks is said of its shape."""
    if message["role"] == "assistant":
        return all(message.get(key) is None for key in INSTEAD_OF_CONTENT)
    return message["role"] not in ("function", "developer")


def _no_content(index: int) -> Failure:
    words = "Invalid value for 'content': expected a string, got null."
    return say.refusal(words, f"messages.[{index}].content")


def _no_results(ids: Iterable[str], param: str) -> Failure:
    return say.refusal(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
        f"'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(ids)}",
        param,
    )


def roles(request: Request) -> Failure | None:
    """The first message of a role that the model does not take."""
    known = family(request.model)
    if known is None or not known.roles:
        return None
    for index, message in enumerate(request.raw["messages"]):
        if (role := message["role"]) not in known.roles:
            where = f"messages[{index}].role"
            words = f"Unsupported value: '{where}' does not support '{role}' with this model."
            return say.refusal(words, where, "unsupported_value")
    return None
