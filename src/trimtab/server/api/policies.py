"""Access policies: named sets of a project or an organisation, in versions; what they would have done."""

from typing import Any, Final

from litestar.params import FromPath, JSONBody
from sqlalchemy import Connection

from trimtab.core.errors import InvalidRequest
from trimtab.governance import edits, policies, policy_examples, policy_text
from trimtab.governance.access import Organisation, Project
from trimtab.governance.data_classes import Classes, classes_of
from trimtab.governance.edits import FIRST, Edit
from trimtab.governance.policies import Draft, Put, Scope, SetRow, VersionRow
from trimtab.governance.policy_eval import ALLOWED, Compiled, PolicySet
from trimtab.governance.policy_examples import PolicyExample
from trimtab.governance.policy_schema import SCHEMA
from trimtab.governance.policy_text import Mistake
from trimtab.server import auditing
from trimtab.server.actors import actor_of
from trimtab.server.auditing import Deed, Edited, edited, written
from trimtab.server.auth import Caller
from trimtab.server.bodies.policy import (
    AccessPolicyBody,
    PolicyAbout,
    PolicyAnswer,
    PolicyCheck,
    PolicyDraft,
    PolicyPlan,
    PolicyPlanRequest,
    PolicyQuestion,
    PolicySetDetail,
    PolicySetPage,
    PolicySetView,
    PolicySwitch,
    PolicyVersionView,
)
from trimtab.server.content_access import may_read, refuse_words
from trimtab.server.dependencies import Dependencies
from trimtab.server.planning_policies import planned
from trimtab.server.routes import CallerNow, Cursor, Deps, Limit, Operation, Seen, Tenant, Within, cut, route

TAG = "access policies"
KIND: Final = "set_of_policies"
OF_PROJECT: Final = "/api/v1/projects/{project:str}/access-policies"
OF_ORGANISATION: Final = "/api/v1/organisations/{organisation:str}/access-policies"


class Place:
    """Whose policies: a project's, or an organisation's."""

    def __init__(self, scope: str, kind: Scope, project: Project | None) -> None:
        self.scope = scope
        self.kind: Scope = kind
        self.project = project


def _mine(tenant: Project) -> Place:
    return Place(tenant.id, "project", tenant)


# --- views ---


def _about(text: str) -> list[PolicyAbout]:
    if policy_text.mistakes(text):
        return []
    made = Compiled(PolicySet(name="", text=text))
    return [
        PolicyAbout(
            id=each.name,
            effect="permit" if each.body["effect"] == "permit" else "forbid",
            actions=sorted(made.heads[number]),
            reason=each.annotations.get("reason", ""),
            fix=each.annotations.get("fix", ""),
        )
        for number, each in enumerate(policy_text.read(text))
    ]


def _view(row: SetRow, shown: VersionRow, kind: Scope, revision: int) -> PolicySetView:
    """Of the version in force, else the newest."""
    wrong = policy_text.mistakes(shown.text)
    return PolicySetView(
        name=row.name,
        scope=kind,
        in_force=row.in_force,
        newest=row.newest,
        otherwise=shown.otherwise,
        policies=_about(shown.text),
        tests=len(shown.tests),
        note=shown.note,
        author=shown.author,
        updated=row.updated,
        broken=f"Line {wrong[0].line}: {wrong[0].message}" if wrong else "",
        revision=revision,
    )


def _version(row: VersionRow, in_force: int | None) -> PolicyVersionView:
    return PolicyVersionView(
        number=row.number,
        text=row.text,
        otherwise=row.otherwise,
        tests=list(row.tests),
        note=row.note,
        hash=row.hash,
        author=row.author,
        created=row.created,
        in_force=row.number == in_force,
    )


