"""Directories: which organisation lets an identity provider keep its people, by which tokens, and what groups mean."""

from litestar.params import FromPath, JSONBody
from msgspec import structs
from sqlalchemy import Connection

from trimtab.governance import domains, edits, members, permissions
from trimtab.governance.access import Organisation
from trimtab.governance.edits import Edit
from trimtab.governance.scim import directories, settling, store
from trimtab.governance.scim.directories import Holding, IssuedToken, NewToken
from trimtab.governance.scim.store import DIRECTORIES, DirectoryRow, Terms, TokenRow
from trimtab.server import auditing
from trimtab.server.actors import actor_of
from trimtab.server.auditing import Deed, edited, written
from trimtab.server.auth import Caller
from trimtab.server.bodies.directory import (
    DirectoryBody,
    DirectoryGroupPage,
    DirectoryGroupView,
    DirectoryTokenList,
    DirectoryTokenView,
    DirectoryView,
    DomainsBody,
    DomainsView,
    IssuedDirectoryToken,
    NewDirectoryToken,
)
from trimtab.server.dependencies import Dependencies
from trimtab.server.doors.scim import PREFIX
from trimtab.server.routes import (
    CallerNow,
    Cursor,
    Deps,
    Limit,
    Operation,
    Seen,
    Within,
    read_cursor,
    route,
    write_cursor,
)

TAG = "people"
PATH = "/api/v1/organisations/{organisation:str}/directory"
DOMAINS_PATH = "/api/v1/organisations/{organisation:str}/domains"


def _url(deps: Dependencies) -> str:
    return f"{deps.settings.address}{PREFIX}"


def _holding(caller: Caller, within: Organisation) -> Holding:
    return Holding(
        here=permissions.in_organisation(caller.principal, within.id),
        everywhere=permissions.held_by(caller.principal).instance,
    )


def _deed(within: Organisation, action: str, expected: int | None = None) -> Deed:
    return Deed(
        project=None,
        action=action,
        subject=f"organisation:{within.slug}",
        state=auditing.row(DIRECTORIES, organisation_id=within.id),
        edit=_edit(within, expected),
        lock=members.LOCK,
    )


def _edit(within: Organisation, expected: int | None = None) -> Edit:
    return Edit(place=within.id, kind="directory", name="", expected=expected)


def _list_edit(within: Organisation, expected: int | None = None) -> Edit:
    return Edit(place=within.id, kind="list_of_domains", name="", expected=expected)


def _view(
    conn: Connection, deps: Dependencies, within: Organisation, row: DirectoryRow, revision: int = 0
) -> DirectoryView:
    return DirectoryView(
        organisation=within.slug,
        url=_url(deps),
        label=row.terms.label,
        on_delete=row.terms.on_delete,
        everywhere=row.terms.everywhere,
        roles=list(row.terms.roles),
        people=store.count_users(conn, within.id),
        active=store.count_active(conn, within.id),
        groups=store.count_groups(conn, within.id),
        created=row.created,
        updated=row.updated,
        revision=revision,
    )


def _token(row: TokenRow) -> DirectoryTokenView:
    return DirectoryTokenView(
        id=row.id, name=row.name, prefix=row.prefix, created=row.created, expires=row.expires, seen=row.seen
    )


@route(
    "GET",
    PATH,
    "member:read",
    Operation(id="getDirectory", summary="The directory of an organisation", tag=TAG, errors=(404,)),
)
async def get_directory(deps: Deps, within: Within) -> DirectoryView:
    """What the identity provider that keeps the organisation's people may do (docs/scim.md)."""

    def work(conn: Connection) -> DirectoryView:
        revision = edits.current(conn, _edit(within))
        return _view(conn, deps, within, directories.get(conn, within), revision)

    return await deps.db.read(work)


@route(
    "PUT",
    PATH,
    "member:write",
    Operation(id="putDirectory", summary="Make or change an organisation's directory", tag=TAG, errors=(404, 409)),
)
async def put_directory(deps: Deps, caller: CallerNow, within: Within, data: JSONBody[DirectoryBody]) -> DirectoryView:
    """Needs all that can be held in the organisation. Roles of the people it keeps follow in the same step. With
    ``expected_revision`` it is refused (409) where somebody changed the directory since that revision; 0: it is to be
    new."""
    now, holding = deps.now(), _holding(caller, within)
    terms = Terms(label=data.label, on_delete=data.on_delete, everywhere=data.everywhere, roles=tuple(data.roles))

    def work(conn: Connection) -> DirectoryView:
        row = directories.put(conn, within, terms, holding, now)
        settling.settle(conn, directories.of(within, row, actor_of(conn, caller)), None, now)
        return _view(conn, deps, within, row)

    made = await edited(deps, caller, _deed(within, "directory.changed", data.expected_revision), work)
    await deps.snapshots.changed()
    return structs.replace(made.made, revision=made.revision)


@route(
    "DELETE",
    PATH,
    "member:write",
    Operation(
        id="removeDirectory",
        summary="End an organisation's directory",
        tag=TAG,
        status=204,
        errors=(404, 409),
    ),
)
async def remove_directory(deps: Deps, caller: CallerNow, within: Within, expected_revision: Seen = None) -> None:
    """Its tokens end. People stay what they are now, also those that are not let in."""
    holding = _holding(caller, within)
    deed = _deed(within, "directory.removed", expected_revision)
    await written(deps, caller, deed, lambda conn: directories.remove(conn, within, holding))
    await deps.snapshots.changed()


