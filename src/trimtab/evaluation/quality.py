"""What groups of live scores say: means with intervals, and as people would have judged, where the judge is calibrated.
Functions of a connection, or pure."""

from typing import Final

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, select

from trimtab.evaluation.calibrations import Figures
from trimtab.evaluation.tables import CALIBRATIONS
from trimtab.scoring.corrected import Operating, rogan_gladen
from trimtab.scoring.means import SHARE, effective_passes, mean_of_sums
from trimtab.telemetry.scores.quality import QualityGroup

PASSED: Final = "pass"
FAILED: Final = "fail"


class Quality(Struct, frozen=True, kw_only=True):
    """Of one release, or of one of its days. ``value`` with its interval is the mean of the scores as they were
    written; ``corrected`` is the share that people would have passed, by the judge's calibration. ``unscored`` could
    not be scored; ``worst`` and ``best`` are what the value would be if all of those were as bad, or as good, as can
    be (null where values have no bounds)."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    clusters: int
    unscored: int
    worst: float | None
    best: float | None
    corrected: float | None
    corrected_low: float | None
    corrected_high: float | None
    method: str


def measured(group: QualityGroup, known: dict[str, Operating], alpha: float = 0.05) -> Quality:
    """``known``: by ``evaluator@version`` how a judge does against people."""
    within = group.sums.n > 0 and group.low >= 0 and group.high <= 1
    passes = within and group.other == 0
    bounds = SHARE if within else None
    found = mean_of_sums(group.sums, group.squares, alpha, bounds, passes=passes)
    corrected = None
    operating = known.get(group.judges[0]) if len(group.judges) == 1 and group.source == "llm" and passes else None
    if operating is not None:
        good, number = effective_passes(group.sums, group.squares, alpha)
        corrected = rogan_gladen(good, number, operating, alpha)
    ends = corrected.interval if corrected else None
    whole = group.sums.n + group.unscored
    return Quality(
        value=found.value,
        low=found.interval.low if found.interval else None,
        high=found.interval.high if found.interval else None,
        n=found.n,
        clusters=found.clusters,
        unscored=group.unscored,
        worst=group.sums.s / whole if within else None,
        best=(group.sums.s + group.unscored) / whole if within else None,
        corrected=corrected.value if corrected else None,
        corrected_low=ends.low if ends else None,
        corrected_high=ends.high if ends else None,
        method="; ".join(filter(None, (found.method, corrected.method if corrected else ""))),
    )


def calibrated(conn: Connection, project_id: str) -> dict[str, Operating]:
    """By the newest calibration of each judge and version: ``evaluator@version``."""
    query = select(CALIBRATIONS).where(CALIBRATIONS.c.project_id == project_id).order_by(CALIBRATIONS.c.created)
    found: dict[str, Operating] = {}
    for row in conn.execute(query):
        operating = operating_of(msgspec.json.decode(row.figures, type=Figures))
        if operating is not None:
            found[f"{row.scorer}@{row.scorer_version}"] = operating
    return found


def operating_of(figures: Figures) -> Operating | None:
    """None where the calibration is not about passes and failures."""
    if set(figures.classes) != {PASSED, FAILED}:
        return None
    good, bad = figures.classes.index(PASSED), figures.classes.index(FAILED)
    return Operating(
        hits=figures.confusion[good][good],
        positives=sum(figures.confusion[good]),
        rejections=figures.confusion[bad][bad],
        negatives=sum(figures.confusion[bad]),
    )
