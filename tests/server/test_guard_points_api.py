"""Operating points by API: chosen on recorded calls and datasets, kept with the version, checked again, and refused."""

import json
from typing import Any

import pytest
from house import House, Run

from trimtab.guard.guards.pii import PLUG, PiiGuard
from trimtab.guard.types import CannotTell, Look, Subject, Tools
from trimtab.telemetry.fakes import span_row
from trimtab.telemetry.views import MessageView, SpanIO

AT = "/api/v1/projects/default"
POINT = f"{AT}/guards/pii/operating-point"
PLAIN = "Where is my parcel?"
NAMED = "My name is Anna Schmidt, where is it?"
"""A name by the words around it: scores 0.85; what has a checksum scores 1."""


async def project_of(house: House) -> str:
    return (await house.admin.get(AT)).json()["id"]


async def traffic(house: House, asked: list[str], *, captured: bool = True) -> None:
    project = await project_of(house)
    now = house.clock.now_ns() // 1_000_000
    for text in asked:
        trace = f"t{len(house.reader.stored)}"
        said = MessageView(role="user", parts=[{"type": "text", "text": text}])
        answer = MessageView(role="assistant", parts=[{"type": "text", "text": "It is on its way."}])
        io = SpanIO(
            trace_id=trace, span_id="s", captured=captured, input=[said] if captured else [],
            output=[answer] if captured else [], tools=[], params={}, raw_request=None, raw_response=None,
            truncated=False,
        )  # fmt: skip
        house.reader.add(project, span_row(trace, "s", started=float(now - 1000)), io)


async def dataset(house: House, name: str, texts: list[str]) -> None:
    assert (await house.admin.put(f"{AT}/datasets/{name}", json={})).status_code == 200
    rows = "\n".join(json.dumps({"id": f"c{at:03}", "input": text}) for at, text in enumerate(texts))
    done = await house.admin.post(f"{AT}/datasets/{name}/import", params={"format": "jsonl"}, content=rows)
    assert done.status_code == 200, done.text


async def push(house: House, **spec: Any) -> Any:
    made = await house.admin.post(
        f"{AT}/guards/pii/versions", json={"spec": {"kind": "pii", "action": "block", "threshold": 0.5, **spec}}
    )
    assert made.status_code == 201, made.text
    return made.json()["guard"]


def test_a_threshold_is_chosen_on_recorded_calls_and_datasets_and_changes_nothing_unasked(run: Run) -> None:
    async def story(house: House) -> None:
        await push(house)
        await traffic(house, [PLAIN] * 45 + [NAMED] * 5)
        await traffic(house, [PLAIN] * 3, captured=False)
        await dataset(house, "cards", [f"pay with 4111 1111 1111 1111, order {at}" for at in range(8)] + [PLAIN] * 2)
        asked = {"max_false_positives": 0.05, "attack_datasets": ["cards"], "benign": [PLAIN]}
        answer = await house.admin.post(POINT, json=asked)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        point, now = found["point"], found["now"]
        assert (found["traffic"], found["without_text"], found["attack_datasets"]) == (50, 3, ["cards@1"])
        assert 0.85 < point["threshold"] < 0.86, "just above the names"
        assert (point["alarms"]["count"], point["alarms"]["of"]) == (0, 51)
        assert (point["recall"]["count"], point["recall"]["of"]) == (8, 10)
        assert (now["alarms"]["count"], now["threshold"]) == (5, 0.5)
        assert {part["name"] for part in point["by_family"]} == {"traffic", "given", "cards@1"}
        assert (point["sure"], point["needed"]) == (False, 59)
        assert "51 harmless texts are too few to promise 5.00%: 59 without any alarm would do." in found["say"]
        assert found["guard"] is None
        assert (await house.admin.get(f"{AT}/guards/pii")).json()["version"] == 1
        loose = (await house.admin.post(POINT, json={**asked, "max_false_positives": 0.1})).json()
        assert loose["point"]["alarms"]["count"] == 5, "five of 51 are within a tenth"
        output = (await house.admin.post(POINT, json={"max_false_positives": 0.1, "stage": "output"})).json()
        assert (output["stage"], output["point"]["alarms"]["of"]) == ("output", 50)

    run(story)


