"""One metric of an experiment: what each subject got, how they differ on the same cases, and what that means."""

from collections.abc import Sequence
from typing import Final, Literal

from msgspec import Struct

from trimtab.evaluation.types import CaseDelta, Cell, Estimate, Flaky, MetricReport, PassK, SuiteScorer, SuiteSpec
from trimtab.scoring.means import SHARE, Mean, geometric_mean_of, mean_of
from trimtab.scoring.paired import Compared, Pair, Scale, compare_pairs
from trimtab.scoring.repeats import Tried, chosen_k, pass_k
from trimtab.scoring.sizes import cases_for
from trimtab.scoring.special import normal_quantile
from trimtab.scoring.stats import Better, Outcome
from trimtab.scoring.types import Kind
from trimtab.scoring.units import Observed

Unit = Literal["share", "number", "ms", "picodollars"]
DELTAS_SHOWN: Final = 200
SHARE_MARGIN: Final = 0.05
"""The smallest difference of interest where a suite names none: five points, or five parts of a hundred."""
AUTOMATIC_MARGIN: Final = 0.2
POWER: Final = 0.8


class ScorerFacts(Struct, frozen=True, kw_only=True):
    """What is known of a scorer that a suite uses, by the name of its metric."""

    scorer: str
    kind: Kind
    better: Better | None = None


class Asked(Struct, frozen=True, kw_only=True):
    """What is asked of a metric. ``wanted``: the suite requires it; ``required``: and it has a direction, so that it
    can decide. ``source``: where its values are, a scorer's or a figure of the call."""

    name: str
    scorer: str
    unit: Unit
    kind: Kind
    better: Better | None
    wanted: bool
    margin: float | None
    relative: bool
    scale: Scale
    at_least: float | None = None
    at_most: float | None = None
    source: Literal["score", "errors", "latency_ms", "cost"] = "score"

    @property
    def required(self) -> bool:
        return self.wanted and (self.better is not None or self.at_least is not None or self.at_most is not None)


def asked_of(scorer: SuiteScorer, facts: ScorerFacts | None) -> Asked:
    """From a suite's line. A share without a direction is better higher, as a pass is 1."""
    name = scorer.name or scorer.scorer
    kind: Kind = facts.kind if facts else "share"
    better = scorer.better or (facts.better if facts else None) or ("higher" if kind == "share" else None)
    relative = scorer.relative if scorer.margin is not None else kind == "number"
    return Asked(
        name=name,
        scorer=scorer.scorer,
        unit="share" if kind == "share" else "number",
        kind=kind,
        better=better,
        wanted=scorer.required,
        margin=SHARE_MARGIN if scorer.margin is None else scorer.margin,
        relative=relative,
        scale="ratio" if relative and kind == "number" else "difference",
        at_least=scorer.at_least,
        at_most=scorer.at_most,
    )


def automatic(spec: SuiteSpec, taken: set[str]) -> list[Asked]:
    """What is measured of every call: errors, the typical latency (geometric mean), the mean cost. The last two decide
    where the suite gives a margin; errors do where there are clearly more."""
    found = [
        Asked(
            name="errors", scorer="", unit="share", kind="share", better="lower", wanted=False,
            margin=SHARE_MARGIN, relative=False, scale="difference", source="errors",
        ),
        Asked(
            name="latency", scorer="", unit="ms", kind="number", better="lower",
            wanted=spec.latency_margin is not None, margin=spec.latency_margin or AUTOMATIC_MARGIN,
            relative=True, scale="log_ratio", source="latency_ms",
        ),
        Asked(
            name="cost", scorer="", unit="picodollars", kind="number", better="lower",
            wanted=spec.cost_margin is not None, margin=spec.cost_margin or AUTOMATIC_MARGIN,
            relative=True, scale="ratio", source="cost",
        ),
    ]  # fmt: skip
    return [each for each in found if each.name not in taken]


