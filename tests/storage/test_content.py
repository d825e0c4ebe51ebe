"""Columns of content: sealed as they are written, opened as they are read, on either database."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from trimtab.core.errors import Unavailable
from trimtab.governance.data_key import DataKey
from trimtab.governance.sealing import TEXT, Keyring
from trimtab.governance.store import ProjectRow, add_project
from trimtab.review.tables import ERASED, GONE, REVIEW_ITEMS
from trimtab.storage.content import PREFIX, Clear, Content, Of, places, raw
from trimtab.storage.database import Database

KEY = DataKey(id="0" * 16, project_id="p", state="active", wrapped="", created=1)
RING = Keyring([(KEY, b"a" * 32)])
I = REVIEW_ITEMS.c  # noqa: E741


def an_item(project: str, key: str, subject: Any) -> dict[str, Any]:
    values: dict[str, Any] = {column.name: "" for column in REVIEW_ITEMS.columns}
    values |= dict.fromkeys(("needed", "given", "created", "revision", "priority"), 0)
    values |= {"claimed_until": None, "due": None, "closed": None, "why": "[]"}
    return values | {"id": key, "key": key, "project_id": project, "subject": subject}


def lay(conn: Connection) -> None:
    for name in ("p", "q"):
        add_project(conn, ProjectRow(id=name, slug=name, name="", capture_content=True, created=1))


def test_the_projects_words_lie_sealed_and_are_read_as_they_were(catalog_url: str) -> None:
    words = '{"note":"what Ada asked"}'

    def story(conn: Connection) -> None:
        lay(conn)
        rows = [an_item("p", "one", Of("p", words)), an_item("q", "two", Of("q", words))]
        rows += [an_item("p", "three", Of("p", ERASED)), an_item("p", "four", Clear(words)), an_item("p", "five", "")]
        conn.execute(insert(REVIEW_ITEMS), rows)
        read = {row[0]: row[1] for row in conn.execute(select(I.id, I.subject))}
        assert read == {"one": words, "two": words, "three": ERASED, "four": words, "five": ""}
        lies = {row[0]: row[1] for row in conn.execute(select(I.id, raw(I.subject)))}
        assert lies.pop("one").startswith(TEXT)
        assert lies == {"two": words, "three": ERASED, "four": words, "five": ""}

    async def run() -> None:
        db = Database.open(catalog_url, lambda: RING)
        await db.write(story)
        await db.close()
        tool = Database.open(catalog_url)
        with pytest.raises(Unavailable, match="no key is at hand"):
            await tool.read(lambda conn: conn.execute(select(I.subject)).all())
        await tool.close()
        after = Database.open(catalog_url, lambda: Keyring(destroyed=[KEY.id]))
        read = await after.read(lambda conn: conn.execute(select(I.subject).where(I.id == "one")).scalar_one())
        assert GONE in read, "a list does not fail because one of its rows is of the past"
        await after.close()

    asyncio.run(run())


def test_a_text_without_its_owner_is_refused_and_none_is_taken_for_a_sealed_one(catalog_url: str) -> None:
    forged = f"{PREFIX}wf4wMDAwMDAwMDAwMDAwMDAx"

    def story(conn: Connection) -> None:
        lay(conn)
        with pytest.raises(Exception, match="takes Of"):
            conn.execute(insert(REVIEW_ITEMS).values(an_item("p", "bare", "a text")))
        conn.execute(insert(REVIEW_ITEMS).values(an_item("q", "forged", Of("q", forged))))
        read = conn.execute(select(I.subject).where(I.id == "forged")).scalar_one()
        assert read == forged[1:]

    async def run() -> None:
        db = Database.open(catalog_url, lambda: RING)
        await db.write(story)
        await db.close()

    asyncio.run(run())


def test_every_column_of_content_has_an_owner_and_nothing_else_that_is_written_as_its_text() -> None:
    found = {place.table.name: place for place in places()}
    assert {"dataset_cases", "dataset_proposals", "evaluation_cache", "experiment_cells", "holds"} <= found.keys()
    assert {"review_items", "review_verdicts"} <= found.keys()
    for place in found.values():
        assert place.owner in place.table.c
        kinds = {(kind.owner, kind.through) for column in place.table.c if isinstance(kind := column.type, Content)}
        assert kinds <= {(place.owner, place.through)}, "one table is of one owner"
        assert kinds or place.blobs
    assert found["holds"].columns == ("answer", "said")
