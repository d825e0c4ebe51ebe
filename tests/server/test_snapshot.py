# pyright: reportPrivateUsage=false
"""The snapshot: what is in it, that it follows the catalog, and that it outlives it."""

import asyncio
import shutil
import stat
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from house import ADMIN, House, Run, make_house

from patience import PATIENCE_S
from trimtab.core.errors import Unavailable
from trimtab.gateway.store import ModelRow
from trimtab.gateway.targets import Model, Provider
from trimtab.governance import bootstrap, keys, projects
from trimtab.governance.access import digest
from trimtab.governance.keys import Wanted
from trimtab.governance.secrets import SecretBox, load
from trimtab.governance.store import ProjectRow
from trimtab.ledger.limit_store import LimitRow
from trimtab.ledger.limits import Rule
from trimtab.releases.lanes import Lanes
from trimtab.server.config.file import ConfigFile
from trimtab.server.snapshot import holder as snapshot
from trimtab.server.snapshot.holder import FILE, SnapshotHolder
from trimtab.server.snapshot.state import CatalogState, read_state
from trimtab.storage.database import Database
from trimtab.telemetry.price_file import PriceFile

CANARY = "sk-canary-0123456789"
LAB = {"name": "lab", "base_url": "http://127.0.0.1:9/v1", "api_key": CANARY, "headers": {"x-a": "canary-header"}}
AWAY = f"sqlite:///{__file__}/nowhere/catalog.sqlite"


async def furnished(house: House) -> str:
    """A provider and two models in the default project; the project's id."""
    at = "/api/v1/projects/default"
    for path, body in (
        ("providers", LAB),
        ("models", {"name": "slow", "provider": "lab"}),
        ("models", {"name": "fast", "provider": "lab", "upstream": "up", "fallback": ["slow"]}),
    ):
        answer = await house.admin.post(f"{at}/{path}", json=body)
        assert answer.status_code == 201, answer.text
    return house.holder.current.access.projects["default"].id


class Walked(list[Any]):
    """How often somebody went through it."""

    times = 0

    def __iter__(self) -> Iterator[Any]:
        self.times += 1
        return super().__iter__()


def test_however_many_projects_there_are_their_rows_are_gone_through_a_few_times(tmp_path: Path) -> None:
    """The loop that calls run in stands still while a snapshot is made."""
    walks: list[list[int]] = []
    for many in (2, 60):
        ids = [f"prj_{at}" for at in range(many)]
        state = CatalogState(
            version=1,
            projects=[ProjectRow(id=each, slug=each, name=each, capture_content=True, created=1) for each in ids],
            keys=Walked(),
            providers=Walked(),
            models=Walked(
                ModelRow(project_id=each, name=f"m-{each}", provider="lab", upstream="u", created=1, updated=1)
                for each in ids
            ),
            limits=Walked(
                LimitRow(
                    project_id=each, name=each, rule=Rule(name=each, measure="requests", bound=9, window="hour")
                )
                for each in ids
            ),
            apps=Lanes(apps=Walked(), lanes=Walked(), environments=Walked(), releases=Walked()),
        )  # fmt: skip
        made = snapshot.build(state, ConfigFile(), load(tmp_path, None)).snapshot
        assert {each: [rule.name for rule in made.limits[each].rules] for each in ids} == {each: [each] for each in ids}
        rows = (state.keys, state.providers, state.models, state.limits)
        walks.append([each.times for each in rows if isinstance(each, Walked)])
    assert walks[0] == walks[1]
    assert max(walks[0]) <= 5


def test_a_change_by_the_api_is_in_force_when_its_answer_comes(run: Run) -> None:
    async def story(house: House) -> None:
        project = await furnished(house)
        targets = house.holder.current.targets[project]
        assert targets.providers["lab"].api_key == CANARY
        assert targets.providers["lab"].headers == {"x-a": "canary-header"}
        assert targets.models["fast"] == Model(name="fast", provider="lab", upstream="up", fallback=("slow",))
        before = house.holder.current
        await house.admin.delete("/api/v1/projects/default/models/fast")
        assert "fast" not in house.holder.current.targets[project].models
        assert "fast" in before.targets[project].models
        assert house.holder.current.version > before.version

    run(story)


def test_the_hook_is_awaited_after_a_change_is_in_force_here_and_before_the_answer(run: Run) -> None:
    async def story(house: House) -> None:
        seen: list[int] = []

        async def tell() -> None:
            await asyncio.sleep(0)
            seen.append(house.holder.current.version)

        house.holder.on_change = tell
        before = house.holder.current.version
        await house.admin.post("/api/v1/projects", json={"slug": "one"})
        assert seen == [house.holder.current.version]
        assert seen[0] > before

    run(story)


