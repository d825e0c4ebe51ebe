"""Sessions, users, causes, tools, graphs and comparisons over the API, a real store behind them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from house import House

from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.fakes import span_row
from trimtab.telemetry.reader import TelemetryReader
from trimtab.telemetry.records import CallRecord, Fault
from trimtab.telemetry.rows import Rows, encode
from trimtab.telemetry.stores import Store

if TYPE_CHECKING:
    from house import Run

AT = "/api/v1/projects/default"


def call(number: int, owner: str, at_ns: int) -> CallRecord:
    failed = number % 2 == 0
    return CallRecord(
        request_id=f"r{number}",
        trace_id=f"{number:032x}",
        span_id=f"f{number:015x}",
        project=owner,
        key_id="key_1",
        front="openai_chat",
        model="fast",
        session=f"chat/{number // 2}",
        user=f"user {number % 2}",
        started_ns=at_ns + number,
        ended_ns=at_ns + number + 10**9,
        outcome="error" if failed else "answer",
        fault=Fault(code="no_route", message=f"No model {number} is there.") if failed else None,
    )


async def store(house: House, engine: Store, tmp_path: Path) -> None:
    (project,) = (await house.admin.get("/api/v1/projects")).json()["items"]
    rows = Rows()
    mapper = CallMapper(FolderBlobs(tmp_path / "blobs"))
    for number in range(1, 7):
        mapper.add(rows, number, call(number, project["id"], house.clock.now_ns() - 3_600 * 10**9))
    for table in rows.tables():
        if table.owners:
            engine.insert(table.name, table.columns, encode(table.values), f"{project['id']}:{table.name}")


def test_people_and_causes_are_listed_paged_and_opened(run: "Run", tmp_path: Path, served: Any, engine: Store) -> None:
    async def story(house: House) -> None:
        await store(house, engine, tmp_path)
        seen: list[str] = []
        cursor = None
        while True:
            query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
            page = (await house.admin.get(f"{AT}/sessions", params=query)).json()
            seen += [row["session"] for row in page["items"]]
            cursor = page["cursor"]
            if cursor is None:
                break
        assert seen == ["chat/3", "chat/2", "chat/1", "chat/0"]
        one = (await house.admin.get(f"{AT}/sessions/chat%2F1", params={"limit": 1})).json()
        assert (one["summary"]["calls"], len(one["turns"])) == (2, 1)
        rest = (await house.admin.get(f"{AT}/sessions/chat%2F1", params={"cursor": one["cursor"]})).json()
        assert [turn["request_id"] for turn in rest["turns"]] == ["r3"]
        assert (await house.admin.get(f"{AT}/sessions/nobody")).status_code == 404

        users = (await house.admin.get(f"{AT}/users", params={"sort": "errors"})).json()["items"]
        assert [(row["user"], row["errors"]) for row in users] == [("user 0", 3), ("user 1", 0)]
        assert (await house.admin.get(f"{AT}/users/user%200")).json()["calls"] == 3
        assert (await house.admin.get(f"{AT}/users/nobody")).status_code == 404

        causes = (await house.admin.get(f"{AT}/errors")).json()["items"]
        assert [(row["pattern"], row["failed"]) for row in causes] == [("No model <n> is there.", 3)]
        assert (await house.admin.get(f"{AT}/tools")).json() == {"items": []}
        for path in ("sessions", "users", "errors", "tools"):
            wrong = await house.admin.get(f"{AT}/{path}", params={"q": "nonsense:1"})
            assert (wrong.status_code, wrong.json()["param"]) == (400, "q")
        for path in ("sessions", "users", "sessions/chat%2F1"):
            wrong = await house.admin.get(f"{AT}/{path}", params={"cursor": "MTpub25zZW5zZQ"})
            assert (wrong.status_code, wrong.json()["param"]) == (400, "cursor")

    run(story, asker=TelemetryReader(served.socket))


def test_a_trace_is_shown_as_a_graph_and_beside_another(run: "Run") -> None:
    async def story(house: House) -> None:
        (project,) = (await house.admin.get("/api/v1/projects")).json()["items"]
        house.reader.add(project["id"], span_row("a" * 32, "1" * 16, model="one", cost="0.5"))
        house.reader.add(project["id"], span_row("b" * 32, "2" * 16, model="two", cost="0.75"))
        graph = (await house.admin.get(f"{AT}/traces/{'a' * 32}/graph")).json()
        assert [(node["kind"], node["cost"]) for node in graph["nodes"]] == [("span", "0.5")]
        found = (await house.admin.get(f"{AT}/compare", params={"a": "a" * 32, "b": "b" * 32})).json()
        assert found["cost_change"] == "0.25"
        assert "model" in found["pairs"][0]["differs"]
        assert (await house.admin.get(f"{AT}/traces/{'c' * 32}/graph")).status_code == 404
        assert (await house.admin.get(f"{AT}/compare", params={"a": "a" * 32, "b": "nothing"})).status_code == 404
        assert (await house.admin.get(f"{AT}/compare", params={"a": "a" * 32})).status_code == 400

    run(story)
