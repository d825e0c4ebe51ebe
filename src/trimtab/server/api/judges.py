"""Judges that a team wrote: versions, their differences, and the archive."""

import difflib
import re
from typing import Any

from litestar.params import FromPath, FromQuery, JSONBody
from sqlalchemy import Connection

from trimtab.core.errors import InvalidRequest
from trimtab.evaluation import judges
from trimtab.evaluation.judges import JudgeDraft, JudgeVersion
from trimtab.evaluation.scorer_names import PREFIX, version_of
from trimtab.evaluation.types import NAME
from trimtab.governance import audit, edits
from trimtab.scoring.judge import configured
from trimtab.scoring.scorers import REGISTRY
from trimtab.server.actors import actor_of
from trimtab.server.bodies.judge import (
    JudgeChange,
    JudgeDiff,
    JudgeName,
    JudgePage,
    JudgePlace,
    JudgeView,
    NewJudgeVersion,
    PushedJudge,
)
from trimtab.server.routes import CallerNow, Cursor, Deps, Limit, Operation, Tenant, read_cursor, route, write_cursor

TAG = "judges"
BASE = "/api/v1/projects/{project:str}/judges"
ONE = BASE + "/{name:str}"


def _view(row: JudgeVersion) -> JudgeView:
    return JudgeView(
        name=row.name,
        version=row.version,
        kind=row.kind,
        options=row.spec,
        hash=row.hash,
        author=row.author_name,
        message=row.message,
        scorer=f"{PREFIX}{row.name}",
        pinned=f"{PREFIX}{row.name}@{row.version}",
        scorer_version=version_of(row),
        archived=row.archived,
        created=row.created,
    )


@route("GET", BASE, "evaluation:read", Operation(id="listJudges", summary="List judges", tag=TAG, errors=(404,)))
async def list_judges(
    deps: Deps, tenant: Tenant, archived: FromQuery[bool] = False, cursor: Cursor = None, limit: Limit = 100
) -> JudgePage:
    """The newest version of each, in order of name; ``archived``: only those put away."""
    after = read_cursor(cursor)
    rows = await deps.db.read(
        lambda conn: judges.judges(conn, tenant.id, archived=archived, after=after, limit=limit + 1)
    )
    more = write_cursor(rows[limit - 1].name) if len(rows) > limit else None
    return JudgePage(items=[_view(row) for row in rows[:limit]], cursor=more)


@route("GET", ONE, "evaluation:read", Operation(id="getJudge", summary="One judge", tag=TAG, errors=(404,)))
async def get_judge(
    deps: Deps, tenant: Tenant, name: FromPath[str], version: FromQuery[int | None] = None
) -> JudgeView:
    """The newest version, or that one."""
    return _view(await deps.db.read(lambda conn: judges.judge(conn, tenant.id, name, version)))


@route(
    "GET",
    ONE + "/versions",
    "evaluation:read",
    Operation(id="listJudgeVersions", summary="A judge's versions", tag=TAG, errors=(404,)),
)
async def list_judge_versions(
    deps: Deps, tenant: Tenant, name: FromPath[str], cursor: Cursor = None, limit: Limit = 100
) -> JudgePage:
    """Newest first."""
    before = _number(read_cursor(cursor))
    rows = await deps.db.read(lambda conn: judges.versions(conn, tenant.id, name, before=before, limit=limit + 1))
    more = write_cursor(str(rows[limit - 1].version)) if len(rows) > limit else None
    return JudgePage(items=[_view(row) for row in rows[:limit]], cursor=more)


def _number(text: str) -> int | None:
    if text and not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidRequest("This cursor was not made here.", fix="Take it from the page before.", param="cursor")
    return int(text) if text else None


@route(
    "POST",
    ONE + "/versions",
    "evaluation:write",
    Operation(id="pushJudge", summary="Add a version of a judge", tag=TAG, status=201, errors=(404, 409)),
)
async def push_judge(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[JudgeName], data: JSONBody[NewJudgeVersion]
) -> PushedJudge:
    """The first version makes the judge. What the newest version says already makes no new one."""
    _check(name, data)

    def write(conn: Connection) -> tuple[JudgeVersion, bool]:
        actor = actor_of(conn, caller)
        draft = JudgeDraft(
            project_id=tenant.id,
            name=name,
            kind=data.kind,
            spec=data.options,
            message=data.message,
            author=actor.id,
            author_name=actor.name,
            now=deps.now(),
            expected=data.expected_version,
        )
        row, created = judges.add(conn, draft)
        if created:
            detail = {"version": row.version, "kind": row.kind, "hash": row.hash, "message": row.message}
            audit.append(conn, tenant.id, actor, "judge.pushed", f"judge:{name}", now=deps.now(), detail=detail)
        return row, created

    row, created = await deps.db.write(write)
    return PushedJudge(judge=_view(row), created=created)


