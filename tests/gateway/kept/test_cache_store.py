"""The store of answers on both databases: the same rules in SQLite's file and in PostgreSQL's tables."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from trimtab.core.clock import FixedClock
from trimtab.gateway.kept import cache_store
from trimtab.gateway.kept.answers import Answers, beside
from trimtab.gateway.kept.cache_store import About, Meaning, NewClaim, Stored, Tally
from trimtab.llm.types import Usage
from trimtab.storage.database import Database

Story = Callable[[Answers, FixedClock], Awaitable[None]]


@pytest.fixture(params=["file", pytest.param("postgres", marks=pytest.mark.postgres)])
def tell(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Story], None]:
    url: str | None = None if request.param == "file" else request.getfixturevalue("postgres")()

    async def run(story: Story) -> None:
        clock = FixedClock()
        if url is None:
            answers = beside(tmp_path, max_bytes=1000, clock=clock)
        else:
            answers = Answers(Database.open(url), file=None, max_bytes=1000, clock=clock)
        try:
            await story(answers, clock)
        finally:
            await answers.close()

    return lambda story: asyncio.run(run(story))


def key(number: int) -> bytes:
    return number.to_bytes(24, "big")


def stored(answers: Answers, number: int, *, name: str = "fast", seconds: int = 60, size: int = 100) -> Stored:
    now = answers.now_ms()
    about = About(stream=True, usage=Usage(input=1, output=2), cost=7, request_id=f"req_{number}")
    return Stored(
        key=key(number), project_id="p", name=name, stored=now, expires=now + seconds * 1000, about=about,
        body=bytes([number]) * size,
    )  # fmt: skip


def meaning(number: int, space: bytes = b"s" * 24) -> Meaning:
    return Meaning(
        space=space, key=key(number), project_id="p", name="fast", expires=1 << 60, question=f"q{number}",
        vector=b"\0" * 1536,
    )  # fmt: skip


def test_what_is_kept_is_found_until_it_expires(tell: Callable[[Story], None]) -> None:
    async def story(answers: Answers, clock: FixedClock) -> None:
        one = stored(answers, 1)
        answers.keep(one)
        assert await answers.find(key(1)) == one, "this worker finds it before it is written"
        await answers.flush()
        assert await answers.find(key(1)) == one
        assert await answers.find(key(2)) is None
        newer = stored(answers, 1, size=50)
        answers.keep(newer)
        await answers.flush()
        assert await answers.find(key(1)) == newer
        clock.advance(61)
        assert await answers.find(key(1)) is None
        await answers.clean()
        assert await answers.db.read(lambda conn: cache_store.holdings(conn, "p", 0)) == []

    tell(story)


def test_meanings_are_told_once_in_order_and_go_with_a_purge(tell: Callable[[Story], None]) -> None:
    async def story(answers: Answers, _: FixedClock) -> None:
        for number in (1, 2, 3):
            answers.keep(stored(answers, number, name="slow" if number == 3 else "fast"), meaning(number))
            await answers.flush()
        found = await answers.meanings_since(b"s" * 24, 0)
        assert [m.question for m in found] == ["q1", "q2", "q3"]
        assert await answers.meanings_since(b"s" * 24, found[1].seq) == found[2:]
        assert await answers.meanings_since(b"t" * 24, 0) == []
        assert await answers.purge("other", None) == 0
        assert await answers.purge("p", "slow") == 1
        assert await answers.purge("p", None) == 2
        assert await answers.meanings_since(b"s" * 24, found[-1].seq - 1) == []
        answers.keep(stored(answers, 4), meaning(4))
        await answers.flush()
        assert [m.question for m in await answers.meanings_since(b"s" * 24, found[-1].seq)] == ["q4"]

    tell(story)


def test_the_least_lately_used_go_until_a_tenth_is_free(tell: Callable[[Story], None]) -> None:
    async def story(answers: Answers, clock: FixedClock) -> None:
        for number in range(1, 13):
            clock.advance(1)
            answers.keep(stored(answers, number), meaning(number))
        await answers.flush()
        clock.advance(1)
        answers.note_use(key(1))
        await answers.flush()
        await answers.clean()
        left = [number for number in range(1, 13) if await answers.find(key(number))]
        assert left == [1, *range(5, 13)]
        await answers.clean()
        assert await answers.find(key(5)) is not None

    tell(story)


def test_workers_that_make_room_at_once_free_no_more_than_one_would(tell: Callable[[Story], None]) -> None:
    async def story(answers: Answers, _: FixedClock) -> None:
        for number in range(1, 13):
            answers.keep(stored(answers, number))
        await answers.flush()
        await asyncio.gather(*[answers.clean() for _ in range(4)])
        assert len([number for number in range(1, 13) if await answers.find(key(number))]) == 9

    tell(story)


def test_counts_add_up_by_name_and_day(tell: Callable[[Story], None]) -> None:
    async def story(answers: Answers, clock: FixedClock) -> None:
        for _ in range(2):
            tally = answers.tally("p", "fast")
            tally.exact, tally.saved = tally.exact + 1, tally.saved + 10**13
            await answers.flush()
        clock.advance(86_400)
        answers.tally("p", "fast").misses += 1
        await answers.flush()
        today = answers.now_ms() // cache_store.DAY_MS
        both = await answers.db.read(lambda conn: cache_store.tallies(conn, "p", today - 1))
        assert both == [Tally(project_id="p", name="fast", day=today - 1, exact=2, saved=2 * 10**13, misses=1)]
        last = await answers.db.read(lambda conn: cache_store.tallies(conn, "p", today))
        assert (last[0].exact, last[0].misses) == (0, 1)

    tell(story)


def test_of_many_that_claim_a_key_at_once_one_has_it(tell: Callable[[Story], None]) -> None:
    async def story(answers: Answers, _: FixedClock) -> None:
        now = answers.now_ms()

        def new(owner: str) -> NewClaim:
            return NewClaim(
                key=key(1), project_id="p", fingerprint=b"f" * 24, owner=owner, lease=now + 1000, expires=now + 5000,
                request_id=f"req_{owner}",
            )  # fmt: skip

        async def claim(owner: str) -> bool:
            return await answers.db.write(lambda conn: cache_store.claim(conn, new(owner), now)) is None

        won = await asyncio.gather(*(claim(f"w{n}") for n in range(8)))
        assert sum(won) == 1
        owner = f"w{won.index(True)}"
        held = await answers.db.read(lambda conn: cache_store.find_claim(conn, key(1)))
        assert held is not None
        assert (held.owner, held.state, held.request_id) == (owner, "running", f"req_{owner}")
        write = answers.db.write
        await write(lambda conn: cache_store.release(conn, key(1), "somebody else"))
        await write(lambda conn: cache_store.renew(conn, owner, [key(1)], now + 9000))
        assert not await write(lambda conn: cache_store.take_over(conn, new("late"), held)), "it was renewed meanwhile"
        about = About(stream=False, cost=3)
        assert not await write(lambda conn: cache_store.complete(conn, key(1), "late", about, b"{}"))
        assert await write(lambda conn: cache_store.complete(conn, key(1), owner, about, b"{}"))
        done = await answers.db.read(lambda conn: cache_store.find_claim(conn, key(1)))
        assert done is not None
        assert (done.state, done.about, done.body) == ("done", about, b"{}")
        assert await write(lambda conn: cache_store.claim(conn, new("w9"), now + 6000)) is None, "it has expired"

    tell(story)
