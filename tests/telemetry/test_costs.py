"""Costs, checked by brute force over the records they come from, to the last picodollar; and the waste named."""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from makings import HOUR, T0, attempt, day, project, record, request

from trimtab.core.errors import InvalidRequest
from trimtab.ledger.limits import Measure, Rule
from trimtab.ledger.types import Cost
from trimtab.llm.types import Usage
from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.costs.explorer import Costs, Options
from trimtab.telemetry.costs.views import CostGroup, CostReport, WasteReport
from trimtab.telemetry.key_names import NoNames
from trimtab.telemetry.reader import TelemetryReader
from trimtab.telemetry.records import Attempt, CallRecord, Fault
from trimtab.telemetry.rows import Rows, encode
from trimtab.telemetry.stores import Store
from trimtab.telemetry.units import dollars
from trimtab.telemetry.views import Window

OURS, THEIRS = project(), project()
FAULT = Fault(code="upstream_failure", message="It broke.", status=500)
PICO = 10**12


def used(rnd: random.Random, *, priced: bool = True) -> dict[str, Any]:
    usage = Usage(
        input=rnd.choice((rnd.randint(1, 3000), rnd.randint(30_000, 90_000))),
        cache_read=rnd.choice((0, 512)),
        cache_write=rnd.choice((0, 64)),
        output=rnd.randint(1, 500),
        reasoning=rnd.randint(0, 9),
        estimated=rnd.random() < 0.2,
    )
    if not priced:
        return {"usage": usage, "cost": Cost()}
    parts = (usage.input * 3, usage.cache_read, usage.cache_write * 4, usage.output * 12, usage.reasoning * 12, 7)
    return {"usage": usage, "cost": Cost(amount=sum(parts), price=f"book/{rnd.randint(1, 2)}:m", parts=parts)}


def call(number: int, rnd: random.Random, owner: str) -> CallRecord:
    started = T0 - rnd.randint(0, 40 * HOUR)
    outcome = rnd.choice(("answer", "answer", "answer", "error", "cancel", "crash"))
    times: dict[str, Any] = {"started_ns": started, "ended_ns": started + 5_000_000}
    attempts: list[Attempt] = []
    if rnd.random() < 0.3:
        lost = rnd.choice(("error", "answer"))
        attempts.append(attempt(10**6 + number, provider="broken", outcome=lost, **times, **used(rnd)))
    if rnd.random() < 0.1:
        attempts.append(attempt(2 * 10**6 + number, outcome="error", usage=None, cost=Cost(), response=b"", **times))
    model = rnd.choice(("gpt-4o-mini", "mystery-1"))
    priced = rnd.random() < 0.8
    attempts.append(attempt(number, model=model, outcome=outcome, **times, **used(rnd, priced=priced)))
    said = f"question {rnd.randint(1, 12)}"
    return record(
        number,
        project=owner,
        request=request(said) if rnd.random() < 0.9 else b"",
        feature=rnd.choice(("chat", "search", "")),
        user=f"user-{rnd.randint(1, 5)}",
        key_id=f"key_{rnd.randint(1, 3)}",
        tags=tuple(tag for tag in ("beta", "segment:pro") if rnd.random() < 0.4),
        started_ns=started,
        ended_ns=started + 5_000_000,
        outcome=outcome,
        fault=FAULT if outcome == "error" else None,
        attempts=tuple(attempts),
    )


@pytest.fixture(scope="module")
def ours(engine: Store, tmp_path_factory: pytest.TempPathFactory) -> list[CallRecord]:
    rnd = random.Random(7)
    mapper = CallMapper(FolderBlobs(tmp_path_factory.mktemp("blobs")))
    records = [call(number, rnd, OURS) for number in range(1, 401)]
    rows = Rows()
    for place, each in enumerate([*records, *(call(5000 + n, rnd, THEIRS) for n in range(50))]):
        mapper.add(rows, place, each)
    for table in rows.tables():
        engine.insert(table.name, table.columns, encode(table.values), f"{OURS}:{table.name}")
    return records


