"""Projects: the boundary that nothing crosses."""

import re

from msgspec import Struct
from sqlalchemy import Connection

from trimtab.core.errors import Conflict, InvalidRequest, NotFound
from trimtab.core.ids import new_id
from trimtab.governance import store
from trimtab.governance.access import DEFAULT_ORGANISATION
from trimtab.governance.store import ProjectRow
from trimtab.storage.revision import bump

DEFAULT = "default"
REVISION = "catalog"
"""The counter every change of the catalog counts up: `storage/revision.py`."""

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class ProjectChange(Struct, frozen=True, kw_only=True):
    """None leaves a field as it is."""

    name: str | None = None
    capture_content: bool | None = None
    audit_reads: str | None = None


def check_slug(slug: str) -> None:
    """Raises `InvalidRequest`: a slug stands in URLs and file names: it is lower-case letters, digits and hyphens."""
    if not _SLUG.fullmatch(slug):
        raise InvalidRequest(
            f"{slug[:80]!r} cannot be a project's slug.",
            fix="Use 1 to 63 lower-case letters, digits and hyphens, with no hyphen at either end, e.g. 'support-bot'.",
            param="slug",
        )


def check_name(name: str, *, param: str = "name") -> str:
    """A name for people: one line, at most 200 characters; returned without outer blanks."""
    name = name.strip()
    if len(name) > 200 or not name.isprintable():
        raise InvalidRequest(
            "The name is too long or holds control characters.",
            fix="Use one line of at most 200 characters.",
            param=param,
        )
    return name


def create(
    conn: Connection,
    *,
    slug: str,
    name: str,
    capture_content: bool,
    now: int,
    organisation_id: str = DEFAULT_ORGANISATION,
) -> ProjectRow:
    """A new project; `Conflict` where the slug is taken. ``now`` is Unix milliseconds."""
    check_slug(slug)
    name = check_name(name)
    bump(conn, REVISION)
    if store.project_by_slug(conn, slug) is not None:
        raise Conflict(f"There is already a project {slug!r}.", fix="Choose another slug.", param="slug")
    project = ProjectRow(
        id=new_id("prj"),
        slug=slug,
        name=name or slug,
        capture_content=capture_content,
        created=now,
        organisation_id=organisation_id,
    )
    store.add_project(conn, project)
    return project


def get(conn: Connection, slug: str) -> ProjectRow:
    project = store.project_by_slug(conn, slug)
    if project is None:
        raise NotFound(f"There is no project {slug[:80]!r}.", fix="Look at /api/v1/projects for those you may see.")
    return project


def change(conn: Connection, slug: str, wanted: ProjectChange) -> ProjectRow:
    """The project as changed."""
    bump(conn, REVISION)
    old = get(conn, slug)
    name = old.name if wanted.name is None else check_name(wanted.name) or old.slug
    capture = old.capture_content if wanted.capture_content is None else wanted.capture_content
    reads = old.audit_reads if wanted.audit_reads is None else wanted.audit_reads
    store.change_project(conn, old.id, name=name, capture_content=capture, audit_reads=reads)
    return get(conn, slug)
