"""From spool to store exactly once: whatever dies, whatever is refused, however often it is sent."""

import asyncio
import math
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec
import pyarrow
import pytest
from makings import T0, count, project, record, request

from patience import PATIENCE_S
from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.forward import arrivals
from trimtab.telemetry.kinds import encode_any
from trimtab.telemetry.notes import Note
from trimtab.telemetry.pace import Pace, Progress, SetBack
from trimtab.telemetry.records import CallRecord
from trimtab.telemetry.spool.drain import SpoolReader
from trimtab.telemetry.spool.segments import Segment
from trimtab.telemetry.spool.spool import Spool
from trimtab.telemetry.stores import ROWS, Arrow, Encoded, RowsRefused, Store, StoreAway, StoreFull
from trimtab.telemetry.writer import Writer

pytestmark = pytest.mark.promise


class MemoryStore:
    """Counts the rows of each insert by token; ``trouble`` is raised by inserts while it is set."""

    def __init__(self) -> None:
        self.tokens: dict[str, bytes] = {}
        self.trouble: Exception | None = None
        self.poison: bytes | None = None

    def prepare(self) -> None: ...

    def query(self, sql: str, params: Mapping[str, str], fmt: str = ROWS) -> bytes:
        raise NotImplementedError

    def insert(self, table: str, columns: tuple[str, ...], rows: Encoded, token: str) -> None:
        rows = apart(rows) if isinstance(rows, Arrow) else rows if isinstance(rows, bytes) else b"".join(rows)
        if self.trouble is not None:
            raise self.trouble
        if self.poison is not None and self.poison in rows:
            raise RowsRefused("Code: 117. a row does not fit")
        self.tokens.setdefault(token, rows)

    def close(self) -> None: ...

    def times(self, needle: bytes, table: str) -> int:
        return sum(rows.count(needle) for token, rows in self.tokens.items() if token.split(":")[1] == table)


def apart(rows: Arrow) -> bytes:
    """Columns with a byte between any two values: in the stream they lie close together."""
    found: list[bytes] = []
    for column in cast("Any", pyarrow).ipc.open_stream(b"".join(rows)).read_all().to_pydict().values():
        found += [value if isinstance(value, bytes) else repr(value).encode() for value in column]
    return b"\xc0".join(found)


def append(folder: Path, *records: CallRecord) -> None:
    async def main() -> None:
        spool = Spool(folder, "w0")
        await asyncio.gather(*[spool.append(each) for each in records])
        spool.close()

    asyncio.run(main())


def writer(folder: Path, store: Store, **fields: int) -> Writer:
    pace = Pace(
        linger_s=0.02,
        spacing_s=0.05,
        unwatched_s=0.05,
        poll_s=0.01,
        clear_s=0.05,
        first_pause_s=0.01,
        longest_pause_s=0.05,
        **fields,
    )
    return Writer(SpoolReader(folder / "spool"), store, CallMapper(FolderBlobs(folder / "blobs")), pace=pace)


def close(subject: Writer) -> None:
    subject._spool.close()  # pyright: ignore[reportPrivateUsage]


def test_the_same_batch_sent_twice_is_stored_once(tmp_path: Path, engine: Store) -> None:
    name = project()
    append(tmp_path / "spool", *[record(number, project=name) for number in range(1, 41)])
    subject = writer(tmp_path, engine)
    batch = subject._spool.peek(1000)  # pyright: ignore[reportPrivateUsage]
    assert batch is not None
    for _ in range(2):
        subject._send(subject._prepare(batch), remember=True)  # pyright: ignore[reportPrivateUsage]
    assert [count(engine, table, name) for table in ("spans", "span_io", "ledger")] == [80, 40, 40]
    close(subject)


def test_calls_of_several_months_in_one_batch_are_stored_once(tmp_path: Path, engine: Store) -> None:
    name = project()
    month = 31 * 86_400 * 10**9
    records = [record(n, project=name, started_ns=T0 + n * month, ended_ns=T0 + n * month + 1) for n in range(1, 13)]
    append(tmp_path / "spool", *records)
    subject = writer(tmp_path, engine)
    batch = subject._spool.peek(1000)  # pyright: ignore[reportPrivateUsage]
    assert batch is not None
    for _ in range(2):
        subject._send(subject._prepare(batch), remember=True)  # pyright: ignore[reportPrivateUsage]
    assert [count(engine, table, name) for table in ("spans", "span_io", "ledger")] == [24, 12, 12]
    close(subject)