class Asking:
    def __init__(self, source: Path) -> None:
        self.runner = asyncio.Runner()
        self.reader = TelemetryReader(source)
        self.costs = Costs(self.reader)

    def report(self, q: str = "", group_by: CostGroup = "none", **options: Any) -> CostReport:
        return self.runner.run(self.costs.report(OURS, q, day(), group_by, Options(**options)))

    def waste(self, **options: Any) -> WasteReport:
        return self.runner.run(self.costs.waste(OURS, "", day(), **options))


@pytest.fixture(scope="module")
def asking(served: Any, ours: list[CallRecord]) -> Iterator[Asking]:
    assert ours
    found = Asking(served.socket)
    yield found
    found.runner.run(found.reader.aclose())
    found.runner.close()


Row = tuple[CallRecord, Attempt]


def within(records: list[CallRecord], window: Window) -> list[Row]:
    lowest, highest = window.start * 1_000_000, window.end * 1_000_000
    return [(r, a) for r in records for a in r.attempts if lowest <= a.started_ns < highest]


def paid(rows: list[Row]) -> int:
    return sum(a.cost.amount or 0 for _, a in rows)


FILTERS: dict[str, Callable[[Row], bool]] = {
    "": lambda row: True,
    "feature:chat": lambda row: row[0].feature == "chat",
    "-feature:*": lambda row: row[0].feature == "",
    "provider:broken": lambda row: row[1].provider == "broken",
    "model:mystery*": lambda row: row[1].model == "mystery-1",
    "outcome:(cancel OR crash)": lambda row: row[1].outcome in ("cancel", "crash"),
    "tag:beta -user:user-1": lambda row: "beta" in row[0].tags and row[0].user != "user-1",
    "segment:pro": lambda row: "segment:pro" in row[0].tags,
    "priced:false": lambda row: row[1].cost.amount is None,
    "-priced:true": lambda row: row[1].cost.amount is None,
    "estimated:true": lambda row: row[1].usage is not None and row[1].usage.estimated,
    "cost:>0.0000001": lambda row: (row[1].cost.amount or 0) > 100_000,
    "tokens:<=1000": lambda row: (row[1].usage or Usage()).total() <= 1000,
    "final:false": lambda row: row[1] is not row[0].attempts[-1],
    "input:>32000": lambda row: (
        row[1].usage is not None and row[1].usage.input + row[1].usage.cache_read + row[1].usage.cache_write > 32_000
    ),
}


@pytest.mark.parametrize("q", FILTERS)
def test_totals_are_those_of_the_attempts_that_fit(q: str, asking: Asking, ours: list[CallRecord]) -> None:
    rows = [row for row in within(ours, day()) if FILTERS[q](row)]
    totals = asking.report(q).totals
    assert totals.attempts == len(rows)
    assert totals.calls == sum(a is r.attempts[-1] for r, a in rows)
    assert totals.cost == totals.booked_cost == dollars(paid(rows))
    assert totals.unpriced == sum(a.usage is not None and a.cost.amount is None for _, a in rows)
    assert totals.unmetered == sum(a.usage is None for _, a in rows)
    counted = [row for row in rows if row[1].usage and row[1].usage.estimated]
    assert (totals.estimated, totals.estimated_cost) == (len(counted), dollars(paid(counted)))
    assert totals.tokens.total == sum((a.usage or Usage()).total() for _, a in rows)


class Shown(NoNames):
    """What the catalog would say of the currency in which a project shows money."""

    async def currency(self, project: str) -> tuple[str, str] | None:
        assert project == OURS
        return "JPY", "155"


