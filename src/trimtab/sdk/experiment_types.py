"""What `Client.suites` and `Client.experiments` answer. Times are Unix ms; money is decimal strings of US dollars, null
where it is unknown."""

from typing import Any, Literal

from msgspec import Struct

ENDED = ("paused", "done", "failed", "cancelled")


Outcome = Literal["better", "not_worse", "worse", "not_enough_data"]
"""As `scoring.stats.Outcome`, without what that loads."""


class Suite(Struct, frozen=True, kw_only=True):
    """``spec`` is what ``suites/NAME.yaml`` says, as JSON."""

    name: str
    spec: dict[str, Any]
    hash: str
    revision: int
    archived: int | None
    created: int
    updated: int


class Experiment(Struct, frozen=True, kw_only=True):
    """``subjects`` as they are called, the candidate first. ``cost`` is null where the price of an answer is unknown;
    ``outcome``, ``passed`` and ``says`` are null and empty before there is a report. ``answered`` counts those too that
    wait for their judges; of ``unknown`` answers nobody knows whether they were paid for, and only `resume` with
    ``unknown`` asks for them again."""

    id: str
    suite: str
    dataset: str
    version: int
    subjects: list[str]
    state: str
    cells: int
    done: int
    failed: int
    cost: str | None
    reason: str
    left_ms: int | None
    outcome: Outcome | None
    passed: bool | None
    says: str
    author_name: str
    created: int
    started: int | None
    ended: int | None
    spec: dict[str, Any] = {}
    answered: int = 0
    unknown: int = 0

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED


class SubjectEstimate(Struct, frozen=True, kw_only=True):
    subject: str
    calls: int
    known: int
    input_tokens: int | None
    output_tokens: int | None
    per_call: str | None
    cost: str | None
    basis: str


class JudgeEstimate(Struct, frozen=True, kw_only=True):
    scorer: str
    model: str
    questions: int
    cost: str | None
    basis: str


class Estimate(Struct, frozen=True, kw_only=True):
    """``cost`` is null where a part of it is unknown (``unknown``); ``at_least`` is what the rest costs."""

    suite: str
    dataset: str
    version: int
    subjects: list[SubjectEstimate]
    judges: list[JudgeEstimate]
    cases: int
    repeats: int
    cells: int
    cost: str | None
    at_least: str
    budget: str
    over_budget: bool
    unknown: list[str]
    notes: list[str]


class CellScore(Struct, frozen=True, kw_only=True):
    name: str
    value: float | None
    label: str
    unscored: str
    explanation: str
    version: str


class Cell(Struct, frozen=True, kw_only=True):
    """One answer: of ``subject`` (0 is the candidate) to a case."""

    subject: int
    case_id: str
    repeat: int
    state: str
    output: str | None
    error: str
    trace_id: str
    latency_ms: float | None
    cost: str | None
    input_tokens: int | None
    output_tokens: int | None
    cached: bool
    scores: list[CellScore]


class Report(Struct, frozen=True, kw_only=True):
    """What an experiment found. ``metrics`` as JSON: ``name``, ``a``, ``b``, ``difference``, ``low``, ``high``,
    ``outcome``, ``says``. ``text`` is the report in the format that was asked for;
    ``texts`` are of the cases that changed most, as JSON: ``case_id``, ``input``, ``expected``, ``answers``.
    ``drawn_of``: of how many cases those here were drawn, 0 for all of them."""

    experiment: str
    suite: str
    dataset: str
    version: int
    subjects: list[str]
    cases: int
    repeats: int
    outcome: Outcome
    passed: bool
    says: str
    metrics: list[dict[str, Any]]
    flaky: list[dict[str, Any]]
    pass_k: list[dict[str, Any]]
    deltas: list[dict[str, Any]]
    warnings: list[str]
    cost: str | None
    judging_cost: str | None
    made: int
    text: str = ""
    drawn_of: int = 0
    unknown: int = 0
    texts: list[dict[str, Any]] = []
