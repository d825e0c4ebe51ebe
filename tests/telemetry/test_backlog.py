"""A backlog of foreign spans: few records, each with hundreds of spans, count by their size."""

import asyncio
import itertools
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from makings import record
from ways import NOW, Way, chat, span

from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.foreign.spans import ForeignBatch, ForeignSpan
from trimtab.telemetry.mapping import came as foreign_came
from trimtab.telemetry.mapping.traces import ROOTLESS_MS
from trimtab.telemetry.merges import HOLD_FROM, RECORD_BYTES, RELEASE_BELOW, Merges
from trimtab.telemetry.pace import Pace
from trimtab.telemetry.process import foreign_of
from trimtab.telemetry.spool.drain import SpoolReader
from trimtab.telemetry.spool.spool import Spool
from trimtab.telemetry.stores import ROWS, Encoded, RowsRefused, Store
from trimtab.telemetry.writer import Writer


@pytest.fixture
def way(tmp_path: Path, engine: Store) -> Iterator[Way]:
    made = Way(tmp_path, engine)
    yield made
    made.close()


def large(way: Way, number: int) -> ForeignBatch:
    """A record whose span comes to 6 MB as rows, as its door says."""
    return ForeignBatch(
        project=way.name, arrived_ns=NOW, spans=(chat(number, trace=f"{number:032x}"),), expands=6 << 20
    )


def test_few_large_records_are_enough_for_a_batch_and_leave_at_once(way: Way) -> None:
    way.put(large(way, 1))
    spool = way.writer._spool  # pyright: ignore[reportPrivateUsage]
    one = spool.peek(8_000)
    assert one is not None
    assert (len(one.records), one.size) == (1, 3 << 20)
    assert not way.writer._enough(one)  # pyright: ignore[reportPrivateUsage]
    way.put(large(way, 2))
    both = spool.peek(8_000)
    assert both is not None
    assert both.size == 6 << 20
    assert way.writer._enough(both)  # pyright: ignore[reportPrivateUsage]
    spool.remember(both)
    again = spool.pending()
    assert again is not None
    assert again.size == both.size


def test_what_waits_is_told_in_bytes_from_the_first_record_that_is_not_confirmed(tmp_path: Path) -> None:
    async def fill() -> None:
        spool = Spool(tmp_path, "w0")
        for number in range(600):
            await spool.append(record(number))
        spool.close()

    asyncio.run(fill())
    reader = SpoolReader(tmp_path)
    whole = reader.backlog().size
    assert whole > 600 * 100
    batch = reader.peek(512)
    assert batch is not None
    reader.confirm(batch)
    assert 0 < reader.backlog().size < whole // 2
    rest = reader.peek(512)
    assert rest is not None
    reader.confirm(rest)
    assert (reader.backlog().waiting, reader.backlog().size) == (0, 0)
    reader.close()


def test_merging_is_put_off_for_few_records_that_are_large() -> None:
    said: list[str] = []
    merges = Merges(lambda sql, _: said.append(sql))
    merges.look(10, 1, HOLD_FROM * RECORD_BYTES - 1)
    assert not said
    merges.look(10, 2, HOLD_FROM * RECORD_BYTES)
    assert merges.held
    merges.look(1, 3, RELEASE_BELOW * RECORD_BYTES)
    assert merges.held
    merges.look(1, 4, RELEASE_BELOW * RECORD_BYTES - 1)
    assert not merges.held


MOST = 1_000
"""Batches for which a backlog lasts at most."""


