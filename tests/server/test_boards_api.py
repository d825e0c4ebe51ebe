"""Saved views and dashboards over the API: whose they are, what they must be, and that they travel as files."""

from typing import TYPE_CHECKING, Any

import httpx
from house import House
from sqlalchemy import select, update

from trimtab.governance import keys
from trimtab.telemetry.boards.store import BOARDS
from trimtab.telemetry.boards.types import DEFAULT, check_dashboard

if TYPE_CHECKING:
    from house import Run

AT = "/api/v1/projects/default"
SLOW = {"name": "Slow", "q": "duration:>2s", "columns": ["started", "model"], "sort": "-duration"}
BOARD: dict[str, Any] = {
    "name": "Money",
    "about": "What it costs",
    "last": "7d",
    "tiles": [{"title": "Cost", "metrics": ["cost"], "group_by": ["model"], "interval": "auto", "chart": "area"}],
}


async def another(house: House) -> httpx.AsyncClient:
    """A second person with an admin key."""
    wanted = keys.Wanted(name="another", role="admin", project_id=None)
    made = await house.db.write(lambda conn: keys.issue(conn, wanted, house.deps.now()))
    await house.holder.changed()
    return house.client(made.secret)


def test_a_view_is_kept_changed_and_removed(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = house.admin
        made = (await admin.post(f"{AT}/views", json=SLOW)).json()
        assert (made["name"], made["own"], made["shared"], made["version"]) == ("Slow", True, False, 1)
        where = f"{AT}/views/{made['id']}"
        assert (await admin.get(where)).json() == made
        changed = (await admin.put(where, json={**SLOW, "name": "Slower", "version": 1})).json()
        assert (changed["name"], changed["version"], changed["created"]) == ("Slower", 2, made["created"])
        late = await admin.put(where, json={**SLOW, "version": 1})
        assert (late.status_code, late.json()["param"]) == (409, "version")
        assert [each["name"] for each in (await admin.get(f"{AT}/views")).json()["items"]] == ["Slower"]
        assert (await admin.delete(where)).status_code == 204
        assert (await admin.get(where)).status_code == 404
        assert (await admin.delete(where)).status_code == 404

    run(story)


def test_what_is_not_shared_exists_for_its_owner_alone(run: "Run") -> None:
    async def story(house: House) -> None:
        admin, other = house.admin, await another(house)
        mine = (await admin.post(f"{AT}/views", json=SLOW)).json()
        assert (await other.get(f"{AT}/views")).json()["items"] == []
        assert (await other.get(f"{AT}/views/{mine['id']}")).status_code == 404
        assert (await other.put(f"{AT}/views/{mine['id']}", json=SLOW)).status_code == 404
        assert (await other.delete(f"{AT}/views/{mine['id']}")).status_code == 404
        assert (await other.post(f"{AT}/views", json=SLOW)).status_code == 201  # a name is taken for its owner only
        shared = (await admin.put(f"{AT}/views/{mine['id']}", json={**SLOW, "shared": True})).json()
        seen = (await other.get(f"{AT}/views/{mine['id']}")).json()
        assert (seen["shared"], seen["own"]) == (True, False)
        taken = await other.put(f"{AT}/views/{mine['id']}", json={**SLOW, "shared": False})
        assert (taken.status_code, taken.json()["param"]) == (409, "shared")
        assert (await other.put(f"{AT}/views/{mine['id']}", json={**SLOW, "q": "a", "shared": True})).status_code == 200
        twice = await other.post(f"{AT}/views", json={**SLOW, "shared": True})
        assert (twice.status_code, twice.json()["param"]) == (409, "name")
        assert shared["version"] == 2

    run(story)


def test_another_project_sees_nothing_of_it(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = house.admin
        await admin.post("/api/v1/projects", json={"slug": "other", "name": "Other"})
        made = (await admin.post(f"{AT}/views", json={**SLOW, "shared": True})).json()
        board = (await admin.post(f"{AT}/dashboards", json={**BOARD, "shared": True})).json()
        assert (await admin.get("/api/v1/projects/other/views")).json()["items"] == []
        assert (await admin.get(f"/api/v1/projects/other/views/{made['id']}")).status_code == 404
        boards = (await admin.get("/api/v1/projects/other/dashboards")).json()["items"]
        assert [each["source"] for each in boards] == ["built_in"]
        assert (await admin.delete(f"/api/v1/projects/other/dashboards/{board['id']}")).status_code == 404

    run(story)


def test_a_project_begins_with_a_dashboard_that_can_be_changed_and_comes_back(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = house.admin
        (first,) = (await admin.get(f"{AT}/dashboards")).json()["items"]
        assert (first["id"], first["source"], first["version"]) == ("default", "built_in", 0)
        assert (await admin.get(f"{AT}/dashboards/default")).json() == first
        changed = (await admin.put(f"{AT}/dashboards/default", json={**BOARD, "version": 0})).json()
        assert (changed["id"], changed["source"], changed["shared"]) == ("default", "catalog", True)
        again = (await admin.put(f"{AT}/dashboards/default", json={**BOARD, "shared": True, "version": 1})).json()
        assert again["version"] == 2
        assert [each["name"] for each in (await admin.get(f"{AT}/dashboards")).json()["items"]] == ["Money"]
        assert (await admin.delete(f"{AT}/dashboards/default")).status_code == 204
        assert (await admin.get(f"{AT}/dashboards/default")).json() == first

    run(story)


def test_a_dashboard_travels_as_a_file(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = house.admin
        await admin.post("/api/v1/projects", json={"slug": "other", "name": "Other"})
        made = (await admin.post(f"{AT}/dashboards", json=BOARD)).json()
        file = (await admin.get(f"{AT}/dashboards/{made['id']}/export")).json()
        assert file["format"] == "trimtab.dashboard/1"
        there = "/api/v1/projects/other/dashboards"
        imported = (await admin.post(f"{there}/import", json={"file": file})).json()
        assert [imported[key] for key in ("name", "about", "last", "tiles", "shared")] == [
            *[made[key] for key in ("name", "about", "last", "tiles")],
            True,
        ]
        assert (await admin.post(f"{there}/import", json={"file": file})).status_code == 409
        file["about"] = "Anew"
        anew = (await admin.post(f"{there}/import", json={"file": file, "replace": True})).json()
        assert (anew["id"], anew["about"], anew["version"]) == (imported["id"], "Anew", 2)
        assert (await admin.post(f"{there}/import", json={"file": {**file, "format": "x"}})).status_code == 400

    run(story)


WRONG_BOARDS: list[tuple[dict[str, Any], str]] = [
    ({"name": " "}, "name"),
    ({"last": "soon"}, "last"),
    ({"q": "mdel:x"}, "q"),
    ({"tiles": [{"title": "a"}, {"title": "b", "metrics": ["p95(x)"]}]}, "tiles[1].metrics"),
    ({"tiles": [{"title": "a", "q": "cost:>x"}]}, "tiles[0].q"),
    ({"tiles": [{"title": "a", "group_by": ["nothing"]}]}, "tiles[0].group_by"),
    ({"tiles": [{"title": "a", "x": 8, "w": 6}]}, "tiles[0].x"),
    ({"tiles": [{"title": "", "x": 0}]}, "tiles[0].title"),
    ({"tiles": [{"title": "a"}] * 51}, "tiles"),
]
WRONG_VIEWS: list[tuple[dict[str, Any], str]] = [
    ({"name": "x" * 101}, "name"),
    ({"q": "a )"}, "q"),
    ({"last": "1y"}, "last"),
    ({"columns": ["a b"]}, "columns"),
    ({"sort": "--a"}, "sort"),
]


def test_what_could_not_be_shown_is_refused_with_the_field_that_is_wrong(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = house.admin
        tries = [("dashboards", BOARD, *wrong) for wrong in WRONG_BOARDS]
        tries += [("views", SLOW, *wrong) for wrong in WRONG_VIEWS]
        for where, whole, change, param in tries:
            answer = await admin.post(f"{AT}/{where}", json={**whole, **change})
            assert (answer.status_code, answer.json()["param"]) == (400, param), change
            assert answer.json()["fix"]

    run(story)


def test_a_tile_whose_search_came_to_be_refused_keeps_nobody_from_changing_the_rest(run: "Run") -> None:
    async def story(house: House) -> None:
        tiles = [{"title": "Sound", "q": "status:ok"}, {"title": "Odd", "q": "status:error"}]
        made = (await house.admin.post(f"{AT}/dashboards", json={**BOARD, "tiles": tiles})).json()
        row = BOARDS.c.id == made["id"]
        body = await house.db.read(lambda conn: conn.execute(select(BOARDS.c.body).where(row)).scalar_one())
        odd = body.replace("status:error", "status:eror")  # as an older version may have taken it
        await house.db.write(lambda conn: conn.execute(update(BOARDS).where(row).values(body=odd)))
        where = f"{AT}/dashboards/{made['id']}"
        shown = (await house.admin.get(where)).json()
        assert [each["q"] for each in shown["tiles"]] == ["status:ok", "status:eror"]
        alone = await house.admin.get(f"{AT}/aggregate", params={"q": "status:eror"})
        assert (alone.status_code, "eror is no status" in alone.json()["detail"]) == (400, True)
        assert "ok, error, cancelled, running" in alone.json()["fix"]

        moved = [{**shown["tiles"][1], "x": 6, "title": "Moved"}, {**shown["tiles"][0], "q": "status:cancelled"}]
        changed = await house.admin.put(where, json={**BOARD, "name": "Renamed", "tiles": moved})
        assert changed.status_code == 200, changed.text
        assert [(each["title"], each["q"]) for each in changed.json()["tiles"]] == [
            ("Moved", "status:eror"), ("Sound", "status:cancelled")
        ]  # fmt: skip
        worse = [{**moved[0], "q": "status:erro"}, moved[1]]
        refused = await house.admin.put(where, json={**BOARD, "name": "Renamed", "tiles": worse})
        assert (refused.status_code, refused.json()["param"]) == (400, "tiles[0].q")

    run(story)


def test_reading_is_not_writing(run: "Run") -> None:
    async def story(house: House) -> None:
        key = (await house.admin.post(f"{AT}/keys", json={"name": "r", "role": "read_only"})).json()
        reader = house.client(key["secret"])
        assert (await reader.get(f"{AT}/dashboards")).status_code == 200
        assert (await reader.post(f"{AT}/views", json=SLOW)).status_code == 403
        assert (await reader.delete(f"{AT}/dashboards/default")).status_code == 403

    run(story)


def test_pages_of_a_list_hold_everything_once(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = house.admin
        names = ["b", "A", "c c", "Ä"]
        for name in names:
            await admin.post(f"{AT}/views", json={"name": name})
        found: list[str] = []
        cursor: str | None = None
        for _ in names:
            query = {"limit": 1} | ({"cursor": cursor} if cursor else {})
            page = (await admin.get(f"{AT}/views", params=query)).json()
            found += [each["name"] for each in page["items"]]
            cursor = page["cursor"]
        assert (found, cursor) == (["A", "b", "c c", "Ä"], None)

    run(story)


def test_the_dashboard_that_a_project_begins_with_is_sound() -> None:
    assert check_dashboard(DEFAULT) is DEFAULT
