"""An erasure where several servers share a catalog and a store: each folder's server does its part, whoever has the
erasure in hand waits for those that are heard of, and the receipt names those that were not."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec.structs import replace
from sqlalchemy import text

from trimtab.core.clock import FixedClock
from trimtab.core.ids import new_id
from trimtab.gateway import erasure, erasure_folders
from trimtab.gateway.erasure import Parts as EraserParts
from trimtab.gateway.erasure_folders import FolderDuty, Folders, Parts
from trimtab.governance import erasures as store
from trimtab.governance import store as governance
from trimtab.governance.erasures import Erasure, FolderStep, InFolder, digest_of
from trimtab.governance.store import ProjectRow
from trimtab.storage import folders
from trimtab.storage.blobs import FolderBlobs
from trimtab.storage.database import Database
from trimtab.telemetry.removal.upkeep import Upkeep

pytestmark = pytest.mark.postgres


class NoRows(Upkeep):
    """A store in which nothing refers to anything."""

    def __init__(self) -> None:
        self.remakes = None

    async def referred(self, references: Any) -> set[str]:
        return set()

    async def values(self, line: Any, sql: str, params: Any) -> list[Any]:
        return []


class Place:
    """A catalog with an erasure under way, and data folders with a server each."""

    def __init__(self, db: Database, folder: Path) -> None:
        self.db = db
        self.folder = folder
        self.project = new_id("proj")
        self.job = Erasure(id="", project_id="", subject="user", value="", digest="", asked_by="key_1", asked=1)

    async def begin(self) -> None:
        row = ProjectRow(id=self.project, slug=self.project[-20:], name="", capture_content=True, created=1)
        await self.db.write(lambda conn: governance.add_project(conn, row))
        made = new_id("era")
        asked = Erasure(
            id=made, project_id=self.project, subject="user", value="alice", asked_by="key_1", asked=1,
            digest=digest_of(made, self.project, "user", "alice"),
        )  # fmt: skip
        self.job = await self.db.write(lambda conn: store.start(conn, asked))

    def blobs(self, name: str) -> FolderBlobs:
        return FolderBlobs(self.folder / name / "blobs")

    def duty(self, name: str, pauses: list[float] | None = None) -> FolderDuty:
        async def leads() -> bool:
            return True

        async def pause(seconds: float) -> None:
            if pauses is not None:
                pauses.append(seconds)

        spool = self.folder / name / "spool"
        spool.mkdir(parents=True, exist_ok=True)
        return FolderDuty(
            Parts(
                db=self.db, folder=name, lead=leads, upkeep=NoRows(), blobs=self.blobs(name), spool=spool,
                end_segment=lambda: None, clock=FixedClock(1_790_000_000_000_000_000), pause=pause,
            )
        )  # fmt: skip

    async def came_to(self, step: str, *blobs: str) -> None:
        """Whoever has the erasure in hand writes down how far it is."""
        report = store.Report(step=step, blobs=blobs)

        def write(conn: Any) -> None:
            taken = store.take(conn, "holder", 1 << 60, 1)
            assert taken is not None
            assert store.save(conn, replace(taken, report=report), 1, 0)

        await self.db.write(write)

    async def step_in(self, name: str) -> FolderStep:
        return (await self.db.read(lambda conn: store.in_folders(conn, self.job.id)))[name].step

    async def silence(self, name: str, ms: int) -> None:
        def write(conn: Any) -> None:
            conn.execute(text("UPDATE folders SET seen = seen - :ms WHERE id = :id"), {"ms": ms, "id": name})

        await self.db.write(write)


@pytest.fixture
def story(tmp_path: Path, postgres: Any) -> Callable[..., Any]:
    def run(told: Callable[[Place], Coroutine[Any, Any, None]]) -> None:
        url = postgres.ready()

        async def whole() -> None:
            place = Place(Database.open(url), tmp_path)
            try:
                await place.begin()
                await told(place)
            finally:
                await place.db.close()

        asyncio.run(whole())

    return run


def test_each_folder_does_its_part_and_is_waited_for_step_by_step(story: Any) -> None:
    async def told(place: Place) -> None:
        one, two, all_of_them = place.duty("one"), place.duty("two"), Folders(place.db, "one")
        blobs = [place.blobs(name).put(b"what alice said") for name in ("one", "two")]
        for duty in (one, two):
            assert await duty.turn()
        assert await all_of_them.late(place.job, "spooled") == ""
        await place.came_to("followed")
        await one.turn()
        assert "1 data folders" in await all_of_them.late(place.job, "letters")
        await two.turn()
        assert await all_of_them.late(place.job, "letters") == ""
        await place.came_to("rows", *blobs[:1])
        for duty in (one, two):
            await duty.turn()
        assert place.blobs("two").get(blobs[0]) == b"what alice said"  # a row may still come that refers to it
        assert await all_of_them.late(place.job, "aside") == ""
        await place.came_to("aside", *blobs[:1])
        for duty in (one, two):
            await duty.turn()
        assert [place.blobs(name).get(blobs[0]) for name in ("one", "two")] == [None, None]
        assert await all_of_them.rows(place.job) == {"dead_letters": 0, "blobs": 2}
        assert (await all_of_them.checks(place.job))["data folders"] == "2 of 2"

    story(told)


def test_a_folder_that_is_silent_is_waited_for_a_quarter_of_an_hour_and_then_named(story: Any) -> None:
    async def told(place: Place) -> None:
        await place.db.write(lambda conn: folders.tell(conn, "gone"))
        all_of_them = Folders(place.db, "one")
        one = place.duty("one")
        await one.turn()
        await place.silence("gone", 840_000)
        assert "gone (heard of 8" in await all_of_them.late(place.job, "spooled")
        await place.silence("gone", 60_000)
        assert await all_of_them.late(place.job, "spooled") == ""
        for step in ("copies", "rows", "aside"):
            await place.came_to(step)
            await one.turn()
        told = (await all_of_them.checks(place.job))["data folders"]
        assert told.startswith("1 of 2; not heard of: gone (15 minutes)")

    story(told)


def test_who_comes_when_rows_are_gone_already_is_not_waited_for_and_named(story: Any) -> None:
    async def told(place: Place) -> None:
        one, late, all_of_them = place.duty("one"), place.duty("late"), Folders(place.db, "one")
        await one.turn()
        await place.came_to("copies")
        await one.turn()
        await place.came_to("rows")
        await one.turn()
        await late.turn()
        assert await place.step_in("late") == "spooled"
        assert await all_of_them.late(place.job, "aside") == ""
        taken_up = replace(place.job, report=store.Report(step="rows"))
        assert await all_of_them.late(taken_up, "letters") == "", "by whoever takes the erasure up in its middle"
        await place.came_to("aside")
        for duty in (one, late):
            await duty.turn()
        assert (await all_of_them.checks(place.job))["data folders"].startswith("1 of 2; not heard of: late")

    story(told)


def test_a_folder_looks_the_more_seldom_the_longer_nothing_is_to_be_done(story: Any) -> None:
    async def told(place: Place) -> None:
        pauses: list[float] = []
        one = place.duty("one", pauses)
        for _ in range(12):
            await one.turn()
        assert pauses[0] == erasure_folders.BETWEEN_S
        assert pauses[1:] == sorted(pauses[1:])
        assert pauses[-1] == erasure_folders.LONGEST_S
        await place.came_to("followed")
        await one.turn()
        assert pauses[-1] == erasure_folders.BETWEEN_S

    story(told)


def test_an_erasure_of_a_time_that_was_set_back_since_keeps_nobody_waiting(story: Any) -> None:
    now = 1_790_000_000_000

    async def told(place: Place) -> None:
        def write(conn: Any) -> None:
            assert store.take(conn, "dead", now + 86_400_000, 60_000) is not None
            assert store.waits(conn, now)
            assert store.take(conn, "w", now, 60_000) is not None
            assert not store.waits(conn, now - 1)
            assert store.take(conn, "v", now - 1, 60_000) is None, "who looked a moment earlier"

        await place.db.write(write)

    story(told)


def test_what_the_version_before_had_begun_goes_on_in_each_folder(story: Any) -> None:
    """It waited for the spool of its own folder when the server was upgraded."""

    async def told(place: Place) -> None:
        await place.duty("one").turn()
        await place.came_to("marked")
        job = await place.db.write(lambda conn: store.take(conn, "w", 1 << 60, 1))
        assert job is not None
        parts = EraserParts(
            db=place.db, answers=cast("Any", None), upkeep=NoRows(), blobs=None, spool=place.folder / "one" / "spool",
            end_segment=lambda: None, clock=FixedClock(), folders=Folders(place.db, "one"),
        )  # fmt: skip
        work = erasure._Work(parts, job, lambda: 1 << 60, lambda name: None)  # pyright: ignore[reportPrivateUsage]
        await work._wait_for_spool()  # pyright: ignore[reportPrivateUsage]
        assert work.job.report.step == "spooled"

    story(told)


def test_what_has_failed_and_is_asked_for_again_begins_anew_in_each_folder(story: Any) -> None:
    async def told(place: Place) -> None:
        def write(conn: Any) -> None:
            store.save_in_folder(conn, place.job.id, "one", InFolder(step="aside", dead_letters=3))
            taken = store.take(conn, "holder", 1 << 60, 1)
            assert taken is not None
            failed = replace(taken, state="failed", report=store.Report(step="aside"))
            assert store.save(conn, failed, 1, 0)
            again = store.start(conn, replace(place.job, id=new_id("era")))
            assert (again.id, again.report.step) == (place.job.id, "copies")

        await place.db.write(write)
        one, all_of_them = place.duty("one"), Folders(place.db, "one")
        await one.turn()
        assert await place.step_in("one") == "letters"
        assert await all_of_them.rows(place.job) == {"dead_letters": 3, "blobs": 0}

    story(told)
