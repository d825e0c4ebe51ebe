"""LangSmith's door: who may come in, what is answered, and that what is acknowledged is on the disk."""

import gzip
import json
import sys
import threading
import uuid
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from house import ADMIN, House

from trimtab.core.errors import Unavailable
from trimtab.server.app import create_app
from trimtab.server.doors import Doors
from trimtab.server.doors.langsmith import _Given, _put_field  # pyright: ignore[reportPrivateUsage]
from trimtab.server.doors.langsmith_runs import read_feedback, read_run, run_id_of
from trimtab.server.doors.multipart import Part
from trimtab.server.doors.otlp import OtlpDoor
from trimtab.telemetry.foreign.spans import ForeignBatch, RefusedSpan
from trimtab.telemetry.kinds import encode_any
from trimtab.telemetry.scores.types import Score, ScoreBatch
from trimtab.telemetry.spool.intake import Intake
from trimtab.telemetry.spool.spool import Spool

if TYPE_CHECKING:
    from house import Run

AT = "2025-06-15T15:06:00Z"
ROOT, CHILD, FEEDBACK = (str(uuid.UUID(int=number, version=4)) for number in (7, 8, 9))
TRACE = ROOT.replace("-", "")
RUN = {"id": ROOT, "trace_id": ROOT, "name": "top", "run_type": "chain", "start_time": AT, "inputs": {"q": 1}}
KEY = {"x-api-key": ADMIN}
FORM = {"content-type": "multipart/form-data; boundary=xyz", **KEY}


def form(*parts: tuple[str, Any], encoding: str = "") -> bytes:
    body = b""
    for name, content in parts:
        packed = content if isinstance(content, bytes) else json.dumps(content).encode()
        more = f"\r\nContent-Encoding: {encoding}" if encoding else ""
        kind = "image/png" if name.startswith("attachment") else "application/json"
        head = f'--xyz\r\nContent-Disposition: form-data; name="{name}"\r\nContent-Type: {kind}{more}\r\n\r\n'
        body += head.encode() + packed + b"\r\n"
    return body + b"--xyz--\r\n"


def zstd(content: bytes) -> bytes:
    return import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd").compress(content)


def spans(kept: list[Any]) -> list[Any]:
    return [span for batch in kept if isinstance(batch, ForeignBatch) for span in batch.spans]


def scores(kept: list[Any]) -> list[Score]:
    return [score for batch in kept if isinstance(batch, ScoreBatch) for score in batch.scores]


def letters(kept: list[Any]) -> list[RefusedSpan]:
    return [letter for letter in kept if isinstance(letter, RefusedSpan)]


@pytest.mark.parametrize("pack", [None, zstd, gzip.compress])
def test_runs_and_feedback_come_in_parts(visit: Any, pack: Callable[[bytes], bytes] | None) -> None:
    async def story(house: House, client: httpx.AsyncClient) -> None:
        body = form(
            (f"post.{ROOT}", {name: value for name, value in RUN.items() if name != "inputs"}),
            (f"post.{ROOT}.inputs", {"q": 1}),
            (f"attachment.{ROOT}.photo", b"\x00\r\n123"),
            (f"patch.{CHILD}", {"trace_id": ROOT, "parent_run_id": ROOT, "end_time": AT}),
            (f"patch.{CHILD}.outputs", {"a": 2}),
            (f"feedback.{FEEDBACK}", {"run_id": CHILD, "trace_id": ROOT, "key": "helpful", "score": 1}),
        )
        how = FORM if pack is None else {**FORM, "content-encoding": "zstd" if pack is zstd else "gzip"}
        told = await client.post("/runs/multipart", content=body if pack is None else pack(body), headers=how)
        assert (told.status_code, told.json()["errors"]) == (202, [])

    kept = visit(story)
    top, child = spans(kept)
    assert (top.name, top.attributes["gen_ai.prompt"], top.trace_id) == ("top", '{"q":1}', TRACE)
    assert top.attributes["langsmith.metadata.attachment.photo"] == "image/png, 6 bytes, not kept"
    assert (child.parent_span_id, child.attributes["gen_ai.completion"]) == (run_id_of(ROOT), '{"a":2}')
    [score] = scores(kept)
    assert (score.span_id, score.trace_id, score.value) == (run_id_of(CHILD), TRACE, 1.0)


