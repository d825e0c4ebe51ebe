"""What policies would have done with calls that were recorded: which they would have refused, which sent elsewhere.

Each kind of call is judged twice, by what is in force and by what is proposed, over the targets that its name has now.
Pure. A call is *refused* where none of its targets is left, and *re-routed* where the one that answered is forbidden
and another is left; *allowed again* where policies in force forbid it and the proposed do not.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

import msgspec
from msgspec import Struct

from trimtab.gateway.policed import Stated, what_is
from trimtab.gateway.route import Target
from trimtab.governance.policy_eval import MEMORY, Engine, Facts, Verdict, What, Who

Outcome = Literal["refused", "rerouted", "allowed_again", "unchanged", "unknown"]
MOST_LINES: Final = 200
_SECONDS: Final = {"now": 60, "hour": 3600, "weekday": 86_400}


class Kind(Struct, frozen=True, kw_only=True):
    """So many calls that policies cannot tell apart. ``seen`` are values by name (`telemetry.decided.SEEN`); times are
    buckets since the epoch."""

    who: Who
    asked: str
    chosen: str
    provider: str
    app: str
    environment: str
    data_class: str
    seen: Mapping[str, str]
    calls: int
    trace_id: str
    last_ms: int


class PolicyLine(Struct, frozen=True, kw_only=True):
    """What becomes of one kind. ``to`` is the model that would answer instead."""

    outcome: Outcome
    calls: int
    key: str
    key_name: str
    app: str
    environment: str
    model: str
    chosen: str
    provider: str
    to: str
    data_class: str
    set: str
    policy: str
    reason: str
    trace_id: str
    last: int
    """Unix ms."""


class PolicyShare(Struct, frozen=True, kw_only=True):
    """Calls of one key, app or policy: how many would be refused or re-routed."""

    name: str
    refused: int
    rerouted: int


class PolicyEffect(Struct, frozen=True, kw_only=True):
    """Counts of calls, and the kinds whose outcome changes, those with the most calls first."""

    calls: int
    refused: int
    rerouted: int
    allowed_again: int
    unchanged: int
    unknown: int
    lines: list[PolicyLine]
    by_key: list[PolicyShare]
    by_app: list[PolicyShare]
    by_policy: list[PolicyShare]
    notes: list[str]


class Judge:
    """One engine's verdicts on recorded calls."""

    def __init__(self, engine: Engine | None, stated: Stated) -> None:
        self._engine = engine
        self._stated = stated
        self._seen = () if engine is None else tuple(MEMORY[name] for name in engine.seen["call_model"])
        self._whats: dict[str, What] = {}

    def verdict(self, who: Who, target: Target, facts: Facts) -> Verdict | None:
        """None where it is allowed."""
        if self._engine is None:
            return None
        key = (who.kind, who.id, target.model.name, *[read(facts) for read in self._seen])
        verdict = self._engine.known(key)
        if verdict is None:
            name = target.model.name
            what = self._whats.get(name)
            if what is None:
                what = self._whats[name] = what_is(target, self._stated)
            verdict = self._engine.decide("call_model", who, what, facts, key)
        return None if verdict.allowed else verdict


Targets = Callable[[Kind], Sequence[Target]]
"""The targets that a kind of call has now, in order; none where its name means nothing any more."""


def effect(kinds: Sequence[Kind], targets: Targets, before: Judge, after: Judge, stated: Stated) -> PolicyEffect:
    """What the change from one to the other would have done."""
    lines = [_line(kind, targets(kind), before, after, stated) for kind in kinds]
    counts: Counter[Outcome] = Counter()
    for line in lines:
        counts[line.outcome] += line.calls
    changed = [line for line in lines if line.outcome not in ("unchanged", "unknown")]
    changed.sort(key=lambda line: -line.calls)
    return PolicyEffect(
        calls=sum(counts.values()),
        refused=counts["refused"],
        rerouted=counts["rerouted"],
        allowed_again=counts["allowed_again"],
        unchanged=counts["unchanged"],
        unknown=counts["unknown"],
        lines=changed[:MOST_LINES],
        by_key=_shares(changed, lambda line: line.key_name or line.key),
        by_app=_shares(changed, lambda line: line.app),
        by_policy=_shares(changed, lambda line: f"{line.set}: {line.policy}" if line.policy else line.set),
        notes=_notes(kinds, stated, len(changed), counts["unknown"]),
    )


