"""Who acts and when, as what is written down about it says it."""

from sqlalchemy import Connection

from trimtab.governance import store as governance
from trimtab.governance.audit import Actor
from trimtab.server.auth import Caller
from trimtab.server.dependencies import Dependencies
from trimtab.storage.leaders import now_ms


def actor_of(conn: Connection, caller: Caller) -> Actor:
    """The key that asks, with its name; a session's is the key that it was begun with."""
    found = governance.key_by_id(conn, caller.principal.key_id)
    return Actor(caller.principal.key_id, caller.principal.key_id if found is None else found.name)


def moment(conn: Connection, deps: Dependencies) -> int:
    """Unix ms by the clock that everybody on this catalog shares: when a rollout's step began is compared with it."""
    return now_ms(conn, deps.now())
