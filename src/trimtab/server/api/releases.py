"""Releases: drafts frozen, numbered and compared. What two contents differ in is worked out in a thread."""

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Struct, structs
from sqlalchemy import Connection

from trimtab.core.errors import Conflict, InvalidRequest
from trimtab.governance.access import Project
from trimtab.governance.audit import Actor
from trimtab.releases import apps, diff, rollouts, store
from trimtab.releases.store import DRAFT, NewRelease
from trimtab.releases.types import App, Content, Release, Tried
from trimtab.server.actors import actor_of
from trimtab.server.bodies.app import (
    CreatedRelease,
    NewAppRelease,
    ReleaseContent,
    ReleaseDetail,
    ReleaseDiff,
    ReleasePage,
    ReleaseRow,
)
from trimtab.server.dependencies import Dependencies
from trimtab.server.freezing import Frozen, frozen
from trimtab.server.prompt_reading import aside
from trimtab.server.routes import CallerNow, Cursor, Deps, Limit, Operation, Tenant, read_cursor, route, write_cursor

TAG = "releases"
ONE = "/api/v1/projects/{project:str}/apps/{app:str}"
BASE = ONE + "/releases"
PORTION = 10
"""Releases whose contents are in memory at a time, each up to `store.LONGEST`."""
TRIES = 5
"""Times that a draft is frozen anew which was edited meanwhile, where nobody said which edit was meant."""


class _Read(Struct, frozen=True, kw_only=True):
    """Releases, what they were made from, where each runs, and where it was tried."""

    rows: list[Release]
    parents: Mapping[int, Content]
    runs_in: Mapping[int, list[str]]
    tried: Mapping[int, list[Tried]]


def _reading(conn: Connection, tenant: Project, app: str, rows: list[Release]) -> _Read:
    known = {row.number: row.content for row in rows}
    missing = {row.parent for row in rows if row.parent is not None} - known.keys()
    known |= {each.number: each.content for each in store.several(conn, [(tenant.id, app, n) for n in missing])}
    tried = rollouts.tried(conn, tenant.id, app, {row.number for row in rows})
    return _Read(rows=rows, parents=known, runs_in=store.runs_in(conn, tenant.id, app), tried=tried)


def _rows(read: _Read) -> list[ReleaseRow]:
    return [_row(each, read) for each in read.rows]


def _row(found: Release, read: _Read) -> ReleaseRow:
    parent = None if found.parent is None else read.parents.get(found.parent)
    return ReleaseRow(
        app=found.app,
        number=found.number,
        ref=found.short,
        hash=found.hash,
        parent=found.parent,
        author=found.author,
        author_name=found.author_name,
        editors=[each.name for each in found.editors],
        message=found.message,
        created=found.created,
        changes=diff.words(parent, found.content),
        runs_in=read.runs_in.get(found.number, []),
        tried=read.tried.get(found.number, []),
    )


def _content(content: Content) -> ReleaseContent:
    """Every field stands, whatever it says."""
    found: dict[str, Any] = {name: getattr(content, name) for name in Content.__struct_fields__}
    return msgspec.convert(msgspec.to_builtins(found), ReleaseContent)


@route(
    "GET",
    BASE,
    "release:read",
    Operation(id="listReleases", summary="An app's releases, and what each changed", tag=TAG, errors=(404,)),
)
async def list_releases(
    deps: Deps, tenant: Tenant, app: FromPath[str], cursor: Cursor = None, limit: Limit = 20
) -> ReleasePage:
    """Newest first."""
    last = read_cursor(cursor)
    if last and not (last.isascii() and last.isdecimal() and len(last) < 10):
        raise InvalidRequest("This cursor was not made here.", fix="Take it from the page before.", param="cursor")

    before, items = int(last) if last else None, list[ReleaseRow]()
    while True:
        found, before = await _portion(deps, tenant, app, before, min(PORTION, limit - len(items)))
        items += await aside(deps, _rows, found)
        if before is None or len(items) >= limit:
            return ReleasePage(items=items, cursor=None if before is None else write_cursor(str(before)))


async def _portion(
    deps: Dependencies, tenant: Project, app: str, before: int | None, most: int
) -> tuple[_Read, int | None]:
    """Releases before that number, and the last one's number where there are more."""

    def read(conn: Connection) -> tuple[_Read, int | None]:
        rows = store.history(conn, tenant.id, app, before=before, limit=most + 1)
        more = rows[most - 1].number if len(rows) > most else None
        return _reading(conn, tenant, app, rows[:most]), more

    return await deps.db.read(read)


