"""What a run found, as text for the terminal and as `RESULTS.md`."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path

from subjects import HERE, aimock_folder
from works import Outcome, Target, Work

LIBRARIES = ("uvloop", "httptools", "msgspec", "bpe-openai")


def verdict(target: Target, value: float) -> str:
    """How `value` stands to `target`, in a word or two."""
    if not target.met(value):
        return "**missed**"
    if target.aim is not None:
        return "reached, and the aim" if value >= target.aim else "reached"
    return "reached"


def wanted(target: Target) -> str:
    """The target in words: `at least 5.5, aim 8`."""
    aim = "" if target.aim is None else f", aim {target.aim:g}"
    return f"{'at least' if target.least else 'under'} {target.bound:g}{target.unit}{aim}"


def number(value: float) -> str:
    """Three digits that matter."""
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 100 else f"{value:.0f}"


def table(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first row is its head. Columns are padded, so that it reads as text too."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def targets(found: Sequence[tuple[Work, Outcome]]) -> str:
    """The targets of every work and whether they are reached."""
    rows = [
        (work.name, target.name, number(value) + target.unit, wanted(target), verdict(target, value))
        for work, outcome in found
        for target in work.targets
        for value in [outcome.reached[target.name]]
    ]
    return table([("work", "measure", "reached", "target", "verdict"), *rows])


def details(work: Work, outcome: Outcome) -> str:
    """A work's figures, subject by subject, and its remarks."""
    subjects = list(dict.fromkeys(name for figure in outcome.figures for name in figure.by_subject))
    rows = [
        (figure.measure, *(figure.by_subject.get(name, "") for name in subjects))
        for figure in outcome.figures
    ]
    return "\n\n".join([f"### {work.name}: {work.title}", table([("", *subjects), *rows]), *outcome.remarks])


# --- the machine ------------------------------------------------------------------------------------------


def said(*command: str) -> str:
    """What a command prints, on either channel."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=HERE)
    return (done.stdout + done.stderr).strip()


def processor() -> str:
    """The processor's name."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def commit() -> str:
    """The commit that was measured."""
    head = said("git", "rev-parse", "--short", "HEAD")
    return head + (" with changes" if said("git", "status", "--porcelain", "--", "../src") else "")


def machine() -> str:
    """Where and with what it was measured."""
    versions = [f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES]
    peer = json.loads((aimock_folder() / "package.json").read_text())["version"]
    ours = importlib.metadata.version("understudy")
    return table(
        [
            ("", ""),
            ("date", datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")),
            ("machine", f"{processor()}, {os.cpu_count()} cores, {platform.system()}"),
            (
                "understudy",
                f"{ours}, commit {commit()}, Python {platform.python_version()}, {', '.join(versions)}",
            ),
            ("aimock", f"{peer}, Node {said('node', '--version').lstrip('v')}"),
            ("nginx", said("nginx", "-v").rpartition("/")[2]),
            ("wrk", said("wrk", "-v").split(" Copyright")[0].removeprefix("wrk ").strip()),
        ]
    )


INTRODUCTION = """\
# Benchmark results

Written by `make bench`. Each server runs on one core, the load on another, and the servers take turns
round by round, since a machine's speed drifts; a ratio is the median of the rounds' ratios. This
server has its defaults: journal, CORS, headers and exact token counts on, the autopilot answering.
aimock has a fixture with the same text and as many chunks, its log turned down, and else its defaults.
nginx returns the same bytes without looking at the request."""


def document(found: Sequence[tuple[Work, Outcome]]) -> str:
    """`RESULTS.md`."""
    return (
        "\n\n".join(
            [
                INTRODUCTION,
                machine(),
                "## Targets",
                targets(found),
                "## Figures",
                *(details(*one) for one in found),
            ]
        )
        + "\n"
    )
