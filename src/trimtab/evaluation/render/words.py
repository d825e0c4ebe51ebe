"""What the renderings of a report have in common: values with their intervals, in words."""

from decimal import Decimal
from typing import Final

from trimtab.evaluation.report_words import told_apart
from trimtab.evaluation.types import CaseDelta, Estimate, Experiment, MetricReport, Report
from trimtab.ledger.limits import dollars

OUTCOMES: Final = {
    "better": "better",
    "not_worse": "not worse",
    "worse": "worse",
    "not_enough_data": "not enough data",
}
PICO: Final = 10**12


def value(metric: MetricReport, number: float | None, *, signed: bool = False) -> str:
    """``83.2 %``, ``1.24 s``, ``$0.00031``, ``0.412``; a dash for what is not known."""
    if number is None:
        return "-"
    sign = "+" if signed and number > 0 else ""
    if metric.unit == "share":
        return f"{sign}{100 * number:.1f} %"
    if metric.unit == "ms":
        return f"{sign}{number / 1000:.2f} s" if abs(number) >= 1000 else f"{sign}{number:.0f} ms"
    if metric.unit == "picodollars":
        return f"{sign}{'-' if number < 0 else ''}${Decimal(f'{abs(number) / PICO:.3g}'):f}"
    return f"{sign}{Decimal(f'{number:.4g}'):f}"


def estimate(metric: MetricReport, found: Estimate | None) -> str:
    """``83.2 % (71.0 to 91.2)``."""
    if found is None or found.value is None:
        return "-"
    if found.low is None or found.high is None:
        return value(metric, found.value)
    return f"{value(metric, found.value)} ({value(metric, found.low)} to {value(metric, found.high)})"


def difference(metric: MetricReport) -> str:
    """A minus B, with its interval; of a relative one in per cent of B."""
    if metric.difference is None:
        return "-"
    if metric.relative:
        low, high = metric.low, metric.high
        span = "" if low is None or high is None else f" ({100 * low:+.1f} to {100 * high:+.1f} %)"
        return f"{100 * metric.difference:+.1f} %{span}"
    span = ""
    if metric.low is not None and metric.high is not None:
        span = f" ({value(metric, metric.low, signed=True)} to {value(metric, metric.high, signed=True)})"
    return f"{value(metric, metric.difference, signed=True)}{span}"


def outcome(metric: MetricReport) -> str:
    """In words; a bound beside it where there is one."""
    said = [OUTCOMES[metric.outcome]] if metric.outcome is not None else []
    if metric.bound is not None:
        said.append(f"bound {metric.bound.replace('_', ' ')}")
    return ", ".join(said) or "-"


def gaps(found: Estimate | None) -> str:
    """What is missing from a value: ``2 unscored, 1 error``; empty for nothing."""
    if found is None:
        return ""
    said = [f"{found.unscored} unscored"] if found.unscored else []
    if found.errors:
        said.append(f"{found.errors} error{'s' if found.errors > 1 else ''}")
    return ", ".join(said)


def headline(report: Report) -> str:
    verdict = "PASSED" if report.passed else "NOT PASSED"
    return f"{verdict}: {OUTCOMES[report.outcome]}{drawn(report)}"


def drawn(report: Report) -> str:
    """That only a part of the cases was asked, wherever a reader might take it for the whole; else empty."""
    return (
        f" (only {report.cases:,} of {report.drawn_of:,} cases, which says nothing to a gate)"
        if report.drawn_of
        else ""
    )


def columns(report: Report) -> tuple[str, ...]:
    """What the columns of a comparison are called: what was compared."""
    return told_apart(report.subjects)


def shown_cases(report: Report, most: int) -> list[CaseDelta]:
    """Those whose texts a report shows: what got worse first, then what got better; each case once."""
    worse = worsened(report)
    rest = [each for each in report.deltas if each.delta and each not in worse]
    found: dict[str, CaseDelta] = {}
    for each in (*worse, *sorted(rest, key=lambda delta: -abs(delta.delta or 0))):
        found.setdefault(each.case_id, each)
    return list(found.values())[:most]


def about(report: Report) -> str:
    """``support@r12 against support@r11: 40 cases of questions@3, 2 repeats``."""
    subjects = " against ".join(report.subjects[:2])
    repeats = f", {report.repeats} repeats" if report.repeats > 1 else ""
    return f"{subjects}: {report.cases} cases of {report.dataset}@{report.version}{repeats}"


def worsened(report: Report) -> list[CaseDelta]:
    """Cases that are worse by a metric which has a direction, the worst first."""
    better = {each.name: each.better for each in report.metrics}
    signs = {"higher": -1, "lower": 1}
    return [
        each
        for each in report.deltas
        if each.delta is not None and each.delta * signs.get(better.get(each.metric) or "", 0) > 0
    ]


def spent(found: Experiment, report: Report) -> str:
    """What this run paid, and of how many answers it knew."""
    known = f"; {found.failed} of {found.done} answers are errors" if found.failed else ""
    judges = "" if not report.judging_cost else f", ${dollars(report.judging_cost)} of it for judges"
    least = "at least " if report.cost is None else ""
    return f"Paid: {least}${dollars(found.cost)}{judges}{known}"
