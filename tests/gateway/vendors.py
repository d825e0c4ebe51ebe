"""The gateway before simulated providers that speak any one dialect, with a catalog where conversations can be kept."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from harness import PRICE, Running, provider, running
from sqlalchemy import Connection, insert

from catalogs import laid
from trimtab.gateway.targets import Model
from trimtab.governance.store import PROJECTS
from trimtab.llm.simulated.app import SimulatedProviders
from trimtab.server.hot import HotServer
from trimtab.server.up import listen
from trimtab.storage.database import Database

MODELS = {
    "openai_chat": "gpt-4o-mini",
    "openai_responses": "gpt-5",
    "anthropic_messages": "claude-sonnet-4-5",
    "gemini": "gemini-3-flash",
}
UPSTREAMS = tuple(MODELS)
_FAULTS = ("reset", "cut", "half_line", "stream_error")
BREAKS = [(name, _FAULTS[(at + turn) % 4]) for at, name in enumerate(UPSTREAMS) for turn in (0, 1)]
"""Every provider and every way to break, not every pair of them."""


class Vendors(Running):
    """``told`` is what the simulated providers were asked."""

    told: SimulatedProviders


@asynccontextmanager
async def vendors(upstream: str, wishes: str = "", *, url: str = "", **more: Any) -> AsyncGenerator[Vendors]:
    """``url`` is the catalog's; without it no conversation is kept. The model is called ``m``."""
    listener = listen("127.0.0.1", 0)
    ready = asyncio.Event()
    app = SimulatedProviders()
    simulated = HotServer(uvicorn.Config(app, lifespan="off", log_config=None), ready.set)
    serving = asyncio.ensure_future(simulated.serve(sockets=[listener]))
    await ready.wait()
    model = MODELS[upstream] + (f"?{wishes}" if wishes else "")
    there = provider("sim", listener.getsockname()[1], upstream, api_key="k")
    db = Database.open(url) if url else None
    if db is not None:
        await db.write(a_project)
    async with running([there], [Model(name="m", provider="sim", upstream=model, price=PRICE)], db=db, **more) as g:
        found = Vendors(g.port, g.spool, g.client, g.server, g.force)
        found.told = app
        yield found
    simulated.should_exit = True
    await serving
    if db is not None:
        await db.close()


def a_project(conn: Connection) -> None:
    conn.execute(insert(PROJECTS).values(id="prj_1", slug="default", name="d", capture_content=True, created=1))


def sqlite(folder: Path) -> str:
    return laid(folder)