def test_batches_that_are_read_ahead_arrive_in_order_and_once(tmp_path: Path) -> None:
    store = MemoryStore()
    append(tmp_path / "spool", *[record(number) for number in range(1, 101)])
    subject = writer(tmp_path, store, batch=10, enough=5)
    assert subject.drain_once() == 100
    assert subject.progress.batches == 10
    for number in range(1, 101):
        assert store.times(f"{number:032x}".encode(), "ledger") == 2  # request id and trace id
    close(subject)


class Forwarding(MemoryStore):
    """Takes a minute of ``now`` for each insert, and refuses arrivals of what is poison."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000
        self.refused = b""
        self.began: dict[str, int] = {}

    def query(self, sql: str, params: Mapping[str, str], fmt: str = ROWS) -> bytes:
        return b"[0]"

    def insert(self, table: str, columns: tuple[str, ...], rows: Encoded, token: str) -> None:
        self.began[token.split(":")[1]] = self.now
        self.now += 60 * 10**9
        if table == "arrivals" and self.refused and self.refused in rows:
            raise RowsRefused("Code: 117. a row does not fit")
        super().insert(table, columns, rows, token)


def forwards(folder: Path, store: Forwarding) -> Writer:
    folder.mkdir(exist_ok=True)
    arrivals.write(folder, frozenset(("p",)))
    subject = writer(folder, store)
    subject.arrivals = arrivals.ArrivalLog(store, folder, lambda: store.now)
    return subject


def test_an_arrival_has_the_time_at_which_its_spans_were_there(tmp_path: Path) -> None:
    """Whoever looked a while after the time of an older one would have taken its trace for closed without it."""
    store = Forwarding()
    append(tmp_path / "spool", record(1, project="p"))
    subject = forwards(tmp_path, store)
    assert subject.drain_once() == 1
    [rows] = [rows for token, rows in store.tokens.items() if token.endswith(":arrivals")]
    at_ns = msgspec.msgpack.decode(b"\x98" + rows)[1]  # an array of eight, which is one row
    assert at_ns >= store.began["arrivals"] > store.began["spans"]
    close(subject)


def test_an_arrival_that_is_refused_costs_itself_alone(tmp_path: Path) -> None:
    store = Forwarding()
    append(tmp_path / "spool", *[record(number, project="p") for number in range(1, 9)])
    store.refused = f"{3:032x}".encode()
    subject = forwards(tmp_path, store)
    assert subject.drain_once() == 8
    told = [store.times(f"{number:032x}".encode(), "arrivals") for number in range(1, 9)]
    assert told == [1, 1, 0, 1, 1, 1, 1, 1]
    assert subject.progress.rejected == 1
    close(subject)


def test_a_record_that_cannot_be_mapped_is_set_aside_and_the_rest_goes_in(tmp_path: Path) -> None:
    store = MemoryStore()
    segment = Segment(tmp_path / "spool", "w0", "normal", 1) if (tmp_path / "spool").mkdir() is None else None
    assert segment is not None
    segment.insert([(1, b"\xc1 no msgpack"), (2, b"\x80")])
    segment.close()
    append(tmp_path / "spool", record(7))
    subject = writer(tmp_path, store)
    assert subject.drain_once() == 3
    assert store.times(f"{7:016x}".encode(), "spans") > 0
    assert subject.progress.rejected == 2
    assert all(letter.reason for letter in subject._spool.rejected())  # pyright: ignore[reportPrivateUsage]
    close(subject)


def test_a_row_the_store_refuses_is_found_and_its_record_set_aside(tmp_path: Path) -> None:
    store = MemoryStore()
    store.poison = b"session-13"
    append(tmp_path / "spool", *[record(number, session=f"session-{number}.") for number in range(1, 31)])
    subject = writer(tmp_path, store)
    assert subject.drain_once() == 30
    assert subject.progress.rejected == 1
    for number in range(1, 31):
        assert store.times(f"session-{number}.".encode(), "ledger") == (0 if number == 13 else 1)
    close(subject)


def test_the_halves_of_a_refused_batch_are_recognised_when_it_is_sent_again(tmp_path: Path) -> None:
    store = MemoryStore()
    store.poison = b"session-3."
    append(tmp_path / "spool", *[record(number, session=f"session-{number}.") for number in range(1, 9)])
    subject = writer(tmp_path, store)
    batch = subject._spool.peek(1000)  # pyright: ignore[reportPrivateUsage]
    assert batch is not None
    subject._send(subject._prepare(batch), remember=True)  # pyright: ignore[reportPrivateUsage]
    once = dict(store.tokens)
    subject._send(subject._prepare(batch), remember=True)  # pyright: ignore[reportPrivateUsage]
    assert store.tokens == once
    assert subject.progress.rejected == 1
    close(subject)


@pytest.mark.parametrize(("trouble", "state"), [(StoreAway("gone"), "down"), (StoreFull("no room"), "full")])
def test_while_the_store_is_away_records_wait_and_it_is_told(tmp_path: Path, trouble: Exception, state: str) -> None:
    store = MemoryStore()
    store.trouble = trouble
    append(tmp_path / "spool", record(1), record(2))
    subject = writer(tmp_path, store)
    thread = threading.Thread(target=subject.run)
    thread.start()
    eventually(lambda: subject.progress.state == state)
    assert subject.progress.waiting == 2
    assert subject.progress.oldest_ms > 0
    store.trouble = None
    eventually(lambda: subject.progress.state == "ok" and subject.progress.records == 2)
    eventually(lambda: subject.progress.waiting == 0)
    subject.stop(1.0)
    thread.join()
    close(subject)


def test_a_defect_is_told_and_the_writer_goes_on_when_it_is_gone(tmp_path: Path) -> None:
    store = MemoryStore()
    store.trouble = ZeroDivisionError("a defect nobody thought of")
    append(tmp_path / "spool", record(1), record(2))
    subject = writer(tmp_path, store)
    thread = threading.Thread(target=subject.run)
    thread.start()
    eventually(lambda: "nobody thought of" in subject.progress.detail)
    assert subject.progress.state == "down"
    store.trouble = None
    eventually(lambda: subject.progress.state == "ok" and subject.progress.records == 2)
    subject.stop(1.0)
    thread.join()
    close(subject)


class Watched(Progress):
    """Keeps what waited whenever a state was told."""

    told: list[tuple[object, int]] = []

    def __setattr__(self, name: str, value: object) -> None:
        if name == "state":
            self.told.append((value, self.waiting))
        super().__setattr__(name, value)


def test_all_is_well_is_told_with_what_waits(tmp_path: Path) -> None:
    append(tmp_path / "spool", *[record(number) for number in range(1, 8)])
    subject = writer(tmp_path, MemoryStore())
    watched = subject.progress = Watched()
    subject.stop(30.0)
    subject.run()
    assert watched.told[0] == ("ok", 7)
    close(subject)


def test_stopping_drains_what_is_there(tmp_path: Path) -> None:
    store = MemoryStore()
    append(tmp_path / "spool", *[record(number) for number in range(1, 31)])
    subject = writer(tmp_path, store, batch=10)
    subject.stop(5.0)
    subject.run()
    assert subject.progress.records == 30
    close(subject)


def test_stopping_is_bounded_while_the_store_is_away(tmp_path: Path) -> None:
    store = MemoryStore()
    store.trouble = StoreAway("gone")
    append(tmp_path / "spool", record(1))
    subject = writer(tmp_path, store)
    began = time.monotonic()
    subject.stop(0.2)
    subject.run()
    assert time.monotonic() - began < 30
    assert subject._spool.backlog().waiting == 1  # pyright: ignore[reportPrivateUsage]
    close(subject)


def test_a_small_batch_leaves_after_its_linger_and_not_before(tmp_path: Path) -> None:
    store = MemoryStore()
    pace = Pace(linger_s=0.3, spacing_s=0.0, poll_s=0.01)
    subject = Writer(SpoolReader(tmp_path / "spool"), store, CallMapper(FolderBlobs(tmp_path / "b")), pace=pace)
    thread = threading.Thread(target=subject.run)
    thread.start()
    began = time.time()
    append(tmp_path / "spool", record(1))
    eventually(lambda: subject.progress.records == 1)
    assert time.time() - began >= 0.29
    subject.stop(1.0)
    thread.join()
    close(subject)


@pytest.mark.parametrize("watched", [False, True])
def test_batches_follow_each_other_sooner_while_somebody_asks_the_store(tmp_path: Path, watched: bool) -> None:
    store = MemoryStore()
    pace = Pace(linger_s=0.0, spacing_s=0.0, unwatched_s=1.5, poll_s=0.01)
    subject = Writer(SpoolReader(tmp_path / "spool"), store, CallMapper(FolderBlobs(tmp_path / "b")), pace=pace)
    thread = threading.Thread(target=subject.run)
    thread.start()
    began = time.monotonic()
    append(tmp_path / "spool", record(1))
    eventually(lambda: subject.progress.records == 1)
    if watched:
        subject.progress.asked_s = time.monotonic()
    append(tmp_path / "spool", record(2))
    eventually(lambda: subject.progress.records == 2)
    assert subject.progress.batches == 2
    if not watched:
        assert time.monotonic() - began >= 1.4
    subject.stop(1.0)
    thread.join()
    close(subject)


def test_what_came_while_a_batch_was_on_its_way_does_not_wait_for_the_spacing_besides(tmp_path: Path) -> None:
    """Where processors are scarce a batch takes longer than the spacing."""
    store, began = MemoryStore(), list[float]()

    def step(name: str) -> None:
        if name == "remembered":
            began.append(time.monotonic())
            if len(began) == 1:
                append(tmp_path / "spool", record(2))
                time.sleep(0.6)

    pace = Pace(linger_s=0.0, spacing_s=0.5, unwatched_s=3600.0, poll_s=0.01)
    subject = Writer(
        SpoolReader(tmp_path / "spool"), store, CallMapper(FolderBlobs(tmp_path / "b")), pace=pace, step=step
    )
    subject.progress.asked_s = math.inf
    append(tmp_path / "spool", record(1))
    assert subject._next() == 1  # pyright: ignore[reportPrivateUsage]
    assert subject._next() == 1, "it waits, and more than the spacing has gone by"  # pyright: ignore[reportPrivateUsage]
    assert len(began) == 2
    close(subject)


def test_a_clock_that_was_set_back_keeps_nothing_waiting(tmp_path: Path) -> None:
    """By the clock such a record is not as old as `Pace.linger_s` for an hour to come."""
    (tmp_path / "spool").mkdir()
    ahead = Segment(tmp_path / "spool", "w0", "normal", time.time_ns())
    ahead.insert([(time.time_ns() // 1_000_000 + 3_600_000, encode_any(record(1)))])
    ahead.close()
    subject = writer(tmp_path, MemoryStore())
    thread = threading.Thread(target=subject.run)
    thread.start()
    eventually(lambda: subject.progress.records == 1)
    subject.stop(1.0)
    thread.join()
    close(subject)


def test_notes_are_due_as_long_from_now_as_they_were_before_the_clock_was_set_back(tmp_path: Path) -> None:
    """A trace without a root was shown an hour later, and one that was noted by a clock in the next year in a year."""
    subject = writer(tmp_path, MemoryStore())
    spool = subject._spool  # pyright: ignore[reportPrivateUsage]
    spool.note([Note("p", "a" * 32, 3_630_000, 1, 2)])
    now = [3_600.0]
    subject.clock = SetBack(lambda: now[0], lambda: 0.0)
    now[0] += 0.9  # corrected little by little
    subject._rewrite_if_due()  # pyright: ignore[reportPrivateUsage]
    assert [note.due_ms for note in spool.noted(1 << 62, 9)] == [3_630_000]
    now[0] = 0.0
    subject._rewrite_if_due()  # pyright: ignore[reportPrivateUsage]
    subject._rewrite_if_due()  # pyright: ignore[reportPrivateUsage]
    assert [note.due_ms for note in spool.noted(1 << 62, 9)] == [30_000]
    close(subject)


def test_a_note_of_the_next_year_is_due_at_once_when_the_spool_is_opened(tmp_path: Path) -> None:
    now_ms = time.time_ns() // 1_000_000
    spool = SpoolReader(tmp_path)
    spool.note([Note("p", "a" * 32, now_ms + 400 * 86_400_000, 1, 2), Note("p", "b" * 32, now_ms + 86_400_000, 1, 2)])
    spool.close()
    spool = SpoolReader(tmp_path)
    assert [note.trace_id for note in spool.noted(time.time_ns() // 1_000_000, 9)] == ["a" * 32]
    spool.close()


def test_what_waits_unwatched_leaves_once_somebody_asks(tmp_path: Path) -> None:
    store = MemoryStore()
    pace = Pace(linger_s=0.0, spacing_s=0.0, unwatched_s=3600.0, poll_s=0.01)
    subject = Writer(SpoolReader(tmp_path / "spool"), store, CallMapper(FolderBlobs(tmp_path / "b")), pace=pace)
    thread = threading.Thread(target=subject.run)
    thread.start()
    append(tmp_path / "spool", record(1))
    eventually(lambda: subject.progress.records == 1)
    append(tmp_path / "spool", record(2))
    eventually(lambda: subject.progress.waiting == 1)
    assert subject.progress.records == 1
    subject.progress.asked_s = time.monotonic()
    eventually(lambda: subject.progress.records == 2)
    subject.stop(1.0)
    thread.join()
    close(subject)


def eventually(true: object, within_s: float = PATIENCE_S) -> None:
    assert callable(true)
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.01)


DYING = """
    import os, signal, sys
    from pathlib import Path
    from trimtab.storage.blobs import FolderBlobs
    from trimtab.telemetry.calls.mapper import CallMapper
    from trimtab.telemetry.spool.drain import SpoolReader
    from trimtab.telemetry.stores import open_store
    from trimtab.telemetry.pace import Pace, Progress
    from trimtab.telemetry.writer import Writer

    folder, at = Path(sys.argv[1]), sys.argv[2]
    store = open_store(f"chdb://{folder}/store")
    store.prepare()

    def step(name):
        if name == at:
            os.kill(os.getpid(), signal.SIGKILL)

    pace = Pace(batch=7, enough=3, backlog=int(sys.argv[3]))
    mapper = CallMapper(FolderBlobs(folder / "blobs"))
    Writer(SpoolReader(folder / "spool"), store, mapper, pace=pace, step=step).drain_once()
    for table in ("spans", "span_io", "ledger"):
        key = "request_id" if table != "span_io" else "trace_id"
        rows = store.query(f"SELECT count(), uniqExact({key}), uniqExact(span_id) FROM {table}", {}, "TSV")
        print(rows.decode().strip())
    store.close()
