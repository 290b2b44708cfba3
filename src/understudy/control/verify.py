"""The call that verifies what was asked and answered."""

from __future__ import annotations

from typing import Any

from msgspec import to_builtins

from understudy.control.base import Call, Refused, Route
from understudy.errors import Place
from understudy.verification import read_wanted, verify

MOST = 100_000
"""Exchanges that are verified at once: a journal in a file can have millions."""
REMEDY = "that can be verified at once; forget them with DELETE /_understudy/requests before what is verified"


def verified(call: Call) -> dict[str, Any]:
    """Verify all that the journal has; what is not as wanted is refused with what came nearest."""
    engine, wanted = call.on.engine, read_wanted(call.json(), Place("verify"))
    if len(engine.journal) > MOST:
        raise Refused(
            400, f"the journal has {len(engine.journal):,} exchanges, more than the {MOST:,} {REMEDY}"
        )
    found = verify(tuple(engine.journal.oldest()), engine.asked, wanted)
    told = {"ok": found.ok, "count": found.count, "expected": found.expected}
    if found.totals:
        told["totals"] = found.totals
    if not found.ok:
        raise Refused(417, found.message, more=told | {"nearest": to_builtins(found.nearest)})
    return told


ROUTES: tuple[Route, ...] = (("POST", "/verify", verified),)
