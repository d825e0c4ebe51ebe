"""What is over age leaves the store: a run over every project or over one, table by table, partition by partition.

A partition (a month) with rows that are over age is rewritten by one mutation for all projects together, while inserts
go on; the next begins when it is done. Blobs that no row refers to any more follow where the run is over every project:
a blob is of nobody, and to look through all of them is not one project's to ask for. Removing is idempotent, so a run
that a crash interrupts is simply made again by whoever takes it up, and adds to what was counted.

Nothing that is not over age goes because the machine's clock went ahead: it is believed a day later (`WaryClock`).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from trimtab.core.clock import Clock, WaryClock
from trimtab.core.errors import TrimtabError, Unavailable
from trimtab.core.ids import new_id
from trimtab.governance import legal_holds
from trimtab.governance import retention as store
from trimtab.governance import store as governance
from trimtab.governance.legal_holds import LegalHold
from trimtab.governance.retention import DEFAULTS, KINDS, Kind, Removed, Report, Rules, Run
from trimtab.storage.blobs import FolderBlobs
from trimtab.storage.database import Database
from trimtab.storage.turns import HOLD_MS, Turns, holding
from trimtab.telemetry.removal import held
from trimtab.telemetry.removal.held import Held
from trimtab.telemetry.removal.upkeep import Kept, Upkeep, ids
from trimtab.telemetry.stores import Value

logger = logging.getLogger("trimtab.retention")

EVERY_S: Final = 6 * 3600.0
POLL_S: Final = 60.0
"""Longer than any one mutation should take: a run is held anew after each."""
DAY_MS: Final = 86_400_000
BLOB_REST_S: Final = 86_400.0
"""A blob is left alone for so long after it was put: the row that refers to it may still be on its way."""
PROJECTS_AT_ONCE: Final = 500


class Parts(Struct, frozen=True, kw_only=True):
    """What a `Retention` is made of. ``declared`` gives the config file's rules by the project's slug. ``blobs`` is
    None where they are not in a folder of this machine."""

    db: Database
    upkeep: Upkeep
    blobs: FolderBlobs | None
    declared: Callable[[], dict[str, Rules]]
    clock: Clock
    leads_folder: Callable[[], Awaitable[bool]] | None = None
    """Where several servers share catalog and store: whether this process is the one of its data folder that clears
    its blobs away after a run that another server made, which reaches its own alone."""


def effective(catalog: Rules, declared: Rules) -> Rules:
    """Days by kind, for every kind: the config file's, else the catalog's, else `DEFAULTS`."""
    return {**DEFAULTS, **catalog, **declared}


def cutoffs(policies: Mapping[str, Rules], now_ms: int, kind: Kind) -> dict[int, list[str]]:
    """Projects by the moment (Unix ms) before which what they keep of a kind is over age. Texts go with their spans,
    whatever is said of texts alone."""
    found: dict[int, list[str]] = {}
    for project, rules in policies.items():
        days = rules.get(kind)
        spans = rules.get("spans")
        if kind == "content" and spans is not None:
            days = spans if days is None else min(days, spans)
        if days is not None:
            found.setdefault(now_ms - days * DAY_MS, []).append(project)
    return found


class OverAge(Struct, frozen=True, kw_only=True):
    """What a run would remove of one kind now: ``rows`` that began before ``before`` (Unix ms), in all its tables;
    ``before`` null where the kind is kept for ever."""

    kind: Kind
    before: int | None
    rows: int


async def over_age(
    upkeep: Upkeep, project: str, rules: Rules, now_ms: int, holds: Sequence[LegalHold] = ()
) -> list[OverAge]:
    """Of one project, by rules that need not be in force, without what ``holds`` keep. Raises `Unavailable`."""
    found: list[OverAge] = []
    kept_back = (await held.of(upkeep, {project: holds}))[project]
    for kind in KINDS:
        before = next(iter(cutoffs({project: rules}, now_ms, kind)), None)
        rows = 0
        for kept in await upkeep.kept(kind) if before is not None and not kept_back.whole else []:
            keeps, params = kept_back.keeps(kept, 0)
            where = f"project = {{project:String}} AND {kept.age} < {{before:Int64}} AND NOT ({keeps})"
            # Not below the first moment that the store can count.
            rows += await upkeep.count(
                kept.table, where, {**params, "project": project, "before": max(0, before or 0) * 1_000_000}
            )
        found.append(OverAge(kind=kind, before=before, rows=rows))
    return found


class Retention:
    """Runs beside a worker; of all workers one makes a run at a time. ``step(name)`` is called after each table's
    partition, so that a test may end it right there."""

    def __init__(self, parts: Parts, *, every_s: float = EVERY_S, step: Callable[[str], None] | None = None) -> None:
        self._parts = parts
        self._clock = WaryClock(parts.clock)
        self._every_ms = int(every_s * 1000)
        self._holder = new_id("worker")
        self._turns = Turns(self.turn, "retention", POLL_S, logger)
        self._step = step or _no_step
        self._cleared = ""
        """The last run after which the blobs of this folder were cleared away."""

    def wake(self) -> None:
        """A run was asked for."""
        self._turns.wake()

    async def run(self) -> None:
        """Until cancelled."""
        await self._turns.run()

    def _now(self) -> int:
        return self._clock.now_ns() // 1_000_000

    def _clock_ms(self) -> int:
        """As the others' clocks say, which began at another moment to be wary: a run is held by that."""
        return self._parts.clock.now_ns() // 1_000_000

    async def turn(self) -> bool:
        """Make the run that is due; False where none is."""
        now, clock_ms, db = self._now(), self._clock_ms(), self._parts.db
        run = await db.write(
            lambda conn: store.take(
                conn, self._holder, now, every_ms=self._every_ms, hold_ms=HOLD_MS, clock_ms=clock_ms
            )
        )
        if run is None:
            await self._clear_own_folder()
            return False
        taken = run
        try:
            async with holding(
                lambda: db.write(lambda conn: store.renew(conn, taken, self._clock_ms(), HOLD_MS)),
                lambda: db.write(lambda conn: store.let_go(conn, taken)),
            ):
                run = await self._remove(run)
        except Unavailable:
            raise
        except TrimtabError as error:
            logger.error("the retention run %s failed: %s", run.id, error.sentence())
            await self._save(replace(run, state="failed", problem=error.sentence()))
            return True
        await self._save(replace(run, state="done"))
        report = run.report
        rows = sum(removed.rows for removed in report.removed)
        logger.info("retention removed %d rows and %d blobs (%d bytes)", rows, report.blobs, report.blob_bytes)
        return True

    async def _save(self, run: Run) -> bool:
        now = self._clock_ms()
        return await self._parts.db.write(lambda conn: store.save(conn, run, now, HOLD_MS))

    async def _remove(self, run: Run) -> Run:
        policies = await self.policies()
        only = run.report.only
        if only:
            policies = {project: rules for project, rules in policies.items() if project == only}
        kept_back = await self._held()
        now = min(run.started, self._now())  # who asked for it may have believed a clock that is ahead
        policies = {project: rules for project, rules in policies.items() if not _is_whole(kept_back, project)}
        for kept in await self._parts.upkeep.kept():
            due = cutoffs(policies, now, kept.kind)
            run = await self._remove_from(run, kept, due, kept_back)
        if only:
            return run
        run = await self._remove_blobs(run)
        self._cleared = run.id
        return run

    async def _clear_own_folder(self) -> None:
        """After a run that another server made; not counted in its report."""
        leads, run = self._parts.leads_folder, None
        if leads is not None and await leads():
            run = await self._parts.db.read(store.last_over_all)
        if run is None or run.id == self._cleared:
            return
        report = (await self._remove_blobs(replace(run, report=Report()))).report
        self._cleared = run.id
        if report.blobs:
            logger.info("retention removed %d blobs (%d bytes) of this data folder", report.blobs, report.blob_bytes)

    async def _held(self) -> dict[str, Held]:
        """What legal holds keep back, by project."""
        holds = await self._parts.db.read(legal_holds.every_in_force)
        return await held.of(self._parts.upkeep, holds)

    async def policies(self) -> dict[str, Rules]:
        """What holds for each project, by its id."""
        rows, catalog = await self._parts.db.read(lambda conn: (governance.projects(conn), store.all_rules(conn)))
        declared = self._parts.declared()
        return {row.id: effective(catalog.get(row.id, {}), declared.get(row.slug, {})) for row in rows}

    async def _remove_from(self, run: Run, kept: Kept, due: dict[int, list[str]], kept_back: dict[str, Held]) -> Run:
        upkeep = self._parts.upkeep
        free = {moment: [each for each in projects if each not in kept_back] for moment, projects in due.items()}
        conditions = _conditions(kept, {moment: projects for moment, projects in free.items() if projects})
        for moment, projects in due.items():
            for project in projects:
                if project in kept_back:
                    [(where, params, before)] = _conditions(kept, {moment: [project]})
                    said, more = kept_back[project].keeps(kept, 0)
                    conditions.append((f"({where}) AND NOT ({said})", {**params, **more}, before))
        for where, params, before in conditions:
            for partition, rows in (await upkeep.partitions(kept, where, params)).items():
                await upkeep.delete(kept.table, where, params, partition)
                self._step(f"removed:{kept.table}:{partition}")
                run = replace(run, report=_counted(run.report, kept, rows, before))
                if not await self._save(run):
                    raise Unavailable("Another worker has taken up this run.", code="run_taken")
        return run

    async def _remove_blobs(self, run: Run) -> Run:
        blobs = self._parts.blobs
        if blobs is None:
            return run
        until_s = self._clock.now_ns() / 1e9 - BLOB_REST_S
        for number in range(16):
            first = f"{number:x}"
            old = await asyncio.to_thread(_at_rest, blobs, first, until_s)
            if not old:
                continue
            gone = old.keys() - await self._parts.upkeep.referred(sorted(old))
            gone = {each for each in gone if await asyncio.to_thread(_let_go, blobs, each, until_s)}
            size = sum(old[reference] for reference in gone)
            report = replace(run.report, blobs=run.report.blobs + len(gone), blob_bytes=run.report.blob_bytes + size)
            run = replace(run, report=report)
        return run


