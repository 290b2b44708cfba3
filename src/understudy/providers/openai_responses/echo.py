"""Responses: what an answer repeats of its request, with what the API fills in.

The object that is the whole answer, and that opens and ends a stream, holds all parameters. They are encoded
once, in four pieces around what changes:

    id created status | BEFORE ... model | output | AFTER ... | service_tier | LATER ... | usage | LAST
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from understudy.caching import cached
from understudy.model import Request
from understudy.providers.base import encode
from understudy.providers.openai_responses.families import family

NO_TOOL_USAGE = {
    "image_gen": {
        "input_tokens": 0,
        "input_tokens_details": {"image_tokens": 0, "text_tokens": 0},
        "output_tokens": 0,
        "output_tokens_details": {"image_tokens": 0, "text_tokens": 0},
        "total_tokens": 0,
    },
    "web_search": {"num_requests": 0},
}
SERVED = {"flex": "flex", "priority": "priority", "fast": "priority", "scale": "scale"}
"""By which tier a request is served that asks for one; any other is served by default."""


class Echo(Struct, frozen=True, gc=False):
    """The pieces, each without its braces.

    `penalty` is that on frequency, `asked` and `served` are service tiers; `conversation` is a whole member,
    where there is one.
    """

    background: bytes
    conversation: bytes

    penalty: bytes
    before: bytes
    after: bytes
    later: bytes
    last: bytes
    asked: bytes
    served: bytes


SILENT = frozenset(("include", "input", "model", "stream", "stream_options"))
"""Parameters that are not repeated."""


def echo(request: Request, model: str) -> Echo:
    """What is repeated of a request that `model` answers; most requests say nothing that would be."""
    raw = request.raw
    return _plain(model) if SILENT.issuperset(raw) else _echo(raw, model)


@cached(entries=256, longest=256)
def _plain(model: str) -> Echo:
    return _echo({}, model)


def _echo(raw: Mapping[str, Any], model: str) -> Echo:
    known = family(model)
    tier = raw.get("service_tier")
    return Echo(
        b"true" if raw.get("background") is True else b"false",
        _conversation(raw.get("conversation")),
        encode(_given(raw, "frequency_penalty", 0.0)),
        _piece(
            {
                "instructions": raw.get("instructions"),
                "max_output_tokens": raw.get("max_output_tokens"),
                "max_tool_calls": raw.get("max_tool_calls"),
                "model": model,
                "moderation": None,
            }
        ),
        _piece(
            {
                "parallel_tool_calls": _given(raw, "parallel_tool_calls", True),
                "presence_penalty": _given(raw, "presence_penalty", 0.0),
                "previous_response_id": raw.get("previous_response_id"),
                **_prompt(raw.get("prompt")),
                "prompt_cache_key": raw.get("prompt_cache_key"),
                **_cache_options(raw),
                "prompt_cache_retention": _given(raw, "prompt_cache_retention", known.retention),
                "reasoning": _reasoning(raw.get("reasoning") or {}, known.reasoning),
                "safety_identifier": raw.get("safety_identifier"),
            }
        ),
        _piece(
            {
                "store": _given(raw, "store", True),
                "temperature": _given(raw, "temperature", 1.0),
                "text": _text(raw.get("text") or {}),
                "tool_choice": _given(raw, "tool_choice", "auto"),
                "tool_usage": NO_TOOL_USAGE,
                "tools": [_tool(tool) for tool in raw.get("tools") or ()],
                "top_logprobs": _given(raw, "top_logprobs", 0),
                "top_p": _given(raw, "top_p", known.top_p),
                "truncation": _given(raw, "truncation", "disabled"),
            }
        ),
        _piece({"user": raw.get("user"), "metadata": raw.get("metadata") or {}}),
        encode(_given(raw, "service_tier", "auto")),
        encode(SERVED.get(tier, "default") if type(tier) is str else "default"),
    )


def _prompt(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        return {}
    told = {key: given.get(key) for key in ("id", "variables", "version")}
    return {"prompt": told}


def _conversation(given: Any) -> bytes:
    if given is None:
        return b""
    return b'"conversation":%b,' % encode(given if isinstance(given, dict) else {"id": given})


def _piece(fields: dict[str, Any]) -> bytes:
    return encode(fields)[1:-1]


def _given(raw: Mapping[str, Any], field: str, default: Any) -> Any:
    """What a request gives, or what the API fills in for nothing and null."""
    value = raw.get(field)
    return default if value is None else value


def _cache_options(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The options of the cache that were applied, where any are given; that it was to be warmed is none."""
    given = raw.get("prompt_cache_options")
    if type(given) is not dict:
        return {}
    applied = {"mode": "implicit", "ttl": "30m", **given}
    applied.pop("prewarm", None)
    return {"prompt_cache_options": applied}


def _reasoning(given: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """`auto` is the most detailed summary that a model has."""
    told = {**known, **{key: value for key, value in given.items() if value is not None}}
    if told.get("summary") == "auto":
        told["summary"] = "detailed"
    return told


def _text(given: Mapping[str, Any]) -> dict[str, Any]:
    form = given.get("format") or {"type": "text"}
    if form["type"] == "json_schema":
        form = {
            "type": "json_schema",
            "description": form.get("description"),
            "name": form["name"],
            "schema": form["schema"],
            "strict": form.get("strict") is True,
        }
    return {"format": form, "verbosity": _given(given, "verbosity", "medium")}


def _tool(given: dict[str, Any]) -> dict[str, Any]:
    """A function is strict where it does not say otherwise, and its schema is made so."""
    if given["type"] == "custom":
        return {
            "type": "custom",
            "description": given.get("description"),
            "format": given.get("format") or {"type": "text"},
            "name": given["name"],
        }
    if given["type"] != "function":
        return given
    strict = given.get("strict") is not False
    parameters = given.get("parameters")
    return {
        "type": "function",
        "description": given.get("description"),
        "name": given["name"],
        "output_schema": given.get("output_schema"),
        "parameters": strictly(parameters) if strict and parameters is not None else parameters,
        "strict": strict,
    }


def strictly(schema: Any) -> Any:
    """A schema whose objects are closed and require all of their properties.

    Source: developers.openai.com/api/docs/guides/function-calling, "Strict mode".
    """
    if isinstance(schema, list):
        return [strictly(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    told = {key: value if key in _DATA else strictly(value) for key, value in schema.items()}
    if schema.get("type") == "object" and isinstance(properties := schema.get("properties"), dict):
        told |= {"additionalProperties": False, "required": list(properties)}
    return told


_DATA = frozenset(("const", "default", "enum", "examples", "required"))
"""Keys of a schema below which there are values, not schemas."""
