"""Drafts and releases in the catalog: of two writers of one thing one wins, on SQLite and PostgreSQL alike."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from msgspec import structs

from trimtab.core.errors import Conflict, InvalidRequest, NotFound, TrimtabError
from trimtab.gateway import store as models
from trimtab.gateway.store import Declared, ModelRow
from trimtab.governance import store as governance
from trimtab.governance.audit import Actor
from trimtab.governance.store import ProjectRow
from trimtab.releases import apps, store
from trimtab.releases.apps import Edit
from trimtab.releases.canonical import content_hash
from trimtab.releases.store import NewRelease
from trimtab.releases.types import App, AppSpec, Content, Release
from trimtab.storage.database import Database

ADA = Actor("k1", "Ada")


def edit(seed: int, *, name: str = "desk", project: str = "p1", expected: int | None = None) -> Edit:
    spec = AppSpec(route="fast", parameters={"seed": seed})
    return Edit(project_id=project, name=name, spec=spec, actor=ADA, now=1000 + seed, expected=expected)


def new(seed: int, *, name: str = "desk", project: str = "p1", expected: int | None = None) -> NewRelease:
    content = Content(route="fast", parameters={"seed": seed})
    return NewRelease(
        project_id=project, app=name, content=content, hash=content_hash(content), message=f"m{seed}", author="k1",
        author_name="Ada", now=2000 + seed, expected=expected,
    )  # fmt: skip


def told(url: str, story: Callable[["Catalog"], Awaitable[None]]) -> None:
    async def main() -> None:
        db = Database.open(url)
        try:
            for number in (1, 2):
                row = ProjectRow(id=f"p{number}", slug=f"s{number}", name="", capture_content=True, created=1)
                await db.write(lambda conn, row=row: governance.add_project(conn, row))
            await story(Catalog(db))
        finally:
            await db.close()

    asyncio.run(main())


class Catalog:
    def __init__(self, db: Database) -> None:
        self.db = db

    async def put(self, made: Edit) -> tuple[App, bool]:
        return await self.db.write(lambda conn: apps.put(conn, made, lambda _conn: {"fast": "model"}))

    async def create(self, made: NewRelease) -> tuple[Release, bool]:
        return await self.db.write(lambda conn: store.create(conn, made))


async def outcome(work: Awaitable[tuple[App, bool] | tuple[Release, bool]]) -> str:
    try:
        await work
    except TrimtabError as error:
        return error.code
    return "won"


def test_of_many_who_edit_one_draft_one_wins_each_time(catalog_url: str) -> None:
    async def story(catalog: Catalog) -> None:
        found = None
        for revision in range(3):
            seeds = range(10 * revision, 10 * revision + 6)
            ended = await asyncio.gather(*(outcome(catalog.put(edit(n, expected=revision))) for n in seeds))
            assert sorted(ended) == ["app_changed"] * 5 + ["won"]
            found = await catalog.db.read(lambda conn: apps.app(conn, "p1", "desk"))
            assert found.revision == revision + 1
        assert found is not None
        again, changed = await catalog.put(edit(found.spec.parameters["seed"], expected=0))
        assert (again, changed) == (found, False), "the same again is no edit and no conflict"
        ended = await asyncio.gather(*(outcome(catalog.put(edit(n))) for n in range(100, 106)))
        assert set(ended) == {"won"}, "who expects nothing replaces whatever there is"

    told(catalog_url, story)


def test_releases_made_at_once_are_numbered_without_gaps_and_one_of_each_expected_wins(catalog_url: str) -> None:
    async def story(catalog: Catalog) -> None:
        await catalog.put(edit(0))
        for newest in range(2):
            seeds = range(10 * newest, 10 * newest + 6)
            ended = await asyncio.gather(*(outcome(catalog.create(new(n, expected=newest))) for n in seeds))
            assert sorted(ended) == ["release_changed"] * 5 + ["won"]
        made = await asyncio.gather(*(catalog.create(new(n)) for n in range(100, 108)))
        assert sorted(release.number for release, _ in made) == list(range(3, 11))
        history = await catalog.db.read(lambda conn: store.history(conn, "p1", "desk"))
        assert [each.number for each in history] == list(range(10, 0, -1))
        assert [each.parent for each in history] == [*range(9, 0, -1), None]
        newest_one = history[0]
        again, created = await catalog.create(new(newest_one.content.parameters["seed"], expected=0))
        assert (again, created) == (newest_one, False), "an answer that was lost may be asked for again"
        same = await asyncio.gather(*(catalog.create(new(500)) for _ in range(4)))
        assert {release.number for release, _ in same} == {11}
        assert sum(created for _, created in same) == 1

    told(catalog_url, story)


def test_a_name_becomes_an_apps_or_a_models_whoever_is_first(catalog_url: str) -> None:
    async def story(catalog: Catalog) -> None:
        declared = Declared(providers=frozenset(("lab",)))

        async def model(name: str) -> tuple[App, bool]:
            row = ModelRow(project_id="p1", name=name, provider="lab", upstream="u")
            await catalog.db.write(lambda conn: models.add_model(conn, row, declared))
            return await catalog.db.read(lambda conn: (apps.app(conn, "p1", name), True))

        async def app(name: str) -> tuple[App, bool]:
            def write(conn: object) -> tuple[App, bool]:
                return apps.put(
                    conn,  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
                    edit(1, name=name),
                    lambda conn: {row.name: "model" for row in models.models(conn, "p1")},
                )

            return await catalog.db.write(write)

        for name in ("a", "b", "c", "d"):
            ended = await asyncio.gather(outcome(app(name)), outcome(model(name)))
            assert ended in (["won", "name_taken"], ["name_taken", "not_found"]), ended

    told(catalog_url, story)


def test_releases_are_found_by_number_latest_and_environment_within_their_project(catalog_url: str) -> None:
    from sqlalchemy import insert

    from trimtab.releases.tables import PLACEMENTS

    async def story(catalog: Catalog) -> None:
        db = catalog.db
        with pytest.raises(NotFound, match="no app"):
            await catalog.create(new(1))
        await catalog.put(edit(1))
        await catalog.put(edit(1, project="p2"))
        with pytest.raises(NotFound, match="no release yet"):
            await db.read(lambda conn: store.find(conn, "p1", "desk", "latest"))
        for seed in (1, 2):
            await catalog.create(new(seed))
        place = {"project_id": "p1", "app": "desk", "environment": "production", "stable": 1, "rollout": None}
        await db.write(lambda conn: conn.execute(insert(PLACEMENTS).values(**place, revision=1, updated=1)))
        for ref, number in (("1", 1), ("r2", 2), ("latest", 2), ("production", 1)):
            assert (await db.read(lambda conn, ref=ref: store.find(conn, "p1", "desk", ref))).number == number
        for ref in ("3", "r0", "staging", "", "a\0b", "R1", "1 ", "latest ", "٣"):
            with pytest.raises(NotFound):
                await db.read(lambda conn, ref=ref: store.find(conn, "p1", "desk", ref))
        with pytest.raises(NotFound):
            await db.read(lambda conn: store.find(conn, "p2", "desk", "1"))
        assert await db.read(lambda conn: store.runs_in(conn, "p1", "desk")) == {1: ["production"]}
        wanted = [("p1", "desk", 2), ("p1", "desk", 1), ("p2", "desk", 1), ("p1", "desk", 2)]
        found = await db.read(lambda conn: store.several(conn, wanted))
        assert [(each.project_id, each.number) for each in found] == [("p1", 1), ("p1", 2)]
        assert found[0].content.parameters == {"seed": 1}

    told(catalog_url, story)


def test_an_archived_app_and_one_with_an_open_rollout(catalog_url: str) -> None:
    from sqlalchemy import insert, update

    from trimtab.releases.tables import PLACEMENTS

    async def story(catalog: Catalog) -> None:
        db = catalog.db
        await catalog.put(edit(1))
        place = {"project_id": "p1", "app": "desk", "environment": "staging", "stable": None, "rollout": "x"}
        await db.write(lambda conn: conn.execute(insert(PLACEMENTS).values(**place, revision=1, updated=1)))

        async def archive(*, away: bool) -> App:
            return await db.write(lambda conn: apps.archive(conn, "p1", "desk", away=away, actor=ADA, now=5))

        with pytest.raises(Conflict, match="open in 'staging'"):
            await archive(away=True)
        await db.write(lambda conn: conn.execute(update(PLACEMENTS).values(rollout=None)))
        assert (await archive(away=True)).archived == 5
        assert (await archive(away=True)).archived == 5
        for work in (catalog.put(edit(2)), catalog.create(new(2))):
            assert await outcome(work) == "app_archived"
        assert await db.read(lambda conn: apps.apps(conn, "p1")) == []
        assert [row.name for row in await db.read(lambda conn: apps.apps(conn, archived=None))] == ["desk"]
        assert (await archive(away=False)).archived is None

    told(catalog_url, story)


def test_what_is_too_long_is_refused() -> None:
    for message in ("x" * 3000, "a\0b"):
        with pytest.raises(InvalidRequest, match="message of a release"):
            store.create(None, structs.replace(new(1), message=message))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    big = Content(route="fast", metadata={"a": "x" * 8_000_001})
    with pytest.raises(InvalidRequest, match="8,000,000 bytes"):
        store.create(None, structs.replace(new(1), content=big))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
