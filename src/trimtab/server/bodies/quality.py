"""Bodies of the management API about online rules, how scores go, and sample sizes. Times are Unix milliseconds, money
is US dollars as decimal strings."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from trimtab.evaluation.online import OnlineSpec, ScheduleSpec
from trimtab.evaluation.quality import Quality
from trimtab.telemetry.scores.quality import Judging, ScoreName


class PutRule(Struct, kw_only=True, forbid_unknown_fields=True):
    """``spec.kind`` is ``online`` (score a share of live answers) or ``schedule`` (run a suite every so often).
    ``expected_revision`` is that of the rule it was made from; 0: it is to be new; left out: whatever there is."""

    spec: OnlineSpec | ScheduleSpec
    paused: bool = False
    expected_revision: Annotated[int, Meta(ge=0)] | None = None


class RuleView(Struct, frozen=True, kw_only=True):
    """``today`` (UTC) is what it did: ``spent`` dollars, ``unpriced`` questions to judges of unknown price, ``scored``
    and ``unscored`` verdicts, ``passed_over`` answers for which there was no budget. ``last``: when it last did
    something; ``next``: when a schedule is due; ``experiment``: what that queued last. ``trouble``: why it does not go
    on, empty while it does."""

    name: str
    kind: Literal["online", "schedule"]
    spec: OnlineSpec | ScheduleSpec
    paused: bool
    spent: str
    unpriced: int
    scored: int
    unscored: int
    passed_over: int
    last: int | None
    next: int | None
    experiment: str
    trouble: str
    revision: int
    created: int
    updated: int


class RulePage(Struct, frozen=True, kw_only=True):
    items: list[RuleView]
    cursor: str | None = None


class QualityLine(Struct, frozen=True, kw_only=True):
    """``day`` is when it began (UTC); null for the whole window. ``source``: whether people, users, code or models
    scored; each has lines of its own. ``judges``: who scored, ``evaluator@version``."""

    app: str
    release: str
    day: int | None
    source: Judging
    judges: list[str]
    quality: Quality


class ScoreNames(Struct, frozen=True, kw_only=True):
    """Most frequent first."""

    items: list[ScoreName]
    cursor: None = None


class QualityReport(Struct, frozen=True, kw_only=True):
    """``releases`` over the whole window, ``days`` each of them by day, oldest first. ``says`` is the newest in a
    sentence."""

    score: str
    start: int
    end: int
    releases: list[QualityLine]
    days: list[QualityLine]
    says: str


class SampleSizeQuestion(Struct, kw_only=True, forbid_unknown_fields=True):
    """How many cases show a difference of ``margin`` between two subjects on the same cases?

    ``kind`` share: passes; the second's ``share`` is guessed. ``number``: ``deviation`` is that of one subject's values
    over cases. ``correlation``: how alike both do on the same case (0: not at all; 1: the same). Or ``experiment`` and
    ``metric``: a run that serves as pilot, instead of all guesses. ``repeats`` of each case, of whose variance
    ``wavering`` lies between repeats of one case. ``group_size`` cases hang together, ``alike`` by that correlation.
    ``cases``: what would so many show?"""

    margin: Annotated[float, Meta(gt=0, le=1e12)]
    kind: Literal["share", "number"] = "share"
    share: Annotated[float, Meta(ge=0, le=1)] = 0.8
    deviation: Annotated[float, Meta(gt=0, le=1e12)] | None = None
    correlation: Annotated[float, Meta(ge=-1, le=1)] = 0.5
    experiment: str = ""
    metric: str = ""
    repeats: Annotated[int, Meta(ge=1, le=1000)] = 1
    wavering: Annotated[float, Meta(ge=0, le=1)] = 0.0
    group_size: Annotated[float, Meta(ge=1, le=1e6)] = 1.0
    alike: Annotated[float, Meta(ge=0, le=1)] = 0.0
    alpha: Annotated[float, Meta(gt=0, lt=1)] = 0.05
    power: Annotated[float, Meta(gt=0, lt=1)] = 0.8
    cases: Annotated[int, Meta(ge=2, le=10_000_000)] | None = None


class SampleSize(Struct, frozen=True, kw_only=True):
    """``cases`` needed; ``deviation`` of a case's difference that this rests on; ``margin_seen``: the smallest
    difference that the number of cases asked about shows."""

    cases: int
    deviation: float
    margin_seen: float | None
    says: str
