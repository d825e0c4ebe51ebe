"""What is over age goes, of each project by its own rules, and nothing else does; an interrupted run is made again."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from makings import T0, answer, attempt, project, record, request
from msgspec.structs import replace
from sqlalchemy import Connection

from catalogs import laid
from trimtab.core.clock import FixedClock
from trimtab.core.ids import new_id
from trimtab.governance import legal_holds
from trimtab.governance import retention as rules_store
from trimtab.governance import store as governance
from trimtab.governance.audit import Actor
from trimtab.governance.legal_holds import LegalHold
from trimtab.governance.retention import DEFAULTS, KINDS, Rules, Run
from trimtab.governance.store import ProjectRow
from trimtab.storage.blobs import FolderBlobs
from trimtab.storage.database import Database
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.reader import TelemetryReader
from trimtab.telemetry.removal import retention as retaining
from trimtab.telemetry.removal.retention import (
    DAY_MS,
    Parts,
    Retention,
    _let_go,  # pyright: ignore[reportPrivateUsage]
    cutoffs,
    effective,
    over_age,
)
from trimtab.telemetry.removal.upkeep import TABLES, Upkeep
from trimtab.telemetry.rows import Rows, encode
from trimtab.telemetry.scores.types import Score, ScoreBatch, Target, add_scores
from trimtab.telemetry.stores import Store, bind

DAY_NS = 86_400_000_000_000
LARGE = "a long text " * 9_000


def keep(engine: Store, blobs: FolderBlobs, owner: str, days: list[int], text: str = "hello") -> None:
    """One call of a project for each of so many days before `T0`."""
    rows = Rows()
    for number, age in enumerate(days):
        at = T0 - age * DAY_NS
        span = f"{abs(hash((owner, number))):016x}"[:16]
        made = attempt(number, span_id=f"a{span[1:]}", started_ns=at, ended_ns=at + 5, response=answer(text))
        made_of = {"trace_id": f"{abs(hash((owner, number, 't'))):032x}"[:32], "span_id": f"b{span[1:]}"}
        call = record(
            number, project=owner, started_ns=at, ended_ns=at + 5, request=request(text), attempts=(made,), **made_of
        )
        CallMapper(blobs).add(rows, number, call)
    for table in rows.tables():
        if table.owners:
            engine.insert(table.name, table.columns, encode(table.values), f"{owner}:{table.name}")


def left(engine: Store, owner: str, table: str) -> int:
    return int(engine.query(f"SELECT count() FROM {table} WHERE project = {{p:String}}", bind({"p": owner}), "TSV"))


class Home:
    """A catalog with projects, a real store behind its socket, and a clock that stands at `T0`."""

    def __init__(
        self, folder: Path, socket: Path, blobs: FolderBlobs, declared: dict[str, Rules] | None = None
    ) -> None:
        self.db = Database.open(laid(folder))
        self.reader = TelemetryReader(socket)
        self.clock = FixedClock(T0)
        self.blobs = blobs
        self.declared = declared or {}

    def retention(
        self,
        step: Callable[[str], None] | None = None,
        blobs: FolderBlobs | None = None,
        leads: Callable[[], Coroutine[Any, Any, bool]] | None = None,
    ) -> Retention:
        parts = Parts(
            db=self.db, upkeep=Upkeep(self.reader), blobs=blobs or self.blobs, declared=lambda: self.declared,
            clock=self.clock, leads_folder=leads,
        )  # fmt: skip
        return Retention(parts, step=step)

    async def add(self, owner: str, given: Rules | None = None) -> None:
        row = ProjectRow(id=owner, slug=f"slug-{owner}", name="", capture_content=True, created=1)
        await self.db.write(lambda conn: governance.add_project(conn, row))
        if given is not None:
            await self.db.write(lambda conn: rules_store.set_rules(conn, owner, given, 1))

    async def runs(self) -> list[Run]:
        return await self.db.read(rules_store.runs)


@pytest.fixture
def story(tmp_path: Path, served: Any) -> Callable[..., Any]:
    def run(body: Callable[[Home], Coroutine[Any, Any, Any]], **options: Any) -> Any:
        async def whole() -> Any:
            home = Home(tmp_path, served.socket, FolderBlobs(tmp_path / "blobs"), **options)
            try:
                return await body(home)
            finally:
                await home.reader.aclose()
                await home.db.close()

        return asyncio.run(whole())

    return run


def test_each_kind_goes_by_its_own_rule_the_config_files_first_and_other_projects_keep_theirs(
    story: Any, engine: Store
) -> None:
    ours, theirs, plain = project(), project(), project()

    async def body(home: Home) -> None:
        await home.add(ours, {"content": 1, "spans": 7, "ledger": None, "scores": None})
        await home.add(theirs, dict.fromkeys(KINDS))
        await home.add(plain)
        for owner in (ours, theirs, plain):
            keep(engine, home.blobs, owner, [1, 5, 8, 9])
        assert await home.retention().turn()
        [run] = await home.runs()
        assert run.state == "done"
        removed = {(line.project_id, line.table): line.rows for line in run.report.removed}
        assert removed == {(ours, "span_io"): 3 * per("span_io"), (ours, "spans"): 2 * per("spans")}

    def per(table: str) -> int:
        return left(engine, theirs, table) // 4

    story(body, declared={f"slug-{ours}": {"content": 4}})
    io, spans = per("span_io"), per("spans")
    tables = ("span_io", "spans", "ledger")
    assert [left(engine, ours, table) for table in tables] == [io, 2 * spans, 4]
    assert [left(engine, plain, table) for table in tables] == [4 * io, 4 * spans, 4]


def test_a_run_that_is_interrupted_is_taken_up_by_another_and_counts_what_both_removed(
    story: Any, engine: Store
) -> None:
    owner = project()

    class Died(BaseException):
        pass

    def die(step: str) -> None:
        if step.startswith("removed:span_io"):
            raise Died

    async def body(home: Home) -> None:
        await home.add(owner, {"content": 1, "spans": 1})
        keep(engine, home.blobs, owner, [5, 6])
        with pytest.raises(Died):
            await home.retention(die).turn()
        other = home.retention()
        assert not await other.turn(), "the first one still holds it"
        home.clock.advance(3600)
        assert await other.turn()
        [run] = await home.runs()
        assert run.state == "done"
        assert {line.table for line in run.report.removed} >= {"spans"}
        assert not await other.turn(), "the next is due only later"
        asked = await home.db.write(lambda conn: rules_store.ask(conn, 1))
        assert asked.state == "running"
        assert await other.turn(), "but one that is asked for is made"

    story(body)
    assert left(engine, owner, "spans") == left(engine, owner, "span_io") == 0


async def after(run: Run) -> None:
    """Ids of one millisecond are in no order."""
    while new_id("ret")[:16] == run.id[:16]:  # noqa: ASYNC110  it is over before anything else could tell
        await asyncio.sleep(0)


def test_a_run_that_one_project_asked_for_touches_no_other_and_the_run_over_all_still_comes(
    story: Any, engine: Store
) -> None:
    ours, theirs, now = project(), project(), T0 // 1_000_000

    async def body(home: Home) -> None:
        for owner in (ours, theirs):
            await home.add(owner, {"content": 1, "spans": 1})
            keep(engine, home.blobs, owner, [5])
        asked = await home.db.write(lambda conn: rules_store.ask(conn, now, ours))
        assert (await home.db.write(lambda conn: rules_store.ask(conn, now, ours))).id == asked.id
        await after(asked)
        other = await home.db.write(lambda conn: rules_store.ask(conn, now, theirs))
        assert other.id != asked.id
        await after(other)  # the run over all is made by the first turn
        worker = home.retention()
        assert await worker.turn()
        assert (left(engine, ours, "spans"), left(engine, theirs, "spans") > 0) == (0, True)
        done = next(run for run in await home.runs() if run.state == "done")
        assert {line.project_id for line in done.report.removed} == {ours}
        assert await worker.turn()
        assert left(engine, theirs, "spans") == 0
        assert await worker.turn(), "that over every project is due as well"
        assert [run.report.only for run in await home.runs()] == ["", theirs, ours]
        assert not await worker.turn()

    story(body)


def test_who_asks_while_a_run_is_under_way_gets_the_next_one_which_goes_by_the_rules_of_then(
    story: Any, engine: Store
) -> None:
    ours = project()
    asked: list[str] = []

    async def body(home: Home) -> None:
        await home.add(ours, {"content": 1, "spans": None})
        keep(engine, home.blobs, ours, [5])
        first = await home.db.write(lambda conn: rules_store.ask(conn, T0 // 1_000_000, ours))
        under_way = await home.db.write(
            lambda conn: rules_store.take(conn, "w", T0 // 1_000_000, every_ms=10**9, hold_ms=10**6)
        )
        assert under_way is not None
        assert under_way.id == first.id
        for _ in range(2):
            again = await home.db.write(lambda conn: rules_store.ask(conn, T0 // 1_000_000, ours))
            asked.append(again.id)
        assert asked[0] == asked[1] != first.id

    story(body)


def test_many_runs_of_projects_alone_do_not_hide_when_the_last_over_all_was(tmp_path: Path) -> None:
    def write(conn: Connection) -> tuple[Run | None, Run | None]:
        def turn(now: int) -> Run | None:
            return rules_store.take(conn, "w", now, every_ms=1_000, hold_ms=0)

        first = turn(0)
        assert first is not None
        rules_store.save(conn, replace(first, state="done"), 0, 0)
        for number in range(rules_store.RUNS_KEPT + 1):  # of several, as each keeps no more than that
            rules_store.ask(conn, 1, f"p{number % 2}")
            made = turn(1)
            assert made is not None
            rules_store.save(conn, replace(made, state="done"), 1, 0)
        return turn(999), turn(1_000)

    async def body() -> None:
        db = Database.open(laid(tmp_path))
        early, due = await db.write(write)
        assert early is None
        assert due is not None
        assert due.report.only == ""
        await db.close()

    asyncio.run(body())


def test_a_clock_that_jumps_ahead_and_back_removes_nothing_that_is_not_old_and_keeps_no_run_waiting(
    story: Any, engine: Store
) -> None:
    owner = project()

    async def body(home: Home) -> None:
        await home.add(owner, {"spans": 10, "content": 10})
        keep(engine, home.blobs, owner, [9, 11])
        retention = home.retention()
        home.clock.step(2 * 86_400)
        assert await retention.turn()
        assert left(engine, owner, "spans") == 2
        assert [run.started for run in await home.runs()] == [T0 // 1_000_000]
        ahead = home.clock.now_ns() // 1_000_000
        await home.db.write(lambda conn: rules_store.ask(conn, ahead, owner))
        assert await retention.turn(), "asked for by somebody who believes that clock"
        assert left(engine, owner, "spans") == 2
        home.clock.step(-2 * 86_400)
        home.clock.advance(retaining.EVERY_S)
        assert await retention.turn(), "the next one is due as long after the last as ever"

    story(body)


def test_a_run_of_a_time_that_was_set_back_since_keeps_none_waiting(tmp_path: Path) -> None:
    """Its server was started while the clock was ahead, and died in the middle of it, or after it."""
    day = 86_400_000

    def write(conn: Connection) -> list[Run | None]:
        ahead = rules_store.take(conn, "dead", 2 * day, every_ms=day // 4, hold_ms=60_000)
        assert ahead is not None
        taken = rules_store.take(conn, "w", day, every_ms=day // 4, hold_ms=60_000)
        assert taken is not None
        rules_store.save(conn, replace(taken, state="done"), day, 0)
        return [ahead, taken, rules_store.take(conn, "w", day, every_ms=day // 4, hold_ms=60_000)]

    async def body() -> None:
        db = Database.open(laid(tmp_path))
        ahead, taken, following = await db.write(write)
        assert ahead is not None
        assert taken is not None
        assert taken.id == ahead.id
        assert following is not None
        assert following.started == day
        await db.close()

    asyncio.run(body())


def test_a_run_stays_whose_it_is_where_clocks_differ_by_a_little(tmp_path: Path) -> None:
    """Of two servers; or of two processes, of which one looks at the clock and then waits for the other's writing."""
    now, every = T0 // 1_000_000, 86_400_000

    async def body() -> None:
        db = Database.open(laid(tmp_path))
        for seconds in (-30, -1, 0, 1, 30):
            at = now + seconds * 1_000
            held = await db.write(lambda conn: rules_store.take(conn, "w", now, every_ms=every, hold_ms=60_000))
            assert held is not None
            other = await db.write(lambda conn, at=at: rules_store.take(conn, "v", at, every_ms=every, hold_ms=60_000))
            assert other is None, seconds
            await db.write(lambda conn, held=held: rules_store.let_go(conn, held))
        wary = now - 3 * 60_000  # began before its machine's clock was put right
        held = await db.write(
            lambda conn: rules_store.take(conn, "w", wary, every_ms=every, hold_ms=60_000, clock_ms=now)
        )
        assert held is not None
        assert held.held_until == now + 60_000
        await db.close()

    asyncio.run(body())


