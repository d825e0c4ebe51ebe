"""What this server made of somebody's traces by itself and holds their words: shadow copies of their calls, what judges
were asked about their answers, and what experiments asked with cases that were made of their traces.

Such a call says on its trace what it is of: the metadata of a judge names a trace, or an experiment and a case
(`server/inner/judge_tools.py`), the decision record of a shadow copy the request that it is a copy of.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from msgspec import Struct
from sqlalchemy import Connection

from trimtab.governance.erasures import Erasure
from trimtab.storage.database import Database
from trimtab.telemetry.removal.upkeep import IDS_AT_ONCE, IDS_IN, Upkeep, ids
from trimtab.telemetry.stores import Value

DEEPEST: Final = 8
"""Of what was made of what was made ..."""
COLUMN: Final = {"user": "user", "session": "session", "trace": "trace_id"}
_OURS: Final = "project = {project:String} AND startsWith(feature, 'trimtab.')"
_CASES_IN: Final = "IN splitByChar('\\x1E', {cases:String})"


class OfCases(Struct, frozen=True):
    """Cases by id, and the experiments that may have asked them."""

    experiments: tuple[str, ...]
    cases: tuple[str, ...]


class Led(Struct, frozen=True):
    """What the catalog knows to be made of traces: traces of our own calls, and cases."""

    traces: frozenset[str] = frozenset()
    cases: tuple[OfCases, ...] = ()


class Made:
    """Of one project. ``led`` asks the rooms above."""

    def __init__(
        self,
        upkeep: Upkeep,
        db: Database,
        project: str,
        led: Callable[[Connection, str, set[str]], Led] | None = None,
    ) -> None:
        self._upkeep = upkeep
        self._db = db
        self._project = project
        self._led = led

    async def of(self, traces: Iterable[str]) -> set[str]:
        """The traces that were made of these, and of those in turn."""
        known = {trace for trace in traces if trace}
        made: set[str] = set()
        newest = known
        for _ in range(DEEPEST):
            led = await self._asked(known | made)
            found = set(led.traces) | await self._judged(newest) | await self._copied(newest)
            for each in led.cases:
                found |= await self._of_cases(each)
            newest = {trace for trace in found if trace} - known - made
            if not newest:
                break
            made |= newest
        return made

    async def requests(self, traces: Sequence[str]) -> set[str]:
        """The ids of the requests of these traces."""
        return await self._some("request_id", "project = {project:String} AND trace_id " + IDS_IN, traces)

    async def _asked(self, traces: set[str]) -> Led:
        led, project = self._led, self._project
        return Led() if led is None else await self._db.read(lambda conn: led(conn, project, traces))

    async def _judged(self, traces: set[str]) -> set[str]:
        return await self._some("trace_id", f"{_OURS} AND metadata['trace'] {IDS_IN}", sorted(traces))

    async def _copied(self, traces: set[str]) -> set[str]:
        requests = sorted(await self.requests(sorted(traces)))
        where = "project = {project:String} AND variant = 'shadow'"
        return await self._some(
            "trace_id", f"{where} AND JSONExtractString(decision, 'app', 'copy_of') {IDS_IN}", requests
        )

    async def _of_cases(self, of: OfCases) -> set[str]:
        found: set[str] = set()
        for at in range(0, len(of.experiments), IDS_AT_ONCE):
            experiments = ids(of.experiments[at : at + IDS_AT_ONCE])
            for part in range(0, len(of.cases), IDS_AT_ONCE):
                cases = ids(of.cases[part : part + IDS_AT_ONCE])
                where = f"{_OURS} AND metadata['experiment'] {IDS_IN} AND metadata['case'] {_CASES_IN}"
                found |= await self._ask("trace_id", where, {"ids": experiments, "cases": cases})
        return found

    async def _some(self, column: str, where: str, wanted: Sequence[str]) -> set[str]:
        found: set[str] = set()
        for at in range(0, len(wanted), IDS_AT_ONCE):
            found |= await self._ask(column, where, {"ids": ids(wanted[at : at + IDS_AT_ONCE])})
        return found

    async def _ask(self, column: str, where: str, params: dict[str, Value]) -> set[str]:
        sql = f"SELECT DISTINCT {column} FROM spans WHERE {where} AND {column} != ''"  # noqa: S608
        rows = await self._upkeep.values(tuple[str], sql, {"project": self._project, **params})
        return {row[0] for row in rows}


async def named(upkeep: Upkeep, job: Erasure, column: str) -> set[str]:
    """The ids of requests, or traces, that are of what is erased."""
    found: set[str] = set()
    which: dict[str, Value] = {"project": job.project_id, "value": job.value}
    for table in ("spans", "ledger"):
        after = ""
        while True:
            sql = (
                f"SELECT DISTINCT {column} FROM {table} WHERE project = {{project:String}}"  # noqa: S608  our own words
                f" AND {COLUMN[job.subject]} = {{value:String}} AND {column} > {{after:String}}"
                f" ORDER BY {column} LIMIT {IDS_AT_ONCE}"
            )
            page = await upkeep.values(tuple[str], sql, {**which, "after": after})
            if not page:
                break
            found |= {row[0] for row in page}
            after = page[-1][0]
    return found
