"""Traces that an application and our own gateway both told of: one row each, and usage counted once."""

import msgspec
import pytest
from makings import answer, attempt, record, request
from ways import NOW, TRACE, Way, chat, span

from trimtab.telemetry.mapping.traces import ROOTLESS_MS
from trimtab.telemetry.stores import ROWS, StoreAway


def test_a_call_of_our_own_in_a_foreign_trace_counts_once(way: Way) -> None:
    """The application's span has the response's id, as our attempt has; the gateway's own numbers hold."""
    own = record(7, project=way.name, trace_id=TRACE, parent_span_id=f"{2:016x}", started_ns=NOW, ended_ns=NOW + 5)
    attempt = msgspec.structs.replace(own.attempts[0], started_ns=NOW + 1, ended_ns=NOW + 4)
    way.put(msgspec.structs.replace(own, attempts=(attempt,)))
    way.writer.drain_once()
    way.send(span(1), chat(2, 1, tokens=15, response="chatcmpl-7"))
    assert way.rewrite() == 1
    assert way.counted() == 15
    found = way.rows("span_id, input_tokens + output_tokens, entry, request_id = '', user, feature")
    assert len(found) == 4
    entries = [line for line in found if line[2] == 1]
    assert [(line[0], int(line[1]), line[3]) for line in entries] == [(f"{1:016x}", 15, 1)], "one row for one trace"
    assert entries[0][4:] == [own.user, own.feature], "what the call was labelled with is the trace's, too"
    way.send(span(9, 1))
    assert way.rewrite() == 1
    assert [line[0] for line in way.rows("span_id, entry") if line[1] == 1] == [f"{1:016x}"]
    assert len(way.rows()) == 5


def test_a_later_call_of_our_own_gives_way_to_the_root_as_well(way: Way) -> None:
    way.send(span(1))
    for number in (7, 8):
        times = {"started_ns": NOW + number, "ended_ns": NOW + number + 5}
        own = record(number, project=way.name, trace_id=TRACE, parent_span_id=f"{1:016x}", **times)
        attempt = msgspec.structs.replace(own.attempts[0], started_ns=NOW + number + 1, ended_ns=NOW + number + 4)
        way.put(msgspec.structs.replace(own, attempts=(attempt,)))
        way.writer.drain_once()
        assert way.rewrite() == 1
    assert [line[0] for line in way.rows("span_id, entry") if line[1] == 1] == [f"{1:016x}"]
    assert len(way.rows()) == 5
    assert way.entry() == (f"{1:016x}", way.counted())


def test_a_trace_whose_root_says_nothing_shows_what_its_calls_through_the_gateway_said(way: Way) -> None:
    """``with span("request", session=...)`` around calls: the list of sessions and a session's turns had no words."""
    way.send(span(1))
    for number in (8, 7):  # the later one is told first
        times = {"started_ns": NOW + number * 10, "ended_ns": NOW + number * 10 + 5}
        asked = request(f"question {number}")
        own = record(number, project=way.name, trace_id=TRACE, parent_span_id=f"{1:016x}", request=asked, **times)
        said = attempt(
            number,
            started_ns=NOW + number * 10 + 1,
            ended_ns=NOW + number * 10 + 4,
            response=answer(f"answer {number}", number=number),
        )
        way.put(msgspec.structs.replace(own, attempts=(said,)))
    way.writer.drain_once()
    assert way.rewrite() == 1
    words = "input_preview, output_preview"
    assert [line[1:] for line in way.rows(f"entry, {words}") if line[0] == 1] == [["question 7", "answer 8"]]


def test_what_a_foreign_span_of_a_model_said_stands_for_its_trace_before_ours(way: Way) -> None:
    own = record(7, project=way.name, trace_id=TRACE, parent_span_id=f"{1:016x}", started_ns=NOW, ended_ns=NOW + 5)
    way.put(own)
    way.writer.drain_once()
    told = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": '[{"role": "user", "content": "theirs"}]'}
    way.send(span(1), span(2, 1, attributes=told))
    assert way.rewrite() == 1
    assert [line[1] for line in way.rows("entry, input_preview") if line[0] == 1] == ["theirs"]


@pytest.mark.parametrize("then", ["another node writes", "the store goes away"])
def test_giving_way_loses_no_call_and_shows_none_twice(way: Way, monkeypatch: pytest.MonkeyPatch, then: str) -> None:
    own = record(7, project=way.name, trace_id=TRACE, parent_span_id=f"{1:016x}", started_ns=NOW, ended_ns=NOW + 5)
    attempt = msgspec.structs.replace(own.attempts[0], started_ns=NOW + 1, ended_ns=NOW + 4)
    way.put(msgspec.structs.replace(own, attempts=(attempt,)))
    way.writer.drain_once()
    way.send(span(1))
    whole, met = way.engine.query, list[str]()

    def query(sql: str, params: dict[str, str], fmt: str = ROWS) -> bytes:
        if sql.startswith("DELETE FROM spans") and "entry = 1" in sql and not met:
            met.append(then)
            if then == "the store goes away":
                raise StoreAway("gone")
            there = f"SELECT * FROM spans WHERE project = '{way.name}' AND span_id = '{own.span_id}' LIMIT 1"
            whole(f"INSERT INTO spans SELECT * REPLACE ('{'f' * 16}' AS span_id, 1 AS entry) FROM ({there})", {})
        return whole(sql, params, fmt)

    monkeypatch.setattr(way.engine, "query", query)
    if then == "the store goes away":
        with pytest.raises(StoreAway):
            way.rewrite()
    assert way.rewrite() == 1
    assert met == [then]
    found = way.rows("span_id, entry")
    assert sorted(line[0] for line in found if line[0] == own.span_id) == [own.span_id]
    standing = [f"{1:016x}", *(["f" * 16] if then == "another node writes" else [])]
    assert sorted(line[0] for line in found if line[1] == 1) == standing


def test_spans_that_a_model_server_made_below_our_call_leave_it_the_traces_row(way: Way) -> None:
    own = record(7, project=way.name, trace_id=TRACE, started_ns=NOW, ended_ns=NOW + 50)
    attempt = msgspec.structs.replace(own.attempts[0], started_ns=NOW + 1, ended_ns=NOW + 40)
    way.put(msgspec.structs.replace(own, attempts=(attempt,)))
    way.writer.drain_once()
    below = chat(2, tokens=15, parent_span_id=attempt.span_id)
    way.send(below)
    way.rewrite(ROOTLESS_MS + 1)
    assert [line[0] for line in way.rows("span_id, entry") if line[1] == 1] == [own.span_id]
    assert len(way.rows()) == 3
