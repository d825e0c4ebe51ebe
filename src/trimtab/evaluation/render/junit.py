"""A report as JUnit's XML, for the test pages of CI systems: one test for each metric that the outcome rests on, and
one for the outcome. The form is the one that Jenkins, GitLab and GitHub's actions read
(https://github.com/testmoapp/junitxml)."""

import re
from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from trimtab.evaluation.render import terminal, words
from trimtab.evaluation.types import CaseTexts, Experiment, MetricReport, Report

_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML 1.0 document may hold."""


def render(found: Experiment, report: Report, texts: Sequence[CaseTexts] = ()) -> str:
    """``texts`` of the cases that changed stand in the output of the whole."""
    tests = [_metric(report, each) for each in report.metrics]
    tests.append(_test(report, "outcome", "" if report.passed else "failure", words.headline(report), report.says))
    failures = sum("<failure" in each for each in tests)
    skipped = sum("<skipped" in each for each in tests)
    ended = found.ended or report.made
    seconds = 0.0 if found.started is None else max(0, ended - found.started) / 1000
    counts = f'tests="{len(tests)}" failures="{failures}" errors="0" skipped="{skipped}" time="{seconds:.3f}"'
    suite = f"<testsuite name={_attribute(report.suite)} {counts}>"
    system = f"<system-out>{_text(terminal.render(found, report, texts))}</system-out>"
    head = f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites {counts}>'
    return "\n".join((head, suite, _properties(report), *tests, system, "</testsuite>", "</testsuites>")) + "\n"


def _properties(report: Report) -> str:
    """What was run, for whoever reads a result without its page."""
    said = {"subjects": " against ".join(report.subjects[:2]), "cases": f"{report.cases}"}
    if report.drawn_of:
        said["drawn"] = f"only {report.cases} of {report.drawn_of} cases: it says nothing to a gate"
    each = (f"<property name={_attribute(name)} value={_attribute(value)}/>" for name, value in said.items())
    return f"<properties>{''.join(each)}</properties>"


def _metric(report: Report, metric: MetricReport) -> str:
    """Failed where it is worse or misses its bound; skipped where there is not enough data, or nothing rests on it."""
    if metric.outcome == "worse" or metric.bound == "missed":
        kind = "failure" if metric.required else "skipped"
    elif not metric.required or "not_enough_data" in (metric.outcome, metric.bound):
        kind = "skipped"
    else:
        kind = ""
    return _test(report, metric.name, kind, words.outcome(metric), metric.says)


def _test(report: Report, name: str, kind: str, message: str, text: str) -> str:
    opened = f"<testcase classname={_attribute(f'trimtab.{report.suite}')} name={_attribute(name)}"
    if not kind:
        return f"{opened}/>"
    return f"{opened}><{kind} message={_attribute(message)}>{_text(text)}</{kind}></testcase>"


def _attribute(text: str) -> str:
    return quoteattr(_FORBIDDEN.sub("?", text))


def _text(text: str) -> str:
    return escape(_FORBIDDEN.sub("?", text))
