"""A new store's tables are made at once, and are those that its history makes, also where making them was cut short."""

import subprocess
import sys
from pathlib import Path

from patience import PATIENCE_S
from trimtab.telemetry.stores import _newest
from trimtab.telemetry.stores._schema import MIGRATIONS

NEWEST = MIGRATIONS[-1][0]
PROGRAM = """
import sys
from functools import partial
from pathlib import Path
from trimtab.telemetry.stores import _newest
from trimtab.telemetry.stores import Limits
from trimtab.telemetry.stores._schema import Topology, migrate
from trimtab.telemetry.stores.chdb import ChdbStore

class Cut(Exception): pass

store = ChdbStore(Path(sys.argv[1]) / "store", Limits(readers=1))
told = []

def run(sql, params, name="", most=10_000, sent=[]):
    if not sql.startswith("SELECT"):
        sent.append(sql)
    if len(sent) > most:
        raise Cut
    told.append(sql)
    return store.query(sql, params)

def made(name, at_once, cut=None):
    store.query(f"CREATE DATABASE {name}", {})
    store.query(f"USE {name}", {})
    if cut is not None:
        limited = partial(run, most=cut, sent=[])
        try:
            migrate(limited, Topology(), partial(_newest.make, limited))
        except Cut:
            pass
        else:
            raise SystemExit("it was not cut short")
    told.clear()
    whole = partial(run, sent=[])
    reached = migrate(whole, Topology(), partial(_newest.make, whole) if at_once else None)
    assert migrate(whole, Topology(), partial(_newest.make, whole)) == reached
    ways = sum(sql.startswith("ALTER") for sql in told)
    versions = store.query("SELECT version FROM schema_versions ORDER BY version", {}).decode().split()
    text = _newest.written(whole, reached)
    (Path(sys.argv[1]) / name).write_text(text)
    print(name, reached, "history" if ways else "at_once", len(versions), text == _newest.FILE.read_text())

made("led", False)
made("short", True)
for cut in (1, 2, 5, 8):
    made(f"cut{cut}", True, cut)
print("pyarrow" in sys.modules, "numpy" in sys.modules)
store.close()
"""


def test_a_new_store_is_made_at_once_as_its_history_makes_it(tmp_path: Path) -> None:
    """Cut after so many statements: the first makes the table of versions, the ninth notes them."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    ways = {"led": "history", "short": "at_once", "cut1": "at_once", "cut2": "history", "cut5": "history"}
    ways["cut8"] = "history"
    wanted = [f"{name} {NEWEST} {way} {len(MIGRATIONS)} True" for name, way in ways.items()]
    assert done.stdout.splitlines() == [*wanted, "False False"], (
        "after a migration: make schemas (scripts/store_sql.py)"
    )


def test_a_file_of_another_version_is_not_used(tmp_path: Path) -> None:
    asked: list[str] = []

    def run(sql: str, _params: object) -> bytes:
        asked.append(sql)
        return b""

    assert not _newest.make(run, NEWEST + 1)
    assert asked == []
