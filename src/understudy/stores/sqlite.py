r"""Journals in a SQLite file, written behind.

    put -> Gathering -> queue -- a thread, every GATHER_S --> one transaction -> WAL -> file
                  \________________ newest, oldest, find, count ___________________/

A row is a batch of exchanges (batch.py), not one: a row for each costs half as much as an answer. A batch
holds what ended together; long streams end late, so the numbers of batches overlap.

What is committed survives the end of the process, however it comes; a kill loses what ended in the last
moments before it. `synchronous=NORMAL`: where the power fails, the last commits may be missing, and the
file is whole all the same. While the disk is slow or full, exchanges wait in the queue; when it is full,
too, those that come are in memory alone, and the log says so.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from itertools import count
from typing import IO, NamedTuple

from understudy.errors import Place, SettingsError
from understudy.journal import Exchange
from understudy.stores.batch import Gathering, unpacked

GATHER_S = 0.05
"""How long exchanges gather before they are written."""
RETRY_S = 1.0
"""How long a write waits after one that failed."""
BATCH = 256
"""Exchanges in a row, at most."""
MOST_WAITING = 64 << 20
"""Bytes that wait to be written, at most, about."""
CLOSE_S = 30.0
"""How long `close` waits for what is not written yet."""
PAGE_BYTES, WAL_PAGES = 16_384, 512
FORMAT, PROGRAM = 1, 0x756E6473
"""What SQLite calls user_version and application_id."""
SCHEMA = """
CREATE TABLE batch (
    id INTEGER PRIMARY KEY,
    space TEXT NOT NULL,
    first INTEGER NOT NULL,   -- the lowest number in it
    last INTEGER NOT NULL,    -- the highest
    count INTEGER NOT NULL,
    entries BLOB NOT NULL
);
CREATE INDEX batch_by_last ON batch (space, last, first, count);
CREATE TABLE space (
    name TEXT PRIMARY KEY,
    last INTEGER NOT NULL     -- the highest number that was given before its exchanges were deleted
);
"""
log = logging.getLogger("understudy")


class Deletion(NamedTuple):
    """All exchanges of a space up to the number `last` are to be deleted."""

    space: str
    last: int


class Sqlite:
    """A store in a file. It belongs to the thread that serves; another of its own writes.

    Exchanges become bytes at once, while the processor has them at hand, and so that the writer holds the
    interpreter up as little as can be.
    """

    def __init__(self, file: str, place: Place) -> None:
        self._file = os.path.abspath(file)
        self._lock = locked(self._file, place)
        try:
            self._reading = prepared(self._file, place)
        except SettingsError:
            self._lock.close()
            raise
        self._changing = threading.Lock()
        self._gathering: dict[str, Gathering] = {}
        self._queue: deque[Gathering | Deletion] = deque()  # what is full, and what is being written
        self._put = self._written = 0  # bytes; the writer alone changes the second
        self._lost = 0
        self._overflown = False
        self._cleared: dict[str, int] = {}
        self._wake = threading.Event()
        self._awake = False  # the writer will look before long
        self._closing = threading.Event()
        self._writer: threading.Thread | None = None

    def shelf(self, space: str) -> Shelf:
        return Shelf(self, space)

    def put(self, space: str, exchange: Exchange) -> None:
        if self._put - self._written > MOST_WAITING:
            self._overflow()
            return
        with self._changing:
            gathering = self._gathering.get(space) or self._begun(space)
            try:
                self._put += gathering.add(exchange)
            except (TypeError, ValueError):  # half a surrogate pair, for one
                log.exception("exchange %d cannot be written", exchange.number)
                self._lost += 1
            if len(gathering.entries) == BATCH:
                self._queue.append(self._gathering.pop(space))
        if not self._awake:
            self._awake = True
            self._waken()

    def _begun(self, space: str) -> Gathering:
        gathering = self._gathering[space] = Gathering(space)
        return gathering

    def clear(self, space: str, last: int) -> None:
        self._cleared[space] = last
        with self._changing:
            if (gathering := self._gathering.pop(space, None)) is not None:
                self._put -= gathering.size
            self._queue.append(Deletion(space, last))
        self._waken()

    def _waken(self) -> None:
        if self._writer is None:
            self._writer = threading.Thread(target=self._write_on, name="understudy journal", daemon=True)
            self._writer.start()
        self._wake.set()

    def _overflow(self) -> None:
        if not self._lost:
            log.warning(
                "the journal's disk is too slow: exchanges are in memory alone until it has caught up"
            )
        self._lost += 1

    def close(self) -> None:
        """Write all that waits, and close the file."""
        self._closing.set()
        self._wake.set()
        if self._writer is not None:
            self._writer.join(CLOSE_S)
        if self._lost:
            log.warning("%d exchanges were not written to %s", self._lost, self._file)
        self._lost = 0
        self._reading.close()
        self._lock.close()

    # --- reading ------------------------------------------------------------------------------------

    def last(self, space: str) -> int:
        (stored,) = self._reading.execute("SELECT max(last) FROM batch WHERE space = ?", (space,)).fetchone()
        given = self._reading.execute("SELECT last FROM space WHERE name = ?", (space,)).fetchone() or (0,)
        with self._changing:
            waiting = [each.last for each in (*self._queue, *self._gathering.values()) if each.space == space]
        return max(stored or 0, *given, *waiting)

    def newest(self, space: str, below: int) -> Iterator[Exchange]:
        above = self._cleared.get(space, 0)
        waiting = self._waiting(space)
        ids = self._reading.execute(
            "SELECT id, last FROM batch WHERE space = ? AND first < ? ORDER BY last DESC", (space, below)
        )
        yield from merged(waiting, ((last, self._batch(id)) for id, last in ids), -1, above, below)

    def oldest(self, space: str, above: int, below: int) -> Iterator[Exchange]:
        above = max(above, self._cleared.get(space, 0))
        waiting = self._waiting(space)
        ids = self._reading.execute(
            "SELECT id, first FROM batch WHERE space = ? AND last > ? AND first < ? ORDER BY first",
            (space, above, below),
        )
        yield from merged(waiting, ((first, self._batch(id)) for id, first in ids), 1, above, below)

    def find(self, space: str, number: int) -> Exchange | None:
        return next(self.oldest(space, number - 1, number + 1), None)

    def count(self, space: str, below: int) -> int:
        """How many there are; most batches are counted unread."""
        above = self._cleared.get(space, 0)
        inside = "SELECT coalesce(sum(count), 0) FROM batch WHERE space = ? AND first > ? AND last < ?"
        across = (
            "SELECT id FROM batch WHERE space = ? AND last > ? AND first < ? AND (first <= ? OR last >= ?)"
        )
        (found,) = self._reading.execute(inside, (space, above, below)).fetchone()
        for (id,) in self._reading.execute(across, (space, above, below, above, below)):
            found += sum(above < each.number < below for each in self._batch(id))
        return int(found) + sum(above < each.number < below for each in self._waiting(space))

    def _waiting(self, space: str) -> list[Exchange]:
        """What of the space is not written yet, or is just being written."""
        with self._changing:
            batches = [
                each.packed()
                for each in (*self._queue, *self._gathering.values())
                if each.space == space and isinstance(each, Gathering)
            ]
        return [exchange for batch in batches for exchange in unpacked(batch)]

    def _batch(self, id: int) -> list[Exchange]:
        row = self._reading.execute("SELECT entries FROM batch WHERE id = ?", (id,)).fetchone()
        return unpacked(row[0]) if row else []

    # --- the writer's thread ------------------------------------------------------------------------

    def _write_on(self) -> None:
        """Write what comes until the store is closed and all is written."""
        writing: sqlite3.Connection | None = None
        failed = False
        while not self._closing.is_set() or self._wake.is_set():
            self._wake.wait()
            self._closing.wait(RETRY_S if failed else GATHER_S)
            self._wake.clear()
            self._awake = False
            try:
                writing = writing or connected(self._file)
                self._write(writing, self._taken())
                failed = False
            except sqlite3.Error as problem:
                if self._closing.is_set():
                    self._lost += sum(
                        len(each.entries) for each in self._queue if isinstance(each, Gathering)
                    )
                    break
                if not failed:
                    log.error("the journal cannot be written to %s: %s; trying again", self._file, problem)
                failed = True
                self._wake.set()
        if writing is not None:
            writing.close()

    def _taken(self) -> list[Gathering | Deletion]:
        """All that is to be written now; it stays in the queue until it is."""
        with self._changing:
            self._queue += self._gathering.values()
            self._gathering.clear()
            return list(self._queue)

    def _write(self, writing: sqlite3.Connection, batches: list[Gathering | Deletion]) -> None:
        """Write batches in one transaction; they leave the queue when they are written."""
        with writing:
            writing.execute("BEGIN IMMEDIATE")
            for each in batches:
                if isinstance(each, Gathering):
                    writing.execute(
                        "INSERT INTO batch (space, first, last, count, entries) VALUES (?, ?, ?, ?, ?)",
                        (each.space, each.first, each.last, len(each.entries), each.packed()),
                    )
                else:
                    writing.execute("DELETE FROM batch WHERE space = ? AND last <= ?", each)
                    writing.execute("INSERT OR REPLACE INTO space VALUES (?, ?)", each)
        with self._changing:
            for each in batches:
                self._queue.popleft()
                self._written += each.size if isinstance(each, Gathering) else 0


class Shelf:
    """A space's part of the store; see journal.Shelf."""

    def __init__(self, store: Sqlite, space: str) -> None:
        self._store = store
        self._space = space

    def last(self) -> int:
        return self._store.last(self._space)

    def put(self, exchange: Exchange) -> None:
        self._store.put(self._space, exchange)

    def newest(self, below: int) -> Iterator[Exchange]:
        return self._store.newest(self._space, below)

    def oldest(self, above: int, below: int) -> Iterator[Exchange]:
        return self._store.oldest(self._space, above, below)

    def find(self, number: int) -> Exchange | None:
        return self._store.find(self._space, number)

    def count(self, below: int) -> int:
        return self._store.count(self._space, below)

    def clear(self, last: int) -> None:
        self._store.clear(self._space, last)


