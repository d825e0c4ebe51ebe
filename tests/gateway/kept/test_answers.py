"""What the store of answers does while its database is away."""

import asyncio
from pathlib import Path

import pytest
from kept import MovableClock, store

from patience import PATIENCE_S
from trimtab.core.errors import Unavailable
from trimtab.gateway.kept import cache_store
from trimtab.gateway.kept.answers import Answers
from trimtab.storage.database import Database


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


def test_a_store_that_hangs_keeps_one_call_waiting_and_for_a_while_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        monkeypatch.setattr("trimtab.gateway.kept.answers.LOOK_S", 0.05)
        clock = MovableClock()
        db = Database.open(f"sqlite:///{tmp_path}/beside.sqlite")
        answers = Answers(db, file=None, max_bytes=1 << 20, clock=clock)
        asked, free = 0, asyncio.Event()

        async def hangs(_: object) -> None:
            nonlocal asked
            asked += 1
            await free.wait()

        answers.db.read = hangs  # pyright: ignore[reportAttributeAccessIssue]
        assert [await answers.find(b"k") for _ in range(3)] == [None, None, None]
        assert await answers.meanings_since(b"s", 0) == []
        assert asked == 1
        clock.forward(10)
        free.set()
        monkeypatch.setattr("trimtab.gateway.kept.answers.LOOK_S", PATIENCE_S)
        assert await answers.find(b"k") is None
        assert asked == 2
        await db.close()

    asyncio.run(main())
