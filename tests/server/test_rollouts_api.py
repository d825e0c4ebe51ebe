"""Environments, approvals, verdicts, rollouts and the audit trail over the API, by people with keys of their own."""

from typing import TYPE_CHECKING, Any

import httpx
from house import House

from trimtab.governance import keys

if TYPE_CHECKING:
    from house import Run

P = "/api/v1/projects/default"
APP = f"{P}/apps/support"
PRODUCTION = f"{APP}/environments/production"
LAB = {"name": "lab", "base_url": "http://127.0.0.1:9/v1", "api_key": "k"}


async def editor(house: House, name: str) -> httpx.AsyncClient:
    project = house.holder.current.access.projects["default"].id
    wanted = keys.Wanted(name=name, role="editor", project_id=project)
    made = await house.db.write(lambda conn: keys.issue(conn, wanted, house.deps.now()))
    await house.holder.changed()
    return house.client(made.secret)


async def release(who: httpx.AsyncClient, temperature: float) -> int:
    spec = {"route": "lab/gpt-4o-mini", "parameters": {"temperature": temperature}}
    put = await who.put(APP, json={"spec": spec})
    assert put.status_code == 200, put.text
    made = await who.post(f"{APP}/releases", json={"message": f"temperature {temperature}"})
    assert made.status_code == 201, made.text
    return made.json()["release"]["number"]


async def ready(house: House) -> httpx.AsyncClient:
    """Ada's client; `support` has r1, r2 and r3, of which r1 runs in production."""
    assert (await house.admin.post(f"{P}/providers", json=LAB)).status_code == 201
    ada = await editor(house, "ada")
    assert [await release(ada, value) for value in (0.1, 0.2, 0.3)] == [1, 2, 3]
    assert (await start(ada, "r1", kind="direct")).status_code == 201
    return ada


async def start(who: httpx.AsyncClient, ref: str, *, at: str = PRODUCTION, **plan: Any) -> httpx.Response:
    more = {name: plan.pop(name) for name in ("note", "override", "expected_revision") if name in plan}
    return await who.post(f"{at}/rollouts", json={"release": ref, "plan": plan, **more})


async def runs(who: httpx.AsyncClient, environment: str = "production") -> dict[str, Any]:
    items = (await who.get(f"{APP}/environments")).json()["items"]
    return next(each for each in items if each["environment"] == environment)


async def trail(who: httpx.AsyncClient, **wanted: Any) -> list[tuple[str, str]]:
    """Actions and actors, oldest first."""
    items = (await who.get(f"{P}/audit", params=wanted)).json()["items"]
    return [(each["action"], each["actor_name"]) for each in reversed(items)]


def test_a_release_is_promoted_directly_and_taken_back_again_and_again(run: "Run") -> None:
    async def story(house: House) -> None:
        ada = await ready(house)
        assert [each["environment"] for each in (await ada.get(f"{APP}/environments")).json()["items"]] == [
            "development", "staging", "production",
        ]  # fmt: skip
        before = house.holder.current.version
        made = (await start(ada, "latest", kind="direct")).json()
        assert (made["state"], made["stable"], made["candidate"], made["share"]) == ("promoted", 1, 3, 1.0)
        assert house.holder.current.version > before, "every worker is told"
        assert ((await runs(ada))["stable"], (await runs(ada))["back_to"]) == (3, 1)
        back = (await ada.post(f"{PRODUCTION}/rollback", json={"reason": "odd answers"})).json()
        assert (back["stable"], back["rollout"], back["back_to"]) == (1, None, None), "there is no further way back"
        again = await ada.post(f"{PRODUCTION}/rollback", json={})
        assert (again.status_code, again.json()["code"]) == (409, "nothing_before")
        assert (await ada.post(f"{PRODUCTION}/rollback", json={"to": "r2"})).json()["code"] == "never_ran"
        history = (await ada.get(f"{PRODUCTION}/rollouts")).json()["items"]
        assert [(each["candidate"], each["state"]) for each in history] == [(3, "rolled_back"), (1, "promoted")]
        shown = {each["ref"]: each for each in (await ada.get(f"{APP}/releases")).json()["items"]}
        told = [(e["environment"], e["kind"], e["state"], e["reason"]) for e in shown["r3"]["tried"]]
        assert told == [("production", "direct", "rolled_back", "odd answers")], "it looks innocent nowhere"
        assert (shown["r1"]["tried"][0]["state"], shown["r2"]["tried"]) == ("promoted", [])
        assert (await ada.get(f"{APP}/releases/r3")).json()["tried"] == shown["r3"]["tried"]
        assert await trail(ada, subject="placement:support@production") == [("placement.changed", "ada")] * 3
        entries = (await ada.get(f"{P}/audit", params={"subject": "placement:*"})).json()["items"]
        assert [(e["detail"]["from"], e["detail"]["to"]) for e in entries] == [(3, 1), (1, 3), (None, 1)]
        assert entries[0]["detail"]["reason"] == "odd answers"

    run(story)


