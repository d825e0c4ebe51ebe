"""What an ended run says to the gate: by a suite that is as it was, and judges that people have checked."""

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, insert

from trimtab.evaluation import gate, subjects
from trimtab.evaluation.judging import Bound
from trimtab.evaluation.tables import CALIBRATIONS
from trimtab.evaluation.types import Subject, SuiteScorer, SuiteSpec
from trimtab.scoring.types import Sample, Tools, Verdict
from trimtab.storage.schema import METADATA

NOW = 1_750_000_000_000
DAY = 86_400_000


class Tone:
    """A model judge, as far as the gate looks at one."""

    name = "rubric"
    version = "1"
    about = ""
    kind = "share"
    better = "higher"
    source = "llm"
    needs = ("output",)
    options = SuiteScorer

    async def score(self, sample: Sample, options: Any, tools: Tools) -> Verdict:
        raise AssertionError


BOUND = (Bound(label="judge:tone", name="judge:tone", version="2-rubric.1", scorer=Tone()),)  # pyright: ignore[reportArgumentType]


@pytest.fixture
def conn(tmp_path: Path) -> Any:
    engine = create_engine(f"sqlite:///{tmp_path / 'c.sqlite'}")
    METADATA.create_all(engine, tables=[METADATA.tables["projects"], CALIBRATIONS])
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def calibrated(conn: Connection, *, version: str = "2-rubric.1", labels: int = 40, days: float = 1) -> None:
    values = {"id": f"cal_{version}_{days}", "project_id": "p", "scorer": "judge:tone", "scorer_version": version,
              "labels": labels, "figures": "{}", "created": NOW - int(days * DAY)}  # fmt: skip
    conn.execute(insert(CALIBRATIONS).values(values))


def lacking(conn: Connection, *, required: bool = True) -> list[str]:
    spec = SuiteSpec(dataset="qs", scorers=(SuiteScorer(scorer="judge:tone", required=required),))
    return gate.uncalibrated(conn, "p", spec, BOUND, NOW)


@pytest.mark.parametrize(
    ("calibration", "counts"),
    [
        (None, False),
        ({}, True),
        ({"version": "1-rubric.1"}, False),
        ({"labels": gate.FEWEST_LABELS - 1}, False),
        ({"days": gate.CALIBRATED_WITHIN_DAYS + 1}, False),
    ],
    ids=["never", "lately", "another version", "too few labels", "long ago"],
)
def test_a_judge_counts_that_was_compared_with_people_lately_in_this_version(
    conn: Connection, calibration: dict[str, Any] | None, counts: bool
) -> None:
    if calibration is not None:
        calibrated(conn, **calibration)
    assert (lacking(conn) == []) is counts
    assert lacking(conn, required=False) == [], "nothing rests on it"


LIVE = Subject(name="support@production", model="support@r1", hash="h1", app="support", number=1)
OTHER = Subject(name="support@r7", model="support@r7", hash="h7", app="support", number=7)
SAME = Subject(name="support@r1", model="support@r1", hash="h1", app="support", number=1)
MOVED = Subject(name="support@production", model="support@r2", hash="h2", app="support", number=2)


def _named(named: list[Subject | None], *_: object) -> Subject | None:
    return named[0]


@pytest.mark.parametrize(
    ("second", "told"),
    [
        ((LIVE,), ""),
        ((SAME,), ""),
        ((MOVED,), ""),  # what ran there when the run began
        ((OTHER,), "the suite tone compares with production, and this run with support@r7"),
        ((), "the suite tone compares with production, and this run with nothing"),
    ],
)
def test_a_run_counts_that_was_compared_with_what_the_suite_names(
    conn: Connection, monkeypatch: pytest.MonkeyPatch, second: tuple[Subject, ...], told: str
) -> None:
    named: list[Subject | None] = [LIVE]
    monkeypatch.setattr(subjects, "baseline", partial(_named, named))
    found: Any = SimpleNamespace(project_id="prj_1", suite="tone", subjects=(OTHER, *second))
    assert gate._other_baseline(conn, found, "production") == told  # pyright: ignore[reportPrivateUsage]
    named[0] = None  # nothing runs there yet
    assert gate._other_baseline(conn, found, "production") == ""  # pyright: ignore[reportPrivateUsage]
