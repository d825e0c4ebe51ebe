"""Two projects that look the same, and every operation of the API that is asked of one of them: for `test_tenancy.py`.

Everything of the other project has a name that ours has, too, and `CANARY` in what is said in it. What operations take
is in `VALUES`, by the parameter's name: one that is not there has no rule yet, and the test says so.
"""
# ruff: noqa: E501 - SQL is easier to read on one line

import json
import random
import re
from pathlib import Path
from typing import Any, Final

import httpx
from house import House, make_house
from hypothesis import strategies as st
from makings import T0
from msgspec import Struct
from msgspec.structs import replace
from searching import CANARY, made, store_all
from things import PROJECT, THINGS, furnished

from trimtab.core.clock import FixedClock
from trimtab.server.openapi import document
from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.reader import TelemetryReader
from trimtab.telemetry.seen.tail import Tail
from trimtab.telemetry.stores import Store

HOUR_MS: Final = 3_600_000
NOW_MS: Final = T0 // 1_000_000 + HOUR_MS
CALLS: Final = 24
ID: Final = re.compile(r"\b[a-z]+_[0-9a-f]{32}\b")
THEIRS: Final = "theirs"
ENDLESS: Final = "tailTraces"
SQL: Final = (
    "SELECT * FROM spans AS s LEFT JOIN texts AS t ON t.trace_id = s.trace_id ORDER BY s.start_ns, s.span_id, t.span_id",
    "SELECT (SELECT count() FROM spans), (SELECT sum(input_tokens) FROM ledger), (SELECT groupArray(name) FROM scores)",
    "SELECT user, uniq(trace_id), sum(cost_usd) FROM spans GROUP BY user WITH TOTALS ORDER BY user",
    "SELECT * FROM scores FULL JOIN ledger USING (trace_id) ORDER BY trace_id, id, attempt",
    "WITH spans2 AS (SELECT * FROM spans) SELECT count(), uniq(s.session) FROM spans2 AS s, texts AS t WHERE t.text != ''",
    "SELECT trace_id FROM spans WHERE trace_id IN (SELECT trace_id FROM texts UNION ALL SELECT trace_id FROM scores) ORDER BY 1",
)
READING: Final[dict[str, list[dict[str, Any]]]] = {
    "convertPrompt": [{}],
    "previewPrompt": [{}, {"variables": {"who": "you"}}],
    "renderPrompt": [{}, {"variables": {"who": "you"}}],
    "runSql": [{"sql": sql} for sql in SQL],
    "replayRoute": [{}, {"route": "fast"}],
    "explainRoute": [{}, {"messages": [{"role": "user", "content": "refund"}]}],
    "checkAccessPolicies": [{"text": "permit(principal, action, resource);"}],
    "askAccessPolicies": [{"action": "call_model", "model": "fast"}],
    "planAccessPolicies": [{"text": "permit(principal, action, resource);"}],
    "reconcile": [{}],
    "planFolder": [{}],
    "estimateExperiment": [{}],
    "estimateRedteam": [{}],
    "getSampleSize": [{}],
    "searchCorpus": [{"text": "refund"}, {"text": "a day"}],
}
"""What only reads though it is sent a body, and some."""
SEARCHES: Final = (
    "", "refund", '"refund policy"', "user:user-1", "session:session-*", "-status:ok", "model:gpt* cost:>0.001",
    "score.helpful:<0.5", "meta.team:a", "tag:beta", "key:*", "status:error OR feature:chat", "duration:>2s",
    "provider:l*",
)  # fmt: skip
_TRACES: Final = [f"{number:032x}" for number in (1, 2, 3, CALLS)]
_SPANS: Final = [f"{number:016x}" for number in (1, 2)] + ["a000000000000001"]
_TIMES: Final = [NOW_MS - 30 * HOUR_MS, NOW_MS - 5 * HOUR_MS, NOW_MS]
_DAYS: Final = ["", "30", "1", "keep"]

