"""Judges that a team wrote, on SQLite and PostgreSQL: versions, order, the archive."""

import asyncio
from typing import Any

import pytest

from trimtab.core.errors import Conflict, NotFound
from trimtab.evaluation import judges
from trimtab.evaluation.judges import JudgeDraft
from trimtab.governance import bootstrap
from trimtab.storage.database import Database


def draft(project_id: str, name: str = "tone", expected: int | None = None, **spec: Any) -> JudgeDraft:
    return JudgeDraft(
        project_id=project_id, name=name, kind="rubric", spec={"model": "m", "criteria": "kind", **spec}, message="",
        author="key_1", author_name="Ada", now=1, expected=expected,
    )  # fmt: skip


def test_versions_have_no_gaps_and_the_same_words_make_no_new_one(catalog_url: str) -> None:
    async def main() -> None:
        db = Database.open(catalog_url)
        await db.prepare()
        made = await db.write(lambda conn: bootstrap.ensure(conn, admin_key=None, project="default", now=1))
        assert made
        project = await db.read(_project)
        first, new = await db.write(lambda conn: judges.add(conn, draft(project, expected=0)))
        assert (first.version, new) == (1, True)
        again, new = await db.write(lambda conn: judges.add(conn, draft(project, expected=0)))
        assert (again, new) == (first, False)
        second, _ = await db.write(lambda conn: judges.add(conn, draft(project, expected=1, scale=3)))
        assert second.version == 2
        with pytest.raises(Conflict, match="version 2"):
            await db.write(lambda conn: judges.add(conn, draft(project, expected=1, scale=4)))
        ways = [draft(project, expected=2, scale=scale) for scale in (5, 6, 7)]
        told = await asyncio.gather(
            *(db.write(lambda conn, way=way: judges.add(conn, way)) for way in ways), return_exceptions=True
        )
        assert sorted(type(each).__name__ for each in told) == ["Conflict", "Conflict", "tuple"]
        await db.write(lambda conn: judges.add(conn, draft(project, "brief")))
        listed = await db.read(lambda conn: judges.judges(conn, project))
        assert [(each.name, each.version) for each in listed] == [("brief", 1), ("tone", 3)]
        assert [each.name for each in await db.read(lambda conn: judges.judges(conn, project, after="brief"))] == [
            "tone"
        ]
        await db.write(lambda conn: judges.archive(conn, project, "tone", 9))
        assert [each.name for each in await db.read(lambda conn: judges.judges(conn, project))] == ["brief"]
        away = await db.read(lambda conn: judges.judges(conn, project, archived=True))
        assert [(each.name, each.version, each.archived) for each in away] == [("tone", 3, 9)]
        for name, version in (("none", None), ("tone", 4), ("to\0ne", None), ("tone", 10**12)):
            with pytest.raises(NotFound):
                await db.read(lambda conn, n=name, v=version: judges.judge(conn, project, n, v))
        await db.close()

    asyncio.run(main())


def _project(conn: Any) -> str:
    from sqlalchemy import text

    return conn.execute(text("select id from projects")).scalar_one()
