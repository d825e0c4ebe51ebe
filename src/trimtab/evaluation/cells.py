"""The SQL of an experiment's answers, and of the cases that they are to. Functions of a connection.

A row is written once its answer is judged, with how far the experiment is, in one transaction; nothing stands here for
what is still to come. So what there is after a crash is what need not be asked again.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, delete, func, insert, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from trimtab.core.errors import NotFound
from trimtab.evaluation import datasets, experiments
from trimtab.evaluation.tables import CELLS, DATASET_CASES, DATASETS, EXPERIMENTS
from trimtab.evaluation.types import Case, CaseTexts, Cell, CellScore, Experiment, ExperimentState
from trimtab.storage.content import Of

PAGE: Final = 200
SHOWN: Final = 300
"""Characters of a text that a report shows."""
UNKNOWN: Final = "idempotency_outcome_unknown"
"""How the error begins of an answer of which nobody knows whether it was paid for."""
Key = tuple[int, str, int]
"""Subject, case, repeat."""


class Which(Struct, frozen=True, kw_only=True):
    """The cases of a version that an experiment is about. ``most``: so many, drawn by their ids; 0 for all."""

    project_id: str
    dataset: str
    version: int
    split: str = ""
    tags: tuple[str, ...] = ()
    most: int = 0


# --- cases ---


def which(found: Experiment) -> Which:
    return Which(
        project_id=found.project_id,
        dataset=found.dataset,
        version=found.version,
        split=found.spec.split,
        tags=found.spec.tags,
        most=found.settings.most_cases,
    )


def version_of(conn: Connection, project_id: str, dataset: str, version: int | None) -> int:
    """That version, or the newest, if it is there. Raises `NotFound`."""
    table = DATASETS
    query = select(table.c.newest).where(table.c.project_id == project_id, table.c.name == dataset)
    newest = conn.execute(query).scalar_one_or_none()
    if not newest:
        raise NotFound(
            f"There is no dataset {dataset[:80]!r} with cases in this project.",
            fix="'trimtab datasets list' shows them; 'trimtab datasets import' makes one of a file.",
            code="dataset_not_found",
        )
    if version is not None and version > newest:
        raise NotFound(
            f"The dataset {dataset!r} has no version {version}.",
            fix=f"Its newest is {newest}.",
            code="version_not_found",
        )
    return newest if version is None else version


def ids_of(conn: Connection, wanted: Which) -> list[str]:
    """The cases' ids, in their order, without those that must not be used to evaluate."""
    gone = frozenset(refused(conn, wanted))
    found = [case.id for page in _pages(conn, wanted) for case in page if case.id not in gone]
    if 0 < wanted.most < len(found):
        drawn = sorted(found, key=lambda each: hashlib.blake2b(each.encode(), digest_size=8).digest())
        chosen = set(drawn[: wanted.most])
        found = [each for each in found if each in chosen]
    return found


def refused(conn: Connection, wanted: Which) -> list[str]:
    """The ids of the cases that are meant and must not be used to evaluate: it is not among their uses, or consent was
    withdrawn, be it in a later version."""
    of = datasets.version(conn, wanted.project_id, wanted.dataset, wanted.version)
    return datasets.refused(conn, of, "evaluate", datasets.Wanted(split=wanted.split, tags=wanted.tags))


def _pages(conn: Connection, wanted: Which) -> Iterator[list[Case]]:
    after = ""
    while True:
        rows = _rows(conn, wanted, after, PAGE)
        if not rows:
            return
        yield [case for case in map(_case, rows) if fits(case, wanted)]
        after = rows[-1].case_id


def _rows(conn: Connection, wanted: Which, after: str, limit: int) -> Sequence[Any]:
    table = DATASET_CASES
    query = (
        select(table.c.case_id, table.c.split, table.c.body)
        .where(table.c.project_id == wanted.project_id, table.c.dataset == wanted.dataset)
        .where(table.c.since <= wanted.version, (table.c.until.is_(None)) | (table.c.until > wanted.version))
        .where(table.c.case_id > after)
    )
    if wanted.split:
        query = query.where(table.c.split == wanted.split)
    return conn.execute(query.order_by(table.c.case_id).limit(limit)).all()


