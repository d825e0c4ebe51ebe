"""Versions on both databases: what they hold, how they are named, and that nothing half written is ever seen."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs import laid
from trimtab.core.clock import FixedClock
from trimtab.core.errors import Conflict, InvalidRequest
from trimtab.evaluation import case_set, cells, dataset_diff, dataset_writes, datasets, proposals
from trimtab.evaluation.cases import Author, NewCase, body_of, hash_of, made, read_body
from trimtab.evaluation.dataset_staging import LEASE_MS, Staging
from trimtab.evaluation.dataset_writes import Writing
from trimtab.evaluation.datasets import DatasetEdit, Wanted
from trimtab.evaluation.generate import Idea
from trimtab.evaluation.proposals import Thought
from trimtab.evaluation.resplit import resplit
from trimtab.evaluation.splits import split_for
from trimtab.evaluation.types import Case, DatasetVersion
from trimtab.governance import bootstrap, projects
from trimtab.governance.audit import Actor
from trimtab.storage.database import Database

ADA = Author(id="key_ada", name="Ada", at=1_000)


def case(number: int, **more: Any) -> Case:
    return made(NewCase(id=f"c{number:03}", input=f"q{number}", **more), ADA)


class Desk:
    """A catalog with one project and one dataset, and what tests do with it."""

    def __init__(self, db: Database, project: str) -> None:
        self.db, self.project, self.clock = db, project, FixedClock()

    def writing(self, **more: Any) -> Writing:
        now = self.clock.now_ns() // 1_000_000
        return Writing(project_id=self.project, dataset="d", actor=Actor("key_ada", "Ada"), now=now, **more)

    async def write(self, **more: Any) -> dataset_writes.Written:
        return await self.db.write(lambda conn: dataset_writes.write(conn, self.writing(), **more))

    async def version(self, number: int) -> DatasetVersion:
        return await self.db.read(lambda conn: datasets.version(conn, self.project, "d", number))

    async def inputs(self, number: int) -> dict[str, Any]:
        of = await self.version(number)
        return {each.id: each.input for each in await self.db.read(lambda conn: list(datasets.each(conn, of)))}

    def staging(self, token: str) -> Staging:
        return Staging(self.db, self.writing(), token, lambda: self.clock.now_ns() // 1_000_000)


Story = Callable[[Desk], Coroutine[Any, Any, None]]


def at_desk(url: str, story: Story) -> None:
    async def whole() -> None:
        db = Database.open(url)
        try:
            await db.write(lambda conn: bootstrap.ensure(conn, admin_key="tt_" + "a" * 40, project="default", now=1))
            project = await db.read(lambda conn: projects.get(conn, "default").id)
            desk = Desk(db, project)
            edit = DatasetEdit(project_id=project, name="d", actor=Actor("key_ada", "Ada"), now=1)
            await db.write(lambda conn: datasets.put(conn, edit))
            await story(desk)
        finally:
            await db.close()

    asyncio.run(whole())


async def parts(*pieces: list[Case]) -> AsyncIterator[list[Case]]:
    for piece in pieces:
        yield piece


def test_a_dataset_lives_on_either_database(catalog_url: str) -> None:
    async def story(desk: Desk) -> None:
        await desk.write(add=[case(n, tags=("a%_b",) if n % 2 else ()) for n in range(5)])
        await desk.write(change=[case(1, expected="Ä ' \" %")], remove=["c004"], put=[case(7)])
        one, two = await desk.version(1), await desk.version(2)
        assert (one.cases, two.cases) == (5, 5)
        found = await desk.db.read(lambda conn: dataset_diff.diff(conn, one, two))
        assert [(each.case_id, each.kind) for each in found.changes] == [
            ("c001", "changed"), ("c004", "removed"), ("c007", "added"),
        ]  # fmt: skip
        tagged = await desk.db.read(lambda conn: datasets.cases(conn, one, Wanted(tags=("a%_b",))))
        assert [each.id for each in tagged] == ["c001", "c003"]
        assert await desk.db.read(lambda conn: datasets.cases(conn, one, Wanted(tags=("a%",)))) == []
        split = await resplit(desk.db, desk.writing(), {"x": 0.5, "y": 0.5}, 3, desk.clock.now_ns)
        assert split.version is not None
        assert sum(split.version.splits.values()) == 5
        with pytest.raises(Conflict, match="otherwise"):
            await desk.write(add=[case(7, expected="no")])
        assert (await desk.db.read(lambda conn: datasets.get(conn, desk.project, "d"))).newest == 3

        thought = Thought(model="m", ideas=[Idea(case=NewCase(input="new"), trace_id="t")])
        [open_one], _ = await desk.db.write(
            lambda conn: proposals.add(conn, desk.project, "d", thought, ADA, frozenset())
        )
        taken = await desk.db.write(lambda conn: proposals.decide(conn, desk.writing(), ADA, {open_one.id: None}, []))
        assert taken.added == 1

    at_desk(catalog_url, story)


def test_what_is_written_piece_by_piece_is_seen_whole_or_not_at_all(tmp_path: Any) -> None:
    async def story(desk: Desk) -> None:
        await desk.write(add=[case(n) for n in range(4)])
        before = await desk.inputs(1)

        async def breaks() -> AsyncIterator[list[Case]]:
            yield [case(0, expected="x"), case(8)]
            assert await desk.inputs(1) == before, "what is staged is in no version"
            yield [case(1, expected="y")]
            raise InvalidRequest("The file ends in the middle.")

        with pytest.raises(InvalidRequest):
            await desk.staging("one").write(breaks(), "put")
        assert await desk.inputs(1) == before
        done = await desk.staging("two").write(parts([case(0, expected="x")], [case(8)]), "put", replace=True)
        assert (done.added, done.changed, done.removed) == (1, 1, 3)
        assert set(await desk.inputs(2)) == {"c000", "c008"}
        by_hand = await desk.write(put=[case(n) for n in range(4)], remove=["c008"])
        assert by_hand.version is not None
        assert by_hand.version.hash == (await desk.version(1)).hash

    at_desk(laid(tmp_path), story)


def test_an_experiment_leaves_out_whom_consent_was_withdrawn_for_later(tmp_path: Any) -> None:
    async def story(desk: Desk) -> None:
        await desk.write(add=[case(1), case(2), case(3, uses=("train",))])
        await desk.write(change=[case(2, consent="withdrawn")])
        which = cells.Which(project_id=desk.project, dataset="d", version=1)
        assert await desk.db.read(lambda conn: cells.ids_of(conn, which)) == ["c001"]
        assert await desk.db.read(lambda conn: cells.refused(conn, which)) == ["c002", "c003"]

    at_desk(laid(tmp_path), story)


def test_what_a_dead_process_left_is_taken_back_by_the_next_change_and_its_rest_refused(tmp_path: Any) -> None:
    async def story(desk: Desk) -> None:
        await desk.write(add=[case(1)])
        waits, go = asyncio.Event(), asyncio.Event()

        async def slow() -> AsyncIterator[list[Case]]:
            yield [case(1, expected="half"), case(2)]
            waits.set()
            await go.wait()
            yield [case(3)]

        running = asyncio.create_task(desk.staging("dead").write(slow(), "put"))
        await waits.wait()
        with pytest.raises(Conflict, match="under way"):
            await desk.write(add=[case(5)])
        desk.clock.advance(LEASE_MS / 1000 + 1)
        await desk.write(add=[case(5)])
        assert await desk.inputs(2) == {"c001": "q1", "c005": "q5"}
        go.set()
        with pytest.raises(Conflict, match="took too long"):
            await running
        assert await desk.inputs(2) == {"c001": "q1", "c005": "q5"}

    at_desk(laid(tmp_path), story)


NAMES = st.text(alphabet="abc", min_size=1, max_size=3)


@given(st.dictionaries(NAMES, NAMES, max_size=8), st.dictionaries(NAMES, NAMES, max_size=8))
def test_two_sets_have_one_name_just_when_they_are_the_same(one: dict[str, str], other: dict[str, str]) -> None:
    def total(cases: dict[str, str]) -> int:
        return sum(case_set.element(name, text) for name, text in cases.items())

    assert (case_set.name(total(one)) == case_set.name(total(other))) == (one == other)
    changed = total(one) - total(one) + total(other)
    assert case_set.name(changed) == case_set.name(total(other))
    assert (
        case_set.read(case_set.write(total(one) - total(other))) % case_set.MODULUS
        == (total(one) - total(other)) % case_set.MODULUS
    )


@given(st.integers(0, 1000), st.text(max_size=5), st.integers(0, 9))
def test_a_split_depends_on_group_and_seed_alone(number: int, group: str, seed: int) -> None:
    shares = {"train": 0.5, "test": 0.3, "dev": 0.2}
    mine = split_for(case(number, group=group), shares, seed)
    assert mine in shares
    if group:
        assert mine == split_for(case(number + 1, group=group), dict(reversed(shares.items())), seed)


def test_shares_are_met_over_many_cases() -> None:
    shares = {"train": 0.7, "test": 0.3}
    drawn = [split_for(case(n), shares, 1) for n in range(4000)]
    assert abs(drawn.count("test") / 4000 - 0.3) < 0.03


def test_a_cases_hash_is_of_its_content_and_not_of_where_it_came_from() -> None:
    one = made(NewCase(id="a", input={"variables": {"x": 1, "y": 2}}, tags=("t",)), ADA)
    other = made(
        NewCase(id="a", input={"variables": {"y": 2, "x": 1}}, tags=("t", "t")), Author(id="k", name="Bo", at=5)
    )
    assert hash_of(one) == hash_of(other)
    assert hash_of(one) != hash_of(made(NewCase(id="a", input={"variables": {"x": 1, "y": 3}}, tags=("t",)), ADA))
    assert read_body(body_of(one)) == one