def test_blobs_go_once_nothing_refers_to_them_and_have_rested_for_a_day(story: Any, engine: Store) -> None:
    ours, theirs = project(), project()

    def files(home: Home) -> int:
        return sum(1 for path in home.blobs.folder.rglob("*") if path.is_file())

    async def body(home: Home) -> None:
        await home.add(ours, {"content": 10})
        await home.add(theirs, {"content": None, "spans": None})
        keep(engine, home.blobs, ours, [20], LARGE)
        ours_alone = files(home)
        keep(engine, home.blobs, theirs, [20], LARGE + "!")
        both = files(home)
        assert 0 < ours_alone < both
        assert await home.retention().turn()
        assert files(home) == both, "put just now: its row may be on its way"
        long_ago = T0 / 1e9 - 2 * 86_400
        for path in home.blobs.folder.rglob("*"):
            os.utime(path, (long_ago, long_ago))
        await home.db.write(lambda conn: rules_store.ask(conn, 1))
        home.clock.advance(1)
        assert await home.retention().turn()
        assert files(home) == both - ours_alone
        newest = (await home.runs())[0]
        assert newest.report.blobs == ours_alone
        assert newest.report.blob_bytes > len(LARGE)

    story(body)


def test_after_a_run_of_another_server_each_clears_its_own_folder_away_once(
    story: Any, engine: Store, tmp_path: Path
) -> None:
    owner, other = project(), FolderBlobs(tmp_path / "other machine" / "blobs")
    leads, long_ago = [False], T0 / 1e9 - 2 * 86_400

    async def leading() -> bool:
        return leads[0]

    async def body(home: Home) -> None:
        await home.add(owner, {"content": 10})
        keep(engine, other, owner, [20], LARGE)
        free = other.put(b"of a row that went long ago")
        for path in other.folder.rglob("*"):
            os.utime(path, (long_ago, long_ago))
        elsewhere = home.retention(blobs=other, leads=leading)
        assert await home.retention().turn()
        assert not await elsewhere.turn()
        assert other.get(free) is not None, "another process of this folder does it"
        leads[0] = True
        assert not await elsewhere.turn()
        assert list(other.listed("")) == [], "its rows were removed by the run"
        again = other.put(b"and again")
        os.utime(next(path for path in other.folder.rglob("*") if path.is_file()), (long_ago, long_ago))
        assert not await elsewhere.turn()
        assert other.get(again) is not None, "it was done after that run"

    story(body)


