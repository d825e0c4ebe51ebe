"""Evidence in words."""

import pytest

from trimtab.releases.evidence import evidence_of, shown
from trimtab.releases.guards import Unit
from trimtab.releases.rules import ArmFigures, Evidence, Figures, Guard, Rules
from trimtab.scoring.stats import Sums, single, sums_of


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        ("share", 0.081, "8.1 %"),
        ("share", 0.0, "0.0 %"),
        ("share", 0.00042, "0.042 %"),
        ("ms", 312.4, "312 ms"),
        ("ms", 1_240.0, "1.24 s"),
        ("currency", 0.003124, "0.00312"),
        ("currency", 0.0000149, "0.0000149"),
        ("currency", 12_345.6, "12,346"),
        ("score", -0.5, "-0.5"),
    ],
)
def test_values_are_shown_as_people_read_them(unit: Unit, value: float, text: str) -> None:
    assert shown(unit, value) == text


def one(metric: str, stable: Sums, candidate: Sums) -> Evidence:
    arms = Figures(stable=ArmFigures(values={metric: stable}), candidate=ArmFigures(values={metric: candidate}))
    (found,) = evidence_of(Rules(guards=(Guard(metric=metric),)), arms, 1)
    return found


def test_a_missing_arm_is_named() -> None:
    assert one("errors", Sums(), Sums()).says == "errors: nothing observed yet of either release: not enough data"
    assert one("errors", Sums(), single(3, 1)).says.startswith("errors: nothing observed yet of the stable release")
    assert one("errors", single(3, 1), Sums()).says.startswith("errors: nothing observed yet of the candidate")


def test_before_there_is_an_interval_there_is_only_what_was_seen() -> None:
    found = one("latency", sums_of([(1, 6.0)] * 3), sums_of([(1, 7.0)] * 3))
    assert found.says == "latency 1.10 s against 403 ms (3 and 3 calls): not enough data"
    assert (found.low, found.high) == (None, None)
    assert found.difference == pytest.approx(1.718, abs=0.001)


def test_feedback_counts_values_and_is_worse_when_it_falls() -> None:
    found = one("feedback", single(400, 360), single(400, 160))
    assert found.outcome == "worse"
    assert "feedback 40.0 % against 90.0 % (difference -" in found.says
    assert found.says.endswith(" points, 400 and 400 values): worse")


def test_what_hardly_can_be_told_has_no_endless_numbers() -> None:
    wild = sums_of((1, float(30 * (at % 2))) for at in range(40))
    assert "(difference -100 to >100,000 %, " in one("latency", wild, wild).says
