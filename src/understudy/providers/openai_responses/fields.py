"""Responses: what the API refuses in fields other than the input.

Each function finds what is wrong with one field; it is asked where the field is there and not null.
"""

from __future__ import annotations

from typing import Any

from understudy.errors import Failure
from understudy.model import Request
from understudy.providers import openai_refusals_base as say
from understudy.providers import openai_schema_base as rules
from understudy.providers.openai_finds_base import Find, bad_tool_name
from understudy.providers.openai_responses.families import family
from understudy.providers.openai_responses.parse import LOGPROBS

KNOWN = frozenset(
    (
        "access_programs",
        "background",
        "background_options",
        "context_management",
        "conversation",
        "frequency_penalty",
        "image",
        "include",
        "input",
        "instructions",
        "max_output_tokens",
        "max_tool_calls",
        "metadata",
        "model",
        "moderation",
        "parallel_tool_calls",
        "presence_penalty",
        "previous_response_id",
        "prompt",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning",
        "safety_identifier",
        "service_tier",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "truncation",
        "user",
    )
)
"""All parameters that there are: those of `openai` 3.54's `ResponseCreateParams`, and the penalties."""
MOVED = {
    "messages": "input",
    "response_format": "text.format",
    "reasoning_effort": "reasoning.effort",
}
MEMBERS = {
    "text": frozenset(("format", "verbosity")),
    "reasoning": frozenset(("context", "effort", "mode", "summary")),
    "stream_options": frozenset(("include_obfuscation",)),
}
INCLUDES = (
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
    LOGPROBS,
)
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
SUMMARIES = ("concise", "detailed", "auto")
FEWEST_TOKENS = 16
FARTHEST = 2
"""By how many letters a parameter that is suggested may differ."""

# --- parameters that there are not ----------------------------------------------------------------


def unknown(request: Request) -> Failure | None:
    """Parameters that there are not, or that were called so in Chat Completions."""
    raw = request.raw
    if KNOWN.issuperset(raw):
        return None
    stranger = next(key for key in raw if key not in KNOWN)
    if stranger in MOVED:
        return say.refusal(
            f"Unsupported parameter: '{stranger}'. In the Responses API, this parameter has moved to "
            f"'{MOVED[stranger]}'. Try again with the new parameter. See the API documentation for more "
            "information: https://platform.openai.com/docs/api-reference/responses/create.",
            code="unsupported_parameter",
        )
    near = sorted((distance(stranger, key), key) for key in KNOWN if key not in raw)
    meant = " or ".join(f"'{key}'" for far, key in near if far <= FARTHEST)
    hint = f" Did you mean {meant}?" if meant else ""
    return say.refusal(f"Unknown parameter: '{stranger}'.{hint}", stranger, "unknown_parameter")


def distance(one: str, other: str) -> int:
    """How many letters have to be put in, taken out or changed to make one word of the other."""
    row = list(range(len(other) + 1))
    for index, letter in enumerate(one, 1):
        before, row[0] = row[0], index
        for place, against in enumerate(other, 1):
            changed = before + (letter != against)
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, changed)
    return row[-1]


def strange_member(where: str) -> Failure:
    return say.refusal(f"Unknown parameter: '{where}'.", where, "unknown_parameter")


def members(field: str) -> Find:
    """Finds a member that an object has not."""

    def find(request: Request) -> Failure | None:
        found = next((key for key in request.raw[field] if key not in MEMBERS[field]), None)
        return None if found is None else strange_member(f"{field}.{found}")

    return find


# --- each field for itself --------------------------------------------------------------------------


def member_of(field: str, member: str, supported: tuple[str, ...]) -> Find:
    """Finds that a member of an object is none of the texts that there are."""

    def find(request: Request) -> Failure | None:
        value = request.raw[field].get(member)
        if type(value) is not str or value in supported:
            return None
        return say.invalid_value(f"{field}.{member}", value, supported)

    return find


def include(request: Request) -> Failure | None:
    for index, each in enumerate(request.raw["include"]):
        if type(each) is str and each not in INCLUDES:
            return say.invalid_value(f"include[{index}]", each, INCLUDES)
    return None


def at_least(field: str, least: int) -> Find:
    """Finds that a number is too small."""

    def find(request: Request) -> Failure | None:
        value = request.raw[field]
        if type(value) is not int:
            return say.invalid_type(field, "an integer", value)
        return say.out_of_range(field, value, least, "integer") if value < least else None

    return find


def text_schema(request: Request) -> Failure | None:
    """The schema of a structured output."""
    given = request.response_format
    if given.kind != "json_schema" or not given.strict or given.schema is None:
        return None
    if (fault := rules.format_fault(given.schema)) is None:
        return None
    words = f"Invalid schema for response_format '{given.name}': {fault}"
    return say.refusal(words, "text.format.schema", "invalid_json_schema")


