"""Suites and experiments over the API: what is refused and how, who may do what, what stands in the trail."""

from typing import TYPE_CHECKING, Any

import httpx
from house import House
from sqlalchemy import Connection

from trimtab.evaluation import cells, experiments, gate, judging
from trimtab.evaluation.types import Cell
from trimtab.governance import keys

if TYPE_CHECKING:
    from house import Run

P = "/api/v1/projects/default"
LAB = {"name": "lab", "base_url": "http://127.0.0.1:9/v1", "api_key": "k"}
SPEC: dict[str, Any] = {"dataset": "qs", "scorers": [{"scorer": "exact"}], "against": "production"}
RUN: dict[str, Any] = {"suite": "quality", "subjects": ["lab/m-1"]}


async def key(house: House, role: Any) -> httpx.AsyncClient:
    project = house.holder.current.access.projects["default"].id
    made = await house.db.write(
        lambda conn: keys.issue(conn, keys.Wanted(name=role, role=role, project_id=project), house.deps.now())
    )
    await house.holder.changed()
    return house.client(made.secret)


async def ready(house: House) -> httpx.AsyncClient:
    """Ada's client; a dataset of three cases of which two may be used to evaluate, a suite, a provider, an app."""
    assert (await house.admin.post(f"{P}/providers", json=LAB)).status_code == 201
    ada = await key(house, "editor")
    cases = [{"id": f"c{n}", "input": f"Question {n}", "uses": ["train"] if n == 2 else ["evaluate"]} for n in range(3)]
    assert (await ada.put(f"{P}/datasets/qs", json={})).status_code == 200
    assert (await ada.post(f"{P}/datasets/qs/cases", json={"add": cases})).status_code in (200, 201)
    assert (await ada.put(f"{P}/suites/quality", json={"spec": SPEC})).status_code == 200
    await ada.put(f"{P}/apps/support", json={"spec": {"route": "lab/m-1"}})
    assert (await ada.post(f"{P}/apps/support/releases", json={"message": "first"})).status_code == 201
    return ada


def test_a_suite_is_changed_against_its_revision_put_away_and_written_down(run: "Run") -> None:
    async def story(house: House) -> None:
        ada = await ready(house)
        at = f"{P}/suites/quality"
        same = await ada.put(at, json={"spec": SPEC, "expected_revision": 1})
        assert (same.status_code, same.json()["revision"]) == (200, 1)
        changed = await ada.put(at, json={"spec": SPEC | {"repeats": 2}, "expected_revision": 1})
        assert changed.json()["revision"] == 2
        stale = await ada.put(at, json={"spec": SPEC, "expected_revision": 1})
        assert (stale.status_code, stale.json()["code"]) == (409, "suite_changed")
        assert (await ada.patch(at, json={"archived": True})).json()["archived"] is not None
        assert (await ada.get(f"{P}/suites")).json()["items"] == []
        assert (await ada.post(f"{P}/experiments", json=RUN)).json()["code"] == "suite_archived"
        assert (await ada.put(at, json={"spec": SPEC})).json()["archived"] is None
        trail = (await ada.get(f"{P}/audit", params={"subject": "suite:quality"})).json()["items"]
        told = [each["action"] for each in reversed(trail)]
        assert told == ["suite.created", "suite.changed", "suite.archived", "suite.changed"]

    run(story)


def test_what_no_suite_can_mean_is_refused_where_it_stands(run: "Run") -> None:
    async def story(house: House) -> None:
        ada = await ready(house)
        wrongs: list[tuple[dict[str, Any], str]] = [
            ({"scorers": []}, "scorers"),
            ({"scorers": [{"scorer": "exacct"}]}, "scorers[0].scorer"),
            ({"scorers": [{"scorer": "exact", "options": {"colour": 1}}]}, "scorers[0].options"),
            ({"scorers": [{"scorer": "exact", "name": "latency"}]}, "scorers[0].name"),
            ({"scorers": [{"scorer": "exact", "at_least": 2, "at_most": 1}]}, "scorers[0].at_least"),
            ({"scorers": [{"scorer": "exact", "margin": 5}]}, "scorers[0].margin"),
            ({"scorers": [{"scorer": "checks.py:short", "at_most": 90}]}, "scorers[0].at_most"),
            ({"freshness_days": 1e300}, "spec.freshness_days"),
            ({"alpha": 0.9}, "spec.alpha"),
            ({"dataset": "no such name!"}, "dataset"),
            ({"budget": "much"}, "budget"),
            ({"split": "\0"}, "split"),
        ]
        for wrong, param in wrongs:
            answer = await ada.put(f"{P}/suites/other", json={"spec": SPEC | wrong})
            assert (answer.status_code, answer.json()["param"]) == (400, param), answer.text
        assert (await ada.put(f"{P}/suites/Other", json={"spec": SPEC})).status_code == 400
        version = {"scorers": [{"scorer": "judge:tone@2"}]}
        assert (await ada.put(f"{P}/suites/other", json={"spec": SPEC | version})).status_code == 200
        both = {"scorers": [{"scorer": "judge:tone@2"}, {"scorer": "judge:tone"}]}
        answer = await ada.put(f"{P}/suites/other", json={"spec": SPEC | both})
        assert answer.status_code == 400, "two versions of one judge need names of their own"

    run(story)


