"""Messages: what the API refuses in fields other than the conversation and the tools.

Each function finds what is wrong with one field; it is asked where the field is there and not null.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from understudy.caching import cached
from understudy.catalog import known
from understudy.errors import Failure
from understudy.model import Request
from understudy.providers.anthropic_base import refusal
from understudy.providers.anthropic_families_base import family
from understudy.providers.anthropic_request_base import NEW, SAMPLING
from understudy.providers.base import decode, encode

Find = Callable[[Request], Failure | None]
KNOWN = frozenset(
    (
        "billing_policy",
        "cache_control",
        "compaction",
        "container",
        "context_management",
        "diagnostics",
        "fallback_credit_token",
        "fallbacks",
        "inference_geo",
        "max_tokens",
        "mcp_servers",
        "messages",
        "metadata",
        "model",
        "output_config",
        "output_format",
        "service_tier",
        "speed",
        "stop_sequences",
        "stream",
        "system",
        "thinking",
        "thread",
        "tool_choice",
        "tools",
        *SAMPLING,
    )
)
"""All parameters that there are, those of betas included: `anthropic` 2.12, `message_create_params.py`."""
LEAST_BUDGET = 1_024
OF_THINKING = "https://docs.claude.com/en/docs/build-with-claude/extended-thinking"
CONSIDER = f"{OF_THINKING}#important-considerations-when-using-extended-thinking"
LEAST_TOP_P = 0.95
"""What `top_p` must be beside thinking, at least."""


def unknown(request: Request) -> Failure | None:
    """A parameter that there is not."""
    if KNOWN.issuperset(request.raw):
        return None
    stranger = next(key for key in request.raw if key not in KNOWN)
    return refusal(f"{stranger}: Extra inputs are not permitted")


# --- sampling ----------------------------------------------------------------------------------------


def not_permitted(key: str) -> Find:
    """Since 2026-10-21 there is no way to say how to sample."""

    def find(request: Request) -> Failure | None:
        return refusal(f"{key}: Extra inputs are not permitted") if request.version >= NEW else None

    return find


def _old(request: Request, key: str) -> Any:
    """A field of the version in which one could still say how to sample; None where it is not given."""
    return request.raw.get(key) if request.version < NEW else None


def deprecated(key: str, default: float | None = None) -> Find:
    """Finds what a model no longer takes, unless it is the default."""

    def find(request: Request) -> Failure | None:
        value = _old(request, key)
        if value in (None, default) or family(request.model).sampling != "none":
            return None
        return refusal(f"`{key}` is deprecated for this model.")

    return find


def temperature_range(request: Request) -> Failure | None:
    value = _old(request, "temperature")
    return None if value is None or 0 <= value <= 1 else refusal("temperature: range: 0..1")


def one_of_two(request: Request) -> Failure | None:
    """Both ways to sample, for a model that takes one alone."""
    given = [_old(request, key) is not None for key in ("temperature", "top_p")]
    if not all(given) or family(request.model).sampling != "one":
        return None
    return refusal("`temperature` and `top_p` cannot both be specified for this model. Please use only one.")


def thinks(request: Request) -> bool:
    thinking = request.raw.get("thinking")
    return type(thinking) is dict and thinking.get("type") in ("enabled", "adaptive")


def temperature_and_thinking(request: Request) -> Failure | None:
    if not thinks(request) or _old(request, "temperature") in (None, 1):
        return None
    return refusal(
        "`temperature` may only be set to 1 when thinking is enabled or in adaptive mode. Please consult our "
        "documentation at https://platform.claude.com/docs/en/build-with-claude/extended-thinking"
    )


def top_p_and_thinking(request: Request) -> Failure | None:
    value = _old(request, "top_p")
    if value is None or not thinks(request) or value >= LEAST_TOP_P:
        return None
    return refusal(
        f"`top_p` must be greater than or equal to {LEAST_TOP_P} or unset when thinking is enabled. Please "
        f"consult our documentation at {CONSIDER}"
    )


def top_k_and_thinking(request: Request) -> Failure | None:
    if _old(request, "top_k") is None or not thinks(request):
        return None
    return refusal(
        f"`top_k` must be unset when thinking is enabled. Please consult our documentation at {CONSIDER}"
    )


# --- the answer ----------------------------------------------------------------------------------------


def most_tokens(request: Request) -> Failure | None:
    """More tokens than the model can answer with."""
    asked, found = request.sampling.max_tokens or 0, known(request.model)
    if found is None or not found.output or asked <= found.output:
        return None
    return refusal(
        f"max_tokens: {asked} > {found.output}, which is the maximum allowed number of output tokens for "
        f"{request.model}"
    )


def stop_sequences(request: Request) -> Failure | None:
    if all(each.strip() for each in request.sampling.stop):
        return None
    return refusal("stop_sequences: each stop sequence must contain non-whitespace")


def effort(request: Request) -> Failure | None:
    """How much effort to make, for a model that always makes the same."""
    if request.raw["output_config"].get("effort") is None or family(request.model).effort:
        return None
    return refusal("This model does not support the effort parameter.")


def output_schema(field: str, within: str) -> Find:
    """Finds what a schema of the answer may not say; it is `within` the field."""

    def find(request: Request) -> Failure | None:
        if request.response_format.schema is None:
            return None
        fault = _fault(encode(request.response_format.schema))
        return None if fault is None else refusal(f"{field}.{within}: {fault}")

    return find


BOUNDS = {
    "number": ("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"),
    "integer": ("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"),
    "array": ("maxItems", "uniqueItems"),
}
"""What is not supported beside a type."""


@cached(entries=512, longest=32_768)
def _fault(data: bytes) -> str | None:
    return next(filter(None, map(_node, _nodes(decode(data)))), None)


def _node(schema: dict[str, Any]) -> str | None:
    kind = schema.get("type")
    if kind == "object" and (more := schema.get("additionalProperties")) is not False:
        return _open(more)
    found = [key for key in BOUNDS.get(kind, ()) if key in schema] if type(kind) is str else []
    if not found:
        return None
    noun, verb = ("properties", "are") if len(found) > 1 else ("property", "is")
    names = ", ".join(found) if len(found) > 1 else f"'{found[0]}'"
    return f"For '{kind}' type, {noun} {names} {verb} not supported"


def _open(more: Any) -> str:
    """What is wrong with an object that may have other members than those told."""
    if more is True:
        said = "'additionalProperties: true' is not supported. Please set 'additionalProperties' to false"
        return f"For 'object' type, {said}"
    return "For 'object' type, 'additionalProperties' must be explicitly set to false"


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """All schemas within a schema, itself first."""
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if type(node) is not dict:
            continue
        yield node
        for key in ("properties", "$defs", "definitions"):
            waiting += node[key].values() if type(node.get(key)) is dict else ()
        for key in ("anyOf", "allOf"):
            waiting += node[key] if type(node.get(key)) is list else ()
        waiting.append(node.get("items"))


# --- thinking ----------------------------------------------------------------------------------------


def budget(request: Request) -> int | None:
    """The tokens that thinking may take, None where it is off or nothing is said."""
    thinking = request.raw["thinking"]
    given = thinking.get("budget_tokens") if type(thinking) is dict else None
    return given if type(given) is int and thinking.get("type") == "enabled" else None


def small_budget(request: Request) -> Failure | None:
    given = budget(request)
    if given is not None and given < LEAST_BUDGET:
        return refusal(
            f"thinking.enabled.budget_tokens: Input should be greater than or equal to {LEAST_BUDGET}"
        )
    return None


def no_room(request: Request) -> Failure | None:
    given = budget(request)
    if given is not None and given >= (request.sampling.max_tokens or 0):
        return refusal(
            "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our documentation at "
            f"{OF_THINKING}#max-tokens-and-context-window-size"
        )
    return None


def forced(request: Request) -> Failure | None:
    if budget(request) is not None and request.tool_choice.mode == "required":
        return refusal("Thinking may not be enabled when tool_choice forces tool use.")
    return None