def no_model(request: Request) -> Failure | None:
    """A prompt may have a model of its own."""
    raw = request.raw
    return None if "model" in raw or raw.get("prompt") else say.missing("model")


def no_input(request: Request) -> Failure | None:
    """What the response is to go on from stands for it."""
    raw = request.raw
    gone_on_from = ("input", "previous_response_id", "conversation", "prompt")
    return None if "input" in raw or any(raw.get(field) for field in gone_on_from) else say.missing("input")


def tool_names(request: Request) -> Failure | None:
    """The names of the functions on offer."""
    for index, tool in enumerate(request.raw["tools"]):
        if tool["type"] == "function":
            wrong = bad_tool_name(tool["name"], f"tools[{index}].name")
            if wrong is not None:
                return wrong
    return None


def tool_schemas(request: Request) -> Failure | None:
    """The parameters of each function on offer; of one that says nothing of being strict, most are mended."""
    for index, tool in enumerate(request.raw["tools"]):
        schema = tool.get("parameters")
        if tool["type"] != "function" or schema is None or tool.get("strict") is None:
            continue
        if (fault := rules.function_fault(schema, tool["strict"])) is not None:
            words = f"Invalid schema for function '{tool['name']}': {fault}"
            return say.refusal(words, f"tools[{index}].parameters", "invalid_function_parameters")
    return None


# --- what is to be kept already ---------------------------------------------------------------------


def exclusive(request: Request) -> Failure | None:
    if request.raw.get("conversation") is None:
        return None
    return say.refusal(
        "Mutually exclusive parameters: ''. Ensure you are only providing one of: 'pre..._id' or "
        "'conversation'.",
        code="mutually_exclusive_parameters",
    )


def conversation(request: Request) -> Failure | None:
    """A conversation that there is not; beside a response, `exclusive` tells."""
    raw = request.raw
    if "conversation" not in request.refers or raw.get("previous_response_id") is not None:
        return None
    return _not_found("Conversation", raw["conversation"])


def prompt(request: Request) -> Failure | None:
    return _not_found("Prompt", request.raw["prompt"]) if "prompt" in request.refers else None


def _not_found(noun: str, given: Any) -> Failure:
    return Failure(404, "not_found", f"{noun} with id '{named(given)}' not found.")


def named(given: Any) -> Any:
    """The id of what is named by it, or by an object that has it."""
    return given.get("id") if type(given) is dict else given


def previous(request: Request) -> Failure | None:
    id = request.raw["previous_response_id"]
    if request.raw.get("conversation") is not None or "previous_response_id" not in request.refers:
        return None
    if type(id) is not str:
        return say.invalid_type("previous_response_id", "a string", id)
    words = f"Previous response with id '{id}' not found."
    return say.refusal(words, "previous_response_id", "previous_response_not_found")


# --- what the model does not take -------------------------------------------------------------------


def reasons(request: Request) -> bool:
    """Whether the model reasons on this request."""
    known = family(request.model)
    asked = (request.raw.get("reasoning") or {}).get("effort") or known.reasoning["effort"]
    return known.reasons and asked != "none"


def untaken(field: str, default: float) -> Find:
    """Finds a parameter that a model which reasons takes only as it is by default."""

    def find(request: Request) -> Failure | None:
        value = request.raw[field]
        if not reasons(request) or value == default or (field == "top_p" and value == _top_p(request)):
            return None
        words = f"Unsupported parameter: '{field}' is not supported with this model."
        return say.refusal(words, field)

    return find


def _top_p(request: Request) -> float:
    return family(request.model).top_p


def effort(request: Request) -> Failure | None:
    """An effort, for a vendor's model that does not reason."""
    asked = request.raw["reasoning"].get("effort")
    if asked is None or family(request.model).reasons or not request.model.startswith(ORDINARY):
        return None
    return say.unsupported("reasoning.effort")


ORDINARY = ("gpt-3.5-", "gpt-4", "chatgpt-4o-")
"""How the names begin of the vendor's models that do not reason."""


def encrypted(request: Request) -> Failure | None:
    """Encrypted thoughts, from a vendor's model that has none."""
    if "reasoning.encrypted_content" not in request.raw["include"] or family(request.model).reasons:
        return None
    if not request.model.startswith(ORDINARY):
        return None
    return say.refusal("Encrypted content is not supported with this model.", "include")


def logprobs(field: str) -> Find:
    """Finds that log probabilities are asked for, of a model that reasons."""

    def find(request: Request) -> Failure | None:
        value = request.raw[field]
        asked = LOGPROBS in value if field == "include" else value > 0
        if not asked or not reasons(request):
            return None
        words = "logprobs are not supported with reasoning models."
        return say.refusal(words, field, "unsupported_parameter")

    return find
