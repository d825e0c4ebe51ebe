"""Judges held against people whenever people have said more: one process of all does it (`reviewing.py`), and whoever
asks for it now may."""

import asyncio
from typing import Any

from sqlalchemy import Connection

from trimtab.core.clock import Clock
from trimtab.core.ids import uuid7_hex
from trimtab.evaluation import calibrations
from trimtab.evaluation.calibrations import Calibration
from trimtab.governance import store as governance_store
from trimtab.review import calibration, queues
from trimtab.review.calibration import DAY_NS, DAYS
from trimtab.storage.database import Database


class Calibrating:
    """For one event loop. ``asker`` answers statements of the telemetry store."""

    def __init__(self, db: Database, asker: Any, clock: Clock) -> None:
        self._db = db
        self._asker = asker
        self._clock = clock
        self._seen: dict[str, int] = {}

    async def follow(self) -> int:
        """Calibrate anew where people have said more since; how many calibrations. Raises `Unavailable`."""
        made = 0
        since = max(0, self._clock.now_ns() - DAYS * DAY_NS)
        known = {row.id for row in await self._db.read(governance_store.projects)}
        for project, newest in (await calibration.newest_labels(self._asker, since)).items():
            if project in known and newest != self._seen.get(project):
                made += len(await self.calibrate(project))
                self._seen[project] = newest
        return made

    async def calibrate(self, project: str, scorer: str = "") -> list[Calibration]:
        """Every judge that has labels, or that one; only what says something new is kept. Raises `Unavailable`."""
        criteria = await self._db.read(
            lambda conn: calibration.criteria_of(queues.queues(conn, project, archived=True))
        )
        now_ns = self._clock.now_ns()
        found = await calibration.gather(self._asker, project, criteria, now_ns, scorer)
        kept: list[Calibration] = []
        for judge, of in sorted(found.items()):
            if not of.pairs:
                continue
            figures = await asyncio.to_thread(calibration.figures, of, now_ns)
            made = Calibration(
                id=f"cal_{uuid7_hex(now_ns)}",
                project_id=project,
                scorer=judge.scorer[:100],
                scorer_version=judge.version[:80],
                labels=figures.labels,
                figures=figures,
                created=now_ns // 1_000_000,
            )
            kept.append(await self._db.write(lambda conn, made=made: _keep(conn, made)))
        return kept


def _keep(conn: Connection, made: Calibration) -> Calibration:
    """The new one; or the last, where no label is newer and none has gone."""
    last = calibrations.listed(conn, made.project_id, made.scorer, made.scorer_version, limit=1)
    if last and last[0].labels == made.labels and last[0].figures.newest_label == made.figures.newest_label:
        return last[0]
    calibrations.record(conn, made)
    return made
