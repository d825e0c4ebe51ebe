"""Sessions, users, tools and causes, asked of a real store; and no answer ever holds another project's row."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from makings import T0, attempt, day, project, record, request

from trimtab.core.errors import InvalidRequest
from trimtab.ledger.types import Cost
from trimtab.llm.types import Usage
from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.reader import TelemetryReader
from trimtab.telemetry.records import CallRecord, Fault
from trimtab.telemetry.rows import Rows, encode
from trimtab.telemetry.seen.people import Listing, read_place
from trimtab.telemetry.seen.questions import Seen
from trimtab.telemetry.seen.views import PeopleSort
from trimtab.telemetry.stores import Store

OURS, THEIRS = project(), project()
SECOND = 1_000_000_000


def call(number: int, owner: str, *, amount: int | None = 10**9, failed: str = "", **fields: Any) -> CallRecord:
    """One call, ``number`` seconds after the beginning; ``failed`` is the message it failed with."""
    at = T0 + number * SECOND
    fault = Fault(code="upstream_error", message=failed, status=500) if failed else None
    outcome = "error" if failed else "answer"
    made = attempt(
        number,
        started_ns=at,
        ended_ns=at + 50_000_000,
        cost=Cost(amount=amount, price="p"),
        usage=Usage(input=10, output=5),
        outcome=outcome,
        fault=fault,
    )
    return record(
        number,
        project=owner,
        started_ns=at,
        ended_ns=at + 60_000_000,
        outcome=outcome,
        fault=fault,
        attempts=(made,),
        request=request(f"question {number}"),
        **fields,
    )


def seeded(owner: str) -> list[CallRecord]:
    """Three sessions of two users; a few failures that say the same thing in other words."""
    calls = [
        call(1, owner, session="s1", user="ann", feature="chat"),
        call(2, owner, session="s1", user="ann", model="smart"),
        call(3, owner, session="s2", user="bob", amount=None),
        call(4, owner, session="a/b ?", user="ann", amount=5 * 10**9),
        call(5, owner),
    ]
    said = (
        (
            "Request req_a8f3kx920011 at 0x7f3a took 1532ms and timed out at https://lab.test/v1/x?id=9"
            " until 2026-11-21T17:19:55Z"
        ),
        (
            "Request req_77zz10kq8842 at 0x7ffe00c4a2b0 took 9ms and timed out at https://lab.test/v1/y"
            " until 2026-12-02 08:00:01.5+01:00"
        ),
        "The model gpt-4o is overloaded",
    )
    return calls + [
        call(10 + place, owner, failed=text, user="cleo", session="s3") for place, text in enumerate(said * 2)
    ]


def insert(engine: Store, blobs: FolderBlobs, records: list[CallRecord], token: str) -> None:
    rows = Rows()
    mapper = CallMapper(blobs)
    for place, each in enumerate(records):
        mapper.add(rows, place, each)
    for table in rows.tables():
        if table.owners:
            engine.insert(table.name, table.columns, encode(table.values), f"{token}:{table.name}")


class Asking:
    def __init__(self, source: Any) -> None:
        self.runner = asyncio.Runner()
        self.reader = TelemetryReader(source)
        self.seen = Seen(self.reader)

    def run(self, question: Any) -> Any:
        return self.runner.run(question)

    def close(self) -> None:
        self.runner.run(self.reader.aclose())
        self.runner.close()


@pytest.fixture(scope="module")
def asking(served: Any, engine: Store, blobs: FolderBlobs) -> Iterator[Asking]:
    insert(engine, blobs, seeded(OURS), OURS)
    insert(engine, blobs, [*seeded(THEIRS), call(40, THEIRS, session="theirs", user="theirs")], THEIRS)
    found = Asking(served.socket)
    yield found
    found.close()


def test_sessions_come_newest_first_with_the_sums_of_their_calls(asking: Asking) -> None:
    page = asking.run(asking.seen.sessions(OURS, "", day(), Listing()))
    assert [row.session for row in page.items] == ["s3", "a/b ?", "s2", "s1"]
    first = page.items[-1]
    assert (first.calls, first.errors, first.user, first.tokens) == (2, 0, "ann", 30)
    assert (first.cost, first.unpriced) == ("0.002", 0)
    assert (first.asked, first.answered) == ("question 1", "On its way.")
    assert first.models == ["fast", "smart"]
    assert first.features == ["chat"]
    assert page.items[0].errors == 6


def test_a_session_without_any_known_price_has_no_cost_rather_than_none(asking: Asking) -> None:
    page = asking.run(asking.seen.sessions(OURS, "session:s2", day(), Listing()))
    assert [(row.session, row.cost, row.unpriced) for row in page.items] == [("s2", None, 1)]


@pytest.mark.parametrize("sort", ["last", "calls", "errors", "cost", "tokens"])
def test_pages_of_a_list_are_the_list_however_it_is_sorted(asking: Asking, sort: PeopleSort) -> None:
    whole = asking.run(asking.seen.sessions(OURS, "", day(), Listing(sort=sort)))
    found: list[str] = []
    place: tuple[int, str] | None = None
    while True:
        page = asking.run(asking.seen.sessions(OURS, "", day(), Listing(sort=sort, place=place, limit=1)))
        found += [row.session for row in page.items]
        if page.cursor is None:
            break
        place = read_place(page.cursor)
    assert found == [row.session for row in whole.items]
    assert len(found) == 4


def test_a_search_chooses_sessions_and_never_cuts_their_sums(asking: Asking) -> None:
    page = asking.run(asking.seen.sessions(OURS, "model:smart", day(), Listing()))
    assert [(row.session, row.calls) for row in page.items] == [("s1", 2)]
    with pytest.raises(InvalidRequest, match="nonsense"):
        asking.run(asking.seen.sessions(OURS, "nonsense:1", day(), Listing()))


def test_a_session_is_its_turns_oldest_first_in_pages(asking: Asking) -> None:
    whole = asking.run(asking.seen.session(OURS, "s1", None, 50))
    assert [turn.input_preview for turn in whole.turns] == ["question 1", "question 2"]
    assert whole.cursor is None
    first = asking.run(asking.seen.session(OURS, "s1", None, 1))
    assert [turn.input_preview for turn in first.turns] == ["question 1"]
    second = asking.run(asking.seen.session(OURS, "s1", read_place(first.cursor), 1))
    assert [turn.input_preview for turn in second.turns] == ["question 2"]
    assert second.summary.calls == 2
    assert asking.run(asking.seen.session(OURS, "a/b ?", None, 50)).summary.user == "ann"
    assert asking.run(asking.seen.session(OURS, "nobody", None, 50)) is None


@pytest.mark.parametrize("text", ["--5.x", "5-.x", ".x", "5", "5.", "\u0665.x", f"{1 << 127}.x", f"-{1 << 128}.x"])
def test_a_place_that_no_page_gave_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as wrong:
        read_place(text)
    assert wrong.value.param == "cursor"


def test_a_place_beyond_all_turns_is_after_the_last_of_them(asking: Asking) -> None:
    for place in ((1 << 127) - 1, 1 << 63):
        assert asking.run(asking.seen.session(OURS, "s1", (place, "x"), 50)).turns == []
    assert len(asking.run(asking.seen.session(OURS, "s1", (-1 << 127, "x"), 50)).turns) == 2
    for place in ((1 << 127) - 1, 1 << 63):
        assert len(asking.run(asking.seen.users(OURS, "", day(), Listing(place=(place, "x")))).items) > 1


def test_users_have_their_calls_errors_cost_and_last_moment(asking: Asking) -> None:
    page = asking.run(asking.seen.users(OURS, "", day(), Listing(sort="cost")))
    ann = next(row for row in page.items if row.user == "ann")
    assert (ann.calls, ann.errors, ann.sessions, ann.cost) == (3, 0, 2, "0.007")
    assert ann.last == (T0 + 4 * SECOND) / 1e6
    assert ann.p95 == 60.0
    cleo = next(row for row in page.items if row.user == "cleo")
    assert (cleo.calls, cleo.errors, cleo.p95) == (6, 6, None)
    assert asking.run(asking.seen.user(OURS, "ann", day())) == ann
    assert asking.run(asking.seen.user(OURS, "nobody", day())) is None


def test_errors_that_differ_in_ids_numbers_and_addresses_are_one_cause(asking: Asking) -> None:
    report = asking.run(asking.seen.causes(OURS, "", day(), 50))
    assert [(row.pattern, row.traces, row.failed) for row in report.items] == [
        ("Request <id> at <id> took <n> and timed out at <url> until <time>", 4, 4),
        ("The model gpt-4o is overloaded", 2, 2),
    ]
    timed_out = report.items[0]
    assert timed_out.code == "upstream_error"
    assert timed_out.users == 1
    assert timed_out.spans == sum(timed_out.counts) == 8
    assert [each.at for each in timed_out.examples] == sorted((each.at for each in timed_out.examples), reverse=True)
    assert len({each.trace_id for each in timed_out.examples}) == len(timed_out.examples) == 4
    assert timed_out.message.startswith("Request req_")
    assert report.more == 0


def test_the_most_frequent_causes_are_shown_and_the_rest_counted(asking: Asking) -> None:
    report = asking.run(asking.seen.causes(OURS, "", day(), 1))
    assert len(report.items) == 1
    assert report.more == 1
    assert asking.run(asking.seen.causes(OURS, "user:ann", day(), 50)).items == []


def test_no_answer_holds_another_projects_row(asking: Asking) -> None:
    theirs = asking.run(asking.seen.sessions(THEIRS, "", day(), Listing()))
    assert "theirs" in {row.session for row in theirs.items}
    ours = asking.run(asking.seen.sessions(OURS, "", day(), Listing()))
    assert "theirs" not in {row.session for row in ours.items}
    assert asking.run(asking.seen.session(OURS, "theirs", None, 50)) is None
    assert asking.run(asking.seen.user(OURS, "theirs", day())) is None
    assert "theirs" not in {row.user for row in asking.run(asking.seen.users(OURS, "", day(), Listing())).items}
    assert asking.run(asking.seen.session(OURS, "s1", None, 50)).summary.calls == 2


def test_a_cause_counts_the_users_of_traces_where_only_the_root_says_who_it_was_for(
    asking: Asking, engine: Store
) -> None:
    """Most instrumentations put the user on the root and nowhere else. One trace failed for each of two users, twice
    for the second; another project's root has the same trace id."""
    ours, theirs = project(), project()
    roots = [("t1", "ann", ours), ("t2", "bob", ours), ("t3", "bob", ours), ("t4", "", ours), ("t4", "eve", theirs)]
    for number, (trace, user, owner) in enumerate(roots):
        for entry, status, who in ((1, "ok", user), (0, "error", "")):
            engine.query(
                "INSERT INTO spans"
                " (project, trace_id, span_id, entry, start_ns, status, error_code, error_message, user)"
                f" VALUES ('{owner}', '{trace}', '{number}{entry}', {entry}, {T0 + number}, '{status}', 'timeout',"
                f" 'too slow', '{who}')",
                {},
            )
    [row] = asking.run(asking.seen.causes(ours, "", day(), 50)).items
    assert (row.spans, row.traces, row.failed, row.users) == (4, 4, 0, 2)
    assert {each.trace_id for each in row.examples} == {"t1", "t2", "t3", "t4"}