def test_a_canary_is_moved_by_hand_from_step_to_step_and_every_move_is_written_down(run: "Run") -> None:
    async def story(house: House) -> None:
        ada = await ready(house)
        made = (await start(ada, "r2", steps=[{"share": 0.1}, {"share": 0.5}], note="Warmer")).json()
        assert (made["state"], made["share"], made["actions"][0]) == ("running", 0.1, "advance")
        assert (await runs(ada))["open"]["id"] == made["id"]
        assert (await start(ada, "r3", kind="direct")).json()["code"] == "rollout_open"
        at = f"{P}/rollouts/{made['id']}"
        second = (await ada.post(f"{at}/advance", json={"reason": "fine", "expected_revision": 1})).json()
        assert (second["step"], second["share"]) == (1, 0.5)
        late = await ada.post(f"{at}/advance", json={"expected_revision": 1})
        assert (late.status_code, late.json()["code"]) == (409, "rollout_changed")
        assert (await ada.post(f"{at}/advance", json={})).json()["code"] == "rollout_state"
        assert (await ada.post(f"{at}/hold", json={"reason": "lunch"})).json()["state"] == "held"
        assert [each["id"] for each in (await ada.get(f"{P}/rollouts", params={"state": "open"})).json()["items"]] == [
            made["id"]
        ]
        assert (await ada.post(f"{at}/resume", json={})).json()["state"] == "running"
        detail = (await ada.get(at)).json()
        assert (detail["evidence"], detail["decided"], bool(detail["waits"])) == (None, None, True)
        assert (await ada.post(f"{at}/promote", json={"reason": "good"})).json()["state"] == "promoted"
        assert (await runs(ada))["stable"] == 2
        assert await trail(ada, subject=f"rollout:support@production:{made['id']}") == [
            (f"rollout.{each}", "ada") for each in ("started", "advanced", "held", "resumed", "promoted")
        ]
        assert (await ada.post(f"{at}/rollback", json={"reason": "not so good"})).json()["state"] == "rolled_back"
        assert (await runs(ada))["stable"] == 1

    run(story)


def test_a_rollout_that_is_rolled_back_or_stopped_leaves_the_stable_release(run: "Run") -> None:
    async def story(house: House) -> None:
        ada = await ready(house)
        for way, state in (("rollback", "rolled_back"), ("stop", "stopped")):
            made = (await start(ada, "r2", kind="ab", share=0.5)).json()
            ended = (await ada.post(f"{P}/rollouts/{made['id']}/{way}", json={"reason": "enough"})).json()
            assert (ended["state"], ended["ended"] is not None, ended["actions"]) == (state, True, [])
            assert ((await runs(ada))["stable"], (await runs(ada))["rollout"]) == (1, None)
        made = (await start(ada, "r2", kind="segments", segment={"tags": ["internal"]})).json()
        assert (await ada.post(f"{PRODUCTION}/rollback", json={})).json()["rollout"] is None
        assert (await ada.get(f"{P}/rollouts/{made['id']}")).json()["state"] == "rolled_back"

    run(story)


