"""Guard services: programs beside Trimtab that guards of the kinds `http` and `presidio` ask. The SQL is functions of a
connection; times are Unix ms.

A service is a URL, and what to send along so that it lets us in: the value of one header, sealed at rest and never
shown. Whoever may change a URL must not learn the secret by it (`governance/kept_secrets.py`).
"""

from msgspec import Struct
from sqlalchemy import Connection, delete, insert, select

from trimtab.core.errors import NotFound
from trimtab.governance.kept_secrets import Elsewhere, leads_elsewhere
from trimtab.governance.secrets import SecretBox
from trimtab.guard.tables import GUARD_SERVICES


class Service(Struct, frozen=True, kw_only=True):
    """``header`` is sent with what ``sealed`` holds; an empty ``sealed``: without."""

    project_id: str
    name: str
    url: str
    header: str = "authorization"
    sealed: str = ""
    created: int = 0
    updated: int = 0


def services(conn: Connection, project_id: str | None = None) -> list[Service]:
    """In order of name."""
    c = GUARD_SERVICES.c
    found = select(GUARD_SERVICES).order_by(c.project_id, c.name)
    if project_id is not None:
        found = found.where(c.project_id == project_id)
    return [Service(**row) for row in conn.execute(found).mappings()]  # pyright: ignore[reportArgumentType]


def service(conn: Connection, project_id: str, name: str) -> Service:
    """Raises `NotFound`."""
    found = [each for each in services(conn, project_id) if each.name == name]
    if not found:
        raise NotFound(
            f"There is no guard service {name[:80]!r} in this project.",
            fix=f"Set it: trimtab guards service {name[:80]} URL. Those there are: trimtab guards services",
        )
    return found[0]


def put(conn: Connection, new: Service, *, secret_given: bool) -> None:
    """Make it or change it. Without ``secret_given`` the secret stays as it is. Raises `Elsewhere` where it would
    go to another address, or in another header, than it was given for."""
    c = GUARD_SERVICES.c
    mine = (c.project_id == new.project_id, c.name == new.name)
    row = conn.execute(select(GUARD_SERVICES).where(*mine).with_for_update()).mappings().one_or_none()
    old = None if row is None else Service(**row)  # pyright: ignore[reportArgumentType]
    sealed = new.sealed
    if old is not None and not secret_given:
        if old.sealed and (leads_elsewhere(old.url, new.url) or old.header != new.header):
            was, to = (f"{each.url} ({each.header})" for each in (old, new))
            raise Elsewhere(f"The guard service {new.name!r}", was, to, ("secret",))
        sealed = old.sealed
    conn.execute(delete(GUARD_SERVICES).where(*mine))
    created = new.created if old is None else old.created
    values = {name: getattr(new, name) for name in Service.__struct_fields__}
    conn.execute(insert(GUARD_SERVICES).values({**values, "sealed": sealed, "created": created}))


def drop(conn: Connection, project_id: str, name: str) -> None:
    """Guards that ask it cannot tell from now on. Raises `NotFound`."""
    service(conn, project_id, name)
    c = GUARD_SERVICES.c
    conn.execute(delete(GUARD_SERVICES).where(c.project_id == project_id, c.name == name))


def context_of(project_id: str, name: str) -> str:
    """What a secret is sealed for."""
    return f"guard-service/{project_id}/{name}"


def secret_of(box: SecretBox, found: Service) -> str:
    """Empty where it has none. Raises `Unavailable` where it cannot be opened."""
    return box.open(found.sealed, context_of(found.project_id, found.name)) if found.sealed else ""
