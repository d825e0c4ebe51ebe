"""A guard's version as the API shows it, with what its threshold was chosen with."""

from trimtab.guard.guards import REGISTRY
from trimtab.guard.points import Kept
from trimtab.guard.store import GuardVersion
from trimtab.server.bodies.guard import GuardPointView, GuardView


def guard_view(row: GuardVersion, kept: Kept | None) -> GuardView:
    return GuardView(
        name=row.name,
        version=row.version,
        spec=row.spec,
        hash=row.hash,
        author=row.author_name,
        message=row.message,
        pinned=f"{row.name}@{row.version}",
        archived=row.archived,
        created=row.created,
        point=None if kept is None else _point(kept, detector_of(row.spec.kind)),
    )


def detector_of(kind: str) -> str:
    """The version of that kind now; empty where it is gone."""
    return REGISTRY.get(kind).version if kind in REGISTRY.names() else ""


def _point(kept: Kept, detector: str) -> GuardPointView:
    chosen, checked = kept.chosen, kept.checked
    current = None if checked is None or checked.detector != detector else checked
    return GuardPointView(
        budget=chosen.budget,
        threshold=chosen.threshold,
        stage=chosen.stage,
        alarms=chosen.alarms,
        recall=chosen.recall,
        detector=chosen.detector,
        detector_now=detector,
        by=chosen.by,
        chosen=chosen.at,
        checked=checked,
        say=_say(kept, detector, outcome="" if current is None else current.outcome),
    )


def _say(kept: Kept, detector: str, outcome: str) -> str:
    """Empty where nothing is to be said."""
    if outcome == "worse":
        return "worse when checked again: no release is made with it"
    if kept.chosen.detector == detector:
        return ""
    if outcome == "fine":
        return f"chosen with detector {kept.chosen.detector}, checked with {detector}"
    return f"chosen with another detector ({kept.chosen.detector}; now {detector or 'gone'}): check it again"