def _domains(conn: Connection, within: Organisation) -> DomainsView:
    now = edits.current(conn, _list_edit(within))
    found = domains.of(conn, within.id)
    own = frozenset(found)
    known = store.addresses(conn, within.id) if own else []
    outside = sum(each.rpartition("@")[2] not in own for each in known)
    return DomainsView(organisation=within.slug, domains=found, outside=outside, revision=now)


@route(
    "GET",
    DOMAINS_PATH,
    "member:read",
    Operation(id="getDomains", summary="The domains of e-mail that are an organisation's own", tag=TAG, errors=(404,)),
)
async def get_domains(deps: Deps, within: Within) -> DomainsView:
    """A directory gives people addresses of these alone (docs/scim.md)."""
    return await deps.db.read(lambda conn: _domains(conn, within))


@route(
    "PUT",
    DOMAINS_PATH,
    "organisation:write",
    Operation(id="putDomains", summary="Say which domains are an organisation's own", tag=TAG, errors=(404, 409)),
)
async def put_domains(deps: Deps, caller: CallerNow, within: Within, data: JSONBody[DomainsBody]) -> DomainsView:
    """For administrators of the whole server: nobody says of themselves what is theirs. A domain is one
    organisation's. Who has another address already keeps it, and is not let in again once deactivated. With
    ``expected_revision`` it is refused (409) where somebody changed the list since that revision."""
    if not permissions.holds_everywhere(caller.principal, "system:write"):
        raise permissions.refusal(caller.principal, "system:write", " for the whole server")
    now = deps.now()

    def work(conn: Connection) -> DomainsView:
        domains.put(conn, within, data.domains, now)
        return _domains(conn, within)

    deed = Deed(
        project=None,
        action="organisation.domains_changed",
        subject=f"organisation:{within.slug}",
        state=lambda conn: {"domains": domains.of(conn, within.id)},
        edit=_list_edit(within, data.expected_revision),
        family="organisation.domains_changed",
        lock=members.LOCK,
    )
    made = await edited(deps, caller, deed, work)
    return structs.replace(made.made, revision=made.revision)


@route(
    "GET",
    PATH + "/tokens",
    "member:read",
    Operation(id="listDirectoryTokens", summary="List a directory's tokens", tag=TAG, errors=(404,)),
)
async def list_directory_tokens(deps: Deps, within: Within) -> DirectoryTokenList:
    rows = await deps.db.read(lambda conn: store.tokens(conn, within.id))
    return DirectoryTokenList(items=[_token(row) for row in rows])


@route(
    "POST",
    PATH + "/tokens",
    "member:write",
    Operation(id="createDirectoryToken", summary="Make a token of a directory", tag=TAG, status=201, errors=(404,)),
)
async def create_directory_token(
    deps: Deps, caller: CallerNow, within: Within, data: JSONBody[NewDirectoryToken]
) -> IssuedDirectoryToken:
    """What an identity provider shows under `/scim/v2`; it opens nothing else."""
    now, holding = deps.now(), _holding(caller, within)
    wanted = NewToken(name=data.name, expires=data.expires)

    def subject(made: IssuedToken) -> str:
        return f"directory_token:{made.token.id}"

    deed = Deed(
        project=None,
        action="directory_token.created",
        subject=subject,
        detail={"organisation": within.slug, "name": data.name},
    )
    made = await written(deps, caller, deed, lambda conn: directories.issue(conn, within, wanted, holding, now))
    return IssuedDirectoryToken(token=_token(made.token), secret=made.secret, url=_url(deps))


@route(
    "DELETE",
    PATH + "/tokens/{token:str}",
    "member:write",
    Operation(id="endDirectoryToken", summary="End a token of a directory", tag=TAG, status=204, errors=(404,)),
)
async def end_directory_token(deps: Deps, caller: CallerNow, within: Within, token: FromPath[str]) -> None:
    deed = Deed(
        project=None,
        action="directory_token.ended",
        subject=f"directory_token:{token}",
        detail={"organisation": within.slug},
    )
    await written(deps, caller, deed, lambda conn: directories.end(conn, within, token))


@route(
    "GET",
    PATH + "/groups",
    "member:read",
    Operation(id="listDirectoryGroups", summary="List a directory's groups", tag=TAG, errors=(404,)),
)
async def list_directory_groups(
    deps: Deps, within: Within, cursor: Cursor = None, limit: Limit = 100
) -> DirectoryGroupPage:
    """What the provider has sent so far: roles are given by these names."""
    after = read_cursor(cursor)

    def work(conn: Connection) -> DirectoryGroupPage:
        rows = store.groups(conn, within.id, store.Narrowed(after=after), limit=limit + 1)
        inside = store.count_members(conn, [row.id for row in rows[:limit]])
        items = [
            DirectoryGroupView(
                id=row.id,
                name=row.name,
                external_id=row.external_id,
                members=inside[row.id],
                updated=row.updated,
            )
            for row in rows[:limit]
        ]
        return DirectoryGroupPage(items=items, cursor=write_cursor(items[-1].id) if len(rows) > limit else None)

    return await deps.db.read(work)


ROUTES = (
    get_directory, put_directory, remove_directory, get_domains, put_domains,
    list_directory_tokens, create_directory_token, end_directory_token, list_directory_groups,
)  # fmt: skip
