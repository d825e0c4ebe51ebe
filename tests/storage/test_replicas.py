"""Who serves from a catalog, and who lags behind a change; on a real PostgreSQL."""

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import text

from trimtab.storage import replicas
from trimtab.storage.database import Database


@pytest.mark.postgres
def test_only_those_that_are_there_and_lag_are_behind(postgres: Callable[[], str]) -> None:
    url = postgres()

    async def main() -> None:
        db = Database.open(url)
        for name, revision in (("a", 5), ("b", 4), ("c", 3), ("b", 5)):
            await db.write(lambda conn, n=name, r=revision: replicas.tell(conn, n, r))
        assert await db.read(lambda conn: replicas.behind(conn, "a", 5)) == 1
        assert await db.read(lambda conn: replicas.behind(conn, "c", 5)) == 0, "nobody waits for itself"
        old = text("UPDATE replicas SET seen = seen - 20000 WHERE id = 'c'")
        await db.write(lambda conn: conn.execute(old).rowcount)
        assert await db.read(lambda conn: replicas.behind(conn, "a", 5)) == 0, "who is not heard of counts as dead"
        older = text("UPDATE replicas SET seen = seen - 4000000 WHERE id = 'c'")
        await db.write(lambda conn: conn.execute(older).rowcount)
        await db.write(lambda conn: replicas.leave(conn, "a"))
        left = await db.read(lambda conn: conn.execute(text("SELECT id FROM replicas")).scalars().all())
        assert left == ["b"]
        await db.close()

    asyncio.run(main())