class Of(Struct):
    """One case of one subject: its scored values (over repeats), and how many there are not."""

    values: list[float]
    unscored: int = 0
    errors: int = 0

    @property
    def mean(self) -> float | None:
        return sum(self.values) / len(self.values) if self.values else None


class Grid:
    """The cells of the subjects that are reported on, by case. Built once."""

    def __init__(self, subjects: tuple[int, ...]) -> None:
        self.subjects = subjects
        self.cells: dict[int, dict[str, list[Cell]]] = {subject: {} for subject in subjects}
        self.any: dict[str, Cell] = {}
        self.pending = 0
        self.answered: list[Cell] = []
        self._known: dict[tuple[str, int], dict[str, Of]] = {}

    @classmethod
    def of(cls, cells: Sequence[Cell], against: int | None) -> "Grid":
        grid = cls((0,) if against is None else (0, against))
        for cell in sorted(cells, key=lambda cell: (cell.case_id, cell.repeat, cell.subject)):
            if cell.subject not in grid.cells:
                continue
            grid.any.setdefault(cell.case_id, cell)
            grid.pending += cell.state == "pending"
            if cell.state == "pending":
                continue
            grid.cells[cell.subject].setdefault(cell.case_id, []).append(cell)
            if cell.state == "done":
                grid.answered.append(cell)
        return grid

    def errors(self, subject: int) -> tuple[int, int]:
        """Calls that got no answer, and calls that ended."""
        ended = [cell for cells in self.cells[subject].values() for cell in cells]
        return sum(cell.state == "failed" for cell in ended), len(ended)

    def values(self, asked: Asked, subject: int) -> dict[str, Of]:
        """Per case what a metric says of a subject. Found once."""
        key = (asked.name, subject)
        if key not in self._known:
            self._known[key] = {case: _of_case(asked, cells) for case, cells in self.cells[subject].items()}
        return self._known[key]


def _of_case(asked: Asked, cells: list[Cell]) -> Of:
    found = Of(values=[])
    for cell in cells:
        if asked.source == "errors":
            found.values.append(float(cell.state == "failed"))
        elif cell.state == "failed":
            found.errors += 1
        else:
            value = _value(asked, cell)
            if value is None:
                found.unscored += not _labelled(asked, cell)
            else:
                found.values.append(value)
    return found


def _value(asked: Asked, cell: Cell) -> float | None:
    if asked.source == "latency_ms":
        # An answer out of the cache took no time, which says nothing of the subject.
        return cell.latency_ms if cell.latency_ms is not None and cell.latency_ms > 0 and not cell.cached else None
    if asked.source == "cost":
        return None if cell.cost is None else float(cell.cost)
    for score in cell.scores:
        if score.name == asked.name:
            return None if score.unscored else score.value
    return None


def _labelled(asked: Asked, cell: Cell) -> bool:
    """Whether a scorer said a word and no number: that is no failure to score, and no value either."""
    return asked.source == "score" and any(
        score.name == asked.name and score.label and not score.unscored for score in cell.scores
    )


def measure(asked: Asked, grid: Grid, alpha: float) -> MetricReport:
    """Everything but what several metrics decide together."""
    found = [grid.values(asked, subject) for subject in grid.subjects]
    bounds = SHARE if asked.kind == "share" else None
    estimates = [_estimate(asked, values, grid, alpha, bounds) for values in found]
    compared = _compared(asked, found, grid, alpha) if len(found) > 1 else None
    margin = _margin(asked, compared, estimates)
    return MetricReport(
        name=asked.name,
        scorer=asked.scorer,
        unit=asked.unit,
        better=asked.better,
        required=asked.required,
        a=estimates[0],
        b=estimates[1] if len(estimates) > 1 else None,
        difference=compared.difference if compared else None,
        low=compared.interval.low if compared and compared.interval else None,
        high=compared.interval.high if compared and compared.interval else None,
        relative=compared.relative if compared else False,
        margin=margin if compared else None,
        p=compared.p if compared else None,
        bound=_bound(asked, estimates[0]),
        pairs=compared.pairs if compared else 0,
        needed=_needed(compared, margin, alpha),
        method=compared.method if compared else _mean(asked, found[0], grid, alpha, bounds).method,
    )


