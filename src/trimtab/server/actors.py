"""Who asks, as the audit log and lists of people's doings name them."""

from sqlalchemy import Connection

from trimtab.governance import store
from trimtab.governance.audit import Actor
from trimtab.server.auth import Caller


def actor_of(conn: Connection, caller: Caller) -> Actor:
    """The caller's key by id and name."""
    found = store.key_by_id(conn, caller.principal.key_id)
    return Actor(caller.principal.key_id, caller.principal.key_id if found is None else found.name)
