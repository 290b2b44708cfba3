"""How pace is written: `typical`, `40/s`, `ttft=300ms,tokens_per_second=50,jitter=10%`, or a mapping.

    text    -> pairs  --.
    mapping ------------+-> preset, then what varies it -> Pace

Rules for editing this file: a preset is one line in PRESETS with its source, a distribution one in JITTERS
and one in `events.factor`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from understudy.errors import Place
from understudy.model import INSTANT, Jitter, Pace

PRESETS: Mapping[str, Pace] = MappingProxyType(
    {
        "instant": INSTANT,
        # Gemini 2.5 Flash-Lite: 0.32 s, 192/s (a)
        "fast": Pace(0.3, 200),
        # GPT-5 with minimal reasoning: 0.89 s, 80/s (b); GPT-5.4: 0.91 s, 45/s (a)
        "typical": Pace(0.9, 60),
        # DeepSeek V3.2: 1.73 s, 25/s; Claude Sonnet 4.6: 2.12 s, 44/s (a)
        "slow": Pace(2.0, 25),
        # o3: 23 s, 108/s (b); o4-mini with high effort: 22 s, 161/s (c)
        "reasoning": Pace(20.0, 100),
    }
)
"""The paces that have names, after medians that were measured of models and published. All read 2026-11:

(a) jonathanwrede.de/en/blog/ttft-varies-13x-across-llm-providers (hourly, through OpenRouter)
(b) artificialanalysis.ai/models/.../providers (gpt-5-minimal and o3, OpenAI's own API)
(c) benchlm.ai/llm-speed, from Artificial Analysis, 2026-04
"""

KEYS = ("preset", "delay", "ttft", "tokens_per_second", "jitter")
JITTERS: Mapping[str, tuple[float, str]] = MappingProxyType(
    {
        "uniform": (1.0, "jitter like 10% or {lognormal: 0.5}, at most 100%"),
        "normal": (1.0, "a deviation like 10%, at most 100%"),
        "lognormal": (2.0, "a sigma like 0.5, at most 2"),
    }
)
"""The widest spread of each distribution, and what to write for it."""

_SECONDS = re.compile(r"(\d{1,15}(?:\.\d{1,15})?)\s*(ms|s|m)?")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, None: 1.0}
_RATE = re.compile(r"(\d{1,15}(?:\.\d{1,15})?)(?:\s*/\s*s)?")
_SHARE = re.compile(r"(\d{1,15}(?:\.\d{1,15})?)\s*(%)?")
_WORD = re.compile(r"[A-Za-z][A-Za-z_-]*")


def read_pace(value: Any, place: Place) -> Pace:
    """Read a pace: a preset, a rate, pairs of keys and values as a text, or a mapping of them.

    What is written beside a preset takes the place of what the preset says.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float | Mapping):
        raise place.error(f"expected a pace: a preset, a rate like 40/s, or keys; found {value!r}")
    if isinstance(value, Mapping):
        fields = {str(name): each for name, each in value.items() if each is not None}
    else:
        fields = _pairs(str(value).strip(), place)
    for name in fields:
        if name not in KEYS:
            raise place.unknown("key", name, KEYS)

    def within(name: str) -> Place:
        return place / name if isinstance(value, Mapping) else place

    preset = PRESETS.get(str(fields.get("preset", "instant")))
    if preset is None:
        raise within("preset").unknown("preset", str(fields["preset"]), PRESETS)
    pace = Pace(
        read_seconds(fields.get("ttft", preset.ttft), within("ttft")),
        read_rate(fields.get("tokens_per_second", preset.tokens_per_second), within("tokens_per_second")),
        read_seconds(fields.get("delay", preset.delay), within("delay")),
        read_jitter(fields["jitter"], within("jitter")) if "jitter" in fields else preset.jitter,
    )
    if pace.jitter is not None and not pace.ttft and not pace.tokens_per_second:
        raise within("jitter").error("nothing to vary; give a preset, ttft or tokens_per_second too")
    return pace if pace != INSTANT else INSTANT


def read_seconds(value: Any, place: Place) -> float:
    """Read a time: `300ms`, `2s`, `1m`, or seconds."""
    found = _SECONDS.fullmatch(str(value).strip())
    if found is None:
        raise place.error(f"expected a time like 300ms; found {value!r}")
    return float(found[1]) * _UNITS[found[2]]