def _observed(values: dict[str, Of], grid: Grid, missing: float | None = None) -> list[Observed]:
    """Per case its mean; with ``missing``, what was not scored counts as that value."""
    found: list[Observed] = []
    for case, of in values.items():
        scored = of.values if missing is None else of.values + [missing] * (of.unscored + of.errors)
        if scored:
            cell = grid.any[case]
            found.append(Observed(sum(scored) / len(scored), cell.weight, cell.group, cell.stratum))
    return found


def _mean(asked: Asked, values: dict[str, Of], grid: Grid, alpha: float, bounds: tuple[float, float] | None) -> Mean:
    observed = _observed(values, grid)
    if asked.scale == "log_ratio" and all(each.value > 0 for each in observed):
        return geometric_mean_of(observed, alpha)
    return mean_of(observed, alpha, bounds)


def _estimate(
    asked: Asked, values: dict[str, Of], grid: Grid, alpha: float, bounds: tuple[float, float] | None
) -> Estimate:
    found = _mean(asked, values, grid, alpha, bounds)
    unscored, errors = sum(of.unscored for of in values.values()), sum(of.errors for of in values.values())
    ends: list[float | None] = [None, None]
    if bounds and (unscored or errors):
        whole = [mean_of(_observed(values, grid, end), alpha, bounds).value for end in bounds]
        ends = whole if asked.better != "lower" else whole[::-1]
    elif bounds:
        ends = [found.value, found.value]
    return Estimate(
        value=found.value,
        low=found.interval.low if found.interval else None,
        high=found.interval.high if found.interval else None,
        n=sum(len(of.values) for of in values.values()),
        clusters=found.clusters,
        unscored=unscored,
        errors=errors,
        worst=ends[0],
        best=ends[1],
    )


def _compared(asked: Asked, found: list[dict[str, Of]], grid: Grid, alpha: float) -> Compared:
    pairs: list[Pair] = []
    for case, of in found[0].items():
        other = found[1].get(case)
        if other is not None and of.mean is not None and other.mean is not None:
            cell = grid.any[case]
            pairs.append(Pair(of.mean, other.mean, cell.weight, cell.group, cell.stratum))
    return compare_pairs(pairs, alpha, asked.scale, bounded=asked.kind == "share")


def _margin(asked: Asked, compared: Compared | None, estimates: list[Estimate]) -> float | None:
    """In the unit of the difference."""
    if asked.margin is None or compared is None:
        return None
    if asked.relative and not compared.relative:
        second = estimates[1].value
        return asked.margin * abs(second) if second else None
    return asked.margin


def _needed(compared: Compared | None, margin: float | None, alpha: float) -> int | None:
    """Cases like these, hanging together as these do, that show a difference of the margin with power 0.8."""
    if compared is None or compared.interval is None or not margin or compared.pairs < 2:
        return None
    width = (compared.interval.high - compared.interval.low) / 2 / normal_quantile(1 - alpha / 2)
    return cases_for(margin, width * compared.pairs**0.5, alpha, POWER)


def _bound(asked: Asked, found: Estimate) -> Literal["met", "missed", "not_enough_data"] | None:
    """Met when the interval's near end is, missed when its far end is not."""
    if asked.at_least is None and asked.at_most is None:
        return None
    if found.low is None or found.high is None:
        return "not_enough_data"
    least = asked.at_least if asked.at_least is not None else -float("inf")
    most = asked.at_most if asked.at_most is not None else float("inf")
    if found.high < least or found.low > most:
        return "missed"
    return "met" if found.low >= least and found.high <= most else "not_enough_data"


