"""Answers, checked by brute force over the records they come from; and no answer ever holds another project's row."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from makings import HOUR, T0, answer, attempt, day, events, project, record, request

from trimtab.core.errors import InvalidRequest, Unavailable
from trimtab.ledger.types import Cost
from trimtab.llm.types import Usage
from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.reader import TelemetryReader
from trimtab.telemetry.records import CallRecord, Fault
from trimtab.telemetry.rows import Rows, encode
from trimtab.telemetry.stores import Store
from trimtab.telemetry.views import GroupBy, SpanRow, TracePage, Window

MODELS = ("fast", "smart", "gpt-4o", "gpt-4o-mini")
WORDS = ("refund", "policy", "parcel", "Straße", "invoice 42", "100%", "under_score", "naïve café", "订单", "x-ray")
OURS, THEIRS = project(), project()


def made(number: int, rnd: random.Random, owner: str) -> CallRecord:
    started = T0 - rnd.randint(0, 20 * HOUR)
    took = rnd.randint(1, 5_000) * 1_000_000
    outcome = rnd.choice(("answer", "answer", "answer", "error", "cancel"))
    stream = rnd.random() < 0.4
    said = " ".join(rnd.choices(WORDS, k=3))
    fault = (
        Fault(code="upstream_failure", message="The provider's teapot broke.", status=500)
        if outcome == "error"
        else None
    )
    usage = Usage(input=rnd.randint(0, 2000), cache_read=rnd.choice((0, 512)), output=rnd.randint(0, 500), reasoning=7)
    cost = Cost(amount=rnd.randint(0, 10**11), price="x") if rnd.random() < 0.8 else Cost()
    fields: dict[str, Any] = {"started_ns": started, "ended_ns": started + took, "stream": stream, "outcome": outcome}
    body = answer(said) if not stream else events(*said)
    last = attempt(
        number, usage=usage, cost=cost, response=body, provider=rnd.choice(("lab", "cloud")), fault=fault, **fields
    )
    attempts = [last]
    if rnd.random() < 0.2:
        fields |= {"outcome": "error", "stream": False}
        attempts = [
            attempt(10**6 + number, provider="broken", model="b", usage=None, cost=Cost(), response=b"", **fields),
            last,
        ]
    return record(
        number,
        project=owner,
        model=rnd.choice(MODELS),
        feature=rnd.choice(("chat", "search", "")),
        session=f"session-{rnd.randint(1, 9)}",
        user=f"user-{rnd.randint(1, 5)}",
        key_id=f"key_{rnd.randint(1, 3)}",
        tags=tuple(tag for tag in ("beta", "red", "night shift") if rnd.random() < 0.3),
        metadata={"team": rnd.choice(("a", "b"))},
        stream=stream,
        started_ns=started,
        ended_ns=started + took,
        first_token_ns=started + took // 3 if stream else 0,
        status=500 if outcome == "error" else 200,
        outcome=outcome,
        fault=fault,
        request=request(" ".join(rnd.choices(WORDS, k=4))),
        attempts=tuple(attempts),
    )


def store_all(engine: Store, blobs: FolderBlobs, records: list[CallRecord], token: str) -> None:
    rows = Rows()
    mapper = CallMapper(blobs)
    for place, each in enumerate(records):
        mapper.add(rows, place, each)
    for table in rows.tables():
        engine.insert(table.name, table.columns, encode(table.values), f"{token}:{table.name}")


@pytest.fixture(scope="module")
def ours(engine: Store, blobs: FolderBlobs) -> list[CallRecord]:
    """300 records of one project, among 200 that look the same, with the same ids, of another."""
    rnd = random.Random(1)
    records = [made(number, rnd, OURS) for number in range(1, 301)]
    store_all(engine, blobs, records, OURS)
    store_all(engine, blobs, [made(number, rnd, THEIRS) for number in range(1, 201)], THEIRS)
    return records


class Asking:
    """A reader with an event loop of its own, for tests that are not coroutines."""

    def __init__(self, source: Path) -> None:
        self.runner = asyncio.Runner()
        self.reader = TelemetryReader(source)

    def traces(
        self, q: str = "", window: Window | None = None, cursor: str | None = None, limit: int = 500
    ) -> TracePage:
        return self.runner.run(self.reader.traces(OURS, q, window or day(), cursor, limit))

    def run(self, question: Any) -> Any:
        return self.runner.run(question)

    def close(self) -> None:
        self.runner.run(self.reader.aclose())
        self.runner.close()


@pytest.fixture(scope="module")
def asking(served: Any, ours: list[CallRecord]) -> Iterator[Asking]:
    found = Asking(served.socket)
    yield found
    found.close()


# --- what a search means, said once more in Python -----------------------------------------------------------------

Predicate = Callable[[CallRecord], bool]


def tokens_of(call: CallRecord) -> int:
    return sum(each.usage.total() for each in call.attempts if each.usage)


def cost_of(call: CallRecord) -> int | None:
    known = [each.cost.amount for each in call.attempts if each.cost.amount is not None]
    return sum(known) if known else None


def said(call: CallRecord) -> str:
    import json

    body = json.loads(call.request)
    last = call.attempts[-1].response
    if last.startswith(b"data:"):
        chunks = [json.loads(line[6:]) for line in last.decode().split("\n\n") if line.startswith("data: {")]
        text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
    else:
        text = json.loads(last)["choices"][0]["message"]["content"]
    return "\n".join([*[message["content"] for message in body["messages"]], text]).lower()


SEARCHES: dict[str, Predicate] = {
    "": lambda r: True,
    "model:fast": lambda r: r.model == "fast",
    "model:gpt*": lambda r: r.model.startswith("gpt"),
    "model:*mini": lambda r: r.model.endswith("mini"),
    'model:"gpt*"': lambda r: False,
    "model:(fast OR smart)": lambda r: r.model in ("fast", "smart"),
    "-model:(fast OR gpt-4o)": lambda r: r.model not in ("fast", "gpt-4o"),
    "status:error": lambda r: r.outcome == "error",
    "status:(error OR cancelled)": lambda r: r.outcome != "answer",
    "-status:ok": lambda r: r.outcome != "answer",
    "provider:broken": lambda r: len(r.attempts) == 2,
    "-provider:c*": lambda r: all(not each.provider.startswith("c") for each in r.attempts),
    "feature:*": lambda r: r.feature != "",
    "-feature:*": lambda r: r.feature == "",
    'feature:""': lambda r: r.feature == "",
    "tag:beta": lambda r: "beta" in r.tags,
    'tag:"night shift"': lambda r: "night shift" in r.tags,
    "tag:n*": lambda r: any(tag.startswith("n") for tag in r.tags),
    "-tag:*": lambda r: r.tags == (),
    "user:user-1 session:session-*": lambda r: r.user == "user-1",
    "key:key_2": lambda r: r.key_id == "key_2",
    "key:key?2": lambda r: False,
    "meta.team:a": lambda r: r.metadata["team"] == "a",
    "-meta.team:*": lambda r: False,
    "meta.nothing:*": lambda r: False,
    "kind:llm": lambda r: True,
    "kind:tool": lambda r: False,
    'name:"chat b"': lambda r: len(r.attempts) == 2,
    "error:upstream_failure": lambda r: r.fault is not None,
    "stream:true": lambda r: r.stream,
    "stream:no": lambda r: not r.stream,
    "cost:>0.05": lambda r: (cost_of(r) or 0) > 5 * 10**10,
    "cost:<=$0.05": lambda r: cost_of(r) is not None and (cost_of(r) or 0) <= 5 * 10**10,
    "-cost:>0": lambda r: not (cost_of(r) or 0) > 0,
    "duration:>2.5s": lambda r: r.ended_ns - r.started_ns > 2_500_000_000,
    "duration:<100ms": lambda r: r.ended_ns - r.started_ns < 100_000_000,
    "ttft:>=500ms": lambda r: r.stream and r.first_token_ns - r.started_ns >= 500_000_000,
    "tokens:>1.5k": lambda r: tokens_of(r) > 1500,
    "tokens:<1000.5": lambda r: tokens_of(r) <= 1000,
    "tokens:=1000.5": lambda r: False,
    f"trace:{7:032x}": lambda r: r.trace_id == f"{7:032x}",
    f"request:{7:032x}": lambda r: r.request_id == f"{7:032x}",
    "refund": lambda r: "refund" in said(r),
    "REFUND": lambda r: "refund" in said(r),
    "efun": lambda r: "efun" in said(r),
    "-refund": lambda r: "refund" not in said(r),
    '"refund policy"': lambda r: "refund policy" in said(r),
    '"d p"': lambda r: "d p" in said(r),
    "refund policy": lambda r: "refund" in said(r) and "policy" in said(r),
    "straße": lambda r: "straße" in said(r),
    "STRASSE": lambda r: "strasse" in said(r),
    '"CAFÉ"': lambda r: "café" in said(r),
    "订": lambda r: "订" in said(r),
    '"100%"': lambda r: "100%" in said(r),
    "r_sc": lambda r: "r_sc" in said(r),
    "x-ray": lambda r: "x-ray" in said(r),
    "%": lambda r: "%" in said(r),
    "teapot": lambda r: r.fault is not None,
    "nowhere": lambda r: False,
    "model:gpt* -status:ok cost:>0.01 kind:llm policy": lambda r: (
        r.model.startswith("gpt") and r.outcome != "answer" and (cost_of(r) or 0) > 10**10 and "policy" in said(r)
    ),
}


@pytest.mark.parametrize("q", SEARCHES)
def test_a_search_finds_exactly_what_it_says(q: str, asking: Asking, ours: list[CallRecord]) -> None:
    expected = sorted(
        (each for each in ours if SEARCHES[q](each)), key=lambda r: (r.started_ns, r.span_id), reverse=True
    )
    assert [row.span_id for row in asking.traces(q).rows] == [each.span_id for each in expected]


def test_a_row_says_what_the_record_says(asking: Asking, ours: list[CallRecord]) -> None:
    by_id = {row.span_id: row for row in asking.traces().rows}
    for call in ours:
        row = by_id[call.span_id]
        cost = cost_of(call)
        assert row.tokens.total == tokens_of(call)
        assert (row.cost is None) == (cost is None)
        assert cost is None or round(float(row.cost or 0) * 1e12) == cost
        assert row.attempts == len(call.attempts)
        assert row.fallbacks == len(call.attempts) - 1
        assert row.duration == (call.ended_ns - call.started_ns) / 1e6
        assert (row.ttft is None) == (not call.stream)
        assert row.tags == list(call.tags)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.integers(1, 60), q=st.sampled_from(["", "refund", "-status:ok", '"refund policy"']))
def test_pages_joined_are_the_whole_list(limit: int, q: str, asking: Asking) -> None:
    whole = [row.span_id for row in asking.traces(q).rows]
    found: list[str] = []
    cursor = None
    while True:
        page = asking.traces(q, cursor=cursor, limit=limit)
        found += [row.span_id for row in page.rows]
        cursor = page.cursor
        if cursor is None:
            break
    assert found == whole


def test_what_is_asked_while_the_other_process_starts_waits_for_it(served: Any, tmp_path: Path) -> None:
    place = tmp_path / "t.sock"

    async def main() -> None:
        asked = asyncio.create_task(
            TelemetryReader(place, patience_s=60).traces(project(), "", day(), None, 10), name="asked"
        )
        await asyncio.sleep(0.3)
        assert not asked.done()
        place.symlink_to(served.socket)
        assert (await asked).rows == []

    asyncio.run(main())
    with pytest.raises(Unavailable, match="does not answer"):
        asyncio.run(TelemetryReader(tmp_path / "none.sock").traces(project(), "", day(), None, 10))


def test_what_arrives_between_two_pages_moves_neither(engine: Store, blobs: FolderBlobs, served: Any) -> None:
    name = project()
    reader = TelemetryReader(served.socket)

    async def main() -> None:
        store_all(engine, blobs, [record(n, project=name, started_ns=T0 + n) for n in range(1, 21)], f"{name}:a")
        first = await reader.traces(name, "", day(), None, 10)
        store_all(engine, blobs, [record(n, project=name, started_ns=T0 + n) for n in range(21, 41)], f"{name}:b")
        second = await reader.traces(name, "", day(), first.cursor, 10)
        assert [int(row.trace_id, 16) for row in first.rows + second.rows] == list(range(20, 0, -1))
        assert second.cursor is None
        await reader.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("cursor", ["nonsense", "", "MTIz.", "w4k=", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OS5h"])
def test_a_cursor_that_is_not_ours_is_refused(cursor: str, asking: Asking) -> None:
    with pytest.raises(InvalidRequest) as caught:
        asking.traces(cursor=cursor)
    assert caught.value.param == "cursor"


def test_a_window_is_half_open(asking: Asking, ours: list[CallRecord]) -> None:
    for call in ours[:20]:
        start = call.started_ns // 1_000_000
        inside = asking.traces(window=Window(start=start, end=start + 1)).rows
        assert call.span_id in [row.span_id for row in inside]
        assert all(start <= row.started < start + 1 for row in inside)
        after = asking.traces(window=Window(start=start + 1, end=start + 2)).rows
        assert call.span_id not in [row.span_id for row in after]


# --- one trace -----------------------------------------------------------------------------------------------------


def test_a_trace_counts_usage_once_and_shows_each_span_its_own(asking: Asking, ours: list[CallRecord]) -> None:
    for call in ours[:30]:
        detail = asking.run(asking.reader.trace(OURS, call.trace_id))
        assert [row.kind for row in detail.spans] == ["span", *["llm"] * len(call.attempts)]
        assert detail.tokens.total == tokens_of(call) == sum(row.tokens.total for row in detail.spans)
        assert detail.spans[0].tokens.total == 0
        assert detail.metadata == call.metadata
        assert [line.verdict for line in detail.decision] == ["chosen"]
        assert detail.unpriced == sum(each.usage is not None and each.cost.amount is None for each in call.attempts)


def test_a_trace_nobody_has_is_none(asking: Asking) -> None:
    assert asking.run(asking.reader.trace(OURS, "f" * 32)) is None
    assert asking.run(asking.reader.span_io(OURS, "f" * 32, "f" * 16)) is None


def test_texts_are_shown_for_the_request_and_for_the_attempt_that_shares_them(
    asking: Asking, ours: list[CallRecord]
) -> None:
    call = next(each for each in ours if len(each.attempts) == 2 and each.outcome == "answer")
    whole = asking.run(asking.reader.span_io(OURS, call.trace_id, call.span_id))
    last = asking.run(asking.reader.span_io(OURS, call.trace_id, call.attempts[-1].span_id))
    first = asking.run(asking.reader.span_io(OURS, call.trace_id, call.attempts[0].span_id))
    assert [message.role for message in whole.input] == ["system", "user"]
    assert (last.input, last.output, last.raw_request) == (whole.input, whole.output, whole.raw_request)
    assert whole.output[0].role == "assistant"
    assert (first.input, first.output, first.raw_response) == (whole.input, [], None)
    assert whole.raw_response == call.attempts[-1].response.decode()


def test_large_and_unreadable_and_uncaptured_texts_say_so(engine: Store, blobs: FolderBlobs, served: Any) -> None:
    name = project()
    large = request("x" * 2_000_000, temperature=0.5)
    calls = [
        record(1, project=name, request=large),
        record(2, project=name, request=b"no JSON"),
        record(3, project=name, capture=False, request=b"", attempts=(attempt(3, response=b""),)),
    ]
    store_all(engine, blobs, calls, name)
    reader = TelemetryReader(served.socket)

    async def main() -> None:
        big, unread, private = [await reader.span_io(name, call.trace_id, call.span_id) for call in calls]
        assert big is not None
        assert (big.truncated, big.raw_request, len(big.input)) == (True, None, 2)
        assert big.params == {"temperature": 0.5, "stream": False}
        assert unread is not None
        assert (unread.raw_request, unread.input) == ("no JSON", [])
        assert "could not be read" in unread.note
        assert private is not None
        assert (private.captured, private.raw_request, private.input) == (False, None, [])
        await reader.aclose()

    asyncio.run(main())


# --- sums ----------------------------------------------------------------------------------------------------------


def percentile(values: list[float], level: float) -> float:
    """As `quantileExact` has it: the value at the place that many of the sorted values lie below."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(level * len(ordered)))]


