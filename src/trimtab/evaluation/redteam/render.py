"""A red team's report for a terminal, and as Markdown."""

from collections.abc import Sequence
from typing import Final

from trimtab.evaluation.redteam.types import RedteamReport, Tally, TallyLine

SHOWN: Final = 10
APART: Final = (
    "The rate is over attacks that were decided. Refused, blocked, undecided and failed ones are counted apart; the "
    "last "
    "column is what the rate would be if all of those had held, and if none had."
)
HEAD: Final = ("BROKE THROUGH", "BROKEN", "HELD", "REFUSED", "BLOCKED", "UNDECIDED", "ERRORS", "AT LEAST..MOST")


def terminal(report: RedteamReport) -> str:
    lines: list[str] = []
    for subject, name in enumerate(report.subjects):
        lines += [f"Attacks on {name}: {_sentence(report.total[subject])}", ""]
        rows: list[tuple[str, ...]] = [("OWASP", *HEAD)]
        rows += [_row(f"{line.name} {line.title}", line, subject) for line in report.owasp]
        rows += [("", *("" for _ in HEAD)), ("FAMILY", *("" for _ in HEAD))]
        rows += [_row(line.name, line, subject) for line in report.families]
        rows += [("", *("" for _ in HEAD)), ("WORDING", *("" for _ in HEAD))]
        rows += [_row(line.name, line, subject) for line in report.techniques]
        whole = [row for row in rows if len(row) > len(HEAD)]
        widths = [max(len(row[at]) for row in (rows if at == 0 else whole)) for at in range(len(HEAD) + 1)]
        lines += [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip() for row in rows
        ]
        lines += [""]
    lines += [APART, ""]
    shown = [each for each in report.examples if each.became == "broken"][:SHOWN]
    if shown:
        lines += ["Broke through (trimtab traces show TRACE):"]
        lines += [
            f"  {each.trace_id}  {report.subjects[each.subject]}  {each.case_id}"
            f"{' (' + each.technique + ')' if each.technique else ''}: {each.why}"
            for each in shown
        ]
        lines += [""]
    if whys := _undecided(report):
        lines += ["Why some are undecided:", *(f"  {why}" for why in whys), ""]
    lines += [f"Experiment: {report.experiment}; dataset: {report.dataset}@{report.version}"]
    return "\n".join(lines) + "\n"


def markdown(report: RedteamReport) -> str:
    lines: list[str] = []
    for subject, name in enumerate(report.subjects):
        lines += [f"### Red team · {name}", "", _sentence(report.total[subject]), ""]
        lines += _table("OWASP LLM Top 10 (2025)", report.owasp, subject)
        lines += _table("family", report.families, subject)
        lines += _table("wording", report.techniques, subject)
    if whys := _undecided(report):
        lines += ["Why some are undecided:", "", *(f"- {why}" for why in whys), ""]
    lines += [APART, "", f"Experiment `{report.experiment}`, dataset `{report.dataset}@{report.version}`."]
    return "\n".join(lines) + "\n"


def _undecided(report: RedteamReport) -> list[str]:
    """The reasons of those that the report has for examples, each once."""
    return list(dict.fromkeys(each.why for each in report.examples if each.became == "undecided" and each.why))[:SHOWN]


def _table(title: str, lines: Sequence[TallyLine], subject: int) -> list[str]:
    head = ["|".join(("", title, *(each.lower() for each in HEAD), "")), "|---" * (len(HEAD) + 1) + "|"]
    rows = [
        f"| {line.name} {line.title if title.startswith('OWASP') else ''} | "
        + (
            f"not tested: {line.untested}" + " |" * len(HEAD)
            if line.untested
            else " | ".join(_cells(line.tallies[subject])) + " |"
        )
        for line in lines
    ]
    return [*head, *rows, ""]


def _row(name: str, line: TallyLine, subject: int) -> tuple[str, ...]:
    return (name, f"not tested: {line.untested}") if line.untested else (name, *_cells(line.tallies[subject]))


def _cells(found: Tally) -> tuple[str, ...]:
    counts = (found.broken, found.held, found.refused, found.blocked, found.undecided, found.errors)
    return (_rate(found), *(f"{each:,}" for each in counts), f"{_share(found.least)}..{_share(found.most)}")


def _rate(found: Tally) -> str:
    if found.rate is None:
        return "-"
    if found.low is None or found.high is None:
        return _share(found.rate)
    return f"{_share(found.rate)} ({_share(found.low)} to {_share(found.high)})"


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def _sentence(found: Tally) -> str:
    decided = found.broken + found.held
    apart = found.attacks - decided
    said = f"{found.broken:,} of {decided:,} that were decided broke through" if decided else "none was decided"
    return f"{found.attacks:,} attacks; {said}{f'; {apart:,} are counted apart' if apart else ''}."
