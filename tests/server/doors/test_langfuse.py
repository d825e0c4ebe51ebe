"""Langfuse's door: who may come in, what is answered, and that what is acknowledged is on the disk."""

import asyncio
import base64
import gzip
import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from house import ADMIN, House

from trimtab.server.app import create_app
from trimtab.server.doors import Doors
from trimtab.server.doors.otlp import OtlpDoor
from trimtab.server.doors.taking import LARGE_AT_ONCE, Taking
from trimtab.telemetry.foreign.spans import ForeignBatch, RefusedSpan
from trimtab.telemetry.spool.intake import Intake
from trimtab.telemetry.spool.spool import Spool

if TYPE_CHECKING:
    from house import Run

AT = "2025-06-15T15:06:00Z"
SPAN = {"id": "e1", "type": "span-create", "timestamp": AT, "body": {"id": "a", "traceId": "t", "name": "find"}}


def basic(user: str, password: str) -> dict[str, str]:
    return {"authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


def test_a_body_counts_with_what_it_grows_to(run: "Run", tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few kilobytes may be megabytes."""

    async def story(house: House) -> None:
        room = house.deps.settings.otlp_max_body_mb << 20
        monkeypatch.setattr("trimtab.server.doors.otlp.BODIES_IN_MEMORY", (64 << 10) / room)
        intake = Intake(lambda: Spool(tmp_path / "doors", "w0"), 1 << 20)
        otlp = OtlpDoor(house.deps, intake)
        app = create_app(house.deps, None, Doors(house.deps, otlp, intake), house.app.api)
        transport = httpx.ASGITransport(app=app)
        headers = {**basic("x", ADMIN), "content-encoding": "gzip"}
        async with httpx.AsyncClient(transport=transport, base_url="http://t", headers=headers) as client:
            for blanks, status in ((100 << 10, 429), (1 << 10, 207)):
                body = gzip.compress(json.dumps({"batch": [SPAN]}).encode() + b" " * blanks)
                told = await client.post("/api/public/ingestion", content=body)
                assert told.status_code == status, told.text
                assert otlp._in_memory == 0  # pyright: ignore[reportPrivateUsage]
        intake.close()
        await otlp.aclose()

    run(story)


def test_large_bodies_have_turns_until_they_are_answered(
    run: "Run", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trimtab.server.doors.taking.LARGE", 0)
    monkeypatch.setattr("trimtab.server.doors.taking.IN_PLACE", 0)
    seen: list[int] = []

    async def story(house: House) -> None:
        intake = Intake(lambda: Spool(tmp_path / "doors", "w0"), 1 << 20)
        otlp = OtlpDoor(house.deps, intake)
        taking = Taking(house.deps, otlp, intake, "nothing")
        inside = 0

        async def one() -> None:
            nonlocal inside
            async with AsyncExitStack() as answered:
                await taking.body(receive, {}, answered, len)
                inside += 1
                seen.append(inside)
                await asyncio.to_thread(int)  # while it is written, others come as far as they may
                inside -= 1

        await asyncio.gather(*(one() for _ in range(10)))
        await otlp.aclose()

    async def receive() -> Any:
        return {"type": "http.request", "body": b"[1]", "more_body": False}

    run(story)
    assert len(seen) == 10
    assert max(seen) <= LARGE_AT_ONCE


def test_a_body_counts_among_those_in_memory_and_has_so_many_events_at_most(
    run: "Run", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trimtab.server.doors.langfuse.MOST", 3)
    monkeypatch.setattr("trimtab.server.doors.otlp.BODIES_IN_MEMORY", 0)

    async def story(house: House) -> None:
        intake = Intake(lambda: Spool(tmp_path / "doors", "w0"), 1 << 20)
        otlp = OtlpDoor(house.deps, intake)
        app = create_app(house.deps, None, Doors(house.deps, otlp, intake), house.app.api)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://t", headers=basic("x", ADMIN)) as client:
            events: list[Any] = [{**SPAN, "id": str(number)} for number in range(4)]
            crowded = await client.post("/api/public/ingestion", json={"batch": events})
            assert (crowded.status_code, "retry-after" in crowded.headers) == (429, True)
            monkeypatch.setattr("trimtab.server.doors.otlp.BODIES_IN_MEMORY", 1)
            bodies: tuple[tuple[str, Any], ...] = (("ingestion", {"batch": events}), ("scores", events))
            for path, body in bodies:
                refused = await client.post(f"/api/public/{path}", json=body)
                assert refused.status_code == 400
                assert "3 are taken at once" in refused.json()["message"]
            taken = await client.post("/api/public/ingestion", json={"batch": events[:3]})
            assert taken.status_code == 207
            assert len(taken.json()["successes"]) == 3
            assert otlp._in_memory == 0  # pyright: ignore[reportPrivateUsage]
        intake.close()
        await otlp.aclose()

    run(story)


@pytest.mark.parametrize("number", ["1e999", "9" * 400, "9" * 5_000, "-Infinity"])
def test_a_number_beyond_counting_costs_no_batch(visit: Any, number: str) -> None:
    async def story(house: House, client: httpx.AsyncClient) -> None:
        usage = {"input": "HERE", "output": 3}
        odd = {
            **SPAN,
            "id": "e2",
            "body": {"id": "b", "traceId": "t", "usageDetails": usage, "metadata": {"n": "HERE"}},
        }
        body = json.dumps({"batch": [SPAN, {**odd, "type": "generation-create"}]}).replace('"HERE"', number)
        told = await client.post("/api/public/ingestion", content=body, headers=basic("pk", ADMIN))
        assert (told.status_code, told.json()["errors"]) == (207, [])

    spans = [span for batch in visit(story) if isinstance(batch, ForeignBatch) for span in batch.spans]
    assert {span.name for span in spans} >= {"find"}
    [odd] = [span for span in spans if "langfuse.observation.usage_details" in span.attributes]
    assert json.loads(odd.attributes["langfuse.observation.usage_details"])["output"] == 3


def test_a_batch_is_on_the_disk_when_it_is_answered_and_a_bad_event_is_told(visit: Any) -> None:
    async def story(house: House, client: httpx.AsyncClient) -> None:
        score = {"id": "e2", "type": "score-create", "body": {"name": "n", "value": 1, "traceId": "t"}}
        body = {"batch": [SPAN, score, {"id": "e3", "type": "span-create", "body": {"id": "b"}}]}
        told = await client.post("/api/public/ingestion", json=body, headers=basic("pk", ADMIN))
        assert told.status_code == 207
        answer = told.json()
        assert answer["successes"] == [{"id": "e1", "status": 201}, {"id": "e2", "status": 201}]
        (error,) = answer["errors"]
        assert (error["id"], error["status"]) == ("e3", 400)
        assert "traceId" in error["message"]

    scores, spans, letter = visit(story)
    assert [score.name for score in scores.scores] == ["n"]
    assert isinstance(letter, RefusedSpan)
    assert ("'traceId' is missing" in letter.reason, json.loads(letter.wire)["id"]) == (True, "e3")
    assert isinstance(spans, ForeignBatch)
    assert [span.name for span in spans.spans] == ["find", ""]


def test_our_key_lets_in_as_either_half_and_nothing_else_does(visit: Any) -> None:
    async def story(house: House, client: httpx.AsyncClient) -> None:
        for headers in (basic(ADMIN, "sk"), basic("pk", ADMIN), {"authorization": f"Bearer {ADMIN}"}):
            told = await client.get("/api/public/projects", headers=headers)
            assert [project["name"] for project in told.json()["data"]] == ["default"]
        for headers in (basic("pk-lf-1", "sk-lf-1"), {}, {"authorization": "Basic !!"}):
            for method, path in (("GET", "projects"), ("POST", "ingestion"), ("POST", "scores")):
                told = await client.request(method, f"/api/public/{path}", headers=headers)
                assert told.status_code == 401
                assert "tt_" in told.json()["message"]
        health = await client.get("/api/public/health")
        assert (health.status_code, health.json()["status"]) == (200, "OK")

    assert visit(story) == []


def test_bodies_that_are_no_batch_are_refused_with_what_would_be_right(visit: Any) -> None:
    async def story(house: House, client: httpx.AsyncClient) -> None:
        bodies = (b"", b"{", b"[]", b'{"batch": 1}', b"null", b"\xff", b"[" * 100_000)
        for body in bodies:
            told = await client.post("/api/public/ingestion", content=body, headers=basic("pk", ADMIN))
            assert told.status_code == 400, body[:20]
            assert told.json()["message"]
        packed = {"content-encoding": "gzip", **basic("pk", ADMIN)}
        told = await client.post("/api/public/ingestion", content=b"not gzip", headers=packed)
        assert told.status_code == 400
        large = gzip.compress(b" " * (40 << 20))
        told = await client.post("/api/public/ingestion", content=large, headers=packed)
        assert told.status_code == 413
        good = gzip.compress(json.dumps({"batch": [SPAN]}).encode())
        assert (await client.post("/api/public/ingestion", content=good, headers=packed)).status_code == 207

    (spans,) = visit(story)
    assert spans.spans[0].name == "find"


def test_scores_come_one_by_one_or_as_a_list(visit: Any) -> None:
    async def story(house: House, client: httpx.AsyncClient) -> None:
        async def post(body: Any) -> httpx.Response:
            return await client.post("/api/public/scores", json=body, headers=basic("pk", ADMIN))

        good = {"id": "s1", "name": "n", "value": 0.5, "traceId": "t"}
        assert ((await post(good)).status_code, (await post(good)).json()) == (200, {"id": "s1"})
        assert ((await post([good])).status_code, (await post([good])).json()) == (202, {"message": "Accepted"})
        mixed = await post([good, {"name": "n"}])
        assert (mixed.status_code, mixed.json()["accepted"], mixed.json()["rejected"]) == (207, 1, 1)
        assert (await post({"name": "n"})).status_code == 400

    assert {score.id for batch in visit(story) for score in batch.scores} == {"s1"}


@pytest.mark.parametrize("path", ["v2/prompts/greeting", "datasets", "traces", "media", "../v1/status", "scores/x"])
def test_what_is_not_offered_says_so(visit: Any, path: str) -> None:
    async def story(house: House, client: httpx.AsyncClient) -> None:
        told = await client.get(f"/api/public/{path}", headers=basic("pk", ADMIN))
        assert told.status_code in (501, 404, 401)
        if told.status_code == 501:
            assert "does not offer" in told.json()["message"]

    assert visit(story) == []


def test_a_vendors_name_of_a_project_counts_only_for_a_key_of_all(visit: Any) -> None:
    span = {"traceId": "ab" * 16, "spanId": "cd" * 8, "name": "n", "startTimeUnixNano": "1790000000000000000"}
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}

    async def story(house: House, client: httpx.AsyncClient) -> None:
        made = await house.admin.post("/api/v1/projects", json={"slug": "other"})
        assert made.status_code == 201
        own = (await house.admin.post("/api/v1/projects/other/keys", json={"name": "k", "role": "client"})).json()[
            "secret"
        ]
        for headers in (
            {"authorization": f"Bearer {ADMIN}", "x-phoenix-project-name": "other"},
            {"authorization": f"Bearer {ADMIN}", "x-phoenix-project-name": "nowhere"},
            {"authorization": f"Bearer {own}", "langsmith-project": "default"},
            {"authorization": f"Bearer {ADMIN}", "trimtab-project": "other", "langsmith-project": "default"},
        ):
            assert (await client.post("/otel/v1/traces", json=body, headers=headers)).status_code == 200
        projects = {each["slug"]: each["id"] for each in (await house.admin.get("/api/v1/projects")).json()["items"]}
        expected.extend(projects[slug] for slug in ("other", "default", "other", "other"))

    expected: list[str] = []
    assert [record.project for record in visit(story)] == expected
