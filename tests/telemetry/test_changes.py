"""Rows that are deleted where they lie."""

import time

from patience import PATIENCE_S
from trimtab.core.ids import uuid7_hex
from trimtab.telemetry.stores import Store

PARTS = 60
SLEPT_S = 3.0
"""By its own settings the engine takes 60 parts four at a time and sleeps 0.1 to 1.1 s between: 6.2 to 10.1 s were
measured, and 0.4 s without the sleep."""


def test_a_change_of_many_parts_does_not_sleep_between_them(engine: Store) -> None:
    table = f"changed_{uuid7_hex()}"
    engine.query(
        f"CREATE TABLE {table} (n UInt32) ENGINE = MergeTree ORDER BY n"
        " SETTINGS max_bytes_to_merge_at_max_space_in_pool = 1",
        {},
    )
    took: list[float] = []
    until = time.monotonic() + PATIENCE_S
    try:
        while not took or (min(took) > SLEPT_S and time.monotonic() < until):
            engine.query(f"TRUNCATE TABLE {table}", {})
            for number in range(PARTS):
                engine.query(f"INSERT INTO {table} SELECT {number} + {PARTS} * number FROM numbers(2)", {})
            began = time.monotonic()
            engine.query(f"DELETE FROM {table} WHERE n < {PARTS}", {})
            took.append(time.monotonic() - began)
            assert engine.query(f"SELECT count(), min(n) FROM {table}", {}) == f"[{PARTS}, {PARTS}]\n".encode()
    finally:
        engine.query(f"DROP TABLE {table} SYNC", {})
    assert min(took) < SLEPT_S, took
