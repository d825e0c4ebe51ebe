"""How a rollout moves from one state to the next. Pure: a rollout and what is wanted give the rollout after it, or a
refusal that says why not. People and the controller use the same moves.

    start --> running <--resume-- held          direct: start --> promoted
                |  `---hold------> |
                |--advance: the next step of a canary
                `--promote --> promoted --roll_back--> rolled_back
                `--roll_back --> rolled_back
                `--stop --> stopped                 (held has the same ways out)
"""

import itertools
from typing import Any, Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from trimtab.core.errors import Conflict, InvalidRequest
from trimtab.ledger.limits import picodollars
from trimtab.releases.rules import read_rules
from trimtab.releases.types import OPEN, Plan, Rollout, State, Step

Action = Literal["advance", "hold", "resume", "promote", "roll_back", "stop"]
PAST: Final[dict[Action, str]] = {
    "advance": "advanced",
    "hold": "held",
    "resume": "resumed",
    "promote": "promoted",
    "roll_back": "rolled_back",
    "stop": "stopped",
}
DEFAULT_STEPS: Final = (
    Step(share=0.05, hold_s=600.0, samples=100),
    Step(share=0.25, hold_s=1800.0, samples=300),
    Step(share=0.5, hold_s=3600.0, samples=500),
)
"""Of a canary that names none; after the last it is promoted."""
MAX_STEPS: Final = 20
MAX_LISTED: Final = 1000
"""Values that one dimension of a segment may list."""

_FROM: Final[dict[Action, tuple[State, ...]]] = {
    "advance": ("running", "held"),
    "hold": ("running",),
    "resume": ("held",),
    "promote": OPEN,
    "roll_back": (*OPEN, "promoted"),
    "stop": OPEN,
}
_TO: Final[dict[Action, State]] = {
    "advance": "running",
    "hold": "held",
    "resume": "running",
    "promote": "promoted",
    "roll_back": "rolled_back",
    "stop": "stopped",
}


class Move(Struct, frozen=True, kw_only=True):
    """What is wanted, why, and what it was decided by (None: a person's own judgement)."""

    action: Action
    reason: str = ""
    evidence: Any = None


def moved(rollout: Rollout, move: Move, now: int) -> Rollout:
    """The rollout after that move at ``now`` (Unix ms). Raises `Conflict` where it cannot be made."""
    if rollout.state not in _FROM[move.action]:
        raise _cannot(rollout, move.action)
    if move.action == "advance":
        _check_advance(rollout)
    state = _TO[move.action]
    step = rollout.step + 1 if move.action == "advance" else rollout.step
    return replace(
        rollout,
        state=state,
        step=step,
        step_started=now if step != rollout.step else rollout.step_started,
        ended=None if state in OPEN else now,
        reason=move.reason,
        evidence=rollout.evidence if move.evidence is None else move.evidence,
        revision=rollout.revision + 1,
        updated=now,
    )


def actions(rollout: Rollout) -> tuple[Action, ...]:
    """What can be done with it now."""
    possible: list[Action] = [action for action in PAST if rollout.state in _FROM[action]]
    if not has_next(rollout):
        possible = [action for action in possible if action != "advance"]
    return tuple(possible)


def has_next(rollout: Rollout) -> bool:
    """Whether there is a further step before promotion."""
    return rollout.plan.kind == "canary" and rollout.step + 1 < len(rollout.plan.steps)


def share(rollout: Rollout) -> float:
    """The candidate's share of the traffic that it may get: of a shadow that of the calls that are copied, of segments
    that of the segment."""
    plan = rollout.plan
    if rollout.state not in OPEN:
        return 1.0 if rollout.state == "promoted" else 0.0
    if plan.kind == "canary":
        return plan.steps[rollout.step].share
    return 1.0 if plan.kind in ("segments", "direct") else plan.share


def _cannot(rollout: Rollout, action: Action) -> Conflict:
    told = {"running": "runs", "held": "is held"}.get(rollout.state, f"has ended: {rollout.state.replace('_', ' ')}")
    possible = ", ".join(each.replace("_", " ") for each in actions(rollout)) or "nothing; start another one"
    return Conflict(
        f"This rollout {told}, so it cannot {action.replace('_', ' ')}.",
        fix=f"What can be done: {possible}.",
        code="rollout_state",
    )


def _check_advance(rollout: Rollout) -> None:
    if rollout.plan.kind != "canary":
        raise Conflict(
            f"A rollout of kind {rollout.plan.kind!r} has no steps.", fix="Promote it instead.", code="rollout_state"
        )
    if not has_next(rollout):
        raise Conflict("The rollout is at its last step.", fix="Promote it instead.", code="rollout_state")


# --- plans ---


def check_plan(plan: Plan) -> Plan:
    """The plan with its steps filled in. Raises `InvalidRequest` for what cannot be meant. Rules stay as they were
    written."""
    read_rules(plan.rules, plan.kind)
    if plan.kind == "canary":
        plan = replace(plan, steps=plan.steps or DEFAULT_STEPS)
        _check_steps(plan.steps)
    elif plan.steps:
        raise _wrong(f"A rollout of kind {plan.kind!r} has no steps.", "steps", "Leave 'steps' out, or use 'canary'.")
    if plan.kind in ("ab", "shadow") and not 0 < plan.share <= 1:
        raise _wrong(f"A rollout of kind {plan.kind!r} needs a share above 0.", "share", "Give e.g. 0.5.")
    if plan.kind == "ab" and plan.share == 1:
        raise _wrong("An A/B rollout with share 1 leaves nobody to compare with.", "share", "Give e.g. 0.5.")
    _check_segment(plan)
    if plan.kind == "shadow" and plan.budget is None:
        raise _wrong("A shadow rollout needs a budget.", "budget", "Say what the copies may cost in all, e.g. '5.00'.")
    if plan.kind != "shadow" and plan.budget is not None:
        raise _wrong("Only a shadow rollout has a budget of its own.", "budget", "Leave it out.")
    if plan.budget is not None:
        picodollars(plan.budget, param="budget")
    return plan


def _check_steps(steps: tuple[Step, ...]) -> None:
    if len(steps) > MAX_STEPS:
        raise _wrong(f"A canary has at most {MAX_STEPS} steps.", "steps", "Leave some out.")
    shares = [step.share for step in steps]
    if shares[0] <= 0 or any(after <= before for before, after in itertools.pairwise(shares)):
        raise _wrong("The shares of the steps grow, from above 0.", "steps", "Order them, e.g. 0.05, 0.25, 0.5.")


def _check_segment(plan: Plan) -> None:
    segment = plan.segment
    if plan.kind != "segments":
        if segment is not None:
            raise _wrong(f"A rollout of kind {plan.kind!r} has no segment.", "segment", "Use the kind 'segments'.")
        return
    lists = () if segment is None else (segment.user, segment.session, segment.tags, segment.key)
    listed = [*lists, *(() if segment is None else segment.metadata.values())]
    if not any(listed):
        raise _wrong("A rollout by segments needs a segment.", "segment", 'Give e.g. {"tags": ["internal"]}.')
    if any(len(each) > MAX_LISTED for each in listed) or len(listed) > 50:
        raise _wrong(f"A segment lists at most {MAX_LISTED} values each.", "segment", "Use tags, or 'name*'.")
    if any(not value or len(value) > 500 for each in listed for value in each):
        raise _wrong("A value of a segment has 1 to 500 characters.", "segment", "Correct it.")


def _wrong(message: str, param: str, fix: str) -> InvalidRequest:
    return InvalidRequest(message, fix=fix, param=param)
