"""What each role may do. One table, read by the API's guard and by its tests."""

from typing import Literal, get_args

from trimtab.core.errors import Forbidden
from trimtab.governance.access import Principal, Role

Permission = Literal[
    "self",
    "system:read",
    "system:write",
    "metrics:read",
    "project:read",
    "project:write",
    "key:read",
    "key:write",
    "provider:read",
    "provider:write",
    "model:read",
    "model:write",
    "model:call",
    "route:read",
    "route:write",
    "trace:read",
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
    "retention:read",
    "retention:write",
    "erasure:read",
    "erasure:write",
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
]
PERMISSIONS: frozenset[Permission] = frozenset(get_args(Permission))
INSTANCE_ONLY: frozenset[Permission] = frozenset(("system:read", "system:write", "metrics:read"))
"""These show or change the whole server, so a key that belongs to one project never holds them."""

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
    )
)
GRANTS: dict[Role, frozenset[Permission]] = {
    "admin": PERMISSIONS,
    "editor": _READS | _EDITS,
    "reviewer": frozenset(("self", "project:read", "trace:read", "score:read", "review:read", "review:write")),
    "read_only": _READS,
    "client": frozenset(("self", "model:read", "model:call", "score:write", "prompt:read", "feedback:write")),
}
"""``editor`` keys are for people who change what apps do: prompts, drafts, releases, approvals and rollouts of one
project; nothing of keys, providers, money or data. ``reviewer`` keys are for people who check answers: they read the
traces of their project, work its queues, and do nothing else. ``client`` keys are for the data plane; of the API they
see themselves, the models they may call, and the prompts that their application renders."""


def holds(principal: Principal, permission: Permission) -> bool:
    """Whether the principal has the permission somewhere; which project it reaches is `Principal.project`."""
    if principal.project is not None and permission in INSTANCE_ONLY:
        return False
    return permission in GRANTS[principal.role]


def require(principal: Principal, permission: Permission) -> None:
    """Raises `Forbidden` with the permission that lacks."""
    if not holds(principal, permission):
        raise Forbidden(
            f"A key with the role {principal.role!r}{' of one project' if principal.project else ''} "
            f"may not do this: it needs {permission!r}.",
            fix="Use a key that may: the admin key, or one made for this by an administrator.",
        )
