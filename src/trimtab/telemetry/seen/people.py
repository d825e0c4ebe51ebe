"""Sessions and users: sums over the calls that carry their name, and the turns of one session.

A session or a user is shown where one of its calls fits the search; its numbers are of all its calls in the window, so
a search never makes a session look smaller than it was. All of them are of the spans that stand for whole calls, as in
the overview: those carry the sums of their leaves, and a foreign leaf seldom names its session.
"""

import re

from msgspec import Struct

from trimtab.core.errors import InvalidRequest
from trimtab.telemetry.answers import span_lines, span_row
from trimtab.telemetry.search.query import compile_query, window_params
from trimtab.telemetry.seen.views import PeopleSort, SessionPage, SessionRow, SessionView, UserPage, UserRow
from trimtab.telemetry.stores import Value
from trimtab.telemetry.units import dollars
from trimtab.telemetry.views import Window

MOST = 200
_INT64, _INT128 = 1 << 63, 1 << 127
_PLACE = re.compile(r"(-?[0-9]{1,39})\.(.+)", re.DOTALL)
_USED = "input_tokens + cache_read_tokens + cache_write_tokens + output_tokens + reasoning_tokens"
_COST = "sum(toInt128(ifNull(cost, 0)))"
_SUMS = (
    f"count(), countIf(status = 'error'), sum({_USED}), toString({_COST}),"
    " countIf(cost IS NOT NULL), sum(unpriced),"
    " arraySort(groupUniqArrayIf(5)(model, model != '')),"
    " arraySort(groupUniqArrayIf(5)(feature, feature != ''))"
)
_SORTS: dict[PeopleSort, str] = {
    "last": "max(start_ns)",
    "calls": "count()",
    "errors": "countIf(status = 'error')",
    "cost": _COST,
    "tokens": f"sum({_USED})",
}
SESSION_COLUMNS = (
    "session, min(start_ns), max(start_ns + duration_ns), argMaxIf(user, start_ns, user != ''),"
    " argMin(input_preview, start_ns), argMax(output_preview, start_ns)"
)
USER_COLUMNS = (
    "user, min(start_ns), max(start_ns), uniqExactIf(session, session != ''),"
    " quantileExactIf(0.95)(duration_ns, status = 'ok'), countIf(status = 'ok')"
)


class Sums(Struct, frozen=True, array_like=True):
    """What both lists add up: `_SUMS`."""

    calls: int
    errors: int
    tokens: int
    cost: str
    priced: int
    unpriced: int
    models: list[str]
    features: list[str]

    def dollars(self) -> str | None:
        return dollars(int(self.cost)) if self.priced else None


class SessionLine(Struct, frozen=True, array_like=True):
    """`SESSION_COLUMNS`, what it is sorted by, and its sums."""

    session: str
    first_ns: int
    last_ns: int
    user: str
    asked: str
    answered: str
    key: str
    sums: Sums

    def row(self) -> SessionRow:
        return SessionRow(
            session=self.session,
            user=self.user,
            started=self.first_ns / 1e6,
            ended=self.last_ns / 1e6,
            calls=self.sums.calls,
            errors=self.sums.errors,
            tokens=self.sums.tokens,
            cost=self.sums.dollars(),
            unpriced=self.sums.unpriced,
            models=self.sums.models,
            features=self.sums.features,
            asked=self.asked,
            answered=self.answered,
        )


class UserLine(Struct, frozen=True, array_like=True):
    """`USER_COLUMNS`, what it is sorted by, and its sums."""

    user: str
    first_ns: int
    last_ns: int
    sessions: int
    p95: float | None
    answered: int
    key: str
    sums: Sums

    def row(self) -> UserRow:
        return UserRow(
            user=self.user,
            first=self.first_ns / 1e6,
            last=self.last_ns / 1e6,
            calls=self.sums.calls,
            errors=self.sums.errors,
            sessions=self.sessions,
            tokens=self.sums.tokens,
            cost=self.sums.dollars(),
            unpriced=self.sums.unpriced,
            p95=round(self.p95 / 1e6, 3) if self.answered and self.p95 is not None else None,
            models=self.sums.models,
            features=self.sums.features,
        )


class Listing(Struct, frozen=True, kw_only=True):
    """Which part of a list: sorted downwards by ``sort``, after ``place`` (a sort value and a name), ``limit`` rows."""

    sort: PeopleSort = "last"
    place: tuple[int, str] | None = None
    limit: int = 50