def _case(row: Any) -> Case:
    return msgspec.structs.replace(msgspec.json.decode(row.body, type=Case), id=row.case_id, split=row.split)


def fits(case: Case, wanted: Which) -> bool:
    """Whether a case may be used, and is meant: it has all of the tags."""
    allowed = "evaluate" in case.uses and case.consent != "withdrawn"
    return allowed and (not wanted.split or case.split == wanted.split) and set(wanted.tags) <= set(case.tags)


def cases_by_id(conn: Connection, wanted: Which, ids: Sequence[str]) -> list[Case]:
    """These cases of the version, in order of their ids; at most a few hundred at once."""
    table = DATASET_CASES
    query = (
        select(table.c.case_id, table.c.split, table.c.body)
        .where(table.c.project_id == wanted.project_id, table.c.dataset == wanted.dataset)
        .where(table.c.since <= wanted.version, (table.c.until.is_(None)) | (table.c.until > wanted.version))
        .where(table.c.case_id.in_(ids))
    )
    return [_case(row) for row in conn.execute(query.order_by(table.c.case_id))]


# --- cells ---


def keep(
    conn: Connection, experiment: str, made: Sequence[Cell], now: int, *, paid: int = 0, answered: int | None = None
) -> ExperimentState:
    """Write cells and how far the experiment is; its state as it is now. One that is there already stays as it is.
    ``paid`` is what was paid since the last time, be it for answers that are no cells yet (picodollars); ``answered``
    how many answers there are in all, cells or not."""
    there = _there(conn, experiment, [_key(each) for each in made])
    fresh = [each for each in made if _key(each) not in there]
    owner = _owner(conn, experiment)
    try:
        with conn.begin_nested():
            if fresh:
                conn.execute(insert(CELLS), [_row(experiment, owner, each, now) for each in fresh])
    except IntegrityError:  # another process believes that it runs this, too: one after the other
        fresh = [each for each in fresh if _inserted(conn, _row(experiment, owner, each, now))]
    failed = sum(each.state == "failed" for each in fresh)
    return experiments.advance(conn, experiment, done=len(fresh), failed=failed, cost=paid, answered=answered)


def _owner(conn: Connection, experiment: str) -> str:
    """The project whose it is."""
    return conn.execute(select(EXPERIMENTS.c.project_id).where(EXPERIMENTS.c.id == experiment)).scalar_one()


def _inserted(conn: Connection, row: dict[str, Any]) -> bool:
    try:
        with conn.begin_nested():
            conn.execute(insert(CELLS).values(row))
    except IntegrityError:
        return False
    return True


def _key(cell: Cell) -> Key:
    return cell.subject, cell.case_id, cell.repeat


def _there(conn: Connection, experiment: str, keys: Sequence[Key]) -> set[Key]:
    query = select(CELLS.c.subject, CELLS.c.case_id, CELLS.c.repeat).where(
        CELLS.c.experiment == experiment, CELLS.c.case_id.in_({case for _, case, _ in keys})
    )
    return {(row.subject, row.case_id, row.repeat) for row in conn.execute(query)} & set(keys)


def _row(experiment: str, owner: str, cell: Cell, now: int) -> dict[str, Any]:
    return {
        "experiment": experiment,
        "subject": cell.subject,
        "case_id": cell.case_id,
        "repeat": cell.repeat,
        "state": cell.state,
        "output": None if cell.output is None else Of(owner, cell.output.replace("\0", "\N{REPLACEMENT CHARACTER}")),
        "error": cell.error.replace("\0", "\N{REPLACEMENT CHARACTER}")[:4000],
        "trace_id": cell.trace_id,
        "latency_ms": cell.latency_ms,
        "cost": cell.cost,
        "input_tokens": cell.input_tokens,
        "output_tokens": cell.output_tokens,
        "cached": cell.cached,
        "scores": Of(owner, msgspec.json.encode(cell.scores).decode().replace("\\u0000", "\\ufffd")),
        "ended": now,
    }