def test_a_failure_that_goes_up_through_a_foreign_trace_is_one_cause(asking: Asking, engine: Store) -> None:
    """A model call fails twice below its chain and its agent, whose SDK writes the exception's type before its words; a
    client's span lies below the second. A tool fails beside them in the words of the model, and is its own cause; so
    is what failed in another trace without a parent that says so, and an agent without a word."""
    ours = project()
    spans = [
        ("t1", "root", "", 1, "agent", "openai.RateLimitError", "openai.RateLimitError: limit 7 of org_1", ""),
        ("t1", "chain", "root", 0, "workflow", "RateLimitError", "RateLimitError: limit 7 of org_1", ""),
        ("t1", "llm1", "chain", 0, "llm", "rate_limit", "limit 7 of org_1", "provider"),
        ("t1", "llm2", "chain", 0, "llm", "rate_limit", "limit 7 of org_1", "provider"),
        ("t1", "http", "llm2", 0, "span", "429", "limit 7 of org_1", ""),
        ("t1", "tool", "steps", 0, "tool", "RateLimitError", "limit 7 of org_1", ""),
        ("t2", "alone", "", 1, "agent", "RateLimitError", "limit 7 of org_1", ""),
        ("t3", "mute", "", 1, "agent", "", "", ""),
        ("t3", "other", "mute", 0, "llm", "rate_limit", "limit 8 of org_1", "provider"),
    ]
    for number, (trace, span, parent, entry, kind, code, message, source) in enumerate(spans):
        engine.query(
            "INSERT INTO spans (project, trace_id, span_id, parent_span_id, entry, kind, start_ns, status, error_code,"
            f" error_message, error_source) VALUES ('{ours}', '{trace}', '{span}', '{parent}', {entry}, '{kind}',"
            f" {T0 + number}, 'error', '{code}', '{message}', '{source}')",
            {},
        )
    report = asking.run(asking.seen.causes(ours, "", day(), 50))
    found = [(row.code, row.source, row.pattern, row.spans, row.traces, row.failed) for row in report.items]
    assert found == [
        ("rate_limit", "provider", "limit <n> of org_1", 6, 2, 1),
        ("RateLimitError", "", "limit <n> of org_1", 2, 2, 1),
        ("", "", "", 1, 1, 1),
    ]
    assert {row.message for row in report.items} == {"limit 8 of org_1", "limit 7 of org_1", ""}
    assert [each.trace_id for each in report.items[0].examples] == ["t3", "t1"]
