"""What the figures say of a rollout now: asked of the telemetry store, judged by `releases/rules.py`.

One of these lives beside the controller (`rolling.py`), which moves rollouts by it, and serves the live comparison.
"""

from typing import Final, TypeVar

from msgspec import Struct

from trimtab.core.clock import Clock, SystemClock
from trimtab.releases.rules import Decision, Figures, Guard, Rules, Situation, decide, read_rules
from trimtab.releases.types import Rollout
from trimtab.scoring.sums import ArmFigures
from trimtab.telemetry.arms import Arm, ArmsQuestion, Asker, Metric, figures_of_arms, usual_cap

T = TypeVar("T")
MS: Final = 1_000_000
REMEMBERED: Final = 1_000
REST: Final = 4.0
"""For how many times as long as the store took for an answer it is not asked again: of millions of calls the sums take
a second, and the next million is not made in one."""
REST_MOST_S: Final = 5.0
"""And no longer, however busy the store is: a candidate that fails is not to be left alone for minutes."""


class _Known(Struct, frozen=True):
    """Figures, what they are of, and until when they are good (monotonic ns)."""

    of: tuple[int, Rules]
    figures: Figures
    until_ns: int


class RolloutJudge:
    """Implements `rolling.Judge`. For one event loop."""

    def __init__(self, asker: Asker, clock: Clock | None = None) -> None:
        self._asker = asker
        self._clock = clock or SystemClock()
        self._caps: dict[str, float | None] = {}
        self._known: dict[str, _Known] = {}

    async def __call__(self, rollout: Rollout, now: int) -> Decision:
        """``now`` is Unix ms. Raises `Unavailable` while the store is away."""
        rules = read_rules(rollout.plan.rules, rollout.plan.kind)
        return decide(rules, await self._figures(rollout, rules, now), situation(rollout, now))

    async def _figures(self, rollout: Rollout, rules: Rules, now: int) -> Figures:
        """Of both arms since the step began; those of a moment ago, where it was much work to get them."""
        of = (rollout.step_started, rules)
        began = self._clock.monotonic_ns()
        known = self._known.get(rollout.id)
        if known is not None and known.of == of and began < known.until_ns:
            return known.figures
        figures = await self._ask(rollout, rules, now)
        ended = self._clock.monotonic_ns()
        rest = min(int(REST * (ended - began)), int(REST_MOST_S * 1e9))
        _remember(self._known, rollout.id, _Known(of, figures, ended + rest))
        return figures

    async def _ask(self, rollout: Rollout, rules: Rules, now: int) -> Figures:
        other = "shadow" if rollout.plan.kind == "shadow" else "candidate"
        arms = [Arm(other, f"r{rollout.candidate}")]
        if rollout.stable is not None:
            arms.append(Arm("stable", f"r{rollout.stable}"))
        asked = ArmsQuestion(
            app=rollout.app,
            environment=rollout.environment,
            arms=tuple(arms),
            sticky=rollout.plan.sticky,
            since_ns=rollout.step_started * MS,
            until_ns=max(rollout.step_started, now) * MS + MS,
            metrics=tuple([Metric(guard.metric, await self._cap(rollout, guard)) for guard in rules.guards]),
        )
        candidate, *rest = await figures_of_arms(self._asker, rollout.project_id, asked)
        return Figures(stable=rest[0] if rest else ArmFigures(), candidate=candidate)

    async def _cap(self, rollout: Rollout, guard: Guard) -> float | None:
        """A guard's own, or for cost what hardly a call cost more than before the rollout began: asked once."""
        if guard.cap is not None or guard.metric != "cost":
            return guard.cap
        if rollout.id not in self._caps:
            cap = await usual_cap(
                self._asker, rollout.project_id, rollout.app, rollout.environment, rollout.started * MS
            )
            _remember(self._caps, rollout.id, cap)
        return self._caps[rollout.id]


def _remember(among: dict[str, T], key: str, value: T) -> None:
    among[key] = value
    if len(among) > REMEMBERED:
        del among[next(iter(among))]


def situation(rollout: Rollout, now: int) -> Situation:
    """Where a rollout is. What is no canary has one step, which asks for nothing."""
    steps = rollout.plan.steps
    step = steps[min(rollout.step, len(steps) - 1)] if steps else None
    return Situation(
        step=rollout.step,
        steps=max(1, len(steps)),
        held_s=max(0.0, (now - rollout.step_started) / 1000),
        hold_s=step.hold_s if step else 0.0,
        samples=step.samples if step else 0,
    )
