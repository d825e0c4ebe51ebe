"""Data classes of a project, what is of which, and the data terms of its providers and models."""

from litestar.params import FromPath, JSONBody
from msgspec import structs
from sqlalchemy import Connection

from trimtab.core.errors import InvalidRequest, NotFound
from trimtab.gateway.policed import Stated, what_is
from trimtab.gateway.route import Target
from trimtab.governance import data_classes, edits
from trimtab.governance.access import Project
from trimtab.governance.data_classes import (
    MARKED,
    Classes,
    DataTerms,
    Mark,
    MarkedSubject,
    TermsRow,
    TermsSubject,
)
from trimtab.governance.edits import FIRST, Edit
from trimtab.governance.store import keys as keys_of
from trimtab.server import auditing
from trimtab.server.auditing import Deed, edited, written
from trimtab.server.auth import Caller
from trimtab.server.bodies.policy import (
    DataClassBody,
    DataClassesBody,
    DataClassesView,
    DataClassMark,
    DataTermsPage,
    DataTermsView,
    ModelTermsView,
    PutDataTerms,
)
from trimtab.server.dependencies import Dependencies
from trimtab.server.routes import CallerNow, Deps, Operation, Seen, Tenant, route

TAG = "access policies"


# --- classes ---


def _list_edit(tenant: Project, expected: int | None = None) -> Edit:
    return Edit(place=tenant.id, kind="list_of_data_classes", name="", expected=expected)


@route(
    "GET",
    "/api/v1/projects/{project:str}/data-classes",
    "policy:read",
    Operation(id="getDataClasses", summary="The data classes of a project", tag=TAG, errors=(404,)),
)
async def get_classes(deps: Deps, tenant: Tenant) -> DataClassesView:
    """The least sensitive first, and the keys, apps and datasets that are of one."""
    return await _classes(deps, tenant)


async def _classes(deps: Dependencies, tenant: Project) -> DataClassesView:
    def read(conn: Connection) -> tuple[int, Classes, list[Mark]]:
        revision = edits.current(conn, _list_edit(tenant))
        return revision, data_classes.classes_of(conn, tenant.id), data_classes.marks(conn, tenant.id)

    revision, classes, marks = await deps.db.read(read)
    return DataClassesView(
        classes=list(classes.order),
        standard=classes.standard,
        marks=[DataClassMark(subject=each.subject, name=each.name, data_class=each.data_class) for each in marks],
        revision=revision,
    )


@route(
    "PUT",
    "/api/v1/projects/{project:str}/data-classes",
    "policy:write",
    Operation(id="setDataClasses", summary="Set the data classes of a project", tag=TAG, errors=(404, 409)),
)
async def set_classes(
    deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[DataClassesBody]
) -> DataClassesView:
    """A class that something is of must stay in the list. With ``expected_revision`` it is refused (409) where somebody
    changed the list since that revision."""
    classes = Classes(order=tuple(data.classes), standard=data.standard)
    deed = Deed(
        project=tenant,
        action="data_classes.set",
        subject="data-classes",
        state=lambda conn: structs.asdict(data_classes.classes_of(conn, tenant.id)),
        edit=_list_edit(tenant, data.expected_revision),
    )
    made = await edited(deps, caller, deed, lambda conn: data_classes.put_classes(conn, tenant.id, classes, deps.now()))
    await deps.snapshots.changed()
    return structs.replace(await _classes(deps, tenant), revision=made.revision)


@route(
    "PUT",
    "/api/v1/projects/{project:str}/data-classes/{subject:str}/{name:str}",
    "policy:write",
    Operation(
        id="setDataClass", summary="Say of what class a key's, app's or dataset's data is", tag=TAG, errors=(404, 409)
    ),
)
async def set_class(
    deps: Deps,
    caller: CallerNow,
    tenant: Tenant,
    subject: FromPath[str],
    name: FromPath[str],
    data: JSONBody[DataClassBody],
) -> DataClassesView:
    """``subject`` is ``key`` (by id or name), ``app`` or ``dataset``. A call's class is the most sensitive of what
    its header, its key, its app and its guards declare. An empty class removes it."""
    marked = _subject(subject)
    own = await deps.db.read(lambda conn: _key_id(conn, tenant, name)) if marked == "key" else name
    state = auditing.row(data_classes.MARKS, project_id=tenant.id, subject=marked, name=own)
    deed = Deed(project=tenant, action="data_class.set", subject=f"{marked}:{own}", state=state)

    def change(conn: Connection) -> None:
        edits.hold(conn)
        was = state(conn) or {"data_class": ""}
        edits.expect_value(
            f"The class of {marked} {name!r}", data.expected_class, was["data_class"], param="expected_class"
        )
        mark = Mark(project_id=tenant.id, subject=marked, name=own, data_class=data.data_class)
        data_classes.put_mark(conn, mark, deps.now())

    await written(deps, caller, deed, change)
    await deps.snapshots.changed()
    return await _classes(deps, tenant)


def _subject(text: str) -> MarkedSubject:
    for each in MARKED:
        if each == text:
            return each
    raise InvalidRequest(f"{text[:40]!r} has no data class.", fix=f"Name one of {', '.join(MARKED)}.", param="subject")


def _key_id(conn: Connection, tenant: Project, name: str) -> str:
    found = keys_of(conn, tenant.id)
    for key in found:
        if key.id == name or (key.name == name and key.revoked is None):
            return key.id
    raise NotFound(f"There is no key {name[:80]!r} in this project.", fix="List them: trimtab keys list.")


# --- terms ---


