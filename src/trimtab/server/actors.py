"""Who asks, as the audit log and lists of people's doings name them."""

from sqlalchemy import Connection

from trimtab.governance.audit import Actor
from trimtab.governance.people_store import name_of
from trimtab.server.auth import Caller


def actor_of(conn: Connection, caller: Caller) -> Actor:
    """The caller by id, and by name: a key's, or a person's with their address."""
    own = caller.principal.key_id
    return Actor(own, name_of(conn, own))