VALUES: Final[dict[str, list[Any]]] = {
    # in paths; where there are ids, those of the world are added
    "name": ["lab", "fast", "smart", "hook", "greet", "fair", "mine", "look", "set"],
    "app": ["desk"], "environment": ["staging", "production"], "ref": ["draft", "1", "latest", "r1"],
    "corpus": ["handbook"], "document": ["refunds"], "version": ["1", "latest"], "dashboard": ["default"],
    "dataset": ["set"], "case": ["one"], "file": ["spans.jsonl", "content.jsonl", "ledger.jsonl", "scores.jsonl"],
    "request_id": _TRACES, "trace_id": _TRACES, "span_id": _SPANS, "session": ["session-1", "session-2", "session-3"],
    "user": ["user-1", "user-2"], "label": ["production", "latest"], "queue": ["desk"], "suite": ["suite"],
    "score_id": [f"score-helpful-{trace}" for trace in _TRACES], "erasure": [], "experiment": [], "rule": ["rule"],
    "rollout": [], "item": [], "view": [], "repricing": [], "price_id": [], "member": [], "hold": [], "event": [],
    "key": [], "subject": ["user-1", "model"],
    # in queries
    "q": list(SEARCHES), "start": _TIMES, "end": _TIMES, "since": _TIMES, "at": _TIMES, "cursor": [],
    "limit": [1, 3, 20],
    "metrics": ["count", "cost,p95(duration),top(user,3),uniq(session)", "tokens,errors,score.helpful", "count,input"],
    "group_by": ["", "model", "user", "session,model", "feature", "key", "meta.team", "tag", "provider", "day"],
    "interval": ["none", "1h", "auto"], "order": ["", "-count"], "before": ["", "1", "draft"], "after": ["", "1", "0"],
    "release": ["latest", "r1"], "note": ["because"], "actor": ["", "admin"], "action": ["", "view.created"],
    "days": [1, 30], "a": _TRACES, "b": _TRACES, "frameworks": ["", "eu_ai_act"], "oversized": [32_000],
    "at_least": [0.5, 0.9], "split": [""], "tag": ["", "beta"], "columns": [], "tags": [], "uses": [], "licence": [""],
    "message": [""], "expected_revision": [1], "expected_version": [1], "folder": ["", "main"], "scorer": ["", "exact"], "case_id": ["", "one"],
    "language": [""], "value": ["user-1", "fast"], "model": ["fast", "gpt-4o"], "score": ["helpful", "tone", "thumb"],
    "content": _DAYS, "spans": _DAYS, "scores": _DAYS, "ledger": _DAYS, "assignee": [""], "state": ["", "open"],
    "tier": ["", "flex", "priority"], "owner": ["", "nobody"], "id": ["key_of_nobody"],
}  # fmt: skip


class Operation(Struct, frozen=True):
    """One of the API below a project."""

    method: str
    path: str
    id: str
    permission: str
    parameters: list[dict[str, Any]]

    @property
    def reads(self) -> bool:
        return self.method == "GET" or self.id in READING

    def of(self, where: str) -> list[str]:
        return [each["name"] for each in self.parameters if each["in"] == where and each["name"] != "project"]


class Asked(Struct, frozen=True):
    """One request, as it was drawn; ``id`` is the operation's."""

    id: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    body: str = "{}"


def operations() -> list[Operation]:
    """Every one that is asked of a project, but for the live tail, which does not end (`flows/test_tail.py`)."""
    found: list[Operation] = []
    for path, methods in document()["paths"].items():
        if "{project}" in path:
            for method, told in methods.items():
                if told["operationId"] != ENDLESS:
                    found.append(
                        Operation(
                            method.upper(), path, told["operationId"], told["x-permission"], told.get("parameters", [])
                        )
                    )
    return found


def values_of(parameter: dict[str, Any], more: dict[str, list[str]]) -> list[Any]:
    """What a parameter is given."""
    schema: dict[str, Any] = parameter["schema"]
    if schema.get("type") == "boolean":
        return ["true", "false"]
    if "enum" in schema:
        return schema["enum"]
    name = parameter["name"]
    given = [*VALUES[name], *more.get(name, ()), *more.get("*", ())]
    if schema.get("type") in ("integer", "number"):
        given = [each for each in given if str(each).replace(".", "", 1).isdigit()]
    return given


@st.composite
def requests(draw: st.DrawFn, these: list[Operation], more: dict[str, list[str]]) -> Asked:
    """``more``: values by the parameter's name, and under ``*`` what may stand anywhere."""
    operation = draw(st.sampled_from(these))
    path, query = operation.path, list[tuple[str, str]]()
    for parameter in operation.parameters:
        name, required = parameter["name"], parameter.get("required", False)
        if name == "project":
            continue
        given = values_of(parameter, more)
        if parameter["in"] == "path":
            path = path.replace(f"{{{name}}}", str(draw(st.sampled_from(given or ["none"]))))
        elif given and (required or draw(st.booleans())):
            query.append((name, str(draw(st.sampled_from(given)))))
    body = draw(st.sampled_from(READING.get(operation.id, [{}])))
    return Asked(operation.id, operation.method, path, tuple(query), json.dumps(body))


