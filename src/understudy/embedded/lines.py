"""The line of a test that called Understudy: its mistakes are told of it, its rules are called by it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from os import path
from typing import TypeVar

from understudy.errors import SettingsError

T = TypeVar("T")
HERE = path.dirname(__file__)


def caller() -> str:
    """The line of the program that called Understudy: `tests/test_weather.py:12`."""
    frame = sys._getframe(1)
    while frame.f_back is not None and path.dirname(frame.f_code.co_filename) == HERE:
        frame = frame.f_back
    name = frame.f_code.co_filename
    near = path.relpath(name) if path.isabs(name) and name.startswith(path.abspath("")) else name
    return f"{near}:{frame.f_lineno}"


def reading(read: Callable[[], T], line: str) -> T:
    """What is read from what the test's line says; a mistake in it is told of that line."""
    __tracebackhide__ = True
    try:
        return read()
    except SettingsError as mistake:
        place = mistake.path.removeprefix("$").removeprefix(".rules[0]").removeprefix(".")
        raise SettingsError(line, place, mistake.message) from None