def outcome_of_metric(metric: MetricReport, alpha: float) -> Outcome | None:
    """Better or worse needs the interval and the test, adjusted for several metrics, to say so; not worse only the
    interval, for that must hold of every metric at once. None where there is no comparison or no direction."""
    if metric.b is None or metric.better is None:
        return None
    if metric.low is None or metric.high is None:
        return "not_enough_data"
    low, high = (metric.low, metric.high) if metric.better == "higher" else (-metric.high, -metric.low)
    p = metric.adjusted if metric.adjusted is not None else metric.p
    sure = p is None or p <= alpha
    if sure and low > 0:
        return "better"
    if metric.margin is not None and low > -metric.margin:
        return "not_worse"
    return "worse" if sure and high < 0 else "not_enough_data"


def deltas_of(asked: list[Asked], grid: Grid) -> list[CaseDelta]:
    """Cases that differ, those that got worst first; the most telling ones of each scorer."""
    found: list[CaseDelta] = []
    if len(grid.subjects) < 2:
        return found
    for each in asked:
        if each.source != "score":
            continue
        first, second = (grid.values(each, subject) for subject in grid.subjects)
        sign = -1 if each.better == "lower" else 1
        of_metric: list[tuple[float, CaseDelta]] = []
        for case, of in first.items():
            a, b = of.mean, second[case].mean if case in second else None
            delta = a - b if a is not None and b is not None else None
            if delta:
                of_metric.append((sign * delta, CaseDelta(case_id=case, metric=each.name, a=a, b=b, delta=delta)))
        of_metric.sort(key=lambda pair: (pair[0], pair[1].case_id))
        found += [delta for _, delta in of_metric[:DELTAS_SHOWN]]
    return found


def _tried(each: Asked, grid: Grid, subject: int) -> dict[str, Tried] | None:
    """Passes of each case; None where the metric's values are not passes and failures."""
    if each.kind != "share" or each.source != "score":
        return None
    values = grid.values(each, subject)
    if any(value not in (0, 1) for of in values.values() for value in of.values):
        return None
    good = 0.0 if each.better == "lower" else 1.0
    found: dict[str, Tried] = {}
    for case, of in values.items():
        if of.values:
            cell = grid.any[case]
            passes = sum(value == good for value in of.values)
            found[case] = Tried(passes, len(of.values), cell.weight, cell.group, cell.stratum)
    return found


def flaky_of(asked: list[Asked], grid: Grid) -> list[Flaky]:
    """Cases whose repeats disagree, the most undecided first."""
    found: list[Flaky] = []
    for each in asked:
        for subject in grid.subjects:
            for case, tried in (_tried(each, grid, subject) or {}).items():
                if tried.wavers:
                    found.append(
                        Flaky(
                            case_id=case,
                            subject=subject,
                            metric=each.name,
                            passes=tried.passes,
                            repeats=tried.tries,
                        )
                    )
    return sorted(found, key=lambda each: (abs(each.passes / each.repeats - 0.5), each.metric, each.case_id))


def pass_k_of(asked: list[Asked], grid: Grid, alpha: float) -> list[PassK]:
    """pass^k and pass@k of every scorer of passes and failures, where cases were repeated."""
    found: list[PassK] = []
    for each in asked:
        for subject in grid.subjects:
            cases = list((_tried(each, grid, subject) or {}).values())
            most = max((case.tries for case in cases), default=0)
            for k in chosen_k(most):
                both = [_plain(mean) for mean in pass_k(cases, k, alpha)]
                found.append(PassK(subject=subject, metric=each.name, k=k, all_of=both[0], any_of=both[1]))
    return found


def _plain(mean: Mean) -> Estimate:
    return Estimate(
        value=mean.value,
        low=mean.interval.low if mean.interval else None,
        high=mean.interval.high if mean.interval else None,
        n=mean.n,
        clusters=mean.clusters,
    )
