"""A first start that finds a full disk leaves nothing behind that keeps the store from opening when there is room."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from trimtab.telemetry.stores import Store, StoreAway, StoreFull, chdb
from trimtab.telemetry.stores._unfinished import set_aside

OPEN = """
import sys
from trimtab.telemetry.stores import Limits, open_store
store = open_store("chdb://" + sys.argv[1], Limits(readers=1))
store.prepare()
if len(sys.argv) > 2:
    store.query(sys.argv[2], {})
print(store.query("SELECT count() FROM scores", {}).decode().strip())
store.close()
"""
DEFINED = "ATTACH TABLE _ UUID '{uuid}' (version UInt32) ENGINE = MergeTree"
VERSIONS, SCORES = "11111111-2222-3333-4444-555555555555", "66666666-7777-8888-9999-000000000000"


def opened(folder: Path, *statement: str) -> str:
    """What a process of its own says: one engine opens one folder."""
    argv = [sys.executable, "-c", OPEN, str(folder), *statement]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.stdout.strip() or done.stderr[-2000:]


def laid(folder: Path, **parts: str) -> Path:
    """A folder as the engine lays it, whose table of scores has an empty definition; ``parts`` by table."""
    database = folder / "store" / "abc" / "abcdefab-0000-0000-0000-000000000000"
    database.mkdir(parents=True)
    (database / "schema_versions.sql").write_text(DEFINED.format(uuid=VERSIONS))
    (database / "scores.sql").write_text("")
    for uuid in (VERSIONS, SCORES):
        (folder / "store" / uuid[:3] / uuid / "detached").mkdir(parents=True)
        (folder / "store" / uuid[:3] / uuid / "format_version.txt").write_text("1")
    for table, part in parts.items():
        uuid = {"versions": VERSIONS, "scores": SCORES}[table]
        (folder / "store" / uuid[:3] / uuid / part).mkdir()
    return folder


def test_a_store_without_a_row_begins_anew_where_a_definition_is_empty(tmp_path: Path) -> None:
    folder = tmp_path / "telemetry"
    assert opened(folder) == "[0]"
    [scores] = folder.glob("store/*/*/scores.sql")
    scores.write_text("")  # as a disk leaves it that became full before the definition was written
    assert opened(folder) == "[0]"
    [aside] = tmp_path.glob("telemetry-unfinished-*")
    assert [path.stat().st_size for path in aside.glob("store/*/*/scores.sql")] == [0]
    assert opened(folder, "INSERT INTO scores (project, id) VALUES ('p', 'one')") == "[1]"
    [scores] = folder.glob("store/*/*/scores.sql")
    scores.write_text("")
    assert "empty definition of scores, and rows" in opened(folder)
    assert len(list(tmp_path.glob("telemetry-unfinished-*"))) == 1


def test_only_what_holds_no_row_is_set_aside(tmp_path: Path) -> None:
    begun = laid(tmp_path / "begun", versions="all_1_1_0")
    set_aside(begun)
    assert list(begun.iterdir()) == []
    held = laid(tmp_path / "held", versions="all_1_1_0", scores="all_1_1_0")
    with pytest.raises(StoreAway, match=r"empty definition of scores") as caught:
        set_aside(held)
    assert "trimtab restore" in (caught.value.fix or "")
    assert (held / "store").is_dir()
    whole = laid(tmp_path / "whole")
    next(whole.glob("store/*/*/scores.sql")).write_text(DEFINED.format(uuid=SCORES))
    set_aside(whole)
    assert (whole / "store").is_dir()


def test_no_table_is_made_where_the_disk_is_nearly_full_and_none_has_to_be_where_all_are_there(
    engine: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.statvfs

    def full(path: Any) -> Any:
        found = real(path)
        return SimpleNamespace(f_bavail=(chdb.ROOM - 1) // found.f_frsize, f_frsize=found.f_frsize)

    monkeypatch.setattr(os, "statvfs", full)
    change = cast("Any", engine)._change
    for statement in ("CREATE TABLE of_this_test (n UInt8) ENGINE = Memory", "INSERT INTO schema_versions SELECT 1"):
        with pytest.raises(StoreFull, match="31 MiB are free"):
            change(statement, {})
    assert engine.query("EXISTS TABLE of_this_test", {}).strip() == b"[0]"
    engine.prepare()
