"""Queues over the API: what a reviewer may see and do, from an answer to a case."""

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from house import House
from msgspec.structs import replace

from trimtab.governance.access import Role
from trimtab.telemetry.fakes import span_row
from trimtab.telemetry.kinds import decode_any
from trimtab.telemetry.scores.types import Score
from trimtab.telemetry.views import MessageView, SpanIO

if TYPE_CHECKING:
    from house import Run

AT = "/api/v1/projects/default/review"
TRACES = [f"{number:032x}" for number in range(1, 9)]
SPEC: dict[str, Any] = {
    "instructions": "Is it right, and kind?",
    "criteria": [
        {"name": "right", "judge": "judge:right"},
        {"name": "tone", "kind": "scale", "required": False},
        {"name": "topic", "kind": "choice", "choices": ["billing", "delivery"], "required": False},
    ],
}


def said(role: str, text: str) -> MessageView:
    return MessageView(role=role, parts=[{"type": "text", "text": text}])


def add_traces(house: House, project: str) -> None:
    for number, trace_id in enumerate(TRACES):
        row = replace(span_row(trace_id, f"{number + 1:016x}"), app="support", release="r1")
        io = SpanIO(
            trace_id=trace_id, span_id=row.span_id, captured=True,
            input=[said("system", "Be kind."), said("user", "Where is my parcel?")],
            output=[said("assistant", "On its way.")], tools=[], params={}, raw_request=None, raw_response=None,
            truncated=False,
        )  # fmt: skip
        house.reader.add(project, row, io)


async def key(house: House, name: str, role: Role = "reviewer") -> tuple[httpx.AsyncClient, str]:
    made = (await house.admin.post("/api/v1/projects/default/keys", json={"name": name, "role": role})).json()
    return house.client(made["secret"]), made["key"]["id"]


async def furnish(house: House, **spec: Any) -> list[str]:
    """A queue ``doubtful`` with an item of each trace; their ids."""
    project = house.holder.current.access.projects["default"].id
    add_traces(house, project)
    put = await house.admin.put(f"{AT}/queues/doubtful", json={"spec": {**SPEC, **spec}})
    assert put.status_code == 200, put.text
    sent = await house.admin.post(f"{AT}/items", json={"queue": "doubtful", "trace_ids": [*TRACES, "f" * 32]})
    assert (sent.status_code, sent.json()["missing"]) == (201, ["f" * 32]), sent.text
    return sent.json()["items"]


def collect(kept: list[Score]) -> Any:
    async def keep(body: bytes) -> None:
        kept.extend(decode_any(body).scores)  # type: ignore[union-attr]

    return keep


def test_an_answer_is_claimed_judged_and_made_into_a_case(run: "Run") -> None:
    kept: list[Score] = []

    async def story(house: House) -> None:
        ids = await furnish(house)
        ada, ada_id = await key(house, "ada")
        ben, _ = await key(house, "ben")
        item = (await ada.post(f"{AT}/next", json={"queue": "doubtful"})).json()["item"]
        assert item["id"] in ids
        assert (item["subject"]["input"], item["subject"]["answer"]) == ("Where is my parcel?", "On its way.")
        assert (await ada.post(f"{AT}/next", json={"queue": "doubtful"})).json()["item"]["id"] == item["id"]
        one = f"{AT}/items/{item['id']}"
        assert (await ben.post(f"{one}/claim")).status_code == 409
        assert (await ben.post(f"{one}/verdicts", json={"decision": "approve", "answers": {"right": True}})).json()[
            "code"
        ] == "item_taken"
        lacks = await ada.post(f"{one}/verdicts", json={"decision": "approve"})
        assert (lacks.status_code, lacks.json()["param"]) == (400, "answers")
        empty = await ada.post(f"{one}/verdicts", json={"decision": "correct", "answers": {"right": False}})
        assert (empty.status_code, empty.json()["param"]) == (400, "correction")
        body = {
            "decision": "correct", "correction": "It comes on Monday.", "seconds": 31.5,
            "answers": {"right": False, "tone": 4, "topic": "delivery"},
        }  # fmt: skip
        given = await ada.post(f"{one}/verdicts", json=body)
        assert given.status_code == 201, given.text
        assert (given.json()["state"], given.json()["outcome"]["decision"]) == ("done", "correct")
        assert (await ada.post(f"{one}/verdicts", json=body)).status_code == 409
        found = {(score.name, score.value, score.label) for score in kept}
        assert found == {
            ("review", 0.0, "correct"), ("right", 0.0, "fail"), ("tone", 0.75, "4 of 1 to 5"),
            ("topic", None, "delivery"),
        }  # fmt: skip
        assert {(score.source, score.author, score.trace_id) for score in kept} == {("human", ada_id, item["trace_id"])}
        await house.admin.put("/api/v1/projects/default/datasets/support", json={})
        refused = await ada.post(f"{one}/to-case", json={"dataset": "support"})
        assert (refused.status_code, refused.json()["code"]) == (403, "dataset_not_of_queue")
        queue = (await house.admin.get(f"{AT}/queues/doubtful")).json()
        named = {**queue["spec"], "datasets": ["support"]}
        assert (await house.admin.put(f"{AT}/queues/doubtful", json={"spec": named})).status_code == 200
        other = await ada.post(f"{one}/to-case", json={"dataset": "golden"})
        assert "but into support" in other.json()["detail"]
        made = await ada.post(f"{one}/to-case", json={"dataset": "support"})
        assert made.status_code == 201, made.text
        again = await ada.post(f"{one}/to-case", json={"dataset": "support"})
        assert (made.json()["created"], again.json()["created"]) == (True, False)
        at = "/api/v1/projects/default/datasets/support/versions/latest/cases"
        (case,) = (await house.admin.get(at)).json()["items"]
        assert (case["expected"], case["provenance"]["origin"]) == ("It comes on Monday.", "review")
        overrides = (await ada.get(f"{AT}/overrides")).json()
        assert (overrides["all"]["decided"], overrides["all"]["rate"]["value"], overrides["all"]["seconds"]) == (
            1, 1.0, 31.5,
        )  # fmt: skip
        assert overrides["audited"]["value"] is None  # nothing of it was a random audit

    run(story, keep=collect(kept))


