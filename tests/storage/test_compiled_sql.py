"""What tests share of their catalogs: statements, and never what seals content."""

# pyright: reportPrivateUsage=false
import asyncio
from typing import Any

from sqlalchemy import Connection, Engine, text

from trimtab.storage import content
from trimtab.storage.database import Database


class Ring:
    """Seals nothing: it is known by itself."""

    def seals(self, project: str) -> bool:
        return project == "nobody's"

    def seal(self, project: str, content: bytes) -> bytes:
        return content if project else b""

    def seal_text(self, project: str, text: str) -> str:
        return text if project else ""

    def open_text(self, text: str) -> str:
        return text


def engine(db: Database) -> Engine:
    lane: Any = db._lane
    return lane._engine if isinstance(lane._engine, Engine) else lane._engine.sync_engine


def asked(conn: Connection) -> int:
    return conn.execute(text("SELECT 1")).scalar_one()


def test_the_statements_of_a_closed_catalog_serve_the_next_and_its_seals_do_not(catalog_url: str) -> None:
    ring = Ring()

    async def story() -> None:
        first, second = Database.open(catalog_url, lambda: ring), Database.open(catalog_url)
        assert [await db.read(asked) for db in (first, second)] == [1, 1]
        lent = engine(first).dialect
        assert lent is not engine(second).dialect
        assert content._seals(lent) is ring
        await first.close()
        third = Database.open(catalog_url)
        assert await third.read(asked) == 1
        assert engine(third).dialect is lent
        assert engine(third)._compiled_cache is engine(first)._compiled_cache
        assert isinstance(content._seals(lent), content._NoSeals)
        fourth = Database.open(catalog_url, lambda: ring)
        assert await fourth.read(asked) == 1
        assert engine(fourth).dialect not in (lent, engine(second).dialect)
        assert content._seals(engine(fourth).dialect) is ring
        for db in (second, third, fourth):
            await db.close()

    asyncio.run(story())
