"""Prompts over the API: versions, conflicts, differences, blame, labels, rendering; and who may do what."""

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from house import House

from trimtab.governance import keys
from trimtab.prompts import check
from trimtab.prompts.render import Compiled
from trimtab.server.dependencies import TEMPLATES_AT_ONCE

if TYPE_CHECKING:
    from house import Run

AT = "/api/v1/projects/default/prompts"
SUPPORT = (
    '---\nname: support\nfolder: desk/eu\nvariables: {who: string}\n---\n@system\nHi {{ who }}\n{% include "tone" %}\n'
)


async def push(client: httpx.AsyncClient, file: str, name: str = "support", **more: Any) -> httpx.Response:
    return await client.post(f"{AT}/{name}/versions", json={"file": file, **more})


async def ready(house: House) -> httpx.AsyncClient:
    """`tone` at version 1, `support` at 2."""
    admin = house.admin
    assert (await push(admin, "Be kind.", "tone")).status_code == 201
    assert (await push(admin, SUPPORT, message="first")).status_code == 201
    second = SUPPORT.replace("Hi {{ who }}", "Good day\n{{ who }}")
    assert (await push(admin, second, message="politer", expected_version=1)).json()["version"] == 2
    return admin


def test_a_prompt_is_pushed_read_compared_blamed_and_rendered(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = await ready(house)
        detail = (await admin.get(f"{AT}/support/versions/1")).json()
        assert (detail["version"]["message"], detail["folder"], detail["includes"]) == ("first", "desk/eu", ["tone"])
        again = await admin.post(f"{AT}/copy/versions", json={"content": detail["content"]})
        assert again.json()["hash"] == detail["version"]["hash"], "a file and an object are one content"
        pages = (await admin.get(f"{AT}/support/versions", params={"limit": 1})).json()
        assert [each["version"] for each in pages["items"]] == [2]
        rest = (await admin.get(f"{AT}/support/versions", params={"cursor": pages["cursor"]})).json()
        assert [each["version"] for each in rest["items"]] == [1]
        diff = (await admin.get(f"{AT}/support/diff")).json()
        assert (diff["before"], diff["after"], diff["changes"]) == (1, 2, [])
        assert [line["text"] for line in diff["messages"][0]["lines"] if line["mark"] == "added"] == [
            "Good day", "{{ who }}",
        ]  # fmt: skip
        same = (await admin.get(f"{AT}/support/diff", params={"before": "2", "after": "latest"})).json()
        assert (same["changes"], same["messages"]) == ([], [])
        blame = (await admin.get(f"{AT}/support/blame/latest")).json()
        assert [line["version"] for line in blame["messages"][0]["lines"]] == [2, 2, 1]
        rendered = (await admin.post(f"{AT}/support/render", json={"variables": {"who": "Ada"}})).json()
        assert rendered["messages"] == [{"role": "system", "content": "Good day\nAda\nBe kind."}]
        assert rendered["used"] == {"tone": 1}
        preview = await admin.post(f"{AT}/support/render", json={"file": "{{ 1 + 1 }}"})
        assert (preview.json()["messages"][0]["content"], preview.json()["version"]) == ("2", 0)
        bundle = (await admin.get(f"{AT}/support/bundles/1")).json()
        assert list(bundle["includes"]) == ["tone"]

    run(story)


def test_prompts_are_listed_in_pages_and_found(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = await ready(house)
        first = (await admin.get(AT, params={"limit": 1})).json()
        second = (await admin.get(AT, params={"limit": 1, "cursor": first["cursor"]})).json()
        assert [each["name"] for each in first["items"] + second["items"]] == ["support", "tone"]
        assert second["cursor"] is None
        assert [each["name"] for each in (await admin.get(AT, params={"q": "GOOD day"})).json()["items"]] == ["support"]
        assert [each["name"] for each in (await admin.get(AT, params={"folder": "desk"})).json()["items"]] == [
            "support"
        ]
        moved = (await admin.patch(f"{AT}/tone", json={"folder": "shared", "archived": True})).json()
        assert (moved["folder"], moved["archived"] is not None) == ("shared", True)
        assert [each["name"] for each in (await admin.get(AT)).json()["items"]] == ["support"]
        assert (await push(admin, "new", "tone")).json()["code"] == "prompt_archived"
        rendered = await admin.post(f"{AT}/support/render", json={"variables": {"who": "Ada"}})
        assert rendered.status_code == 200, "what includes it goes on"

    run(story)


def test_what_changed_meanwhile_is_never_overwritten(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = await ready(house)
        late = await push(admin, "Mine", expected_version=1)
        assert (late.status_code, late.json()["code"]) == (409, "prompt_changed")
        assert (await push(admin, "Mine", expected_version=0)).status_code == 409
        dry = (await push(admin, "Mine", expected_version=2, dry_run=True)).json()
        assert (dry["version"], dry["created"]) == (3, False)
        assert (await admin.get(f"{AT}/support")).json()["newest"] == 2
        where = f"{AT}/support/labels/production"
        assert (await admin.put(where, json={"version": 1, "expected_version": 0})).status_code == 200
        assert (await admin.put(where, json={"version": 2, "expected_version": 0})).status_code == 409
        assert (await admin.get(f"{AT}/support/versions/production")).json()["version"]["version"] == 1
        assert [each["name"] for each in (await admin.get(AT, params={"label": "production"})).json()["items"]] == [
            "support"
        ]
        assert (await admin.delete(where)).status_code == 204
        assert (await admin.delete(where)).status_code == 404

    run(story)


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/a/versions", {"file": "{{ x }}"}, "prompt_variable"),
        ("/a/versions", {"file": "{% import 'os' as os %}"}, "prompt_forbidden"),
        ("/a/versions", {"file": '{% include "nobody" %}'}, "prompt_include"),
        ("/tone/versions", {"file": '{% include "support" %}'}, "prompt_circle"),
        ("/a/versions", {"file": "x", "content": {}}, "prompt_invalid"),
        ("/a/versions", {}, "prompt_invalid"),
        ("/A/versions", {"file": "x"}, "prompt_invalid"),
        ("/a/versions", {"file": "---\nname: b\n---\nx"}, "prompt_invalid"),
        ("/a/versions", {"file": "x", "folder": "../x"}, "prompt_invalid"),
        ("/a/versions", {"content": {"messages": [{"role": "x", "text": "y"}]}}, "invalid_request"),
        ("/support/render", {}, "prompt_variable"),
        ("/support/render", {"file": "{% for a in range(40000) %}" * 2 + "{% endfor %}" * 2}, "prompt_too_much_work"),
        ("/a/convert", {"format": "prompty", "text": ""}, "prompt_invalid"),
    ],
)
def test_what_is_wrong_is_refused_with_a_code_and_a_way_out(
    run: "Run", path: str, body: dict[str, Any], code: str
) -> None:
    async def story(house: House) -> None:
        admin = await ready(house)
        told = await admin.post(AT + path, json=body)
        assert told.status_code == 400
        assert told.json()["code"] == code
        assert told.json()["fix"]

    run(story)


def test_an_applications_key_renders_and_changes_nothing_and_another_project_sees_nothing(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = await ready(house)
        await admin.post("/api/v1/projects", json={"slug": "other"})
        project = house.holder.current.access.projects["default"].id
        wanted = keys.Wanted(name="app", role="client", project_id=project)
        made = await house.db.write(lambda conn: keys.issue(conn, wanted, house.deps.now()))
        await house.holder.changed()
        app = house.client(made.secret)
        assert (await app.post(f"{AT}/support/render", json={"variables": {"who": "A"}})).status_code == 200
        assert (await app.get(f"{AT}/support/bundles/latest")).status_code == 200
        assert (await push(app, "x")).status_code == 403
        assert (await app.put(f"{AT}/support/labels/production", json={"version": 1})).status_code == 403
        elsewhere = AT.replace("default", "other")
        assert (await admin.get(elsewhere)).json()["items"] == []
        assert (await admin.get(f"{elsewhere}/support/versions/latest")).status_code == 404
        assert (await app.get(elsewhere)).status_code in (403, 404)

    run(story)


def test_more_includes_than_are_looked_for_are_told_as_such(run: "Run", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "MAX_INCLUDED", 2)

    async def story(house: House) -> None:
        for name, text in (("deep", "deep"), ("a", '{% include "deep" %}'), ("b", "b"), ("c", "c")):
            assert (await push(house.admin, text, name)).status_code == 201
        wide = "".join(f'{{% include "{name}" %}}' for name in "abc")
        told = await house.admin.post(f"{AT}/wide/render", json={"file": wide})
        assert (told.status_code, "More than 2 prompts" in told.text) == (400, True), told.text

    run(story)


def test_many_renderings_at_once_leave_threads_to_the_calls(run: "Run", monkeypatch: pytest.MonkeyPatch) -> None:
    """Any client key may ask for them, and each may take its two seconds."""
    lock = threading.Lock()
    running: list[int] = [0, 0]

    def slow(compiled: Compiled, values: dict[str, Any]) -> Any:
        with lock:
            running[0] += 1
            running[1] = max(running)
        time.sleep(0.02)
        with lock:
            running[0] -= 1
        return rendered(compiled, values)

    rendered = Compiled.render
    monkeypatch.setattr(Compiled, "render", slow)

    async def story(house: House) -> None:
        asked = [house.admin.post(f"{AT}/x/render", json={"file": "hi"}) for _ in range(8)]
        assert {answer.status_code for answer in await asyncio.gather(*asked)} == {200}
        assert 1 <= running[1] <= TEMPLATES_AT_ONCE

    run(story)
