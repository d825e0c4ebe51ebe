"""Keys: made, shown once, kept as a digest, ended.

A secret is ``tt_`` and 43 URL-safe characters (256 random bits). What rests is its SHA-256 (see `access.py` for why a
plain digest is enough) and its first characters, so that people can tell keys apart.
"""

import re
import secrets
from typing import Literal

from msgspec import Struct
from sqlalchemy import Connection

from trimtab.core.errors import Conflict, InvalidRequest, NotFound
from trimtab.core.ids import new_id
from trimtab.governance import store
from trimtab.governance.access import Role, digest
from trimtab.governance.projects import REVISION, check_name
from trimtab.governance.store import KeyRow
from trimtab.storage.revision import bump

MARK = "tt_"
_PREFIX = len(MARK) + 6
_SHORTEST_CHOSEN = 20
"""Characters a chosen admin key must have: its plain digest must not be worth guessing at."""

MOST_ENVIRONMENTS = 50
_ENVIRONMENT = re.compile(r"[a-z][a-z0-9-]{0,39}")
"""As `releases/types.py` has it, which is above this room."""

State = Literal["active", "expired", "revoked"]


class Issued(Struct, frozen=True, kw_only=True):
    key: KeyRow
    secret: str

    def __repr__(self) -> str:
        return f"Issued({self.key.id!r})"


class Wanted(Struct, frozen=True, kw_only=True):
    """A key to make. ``project_id`` None means the whole instance; times are Unix milliseconds. ``environments``: those
    in which its calls may name an app; None for all."""

    name: str
    role: Role
    project_id: str | None
    expires: int | None = None
    environments: tuple[str, ...] | None = None


def new_secret() -> str:
    return MARK + secrets.token_urlsafe(32)


def state(key: KeyRow, now: int) -> State:
    if key.revoked is not None:
        return "revoked"
    return "expired" if key.expires is not None and key.expires <= now else "active"


def issue(conn: Connection, wanted: Wanted, now: int) -> Issued:
    """A new key with its secret, which is nowhere else afterwards."""
    name = check_name(wanted.name)
    if not name:
        raise InvalidRequest("A key needs a name.", fix="Name it after who or what will use it.", param="name")
    if wanted.expires is not None and not now < wanted.expires < 2**53:
        raise InvalidRequest(
            "The key would be expired from the start.",
            fix="Give 'expires' as Unix milliseconds in the future, or null for never.",
            param="expires",
        )
    if wanted.role in ("client", "editor", "reviewer") and wanted.project_id is None:
        raise InvalidRequest(
            f"A key of role {wanted.role!r} belongs to one project.",
            fix="Make it under that project's keys.",
            param="role",
        )
    _check_environments(wanted.environments)
    return _add(conn, wanted, new_secret(), name, now)


def _check_environments(names: tuple[str, ...] | None) -> None:
    """They need not be there yet: a key may be made before an environment."""
    if names is None:
        return
    if not 1 <= len(names) <= MOST_ENVIRONMENTS or not all(_ENVIRONMENT.fullmatch(name) for name in names):
        raise InvalidRequest(
            f"A key may call 1 to {MOST_ENVIRONMENTS} environments, each by its name.",
            fix='Name them, e.g. ["production"], or leave them out for all.',
            param="environments",
        )


def _add(conn: Connection, wanted: Wanted, secret: str, name: str, now: int) -> Issued:
    bump(conn, REVISION)
    key = KeyRow(
        id=new_id("key"),
        project_id=wanted.project_id,
        name=name,
        prefix=secret[:_PREFIX] if secret.startswith(MARK) else secret[:4],
        digest=digest(secret),
        role=wanted.role,
        created=now,
        expires=wanted.expires,
        environments=None if wanted.environments is None else tuple(dict.fromkeys(wanted.environments)),
    )
    store.add_key(conn, key)
    return Issued(key=key, secret=secret)


def revoke(conn: Connection, project_id: str | None, key_id: str, now: int) -> KeyRow:
    """End a key of this project (None: of the instance) and its sessions. Ending it twice changes nothing.

    The admin key cannot be revoked, for nobody could come in any more; another one takes its place.
    """
    bump(conn, REVISION)
    key = store.key_by_id(conn, key_id)
    if key is None or key.project_id != project_id:
        raise NotFound("There is no such key here.", fix="List the keys and use the id of one of them.")
    if key.role == "admin" and key.revoked is None:
        raise Conflict(
            "The admin key cannot be revoked.",
            fix="Replace it: set TRIMTAB_ADMIN_KEY to another secret and restart; the old one ends then.",
        )
    store.revoke(conn, key_id, now)
    return store.key_by_id(conn, key_id) or key


def ensure_admin(conn: Connection, chosen: str | None, now: int) -> str | None:
    """See that there is exactly one live admin key.

    ``chosen`` is the value of TRIMTAB_ADMIN_KEY: if it is not the key in force it takes that key's place. Without it,
    the key in force stays, and a first one is made if there is none: its secret is returned, this once.
    """
    live = [key for key in store.keys(conn, None) if key.role == "admin" and key.revoked is None]
    if chosen is None:
        if live:
            return None
        wanted = Wanted(name="admin", role="admin", project_id=None)
        return _add(conn, wanted, new_secret(), "admin", now).secret
    check_chosen(chosen)
    if any(key.digest == digest(chosen) for key in live):
        return None
    bump(conn, REVISION)
    for key in live:
        store.revoke(conn, key.id, now)
    _take_over(conn, chosen, now)
    return None


def _take_over(conn: Connection, chosen: str, now: int) -> None:
    taken = store.key_by_digest(conn, digest(chosen))
    if taken is None:
        _add(conn, Wanted(name="admin", role="admin", project_id=None), chosen, "admin (TRIMTAB_ADMIN_KEY)", now)
    elif taken.role == "admin":
        store.restore(conn, taken.id)
    else:
        raise InvalidRequest(
            "TRIMTAB_ADMIN_KEY holds the secret of a key that was issued for something else.",
            fix="Choose a secret of its own.",
            param="TRIMTAB_ADMIN_KEY",
        )


def check_chosen(secret: str) -> None:
    """Raises `InvalidRequest` for an admin key that is too short or cannot travel in a header. Never repeats it."""
    if len(secret) < _SHORTEST_CHOSEN or not secret.isascii() or not secret.isprintable() or " " in secret:
        raise InvalidRequest(
            f"TRIMTAB_ADMIN_KEY must be at least {_SHORTEST_CHOSEN} printable ASCII characters without blanks.",
            fix="Make one, e.g. with: python3 -c \"import secrets; print('tt_' + secrets.token_urlsafe(32))\"",
            param="TRIMTAB_ADMIN_KEY",
        )
