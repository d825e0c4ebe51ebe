"""Write the statements of a new embedded store anew, after a migration: `stores/_newest.py` (`make schemas`)."""

import tempfile
from pathlib import Path

from trimtab.telemetry.stores import Limits, _newest
from trimtab.telemetry.stores._schema import Topology, migrate
from trimtab.telemetry.stores.chdb import ChdbStore


def main() -> None:
    """Leads a store through its history, and writes down what the engine says of it."""
    with tempfile.TemporaryDirectory() as folder:
        store = ChdbStore(Path(folder), Limits())
        version = migrate(store.query, Topology())
        _newest.FILE.write_text(_newest.written(store.query, version))
        store.close()


if __name__ == "__main__":
    main()
