"""The SQL of releases: numbered by app from 1, never changed. Functions of a connection; times are Unix ms.

A release is written under a lock of its app's row: numbers have no gaps, and of two that were made from the same
newest one is refused (``expected``). The newest release's content again makes no new one.
"""

import re
from collections.abc import Collection, Iterable
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, insert, select, tuple_

from trimtab.core.errors import Conflict, InvalidRequest, NotFound
from trimtab.governance import audit
from trimtab.governance.audit import Actor
from trimtab.governance.projects import REVISION
from trimtab.releases import apps, authors
from trimtab.releases.tables import PLACEMENTS, RELEASES
from trimtab.releases.types import ENVIRONMENT, Content, Release
from trimtab.storage.revision import bump

LATEST: Final = "latest"
"""The reference to an app's newest release."""
DRAFT: Final = "draft"
"""The reference to what an app's next release would be; only where two are compared."""
LONGEST: Final = 8_000_000
"""Bytes of a release's content as JSON."""
MAX_MESSAGE: Final = 2000

_NUMBER = re.compile(r"r?([1-9][0-9]{0,8})")


class NewRelease(Struct, frozen=True, kw_only=True):
    """A release to be. ``content`` is frozen (`freeze.freeze`) and ``hash`` its hash (`canonical.content_hash`).
    ``expected`` is the app's newest release as its maker saw it, 0 for none; None to add to whatever is newest.
    ``revision`` is that of the draft which was frozen, None where it was none. ``parent``: None for the newest."""

    project_id: str
    app: str
    content: Content
    hash: str
    message: str
    author: str
    author_name: str
    now: int
    expected: int | None = None
    revision: int | None = None
    parent: int | None = None


def _release(row: Any) -> Release:
    values: dict[str, Any] = {name: getattr(row, name) for name in Release.__struct_fields__}
    values |= {"content": msgspec.json.decode(row.content, type=Content), "editors": authors.read(row.editors)}
    return Release(**values)


def create(conn: Connection, made: NewRelease) -> tuple[Release, bool]:
    """The release with that content, and whether it is new. Raises `Conflict` where another came meanwhile, the draft
    was edited meanwhile, or the app is archived; `NotFound`."""
    content = _written(made)
    bump(conn, REVISION)
    app = apps.app(conn, made.project_id, made.app, lock=True)
    apps.refuse_archived(app)
    newest = release(conn, made.project_id, made.app, app.newest) if app.newest else None
    if newest is not None and newest.hash == made.hash:  # nothing changed; or asked again by who heard no answer
        return newest, False
    if made.expected is not None and made.expected != app.newest:
        raise _overtaken(made, newest)
    if made.revision is not None and made.revision != app.revision:
        raise edited(made.app, app.revision, made.revision)
    parent = newest if made.parent is None else release(conn, made.project_id, made.app, made.parent)
    edited_by = authors.editors(conn, app, made.author, made.content, parent)
    row: dict[str, Any] = {
        "project_id": made.project_id,
        "app": made.app,
        "number": app.newest + 1,
        "hash": made.hash,
        "parent": None if parent is None else parent.number,
        "author": made.author,
        "author_name": made.author_name,
        "message": made.message,
        "created": made.now,
    }
    conn.execute(insert(RELEASES).values(**row, content=content, editors=authors.written(edited_by)))
    apps.numbered(conn, app, app.newest + 1, made.now)
    told: dict[str, Any] = {"hash": made.hash, "parent": row["parent"], "message": made.message}
    told["editors"] = [each.name for each in edited_by]
    subject, actor = f"release:{made.app}@r{row['number']}", Actor(made.author, made.author_name)
    audit.append(conn, made.project_id, actor, "release.created", subject, now=made.now, detail=told)
    return Release(content=made.content, editors=edited_by, **row), True


def _overtaken(made: NewRelease, newest: Release | None) -> Conflict:
    now = "none" if newest is None else f"{newest.short} by {newest.author_name}"
    then = f"r{made.expected}" if made.expected else "none"
    return Conflict(
        f"The newest release of {made.app!r} is {now} now; yours was to follow {then}.",
        fix=f"Look at what changed (trimtab release diff {made.app}), then create it again.",
        code="release_changed",
    )


def edited(app: str, revision: int, expected: int) -> Conflict:
    return Conflict(
        f"The draft of {app!r} is at revision {revision} now; you asked for a release of {expected}.",
        fix=f"Look at it (trimtab release diff {app}), then create the release again.",
        code="app_changed",
    )


