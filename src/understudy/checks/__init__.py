"""`understudy check`: the checklist of an OpenAI-compatible endpoint, whoever serves it.

    checklist  the checks, and the table of them      reach   why a server cannot be reached
    endpoint   what the checks ask                    stream  a streamed answer, frame by frame
    client     HTTP, and what exactly went wrong      shapes  the vendor's fields
    findings   what a check says                      report  lines, JSON, JUnit

A client like any other: it knows nothing of Understudy's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from msgspec import Struct, json

from understudy.checks import report
from understudy.checks.checklist import CHECKS, Check, run
from understudy.checks.client import LONG_KEY, MASK, PLACEHOLDER, Client, address
from understudy.checks.endpoint import Endpoint
from understudy.checks.findings import Ended, Finding, Result

DEFAULT_URL = "http://localhost:8080/v1"


class Wishes(Struct, frozen=True):
    """What the user asked for. `timeout` is in seconds, for each request."""

    base_url: str | None = None
    api_key: str | None = None
    model: str | None = None
    only: tuple[str, ...] = ()
    as_json: bool = False
    junit: str | None = None
    timeout: float = 30.0


class Outside(Struct, frozen=True):
    """What comes from outside: the environment, a clock, a way to wait, the terminal's width (0: none)."""

    environment: Mapping[str, str]
    clock: Callable[[], float]
    wait: Callable[[float], object]
    width: int = 0
    error_width: int = 0


def check(wishes: Wishes, outside: Outside) -> int:
    """Run the checklist and print it: the exit code. Raises click.UsageError for what cannot be run."""
    environment = outside.environment
    base_url = wishes.base_url or environment.get("OPENAI_BASE_URL") or DEFAULT_URL
    key = usable_key(wishes.api_key or environment.get("OPENAI_API_KEY") or None)
    try:
        shown = address(base_url).url
    except ValueError as problem:
        raise click.UsageError(str(problem)) from None
    checks = chosen(wishes.only)
    write = junit_file(wishes.junit)
    api = Endpoint(
        Client(base_url, key, wishes.timeout, outside.clock, outside.wait, environment), wishes.model
    )
    results = _run(api, checks, shown, wishes, outside, key)
    if write:
        write(report.junit(shown, results))
    if wishes.as_json:
        click.echo(json.format(json.encode(report.document(shown, _model(api, results), results))))
    return 1 if any(result.status == "fail" for result in results) else 0


def _run(
    api: Endpoint, checks: Sequence[Check], shown: str, wishes: Wishes, outside: Outside, key: str | None
) -> list[Result]:
    """The results, told on the terminal as they come."""
    width = outside.error_width if wishes.as_json else outside.width
    lines = report.Lines(bool(width), width or report.MOST, to_stderr=wishes.as_json)
    quiet = wishes.as_json and not width
    results: list[Result] = []

    def started(check: Check) -> None:
        if not quiet:
            lines.started(check.name, check.title)

    def done(result: Result) -> None:
        results.append(without(result, key))
        if not quiet:
            lines.done(results[-1])

    if not quiet:
        lines.say(f"\n  Checking {shown}\n")
    run(api, checks, started, done)
    if not quiet:
        lines.summary(results)
    return results


def _model(api: Endpoint, results: Sequence[Result]) -> str | None:
    """The model that was asked, None where none was known."""
    if not any(result.usable for result in results):
        return api.wanted
    try:
        return api.model
    except Ended:
        return None


def chosen(only: Sequence[str]) -> tuple[Check, ...]:
    """The checks with these names, all of them where there are none."""
    names = [check.name for check in CHECKS]
    for name in only:
        if name not in names:
            raise click.UsageError(f'there is no check "{name}"; there are: {", ".join(names)}')
    return tuple(check for check in CHECKS if not only or check.name in only)


def junit_file(name: str | None) -> Callable[[bytes], Any] | None:
    """A function that writes the file, which is tried at once: not after minutes of checking."""
    if name is None:
        return None
    file = Path(name)
    try:
        with file.open("ab"):
            pass
    except OSError as problem:
        raise click.UsageError(f"--junit: {name} cannot be written: {problem.strerror}") from None
    return file.write_bytes


def usable_key(key: str | None) -> str | None:
    """The key, if a header can carry it."""
    if key and (found := re.search(r"[^\x21-\x7e]", key)):
        raise click.UsageError(
            f"--api-key: character {found.start() + 1} is {found[0]!r}, which no header can carry; "
            "a key has no spaces or line breaks"
        )
    return key


def without(result: Result, key: str | None) -> Result:
    """The result with the key masked in what the server said; long ones are masked before."""
    if key is None or len(key) >= LONG_KEY or key == PLACEHOLDER:
        return result
    whole_word = re.compile(rf"(?<!\w){re.escape(key)}(?!\w)")
    findings = tuple(
        Finding(each.level, whole_word.sub(MASK, each.found), each.expected, each.advice)
        for each in result.findings
    )
    return Result(result.name, result.title, findings, result.seconds, result.usable)