def read_rate(value: Any, place: Place) -> float:
    """Read tokens per second: `40/s`, or a number."""
    found = _RATE.fullmatch(str(value).strip())
    if found is None:
        raise place.error(f"expected a rate like 40/s; found {value!r}")
    return float(found[1])


def read_jitter(value: Any, place: Place) -> Jitter | None:
    """Read jitter: `10%`, `{lognormal: 0.5}`, or as a text, `lognormal:0.5`; None where it is 0."""
    kind, spread = "uniform", value
    if isinstance(value, Mapping):
        if len(value) != 1:
            raise place.error(f"expected one distribution, like {{lognormal: 0.5}}; found {len(value)}")
        ((kind, spread),) = value.items()
    elif isinstance(value, str) and ":" in value:
        kind, _, spread = value.partition(":")
    if kind not in JITTERS:
        raise place.unknown("distribution", str(kind), JITTERS)
    widest, expected = JITTERS[kind]
    found = _SHARE.fullmatch(str(spread).strip())
    share = float(found[1]) / (100 if found[2] else 1) if found else widest + 1
    if share > widest:
        raise place.error(f"expected {expected}; found {spread!r}")
    return Jitter(kind, share) if share else None  # type: ignore[arg-type]


def _pairs(text: str, place: Place) -> dict[str, str]:
    """The keys and values of `typical,ttft=300ms`: a word alone is a preset, a number alone is a rate."""
    pairs: dict[str, str] = {}
    for piece in text.split(",") if text else ():
        name, equals, value = (each.strip() for each in piece.partition("="))
        if not equals:
            name, value = ("preset" if _WORD.fullmatch(name) else "tokens_per_second"), name
        if name in pairs:
            raise place.error(f"{name} is here twice")
        pairs[name] = value
    return pairs


# --- For editors -------------------------------------------------------------------------------------


def pace_schema() -> dict[str, Any]:
    """The JSON Schema of a pace, for editors to complete and check with."""
    time: dict[str, Any] = {
        "anyOf": [{"type": "number", "minimum": 0}, _text(_SECONDS.pattern)],
        "examples": ["300ms", "2s", 0.5],
    }
    described = {
        "preset": {"enum": list(PRESETS), "description": "What the other keys vary."},
        "delay": {**time, "description": "Time before everything else, always the same."},
        "ttft": {**time, "description": "Time to the first token."},
        "tokens_per_second": {
            "anyOf": [{"type": "number", "minimum": 0}, _text(_RATE.pattern)],
            "description": "The rate after the first token; 0: the rest at once.",
        },
        "jitter": _jitter_schema(),
    }
    piece = rf"(?:{'|'.join(PRESETS)}|{_RATE.pattern}|(?:{'|'.join(KEYS)})\s*=[^,=]*)"
    return {
        "description": "How fast answers come.",
        "anyOf": [
            {"enum": list(PRESETS)},
            {"type": "number", "minimum": 0, "description": "Tokens per second."},
            {**_text(rf"(?:{piece}(?:\s*,\s*{piece})*)?"), "examples": ["40/s", "typical,jitter=10%"]},
            {"type": "object", "properties": described, "additionalProperties": False},
        ],
    }


def _jitter_schema() -> dict[str, Any]:
    def spread(kind: str) -> dict[str, Any]:
        widest, expected = JITTERS[kind]
        number = {"type": "number", "minimum": 0, "maximum": widest}
        return {"anyOf": [number, _text(_SHARE.pattern)], "description": f"Expects {expected}."}

    named = {
        "type": "object",
        "properties": {kind: spread(kind) for kind in JITTERS},
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
    as_text = _text(rf"(?:{'|'.join(JITTERS)}):\s*{_SHARE.pattern}")
    return {
        "description": "How far times stray; their mean stays.",
        "anyOf": [*spread("uniform")["anyOf"], as_text, named],
        "examples": ["10%", {"lognormal": 0.5}],
    }


def _text(pattern: str) -> dict[str, Any]:
    return {"type": "string", "pattern": rf"^\s*{pattern}\s*$"}
