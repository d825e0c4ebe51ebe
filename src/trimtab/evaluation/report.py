"""From an experiment's cells to what it found: pure, the same whenever it is made from the same cells.

    cells --report_metrics--> one MetricReport per scorer, errors, latency, cost --Holm--> outcome, says, passed

A case's value is the mean over its repeats that were scored, so that every case counts the same (by its weight) however
many repeats failed. What failed or could not be scored is counted, and never becomes a number.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from trimtab.evaluation import report_words as words
from trimtab.evaluation.report_metrics import (
    Asked,
    Grid,
    ScorerFacts,
    asked_of,
    automatic,
    deltas_of,
    flaky_of,
    measure,
    outcome_of_metric,
    pass_k_of,
)
from trimtab.evaluation.types import Cell, Estimate, MetricReport, Report, SuiteSpec
from trimtab.scoring.several import holm
from trimtab.scoring.stats import Outcome

FLAKY_SHOWN: Final = 500


class Facts(Struct, frozen=True, kw_only=True):
    """What a report is of. ``scorers`` by metric name (`SuiteScorer.name`, or the scorer's). ``made`` is Unix ms.
    ``against`` is the place among ``subjects`` of what the first is compared with; null where it is alone.
    ``judging_cost`` in picodollars, null if unknown."""

    experiment: str
    suite: str
    dataset: str
    version: int
    subjects: tuple[str, ...]
    scorers: dict[str, ScorerFacts]
    made: int = 0
    against: int | None = 1


def build(facts: Facts, spec: SuiteSpec, cells: Sequence[Cell]) -> Report:
    """The first subject's report, compared with ``facts.against`` where there is such a subject. Cells that are still
    pending count nowhere, and the report says that they are missing."""
    compared = facts.against if facts.against is not None and facts.against < len(facts.subjects) else None
    grid = Grid.of(cells, compared)
    asked = [asked_of(scorer, facts.scorers.get(scorer.name or scorer.scorer)) for scorer in spec.scorers]
    asked += automatic(spec, {each.name for each in asked})
    metrics = _adjusted([measure(each, grid, spec.alpha) for each in asked], asked, spec.alpha)
    named = words.told_apart(_named(facts.subjects, compared))
    problems = _problems(spec, grid, metrics, named)
    outcome = _outcome(metrics, problems, compared=compared is not None)
    says = words.of_all(outcome, metrics, _named(facts.subjects, compared), compared=compared is not None)
    judging, unknown = _judging_cost(cells)
    return Report(
        experiment=facts.experiment,
        suite=facts.suite,
        dataset=facts.dataset,
        version=facts.version,
        subjects=facts.subjects,
        cases=len({cell.case_id for cell in cells}),
        repeats=spec.repeats,
        outcome=outcome,
        passed=_passes(outcome, spec) and not problems,
        says=" ".join([says, *problems]),
        metrics=metrics,
        correction=_correction(metrics),
        alpha=spec.alpha,
        flaky=tuple(flaky_of(asked, grid)[:FLAKY_SHOWN]),
        pass_k=tuple(pass_k_of(asked, grid, spec.alpha)),
        deltas=tuple(deltas_of(asked, grid)),
        warnings=tuple(_warnings(grid, metrics, asked, named)),
        cost=_total(cells),
        judging_cost=None if unknown else judging,
        made=facts.made,
    )


def _named(subjects: tuple[str, ...], compared: int | None) -> tuple[str, ...]:
    return subjects if compared is None else (subjects[0], subjects[compared])


def _adjusted(metrics: list[MetricReport], asked: list[Asked], alpha: float) -> tuple[MetricReport, ...]:
    """Holm over the required metrics that were tested, then each one's outcome and sentence."""
    family = [place for place, metric in enumerate(metrics) if metric.required and metric.p is not None]
    adjusted = dict(zip(family, holm([metrics[place].p or 0.0 for place in family]), strict=True))
    found: list[MetricReport] = []
    for place, (metric, each) in enumerate(zip(metrics, asked, strict=True)):
        metric = replace(metric, adjusted=adjusted.get(place))
        metric = replace(metric, outcome=outcome_of_metric(metric, alpha))
        found.append(replace(metric, says=_says(metric, each)))
    return tuple(found)


def _says(metric: MetricReport, asked: Asked) -> str:
    text = words.of_one(metric.name, metric.a, metric.unit) if metric.b is None else words.of_two(metric)
    return text + words.of_bound(metric, asked.at_least, asked.at_most)


def _outcome(metrics: tuple[MetricReport, ...], problems: list[str], *, compared: bool) -> Outcome:
    """Worse, if anything required is, or there are clearly more errors; then not enough data; then better."""
    required = [metric for metric in metrics if metric.required]
    said: set[str | None] = {metric.outcome for metric in required}
    bounds = {metric.bound for metric in required}
    more_errors = any(metric.name == "errors" and metric.outcome == "worse" for metric in metrics)
    if "worse" in said or "missed" in bounds or more_errors:
        return "worse"
    tested = compared or bounds - {None}
    if not required or not tested or problems or "not_enough_data" in said or "not_enough_data" in bounds:
        return "not_enough_data"
    return "better" if "better" in said else "not_worse"


def _passes(outcome: Outcome, spec: SuiteSpec) -> bool:
    return outcome == "better" or (outcome == "not_worse" and spec.rule == "not_worse")


def _correction(metrics: tuple[MetricReport, ...]) -> str:
    tested = sum(metric.adjusted is not None for metric in metrics)
    if tested < 2:
        return "none: one required metric was tested" if tested else "none: nothing was tested"
    return f"Holm over {tested} required metrics"


def _problems(spec: SuiteSpec, grid: Grid, metrics: tuple[MetricReport, ...], named: tuple[str, ...]) -> list[str]:
    """Why the numbers may not be relied on, whatever they say: each is a sentence."""
    found: list[str] = []
    for subject in grid.subjects:
        failed, ended = grid.errors(subject)
        if ended and failed / ended > spec.most_errors:
            found.append(
                f"{failed} of {ended} calls to {_which(subject, named)} got no answer: more than the"
                f" {words.amount(spec.most_errors, 'share')} that the suite allows."
            )
    for metric in metrics:
        for which, one in ((_which(0, named), metric.a), (_which(1, named), metric.b)):
            scored = one.n + one.unscored if one else 0
            if one and metric.required and scored and one.unscored / scored > spec.most_unscored:
                found.append(
                    f"{metric.name} could not score {one.unscored} of {scored} answers of {which}: more than the"
                    f" {words.amount(spec.most_unscored, 'share')} that the suite allows."
                )
    if grid.pending:
        found.append(f"{grid.pending} answers are still missing.")
    return found


def _which(subject: int, named: tuple[str, ...]) -> str:
    return named[min(subject, 1)] if len(named) > min(subject, 1) else "AB"[min(subject, 1)]


def _warnings(grid: Grid, metrics: tuple[MetricReport, ...], asked: list[Asked], named: tuple[str, ...]) -> list[str]:
    """What a reader should know, and what decides nothing."""
    found: list[str] = []
    for metric, each in zip(metrics, asked, strict=True):
        if each.wanted and not metric.required:
            found.append(f"{metric.name} decides nothing: say whether lower or higher is better.")
        if metric.b is not None and abs(_lost(metric.a) - _lost(metric.b)) > 0.05:
            a, b = _which(0, named), _which(1, named)
            fewer, more = (a, b) if _lost(metric.a) > _lost(metric.b) else (b, a)
            why = " (answers of an earlier run have none)" if metric.name == "latency" else ""
            found.append(
                f"{metric.name}: fewer cases of {fewer} than of {more} have one{why}: those compared are chosen ones."
            )
        if metric.a.clusters and metric.a.clusters < 10 and metric.required:
            found.append(f"{metric.name} rests on {metric.a.clusters} independent groups only.")
    if any(cell.cost is None for cell in grid.answered):
        found.append("Some answers have no known price: costs are of the others.")
    return found


def _lost(found: Estimate) -> float:
    whole = found.n + found.unscored + found.errors
    return (found.unscored + found.errors) / whole if whole else 0.0


def _total(cells: Sequence[Cell]) -> int | None:
    """What the answers cost; null if the price of one is unknown. Those out of the cache cost nothing again."""
    costs = [0 if cell.cached else cell.cost for cell in cells if cell.state == "done"]
    return None if any(cost is None for cost in costs) else sum(cost for cost in costs if cost is not None)


def _judging_cost(cells: Sequence[Cell]) -> tuple[int, bool]:
    costs = [score.cost for cell in cells for score in cell.scores]
    return sum(cost for cost in costs if cost is not None), any(cost is None for cost in costs)
