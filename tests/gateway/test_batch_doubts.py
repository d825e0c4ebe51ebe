"""Batches of which nobody can say all: results that are fewer than are counted, and those that may be another's."""

import asyncio
from pathlib import Path
from typing import Any

import anthropic
import pytest
from message_worlds import Messages, messages, request
from msgspec.structs import replace
from test_batch_orphans import NOW_OR_NEVER
from test_looking_after import AT_ONCE, LABELS, MONEY, TOKENS, World, booked, world

from trimtab.gateway.money import batch_store as store
from trimtab.gateway.money.batch_store import Made
from trimtab.server.duties.batches import LookingAfter

pytestmark = pytest.mark.promise
NO_LONGER = replace(AT_ONCE, short_for=0, unclear_for=0)


async def looked_at(w: World, duty: LookingAfter, times: int = 4) -> Made:
    for _ in range(times):
        await w.due_now()
        await duty.turn()
    return await w.row()


async def is_booked_in_part(w: World, most: tuple[int, int]) -> None:
    row = await w.row()
    assert (row.state, row.settlement) == ("completed", "estimate")
    assert row.why == "Its results have 3 lines, and it counts 4."
    ((record, attempt),) = booked(w.g)
    assert (record.outcome, record.fault.code, record.fault.message) == ("error", "batch_results_short", row.why)
    assert (attempt.usage.estimated, attempt.usage.total(), attempt.cost.amount) == (True, row.tokens, row.cost)
    assert await w.counted(TOKENS) == most, "it took more than those lines tell"


def test_results_of_openais_that_are_cut_at_a_lines_end_are_read_again_and_said_to_be_short(tmp_path: Path) -> None:
    async def main() -> None:
        async with world(tmp_path, TOKENS, MONEY) as w:
            await w.make(wishes="usage=false&cut=1")
            most, first = await w.counted(TOKENS), w.duty()
            row = await looked_at(w, first)
            assert (row.settled, row.trouble) == (0, "short")
            assert row.failures >= 2
            assert booked(w.g) == []
            await first.leave()
            await w.settled(w.duty(NO_LONGER))
            await is_booked_in_part(w, most)

    asyncio.run(main())


def test_results_that_are_whole_the_next_time_are_booked_as_told(tmp_path: Path) -> None:
    async def main() -> None:
        async with world(tmp_path, TOKENS, MONEY) as w:
            await w.make(wishes="usage=false&cut=1")
            duty = w.duty()
            assert (await looked_at(w, duty)).trouble == "short"
            files: dict[str, tuple[str, bytes]] = w.app.batches._files  # pyright: ignore[reportPrivateUsage]
            name = w.app.batches.made[0]["output_file_id"]
            account, lines = files[name]
            files[name] = account, lines + lines.splitlines(keepends=True)[0].replace(b'"line-0"', b'"line-3"')
            row = await w.settled(duty)
            assert (row.settlement, row.why) == ("told", "")
            assert await w.counted(TOKENS) == (row.tokens, row.tokens)

    asyncio.run(main())


def test_results_that_are_all_missing_are_an_estimate_of_the_most(tmp_path: Path) -> None:
    async def main() -> None:
        async with world(tmp_path, TOKENS) as w:
            await w.make(wishes="usage=false&cut=4")
            most = await w.counted(TOKENS)
            row = await w.settled(w.duty(NO_LONGER))
            assert (row.state, row.settlement, row.tokens) == ("lost", "estimate", most[0])
            assert row.why == "Its results have 0 lines, and it counts 4."

    asyncio.run(main())


def test_results_of_messages_that_are_cut_are_booked_by_no_reader_and_not_deleted(tmp_path: Path) -> None:
    async def main() -> None:
        async with messages(tmp_path, TOKENS, MONEY) as w:
            name = await w.batch(wishes="cut=1", headers=LABELS)
            most, client = await w.counted(TOKENS), w.client()
            while (await client.messages.batches.retrieve(name)).processing_status != "ended":
                pass
            read = [line async for line in await client.messages.batches.results(name)]
            assert len(read) == 3
            assert booked(w.g) == []
            with pytest.raises(anthropic.APIStatusError, match="not booked yet"):
                await client.messages.batches.delete(name)
            await w.settled(w.duty(NO_LONGER))
            await is_booked_in_part(w, most)
            await client.messages.batches.delete(name)

    asyncio.run(main())


