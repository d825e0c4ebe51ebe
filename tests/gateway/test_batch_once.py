"""Whoever books a batch and wherever it dies: one record at most, exactly one in the end, and counters that add up."""

import asyncio
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert
from vendors import a_project, sqlite

from trimtab.gateway.money import batch_store as store
from trimtab.gateway.money.batch_store import About, Ending, Made
from trimtab.ledger.given_back import Holding
from trimtab.ledger.limit_store import COUNTERS
from trimtab.storage.database import Database

HELD, USED = 1_000, 130
STEPS = ("note", "claim", "record", "settle")
"""What a process does of a batch that is over, one after the other. It may be killed between any two."""
ENDING = Ending(state="completed", status="completed", settlement="told", tokens=USED, cost=USED)
HOLD = Holding(
    project_id="prj_1", limit="tokens", measure="tokens", series="s", bucket="[]", start=0, since=0, counts_until=9,
    amount=HELD, bound=10_000,
)  # fmt: skip
MADE = Made(
    id="mark", project_id="prj_1", batch_id="batch_1", provider="sim", key_id="key_1", request_id="req_0",
    about=About(kind="openai", model="batches", name="batches", holds=(HOLD,)), made=1, due=1,
)  # fmt: skip


class Process:
    """As `Batches` and `Recovery` do it: what it noted before it claimed outlives it."""

    def __init__(self, number: int, spool: list[str]) -> None:
        self.request, self.spool = f"req_{number}", spool
        self.step = 0
        self.noted = False

    def go(self, conn: Connection) -> None:
        row = store.find(conn, MADE.id)
        assert row is not None
        if self.step == 0:
            if row.settled:
                return
            self.noted = True
        elif self.step == 1:
            if not store.claim(conn, MADE.id, self.request, 5):
                self.noted, self.step = False, 0
                return
            store.ends(conn, MADE.id, ENDING, 5)
        elif self.step == 2:
            self.spool.append(self.request)
            self.noted = False
        elif self.step == 3:
            store.settle(conn, MADE, ENDING, 6)
        self.step += 1

    def recover(self, conn: Connection) -> None:
        """It was killed, and is back: what its notes claim is recorded if it is its own, and not recorded yet."""
        if self.noted and self.request not in self.spool and store.is_claimed_by(conn, MADE.id, self.request, 5):
            self.spool.append(self.request)
        self.noted, self.step, self.request = False, 0, self.request + "+"  # a call that is begun anew has another id


moves = st.lists(st.tuples(st.integers(0, 2), st.sampled_from(("go", "kill", "look"))), max_size=25)


@settings(max_examples=60, deadline=None)
@given(moves)
def test_a_batch_is_recorded_once_and_given_back_once_whoever_is_killed(moves: list[tuple[int, str]]) -> None:
    async def main(folder: Path) -> None:
        db = Database.open(sqlite(folder))
        await db.write(a_project)
        counter = {"series": "s", "bucket": "[]", "start": 0, "counts_until": 9, "last_grant": 0, "wanted": 0}
        spool: list[str] = []
        processes = [Process(number, spool) for number in range(3)]

        def look(conn: Connection) -> None:
            """The duty of whoever leads: one that was claimed is settled when its record is there."""
            row = store.find(conn, MADE.id)
            assert row is not None
            if row.booked_by in spool:
                told = Ending(state=row.state, status=row.status, settlement=row.settlement, tokens=row.tokens)
                store.settle(conn, row, told, 7)

        def story(conn: Connection) -> tuple[int, int, Made]:
            conn.execute(insert(COUNTERS).values(**counter, granted=HELD, spent=HELD))
            assert store.note(conn, MADE)
            for number, move in moves:
                one = processes[number]
                if move == "look":
                    look(conn)
                else:
                    (one.go if move == "go" else one.recover)(conn)
                assert len(spool) == len(set(spool)) <= 1, "at no time more than one"
            for one in processes:
                one.recover(conn)
            for _ in STEPS:
                processes[0].go(conn)
            look(conn)
            row = conn.execute(COUNTERS.select()).one()
            found = store.find(conn, MADE.id)
            assert found is not None
            return int(row.granted), int(row.spent), found

        granted, spent, row = await db.write(story)
        assert len(spool) == 1
        assert (granted, spent) == (USED, USED)
        assert (row.booked_by, row.tokens, bool(row.settled)) == (spool[0], USED, True)
        await db.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(main(Path(folder)))
