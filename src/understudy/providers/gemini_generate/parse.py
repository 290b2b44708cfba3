"""Gemini's generateContent: requests, read."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from understudy.caching import cached
from understudy.model import (
    DEFAULT_SAMPLING,
    PLAIN,
    HttpRequest,
    Request,
    ResponseFormat,
    Sampling,
)
from understudy.providers import gemini_base as base
from understudy.providers import gemini_contents_base as reading

NAME = "gemini-generate"
VERB, STREAM_VERB = "generateContent", "streamGenerateContent"
MOST_CHOICES = 8
CONFIG = "generation_config."
VERTEX = "vertex"
"""The version of requests that come by Vertex AI's paths; it takes some that the other API refuses."""


def parse(http: HttpRequest) -> Request:
    """Read a request to generate content; the path says the model, and whether the answer is streamed.

    Body: {"contents": [{"role", "parts"}], "systemInstruction"?, "tools"?, "toolConfig"?,
    "generationConfig"?, ...}; unknown fields stay in `raw`.
    Raises Failure(400) for what cannot be understood: no JSON object, mistyped fields.
    """
    call = base.call_of(http)
    raw = base.body_object(http)
    config = base.field(raw, "generationConfig")
    config = {} if config is None else base.message(config, "generation_config", "GenerationConfig")
    if (thinking := base.field(config, "thinkingConfig")) is not None:
        base.message(thinking, f"{CONFIG}thinking_config", "ThinkingConfig")
    return Request(
        NAME,
        "chat",
        call.model,
        reading.messages(raw),
        raw,
        reading.tools(raw),
        reading.tool_choice(raw),
        True,
        _response_format(config),
        _sampling(config),
        call.verb == STREAM_VERB,
        _choices(config),
        version=VERTEX if "/publishers/" in http.path else "",
    )


def is_array(http: HttpRequest) -> bool:
    """Whether a stream is told as a JSON array: where the query does not ask for server-sent events."""
    return not _wants_events(http.query)


@cached(entries=256, longest=128)
def _wants_events(query: str) -> bool:
    return parse_qs(query).get("alt") == ["sse"]


def _choices(config: dict[str, Any]) -> int:
    wanted = base.typed(config, "candidateCount", int, CONFIG) or 1
    return min(max(wanted, 1), MOST_CHOICES)


def _response_format(config: dict[str, Any]) -> ResponseFormat:
    """Plain text, any JSON, or JSON of a schema: the API's own, or a JSON Schema."""
    if base.typed(config, "responseMimeType", str, CONFIG) != "application/json":
        return PLAIN
    schema = base.field(config, "responseJsonSchema")
    if schema is None and (own := base.field(config, "responseSchema")) is not None:
        schema = reading.json_schema(base.message(own, f"{CONFIG}response_schema", "Schema"))
    return ResponseFormat("json_schema", schema) if type(schema) is dict else ResponseFormat("json_object")


def _sampling(config: dict[str, Any]) -> Sampling:
    if not config:
        return DEFAULT_SAMPLING
    limit = base.typed(config, "maxOutputTokens", int, CONFIG)
    stops = base.listed(config, "stopSequences")
    for index, each in enumerate(stops):
        if type(each) is not str:
            raise base.invalid_value(f"{CONFIG}stop_sequences[{index}]", "TYPE_STRING", each)
    return Sampling(
        limit if limit is not None and limit > 0 else None,
        tuple(stops),
        base.typed(config, "seed", int, CONFIG),
        base.typed(config, "temperature", float, CONFIG),
        base.typed(config, "topP", float, CONFIG),
    )
