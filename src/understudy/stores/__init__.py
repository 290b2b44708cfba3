"""Where journals are kept: in memory alone, or in a file too.

To add a store, write a file with a class like `sqlite.Sqlite`, and add its scheme to `open_store`.
"""

from __future__ import annotations

from typing import Protocol

from understudy.errors import Place
from understudy.journal import Shelf

SQLITE = "sqlite:///"


class Store(Protocol):
    """Keeps the journals of all spaces."""

    def shelf(self, space: str) -> Shelf | None:
        """What keeps the exchanges of the space; None where memory is enough."""

    def close(self) -> None:
        """Keep all that is not kept yet."""


class Memory:
    """Keeps nothing beyond what journals keep themselves: it all ends with the process."""

    def shelf(self, space: str) -> Shelf | None:
        return None

    def close(self) -> None:
        pass


def open_store(url: str) -> Store:
    """The store of this name: `memory`, or `sqlite:///FILE`. Raises SettingsError."""
    place = Place("--journal", "")
    if url == "memory":
        return Memory()
    if url.startswith(SQLITE) and url != SQLITE:
        from understudy.stores.sqlite import Sqlite

        return Sqlite(url.removeprefix(SQLITE), place)
    raise place.error(f"expected memory or sqlite:///FILE; found {url!r}")
