"""Re-pricing: twice equals once, what was booked stays, a crash at any step changes nothing, the report is exact."""

import asyncio
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

import trimtab.gateway.money.repricing as module
from catalogs import laid
from patience import PATIENCE_S
from trimtab.core.clock import FixedClock
from trimtab.core.errors import Conflict, Unavailable
from trimtab.gateway.money.repricing import Parts, Repricer, Today
from trimtab.gateway.targets import Model, ProjectTargets, Provider
from trimtab.governance import bootstrap
from trimtab.governance import store as governance
from trimtab.ledger import repricing_store as jobs
from trimtab.ledger.overrides import DatedPrice, Rates, check_dated
from trimtab.ledger.prices import PriceBook
from trimtab.ledger.repricing_store import Repricing
from trimtab.ledger.types import Cost, PriceOverride
from trimtab.llm.providers import PROVIDER_KINDS
from trimtab.llm.types import Usage
from trimtab.storage.blobs import FolderBlobs
from trimtab.storage.database import Database
from trimtab.storage.turns import HOLD_MS, holding
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.costs.ledger_pages import AT, LedgerPages, Row
from trimtab.telemetry.reader import TelemetryReader
from trimtab.telemetry.records import Attempt, CallRecord
from trimtab.telemetry.rows import Rows, encode
from trimtab.telemetry.stores import Store

T0_MS = 1_780_000_000_000
HOUR_MS = 3_600_000
BOOK = PriceBook()
PROVIDERS = {"lab": Provider(name="lab", kind="openai", dialect="openai_chat", base_url="http://x")}
MODEL = Model(name="own", provider="lab", upstream="made-up", price=PriceOverride(input=1, output=2))
MODELS = {"own": MODEL}


class Ended(Exception):
    pass


def call(number: int, owner: str, attempt: Attempt) -> CallRecord:
    return CallRecord(
        request_id=f"r{number}",
        trace_id=f"{number:032x}",
        span_id=f"f{number:015x}",
        project=owner,
        key_id="k",
        front="openai_chat",
        model="m",
        started_ns=attempt.started_ns,
        ended_ns=attempt.ended_ns,
        attempts=(attempt,),
    )


def booked(number: int, rnd: random.Random) -> Attempt:
    """Booked at a price that no book of today says; some were unknown then, some used nothing."""
    started = (T0_MS + number * 1000) * 1_000_000
    model = rnd.choice(("gpt-4o-mini", "gpt-4o", "made-up", "mystery-1"))
    used = None if rnd.random() < 0.1 else Usage(input=rnd.randint(1, 900), cache_read=5, output=rnd.randint(1, 90))
    if used is not None:
        used = replace(used, tier=rnd.choice(("", "", "flex", "priority")))
    known = used is not None and rnd.random() < 0.8
    cost = Cost(amount=rnd.randint(1, 10**9), price="book/old", parts=()) if known else Cost()
    return Attempt(
        span_id=f"{number:016x}",
        provider="lab",
        kind="openai",
        model=model,
        name=("own", "batches")[number % 2] if model == "made-up" else model,  # a batch names no model
        dialect="openai_chat",
        started_ns=started,
        ended_ns=started + 1,
        usage=used,
        cost=cost,
    )