def test_a_blob_that_is_put_while_it_is_looked_for_in_the_store_stays(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    reference, long_ago = blobs.put(b"a"), T0 / 1e9 - 2 * 86_400
    [path] = [path for path in tmp_path.rglob("*") if path.is_file()]
    os.utime(path, (long_ago, long_ago))
    assert not _let_go(blobs, reference, long_ago - 1)
    assert blobs.get(reference) == b"a"
    assert path.stat().st_mtime > long_ago, "it is new again"
    os.utime(path, (long_ago, long_ago))
    assert _let_go(blobs, reference, long_ago + 1)
    assert not _let_go(blobs, reference, long_ago + 1)


def test_a_store_that_is_away_gives_the_run_back(tmp_path: Path) -> None:
    async def body() -> None:
        home = Home(tmp_path, tmp_path / "nobody.sock", FolderBlobs(tmp_path / "blobs"))
        with pytest.raises(Exception, match="does not answer"):
            await home.retention().turn()
        [run] = await home.runs()
        assert (run.state, run.held_until) == ("running", 0)
        await home.reader.aclose()
        await home.db.close()

    asyncio.run(body())


def test_every_table_with_a_project_has_its_kind(engine: Store) -> None:
    sql = "SELECT DISTINCT table FROM system.columns WHERE database = currentDatabase() AND name = 'project'"
    there = set(engine.query(sql, {}, "TSV").decode().split())
    assert there <= {kept.table for kept in TABLES}, "give it a line in upkeep.TABLES: retention and erasure read it"
    for kept in TABLES:
        if kept.table in there:
            engine.query(f"SELECT project, {kept.age} FROM {kept.table} LIMIT 0", {})


_days = st.one_of(st.none(), st.integers(1, 36_500))


@given(st.dictionaries(st.sampled_from(KINDS), _days), st.dictionaries(st.sampled_from(KINDS), _days))
def test_every_kind_has_one_answer_and_texts_never_outlive_their_spans(catalog: Rules, declared: Rules) -> None:
    found = effective(catalog, declared)
    assert set(found) == set(KINDS)
    for kind in KINDS:
        said = declared if kind in declared else catalog if kind in catalog else DEFAULTS
        assert found[kind] == said[kind]
    now = 10**13
    content = next(iter(cutoffs({"p": found}, now, "content")), 0)
    spans = next(iter(cutoffs({"p": found}, now, "spans")), 0)
    assert content >= spans
    assert all(now - moment <= 36_500 * DAY_MS for moment in (content, spans) if moment)


def test_what_would_be_removed_is_what_a_run_then_removes(
    engine: Store, blobs: FolderBlobs, story: Callable[..., Any]
) -> None:
    async def whole(home: Home) -> None:
        owner, other = project(), project()
        rules: Rules = {"content": 10, "spans": 20, "scores": None, "ledger": None}
        for each in (owner, other):
            await home.add(each, rules)
            keep(engine, blobs, each, [1, 5, 15, 30])
        upkeep = Upkeep(home.reader)
        told = {each.kind: each for each in await over_age(upkeep, owner, rules, T0 // 1_000_000)}
        assert (told["content"].before, told["scores"].before) == (T0 // 1_000_000 - 10 * DAY_MS, None)
        stricter = {each.kind: each for each in await over_age(upkeep, owner, {"spans": 3}, T0 // 1_000_000)}
        assert stricter["spans"].rows > told["spans"].rows > 0
        before = {table.table: left(engine, owner, table.table) for table in TABLES}
        assert await home.retention().turn()
        for kind in KINDS:
            tables = [table.table for table in TABLES if table.kind == kind]
            assert told[kind].rows == sum(before[table] - left(engine, owner, table) for table in tables), kind

    story(whole)


def test_what_a_legal_hold_covers_stays_and_goes_once_it_is_released(story: Any, engine: Store) -> None:
    whole, some, range_ = project(), project(), project()

    async def body(home: Home) -> None:
        for owner in (whole, some, range_):
            await home.add(owner, {"content": 30, "spans": 30, "ledger": 30})
            keep(engine, home.blobs, owner, [40, 50, 60])
        sql = "SELECT trace_id FROM spans WHERE project = {p:String} ORDER BY start_ns LIMIT 1"
        oldest = engine.query(sql, bind({"p": some}), "TSV").decode().strip()
        low = (T0 - 55 * DAY_NS) // 1_000_000
        holds = (
            held(whole, "project"), held(some, "trace", oldest),
            held(range_, "project", start=low, end=low + 10 * DAY_MS),
        )  # fmt: skip
        for each in holds:
            await home.db.write(lambda conn, each=each: legal_holds.add(conn, each))
        told = [await spans_ahead(home, each) for each in holds]
        before = [left(engine, each.project_id, "spans") for each in holds]
        assert await home.retention().turn()
        assert [left(engine, owner, "spans") for owner in (whole, some, range_)] == [6, 2, 2]
        gone = [were - left(engine, each.project_id, "spans") for were, each in zip(before, holds, strict=True)]
        assert (told, gone) == ([0, 4, 4], [0, 4, 4]), "what is held is not counted as what a run would remove"
        assert [left(engine, owner, "span_io") for owner in (whole, some, range_)] == [3, 1, 1]
        assert [left(engine, owner, "ledger") for owner in (whole, some, range_)] == [3, 1, 1]
        who = Actor("k", "Ann")
        work = legal_holds.release
        for each in holds:
            await home.db.write(lambda conn, each=each: work(conn, each.project_id, each.id, who, "It is over.", 2))
        await home.db.write(lambda conn: rules_store.ask(conn, T0 // 1_000_000))
        assert await home.retention().turn()
        assert [left(engine, owner, "spans") for owner in (whole, some, range_)] == [0, 0, 0]

    story(body)


def test_scores_of_what_is_held_stay_with_their_traces_or_without_any(story: Any, engine: Store) -> None:
    """A session as a whole was judged, a trace long after it began, and one of which nothing else is left."""
    session, user, range_ = project(), project(), project()
    low = (T0 - 55 * DAY_NS) // 1_000_000

    def score(owner: str, name: str, session: str, trace_id: str = "") -> None:
        at = T0 - 45 * DAY_NS
        target: Target = "trace" if trace_id else "session"
        made = Score(
            id=f"{owner}-{name}", target=target, name=name, value=1.0, at_ns=at, version=at, session=session,
            trace_id=trace_id,
        )  # fmt: skip
        rows = Rows()
        add_scores(rows.scores, 0, ScoreBatch(project=owner, scores=(made,)))
        engine.insert("scores", rows.scores.columns, encode(rows.scores.values), f"{owner}:{name.replace(' ', '-')}")

    async def body(home: Home) -> None:
        for owner in (session, user, range_):
            await home.add(owner, {"scores": 30, "spans": 30, "ledger": None})
            score(owner, "of the session", "visit-1")
            score(owner, "of another", "visit-2")
            score(owner, "of a trace", "visit-1", "d" * 32)
        keep(engine, home.blobs, user, [50])
        sql = "ALTER TABLE ledger UPDATE user = 'ann', session = 'visit-1' WHERE project = {p:String}"
        engine.query(f"{sql} SETTINGS mutations_sync = 2", bind({"p": user}), "TSV")
        holds = (
            held(session, "session", "visit-1"), held(user, "user", "ann"),
            held(range_, "project", start=low, end=low + DAY_MS),
        )  # fmt: skip
        for each in holds:
            await home.db.write(lambda conn, each=each: legal_holds.add(conn, each))
        assert await home.retention().turn()

    def names(owner: str) -> set[str]:
        sql = "SELECT DISTINCT name FROM scores WHERE project = {p:String}"
        return set(engine.query(sql, bind({"p": owner}), "TSV").decode().splitlines())

    story(body)
    assert names(session) == {"of the session", "of a trace"}
    assert names(user) == {"of the session"}
    assert names(range_) == {"of the session", "of another", "of a trace"}, "what began then may be judged later"


async def spans_ahead(home: Home, hold: LegalHold) -> int:
    """How many rows of spans a run would remove of a project of which this is held."""
    found = await over_age(Upkeep(home.reader), hold.project_id, {"spans": 30}, T0 // 1_000_000, [hold])
    return next(each.rows for each in found if each.kind == "spans")


def held(owner: str, subject: legal_holds.Subject, value: str = "", **bounds: int) -> LegalHold:
    return LegalHold(
        id=new_id("lhd"), project_id=owner, subject=subject, value=value, start=bounds.get("start"),
        end=bounds.get("end"), reason="Case 7", author="k", author_name="Ann", created=1,
    )  # fmt: skip
