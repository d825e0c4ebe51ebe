"""What a guard's threshold was chosen with, kept beside its version, and the same held against its detector as it is
now.

    Chosen + texts judged anew --compared--> Checked

Of attacks it is kept which were seen, by the ids of their cases (or a digest of a text that was given as such), so that
a new version of a detector is compared attack by attack. Of traffic counts are kept: at a check there is other traffic.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from trimtab.guard.operating import ALPHA, GuardShare, Judged, OperatingPoint, at, at_least
from trimtab.guard.store import GuardVersion, guard
from trimtab.guard.tables import GUARD_POINTS
from trimtab.guard.types import GuardSpec, Stage

Outcome = Literal["fine", "unsure", "worse"]


class Named(Struct, frozen=True, kw_only=True):
    """A text that was judged, by what names it: ``traffic:TRACE``, ``NAME@3/CASE`` or ``text:DIGEST``."""

    id: str
    judged: Judged


class Chosen(Struct, frozen=True, kw_only=True):
    """``detector`` is the version of the kind that judged. ``traffic`` counts recorded calls among the harmless texts,
    ``given`` the texts that came with the question. Datasets are versions (``NAME@3``). ``attacks`` says of each attack
    that could be judged whether it was seen. Times are Unix ms."""

    detector: str
    stage: Stage
    budget: float
    threshold: float
    traffic: int
    given: int
    benign_datasets: tuple[str, ...]
    attack_datasets: tuple[str, ...]
    alarms: GuardShare
    recall: GuardShare
    unjudged: int
    attacks: dict[str, bool]
    by: str
    at: int


class Checked(Struct, frozen=True, kw_only=True):
    """How the same threshold does with the detector of now. ``worse``: more harmless texts raise an alarm than the
    budget allows, or fewer attacks are seen, beyond chance; ``unsure``: by the counts alone, or part of what it was
    chosen with was not there."""

    detector: str
    outcome: Outcome
    reasons: tuple[str, ...]
    alarms: GuardShare
    recall: GuardShare
    compared: int
    """Attacks that were judged then and now."""
    at: int


class Kept(Struct, frozen=True, kw_only=True):
    chosen: Chosen
    checked: Checked | None = None

    def failed(self, detector: str) -> bool:
        """Whether the detector of now was found to be worse."""
        return self.checked is not None and self.checked.outcome == "worse" and self.checked.detector == detector


_chosen: Final = msgspec.json.Decoder(Chosen).decode
_checked: Final = msgspec.json.Decoder(Checked).decode


def seen(found: Iterable[Named], threshold: float) -> dict[str, bool]:
    """Of the attacks that could be judged, by id."""
    return {
        each.id: each.judged.score >= threshold
        for each in found
        if each.judged.attack and each.judged.score is not None
    }


def compared(chosen: Chosen, found: Sequence[Named], detector: str, now: int) -> Checked:
    """``found`` are harmless texts, and of the attacks those that could be had again."""
    point = at([each.judged for each in found], chosen.threshold, chosen.budget)
    again = seen(found, chosen.threshold)
    both = chosen.attacks.keys() & again.keys()
    reasons: list[str] = []
    worse = _alarms(point, chosen.budget, reasons)
    worse = _attacks(chosen.attacks, again, reasons) or worse
    if missing := len(chosen.attacks) - len(both):
        reasons.append(f"{missing} of {len(chosen.attacks)} attacks were not compared: they were not given again.")
    if not point.alarms.of:
        reasons.append("No harmless text could be judged.")
    if point.unjudged > chosen.unjudged:
        reasons.append(f"{point.unjudged} texts cannot be judged; {chosen.unjudged} could not when it was chosen.")
    return Checked(
        detector=detector,
        outcome="worse" if worse else "unsure" if reasons else "fine",
        reasons=tuple(reasons),
        alarms=point.alarms,
        recall=point.recall,
        compared=len(both),
        at=now,
    )


def _alarms(point: OperatingPoint, budget: float, reasons: list[str]) -> bool:
    """Whether there are more than the budget allows, beyond chance (binomial, one-sided)."""
    if not point.alarms.of or point.alarms.count <= budget * point.alarms.of:
        return False
    reasons.append(f"{point.alarms.count} of {point.alarms.of} harmless texts raise an alarm; {budget:.2%} may.")
    return at_least(point.alarms.count, point.alarms.of, budget) < ALPHA


def _attacks(before: Mapping[str, bool], after: Mapping[str, bool], reasons: list[str]) -> bool:
    """Whether fewer are seen, beyond chance: a sign test over those that changed (as McNemar's exact one)."""
    lost = sum(was and not after.get(name, True) for name, was in before.items())
    gained = sum(not was and after.get(name, False) for name, was in before.items())
    if lost <= gained:
        return False
    reasons.append(f"{lost} attacks that were seen are not any more; {gained} are that were not.")
    return at_least(lost, lost + gained, 0.5) < ALPHA


def same_look(one: GuardSpec, other: GuardSpec) -> bool:
    """Whether two specs judge alike, so that what one's threshold was chosen with holds for the other."""
    fields = ("kind", "options", "stages", "roles", "threshold")
    return all(getattr(one, field) == getattr(other, field) for field in fields)


def turned(newest_first: Sequence[GuardVersion]) -> GuardVersion | None:
    """The newest version that judges otherwise than the one before it: since then verdicts are of one kind. None where
    none of these does."""
    for row, before in pairwise(newest_first):
        if not same_look(row.spec, before.spec):
            return row
    return None


# --- SQL ---


def kept(conn: Connection, project_id: str, rows: Iterable[GuardVersion]) -> dict[tuple[str, int], Kept]:
    """What is kept of these versions, by name and number."""
    wanted = {(row.name, row.version) for row in rows}
    c = GUARD_POINTS.c
    found = select(GUARD_POINTS).where(c.project_id == project_id, c.name.in_(sorted({name for name, _ in wanted})))
    return {
        (row.name, row.version): Kept(
            chosen=_chosen(row.chosen), checked=None if row.checked is None else _checked(row.checked)
        )
        for row in conn.execute(found)
        if (row.name, row.version) in wanted
    }


def keep(conn: Connection, row: GuardVersion, new: Kept) -> None:
    """In place of what was kept of that version."""
    conn.execute(delete(GUARD_POINTS).where(*_of(row)))
    conn.execute(
        insert(GUARD_POINTS).values(
            project_id=row.project_id,
            name=row.name,
            version=row.version,
            chosen=msgspec.json.encode(new.chosen).decode(),
            checked=None if new.checked is None else msgspec.json.encode(new.checked).decode(),
        )
    )


def keep_check(conn: Connection, row: GuardVersion, new: Checked) -> None:
    conn.execute(update(GUARD_POINTS).where(*_of(row)).values(checked=msgspec.json.encode(new).decode()))


def carry(conn: Connection, row: GuardVersion) -> None:
    """To a new version what is kept of the one before, where the two judge alike."""
    if row.version < 2:
        return
    before = guard(conn, row.project_id, row.name, row.version - 1)
    old = kept(conn, row.project_id, [before]).get((before.name, before.version))
    if old is not None and same_look(before.spec, row.spec):
        keep(conn, row, old)


# --- erasure ---


def mark_of(text: str) -> str:
    """Under which it is kept whether a text was seen that was given as it is: a digest."""
    return "text:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def is_of_cases(mark: str, dataset: str, cases: Collection[str]) -> bool:
    """Whether a mark is of one of these cases of a dataset, in whichever version: ``NAME@3/CASE``."""
    reference, _, case = mark.partition("/")
    return reference.rpartition("@")[0] == dataset and case in cases


def text_marks(conn: Connection, project_id: str) -> frozenset[str]:
    """Those of texts that were given as they are."""
    found = select(GUARD_POINTS.c.chosen).where(GUARD_POINTS.c.project_id == project_id)
    every = (mark for text in conn.execute(found).scalars() for mark in _chosen(text).attacks)
    return frozenset(mark for mark in every if mark.startswith("text:"))


def forget(conn: Connection, project_id: str, is_gone: Callable[[str], bool]) -> int:
    """Remove the marks that are gone; how many. The shares that they were counted in stay."""
    c, count = GUARD_POINTS.c, 0
    for row in conn.execute(select(GUARD_POINTS).where(c.project_id == project_id)).all():
        chosen = _chosen(row.chosen)
        left = {mark: was for mark, was in chosen.attacks.items() if not is_gone(mark)}
        if len(left) < len(chosen.attacks):
            count += len(chosen.attacks) - len(left)
            values = {"chosen": msgspec.json.encode(replace(chosen, attacks=left)).decode()}
            at = (c.project_id == project_id, c.name == row.name, c.version == row.version)
            conn.execute(update(GUARD_POINTS).where(*at).values(values))
    return count


def _of(row: GuardVersion) -> "tuple[ColumnElement[bool], ...]":
    c = GUARD_POINTS.c
    return (c.project_id == row.project_id, c.name == row.name, c.version == row.version)
