"""How many answers users said something of, by whom these were, and what the mean of it is worth.

Few users answer, and those who do are not like those who do not: a mean of feedback is always given beside the share
that answered, what it would be were all the silent ones unhappy or happy, and what it is with each group weighted by
its share of the answers instead of by how talkative it is. docs/feedback.md says how to read them.

Intervals are Wilson's (`scoring/fixed.py`): for values within [0, 1] whose mean is p no variance is above p (1 - p), so
for ratings they are wide rather than narrow. The mean's counts people, not words: who says ten things counts as one.
"""

from typing import Any, Final, Literal, Protocol, TypeVar

from msgspec import Struct

from trimtab.scoring.fixed import wilson
from trimtab.telemetry.search.query import compile_query
from trimtab.telemetry.search.score_versions import newest
from trimtab.telemetry.stores import Value
from trimtab.telemetry.views import Window

T = TypeVar("T")
FeedbackGroup = Literal["app", "release", "environment", "feature", "model", "variant", "key"]
_COLUMNS: Final[dict[FeedbackGroup, str]] = {
    "app": "app",
    "release": "if(release = '', '', concat(app, '@', release))",
    "environment": "environment",
    "feature": "feature",
    "model": "model",
    "variant": "variant",
    "key": "key_id",
}
MOST_GROUPS: Final = 100
_UNIT: Final = "multiIf(user != '', concat('u', user), session != '', concat('s', session), concat('r', span_id))"
_MINE: Final = "arrayFilter(each -> (each.1 = '' OR each.1 = span_id), said_of)"
_VALUES: Final = f"arrayFilter(each -> each.5 = 1, {_MINE})"


class Asker(Protocol):
    """What answers statements: `reader.TelemetryReader`."""

    async def ask(self, line: type[T], sql: str, params: dict[str, Value], /) -> list[T]: ...


class FeedbackShare(Struct, frozen=True, kw_only=True):
    """``value`` null where there is nothing to make it of; then the interval is all there can be."""

    value: float | None
    low: float
    high: float


class FeedbackRow(Struct, frozen=True, kw_only=True):
    """One group of answers. ``rate``: the share of answers that somebody said something of. ``mean``: of what was said
    as a number from 0 to 1, over ``rated`` answers of ``people`` different users. ``worst`` and ``best``: what it would
    be over all answers, had all the silent said 0, or 1; null without answers."""

    group: str
    answers: int
    responded: int
    rate: FeedbackShare
    rated: int
    people: int
    mean: FeedbackShare
    worst: float | None
    best: float | None


class FeedbackKind(Struct, frozen=True, kw_only=True):
    """``mean`` is null where that kind is no number."""

    name: str
    label: str
    count: int
    mean: float | None


class FeedbackSummary(Struct, frozen=True, kw_only=True):
    """``weighted``: the mean with each group weighted by its share of the answers; ``uncovered`` is the share
    of answers in groups of which nobody said anything, which it says nothing of. ``says`` is the whole in words."""

    window: Window
    group_by: FeedbackGroup
    all: FeedbackRow
    groups: list[FeedbackRow]
    weighted: float | None
    uncovered: float
    kinds: list[FeedbackKind]
    says: str


class _Line(Struct, frozen=True, array_like=True):
    group: str
    answers: int
    responded: int
    rated: int
    people: int
    total: float


