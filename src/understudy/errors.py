"""The exception tree, by whose fault it is.

    Exception
      +- Failure          part of the show: an error of the imitated API, spelled by its provider
      +- SettingsError    the user's file, flag or variable: says where, what was found, what to do

Anything else that is raised is a bug of ours; the engine answers it with a 500 that says so
in the header `x-understudy-bug` and is never dressed as the vendor's.
"""

from __future__ import annotations

from typing import Literal

Kind = Literal[
    "invalid_request",
    "authentication",
    "permission",
    "not_found",
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


class Failure(Exception):
    """An error that the imitated API would answer.

    `status` is the HTTP status; `param` names the field at fault, as a path like
    `messages[0].role`; `code` is the vendor's machine-readable code where it has one; `headers`
    are extra response headers.
    """

    def __init__(
        self,
        status: int,
        kind: Kind,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind: Kind = kind
        self.message = message
        self.param = param
        self.code = code
        self.headers = headers


class SettingsError(Exception):
    """A mistake in a file, flag or variable of the user's.

    `source` is the file (or `--flag`, or variable), `path` the place in it, like `$.rules[3].when`.
    """

    def __init__(self, source: str, path: str, message: str) -> None:
        super().__init__(f"{source}: {path}: {message}" if path else f"{source}: {message}")
        self.source = source
        self.path = path
        self.message = message
