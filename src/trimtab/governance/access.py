"""Who is asking: from the secret a caller shows to the principal it stands for. Pure, from the snapshot; no query."""

import hashlib
from typing import Literal

from msgspec import Struct

from trimtab.core.errors import Unauthenticated
from trimtab.governance.key_uses import KeyUses

Role = Literal["admin", "editor", "reviewer", "read_only", "client", "viewer", "developer", "operator", "auditor"]
"""The built-in ones; `permissions.py` says what each may do. ``editor``, ``read_only`` and ``client`` are for keys."""

DEFAULT_ORGANISATION = "org_default"
"""The id of the organisation that every catalog has, and that projects belong to unless another is named."""


class Organisation(Struct, frozen=True, kw_only=True):
    id: str
    slug: str


class Project(Struct, frozen=True, kw_only=True):
    """``organisation`` is the id of the one it belongs to."""

    id: str
    slug: str
    capture_content: bool = True
    organisation: str = DEFAULT_ORGANISATION
    audit_reads: str = "none"


class Held(Struct, frozen=True, kw_only=True):
    """The permissions somebody holds, and where: on the whole instance (every project included), and by the ids of
    organisations (their projects included) and of projects."""

    instance: frozenset[str] = frozenset()
    organisations: dict[str, frozenset[str]] = {}
    projects: dict[str, frozenset[str]] = {}


class Principal(Struct, frozen=True, kw_only=True):
    """Who asks: a key, or (``person``) somebody who signed in. ``key_id`` is the key's id or the person's.

    ``project`` is the one project a key belongs to; None for persons, and for keys of the whole instance or of several
    projects. ``held`` is what it may do and where; None for what ``role`` grants in ``project``. ``expires_ns`` is 0
    for never. ``highest_priority`` bounds what its calls may ask for (0 high, 1 normal, 2 low; None: no bound).
    ``environments`` are those in which its calls may name an app, ``models`` the names they may call, of which one may
    end in ``*`` (None: all)."""

    key_id: str
    role: str
    project: Project | None = None
    expires_ns: int = 0
    highest_priority: int | None = None
    environments: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None
    held: Held | None = None
    person: bool = False


class AccessTable(Struct, frozen=True, kw_only=True):
    """``keys`` maps the SHA-256 digest of a secret to its principal; revoked keys are not in it. Secrets are 256 random
    bits, so a plain digest cannot be searched, and a look-up on it tells an attacker nothing by its timing."""

    keys: dict[bytes, Principal] = {}
    projects: dict[str, Project] = {}
    """By slug."""
    organisations: dict[str, Organisation] = {}
    """By slug."""
    uses: KeyUses | None = None
    """Is told whom a key lets in."""

    def authenticate(self, secret: str, now_ns: int) -> Principal:
        """The principal of a live key, or `Unauthenticated` with the way out."""
        principal = self.keys.get(digest(secret))
        if principal is None:
            raise Unauthenticated(
                "This key is not known here, or it was revoked.",
                fix="Send a key of this server as 'Authorization: Bearer tt_...' or 'x-api-key'; "
                "make one in the console under Keys or with 'trimtab keys create'.",
                code="invalid_api_key",
            )
        if 0 < principal.expires_ns <= now_ns:
            raise Unauthenticated("This key has expired.", fix="Make a new one under Keys.", code="expired_api_key")
        if self.uses is not None:
            self.uses.note(principal.key_id, now_ns)
        return principal


def digest(secret: str) -> bytes:
    """SHA-256 of a key's secret: what is stored and looked up."""
    return hashlib.sha256(secret.encode()).digest()