def merged(
    waiting: Iterable[Exchange],
    batches: Iterable[tuple[int, list[Exchange]]],
    direction: int,
    above: int,
    below: int,
) -> Iterator[Exchange]:
    """The exchanges between two numbers in the order of their numbers, upwards (1) or downwards (-1).

    Each batch comes with its first number in that direction, and batches in the order of these: what lies
    before it cannot be in a later one. What was written meanwhile is in `waiting` and in a batch, and comes
    once.
    """
    heap: list[tuple[int, int, Exchange]] = []
    tie = count()
    given = 0

    def add(exchanges: Iterable[Exchange]) -> None:
        for each in exchanges:
            if above < each.number < below:
                heappush(heap, (direction * each.number, next(tie), each))

    def taken(until: int | None) -> Iterator[Exchange]:
        nonlocal given
        while heap and (until is None or heap[0][0] < direction * until):
            exchange = heappop(heap)[2]
            if exchange.number != given:
                given = exchange.number
                yield exchange

    add(waiting)
    for first, batch in batches:
        yield from taken(first)
        add(batch)
    yield from taken(None)


def connected(file: str) -> sqlite3.Connection:
    """A connection to the file; it is one thread's at a time."""
    connection = sqlite3.connect(file, timeout=RETRY_S, isolation_level=None, check_same_thread=False)
    for setting in (
        f"page_size = {PAGE_BYTES}",
        "synchronous = NORMAL",
        f"wal_autocheckpoint = {WAL_PAGES}",
    ):
        connection.execute(f"PRAGMA {setting}")
    return connection


