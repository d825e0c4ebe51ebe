"""What a threshold was chosen with, held against its detector of now."""

import asyncio

import pytest
from sqlalchemy import Connection, insert

from trimtab.governance.store import PROJECTS
from trimtab.guard import store
from trimtab.guard.operating import Judged, share
from trimtab.guard.points import (
    Chosen,
    Kept,
    Named,
    compared,
    forget,
    is_of_cases,
    keep,
    kept,
    mark_of,
    same_look,
    seen,
    text_marks,
)
from trimtab.guard.store import GuardDraft
from trimtab.guard.types import GuardSpec
from trimtab.storage.database import Database


def texts(harmless: list[float | None], attacks: list[float | None]) -> list[Named]:
    made = [Named(id=f"traffic:{at}", judged=Judged(score=score)) for at, score in enumerate(harmless)]
    return made + [Named(id=f"set@1/{at}", judged=Judged(score=each, attack=True)) for at, each in enumerate(attacks)]


def chosen(found: list[Named]) -> Chosen:
    return Chosen(
        detector="1", stage="input", budget=0.1, threshold=0.5, traffic=10, given=0, benign_datasets=(),
        attack_datasets=("set@1",), alarms=share(0, 10), recall=share(8, 8), unjudged=0, attacks=seen(found, 0.5),
        by="ada", at=1,
    )  # fmt: skip


BEFORE = chosen(texts([0.1] * 10, [0.9] * 8))


@pytest.mark.parametrize(
    ("harmless", "attacks", "outcome", "said"),
    [
        ([0.1] * 9 + [0.9], [0.9] * 8, "fine", ""),  # one alarm in ten is the budget
        ([0.1] * 8 + [0.9] * 2, [0.9] * 8, "unsure", "2 of 10 harmless texts raise an alarm; 10.00% may."),
        ([0.1] * 5 + [0.9] * 5, [0.9] * 8, "worse", "5 of 10 harmless texts raise an alarm; 10.00% may."),
        ([0.1] * 10, [0.9] * 4 + [0.1] * 4, "unsure", "4 attacks that were seen are not any more; 0 are"),  # p = 1/16
        ([0.1] * 10, [0.9] * 3 + [0.1] * 5, "worse", "5 attacks that were seen are not any more; 0 are"),  # p = 1/32
        ([0.1] * 10, [0.9] * 6, "unsure", "2 of 8 attacks were not compared"),
        ([0.1] * 10, [0.9] * 7 + [None], "unsure", "1 texts cannot be judged"),
        ([None] * 10, [0.9] * 8, "unsure", "No harmless text could be judged."),
    ],
)
def test_a_newer_detector_is_worse_where_chance_does_not_explain_it(
    harmless: list[float | None], attacks: list[float | None], outcome: str, said: str
) -> None:
    found = compared(BEFORE, texts(harmless, attacks), "2", 5)
    assert (found.outcome, found.detector, found.at) == (outcome, "2", 5)
    assert said in " ".join(found.reasons)
    assert bool(found.reasons) == (outcome != "fine")


def test_what_judges_alike_has_the_same_kind_options_stages_roles_and_threshold() -> None:
    spec = GuardSpec(kind="pii", threshold=0.5)
    assert same_look(spec, GuardSpec(kind="pii", threshold=0.5, mode="shadow", description="x"))
    assert not same_look(spec, GuardSpec(kind="pii", threshold=0.6))
    assert not same_look(spec, GuardSpec(kind="pii", threshold=0.5, options={"mode": "hash"}))


def test_marks_of_what_was_erased_go_and_the_shares_they_were_counted_in_stay(catalog_url: str) -> None:
    given = Named(id=mark_of("say it"), judged=Judged(score=0.9, attack=True))
    kept_with = chosen([*texts([0.1] * 10, [0.9] * 3), given])

    def work(conn: Connection) -> None:
        conn.execute(insert(PROJECTS).values(id="p", slug="p", name="p", capture_content=True, created=1))
        spec = GuardSpec(kind="secrets")
        row, _ = store.add(
            conn, GuardDraft(project_id="p", name="a", spec=spec, message="", author="k", author_name="ada", now=1)
        )
        keep(conn, row, Kept(chosen=kept_with))
        assert text_marks(conn, "p") == {mark_of("say it")}
        assert forget(conn, "p", lambda mark: is_of_cases(mark, "set", {"1", "7"})) == 1
        assert forget(conn, "p", lambda mark: is_of_cases(mark, "another", {"2"})) == 0
        assert forget(conn, "p", {mark_of("say it")}.__contains__) == 1
        [found] = kept(conn, "p", [row]).values()
        assert (sorted(found.chosen.attacks), found.chosen.recall) == (["set@1/0", "set@1/2"], kept_with.recall)

    async def story() -> None:
        db = Database.open(catalog_url)
        try:
            await db.write(work)
        finally:
            await db.close()

    asyncio.run(story())