async def _page(deps: Dependencies, scopes: dict[str, Scope], cursor: str | None, limit: int) -> PolicySetPage:
    def read(conn: Connection) -> list[PolicySetView]:
        revisions = {scope: edits.revisions(conn, scope, KIND) for scope in scopes}
        made: list[PolicySetView] = []
        for row in policies.sets(conn, list(scopes)):
            shown = policies.version(conn, row.scope, row.name, row.in_force or row.newest)
            made.append(_view(row, shown, scopes[row.scope], revisions[row.scope].get(row.name, FIRST)))
        return made

    found = {f"{view.name}/{view.scope}": view for view in await deps.db.read(read)}
    names, more = cut(sorted(found), cursor, limit)
    return PolicySetPage(items=[found[name] for name in names], cursor=more)


async def _detail(deps: Dependencies, place: Place, name: str) -> PolicySetDetail:
    def read(conn: Connection) -> tuple[int, SetRow, list[VersionRow]]:
        revision = edits.current(conn, _edit(place, name))
        return revision, policies.one(conn, place.scope, name), policies.versions(conn, place.scope, name)

    revision, row, all_of = await deps.db.read(read)
    shown = next(each for each in all_of if each.number == (row.in_force or row.newest))
    return PolicySetDetail(
        set=_view(row, shown, place.kind, revision), versions=[_version(each, row.in_force) for each in all_of]
    )


# --- what people change ---


def _state(place: Place, name: str) -> auditing.Reader:
    """A set and what its text was, by its hash: its versions may be removed, the audit log is not."""
    row = auditing.row(policies.SETS, scope=place.scope, name=name)

    def read(conn: Connection) -> dict[str, Any] | None:
        found = row(conn)
        if found is None:
            return None
        numbers = {"newest": found["newest"], "in_force": found["in_force"]}
        hashes = {
            told: policies.version(conn, place.scope, name, number).hash for told, number in numbers.items() if number
        }
        return {**found, "hashes": hashes}

    return read


def _edit(place: Place, name: str, expected: int | None = None) -> Edit:
    return Edit(place=place.scope, kind=KIND, name=name, expected=expected)


def _deed(place: Place, action: str, name: str, expected: int | None = None) -> Deed:
    return Deed(
        project=place.project,
        action=action,
        subject=f"policy:{name}",
        state=_state(place, name),
        detail={} if place.project is not None else {"organisation": place.scope},
        edit=_edit(place, name, expected),
    )


def _order(deps: Dependencies, place: Place) -> tuple[str, ...]:
    governed = None if place.project is None else deps.snapshots.current.governed.get(place.project.id)
    return (Classes() if governed is None else governed.stated.classes).order


async def _put(deps: Dependencies, caller: Caller, place: Place, name: str, data: AccessPolicyBody) -> PolicySetView:
    draft = Draft(text=data.text, otherwise=data.otherwise, tests=tuple(data.tests), note=data.note)
    policies.check(name, draft, _order(deps, place))

    def change(conn: Connection) -> SetRow:
        author = actor_of(conn, caller).name
        order = classes_of(conn, place.scope).order
        asked = Put(scope=place.scope, name=name, draft=draft, author=author, on=data.on, order=order, now=deps.now())
        return policies.put(conn, asked)

    made = await edited(deps, caller, _deed(place, "policy.written", name, data.expected_revision), change)
    await deps.snapshots.changed()
    return await _shown(deps, place, made)


async def _shown(deps: Dependencies, place: Place, made: Edited[SetRow]) -> PolicySetView:
    row = made.made
    number = row.in_force or row.newest
    shown = await deps.db.read(lambda conn: policies.version(conn, row.scope, row.name, number))
    return _view(row, shown, place.kind, made.revision)


async def _switch(deps: Dependencies, caller: Caller, place: Place, name: str, asked: PolicySwitch) -> PolicySetView:
    action = "policy.switched_off" if asked.version is None else "policy.switched"
    made = await edited(
        deps,
        caller,
        _deed(place, action, name, asked.expected_revision),
        lambda conn: policies.switch(conn, place.scope, name, asked.version, deps.now()),
    )
    await deps.snapshots.changed()
    return await _shown(deps, place, made)


async def _remove(deps: Dependencies, caller: Caller, place: Place, name: str, expected: int | None) -> None:
    deed = _deed(place, "policy.removed", name, expected)
    await written(deps, caller, deed, lambda conn: policies.remove(conn, place.scope, name))
    await deps.snapshots.changed()


