"""Batches that nobody reads: booked once when they are over, at the rates of batches, under the call that made them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvicorn
from harness import Running, running
from msgspec.structs import replace
from openai import APIConnectionError
from test_vendors import client as as_openai
from vendors import a_project, sqlite

from trimtab.core.clock import SystemClock
from trimtab.core.errors import Unavailable
from trimtab.gateway.money import batch_store as store
from trimtab.gateway.money.batch_store import Made
from trimtab.gateway.money.batch_told import Told
from trimtab.gateway.money.batches import CLAIM, Batches
from trimtab.gateway.money.spending import Spending
from trimtab.gateway.targets import Model, Provider, Timeouts
from trimtab.ledger import limit_store
from trimtab.ledger.leases import Keeper
from trimtab.ledger.limit_plan import ProjectLimits
from trimtab.ledger.limits import PICO, Rule, series_of
from trimtab.ledger.prices import PriceBook
from trimtab.ledger.reserve import Limiter
from trimtab.ledger.types import PriceOverride
from trimtab.llm.simulated.app import SimulatedProviders
from trimtab.llm.types import Usage
from trimtab.server.duties.batches import LookingAfter, Pace
from trimtab.server.duties.money import is_to_book
from trimtab.server.hot import HotServer
from trimtab.server.up import listen
from trimtab.storage.database import Database

AT_ONCE = Pace(
    look_s=0.01, least=0, most=0, forgotten=2, gone_for=0, refused_for=0, missing_for=0, silent_for=2**40,
    oldest=2**50, claimed_for=0, claim_ends=2**50,
)  # fmt: skip
OWN = PriceOverride(input=1.0, output=2.0)
TOKENS = Rule(name="tokens", measure="tokens", bound=1_000_000, window="day")
MONEY = Rule(name="money", measure="money", bound=100 * PICO, window="day", per=("feature",))
SOFT = Rule(name="soft", measure="tokens", bound=30, window="day", mode="soft")
LABELS = {"trimtab-feature": "nightly", "trimtab-user": "ann", "trimtab-tags": "a,b", "trimtab-session": "s1"}


class World:
    """A gateway with limits before a simulated OpenAI, and duties that look after its batches."""

    def __init__(self, g: Running, app: SimulatedProviders, db: Database, keeper: Keeper) -> None:
        self.g, self.app, self.db, self.keeper = g, app, db, keeper
        self.known: set[str] = set()

    def duty(self, pace: Pace = AT_ONCE, *, has_records: bool = True) -> LookingAfter:
        """``has_records``: whether its store is the one that the records of this world come to."""
        assert self.g.batches is not None

        async def is_recorded(request: str, about: int) -> bool:
            assert about > 0
            return has_records and request in {record.request_id for record in self.g.spool.records}

        return LookingAfter(self.g.batches, self.g.gateway.books, is_recorded, SystemClock(), pace)

    async def make(
        self, *, lines: int = 4, wishes: str = "", model: str = "gpt-5-mini", client: Any = None, **headers: str
    ) -> str:
        asked = [
            {
                "custom_id": f"line-{number}",
                "method": "POST",
                "url": "/v1/chat/completions",
                "body": {
                    "model": model,
                    "max_completion_tokens": 50,
                    "messages": [{"role": "user", "content": f"the tide {number}"}],
                },
            }
            for number in range(lines)
        ]
        content = b"\n".join(msgspec.json.encode(each) for each in asked)
        client = client or as_openai(self.g)
        file = await client.files.create(file=("calls.jsonl", content), purpose="batch")
        batch = await client.batches.create(
            input_file_id=file.id,
            endpoint="/v1/chat/completions",
            completion_window="24h",
            metadata={"simulated": wishes} if wishes else None,
            extra_headers=LABELS | headers,
        )
        return batch.id

    async def due_now(self) -> None:
        await self.db.write(_due_now)

    async def rows(self) -> list[Made]:
        return await self.db.read(lambda conn: store.of_project(conn, "prj_1"))

    async def row(self) -> Made:
        (row,) = await self.rows()
        return row

    async def settled(self, duty: LookingAfter, turns: int = 12) -> Made:
        for _ in range(turns):
            await self.db.write(_due_now)
            await duty.turn()
            row = await self.row()
            if row.settled:
                return row
        raise AssertionError(await self.row())

    async def counted(self, rule: Rule) -> tuple[int, int]:
        """What every worker together has of a limit and has used, once this one has told."""
        await self.keeper.trade(list(self.keeper._helds.values()))  # pyright: ignore[reportPrivateUsage]
        held = sum(each.free for each in self.keeper._helds.values() if each.counter.rule == rule)  # pyright: ignore[reportPrivateUsage]
        found = await self.db.read(lambda conn: limit_store.counts(conn, series_of("prj_1", rule), 0))
        return sum(each.granted for each in found) - held, sum(each.spent for each in found)


def _due_now(conn: Any) -> None:
    conn.execute(store.BATCHES.update().values(due=0))


def booked(g: Running) -> list[Any]:
    return [(record, at) for record in g.spool.records for at in record.attempts if at.usage is not None]


@asynccontextmanager
async def world(
    tmp_path: Path, *rules: Rule, keys: tuple[str, ...] = ("k",), kind: str = "openai", price: Any = OWN
) -> AsyncGenerator[World]:
    listener, ready, app = listen("127.0.0.1", 0), asyncio.Event(), SimulatedProviders()
    simulated = HotServer(uvicorn.Config(app, lifespan="off", log_config=None), ready.set)
    serving = asyncio.ensure_future(simulated.serve(sockets=[listener]))
    await ready.wait()
    provider = Provider(
        name="sim",
        kind=kind,
        dialect="openai_chat",
        base_url=f"http://127.0.0.1:{listener.getsockname()[1]}/v1",
        api_key=keys[0],
        api_keys=keys if len(keys) > 1 else (),
        timeouts=Timeouts(connect=30, first_token=30, idle=30, total=120),
    )
    db = Database.open(sqlite(tmp_path))
    await db.write(a_project)
    keeper = Keeper(db, SystemClock())
    spending = Spending(Limiter(keeper), PriceBook(), SystemClock())
    models = [Model(name="m", provider="sim", upstream="gpt-5-mini", price=price)]
    keeper.start()
    async with running([provider], models, db=db, spending=spending) as g:
        if rules:
            limits = {"prj_1": ProjectLimits(project_id="prj_1", rules=rules)}
            g.force[0] = replace(g.force[0], limits=limits)
        yield World(g, app, db, keeper)
    simulated.should_exit = True
    await serving
    await keeper.close()
    await db.close()


def test_a_batch_that_nobody_reads_is_booked_under_the_call_that_made_it_and_limits_get_the_rest_back(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with world(tmp_path, TOKENS, MONEY, SOFT) as w:
            name = await w.make(wishes="looks=3")
            made = await w.row()
            assert (made.batch_id, made.state, made.settled, made.cost) == (name, "open", 0, None)
            most = await w.counted(TOKENS)
            assert most == (most[0], most[0])
            assert most[0] > 200, "the most that it can come to"
            row = await w.settled(w.duty())
            assert (row.state, row.status, row.settlement, row.why) == ("completed", "completed", "told", "")
            told_of = row.about
            assert (told_of.user, told_of.session, told_of.tags, told_of.holds) == ("", "", (), ())
            assert (told_of.feature, told_of.works_on) == ("nightly", "gpt-5-mini")
            maker = next(record for record in w.g.spool.records if record.request_id == made.request_id)
            ((record, attempt),) = booked(w.g)
            assert record.trace_id == maker.trace_id
            assert record.parent_span_id == maker.span_id
            assert (record.key_id, record.model) == (maker.key_id, maker.model)
            assert (record.feature, record.user, record.session, record.tags) == ("nightly", "ann", "s1", ("a", "b"))
            assert record.metadata["batch"] == name
            used = attempt.usage
            assert (attempt.model, attempt.response_id, used.tier, used.estimated) == (
                "gpt-5-mini",
                name,
                "batch",
                False,
            )
            assert used.total() == row.tokens
            assert attempt.cost.amount == row.cost == (used.input + 2 * (used.output + used.reasoning)) * 1_000_000
            assert await w.counted(TOKENS) == (row.tokens, row.tokens)
            assert await w.counted(MONEY) == (row.cost, row.cost)
            assert (await w.counted(SOFT))[1] == row.tokens
            events = await w.db.read(lambda conn: limit_store.events(conn, "prj_1"))
            assert [event.kind for event in events if event.name == "soft"] == ["soft_reached"]

    asyncio.run(main())


@pytest.mark.promise
@pytest.mark.parametrize("wishes", ["looks=1", "looks=1&usage=false&repeat=true"])
def test_readers_and_duties_at_once_book_a_batch_once(tmp_path: Path, wishes: str) -> None:
    async def main() -> None:
        async with world(tmp_path, TOKENS) as w:
            name = await w.make(wishes=wishes, lines=6)
            duties = [w.duty() for _ in range(3)]
            for _ in range(4):
                await w.db.write(_due_now)
                readers = [as_openai(w.g).batches.retrieve(name) for _ in range(5)]
                await asyncio.gather(*(duty.turn() for duty in duties), *readers)
            row = await w.row()
            assert row.settled
            ((_, attempt),) = booked(w.g)
            assert attempt.usage.total() == row.tokens
            assert await w.counted(TOKENS) == (row.tokens, row.tokens)

    asyncio.run(main())


def test_what_lines_tell_is_the_same_as_what_the_batch_tells_each_line_once(tmp_path: Path) -> None:
    folders = [tmp_path / "told", tmp_path / "lines"]
    for each in folders:
        each.mkdir()

    async def took(folder: Path, wishes: str) -> Usage:
        async with world(folder) as w:
            await w.make(wishes=wishes, lines=5)
            await w.settled(w.duty())
            ((_, attempt),) = booked(w.g)
            return attempt.usage

    async def main() -> None:
        told = await took(folders[0], "looks=1")
        lines = await took(folders[1], "looks=1&usage=false&repeat=true")
        assert told == lines

    asyncio.run(main())


@pytest.mark.parametrize(("end", "answered"), [("expired", 2), ("cancelled", 2), ("failed", 0)])
@pytest.mark.parametrize("tells", ["", "&usage=false"])
def test_a_batch_that_came_to_an_early_end_costs_what_was_answered(
    tmp_path: Path, end: str, answered: int, tells: str
) -> None:
    async def main() -> None:
        async with world(tmp_path, TOKENS) as w:
            name = await w.make(
                wishes=f"looks=9&end={end}{tells}" if end == "cancelled" else f"looks=1&end={end}{tells}"
            )
            if end == "cancelled":
                await as_openai(w.g).batches.cancel(name)
            row = await w.settled(w.duty())
            assert (row.state, row.settlement) == (end, "told")
            assert len(booked(w.g)) == (1 if answered else 0)
            assert (row.tokens or 0) > 0 if answered else row.tokens == row.cost == 0
            assert await w.counted(TOKENS) == (row.tokens, row.tokens)

    asyncio.run(main())


def without(g: Running, *, project: bool) -> None:
    now = g.force[0]
    access = replace(now.access, projects={}) if project else now.access
    targets = replace(now.targets["prj_1"], providers={})
    g.force[0] = replace(now, access=access, targets={} if project else {**now.targets, "prj_1": targets})


@pytest.mark.parametrize("gone", ["batch", "key", "provider", "project"])
@pytest.mark.parametrize("limits", [(TOKENS, MONEY), ()])
def test_what_cannot_be_learned_is_an_estimate_and_says_why(
    tmp_path: Path, gone: str, limits: tuple[Rule, ...]
) -> None:
    async def main() -> None:
        async with world(tmp_path, *limits) as w:
            await w.make(wishes="looks=1&end=forgotten" if gone == "batch" else "looks=99")
            most = await w.counted(TOKENS)
            if gone == "key":
                w.app.api_key = "another"
            elif gone != "batch":
                without(w.g, project=gone == "project")
            row = await w.settled(w.duty())
            said = {"batch": "404", "key": "401", "provider": "no longer configured", "project": "no longer served"}
            assert row.state == "lost"
            assert said[gone] in row.why
            record = w.g.spool.records[-1]
            assert record.fault is not None
            assert (record.outcome, record.fault.code, record.feature) == ("error", "batch_lost", "nightly")
            if limits:
                ((_, attempt),) = booked(w.g)
                assert row.settlement == "estimate"
                assert attempt.usage.estimated
                assert attempt.usage.total() == row.tokens == most[0] == most[1]
                assert await w.counted(TOKENS) == most, "nobody knows that it took less"
                assert row.cost
            else:
                assert (row.settlement, row.tokens, row.cost, booked(w.g)) == ("unknown", None, None, [])

    asyncio.run(main())


def test_a_batch_is_asked_about_with_the_key_that_made_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with world(tmp_path, keys=("one", "two")) as w:
            client = as_openai(w.g)
            now = w.g.force[0]
            sim = now.targets["prj_1"].providers["sim"]

            def having(*keys: str) -> None:
                one = replace(sim, api_key=keys[0], api_keys=keys if len(keys) > 1 else ())
                targets = replace(now.targets["prj_1"], providers={"sim": one})
                w.g.force[0] = replace(now, targets={**now.targets, "prj_1": targets})

            having("two")
            name = await w.make(wishes="looks=3")
            having("one", "two")
            assert (await client.batches.retrieve(name)).status == "in_progress", "also of its caller's question"
            row = await w.settled(w.duty())
            assert (row.state, row.failures) == ("completed", 0)
            asked = {call.headers["authorization"] for call in w.app.calls if call.path.startswith("/v1/batches/")}
            assert asked == {"Bearer two"}

    asyncio.run(main())


def test_a_provider_that_is_away_is_asked_less_and_less_and_then_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with world(tmp_path) as w:
            await w.make(wishes="looks=1")
            real = w.app.scenario
            w.app.scenario = msgspec.structs.replace(real, fault="503")
            duty, due = w.duty(Pace(look_s=0.01, least=1000, most=100_000, claimed_for=0)), list[int]()
            for _ in range(4):
                await w.db.write(_due_now)
                await duty.turn()
                row = await w.row()
                due.append(row.due - row.looked)
                assert "503" in row.why
            assert due == [2000, 4000, 8000, 16000]
            assert (await w.row()).failures == 4
            w.app.scenario = real
            row = await w.settled(duty)
            assert (row.state, row.failures, row.why) == ("completed", 0, "")

    asyncio.run(main())


def test_while_the_spool_takes_no_record_nothing_is_settled_and_then_it_is_booked_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with world(tmp_path, TOKENS) as w:
            await w.make(wishes="looks=1")
            most = await w.counted(TOKENS)
            w.g.spool.broken = True
            duty = w.duty()
            for _ in range(2):
                await w.db.write(_due_now)
                with pytest.raises(Unavailable, match="cannot record calls"):
                    await duty.turn()
            assert not (await w.row()).settled
            assert await w.counted(TOKENS) == most
            w.g.spool.broken = False
            row = await w.settled(duty)
            assert len(booked(w.g)) == 1
            assert await w.counted(TOKENS) == (row.tokens, row.tokens)

    asyncio.run(main())


@pytest.mark.promise
@pytest.mark.parametrize("leads", [True, False], ids=["the leader's store", "another's store"])
def test_one_that_another_has_begun_to_book_is_settled_when_its_record_is_there(tmp_path: Path, *, leads: bool) -> None:
    async def main() -> None:
        async with world(tmp_path, TOKENS) as w:
            await w.make(wishes="looks=1")
            made = await w.row()
            ending = store.Ending(state="completed", status="completed", settlement="told", tokens=7, cost=9)

            def claim(conn: Any) -> bool:
                mine = store.claim(conn, made.id, "req_dead", 1)
                store.ends(conn, made.id, ending, 1)
                return mine

            assert await w.db.write(claim)
            duty = w.duty(has_records=leads)
            for _ in range(3):
                await w.db.write(_due_now)
                await duty.turn()
            row = await w.row()
            assert (row.settled, row.booked_by) == (0, "req_dead")
            assert "not in the store yet" in row.why
            assert booked(w.g) == []
            w.g.spool.records.append(replace(w.g.spool.records[-1], request_id="req_dead"))
            row = await w.settled(duty if leads else w.duty(replace(AT_ONCE, most=600_000)))
            assert (row.tokens, row.cost, row.state) == (7, 9, "completed")
            assert await w.counted(TOKENS) == (7, 7)

    asyncio.run(main())


@pytest.mark.promise
def test_who_is_killed_before_it_claims_a_batch_leaves_it_to_whoever_looks_next(tmp_path: Path) -> None:
    async def main() -> None:
        async with world(tmp_path, TOKENS) as w:
            await w.make(wishes="looks=1")
            made = await w.row()
            assert not await is_to_book(w.db, SystemClock(), "prj_1", f"{CLAIM}{made.id}", "req_dead")
            row = await w.settled(w.duty())
            assert (row.state, row.settlement) == ("completed", "told")
            assert len(booked(w.g)) == 1
            assert await w.counted(TOKENS) == (row.tokens, row.tokens)
            assert row.booked_by is not None
            assert await is_to_book(w.db, SystemClock(), "prj_1", f"{CLAIM}{made.id}", row.booked_by)
            assert not await is_to_book(w.db, SystemClock(), "prj_1", f"{CLAIM}{made.id}", "req_dead")

    asyncio.run(main())


@pytest.mark.promise
@pytest.mark.parametrize("reached", ["claimed", "asked"])
def test_who_could_not_end_a_booking_ends_it_without_leading_or_being_asked_again(tmp_path: Path, reached: str) -> None:
    """It was claimed, and could not be recorded; or the catalog was away, and another booked it meanwhile."""

    async def main() -> None:
        async with world(tmp_path, TOKENS) as w:
            name = await w.make(wishes="looks=0")
            reader, read_by = w.duty(), w.g.batches
            assert read_by is not None
            if reached == "claimed":
                w.g.spool.broken = True
                with pytest.raises(APIConnectionError):  # its own row cannot be written either
                    await as_openai(w.g).with_options(max_retries=0).batches.retrieve(name)
                w.g.spool.broken = False
            else:
                w.db.write, really = _away, w.db.write  # pyright: ignore[reportAttributeAccessIssue]
                await as_openai(w.g).batches.retrieve(name)
                w.db.write = really
            w.g.batches = Batches(w.db, SystemClock().now_ns, read_by.snapshot)
            leader = w.duty()
            await w.db.write(_due_now)
            await leader.turn()
            assert bool((await w.row()).settled) == (reached == "asked")
            await reader.turn()
            row = await w.settled(leader)
            assert row.settlement == "told"
            assert len(booked(w.g)) == 1
            assert await w.counted(TOKENS) == (row.tokens, row.tokens)
            assert not read_by._bookings  # pyright: ignore[reportPrivateUsage]

    asyncio.run(main())


async def _away(_: Any) -> Any:
    raise Unavailable("The catalog is away.")


@pytest.mark.promise
def test_one_that_used_nothing_is_settled_though_who_had_claimed_it_is_dead(tmp_path: Path) -> None:
    """There is no record to wait for."""

    async def main() -> None:
        async with world(tmp_path, TOKENS) as w:
            await w.make(wishes="looks=1")
            made = await w.row()
            ending = store.Ending(state="failed", status="failed", settlement="told", tokens=0, cost=0)

            def claim(conn: Any) -> None:
                assert store.claim(conn, made.id, "req_dead", 1)
                store.ends(conn, made.id, ending, 1)

            await w.db.write(claim)
            row = await w.settled(w.duty())
            assert (row.state, row.tokens, row.booked_by) == ("failed", 0, "req_dead")
            assert await w.counted(TOKENS) == (0, 0)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("told", "model", "own"),
    [
        ("gpt-5-mini", "gpt-5-mini", True),
        ("gpt-5-mini-2025-08-07", "gpt-5-mini", True),
        ("gpt-5-nano-2025-08-07", "gpt-5-nano-2025-08-07", False),
    ],
)
def test_a_batch_costs_what_the_project_set_on_its_model_also_where_a_snapshot_is_told(
    tmp_path: Path, told: str, model: str, *, own: bool
) -> None:
    """OpenAI's batches name the snapshot that answered."""

    async def main() -> None:
        async with world(tmp_path) as w:
            await w.make(wishes="looks=9")
            made = await w.row()
            assert w.g.batches is not None
            over = Told(id=made.batch_id, status="completed", model=told)
            await w.g.batches.told(made, over, [(told, Usage(input=4, output=4, tier="batch"))], w.g.gateway.books)
            ((_, attempt),) = booked(w.g)
            assert (attempt.model, attempt.model_used) == (model, told)
            assert (attempt.cost.amount == 12_000_000) == own

    asyncio.run(main())
