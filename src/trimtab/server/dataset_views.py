"""Datasets and cases as the API shows them, and what its handlers for them share."""

from typing import Annotated

from litestar.params import FromQuery, QueryParameter
from msgspec import Meta, structs
from sqlalchemy import Connection

from trimtab.core.errors import InvalidRequest
from trimtab.evaluation import datasets
from trimtab.evaluation.cases import Author
from trimtab.evaluation.dataset_diff import CaseChange, DatasetDiff
from trimtab.evaluation.dataset_writes import Writing, Written
from trimtab.evaluation.datasets import Wanted
from trimtab.evaluation.types import Case, Dataset, DatasetVersion
from trimtab.governance.access import Project
from trimtab.governance.audit import Actor
from trimtab.server.acting import moment
from trimtab.server.actors import actor_of
from trimtab.server.auth import Caller
from trimtab.server.bodies.dataset import (
    CaseChangeView,
    CaseProvenance,
    CaseView,
    DatasetDiffView,
    DatasetView,
    VersionOfDataset,
    WrittenCases,
)
from trimtab.server.dependencies import Dependencies

BASE = "/api/v1/projects/{project:str}/datasets"
ONE = BASE + "/{dataset:str}"
TAG = "datasets"
Words = Annotated[str, Meta(max_length=500, description="Words that are in it."), QueryParameter(max_length=500)]


def no_nul(*texts: str) -> None:
    """Raises `InvalidRequest`: databases cannot look for it."""
    if any("\0" in text or len(text) > 1000 for text in texts):
        raise InvalidRequest("What is looked for has at most 1,000 characters, and no NUL.", fix="Shorten it.")


def wanted_cases(split: FromQuery[str] = "", tag: FromQuery[str] = "", q: FromQuery[str] = "") -> Wanted:
    """Which cases of a version, of query parameters."""
    no_nul(split, tag, q)
    return Wanted(split=split, tags=(tag,) if tag else (), q=q)


def dataset_view(found: Dataset, newest: DatasetVersion | None) -> DatasetView:
    values = {name: getattr(found, name) for name in DatasetView.__struct_fields__ if name not in ("cases", "splits")}
    if newest is None:
        return DatasetView(cases=0, splits={}, **values)
    return DatasetView(cases=newest.cases, splits=newest.splits, **values)


def seen(conn: Connection, tenant: Project, name: str) -> DatasetView:
    found = datasets.get(conn, tenant.id, name)
    return dataset_view(found, datasets.version(conn, tenant.id, name, found.newest) if found.newest else None)


def version_view(found: DatasetVersion) -> VersionOfDataset:
    return VersionOfDataset(**{name: getattr(found, name) for name in VersionOfDataset.__struct_fields__})


def case_view(case: Case) -> CaseView:
    own = [name for name in CaseView.__struct_fields__ if name not in ("provenance", "withheld")]
    values = {name: getattr(case, name) for name in own}
    return CaseView(provenance=CaseProvenance(**structs.asdict(case.provenance)), **values)


def written_view(done: Written, *, twice: int = 0, left: list[str] | None = None) -> WrittenCases:
    return WrittenCases(
        version=None if done.version is None else version_view(done.version),
        created=done.created,
        added=done.added,
        changed=done.changed,
        removed=done.removed,
        unchanged=done.unchanged,
        twice=twice,
        left=left or [],
    )


def diff_view(found: DatasetDiff, cursor: str | None) -> DatasetDiffView:
    values = {n: getattr(found, n) for n in DatasetDiffView.__struct_fields__ if n not in ("changes", "cursor")}
    return DatasetDiffView(changes=[_change_view(each) for each in found.changes], cursor=cursor, **values)


def _change_view(each: CaseChange) -> CaseChangeView:
    return CaseChangeView(
        case_id=each.case_id,
        kind=each.kind,
        says=each.says,
        fields=each.fields,
        before=None if each.before is None else case_view(each.before),
        after=None if each.after is None else case_view(each.after),
    )


async def author_of(deps: Dependencies, caller: Caller) -> Author:
    """Whom the provenance of cases names that this caller adds now."""

    def read(conn: Connection) -> Author:
        actor, at = actor_of(conn, caller), moment(conn, deps)
        return Author(id=actor.id, name=actor.name, at=at)

    return await deps.db.read(read)


def writing(tenant: Project, dataset: str, author: Author, message: str, expected: int | None) -> Writing:
    return Writing(
        project_id=tenant.id,
        dataset=dataset,
        actor=Actor(author.id, author.name),
        now=author.at,
        message=message,
        expected=expected,
    )
