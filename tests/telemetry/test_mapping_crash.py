"""From spool to store with a mapping process beside: each span once, whichever of the two is killed, and when."""

import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from mapping_ways import start
from msgspec.structs import replace
from test_mapping_process import some
from ways import NOW, Way

from patience import PATIENCE_S
from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.detectors import Detectors
from trimtab.telemetry.foreign.spans import ForeignBatch, ForeignSpan
from trimtab.telemetry.mapping.away import AwayBatch, Hands
from trimtab.telemetry.mapping.prices import ForeignPrices
from trimtab.telemetry.pace import Pace
from trimtab.telemetry.process import foreign_of, hands_of
from trimtab.telemetry.silent import Silent
from trimtab.telemetry.spool.drain import SpoolReader
from trimtab.telemetry.stores import Store
from trimtab.telemetry.writer import Writer

pytestmark = pytest.mark.promise

DYING = """
    import os, signal, sys, time
    from pathlib import Path
    from trimtab.storage.blobs import FolderBlobs
    from trimtab.telemetry.mapping import came
    from trimtab.telemetry.calls.mapper import CallMapper
    from trimtab.telemetry.detectors import Detectors
    from trimtab.telemetry.spool.drain import SpoolReader
    from trimtab.telemetry.mapping.prices import ForeignPrices
    from trimtab.telemetry.process import foreign_of, hands_of
    from trimtab.telemetry.silent import Silent
    from trimtab.telemetry.stores import open_store
    from trimtab.telemetry.pace import Pace
    from trimtab.telemetry.writer import Writer

    folder, at, whom = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    came.PORTION_BYTES = 2_000
    store = open_store(f"chdb://{folder}/store")
    store.prepare()
    prices, silent, blobs = ForeignPrices(), Silent(Detectors()), FolderBlobs(folder / "blobs")
    hands = hands_of(folder, 1, silent, prices)
    while not hands.helpers.ready(backlog=True):
        time.sleep(0.02)
    print("helper", *hands.helpers.pids, flush=True)

    def step(name):
        if name == at:
            for pid in hands.helpers.pids if whom == "helper" else [os.getpid()]:
                os.kill(pid, signal.SIGKILL)

    pace = Pace(batch=5, enough=1, backlog_bytes=1)
    foreign = foreign_of(store, blobs, silent, prices=prices)._replace(hands=hands)
    writer = Writer(SpoolReader(folder / "spool"), store, CallMapper(blobs), pace=pace, step=step, foreign=foreign)
    writer.drain_once()
    writer.rewrite(time.time_ns() // 1_000_000 + 60_000)
    for table in ("spans", "span_raw", "span_io", "ledger"):
        rows = store.query(f"SELECT count(), uniqExact(trace_id, span_id) FROM {table}", {}, "TSV")
        print(rows.decode().strip().replace("\\t", " "))
    print("rejected", writer.progress.rejected, "lost", hands.helpers.lost)
    hands.helpers.close()
    store.close()
"""


def run(folder: Path, at: str, whom: str) -> tuple[int, list[str]]:
    argv = [sys.executable, "-c", textwrap.dedent(DYING), str(folder), at, whom]
    done = subprocess.run(argv, timeout=PATIENCE_S, check=False, stdout=subprocess.PIPE, text=True)
    return done.returncode, done.stdout.splitlines()


def fill(folder: Path, engine: Store, first: int) -> int:
    """Twelve records more; returns how many spans there are by now."""
    way = Way(folder, engine)
    way.close()
    records = [
        ForeignBatch(project="p", arrived_ns=NOW, spans=tuple(_moved(each, first) for each in record.spans))
        for record in some(12)
    ]
    way.put(*records)
    return first + 12


def _moved(span: ForeignSpan, by: int) -> ForeignSpan:
    return replace(span, trace_id=f"{int(span.trace_id, 16) + by:032x}")


@pytest.mark.parametrize("at", ["remembered", "noted", "inserted:span_raw", "inserted:spans"])
def test_kill_9_of_who_decides_loses_nothing_and_stores_nothing_twice(at: str, tmp_path: Path, engine: Store) -> None:
    fill(tmp_path, engine, 0)
    code, told = run(tmp_path, at, "itself")
    assert code == -signal.SIGKILL
    _gone(int(told[0].split()[1]))
    spans = fill(tmp_path, engine, 12)
    code, told = run(tmp_path, "", "itself")
    _each_once(code, told, spans, lost=0)


def test_kill_9_of_who_maps_loses_nothing_and_stores_nothing_twice(tmp_path: Path, engine: Store) -> None:
    """While it reads the next batch, or waits for one."""
    spans = fill(tmp_path, engine, 0)
    code, told = run(tmp_path, "inserted:span_raw", "helper")
    _each_once(code, told, spans, lost=1)


def _each_once(code: int, told: list[str], spans: int, *, lost: int) -> None:
    """Once the traces are made anew that were cut by a batch or a crash."""
    assert code == 0
    assert told[1:4] == [f"{spans} {spans}"] * 3
    rows, different = told[4].split()
    assert rows == different != "0"
    assert told[5] == f"rejected 0 lost {lost}"


def _gone(pid: int) -> None:
    """A mapping process ends with who started it."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return
        if state == "Z":
            return
        assert time.monotonic() < deadline, "it lives on"
        time.sleep(0.01)


def test_the_rows_in_the_store_are_those_of_one_process(tmp_path: Path, engine: Store) -> None:
    """Column by column, after the engine read them."""
    found = [_stored(tmp_path / name, engine, helped=name == "helped") for name in ("alone", "helped")]
    assert found[0] == found[1]
    assert len(found[0]["spans"]) == 12


def test_a_batch_goes_in_without_help_where_helping_breaks(
    tmp_path: Path, engine: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of its records is to blame, so to look through them finds nothing, and the same again would break again."""

    def broken(self: AwayBatch) -> None:
        raise RuntimeError("It breaks.")

    monkeypatch.setattr(AwayBatch, "flush", broken)
    assert len(_stored(tmp_path / "helped", engine, helped=True)["spans"]) == 12


def _stored(folder: Path, engine: Store, *, helped: bool) -> dict[str, list[object]]:
    folder.mkdir()
    way = Way(folder, engine)
    way.close()
    prices, silent, blobs, hands = ForeignPrices(), Silent(Detectors()), FolderBlobs(folder / "blobs"), None
    if helped:
        made = hands_of(folder, 1, silent, prices)
        assert made is not None
        hands = Hands(start(folder), made._by, silent)  # pyright: ignore[reportPrivateUsage]
    foreign = foreign_of(engine, blobs, silent, prices=prices)._replace(hands=hands)
    way.writer = Writer(
        SpoolReader(folder / "spool"), engine, CallMapper(blobs), pace=Pace(enough=1, backlog_bytes=1), foreign=foreign
    )
    way.put(*(ForeignBatch(project=way.name, arrived_ns=NOW, spans=record.spans) for record in some(12)))
    assert way.writer.drain_once() == 12
    way.close()
    if hands is not None:
        assert hands.helpers.lost == 0
        hands.helpers.close()
    return {table: way.rows("* EXCEPT (project)", table) for table in ("spans", "span_raw", "span_io")}