def _line(kind: Kind, targets: Sequence[Target], before: Judge, after: Judge, stated: Stated) -> PolicyLine:
    facts = facts_of(kind, stated)
    was = [target for target in targets if before.verdict(kind.who, target, facts) is None]
    verdicts = [after.verdict(kind.who, target, facts) for target in targets]
    left = [target for target, verdict in zip(targets, verdicts, strict=True) if verdict is None]
    refusals = {t.model.name: v for t, v in zip(targets, verdicts, strict=True) if v is not None}
    why = refusals.get(kind.chosen) or next(iter(refusals.values()), None)
    outcome: Outcome = "unchanged"
    to = ""
    if not targets:
        outcome = "unknown"
    elif was and not left:
        outcome = "refused"
    elif left and not was:
        outcome, to, why = "allowed_again", left[0].model.name, None
    elif kind.chosen in refusals and kind.chosen in {target.model.name for target in was}:
        outcome, to = "rerouted", left[0].model.name
    return PolicyLine(
        outcome=outcome,
        calls=kind.calls,
        key=kind.who.id,
        key_name=kind.who.name,
        app=kind.app,
        environment=kind.environment,
        model=kind.asked,
        chosen=kind.chosen,
        provider=kind.provider,
        to=to,
        data_class=facts.data_class,
        set="" if why is None else why.set,
        policy="" if why is None else why.policy,
        reason="" if why is None else why.reason or why.sentence(),
        trace_id=kind.trace_id,
        last=kind.last_ms,
    )


def facts_of(kind: Kind, stated: Stated) -> Facts:
    """As the call's context would be now; its class also by what its key and app are of by now."""
    names = (kind.data_class, stated.keys.get(kind.who.id, ""), stated.apps.get(kind.app, ""))
    data_class = stated.classes.highest(names)
    return Facts(
        data_class=data_class,
        class_rank=stated.classes.rank(data_class),
        app=kind.app,
        environment=kind.environment,
        feature=kind.seen.get("feature", ""),
        user=kind.seen.get("user", ""),
        tags=_tags(kind.seen.get("tags", "")),
        at_s=_at(kind),
    )


def _tags(text: str) -> tuple[str, ...]:
    return msgspec.json.decode(text, type=tuple[str, ...]) if text else ()


def _at(kind: Kind) -> int:
    """A time in the finest bucket it is known by."""
    for name, seconds in _SECONDS.items():
        if name in kind.seen:
            return int(kind.seen[name]) * seconds
    return kind.last_ms // 1000


def _shares(lines: Sequence[PolicyLine], name: Callable[[PolicyLine], str]) -> list[PolicyShare]:
    refused: Counter[str] = Counter()
    rerouted: Counter[str] = Counter()
    for line in lines:
        if line.outcome != "allowed_again":
            (refused if line.outcome == "refused" else rerouted)[name(line)] += line.calls
    names = sorted({*refused, *rerouted}, key=lambda each: (-refused[each] - rerouted[each], each))
    return [PolicyShare(name=each, refused=refused[each], rerouted=rerouted[each]) for each in names]


def _notes(kinds: Sequence[Kind], stated: Stated, changed: int, unknown: int) -> list[str]:
    notes: list[str] = []
    bare = sum(kind.calls for kind in kinds if not kind.data_class)
    if bare:
        standard = stated.classes.standard or "none"
        as_what = f"they count as their key's, their app's, or {standard}"
        notes.append(f"{bare} calls were recorded without a data class: {as_what}.")
    if unknown:
        notes.append(f"{unknown} calls named what no longer exists or runs nowhere: nothing can be said of them.")
    if changed > MOST_LINES:
        notes.append(f"{changed} kinds of calls change; the {MOST_LINES} with the most calls are listed.")
    return notes
