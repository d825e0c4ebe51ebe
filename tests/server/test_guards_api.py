"""Guards by API: versions, trials, words for users, the archive; what is in force, and what is written down of it."""

from typing import Any

import pytest
from house import House, Run

from trimtab.gateway.guarding import Escalated
from trimtab.ledger.limits import PICO
from trimtab.server.inner.guard_tools import Escalations

AT = "/api/v1/projects/default"
AWS = "AKIA" + "IOSFODNN7EXAMPLQ"
KEYS: dict[str, Any] = {"kind": "secrets", "action": "block", "applies_to": ["support", "fast*"]}


async def push(house: House, name: str, spec: dict[str, Any], **more: Any) -> Any:
    return await house.admin.post(f"{AT}/guards/{name}/versions", json={"spec": spec, **more})


async def project_of(house: House) -> str:
    return (await house.admin.get(AT)).json()["id"]


def test_a_guard_is_in_force_when_its_answer_comes_and_out_of_it_when_it_is_put_away(run: Run) -> None:
    async def story(house: House) -> None:
        made = await push(house, "keys", KEYS, message="first", expected_version=0)
        assert made.status_code == 201, made.text
        assert (made.json()["created"], made.json()["guard"]["pinned"]) == (True, "keys@1")
        assert (await push(house, "keys", KEYS)).json()["created"] is False
        guards = house.holder.current.guards[await project_of(house)]
        for called, meant in (("fast", True), ("faster", True), ("support@staging", True), ("other", False)):
            assert (guards.chain(called, ()) is not None) == meant, called
        changed = await push(house, "keys", {**KEYS, "action": "redact", "options": {"except_kinds": ["aws"]}})
        assert changed.json()["guard"]["version"] == 2
        late = await push(house, "keys", {**KEYS, "mode": "shadow"}, expected_version=1)
        assert (late.status_code, late.json()["code"]) == (409, "version_conflict")
        told = (await house.admin.get(f"{AT}/guards/keys/diff")).json()["changes"]
        assert {each["field"]: (each["before"], each["after"]) for each in told} == {
            "action": ("block", "redact"),
            "options.except_kinds": (None, ["aws"]),
        }
        page = (await house.admin.get(f"{AT}/guards/keys/versions", params={"limit": 1})).json()
        assert [each["version"] for each in page["items"]] == [2]
        assert (await house.admin.patch(f"{AT}/guards/keys", json={"archived": True})).json()["archived"]
        assert house.holder.current.guards == {}
        assert (await push(house, "keys", KEYS)).json()["code"] == "guard_archived"
        trail = (await house.admin.get("/api/v1/projects/default/audit", params={"subject": "guard:keys"})).json()
        assert [each["action"] for each in trail["items"]] == ["guard.archived", "guard.pushed", "guard.pushed"]

    run(story)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"kind": "nothing"}, "kind"),
    ({"kind": "secrets", "options": {"colour": 1}}, "options"),
    ({"kind": "secrets", "action": "allow"}, "action"),
    ({"kind": "secrets", "action": "escalate"}, "queue"),
    ({"kind": "judge", "options": {"model": "m", "policy": "x"}, "action": "redact"}, "action"),
    ({"kind": "secrets", "budget": "1"}, "budget"),
    ({"kind": "judge", "options": {"model": "m", "policy": "x"}, "budget": "much"}, "budget"),
    ({"kind": "secrets", "applies_to": ["a b"]}, "applies_to"),
    ({"kind": "secrets", "queue": "No Name"}, "queue"),
    ({"kind": "secrets", "description": "\0"}, "description"),
]


def test_what_cannot_be_meant_is_refused_by_field(run: Run) -> None:
    async def story(house: House) -> None:
        for spec, field in WRONG:
            refused = await push(house, "wrong", spec)
            assert (refused.status_code, refused.json().get("param")) == (400, field), refused.text
            assert refused.json()["fix"]
        for broken in ({"kind": 1}, {"kind": "secrets", "threshold": 2}, {"kind": "secrets", "colour": 1}):
            assert (await push(house, "wrong", broken)).status_code == 400
        assert (await push(house, "Not-A-Name", KEYS)).status_code == 400
        for path in ("guards/none", "guards/none/report", "guards/none/versions", "guards/%00"):
            assert (await house.admin.get(f"{AT}/{path}")).status_code == 404

    run(story)


