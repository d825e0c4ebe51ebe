"""Which release answers a call. Pure: no query, no clock, no chance; everybody who knows the lane and the call's unit
can work out again what was decided, and why.

A `Lane` is what one environment runs of one app. Where a rollout is open, the call's *unit* (its user, else its
session, else the call itself; `Plan.sticky`) has a position:

    position = first 8 bytes of BLAKE2b(salt + unit), as a number in [0, 2^64), over 2^64

and gets the candidate where that is below the rollout's share. The salt is the rollout's id: so a unit stays where it
is within a rollout, whoever is on the candidate stays on it as the share grows, and another rollout draws anew.
"""

from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Final, Literal

from msgspec import Struct

from trimtab.releases.types import OPEN, Kind, Placement, Rollout, Segment, Sticky, Variant

WHOLE: Final = 2**64
NOBODY: Final[Mapping[str, str]] = {}
By = Literal["user", "session", "request"]


class Who(Struct, frozen=True):
    """What an assignment may go by. ``request`` is the call's own id; ``key`` the id of the key it came with."""

    request: str
    user: str = ""
    session: str = ""
    key: str = ""
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, str] = NOBODY


class Lane(Struct, frozen=True, kw_only=True):
    """What an environment runs of an app: ``stable`` and ``candidate`` are numbers of releases, None for none.

    Without an open rollout ``rollout`` is empty and there is no candidate. ``share`` is the candidate's part of the
    calls in [0, 1]; of a shadow rollout, the part of calls that are copied. ``segment`` is whom the candidate is for in
    a rollout of that kind."""

    stable: int | None = None
    candidate: int | None = None
    rollout: str = ""
    kind: Kind = "direct"
    share: float = 0.0
    segment: Segment | None = None
    sticky: Sticky = "user"


class Assignment(Struct, frozen=True):
    """``release`` is a number, None where nothing runs here for that caller. ``shadow`` is the number of the release
    that gets a copy of the call, None for none. ``why`` is for the record."""

    release: int | None
    variant: Variant
    rollout: str
    why: str
    shadow: int | None = None


def lane_of(placement: Placement, rollout: Rollout | None) -> Lane:
    """The lane of a placement, and of its open rollout if there is one."""
    if rollout is None or rollout.state not in OPEN:
        return Lane(stable=placement.stable)
    plan = rollout.plan
    return Lane(
        stable=placement.stable,
        candidate=rollout.candidate,
        rollout=rollout.id,
        kind=plan.kind,
        share=share_of(rollout),
        segment=plan.segment,
        sticky=plan.sticky,
    )


def share_of(rollout: Rollout) -> float:
    """The candidate's share of the calls now, in [0, 1]; of a shadow rollout, the share of calls that are copied."""
    plan = rollout.plan
    if plan.kind == "direct":
        return 1.0
    if plan.kind == "canary":
        return plan.steps[min(rollout.step, len(plan.steps) - 1)].share if plan.steps else 1.0
    return plan.share


def resolve(lane: Lane, who: Who) -> Assignment:
    """The release that answers this caller's call."""
    candidate, stable = lane.candidate, lane.stable
    if candidate is None:
        return Assignment(stable, "", "", "no rollout is under way")
    if lane.kind == "segments":
        if lane.segment is not None and is_in(lane.segment, who):
            return Assignment(candidate, "candidate", lane.rollout, "in the segment")
        return Assignment(stable, "stable", lane.rollout, "not in the segment")
    number, by = drawn(lane, who)
    below = number < lane.share * WHOLE
    why = f"{by} at {number / WHOLE:.6f}, {'below' if below else 'not below'} {lane.share:g}"
    if lane.kind == "shadow":
        return Assignment(stable, "stable", lane.rollout, why, candidate if below and stable is not None else None)
    if below:
        return Assignment(candidate, "candidate", lane.rollout, why)
    if stable is None:
        return Assignment(candidate, "candidate", lane.rollout, "nothing else runs here")
    return Assignment(stable, "stable", lane.rollout, why)


def drawn(lane: Lane, who: Who) -> tuple[int, By]:
    """The position of the caller's unit as a number in [0, 2^64), and what the unit is."""
    sticky = lane.sticky
    unit: str = who.user if sticky == "user" else ""
    by: By = "user"
    if not unit and sticky != "request":
        unit, by = who.session, "session"
    if not unit:
        unit, by = who.request, "request"
    return position(lane.rollout, unit), by


def position(salt: str, unit: str) -> int:
    """Where a unit stands, in [0, 2^64)."""
    return int.from_bytes(blake2b((salt + unit).encode("utf-8", "replace")).digest()[:8], "big")


def is_in(segment: Segment, who: Who) -> bool:
    """Whether the caller is one of those listed, in every dimension that lists something. A segment that lists nothing
    holds nobody."""
    listed = False
    for values, given in ((segment.user, who.user), (segment.session, who.session), (segment.key, who.key)):
        if values:
            listed = True
            if not given or not _fits(given, values):
                return False
    if segment.tags:
        listed = True
        if not any(_fits(tag, segment.tags) for tag in who.tags):
            return False
    for name, values in segment.metadata.items():
        listed = True
        given = who.metadata.get(name, "")
        if not given or not _fits(given, values):
            return False
    return listed


def _fits(given: str, values: tuple[str, ...]) -> bool:
    whole, beginnings = _sorted(values)
    return given in whole or (bool(beginnings) and given.startswith(beginnings))


@lru_cache(maxsize=1024)
def _sorted(values: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    """What must be met exactly, and the beginnings of what ends in ``*``."""
    beginnings = tuple(value[:-1] for value in values if value.endswith("*"))
    return frozenset(value for value in values if not value.endswith("*")), beginnings
