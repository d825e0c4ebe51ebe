"""While the store deletes rows that are made anew, what has nothing to do with them goes on, and nothing else does."""

import contextlib
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any, cast

import pytest
from makings import record
from ways import TRACE, Way, chat, span

from patience import PATIENCE_S
from trimtab.telemetry.aside import Aside, free
from trimtab.telemetry.foreign.spans import ForeignBatch
from trimtab.telemetry.kinds import encode_any
from trimtab.telemetry.mapping.plan import Key
from trimtab.telemetry.remap import RemapBatch, RemapTrace
from trimtab.telemetry.spool.drain import Spooled
from trimtab.telemetry.stores import ROWS, Store, StoreAway


class Slow:
    """A store that takes its time to delete: until it is told to."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.deleting = threading.Event()
        self.go_on = threading.Event()
        self.trouble: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def query(self, sql: str, params: Any, fmt: str = ROWS) -> bytes:
        if sql.startswith("DELETE"):
            self.deleting.set()
            assert self.go_on.wait(PATIENCE_S)
        return self._store.query(sql, params, fmt)

    def insert(self, *given: Any) -> None:
        trouble, self.trouble = self.trouble, None
        if trouble is not None:
            raise trouble
        self._store.insert(*given)


@contextlib.contextmanager
def running(way: Way) -> Generator[None]:
    thread = threading.Thread(target=way.writer.run)
    thread.start()
    try:
        yield
    finally:
        way.writer.stop(PATIENCE_S)
        thread.join()


def until(true: Any) -> None:
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def deleting(tmp_path: Path, engine: Store) -> Any:
    """A way whose writer is about to make a trace anew, and its store."""
    store = Slow(engine)
    way = Way(tmp_path, cast("Store", store))
    way.send(span(1), chat(2, 1))
    way.restart()
    way.send(chat(3, 1))
    try:
        with running(way):
            assert store.deleting.wait(PATIENCE_S)
            yield way, store
            store.go_on.set()
    finally:
        store.go_on.set()
        way.close()


def calls(way: Way) -> int:
    """Rows of calls through the gateway that stand for their traces."""
    return sum(line[0] != "" and line[1] == 1 for line in way.rows("request_id, entry"))


def test_a_call_is_stored_while_rows_of_others_are_deleted(deleting: tuple[Way, Slow]) -> None:
    way, store = deleting
    way.put(record(7, project=way.name))
    until(lambda: calls(way))
    other = "d" * 32
    way.put(ForeignBatch(project=way.name, arrived_ns=time.time_ns(), spans=(span(9, trace=other),)))
    until(lambda: [other] in way.rows("trace_id"))
    assert not store.go_on.is_set()


def test_what_comes_to_a_trace_whose_rows_are_away_waits_and_is_counted_once(deleting: tuple[Way, Slow]) -> None:
    way, store = deleting
    way.put(record(7, project=way.name))
    way.put(ForeignBatch(project=way.name, arrived_ns=time.time_ns(), spans=(chat(4, 1),)))
    until(lambda: calls(way))
    assert [f"{4:016x}"] not in way.rows("span_id", "span_raw")
    store.go_on.set()
    until(lambda: [f"{4:016x}"] in way.rows("span_id", "span_raw"))
    until(lambda: [f"{4:016x}"] in way.rows("span_id"))
    stands = [line for line in way.rows("span_id, input_tokens, entry, trace_id") if line[3] == TRACE]
    assert [line[:3] for line in stands if line[2]] == [[f"{1:016x}", 300, 1]]
    assert len(stands) == 4


def test_a_batch_that_fails_meanwhile_is_sent_again_and_fails_no_trace(deleting: tuple[Way, Slow]) -> None:
    way, store = deleting
    store.trouble = StoreAway("The store is away.")
    way.put(record(7, project=way.name))
    until(lambda: store.trouble is None)
    store.go_on.set()
    until(lambda: calls(way))
    until(lambda: [f"{3:016x}"] in way.rows())
    assert calls(way) == 1
    assert way.writer.progress.unmade == 0


def test_what_a_batch_met_is_raised_when_the_traces_are_made() -> None:
    tried, done = threading.Event(), list[str]()

    def fails() -> int:
        tried.set()
        raise StoreAway("The store is away.")

    subject = Aside(fails)

    def turn() -> None:
        with subject:
            subject(lambda: done.append("first" if tried.wait(PATIENCE_S) else "untried"))
            subject(lambda: done.append("second"))

    with pytest.raises(StoreAway):
        turn()
    assert done == ["first", "second"]
    subject.close()


def test_what_is_none_of_the_traces_is_free() -> None:
    made: frozenset[Key] = frozenset({("p", TRACE)})

    def spooled(*records: Any) -> list[Spooled]:
        return [Spooled("s", number, 0, encode_any(each)) for number, each in enumerate(records)]

    others = ForeignBatch(project="p", arrived_ns=1, spans=(span(1, trace="b" * 32),))
    theirs = ForeignBatch(project="p", arrived_ns=1, spans=(span(1, trace="b" * 32), span(2)))
    elsewhere = ForeignBatch(project="q", arrived_ns=1, spans=(span(1),))
    assert free(spooled(others, elsewhere, record(1)), made, bytes) == 3
    assert free(spooled(others, theirs, others), made, bytes) == 1
    assert free(spooled(record(1, project="p", trace_id=TRACE)), made, bytes) == 0
    asked = [RemapBatch(project=name, asked_ns=1, traces=(RemapTrace(TRACE, 1, 2),)) for name in ("q", "p")]
    assert free(spooled(*asked), made, bytes) == 1
    assert free([Spooled("s", 1, 0, b"\xc1")], made, bytes) == 0
