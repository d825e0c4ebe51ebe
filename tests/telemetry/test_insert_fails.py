"""An insert that the disk refuses is told: chDB itself returns as if all rows were there."""

import os
from collections.abc import Iterator
from types import SimpleNamespace

import msgspec
import pytest

from trimtab.core.ids import uuid7_hex
from trimtab.telemetry.stores import Store, StoreFull, chdb

BOUND = "min_free_disk_bytes_to_perform_insert"


@pytest.fixture
def table(engine: Store) -> Iterator[str]:
    name = f"fills_{uuid7_hex()}"
    settings = "SETTINGS non_replicated_deduplication_window = 100"
    engine.query(f"CREATE TABLE {name} (a String) ENGINE = MergeTree ORDER BY tuple() {settings}", {})
    yield name
    engine.query(f"DROP TABLE {name}", {})


def test_rows_that_the_disk_refuses_are_told_and_are_there_once_when_it_takes_them(engine: Store, table: str) -> None:
    def rows() -> int:
        return msgspec.json.decode(engine.query(f"SELECT count() FROM {table}", {}), type=list[int])[0]

    many = b"".join(msgspec.msgpack.encode(f"row {number}") for number in range(5_000))
    engine.query(f"ALTER TABLE {table} MODIFY SETTING {BOUND} = {4 * 10**18}", {})  # as a full disk is
    for _ in range(2):
        with pytest.raises(StoreFull, match="free space"):
            engine.insert(table, ("a",), many, f"{table}:many")
        assert rows() == 0
    engine.query(f"ALTER TABLE {table} RESET SETTING {BOUND}", {})
    for _ in range(2):
        engine.insert(table, ("a",), many, f"{table}:many")
        assert rows() == 5_000


def test_what_something_else_met_before_an_insert_is_no_fault_of_it(
    engine: Store, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    met = chdb.troubles
    asked = 0

    def merge_fails(connection: object) -> frozenset[chdb.Trouble]:
        nonlocal asked
        asked += 1
        return met(connection) | {chdb.Trouble(243, 1, "Not enough space for merging parts")}

    engine.insert(table, ("a",), msgspec.msgpack.encode("first"), f"{table}:first")
    monkeypatch.setattr(chdb, "troubles", merge_fails)
    for _ in range(4):
        engine.insert(table, ("a",), msgspec.msgpack.encode("second"), f"{table}:second")
    assert engine.query(f"SELECT count() FROM {table}", {}).strip() == b"[2]"
    assert asked == 6, "each insert asks once, and once more on each connection that sees it for the first time"


def test_without_room_an_insert_is_not_tried_and_with_some_again_it_is_there_once(
    engine: Store, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def insert() -> None:
        engine.insert(table, ("a",), msgspec.msgpack.encode("row"), f"{table}:one")

    def nearly_full(path: object) -> SimpleNamespace:
        del path
        return SimpleNamespace(f_bavail=chdb.ROOM - 1, f_frsize=1)

    def rows() -> bytes:
        return engine.query(f"SELECT count() FROM {table}", {}).strip()

    with monkeypatch.context() as patched:
        patched.setattr(os, "statvfs", nearly_full)
        with pytest.raises(StoreFull, match="31 MiB are free"):
            insert()
        assert rows() == b"[0]"
    for _ in range(2):
        insert()
        assert rows() == b"[1]"
