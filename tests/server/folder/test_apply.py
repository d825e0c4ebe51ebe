"""Applying a folder: all or nothing, again is nothing, and only what a folder made is removed by it."""

import asyncio
from typing import Any

import pytest
from house import ADMIN, House, Run
from sqlalchemy import Connection, select

from trimtab.governance.access import Principal
from trimtab.governance.audit import Actor
from trimtab.server.config.file import parse
from trimtab.server.folder import managed, planning
from trimtab.server.folder.comparing import Change
from trimtab.server.folder.managed import Basis
from trimtab.server.folder.planning import Wish
from trimtab.storage.schema import METADATA

TOP = """
models:
  fast: {provider: lab, model: gpt-4o-mini, fallback: [slow], resilience: {attempts: 3}}
  slow: {provider: lab, cache: {ttl: 60}}
routes:
  best: {tree: {node: fallback, of: [fast, slow]}, about: the usual}
limits:
  daily: {measure: money, bound: 12.5, window: day}
prices:
  own: {provider: lab, model: "gpt-4o*", from: 2026-01-01, input: 0.15, output: 0.6}
labels:
  support: {production: latest}
environments:
  staging: {protection: {note: true}}
"""
PROMPT = """---
name: support
variables: {customer: string}
---
@system
Be kind.

@user
I am {{ customer }}.
"""
APP = "prompt: support\nroute: best\nparameters: {temperature: 0.2}\n"
FILES = {"trimtab.yaml": TOP, "prompts/support.prompt.md": PROMPT, "apps/helpdesk.yaml": APP}
BASE = "/api/v1/projects/default"


async def provide(house: House) -> None:
    body = {"name": "lab", "kind": "custom", "base_url": "http://127.0.0.1:9/v1", "dialect": "openai_chat"}
    made = await house.admin.post(f"{BASE}/providers", json=body)
    assert made.status_code == 201, made.text


