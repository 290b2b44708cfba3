"""Messages: what of a prompt `cache_control` asks to keep.

    tools -> system -> messages        each block ends a prefix, whose digest is of all before it, too

A change of a block changes every prefix from there on. So does a change of what the API writes into the
prompt by itself: before the system prompt for some parameters, before the messages for others.

Source: platform.claude.com/docs/en/build-with-claude/prompt-caching, and the file `prompt-caching.md` of
github.com/anthropics/skills, both read 2026-11.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

from msgspec import Struct

from understudy.caching import cached
from understudy.model import Caching, Part, Prefix, Tool, ToolResult
from understudy.providers import anthropic_request_base as reading
from understudy.providers.base import encode

MARK = "cache_control"
MOST_MARKS = 4
LOOKBACK = 20
TTLS = {"5m": 300, "1h": 3_600}
UNMARKED = ("thinking", "redacted_thinking")
"""Types of blocks that take no mark, and are kept as what comes before one."""
RUNS = ("tool_use", "tool_result")
"""Types of blocks of which several in a row are one place to look at."""
WEB_SEARCH = "web_search_"
"""How the type of the tool begins that is told to the model in the system prompt, not among the tools."""
LEAST = (
    (r"opus-4-[56]|haiku-4-5", 4_096),
    (r"opus-4-7|mythos-preview|(3-5-haiku|haiku-3-5|3-haiku)", 2_048),
    (r"(opus|fable|mythos)-5", 512),
)
"""The fewest tokens that are cached, by the model's name; 1,024 for all others."""


class Block(Struct, frozen=True):
    """A block of the prompt, and `where` it is; a tool is one, too."""

    where: str
    role: str
    raw: dict[str, Any]

    @property
    def kind(self) -> str:
        return str(self.raw.get("type") or "")

    @property
    def ttl(self) -> str:
        """`5m` or `1h`; empty where the block carries no mark."""
        return ttl_of(self.raw.get(MARK))


def ttl_of(mark: Any) -> str:
    """How long a mark asks to keep; empty where it is none."""
    if type(mark) is not dict:
        return ""
    return "1h" if mark.get("ttl") == "1h" else "5m"


Sections = tuple[list[Block], list[Block], list[Block]]
"""The blocks of tools, system prompt and messages."""


def sections(raw: dict[str, Any]) -> Sections:
    """All blocks of a request that could be read, in the order in which they are cached."""
    tools = [Block(f"tools.{index}", "tools", each) for index, each in enumerate(raw.get("tools") or ())]
    system = list(_content("system", "system", raw.get("system") or ()))
    messages = [
        block
        for index, each in enumerate(raw["messages"])
        for block in _content(f"messages.{index}.content", each["role"], each["content"])
    ]
    return tools, system, messages


def _content(where: str, role: str, content: Any) -> Iterator[Block]:
    if type(content) is str:
        content = ({"type": "text", "text": content},)
    for index, each in enumerate(content):
        yield Block(f"{where}.{index}", role, each)


def marked(found: Sections) -> list[Block]:
    """The blocks that carry a mark."""
    return [block for blocks in found for block in blocks if block.ttl]


def automatic(found: Sections) -> Block | None:
    """The block on which the mark of the request itself falls: the last that can take one."""
    for block in reversed([block for blocks in found for block in blocks]):
        if block.kind not in UNMARKED and block.raw.get("text") != "":
            return block
    return None


def caching(raw: dict[str, Any]) -> Caching | None:
    """What is to be kept of a request that could be read; None where it asks for nothing."""
    found = sections(raw)
    marks = {block.where: TTLS[block.ttl] for block in marked(found)}
    ttl = ttl_of(raw.get(MARK))
    if ttl and (last := automatic(found)) is not None:
        marks.setdefault(last.where, TTLS[ttl])
    if not marks:
        return None
    return Caching(tuple(_prefixes(raw, found, marks)), least(raw["model"]), LOOKBACK)


def _prefixes(raw: dict[str, Any], found: Sections, marks: dict[str, int]) -> Iterator[Prefix]:
    digest, place, last = b"", 0, ""
    begun: set[str] = set()
    for told, blocks in zip(_told(raw, found[2]), found, strict=True):
        digest = _digest(digest, told)
        for block in blocks:
            if not block.kind.startswith(WEB_SEARCH):
                digest = _digest(digest, (block.role, unmarked(block.raw)))
            place += not (block.kind == last and last in RUNS)
            last = block.kind
            yield Prefix(digest, place, *_added(block, begun), marks.get(block.where, 0))


def _told(raw: dict[str, Any], messages: list[Block]) -> tuple[tuple[Any, ...], ...]:
    """What the model is told by the API itself before tools, system prompt and messages."""
    config = raw.get("output_config") or {}
    cited = [each.raw["citations"] for each in messages if type(each.raw.get("citations")) is dict]
    system = (
        raw.get("speed") or "standard",
        [each for each in raw.get("tools") or () if str(each.get("type")).startswith(WEB_SEARCH)],
        any(each.get("enabled") is True for each in cited),
        config.get("format") or raw.get("output_format"),
    )
    conversation = (
        raw.get("tool_choice"),
        raw.get("thinking"),
        config.get("effort"),
        any(each.kind == "image" for each in messages),
    )
    return (), system, conversation


def _added(block: Block, begun: set[str]) -> tuple[int, tuple[Part, ...], tuple[Tool, ...]]:
    """How many messages begin with a block, its parts, and the tool that it is.

    `begun` are those that have begun; a tool's result is a message of its own.
    """
    if block.role == "tools":
        return 0, (), reading.tools({"tools": [block.raw]})
    parts = reading.block_parts(block.raw)
    results = sum(type(part) is ToolResult for part in parts)
    message = block.where.rpartition(".")[0]
    if results == len(parts) or message in begun:
        return results, parts, ()
    begun.add(message)
    return results + 1, parts, ()


def unmarked(block: dict[str, Any]) -> dict[str, Any]:
    """A block without its mark, and without those on the blocks inside of it: they change no prefix."""
    content = block.get("content")
    inside = {"content": [unmarked(each) for each in content]} if type(content) is list else {}
    return {key: value for key, value in (block | inside).items() if key != MARK}


def _digest(before: bytes, added: tuple[Any, ...]) -> bytes:
    return blake2b(before + encode(added), digest_size=16).digest()


@cached(entries=1_024, longest=256)
def least(model: str) -> int:
    """The fewest tokens that a model's cache keeps."""
    return next((least for names, least in LEAST if re.search(names, model)), 1_024)
