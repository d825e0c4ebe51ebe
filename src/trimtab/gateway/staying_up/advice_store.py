"""Advice on open circuit breakers, in the catalog: a machine that has found a provider failing tells the others.

Times are the database's own, and what is told is for how much longer, so that machines' clocks need not agree. Only a
PostgreSQL catalog is shared by several machines; the workers of one tell each other over their bus.
"""

from typing import Final

from msgspec import Struct
from sqlalchemy import BigInteger, Column, Connection, String, Table, text

from trimtab.storage.schema import METADATA

ADVICE: Final = Table(
    "breaker_advice",
    METADATA,
    Column("project_id", String(64), primary_key=True),
    Column("provider", String(64), primary_key=True),
    Column("upstream", String(300), primary_key=True),
    Column("until", BigInteger, nullable=False),
    Column("said_by", String(80), nullable=False),
)
Target = tuple[str, str, str]
"""Project id, provider, upstream model."""
_NOW = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"
_SAY = text(
    "INSERT INTO breaker_advice (project_id, provider, upstream, until, said_by) "  # noqa: S608 - our own words only
    f"VALUES (:project_id, :provider, :upstream, {_NOW} + :left_ms, :said_by) "
    "ON CONFLICT (project_id, provider, upstream) "
    "DO UPDATE SET until = excluded.until, said_by = excluded.said_by WHERE breaker_advice.until < excluded.until"
)
_HEAR = text(
    f"SELECT project_id, provider, upstream, until, until - {_NOW} AS left_ms FROM breaker_advice "  # noqa: S608
    f"WHERE said_by <> :me AND until > {_NOW}"
)
_FORGET = text(f"DELETE FROM breaker_advice WHERE until < {_NOW} - 3600000")  # noqa: S608
LONGEST: Final = 300
"""Characters of a model's name: of a longer one no advice is given."""


class Advice(Struct, frozen=True):
    """Keep away from a target for ``left_ms`` more. ``until`` (ms by the database's clock) tells one advice on it from
    the next."""

    target: Target
    until: int
    left_ms: int


def say(conn: Connection, said_by: str, advised: dict[Target, int]) -> None:
    """Tell the others to keep away from targets, for so many ms each."""
    conn.execute(_FORGET)
    rows = [
        {"project_id": project, "provider": provider, "upstream": upstream, "left_ms": left_ms, "said_by": said_by}
        for (project, provider, upstream), left_ms in advised.items()
        if len(upstream) <= LONGEST
    ]
    if rows:
        conn.execute(_SAY, rows)


def hear(conn: Connection, me: str) -> list[Advice]:
    """What others say now."""
    return [
        Advice((row.project_id, row.provider, row.upstream), row.until, row.left_ms)
        for row in conn.execute(_HEAR, {"me": me})
    ]
