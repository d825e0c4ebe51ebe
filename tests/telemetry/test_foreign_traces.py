"""Foreign spans from spool to store: each is one row, however often, late or broken up it comes; usage counts once."""

import itertools
import os
import time
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from makings import project
from msgspec.structs import replace
from ways import NOW, TRACE, Way, chat, span

from trimtab.ledger.overrides import DatedPrice, Rates
from trimtab.telemetry import price_file
from trimtab.telemetry.answers import SHOWN_ROWS, span_lines
from trimtab.telemetry.foreign.spans import ForeignBatch, ForeignEvent, ForeignSpan, RefusedSpan
from trimtab.telemetry.mapping.came import merged
from trimtab.telemetry.mapping.prices import ForeignPrices
from trimtab.telemetry.mapping.rewrite import StoreLookup
from trimtab.telemetry.mapping.traces import ROOTLESS_MS
from trimtab.telemetry.shown import OF_ANY
from trimtab.telemetry.stores import Store, bind


def test_a_trace_in_one_batch_is_one_row_per_span_and_its_root_shows_what_its_leaves_used(way: Way) -> None:
    way.send(span(1), chat(2, 1), chat(3, 1, tokens=50))
    assert way.rows("span_id, entry, leaf") == [
        [f"{1:016x}", 1, 0],
        [f"{2:016x}", 0, 1],
        [f"{3:016x}", 0, 1],
    ]
    assert way.entry() == (f"{1:016x}", 150)
    assert [line[0] for line in way.rows("span_id", "span_raw")] == [f"{n:016x}" for n in (1, 2, 3)]
    assert way.rewrite(ROOTLESS_MS) == 0


def test_what_is_shown_of_a_span_is_kept_for_entries_and_made_for_the_others_when_somebody_looks(way: Way) -> None:
    way.send(span(1), chat(2, 1))
    way.send(chat(3, 1))  # makes them anew
    way.rewrite()
    (root, kept, made), *others = way.rows(f"entry, shown, {OF_ANY}")
    assert (root, kept) == (1, made)
    assert [(entry, text) for entry, text, _ in others] == [(0, ""), (0, "")]
    assert [msgspec.json.decode(text)[1] for _, _, text in others] == [f"{n:016x}" for n in (2, 3)]
    lines = way.engine.query(
        f"SELECT {OF_ANY} FROM spans WHERE project = {{p:String}}", bind({"p": way.name}), SHOWN_ROWS
    )
    assert {line.span_id for line in span_lines(lines)} == {f"{n:016x}" for n in (1, 2, 3)}


def test_a_span_that_comes_again_changes_nothing_and_costs_no_rewriting(way: Way) -> None:
    way.send(span(1), chat(2, 1))
    way.send(span(1), chat(2, 1))
    assert way.rewrite(ROOTLESS_MS) == 0
    assert len(way.rows()) == len(way.rows("span_id", "span_raw")) == 2
    way.restart()
    way.send(span(1), chat(2, 1))
    assert way.rewrite(ROOTLESS_MS) == 0
    assert len(way.rows()) == len(way.rows("span_id", "span_raw")) == 2


