"""The books' work beside calls, put together: re-pricing, and what dead workers left."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from trimtab.core.clock import Clock
from trimtab.gateway.kept.conversation_store import book
from trimtab.gateway.money import batch_store
from trimtab.gateway.money.batches import CLAIM
from trimtab.gateway.money.repricing import Parts as RepricingParts
from trimtab.gateway.money.repricing import Repricer, Today
from trimtab.gateway.recovery import Parts as RecoveryParts
from trimtab.gateway.recovery import Recovery
from trimtab.gateway.snapshot import Snapshot
from trimtab.gateway.targets import ProjectTargets
from trimtab.ledger.prices import PriceBook
from trimtab.storage.database import Database
from trimtab.telemetry.costs.ledger_pages import LedgerPages
from trimtab.telemetry.reader import TelemetryReader
from trimtab.telemetry.spool.spool import Spool


class Bookkeeping:
    """What one worker does for the books when no call asks for it."""

    def __init__(
        self, db: Database, reader: TelemetryReader, spool: Spool, prices: PriceBook, snapshot: Callable[[], Snapshot],
        clock: Clock, *, inflight: Path,
    ) -> None:  # fmt: skip
        self.repricer = Repricer(
            RepricingParts(db=db, pages=LedgerPages(reader), today=todays(prices, snapshot), clock=clock)
        )
        self.recovery = Recovery(
            RecoveryParts(
                folder=inflight, store=reader, spool=spool, prices=prices, snapshot=snapshot, clock=clock,
                books=partial(is_to_book, db, clock),
            )
        )  # fmt: skip


async def is_to_book(db: Database, clock: Clock, project_id: str, claimed: str, request_id: str) -> bool:
    """Whether a dead request's note of what it claimed is to become its record: of a response, unless another has
    booked it; of a batch, if it had claimed it, for the batch's row says only then what it came to."""
    if claimed.startswith(CLAIM):
        mark, now = claimed.removeprefix(CLAIM), clock.now_ns() // 1_000_000
        return await db.write(lambda conn: batch_store.is_claimed_by(conn, mark, request_id, now))
    return await db.write(lambda conn: book(conn, project_id, claimed, request_id))


def todays(prices: PriceBook, snapshot: Callable[[], Snapshot]) -> Callable[[str], Today]:
    """What prices of a project are made of now."""

    def today(project: str) -> Today:
        now = snapshot()
        targets = now.targets.get(project, ProjectTargets())
        return Today(prices=prices, targets=targets, dated=list(now.dated.get(project, ())))

    return today