@pytest.mark.parametrize("key", ["cost", "difference"])
def test_an_amount_is_meant_as_the_project_shows_it(key: str, served: Any, ours: list[CallRecord]) -> None:
    shown, plain = Asking(served.socket), Asking(served.socket)
    shown.reader.key_names = Shown()
    for ask in (shown, plain):
        with pytest.raises(InvalidRequest) as told:
            ask.report(f"{key}:>1GBP")
        assert told.value.param == "q"
    known = sorted(a.cost.amount for _, a in within(ours, day()) if a.cost.amount is not None)
    low, high = (Decimal(known[at * len(known) // 3]) / PICO for at in (1, 2))
    for form in ("{0}:>{1}", "{0}:>={1}", "{0}:<{1}", "{0}:{1}..{2}", "{0}:{1}", "-{0}:>{1}"):
        yen = shown.report(form.format(key, low * 155, high * 155)).totals
        named = shown.report(form.format(key, f"{low}USD", f"{high}USD")).totals
        dollars = plain.report(form.format(key, low, high)).totals
        assert yen == named == dollars
    if key == "cost":
        more = [row for row in within(ours, day()) if (row[1].cost.amount or 0) > low * PICO]
        assert shown.report(f"cost:>{low * 155}").totals.attempts == len(more) > 0
    for ask in (shown, plain):
        ask.runner.run(ask.reader.aclose())
        ask.runner.close()


GROUPERS: dict[CostGroup, Callable[[Row], str]] = {
    "feature": lambda row: row[0].feature,
    "user": lambda row: row[0].user,
    "key": lambda row: row[0].key_id,
    "model": lambda row: row[1].model,
    "asked": lambda row: row[0].model,
    "name": lambda row: row[1].name,
    "provider": lambda row: row[1].provider,
    "segment": lambda row: "pro" if "segment:pro" in row[0].tags else "",
    "outcome": lambda row: row[1].outcome,
    "price": lambda row: row[1].cost.price,
}


@pytest.mark.parametrize("group_by", GROUPERS)
def test_groups_are_compared_with_the_period_before_and_add_up(
    group_by: CostGroup, asking: Asking, ours: list[CallRecord]
) -> None:
    report = asking.report("", group_by)
    window = day()
    before = Window(start=2 * window.start - window.end, end=window.start)
    now, then = Counter[str](), Counter[str]()
    for row in within(ours, window):
        now[GROUPERS[group_by](row)] += row[1].cost.amount or 0
    for row in within(ours, before):
        then[GROUPERS[group_by](row)] += row[1].cost.amount or 0
    assert {row.group: row.totals.cost for row in report.groups} == {name: dollars(sum_) for name, sum_ in now.items()}
    assert {row.group: row.previous_cost for row in report.groups} == {name: dollars(then[name]) for name in now}
    assert report.previous.cost == dollars(paid(within(ours, before)))
    shown = sum(Fraction(row.totals.cost) for row in report.groups)
    assert shown + Fraction(report.rest) == Fraction(report.totals.cost)
    assert sum(Fraction(point.cost) for point in report.series) == Fraction(report.totals.cost)


@pytest.mark.parametrize("group_by", ["asked", "name", "provider", "feature", "user", "outcome"])
def test_a_group_is_found_by_the_key_of_its_dimension(group_by: CostGroup, asking: Asking) -> None:
    for row in asking.report("", group_by).groups:
        if row.group:
            assert asking.report(f"{group_by}:{row.group}").totals.cost == row.totals.cost


def test_what_is_not_shown_is_counted_and_costs_what_is_missing(asking: Asking) -> None:
    whole, cut = asking.report("", "user"), asking.report("", "user", limit=2)
    assert [row.group for row in cut.groups] == [row.group for row in whole.groups[:2]]
    assert cut.more == len(whole.groups) - 2
    shown = sum(Fraction(row.totals.cost) for row in cut.groups)
    assert shown + Fraction(cut.rest) == Fraction(cut.totals.cost)


def test_the_parts_add_up_to_the_total_to_the_last_picodollar(asking: Asking, ours: list[CallRecord]) -> None:
    report = asking.report()
    assert report.parts is not None
    named = {name: Fraction(getattr(report.parts, name)) for name in report.parts.__struct_fields__}
    assert sum(named.values()) == Fraction(report.totals.cost)
    assert named["unparted"] == 0
    priced = [a for _, a in within(ours, day()) if a.cost.parts]
    assert named["input"] * PICO == sum(a.cost.parts[0] for a in priced)
    assert named["other"] * PICO == sum(a.cost.parts[5] for a in priced)


@pytest.mark.parametrize(("tier", "wasted"), [("", 1), ("flex", 1), ("batch", 0), ("batch+us", 0)])
def test_a_batch_is_no_oversized_call(tier: str, wasted: int, asking: Asking, engine: Store, tmp_path: Path) -> None:
    """Its one row has the tokens of all its answers."""
    owner, rows = project(), Rows()
    cost = Cost(amount=9 * PICO, price="p", parts=(9 * PICO, 0, 0, 0, 0, 0))
    used_up = attempt(1, usage=Usage(input=64_000, output=5, tier=tier), cost=cost)
    CallMapper(FolderBlobs(tmp_path)).add(rows, 0, record(1, project=owner, attempts=(used_up,)))
    engine.insert("ledger", rows.ledger.columns, encode(rows.ledger.values), f"{owner}:ledger")
    report = asking.runner.run(asking.costs.waste(owner, "", day()))
    (line,) = [line for line in report.lines if line.kind == "oversized"]
    assert (line.count, line.cost) == (wasted, "4.5" if wasted else "0")
    found = asking.runner.run(asking.costs.report(owner, line.q, day(), "none"))
    assert found.totals.attempts == wasted


def test_an_attempt_with_two_tags_is_in_both_of_their_groups(asking: Asking, ours: list[CallRecord]) -> None:
    groups = {row.group: row.totals.cost for row in asking.report("", "tag").groups}
    rows = within(ours, day())
    for tag in ("beta", "segment:pro"):
        assert groups[tag] == dollars(paid([row for row in rows if tag in row[0].tags]))
    assert groups[""] == dollars(paid([row for row in rows if not row[0].tags]))


def test_each_kind_of_waste_is_what_it_says_and_no_attempt_is_in_two(asking: Asking, ours: list[CallRecord]) -> None:
    rows = within(ours, day())
    report = asking.waste()
    lines = {line.kind: line for line in report.lines}

    def of(outcome: str, final: bool | None) -> list[Row]:
        return [
            row for row in rows if row[1].outcome == outcome and final in (None, row[1] is row[0].attempts[-1])
        ]  # fmt: skip

    expected = {
        "retries": of("error", False),
        "failed": of("error", True),
        "doubted": of("answer", False),
        "cancelled": of("cancel", None),
        "crashed": of("crash", None),
    }
    for kind, found in expected.items():
        line = lines[kind]  # type: ignore[index]
        assert (line.count, line.cost) == (sum(a.usage is not None for _, a in found), dollars(paid(found))), kind
    same: dict[Any, list[Row]] = defaultdict(list)
    for number, row in enumerate(sorted(of("answer", True), key=lambda row: (row[1].started_ns, row[1].span_id))):
        same[(row[0].request or number, row[1].model)].append(row)
    repeats = [row for group in same.values() for row in group[1:]]
    assert (lines["repeated"].count, lines["repeated"].cost) == (len(repeats), dollars(paid(repeats)))
    over = 0
    for group in same.values():
        a = group[0][1]
        assert a.usage is not None
        whole = a.usage.input + a.usage.cache_read + a.usage.cache_write
        if whole > 32_000 and a.cost.parts:
            over += sum(a.cost.parts[:3]) * (whole - 32_000) // whole
    assert lines["oversized"].cost == dollars(over)
    assert Fraction(report.total) == sum(Fraction(line.cost) for line in report.lines) <= Fraction(report.cost)
    assert all(line.about and line.fix for line in report.lines)


def test_a_waste_lines_filter_finds_its_attempts(asking: Asking) -> None:
    for line in asking.waste().lines:
        if line.kind not in ("repeated", "oversized"):
            assert asking.report(line.q).totals.cost == line.cost


def test_the_most_expensive_calls_and_prompts_come_first(asking: Asking, ours: list[CallRecord]) -> None:
    costly = asking.runner.run(asking.costs.costly(OURS, "", day(), 5))
    highest = sorted((a.cost.amount or 0 for _, a in within(ours, day())), reverse=True)[:5]
    assert [each.cost for each in costly.calls] == [dollars(amount) for amount in highest]
    (prompt,) = costly.prompts
    assert prompt.preview == "Be kind."
    asked = [row for row in within(ours, day()) if row[0].request]
    assert prompt.totals.cost == dollars(paid(asked))


def test_a_row_says_which_price_made_its_cost(asking: Asking, ours: list[CallRecord]) -> None:
    wanted = next(r for r in ours if within([r], day()) and r.attempts[-1].cost.parts)
    rows = asking.runner.run(asking.costs.attempts(OURS, f"request:{wanted.request_id}", day(), 10, energy=True))
    row = next(row for row in rows if row.span_id == wanted.attempts[-1].span_id)
    assert (row.price, row.booked_price, row.currency) == (wanted.attempts[-1].cost.price, row.price, "USD")
    assert row.parts is not None
    assert sum(Fraction(getattr(row.parts, name)) for name in row.parts.__struct_fields__) == Fraction(row.cost or "0")
    assert (row.energy is not None) == (row.model == "gpt-4o-mini")


def test_energy_is_a_range_and_models_without_an_estimate_are_counted(asking: Asking, ours: list[CallRecord]) -> None:
    report = asking.report("", "model", energy=True)
    rows = [a for _, a in within(ours, day()) if a.usage is not None]
    assert report.energy is not None
    assert 0 < report.energy.wh_low < report.energy.wh_high
    assert report.energy.unknown == sum(a.model == "mystery-1" for a in rows)
    assert report.energy.known + report.energy.unknown == len(rows)
    groups = {row.group: row.energy for row in report.groups}
    assert groups["mystery-1"] is None
    assert groups["gpt-4o-mini"] is not None
    assert asking.report().energy is None


@pytest.mark.parametrize(
    "q",
    [
        "refund",
        "nothing:x",
        "outcome:maybe",
        "cost:>much",
        "feature:>x",
        "final:perhaps",
        "cost:>1e40",
        "cost:>1e999999",
        "(",
        "tag:",
    ],
)
def test_a_filter_that_does_not_parse_says_where_and_how_to_mend_it(q: str, asking: Asking) -> None:
    with pytest.raises(InvalidRequest) as told:
        asking.report(q)
    assert told.value.param == "q"
    assert told.value.fix


def test_a_window_that_ends_before_it_starts_is_refused(asking: Asking) -> None:
    with pytest.raises(InvalidRequest):
        asking.runner.run(asking.costs.report(OURS, "", Window(start=5, end=5), "none"))


def test_a_limits_curve_leaves_out_what_other_tools_reported(asking: Asking, engine: Store, tmp_path: Path) -> None:
    """A limit counts the gateway's calls alone; foreign spans are in the same books, without a request of ours."""
    owner, rows = project(), Rows()
    mapper = CallMapper(FolderBlobs(tmp_path))
    usage = {"usage": Usage(input=10, output=5), "cost": Cost(amount=7 * PICO, price="p")}
    for place, request_id in enumerate((f"{1:032x}", "")):
        given = {"project": owner, "request_id": request_id, "attempts": (attempt(place + 1, **usage),)}
        mapper.add(rows, place, record(place + 1, **given))
    engine.insert("ledger", rows.ledger.columns, encode(rows.ledger.values), f"{owner}:ledger")
    window = Window(start=T0 // 10**6 - 1000, end=T0 // 10**6 + 1000)
    expected: dict[Measure, int] = {"money": 7 * PICO, "tokens": 15, "requests": 1}
    for measure, used_up in expected.items():
        rule = Rule(name="l", measure=measure, bound=1)
        assert asking.runner.run(asking.costs.burned(owner, rule, {}, window, 2000)) == [used_up]