def test_rows_that_are_made_anew_are_away_for_one_insert_and_not_while_other_tables_are_deleted(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deletion takes seconds on a busy machine, so what is deleted comes back before the next one begins."""
    way.send(span(1), chat(2, 1))
    did: list[tuple[str, str]] = []
    query, insert = way.engine.query, way.engine.insert

    def asked(sql: str, params: Mapping[str, str], *more: Any) -> bytes:
        if sql.startswith("DELETE FROM "):
            did.append(("delete", sql.split()[2]))
        return query(sql, params, *more)

    def inserted(table: str, *given: Any) -> None:
        did.append(("insert", table))
        insert(table, *given)

    monkeypatch.setattr(way.engine, "query", asked)
    monkeypatch.setattr(way.engine, "insert", inserted)
    way.send(chat(2, 1, tokens=70))
    did.clear()
    assert way.rewrite() == 1
    deleted = [table for deed, table in did if deed == "delete"]
    assert set(deleted) >= {"spans", "ledger"}
    for table in deleted:
        assert did[did.index(("delete", table)) + 1] == ("insert", table), did
    assert way.entry() == (f"{1:016x}", 70)


def test_a_span_with_news_is_merged_field_by_field_and_stays_one_row(way: Way) -> None:
    way.send(span(1), chat(2, 1, end_ns=0))
    late = span(2, 1, name="said later", end_ns=NOW + 5_000_000, attributes={"gen_ai.usage.output_tokens": 7})
    for restarts in (False, True):
        if restarts:
            way.restart()
            late = msgspec.structs.replace(late, status_code=2, status_message="It broke.")
        way.send(late)
        assert way.rewrite() == 1
        assert len(way.rows()) == 2
        assert way.entry() == (f"{1:016x}", 107)
        assert way.counted() == 107
    found = way.rows("model, output_tokens, duration_ns, status, error_message")[1]
    assert found == ["gpt-4o-mini", 7, 5_000_000 - 2, "error", "It broke."]


def test_a_leaf_that_comes_after_its_root_is_added_to_what_the_root_shows(way: Way) -> None:
    way.send(span(1), chat(2, 1))
    way.send(chat(3, 1, tokens=11))
    assert way.entry() == (f"{1:016x}", 100)
    assert way.rewrite() == 1
    assert way.entry() == (f"{1:016x}", 111)
    assert way.rewrite(ROOTLESS_MS) == 0


def test_a_root_that_comes_last_shows_what_came_before_also_after_a_restart(way: Way) -> None:
    way.send(chat(2, 1))
    way.send(chat(3, 1))
    way.send(span(1))
    assert way.entry() == (f"{1:016x}", 200)
    assert way.rewrite(ROOTLESS_MS) == 0
    other = "b" * 32
    way.send(chat(5, 4, trace=other))
    way.restart()
    way.send(span(4, trace=other))
    assert way.rewrite() == 1
    shown = {line[0]: int(line[1]) for line in way.rows("span_id, input_tokens, entry") if line[2] == 1}
    assert shown == {f"{1:016x}": 200, f"{4:016x}": 100}


def test_a_trace_whose_root_never_comes_is_shown_under_its_topmost_span_until_it_does(way: Way) -> None:
    way.send(span(2, 1), chat(3, 2))
    assert [line for line in way.rows("entry") if line[0] == 1] == []
    assert way.rewrite() == 0, "it is not due yet"
    assert way.rewrite(ROOTLESS_MS + 1) == 1
    assert way.entry() == (f"{2:016x}", 100)
    way.send(span(1))
    assert way.rewrite() == 1
    assert way.entry() == (f"{1:016x}", 100)


def test_a_trace_whose_spans_are_each_others_parents_is_shown_all_the_same(way: Way) -> None:
    way.send(span(2, 3), chat(3, 2))
    assert way.rewrite(ROOTLESS_MS + 1) == 1
    assert way.entry() == (f"{2:016x}", 100)
    own_parent = "d" * 32
    way.send(chat(4, 4, trace=own_parent))
    assert way.rewrite(ROOTLESS_MS + 1) == 1
    assert sorted(line[0] for line in way.rows("span_id, entry") if line[1] == 1) == [f"{2:016x}", f"{4:016x}"]


def test_a_parent_that_repeats_its_childs_usage_does_not_count_whichever_comes_first(way: Way) -> None:
    way.send(chat(2, 1), chat(3, 2), span(1))
    assert way.counted() == 100
    parent_first = "c" * 32
    way.send(chat(5, 4, trace=parent_first), span(4, trace=parent_first))
    way.send(chat(6, 5, trace=parent_first))
    assert way.rewrite() == 1
    assert way.counted() == 200


@pytest.mark.parametrize("order", ["before", "with", "after"])
def test_an_event_that_came_as_a_log_record_is_part_of_its_span(way: Way, order: str) -> None:
    said = {"gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": "On its way."}]}]}
    event = ForeignEvent("gen_ai.client.inference.operation.details", NOW + 3, said)
    part = ForeignSpan(trace_id=TRACE, span_id=f"{2:016x}", start_ns=NOW + 3, end_ns=0, events=(event,), partial=True)
    batches = {"before": [[part], [span(1), chat(2, 1)]], "with": [[part, span(1), chat(2, 1)]]}
    for batch in batches.get(order, [[span(1), chat(2, 1)], [part]]):
        way.send(*batch)
    way.rewrite(ROOTLESS_MS + 1 if order != "before" else 0)
    assert way.rows("span_id, entry, output_preview") == [
        [f"{1:016x}", 1, "On its way."],
        [f"{2:016x}", 0, "On its way."],
    ]
    assert way.rewrite(ROOTLESS_MS + 1) == 0


def test_an_event_whose_span_never_comes_is_no_span(way: Way) -> None:
    event = ForeignEvent("gen_ai.choice", NOW, {})
    way.send(ForeignSpan(trace_id=TRACE, span_id="c" * 16, start_ns=NOW, end_ns=0, events=(event,), partial=True))
    assert way.rewrite(ROOTLESS_MS + 1) == 1
    assert way.rows() == []


def test_rewriting_twice_ends_as_rewriting_once(way: Way) -> None:
    way.send(span(1), chat(2, 1))
    way.send(chat(3, 1))
    notes = way.writer._spool.noted(1 << 60, 10)  # pyright: ignore[reportPrivateUsage]
    assert len(notes) == 1
    for _ in range(2):
        way.writer._foreign.rewriter.rewrite(notes)  # pyright: ignore[reportPrivateUsage, reportOptionalMemberAccess]
        assert way.entry() == (f"{1:016x}", 200)
        assert len(way.rows()) == 3
    assert len(way.rows("span_id", "span_io")) == 0, "nothing was said"


def test_a_batch_that_failed_on_its_way_is_stored_once_when_it_goes_again(way: Way) -> None:
    way.put(ForeignBatch(project=way.name, arrived_ns=NOW, spans=(span(1), chat(2, 1))))
    batch = way.writer._spool.peek(100)  # pyright: ignore[reportPrivateUsage]
    assert batch is not None
    first = way.writer._prepare(batch)  # pyright: ignore[reportPrivateUsage]
    way.writer._spool.remember(batch)  # pyright: ignore[reportPrivateUsage]
    for part in first.parts[:-1]:  # all but the spans: the store went away there
        way.writer._inserts._insert(batch, part)  # pyright: ignore[reportPrivateUsage]
    way.writer.drain_once()
    assert way.entry() == (f"{1:016x}", 100)
    assert len(way.rows("span_id", "span_raw")) == 2


def test_what_a_door_refused_becomes_a_dead_letter_with_its_reason(way: Way) -> None:
    way.put(RefusedSpan(project=way.name, arrived_ns=NOW, reason="its time lies before the year 2000", wire=b"x"))
    way.writer.drain_once()
    [letter] = way.writer._spool.rejected()  # pyright: ignore[reportPrivateUsage]
    assert letter.reason == "its time lies before the year 2000"


def test_a_mapper_that_breaks_over_a_span_keeps_the_span(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: ForeignSpan) -> Any:
        raise RuntimeError("no such luck")

    monkeypatch.setattr(way.writer._foreign.traces, "_read", broken)  # pyright: ignore[reportPrivateUsage, reportOptionalMemberAccess]
    way.send(span(1))
    assert way.rows("name, metadata['unread']") == [["span 1", "RuntimeError: no such luck"]]
    assert len(way.rows("span_id", "span_raw")) == 1


def test_old_traces_are_forgotten_and_still_count_once(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trimtab.telemetry.mapping.traces.REMEMBERED_SPANS", 3)
    for number in range(1, 8):
        way.send(chat(number, trace=f"{number:032x}"))
    assert len(way.writer._foreign.traces._traces) <= 3  # pyright: ignore[reportPrivateUsage, reportOptionalMemberAccess]
    way.send(*(chat(number, trace=f"{number:032x}") for number in range(1, 8)))
    assert len(way.rows()) == 7
    assert way.counted() == 700


def test_only_traces_that_were_there_or_may_have_been_are_looked_up(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trimtab.telemetry.mapping.traces.REMEMBERED_SPANS", 2)
    monkeypatch.setattr("trimtab.telemetry.mapping.before.FORGOTTEN_TRACES", 4)
    asked = list[str]()
    look_up = StoreLookup.__call__

    def noted(self: StoreLookup, project: str, spans: dict[str, list[str]], low_ns: int, high_ns: int) -> Any:
        asked.extend(spans)
        return look_up(self, project, spans, low_ns, high_ns)

    monkeypatch.setattr(StoreLookup, "__call__", noted)
    began_ns = time.time_ns()  # its memory began before

    def send(number: int) -> None:
        way.send(replace(chat(number, trace=f"{number:032x}"), start_ns=began_ns, end_ns=began_ns + 1))

    for number in range(1, 7):  # the first ones are forgotten by the end
        send(number)
    assert asked == []
    send(1)
    assert asked == [f"{1:032x}"]
    for number in range(7, 20):  # so many are forgotten that nobody knows any more which
        send(number)
    assert asked[1:]
    assert len(way.rows()) == 19
    assert way.counted() == 1900


def test_events_whose_spans_never_come_are_forgotten_as_spans_are(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trimtab.telemetry.mapping.traces.REMEMBERED_SPANS", 3)
    traces = way.writer._foreign.traces  # pyright: ignore[reportPrivateUsage, reportOptionalMemberAccess]
    event = ForeignEvent("gen_ai.choice", NOW, {})
    for number in range(1, 8):
        trace_id, span_id = f"{number:032x}", f"{number:016x}"
        way.send(ForeignSpan(trace_id=trace_id, span_id=span_id, start_ns=NOW, end_ns=0, events=(event,), partial=True))
    assert len(traces._traces) <= 3  # pyright: ignore[reportPrivateUsage]
    way.send(*(chat(number, trace=f"{number:032x}") for number in range(1, 8)))  # those that come count once
    way.send(chat(9, trace=f"{9:032x}"))
    way.send(chat(10, trace=f"{10:032x}"))
    assert len(traces._traces) <= 3  # pyright: ignore[reportPrivateUsage]
    held = sum(len(each.digests) + len(each.partials) for each in traces._traces.values())  # pyright: ignore[reportPrivateUsage]
    assert traces._spans == held  # pyright: ignore[reportPrivateUsage]
    assert way.counted() == 900


def traces_of(way: Way) -> Any:
    return way.writer._foreign.traces  # pyright: ignore[reportPrivateUsage, reportOptionalMemberAccess]


def test_of_a_trace_id_that_is_used_for_ever_little_is_remembered_and_each_span_is_still_one_row(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trimtab.telemetry.mapping.traces.TRACE_SPANS", 8)
    for first in range(1, 61, 4):
        way.send(*(chat(number, 1) if number > 1 else span(1) for number in range(first, first + 4)))
        [trace] = traces_of(way)._traces.values()
        assert max(len(trace.digests), len(trace.nodes), len(trace.counted)) <= 12
        assert traces_of(way)._spans == len(trace.digests) + len(trace.partials)
    assert len(way.rows()) == 60
    way.send(*(chat(number, 1) for number in (2, 30, 59, 60)))  # their exporter did not hear that they came
    way.restart()
    way.send(*(chat(number, 1) for number in (2, 30, 59, 60, 61)))
    assert way.rows() == [[f"{number:016x}"] for number in range(1, 62)]
    assert len(way.rows("span_id", "span_raw")) == 61
    assert way.counted() == 6_000


def test_what_comes_late_of_an_endless_trace_is_kept_raw_and_it_has_a_row_that_stands_for_it(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trimtab.telemetry.mapping.traces.TRACE_SPANS", 8)
    monkeypatch.setattr("trimtab.telemetry.mapping.rewrite.MOST_SPANS", 8)
    for number in range(1, 13):
        way.send(chat(number, 99))
    way.send(chat(3, 99, name="said later"))
    event = ForeignEvent("gen_ai.choice", NOW, {})
    way.send(ForeignSpan(trace_id=TRACE, span_id=f"{77:016x}", start_ns=NOW, end_ns=0, events=(event,), partial=True))
    way.rewrite(ROOTLESS_MS)  # it is too large for that
    assert len(way.rows()) == 12
    assert len(way.rows("span_id", "span_raw")) == 14
    assert way.entry()[0] == f"{10:016x}", "the first that came once it was endless"


def test_of_a_span_that_is_added_to_for_ever_little_is_held_and_it_ends_whole(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trimtab.telemetry.mapping.traces.PARTIAL_BYTES", 2_000)

    def event(number: int) -> ForeignSpan:
        said = ForeignEvent("gen_ai.user.message", NOW + number, {"content": f"word{number} {'x' * 200}"})
        return ForeignSpan(
            trace_id=TRACE, span_id=f"{2:016x}", start_ns=NOW, end_ns=0, events=(said,), partial=True
        )  # fmt: skip

    way.send(span(1))
    for number in range(20):
        way.send(event(number))
    traces = traces_of(way)
    [trace] = traces._traces.values()
    assert 0 < traces._partial_bytes <= 2_000
    assert len(trace.partials[f"{2:016x}"].events) < 10
    way.send(chat(2, 1))
    assert (traces._partial_bytes, trace.partials, trace.stripped) == (0, {}, set())
    way.rewrite(ROOTLESS_MS)
    [[text]] = way.rows("text", "span_io")
    assert all(f"word{number} " in text for number in range(20))
    assert way.rows("span_id, entry") == [[f"{1:016x}", 1], [f"{2:016x}", 0]]


def test_very_many_tellings_of_one_span_in_one_batch_are_merged_within_bounds(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("mapping.came", "mapping.traces"):
        monkeypatch.setattr(f"trimtab.telemetry.{module}.MERGED", 5)
    events = [ForeignEvent("gen_ai.choice", NOW + number, {}) for number in range(50)]
    pieces = [
        ForeignSpan(trace_id=TRACE, span_id=f"{1:016x}", start_ns=NOW, end_ns=0, events=(each,), partial=True)
        for each in events
    ]
    way.send(*pieces, *(span(1, attributes={f"k{number}": number}) for number in range(80)))
    [[raw]] = way.rows("raw", "span_raw")
    whole = msgspec.json.decode(raw, type=ForeignSpan)
    assert (len(whole.events), len(whole.attributes), whole.partial) == (5, 50, False)


def test_values_beyond_any_sense_cost_nothing_but_themselves(way: Way) -> None:
    huge = (1 << 64) - 1
    attributes: dict[str, Any] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m" * 100_000,
        "gen_ai.provider.name": "openai",
        "gen_ai.usage.input_tokens": huge,
        "gen_ai.usage.output_tokens": float("nan"),
        "gen_ai.request.temperature": float("inf"),
        "gen_ai.server.time_to_first_token": 1e300,
        "gen_ai.response.time_to_first_chunk": 1e300,
        "http.response.status_code": huge,
        "llm.input_messages.999999999.message.content": "far",
        "llm.input_messages.-1.message.content": "before",
        f"llm.input_messages.{'9' * 5_000}.message.content": "farther",
        ".".join("a" * 500): "deep",
        "": "unnamed",
        "\x00": "\x00",
        "text": "\U0010ffff" * 10,
        "n" * 300_000: 1,
    }
    deep: Any = "x"
    for _ in range(90):
        deep = {"a": [deep]}
    attributes |= {"gen_ai.input.messages": deep, "input.value": "[" * 5_000, "llm.invocation_parameters": "{" * 9_000}
    events = tuple(ForeignEvent(name, huge, {"a": huge}) for name in ("gen_ai.choice", "first_token", ""))
    way.send(span(1, attributes=attributes, events=events), chat(2, 1))
    assert way.rows("span_id") == [[f"{1:016x}"], [f"{2:016x}"]]
    assert way.writer._spool.rejected() == []  # pyright: ignore[reportPrivateUsage]
    way.send(chat(3, 1))
    assert way.rewrite() == 1
    assert len(way.rows("span_id")) == 3


def test_the_same_ids_in_two_projects_are_two_traces(way: Way) -> None:
    other = project()
    way.put(ForeignBatch(project=other, arrived_ns=NOW, spans=(span(1), chat(2, 1, tokens=7))))
    way.send(span(1), chat(2, 1))
    way.put(ForeignBatch(project=other, arrived_ns=NOW, spans=(chat(3, 1, tokens=7),)))
    way.writer.drain_once()
    assert way.rewrite(ROOTLESS_MS) == 1
    assert len(way.rows()) == 2
    assert way.entry() == (f"{1:016x}", 100)
    way.name = other
    assert len(way.rows()) == 3
    assert way.entry() == (f"{1:016x}", 14)


def test_traces_are_made_anew_as_many_at_once_as_fit(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{number:032x}" for number in range(1, 6)]
    way.send(*(chat(number, 99, trace=name) for name in names for number in (1, 2)))
    monkeypatch.setattr("trimtab.telemetry.mapping.rewrite.MOST_SPANS", 4)
    assert way.rewrite(ROOTLESS_MS) == 5
    entries = [line for line in way.rows("trace_id, entry") if line[1]]
    assert sorted(line[0] for line in entries) == names


def test_a_trace_that_cannot_be_placed_costs_its_record_and_the_others_go_in(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    traces = traces_of(way)
    whole = traces._live

    def live(plan: Any, key: Any, spans: Any) -> None:
        whole(plan, key, spans)
        if key[1] == "b" * 32:
            raise KeyError("a defect")

    monkeypatch.setattr(traces, "_live", live)
    way.put(
        *(ForeignBatch(project=way.name, arrived_ns=NOW, spans=(chat(n, trace=c * 32),)) for n, c in enumerate("abc"))
    )
    way.writer.drain_once()
    assert sorted(way.rows("trace_id")) == [["a" * 32], ["c" * 32]]
    [letter] = way.writer._spool.rejected()  # pyright: ignore[reportPrivateUsage]
    assert "a defect" in letter.reason
    monkeypatch.setattr(traces, "_live", whole)
    way.send(chat(1, trace="b" * 32))
    assert len(way.rows()) == 3


def test_a_batch_that_cannot_be_mapped_goes_in_without_the_record_that_is_to_blame(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    traces = traces_of(way)
    whole = traces.plan

    def plan(records: Any, *rest: Any) -> Any:
        if any(record.key_id == "poison" for _, record in records):
            raise ZeroDivisionError("a defect")
        return whole(records, *rest)

    monkeypatch.setattr(traces, "plan", plan)
    keys = ["", "", "poison", "", ""]
    way.put(
        *(
            ForeignBatch(project=way.name, arrived_ns=NOW, key_id=key, spans=(chat(n, trace=f"{n + 1:032x}"),))
            for n, key in enumerate(keys)
        )
    )
    assert way.writer.drain_once() == 5
    assert len(way.rows()) == 4
    [letter] = way.writer._spool.rejected()  # pyright: ignore[reportPrivateUsage]
    assert letter.reason == "ZeroDivisionError: a defect"


def test_a_projects_own_prices_hold_as_spans_come_and_when_their_trace_is_made_anew(
    tmp_path: Path, engine: Store
) -> None:
    way = Way(tmp_path, engine, ForeignPrices(price_file.PriceFile(tmp_path, count().__next__)))

    def priced(input_rate: str) -> None:
        row = DatedPrice(id="prc_1", model="gpt-4o-mini", rates=Rates(input=input_rate, output="1"))
        price_file.write(tmp_path, {way.name: (row,)})

    try:
        priced("2")
        way.send(span(1), chat(2, 1))
        ledger = "SELECT cost, price FROM ledger FINAL WHERE project = {project:String} ORDER BY at_ns"
        asked = bind({"project": way.name})
        assert way.rows("entry, cost") == [[1, 200_000_000], [0, 200_000_000]]
        assert "override:prc_1" in way.engine.query(ledger, asked).decode()
        priced("3")
        way.send(chat(3, 1))  # after its root: the trace is made anew
        assert way.rewrite() == 1
        assert way.rows("entry, cost") == [[1, 600_000_000], [0, 300_000_000], [0, 300_000_000]]
        assert [msgspec.json.decode(line)[0] for line in way.engine.query(ledger, asked).splitlines()] == [
            300_000_000
        ] * 2
    finally:
        way.close()


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(6)), cuts=st.lists(st.integers(1, 6), max_size=3), twice=st.integers(0, 5))
def test_whatever_the_order_and_the_batches_a_trace_ends_the_same(
    way: Way, order: list[int], cuts: list[int], twice: int
) -> None:
    trace = os.urandom(16).hex()
    spans = [
        span(1, trace=trace),
        chat(2, 1, trace=trace, tokens=30),
        chat(3, 2, trace=trace, tokens=30),
        chat(4, 1, trace=trace, tokens=5, response="r"),
        chat(5, 1, trace=trace, tokens=5, response="r"),
        span(6, 2, trace=trace),
    ]
    coming = [spans[place] for place in order] + [spans[twice]]
    for low, high in itertools.pairwise([0, *sorted(set(cuts)), len(coming)]):
        way.send(*coming[low:high])
    way.rewrite(ROOTLESS_MS + 1)
    sql = "SELECT count(), sumIf(input_tokens, leaf = 1), sumIf(input_tokens, entry = 1), countIf(entry = 1) FROM spans"
    where = " WHERE project = {project:String} AND trace_id = {trace:String}"
    found = way.engine.query(sql + where, bind({"project": way.name, "trace": trace}))
    assert [int(value) for value in msgspec.json.decode(found)] == [6, 35, 35, 1]


def test_merging_is_idempotent_and_the_later_word_holds() -> None:
    old, new = span(1, attributes={"a": 1, "b": 2}), span(1, name="", attributes={"b": 3})
    once = merged(old, new)
    assert (once.name, once.attributes) == ("span 1", {"a": 1, "b": 3})
    assert merged(once, new) == once
