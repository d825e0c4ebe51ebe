"""`Client.redteam`: attacks of Trimtab's own on a release, and what broke through."""

from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct

from trimtab.sdk.connection import Connection, path
from trimtab.sdk.experiment_types import Experiment, SubjectEstimate


class Family(Struct, frozen=True, kw_only=True):
    name: str
    about: str
    owasp: list[str]


class Families(Struct, frozen=True, kw_only=True):
    items: list[Family]
    mutators: list[str]


class Tally(Struct, frozen=True, kw_only=True):
    """``rate`` is the share that broke through of those that were decided (``broken`` or ``held``) with its interval;
    ``least`` and ``most`` what it would be if all that is counted apart had held, or none."""

    attacks: int
    broken: int
    held: int
    refused: int
    blocked: int
    undecided: int
    errors: int
    rate: float | None
    low: float | None
    high: float | None
    least: float
    most: float


class Line(Struct, frozen=True, kw_only=True):
    name: str
    title: str
    tallies: list[Tally]
    untested: str = ""


class Example(Struct, frozen=True, kw_only=True):
    case_id: str
    subject: int
    family: str
    owasp: str
    technique: str
    became: str
    why: str
    trace_id: str


class RedteamReport(Struct, frozen=True, kw_only=True):
    experiment: str
    state: str
    dataset: str
    version: int
    subjects: list[str]
    total: list[Tally]
    owasp: list[Line]
    families: list[Line]
    techniques: list[Line]
    examples: list[Example]
    text: str


class Started(Struct, frozen=True, kw_only=True):
    attacks: int
    experiment: Experiment


class RedteamEstimate(Struct, frozen=True, kw_only=True):
    """``cost`` is null where a part of it is unknown (``unknown``); ``at_least`` is what the rest costs."""

    attacks: int
    calls: int
    subjects: list[SubjectEstimate]
    cost: str | None
    at_least: str
    budget: str
    over_budget: bool
    unknown: list[str]


class Redteam:
    """``more`` of `estimate` and `start`: ``families``, ``attacks``, ``mutated``, ``mutators``, ``seeds``, ``tools``,
    ``seed``, ``budget``, ``concurrency`` (docs/redteam.md)."""

    def __init__(self, http: Connection) -> None:
        self._http = http

    def families(self, project: str) -> Families:
        return self._http.ask("GET", path("projects", project, "redteam", "families"), Families)

    def estimate(self, project: str, subjects: Sequence[str], **more: Any) -> RedteamEstimate:
        """What it would cost; nothing is begun."""
        body = {"subjects": list(subjects), **more}
        return self._http.ask("POST", path("projects", project, "redteam", "estimate"), RedteamEstimate, body=body)

    def start(self, project: str, subjects: Sequence[str], **more: Any) -> Started:
        """It goes on by itself; `Client.experiments.wait` follows it."""
        body = {"subjects": list(subjects), **more}
        return self._http.ask("POST", path("projects", project, "redteam"), Started, body=body)

    def report(
        self, project: str, experiment: str, form: Literal["json", "terminal", "markdown"] = "json"
    ) -> RedteamReport:
        """Of what is there so far."""
        where = path("projects", project, "redteam", experiment, "report")
        return self._http.ask("GET", where, RedteamReport, query={"format": form})
