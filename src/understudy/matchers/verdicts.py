"""What a matcher says: whether it holds, what was expected, what was found instead."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

Groups = Mapping[str, str]
NO_GROUPS: Groups = {}


class Verdict(Struct, frozen=True, gc=False):
    """Whether a matcher holds. `groups` are the named groups that a regex captured.

    `why` is put together when somebody asks: most verdicts are only looked at for `ok`.
    """

    ok: bool
    groups: Groups = NO_GROUPS

    @property
    def why(self) -> str:
        """What was expected, and what was found."""
        return ""

    @property
    def nearness(self) -> float:
        """How near the request came, from 0 to 1 (holds)."""
        return float(self.ok)


class Combined(Verdict, frozen=True):
    """The verdict of `all`, `any` or `not` over the verdicts that were needed to reach it."""

    key: str = "all"
    verdicts: tuple[Verdict, ...] = ()

    @property
    def why(self) -> str:
        if self.key == "all":
            return "; ".join(v.why for v in self.verdicts if v.ok == self.ok)
        said = " | ".join(v.why for v in self.verdicts)
        if self.key == "any":
            return f"any: expected one of ({said})"
        return f"not: expected none of ({said})"

    @property
    def nearness(self) -> float:
        if self.ok:
            return 1.0
        if self.key == "not" or not self.verdicts:
            return 0.0
        near = [v.nearness for v in self.verdicts]
        return max(near) if self.key == "any" else sum(near) / len(near)