def test_an_experiment_is_queued_with_what_it_is_about_and_can_be_cancelled_and_resumed(run: "Run") -> None:
    async def story(house: House) -> None:
        ada = await ready(house)
        made = (await ada.post(f"{P}/experiments", json=RUN | {"subjects": ["support@r1"], "repeats": 3})).json()
        assert (made["state"], made["cells"], made["version"]) == ("queued", 6, 1), "a case for training is left out"
        assert made["subjects"] == ["support@r1"], "nothing runs in production to compare with yet"
        one = f"{P}/experiments/{made['id']}"
        assert (await ada.get(f"{one}/report")).json()["code"] == "no_report_yet"
        assert (await ada.get(f"{one}/cells")).json() == {"items": [], "cursor": None}
        assert (await ada.post(f"{one}/resume", json={})).json()["code"] == "nothing_to_resume"
        assert (await ada.post(f"{one}/cancel")).json()["state"] == "cancelled"
        assert (await ada.post(f"{one}/cancel")).status_code == 409
        unpriced = await ada.post(f"{one}/resume", json={"budget": "2"})
        assert (unpriced.status_code, unpriced.json()["code"]) == (409, "unpriced")
        again = (await ada.post(f"{one}/resume", json={"budget": "2", "allow_unpriced": True})).json()
        assert (again["state"], again["spec"]["budget"]) == ("queued", "2")
        await ada.post(f"{P}/experiments", json=RUN)
        found = (await ada.get(f"{P}/experiments", params={"limit": 1})).json()
        rest = (await ada.get(f"{P}/experiments", params={"limit": 5, "cursor": found["cursor"]})).json()
        assert [each["subjects"] for each in found["items"] + rest["items"]] == [["lab/m-1"], ["support@r1"]]
        assert len((await ada.get(f"{P}/experiments", params={"subject": "support@r1"})).json()["items"]) == 1
        trail = (await ada.get(f"{P}/audit", params={"subject": f"experiment:{made['id']}"})).json()["items"]
        assert [each["action"] for each in reversed(trail)] == [
            "experiment.started", "experiment.cancelled", "experiment.resumed",
        ]  # fmt: skip

    run(story)


def test_what_cannot_be_run_is_refused_before_it_begins(run: "Run") -> None:
    async def story(house: House) -> None:
        ada = await ready(house)
        for wrong, code in (
            ({"suite": "nothing"}, "not_found"),
            ({"suite": "no\0thing"}, "not_found"),
            ({"subjects": ["nothing"]}, "subject_not_found"),
            ({"subjects": ["support@r9"]}, "not_found"),
            ({"subjects": ["\0"]}, "invalid_request"),
            ({"budget": "-1"}, "invalid_request"),
        ):
            answer = await ada.post(f"{P}/experiments", json=RUN | wrong)
            assert answer.json()["code"] == code, answer.text
            assert (await ada.post(f"{P}/experiments/estimate", json=RUN | wrong)).json()["code"] == code
        await ada.put(f"{P}/suites/quality", json={"spec": SPEC | {"split": "none"}})
        assert (await ada.post(f"{P}/experiments", json=RUN)).json()["code"] == "no_cases"
        await ada.put(f"{P}/suites/quality", json={"spec": SPEC | {"dataset": "elsewhere"}})
        assert (await ada.post(f"{P}/experiments", json=RUN)).json()["code"] == "dataset_not_found"

    run(story)


def test_the_estimate_says_what_it_does_not_know(run: "Run") -> None:
    async def story(house: House) -> None:
        ada = await ready(house)
        free = (await ada.post(f"{P}/experiments/estimate", json=RUN)).json()
        assert (free["cells"], free["cost"], free["unknown"]) == (2, None, ["the price of lab/m-1"])
        price = {"input": "1", "output": "2"}
        await house.admin.post(f"{P}/models", json={"name": "m", "provider": "lab", "upstream": "m-1", "price": price})
        unbounded = RUN | {"subjects": ["lab/m-2"], "budget": "1"}
        refused = (await ada.post(f"{P}/experiments", json=unbounded)).json()
        assert (refused["code"], refused["param"]) == ("unpriced", "budget")
        assert "nobody knows the price of lab/m-2" in refused["detail"]
        assert "allow_unpriced" in refused["fix"]
        assert (await ada.post(f"{P}/experiments", json=RUN | {"budget": "1"})).status_code == 201
        agreed = await ada.post(f"{P}/experiments", json=unbounded | {"allow_unpriced": True})
        assert (agreed.status_code, agreed.json()["unknown"], agreed.json()["answered"]) == (201, 0, 0)
        priced = (await ada.post(f"{P}/experiments/estimate", json=RUN | {"budget": "0.000001"})).json()
        assert priced["unknown"] == []
        assert float(priced["cost"]) > 0
        assert priced["over_budget"] is True
        assert "nothing is recorded yet" in priced["subjects"][0]["basis"]

    run(story)