def people_sql(
    column: str, columns: str, project: str, q: str, window: Window, listing: Listing
) -> tuple[str, dict[str, Value]]:
    """The statement of either list, a row more than asked for, so that one sees whether there is a next page."""
    params: dict[str, Value] = {"project": project, **window_params(window)}
    where = "project = {project:String} AND entry = 1 AND start_ns >= {start_ns:Int64} AND start_ns < {end_ns:Int64}"
    where += f" AND {column} != ''"
    if q.strip():
        condition = compile_query(q, project, window)
        params = {**condition.params, **params}
        where += f" AND {column} IN (SELECT {column} FROM spans WHERE {condition.sql} AND {column} != '')"  # noqa: S608
    key, having = _SORTS[listing.sort], ""
    if listing.place is not None:
        having = f" HAVING (toInt128({key}), {column}) < ({{place:Int128}}, {{place_name:String}})"
        params["place"], params["place_name"] = listing.place
    sql = (
        f"SELECT {columns}, toString({key}), tuple({_SUMS}) FROM spans WHERE {where} GROUP BY {column}"  # noqa: S608
        f"{having} ORDER BY {key} DESC, {column} DESC LIMIT {listing.limit + 1}"
    )
    return sql, params


def one_sql(column: str, columns: str, project: str, name: str, window: Window | None) -> tuple[str, dict[str, Value]]:
    """The same sums of one session or user; of all time without a window."""
    params: dict[str, Value] = {"project": project, "name": name}
    where = f"project = {{project:String}} AND entry = 1 AND {column} = {{name:String}}"
    if window is not None:
        where += " AND start_ns >= {start_ns:Int64} AND start_ns < {end_ns:Int64}"
        params |= window_params(window)
    sql = f"SELECT {columns}, '', tuple({_SUMS}) FROM spans WHERE {where} GROUP BY {column}"  # noqa: S608
    return sql, params


def turns_sql(project: str, session: str, place: tuple[int, str] | None, limit: int) -> tuple[str, dict[str, Value]]:
    """The entry span of each trace of a session, oldest first. A trace that has several (an application's own, and our
    gateway's below it) is one turn: its oldest."""
    params: dict[str, Value] = {"project": project, "session": session}
    after = ""
    if place is not None:
        after = " WHERE (start_ns, span_id) > ({place:Int64}, {place_name:String})"
        params["place"], params["place_name"] = max(-_INT64, min(place[0], _INT64 - 1)), place[1]
    sql = (
        "SELECT shown FROM (SELECT shown, start_ns, span_id FROM spans WHERE project = {project:String}"  # noqa: S608
        " AND entry = 1 AND session = {session:String} ORDER BY start_ns, span_id LIMIT 1 BY trace_id)"
        f"{after} ORDER BY start_ns, span_id LIMIT {limit + 1}"
    )
    return sql, params


# --- answers -------------------------------------------------------------------------------------------------------


def session_page(lines: list[SessionLine], limit: int) -> SessionPage:
    more = place_of(lines[limit - 1].key, lines[limit - 1].session) if len(lines) > limit else None
    return SessionPage(items=[line.row() for line in lines[:limit]], cursor=more)


def user_page(lines: list[UserLine], limit: int) -> UserPage:
    more = place_of(lines[limit - 1].key, lines[limit - 1].user) if len(lines) > limit else None
    return UserPage(items=[line.row() for line in lines[:limit]], cursor=more)


def session_view(line: SessionLine, shown: list[tuple[str]], limit: int) -> SessionView:
    """``shown`` is the answer to `turns_sql`."""
    turns = span_lines("\n".join(row[0] for row in shown).encode())
    last = turns[limit - 1] if len(turns) > limit else None
    return SessionView(
        summary=line.row(),
        turns=[span_row(turn) for turn in turns[:limit]],
        cursor=place_of(str(last.start_ns), last.span_id) if last else None,
    )


def place_of(key: str, name: str) -> str:
    """A cursor's text: the sort value and the name of the last row shown."""
    return f"{key}.{name}"


def read_place(text: str) -> tuple[int, str] | None:
    """The reverse; None for the first page. Raises `InvalidRequest`."""
    if not text:
        return None
    found = _PLACE.fullmatch(text)
    key = int(found[1]) if found else _INT128
    if found is None or not -_INT128 <= key < _INT128:  # which the store would count on from the other end
        raise InvalidRequest("This cursor was not made here.", fix="Take it from the page before.", param="cursor")
    return key, found[2]
