"""What experiments say of a dataset's cases, for whoever looks for those that fail or are disputed."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, select

from trimtab.core.errors import NotFound
from trimtab.evaluation.sampling import Judged, collected
from trimtab.evaluation.tables import CELLS, EXPERIMENTS
from trimtab.evaluation.types import CellScore


def of_experiment(
    conn: Connection, project_id: str, experiment: str, names: Sequence[str] = ()
) -> dict[str, list[Judged]]:
    """By case, the values in [0, 1] of each score, over subjects and repeats; what could not be scored is in none.
    Raises `NotFound`."""
    mine = select(EXPERIMENTS.c.id).where(EXPERIMENTS.c.project_id == project_id, EXPERIMENTS.c.id == experiment)
    if conn.execute(mine).one_or_none() is None:
        raise NotFound(f"There is no experiment {experiment[:80]!r} in this project.", fix="Name another.")
    found: dict[str, dict[str, list[float]]] = {}
    rows = select(CELLS.c.case_id, CELLS.c.scores).where(CELLS.c.experiment == experiment, CELLS.c.state == "done")
    for row in conn.execute(rows):
        for each in msgspec.json.decode(row.scores, type=list[CellScore]):
            if each.value is not None and 0 <= each.value <= 1 and (not names or each.name in names):
                found.setdefault(row.case_id, {}).setdefault(each.name, []).append(each.value)
    return {case_id: collected(scores) for case_id, scores in found.items()}
