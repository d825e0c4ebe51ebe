"""A report as Markdown, to be posted to a pull request (GitHub's flavour: tables, a folded list)."""

from typing import Final

from trimtab.evaluation.render import words
from trimtab.evaluation.types import Experiment, MetricReport, Report

MOST_CASES: Final = 20


def render(found: Experiment, report: Report) -> str:
    two = len(report.subjects) > 1
    lines = [f"### {words.headline(report)} · {_safe(report.suite)}", "", _safe(words.about(report)), ""]
    lines += [_safe(report.says), "", *_table(report, two=two)]
    if report.warnings:
        lines += ["", "**Mind:**", "", *(f"- {_safe(each)}" for each in report.warnings)]
    if worse := words.worsened(report):
        shown = worse[:MOST_CASES]
        lines += ["", f"<details><summary>What changed most for the worse ({len(shown)})</summary>", ""]
        lines += ["| case | metric | B | A |", "|---|---|--:|--:|"]
        lines += [
            f"| {_safe(each.case_id)} | {_safe(each.metric)} | {_number(each.b)} | {_number(each.a)} |"
            for each in shown
        ]
        lines += ["", "</details>"]
    if report.flaky:
        lines += ["", f"<details><summary>Flaky cases ({len(report.flaky)})</summary>", ""]
        lines += [
            f"- {_safe(each.case_id)}: {_safe(each.metric)} passes {each.passes} of {each.repeats} "
            f"({_safe(report.subjects[each.subject])})"
            for each in report.flaky[:MOST_CASES]
        ]
        lines += ["", "</details>"]
    lines += ["", f"{_safe(words.spent(found, report))}. Experiment `{report.experiment}`."]
    return "\n".join(lines) + "\n"


def _table(report: Report, *, two: bool) -> list[str]:
    if two:
        lines = ["| metric | A | B | difference | outcome |", "|---|---|---|---|---|"]
        return lines + [
            f"| {_name(each)} | {_cell(words.estimate(each, each.a), words.gaps(each.a))} "
            f"| {_cell(words.estimate(each, each.b), words.gaps(each.b))} "
            f"| {words.difference(each)} | {words.outcome(each)} |"
            for each in report.metrics
        ]
    lines = ["| metric | value | outcome |", "|---|---|---|"]
    return lines + [
        f"| {_name(each)} | {_cell(words.estimate(each, each.a), words.gaps(each.a))} | {words.outcome(each)} |"
        for each in report.metrics
    ]


def _name(metric: MetricReport) -> str:
    return _safe(metric.name) if metric.required else f"{_safe(metric.name)} *(informative)*"


def _cell(said: str, lacks: str) -> str:
    return f"{said}<br>{lacks}" if lacks else said


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _safe(text: str) -> str:
    """What people wrote must neither break the table nor become markup."""
    for mark in ("\\", "`", "*", "_", "[", "]", "<", ">", "|", "#"):
        text = text.replace(mark, f"\\{mark}" if mark not in "<>" else {"<": "&lt;", ">": "&gt;"}[mark])
    return " ".join(text.split())
