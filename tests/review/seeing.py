"""A catalog with one project, and a store that takes calls and scores at once."""

import asyncio
from typing import Any

from makings import HOUR, T0, attempt, project, record

from trimtab.core.clock import FixedClock
from trimtab.governance import store as governance
from trimtab.governance.audit import Actor
from trimtab.governance.store import ProjectRow
from trimtab.review import items, queues
from trimtab.review.items import Wanted
from trimtab.review.queues import Put
from trimtab.review.types import Item, Queue, QueueSpec
from trimtab.server.duties.calibrating import Calibrating
from trimtab.server.duties.reviewing import Parts, Reviewing
from trimtab.storage.blobs import FolderBlobs
from trimtab.storage.database import Database
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.feedback import FeedbackBook
from trimtab.telemetry.kinds import decode_any
from trimtab.telemetry.reader import TelemetryReader
from trimtab.telemetry.records import CallRecord
from trimtab.telemetry.rows import Rows, encode
from trimtab.telemetry.score_book import ScoreBook
from trimtab.telemetry.scores.types import Score, ScoreBatch, Source, add_scores, id_for
from trimtab.telemetry.stores import Store

ADA = Actor("key_ada", "ada")
SECOND = 1_000_000_000


class World:
    def __init__(self, db: Database, engine: Store, blobs: FolderBlobs, reader: TelemetryReader) -> None:
        self.db, self.engine, self.blobs, self.reader = db, engine, blobs, reader
        self.project, self.inserted = project(), 0
        self.clock = FixedClock(T0 + HOUR)
        self.scores = ScoreBook(reader, self.keep)
        self.calibrating = Calibrating(db, reader, self.clock)

    async def begin(self) -> None:
        row = ProjectRow(id=self.project, slug=self.project, name="", capture_content=True, created=1)
        await self.db.write(lambda conn: governance.add_project(conn, row))

    async def keep(self, body: bytes) -> None:
        batch = decode_any(body)
        assert isinstance(batch, ScoreBatch)
        rows = Rows()
        add_scores(rows.scores, 0, batch)
        self._insert(rows)

    def _insert(self, rows: Rows) -> None:
        self.inserted += 1
        for table in rows.tables():
            if table.owners:
                token = f"{self.project}:{self.inserted}:{table.name}"
                self.engine.insert(table.name, table.columns, encode(table.values), token)

    def call(self, number: int, **fields: Any) -> CallRecord:
        """It ends a second before now, unless told."""
        ended = self.clock.now_ns() - SECOND
        given: dict[str, Any] = {"started_ns": ended - SECOND, "ended_ns": ended, **fields}
        return record(number, project=self.project, attempts=(attempt(number),), **given)

    def arrive(self, *calls: CallRecord) -> None:
        rows, mapper = Rows(), CallMapper(self.blobs)
        for place, each in enumerate(calls):
            mapper.add(rows, place, each)
        self._insert(rows)

    async def say(self, of: CallRecord, name: str, value: float, source: Source, **more: Any) -> None:
        now = self.clock.now_ns()
        made = Score(
            id=id_for(self.project, f"{of.span_id}{name}{source}{more.get('evaluator', '')}{more.get('author', '')}"),
            target="span",
            trace_id=of.trace_id,
            span_id=of.span_id,
            name=name,
            value=value,
            source=source,
            at_ns=now,
            version=now,
            **more,
        )
        await self.scores.write(self.project, [made])

    async def put(self, name: str, spec: QueueSpec) -> Queue:
        now = self.clock.now_ns() // 1_000_000
        wanted = Put(project_id=self.project, name=name, spec=spec, actor=ADA, now=now)
        return (await self.db.write(lambda conn: queues.put(conn, wanted)))[0]

    async def sent(self, queue: str) -> list[Item]:
        """Oldest first."""
        wanted = Wanted(queue=queue)
        found = await self.db.read(lambda conn: items.listed(conn, self.project, wanted, 0, limit=500))
        return found[::-1]

    def feeder(self) -> Reviewing:
        return Reviewing(
            Parts(
                db=self.db,
                reader=self.reader,
                asker=self.reader,
                scores=self.scores,
                feedback=FeedbackBook(self.reader, self.scores.write),
                calibrating=self.calibrating,
                clock=self.clock,
            )
        )


def story_of(engine: Store, blobs: FolderBlobs, socket: Any, url: str, story: Any) -> None:
    """Run an async story of one `World`."""

    async def whole() -> None:
        reader, db = TelemetryReader(socket), Database.open(url)
        try:
            await db.prepare()
            world = World(db, engine, blobs, reader)
            await world.begin()
            await story(world)
        finally:
            await reader.aclose()
            await db.close()

    asyncio.run(whole())