def _written(made: NewRelease) -> str:
    if len(made.message) > MAX_MESSAGE or "\0" in made.message:
        raise InvalidRequest(
            f"The message of a release has at most {MAX_MESSAGE:,} characters, and no NUL.",
            fix="Shorten it.",
            param="message",
        )
    content = msgspec.json.encode(made.content)
    if len(content) > LONGEST:
        raise InvalidRequest(
            f"A release has at most {LONGEST:,} bytes as JSON; this one has {len(content):,}.",
            fix="Shorten the prompt and what it includes.",
        )
    return content.decode()


def release(conn: Connection, project_id: str, app: str, number: int) -> Release:
    """Raises `NotFound`."""
    at = (RELEASES.c.project_id == project_id, RELEASES.c.app == app, RELEASES.c.number == number)
    row = conn.execute(select(RELEASES).where(*at)).one_or_none()
    if row is None:
        newest = apps.app(conn, project_id, app).newest
        have = f"It has r1 to r{newest}." if newest else f"It has none yet: trimtab release create {app}"
        raise NotFound(f"The app {app[:80]!r} has no release r{number}.", fix=have)
    return _release(row)


def find(conn: Connection, project_id: str, app: str, ref: str) -> Release:
    """By ``12``, ``r12``, `LATEST`, or the name of an environment (what is stable in it). Raises `NotFound`."""
    if number := _NUMBER.fullmatch(ref):
        return release(conn, project_id, app, int(number[1]))
    if ref == LATEST:
        newest = apps.app(conn, project_id, app).newest
        if newest:
            return release(conn, project_id, app, newest)
        raise NotFound(f"The app {app[:80]!r} has no release yet.", fix=f"Make one: trimtab release create {app}")
    return release(conn, project_id, app, _placed(conn, project_id, app, ref))


def _placed(conn: Connection, project_id: str, app: str, environment: str) -> int:
    apps.app(conn, project_id, app)
    stable: int | None = None
    if re.fullmatch(ENVIRONMENT, environment):
        at = (PLACEMENTS.c.project_id == project_id, PLACEMENTS.c.app == app)
        found = select(PLACEMENTS.c.stable).where(*at, PLACEMENTS.c.environment == environment)
        stable = conn.execute(found).scalar_one_or_none()
    if stable is None:
        raise NotFound(
            f"No release of {app[:80]!r} runs in {environment[:80]!r}.",
            fix="A reference is a number (12 or r12), 'latest', or an environment that a release runs in.",
        )
    return stable


def history(
    conn: Connection, project_id: str, app: str, *, before: int | None = None, limit: int = 100
) -> list[Release]:
    """Newest first, from the one before ``before``. Raises `NotFound`."""
    apps.app(conn, project_id, app)
    found = select(RELEASES).where(RELEASES.c.project_id == project_id, RELEASES.c.app == app)
    if before is not None:
        found = found.where(RELEASES.c.number < before)
    return [_release(row) for row in conn.execute(found.order_by(RELEASES.c.number.desc()).limit(limit))]


def several(conn: Connection, wanted: Collection[tuple[str, str, int]]) -> list[Release]:
    """By (project id, app, number); those there are, in that order. In portions: databases bound the parameters of one
    statement."""
    found: list[Release] = []
    for portion in _portions(sorted(set(wanted)), 200):
        key = tuple_(RELEASES.c.project_id, RELEASES.c.app, RELEASES.c.number)
        query = select(RELEASES).where(key.in_(portion))
        found += [
            _release(row)
            for row in conn.execute(query.order_by(RELEASES.c.project_id, RELEASES.c.app, RELEASES.c.number))
        ]
    return found


def _portions(keys: list[tuple[str, str, int]], size: int) -> Iterable[list[tuple[str, str, int]]]:
    return (keys[at : at + size] for at in range(0, len(keys), size))


def newest_hash(conn: Connection, project_id: str, app: str) -> str:
    """The hash of an app's newest release; empty where it has none."""
    at = (RELEASES.c.project_id == project_id, RELEASES.c.app == app)
    found = select(RELEASES.c.hash).where(*at).order_by(RELEASES.c.number.desc()).limit(1)
    return conn.execute(found).scalar_one_or_none() or ""


def runs_in(conn: Connection, project_id: str, app: str) -> dict[int, list[str]]:
    """By release, the environments whose stable one it is, in order of name."""
    at = (PLACEMENTS.c.project_id == project_id, PLACEMENTS.c.app == app, PLACEMENTS.c.stable.is_not(None))
    found: dict[int, list[str]] = {}
    query = select(PLACEMENTS.c.stable, PLACEMENTS.c.environment).where(*at).order_by(PLACEMENTS.c.environment)
    for row in conn.execute(query):
        found.setdefault(row.stable, []).append(row.environment)
    return found