def test_what_cannot_be_meant_is_refused(run: Run) -> None:
    async def story(house: House) -> None:
        assert (await house.admin.post(POINT, json={"max_false_positives": 0.1})).status_code == 404
        await push(house, stages=["input"])
        for body, param in (
            ({"max_false_positives": 0.1}, "sample"),  # nothing was recorded
            ({"max_false_positives": 0.1, "stage": "output"}, "stage"),
            ({"max_false_positives": 0.1, "since": 1 << 42}, "since"),
            ({"max_false_positives": 0.1, "message": "\0"}, "message"),
        ):
            refused = await house.admin.post(POINT, json=body)
            assert (refused.status_code, refused.json()["param"]) == (400, param), refused.text
        for wrong in ({}, {"max_false_positives": 1}, {"max_false_positives": 0.1, "colour": 1}):
            assert (await house.admin.post(POINT, json=wrong)).status_code == 400
        missing = {"max_false_positives": 0.1, "attack_datasets": ["none@\0"]}
        assert (await house.admin.post(POINT, json=missing)).status_code == 404
        unchecked = await house.admin.post(f"{POINT}/check", json={})
        assert (unchecked.status_code, unchecked.json()["code"]) == (404, "no_operating_point")

    run(story)


async def app_of(house: House) -> None:
    provider = {"name": "lab", "kind": "custom", "base_url": "http://127.0.0.1:9/v1"}
    assert (await house.admin.post(f"{AT}/providers", json=provider)).status_code == 201
    model = {"name": "strong", "provider": "lab", "upstream": "up"}
    assert (await house.admin.post(f"{AT}/models", json=model)).status_code == 201
    put = await house.admin.put(f"{AT}/apps/desk", json={"spec": {"route": "strong", "guards": ["pii"]}})
    assert put.status_code == 200, put.text


def test_a_point_is_kept_carried_checked_with_another_detector_and_a_worse_one_makes_no_release(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def blind(self: PiiGuard, subject: Subject, ready: object, tools: Tools) -> Look | CannotTell:
        del self, subject, ready, tools
        return Look()

    async def story(house: House) -> None:
        await push(house)
        await dataset(house, "cards", [f"pay with 4111 1111 1111 1111, order {at}" for at in range(8)])
        few = {"max_false_positives": 0.05, "attack_datasets": ["cards"], "benign": [PLAIN], "sample": 0, "apply": True}
        unsure = (await house.admin.post(POINT, json=few)).json()
        assert (unsure["guard"]["version"], unsure["point"]["threshold"]) == (1, 0.5), "one text lowers no threshold"
        assert "not lowered" in unsure["say"]
        asked = {**few, "benign": [f"{PLAIN} No. {at}" for at in range(80)], "apply": False}
        made = await house.admin.post(POINT, json={**asked, "apply": True, "message": "by budget"})
        guard = made.json()["guard"]
        assert (guard["version"], guard["message"], guard["point"]["say"]) == (2, "by budget", "")
        assert guard["spec"]["threshold"] == guard["point"]["threshold"] == made.json()["point"]["threshold"]
        stale = await house.admin.post(POINT, json={**asked, "apply": True, "expected_version": 5})
        assert (stale.status_code, stale.json()["code"]) == (409, "version_conflict")
        carried = await push(house, threshold=guard["spec"]["threshold"], mode="shadow")
        assert (carried["version"], carried["point"]["recall"]["count"]) == (3, 8), "what judges alike keeps its point"
        same = {"benign": [PLAIN], "sample": 0}
        fine = (await house.admin.post(f"{POINT}/check", json=same)).json()["checked"]
        assert (fine["outcome"], fine["compared"]) == ("fine", 8)
        await app_of(house)
        monkeypatch.setattr(PiiGuard, "version", "2-blind")
        (listed,) = (await house.admin.get(f"{AT}/guards")).json()["items"]
        assert listed["point"]["say"] == "chosen with another detector (1; now 2-blind): check it again"
        assert (await house.admin.post(f"{AT}/apps/desk/releases", json={})).status_code == 201
        monkeypatch.setattr(PiiGuard, "look", blind)
        worse = (await house.admin.post(f"{POINT}/check", json=same)).json()
        assert worse["checked"]["outcome"] == "worse"
        assert worse["checked"]["reasons"] == ["8 attacks that were seen are not any more; 0 are that were not."]
        assert "no release" in worse["guard"]["point"]["say"]
        await house.admin.put(f"{AT}/apps/desk", json={"spec": {"route": "strong", "guards": ["pii@3"]}})
        refused = await house.admin.post(f"{AT}/apps/desk/releases", json={})
        assert (refused.status_code, refused.json()["code"]) == (409, "guard_regressed"), refused.text
        trail = (await house.admin.get(f"{AT}/audit", params={"subject": "guard:pii"})).json()["items"]
        assert [each["action"] for each in trail][:2] == ["guard.threshold_checked", "guard.threshold_checked"]
        assert "guard.threshold_chosen" in {each["action"] for each in trail}
        monkeypatch.undo()
        assert PLUG.version == "1"
        back = (await house.admin.get(f"{AT}/guards/pii")).json()["point"]
        assert back["say"] == "", "the check was of another detector than that of now"

    run(story)
