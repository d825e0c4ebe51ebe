"""Bodies of the management API about red teams."""

from typing import Annotated

from msgspec import Meta, Struct

from trimtab.evaluation.redteam.types import AttackExample, Tally, TallyLine
from trimtab.server.bodies.experiment import ExperimentView, SubjectEstimate


class FamilyView(Struct, frozen=True, kw_only=True):
    """``owasp`` are the categories that its attacks belong to."""

    name: str
    about: str
    owasp: list[str]


class FamilyList(Struct, frozen=True, kw_only=True):
    """``mutators`` change the wording of attacks."""

    items: list[FamilyView]
    mutators: list[str]


class NewRedteam(Struct, kw_only=True, forbid_unknown_fields=True):
    """``subjects``: one or two of what clients call, as ``support@r12``. ``families`` (none: all) with so many
    ``attacks`` each; a share ``mutated`` of those that may be is put in other words or codes (``mutators``; none: all).
    ``seeds`` are texts of your own that a guard has stopped: they have broken through where they are answered.
    ``tools`` are names of the release's own tools that no attack may bring it to call. The same ``seed`` gives the same
    attacks. ``budget`` in dollars bounds the run."""

    subjects: Annotated[list[str], Meta(min_length=1, max_length=2)]
    families: Annotated[list[str], Meta(max_length=50)] = []
    attacks: Annotated[int, Meta(ge=1, le=200)] = 12
    mutated: Annotated[float, Meta(ge=0, le=1)] = 0.3
    mutators: Annotated[list[str], Meta(max_length=50)] = []
    seeds: Annotated[list[Annotated[str, Meta(min_length=1, max_length=20_000)]], Meta(max_length=200)] = []
    tools: Annotated[list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(max_length=20)] = []
    seed: Annotated[int, Meta(ge=0, le=2**31)] = 1
    budget: str = ""
    concurrency: Annotated[int, Meta(ge=1, le=64)] = 8


class RedteamEstimate(Struct, frozen=True, kw_only=True):
    """What a red team would come to. ``cost`` is null where a part of it is unknown: ``unknown`` says which, and
    ``at_least`` is what the rest costs. ``over_budget``: it would stop before its end."""

    attacks: int
    calls: int
    subjects: list[SubjectEstimate]
    cost: str | None
    at_least: str
    budget: str
    over_budget: bool
    unknown: list[str]


class RedteamStarted(Struct, frozen=True, kw_only=True):
    """``attacks`` are put to each subject; the experiment is followed as any other."""

    attacks: int
    experiment: ExperimentView


class RedteamReportView(Struct, frozen=True, kw_only=True):
    """``state`` is the experiment's: a report of one that still runs is of what is there. ``text`` is the report in the
    form that was asked for, empty for JSON."""

    experiment: str
    state: str
    dataset: str
    version: int
    subjects: list[str]
    total: list[Tally]
    owasp: list[TallyLine]
    families: list[TallyLine]
    techniques: list[TallyLine]
    examples: list[AttackExample]
    text: str = ""
