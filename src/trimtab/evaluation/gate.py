"""What an ended experiment says to the gate of the release that it was about. Functions of a connection; times are Unix
ms.

A verdict is written of a whole run of the suite as it stands: all cases, nothing left out. It is refused where a judge
that its outcome rests on has not been compared with people lately: what a judge says is evidence only as far as
somebody knows how often it is right.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection, func, select

from trimtab.core.errors import NotFound
from trimtab.evaluation import subjects
from trimtab.evaluation.judging import Bound
from trimtab.evaluation.suites import is_function, label_of
from trimtab.evaluation.tables import CALIBRATIONS, SUITES
from trimtab.evaluation.types import Experiment, Report, SuiteSpec
from trimtab.governance import audit
from trimtab.governance.audit import Actor
from trimtab.releases import gate, store
from trimtab.releases.protection import SUITE
from trimtab.releases.types import GateVerdict, SuiteEvidence

DAY_MS: Final = 86_400_000
CALIBRATED_WITHIN_DAYS: Final = 90
SCORED: Final = "experiment.scored"
"""How the trail calls that somebody gave scores."""
FEWEST_LABELS: Final = 20
"""Answers that people and the judge both judged; with fewer its agreement is anybody's guess."""
BY_ITSELF: Final = Actor("", "evaluation")


def record(conn: Connection, found: Experiment, report: Report, bound: Sequence[Bound], now: int) -> GateVerdict | None:
    """Write the verdict down; None where the experiment says nothing to a gate: its subject is no release, or not all
    of the suite was run. Raises `NotFound` where the release is gone."""
    subject = found.subjects[0]
    if not subject.app or found.settings.most_cases:
        return None
    evidence = SuiteEvidence(
        experiment=found.id,
        suite=found.suite,
        suite_hash=found.suite_hash,
        dataset=found.dataset,
        version=found.version,
        against=found.subjects[1].model if len(found.subjects) > 1 else "",
        passed=report.passed,
        says=report.says[:4000],
        fresh_until=now + int(found.spec.freshness_days * DAY_MS),
        refused=refusal(conn, found, bound, now),
    )
    verdict = GateVerdict(
        id="",
        project_id=found.project_id,
        app=subject.app,
        number=subject.number,
        hash=subject.hash,
        outcome=report.outcome,
        source=f"{SUITE}{found.suite}",
        detail=msgspec.json.encode(evidence).decode(),
        created=now,
    )
    return gate.record(conn, verdict, BY_ITSELF)


def refusal(conn: Connection, found: Experiment, bound: Sequence[Bound], now: int) -> str:
    """Why the run does not count for a gate, empty where it does."""
    query = select(SUITES.c.hash, SUITES.c.spec).where(
        SUITES.c.project_id == found.project_id, SUITES.c.name == found.suite
    )
    suite = conn.execute(query).one_or_none()
    if suite is None or suite.hash != found.suite_hash:
        return f"the suite {found.suite} was changed since this run began"
    asked = msgspec.json.decode(suite.spec, type=SuiteSpec)
    if found.spec.repeats < asked.repeats:
        return f"the suite {found.suite} asks each case {asked.repeats} times, and this run {found.spec.repeats}"
    if why := _other_baseline(conn, found, asked.against):
        return why
    for name in _own_scores(conn, found):
        return f"{name} gave scores of the folder's functions, and had a hand in the release"
    for each in uncalibrated(conn, found.project_id, found.spec, bound, now):
        return (
            f"the judge {each} has not been compared with at least {FEWEST_LABELS} verdicts of people in the last "
            f"{CALIBRATED_WITHIN_DAYS} days"
        )
    return ""


def _other_baseline(conn: Connection, found: Experiment, against: str) -> str:
    """Whoever runs a suite may compare with what he likes, and learn from it; a gate asks for what the suite names."""
    try:
        wanted = subjects.baseline(conn, found.project_id, found.subjects[0], against, lambda _: None)
    except NotFound:  # a model's name, or what is there no more: what it meant is not ours to say
        return ""
    if wanted is None:
        return ""
    actual = found.subjects[1] if len(found.subjects) > 1 else None
    if actual is not None and (actual.name == wanted.name or actual.hash == wanted.hash):
        return ""
    said = "with nothing" if actual is None else f"with {actual.name}"
    return f"the suite {found.suite} compares with {against}, and this run {said}"


def _own_scores(conn: Connection, found: Experiment) -> list[str]:
    """Who gave scores that the outcome rests on (of a folder's functions, which the server cannot make itself) although
    they made the release."""
    if not any(each.required and is_function(each.scorer) for each in found.spec.scorers):
        return []
    subject = found.subjects[0]
    authors = store.release(conn, found.project_id, subject.app, subject.number).authors
    sought = audit.Sought(subject=f"experiment:{found.id}", action=SCORED)
    given = audit.entries(conn, found.project_id, sought, limit=500)
    return [each.actor_name for each in given if each.actor in authors]


def uncalibrated(conn: Connection, project_id: str, spec: SuiteSpec, bound: Sequence[Bound], now: int) -> list[str]:
    """Judges that the suite's outcome rests on, in the versions they have now, that lack a recent calibration."""
    required = {label_of(each) for each in spec.scorers if each.required}
    judges = {
        (each.name, each.version)
        for each in bound
        if each.label in required and each.scorer is not None and each.scorer.source == "llm"
    }
    lacking: list[str] = []
    for name, version in sorted(judges):
        query = select(func.max(CALIBRATIONS.c.labels)).where(
            CALIBRATIONS.c.project_id == project_id,
            CALIBRATIONS.c.scorer == name,
            CALIBRATIONS.c.scorer_version == version,
            CALIBRATIONS.c.created >= now - CALIBRATED_WITHIN_DAYS * DAY_MS,
        )
        if (conn.execute(query).scalar_one() or 0) < FEWEST_LABELS:
            lacking.append(f"{name} ({version})")
    return lacking
