"""What the kernel says about processes: their memory and time, and what else the machine does."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import NamedTuple

PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")


PRIORITY = -15


def family(pid: int) -> list[int]:
    """`pid` and the processes that it started, and theirs."""
    members = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            members.extend(family(int(child)))
    return members


def resident_kib(pid: int) -> float:
    """The resident memory of `pid` and its children."""
    pages = sum(int(Path(f"/proc/{member}/statm").read_text().split()[1]) for member in family(pid))
    return pages * PAGE / 1024


def cpu_seconds(pid: int) -> float:
    """The processor time that `pid` has used so far, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class MachineUse(NamedTuple):
    """Processor seconds since the machine or this process started: of all cores, in use, and our own."""

    all: float
    used: float
    ours: float


def machine_use() -> MachineUse:
    """How the machine spent its time so far. Ours is that of this process and of children that ended."""
    ticks = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    times = os.times()
    ours = times.user + times.system + times.children_user + times.children_system
    return MachineUse(sum(ticks) / TICKS, sum(ticks[:3]) / TICKS, ours)


def used_by_others(before: MachineUse, after: MachineUse) -> float:
    """Which share of the machine's time went to processes that are not ours, between two moments."""
    used = (after.used - before.used) - (after.ours - before.ours)
    return max(0.0, used / (after.all - before.all))


def precede_others() -> None:
    """Ask for this process and its children to come before others, alone and as a session's group."""
    with contextlib.suppress(PermissionError):
        if os.getpriority(os.PRIO_PROCESS, 0) > PRIORITY:
            os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
        Path("/proc/self/autogroup").write_text(str(PRIORITY))