def test_a_trial_keeps_nothing_and_shows_what_would_go_on(run: Run) -> None:
    async def story(house: House) -> None:
        kinds = (await house.admin.get(f"{AT}/guard-kinds")).json()["items"]
        assert {"secrets", "pii", "judge"} <= {each["name"] for each in kinds}
        texts = [{"text": f"key {AWS}"}, {"stage": "output", "text": "fine"}]
        tried = await house.admin.post(
            f"{AT}/guards/try", json={"spec": {"kind": "secrets", "action": "redact"}, "texts": texts}
        )
        assert tried.status_code == 200, tried.text
        body = tried.json()
        assert (body["action"], body["texts"]) == ("redact", ["key [AWS]", "fine"])
        assert [(each["stage"], each["action"]) for each in body["stages"]] == [
            ("input", "redact"),
            ("output", "allow"),
        ]
        assert body["stages"][0]["findings"][0]["kind"] == "aws"
        assert (await house.admin.get(f"{AT}/guards")).json()["items"] == []

    run(story)


def test_users_are_told_what_the_project_says(run: Run) -> None:
    async def story(house: House) -> None:
        await push(house, "keys", KEYS)
        said = {"name": "default", "app": "", "language": "de", "text": "Nein ({reference})."}
        assert (await house.admin.put(f"{AT}/guard-refusals", json=said)).status_code == 200
        words = house.holder.current.guards[await project_of(house)].refusals
        assert words.words("", "support", "de-at", "req_1") == "Nein (req_1)."
        assert (await house.admin.get(f"{AT}/guard-refusals")).json()["items"] == [{**said, "revision": 1}]
        gone = await house.admin.request("DELETE", f"{AT}/guard-refusals", params={"language": "de"})
        assert gone.status_code == 204
        again = await house.admin.request("DELETE", f"{AT}/guard-refusals", params={"language": "de"})
        assert again.status_code == 404

    run(story)


def test_what_a_guard_may_spend_is_a_limit_of_its_own_calls(run: Run) -> None:
    async def story(house: House) -> None:
        judge = {"kind": "judge", "options": {"model": "fast", "policy": "No poems."}, "budget": "0.5"}
        await push(house, "policy", {**judge, "action": "block"})
        (rule,) = house.holder.current.limits[await project_of(house)].rules
        assert (rule.name, rule.bound, rule.window) == ("guard-policy", PICO // 2, "day")
        assert rule.scope.feature == ("trimtab.guard.policy",)

    run(story)


@pytest.mark.parametrize("queue", ["risky", "gone"])
def test_what_is_escalated_waits_in_its_queue(run: Run, queue: str) -> None:
    async def story(house: House) -> None:
        await house.admin.put(f"{AT}/review/queues/risky", json={"spec": {}})
        new = Escalated(
            project_id=await project_of(house), queue=queue, guard="keys", reason="There are credentials in it.",
            request_id="req_1", trace_id="t1", model="support@staging", release="r3", front="openai_chat",
            request=b'{"model": "support", "messages": [{"role": "user", "content": "Hello"}]}', answer=None,
        )  # fmt: skip
        send = Escalations(house.db, house.clock)
        if queue == "gone":
            with pytest.raises(Exception, match="gone"):
                await send(new)
            return
        await send(new)
        await send(new)
        (item,) = (await house.admin.get(f"{AT}/review/items", params={"queue": queue})).json()["items"]
        assert (item["why"], item["app"], item["release"], item["trace_id"]) == (["guard"], "support", "r3", "t1")
        assert item["subject"]["input"] == "Hello"
        assert "keys" in item["subject"]["note"]

    run(story)