def test_nothing_is_read_again_while_the_revision_stands_still(run: Run) -> None:
    async def story(house: House) -> None:
        before = house.holder.current
        assert await house.holder.refresh() is False
        assert house.holder.current is before

    run(story)


def test_a_change_of_another_process_arrives_by_itself(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "POLL_S", 0.01)

    async def story(house: House) -> None:
        house.holder.start()
        other = Database.open(house.deps.settings.catalog_url)
        wanted = Wanted(name="k", role="read_only", project_id=None)
        issued = await other.write(lambda conn: keys.issue(conn, wanted, house.deps.now()))
        await other.close()
        async with asyncio.timeout(PATIENCE_S):
            while digest(issued.secret) not in house.holder.current.access.keys:  # noqa: ASYNC110 it has no event
                await asyncio.sleep(0.005)

    run(story)


def test_many_refreshes_at_once_end_with_the_newest_state(run: Run) -> None:
    async def story(house: House) -> None:
        async def one(n: int) -> None:
            slug = f"p{n}"
            await house.db.write(lambda conn: projects.create(conn, slug=slug, name="", capture_content=True, now=1))
            await house.holder.refresh()
            assert slug in house.holder.current.access.projects

        await asyncio.gather(*(one(n) for n in range(12)))

    run(story)


# --- config over catalog ---


def filed(**providers: Provider) -> ConfigFile:
    models = {"fast": Model(name="fast", provider="lab", upstream="from-file")}
    return ConfigFile(path="t.yaml", providers=providers, models=models)


def test_a_projects_own_prices_are_told_to_the_telemetry_process_when_the_answer_comes(run: Run) -> None:
    async def story(house: House) -> None:
        project = house.holder.current.access.projects["default"].id
        told = PriceFile(house.folder, count().__next__)
        assert told(project) == ()
        body = {"prices": [{"provider": "nobody-here", "model": "m*", "rates": {"input": "1", "output": "2"}}]}
        made = await house.admin.post("/api/v1/projects/default/prices", json=body)
        assert made.status_code == 201, made.text
        [row] = told(project)
        assert (row.provider, row.model, row.rates.output) == ("nobody-here", "m*", "2")
        assert house.holder.current.dated == {project: (row,)}
        await house.admin.delete(f"/api/v1/projects/default/prices/{row.id}")
        assert told(project) == ()

    run(story)


def test_the_config_file_wins_by_name_in_its_project_only(run: Run) -> None:
    lab = Provider(name="lab", kind="custom", dialect="openai_chat", base_url="http://file/v1")

    async def story(house: House) -> None:
        at = "/api/v1/projects/other"
        await house.admin.post("/api/v1/projects", json={"slug": "other"})
        await house.admin.post(f"{at}/providers", json=LAB)
        await house.admin.post(f"{at}/models", json={"name": "fast", "provider": "lab"})
        current = house.holder.current
        ids = {slug: project.id for slug, project in current.access.projects.items()}
        assert current.targets[ids["default"]].providers["lab"].base_url == "http://file/v1"
        assert current.targets[ids["default"]].models["fast"].upstream == "from-file"
        assert current.targets[ids["other"]].providers["lab"].base_url == LAB["base_url"]
        for slug, source in (("default", "config"), ("other", "catalog")):
            listed = (await house.admin.get(f"/api/v1/projects/{slug}/providers")).json()["items"]
            assert [(p["name"], p["source"]) for p in listed] == [("lab", source)]
        refused = await house.admin.patch("/api/v1/projects/default/providers/lab", json={"base_url": "http://x"})
        assert refused.status_code == 409

    run(story, config=filed(lab=lab))


def test_a_model_whose_provider_left_the_config_file_is_shown_with_its_trouble_and_not_called(tmp_path: Path) -> None:
    lab = Provider(name="lab", kind="custom", dialect="openai_chat", base_url="http://file/v1")

    async def story() -> None:
        house = await make_house(tmp_path, config=ConfigFile(path="t.yaml", providers={"lab": lab}))
        for body in ({"name": "slow", "provider": "lab"},):
            assert (await house.admin.post("/api/v1/projects/default/models", json=body)).status_code == 201
        await house.admin.post("/api/v1/projects/default/providers", json={**LAB, "name": "kept"})
        body = {"name": "fast", "provider": "kept", "fallback": ["slow"]}
        assert (await house.admin.post("/api/v1/projects/default/models", json=body)).status_code == 201
        await house.close()
        house = await make_house(tmp_path)
        project = house.holder.current.access.projects["default"].id
        models = house.holder.current.targets[project].models
        assert list(models) == ["fast"]
        assert models["fast"].fallback == ()
        shown = {m["name"]: m for m in (await house.admin.get("/api/v1/projects/default/models")).json()["items"]}
        assert shown["slow"]["health"] == "failing"
        assert "'lab'" in shown["slow"]["last_error"]
        tried = await house.admin.post("/api/v1/projects/default/models/slow/test")
        assert tried.status_code == 404
        assert "'lab'" in tried.json()["fix"]
        await house.close()

    asyncio.run(story())