class World:
    """A catalog, a ledger with rows of a project of its own, and a repricer over both."""

    def __init__(self, folder: Path, engine: Store, socket: Path, rows: int, seed: int = 1) -> None:
        self.runner = asyncio.Runner()
        self.engine = engine
        self.db = Database.open(laid(folder))
        self.clock = FixedClock((T0_MS + 10**9) * 1_000_000)
        self.reader = TelemetryReader(socket)
        self.dated: list[DatedPrice] = []
        self.project = self.run(self._project())
        rnd = random.Random(seed)
        made = Rows()
        mapper = CallMapper(FolderBlobs(folder / "blobs"))
        for number in range(rows):
            mapper.add(made, number, call(number, self.project, booked(number, rnd)))
        engine.insert("ledger", made.ledger.columns, encode(made.ledger.values), f"{self.project}:rows")

    def run(self, body: Any) -> Any:
        return self.runner.run(body)

    def close(self) -> None:
        self.run(self.reader.aclose())
        self.run(self.db.close())
        self.runner.close()

    async def _project(self) -> str:
        await self.db.write(lambda conn: bootstrap.ensure(conn, admin_key="tt_" + "x" * 30, project="default", now=1))
        return (await self.db.read(governance.projects))[0].id

    def repricer(self, step: Callable[[str], None] | None = None, pages: LedgerPages | None = None) -> Repricer:
        targets = ProjectTargets(providers=PROVIDERS, models=MODELS)
        return Repricer(
            Parts(
                db=self.db,
                pages=pages or LedgerPages(self.reader),
                today=lambda project: Today(prices=BOOK, targets=targets, dated=self.dated),
                clock=self.clock,
            ),
            step=step,
        )

    def job(self, number: int) -> str:
        """Like all ids, unlike any other: rows are written under it, and a store takes them once."""
        return f"rpr_{number}_{self.project[-12:]}"

    def start(self, number: int, *, dry_run: bool = False) -> Repricing:
        self.clock.advance(1)
        job = Repricing(
            id=self.job(number),
            project_id=self.project,
            since=T0_MS,
            until=T0_MS + HOUR_MS,
            dry_run=dry_run,
            created=self.clock.now_ns() // 1_000_000,
        )
        return self.run(self.db.write(lambda conn: jobs.start(conn, job)))

    def done(self, number: int) -> Repricing:
        return self.run(self.db.read(lambda conn: jobs.repricing(conn, self.project, self.job(number))))

    def rows(self) -> list[Row]:
        pages = LedgerPages(self.reader)
        return self.run(pages.page(self.project, (0, 1 << 62), (-1, ""), 10_000))


@pytest.fixture
def world(tmp_path: Path, engine: Store, served: Any) -> Iterator[World]:
    made = World(tmp_path, engine, served.socket, 300)
    yield made
    made.close()


def money(rows: list[Row]) -> list[tuple[Any, ...]]:
    return [
        tuple(row[AT[name]] for name in ("span_id", "cost", "price", "booked_cost", "booked_price")) for row in rows
    ]


def test_past_rows_cost_what_todays_book_says_and_what_was_booked_stays(world: World) -> None:
    before = world.rows()
    world.start(1)
    assert world.run(world.repricer().turn())
    job, after = world.done(1), world.rows()
    assert (job.state, job.report.looked_at) == ("done", len(before))
    changed = 0
    for old, new in zip(before, after, strict=True):
        assert (new[AT["booked_cost"]], new[AT["booked_price"]]) == (old[AT["cost"]], old[AT["price"]])
        usage = Usage(
            input=old[AT["input_tokens"]], cache_read=5, output=old[AT["output_tokens"]], tier=old[AT["tier"]]
        )
        model = old[AT["model"]]
        cost = BOOK.cost(
            kind=PROVIDER_KINDS.get("openai"),
            model=model,
            upstream=model,
            usage=usage,
            at_ns=old[AT["at_ns"]],
            override=MODELS["own"].price if model == "made-up" else None,
        )
        expected = old[AT["cost"]] if cost.amount is None else cost.amount
        assert new[AT["cost"]] == expected
        if cost.amount is not None:
            assert sum(new[AT["cost_parts"]]) == expected
            assert (new[AT["tier"]], f"@{usage.tier}" in new[AT["price"]]) == (usage.tier, bool(usage.tier))
            assert new[AT["repricing"]] == world.job(1)
            changed += 1
    assert job.report.changed == changed
    assert job.report.before == sum(row[AT["cost"]] or 0 for row in before)
    assert job.report.after == sum(row[AT["cost"]] or 0 for row in after)
    assert sum(line.rows for line in job.report.differences) == changed
    assert sum(line.after - line.before for line in job.report.differences) == job.report.after - job.report.before
    assert job.report.no_price_today == sum(r[AT["model"]] == "mystery-1" and r[AT["cost"]] is not None for r in before)


