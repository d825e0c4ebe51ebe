"""Guards in the catalog, on SQLite and PostgreSQL: what is in force, and that no version is made twice."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from trimtab.core.errors import Conflict, NotFound
from trimtab.governance.store import PROJECTS
from trimtab.guard import store
from trimtab.guard.store import GuardDraft, Refusal
from trimtab.guard.types import GuardSpec
from trimtab.storage.database import Database


def draft(name: str, expected: int | None = None, project: str = "p", **spec: Any) -> GuardDraft:
    return GuardDraft(
        project_id=project, name=name, spec=GuardSpec(kind="secrets", **spec), message="", author="k",
        author_name="ada", now=1, expected=expected,
    )  # fmt: skip


def test_the_newest_version_of_each_is_in_force_where_it_applies_to_something(catalog_url: str) -> None:
    async def story() -> None:
        db = Database.open(catalog_url)
        try:
            await db.prepare()
            await db.write(work)
        finally:
            await db.close()

    asyncio.run(story())


def work(conn: Connection) -> None:
    for project in ("p", "q"):
        conn.execute(insert(PROJECTS).values(id=project, slug=project, name=project, capture_content=True, created=1))
    store.add(conn, draft("a", applies_to=("x",)))
    made, new = store.add(conn, draft("a", 1, applies_to=("x", "y")))
    assert (made.version, new, store.add(conn, draft("a", 1, applies_to=("x", "y")))[1]) == (2, True, False)
    store.add(conn, draft("a", project="q", applies_to=("z",)))
    store.add(conn, draft("own"))
    store.add(conn, draft("off", applies_to=("x",), mode="off"))
    store.add(conn, draft("away", applies_to=("x",)))
    store.archive(conn, "p", "away", 5)
    found = [(row.project_id, row.name, row.version, row.spec.applies_to) for row in store.in_force(conn)]
    assert found == [("p", "a", 2, ("x", "y")), ("q", "a", 1, ("z",))]
    with pytest.raises(Conflict, match="is at version 2"):
        store.add(conn, draft("a", 1, applies_to=("w",)))
    with pytest.raises(NotFound, match="has no version 9"):
        store.guard(conn, "p", "a", 9)
    assert [each.name for each in store.guards(conn, "p", after="a")] == ["off", "own"]
    said = Refusal(project_id="p", name="default", text="No.")
    assert [store.put_refusal(conn, said, 1), store.put_refusal(conn, said, 2)] == [True, False]
    assert [each.text for each in store.refusals(conn)] == ["No."]
    store.drop_refusal(conn, "p", "default", "", "")
    with pytest.raises(NotFound):
        store.drop_refusal(conn, "p", "default", "", "")
