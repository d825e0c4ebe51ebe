"""When something is done, as what is written down about it says it."""

from sqlalchemy import Connection

from trimtab.server.dependencies import Dependencies
from trimtab.storage.leaders import now_ms


def moment(conn: Connection, deps: Dependencies) -> int:
    """Unix ms by the clock that everybody on this catalog shares: when a rollout's step began is compared with it."""
    return now_ms(conn, deps.now())
