"""A gateway with limits before a simulated Anthropic that has batches, and the duty that looks after them."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anthropic
import uvicorn
from harness import KEY, running
from msgspec.structs import replace
from test_looking_after import World
from vendors import a_project, sqlite

from trimtab.core.clock import SystemClock
from trimtab.gateway.money.spending import Spending
from trimtab.gateway.targets import Model, Provider, Timeouts
from trimtab.ledger.leases import Keeper
from trimtab.ledger.limit_plan import ProjectLimits
from trimtab.ledger.limits import Rule
from trimtab.ledger.prices import PriceBook
from trimtab.ledger.reserve import Limiter
from trimtab.ledger.types import PriceOverride
from trimtab.llm.simulated.app import SimulatedProviders
from trimtab.server.hot import HotServer
from trimtab.server.up import listen
from trimtab.storage.database import Database

OWN = PriceOverride(input=1.0, output=2.0)
PATIENT = Timeouts(connect=30, first_token=30, idle=30, total=120)


class Messages(World):
    """``m`` is Sonnet 4.5 at a price of its own, ``haiku`` Haiku 4.5 at the book's."""

    def client(self, key: str = KEY) -> anthropic.AsyncAnthropic:
        return anthropic.AsyncAnthropic(base_url=f"http://127.0.0.1:{self.g.port}", api_key=key, max_retries=0)

    async def batch(
        self, requests: Sequence[dict[str, Any]] = (), *, wishes: str = "", headers: dict[str, str] | None = None
    ) -> str:
        asked: Any = list(requests or [request(number) for number in range(4)])
        if wishes:
            first = asked[0]["params"]
            asked[0] = asked[0] | {"params": first | {"metadata": {"user_id": f"simulated:{wishes}"}}}
        made = await self.client().messages.batches.create(requests=asked, extra_headers=headers)
        return made.id


def request(number: int, model: str = "m", **more: Any) -> dict[str, Any]:
    params = {"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": f"the tide {number}"}]}
    return {"custom_id": f"call-{number}", "params": params | more}


@asynccontextmanager
async def messages(
    tmp_path: Path, *rules: Rule, keys: tuple[str, ...] = ("k",), price: Any = OWN, more: Sequence[Model] = (),
    providers: Sequence[Provider] = (), **parts: Any,
) -> AsyncGenerator[Messages]:  # fmt: skip
    listener, ready, app = listen("127.0.0.1", 0), asyncio.Event(), SimulatedProviders()
    simulated = HotServer(uvicorn.Config(app, lifespan="off", log_config=None), ready.set)
    serving = asyncio.ensure_future(simulated.serve(sockets=[listener]))
    await ready.wait()
    at = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    sim = Provider(
        name="sim", kind="anthropic", dialect="anthropic_messages", base_url=at, api_key=keys[0],
        api_keys=keys if len(keys) > 1 else (), timeouts=PATIENT,
    )  # fmt: skip
    db = Database.open(sqlite(tmp_path))
    await db.write(a_project)
    keeper = Keeper(db, SystemClock())
    spending = Spending(Limiter(keeper), PriceBook(), SystemClock())
    models = [
        Model(name="m", provider="sim", upstream="claude-sonnet-4-5", price=price),
        Model(name="haiku", provider="sim", upstream="claude-haiku-4-5"),
        *more,
    ]
    keeper.start()
    others = [replace(each, base_url=at, timeouts=PATIENT) for each in providers]
    async with running([sim, *others], models, db=db, spending=spending, **parts) as g:
        if rules:
            limits = {"prj_1": ProjectLimits(project_id="prj_1", rules=rules)}
            g.force[0] = replace(g.force[0], limits=limits)
        yield Messages(g, app, db, keeper)
    simulated.should_exit = True
    await serving
    await keeper.close()
    await db.close()
