"""Legal holds as conditions of the store: which rows a retention run must leave, which traces no erasure may touch."""

from collections.abc import Mapping, Sequence
from typing import Final

from trimtab.governance.legal_holds import LegalHold
from trimtab.telemetry.removal.upkeep import IDS_AT_ONCE, Kept, Upkeep, ids
from trimtab.telemetry.stores import Value

_COLUMN: Final = {"user": "user", "session": "session", "trace": "trace_id"}
Condition = tuple[str, dict[str, Value]]


def condition(hold: LegalHold, at: str = "start_ns") -> Condition:
    """Of rows of ``spans`` that a hold names; ``at`` is the column of their time."""
    said, params = ["1"], dict[str, Value]()
    if hold.subject != "project":
        said.append(f"{_COLUMN[hold.subject]} = {{held:String}}")
        params["held"] = hold.value
    if hold.start is not None:
        said.append(f"{at} >= {{held_start:Int64}}")
        params["held_start"] = hold.start * 1_000_000
    if hold.end is not None:
        said.append(f"{at} < {{held_end:Int64}}")
        params["held_end"] = hold.end * 1_000_000
    return " AND ".join(said), params


class Held:
    """What of one project a retention run leaves alone. ``whole``: everything. Traces, and scores of sessions as a
    whole, are named by their ids, for the store keeps what it removes as text, and nothing personal may stand in
    that."""

    def __init__(
        self, project: str, whole: bool, traces: Sequence[str], scores: Sequence[str],
        ranges: Sequence[tuple[int, int]],
    ) -> None:  # fmt: skip
        self.project = project
        self.whole = whole
        self._traces = traces
        self._scores = scores
        self._ranges = ranges

    def keeps(self, kept: Kept, number: int) -> Condition:
        """The condition that a row of the table is held, with placeholders of that number."""
        said: list[str] = []
        params: dict[str, Value] = {}
        if self._traces:
            said.append(f"trace_id IN splitByChar('\\x1E', {{held{number}:String}})")
            params[f"held{number}"] = ids(self._traces)
        if self._scores and kept.table == "scores":
            said.append(f"id IN splitByChar('\\x1E', {{held{number}s:String}})")
            params[f"held{number}s"] = ids(self._scores)
        for place, (low, high) in enumerate(self._ranges):
            name = f"held{number}_{place}"
            if kept.table == "scores":  # what began within may have been judged at any time after that
                high = _LAST
            said.append(f"({kept.age} >= {{{name}a:Int64}} AND {kept.age} < {{{name}b:Int64}})")
            params |= {f"{name}a": low, f"{name}b": high}
        return " OR ".join(said) or "0", params


_LAST: Final = (1 << 63) - 1


async def of(upkeep: Upkeep, holds: Mapping[str, Sequence[LegalHold]]) -> dict[str, Held]:
    """By project. One whose holds cover more traces than a statement can name is held whole. Raises `Unavailable`."""
    found: dict[str, Held] = {}
    for project, each in holds.items():
        ranges = [_range(hold) for hold in each if hold.subject == "project"]
        traces, scores = set[str](), set[str]()
        for hold in each:
            if hold.subject != "project":
                traces |= await _traces(upkeep, project, hold)
                scores |= await _of_sessions(upkeep, project, hold)
        whole = (0, _LAST) in ranges or max(len(traces), len(scores)) > IDS_AT_ONCE
        found[project] = Held(project, whole, sorted(traces), sorted(scores), ranges)
    return found


def _range(hold: LegalHold) -> tuple[int, int]:
    low = 0 if hold.start is None else hold.start * 1_000_000
    return low, _LAST if hold.end is None else hold.end * 1_000_000


async def _traces(upkeep: Upkeep, project: str, hold: LegalHold) -> set[str]:
    """A little more than can be named, so that it is seen to be too many."""
    found: set[str] = {hold.value} if hold.subject == "trace" else set()
    places = [("spans", "start_ns"), ("ledger", "at_ns")]
    if hold.subject == "session":  # nothing else may be left of it
        there = await upkeep.tables()
        places += [(table, "at_ns") for table in ("scores", "tool_calls") if table in there]
    for table, at in places:
        said, params = condition(hold, at)
        sql = (
            f"SELECT DISTINCT trace_id FROM {table} WHERE project = {{project:String}} AND {said}"  # noqa: S608
            f" AND trace_id != '' LIMIT {IDS_AT_ONCE + 1}"
        )
        found |= {row[0] for row in await upkeep.values(tuple[str], sql, {"project": project, **params})}
    return found


async def _of_sessions(upkeep: Upkeep, project: str, hold: LegalHold) -> set[str]:
    """Scores of sessions as a whole, which have no trace: of the session that is held, or of the sessions of a user."""
    if hold.subject == "trace" or "scores" not in await upkeep.tables():
        return set()
    said, params = condition(hold, "at_ns")
    if hold.subject == "user":
        parts: list[str] = []
        for table, at in (("spans", "start_ns"), ("ledger", "at_ns")):
            mine, params = condition(hold, at)
            parts.append(f"SELECT session FROM {table} WHERE project = {{project:String}} AND {mine} AND session != ''")  # noqa: S608
        said = f"session IN ({' UNION ALL '.join(parts)})"
    sql = (
        f"SELECT DISTINCT id FROM scores WHERE project = {{project:String}} AND trace_id = '' AND {said}"  # noqa: S608
        f" LIMIT {IDS_AT_ONCE + 1}"
    )
    return {row[0] for row in await upkeep.values(tuple[str], sql, {"project": project, **params})}