def of_cases(conn: Connection, experiment: str, ids: Sequence[str]) -> dict[Key, Cell]:
    """What there is already of these cases."""
    query = select(CELLS).where(CELLS.c.experiment == experiment, CELLS.c.case_id.in_(ids))
    return {(row.subject, row.case_id, row.repeat): _cell(row) for row in conn.execute(query)}


def listed(
    conn: Connection, experiment: str, *, subject: int | None = None, state: str = "", case_id: str = "",
    after: Key | None = None, limit: int = 100,
) -> list[Cell]:  # fmt: skip
    """In order of case, subject and repeat, from the one after ``after``."""
    table = CELLS
    query = select(table).where(table.c.experiment == experiment)
    if subject is not None:
        query = query.where(table.c.subject == subject)
    if state:
        query = query.where(table.c.state == state)
    if case_id:
        query = query.where(table.c.case_id == case_id)
    if after is not None:
        number, case, repeat = after
        query = query.where(tuple_(table.c.case_id, table.c.subject, table.c.repeat) > tuple_(case, number, repeat))
    query = query.order_by(table.c.case_id, table.c.subject, table.c.repeat).limit(limit)
    return [_cell(row) for row in conn.execute(query)]


def for_report(conn: Connection, found: Experiment) -> list[Cell]:
    """Every cell without its text, with what its case says of its group, its stratum and its weight."""
    wanted = which(found)
    columns = [column for column in CELLS.c if column.name not in ("output", "experiment", "ended")]
    made: list[Cell] = []
    for page in _pages(conn, wanted):
        by_id = {case.id: case for case in page}
        if not by_id:
            continue
        query = select(*columns).where(CELLS.c.experiment == found.id, CELLS.c.case_id.in_(by_id))
        query = query.order_by(CELLS.c.case_id, CELLS.c.subject, CELLS.c.repeat)
        for row in conn.execute(query):
            case = by_id[row.case_id]
            stratum = case.metadata.get("stratum")
            made.append(
                msgspec.structs.replace(
                    _cell(row, brief=True),
                    group=case.group,
                    stratum=stratum if isinstance(stratum, str) else case.split,
                    weight=case.weight,
                )
            )
    return made


def with_cases(conn: Connection, found: Experiment) -> tuple[list[Cell], dict[str, Case]]:
    """Every cell with its text, in order, and the cases by their ids."""
    wanted = which(found)
    ids = ids_of(conn, wanted)
    cases: dict[str, Case] = {}
    there: list[Cell] = []
    for start in range(0, len(ids), PAGE):
        some = ids[start : start + PAGE]
        cases |= {case.id: case for case in cases_by_id(conn, wanted, some)}
        there += of_cases(conn, found.id, some).values()
    there.sort(key=lambda cell: (cell.case_id, cell.subject, cell.repeat))
    return there, cases


def unpriced(conn: Connection, names: Sequence[str]) -> set[str]:
    """Those experiments with an answer that was paid for and whose price nobody knows."""
    query = select(CELLS.c.experiment).where(
        CELLS.c.experiment.in_(names), CELLS.c.state == "done", CELLS.c.cost.is_(None), CELLS.c.cached.is_(False)
    )
    return set(conn.execute(query.distinct()).scalars())


def unknown(conn: Connection, names: Sequence[str]) -> dict[str, int]:
    """By experiment, how many answers were under way when a server died: nobody knows whether they were paid for."""
    query = select(CELLS.c.experiment, func.count()).where(
        CELLS.c.experiment.in_(names), CELLS.c.state == "failed", CELLS.c.error.like(f"{UNKNOWN}%")
    )
    return {row[0]: row[1] for row in conn.execute(query.group_by(CELLS.c.experiment))}


