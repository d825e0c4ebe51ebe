"""What is seen of a project beyond single calls: sessions, users, tools, causes of errors.

Every question is of one project and binds every value; the statements stand in `people.py`, `causes.py` and
`tool_calls.py`, this is where they are asked.
"""

import asyncio

from trimtab.telemetry.costs.explorer import Asker
from trimtab.telemetry.seen.causes import CauseLine, cause_report, causes_sql
from trimtab.telemetry.seen.people import (
    MOST,
    SESSION_COLUMNS,
    USER_COLUMNS,
    Listing,
    SessionLine,
    UserLine,
    one_sql,
    people_sql,
    session_page,
    session_view,
    turns_sql,
    user_page,
)
from trimtab.telemetry.seen.tool_calls import AskedLine, RunLine, tool_report, tools_sql
from trimtab.telemetry.seen.views import CauseReport, SessionPage, SessionView, ToolReport, UserPage, UserRow
from trimtab.telemetry.views import Window


class Seen:
    """Raises `InvalidRequest` with ``param="q"`` for a search that does not parse, `StoreAway` while nobody answers."""

    def __init__(self, asker: Asker) -> None:
        self._ask = asker.ask

    async def sessions(self, project: str, q: str, window: Window, listing: Listing) -> SessionPage:
        sql, params = people_sql("session", SESSION_COLUMNS, project, q, window, listing)
        return session_page(await self._ask(SessionLine, sql, params), listing.limit)

    async def session(
        self, project: str, session: str, place: tuple[int, str] | None, limit: int
    ) -> SessionView | None:
        """Of all time: a conversation has no window. None where nobody ever used that name."""
        limit = max(1, min(limit, MOST))
        sum_sql, sum_params = one_sql("session", SESSION_COLUMNS, project, session, None)
        turn_sql, turn_params = turns_sql(project, session, place, limit)
        lines, shown = await asyncio.gather(
            self._ask(SessionLine, sum_sql, sum_params), self._ask(tuple[str], turn_sql, turn_params)
        )
        return session_view(lines[0], shown, limit) if lines else None

    async def users(self, project: str, q: str, window: Window, listing: Listing) -> UserPage:
        sql, params = people_sql("user", USER_COLUMNS, project, q, window, listing)
        return user_page(await self._ask(UserLine, sql, params), listing.limit)

    async def user(self, project: str, user: str, window: Window) -> UserRow | None:
        sql, params = one_sql("user", USER_COLUMNS, project, user, window)
        lines = await self._ask(UserLine, sql, params)
        return lines[0].row() if lines else None

    async def causes(self, project: str, q: str, window: Window, limit: int) -> CauseReport:
        sql, params = causes_sql(project, q, window, max(1, min(limit, MOST)))
        return cause_report(await self._ask(CauseLine, sql, params), window)

    async def tools(self, project: str, q: str, window: Window) -> ToolReport:
        """Those with the most trouble first."""
        runs, asked, params = tools_sql(project, q, window)
        ran, wanted = await asyncio.gather(self._ask(RunLine, runs, params), self._ask(AskedLine, asked, params))
        return tool_report(ran, wanted)
