"""Journals in a SQLite file: what survives, in which order it comes back, and what is refused."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from understudy.errors import Place, SettingsError
from understudy.journal import Exchange, Journal
from understudy.model import Head, HttpRequest, Reply, Send, Step, Text
from understudy.stores import Memory, Store, open_store
from understudy.stores import sqlite as sqlite_store
from understudy.stores.sqlite import BATCH, Sqlite, merged

HTTP = HttpRequest("POST", "/v1/chat/completions", (b"host", b"localhost"), b"{}")
STEPS: tuple[Step, ...] = (Head(200, b""), Send(b"abc"))
PLACE = Place("--journal", "")
Opened = Callable[[], Sqlite]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def opened(file: Path) -> Iterator[Opened]:
    """Opens the store in the file; closes those that were opened."""
    stores: list[Sqlite] = []

    def opened() -> Sqlite:
        stores.append(Sqlite(str(file), PLACE))
        return stores[-1]

    yield opened
    for store in stores:
        store.close()


def journal(store: Store, space: str = "", entries: int = 10_000) -> Journal:
    return Journal(lambda: 1.0, entries, shelf=store.shelf(space))


def answer(made: Journal, count: int = 1) -> None:
    for _ in range(count):
        list(made.watch(made.open(HTTP), iter(STEPS)))


def numbers(exchanges: Iterator[Exchange]) -> list[int]:
    return [exchange.number for exchange in exchanges]


def test_exchanges_survive_a_restart_and_numbers_go_on(opened: Opened) -> None:
    store = opened()
    made = journal(store)
    exchange = made.open(HTTP)
    exchange.reply = Reply((Text("Hello"),), id="abc")
    list(made.watch(exchange, iter(STEPS)))
    answer(made, 2)
    store.close()
    again = journal(opened())
    assert numbers(again.oldest()) == [1, 2, 3]
    assert again.find(1) == Exchange(
        1, 1.0, HTTP, status=200, sent=3, outcome="complete", reply=Reply((Text("Hello"),), id="abc")
    )
    assert (len(again), again.find(4)) == (3, None)
    answer(again)
    assert numbers(again.newest()) == [4, 3, 2, 1]


def test_what_the_memory_has_no_room_for_is_read_from_the_file(opened: Opened) -> None:
    made = journal(opened(), entries=3)
    answer(made, 2 * BATCH + 10)
    assert len(list(made)) == 3
    assert len(made) == 2 * BATCH + 10
    assert numbers(made.oldest()) == list(range(1, 2 * BATCH + 11))
    assert numbers(made.newest()) == list(range(2 * BATCH + 10, 0, -1))
    assert numbers(made.oldest(after=500)) == list(range(501, 2 * BATCH + 11))
    found = made.find(7)
    assert found is not None
    assert found.number == 7


def test_spaces_share_a_file_and_see_their_own(opened: Opened) -> None:
    store = opened()
    one, other = journal(store, "one"), journal(store, "other")
    answer(one, 3)
    answer(other)
    one.clear()
    store.close()
    store = opened()
    assert numbers(journal(store, "one").oldest()) == []
    assert numbers(journal(store, "other").oldest()) == [1]


def test_what_was_forgotten_does_not_come_back_and_its_numbers_are_not_given_again(opened: Opened) -> None:
    store = opened()
    made = journal(store, entries=2)
    answer(made, 5)
    made.clear()
    assert (numbers(made.oldest()), len(made), made.find(3)) == ([], 0, None)
    answer(made)
    store.close()
    again = journal(opened())
    assert numbers(again.oldest()) == [6]


def test_numbers_go_on_though_all_was_forgotten(opened: Opened) -> None:
    store = opened()
    made = journal(store)
    answer(made, 5)
    made.clear()
    store.close()
    again = journal(opened())
    answer(again)
    assert numbers(again.oldest()) == [6]


def test_an_exchange_that_ends_after_it_was_forgotten_is_not_kept(opened: Opened) -> None:
    store = opened()
    made = journal(store)
    exchange = made.open(HTTP)
    made.clear()
    list(made.watch(exchange, iter(STEPS)))
    store.close()
    assert numbers(journal(opened()).oldest()) == []


def test_a_stream_that_ended_late_has_its_place_by_its_number(opened: Opened) -> None:
    store = opened()
    made = journal(store, entries=5)
    late = made.open(HTTP)
    answer(made, 2 * BATCH)
    list(made.watch(late, iter(STEPS)))
    answer(made, BATCH)
    store.close()
    again = journal(opened())
    assert numbers(again.oldest()) == list(range(1, 3 * BATCH + 2))
    assert numbers(again.newest()) == list(range(3 * BATCH + 1, 0, -1))
    assert again.find(1) is not None


@pytest.mark.parametrize("direction", [1, -1])
def test_overlapping_batches_are_merged_in_order(direction: int) -> None:
    chance = Random(7)
    order = sorted(range(1, 301), key=lambda number: number + chance.randrange(40))
    lots = [order[at : at + 30] for at in range(0, 300, 30)]
    nearest = min if direction == 1 else max
    batches = [(nearest(lot), [Exchange(number, 0.0, HTTP) for number in lot]) for lot in lots[:-1]]
    batches.sort(key=lambda batch: direction * batch[0])
    waiting = [Exchange(number, 0.0, HTTP) for number in (*lots[-1], *lots[-2])]  # the second is there twice
    found = numbers(merged(waiting, batches, direction, 10, 291))
    assert found == sorted(range(11, 291), key=lambda number: direction * number)


def test_a_kill_loses_nothing_that_was_written_and_corrupts_nothing(file: Path, opened: Opened) -> None:
    script = f"""
