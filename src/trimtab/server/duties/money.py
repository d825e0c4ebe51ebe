"""The books' work beside calls, put together: re-pricing, and what dead workers left."""

from collections.abc import Callable
from pathlib import Path

from trimtab.core.clock import Clock
from trimtab.gateway.kept.conversation_store import book
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

        async def books(project_id: str, response_id: str, request_id: str) -> bool:
            return await db.write(lambda conn: book(conn, project_id, response_id, request_id))

        self.recovery = Recovery(
            RecoveryParts(
                folder=inflight, store=reader, spool=spool, prices=prices, snapshot=snapshot, clock=clock, books=books
            )
        )


def todays(prices: PriceBook, snapshot: Callable[[], Snapshot]) -> Callable[[str], Today]:
    """What prices of a project are made of now."""

    def today(project: str) -> Today:
        now = snapshot()
        targets = now.targets.get(project, ProjectTargets())
        return Today(prices=prices, targets=targets, dated=list(now.dated.get(project, ())))

    return today
