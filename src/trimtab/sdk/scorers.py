"""`Client.scorers`: which scorers there are, and a trial of one on a single answer; `score` runs one right here."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from trimtab.sdk.connection import Connection, path

if TYPE_CHECKING:  # importing the client loads no scorer
    from trimtab.scoring.catalog import ScorerEntry
    from trimtab.scoring.types import Sample, Tools, Verdict


class TrialVerdict(Struct, frozen=True, kw_only=True):
    """``outcome`` is ``scored`` or ``cannot_score`` (with its ``reason``), which is neither a 0 nor a pass. ``cost`` in
    US dollars is what the judging itself cost."""

    scorer: str
    version: str
    outcome: str
    value: float | None = None
    label: str = ""
    explanation: str = ""
    detail: Any = None
    reason: str = ""
    retry: bool = False
    cost: str | None = "0"


class Scorers:
    """A sample is a `trimtab.scoring.types.Sample`, or a dict with its fields."""

    def __init__(self, http: Connection) -> None:
        self._http = http

    def list(self, project: str) -> "list[ScorerEntry]":
        from trimtab.scoring.catalog import ScorerEntry

        return self._http.ask("GET", path("projects", project, "scorers"), dict[str, list[ScorerEntry]])["items"]

    def get(self, project: str, name: str) -> "ScorerEntry":
        from trimtab.scoring.catalog import ScorerEntry

        return self._http.ask("GET", path("projects", project, "scorers", name), ScorerEntry)

    def try_(
        self, project: str, scorer: str, sample: "Sample | Mapping[str, Any]", options: Mapping[str, Any] | None = None
    ) -> TrialVerdict:
        """Judge one answer on the server, which keeps nothing of it but the call of a judge that was asked."""
        body = {"scorer": scorer, "sample": sample, "options": dict(options or {})}
        return self._http.ask("POST", path("projects", project, "scorers", "try"), TrialVerdict, body=body)


def score(
    scorer: str,
    sample: "Sample | Mapping[str, Any]",
    options: Mapping[str, Any] | None = None,
    *,
    tools: "Tools | None" = None,
) -> "Verdict":
    """Judge one answer in this process, without any server: for tests of your own. ``scorer`` is a scorer's name or
    ``FILE.py:FUNCTION``. What asks a model needs ``tools``. The local embedder is used where it is installed; whoever
    scores many answers by meaning makes `trimtab.scoring.local.local_tools()` once. Not for use on an event loop."""
    import asyncio

    from trimtab.scoring.custom import load
    from trimtab.scoring.judge import configured, judge
    from trimtab.scoring.local import local_tools
    from trimtab.scoring.scorers import REGISTRY
    from trimtab.scoring.types import Sample

    found = load(scorer) if ".py:" in scorer else REGISTRY.get(scorer)
    settings = configured(found, dict(options or {}))
    read = sample if isinstance(sample, Sample) else msgspec.convert(dict(sample), Sample)
    return asyncio.run(judge(found, read, settings, tools or local_tools()))