def test_a_protected_environment_lets_nothing_in_before_all_is_there(run: "Run") -> None:
    async def story(house: House) -> None:
        ada = await ready(house)
        bob, eve = await editor(house, "bob"), await editor(house, "eve")
        rules = {"gate": True, "approvals": 2, "note": True}
        assert (await ada.put(f"{P}/environments/production", json={"protection": rules})).status_code == 200
        loosened = await ada.put(f"{P}/environments/production", json={"protection": {}})
        assert (loosened.status_code, (await ada.delete(f"{P}/environments/production")).status_code) == (403, 403)
        elsewhere = await ada.put(f"{P}/environments/development", json={"default": True})
        assert elsewhere.status_code == 403, "clients who name no environment would be answered past the demands"
        assert (await house.admin.put(f"{P}/environments/production", json={"protection": rules})).status_code == 200
        refused = await start(ada, "r2", kind="direct")
        assert (refused.status_code, refused.json()["code"]) == (409, "not_ready")
        of_r2 = f"{APP}/releases/r2"
        own = await ada.post(f"{of_r2}/approvals", json={})
        assert (own.status_code, own.json()["code"]) == (403, "own_release")
        judged = await ada.post(f"{of_r2}/gate", json={"outcome": "better", "source": "me"})
        assert (judged.status_code, judged.json()["code"]) == (403, "own_release")
        for who in (bob, bob, eve):
            assert (await who.post(f"{of_r2}/approvals", json={"note": "read it"})).status_code == 201
        given = (await bob.get(f"{of_r2}/approvals")).json()["items"]
        assert [(each["author_name"], each["own"]) for each in given] == [("bob", True), ("eve", False)]
        verdict = {"outcome": "not_worse", "source": "suite support@4", "detail": "41 of 42 cases"}
        assert (await bob.post(f"{of_r2}/gate", json={**verdict, "hash": "sha256:other"})).status_code == 409
        assert (await bob.post(f"{of_r2}/gate", json=verdict)).status_code == 201
        asked = {"release": "r2", "note": ""}
        found = (await ada.get(f"{PRODUCTION}/readiness", params=asked)).json()
        assert {each["demand"]: each["met"] for each in found["checks"]} == {
            "gate": True, "approvals": True, "note": False,
        }  # fmt: skip
        assert (await start(ada, "r2", kind="direct")).json()["code"] == "not_ready"
        assert (await start(ada, "r3", kind="direct", note="x")).json()["code"] == "not_ready", "shown is of r2"
        assert (await start(ada, "r2", kind="direct", note="Warmer")).json()["state"] == "promoted"
        assert (await ada.post(f"{PRODUCTION}/rollback", json={})).json()["stable"] == 1, "nothing stands in the way"
        assert await trail(ada, subject="release:support@r2") == [
            ("release.created", "ada"), ("release.approved", "bob"), ("release.approved", "bob"),
            ("release.approved", "eve"), ("gate.recorded", "bob"),
        ]  # fmt: skip

    run(story)


