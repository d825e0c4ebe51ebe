"""Batches of messages that are made and nobody is told of: found by the names of their requests, and booked; and those
that were never made, which cost nothing."""

import asyncio
from pathlib import Path
from typing import Any

import anthropic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from message_worlds import messages, request
from test_batch_orphans import NOW_OR_NEVER, counts_what_it_used, recorded, until
from test_looking_after import LABELS, MONEY, SOFT, TOKENS, booked

from trimtab.gateway.money import batch_store as store
from trimtab.gateway.money.batch_kinds import Ids, MessageLines, count_in

pytestmark = pytest.mark.promise
LIMITS = (TOKENS, MONEY, SOFT)


def _due_now(conn: Any) -> None:
    conn.execute(store.BATCHES.update().values(due=0))


@pytest.mark.parametrize("answer", ["reset", "500"])
def test_one_whose_provider_broke_off_after_it_made_it_is_found_and_booked(tmp_path: Path, answer: str) -> None:
    async def main() -> None:
        async with messages(tmp_path, *LIMITS) as w:
            for number in range(3):  # others of as many requests, made here and elsewhere
                await w.batch([request(at + 10 * number) for at in range(4)], headers={"trimtab-feature": "other"})
            there = w.g.force[0].targets["prj_1"].providers["sim"].base_url + "/messages/batches"
            account = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
            elsewhere = [request(at + 90, "claude-haiku-4-5") for at in range(4)]
            told = await w.g.client.post(there, json={"requests": elsewhere}, headers=account)
            other = told.json()["id"]
            await w.g.client.get(f"{there}/{other}", headers=account)
            duty = w.duty()
            for _ in range(3):
                await w.db.write(_due_now)
                await duty.turn()
            before = len(booked(w.g))
            assert before == 3
            with pytest.raises(anthropic.InternalServerError):
                await w.batch([request(at + 50) for at in range(4)], wishes=f"looks=2&answer={answer}", headers=LABELS)
            (meant,) = [row for row in await w.rows() if not row.settled]
            assert (meant.state, meant.batch_id, count_in(meant.about.file)) == ("making", "", 4)
            for _ in range(12):
                await w.db.write(_due_now)
                await duty.turn()
                for batch in w.app.message_batches.names:  # time goes by at its provider
                    await w.g.client.get(f"{there}/{batch}", headers=account)
                if all(row.settled for row in await w.rows()):
                    break
            row = next(row for row in await w.rows() if row.request_id == meant.request_id)
            assert (row.state, row.settlement) == ("completed", "told")
            assert row.batch_id not in ("", other)
            ours = [attempt for record, attempt in booked(w.g)[before:] if record.feature == "nightly"]
            assert [attempt.response_id for attempt in ours] == [row.batch_id]
            assert ours[0].usage.total() == row.tokens
            spent = sum(row.tokens or 0 for row in await w.rows())
            assert await w.counted(TOKENS) == (spent, spent)

    asyncio.run(main())


def test_one_is_made_and_noted_though_its_client_leaves_before_the_answer(tmp_path: Path) -> None:
    async def main() -> None:
        async with messages(tmp_path, *LIMITS) as w:
            asking = asyncio.ensure_future(w.batch(wishes="looks=1&answer=1s", headers=LABELS))
            await until(w, lambda rows: rows)
            asking.cancel()
            (made,) = await until(w, lambda rows: rows[0].state == "open")
            assert made.batch_id.startswith("msgbatch_")
            assert (await recorded(w, made.request_id)).outcome == "answer"
            row = await w.settled(w.duty())
            assert row.state == "completed"
            await counts_what_it_used(w, row)

    asyncio.run(main())


def test_one_that_was_never_made_costs_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with messages(tmp_path, *LIMITS) as w:
            w.app.scenario = type(w.app.scenario)(fault="reset")
            with pytest.raises(anthropic.APIError):
                await w.batch(headers=LABELS)
            w.app.scenario = type(w.app.scenario)()
            row = await w.settled(w.duty(NOW_OR_NEVER))
            assert (row.state, row.tokens, row.cost) == ("failed", 0, 0)
            assert booked(w.g) == []
            assert await w.counted(TOKENS) == (0, 0)

    asyncio.run(main())


def test_one_that_its_provider_refuses_leaves_no_note(tmp_path: Path) -> None:
    async def main() -> None:
        async with messages(tmp_path, *LIMITS) as w:
            with pytest.raises(anthropic.BadRequestError, match="Duplicate"):
                await w.batch([request(1), request(1)])
            assert await w.rows() == []
            assert await w.counted(TOKENS) == (0, 0)

    asyncio.run(main())


@given(st.lists(st.text(max_size=5), unique=True, max_size=8), st.randoms())
def test_names_are_told_apart_in_any_order(names: list[str], chance: Any) -> None:
    def mark(of: list[str]) -> str:
        ids = Ids()
        for each in of:
            ids.add(each)
        return ids.mark

    shuffled = list(names)
    chance.shuffle(shuffled)
    assert mark(shuffled) == mark(names)
    assert mark([*names, "x-more"]) != mark(names)
    assert count_in(mark(names)) == len(names)
    assert len(mark(names)) < 200
    assert count_in("file-abc") == 0


def test_lines_that_come_twice_are_one_name() -> None:
    lines = MessageLines()
    lines.feed(b'{"custom_id": "a", "result": {"type": "expired"}}\n' * 2)
    lines.end()
    one = Ids()
    one.add("a")
    assert lines.ids.mark == one.mark