def test_a_run_may_be_told_several_times_in_one_body(visit: Any) -> None:
    """Each field goes to the telling before it; what no telling stands before, to the first."""

    async def story(house: House, client: httpx.AsyncClient) -> None:
        known = {"trace_id": ROOT}
        body = form(
            (f"patch.{ROOT}.inputs", {"q": 1}),
            (f"patch.{ROOT}", {**known, "extra": {"metadata": {"user_id": "u"}}}),
            (f"patch.{ROOT}.outputs", {"a": 1}),
            (f"patch.{ROOT}", {**known, "end_time": AT}),
            (f"patch.{ROOT}.outputs", {"a": 2}),
        )
        told = await client.post("/runs/multipart", content=body, headers=FORM)
        assert (told.status_code, told.json()["message"]) == (202, "2 taken, 0 refused")

    first, last = (span.attributes for span in spans(visit(story)))
    assert (first["gen_ai.prompt"], first["gen_ai.completion"]) == ('{"q":1}', '{"a":1}')
    assert first["langsmith.metadata.user_id"] == "u"
    assert (last["gen_ai.completion"], "gen_ai.prompt" in last) == ('{"a":2}', False)


class Place(int):
    """Counts how often it is compared."""

    looked = 0

    def __lt__(self, other: int) -> bool:
        Place.looked += 1
        return int(self) < other


def test_a_field_finds_its_telling_among_thousands_without_looking_at_each() -> None:
    """Ten thousand of each, 1.2 MB, took a second of a processor, and twice as many four times as long."""
    told: list[tuple[int, dict[str, Any]]] = [(Place(place), {}) for place in range(10, 20_010, 2)]
    for at, found in ((3, 0), (4_011, 2_000), (30_000, 9_999)):
        part = Part(f"post.{ROOT}.outputs", "application/json", "", b"{}")
        _put_field(_Given(), {("post", ROOT): told}, at, part, ["post", ROOT, "outputs"])
        assert [number for number, (_, run) in enumerate(told) if run] == [found]
        del told[found][1]["outputs"]
    assert Place.looked < 100


def test_a_part_may_be_compressed_by_itself(visit: Any) -> None:
    async def story(house: House, client: httpx.AsyncClient) -> None:
        body = form((f"post.{ROOT}", zstd(json.dumps(RUN).encode())), encoding="zstd")
        assert (await client.post("/runs/multipart", content=body, headers=FORM)).status_code == 202
        large = form((f"post.{ROOT}", zstd(b" " * (40 << 20))), encoding="zstd")
        told = await client.post("/runs/multipart", content=large, headers=FORM)
        assert told.status_code == 413

    assert [span.name for span in spans(visit(story))] == ["top"]


def test_a_bad_run_costs_itself_alone(visit: Any) -> None:
    async def story(house: House, client: httpx.AsyncClient) -> None:
        late = {**RUN, "id": CHILD, "start_time": "1999-01-01T00:00:00Z"}
        told = await client.post("/runs/batch", json={"post": [RUN, late, 5], "patch": None}, headers=KEY)
        assert (told.status_code, [error["id"] for error in told.json()["errors"]]) == (202, [CHILD, ""])
        body = form(
            (f"post.{ROOT}", RUN),
            ("post.x", b"{"),
            ("post.y.inputs", {"q": 1}),
            (f"post.{ROOT}.color", "red"),
            ("nonsense", 1),
        )
        told = await client.post("/runs/multipart", content=body, headers=FORM)
        assert told.status_code == 202
        assert {error["id"] for error in told.json()["errors"]} == {
            "post.x",
            "post.y.inputs",
            f"post.{ROOT}.color",
            "nonsense",
        }
        told = await client.post("/runs/batch", json={"post": [late]}, headers=KEY)
        assert (told.status_code, "before 2000" in told.json()["detail"]) == (422, True)

    kept = visit(story)
    assert [span.name for span in spans(kept)] == ["top", "top"]
    assert len(letters(kept)) == 7
    assert json.loads(letters(kept)[0].wire)["id"] == CHILD


