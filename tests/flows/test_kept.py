"""A running server is backed up under load and restored whole; a user is erased from it by the command line."""

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self, cast

import httpx
import pytest
from live import ADMIN, Live, admin, live, simulated, until
from planting import PROJECT, Planter

from patience import PATIENCE_S
from trimtab.core.errors import Conflict, InvalidRequest, NotFound, Unavailable
from trimtab.server.backup import Backup, TableNote
from trimtab.server.housing import SPOOL, run_folder
from trimtab.server.restore import check_files, read_manifest, restore
from trimtab.server.settings import Settings
from trimtab.telemetry.notes import Note
from trimtab.telemetry.spool.spool import POSITIONS_FILE
from trimtab.telemetry.stores import Store
from trimtab.telemetry.stores.clickhouse import ClickHouseStore

CONFIG = """
providers:
  sim: {{dialect: openai_chat, base_url: "{url}/v1", api_key: "k"}}
models:
  quick: {{provider: sim, model: "gpt-4o-mini?tokens=8"}}
  careful: {{provider: sim, model: "gpt-4o-mini?tokens=8"}}
retention: {{content: 30, ledger: keep}}
"""


def trimtab(*argv: str, url: str = "") -> Any:
    """Run a command with ``--json``; what it prints."""
    env = {**os.environ, "TRIMTAB_ADMIN_KEY": ADMIN, "TRIMTAB_URL": url}
    done = subprocess.run(
        [sys.executable, "-m", "trimtab.cli.main", *argv, "--json"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


MARKS = "MARKER-OF-ALICE|marker-of-alice|alice@example"
PLACES = (
    "spans", "span_io", "span_raw", "scores", "ledger", "blobs", "cache_answers", "idempotent_calls", "responses",
    "dataset_cases", "experiment_cells", "evaluation_cache", "review_items", "holds", "guard_points",
    "corpus_documents",
)  # fmt: skip
"""Where a receipt must have found something of what was planted."""


def files_with_marks(folder: Path) -> list[str]:
    found = subprocess.run(["grep", "-rlaE", MARKS, str(folder)], capture_output=True, text=True, check=False)
    return found.stdout.split()


class Load:
    """Clients that call until they are told to stop; ``acknowledged``: request ids of calls whose answers were read."""

    def __init__(self, url: str) -> None:
        self.acknowledged: list[str] = []
        self._url = url
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._call) for _ in range(3)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _call(self) -> None:
        with httpx.Client(base_url=self._url, headers=admin(), timeout=PATIENCE_S) as client:
            while not self._stop.is_set():
                self.acknowledged.append(call(client, "hello", "bob"))


def call(client: httpx.Client, text: str, user: str) -> str:
    body = {"model": "quick", "messages": [{"role": "user", "content": text}], "user": user}
    answer = client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    return answer.headers["x-request-id"]


def requests(server: Live) -> list[str]:
    return [row["request_id"] for row in server.traces()]


def told(server: Live, sql: str) -> bytes:
    """What the server's own store says."""
    store = ClickHouseStore("http://telemetry", uds=run_folder(server.data) / "telemetry.sock")
    try:
        return store.query(sql, {})
    finally:
        store.close()


def half_deleted(server: Live) -> None:
    """A part of two rows, one of them deleted as when a foreign trace is made anew: it is only marked, not written
    away."""
    told(
        server,
        "INSERT INTO tool_calls (project, at_ns, span_id) SELECT if(number = 0, 'gone', 'kept'), toInt64(now64(9)),"
        " toString(number) FROM numbers(2)",
    )
    told(server, "DELETE FROM tool_calls WHERE project = 'gone'")


def test_a_backup_under_load_holds_all_that_was_acknowledged_and_is_restored(tmp_path: Path) -> None:
    backup, again = tmp_path / "backup", tmp_path / "again"
    again.mkdir()
    with simulated() as provider, live(tmp_path, CONFIG.format(url=provider)) as server:
        planter = Planter(server, "MARKER-OF-ALICE", "alice@example.com")
        planted = planter.everywhere()
        with httpx.Client(base_url=server.url, headers=admin(), timeout=PATIENCE_S) as client:
            issued = client.post("/api/v1/projects/default/keys", json={"name": "app", "role": "client"}).json()
        server.settled()
        half_deleted(server)
        with Load(server.url) as load:
            until(lambda: len(load.acknowledged) >= 30, PATIENCE_S, server.told)
            before = list(load.acknowledged)
            made = trimtab("backup", str(backup), "--data-dir", str(server.data))
        assert made["rows"]["spans"] >= 2 * len(before)
        assert files_with_marks(backup) != [], "the search must be able to find what was planted"
        assert made["rows"]["tool_calls"] == 2, "deleted rows still lie in their part"
        with pytest.raises(Conflict, match="not empty"):
            Backup(Settings(data_dir=server.data), backup, wait_s=1, say=print).make()

        server.settled()
        receipt = trimtab("erase", "--user", "alice@example.com", "--yes", url=server.url)
        assert receipt["state"] == "done"
        assert not [where for where in PLACES if not receipt["rows"].get(where)], receipt["rows"]
        assert files_with_marks(server.data) == []
        assert receipt["checks"]["backups from before"] == "noted in 1"
        assert receipt["checks"]["copies sent elsewhere"] == "none is known"
        attacked = planter.send("GET", f"{PROJECT}/experiments/{planted['redteam']}/cells")["items"]
        assert {cell["case_id"].partition("-")[0]: cell["output"] == "" for cell in attacked} == {
            "own": True,
            "leakage": False,
        }, "of the seed and what mutators made of it nothing is left"
        [cell] = [
            each
            for each in planter.send("GET", f"{PROJECT}/experiments/{planted['experiment']}/cells")["items"]
            if each["case_id"] != "other"
        ]
        assert (cell["output"], cell["trace_id"], cell["scores"][0]["value"]) == ("", "", 8.0), "figures stay"
        assert [each["cases"] for each in planter.send("GET", f"{PROJECT}/datasets/plants/versions")["items"]] == [
            1,
            2,
            1,
        ]
        kept = {rule["kind"]: rule["days"] for rule in trimtab("retention", "show", url=server.url)}
        assert (kept["content"], kept["ledger"]) == (30, None)
        [written] = trimtab("export", "ledger", "--out", str(tmp_path / "out"), url=server.url)
        assert written["rows"] >= len(before)
        assert Path(written["file"]).read_bytes()[:4] == b"PAR1"

        restored = trimtab("restore", str(backup), "--data-dir", str(again / "data"))
        assert restored["rows"] == made["rows"]
        with pytest.raises(Conflict, match="not empty"):
            restore(backup, again / "data", print)
        with live(again, CONFIG.format(url=provider)) as second:
            second.settled()
            jobs = second.api("/projects/default/erasures")["items"]
            assert [(job["subject"], job["asked_by"]) for job in jobs] == [("user", "restore")]
            again_path = f"/projects/default/erasures/{jobs[0]['id']}"
            until(lambda: second.api(again_path)["state"] == "done", PATIENCE_S, second.told)
            assert files_with_marks(second.data) == [], "the backup is older than the erasure, which is done again"
            found = requests(second)
            assert len(found) == len(set(found))
            assert set(before) <= set(found)
            assert told(second, "SELECT count() FROM tool_calls").strip() == b"[1]", "what was deleted came back"
            key = {"authorization": f"Bearer {issued['secret']}"}
            answer = httpx.post(
                f"{second.url}/v1/chat/completions", headers=key, timeout=PATIENCE_S,
                json={"model": "quick", "messages": [{"role": "user", "content": "still there?"}]},
            )  # fmt: skip
            assert answer.status_code == 200

    part = next(path for path in sorted((backup / "telemetry" / "spans").rglob("*")) if path.name == "data.bin")
    part.write_bytes(part.read_bytes()[:-1] + b"!")
    with pytest.raises(InvalidRequest, match=r"telemetry/spans/.*data\.bin is missing or changed"):
        check_files(backup, read_manifest(backup))
    with pytest.raises(NotFound, match="not finished"):
        read_manifest(tmp_path)


def an_agent(name: str) -> bytes:
    """Two spans of another tool."""
    ids, now = ["a1" * 8, "b2" * 8], time.time_ns()
    spans = [
        {
            "traceId": "c3" * 16, "spanId": each, "parentSpanId": "" if each is ids[0] else ids[0], "name": name,
            "startTimeUnixNano": str(now), "endTimeUnixNano": str(now + 1_000_000),
        }
        for each in ids
    ]  # fmt: skip
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()


class BetweenRows(Backup):
    """A backup whose tables are frozen while a trace is being made anew: its old rows are gone, the new ones come."""

    def __init__(self, server: Live, target: Path) -> None:
        super().__init__(Settings(data_dir=server.data), target, wait_s=PATIENCE_S, say=print)
        self._server = server

    def _note(self, sql: str) -> None:
        with contextlib.closing(sqlite3.connect(self._server.data / SPOOL / POSITIONS_FILE)) as db:
            db.execute(sql)
            db.commit()

    def _freeze(self, store: Store) -> tuple[TableNote, ...]:
        tomorrow, ever = time.time_ns() // 1_000_000 + 86_400_000, 2 * time.time_ns()
        project = told(self._server, "SELECT any(project) FROM span_raw").decode().strip().strip('[]"')
        self._note(f"INSERT INTO notes VALUES ('{project}', '{'c3' * 16}', {tomorrow}, 0, {ever})")
        told(self._server, "DELETE FROM spans WHERE trace_id != ''")
        return super()._freeze(store)

    def _copy_blobs(self) -> None:
        self._note("DELETE FROM notes")  # it is made
        super()._copy_blobs()


def test_a_trace_that_was_being_made_anew_while_tables_were_frozen_is_made_anew_by_the_restored_server(
    tmp_path: Path,
) -> None:
    again = tmp_path / "again"
    again.mkdir()
    with live(tmp_path) as server:
        headers = {**admin(), "content-type": "application/json"}
        assert (
            httpx.post(
                f"{server.url}/v1/traces", content=an_agent("agent"), headers=headers, timeout=PATIENCE_S
            ).status_code
            == 200
        )
        server.settled()
        until(lambda: [row["name"] for row in server.traces()] == ["agent"], PATIENCE_S, server.told)
        BetweenRows(server, tmp_path / "backup").make()
        assert server.traces() == []
    trimtab("restore", str(tmp_path / "backup"), "--data-dir", str(again / "data"))
    with live(again) as second:
        until(lambda: [row["name"] for row in second.traces()] == ["agent"], PATIENCE_S, second.told)
        assert told(second, "SELECT count() FROM spans").strip() == b"[2]"


def test_a_trace_that_is_made_anew_within_the_freezing_of_one_table_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note, there, seen = Note("p", "c3" * 16, 1, 2, 3), threading.Event(), threading.Event()

    def noted(_: Path) -> list[Note]:
        if not there.is_set():
            return []
        seen.set()
        return [note]

    class Freezing:
        """Its one table takes as long as it takes somebody to see what is made anew meanwhile."""

        def query(self, sql: str, *_: object) -> bytes:
            if "FREEZE" not in sql:
                row = (
                    ["spans", "CREATE", f"{tmp_path}/store/spans/", "MergeTree"]
                    if "system.tables" in sql
                    else [str(tmp_path)]
                )
                return json.dumps(row).encode()
            if "UNFREEZE" not in sql:
                there.set()
                assert seen.wait(PATIENCE_S)
                there.clear()
            return b""

    class Seeing(Backup):
        def noted(self, store: Store) -> list[Note]:
            self._freeze(store)
            assert self._in_hand == {note[:2]}
            return list(self._noted.values())

    def rewriting(_: Path) -> frozenset[tuple[str, str, int]]:
        return frozenset({note[:3]}) if there.is_set() else frozenset()

    monkeypatch.setattr("trimtab.server.backup.barrier", SimpleNamespace(noted=noted, rewriting=rewriting))
    backup = Seeing(Settings(data_dir=tmp_path), tmp_path / "backup", wait_s=1.0, say=print)
    assert backup.noted(cast("Store", Freezing())) == [note]


def test_a_backup_waits_as_long_as_the_store_takes_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten records in all, one every second of a clock that stands still otherwise: four times what it waits for one."""
    clock, left, said = 0.0, 10, list[str]()

    def pause(_: float) -> None:
        nonlocal clock, left
        clock += 0.25
        if clock % 1 == 0 and left > least:
            left -= 1

    def behind(_: Path, of: dict[str, int]) -> int:
        return left

    def positions(_: Path) -> dict[str, int]:
        return {"w0": 10 - left}

    monkeypatch.setattr("trimtab.server.backup.time", SimpleNamespace(monotonic=lambda: clock, sleep=pause))
    monkeypatch.setattr("trimtab.server.backup.barrier", SimpleNamespace(behind=behind, positions=positions))
    waiting = Backup(Settings(data_dir=tmp_path), tmp_path / "backup", wait_s=2.5, say=said.append)
    least = 0
    waiting.wait_for({"w0": 10})
    assert (clock, said[1:]) == (10.0, ["5 records to go"])

    clock, left, least = 0.0, 10, 7
    with pytest.raises(Unavailable, match=r"7 records wait in the spool, and for 2.5 s the telemetry store took none"):
        waiting.wait_for({"w0": 10})
    assert 5.5 < clock < 6.0
