"""The schema's history: ``versions/vNNNN_*.py``, in order, never edited once released, only added to.

At start `is_current` compares one row with the newest file name; Alembic is imported only when there is something to
do (it costs a tenth of a second). `upgrade` runs in one transaction under a lock, so of many processes that start
together one migrates and the others find it done. A new database is not led through its history: its tables are made as
they are now (`newest.py`), which a test holds equal to what the history makes.
"""

from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, text

from trimtab.core.errors import Unavailable
from trimtab.storage import replicas
from trimtab.storage.migrations import newest
from trimtab.storage.revision import exclusive
from trimtab.storage.schema import METADATA

VERSIONS = Path(__file__).parent / "versions"
_LOCK = 0x7472_696D  # "trim"
APART = "0025"
"""What is older must not serve from a catalog of this revision or a later one: sessions are other ones since."""
_SHARED = "0013"
"""Since this revision it stands in the catalog who serves from it."""


@cache
def known() -> tuple[str, ...]:
    """Every revision's number (``"0001"``), oldest first."""
    return tuple(sorted(path.name[1:5] for path in VERSIONS.glob("v[0-9][0-9][0-9][0-9]_*.py")))


def version(conn: Connection) -> str:
    """The revision the database is at; empty for a new one."""
    if not inspect(conn).has_table("alembic_version"):
        return ""
    return str(conn.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none() or "")


def is_current(conn: Connection) -> bool:
    """Whether nothing is to be done. Raises `Unavailable` for a database of a newer program."""
    found = version(conn)
    if found and found not in known():
        raise Unavailable(
            f"The catalog has schema {found}, made by a newer Trimtab; this one knows up to {known()[-1]}.",
            fix="Upgrade this installation, or restore a backup made before the upgrade.",
            code="catalog_too_new",
            retryable=False,
        )
    return found == known()[-1]


def _refuse_beside_older(conn: Connection) -> None:
    """Raises `Unavailable` where servers of a version from before `APART` serve from this catalog now: nobody could
    sign in to them any more. Who shares a file is not known; docs/replicas.md says what is to be done there."""
    found = version(conn)
    if conn.dialect.name != "postgresql" or not _SHARED <= found < APART:
        return
    if serving := replicas.alive(conn):
        who = (
            "a process of an older version serves" if serving == 1 else f"{serving} processes of an older version serve"
        )
        raise Unavailable(
            f"While {who} from this catalog (schema {found}), it is not changed: they could not go on beside"
            f" this one (schema {known()[-1]}): sessions of the console are kept otherwise.",
            fix=f"Stop them all, wait {replicas.ALIVE_MS // 1000} seconds, then start this version. Later upgrades need"
            " no stop.",
            code="catalog_in_use",
            retryable=False,
        )


def upgrade(conn: Connection) -> None:
    """Apply what is missing, in the connection's own transaction, unless another process just did."""
    exclusive(conn, _LOCK)
    if is_current(conn):
        return
    if not inspect(conn).get_table_names() and newest.make(conn, known()[-1]):
        return
    _refuse_beside_older(conn)
    lead(conn)


def lead(conn: Connection) -> None:
    """Through its history, from where it is to the newest revision."""
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(VERSIONS.parent), version_locations=[str(VERSIONS)])
    head = known()[-1]

    def steps(revision: Any, _context: MigrationContext) -> Any:
        return script._upgrade_revs(head, revision)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] as alembic's command does

    # With the collection of tables what a step leaves unnamed is called as it is in a catalog that was made at once.
    options: dict[str, Any] = {"fn": steps, "script": script, "transactional_ddl": True, "target_metadata": METADATA}
    context = MigrationContext.configure(conn, opts=options)
    with Operations.context(context):
        context.run_migrations()