GROUPS: dict[GroupBy, Callable[[CallRecord], str]] = {
    "model": lambda r: r.model,
    "provider": lambda r: r.attempts[-1].provider,
    "feature": lambda r: r.feature,
    "key": lambda r: r.key_id,
    "user": lambda r: r.user,
    "app": lambda r: r.app,
    "status": lambda r: {"answer": "ok", "error": "error", "cancel": "cancelled"}[r.outcome],
}


def check_totals(totals: Any, calls: list[CallRecord]) -> None:
    answered = [(each.ended_ns - each.started_ns) / 1e6 for each in calls if each.outcome == "answer"]
    assert (totals.calls, totals.errors) == (len(calls), sum(each.outcome == "error" for each in calls))
    assert totals.cancelled == sum(each.outcome == "cancel" for each in calls)
    assert totals.fallbacks == sum(len(each.attempts) - 1 for each in calls)
    assert totals.tokens.total == sum(tokens_of(each) for each in calls)
    assert round(float(totals.cost) * 1e12) == sum(cost_of(each) or 0 for each in calls)
    assert totals.p50 == (percentile(answered, 0.5) if answered else None)
    assert totals.p95 == (percentile(answered, 0.95) if answered else None)


@pytest.mark.parametrize("group_by", GROUPS)
@pytest.mark.parametrize("q", ["", "refund -status:error"])
def test_an_overview_is_the_sum_of_what_it_covers(
    group_by: GroupBy, q: str, asking: Asking, ours: list[CallRecord]
) -> None:
    start = (T0 - 8 * HOUR) // 1_000_000
    window = Window(start=start, end=start + 7 * 3_600_000)
    overview = asking.run(asking.reader.overview(OURS, q, window, group_by))
    found = [each for each in ours if SEARCHES["refund"](each) and each.outcome != "error"] if q else ours
    inside = [each for each in found if window.start <= each.started_ns // 10**6 < window.end]
    before = [each for each in found if 2 * window.start - window.end <= each.started_ns // 10**6 < window.start]
    check_totals(overview.totals, inside)
    check_totals(overview.previous, before)
    sizes = Counter(GROUPS[group_by](each) for each in inside)
    assert {row.group: row.totals.calls for row in overview.groups} == dict(sizes)
    for row in overview.groups:
        check_totals(row.totals, [each for each in inside if GROUPS[group_by](each) == row.group])
    assert sum(bucket.calls for bucket in overview.series) == len(inside)
    assert sum(bucket.tokens for bucket in overview.series) == overview.totals.tokens.total


def test_a_series_has_no_holes_and_a_sensible_step(asking: Asking) -> None:
    for hours, step in ((1, 60_000), (24, 900_000), (24 * 7, 3 * 3_600_000), (24 * 30, 12 * 3_600_000)):
        window = Window(start=T0 // 10**6 - hours * 3_600_000, end=T0 // 10**6)
        overview = asking.run(asking.reader.overview(OURS, "", window, "none"))
        assert overview.step_ms == step
        starts = [bucket.start for bucket in overview.series]
        assert starts == list(range(window.start // step * step, window.end, step))
        assert len(starts) <= 97


def test_an_empty_window_has_no_percentiles_and_costs_nothing(asking: Asking) -> None:
    overview = asking.run(asking.reader.overview(OURS, "", Window(start=0, end=3_600_000), "model"))
    assert (overview.totals.calls, overview.totals.p50, overview.totals.cost, overview.groups) == (0, None, "0", [])
    with pytest.raises(InvalidRequest):
        asking.run(asking.reader.overview(OURS, "", Window(start=5, end=5), "model"))


def test_facets_count_the_values_of_what_is_found(asking: Asking, ours: list[CallRecord]) -> None:
    facets = {
        facet.key: {value.value: value.count for value in facet.values}
        for facet in asking.run(asking.reader.facets(OURS, "model:gpt*", day()))
    }
    found = [each for each in ours if each.model.startswith("gpt")]
    assert facets["model"] == Counter(each.model for each in found)
    assert facets["user"] == Counter(each.user for each in found)
    assert facets["status"] == Counter(GROUPS["status"](each) for each in found)
    assert facets["feature"] == Counter(each.feature for each in found if each.feature)
    assert facets["tag"] == Counter(tag for each in found for tag in each.tags)
    assert "app" not in facets


# --- isolation and absence -----------------------------------------------------------------------------------------

hostile = st.sampled_from([*SEARCHES, "' OR 1=1 --", f"-model:{THEIRS}", 'user:"\') OR (1=1"', "-nowhere", "-model:x"])

moments = st.integers((T0 - 25 * HOUR) // 10**6, (T0 + HOUR) // 10**6) | st.sampled_from([-(10**18), 0, 10**18])


@settings(max_examples=24, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(one=hostile, other=hostile, start=moments, end=moments)
def test_no_question_is_answered_with_another_projects_row(
    one: str, other: str, start: int, end: int, asking: Asking, ours: list[CallRecord]
) -> None:
    """Both projects use the same ids and words: a row of theirs shows by what only it says."""
    mine = {each.span_id: each for each in ours}
    window = Window(start=min(start, end), end=max(start, end) + 1)
    try:
        rows: list[SpanRow] = asking.traces(f"{one} {other}", window).rows
    except InvalidRequest:
        return
    for row in rows:
        call = mine[row.span_id]
        assert (row.model, row.started, row.user) == (call.model, call.started_ns / 1e6, call.user)
    facets = asking.run(asking.reader.facets(OURS, f"{one} {other}", window))
    counted = {facet.key: sum(value.count for value in facet.values) for facet in facets}
    assert counted.get("model", 0) <= len(ours)
    overview = asking.run(asking.reader.overview(OURS, f"{one} {other}", window, "model"))
    assert overview.totals.calls == (counted.get("model", 0))


def test_another_projects_trace_and_texts_are_not_there(asking: Asking) -> None:
    nobody = "no-such-project"
    call = asking.traces().rows[0]
    assert asking.run(asking.reader.trace(nobody, call.trace_id)) is None
    assert asking.run(asking.reader.span_io(nobody, call.trace_id, call.span_id)) is None
    detail = asking.run(asking.reader.trace(OURS, call.trace_id))
    assert {span.span_id for span in detail.spans if span.kind == "span"} == {call.span_id}
    assert len(detail.spans) == 1 + call.attempts


def test_how_far_the_store_is_behind_is_told_with_the_page(asking: Asking, served: Any) -> None:
    assert asking.traces().behind_ms == 0
    served.progress.oldest_ms = time.time_ns() // 1_000_000 - 5_000
    try:
        assert 5_000 <= asking.traces().behind_ms < 15_000
        assert asking.run(asking.reader.health()).behind_ms >= 5_000
    finally:
        served.progress.oldest_ms = 0


def test_while_nobody_answers_questions_fail_and_health_says_down(tmp_path: Path) -> None:
    reader = TelemetryReader(tmp_path / "nobody.sock")

    async def main() -> None:
        with pytest.raises(Unavailable):
            await reader.traces("p", "", day(), None, 10)
        health = await reader.health()
        assert health.state == "down"
        assert "does not answer" in health.detail
        await reader.aclose()

    asyncio.run(main())
