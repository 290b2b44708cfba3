"""A cache whose memory is bounded: by how many results it keeps, and by how long a key may be."""

from __future__ import annotations

from collections.abc import Callable, Sized
from functools import lru_cache, wraps
from typing import Concatenate, ParamSpec, TypeVar

First = TypeVar("First", bound=Sized)
Rest = ParamSpec("Rest")
Result = TypeVar("Result")
Function = Callable[Concatenate[First, Rest], Result]


def cached(
    entries: int, longest: int
) -> Callable[[Function[First, Rest, Result]], Function[First, Rest, Result]]:
    """Keep the last `entries` results of a pure function.

    A call whose first argument has more than `longest` items is not kept: what a user may send has no
    bound of its own, and a thousand prompts of megabytes would stay in memory for good.
    """

    def decorate(function: Function[First, Rest, Result]) -> Function[First, Rest, Result]:
        kept = lru_cache(entries)(function)

        @wraps(function)
        def call(first: First, /, *args: Rest.args, **kwargs: Rest.kwargs) -> Result:
            wanted = kept if len(first) <= longest else function
            return wanted(first, *args, **kwargs)  # type: ignore[arg-type]

        return call

    return decorate
