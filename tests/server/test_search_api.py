"""Aggregations, completion and SQL over the API: a real store behind it, permissions and refusals in front."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from house import House

from trimtab.ledger.types import Cost
from trimtab.llm.types import Usage
from trimtab.server.key_names import KNOWN_FOR_S, CatalogKeyNames
from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.reader import TelemetryReader
from trimtab.telemetry.records import Attempt, CallRecord
from trimtab.telemetry.rows import Rows, encode
from trimtab.telemetry.stores import Store
from trimtab.telemetry.switches.file import TEXT_INDEX, SwitchFile
from trimtab.telemetry.switches.follow import Switches

if TYPE_CHECKING:
    from house import Run

AT = "/api/v1/projects/default"


def call(number: int, owner: str, at_ns: int, model: str, key: str = "key_1") -> CallRecord:
    attempt = Attempt(
        span_id=f"{number:016x}",
        provider="lab",
        kind="openai",
        model=model,
        dialect="openai_chat",
        started_ns=at_ns,
        ended_ns=at_ns + 10**9,
        status=200,
        usage=Usage(input=10, output=5),
        cost=Cost(amount=10**10, price="book/1:x"),
    )
    return CallRecord(
        request_id=f"r{number}",
        trace_id=f"{number:032x}",
        span_id=f"f{number:015x}",
        project=owner,
        key_id=key,
        front="openai_chat",
        model=model,
        user="ann",
        started_ns=at_ns,
        ended_ns=at_ns + 10**9,
        attempts=(attempt,),
    )


async def called(house: House, engine: Store, tmp_path: Path) -> None:
    (project,) = (await house.admin.get("/api/v1/projects")).json()["items"]
    rows = Rows()
    mapper = CallMapper(FolderBlobs(tmp_path / "blobs"))
    for number, model in enumerate(("fast", "fast", "smart")):
        mapper.add(rows, number, call(number, project["id"], house.clock.now_ns() - (number + 1) * 10**9, model))
    for table in (rows.spans, rows.ledger):
        engine.insert(table.name, table.columns, encode(table.values), f"{project['id']}:{table.name}:search")


def test_questions_are_answered_from_the_store(run: "Run", engine: Store, served: Any, tmp_path: Path) -> None:
    async def story(house: House) -> None:
        admin = house.admin
        await called(house, engine, tmp_path)
        query = {"group_by": "model", "metrics": "count,cost,p95(duration)", "interval": "auto"}
        report = (await admin.get(f"{AT}/aggregate", params=query)).json()
        assert [(each["group"], each["values"]) for each in report["groups"]] == [
            (["fast"], [2, "0.02", 1000.0]),
            (["smart"], [1, "0.01", 1000.0]),
        ]
        assert [each["unit"] for each in report["metrics"]] == ["count", "usd", "ms"]
        assert sum(point["values"][0] for point in report["series"]) == 3
        found = (await admin.get(f"{AT}/search/complete", params={"q": "model:f user:x", "cursor": 7})).json()
        assert (found["start"], found["end"]) == (6, 7)
        assert [(each["text"], each["count"]) for each in found["items"]] == []
        found = (await admin.get(f"{AT}/search/complete", params={"q": "model:f"})).json()
        assert [(each["text"], each["count"]) for each in found["items"]] == [("fast", 2)]
        sql = "SELECT model, sum(cost_usd) AS usd FROM spans WHERE entry = 1 GROUP BY model ORDER BY model"
        answer = (await admin.post(f"{AT}/sql", json={"sql": sql, "limit": 1})).json()
        assert [column["name"] for column in answer["columns"]] == ["model", "usd"]
        assert (answer["rows"], answer["truncated"]) == ([["fast", "0.02"]], True)

    run(story, asker=TelemetryReader(served.socket))


def test_keys_are_found_by_their_names_revoked_ones_too_and_by_those_of_their_own_project(
    run: "Run", engine: Store, served: Any, tmp_path: Path
) -> None:
    reader = TelemetryReader(served.socket)

    async def story(house: House) -> None:
        admin = house.admin
        reader.key_names = CatalogKeyNames(house.db)
        assert (await admin.post("/api/v1/projects", json={"slug": "other", "name": "Other"})).status_code == 201
        made = {at: (await admin.post(f"/api/v1/projects/{at}/keys", json={"name": "my-app", "role": "client"})).json()
                for at in ("default", "other")}  # fmt: skip
        owners = {each["slug"]: each["id"] for each in (await admin.get("/api/v1/projects")).json()["items"]}
        rows, mapper = Rows(), CallMapper(FolderBlobs(tmp_path / "blobs"))
        for number, at in enumerate(("default", "default", "other")):
            key = made[at]["key"]["id"]
            mapper.add(rows, number, call(number, owners[at], house.clock.now_ns() - 10**9, "fast", key))
        engine.insert(rows.spans.name, rows.spans.columns, encode(rows.spans.values), f"{owners['other']}:named")

        async def counted(at: str, q: str) -> int:
            answer = await admin.get(f"/api/v1/projects/{at}/aggregate", params={"q": q, "metrics": "count"})
            return sum(group["values"][0] for group in answer.json()["groups"])

        assert [await counted("default", q) for q in ("key:my-app", "key:my*", "-key:my-app")] == [2, 2, 0]
        assert await counted("other", "key:my-app") == 1
        assert await counted("default", f"key:{made['other']['key']['id']}") == 0
        await admin.delete(f"{AT}/keys/{made['default']['key']['id']}")
        assert await counted("default", "key:my-app") == 2
        await asyncio.sleep(KNOWN_FOR_S)
        [item] = (await admin.get(f"{AT}/search/complete", params={"q": "key:MY"})).json()["items"]
        assert (item["text"], item["count"]) == ("my-app", 2)
        assert item["about"] == f"{made['default']['key']['id']}, revoked"

    run(story, asker=reader)


def test_words_are_searched_where_they_are_indexed_and_refused_where_not(run: "Run", served: Any) -> None:
    async def story(house: House) -> None:
        index = f"{AT}/search/text-index"
        assert (await house.admin.get(index)).json() == {"on": True}
        words = {"q": "parcel", "metrics": "count"}
        assert (await house.admin.get(f"{AT}/aggregate", params=words)).status_code == 200
        assert (await house.admin.put(index, json={"on": False})).json() == {"on": False}
        refused = await house.admin.get(f"{AT}/aggregate", params=words)
        assert (refused.status_code, refused.json()["code"]) == (400, "texts_not_indexed")
        assert "--text-index" in refused.json()["fix"]
        assert (await house.admin.get(f"{AT}/aggregate", params={"q": "model:fast -gone"})).status_code == 400
        assert (await house.admin.get(f"{AT}/aggregate", params={"q": "model:fast"})).status_code == 200
        await house.admin.put(f"{AT}/detectors", json={"off": ["refusal"]})
        await house.admin.put(f"{AT}/detectors", json={"off": []})
        assert (await house.admin.get(index)).json() == {"on": False}
        said = (await house.admin.get("/api/v1/projects/default/audit")).json()["items"]
        assert "text_index.switched" in {each["action"] for each in said}
        assert (await house.admin.put(index, json={"on": True})).json() == {"on": True}
        assert (await house.admin.get(f"{AT}/aggregate", params=words)).status_code == 200

    folder: list[Path] = []

    def indexed(project: str) -> bool:
        return SwitchFile(folder[0]).indexes(project)

    async def begun(house: House) -> None:
        folder.append(house.folder)
        await story(house)

    run(begun, asker=TelemetryReader(served.socket, indexed=indexed))


def test_what_the_config_file_says_of_detectors_leaves_the_index_alone(run: "Run") -> None:
    async def story(house: House) -> None:
        assert (await house.admin.put(f"{AT}/search/text-index", json={"on": False})).status_code == 200
        (project,) = (await house.admin.get("/api/v1/projects")).json()["items"]
        await Switches(house.db, house.folder, lambda: {project["id"]: frozenset({"refusal"})}).follow()
        switch = SwitchFile(house.folder)
        assert (switch(project["id"]) - {TEXT_INDEX}, switch.indexes(project["id"])) == ({"refusal"}, False)

    run(story)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"q": "mdel:x"}, "q"),
    ({"metrics": "p95(nothing)"}, "metrics"),
    ({"group_by": "nothing"}, "group_by"),
    ({"interval": "soon"}, "interval"),
    ({"order": "cost"}, "order"),
    ({"start": 5, "end": 5}, "start"),
]


def test_an_aggregation_that_cannot_be_asked_is_refused(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = house.admin
        for query, param in WRONG:
            answer = await admin.get(f"{AT}/aggregate", params=query)
            assert (answer.status_code, answer.json()["param"]) == (400, param), query
            assert answer.json()["fix"]

    run(story)


def test_sql_needs_its_own_permission_and_only_reads(run: "Run", served: Any) -> None:
    async def story(house: House) -> None:
        made = {
            role: (await house.admin.post(f"{AT}/keys", json={"name": role, "role": role})).json()["secret"]
            for role in ("read_only", "client")
        }
        ask = {"sql": "SELECT count() FROM spans"}
        assert (await house.client(made["read_only"]).post(f"{AT}/sql", json=ask)).json()["rows"] == [[0]]
        refused = await house.client(made["client"]).post(f"{AT}/sql", json=ask)
        assert refused.status_code == 403
        assert "sql:read" in refused.json()["detail"]
        wrong = await house.admin.post(f"{AT}/sql", json={"sql": "SELECT * FROM system.tables"})
        assert (wrong.status_code, wrong.json()["param"]) == (400, "sql")
        large = await house.admin.post(
            f"{AT}/sql", json={"sql": "SELECT groupArray(repeat('x', 999999)) FROM numbers(99999)"}
        )
        assert (large.status_code, large.json()["code"]) == (413, "query_too_large")

    run(story, asker=TelemetryReader(served.socket))


def test_while_the_store_is_away_questions_say_so(run: "Run") -> None:
    async def story(house: House) -> None:
        assert (await house.admin.get(f"{AT}/aggregate")).status_code == 503
        assert (await house.admin.get(f"{AT}/search/complete", params={"q": "model:"})).status_code == 503
        assert (await house.admin.get(f"{AT}/search/complete", params={"q": "mod"})).status_code == 200
        assert (await house.admin.post(f"{AT}/sql", json={"sql": "SELECT 1"})).status_code == 503

    run(story)