def test_numbers_of_any_length_cost_nothing_but_themselves(visit: Any) -> None:
    """A record's integers have 64 bits, JSON's as many as are written."""
    large = {"prompt_tokens": 10**30, "extra": {"metadata": {"n": 10**30, "m": -(1 << 63)}}}
    asked = {"run_type": "llm", "extra": {"invocation_params": {"seed": 10**25, "temperature": 0.5}}}

    async def story(house: House, client: httpx.AsyncClient) -> None:
        runs = [{**RUN, **large}, {**RUN, "id": CHILD, **asked}, {**RUN, "start_time": 10**400}]
        told = await client.post("/runs/batch", content=json.dumps({"post": runs}), headers=KEY)
        assert told.status_code == 202
        assert [each["id"] for each in told.json()["errors"]] == [ROOT]
        said = {"id": FEEDBACK, "run_id": ROOT, "trace_id": ROOT, "key": "k", "score": 1, "created_at": 10**400}
        assert (await client.post("/feedback", json=said, headers=KEY)).status_code == 400

    kept = visit(story)
    first, second = (span.attributes for span in spans(kept))
    assert (first["langsmith.metadata.n"], first["langsmith.metadata.m"]) == (str(10**30), -(1 << 63))
    assert "gen_ai.usage.input_tokens" not in first
    assert second["gen_ai.request.temperature"] == 0.5
    assert "gen_ai.request.seed" not in second
    assert len(letters(kept)) == 1


