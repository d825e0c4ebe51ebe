"""What is held is not removed, and who held it and why is kept; on SQLite and PostgreSQL."""

import asyncio

import pytest
from sqlalchemy import Connection

from trimtab.core.errors import Conflict, InvalidRequest
from trimtab.core.ids import new_id
from trimtab.governance import erasures, legal_holds
from trimtab.governance.audit import Actor
from trimtab.governance.erasures import Erasure
from trimtab.governance.legal_holds import LegalHold, Subject
from trimtab.governance.store import ProjectRow, add_project
from trimtab.storage.database import Database

P = ProjectRow(id="p1", slug="p1", name="", capture_content=True, created=1)


def hold(subject: Subject, value: str, **more: int) -> LegalHold:
    return LegalHold(
        id=new_id("lhd"), project_id="p1", subject=subject, value=value, start=more.get("start"), end=more.get("end"),
        reason="Case 7", author="k", author_name="Ann", created=1,
    )  # fmt: skip


def asked(value: str) -> Erasure:
    return Erasure(id=new_id("era"), project_id="p1", subject="user", value=value, digest="", asked_by="k", asked=1)


def test_what_is_held_is_not_erased_until_the_hold_is_released(catalog_url: str) -> None:
    def story(conn: Connection) -> None:
        add_project(conn, P)
        made = legal_holds.add(conn, hold("user", "alice"))
        erasures.start(conn, asked("bob"))
        with pytest.raises(Conflict, match="Case 7") as refused:
            erasures.start(conn, asked("alice"))
        assert refused.value.code == "legal_hold"
        with pytest.raises(InvalidRequest):
            legal_holds.release(conn, "p1", made.id, Actor("k", "Ann"), " ", 2)
        released = legal_holds.release(conn, "p1", made.id, Actor("k", "Ann"), "It is over.", 2)
        assert (released.released, released.release_reason) == (2, "It is over.")
        with pytest.raises(Conflict):
            legal_holds.release(conn, "p1", made.id, Actor("k", "Ann"), "again", 3)
        erasures.start(conn, asked("alice"))
        legal_holds.add(conn, hold("project", "", start=5))
        with pytest.raises(Conflict):
            erasures.start(conn, asked("carol"))
        assert [each.subject for each in legal_holds.listed(conn, "p1")] == ["project", "user"]

    async def run() -> None:
        db = Database.open(catalog_url)
        try:
            await db.write(story)
        finally:
            await db.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    "wrong", [hold("user", ""), hold("project", "x"), hold("trace", "t", start=5, end=5), hold("user", "a\0")]
)
def test_a_hold_that_makes_no_sense_is_refused(wrong: LegalHold) -> None:
    with pytest.raises(InvalidRequest):
        legal_holds.check(wrong)