def test_what_protection_asks_is_asked_again_at_every_step_and_an_emergency_says_why(run: "Run") -> None:
    async def story(house: House) -> None:
        ada = await ready(house)
        bob = await editor(house, "bob")
        await ada.put(f"{P}/environments/production", json={"protection": {"approvals": 1}})
        await bob.post(f"{APP}/releases/r2/approvals", json={})
        made = (await start(ada, "r2", steps=[{"share": 0.1}, {"share": 0.5}])).json()
        at = f"{P}/rollouts/{made['id']}"
        assert (await bob.delete(f"{APP}/releases/r2/approvals")).status_code == 204
        assert (await bob.delete(f"{APP}/releases/r2/approvals")).status_code == 404
        assert (await ada.post(f"{at}/advance", json={})).json()["code"] == "not_ready"
        urgent = {"override": "Prices are wrong on the site"}
        assert (await ada.post(f"{at}/advance", json=urgent)).status_code == 403, "its author least of all"
        assert (await start(ada, "r3", kind="direct", **urgent)).status_code == 403
        forced = await house.admin.post(f"{at}/advance", json=urgent)
        assert forced.json()["step"] == 1
        newest = (await ada.get(f"{P}/audit", params={"action": "rollout.advanced"})).json()["items"][0]
        assert newest["detail"]["override"] == "Prices are wrong on the site"
        assert (await ada.post(f"{at}/rollback", json={})).json()["state"] == "rolled_back"
        at_once = (await start(house.admin, "r3", kind="direct", override="Wrong prices")).json()
        assert (at_once["state"], at_once["override"]) == ("promoted", "Wrong prices")
        placed = (await ada.get(f"{P}/audit", params={"action": "placement.changed"})).json()["items"][0]
        assert placed["detail"]["override"] == "Wrong prices"

    run(story)


def test_the_approval_of_a_key_that_was_revoked_counts_and_is_shown_so(run: "Run") -> None:
    async def story(house: House) -> None:
        ada = await ready(house)
        bob = await editor(house, "bob")
        given = (await bob.post(f"{APP}/releases/r2/approvals", json={"environment": "staging"})).json()
        assert (await house.admin.delete(f"{P}/keys/{given['author']}")).status_code == 204
        shown = (await ada.get(f"{APP}/releases/r2/approvals")).json()["items"]
        assert [(each["author_name"], each["revoked"], each["counts"]) for each in shown] == [("bob", True, True)]
        await ada.put(f"{P}/environments/staging", json={"protection": {"approvals": 1}})
        there = f"{APP}/environments/staging"
        assert (await ada.get(f"{there}/readiness", params={"release": "r2"})).json()["ready"]
        assert not (await ada.get(f"{there}/readiness", params={"release": "r3"})).json()["ready"]

    run(story)


def test_environments_are_made_changed_and_removed_and_nobody_overwrites_anothers_change(run: "Run") -> None:
    async def story(house: House) -> None:
        ada = await ready(house)
        at = f"{P}/environments"
        made = (await ada.put(f"{at}/canada", json={"expected_revision": 0})).json()
        assert (made["position"], made["default"], made["revision"]) == (4, False, 1)
        assert (await ada.put(f"{at}/canada", json={})).json()["revision"] == 1, "the same again is no change"
        late = await ada.put(f"{at}/canada", json={"position": 9, "expected_revision": 7})
        assert (late.status_code, late.json()["code"]) == (409, "environment_changed")
        assert (await ada.put(f"{at}/canada", json={"default": True, "position": 0})).json()["default"]
        listed = [(each["name"], each["default"]) for each in (await ada.get(at)).json()["items"]]
        assert listed == [("canada", True), ("development", False), ("staging", False), ("production", False)]
        assert (await ada.put(f"{at}/canada", json={"default": False})).status_code == 409
        assert (await ada.delete(f"{at}/canada")).status_code == 409
        assert (await ada.delete(f"{at}/production")).json()["code"] == "environment_in_use"
        assert (await ada.delete(f"{at}/staging")).status_code == 204
        assert (await ada.delete(f"{at}/staging")).status_code == 404
        assert (await ada.put(f"{at}/r12", json={})).status_code == 400
        assert [each for each, _ in await trail(ada, subject="environment:*")] == [
            "environment.set", "environment.set", "environment.removed",
        ]  # fmt: skip

    run(story)


def test_two_that_decide_on_the_same_placement_do_not_overtake_each_other(run: "Run") -> None:
    async def story(house: House) -> None:
        ada = await ready(house)
        revision = (await runs(ada))["revision"]
        first = await start(ada, "r2", kind="direct", expected_revision=revision)
        second = await start(ada, "r3", kind="direct", expected_revision=revision)
        assert (first.status_code, second.status_code) == (201, 409)
        assert second.json()["code"] == "placement_changed"
        assert (await runs(ada))["stable"] == 2

    run(story)