import os, signal
from understudy.errors import Place
from understudy.journal import Journal
from understudy.model import Head, HttpRequest, Send
from understudy.stores.sqlite import Sqlite
store = Sqlite({str(file)!r}, Place("--journal", ""))
made = Journal(lambda: 1.0, shelf=store.shelf(""))
def answer():
    list(made.watch(made.open(HttpRequest("GET", "/", (), b"x")), iter((Head(200, b""), Send(b"abc")))))
for _ in range(100):
    answer()
while store._written < store._put:
    pass
for _ in range(5_000):
    answer()
os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", script], timeout=30, check=False)
    assert killed.returncode == -9
    kept = numbers(journal(opened()).oldest())
    assert len(kept) >= 100
    assert kept == list(range(1, len(kept) + 1))
    with sqlite3.connect(file) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_a_second_server_does_not_get_the_same_file(opened: Opened) -> None:
    opened()
    with pytest.raises(SettingsError, match=r"journal\.db is in use by another server"):
        opened()


def test_a_file_of_another_program_is_left_alone(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(SettingsError, match="is a database of another program"):
        Sqlite(str(file), PLACE)


def test_a_format_to_come_is_refused(file: Path, opened: Opened) -> None:
    opened().close()
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(SettingsError, match="has the format 2, and this version of Understudy reads 1"):
        Sqlite(str(file), PLACE)


def test_what_is_no_database_is_refused(file: Path) -> None:
    file.write_text("This is a letter, and it is long enough to be looked at. " * 20)
    with pytest.raises(SettingsError, match="cannot be used: file is not a database"):
        Sqlite(str(file), PLACE)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"--journal: .*journal\.db cannot be used: No such file"):
        Sqlite(str(tmp_path / "nowhere" / "journal.db"), PLACE)


def test_when_the_queue_is_full_exchanges_are_in_memory_alone_and_the_log_says_so(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sqlite_store, "MOST_WAITING", -1)
    store = opened()
    made = journal(store)
    answer(made, 3)
    assert numbers(made.oldest()) == [1, 2, 3]
    store.close()
    first, *_, last = [record.message for record in caplog.records]
    assert first.startswith("the journal's disk is too slow: exchanges are in memory alone")
    assert "3 exchanges were not written" in last


def test_what_cannot_be_written_is_told_of_and_counted(
    file: Path, opened: Opened, caplog: pytest.LogCaptureFixture
) -> None:
    store = opened()
    with sqlite3.connect(file) as connection:
        connection.execute("DROP TABLE batch")
    connection.close()
    made = journal_without_reading(store)
    answer(made, 3)
    store.close()
    assert "3 exchanges were not written" in caplog.records[-1].message
    assert numbers(iter(made)) == [1, 2, 3]


def journal_without_reading(store: Sqlite) -> Journal:
    """A journal on a shelf that cannot be read."""
    shelf = store.shelf("")
    made = Journal(lambda: 1.0)
    made._shelf = shelf
    return made


@pytest.mark.parametrize("url", ["sqlite:///", "sqlite://file.db", "redis://localhost", "", "Memory"])
def test_a_store_that_there_is_not_says_what_there_is(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        open_store(url)
    assert str(caught.value) == f"--journal: expected memory or sqlite:///FILE; found {url!r}"


def test_memory_keeps_nothing_beyond_the_process() -> None:
    store = open_store("memory")
    assert isinstance(store, Memory)
    assert store.shelf("") is None
    store.close()


def test_a_store_is_opened_by_its_url(file: Path) -> None:
    store = open_store(f"sqlite:///{file}")
    store.close()
    assert file.exists()


def test_an_exchange_that_has_no_bytes_is_left_out_and_told_of(
    opened: Opened, caplog: pytest.LogCaptureFixture
) -> None:
    store = opened()
    made = journal(store)
    exchange = made.open(HTTP)
    exchange.model = "half a pair: \ud800"
    list(made.watch(exchange, iter(STEPS)))
    answer(made)
    store.close()
    assert caplog.records[0].message == "exchange 1 cannot be written"
    assert numbers(journal(opened()).oldest()) == [2]