async def ask(house: House, path: str, files: dict[str, str], **more: Any) -> dict[str, Any]:
    answer = await house.admin.post(f"{BASE}/{path}", json={"files": files, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_plan_says_what_an_apply_then_does_and_the_same_again_is_nothing(run: Run) -> None:
    async def story(house: House) -> None:
        await provide(house)
        planned = await ask(house, "plan", FILES, to="staging")
        assert planned["mistakes"] == []
        told = [f"{each['action']} {each['kind']} {each['name']}" for each in planned["changes"]]
        assert told == [
            "add model fast",
            "add model slow",
            "add route best",
            "add policy slow",
            "add limit daily",
            "add price lab/gpt-4o* from 2026-01-01",
            "add prompt support",
            "add label support:production",
            "change environment staging",
            "add app helpdesk",
        ]
        assert [(r["app"], r["number"], r["parent"]) for r in planned["releases"]] == [("helpdesk", 1, None)]
        done = await ask(house, "apply", FILES, to="staging", plan=planned["hash"][:12], message="First")
        assert done["changes"] == planned["changes"]
        (gone,) = done["promotions"]
        assert gone.pop("rollout").startswith("ro_")
        assert gone == {
            "app": "helpdesk", "environment": "staging", "before": None, "after": 1, "kind": "direct",
            "lacking": [], "fix": "",
        }  # fmt: skip
        assert [each["rollout"] for each in planned["promotions"]] == [""]
        again = await ask(house, "plan", FILES, to="staging")
        assert (again["clean"], again["changes"], again["releases"], again["promotions"]) == (True, [], [], [])
        assert (await ask(house, "apply", FILES, to="staging"))["clean"]
        exported = (await house.admin.get(f"{BASE}/export")).json()["files"]
        assert (await ask(house, "plan", exported))["clean"], exported

    run(story)


def test_what_left_the_folder_is_removed_and_what_somebody_else_made_stays(run: Run) -> None:
    async def story(house: House) -> None:
        await provide(house)
        await house.admin.post(f"{BASE}/models", json={"name": "mine", "provider": "lab"})
        await ask(house, "apply", FILES)
        done = await ask(house, "apply", {"trimtab.yaml": "name: main\n"})
        assert {each["action"] for each in done["changes"]} == {"remove"}
        assert len(done["changes"]) == 9
        assert done["released"] == ["environment staging"]
        environments = (await house.admin.get(f"{BASE}/environments")).json()["items"]
        assert [each["name"] for each in environments] == ["development", "staging", "production"]
        models = (await house.admin.get(f"{BASE}/models")).json()["items"]
        assert [each["name"] for each in models] == ["mine"]

    run(story)


async def everything(house: House) -> dict[str, list[Any]]:
    """Every row of every table but those that count changes or remember plans."""

    def read(conn: Connection) -> dict[str, list[Any]]:
        tables = [table for name, table in METADATA.tables.items() if name not in ("revisions", "folder_plans")]
        return {table.name: sorted((tuple(row) for row in conn.execute(select(table))), key=str) for table in tables}

    return await house.db.read(read)


async def wish_of(house: House, files: dict[str, str], **more: Any) -> tuple[Wish, Principal]:
    access = house.holder.current.access
    principal = access.authenticate(ADMIN, house.clock.now_ns())
    return Wish(project=access.projects["default"], files=files, actor=Actor(principal.key_id, "ci"), **more), principal


WRITTEN = ("model", "price", "label", "app")


def test_a_fault_half_way_leaves_nothing_of_it(run: Run, catalog_url: str) -> None:
    """At whichever kind of thing it comes: not one row is another than before."""

    async def story(house: House) -> None:
        await provide(house)
        before = await everything(house)
        wish, principal = await wish_of(house, FILES, to="staging", message="why")
        for kind in WRITTEN if catalog_url.startswith("sqlite") else ("app",):
            told: list[str] = []

            def fail(change: Change, kind: str = kind, told: list[str] = told) -> None:
                told.append(change.item.kind)
                if change.item.kind == kind:
                    raise RuntimeError("the power went")

            with pytest.raises(RuntimeError, match="the power went"):
                await planning.apply(house.deps, wish, principal, fail)
            assert told[-1] == kind
            assert await everything(house) == before
        assert (await planning.apply(house.deps, wish, principal)).mistakes == []
        assert await everything(house) != before
        assert (await planning.plan(house.deps, wish)).clean

    run(story, url=catalog_url)


def test_the_same_plan_at_the_same_moment_is_remembered_once(run: Run, catalog_url: str) -> None:
    async def story(house: House) -> None:
        project = house.holder.current.access.projects["default"].id
        basis = Basis(folder="main", to="", wanted={}, found={})

        def keep(conn: Connection) -> None:
            managed.keep_plan(conn, project, "key_ada", "a" * 64, basis, 5)

        await asyncio.gather(*(house.db.write(keep) for _ in range(8)))
        assert await house.db.read(lambda conn: managed.plan(conn, project, "a" * 8)) == basis

        def many(conn: Connection) -> None:
            for number in range(managed.KEPT + 5):
                managed.keep_plan(conn, project, "key_bob", f"b{number:063d}", basis, 10 + number)

        await house.db.write(many)
        assert await house.db.read(lambda conn: managed.plan(conn, project, "a" * 8)) == basis, "nobody else's plans"
        assert await house.db.read(lambda conn: managed.plan(conn, project, f"b{0:063d}")) is None
        assert await house.db.read(lambda conn: managed.plan(conn, project, f"b{managed.KEPT:063d}")) == basis

    run(story, url=catalog_url)


def test_one_mistake_and_nothing_is_applied_and_all_of_them_are_told_with_their_places(run: Run) -> None:
    top = """
models:
  fast: {provider: lba}
  other: {provider: lab, fallback: [gone]}
routes:
  best: {tree: {node: fallback, of: [fast, nowhere]}}
labels:
  support: {old: 7}
  greet: {on: latest}
environments:
  production: {default: false}
"""
    prompt = PROMPT.replace("Be kind.", '{% include "house-style" %}')
    files = {"trimtab.yaml": top, "prompts/support.prompt.md": prompt, "apps/helpdesk.yaml": "route: best\n"}
    files["apps/second.yaml"] = "prompt: missing\nroute: other\n"
    files |= {"apps/direct.yaml": "route: fast\n", "apps/third.yaml": "route: nowhere\n"}

    async def story(house: House) -> None:
        await provide(house)
        before = await everything(house)
        planned = await ask(house, "plan", files)
        told = [(each["path"], each["line"], each["what"]) for each in planned["mistakes"]]
        expected = [
            ("apps/direct.yaml", 1, "uses the model 'fast'. Its provider 'lba' is not there"),
            ("apps/helpdesk.yaml", 1, "uses the model 'fast'. Its provider 'lba' is not there"),
            ("apps/third.yaml", 1, "There is no model or route 'nowhere'"),
            ("apps/second.yaml", 1, "There is no prompt 'missing'"),
            ("prompts/support.prompt.md", 6, "What is included as 'house-style' is not there"),
            ("trimtab.yaml", 3, "There is no provider 'lba'"),
            ("trimtab.yaml", 4, "The fallback 'gone' is not a model"),
            ("trimtab.yaml", 6, "There is no model or route 'nowhere'"),
            ("trimtab.yaml", 8, "has no version 7"),
            ("trimtab.yaml", 9, "there is none"),
            ("trimtab.yaml", 11, "production is the default environment"),
        ]
        for path, line, words in expected:
            assert any(at[:2] == (path, line) and words in at[2] for at in told), (path, line, words, told)
        assert len(told) == len(expected), told
        refused = await house.admin.post(f"{BASE}/apply", json={"files": files})
        assert (refused.status_code, refused.json()["code"]) == (400, "folder_refused")
        assert refused.json()["detail"].count("\n") == len(expected)
        assert await everything(house) == before

    run(story)


def test_a_plan_is_applied_only_while_it_holds_and_what_moved_is_named(run: Run) -> None:
    async def story(house: House) -> None:
        await provide(house)
        await ask(house, "apply", FILES)
        changed = {**FILES, "trimtab.yaml": TOP.replace("12.5", "20")}
        planned = (await ask(house, "plan", changed, to="staging"))["hash"]
        body: dict[str, Any] = {"measure": "money", "bound": "30", "window": "day"}
        assert (await house.admin.put(f"{BASE}/limits/daily", json=body)).status_code == 200

        async def refused(files: dict[str, str], plan: str) -> str:
            answer = await house.admin.post(f"{BASE}/apply", json={"files": files, "to": "staging", "plan": plan})
            assert answer.status_code == 409, answer.text
            return answer.json()["detail"]

        assert "limit daily was changed on the server since" in await refused(changed, planned[:12])
        assert "app helpdesk is not as it was in the files" in await refused(
            {**changed, "apps/helpdesk.yaml": "route: fast\n"}, planned
        )
        assert "No plan 'ffffffff' is known" in await refused(changed, "ffffffff")
        again = await ask(house, "plan", changed, to="staging")
        assert [(each["name"], each["drifted"], each["words"]) for each in again["changes"]] == [
            ("daily", True, ["bound: 30 -> 20"])
        ]
        drift = (await house.admin.get(f"{BASE}/drift")).json()
        assert [(each["kind"], each["name"], each["what"]) for each in drift["drifted"]] == [
            ("limit", "daily", "changed")
        ]
        await ask(house, "apply", changed, plan=again["hash"], to="staging")
        assert (await house.admin.get(f"{BASE}/drift", params={"folder": "main"})).json()["drifted"] == []

    run(story)


def test_a_protected_environment_lets_a_release_wait_until_somebody_else_approves(run: Run) -> None:
    files = {**FILES, "trimtab.yaml": TOP.replace("note: true", "approvals: 1")}

    async def story(house: House) -> None:
        await provide(house)
        done = await ask(house, "apply", files, to="staging", message="First")
        (waiting,) = done["promotions"]
        assert waiting["lacking"] == ["0 of 1 approvals are given."]
        assert [each["number"] for each in done["releases"]] == [1]
        again = await ask(house, "apply", files, to="staging")
        assert (again["clean"], again["releases"], len(again["promotions"])) == (False, [], 1)
        key = await house.admin.post(f"{BASE}/keys", json={"name": "ann", "role": "editor"})
        assert key.status_code == 201, key.text
        ann = house.client(key.json()["secret"])
        approved = await ann.post(f"{BASE}/apps/helpdesk/releases/r1/approvals", json={"environment": "staging"})
        assert approved.status_code in (200, 201), approved.text
        assert (await ask(house, "apply", files, to="staging"))["promotions"][0]["lacking"] == []
        assert (await ask(house, "apply", files, to="staging"))["clean"]
        audit = (await house.admin.get(f"{BASE}/audit")).json()["items"]
        assert {"folder.applied", "placement.changed"} <= {each["action"] for each in audit}

    run(story)


def test_where_another_release_runs_it_begins_as_a_canary_and_at_once_if_that_is_asked_for(run: Run) -> None:
    second = {**FILES, "apps/helpdesk.yaml": APP.replace("0.2", "0.9")}
    third = {**FILES, "apps/helpdesk.yaml": APP.replace("0.2", "0.7")}

    async def story(house: House) -> None:
        await provide(house)
        await ask(house, "apply", FILES, to="development", message="First")
        planned = await ask(house, "plan", second, to="development")
        (promotion,) = planned["promotions"]
        assert (promotion["kind"], promotion["before"], promotion["lacking"], promotion["rollout"]) == (
            "canary", 1, [], "",
        )  # fmt: skip
        body = {"files": second, "to": "development", "direct": True, "plan": planned["hash"], "message": "Second"}
        refused = await house.admin.post(f"{BASE}/apply", json=body)
        assert refused.status_code == 409
        assert "to development, this is 'main' to development directly" in refused.json()["detail"]
        done = await ask(house, "apply", second, to="development", plan=planned["hash"], message="Second")
        begun = done["promotions"]
        rollout = (await house.admin.get(f"{BASE}/rollouts/{begun[0]['rollout']}")).json()
        assert (rollout["state"], rollout["candidate"]) == ("running", 2)
        assert [each["share"] for each in rollout["plan"]["steps"]] == [0.05, 0.25, 0.5]
        assert (await ask(house, "apply", second, to="development"))["clean"], "it is on its way"
        waits = (await ask(house, "apply", third, to="development", message="Third"))["promotions"]
        assert waits[0]["lacking"] == [f"a rollout to r2 is open ({rollout['id']})"]
        stopped = await house.admin.post(f"{BASE}/rollouts/{rollout['id']}/stop", json={"reason": "r3 is better"})
        assert stopped.status_code == 200, stopped.text
        (direct,) = (await ask(house, "apply", third, to="development", direct=True, message="Third"))["promotions"]
        assert (direct["kind"], direct["lacking"]) == ("direct", [])
        assert (await house.admin.get(f"{BASE}/apps/helpdesk/releases/development")).json()["number"] == 3

    run(story)


def test_what_was_rolled_back_is_not_brought_back_by_applying_again(run: Run) -> None:
    second = {**FILES, "apps/helpdesk.yaml": APP.replace("0.2", "0.9")}

    async def story(house: House) -> None:
        await provide(house)
        await ask(house, "apply", FILES, to="staging", message="First")
        await ask(house, "apply", second, to="staging", message="Second")
        place = f"{BASE}/apps/helpdesk/environments/staging"
        back = await house.admin.post(f"{place}/rollback", json={"reason": "Odd answers"})
        assert (back.status_code, back.json()["stable"]) == (200, 1)
        again = await ask(house, "apply", second, to="staging", message="Something else")
        assert again["promotions"][0]["lacking"] == ["r2 was rolled back there: Odd answers"]
        assert (await house.admin.get(f"{BASE}/apps/helpdesk/releases/staging")).json()["number"] == 1
        promoted = await house.admin.post(
            f"{place}/rollouts", json={"release": "r2", "plan": {"kind": "direct"}, "note": "It was the network"}
        )
        assert promoted.status_code == 201, promoted.text
        assert (await ask(house, "apply", second, to="staging"))["clean"]

    run(story)


def test_a_key_needs_the_right_to_each_kind_of_thing_that_is_changed(run: Run) -> None:
    words = {"prompts/support.prompt.md": PROMPT, "trimtab.yaml": ""}

    async def story(house: House) -> None:
        await provide(house)

        async def made(role: str) -> Any:
            answer = await house.admin.post(f"{BASE}/keys", json={"name": role, "role": role})
            assert answer.status_code == 201, answer.text
            return house.client(answer.json()["secret"])

        editor, reader = await made("editor"), await made("read_only")
        assert (await reader.post(f"{BASE}/plan", json={"files": FILES})).status_code == 200
        assert (await reader.post(f"{BASE}/apply", json={"files": words})).status_code == 403
        refused = await editor.post(f"{BASE}/apply", json={"files": FILES})
        assert (refused.status_code, "'model:write'" in refused.json()["detail"]) == (403, True)
        assert (await editor.post(f"{BASE}/apply", json={"files": words})).status_code == 200

    run(story)


@pytest.mark.parametrize("said", ["production: {protection: {}}", "development: {default: true}"])
def test_an_editor_takes_no_demands_away_by_a_folder_either(run: Run, said: str) -> None:
    files = {"trimtab.yaml": f"environments:\n  {said}\n"}

    async def story(house: House) -> None:
        protected = {"protection": {"approvals": 1}}
        assert (await house.admin.put(f"{BASE}/environments/production", json=protected)).status_code == 200
        made = await house.admin.post(f"{BASE}/keys", json={"name": "ann", "role": "editor"})
        ann = house.client(made.json()["secret"])
        refused = await ann.post(f"{BASE}/apply", json={"files": files})
        assert (refused.status_code, "'project:write'" in refused.json()["detail"]) == (403, True)
        more = {"trimtab.yaml": "environments:\n  staging: {protection: {note: true}}\n"}
        assert (await ann.post(f"{BASE}/apply", json={"files": more})).status_code == 200
        assert (await ask(house, "apply", files))["clean"] is False

    run(story)


def test_what_another_folder_or_the_config_file_has_is_not_taken_over(run: Run) -> None:
    config = parse("providers: {own: {base_url: 'http://x/v1'}}\nmodels: {slow: {provider: own}}\n", "server.yaml", {})

    async def story(house: House) -> None:
        await provide(house)
        files = {"trimtab.yaml": "models: {fast: {provider: lab}}\n"}
        await ask(house, "apply", files)
        top = "name: second\nmodels:\n  fast: {provider: lab}\n  slow: {provider: lab}\n"
        told = [each["what"] for each in (await ask(house, "plan", {"trimtab.yaml": top}))["mistakes"]]
        assert told == [
            "The model fast belongs to the folder 'main'.",
            "The model slow is declared in the server's config file (server.yaml), which wins.",
        ]
        exported = (await house.admin.get(f"{BASE}/export", params={"folder": "second"})).json()
        assert exported["files"] == {"trimtab.yaml": "name: second\nproject: default\n"}
        assert "what belongs to the folder 'main'" in exported["left_out"]

    run(story, config=config)


def test_what_a_run_of_the_red_team_made_is_no_suite_of_the_folder_unless_an_environment_asks_for_it(run: Run) -> None:
    async def story(house: House) -> None:
        await provide(house)
        name = "redteam-0123456789"
        await house.admin.post(f"{BASE}/datasets", json={"name": name})
        spec = {"dataset": name, "scorers": [{"scorer": "attack"}]}
        for each in (name, "redteam-support"):
            made = await house.admin.put(f"{BASE}/suites/{each}", json={"spec": spec})
            assert made.is_success, made.text
        taken = {"take": "true"}
        got = (await house.admin.get(f"{BASE}/export", params=taken)).json()
        assert [each for each in got["files"] if each.startswith("suites/")] == ["suites/redteam-support.yaml"]
        assert "1 suite of runs of the red team, which no environment asks for" in got["left_out"]
        assert not any(name in each for each in (await house.admin.get(f"{BASE}/export")).json()["unowned"])
        asked = await house.admin.put(f"{BASE}/environments/production", json={"protection": {"suites": [name]}})
        assert asked.is_success, asked.text
        got = (await house.admin.get(f"{BASE}/export", params=taken)).json()
        assert f"suites/{name}.yaml" in got["files"]

    run(story)


def test_what_belongs_to_no_folder_is_exported_only_if_that_is_asked_for_and_named_else(run: Run) -> None:
    async def story(house: House) -> None:
        await provide(house)
        await ask(house, "apply", {"trimtab.yaml": "models: {fast: {provider: lab}}\n"})
        for name, body in (
            ("models", {"name": "mine", "provider": "lab"}),
            ("routes", {"name": "way", "tree": "mine"}),
        ):
            assert (await house.admin.post(f"{BASE}/{name}", json=body)).status_code == 201
        own = (await house.admin.get(f"{BASE}/export")).json()
        assert (own["unowned"], "mine" in own["files"]["trimtab.yaml"]) == (["model mine", "route way"], False)
        assert "fast" in own["files"]["trimtab.yaml"]
        planned = await ask(house, "plan", own["files"])
        assert (planned["clean"], planned["adopted"], planned["released"]) == (True, [], [])
        everything = (await house.admin.get(f"{BASE}/export", params={"take": "true"})).json()
        assert everything["unowned"] == []
        planned = await ask(house, "plan", everything["files"])
        assert (planned["clean"], planned["adopted"]) == (True, ["model mine", "route way"])

    run(story)


def test_a_prompt_that_left_is_put_away_and_comes_back_with_its_versions(run: Run) -> None:
    files = {"trimtab.yaml": "", "prompts/support.prompt.md": PROMPT}

    async def story(house: House) -> None:
        await ask(house, "apply", files)
        await ask(house, "apply", {"trimtab.yaml": ""})
        assert (await house.admin.get(f"{BASE}/prompts/support")).json()["archived"] is not None
        back = await ask(house, "apply", {**files, "prompts/support.prompt.md": PROMPT.replace("kind", "brief")})
        assert [each["words"] for each in back["changes"]] == [["it is taken out of the archive"]]
        prompt = (await house.admin.get(f"{BASE}/prompts/support")).json()
        assert (prompt["archived"], prompt["newest"]) == (None, 2)
        top = "models: {fast: {provider: lab}}\nlabels: {support: {on: latest, old: 1}}\n"
        app = {"apps/helpdesk.yaml": "prompt: support\nroute: fast\n"}
        await provide(house)
        await ask(house, "apply", {**files, "trimtab.yaml": top, **app})
        told = {each["what"] for each in (await ask(house, "plan", {"trimtab.yaml": top, **app}))["mistakes"]}
        assert told == {
            "The app 'helpdesk' uses the prompt 'support', which is archived.",
            "The label 'old' is of the prompt 'support', which is archived.",
            "The label 'on' is to be at what the folder's file of 'support' is, and there is none.",
        }
        without = {"trimtab.yaml": "models: {fast: {provider: lab}}\n", "apps/helpdesk.yaml": "route: fast\n"}
        await ask(house, "apply", without)
        exported = (await house.admin.get(f"{BASE}/export")).json()["files"]
        assert (await ask(house, "plan", exported))["clean"]

    run(story)


def test_what_somebody_else_uses_is_not_removed(run: Run) -> None:
    async def story(house: House) -> None:
        await provide(house)
        await ask(house, "apply", {"trimtab.yaml": "models: {fast: {provider: lab}}\n"})
        await house.admin.post(f"{BASE}/models", json={"name": "mine", "provider": "lab", "fallback": ["fast"]})
        await house.admin.post(f"{BASE}/routes", json={"name": "way", "tree": "fast"})
        told = [each["what"] for each in (await ask(house, "plan", {"trimtab.yaml": ""}))["mistakes"]]
        assert any("may fall back to the model 'fast'" in each for each in told)
        assert any("The route 'way', tree" in each for each in told)

    run(story)


def test_models_that_turn_their_fallbacks_round_are_changed_together(run: Run) -> None:
    async def story(house: House) -> None:
        await provide(house)
        await ask(house, "apply", {"trimtab.yaml": "models: {a: {provider: lab, fallback: [b]}, b: {provider: lab}}\n"})
        turned = {"trimtab.yaml": "models: {a: {provider: lab}, b: {provider: lab, fallback: [a]}}\n"}
        assert [each["action"] for each in (await ask(house, "apply", turned))["changes"]] == ["change", "change"]

    run(story)


def test_of_applies_at_the_same_time_all_end_as_one_after_the_other(run: Run) -> None:
    async def story(house: House) -> None:
        await provide(house)
        found = await asyncio.gather(*(ask(house, "apply", FILES, to="development") for _ in range(4)))
        assert sum(len(each["releases"]) for each in found) == 1
        assert sum(bool(each["changes"]) for each in found) == 1
        assert (await ask(house, "plan", FILES, to="development"))["clean"]

    run(story)


def test_what_was_there_before_is_the_folders_to_change_and_not_to_remove(run: Run) -> None:
    async def story(house: House) -> None:
        await provide(house)
        await house.admin.post(f"{BASE}/models", json={"name": "mine", "provider": "lab"})
        same = {"trimtab.yaml": "models: {mine: {provider: lab}}\n"}
        assert (await ask(house, "plan", same))["adopted"] == ["model mine"]
        await ask(house, "apply", same)
        assert (await house.admin.get(f"{BASE}/drift")).json()["managed"] == 1
        await ask(house, "apply", {"trimtab.yaml": "models: {mine: {provider: lab, model: other}}\n"})
        left = await ask(house, "apply", {"trimtab.yaml": ""})
        assert (left["changes"], left["released"], left["clean"]) == ([], ["model mine"], True)
        assert (await house.admin.get(f"{BASE}/drift")).json()["managed"] == 0
        (model,) = (await house.admin.get(f"{BASE}/models")).json()["items"]
        assert (model["name"], model["upstream"]) == ("mine", "other")

    run(story)


def test_a_default_that_somebody_wrote_down_is_no_difference(run: Run) -> None:
    top = "limits: {few: {measure: requests, bound: 5, window: day}}\npolicies: {any: {cache: {ttl: 60}}}\n"
    top += "environments: {qa: {protection: {freezes: [{name: x, days: [fri]}]}}}\n"

    async def story(house: House) -> None:
        await ask(house, "apply", {"trimtab.yaml": top})
        body: dict[str, Any] = {
            "measure": "requests",
            "bound": "5",
            "window": "day",
            "timezone": "UTC",
            "scope": {},
            "per": [],
        }
        assert (await house.admin.put(f"{BASE}/limits/few", json=body)).status_code == 200
        cache = {"mode": "exact", "ttl_s": 60, "sampled": False}
        assert (await house.admin.put(f"{BASE}/policies/any", json={"cache": cache})).status_code == 200
        freezes = [{"name": "x", "days": ["fri"], "timezone": "UTC", "after": ""}]
        protected = {"protection": {"gate": False, "gate_days": 30, "freezes": freezes}}
        assert (await house.admin.put(f"{BASE}/environments/qa", json=protected)).status_code == 200
        assert (await ask(house, "plan", {"trimtab.yaml": top}))["changes"] == []
        assert (await house.admin.get(f"{BASE}/drift")).json()["drifted"] == []

    run(story)


def test_a_suite_of_a_folder_is_made_watched_put_away_and_comes_back(run: Run) -> None:
    with_suite = {"trimtab.yaml": "name: main\n", "suites/quality.yaml": "dataset: qs\nscorers: [{scorer: exact}]\n"}
    without = {"trimtab.yaml": "name: main\n"}

    async def story(house: House) -> None:
        at = "/api/v1/projects/default/suites/quality"
        made = await ask(house, "apply", with_suite)
        assert [(each["action"], each["kind"], each["name"]) for each in made["changes"]] == [
            ("add", "suite", "quality")
        ]
        assert (await ask(house, "plan", with_suite))["changes"] == []
        spec = {"dataset": "qs@2", "scorers": [{"scorer": "exact"}]}
        assert (await house.admin.put(at, json={"spec": spec})).status_code == 200
        drifted = (await house.admin.get("/api/v1/projects/default/drift")).json()
        assert [each["name"] for each in drifted["drifted"]] == ["quality"]
        again = await ask(house, "plan", with_suite)
        assert again["changes"][0]["words"] == ["dataset: qs@2 -> qs"]
        assert (await ask(house, "apply", with_suite))["changes"][0]["action"] == "change"
        assert (await ask(house, "apply", without))["changes"][0]["action"] == "remove"
        assert (await house.admin.get(at)).json()["archived"] is not None
        await ask(house, "apply", with_suite)
        assert (await house.admin.get(at)).json()["archived"] is None

    run(story)


def test_a_draft_that_was_broken_before_stops_no_plan_of_what_is_there_and_is_told(run: Run) -> None:
    async def story(house: House) -> None:
        await provide(house)
        await house.admin.post(f"{BASE}/models", json={"name": "mine", "provider": "lab", "upstream": "nobody-knows"})
        await house.admin.put(f"{BASE}/apps/desk", json={"spec": {"route": "gone"}})
        exported = (await house.admin.get(f"{BASE}/export", params={"take": "true"})).json()["files"]
        planned = await ask(house, "plan", exported)
        assert (planned["mistakes"], planned["clean"]) == ([], True)
        (note,) = planned["notes"]
        assert note.startswith("No release can be made of the app 'desk', as before: ")
        changed = {**exported, "apps/desk.yaml": "route: gone-too\n"}
        assert "gone-too" in (await ask(house, "plan", changed))["mistakes"][0]["what"], "whoever edits it mends it"
        top = exported["trimtab.yaml"] + "limits:\n  daily: {measure: money, bound: 5, window: day}\n"
        notes = (await ask(house, "plan", {**exported, "trimtab.yaml": top}))["notes"]
        assert "The limit 'daily' counts money, and no price of mine is known: their calls are refused." in notes

    run(story)
