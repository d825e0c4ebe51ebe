"""Who stands for a release in an environment: one approval of each person, taken back by whoever gave it. That a key
was revoked since does not take back what it gave. Functions of a connection; times are Unix ms."""

from typing import Any, Final

from msgspec import structs
from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from trimtab.core.errors import Forbidden, InvalidRequest, NotFound
from trimtab.governance import audit
from trimtab.governance.audit import Actor
from trimtab.governance.store import KEYS
from trimtab.releases import environments, store
from trimtab.releases.tables import APPROVALS
from trimtab.releases.types import Approval, Release

MAX_NOTE: Final = 2000


def approve(conn: Connection, given: Approval) -> Approval:
    """Write an approval down; the same person's earlier one makes place. Raises `NotFound`, `InvalidRequest`, and
    `Forbidden` for those who made the release what it is."""
    if len(given.note) > MAX_NOTE or "\0" in given.note:
        raise InvalidRequest(f"A note has at most {MAX_NOTE:,} characters.", fix="Shorten it.", param="note")
    release = store.release(conn, given.project_id, given.app, given.number)
    environments.environment(conn, given.project_id, given.environment)
    refuse_authors(release, given.author, "approve it")
    _write(conn, given)
    _tell(conn, given, "release.approved", given.created)
    return given


def refuse_authors(release: Release, who: str, what: str) -> None:
    """Raises `Forbidden` where the key ``who`` had a hand in the release, so that it cannot ``what``."""
    if who in release.authors:
        did = "made it" if who == release.author else "edited its draft, or a prompt in it, since the release before"
        raise Forbidden(
            f"You {did}: whoever had a hand in {release.short} cannot {what}.",
            fix="Have somebody else look at it, with a key of their own.",
            code="own_release",
        )


def _write(conn: Connection, given: Approval) -> None:
    values = {"author_name": given.author_name, "note": given.note, "created": given.created}
    if conn.execute(update(APPROVALS).where(*_of(given)).values(values)).rowcount:
        return
    try:
        with conn.begin_nested():
            conn.execute(insert(APPROVALS).values(structs.asdict(given)))
    except IntegrityError:  # the same person's other click was quicker
        conn.execute(update(APPROVALS).where(*_of(given)).values(values))


def withdraw(conn: Connection, given: Approval, now: int) -> None:
    """Take one's own approval back. Raises `NotFound`."""
    environments.environment(conn, given.project_id, given.environment)
    if conn.execute(delete(APPROVALS).where(*_of(given))).rowcount == 0:
        raise NotFound(
            f"There is no approval of yours for r{given.number} in {given.environment[:40]!r}.",
            fix=f"'trimtab audit list --subject release:{given.app}@r{given.number}' shows who approved, and where.",
        )
    _tell(conn, given, "release.approval_withdrawn", now)


def _of(given: Approval) -> list[Any]:
    key = ("project_id", "app", "number", "environment", "author")
    return [APPROVALS.c[name] == getattr(given, name) for name in key]


def _tell(conn: Connection, given: Approval, action: str, now: int) -> None:
    detail = {"environment": given.environment, "reason": given.note}
    actor = Actor(given.author, given.author_name)
    subject = f"release:{given.app}@r{given.number}"
    audit.append(conn, given.project_id, actor, action, subject, now=now, detail=detail)


def approvals(
    conn: Connection, project_id: str, app: str, number: int, *, environment: str | None = None
) -> list[Approval]:
    """Of a release, oldest first; in one environment, or in all."""
    at = (APPROVALS.c.project_id == project_id, APPROVALS.c.app == app, APPROVALS.c.number == number)
    query = select(APPROVALS).where(*at).order_by(APPROVALS.c.created, APPROVALS.c.environment, APPROVALS.c.author)
    if environment is not None:
        query = query.where(APPROVALS.c.environment == environment)
    return [
        Approval(**{name: getattr(row, name) for name in Approval.__struct_fields__}) for row in conn.execute(query)
    ]


def revoked(conn: Connection, given: list[Approval]) -> frozenset[str]:
    """Of those that gave approvals, the ids of keys that were revoked since."""
    ids = sorted({each.author for each in given})
    query = select(KEYS.c.id).where(KEYS.c.id.in_(ids[:500]), KEYS.c.revoked.is_not(None))
    return frozenset(conn.execute(query).scalars())
