"""Whoever searches docs/troubleshooting.md for a message finds it, in the contents and in its section."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parent.parent.parent / "docs" / "troubleshooting.md").read_text()
ROWS: list[tuple[str, str]] = re.findall(r"^\| (.+) \| \[.+\]\(#(.+)\) \|$", PAGE.partition("\n## ")[0], re.M)


def anchor(heading: str) -> str:
    """What a heading is called in a link: small letters, words joined by hyphens, no other signs."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def sections() -> dict[str, str]:
    """The text below each heading, down to the next one, by the heading's anchor."""
    _, *found = re.split(r"^##+ (.+)$", PAGE, flags=re.M)
    return {anchor(heading): text for heading, text in zip(found[::2], found[1::2], strict=True)}


@pytest.mark.parametrize(("row", "target"), ROWS, ids=[target for _, target in ROWS])
def test_a_row_of_the_contents_leads_to_a_section_with_its_messages(row: str, target: str) -> None:
    text = sections()[target]
    for message in re.findall(r"`(.+?)`", row):
        pattern = ".*".join(re.escape(piece) for piece in message.split("..."))
        assert re.search(pattern, text), f"{message} is not in {target}"


def test_every_section_is_in_the_contents() -> None:
    linked = {target for _, target in ROWS}
    chapters = {name for name, text in sections().items() if not text.strip()}
    assert set(sections()) - chapters - linked == set()


def test_every_link_within_the_page_leads_to_a_section() -> None:
    assert {target for target in re.findall(r"\]\(#(.+?)\)", PAGE) if target not in sections()} == set()
