"""Evidence: the same cases put to releases, judged, and compared honestly.

Why it exists: a change of behaviour is deployed on evidence or on hope. This room keeps **datasets** (versioned cases
with provenance and allowed uses), **suites** (a dataset, scorers, thresholds and a rule), runs **experiments**
(subjects over cases, through the live path, resumable and budgeted), makes the **report** that compares them case by
case, fills the **gate** of releases, and scores samples of live traffic.

What enters: cases, suites, answers of the gateway. What leaves: cells with scores, reports with intervals and one of
four outcomes, verdicts for `releases.gate`, scores for telemetry. "Could not score" is kept apart everywhere.
"""