def _check(name: str, data: NewJudgeVersion) -> None:
    """Raises `InvalidRequest` for what could never judge."""
    if not re.fullmatch(NAME, name):
        raise InvalidRequest(
            f"{name[:80]!r} is no name for a judge.",
            fix="Use lower-case letters, digits, '.', '_' and '-', at most 64.",
            param="name",
        )
    if "\0" in data.message:
        raise InvalidRequest("A message holds no NUL.", fix="Leave it out.", param="message")
    kinds = [each for each, plug in REGISTRY.all().items() if plug.source == "llm"]
    if data.kind not in kinds:
        raise InvalidRequest(
            f"No judge is made of {data.kind[:80]!r}.", fix=f"Use one of: {', '.join(kinds)}.", param="kind"
        )
    configured(REGISTRY.get(data.kind), data.options)


@route(
    "PATCH",
    ONE,
    "evaluation:write",
    Operation(id="placeJudge", summary="Archive a judge", tag=TAG, errors=(404, 409)),
)
async def place_judge(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], data: JSONBody[JudgePlace]
) -> JudgeView:
    """Put it away, or take it out again. Suites that name it go on; its versions never change."""
    now = deps.now()

    def write(conn: Connection) -> JudgeVersion:
        edits.hold(conn)
        old = judges.judge(conn, tenant.id, name)
        edits.expect_value(
            f"The newest version of {name!r}", data.expected_version, old.version, param="expected_version"
        )
        if (old.archived is not None) == data.archived:
            return old
        row = judges.archive(conn, tenant.id, name, now if data.archived else None)
        action = "judge.archived" if data.archived else "judge.restored"
        audit.append(conn, tenant.id, actor_of(conn, caller), action, f"judge:{name}", now=now)
        return row

    return _view(await deps.db.write(write))


@route(
    "GET",
    ONE + "/diff",
    "evaluation:read",
    Operation(id="diffJudge", summary="What changed between two versions of a judge", tag=TAG, errors=(404,)),
)
async def diff_judge(
    deps: Deps,
    tenant: Tenant,
    name: FromPath[str],
    before: FromQuery[int | None] = None,
    after: FromQuery[int | None] = None,
) -> JudgeDiff:
    """``after`` is the newest if left out, and ``before`` the one before it. The first version is compared with
    nothing."""

    def read(conn: Connection) -> tuple[JudgeVersion | None, JudgeVersion]:
        new = judges.judge(conn, tenant.id, name, after)
        older = new.version - 1 if before is None else before
        return (None if older < 1 else judges.judge(conn, tenant.id, name, older)), new

    old, new = await deps.db.read(read)
    return JudgeDiff(before=0 if old is None else old.version, after=new.version, changes=_changes(old, new))


def _changes(old: JudgeVersion | None, new: JudgeVersion) -> list[JudgeChange]:
    was: dict[str, Any] = {} if old is None else {"kind": old.kind, **old.spec}
    now: dict[str, Any] = {"kind": new.kind, **new.spec}
    names = dict.fromkeys((*now, *was))
    return [
        JudgeChange(field=name, before=was.get(name), after=now.get(name), lines=_lines(was.get(name), now.get(name)))
        for name in names
        if name not in was or name not in now or was[name] != now[name]
    ]


def _lines(before: Any, after: Any) -> list[str]:
    texts = [each for each in (before, after) if each is not None]
    if not texts or not all(isinstance(text, str) for text in texts):
        return []
    old, new = (before or "").splitlines(), (after or "").splitlines()
    found: list[str] = []
    for what, a, b, c, d in difflib.SequenceMatcher(None, old, new).get_opcodes():  # ndiff takes minutes for some texts
        kept = what == "equal"
        found += [f" {line}" if kept else f"-{line}" for line in old[a:b]]
        found += [] if kept else [f"+{line}" for line in new[c:d]]
    return found


ROUTES = (list_judges, get_judge, list_judge_versions, push_judge, place_judge, diff_judge)
