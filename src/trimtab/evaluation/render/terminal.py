"""A report for a terminal: plain text, at most some 110 columns wide."""

from collections.abc import Sequence
from typing import Final

from trimtab.evaluation.render import words
from trimtab.evaluation.types import CaseTexts, Experiment, MetricReport, Report

MOST_CASES: Final = 10


def render(found: Experiment, report: Report, texts: Sequence[CaseTexts] = ()) -> str:
    """``texts`` of the cases that changed, as many as are to be shown."""
    two = len(report.subjects) > 1
    lines = [f"{words.headline(report)} ({report.suite})", words.about(report), "", report.says, ""]
    lines += _table(report, two=two)
    lines += _lists(report)
    lines += _texts(report, texts)
    lines += ["", words.spent(found, report), f"Experiment: {report.experiment}"]
    return "\n".join(lines) + "\n"


def _table(report: Report, *, two: bool) -> list[str]:
    head = ("METRIC", *words.columns(report), "DIFFERENCE", "OUTCOME") if two else ("METRIC", "VALUE", "OUTCOME")
    rows = [head, *(_row(each, two=two) for each in report.metrics)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _row(metric: MetricReport, *, two: bool) -> tuple[str, ...]:
    name = metric.name if metric.required else f"{metric.name} (informative)"
    lacks = words.gaps(metric.a)
    a = words.estimate(metric, metric.a) + (f" [{lacks}]" if lacks else "")
    if not two:
        return name, a, words.outcome(metric)
    lacks = words.gaps(metric.b)
    b = words.estimate(metric, metric.b) + (f" [{lacks}]" if lacks else "")
    return name, a, b, words.difference(metric), words.outcome(metric)


def _lists(report: Report) -> list[str]:
    lines: list[str] = []
    if report.pass_k:
        lines += ["", "Repeats:"]
        lines += [
            f"  {each.metric} of {report.subjects[each.subject]}: all {each.k} pass {_share(each.all_of.value)}, "
            f"at least one {_share(each.any_of.value)}"
            for each in report.pass_k
        ]
    if report.flaky:
        lines += ["", f"Flaky cases ({len(report.flaky)}):"]
        lines += [
            f"  {each.case_id}: {each.metric} passes {each.passes} of {each.repeats} ({report.subjects[each.subject]})"
            for each in report.flaky[:MOST_CASES]
        ]
    if worse := words.worsened(report):
        lines += ["", "What changed most for the worse:"]
        lines += [
            f"  {each.case_id}: {each.metric} {_number(each.b)} -> {_number(each.a)}" for each in worse[:MOST_CASES]
        ]
    if report.warnings:
        lines += ["", "Mind:"]
        lines += [f"  {each}" for each in report.warnings]
    return lines


def _texts(report: Report, texts: Sequence[CaseTexts]) -> list[str]:
    lines = ["", "Cases that changed:"] if texts else []
    for each in texts:
        lines += [f"  {each.case_id}", f"    input:    {each.input}"]
        lines += [f"    expected: {each.expected}"] if each.expected else []
        answers = zip(words.columns(report), each.answers, strict=False)
        lines += [f"    {name}: {'(no answer)' if answer is None else answer}" for name, answer in answers]
    return lines


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"