async def _ended(w: Messages) -> None:
    """Time goes by at the provider, for every batch that it has."""
    there = w.g.force[0].targets["prj_1"].providers["sim"].base_url + "/messages/batches"
    for name in w.app.message_batches.names:
        await w.g.client.get(f"{there}/{name}", headers={"x-api-key": "k", "anthropic-version": "2023-06-01"})


async def _of_another(w: World, asked: Made, **more: Any) -> None:
    """The note of who asked for the same, at the same time."""
    await w.db.write(lambda conn: store.note(conn, replace(asked, id="theirs", request_id="req_theirs", **more)))


@pytest.mark.parametrize("state", ["making", "lost"])
def test_one_that_may_be_anothers_is_booked_to_neither_and_says_so(tmp_path: Path, state: Any) -> None:
    async def main() -> None:
        async with messages(tmp_path, TOKENS, MONEY) as w:
            with pytest.raises(anthropic.InternalServerError):
                await w.batch(wishes="looks=1&answer=reset", headers=LABELS)
            meant = await w.row()
            await _of_another(w, meant, key_id="key_2", state=state, due=2**50, settled=0 if state == "making" else 1)
            most = await w.counted(TOKENS)
            await _ended(w)
            first = w.duty()
            for _ in range(4):
                await w.db.write(_due_now_but_theirs)
                await first.turn()
            row = await _of(w, meant)
            assert (row.state, row.batch_id, row.trouble) == ("making", "", "unclear")
            await first.leave()
            duty = w.duty(replace(NO_LONGER, unmade_for=0))
            for _ in range(4):
                await w.db.write(_due_now_but_theirs)
                await duty.turn()
            row = await _of(w, meant)
            assert (row.state, row.settlement, row.batch_id, row.cost) == ("lost", "unknown", "", None)
            assert "may as well be another's" in row.why
            assert booked(w.g) == []
            assert await w.counted(TOKENS) == most
            (name,) = w.app.message_batches.names
            with pytest.raises(anthropic.NotFoundError):
                await w.client().messages.batches.results(name)

    asyncio.run(main())


@pytest.mark.parametrize(
    "more",
    [{"made": 1}, {"batch_id": "msgbatch_1", "state": "open"}, {"project_id": "prj_1"}, {"state": "failed"}],
    ids=["long ago", "was told", "the same caller", "never made"],
)
def test_what_cannot_be_anothers_is_found(tmp_path: Path, more: dict[str, Any]) -> None:
    async def main() -> None:
        async with messages(tmp_path) as w:
            with pytest.raises(anthropic.InternalServerError):
                await w.batch(wishes="looks=1&answer=reset", headers=LABELS)
            meant = await w.row()
            key = {} if "project_id" in more else {"key_id": "key_2"}
            await _of_another(w, meant, due=2**50, **key, **more)
            await _ended(w)
            duty = w.duty()
            for _ in range(6):
                await w.db.write(_due_now_but_theirs)
                await duty.turn()
            row = await _of(w, meant)
            assert (row.state, row.settlement, row.batch_id) == ("completed", "told", w.app.message_batches.names[0])

    asyncio.run(main())


def test_of_two_that_may_be_it_of_which_one_was_made_elsewhere_none_is_taken(tmp_path: Path) -> None:
    async def main() -> None:
        async with messages(tmp_path) as w:
            there = w.g.force[0].targets["prj_1"].providers["sim"].base_url + "/messages/batches"
            elsewhere = [request(number, "claude-haiku-4-5") for number in range(4)]
            account = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
            await w.g.client.post(there, json={"requests": elsewhere}, headers=account)
            with pytest.raises(anthropic.InternalServerError):
                await w.batch(wishes="looks=1&answer=reset", headers=LABELS)
            await _ended(w)
            row = await w.settled(w.duty(replace(NOW_OR_NEVER, unclear_for=0)))
            assert (row.state, row.settlement, row.batch_id) == ("lost", "unknown", "")
            assert "lists 2 batches that may be it" in row.why

    asyncio.run(main())


async def _of(w: World, meant: Made) -> Made:
    return next(row for row in await w.rows() if row.request_id == meant.request_id)


def _due_now_but_theirs(conn: Any) -> None:
    table = store.BATCHES
    conn.execute(table.update().where(table.c.request_id != "req_theirs").values(due=0))
