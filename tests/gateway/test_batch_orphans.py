"""Batches that are made and nobody is told of: found, booked and counted; and those that were never made, which cost
nothing."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest
from msgspec.structs import replace
from test_looking_after import AT_ONCE, LABELS, MONEY, SOFT, TOKENS, World, booked, world
from test_vendors import client as as_openai

from patience import PATIENCE_S
from trimtab.core.errors import Unavailable
from trimtab.gateway.money import batch_meant, batch_store
from trimtab.gateway.money.batch_meant import Listed, Page
from trimtab.gateway.money.batch_store import Made
from trimtab.gateway.money.batch_told import Unreadable
from trimtab.telemetry.records import CallRecord

NOW_OR_NEVER = replace(AT_ONCE, unmade_for=0)
pytestmark = pytest.mark.promise


async def until(w: World, true: Callable[[list[Made]], object]) -> list[Made]:
    async with asyncio.timeout(PATIENCE_S):
        while not true(rows := await w.rows()):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    return rows


async def recorded(w: World, request_id: str) -> CallRecord:
    """The record of a call, which is written after whatever the call has made."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            for record in w.g.spool.records:
                if record.request_id == request_id:
                    return record
            await asyncio.sleep(0.005)


async def counts_what_it_used(w: World, row: Made) -> None:
    ((record, attempt),) = booked(w.g)
    assert (record.feature, record.user, attempt.response_id) == ("nightly", "ann", row.batch_id)
    assert attempt.usage.total() == row.tokens
    assert attempt.cost.amount == row.cost
    assert await w.counted(TOKENS) == (row.tokens, row.tokens)
    assert await w.counted(MONEY) == (row.cost, row.cost)
    assert (await w.counted(SOFT))[1] == row.tokens


@pytest.mark.parametrize("answer", ["reset", "500"])
def test_one_whose_provider_broke_off_after_it_made_it_is_found_and_booked(tmp_path: Path, answer: str) -> None:
    async def main() -> None:
        async with world(tmp_path, TOKENS, MONEY, SOFT) as w:
            client = as_openai(w.g).with_options(max_retries=0)
            with pytest.raises(openai.InternalServerError):
                await w.make(wishes=f"looks=2&answer={answer}", client=client)
            meant = await w.row()
            assert (meant.state, meant.batch_id) == ("making", "")
            row = await w.settled(w.duty())
            assert (row.state, row.settlement, row.request_id) == ("completed", "told", meant.request_id)
            assert row.batch_id.startswith("batch_")
            await counts_what_it_used(w, row)

    asyncio.run(main())


def test_one_is_made_and_noted_though_its_client_leaves_before_the_answer(tmp_path: Path) -> None:
    async def main() -> None:
        async with world(tmp_path, TOKENS, MONEY, SOFT) as w:
            asking = asyncio.ensure_future(w.make(wishes="looks=1&answer=1s"))
            await until(w, lambda rows: rows)
            asking.cancel()
            (made,) = await until(w, lambda rows: rows[0].state == "open")
            assert (await recorded(w, made.request_id)).outcome == "answer"
            row = await w.settled(w.duty())
            assert row.state == "completed"
            await counts_what_it_used(w, row)

    asyncio.run(main())


def test_one_that_was_made_while_the_server_was_stopped_is_found_and_booked(tmp_path: Path) -> None:
    """Its call is cut off: limits hold the most until it is known what it took."""

    async def main() -> None:
        async with world(tmp_path, TOKENS, MONEY, SOFT) as w:
            asking = asyncio.ensure_future(w.make(wishes="looks=1&answer=30s"))
            await until(w, lambda rows: rows)
            async with asyncio.timeout(PATIENCE_S):
                while not any(call.path == "/v1/batches" for call in w.app.calls):  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            for task in tuple(w.g.gateway.outliving._calls):  # pyright: ignore[reportPrivateUsage]
                task.cancel()
            with pytest.raises(openai.OpenAIError):
                await asking
            most = await w.counted(TOKENS)
            assert most[0] > 100
            row = await w.settled(w.duty())
            assert row.state == "completed"
            await counts_what_it_used(w, row)

    asyncio.run(main())


def test_one_that_was_never_made_holds_nothing_in_the_end(tmp_path: Path) -> None:
    async def main() -> None:
        async with world(tmp_path, TOKENS, MONEY, SOFT) as w:
            w.app.batches.lists = False
            client = as_openai(w.g).with_options(max_retries=0)
            with pytest.raises(openai.InternalServerError):
                await w.make(wishes="answer=reset", client=client)
            held = await w.counted(TOKENS)
            first = w.duty()
            for _ in range(3):
                await w.due_now()
                await first.turn()
            row = await w.row()
            assert (row.state, row.settled) == ("making", 0), "its list may lag behind"
            assert await w.counted(TOKENS) == held
            await first.leave()
            row = await w.settled(w.duty(NOW_OR_NEVER))
            assert (row.state, row.settlement, row.tokens, row.cost) == ("failed", "told", 0, 0)
            assert "none was made" in row.why
            assert booked(w.g) == []
            assert await w.counted(TOKENS) == (0, 0)
            assert await w.counted(MONEY) == (0, 0)

    asyncio.run(main())


@pytest.mark.parametrize("status", [400, 401, 429])
def test_one_that_was_refused_leaves_no_note(tmp_path: Path, status: int) -> None:
    async def main() -> None:
        async with world(tmp_path, TOKENS) as w:
            client = as_openai(w.g).with_options(max_retries=0)
            file = await client.files.create(file=("calls.jsonl", b"{}"), purpose="batch")
            if status == 401:
                w.app.api_key = "another"
            elif status == 429:
                w.app.scenario = replace(w.app.scenario, fault="429")
            else:
                file.id = "no-file/"
            with pytest.raises(openai.APIStatusError):
                await client.batches.create(
                    input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
                )
            assert await w.rows() == []
            assert await w.counted(TOKENS) == (0, 0)

    asyncio.run(main())


