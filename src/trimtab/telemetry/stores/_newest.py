"""The embedded store's tables at once, as all migrations together make them: what a first start runs.

``newest.sql`` is what the engine says of tables that were led through the migrations (`scripts/store_sql.py`), and a
test holds it equal to that. A file of another version than the newest is not used, nor is it where any table is there:
then the migrations are run, of which each statement may run twice.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

FILE: Final = Path(__file__).with_name("newest.sql")
_HEAD: Final = "-- version "
_BETWEEN: Final = ";\n\n"
_NAMED: Final = re.compile(r"^CREATE TABLE \w+\.")
_TABLES: Final = (
    "SELECT name FROM system.tables WHERE database = currentDatabase() AND name != 'schema_versions' ORDER BY name"
)
_VERSIONS: Final = "INSERT INTO schema_versions (version) SELECT number + 1 FROM numbers({version:UInt64})"
Run = Callable[[str, Mapping[str, str]], bytes]


def make(run: Run, version: int) -> bool:
    """Make all tables of ``version`` where there is none, and note their versions last of all. False, and nothing is
    done, where one is there or that version is not written down."""
    head, _, statements = FILE.read_text().partition("\n")
    if head != f"{_HEAD}{version}" or tables(run):
        return False
    for statement in statements.split(_BETWEEN):
        run(statement, {})
    run(_VERSIONS, {"version": str(version)})
    return True


def tables(run: Run) -> list[str]:
    """The names of all that are there, but of that which holds the version."""
    return [msgspec.json.decode(line, type=list[str])[0] for line in run(_TABLES, {}).splitlines()]


def written(run: Run, version: int) -> str:
    """The file's text, of tables that are there."""
    made = [msgspec.json.decode(run(f"SHOW CREATE TABLE {name}", {}), type=list[str])[0] for name in tables(run)]
    lines = _BETWEEN.join(_NAMED.sub("CREATE TABLE IF NOT EXISTS ", each) for each in made)
    return f"{_HEAD}{version}\n{lines}\n"