def test_who_may_read_does_not_start_and_who_calls_sees_nothing(run: "Run") -> None:
    async def story(house: House) -> None:
        ada = await ready(house)
        made = (await ada.post(f"{P}/experiments", json=RUN)).json()
        reader, client = await key(house, "read_only"), await key(house, "client")
        assert (await reader.get(f"{P}/experiments/{made['id']}")).status_code == 200
        assert (await reader.post(f"{P}/experiments", json=RUN)).status_code == 403
        assert (await reader.put(f"{P}/suites/quality", json={"spec": SPEC})).status_code == 403
        assert (await client.get(f"{P}/experiments")).status_code == 403
        assert (await house.admin.post("/api/v1/projects", json={"slug": "other", "name": ""})).status_code == 201
        elsewhere = await house.admin.get(f"/api/v1/projects/other/experiments/{made['id']}")
        assert elsewhere.status_code == 404

    run(story)


def test_scores_that_the_releases_author_gave_open_no_gate_and_only_functions_scores_are_taken(run: "Run") -> None:
    async def story(house: House) -> None:
        ada, bob = await ready(house), await key(house, "editor")
        own = {"dataset": "qs", "scorers": [{"scorer": "exact"}, {"scorer": "checks.py:short", "at_least": 0.5}]}
        await ada.put(f"{P}/suites/quality", json={"spec": own})
        made = (await ada.post(f"{P}/experiments", json=RUN | {"subjects": ["support@r1"]})).json()
        project = house.holder.current.access.projects["default"].id
        cell = Cell(subject=0, case_id="c0", repeat=0, state="done", output="yes")

        def end(conn: Connection) -> None:
            cells.keep(conn, made["id"], [cell], 1)
            experiments.end(conn, made["id"], "done", reason="", report=None, now=2)

        scores = f"{P}/experiments/{made['id']}/scores"
        score = {"subject": 0, "case_id": "c0", "repeat": 0, "name": "checks.py:short", "value": 1.0}
        assert (await bob.post(scores, json={"scores": [score]})).json()["code"] == "experiment_not_done"
        await house.db.write(end)
        assert (await ada.get(f"{P}/experiments/{made['id']}")).json()["cost"] is None, "its answer has no known price"
        for wrong in ({"name": "exact"}, {"value": None}, {"value": 5.0}):
            assert (await bob.post(scores, json={"scores": [score | wrong]})).status_code == 400
        assert (await bob.post(scores, json={"scores": [score]})).json() == {"cells": 1}

        def refusal(conn: Connection) -> str:
            found = experiments.experiment(conn, project, made["id"])
            return gate.refusal(conn, found, judging.bind(conn, project, found.spec), 3)

        assert await house.db.read(refusal) == ""
        assert (await ada.post(scores, json={"scores": [score]})).status_code == 200
        assert "had a hand in the release" in await house.db.read(refusal)
        assert (await ada.get(f"{P}/experiments/{made['id']}/cells?subject={10**20}")).status_code == 400
        (seen,) = (await ada.get(f"{P}/experiments/{made['id']}/cells?subject=0")).json()["items"]
        assert [each["name"] for each in seen["scores"]] == ["checks.py:short"], "the newest of a name stands"

    run(story)


def test_a_run_with_fewer_repeats_than_its_suite_says_opens_no_gate(run: "Run") -> None:
    async def story(house: House) -> None:
        ada = await ready(house)
        await ada.put(f"{P}/suites/quality", json={"spec": SPEC | {"repeats": 3}})
        project = house.holder.current.access.projects["default"].id
        for repeats, words in ((2, "asks each case 3 times, and this run 2"), (3, ""), (4, "")):
            made = await ada.post(f"{P}/experiments", json=RUN | {"subjects": ["support@r1"], "repeats": repeats})

            def refusal(conn: Connection, name: str = made.json()["id"]) -> str:
                found = experiments.experiment(conn, project, name)
                return gate.refusal(conn, found, judging.bind(conn, project, found.spec), 3)

            said = await house.db.read(refusal)
            assert said.endswith(words), said
            assert bool(said) is bool(words), said

    run(story)
