"""What a check prints and writes: lines as it goes, JSON, JUnit's XML."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree import ElementTree

import click

from understudy.checks.findings import Finding, Result, Status

MARKS: dict[Status, tuple[str, str]] = {
    "pass": ("✓", "green"),
    "warn": ("!", "yellow"),
    "skip": ("-", "bright_black"),
    "fail": ("✗", "red"),
}
NAME, TITLE = 11, 32
"""Columns of a check's name and title."""
MARGIN = 4
LEAST, MOST = 60, 160
CLEAR = "\r\x1b[K"
VERSION = 1


# --- lines ------------------------------------------------------------------------------------------


class Lines:
    """Prints each check as it runs and then its result.

    On a terminal the line of a running check is written over by its result, with colours and marks;
    elsewhere there is one line for each result, starting with its status.
    """

    def __init__(self, terminal: bool, width: int, to_stderr: bool = False) -> None:
        self._terminal = terminal
        self._width = min(max(width, LEAST), MOST)
        self._err = to_stderr

    def say(self, text: str, newline: bool = True) -> None:
        """Print what the output's encoding has; of the rest, question marks."""
        encoding = (sys.stderr if self._err else sys.stdout).encoding or "utf-8"
        shown = text.encode(encoding, "replace").decode(encoding)
        click.echo(shown, nl=newline, err=self._err, color=self._terminal)

    def started(self, name: str, title: str) -> None:
        if self._terminal:
            self.say(f"{CLEAR}  {click.style('…', fg='cyan')} {row(name, title)}", newline=False)

    def done(self, result: Result) -> None:
        self.say("\n".join(self._result(result)))

    def _result(self, result: Result) -> Iterator[str]:
        mark, colour = MARKS[result.status]
        text = printable(f"{row(result.name, result.title)}  {one_line(result)}")
        if self._terminal:
            text = shortened(text, self._width - MARGIN)
            yield f"{CLEAR}  {click.style(mark, fg=colour, bold=True)} {text}"
        else:
            yield f"{result.status.upper()}  {text}".rstrip()
        yield from self._problems(result)

    def _problems(self, result: Result) -> Iterator[str]:
        """What was found, expected and to be done; the same advice once."""
        told = [each for each in result.findings if each.level in ("fail", "warn")]
        for number, each in enumerate(told):
            yield from self._wrapped(
                "found", each.found, MARKS["fail" if each.level == "fail" else "warn"][1]
            )
            yield from self._wrapped("expected", each.expected)
            if number + 1 == len(told) or told[number + 1].advice != each.advice:
                yield from self._wrapped("what to do", each.advice, "cyan")

    def _wrapped(self, label: str, text: str, colour: str | None = None) -> Iterator[str]:
        indent = " " * MARGIN
        lines = textwrap.wrap(
            printable(text),
            self._width - len(indent) - 12,
            break_on_hyphens=False,
        )
        for number, line in enumerate(lines):
            head = f"{label:<12}" if number == 0 else " " * 12
            yield indent + (click.style(head, fg=colour) if self._terminal else head) + line

    def summary(self, results: Sequence[Result]) -> None:
        counted = ", ".join(f"{number} {word}" for word, number in counts(results).items() if number)
        failed = any(result.status == "fail" for result in results)
        self.say("")
        self.say(f"  {click.style(counted, fg='red' if failed else 'green', bold=True)}")


def row(name: str, title: str) -> str:
    return f"{name:<{NAME}} {title:<{TITLE}}"


def one_line(result: Result) -> str:
    """What stands beside the title: how it went well, or why it was skipped. Problems have lines below."""
    return result.detail if result.status in ("pass", "skip") else ""


def shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def printable(text: str) -> str:
    """Text without control characters, with which a server could play tricks on a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def counts(results: Sequence[Result]) -> dict[str, int]:
    """How many checks passed, failed, ... in the order of the words."""
    words: dict[str, Status] = {"passed": "pass", "failed": "fail", "warned": "warn", "skipped": "skip"}
    return {word: sum(each.status == status for each in results) for word, status in words.items()}


# --- documents --------------------------------------------------------------------------------------


def document(base_url: str, model: str | None, results: Sequence[Result]) -> dict[str, Any]:
    """What `--json` prints."""
    return {
        "version": VERSION,
        "base_url": base_url,
        "model": model,
        "ok": not any(result.status == "fail" for result in results),
        "counts": counts(results),
        "checks": [
            {
                "name": result.name,
                "title": result.title,
                "status": result.status,
                "detail": result.detail,
                "seconds": round(result.seconds, 3),
                "findings": [_finding(each) for each in result.findings],
            }
            for result in results
        ],
    }


def _finding(finding: Finding) -> dict[str, str]:
    return {
        "level": finding.level,
        "found": finding.found,
        "expected": finding.expected,
        "advice": finding.advice,
    }


def junit(base_url: str, results: Sequence[Result]) -> bytes:
    """JUnit's XML: a test suite with a test case for each check; warnings are in its output."""
    counted = counts(results)
    numbers = {
        "tests": str(len(results)),
        "failures": str(counted["failed"]),
        "errors": "0",
        "skipped": str(counted["skipped"]),
        "time": f"{sum(result.seconds for result in results):.3f}",
    }
    suites = ElementTree.Element("testsuites", {"name": "understudy check"} | numbers)
    suite = ElementTree.SubElement(suites, "testsuite", {"name": valid(base_url)} | numbers)
    for result in results:
        _case(suite, result)
    ElementTree.indent(suites)
    document: bytes = ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _case(suite: ElementTree.Element, result: Result) -> None:
    named = {"classname": "understudy.check", "name": result.name, "time": f"{result.seconds:.3f}"}
    case = ElementTree.SubElement(suite, "testcase", named)
    text = valid("\n\n".join(paragraph(each) for each in result.findings))
    if result.status == "fail":
        failure = ElementTree.SubElement(case, "failure", {"message": valid(result.detail), "type": "fail"})
        failure.text = text
    elif result.status == "skip":
        ElementTree.SubElement(case, "skipped", {"message": valid(result.detail)})
    elif text:
        ElementTree.SubElement(case, "system-out").text = text


def paragraph(finding: Finding) -> str:
    if finding.level in ("note", "skip"):
        return finding.found
    return (
        f"{finding.level}: found: {finding.found}\nexpected: {finding.expected}\nwhat to do: {finding.advice}"
    )


def valid(text: str) -> str:
    """Text without the characters that XML cannot hold."""
    return "".join(c if c == "\n" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
