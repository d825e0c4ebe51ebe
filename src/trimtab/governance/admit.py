"""May this caller use the data plane, and of which project? Pure; the pipeline's first step."""

from trimtab.core.errors import Forbidden, InvalidRequest, NotFound, Unauthenticated
from trimtab.governance.access import AccessTable, Principal, Project

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
    if principal.role in ("read_only", "reviewer"):
        raise Forbidden(
            "This key may only read." if principal.role == "read_only" else "This key may only read and review.",
            fix="Call models with a key of role 'client'; make one in the console under Keys.",
            code="read_only_key",
        )
    if principal.project is not None:
        project = access.projects.get(principal.project.slug, principal.project)
        if wanted and wanted.decode("latin-1") not in (project.slug, project.id):
            raise Forbidden(
                f"This key belongs to the project {project.slug!r}.",
                fix="Leave the header 'trimtab-project' out, or use a key of the other project.",
                code="wrong_project",
            )
        return principal, project
    slug = wanted.decode("latin-1") if wanted else DEFAULT_PROJECT
    found = access.projects.get(slug)
    if found is None:
        if not wanted:
            raise InvalidRequest("This server has no default project.", fix="Name one in the header 'trimtab-project'.")
        fix = "Check the header 'trimtab-project'."
        raise NotFound(f"There is no project {slug!r}.", fix=fix, code="project_not_found")
    return principal, found
