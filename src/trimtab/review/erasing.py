"""What an erasure removes of review: words that people saw and wrote. Decisions stay, for the figures they are in."""

from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, delete, select, update

from trimtab.review.tables import ERASED, HOLDS, REVIEW_ITEMS, REVIEW_VERDICTS
from trimtab.review.types import Outcome
from trimtab.storage.content import Clear

AT_ONCE: Final = 400


def forget(conn: Connection, project_id: str, traces: Iterable[str]) -> dict[str, int]:
    """Empty the items of those traces, drop the open ones, and remove their held answers. Rows by table; done again it
    finds nothing."""
    wanted = sorted(traces)
    found = {"review_items": 0, "holds": 0}
    empty = Clear(ERASED)
    for at in range(0, len(wanted), AT_ONCE):
        item = REVIEW_ITEMS.c
        of = (item.project_id == project_id, item.trace_id.in_(wanted[at : at + AT_ONCE]), item.subject != empty)
        for row in conn.execute(select(item.id, item.state, item.outcome).where(*of)).all():
            values = {"subject": empty, "outcome": _bare(row.outcome), "revision": item.revision + 1}
            if row.state == "open":
                values["state"] = "dropped"
            conn.execute(update(REVIEW_ITEMS).where(item.id == row.id).values(values))
            said = {"answers": Clear("{}"), "correction": None, "note": ""}
            conn.execute(update(REVIEW_VERDICTS).where(REVIEW_VERDICTS.c.item == row.id).values(said))
            found["holds"] += conn.execute(delete(HOLDS).where(HOLDS.c.item == row.id)).rowcount
            found["review_items"] += 1
    return found


def _bare(outcome: str) -> Clear | str:
    if not outcome:
        return ""
    said = msgspec.json.decode(outcome, type=Outcome)
    return Clear(msgspec.json.encode(replace(said, correction=None, note="")).decode())
