"""May this caller use the data plane, and of which project? Pure; the pipeline's first step."""

from trimtab.core.errors import Forbidden, InvalidRequest, NotFound, Unauthenticated
from trimtab.governance.access import AccessTable, Principal, Project
from trimtab.governance.permissions import holds, holds_in, in_project, narrowed

DEFAULT_PROJECT = "default"


def secret_of(authorization: bytes | None, x_api_key: bytes | None) -> str:
    """The secret a client shows: ``Authorization: Bearer`` (OpenAI's clients) or ``x-api-key`` (Anthropic's)."""
    if x_api_key:
        return x_api_key.decode("latin-1").strip()
    if authorization:
        if authorization.startswith(b"Bearer ") and (bearer := authorization[7:].decode("latin-1").strip()):
            return bearer
        scheme, _, secret = authorization.decode("latin-1").strip().partition(" ")
        if scheme.lower() == "bearer" and secret.strip():
            return secret.strip()
    raise Unauthenticated(
        "No key was sent.",
        fix="Set your client's api_key to a key of this server, so that it sends 'Authorization: Bearer tt_...'.",
        code="missing_api_key",
    )


def admit(access: AccessTable, secret: str, wanted: bytes | None, now_ns: int) -> tuple[Principal, Project]:
    """The caller and the project its call belongs to.

    ``wanted`` is the ``trimtab-project`` header: only a key of the whole instance may choose, and it gets the default
    project unless it does. Raises `Unauthenticated`, `Forbidden` or `NotFound`.
    """
    principal = access.authenticate(secret, now_ns)
    if not holds(principal, "model:call"):
        raise _only_reads(principal)
    project = _project(access, principal, wanted)
    if not holds_in(principal, "model:call", project):
        raise _only_reads(principal)
    return narrowed(principal, project), project


def _project(access: AccessTable, principal: Principal, wanted: bytes | None) -> Project:
    if principal.project is not None:
        project = access.projects.get(principal.project.slug, principal.project)
        if wanted and wanted.decode("latin-1") not in (project.slug, project.id):
            raise _of_another(f"This key belongs to the project {project.slug!r}.")
        return project
    slug = wanted.decode("latin-1") if wanted else DEFAULT_PROJECT
    found = access.projects.get(slug)
    if found is None:
        if not wanted:
            raise InvalidRequest("This server has no default project.", fix="Name one in the header 'trimtab-project'.")
        fix = "Check the header 'trimtab-project'."
        raise NotFound(f"There is no project {slug!r}.", fix=fix, code="project_not_found")
    if principal.held is not None and not in_project(principal, found):
        named = [each.slug for each in access.projects.values() if in_project(principal, each)]
        allowed = ", ".join(repr(slug) for slug in sorted(named)[:8])
        if not wanted:
            raise InvalidRequest(
                "This key is for several projects, and the call names none.",
                fix=f"Send the header 'trimtab-project' with one of {allowed}.",
                code="project_needed",
            )
        raise _of_another(f"This key may be used in {allowed}.")
    return found


def _of_another(message: str) -> Forbidden:
    return Forbidden(
        message,
        fix="Leave the header 'trimtab-project' out, or use a key of the other project.",
        code="wrong_project",
    )


def _only_reads(principal: Principal) -> Forbidden:
    return Forbidden(
        "This key may only read and review." if principal.role == "reviewer" else "This key may only read.",
        fix="Call models with a key of role 'client'; make one in the console under Keys.",
        code="read_only_key",
    )


def may_call(principal: Principal, name: str) -> bool:
    """Whether a key that is bound to some names may call this one."""
    allowed = principal.models
    return allowed is None or any(name.startswith(each[:-1]) if each[-1:] == "*" else name == each for each in allowed)


def check_model(principal: Principal, name: str) -> None:
    """Raises `Forbidden` where a key is bound to some names, and this is none of them."""
    if not may_call(principal, name):
        raise Forbidden(
            f"This key may not call {name[:80]!r}." if name else "This key may not call what names no model.",
            fix=f"It may call {', '.join((principal.models or ())[:8])}; an administrator may make another key.",
            code="model_forbidden",
            param="model",
        )
