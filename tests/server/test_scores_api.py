"""Scores over the API: written by applications, read by people, wrong ones refused by place."""

from typing import TYPE_CHECKING, Any

import pytest
from house import House

from trimtab.telemetry.kinds import decode_any
from trimtab.telemetry.reader import TelemetryReader
from trimtab.telemetry.rows import Rows, encode
from trimtab.telemetry.scores.types import add_scores
from trimtab.telemetry.stores import Store

if TYPE_CHECKING:
    from house import Run

AT = "/api/v1/projects/default/scores"
TRACE = "ab" * 16


def straight(engine: Store, kept: list[bytes]) -> Any:
    """What the spool and the writer do, in one step."""

    async def keep(body: bytes) -> None:
        rows = Rows()
        batch = decode_any(body)
        add_scores(rows.scores, 0, batch)
        kept.append(body)
        engine.insert("scores", rows.scores.columns, encode(rows.scores.values), f"{batch.project}-{len(kept)}:scores")

    return keep


def test_one_or_many_are_written_listed_and_taken_back(run: "Run", engine: Store, served: Any) -> None:
    kept: list[bytes] = []

    async def story(house: House) -> None:
        admin = house.admin
        one = await admin.post(AT, json={"name": "helpful", "value": True, "trace_id": TRACE.upper(), "id": "mine"})
        assert (one.status_code, one.json()) == (201, {"ids": ["mine"], "as_user": []})
        session = {"name": "tone", "label": "warm", "session": "s-1", "source": "human", "author": "ada"}
        spans = {
            "name": "grounded",
            "value": 0.25,
            "trace_id": TRACE,
            "span_id": "0" * 15 + "1",
            "at": 1_700_000_000_000,
        }
        many = (await admin.post(AT, json=[session, {**spans, "idempotency_key": "k"}])).json()["ids"]
        house.clock.advance(1)
        twice = [{**spans, "value": value, "idempotency_key": "k"} for value in (0.75, 0.5)]
        again = (await admin.post(AT, json=twice)).json()["ids"]
        assert again == many[1:] * 2
        house.clock.advance(1)
        found = {each["name"]: each for each in (await admin.get(AT)).json()["items"]}
        assert (found["helpful"]["value"], found["helpful"]["label"], found["helpful"]["trace_id"]) == (
            1.0,
            "true",
            TRACE,
        )
        assert (found["tone"]["target"], found["tone"]["value"], found["tone"]["author"]) == ("session", None, "ada")
        assert (found["grounded"]["target"], found["grounded"]["value"]) == ("span", 0.5)
        assert [each["name"] for each in (await admin.get(AT, params={"end": 17 * 10**11 + 1})).json()["items"]] == [
            "grounded"
        ]
        assert (await admin.delete(f"{AT}/mine")).status_code == 204
        assert len((await admin.get(AT)).json()["items"]) == 2
        assert len((await admin.get(AT, params={"invalid": True})).json()["items"]) == 3
        assert (await admin.delete(f"{AT}/nothing")).status_code == 404

    reader = TelemetryReader(served.socket)
    run(story, asker=reader, keep=straight(engine, kept))


def test_pages_follow_each_other(run: "Run", engine: Store, served: Any) -> None:
    async def story(house: House) -> None:
        admin = house.admin
        await admin.post(AT, json=[{"name": f"n{n}", "value": n, "trace_id": TRACE} for n in range(5)])
        first = (await admin.get(AT, params={"limit": 3})).json()
        rest = (await admin.get(AT, params={"limit": 3, "cursor": first["cursor"]})).json()
        names = [each["name"] for each in first["items"] + rest["items"]]
        assert sorted(names) == [f"n{n}" for n in range(5)]
        assert rest["cursor"] is None
        assert (await admin.get(AT, params={"cursor": "MTp4"})).status_code == 400

    run(story, asker=TelemetryReader(served.socket), keep=straight(engine, []))


def test_a_wrong_one_of_many_is_named_and_none_is_written(run: "Run") -> None:
    kept: list[bytes] = []

    async def keep(body: bytes) -> None:
        kept.append(body)

    async def story(house: House) -> None:
        good = {"name": "a", "value": 1, "trace_id": TRACE}
        wrong = await house.admin.post(AT, json=[good, {**good, "value": None}])
        assert (wrong.status_code, wrong.json()["param"]) == (400, "[1].value")
        bodies: list[Any] = [
            {"name": "a"},
            {**good, "name": ""},
            {**good, "score": 1},
            [],
            {**good, "source": "x"},
            "x",
        ]
        for body in bodies:
            assert (await house.admin.post(AT, json=body)).status_code == 400
        text = '{"name": "a", "trace_id": "t", "value": 1e999}'
        headers = {"content-type": "application/json"}
        assert (await house.admin.post(AT, content=text, headers=headers)).status_code == 400
        assert kept == []

    run(story, keep=keep)


@pytest.mark.parametrize("name", ["review/all", "judge:tone", "trimtab/feedback"])
def test_nobody_writes_in_the_name_of_what_opens_gates(run: "Run", name: str) -> None:
    async def story(house: House) -> None:
        body = {"name": "tone", "value": 1, "trace_id": "t", "source": "human", "evaluator": name}
        answer = await house.admin.post(AT, json=body)
        assert answer.status_code == 400
        assert answer.json()["param"] == "evaluator"
        assert "server's own" in answer.json()["detail"]

    run(story)


def test_an_applications_key_neither_speaks_for_people_nor_takes_back_what_they_said(
    run: "Run", engine: Store, served: Any
) -> None:
    kept: list[bytes] = []

    async def story(house: House) -> None:
        made = await house.admin.post("/api/v1/projects/default/keys", json={"name": "app", "role": "client"})
        app = house.client(made.json()["secret"])
        one = {"name": "helpful", "value": 1, "trace_id": TRACE, "source": "human"}
        said = (await house.admin.post(AT, json=one)).json()
        assert said["as_user"] == []
        own = (await app.post(AT, json=[one, {**one, "source": "code"}])).json()
        assert own["as_user"] == own["ids"][:1]
        refused = await app.post(AT, json={**one, "supersedes": said["ids"][0]})
        assert (refused.status_code, refused.json()["param"]) == (403, "supersedes")
        assert "key of a person" in refused.json()["fix"]
        assert (await app.delete(f"{AT}/{said['ids'][0]}")).status_code == 403
        assert (await app.delete(f"{AT}/{own['ids'][0]}")).status_code == 204  # its own it may
        listed = (await house.admin.get(AT, params={"q": "source:human"})).json()["items"]
        assert [score["id"] for score in listed] == said["ids"]

    run(story, asker=TelemetryReader(served.socket), keep=straight(engine, kept))


def test_an_applications_key_writes_scores_and_reads_none(run: "Run") -> None:
    kept: list[bytes] = []

    async def keep(body: bytes) -> None:
        kept.append(body)

    async def story(house: House) -> None:
        made = await house.admin.post("/api/v1/projects/default/keys", json={"name": "app", "role": "client"})
        app = house.client(made.json()["secret"])
        good = {"name": "thumbs", "value": 1, "trace_id": TRACE, "source": "human"}
        assert (await app.post(AT, json=good)).status_code == 201
        assert (await app.get(AT)).status_code == 403
        read = await house.admin.post("/api/v1/projects/default/keys", json={"name": "r", "role": "read_only"})
        assert (await house.client(read.json()["secret"]).post(AT, json=good)).status_code == 403
        (score,) = decode_any(kept[0]).scores
        assert (score.author, score.source) == (made.json()["key"]["id"], "user")  # it passes on what a user said

    run(story, keep=keep)
