"""What Anthropic's APIs refuse in the tools on offer and in how they are chosen.

Each function looks at a request that could be read, where it has the field that the function is about.
"""

from __future__ import annotations

import re
from typing import Any

from understudy.caching import cached
from understudy.errors import Failure
from understudy.model import Request
from understudy.providers.anthropic_base import refusal
from understudy.providers.anthropic_families_base import family
from understudy.providers.base import decode, encode

TOOL = frozenset(
    (
        "allowed_callers",
        "cache_control",
        "defer_loading",
        "description",
        "eager_input_streaming",
        "input_examples",
        "input_schema",
        "name",
        "strict",
        "type",
    )
)
"""Source: `anthropic` 2.12, `tool_param.py`, and `beta_tool_param.py`."""
LONGEST_NAME = 128
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_KEY = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
CHOICES = ("oneOf", "allOf", "anyOf")
DRAFT = "https://json-schema.org/draft/2020-12"


def offered(request: Request) -> Failure | None:
    """The first tool of the client's own that is wrong in itself."""
    for index, tool in enumerate(request.raw["tools"]):
        if (tool.get("type") or "custom") == "custom" and (wrong := _wrong(tool)) is not None:
            return refusal(f"tools.{index}.custom.{wrong}")
    return None


def _wrong(tool: dict[str, Any]) -> str | None:
    if not TOOL.issuperset(tool):
        stranger = next(key for key in tool if key not in TOOL)
        return f"{stranger}: Extra inputs are not permitted"
    if _NAME.fullmatch(tool["name"]) is None:
        if len(tool["name"]) > LONGEST_NAME:
            return f"name: String should have at most {LONGEST_NAME} characters"
        return "name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'"
    fault = _fault(encode(tool["input_schema"]))
    return None if fault is None else f"input_schema{fault}"


def twice(request: Request) -> Failure | None:
    """Two tools of one name; those that the vendor defines have names, too."""
    found = [tool["name"] for tool in request.raw["tools"] if type(tool.get("name")) is str]
    return refusal("tools: Tool names must be unique.") if len(set(found)) < len(found) else None


@cached(entries=512, longest=32_768)
def _fault(data: bytes) -> str | None:
    """What is wrong with the schema of a tool's input, from the place within it on."""
    schema: dict[str, Any] = decode(data)
    if "type" not in schema:
        return ".type: Field required"
    if schema["type"] != "object":
        return None
    if any(key in schema for key in CHOICES):
        return ": input_schema does not support oneOf, allOf, or anyOf at the top level"
    properties = schema.get("properties")
    if type(properties) is dict and not all(map(_KEY.fullmatch, properties)):
        return ".properties: Property keys should match pattern '^[a-zA-Z0-9_.-]{1,64}$'"
    if not _is_schema(schema):
        return (
            f": JSON schema is invalid. It must match JSON Schema draft 2020-12 ({DRAFT}). Learn more about "
            "tool use at https://docs.anthropic.com/en/docs/tool-use."
        )
    return None


def _is_schema(schema: dict[str, Any]) -> bool:
    import jsonschema_rs

    return jsonschema_rs.meta.is_valid({**schema, "$schema": f"{DRAFT}/schema"})


def forced(request: Request) -> Failure | None:
    """A forced tool, for a model that always decides by itself."""
    if request.tool_choice.mode != "required" or family(request.model).forces:
        return None
    return refusal('tool_choice: type "tool" and "any" are not supported for this model.')


def choice(request: Request) -> Failure | None:
    """A choice of a tool that is not there, or of any where there is none."""
    asked = request.raw["tool_choice"]
    tools = request.raw.get("tools") or ()
    if asked["type"] == "any" and not tools:
        return refusal("tool_choice.any may only be specified while providing tools")
    if asked["type"] != "tool" or any(tool.get("name") == asked["name"] for tool in tools):
        return None
    return refusal(f"Tool '{asked['name']}' not found in provided tools")
