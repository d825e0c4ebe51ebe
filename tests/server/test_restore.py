"""What a restore leaves out of a backup: what came while it was taken, and is in some tables alone."""

import os
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from makings import project

from trimtab.core.errors import Conflict, InvalidRequest
from trimtab.server.backup import DAY_S, Backup, Manifest, clear_frozen
from trimtab.server.backup_notes import MANIFEST, Receipt
from trimtab.server.housing import House, RunFile
from trimtab.server.restore import drop_what_came_after, restore
from trimtab.server.settings import Settings
from trimtab.telemetry.stores import Store

BEGAN_MS = 4_000_000_000_000
"""Later than whatever other tests put into this store."""


def test_texts_of_spans_that_came_after_spans_were_frozen_are_not_restored(engine: Store) -> None:
    ours = project()
    before, after = BEGAN_MS * 1_000_000 - 1, BEGAN_MS * 1_000_000 + 1
    spans = {"before": before, "after": after, "orphan": after, "old orphan": before}
    for span, arrived in spans.items():
        row = f"('{ours}', 't', '{span}', 1"
        if "orphan" not in span:
            engine.query(f"INSERT INTO spans (project, trace_id, span_id, start_ns) VALUES {row})", {})
        engine.query(f"INSERT INTO span_io (project, trace_id, span_id, start_ns) VALUES {row})", {})
        raw = "INSERT INTO span_raw (project, trace_id, span_id, start_ns, arrived_ns) VALUES"
        engine.query(f"{raw} {row}, {arrived})", {})
    drop_what_came_after(engine, BEGAN_MS)
    for table in ("span_io", "span_raw"):
        found = engine.query(
            f"SELECT span_id FROM {table} WHERE project = '{ours}' ORDER BY span_id FORMAT TSV", {}, "TSV"
        )
        assert found.decode().splitlines() == ["after", "before", "old orphan"], table
    drop_what_came_after(engine, BEGAN_MS)


def test_texts_of_calls_that_were_recorded_after_spans_were_frozen_are_not_restored(engine: Store) -> None:
    """Of a call under way when the backup began as well: it began long before it was recorded."""
    ours = project()
    began = BEGAN_MS * 1_000_000
    calls = {"kept": began - 60 * 10**9, "long": began - 3600 * 10**9, "new": began + 1, "ancient": began - 10**15}
    for span, start in calls.items():
        row = f"('{ours}', 't', '{span}', {start})"
        if span == "kept":
            engine.query(f"INSERT INTO spans (project, trace_id, span_id, start_ns) VALUES {row}", {})
        engine.query(f"INSERT INTO span_io (project, trace_id, span_id, start_ns) VALUES {row}", {})
        engine.query(f"INSERT INTO tool_calls (project, trace_id, span_id, at_ns) VALUES {row}", {})
    drop_what_came_after(engine, BEGAN_MS)
    for table in ("span_io", "tool_calls"):
        sql = f"SELECT span_id FROM {table} WHERE project = '{ours}' ORDER BY span_id FORMAT TSV"
        assert engine.query(sql, {}, "TSV").decode().splitlines() == ["ancient", "kept"], table


def test_texts_of_a_foreign_trace_that_was_in_the_making_are_restored(engine: Store) -> None:
    """It has no spans for part of a second, and what came of it, from which they are made anew."""
    ours, at = project(), BEGAN_MS * 1_000_000 - 10
    row = f"('{ours}', 't', 's', {at}"
    engine.query(f"INSERT INTO span_io (project, trace_id, span_id, start_ns) VALUES {row})", {})
    engine.query(f"INSERT INTO tool_calls (project, trace_id, span_id, at_ns) VALUES {row})", {})
    raw = "INSERT INTO span_raw (project, trace_id, span_id, start_ns, arrived_ns) VALUES"
    engine.query(f"{raw} {row}, {at})", {})
    drop_what_came_after(engine, BEGAN_MS)
    for table in ("span_io", "tool_calls", "span_raw"):
        sql = f"SELECT span_id FROM {table} WHERE project = '{ours}' FORMAT TSV"
        assert engine.query(sql, {}, "TSV").decode().splitlines() == ["s"], table


def test_folders_that_a_backup_left_empty_go_and_what_another_still_holds_stays(tmp_path: Path) -> None:
    now = 2 * DAY_S
    for name in ("backup_own", "backup_old", "backup_other", "backup_full", "elsewhere"):
        place = tmp_path / "shadow" / name / "store" / "abc"
        place.mkdir(parents=True)
        if name == "backup_full":
            (place / "part").write_text("rows")
        age = now if name in ("backup_own", "backup_other") else 0
        os.utime(tmp_path / "shadow" / name, (age, age))
    clear_frozen(tmp_path, "backup_own", now)
    left = {path.name for path in (tmp_path / "shadow").iterdir()}
    assert left == {"backup_other", "backup_full", "elsewhere"}
    assert (tmp_path / "shadow" / "backup_full" / "store" / "abc" / "part").read_text() == "rows"
    clear_frozen(tmp_path / "nothing", "backup_own", now)


RECEIPT = Receipt(id="era_1", project_id="p", subject="user", digest="d")


@pytest.mark.parametrize(
    ("catalog", "telemetry"), [("postgresql", "clickhouse"), ("postgresql", "chdb"), ("sqlite", "clickhouse")]
)
def test_a_backup_that_was_started_without_the_servers_settings_is_refused_and_writes_nothing(
    tmp_path: Path, catalog: str, telemetry: str
) -> None:
    house = House(tmp_path / "data")
    house.announce(RunFile(pid=os.getpid(), url="http://x", version="1", catalog=catalog, telemetry=telemetry))
    (house.run / "telemetry.sock").touch()
    backup = Backup(Settings(data_dir=tmp_path / "data"), tmp_path / "backup", wait_s=1.0, say=print)
    with pytest.raises(Conflict, match=f"its catalog in {catalog} and its telemetry in {telemetry}") as refused:
        backup.make()
    assert "TRIMTAB_DATABASE_URL and TRIMTAB_TELEMETRY_URL" in refused.value.fix
    assert not (tmp_path / "backup").exists()
    house.leave()


def elsewhere(folder: Path, catalog: Literal["sqlite", "postgresql"], erasures: tuple[Receipt, ...] = ()) -> Path:
    """A backup of a server whose telemetry is on a ClickHouse server."""
    folder.mkdir()
    manifest = Manifest(trimtab="1", created=1, catalog=catalog, telemetry="clickhouse", erasures=erasures)
    (folder / MANIFEST).write_bytes(msgspec.json.encode(manifest))
    return folder


def test_a_restore_says_of_erasures_that_it_cannot_do_again_that_they_are_to_be_asked_for(tmp_path: Path) -> None:
    said: list[str] = []
    restore(elsewhere(tmp_path / "backup", "postgresql", (RECEIPT,)), tmp_path / "data", said.append)
    assert "1 erasures were done since this backup was taken" in said[-1]
    assert "ask for them again" in said[-1]
    with pytest.raises(InvalidRequest, match="cannot be erased by a restore") as refused:
        restore(tmp_path / "backup", tmp_path / "other", said.append, erased=(RECEIPT,))
    assert "trimtab erase" in refused.value.fix
    assert not (tmp_path / "other").exists()
