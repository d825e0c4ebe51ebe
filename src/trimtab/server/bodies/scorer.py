"""Bodies of the management API about scorers."""

from typing import Any, Literal

from msgspec import Struct

from trimtab.scoring.catalog import ScorerEntry
from trimtab.scoring.types import Sample, Step


class ScorerList(Struct, frozen=True, kw_only=True):
    items: list[ScorerEntry]


class TrialStep(Step, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One step of an agent, in the order they began."""


class TriedSample(Sample, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """An answer, and all that it may be judged by: what a scorer needs is said in its entry. ``messages`` are in
    OpenAI's chat shape, ``input`` is the last thing the user said, ``expected`` what the answer should be. ``repeats``
    are other answers to the same input, ``paraphrases`` answers to the same question in other words, ``other`` the
    answer it is compared with. Times are milliseconds, ``cost`` is picodollars (10^-12 US dollars)."""

    steps: tuple[TrialStep, ...] = ()


class ScorerTrial(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``options`` as the scorer's entry describes them."""

    scorer: str
    sample: TriedSample
    options: dict[str, Any] = {}


class TrialVerdict(Struct, frozen=True, kw_only=True):
    """``scored`` comes with a value, a label, or both; ``cannot_score`` with its reason, and whether asking again may
    help (``retry``): it is neither a 0 nor a pass. ``cost`` in US dollars is what the judging itself cost, null where
    that is unknown."""

    scorer: str
    version: str
    outcome: Literal["scored", "cannot_score"]
    value: float | None = None
    label: str = ""
    explanation: str = ""
    detail: Any = None
    reason: str = ""
    retry: bool = False
    cost: str | None = "0"
