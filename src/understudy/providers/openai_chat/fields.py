"""Chat Completions: what the API refuses in fields other than the messages.

Each function finds what is wrong with one field; it is asked where the field is there and not null.
"""

from __future__ import annotations

from typing import Any

from understudy.errors import Failure
from understudy.model import Request
from understudy.providers import openai_refusals_base as say
from understudy.providers.openai_chat.families import MOST_OUTPUT, ORDINARY, Limit, family, limit
from understudy.providers.openai_finds_base import (
    Find,
    bad_tool_name,
    is_tool_name,
    metadata,
    one_of,
    typed,
    within,
)

__all__ = ["metadata", "one_of", "typed", "within"]

KNOWN = frozenset(
    (
        "audio",
        "frequency_penalty",
        "function_call",
        "functions",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "metadata",
        "modalities",
        "model",
        "moderation",
        "n",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning_effort",
        "response_format",
        "safety_identifier",
        "seed",
        "service_tier",
        "stop",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
        "web_search_options",
    )
)
"""All parameters that there are: those of `openai` 3.54's `CompletionCreateParams`."""
MOST_TOOLS, LONGEST_TOOL_NAME = 128, 64
MOST_STOPS, LONGEST_USER = 4, 64
TIERS = ("auto", "default", "fast", "flex", "priority")
UNLISTED_TIERS = ("scale",)  # in the SDK's types, but not among those that the API tells
RETENTIONS = ("in_memory", "24h", "in-memory")  # the last as older SDKs have it
MEMBERS = {
    "stream_options": frozenset(("include_usage", "include_obfuscation")),
    "prompt_cache_options": frozenset(("mode", "ttl")),
}


def unknown(request: Request) -> Failure | None:
    """Parameters that there are not, or that the model has never heard of."""
    raw = request.raw
    known = family(request.model)
    if KNOWN.issuperset(raw) and (known is None or known.unknown.isdisjoint(raw)):
        return None
    further = known.unknown if known else frozenset()
    strangers = [key for key in raw if raw[key] is not None and (key not in KNOWN or key in further)]
    if not strangers:
        return None
    if known is None:
        return _unrecognized(strangers)
    return say.refusal(f"Unknown parameter: '{strangers[0]}'.", strangers[0], "unknown_parameter")


def strange_members(field: str) -> Find:
    """Finds members that an object has not, for models that look at them."""

    def find(request: Request) -> Failure | None:
        given = request.raw[field]
        if type(given) is not dict or given.keys() <= MEMBERS[field] or family(request.model) is None:
            return None
        where = f"{field}.{next(key for key in given if key not in MEMBERS[field])}"
        return say.refusal(f"Unknown parameter: '{where}'.", where, "unknown_parameter")

    return find


def _unrecognized(keys: list[str]) -> Failure:
    """What models say that do not reason."""
    plural = "s" if len(keys) > 1 else ""
    return say.refusal(f"Unrecognized request argument{plural} supplied: {', '.join(keys)}")


# --- types and ranges -----------------------------------------------------------------------------


def at_least_one(field: str) -> Find:
    """Finds that a number of tokens is not even one."""

    def find(request: Request) -> Failure | None:
        value = request.raw[field]
        return None if value >= 1 else say.out_of_range(field, value, 1, "integer")

    return find


def choices(request: Request) -> Failure | None:
    known = family(request.model)
    if known is None or request.choices <= known.most_choices:
        return None
    return say.out_of_range("n", request.choices, known.most_choices, "integer")


def service_tier(request: Request) -> Failure | None:
    value = request.raw["service_tier"]
    if type(value) is not str:
        listed = ", ".join(f"'{tier}'" for tier in TIERS[:-1])
        return say.invalid_type("service_tier", f"one of {listed}, or '{TIERS[-1]}'", value)
    return _tier(request)


_tier = one_of("service_tier", TIERS, UNLISTED_TIERS)


def user(request: Request) -> Failure | None:
    value = request.raw["user"]
    if type(value) is not str:
        return say.invalid_type("user", "a string", value)
    return say.string_too_long("user", LONGEST_USER, len(value)) if len(value) > LONGEST_USER else None


def retention(request: Request) -> Failure | None:
    value = request.raw["prompt_cache_retention"]
    if type(value) is not str:
        words = "one of 'in_memory' or '24h'"
        return say.invalid_type("prompt_cache_retention", words, value)
    if value in RETENTIONS:
        return None
    return say.refusal("Invalid prompt_cache_retention argument", "prompt_cache_retention")


def moderation(request: Request) -> Failure | None:
    given = request.raw["moderation"]
    return say.missing("moderation.model") if type(given) is dict and "model" not in given else None


def stop(request: Request) -> Failure | None:
    found = len(request.sampling.stop)
    return say.array_too_long("stop", MOST_STOPS, found) if found > MOST_STOPS else None


