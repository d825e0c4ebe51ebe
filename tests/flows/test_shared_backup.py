"""Two servers with folders of their own on one PostgreSQL catalog and one telemetry store: each folder is backed up on
its machine while both serve, and both come up again on what was restored."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from live import Live, admin, live, simulated, until
from shared_store import SharedStore

from patience import PATIENCE_S
from trimtab.telemetry.stores import Store

pytestmark = [pytest.mark.postgres, pytest.mark.promise]
CONFIG = """
providers:
  sim: {{dialect: openai_chat, base_url: "{url}/v1", api_key: "k"}}
models:
  m: {{provider: sim, model: "gpt-4o-mini?tokens=3"}}
"""
SECRET_KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
LONG = "so long that it is no part of a row " * 4_000


def command(env: dict[str, str], *argv: str) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("TRIMTAB_")}
    return subprocess.run(
        [sys.executable, "-m", "trimtab.cli.main", *argv, "--json"],
        env=plain | env,
        capture_output=True,
        text=True,
        check=False,
    )


def ask(server: Live, text: str) -> str:
    body = {"model": "m", "messages": [{"role": "user", "content": text}]}
    answer = httpx.post(f"{server.url}/v1/chat/completions", json=body, headers=admin(), timeout=PATIENCE_S)
    assert answer.status_code == 200, answer.text
    return answer.headers["trimtab-trace-id"]


def refused_span(server: Live) -> None:
    """One that is set aside: its id is none."""
    span = {"traceId": os.urandom(16).hex(), "spanId": "none", "name": "refused", "startTimeUnixNano": "1"}
    body: dict[str, Any] = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    sent = httpx.post(f"{server.url}/v1/traces", json=body, headers=admin(), timeout=PATIENCE_S)
    assert "1 spans were set aside" in sent.text


def said(server: Live, trace_id: str) -> str:
    """What was asked in a call, as this server shows it."""
    spans = server.api(f"/projects/default/traces/{trace_id}")["spans"]
    leaf = next(span["span_id"] for span in spans if span["kind"] == "llm")
    return str(server.api(f"/projects/default/traces/{trace_id}/spans/{leaf}/io")["input"])


def test_two_servers_on_one_store_are_backed_up_while_they_serve_and_come_up_on_what_was_restored(
    tmp_path: Path, postgres: Callable[[], str], engine: Store
) -> None:
    store = SharedStore(engine, tmp_path / "store-blobs")
    env = {
        "TRIMTAB_DATABASE_URL": postgres(),
        "TRIMTAB_SECRET_KEY": SECRET_KEY,
        "TRIMTAB_TELEMETRY_URL": store.url,
    }
    folders = [tmp_path / name for name in ("one", "two")]
    backups = [tmp_path / f"backup-{name}" for name in ("one", "two")]
    for each in folders:
        each.mkdir()
    try:
        with simulated() as url:
            config = CONFIG.format(url=url)
            with live(folders[0], config, env=env) as one, live(folders[1], config, env=env) as two:
                calls = [ask(server, LONG + server.folder.name) for server in (one, two)]
                refused_span(two)
                for server, backup in zip((one, two), backups, strict=True):
                    check_backup(server, backup, env)
            restored: list[Live] = []
            for name, backup in zip(("one", "two"), backups, strict=True):
                folder = tmp_path / f"restored-{name}"
                folder.mkdir()
                done = command(env, "restore", str(backup), "--data-dir", str(folder / "data"))
                assert done.returncode == 0, done.stderr
                restored.append(Live(folder, config, env=env))
            with restored[0] as one, restored[1] as two:
                for server in (one, two):
                    server.start()
                check_restored(one, two, calls)
    finally:
        store.close()


def check_backup(server: Live, backup: Path, env: dict[str, str]) -> None:
    """Without the server's settings nothing is written; with them the folder's own things are, and it says what is
    not."""
    without = command({}, "backup", str(backup), "--data-dir", str(server.data))
    assert without.returncode == 1
    assert "keeps its catalog in postgresql and its telemetry in clickhouse" in without.stderr
    assert not backup.exists()
    done = command(env, "backup", str(backup), "--data-dir", str(server.data))
    assert done.returncode == 0, done.stderr
    manifest = json.loads((backup / "manifest.json").read_text())
    assert (manifest["catalog"], manifest["telemetry"], manifest["tables"]) == ("postgresql", "clickhouse", [])
    assert any(name.startswith("blobs/") for name in manifest["files"])


def check_restored(one: Live, two: Live, calls: list[str]) -> None:
    """Both show both calls; each has the large contents of its own, and the second what was set aside there."""
    for server, trace_id in zip((one, two), calls, strict=True):
        other = two if server is one else one
        assert server.folder.name.removeprefix("restored-") in said(server, trace_id)
        assert trace_id in {row["trace_id"] for row in other.traces()}
        later = ask(server, "hello again")
        until(
            lambda later=later, other=other: later in {row["trace_id"] for row in other.traces()},
            PATIENCE_S,
            other.told,
        )
    letters = [server.api("/system/dead-letters")["items"] for server in (one, two)]
    assert [len(each) for each in letters] == [0, 1]
