"""What an erasure removes of evaluation: cases that were made of somebody's traces, what was answered to them, and what
judges said of that.

Versions of a dataset are immutable, and an erasure is what goes before that: the content of a case that is erased is
emptied in every version, and a new version leaves the case out. Id and hash of the case stay, so each version still has
the hash that it had, and two versions still differ in what they differed; the hash can no longer be made anew from what
is there, which the case says of itself (`ERASED`, ``consent: withdrawn``: it may be used for nothing).
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct, structs
from sqlalchemy import Connection, delete, or_, select, update

from trimtab.core.errors import Conflict
from trimtab.evaluation import dataset_writes, erasing_kept
from trimtab.evaluation.cases import body_of, case_of, tags_column
from trimtab.evaluation.dataset_writes import Writing
from trimtab.evaluation.erasing_kept import Untold, parts
from trimtab.evaluation.tables import CELLS, DATASET_CASES, DATASET_PROPOSALS, EVALUATION_CACHE, EXPERIMENTS
from trimtab.evaluation.types import Case, CellScore, Provenance
from trimtab.governance.audit import Actor
from trimtab.storage.content import Clear, Of

ERASED: Final = "[erased]"
"""The input of a case that was erased."""
BY: Final = Actor("", "erasure")
C, P, X, E, K = DATASET_CASES.c, DATASET_PROPOSALS.c, CELLS.c, EXPERIMENTS.c, EVALUATION_CACHE.c
_NOTHING: Final = Untold()
_scores: Final = msgspec.json.Decoder(tuple[CellScore, ...])


class Hit(Struct, frozen=True):
    """Cases of one dataset, and the experiments over it."""

    dataset: str
    cases: tuple[str, ...]
    experiments: tuple[str, ...]


def found(conn: Connection, project_id: str, traces: Iterable[str]) -> list[Hit]:
    """The cases that were made of those traces."""
    by: dict[str, set[str]] = {}
    for part in parts(sorted(traces)):
        query = select(C.dataset, C.case_id).where(C.project_id == project_id, C.source.in_(part)).distinct()
        for row in conn.execute(query):
            by.setdefault(row.dataset, set()).add(row.case_id)
    hits: list[Hit] = []
    for dataset, cases in sorted(by.items()):
        of = select(E.id).where(E.project_id == project_id, E.dataset == dataset).order_by(E.id)
        hits.append(Hit(dataset, tuple(sorted(cases)), tuple(conn.execute(of).scalars())))
    return hits


def led(conn: Connection, project_id: str, hits: Sequence[Hit]) -> set[str]:
    """The traces of this server's own calls that were made with those cases: answers of experiments, and what a model
    was asked for proposals with such cases before its eyes (all proposals of a dataset that is hit: which cases were
    shown is not kept)."""
    traces: set[str] = set()
    for hit in hits:
        of = select(P.trace_id).where(P.project_id == project_id, P.dataset == hit.dataset, P.trace_id != "").distinct()
        traces.update(conn.execute(of).scalars())
        for part in parts(hit.cases):
            cells = select(X.trace_id).where(X.experiment.in_(hit.experiments), X.case_id.in_(part), X.trace_id != "")
            traces.update(conn.execute(cells.distinct()).scalars())
    return traces


def forget(
    conn: Connection, project_id: str, traces: Iterable[str], now: int, read: Untold = _NOTHING
) -> dict[str, int]:
    """Empty what was made of those traces. ``read`` are the kept answers that do not say of themselves that they are of
    those (`erasing_kept.untold`). Rows by table; done again it finds nothing."""
    wanted = sorted(traces)
    hits = found(conn, project_id, wanted)
    rows = {"dataset_cases": 0, "dataset_proposals": 0, "experiment_cells": 0, "evaluation_cache": 0}
    for hit in hits:
        rows["experiment_cells"] += _empty_cells(conn, project_id, hit)
        rows["dataset_cases"] += _empty_cases(conn, project_id, hit, wanted)
        _leave_out(conn, project_id, hit, now)
    for part in parts(wanted):
        of = X.experiment.in_(select(E.id).where(E.project_id == project_id))
        rows["experiment_cells"] += _bare(conn, project_id, of, X.trace_id.in_(part))
        gone = delete(DATASET_PROPOSALS).where(P.project_id == project_id, P.trace_id.in_(part))
        rows["dataset_proposals"] += conn.execute(gone).rowcount
    rows["evaluation_cache"] = erasing_kept.forget(conn, project_id, wanted, read, verdicts=bool(hits))
    erasing_kept.forget_documents_of(conn, project_id, wanted)
    return rows


def forget_passages(
    conn: Connection, project_id: str, documents: Sequence[str], read: Untold = _NOTHING
) -> dict[str, int]:
    """What was answered with passages of documents that are erased (`cache.document_mark`): kept answers, what the
    experiments' cells say that were answered so, and of kept verdicts all that say anything in words. ``read`` is what
    else was found to be (`erasing_kept.untold`). Rows by table; done again it finds nothing."""
    rows = {"experiment_cells": 0, "evaluation_cache": 0}
    traces = erasing_kept.traces_of(conn, project_id, documents)
    if not (traces or read.answers):
        return rows
    of = X.experiment.in_(select(E.id).where(E.project_id == project_id))
    for part in parts(sorted((traces | set(read.answers.values())) - {""})):
        rows["experiment_cells"] += _bare(conn, project_id, of, X.trace_id.in_(part))
    rows["evaluation_cache"] = erasing_kept.forget(conn, project_id, traces, read, verdicts=True)
    return rows


def is_left(conn: Connection, project_id: str, documents: Sequence[str]) -> bool:
    """Whether anything that was answered with these documents still says so."""
    of = X.experiment.in_(select(E.id).where(E.project_id == project_id))
    for part in parts(sorted(erasing_kept.traces_of(conn, project_id, documents) - {""})):
        kept = select(K.key).where(K.project_id == project_id, K.found_by.in_(part))
        told = select(X.case_id).where(of, X.trace_id.in_(part))
        if any(conn.execute(query.limit(1)).first() is not None for query in (kept, told)):
            return True
    return False


def _empty_cases(conn: Connection, project_id: str, hit: Hit, traces: Sequence[str]) -> int:
    """Every state of a case from the one on that was made of such a trace: what is changed later holds what it was
    changed from."""
    wanted, emptied = frozenset(traces), 0
    for part in parts(hit.cases):
        of = (C.project_id == project_id, C.dataset == hit.dataset, C.case_id.in_(part))
        first: dict[str, int] = {}
        for row in conn.execute(
            select(C.case_id, C.since, C.source, C.split, C.body).where(*of).order_by(C.since)
        ).all():
            if row.source in wanted:
                first.setdefault(row.case_id, row.since)
            if row.case_id in first:
                at = (C.project_id == project_id, C.dataset == hit.dataset)
                at += (C.case_id == row.case_id, C.since == row.since)
                conn.execute(update(DATASET_CASES).where(*at).values(_tombstone(row)))
                emptied += 1
    return emptied


def _tombstone(row: Any) -> dict[str, Any]:
    old = case_of(row)
    bare = Case(
        id=old.id,
        input=ERASED,
        split=old.split,
        weight=old.weight,
        consent="withdrawn",
        provenance=Provenance(origin=old.provenance.origin, at=old.provenance.at),
    )
    return {"body": Clear(body_of(bare).decode()), "source": "", "tags": tags_column(()), "uses": ""}


def _leave_out(conn: Connection, project_id: str, hit: Hit, now: int) -> None:
    """A new version without them, where the dataset takes changes now; elsewhere they stay in it, empty and usable for
    nothing."""
    current: list[str] = []
    for part in parts(hit.cases):
        of = (C.project_id == project_id, C.dataset == hit.dataset, C.until.is_(None), C.uses == "")
        current += conn.execute(select(C.case_id).where(*of, C.case_id.in_(part))).scalars()
    for start in range(0, len(current), dataset_writes.MOST_AT_ONCE):
        some = current[start : start + dataset_writes.MOST_AT_ONCE]
        writing = Writing(
            project_id=project_id,
            dataset=hit.dataset,
            actor=BY,
            now=now,
            message="Cases that were erased are left out.",
        )
        try:
            dataset_writes.write(conn, writing, remove=some)
        except Conflict:  # archived, or a large import is under way; raised before anything is written
            return


def _empty_cells(conn: Connection, project_id: str, hit: Hit) -> int:
    of = X.experiment.in_(hit.experiments)
    return sum(_bare(conn, project_id, of, X.case_id.in_(part)) for part in parts(hit.cases))


def _bare(conn: Connection, project_id: str, *where: Any) -> int:
    """Answers lose their texts, and scores what was said of them; the values stay, for the figures they are in."""
    keys = (X.experiment, X.subject, X.case_id, X.repeat)
    said = or_(X.output != "", X.error != "", X.trace_id != "")
    rows = conn.execute(select(*keys, X.output, X.error, X.scores).where(*where, said)).all()
    for row in rows:
        scores = tuple(
            structs.replace(each, explanation="", unscored="Erased." if each.unscored else "")
            for each in _scores.decode(row.scores)
        )
        values = {
            "output": None if row.output is None else "",
            "error": "",
            "trace_id": "",
            "scores": Of(project_id, msgspec.json.encode(scores).decode()),
        }
        at = [column == getattr(row, column.name) for column in keys]
        conn.execute(update(CELLS).where(*at).values(values))
    return len(rows)
