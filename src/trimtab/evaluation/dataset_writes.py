"""The SQL of changing a dataset: every change that changes something makes one new version.

`write` does all of it in one transaction, for what people and programs do by hand. `dataset_staging.py` writes many
cases piece by piece with the same functions, so that a large file never holds the catalog's only writer for long.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct, structs
from sqlalchemy import Connection, delete, insert, select, update

from trimtab.core.errors import Conflict, InvalidRequest, NotFound
from trimtab.evaluation import case_schema, case_set, datasets
from trimtab.evaluation.cases import body_of, hash_of, tags_column, uses_column
from trimtab.evaluation.splits import split_for
from trimtab.evaluation.tables import DATASET_CASES, DATASET_VERSIONS, DATASETS
from trimtab.evaluation.types import Case, Dataset, DatasetVersion
from trimtab.governance.audit import Actor
from trimtab.storage.content import Of

MOST_CASES: Final = 250_000
MOST_AT_ONCE: Final = 2_000
"""Cases of one `write`."""
MAX_MESSAGE: Final = 2_000
AT_ONCE: Final = 500
"""Ids that one statement names."""
D, V, C = DATASETS.c, DATASET_VERSIONS.c, DATASET_CASES.c

Mode = Literal["add", "change", "put", "move"]
"""``add``: refuse ids that are there and say otherwise. ``change``: refuse ids that are not there. ``put``: either.
``move``: either, and no split is meant as that."""


class Writing(Struct, frozen=True, kw_only=True):
    """A change to be. ``expected`` is the dataset's revision that it was made from, None for whatever it is."""

    project_id: str
    dataset: str
    actor: Actor
    now: int
    message: str = ""
    expected: int | None = None


class Written(Struct, frozen=True, kw_only=True):
    """``version`` is the newest, null while there is none; ``created``: it was made by this."""

    version: DatasetVersion | None
    created: bool
    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0


class Tally:
    """What a version differs in from the one before, as it is written."""

    def __init__(self) -> None:
        self.added = self.changed = self.removed = self.unchanged = 0
        self.splits: Counter[str] = Counter()
        self.total = 0

    def gone(self, case_id: str, case_hash: str, split: str) -> None:
        self.splits[split] -= 1
        self.total -= case_set.element(case_id, case_hash)

    def come(self, case_id: str, case_hash: str, split: str) -> None:
        self.splits[split] += 1
        self.total += case_set.element(case_id, case_hash)

    @property
    def nothing(self) -> bool:
        return not (self.added or self.changed or self.removed)


def write(
    conn: Connection,
    writing: Writing,
    *,
    add: Sequence[Case] = (),
    change: Sequence[Case] = (),
    put: Sequence[Case] = (),
    remove: Sequence[str] = (),
) -> Written:
    """All of it as one new version, or nothing. Cases are checked (`cases.made`). Raises `NotFound`, `Conflict` and
    `InvalidRequest`."""
    named = [case.id for case in (*add, *change, *put)] + list(remove)
    check_amount(writing, named)
    found = ready(conn, writing)
    number, tally = found.newest + 1, Tally()
    kinds: tuple[tuple[Mode, Sequence[Case]], ...] = (("add", add), ("change", change), ("put", put))
    look = case_schema.checker(found.schema)
    for mode, given in kinds:
        apply(conn, found, number, given, mode, tally, look)
    take_out(conn, found, number, remove, tally)
    if tally.nothing:
        newest = datasets.version(conn, found.project_id, found.name, found.newest) if found.newest else None
        return Written(version=newest, created=False, unchanged=tally.unchanged)
    if writing.expected is not None and writing.expected != found.revision:
        raise datasets.changed(found, writing.expected)
    return publish(conn, writing, found, tally)


def check_amount(writing: Writing, named: Sequence[str]) -> None:
    if len(named) > MOST_AT_ONCE:
        raise InvalidRequest(
            f"One change names at most {MOST_AT_ONCE:,} cases.", fix="Import a file, or make several changes."
        )
    if any("\0" in name for name in named):
        raise InvalidRequest("No case has a NUL in its id.", fix="Correct the id.")
    twice = next((name for name, times in Counter(named).items() if times > 1), None)
    if twice is not None:
        raise InvalidRequest(f"The case {twice[:128]!r} is named twice.", fix="Say once what becomes of it.")
    check_message(writing.message)