def test_another_tools_spans_are_priced_too_whatever_their_provider_is_called(world: World) -> None:
    rows = Rows()
    for number, provider in enumerate(("some-vendor", "openai", "azure.ai.openai")):
        values: dict[str, Any] = dict.fromkeys(rows.ledger.columns, "") | {
            "project": world.project, "at_ns": (T0_MS + 1_000_000) * 1_000_000 + number, "span_id": f"{number:016x}",
            "trace_id": "f" * 32, "attempt": 0, "final": 1, "outcome": "answer", "provider": provider,
            "model": "gpt-4o-mini" if number else "house-model", "tags": [], "fingerprint": 0, "duration_ns": 1,
            "metered": 1, "tokens_estimated": 0, "currency": "USD", "cost": 7, "cost_parts": [], "price": "reported",
            "booked_cost": 7, "booked_price": "reported", "version": 1, "images": 0, "searches": 0, "file_searches": 0,
            "cost_told": None, "cost_counted": None,
        }  # fmt: skip
        counts = {name: 0 for name in values if name.endswith("_tokens")} | {"input_tokens": 1000}
        rows.ledger.add(0, tuple((values | counts)[name] for name in rows.ledger.columns))
    world.engine.insert("ledger", rows.ledger.columns, encode(rows.ledger.values), f"{world.project}:foreign")
    world.dated.append(check_dated(DatedPrice(id="prc_v", provider="some-*", model="*", rates=Rates(per_request="1"))))
    world.start(1)
    assert world.run(world.repricer().turn())
    found = {row[AT["provider"]]: row for row in world.rows() if row[AT["trace_id"]] == "f" * 32}
    assert found["some-vendor"][AT["cost"]] == 10**12
    assert found["openai"][AT["price"]].startswith("genai-prices/")
    assert "azure" in found["azure.ai.openai"][AT["price"]]
    assert all(row[AT["booked_price"]] == "reported" for row in found.values())


def test_pricing_twice_equals_pricing_once(world: World) -> None:
    world.start(1)
    world.run(world.repricer().turn())
    once = money(world.rows())
    world.start(2)
    world.run(world.repricer().turn())
    assert money(world.rows()) == once
    assert world.done(2).report.changed == 0
    assert world.done(2).report.differences == ()


def test_a_dry_run_reports_the_same_and_writes_nothing(world: World) -> None:
    before = money(world.rows())
    world.start(1, dry_run=True)
    world.run(world.repricer().turn())
    assert money(world.rows()) == before
    world.start(2)
    world.run(world.repricer().turn())
    assert world.done(1).report == world.done(2).report
    assert world.done(1).report.changed > 0


def test_a_dated_price_reprices_what_it_holds_for_and_a_later_one_again(world: World) -> None:
    middle = T0_MS + 150_000
    rates = Rates(input="3", output="3")
    world.dated = [check_dated(DatedPrice(id="p1", model="gpt-4o*", valid_from=middle, rates=rates))]
    world.start(1)
    world.run(world.repricer().turn())
    for row in world.rows():
        dated = row[AT["model"]].startswith("gpt-4o") and row[AT["at_ns"]] >= middle * 1_000_000
        assert row[AT["price"]].startswith("override:p1:") == dated
    first = money(world.rows())
    world.dated = []
    world.start(2)
    world.run(world.repricer().turn())
    assert not any(row[AT["price"]].startswith("override:p1") for row in world.rows())
    assert [row[3:] for row in money(world.rows())] == [row[3:] for row in first]


def test_a_price_set_by_mistake_is_undone_also_where_nothing_else_prices_the_row(world: World) -> None:
    """Of `mystery-1` nobody knows a price: without this, what a mistaken one came to stayed for ever."""
    booked = {row[AT["span_id"]]: row[AT["cost"]] for row in world.rows() if row[AT["model"]] == "mystery-1"}
    assert None in booked.values()
    assert any(booked.values())
    world.dated = [check_dated(DatedPrice(id="p1", model="mystery*", rates=Rates(per_request="1000")))]
    world.start(1)
    world.run(world.repricer().turn())
    mistaken = [row for row in world.rows() if row[AT["price"]].startswith("override:p1:")]
    assert {row[AT["model"]] for row in mistaken} == {"mystery-1"}
    world.dated = []
    world.start(2)
    world.run(world.repricer().turn())
    after = {row[AT["span_id"]]: row for row in world.rows() if row[AT["model"]] == "mystery-1"}
    assert {span: row[AT["cost"]] for span, row in after.items()} == booked
    assert all(row[AT["price"]] == row[AT["booked_price"]] for row in after.values())
    job = world.done(2)
    assert job.report.changed == len(mistaken)
    assert {(line.from_price.partition(":")[0], line.to_price) for line in job.report.differences} == {
        ("override", "book/old"),
        ("override", ""),
    }
    assert job.report.after == sum(row[AT["cost"]] or 0 for row in world.rows())
    world.start(3)
    world.run(world.repricer().turn())
    assert world.done(3).report.changed == 0


