"""Datasets as files: importing and exporting cases. A file is received into the data folder, read and checked in a
thread, and written piece by piece; nothing of it is in the dataset before all of it is."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal, cast

import msgspec
from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter, SkipValidation
from litestar.response import Stream
from msgspec import Meta, Struct, structs
from sqlalchemy import Connection

from trimtab.core.errors import InvalidRequest, TooLarge
from trimtab.core.ids import new_id
from trimtab.evaluation import croissant, datasets, exports, imports, parquet
from trimtab.evaluation.dataset_staging import PIECE, Staging
from trimtab.evaluation.dataset_writes import MAX_MESSAGE
from trimtab.evaluation.datasets import LATEST, DatasetEdit, Wanted
from trimtab.evaluation.exports import MEDIA, Out, file_name
from trimtab.evaluation.imports import Plan, Prepared
from trimtab.evaluation.types import Case, Consent, Dataset, Pii, Use
from trimtab.server.actors import actor_of
from trimtab.server.bodies.dataset import WrittenCases
from trimtab.server.dataset_views import ONE, TAG, author_of, wanted_cases, writing, written_view
from trimtab.server.dependencies import Dependencies
from trimtab.server.policing import Asked, permit
from trimtab.server.prompt_reading import in_thread
from trimtab.server.reading import content_read
from trimtab.server.routes import CallerNow, Deps, Operation, Tenant, route

Mode = Literal["add", "put", "replace"]
Columns = Annotated[
    Annotated[list[str], Meta(max_length=200, description="Our field and the file's column: `input:question`.")] | None,
    QueryParameter(max_items=200),
]
Several = Annotated[Annotated[list[str], Meta(max_length=20)] | None, QueryParameter(max_items=20)]  # of tags and uses
ImportFormat = Annotated[imports.Format, QueryParameter(name="format")]
ExportFormat = Annotated[exports.Format, QueryParameter(name="format")]
FILES = ("application/jsonlines", "text/csv", "application/x-parquet", "application/octet-stream")


class Labels(Struct, frozen=True, kw_only=True):
    """What holds for each row that says nothing of its own."""

    split: str
    tags: tuple[str, ...]
    uses: tuple[Use, ...]
    licence: str
    consent: Consent
    pii: Pii


class Change(Struct, frozen=True, kw_only=True):
    """What becomes of cases that are there, and what is said of it."""

    mode: Mode
    message: str
    expected: int | None


def _plan(fmt: ImportFormat = "jsonl", columns: Columns = None, file: FromQuery[str] = "") -> Plan:
    named: dict[str, str] = {}
    for each in columns or ():
        field, sign, column = each.partition(":")
        if not sign or field in named:
            raise InvalidRequest(
                f"{each[:80]!r} does not name a field's column.", fix="Write input:question.", param="columns"
            )
        named[field] = column
    return Plan(format=fmt, columns=named, source=file)


def _labels(
    split: FromQuery[str] = "",
    tags: Several = None,
    uses: Several = None,
    licence: FromQuery[str] = "",
    consent: FromQuery[Consent] = "unknown",
    pii: FromQuery[Pii] = "unknown",
) -> Labels:
    try:
        allowed = msgspec.convert(uses or ["evaluate"], tuple[Use, ...])
    except msgspec.ValidationError as error:
        raise InvalidRequest("Uses are evaluate, tune and train.", fix="Name some of them.", param="uses") from error
    return Labels(split=split, tags=tuple(tags or ()), uses=allowed, licence=licence, consent=consent, pii=pii)


def _change(
    mode: FromQuery[Mode] = "put", message: FromQuery[str] = "", expected_revision: FromQuery[int | None] = None
) -> Change:
    if len(message) > MAX_MESSAGE:
        raise InvalidRequest(f"A message has at most {MAX_MESSAGE:,} characters.", fix="Shorten it.", param="message")
    return Change(mode=mode, message=message, expected=expected_revision)


@route(
    "POST",
    ONE + "/import",
    "dataset:write",
    Operation(
        id="importCases",
        summary="Import a file of cases",
        tag=TAG,
        errors=(404, 409, 413),
        max_body=imports.MAX_BYTES,
        file_types=FILES,
    ),
    {"plan": _plan, "labels": _labels, "change": _change},
)
async def import_cases(
    deps: Deps,
    caller: CallerNow,
    tenant: Tenant,
    dataset: FromPath[str],
    request: Request[Any, Any, Any],
    plan: NamedDependency[SkipValidation[Plan]],
    labels: NamedDependency[SkipValidation[Labels]],
    change: NamedDependency[SkipValidation[Change]],
) -> WrittenCases:
    """The body is the file: JSON lines, CSV or Parquet, up to 256 MB and 250,000 rows. All of it becomes one version;
    one wrong row refuses it. ``mode``: ``add`` refuses ids that are there with other content, ``put`` changes them,
    ``replace`` also leaves out what is not in the file. The dataset is made if it is not there. Columns that are no
    field are kept as metadata."""
    datasets.check_name(dataset)
    plan = structs.replace(plan, **structs.asdict(labels))
    author = await author_of(deps, caller)
    with _folder(deps) as folder:
        file = await _received(request, folder)
        if plan.format == "parquet":
            prepared = await in_thread(deps.parquet_at_once, imports.prepare, file, plan, author, folder)
        else:
            prepared = await asyncio.to_thread(imports.prepare, file, plan, author, folder)

        def ensure(conn: Connection) -> None:
            if not datasets.is_there(conn, tenant.id, dataset):
                actor = actor_of(conn, caller)
                datasets.put(conn, DatasetEdit(project_id=tenant.id, name=dataset, actor=actor, now=author.at))

        await deps.db.write(ensure)
        told = change.message or f"Imported {plan.source or 'a file'}"
        to_be = writing(tenant, dataset, author, told[:MAX_MESSAGE], change.expected)
        staging = Staging(deps.db, to_be, new_id("stage"), deps.now)
        mode = "add" if change.mode == "add" else "put"
        done = await staging.write(_pieces(prepared), mode, replace=change.mode == "replace")
    return written_view(done, twice=prepared.twice)


async def _received(request: Request[Any, Any, Any], folder: Path) -> Path:
    """The body as a file. Raises `TooLarge`."""
    place, size = folder / "received", 0
    with place.open("wb") as file:
        async for part in request.stream():
            size += len(part)
            if size > imports.MAX_BYTES:
                raise TooLarge(f"A file has at most {imports.MAX_BYTES >> 20} MB.", fix="Split it into several.")
            file.write(part)
    return place


async def _pieces(prepared: Prepared) -> AsyncIterator[list[Case]]:
    cases = imports.read(prepared)
    while piece := await asyncio.to_thread(imports.in_pieces, cases, PIECE):
        yield piece


@contextmanager
def _folder(deps: Dependencies) -> Generator[Path]:
    """A folder of ours for one request, beside the data."""
    deps.settings.data_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="dataset-", dir=deps.settings.data_dir) as folder:
        yield Path(folder)


# --- export ---


class Purpose(Struct, frozen=True):
    """What cases are wanted for; ``allowed_only`` leaves those out that must not be used so."""

    use: Use
    allowed_only: bool


def purpose_of(use: FromQuery[Use] = "evaluate", allowed_only: FromQuery[bool] = False) -> Purpose:
    return Purpose(use, allowed_only)


@route(
    "GET",
    ONE + "/export",
    "dataset:read",
    Operation(
        id="exportCases",
        needs_content=True,
        summary="A version as a file",
        tag=TAG,
        errors=(404, 409),
        media_type="application/octet-stream",
    ),
    {"wanted": wanted_cases, "purpose": purpose_of},
)
async def export_cases(
    deps: Deps,
    caller: CallerNow,
    tenant: Tenant,
    dataset: FromPath[str],
    wanted: NamedDependency[SkipValidation[Wanted]],
    purpose: NamedDependency[SkipValidation[Purpose]],
    fmt: ExportFormat = "jsonl",
    version: FromQuery[str] = LATEST,
) -> Response[bytes]:
    """JSON lines are whole cases; CSV and Parquet one row a case; ``croissant`` describes the CSV of the same
    version (Croissant 1.0) and belongs into one folder with them. ``use`` says what for: refused (409) where a case
    must not be used so, unless ``allowed_only`` leaves it out; the header ``trimtab-left-out`` says how many were."""
    await permit(deps, caller, tenant, Asked(action="export", kind="dataset", name=dataset))

    def read(conn: Connection) -> tuple[Dataset, Out]:
        of = datasets.version(conn, tenant.id, dataset, version)
        if not purpose.allowed_only:
            datasets.must_allow(conn, of, purpose.use, wanted)
        refused = datasets.refused(conn, of, purpose.use, wanted) if purpose.allowed_only else ()
        leave = frozenset[str](refused)
        return datasets.get(conn, tenant.id, dataset), Out(of=of, wanted=wanted, leave=leave)

    found, out = await deps.db.read(read)
    await content_read(deps, caller, tenant, f"export:dataset:{dataset}", always=True)
    headers = {
        "content-disposition": f'attachment; filename="{file_name(out.of, fmt)}"',
        "trimtab-left-out": str(len(out.leave)),
    }
    body = await _exported(deps, tenant.slug, found, out, fmt)
    return cast("Response[bytes]", Stream(body, media_type=MEDIA[fmt], headers=headers))


async def _exported(
    deps: Dependencies, slug: str, found: Dataset, out: Out, fmt: exports.Format
) -> AsyncIterator[bytes]:
    if fmt == "jsonl":
        return exports.lines(deps.db, out)
    if fmt == "csv":
        return exports.table(deps.db, out)
    if fmt == "parquet":
        return await _parquet(deps, out)
    digest = await exports.digest(deps.db, out)
    licences = await deps.db.read(lambda conn: datasets.licences(conn, out.of))
    url = f"/projects/{slug}/datasets/{found.name}"
    made = croissant.describe(found, out.of, digest, url=url, licences=licences)
    return _once(msgspec.json.format(msgspec.json.encode(made), indent=2))


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _parquet(deps: Dependencies, out: Out) -> AsyncIterator[bytes]:
    """Made before the answer begins, so that a failure is told as one; the file has no name any more when read."""
    if not await deps.db.read(lambda conn: datasets.count(conn, out.of, out.wanted)):
        raise InvalidRequest("There are no cases to export.", fix="Ask for another split or version.")
    with _folder(deps) as folder:
        with (folder / "rows.jsonl").open("wb") as rows:
            async for part in exports.rows(deps.db, out):
                rows.write(part)
        await in_thread(deps.parquet_at_once, parquet.from_lines, folder / "rows.jsonl", folder / "cases.parquet")
        made = (folder / "cases.parquet").open("rb")
    return _read(made)


async def _read(file: BinaryIO) -> AsyncIterator[bytes]:
    with file:
        while part := file.read(1 << 18):
            yield part


ROUTES = (import_cases, export_cases)
