"""Dividing a dataset anew: every case of its newest version is given the split that shares and seed say, as one new
version; cases that come later and name no split are divided the same way. Shares change only together with all cases,
so that no group is ever in two splits because they changed in between."""

from collections.abc import AsyncIterator, Callable, Mapping

import msgspec
from msgspec import structs
from sqlalchemy import Connection, update

from trimtab.core.ids import new_id
from trimtab.evaluation import dataset_writes, datasets
from trimtab.evaluation.dataset_staging import PIECE, Staging
from trimtab.evaluation.dataset_writes import Writing, Written
from trimtab.evaluation.splits import check_shares, split_for
from trimtab.evaluation.tables import DATASETS
from trimtab.evaluation.types import Case, Dataset
from trimtab.storage.database import Database


async def resplit(
    db: Database, writing: Writing, shares: Mapping[str, float], seed: int, clock: Callable[[], int]
) -> Written:
    """Without shares, no case is in a split afterwards. Raises as `dataset_writes.write` does."""
    check_shares(shares)

    def keep(conn: Connection, found: Dataset) -> None:
        values = {"shares": msgspec.json.encode(dict(shares)).decode(), "seed": seed}
        conn.execute(update(DATASETS).where(*dataset_writes.of_it(found)).values(**values))

    staging = Staging(db, writing, new_id("stage"), clock, keep)
    return await staging.write(_placed(db, writing, shares, seed), "move")


async def _placed(db: Database, writing: Writing, shares: Mapping[str, float], seed: int) -> AsyncIterator[list[Case]]:
    found = await db.read(lambda conn: datasets.get(conn, writing.project_id, writing.dataset))
    if not found.newest:
        return
    of = await db.read(lambda conn: datasets.version(conn, found.project_id, found.name, found.newest))
    after = ""
    while page := await db.read(lambda conn, after=after: datasets.cases(conn, of, after=after, limit=PIECE)):
        after = page[-1].id
        yield [structs.replace(case, split=split_for(case, shares, seed)) for case in page]