CANNOT: tuple[tuple[str, dict[str, Any], int], ...] = (
    ("r9", {"kind": "direct"}, 404),
    ("r1", {"kind": "direct"}, 409),
    ("r2", {"kind": "ab", "share": 1}, 400),
    ("r2", {"kind": "ab", "share": 1.5}, 400),
    ("r2", {"kind": "shadow"}, 400),
    ("r2", {"kind": "sideways"}, 400),
    ("r2", {"kind": "direct", "note": "x" * 3000}, 400),
    ("r2", {"rules": {"rules": ["errors worse -> panic"]}}, 400),
)


def test_what_cannot_be_begun_is_refused_with_a_way_out(run: "Run") -> None:
    async def story(house: House) -> None:
        ada = await ready(house)
        for ref, plan, status in CANNOT:
            told = await start(ada, ref, **plan)
            assert told.status_code == status, (plan, told.text)
            assert told.json()["fix"]
        nowhere = f"{APP}/environments/staging"
        assert (await start(ada, "r2", at=nowhere)).json()["code"] == "nothing_stable"
        assert await trail(ada, subject="rollout:*") == [("rollout.started", "ada"), ("rollout.promoted", "ada")]

    run(story)


def test_a_key_may_be_bound_to_environments(run: "Run") -> None:
    async def story(house: House) -> None:
        made = await house.admin.post(f"{P}/keys", json={"name": "shop", "environments": ["production", "production"]})
        assert made.json()["key"]["environments"] == ["production"]
        who = house.holder.principal(made.json()["key"]["id"])
        assert who is not None
        assert who.environments == ("production",)
        for wrong in ([], ["Production"], ["a b"], ["x"] * 51):
            refused = await house.admin.post(f"{P}/keys", json={"name": "shop", "environments": wrong})
            assert (refused.status_code, refused.json()["param"]) == (400, "environments")
        listed = (await house.admin.get(f"{P}/keys")).json()["items"]
        assert [each["environments"] for each in listed] == [["production"]]

    run(story)


def test_what_guards_may_watch_is_listed(run: "Run") -> None:
    async def story(house: House) -> None:
        found = {each["name"]: each for each in (await house.admin.get(f"{P}/guard-metrics")).json()["items"]}
        assert found.keys() >= {"errors", "latency", "cost", "feedback", "invalid_json", "score:NAME"}
        assert (found["errors"]["unit"], found["errors"]["margin"]) == ("share", 0.02)
        assert found["latency"]["relative"]
        assert found["invalid_json"]["about"] != found["refusal"]["about"]

    run(story)


def test_a_reader_changes_nothing_and_the_trail_is_found_by_who_and_when(run: "Run") -> None:
    async def story(house: House) -> None:
        ada = await ready(house)
        issued = await house.admin.post(f"{P}/keys", json={"name": "r", "role": "read_only"})
        reader = house.client(issued.json()["secret"])
        assert (await start(reader, "r2", kind="direct")).status_code == 403
        assert (await reader.post(f"{APP}/releases/r2/approvals", json={})).status_code == 403
        assert (await reader.post(f"{APP}/releases/r2/gate", json={})).status_code in (400, 403)
        whole = (await reader.get(f"{P}/audit")).json()["items"]
        first = (await reader.get(f"{P}/audit", params={"limit": 2})).json()
        rest = (await reader.get(f"{P}/audit", params={"limit": 500, "cursor": first["cursor"]})).json()
        assert [each["id"] for each in first["items"] + rest["items"]] == [each["id"] for each in whole]
        ids = [each["id"] for each in whole]
        assert ids == sorted(ids, reverse=True), "also within one moment, for the clock stands still here"
        hers = next(each["actor"] for each in whole if each["actor_name"] == "ada")
        by_ada = await trail(reader, actor=hers)
        assert {name for _, name in by_ada} == {"ada"}
        now = house.deps.now()
        assert await trail(reader, start=now + 1) == []
        assert len(await trail(reader, end=now + 1)) == len(whole)
        for wrong in ({"start": -1}, {"subject": "a\0b"}, {"actor": "x" * 400}):
            assert (await reader.get(f"{P}/audit", params=wrong)).status_code == 400
        assert (await reader.get(f"{P}/rollouts", params={"app": "a\0b"})).status_code == 400
        del ada

    run(story)


