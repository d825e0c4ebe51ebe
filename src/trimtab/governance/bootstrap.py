"""What must be there before anything else can be: the default project and a way in."""

from msgspec import Struct
from sqlalchemy import Connection

from trimtab.governance import keys, organisations, projects, store
from trimtab.storage.revision import exclusive

_LOCK = 0x7472_6974


class FirstStart(Struct, frozen=True, kw_only=True):
    """``admin_secret`` is set when an admin key was just made: show it now or never."""

    admin_secret: str | None
    admin_key_id: str
    project: store.ProjectRow

    def __repr__(self) -> str:
        return f"FirstStart(project={self.project.slug!r}, made_admin_key={self.admin_secret is not None})"


def ensure(conn: Connection, *, admin_key: str | None, project: str, now: int) -> FirstStart:
    """See that the default project, the project ``project`` (the config file's) and an admin key exist.

    Safe to run in many processes at once and at every start. ``admin_key`` is TRIMTAB_ADMIN_KEY; ``now`` Unix ms.
    """
    exclusive(conn, _LOCK)
    organisations.ensure_default(conn, now)
    for slug in dict.fromkeys((projects.DEFAULT, project)):
        if store.project_by_slug(conn, slug) is None:
            name = "Default project" if slug == projects.DEFAULT else slug
            projects.create(conn, slug=slug, name=name, capture_content=True, now=now)
    secret = keys.ensure_admin(conn, admin_key, now)
    admin = next(key for key in store.keys(conn, None) if key.role == "admin" and key.revoked is None)
    return FirstStart(admin_secret=secret, admin_key_id=admin.id, project=projects.get(conn, project))
