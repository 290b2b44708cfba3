"""The table of docs/validation.md, read: what the tests hold the server to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).parent.parent.parent / "docs" / "validation.md"


class Row(NamedTuple):
    """A row of the page: the literal answer to a check's example."""

    api: str
    name: str
    status: int
    message: str
    type: str
    param: str | None
    code: str | None
    source: str


def rows() -> list[Row]:
    """The rows whose first cell names APIs in code, in the page's order: one for each of the APIs."""
    lines = PAGE.read_text("utf-8").splitlines()
    found = [cells(line) for line in lines if re.match(r"\| `(openai|gemini|anthropic)-", line)]
    return [row([api, *rest]) for apis, *rest in found for api in apis.split(", ")]


def cells(line: str) -> list[str]:
    """The cells of a table's line; `\\|` is a bar within one."""
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def row(found: list[str]) -> Row:
    api, name, _, status, message, type, param, code, link = found
    source = re.fullmatch(r"\[[^\]]+\]\((https://[^)]+)\)", link)
    assert source, f"{name}: the last cell should be a link, not {link!r}"
    return Row(
        plain(api) or "",
        plain(name) or "",
        int(status),
        (plain(message) or "").replace("\\n", "\n"),
        plain(type) or "",
        plain(param),
        plain(code),
        source[1],
    )


def plain(cell: str) -> str | None:
    """A cell without its backticks (two of them where it has one inside); null is None."""
    return None if cell == "null" else re.sub(r"^(`+) ?(.*?) ?\1$", r"\2", cell)
