"""Many cases written piece by piece: each piece a short transaction, all of it one version that nobody sees before the
last one.

The version in the making is noted in the dataset's row with who makes it and until when; other changes are refused
meanwhile. Whoever fails takes back what was written; of a process that died, the next change does (`ready`).
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from typing import Final, TypeVar

from msgspec import structs
from sqlalchemy import Connection, select, update

from trimtab.core.errors import Conflict
from trimtab.evaluation import case_schema, dataset_writes, datasets
from trimtab.evaluation.dataset_writes import Mode, Tally, Writing, Written
from trimtab.evaluation.tables import DATASET_CASES, DATASETS
from trimtab.evaluation.types import Case, Dataset
from trimtab.storage.database import Database

T = TypeVar("T")
PIECE: Final = 500
LEASE_MS: Final = 60_000
D, C = DATASETS.c, DATASET_CASES.c


class Staging:
    """One large change. ``token`` is a new id; ``clock`` gives Unix ms; ``also`` is done in the last transaction."""

    def __init__(
        self,
        db: Database,
        writing: Writing,
        token: str,
        clock: Callable[[], int],
        also: Callable[[Connection, Dataset], None] | None = None,
    ) -> None:
        self._db = db
        self._also = also
        self._writing = writing
        self._token = token
        self._clock = clock

    async def write(self, parts: AsyncIterator[list[Case]], mode: Mode, *, replace: bool = False) -> Written:
        """All of these cases as one new version, each id once; parts of about `PIECE`. ``replace``: what is
        not among them is left out of it.
        Raises as `dataset_writes.write` does; then nothing has changed."""
        dataset_writes.check_message(self._writing.message)
        found = await self._db.write(self._begin)
        tally, seen = Tally(), set[str]()
        try:
            async for piece in parts:
                seen.update(case.id for case in piece)
                await self._db.write(lambda conn, piece=piece: self._stage(conn, piece, mode, tally))
            if replace:
                now_there = await self._db.read(lambda conn: _ids(conn, found))
                for gone in pieces(sorted(now_there - seen)):
                    await self._db.write(lambda conn, gone=gone: self._leave_out(conn, gone, tally))
            return await self._db.write(lambda conn: self._end(conn, tally))
        except BaseException:
            await self._abandon()
            raise

    def _begin(self, conn: Connection) -> Dataset:
        found = dataset_writes.ready(conn, self._now())
        if self._writing.expected is not None and self._writing.expected != found.revision:
            raise datasets.changed(found, self._writing.expected)
        held = {"staged": found.newest + 1, "staged_by": self._token, "staged_until": self._clock() + LEASE_MS}
        conn.execute(update(DATASETS).where(*dataset_writes.of_it(found)).values(**held))
        return found

    def _now(self) -> Writing:
        return structs.replace(self._writing, now=self._clock())

    def _held(self, conn: Connection) -> Dataset:
        """The dataset, if it is still ours to write; and for a while longer."""
        found = datasets.get(conn, self._writing.project_id, self._writing.dataset, lock=True)
        of_it = dataset_writes.of_it(found)
        if conn.execute(select(D.staged_by).where(*of_it)).scalar_one() != self._token:
            raise Conflict(
                f"The import into {found.name!r} took too long between two pieces, and another change came.",
                fix="Import it again.",
                code="dataset_changed",
            )
        conn.execute(update(DATASETS).where(*of_it).values(staged_until=self._clock() + LEASE_MS))
        return found

    def _stage(self, conn: Connection, piece: Sequence[Case], mode: Mode, tally: Tally) -> None:
        found = self._held(conn)
        look = case_schema.checker(found.schema)
        dataset_writes.apply(conn, found, found.newest + 1, piece, mode, tally, look)

    def _leave_out(self, conn: Connection, ids: Sequence[str], tally: Tally) -> None:
        found = self._held(conn)
        dataset_writes.take_out(conn, found, found.newest + 1, ids, tally)

    def _end(self, conn: Connection, tally: Tally) -> Written:
        found = self._held(conn)
        if self._also is not None:
            self._also(conn, found)
        if not tally.nothing:
            return dataset_writes.publish(conn, self._now(), found, tally)
        self._free(conn, found)
        newest = datasets.version(conn, found.project_id, found.name, found.newest) if found.newest else None
        return Written(version=newest, created=False, unchanged=tally.unchanged)

    async def _abandon(self) -> None:
        """Take back what is ours; nothing where somebody else did already."""
        while await self._db.write(self._clear):
            pass

    def _clear(self, conn: Connection) -> bool:
        found = datasets.get(conn, self._writing.project_id, self._writing.dataset, lock=True)
        of_it = dataset_writes.of_it(found)
        if conn.execute(select(D.staged_by).where(*of_it)).scalar_one() != self._token:
            return False
        if dataset_writes.clear_some(conn, found):
            return True
        self._free(conn, found)
        return False

    def _free(self, conn: Connection, found: Dataset) -> None:
        of_it = dataset_writes.of_it(found)
        conn.execute(update(DATASETS).where(*of_it).values(staged=None, staged_by="", staged_until=0))


def _ids(conn: Connection, found: Dataset) -> set[str]:
    of_it = (C.project_id == found.project_id, C.dataset == found.name)
    return set(conn.execute(select(C.case_id).where(*of_it, datasets.in_force(found.newest))).scalars())


def pieces(items: Iterable[T]) -> Iterator[list[T]]:
    """`PIECE` at a time."""
    piece: list[T] = []
    for item in items:
        piece.append(item)
        if len(piece) == PIECE:
            yield piece
            piece = []
    if piece:
        yield piece
