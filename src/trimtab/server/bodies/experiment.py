"""Bodies of the management API about suites and experiments. Times are Unix ms; money is decimal strings of US dollars,
null where it is unknown."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from trimtab.evaluation.types import (
    CaseDelta,
    CaseTexts,
    CellState,
    ExperimentState,
    Flaky,
    MetricReport,
    PassK,
    SuiteSpec,
)
from trimtab.scoring.stats import Outcome
from trimtab.server.bodies.common import SeenRevision


class SuiteView(Struct, frozen=True, kw_only=True):
    """``hash`` is over the spec; ``revision`` counts its changes. ``archived``: when it was put away, null while it is
    in use."""

    name: str
    spec: SuiteSpec
    hash: str
    revision: int
    archived: int | None
    created: int
    updated: int


class SuitePage(Struct, frozen=True, kw_only=True):
    items: list[SuiteView]
    cursor: str | None


class PutSuite(Struct, kw_only=True, forbid_unknown_fields=True):
    """``spec`` replaces the suite whole. ``expected_revision`` is the one it was made from, 0 for a suite that is to be
    new: where it was changed meanwhile this is refused (409)."""

    spec: SuiteSpec
    expected_revision: int | None = None


class PlaceSuite(Struct, kw_only=True, forbid_unknown_fields=True):
    """``expected_revision``: the one that was seen; it is refused (409) where somebody changed the suite since."""

    archived: bool
    expected_revision: SeenRevision = None


class NewExperiment(Struct, kw_only=True, forbid_unknown_fields=True):
    """``subjects``: what is put to the test (``support@r12``, ``support@staging``, a model's name), and what it is
    compared with; without a second one, with what the suite says (``against``), unless ``alone``. ``repeats`` and
    ``budget`` stand over the suite's. ``cases``: so many, drawn by their ids, 0 for all; such a run says nothing to a
    gate. ``fresh``: no answer of an earlier experiment is used. With a budget, a model whose price nobody knows is
    refused (409) unless ``allow_unpriced``: then such a call counts as the dearest one whose price is known."""

    suite: str
    subjects: Annotated[list[str], Meta(min_length=1, max_length=2)]
    alone: bool = False
    repeats: Annotated[int, Meta(ge=1, le=100)] | None = None
    budget: str | None = None
    cases: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    fresh: bool = False
    allow_unpriced: bool = False
    origin: Literal["person", "ci"] = "person"


class SubjectView(Struct, frozen=True, kw_only=True):
    """``name`` as it was asked for and ``model`` as it is called. ``app`` is empty and ``number`` 0 for what is no
    release; ``hash`` is that of the release's content, or of what the model's name stood for."""

    name: str
    model: str
    app: str
    number: int
    hash: str


class ExperimentView(Struct, frozen=True, kw_only=True):
    """``subjects`` as clients call them, the candidate first; ``called`` says more of each. ``cells`` is how many
    answers there will be, ``done`` those that are there and ``failed`` those of them that are errors; ``answered``
    counts those too that wait for their judges. Of ``unknown`` ones nobody knows whether they were paid for: their
    server died meanwhile, and only `resume` with `unknown` asks for them again. ``cost`` so far, of answers and judges,
    null where the price of an answer is unknown; ``left_ms`` about how long it still takes, null where nobody can say.
    ``outcome``, ``passed`` and ``says`` are null and empty before there is a report. ``reason`` says why it is in its
    state where that is not plain."""

    id: str
    suite: str
    suite_hash: str
    spec: SuiteSpec
    dataset: str
    version: int
    subjects: list[str]
    called: list[SubjectView]
    state: ExperimentState
    origin: str
    cells: int
    done: int
    answered: int
    failed: int
    unknown: int
    cost: str | None
    left_ms: int | None
    reason: str
    outcome: Outcome | None
    passed: bool | None
    says: str
    fresh: bool
    cases: int
    author: str
    author_name: str
    created: int
    started: int | None
    ended: int | None
    revision: int


class ExperimentPage(Struct, frozen=True, kw_only=True):
    items: list[ExperimentView]
    cursor: str | None


class SubjectEstimate(Struct, frozen=True, kw_only=True):
    """``calls`` that are to be made; ``known`` answers that are there already and cost nothing. Tokens are of a call on
    the average; ``basis`` says where they are from."""

    subject: str
    calls: int
    known: int
    input_tokens: int | None
    output_tokens: int | None
    per_call: str | None
    cost: str | None
    basis: str


class JudgeEstimate(Struct, frozen=True, kw_only=True):
    """``questions`` to a model that judges."""

    scorer: str
    model: str
    questions: int
    cost: str | None
    basis: str


class ExperimentEstimate(Struct, frozen=True, kw_only=True):
    """What an experiment would come to. ``cost`` is null where a part of it is unknown: ``unknown`` says which, and
    ``at_least`` is what the rest costs. ``over_budget``: it would stop before its end."""

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


class CellScoreView(Struct, frozen=True, kw_only=True):
    """``unscored`` is why it could not be scored; then there is no value."""

    name: str
    value: float | None
    label: str
    unscored: str
    explanation: str
    version: str
    cost: str | None


class CellView(Struct, frozen=True, kw_only=True):
    """One answer: of ``subject`` (0 is the candidate, 1 what it is compared with) to a case. ``cached``: it was paid
    for by an earlier experiment."""

    subject: int
    case_id: str
    repeat: int
    state: CellState
    output: str | None
    error: str
    trace_id: str
    latency_ms: float | None
    cost: str | None
    input_tokens: int | None
    output_tokens: int | None
    cached: bool
    scores: list[CellScoreView]
    withheld: bool = False


class CellPage(Struct, frozen=True, kw_only=True):
    items: list[CellView]
    cursor: str | None


class ReportView(Struct, frozen=True, kw_only=True):
    """What an experiment found. Values of metrics in ``picodollars`` are those. ``drawn_of``: of how many cases those
    here were drawn where only a part was asked for; 0 for all of them. ``texts`` are of the cases that changed most,
    shortened. ``text`` is the report in the format that was asked for, empty where that was JSON."""

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
    metrics: list[MetricReport]
    correction: str
    alpha: float
    flaky: list[Flaky]
    pass_k: list[PassK]
    deltas: list[CaseDelta]
    warnings: list[str]
    cost: str | None
    judging_cost: str | None
    made: int
    drawn_of: int
    unknown: int
    texts: list[CaseTexts]
    text: str


class ResumeExperiment(Struct, kw_only=True, forbid_unknown_fields=True):
    """``budget``: another bound, of all that it costs together. ``failed``: answers that are errors are asked for
    again; ``unknown``: also those of which nobody knows whether they were paid for (their server died): they may be
    paid twice. ``allow_unpriced`` as where it was started."""

    budget: str | None = None
    failed: bool = False
    unknown: bool = False
    allow_unpriced: bool = False


class GivenScore(Struct, kw_only=True, forbid_unknown_fields=True):
    """A score of a function in your folder. Either a ``value`` (within 0 and 1) or ``label``, or ``unscored``
    with why not."""

    subject: Annotated[int, Meta(ge=0, le=1)]
    case_id: str
    repeat: Annotated[int, Meta(ge=0, le=99)]
    name: str
    value: Annotated[float, Meta(ge=0, le=1)] | None = None
    label: str = ""
    unscored: str = ""
    explanation: str = ""
    version: str = ""


class GiveScores(Struct, kw_only=True, forbid_unknown_fields=True):
    """``last``: there are no more; the report is made anew."""

    scores: Annotated[list[GivenScore], Meta(max_length=2000)]
    last: bool = False


class GivenScores(Struct, frozen=True, kw_only=True):
    """In how many cells there are new scores now."""

    cells: int
