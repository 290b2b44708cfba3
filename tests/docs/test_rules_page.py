"""The page about rules shows every key of a rule and of a reply, in rules that can be read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from understudy.documents import parsed
from understudy.rules import read_text
from understudy.rules.raw import KEYS as RAW_KEYS
from understudy.rules.read import FILE_KEYS, REPLY_KEYS, RULE_KEYS

PAGE = (Path(__file__).parent.parent.parent / "docs" / "rules.md").read_text()
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.M | re.S)


def rules() -> Iterator[Mapping[str, Any]]:
    for text in EXAMPLES:
        yield from parsed("rules.yaml", text)["rules"]  # type: ignore[index]


def replies() -> Iterator[Mapping[str, Any]]:
    """The replies that are mappings, and the parts that are."""
    for rule in rules():
        for reply in (rule.get("reply"), *rule.get("sequence", ())):
            if isinstance(reply, Mapping):
                yield reply
                yield from (part for part in reply.get("parts", ()) if isinstance(part, Mapping))


@pytest.mark.parametrize("text", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_is_a_rule_file(text: str) -> None:
    assert read_text("rules.yaml", text).rules


@pytest.mark.parametrize("key", FILE_KEYS)
def test_every_key_of_a_file_is_shown(key: str) -> None:
    assert any(key in parsed("rules.yaml", text) for text in EXAMPLES)  # type: ignore[operator]


@pytest.mark.parametrize("key", RULE_KEYS)
def test_every_key_of_a_rule_is_told_and_shown(key: str) -> None:
    assert f"`{key}`" in PAGE or f"`{key}: " in PAGE
    assert any(key in rule for rule in rules())


@pytest.mark.parametrize("key", [*REPLY_KEYS, "error", *RAW_KEYS])
def test_every_key_of_a_reply_is_told_and_shown(key: str) -> None:
    assert f"`{key}`" in PAGE
    assert any(key in reply for reply in replies())