def check_message(message: str) -> None:
    if len(message) > MAX_MESSAGE or "\0" in message:
        raise InvalidRequest(
            f"The message of a version has at most {MAX_MESSAGE:,} characters, and no NUL.", fix="Shorten it.",
            param="message",
        )  # fmt: skip


def ready(conn: Connection, writing: Writing) -> Dataset:
    """The dataset, locked, if it takes changes now. What an import left behind that ended in the middle is cleared.
    Raises `NotFound` and `Conflict`."""
    found = datasets.get(conn, writing.project_id, writing.dataset, lock=True)
    if found.archived is not None:
        raise Conflict(
            f"The dataset {found.name!r} is archived.",
            fix=f"Take it out first: trimtab datasets archive {found.name} --restore",
            code="dataset_archived",
        )
    row = conn.execute(select(D.staged, D.staged_until).where(*of_it(found))).one()
    if row.staged is not None:
        if row.staged_until > writing.now:
            raise Conflict(
                f"A large import into {found.name!r} is under way.",
                fix="Wait until it is done, then try again.",
                code="dataset_busy",
                retryable=True,
            )
        while clear_some(conn, found):
            pass
        conn.execute(update(DATASETS).where(*of_it(found)).values(staged=None, staged_by="", staged_until=0))
    return found


def of_it(found: Dataset) -> tuple[Any, ...]:
    return (D.project_id == found.project_id, D.name == found.name)


def _cases_of(found: Dataset) -> tuple[Any, ...]:
    return (C.project_id == found.project_id, C.dataset == found.name)


def clear_some(conn: Connection, found: Dataset, most: int = 5_000) -> bool:
    """Take back some of what was staged and never published; whether there may be more."""
    number = found.newest + 1
    staged = select(C.case_id).where(*_cases_of(found), C.since == number).limit(most)
    gone = conn.execute(delete(DATASET_CASES).where(*_cases_of(found), C.since == number, C.case_id.in_(staged)))
    ended = select(C.case_id).where(*_cases_of(found), C.until == number).limit(most)
    back = conn.execute(
        update(DATASET_CASES).where(*_cases_of(found), C.until == number, C.case_id.in_(ended)).values(until=None)
    )
    return gone.rowcount == most or back.rowcount == most


def apply(
    conn: Connection,
    found: Dataset,
    number: int,
    given: Sequence[Case],
    mode: Mode,
    tally: Tally,
    look: Callable[[Case], str] | None,
) -> None:
    """Write these cases into the version ``number`` that is in the making."""
    for start in range(0, len(given), AT_ONCE):
        part = given[start : start + AT_ONCE]
        old = {row.case_id: row for row in conn.execute(_current(found, [case.id for case in part]))}
        rows: list[dict[str, Any]] = []
        replaced: list[str] = []
        for case in part:
            before = old.get(case.id)
            placed = case if mode == "move" else _placed(case, found, before)
            digest = hash_of(placed)
            if before is not None and before.hash == digest:
                tally.unchanged += 1
                continue
            _allowed(mode, placed, before is not None, found)
            if look is not None and (why := look(placed)):
                raise case_schema.violation(placed, why)
            if before is not None:
                placed = _sourced(placed, before)
                replaced.append(case.id)
                tally.gone(case.id, before.hash, before.split)
                tally.changed += 1
            else:
                tally.added += 1
            tally.come(case.id, digest, placed.split)
            rows.append(_row(found, number, placed, digest))
        _end(conn, found, number, replaced)
        if rows:
            conn.execute(insert(DATASET_CASES), rows)


def _current(found: Dataset, ids: Sequence[str]) -> Any:
    columns = (C.case_id, C.since, C.hash, C.split, C.body)
    return select(*columns).where(*_cases_of(found), C.until.is_(None), C.case_id.in_(ids))


def _placed(case: Case, found: Dataset, before: Any) -> Case:
    if case.split:
        return case
    split = before.split if before is not None else split_for(case, found.shares, found.seed)
    return structs.replace(case, split=split)


