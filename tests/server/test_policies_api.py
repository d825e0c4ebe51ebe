"""Policies over the API: versions, what is refused, whom they bind, data classes and terms, and the plan."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from house import House

from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.reader import TelemetryReader
from trimtab.telemetry.records import Attempt, CallRecord, Candidate
from trimtab.telemetry.rows import Rows, encode
from trimtab.telemetry.stores import Store

if TYPE_CHECKING:
    from house import Run

AT = "/api/v1/projects/default"
SETS = f"{AT}/access-policies"
EU = """@id("eu") @reason("Personal data stays in the EU.")
forbid(principal, action == Action::"call_model", resource)
when { context.data_class == "personal" } unless { resource.region like "eu-*" };"""
DENIED = {
    "name": "personal data leaves",
    "expect": "deny",
    "action": "call_model",
    "resource": {"region": "us"},
    "context": {"data_class": "personal"},
    "policy": "eu",
}


async def models(admin: httpx.AsyncClient) -> None:
    for name in ("far", "near"):
        made = {"name": name, "kind": "openai", "base_url": f"https://{name}.example.com/v1", "api_key": "sk-x"}
        assert (await admin.post(f"{AT}/providers", json=made)).status_code == 201
    for name, provider, fallback in (("m-eu", "near", []), ("m-us", "far", ["m-eu"]), ("alone", "far", [])):
        made = {"name": name, "provider": provider, "fallback": fallback}
        assert (await admin.post(f"{AT}/models", json=made)).status_code == 201
    assert (await admin.put(f"{AT}/providers/near/data-terms", json={"region": "eu-west-1"})).status_code == 200


def test_a_set_is_written_in_versions_switched_and_removed_and_the_audit_log_says_so(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = house.admin
        body: dict[str, Any] = {"text": EU, "tests": [DENIED], "note": "first"}
        first = await admin.put(f"{SETS}/data", json={**body, "on": False})
        assert (first.status_code, first.json()["in_force"], first.json()["newest"]) == (200, None, 1)
        project = house.holder.current.access.projects["default"]
        assert house.holder.current.governed == {}
        assert (await admin.put(f"{SETS}/data", json={**body, "note": "the same again"})).json()["newest"] == 1
        engine = house.holder.current.governed[project.id].engine
        assert engine is not None
        assert engine.names == ("data",)
        second = (await admin.put(f"{SETS}/data", json={**body, "otherwise": "deny"})).json()
        assert (second["in_force"], second["otherwise"], second["policies"][0]["id"]) == (2, "deny", "eu")
        assert second["policies"][0]["actions"] == ["call_model"]
        back = await admin.post(f"{SETS}/data/switch", json={"version": 1})
        assert (back.json()["in_force"], back.json()["otherwise"]) == (1, "allow")
        assert (await admin.post(f"{SETS}/data/switch", json={"version": 9})).status_code == 404
        detail = (await admin.get(f"{SETS}/data")).json()
        assert [(each["number"], each["in_force"], each["note"]) for each in detail["versions"]] == [
            (2, False, "first"),
            (1, True, "first"),
        ]
        assert (await admin.post(f"{SETS}/data/switch", json={})).json()["in_force"] is None
        assert house.holder.current.governed == {}
        assert [each["name"] for each in (await admin.get(SETS)).json()["items"]] == ["data"]
        assert (await admin.delete(f"{SETS}/data")).status_code == 204
        assert (await admin.get(f"{SETS}/data")).status_code == 404
        log = (await admin.get(f"{AT}/audit")).json()["items"]
        actions = [each["action"] for each in log if each["subject"] == "policy:data"]
        assert {"policy.written", "policy.switched", "policy.switched_off", "policy.removed"} <= set(actions)
        gone = next(each["detail"] for each in log if each["action"] == "policy.removed")
        assert gone["from"]["hashes"]["newest"] == detail["versions"][0]["hash"]  # what it said can be proved later

    run(story)


def test_mistakes_and_tests_that_do_not_hold_are_refused_and_nothing_is_kept(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = house.admin
        wrong = await admin.put(f"{SETS}/data", json={"text": EU + "\n\nforbid(principal, acton, resource);"})
        assert (wrong.status_code, wrong.json()["code"], wrong.json()["param"]) == (400, "policy_invalid", "text")
        assert wrong.json()["detail"].startswith("Line 5: ")
        failing = await admin.put(f"{SETS}/data", json={"text": EU, "tests": [{**DENIED, "expect": "allow"}]})
        assert (failing.status_code, failing.json()["code"]) == (400, "policy_tests_failed")
        assert "'personal data leaves': " in failing.json()["detail"]
        assert (await admin.put(f"{SETS}/No", json={"text": EU})).status_code == 400
        assert (await admin.get(SETS)).json()["items"] == []
        draft = {"text": EU, "tests": [DENIED, {**DENIED, "name": "other", "expect": "allow"}]}
        checked = (await admin.post(f"{AT}/policy-check", json=draft)).json()
        assert (checked["ok"], checked["mistakes"]) == (False, [])
        assert [(each["name"], each["passed"], each["got"]) for each in checked["tests"]] == [
            ("personal data leaves", True, "deny"),
            ("other", False, "deny"),
        ]
        assert "entity Model" in (await admin.get("/api/v1/policy-schema")).json()["schema"]

    run(story)


def test_an_organisations_set_holds_in_its_projects_and_a_project_cannot_undo_it(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = house.admin
        wide = "/api/v1/organisations/default/access-policies"
        made = await admin.put(f"{wide}/house", json={"text": EU})
        assert (made.status_code, made.json()["scope"]) == (200, "organisation")
        own = await admin.put(f"{SETS}/mine", json={"text": "permit(principal, action, resource);"})
        assert own.status_code == 200
        listed = (await admin.get(SETS)).json()["items"]
        assert [(each["name"], each["scope"]) for each in listed] == [("house", "organisation"), ("mine", "project")]
        asked = {name: DENIED[name] for name in ("action", "resource", "context")}
        said = (await admin.post(f"{AT}/policy-ask", json=asked)).json()
        assert (said["allowed"], said["set"], said["policy"]) == (False, "organisation/house", "eu")

    run(story)


def test_policies_bind_those_who_promote_approve_export_and_read(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = house.admin
        text = """@id("people") @reason("People promote.") @fix("Sign in.")
        forbid(principal is Key, action == Action::"promote", resource) when { context.environment == "production" };
        forbid(principal, action == Action::"approve", resource == App::"support");
        forbid(principal, action == Action::"export", resource) when { resource.kind == "ledger" };
        forbid(principal, action == Action::"read_content", resource) when { resource.kind == "sql" };"""
        assert (await admin.put(f"{SETS}/people", json={"text": text})).status_code == 200
        start = {"release": "latest", "plan": {"kind": "direct"}}
        refused = await admin.post(f"{AT}/apps/support/environments/production/rollouts", json=start)
        assert (refused.status_code, refused.json()["code"]) == (403, "policy_forbidden")
        assert "You may not bring 'support' to 'production'." in refused.json()["detail"]
        assert "People promote." in refused.json()["detail"]
        assert refused.json()["fix"] == "Sign in."
        other = await admin.post(f"{AT}/apps/support/environments/staging/rollouts", json=start)
        assert other.status_code == 404  # there is no such app: policies were not in the way
        approval = await admin.post(f"{AT}/apps/support/releases/r1/approvals", json={})
        assert approval.json()["code"] == "policy_forbidden"
        assert (await admin.get(f"{AT}/export/ledger.jsonl")).json()["code"] == "policy_forbidden"
        assert (await admin.get(f"{AT}/export/spans.jsonl")).status_code == 503
        sql = await admin.post(f"{AT}/sql", json={"sql": "SELECT 1"})
        assert sql.json()["code"] == "policy_forbidden"

    run(story)


def test_classes_and_terms_are_stated_and_come_into_force(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = house.admin
        await models(admin)
        assert (await admin.get(f"{AT}/data-classes")).json()["standard"] == "internal"
        key = (await admin.post(f"{AT}/keys", json={"name": "mobile"})).json()["key"]["id"]
        marked = await admin.put(f"{AT}/data-classes/key/mobile", json={"data_class": "personal"})
        assert marked.json()["marks"] == [{"subject": "key", "name": key, "data_class": "personal"}]
        assert (await admin.put(f"{AT}/data-classes/key/x", json={"data_class": "personal"})).status_code == 404
        assert (await admin.put(f"{AT}/data-classes/app/x", json={"data_class": "secret"})).status_code == 400
        assert (await admin.put(f"{AT}/data-classes/moon/x", json={"data_class": "public"})).status_code == 400
        gone = await admin.put(f"{AT}/data-classes", json={"classes": ["open", "closed"]})
        assert "of the class 'personal'" in gone.json()["detail"]
        classes = {"classes": ["open", "personal", "secret"], "standard": "open"}
        assert (await admin.put(f"{AT}/data-classes", json=classes)).status_code == 200
        project = house.holder.current.access.projects["default"].id
        stated = house.holder.current.governed[project].stated
        assert (stated.keys, stated.classes.order) == ({key: "personal"}, ("open", "personal", "secret"))

        terms = {"region": "us-east-1", "data_classes": ["open"], "terms": ["no-training"]}
        assert (await admin.put(f"{AT}/providers/far/data-terms", json=terms)).status_code == 200
        assert (await admin.put(f"{AT}/models/alone/data-terms", json={"region": "us-2"})).status_code == 200
        assert (await admin.put(f"{AT}/models/none/data-terms", json={})).status_code == 404
        wrong = await admin.put(f"{AT}/providers/far/data-terms", json={"data_classes": ["what"]})
        assert wrong.json()["code"] == "unknown_data_class"
        found = {each["model"]: each for each in (await admin.get(f"{AT}/data-terms")).json()["models"]}
        alone = found["alone"]
        assert (alone["region"], alone["data_classes"], alone["terms"]) == ("us-2", ["open"], ["no-training"])
        assert (found["m-eu"]["region"], found["m-eu"]["data_classes"]) == ("eu-west-1", [])
        assert (await admin.delete(f"{AT}/providers/far/data-terms")).status_code == 204
        assert (await admin.delete(f"{AT}/providers/far/data-terms")).status_code == 404

    run(story)


def call(number: int, owner: str, at_ns: int, **more: Any) -> CallRecord:
    model, answered = more.pop("model", "m-us"), more.pop("answered", "")
    provider = "near" if answered == "m-eu" else "far"
    attempt = Attempt(
        span_id=f"{number:016x}",
        provider=provider,
        kind="openai",
        model="up",
        dialect="openai_chat",
        started_ns=at_ns,
        ended_ns=at_ns + 10**9,
        status=200,
        name=answered or model,
    )
    return CallRecord(
        request_id=f"req_{number}",
        trace_id=f"{number:032x}",
        span_id=f"f{number:015x}",
        project=owner,
        key_id=more.pop("key_id", "key_1"),
        front="openai_chat",
        model=model,
        started_ns=at_ns,
        ended_ns=at_ns + 10**9,
        attempts=(attempt,),
        decision=(Candidate(model=answered or model, provider=provider, verdict="chosen"),),
        **more,
    )


async def stored(house: House, engine: Store, tmp_path: Path) -> None:
    owner = house.holder.current.access.projects["default"].id
    tools = json.dumps({"model": "m-us", "messages": [], "tools": [{"type": "function", "function": {"name": "rm"}}]})
    day = 24 * 3_600 * 10**9
    now = house.clock.now_ns()
    given: list[CallRecord] = [
        *(call(n, owner, now - day, data_class="personal", tags=("a",)) for n in range(1, 4)),
        call(4, owner, now - day, model="alone", data_class="personal", app="support"),
        *(call(n, owner, now - 2 * day, data_class="public", feature="x") for n in (5, 6)),
        call(7, owner, now - 2 * day, answered="m-eu", data_class="personal"),
        call(8, owner, now - 3 * day, request=tools.encode()),
        call(9, owner, now - 3 * day, model="gone", data_class="personal"),
        call(10, owner, now - 9 * day, data_class="personal"),
        # to releases by their number: one that runs, one that nowhere does; a guard stopped both
        call(11, owner, now - day, model="shop@r1", answered="shop@r1", data_class="personal", app="shop", tags=("g",)),
        call(12, owner, now - day, model="shop@r9", answered="shop@r9", data_class="personal", app="shop", tags=("g",)),
    ]
    rows = Rows()
    mapper = CallMapper(FolderBlobs(tmp_path / "blobs"))
    for place, each in enumerate(given):
        mapper.add(rows, place, each)
    for table in rows.tables():
        if table.owners:
            engine.insert(table.name, table.columns, encode(table.values), f"{owner}:{table.name}")


def test_a_plan_says_which_of_last_weeks_calls_would_be_refused_or_sent_elsewhere(
    run: "Run", tmp_path: Path, served: Any, engine: Store
) -> None:
    async def story(house: House) -> None:
        admin = house.admin
        await models(admin)
        await stored(house, engine, tmp_path)
        found = (await admin.post(f"{AT}/policy-plan", json={"text": EU, "name": "data", "q": "-tag:g"})).json()
        effect = found["effect"]
        counts = {name: effect[name] for name in ("calls", "refused", "rerouted", "unchanged", "unknown")}
        assert counts == {"calls": 9, "refused": 1, "rerouted": 3, "unchanged": 4, "unknown": 1}
        moved, refused = effect["lines"]
        assert (moved["outcome"], moved["calls"], moved["model"], moved["to"]) == ("rerouted", 3, "m-us", "m-eu")
        assert (moved["data_class"], moved["policy"], moved["key"]) == ("personal", "eu", "key_1")
        assert (refused["outcome"], refused["app"], refused["trace_id"]) == ("refused", "support", f"{4:032x}")
        assert refused["reason"] == "Personal data stays in the EU."
        assert effect["by_policy"] == [{"name": "data: eu", "refused": 1, "rerouted": 3}]
        assert effect["by_app"] == [
            {"name": "", "refused": 0, "rerouted": 3},
            {"name": "support", "refused": 1, "rerouted": 0},
        ]
        assert any("1 calls were recorded without a data class" in note for note in effect["notes"])
        narrowed = (await admin.post(f"{AT}/policy-plan", json={"text": EU, "q": "class:public"})).json()["effect"]
        assert (narrowed["calls"], narrowed["unchanged"]) == (2, 2)

        assert (await admin.put(f"{AT}/apps/shop", json={"spec": {"route": "alone"}})).status_code in (200, 201)
        assert (await admin.post(f"{AT}/apps/shop/releases", json={"message": "first"})).status_code == 201
        start = {"release": "latest", "plan": {"kind": "direct"}}
        begun = await admin.post(f"{AT}/apps/shop/environments/production/rollouts", json=start)
        assert begun.status_code in (200, 201), begun.text
        numbered = (await admin.post(f"{AT}/policy-plan", json={"text": EU, "q": "tag:g"})).json()["effect"]
        assert (numbered["calls"], numbered["refused"], numbered["unknown"]) == (2, 1, 1)
        assert any("runs nowhere" in note for note in numbered["notes"])

        tools = '@tools("drop") forbid(principal, action == Action::"call_tool", resource == Tool::"rm");'
        planned = (await admin.post(f"{AT}/policy-plan", json={"text": tools, "q": "-tag:g"})).json()
        assert planned["effect"]["unchanged"] == 8
        assert (planned["tools_read"], [(t["tool"], t["calls"], t["dropped"]) for t in planned["tools"]]) == (
            1,
            [("rm", 1, True)],
        )
        by_tag = 'forbid(principal, action == Action::"call_model", resource) when { context.tags.contains("a") };'
        tagged = (await admin.post(f"{AT}/policy-plan", json={"text": by_tag})).json()["effect"]
        assert (tagged["refused"], tagged["rerouted"]) == (3, 0)

        assert (await admin.put(f"{SETS}/data", json={"text": EU})).status_code == 200
        same = (await admin.post(f"{AT}/policy-plan", json={"text": EU, "name": "data", "q": "-tag:g"})).json()[
            "effect"
        ]
        assert (same["refused"], same["rerouted"], same["allowed_again"]) == (0, 0, 0)
        without = (await admin.post(f"{AT}/policy-plan", json={"name": "data", "q": "-tag:g"})).json()["effect"]
        assert (without["refused"], without["allowed_again"]) == (0, 1)
        broken = await admin.post(f"{AT}/policy-plan", json={"text": "forbid("})
        assert broken.json()["code"] == "policy_invalid"

    run(story, asker=TelemetryReader(served.socket))