# --- fields that belong together ------------------------------------------------------------------


_strange_options = strange_members("stream_options")


def stream_options(request: Request) -> Failure | None:
    if (found := _strange_options(request)) is not None or request.stream:
        return found
    words = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
    return say.refusal(words, "stream_options")


def top_logprobs(request: Request) -> Failure | None:
    raw = request.raw
    known = family(request.model)
    most = known.most_top_logprobs if known else raw["top_logprobs"]
    if raw["top_logprobs"] > most:
        words = f"Invalid value for 'top_logprobs': must be less than or equal to {most}."
        return say.refusal(words, "top_logprobs")
    if raw.get("logprobs"):
        return None
    words = "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled."
    return say.refusal(words, "top_logprobs")


def both_limits(request: Request) -> Failure | None:
    if request.raw.get("max_completion_tokens") is None:
        return None
    words = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported."
    return say.refusal(words, "max_tokens", "invalid_parameter_combination")


def most_output(request: Request) -> Failure | None:
    most, found = MOST_OUTPUT.get(request.model), request.raw["max_tokens"]
    if most is None or found <= most:
        return None
    return say.refusal(
        f"max_tokens is too large: {found}. This model supports at most {most} completion tokens, whereas "
        f"you provided {found}.",
        "max_tokens",
        "invalid_value",
    )


def json_word(request: Request) -> Failure | None:
    if request.response_format.kind != "json_object" or "json" in str(request.raw["messages"]).lower():
        return None
    return say.refusal(
        "'messages' must contain the word 'json' in some form, to use 'response_format' of type "
        "'json_object'.",
        "messages",
    )


# --- tools ----------------------------------------------------------------------------------------


def tools(request: Request) -> Failure | None:
    """How many they are, and their names."""
    given = request.raw["tools"]
    if not given:
        return say.empty_array("tools")
    if len(given) > MOST_TOOLS:
        return say.array_too_long("tools", MOST_TOOLS, len(given))
    for index, tool in enumerate(given):
        if tool["type"] == "function" and (wrong := _name(tool["function"]["name"], index)) is not None:
            return wrong
    return None


def _name(name: str, index: int) -> Failure | None:
    where = f"tools[{index}].function.name"
    if len(name) > LONGEST_TOOL_NAME and is_tool_name(name):
        return say.string_too_long(where, LONGEST_TOOL_NAME, len(name))
    return bad_tool_name(name, where)


def only_with(field: str, other: str) -> Find:
    """Finds that a field is there without the one that it is about."""

    def find(request: Request) -> Failure | None:
        if request.raw.get(other) is not None:
            return None
        words = f"Invalid value for '{field}': '{field}' is only allowed when '{other}' are specified."
        return say.refusal(words, field)

    return find


def chosen_tool(request: Request) -> Failure | None:
    """A tool that must be called, but is not offered. The API speaks of functions, whatever it was asked."""
    choice = request.raw["tool_choice"]
    if type(choice) is not dict or choice["type"] != "function" or not request.tools:
        return None
    name = choice["function"]["name"]
    if any(tool.name == name for tool in request.tools):
        return None
    return say.refusal(
        f"Invalid value for 'function_call': no function named '{name}' was specified in the 'functions' "
        "parameter.",
        "function_call",
    )


# --- what the model does not take -----------------------------------------------------------------


def untaken(field: str) -> Find:
    """Finds that the model takes a parameter not at all, or not with this value."""

    def find(request: Request) -> Failure | None:
        raw = request.raw
        found = limit(request.model, field, raw)
        if found is None or raw[field] == found.only:
            return None
        return _untaken(field, raw[field], found)

    return find


def _untaken(field: str, value: Any, found: Limit) -> Failure:
    if found.words == "parameter":
        return say.unsupported(field, found.instead)
    return say.refusal(
        f"Unsupported value: '{field}' does not support {value} with this model. Only the default "
        f"({found.only:g}) value is supported.",
        field,
        "unsupported_value",
    )


def effort(request: Request) -> Failure | None:
    """`reasoning_effort` for a model that does not reason, or none that it knows."""
    known, value = family(request.model), request.raw["reasoning_effort"]
    if known is None:
        return _unrecognized(["reasoning_effort"]) if request.model.startswith(ORDINARY) else None
    if not known.efforts or value in known.efforts:
        return None
    quoted = [f"'{each}'" for each in known.efforts]
    found = f"'{value}'" if type(value) is str else str(value)
    return say.refusal(
        f"Unsupported value: 'reasoning_effort' does not support {found} with this model. Supported values "
        f"are: {', '.join(quoted[:-1])}, and {quoted[-1]}.",
        "reasoning_effort",
        "unsupported_value",
    )
