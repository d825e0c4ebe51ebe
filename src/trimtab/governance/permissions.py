"""What each role may do. One table, read by the API's guard and by its tests."""

from typing import Literal, get_args

from msgspec import structs

from trimtab.core.errors import Forbidden
from trimtab.governance.access import Held, Principal, Project, Role

Permission = Literal[
    "self",
    "system:read",
    "system:write",
    "metrics:read",
    "project:read",
    "project:write",
    "key:read",
    "key:write",
    "member:read",
    "member:write",
    "role:read",
    "role:write",
    "organisation:read",
    "organisation:write",
    "provider:read",
    "provider:write",
    "model:read",
    "model:write",
    "model:call",
    "route:read",
    "route:write",
    "trace:read",
    "content:read",
    "content:unmask",
    "score:read",
    "score:write",
    "sql:read",
    "view:read",
    "view:write",
    "cost:read",
    "cost:write",
    "cache:read",
    "cache:write",
    "limit:read",
    "limit:write",
    "policy:read",
    "policy:write",
    "retention:read",
    "retention:write",
    "erasure:read",
    "erasure:write",
    "encryption:read",
    "encryption:write",
    "legal_hold:read",
    "legal_hold:write",
    "forward:read",
    "forward:write",
    "prompt:read",
    "prompt:write",
    "release:read",
    "release:write",
    "release:approve",
    "release:promote",
    "release:call",
    "gate:write",
    "audit:read",
    "dataset:read",
    "dataset:write",
    "evaluation:read",
    "evaluation:write",
    "review:read",
    "review:write",
    "review:manage",
    "feedback:write",
    "guard:read",
    "guard:write",
    "knowledge:read",
    "knowledge:write",
    "knowledge:search",
]
PERMISSIONS: frozenset[Permission] = frozenset(get_args(Permission))
INSTANCE_ONLY: frozenset[Permission] = frozenset(("system:read", "system:write", "metrics:read"))
"""These show or change the whole server, so nobody holds them by what he is in a project or an organisation."""

_READS: frozenset[Permission] = frozenset(p for p in PERMISSIONS if p == "self" or p.endswith(":read"))
_EDITS: frozenset[Permission] = frozenset(
    (
        "prompt:write",
        "release:write",
        "release:approve",
        "release:promote",
        "release:call",
        "gate:write",
        "score:write",
        "view:write",
        "model:call",
        "dataset:write",
        "evaluation:write",
        "review:write",
        "review:manage",
        "feedback:write",
        "knowledge:write",
        "knowledge:search",
    )
)
_OPERATES: frozenset[Permission] = frozenset(
    (
        "provider:write",
        "model:write",
        "model:call",
        "route:write",
        "limit:write",
        "cache:write",
        "cost:write",
        "forward:write",
        "release:promote",
        "view:write",
        "guard:write",
        "knowledge:search",
    )
)
_VIEWS: frozenset[Permission] = _READS - {"audit:read"}
GRANTS: dict[Role, frozenset[Permission]] = {
    "admin": PERMISSIONS,
    "editor": _READS | _EDITS,
    "reviewer": frozenset(
        ("self", "project:read", "trace:read", "content:read", "score:read", "review:read", "review:write")
    ),
    "read_only": _READS,
    "client": frozenset(
        (
            "self",
            "model:read",
            "model:call",
            "score:write",
            "prompt:read",
            "feedback:write",
            "knowledge:search",
            "content:read",
        )
    ),
    "viewer": _VIEWS,
    "developer": _VIEWS | _EDITS,
    "operator": _VIEWS | _OPERATES,
    "auditor": (_READS - {"content:read"}) | frozenset[Permission](("content:unmask",)),
}
"""``developer`` (``editor`` as keys know it) is for people who change what apps do: prompts, drafts, releases,
approvals and rollouts of one project; nothing of keys, providers, money or data. ``operator`` is for those who run it:
providers, models, routes, limits, prices, and the course of rollouts; nothing of what an app says. ``reviewer`` is for
people who check answers: they read the traces of their project, work its queues, and do nothing else. ``viewer`` reads
all but the audit log, ``read_only`` (of keys) the audit log too. ``auditor`` sees the audit log and all numbers, names
and verdicts, and none of the texts of calls ("metadata only"), unless they unmask a trace and say why. ``client`` keys
are for the data plane; of the API they see themselves, the models they may call, and the prompts that their application
renders, and search corpora; what they find there they may read, and no calls but their own."""

