"""Data classes of a project, what is of which, and the data terms of its providers and models."""

from litestar.params import FromPath, JSONBody
from sqlalchemy import Connection

from trimtab.core.errors import InvalidRequest, NotFound
from trimtab.gateway.policed import Stated, what_is
from trimtab.gateway.route import Target
from trimtab.governance import data_classes
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
from trimtab.governance.store import keys as keys_of
from trimtab.server import auditing
from trimtab.server.auditing import Deed, written
from trimtab.server.auth import Caller
from trimtab.server.bodies.policy import (
    DataClassBody,
    DataClassesBody,
    DataClassesView,
    DataClassMark,
    DataTermsPage,
    DataTermsView,
    ModelTermsView,
)
from trimtab.server.dependencies import Dependencies
from trimtab.server.routes import CallerNow, Deps, Operation, Tenant, route

TAG = "access policies"


# --- classes ---


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
    classes, marks = await deps.db.read(
        lambda conn: (data_classes.classes_of(conn, tenant.id), data_classes.marks(conn, tenant.id))
    )
    return DataClassesView(
        classes=list(classes.order),
        standard=classes.standard,
        marks=[DataClassMark(subject=each.subject, name=each.name, data_class=each.data_class) for each in marks],
    )


@route(
    "PUT",
    "/api/v1/projects/{project:str}/data-classes",
    "policy:write",
    Operation(id="setDataClasses", summary="Set the data classes of a project", tag=TAG, errors=(404,)),
)
async def set_classes(
    deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[DataClassesBody]
) -> DataClassesView:
    """A class that something is of must stay in the list."""
    classes = Classes(order=tuple(data.classes), standard=data.standard)
    state = auditing.row(data_classes.LISTS, project_id=tenant.id)
    deed = Deed(project=tenant, action="data_classes.set", subject="data-classes", state=state)
    await written(deps, caller, deed, lambda conn: data_classes.put_classes(conn, tenant.id, classes, deps.now()))
    await deps.snapshots.changed()
    return await _classes(deps, tenant)


@route(
    "PUT",
    "/api/v1/projects/{project:str}/data-classes/{subject:str}/{name:str}",
    "policy:write",
    Operation(
        id="setDataClass", summary="Say of what class a key's, app's or dataset's data is", tag=TAG, errors=(404,)
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
    rows = await deps.db.read(lambda conn: data_classes.terms(conn, tenant.id))
    targets = deps.snapshots.current.targets[tenant.id]
    stated = Stated(
        providers={row.name: row.terms for row in rows if row.subject == "provider"},
        models={row.name: row.terms for row in rows if row.subject == "model"},
    )
    of = targets.providers
    found = [Target(each, of[each.provider]) for each in targets.models.values() if each.provider in of]
    return DataTermsPage(
        items=[_terms_view(row) for row in rows],
        models=[_model_view(each, stated) for each in sorted(found, key=lambda each: each.model.name)],
    )


def _terms_view(row: TermsRow) -> DataTermsView:
    terms = row.terms
    return DataTermsView(
        subject=row.subject,
        name=row.name,
        region=terms.region,
        data_classes=None if terms.data_classes is None else list(terms.data_classes),
        terms=None if terms.terms is None else list(terms.terms),
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
    deps: Dependencies, caller: Caller, tenant: Project, subject: TermsSubject, name: str, terms: DataTerms
) -> DataTermsView:
    targets = deps.snapshots.current.targets[tenant.id]
    known = targets.providers if subject == "provider" else targets.models
    if name not in known and not (subject == "model" and name.partition("/")[0] in targets.providers):
        raise NotFound(
            f"There is no {subject} {name[:80]!r} in this project.", fix=f"List them: trimtab {subject}s list."
        )
    row = TermsRow(project_id=tenant.id, subject=subject, name=name, terms=terms)
    deed = _deed(tenant, "data_terms.set", subject, name)
    await written(deps, caller, deed, lambda conn: data_classes.put_terms(conn, row, deps.now()))
    await deps.snapshots.changed()
    return _terms_view(row)


async def _remove(deps: Dependencies, caller: Caller, tenant: Project, subject: TermsSubject, name: str) -> None:
    deed = _deed(tenant, "data_terms.removed", subject, name)
    await written(deps, caller, deed, lambda conn: data_classes.remove_terms(conn, tenant.id, subject, name))
    await deps.snapshots.changed()


def _deed(tenant: Project, action: str, subject: TermsSubject, name: str) -> Deed:
    state = auditing.row(data_classes.TERMS, project_id=tenant.id, subject=subject, name=name)
    return Deed(project=tenant, action=action, subject=f"{subject}:{name}", state=state)


@route(
    "PUT",
    "/api/v1/projects/{project:str}/providers/{name:str}/data-terms",
    "policy:write",
    Operation(id="setProviderDataTerms", summary="State a provider's data terms", tag=TAG, errors=(404,)),
)
async def set_provider(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], data: JSONBody[DataTerms]
) -> DataTermsView:
    """Its region, the data classes it may be given, and what was agreed with it: what policies go by. Replaces what
    there was. They decide nothing by themselves."""
    return await _put(deps, caller, tenant, "provider", name, data)


@route(
    "DELETE",
    "/api/v1/projects/{project:str}/providers/{name:str}/data-terms",
    "policy:write",
    Operation(
        id="removeProviderDataTerms", summary="Forget a provider's data terms", tag=TAG, status=204, errors=(404,)
    ),
)
async def remove_provider(deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str]) -> None:
    await _remove(deps, caller, tenant, "provider", name)


@route(
    "PUT",
    "/api/v1/projects/{project:str}/models/{name:str}/data-terms",
    "policy:write",
    Operation(id="setModelDataTerms", summary="State a model's data terms", tag=TAG, errors=(404,)),
)
async def set_model(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], data: JSONBody[DataTerms]
) -> DataTermsView:
    """What is left out it has from its provider."""
    return await _put(deps, caller, tenant, "model", name, data)


@route(
    "DELETE",
    "/api/v1/projects/{project:str}/models/{name:str}/data-terms",
    "policy:write",
    Operation(id="removeModelDataTerms", summary="Forget a model's data terms", tag=TAG, status=204, errors=(404,)),
)
async def remove_model(deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str]) -> None:
    await _remove(deps, caller, tenant, "model", name)


ROUTES = (
    get_classes, set_classes, set_class, list_terms, set_provider, remove_provider, set_model, remove_model,
)  # fmt: skip