def test_a_provider_sealed_with_another_key_is_left_out_and_said_so_and_can_be_entered_again(tmp_path: Path) -> None:
    async def story() -> None:
        house = await make_house(tmp_path)
        await furnished(house)
        await house.close()
        (tmp_path / "secret.key").unlink()
        house = await make_house(tmp_path)
        project = house.holder.current.access.projects["default"].id
        assert house.holder.current.targets[project].providers == {}
        (shown,) = (await house.admin.get("/api/v1/projects/default/providers")).json()["items"]
        assert shown["health"] == "failing"
        assert "TRIMTAB_SECRET_KEY" in shown["last_error"]
        assert (await house.admin.get("/api/v1/projects/default/models")).status_code == 200
        path = "/api/v1/projects/default/providers/lab"
        half = await house.admin.patch(path, json={"api_key": "sk-new"})
        assert half.json()["code"] == "wrong_secret_key"
        whole = await house.admin.patch(path, json={"api_key": "sk-new", "headers": {}})
        assert whole.status_code == 200
        assert house.holder.current.targets[project].providers["lab"].api_key == "sk-new"
        await house.close()

    asyncio.run(story())


# --- the catalog is away ---


def test_the_file_is_for_its_owner_alone_and_holds_no_secret(run: Run, tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await furnished(house)
        await house.admin.post("/api/v1/projects/default/keys", json={"name": "k"})

    run(story)
    content = (tmp_path / FILE).read_bytes()
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert b"canary" not in content
    assert ADMIN.encode() not in content
    assert digest(ADMIN) in content
    assert sorted(p.name for p in tmp_path.iterdir() if "snapshot" in p.name) == [FILE]


def away(folder: Path, url: str = AWAY, config: ConfigFile | None = None) -> SnapshotHolder:
    return SnapshotHolder(Database.open(url), config or ConfigFile(), load(folder, None), folder / FILE)


def test_a_worker_starts_without_its_database_from_the_last_known_state(run: Run, tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await furnished(house)

    run(story)

    async def start() -> None:
        holder = away(tmp_path)
        await holder.load()
        assert holder.ready
        assert "cannot be used" in holder.away
        principal = holder.current.access.authenticate(ADMIN, 0)
        assert holder.principal(principal.key_id) == principal
        project = holder.current.access.projects["default"].id
        assert holder.current.targets[project].providers["lab"].api_key == CANARY

    asyncio.run(start())


def test_without_database_and_file_it_is_not_ready_and_says_why(tmp_path: Path) -> None:
    async def start() -> None:
        holder = away(tmp_path)
        await holder.load()
        assert not holder.ready
        with pytest.raises(Unavailable) as caught:
            _ = holder.current
        assert caught.value.code == "starting"

    asyncio.run(start())


DAMAGES: list[Callable[[bytes], bytes]] = [lambda _: b"", lambda b: b[: len(b) // 2], lambda b: b"\xc1" + b]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_as_good_as_none(run: Run, tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    async def story(house: House) -> None:
        await furnished(house)

    run(story)
    (tmp_path / FILE).write_bytes(damage((tmp_path / FILE).read_bytes()))

    async def start() -> bool:
        holder = away(tmp_path)
        await holder.load()
        return holder.ready

    assert asyncio.run(start()) is False


@pytest.mark.postgres
def test_it_serves_through_an_outage_and_catches_up_after_it(postgres: Any, tmp_path: Path) -> None:
    """The same server is reached through a link to its socket's folder, which is taken away and put back."""
    real = postgres()
    host = real.partition("host=")[2]
    link = tmp_path / "pg"
    link.symlink_to(host)
    url = real.replace(host, str(link))

    async def story() -> None:
        house = await make_house(tmp_path / "data", url=url)
        await furnished(house)
        issued = await house.admin.post("/api/v1/projects/default/keys", json={"name": "k", "role": "read_only"})
        link.unlink()
        await house.db.close()
        project = house.holder.current.access.projects["default"].id
        assert house.holder.current.targets[project].providers["lab"].api_key == CANARY
        assert (await house.admin.get("/api/v1/projects/default/traces")).status_code == 200
        assert house.holder.away == ""
        unknown = await house.client("tt_nobody").get("/api/v1/projects/default/traces")
        assert unknown.status_code == 401
        assert "cannot be used" in house.holder.away
        listed = await house.admin.get("/api/v1/projects/default/providers")
        assert (listed.status_code, listed.json()["code"]) == (503, "catalog_unavailable")
        assert listed.headers["retry-after"]
        assert (await house.admin.get("/api/v1/status")).json()["catalog"]["state"] == "failed"
        link.symlink_to(host)
        other = Database.open(real)
        key = issued.json()["key"]["id"]
        await other.write(lambda conn: keys.revoke(conn, project, key, house.deps.now()))
        await other.close()
        assert await house.holder.refresh() is True
        assert house.holder.away == ""
        assert (await house.client(issued.json()["secret"]).get("/api/v1/me")).status_code == 401
        await house.close()

    asyncio.run(story())


@pytest.mark.postgres
def test_the_api_works_the_same_on_postgresql(postgres: Any, tmp_path: Path) -> None:
    url = postgres()

    async def story() -> None:
        house = await make_house(tmp_path, url=url)
        project = await furnished(house)
        assert house.holder.current.targets[project].providers["lab"].api_key == CANARY
        issued = (await house.admin.post("/api/v1/projects/default/keys", json={"name": "k"})).json()
        assert (await house.client(issued["secret"]).get("/api/v1/me")).json()["role"] == "client"
        path = f"/api/v1/projects/default/keys/{issued['key']['id']}"
        assert (await house.admin.delete(path)).status_code == 204
        assert (await house.client(issued["secret"]).get("/api/v1/me")).status_code == 401
        refused = await house.admin.delete("/api/v1/projects/default/providers/lab")
        assert refused.status_code == 409
        again = await house.admin.post("/api/v1/projects", json={"slug": "default"})
        assert again.status_code == 409
        await house.close()

    asyncio.run(story())


def test_a_full_disk_does_not_undo_a_change(run: Run, tmp_path: Path) -> None:
    async def story(house: House) -> int:
        house.holder._file = tmp_path / "gone" / FILE
        return (await house.admin.post("/api/v1/projects", json={"slug": "new"})).status_code

    assert run(story) == 201


def test_the_same_state_always_builds_the_same_snapshot(run: Run) -> None:
    async def story(house: House) -> None:
        await furnished(house)
        state = await house.db.read(read_state)
        uses = house.holder.key_uses
        one, two = (snapshot.build(state, ConfigFile(), house.box, uses=uses) for _ in range(2))
        assert one == two
        assert one.snapshot == house.holder.current

    run(story)


def test_a_first_start_makes_what_a_snapshot_needs(tmp_path: Path) -> None:
    async def story() -> None:
        db = Database.open(f"sqlite:///{tmp_path / 'c.sqlite'}")
        start = await db.write(lambda conn: bootstrap.ensure(conn, admin_key=None, project="default", now=1))
        holder = SnapshotHolder(db, ConfigFile(), SecretBox(bytes(32)), tmp_path / FILE)
        await holder.load()
        assert holder.current.access.authenticate(start.admin_secret or "", 0).role == "admin"
        await db.close()
        shutil.rmtree(tmp_path, ignore_errors=True)

    asyncio.run(story())


def test_a_change_that_the_catalog_went_away_after_is_told_as_saved_and_a_key_with_its_secret(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was told as refused: who sent it again met a conflict, and the secret of a key was nowhere."""

    async def story(house: House) -> None:
        at = "/api/v1/projects/default"

        async def away() -> bool:
            raise Unavailable("The catalog database cannot be used now.", fix="See that it runs.")

        rule = {"name": "few", "measure": "requests", "bound": "9", "window": "minute"}
        with monkeypatch.context() as gone:
            gone.setattr(house.holder, "refresh", away)
            told = await house.admin.post(f"{at}/limits", json=rule)
            assert (told.status_code, told.json()["code"]) == (503, "saved_not_in_force")
            assert told.json()["fix"].startswith("Do not send it again")
            assert "See that it runs." in told.json()["fix"]
            issued = await house.admin.post(f"{at}/keys", json={"name": "bot", "role": "editor"})
            assert issued.status_code == 201, issued.text
        await house.holder.refresh()
        assert [each["name"] for each in (await house.admin.get(f"{at}/limits")).json()["items"]] == ["few"]
        assert (await house.client(issued.json()["secret"]).get("/api/v1/me")).status_code == 200

    run(story)
