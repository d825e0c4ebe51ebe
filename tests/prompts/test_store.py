"""Versions without gaps, nothing lost to another's push, labels; on SQLite and PostgreSQL alike."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from trimtab.core.errors import Conflict, NotFound
from trimtab.governance import audit
from trimtab.governance import store as governance
from trimtab.governance.audit import Actor
from trimtab.governance.store import ProjectRow
from trimtab.prompts import store
from trimtab.prompts.canonical import content_hash, normal
from trimtab.prompts.store import Draft, LabelRow, Wanted
from trimtab.prompts.types import Content, Message
from trimtab.storage.database import Database


def draft(text: str, *, name: str = "support", project: str = "p1", expected: int | None = None, **more: str) -> Draft:
    content = normal(Content(messages=(Message(text=text),)))
    return Draft(
        project_id=project, name=name, content=content, hash=content_hash(content), message="why", author="k1",
        author_name="Ada", now=1000, expected=expected, folder=more.get("folder"),
    )  # fmt: skip


def label(version: int, name: str = "production") -> LabelRow:
    return LabelRow(name="support", label=name, version=version, author="k1", author_name="Ada", updated=1)


def told(url: str, story: Callable[[Database], Awaitable[None]]) -> None:
    async def main() -> None:
        db = Database.open(url)
        try:
            for number in (1, 2):
                row = ProjectRow(id=f"p{number}", slug=f"s{number}", name="", capture_content=True, created=1)
                await db.write(lambda conn, row=row: governance.add_project(conn, row))
            await story(db)
        finally:
            await db.close()

    asyncio.run(main())


def test_versions_are_numbered_found_and_never_made_twice(catalog_url: str) -> None:
    async def story(db: Database) -> None:
        first, created = await db.write(lambda conn: store.add(conn, draft("a", folder="desk")))
        assert (first.version, first.parent, first.author_name, created) == (1, None, "Ada", True)
        again, created = await db.write(lambda conn: store.add(conn, draft("a")))
        assert (again, created) == (first, False)
        second, _ = await db.write(lambda conn: store.add(conn, draft("b", expected=1)))
        assert (second.version, second.parent) == (2, 1)
        answered, created = await db.write(lambda conn: store.add(conn, draft("b", expected=1)))
        assert (answered, created) == (second, False), "a push whose answer was lost may be repeated"
        back, _ = await db.write(lambda conn: store.add(conn, draft("a", expected=2)))
        assert (back.version, back.hash) == (3, first.hash)
        found = await db.read(lambda conn: store.find(conn, "p1", "support", "2"))
        assert found.content.messages[0].text == "b"
        rows = await db.read(lambda conn: store.history(conn, "p1", "support", limit=2))
        assert [row.version for row in rows] == [3, 2]
        rest = await db.read(lambda conn: store.history(conn, "p1", "support", before=2))
        assert [row.version for row in rest] == [1]
        texts = await db.read(
            lambda conn: [each.messages[0].text for _, each in store.contents(conn, "p1", "support", 3)]
        )
        assert texts == ["a", "b", "a"]

    told(catalog_url, story)


def test_of_many_who_push_onto_one_version_one_wins(catalog_url: str) -> None:
    async def story(db: Database) -> None:
        async def push(text: str, expected: int) -> int:
            try:
                return (await db.write(lambda conn: store.add(conn, draft(text, expected=expected))))[0].version
            except Conflict as error:
                return 0 if error.code == "prompt_changed" else -1

        for expected in range(3):
            made = await asyncio.gather(*(push(f"text {expected} {n}", expected) for n in range(6)))
            assert sorted(made) == [0] * 5 + [expected + 1]
        with pytest.raises(Conflict, match="no prompt 'other' yet"):
            await db.write(lambda conn: store.add(conn, draft("x", name="other", expected=4)))

    told(catalog_url, story)


def test_labels_point_at_versions_and_move_only_from_where_they_were_seen(catalog_url: str) -> None:
    async def story(db: Database) -> None:
        for text in ("a", "b"):
            await db.write(lambda conn, text=text: store.add(conn, draft(text)))
        await db.write(lambda conn: store.label(conn, "p1", label(1), expected=0))
        assert (await db.read(lambda conn: store.find(conn, "p1", "support", "production"))).row.version == 1
        with pytest.raises(Conflict):
            await db.write(lambda conn: store.label(conn, "p1", label(2), expected=0))
        await db.write(lambda conn: store.label(conn, "p1", label(2), expected=1))
        assert [row.version for row in await db.read(lambda conn: store.labels(conn, "p1", ["support"]))] == [2]
        with pytest.raises(NotFound, match="version 9"):
            await db.write(lambda conn: store.label(conn, "p1", label(9)))
        for ref in ("staging", "a\0b", "99999999999", "-1", ""):
            with pytest.raises(NotFound, match="production"):
                await db.read(lambda conn, ref=ref: store.find(conn, "p1", "support", ref))
        ada = Actor("k1", "Ada")
        await db.write(lambda conn: store.unlabel(conn, "p1", "support", "production", ada, 5))
        with pytest.raises(NotFound):
            await db.write(lambda conn: store.unlabel(conn, "p1", "support", "production", ada, 6))
        trail = await db.read(lambda conn: audit.entries(conn, "p1", audit.Sought(subject="prompt:support")))
        pushed = [each.detail["version"] for each in trail if each.action == "prompt.pushed"]
        assert pushed == sorted(pushed, reverse=True)
        assert pushed
        labelled = [each for each in reversed(trail) if "label" in each.action]
        assert [(each.action, each.detail["from"], each.detail["to"]) for each in labelled] == [
            ("prompt.labelled", None, 1), ("prompt.labelled", 1, 2), ("prompt.unlabelled", 2, None),
        ]  # fmt: skip

    told(catalog_url, story)


def test_prompts_are_searched_by_words_folder_label_and_archive_within_their_project(catalog_url: str) -> None:
    async def story(db: Database) -> None:
        for each in (
            draft("Refund 100% politely", folder="desk/eu"), draft("hello", name="greet", folder="desk"),
            draft("other", name="plain", folder="desks"), draft("refund", name="support", project="p2"),
        ):  # fmt: skip
            await db.write(lambda conn, each=each: store.add(conn, each))
        await db.write(lambda conn: store.label(conn, "p1", label(1)))

        async def names(project: str = "p1", **wanted: object) -> list[str]:
            asked = Wanted(**wanted)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
            return [row.name for row in await db.read(lambda conn: store.prompts(conn, project, asked))]

        assert await names() == ["greet", "plain", "support"]
        assert await names(q="POLITELY refund") == ["support"]
        assert await names(q="100%") == ["support"]
        assert await names(q="1_0") == []
        assert await names(folder="desk") == ["greet", "support"]
        assert await names(label="production") == ["support"]
        assert await names("p2", label="production") == []
        await db.write(lambda conn: store.place(conn, "p1", "greet", {"archived": 5}, 5))
        assert await names() == ["plain", "support"]
        assert await names(archived=True) == ["greet"]
        with pytest.raises(Conflict, match="archived"):
            await db.write(lambda conn: store.add(conn, draft("new", name="greet")))
        with pytest.raises(NotFound):
            await db.read(lambda conn: store.prompt(conn, "p2", "greet"))

    told(catalog_url, story)