def _sourced(case: Case, before: Any) -> Case:
    """A changed case comes from where it came from, unless the change says otherwise."""
    given = case.provenance
    if given.source:
        return case
    old = msgspec.json.decode(before.body, type=Case).provenance
    kept = structs.replace(given, origin=old.origin, source=old.source, span_id=old.span_id)
    return structs.replace(case, provenance=kept)


def _allowed(mode: Mode, case: Case, is_there: bool, found: Dataset) -> None:
    if mode == "add" and is_there:
        raise Conflict(
            f"There is a case {case.id!r} in {found.name!r} already, and it says otherwise.",
            fix="Change that case, or give the new one another id.",
            code="case_exists",
        )
    if mode == "change" and not is_there:
        raise NotFound(f"There is no case {case.id!r} in {found.name!r} to change.", fix="Add it, or correct the id.")


def _row(found: Dataset, number: int, case: Case, digest: str) -> dict[str, Any]:
    return {
        "project_id": found.project_id,
        "dataset": found.name,
        "case_id": case.id,
        "since": number,
        "until": None,
        "hash": digest,
        "split": case.split,
        "tags": tags_column(case.tags),
        "uses": uses_column(case),
        "source": case.provenance.source,
        "body": Of(found.project_id, body_of(case).decode()),
    }


def take_out(conn: Connection, found: Dataset, number: int, ids: Sequence[str], tally: Tally) -> None:
    """Leave these cases out of the version ``number`` that is in the making. Raises `NotFound`."""
    for start in range(0, len(ids), AT_ONCE):
        part = ids[start : start + AT_ONCE]
        rows = conn.execute(_current(found, part)).all()
        missing = sorted(set(part) - {row.case_id for row in rows})
        if missing:
            raise NotFound(
                f"There is no case {missing[0][:128]!r} in {found.name!r} to remove.", fix="See which there are."
            )
        for row in rows:
            tally.gone(row.case_id, row.hash, row.split)
            tally.removed += 1
        _end(conn, found, number, part)


def _end(conn: Connection, found: Dataset, number: int, ids: Sequence[str]) -> None:
    if ids:
        of = (*_cases_of(found), C.until.is_(None), C.case_id.in_(ids))
        conn.execute(update(DATASET_CASES).where(*of).values(until=number))


def publish(conn: Connection, writing: Writing, found: Dataset, tally: Tally) -> Written:
    """Make what was written the newest version."""
    before = conn.execute(
        select(V.state, V.cases, V.splits).where(
            V.project_id == found.project_id, V.dataset == found.name, V.number == found.newest
        )
    ).one_or_none()
    splits = Counter({} if before is None else msgspec.json.decode(before.splits, type=dict[str, int]))
    splits.update(tally.splits)
    total = (case_set.read(before.state) if before is not None else 0) + tally.total
    amount = (0 if before is None else before.cases) + tally.added - tally.removed
    if amount > MOST_CASES:
        raise InvalidRequest(
            f"A dataset has at most {MOST_CASES:,} cases; this would make {amount:,}.", fix="Use several datasets."
        )
    made = DatasetVersion(
        project_id=found.project_id,
        dataset=found.name,
        number=found.newest + 1,
        hash=case_set.name(total),
        cases=amount,
        splits={name: number for name, number in sorted(splits.items()) if number},
        parent=found.newest or None,
        author=writing.actor.id,
        author_name=writing.actor.name,
        message=writing.message,
        created=writing.now,
    )
    values = structs.asdict(made) | {"splits": msgspec.json.encode(made.splits).decode()}
    conn.execute(insert(DATASET_VERSIONS).values(**values, state=case_set.write(total)))
    free: dict[str, Any] = {"staged": None, "staged_by": "", "staged_until": 0}
    newest = {"newest": made.number, "revision": found.revision + 1, "updated": writing.now}
    conn.execute(update(DATASETS).where(*of_it(found)).values(**newest, **free))
    told = {"added": tally.added, "changed": tally.changed, "removed": tally.removed}
    detail = {"version": made.number, "cases": made.cases, "message": made.message, **told}
    datasets.note(conn, found.project_id, found.name, writing.actor, "written", writing.now, detail)
    return Written(version=made, created=True, unchanged=tally.unchanged, **told)
