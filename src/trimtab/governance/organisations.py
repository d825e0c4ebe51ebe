"""Organisations: what projects belong to, and where roles of one's own and members of many projects are kept."""

from msgspec import Struct
from sqlalchemy import Connection

from trimtab.core.errors import Conflict, InvalidRequest, NotFound
from trimtab.core.ids import new_id
from trimtab.governance import people_store as store
from trimtab.governance.access import DEFAULT_ORGANISATION
from trimtab.governance.people_store import OrganisationRow
from trimtab.governance.projects import REVISION, check_name, check_slug
from trimtab.storage.revision import bump

DEFAULT = "default"


class NewOrganisation(Struct, frozen=True, kw_only=True):
    slug: str
    name: str


def ensure_default(conn: Connection, now: int) -> None:
    """See that there is the organisation that every project belongs to unless another is named."""
    if store.organisation_by_slug(conn, DEFAULT) is None:
        bump(conn, REVISION)
        row = OrganisationRow(id=DEFAULT_ORGANISATION, slug=DEFAULT, name="Default organisation", created=now)
        store.add_organisation(conn, row)


def create(conn: Connection, wanted: NewOrganisation, now: int) -> OrganisationRow:
    """A new organisation; `Conflict` where the slug is taken. ``now`` is Unix ms."""
    try:
        check_slug(wanted.slug)
    except InvalidRequest as error:
        raise InvalidRequest(error.message.replace("project", "organisation"), fix=error.fix, param="slug") from None
    name = check_name(wanted.name) or wanted.slug
    bump(conn, REVISION)
    if store.organisation_by_slug(conn, wanted.slug) is not None:
        raise Conflict(f"There is already an organisation {wanted.slug!r}.", fix="Choose another slug.", param="slug")
    row = OrganisationRow(id=new_id("org"), slug=wanted.slug, name=name, created=now)
    store.add_organisation(conn, row)
    return row


def get(conn: Connection, slug: str) -> OrganisationRow:
    row = store.organisation_by_slug(conn, slug)
    if row is None:
        raise NotFound(f"There is no organisation {slug[:80]!r}.", fix="Look at /api/v1/organisations.")
    return row


def rename(conn: Connection, slug: str, name: str) -> OrganisationRow:
    row = get(conn, slug)
    bump(conn, REVISION)
    store.rename_organisation(conn, row.id, check_name(name) or slug)
    return get(conn, slug)