def unpriced_of(conn: Connection, name: str) -> int:
    """How many answers of an experiment were paid for at a price that nobody knows."""
    query = select(func.count()).where(
        CELLS.c.experiment == name, CELLS.c.state == "done", CELLS.c.cost.is_(None), CELLS.c.cached.is_(False)
    )
    return conn.execute(query).scalar_one()


def texts(conn: Connection, found: Experiment, ids: Sequence[str]) -> list[CaseTexts]:
    """What these cases say and what was answered, in the order of ``ids``; those that are gone are left out."""
    by_id = {each.id: each for each in cases_by_id(conn, which(found), ids)}
    query = select(CELLS.c.case_id, CELLS.c.subject, CELLS.c.output, CELLS.c.error).where(
        CELLS.c.experiment == found.id, CELLS.c.case_id.in_(ids)
    )
    said: dict[tuple[str, int], str] = {}
    for row in conn.execute(query.order_by(CELLS.c.repeat)):
        text = f"[{row.error}]" if row.output is None else row.output
        if (row.case_id, row.subject) not in said or (row.output and said[row.case_id, row.subject].startswith("[")):
            said[row.case_id, row.subject] = text
    return [
        CaseTexts(
            case_id=name,
            input=short(asked_text(by_id[name].input)),
            expected=short(asked_text(by_id[name].expected)),
            answers=tuple(
                short(said[name, place]) if (name, place) in said else None for place in range(len(found.subjects))
            ),
        )
        for name in ids
        if name in by_id
    ]


def asked_text(value: Any) -> str:
    """An input or what is expected as a reader wants it: a text, the last message of many, else JSON."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, dict):
        messages: Any = cast("dict[str, Any]", value).get("messages")
        if isinstance(messages, list) and messages and isinstance(messages[-1], dict):
            content: Any = cast("list[dict[str, Any]]", messages)[-1].get("content")
            if isinstance(content, str):
                return content
    return msgspec.json.encode(value).decode()


def short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 1]}…"


def drop_failed(conn: Connection, experiment: str, *, unknown: bool) -> int:
    """Take out answers that are errors, so that they are asked for again; those of which nobody knows whether they were
    paid for only where that is wanted. How many."""
    where = [CELLS.c.experiment == experiment, CELLS.c.state == "failed"]
    if not unknown:
        where.append(~CELLS.c.error.like(f"{UNKNOWN}%"))
    gone = conn.execute(delete(CELLS).where(*where)).rowcount
    counts = {
        "done": EXPERIMENTS.c.done - gone,
        "failed": EXPERIMENTS.c.failed - gone,
        "answered": EXPERIMENTS.c.answered - gone,
    }
    conn.execute(update(EXPERIMENTS).where(EXPERIMENTS.c.id == experiment).values(counts))
    return gone


def add_scores(conn: Connection, experiment: str, given: dict[Key, tuple[CellScore, ...]]) -> int:
    """Put scores beside those that cells have, over those of the same name; of how many cells."""
    found = of_cases(conn, experiment, sorted({case for _, case, _ in given}))
    owner, count = _owner(conn, experiment), 0
    for key, scores in given.items():
        cell = found.get(key)
        if cell is None or cell.state != "done":
            continue
        names = {each.name for each in scores}
        kept = (*(each for each in cell.scores if each.name not in names), *scores)
        where = (CELLS.c.experiment == experiment, CELLS.c.subject == key[0], CELLS.c.case_id == key[1])
        text = msgspec.json.encode(kept).decode().replace("\\u0000", "\\ufffd")
        conn.execute(update(CELLS).where(*where, CELLS.c.repeat == key[2]).values(scores=Of(owner, text)))
        count += 1
    return count


def _cell(row: Any, *, brief: bool = False) -> Cell:
    return Cell(
        subject=row.subject,
        case_id=row.case_id,
        repeat=row.repeat,
        state=row.state,
        output=None if brief else row.output,
        error=row.error,
        trace_id=row.trace_id,
        latency_ms=row.latency_ms,
        cost=row.cost,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cached=row.cached,
        scores=msgspec.json.decode(row.scores, type=tuple[CellScore, ...]),
    )