def test_a_model_without_its_price_takes_back_what_that_came_to_and_a_retired_one_does_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def own() -> list[tuple[Any, ...]]:
        return money([row for row in world.rows() if row[AT["price"]].startswith("override:own:")])

    world.start(1)
    world.run(world.repricer().turn())
    priced = own()
    assert priced
    monkeypatch.setattr(f"{__name__}.MODELS", {})
    world.start(2)
    world.run(world.repricer().turn())
    assert own() == priced
    monkeypatch.setattr(f"{__name__}.MODELS", {"own": replace(MODEL, price=None)})
    world.start(3)
    world.run(world.repricer().turn())
    assert own() == []
    rows = [row for row in world.rows() if row[AT["model"]] == "made-up"]
    assert [(row[AT["cost"]], row[AT["price"]]) for row in rows] == [
        (row[AT["booked_cost"]], row[AT["booked_price"]]) for row in rows
    ]


STEPS = ("noted", "written", "saved")


@settings(max_examples=4)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(1, 3)), min_size=1, max_size=4))
def test_a_job_that_dies_at_any_step_goes_on_and_ends_as_if_nothing_had_been(
    engine: Store, served: Any, tmp_path_factory: pytest.TempPathFactory, ends: list[tuple[str, int]]
) -> None:
    page, module.PAGE = module.PAGE, 25  # type: ignore[misc]  # pyright: ignore[reportConstantRedefinition]
    calm = World(tmp_path_factory.mktemp("calm"), engine, served.socket, 75)
    rough = World(tmp_path_factory.mktemp("rough"), engine, served.socket, 75)
    try:
        calm.start(1)
        calm.run(calm.repricer().turn())
        rough.start(1)
        for step, times in ends:
            left = times

            def end(name: str, step: str = step) -> None:
                nonlocal left
                left -= name == step
                if left == 0:
                    raise Ended

            try:
                rough.run(rough.repricer(end).turn())
            except Ended:
                rough.clock.advance(HOLD_MS / 1000 + 1)  # its hold ends: another may take the job up
        rough.run(rough.repricer().turn())
        assert rough.done(1).state == "done"
        assert rough.done(1).report == calm.done(1).report
        assert money(rough.rows()) == money(calm.rows())
    finally:
        module.PAGE = page  # type: ignore[misc]  # pyright: ignore[reportConstantRedefinition]
        calm.close()
        rough.close()


def test_one_job_of_a_project_runs_at_a_time(world: World) -> None:
    world.start(1)
    with pytest.raises(Conflict, match="under way"):
        world.start(2)


def test_two_workers_do_not_take_up_the_same_job(world: World) -> None:
    world.start(1)
    now = world.clock.now_ns() // 1_000_000
    first = world.run(world.db.write(lambda conn: jobs.claim(conn, "a", now, 60_000)))
    assert first is not None
    assert not world.run(world.repricer().turn())
    world.clock.advance(61)
    assert world.run(world.repricer().turn())
    assert not world.run(world.db.write(lambda conn: jobs.save(conn, first, now, 1))), "it is not the first's any more"


def test_a_server_that_stops_ends_a_job_also_where_its_catalog_is_away_and_gives_it_back_where_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = False
    real = jobs.let_go

    def let_go(conn: Any, job: Repricing) -> None:
        if away:
            raise Unavailable("The catalog is away.")
        real(conn, job)

    def stopped(_: str) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(jobs, "let_go", let_go)
    world.start(1)
    for held in (False, True):
        away = held
        with pytest.raises(asyncio.CancelledError):  # no other: the loop around it would go on
            world.run(world.repricer(stopped).turn())
        assert (world.done(1).held_until > 0) is held


def test_a_job_is_the_workers_however_long_a_page_takes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else another takes it up as well, and two write versions of the same rows in no order."""
    monkeypatch.setattr(module, "holding", partial(holding, every_s=0.001))
    world.start(1)

    class Slow(LedgerPages):
        async def page(
            self, project: str, bounds: tuple[int, int], after: tuple[int, str], limit: int = 0
        ) -> list[Row]:
            del project, bounds, after, limit
            world.clock.advance(HOLD_MS / 1000 + 1)
            now = world.clock.now_ns() // 1_000_000
            async with asyncio.timeout(PATIENCE_S):
                while await world.db.read(lambda conn: jobs.waits(conn, now)):  # noqa: ASYNC110  another's view
                    await asyncio.sleep(0.001)
            return []

    assert world.run(world.repricer(pages=Slow(world.reader)).turn())
    assert world.done(1).state == "done"
