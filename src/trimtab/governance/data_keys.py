"""Data keys: under which a project's content lies encrypted, in the catalog.

Envelope encryption: content is sealed with a project's data key (`sealing.py`), and the data key is itself sealed with
the instance's secret key (`secrets.py`): NIST SP 800-57 calls it key wrapping. A project has at most one ``active``
key, with which what is new is sealed; ``old`` ones only open. A ``destroyed`` key is gone, and with it all that was
sealed with it, wherever a copy lies. A project with an active key is encrypted.
"""

import os
from typing import Final

from sqlalchemy import BigInteger, Column, Connection, ForeignKey, Index, String, Table, Text, insert, select, update

from trimtab.core.errors import Conflict, InvalidRequest, NotFound
from trimtab.governance import legal_holds, sealings
from trimtab.governance.data_key import KEY_BYTES, DataKey, wrap
from trimtab.governance.projects import REVISION
from trimtab.governance.secrets import SecretBox
from trimtab.storage.revision import bump
from trimtab.storage.schema import METADATA

ALL: Final = "all"

DATA_KEYS: Final = Table(
    "data_keys",
    METADATA,
    Column("id", String(16), primary_key=True),
    Column("project_id", String(64), ForeignKey("projects.id"), nullable=False),
    Column("state", String(12), nullable=False),
    Column("wrapped", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("retired", BigInteger, nullable=True),
    Column("destroyed", BigInteger, nullable=True),
    Index("ix_data_keys_project_id", "project_id", "created"),
)
K = DATA_KEYS.c


def _read(row: object) -> DataKey:
    return DataKey(**{name: getattr(row, name) for name in DataKey.__struct_fields__})


def every(conn: Connection) -> list[DataKey]:
    """Of all projects, destroyed ones too, oldest first."""
    return [_read(row) for row in conn.execute(select(DATA_KEYS).order_by(K.created, K.id))]


def of_project(conn: Connection, project_id: str) -> list[DataKey]:
    """Newest first."""
    found = select(DATA_KEYS).where(K.project_id == project_id).order_by(K.created.desc(), K.id.desc())
    return [_read(row) for row in conn.execute(found)]


def rotate(conn: Connection, box: SecretBox, project_id: str, now: int) -> DataKey:
    """A new active key: encryption begins with the first. The one before still opens what it sealed."""
    bump(conn, REVISION)
    _retire(conn, project_id, now)
    now = max([now, *(key.created + 1 for key in of_project(conn, project_id))])  # so that which is newer is known
    key_id = os.urandom(8).hex()
    wrapped = wrap(box, project_id, key_id, os.urandom(KEY_BYTES))
    made = DataKey(id=key_id, project_id=project_id, state="active", wrapped=wrapped, created=now)
    conn.execute(insert(DATA_KEYS).values({name: getattr(made, name) for name in made.__struct_fields__}))
    return made


def is_on(conn: Connection, project_id: str) -> bool:
    return any(key.state == "active" for key in of_project(conn, project_id))


def switch_on(conn: Connection, box: SecretBox, project_id: str, now: int) -> None:
    """Nothing where it is on. What lies in the catalog is sealed from then on (`sealings.py`)."""
    if not is_on(conn, project_id):
        rotate(conn, box, project_id, now)
        sealings.ask(conn, project_id, now)


def switch_off(conn: Connection, project_id: str, now: int) -> None:
    """What is new lies in the clear; what was sealed stays so, and is opened as before."""
    bump(conn, REVISION)
    sealings.cancel(conn, project_id)
    _retire(conn, project_id, now)


def destroy(conn: Connection, box: SecretBox, project_id: str, key_id: str, now: int) -> list[DataKey]:
    """Destroy one key, or `ALL`; those that were. Where the active one was among them a new one takes its place. Raises
    `NotFound`, and `Conflict` for one that is destroyed already or while anything of the project is held: to destroy a
    key is to erase, and nobody can say whose content it sealed."""
    for hold in legal_holds.in_force(conn, project_id):
        raise legal_holds.refuse_erasure(hold)
    keys = of_project(conn, project_id)
    meant = [key for key in keys if key_id in (ALL, key.id)]
    if not meant:
        raise NotFound(
            f"There is no data key {key_id[:40]!r} in this project.", fix="List them: trimtab encryption show."
        )
    gone = [key for key in meant if key.state != "destroyed"]
    if not gone:
        raise Conflict("It is destroyed already.", fix="Nothing is left to do.", code="key_destroyed")
    bump(conn, REVISION)
    ids = [key.id for key in gone]
    conn.execute(update(DATA_KEYS).where(K.id.in_(ids)).values(state="destroyed", wrapped="", destroyed=now))
    if any(key.state == "active" for key in gone):
        rotate(conn, box, project_id, now)
    return gone


def unbroken_since(keys: list[DataKey]) -> int | None:
    """Since when (Unix ms) all that was said is sealed, by a project's keys (newest first): a key that took the place
    of another was made when that one was retired or destroyed. None where nothing is sealed now."""
    since: int | None = None
    for key in keys:
        follows = since is None or (key.retired or key.destroyed or 0) >= since - 1
        if (since is None and key.state != "active") or not follows:
            break
        since = key.created
    return since


def check_confirmed(confirm: str, slug: str, key_id: str) -> None:
    """Raises `InvalidRequest` unless somebody wrote down what is to be destroyed."""
    wanted = f"destroy {key_id} of {slug}"
    if confirm != wanted:
        raise InvalidRequest(
            "To destroy a key makes everything that was encrypted with it unreadable for ever, backups included.",
            fix=f"If that is meant, send 'confirm' with exactly: {wanted}",
            param="confirm",
            code="not_confirmed",
        )


def _retire(conn: Connection, project_id: str, now: int) -> None:
    of = (K.project_id == project_id, K.state == "active")
    conn.execute(update(DATA_KEYS).where(*of).values(state="old", retired=now))