def _conditions(kept: Kept, due: dict[int, list[str]]) -> list[tuple[str, dict[str, Value], dict[str, int]]]:
    """What of a table is over age, as conditions with their values, for at most so many projects each; and the moment
    by project."""
    pairs = [(project, before) for before, projects in sorted(due.items()) for project in projects]
    found: list[tuple[str, dict[str, Value], dict[str, int]]] = []
    for at in range(0, len(pairs), PROJECTS_AT_ONCE):
        part = dict(pairs[at : at + PROJECTS_AT_ONCE])
        said: list[str] = []
        params: dict[str, Value] = {}
        for number, before in enumerate(sorted(set(part.values()))):
            params[f"p{number}"] = ids(project for project, moment in part.items() if moment == before)
            params[f"t{number}"] = before * 1_000_000
            projects = f"project IN splitByChar('\\x1E', {{p{number}:String}})"
            said.append(f"({projects} AND {kept.age} < {{t{number}:Int64}})")
        found.append((" OR ".join(said), params, part))
    return found


def _is_whole(kept_back: dict[str, Held], project: str) -> bool:
    return project in kept_back and kept_back[project].whole


def _at_rest(blobs: FolderBlobs, first: str, until_s: float) -> dict[str, int]:
    """Bytes by blob, of those that were put before then."""
    return {each.reference: each.size for each in blobs.listed(first) if each.put_s < until_s}


def _let_go(blobs: FolderBlobs, reference: str, until_s: float) -> bool:
    """Remove a blob that nothing refers to, unless it was put since we looked: its row may be on its way."""
    put_s = blobs.set_aside(reference)
    if put_s is None:
        return False
    if put_s >= until_s:
        blobs.put_back(reference)
        return False
    blobs.forget(reference)
    return True


def _counted(report: Report, kept: Kept, rows: dict[str, int], before: dict[str, int]) -> Report:
    """The report with rows that were removed added to the lines they belong to."""
    lines = {(line.project_id, line.table): line for line in report.removed}
    for project, count in rows.items():
        known = lines.get((project, kept.table))
        lines[project, kept.table] = Removed(
            project_id=project,
            kind=kept.kind,
            table=kept.table,
            before=before[project],
            rows=count + (known.rows if known else 0),
        )
    return replace(report, removed=tuple(lines.values()))


def _no_step(name: str) -> None:
    del name