@route(
    "GET",
    BASE + "/{ref:str}",
    "release:read",
    Operation(id="getRelease", summary="One release whole", tag=TAG, errors=(404,)),
)
async def get_release(deps: Deps, tenant: Tenant, app: FromPath[str], ref: FromPath[str]) -> ReleaseDetail:
    """``ref`` is a number (``12`` or ``r12``), ``latest``, or an environment's name: what is stable in it."""
    found = await deps.db.read(
        lambda conn: _reading(conn, tenant, app, [store.find(conn, tenant.id, app, ref)]),
    )
    (row,) = await aside(deps, _rows, found)
    return ReleaseDetail(**structs.asdict(row), content=_content(found.rows[0].content))


@route(
    "POST",
    BASE,
    "release:write",
    Operation(id="createRelease", summary="Freeze the draft into a release", tag=TAG, status=201, errors=(404, 409)),
)
async def create_release(
    deps: Deps, caller: CallerNow, tenant: Tenant, app: FromPath[str], data: JSONBody[NewAppRelease]
) -> CreatedRelease:
    """Everything that the draft names is resolved as it is now. Content that the newest release has makes no new one.
    It runs nowhere yet."""
    for left in reversed(range(TRIES)):
        draft = await deps.db.read(lambda conn: apps.app(conn, tenant.id, app))
        if data.expected_revision is not None and data.expected_revision != draft.revision:
            raise store.edited(app, draft.revision, data.expected_revision)
        made = await frozen(deps, tenant, app, draft.spec)
        try:
            return await _create(deps, caller, tenant, data, draft, made)
        except Conflict as error:
            if error.code != "app_changed" or data.expected_revision is not None or not left:
                raise
    raise AssertionError  # the last round returns or raises


async def _create(
    deps: Dependencies, caller: Any, tenant: Project, data: NewAppRelease, draft: App, made: Frozen
) -> CreatedRelease:
    def write(conn: Connection) -> tuple[_Read, bool]:
        actor: Actor = actor_of(conn, caller)
        new = NewRelease(
            project_id=tenant.id,
            app=draft.name,
            content=made.content,
            hash=made.hash,
            message=data.message,
            author=actor.id,
            author_name=actor.name,
            now=deps.now(),
            expected=data.expected_newest,
            revision=draft.revision,
            parent=data.parent,
        )
        release, created = store.create(conn, new)
        read = _reading(conn, tenant, draft.name, [release])
        if data.dry_run:
            raise _DryRun(read, created)
        return read, created

    try:
        read, created = await deps.db.write(write)
    except _DryRun as dry:
        read, created = dry.read, dry.created
    if created and not data.dry_run:
        await deps.snapshots.changed()
    (row,) = await aside(deps, _rows, read)
    return CreatedRelease(release=row, created=created)


class _DryRun(Exception):
    """Takes back what was written."""

    def __init__(self, read: _Read, created: bool) -> None:
        super().__init__(read.rows[0].number)
        self.read = read
        self.created = created


@route(
    "GET",
    ONE + "/diff",
    "release:read",
    Operation(id="diffReleases", summary="What changed between two releases", tag=TAG, errors=(404, 409)),
)
async def diff_releases(
    deps: Deps, tenant: Tenant, app: FromPath[str], before: FromQuery[str] = "", after: FromQuery[str] = DRAFT
) -> ReleaseDiff:
    """From ``before`` to ``after``: each a number, ``latest``, an environment's name, or ``draft``: what a release of
    the draft would be now. Without ``before``, from what ``after`` was made from; for the draft, the newest release."""
    new_name, new, parent = await _side(deps, tenant, app, after)
    old_name, old = "", None
    if before or parent:
        old_name, old, _ = await _side(deps, tenant, app, before or f"r{parent}")
    found = await aside(deps, diff.diff, old, new)
    return ReleaseDiff(app=app, before=old_name, after=new_name, changes=found.changes, prompts=found.prompts)


async def _side(deps: Dependencies, tenant: Project, app: str, ref: str) -> tuple[str, Content, int | None]:
    """A reference's name, its content, and the number of what it was made from."""
    if ref == DRAFT:
        draft = await deps.db.read(lambda conn: apps.app(conn, tenant.id, app))
        return DRAFT, (await frozen(deps, tenant, app, draft.spec)).content, draft.newest or None
    found = await deps.db.read(lambda conn: store.find(conn, tenant.id, app, ref))
    return found.short, found.content, found.parent


ROUTES = (list_releases, get_release, create_release, diff_releases)
