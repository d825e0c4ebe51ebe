"""What changed from one version of a dataset to another: in words, and case by case. Only rows that a version between
the two touched are read."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, and_, or_, select

from trimtab.evaluation.cases import case_of
from trimtab.evaluation.tables import DATASET_CASES
from trimtab.evaluation.types import Case, DatasetVersion, Json

Kind = Literal["added", "changed", "removed"]
MOST_TEXT: Final = 4_000
"""Characters of a value, as JSON, that a difference shows whole; of a longer one the beginning, as text."""
MOST_FIELDS_COUNTED: Final = 2_000
C = DATASET_CASES.c
_FIELDS: Final = tuple(name for name in Case.__struct_fields__ if name not in ("id", "provenance"))


class CaseFieldChange(Struct, frozen=True, kw_only=True):
    """A field that says otherwise; ``cut``: one of the two is shown in part, as text."""

    field: str
    before: Json
    after: Json
    cut: bool = False


class CaseChange(Struct, frozen=True, kw_only=True):
    """``says`` is the change in a few words; ``fields`` is empty for a case that came or went."""

    case_id: str
    kind: Kind
    says: str
    fields: list[CaseFieldChange] = []
    before: Case | None = None
    after: Case | None = None


class DatasetDiff(Struct, frozen=True, kw_only=True):
    """``says`` is the whole difference in words; ``changes`` one page of it in order of id. ``fields`` counts how many
    changed cases say otherwise in which field, over the first `MOST_FIELDS_COUNTED` of them."""

    dataset: str
    before: int
    after: int
    says: str
    added: int
    changed: int
    removed: int
    fields: dict[str, int]
    changes: list[CaseChange]
    cursor: str | None = None


class _Touched(Struct, frozen=True):
    case_id: str
    kind: Kind


def diff(
    conn: Connection, before: DatasetVersion, after: DatasetVersion, *, beyond: str = "", limit: int = 100
) -> DatasetDiff:
    """From ``before`` to ``after``, two versions of one dataset in either order; the page behind the id ``beyond``."""
    touched = _touched(conn, before, after)
    counts = Counter(each.kind for each in touched)
    page = [each for each in touched if each.case_id > beyond][: limit + 1]
    pairs = _pairs(conn, before, after, [each.case_id for each in page[:limit]])
    changes = [_change(each, *pairs[each.case_id]) for each in page[:limit]]
    fields = _fields(conn, before, after, [each.case_id for each in touched if each.kind == "changed"])
    return DatasetDiff(
        dataset=after.dataset,
        before=before.number,
        after=after.number,
        says=_words(before, after, counts, fields),
        added=counts["added"],
        changed=counts["changed"],
        removed=counts["removed"],
        fields=fields,
        changes=changes,
        cursor=page[limit - 1].case_id if len(page) > limit else None,
    )


def _touched(conn: Connection, before: DatasetVersion, after: DatasetVersion) -> list[_Touched]:
    """In order of id as Python orders them, the same on every database."""
    low, high = sorted((before.number, after.number))
    between = or_(and_(C.since > low, C.since <= high), and_(C.until > low, C.until <= high))
    found = select(C.case_id, C.since, C.until, C.hash).where(
        C.project_id == after.project_id, C.dataset == after.dataset, between
    )
    old: dict[str, str] = {}
    new: dict[str, str] = {}
    for row in conn.execute(found):
        if _holds(row, before.number):
            old[row.case_id] = row.hash
        if _holds(row, after.number):
            new[row.case_id] = row.hash
    touched: list[_Touched] = []
    for case_id in sorted(old.keys() | new.keys()):
        if case_id not in old:
            touched.append(_Touched(case_id, "added"))
        elif case_id not in new:
            touched.append(_Touched(case_id, "removed"))
        elif old[case_id] != new[case_id]:
            touched.append(_Touched(case_id, "changed"))
    return touched


def _holds(row: Any, number: int) -> bool:
    return row.since <= number and (row.until is None or row.until > number)


def _pairs(
    conn: Connection, before: DatasetVersion, after: DatasetVersion, ids: Sequence[str]
) -> dict[str, tuple[Case | None, Case | None]]:
    pairs: dict[str, tuple[Case | None, Case | None]] = {}
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        found = select(C.case_id, C.since, C.until, C.split, C.body).where(
            C.project_id == after.project_id, C.dataset == after.dataset, C.case_id.in_(part)
        )
        for row in conn.execute(found):
            old, new = pairs.get(row.case_id, (None, None))
            if _holds(row, before.number):
                old = case_of(row)
            if _holds(row, after.number):
                new = case_of(row)
            pairs[row.case_id] = (old, new)
    return pairs


def _change(each: _Touched, before: Case | None, after: Case | None) -> CaseChange:
    if before is None or after is None:
        case = before or after
        where = f" ({case.split})" if case is not None and case.split else ""
        return CaseChange(case_id=each.case_id, kind=each.kind, says=f"{each.kind}{where}", before=before, after=after)
    fields = [_field(name, getattr(before, name), getattr(after, name)) for name in differing(before, after)]
    says = "; ".join(f"{one.field}: {_short(one.before)} → {_short(one.after)}" for one in fields)
    return CaseChange(case_id=each.case_id, kind="changed", says=says, fields=fields)


def differing(before: Case, after: Case) -> list[str]:
    """The fields that say otherwise, provenance aside."""
    encode = msgspec.json.Encoder(order="deterministic").encode
    return [name for name in _FIELDS if encode(getattr(before, name)) != encode(getattr(after, name))]


def _field(name: str, before: Json, after: Json) -> CaseFieldChange:
    texts = [msgspec.json.encode(value).decode() for value in (before, after)]
    if all(len(text) <= MOST_TEXT for text in texts):
        return CaseFieldChange(field=name, before=before, after=after)
    shown = [text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}…" for text in texts]
    return CaseFieldChange(field=name, before=shown[0], after=shown[1], cut=True)


def _short(value: Json) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    line = " ".join(text.split())
    return repr(line) if len(line) <= 60 else repr(f"{line[:59]}…")


def _fields(conn: Connection, before: DatasetVersion, after: DatasetVersion, changed: Sequence[str]) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for old, new in _pairs(conn, before, after, changed[:MOST_FIELDS_COUNTED]).values():
        if old is not None and new is not None:
            counted.update(differing(old, new))
    return dict(counted.most_common())


def _words(before: DatasetVersion, after: DatasetVersion, counts: Counter[str], fields: dict[str, int]) -> str:
    if not counts:
        return "No case differs."
    said: list[str] = []
    for kind in ("added", "changed", "removed"):
        if counts[kind]:
            of = f" ({', '.join(f'{name} in {n:,}' for name, n in fields.items())})" if kind == "changed" else ""
            said.append(f"{counts[kind]:,} {kind}{of}")
    sentence = f"{', '.join(said)}: {before.cases:,} cases became {after.cases:,}."
    moved = [
        f"{name or 'without a split'} {before.splits.get(name, 0):,} → {after.splits.get(name, 0):,}"
        for name in sorted(before.splits.keys() | after.splits.keys())
        if before.splits.get(name, 0) != after.splits.get(name, 0)
    ]
    return f"{sentence} Splits: {', '.join(moved)}." if moved and any(before.splits | after.splits) else sentence