def test_two_of_one_file_are_told_apart_and_each_is_booked_once(tmp_path: Path) -> None:
    """A client that saw no answer asks again: both are made, and both are paid for."""

    async def main() -> None:
        async with world(tmp_path, TOKENS, MONEY, SOFT) as w:
            client = as_openai(w.g).with_options(max_retries=0)
            told = await w.make(wishes="looks=1")
            file = w.app.batches.made[0]["input_file_id"]
            for _ in range(2):
                with pytest.raises(openai.InternalServerError):
                    await client.batches.create(
                        input_file_id=file,
                        endpoint="/v1/chat/completions",
                        completion_window="24h",
                        metadata={"simulated": "looks=1&answer=reset"},
                        extra_headers=LABELS,
                    )
            duty = w.duty()
            for _ in range(8):
                await w.due_now()
                await duty.turn()
            rows = await w.rows()
            names = [batch["id"] for batch in w.app.batches.made]
            assert len(names) == 3
            assert sorted(row.batch_id for row in rows) == sorted(names)
            assert told in names
            assert {row.state for row in rows} == {"completed"}
            assert sorted(attempt.response_id for _, attempt in booked(w.g)) == sorted(names)
            tokens = sum(row.tokens or 0 for row in rows)
            assert await w.counted(TOKENS) == (tokens, tokens)

    asyncio.run(main())


def test_one_that_names_no_file_cannot_be_found_and_that_is_told(tmp_path: Path) -> None:
    async def main() -> None:
        async with world(tmp_path, MONEY) as w:
            row = Made(
                id="m", project_id="prj_1", batch_id="", provider="sim", key_id="key_1", request_id="req_1", made=1,
                due=0, state="making", about=batch_store.About(kind="openai", model="batches", name="batches"),
            )  # fmt: skip
            await w.db.write(lambda conn: batch_store.note(conn, row))
            found = await w.settled(w.duty())
            assert (found.state, found.settlement, found.cost) == ("lost", "unknown", None)
            assert "nobody knows whether it was made" in found.why
            fault = w.g.spool.records[-1].fault
            assert fault is not None
            assert fault.code == "batch_lost"

    asyncio.run(main())


def test_a_batch_is_made_while_the_catalog_is_away_and_noted_when_it_is_back(tmp_path: Path) -> None:
    async def main() -> None:
        async with world(tmp_path) as w:
            really, writes = w.db.write, 0

            async def away(work: Any) -> Any:
                nonlocal writes
                writes += 1
                if writes <= 2:
                    raise Unavailable("The catalog is away.")
                return await really(work)

            w.db.write = away  # type: ignore[method-assign]
            name = await w.make(wishes="looks=1")
            (row,) = await until(w, lambda rows: rows)
            assert (row.batch_id, row.state) == (name, "open")

    asyncio.run(main())


def test_what_is_older_or_of_another_file_is_not_taken_for_it() -> None:
    about = batch_store.About(kind="openai", model="batches", name="batches", file="file-1")
    meant = Made(
        id="m", project_id="p", batch_id="", provider="sim", key_id="k", request_id="r", about=about, made=10_000_000,
        due=0,
    )  # fmt: skip
    late = Listed(id="late", input_file_id="file-1", created_at=10_050)
    early = Listed(id="early", input_file_id="file-1", created_at=10_000)
    before = Listed(id="before", input_file_id="file-1", created_at=10_000 - batch_meant.SKEW_S - 1)
    other = Listed(id="other", input_file_id="file-2", created_at=10_000)
    nameless = Listed(input_file_id="file-1", created_at=10_000)
    assert batch_meant.matching(meant, [late, before, other, nameless, early]) == [early, late]
    assert Page([late, early]).is_newest_first
    assert not Page([early, late]).is_newest_first
    assert not Page([early]).is_newest_first
    with pytest.raises(Unreadable):
        batch_meant.page_of(b'{"data": "nonsense"}')


def test_of_two_calls_for_one_file_neither_loses_its_batch_though_one_is_taken_for_the_others(tmp_path: Path) -> None:
    """The first was never told. The second's is made, and found as the first's before the second is told."""

    def asked(number: int) -> Made:
        about = batch_store.About(kind="openai", model="batches", name="batches", file="file-1")
        return Made(
            id=f"meant-{number}", project_id="prj_1", batch_id="", provider="sim", key_id="key_1", state="making",
            request_id=f"req_{number}", about=about, made=10_000_000, due=0,
        )  # fmt: skip

    async def main() -> None:
        async with world(tmp_path) as w:
            batches = w.g.batches
            assert batches is not None
            first, second = asked(1), asked(2)
            for each in (first, second):
                await w.db.write(lambda conn, each=each: batch_store.note(conn, each))
            one, two = (Listed(id=name, input_file_id="file-1", created_at=10_000 + at) for at, name in enumerate("ba"))
            assert await batches.found(first, [two, one])
            told = batch_meant.found_as(second, one, 10_000_001)
            assert not await w.db.write(lambda conn: batch_meant.become(conn, second.id, told, batches.keys()))
            assert await batches.found(second, [two, one])
            rows = await w.rows()
            assert sorted(row.batch_id for row in rows) == ["a", "b"]
            assert {row.state for row in rows} == {"open"}

    asyncio.run(main())
