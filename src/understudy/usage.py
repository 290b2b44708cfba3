"""How many tokens a request and a reply cost, as OpenAI counts them.

Sources: the overhead of the chat format (3 tokens a message and 1 for its role, 1 for a name, 3 for the
reply's start) and the cost of function definitions are those of the OpenAI cookbook's "How to count
tokens with tiktoken"; image tiles those of the vision guide (85 + 170 for each 512-pixel tile).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from understudy import tokens
from understudy.model import (
    Image,
    Part,
    Prefix,
    Reasoning,
    Request,
    ServerToolCall,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)

MESSAGE, NAME, REPLY = 3 + 1, 1, 3
FUNCTION, PROPERTIES, PROPERTY, ENUM, ENUM_ITEM, FUNCTIONS_END = 7, 3, 3, -3, 3, 12
FUNCTION_CL100K = 10
IMAGE_LOW, IMAGE_TILE = 85, 170
UNKNOWN_IMAGE_TILES = 4
TOOL_CALL = 3


def input_tokens(request: Request, encoding: str) -> int:
    """Tokens of the prompt, tools included; of a completion, those of the bare prompts."""
    if request.operation == "completion":
        prompts = (request.messages, *request.more)
        return texts((message.text for messages in prompts for message in messages), encoding)
    total = REPLY
    for message in request.messages:
        total += MESSAGE + _content(message.parts, encoding) + _results(message.parts, encoding)
        if message.name:
            total += NAME + tokens.count(message.name, encoding)
    return total + tools(request.tools, encoding)


def tools(offered: tuple[Tool, ...], encoding: str) -> int:
    """Tokens of the tools on offer."""
    return FUNCTIONS_END + sum(_tool(tool, encoding) for tool in offered) if offered else 0


def prefixes(found: Iterable[Prefix], encoding: str) -> list[int]:
    """Tokens of each prefix of a prompt; the last is the whole prompt but for the reply's start."""
    total, offered, counted = 0, False, []
    for each in found:
        if each.tools and not offered:
            total, offered = total + FUNCTIONS_END, True
        total += MESSAGE * each.messages + _content(each.parts, encoding)
        total += sum(_tool(tool, encoding) for tool in each.tools)
        counted.append(total)
    return counted


def output(choices: Iterable[tuple[Part, ...]], encoding: str) -> tuple[int, int]:
    """Tokens of an answer's choices together, and how many of them are reasoning."""
    total = reasoning = 0
    for parts in choices:
        total += _content(parts, encoding)
        for part in parts:
            if type(part) is Reasoning:
                reasoning += part_tokens(part, encoding)
    return total, reasoning


def texts(inputs: Iterable[str], encoding: str) -> int:
    """Tokens of bare texts together."""
    return sum(tokens.count(text, encoding) for text in inputs)


def _content(parts: tuple[Part, ...], encoding: str) -> int:
    if len(parts) == 1 and type(parts[0]) is Text:
        return tokens.count(parts[0].text, encoding)
    return sum(part_tokens(part, encoding) for part in parts)


def _results(parts: tuple[Part, ...], encoding: str) -> int:
    """Tokens of what the tools gave back that the vendor ran; the model did not write them."""
    return sum(tokens.count(part.result, encoding) for part in parts if isinstance(part, ServerToolCall))


def part_tokens(part: Part, encoding: str) -> int:
    """Tokens of one part; a tool call costs its name, its arguments and what holds them together."""
    if isinstance(part, ToolCall):
        return TOOL_CALL + tokens.count(part.name, encoding) + tokens.count(part.arguments, encoding)
    if isinstance(part, ServerToolCall):
        name = part.name or part.kind
        return TOOL_CALL + tokens.count(name, encoding) + tokens.count(part.input, encoding)
    if isinstance(part, Image):
        return IMAGE_LOW if part.detail == "low" else IMAGE_LOW + IMAGE_TILE * UNKNOWN_IMAGE_TILES
    if isinstance(part, ToolResult):
        return tokens.count(part.text, encoding)
    text = getattr(part, "text", "")
    return tokens.count(text, encoding) if text else 0


def _tool(tool: Tool, encoding: str) -> int:
    properties = (tool.schema or {}).get("properties")
    start = FUNCTION_CL100K if encoding == tokens.CL100K else FUNCTION
    total = start + tokens.count(f"{tool.name}:{tool.description.rstrip('.')}", encoding)
    if not isinstance(properties, Mapping) or not properties:
        return total
    return total + PROPERTIES + sum(_property(key, value, encoding) for key, value in properties.items())


def _property(key: str, schema: Any, encoding: str) -> int:
    if not isinstance(schema, Mapping):
        return PROPERTY
    total = PROPERTY
    if isinstance(enum := schema.get("enum"), list) and enum:
        total += ENUM + sum(ENUM_ITEM + tokens.count(str(item), encoding) for item in enum)
    description = str(schema.get("description") or "").rstrip(".")
    return total + tokens.count(f"{key}:{schema.get('type', '')}:{description}", encoding)