MEMBER_ROLES: tuple[Role, ...] = ("viewer", "developer", "reviewer", "operator", "auditor", "admin")
"""Those that members have; the others are for keys alone."""

NOBODY = Held()


def built_in(role: str) -> frozenset[str]:
    """What a built-in role grants; nothing for any other name."""
    return next((granted for name, granted in GRANTS.items() if name == role), frozenset[str]())


def within(permissions: frozenset[str]) -> frozenset[str]:
    """What is left of permissions that are held in an organisation or a project, and not on the instance."""
    return permissions - INSTANCE_ONLY


def held_by(principal: Principal) -> Held:
    """What a principal may do, and where."""
    if principal.held is not None:
        return principal.held
    granted = built_in(principal.role)
    if principal.project is None:
        return Held(instance=granted)
    return Held(projects={principal.project.id: within(granted)})


def holds(principal: Principal, permission: Permission) -> bool:
    """Whether the principal has the permission anywhere at all. Everybody may ask after himself."""
    if permission == "self":
        return True
    held = held_by(principal)
    return (
        permission in held.instance
        or any(permission in each for each in held.organisations.values())
        or any(permission in each for each in held.projects.values())
    )


def holds_everywhere(principal: Principal, permission: Permission) -> bool:
    """Whether it has the permission on the whole instance."""
    return permission == "self" or permission in held_by(principal).instance


def holds_in(principal: Principal, permission: Permission, project: Project) -> bool:
    """Whether it has the permission in this project."""
    return permission == "self" or permission in in_project(principal, project)


def in_project(principal: Principal, project: Project) -> frozenset[str]:
    """All that it may do in this project. Empty: for it, there is no such project."""
    held = held_by(principal)
    of_organisation = held.organisations.get(project.organisation, frozenset[str]())
    return within(held.instance) | of_organisation | held.projects.get(project.id, frozenset[str]())


def in_organisation(principal: Principal, organisation_id: str) -> frozenset[str]:
    """All that it may do in this organisation as such, and so in each of its projects."""
    held = held_by(principal)
    return within(held.instance) | held.organisations.get(organisation_id, frozenset[str]())


def narrowed(principal: Principal, project: Project) -> Principal:
    """The principal as it is in one project: nothing that is held elsewhere alone counts for what is asked of it
    there."""
    held = held_by(principal)
    if principal.project is not None or not (held.projects or held.organisations):
        return principal
    here = in_project(principal, project)
    return structs.replace(principal, project=project, held=Held(projects={project.id: here}))


def require(principal: Principal, permission: Permission, where: str = "") -> None:
    """Raises `Forbidden` where the principal has the permission nowhere."""
    if not holds(principal, permission):
        raise refusal(principal, permission, where)


def refusal(principal: Principal, permission: str, where: str = "") -> Forbidden:
    """What is said to who lacks a permission. ``where``: such as " in the project 'shop'"."""
    if principal.person:
        return Forbidden(
            f"You may not do this{where}: it needs {permission!r}.",
            fix="Ask an administrator for a role that has it.",
        )
    return Forbidden(
        f"A key with the role {principal.role!r}{' of one project' if principal.project else ''} "
        f"may not do this{where}: it needs {permission!r}.",
        fix="Use a key that may: the admin key, or one made for this by an administrator.",
    )
