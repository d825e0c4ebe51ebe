"""How long a batch that cannot be asked about is waited for, and who has begun to book one."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from openai import BadRequestError
from test_looking_after import AT_ONCE, MONEY, TOKENS, booked, without, world
from test_vendors import client as as_openai

from trimtab.core.clock import SystemClock
from trimtab.core.errors import Unavailable
from trimtab.gateway.money.batches import CLAIM, Batches
from trimtab.server.duties.batches import DAY_MS, HOUR_MS, Pace
from trimtab.server.duties.money import is_to_book


@pytest.mark.promise
@pytest.mark.parametrize(
    ("trouble", "said"), [("missing", "no longer configured"), ("gone", "404"), ("refused", "401"), ("silent", "503")]
)
def test_a_trouble_that_passes_loses_no_batch_and_one_that_lasts_does(tmp_path: Path, trouble: str, said: str) -> None:
    """Each has its own patience, and begins anew where another came between."""

    async def main() -> None:
        async with world(tmp_path, TOKENS) as w:
            await w.make(wishes="looks=3")
            force, scenario = w.g.force[0], w.app.scenario
            duty, looks = w.duty(Pace(look_s=0.01, least=0, most=0, claimed_for=0)), 7

            def vexed(*, on: bool) -> None:
                if trouble == "missing":
                    without(w.g, project=False) if on else w.g.force.__setitem__(0, force)
                elif trouble == "refused":
                    w.app.api_key = "another" if on else None
                elif trouble == "gone":
                    w.app.batches.forgets = on
                else:
                    w.app.scenario = replace(scenario, fault="503") if on else scenario

            vexed(on=True)
            for _ in range(looks):  # far more than four minutes of them
                await w.due_now()
                await duty.turn()
            row = await w.row()
            assert (row.state, row.trouble, row.failures) == ("open", trouble, looks)
            assert said in row.why
            vexed(on=False)
            await w.due_now()
            await duty.turn()
            row = await w.row()
            assert (row.status, row.trouble, row.failures, row.since, row.why) == ("in_progress", "", 0, 0, "")
            vexed(on=True)
            await w.due_now()
            await duty.turn()
            since = (await w.row()).since
            patience = {"missing": 2 * DAY_MS, "refused": 2 * DAY_MS, "gone": HOUR_MS, "silent": 8 * DAY_MS}[trouble]
            for at in range(4):
                later = since + patience - 1 if at < 3 else since + patience
                w.g.batches.now = lambda later=later: later  # type: ignore[method-assign, union-attr]
                await w.due_now()
                await duty.turn()
                assert bool((await w.row()).settled) is (at == 3)
            assert (await w.row()).state == "lost"

    asyncio.run(main())


@pytest.mark.promise
@pytest.mark.parametrize("comes_back", [False, True])
def test_one_that_a_lost_machine_had_claimed_is_booked_by_another_once_its_claim_has_ended(
    tmp_path: Path, *, comes_back: bool
) -> None:
    """Its notes and its spool went with it. If they come back, its notes book nothing, and a record that lay in its
    spool is of the same spans and time as the other's: one row in a store that both write to."""

    async def main() -> None:
        async with world(tmp_path, TOKENS, MONEY) as w:
            assert w.g.batches is not None
            await w.make(wishes="looks=1")
            made, dead = await w.row(), w.g.batches
            spooled = list(w.g.spool.records)

            async def lost(_booking: Any, _books: Any) -> None:
                raise Unavailable("The machine is gone.")

            really, dead._record = dead._record, lost  # type: ignore[method-assign]
            await w.due_now()
            first = w.duty()
            with pytest.raises(Unavailable):
                await first.turn()
            await first.leave()
            row = await w.row()
            assert row.booked_by is not None
            assert (row.state, row.settled, row.claimed > 0) == ("completed", 0, True)
            assert w.g.spool.records == spooled

            other = Batches(w.db, SystemClock().now_ns, lambda: w.g.force[0])
            w.g.batches = other
            second = w.duty()
            for _ in range(3):
                await w.due_now()
                await second.turn()
            assert (await w.row()).booked_by == row.booked_by, "it may still come back"
            await second.leave()
            duty = w.duty(replace(AT_ONCE, claim_ends=0))
            await duty.turn()
            assert (await w.row()).booked_by is None
            assert not await is_to_book(w.db, SystemClock(), "prj_1", f"{CLAIM}{made.id}", row.booked_by)
            settled = await w.settled(duty)
            assert (settled.state, settled.settlement) == ("completed", "told")
            assert settled.booked_by not in (None, row.booked_by)
            ((record, attempt),) = booked(w.g)
            if comes_back:
                (booking,) = dead._bookings.values()  # pyright: ignore[reportPrivateUsage]
                await really(booking, w.g.gateway.books)
                both = booked(w.g)
                assert len(both) == 2
                keys = {(at.span_id, at.started_ns, of.trace_id, of.span_id, at.cost.amount) for of, at in both}
                assert keys == {
                    (attempt.span_id, attempt.started_ns, record.trace_id, record.span_id, attempt.cost.amount)
                }
            assert await w.counted(TOKENS) == (settled.tokens, settled.tokens)
            assert await w.counted(MONEY) == (settled.cost, settled.cost)
            await dead.aclose()

    asyncio.run(main())