def test_another_projects_apps_and_rollouts_are_not_there_whoever_asks(run: "Run") -> None:
    async def story(house: House) -> None:
        ada = await ready(house)
        made = (await start(ada, "r2", kind="ab", share=0.5)).json()
        assert (await house.admin.post("/api/v1/projects", json={"slug": "other", "name": "Other"})).status_code == 201
        theirs = "/api/v1/projects/other"
        key = (await house.admin.post(f"{theirs}/keys", json={"name": "eve", "role": "editor"})).json()["secret"]
        eve = house.client(key)
        reads = ("apps", "apps/support", "apps/support/releases/r1", "environments", "audit", "rollouts", "export")
        for path in (*reads, f"rollouts/{made['id']}", "apps/support/environments"):
            assert (await eve.get(f"{P}/{path}")).status_code in (403, 404), path
        for who in (eve, house.admin):
            for path in ("apps/support", "apps/support/releases/r1", f"rollouts/{made['id']}"):
                assert (await who.get(f"{theirs}/{path}")).status_code == 404, path
            for move in ("hold", "promote", "rollback", "stop"):
                answer = await who.post(f"{theirs}/rollouts/{made['id']}/{move}", json={"reason": "x"})
                assert answer.status_code == 404, move
            approval = {"environment": "production"}
            assert (await who.post(f"{theirs}/apps/support/releases/r2/approvals", json=approval)).status_code == 404
            back = await who.post(f"{theirs}/apps/support/environments/production/rollback", json={})
            assert back.status_code == 404
            assert [(await who.get(f"{theirs}/{path}")).json()["items"] for path in ("apps", "rollouts")] == [[], []]
            told = (await who.get(f"{theirs}/audit")).json()["items"]
            assert {each["action"] for each in told} == {"key.created"}
        moved = await eve.post(f"{P}/rollouts/{made['id']}/promote", json={"reason": "x"})
        assert moved.status_code in (403, 404)
        assert (await ada.get(f"{P}/rollouts/{made['id']}")).json()["state"] == "running"

    run(story)


def test_clients_and_readers_change_nothing(run: "Run") -> None:
    async def story(house: House) -> None:
        await ready(house)
        for role in ("client", "read_only"):
            made = await house.admin.post(f"{P}/keys", json={"name": role, "role": role})
            who = house.client(made.json()["secret"])
            refused = [
                await who.put(APP, json={"spec": {"route": "lab/x"}}),
                await who.patch(APP, json={"archived": True}),
                await who.post(f"{APP}/releases", json={}),
                await who.post(f"{APP}/releases/r2/approvals", json={"environment": "production"}),
                await who.post(f"{APP}/releases/r2/gate", json={"outcome": "better", "source": "me"}),
                await start(who, "r2", kind="direct", override="I may"),
                await who.post(f"{PRODUCTION}/rollback", json={}),
                await who.put(f"{P}/environments/production", json={"position": 1}),
                await who.delete(f"{P}/environments/staging"),
                await who.post(f"{P}/apply", json={"files": {"trimtab.yaml": ""}}),
            ]
            assert [each.status_code for each in refused] == [403] * len(refused)
            seen = [(await who.get(path)).status_code for path in (APP, f"{P}/audit", f"{P}/export", f"{P}/rollouts")]
            assert seen == [403 if role == "client" else 200] * 4

    run(story)
