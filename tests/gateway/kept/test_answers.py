"""What the store of answers does while its database is away."""

import asyncio
from pathlib import Path

import pytest
from kept import store

from trimtab.core.errors import Unavailable
from trimtab.gateway.kept import cache_store


def test_counts_wait_for_a_store_that_is_away_and_add_up_when_it_is_back(tmp_path: Path) -> None:
    async def main() -> None:
        async with store(tmp_path) as answers:
            working = answers.db.write

            async def away(_: object) -> None:
                raise Unavailable("The database is away.")

            answers.db.write = away  # pyright: ignore[reportAttributeAccessIssue]
            answers.tally("p", "fast").exact += 2
            with pytest.raises(Unavailable):
                await answers.flush()
            answers.tally("p", "fast").exact += 3
            with pytest.raises(Unavailable):
                await answers.flush()
            answers.db.write = working
            await answers.flush()
            [tally] = await answers.db.read(lambda conn: cache_store.tallies(conn, "p", 0))
            assert tally.exact == 5
            await answers.flush()
            assert await answers.db.read(lambda conn: cache_store.tallies(conn, "p", 0)) == [tally]

    asyncio.run(main())
