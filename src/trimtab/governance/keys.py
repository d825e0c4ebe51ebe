"""Keys: made, shown once, kept as a digest, ended.

A secret is ``tt_`` and 43 URL-safe characters (256 random bits). What rests is its SHA-256 (see `access.py` for why a
plain digest is enough) and its first characters, so that people can tell keys apart.
"""

import re
import secrets
from typing import Literal, overload

from msgspec import Struct
from sqlalchemy import Connection

from trimtab.core.errors import Conflict, InvalidRequest, NotFound
from trimtab.core.ids import new_id
from trimtab.governance import people_store, store
from trimtab.governance.access import Role, digest
from trimtab.governance.permissions import GRANTS
from trimtab.governance.projects import REVISION, check_name
from trimtab.governance.store import KeyRow
from trimtab.storage.revision import bump

MARK = "tt_"
_PREFIX = len(MARK) + 6
_SHORTEST_CHOSEN = 20
"""Characters a chosen admin key must have: its plain digest must not be worth guessing at."""

READERS: tuple[Role, ...] = ("read_only", "viewer", "auditor", "admin")
"""What a key of the whole instance may be, with no projects named. The admin key is made by `ensure_admin` alone."""
MOST_MODELS = 200
MOST_ALIASES = 200
"""Keys before it that limits know a key by; the first of them is known in any case."""
_MODEL = re.compile(r"[^\s*]{1,200}\*?|\*")
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
    """A key to make. ``project_id`` None means the whole instance; times are Unix milliseconds. What narrows it, None
    for no bound: ``environments`` in which its calls may name an app; ``permissions`` of those of its role;
    ``projects``, by id, of a key of the instance; ``models``: names it may call, of which one may end in ``*``.
    ``owner_id``: the person or service account it belongs to; ``replaces``: the key whose place it takes."""

    name: str
    role: Role
    project_id: str | None
    expires: int | None = None
    environments: tuple[str, ...] | None = None
    owner_id: str | None = None
    permissions: tuple[str, ...] | None = None
    projects: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None
    replaces: str | None = None


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
    if wanted.role not in READERS and wanted.project_id is None and wanted.projects is None:
        raise InvalidRequest(
            f"A key of role {wanted.role!r} belongs to one project.",
            fix="Make it under that project's keys, or name its 'projects'.",
            param="role",
        )
    _check_environments(wanted.environments)
    _check_scopes(conn, wanted)
    return _add(conn, wanted, new_secret(), name, now, _replaced(conn, wanted))


def _replaced(conn: Connection, wanted: Wanted) -> KeyRow | None:
    """The key whose place it takes, which may have ended before: one that leaked is revoked first."""
    if wanted.replaces is None:
        return None
    former = store.key_by_id(conn, wanted.replaces)
    if former is None or former.project_id != wanted.project_id or former.role == "admin":
        raise InvalidRequest(
            f"There is no key {wanted.replaces[:80]!r} here that another could take the place of.",
            fix="Give the id of a key of this project as 'replaces', or leave it out.",
            param="replaces",
        )
    return former


def _check_scopes(conn: Connection, wanted: Wanted) -> None:
    if wanted.permissions is not None:
        beyond = sorted(set(wanted.permissions) - GRANTS[wanted.role])
        if beyond or not wanted.permissions:
            told = f"The role {wanted.role!r} does not hold {beyond[0][:80]!r}" if beyond else "It would hold nothing"
            raise InvalidRequest(
                f"{told}, so the key cannot be bound to it.",
                fix="Name some of the role's permissions, or leave 'permissions' out for all of them.",
                param="permissions",
            )
    if wanted.models is not None and not (
        1 <= len(wanted.models) <= MOST_MODELS and all(_MODEL.fullmatch(each) for each in wanted.models)
    ):
        raise InvalidRequest(
            f"A key may be bound to 1 to {MOST_MODELS} names of models, routes or apps; one may end in '*'.",
            fix='Name them, e.g. ["support", "openai/*"], or leave them out for all.',
            param="models",
        )
    if wanted.projects is not None:
        if wanted.project_id is not None or not wanted.projects:
            raise InvalidRequest(
                "A key of one project is bound to it; only a key of the instance names its projects, at least one.",
                fix="Leave 'projects' out.",
                param="projects",
            )
        for each in wanted.projects:
            if store.project_by_id(conn, each) is None:
                raise NotFound(f"There is no project {each[:80]!r}.", fix="Name projects that exist.")
    _check_owner(conn, wanted)


def _check_owner(conn: Connection, wanted: Wanted) -> None:
    if wanted.owner_id is None:
        return
    owner = people_store.person(conn, wanted.owner_id)
    if owner is None or owner.disabled is not None or wanted.project_id is None:
        raise InvalidRequest(
            "A key belongs to nobody, or to a member of its project.",
            fix="Name the id of a service account of this project as 'owner', or leave it out.",
            param="owner",
        )


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


def _add(conn: Connection, wanted: Wanted, secret: str, name: str, now: int, former: KeyRow | None = None) -> Issued:
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
        environments=_once(wanted.environments),
        owner_id=wanted.owner_id,
        permissions=_once(wanted.permissions),
        projects=_once(wanted.projects),
        models=_once(wanted.models),
        replaces=None if former is None else former.id,
        counts_as=None if former is None else former.counts_as or former.id,
        aliases=None if former is None else _once((former.id, former.name, *(former.aliases or ())))[:MOST_ALIASES],
    )
    store.add_key(conn, key)
    return Issued(key=key, secret=secret)


@overload
def _once(names: tuple[str, ...]) -> tuple[str, ...]: ...
@overload
def _once(names: None) -> None: ...
def _once(names: tuple[str, ...] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(dict.fromkeys(names))


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
