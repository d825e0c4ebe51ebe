"""Routes in the catalog, on SQLite and PostgreSQL."""

import asyncio
from collections.abc import Callable

import pytest
from kit import known, tree_of
from msgspec.structs import replace
from sqlalchemy import Connection

from trimtab.core.errors import Conflict, InvalidRequest, NotFound
from trimtab.gateway.routing import store
from trimtab.gateway.routing.store import RouteRefused, RouteRow
from trimtab.gateway.routing.types import Affinity, Route
from trimtab.governance import projects
from trimtab.governance.projects import REVISION
from trimtab.storage import revision
from trimtab.storage.database import Database

TREE = tree_of({"node": "when", "of": [{"if": {"tags": ["ü"]}, "use": "big"}], "otherwise": "fast"})


def test_a_route_comes_back_as_it_went_in_and_every_change_counts(catalog_url: str) -> None:
    def story(conn: Connection) -> None:
        at = projects.create(conn, slug="a", name="", capture_content=True, now=1).id
        other = projects.create(conn, slug="b", name="", capture_content=True, now=1).id
        before = revision.current(conn, REVISION)
        route = Route(name="smart", tree=TREE, affinity=Affinity(prompt=True), about="ünïcode")
        store.add_route(conn, RouteRow(project_id=at, route=route, created=5, updated=5), {}, known())
        assert store.route(conn, at, "smart") == RouteRow(project_id=at, route=route, created=5, updated=5)
        assert (store.routes(conn, other), len(store.routes(conn))) == ([], 1)
        changed = store.change_route(
            conn, at, "smart", {}, known(), lambda old: replace(old, route=replace(old.route, tree="fast"), updated=9)
        )
        assert (changed.version, changed.created, changed.updated) == (2, 5, 9)
        assert store.route(conn, at, "smart") == changed
        store.remove_route(conn, at, "smart", {})
        assert revision.current(conn, REVISION) > before + 2
        with pytest.raises(NotFound):
            store.route(conn, at, "smart")

    asyncio.run(_within(catalog_url, story))


def test_what_would_break_another_route_is_refused(catalog_url: str) -> None:
    def story(conn: Connection) -> None:
        at = projects.create(conn, slug="a", name="", capture_content=True, now=1).id

        def add(name: str, tree: str) -> None:
            row = RouteRow(project_id=at, route=Route(name=name, tree=tree))
            store.add_route(conn, row, {"filed": Route(name="filed", tree="fast")}, known())

        add("inner", "fast")
        add("outer", "inner")
        add("onfile", "filed")
        with pytest.raises(Conflict, match="named by the route 'outer'"):
            store.remove_route(conn, at, "inner", {})
        with pytest.raises(RouteRefused, match="circle"):
            store.change_route(
                conn, at, "inner", {}, known(), lambda old: replace(old, route=replace(old.route, tree="outer"))
            )
        for name in ("inner", "fast", "filed"):
            with pytest.raises(Conflict):
                add(name, "big")
        with pytest.raises(InvalidRequest, match="longer than"):
            store.add_route(
                conn, RouteRow(project_id=at, route=Route(name="long", tree="fast", about="x" * 200_001)), {}, known()
            )

    asyncio.run(_within(catalog_url, story))


async def _within(url: str, story: Callable[[Connection], None]) -> None:
    db = Database.open(url)
    try:
        await db.write(story)
    finally:
        await db.close()
