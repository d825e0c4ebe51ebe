"""What comes late: to long traces, to those of before, over age or over the end of a month."""

import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from makings import project, record
from msgspec.structs import replace
from ways import NOW, TRACE, Way, chat, span

from trimtab.telemetry.foreign.spans import ForeignSpan
from trimtab.telemetry.mapping.rewrite import StoreLookup
from trimtab.telemetry.mapping.traces import ROOTLESS_MS
from trimtab.telemetry.stores import ROWS, Store, bind


class Asked:
    """A store that notes which traces it is asked about, in whatever question."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.traces: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def query(self, sql: str, params: Any, fmt: str = ROWS) -> bytes:
        if "traces" in params:
            self.traces.append(params["traces"])
        return self._store.query(sql, params, fmt)


def asked(tmp_path: Path, engine: Store) -> tuple[Way, Asked]:
    store = Asked(engine)
    return Way(tmp_path, cast("Store", store)), store


HOUR = 3_600_000_000_000


def early(span_id: int, hours: int, trace: str) -> ForeignSpan:
    """A root that began long before any process of this test."""
    return span(span_id, trace=trace, start_ns=NOW - hours * HOUR, end_ns=NOW)


def test_a_trace_of_before_is_not_looked_for_where_the_store_has_none_of_its_time(
    tmp_path: Path, engine: Store
) -> None:
    way, store = asked(tmp_path, engine)
    try:
        for number, hours in enumerate((9, 2, 5, 1)):
            way.send(early(number + 1, hours, f"{number:032x}"))
        assert store.traces == [], "what came meanwhile is remembered"
        way.restart()
        way.send(early(9, 1, "e" * 32), early(10, 30, "f" * 32))
        assert store.traces == [f"['{'e' * 32}','{'f' * 32}']"], "now there are some"
        assert len(way.rows()) == 6
    finally:
        way.close()


def test_the_trace_of_a_call_of_ours_is_not_looked_for_where_the_store_has_no_spans_of_its_time(
    tmp_path: Path, engine: Store
) -> None:
    way, store = asked(tmp_path, engine)
    try:
        for number in (7, 8):
            times = {"started_ns": NOW, "ended_ns": NOW + 1}
            way.put(record(number, project=way.name, trace_id=f"{number:032x}", parent_span_id="b" * 16, **times))
            way.writer.drain_once()
        assert store.traces == []
        way.send(early(1, 1, "e" * 32))
        way.restart()
        ours = {"started_ns": NOW - HOUR, "ended_ns": NOW}
        way.put(record(9, project=way.name, trace_id="e" * 32, parent_span_id=f"{1:016x}", **ours))
        way.writer.drain_once()
        assert set(store.traces) == {f"['{'e' * 32}']"}, "now there is one"
    finally:
        way.close()


def test_a_late_span_of_a_trace_of_before_is_found_to_be_late_each_time(tmp_path: Path, engine: Store) -> None:
    """None of them may begin the trace once more."""
    way, _ = asked(tmp_path, engine)
    try:
        way.send(early(1, 5, TRACE))
        way.restart()
        for number in (2, 3, 4):
            minutes = 3 * (number - 1)
            way.send(chat(number, 1, start_ns=NOW - 5 * HOUR + minutes * HOUR // 60))
            assert way.rewrite() == 1
            assert way.entry() == (f"{1:016x}", 100 * (number - 1))
        assert len(way.rows()) == 4
    finally:
        way.close()


def test_where_others_write_to_the_store_it_is_asked_each_time(engine: Store) -> None:
    assert StoreLookup(engine, alone=False).newest(project(), 0) is None
    assert StoreLookup(engine, alone=True).newest(project(), 0) == 0


MINUTE = 60_000_000_000


def hour_long(*, trace: str = TRACE) -> list[ForeignSpan]:
    """Calls at 5, 25 and 45 minutes, and the span above them, which comes when it has ended."""
    calls = [chat(number, 1, trace=trace, start_ns=NOW + at * MINUTE) for number, at in ((2, 5), (3, 25), (4, 45))]
    return [*calls, span(1, trace=trace, end_ns=NOW + 60 * MINUTE)]


def test_the_root_of_a_long_trace_shows_all_that_its_leaves_used_although_it_was_restarted_meanwhile(way: Way) -> None:
    first, second, third, root = hour_long()
    way.send(first)
    way.restart()
    way.send(second)
    way.send(third)
    way.restart()
    way.send(root)
    assert way.rewrite() == 1
    assert way.entry() == (root.span_id, 300)


def test_a_root_that_began_before_a_restart_shows_what_came_before_it_too(way: Way) -> None:
    """Of the trace something is remembered, which began after the restart, and more is not."""
    root = span(1, start_ns=NOW - 60 * MINUTE)
    way.send(chat(2, 1, start_ns=NOW - 40 * MINUTE))
    way.restart()
    now = time.time_ns()
    way.send(chat(3, 1, start_ns=now, end_ns=now + 1))
    way.send(replace(root, end_ns=now + 2))
    assert way.rewrite() == 1
    assert way.entry() == (root.span_id, 200)


def test_an_older_root_is_looked_for_where_its_later_calls_had_nothing_near(way: Way) -> None:
    """The last one has nothing of its trace within ten minutes, and nothing of its project later."""
    way.send(chat(2, 1, start_ns=NOW - 90 * MINUTE), chat(3, 1, start_ns=NOW - 80 * MINUTE))
    way.restart()
    way.send(chat(4, 1, start_ns=NOW - 60 * MINUTE))
    root = span(1, start_ns=NOW - 120 * MINUTE, end_ns=NOW)
    way.send(root)
    assert way.rewrite() == 1
    assert way.entry() == (root.span_id, 300)


def test_what_comes_after_a_long_traces_first_call_leaves_that_in_its_sums(way: Way) -> None:
    """The first call is told late, ninety minutes away from all others: also from what comes once more then."""
    now = time.time_ns()
    way.send(span(1, start_ns=now, end_ns=now + 1), chat(2, 1, start_ns=now, end_ns=now + 2))
    way.send(chat(3, 1, start_ns=now - 90 * MINUTE, end_ns=now))
    assert way.rewrite() == 1
    assert way.entry() == (f"{1:016x}", 200)
    way.send(chat(4, 1, start_ns=now + 1, end_ns=now + 2))
    way.send(chat(5, 1, start_ns=now - 40 * MINUTE, end_ns=now))
    assert way.rewrite() == 1
    assert way.entry() == (f"{1:016x}", 400)


def test_the_root_of_a_long_trace_shows_all_although_its_first_spans_are_forgotten(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where spans come quickly, what came minutes ago is not remembered."""
    monkeypatch.setattr("trimtab.telemetry.mapping.traces.REMEMBERED_SPANS", 3)
    first, second, third, root = hour_long()
    for each in (first, second, third):
        for number in range(5):
            way.send(chat(9, trace=f"{each.span_id}{number:016x}"))
        way.send(each)
        if each is second:
            way.rewrite(ROOTLESS_MS)
    way.send(root)
    way.rewrite(ROOTLESS_MS)
    mine = [line for line in way.rows("trace_id, span_id, input_tokens, entry") if line[0] == TRACE]
    assert len(mine) == 4
    assert [(line[1], int(line[2])) for line in mine if line[3] == 1] == [(root.span_id, 300)]