# --- routes of a project ---


@route(
    "GET",
    OF_PROJECT,
    "policy:read",
    Operation(id="listAccessPolicies", summary="The policies that hold in a project", tag=TAG, errors=(404,)),
)
async def list_policies(deps: Deps, tenant: Tenant, cursor: Cursor = None, limit: Limit = 100) -> PolicySetPage:
    """Its own sets, and its organisation's (``scope``), in order of name."""
    return await _page(deps, {tenant.id: "project", tenant.organisation: "organisation"}, cursor, limit)


@route(
    "GET",
    OF_PROJECT + "/{name:str}",
    "policy:read",
    Operation(id="getAccessPolicies", summary="A set of policies and its versions", tag=TAG, errors=(404,)),
)
async def get_policies(deps: Deps, tenant: Tenant, name: FromPath[str]) -> PolicySetDetail:
    return await _detail(deps, _mine(tenant), name)


@route(
    "PUT",
    OF_PROJECT + "/{name:str}",
    "policy:write",
    Operation(id="putAccessPolicies", summary="Write a version of a set of policies", tag=TAG, errors=(404, 409)),
)
async def put_policies(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], data: JSONBody[AccessPolicyBody]
) -> PolicySetView:
    """Refused with the line of every mistake, and with the tests that do not hold. In force in every worker when this
    returns, unless ``on`` is false. The same text and tests again make no new version. With ``expected_revision`` it
    is refused (409) where somebody changed the set since that revision; 0: it is to be new."""
    return await _put(deps, caller, _mine(tenant), name, data)


@route(
    "POST",
    OF_PROJECT + "/{name:str}/switch",
    "policy:write",
    Operation(id="switchAccessPolicies", summary="Put a version in force, or none", tag=TAG, errors=(404, 409)),
)
async def switch_policies(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], data: JSONBody[PolicySwitch]
) -> PolicySetView:
    """``version`` null switches the set off; its versions stay. ``expected_revision`` is as for a new version."""
    return await _switch(deps, caller, _mine(tenant), name, data)


@route(
    "DELETE",
    OF_PROJECT + "/{name:str}",
    "policy:write",
    Operation(id="deleteAccessPolicies", summary="Remove a set of policies", tag=TAG, status=204, errors=(404, 409)),
)
async def delete_policies(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], expected_revision: Seen = None
) -> None:
    """With all its versions; the audit log keeps that they were."""
    await _remove(deps, caller, _mine(tenant), name, expected_revision)


# --- routes of an organisation ---


def _wide(within: Organisation) -> Place:
    return Place(within.id, "organisation", None)


@route(
    "GET",
    OF_ORGANISATION,
    "policy:read",
    Operation(id="listOrganisationPolicies", summary="The policies of an organisation", tag=TAG, errors=(404,)),
)
async def list_wide(deps: Deps, within: Within, cursor: Cursor = None, limit: Limit = 100) -> PolicySetPage:
    """They hold in each of its projects, which cannot undo them."""
    return await _page(deps, {within.id: "organisation"}, cursor, limit)


@route(
    "GET",
    OF_ORGANISATION + "/{name:str}",
    "policy:read",
    Operation(id="getOrganisationPolicies", summary="An organisation's set of policies", tag=TAG, errors=(404,)),
)
async def get_wide(deps: Deps, within: Within, name: FromPath[str]) -> PolicySetDetail:
    return await _detail(deps, _wide(within), name)


@route(
    "PUT",
    OF_ORGANISATION + "/{name:str}",
    "policy:write",
    Operation(id="putOrganisationPolicies", summary="Write a version for an organisation", tag=TAG, errors=(404, 409)),
)
async def put_wide(
    deps: Deps, caller: CallerNow, within: Within, name: FromPath[str], data: JSONBody[AccessPolicyBody]
) -> PolicySetView:
    """As for a project; in force in each of the organisation's."""
    return await _put(deps, caller, _wide(within), name, data)


