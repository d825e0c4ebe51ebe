"""The things of this room. All frozen; times are Unix ms; money is whole picodollars; authors are ids of keys.

Case* --version--> Dataset --Suite--> Experiment --Cell per (subject, case, repeat)--> Report --> gate
"""

from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from trimtab.scoring.stats import Better, Outcome

Json = Any
NAME: Final = r"[a-z0-9][a-z0-9._-]{0,63}"
Use = Literal["evaluate", "tune", "train"]
Consent = Literal["unknown", "given", "not_needed", "withdrawn"]
Pii = Literal["unknown", "none", "present", "redacted"]
Origin = Literal["person", "file", "trace", "generator", "review", "redteam"]


class Provenance(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a case came from. ``source`` names it: a trace id, a file's name, a model, a review's id."""

    origin: Origin = "person"
    source: str = ""
    span_id: str = ""
    author: str = ""
    author_name: str = ""
    at: int = 0


class Case(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One case. ``id`` stays the same from version to version. ``input`` is a text, or an object with ``messages``
    (OpenAI's chat shape) and ``variables``. ``expected`` is what a good answer is: text or JSON; null where only
    scorers without an expectation look at it. ``context`` are texts the answer should rest on. ``group`` ties cases
    that are not independent of each other (one conversation, one customer): intervals are clustered by it.
    ``weight`` > 0 is how much it counts."""

    id: str
    input: Json
    expected: Json = None
    context: tuple[str, ...] | None = None
    expected_tool_calls: tuple[Json, ...] | None = None
    metadata: dict[str, Json] = {}
    tags: tuple[str, ...] = ()
    split: str = ""
    group: str = ""
    weight: Annotated[float, Meta(gt=0, le=1e6)] = 1.0
    provenance: Provenance = Provenance()
    licence: str = ""
    uses: tuple[Use, ...] = ("evaluate",)
    consent: Consent = "unknown"
    pii: Pii = "unknown"


class Dataset(Struct, frozen=True, kw_only=True):
    """``schema`` (JSON Schema) holds for ``input`` and ``expected`` of each case: ``{"input": ..., "expected": ...}``.
    ``newest`` is the number of its newest version, 0 before the first. ``shares`` and ``seed`` say which split a new
    case goes to that names none (`splits.py`)."""

    project_id: str
    name: str
    description: str = ""
    schema: Json = None
    licence: str = ""
    shares: dict[str, float] = {}
    seed: int = 0
    newest: int = 0
    revision: int = 1
    archived: int | None = None
    created: int = 0
    updated: int = 0


class DatasetVersion(Struct, frozen=True, kw_only=True):
    """Immutable. ``hash`` is over the set of its cases (`case_set.py`): same cases, same hash."""

    project_id: str
    dataset: str
    number: int
    hash: str
    cases: int
    splits: dict[str, int]
    parent: int | None
    author: str
    author_name: str
    message: str
    created: int


class SuiteScorer(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One scorer of a suite. ``scorer`` is a plug's name, or a team's own (``judge:NAME`` as kept by the server,
    ``file.py:function`` in a folder). ``name`` tells two uses of one scorer apart; the scorer's if left out.

    ``at_least`` / ``at_most``: a bound on the mean (or the share of passes), met only when the interval's near end
    meets it. ``margin``: the smallest difference of interest when two are compared (in the scorer's unit; a share of
    the first's where ``relative``). ``required``: the suite's outcome rests on it."""

    scorer: str
    name: str = ""
    options: dict[str, Json] = {}
    at_least: float | None = None
    at_most: float | None = None
    margin: float | None = None
    relative: bool = False
    required: bool = True
    better: Better | None = None


class SuiteSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a suite says: the same as JSON over the API and as YAML in ``suites/NAME.yaml``.

    ``dataset`` is ``name``, ``name@3`` or ``name@latest``; ``split`` and ``tags`` narrow it. ``repeats``: how often
    each case is put to each subject. ``rule``: what an outcome needs; ``against`` names what it is compared with by
    default (an environment, a release, ``parent``). ``budget`` in dollars as a decimal string bounds answers and judges
    together. ``freshness_days``: how long a passed run counts for the gate."""

    description: str = ""
    dataset: str
    split: str = ""
    tags: tuple[str, ...] = ()
    scorers: tuple[SuiteScorer, ...]
    repeats: Annotated[int, Meta(ge=1, le=100)] = 1
    against: str = ""
    alpha: Annotated[float, Meta(gt=0, le=0.5)] = 0.05
    rule: Literal["better", "not_worse"] = "not_worse"
    cost_margin: float | None = None
    latency_margin: float | None = None
    most_unscored: Annotated[float, Meta(ge=0, le=1)] = 0.1
    most_errors: Annotated[float, Meta(ge=0, le=1)] = 0.05
    budget: str = ""
    concurrency: Annotated[int, Meta(ge=1, le=256)] = 8
    freshness_days: Annotated[float, Meta(gt=0, le=3650)] = 30.0


class CellScore(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One scorer's word on one answer. ``unscored`` is the reason where it could not score; then there is no value."""

    name: str
    value: float | None = None
    label: str = ""
    unscored: str = ""
    explanation: str = ""
    version: str = ""
    cost: int | None = 0


CellState = Literal["pending", "done", "failed"]


class Cell(Struct, frozen=True, kw_only=True):
    """One answer: of ``subject`` (0 is the candidate A, 1 the baseline B, ...) to a case. ``failed``: the call ended in
    ``error`` after its retries, and nothing was scored; such cells are counted as errors and never as zeros."""

    subject: int
    case_id: str
    repeat: int
    state: CellState
    output: str | None = None
    error: str = ""
    trace_id: str = ""
    latency_ms: float | None = None
    cost: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached: bool = False
    scores: tuple[CellScore, ...] = ()
    group: str = ""
    stratum: str = ""
    weight: float = 1.0


class Estimate(Struct, frozen=True, kw_only=True):
    """A value with its interval. ``n`` observations in ``clusters`` independent groups. ``unscored`` could not be
    scored and ``errors`` had no answer; ``worst`` and ``best`` are what the value would be if all of those were as bad,
    or as good, as can be (null where the scorer's values have no bounds)."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    clusters: int
    unscored: int = 0
    errors: int = 0
    worst: float | None = None
    best: float | None = None


class MetricReport(Struct, frozen=True, kw_only=True):
    """One metric: of A, of B where there is one, and their difference (A minus B) on the same cases.

    ``p`` and ``adjusted`` (for several metrics, by `correction`) are null where nothing was tested. ``method`` says in
    words which interval and test. ``bound`` says whether ``at_least``/``at_most`` is met: met, missed, or
    not_enough_data. ``needed``: cases that would be needed to see a difference of ``margin`` with power 0.8."""

    name: str
    scorer: str
    unit: Literal["share", "number", "ms", "picodollars"]
    better: Better | None
    required: bool
    a: Estimate
    b: Estimate | None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    relative: bool = False
    margin: float | None = None
    p: float | None = None
    adjusted: float | None = None
    outcome: Outcome | None = None
    bound: Literal["met", "missed", "not_enough_data"] | None = None
    pairs: int = 0
    needed: int | None = None
    method: str = ""
    says: str = ""


class CaseDelta(Struct, frozen=True, kw_only=True):
    """How one case differs between A and B by one metric; a mean over repeats. For lists sorted by what got worse."""

    case_id: str
    metric: str
    a: float | None
    b: float | None
    delta: float | None


class Flaky(Struct, frozen=True, kw_only=True):
    """A case whose repeats disagree: ``passes`` of ``repeats`` of one subject by one metric."""

    case_id: str
    subject: int
    metric: str
    passes: int
    repeats: int


class PassK(Struct, frozen=True, kw_only=True):
    """The chance that all of k repeats of a case pass (pass^k), and that at least one does (pass@k), over cases."""

    subject: int
    metric: str
    k: int
    all_of: Estimate
    any_of: Estimate


class Report(Struct, frozen=True, kw_only=True):
    """What an experiment found. ``outcome`` follows the suite's rule over its required metrics; ``says`` is that in a
    sentence or two; ``passed`` is what a gate asks."""

    experiment: str
    suite: str
    dataset: str
    version: int
    subjects: tuple[str, ...]
    cases: int
    repeats: int
    outcome: Outcome
    passed: bool
    says: str
    metrics: tuple[MetricReport, ...]
    correction: str
    alpha: float
    flaky: tuple[Flaky, ...] = ()
    pass_k: tuple[PassK, ...] = ()
    deltas: tuple[CaseDelta, ...] = ()
    warnings: tuple[str, ...] = ()
    cost: int | None = None
    judging_cost: int | None = None
    made: int = 0
    drawn_of: int = 0
    """Of how many cases those here were drawn, where only a part was asked for (``--cases``); 0 for all of them."""
    unknown: int = 0
    """Answers of which nobody knows whether they were paid for: their server died while they were under way."""


class Suite(Struct, frozen=True, kw_only=True):
    """A suite as the project keeps it. ``hash`` is over ``spec``; ``revision`` goes up with every change."""

    project_id: str
    name: str
    spec: SuiteSpec
    hash: str
    revision: int
    archived: int | None
    created: int
    updated: int


class Subject(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is put to the test. ``name`` is what was asked for (``support@staging``) and ``model`` what is called
    (``support@r12``): an environment's release is taken once, when the experiment is made. ``hash`` is what makes two
    subjects the same to the cache: a release's content, or what a model's name stands for. ``app`` is empty and
    ``number`` 0 where it is no release. ``follows``: it answers from corpora as they are at each call, so no answer of
    an earlier experiment is used. ``knows``: it answers from corpora at all, from what of them its caller may see."""

    name: str
    model: str
    hash: str
    app: str = ""
    number: int = 0
    follows: bool = False
    knows: bool = False


class Settings(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an experiment runs, beside its suite. ``fresh``: no answer of an earlier experiment is used (a schedule
    wants to know how it is today). ``most_cases``: only so many, drawn evenly over the dataset; 0 for all. Such a run
    says nothing to a gate. ``retry_unknown``: calls that were under way when a server died are made again, and perhaps
    paid twice."""

    fresh: bool = False
    most_cases: int = 0
    retry_unknown: bool = False


class CaseTexts(Struct, frozen=True, kw_only=True):
    """What a case that changed says, each text shortened: ``answers`` in the order of the subjects, of the first repeat
    that has one; an error stands in brackets, and null where there is none at all."""

    case_id: str
    input: str
    expected: str
    answers: tuple[str | None, ...]


ExperimentState = Literal["queued", "running", "paused", "done", "failed", "cancelled"]


class Experiment(Struct, frozen=True, kw_only=True):
    """``subjects``: 0 is the candidate A, 1 the baseline B where there is one. ``suite`` is frozen in ``spec``.
    ``origin`` says who asked: a person, a program in CI, or a schedule. ``cells`` is how many answers there will be,
    ``done`` those that are there, judged, and ``failed`` those of them that are errors; ``answered`` counts those too
    that wait for their judges. ``cost`` so far in picodollars, of answers and judges. ``reason`` says why it is in its
    state where that is not plain."""

    id: str
    project_id: str
    suite: str
    spec: SuiteSpec
    suite_hash: str
    dataset: str
    version: int
    subjects: tuple[Subject, ...]
    settings: Settings
    state: ExperimentState
    origin: Literal["person", "ci", "schedule"]
    cells: int
    done: int
    answered: int
    failed: int
    cost: int
    reason: str
    author: str
    author_name: str
    created: int
    started: int | None
    ended: int | None
    revision: int
