"""Calls that change what stands around an answer: faults, limits, and the mock's clock."""

from __future__ import annotations

from typing import Any

from understudy.control.base import Call, Route, read_object
from understudy.errors import Place
from understudy.limits import read_limits, written
from understudy.pace import read_seconds

MOST_ADVANCE_S = 1_000_000_000


def faults(call: Call) -> dict[str, Any]:
    return {"faults": call.on.engine.world.faults.listed()}


def set_faults(call: Call) -> dict[str, Any]:
    """Put these faults in place of all."""
    call.on.engine.world.faults.replace(call.json())
    return faults(call)


def clear_faults(call: Call) -> dict[str, Any]:
    call.on.engine.world.faults.clear()
    return faults(call)


def limits(call: Call) -> dict[str, Any]:
    return {"limits": written(call.on.engine.world.limits.limits)}


def set_limits(call: Call) -> dict[str, Any]:
    """Put these limits in place of all, with full buckets."""
    call.on.engine.world.limits.replace(read_limits(call.json(), Place("limits")))
    return limits(call)


def lift_limits(call: Call) -> dict[str, Any]:
    call.on.engine.world.limits.replace(())
    return limits(call)


def clock(call: Call) -> dict[str, Any]:
    """The time on the mock's clock, and by how many seconds it is ahead of the real one."""
    return {"now": call.on.engine.now(), "ahead": call.on.engine.world.ahead}


def advance_clock(call: Call) -> dict[str, Any]:
    """Move the mock's clock. Body: {"advance": seconds}."""
    place = Place("clock")
    given: Any = read_object(call.json(), ("advance",), '{"advance": 60}', place).get("advance")
    place /= "advance"
    if given is None:
        raise place.error('missing: by how much? Give seconds, or a time like "1m"')
    seconds = read_seconds(given, place)
    if seconds > MOST_ADVANCE_S:
        raise place.error(f"expected seconds, from 0 to {MOST_ADVANCE_S:,}, found {given!r}")
    call.on.engine.world.ahead += seconds
    return clock(call)


ROUTES: tuple[Route, ...] = (
    ("GET", "/faults", faults),
    ("PUT", "/faults", set_faults),
    ("DELETE", "/faults", clear_faults),
    ("GET", "/limits", limits),
    ("PUT", "/limits", set_limits),
    ("DELETE", "/limits", lift_limits),
    ("GET", "/clock", clock),
    ("POST", "/clock", advance_clock),
)
