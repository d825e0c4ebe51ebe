"""The SQL of when keys were used last, to the minute: beside the keys, for who uses one changes nothing about it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, ForeignKey, String, Table, case, select

from trimtab.governance.store import KEYS
from trimtab.storage.inserting import insert_into
from trimtab.storage.listed import among
from trimtab.storage.schema import METADATA

KEY_USES = Table(
    "key_uses",
    METADATA,
    Column("key_id", String(64), ForeignKey("keys.id"), primary_key=True),
    Column("at", BigInteger, nullable=False),
)


def write(conn: Connection, uses: Mapping[str, int]) -> None:
    """Keep the latest use (Unix ms) of each key that there is, whoever writes last."""
    known = conn.execute(select(KEYS.c.id).where(among(conn, KEYS.c.id, uses))).scalars()
    rows: list[dict[str, Any]] = [{"key_id": each, "at": uses[each]} for each in sorted(known)]
    if rows:
        new = insert_into(conn, KEY_USES)
        later = case((new.excluded.at > KEY_USES.c.at, new.excluded.at), else_=KEY_USES.c.at)
        conn.execute(new.on_conflict_do_update(index_elements=["key_id"], set_={"at": later}), rows)


def last_used(conn: Connection, key_ids: Sequence[str]) -> dict[str, int]:
    """By key, of those whose use was ever written down."""
    found = select(KEY_USES.c.key_id, KEY_USES.c.at).where(among(conn, KEY_USES.c.key_id, key_ids))
    return {row.key_id: row.at for row in conn.execute(found)}
