"""Who may ask: the API keys that are good, and those that fail on purpose."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from urllib.parse import parse_qs

from understudy.errors import Failure
from understudy.model import HttpRequest

KEY_HEADERS = (b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key")
PASSES_WITHOUT = (("x-understudy-passes-with", "a key that --api-key names"),)


class Access:
    """Lets in who has one of `keys`, or everybody where there are none.

    `failing` tells of a key that fails on purpose how it does.
    """

    def __init__(self, keys: Sequence[str], failing: Callable[[str], Failure | None]) -> None:
        self._keys = tuple(key.encode() for key in keys)
        self._failing = failing
        self._last: tuple[tuple[bytes, ...] | None, str] = None, ""

    def key(self, http: HttpRequest) -> str:
        """The API key of a request, empty where there is none. Raises Failure where it is not let in.

        The last headers that were let in are remembered: a client's seldom change.
        """
        headers, key = self._last
        if http.headers is headers and "key=" not in http.target:
            return key
        key = key_of(http)
        if key and (failure := self._failing(key)) is not None:
            raise failure
        if self._keys and not self._is_good(key):
            raise Failure(None, "authentication", facts={"key": key}, headers=PASSES_WITHOUT)
        if "key=" not in http.target:
            self._last = http.headers, key
        return key

    def _is_good(self, key: str) -> bool:
        """Whether it is one of the good ones; a header's bytes came as Latin-1, but many mean UTF-8."""
        spellings = key.encode(), key.encode("latin-1", "replace")
        return any(hmac.compare_digest(given, good) for good in self._keys for given in spellings)


def key_of(http: HttpRequest) -> str:
    """The key in `Authorization: Bearer`, in a header of another vendor's, or in the query."""
    headers = http.headers
    for name in KEY_HEADERS:
        if name in headers and (value := http.header(name)) is not None:
            return value[7:].strip() if value[:7].lower() == "bearer " else value
    if "key=" in http.target and (found := parse_qs(http.query).get("key")):
        return found[0]
    return ""