class World:
    """A house with a real store. ``ours`` is the project's slug that is asked."""

    def __init__(self, house: House, engine: Store, blobs: FolderBlobs) -> None:
        self.house = house
        self.engine = engine
        self.blobs = blobs
        self.ours = "default"

    async def ask(self, asked: Asked, slug: str, by: httpx.AsyncClient | None = None) -> httpx.Response:
        body = None if asked.method in ("GET", "DELETE") else json.loads(asked.body)
        path = asked.path.replace("{project}", slug)
        return await (by or self.house.admin).request(asked.method, path, params=asked.query, json=body)

    async def project_id(self, slug: str) -> str:
        return (await self.house.admin.get(f"/api/v1/projects/{slug}")).json()["id"]

    async def fill(self, slug: str, mark: str) -> None:
        """Things of the catalog with the same names everywhere, and calls with the same ids."""
        at = f"/api/v1/projects/{slug}"
        if slug == self.ours:
            await furnished(self.house)
        for thing in THINGS:
            if not thing.at.startswith(f"{PROJECT}/"):
                continue
            if thing.make is not None:
                where, body = thing.make
                await self._sent("POST", where.replace(PROJECT, at), body)
            change = thing.other if mark else thing.one
            await self._sent(thing.verb, thing.at.replace(PROJECT, at), change)
        told = f"What it is for {mark}"
        tile = {"title": told, "metrics": ["cost"], "group_by": ["model"], "interval": "auto", "chart": "area"}
        for method, path, body in (
            ("POST", "views", {"name": "Slow", "q": f"user:user-1 {mark}", "shared": True}),
            ("POST", "dashboards", {"name": "Money", "about": told, "last": "7d", "tiles": [tile], "shared": True}),
            ("POST", "keys", {"name": f"app {mark}", "role": "client"}),
            ("PUT", "datasets/set", {"description": told}),
            ("POST", "datasets/set/cases", {"add": [{"id": "one", "input": f"refund {mark}", "expected": told}]}),
            ("POST", "prompts/greet/versions", {"file": f"Hello {mark}", "message": told}),
            ("PUT", "apps/desk", {"spec": {"route": "fast", "description": told}}),
            ("POST", "apps/desk/releases", {"message": told}),
            ("PUT", "corpora/handbook", {"description": told, "embedder": {"model": ""}}),
            (
                "POST",
                "corpora/handbook/documents",
                {"items": [{"id": "refunds", "text": f"A refund takes a day {mark}"}]},
            ),
            ("POST", "corpora/handbook/versions", {"message": told}),
            ("PUT", "review/queues/desk", {"spec": {"description": told}}),
            (
                "POST",
                "judges/mine/versions",
                {"kind": "rubric", "options": {"model": "fast", "criteria": told}, "message": told},
            ),
            ("POST", "legal-holds", {"reason": told, "subject": "user", "value": "user-1"}),
        ):
            await self._sent(method, f"{at}/{path}", body)
        owner, rnd = await self.project_id(slug), random.Random(7 if mark else 3)
        calls = [made(number, rnd, owner) for number in range(1, CALLS + 1)]
        if mark:  # some have names of their own, the others say it in their texts alone
            calls = [
                made(number, rnd, owner, mark) if number % 3 == 0 else replace(call, metadata={"team": f"a{mark}"})
                for number, call in enumerate(calls, 1)
            ]
        store_all(self.engine, self.blobs, calls, owner, mark)

    async def _sent(self, method: str, path: str, body: Any) -> None:
        answer = await self.house.admin.request(method, path, json=body)
        assert answer.status_code in (200, 201, 204, 409), f"{method} {path}: {answer.text}"

    async def ids(self, slug: str, these: list[Operation]) -> tuple[set[str], set[str]]:
        """Every id, and every cursor, that the lists of a project tell."""
        ids, cursors = set[str](), set[str]()
        for each in these:
            if each.method == "GET" and not each.of("path"):
                query = (("limit", "1"),) if "limit" in each.of("query") else ()
                answer = await self.ask(Asked(each.id, each.method, each.path, query), slug)
                ids |= set(ID.findall(answer.text))
                if answer.headers.get("content-type", "").startswith("application/json"):
                    told = json.loads(answer.text)
                    if isinstance(told, dict) and isinstance(told.get("cursor"), str):  # pyright: ignore[reportUnknownMemberType]
                        cursors.add(str(told["cursor"]))  # pyright: ignore[reportUnknownArgumentType]
        return ids, cursors


async def make_world(folder: Path, socket: Path, engine: Store, blobs: FolderBlobs) -> World:
    reader = TelemetryReader(socket)
    house = await make_house(folder, asker=reader)
    object.__setattr__(house.deps, "reader", reader)
    clock = FixedClock(NOW_MS * 1_000_000)
    object.__setattr__(house.deps, "clock", clock)
    object.__setattr__(house.deps, "tail", Tail(reader, clock))
    world = World(house, engine, blobs)
    answer = await house.admin.post("/api/v1/projects", json={"slug": THEIRS, "name": "Other"})
    assert answer.status_code == 201, answer.text
    return world


def same(answer: httpx.Response) -> str:
    """What does not depend on when it was asked."""
    text = re.sub(r'"request_id":"req_[0-9a-f]{32}"', "", answer.text) if answer.is_error else answer.text
    return re.sub(r'"(took|behind_ms|at|now|generated)":[0-9.]+', r'"\1":0', text)


__all__ = ["CANARY"]
