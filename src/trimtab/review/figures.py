"""What the work of people adds up to: how often they changed what a model said, how fast they were, and whether they
agree. Functions of a connection; times are Unix ms.

Rules send the doubtful, so the share of changed answers among them says nothing of all answers. What random audits sent
does: their share is told apart (``audited``), and it alone may be read as a rate of all traffic.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, select

from trimtab.review import queues
from trimtab.review.tables import REVIEW_ITEMS, REVIEW_VERDICTS
from trimtab.review.types import Item, Outcome, Queue
from trimtab.scoring.fixed import wilson

R, V = REVIEW_ITEMS.c, REVIEW_VERDICTS.c
MOST: Final = 100_000
OverrideGroup = Literal["app", "release", "rule", "queue", "reviewer"]


class ReviewRate(Struct, frozen=True, kw_only=True):
    """``value`` is null where there is nothing to make it of; the interval is Wilson's, of 95 %."""

    value: float | None
    low: float
    high: float
    of: int


class OverrideRow(Struct, frozen=True, kw_only=True):
    """One group. ``overridden`` are answers that people corrected or rejected, of ``decided``; ``seconds`` is the
    median that a verdict took, null where nobody measured; ``late``: decided after they were due."""

    group: str
    decided: int
    corrected: int
    rejected: int
    rate: ReviewRate
    seconds: float | None
    late: int


class Overrides(Struct, frozen=True, kw_only=True):
    """``audited``: the same of what random audits sent, as a rate of all answers they could choose from."""

    start: int
    end: int
    all: OverrideRow
    audited: ReviewRate
    groups: list[OverrideRow]


class _Decided(Struct, frozen=True):
    item: str
    queue: str
    app: str
    release: str
    why: tuple[str, ...]
    decision: str
    late: bool
    reviewers: tuple[str, ...]
    seconds: tuple[float, ...]


def overrides(
    conn: Connection, project_id: str, group_by: OverrideGroup, *, start: int, end: int, queue: str = ""
) -> Overrides:
    """Of items that were decided within the window."""
    found = _decided(conn, project_id, start, end, queue)
    audits = {
        (each.name, rule.name)
        for each in queues.queues(conn, project_id, archived=True)
        for rule in each.spec.rules
        if rule.kind == "random"
    }
    groups: dict[str, list[_Decided]] = defaultdict(list)
    for each in found:
        for name in _groups(each, group_by):
            groups[name].append(each)
    audited = [each for each in found if any((each.queue, name) in audits for name in each.why)]
    rows = sorted((_row(name, of) for name, of in groups.items()), key=lambda row: (-row.decided, row.group))
    return Overrides(
        start=start,
        end=end,
        all=_row("", found),
        audited=rate(sum(each.decision != "approve" for each in audited), len(audited)),
        groups=rows,
    )


def _decided(conn: Connection, project_id: str, start: int, end: int, queue: str) -> list[_Decided]:
    columns = (R.id, R.queue, R.app, R.release, R.why, R.outcome, R.due, R.closed)
    query = select(*columns).where(R.project_id == project_id, R.state == "done", R.closed >= start, R.closed < end)
    if queue:
        query = query.where(R.queue == queue)
    rows = conn.execute(query.order_by(R.closed.desc()).limit(MOST)).all()
    said: dict[str, list[tuple[str, float | None]]] = defaultdict(list)
    of = select(V.item, V.reviewer, V.seconds).where(V.project_id == project_id, V.decision != "skip")
    for verdict in conn.execute(of.where(V.item.in_(query.with_only_columns(R.id)))):
        said[verdict.item].append((verdict.reviewer, verdict.seconds))
    return [
        _Decided(
            row.id,
            row.queue,
            row.app,
            row.release,
            msgspec.json.decode(row.why, type=tuple[str, ...]),
            msgspec.json.decode(row.outcome, type=Outcome).decision,
            row.due is not None and row.closed > row.due,
            tuple(sorted({reviewer for reviewer, _ in said[row.id]})),
            tuple(seconds for _, seconds in said[row.id] if seconds is not None),
        )
        for row in rows
    ]


def _groups(each: _Decided, group_by: OverrideGroup) -> tuple[str, ...]:
    if group_by == "rule":
        return each.why
    if group_by == "reviewer":
        return each.reviewers
    if group_by == "release":
        return (f"{each.app}@{each.release}" if each.release else each.app,)
    return (each.queue if group_by == "queue" else each.app,)


def _row(group: str, of: Sequence[_Decided]) -> OverrideRow:
    corrected = sum(each.decision == "correct" for each in of)
    rejected = sum(each.decision == "reject" for each in of)
    seconds = sorted(value for each in of for value in each.seconds)
    return OverrideRow(
        group=group,
        decided=len(of),
        corrected=corrected,
        rejected=rejected,
        rate=rate(corrected + rejected, len(of)),
        seconds=seconds[len(seconds) // 2] if seconds else None,
        late=sum(each.late for each in of),
    )


def rate(some: int, of: int) -> ReviewRate:
    found = wilson(some, of)
    return ReviewRate(value=some / of if of else None, low=found.low, high=found.high, of=of)


# --- agreement ---


def opinions(conn: Connection, queue: Queue, *, start: int, end: int) -> dict[str, list[dict[str, Any]]]:
    """By what was asked (``review`` for the decision, then each criterion that is no text): of each item that at least
    two judged, who said what. Values are words or numbers as they were given."""
    asked = {each.name for each in queue.spec.criteria if each.kind != "text"}
    query = (
        select(V.item, V.reviewer, V.decision, V.answers)
        .join(REVIEW_ITEMS, R.id == V.item)
        .where(
            V.project_id == queue.project_id, R.queue == queue.name, V.decision != "skip", V.created >= start,
            V.created < end,
        )
        .order_by(V.created, V.reviewer)
        .limit(MOST)
    )  # fmt: skip
    found: dict[str, dict[str, dict[str, Any]]] = defaultdict(lambda: defaultdict(dict))
    for row in conn.execute(query):
        found["review"][row.item][row.reviewer] = row.decision
        for name, value in msgspec.json.decode(row.answers, type=dict[str, Any]).items():
            if name in asked:
                found[name][row.item][row.reviewer] = value
    shared = {name: [said for said in of.values() if len(said) > 1] for name, of in found.items()}
    return {name: shared[name] for name in sorted(shared, key=lambda each: (each != "review", each)) if shared[name]}


def is_blind(found: Item, reviewer: str, said: Sequence[str]) -> bool:
    """Whether what others said is kept from this reviewer: while it is open, until they have spoken."""
    return found.state == "open" and reviewer not in said
