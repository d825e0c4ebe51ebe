"""An embedded store whose very first start found a full disk: a table's definition is there and empty.

The engine opens no folder with such a file, so the store would be away for ever, also when there is room again. While
no table has a row yet there is nothing to lose: the folder is set aside, and the store begins anew.
"""

import logging
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from trimtab.telemetry.stores import StoreAway

_UUID: Final = re.compile(r"UUID '([0-9a-f-]{36})'")
_VERSIONS: Final = "schema_versions"
_NO_PARTS: Final = frozenset({"detached", "deduplication_logs"})
logger = logging.getLogger("trimtab.telemetry.stores.chdb")


def set_aside(folder: Path) -> None:
    """Moves the folder away if it is such a store. Raises `StoreAway` where there are rows all the same."""
    definitions = list(folder.glob("store/*/*/*.sql"))
    empty = [path for path in definitions if path.stat().st_size == 0]
    if not empty:
        return
    names = ", ".join(sorted(path.stem for path in empty))
    own = {uuid for path in definitions if path.stem == _VERSIONS for uuid in _UUID.findall(path.read_text())}
    if any(table.name not in own for table in _with_rows(folder)):
        raise StoreAway(
            f"The telemetry store in {folder} has an empty definition of {names}, and rows: it cannot be opened.",
            fix="A full disk or a crash of the machine may have emptied the file. Restore a backup (trimtab restore).",
        )
    aside = folder.with_name(f"{folder.name}-unfinished-{time.time_ns()}")
    folder.rename(aside)
    folder.mkdir(mode=0o700)
    logger.warning(
        "the store's first start was not finished (%s): it begins anew; what there was, without a row, is in %s",
        names,
        aside,
    )


def _with_rows(folder: Path) -> Iterator[Path]:
    """Folders of tables that hold parts."""
    for table in folder.glob("store/*/*"):
        if table.is_dir() and any(each.is_dir() and each.name not in _NO_PARTS for each in table.iterdir()):
            yield table
