"""A gateway whose calls are under limits, with the keeper of its leases."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from harness import PRICE, Running, running
from msgspec.structs import replace

from catalogs import laid
from trimtab.core.clock import SystemClock
from trimtab.gateway.money.spending import Spending
from trimtab.gateway.targets import Model, Provider
from trimtab.ledger.leases import Keeper
from trimtab.ledger.limit_plan import ProjectLimits
from trimtab.ledger.limits import Rule
from trimtab.ledger.prices import PriceBook
from trimtab.ledger.reserve import Limiter
from trimtab.storage.database import Database

FAST = Model(name="fast", provider="lab", upstream="up-1", price=PRICE)


@asynccontextmanager
async def limited(
    rules: list[Rule], providers: list[Provider], tmp_path: Path, models: list[Model] | None = None
) -> AsyncGenerator[tuple[Running, Keeper]]:
    db = Database.open(laid(tmp_path))
    await db.prepare()
    keeper = Keeper(db, SystemClock())
    keeper.start()
    spending = Spending(Limiter(keeper), PriceBook(), SystemClock())
    async with running(providers, models or [FAST], spending=spending) as g:
        limits = {"prj_1": ProjectLimits(project_id="prj_1", rules=tuple(rules))}
        g.force[0] = replace(g.force[0], limits=limits)
        yield g, keeper
    await keeper.close()
    await db.close()


def left_over(keeper: Keeper) -> tuple[int, int]:
    """Calls that still hold something, and what was spent, over every count."""
    helds = list(keeper._helds.values())  # pyright: ignore[reportPrivateUsage]
    return sum(held.open for held in helds), sum(held.spent for held in helds)
