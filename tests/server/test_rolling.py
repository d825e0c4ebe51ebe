"""The controller: it does what the rules say, with the evidence beside it, and never more than it knows."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from catalogs import laid
from patience import PATIENCE_S
from trimtab.core.clock import FixedClock
from trimtab.core.errors import Conflict, InvalidRequest, Unavailable
from trimtab.governance import audit
from trimtab.governance import store as governance
from trimtab.governance.audit import Actor
from trimtab.governance.store import ProjectRow
from trimtab.releases import approvals, apps, environments, rollouts, store
from trimtab.releases.apps import Edit
from trimtab.releases.environments import EnvironmentEdit
from trimtab.releases.rollout import Move
from trimtab.releases.rollouts import CONTROLLER, Act, Start
from trimtab.releases.rules import Action, Decision
from trimtab.releases.store import NewRelease
from trimtab.releases.types import Approval, AppSpec, Content, Plan, Protection, Rollout, Step
from trimtab.server.duties.rolling import HOLD_MS, Controller, Parts
from trimtab.storage.database import Database

ADA, BOB = Actor("key_ada", "ada"), Actor("key_bob", "bob")
STEPS = (Step(share=0.1, hold_s=60), Step(share=0.5, hold_s=60))
P, APP, PROD = "p1", "support", "production"


class World:
    """A catalog with `support` r1 in production, and a controller whose figures say what they are told to."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.clock = FixedClock()
        self.says: dict[str, Action] = {}
        self.away = False
        self.told = 0
        self.asked: list[tuple[str, int]] = []
        self.meanwhile: Callable[[Rollout], Awaitable[None]] | None = None

    def controller(self) -> Controller:
        parts = Parts(db=self.db, judge=self.judge, changed=self.changed, clock=self.clock)
        return Controller(parts, patience_s=60)

    async def judge(self, rollout: Rollout, now: int) -> Decision:
        self.asked.append((rollout.id, now))
        if self.meanwhile is not None:
            await self.meanwhile(rollout)
        if self.away:
            raise Unavailable("The telemetry store is away.")
        action = self.says.get(rollout.id, "wait")
        return Decision(action=action, rule=f"test -> {action}", number=1, reason=f"It says {action}.")

    async def changed(self) -> None:
        self.told += 1

    @property
    def now(self) -> int:
        return self.clock.now_ns() // 1_000_000

    async def start(self, number: int, **more: Any) -> Rollout:
        plan, where = more.pop("plan", Plan(steps=STEPS)), more.pop("environment", PROD)
        wanted = Start(
            project_id=P, app=APP, environment=where, candidate=number, plan=plan, actor=ADA, now=self.now, **more
        )
        return await self.db.write(lambda conn: rollouts.start(conn, wanted))

    async def act(self, rollout: Rollout, move: Move, *, expected: int | None = None) -> Rollout:
        act = Act(project_id=P, rollout=rollout.id, move=move, actor=ADA, now=self.now, expected=expected)
        return await self.db.write(lambda conn: rollouts.act(conn, act))

    async def at(self, rollout: Rollout) -> Rollout:
        return await self.db.read(lambda conn: rollouts.rollout(conn, P, rollout.id))

    async def protect(self, protection: Protection) -> None:
        edit = EnvironmentEdit(project_id=P, name=PROD, actor=ADA, now=self.now, protection=protection)
        await self.db.write(lambda conn: environments.put(conn, edit))

    async def approve(self, number: int) -> None:
        given = Approval(
            project_id=P, app=APP, number=number, environment=PROD, author=BOB.id, author_name=BOB.name, note="",
            created=self.now,
        )  # fmt: skip
        await self.db.write(lambda conn: approvals.approve(conn, given))

    async def trail(self, rollout: Rollout) -> list[tuple[str, str]]:
        sought = audit.Sought(subject=rollouts.subject_of(rollout))
        found = await self.db.read(lambda conn: audit.entries(conn, P, sought))
        return [(each.action, each.actor_name) for each in reversed(found)]


