"""Batches that cannot be looked after as others are: each comes to an end, and keeps no other from its own."""

import asyncio
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from test_looking_after import TOKENS, _due_now, world  # pyright: ignore[reportPrivateUsage]

from trimtab.gateway.money import batch_store as store
from trimtab.gateway.money.batch_store import About


def test_one_of_which_nothing_can_be_read_any_more_is_settled(tmp_path: Path) -> None:
    """Its project is gone, and its key with it: all that was noted beside the batch's id."""

    async def main() -> None:
        async with world(tmp_path) as w:
            await w.make(wishes="looks=99")
            sealed = store.sealed("prj_1", About(kind="", model="", name=""), store.PLAIN)
            await w.db.write(lambda conn: conn.execute(store.BATCHES.update().values(content=sealed)))
            now = w.g.force[0]
            w.g.force[0] = replace(now, access=replace(now.access, projects={}), targets={})
            row = await w.settled(w.duty())
            assert (row.state, row.settlement, row.tokens) == ("lost", "unknown", None)

    asyncio.run(main())


def test_a_booking_that_meets_a_defect_keeps_no_other_batch_from_being_booked(tmp_path: Path) -> None:
    async def main() -> None:
        async with world(tmp_path, TOKENS) as w:
            broken = await w.make(wishes="looks=0")
            books = w.g.gateway.books
            really = books.price

            def price(call: Any, attempt: Any) -> None:
                if attempt.response_id == broken:
                    raise ValueError("a price that cannot be")
                really(call, attempt)

            books.price = price  # pyright: ignore[reportAttributeAccessIssue]
            duty = w.duty()
            await w.db.write(_due_now)
            await duty.turn()
            other = await w.make(wishes="looks=0")
            for _ in range(3):
                await w.db.write(_due_now)
                await duty.turn()
            settled = {row.batch_id: bool(row.settled) for row in await w.rows()}
            assert settled == {broken: False, other: True}
            books.price = really  # pyright: ignore[reportAttributeAccessIssue]
            await w.db.write(_due_now)
            await duty.turn()
            assert [row.settlement for row in await w.rows()] == ["told", "told"]
            assert len(w.g.spool.records) == len({record.request_id for record in w.g.spool.records})

    asyncio.run(main())