def test_who_lives_and_cannot_write_its_record_keeps_its_claim(tmp_path: Path) -> None:
    async def main() -> None:
        async with world(tmp_path, TOKENS) as w:
            assert w.g.batches is not None
            await w.make(wishes="looks=1")
            w.g.spool.broken = True
            await w.due_now()
            with pytest.raises(Unavailable):
                await w.duty().turn()
            row, really = await w.row(), w.g.batches.now
            w.g.batches.now = lambda: really() + DAY_MS  # type: ignore[method-assign]
            with pytest.raises(Unavailable):
                await w.duty().turn()
            assert (await w.row()).claimed >= row.claimed + DAY_MS
            assert (await w.row()).booked_by == row.booked_by

    asyncio.run(main())


def test_one_whose_answers_are_gone_is_lost_in_an_hour_and_counts_as_the_most_that_it_can_have_taken(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with world(tmp_path, TOKENS) as w:
            await w.make(wishes="looks=1&usage=false")
            most = await w.counted(TOKENS)
            client = as_openai(w.g)
            (batch,) = [await client.batches.retrieve(each["id"]) for each in w.app.batches.made]
            assert (batch.status, batch.usage) == ("completed", None)
            assert batch.output_file_id is not None
            await client.files.delete(batch.output_file_id)
            first = w.duty(Pace(look_s=0.01, least=0, most=0, claimed_for=0))
            for _ in range(6):
                await w.due_now()
                await first.turn()
            row = await w.row()
            assert (row.state, row.settled, row.trouble) == ("open", 0, "gone")
            await first.leave()
            row = await w.settled(w.duty())
            assert (row.state, row.settlement, row.tokens) == ("lost", "estimate", most[0])
            assert "404" in row.why
            assert await w.counted(TOKENS) == most

    asyncio.run(main())


@pytest.mark.parametrize("limits", [(TOKENS, MONEY), ()])
def test_one_of_no_lines_is_refused_where_limits_count_it_and_costs_nothing_else(
    tmp_path: Path, limits: tuple[Any, ...]
) -> None:
    """OpenAI takes it, and it fails as it is looked at."""

    async def main() -> None:
        async with world(tmp_path, *limits) as w:
            if limits:
                with pytest.raises(BadRequestError, match="there is no call in its input file"):
                    await w.make(lines=0)
                assert await w.rows() == []
                assert await w.counted(TOKENS) == (0, 0)
                return
            await w.make(lines=0, wishes="looks=1&end=failed")
            row = await w.settled(w.duty())
            assert (row.state, row.settlement, row.tokens, row.cost) == ("failed", "told", 0, 0)
            assert booked(w.g) == []

    asyncio.run(main())


@pytest.mark.parametrize("usage", ["true", "false"])
def test_one_that_is_cancelled_halfway_costs_what_was_answered(tmp_path: Path, usage: str) -> None:
    async def main() -> None:
        async with world(tmp_path, TOKENS, MONEY) as w:
            name = await w.make(wishes=f"looks=5&usage={usage}")
            duty = w.duty()
            await w.due_now()
            await duty.turn()
            cancelled = await as_openai(w.g).batches.cancel(name)
            assert cancelled.status == "cancelling"
            assert (await w.row()).settled == 0
            row = await w.settled(duty)
            assert (row.state, row.settlement) == ("cancelled", "told")
            ((_, attempt),) = booked(w.g)
            assert 0 < attempt.usage.total() == row.tokens
            assert await w.counted(TOKENS) == (row.tokens, row.tokens)
            assert await w.counted(MONEY) == (row.cost, row.cost)

    asyncio.run(main())
