"""Apps in the snapshot: compiled once, kept through an outage, and never the trouble of others."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from house import House, Run, make_house
from sqlalchemy import update

from trimtab.core.errors import NotFound, Unavailable
from trimtab.gateway.apps import compile as compiling
from trimtab.gateway.apps.rendering import Renderers
from trimtab.gateway.apps.types import ProjectApps, Ready
from trimtab.gateway.targets import Model, Provider
from trimtab.governance.projects import REVISION
from trimtab.governance.secrets import load
from trimtab.ledger.limits import picodollars
from trimtab.releases.lanes import ReleaseRow
from trimtab.releases.tables import RELEASES
from trimtab.server.config.file import ConfigFile
from trimtab.server.snapshot import apps as snapshot_apps
from trimtab.server.snapshot.apps import Directly
from trimtab.server.snapshot.holder import FILE, SnapshotHolder
from trimtab.storage.database import Database
from trimtab.storage.revision import bump

AT = "/api/v1/projects/default"
PROMPT = "---\nname: greet\nvariables:\n  customer: {}\n---\n@system\nBe kind to {{ customer }}.\n"


async def said(house: House, method: str, path: str, body: Any) -> Any:
    answer = await house.admin.request(method, f"{AT}{path}", json=body)
    assert answer.status_code < 300, answer.text
    return answer.json()


async def released(house: House, app: str = "support", **spec: Any) -> int:
    """A new release of an app whose route is the model ``fast``, which is made where it is not there."""
    if not house.holder.current.targets[project_of(house)].models:
        await said(house, "POST", "/providers", {"name": "lab", "base_url": "http://127.0.0.1:9/v1"})
        await said(house, "POST", "/models", {"name": "fast", "provider": "lab"})
        await said(house, "POST", "/prompts/greet/versions", {"file": PROMPT})
    await said(house, "PUT", f"/apps/{app}", {"spec": {"route": "fast", **spec}})
    made = await said(house, "POST", f"/apps/{app}/releases", {})
    return made["release"]["number"]


async def rolled_out(house: House, number: int, app: str = "support", **plan: Any) -> Any:
    body = {"release": str(number), "plan": plan or {"kind": "direct"}}
    return await said(house, "POST", f"/apps/{app}/environments/production/rollouts", body)


def project_of(house: House) -> str:
    return house.holder.current.access.projects["default"].id


def apps_of(house: House) -> ProjectApps:
    return house.holder.current.apps[project_of(house)]


def ready(house: House, name: str = "support", number: int = 1) -> Ready:
    return apps_of(house).placed[name].releases[number]


def test_what_is_placed_is_in_force_when_the_answer_comes_and_compiled_once(run: Run) -> None:
    async def story(house: House) -> None:
        assert house.holder.current.apps == {}
        await rolled_out(house, await released(house, prompt="greet"))
        assert apps_of(house).placed.keys() == {"support", "support@production"}
        assert apps_of(house).environments == ("development", "staging", "production")
        first = ready(house)
        assert first.prompt is not None
        assert first.prompt.name == "greet@1"
        await said(house, "POST", "/models", {"name": "other", "provider": "lab"})
        again = ready(house)
        assert again.prompt is first.prompt
        assert again.route is not first.route

    run(story)


def test_releases_are_compiled_beside_the_loop_that_calls_run_in(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[bool] = []
    kit = compiling._kit  # pyright: ignore[reportPrivateUsage]

    def noted(row: ReleaseRow) -> Any:
        threads.append(threading.current_thread() is threading.main_thread())
        return kit(row)

    monkeypatch.setattr(compiling, "_kit", noted)

    async def story(house: House) -> None:
        await rolled_out(house, await released(house, prompt="greet"))
        await released(house, metadata={"n": 2})
        holder = house.holder
        directly = Directly(house.db, lambda: holder.current, holder.made_with)
        assert (await directly(project_of(house), "support", 2)).short == "r2"
        assert threads == [False, False]

    run(story)


def test_a_rollouts_candidate_is_there_with_it_and_its_budget_while_it_is_a_shadow(run: Run) -> None:
    async def story(house: House) -> None:
        await rolled_out(house, await released(house, prompt="greet"))
        made = await rolled_out(house, await released(house), kind="shadow", share=0.25, budget="1.50")
        placed = apps_of(house).placed["support"]
        assert placed.releases.keys() == {1, 2}
        assert (placed.lane.stable, placed.lane.candidate, placed.lane.share) == (1, 2, 0.25)
        limits = house.holder.current.limits[made["id"]]
        assert limits is placed.limits
        assert limits.rules[0].bound == picodollars("1.50")
        await said(house, "POST", f"/rollouts/{made['id']}/stop", {"reason": "Seen enough."})
        assert house.holder.current.limits == {}
        assert apps_of(house).placed["support"].releases.keys() == {1}

    run(story)


def test_a_worker_that_starts_without_its_database_has_its_apps(run: Run, tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await rolled_out(house, await released(house, prompt="greet"))

    run(story)

    async def start() -> None:
        away = Database.open(f"sqlite:///{__file__}/nowhere/catalog.sqlite")
        holder = SnapshotHolder(away, ConfigFile(), load(tmp_path, None), tmp_path / FILE)
        await holder.load()
        [apps] = holder.current.apps.values()
        prompt = apps.placed["support"].releases[1].prompt
        assert prompt is not None
        told = await prompt.aside({"customer": "Ada"}, Renderers(1))
        assert told.before == ({"role": "system", "content": "Be kind to Ada."},)

    asyncio.run(start())


@pytest.mark.parametrize(
    "content", ["{}", "{", '{"route": {"node": "moon"}}', '{"route":"fast","parameters":{"model":"x"}}']
)
def test_a_release_that_cannot_be_used_is_told_under_its_apps_name_and_harms_no_other(run: Run, content: str) -> None:
    async def story(house: House) -> None:
        await rolled_out(house, await released(house))
        await rolled_out(house, await released(house, "other"), "other")

        def break_it(conn: Any) -> None:
            conn.execute(update(RELEASES).where(RELEASES.c.app == "support").values(content=content, hash="sha256:x"))
            bump(conn, REVISION)

        await house.db.write(break_it)
        await house.holder.refresh()
        assert "support" in house.holder.trouble(project_of(house), "support")
        broken = ready(house)
        assert broken.trouble or (broken.route is not None and broken.route.trouble)
        assert not ready(house, "other").trouble

    run(story)


def test_a_model_of_the_config_file_hides_an_app_of_its_name_and_that_is_told(tmp_path: Path) -> None:
    async def story() -> None:
        house = await make_house(tmp_path)
        await rolled_out(house, await released(house))
        await house.close()
        lab = Provider(name="lab2", kind="custom", dialect="openai_chat", base_url="http://file/v1")
        model = Model(name="support", provider="lab2", upstream="x")
        config = ConfigFile(path="t.yaml", providers={"lab2": lab}, models={"support": model})
        house = await make_house(tmp_path, config=config)
        assert "same name" in house.holder.trouble(project_of(house), "support")
        assert house.holder.current.apps == {}
        await house.close()

    asyncio.run(story())


def test_a_release_called_by_its_number_is_looked_up_once_and_kept_through_an_outage(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot_apps, "REMEMBERED", 2)

    async def story(house: House) -> None:
        for message in range(4):
            await released(house, metadata={"n": message})
        await rolled_out(house, 4)
        holder, project = house.holder, project_of(house)
        directly = Directly(house.db, lambda: holder.current, holder.made_with)
        first = await directly(project, "support", 1)
        assert (first.short, first.trouble) == ("r1", "")
        assert await directly(project, "support", 1) is first
        assert await directly(project, "support", 4) is ready(house, number=4)
        with pytest.raises(NotFound):
            await directly(project, "support", 9)
        gone = Directly(Database.open(f"sqlite:///{__file__}/no/c.sqlite"), lambda: holder.current, holder.made_with)
        assert (await gone(project, "support", 4)).short == "r4"
        with pytest.raises(Unavailable):
            await gone(project, "support", 1)
        await directly(project, "support", 2)
        await directly(project, "support", 3)
        assert await directly(project, "support", 1) is not first
        assert len(directly._rows) == len(directly._ready) == len(directly._releases) == 2  # pyright: ignore[reportPrivateUsage]

    run(story)