def test_traces_are_made_anew_also_while_a_backlog_lasts(way: Way) -> None:
    blobs, steps = FolderBlobs(way.folder / "blobs"), list[str]()
    way.close()
    writer = Writer(
        SpoolReader(way.folder / "spool"),
        way.engine,
        CallMapper(blobs),
        pace=Pace(batch=1, enough=1, rewrite_s=0.0, rewrite_in_backlog_s=0.0),
        step=lambda name: step(name),
        foreign=foreign_of(way.engine, blobs),
    )
    way.writer = writer
    numbers = itertools.count(10)

    def put(*spans: ForeignSpan) -> None:
        way.put(ForeignBatch(project=way.name, arrived_ns=time.time_ns(), spans=spans))

    def step(name: str) -> None:
        """The backlog lasts until they are made anew, beside it."""
        steps.append(name)
        if name == "confirmed" and "rewritten" not in steps and (number := next(numbers)) < MOST:
            put(chat(number, trace=f"{number:032x}"))

    put(span(1), chat(2, 1))
    put(chat(3, 1))
    put(chat(4, trace=f"{4:032x}"))
    writer.stop(600.0)
    writer.run()
    assert steps.index("rewritten") < len(steps) - 1 - steps[::-1].index("confirmed")
    assert [1, 200] in way.rows("entry, input_tokens"), "the root shows what came after it"


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4, 5), (5, 4, 3, 2, 1, 0), (3, 0, 4, 1, 5, 2)])
def test_a_batch_that_is_planned_in_portions_ends_like_one_planned_at_once(
    way: Way, order: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign_came, "PORTION_BYTES", 1)
    spans = [
        span(1),
        chat(2, 1, tokens=30),
        chat(3, 2, tokens=30),
        chat(4, 1, tokens=5, response="r"),
        chat(5, 1, tokens=5, response="r"),
        span(6, 2),
    ]
    way.put(*(ForeignBatch(project=way.name, arrived_ns=NOW, spans=(spans[place],)) for place in (*order, order[0])))
    assert way.writer.drain_once() == 7
    way.rewrite(ROOTLESS_MS + 1)
    assert [line[0] for line in way.rows("span_id")] == [f"{number:016x}" for number in range(1, 7)]
    assert (way.entry(), way.counted()) == ((f"{1:016x}", 35), 35)
    assert len(way.rows("span_id", "span_raw")) == 6


def test_a_portion_waits_for_what_the_next_one_may_bring_of_its_last_traces(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign_came, "PORTION_BYTES", 2_000)
    spans = [span(1), chat(2, 1), chat(3, 1)]
    way.put(*(ForeignBatch(project=way.name, arrived_ns=NOW, spans=(each,)) for each in spans))
    assert way.writer.drain_once() == 3
    assert way.entry() == (f"{1:016x}", 200)
    assert way.writer._spool.noted(1 << 60, 10) == []  # pyright: ignore[reportPrivateUsage]


class Picky:
    """A store that refuses spans of one name."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def prepare(self) -> None: ...

    def query(self, sql: str, params: Mapping[str, str], fmt: str = ROWS) -> bytes:
        return self._store.query(sql, params, fmt)

    def insert(self, table: str, columns: tuple[str, ...], rows: Encoded, token: str) -> None:
        whole = rows if isinstance(rows, bytes) else b"".join(rows)
        if table == "spans" and b"poison" in whole:
            raise RowsRefused("Code: 117. a row does not fit")
        self._store.insert(table, columns, rows, token)

    def close(self) -> None: ...


def test_where_the_store_refuses_a_row_the_others_are_made_once_more_as_they_were(
    tmp_path: Path, engine: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign_came, "PORTION_BYTES", 1)
    way = Way(tmp_path, Picky(engine))
    try:
        records = [(span(1), chat(2, 1)), (span(3, trace="b" * 32, name="poison"),), (chat(4, trace="c" * 32),)]
        way.put(*(ForeignBatch(project=way.name, arrived_ns=NOW, key_id="k", spans=each) for each in records))
        assert way.writer.drain_once() == 3
        [letter] = way.writer._spool.rejected()  # pyright: ignore[reportPrivateUsage]
        assert "does not fit" in letter.reason
        assert way.rows("span_id, entry, leaf, input_tokens, model, key_id") == [
            [f"{1:016x}", 1, 0, 100, "gpt-4o-mini", "k"],
            [f"{2:016x}", 0, 1, 100, "gpt-4o-mini", "k"],
            [f"{4:016x}", 1, 1, 100, "gpt-4o-mini", "k"],
        ]
        assert len(way.rows("span_id", "span_raw")) == 4, "what came is kept"
    finally:
        way.close()
