"""Who is asking: from the secret a caller shows to the principal it stands for. Pure, from the snapshot; no query."""

import hashlib
from typing import Literal

from msgspec import Struct

from trimtab.core.errors import Unauthenticated

Role = Literal["admin", "editor", "reviewer", "read_only", "client"]


class Project(Struct, frozen=True, kw_only=True):
    id: str
    slug: str
    capture_content: bool = True


class Principal(Struct, frozen=True, kw_only=True):
    """``project`` is the one project a key belongs to; None for keys of the whole instance (the admin key and
    instance-wide read-only keys). ``expires_ns`` is 0 for never. ``highest_priority`` bounds what its calls may ask for
    (0 high, 1 normal, 2 low; None: no bound). ``environments`` are those in which its calls may
    name an app (None: in all)."""

    key_id: str
    role: Role
    project: Project | None = None
    expires_ns: int = 0
    highest_priority: int | None = None
    environments: tuple[str, ...] | None = None


class AccessTable(Struct, frozen=True, kw_only=True):
    """``keys`` maps the SHA-256 digest of a secret to its principal; revoked keys are not in it. Secrets are 256 random
    bits, so a plain digest cannot be searched, and a look-up on it tells an attacker nothing by its timing."""

    keys: dict[bytes, Principal] = {}
    projects: dict[str, Project] = {}
    """By slug."""

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
        return principal


def digest(secret: str) -> bytes:
    """SHA-256 of a key's secret: what is stored and looked up."""
    return hashlib.sha256(secret.encode()).digest()
