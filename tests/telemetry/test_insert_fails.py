"""An insert that the disk refuses is told: chDB itself returns as if all rows were there."""

from collections.abc import Iterator

import msgspec
import pytest

from trimtab.core.ids import uuid7_hex
from trimtab.telemetry.stores import Store, StoreFull

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
