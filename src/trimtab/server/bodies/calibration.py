"""Bodies of the API about how judges agree with people. The figures are those of `evaluation/calibrations.py`."""

from msgspec import Struct

from trimtab.evaluation.calibrations import Figures


class CalibrationView(Struct, frozen=True, kw_only=True):
    """``scorer`` and ``scorer_version`` as scores have them. Unix ms."""

    id: str
    scorer: str
    scorer_version: str
    labels: int
    figures: Figures
    created: int


class CalibrationPage(Struct, frozen=True, kw_only=True):
    items: list[CalibrationView]
    cursor: str | None


class Calibrated(Struct, frozen=True, kw_only=True):
    """One for each version of the judge that people labelled answers of; none where nobody did."""

    items: list[CalibrationView]