async def furnish(world: World) -> None:
    def write(conn: Any) -> None:
        governance.add_project(conn, ProjectRow(id=P, slug="one", name="one", capture_content=True, created=1))
        spec = AppSpec(route="m")
        edit = Edit(project_id=P, name=APP, spec=spec, now=1, actor=ADA)
        apps.put(conn, edit, lambda _: {})
        for number in (1, 2, 3):
            made = NewRelease(
                project_id=P, app=APP, content=Content(route=f"m{number}"), hash=f"sha256:{number}", message="",
                author=ADA.id, author_name=ADA.name, now=1,
            )  # fmt: skip
            store.create(conn, made)

    await world.db.write(write)
    await world.start(1, plan=Plan(kind="direct"))


def tell(url: str, story: Callable[[World], Coroutine[Any, Any, None]]) -> None:
    async def whole() -> None:
        db = Database.open(url)
        try:
            world = World(db)
            await furnish(world)
            await story(world)
        finally:
            await db.close()

    asyncio.run(whole())


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    return laid(tmp_path)


def test_it_goes_step_by_step_to_the_end_and_writes_down_why(catalog_url: str) -> None:
    async def story(world: World) -> None:
        made, controller = await world.start(2), world.controller()
        await controller.turn()
        assert (await world.at(made)).revision == 1, "it waits"
        assert world.told == 0
        world.says[made.id] = "advance"
        await controller.turn()
        second = await world.at(made)
        assert (second.state, second.step, world.told) == ("running", 1, 1)
        assert (second.reason, second.evidence["rule"]) == ("It says advance.", "test -> advance")
        await controller.turn()
        ended = await world.at(made)
        assert (ended.state, ended.ended is not None) == ("promoted", True), "after the last step comes promotion"
        placed = await world.db.read(lambda conn: environments.placement(conn, P, APP, PROD))
        assert (placed.stable, placed.rollout) == (2, None)
        assert await world.trail(made) == [
            ("rollout.started", "ada"),
            ("rollout.advanced", CONTROLLER.name),
            ("rollout.promoted", CONTROLLER.name),
        ]
        await controller.turn()
        assert len(world.asked) == 3, "what has ended is looked at no more"

    tell(catalog_url, story)


def test_what_is_worse_is_taken_back_also_while_it_is_held_or_frozen_out(sqlite: str) -> None:
    async def story(world: World) -> None:
        controller = world.controller()
        held = await world.act(await world.start(2), Move(action="hold"))
        for action in ("advance", "promote", "hold"):
            world.says[held.id] = action
            await controller.turn()
            assert (await world.at(held)).state == "held"
        await world.protect(Protection(approvals=3, gate=True, note=True))
        world.says[held.id] = "rollback"
        await controller.turn()
        assert (await world.at(held)).state == "rolled_back"

    tell(sqlite, story)


def test_while_the_store_is_away_it_waits_and_says_so(sqlite: str) -> None:
    async def story(world: World) -> None:
        made, controller = await world.start(2), world.controller()
        world.says[made.id], world.away = "promote", True
        world.clock.advance(86_400)
        await controller.turn()
        assert (await world.at(made)).revision == 1
        seen = await controller.look(made)
        assert (seen.decision, "store is away" in seen.waits) == (None, True)
        world.away = False
        await controller.turn()
        assert (await world.at(made)).state == "promoted"

    tell(sqlite, story)


def test_one_that_cannot_be_judged_keeps_no_other_from_going_back(
    sqlite: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(world: World) -> None:
        controller, broken = world.controller(), await world.start(2)
        await world.start(1, plan=Plan(kind="direct"), environment="staging")
        worse = await world.start(2, environment="staging")
        world.says[worse.id] = "rollback"

        async def fail(rollout: Rollout) -> None:
            if rollout.id == broken.id:
                raise InvalidRequest("A guard that this version does not know.")

        world.meanwhile = fail
        await controller.turn()
        await controller.turn()
        assert sorted(each for each, _ in world.asked) == sorted([broken.id, worse.id, broken.id])
        assert (await world.at(worse)).state == "rolled_back"
        assert (await world.at(broken)).state == "running"
        assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
            f"rollout {broken.id} (support in production) cannot be judged"
        ], "told once, not with every look"

    tell(sqlite, story)


