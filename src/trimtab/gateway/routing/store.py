"""The SQL of routes. A route rests as its JSON, whole; ``version`` counts its changes up from 1.

Every write checks the whole set of the project's routes, those of the config file included: a change of one may break
another that names it.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Integer,
    Row,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)

from trimtab.core.errors import Conflict, InvalidRequest, NotFound
from trimtab.core.known import did_you_mean
from trimtab.gateway.routing.check import Known, Mistake, mistakes
from trimtab.gateway.routing.types import Route
from trimtab.gateway.routing.walk import names_of
from trimtab.gateway.store import check_model_name
from trimtab.governance.projects import REVISION
from trimtab.releases.apps import refuse_taken
from trimtab.storage.revision import bump
from trimtab.storage.schema import METADATA

ROUTES = Table(
    "routes",
    METADATA,
    Column("project_id", String(64), ForeignKey("projects.id"), primary_key=True),
    Column("name", String(200), primary_key=True),
    Column("route", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
)
LONGEST = 200_000
"""Characters of a route as JSON."""


class RouteRow(Struct, frozen=True, kw_only=True):
    """``created`` and ``updated`` are Unix milliseconds."""

    project_id: str
    route: Route
    version: int = 1
    created: int = 0
    updated: int = 0


class RouteRefused(InvalidRequest):
    """A route with mistakes: all of them, each with its path."""

    code = "route_refused"

    def __init__(self, name: str, found: list[Mistake]) -> None:
        told = "; ".join(str(mistake) for mistake in found[:10])
        more = f"; and {len(found) - 10} more" if len(found) > 10 else ""
        super().__init__(
            f"The route {name[:80]!r} cannot be used: {told}{more}",
            fix="Correct these; docs/routing.md shows every node.",
            param=found[0].path,
        )
        self.mistakes = found


def _row(row: Row[tuple[object, ...]]) -> RouteRow:
    values: dict[str, Any] = {name: getattr(row, name) for name in ("project_id", "version", "created", "updated")}
    return RouteRow(route=msgspec.json.decode(row.route, type=Route), **values)


def routes(conn: Connection, project_id: str | None = None) -> list[RouteRow]:
    """One project's, or all, in order of name."""
    found = select(ROUTES).order_by(ROUTES.c.project_id, ROUTES.c.name)
    if project_id is not None:
        found = found.where(ROUTES.c.project_id == project_id)
    return [_row(row) for row in conn.execute(found)]


def route(conn: Connection, project_id: str, name: str) -> RouteRow:
    row = conn.execute(select(ROUTES).where(ROUTES.c.project_id == project_id, ROUTES.c.name == name)).one_or_none()
    if row is None:
        known = [each.route.name for each in routes(conn, project_id)]
        raise NotFound(f"There is no route {name[:80]!r} in the catalog.", fix=did_you_mean(name, known, "route"))
    return _row(row)


def add_route(conn: Connection, row: RouteRow, declared: Mapping[str, Route], known: Known) -> RouteRow:
    """`Conflict` where a route or model of that name is; `RouteRefused` with every mistake. ``known`` are the project's
    models and providers."""
    bump(conn, REVISION)
    name = row.route.name
    check_model_name(name)
    _not_declared(name, declared)
    if name in known.models:
        what = f"There is already a model {name!r}, and a route is called as a model is."
        raise Conflict(what, fix="Choose another name.", param="name")
    refuse_taken(conn, row.project_id, name, "route")
    others = {each.route.name: each.route for each in routes(conn, row.project_id)}
    if name in others:
        raise Conflict(f"There is already a route {name!r}.", fix="Change it, or choose another name.", param="name")
    check_route(row.route, {**others, **declared}, known)
    conn.execute(insert(ROUTES).values(**_values(row), created=row.created))
    return row


def change_route(
    conn: Connection,
    project_id: str,
    name: str,
    declared: Mapping[str, Route],
    known: Known,
    change: Callable[[RouteRow], RouteRow],
) -> RouteRow:
    """Replace the route by what ``change`` makes of it, read and written in one transaction; its version goes up."""
    bump(conn, REVISION)
    _not_declared(name, declared)
    before = route(conn, project_id, name)
    row = msgspec.structs.replace(change(before), version=before.version + 1)
    others = {each.route.name: each.route for each in routes(conn, project_id) if each.route.name != name}
    check_route(row.route, {**others, **declared}, known)
    at = (ROUTES.c.project_id == project_id, ROUTES.c.name == name)
    conn.execute(update(ROUTES).where(*at).values(**_values(row)))
    return row


def remove_route(conn: Connection, project_id: str, name: str, declared: Mapping[str, Route]) -> None:
    """`Conflict` while another route names it."""
    bump(conn, REVISION)
    _not_declared(name, declared)
    route(conn, project_id, name)
    others = {each.route.name: each.route for each in routes(conn, project_id)} | dict(declared)
    refuse_while_named(name, others, "route")
    conn.execute(delete(ROUTES).where(ROUTES.c.project_id == project_id, ROUTES.c.name == name))


def write_routes(conn: Connection, project_id: str, made: Iterable[RouteRow], gone: Iterable[str]) -> None:
    """Put and remove several at once, which may name each other. Nothing is checked: `check_route` does it, once all
    of a change is written, and the caller takes it back where it is not sound."""
    bump(conn, REVISION)
    before = {row.route.name: row for row in routes(conn, project_id)}
    for row in made:
        old = before.get(row.route.name)
        if old is None:
            conn.execute(insert(ROUTES).values(**_values(row), created=row.created))
        else:
            at = (ROUTES.c.project_id == project_id, ROUTES.c.name == row.route.name)
            row = msgspec.structs.replace(row, version=old.version + 1)
            conn.execute(update(ROUTES).where(*at).values(**_values(row)))
    for name in gone:
        conn.execute(delete(ROUTES).where(ROUTES.c.project_id == project_id, ROUTES.c.name == name))


def refuse_while_named(name: str, others: Mapping[str, Route], what: str) -> None:
    """Raises `Conflict` while one of the routes names it."""
    users = sorted(other for other, each in others.items() if other != name and name in names_of(each.tree))
    if users:
        shown = ", ".join(repr(user) for user in users[:5])
        raise Conflict(
            f"The {what} {name!r} is named by the route{'s' if len(users) > 1 else ''} {shown}.",
            fix="Take it out of there first.",
        )


def check_route(route: Route, others: Mapping[str, Route], known: Known) -> None:
    """Raises `InvalidRequest`, or `RouteRefused` with every mistake of it and of those that name it."""
    if len(msgspec.json.encode(route)) > LONGEST:
        raise InvalidRequest(f"The route is longer than {LONGEST} characters.", fix="Use fewer examples.", param="tree")
    if found := mistakes(route, msgspec.structs.replace(known, routes=others)):
        raise RouteRefused(route.name, found)
    for name, other in others.items():  # those that name it must still be sound
        if route.name in names_of(other.tree):
            around = {**others, route.name: route}
            del around[name]
            if broken := mistakes(other, msgspec.structs.replace(known, routes=around)):
                raise RouteRefused(name, broken)


def _not_declared(name: str, declared: Mapping[str, Route]) -> None:
    if name in declared:
        raise Conflict(
            f"The route {name!r} is declared in the config file.",
            fix="Change it there; it is read again.",
            param="name",
        )


def _values(row: RouteRow) -> dict[str, object]:
    return {
        "project_id": row.project_id,
        "name": row.route.name,
        "route": msgspec.json.encode(row.route).decode(),
        "version": row.version,
        "updated": row.updated,
    }
