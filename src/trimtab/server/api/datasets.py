"""Datasets: what they say of themselves, their versions, cases and differences."""

from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, SkipValidation
from msgspec import Struct
from sqlalchemy import Connection

from trimtab.core.errors import InvalidRequest, NotFound
from trimtab.evaluation import dataset_diff, dataset_writes, datasets
from trimtab.evaluation.cases import made
from trimtab.evaluation.dataset_writes import Written
from trimtab.evaluation.datasets import LATEST, DatasetEdit, Wanted
from trimtab.evaluation.resplit import resplit
from trimtab.evaluation.types import Case, DatasetVersion, Use
from trimtab.governance.access import Project
from trimtab.server.acting import moment
from trimtab.server.actors import actor_of
from trimtab.server.auth import Caller
from trimtab.server.bodies.dataset import (
    CaseHistory,
    CasePage,
    CaseStateView,
    CaseView,
    ChangeCases,
    DatasetDiffView,
    DatasetPage,
    DatasetVersionPage,
    DatasetView,
    PutDataset,
    SplitDataset,
    VersionOfDataset,
    WrittenCases,
)
from trimtab.server.dataset_views import (
    BASE,
    ONE,
    TAG,
    Words,
    author_of,
    case_view,
    dataset_view,
    diff_view,
    no_nul,
    seen,
    version_view,
    wanted_cases,
    writing,
    written_view,
)
from trimtab.server.dependencies import Dependencies
from trimtab.server.reading import content_read
from trimtab.server.routes import CallerNow, Cursor, Deps, Limit, Operation, Tenant, read_cursor, route, write_cursor

VERSION = ONE + "/versions/{version:str}"
MAX_BODY = 16 << 20


# --- datasets ---