def test_a_store_that_is_slow_about_one_keeps_no_other_from_going_back(sqlite: str) -> None:
    async def story(world: World) -> None:
        controller, slow = world.controller(), await world.start(2)
        await world.start(1, plan=Plan(kind="direct"), environment="staging")
        worse = await world.start(2, environment="staging")
        world.says[worse.id], world.says[slow.id] = "rollback", "promote"
        answered = asyncio.Event()

        async def hang(rollout: Rollout) -> None:
            if rollout.id == slow.id:
                await answered.wait()

        world.meanwhile = hang
        turn = asyncio.ensure_future(controller.turn())
        async with asyncio.timeout(PATIENCE_S):
            while (await world.at(worse)).state != "rolled_back":  # noqa: ASYNC110  only the catalog tells
                await asyncio.sleep(0.01)
        assert not turn.done()
        answered.set()
        await turn
        assert (await world.at(slow)).state == "promoted"
        assert [rollout for rollout, _ in world.asked].count(slow.id) == 1

    tell(sqlite, story)


def test_what_the_environment_demands_is_waited_for_unless_an_emergency_began_it(sqlite: str) -> None:
    async def story(world: World) -> None:
        controller = world.controller()
        await world.protect(Protection(approvals=1))
        with pytest.raises(Conflict, match="0 of 1"):
            await world.start(2)
        await world.approve(2)
        made = await world.start(2)
        await world.protect(Protection(approvals=2))
        world.says[made.id] = "advance"
        await controller.turn()
        seen = await controller.look(made)
        assert ((await world.at(made)).step, "1 of 2 approvals" in seen.waits) == (0, True)
        await world.act(made, Move(action="stop"))
        urgent = await world.start(3, override="Wrong prices on the site")
        world.says[urgent.id] = "advance"
        await controller.turn()
        assert (await world.at(urgent)).step == 1

    tell(sqlite, story)


def test_a_person_who_was_quicker_is_not_overruled(sqlite: str) -> None:
    async def story(world: World) -> None:
        made, controller = await world.start(2), world.controller()
        other = await world.db.read(lambda conn: rollouts.open_rollouts(conn))
        assert [each.id for each in other] == [made.id]

        async def held_meanwhile(rollout: Rollout) -> None:
            world.meanwhile = None
            await world.act(rollout, Move(action="hold", reason="lunch"))

        world.says[made.id], world.meanwhile = "promote", held_meanwhile
        await controller.turn()
        assert ((await world.at(made)).state, (await world.at(made)).reason) == ("held", "lunch")
        with pytest.raises(Conflict, match="held at step 1"):
            await world.act(made, Move(action="advance"), expected=1)

    tell(sqlite, story)


def test_one_decides_and_another_follows_when_it_is_gone(catalog_url: str) -> None:
    async def story(world: World) -> None:
        made = await world.start(2)
        first, second = world.controller(), world.controller()
        await first.turn()
        await second.turn()
        assert [each for each, _ in world.asked] == [made.id], "only one looks"
        await first.leave()
        await second.turn()
        assert len(world.asked) == 2
        if world.db.dialect == "sqlite":  # elsewhere the time is the database's own
            world.clock.advance(HOLD_MS / 1000)
            await first.turn()
            assert len(world.asked) == 3, "and after its time where it said nothing"

    tell(catalog_url, story)


def test_a_clock_that_goes_back_makes_no_step_longer_or_shorter_than_it_is(sqlite: str) -> None:
    from trimtab.server.duties.judging import situation

    async def story(world: World) -> None:
        made = await world.start(2)
        assert situation(made, made.step_started - 3_600_000).held_s == 0.0
        assert situation(made, made.step_started + 61_000).held_s == 61.0

    tell(sqlite, story)
