"""Traces that an application and our own gateway both told of: one row each, and usage counted once."""

import time

import msgspec
import pytest
from makings import answer, attempt, record, request
from msgspec.structs import replace
from ways import NOW, TRACE, Way, chat, span

from trimtab.telemetry.mapping import called
from trimtab.telemetry.mapping.traces import ROOTLESS_MS
from trimtab.telemetry.notes import NEAR_NS
from trimtab.telemetry.records import CallRecord
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


def test_a_trace_is_found_by_the_model_that_its_first_call_through_the_gateway_asked_for(way: Way) -> None:
    """And not by an attempt's, which is the provider's name for it: `model:fast` missed every traced application."""
    way.send(span(1))
    for number, model in ((8, "later"), (7, "fast")):
        times = {"started_ns": NOW + number * 10, "ended_ns": NOW + number * 10 + 5}
        own = record(number, project=way.name, trace_id=TRACE, parent_span_id=f"{1:016x}", model=model, **times)
        said = attempt(number, started_ns=NOW + number * 10, ended_ns=NOW + number * 10 + 4, model="gpt-4o-mini")
        way.put(msgspec.structs.replace(own, attempts=(said,)))
    way.writer.drain_once()
    assert way.rewrite() == 1
    assert [line[1] for line in way.rows("entry, model") if line[0] == 1] == ["fast"]


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


@pytest.mark.parametrize("response", ["chatcmpl-7", ""])
def test_a_call_counts_once_where_a_restart_came_between_it_and_what_the_application_tells_of_it(
    way: Way, response: str
) -> None:
    """By the response's id, or because the application's span stands above ours."""
    way.put(_own(way, 7, parent=2))
    way.writer.drain_once()
    way.restart()
    way.send(span(1), chat(2, 1, tokens=15, response=response))
    assert way.rewrite() == 1
    assert way.counted() == 15
    assert way.entry() == (f"{1:016x}", 15)
    way.send(chat(3, 1, tokens=100))
    assert way.rewrite() == 1, "it is still known that calls of ours are part of it"
    assert way.counted() == 115


def test_a_call_counts_once_where_a_restart_came_between_what_the_application_tells_of_it_and_the_call(
    way: Way,
) -> None:
    way.send(span(1), chat(2, 1, tokens=15, response="chatcmpl-7"))
    way.restart()
    way.put(_own(way, 7, parent=2))
    way.writer.drain_once()
    assert way.rewrite() == 1
    assert way.counted() == 15
    assert way.entry() == (f"{1:016x}", 15)


def test_a_call_since_which_more_came_than_are_remembered_counts_once(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(called, "REMEMBERED_CALLS", 2)
    monkeypatch.setattr(called, "SKEW_NS", 0)
    now = time.time_ns()  # after the memory began
    way.put(_own(way, 7, parent=2, at_ns=now + 2))
    way.writer.drain_once()
    for number in (8, 9, 10):
        way.put(replace(_own(way, number, parent=2, at_ns=now + 2), trace_id=f"{number:032x}"))
        way.writer.drain_once()
    way.send(span(1, start_ns=now), chat(2, 1, tokens=15, start_ns=now + 1))
    assert way.rewrite() == 1
    shown = way.rows("span_id, input_tokens + output_tokens, trace_id, entry")
    assert [(line[0], int(line[1])) for line in shown if line[2:] == [TRACE, 1]] == [(f"{1:016x}", 15)]


def test_a_trace_without_calls_of_ours_is_asked_for_once_after_a_restart_and_not_made_anew(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    way.put(_own(way, 7, parent=2))
    way.writer.drain_once()
    way.restart()
    asked = _asked(way, monkeypatch)
    way.send(span(1, trace="b" * 32), chat(2, 1, trace="b" * 32))
    assert asked == ["newest", "each"]
    way.send(span(3, 1, trace="b" * 32))
    later = time.time_ns() + called.SKEW_NS + 1_000_000
    way.send(span(4, trace="c" * 32, start_ns=later, end_ns=later + 1))
    assert way.rewrite() == 0
    assert asked == ["newest", "each", "each"], "what begins later than it came is asked for as well"


def test_no_trace_is_asked_for_of_a_time_that_no_call_of_the_project_reaches(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To ask for each took a seventh of all that was spent on the spans of a backlog after a start."""
    way.put(_own(way, 7, parent=2, at_ns=NOW - 2 * NEAR_NS))
    way.writer.drain_once()
    way.restart()
    asked = _asked(way, monkeypatch)
    for number in range(3):
        way.send(span(1, trace=f"{number + 1:032x}"), chat(2, 1, trace=f"{number + 1:032x}"))
    assert asked == ["newest"]
    began = NOW - 2 * NEAR_NS
    way.send(span(1, start_ns=began, end_ns=NOW), chat(2, 1, tokens=15, start_ns=began, end_ns=NOW))
    assert asked == ["newest", "each"]
    assert way.rewrite() == 1
    assert way.counted() == 315, "what the application tells of our call is not added to it"


def _asked(way: Way, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the store is asked about calls of ours from here on: for the newest, or for those of each trace."""
    asked: list[str] = []
    query = way.engine.query

    def counting(sql: str, params: dict[str, str], fmt: str = ROWS) -> bytes:
        if "request_id != ''" in sql:
            asked.append("each" if "DISTINCT trace_id" in sql else "newest")
        return query(sql, params, fmt)

    monkeypatch.setattr(way.engine, "query", counting)
    return asked


def _own(way: Way, number: int, *, parent: int, at_ns: int = NOW) -> CallRecord:
    """A call through the gateway in the application's trace, below a span of it."""
    times = {"started_ns": at_ns + number, "ended_ns": at_ns + number + 5}
    own = record(number, project=way.name, trace_id=TRACE, parent_span_id=f"{parent:016x}", **times)
    tried = replace(own.attempts[0], started_ns=at_ns + number + 1, ended_ns=at_ns + number + 4)
    return replace(own, attempts=(tried,))