def test_two_who_disagree_do_not_see_each_other_and_a_third_decides(run: "Run") -> None:
    async def story(house: House) -> None:
        ids = await furnish(house, double_share=1.0, criteria=[])
        reviewers = [(await key(house, name))[0] for name in ("ada", "ben", "cleo", "dora")]
        one = f"{AT}/items/{ids[0]}"
        first = (await reviewers[0].post(f"{one}/verdicts", json={"decision": "approve"})).json()
        assert (first["state"], first["needed"], len(first["verdicts"]), first["blind"]) == ("open", 2, 1, False)
        blind = (await reviewers[1].get(one)).json()
        assert (blind["blind"], blind["verdicts"], blind["given"]) == (True, [], 1)
        split = (await reviewers[1].post(f"{one}/verdicts", json={"decision": "reject"})).json()
        assert (split["state"], split["needed"], len(split["verdicts"])) == ("open", 3, 2)
        assert (await reviewers[1].post(f"{one}/claim")).json()["code"] == "item_taken"
        skipped = (await reviewers[2].post(f"{one}/verdicts", json={"decision": "skip"})).json()
        assert (skipped["state"], skipped["given"]) == ("open", 2)
        done = (await reviewers[3].post(f"{one}/verdicts", json={"decision": "reject"})).json()
        assert (done["state"], done["outcome"]["decision"], done["outcome"]["agreed"]) == ("done", "reject", False)

    run(story)


def test_who_does_not_work_a_queue_does_not_assign_or_drop_its_items(run: "Run") -> None:
    async def story(house: House) -> None:
        (ada, ada_id), (ben, _) = await key(house, "ada"), await key(house, "ben")
        ids = await furnish(house, reviewers=[ada_id])
        for change in ({"drop": True}, {"assignee": ada_id}, {"priority": 5}):
            refused = await ben.post(f"{AT}/items/{ids[0]}/assign", json=change)
            assert (refused.status_code, refused.json()["code"]) == (403, "not_a_reviewer_here")
        assert (await ada.post(f"{AT}/items/{ids[0]}/assign", json={"priority": 5})).status_code == 200
        editor, _ = await key(house, "eve", "editor")
        assert (await editor.post(f"{AT}/items/{ids[0]}/assign", json={"drop": True})).json()["state"] == "dropped"

    run(story)


