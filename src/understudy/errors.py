"""The exception tree, by whose fault it is.

    Exception
      +- Failure          part of the show: an error of the imitated API, spelled by its provider
      +- SettingsError    the user's file, flag or variable: says where, what was found, what to do

Anything else that is raised is a bug of ours; the engine answers it with a 500 that says so
in the header `x-understudy-bug` and is never dressed as the vendor's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

Kind = Literal[
    "invalid_request",
    "authentication",
    "permission",
    "not_found",
    "unknown_model",
    "context_length",
    "method_not_allowed",
    "timeout",
    "conflict",
    "too_large",
    "rate_limit",
    "quota",
    "server",
    "overloaded",
]
"""What went wrong, in neutral words; each provider has its own name for each."""


NO_FACTS: Mapping[str, Any] = MappingProxyType({})


class Failure(Exception):
    """An error that the imitated API would answer.

    `status` is the HTTP status; `param` names the field at fault, as a path like
    `messages[0].role`; `code` is the vendor's machine-readable code and `type` its error type, where
    they are not those of the kind; `headers` are extra response headers; `retry_after` is in seconds.

    Whoever knows the kind alone leaves status and message out: the provider fills in its vendor's,
    with `facts` for what its message quotes (`model`, `key`, `limit`, ...).
    """

    def __init__(
        self,
        status: int | None,
        kind: Kind,
        message: str = "",
        *,
        param: str | None = None,
        code: str | None = None,
        type: str | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        retry_after: float | None = None,
        facts: Mapping[str, Any] = NO_FACTS,
    ) -> None:
        super().__init__(message or kind)
        self.status = status
        self.kind: Kind = kind
        self.message = message
        self.param = param
        self.code = code
        self.type = type
        self.headers = headers
        self.retry_after = retry_after
        self.facts = facts


class SettingsError(Exception):
    """A mistake in a file, flag or variable of the user's.

    `source` is the file (or `--flag`, or variable), `path` the place in it, like `$.rules[3].when`.
    """

    def __init__(self, source: str, path: str, message: str) -> None:
        super().__init__(f"{source}: {path}: {message}" if path else f"{source}: {message}")
        self.source = source
        self.path = path
        self.message = message


class Place(NamedTuple):
    """A place in something a user wrote, from which mistakes are reported.

    `source` is the file, flag or variable; `path` is like `$.rules[3].when`.
    """

    source: str
    path: str = "$"

    def __truediv__(self, key: str | int) -> Place:
        """The place of a key or an item in this one: `place / "rules" / 3`."""
        if isinstance(key, int):
            step = f"[{key}]"
        else:
            step = f".{key}" if key.isidentifier() else f'["{key}"]'
        return Place(self.source, self.path + step)

    def error(self, message: str) -> SettingsError:
        return SettingsError(self.source, self.path, message)

    def unknown(self, what: str, found: str, known: Collection[str]) -> SettingsError:
        """The error for a word that is none of `known`; it names the nearest, or all of them."""
        from difflib import get_close_matches

        near = get_close_matches(found, known, n=1)
        hint = f'did you mean "{near[0]}"?' if near else f"known: {', '.join(known)}"
        return self.error(f'unknown {what} "{found}" ({hint})')