def test_a_late_span_of_a_trace_whose_texts_are_over_age_joins_it(way: Way) -> None:
    """What came of the others is kept no longer: they cannot be made anew, and stand as they are."""
    way.send(span(1), chat(2, 1))
    forget_raw(way)
    way.restart()
    way.send(chat(3, 1))
    assert way.rewrite() == 1
    assert way.entry()[0] == f"{1:016x}"
    assert (len(way.rows()), way.counted()) == (3, 200)


def test_a_root_that_comes_after_its_leaves_texts_were_over_age_shows_what_they_used(way: Way) -> None:
    way.send(chat(2, 1), chat(3, 1))
    forget_raw(way)
    way.restart()
    way.send(span(1))
    assert way.rewrite() == 1
    assert way.entry() == (f"{1:016x}", 200)
    way.send(replace(span(1), name="told once more"))
    assert way.rewrite() == 1
    assert way.entry() == (f"{1:016x}", 200)


def test_a_trace_that_was_shown_without_its_root_is_one_trace_still_when_it_comes_over_age(way: Way) -> None:
    """What stands for it cannot be made anew, so it goes on: a second row would count the trace twice in lists."""
    way.send(chat(2, 1), chat(3, 1))
    assert way.rewrite(ROOTLESS_MS) == 1
    forget_raw(way)
    way.restart()
    for late in (span(1), chat(4, 1), span(9)):
        way.send(late)
        assert way.rewrite(ROOTLESS_MS) == 1
        assert way.entry() == (f"{2:016x}", 200)
    assert len(way.rows()) == 5


def forget_raw(way: Way) -> None:
    way.engine.query("DELETE FROM span_raw WHERE project = {project:String}", bind({"project": way.name}))


def test_a_trace_over_the_end_of_a_month_is_made_anew_in_both(way: Way) -> None:
    """Rows are deleted month by month; the one without any is left alone."""
    today = datetime.now(UTC)
    month = datetime(today.year, today.month, 1, tzinfo=UTC)
    at = int(month.timestamp()) * 1_000_000_000
    way.send(chat(2, 1, start_ns=at - MINUTE, end_ns=at), span(1, start_ns=at - 2 * MINUTE, end_ns=at + 3 * MINUTE))
    way.send(chat(3, 1, start_ns=at + MINUTE, end_ns=at + 2 * MINUTE))
    assert way.rewrite() == 1
    way.send(chat(4, 1, start_ns=at + MINUTE, end_ns=at + 2 * MINUTE))
    deleted = list[str]()
    query = way.engine.query

    def asked(sql: str, *given: Any) -> bytes:
        deleted.extend(found[0] for found in re.finditer(r"DELETE FROM \w+ IN PARTITION ID '\d+'", sql))
        return query(sql, *given)

    way.engine.query = asked  # type: ignore[method-assign]
    try:
        assert way.rewrite() == 1
    finally:
        del way.engine.query
    assert (way.entry(), len(way.rows()), way.counted()) == ((f"{1:016x}", 300), 4, 300)
    assert len(way.rows("span_id", "span_io")) == len({tuple(row) for row in way.rows("span_id", "span_io")})
    months = [f"{when:%Y%m}" for when in (month - timedelta(days=1), month)]
    assert sorted(each for each in deleted if " spans " in each) == [
        f"DELETE FROM spans IN PARTITION ID '{each}'" for each in months
    ]
