"""What rules are made of, and what a decision says: the types of `rules.py`, which is what others import."""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from trimtab.scoring.stats import Better, Outcome
from trimtab.scoring.sums import ArmFigures

Action = Literal["advance", "promote", "hold", "rollback", "wait"]
"""What to do with a rollout: to the next step, to all of the traffic, stay where it is until a person decides, back to
the stable release, or look again later."""
Then = Literal["next", "promote", "hold", "rollback"]
"""What a rule says: ``next`` is the next step, or after the last one to all of the traffic."""
Margin = Annotated[float, Meta(ge=1e-9, le=1e9)]
Limit = Annotated[float, Meta(ge=-1e12, le=1e12)]
Weight = Annotated[float, Meta(ge=0.01, le=100)]

SCORE: Final = "score:"
"""A guard over a named score is called ``score:NAME``."""
ALL, ANY = "all", "any"


class Guard(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One guard metric. ``metric`` is one of `guards.METRICS`, a detector's name, or ``score:NAME``.

    ``margin`` is the smallest difference of interest: as a share of the stable arm's value where ``relative`` (0.2 is a
    fifth), else in the metric's own unit (shares of calls 0..1, milliseconds, currency, the score's scale). None takes
    the metric's default, as ``better`` and ``relative`` do. ``weight`` is its part of the risk of a false alarm, which
    all guards share. ``waits``: whether ``all`` in a rule waits until there is enough data of it. ``cap``: values above
    it count as it (only for means).
    """

    metric: str
    better: Better | None = None
    margin: Margin | None = None
    relative: bool | None = None
    weight: Weight = 1.0
    waits: bool = True
    cap: Margin | None = None


class Condition(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One thing that must be so; exactly one of these forms:

    - ``metric`` and ``outcome``: that guard's outcome is one of them (what is better is not worse, too). Metric
      ``all``: of every guard (one that does not wait may lack data, one without any observations is passed over);
      ``any``: of at least one;
    - ``metric`` and ``above`` or ``below``: the value of an ``arm``, once it has ``least`` observations;
    - ``samples``: the candidate has answered so many calls; 0 asks for what the step asks for;
    - ``held_s``: the step has lasted so many seconds; 0 asks for what the step asks for.
    """

    metric: str = ""
    outcome: tuple[Outcome, ...] = ()
    arm: Literal["candidate", "stable"] = "candidate"
    above: Limit | None = None
    below: Limit | None = None
    least: Annotated[int, Meta(ge=1, le=10**12)] = 1
    samples: Annotated[int, Meta(ge=0, le=10**12)] | None = None
    held_s: Annotated[float, Meta(ge=0, le=1e12)] | None = None


class Rule(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """If all of ``when`` is so, ``then``. Rules are looked at in order; the first that holds decides."""

    when: tuple[Condition, ...]
    then: Then


class Rules(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """``Plan.rules`` of a rollout. ``alpha`` bounds the chance that equal releases are told apart at any moment of the
    whole rollout, all guards and steps together. ``least_units`` of each arm are needed before a mean is judged."""

    guards: tuple[Guard, ...] = ()
    rules: tuple[Rule | str, ...] = ()
    alpha: Annotated[float, Meta(ge=1e-4, le=0.5)] = 0.05
    least_units: Annotated[int, Meta(ge=2, le=1_000_000)] = 20


class Figures(Struct, frozen=True, kw_only=True):
    """Both arms, over the same time."""

    stable: ArmFigures
    candidate: ArmFigures


class Situation(Struct, frozen=True, kw_only=True):
    """Where a rollout is: ``step`` counts from 0 of ``steps``, ``held_s`` seconds since the step began, and what the
    step asks for before the next one: ``hold_s`` and ``samples`` calls of the candidate."""

    step: int = 0
    steps: int = 1
    held_s: float = 0.0
    hold_s: float = 0.0
    samples: int = 0


class ArmValue(Struct, frozen=True, kw_only=True):
    """A metric's value in one arm and its interval, in the unit of the evidence; null while there is none."""

    n: int
    units: int
    value: float | None
    low: float | None
    high: float | None


class Evidence(Struct, frozen=True, kw_only=True):
    """How the arms compare in one metric. All intervals hold at ``level`` at every moment at once.

    ``unit`` is ``share``, ``ms``, ``currency`` or ``score``. ``difference`` is candidate minus stable in that unit;
    where ``relative`` it is that difference as a share of the stable arm's value (0.1: a tenth more), and so are its
    limits and ``margin``. ``says`` is a sentence for people.
    """

    metric: str
    unit: Literal["share", "ms", "currency", "score"]
    better: Better
    relative: bool
    margin: float
    level: float
    stable: ArmValue
    candidate: ArmValue
    difference: float | None
    low: float | None
    high: float | None
    outcome: Outcome
    says: str


class Decision(Struct, frozen=True, kw_only=True):
    """What to do and why. ``rule`` is the text of the rule that decided and ``number`` its place from 1; empty and 0
    where none held (``wait``). ``reason`` is for people."""

    action: Action
    rule: str = ""
    number: int = 0
    reason: str
    evidence: tuple[Evidence, ...] = ()
