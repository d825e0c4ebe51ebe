"""Batches by the API: newest first, a page at a time, by state, and nothing of another project."""

from typing import Any

from house import House, Run
from msgspec.structs import replace
from sqlalchemy import Connection

from trimtab.gateway.money import batch_store as store
from trimtab.gateway.money.batch_store import About, Ending, Made
from trimtab.ledger.given_back import Holding
from trimtab.server.duties.batches import lines

AT = "/api/v1/projects/default/batches"


def made(project: str, number: int, **more: Any) -> Made:
    hold = Holding(
        project_id=project, limit="monthly", measure="money", series="s", bucket="[]", start=0, since=0, counts_until=1,
        amount=2_500_000_000_000, bound=10**13,
    )  # fmt: skip
    about = About(kind="openai", model="batches", name="batches", feature="nightly", trace_id="0" * 32, holds=(hold,))
    return Made(
        id=store.mark_of(project, "lab", f"batch_{number}"), project_id=project, batch_id=f"batch_{number}",
        provider="lab", key_id="key_1", request_id=f"req_{number}", about=about, status="in_progress", made=number,
        due=number + 1, **more,
    )  # fmt: skip


def test_batches_are_listed_newest_first_a_page_at_a_time_and_by_state(run: Run) -> None:
    async def story(house: House) -> None:
        project = (await house.admin.get("/api/v1/projects/default")).json()["id"]
        ending = Ending(state="completed", status="completed", settlement="told", tokens=12, cost=10**12)

        def fill(conn: Connection) -> None:
            for number in (1, 2, 3):
                assert store.note(conn, made(project, number, failures=number - 1, why="503" if number > 1 else ""))
            assert not store.note(conn, made(project, 1)), "its id is known"
            assert store.settle(conn, made(project, 1), ending, 9)
            assert not store.settle(conn, made(project, 1), ending, 10), "once"

        await house.db.write(fill)
        first = (await house.admin.get(AT, params={"limit": 2})).json()
        assert [each["id"] for each in first["items"]] == ["batch_3", "batch_2"]
        rest = (await house.admin.get(AT, params={"limit": 2, "cursor": first["cursor"]})).json()
        (one,) = rest["items"]
        assert rest["cursor"] is None
        assert (one["state"], one["settlement"], one["tokens"], one["cost"]) == ("completed", "told", 12, "1")
        assert (one["settled"], one["next_look"], one["held"]) == (9, None, [])
        is_open = (await house.admin.get(AT, params={"state": "open", "limit": 1})).json()["items"][0]
        assert (is_open["next_look"], is_open["settled"], is_open["cost"]) == (4, None, None)
        assert (is_open["failures"], is_open["why"], is_open["feature"]) == (2, "503", "nightly")
        assert is_open["held"] == [{"limit": "monthly", "measure": "money", "amount": "2.5"}]
        refused = await house.admin.get(AT, params={"state": "gone"})
        assert refused.status_code == 400
        told = (await lines(house.db, lambda _: "default")).decode()
        assert 'trimtab_batches{project="default",state="open"} 2' in told
        assert 'trimtab_batches{project="default",state="completed"} 1' in told
        assert 'trimtab_batches_failing{project="default"} 2' in told

    run(story)


def test_another_project_has_none_of_them(run: Run) -> None:
    async def story(house: House) -> None:
        project = (await house.admin.get("/api/v1/projects/default")).json()["id"]
        await house.db.write(lambda conn: store.note(conn, made(project, 1)))
        assert (await house.admin.post("/api/v1/projects", json={"slug": "other", "name": "Other"})).status_code == 201
        assert (await house.admin.get("/api/v1/projects/other/batches")).json() == {"items": [], "cursor": None}

    run(story)


def test_what_batches_tell_of_a_user_is_forgotten_with_what_counts_by_that_user(run: Run) -> None:
    async def story(house: House) -> None:
        project = (await house.admin.get("/api/v1/projects/default")).json()["id"]
        row = made(project, 1)
        (hold,) = row.about.holds

        def fill(conn: Connection) -> int:
            own = replace(hold, bucket='["ann"]')
            about = replace(row.about, user="ann", session="s", tags=("t",), holds=(hold, own))
            store.note(conn, replace(row, about=about))
            assert store.forget_user(conn, project, "bob") == 0
            return store.forget_user(conn, project, "ann")

        assert await house.db.write(fill) == 1
        (left,) = await house.db.read(lambda conn: store.of_project(conn, project))
        assert (left.about.user, left.about.session, left.about.tags, left.about.holds) == ("", "", (), (hold,))

    run(story)
