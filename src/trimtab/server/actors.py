"""Who asks, as the audit log and lists of people's doings name them."""

from sqlalchemy import Connection

from trimtab.governance import people_store, store
from trimtab.governance.audit import Actor
from trimtab.server.auth import Caller


def actor_of(conn: Connection, caller: Caller) -> Actor:
    """The caller by id, and by name: a key's, or a person's with their address."""
    own = caller.principal.key_id
    return Actor(own, name_of(conn, own))


def name_of(conn: Connection, own: str) -> str:
    """The name of a key, or of a person with their address; the id itself where neither is known. At most 200
    characters."""
    key = store.key_by_id(conn, own)
    if key is not None:
        return key.name
    person = people_store.person(conn, own)
    if person is None:
        return own
    return (f"{person.name} <{person.email}>" if person.email else person.name)[:200]
