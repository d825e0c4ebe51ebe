"""The SQL of lists of message batches, and of finding one by its name alone: of one project, as its catalog has them.

Anthropic's own list tells what the account holds, whose every batch is. Pages are asked for as at Anthropic's,
https://platform.claude.com/docs/en/api/messages/batches/list: newest first, ``after_id`` the older ones, ``before_id``
the newer ones.
"""

from collections.abc import Collection
from typing import Final
from urllib.parse import parse_qs

from msgspec import Struct
from sqlalchemy import Connection, select, update

from trimtab.core.errors import InvalidRequest
from trimtab.gateway.money.batch_kinds import of_messages
from trimtab.gateway.money.batch_store import BATCHES, Made, mark_of, read_row
from trimtab.governance.sealing import Keyring

DELETED: Final = "deleted"
"""The status of one that was deleted at its provider, through us."""
USUAL: Final = 20
MOST: Final = 1000
LONGEST_LIMIT: Final = 6
MOST_AT_ONCE: Final = 100
"""Each of a page is asked about at its provider: so many at most, whatever is wished for."""


class Asked(Struct, frozen=True):
    """A page as a client asks for it."""

    limit: int = USUAL
    after_id: str = ""
    before_id: str = ""


def asked_page(query: str) -> Asked:
    """Raises `InvalidRequest`."""
    try:
        told = {name: values[-1] for name, values in parse_qs(query, max_num_fields=20).items()}
    except ValueError:
        raise InvalidRequest("The query has too many fields.", fix="Send limit, and after_id or before_id.") from None
    limit = told.get("limit", str(USUAL))
    if not limit.isascii() or not limit.isdigit() or len(limit) > LONGEST_LIMIT or not 1 <= int(limit) <= MOST:
        raise InvalidRequest(f"`limit` must be between 1 and {MOST}.", param="limit")
    asked = Asked(int(limit), told.get("after_id", "")[:256], told.get("before_id", "")[:256])
    if asked.after_id and asked.before_id:
        raise InvalidRequest("Only one of `after_id` and `before_id` may be given.", param="before_id")
    return asked


def named(conn: Connection, project_id: str, providers: Collection[str], batch_id: str, ring: Keyring) -> Made | None:
    """The batch of messages of that name, whichever of these providers has it; the newest, if several have one."""
    table = BATCHES.c
    marks = [mark_of(project_id, provider, batch_id) for provider in providers]
    rows = conn.execute(select(BATCHES).where(table.id.in_(marks)).order_by(table.made.desc()))
    return next((made for made in (read_row(row, ring) for row in rows) if of_messages(made)), None)


def page(
    conn: Connection, project_id: str, providers: Collection[str], asked: Asked, ring: Keyring
) -> tuple[list[Made], bool]:
    """A page of them, newest first, and whether there are more. Raises `InvalidRequest` where the batch from which it
    is to go on is none of the project's."""
    table, newer = BATCHES.c, bool(asked.before_id)
    found = select(BATCHES).where(
        table.project_id == project_id, table.provider.in_(list(providers)), table.status != DELETED
    )
    found = found.where(table.batch_id != "")  # of which nobody was told: its provider would give all that it has
    if anchor := asked.before_id or asked.after_id:
        made = named(conn, project_id, providers, anchor, ring)
        if made is None:
            name = "before_id" if newer else "after_id"
            raise InvalidRequest(f"`{name}`: there is no batch {anchor[:100]!r} in this project.", param=name)
        same = table.made == made.made
        beyond = (table.made > made.made) | (same & (table.id > made.id)) if newer else (
            (table.made < made.made) | (same & (table.id < made.id))
        )  # fmt: skip
        found = found.where(beyond)
    order = (table.made.asc(), table.id.asc()) if newer else (table.made.desc(), table.id.desc())
    most = min(asked.limit, MOST_AT_ONCE)
    rows: list[Made] = []
    for row in conn.execute(found.order_by(*order).limit(MOST)):
        made = read_row(row, ring)
        if of_messages(made):
            rows.append(made)
        if len(rows) > most:
            break
    kept = rows[:most]
    return (kept[::-1] if newer else kept), len(rows) > most


def deleted(conn: Connection, made: Made) -> None:
    """Its provider no longer has it, because we were told to delete it."""
    conn.execute(update(BATCHES).where(BATCHES.c.id == made.id).values(status=DELETED))
