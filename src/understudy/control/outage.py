"""Calls that take the server down for a while."""

from __future__ import annotations

from typing import Any

from understudy.control.base import Call, Outage, Route, read_object
from understudy.errors import Place

MOST_OUTAGE_S = 3_600
KINDS = ("refuse", "hang", "reset")


def outage(call: Call) -> dict[str, Any]:
    return {"outage": shown(call.on.outages.now())}


def begin(call: Call) -> dict[str, Any]:
    """Begin an outage in place of the one under way."""
    call.on.outages.begin(*wanted(call.json() if call.http.body else {}))
    return outage(call)


def end(call: Call) -> dict[str, Any]:
    return {"ended": shown(call.on.outages.end())}


ROUTES: tuple[Route, ...] = (
    ("GET", "/outage", outage),
    ("POST", "/outage", begin),
    ("DELETE", "/outage", end),
)


def wanted(body: object) -> Outage:
    """How an outage is to show, and for how many seconds.

    Body: {"seconds"?: number, "how"?: "refuse" | "hang" | "reset"}; without seconds, until it is ended.
    """
    place = Place("outage")
    asked = read_object(body, ("how", "seconds"), '{"seconds": 5, "how": "refuse"}', place)
    how, seconds = asked.get("how", "refuse"), asked.get("seconds")
    if how not in KINDS:
        place /= "how"
        raise place.error(f"expected refuse, hang or reset, found {how!r}")
    place /= "seconds"
    if seconds is None and how == "refuse":
        raise place.error("missing: while the port is closed, no call can open it again; say how long")
    if seconds is None:
        return how, None
    if type(seconds) not in (int, float) or not 0 < seconds <= MOST_OUTAGE_S:
        raise place.error(f"expected seconds, above 0 and at most {MOST_OUTAGE_S:,}, found {seconds!r}")
    return how, float(seconds)


def shown(outage: Outage | None) -> dict[str, Any] | None:
    if outage is None:
        return None
    how, left = outage
    return {"how": how, "seconds_left": None if left is None else round(left, 3)}
