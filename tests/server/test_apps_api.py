"""Apps and releases over the API: drafts, freezing, comparing, conflicts; and what is missing told by name."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from house import House

from trimtab.gateway.targets import Model, Provider
from trimtab.server.api import releases
from trimtab.server.config.file import ConfigFile

if TYPE_CHECKING:
    from house import Run

AT = "/api/v1/projects/default"
ACTOR = "admin (TRIMTAB_ADMIN_KEY)"
SUPPORT = """---
name: support
variables: {who: string, tone: {type: string, default: kind, enum: [kind, formal]}}
parameters: {temperature: 0.2}
policy: {refund_limit: 50}
---
@system
Be {{ tone }}. Refunds up to {{ policy.refund_limit }}.
{% include "house" %}

@user
I am {{ who }}.
"""


async def push(client: httpx.AsyncClient, name: str, file: str) -> None:
    made = await client.post(f"{AT}/prompts/{name}/versions", json={"file": file})
    assert made.status_code == 201, made.text


async def ready(house: House) -> httpx.AsyncClient:
    """A provider, three models, a route, and the prompt `support` with what it includes."""
    admin = house.admin
    body: dict[str, Any] = {"name": "lab", "kind": "custom", "base_url": "http://127.0.0.1:9/v1"}
    assert (await admin.post(f"{AT}/providers", json=body)).status_code == 201
    for name, fallback in (("strong", []), ("fast", ["strong"]), ("spare", [])):
        model = {"name": name, "provider": "lab", "upstream": f"up-{name}", "fallback": fallback}
        assert (await admin.post(f"{AT}/models", json=model)).status_code == 201
    route = {"name": "pool", "tree": {"node": "fastest", "of": ["fast", "spare"]}, "affinity": {"session": True}}
    assert (await admin.post(f"{AT}/routes", json=route)).status_code == 201
    await push(admin, "house", "Say where it stands.")
    await push(admin, "support", SUPPORT)
    return admin


async def put(client: httpx.AsyncClient, spec: dict[str, Any], app: str = "desk", **more: Any) -> httpx.Response:
    return await client.put(f"{AT}/apps/{app}", json={"spec": spec, **more})


async def release(client: httpx.AsyncClient, app: str = "desk", **more: Any) -> httpx.Response:
    return await client.post(f"{AT}/apps/{app}/releases", json=more)


SPEC: dict[str, Any] = {"prompt": "support", "route": "fast", "variables": {"tone": "formal"}}


def test_a_draft_is_frozen_with_everything_it_names_resolved(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = await ready(house)
        made = (await put(admin, SPEC)).json()
        assert (made["revision"], made["newest"], made["trouble"], made["differs"]) == (1, 0, "", True)
        first = await release(admin, message="first")
        assert first.status_code == 201, first.text
        assert (first.json()["created"], first.json()["release"]["ref"]) == (True, "r1")
        detail = (await admin.get(f"{AT}/apps/desk/releases/r1")).json()
        content = detail["content"]
        assert content["route"] == {"node": "fallback", "of": ["fast", "strong"]}
        assert content["models"]["fast"] == {"provider": "lab", "upstream": "up-fast"}
        assert content["parameters"] == {"temperature": 0.2}
        assert content["policy"] == {"refund_limit": 50}
        assert content["prompt"]["includes"]["house"]["version"] == 1
        assert (detail["parent"], detail["author_name"], detail["message"]) == (None, ACTOR, "first")
        assert "Uses the prompt support@1" in detail["changes"]
        assert "Answered by fast, falling back to strong" in detail["changes"]
        again = (await release(admin)).json()
        assert (again["created"], again["release"]["number"]) == (False, 1)
        assert (await admin.get(f"{AT}/apps/desk")).json()["differs"] is False

    run(story)


def test_what_was_frozen_stays_when_prompt_model_and_route_go_on(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = await ready(house)
        await put(admin, {**SPEC, "route": "pool"})
        await release(admin)
        before = (await admin.get(f"{AT}/apps/desk/releases/1")).json()
        assert before["content"]["route"] == {"node": "fastest", "of": ["fast", "spare"]}
        assert before["content"]["affinity"] == {"session": True}
        await push(admin, "house", "Say where it stands, with the date.")
        await admin.patch(f"{AT}/models/fast", json={"upstream": "up-faster"})
        await admin.patch(f"{AT}/routes/pool", json={"tree": {"node": "fastest", "of": ["spare", "strong"]}})
        assert (await admin.get(f"{AT}/apps/desk/releases/1")).json() == before
        told = (await admin.get(f"{AT}/apps/desk/diff")).json()
        assert (told["before"], told["after"]) == ("r1", "draft")
        words = [each["words"] for each in told["changes"]]
        assert "The included house went from version 1 to 2" in words
        assert "Answered by the fastest of spare, strong, instead of the fastest of fast, spare" in words
        assert [each["reference"] for each in told["prompts"]] == ["house"]
        assert told["prompts"][0]["messages"][0]["lines"]
        assert (await release(admin)).json()["release"]["ref"] == "r2"
        page = (await admin.get(f"{AT}/apps/desk/releases", params={"limit": 1})).json()
        assert [each["number"] for each in page["items"]] == [2]
        assert words == page["items"][0]["changes"]
        rest = (await admin.get(f"{AT}/apps/desk/releases", params={"cursor": page["cursor"]})).json()
        assert ([each["number"] for each in rest["items"]], rest["cursor"]) == ([1], None)
        assert (await admin.get(f"{AT}/apps/desk/diff", params={"before": "latest", "after": "r2"})).json()[
            "changes"
        ] == []

    run(story)


def test_a_model_that_is_removed_later_does_not_touch_the_release(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = await ready(house)
        await put(admin, {"route": "spare"})
        await release(admin)
        assert (await admin.patch(f"{AT}/routes/pool", json={"tree": "fast"})).status_code == 200
        assert (await admin.delete(f"{AT}/models/spare")).status_code == 204
        kept = (await admin.get(f"{AT}/apps/desk/releases/latest")).json()
        assert kept["content"]["models"] == {"spare": {"provider": "lab", "upstream": "up-spare"}}
        refused = await release(admin, message="again")
        assert (refused.status_code, refused.json()["code"]) == (400, "route_refused")
        assert "no model or route 'spare'" in refused.json()["detail"]
        now = (await admin.get(f"{AT}/apps/desk")).json()
        assert "no model or route 'spare'" in now["trouble"]
        assert now["differs"] is None

    run(story)


MISSING: list[tuple[dict[str, Any], str]] = [
    ({"prompt": "support"}, "has no route"),
    ({"route": "fsat"}, "no model or route 'fsat'"),
    ({"route": "lab2/any"}, "no model or route 'lab2/any'"),
    ({"route": {"node": "fallback", "of": ["fast", "nobody"]}}, "of[1]: There is no model or route 'nobody'"),
    ({"route": "fast", "prompt": "nobody"}, "no prompt 'nobody'"),
    ({"route": "fast", "prompt": "support@9"}, "no version 9"),
    ({"route": "fast", "prompt": "support@production"}, "no label 'production'"),
    ({"route": "fast", "variables": {"tone": "kind"}}, "has no prompt"),
    ({"route": "fast", "prompt": "support", "variables": {"tnoe": "kind"}}, "no variable 'tnoe'"),
    ({"route": "fast", "prompt": "support", "variables": {"tone": "rude"}}, "no value of the variable 'tone'"),
    ({"route": "fast", "prompt": "support", "variables": {"who": 3}}, "is of type string"),
    ({"route": "fast", "tools": [{"type": "function"}]}, "Tool 1 of the release is no function"),
    ({"route": "fast", "parameters": {"temperature": "hot"}}, "temperature"),
]


def test_what_is_missing_is_told_by_name_and_the_draft_stays(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = await ready(house)
        for spec, words in MISSING:
            saved = await put(admin, spec)
            assert saved.status_code == 200
            assert words in saved.json()["trouble"]
            refused = await release(admin)
            assert refused.status_code == 400
            assert words in refused.json()["detail"]
            assert refused.json()["fix"]
            assert (await admin.get(f"{AT}/apps/desk/diff")).status_code == 400

    run(story)


SENSELESS: list[tuple[dict[str, Any], str]] = [
    ({"prompt": "Not A Name"}, "invalid_request"),
    ({"route": {"node": "nobody"}}, "route_refused"),
    ({"route": {"node": "fallback"}}, "route_refused"),
    ({"parameters": {"model": "fast"}}, "invalid_request"),
    ({"knowledge": ["No Corpus"]}, "invalid_request"),
    ({"knowledge": ["handbook", {"corpus": "handbook", "top": 2}]}, "invalid_request"),
    ({"knowledge": [{"corpus": "handbook", "version": 1, "follow": True}]}, "invalid_request"),
    ({"knowledge": [{"corpus": "handbook", "top": 0}]}, "invalid_request"),
    ({"knowledge": [{"corpus": "handbook", "query": "{{ topic }}"}]}, "invalid_request"),
    ({"cache": {"mode": "always"}}, "invalid_request"),
    ({"cache": {"ttl_s": -1}}, "invalid_request"),
    ({"context": {}}, "invalid_request"),
    ({"parameters": {"a": "\0"}}, "app_invalid"),
    ({"temperature": 1}, "invalid_request"),
    ({"metadata": {"n": 1 << 80}}, "app_invalid"),
]


def test_a_draft_that_says_nothing_sensible_is_refused(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = await ready(house)
        for spec, code in SENSELESS:
            refused = await put(admin, spec)
            assert (refused.status_code, refused.json()["code"]) == (400, code), refused.text
            assert (await admin.get(f"{AT}/apps/desk")).status_code == 404

    run(story)


def test_two_who_edit_one_draft_conflict_and_the_same_again_does_not(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = await ready(house)
        assert (await put(admin, SPEC, expected_revision=0)).json()["revision"] == 1
        assert (await put(admin, SPEC, expected_revision=0)).json()["revision"] == 1, "an answer that was lost"
        theirs = await put(admin, {**SPEC, "parameters": {"temperature": 0.7}}, expected_revision=1)
        assert theirs.json()["revision"] == 2
        mine = await put(admin, {**SPEC, "parameters": {"temperature": 0.9}}, expected_revision=1)
        assert (mine.status_code, mine.json()["code"]) == (409, "app_changed")
        assert "revision 2 now; yours was made from 1. It says otherwise than yours in: parameters." in mine.text
        assert (await put(admin, {}, "new", expected_revision=3)).status_code == 409
        late = await release(admin, expected_revision=1)
        assert (late.status_code, late.json()["code"]) == (409, "app_changed")
        assert (await release(admin, expected_revision=2, expected_newest=0)).json()["release"]["number"] == 1
        await put(admin, SPEC)
        gone = await release(admin, expected_newest=0)
        assert (gone.status_code, gone.json()["code"]) == (409, "release_changed")
        assert f"is r1 by {ACTOR} now; yours was to follow none" in gone.text
        dry = (await release(admin, dry_run=True)).json()
        assert (dry["created"], dry["release"]["number"]) == (True, 2)
        assert dry["release"]["changes"] == ["Temperature lowered from 0.7 to 0.2"]
        assert (await admin.get(f"{AT}/apps/desk")).json()["newest"] == 1
        back = (await release(admin, parent=1)).json()["release"]
        assert (back["number"], back["parent"]) == (2, 1)
        assert (await release(admin, parent=9, message="x")).status_code in (201, 404)

    run(story)


def test_releases_made_at_once_are_numbered_without_gaps(run: "Run", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releases, "PORTION", 2)

    async def story(house: House) -> None:
        admin = await ready(house)
        await put(admin, SPEC)

        async def one(number: int) -> int:
            await put(admin, {**SPEC, "parameters": {"seed": number}})
            return (await release(admin)).json()["release"]["number"]

        for number in range(4):
            await one(number)
        await asyncio.gather(*(one(number) for number in range(4, 8)))
        rows = (await admin.get(f"{AT}/apps/desk/releases")).json()["items"]
        assert [row["number"] for row in rows] == list(range(len(rows), 0, -1))
        assert [row["parent"] for row in rows] == [*range(len(rows) - 1, 0, -1), None]
        assert all(row["changes"] for row in rows), "each differs from the one before"
        page = (await admin.get(f"{AT}/apps/desk/releases", params={"limit": 3})).json()
        rest = (await admin.get(f"{AT}/apps/desk/releases", params={"cursor": page["cursor"]})).json()
        assert page["items"] + rest["items"] == rows

    run(story)


def test_a_name_is_an_apps_or_a_models_or_a_routes(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = await ready(house)
        for name, kind in (("fast", "model"), ("pool", "route")):
            refused = await put(admin, SPEC, name)
            assert (refused.status_code, refused.json()["code"]) == (409, "name_taken")
            assert f"already a {kind}" in refused.json()["detail"]
        assert (await put(admin, SPEC)).status_code == 200
        model = await admin.post(f"{AT}/models", json={"name": "desk", "provider": "lab"})
        assert (model.status_code, model.json()["code"]) == (409, "name_taken")
        route = await admin.post(f"{AT}/routes", json={"name": "desk", "tree": "fast"})
        assert (route.status_code, route.json()["code"]) == (409, "name_taken")
        assert (await put(admin, SPEC, "A B")).status_code == 400

    run(story)


def test_what_the_config_file_declares_later_hides_an_app_and_that_is_told(run: "Run", tmp_path: Path) -> None:
    provider = Provider(name="lab", kind="custom", dialect="openai_chat", base_url="http://127.0.0.1:9/v1")
    model = Model(name="desk", provider="lab", upstream="x")
    config = ConfigFile(providers={"lab": provider}, models={"desk": model})

    async def before(house: House) -> None:
        admin = await ready(house)
        assert (await put(admin, SPEC)).json()["running_trouble"] == ""
        assert (await release(admin)).status_code == 201

    async def after(house: House) -> None:
        found = (await house.admin.get(f"{AT}/apps/desk")).json()
        assert "hides this app" in found["running_trouble"]
        assert house.holder.current.apps == {}
        assert (await put(house.admin, {**SPEC, "description": "x"})).status_code == 200, "its draft can be changed"

    async def fresh(house: House) -> None:
        refused = await put(house.admin, SPEC)
        assert (refused.status_code, refused.json()["code"]) == (409, "name_taken")

    run(before)
    run(after, config=config)
    (tmp_path / "catalog.sqlite").unlink()
    run(fresh, config=config)


def test_a_model_or_fallback_that_cannot_be_used_now_is_not_left_out_of_a_release(run: "Run") -> None:
    lab = Provider(name="cfg", kind="custom", dialect="openai_chat", base_url="http://127.0.0.1:9/v1")

    async def before(house: House) -> None:
        admin = await ready(house)
        for name, provider, fallback in (("far", "cfg", []), ("near", "lab", ["far"])):
            model = {"name": name, "provider": provider, "fallback": fallback}
            assert (await admin.post(f"{AT}/models", json=model)).status_code == 201
        assert (await put(admin, {"route": "near"})).json()["trouble"] == ""
        await put(admin, {"route": "far"}, "other")

    async def after(house: House) -> None:
        for app, words in (("desk", "uses 'near', which falls back to the model 'far'"), ("other", "uses the model")):
            refused = await release(house.admin, app)
            assert (refused.status_code, refused.json()["code"]) == (400, "route_refused")
            assert words in refused.json()["detail"]
            assert "provider 'cfg' is not declared" in refused.json()["detail"]

    run(before, config=ConfigFile(providers={"cfg": lab}))
    run(after)


def test_an_archived_app_takes_nothing_new_and_an_archived_prompt_makes_no_release(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = await ready(house)
        await put(admin, SPEC)
        await release(admin)
        await admin.patch(f"{AT}/prompts/support", json={"archived": True})
        await put(admin, {**SPEC, "parameters": {"seed": 1}})
        refused = await release(admin)
        assert (refused.status_code, refused.json()["code"]) == (409, "prompt_archived")
        assert "archived" in (await admin.get(f"{AT}/apps/desk")).json()["trouble"]
        assert (await admin.get(f"{AT}/apps/desk/releases/r1")).json()["content"]["prompt"]["prompt"]["version"] == 1
        away = (await admin.patch(f"{AT}/apps/desk", json={"archived": True})).json()
        assert away["archived"] is not None
        assert (await admin.get(f"{AT}/apps")).json()["items"] == []
        assert [row["name"] for row in (await admin.get(f"{AT}/apps", params={"archived": True})).json()["items"]] == [
            "desk"
        ]
        assert (await put(admin, {**SPEC, "parameters": {"seed": 2}})).json()["code"] == "app_archived"
        assert (await admin.patch(f"{AT}/apps/desk", json={"archived": False})).json()["archived"] is None

    run(story)


def test_apps_are_listed_in_pages_and_references_are_told_when_wrong(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = await ready(house)
        for name in ("a", "b", "c"):
            await put(admin, SPEC, name)
        first = (await admin.get(f"{AT}/apps", params={"limit": 2})).json()
        rest = (await admin.get(f"{AT}/apps", params={"limit": 2, "cursor": first["cursor"]})).json()
        assert [row["name"] for row in first["items"] + rest["items"]] == ["a", "b", "c"]
        assert rest["cursor"] is None
        await release(admin, "a")
        for ref in ("r2", "0", "r0", "staging", "x" * 200, "latest2", "r99999999999"):
            missing = await admin.get(f"{AT}/apps/a/releases/{ref}")
            assert missing.status_code == 404, ref
            assert missing.json()["fix"]
        assert (await admin.get(f"{AT}/apps/b/releases/latest")).status_code == 404
        assert "Did you mean" in (await admin.get(f"{AT}/apps/aa")).json()["fix"]
        assert (await admin.get(f"{AT}/apps/nobody/releases")).status_code == 404
        assert (await admin.get(f"{AT}/apps/a/releases", params={"cursor": "x"})).status_code == 400

    run(story)


def test_only_who_may_changes_apps(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = await ready(house)
        await put(admin, SPEC)
        reader, caller = [
            (await admin.post(f"{AT}/keys", json={"name": role, "role": role})).json()["secret"]
            for role in ("read_only", "client")
        ]
        assert (await house.client(reader).get(f"{AT}/apps/desk")).status_code == 200
        assert (await put(house.client(reader), SPEC)).status_code == 403
        assert (await release(house.client(reader))).status_code == 403
        assert (await house.client(caller).get(f"{AT}/apps")).status_code == 403

    run(story)


def test_what_was_done_stands_in_the_audit_log(run: "Run") -> None:
    from trimtab.governance import audit

    async def story(house: House) -> None:
        admin = await ready(house)
        await put(admin, SPEC)
        await put(admin, {**SPEC, "description": "Answers customers."})
        await release(admin, message="go")
        project = house.holder.current.access.projects["default"].id
        found = await house.db.read(lambda conn: audit.entries(conn, project))
        assert [(each.action, each.subject, each.actor_name) for each in found[:3]] == [
            ("release.created", "release:desk@r1", ACTOR),
            ("app.changed", "app:desk", ACTOR),
            ("app.created", "app:desk", ACTOR),
        ]
        assert found[1].detail["fields"] == ["description"]

    run(story)
