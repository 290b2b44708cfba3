"""Measure this server, aimock and nginx in turn, on one core, and write `bench/RESULTS.md`.

    python bench/run.py [--quick] [--first] [--only NAME ...]

Every process that it starts ends with it, Ctrl-C included. With `--quick` or `--only` nothing is
written. The exit code is 1 when a work could not be run and 2 when something is not installed; a
missed target is a finding, and no error.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from subprocess import SubprocessError
from types import FrameType

import processes
import report
from subjects import HERE, Unready, cores, missing
from works import WORKS, Bench, Outcome, Work

LIMIT_S = 600


class OutOfTime(Exception):
    """The whole run took too long."""


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Measure this server against aimock and nginx.")
    names = [work.name for work in WORKS]
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds; a rough picture")
    parser.add_argument("--only", action="append", choices=names, help="this work alone (may be repeated)")
    parser.add_argument(
        "--first", action="store_true", help="before other processes of a busy machine (needs root)"
    )
    return parser.parse_args()


def stop(signum: int, frame: FrameType | None) -> None:
    """Leave by way of every `finally`, so that no server stays behind."""
    if signum == signal.SIGALRM:
        raise OutOfTime
    raise KeyboardInterrupt


def run(works: list[Work], bench: Bench) -> tuple[list[tuple[Work, Outcome]], bool]:
    """The outcomes, printed as they come, and whether all works could be run."""
    found: list[tuple[Work, Outcome]] = []
    for work in works:
        begin, before = time.monotonic(), processes.machine_use()
        try:
            outcome = work.run(bench)
        except (Unready, RuntimeError, OSError, SubprocessError) as error:
            print(f"### {work.name}: could not be run: {error}\n", flush=True)
            continue
        others = processes.used_by_others(before, processes.machine_use())
        outcome.remarks.append(f"Meanwhile other processes used {others:.0%} of the machine.")
        found.append((work, outcome))
        print(report.details(work, outcome), f"\n({time.monotonic() - begin:.0f} s)\n", flush=True)
    return found, len(found) == len(works)


def main() -> int:
    options = arguments()
    lacking = missing()
    if lacking:
        print("\n".join(lacking), file=sys.stderr)
        return 2
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, stop)
    signal.alarm(LIMIT_S)
    bench = Bench(cores(), options.quick)
    os.sched_setaffinity(0, {bench.cores.load})
    if options.first:
        processes.precede_others()
    works = [work for work in WORKS if not options.only or work.name in options.only]
    try:
        found, complete = run(works, bench)
    except KeyboardInterrupt:
        print("interrupted; nothing was written", file=sys.stderr)
        return 130
    except OutOfTime:
        print(f"the run took more than {LIMIT_S} seconds; nothing was written", file=sys.stderr)
        return 1
    if found:
        print(report.targets(found))
    if complete and not options.only and not options.quick:
        (HERE / "RESULTS.md").write_text(report.document(found))
        print("\nwritten to bench/RESULTS.md")
    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(main())
