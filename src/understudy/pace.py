"""How pace is written: `40/s`, `ttft=300ms,tokens_per_second=50`, or a mapping."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from understudy.errors import Place
from understudy.model import INSTANT, Pace

_SECONDS = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m)?")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, None: 1.0}
_RATE = re.compile(r"(\d+(?:\.\d+)?)(?:\s*/\s*s)?")


def read_pace(value: Any, place: Place) -> Pace:
    """Read a pace: `instant`, `40/s`, `ttft=300ms,tokens_per_second=50`, or a mapping of these two."""
    if isinstance(value, str):
        value = _pairs(value.strip())
    if not isinstance(value, Mapping):
        raise place.error(f"expected a pace like 40/s; found {value!r}")
    for name in value:
        if name not in ("ttft", "tokens_per_second"):
            raise place.unknown("key", str(name), ("ttft", "tokens_per_second"))
    ttft = read_seconds(value.get("ttft", 0), place)
    rate = _number(_RATE, value.get("tokens_per_second", 0), "a rate like 40/s", place)
    return Pace(ttft, rate) if ttft or rate else INSTANT


def read_seconds(value: Any, place: Place) -> float:
    """Read a time: `300ms`, `2s`, `1m`, or seconds."""
    return _number(_SECONDS, value, "a time like 300ms", place)


def _pairs(text: str) -> dict[str, str]:
    if text in ("", "instant"):
        return {}
    if "=" not in text:
        return {"tokens_per_second": text}
    pairs = (piece.partition("=") for piece in text.split(","))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _number(form: re.Pattern[str], value: Any, expected: str, place: Place) -> float:
    found = form.fullmatch(str(value).strip())
    if found is None:
        raise place.error(f"expected {expected}; found {value!r}")
    unit = found[2] if form is _SECONDS else None
    return float(found[1]) * _UNITS[unit]
