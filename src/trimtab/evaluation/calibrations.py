"""How judges agreed with people, per version of the judge, as it was found. Functions of a connection; times are Unix
ms. What finds it is `review/calibration.py`, above this room."""

from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, insert, select

from trimtab.evaluation.tables import CALIBRATIONS

C = CALIBRATIONS.c


class Figure(Struct, frozen=True, kw_only=True):
    """A number with its 95 % interval; null where it is not defined."""

    value: float | None
    low: float | None
    high: float | None


class JudgeSegment(Struct, frozen=True, kw_only=True):
    """The same of a part of the labels: of an ``app``, or a ``release`` of one."""

    by: str
    group: str
    labels: int
    alike: Figure


class Drift(Struct, frozen=True, kw_only=True):
    """Agreement on what was judged within the last ``days``, against before. ``drifted``: it fell, and the interval of
    the difference leaves no room for none. ``says`` is that in words."""

    days: int
    recent_labels: int
    earlier_labels: int
    recent: Figure
    earlier: Figure
    difference: Figure
    drifted: bool
    says: str


class JudgeRate(Struct, frozen=True, kw_only=True):
    """A rate of passes of all that the judge judged, corrected for its errors. ``method`` says how, or why there is
    none."""

    value: float | None
    low: float | None
    high: float | None
    method: str


class Figures(Struct, frozen=True, kw_only=True):
    """``labels`` answers that both judged; ``disputed`` ones, on which people themselves were split, are left out.

    ``confusion[i][j]``: how many people called ``classes[i]`` and the judge ``classes[j]``. ``alike``: the share on
    which they said the same. ``sensitivity``: of what people passed, the share that the judge passed; ``specificity``:
    of what they failed, the share that it failed. ``raw``, ``rogan_gladen`` and ``prediction_powered``: the share of
    passes among the ``judged``, as the judge said and as people would have."""

    labels: int
    disputed: int
    judged: int
    classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    alike: Figure
    kappa: Figure
    sensitivity: Figure
    specificity: Figure
    raw: float | None
    rogan_gladen: JudgeRate
    prediction_powered: JudgeRate
    drift: Drift
    segments: tuple[JudgeSegment, ...] = ()
    since: int = 0
    newest_label: int = 0


class Calibration(Struct, frozen=True, kw_only=True):
    """``scorer`` and ``scorer_version`` as scores have them (``judge:tone``, ``3-rubric.1``)."""

    id: str
    project_id: str
    scorer: str
    scorer_version: str
    labels: int
    figures: Figures
    created: int


def record(conn: Connection, made: Calibration) -> None:
    values = {name: getattr(made, name) for name in made.__struct_fields__}
    values["figures"] = msgspec.json.encode(made.figures).decode()
    conn.execute(insert(CALIBRATIONS).values(values))


def _calibration(row: Any) -> Calibration:
    own = {name: getattr(row, name) for name in Calibration.__struct_fields__ if name != "figures"}
    return Calibration(figures=msgspec.json.decode(row.figures, type=Figures), **own)


def listed(
    conn: Connection, project_id: str, scorer: str, version: str = "", *, before: str = "", limit: int = 100
) -> list[Calibration]:
    """Newest first; ``before`` is the id of the last of the page before."""
    query = select(CALIBRATIONS).where(C.project_id == project_id, C.scorer == scorer)
    if version:
        query = query.where(C.scorer_version == version)
    if before:
        query = query.where(C.id < before)
    return [_calibration(row) for row in conn.execute(query.order_by(C.id.desc()).limit(limit))]


def recent(
    conn: Connection, project_id: str, scorer: str, version: str, now: int, max_age_ms: int
) -> Calibration | None:
    """The newest of that version of a judge, if it is no older than that."""
    found = listed(conn, project_id, scorer, version, limit=1)
    return found[0] if found and found[0].created >= now - max_age_ms else None