def test_a_claim_ends_with_its_lease_and_an_assigned_item_is_one_persons(run: "Run") -> None:
    async def story(house: House) -> None:
        ids = await furnish(house, lease_s=30)
        (ada, _), (ben, ben_id) = await key(house, "ada"), await key(house, "ben")
        one = f"{AT}/items/{ids[0]}"
        assert (await ada.post(f"{one}/claim")).status_code == 200
        assert (await ben.post(f"{one}/claim")).status_code == 409
        house.clock.advance(31)
        assert (await ben.post(f"{one}/claim")).status_code == 200
        assert (await ben.post(f"{one}/release")).json()["claimed_by"] == ""
        assert (await ada.post(f"{one}/assign", json={"assignee": ben_id})).json()["assignee"] == ben_id
        assert (await ada.post(f"{one}/claim")).status_code == 409
        mine = (await ben.get(f"{AT}/items", params={"assignee": "me", "free": True})).json()["items"]
        assert [each["id"] for each in mine] == [ids[0]]
        assert (await ben.post(f"{AT}/next", json={"queue": "doubtful"})).json()["item"]["id"] == ids[0]
        dropped = (await ada.post(f"{AT}/items/{ids[1]}/assign", json={"drop": True})).json()
        assert dropped["state"] == "dropped"
        assert (await ada.post(f"{AT}/items/{ids[1]}/assign", json={"drop": True})).status_code == 409
        house.clock.advance(2 * 86_400)
        (queue,) = (await ada.get(f"{AT}/queues")).json()["items"]
        assert (queue["standing"]["open"], queue["standing"]["overdue"]) == (7, 7)
        first = (await ada.get(f"{AT}/items", params={"limit": 5, "overdue": True})).json()
        rest = (await ada.get(f"{AT}/items", params={"limit": 5, "overdue": True, "cursor": first["cursor"]})).json()
        assert len({each["id"] for each in first["items"] + rest["items"]}) == 7

    run(story)


def test_the_audit_log_says_who_sent_which_trace_to_review_and_why(run: "Run") -> None:
    async def story(house: House) -> None:
        ids = await furnish(house)
        again = {"queue": "doubtful", "trace_ids": TRACES[:2], "reason": "a user called"}
        assert (await house.admin.post(f"{AT}/items", json=again)).json()["known"] == TRACES[:2]
        other = await house.admin.put(f"{AT}/queues/calls", json={"spec": SPEC})
        assert other.status_code == 200, other.text
        ada, ada_id = await key(house, "ada")
        sent = await ada.post(f"{AT}/items", json={**again, "queue": "calls"})
        assert sent.status_code == 201, sent.text
        trail = (await house.admin.get("/api/v1/projects/default/audit", params={"limit": 100})).json()["items"]
        told = {each["subject"]: each for each in trail if each["action"] == "review_item.sent"}
        assert set(told) == {f"review_item:{each}" for each in (*ids, *sent.json()["items"])}
        hers = [told[f"review_item:{each}"] for each in sent.json()["items"]]
        assert {each["actor"] for each in hers} == {ada_id}
        assert [each["detail"] for each in hers] == [
            {"queue": "calls", "trace_id": trace, "reason": "a user called"} for trace in TRACES[:2]
        ]

    run(story)


def test_a_reviewer_reads_traces_and_reviews_and_does_nothing_else(run: "Run") -> None:
    async def story(house: House) -> None:
        await furnish(house)
        ada, _ = await key(house, "ada")
        assert (await ada.get(f"/api/v1/projects/default/traces/{TRACES[0]}")).status_code == 200
        assert (await ada.put(f"{AT}/queues/mine", json={})).status_code == 403
        for path in ("costs", "prompts", "keys", "providers", "datasets", "audit"):
            assert (await ada.get(f"/api/v1/projects/default/{path}")).status_code in (403, 404), path
        scores = "/api/v1/projects/default/scores"
        assert (await ada.post(scores, json={"name": "n", "value": 1, "trace_id": "t"})).status_code == 403
        other = await house.admin.post("/api/v1/keys", json={"name": "r", "role": "reviewer"})
        assert other.status_code == 400

    run(story)


@pytest.mark.parametrize(
    ("spec", "param"),
    [
        ({"rules": [{"name": "a", "kind": "search"}]}, "rules"),
        ({"rules": [{"name": "a", "kind": "search", "q": "nokey:1"}]}, "rules"),
        ({"rules": [{"name": "a", "kind": "score", "at_most": 1}]}, "rules"),
        ({"rules": [{"name": "a", "kind": "random"}, {"name": "a", "kind": "random"}]}, "rules"),
        ({"criteria": [{"name": "c", "kind": "choice", "choices": ["one"]}]}, "criteria"),
        ({"criteria": [{"name": "review"}]}, "criteria"),
        ({"criteria": [{"name": "c", "kind": "scale", "low": 5, "high": 1}]}, "criteria"),
    ],
)
def test_a_queue_that_cannot_be_meant_is_refused_with_its_place(run: "Run", spec: dict[str, Any], param: str) -> None:
    async def story(house: House) -> None:
        answer = await house.admin.put(f"{AT}/queues/doubtful", json={"spec": spec})
        assert (answer.status_code, answer.json()["param"]) == (400, param), answer.text

    run(story)
