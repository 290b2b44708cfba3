"""One Settings struct. A settings file is overruled by the environment, the environment by flags."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from understudy.errors import Place, SettingsError
from understudy.failures import FaultSet
from understudy.limits import Limit, read_limits, read_rate
from understudy.model import INSTANT, Pace
from understudy.pace import read_pace

PREFIX = "UNDERSTUDY_"
FLAG, VARIABLE = "a flag", "a variable"


class Settings(Struct, frozen=True, kw_only=True):
    """How the server is to be. Every field is a flag, a key of the file, and a variable `UNDERSTUDY_...`."""

    host: tuple[str, ...] = ("127.0.0.1", "::1")
    port: int = 8080
    seed: int | None = None
    pace: Pace = INSTANT
    tokens: Literal["exact", "estimate"] = "exact"
    rules: tuple[str, ...] = ()
    strict: bool = False
    no_autopilot: bool = False
    validation: Literal["strict", "warn", "off"] = "strict"
    unknown_models: Literal["answer", "refuse"] = "answer"
    unknown_ids: Literal["answer", "refuse"] = "refuse"
    api_key: tuple[str, ...] = ()
    rate_limit: Limit | None = None
    limits: tuple[Limit, ...] = ()
    faults: tuple[Any, ...] = ()
    """The faults in force from the start, in the JSON of the control API."""
    control_token: str | None = None
    journal: str = "memory"
    """Where exchanges are kept: `memory`, or `sqlite:///FILE`."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    tls_cert: str | None = None
    tls_key: str | None = None
    drain: float = 10.0
    """Seconds that running answers are given to finish after Ctrl-C."""


FIELDS = Settings.__struct_fields__
SEVERAL = ("host", "api_key", "rules")
"""Settings that are several: the flag may be repeated, the variable takes commas."""


def load(file: str | None, environment: Mapping[str, str], flags: Mapping[str, Any]) -> Settings:
    """The settings that a file, the environment and flags make together.

    Raises SettingsError that names the file, variable or flag. Flags that are None were not given.
    """
    values: dict[str, Any] = {}
    for source, given in (
        (file or "", _from_file(file)),
        (VARIABLE, _from_environment(environment)),
        (FLAG, {name: value for name, value in flags.items() if value not in (None, ())}),
    ):
        for name, value in given.items():
            values[name] = _field(name, value, _called(source, name))
    if (values.get("tls_cert") is None) != (values.get("tls_key") is None):
        raise SettingsError("--tls-cert", "", "a certificate and its key go together; give --tls-key too")
    return Settings(**values)


def _from_file(file: str | None) -> dict[str, Any]:
    if file is None:
        return {}
    from understudy.documents import parsed

    try:
        raw = parsed(file, Path(file).read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as problem:
        raise SettingsError(file, "", f"cannot be read: {problem}") from None
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise Place(file).error(f"expected keys and values, found {type(raw).__name__}")
    named = {str(key).replace("-", "_"): value for key, value in raw.items()}
    for name in named:
        if name not in FIELDS:
            raise Place(file).unknown("key", name, FIELDS)
    return named


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    names = {PREFIX + name.upper() for name in FIELDS}
    for key in environment:
        if key.startswith(PREFIX) and key not in names:
            raise Place("the environment", "").unknown("variable", key, sorted(names))
    return {name: environment[key] for name in FIELDS if (key := PREFIX + name.upper()) in environment}


def _called(source: str, name: str) -> Place:
    """What the user calls this setting where it was given."""
    if source == FLAG:
        return Place(f"--{name.replace('_', '-')}", "")
    if source == VARIABLE:
        return Place(PREFIX + name.upper(), "")
    return Place(source) / name


def _field(name: str, value: Any, place: Place) -> Any:
    if name in _READERS:
        return _READERS[name](value, place)
    if name in SEVERAL and isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    mistake = place.error(f"expected {_EXPECTED[name]}; found {value!r}")
    try:
        converted = msgspec.convert(value, _KINDS[name], strict=not isinstance(value, str))
    except msgspec.ValidationError:
        raise mistake from None
    if not _in_range(name, converted):
        raise mistake
    return converted


def _in_range(name: str, value: Any) -> bool:
    if name == "port":
        return value in range(65536)
    return name != "drain" or 0 <= value < math.inf


_KINDS: dict[str, Any] = {field.name: field.type for field in msgspec.structs.fields(Settings)}
_EXPECTED = {
    "host": "an address, or several",
    "port": "a number from 0 to 65535",
    "seed": "a whole number",
    "tokens": "exact or estimate",
    "rules": "the name of a rule file, or several",
    "strict": "true or false",
    "no_autopilot": "true or false",
    "validation": "strict, warn or off",
    "unknown_models": "answer or refuse",
    "unknown_ids": "answer or refuse",
    "api_key": "a key, or several",
    "control_token": "a text",
    "journal": "memory or sqlite:///FILE",
    "log_level": "debug, info, warning or error",
    "tls_cert": "the name of a PEM file",
    "tls_key": "the name of a PEM file",
    "drain": "a number of seconds, 0 or more",
}


def read_standing(value: Any, place: Place) -> tuple[Any, ...]:
    """Read `[{fault: {error: 503}, probability: 0.1}]`, also where it is a text, in YAML or JSON."""
    from understudy.documents import parsed

    if isinstance(value, str):
        value = parsed(place.source, value) or []
    FaultSet().replace(value, place)
    return tuple(value)


_READERS: dict[str, Callable[[Any, Place], Any]] = {
    "pace": read_pace,
    "rate_limit": read_rate,
    "limits": read_limits,
    "faults": read_standing,
}
"""Settings with a grammar of their own."""
