"""Which project a vendor's client means, where its key reaches more than one.

Phoenix names it in ``x-phoenix-project-name``, LangSmith in ``langsmith-project``, MLflow's ``x-mlflow-experiment-id``
is a number of its own. A key of one project decides by itself; with a key of the whole server such a name is taken for
one of our projects where there is one of that slug, and for nothing where there is none.
"""

from typing import Any, Final

from trimtab.core.errors import Unauthenticated
from trimtab.governance.access import digest
from trimtab.server.dependencies import Dependencies
from trimtab.server.doors.otlp import secrets_in

_NAMES: Final = (b"x-phoenix-project-name", b"langsmith-project", b"x-mlflow-experiment-id")
OURS: Final = b"trimtab-project"


def named_project(deps: Dependencies, scope: Any) -> Any:
    """The scope, with our own header where a vendor's names a project of ours."""
    headers = dict[bytes, bytes](scope["headers"])
    given = next((headers[name] for name in _NAMES if name in headers), None)
    if given is None or OURS in headers or not deps.snapshots.ready:
        return scope
    access = deps.snapshots.current.access
    slug = given.decode("latin-1").strip()
    if slug not in access.projects or not _reaches_all(access.keys, headers):
        return scope
    return {**scope, "headers": [*scope["headers"], (OURS, slug.encode("latin-1"))]}


def _reaches_all(keys: Any, headers: dict[bytes, bytes]) -> bool:
    try:
        shown = secrets_in(headers.get)
    except Unauthenticated:
        return False
    return any((found := keys.get(digest(secret))) is not None and found.project is None for secret in shown)