@route(
    "GET",
    "/api/v1/projects/{project:str}/data-terms",
    "policy:read",
    Operation(id="listDataTerms", summary="The data terms of providers and models", tag=TAG, errors=(404,)),
)
async def list_terms(deps: Deps, tenant: Tenant) -> DataTermsPage:
    """What is stated, and what comes of it for each model that can be called by name. Where nobody states a region,
    it is what the provider's own settings say."""

    def read(conn: Connection) -> tuple[dict[TermsSubject, dict[str, int]], list[TermsRow]]:
        of_providers = edits.revisions(conn, tenant.id, _kind("provider"))
        of_models = edits.revisions(conn, tenant.id, _kind("model"))
        return {"provider": of_providers, "model": of_models}, data_classes.terms(conn, tenant.id)

    revisions, rows = await deps.db.read(read)
    targets = deps.snapshots.current.targets[tenant.id]
    stated = Stated(
        providers={row.name: row.terms for row in rows if row.subject == "provider"},
        models={row.name: row.terms for row in rows if row.subject == "model"},
    )
    of = targets.providers
    found = [Target(each, of[each.provider]) for each in targets.models.values() if each.provider in of]
    return DataTermsPage(
        items=[_terms_view(row, revisions[row.subject].get(row.name, FIRST)) for row in rows],
        models=[_model_view(each, stated) for each in sorted(found, key=lambda each: each.model.name)],
    )


def _terms_view(row: TermsRow, revision: int) -> DataTermsView:
    terms = row.terms
    return DataTermsView(
        subject=row.subject,
        name=row.name,
        region=terms.region,
        data_classes=None if terms.data_classes is None else list(terms.data_classes),
        terms=None if terms.terms is None else list(terms.terms),
        revision=revision,
    )


def _model_view(target: Target, stated: Stated) -> ModelTermsView:
    what = what_is(target, stated).attrs
    return ModelTermsView(
        model=target.model.name,
        provider=target.provider.name,
        region=what["region"],
        local=what["local"],
        data_classes=list(what["data_classes"]),
        terms=list(what["terms"]),
    )


async def _put(
    deps: Dependencies, caller: Caller, tenant: Project, subject: TermsSubject, name: str, data: PutDataTerms
) -> DataTermsView:
    targets = deps.snapshots.current.targets[tenant.id]
    known = targets.providers if subject == "provider" else targets.models
    if name not in known and not (subject == "model" and name.partition("/")[0] in targets.providers):
        raise NotFound(
            f"There is no {subject} {name[:80]!r} in this project.", fix=f"List them: trimtab {subject}s list."
        )
    terms = DataTerms(region=data.region, data_classes=data.data_classes, terms=data.terms)
    row = TermsRow(project_id=tenant.id, subject=subject, name=name, terms=terms)
    deed = _deed(tenant, "data_terms.set", subject, name, data.expected_revision)
    made = await edited(deps, caller, deed, lambda conn: data_classes.put_terms(conn, row, deps.now()))
    await deps.snapshots.changed()
    return _terms_view(row, made.revision)


async def _remove(
    deps: Dependencies, caller: Caller, tenant: Project, subject: TermsSubject, name: str, expected: int | None
) -> None:
    deed = _deed(tenant, "data_terms.removed", subject, name, expected)
    await written(deps, caller, deed, lambda conn: data_classes.remove_terms(conn, tenant.id, subject, name))
    await deps.snapshots.changed()


def _kind(subject: TermsSubject) -> str:
    return f"data_terms_of_{subject}"


def _deed(tenant: Project, action: str, subject: TermsSubject, name: str, expected: int | None = None) -> Deed:
    state = auditing.row(data_classes.TERMS, project_id=tenant.id, subject=subject, name=name)
    edit = Edit(place=tenant.id, kind=_kind(subject), name=name, expected=expected)
    return Deed(project=tenant, action=action, subject=f"{subject}:{name}", state=state, edit=edit)


@route(
    "PUT",
    "/api/v1/projects/{project:str}/providers/{name:str}/data-terms",
    "policy:write",
    Operation(id="setProviderDataTerms", summary="State a provider's data terms", tag=TAG, errors=(404, 409)),
)
async def set_provider(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], data: JSONBody[PutDataTerms]
) -> DataTermsView:
    """Its region, the data classes it may be given, and what was agreed with it: what policies go by. Replaces what
    there was. They decide nothing by themselves. With ``expected_revision`` it is refused (409) where somebody changed
    them since that revision; 0: none are stated yet."""
    return await _put(deps, caller, tenant, "provider", name, data)


@route(
    "DELETE",
    "/api/v1/projects/{project:str}/providers/{name:str}/data-terms",
    "policy:write",
    Operation(
        id="removeProviderDataTerms", summary="Forget a provider's data terms", tag=TAG, status=204, errors=(404, 409)
    ),
)
async def remove_provider(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], expected_revision: Seen = None
) -> None:
    await _remove(deps, caller, tenant, "provider", name, expected_revision)


@route(
    "PUT",
    "/api/v1/projects/{project:str}/models/{name:str}/data-terms",
    "policy:write",
    Operation(id="setModelDataTerms", summary="State a model's data terms", tag=TAG, errors=(404, 409)),
)
async def set_model(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], data: JSONBody[PutDataTerms]
) -> DataTermsView:
    """What is left out it has from its provider. ``expected_revision`` is as for a provider's."""
    return await _put(deps, caller, tenant, "model", name, data)


@route(
    "DELETE",
    "/api/v1/projects/{project:str}/models/{name:str}/data-terms",
    "policy:write",
    Operation(id="removeModelDataTerms", summary="Forget a model's data terms", tag=TAG, status=204, errors=(404, 409)),
)
async def remove_model(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], expected_revision: Seen = None
) -> None:
    await _remove(deps, caller, tenant, "model", name, expected_revision)


ROUTES = (
    get_classes, set_classes, set_class, list_terms, set_provider, remove_provider, set_model, remove_model,
)  # fmt: skip