async def summarize(asker: Any, project: str, q: str, window: Window, group_by: FeedbackGroup) -> FeedbackSummary:
    """Of the answers a search finds. Raises `Unavailable`, and `InvalidRequest` for a search that does not parse."""
    found = compile_query(q, project, window)
    said = "at_ns >= {start_ns:Int64} AND valid = 1 AND source = 'user' AND target != 'session'"
    columns = (
        "trace_id", "if(target = 'span', span_id, '')", "name", "label", "ifNull(value, 0.)", "isNotNull(value)",
    )  # fmt: skip
    inner = newest(columns, said)
    by_trace = f"SELECT n0 AS trace_id, groupArray((n1, n2, n3, n4, n5)) AS said_of FROM ({inner}) GROUP BY n0"  # noqa: S608
    answers = f"{found.sql} AND request_id != '' AND status = 'ok' AND NOT startsWith(feature, 'trimtab.')"
    value = f"arrayAvg(each -> greatest(0., least(1., each.4)), {_VALUES})"
    sql = (
        f"SELECT {_COLUMNS[group_by]} AS grouped, count(), countIf(notEmpty({_MINE})) AS responded,"  # noqa: S608
        f" countIf(notEmpty({_VALUES})), uniqExactIf({_UNIT}, notEmpty({_VALUES})),"
        f" sumIf({value}, notEmpty({_VALUES})) FROM spans LEFT ANY JOIN ({by_trace}) AS said USING (trace_id)"
        f" WHERE {answers} GROUP BY grouped ORDER BY count() DESC, grouped LIMIT {MOST_GROUPS}"
    )
    lines: list[_Line] = await asker.ask(_Line, sql, found.params)
    kinds = (
        f"SELECT each.2 AS name, each.3 AS label, count(), if(max(each.5) = 1, avgIf(each.4, each.5 = 1), NULL)"  # noqa: S608
        f" FROM (SELECT arrayJoin({_MINE}) AS each FROM spans INNER JOIN ({by_trace}) AS said USING (trace_id)"
        f" WHERE {answers}) GROUP BY name, label ORDER BY count() DESC, name, label LIMIT {MOST_GROUPS}"
    )
    told: list[tuple[str, str, int, float | None]] = await asker.ask(
        tuple[str, str, int, float | None], kinds, found.params
    )
    rows = [_row(line) for line in lines]
    everything = _row(_sum(lines))
    weighted, uncovered = _weighted(rows)
    return FeedbackSummary(
        window=window,
        group_by=group_by,
        all=everything,
        groups=rows,
        weighted=weighted,
        uncovered=uncovered,
        kinds=[FeedbackKind(name=name, label=label, count=count, mean=mean) for name, label, count, mean in told],
        says=_words(everything, weighted),
    )


def _sum(lines: list[_Line]) -> _Line:
    """All groups together. A person seen in two groups counts in each: people are told apart only within a group."""
    return _Line(
        "",
        sum(line.answers for line in lines),
        sum(line.responded for line in lines),
        sum(line.rated for line in lines),
        sum(line.people for line in lines),
        sum(line.total for line in lines),
    )


def _row(line: _Line) -> FeedbackRow:
    mean = line.total / line.rated if line.rated else None
    rate = wilson(line.responded, line.answers)
    around = wilson(0.0 if mean is None else mean * line.people, line.people)
    silent = line.answers - line.rated
    return FeedbackRow(
        group=line.group,
        answers=line.answers,
        responded=line.responded,
        rate=FeedbackShare(value=line.responded / line.answers if line.answers else None, low=rate.low, high=rate.high),
        rated=line.rated,
        people=line.people,
        mean=FeedbackShare(value=mean, low=around.low, high=around.high),
        worst=line.total / line.answers if line.answers else None,
        best=(line.total + silent) / line.answers if line.answers else None,
    )


def _weighted(rows: list[FeedbackRow]) -> tuple[float | None, float]:
    answers = sum(row.answers for row in rows)
    covered = [row for row in rows if row.mean.value is not None]
    of = sum(row.answers for row in covered)
    if not of:
        return None, 1.0 if answers else 0.0
    mean = sum((row.mean.value or 0.0) * row.answers for row in covered) / of
    return mean, 1 - of / answers


def _words(row: FeedbackRow, weighted: float | None) -> str:
    if not row.answers:
        return "There were no answers in this window."
    if row.rate.value is None or not row.responded:
        return f"Nobody said anything of {row.answers:,} answers: what users think of them is not known."
    told = (
        f"Users said something of {row.responded:,} of {row.answers:,} answers"
        f" ({100 * row.rate.value:.1f} %, {100 * row.rate.low:.1f} to {100 * row.rate.high:.1f} %)."
    )
    if row.mean.value is None or row.worst is None or row.best is None:
        return f"{told} None of it was a number."
    by_share = "" if weighted is None else f"; with groups weighted by their answers {weighted:.2f}"
    return (
        f"{told} Its mean is {row.mean.value:.2f} ({row.mean.low:.2f} to {row.mean.high:.2f}) among those who answered"
        f"{by_share}. Over all answers it is somewhere between {row.worst:.2f} and {row.best:.2f}, as nobody knows"
        " what the silent would have said."
    )