@route(
    "POST",
    OF_ORGANISATION + "/{name:str}/switch",
    "policy:write",
    Operation(id="switchOrganisationPolicies", summary="Put a version in force, or none", tag=TAG, errors=(404,)),
)
async def switch_wide(
    deps: Deps, caller: CallerNow, within: Within, name: FromPath[str], data: JSONBody[PolicySwitch]
) -> PolicySetView:
    return await _switch(deps, caller, _wide(within), name, data)


@route(
    "DELETE",
    OF_ORGANISATION + "/{name:str}",
    "policy:write",
    Operation(
        id="deleteOrganisationPolicies", summary="Remove an organisation's set", tag=TAG, status=204, errors=(404, 409)
    ),
)
async def delete_wide(
    deps: Deps, caller: CallerNow, within: Within, name: FromPath[str], expected_revision: Seen = None
) -> None:
    await _remove(deps, caller, _wide(within), name, expected_revision)


# --- trying ---


@route(
    "GET",
    "/api/v1/policy-schema",
    "self",
    Operation(id="getPolicySchema", summary="The Cedar schema that policies are written about", tag=TAG),
)
async def get_schema() -> dict[str, str]:
    """``schema`` in Cedar's human-readable syntax."""
    return {"schema": SCHEMA}


@route(
    "POST",
    "/api/v1/projects/{project:str}/policy-check",
    "policy:read",
    Operation(
        id="checkAccessPolicies",
        summary="What is wrong with policies, and whether their tests hold",
        tag=TAG,
        errors=(404,),
    ),
)
async def check_policies(deps: Deps, tenant: Tenant, data: JSONBody[PolicyDraft]) -> PolicyCheck:
    """Nothing is kept."""
    mistakes: list[Mistake] = policy_text.mistakes(data.text)
    if mistakes:
        return PolicyCheck(ok=False, mistakes=mistakes, tests=[])
    if len(data.tests) > policy_examples.MOST:
        raise InvalidRequest(f"A set may have {policy_examples.MOST} tests.", fix="Split the set.", param="tests")
    source = PolicySet(name="draft", text=data.text, otherwise=data.otherwise)
    outcomes = policy_examples.run(source, data.tests, _order(deps, _mine(tenant)))
    return PolicyCheck(ok=all(each.passed for each in outcomes), mistakes=[], tests=outcomes)


@route(
    "POST",
    "/api/v1/projects/{project:str}/policy-plan",
    "policy:read",
    Operation(
        id="planAccessPolicies", summary="What policies would have done with last week's calls", tag=TAG, errors=(404,)
    ),
)
async def plan_policies(deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[PolicyPlanRequest]) -> PolicyPlan:
    """Every recorded call is judged by what is in force and by what is proposed. No provider is asked, and nothing is
    kept."""
    if not may_read(caller.principal, tenant):
        refuse_words(data.q)
    return await planned(deps, tenant, data)


@route(
    "POST",
    "/api/v1/projects/{project:str}/policy-ask",
    "policy:read",
    Operation(id="askAccessPolicies", summary="What the policies in force say of one request", tag=TAG, errors=(404,)),
)
async def ask_policies(deps: Deps, tenant: Tenant, data: JSONBody[PolicyQuestion]) -> PolicyAnswer:
    """The request is described as in a test of a set."""
    governed = deps.snapshots.current.governed.get(tenant.id)
    verdict = ALLOWED
    if governed is not None and governed.engine is not None:
        asked = PolicyExample(
            name="asked",
            expect="allow",
            action=data.action,
            principal=data.principal,
            resource=data.resource,
            context=data.context,
        )
        verdict = policy_examples.ask(governed.engine, asked, governed.stated.classes.order)
    return PolicyAnswer(
        allowed=verdict.allowed,
        set=verdict.set,
        policy=verdict.policy,
        why="" if verdict.allowed else verdict.sentence(),
        fix=verdict.fix,
    )


ROUTES = (
    list_policies, get_policies, put_policies, switch_policies, delete_policies, list_wide, get_wide, put_wide,
    switch_wide, delete_wide, get_schema, check_policies, plan_policies, ask_policies,
)  # fmt: skip