def test_runs_are_read_beside_the_event_loop(visit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body of 20 MB takes a fifth of a second, and calls go on meanwhile."""
    threads: list[int] = []

    def noting(work: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*args: Any, **more: Any) -> Any:
            threads.append(threading.get_ident())
            return work(*args, **more)

        return noted

    monkeypatch.setattr("trimtab.server.doors.langsmith.read_run", noting(read_run))
    monkeypatch.setattr("trimtab.server.doors.langsmith.read_feedback", noting(read_feedback))
    monkeypatch.setattr("trimtab.server.doors.taking.encode_any", noting(encode_any))

    async def story(house: House, client: httpx.AsyncClient) -> None:
        said = {"run_id": ROOT, "trace_id": ROOT, "key": "k", "score": 1}
        body = form((f"post.{ROOT}", RUN), (f"feedback.{FEEDBACK}", said))
        told = await client.post("/runs/multipart", content=body, headers=FORM)
        assert (told.status_code, told.json()["errors"]) == (202, [])
        assert len(threads) == 3
        assert threading.get_ident() not in threads

    assert len(spans(visit(story))) == 1


def test_a_first_run_is_taken_while_the_store_is_away(visit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says nothing of a trace, for it begins one: nobody need be asked."""

    async def story(house: House, client: httpx.AsyncClient) -> None:
        async def away(*_: Any) -> str:
            raise Unavailable("The store is away.", fix="Wait.")

        monkeypatch.setattr(house.deps.recorded, "trace_of", away)
        run = {name: value for name, value in RUN.items() if name != "trace_id"}
        assert (await client.post("/runs", json=run, headers=KEY)).status_code == 202
        assert (await client.patch(f"/runs/{ROOT}", json={"end_time": AT}, headers=KEY)).status_code == 202
        orphan = {**run, "id": CHILD, "parent_run_id": str(uuid.UUID(int=99))}
        assert (await client.post("/runs", json=orphan, headers=KEY)).status_code == 503

    assert [span.trace_id for span in spans(visit(story))] == [TRACE, TRACE]


def test_one_run_comes_by_itself_and_is_changed_by_its_id(visit: Any) -> None:
    async def story(house: House, client: httpx.AsyncClient) -> None:
        assert (await client.post("/runs", json=RUN, headers=KEY)).status_code == 202
        child = {"id": CHILD, "trace_id": ROOT, "parent_run_id": ROOT, "start_time": AT, "name": "ask"}
        assert (await client.post("/runs", json=child, headers=KEY)).status_code == 202
        told = await client.patch(f"/runs/{CHILD}", json={"outputs": {"a": 2}, "end_time": AT}, headers=KEY)
        assert told.status_code == 202  # its trace is known, though it does not say it
        refused = await client.patch(f"/runs/{CHILD}", json={"trace_id": ROOT, "end_time": "soon"}, headers=KEY)
        assert (refused.status_code, "no time" in refused.json()["detail"]) == (422, True)

    top, began, ended = spans(visit(story))
    assert {top.trace_id, began.trace_id, ended.trace_id} == {TRACE}
    assert (ended.span_id, ended.parent_span_id) == (began.span_id, "")


class Shelf:
    """Answers where a span is from what it was given, and which score is there; the first ``late`` times it knows
    nothing yet."""

    def __init__(self, late: int = 0) -> None:
        self.traces: dict[str, str] = {}
        self.asked: list[Any] = []
        self.late = late

    async def ask(self, line: Any, sql: str, params: Any) -> list[Any]:
        self.asked.append(params)
        if len(self.asked) <= self.late:
            return []
        found = self.traces.get(params.get("span", ""))
        return [(found,)] if found is not None else []


def test_a_run_that_another_worker_took_is_changed_where_it_is(visit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in the store a moment later: what is told of it by its id alone waits for that."""
    monkeypatch.setattr(import_module("trimtab.server.doors.langsmith"), "PAUSES_S", (0, 0, 0))
    shelf = Shelf(late=3)
    shelf.traces[run_id_of(CHILD)] = TRACE

    async def story(house: House, client: httpx.AsyncClient) -> None:
        house.deps.recorded._ask = shelf.ask  # pyright: ignore[reportPrivateUsage]
        told = await client.patch(f"/runs/{CHILD}", json={"outputs": {"a": 2}, "end_time": AT}, headers=KEY)
        assert told.status_code == 202

    [ended] = spans(visit(story))
    assert (ended.trace_id, ended.span_id, len(shelf.asked)) == (TRACE, run_id_of(CHILD), 4)


def test_feedback_finds_its_trace_by_its_run(visit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("trimtab.server.doors.langsmith"), "PAUSES_S", ())
    shelf = Shelf()
    seventh = "01970000-0000-7000-8000-000000000000"

    async def story(house: House, client: httpx.AsyncClient) -> None:
        house.deps.recorded._ask = shelf.ask  # pyright: ignore[reportPrivateUsage]

        async def say(run_id: str) -> int:
            body = {"id": FEEDBACK, "run_id": run_id, "key": "helpful", "score": 1}
            return (await client.post("/feedback", json=body, headers=KEY)).status_code

        assert await say(CHILD) == 404  # clients try again
        shelf.traces[run_id_of(CHILD)] = TRACE
        assert await say(CHILD) == 200
        shelf.traces[run_id_of(ROOT)] = TRACE
        assert await say(ROOT) == 200
        await client.post("/runs", json={**RUN, "id": CHILD}, headers=KEY)
        asked = len(shelf.asked)
        assert await say(CHILD) == 200
        assert len(shelf.asked) == asked  # it came a moment ago
        assert await say(seventh) == 404
        assert (await client.post("/feedback", json={"key": "helpful", "score": 1}, headers=KEY)).status_code == 400

    found = scores(visit(story))
    assert [score.target for score in found] == ["span", "trace", "span"]
    assert len({score.id for score in found}) == 1
    about = int("019700000000", 16) * 1_000_000
    assert shelf.asked[-1]["start_ns"] < about < shelf.asked[-1]["end_ns"]
    assert shelf.asked[-1]["end_ns"] - shelf.asked[-1]["start_ns"] == 2 * 86_400 * 10**9


def test_our_key_lets_in_and_nothing_else_does(visit: Any) -> None:
    async def story(house: House, client: httpx.AsyncClient) -> None:
        info = await client.get("/info")
        assert (info.status_code, info.json()["batch_ingest_config"]["use_multipart_endpoint"]) == (200, True)
        [session] = (await client.get("/sessions", params={"name": "x"}, headers=KEY)).json()
        assert session["name"] == "default"
        assert (await client.get(f"/sessions/{session['id']}", headers=KEY)).json() == session
        for headers in ({}, {"x-api-key": "lsv2_pt_1"}):
            for method, path in (("POST", "runs"), ("POST", "runs/batch"), ("POST", "feedback"), ("GET", "sessions")):
                told = await client.request(method, f"/{path}", headers=headers)
                assert (told.status_code, "tt_" in told.json()["detail"]) == (401, True)

    assert visit(story) == []


def test_bodies_that_are_none_are_refused_with_what_would_be_right(visit: Any) -> None:
    async def story(house: House, client: httpx.AsyncClient) -> None:
        for path, body in (("runs", b""), ("runs/batch", b"[]"), ("runs/batch", b'{"post": 1}'), ("feedback", b"5"),
                           ("runs/multipart", b"{}"), ("runs", b"[" * 100_000)):  # fmt: skip
            told = await client.post(f"/{path}", content=body, headers=FORM)
            assert (told.status_code, bool(told.json()["detail"])) == (400, True), path
        told = await client.post("/runs/multipart", content=form((f"post.{ROOT}", RUN)), headers=KEY)
        assert told.status_code == 415

    assert visit(story) == []


def test_a_body_has_so_many_runs_at_most(visit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trimtab.server.doors.langsmith.MOST", 2)

    async def story(house: House, client: httpx.AsyncClient) -> None:
        told = await client.post("/runs/batch", json={"post": [RUN] * 3}, headers=KEY)
        assert (told.status_code, "2 are taken at once" in told.json()["detail"]) == (400, True)

    assert visit(story) == []


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", f"runs/{ROOT}"), ("POST", "runs/query"), ("GET", "datasets"), ("GET", "commits/-/x/latest"),
     ("GET", "settings"), ("POST", "sessions")],
)  # fmt: skip
def test_what_is_not_offered_says_so(visit: Any, method: str, path: str) -> None:
    async def story(house: House, client: httpx.AsyncClient) -> None:
        told = await client.request(method, f"/{path}", headers=KEY)
        assert (told.status_code, "does not offer" in told.json()["detail"]) == (501, True)

    assert visit(story) == []


def test_a_project_that_keeps_no_content_keeps_none_of_runs(visit: Any) -> None:
    async def story(house: House, client: httpx.AsyncClient) -> None:
        [project] = house.holder.current.access.projects.values()
        await house.admin.patch(f"/api/v1/projects/{project.slug}", json={"capture_content": False})
        await house.holder.load()
        events = [{"name": "said", "time": AT, "kwargs": {"text": "a secret word"}}]
        body = {**RUN, "run_type": "llm", "inputs": {"q": "a secret word"}, "events": events}
        assert (await client.post("/runs", json=body, headers=KEY)).status_code == 202

    [span] = spans(visit(story))
    assert "gen_ai.prompt" not in span.attributes
    assert "secret" not in repr(span)


def test_bodies_in_memory_are_counted(run: "Run", tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trimtab.server.doors.otlp.BODIES_IN_MEMORY", 0)

    async def story(house: House) -> None:
        intake = Intake(lambda: Spool(tmp_path / "doors", "w0"), 1 << 20)
        otlp = OtlpDoor(house.deps, intake)
        app = create_app(house.deps, None, Doors(house.deps, otlp, intake), house.app.api)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://t", headers=KEY) as client:
            crowded = await client.post("/runs/batch", json={"post": [RUN]})
            assert (crowded.status_code, "retry-after" in crowded.headers) == (429, True)
            monkeypatch.setattr("trimtab.server.doors.otlp.BODIES_IN_MEMORY", 1)
            assert (await client.post("/runs/batch", json={"post": [RUN]})).status_code == 202
            assert otlp._in_memory == 0  # pyright: ignore[reportPrivateUsage]
        intake.close()
        await otlp.aclose()

    run(story)
