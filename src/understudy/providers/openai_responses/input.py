"""Responses: what the API refuses in an input that can be read.

shapes        each item for itself: members that there are not, contents of the wrong side
there         whether there is anything at all
conversation  whether they hang together: calls and their results, thoughts and what they led to
"""

from __future__ import annotations

from typing import Any

from understudy.errors import Failure
from understudy.model import Request
from understudy.providers import openai_refusals_base as say
from understudy.providers.openai_responses.fields import strange_member

ASKED = ("input_text", "input_image", "input_file", "scoped_content", "input_audio")
SAID = ("output_text", "refusal")
PHASES = ("commentary", "final_answer")
MESSAGE = frozenset(("content", "id", "role", "status", "type"))
ASSISTANT = MESSAGE | {"phase"}
OUTPUTS = ("function_call_output", "custom_tool_call_output")


def shapes(request: Request) -> Failure | None:
    """The first message that is wrong in itself."""
    given = request.raw["input"]
    if type(given) is str:
        return None
    for index, item in enumerate(given):
        if item.get("type", "message") == "message":
            found = _message(item, f"input[{index}]")
            if found is not None:
                return found
    return None


def _message(item: dict[str, Any], where: str) -> Failure | None:
    assistant = item["role"] == "assistant"
    for key in item:
        if key not in (ASSISTANT if assistant else MESSAGE):
            return strange_member(f"{where}.{key}")
    phase = item.get("phase")
    if phase is not None and phase not in PHASES:
        return say.invalid_value(f"{where}.phase", str(phase), PHASES)
    content = item["content"]
    if type(content) is str:
        return None
    taken = SAID if assistant else ASKED
    for index, part in enumerate(content):
        if part["type"] not in taken:
            return say.invalid_value(f"{where}.content[{index}]", part["type"], taken)
    return None


STARTS = {"function_call": "fc", "custom_tool_call": "ctc"}
"""How the ids of items begin, by the item's type."""


def ids(request: Request) -> Failure | None:
    """An item whose id is that of another kind: a call's `call_id`, say, in place of its own."""
    given = request.raw["input"]
    if type(given) is str:
        return None
    for index, item in enumerate(given):
        start, id = STARTS.get(item.get("type", "")), item.get("id")
        if start and type(id) is str and id and not id.startswith(start):
            where = f"input[{index}].id"
            words = f"Invalid '{where}': '{id[:100]}'. Expected an ID that begins with '{start}'."
            return say.refusal(words, where, "invalid_value")
    return None


def there(request: Request) -> Failure | None:
    """Finds that nothing is asked at all."""
    raw = request.raw
    if (
        raw["input"]
        or request.operation == "warm_up"
        or any(raw.get(key) for key in ("previous_response_id", "prompt", "conversation"))
    ):
        return None
    return say.refusal(
        "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be provided.",
        code="missing_required_parameter",
    )


# --- whether they hang together ---------------------------------------------------------------------


def kept(request: Request) -> Failure | None:
    """An item that is only named, and was not kept."""
    given = request.raw["input"]
    if "input" not in request.refers:
        return None
    found = [item.get("id") for item in request.items or ()]
    for item in given:
        if item.get("type") == "item_reference" and item.get("id") not in found:
            return _not_kept(str(item.get("id")), request.raw.get("store") is not False)
    return None


def _not_kept(id: str, store: bool) -> Failure:
    why = (
        ""
        if store
        else " Items are not persisted when `store` is set to false. Try again with `store` set to true, or "
        "remove this item from your input."
    )
    return Failure(404, "not_found", f"Item with id '{id}' not found.{why}", param="input")


def results(request: Request) -> Failure | None:
    """A call without a result, or the other way round, in the input and what came before."""
    given = request.raw["input"]
    if not request.refers.isdisjoint(("previous_response_id", "conversation")):
        return None  # what came before may hold the other half
    items = request.items if request.items is not None else () if type(given) is str else given
    called = {item["call_id"] for item in items if item.get("type") in ("function_call", "custom_tool_call")}
    told = {item["call_id"] for item in items if item.get("type") in OUTPUTS}
    for item in items:
        kind = item.get("type")
        if kind == "function_call" and item["call_id"] not in told:
            return say.refusal(f"No tool output found for function call {item['call_id']}.", "input")
        if kind == "function_call_output" and item["call_id"] not in called:
            words = f"No tool call found for function call output with call_id {item['call_id']}."
            return say.refusal(words, "input")
    return None


def thoughts(request: Request) -> Failure | None:
    """A thought after which nothing was said or called."""
    given = request.raw["input"]
    if type(given) is str:
        return None
    for item, following in zip(given, [*given[1:], None], strict=False):
        if item.get("type") == "reasoning" and item.get("id") and _led_to_nothing(following):
            words = (
                f"Item '{item['id']}' of type 'reasoning' was provided without its required following item."
            )
            return say.refusal(words, "input")
    return None


def _led_to_nothing(following: dict[str, Any] | None) -> bool:
    if following is None:
        return True
    if following.get("type", "message") == "message":
        return bool(following["role"] != "assistant")
    return following["type"] in OUTPUTS
