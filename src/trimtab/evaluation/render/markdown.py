"""A report as Markdown, to be posted to a pull request (GitHub's flavour: tables, a folded list)."""

from collections.abc import Sequence
from typing import Final

from trimtab.evaluation.render import words
from trimtab.evaluation.types import CaseTexts, Experiment, MetricReport, Report

MOST_CASES: Final = 20


def render(found: Experiment, report: Report, texts: Sequence[CaseTexts] = ()) -> str:
    """``texts`` of the cases that changed, as many as are to be shown."""
    two = len(report.subjects) > 1
    lines = [f"### {words.headline(report)} · {_safe(report.suite)}", "", _safe(words.about(report)), ""]
    lines += [_safe(report.says), "", *_table(report, two=two)]
    if report.warnings:
        lines += ["", "**Mind:**", "", *(f"- {_safe(each)}" for each in report.warnings)]
    if worse := words.worsened(report):
        shown = worse[:MOST_CASES]
        lines += ["", f"<details><summary>What changed most for the worse ({len(shown)})</summary>", ""]
        a, b = (_safe(name) for name in words.columns(report))
        lines += [f"| case | metric | {a} | {b} |", "|---|---|--:|--:|"]
        lines += [
            f"| {_safe(each.case_id)} | {_safe(each.metric)} | {_number(each.a)} | {_number(each.b)} |"
            for each in shown
        ]
        lines += ["", "</details>"]
    lines += _texts(report, texts)
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
        a, b = (_safe(name) for name in words.columns(report))
        lines = [f"| metric | {a} | {b} | difference | outcome |", "|---|---|---|---|---|"]
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


def _texts(report: Report, texts: Sequence[CaseTexts]) -> list[str]:
    if not texts:
        return []
    names = words.columns(report)
    lines = ["", f"<details><summary>Cases that changed ({len(texts)})</summary>", ""]
    lines += [f"| case | input | expected | {' | '.join(map(_safe, names))} |", f"|---|---|---{'|---' * len(names)}|"]
    for each in texts:
        answers = ("*no answer*" if answer is None else _safe(answer) for answer in each.answers[: len(names)])
        lines.append(
            f"| {_safe(each.case_id)} | {_safe(each.input)} | {_safe(each.expected)} | {' | '.join(answers)} |"
        )
    return [*lines, "", "</details>"]


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
