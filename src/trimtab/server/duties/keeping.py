"""What a worker does for how long data is kept: retention runs and erasures, put together."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from msgspec import Struct
from sqlalchemy import Connection, func, select

from trimtab.core.clock import Clock
from trimtab.evaluation import erasing as evaluated
from trimtab.evaluation import erasing_kept
from trimtab.evaluation.cache import document_mark
from trimtab.gateway.erasure import Eraser
from trimtab.gateway.erasure import Parts as EraserParts
from trimtab.gateway.erasure_folders import FolderDuty, Folders
from trimtab.gateway.erasure_folders import Parts as FolderParts
from trimtab.gateway.erasure_made import Led, OfCases
from trimtab.gateway.kept.answers import Answers
from trimtab.gateway.money import batch_store
from trimtab.governance import content_reads
from trimtab.governance.audit import AUDIT
from trimtab.governance.retention import Rules
from trimtab.governance.sealing import Keyring
from trimtab.guard import points
from trimtab.retrieval import erasing as known
from trimtab.review import erasing as reviewed
from trimtab.server.backup_notes import note_erasure
from trimtab.server.duties.erasing_seeds import Seeds
from trimtab.server.leading import Leadership
from trimtab.storage.blobs import FolderBlobs
from trimtab.storage.database import Database
from trimtab.telemetry.forward.arrivals import node_id
from trimtab.telemetry.forward.store import FORWARDS
from trimtab.telemetry.removal.retention import Parts as RetentionParts
from trimtab.telemetry.removal.retention import Retention
from trimtab.telemetry.removal.upkeep import Asker, Upkeep
from trimtab.telemetry.spool.spool import Spool
from trimtab.telemetry.stores.clickhouse import Address

BLOBS = "blobs"
"""In the data folder."""
SKEW_MS: Final = 600_000
"""How far clocks of machines may differ."""


class Places(Struct, frozen=True, kw_only=True):
    """``telemetry_url`` is the setting, empty for the folder's own store. ``opened`` opens a sealed record of the
    spool."""

    folder: Path
    telemetry_url: str
    opened: Callable[[bytes], bytes] = bytes
    keys: Callable[[], Keyring] = Keyring


class Keeping:
    """One worker's; of all workers one at a time does a piece of it. ``declared`` gives the config file's rules by the
    project's slug."""

    def __init__(
        self, db: Database, answers: Answers, reader: Asker, spool: Spool, declared: Callable[[], dict[str, Rules]],
        clock: Clock, places: Places,
    ) -> None:  # fmt: skip
        upkeep = Upkeep(reader, cluster_of(places.telemetry_url), shared=is_shared(places.telemetry_url))
        blobs = FolderBlobs(places.folder / BLOBS)
        words = Seeds(db, upkeep, blobs, places.keys)
        shared = is_shared(places.telemetry_url) and db.dialect == "postgresql"
        own = node_id(places.folder) if shared else ""
        self._leads = Leadership(db, clock, f"erasures in {own}")
        self.folder = (
            FolderDuty(
                FolderParts(
                    db=db,
                    folder=own,
                    lead=self._leads.held,
                    upkeep=upkeep,
                    blobs=blobs,
                    spool=spool.directory,
                    end_segment=spool.retire,
                    clock=clock,
                    opened=places.opened,
                    backups=lambda done: note_erasure(places.folder, done),
                )
            )
            if shared
            else None
        )
        self.retention = Retention(
            RetentionParts(
                db=db, upkeep=upkeep, blobs=blobs, declared=declared, clock=clock,
                leads_folder=self._leads.held if shared else None,
            )
        )  # fmt: skip
        self.eraser = Eraser(
            EraserParts(
                db=db,
                answers=answers,
                upkeep=upkeep,
                blobs=blobs,
                spool=spool.directory,
                end_segment=spool.retire,
                clock=clock,
                beyond=lambda project, traces: _forget(db, project, traces, clock.now_ns() // 1_000_000),
                led=_led,
                adopt=words.adopt,
                of_user=lambda project, user: forget_user(
                    db, project, user, places.keys(), clock.now_ns() // 1_000_000
                ),
                elsewhere=elsewhere,
                opened=places.opened,
                folders=Folders(db, own) if shared else None,
                backups=lambda done: note_erasure(places.folder, done),
            )
        )

    def jobs(self) -> tuple[Retention | Eraser | FolderDuty, ...]:
        """What runs beside the worker."""
        return (self.retention, self.eraser, *((self.folder,) if self.folder is not None else ()))

    def wake_eraser(self) -> None:
        """An erasure was asked for here."""
        self.eraser.wake()
        if self.folder is not None:
            self.folder.wake()

    async def aclose(self) -> None:
        """Another worker on this data folder may go on with its part."""
        if self.folder is not None:
            await self._leads.leave()


async def _forget(db: Database, project_id: str, traces: set[str], now: int) -> dict[str, int]:
    """What review and evaluation keep of those traces, and what guards were checked with of that."""
    read = await erasing_kept.untold(db, project_id, traces=traces)
    if await db.read(lambda conn: evaluated.found(conn, project_id, traces)):
        read = await erasing_kept.clear(db, project_id, read)

    def write(conn: Connection) -> dict[str, int]:
        hits = evaluated.found(conn, project_id, traces)
        marks = points.forget(
            conn, project_id, lambda mark: any(points.is_of_cases(mark, hit.dataset, hit.cases) for hit in hits)
        )
        found = reviewed.forget(conn, project_id, traces) | evaluated.forget(conn, project_id, traces, now, read)
        return found | {"guard_points": marks}

    return await db.write(write)


async def forget_user(db: Database, project_id: str, user: str, ring: Keyring, now: int) -> dict[str, int]:
    """The documents that tell of somebody, what was answered with them, and what batches are booked under."""

    def marks(conn: Connection) -> list[str]:
        about = known.about(conn, project_id, user)
        return [document_mark(corpus, document) for corpus, names in about.items() for document in names]

    texts = await db.read(lambda conn: known.said(conn, project_id, user, ring))
    read = await erasing_kept.ahead_of_documents(db, project_id, await db.read(marks), texts)

    def write(conn: Connection) -> dict[str, int]:
        of = marks(conn)
        erased = known.forget(conn, project_id, user, now)
        erased["batches"] = batch_store.forget_user(conn, project_id, user, ring)
        return erased | evaluated.forget_passages(conn, project_id, of, read)

    return await db.write(write)


async def forget_late(db: Database, project_id: str, since: int) -> None:
    """What an experiment that has run since then wrote down of documents that were erased meanwhile: calls that had
    their passages were under way, and their answers being judged."""

    def late(conn: Connection) -> list[str]:
        marks = [document_mark(*each) for each in known.since(conn, project_id, since - SKEW_MS)]
        return marks if evaluated.is_left(conn, project_id, marks) else []

    marks = await db.read(late)
    if not marks:
        return
    read = await erasing_kept.ahead_of_documents(db, project_id, marks, [])
    await db.write(lambda conn: evaluated.forget_passages(conn, project_id, marks, read))


def elsewhere(conn: Connection, project_id: str) -> str:
    """Where copies of a project's content have gone that nobody here can take back."""
    names = conn.execute(select(FORWARDS.c.name).where(FORWARDS.c.project_id == project_id).order_by(FORWARDS.c.name))
    forwards = list(names.scalars())
    log = AUDIT.c
    exports = select(func.count()).where(
        log.project_id == project_id, log.action == content_reads.READ, log.subject.startswith("export:")
    )
    noted = conn.execute(exports).scalar_one()
    said = [f"forwarded to {', '.join(forwards)}"] if forwards else []
    said += [f"{noted} exports stand in the audit log"] if noted else []
    return "; ".join(said) or "none is known"


def _led(conn: Connection, project_id: str, traces: set[str]) -> Led:
    hits = evaluated.found(conn, project_id, traces)
    return Led(
        traces=frozenset(evaluated.led(conn, project_id, hits)),
        cases=tuple(OfCases(hit.experiments, hit.cases) for hit in hits),
    )


def is_shared(telemetry_url: str) -> bool:
    """Whether other servers may write to the telemetry store that the setting names."""
    return telemetry_url.startswith(("http://", "https://"))


def cluster_of(telemetry_url: str) -> str:
    """The ClickHouse cluster that the setting names; empty for one node."""
    return Address(telemetry_url).cluster if is_shared(telemetry_url) else ""