@route(
    "GET",
    BASE,
    "dataset:read",
    Operation(id="listDatasets", summary="List a project's datasets", tag=TAG, errors=(404,)),
)
async def list_datasets(
    deps: Deps,
    tenant: Tenant,
    q: Words = "",
    archived: FromQuery[bool] = False,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> DatasetPage:
    """In order of name. ``q``: words in name or description; ``archived``: only those put away."""
    after = read_cursor(cursor)
    no_nul(q)

    def read(conn: Connection) -> list[DatasetView]:
        rows = datasets.listed(conn, tenant.id, archived=archived, q=q, after=after, limit=limit + 1)
        newest = datasets.newest(conn, tenant.id, [row.name for row in rows])
        return [dataset_view(row, newest.get(row.name)) for row in rows]

    rows = await deps.db.read(read)
    more = write_cursor(rows[limit - 1].name) if len(rows) > limit else None
    return DatasetPage(items=rows[:limit], cursor=more)


@route("GET", ONE, "dataset:read", Operation(id="getDataset", summary="One dataset", tag=TAG, errors=(404,)))
async def get_dataset(deps: Deps, tenant: Tenant, dataset: FromPath[str]) -> DatasetView:
    return await deps.db.read(lambda conn: seen(conn, tenant, dataset))


@route(
    "PUT",
    ONE,
    "dataset:write",
    Operation(id="putDataset", summary="Make a dataset, or change what it says of itself", tag=TAG, errors=(404, 409)),
)
async def put_dataset(
    deps: Deps, caller: CallerNow, tenant: Tenant, dataset: FromPath[str], data: JSONBody[PutDataset]
) -> DatasetView:
    """Its cases stay as they are, and must be as a new schema says. An archived dataset can be read, and takes no
    change."""
    return await _put(deps, caller, tenant, dataset, data)


@route(
    "PATCH",
    ONE,
    "dataset:write",
    Operation(id="changeDataset", summary="Change what a dataset says of itself", tag=TAG, errors=(404, 409)),
)
async def change_dataset(
    deps: Deps, caller: CallerNow, tenant: Tenant, dataset: FromPath[str], data: JSONBody[PutDataset]
) -> DatasetView:
    """As `putDataset`, of one that is there."""
    await deps.db.read(lambda conn: datasets.get(conn, tenant.id, dataset))
    return await _put(deps, caller, tenant, dataset, data)


async def _put(deps: Dependencies, caller: Caller, tenant: Project, name: str, data: PutDataset) -> DatasetView:
    def write(conn: Connection) -> DatasetView:
        edit = DatasetEdit(
            project_id=tenant.id,
            name=name,
            actor=actor_of(conn, caller),
            now=moment(conn, deps),
            expected=data.expected_revision,
            description=data.description,
            schema=data.schema,
            licence=data.licence,
            archived=data.archived,
        )
        datasets.put(conn, edit)
        return seen(conn, tenant, name)

    return await deps.db.write(write)


# --- versions ---


@route(
    "GET",
    ONE + "/versions",
    "dataset:read",
    Operation(id="listDatasetVersions", summary="A dataset's history", tag=TAG, errors=(404,)),
)
async def list_versions(
    deps: Deps, tenant: Tenant, dataset: FromPath[str], cursor: Cursor = None, limit: Limit = 100
) -> DatasetVersionPage:
    """Newest first."""
    last = read_cursor(cursor)
    if last and not (last.isascii() and last.isdecimal() and len(last) < 10):
        raise InvalidRequest("This cursor was not made here.", fix="Take it from the page before.", param="cursor")
    before = int(last) if last else None
    rows = await deps.db.read(lambda conn: datasets.versions(conn, tenant.id, dataset, before=before, limit=limit + 1))
    more = write_cursor(str(rows[limit - 1].number)) if len(rows) > limit else None
    return DatasetVersionPage(items=[version_view(row) for row in rows[:limit]], cursor=more)


@route(
    "GET",
    VERSION,
    "dataset:read",
    Operation(id="getDatasetVersion", summary="One version of a dataset", tag=TAG, errors=(404,)),
)
async def get_version(deps: Deps, tenant: Tenant, dataset: FromPath[str], version: FromPath[str]) -> VersionOfDataset:
    """``version`` is a number or ``latest``."""
    return version_view(await deps.db.read(lambda conn: datasets.version(conn, tenant.id, dataset, version)))


@route(
    "GET", ONE + "/diff", "dataset:read", Operation(id="diffDataset", summary="What changed", tag=TAG, errors=(404,))
)
async def diff_dataset(
    deps: Deps,
    tenant: Tenant,
    dataset: FromPath[str],
    after: FromQuery[str] = LATEST,
    before: FromQuery[str] = "",
    cursor: Cursor = None,
    limit: Limit = 100,
) -> DatasetDiffView:
    """From ``before`` to ``after``, each a number or ``latest``. Without ``before``, from the version before ``after``;
    0 is the empty one before the first."""
    beyond = read_cursor(cursor)

    def read(conn: Connection) -> dataset_diff.DatasetDiff:
        new = datasets.version(conn, tenant.id, dataset, after)
        ref = before or str(new.parent or 0)
        old = datasets.empty(new) if ref == "0" else datasets.version(conn, tenant.id, dataset, ref)
        return dataset_diff.diff(conn, old, new, beyond=beyond, limit=limit)

    found = await deps.db.read(read)
    return diff_view(found, write_cursor(found.cursor) if found.cursor else None)


# --- cases ---


class _Sought(Struct, frozen=True):
    wanted: Wanted
    use: Use | None


def _sought(
    split: FromQuery[str] = "", tag: FromQuery[str] = "", q: FromQuery[str] = "", use: FromQuery[Use | None] = None
) -> _Sought:
    return _Sought(wanted_cases(split, tag, q), use)


@route(
    "GET",
    VERSION + "/cases",
    "dataset:read",
    Operation(id="listCases", summary="The cases of a version", tag=TAG, errors=(404, 409)),
    {"sought": _sought},
)
async def list_cases(
    deps: Deps,
    caller: CallerNow,
    tenant: Tenant,
    dataset: FromPath[str],
    version: FromPath[str],
    sought: NamedDependency[SkipValidation[_Sought]],
    cursor: Cursor = None,
    limit: Limit = 100,
) -> CasePage:
    """In order of id. ``use`` says what they are read for: refused (409) where one of those that are wanted must not be
    used so. Without it they are only looked at."""
    after, wanted, use = read_cursor(cursor), sought.wanted, sought.use

    def read(conn: Connection) -> tuple[list[Case], int]:
        of = datasets.version(conn, tenant.id, dataset, version)
        if use is not None:
            datasets.must_allow(conn, of, use, wanted)
        return datasets.cases(conn, of, wanted, after=after, limit=limit + 1), datasets.count(conn, of, wanted)

    rows, total = await deps.db.read(read)
    await content_read(deps, caller, tenant, f"dataset:{dataset}")
    more = write_cursor(rows[limit - 1].id) if len(rows) > limit else None
    return CasePage(items=[case_view(row) for row in rows[:limit]], total=total, cursor=more)


@route(
    "GET",
    VERSION + "/cases/{case:str}",
    "dataset:read",
    Operation(id="getCase", summary="One case as it is in a version", tag=TAG, errors=(404,)),
)
async def get_case(
    deps: Deps, caller: CallerNow, tenant: Tenant, dataset: FromPath[str], version: FromPath[str], case: FromPath[str]
) -> CaseView:
    def read(conn: Connection) -> tuple[DatasetVersion, list[Case]]:
        of = datasets.version(conn, tenant.id, dataset, version)
        return of, datasets.cases(conn, of, Wanted(ids=(case,)))

    of, found = await deps.db.read(read)
    if not found:
        raise NotFound(
            f"Version {of.number} of {of.dataset!r} has no case {case[:128]!r}.",
            fix="Its history says in which versions it is.",
        )
    await content_read(deps, caller, tenant, f"dataset:{dataset}")
    return case_view(found[0])


@route(
    "GET",
    ONE + "/history/{case:str}",
    "dataset:read",
    Operation(id="getCaseHistory", summary="What a case was, version by version", tag=TAG, errors=(404,)),
)
async def case_history(
    deps: Deps, caller: CallerNow, tenant: Tenant, dataset: FromPath[str], case: FromPath[str]
) -> CaseHistory:
    rows = await deps.db.read(lambda conn: datasets.states(conn, tenant.id, dataset, case))
    await content_read(deps, caller, tenant, f"dataset:{dataset}")
    shown = [CaseStateView(since=row.since, until=row.until, case=case_view(row.case)) for row in rows]
    return CaseHistory(items=shown)


@route(
    "POST",
    ONE + "/cases",
    "dataset:write",
    Operation(
        id="changeCases", summary="Add, change and remove cases", tag=TAG, errors=(404, 409, 413), max_body=MAX_BODY
    ),
)
async def change_cases(
    deps: Deps, caller: CallerNow, tenant: Tenant, dataset: FromPath[str], data: JSONBody[ChangeCases]
) -> WrittenCases:
    """All of it becomes one new version, or nothing does; what differs in nothing makes none."""
    author = await author_of(deps, caller)
    add, change = ([made(new, author) for new in given] for given in (data.add, data.change))
    change_of = writing(tenant, dataset, author, data.message, data.expected_revision)

    def write(conn: Connection) -> Written:
        return dataset_writes.write(conn, change_of, add=add, change=change, remove=data.remove)

    return written_view(await deps.db.write(write))


@route(
    "POST",
    ONE + "/split",
    "dataset:write",
    Operation(id="splitDataset", summary="Divide a dataset into splits", tag=TAG, errors=(404, 409)),
)
async def split_dataset(
    deps: Deps, caller: CallerNow, tenant: Tenant, dataset: FromPath[str], data: JSONBody[SplitDataset]
) -> WrittenCases:
    """Every case of the newest version is given a split, as one new version, and so are those that come later and name
    none. Cases of one group are never in two splits."""
    author = await author_of(deps, caller)
    change_of = writing(tenant, dataset, author, data.message, data.expected_revision)
    return written_view(await resplit(deps.db, change_of, data.shares, data.seed, deps.now))


ROUTES = (
    list_datasets,
    get_dataset,
    put_dataset,
    change_dataset,
    list_versions,
    get_version,
    diff_dataset,
    list_cases,
    get_case,
    case_history,
    change_cases,
    split_dataset,
)