"""
STEPS = ("remembered", "inserted:span_io", "inserted:ledger", "inserted:spans", "confirmed", "cleared")


# A backlog only changes the order of the inserts: the steps around them are the same, and are died at once.
@pytest.mark.parametrize(
    ("backlog", "steps"),
    [(1, STEPS), (1000, [step for step in STEPS if step.startswith("inserted:")])],
    ids=["all tables at once", "spans last"],
)
def test_kill_9_at_each_step_loses_nothing_and_stores_nothing_twice(
    backlog: int, steps: Sequence[str], tmp_path: Path
) -> None:
    script = textwrap.dedent(DYING)
    sent = 0
    large = request("x" * 70_000)
    for at in steps:
        bodies = {n: large if n % 5 == 0 else request() for n in range(sent, sent + 20)}
        append(tmp_path / "spool", *[record(n, request=body) for n, body in bodies.items()])
        sent += 20
        argv = [sys.executable, "-c", script, str(tmp_path), at, str(backlog)]
        assert subprocess.run(argv, timeout=PATIENCE_S, check=False).returncode == -signal.SIGKILL
    argv = [sys.executable, "-c", script, str(tmp_path), "", str(backlog)]
    done = subprocess.run(argv, timeout=PATIENCE_S, check=True, stdout=subprocess.PIPE, text=True)
    calls, spans = str(sent), str(2 * sent)
    assert done.stdout.splitlines() == ["\t".join(row) for row in ((spans, calls, spans), (calls,) * 3, (calls,) * 3)]
    assert [name for name in os.listdir(tmp_path / "spool") if "~" in name] == []


def test_after_a_turn_that_took_long_traces_are_made_anew_again_within_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "spool").mkdir()
    now, turns = [1000.0], list[float]()
    subject = writer(tmp_path, MemoryStore())

    def turn(_: int) -> int:
        turns.append(now[0])
        now[0] += 60.0 if len(turns) == 1 else 0.1
        return 1

    monkeypatch.setattr("trimtab.telemetry.writer.time.monotonic", lambda: now[0])
    monkeypatch.setattr(subject, "rewrite", turn)
    for _ in range(60):
        subject._rewrite_if_due()  # pyright: ignore[reportPrivateUsage]
        now[0] += 1.0
    # From the end of the turn that took a minute 15 s; of one that took a tenth of a second, its usual two.
    assert [round(at) for at in turns[:4]] == [1000, 1075, 1077, 1079]
    close(subject)