def prepared(file: str, place: Place) -> sqlite3.Connection:
    """A connection to the file, which has its tables. Raises SettingsError where it cannot be used."""
    try:
        connection = connected(file)
    except sqlite3.Error as problem:
        raise place.error(f"{file} cannot be used: {problem}") from None
    try:
        prepare(connection, file, place)
    except SettingsError:
        connection.close()
        raise
    except sqlite3.Error as problem:
        connection.close()
        raise place.error(f"{file} cannot be used: {problem}") from None
    return connection


def prepare(connection: sqlite3.Connection, file: str, place: Place) -> None:
    """Make the tables of a new file; refuse one that is not ours, or of a format to come."""
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (program,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if tables and program != PROGRAM:
        raise place.error(f"{file} is a database of another program; name a file of its own")
    if tables and version != FORMAT:
        raise place.error(f"{file} has the format {version}, and this version of Understudy reads {FORMAT}")
    connection.execute("PRAGMA journal_mode = WAL")
    if not tables:
        connection.executescript(
            f"BEGIN; {SCHEMA} PRAGMA application_id = {PROGRAM}; PRAGMA user_version = {FORMAT}; COMMIT"
        )


def locked(file: str, place: Place) -> IO[bytes]:
    """A file beside this one that is locked until it is closed: two servers would give the same numbers."""
    try:
        lock = open(f"{file}-lock", "wb")  # noqa: SIM115 - it stays open
    except OSError as problem:
        raise place.error(f"{file} cannot be used: {problem.strerror}") from None
    try:
        import fcntl

        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:
        pass
    except OSError:
        lock.close()
        raise place.error(f"{file} is in use by another server; each needs a file of its own") from None
    return lock
